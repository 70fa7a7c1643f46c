//! The panic as people see it: what was done, what could not be, and what each step out of it would write.

use fieldrail_model::{InstanceId, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SafeWrite;
use crate::node::lock;
use crate::pulses::PulseView;
use crate::traffic::tag_of;
use crate::{Node, connections};

/// How somebody asks for a panic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PanicRequest {
    /// Only say what would happen; changes nothing.
    #[serde(default)]
    pub drill: bool,
}

/// One step out of the panic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RearmRequest {
    /// The `number` of the panic as you saw it; after another one the step is refused.
    pub number: u64,
    /// The instance that is to run again. Without one, the router: the last step.
    #[serde(default)]
    pub instance: Option<String>,
}

/// What one step out of the panic does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RearmStep {
    /// The instance; none for the router, the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What people call it.
    pub name: String,
    /// Whether it was taken.
    pub done: bool,
    /// Ends of pulses that did not reach this instance, and will be written when it is re-armed.
    pub ends: Vec<PulseView>,
    /// Values of durable routes that wait on disk, and will be written when the router is re-armed.
    pub waiting: u64,
    /// Routes that will write when the router is re-armed.
    pub routes: usize,
}

/// How the house stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PanicView {
    /// `armed`, `resetting`, `latched` or `rearming`; `drill` for what would happen.
    pub state: &'static str,
    /// Which panic this is, over the life of the house.
    pub number: u64,
    /// When it was asked for, in milliseconds since 1970 UTC; 0 if there was none.
    pub since_ms: i64,
    /// By whom.
    pub by: String,
    /// Safe values that were written, and those that could not be.
    pub written: Vec<SafeWrite>,
    /// Ends of pulses that have not reached their device.
    pub owed: Vec<PulseView>,
    /// Why the latch is not on the disk as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The steps out of it, in their order; empty while there is no panic.
    pub steps: Vec<RearmStep>,
}

impl Node {
    /// How the house stands: whether it is in panic, and the way out.
    pub fn panic_view(&self) -> PanicView {
        let record = self.panic.record();
        let owed: Vec<PulseView> =
            self.traffic.pulses.views().into_iter().filter(|pulse| pulse.state == "owed").collect();
        let rearmed = self.panic.rearmed();
        PanicView {
            state: record.latch.stage.name(),
            number: record.latch.number,
            since_ms: record.since_ms,
            by: record.by,
            written: record.written,
            steps: rearmed.map(|rearmed| self.steps(|id| rearmed.contains(id), &owed)).unwrap_or_default(),
            owed,
            fault: lock(&self.panic.fault).clone(),
        }
    }

    /// What a panic would do now.
    pub(super) fn drill(&self) -> PanicView {
        let plan = |(address, value, cause, reason): (String, Value, &str, Option<String>)| SafeWrite {
            address,
            value,
            cause: cause.into(),
            outcome: if reason.is_none() { "would_be_written" } else { "not_reached" }.into(),
            reason,
        };
        let written: Vec<SafeWrite> = self.traffic.safe_values().into_iter().map(plan).collect();
        PanicView { state: "drill", written, steps: self.steps(|_| false, &[]), ..self.panic_view() }
    }

    fn steps(&self, is_done: impl Fn(&InstanceId) -> bool, owed: &[PulseView]) -> Vec<RearmStep> {
        let running = lock(&self.running).clone();
        let with_process = running.values().filter(|one| one.enabled && one.driver != connections::VIRTUAL);
        let figures = self.traffic.outbox.figures();
        let waiting = |id: &str| figures.iter().find(|lane| &*lane.lane == id).map_or(0, |lane| lane.entries);
        let mut steps: Vec<RearmStep> = with_process
            .map(|one| RearmStep {
                instance: Some(one.id.to_string()),
                name: if one.name.is_empty() { one.id.to_string() } else { one.name.clone() },
                done: is_done(&one.id),
                ends: owed.iter().filter(|pulse| tag_of(&one.id, &pulse.address).is_some()).cloned().collect(),
                waiting: waiting(one.id.as_str()),
                routes: 0,
            })
            .collect();
        steps.push(RearmStep {
            instance: None,
            name: String::new(),
            done: false,
            ends: Vec::new(),
            waiting: steps.iter().map(|step| step.waiting).sum(),
            routes: self.traffic.engine().router.rules().len(),
        });
        steps
    }
}
