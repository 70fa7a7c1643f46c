//! `make hostile`: every hostile plugin, one after the other beside a healthy route, once with control groups and once with them
//! forced off. Prints what limit each met, when it was named, and by which words.

#![allow(clippy::print_stdout, reason = "it is watched by a person")]
#![allow(clippy::unwrap_used, reason = "a panic is how it fails")]

use std::time::Duration;

use clap::Parser;
use fieldrail_testkit::Mosquitto;
use fieldrail_tests::House;
use fieldrail_tests::hostile::cases::CASES;
use fieldrail_tests::hostile::{Neighbour, Outcome, PLUGINS, Trial};
use serde_json::json;

/// Each hostile plugin is contained and named within five seconds of passing its limit or deadline.
#[derive(Debug, Clone, Parser)]
struct Plan {
    /// Only those whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// What a start may take on a loaded machine, in milliseconds, beyond the five seconds of the promise.
    #[arg(long, default_value_t = 0)]
    allowance_ms: u64,
}

fn main() {
    let plan = Plan::parse();
    for cgroups in [true, false] {
        println!("\n== control groups {}", if cgroups { "as this machine has them" } else { "forced off" });
        println!("{:15} {:20} {:10} {:>7}  {:20} named by", "plugin", "limit", "held by", "after", "state");
        let broker = Mosquitto::start();
        let house = House::new(&json!([Neighbour::connection(broker.port())]), &json!([Neighbour::route()]));
        let house = house.with_plugins(PLUGINS);
        house.put("fieldrail.json", &json!({ "version": "1.0", "listen": "127.0.0.1:0", "cgroups": cgroups }));
        house.put("secrets.json", &json!({ "version": "1.0", "secrets": {} }));
        let house = house.kept();
        let neighbour = Neighbour::start(&house, broker.port());
        let trial = Trial { allowance: Duration::from_millis(plan.allowance_ms), ..Trial::new(&house) };
        let mut slowest = Duration::ZERO;
        let mut count = 0;
        let cases = CASES.iter().filter(|case| case.name.contains(&plan.only) && trial.has_walls_for(case));
        trial.run(cases, |outcome| {
            slowest = slowest.max(outcome.named.unwrap_or_default());
            count += 1;
            println!("{}", line(outcome));
        });
        let arrived = neighbour.finish(&house);
        let slowest = slowest.as_secs_f64();
        println!(
            "{count} contained; the slowest was named after {slowest:.2} s. The route: {arrived} of {arrived} values, in order."
        );
    }
}

/// A row of the table.
fn line(outcome: &Outcome) -> String {
    let case = outcome.case;
    let after = outcome.named.map_or("-".into(), |named| format!("{:.2} s", named.as_secs_f64()));
    let words: String = outcome.words.chars().take(100).collect();
    format!("{:15} {:20} {:10} {after:>7}  {:20} {words}", case.name, case.wall, holder(outcome), case.state)
}

/// Who holds the limit that it met, as its card said.
fn holder(outcome: &Outcome) -> String {
    let what = match outcome.case.wall {
        "memory_mb" => "memory",
        "max_cpu_share" => "processor",
        "processes" => "processes",
        "open_files" => "open_files",
        wall if wall.starts_with("disk_mb") => "disk",
        "files" => "files",
        "network" => "network",
        "signals" => "signals",
        "privileges" => "privileges",
        "offspring" => "offspring",
        "clock_settime" | "settimeofday" | "ptrace" | "mount" | "unshare" | "no children" => "calls",
        _ => return "daemon".into(),
    };
    let walls = outcome.walls.as_array().cloned().unwrap_or_default();
    let held = walls.iter().find(|wall| wall["what"] == what);
    held.and_then(|wall| wall["by"].as_str()).unwrap_or("?").to_owned()
}
