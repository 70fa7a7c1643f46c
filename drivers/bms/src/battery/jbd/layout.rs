//! What the data of a JBD answer means. Numbers are high byte first.

use super::super::bytes::Bytes;
use super::super::reading::{MOST_CELLS, Reading, scaled};
use crate::fault::Fault;

/// Bits 0 to 12 of the protection word.
const ALARMS: &[(u8, &str)] = &[
    (0, "alarms.cell_overvoltage"),
    (1, "alarms.cell_undervoltage"),
    (2, "alarms.pack_overvoltage"),
    (3, "alarms.pack_undervoltage"),
    (4, "alarms.charge_overtemp"),
    (5, "alarms.charge_undertemp"),
    (6, "alarms.discharge_overtemp"),
    (7, "alarms.discharge_undertemp"),
    (8, "alarms.charge_overcurrent"),
    (9, "alarms.discharge_overcurrent"),
    (10, "alarms.short_circuit"),
    (11, "alarms.frontend_error"),
    (12, "alarms.mos_software_lock"),
];

/// Register 03; says how many cells there are.
pub(super) fn info(data: &[u8], reading: &mut Reading) -> Result<usize, Fault> {
    let data = Bytes::new("the info", data);
    let (cells, sensors) = (usize::from(data.u8(21)?), usize::from(data.u8(22)?));
    if cells > MOST_CELLS {
        return Err(Fault::Cells(cells));
    }
    let behind = 23 + 2 * sensors;
    data.slice(23, 2 * sensors)?;
    // The byte behind the sensors is the humidity; its highest bit says that ampere come in tenths.
    let decimals = if data.u8(behind).is_ok_and(|byte| byte & 0x80 != 0) { 1 } else { 2 };
    reading.number("voltage", "V", scaled(data.u16_be(0)?, 2));
    reading.number("current", "A", scaled(data.i16_be(2)?, decimals));
    reading.number("remaining", "Ah", scaled(data.u16_be(4)?, decimals));
    reading.number("capacity", "Ah", scaled(data.u16_be(6)?, decimals));
    reading.number("soc", "%", f64::from(data.u8(19)?));
    reading.count("cycles", "", data.u16_be(8)?);
    reading.count("cell_count", "", data.u8(21)?);
    for number in 1..=sensors {
        let kelvin = i64::from(data.u16_be(21 + 2 * number)?);
        reading.temperature(number, scaled(kelvin - 2731, 1))?;
    }
    let switches = data.u8(20)?;
    reading.flag("charge_mos", switches & 1 != 0);
    reading.flag("discharge_mos", switches & 2 != 0);
    let mask = u32::from(data.u16_be(12)?) | u32::from(data.u16_be(14)?) << 16;
    reading.flag("balancing", mask != 0);
    reading.count("balancing_mask", "", mask);
    let bits = data.u16_be(16)?;
    reading.alarms(bits.into(), ALARMS);
    reading.count("alarm_bits", "", bits);
    let version = data.u8(18)?;
    reading.text("software_version", &format!("{}.{}", version >> 4, version & 15));
    reading.text("production_date", &date(data.u16_be(10)?));
    if let Ok(full) = data.u16_be(behind + 3) {
        reading.number("full_capacity", "Ah", scaled(full, decimals));
    }
    Ok(cells)
}

/// Years since 2000, month and day in one word; empty if it is no date.
fn date(word: u16) -> String {
    let (year, month, day) = (2000 + (word >> 9), word >> 5 & 15, word & 31);
    if (1..=12).contains(&month) && day > 0 { format!("{year}-{month:02}-{day:02}") } else { String::new() }
}

/// Register 04. A unit may send more places than it has cells.
pub(super) fn cells(data: &[u8], known: Option<usize>, reading: &mut Reading) -> Result<(), Fault> {
    let sent = data.len() / 2;
    let count = known.filter(|known| *known > 0).unwrap_or(sent);
    if sent > MOST_CELLS || count > MOST_CELLS {
        return Err(Fault::Cells(sent.max(count)));
    }
    let data = Bytes::new("the cells", data);
    data.slice(0, 2 * count.max(1))?;
    for number in 1..=count {
        reading.cell(number, scaled(data.u16_be(2 * number - 2)?, 3))?;
    }
    if known.is_none() {
        reading.count("cell_count", "", i64::try_from(count).unwrap_or(i64::MAX));
    }
    Ok(())
}

/// Register 05.
pub(super) fn hardware(data: &[u8], reading: &mut Reading) -> Result<(), Fault> {
    let name = Bytes::new("the name", data).text(0, data.len())?;
    reading.text("model", &name);
    reading.text("hardware_version", &name);
    Ok(())
}

/// How often each protection struck, in the order of register AA.
const COUNTERS: [&str; 11] = [
    "error_counters.short_circuit",
    "error_counters.charge_overcurrent",
    "error_counters.discharge_overcurrent",
    "error_counters.cell_overvoltage",
    "error_counters.cell_undervoltage",
    "error_counters.charge_overtemp",
    "error_counters.charge_undertemp",
    "error_counters.discharge_overtemp",
    "error_counters.discharge_undertemp",
    "error_counters.pack_overvoltage",
    "error_counters.pack_undervoltage",
];

/// Register AA.
pub(super) fn counters(data: &[u8], reading: &mut Reading) -> Result<(), Fault> {
    let data = Bytes::new("the counters", data);
    for (index, name) in COUNTERS.into_iter().enumerate() {
        reading.count(name, "", data.u16_be(2 * index)?);
    }
    Ok(())
}
