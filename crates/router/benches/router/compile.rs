//! Rules to their compiled form: large files, and files that somebody wrote to do harm.

use fieldrail_router::{RoutingFile, Rules, Severity};
use serde_json::json;

use crate::allocator::peak_of;
use crate::house::{CONDITION, House, TRANSFORM, address, direct, file, route};
use crate::rounds::{Effort, seconds_of};
use crate::table::{Row, Unit};

const ROUTES: usize = 100_000;

/// What comes of a file.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Compiled,
    Refused,
}

/// A file with its name and what comes of it.
type Case = (&'static str, fn(usize) -> RoutingFile, Answer);

const CASES: [Case; 14] = [
    ("with equal texts", direct, Answer::Compiled),
    ("with a condition and a transform of its own each", distinct, Answer::Compiled),
    ("in one chain", chain, Answer::Compiled),
    ("in one circle", circle, Answer::Refused),
    ("to one target", one_target, Answer::Refused),
    ("to one target, with a priority each", priorities, Answer::Compiled),
    ("from one source to the log", one_source, Answer::Compiled),
    ("nested 60 deep", deep, Answer::Compiled),
    ("nested too deep", too_deep, Answer::Refused),
    ("that are all broken", broken, Answer::Refused),
    ("half of them patterns that fit the other half", patterns, Answer::Compiled),
    ("that all take everything", everything, Answer::Compiled),
    ("in one chain of patterns", pattern_chain, Answer::Compiled),
    ("as one, with as many sources and targets", wide, Answer::Refused),
];

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    CASES.iter().map(|case| row(case, effort)).collect()
}

fn row((name, make, want): &Case, effort: Effort) -> Row {
    let file = make(effort.of(ROUTES));
    let ((compiled, seconds), peak) = peak_of(|| seconds_of(|| Rules::compile(&file, &House)));
    let answer = match &compiled {
        Ok(_) => Answer::Compiled,
        Err(problems) => {
            assert!(
                problems.iter().any(|problem| problem.severity == Severity::Error),
                "{name}: refused without error"
            );
            Answer::Refused
        }
    };
    if let (Err(problems), Answer::Compiled) = (&compiled, want) {
        panic!("{name}: {}", problems[0].message);
    }
    assert!(answer == *want, "{name}: not refused");
    let note = format!("{} MB at the most", peak / 1_000_000);
    Row::at_most(format!("compile {} routes {name}", effort.of(ROUTES)), 2.0, seconds, Unit::Seconds).beside(&note)
}

fn many(routes: usize, keys: impl Fn(usize) -> serde_json::Value) -> RoutingFile {
    file((0..routes).map(|n| route(n, &keys(n))))
}

fn distinct(routes: usize) -> RoutingFile {
    many(routes, |n| {
        let (condition, transform) = (format!("value > {n}"), format!("scale(0.001) | offset({n}) | round(2)"));
        json!({ "from": address(n), "to": format!("mqtt.x.{n}"), "condition": condition, "transform": transform })
    })
}

fn chain(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": format!("calc.x{n}"), "to": format!("calc.x{}", n + 1) }))
}

fn circle(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": format!("calc.x{n}"), "to": format!("calc.x{}", (n + 1) % routes) }))
}

fn one_target(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": address(n), "to": "mqtt.x.one", "transform": TRANSFORM }))
}

fn priorities(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": address(n), "to": "mqtt.x.one", "priority": n }))
}

fn one_source(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": "plc_1.x", "to": "log.system", "condition": format!("value > {n}") }))
}

fn nested(n: usize, levels: usize) -> String {
    format!("{}value > {n}{}", "(".repeat(levels), ")".repeat(levels))
}

fn deep(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": address(n), "to": format!("mqtt.x.{n}"), "condition": nested(n, 60) }))
}

fn too_deep(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": address(n), "to": format!("mqtt.x.{n}"), "condition": nested(n, 2000) }))
}

fn broken(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": format!("nowhere.{n}"), "to": "log.sytem", "condition": "valu >" }))
}

fn patterns(routes: usize) -> RoutingFile {
    many(routes, |n| match n % 2 {
        0 => json!({ "from": address(n), "to": format!("mqtt.x.{n}"), "condition": CONDITION }),
        _ => json!({ "from": format!("**.f*_{:06}", n - 1), "to": format!("calc.x{n}") }),
    })
}

fn everything(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": "**", "to": "log.system", "condition": format!("value > {n}") }))
}

fn pattern_chain(routes: usize) -> RoutingFile {
    many(routes, |n| json!({ "from": format!("calc.x{n}.*"), "to": format!("calc.x{}.{{tag}}", n + 1) }))
}

fn wide(routes: usize) -> RoutingFile {
    let from: Vec<String> = (0..routes / 2).map(address).collect();
    let to: Vec<String> = (0..routes / 2).map(|n| format!("mqtt.x.{n}")).collect();
    file([route(0, &json!({ "from": from, "to": to, "condition": CONDITION }))])
}
