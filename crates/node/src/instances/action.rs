//! What an instance is asked to do: a named action, any question.

use std::time::Duration;

use fieldrail_model::{InstanceId, Level};
use fieldrail_wire::daemon::Call;
use fieldrail_wire::{FromPlugin, ToPlugin};

use crate::connections::Connection;
use crate::people::{Role, Who};
use crate::{Error, Node, Result};

/// How long a driver may take to read a new configuration.
pub(super) const CALL: Duration = Duration::from_secs(30);

/// How long an action of a driver may take: a search for 247 silent devices on a slow line.
pub(super) const ACTION: Duration = Duration::from_mins(2);

impl Node {
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
        self.may_run(&connection.id)?;
        self.must_have_action(&connection, action)?;
        self.logbook.write(Level::Info, Some(id), format!("{} called `{action}`.", who.name));
        let ask = |request| ToPlugin::Call(Call { request, action: action.into(), arguments });
        returned(self.ask(&connection.id, ACTION, ask).await?)
    }

    /// Fails unless the driver of this connection has an action of this name.
    pub(super) fn must_have_action(&self, connection: &Connection, action: &str) -> Result<()> {
        let plugin = self.plugin_of(connection)?;
        let actions = plugin.map(|plugin| plugin.manifest.capabilities.actions.as_slice()).unwrap_or_default();
        if actions.iter().any(|known| known.name == action) {
            return Ok(());
        }
        let near = fieldrail_model::text::did_you_mean(action, actions.iter().map(|known| known.name.as_str()));
        Err(Error::NotFound(format!("the driver `{}` has no action `{action}`{near}", connection.driver)))
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

/// What a called plugin has answered.
pub(super) fn returned(message: FromPlugin) -> Result<serde_json::Value> {
    match message {
        FromPlugin::Returned(answer) => match answer.failure {
            None => Ok(answer.result),
            Some(failure) => Err(Error::Unavailable { message: failure.message, hint: failure.hint }),
        },
        other => Err(Error::Internal(format!("a call was answered with {other:?}"))),
    }
}
