//! What the checks look at, out of what a battery has said.

use std::time::Duration;

use fieldrail_model::Value;

use crate::battery::Reading;

/// What one poll has shown of a battery. What is not known is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// When, since any moment that stays the same.
    pub at: Duration,
    /// Pack voltage in volts.
    pub voltage_v: Option<f64>,
    /// All cells in volts; empty if this poll did not ask for them.
    pub cells_v: Vec<f64>,
    /// In amperes; positive charges.
    pub current_a: Option<f64>,
    /// What it holds now, in ampere hours; absent where it only follows from the state of charge, in whose steps it leaps.
    pub remaining_ah: Option<f64>,
    /// What it holds when full, in ampere hours.
    pub capacity_ah: Option<f64>,
    /// In percent.
    pub soc: Option<f64>,
    /// A counter of the battery that rises with time whatever happens, in seconds.
    pub uptime_s: Option<f64>,
    /// Differs if anything that was measured differs.
    pub print: u64,
}

impl Seen {
    /// What a battery has said so far, at this moment; `has_cells` is whether its cells are of this poll.
    pub fn of(latest: &Reading, has_cells: bool, at: Duration) -> Self {
        let cells = latest.iter().filter(|(name, _)| has_cells && name.starts_with("cells."));
        let mut cells_v: Vec<f64> = cells.filter_map(|(_, datum)| datum.value.as_f64()).collect();
        // Where some have not come yet, or never come, there is no sum; where several packs lie side by side it is of them all.
        let is_part = latest.real("cell_count").is_some_and(|count| (count - cells_v.len() as f64).abs() > 0.5);
        if is_part || !latest.tells_all_cells() || latest.real("packs").is_some_and(|packs| packs > 1.0) {
            cells_v.clear();
        }
        let uptime = latest.iter().find(|(name, datum)| *name == "uptime" && datum.unit == "s");
        Self {
            at,
            voltage_v: latest.real("voltage"),
            cells_v,
            current_a: latest.real("current"),
            remaining_ah: latest.counted_charge(),
            capacity_ah: latest.real("capacity"),
            soc: latest.real("soc"),
            uptime_s: uptime.and_then(|(_, datum)| datum.value.as_f64()),
            print: print(latest),
        }
    }
}

/// Whether a value is measured: what counts answers or seconds goes on where everything else stands still.
fn is_measured(name: &str) -> bool {
    let folders = ["cells.", "cell_m", "temperatures."];
    matches!(name, "voltage" | "current" | "remaining" | "soc" | "consumed")
        || folders.iter().any(|folder| name.starts_with(folder))
}

/// A number that differs if anything that was measured differs.
fn print(reading: &Reading) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    for (name, datum) in reading.iter().filter(|(name, _)| is_measured(name)) {
        name.hash(&mut hasher);
        match &datum.value {
            Value::Float(number) => number.to_bits().hash(&mut hasher),
            Value::Int(number) => number.hash(&mut hasher),
            Value::Bool(is_on) => is_on.hash(&mut hasher),
            Value::Text(text) => text.hash(&mut hasher),
            _ => {}
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_which_a_battery_tells_only_some_are_no_sum() {
        let mut reading = Reading::default();
        reading.cell(1, 3.312).unwrap();
        reading.cell(2, 3.311).unwrap();
        let cells = |reading: &Reading| Seen::of(reading, true, Duration::ZERO).cells_v;
        assert_eq!(cells(&reading), [3.312, 3.311]);
        let mut part = Reading::default();
        part.has_further_cells();
        reading.merge(part);
        assert!(cells(&reading).is_empty());
    }
}
