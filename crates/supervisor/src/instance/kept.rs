//! What keeps an instance within its limits: its guards, and what they and the watcher found.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldrail_model::Timestamp;
use fieldrail_wire::TagRef;
use fieldrail_wire::plugin::{Level, Samples};

use super::Shared;
use crate::cause::Cause;
use crate::confine::Report;
use crate::confine::permissions::Opened;
use crate::confine::walls::{Known, Wall, walls};
use crate::guard::growth::{Growth, Stage};
use crate::guard::memory::{MemoryGuard, MemoryStage, Verdict};
use crate::guard::spam::{self, Seen, SpamBreaker};
use crate::life::{Event, Reason};
use crate::limits::Limits;
use crate::listener::shielded;
use crate::metrics::Metrics;
use crate::process::Group;
use crate::snapshot::{Confinement, Evidence, Keeping};
use crate::{Permissions, Spec, State};

/// The guards of one instance. They outlive its processes.
#[derive(Default)]
pub(crate) struct Kept {
    spam: Mutex<SpamBreaker>,
    /// Samples a second that its subscriptions call for.
    asked: AtomicU32,
    /// Somebody has the word of the daemon that none of its samples is lost.
    keeps_all: AtomicBool,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    memory: MemoryGuard,
    evidence: Option<Arc<Evidence>>,
    metrics: Option<Metrics>,
    group: Arc<Mutex<Group>>,
    /// Processes that the kernel had ended for want of memory when the present one began.
    ended_by_kernel: u64,
    processor_by: &'static str,
    memory_by: &'static str,
    processes_by: &'static str,
    /// How often the kernel had refused it a process or thread.
    refused_processes: u64,
    open_files: Growth,
    disk: Growth,
    /// What the step before its program said.
    report: Option<Report>,
    opened: Opened,
}

/// What the watcher needs of an instance with a process.
pub(crate) struct Subject {
    pub(crate) generation: u64,
    pub(crate) pid: u32,
    pub(crate) limits: Limits,
    /// It cannot start processes of its own.
    pub(crate) alone: bool,
    pub(crate) group: Arc<Mutex<Group>>,
}

impl Found {
    fn walls(&self, spec: &Spec, confinement: Confinement) -> Vec<Wall> {
        walls(&Known {
            permissions: spec.permissions.as_ref(),
            report: self.report.as_ref(),
            confinement,
            limits: &spec.limits,
            processor_by: self.processor_by,
            memory_by: self.memory_by,
            processes_by: self.processes_by,
        })
    }
}

impl Kept {
    fn spam(&self) -> MutexGuard<'_, SpamBreaker> {
        self.spam.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn group(&self) -> Arc<Mutex<Group>> {
        Arc::clone(&self.found().group)
    }

    /// A new process begins in this group.
    pub(super) fn begin(&self, group: Group, permissions: Option<&Permissions>) {
        let opened = permissions.map(Opened::now).unwrap_or_default();
        let mut found = self.found();
        found.opened = opened;
        found.report = None;
        found.refused_processes = group.refused_processes().unwrap_or(0);
        (found.open_files, found.disk) = (Growth::default(), Growth::default());
        found.ended_by_kernel = group.out_of_memory().unwrap_or(0);
        found.group = Arc::new(Mutex::new(group));
        found.memory.begin();
        found.metrics = None;
        (found.processor_by, found.memory_by, found.processes_by) = ("", "", "");
    }

    /// The present process has ended.
    pub(super) fn ended(&self) {
        let mut found = self.found();
        found.metrics = None;
        found.report = None;
        found.memory.begin();
    }

    /// What the step before its program said.
    pub(super) fn reported(&self, report: Report) {
        self.found().report = Some(report);
    }

    /// Whether the kernel refuses it the calls that it may not use.
    pub(super) fn refuses_calls(&self) -> bool {
        self.found().report.as_ref().is_some_and(|report| report.seccomp.is_ok())
    }

    /// Its group, and how often it was refused a process or thread as far as is known.
    pub(super) fn refusals(&self) -> (Arc<Mutex<Group>>, u64) {
        let found = self.found();
        (Arc::clone(&found.group), found.refused_processes)
    }

    pub(super) fn refused(&self, count: u64) {
        self.found().refused_processes = count;
    }

    pub(super) fn open_files(&self, open: u64, limit: u64) -> Option<Stage> {
        self.found().open_files.look(open, limit)
    }

    pub(super) fn disk(&self, bytes: u64, limit: u64) -> Option<Stage> {
        self.found().disk.look(bytes, limit)
    }

    /// It was ended for a limit.
    pub(super) fn strike(&self, now: Duration) -> Verdict {
        self.found().memory.killed(now)
    }

    /// A file that it may use and that was replaced since its start.
    pub(super) fn replaced(&self) -> Option<PathBuf> {
        let opened = self.found().opened.clone();
        opened.replaced().map(Into::into)
    }

    /// The folders of the group are of no use any more.
    pub(super) fn leave(&self) {
        lock(&self.found().group).remove();
    }

    pub(super) fn connected(&self, now: Duration) {
        self.spam().connected(now);
    }

    fn limit(&self, limits: &Limits) -> u32 {
        spam::limit(limits.max_pps, self.asked.load(Ordering::Relaxed))
    }

    pub(super) fn keeping(&self, spec: &Spec, confinement: Option<Confinement>) -> Keeping {
        let limits = &spec.limits;
        let (spam, shed) = {
            let spam = self.spam();
            (spam.stage(), spam.shed())
        };
        let found = self.found();
        Keeping {
            limits: *limits,
            max_pps: self.limit(limits),
            memory: found.memory.stage(),
            memory_kills: found.memory.count(),
            spam,
            shed,
            processor_by: found.processor_by,
            memory_by: found.memory_by,
            walls: confinement.map(|confinement| found.walls(spec, confinement)).unwrap_or_default(),
            evidence: found.evidence.clone(),
        }
    }

    pub(super) fn metrics(&self) -> Option<Metrics> {
        self.found().metrics.clone()
    }

    /// A person lets it begin anew.
    pub(super) fn forgive(&self) {
        self.spam().forgive();
        let mut found = self.found();
        found.memory.forgive();
        found.evidence = None;
    }
}

impl Shared {
    /// How many samples a second its subscriptions call for.
    pub(crate) fn asks(&self, per_second: u32) {
        let before = self.kept.asked.swap(per_second, Ordering::Relaxed);
        if per_second > before {
            // It was asked for more, and will say how all of that stands.
            self.kept.connected(self.now());
        }
    }

    /// Whether none of its samples may be lost: then the breaker thins nothing out, and only suspends.
    pub(crate) fn keep_all(&self, keeps_all: bool) {
        self.kept.keeps_all.store(keeps_all, Ordering::Relaxed);
    }

    /// Takes out what may not pass, and ends the instance if it is too much. Returns how long nothing is to be read of it.
    pub(crate) fn sift(&self, generation: u64, batch: &mut Samples) -> Duration {
        let limit = self.kept.limit(&self.limits());
        let keeps_all = self.kept.keeps_all.load(Ordering::Relaxed);
        let mut breaker = self.kept.spam();
        let before = breaker.stage();
        let seen = breaker.take(self.now(), limit, keeps_all, &mut batch.items);
        let (after, pause) = (breaker.stage(), breaker.pause(limit));
        drop(breaker);
        if let Some(seen) = seen {
            self.trip(generation, &seen);
        } else if after != before {
            self.note(Level::Warn, format!("spam breaker: {}, its limit is {limit} samples/s", after.name()));
        }
        pause
    }

    /// The breaker cools down also while nothing comes.
    pub(crate) fn cool(&self) {
        let limit = self.kept.limit(&self.limits());
        let mut breaker = self.kept.spam();
        let before = breaker.stage();
        breaker.tick(self.now(), limit);
        let after = breaker.stage();
        drop(breaker);
        if after != before {
            self.note(Level::Info, format!("spam breaker: {}", after.name()));
        }
    }

    fn trip(&self, generation: u64, seen: &Seen) {
        let at = (self.options.clock)();
        let name = |tag: &TagRef| match tag {
            TagRef::Name(name) => name.to_string(),
            TagRef::Number(number) => {
                let mut name = None;
                shielded(|| name = self.listener.tag_name(&self.id, *number));
                name.unwrap_or_else(|| format!("tag {number}"))
            }
        };
        let top: Vec<(String, u64)> = seen.top.iter().map(|(tag, count)| (name(tag), *count)).collect();
        let most = top.first().map(|(name, count)| format!("; most from `{name}` ({count})")).unwrap_or_default();
        let text = format!(
            "sent {:.0} samples/s over ten seconds, its limit is {}/s; suspended at {} after {:.0} s over the limit{most}",
            seen.rate,
            seen.limit,
            time_of_day(at),
            seen.heat
        );
        let hint = "look at its log and at what sends; raise `limits.max_pps` if it is right, then reactivate it";
        let evidence =
            Evidence { at, rate: seen.rate, limit: seen.limit, series: seen.series.clone(), top, text: text.clone() };
        self.kept.found().evidence = Some(Arc::new(evidence));
        let cause = Cause::plain("flood", text).with("rate", &format!("{:.0}", seen.rate)).with("limit", &seen.limit);
        let reason = Reason::of(cause.with("at", &time_of_day(at))).hint(hint);
        self.tell(generation, Event::Suspend(State::SuspendedBySpam, reason));
    }

    /// A person lets a suspended instance begin anew. False if it is not suspended.
    pub(crate) fn reactivate(&self) -> bool {
        let state = self.snapshot().state;
        let suspended = matches!(state, State::SuspendedBySpam | State::SuspendedByLimit);
        if suspended {
            self.kept.forgive();
            self.ask(Event::RestartAsked);
        }
        suspended
    }

    /// What the watcher found.
    pub(crate) fn publish(&self, generation: u64, metrics: Metrics) {
        if self.is_generation(generation) {
            self.kept.found().metrics = Some(metrics);
        }
    }

    /// Its limit on memory is another one now.
    pub(crate) fn weigh_anew(&self) {
        self.kept.found().memory.begin();
    }

    /// Who holds the limits: the kernel, the watcher, or nobody.
    pub(crate) fn held_by(&self, processor: &'static str, memory: &'static str, processes: &'static str) {
        let mut found = self.kept.found();
        (found.processor_by, found.memory_by, found.processes_by) = (processor, memory, processes);
    }

    /// Takes a reading of its memory, and ends it if it is too much. Returns how near it is.
    pub(crate) fn weigh(&self, generation: u64, bytes: u64, limit: u64) -> MemoryStage {
        let (change, stage) = {
            let mut found = self.kept.found();
            let before = found.memory.look(bytes, limit);
            (before, found.memory.stage())
        };
        let Some(before) = change else { return stage };
        let (used, limit_mb) = (mb(bytes), mb(limit));
        let percent = bytes.saturating_mul(100) / limit.max(1);
        match stage {
            MemoryStage::Over => self.over_memory(generation, &format!("takes {used:.1} MB of memory")),
            MemoryStage::Fine => self.note(Level::Info, format!("memory: {used:.1} of {limit_mb:.0} MB, fine again")),
            MemoryStage::Warned if before < stage => {
                self.note(Level::Warn, format!("memory: {used:.1} of {limit_mb:.0} MB ({percent} %)"));
            }
            MemoryStage::Warned => {
                self.note(Level::Info, format!("memory: {used:.1} of {limit_mb:.0} MB, not throttled any more"));
            }
            MemoryStage::Throttled => {
                let text =
                    format!("memory: {used:.1} of {limit_mb:.0} MB ({percent} %), throttled to a tenth of a core");
                self.note(Level::Warn, text);
            }
        }
        stage
    }

    /// Whether the kernel has ended one of its processes for want of memory.
    pub(crate) fn was_ended_by_kernel(&self) -> bool {
        let (group, before) = {
            let found = self.kept.found();
            (Arc::clone(&found.group), found.ended_by_kernel)
        };
        let count = lock(&group).out_of_memory().unwrap_or(0);
        let news = count > before;
        self.kept.found().ended_by_kernel = count.max(before);
        news
    }

    /// Ends it for its memory.
    pub(crate) fn over_memory(&self, generation: u64, what: &str) {
        let verdict = self.kept.found().memory.killed(self.now());
        let limit = self.limits().memory_bytes.map_or(0.0, mb);
        let text = format!("{what}, its limit is {limit:.0} MB; it was ended");
        let hint = "does it leak? its log may say what it does; raise `limits.memory_mb` if it needs more";
        let event = match verdict {
            Verdict::Again => {
                let cause = Cause::plain("over_memory", text).with("limit", &format!("{limit:.0}"));
                Event::OverLimit(Reason::of(cause).hint(hint))
            }
            Verdict::Suspend => {
                let text = format!("{text} for the third time within ten minutes, and is suspended");
                let cause = Cause::plain("over_memory_often", text).with("limit", &format!("{limit:.0}"));
                Event::Suspend(State::SuspendedByLimit, Reason::of(cause).hint(hint))
            }
        };
        self.tell(generation, event);
    }
}

pub(crate) fn lock(group: &Mutex<Group>) -> MutexGuard<'_, Group> {
    group.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn mb(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Hours, minutes and seconds in UTC.
fn time_of_day(at: Timestamp) -> String {
    let second = at.millis().div_euclid(1000).rem_euclid(24 * 3600);
    format!("{:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_that_of_utc() {
        assert_eq!(time_of_day(Timestamp(0)), "00:00:00 UTC");
        assert_eq!(time_of_day(Timestamp((86_400 + 3_661) * 1_000_000)), "01:01:01 UTC");
    }
}
