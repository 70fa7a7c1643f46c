//! Felicity Solar over Bluetooth: the answer to a line of text is one JSON object.

use serde_json::Value as Json;

use super::reading::{Reading, scaled};
use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Ble, Family, Found, Need, Proof, Question, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "felicity",
    title: "Felicity Solar",
    variants: &[Variant {
        name: "felicity_ble",
        aliases: &[],
        transports: &[(Transport::Ble, Proof::Vector)],
        bauds: &[],
        ble: Some(&BLE),
        is_passive: false,
        make: |setup| Ok(Talk::boxed(Felicity, setup)),
    }],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "6e6f736a-4643-4d44-8fa9-0fafd005e455",
    notify: "49535458-8341-43f4-a9d4-ec0e34729bb3",
    write: "49535258-184d-4bd9-bc61-20c647249616",
    names: &["F07*", "F10*"],
    companies: &[],
};

/// The question for everything.
const QUESTION: &[u8] = b"wifilocalMonitor:get dev real infor";

/// The most letters of an answer.
const MOST: usize = 3072;

/// No cell, no sensor.
const NO_CELL: i64 = 0xFFFF;
const NO_SENSOR: i64 = 0x7FFF;

/// One battery.
struct Felicity;

impl Protocol for Felicity {
    fn poll(&self, _need: Need) -> Vec<Question> {
        vec![Question::new("values", QUESTION)]
    }

    fn look(&self, bytes: &[u8]) -> Look {
        if bytes.first() != Some(&b'{') {
            return Look::Not;
        }
        if bytes.len() > 1 && bytes[1] != b'"' {
            return Look::Not;
        }
        let mut depth = 0;
        for (at, letter) in bytes.iter().take(MOST).enumerate() {
            match letter {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                letter if !letter.is_ascii() || letter.is_ascii_control() => {
                    return Look::Bad(at, Fault::Foreign(format!("a byte {letter:02X} within a text")));
                }
                _ => {}
            }
            if depth == 0 {
                return check(&bytes[..=at]);
            }
        }
        if bytes.len() < MOST { Look::More(None) } else { Look::Not }
    }

    fn answers(&self, _frame: &[u8], _question: &[u8]) -> bool {
        true
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        let said: Json = serde_json::from_slice(frame).map_err(|_| Fault::Nothing(frame.len()))?;
        match said.get("CommVer").and_then(Json::as_i64) {
            Some(1) => values(&said).map(told),
            other => Err(Fault::Foreign(format!("version {} of the protocol", other.unwrap_or_default()))),
        }
    }
}

/// Whether the text is JSON.
fn check(text: &[u8]) -> Look {
    match serde_json::from_slice::<Json>(text) {
        Ok(_) => Look::Good(text.len()),
        Err(error) => Look::Bad(text.len(), Fault::Foreign(format!("a text that is no JSON: {error}"))),
    }
}

/// A number of a list of lists.
fn at(said: &Json, list: &str, row: usize, column: usize) -> Option<i64> {
    said.get(list)?.get(row)?.get(column)?.as_i64()
}

/// The first row of a list of lists.
fn row<'a>(said: &'a Json, list: &str) -> impl Iterator<Item = i64> + 'a {
    let row = said.get(list).and_then(|rows| rows.get(0)).and_then(Json::as_array);
    row.into_iter().flatten().filter_map(Json::as_i64)
}

/// What it says; whatever is missing is left out.
fn values(said: &Json) -> Result<Reading, Fault> {
    let mut reading = Reading::default();
    if let Some(millivolt) = at(said, "BattList", 0, 0).filter(|raw| *raw != NO_CELL) {
        reading.number("voltage", "V", scaled(millivolt, 3));
    }
    if let Some(current) = at(said, "BattList", 1, 0) {
        reading.number("current", "A", scaled(current, 1));
    }
    if let (Some(soc), Some(capacity)) = (at(said, "BatsocList", 0, 0), at(said, "BatsocList", 0, 2)) {
        reading.number("soc", "%", scaled(soc, 2));
        reading.number("capacity", "Ah", scaled(capacity, 3));
        reading.number("remaining", "Ah", scaled(soc.saturating_mul(capacity), 7));
    }
    for (cell, millivolt) in row(said, "BatcelList").enumerate() {
        if millivolt != NO_CELL {
            reading.cell(cell + 1, scaled(millivolt, 3))?;
        }
    }
    for (sensor, raw) in row(said, "BtemList").enumerate() {
        if raw != NO_SENSOR {
            reading.temperature(sensor + 1, scaled(raw, 1))?;
        }
    }
    for (name, key) in [("alarms.fault", "Bfault"), ("alarms.warning", "Bwarn")] {
        if let Some(bits) = said.get(key).and_then(Json::as_i64) {
            reading.flag(name, bits != 0);
        }
    }
    if let Some(serial) = said.get("DevSN").and_then(Json::as_str) {
        reading.text("serial", &serial.chars().take(32).collect::<String>());
    }
    Ok(reading)
}
