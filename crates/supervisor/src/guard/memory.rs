//! The limit on memory: at 80 % a warning, at 95 % less processor time, at 100 % the end; the third end in ten minutes is one
//! for good.

use std::collections::VecDeque;
use std::time::Duration;

use crate::life::Moment;

/// Kills within this time count together.
const WITHIN: Duration = Duration::from_mins(10);

/// So many kills within [`WITHIN`], and a person must act.
const KILLS: usize = 3;

/// How near an instance is to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum MemoryStage {
    /// Below 80 %.
    #[default]
    Fine,
    /// From 80 %, until it is below 75 %.
    Warned,
    /// From 95 %, until it is below 90 %: it gets a tenth of a core.
    Throttled,
    /// Over the limit: it is ended.
    Over,
}

impl MemoryStage {
    /// The word in the API: `fine`, `warned`, `throttled` or `over`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Warned => "warned",
            Self::Throttled => "throttled",
            Self::Over => "over",
        }
    }

    /// From which part of the limit on, in per cent, and below which it ends.
    fn bounds(self) -> (u64, u64) {
        match self {
            Self::Fine => (0, 0),
            Self::Warned => (80, 75),
            Self::Throttled => (95, 90),
            Self::Over => (100, 100),
        }
    }
}

/// What is done with an instance that was ended for its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The restart policy.
    Again,
    /// It is suspended.
    Suspend,
}

/// The stage of one process, and the kills of the instance.
#[derive(Debug, Default)]
pub(crate) struct MemoryGuard {
    stage: MemoryStage,
    kills: VecDeque<Moment>,
    /// All kills, those that are long ago too.
    count: u64,
}

impl MemoryGuard {
    /// How near it is to its limit.
    pub(crate) fn stage(&self) -> MemoryStage {
        self.stage
    }

    /// How often it was ended for its memory.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// A new process begins.
    pub(crate) fn begin(&mut self) {
        self.stage = MemoryStage::Fine;
    }

    /// Takes a reading. Returns the stage before, if it is another one now.
    pub(crate) fn look(&mut self, bytes: u64, limit: u64) -> Option<MemoryStage> {
        let part = |percent: u64| u64::try_from(u128::from(limit) * u128::from(percent) / 100).unwrap_or(u64::MAX);
        let stages = [MemoryStage::Over, MemoryStage::Throttled, MemoryStage::Warned];
        let is_in = |stage: &MemoryStage| {
            let (from, until) = stage.bounds();
            bytes >= part(from) || (*stage <= self.stage && bytes >= part(until))
        };
        let stage = stages.into_iter().find(is_in).unwrap_or_default();
        let before = std::mem::replace(&mut self.stage, stage);
        (before != stage).then_some(before)
    }

    /// It is ended for its memory.
    pub(crate) fn killed(&mut self, now: Moment) -> Verdict {
        self.count += 1;
        self.kills.push_back(now);
        while self.kills.front().is_some_and(|&at| at + WITHIN <= now) {
            self.kills.pop_front();
        }
        if self.kills.len() >= KILLS { Verdict::Suspend } else { Verdict::Again }
    }

    /// A person lets it begin anew.
    pub(crate) fn forgive(&mut self) {
        *self = Self { count: self.count, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1024 * 1024;

    /// Megabytes of a limit of 100, one reading after the other, and the stages that follow.
    #[track_caller]
    fn check(readings: &[u64], want: &str) {
        let mut guard = MemoryGuard::default();
        let stages = readings.iter().map(|mb| {
            guard.look(mb * MB, 100 * MB);
            guard.stage().name()
        });
        assert_eq!(stages.collect::<Vec<_>>().join(" "), want);
    }

    #[test]
    fn it_is_warned_at_80_throttled_at_95_and_ended_at_100_per_cent() {
        check(&[10, 79, 80, 94, 95, 99, 100], "fine fine warned warned throttled throttled over");
        check(&[10, 200], "fine over");
    }

    #[test]
    fn a_stage_ends_five_per_cent_below_its_beginning() {
        check(&[95, 94, 90, 89, 80, 75, 74], "throttled throttled throttled warned warned warned fine");
        check(&[79, 80, 79, 80, 79], "fine warned warned warned warned");
    }

    #[test]
    fn only_a_change_is_told() {
        let mut guard = MemoryGuard::default();
        assert_eq!(guard.look(50, 100), None);
        assert_eq!(guard.look(85, 100), Some(MemoryStage::Fine));
        assert_eq!(guard.look(86, 100), None);
        assert_eq!(guard.look(10, 100), Some(MemoryStage::Warned));
    }

    #[track_caller]
    fn check_kills(minutes: &[u64], want: &[Verdict]) {
        let mut guard = MemoryGuard::default();
        let got: Vec<Verdict> = minutes.iter().map(|&m| guard.killed(Duration::from_mins(m))).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn the_third_kill_within_ten_minutes_suspends() {
        use Verdict::{Again, Suspend};
        check_kills(&[0, 4, 9], &[Again, Again, Suspend]);
        check_kills(&[0, 4, 10, 13], &[Again, Again, Again, Suspend]);
        check_kills(&[0, 6, 12, 18, 24], &[Again; 5]);
    }
}
