//! A connection is tried before it is saved: its driver runs for a moment with a configuration that is not in force.
//!
//! Invariant: nothing of an attempt stays, whether it is waited for or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fieldrail_model::{InstanceId, Level};
use fieldrail_supervisor::{State, Supervisor};
use fieldrail_wire::ToPlugin;
use fieldrail_wire::daemon::Call;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::action::{ACTION, returned};
use crate::connections::Connection;
use crate::people::{Role, Who};
use crate::traffic::Traffic;
use crate::trial::Course;
use crate::views::TestResult;
use crate::{Error, Node, Result};

/// How long an attempt may take until the driver has said how it stands.
const ATTEMPT: Duration = Duration::from_secs(12);

/// How long the driver may take to reach its device before it is asked for an action all the same: some need no device.
const BEFORE_ACTION: Duration = Duration::from_secs(5);

/// How often the folder of a trial is tried to be removed, and the time between.
const REMOVALS: u32 = 20;
const BETWEEN_REMOVALS: Duration = Duration::from_millis(250);

/// A driver that runs for a moment. Its process ends, and its folder goes, also when this is only dropped, since nobody waits
/// any more.
struct Attempt {
    id: InstanceId,
    over: bool,
    folder: PathBuf,
    traffic: Arc<Traffic>,
    supervisor: Arc<Supervisor>,
    runtime: tokio::runtime::Handle,
    course: watch::Receiver<Course>,
}

impl Attempt {
    /// How it stands, once the driver has said so or the time is over; and whether it said nothing.
    async fn standing(&mut self, within: Duration) -> (Course, bool) {
        let silent = tokio::time::timeout(within, self.course.wait_for(Course::is_decided)).await.is_err();
        (self.course.borrow().clone(), silent)
    }

    /// Ends it, and returns when its device is free again for the instance that may come now. It ends also when nobody waits
    /// for that any more.
    async fn end(mut self) {
        let _ = self.begin_end().await;
    }

    fn begin_end(&mut self) -> JoinHandle<()> {
        self.over = true;
        let (id, folder) = (self.id.clone(), std::mem::take(&mut self.folder));
        let (traffic, supervisor) = (Arc::clone(&self.traffic), Arc::clone(&self.supervisor));
        self.runtime.spawn(async move { end(&supervisor, &traffic, &id, &folder).await })
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.over {
            self.begin_end();
        }
    }
}

async fn end(supervisor: &Supervisor, traffic: &Traffic, id: &InstanceId, folder: &Path) {
    let _ = supervisor.remove(id).await;
    traffic.trials.end(id);
    // What the process wrote last may still be on its way.
    for _ in 0..REMOVALS {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => tokio::time::sleep(BETWEEN_REMOVALS).await,
            _ => return,
        }
    }
    tracing::warn!(folder = %folder.display(), "The folder of a trial cannot be removed.");
}

impl Node {
    /// Runs a driver with a configuration that is not in force, until it has said how it stands.
    pub async fn test_connection(&self, who: &Who, connection: &Connection) -> Result<TestResult> {
        let begun = Instant::now();
        let Some(mut attempt) = self.attempt(who, connection)? else {
            let text = "a virtual instance needs no connection".into();
            return Ok(TestResult { ok: true, text, hint: None, took_ms: 0, log: Vec::new() });
        };
        let (course, silent) = attempt.standing(ATTEMPT).await;
        attempt.end().await;
        let ok = course.state == Some(State::Running);
        let text = match (silent, course.text.is_empty()) {
            (true, true) => format!("the driver said nothing within {} s", ATTEMPT.as_secs()),
            (_, true) => "connected".into(),
            (_, false) => course.text,
        };
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(TestResult { ok, text, hint: course.hint, took_ms, log: course.log })
    }

    /// Has a driver do one of its named actions with a configuration that is not in force: to look for devices before there
    /// is a connection to one.
    pub async fn try_action(
        &self,
        who: &Who,
        connection: &Connection,
        action: &str,
        arguments: serde_json::Value,
    ) -> Result<serde_json::Value> {
        self.must_have_action(connection, action)?;
        let Some(mut attempt) = self.attempt(who, connection)? else {
            return Err(Error::NotFound(format!("a virtual instance has no action `{action}`")));
        };
        let (course, _) = attempt.standing(BEFORE_ACTION).await;
        let did_not_run = || {
            let said = if course.text.is_empty() { "the driver does not run" } else { &course.text };
            Error::Unavailable { message: said.to_owned(), hint: course.hint.clone() }
        };
        let generation = course.generation.ok_or_else(did_not_run)?;
        self.logbook.write(
            Level::Info,
            None,
            format!("{} called `{action}` of the driver `{}`.", who.name, connection.driver),
        );
        let question = self.traffic.requests.ask(&attempt.id)?;
        let call = ToPlugin::Call(Call { request: question.request, action: action.into(), arguments });
        if !self.traffic.send(&attempt.id, generation, &call) {
            return Err(did_not_run());
        }
        let answer = question.wait(ACTION).await;
        attempt.end().await;
        returned(answer?)
    }

    /// Starts a driver for a moment; none if the instance would have no process.
    fn attempt(&self, who: &Who, connection: &Connection) -> Result<Option<Attempt>> {
        who.must_be(Role::Admin)?;
        // An attempt opens a connection to a device.
        self.not_in_panic()?;
        let id: InstanceId = format!("trial-{}", self.traffic.requests.number())
            .parse()
            .map_err(|error| Error::Internal(format!("{error}")))?;
        let Some(mut spec) = self.spec(&Connection { id: id.clone(), ..connection.clone() })? else { return Ok(None) };
        spec.auto_restart = false;
        let attempt = Attempt {
            over: false,
            folder: self.state.join("instances").join(id.as_str()),
            traffic: Arc::clone(&self.traffic),
            supervisor: Arc::clone(&self.supervisor),
            runtime: self.runtime.clone(),
            course: self.traffic.trials.begin(&id),
            id,
        };
        self.supervisor.start(spec).map_err(|error| Error::unavailable(error.to_string(), "try again"))?;
        Ok(Some(attempt))
    }
}
