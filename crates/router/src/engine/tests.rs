//! The router in simulated time: samples in, deliveries out.

use fieldrail_model::{Origin, Quality, Value};
use proptest::prelude::*;

use super::*;
use crate::pattern::Pattern;
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
fn a_route_knows_its_last_run_until_it_is_changed_itself() {
    let (a, b) = (
        r#"{"id":"a","from":"plc_002.a","to":"calc.a","condition":"value > 5"}"#,
        r#"{"id":"b","from":"plc_002.b","to":"calc.b"}"#,
    );
    let mut bench = bench(&format!("{a},{b}"));
    let runs = |bench: &Bench| -> Vec<Option<Ran>> {
        bench.router.last_runs().iter().map(|ran| ran.map(|(_, ran)| ran)).collect()
    };
    assert_eq!(runs(&bench), [None, None]);
    bench.send("plc_002.a", 1_i64);
    bench.send("plc_002.b", 1_i64);
    assert_eq!(runs(&bench), [Some(Ran::Condition), Some(Ran::Passed)]);
    bench.now = Timestamp(MS);
    bench.send("plc_002.a", 9_i64);
    assert_eq!(bench.router.last_runs()[0], Some((Timestamp(MS), Ran::Passed)));
    // Another order, another text of `b`: `a` keeps what it knows.
    let changed = b.replace("calc.b", "calc.c");
    bench.router.swap(compile(&format!("{changed},{a}")).unwrap());
    assert_eq!(runs(&bench), [None, Some(Ran::Passed)]);
    bench.send("plc_002.a", 1_i64);
    assert_eq!(runs(&bench), [None, Some(Ran::Condition)]);
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
           {"id":"b","from":"plc_002.x","to":"log.system","condition":"value > 2"}"#,
    );
    let bad = Sample { quality: Quality::NotConnected, ..Sample::good(Value::Null, Timestamp(0)) };
    bench.sample("plc_002.x", bad);
    assert_eq!(bench.value("calc.x"), "null bad:not_connected");
    assert_eq!((bench.counters("a").errors, bench.counters("b").errors), (0, 0));
    assert_eq!(bench.counters("b").dropped_by_quality, 1);
}

#[test]
fn nothing_computed_stays_good_when_its_source_is_lost_whatever_the_condition() {
    let mut bench = bench(
        r#"{"id":"a","from":"plc_002.x","to":["calc.x","log.system","mqtt.broker_local.x"],"condition":"value > 2"},
           {"id":"b","from":"plc_002.x","to":"calc.mean","condition":"value > 2","transform":"avg(10s)"},
           {"id":"c","from":"plc_002.x","to":"log.system","condition":"value > 2","transform":"round(0)"}"#,
    );
    bench.send("plc_002.x", 5_i64);
    let bad = Sample { quality: Quality::NotConnected, ..Sample::good(Value::Null, Timestamp(0)) };
    assert_eq!(bench.sample("plc_002.x", bad), "", "no alarm is raised for what nobody knows");
    assert_eq!(bench.value("calc.x"), "null bad:not_connected");
    bench.router.tick(Timestamp(20_000 * MS), &mut Outcome::default());
    assert_eq!(bench.value("calc.mean"), "null bad:no_data");
    assert_eq!(bench.counters("c").dropped_by_quality, 1);
    assert_eq!((bench.counters("a").passed, bench.counters("a").errors), (2, 0));
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
    let mut bench = bench(r#"{"id":"back","from":"bt.bms_001.x","to":"plc_002.x"}"#);
    assert_eq!(bench.send("plc_002.x", 1_i64), "");
    let echo = |value: i64| Sample {
        origin: Some(Origin { address: "plc_002.x".into(), hops: 1 }),
        ..Sample::good(value, Timestamp(0))
    };
    assert_eq!(bench.sample("bt.bms_001.x", echo(1)), "");
    assert_eq!(bench.counters("back").dropped_by_loop, 1);
    assert_eq!(bench.sample("bt.bms_001.x", echo(2)), "plc_002.x=2");
}

#[test]
fn what_a_device_says_of_a_write_carries_on_where_that_came_from() {
    let mut bench = bench(
        r#"{"id":"there","from":"plc_002.x","to":"bt.bms_001.x"},{"id":"on","from":"bt.bms_001.x","to":"log.system"}"#,
    );
    bench.send("plc_002.x", 0.1);
    // A REAL has fewer digits.
    bench.send("bt.bms_001.x", 0.100_000_001);
    let point = bench.router.space.find("bt.bms_001.x").unwrap();
    let origin = bench.router.space.sample(point).unwrap().origin.clone().unwrap();
    assert_eq!((&*origin.address, origin.hops), ("plc_002.x", 1));
    // Only once: a second one is the device's own.
    bench.send("bt.bms_001.x", 0.1);
    assert_eq!(bench.router.space.sample(point).unwrap().origin, None);
}

#[test]
fn a_chain_through_patterns_ends_after_sixteen_hops() {
    let mut bench = bench(r#"{"id":"a","from":"calc.*","to":"calc.{tag}x","transform":"offset(1)"}"#);
    bench.send("calc.x", 0_i64);
    assert_eq!(bench.value(&format!("calc.{}", "x".repeat(17))), "16 good");
    assert_eq!(bench.value(&format!("calc.{}", "x".repeat(18))), "none");
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
    for number in 0..=MAX_DUE {
        let point = bench.router.space.intern(&format!("plc_002.x{number}")).unwrap();
        bench.router.space.set_deadline(point, Some(Duration::from_millis(1)));
        bench.router.space.watch(point);
        bench.router.route_data(point, Sample::good(1_i64, Timestamp(0)), Timestamp(0), &mut Outcome::default());
    }
    let mut out = Outcome::default();
    bench.router.tick(Timestamp(MS), &mut out);
    assert_eq!(out.changed.len(), MAX_DUE);
    assert_eq!(bench.router.next_tick(), Some(Timestamp(MS)));
    bench.router.tick(Timestamp(MS), &mut out);
    assert_eq!(out.changed.len(), MAX_DUE + 1);
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

/// Runs one transform over samples of `plc_002.x` and shows what comes out, each with its second. An input is
/// `second:value`; `bad` stands for a source that is lost. The run ends at `until`.
#[track_caller]
fn check_over_time(transform: &str, inputs: &str, until: f64, want: &str) {
    let mut bench = bench(&format!(r#"{{"id":"a","from":"plc_002.x","to":"log.system","transform":"{transform}"}}"#));
    let point = bench.router.space.intern("plc_002.x").unwrap();
    #[allow(clippy::cast_possible_truncation)] // a few hundred seconds
    let at = |second: f64| Timestamp((second * 1e6).round() as i64);
    let mut said = Vec::new();
    let mut take = |bench: &Bench, out: &mut Outcome| {
        for delivery in out.deliveries.drain(..) {
            let sample = &delivery.sample;
            let second = sample.source_time.0 as f64 / 1e6;
            let quality = if sample.quality.is_good() { String::new() } else { format!(" {}", sample.quality) };
            said.push(format!("{second}:{}{quality}", sample.value));
        }
        assert!(bench.router.next_tick().is_none_or(|due| due.0 >= 0));
    };
    let mut out = Outcome::default();
    for input in inputs.split_whitespace() {
        let (second, text) = input.split_once(':').unwrap();
        let now = at(second.parse().unwrap());
        let value: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::text(text));
        let mut sample = Sample::good(value, now);
        if text == "bad" {
            (sample.value, sample.quality) = (Value::Null, Quality::NotConnected);
        }
        bench.router.route_data(point, sample, now, &mut out);
        take(&bench, &mut out);
    }
    bench.router.tick(at(until), &mut out);
    take(&bench, &mut out);
    assert_eq!(said.join(" "), want, "{transform} of {inputs}");
}

#[test]
fn steps_with_a_memory_do_what_their_names_say() {
    check_over_time("on_change", "0:1 1:1 2:2 3:2.0 4:bad 5:bad 6:2", 9.0, "0:1 2:2 4:null bad:not_connected 6:2");
    check_over_time("deadband(0.5)", "0:1 1:1.4 2:1.5 3:1.1 4:0.9", 9.0, "0:1 2:1.5 4:0.9");
    check_over_time("deadband(10%)", "0:100 1:109 2:110 3:100 4:99", 9.0, "0:100 2:110 4:99");
    check_over_time("deadband(0)", "0:1 1:1 2:2", 9.0, "0:1 2:2");
    check_over_time("throttle(10s)", "0:1 1:2 2:3 15:4 40:5", 60.0, "0:1 2:3 15:4 40:5");
    check_over_time("debounce(2s)", "0:1 1:0 1.5:1 2:1 9:0", 60.0, "1.5:1 9:0");
    // The loss of the source does not wait, and is said once.
    check_over_time("throttle(10s)", "0:1 1:bad 2:3 3:bad 4:4", 60.0, "0:1 1:null bad:not_connected 4:4");
    check_over_time("debounce(5s)", "0:1 6:bad 7:3 8:bad 9:4", 60.0, "0:1 6:null bad:not_connected 9:4");
    check_over_time("hysteresis(20, 22)", "0:21 1:22 2:21 3:20 4:21 5:23", 9.0, "1:true 2:true 3:false 4:false 5:true");
    check_over_time("hysteresis(20, 22) | on_change", "0:21 1:22 2:21 3:20 4:21 5:23", 9.0, "1:true 3:false 5:true");
    check_over_time("delta", "0:5 1:7 2:4 3:bad 4:9", 9.0, "1:2 2:-3 3:null bad:not_connected 4:5");
    check_over_time("rate", "0:5 2:9 2:10 4:9", 9.0, "2:2 4:0");
    check_over_time("rate(1h)", "0:5 2:9", 9.0, "2:7200");
    check_over_time("integrate(1h)", "0:3600 10:a 25:0 30:0", 99.0, "0:0 10:null bad:type_mismatch 25:10 30:10");
    check_over_time("integrate(1h)", "0:3600 10:0 20:0", 99.0, "0:0 10:10 20:10");
    check_over_time(
        "integrate(1h, every=10s)",
        "0:3600 25:bad",
        40.0,
        "0:0 10:10 20:20 25:25 uncertain:last_usable 30:25 uncertain:last_usable 40:25 uncertain:last_usable",
    );
}

#[test]
fn windows_end_with_the_clock_and_weigh_by_time() {
    check_over_time("avg(60s)", "0:10 30:20", 120.0, "60:15 120:20");
    check_over_time("avg(60s) | round(0)", "0:10 45:11", 60.0, "60:10");
    // The first value came late: of this minute too little is known.
    check_over_time("avg(60s)", "50:10", 120.0, "60:10 uncertain 120:10");
    check_over_time("avg(60s, every=20s)", "0:0 20:30 40:60", 80.0, "20:0 uncertain 40:15 60:30 80:50");
    check_over_time("min(10s)", "0:5 3:2 6:7", 20.0, "10:2 20:7");
    check_over_time("max(10s)", "0:5 3:9 6:7", 20.0, "10:9 20:7");
    check_over_time("sum(10s)", "0:5 3:2 12:1", 20.0, "10:7 20:1");
    check_over_time("sum(10s)", "0:5 3:2.5", 10.0, "10:7.5");
    check_over_time("count(10s)", "0:5 3:2 12:on", 30.0, "10:2 20:1 30:0");
    check_over_time("count(10s)", "0:5 3:2 8:bad", 30.0, "10:2 20:null bad:no_data");
    check_over_time("median(10s)", "0:5 1:9 2:7 12:4 13:8", 30.0, "10:7 20:6 30:8");
    check_over_time("last(10s)", "0:5 3:on", 20.0, "10:on 20:on");
    check_over_time("last(10s)", "0:1 1:2 2:3 3:2", 10.0, "10:2");
    check_over_time("last(10s)", "0:5 6:bad", 20.0, "10:5 20:null bad:no_data");
}

#[test]
fn what_was_lost_does_not_count_in_a_window() {
    check_over_time("avg(10s)", "0:10 6:bad", 40.0, "10:10 20:null bad:no_data");
    check_over_time("avg(10s)", "0:10 2:bad 15:4", 20.0, "10:10 uncertain 20:4");
    check_over_time("avg(10s)", "0:10 5:warm 12:4", 20.0, "5:null bad:type_mismatch 10:10 20:4");
    check_over_time("max(10s)", "0:10 5:bad 20:1", 30.0, "10:10 20:null bad:no_data 30:1");
}

#[test]
fn what_comes_behind_a_window_runs_when_it_ends() {
    let mut bench = bench(
        r#"{"id":"a","from":"plc_002.x","to":"calc.mean","transform":"avg(60s) | scale(0.001) | round(1)"},
           {"id":"b","from":"calc.mean","to":"log.system","transform":"max(120s)"}"#,
    );
    bench.send("plc_002.x", 5000_i64);
    let mut out = Outcome::default();
    bench.router.tick(Timestamp(59_999 * MS), &mut out);
    assert_eq!(bench.value("calc.mean"), "none");
    // Late, as a daemon may be: each thing runs at its own time all the same.
    bench.router.tick(Timestamp(120_150 * MS), &mut out);
    assert_eq!(bench.value("calc.mean"), "5 good");
    assert_eq!(bench.show(&out), "log.system=5");
    assert_eq!(bench.counters("a").held, 1);
    let deliveries: Vec<i64> = out.deliveries.iter().map(|delivery| delivery.sample.source_time.0).collect();
    assert_eq!(deliveries, [120_000 * MS]);
}

#[test]
fn a_reload_leaves_the_windows_of_other_routes_alone() {
    let window = r#"{"id":"a","from":"plc_002.x","to":"log.system","transform":"sum(60s)"}"#;
    let mut bench = bench(&format!(r#"{window},{{"id":"b","from":"plc_002.y","to":"calc.y","transform":"sum(60s)"}}"#));
    bench.send("plc_002.x", 1_i64);
    bench.send("plc_002.y", 1_i64);
    bench.router.swap(
        compile(
            r#"{"id":"b","from":"plc_002.y","to":"calc.y","transform":"sum(60s) | scale(10)"},
               {"id":"a","description":"new","from":"plc_002.x","to":"log.system","transform":"sum(60s)"}"#,
        )
        .unwrap(),
    );
    bench.now = Timestamp(1_000 * MS);
    bench.send("plc_002.x", 2_i64);
    bench.send("plc_002.y", 2_i64);
    let mut out = Outcome::default();
    bench.router.tick(Timestamp(60_000 * MS), &mut out);
    assert_eq!(bench.show(&out), "log.system=3");
    assert_eq!(bench.value("calc.y"), "20 good");
    // Without a new sample after a reload the window ends all the same.
    bench.router.swap(compile(window).unwrap());
    out.clear();
    bench.router.tick(Timestamp(120_000 * MS), &mut out);
    assert_eq!(bench.show(&out), "log.system=0");
}

#[test]
fn the_highest_priority_holds_its_target_until_its_lease_ends() {
    let mut bench = bench(
        r#"{"id":"schedule","from":"plc_002.plan","to":"bt.bms_001.x","priority":1},
           {"id":"person","from":"plc_002.hand","to":"bt.bms_001.x","priority":9,"lease_ms":5000}"#,
    );
    assert_eq!(bench.send("plc_002.plan", 1_i64), "bt.bms_001.x=1");
    bench.now = Timestamp(1_000 * MS);
    assert_eq!(bench.send("plc_002.hand", 7_i64), "bt.bms_001.x=7");
    bench.now = Timestamp(2_000 * MS);
    assert_eq!(bench.send("plc_002.plan", 2_i64), "");
    assert_eq!(bench.counters("schedule").dropped_by_priority, 1);
    let explained = bench.router.explain("bt.bms_001.x", bench.now).unwrap();
    let schedule = explained.writers.iter().find(|writer| writer.source.as_str() == "plc_002.plan").unwrap();
    assert_eq!(schedule.ran, Some((bench.now, Ran::Priority)));
    assert_eq!(schedule.beaten_by, Some((RouteIndex(1), Timestamp(6_000 * MS))));
    let mut out = Outcome::default();
    bench.router.tick(Timestamp(5_999 * MS), &mut out);
    assert_eq!(bench.show(&out), "");
    bench.router.tick(Timestamp(6_000 * MS), &mut out);
    assert_eq!(bench.show(&out), "bt.bms_001.x=2");
    // The lease was renewed once, so it ends later.
    (bench.now, out) = (Timestamp(10_000 * MS), Outcome::default());
    bench.send("plc_002.hand", 8_i64);
    bench.now = Timestamp(14_000 * MS);
    bench.send("plc_002.hand", 9_i64);
    bench.router.tick(Timestamp(18_000 * MS), &mut out);
    assert_eq!(bench.show(&out), "");
    // A value whose source is lost is not put back.
    bench.sample("plc_002.plan", Sample { quality: Quality::NotConnected, ..Sample::good(2_i64, Timestamp(0)) });
    bench.router.tick(Timestamp(30_000 * MS), &mut out);
    assert_eq!(bench.show(&out), "");
}

#[test]
fn a_source_that_still_holds_keeps_its_lease() {
    let mut bench = bench(
        r#"{"id":"plan","from":"plc_002.plan","to":"bt.bms_001.x","priority":1},
           {"id":"hand","from":"plc_002.hand","to":"bt.bms_001.x","condition":"value > 0","priority":9,"lease_ms":5000}"#,
    );
    bench.send("plc_002.plan", 1_i64);
    bench.send("plc_002.hand", 7_i64);
    let hand = bench.router.space.find("plc_002.hand").unwrap();
    for second in 1..=20 {
        bench.now = Timestamp(second * 1000 * MS);
        let mut out = Outcome::default();
        bench.router.renew(hand, bench.now, &mut out);
        bench.router.tick(bench.now, &mut out);
        assert_eq!(bench.show(&out), "");
    }
    assert_eq!(bench.send("plc_002.plan", 2_i64), "", "the hand still holds");
    // It lets go: renewals of what did not pass prolong nothing.
    bench.send("plc_002.hand", 0_i64);
    bench.now = Timestamp(24_000 * MS);
    bench.router.renew(hand, bench.now, &mut Outcome::default());
    let mut out = Outcome::default();
    bench.router.tick(Timestamp(26_000 * MS), &mut out);
    assert_eq!(bench.show(&out), "bt.bms_001.x=2");
}

#[test]
fn a_lost_source_holds_nothing_and_the_next_one_takes_over_at_once() {
    let mut bench = bench(
        r#"{"id":"plan","from":"plc_002.plan","to":"calc.x","priority":1},
           {"id":"hand","from":"plc_002.hand","to":"calc.x","priority":9}"#,
    );
    let bad = || Sample { quality: Quality::NotConnected, ..Sample::good(Value::Null, Timestamp(0)) };
    bench.send("plc_002.plan", 1_i64);
    bench.send("plc_002.hand", 7_i64);
    assert_eq!(bench.value("calc.x"), "7 good");
    bench.sample("plc_002.hand", bad());
    bench.router.tick(bench.now, &mut Outcome::default());
    assert_eq!(bench.value("calc.x"), "1 good");
    let why = bench.router.explain("calc.x", bench.now).unwrap();
    assert_eq!(why.reached.unwrap().route, Some(RouteIndex(0)));
    assert!(matches!(why.writers[0].ran, Some((_, Ran::Passed))), "the writer is told first, with what it did last");
    // And where nobody else stands, nobody says that all is well.
    bench.sample("plc_002.plan", bad());
    bench.router.tick(bench.now, &mut Outcome::default());
    assert_eq!(bench.value("calc.x"), "null bad:not_connected");
    bench.send("plc_002.plan", 3_i64);
    assert_eq!(bench.value("calc.x"), "3 good");
}

#[test]
fn a_tap_sees_who_takes_over_at_the_end_of_a_lease() {
    let mut bench = bench(
        r#"{"id":"plan","from":"plc_002.plan","to":"bt.bms_001.x","priority":1,"lease_ms":60000},
           {"id":"hand","from":"plc_002.hand","to":"bt.bms_001.x","priority":9,"lease_ms":5000}"#,
    );
    bench.send("plc_002.plan", 1_i64);
    bench.send("plc_002.hand", 7_i64);
    let pattern = Pattern::compile("bt.**").unwrap();
    bench.router.open_tap(TapId(1), Tap { stages: vec![Stage::Output], pattern, route: None });
    let mut out = Outcome::default();
    bench.router.tick(Timestamp(6_000 * MS), &mut out);
    assert_eq!(bench.show(&out), "bt.bms_001.x=1");
    let seen: Vec<(Option<RouteIndex>, &Value)> = out.tapped.iter().map(|seen| (seen.route, &seen.value)).collect();
    assert_eq!(seen, [(Some(RouteIndex(0)), &Value::Int(1))]);
}

#[test]
fn an_override_that_is_over_does_not_come_back() {
    let mut bench = bench(
        r#"{"id":"plan","from":"plc_002.plan","to":"bt.bms_001.x","priority":1},
           {"id":"hand","from":"plc_002.hand","to":"bt.bms_001.x","priority":10},
           {"id":"fire","from":"plc_002.fire","to":"bt.bms_001.x","priority":20}"#,
    );
    let after = |bench: &mut Bench, second: i64| {
        let mut out = Outcome::default();
        bench.now = Timestamp(second * 1_000 * MS);
        bench.router.tick(bench.now, &mut out);
        bench.show(&out)
    };
    bench.send("plc_002.plan", 35_i64);
    assert_eq!(after(&mut bench, 100), "");
    bench.send("plc_002.hand", 50_i64);
    assert_eq!(after(&mut bench, 160), "bt.bms_001.x=35");
    assert_eq!(after(&mut bench, 580), "");
    bench.send("plc_002.hand", 51_i64);
    assert_eq!(after(&mut bench, 600), "");
    bench.send("plc_002.fire", 0_i64);
    assert_eq!(after(&mut bench, 659), "");
    assert_eq!(after(&mut bench, 660), "bt.bms_001.x=35");
    // The end of the lowest lease puts no higher one back.
    bench.send("plc_002.plan", 36_i64);
    assert_eq!(after(&mut bench, 900), "");
}

#[test]
fn a_person_finds_out_why_a_datapoint_has_its_value() {
    let mut bench = bench(
        r#"{"id":"kw","from":"plc_002.w","to":"calc.kw","transform":"scale(0.001) | round(1) | on_change","condition":"value > 0"},
           {"id":"out","from":"calc.kw","to":"mqtt.broker_local.kw"}"#,
    );
    bench.now = Timestamp(5 * MS);
    bench.send("plc_002.w", 4260_i64);
    bench.now = Timestamp(9 * MS);
    bench.send("plc_002.w", -1_i64);
    let explained = bench.router.explain("mqtt.broker_local.kw", bench.now).unwrap();
    let reached = explained.reached.unwrap();
    assert_eq!((reached.value, reached.from.as_str()), (Value::Float(4.3), "calc.kw"));
    assert_eq!((&*reached.origin.address, reached.origin.hops), ("plc_002.w", 2));
    let explained = bench.router.explain("calc.kw", bench.now).unwrap();
    let writer = &explained.writers[0];
    assert_eq!(writer.ran, Some((Timestamp(9 * MS), Ran::Condition)));
    let steps: Vec<String> =
        writer.steps.iter().map(|(text, value)| format!("{text} = {}", value.clone().unwrap())).collect();
    assert_eq!(steps, ["scale(0.001) = 4.26", "round(1) = 4.3", "on_change = 4.3"]);
    assert_eq!(explained.readers, [(RouteIndex(1), Some((Timestamp(5 * MS), Ran::Passed)))]);
    assert!(bench.router.explain("plc_002.nothing", bench.now).is_none());
}

#[test]
fn a_tap_sees_each_stage_and_nothing_else() {
    let mut bench = bench(
        r#"{"id":"a","from":"plc_002.x","to":"bt.bms_001.x","transform":"scale(2) | offset(1)","condition":"value > 0"},
           {"id":"b","from":"plc_002.y","to":"log.system"}"#,
    );
    let pattern = crate::Pattern::compile("plc_002.x").unwrap();
    bench.router.open_tap(TapId(7), Tap { stages: Vec::new(), pattern, route: None });
    let seen = |bench: &mut Bench, address: &str, value: i64| {
        let point = bench.router.space.intern(address).unwrap();
        let mut out = Outcome::default();
        bench.router.route_data(point, Sample::good(value, Timestamp(0)), Timestamp(0), &mut out);
        let one = |t: &Tapped| {
            format!("{} {}{}", t.stage.name(), t.value, t.dropped.map(|d| format!(" {}", d.word())).unwrap_or_default())
        };
        out.tapped.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(seen(&mut bench, "plc_002.x", 5), "input 5, step 10, output 11");
    assert_eq!(seen(&mut bench, "plc_002.x", -5), "input -5, dropped -5 condition");
    assert_eq!(seen(&mut bench, "plc_002.y", 5), "");
    bench.router.close_tap(TapId(7));
    assert_eq!(seen(&mut bench, "plc_002.x", 5), "");
}

/// Devices and brokers around the router, for the tests of loops: what is written is said again, and some copy it on.
struct Echoing {
    bench: Bench,
    /// Whoever writes `.0` causes the same value at `.1`, as a bridge between brokers does; the origin travels along.
    bridges: Vec<(String, String)>,
    /// Whether a datapoint says of itself what it was sent, with its origin, without, or not at all.
    echoes: [u8; 6],
}

const PLACES: [&str; 6] =
    ["plc_002.a", "plc_002.b", "mqtt.broker_local.a", "mqtt.broker_local.b", "bt.bms_001.a", "bt.bms_001.b"];

impl Echoing {
    /// A house with routes and bridges between these places, and the routes as text; none if the rules are refused.
    fn new(routes: &[(usize, usize)], bridges: &[(usize, usize)], echoes: [u8; 6]) -> Option<(Self, Vec<String>)> {
        // A place has one feeder, so that a value that comes twice has gone round.
        let mut fed = std::collections::HashSet::new();
        let mut feeds = |(from, to): &&(usize, usize)| from != to && fed.insert(*to);
        let routes: Vec<(usize, usize)> = routes.iter().filter(&mut feeds).copied().collect();
        let text = |(n, (from, to)): (usize, &(usize, usize))| {
            format!(r#"{{"id":"r{n}","from":"{}","to":"{}"}}"#, PLACES[*from], PLACES[*to])
        };
        let routes: Vec<String> = routes.iter().enumerate().map(text).collect();
        // A circle of routes alone is refused; the bridges around them are what the rules cannot see.
        let rules = compile(&routes.join(",")).ok()?;
        let mut router = Router::new();
        router.swap(rules);
        let bridges = bridges.iter().filter(&mut feeds);
        let bridges = bridges.map(|(from, to)| (PLACES[*from].to_owned(), PLACES[*to].to_owned())).collect();
        Some((Self { bench: Bench { router, now: Timestamp(0) }, bridges, echoes }, routes))
    }

    /// Values enter, one right after the other; how often each place was written with each, until nothing moves any more.
    fn enter(&mut self, values: &[(usize, i64)]) -> HashMap<(String, i64), usize> {
        let mut written: HashMap<(String, i64), usize> = HashMap::new();
        let enters = |(place, value): &(usize, i64)| (PLACES[*place].to_owned(), Sample::good(*value, self.bench.now));
        let mut moving: VecDeque<(String, Sample)> = values.iter().map(enters).collect();
        while let Some((address, sample)) = moving.pop_front() {
            self.bench.now.0 += MS;
            let point = self.bench.router.space.intern(&address).unwrap();
            let mut out = Outcome::default();
            self.bench.router.route_data(point, sample, self.bench.now, &mut out);
            for delivery in out.deliveries {
                let target = self.bench.router.target(delivery.target).address.to_string();
                let Value::Int(value) = delivery.sample.value else { panic!("{:?}", delivery.sample) };
                let count = written.entry((target.clone(), value)).or_default();
                *count += 1;
                assert!(*count < 100, "it never ends");
                let nth = PLACES.iter().position(|place| *place == target).unwrap();
                let mut echo = delivery.sample.clone();
                echo.source_time = self.bench.now;
                for (_, to) in self.bridges.iter().filter(|(from, _)| *from == target) {
                    moving.push_back((to.clone(), echo.clone()));
                }
                match self.echoes[nth] {
                    0 => {}
                    1 => moving.push_back((target, echo)),
                    _ => moving.push_back((target, Sample { origin: None, ..echo })),
                }
            }
        }
        written
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_value_never_comes_to_a_place_twice_whatever_echoes(
        routes in prop::collection::vec((0_usize..6, 0_usize..6), 1..5),
        bridges in prop::collection::vec((0_usize..6, 0_usize..6), 0..5),
        echoes in prop::array::uniform6(0_u8..3),
        entries in prop::collection::vec((0_usize..6, 1_i64..4), 1..6),
    ) {
        let Some((mut house, routes)) = Echoing::new(&routes, &bridges, echoes) else { return Ok(()) };
        for (place, value) in entries {
            house.bench.now.0 += 60_000 * MS;
            let written = house.enter(&[(place, value)]);
            for ((target, value), count) in written {
                prop_assert!(count <= 1, "{target} got {value} {count} times from {}: {routes:?} {:?}", PLACES[place], house.bridges);
            }
        }
    }

    /// The next value is on its way before the one before has come back. What comes back tells its origin, as MQTT 5 does.
    #[test]
    fn no_value_of_a_burst_comes_to_a_place_twice_through_bridges_that_tell_the_origin(
        routes in prop::collection::vec((0_usize..6, 0_usize..6), 1..5),
        bridges in prop::collection::vec((0_usize..6, 0_usize..6), 1..5),
        echoes in prop::array::uniform6(0_u8..2),
        bursts in prop::collection::vec(prop::collection::vec(0_usize..6, 1..5), 1..4),
    ) {
        let Some((mut house, routes)) = Echoing::new(&routes, &bridges, echoes) else { return Ok(()) };
        let mut values = 1..;
        for burst in bursts {
            house.bench.now.0 += 60_000 * MS;
            let burst: Vec<(usize, i64)> = burst.into_iter().zip(&mut values).collect();
            for ((target, value), count) in house.enter(&burst) {
                prop_assert!(count <= 1, "{target} got {value} {count} times: {routes:?} {:?}", house.bridges);
            }
        }
    }

    #[test]
    fn a_reload_at_any_moment_loses_doubles_and_swaps_nothing(
        samples in prop::collection::vec((0_usize..4, 1_u16..400), 1..120),
        reloads in prop::collection::vec((0_usize..120, 0_u8..8), 0..12),
    ) {
        let addresses = ["plc_002.a", "plc_002.b", "bt.bms_001.a", "mqtt.broker_local.a"];
        // Routes that stay, among others that come, go and change with each reload.
        let kept = r#"{"id":"all","from":["plc_002.*","bt.*.*"],"to":"mqtt.broker_local.out/{source}/{rest}"},
            {"id":"sums","from":"plc_002.a","to":"webhook.alert_service","transform":"sum(1s)"},
            {"id":"log","from":"mqtt.broker_local.a","to":"log.system"}"#;
        let rules = |variant: u8| {
            let mut routes = vec![kept.to_owned()];
            if variant & 1 == 1 {
                routes.insert(0, r#"{"id":"x","from":["plc_002.**","bt.**"],"to":"calc.x","transform":"count(1s)"}"#.to_owned());
            }
            if variant & 2 == 2 {
                routes.push(format!(r#"{{"id":"y","from":"plc_002.b","to":"calc.y","transform":"scale({variant})"}}"#));
            }
            if variant & 4 == 4 {
                routes.rotate_left(1);
            }
            compile(&routes.join(",")).unwrap()
        };
        let run = |reloads: &[(usize, u8)]| {
            let mut router = Router::new();
            router.swap(rules(0));
            let (mut now, mut log) = (Timestamp(0), Vec::new());
            for (nth, (address, ms)) in samples.iter().enumerate() {
                for (_, variant) in reloads.iter().filter(|(at, _)| *at == nth) {
                    router.swap(rules(*variant));
                }
                now = now.after(Duration::from_millis(u64::from(*ms)));
                let point = router.space.intern(addresses[*address]).unwrap();
                let mut out = Outcome::default();
                router.route_data(point, Sample::good(nth as u64, now), now, &mut out);
                log.extend(out.deliveries.iter().map(|d| (router.target(d.target).address.to_string(), d.sample.clone())));
            }
            let mut out = Outcome::default();
            router.tick(now.after(Duration::from_secs(2)), &mut out);
            log.extend(out.deliveries.iter().map(|d| (router.target(d.target).address.to_string(), d.sample.clone())));
            log
        };
        prop_assert_eq!(run(&reloads), run(&[]));
    }
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
