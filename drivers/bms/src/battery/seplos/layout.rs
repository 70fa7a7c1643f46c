//! The values and events of a Seplos of version 2, the same over Bluetooth and RS485.
//!
//! Facts: the makers' protocol 2.0 and captures.

use crate::battery::bytes::Bytes;
use crate::battery::reading::{MOST_CELLS, Reading, scaled};
use crate::fault::Fault;

/// Tenths of a kelvin at 0 °C.
const ZERO: i64 = 2731;

/// Bytes of the values behind the temperatures.
pub(super) const VALUES: usize = 19;

/// Counts of what the battery has, and where what follows them begins.
pub(super) struct Counts {
    /// Cells.
    pub(super) cells: usize,
    /// Temperature sensors.
    pub(super) sensors: usize,
    /// Behind the values.
    pub(super) end: usize,
}

/// The cells, the temperatures and the values, from the number of cells at `at`.
///
/// # Errors
/// There are more cells than there can be, or fewer bytes than they take.
pub(super) fn values(data: Bytes<'_>, at: usize, reading: &mut Reading) -> Result<Counts, Fault> {
    let cells = usize::from(data.u8(at)?);
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    for cell in 0..cells {
        reading.cell(cell + 1, scaled(data.u16_be(at + 1 + 2 * cell)?, 3))?;
    }
    let at = at + 1 + 2 * cells;
    let sensors = usize::from(data.u8(at)?);
    for sensor in 0..sensors {
        let raw = i64::from(data.u16_be(at + 1 + 2 * sensor)?);
        reading.temperature(sensor + 1, scaled(raw - ZERO, 1))?;
    }
    let at = at + 1 + 2 * sensors;
    reading.number("current", "A", scaled(data.i16_be(at)?, 2));
    reading.number("voltage", "V", scaled(data.u16_be(at + 2)?, 2));
    reading.number("remaining", "Ah", scaled(data.u16_be(at + 4)?, 2));
    reading.number("full_capacity", "Ah", scaled(data.u16_be(at + 7)?, 2));
    reading.number("soc", "%", scaled(data.u16_be(at + 9)?, 1));
    reading.number("capacity", "Ah", scaled(data.u16_be(at + 11)?, 2));
    reading.count("cycles", "", data.u16_be(at + 13)?);
    reading.number("soh", "%", scaled(data.u16_be(at + 15)?, 1));
    reading.number("port_voltage", "V", scaled(data.u16_be(at + 17)?, 2));
    reading.count("cell_count", "", i64::try_from(cells).unwrap_or_default());
    Ok(Counts { cells, sensors, end: at + VALUES })
}

/// The switches, from their byte.
pub(super) fn switches(reading: &mut Reading, bits: u8) {
    for (bit, name) in ["discharge_mos", "charge_mos", "current_limit", "heater"].into_iter().enumerate() {
        reading.flag(name, bits >> bit & 1 == 1);
    }
}

/// The state of the system, from its byte.
pub(super) fn state(reading: &mut Reading, bits: u8) {
    const STATES: [&str; 6] = ["discharging", "charging", "floating", "full", "standby", "off"];
    let name = STATES.iter().enumerate().find(|(bit, _)| bits >> bit & 1 == 1);
    reading.text("state", name.map_or("idle", |(_, name)| name));
}

/// The events, the first in the lowest byte. Two bits for each limit: the first warns, the second protects.
pub(super) fn events(reading: &mut Reading, bits: u64) {
    reading.alarms(bits, &EVENTS);
}

/// Whether any cell is balanced, from its mask.
pub(super) fn balancing(reading: &mut Reading, mask: &[u8]) {
    reading.flag("balancing", mask.iter().any(|byte| *byte != 0));
}

/// Bits of the eight events; those that only say what the battery does are left out.
const EVENTS: [(u8, &str); 50] = [
    (0, "alarms.voltage_sensor"),
    (1, "alarms.temperature_sensor"),
    (2, "alarms.current_sensor"),
    (3, "alarms.key_switch"),
    (4, "alarms.cell_difference"),
    (5, "alarms.charge_mos_fault"),
    (6, "alarms.discharge_mos_fault"),
    (7, "alarms.current_limit_fault"),
    (8, "alarms.cell_high_voltage"),
    (9, "alarms.cell_overvoltage"),
    (10, "alarms.cell_low_voltage"),
    (11, "alarms.cell_undervoltage"),
    (12, "alarms.pack_high_voltage"),
    (13, "alarms.pack_overvoltage"),
    (14, "alarms.pack_low_voltage"),
    (15, "alarms.pack_undervoltage"),
    (16, "alarms.charge_high_temp"),
    (17, "alarms.charge_overtemp"),
    (18, "alarms.charge_low_temp"),
    (19, "alarms.charge_undertemp"),
    (20, "alarms.discharge_high_temp"),
    (21, "alarms.discharge_overtemp"),
    (22, "alarms.discharge_low_temp"),
    (23, "alarms.discharge_undertemp"),
    (24, "alarms.ambient_high_temp"),
    (25, "alarms.ambient_overtemp"),
    (26, "alarms.ambient_low_temp"),
    (27, "alarms.ambient_undertemp"),
    (28, "alarms.mos_overtemp"),
    (29, "alarms.mos_high_temp"),
    (31, "alarms.secondary_trip"),
    (32, "alarms.charge_high_current"),
    (33, "alarms.charge_overcurrent"),
    (34, "alarms.discharge_high_current"),
    (35, "alarms.discharge_overcurrent"),
    (36, "alarms.transient_overcurrent"),
    (37, "alarms.short_circuit"),
    (38, "alarms.transient_lockout"),
    (39, "alarms.short_circuit_lockout"),
    (40, "alarms.charger_high_voltage"),
    (42, "alarms.soc_low"),
    (43, "alarms.soc_protection"),
    (44, "alarms.low_voltage_charging"),
    (45, "alarms.reverse_polarity"),
    (46, "alarms.connection"),
    (56, "alarms.memory_fault"),
    (57, "alarms.clock_fault"),
    (58, "alarms.voltage_calibration"),
    (59, "alarms.current_calibration"),
    (60, "alarms.zero_calibration"),
];
