//! A `routing.json` of a stranger, read as the daemon reads it, checked, taken into force, and taken into force once more in
//! another shape.
//!
//! Promises that are looked at: a file that is read is written so that it reads the same; checking is the same each time
//! and names places that are there; whatever compiles takes samples, and each sample costs a bounded number of deliveries.

use fieldrail_model::{Quality, Sample, Timestamp, Value};
use fieldrail_router::engine::MAX_COMPUTED;
use fieldrail_router::rules::MAX_PROBLEMS;
use fieldrail_router::{Outcome, Pattern, Problem, Router, RoutingFile, Rules, Severity, Tap, TapId, rehearse};
use fieldrail_store::{locate, parse_str};

use crate::house::House;
use crate::{Target, text};

/// The table's line.
pub const TARGET: Target = Target { name: "routing", run, most_bytes: 16 << 10, seeds, words };

/// Sources that get samples, at the most.
const MOST_SOURCES: usize = 24;

fn seeds() -> Vec<Vec<u8>> {
    text::files().into_iter().map(String::into_bytes).collect()
}

fn words() -> Vec<String> {
    const KEYS: [&str; 24] = [
        "version",
        "description",
        "routes",
        "id",
        "from",
        "to",
        "condition",
        "transform",
        "enabled",
        "delivery",
        "ttl_ms",
        "on_quality",
        "bidirectional",
        "priority",
        "lease_ms",
        "tests",
        "name",
        "input",
        "output",
        "points",
        "until_ms",
        "at_ms",
        "quality",
        "address",
    ];
    const PLACES: [&str; 16] = [
        "plc_001.MAIN.x",
        "plc_002.x",
        "plc_002.*",
        "plc_002.**",
        "**",
        "mqtt.broker_local.a/b",
        "mqtt.broker_local.**",
        "bt.bms_001.voltage",
        "webhook.alert_service",
        "log.system",
        "calc.y",
        "calc.{tag}",
        "{source}",
        "{rest}",
        "{path}",
        "{tag}",
    ];
    let keys = KEYS.iter().map(|key| format!("\"{key}\":"));
    let places = PLACES.iter().map(|place| format!("\"{place}\""));
    let more = [
        "\"latest\"",
        "\"queued\"",
        "\"durable\"",
        "[\"good\",\"bad\"]",
        "{\"id\":\"b\",",
        "true",
        "null",
        "{\"t\":\"u64\",\"v\":",
    ];
    keys.chain(places).chain(more.map(Into::into)).chain(text::transform_words()).collect()
}

fn run(data: &[u8]) {
    let bytes = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = match parse_str::<RoutingFile>("routing.json", text) {
        Ok(file) => file,
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            return;
        }
    };
    let written = serde_json::to_string(&file).unwrap();
    let again = parse_str::<RoutingFile>("routing.json", &written).unwrap_or_else(|fault| panic!("{fault}: {written}"));
    assert_eq!(again, file, "written and read it is another one");
    let house = House::default();
    let checked = check(&file, house);
    assert_eq!(checked.as_ref().err(), check(&file, house).as_ref().err(), "checked twice it is not the same");
    if let Err(problems) = &checked {
        told(text, &file, problems);
    }
    let Ok(rules) = checked else { return };
    told(text, &file, rules.warnings());
    told(text, &file, &rehearse(&file, &house));
    live(&file, rules, house);
}

fn check(file: &RoutingFile, house: House) -> Result<Rules, Vec<Problem>> {
    let compiled = Rules::compile(file, &house);
    if let Err(problems) = &compiled {
        assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "refused without an error");
    }
    compiled
}

/// Problems are few, and each has a place in the file.
fn told(text: &str, file: &RoutingFile, problems: &[Problem]) {
    assert!(problems.len() <= MAX_PROBLEMS, "{} problems", problems.len());
    for problem in problems {
        assert!(problem.message.len() < text.len() + 4096, "a very long message: {:.200}", problem.message);
        let nth = problem.route.as_ref().map(|id| file.routes.iter().position(|route| route.id.starts_with(id)));
        let place = match nth {
            Some(nth) => locate(text, &format!("routes[{}]", nth.expect("a route that is there"))),
            None => locate(text, problem.key),
        };
        assert!(place.is_some(), "no place: {problem:?}");
    }
}

/// In force, with samples before, between and after two reloads.
fn live(file: &RoutingFile, rules: Rules, house: House) {
    let mut router = Router::new();
    router.swap(rules);
    let pattern = Pattern::compile("**").unwrap();
    router.open_tap(TapId(1), Tap { stages: Vec::new(), pattern, route: None });
    let sources = sources(file);
    let mut now = Timestamp::from_millis(1_700_000_000_000);
    feed(&mut router, &sources, &mut now);
    if let Ok(other) = Rules::compile(&varied(file), &house) {
        router.swap(other);
        feed(&mut router, &sources, &mut now);
    }
    router.swap(Rules::compile(file, &house).unwrap());
    feed(&mut router, &sources, &mut now);
    for source in &sources {
        let _ = router.explain(source, now);
    }
}

/// Addresses that the routes take: those that are named, and of each pattern one that fits.
fn sources(file: &RoutingFile) -> Vec<String> {
    let named = file.routes.iter().flat_map(|route| &route.from.0);
    let filled = named.map(|from| if from.starts_with("**") { "plc_002.x".into() } else { from.replace('*', "x") });
    let mut sources: Vec<String> = filled.collect();
    sources.push("plc_002.x".into());
    sources.dedup();
    sources.truncate(MOST_SOURCES);
    sources
}

/// The same routes the other way round, one in two switched, and the first without its transform.
fn varied(file: &RoutingFile) -> RoutingFile {
    let mut file = file.clone();
    file.routes.reverse();
    for route in file.routes.iter_mut().step_by(2) {
        route.enabled = !route.enabled;
    }
    if let Some(first) = file.routes.first_mut() {
        first.transform = None;
    }
    file
}

fn feed(router: &mut Router, sources: &[String], now: &mut Timestamp) {
    let values = [Value::Int(7), Value::Bool(true), Value::Float(21.5), Value::text("on"), Value::Null];
    let mut out = Outcome::default();
    for (nth, value) in values.into_iter().enumerate() {
        for source in sources {
            *now = Timestamp(now.0 + [0, 1_000, 700_000, 61_000_000][nth % 4]);
            let Ok(point) = router.space.intern(source) else { continue };
            let mut sample = Sample::good(value.clone(), *now);
            if value == Value::Null {
                sample.quality = Quality::NotConnected;
            }
            router.space.watch(point);
            router.route_data(point, sample, *now, &mut out);
            bounded(router, &mut out);
            router.tick(*now, &mut out);
            router.renew(point, *now, &mut out);
            bounded(router, &mut out);
        }
    }
}

fn bounded(router: &Router, out: &mut Outcome) {
    let due = fieldrail_router::engine::MAX_DUE + 1;
    assert!(out.computed.len() <= MAX_COMPUTED * due, "{} computed samples", out.computed.len());
    for delivery in &out.deliveries {
        let target = router.target(delivery.target);
        let origin = delivery.sample.origin.as_ref().expect("a delivery tells its origin");
        assert!(origin.hops <= fieldrail_router::engine::MAX_HOPS, "{} hops to {}", origin.hops, target.address);
    }
    out.clear();
}
