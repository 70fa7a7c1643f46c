//! The router in simulated time: samples in, deliveries out.

use fieldrail_model::{Origin, Quality, Value};
use proptest::prelude::*;

use super::*;
use crate::rules::tests::{EXAMPLES, compile};

const MS: i64 = 1_000;

struct Bench {
    router: Router,
    now: Timestamp,
}

fn bench(routes: &str) -> Bench {
    let mut router = Router::new();
    router.swap(compile(routes).unwrap());
    Bench { router, now: Timestamp(0) }
}

impl Bench {
    fn sample(&mut self, address: &str, sample: Sample) -> String {
        let point = self.router.space.intern(address).unwrap();
        let mut out = Outcome::default();
        self.router.route_data(point, sample, self.now, &mut out);
        self.show(&out)
    }

    fn send(&mut self, address: &str, value: impl Into<Value>) -> String {
        let sample = Sample::good(value, self.now);
        self.sample(address, sample)
    }

    /// Every delivery as `target=value`, with the quality if it is not good.
    fn show(&self, out: &Outcome) -> String {
        let one = |d: &Delivery| {
            let (address, sample) = (&self.router.target(d.target).address, &d.sample);
            let quality = if sample.quality == Quality::Good { String::new() } else { format!(" {}", sample.quality) };
            format!("{address}={}{quality}", sample.value)
        };
        out.deliveries.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn value(&self, address: &str) -> String {
        let sample = self.router.space.find(address).and_then(|point| self.router.space.sample(point));
        sample.map_or("none".into(), |sample| format!("{} {}", sample.value, sample.quality))
    }

    fn counters(&self, id: &str) -> Counters {
        self.router.routes().find(|(_, spec, _)| spec.id == id).unwrap().2.clone()
    }
}

#[test]
fn a_voltage_in_millivolts_reaches_the_plc_in_volts() {
    let mut bench = bench(EXAMPLES);
    assert_eq!(bench.send("bt.bms_001.voltage", 52_400_i64), "plc_001.main.fbbattery.fvoltage=52.4");
}

#[test]
fn an_alarm_goes_to_all_three_targets_and_its_end_to_none() {
    let mut bench = bench(EXAMPLES);
    assert_eq!(
        bench.send("plc_001.main.balarmactive", true),
        "mqtt.broker_local.alarms/critical=true, webhook.alert_service=true, log.system=true"
    );
    assert_eq!(bench.send("plc_001.main.balarmactive", false), "");
    let counters = bench.counters("alarm_multi_target");
    assert_eq!((counters.matched, counters.passed, counters.dropped_by_condition), (2, 1, 1));
}

#[test]
fn targets_know_what_they_are_and_how_they_are_delivered_to() {
    let mut bench = bench(EXAMPLES);
    let point = bench.router.space.intern("plc_001.main.balarmactive").unwrap();
    let mut out = Outcome::default();
    bench.router.route_data(point, Sample::good(true, Timestamp(1)), Timestamp(2), &mut out);
    let modes: Vec<Mode> = out.deliveries.iter().map(|delivery| delivery.mode).collect();
    assert_eq!(modes, [Mode::Latest, Mode::Queued, Mode::Queued]);
    let TargetKind::Instance { instance, tag, class } = &bench.router.target(out.deliveries[1].target).kind else {
        panic!()
    };
    assert_eq!((instance.as_str(), &**tag, *class), ("webhook.alert_service", "", TargetClass::Event));
    assert_eq!(bench.router.target(out.deliveries[2].target).kind, TargetKind::Log);
    let origin = out.deliveries[0].sample.origin.as_ref().unwrap();
    assert_eq!((&*origin.address, origin.hops), ("plc_001.main.balarmactive", 1));
    assert_eq!(
        (out.deliveries[0].sample.source_time, out.deliveries[0].sample.receive_time),
        (Timestamp(1), Timestamp(2))
    );
}

#[test]
fn a_route_may_name_its_delivery_and_time_to_live() {
    let mut bench = bench(r#"{"id":"a","from":"plc_002.x","to":"plc_002.y","delivery":"queued","ttl_ms":500}"#);
    let point = bench.router.space.intern("plc_002.x").unwrap();
    let mut out = Outcome::default();
    bench.router.route_data(point, Sample::good(1_i64, Timestamp(0)), Timestamp(0), &mut out);
    assert_eq!((out.deliveries[0].mode, out.deliveries[0].ttl), (Mode::Queued, Some(Duration::from_millis(500))));
}

#[test]
fn a_bad_value_is_never_written_to_a_variable() {
    let mut bench = bench(r#"{"id":"a","from":"plc_002.x","to":["bt.bms_001.x","webhook.alert_service","calc.x"]}"#);
    let bad = Sample { quality: Quality::NotConnected, ..Sample::good(1_i64, Timestamp(0)) };
    assert_eq!(bench.sample("plc_002.x", bad), "webhook.alert_service=1 bad:not_connected");
    assert_eq!(bench.value("calc.x"), "1 bad:not_connected");
    assert_eq!(bench.counters("a").dropped_by_quality, 1);
    let uncertain = Sample { quality: Quality::LastUsable, ..Sample::good(1_i64, Timestamp(0)) };
    assert!(bench.sample("plc_002.x", uncertain).starts_with("bt.bms_001.x=1 uncertain:last_usable"));
}

#[test]
fn a_route_may_choose_the_qualities_that_pass() {
    let mut bench = bench(r#"{"id":"a","from":"plc_002.x","to":["bt.bms_001.x","log.system"],"on_quality":["bad"]}"#);
    let bad = Sample { quality: Quality::Stale, ..Sample::good(1_i64, Timestamp(0)) };
    assert_eq!(bench.sample("plc_002.x", bad), "bt.bms_001.x=1 bad:stale, log.system=1 bad:stale");
    assert_eq!(bench.send("plc_002.x", 1_i64), "");
    assert_eq!(bench.counters("a").dropped_by_quality, 2);
}

#[test]
fn a_failing_transform_makes_the_output_bad_and_stops_nothing() {
    let mut bench = bench(
        r#"{"id":"a","from":"plc_002.x","to":["calc.x","bt.bms_001.x"],"transform":"expr(10 / value)"},
           {"id":"b","from":"plc_002.x","to":"log.system"}"#,
    );
    assert_eq!(bench.send("plc_002.x", 0_i64), "log.system=0");
    assert_eq!(bench.value("calc.x"), "null bad:calculation_error");
    let counters = bench.counters("a");
    assert_eq!((counters.errors, counters.last_error.as_deref()), (1, Some("division by zero")));
    let point = bench.router.space.find("calc.x").unwrap();
    assert_eq!(bench.router.space.sample(point).unwrap().note.as_deref(), Some("division by zero"));
    assert_eq!(bench.send("plc_002.x", "warm"), "log.system=warm");
    assert_eq!(bench.value("calc.x"), "null bad:type_mismatch");
    assert_eq!(bench.send("plc_002.x", 5_i64), "bt.bms_001.x=2, log.system=5");
}

#[test]
fn a_bad_sample_without_a_value_is_no_mistake_of_the_route() {
    let mut bench = bench(
        r#"{"id":"a","from":"plc_002.x","to":"calc.x","transform":"scale(2)"},
           {"id":"b","from":"plc_002.x","to":"calc.y","condition":"value > 2"}"#,
    );
    let bad = Sample { quality: Quality::NotConnected, ..Sample::good(Value::Null, Timestamp(0)) };
    bench.sample("plc_002.x", bad);
    assert_eq!(bench.value("calc.x"), "null bad:not_connected");
    assert_eq!((bench.counters("a").errors, bench.counters("b").errors), (0, 0));
    assert_eq!(bench.counters("b").dropped_by_quality, 1);
}

#[test]
fn a_condition_that_cannot_be_computed_is_counted_and_passes_nothing() {
    let mut bench = bench(r#"{"id":"a","from":"plc_002.x","to":"log.system","condition":"value > 5"}"#);
    assert_eq!(bench.send("plc_002.x", "warm"), "");
    let counters = bench.counters("a");
    assert_eq!((counters.errors, counters.last_error.as_deref()), (1, Some("a text is compared with a number")));
}

#[test]
fn previous_is_the_value_before() {
    let mut bench =
        bench(r#"{"id":"a","from":"plc_002.x","to":"log.system","condition":"previous == null or value > previous"}"#);
    let got: Vec<String> = [1, 1, 2, 1].map(|value: i64| bench.send("plc_002.x", value)).to_vec();
    assert_eq!(got, ["log.system=1", "", "log.system=2", ""]);
}

#[test]
fn another_datapoint_must_be_there_and_usable() {
    let mut bench =
        bench(r#"{"id":"a","from":"plc_002.x","to":"calc.x","transform":"expr(value + dp('bt.bms_001.y'))"}"#);
    bench.send("plc_002.x", 1_i64);
    assert_eq!(bench.counters("a").last_error.as_deref(), Some("`bt.bms_001.y` has no value yet"));
    let uncertain = Sample { quality: Quality::Substitute, ..Sample::good(5_i64, Timestamp(0)) };
    bench.sample("bt.bms_001.y", uncertain);
    bench.send("plc_002.x", 1_i64);
    assert_eq!(bench.value("calc.x"), "6 uncertain:substitute");
    bench.sample("bt.bms_001.y", Sample { quality: Quality::Stale, ..Sample::good(5_i64, Timestamp(0)) });
    bench.send("plc_002.x", 1_i64);
    assert_eq!(bench.counters("a").last_error.as_deref(), Some("`bt.bms_001.y` is bad:stale"));
    assert_eq!(bench.value("calc.x"), "null bad:calculation_error");
}

#[test]
fn computed_datapoints_run_their_own_routes() {
    let mut bench = bench(
        r#"{"id":"a","from":"plc_002.x","to":"calc.w","transform":"scale(2)"},
           {"id":"b","from":"calc.w","to":"log.system","transform":"offset(1)"}"#,
    );
    assert_eq!(bench.send("plc_002.x", 20_i64), "log.system=41");
    assert_eq!(bench.value("calc.w"), "40 good");
}

#[test]
fn patterns_fill_their_targets_once_per_datapoint() {
    let mut bench = bench(
        r#"{"id":"a","from":["bt.*.**","bt.bms_001.cells/1"],"to":"mqtt.broker_local.house/{source}/{path}/{tag}"}"#,
    );
    assert_eq!(bench.send("bt.bms_001.cells/1", 3_i64), "mqtt.broker_local.house/bt.bms_001/cells/1=3");
    assert_eq!(bench.send("bt.bms_001.voltage", 4_i64), "mqtt.broker_local.house/bt.bms_001/voltage=4");
    assert_eq!(bench.send("bt.bms_001.cells/1", 5_i64), "mqtt.broker_local.house/bt.bms_001/cells/1=5");
    assert_eq!(bench.counters("a").matched, 3);
}

#[test]
fn a_value_does_not_go_back_where_it_came_from() {
    let mut bench = bench(
        r#"{"id":"there","from":"plc_002.**","to":"calc.{rest}"},
           {"id":"back","from":"calc.**","to":"plc_002.{rest}"}"#,
    );
    assert_eq!(bench.send("plc_002.x", 1_i64), "");
    assert_eq!(bench.value("calc.x"), "1 good");
    assert_eq!(bench.counters("back").dropped_by_loop, 1);
    assert_eq!(bench.send("calc.y", 2_i64), "plc_002.y=2");
    let echo =
        Sample { origin: Some(Origin { address: "calc.y".into(), hops: 1 }), ..Sample::good(2_i64, Timestamp(0)) };
    assert_eq!(bench.sample("plc_002.y", echo), "");
    assert_eq!(bench.counters("there").dropped_by_loop, 1);
}

#[test]
fn a_circle_through_patterns_ends_after_sixteen_hops() {
    let mut bench = bench(r#"{"id":"a","from":"calc.*","to":"calc.x","transform":"offset(1)"}"#);
    bench.send("calc.x", 0_i64);
    assert_eq!(bench.value("calc.x"), "16 good");
    assert_eq!(bench.counters("a").dropped_by_loop, 1);
}

#[test]
fn a_circle_that_multiplies_is_bounded() {
    let mut bench = bench(r#"{"id":"a","from":"calc.**","to":["calc.a.{rest}","calc.b.{rest}","calc.c.{rest}"]}"#);
    bench.send("calc.x", 0_i64);
    let counters = bench.counters("a");
    assert_eq!(counters.matched, 1 + MAX_COMPUTED as u64);
    assert!(counters.dropped_by_loop > 0);
    bench.send("calc.x", 1_i64);
    assert_eq!(bench.counters("a").matched, 2 * (1 + MAX_COMPUTED as u64));
}

#[test]
fn a_stale_value_is_routed_once_and_so_is_its_return() {
    let mut bench = bench(r#"{"id":"a","from":"plc_002.x","to":["log.system","bt.bms_001.x"]}"#);
    let point = bench.router.space.intern("plc_002.x").unwrap();
    bench.router.space.set_deadline(point, Some(Duration::from_millis(100)));
    bench.router.space.watch(point);
    bench.send("plc_002.x", 1_i64);
    let mut out = Outcome::default();
    bench.router.renew(point, Timestamp(50 * MS), &mut out);
    bench.router.tick(Timestamp(120 * MS), &mut out);
    assert!(out.deliveries.is_empty() && out.changed.is_empty());
    assert_eq!(bench.router.next_tick(), Some(Timestamp(150 * MS)));
    bench.router.tick(Timestamp(150 * MS), &mut out);
    assert_eq!((bench.show(&out).as_str(), &out.changed), ("log.system=1 bad:stale", &vec![point]));
    out.clear();
    bench.router.tick(Timestamp(500 * MS), &mut out);
    assert!(out.deliveries.is_empty());
    bench.router.renew(point, Timestamp(600 * MS), &mut out);
    assert_eq!(bench.show(&out), "log.system=1, bt.bms_001.x=1");
    assert_eq!(out.changed, [point]);
}

#[test]
fn many_that_grow_stale_at_once_take_several_ticks() {
    let mut bench = bench("");
    for number in 0..=MAX_STALE_PER_TICK {
        let point = bench.router.space.intern(&format!("plc_002.x{number}")).unwrap();
        bench.router.space.set_deadline(point, Some(Duration::from_millis(1)));
        bench.router.space.watch(point);
        bench.router.route_data(point, Sample::good(1_i64, Timestamp(0)), Timestamp(0), &mut Outcome::default());
    }
    let mut out = Outcome::default();
    bench.router.tick(Timestamp(MS), &mut out);
    assert_eq!(out.changed.len(), MAX_STALE_PER_TICK);
    assert_eq!(bench.router.next_tick(), Some(Timestamp(MS)));
    bench.router.tick(Timestamp(MS), &mut out);
    assert_eq!(out.changed.len(), MAX_STALE_PER_TICK + 1);
    assert_eq!(bench.router.next_tick(), None);
}

#[test]
fn only_watched_datapoints_are_told() {
    let mut bench = bench(r#"{"id":"a","from":"plc_002.x","to":"calc.x"}"#);
    let (source, computed) =
        (bench.router.space.intern("plc_002.x").unwrap(), bench.router.space.find("calc.x").unwrap());
    let mut out = Outcome::default();
    bench.router.route_data(source, Sample::good(1_i64, Timestamp(0)), Timestamp(0), &mut out);
    assert!(out.changed.is_empty());
    bench.router.space.watch(computed);
    bench.router.route_data(source, Sample::good(1_i64, Timestamp(0)), Timestamp(0), &mut out);
    assert_eq!(out.changed, [computed]);
}

#[test]
fn new_rules_keep_the_values_the_targets_and_the_counters_of_unchanged_routes() {
    let kept = r#"{"id":"kept","from":"plc_002.x","to":"log.system"}"#;
    let mut bench = bench(&format!(r#"{kept},{{"id":"other","from":"plc_002.x","to":"calc.x"}}"#));
    bench.send("plc_002.x", 1_i64);
    let rules = compile(&format!(r#"{{"id":"other","from":"plc_002.x","to":"calc.y"}},{kept}"#)).unwrap();
    bench.router.swap(rules);
    assert_eq!((bench.counters("kept").matched, bench.counters("other").matched), (1, 0));
    assert_eq!(bench.value("calc.x"), "1 good");
    assert_eq!(bench.send("plc_002.x", 2_i64), "log.system=2");
    assert_eq!((bench.value("calc.x"), bench.value("calc.y")), ("1 good".into(), "2 good".into()));
    assert_eq!(bench.counters("kept").matched, 2);
}

#[test]
fn a_route_that_is_off_does_nothing() {
    let mut bench = bench(r#"{"id":"a","from":"plc_002.x","to":"log.system","enabled":false}"#);
    assert_eq!(bench.send("plc_002.x", 1_i64), "");
    assert_eq!(bench.counters("a"), Counters::default());
    bench.router.swap(compile(r#"{"id":"a","from":"plc_002.x","to":"calc.x","enabled":false}"#).unwrap());
    assert_eq!(bench.router.space.find("calc.x"), None);
}

#[test]
fn a_filled_target_that_another_route_writes_is_refused_and_counted() {
    let mut bench = bench(
        r#"{"id":"all","from":"plc_002.**","to":"bt.bms_001.{tag}"},{"id":"one","from":"calc.x","to":"bt.bms_001.x"}"#,
    );
    assert_eq!(bench.send("plc_002.x", 1_i64), "");
    assert_eq!(bench.send("plc_002.y", 1_i64), "bt.bms_001.y=1");
    assert_eq!(bench.send("plc_002.a.y", 1_i64), "bt.bms_001.y=1");
    assert_eq!(bench.send("calc.x", 1_i64), "bt.bms_001.x=1");
    let counters = bench.counters("all");
    assert_eq!(counters.last_error.as_deref(), Some("`bt.bms_001.x` is written by the route `one` too"));
}

#[test]
fn a_filled_target_that_is_too_long_is_counted() {
    let mut bench = bench(r#"{"id":"a","from":"plc_002.**","to":"calc.{rest}/{rest}"}"#);
    assert_eq!(bench.send(&format!("plc_002.{}", "x".repeat(3000)), 1_i64), "");
    let counters = bench.counters("a");
    assert_eq!((counters.matched, counters.passed, counters.errors), (1, 0, 1));
    assert!(counters.last_error.unwrap().contains("4096 bytes, not 6006"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_set_of_patterns_runs_for_ever(
        routes in prop::collection::vec((0_usize..6, 0_usize..6, any::<bool>()), 1..6),
        start in 0_usize..4,
    ) {
        let from = ["calc.**", "calc.*", "calc.a.*", "calc.**.b", "plc_002.**", "**"];
        let to = ["calc.a.{rest}", "calc.{tag}", "calc.b", "plc_002.{rest}", "calc.{path}.b", "calc.a/{rest}"];
        let text: Vec<String> = routes.iter().enumerate().map(|(n, &(a, b, grow))| {
            let transform = if grow { r#","transform":"offset(1)""# } else { "" };
            format!(r#"{{"id":"r{n}","from":"{}","to":"{}"{transform}}}"#, from[a], to[b])
        }).collect();
        if let Ok(rules) = compile(&text.join(",")) {
            let mut router = Router::new();
            router.swap(rules);
            let start = ["calc.a", "calc.a.b", "plc_002.x", "calc.b"][start];
            let point = router.space.intern(start).unwrap();
            let mut out = Outcome::default();
            router.route_data(point, Sample::good(0_i64, Timestamp(0)), Timestamp(0), &mut out);
            for delivery in &out.deliveries {
                let origin = delivery.sample.origin.as_ref().unwrap();
                prop_assert!(origin.hops <= MAX_HOPS);
                let target = router.target(delivery.target);
                let returned = target.address.as_str() == &*origin.address && delivery.sample.value == Value::Int(0);
                prop_assert!(!returned || router.space.sample(point).unwrap().value != Value::Int(0), "{text:?}");
            }
            let matched: u64 = router.routes().map(|(_, _, counters)| counters.matched).sum();
            prop_assert!(matched <= (1 + MAX_COMPUTED as u64) * routes.len() as u64);
        }
    }
}
