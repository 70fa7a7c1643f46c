//! How fast the driver polls, beside a bare loop of the same line code, and what dead units cost the others. The peer is a
//! pymodbus server. `cargo bench -p fieldrail-driver-modbus`; `scripts/need test` installs the peer. Prints a part of
//! `benches/PLC.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unused)]

#[path = "../tests/driver/peers.rs"]
mod peers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fieldrail_driver_modbus::codec::pdu::{Request, Table};
use fieldrail_driver_modbus::line::{Framing, Line, Manner};
use fieldrail_link_serial::Place;
use fieldrail_testkit::Plugin;
use fieldrail_testkit::wire::ToPlugin;
use fieldrail_testkit::wire::daemon::{Subscribe, Subscription};
use peers::{Peer, Wire, driver, register};
use serde_json::json;

/// How long each measurement takes.
const TIME: Duration = Duration::from_secs(2);

/// How long dead units may take until they are found out.
const FOUND_OUT: Duration = Duration::from_secs(40);

/// Requests that these units have taken in a second, as the peer counts them.
fn rate(peer: &mut Peer, units: std::ops::RangeInclusive<usize>, time: Duration) -> f64 {
    let count = |peer: &mut Peer| -> u64 {
        let counts: Vec<u64> = serde_json::from_value(peer.obey(&json!({ "counts": 0 }))).unwrap();
        counts[units.clone()].iter().sum()
    };
    let (before, begun) = (count(peer), Instant::now());
    std::thread::sleep(time);
    (count(peer) - before) as f64 / begun.elapsed().as_secs_f64()
}

/// Ten requests of 100 registers, again and again, until the peer was watched for long enough.
fn bare(peer: &mut Peer) -> f64 {
    let (port, ended) = (peer.port(), Arc::new(AtomicBool::new(false)));
    let asking = std::thread::spawn({
        let ended = Arc::clone(&ended);
        move || ask_until(port, &ended)
    });
    let rate = rate(peer, 1..=1, TIME);
    ended.store(true, Ordering::Relaxed);
    asking.join().unwrap();
    rate
}

fn ask_until(port: u16, ended: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let manner = Manner { framing: Framing::Tcp, silence: Duration::ZERO, pause: Duration::ZERO };
        let place = Place::Tcp { host: "127.0.0.1".into(), port };
        let mut line = Line::open(&place, manner, TIME).await.unwrap();
        while !ended.load(Ordering::Relaxed) {
            for block in 0..10 {
                let request = Request::Read { table: Table::Input, start: block * 100, count: 100 };
                line.ask(1, &request, TIME).await.unwrap();
            }
        }
    });
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What two rates come to that were measured turn by turn, so that what else the machine does disturbs both.
struct Beside {
    ours: f64,
    theirs: f64,
    ratio: f64,
}

impl Beside {
    /// The medians of turns.
    fn of(turns: &[(f64, f64)]) -> Self {
        let each = |figure: fn(&(f64, f64)) -> f64| median(turns.iter().map(figure).collect());
        Self { ours: each(|turn| turn.0), theirs: each(|turn| turn.1), ratio: each(|turn| turn.0 / turn.1) }
    }

    fn row(&self, what: &str, unit: &str) {
        let Self { ours, theirs, ratio } = self;
        let verdict = if *ratio >= 0.95 { "met" } else { "**not met**" };
        println!("| {what} | ≥ 95 % | {:.1} % ({ours:.0} / {theirs:.0} {unit}) | {verdict} |", 100.0 * ratio);
    }
}

fn thousand_registers(turns: usize) -> Beside {
    let mut peer = Peer::tcp(&[1]);
    let registers: Vec<_> = (0..1000).map(|at| register(&format!("r{at}"), "input", at)).collect();
    let base = json!({ "host": "127.0.0.1", "port": peer.port(), "poll_ms": 1 });
    let mut driver = driver(base, &json!({ "registers": registers }));
    let mut rates = Vec::new();
    for _ in 0..turns {
        let bare = bare(&mut peer);
        driver.subscribe_patterns(&["**"]);
        driver.sample("r999");
        let polled = rate(&mut peer, 1..=1, TIME);
        driver.unsubscribe(&["**"]);
        // What is on the line comes in, and nothing more is asked.
        driver.samples_for(Duration::from_millis(100));
        // Each request is for 100 registers.
        rates.push((polled * 100.0, bare * 100.0));
    }
    Beside::of(&rates)
}

/// A line with 16 living units, which take 10 ms for an answer, and so many dead ones.
fn line(dead: u8) -> (Wire, Peer, Plugin) {
    let wire = Wire::new();
    let numbers: Vec<u8> = (1..=32).collect();
    let mut peer = Peer::serial("rtu", &wire.far, &numbers);
    peer.mute(&numbers[16..]);
    for number in &numbers {
        peer.obey(&json!({ "delay": [number, 0.01] }));
    }
    let unit =
        |number: u8| json!({ "unit": number, "name": format!("u{number}"), "registers": [register("a", "input", 5)] });
    let units: Vec<_> = (1..=16 + dead).map(unit).collect();
    let base = json!({ "device": wire.near, "baud": 115_200, "poll_ms": 1, "timeout_ms": 500 });
    let mut driver = driver(base, &json!({ "units": units }));
    driver.subscribe_patterns(&["**"]);
    driver.sample("u16.a");
    (wire, peer, driver)
}

fn dead_units(turns: usize, found_out: Duration) -> Beside {
    let (mut alone, mut beside) = (line(0), line(16));
    std::thread::sleep(found_out);
    let mut rates = Vec::new();
    for _ in 0..turns {
        let without = rate(&mut alone.1, 1..=16, 2 * TIME);
        let with = rate(&mut beside.1, 1..=16, 2 * TIME);
        rates.push((with, without));
    }
    Beside::of(&rates)
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let (turns, found_out) = if is_quick { (1, FOUND_OUT / 4) } else { (5, FOUND_OUT) };
    let registers = thousand_registers(turns);
    let dead = dead_units(turns, found_out);
    println!("## Modbus\n\n| what | wanted | measured | |\n| --- | --- | --- | --- |");
    registers.row("1,000 registers over TCP, against a bare loop of the same line code", "registers/s");
    dead.row("16 of 32 units on a serial line dead, against the 16 others alone on theirs", "answers/s");
    println!(
        "\nThe median of {turns} turns, each of both one after the other. The bare loop asks for 100 registers ten times, again and \
         again.\nOn the serial line (RTU, 115,200 baud) each living unit takes 10 ms for an answer; the dead ones have had {} s to be \
         found out.",
        found_out.as_secs()
    );
}
