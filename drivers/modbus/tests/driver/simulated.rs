//! The inverter that plays, and devices that describe themselves.

use fieldrail_model::{Quality, Value};
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::peers::{DRIVER, Peer, driver, on};

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

/// The images that pysunspec2 has read, on a pymodbus server: each point is read by the driver as pysunspec2 read it.
#[test]
fn whole_devices_on_a_foreign_server_are_read_as_a_foreign_client_read_them() {
    let cases: serde_json::Value = serde_json::from_str(include_str!("../../golden/sunspec.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let hex = case["image"].as_str().unwrap();
        let words: Vec<u16> =
            (0..hex.len()).step_by(4).map(|at| u16::from_str_radix(&hex[at..at + 4], 16).unwrap()).collect();
        let peer = Peer::with_image(40_000, &words);
        let mut driver = driver(on(&peer), &json!({ "sunspec": true }));
        driver.subscribe(&["1.Mn"]);
        driver.sample("1.Mn");
        let points = case["points"].as_object().unwrap();
        let tags: Vec<&str> = points.keys().map(String::as_str).collect();
        for (reading, (tag, want)) in driver.read(&tags).iter().zip(points) {
            assert_eq!(reading.quality, Quality::Good, "{tag}: {:?}", reading.note);
            let is_same = match want {
                serde_json::Value::String(want) => reading.value == Value::text(want.as_str()),
                want => {
                    let (got, want) = (reading.value.as_f64().unwrap(), want.as_f64().unwrap());
                    (got - want).abs() <= 1e-9 * want.abs().max(1.0)
                }
            };
            assert!(is_same, "{}: {tag} is {}, want {want}", case["shows"], reading.value);
        }
    }
}
