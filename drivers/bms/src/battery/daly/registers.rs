//! Registers of one answer of the Modbus dialects, by their numbers.

use super::super::bytes::Bytes;
use super::super::reading::{MOST_CELLS, Reading, scaled};
use crate::fault::Fault;

/// Where a sensor says that it is not there.
const ABSENT: [u16; 2] = [0x00ff, 0xffff];

/// Registers from `first` on.
pub(super) struct Registers<'a> {
    first: u16,
    data: &'a [u8],
}

impl<'a> Registers<'a> {
    pub(super) fn new(first: u16, data: &'a [u8]) -> Self {
        Self { first, data }
    }

    /// The number of the first one.
    pub(super) fn first(&self) -> u16 {
        self.first
    }

    /// All of them as bytes; `what` they are, for a fault.
    pub(super) fn bytes(&self, what: &'static str) -> Bytes<'a> {
        Bytes::new(what, self.data)
    }

    /// The register `number`, if the answer holds it.
    pub(super) fn get(&self, number: u16) -> Option<u16> {
        let at = usize::from(number.checked_sub(self.first)?) * 2;
        let pair = self.data.get(at..at + 2)?;
        Some(u16::from_be_bytes([pair[0], pair[1]]))
    }

    /// The register `number`.
    pub(super) fn need(&self, number: u16) -> Result<u16, Fault> {
        let want = (usize::from(number.saturating_sub(self.first)) + 1) * 2;
        self.get(number).ok_or(Fault::Short { what: "the answer", have: self.data.len(), want })
    }

    /// Tells a number, if it is there.
    pub(super) fn number(&self, reading: &mut Reading, name: &'static str, unit: &'static str, at: u16, decimals: u8) {
        if let Some(raw) = self.get(at) {
            reading.number(name, unit, scaled(raw, decimals));
        }
    }

    /// Tells a whole number, if it is there.
    pub(super) fn count(&self, reading: &mut Reading, name: &'static str, at: u16) {
        if let Some(raw) = self.get(at) {
            reading.count(name, "", raw);
        }
    }

    /// Tells a bit, if it is there.
    pub(super) fn flag(&self, reading: &mut Reading, name: &'static str, at: u16) {
        if let Some(raw) = self.get(at) {
            reading.flag(name, raw != 0);
        }
    }

    /// Tells a current, if it is there: above 30000 is a charge. No current of a battery is 30000 steps below it.
    pub(super) fn current(&self, reading: &mut Reading, name: &'static str, at: u16, decimals: u8, is_reversed: bool) {
        if let Some(raw) = self.get(at).filter(|raw| *raw != 0 && *raw != 0xffff) {
            let raw = i64::from(raw) - 30_000;
            reading.number(name, "A", scaled(if is_reversed { -raw } else { raw }, decimals));
        }
    }

    /// Tells a temperature, if it is there and a sensor is fitted.
    pub(super) fn celsius(&self, reading: &mut Reading, name: &'static str, at: u16) {
        if let Some(raw) = self.get(at).filter(|raw| !ABSENT.contains(raw)) {
            reading.number(name, "°C", scaled(i64::from(raw) - 40, 0));
        }
    }

    /// Tells `count` cells from register 0, and how many there are.
    pub(super) fn cells(&self, reading: &mut Reading, count: u16) -> Result<(), Fault> {
        if usize::from(count) > MOST_CELLS {
            return Err(Fault::Cells(count.into()));
        }
        reading.count("cell_count", "", count);
        for number in 1..=count {
            reading.cell(number.into(), scaled(self.need(number - 1)?, 3))?;
        }
        Ok(())
    }

    /// Tells `count` temperatures from register `at`, of eight at most; a sensor that is not fitted keeps its number.
    pub(super) fn temperatures(&self, reading: &mut Reading, at: u16, count: u16) -> Result<(), Fault> {
        if count > 8 {
            return Err(Fault::Impossible { what: "a number of sensors of", value: count.into() });
        }
        reading.count("temperature_count", "", count);
        for number in 1..=count {
            let raw = self.need(at + number - 1)?;
            if !ABSENT.contains(&raw) {
                reading.temperature(number.into(), scaled(i64::from(raw) - 40, 0))?;
            }
        }
        Ok(())
    }
}
