//! All packs as one battery: they lie side by side, so currents and charges add up. Pure.
//!
//! What is missing is not hidden: without one pack a sum is bad, and what all packs share is uncertain, with the pack's name.

use std::collections::BTreeMap;
use std::sync::Arc;

use fieldrail_model::{Quality, Value};

use crate::battery::Reading;
use crate::battery::reading::rounded;
use crate::plausibility::Doubt;

/// One pack as the bank sees it.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it said last; none if it does not answer, or has said nothing yet.
    pub reading: Option<&'a Reading>,
    /// What of it is in doubt.
    pub doubts: &'a [Doubt],
}

/// One datapoint of the bank.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// The value of the packs that answer.
    pub value: Value,
    /// Its unit.
    pub unit: &'static str,
    /// How far to believe it.
    pub quality: Quality,
    /// Why it is not good.
    pub note: Option<Arc<str>>,
}

/// How the values of the packs become one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Sum,
    Mean,
    Min,
    Max,
}

/// The numbers of the bank: its name, that of the packs, how, the unit, and decimal places.
const NUMBERS: [(&str, &str, By, &str, u8); 10] = [
    ("voltage", "voltage", By::Mean, "V", 3),
    ("current", "current", By::Sum, "A", 3),
    ("power", "power", By::Sum, "W", 3),
    ("remaining", "remaining", By::Sum, "Ah", 3),
    ("capacity", "capacity", By::Sum, "Ah", 3),
    ("soh", "soh", By::Min, "%", 1),
    ("cell_min", "cell_min", By::Min, "V", 4),
    ("cell_max", "cell_max", By::Max, "V", 4),
    ("temperature_min", "temperatures.", By::Min, "°C", 1),
    ("temperature_max", "temperatures.", By::Max, "°C", 1),
];

/// The most names of packs in one reason.
const NAMED: usize = 5;

/// The datapoints of all packs together, by name.
pub fn join(members: &[Member<'_>]) -> BTreeMap<Arc<str>, Joint> {
    let missing: Vec<&str> =
        members.iter().filter(|member| member.reading.is_none()).map(|member| member.name).collect();
    let mut bank = Bank { members, missing: names(&missing), joint: BTreeMap::new() };
    bank.put("packs", Value::Int(count(members.len())), "", Quality::Good, None);
    let here = members.len() - missing.len();
    bank.put("packs_online", Value::Int(count(here)), "", Quality::Good, None);
    if here == 0 {
        bank.lost();
        return bank.joint;
    }
    for (name, of, by, unit, places) in NUMBERS {
        bank.number(name, of, by, unit, places);
    }
    bank.cell_mean();
    bank.difference();
    bank.soc();
    bank.switches();
    bank.alarms();
    bank.joint
}

struct Bank<'a> {
    members: &'a [Member<'a>],
    /// Names of the packs that do not answer; empty if all do.
    missing: String,
    joint: BTreeMap<Arc<str>, Joint>,
}

impl Bank<'_> {
    fn put(&mut self, name: &str, value: Value, unit: &'static str, quality: Quality, note: Option<String>) {
        self.joint.insert(name.into(), Joint { value, unit, quality, note: note.map(Into::into) });
    }

    /// Puts a value that these packs share; the others are missing in it, or do not know it.
    fn share(&mut self, name: &str, value: Value, unit: &'static str, by: By, without: &[&str]) {
        if !self.missing.is_empty() {
            let (quality, what) = match by {
                By::Sum => (Quality::NotConnected, "the sum is that of the others"),
                By::Mean | By::Min | By::Max => (Quality::Uncertain, "it is that of the others"),
            };
            let note = format!("{} not answer; {what}", self.missing);
            return self.put(name, value, unit, quality, Some(note));
        }
        if !without.is_empty() && by == By::Sum {
            let note = format!("{} not say it; the sum is that of the others", names(without));
            return self.put(name, value, unit, Quality::Uncertain, Some(note));
        }
        let doubted = self.members.iter().find_map(|member| {
            let doubt = member.doubts.iter().find(|doubt| doubt.about.covers(name))?;
            Some((member.name, doubt))
        });
        match doubted {
            Some((who, doubt)) => {
                let note = format!("{who}: {}", doubt.reason);
                self.put(name, value, unit, Quality::Implausible, Some(note));
            }
            None => self.put(name, value, unit, Quality::Good, None),
        }
    }

    /// Nobody answers: nothing is known of what was.
    fn lost(&mut self) {
        let note = format!("{} not answer", self.missing);
        let names = NUMBERS.iter().map(|(name, _, _, unit, _)| (*name, *unit));
        for (name, unit) in names.chain([("soc", "%"), ("cell_mean", "V"), ("cell_delta", "V"), ("alarm", "")]) {
            self.put(name, Value::Null, unit, Quality::NotConnected, Some(note.clone()));
        }
    }

    fn number(&mut self, name: &str, of: &str, by: By, unit: &'static str, places: u8) {
        let mut without = Vec::new();
        let mut all = Vec::new();
        for member in self.members {
            let Some(reading) = member.reading else { continue };
            let own = numbers(reading, of);
            if own.is_empty() {
                without.push(member.name);
            }
            all.extend(own);
        }
        let total: f64 = all.iter().sum();
        let joined = match by {
            By::Sum => Some(total).filter(|_| !all.is_empty()),
            By::Mean => Some(total / all.len() as f64).filter(|_| !all.is_empty()),
            By::Min => all.iter().copied().reduce(f64::min),
            By::Max => all.iter().copied().reduce(f64::max),
        };
        if let Some(joined) = joined {
            // -0 would be shown; + 0.0 makes it 0.
            self.share(name, Value::Float(rounded(joined, places) + 0.0), unit, by, &without);
        }
    }

    fn cell_mean(&mut self) {
        let readings = self.members.iter().filter_map(|member| member.reading);
        let cells: Vec<f64> = readings.flat_map(|reading| numbers(reading, "cells.")).collect();
        if !cells.is_empty() {
            let mean = cells.iter().sum::<f64>() / cells.len() as f64;
            self.share("cell_mean", Value::Float(rounded(mean, 4)), "V", By::Mean, &[]);
        }
    }

    fn difference(&mut self) {
        let of = |name: &str| self.joint.get(name).and_then(|joint| joint.value.as_f64());
        if let (Some(lowest), Some(highest)) = (of("cell_min"), of("cell_max")) {
            self.share("cell_delta", Value::Float(rounded(highest - lowest, 4)), "V", By::Max, &[]);
        }
    }

    /// A large pack counts for more than a small one.
    fn soc(&mut self) {
        let (mut charge, mut capacity) = (0.0, 0.0);
        let readings: Vec<&Reading> = self.members.iter().filter_map(|member| member.reading).collect();
        let size = |reading: &Reading| reading.real("capacity").filter(|capacity| *capacity > 0.0);
        // Where one does not say how large it is, all count the same.
        let sizes: Option<Vec<f64>> = readings.iter().map(|reading| size(reading)).collect();
        for (index, reading) in readings.iter().enumerate() {
            let weight = sizes.as_ref().map_or(1.0, |sizes| sizes[index]);
            let held = sizes.as_ref().and_then(|_| reading.real("remaining"));
            let Some(own) = held.or_else(|| reading.real("soc").map(|soc| soc * weight / 100.0)) else { return };
            charge += own;
            capacity += weight;
        }
        if capacity > 0.0 {
            let soc = rounded(100.0 * charge / capacity, 1);
            self.share("soc", Value::Float(soc), "%", By::Mean, &[]);
        }
    }

    /// Current can flow if it can in any pack.
    fn switches(&mut self) {
        for name in ["charge_mos", "discharge_mos", "balancing"] {
            let readings = self.members.iter().filter_map(|member| member.reading);
            if let Some(any) = readings.filter_map(|reading| reading.is_on(name)).reduce(|a, b| a | b) {
                self.share(name, Value::Bool(any), "", By::Max, &[]);
            }
        }
    }

    /// An alarm of one pack is one of the bank, whoever is missing.
    fn alarms(&mut self) {
        let mut alarms: BTreeMap<&str, (bool, Vec<&str>)> = BTreeMap::new();
        for member in self.members {
            let Some(reading) = member.reading else { continue };
            let own = reading.iter().filter(|(name, _)| *name == "alarm" || name.starts_with("alarms."));
            for (name, datum) in own {
                let (any, _) = alarms.entry(name).or_default();
                *any |= datum.value == Value::Bool(true);
            }
        }
        for (name, (any, _)) in alarms {
            if any {
                self.put(name, Value::Bool(true), "", Quality::Good, None);
            } else {
                self.share(name, Value::Bool(false), "", By::Max, &[]);
            }
        }
    }
}

/// The numbers of this name, or with a dot at its end all below it.
fn numbers(reading: &Reading, name: &str) -> Vec<f64> {
    if !name.ends_with('.') {
        return reading.real(name).into_iter().collect();
    }
    let below = reading.iter().filter(|(own, _)| own.starts_with(name));
    below.filter_map(|(_, datum)| datum.value.as_f64()).collect()
}

/// `pack2 does`, `pack1, pack2 do`; empty for nobody.
fn names(missing: &[&str]) -> String {
    match missing {
        [] => String::new(),
        [one] => format!("{one} does"),
        many => {
            let more = many.len().checked_sub(NAMED).filter(|&more| more > 0).map(|more| format!(" and {more} more"));
            let named = many.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            format!("{named}{} do", more.unwrap_or_default())
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plausibility::About;

    fn pack(voltage: f64, current: f64, remaining: f64, capacity: f64, cells: &[f64], alarm: bool) -> Reading {
        let mut reading = Reading::default();
        for (name, unit, value) in [
            ("voltage", "V", voltage),
            ("current", "A", current),
            ("remaining", "Ah", remaining),
            ("capacity", "Ah", capacity),
            ("soc", "%", 100.0 * remaining / capacity),
        ] {
            reading.number(name, unit, value);
        }
        for (number, cell) in (1..).zip(cells) {
            reading.cell(number, *cell).unwrap();
        }
        reading.temperature(1, 20.0 + current).unwrap();
        reading.flag("alarms.cell_overvoltage", alarm);
        reading.complete();
        reading
    }

    fn member<'a>(name: &'a str, reading: Option<&'a Reading>) -> Member<'a> {
        Member { name, reading, doubts: &[] }
    }

    #[track_caller]
    fn check(bank: &BTreeMap<Arc<str>, Joint>, name: &str, value: impl Into<Value>, quality: Quality, note: &str) {
        let joint = bank.get(name).unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!((&joint.value, joint.quality), (&value.into(), quality), "{name}");
        assert_eq!(joint.note.as_deref().unwrap_or_default(), note, "{name}");
    }

    #[test]
    fn currents_and_charges_add_up_and_a_large_pack_counts_for_more() {
        let (large, small) =
            (pack(52.8, 10.5, 150.0, 200.0, &[3.30, 3.31], false), pack(52.6, -2.25, 50.0, 100.0, &[3.28, 3.29], true));
        let bank = join(&[member("large", Some(&large)), member("small", Some(&small))]);
        for (name, value) in [
            ("voltage", 52.7),
            ("current", 8.25),
            ("remaining", 200.0),
            ("capacity", 300.0),
            ("soc", 66.7),
            ("cell_min", 3.28),
            ("cell_max", 3.31),
            ("cell_mean", 3.295),
            ("cell_delta", 0.03),
            ("temperature_min", 17.8),
            ("temperature_max", 30.5),
        ] {
            check(&bank, name, value, Quality::Good, "");
        }
        check(&bank, "alarm", true, Quality::Good, "");
        check(&bank, "alarms.cell_overvoltage", true, Quality::Good, "");
        check(&bank, "packs_online", 2_i64, Quality::Good, "");
    }

    #[test]
    fn without_a_pack_a_sum_is_bad_and_what_they_share_is_uncertain() {
        let here = pack(52.8, 10.5, 150.0, 200.0, &[3.30, 3.31], false);
        let bank = join(&[member("pack1", Some(&here)), member("pack2", None)]);
        check(&bank, "current", 10.5, Quality::NotConnected, "pack2 does not answer; the sum is that of the others");
        check(&bank, "capacity", 200.0, Quality::NotConnected, "pack2 does not answer; the sum is that of the others");
        check(&bank, "cell_min", 3.3, Quality::Uncertain, "pack2 does not answer; it is that of the others");
        check(&bank, "alarm", false, Quality::Uncertain, "pack2 does not answer; it is that of the others");
        check(&bank, "packs_online", 1_i64, Quality::Good, "");
        // An alarm that stands is one, whoever is missing.
        let alarmed = pack(52.8, 10.5, 150.0, 200.0, &[3.30, 3.31], true);
        check(&join(&[member("pack1", Some(&alarmed)), member("pack2", None)]), "alarm", true, Quality::Good, "");
    }

    #[test]
    fn without_any_pack_nothing_is_known() {
        let bank = join(&[member("pack1", None), member("pack2", None)]);
        check(&bank, "current", Value::Null, Quality::NotConnected, "pack1, pack2 do not answer");
        check(&bank, "packs_online", 0_i64, Quality::Good, "");
    }

    #[test]
    fn what_is_doubted_of_a_pack_is_doubted_of_the_bank() {
        let (one, two) = (pack(52.8, 1.0, 1.0, 2.0, &[3.3], false), pack(52.8, 1.0, 1.0, 2.0, &[3.3], false));
        let doubts = [Doubt { about: About::Charge, reason: "it leaps".into() }];
        let doubted = Member { doubts: &doubts, ..member("pack2", Some(&two)) };
        let bank = join(&[member("pack1", Some(&one)), doubted]);
        check(&bank, "remaining", 2.0, Quality::Implausible, "pack2: it leaps");
        check(&bank, "current", 2.0, Quality::Good, "");
    }

    #[test]
    fn a_sum_in_which_somebody_has_no_say_is_uncertain() {
        let (one, mut two) = (pack(52.8, 1.0, 1.0, 2.0, &[3.3], false), Reading::default());
        two.number("voltage", "V", 52.8);
        let bank = join(&[member("pack1", Some(&one)), member("pack2", Some(&two))]);
        check(&bank, "current", 1.0, Quality::Uncertain, "pack2 does not say it; the sum is that of the others");
        check(&bank, "voltage", 52.8, Quality::Good, "");
    }
}
