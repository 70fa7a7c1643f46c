//! The house that plays with `--sim`, and a house of TwinCAT 2.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fieldrail_driver_ads::codec::groups;
use fieldrail_driver_ads::sim::{Plc, Program};
use fieldrail_model::Value;
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Outcome, Plugin};
use serde_json::json;

use crate::plc::{DRIVER, Device};

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

/// Where the project of TwinCAT 2 loads no symbols into the PLC, only the file knows where its variables lie.
#[test]
fn a_plc_that_tells_no_symbols_is_used_by_the_addresses_of_the_tpy_file() {
    let mut program = Program::default();
    program.marker(6, "MAIN.VBAUSGANG6", "BOOL", 1, "");
    program.marker(8, "MAIN.NPOWER", "INT", 2, "");
    let mut plc = Plc::new(program);
    plc.ports = vec![801];
    for group in [0xF003, 0xF007, 0xF009, 0xF00B, 0xF00C, 0xF00E, 0xF00F, 0xF011] {
        plc.faults.refuse.insert(group, 0x753);
    }
    plc.put("MAIN.NPOWER", 450_i64);
    let device = Device::of(plc);
    let folder = tempfile::tempdir().unwrap();
    let tpy = folder.path().join("haus.tpy");
    let symbol = |name: &str, kind: &str, offset: u32, bits: u32| {
        format!(
            "<Symbol><Name>{name}</Name><Type>{kind}</Type><IGroup>16416</IGroup><IOffset>{offset}</IOffset>\
             <BitSize>{bits}</BitSize></Symbol>"
        )
    };
    let symbols = symbol("MAIN.VbAusgang6", "BOOL", 6, 8) + &symbol("MAIN.nPower", "INT", 8, 16);
    std::fs::write(&tpy, format!("<PlcProjectInfo><Symbols>{symbols}</Symbols></PlcProjectInfo>")).unwrap();
    let mut driver = device.driver(&json!({ "tpy": tpy }));
    driver.subscribe(&["MAIN.nPower"]);
    assert_eq!(driver.sample("MAIN.nPower").value, Value::Int(450));
    let id = driver.write_item("MAIN.VbAusgang6", true, |item| item.pulse_ms = Some(100));
    assert_eq!(driver.outcome(id), Outcome::Confirmed);
    assert_eq!(device.get("MAIN.VBAUSGANG6"), Some(Value::Bool(true)));
    device.until("the end of the pulse", |plc| plc.get("MAIN.VBAUSGANG6") == Some(Value::Bool(false)));
    assert_eq!(driver.browse("MAIN")[0].source.as_deref(), Some(".tpy file only"));
}

/// A file that a person sends while the PLC runs: it is in the tree at once and after a restart, until it is removed.
#[test]
fn an_imported_tpy_file_is_merged_kept_and_removed() {
    let mut program = Program::default();
    program.marker(6, "MAIN.VBAUSGANG6", "BOOL", 1, "");
    let device = Device::of(Plc::new(program));
    let text = "<PlcProjectInfo><Symbols><Symbol><Name>MAIN.VbAusgang6</Name><Type>BOOL</Type><Comment>Licht Küche</Comment>\
                </Symbol></Symbols></PlcProjectInfo>";
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut driver = Plugin::start_in(DRIVER, &[], "plc_001", device.config(&json!({})), Some(folder.path()));
        driver.state(Status::Connected);
        driver
    };
    let mut driver = start();
    driver.subscribe(&["MAIN.VbAusgang6"]);
    driver.sample("MAIN.VBAUSGANG6");
    assert!(driver.search("kuche").is_empty());
    let piece = |name: &str, text: &str, offset: usize, end: usize| json!({ "name": name, "size": text.len(), "offset": offset, "content": BASE64.encode(&text.as_bytes()[offset..end]) });
    let foreign = driver.call("import", piece("foto.jpg", "no XML", 0, 6)).unwrap_err();
    assert!(foreign.message.contains("foto.jpg") && foreign.hint.is_some(), "{foreign:?}");
    let first = driver.call("import", piece("haus.tpy", text, 0, 50)).unwrap();
    assert_eq!(first, json!({ "received": 50, "done": false }));
    let last = driver.call("import", piece("haus.tpy", text, 50, text.len())).unwrap();
    assert_eq!((&last["done"], &last["symbols"], &last["warning"]), (&json!(true), &json!(1), &json!(null)));
    let found = driver.search("kuche");
    assert_eq!(found[0].tag.as_deref(), Some("MAIN.VbAusgang6"));
    assert_eq!(found[0].source.as_deref(), Some("device and .tpy file"));
    device.plc().put("MAIN.VBAUSGANG6", true);
    driver.wait_sample("the value after it", |sample| sample.value == Value::Bool(true) && sample.quality.is_good());
    drop(driver);
    let mut driver = start();
    assert_eq!(driver.search("kuche").len(), 1, "it is there after a restart");
    assert_eq!(driver.call("remove_import", json!(null)).unwrap(), json!({ "removed": true }));
    assert!(driver.search("kuche").is_empty());
    assert_eq!(driver.call("remove_import", json!(null)).unwrap(), json!({ "removed": false }));
}

/// A program as TwinCAT 2 tells of it: names in capitals, types with names of their own, no table of types.
#[test]
fn a_plc_of_twincat_2_is_used_with_the_names_of_its_tpy_file() {
    let mut program = Program::default();
    program.structure("ST_ROOM", &[("RIST", "REAL", 4), ("RSOLL", "REAL", 4)]);
    program.marker(6, "MAIN.VBAUSGANG6", "BOOL", 1, "");
    program.variable("MAIN.NPOWER", "INT16", 2, "");
    program.variable("MAIN.ARTEMP", "ARRAY [1..2] OF REAL", 8, "");
    program.variable("MAIN.STROOM", "ST_ROOM", 8, "");
    program.at(0xF031, 803, ".BAUSGANG6", "BOOL", 1, "");
    program.variable("LIGHT.RM_LIGHT_06", "BOOL", 1, "only the device has it");
    let mut plc = Plc::new(program);
    plc.ports = vec![801];
    plc.faults.refuse.insert(groups::TYPE_TABLE, 0x702);
    let device = Device::of(plc);
    let folder = tempfile::tempdir().unwrap();
    let tpy = folder.path().join("haus.tpy");
    let symbol = |name: &str, kind: &str, bits: u32, comment: &str| {
        format!(
            "<Symbol><Name>{name}</Name><Type>{kind}</Type><Comment>{comment}</Comment><IGroup>16448</IGroup>\
             <IOffset>0</IOffset><BitSize>{bits}</BitSize></Symbol>"
        )
    };
    let item = |name: &str, bits: u32| {
        format!("<SubItem><Name>{name}</Name><Type>REAL</Type><BitSize>32</BitSize><BitOffs>{bits}</BitOffs></SubItem>")
    };
    let text = format!(
        "<PlcProjectInfo><DataTypes><DataType><Name>ST_Room</Name><BitSize>64</BitSize>{}{}</DataType></DataTypes>\
         <Symbols>{}{}{}</Symbols></PlcProjectInfo>",
        item("rIst", 0),
        item("rSoll", 32),
        symbol("MAIN.VbAusgang6", "BOOL", 8, "Licht Flur"),
        symbol("MAIN.stRoom", "ST_Room", 64, ""),
        symbol("MAIN.bWeg", "BOOL", 8, "nicht mehr im Programm"),
    );
    std::fs::write(&tpy, text).unwrap();
    let mut driver = device.driver(&json!({ "tpy": tpy }));
    let tags = ["main.vbausgang6", "MAIN.nPower", "MAIN.arTemp[2]", "MAIN.stRoom.rSoll", ".bAusgang6", "MAIN.bWeg"];
    let answers = driver.subscribe(&tags);
    assert_eq!((answers[0].tag.as_str(), answers[3].tag.as_str()), ("MAIN.VbAusgang6", "MAIN.stRoom.rSoll"));
    assert!(answers[5].failure.clone().unwrap().message.contains("`.tpy` file"));
    for tag in ["MAIN.NPOWER", "MAIN.ARTEMP[2]", "MAIN.stRoom.rSoll", ".BAUSGANG6"] {
        driver.sample(tag);
    }
    assert_eq!(driver.write("main.VBAUSGANG6", true), Outcome::Confirmed);
    assert_eq!(driver.write("MAIN.stroom.rsoll", 21.5), Outcome::Confirmed);
    assert_eq!(driver.write(".bausgang6", true), Outcome::Confirmed);
    driver.wait_sample("the switch", |sample| &*sample.tag == "MAIN.VbAusgang6" && sample.value == Value::Bool(true));
    driver.wait_sample("the room", |sample| sample.value == Value::Float(21.5));
    driver.wait_sample("the output", |sample| &*sample.tag == ".BAUSGANG6" && sample.value == Value::Bool(true));
    let found = driver.search("LICHT FLUR");
    assert_eq!(found[0].tag.as_deref(), Some("MAIN.VbAusgang6"));
    assert_eq!(driver.search("rm_light").len(), 1);
}
