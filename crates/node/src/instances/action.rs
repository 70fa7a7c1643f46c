//! What an instance is asked to do: a trial of a connection, a named action, any question.

use std::time::{Duration, Instant};

use fieldrail_model::{InstanceId, Level};
use fieldrail_wire::daemon::Call;
use fieldrail_wire::{FromPlugin, ToPlugin};

use crate::connections::Connection;
use crate::people::{Role, Who};
use crate::views::TestResult;
use crate::{Error, Node, Result};

/// How long a trial may take until the driver has said how it stands.
const TRIAL: Duration = Duration::from_secs(12);

/// How long an action of a driver may take.
pub(super) const CALL: Duration = Duration::from_secs(30);

impl Node {
    /// Runs a driver with a configuration that is not in force, until it has said how it stands.
    pub async fn test_connection(&self, who: &Who, connection: &Connection) -> Result<TestResult> {
        who.must_be(Role::Admin)?;
        // A trial opens a connection to a device.
        self.not_in_panic()?;
        let begun = Instant::now();
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
        self.may_run(&connection.id)?;
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
