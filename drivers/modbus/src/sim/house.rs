//! What happens in the house of the simulated inverter: sun, a household, a battery between them, and the grid for the rest.

use std::f64::consts::PI;
use std::time::Duration;

use fieldrail_model::Value;

use crate::value::Kind;

/// A day of the house.
const DAY: Duration = Duration::from_mins(10);

/// What the battery holds.
const CAPACITY_KWH: f64 = 9.6;

/// The state of the house. Powers in watts.
#[derive(Debug, Clone)]
pub(super) struct House {
    pv_w: f64,
    load_w: f64,
    /// Positive while it gives.
    battery_w: f64,
    /// Positive while the house feeds in.
    export_w: f64,
    /// In percent.
    soc: f64,
    /// Since the beginning.
    pv_kwh: f64,
    export_limit_w: Option<f64>,
    battery_limit_w: Option<f64>,
    seconds: f64,
}

impl Default for House {
    fn default() -> Self {
        Self {
            pv_w: 0.0,
            load_w: 400.0,
            battery_w: 0.0,
            export_w: 0.0,
            soc: 55.0,
            pv_kwh: 1234.5,
            export_limit_w: None,
            battery_limit_w: None,
            seconds: 0.0,
        }
    }
}

impl House {
    /// Takes the limits that a person has set. A limit of 0 at the start is none yet.
    pub(super) fn obey<'a>(&mut self, set: impl Iterator<Item = (&'a str, f64)>) {
        for (name, value) in set {
            match name {
                "export_power_limit" => self.export_limit_w = Some(value),
                "battery_max_charge_power" => self.battery_limit_w = Some(value),
                _ => {}
            }
        }
    }

    /// Lets time pass. A day takes ten minutes, so energies grow faster than the clock.
    pub(super) fn step(&mut self, since_start: Duration, step: Duration) {
        self.seconds = since_start.as_secs_f64();
        let day = (self.seconds / DAY.as_secs_f64() + 0.4).fract();
        let sun = (2.0 * PI * (day - 0.25)).sin().max(0.0);
        let clouds = 0.85 + 0.15 * (self.seconds / 7.0).sin();
        self.pv_w = (8000.0 * sun * clouds).round();
        self.load_w =
            (500.0 + 250.0 * (self.seconds / 11.0).sin() + 900.0 * f64::from((self.seconds / 30.0).sin() > 0.6))
                .round();
        let most = self.battery_limit_w.unwrap_or(5000.0);
        let wanted = self.load_w - self.pv_w;
        let room = (self.soc < 100.0 || wanted > 0.0) && (self.soc > 10.0 || wanted < 0.0);
        self.battery_w = if room { wanted.clamp(-most, most) } else { 0.0 };
        self.export_w = self.pv_w + self.battery_w - self.load_w;
        if let Some(limit) = self.export_limit_w.filter(|&limit| self.export_w > limit) {
            self.pv_w -= self.export_w - limit;
            self.export_w = limit;
        }
        let hours = step.as_secs_f64() / 3600.0 * (24.0 * 3600.0 / DAY.as_secs_f64());
        self.soc = (self.soc - 100.0 * self.battery_w / 1000.0 * hours / CAPACITY_KWH).clamp(5.0, 100.0);
        self.pv_kwh += self.pv_w / 1000.0 * hours;
    }

    /// What a register of this name, unit and type shows.
    pub(super) fn value(&self, name: &str, unit: Option<&str>, kind: Kind) -> Value {
        let name = name.to_lowercase();
        let has = |part: &str| name.contains(part);
        if matches!(kind, Kind::String) {
            return Value::text("SIM");
        }
        if matches!(kind, Kind::Bytes) {
            return Value::bytes([].as_slice());
        }
        let number = match unit.unwrap_or("") {
            "W" | "VA" if has("limit") || has("max") || has("rated") => 5000.0,
            "W" | "kW" if has("battery") => self.battery_w,
            "W" | "kW" if has("export") || has("feed") => self.export_w,
            "W" | "kW" if has("import") || has("grid") || has("meter") || has("203.w") => -self.export_w,
            "W" | "kW" if has("load") || has("consumption") => self.load_w,
            "W" | "kW" | "VA" => self.pv_w,
            "%" | "Pct" | "%WHRtg" if has("health") => 98.0,
            "%" | "Pct" | "%WHRtg" if has("max") => 100.0,
            "%" | "Pct" | "%WHRtg" if has("min") || has("reserve") => 10.0,
            "%" | "Pct" | "%WHRtg" => self.soc,
            "V" if has("battery") => 204.8,
            "V" if has("mppt") || has("dc") => 610.0,
            "V" => 230.0 + (self.seconds / 5.0).sin(),
            "A" => 8.0,
            "Hz" => 50.0 + 0.02 * (self.seconds / 3.0).sin(),
            "°C" | "C" => 35.0,
            "kWh" => self.pv_kwh.round(),
            "Wh" => (1000.0 * self.pv_kwh).round(),
            _ if has("soc") => self.soc,
            _ => 1.0,
        };
        match kind {
            Kind::Bool => Value::Bool(number > 0.5),
            _ => Value::Float(if unit == Some("kW") { number / 1000.0 } else { number }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_goes_out_and_the_limit_of_the_grid_is_obeyed() {
        let mut house = House::default();
        let step = Duration::from_millis(500);
        let (mut lowest, mut highest) = (f64::MAX, f64::MIN);
        for n in 0..1200 {
            house.step(step * n, step);
            assert!((house.pv_w + house.battery_w - house.load_w - house.export_w).abs() < 1e-6);
            assert!((5.0..=100.0).contains(&house.soc));
            (lowest, highest) = (lowest.min(house.export_w), highest.max(house.export_w));
        }
        assert!(lowest < -100.0 && highest > 2000.0, "{lowest} {highest}");
        house.obey([("export_power_limit", 100.0)].into_iter());
        for n in 0..1200 {
            house.step(step * n, step);
            assert!(house.export_w <= 100.0);
        }
    }
}
