//! The physics of the house: sun, load, battery, rooms. Pure: time is an argument, noise comes from a seed.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::time::Duration;

/// Rooms with a light and a thermometer.
pub(crate) const ROOMS: [&str; 4] = ["kitchen", "living", "bath", "office"];

/// How long a day takes.
const DAY: Duration = Duration::from_mins(10);

/// The battery's capacity in watt-hours, and the most it takes or gives, in watts.
const CAPACITY_WH: f64 = 10_000.0;
const BATTERY_W: f64 = 4000.0;

/// A house with eight kilowatts on its roof.
#[derive(Clone)]
pub(crate) struct House {
    seed: u32,
    /// State of charge of the battery, 0 to 1.
    charge: f64,
    cloud: f64,
    rooms_c: [f64; ROOMS.len()],
    lights: BTreeMap<&'static str, bool>,
    alarm: bool,
    steps: u64,
}

impl House {
    pub(crate) fn new(seed: u32) -> Self {
        Self {
            seed: seed | 1,
            charge: 0.55,
            cloud: 0.8,
            rooms_c: [21.0, 21.5, 23.0, 20.5],
            lights: BTreeMap::new(),
            alarm: false,
            steps: 0,
        }
    }

    /// Whether the light of a room is on.
    pub(crate) fn light(&self, room: &str) -> bool {
        self.lights.get(room).copied().unwrap_or(false)
    }

    /// Switches the light whose topic begins with `topic`.
    pub(crate) fn switch(&mut self, topic: &str, payload: &[u8]) {
        if let Some(room) = ROOMS.iter().find(|room| topic.ends_with(*room)) {
            self.lights.insert(room, matches!(payload, b"true" | b"ON" | b"1"));
        }
    }

    /// The messages of one step, `elapsed` since the start.
    pub(crate) fn step(&mut self, elapsed: Duration, step: Duration) -> Vec<(String, String)> {
        // The day begins at nine, so that there is sun to see at once.
        let day = (elapsed.as_secs_f64() / DAY.as_secs_f64() + 0.375).fract();
        let pv = self.pv_w(day);
        let load = 350.0 + 900.0 * bump(day, 0.33) + 1600.0 * bump(day, 0.80) + 60.0 * self.noise();
        // Positive charges.
        let wanted = (pv - load).clamp(-BATTERY_W, BATTERY_W);
        let hours = step.as_secs_f64() / DAY.as_secs_f64() * 24.0;
        let charge = (self.charge + wanted * hours / CAPACITY_WH).clamp(0.08, 1.0);
        let battery = (charge - self.charge) * CAPACITY_WH / hours;
        self.charge = charge;
        // Positive is taken from the grid.
        let grid = load + battery - pv;
        let inverter = |name: &str, watts: f64| {
            (format!("solar_assistant/inverter_1/{name}/state"), format!("{:.0}", watts.round() + 0.0))
        };
        let mut messages = vec![
            inverter("pv_power", pv),
            inverter("grid_power", grid),
            inverter("load_power", load),
            inverter("battery_power", battery),
            ("solar_assistant/total/battery_state_of_charge/state".into(), format!("{:.0}", charge * 100.0)),
        ];
        self.warm_rooms(day);
        let rooms = ROOMS.iter().zip(self.rooms_c);
        messages.extend(rooms.map(|(room, celsius)| (format!("house/temperature/{room}"), format!("{celsius:.1}"))));
        if self.steps.is_multiple_of(60) {
            self.alarm = self.steps % 120 == 60;
            messages.push(("house/alarm/active".into(), self.alarm.to_string()));
        }
        self.steps += 1;
        messages
    }

    fn pv_w(&mut self, day: f64) -> f64 {
        self.cloud = (self.cloud + 0.05 * self.noise()).clamp(0.35, 1.0);
        let sun = (PI * (day - 0.25) / 0.5).sin();
        if (0.25..0.75).contains(&day) { (8000.0 * sun.powf(1.3) * self.cloud).max(0.0) } else { 0.0 }
    }

    fn warm_rooms(&mut self, day: f64) {
        for index in 0..ROOMS.len() {
            let target = [21.0, 21.5, 23.0, 20.5][index] + 1.2 * (2.0 * PI * (day - 0.4)).sin();
            let drift = 0.02 * (target - self.rooms_c[index]) + 0.04 * self.noise();
            self.rooms_c[index] += drift;
        }
    }

    /// A number between -1 and 1 (xorshift).
    fn noise(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        f64::from(self.seed) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}

/// A bump of height 1 around a time of day.
fn bump(day: f64, at: f64) -> f64 {
    (-((day - at) / 0.06).powi(2)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_powers_balance_and_everything_stays_plausible_over_three_days() {
        let mut house = House::new(7);
        let step = Duration::from_millis(500);
        let (mut suns, mut alarms) = (0, 0);
        for n in 0..3600 {
            let messages = house.step(step * n, step);
            let watts = |index: usize| messages[index].1.parse::<f64>().unwrap();
            let (pv, grid, load, battery) = (watts(0), watts(1), watts(2), watts(3));
            assert!((pv + grid - load - battery).abs() <= 2.0, "{messages:?}");
            assert!((0.0..=8000.0).contains(&pv) && (0.0..=4000.0).contains(&load), "{messages:?}");
            assert!((0.0..=100.0).contains(&messages[4].1.parse::<f64>().unwrap()));
            for room in &messages[5..9] {
                assert!((15.0..28.0).contains(&room.1.parse::<f64>().unwrap()), "{room:?}");
            }
            suns += usize::from(pv > 4000.0);
            alarms += usize::from(messages.get(9).is_some_and(|alarm| alarm.1 == "true"));
        }
        assert!(suns > 100 && alarms > 10);
    }

    #[test]
    fn a_light_does_what_it_is_told() {
        let mut house = House::new(1);
        house.switch("house/light/kitchen", b"true");
        assert!(house.light("kitchen") && !house.light("bath"));
        house.switch("house/light/kitchen", b"false");
        assert!(!house.light("kitchen"));
    }
}
