//! How people change connections, and start and stop their instances.

use fieldrail_model::{InstanceId, Level};
use fieldrail_store::{Etag, etag_of};

use crate::connections::{Connection, ConnectionsFile, VIRTUAL};
use crate::limits::Limits;
use crate::people::{Role, Who};
use crate::views::Instance;
use crate::{Error, Node, Result};

impl Node {
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
        if enabled {
            self.may_run(&connection.id)?;
        }
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

    /// Lets an instance begin anew that was suspended for taking too much.
    pub fn reactivate(&self, who: &Who, id: &str) -> Result<Instance> {
        let connection = self.running_process(who, id, "reactivate")?;
        let done = self.supervisor.reactivate(&connection).map_err(|error| Error::NotFound(error.to_string()))?;
        if !done {
            return Err(Error::Conflict(format!("`{id}` is not suspended")));
        }
        self.instance(id)
    }

    /// Gives an instance other limits. They are in force at once; a suspended instance stays so until it is reactivated.
    pub fn set_limits(&self, who: &Who, id: &str, limits: &Limits) -> Result<Instance> {
        who.must_be(Role::Admin)?;
        limits.check("limits")?;
        let connection = self.known(id)?;
        self.edit_connections(who, |file| {
            let entry = file.connections.iter_mut().find(|entry| entry.id == connection.id);
            entry.ok_or_else(|| gone(id))?.limits = *limits;
            Ok(())
        })?;
        self.logbook.write(Level::Info, Some(id), format!("{} changed its limits.", who.name));
        self.instance(id)
    }

    /// Joins an instance to the router again.
    pub fn attach(&self, who: &Who, id: &str) -> Result<Instance> {
        self.set_detached(who, id, false)
    }

    /// Cuts an instance from the router; its process goes on. It stays so until it is attached.
    pub fn detach(&self, who: &Who, id: &str) -> Result<Instance> {
        self.set_detached(who, id, true)
    }

    fn set_detached(&self, who: &Who, id: &str, detached: bool) -> Result<Instance> {
        who.must_be(Role::Admin)?;
        let connection = self.known(id)?;
        if connection.driver == VIRTUAL {
            return Err(Error::Conflict(format!("`{id}` is virtual: it is part of the router")));
        }
        self.edit_connections(who, |file| {
            let entry = file.connections.iter_mut().find(|entry| entry.id == connection.id);
            entry.ok_or_else(|| gone(id))?.detached = detached;
            Ok(())
        })?;
        let done = if detached { "detached it from the router" } else { "attached it to the router" };
        self.logbook.write(Level::Warn, Some(id), format!("{} {done}.", who.name));
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
        self.may_run(&connection.id)?;
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
    pub fn add_connection(&self, who: &Who, connection: &Connection) -> Result<Etag> {
        self.check_connection(connection)?;
        let etag = etag_of(connection);
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
    pub fn put_connection(
        &self,
        who: &Who,
        id: &str,
        expected: Option<&Etag>,
        connection: &Connection,
    ) -> Result<Etag> {
        if connection.id.as_str() != id {
            let message = format!("the body names `{}`, the path `{id}`", connection.id);
            return Err(Error::invalid_at("id", message, Some("an id does not change; add a new connection".into())));
        }
        self.check_connection(connection)?;
        let etag = etag_of(connection);
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

    /// Brings a removed connection back as it stood last in an earlier version of the file, with its secrets.
    pub fn bring_back_connection(&self, who: &Who, id: &str) -> Result<Etag> {
        who.must_be(Role::Admin)?;
        let versions = self.files.connections.versions();
        let list = versions.list().map_err(Error::File)?;
        let stood = list.iter().find_map(|version| {
            let file: ConnectionsFile = serde_json::from_str(&versions.read(version.sequence).ok()?).ok()?;
            file.find(id).map(|(_, connection)| connection.clone())
        });
        let stood = stood.ok_or_else(|| Error::NotFound(format!("no earlier version has a connection `{id}`")))?;
        self.add_connection(who, &stood)
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
            file.check()
        });
        edited.map_err(|error| Error::from_edit("connections.json", error))?;
        self.apply_connections();
        Ok(())
    }
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
