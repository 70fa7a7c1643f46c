//! What the walls and the lesser limits of an instance report: processes, descriptors, its folder, files that were replaced.

use std::sync::Arc;

use fieldrail_wire::plugin::Level;

use super::Shared;
use super::kept::{lock, mb};
use crate::State;
use crate::cause::Cause;
use crate::confine::Report;
use crate::guard::growth::Stage;
use crate::guard::memory::Verdict;
use crate::life::{Event, Reason};

impl Shared {
    /// The first line of its log, if it is the report of the step that builds the walls. False if it is a line like others.
    pub(crate) fn confined(&self, generation: u64, line: &str) -> bool {
        if self.options.confiner.is_none() || !self.is_generation(generation) {
            return false;
        }
        let Some(report) = Report::parse(line) else { return false };
        for reason in [report.landlock.as_ref().err(), report.seccomp.as_ref().err()].into_iter().flatten() {
            self.note(Level::Warn, format!("is not walled in as it should be: {reason}"));
        }
        self.kept.reported(report);
        true
    }

    /// Whether the kernel has refused it one more process or thread since the last time.
    pub(crate) fn was_refused_processes(&self) -> bool {
        let (group, before) = self.kept.refusals();
        let count = lock(&group).refused_processes().unwrap_or(0);
        self.kept.refused(count.max(before));
        count > before
    }

    /// It has, or wanted, more processes and threads than it may have.
    pub(crate) fn over_processes(&self, generation: u64) {
        let limit = self.limits().processes.unwrap_or(0);
        let what = format!("wanted more than {limit} processes and threads, its limit is {limit}");
        self.over(
            generation,
            &what,
            "does it start something again and again? raise `limits.processes` if it needs more",
        );
    }

    /// Takes a reading of the descriptors of its process that has the most.
    pub(crate) fn open_files(&self, generation: u64, open: u64, limit: u64) {
        match self.kept.open_files(open, limit) {
            None | Some(Stage::Fine) => {}
            Some(Stage::Warned) => self.note(Level::Warn, format!("open files: {open} of {limit}")),
            Some(Stage::Over) => {
                let what = format!("keeps {open} files and sockets open, its limit is {limit}");
                let hint = "does it forget to close them? raise `limits.open_files` if it needs more";
                self.over(generation, &what, hint);
            }
        }
    }

    /// Takes a reading of what its folder holds.
    pub(crate) fn fill(&self, generation: u64, bytes: u64, limit: u64) {
        if !self.is_generation(generation) {
            return;
        }
        let (used, limit_mb) = (mb(bytes), mb(limit));
        match self.kept.disk(bytes, limit) {
            None => {}
            Some(Stage::Fine) => self.note(Level::Info, format!("disk: {used:.1} of {limit_mb:.0} MB, fine again")),
            Some(Stage::Warned) => self.note(Level::Warn, format!("disk: {used:.1} of {limit_mb:.0} MB")),
            Some(Stage::Over) => {
                self.full(generation, &format!("its folder holds {used:.1} MB, its limit is {limit_mb:.0} MB"));
            }
        }
    }

    /// Its folder has more files than can be counted in good time.
    pub(crate) fn too_many_files(&self, generation: u64, most: usize) {
        if self.is_generation(generation) {
            self.full(generation, &format!("its folder holds more than {most} files, which is the limit"));
        }
    }

    /// A new start would find the same folder, so it is for a person at once.
    fn full(&self, generation: u64, what: &str) {
        let folder = self.state_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
        let hint = format!("look into {folder}, remove what is not needed, or raise `limits.disk_mb`");
        let reason = Reason::new(what).and(Cause::plain("suspended", "it was ended and is suspended")).hint(hint);
        self.tell(generation, Event::Suspend(State::SuspendedByLimit, reason));
    }

    /// Ends it for one of its limits; the third time in ten minutes for good.
    fn over(&self, generation: u64, what: &str, hint: &str) {
        if !self.is_generation(generation) {
            return;
        }
        let event = match self.kept.strike(self.now()) {
            Verdict::Again => Event::OverLimit(Reason::new(what).and(Cause::plain("ended", "it was ended")).hint(hint)),
            Verdict::Suspend => {
                let text = "it was ended for the third time within ten minutes, and is suspended";
                let reason = Reason::new(what).and(Cause::plain("suspended_third_time", text));
                Event::Suspend(State::SuspendedByLimit, reason.hint(hint))
            }
        };
        self.tell(generation, event);
    }

    /// Starts it again if a file that it may use was replaced: the walls hold the old one open and the new one shut.
    pub(crate) fn follow_replaced(self: &Arc<Self>, generation: u64) {
        if !self.is_generation(generation) {
            return;
        }
        let Some(path) = self.kept.replaced() else { return };
        self.note(Level::Info, format!("{} was replaced; it is started again, so that it may use it", path.display()));
        self.ask(Event::RestartAsked);
    }
}
