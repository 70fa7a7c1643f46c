//! A process that lives and is wanted: its hello, its heartbeat, what it says of its link.

use std::time::Duration;

use fieldrail_wire::plugin::{self, Status};

use super::{Ailment, Moment, Policy, Reason, Shown, shown};
use crate::State;
use crate::cause::Cause;

/// A process that closed its stdout has so long to end by itself, so that its exit code can be the reason.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// After so long it counts as held back no more.
const HELD: Duration = Duration::from_secs(1);

/// What is due when a deadline has passed.
pub(super) enum Overdue {
    /// It cannot go on.
    Kill(Reason),
    /// It gives no sign of life.
    Hangs(Cause),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Up {
    since: Moment,
    greeted: bool,
    said: Option<plugin::State>,
    /// Until when it may be connecting; none once it is connected or the patience is at its end.
    patient_until: Option<Moment>,
    impatient: bool,
    turns: Option<u64>,
    beat: Moment,
    /// Why it is taken for hung, where it is not to be restarted for that, until the next heartbeat.
    hung: Option<Box<Cause>>,
    /// The same for not reading, until it reads again.
    stalled: Option<Box<Cause>>,
    /// When it closed its stdout, and how many bytes of a frame had come before.
    closed: Option<(Moment, usize)>,
    /// When its limits last held it back.
    held_back: Option<Moment>,
    /// When everything last stood still.
    woke: Option<Moment>,
    /// What its judge has found.
    found: Option<Box<Ailment>>,
}

impl Up {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            since: now,
            greeted: false,
            said: None,
            patient_until: None,
            impatient: false,
            turns: None,
            beat: now,
            hung: None,
            stalled: None,
            closed: None,
            held_back: None,
            woke: None,
            found: None,
        }
    }

    pub(super) fn is_greeted(&self) -> bool {
        self.greeted
    }

    pub(super) fn greeted(&mut self, policy: &Policy, now: Moment) {
        self.greeted = true;
        self.beat = now;
        self.patient_until = Some(now + policy.patience);
    }

    /// Returns the trouble, if it is a new one.
    pub(super) fn said(&mut self, policy: &Policy, said: plugin::State, now: Moment) -> Option<String> {
        let before = self.said.as_ref().map(|said| said.status);
        if said.status != Status::Connecting {
            self.patient_until = None;
            self.impatient = false;
        } else if !matches!(before, None | Some(Status::Connecting)) {
            self.patient_until = Some(now + policy.patience);
        }
        let trouble = matches!(said.status, Status::Degraded | Status::Failed) && before != Some(said.status);
        let text = trouble.then(|| said.text.clone());
        self.said = Some(said);
        text
    }

    pub(super) fn beat(&mut self, turns: u64, now: Moment) {
        if self.turns.is_none_or(|before| turns > before) {
            self.beat = now;
            self.hung = None;
        }
        self.turns = Some(turns);
    }

    /// Its limits held it back for so long: that time does not count as silence.
    pub(super) fn held_back(&mut self, time: Duration, now: Moment) {
        self.beat = (self.beat + time).min(now);
        if !self.greeted {
            self.since = (self.since + time).min(now);
        }
        self.patient_until = self.patient_until.map(|until| until + time);
        self.held_back = Some(now);
    }

    /// Whether its limits hold it back now.
    pub(super) fn is_held_back(&self, now: Moment) -> bool {
        self.held_back.is_some_and(|at| now <= at + HELD)
    }

    /// Everything stood still until now.
    pub(super) fn woke(&mut self, policy: &Policy, now: Moment) {
        self.beat = now;
        if !self.greeted {
            self.since = now;
        }
        self.patient_until = self.patient_until.map(|_| now + policy.patience);
        self.closed = self.closed.map(|(_, half)| (now, half));
        self.woke = Some(now);
    }

    /// Whether it has not had time yet to do anything since everything stood still.
    pub(super) fn is_fresh(&self, policy: &Policy, now: Moment) -> bool {
        self.woke.is_some_and(|at| now < at + policy.silence())
    }

    /// Takes what its judge has found. Returns the trouble, if it is a new one.
    pub(super) fn found(&mut self, found: Option<Ailment>) -> Option<String> {
        let before = self.found.as_ref().map(|before| before.ill);
        let news = found.as_ref().filter(|found| Some(found.ill) != before).map(|found| found.text.clone());
        self.found = found.map(Box::new);
        news
    }

    /// Whether its device answers.
    pub(super) fn is_linked(&self) -> bool {
        let lives = self.hung.is_none() && self.stalled.is_none();
        let says = |said: &plugin::State| {
            said.status == Status::Connected || (said.status == Status::Degraded && said.answers)
        };
        lives && self.said.as_ref().is_some_and(says)
    }

    pub(super) fn hung(&mut self, cause: Cause) {
        self.hung = Some(Box::new(cause));
    }

    pub(super) fn stalled(&mut self, cause: Cause) {
        self.stalled = Some(Box::new(cause));
    }

    pub(super) fn flowing(&mut self) {
        self.stalled = None;
    }

    pub(super) fn closed(&mut self, half: usize, now: Moment) {
        self.closed.get_or_insert((now, half));
    }

    /// The reason of its end, with what is known beyond the exit itself.
    pub(super) fn explain(&self, exit: Reason) -> Reason {
        match (&self.said, self.closed) {
            (Some(said), _) if said.status == Status::Failed => Reason {
                text: format!("{} ({})", said.text, exit.text),
                causes: [vec![Cause::said(said.text.clone())], exit.causes].concat(),
                hint: said.hint.clone().or(exit.hint),
                kind: exit.kind,
            },
            (_, Some((_, half))) if half > 0 => {
                let text = format!("{}, {}", exit.text, half_a_frame(half));
                let causes = [exit.causes, vec![Cause::said(half_a_frame(half))]].concat();
                Reason { text, causes, ..exit }
            }
            _ => exit,
        }
    }

    pub(super) fn deadline(&self, policy: &Policy) -> Option<Moment> {
        let hello = (!self.greeted).then(|| self.since + policy.hello);
        let beat = (self.greeted && self.hung.is_none()).then(|| self.beat + policy.silence());
        let closed = self.closed.map(|(at, _)| at + CLOSE_GRACE);
        [hello, beat, self.patient_until, closed].into_iter().flatten().min()
    }

    pub(super) fn overdue(&mut self, policy: &Policy, now: Moment) -> Option<Overdue> {
        if let Some((at, half)) = self.closed
            && now >= at + CLOSE_GRACE
        {
            let ending = if half > 0 { format!(" {}", half_a_frame(half)) } else { String::new() };
            let reason = Reason::new(format!("closed its stdout{ending} and runs on"));
            return Some(Overdue::Kill(
                reason.hint("the protocol needs stdin and stdout for as long as the program runs"),
            ));
        }
        if !self.greeted && now >= self.since + policy.hello {
            let waited = policy.hello.as_secs_f32();
            let hint = "is it a plugin? it must write `hello` to stdout and flush it";
            let cause =
                Cause::plain("no_hello", format!("has not said hello within {waited} s")).with("seconds", &waited);
            return Some(Overdue::Kill(Reason::of(cause).hint(hint)));
        }
        if self.patient_until.is_some_and(|until| now >= until) {
            self.patient_until = None;
            self.impatient = true;
        }
        self.hangs(policy, now)
    }

    fn hangs(&mut self, policy: &Policy, now: Moment) -> Option<Overdue> {
        let due = self.beat + policy.silence();
        if !self.greeted || self.hung.is_some() || now < due {
            return None;
        }
        if now >= due + policy.progress {
            // The daemon itself was held up: the missing heartbeats may lie unread in the pipe.
            self.beat = now;
            return None;
        }
        let (missed, silence) = (policy.missed, policy.silence().as_secs_f32());
        let text = format!("hangs: missed {missed} heartbeats, no progress for {silence} s");
        Some(Overdue::Hangs(Cause::plain("hangs", text).with("missed", &missed).with("seconds", &silence)))
    }

    pub(super) fn shown(&self, policy: &Policy) -> Shown {
        let ails = |found: &Ailment| Shown {
            ill: Some(found.ill),
            hint: Some(found.hint.into()),
            ..Shown::new(State::Degraded, found.cause.clone())
        };
        if let Some(found) = self.found.as_ref().filter(|found| found.ill.is_of_process()) {
            return ails(found);
        }
        if let Some(lapse) = self.hung.as_ref().or(self.stalled.as_ref()) {
            return Shown::new(State::Degraded, (**lapse).clone());
        }
        let Some(said) = &self.said else {
            return match (self.greeted, self.impatient) {
                (false, _) => shown(State::Starting, "awaits_hello", "was started, has not said hello yet"),
                (true, false) => shown(State::Starting, "greeted", "has said hello"),
                (true, true) => {
                    let waited = policy.patience.as_secs_f32();
                    let text = format!("has not said within {waited} s how its link stands");
                    Shown::new(State::Degraded, Cause::plain("says_nothing", text).with("seconds", &waited))
                }
            };
        };
        if let Some(found) = self.found.as_ref().filter(|_| said.status == Status::Connected) {
            return ails(found);
        }
        let (state, code, plain) = match (said.status, self.impatient) {
            (Status::Connected, _) => (State::Running, "runs", "runs"),
            (Status::Connecting, false) => (State::Starting, "connecting", "is connecting"),
            (Status::Connecting, true) => (State::Degraded, "still_connecting", "is still connecting"),
            (Status::Degraded, _) => (State::Degraded, "works_in_part", "says that it works in part only"),
            (Status::Failed, _) => (State::Degraded, "cannot_work", "says that it cannot work"),
        };
        let cause = if said.text.is_empty() { Cause::plain(code, plain) } else { Cause::said(said.text.clone()) };
        Shown { hint: said.hint.clone(), ..Shown::new(state, cause) }
    }
}

fn half_a_frame(bytes: usize) -> String {
    format!("in the middle of a frame of which {bytes} bytes had come")
}
