//! Batteries on one line, and what goes wrong on it. Pure: bytes and time are arguments.

use std::time::Duration;

use serde::Deserialize;

use super::{Device, Pack};

/// The most noise before one frame, in bytes.
const NOISE: u32 = 12;

/// One battery: what it is, and how it speaks.
pub struct Battery {
    /// What it plays.
    pub pack: Pack,
    /// How it speaks.
    pub device: Box<dyn Device>,
    /// It does not answer.
    pub silent: bool,
}

/// What goes wrong on the line; nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// What was asked comes back before the answer, as on many RS485 adapters.
    pub echo: bool,
    /// Each frame comes in pieces.
    pub split: bool,
    /// Random bytes come before each frame.
    pub noise: bool,
    /// Of so many frames one ends in its middle, on the average; none if 0.
    pub cut_every: u32,
    /// In one of so many frames, on the average, a bit is turned; none if 0.
    pub flip_every: u32,
}

/// Something that is said, in this order. A pause stands between two.
pub type Pieces = Vec<Vec<u8>>;

/// A line with its batteries.
pub struct Bus {
    /// Who is on it.
    pub batteries: Vec<Battery>,
    /// What goes wrong.
    pub faults: Faults,
    random: u32,
    second: Duration,
}

/// A change while it plays: what is not named stays. For one battery where `pack` counts it, from 0; else for all.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Which battery.
    pub pack: Option<usize>,
    /// It does not answer.
    pub silent: Option<bool>,
    /// Nothing changes any more.
    pub frozen: Option<bool>,
    /// This current from now on, in milliamperes; positive charges.
    pub current_ma: Option<i32>,
    /// How far the pack voltage is from the sum of the cells, in millivolts.
    pub off_mv: Option<i32>,
    /// So much more is in it at once, in milliampere hours.
    pub leap_mah: Option<f64>,
    /// Whether it reports a cell as too high.
    pub cell_high: Option<bool>,
    /// See [`Faults`].
    pub echo: Option<bool>,
    /// See [`Faults`].
    pub split: Option<bool>,
    /// See [`Faults`].
    pub noise: Option<bool>,
    /// See [`Faults`].
    pub cut_every: Option<u32>,
    /// See [`Faults`].
    pub flip_every: Option<u32>,
}

impl Bus {
    /// A line with these batteries on it.
    pub fn new(batteries: Vec<Battery>, faults: Faults) -> Self {
        Self { batteries, faults, random: 0x2545_f491, second: Duration::ZERO }
    }

    /// Something is said on the line; what the batteries answer.
    pub fn hear(&mut self, bytes: &[u8]) -> Pieces {
        let mut frames = Vec::new();
        for battery in &mut self.batteries {
            let said = battery.device.hear(bytes, &mut battery.pack);
            if !battery.silent {
                frames.extend(said);
            }
        }
        let mut pieces = if self.faults.echo { vec![bytes.to_vec()] } else { Vec::new() };
        pieces.extend(frames.into_iter().flat_map(|frame| self.spoil(frame)));
        pieces
    }

    /// Time passes; what the batteries say by themselves, once a second.
    pub fn pass(&mut self, step: Duration) -> Pieces {
        self.second += step;
        for battery in &mut self.batteries {
            battery.pack.step(step);
        }
        if self.second < Duration::from_secs(1) {
            return Vec::new();
        }
        self.second -= Duration::from_secs(1);
        let said = |battery: &mut Battery| battery.device.says(&battery.pack).filter(|_| !battery.silent);
        let frames: Vec<Vec<u8>> = self.batteries.iter_mut().filter_map(said).collect();
        frames.into_iter().flat_map(|frame| self.spoil(frame)).collect()
    }

    /// Changes what plays.
    pub fn change(&mut self, change: &Change) {
        let chosen = |index: &usize| change.pack.is_none_or(|pack| pack == *index);
        for index in (0..self.batteries.len()).filter(chosen) {
            let battery = &mut self.batteries[index];
            set(&mut battery.silent, change.silent);
            set(&mut battery.pack.frozen, change.frozen);
            set(&mut battery.pack.off_mv, change.off_mv);
            set(&mut battery.pack.cell_high, change.cell_high);
            battery.pack.forced_ma = change.current_ma.or(battery.pack.forced_ma);
            battery.pack.remaining_mah += change.leap_mah.unwrap_or(0.0);
        }
        set(&mut self.faults.echo, change.echo);
        set(&mut self.faults.split, change.split);
        set(&mut self.faults.noise, change.noise);
        set(&mut self.faults.cut_every, change.cut_every);
        set(&mut self.faults.flip_every, change.flip_every);
    }

    /// A frame as it arrives.
    fn spoil(&mut self, mut frame: Vec<u8>) -> Pieces {
        let (is_cut, is_flipped) = (self.is_hit(self.faults.cut_every), self.is_hit(self.faults.flip_every));
        let mut pieces = Vec::new();
        if self.faults.noise {
            let length = self.random(NOISE);
            pieces.push((0..length).map(|_| self.random(256) as u8).collect());
        }
        if is_flipped {
            let at = self.random(u32::try_from(frame.len()).unwrap_or(1)) as usize;
            frame[at] ^= 1 << self.random(8);
        }
        if is_cut {
            frame.truncate(frame.len() / 2);
        }
        if self.faults.split {
            let at = 1 + self.random(u32::try_from(frame.len()).unwrap_or(2) - 1) as usize;
            let rest = frame.split_off(at.min(frame.len()));
            pieces.extend([frame, rest]);
        } else {
            pieces.push(frame);
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    /// Whether this frame is the one of so many. Which one it is is left to chance: what a driver asks in turn would meet the same
    /// fault for ever.
    fn is_hit(&mut self, every: u32) -> bool {
        every > 0 && self.random(every) == 0
    }

    /// A number below `below`.
    fn random(&mut self, below: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random % below.max(1)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
