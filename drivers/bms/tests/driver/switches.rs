//! The switches of a battery: off unless they are switched on, confirmed by what the battery then shows.

use fieldrail_driver_bms::sim::{Faults, Line};
use fieldrail_model::Value;
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::peers::{at, driver, on_port};

fn writing(line: &Line, device: &str, variant: &str, writes: bool) -> Plugin {
    let config = json!({ "battery": device, "variant": variant, "writes": writes, "poll_ms": 100, "timeout_ms": 300 });
    let mut driver = driver(&at(line), &config);
    driver.state(Status::Connected);
    driver
}

#[test]
fn a_switch_is_set_and_confirmed_by_what_the_battery_shows() {
    for (device, variant) in [("daly", "a5"), ("jbd", "dd"), ("ant", "old_dbdb")] {
        let line = on_port(device, variant, Faults::default());
        let mut driver = writing(&line, device, variant, true);
        driver.subscribe(&["discharge_mos"]);
        assert_eq!(driver.sample("discharge_mos").value, Value::Bool(true), "{device}");
        let origin: fieldrail_testkit::wire::sample::WireOrigin = ("plc_001.MAIN.bOff".into(), 1);
        let id = driver.write_item("discharge_mos", false, |item| item.origin = Some(origin.clone()));
        assert_eq!(driver.outcome(id), Outcome::Confirmed, "{device}");
        let shown = driver.wait_sample("the switch", |sample| sample.value == Value::Bool(false));
        assert!(shown.origin.is_none() || shown.origin == Some(origin), "{device}: {shown:?}");
        // The other one stays as it was.
        let (charge, discharge) = {
            let bus = line.bus();
            (bus.batteries[0].pack.charge_mos, bus.batteries[0].pack.discharge_mos)
        };
        assert_eq!((charge, discharge), (true, false), "{device}");
        assert_eq!(driver.write("charge_mos", 0_i64), Outcome::Confirmed, "{device}");
        assert_eq!(driver.write("discharge_mos", true), Outcome::Confirmed, "{device}");
        let bus = line.bus();
        assert_eq!((bus.batteries[0].pack.charge_mos, bus.batteries[0].pack.discharge_mos), (false, true), "{device}");
    }
}

#[test]
fn what_may_not_be_written_never_leaves() {
    let line = on_port("jbd", "dd", Faults::default());
    let mut shut = writing(&line, "jbd", "dd", false);
    let Outcome::Rejected(failure) = shut.write("discharge_mos", false) else { panic!("it was written") };
    assert!(failure.message.contains("`writes` is off") && failure.hint.unwrap().contains("\"writes\": true"));
    assert!(shut.stop().success());
    let mut open = writing(&line, "jbd", "dd", true);
    for (tag, value, why) in [
        ("voltage", Value::Int(1), "`voltage` can only be read"),
        ("charge_mos", Value::text("on"), "text is neither on nor off"),
        ("charge_mos", Value::Int(2), "int is neither on nor off"),
        ("nothing_there", Value::Bool(true), "there is no `nothing_there`"),
    ] {
        let Outcome::Rejected(failure) = open.write(tag, value) else { panic!("{tag} was written") };
        assert!(failure.message.contains(why), "{}", failure.message);
    }
    let pulse = open.write_item("charge_mos", false, |item| item.pulse_ms = Some(500));
    assert!(matches!(open.outcome(pulse), Outcome::Rejected(_)));
    let bus = line.bus();
    assert!(bus.batteries[0].pack.charge_mos && bus.batteries[0].pack.discharge_mos);
}

#[test]
fn a_switch_of_a_battery_that_does_not_answer_expires_or_may_be_tried_again() {
    let line = on_port("jbd", "dd", Faults::default());
    let mut driver = writing(&line, "jbd", "dd", true);
    line.bus().batteries[0].silent = true;
    driver.state(Status::Degraded);
    let id = driver.write_item("charge_mos", false, |item| item.ttl_ms = Some(300));
    assert_eq!(driver.outcome(id), Outcome::Expired);
    assert!(line.bus().batteries[0].pack.charge_mos);
}
