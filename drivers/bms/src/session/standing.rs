//! What the instance page shows: how the lines stand, which batteries do not answer, what cannot be believed, and figures.

use std::time::{Duration, SystemTime};

use fieldrail_driver::{Failure, State};

use super::{Session, Standing};
use crate::setup::Choice;
use crate::transport::Place;

/// So many batteries are named.
const NAMED: usize = 5;

/// How one line stands.
pub(super) struct LineStanding {
    pub(super) place: Place,
    choice: Option<Choice>,
    is_open: bool,
    since: Option<SystemTime>,
    lost: Option<(Failure, Duration)>,
}

impl LineStanding {
    pub(super) fn new(place: Place) -> Self {
        Self { place, choice: None, is_open: false, since: None, lost: None }
    }

    pub(super) fn is_open(&mut self, choice: Choice) {
        (self.choice, self.is_open, self.since, self.lost) = (Some(choice), true, None, None);
    }

    pub(super) fn is_lost(&mut self, failure: Failure, next: Duration) {
        self.is_open = false;
        self.since.get_or_insert_with(|| {
            tracing::warn!(place = %self.place, error = failure.message, "No link.");
            SystemTime::now()
        });
        self.lost = Some((failure, next));
    }
}

impl Session {
    /// What is spoken on a line; none before that is known.
    pub(crate) fn choice(&self, line: usize) -> Option<Choice> {
        self.lines[line].choice
    }

    /// Says how all stands: the worst first.
    pub(super) fn stand(&mut self) {
        let standing = self.lost_line().or_else(|| self.silent()).or_else(|| self.doubtful());
        self.standing = standing.or_else(|| self.well());
        if self.standing.is_some() {
            self.changed.notify_one();
        }
    }

    fn lost_line(&self) -> Option<Standing> {
        let line = self.lines.iter().find(|line| line.lost.is_some())?;
        let (failure, next) = line.lost.clone()?;
        let since = line.since.unwrap_or_else(SystemTime::now);
        let message = fieldrail_driver::waits_for(&line.place.to_string(), &failure.message, since, next);
        Some(Standing::Link(State::Degraded, Failure { message, ..failure }))
    }

    fn silent(&self) -> Option<Standing> {
        let dead: Vec<_> = self.packs.iter().filter(|pack| pack.is_dead()).collect();
        let first = dead.first()?;
        let place = self.place(first.line);
        let mut failure = match dead.len() {
            1 => Failure::new(format!("{} on {place}", first.trouble)),
            count => {
                let names: Vec<&str> = dead.iter().take(NAMED).map(|pack| pack.shown.as_str()).collect();
                let more = count.checked_sub(NAMED).filter(|&more| more > 0).map(|more| format!(" and {more} more"));
                Failure::new(format!("{}{} do not answer", names.join(", "), more.unwrap_or_default()))
            }
        };
        failure.hint.clone_from(&first.hint);
        Some(Standing::Link(State::Degraded, failure))
    }

    fn doubtful(&self) -> Option<Standing> {
        let (pack, doubt) = self.packs.iter().find_map(|pack| Some((pack, pack.doubts.first()?)))?;
        let hint = "look at the battery's own app; while this lasts these values are uncertain";
        Some(Standing::MakesDo(Failure::new(format!("{}: {}", pack.shown, doubt.reason)).hint(hint)))
    }

    fn well(&self) -> Option<Standing> {
        if !self.packs.iter().all(super::Pack::answers) {
            return None;
        }
        let spoken =
            |line: &LineStanding| line.choice.map_or_else(String::new, |choice| format!("{choice} on {}", line.place));
        let lines: Vec<String> = self.lines.iter().take(NAMED).map(spoken).collect();
        Some(Standing::Link(State::Connected, Failure::new(format!("reads {}", lines.join(", ")))))
    }

    /// Figures for the instance page.
    pub(crate) fn figures(&self) -> Vec<(&'static str, f64)> {
        let answering = self.packs.iter().filter(|pack| pack.answers()).count();
        let doubtful = self.packs.iter().filter(|pack| !pack.doubts.is_empty()).count();
        let counts = self.counts;
        vec![
            ("questions", counts.questions as f64),
            ("answers", counts.answers as f64),
            ("timeouts", counts.silent as f64),
            ("broken_frames_dropped", counts.broken as f64),
            ("foreign_frames_dropped", counts.foreign as f64),
            ("noise_bytes_dropped", counts.thrown as f64),
            ("batteries_answering", answering as f64),
            ("batteries_silent", (self.packs.len() - answering) as f64),
            ("batteries_in_doubt", doubtful as f64),
        ]
    }
}
