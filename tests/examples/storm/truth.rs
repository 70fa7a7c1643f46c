//! What a device has vouched for, and when: the measure for everything that the daemon shows as good.
//!
//! A value is vouched for from the moment that the device has it until it has another one, or cannot be reached any more.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// What was longer ago is forgotten, and counts as never.
const KEPT: Duration = Duration::from_mins(2);

/// One stretch of time in which the device vouched for a value.
struct Spell {
    value: f64,
    from: Instant,
    to: Option<Instant>,
}

/// One variable or register.
#[derive(Default)]
struct Track {
    spells: VecDeque<Spell>,
    now: Option<f64>,
}

/// What is to be said of a value that is shown as good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The device vouched for it within the window.
    True,
    /// It did, but so long before.
    Late(Duration),
    /// It never did.
    Wrong,
}

/// What one device vouched for.
#[derive(Default)]
pub(crate) struct Truth {
    tracks: HashMap<String, Track>,
    is_away: bool,
}

impl Truth {
    /// The device has this value now.
    pub(crate) fn set(&mut self, tag: &str, value: f64, now: Instant) {
        let track = self.tracks.entry(tag.into()).or_default();
        close(track, now);
        track.now = Some(value);
        if !self.is_away {
            track.spells.push_back(Spell { value, from: now, to: None });
        }
    }

    /// The device does not have this tag any more.
    pub(crate) fn remove(&mut self, tag: &str, now: Instant) {
        if let Some(track) = self.tracks.get_mut(tag) {
            close(track, now);
            track.now = None;
        }
    }

    /// Whether the device has this tag.
    pub(crate) fn has(&self, tag: &str) -> bool {
        self.tracks.get(tag).is_some_and(|track| track.now.is_some())
    }

    /// Nobody can reach the device any more.
    pub(crate) fn away(&mut self, now: Instant) {
        self.is_away = true;
        self.tracks.values_mut().for_each(|track| close(track, now));
    }

    /// The device can be reached again.
    pub(crate) fn back(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_away) {
            for track in self.tracks.values_mut() {
                track.spells.extend(track.now.map(|value| Spell { value, from: now, to: None }));
            }
        }
    }

    /// When the device came to have this value, if it has it now or had it last.
    pub(crate) fn since(&self, tag: &str, value: f64) -> Option<Instant> {
        let spells = &self.tracks.get(tag)?.spells;
        spells.iter().rev().find(|spell| is_same(spell.value, value)).map(|spell| spell.from)
    }

    /// What is to be said of a value that was good at this moment.
    pub(crate) fn judge(&self, tag: &str, value: f64, seen: Instant, window: Duration) -> Verdict {
        let Some(track) = self.tracks.get(tag) else { return Verdict::Wrong };
        let spells = track.spells.iter().filter(|spell| is_same(spell.value, value) && spell.from <= seen);
        match spells.map(|spell| spell.to.map_or(Duration::ZERO, |to| seen.saturating_duration_since(to))).min() {
            None => Verdict::Wrong,
            Some(age) if age <= window => Verdict::True,
            Some(age) => Verdict::Late(age),
        }
    }
}

fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

fn close(track: &mut Track, now: Instant) {
    if let Some(last) = track.spells.back_mut() {
        last.to.get_or_insert(now);
    }
    while track.spells.front().and_then(|spell| spell.to).is_some_and(|to| now.duration_since(to) > KEPT) {
        track.spells.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_true_while_the_device_has_it_and_a_window_longer_and_late_or_wrong_after() {
        let window = Duration::from_secs(2);
        let start = Instant::now();
        let at = |s: u64| start + Duration::from_secs(s);
        let mut truth = Truth::default();
        truth.set("a", 1.0, start);
        truth.set("b", 7.0, start);
        assert_eq!(truth.judge("a", 1.0, at(50), window), Verdict::True);
        truth.set("a", 2.0, at(50));
        assert_eq!(truth.judge("a", 1.0, at(52), window), Verdict::True);
        assert_eq!(truth.judge("a", 1.0, at(53), window), Verdict::Late(Duration::from_secs(3)));
        assert_eq!(truth.judge("a", 2.0, at(49), window), Verdict::Wrong, "it did not have it yet");
        assert_eq!(truth.judge("a", 7.0, at(51), window), Verdict::Wrong, "that is the value of another");
        truth.away(at(60));
        assert_eq!(truth.judge("b", 7.0, at(63), window), Verdict::Late(Duration::from_secs(3)));
        truth.set("a", 3.0, at(61));
        truth.back(at(64));
        assert_eq!(truth.judge("b", 7.0, at(99), window), Verdict::True);
        assert_eq!(truth.since("a", 3.0), Some(at(64)));
        truth.remove("b", at(70));
        assert!(!truth.has("b") && truth.judge("b", 7.0, at(73), window) != Verdict::True);
    }
}
