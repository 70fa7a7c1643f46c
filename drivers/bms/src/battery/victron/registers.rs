//! The registers of Victron devices, which VE.Direct HEX and Bluetooth share. Values are little endian.
//!
//! Facts of Victron's HEX protocol documents for BMV and MPPT and of its Bluetooth sheet for battery monitors. A number of all ones
//! (with a sign: all but the highest bit) is not available.

use crate::battery::bytes::Bytes;
use crate::battery::reading::{Reading, scaled};
use crate::fault::Fault;

use super::names;

/// What a register holds.
#[derive(Clone, Copy)]
enum Kind {
    /// A number without a sign, with its decimal places.
    Plain(u8),
    /// A number with a sign, with its decimal places.
    Signed(u8),
    /// Hundredths of a kelvin.
    Kelvin,
    /// Hundredths of a degree Celsius.
    Celsius,
    /// A text.
    Text,
    /// Yes or no.
    Flag,
    /// A state.
    State,
    /// An error.
    Error,
    /// A product id, the second and third byte of four.
    Product,
}

use Kind::{Celsius, Error, Flag, Kelvin, Plain, Product, Signed, State, Text};

/// Register, name, unit, kind.
const REGISTERS: [(u16, &str, &str, Kind); 49] = [
    (0x0100, "product_id", "", Product),
    (0x010A, "serial", "", Text),
    (0x010B, "model", "", Text),
    (0x0120, "uptime", "s", Plain(0)),
    (0x0201, "charge_state", "", State),
    (0x0300, "deepest_discharge", "Ah", Signed(1)),
    (0x0301, "last_discharge", "Ah", Signed(1)),
    (0x0302, "average_discharge", "Ah", Signed(1)),
    (0x0303, "cycles", "", Plain(0)),
    (0x0304, "full_discharges", "", Plain(0)),
    (0x0305, "drawn_total", "Ah", Signed(1)),
    (0x0306, "lowest_voltage", "V", Signed(2)),
    (0x0307, "highest_voltage", "V", Signed(2)),
    (0x0308, "since_full", "s", Plain(0)),
    (0x0309, "synchronisations", "", Plain(0)),
    (0x030A, "low_voltage_alarms", "", Plain(0)),
    (0x030B, "high_voltage_alarms", "", Plain(0)),
    (0x030E, "lowest_aux_voltage", "V", Signed(2)),
    (0x030F, "highest_aux_voltage", "V", Signed(2)),
    (0x0310, "discharged_total", "kWh", Plain(2)),
    (0x0311, "charged_total", "kWh", Plain(2)),
    (0x0382, "midpoint_voltage", "V", Plain(2)),
    (0x0383, "midpoint_deviation", "%", Signed(1)),
    (0x0FFE, "time_to_go", "min", Plain(0)),
    (0x0FFF, "soc", "%", Plain(2)),
    (0x1000, "capacity", "Ah", Plain(0)),
    (0xED7D, "aux_voltage", "V", Signed(2)),
    (0xED8C, "current", "A", Signed(3)),
    (0xED8D, "voltage", "V", Signed(2)),
    (0xED8E, "power", "W", Signed(0)),
    (0xED8F, "current_coarse", "A", Signed(1)),
    (0xEDAD, "load_current", "A", Plain(1)),
    (0xEDBB, "pv_voltage", "V", Plain(2)),
    (0xEDBC, "pv_power", "W", Plain(2)),
    (0xEDBD, "pv_current", "A", Plain(1)),
    (0xEDD0, "highest_power_yesterday", "W", Plain(0)),
    (0xEDD1, "yield_yesterday", "kWh", Plain(2)),
    (0xEDD2, "highest_power_today", "W", Plain(0)),
    (0xEDD3, "yield_today", "kWh", Plain(2)),
    (0xEDD5, "charger_voltage", "V", Plain(2)),
    (0xEDD7, "charger_current", "A", Plain(1)),
    (0xEDDA, "error", "", Error),
    (0xEDDB, "charger_temperature", "°C", Celsius),
    (0xEDDC, "yield_user", "kWh", Plain(2)),
    (0xEDDD, "yield_total", "kWh", Plain(2)),
    (0xEDEC, "temperatures.1", "°C", Kelvin),
    (0xEEB6, "synchronised", "", Flag),
    (0xEEB8, "dc_monitor_mode", "", Signed(0)),
    (0xEEFF, "consumed", "Ah", Signed(1)),
];

/// Takes the value of a register. One that is not known is shown by its number, so that a capture tells what it was.
///
/// # Errors
/// The value has another size than a number can have.
pub(super) fn put(reading: &mut Reading, id: u16, value: &[u8]) -> Result<(), Fault> {
    let Ok(at) = REGISTERS.binary_search_by_key(&id, |(known, ..)| *known) else {
        if let Some(raw) = plain(value)? {
            reading.count(format!("register.{id:04x}"), "", raw);
        }
        return Ok(());
    };
    let (_, name, unit, kind) = REGISTERS[at];
    match kind {
        Text => reading.text(name, &Bytes::new("the text", value).text(0, value.len())?),
        Product => names::product_id(reading, Bytes::new("the product id", value).u16_le(1)?),
        Signed(places) => number(reading, name, unit, signed(value)?, places),
        Plain(places) => number(reading, name, unit, plain(value)?, places),
        Kelvin => number(reading, name, unit, plain(value)?.map(|raw| raw - 27_315), 2),
        Celsius => number(reading, name, unit, signed(value)?, 2),
        Flag => put_whole(plain(value)?, |raw| reading.flag(name, raw == 1)),
        State => put_whole(plain(value)?, |raw| names::state(reading, raw)),
        Error => put_whole(plain(value)?, |raw| names::error(reading, raw)),
    }
    Ok(())
}

/// A number, unless it is not available.
fn number(reading: &mut Reading, name: &'static str, unit: &'static str, raw: Option<i64>, places: u8) {
    match raw {
        Some(raw) if unit.is_empty() => reading.count(name, unit, raw),
        Some(raw) => reading.number(name, unit, scaled(raw, places)),
        None => {}
    }
}

/// Does what there is to do with a value, unless it is not available.
fn put_whole(raw: Option<i64>, put: impl FnOnce(i64)) {
    if let Some(raw) = raw {
        put(raw);
    }
}

/// A number without a sign.
fn plain(value: &[u8]) -> Result<Option<i64>, Fault> {
    let raw = match value {
        [a] => u32::from(*a),
        [a, b] => u16::from_le_bytes([*a, *b]).into(),
        [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]),
        _ => return Err(size(value)),
    };
    Ok(value.iter().any(|byte| *byte != 0xFF).then_some(raw.into()))
}

/// A number with a sign.
fn signed(value: &[u8]) -> Result<Option<i64>, Fault> {
    let (raw, absent) = match value {
        [a] => (i8::from_le_bytes([*a]).into(), i8::MAX.into()),
        [a, b] => (i16::from_le_bytes([*a, *b]).into(), i16::MAX.into()),
        [a, b, c, d] => (i32::from_le_bytes([*a, *b, *c, *d]), i32::MAX),
        _ => return Err(size(value)),
    };
    Ok((raw != absent).then_some(raw.into()))
}

/// A number of a size that none has.
fn size(value: &[u8]) -> Fault {
    Fault::Short { what: "the value of the register", have: value.len(), want: 4 }
}

/// What a battery monitor is asked for.
pub(super) const MONITOR: [u16; 17] = [
    0xED8D, 0xED8C, 0xED8E, 0x0FFF, 0x0FFE, 0xEEFF, 0xED7D, 0xEDEC, 0x0382, 0x0300, 0x0303, 0x0304, 0x0305, 0x0306,
    0x0307, 0x0310, 0x0311,
];

/// What a solar charger is asked for.
pub(super) const CHARGER: [u16; 10] = [0xEDD5, 0xEDD7, 0xEDBB, 0xEDBC, 0x0201, 0xEDDA, 0xEDDB, 0xEDD3, 0xEDDC, 0xEDAD];

/// What never changes.
pub(super) const IDENTITY: [u16; 2] = [0x010A, 0x010B];

/// What has a characteristic of its own.
pub(super) const PUBLISHED: [u16; 10] =
    [0xED8D, 0xED8C, 0xED8E, 0x0FFF, 0xEEFF, 0x0FFE, 0xED7D, 0x0382, 0x0383, 0xEDEC];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_rise_so_that_each_is_found() {
        assert!(REGISTERS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let mut asked = MONITOR.iter().chain(&CHARGER).chain(&IDENTITY).chain(&PUBLISHED);
        assert!(asked.all(|id| REGISTERS.binary_search_by_key(id, |(known, ..)| *known).is_ok()));
    }

    #[test]
    fn a_register_without_a_value_is_left_out() {
        let mut reading = Reading::default();
        for (id, value) in [
            (0xED7D, &[0xFF, 0x7F][..]),
            (0x0382, &[0xFF, 0xFF]),
            (0xEDEC, &[0xFF, 0xFF]),
            (0xED8C, &[255, 255, 255, 127]),
        ] {
            put(&mut reading, id, value).unwrap();
        }
        assert!(reading.is_empty());
    }
}
