//! What a battery says, under fixed names with fixed units.
//!
//! Names and units: `voltage` V, `current` A (positive charges), `power` W, `soc` and `soh` %, `capacity` and `remaining`
//! Ah, `cycles`, `cells.01` … `cells.32` V, `cell_min`, `cell_max`, `cell_delta` V, `temperatures.1` … °C, `charge_mos`,
//! `discharge_mos`, `balancing`, `alarms.NAME`, `alarm` (any of them), `runtime` s, `model`, `serial`. What else a protocol has stands
//! beside them under a plain name. What the device marks as not available is absent, never zero.

use std::borrow::Cow;

use fieldrail_model::Value;
use indexmap::IndexMap;

use crate::fault::Fault;

/// The most cells of one battery.
pub const MOST_CELLS: usize = 32;

/// The most temperature sensors of one battery.
pub const MOST_SENSORS: usize = 32;

/// A name of a datapoint.
pub type Name = Cow<'static, str>;

/// A value with its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// The unit, empty for numbers without one, texts and bits.
    pub unit: &'static str,
    /// The value; never null.
    pub value: Value,
}

/// Datapoints, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    entries: IndexMap<Name, Datum>,
    /// Whether the battery has cells that it never tells.
    hides_cells: bool,
}

/// `raw` with the point `decimals` places to the left: the number whose shortest text is that decimal.
pub fn scaled(raw: impl Into<i64>, decimals: u8) -> f64 {
    raw.into() as f64 / 10_f64.powi(i32::from(decimals))
}

/// `value` to the nearest step of `decimals` places.
pub fn rounded(value: f64, decimals: u8) -> f64 {
    let step = 10_f64.powi(i32::from(decimals));
    (value * step).round() / step
}

/// The name of a cell, from 1.
///
/// # Errors
/// There are 32 at most.
pub fn cell_name(number: usize) -> Result<&'static str, Fault> {
    number.checked_sub(1).and_then(|index| CELLS.get(index)).copied().ok_or(Fault::Cells(number))
}

impl Reading {
    /// Takes a value; one of the same name is replaced.
    pub fn set(&mut self, name: impl Into<Name>, unit: &'static str, value: Value) {
        self.entries.insert(name.into(), Datum { unit, value });
    }

    /// A number with a unit.
    pub fn number(&mut self, name: impl Into<Name>, unit: &'static str, value: f64) {
        self.set(name, unit, Value::Float(value));
    }

    /// A whole number.
    pub fn count(&mut self, name: impl Into<Name>, unit: &'static str, value: impl Into<i64>) {
        self.set(name, unit, Value::Int(value.into()));
    }

    /// On or off.
    pub fn flag(&mut self, name: impl Into<Name>, value: bool) {
        self.set(name, "", Value::Bool(value));
    }

    /// A text; an empty one is no value.
    pub fn text(&mut self, name: impl Into<Name>, value: &str) {
        if !value.is_empty() {
            self.set(name, "", Value::text(value));
        }
    }

    /// The voltage of cell `number`, from 1, in volt.
    ///
    /// # Errors
    /// There are 32 at most.
    pub fn cell(&mut self, number: usize, volt: f64) -> Result<(), Fault> {
        self.number(cell_name(number)?, "V", volt);
        Ok(())
    }

    /// The battery has cells beside those of which it tells, so theirs do not add up to the pack.
    pub fn has_further_cells(&mut self) {
        self.hides_cells = true;
    }

    /// Whether it tells of each of its cells.
    pub fn tells_all_cells(&self) -> bool {
        !self.hides_cells
    }

    /// Sensor `number`, from 1, in degrees Celsius.
    ///
    /// # Errors
    /// There are 32 at most.
    pub fn temperature(&mut self, number: usize, celsius: f64) -> Result<(), Fault> {
        let index = number.checked_sub(1).filter(|index| *index < MOST_SENSORS);
        let index = index.ok_or(Fault::Impossible { what: "a number of sensors of", value: count(number) })?;
        self.number(TEMPERATURES[index], "°C", celsius);
        Ok(())
    }

    /// The alarms of a table of bits: each gets its value, so that what ends is told too. `alarms.` stands in the names.
    pub fn alarms(&mut self, bits: u64, table: &'static [(u8, &'static str)]) {
        for (bit, name) in table {
            self.flag(*name, bits.checked_shr(u32::from(*bit)).unwrap_or(0) & 1 == 1);
        }
    }

    /// The value called `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.get(name).map(|datum| &datum.value)
    }

    /// The number called `name`.
    pub fn real(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Float(value) => Some(*value),
            Value::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The bit called `name`.
    pub fn is_on(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Everything, in the order in which it was found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Datum)> {
        self.entries.iter().map(|(name, datum)| (name.as_ref(), datum))
    }

    /// How many datapoints there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes what a later part of the same poll says.
    pub fn merge(&mut self, later: Self) {
        self.entries.extend(later.entries);
        self.hides_cells |= later.hides_cells;
    }

    /// Fills in what follows from the rest and what the battery does not say itself: power, how many cells there are, the
    /// lowest and highest of them and their difference, what it holds, how long it lasts at this discharge, and whether any
    /// alarm stands.
    pub fn complete(&mut self) {
        let volts: Vec<f64> = CELLS.iter().filter_map(|name| self.real(name)).collect();
        if let Some(last) = CELLS.iter().rposition(|name| self.entries.contains_key(*name))
            && !self.entries.contains_key("cell_count")
        {
            self.count("cell_count", "", count(last + 1));
        }
        let lowest = volts.iter().copied().reduce(f64::min);
        let highest = volts.iter().copied().reduce(f64::max);
        if let (Some(lowest), Some(highest)) = (lowest, highest) {
            self.number_unless("cell_min", "V", lowest);
            self.number_unless("cell_max", "V", highest);
        }
        if let (Some(lowest), Some(highest)) = (self.real("cell_min"), self.real("cell_max")) {
            self.number_unless("cell_delta", "V", rounded(highest - lowest, 4));
        }
        if let (Some(volt), Some(ampere)) = (self.real("voltage"), self.real("current")) {
            // -0 would be printed; + 0.0 makes it 0.
            self.number_unless("power", "W", rounded(volt * ampere, 3) + 0.0);
        }
        if let Some(held) = self.held_by_soc() {
            self.number_unless("remaining", "Ah", held);
        }
        self.last();
        let alarms = self.entries.iter().filter(|(name, _)| name.starts_with("alarms."));
        let any = alarms.map(|(_, datum)| datum.value == Value::Bool(true)).reduce(|a, b| a | b);
        if let Some(any) = any {
            let said = self.is_on("alarm").unwrap_or(false);
            self.flag("alarm", any | said);
        }
    }

    /// What it holds by its state of charge, in ampere hours; as coarse as that is.
    fn held_by_soc(&self) -> Option<f64> {
        let capacity = self.real("capacity").filter(|capacity| *capacity > 0.0)?;
        Some(rounded(capacity * self.real("soc")? / 100.0, 3))
    }

    /// What it holds, in ampere hours, where that is its own figure and does not follow from the state of charge.
    pub fn counted_charge(&self) -> Option<f64> {
        self.real("remaining").filter(|held| self.held_by_soc() != Some(*held))
    }

    /// How long it lasts at this discharge, in whole seconds: its own figure, or else what follows from the current; nothing
    /// while it charges or rests.
    fn last(&mut self) {
        if let Some(minutes) = self.real("time_to_go") {
            self.number_unless("runtime", "s", (minutes * 60.0).round());
        }
        let (Some(hours), Some(ampere)) = (self.real("remaining"), self.real("current")) else { return };
        let seconds = hours / -ampere * 3600.0;
        // A year of rest is no forecast.
        if ampere < 0.0 && (0.0..31_536_000.0).contains(&seconds) {
            self.number_unless("runtime", "s", seconds.floor());
        }
    }

    /// A number, unless the battery said it itself.
    fn number_unless(&mut self, name: &'static str, unit: &'static str, value: f64) {
        if !self.entries.contains_key(name) {
            self.number(name, unit, value);
        }
    }

    /// One flat JSON object.
    pub fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        let json = |value: &Value| match value {
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::UInt(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => (**value).into(),
            Value::Null | Value::Bytes(_) | Value::Json(_) => serde_json::Value::Null,
        };
        self.iter().map(|(name, datum)| (name.to_owned(), json(&datum.value))).collect()
    }
}

/// A number of things, for a fault.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The names of the cells.
const CELLS: [&str; MOST_CELLS] = [
    "cells.01", "cells.02", "cells.03", "cells.04", "cells.05", "cells.06", "cells.07", "cells.08", "cells.09",
    "cells.10", "cells.11", "cells.12", "cells.13", "cells.14", "cells.15", "cells.16", "cells.17", "cells.18",
    "cells.19", "cells.20", "cells.21", "cells.22", "cells.23", "cells.24", "cells.25", "cells.26", "cells.27",
    "cells.28", "cells.29", "cells.30", "cells.31", "cells.32",
];

/// The names of the sensors.
const TEMPERATURES: [&str; MOST_SENSORS] = [
    "temperatures.1",
    "temperatures.2",
    "temperatures.3",
    "temperatures.4",
    "temperatures.5",
    "temperatures.6",
    "temperatures.7",
    "temperatures.8",
    "temperatures.9",
    "temperatures.10",
    "temperatures.11",
    "temperatures.12",
    "temperatures.13",
    "temperatures.14",
    "temperatures.15",
    "temperatures.16",
    "temperatures.17",
    "temperatures.18",
    "temperatures.19",
    "temperatures.20",
    "temperatures.21",
    "temperatures.22",
    "temperatures.23",
    "temperatures.24",
    "temperatures.25",
    "temperatures.26",
    "temperatures.27",
    "temperatures.28",
    "temperatures.29",
    "temperatures.30",
    "temperatures.31",
    "temperatures.32",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_the_rest_is_filled_in_and_what_was_said_stays() {
        let mut reading = Reading::default();
        reading.number("voltage", "V", scaled(5283, 2));
        reading.number("current", "A", scaled(-13, 1));
        for (number, raw) in [(1, 3299), (2, 3304), (3, 3301)] {
            reading.cell(number, scaled(raw, 3)).unwrap();
        }
        reading.alarms(0b10, &[(0, "alarms.cell_overvoltage"), (1, "alarms.cell_undervoltage")]);
        reading.number("cell_max", "V", 3.305);
        reading.number("capacity", "Ah", 280.0);
        reading.number("soc", "%", 91.0);
        reading.complete();
        let text = serde_json::to_string(&reading.to_json()).unwrap();
        let want = concat!(
            r#"{"voltage":52.83,"current":-1.3,"cells.01":3.299,"cells.02":3.304,"cells.03":3.301,"#,
            r#""alarms.cell_overvoltage":false,"alarms.cell_undervoltage":true,"cell_max":3.305,"capacity":280.0,"#,
            r#""soc":91.0,"cell_count":3,"cell_min":3.299,"cell_delta":0.006,"power":-68.679,"remaining":254.8,"#,
            r#""runtime":705600.0,"alarm":true}"#
        );
        assert_eq!(text, want);
    }

    #[test]
    fn what_the_battery_says_of_its_charge_goes_before_what_follows_from_it() {
        let mut reading = Reading::default();
        for (name, unit, value) in [("capacity", "Ah", 100.0), ("soc", "%", 50.0), ("current", "A", -10.0)] {
            reading.number(name, unit, value);
        }
        let mut own = reading.clone();
        own.number("remaining", "Ah", 49.2);
        own.number("time_to_go", "min", 376.8);
        for reading in [&mut reading, &mut own] {
            reading.complete();
        }
        let told = |reading: &Reading| ["remaining", "runtime"].map(|name| reading.real(name).unwrap());
        assert_eq!((told(&reading), reading.counted_charge()), ([50.0, 18_000.0], None));
        assert_eq!((told(&own), own.counted_charge()), ([49.2, 22_608.0], Some(49.2)));
    }

    #[test]
    fn there_is_no_cell_0_and_no_cell_33() {
        let mut reading = Reading::default();
        assert_eq!(reading.cell(33, 3.3), Err(Fault::Cells(33)));
        assert_eq!(reading.cell(0, 3.3), Err(Fault::Cells(0)));
        assert!(reading.is_empty());
    }
}
