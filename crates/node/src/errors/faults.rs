//! Failures of instances: what the supervisor tells, and what a plugin says on stderr.

use fieldrail_model::InstanceId;
use fieldrail_supervisor::{Fault, FaultKind};

use super::event::{ErrorKind, Raw};
use super::stderr::Exception;
use crate::audit::{Deed, SYSTEM};
use crate::traffic::{Line, Traffic};

impl Traffic {
    /// Takes a line of a plugin's stderr. Returns what the log is to say instead.
    pub(crate) fn hear(&self, id: &InstanceId, line: &str) -> Option<String> {
        let known = self.line(id)?;
        let heard = known.course.logged(line);
        if let Some(exception) = heard.exception {
            self.take_exception(&known, exception);
        }
        heard.instead
    }

    /// Stacks of which nothing more comes.
    pub(crate) fn take_rests(&self, ids: &[InstanceId]) {
        for line in ids.iter().filter_map(|id| self.line(id)) {
            if let Some(exception) = line.course.rest(false) {
                self.take_exception(&line, exception);
            }
        }
    }

    fn take_exception(&self, line: &Line, exception: Exception) {
        let kind = if exception.is_panic { ErrorKind::Panic } else { ErrorKind::Exception };
        let raw = Raw {
            thread: exception.thread,
            place: exception.place,
            frames: exception.frames,
            stack: exception.stack,
            ..Raw::new(kind, exception.class, &exception.message)
        };
        self.fail(line, raw);
    }

    /// What the supervisor says went wrong. The end that follows a panic is no failure of its own, unless it is for good.
    pub(crate) fn take_fault(&self, id: &InstanceId, fault: &Fault) {
        if self.trials.has(id) {
            return;
        }
        let Some(line) = self.line(id) else { return };
        if let Some(exception) = line.course.rest(true) {
            self.take_exception(&line, exception);
        }
        let explained = fault.kind == FaultKind::Crash && line.course.is_explained();
        let kind = match fault.kind {
            FaultKind::Trouble | FaultKind::Asked => return,
            FaultKind::Limit if fault.for_good => ErrorKind::Suspended,
            _ if fault.for_good => ErrorKind::Failed,
            FaultKind::Crash if explained => return,
            FaultKind::Crash => ErrorKind::Crash,
            FaultKind::Hang => ErrorKind::Hang,
            FaultKind::Protocol => ErrorKind::Protocol,
            FaultKind::Limit => ErrorKind::Limit,
            FaultKind::Start => ErrorKind::Failed,
        };
        if fault.for_good {
            let suspended = kind == ErrorKind::Suspended;
            self.audit.note(Deed {
                by: SYSTEM.into(),
                action: if suspended { "instance.suspended" } else { "instance.given_up" }.into(),
                target: id.to_string(),
                outcome: "done".into(),
                detail: fault.text.clone(),
                frequent: false,
            });
        }
        let raw = Raw { hint: fault.hint.clone(), ..Raw::new(kind, kind.as_str(), &fault.text) };
        self.fail(&line, raw);
    }

    /// An instance cannot even be started.
    pub(crate) fn take_refusal(&self, id: &InstanceId, text: &str, hint: Option<String>) {
        let Some(line) = self.line(id) else { return };
        let kind = ErrorKind::Failed;
        self.fail(&line, Raw { hint, ..Raw::new(kind, kind.as_str(), text) });
    }

    fn fail(&self, line: &Line, raw: Raw) {
        let name = |from_plugin: bool, number: u32| {
            if from_plugin {
                let point = line.inlet().point(number)?;
                let engine = self.engine();
                let address = engine.router.space.address(point).as_str();
                Some(address.strip_prefix(line.id.as_str())?.strip_prefix('.')?.to_owned())
            } else {
                line.outlet().known(number).map(|name| name.to_string())
            }
        };
        let inputs = line.course.inputs(name);
        self.errors.take(Raw { instance: Some(line.id.to_string()), inputs, log: line.course.lines(), ..raw });
    }
}
