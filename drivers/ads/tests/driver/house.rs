//! The house that plays with `--sim`.

use std::time::Duration;

use fieldrail_model::Value;
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::plc::DRIVER;

#[test]
fn the_simulated_house_answers_a_pulse_with_its_light() {
    let config = json!({ "ams_net_id": "192.168.2.162.1.1", "ams_port": 801, "host": "192.168.2.162" });
    let mut driver = Plugin::start_with(DRIVER, &["--sim"], "plc_001", config);
    driver.state(Status::Connected);
    driver.subscribe(&["Light.RM_Light_06", "MAIN.aTemperature[1]", "$plc.task_cycle_us", "Blinds.Kitchen.fPosition"]);
    assert_eq!(driver.sample("Light.RM_Light_06").value, Value::Bool(false));
    assert_eq!(driver.sample("$plc.task_cycle_us").value, Value::Int(10_000));
    for on in [true, false] {
        let id = driver.write_item("MAIN.VbAusgang6", true, |item| item.pulse_ms = Some(100));
        assert_eq!(driver.outcome(id), Outcome::Confirmed);
        assert_eq!(driver.sample("Light.RM_Light_06").value, Value::Bool(on));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(driver.write("Blinds.Kitchen.bDown", true), Outcome::Confirmed);
    driver.wait_sample("the blind", |sample| {
        &*sample.tag == "Blinds.Kitchen.fPosition" && sample.value != Value::Float(0.0)
    });
    assert!(driver.browse("").iter().any(|node| node.name == "Blinds"));
}
