//! One target under libFuzzer. Which one, `FUZZ_TARGET` says; the rest are libFuzzer's own options.
#![no_main]

use std::sync::OnceLock;

use fieldrail_fuzz::{TARGETS, Target, target};

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fn choose() {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let chosen = target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET is `{name}`, and has to be one of {names:?}"));
    assert!(CHOSEN.set(chosen).is_ok(), "libFuzzer begins once");
}

libfuzzer_sys::fuzz_target!(init: choose(), |data: &[u8]| {
    if let Some(chosen) = CHOSEN.get() {
        (chosen.run)(data);
    }
});
