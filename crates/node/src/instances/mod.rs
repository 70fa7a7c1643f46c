//! Connections as they are configured and as they run.
//!
//! Here is what the screens show of an instance. Read on in [`apply`] how the file takes force, [`edit`] how people change
//! it, [`action`] what an instance is asked to do, [`attempt`] how a connection is tried before it is saved, [`dependents`]
//! what needs an instance.

mod action;
mod apply;
mod attempt;
mod dependents;
mod edit;
mod resources;

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fieldrail_model::InstanceId;
use fieldrail_supervisor::{Snapshot, Supervisor};
use fieldrail_wire::Capabilities;

use crate::connections::{Connection, VIRTUAL};
use crate::node::lock;
use crate::views::{Cause, Instance};
use crate::{Error, Node, Result};

pub use dependents::Dependents;
pub(crate) use edit::unchanged;
pub use resources::{Cycles, Guarding, Resources, SpamEvidence, TagCount, Wall};

/// Why an instance cannot even be started.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    text: String,
    hint: Option<String>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { text: error.to_string(), hint: error.hint() }
    }
}

#[derive(Default, Clone, Copy)]
struct Rate {
    samples_in: u64,
    samples_out: u64,
    per_second_in: f64,
    per_second_out: f64,
}

/// Samples per second of each instance, measured over about two seconds.
#[derive(Default)]
pub(crate) struct Rates(Mutex<(Option<Instant>, HashMap<InstanceId, Rate>)>);

impl Rates {
    /// Measures, if the last time is two seconds ago.
    pub(crate) fn take(&self, supervisor: &Supervisor) {
        let mut rates = lock(&self.0);
        let now = Instant::now();
        let passed = rates.0.map(|last| now - last);
        if passed.is_some_and(|passed| passed < Duration::from_secs(2)) {
            return;
        }
        rates.0 = Some(now);
        let seconds = passed.unwrap_or(Duration::from_secs(2)).as_secs_f64();
        let per_second = |new: u64, old: u64| new.saturating_sub(old) as f64 / seconds;
        for snapshot in supervisor.snapshots() {
            let rate = rates.1.entry(snapshot.id).or_default();
            *rate = Rate {
                per_second_in: per_second(snapshot.samples_in, rate.samples_in),
                per_second_out: per_second(snapshot.samples_out, rate.samples_out),
                samples_in: snapshot.samples_in,
                samples_out: snapshot.samples_out,
            };
        }
    }

    fn of(&self, id: &InstanceId) -> Rate {
        lock(&self.0).1.get(id).copied().unwrap_or_default()
    }
}

impl Node {
    /// All instances, by id.
    pub fn instances(&self) -> Vec<Instance> {
        let running = lock(&self.running).clone();
        let snapshots: HashMap<InstanceId, Snapshot> =
            self.supervisor.snapshots().into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)).collect();
        running.values().map(|connection| self.view(connection, snapshots.get(&connection.id))).collect()
    }

    /// All instances, without the number of their datapoints, which takes a walk through the data space.
    pub(crate) fn instances_in_brief(&self) -> Vec<Instance> {
        let running = lock(&self.running).clone();
        let snapshots: HashMap<InstanceId, Snapshot> =
            self.supervisor.snapshots().into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)).collect();
        running.values().map(|connection| self.brief(connection, snapshots.get(&connection.id))).collect()
    }

    /// One instance.
    pub fn instance(&self, id: &str) -> Result<Instance> {
        let connection = self.known(id)?;
        let snapshot = self.supervisor.snapshot(&connection.id);
        Ok(self.view(&connection, snapshot.as_ref()))
    }

    /// Changes whenever an instance changes its state.
    pub fn instance_changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.traffic.instances()
    }

    pub(crate) fn known(&self, id: &str) -> Result<Connection> {
        let running = lock(&self.running);
        running.get(id).cloned().ok_or_else(|| {
            let near = fieldrail_model::text::did_you_mean(id, running.keys().map(InstanceId::as_str));
            Error::NotFound(format!("there is no instance `{id}`{near}"))
        })
    }

    fn view(&self, connection: &Connection, snapshot: Option<&Snapshot>) -> Instance {
        Instance { datapoints: self.count_datapoints(&connection.id), ..self.brief(connection, snapshot) }
    }

    fn brief(&self, connection: &Connection, snapshot: Option<&Snapshot>) -> Instance {
        let rate = self.rates.of(&connection.id);
        let now = crate::clock::wall();
        let mut view = Instance {
            id: connection.id.to_string(),
            name: connection.name.clone(),
            driver: connection.driver.clone(),
            enabled: connection.enabled,
            state: if connection.enabled { "running" } else { "stopped" }.into(),
            ill: None,
            text: String::new(),
            causes: Vec::new(),
            hint: None,
            pid: None,
            since_ms: 0,
            uptime_s: None,
            restarts: 0,
            errors: 0,
            last_error: None,
            samples_in: 0,
            samples_out: 0,
            rate_in: rate.per_second_in,
            rate_out: rate.per_second_out,
            datapoints: 0,
            capabilities: Vec::new(),
            confinement: String::new(),
            uptime_seconds: None,
            error_count: 0,
            resources: Resources::default(),
            guard: None,
            detached: connection.detached,
            held_back: 0,
        };
        if let Some(snapshot) = snapshot {
            view.state = snapshot.state.name().into();
            view.ill = snapshot.ill.map(Into::into);
            let scrubber = self.errors.scrubber();
            view.text = scrubber.known(snapshot.text.clone());
            let say = |cause: &fieldrail_supervisor::Cause| Cause {
                code: cause.code,
                with: cause.with.iter().map(|(name, value)| (*name, scrubber.known(value.clone()))).collect(),
                text: scrubber.known(cause.text.clone()),
            };
            view.causes = snapshot.causes.iter().map(say).collect();
            view.hint.clone_from(&snapshot.hint);
            view.pid = snapshot.pid;
            view.since_ms = snapshot.since.millis();
            view.uptime_s = snapshot.pid.and(snapshot.started_at).map(|start| start.age(now).as_secs());
            view.restarts = snapshot.restarts;
            view.errors = snapshot.errors;
            view.last_error = snapshot.last_error.clone().map(|error| scrubber.known(error));
            view.samples_in = snapshot.samples_in;
            view.samples_out = snapshot.samples_out;
            view.capabilities = words(&snapshot.capabilities);
            view.uptime_seconds = view.uptime_s;
            view.error_count = snapshot.errors;
            view.resources = snapshot.metrics.as_ref().map(Into::into).unwrap_or_default();
            view.guard = Some(Guarding::new(connection.limits, &snapshot.keeping));
            view.confinement = snapshot.confinement.map(|how| how.name().into()).unwrap_or_default();
        }
        if let Some(refusal) = lock(&self.refused).get(&connection.id) {
            view.state = "error".into();
            view.text.clone_from(&refusal.text);
            view.causes.clear();
            view.hint.clone_from(&refusal.hint);
        }
        self.view_cuts(connection, &mut view);
        view
    }

    /// What the daemon itself takes.
    pub fn own_resources(&self) -> Resources {
        self.supervisor.own_metrics().as_ref().map(Into::into).unwrap_or_default()
    }

    /// Whether it is cut from the router, by a panic or by hand.
    fn view_cuts(&self, connection: &Connection, view: &mut Instance) {
        if connection.detached {
            view.held_back = self.traffic.line(&connection.id).map_or(0, |line| line.held_back());
            if matches!(&*view.state, "starting" | "running" | "degraded") {
                view.state = "detached".into();
            }
        }
        if connection.enabled && connection.driver != VIRTUAL && !self.traffic.gate.lets(&connection.id) {
            view.state = "panicked".into();
        }
    }

    fn count_datapoints(&self, id: &InstanceId) -> usize {
        self.traffic.engine().router.space.page(&format!("{id}."), None).count()
    }
}

/// The abilities as words, for screens that key on them.
fn words(able: &Capabilities) -> Vec<String> {
    let flags = [
        ("browse", able.browse),
        ("search", able.search),
        ("read", able.read),
        ("write", able.write),
        ("patterns", able.patterns),
        ("simulation", able.simulation),
    ];
    let flags = flags.iter().filter(|(_, is)| *is).map(|(word, _)| (*word).to_owned());
    let actions: BTreeSet<String> = able.actions.iter().map(|action| action.name.clone()).collect();
    flags.chain(actions).chain(able.shows.iter().cloned()).collect()
}
