//! What Victron's numbers mean: states, alarms, reasons.
//!
//! Facts of Victron's VE.Direct protocol document and its extra manufacturer data sheet.

use crate::battery::reading::Reading;

/// The states of a charger, an inverter or a switch.
const STATES: [(i64, &str); 23] = [
    (0, "off"),
    (1, "low_power"),
    (2, "fault"),
    (3, "bulk"),
    (4, "absorption"),
    (5, "float"),
    (6, "storage"),
    (7, "equalize"),
    (8, "pass_through"),
    (9, "inverting"),
    (10, "assisting"),
    (11, "power_supply"),
    (244, "sustain"),
    (245, "starting"),
    (246, "repeated_absorption"),
    (247, "recondition"),
    (248, "battery_safe"),
    (249, "active"),
    (250, "blocked"),
    (251, "test"),
    (252, "external_control"),
    (253, "discharging"),
    (254, "unknown"),
];

/// Why an alarm is on, by the bit.
pub(super) const ALARMS: [(u8, &str); 14] = [
    (0, "alarms.low_voltage"),
    (1, "alarms.high_voltage"),
    (2, "alarms.low_soc"),
    (3, "alarms.low_starter_voltage"),
    (4, "alarms.high_starter_voltage"),
    (5, "alarms.low_temperature"),
    (6, "alarms.high_temperature"),
    (7, "alarms.mid_voltage"),
    (8, "alarms.overload"),
    (9, "alarms.dc_ripple"),
    (10, "alarms.low_ac_voltage"),
    (11, "alarms.high_ac_voltage"),
    (12, "alarms.short_circuit"),
    (13, "alarms.bms_lockout"),
];

/// The same as warnings, which are no alarms yet.
pub(super) const WARNINGS: [(u8, &str); 14] = [
    (0, "warnings.low_voltage"),
    (1, "warnings.high_voltage"),
    (2, "warnings.low_soc"),
    (3, "warnings.low_starter_voltage"),
    (4, "warnings.high_starter_voltage"),
    (5, "warnings.low_temperature"),
    (6, "warnings.high_temperature"),
    (7, "warnings.mid_voltage"),
    (8, "warnings.overload"),
    (9, "warnings.dc_ripple"),
    (10, "warnings.low_ac_voltage"),
    (11, "warnings.high_ac_voltage"),
    (12, "warnings.short_circuit"),
    (13, "warnings.bms_lockout"),
];

/// Why a device is off, from the lowest bit.
const OFF_REASONS: [&str; 9] = [
    "no_input_power",
    "switch",
    "register",
    "remote_input",
    "protection",
    "pay_as_you_go",
    "bms",
    "engine_off",
    "analysing_input",
];

/// The state of a device, by name.
pub(super) fn state(reading: &mut Reading, code: i64) {
    match STATES.iter().find(|(number, _)| *number == code) {
        Some((_, name)) => reading.text("charge_state", name),
        None => reading.text("charge_state", &format!("state_{code}")),
    }
}

/// The error of a device, 0 for none; any other is an alarm.
pub(super) fn error(reading: &mut Reading, code: i64) {
    reading.count("error", "", code);
    reading.flag("alarms.error", code != 0);
}

/// Why a device is off: names with a comma between them, `none` for none.
pub(super) fn off_reason(reading: &mut Reading, bits: u32) {
    let known = OFF_REASONS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    let mut names: Vec<String> = known.map(|(_, name)| (*name).to_owned()).collect();
    let rest = bits >> OFF_REASONS.len() << OFF_REASONS.len();
    if rest != 0 {
        names.push(format!("{rest:#x}"));
    }
    let all = if names.is_empty() { "none".to_owned() } else { names.join(",") };
    reading.text("off_reason", &all);
}

/// The product id.
pub(super) fn product_id(reading: &mut Reading, id: u16) {
    reading.text("product_id", &format!("0x{id:04X}"));
}

/// The same with an inverter's rating (`48V 800VA 230V`) for itself: an advertisement names the family.
pub(super) fn family(reading: &mut Reading, id: u16) {
    product(reading, id);
    let Some((family, rating)) = super::models::model(id).and_then(|name| name.split_once(" Inverter ")) else {
        return;
    };
    reading.text("model", &format!("{family} Inverter"));
    reading.text("rating", rating);
}

/// The product id, and the model where the id is known.
pub(super) fn product(reading: &mut Reading, id: u16) {
    product_id(reading, id);
    if let Some(name) = super::models::model(id) {
        reading.text("model", name);
    }
}
