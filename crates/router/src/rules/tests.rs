//! Rules as data: routes in, problems out.

use super::*;
use crate::file::OneOrMany;

pub(crate) struct House;

impl Directory for House {
    fn instances(&self) -> Vec<(String, InstanceFacts)> {
        let state = InstanceFacts { case_insensitive: false, targets: TargetClass::State };
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
fn check(routes: &str, want: &str) {
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
    check(r#"{"id":"a","from":"plc_002.x","to":"history"}"#, "a to: the target `history` is not built yet");
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
fn what_is_not_built_is_refused_and_not_ignored() {
    let keys = [("delivery", "\"durable\""), ("bidirectional", "true"), ("priority", "1"), ("tests", "[]")];
    for (key, value) in keys {
        let problems =
            compile(&format!(r#"{{"id":"a","from":"plc_002.x","to":"log.system","{key}":{value}}}"#)).unwrap_err();
        assert_eq!((problems.len(), problems[0].key), (1, key));
        assert!(problems[0].message.ends_with("is not built yet"), "{}", problems[0].message);
    }
    check(
        r#"{"id":"pv_average","from":"mqtt.broker_local.pv/state","transform":"avg(60s) | round(0)","to":"calc.pv_power_1min"}"#,
        "pv_average transform: the step `avg` is not built yet (at character 1)",
    );
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
