//! What flows in is what it holds more: the change of charge against the current over time.
//!
//! A leap between two polls is in doubt for a few polls: boards set themselves right when a battery is full. A drift over
//! minutes is in doubt until as much has flowed again and agrees: the current has the wrong sign, or stands still.

use std::collections::VecDeque;
use std::time::Duration;

use super::{About, Seen};

/// Over so long a drift is looked for.
const WINDOW: Duration = Duration::from_mins(15);

/// Two polls further apart than this say nothing of what flowed in between.
const GAP: Duration = Duration::from_mins(2);

/// So much of the capacity may be missing: boards round, and correct themselves in small steps.
const SHARE: f64 = 0.01;

/// And so much in ampere hours, whatever the capacity: the coarsest boards count in steps of 0.1 Ah.
const LEAST_AH: f64 = 0.2;

/// So much of what flowed may be missing: a current is seen for a moment and goes on for a poll.
const FLOWED: f64 = 0.25;

/// In a window so much of the capacity must have flowed before it is said that all is well again.
const PROOF: f64 = 0.02;

/// A leap is in doubt for so many polls.
const LEAP_POLLS: u32 = 5;

/// The most polls that are kept; of more every second one is left out.
const MAX_KEPT: usize = 512;

/// One poll, and all that had flowed until then.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Duration,
    /// Since the beginning, in ampere hours.
    flowed: f64,
    /// The same without its sign.
    moved: f64,
    current: f64,
    held: f64,
}

/// What is known of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Charge {
    marks: VecDeque<Mark>,
    leap: Option<(String, u32)>,
    drift: Option<String>,
}

impl Charge {
    pub(super) fn take(&mut self, seen: &Seen) -> Option<(About, String)> {
        if let (Some(current), Some((held, capacity, step))) = (seen.current_a, held(seen)) {
            self.follow(seen.at, current, held, capacity, step);
        }
        match (&self.drift, &self.leap) {
            (Some(reason), _) => Some((About::Current, reason.clone())),
            (None, Some((reason, _))) => Some((About::Charge, reason.clone())),
            (None, None) => None,
        }
    }

    fn follow(&mut self, at: Duration, current: f64, held: f64, capacity: f64, step: f64) {
        let Some(last) = self.marks.back().copied() else {
            self.marks.push_back(Mark { at, flowed: 0.0, moved: 0.0, current, held });
            return;
        };
        let passed = at.saturating_sub(last.at);
        if passed > GAP {
            self.marks.clear();
            return self.follow(at, current, held, capacity, step);
        }
        let hours = passed.as_secs_f64() / 3600.0;
        let flowed = last.flowed + hours * f64::midpoint(current, last.current);
        // Between two polls it may have been either of the two all the time.
        let moved = last.moved + hours * current.abs().max(last.current.abs());
        let mark = Mark { at, flowed, moved, current, held };
        let slack = (SHARE * capacity).max(LEAST_AH) + step;
        if let Some((_, polls)) = &mut self.leap {
            *polls -= 1;
        }
        self.leap.take_if(|(_, polls)| *polls == 0);
        let leap = (held - last.held) - (flowed - last.flowed);
        if leap.abs() > slack + (moved - last.moved) {
            let reason = format!(
                "the charge went from {:.2} to {held:.2} Ah within {} s, and the current explains {:+.2} Ah of it",
                last.held,
                passed.as_secs_f64().ceil(),
                flowed - last.flowed
            );
            self.leap = Some((reason, LEAP_POLLS));
            // What comes is judged from here.
            self.marks.clear();
        }
        self.keep(mark);
        self.judge(mark, capacity, slack);
    }

    fn keep(&mut self, mark: Mark) {
        self.marks.push_back(mark);
        while self.marks.front().is_some_and(|first| mark.at.saturating_sub(first.at) > WINDOW) {
            self.marks.pop_front();
        }
        if self.marks.len() > MAX_KEPT {
            let mut index = 0;
            self.marks.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
    }

    /// Looks for a drift since any mark of the window.
    fn judge(&mut self, now: Mark, capacity: f64, slack: f64) {
        let off = |then: &Mark| (now.held - then.held) - (now.flowed - then.flowed);
        let is_off = |then: &&Mark| off(then).abs() > slack + FLOWED * (now.moved - then.moved);
        if let Some(then) = self.marks.iter().find(is_off) {
            self.drift = Some(words(then, &now));
            self.marks.clear();
            self.marks.push_back(now);
        } else if self.marks.front().is_some_and(|first| now.moved - first.moved > PROOF * capacity + slack) {
            self.drift = None;
        }
    }
}

fn words(then: &Mark, now: &Mark) -> String {
    let (flowed, held) = (now.flowed - then.flowed, now.held - then.held);
    let minutes = now.at.saturating_sub(then.at).as_secs_f64() / 60.0;
    let sign = if flowed.signum() == -held.signum() && held != 0.0 {
        "; does the current have the wrong sign (`invert_current`)?"
    } else {
        ""
    };
    format!("in {minutes:.0} min {flowed:+.2} Ah flowed, and the charge changed by {held:+.2} Ah{sign}")
}

/// What it holds, when full, and in what steps that is known, in ampere hours. None if it does not say.
fn held(seen: &Seen) -> Option<(f64, f64, f64)> {
    let capacity = seen.capacity_ah.filter(|capacity| *capacity > 0.0)?;
    let by_soc = || seen.soc.map(|soc| (soc * capacity / 100.0, capacity, capacity / 100.0));
    seen.remaining_ah.map(|held| (held, capacity, 0.0)).or_else(by_soc)
}
