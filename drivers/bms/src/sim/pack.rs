//! A battery that plays: lithium iron phosphate cells, a current that wanders, two switches. Pure: time is an argument.

use std::f64::consts::TAU;
use std::time::Duration;

/// What a pack is, and what can be wrong with it.
#[allow(clippy::struct_excessive_bools)] // independent facts
#[derive(Debug, Clone)]
pub struct Pack {
    /// Cell voltages in millivolts.
    pub cells_mv: Vec<u16>,
    /// In milliamperes; positive charges.
    pub current_ma: i32,
    /// In tenths of a degree Celsius.
    pub temperatures: Vec<i16>,
    /// What it holds now, in milliampere hours.
    pub remaining_mah: f64,
    /// What it holds when full, in milliampere hours.
    pub capacity_mah: u32,
    /// Full discharges so far.
    pub cycles: u16,
    /// Whether it lets itself be charged.
    pub charge_mos: bool,
    /// Whether it lets itself be discharged.
    pub discharge_mos: bool,
    /// The cells that are being balanced, the first in bit 0.
    pub balancing: u32,
    /// Whether a cell's voltage is reported as too high.
    pub cell_high: bool,
    /// This current, whatever the time; none lets it wander.
    pub forced_ma: Option<i32>,
    /// How far the pack voltage is from the sum of the cells, in millivolts.
    pub off_mv: i32,
    /// Nothing changes any more, though it answers.
    pub frozen: bool,
    seconds: f64,
    noise: u32,
}

impl Pack {
    /// A pack of so many cells at 62 %. The seed makes its noise another one's.
    pub fn new(cells: usize, seed: u32) -> Self {
        let mut pack = Self {
            cells_mv: vec![3300; cells],
            current_ma: 0,
            temperatures: vec![214, 221],
            remaining_mah: 173_600.0,
            capacity_mah: 280_000,
            cycles: 41,
            charge_mos: true,
            discharge_mos: true,
            balancing: 0,
            cell_high: false,
            forced_ma: None,
            off_mv: 0,
            frozen: false,
            seconds: 0.0,
            noise: seed.wrapping_mul(2_654_435_761) | 1,
        };
        pack.step(Duration::ZERO);
        pack
    }

    /// Lets time pass.
    pub fn step(&mut self, step: Duration) {
        if self.frozen {
            return;
        }
        let seconds = step.as_secs_f64();
        self.seconds += seconds;
        let wanders = 12_000.0 * (TAU * self.seconds / 240.0).sin() + 2500.0 * (TAU * self.seconds / 17.0).sin();
        let wanted = self.forced_ma.map_or(wanders, f64::from) + f64::from(self.random(60)) - 30.0;
        let may = if wanted > 0.0 { self.charge_mos } else { self.discharge_mos };
        let current = if may { wanted } else { 0.0 };
        // Both are far within the range of what they become.
        self.current_ma = current.round() as i32;
        self.remaining_mah = (self.remaining_mah + current * seconds / 3600.0).clamp(0.0, f64::from(self.capacity_mah));
        let rest = 3180.0 + 1.9 * self.soc() + 0.0011 * current;
        for index in 0..self.cells_mv.len() {
            let own = f64::from(u32::try_from(index * 7 % 11).unwrap_or(0)) + f64::from(self.random(3));
            self.cells_mv[index] = (rest + own).round() as u16;
        }
        let heat = i16::try_from(self.random(2)).unwrap_or(0);
        for (index, temperature) in self.temperatures.iter_mut().enumerate() {
            *temperature = 214 + 7 * i16::try_from(index % 8).unwrap_or(0) + heat;
        }
    }

    /// In percent.
    pub fn soc(&self) -> f64 {
        100.0 * self.remaining_mah / f64::from(self.capacity_mah.max(1))
    }

    /// In millivolts.
    pub fn voltage_mv(&self) -> i32 {
        self.cells_mv.iter().map(|&cell| i32::from(cell)).sum::<i32>() + self.off_mv
    }

    /// In watts, positive while it is charged.
    pub fn power_w(&self) -> i32 {
        let watts = f64::from(self.voltage_mv()) * f64::from(self.current_ma) / 1e6;
        watts.round() as i32
    }

    /// The highest and the lowest cell with their numbers, which count from 1.
    pub fn extremes(&self) -> [(u16, u8); 2] {
        let numbered = || self.cells_mv.iter().copied().zip(1_u8..);
        let highest = numbered().max_by_key(|(cell, _)| *cell).unwrap_or_default();
        [highest, numbered().min_by_key(|(cell, _)| *cell).unwrap_or_default()]
    }

    /// A number below `below`, the same ones for the same seed.
    fn random(&mut self, below: u32) -> u32 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        self.noise % below.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_flows_in_is_what_it_holds_more() {
        let mut pack = Pack::new(16, 1);
        pack.forced_ma = Some(36_000);
        let before = pack.remaining_mah;
        for _ in 0..100 {
            pack.step(Duration::from_secs(1));
        }
        assert!((pack.remaining_mah - before - 1000.0).abs() < 5.0, "{}", pack.remaining_mah - before);
        assert!((51_000..54_500).contains(&pack.voltage_mv()), "{}", pack.voltage_mv());
    }

    #[test]
    fn a_switch_that_is_off_lets_nothing_through() {
        let mut pack = Pack::new(4, 1);
        (pack.forced_ma, pack.discharge_mos) = (Some(-20_000), false);
        pack.step(Duration::from_secs(1));
        assert_eq!(pack.current_ma, 0);
        pack.discharge_mos = true;
        pack.step(Duration::from_secs(1));
        assert!((-20_100..-19_900).contains(&pack.current_ma));
    }

    #[test]
    fn a_frozen_one_says_the_same_for_ever() {
        let mut pack = Pack::new(4, 1);
        pack.frozen = true;
        let before = pack.cells_mv.clone();
        pack.step(Duration::from_mins(10));
        assert_eq!(pack.cells_mv, before);
    }
}
