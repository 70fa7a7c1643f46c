# `make run` and `make test` install what they need by name and are all that a newcomer has to know.

DRIVERS := $(notdir $(patsubst %/,%,$(dir $(wildcard drivers/*/Cargo.toml))))
PACKAGES := -p fieldrail $(addprefix -p fieldrail-driver-,$(DRIVERS))

.PHONY: run test build web bench fuzz fuzz-batteries soak hostile storm screenshots figures edits

# The demo house: simulated devices on real protocols, embedded broker, web admin.
run: build
	target/release/fieldrail demo

# Everything that has to be green, with a count at the end.
test:
	scripts/test

# Daemon, drivers and web admin, ready to run from target/release.
build: web
	cargo build --release --locked $(PACKAGES)
	scripts/plugins release

# The web admin, from source to web/dist.
web:
	scripts/need build
	scripts/web

# What is measured, beside what a user would pick instead; writes benches/ROUTER.md, PLC.md, SUPERVISION.md and RESULTS.md.
bench: build
	scripts/need test
	cargo run --release --locked -p fieldrail-benches -- router
	cargo run --release --locked -p fieldrail-benches -- plc
	cargo run --release --locked -p fieldrail-benches -- supervision
	cargo run --release --locked -p fieldrail-benches -- mqtt

# What strangers can write, fuzzed with coverage guidance: each target for FUZZ_SECONDS (600).
fuzz:
	scripts/fuzz

# Random and spoilt frames over the decoders of all batteries, a hundred million of them. FUZZ_BMS='1000000 22' for fewer and another seed.
FUZZ_BMS = 100000000
fuzz-batteries:
	cargo run --profile fuzz --locked -p fieldrail-fuzz --example batteries -- $(FUZZ_BMS)

# A durable route with its target down for 1.8 million values, and the daemon killed a hundred times. SOAK='--seed 7' and others.
soak: build
	scripts/need test
	cargo run --release --locked -p fieldrail-tests --example soak -- $(SOAK)

# Hostile plugins one after the other beside a healthy route, with control groups and without. HOSTILE='--only disk' and others.
hostile:
	scripts/need test
	cargo build --locked $(PACKAGES)
	scripts/plugins debug
	cargo run --locked -p fieldrail-tests --example hostile -- $(HOSTILE)

# A thousand random events at simulated devices: cut, stop, online change, restart, wrong answer. STORM='--seed 7' and others.
storm: build
	cargo run --release --locked -p fieldrail-tests --example storm -- $(STORM)

# Every page of the web admin as a picture, phone and desk, light and dark, German and English. README=--readme takes the README's anew.
screenshots:
	scripts/screenshots $(README)

# Eight editors of dashboards at once, four of them pages of Chromium: 5,000 edits, none lost without its author being told. EDITS='SEED=3 BY_HAND=50' and others.
edits: web
	scripts/need test
	cargo build --locked -p fieldrail
	cd tests/browser && npm ci --no-audit --no-fund --loglevel=error && $(EDITS) node dashboards-edits.mjs

# How fast the web admin is in Chromium, on the daemon in target/release if it is there; writes benches/WEB.md. FIGURES='--minutes 60' and others.
figures: web
	scripts/need test
	cd tests/browser && npm ci --no-audit --no-fund --loglevel=error && node speed.mjs $(FIGURES) && node figures.mjs && node dashboards-speed.mjs
