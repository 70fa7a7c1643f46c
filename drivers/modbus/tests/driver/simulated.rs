//! The inverter that plays, and devices that describe themselves.

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::peers::DRIVER;

#[test]
fn without_a_word_a_hybrid_inverter_plays() {
    let mut driver = Plugin::start_with(DRIVER, &["--sim"], "inverter_1", json!({ "poll_ms": 50 }));
    driver.state(Status::Connected);
    driver.subscribe(&["pv_power", "battery_soc", "export_power", "serial_number", "export_power_limit"]);
    let soc = driver.sample("battery_soc");
    assert!(soc.quality == Quality::Good && (5.0..=100.0).contains(&soc.value.as_f64().unwrap()), "{soc:?}");
    assert_eq!(driver.sample("serial_number").value, Value::text("SIM"));
    assert_eq!(driver.sample("pv_power").quality, Quality::Good);
    // The battery takes nothing any more, so the sun goes to the grid; then the grid takes nothing either.
    assert_eq!(driver.write("battery_max_charge_power", 0_i64), Outcome::Confirmed);
    let exports = |driver: &mut Plugin, what: &str, want: fn(f64) -> bool| {
        driver.wait_sample(what, |sample| &*sample.tag == "export_power" && sample.value.as_f64().is_some_and(want));
    };
    exports(&mut driver, "the sun on the grid", |power| power > 1000.0);
    assert_eq!(driver.write("export_power_limit", 0_i64), Outcome::Confirmed);
    let is_limit =
        |sample: &fieldrail_testkit::Received| &*sample.tag == "export_power_limit" && sample.value == Value::Int(0);
    assert_eq!(driver.wait_sample("the limit", is_limit).quality, Quality::Good);
    exports(&mut driver, "nothing on the grid", |power| power <= 0.0);
}

#[test]
fn a_device_that_describes_itself_is_read_without_a_map() {
    let config = json!({ "sunspec": true, "poll_ms": 50 });
    let mut driver = Plugin::start_with(DRIVER, &["--sim"], "inverter_1", config);
    // Before the device has described itself any tag may be there.
    let items = driver.subscribe(&["103.W", "1.Mn", "103.nosuch"]);
    assert!(items.iter().all(|item| item.failure.is_none()));
    assert_eq!(driver.sample("1.Mn").value, Value::text("SIM"));
    let power = driver.sample("103.W");
    assert!(matches!(power.value, Value::Float(_)) && power.quality == Quality::Good, "{power:?}");
    assert_eq!(driver.sample("103.nosuch").quality, Quality::NotFound);
    assert!(driver.subscribe(&["103.alsonot"])[0].failure.is_some());
    let models = driver.browse("");
    let names: Vec<&str> = models.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["1", "103", "124", "203"]);
    assert_eq!(models[1].comment.as_deref(), Some("Inverter (Three Phase)"));
    let points = driver.search("103.W");
    assert_eq!((points[0].unit.as_deref(), points[0].location.as_deref()), (Some("W"), Some("holding 40084")));
    // A scale factor is read before a value is written with it.
    assert_eq!(driver.write("124.MinRsvPct", 25.0), Outcome::Confirmed);
    assert_eq!(driver.read(&["124.MinRsvPct"])[0].value, Value::Float(25.0));
}
