//! The instance's own task: does what the state machine asks for, keeps its deadlines, and tells the listener.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use fieldrail_wire::plugin::Level;

use super::Shared;
use crate::cause::Cause;
use crate::confine::Orders;
use crate::life::{Action, Event, Moment, Reason};
use crate::listener::{Fault, shielded};
use crate::process::{Group, Mark, Order};
use crate::run::run;
use crate::{Snapshot, Spec};

/// Between two calls of `changed`.
const CHANGED: Duration = Duration::from_millis(50);

/// Between two looks whether the watcher is there again.
const WOKEN: Duration = Duration::from_millis(20);

/// What the task does next.
enum Step {
    Do(Action),
    Say(Box<Snapshot>),
    Note(Level, String),
    Fail(Fault),
    Wait(Option<Moment>),
    End,
}

impl Shared {
    /// The instance's task.
    pub(crate) async fn live(self: Arc<Self>) {
        let mut said: Option<Moment> = None;
        loop {
            let woken = self.wake.notified();
            match self.step(said) {
                Step::End => return,
                Step::Do(action) => self.perform(action).await,
                Step::Note(level, text) => _ = self.log(level, &text),
                Step::Fail(fault) => shielded(|| self.listener.failed(&self.id, &fault)),
                Step::Say(snapshot) => {
                    said = Some(self.now());
                    shielded(|| self.listener.changed(&snapshot));
                }
                Step::Wait(until) => {
                    tokio::select! {
                        () = woken => {}
                        () = self.until(until) => self.time_passed().await,
                    }
                }
            }
        }
    }

    fn step(&self, said: Option<Moment>) -> Step {
        let mut inner = self.inner();
        if inner.closed {
            return Step::End;
        }
        if let Some(action) = inner.actions.pop_front() {
            return Step::Do(action);
        }
        if let Some((level, text)) = inner.notes.pop_front() {
            return Step::Note(level, text);
        }
        if let Some(fault) = inner.faults.pop_front() {
            return Step::Fail(fault);
        }
        let may_say = said.map_or(Moment::ZERO, |said| said + CHANGED);
        if inner.dirty && self.now() >= may_say {
            inner.dirty = false;
            return Step::Say(Box::new(self.snapshot_of(&inner)));
        }
        let say = inner.dirty.then_some(may_say);
        let report = self.gate.lock().unwrap_or_else(PoisonError::into_inner).due();
        Step::Wait([inner.life.deadline(), say, report].into_iter().flatten().min())
    }

    async fn until(&self, moment: Option<Moment>) {
        match moment {
            Some(moment) => tokio::time::sleep_until((self.began + moment).into()).await,
            None => std::future::pending().await,
        }
    }

    async fn time_passed(&self) {
        while self.awake.is_late() {
            // Everything stood still, and the watcher has not given everybody time anew yet.
            tokio::time::sleep(WOKEN).await;
        }
        let now = self.now();
        let mut inner = self.inner();
        if inner.life.deadline().is_some_and(|due| due <= now) {
            self.apply(&mut inner, Event::Tick);
        }
        drop(inner);
        let dropped = self.gate.lock().unwrap_or_else(PoisonError::into_inner).report(now);
        if let Some(dropped) = dropped {
            self.say(Level::Warn, format!("{dropped} lines of this log were dropped, since there were too many"));
        }
    }

    async fn perform(self: &Arc<Self>, action: Action) {
        match action {
            Action::Spawn => self.spawn().await,
            Action::SoftStop { within } => {
                let lanes = self.inner().process.as_ref().and_then(|process| process.lanes.clone());
                if let Some(lanes) = lanes {
                    lanes.stop(within);
                }
            }
            Action::Kill => {
                let leash = self.inner().process.as_ref().map(|process| Arc::clone(&process.leash));
                if let Some(leash) = leash {
                    leash.kill();
                }
            }
        }
    }

    async fn spawn(self: &Arc<Self>) {
        let (spec, generation) = {
            let mut inner = self.inner();
            inner.generation += 1;
            (inner.spec.clone(), inner.generation)
        };
        // What is left of a former group is in the way of nobody; the kernel counts on in it.
        let mut group = self.cgroups.group(self.id.as_str());
        group.limit(&spec.limits);
        let order = self.order(&spec, &group);
        self.kept.begin(group, spec.permissions.as_ref());
        match self.spawner.start(order).await {
            Ok(child) => _ = tokio::spawn(run(Arc::clone(self), generation, spec, child)),
            Err(error) => {
                let reason = Reason::of(
                    Cause::plain("cannot_start", format!("cannot be started: {error}")).with("error", &error),
                );
                let hint = "is the program there, and may this user run it? see the plugin's manifest";
                self.tell(generation, Event::SpawnFailed(reason.hint(hint)));
            }
        }
    }

    /// The step that builds the walls, and which; none where nothing is confined.
    fn confined_by(&self, spec: &Spec) -> Option<(Vec<String>, Orders)> {
        let confiner = self.options.confiner.as_ref()?;
        let permissions = spec.permissions.as_ref()?;
        let mut read = permissions.read.clone();
        read.push(spec.working_dir.clone());
        let orders = Orders {
            read,
            write: permissions.write.clone(),
            own: spec.state_dir.clone(),
            network: permissions.network,
            children: permissions.children,
            open_files: spec.limits.open_files.map(u64::from),
            file_bytes: spec.limits.disk_bytes,
        };
        Some((confiner.clone(), orders))
    }

    fn order(&self, spec: &Spec, group: &Group) -> Order {
        let mut args = spec.args.clone();
        if spec.simulated {
            args.push("--sim".into());
        }
        Order {
            program: spec.program.clone(),
            args,
            working_dir: spec.working_dir.clone(),
            env: spec.env.clone(),
            state_dir: spec.state_dir.clone(),
            marks: vec![self.house.clone(), Mark::of_instance(&self.id)],
            entrances: group.entrances(),
            nice: spec.limits.priority.nice(),
            confined: self.confined_by(spec),
        }
    }
}
