//! The records of Instant Readout: what to do with their fields, which stand in [`tables`].
//!
//! Facts of Victron's extra manufacturer data sheet; the sign of the Lynx's charge is from a capture.
//! A field whose bits are all ones (with a sign: all but the highest) is not available and left out.

mod tables;

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
    let fields = tables::fields(kind).ok_or_else(|| Fault::Foreign(format!("a record of type 0x{kind:02X}")))?;
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
