//! Connections as they are configured and as they run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fieldrail_model::InstanceId;
use fieldrail_store::Level;
use fieldrail_store::{Etag, etag_of};
use fieldrail_supervisor::{Snapshot, Spec, Supervisor};
use fieldrail_wire::daemon::{Call, Configure};
use fieldrail_wire::{Capabilities, FromPlugin, TargetKind, ToPlugin};

use crate::connections::{Connection, ConnectionsFile, VIRTUAL};
use crate::node::lock;
use crate::people::{Role, Who};
use crate::traffic::Facts;
use crate::views::{Instance, TestResult};
use crate::{Error, Node, Result};

/// How long a trial may take until the driver has said how it stands.
const TRIAL: Duration = Duration::from_secs(12);

/// How long an action of a driver may take.
const CALL: Duration = Duration::from_secs(30);

/// The key in a configuration schema whose value the daemon fills in.
const FILLED: &str = "x-fill";

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
    rate_in: f64,
    rate_out: f64,
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
                rate_in: per_second(snapshot.samples_in, rate.samples_in),
                rate_out: per_second(snapshot.samples_out, rate.samples_out),
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
    /// Takes `connections.json` into force: only instances whose entry changed are touched.
    pub(crate) fn apply_connections(&self) {
        let _one = lock(&self.changing);
        let Some(file) = self.files.connections.snapshot() else { return };
        if let Err(error) = file.value.check_ids() {
            let key =
                if let Error::Invalid { key: Some(key), .. } = &error { key.clone() } else { "connections".into() };
            self.report(&file.error_at(&key, &error.to_string(), error.hint()));
            return;
        }
        let before = lock(&self.running).clone();
        let wanted: BTreeMap<InstanceId, Connection> =
            file.value.connections.iter().map(|entry| (entry.id.clone(), entry.clone())).collect();
        self.know(&wanted);
        for id in before.keys().filter(|id| !wanted.contains_key(*id)) {
            self.forget(id);
        }
        for (id, connection) in &wanted {
            // A refused one may be right now: a secret was added, a plugin came.
            if before.get(id) != Some(connection) || lock(&self.refused).contains_key(id) || self.is_filled(connection)
            {
                self.put_into_force(before.get(id), connection);
            }
        }
        *lock(&self.running) = wanted;
        self.apply_rules_locked();
    }

    /// The router and the lines know the instances before any of them speaks.
    fn know(&self, wanted: &BTreeMap<InstanceId, Connection>) {
        let facts = |connection: &Connection| {
            let able = self.plugin_of(connection).ok().flatten().map(|plugin| &plugin.manifest.capabilities);
            Facts {
                case_insensitive: able.is_some_and(|able| able.case_insensitive),
                event: able.is_some_and(|able| able.target == TargetKind::Event),
                writable: connection.driver == VIRTUAL || able.is_some_and(|able| able.write),
                is_virtual: connection.driver == VIRTUAL,
            }
        };
        let instances = wanted.iter().map(|(id, connection)| (id.clone(), facts(connection))).collect();
        for (id, connection) in wanted {
            self.traffic.open_line(id, connection.driver == VIRTUAL);
        }
        self.traffic.engine().instances = instances;
    }

    fn forget(&self, id: &InstanceId) {
        let supervisor = Arc::clone(&self.supervisor);
        let gone = id.clone();
        tokio::spawn(async move { supervisor.remove(&gone).await });
        self.traffic.close_line(id);
        lock(&self.refused).remove(id);
    }

    fn put_into_force(&self, before: Option<&Connection>, connection: &Connection) {
        let spec = match self.spec(connection) {
            Ok(Some(spec)) => spec,
            Ok(None) => return,
            Err(error) => {
                let text = format!("`{}` cannot start: {error}", connection.id);
                self.logbook.write(Level::Error, Some(connection.id.as_str()), text);
                let _ = self.supervisor.stop(&connection.id);
                lock(&self.refused).insert(connection.id.clone(), error.into());
                return;
            }
        };
        lock(&self.refused).remove(&connection.id);
        let done = match (before, connection.enabled) {
            (_, false) => self.supervisor.add(spec).and_then(|_| Ok(self.supervisor.stop(&connection.id).map(drop))),
            (Some(before), true) if before.enabled => {
                if self.reconfigures(before, connection, &spec) {
                    return;
                }
                self.supervisor.add(spec).map(|_| self.supervisor.restart(&connection.id).map(drop))
            }
            _ => self.supervisor.start(spec).map(|_| Ok(())),
        };
        if let Err(error) = done {
            tracing::warn!(instance = %connection.id, %error, "An instance was not started.");
        }
    }

    /// Hands the new configuration to the running plugin, if it can take one. True if that was begun; a plugin that
    /// refuses is restarted.
    fn reconfigures(&self, before: &Connection, connection: &Connection, spec: &Spec) -> bool {
        let same_but_config = Connection { config: connection.config.clone(), ..before.clone() } == *connection;
        let able = self.plugin_of(connection).ok().flatten().is_some_and(|p| p.manifest.capabilities.configure);
        if !same_but_config || !able || self.supervisor.add(spec.clone()).is_err() {
            return false;
        }
        let Ok(question) = self.traffic.requests.ask(&connection.id) else { return false };
        let message = Configure { request: question.request, config: spec.config.clone() };
        if !self.traffic.say(&connection.id, &ToPlugin::Configure(message)) {
            return false;
        }
        let (supervisor, id) = (Arc::clone(&self.supervisor), connection.id.clone());
        tokio::spawn(async move {
            let taken =
                matches!(question.wait(CALL).await, Ok(FromPlugin::Configured(answer)) if answer.failure.is_none());
            if !taken {
                let _ = supervisor.restart(&id);
            }
        });
        true
    }

    /// How the supervisor runs this connection; none for a virtual one.
    fn spec(&self, connection: &Connection) -> Result<Option<Spec>> {
        let Some(plugin) = self.plugin_of(connection)? else { return Ok(None) };
        let mut config = connection.config.clone();
        plugin.check(&config)?;
        if let Some(secrets) = self.files.secrets.snapshot() {
            secrets.value.resolve(&mut config).map_err(|missing| {
                Error::invalid_at(
                    format!("config.{}", missing.key),
                    missing.to_string(),
                    missing.hint().map(Into::into),
                )
            })?;
        }
        self.fill(&plugin.manifest.config_schema, &mut config);
        if connection.simulated && !plugin.manifest.capabilities.simulation {
            let message = format!("the driver `{}` has no simulated device", connection.driver);
            return Err(Error::invalid_at("simulated", message, Some("remove the key `simulated`".into())));
        }
        let state_dir = self.state.join("instances").join(connection.id.as_str());
        std::fs::create_dir_all(&state_dir)
            .map_err(|error| Error::Internal(format!("cannot make {}: {error}", state_dir.display())))?;
        Ok(Some(Spec {
            id: connection.id.clone(),
            driver: connection.driver.clone(),
            program: plugin.program.clone(),
            args: plugin.arguments.clone(),
            working_dir: plugin.folder.clone(),
            env: Vec::new(),
            config,
            state_dir: Some(state_dir),
            simulated: connection.simulated,
            auto_restart: connection.health.auto_restart,
        }))
    }

    /// Fills in what a schema marks with `"x-fill": "mqtt_logins"`: the tokens that may log in at an embedded broker, as
    /// hashes and rules.
    fn fill(&self, schema: &serde_json::Value, config: &mut serde_json::Value) {
        let Some(key) = filled_key(schema) else { return };
        let logins: Vec<serde_json::Value> = self
            .people()
            .all()
            .tokens
            .iter()
            .filter_map(|token| {
                let access = token.scope.mqtt.as_ref()?;
                Some(serde_json::json!({
                    "name": token.name, "password_hash": token.phc.as_ref()?,
                    "publish": access.publish, "subscribe": access.subscribe,
                }))
            })
            .collect();
        if let (Some(config), false) = (config.as_object_mut(), logins.is_empty()) {
            let list = config.entry(key).or_insert_with(|| serde_json::Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut() {
                list.extend(logins);
            }
        }
    }

    fn is_filled(&self, connection: &Connection) -> bool {
        let plugin = self.plugin_of(connection).ok().flatten();
        plugin.is_some_and(|plugin| filled_key(&plugin.manifest.config_schema).is_some())
    }

    /// All instances, by id.
    pub fn instances(&self) -> Vec<Instance> {
        let running = lock(&self.running).clone();
        let snapshots: HashMap<InstanceId, Snapshot> =
            self.supervisor.snapshots().into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)).collect();
        running.values().map(|connection| self.view(connection, snapshots.get(&connection.id))).collect()
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

    fn known(&self, id: &str) -> Result<Connection> {
        let running = lock(&self.running);
        running.get(id).cloned().ok_or_else(|| {
            let near = fieldrail_model::text::did_you_mean(id, running.keys().map(InstanceId::as_str));
            Error::NotFound(format!("there is no instance `{id}`{near}"))
        })
    }

    fn view(&self, connection: &Connection, snapshot: Option<&Snapshot>) -> Instance {
        let rate = self.rates.of(&connection.id);
        let now = crate::clock::now();
        let mut view = Instance {
            id: connection.id.to_string(),
            name: connection.name.clone(),
            driver: connection.driver.clone(),
            enabled: connection.enabled,
            state: if connection.enabled { "running" } else { "stopped" }.into(),
            text: String::new(),
            hint: None,
            pid: None,
            since_ms: 0,
            uptime_s: None,
            restarts: 0,
            errors: 0,
            last_error: None,
            samples_in: 0,
            samples_out: 0,
            rate_in: rate.rate_in,
            rate_out: rate.rate_out,
            datapoints: self.count_datapoints(&connection.id),
            capabilities: Vec::new(),
            confinement: String::new(),
        };
        if let Some(snapshot) = snapshot {
            view.state = snapshot.state.name().into();
            view.text.clone_from(&snapshot.text);
            view.hint.clone_from(&snapshot.hint);
            view.pid = snapshot.pid;
            view.since_ms = snapshot.since.millis();
            view.uptime_s = snapshot.pid.and(snapshot.started_at).map(|start| start.age(now).as_secs());
            view.restarts = snapshot.restarts;
            view.errors = snapshot.errors;
            view.last_error.clone_from(&snapshot.last_error);
            view.samples_in = snapshot.samples_in;
            view.samples_out = snapshot.samples_out;
            view.capabilities = words(&snapshot.capabilities);
            view.confinement = snapshot.confinement.map(|how| how.name().into()).unwrap_or_default();
        }
        if let Some(refusal) = lock(&self.refused).get(&connection.id) {
            view.state = "error".into();
            view.text.clone_from(&refusal.text);
            view.hint.clone_from(&refusal.hint);
        }
        view
    }

    fn count_datapoints(&self, id: &InstanceId) -> usize {
        self.traffic.engine().router.space.page(&format!("{id}."), None).count()
    }

    /// Starts an instance, and keeps it enabled.
    pub fn start(&self, who: &Who, id: &str) -> Result<Instance> {
        self.set_enabled(who, id, true)
    }

    /// Stops an instance in order, and keeps it disabled.
    pub fn stop(&self, who: &Who, id: &str) -> Result<Instance> {
        self.set_enabled(who, id, false)
    }

    fn set_enabled(&self, who: &Who, id: &str, enabled: bool) -> Result<Instance> {
        let connection = self.known(id)?;
        self.edit_connections(who, |file| {
            let entry = file.connections.iter_mut().find(|entry| entry.id == connection.id);
            entry.ok_or_else(|| gone(id))?.enabled = enabled;
            Ok(())
        })?;
        // After too many crashes it is enabled and does not run: a start by hand begins anew.
        let idle = self.supervisor.snapshot(&connection.id).is_some_and(|snapshot| snapshot.pid.is_none());
        if enabled && connection.enabled && idle {
            let _ = self.supervisor.restart(&connection.id);
        }
        self.instance(id)
    }

    /// Stops an instance in order and starts it again.
    pub fn restart(&self, who: &Who, id: &str) -> Result<Instance> {
        let connection = self.running_process(who, id, "restart")?;
        self.supervisor.restart(&connection).map_err(|error| Error::NotFound(error.to_string()))?;
        self.instance(id)
    }

    /// Ends the process of an instance at once; the rule for crashes holds then.
    pub fn kill(&self, who: &Who, id: &str) -> Result<Instance> {
        let connection = self.running_process(who, id, "kill")?;
        self.supervisor.kill(&connection).map_err(|error| Error::NotFound(error.to_string()))?;
        self.instance(id)
    }

    fn running_process(&self, who: &Who, id: &str, action: &str) -> Result<InstanceId> {
        who.must_be(Role::Admin)?;
        let connection = self.known(id)?;
        if connection.driver == VIRTUAL {
            return Err(Error::Conflict(format!("`{id}` is virtual: it has no process to {action}")));
        }
        if !connection.enabled {
            return Err(Error::Conflict(format!("`{id}` is stopped; start it first")));
        }
        self.logbook.write(Level::Info, Some(id), format!("{} asked for: {action}.", who.name));
        Ok(connection.id)
    }

    /// All connections as configured, each with its entity tag.
    pub fn connections(&self) -> Result<Vec<(Connection, Etag)>> {
        let file = self.files.connections.snapshot().ok_or_else(|| self.broken_connections())?;
        Ok(file.value.connections.iter().map(|entry| (entry.clone(), etag_of(entry))).collect())
    }

    fn broken_connections(&self) -> Error {
        match self.files.connections.status() {
            Some(fault) => Error::Broken(fault),
            None => Error::Internal("connections.json was never read".into()),
        }
    }

    /// One connection as configured.
    pub fn connection(&self, id: &str) -> Result<(Connection, Etag)> {
        let found = self.connections()?.into_iter().find(|(entry, _)| entry.id.as_str() == id);
        found.ok_or_else(|| gone(id))
    }

    /// Adds a connection and starts it.
    pub fn add_connection(&self, who: &Who, connection: Connection) -> Result<Etag> {
        self.check_connection(&connection)?;
        let etag = etag_of(&connection);
        self.edit_connections(who, |file| {
            if file.find(connection.id.as_str()).is_some() {
                return Err(Error::Conflict(format!("there is a connection `{}` already", connection.id)));
            }
            file.connections.push(connection.clone());
            Ok(())
        })?;
        Ok(etag)
    }

    /// Changes a connection; only its own instance restarts.
    pub fn put_connection(&self, who: &Who, id: &str, expected: Option<&Etag>, connection: Connection) -> Result<Etag> {
        if connection.id.as_str() != id {
            let message = format!("the body names `{}`, the path `{id}`", connection.id);
            return Err(Error::invalid_at("id", message, Some("an id does not change; add a new connection".into())));
        }
        self.check_connection(&connection)?;
        let etag = etag_of(&connection);
        self.edit_connections(who, |file| {
            let entry = file.connections.iter_mut().find(|entry| entry.id == connection.id).ok_or_else(|| gone(id))?;
            unchanged(entry, expected, id)?;
            *entry = connection.clone();
            Ok(())
        })?;
        Ok(etag)
    }

    /// Removes a connection and ends its instance.
    pub fn remove_connection(&self, who: &Who, id: &str, expected: Option<&Etag>) -> Result<()> {
        self.edit_connections(who, |file| {
            let (at, entry) = file.find(id).ok_or_else(|| gone(id))?;
            unchanged(entry, expected, id)?;
            file.connections.remove(at);
            Ok(())
        })
    }

    fn check_connection(&self, connection: &Connection) -> Result<()> {
        match self.plugin_of(connection)? {
            Some(plugin) => plugin.check(&connection.config),
            None => Ok(()),
        }
    }

    fn edit_connections(&self, who: &Who, change: impl Fn(&mut ConnectionsFile) -> Result<()>) -> Result<()> {
        who.must_be(Role::Admin)?;
        let edited = self.files.connections.edit(&who.name, None, |file| {
            change(file)?;
            file.check_ids()
        });
        edited.map_err(|error| Error::from_edit("connections.json", error))?;
        self.apply_connections();
        Ok(())
    }

    /// Runs a driver with a configuration that is not in force, until it has said how it stands.
    pub async fn test_connection(&self, who: &Who, connection: &Connection) -> Result<TestResult> {
        who.must_be(Role::Admin)?;
        let begun = Instant::now();
        if let (Some(_), Ok(known)) = (self.plugin_of(connection)?, self.known(connection.id.as_str())) {
            tracing::debug!(instance = %known.id, "A configured connection is tested beside itself.");
        }
        let id: InstanceId = format!("trial-{}", self.traffic.requests.number())
            .parse()
            .map_err(|error| Error::Internal(format!("{error}")))?;
        let trial = Connection { id: id.clone(), ..connection.clone() };
        let Some(mut spec) = self.spec(&trial)? else {
            let text = "a virtual instance needs no connection".into();
            return Ok(TestResult { ok: true, text, hint: None, took_ms: 0, log: Vec::new() });
        };
        spec.auto_restart = false;
        let mut course = self.traffic.trials.begin(&id);
        let started = self.supervisor.start(spec).map_err(|error| Error::unavailable(error.to_string(), "try again"));
        let silent = tokio::time::timeout(TRIAL, course.wait_for(crate::trial::Course::is_decided)).await.is_err();
        let course = course.borrow().clone();
        let _ = self.supervisor.remove(&id).await;
        self.traffic.trials.end(&id);
        let _ = std::fs::remove_dir_all(self.state.join("instances").join(id.as_str()));
        started?;
        let ok = course.state == Some(fieldrail_supervisor::State::Running);
        let text = match (silent, course.text.is_empty()) {
            (true, true) => format!("the driver said nothing within {} s", TRIAL.as_secs()),
            (_, true) => "connected".into(),
            (_, false) => course.text,
        };
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(TestResult { ok, text, hint: course.hint, took_ms, log: course.log })
    }

    /// Has an instance do one of its named actions.
    pub async fn call(
        &self,
        who: &Who,
        id: &str,
        action: &str,
        arguments: serde_json::Value,
    ) -> Result<serde_json::Value> {
        who.must_be(Role::Admin)?;
        let connection = self.known(id)?;
        let plugin = self.plugin_of(&connection)?;
        let actions = plugin.map(|plugin| plugin.manifest.capabilities.actions.as_slice()).unwrap_or_default();
        if !actions.iter().any(|known| known.name == action) {
            let near = fieldrail_model::text::did_you_mean(action, actions.iter().map(|known| known.name.as_str()));
            return Err(Error::NotFound(format!("`{id}` has no action `{action}`{near}")));
        }
        self.logbook.write(Level::Info, Some(id), format!("{} called `{action}`.", who.name));
        let ask = |request| ToPlugin::Call(Call { request, action: action.into(), arguments });
        match self.ask(&connection.id, CALL, ask).await? {
            FromPlugin::Returned(answer) => match answer.failure {
                None => Ok(answer.result),
                Some(failure) => Err(Error::Unavailable { message: failure.message, hint: failure.hint }),
            },
            other => Err(Error::Internal(format!("a call was answered with {other:?}"))),
        }
    }

    /// Asks a running plugin and waits for its answer.
    pub(crate) async fn ask(
        &self,
        id: &InstanceId,
        most: Duration,
        message: impl FnOnce(u64) -> ToPlugin,
    ) -> Result<FromPlugin> {
        let question = self.traffic.requests.ask(id)?;
        if !self.traffic.say(id, &message(question.request)) {
            let message = format!("the instance `{id}` does not run");
            return Err(Error::unavailable(message, "start it, or see on its page why it does not run"));
        }
        question.wait(most).await
    }
}

fn filled_key(schema: &serde_json::Value) -> Option<&str> {
    let properties = schema.get("properties")?.as_object()?;
    let mut keys = properties.iter().filter(|(_, property)| property.get(FILLED).is_some_and(|v| v == "mqtt_logins"));
    keys.next().map(|(key, _)| key.as_str())
}

fn gone(id: &str) -> Error {
    Error::NotFound(format!("there is no connection `{id}`"))
}

pub(crate) fn unchanged(entry: &impl serde::Serialize, expected: Option<&Etag>, name: &str) -> Result<()> {
    match expected {
        Some(expected) if etag_of(entry) != *expected => Err(Error::Changed(format!("`{name}`"))),
        _ => Ok(()),
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
    flags.chain(actions).collect()
}
