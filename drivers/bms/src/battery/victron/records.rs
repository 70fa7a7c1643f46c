//! The records of Instant Readout, one table each.
//!
//! Facts of Victron's extra manufacturer data sheet; the Orion XS record and the sign of the Lynx's charge are from captures.
//! A field whose bits are all ones (with a sign: all but the highest) is not available and left out.

use crate::battery::reading::{Reading, scaled};
use crate::fault::Fault;

use super::bits::{Bits, signed};
use super::names;

/// What to do with the next bits of a record.
#[derive(Clone, Copy)]
enum Field {
    /// A number without a sign: name, unit, bits, decimal places.
    Plain(&'static str, &'static str, u32, u8),
    /// A number with a sign: name, unit, bits, decimal places.
    Signed(&'static str, &'static str, u32, u8),
    /// Bits without a published meaning, shown as a number: name, bits.
    Raw(&'static str, u32),
    /// A temperature of 7 bits, 40 °C above the true one.
    Temperature,
    /// The state of the device, 8 bits.
    State,
    /// The error of a charger or an inverter, 8 bits; 0 is none.
    Error,
    /// Alarm reasons, 16 bits.
    Alarms,
    /// Warning reasons, 16 bits.
    Warnings,
    /// 16 bits whose meaning the 2 bits behind them tell.
    Aux,
    /// The charge taken out, 20 bits without a sign, in 0.1 Ah; shown negative as VE.Direct has it.
    Consumed,
    /// The cells of a Smart Lithium, 8 times 7 bits.
    Cells,
    /// What a balancer does, 4 bits.
    Balancer,
    /// Which AC input is in use, 2 bits.
    AcInput,
    /// No alarm, a warning or an alarm, 2 bits.
    AlarmLevel,
    /// Why the device is off, 32 bits.
    OffReason,
}

use Field::{
    AcInput, AlarmLevel, Alarms, Aux, Balancer, Cells, Consumed, Error, OffReason, Plain, Raw, Signed, State,
    Temperature, Warnings,
};

/// The values of a decrypted record. Bytes behind its last field are padding.
///
/// # Errors
/// The type is not known, or the record is shorter than its fields.
pub(super) fn decode(kind: u8, record: &[u8], reading: &mut Reading) -> Result<(), Fault> {
    let fields = fields(kind).ok_or_else(|| Fault::Foreign(format!("a record of type 0x{kind:02X}")))?;
    let bits: u32 = fields.iter().map(|field| field.bits()).sum();
    let want = (bits as usize).div_ceil(8);
    if record.len() < want {
        return Err(Fault::Truncated { have: record.len(), want: Some(want) });
    }
    let mut bits = Bits::new(record);
    for field in fields {
        let raw = bits.take(field.bits()).unwrap_or_default();
        field.put(raw, reading)?;
    }
    Ok(())
}

/// The fields of a record type, or nothing for a type that is not known.
fn fields(kind: u8) -> Option<&'static [Field]> {
    Some(match kind {
        0x01 => &SOLAR_CHARGER,
        0x02 => &BATTERY_MONITOR,
        0x03 => &INVERTER,
        0x04 => &DC_DC,
        0x05 => &SMART_LITHIUM,
        0x06 => &INVERTER_RS,
        0x08 => &AC_CHARGER,
        0x09 => &BATTERY_PROTECT,
        0x0A => &LYNX,
        0x0B => &MULTI_RS,
        0x0C => &VE_BUS,
        0x0D => &DC_METER,
        0x0F => &ORION_XS,
        _ => return None,
    })
}

/// Type 01.
const SOLAR_CHARGER: [Field; 7] = [
    State,
    Error,
    Signed("voltage", "V", 16, 2),
    Signed("current", "A", 16, 1),
    Plain("yield_today", "kWh", 16, 2),
    Plain("pv_power", "W", 16, 0),
    Plain("load_current", "A", 9, 1),
];

/// Type 02: shunts, BMV, Battery Sense.
const BATTERY_MONITOR: [Field; 7] = [
    Plain("time_to_go", "min", 16, 0),
    Signed("voltage", "V", 16, 2),
    Alarms,
    Aux,
    Signed("current", "A", 22, 3),
    Consumed,
    Plain("soc", "%", 10, 1),
];

/// Type 03.
const INVERTER: [Field; 6] = [
    State,
    Alarms,
    Signed("voltage", "V", 16, 2),
    Plain("ac_apparent_power", "VA", 16, 0),
    Plain("ac_voltage", "V", 15, 2),
    Plain("ac_current", "A", 11, 1),
];

/// Type 04.
const DC_DC: [Field; 5] =
    [State, Error, Plain("input_voltage", "V", 16, 2), Signed("output_voltage", "V", 16, 2), OffReason];

/// Type 05.
const SMART_LITHIUM: [Field; 6] =
    [Raw("bms_flags", 32), Raw("error", 16), Cells, Plain("voltage", "V", 12, 2), Balancer, Temperature];

/// Type 06; no capture of it is known.
const INVERTER_RS: [Field; 7] = [
    State,
    Error,
    Signed("voltage", "V", 16, 2),
    Signed("current", "A", 16, 1),
    Plain("pv_power", "W", 16, 0),
    Plain("yield_today", "kWh", 16, 2),
    Signed("ac_out_power", "W", 16, 0),
];

/// Type 08: three outputs, of which the first is the battery.
const AC_CHARGER: [Field; 10] = [
    State,
    Error,
    Plain("voltage", "V", 13, 2),
    Plain("current", "A", 11, 1),
    Plain("output_2_voltage", "V", 13, 2),
    Plain("output_2_current", "A", 11, 1),
    Plain("output_3_voltage", "V", 13, 2),
    Plain("output_3_current", "A", 11, 1),
    Temperature,
    Plain("ac_current", "A", 9, 1),
];

/// Type 09.
const BATTERY_PROTECT: [Field; 8] = [
    State,
    Raw("output_state", 8),
    Error,
    Alarms,
    Warnings,
    Signed("input_voltage", "V", 16, 2),
    Plain("output_voltage", "V", 16, 2),
    OffReason,
];

/// Type 0A: Lynx Smart BMS and others.
const LYNX: [Field; 9] = [
    Error,
    Plain("time_to_go", "min", 16, 0),
    Signed("voltage", "V", 16, 2),
    Signed("current", "A", 16, 1),
    Raw("io_status", 16),
    Raw("alarm_flags", 18),
    Plain("soc", "%", 10, 1),
    Consumed,
    Temperature,
];

/// Type 0B.
const MULTI_RS: [Field; 9] = [
    State,
    Error,
    Signed("current", "A", 16, 1),
    Plain("voltage", "V", 14, 2),
    AcInput,
    Signed("ac_in_power", "W", 16, 0),
    Signed("ac_out_power", "W", 16, 0),
    Plain("pv_power", "W", 16, 0),
    Plain("yield_today", "kWh", 16, 2),
];

/// Type 0C.
const VE_BUS: [Field; 10] = [
    State,
    Error,
    Signed("current", "A", 16, 1),
    Plain("voltage", "V", 14, 2),
    AcInput,
    Signed("ac_in_power", "W", 19, 0),
    Signed("ac_out_power", "W", 19, 0),
    AlarmLevel,
    Temperature,
    Plain("soc", "%", 7, 0),
];

/// Type 0D.
const DC_METER: [Field; 5] =
    [Signed("meter_type", "", 16, 0), Signed("voltage", "V", 16, 2), Alarms, Aux, Signed("current", "A", 22, 3)];

/// Type 0F.
const ORION_XS: [Field; 7] = [
    State,
    Error,
    Plain("output_voltage", "V", 16, 2),
    Plain("output_current", "A", 16, 1),
    Plain("input_voltage", "V", 16, 2),
    Plain("input_current", "A", 16, 1),
    OffReason,
];

impl Field {
    /// How many bits it takes.
    const fn bits(self) -> u32 {
        match self {
            Plain(_, _, bits, _) | Signed(_, _, bits, _) | Raw(_, bits) => bits,
            Temperature => 7,
            State | Error => 8,
            Alarms | Warnings => 16,
            Aux => 18,
            Consumed => 20,
            Cells => 56,
            Balancer => 4,
            AcInput | AlarmLevel => 2,
            OffReason => 32,
        }
    }

    /// Whether its bits say that there is no value.
    fn is_absent(self, raw: u64) -> bool {
        match self {
            Signed(_, _, bits, _) => raw == (1 << (bits - 1)) - 1,
            // Each part of them has its own mark.
            Aux | Cells => false,
            _ => raw == (1 << self.bits()) - 1,
        }
    }

    /// Takes its value.
    fn put(self, raw: u64, reading: &mut Reading) -> Result<(), Fault> {
        if self.is_absent(raw) {
            return Ok(());
        }
        let whole = raw.cast_signed();
        match self {
            Plain(name, unit, _, places) => put(reading, name, unit, whole, places),
            Signed(name, unit, bits, places) => put(reading, name, unit, signed(raw, bits), places),
            Raw(name, _) => reading.count(name, "", whole),
            Temperature => reading.temperature(1, scaled(whole - 40, 0))?,
            State => names::state(reading, whole),
            Error => names::error(reading, whole),
            Alarms => reading.alarms(raw, &names::ALARMS),
            Warnings => reading.alarms(raw, &names::WARNINGS),
            Aux => aux(reading, raw & 0xFFFF, raw >> 16)?,
            Consumed => reading.number("consumed", "Ah", scaled(-whole, 1)),
            Cells => cells(reading, raw)?,
            Balancer => balancer(reading, whole),
            AcInput => reading.text("ac_input", AC_INPUTS.get(usize::try_from(raw).unwrap_or_default()).unwrap_or(&"")),
            AlarmLevel => {
                reading.flag("warnings.device", raw == 1);
                reading.flag("alarms.device", raw == 2);
            }
            OffReason => names::off_reason(reading, u32::try_from(raw).unwrap_or_default()),
        }
        Ok(())
    }
}

/// Which AC input is in use.
const AC_INPUTS: [&str; 3] = ["ac_in_1", "ac_in_2", "disconnected"];

/// A number of `places` decimals; one without any and without a unit of measure stays whole.
fn put(reading: &mut Reading, name: &'static str, unit: &'static str, raw: i64, places: u8) {
    if places == 0 && unit.is_empty() {
        reading.count(name, unit, raw);
    } else {
        reading.number(name, unit, scaled(raw, places));
    }
}

/// The auxiliary input of a battery monitor: what it measures depends on its mode.
fn aux(reading: &mut Reading, raw: u64, mode: u64) -> Result<(), Fault> {
    match mode {
        0 if raw != 0x7FFF => reading.number("aux_voltage", "V", scaled(signed(raw, 16), 2)),
        1 if raw != 0xFFFF => reading.number("midpoint_voltage", "V", scaled(raw.cast_signed(), 2)),
        // Hundredths of a kelvin.
        2 if raw != 0xFFFF => reading.temperature(1, scaled(raw.cast_signed() - 27_315, 2))?,
        _ => {}
    }
    Ok(())
}

/// Eight cells of 7 bits in steps of 10 mV above 2.60 V. At both ends the true voltage lies beyond: an alarm says so.
fn cells(reading: &mut Reading, raw: u64) -> Result<(), Fault> {
    let steps = (0..8).map(|cell| raw >> (7 * cell) & 0x7F);
    let there: Vec<(usize, i64)> =
        (1..).zip(steps).filter(|(_, step)| *step != 0x7F).map(|(cell, step)| (cell, step.cast_signed())).collect();
    for (cell, step) in &there {
        reading.cell(*cell, scaled(260 + step, 2))?;
    }
    reading.flag("alarms.cell_below_range", there.iter().any(|(_, step)| *step == 0));
    reading.flag("alarms.cell_above_range", there.iter().any(|(_, step)| *step == 0x7E));
    Ok(())
}

/// 1 balanced, 2 balancing, 3 imbalance; 0 not known.
fn balancer(reading: &mut Reading, state: i64) {
    reading.count("balancer_status", "", state);
    if (1..=3).contains(&state) {
        reading.flag("balancing", state == 2);
    }
}
