//! Rules as data: routes in, problems out.

use super::*;
use crate::file::OneOrMany;

pub(crate) struct House;

impl Directory for House {
    fn instances(&self) -> Vec<(String, InstanceFacts)> {
        let state = InstanceFacts { case_insensitive: false, targets: TargetClass::State, writable: true };
        let facts = [
            ("plc_001", InstanceFacts { case_insensitive: true, ..state }),
            ("plc_002", state),
            ("mqtt.broker_local", state),
            ("bt.bms_001", state),
            ("webhook.alert_service", InstanceFacts { targets: TargetClass::Event, ..state }),
        ];
        facts.into_iter().map(|(id, facts)| (id.to_owned(), facts)).collect()
    }
}

pub(crate) fn compile(routes: &str) -> Result<Rules, Vec<Problem>> {
    let file: RoutingFile = serde_json::from_str(&format!(r#"{{"version":"1.0","routes":[{routes}]}}"#)).unwrap();
    Rules::compile(&file, &House)
}

/// All problems of the routes, one per line, as `route key: message`.
#[track_caller]
pub(crate) fn check(routes: &str, want: &str) {
    let problems = compile(routes).map_or_else(|problems| problems, |rules| rules.warnings().to_vec());
    let line = |p: &Problem| format!("{} {}: {}", p.route.as_deref().unwrap_or("-"), p.key, p.message);
    assert_eq!(problems.iter().map(line).collect::<Vec<_>>().join("\n"), want);
}

/// The first two examples of the manual, verbatim.
pub(crate) const EXAMPLES: &str = r#"
    { "id": "bms_to_plc", "from": "bt.bms_001.voltage", "to": "plc_001.MAIN.fbBattery.fVoltage",
      "transform": "scale(0.001)", "enabled": true },
    { "id": "alarm_multi_target", "from": "plc_001.MAIN.bAlarmActive",
      "to": ["mqtt.broker_local.alarms/critical", "webhook.alert_service", "log.system"],
      "condition": "value == true" }"#;

#[test]
fn the_examples_of_the_manual_are_right() {
    check(EXAMPLES, "");
    let needs = compile(EXAMPLES).unwrap().needs();
    assert_eq!(needs.addresses, ["bt.bms_001.voltage", "plc_001.main.balarmactive"]);
}

#[test]
fn a_mistake_in_a_text_has_its_place_in_characters() {
    let place = |keys: &str| {
        let problems = compile(&format!(r#"{{"id":"a","from":"plc_002.x","to":"log.system",{keys}}}"#)).unwrap_err();
        (problems[0].key, problems[0].span.map(|Place { start, end }| start..end))
    };
    assert_eq!(place(r#""condition":"vale > 5""#), ("condition", Some(0..4)));
    assert_eq!(place(r#""condition":"value == 'ö€🏠' and vale""#), ("condition", Some(19..23)));
    assert_eq!(place(r#""transform":"round(1) | rond(2)""#), ("transform", Some(11..15)));
    assert_eq!(place(r#""condition":"value >""#), ("condition", Some(7..7)));
    assert_eq!(place(r#""ttl_ms":0"#), ("ttl_ms", None));
}

#[test]
fn an_unknown_instance_is_named_with_the_near_one() {
    check(
        r#"{"id":"a","from":"plc_01.x","to":"log.system"}"#,
        "a from: `plc_01` is not an instance; did you mean `plc_001`?",
    );
    check(
        r#"{"id":"a","from":"plc_002.x","to":"mqtt.broker_locl.x"}"#,
        "a to: `mqtt.broker_locl` is not an instance; did you mean `mqtt.broker_local`?",
    );
    check(r#"{"id":"a","from":"somewhere.x","to":"log.system"}"#, "a from: `somewhere` is not an instance");
    check(r#"{"id":"a","from":"ghost.*.x","to":"log.system"}"#, "a from: no instance begins like `ghost.*.x`");
    check(r#"{"id":"a","from":["bt.*.x","**.x","b*.x","mqtt.broker_local.**","calc.*"],"to":"log.system"}"#, "");
}

#[test]
fn reserved_targets_are_only_those_that_exist() {
    check(r#"{"id":"a","from":"plc_002.x","to":"log.sytem"}"#, "a to: `log.sytem` is no target");
    check(r#"{"id":"a","from":"plc_002.x","to":"history"}"#, "a to: there is no target `history`");
    check(
        r#"{"id":"a","from":"plc_002.x","to":"system.load"}"#,
        "a to: `system.load` is Fieldrail's own and cannot be written",
    );
    check(r#"{"id":"a","from":"plc_002.x","to":"calc"}"#, "a to: a computed datapoint needs a name");
    check(r#"{"id":"a","from":"log.system","to":"calc.x"}"#, "a from: nothing comes from `log`");
    check(r#"{"id":"a","from":"system.load","to":"calc.x"}"#, "");
}

#[test]
fn addresses_that_name_no_datapoint_are_noticed() {
    check(
        r#"{"id":"a","from":"plc_002","to":"log.system"}"#,
        "a from: `plc_002` is an instance; which datapoint of it?",
    );
    check(r#"{"id":"a","from":"plc_002.x","to":"plc_001"}"#, "a to: `plc_001` is an instance; which datapoint of it?");
    check(r#"{"id":"a","from":"","to":"log.system"}"#, "a from: an address needs at least one character");
    check(r#"{"id":"a","from":[],"to":[]}"#, "a from: a route needs a source\na to: a route needs a target");
}

#[test]
fn values_that_would_drop_everything_are_refused() {
    check(
        r#"{"id":"a","from":"plc_002.x","to":"log.system","ttl_ms":0,"on_quality":[]}"#,
        "a ttl_ms: a time to live of 0 ms would drop everything\na on_quality: an empty list would drop everything",
    );
}

#[test]
fn each_route_needs_a_name_of_its_own() {
    check(
        r#"{"id":"a","from":"plc_002.x","to":"log.system"},{"id":"a","from":"plc_002.y","to":"log.system"}"#,
        "a id: a second route `a`",
    );
    check(r#"{"id":"../x","from":"plc_002.x","to":"log.system"}"#, "../x id: `../x` is no name for a route");
}

#[test]
fn a_wrong_condition_or_transform_tells_its_place() {
    check(
        r#"{"id":"a","from":"plc_002.x","to":"log.system","condition":"value = 1","transform":"skale(1)"}"#,
        "a condition: `=` assigns nothing here (at character 7)\na transform: unknown step `skale`; did you mean `scale`? (at character 1)",
    );
    check(
        r#"{"id":"a","from":"plc_002.x","to":"log.system","condition":"dp(\"plc_02.y\") > 1"}"#,
        "a condition: `plc_02` is not an instance; did you mean `plc_002`?",
    );
}

#[test]
fn two_writers_of_one_variable_are_an_error_and_of_one_event_are_not() {
    check(
        r#"{"id":"a","from":"bt.bms_001.x","to":"plc_001.Main.X"},{"id":"b","from":"bt.bms_001.y","to":"plc_001.MAIN.x"}"#,
        "b to: `plc_001.main.x` is written by the route `a` too",
    );
    check(
        r#"{"id":"a","from":"bt.bms_001.x","to":"calc.x"},{"id":"b","from":"bt.bms_001.y","to":"calc.x"}"#,
        "b to: `calc.x` is written by the route `a` too",
    );
    check(
        r#"{"id":"a","from":"bt.bms_001.x","to":["webhook.alert_service","log.system"]},{"id":"b","from":"bt.bms_001.y","to":["webhook.alert_service","log.system"]}"#,
        "",
    );
    check(
        r#"{"id":"a","from":"bt.bms_001.x","to":"plc_002.x","enabled":false},{"id":"b","from":"bt.bms_001.y","to":"plc_002.x"}"#,
        "",
    );
}

#[test]
fn circles_are_an_error() {
    check(r#"{"id":"a","from":"plc_001.x","to":"plc_001.X"}"#, "a to: the route sends `plc_001.x` to itself");
    check(
        r#"{"id":"a","from":"plc_002.x","to":"calc.y"},{"id":"b","from":"calc.y","to":"bt.bms_001.z"},{"id":"c","from":"bt.bms_001.z","to":["log.system","plc_002.x"]}"#,
        "b to: the routes run in a circle: bt.bms_001.z → plc_002.x → calc.y → bt.bms_001.z",
    );
    check(r#"{"id":"a","from":"plc_002.x","to":["calc.y","calc.z"]},{"id":"b","from":"calc.y","to":"calc.w"}"#, "");
}

#[test]
fn a_target_with_placeholders_names_its_instance() {
    check(r#"{"id":"a","from":"plc_002.**","to":"mqtt.broker_local.house/{source}/{rest}"}"#, "");
    check(r#"{"id":"a","from":"plc_002.**","to":"calc.{tag}"}"#, "");
    check(r#"{"id":"a","from":"plc_002.**","to":"mqtt.{source}.x"}"#, "a to: `mqtt` is not an instance");
    check(
        r#"{"id":"a","from":"plc_002.**","to":"{source}.x"}"#,
        "a to: the instance of `{source}.x` is not known before a sample comes",
    );
    check(
        r#"{"id":"a","from":"plc_002.**","to":"calc.{tg}"}"#,
        "a to: unknown placeholder `{tg}`; did you mean `tag`?",
    );
    check(r#"{"id":"a","from":"plc_002.**","to":"calc.*"}"#, "a to: a target has no wildcards: `calc.*`");
    check(
        r#"{"id":"a","from":"plc_002.a**","to":"calc.x"}"#,
        "a from: `**` stands for whole segments: put `.` or `/` before and behind it",
    );
}

#[test]
fn an_unknown_version_is_refused() {
    let file = RoutingFile { version: "2.0".into(), ..RoutingFile::default() };
    let problems = Rules::compile(&file, &House).unwrap_err();
    assert_eq!(problems[0].message, "version `2.0` of the format is unknown");
}

#[test]
fn needs_are_those_of_the_routes_that_are_on() {
    let rules = compile(
        r#"{"id":"a","from":["plc_002.x","bt.**"],"to":"calc.a","condition":"dp(\"plc_002.z\") > 1"},
           {"id":"b","from":"plc_002.y","to":"calc.b","enabled":false,"transform":"expr(dp(\"plc_002.w\"))"}"#,
    )
    .unwrap();
    let needs = rules.needs();
    assert_eq!(needs.addresses, ["plc_002.x", "plc_002.z"]);
    assert_eq!(needs.patterns, ["bt.**"]);
}

#[test]
fn case_does_not_matter_where_the_instance_says_so() {
    let rules = compile(
        r#"{"id":"a","from":"plc_001.MAIN.x","to":"calc.a"},{"id":"b","from":"plc_001.Main.*","to":"calc.b"},
           {"id":"c","from":"plc_002.MAIN.*","to":"calc.c"}"#,
    )
    .unwrap();
    assert_eq!(rules.routes_of("plc_001.main.x", true), [RouteIndex(0), RouteIndex(1)]);
    assert_eq!(rules.routes_of("plc_002.main.x", false), []);
    assert_eq!(rules.routes_of("plc_002.MAIN.x", false), [RouteIndex(2)]);
}

#[test]
fn the_list_of_problems_ends() {
    let routes: Vec<String> = (0..1000).map(|n| format!(r#"{{"id":"r{n}","from":"x.y","to":"z.w"}}"#)).collect();
    assert_eq!(compile(&routes.join(",")).unwrap_err().len(), MAX_PROBLEMS);
}

#[test]
fn many_warnings_neither_refuse_the_rules_nor_hide_an_error() {
    let warned = |n: usize| {
        format!(r#"{{"id":"r{n}","from":"plc_002.x{n}","to":"log.system","condition":"value > 5 and value < 3"}}"#)
    };
    let many: Vec<String> = (0..300).map(warned).collect();
    assert_eq!(compile(&many.join(",")).unwrap().warnings().len(), MAX_PROBLEMS);
    let two = r#"{"id":"a","from":"plc_002.y","to":"calc.a"},{"id":"b","from":"plc_002.z","to":"calc.a"}"#;
    let problems = compile(&format!("{},{two}", many.join(","))).unwrap_err();
    assert_eq!(problems.len(), MAX_PROBLEMS);
    assert_eq!(problems.last().unwrap().message, "`calc.a` is written by the route `a` too");
}

#[test]
fn a_chain_of_a_hundred_thousand_routes_needs_no_deep_stack() {
    let template: RouteSpec = serde_json::from_str(r#"{"id":"r","from":"calc.x","to":"calc.x"}"#).unwrap();
    let routes = (0..100_000).map(|n| RouteSpec {
        id: format!("r{n}"),
        from: OneOrMany(vec![format!("calc.p{n}")]),
        to: OneOrMany(vec![format!("calc.p{}", (n + 1) % 100_000)]),
        ..template.clone()
    });
    let mut file = RoutingFile { routes: routes.collect(), ..RoutingFile::default() };
    let problems = Rules::compile(&file, &House).unwrap_err();
    assert!(problems[0].message.starts_with("the routes run in a circle: calc.p"), "{}", problems[0].message);
    file.routes[5].enabled = false;
    assert_eq!(Rules::compile(&file, &House).unwrap().len(), 100_000);
}

#[test]
fn circles_through_patterns_are_found_too() {
    let circle = "run in a circle";
    for routes in [
        r#"{"id":"a","from":"plc_002.**","to":"calc.{rest}"},{"id":"b","from":"calc.**","to":"plc_002.{rest}"}"#,
        r#"{"id":"a","from":"plc_002.**","to":"calc.{rest}"},{"id":"b","from":"calc.x","to":"plc_002.x"}"#,
        r#"{"id":"a","from":"calc.*","to":"calc.x"}"#,
        r#"{"id":"a","from":"*.**","to":"mqtt.broker_local.all/{source}"}"#,
        r#"{"id":"a","from":"bt.*.voltage","to":"calc.v"},{"id":"b","from":"calc.*","to":"bt.bms_001.voltage"}"#,
    ] {
        let problems = compile(routes).unwrap_err();
        assert!(problems.iter().any(|problem| problem.message.contains(circle)), "{routes}: {problems:?}");
    }
    check(
        r#"{"id":"a","from":"plc_002.in.**","to":"calc.{rest}"},{"id":"b","from":"calc.**","to":"plc_002.out.{rest}"}"#,
        "",
    );
    check(r#"{"id":"a","from":"mqtt.broker_local.a/*","to":"mqtt.broker_local.b/{tag}"}"#, "");
    // Nothing comes back from the log.
    check(r#"{"id":"a","from":"**","to":"log.system"}"#, "");
}

#[test]
fn routes_in_both_directions_need_two_ends_and_a_way_back() {
    let both = |rest: &str| format!(r#"{{"id":"a","bidirectional":true,{rest}}}"#);
    check(
        &both(r#""from":"plc_002.x","to":"mqtt.broker_local.x","transform":"scale(0.1) | offset(2) | round(1)""#),
        "",
    );
    check(&both(r#""from":"plc_002.x","to":"calc.x","transform":"map(0 = \"off\", 1 = \"on\")""#), "");
    check(
        &both(r#""from":"plc_002.x","to":["calc.x","calc.y"]"#),
        "a bidirectional: a route in both directions has one address on either side",
    );
    check(&both(r#""from":"plc_002.*","to":"calc.x""#), "a bidirectional: a route in both directions has no patterns");
    check(
        &both(r#""from":"plc_002.x","to":"log.system""#),
        "a to: `log.system` cannot be read back, so no value comes from there",
    );
    check(
        &both(r#""from":"plc_002.x","to":"calc.x","transform":"scale(2) | clamp(0, 5)""#),
        "a transform: the step `clamp(0, 5)` knows no way back",
    );
    check(
        &format!(r#"{},{{"id":"b","from":"calc.y","to":"plc_002.x"}}"#, both(r#""from":"plc_002.x","to":"calc.x""#)),
        "b to: `plc_002.x` is written by the route `a` too",
    );
    let triangle = [("a", "plc_002.x", "calc.x"), ("b", "calc.x", "bt.bms_001.x"), ("c", "bt.bms_001.x", "plc_002.x")];
    let routes: Vec<String> = triangle
        .iter()
        .map(|(id, from, to)| format!(r#"{{"id":"{id}","from":"{from}","to":"{to}","bidirectional":true}}"#))
        .collect();
    assert!(compile(&routes.join(",")).is_err());
}

#[test]
fn several_writers_need_a_priority_each() {
    let with = |a: &str, b: &str| {
        format!(
            r#"{{"id":"a","from":"bt.bms_001.x","to":"calc.x"{a}}},{{"id":"b","from":"bt.bms_001.y","to":"calc.x"{b}}}"#
        )
    };
    check(&with(r#","priority":1"#, r#","priority":2,"lease_ms":5000"#), "");
    check(&with(r#","priority":1"#, ""), "b to: `calc.x` is written by the route `a` too");
    check(
        &with(r#","priority":1"#, r#","priority":1"#),
        "b priority: `calc.x` is written by the route `a` with the priority 1 too",
    );
    check(r#"{"id":"a","from":"plc_002.x","to":"calc.x","lease_ms":500}"#, "a lease_ms: a lease needs a `priority`");
    check(
        r#"{"id":"a","from":"plc_002.x","to":"calc.x","priority":1,"lease_ms":5}"#,
        "a lease_ms: a lease lasts from 100 ms to a week, not 5 ms",
    );
}

#[test]
fn conditions_that_are_never_true_are_noticed() {
    let one = |condition: &str, want: &str| {
        let condition = condition.replace('"', "\\\"");
        let want = if want.is_empty() { String::new() } else { format!("a condition: {want}") };
        check(&format!(r#"{{"id":"a","from":"plc_002.x","to":"log.system","condition":"{condition}"}}"#), &want);
    };
    one("value > 5 and value < 10", "");
    one("value > 10 and value < 5", "the condition is never true: nothing is above 10 and below 5");
    one("5 < value and value <= 5", "the condition is never true: nothing is above 5 and below 5");
    one("value >= 5 and 5 >= value", "");
    one("value == 1 and value == 2", "the condition is never true: nothing is 1 and 2 at once");
    one("value == \"on\" and not (value == \"off\")", "");
    one("value == 1 and value != 1", "the condition is never true: nothing is 1 and is not");
    one("value > 5 or value < 3", "");
    one("1 > 2", "the condition is never true: it is false for every sample");
    one("1 < 2", "it is true for every sample");
    one("quality == \"god\"", "there is no quality `god`; did you mean `good`?");
    one("reason != \"stalle\"", "there is no reason `stalle`; did you mean `stale`?");
    one("dp(\"plc_002.y\") > 5 and dp(\"plc_002.z\") < 3", "");
    one(
        "dp(\"plc_002.y\") > 5 and dp(\"plc_002.y\") < 3",
        "the condition is never true: nothing is above 5 and below 3",
    );
    check(
        r#"{"id":"a","from":"plc_002.x","to":"log.system","condition":"quality == \"bad\"","on_quality":["good"]}"#,
        "a condition: the condition is never true: it wants the quality `bad`, which `on_quality` holds back",
    );
}

#[test]
fn routes_in_the_shadow_of_another_are_noticed() {
    let pair = |a: &str, b: &str| format!(r#"{{"id":"a",{a}}},{{"id":"b",{b}}}"#);
    let wide = r#""from":"plc_002.**","to":"log.system""#;
    let narrow = r#""from":"plc_002.x","to":"log.system""#;
    let shadow = "sends the values of `plc_002.x` to the same target already";
    check(&pair(wide, narrow), &format!("b from: the route `a` {shadow}"));
    check(&pair(narrow, wide), &format!("a from: the route `b` {shadow}"));
    check(&pair(narrow, narrow), &format!("b from: the route `a` {shadow}"));
    check(&pair(narrow, &format!(r#"{narrow},"condition":"value > 1""#)), &format!("b from: the route `a` {shadow}"));
    check(&pair(narrow, &format!(r#"{narrow},"transform":"round(1)""#)), "");
    let more = r#""from":"plc_002.x","to":["log.system","webhook.alert_service"]"#;
    check(&pair(narrow, more), &format!("a from: the route `b` {shadow}"));
    check(&pair(more, narrow), &format!("b from: the route `a` {shadow}"));
    check(&pair(&format!(r#"{narrow},"condition":"value > 5""#), &format!(r#"{narrow},"condition":"value < 1""#)), "");
}

/// A house in which somebody has said what the datapoints are.
struct Declaring;

impl Directory for Declaring {
    fn instances(&self) -> Vec<(String, InstanceFacts)> {
        House.instances()
    }

    fn declared(&self, address: &str) -> Declared {
        let (r#type, unit) = match address.rsplit('.').next().unwrap_or("") {
            "volts" => (IecType::Real, "V"),
            "millivolts" => (IecType::Int, "mV"),
            "watts" => (IecType::Int, "W"),
            "kilowatts" => (IecType::Real, "kW"),
            "percent" => (IecType::Usint, ""),
            "amps" => (IecType::Real, "A"),
            "wh" => (IecType::Real, "Wh"),
            "flag" => (IecType::Bool, ""),
            "name" => (IecType::String, ""),
            _ => return Declared::default(),
        };
        Declared { r#type: Some(r#type), unit: Some(unit.into()).filter(|unit: &String| !unit.is_empty()) }
    }

    fn described(&self, beginning: &str) -> Vec<String> {
        assert_eq!(beginning, "calc.");
        vec!["calc.surplus".into(), "calc.room_1".into()]
    }
}

/// All problems of the routes in the house of [`Declaring`], one per line.
#[track_caller]
pub(crate) fn check_all_declared(routes: &str, want: &str) {
    let file: RoutingFile = serde_json::from_str(&format!(r#"{{"version":"1.0","routes":[{routes}]}}"#)).unwrap();
    let problems =
        Rules::compile(&file, &Declaring).map_or_else(|problems| problems, |rules| rules.warnings().to_vec());
    let line = |p: &Problem| format!("{} {}: {}", p.route.as_deref().unwrap_or("-"), p.key, p.message);
    assert_eq!(problems.iter().map(line).collect::<Vec<_>>().join("\n"), want);
}

#[track_caller]
pub(crate) fn check_declared(from: &str, rest: &str, to: &str, want: &str) {
    let text =
        format!(r#"{{"version":"1.0","routes":[{{"id":"a","from":"plc_002.{from}",{rest}"to":"bt.bms_001.{to}"}}]}}"#);
    let file: RoutingFile = serde_json::from_str(&text).unwrap();
    let problems =
        Rules::compile(&file, &Declaring).map_or_else(|problems| problems, |rules| rules.warnings().to_vec());
    let found: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
    assert_eq!(found.join("\n"), want);
}

#[test]
fn declared_types_and_units_are_held_against_the_route() {
    check_declared("volts", "", "amps", "values in V go to a datapoint in A (`bt.bms_001.amps`)");
    check_declared(
        "millivolts",
        "",
        "volts",
        "values in mV go to a datapoint in V without their factor of 0.001 (`bt.bms_001.volts`)",
    );
    check_declared("millivolts", r#""transform":"scale(0.001)","#, "volts", "");
    check_declared("watts", r#""transform":"integrate(1h)","#, "wh", "");
    check_declared("volts", "", "flag", "a number goes to `bt.bms_001.flag`, which is BOOL");
    check_declared("volts", r#""transform":"hysteresis(1, 2)","#, "flag", "");
    check_declared("name", "", "volts", "a text goes to `bt.bms_001.volts`, which is REAL");
    check_declared("name", r#""transform":"float","#, "volts", "");
    check_declared(
        "volts",
        r#""transform":"scale(1000)","#,
        "millivolts",
        "a number with a fraction goes to `bt.bms_001.millivolts`, which is INT",
    );
    check_declared("volts", r#""transform":"scale(1000) | round","#, "millivolts", "");
    check_declared(
        "name",
        r#""transform":"round(1) | scale(2)","#,
        "x",
        "this step takes a number, and gets a text (at character 1)",
    );
    check_declared(
        "flag",
        r#""condition":"value > 5","#,
        "x",
        "true or false and a number do not go together here (at character 1)",
    );
    check_declared(
        "volts",
        r#""condition":"value == true","#,
        "x",
        "a number and true or false do not go together here (at character 1)",
    );
    check_declared(
        "name",
        r#""condition":"value in [null, 'eco', 2]","#,
        "x",
        "a text and a number do not go together here (at character 1)",
    );
    check_declared(
        "volts",
        r#""condition":"contains(value, 'a')","#,
        "x",
        "`contains` takes a text, not a number (at character 1)",
    );
    check_declared(
        "x",
        r#""condition":"dp('plc_002.flag') > 1","#,
        "y",
        "true or false and a number do not go together here (at character 1)",
    );
}

#[test]
fn sources_of_different_units_are_noticed() {
    let two = |to: &str, want: &str| {
        check_all_declared(&format!(r#"{{"id":"a","from":["plc_002.watts","plc_002.kilowatts"],"to":"{to}"}}"#), want);
    };
    two("calc.power", "a from: values in W and in kW go to the same datapoint (`calc.power`)");
    two(
        "bt.bms_001.watts",
        "a transform: values in kW go to a datapoint in W without their factor of 1000 (`bt.bms_001.watts`)",
    );
    two("log.system", "");
}

#[test]
fn what_a_map_or_an_expression_makes_is_held_against_the_type() {
    check_declared(
        "x",
        r#""transform":"map('one' = 1, 'two' = 'two')","#,
        "watts",
        "`two` goes to `bt.bms_001.watts`, which is INT",
    );
    check_declared(
        "x",
        r#""transform":"map('on' = 255, else = 256) | on_change","#,
        "percent",
        "`256` goes to `bt.bms_001.percent`, which is USINT",
    );
    check_declared(
        "x",
        r#""transform":"map(1 = 'on', 0 = 'off')","#,
        "flag",
        "a text goes to `bt.bms_001.flag`, which is BOOL",
    );
    check_declared("x", r#""transform":"map(1 = 'on', 0 = false)","#, "flag", "");
    let fraction = "a number with a fraction goes to `bt.bms_001.watts`, which is INT";
    check_declared("watts", r#""transform":"expr(value / 690)","#, "watts", fraction);
    check_declared("watts", r#""transform":"expr(if(value > 5, value * 0.5, 0))","#, "watts", fraction);
    check_declared("watts", r#""transform":"expr(round(value / 690))","#, "watts", "");
    check_declared("watts", r#""transform":"expr(value * 2 + 1)","#, "watts", "");
}

#[test]
fn a_step_that_does_nothing_is_noticed() {
    check(
        r#"{"id":"a","from":"plc_002.x","to":"log.system","transform":"deadband(0)"}"#,
        "a transform: the step `deadband(0)` lets everything pass",
    );
}

#[test]
fn a_unit_travels_to_computed_datapoints() {
    let text = r#"{"version":"1.0","routes":[
        {"id":"b","from":"calc.mean","to":"calc.kw","transform":"scale(0.001)"},
        {"id":"a","from":"plc_002.watts","to":"calc.mean","transform":"avg(60s)"},
        {"id":"c","from":"calc.kw","to":"bt.bms_001.volts"}]}"#;
    let rules = Rules::compile(&serde_json::from_str(text).unwrap(), &Declaring).unwrap();
    assert_eq!((rules.unit("calc.mean"), rules.unit("calc.kw")), (Some("W"), Some("kW")));
    assert_eq!(rules.warnings()[0].message, "values in kW go to a datapoint in V (`bt.bms_001.volts`)");
}

#[test]
fn what_waits_on_disk_needs_a_target_that_can_be_away() {
    check(r#"{"id":"a","from":"plc_002.x","to":"webhook.alert_service","delivery":"durable"}"#, "");
    check(
        r#"{"id":"a","from":"plc_002.x","to":"calc.x","delivery":"durable"}"#,
        "a delivery: `durable` is for targets of an instance",
    );
}

#[test]
fn equal_texts_are_compiled_once() {
    let rules = compile(
        r#"{"id":"a","from":"plc_002.x","to":"calc.a","condition":"value > 1","transform":"scale(2)"},
           {"id":"b","from":"plc_002.y","to":"calc.b","condition":"value > 1","transform":"scale(2)"},
           {"id":"c","from":"plc_002.y","to":"calc.c","condition":"value > 1"}"#,
    )
    .unwrap();
    assert!(Arc::ptr_eq(&rules.routes[0].logic, &rules.routes[1].logic));
    assert!(!Arc::ptr_eq(&rules.routes[0].logic, &rules.routes[2].logic));
}

#[test]
fn regular_expressions_are_bounded() {
    let one = |n: usize, pattern: &str| {
        format!(r#"{{"id":"r{n}","from":"plc_002.x{n}","to":"log.system","condition":"matches(value, '{pattern}')"}}"#)
    };
    check(&one(1, "^on"), "");
    let large = compile(&one(1, "(a{1000}){1000}")).unwrap_err();
    assert!(large[0].message.contains("the pattern is none"), "{}", large[0].message);
    let many: Vec<String> = (0..502).map(|n| one(n, &format!("^{n}$"))).collect();
    let problems = compile(&many.join(",")).unwrap_err();
    assert_eq!(problems[0].message, "more than 500 regular expressions in one file");
}

#[test]
fn lists_are_bounded() {
    let many: Vec<String> = (0..257).map(|n| format!("\"plc_002.x{n}\"")).collect();
    let many = many.join(",");
    check(
        &format!(r#"{{"id":"a","from":[{many}],"to":"log.system"}}"#),
        "a from: a list has at most 256 sources, not 257",
    );
    check(
        &format!(r#"{{"id":"a","from":"bt.bms_001.x","to":[{many}]}}"#),
        "a to: a list has at most 256 targets, not 257",
    );
}
