//! `docs/specs/routing.md` as a test: every block of routes in it does what the text around it says.
//!
//! Read in this order: [`Block`] what stands in the text, [`House`] where its routes live, then the tests. What the `tests`
//! of a route cannot show, since each of them runs one route alone, is shown at the end with a whole router.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use fieldrail_model::{IecType, Origin, Quality, Sample, Timestamp, Value};
use fieldrail_router::{
    Counters, Declared, Directory, InstanceFacts, Mode, Outcome, Pattern, Problem, RouteSpec, Router, RoutingFile,
    Rules, Severity, Stage, Tap, TapId, TargetClass, expression, rehearse, transform,
};
use serde::Deserialize;
use serde_json::Value as Json;

const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/specs/routing.md"));
const MANUALS: [&str; 2] = [
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manual/en.md")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manual/de.md")),
];

/// One fenced block of JSON.
struct Block {
    /// Its first line in the text.
    line: usize,
    /// What stands behind `json` in the line that opens it.
    kind: &'static str,
    json: String,
    /// The lines behind it that begin with an arrow.
    arrows: Vec<&'static str>,
}

impl Block {
    /// All blocks of a text.
    fn all(text: &'static str) -> Vec<Self> {
        let (mut found, mut lines) = (Vec::new(), (1..).zip(text.lines()).peekable());
        while let Some((line, opening)) = lines.next() {
            let Some(kind) = opening.strip_prefix("```json") else { continue };
            let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            let mut arrows = Vec::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with("→ ")) {
                arrows.push(line.trim_start_matches("→ "));
            }
            found.push(Self { line, kind: kind.trim(), json: body.join("\n"), arrows });
        }
        found
    }

    /// The routes of the block: one, a list, or a whole file.
    #[track_caller]
    fn file(&self) -> RoutingFile {
        let json: Json = serde_json::from_str(&self.json).unwrap_or_else(|e| panic!("line {}: {e}", self.line));
        let file = match json {
            Json::Object(ref keys) if keys.contains_key("routes") => json,
            Json::Array(_) => serde_json::json!({ "version": "1.0", "routes": json }),
            one => serde_json::json!({ "version": "1.0", "routes": [one] }),
        };
        serde_json::from_value(file).unwrap_or_else(|e| panic!("line {}: {e}", self.line))
    }
}

/// The blocks of routes that are in order.
fn examples() -> Vec<Block> {
    let is_example = |block: &Block| matches!(block.kind, "route" | "route no-test" | "file");
    let examples: Vec<Block> = Block::all(TEXT).into_iter().filter(is_example).collect();
    assert!(examples.len() > 20, "the blocks are not found any more");
    examples
}

/// The rules of the block that this route stands in.
#[track_caller]
fn example(id: &str) -> Rules {
    let file = examples().iter().map(Block::file).find(|file| file.routes.iter().any(|route| route.id == id));
    let file = file.unwrap_or_else(|| panic!("no example has the route `{id}`"));
    Rules::compile(&file, &House::of_the_text()).unwrap()
}

/// The house that a text describes.
struct House {
    instances: Vec<(&'static str, InstanceFacts)>,
    about: HashMap<String, About>,
}

/// What `datapoints.json` says of one datapoint.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    r#type: Option<IecType>,
    unit: Option<String>,
}

impl House {
    /// The house of `routing.md`.
    fn of_the_text() -> Self {
        #[derive(Deserialize)]
        struct File {
            datapoints: HashMap<String, About>,
        }
        let block = Block::all(TEXT).into_iter().find(|block| block.kind == "datapoints").unwrap();
        let file: File = serde_json::from_str(&block.json).unwrap();
        let about = file.datapoints.into_iter().map(|(address, about)| (canonical(&address).into_owned(), about));
        let state = InstanceFacts { case_insensitive: false, targets: TargetClass::State, writable: true };
        let instances = vec![
            ("plc_001", InstanceFacts { case_insensitive: true, ..state }),
            ("plc_002", state),
            ("mqtt.broker_local", state),
            ("bt.bms_001", state),
            ("webhook.alert_service", InstanceFacts { targets: TargetClass::Event, ..state }),
        ];
        Self { instances, about: about.collect() }
    }

    /// The house of the manuals: it has another broker.
    fn of_the_manuals() -> Self {
        let mut house = Self::of_the_text();
        let broker = house.instances.iter_mut().find(|(id, _)| *id == "mqtt.broker_local").unwrap();
        broker.0 = "mqtt.house";
        house
    }
}

fn canonical(address: &str) -> Cow<'_, str> {
    if address.starts_with("plc_001.") { address.to_lowercase().into() } else { address.into() }
}

impl Directory for House {
    fn instances(&self) -> Vec<(String, InstanceFacts)> {
        self.instances.iter().map(|(id, facts)| ((*id).to_owned(), *facts)).collect()
    }

    fn declared(&self, address: &str) -> Declared {
        let about = self.about.get(address).cloned();
        about.map(|About { r#type, unit }| Declared { r#type, unit }).unwrap_or_default()
    }
}

/// Everything that `fieldrail check` finds in this house.
fn check(file: &RoutingFile, house: &House) -> Vec<Problem> {
    match Rules::compile(file, house) {
        Ok(rules) => [rules.warnings(), &rehearse(file, house)].concat(),
        Err(problems) => problems,
    }
}

fn told(problems: &[Problem]) -> Vec<String> {
    let told = |problem: &Problem| match problem.severity {
        Severity::Error => problem.message.clone(),
        Severity::Warning => format!("warning: {}", problem.message),
    };
    problems.iter().map(told).collect()
}

#[test]
fn every_example_does_what_the_text_says() {
    let mut wrong = String::new();
    for block in examples() {
        let file = block.file();
        for problem in check(&file, &House::of_the_text()) {
            let route = problem.route.unwrap_or_default();
            let _ = writeln!(wrong, "line {}, {route}, {}: {}", block.line, problem.key, problem.message);
        }
        let tests = file.routes.iter().filter_map(|route| route.tests.as_ref()).flatten().count();
        if (tests > 0) == (block.kind == "route no-test") {
            let _ = writeln!(wrong, "line {}: {tests} tests in a block `{}`", block.line, block.kind);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_refused_example_is_refused_in_these_words() {
    let mut wrong = String::new();
    for block in Block::all(TEXT).into_iter().filter(|block| block.kind == "refused") {
        let found = told(&check(&block.file(), &House::of_the_text()));
        if found != block.arrows {
            let _ = writeln!(wrong, "line {}: {found:#?}", block.line);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn an_example_that_is_wrong_would_be_noticed() {
    let file = |json: &str| Block { line: 1, kind: "route", json: json.into(), arrows: Vec::new() }.file();
    let wrong =
        r#"{"id":"a","from":"plc_002.x","to":"calc.x","transform":"scale(2)","tests":[{"input":2,"output":5}]}"#;
    assert_eq!(told(&check(&file(wrong), &House::of_the_text())), ["test 1: expected 5, got 4 (good) at 0 ms"]);
}

#[test]
fn every_block_has_a_kind_that_is_looked_at() {
    const KINDS: [&str; 5] = ["route", "route no-test", "file", "refused", "datapoints"];
    for block in Block::all(TEXT) {
        assert!(KINDS.contains(&block.kind), "line {}: `{}`", block.line, block.kind);
        assert_eq!(block.kind == "refused", !block.arrows.is_empty(), "line {}", block.line);
    }
}

#[test]
fn the_routes_of_the_manuals_work() {
    for manual in MANUALS {
        let files: Vec<Block> =
            Block::all(manual).into_iter().filter(|block| block.json.contains("\"routes\"")).collect();
        assert!(!files.is_empty());
        for block in files {
            assert_eq!(told(&check(&block.file(), &House::of_the_manuals())), [""; 0], "line {}", block.line);
        }
    }
}

#[test]
fn every_key_has_an_example() {
    fn keys(json: &Json, found: &mut BTreeSet<String>) {
        match json {
            Json::Object(map) => map.iter().for_each(|(key, below)| {
                found.insert(key.clone());
                keys(below, found);
            }),
            Json::Array(list) => list.iter().for_each(|one| keys(one, found)),
            _ => {}
        }
    }
    let mut shown = BTreeSet::new();
    for block in examples() {
        keys(&serde_json::from_str(&block.json).unwrap(), &mut shown);
    }
    let schema = serde_json::to_value(schemars::schema_for!(RoutingFile)).unwrap();
    let kinds = ["RouteSpec", "RouteTest", "Moment"].map(|kind| &schema["$defs"][kind]);
    for kind in [&schema].into_iter().chain(kinds) {
        let known = kind["properties"].as_object().unwrap();
        let missing: Vec<&String> = known.keys().filter(|key| !shown.contains(*key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

/// All transforms, and all expressions in conditions and in `expr(…)`, of the examples that have tests; quoted texts
/// are taken out of them.
fn written() -> (Vec<String>, Vec<String>) {
    let (mut transforms, mut expressions) = (Vec::new(), Vec::new());
    for route in examples().iter().filter(|block| block.kind != "route no-test").flat_map(|block| block.file().routes) {
        expressions.extend(route.condition.iter().map(|text| unquoted(text)));
        for step in route.transform.iter().flat_map(|text| steps_of(&unquoted(text))) {
            expressions.extend(step.strip_prefix("expr(").map(ToOwned::to_owned));
            transforms.push(step);
        }
    }
    (transforms, expressions)
}

fn unquoted(text: &str) -> String {
    let mut quote = None;
    let mut kept = String::new();
    for c in text.chars() {
        match quote {
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => kept.push(c),
            Some(open) if open == c => quote = None,
            Some(_) => {}
        }
    }
    kept
}

/// The steps of a transform, each as written; a `|` between brackets is none between steps.
fn steps_of(text: &str) -> Vec<String> {
    let (mut steps, mut open) = (vec![String::new()], 0);
    for c in text.chars() {
        open += i32::from(c == '(') - i32::from(c == ')');
        match c {
            '|' if open == 0 => steps.push(String::new()),
            c => steps.last_mut().unwrap().push(c),
        }
    }
    steps.into_iter().map(|step| step.trim().to_owned()).collect()
}

/// The names in an expression, functions with their opening bracket.
fn names(expression: &str) -> Vec<String> {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let (mut found, mut rest) = (Vec::new(), expression);
    while let Some(start) = rest.find(is_letter) {
        let word = &rest[start..];
        let end = word.find(|c| !is_letter(c)).unwrap_or(word.len());
        let bracket = if word[end..].starts_with('(') { "(" } else { "" };
        found.push(format!("{}{bracket}", &word[..end]));
        rest = &word[end..];
    }
    found
}

#[track_caller]
fn assert_all_shown(all: impl Iterator<Item = String>, shown: &BTreeSet<String>) {
    let missing: Vec<String> = all.filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "without an example: {missing:?}");
}

#[test]
fn every_step_has_an_example() {
    let shown = written().0.iter().map(|step| step.split('(').next().unwrap().to_owned()).collect();
    assert_all_shown(transform::steps().map(|(name, _)| name.to_owned()), &shown);
}

#[test]
fn every_variable_and_function_has_an_example() {
    let shown = written().1.iter().flat_map(|text| names(text)).collect();
    assert_all_shown(expression::variables().map(ToOwned::to_owned), &shown);
    assert_all_shown(expression::functions().map(|name| format!("{name}(")), &shown);
}

#[test]
fn every_operator_has_an_example() {
    const OPERATORS: [&str; 18] =
        ["or", "||", "and", "&&", "not", "!", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"];
    let expressions = written().1.join(" ");
    let symbols = expressions.split(|c: char| !"|&!=<>+-*/%".contains(c)).map(ToOwned::to_owned);
    let shown =
        symbols.chain(names(&expressions).into_iter().map(|name| name.trim_end_matches('(').to_owned())).collect();
    assert_all_shown(OPERATORS.iter().map(|operator| (*operator).to_owned()), &shown);
}

/// A table of the text: the cells of each row below the row of headings.
fn table(headings: &str) -> Vec<Vec<&'static str>> {
    let rows = TEXT.lines().skip_while(|line| *line != headings).skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect();
    assert!(rows.len() > 5, "the table `{headings}` is not found any more");
    rows
}

#[test]
fn wrong_input_has_the_quality_and_the_note_of_the_table() {
    for row in table("| transform | value | quality | note |") {
        let [transform, value, quality, note] = row[..] else { panic!("{row:?}") };
        let [transform, value, quality] = [transform, value, quality].map(|cell| cell.trim_matches('`'));
        let route = serde_json::json!({ "id": "a", "from": "plc_002.x", "to": "calc.x", "transform": transform });
        let file: RoutingFile =
            serde_json::from_value(serde_json::json!({ "version": "1.0", "routes": [route] })).unwrap();
        let mut house = Running::new(Rules::compile(&file, &House::of_the_text()).unwrap());
        house.say("plc_002.x", serde_json::from_str::<Value>(value).unwrap());
        let point = house.router.space.find("calc.x").unwrap();
        let sample = house.router.space.sample(point).unwrap_or_else(|| panic!("{transform} of {value} says nothing"));
        let got = (&sample.value, sample.quality.to_string(), sample.note.as_deref());
        assert_eq!(got, (&Value::Null, quality.to_owned(), Some(note)), "{transform} of {value}");
    }
}

/// A router with a house around it that takes what it is told and says nothing of itself.
struct Running {
    router: Router,
    now: Timestamp,
}

impl Running {
    fn new(rules: Rules) -> Self {
        let mut router = Router::new();
        router.swap(rules);
        Self { router, now: Timestamp(0) }
    }

    fn say(&mut self, address: &str, value: impl Into<Value>) -> String {
        self.say_sample(address, Sample::good(value, self.now))
    }

    /// What is written where, as `address=value`.
    fn say_sample(&mut self, address: &str, sample: Sample) -> String {
        let point = self.router.space.intern(address).unwrap();
        let mut out = Outcome::default();
        self.router.route_data(point, sample, self.now, &mut out);
        self.show(&out)
    }

    /// Goes on to this second; what is written on the way.
    fn until(&mut self, second: i64) -> String {
        self.now = Timestamp::from_millis(second * 1000);
        let mut out = Outcome::default();
        self.router.tick(self.now, &mut out);
        self.show(&out)
    }

    fn show(&self, out: &Outcome) -> String {
        let one =
            |d: &fieldrail_router::Delivery| format!("{}={}", self.router.target(d.target).address, d.sample.value);
        out.deliveries.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn counters(&self, id: &str) -> Counters {
        self.router.routes().find(|(_, spec, _)| spec.id == id).unwrap().2.clone()
    }
}

#[test]
fn a_route_that_is_off_takes_nothing_and_needs_nothing() {
    let rules = example("night.light_off");
    assert_eq!(rules.needs().addresses, [""; 0]);
    assert_eq!(Running::new(rules).say("plc_002.night", true), "");
}

#[test]
fn a_panel_holds_its_target_for_an_hour() {
    let mut house = Running::new(example("schedule"));
    assert_eq!(house.say("plc_002.plan.flow_temperature", 35_i64), "plc_001.main.fflow=35");
    house.until(60);
    assert_eq!(house.say("mqtt.broker_local.panel/flow_temperature", 50_i64), "plc_001.main.fflow=50");
    house.until(120);
    assert_eq!(house.say("plc_002.plan.flow_temperature", 40_i64), "");
    assert_eq!(house.counters("schedule").dropped_by_priority, 1);
    assert_eq!(house.until(3659), "");
    assert_eq!(house.until(3660), "plc_001.main.fflow=40");
    assert_eq!(house.until(100_000), "");
}

#[test]
fn a_value_whose_source_is_lost_does_not_take_over() {
    let mut house = Running::new(example("schedule"));
    house.say("plc_002.plan.flow_temperature", 35_i64);
    house.say("mqtt.broker_local.panel/flow_temperature", 50_i64);
    let lost = Sample { quality: Quality::NotConnected, ..Sample::good(Value::Null, house.now) };
    house.say_sample("plc_002.plan.flow_temperature", lost);
    assert_eq!(house.until(3600), "");
    assert_eq!(house.say("plc_002.plan.flow_temperature", 40_i64), "plc_001.main.fflow=40");
}

#[test]
fn each_delivery_is_the_one_that_is_written() {
    let mut house = Running::new(example("meter"));
    let mut delivery = |address: &str, value: Value| {
        let point = house.router.space.intern(address).unwrap();
        let mut out = Outcome::default();
        house.router.route_data(point, Sample::good(value, Timestamp(0)), Timestamp(0), &mut out);
        (out.deliveries[0].mode, out.deliveries[0].ttl)
    };
    assert_eq!(delivery("plc_002.meter.kwh", Value::Float(1.5)), (Mode::Durable, None));
    assert_eq!(delivery("plc_002.doorbell", Value::Bool(true)), (Mode::Queued, Some(Duration::from_secs(30))));
    assert_eq!(delivery("plc_002.door", Value::Bool(true)), (Mode::Queued, None));
    assert_eq!(delivery("plc_002.wind", Value::Int(12)), (Mode::Latest, None));
}

#[test]
fn a_copy_from_outside_does_not_come_back() {
    let mut house = Running::new(example("light_in"));
    let copy = |value: bool| Sample {
        origin: Some(Origin { address: "plc_002.light".into(), hops: 1 }),
        ..Sample::good(value, Timestamp(0))
    };
    assert_eq!(house.say("plc_002.light", true), "mqtt.broker_local.light/out=true");
    assert_eq!(house.say_sample("mqtt.broker_local.light/in", copy(true)), "");
    assert_eq!(house.counters("light_in").dropped_by_loop, 1);
    assert_eq!(house.say("mqtt.broker_local.light/in", false), "plc_002.light=false");
}

#[test]
fn a_reload_keeps_what_the_table_says() {
    let mut file = examples().iter().map(Block::file).find(|file| file.routes[0].id == "mean").unwrap();
    let rules = |file: &RoutingFile| Rules::compile(file, &House::of_the_text()).unwrap();
    let mut house = Running::new(rules(&file));
    house.say("plc_002.pump.watts", 10_i64);
    house.say("plc_002.x", 4_i64);
    // Another description leaves the windows alone, and begins to count anew; another transform begins the window anew.
    file.routes[0].description = Some("the pump".into());
    let lowest = file.routes.iter_mut().find(|route| route.id == "lowest").unwrap();
    lowest.transform = Some("min(20s)".into());
    house.router.swap(rules(&file));
    assert_eq!((house.counters("mean").matched, house.counters("highest").matched), (0, 1));
    house.until(60);
    let value = |house: &Running, address: &str| {
        let point = house.router.space.find(address).unwrap();
        house.router.space.sample(point).map(|sample| sample.value.clone())
    };
    assert_eq!(value(&house, "calc.mean"), Some(Value::Float(10.0)));
    assert_eq!(value(&house, "calc.highest"), Some(Value::Int(4)));
    assert_eq!(value(&house, "calc.lowest"), None);
    assert_eq!(value(&house, "plc_002.x"), Some(Value::Int(4)));
}

#[test]
fn units_follow_the_steps_to_computed_datapoints() {
    let unit = |transform: &str| {
        let route = serde_json::json!({ "id": "a", "from": "mqtt.broker_local.solar/pv_power", "to": "calc.x",
            "transform": transform });
        let routes: Vec<RouteSpec> = vec![serde_json::from_value(route).unwrap()];
        let file = RoutingFile { routes, ..RoutingFile::default() };
        Rules::compile(&file, &House::of_the_text()).unwrap().unit("calc.x").map(ToOwned::to_owned)
    };
    assert_eq!(unit("avg(60s) | scale(0.001)").as_deref(), Some("kW"));
    assert_eq!(unit("integrate(1h)").as_deref(), Some("Wh"));
    assert_eq!(unit("max(1h) | round").as_deref(), Some("W"));
    assert_eq!(unit("count(1h)"), None);
    assert_eq!(unit("expr(value)"), None);
}

#[test]
fn what_is_stopped_is_seen_by_a_tap() {
    let mut house = Running::new(example("hot"));
    let tap = Tap { stages: vec![Stage::Dropped], pattern: Pattern::compile("plc_002.**").unwrap(), route: None };
    house.router.open_tap(TapId(1), tap);
    let point = house.router.space.intern("plc_002.boiler.temperature").unwrap();
    let mut out = Outcome::default();
    house.router.route_data(point, Sample::good(80_i64, Timestamp(0)), Timestamp(0), &mut out);
    let dropped: Vec<&str> =
        out.tapped.iter().filter_map(|seen| seen.dropped.map(fieldrail_router::Ran::word)).collect();
    assert_eq!(dropped, ["condition"]);
}
