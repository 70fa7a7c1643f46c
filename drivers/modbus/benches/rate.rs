//! How fast the driver polls, beside a bare loop of the same line code, and what dead units cost the others. The peer is a
//! pymodbus server. `cargo bench -p fieldrail-driver-modbus`; `scripts/need test` installs the peer.
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

/// Turns of both, so that what else the machine does disturbs both.
const TURNS: usize = 9;

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn thousand_registers() {
    let mut peer = Peer::tcp(&[1]);
    let registers: Vec<_> = (0..1000).map(|at| register(&format!("r{at}"), "input", at)).collect();
    let base = json!({ "host": "127.0.0.1", "port": peer.port(), "poll_ms": 1 });
    let mut driver = driver(base, &json!({ "registers": registers }));
    let mut ratios = Vec::new();
    for _ in 0..TURNS {
        let bare = bare(&mut peer);
        driver.subscribe_patterns(&["**"]);
        driver.sample("r999");
        let polled = rate(&mut peer, 1..=1, TIME);
        driver.unsubscribe(&["**"]);
        // What is on the line comes in, and nothing more is asked.
        driver.samples_for(Duration::from_millis(100));
        println!("1000 registers: bare loop {:.0} registers/s, driver {:.0} registers/s", bare * 100.0, polled * 100.0);
        ratios.push(polled / bare);
    }
    println!("1000 registers: the driver reaches {:.1} % of the bare loop (median)", 100.0 * median(ratios));
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

fn dead_units() {
    let (mut alone, mut beside) = (line(0), line(16));
    // The dead ones are found out first.
    std::thread::sleep(Duration::from_secs(40));
    let mut ratios = Vec::new();
    for _ in 0..TURNS {
        let without = rate(&mut alone.1, 1..=16, 3 * TIME);
        let with = rate(&mut beside.1, 1..=16, 3 * TIME);
        println!("32 units on RTU: 16 alone {without:.1} answers/s, beside 16 dead ones {with:.1} answers/s");
        ratios.push(with / without);
    }
    println!("16 of 32 units dead: the others keep {:.1} % of their rate (median)", 100.0 * median(ratios));
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--bench") {
        thousand_registers();
        dead_units();
    }
}
