//! What `fieldrail check` is worth: 300 mistakes that owners make, of which it has to find 95 in 100, and 100 configurations
//! without a mistake, of which it has to say nothing.
//!
//! Read in this order: [`home`] how a valid configuration is written, [`energy`] and [`rooms`] what it is about, [`mistakes`]
//! what is done wrong in it, [`checked`] how the built program is asked. Everything comes from one seed, so that a run can be
//! had again.
//!
//! What is missed, one or two in a hundred with any seed: a computed datapoint that is misspelt where it is written, if no route
//! takes it and nothing is said of it in `datapoints.json` (any name may be meant); a result of a `map` that is misspelt and
//! that no test of the route looks at; a number step on several truth values of which one is not declared. Not among the mistakes
//! is what no reader of the files could see: another instance that there is, another tag of it, another threshold.

#![allow(clippy::unwrap_used)] // in what only tests call, a panic is how a test fails

mod checked;
mod energy;
mod home;
mod mistakes;
mod rooms;

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use checked::{Finding, Job, Said, check_all};
use fieldrail_tests::Random;
use home::{Home, ROUTES};
use mistakes::{CLASSES, Mutant, mutants};

const SEED: u64 = 0xf1e1_d0a1;
/// Valid configurations.
const HOMES: u64 = 100;
/// Mutants of each class.
const OF_EACH: usize = 15;
/// So many of all mutants have to be found.
const WANTED_PERCENT: usize = 95;

fn homes() -> Vec<Home> {
    (SEED..SEED + HOMES).map(Home::of).collect()
}

#[test]
fn nothing_is_said_of_a_hundred_valid_configurations() {
    let jobs: Vec<Job> = homes().iter().map(|home| Job::of(home, home.routing_text())).collect();
    let said = check_all(&jobs);
    let is_alarm = |(_, said): &(usize, &Said)| said.failed || !said.findings.is_empty();
    let alarms = said.iter().enumerate().filter(is_alarm).map(|(nth, said)| format!("house {nth}: {}", said.shown()));
    let alarms: Vec<String> = alarms.collect();
    assert!(alarms.is_empty(), "{} false alarms:\n{}", alarms.len(), alarms.join("\n"));
}

#[test]
fn of_three_hundred_mistakes_at_least_ninety_five_per_cent_are_found() {
    let mutants = mutants(&homes(), OF_EACH, &mut Random::new(SEED));
    let jobs: Vec<Job> = mutants.iter().map(|mutant| Job::of(&mutant.home, mutant.routing_text())).collect();
    let said = check_all(&jobs);
    let (mut table, mut missed, mut found_in_all) = (String::new(), String::new(), 0);
    for class in &CLASSES {
        let of_class = mutants.iter().zip(&said).filter(|(mutant, _)| mutant.class.name == class.name);
        let (found, not): (Vec<_>, Vec<_>) = of_class.partition(|(mutant, said)| is_found(mutant, said));
        for (Mutant { mistake, .. }, said) in &not {
            let (routes, what) = (mistake.routes.join(", "), &mistake.what);
            let _ = writeln!(missed, "{} in {routes}: {what}\n    said: {}", class.name, said.shown());
        }
        found_in_all += found.len();
        let _ = writeln!(table, "{:<28} {:>3}/{}", class.name, found.len(), found.len() + not.len());
    }
    let _ = writeln!(table, "{:<28} {found_in_all:>3}/{}\n\nmissed:\n{missed}", "all", mutants.len());
    println!("{table}");
    assert!(found_in_all * 100 >= mutants.len() * WANTED_PERCENT, "{table}");
}

/// Whether something was said of the mistake: it names one of the routes that the mistake is about, at one of the keys that it
/// is about; of a file that is no JSON any more, the file and the line.
fn is_found(mutant: &Mutant, said: &Said) -> bool {
    let Mutant { class, mistake, .. } = mutant;
    if mistake.text.is_some() {
        return said.failed && said.findings.iter().any(|finding| finding.file == "routing.json" && finding.line > 0);
    }
    let names = |finding: &Finding| mistake.routes.iter().any(|id| finding.message.contains(&format!("`{id}`")));
    let at_key = |finding: &Finding| {
        let key = finding.key.strip_prefix("routes[").and_then(|rest| rest.split_once("].")).map_or("", |(_, key)| key);
        // A test of the route that fails tells of the mistake as well.
        class.keys.iter().chain(&["tests"]).any(|wanted| !key.is_empty() && key.starts_with(wanted))
    };
    said.findings.iter().any(|finding| names(finding) && at_key(finding))
}

/// What has to occur in the configurations, so that the mistakes have their places.
const OCCURRING: [&str; 48] = [
    "scale(",
    "offset(",
    "round",
    "clamp(",
    "invert",
    "map(",
    "bit(",
    "bool",
    "int",
    "float",
    "text(",
    "json(",
    "expr(",
    "template(",
    "on_change",
    "deadband(",
    "throttle(",
    "debounce(",
    "hysteresis(",
    "delta",
    "rate(",
    "integrate(",
    "avg(",
    "min(",
    "max(",
    "sum(",
    "count(",
    "median(",
    "last(",
    "\"condition\"",
    "\"on_quality\"",
    "\"bidirectional\"",
    "\"priority\"",
    "\"lease_ms\"",
    "\"ttl_ms\"",
    "\"latest\"",
    "\"queued\"",
    "\"durable\"",
    "\"tests\"",
    "\"enabled\"",
    "/*/",
    ".**",
    "{rest}",
    "{path}",
    "{tag}",
    "{source}",
    "dp('",
    "log.system",
];

#[test]
fn the_configurations_are_varied() {
    let homes = homes();
    let sizes: BTreeSet<usize> = homes.iter().map(|home| home.routes.len()).collect();
    let (fewest, most) = ROUTES;
    assert!(sizes.len() > 20 && sizes.iter().all(|size| (fewest..=most).contains(size)), "{sizes:?}");
    let texts: HashSet<String> = homes.iter().map(Home::routing_text).collect();
    assert_eq!(texts.len(), homes.len(), "two configurations are the same");
    for part in OCCURRING {
        assert!(texts.iter().filter(|text| text.contains(part)).count() > 3, "hardly a route has {part}");
    }
}
