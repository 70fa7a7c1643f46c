//! A battery through which a current flows does not say the same for ever.
//!
//! A board that looks at its cells seldom says the same a few times in a row and then something else: what it shows like
//! that is learned, so that it is in doubt once at most.

use std::time::Duration;

use super::Seen;

/// So many polls in a row that bring nothing new.
const POLLS: u32 = 3;

/// And at least so long: boards look at their cells about once a second.
const LEAST: Duration = Duration::from_secs(3);

/// A current that moves the last digit of something, in amperes. At rest a battery may say the same for hours.
const FLOWS_A: f64 = 1.0;

/// A board is slow, not frozen, if something new comes after so many polls at most.
const SLOW: u32 = 10;

/// What was said last, since when, and how often.
#[derive(Debug, Default)]
pub(super) struct Freeze {
    last: Option<Seen>,
    since: Duration,
    repeats: u32,
    /// The most repeats of a board that is slow.
    usual: u32,
}

impl Freeze {
    pub(super) fn take(&mut self, seen: &Seen) -> Option<String> {
        let flows = seen.current_a.is_some_and(|current| current.abs() >= FLOWS_A);
        let is_same = self.last.as_ref().is_some_and(|last| {
            // A counter of seconds stands still for nobody; at rest nothing else may move.
            let is_stopped = last.uptime_s.is_some() && last.uptime_s == seen.uptime_s;
            last.print == seen.print && (flows || is_stopped)
        });
        if !is_same {
            if (POLLS..=SLOW).contains(&self.repeats) {
                self.usual = self.usual.max(self.repeats);
            }
            (self.repeats, self.since) = (0, seen.at);
            self.last = Some(seen.clone());
            return None;
        }
        self.repeats += 1;
        let passed = seen.at.saturating_sub(self.since);
        let patience = POLLS.max(self.usual + 1);
        if self.repeats < patience || passed < LEAST {
            return None;
        }
        let what = match seen.current_a.filter(|_| flows) {
            Some(current) => format!("though {current} A flow"),
            None => "not even its clock goes on".into(),
        };
        Some(format!("nothing of what it says has changed for {} polls ({} s), {what}", self.repeats, passed.as_secs()))
    }
}
