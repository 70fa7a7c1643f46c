//! `make storm`: a thousand random events at simulated devices, with the built daemon and its real driver processes.
//!
//! Four devices storm at the same time: a PLC, a small PLC that takes no connection for five seconds after a close, a Modbus
//! unit on TCP, and one behind a serial server. After each event all subscriptions have to deliver again within two seconds
//! after the device can be spoken with; at no moment is a value good past its deadline or one that its device never had; and
//! the device holds what the subscriptions need and nothing else. Read in this order: [`main`] the programme, `lane` the
//! events of one device, `device` what they need of it, `ads` and `modbus`, `truth` what a device vouched for, `watch` what
//! the daemon shows.

#![allow(clippy::print_stdout, reason = "it is watched by a person")]
#![allow(clippy::unwrap_used, reason = "a panic is how it fails")]

mod ads;
mod device;
mod lane;
mod modbus;
mod truth;
mod watch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use fieldrail_driver_modbus::line::Framing;
use fieldrail_tests::{House, Random, wait_for};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::ads::Ads;
use crate::device::{Device, Event, Shared, SharedTruth};
use crate::lane::{BACK, Lane};
use crate::modbus::Modbus;
use crate::truth::Truth;
use crate::watch::{DEADLINE, Watcher};

/// How long the house may take until everything is good for the first time.
const START: Duration = Duration::from_mins(1);

/// Random events at simulated devices: subscriptions come back, nothing is good too long, nothing is left.
#[derive(Debug, Clone, Parser)]
struct Plan {
    /// Events, over all devices.
    #[arg(long, default_value_t = 1000)]
    events: u64,
    /// Decides what happens when; without it each run has another one.
    #[arg(long)]
    seed: Option<u64>,
    /// Never kill a driver.
    #[arg(long)]
    no_kills: bool,
}

fn main() {
    let plan = Plan::parse();
    let seed = plan.seed.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.as_secs() ^ u64::from(since.subsec_nanos())
    });
    println!("{plan:?}\nseed {seed}");
    let report = run(&plan, seed);
    println!("{}", report.said);
    if !report.findings.is_empty() {
        std::process::exit(1);
    }
}

/// What came of a storm.
struct Report {
    said: String,
    findings: Vec<String>,
}

/// Runs the plan.
fn run(plan: &Plan, seed: u64) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut random = Random::new(seed);
    let mut lanes = lanes(runtime.handle(), plan.events, &mut random);
    let house = house(&lanes).kept();
    let points = lanes.iter().flat_map(|lane| {
        let truth = &lane.truth;
        lane.addresses().into_iter().map(|(address, tag)| (address, truth.clone(), tag))
    });
    let points: Vec<_> = points.collect();
    let count = points.len();
    let mut watcher = Watcher::start(house.address(), house.cookie(), points);
    wait_for("everything is good", START, || {
        let seen = watcher.seen.lock();
        (seen.shown.values().filter(|shown| shown.good).count() == count).then_some(())
    });
    let begun = Instant::now();
    thread::scope(|scope| {
        for (number, lane) in (1_u64..).zip(&mut lanes) {
            let (house, seen) = (&house, watcher.seen.clone());
            let kills = !plan.no_kills;
            scope.spawn(move || lane.run(house, &seen, seed.wrapping_mul(31).wrapping_add(number), kills));
        }
    });
    let took = begun.elapsed();
    watcher.end();
    for lane in &mut lanes {
        lane.end(&house);
    }
    report(&lanes, &watcher, took, seed)
}

/// The devices, with their shares of the events: the small PLC takes longer for each.
fn lanes(runtime: &Handle, events: u64, random: &mut Random) -> Vec<Lane> {
    // An address of its own, which no other program of this machine takes while a device is away.
    let third = u8::try_from(random.between(1, 250)).unwrap();
    let process = std::process::id().to_le_bytes();
    let lane = |host: u8, id, share: u64, make: &dyn Fn(SocketAddr, SharedTruth) -> Box<dyn Device>| {
        let truth = Shared::new(Truth::default());
        let address = Ipv4Addr::new(127, process[0].clamp(1, 250), third, host);
        let device = make(SocketAddr::from((address, 0)), truth.clone());
        Lane::new(id, share, device, truth)
    };
    let small = events * 16 / 100;
    let each = (events - small) / 3;
    vec![
        lane(1, "plc", events - small - 2 * each, &|at, truth| Box::new(Ads::new(runtime, at, false, truth))),
        lane(2, "cx8090", small, &|at, truth| Box::new(Ads::new(runtime, at, true, truth))),
        lane(3, "meter", each, &|at, truth| Box::new(Modbus::new(runtime, at, Framing::Tcp, truth))),
        lane(4, "bus", each, &|at, truth| Box::new(Modbus::new(runtime, at, Framing::Rtu, truth))),
    ]
}

fn house(lanes: &[Lane]) -> House {
    let connection = |lane: &Lane| {
        let (driver, config) = lane.device.lock().connection();
        json!({ "id": lane.id, "driver": driver, "config": config })
    };
    let connections: Vec<Value> = lanes.iter().map(connection).collect();
    let house = House::new(&json!(connections), &json!([]));
    let about = json!({ "deadline_s": DEADLINE.as_secs_f64() });
    let points: BTreeMap<String, Value> =
        lanes.iter().flat_map(Lane::addresses).map(|(address, _)| (address, about.clone())).collect();
    house.put("datapoints.json", &json!({ "version": "1.0", "datapoints": points }));
    house
}

/// So many of these took no longer, in milliseconds.
fn percentile(sorted: &[Duration], per_cent: usize) -> u128 {
    let at = (sorted.len() * per_cent).div_ceil(100).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).map_or(0, Duration::as_millis)
}

fn row(name: &str, mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let over = times.iter().filter(|time| **time > BACK).count();
    let [half, most, nearly_all, all] = [50, 95, 99, 100].map(|per_cent| percentile(&times, per_cent));
    format!(
        "{name:14} {:5} events, back after {half:5} ms (half) {most:5} ms (95 %) {nearly_all:5} ms (99 %) {all:5} ms (all); \
         {over} over {} ms",
        times.len(),
        BACK.as_millis()
    )
}

fn report(lanes: &[Lane], watcher: &Watcher, took: Duration, seed: u64) -> Report {
    let mut said = String::new();
    let mut by_event: BTreeMap<Event, Vec<Duration>> = BTreeMap::new();
    let mut all = Vec::new();
    for lane in lanes {
        let times: Vec<Duration> = lane.outcomes.iter().map(|outcome| outcome.back).collect();
        let most = lane.outcomes.iter().map(|outcome| outcome.with_rest).max().unwrap_or_default();
        let most = format!("with the silence after a close {} ms at most", most.as_millis());
        let _ = writeln!(said, "{}; {most}; {}", row(lane.id, times), lane.device.lock().manners());
        for outcome in &lane.outcomes {
            by_event.entry(outcome.event).or_default().push(outcome.back);
            all.push(outcome.back);
        }
    }
    for (event, times) in by_event {
        let _ = writeln!(said, "{}", row(event.name(), times));
    }
    let events = all.len();
    let _ = writeln!(said, "{}", row("all", all));
    let _ = writeln!(said, "{}", watcher.summary());
    let mut findings = watcher.seen.lock().findings.clone();
    findings.extend(lanes.iter().flat_map(|lane| lane.findings.iter().cloned()));
    for finding in &findings {
        let _ = writeln!(said, "FINDING {finding}");
    }
    let _ = write!(
        said,
        "storm: {events} events in {} s, {} findings; held by the devices at the end: nothing unless said above (seed {seed})",
        took.as_secs(),
        findings.len()
    );
    Report { said, findings }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_storm_everything_is_back_in_two_seconds_nothing_was_good_too_long_and_nothing_is_left() {
        let plan = Plan { events: 48, seed: None, no_kills: true };
        let report = run(&plan, 20);
        assert!(report.findings.is_empty(), "{}", report.said);
    }

    #[test]
    fn percentiles_are_those_of_the_slowest() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!([50, 95, 99, 100].map(|per_cent| percentile(&times, per_cent)), [100, 190, 198, 200]);
        assert_eq!(percentile(&[], 99), 0);
    }
}
