//! The life cycle of one instance: events in, at most one action out. Pure: time is an argument.
//!
//! Invariants, held by a property test: `Spawn` is never asked for while a process may live; nothing is started after
//! `StopAsked` until a person asks; whoever waits has a deadline.

mod event;
mod policy;
mod up;

use std::collections::VecDeque;
use std::time::Duration;

pub(crate) use event::{Action, Ailment, Event, Moment, Reason, Shown};
pub use policy::Policy;

use crate::State;
use crate::cause::Cause;
use crate::listener::FaultKind;
use up::{Overdue, Up};

/// What a refused plugin has time for: reading why.
const REFUSED_GRACE: Duration = Duration::from_secs(1);

/// What comes after the end of the process.
#[derive(Debug, Clone, PartialEq)]
enum After {
    /// Nothing. The reason says how it went.
    Stop(Reason),
    /// The next process.
    Again,
    /// The restart policy.
    Crash(Reason),
    /// Nothing until a person acts.
    Fail(Reason),
    /// Nothing until a person reactivates it.
    Suspend(State, Reason),
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// No process, none wanted.
    Down(Result<Reason, Reason>),
    /// The same: it took more than its limits.
    Suspended(State, Reason),
    /// No process; the next one at `until`.
    Waiting { until: Moment, wait: Duration, reason: Reason },
    /// A process was asked for. Once it is there, it is killed at once if something else came up.
    Launching(Option<After>),
    /// A process lives and is wanted.
    Up(Up),
    /// A process lives and is to end; at `kill_at` it is killed, and none means it has been.
    Ending { kill_at: Option<Moment>, after: After },
}

/// One instance's life.
#[derive(Debug)]
pub(crate) struct Life {
    policy: Policy,
    auto_restart: bool,
    phase: Phase,
    /// When crashes were, within the policy's window.
    crashes: VecDeque<Moment>,
    /// Failed starts since the last settled run: the exponent of the wait.
    tries: u32,
    /// When the last process was there.
    spawned: Option<Moment>,
    /// State of the generator for the jitter.
    seed: u64,
    errors: u64,
    last_error: Option<String>,
    /// What went wrong in the last event.
    fault: Option<Reason>,
}

impl Life {
    /// An instance that does not run. `seed` differs between instances.
    pub(crate) fn new(policy: Policy, auto_restart: bool, seed: u64) -> Self {
        let phase = Phase::Down(Ok(Reason::of(Cause::plain("not_started", "is not started"))));
        Self {
            policy,
            auto_restart,
            phase,
            crashes: VecDeque::new(),
            tries: 0,
            spawned: None,
            seed: seed | 1,
            errors: 0,
            last_error: None,
            fault: None,
        }
    }

    /// What went wrong in the last event, once.
    pub(crate) fn take_fault(&mut self) -> Option<Reason> {
        self.fault.take()
    }

    /// Takes the choice of the instance's new spec.
    pub(crate) fn set_auto_restart(&mut self, auto_restart: bool) {
        self.auto_restart = auto_restart;
    }

    /// So long without a sign of life is a hang.
    pub(crate) fn silence(&self) -> Duration {
        self.policy.silence()
    }

    /// Takes how many missed heartbeats are a hang.
    pub(crate) fn set_missed(&mut self, missed: u32) {
        self.policy.missed = missed;
    }

    /// Whether its device answers, so that what must arrive may leave; whatever else is wrong with it.
    pub(crate) fn is_linked(&self) -> bool {
        matches!(&self.phase, Phase::Up(up) if up.is_linked())
    }

    /// Whether there is neither a process nor a plan for one.
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.phase, Phase::Down(_) | Phase::Suspended(..))
    }

    /// Whether a process lives and is to end.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending { .. })
    }

    /// Crashes, hangs and troubles so far, and the last of them.
    pub(crate) fn errors(&self) -> (u64, Option<&str>) {
        (self.errors, self.last_error.as_deref())
    }

    /// When [`Event::Tick`] is due.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        match &self.phase {
            Phase::Down(_) | Phase::Suspended(..) | Phase::Launching(_) => None,
            Phase::Waiting { until, .. } => Some(*until),
            Phase::Up(up) => up.deadline(&self.policy),
            Phase::Ending { kill_at, .. } => *kill_at,
        }
    }

    /// Takes one event. An event that does not fit the phase came late, and changes nothing.
    pub(crate) fn handle(&mut self, event: Event, now: Moment) -> Option<Action> {
        match event {
            Event::StartAsked => self.start(),
            Event::StopAsked { within } => self.stop(within, now),
            Event::RestartAsked => self.restart(now),
            Event::KillAsked => self.kill(),
            Event::Spawned => self.spawned(now),
            Event::SpawnFailed(reason) => self.spawn_failed(reason.kind(FaultKind::Start), now),
            Event::Exited(reason) => self.exited(reason, now),
            Event::Tick => self.tick(now),
            Event::Woke => self.woke(now),
            of_the_process => self.happened(of_the_process, now),
        }
    }

    fn start(&mut self) -> Option<Action> {
        self.forget_crashes();
        match &mut self.phase {
            Phase::Down(_) | Phase::Suspended(..) | Phase::Waiting { .. } => return Some(self.launch()),
            Phase::Launching(after) => *after = None,
            Phase::Up(_) => {}
            Phase::Ending { after, .. } => *after = After::Again,
        }
        None
    }

    fn stop(&mut self, within: Duration, now: Moment) -> Option<Action> {
        let stopped = || Reason::of(Cause::plain("stopped", "was stopped"));
        match &mut self.phase {
            Phase::Down(_) | Phase::Suspended(..) | Phase::Waiting { .. } => {
                self.phase = Phase::Down(Ok(stopped()));
            }
            Phase::Launching(after) => *after = Some(After::Stop(stopped())),
            Phase::Up(up) if !up.is_greeted() => return Some(self.end_now(After::Stop(stopped()))),
            Phase::Up(_) => return Some(self.end_softly(After::Stop(stopped()), within, now)),
            Phase::Ending { kill_at, after } => {
                *after = After::Stop(stopped());
                *kill_at = kill_at.map(|at| at.min(now + within));
            }
        }
        None
    }

    fn restart(&mut self, now: Moment) -> Option<Action> {
        self.forget_crashes();
        match &mut self.phase {
            Phase::Down(_) | Phase::Suspended(..) | Phase::Waiting { .. } => return Some(self.launch()),
            Phase::Launching(after) => *after = Some(After::Again),
            Phase::Up(up) if !up.is_greeted() => return Some(self.end_now(After::Again)),
            Phase::Up(_) => return Some(self.end_softly(After::Again, self.policy.stop, now)),
            Phase::Ending { after, .. } => *after = After::Again,
        }
        None
    }

    fn kill(&mut self) -> Option<Action> {
        let reason = || Reason::of(Cause::plain("killed", "was killed on request")).kind(FaultKind::Asked);
        match &mut self.phase {
            Phase::Down(_) | Phase::Suspended(..) | Phase::Waiting { .. } | Phase::Ending { kill_at: None, .. } => None,
            Phase::Launching(after) => {
                after.get_or_insert_with(|| After::Crash(reason()));
                None
            }
            Phase::Up(_) => Some(self.kill_for(reason())),
            Phase::Ending { kill_at, .. } => kill_at.take().map(|_| Action::Kill),
        }
    }

    fn spawned(&mut self, now: Moment) -> Option<Action> {
        let Phase::Launching(after) = &mut self.phase else { return None };
        self.spawned = Some(now);
        match after.take() {
            None => {
                self.phase = Phase::Up(Up::new(now));
                None
            }
            Some(after) => Some(self.end_now(after)),
        }
    }

    fn spawn_failed(&mut self, reason: Reason, now: Moment) -> Option<Action> {
        let Phase::Launching(after) = &mut self.phase else { return None };
        match after.take() {
            None | Some(After::Crash(_)) => self.crashed(reason, now),
            Some(After::Again) => Some(self.launch()),
            Some(After::Stop(reason)) => self.rest(Ok(reason)),
            Some(After::Fail(reason)) => self.rest(Err(reason)),
            Some(After::Suspend(state, reason)) => self.suspended(state, reason),
        }
    }

    fn exited(&mut self, reason: Reason, now: Moment) -> Option<Action> {
        match &self.phase {
            Phase::Up(up) => {
                let reason = up.explain(reason);
                self.crashed(reason, now)
            }
            Phase::Ending { after, .. } => match after.clone() {
                After::Stop(reason) => self.rest(Ok(reason)),
                After::Again => Some(self.launch()),
                After::Crash(reason) => self.crashed(reason, now),
                After::Fail(reason) => {
                    self.note_error(&reason);
                    self.rest(Err(reason))
                }
                After::Suspend(state, reason) => self.suspended(state, reason),
            },
            Phase::Down(_) | Phase::Suspended(..) | Phase::Waiting { .. } | Phase::Launching(_) => None,
        }
    }

    fn tick(&mut self, now: Moment) -> Option<Action> {
        match &mut self.phase {
            Phase::Waiting { until, .. } if now >= *until => Some(self.launch()),
            Phase::Up(up) => match up.overdue(&self.policy, now)? {
                Overdue::Kill(reason) => Some(self.kill_for(reason.kind(FaultKind::Hang))),
                Overdue::Hangs(cause) => self.hangs(cause, Up::hung),
            },
            Phase::Ending { kill_at, after } if kill_at.is_some_and(|at| now >= at) => {
                *kill_at = None;
                if let After::Stop(reason) = after {
                    let late = Cause::plain("ended_late", "it did not end in time and was killed");
                    *reason = reason.clone().and(late);
                }
                Some(Action::Kill)
            }
            _ => None,
        }
    }

    /// Nobody could do anything meanwhile, so nobody is late.
    fn woke(&mut self, now: Moment) -> Option<Action> {
        match &mut self.phase {
            Phase::Up(up) => up.woke(&self.policy, now),
            Phase::Ending { kill_at: Some(at), .. } => *at = (*at).max(now + self.policy.stop),
            _ => {}
        }
        None
    }

    /// What the process itself does, which counts only while it is wanted.
    fn happened(&mut self, event: Event, now: Moment) -> Option<Action> {
        let Phase::Up(up) = &mut self.phase else { return None };
        match event {
            Event::Greeted => up.greeted(&self.policy, now),
            Event::Said(said) => {
                if let Some(trouble) = up.said(&self.policy, said, now) {
                    self.note_error(&Reason::new(trouble).kind(FaultKind::Trouble));
                }
            }
            Event::Beat(turns) => up.beat(turns, now),
            Event::Flowing => up.flowing(),
            Event::Closed { half } => up.closed(half, now),
            Event::Broken(reason) => return Some(self.kill_for(reason.kind(FaultKind::Protocol))),
            Event::OverLimit(reason) => return Some(self.kill_for(reason.kind(FaultKind::Limit))),
            Event::Suspend(state, reason) => {
                let reason = reason.kind(FaultKind::Limit);
                let greeted = up.is_greeted();
                self.note_error(&reason);
                let after = After::Suspend(state, reason);
                // What took too much memory has no time to end in order.
                let softly = greeted && state == State::SuspendedBySpam;
                return Some(if softly { self.end_softly(after, self.policy.stop, now) } else { self.end_now(after) });
            }
            Event::HeldBack(time) => up.held_back(time, now),
            Event::Found(found) => return self.found(found),
            // Who gets no processor time does not read either.
            Event::Stalled if !up.is_held_back(now) && !up.is_fresh(&self.policy, now) => {
                let silence = self.policy.silence().as_secs_f32();
                let text = format!("has not read what it is told for {silence} s");
                return self.hangs(Cause::plain("reads_nothing", text).with("seconds", &silence), Up::stalled);
            }
            Event::Refused(reason) => {
                let after = After::Fail(reason.kind(FaultKind::Protocol));
                self.phase = Phase::Ending { kill_at: Some(now + REFUSED_GRACE), after };
            }
            _ => {}
        }
        None
    }

    /// Its judge has looked: what hangs is started again, where that is wanted, and all else is shown.
    fn found(&mut self, found: Option<Ailment>) -> Option<Action> {
        let Phase::Up(up) = &mut self.phase else { return None };
        if let Some(Ailment { ends_for: Some(text), hint, cause, .. }) = &found
            && self.auto_restart
        {
            let reason = Reason::of(Cause { text: text.clone(), ..cause.clone() });
            return Some(self.kill_for(reason.kind(FaultKind::Hang).hint(*hint)));
        }
        if let Some(trouble) = up.found(found) {
            self.note_error(&Reason::new(trouble).kind(FaultKind::Trouble));
        }
        None
    }

    /// A sign of life is missing: kill it, or let it lapse where it is not to be started again.
    fn hangs(&mut self, cause: Cause, lapse: fn(&mut Up, Cause)) -> Option<Action> {
        let reason = Reason::of(cause.clone()).kind(FaultKind::Hang).hint("its own log may say what it waits for");
        if self.auto_restart {
            return Some(self.kill_for(reason));
        }
        self.note_error(&reason);
        if let Phase::Up(up) = &mut self.phase {
            lapse(up, cause);
        }
        None
    }

    fn end_softly(&mut self, after: After, within: Duration, now: Moment) -> Action {
        self.phase = Phase::Ending { kill_at: Some(now + within), after };
        Action::SoftStop { within }
    }

    /// It holds nothing yet that would have to be left in order.
    fn end_now(&mut self, after: After) -> Action {
        self.phase = Phase::Ending { kill_at: None, after };
        Action::Kill
    }

    fn kill_for(&mut self, reason: Reason) -> Action {
        self.end_now(After::Crash(reason))
    }

    /// No process, none wanted.
    fn rest(&mut self, how: Result<Reason, Reason>) -> Option<Action> {
        self.phase = Phase::Down(how);
        None
    }

    fn suspended(&mut self, state: State, reason: Reason) -> Option<Action> {
        self.phase = Phase::Suspended(state, reason);
        None
    }

    fn launch(&mut self) -> Action {
        self.phase = Phase::Launching(None);
        self.spawned = None;
        Action::Spawn
    }

    /// The restart policy.
    fn crashed(&mut self, reason: Reason, now: Moment) -> Option<Action> {
        self.note_error(&reason);
        if !self.auto_restart {
            let never = Cause::plain("not_again", "it is configured not to start again by itself");
            return self.rest(Err(reason.and(never)));
        }
        self.crashes.push_back(now);
        while self.crashes.front().is_some_and(|&at| at + self.policy.within <= now) {
            self.crashes.pop_front();
        }
        if self.crashes.len() > self.policy.crashes {
            let (times, minutes) = (self.crashes.len(), self.policy.within.as_secs() / 60);
            let text = format!("failed {times} times within {minutes} minutes, the last time: {}", reason.text);
            let hint = reason.hint.or_else(|| Some("its log shows more; mend the cause, then start it".into()));
            let often = format!("failed {times} times within {minutes} minutes");
            let often = Cause::plain("gave_up", often).with("times", &times).with("minutes", &minutes);
            let causes = [vec![often], reason.causes].concat();
            return self.rest(Err(Reason { text, causes, hint, kind: reason.kind }));
        }
        if self.spawned.is_some_and(|at| now.saturating_sub(at) >= self.policy.settled) {
            self.tries = 0;
        }
        let chance = self.chance();
        let wait = self.policy.wait(self.tries, chance);
        self.tries = self.tries.saturating_add(1);
        self.phase = Phase::Waiting { until: now + wait, wait, reason };
        None
    }

    fn forget_crashes(&mut self) {
        self.crashes.clear();
        self.tries = 0;
    }

    fn note_error(&mut self, reason: &Reason) {
        self.errors += 1;
        self.last_error = Some(reason.text.clone());
        self.fault = Some(reason.clone());
    }

    /// Between 0 and 1, from an xorshift generator.
    fn chance(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// What people see.
    pub(crate) fn shown(&self) -> Shown {
        match &self.phase {
            Phase::Down(Ok(reason)) => Shown::because(State::Stopped, reason),
            Phase::Down(Err(reason)) => Shown::because(State::Error, reason),
            Phase::Suspended(state, reason) => Shown::because(*state, reason),
            Phase::Waiting { wait, reason, .. } => {
                let seconds = format!("{:.1}", wait.as_secs_f64());
                let again =
                    Cause::plain("starts_again", format!("starts again in {seconds} s")).with("seconds", &seconds);
                Shown::because(State::Starting, &reason.clone().and(again))
            }
            Phase::Launching(_) => shown(State::Starting, "being_started", "is being started"),
            Phase::Up(up) => up.shown(&self.policy),
            Phase::Ending { after, .. } => match after {
                After::Stop(_) => shown(State::Stopping, "asked_to_end", "was asked to end"),
                After::Again => shown(State::Stopping, "asked_to_restart", "was asked to end and will start again"),
                After::Crash(reason) | After::Fail(reason) | After::Suspend(_, reason) => {
                    Shown::because(State::Stopping, reason)
                }
            },
        }
    }
}

fn shown(state: State, code: &'static str, text: &str) -> Shown {
    Shown::new(state, Cause::plain(code, text))
}

#[cfg(test)]
mod tests;
