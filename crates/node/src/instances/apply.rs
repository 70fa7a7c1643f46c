//! How `connections.json` takes force: only instances whose entry changed are touched.

use std::collections::BTreeMap;
use std::sync::Arc;

use fieldrail_model::{InstanceId, Level};
use fieldrail_supervisor::Spec;
use fieldrail_wire::daemon::Configure;
use fieldrail_wire::{FromPlugin, TargetKind, ToPlugin};

use super::action::CALL;
use crate::connections::{Connection, VIRTUAL};
use crate::node::lock;
use crate::permissions::{limits, permissions};
use crate::traffic::Facts;
use crate::{Error, Node, Result};

/// The key in a configuration schema whose value the daemon fills in.
const FILLED: &str = "x-fill";

impl Node {
    /// Takes `connections.json` into force: only instances whose entry changed are touched.
    pub(crate) fn apply_connections(&self) {
        let _one = lock(&self.changing);
        let Some(file) = self.files.connections.snapshot() else { return };
        if let Err(error) = file.value.check() {
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
        for connection in wanted.values() {
            self.put_into_force(connection);
        }
        *lock(&self.running) = wanted;
        self.apply_expectations();
        self.apply_rules_locked();
        self.keep_charts_anew();
    }

    /// The router and the lines know the instances before any of them speaks.
    fn know(&self, wanted: &BTreeMap<InstanceId, Connection>) {
        let instances = wanted.iter().map(|(id, connection)| (id.clone(), self.facts(connection))).collect();
        for (id, connection) in wanted {
            self.traffic.open_line(id, connection.driver == VIRTUAL);
        }
        self.traffic.engine().set_instances(instances);
        self.assign_pulses();
    }

    /// What the router may know of this connection.
    pub(crate) fn facts(&self, connection: &Connection) -> Facts {
        let able = self.plugin_of(connection).ok().flatten().map(|plugin| &plugin.manifest.capabilities);
        Facts {
            case_insensitive: able.is_some_and(|able| able.case_insensitive),
            event: able.is_some_and(|able| able.target == TargetKind::Event),
            writable: connection.driver == VIRTUAL || able.is_some_and(|able| able.write),
            is_virtual: connection.driver == VIRTUAL,
        }
    }

    fn forget(&self, id: &InstanceId) {
        self.end(id);
        self.traffic.close_line(id);
        lock(&self.refused).remove(id);
        for address in self.traffic.pulses.forget(id) {
            let message =
                format!("`{id}` was removed before the pulse of {address} had ended; look at what it switched.");
            self.logbook.write(Level::Error, None, message);
        }
    }

    /// The instance has no process any more.
    fn end(&self, id: &InstanceId) {
        if lock(&self.specs).remove(id).is_some() {
            let (supervisor, id) = (Arc::clone(&self.supervisor), id.clone());
            self.runtime.spawn(async move { supervisor.remove(&id).await });
        }
    }

    /// Starts, stops or restarts an instance, if what it runs with is another thing than before. That may be its entry, a
    /// secret in it, or who may log in at it.
    fn put_into_force(&self, connection: &Connection) {
        let id = &connection.id;
        let spec = match self.spec(connection) {
            Ok(Some(spec)) => spec,
            Ok(None) => return self.end(id),
            Err(error) => {
                self.logbook.write(Level::Error, Some(id.as_str()), format!("`{id}` cannot start: {error}"));
                self.traffic.take_refusal(id, &error.to_string(), error.hint());
                self.end(id);
                lock(&self.refused).insert(id.clone(), error.into());
                return;
            }
        };
        lock(&self.refused).remove(id);
        let runs = connection.enabled && self.traffic.gate.lets(id);
        self.traffic.set_detached(id, connection.detached);
        let wanted = (runs, spec.clone());
        let before = lock(&self.specs).insert(id.clone(), wanted.clone());
        let done = match before {
            Some(before) if before == wanted => return,
            Some((true, old)) if runs => self.supervisor.add(spec.clone()).map(|_| {
                // Limits, and what happens at a crash, are in force at once.
                let (limits, auto_restart) = (spec.limits, spec.auto_restart);
                let same_process = Spec { limits, auto_restart, ..old.clone() } == spec;
                if !same_process && !self.reconfigures(&old, &spec) {
                    let _ = self.supervisor.restart(id);
                }
            }),
            _ if runs => self.supervisor.start(spec).map(drop),
            _ => self.supervisor.add(spec).map(|_| drop(self.supervisor.stop(id))),
        };
        if let Err(error) = done {
            tracing::warn!(instance = %id, %error, "An instance was not started.");
        }
    }

    /// Hands a new configuration to the running plugin, if nothing else changed and it can take one. True if that was
    /// begun; a plugin that refuses is restarted.
    fn reconfigures(&self, old: &Spec, new: &Spec) -> bool {
        let same_but_config = Spec { config: new.config.clone(), ..old.clone() } == *new;
        let able = self.plugins.get(&new.driver).is_ok_and(|plugin| plugin.manifest.capabilities.configure);
        if !same_but_config || !able {
            return false;
        }
        let Ok(question) = self.traffic.requests.ask(&new.id) else { return false };
        let message = Configure { request: question.request, config: new.config.clone() };
        if !self.traffic.say(&new.id, &ToPlugin::Configure(message)) {
            return false;
        }
        let (supervisor, id) = (Arc::clone(&self.supervisor), new.id.clone());
        self.runtime.spawn(async move {
            let taken =
                matches!(question.wait(CALL).await, Ok(FromPlugin::Configured(answer)) if answer.failure.is_none());
            if !taken {
                let _ = supervisor.restart(&id);
            }
        });
        true
    }

    /// How the supervisor runs this connection; none for a virtual one.
    pub(super) fn spec(&self, connection: &Connection) -> Result<Option<Spec>> {
        let Some(plugin) = self.plugin_of(connection)? else { return Ok(None) };
        let mut config = connection.config.clone();
        plugin.check(&config)?;
        if let Some(secrets) = self.files.secrets.snapshot() {
            secrets.value.resolve(&mut config, &plugin.shape()).map_err(|missing| {
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
            state_dir: Some(state_dir),
            simulated: connection.simulated,
            auto_restart: connection.health.auto_restart,
            permissions: Some(permissions(&plugin.manifest, &config, &[self.config.clone(), self.state.clone()])),
            limits: limits(connection.limits, &plugin.manifest).into(),
            config,
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
}

fn filled_key(schema: &serde_json::Value) -> Option<&str> {
    let properties = schema.get("properties")?.as_object()?;
    let mut keys = properties.iter().filter(|(_, property)| property.get(FILLED).is_some_and(|v| v == "mqtt_logins"));
    keys.next().map(|(key, _)| key.as_str())
}
