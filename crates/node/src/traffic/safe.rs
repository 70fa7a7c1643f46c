//! Safe values in a panic: ends of running pulses, and what datapoints.json declares with `on_panic`. They pass the gate.

use std::time::{Duration, Instant};

use fieldrail_model::{InstanceId, Sample, Value};
use fieldrail_wire::plugin::Failure;
use tokio::sync::oneshot;

use super::Traffic;
use super::direct::{Direct, tag_of};
use crate::clock;
use crate::commands::Outcome as End;
use crate::panic::SafeWrite;

/// How long a safe value may wait in its driver.
const TTL: Duration = Duration::from_secs(2);

/// Address, value, cause, and why it cannot be written.
type Planned = (String, Value, &'static str, Option<String>);

/// Whether a process may end in its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Safe {
    /// What it may still write is a safe value.
    Yes,
    /// It holds other writes.
    HoldsWrites,
}

/// A safe value that is on its way.
struct Sent {
    plan: usize,
    end: oneshot::Receiver<End>,
}

impl Traffic {
    /// What a panic writes now. What is declared for a datapoint goes before the end of its pulse.
    pub(crate) fn safe_values(&self) -> Vec<Planned> {
        let mut planned: Vec<Planned> = Vec::new();
        let engine = self.engine();
        for (address, about) in &engine.about {
            if let Some(value) = &about.on_panic {
                planned.push((address.to_string(), value.clone(), "on_panic", None));
            }
        }
        for (address, end) in self.pulses.open_ends() {
            if !planned.iter().any(|(known, ..)| *known == address) {
                planned.push((address, end, "pulse", None));
            }
        }
        planned.sort_by(|a, b| a.0.cmp(&b.0));
        for (address, .., reason) in &mut planned {
            *reason = match engine.split(address) {
                _ if address.starts_with("calc.") => None,
                None => Some("it belongs to no instance".into()),
                Some((id, _)) if engine.instances[id].is_virtual => None,
                Some((id, _)) if !engine.instances[id].writable => Some(format!("the driver of `{id}` cannot write")),
                Some((id, _)) => match self.line(id) {
                    Some(line) if line.outlet().backlog.is_connected => None,
                    _ => Some(format!("the device of `{id}` does not answer")),
                },
            };
        }
        planned
    }

    /// Writes safe values past everything that waits, and waits for their ends until `until`.
    pub(crate) async fn write_safe(&self, until: Instant) -> Vec<SafeWrite> {
        let planned = self.safe_values();
        let mut written: Vec<SafeWrite> = planned.iter().map(as_write).collect();
        let mut sent = Vec::new();
        for (at, plan) in planned.iter().enumerate().filter(|(_, plan)| plan.3.is_none()) {
            match self.send_safe(plan) {
                Ok(Some(end)) => sent.push(Sent { plan: at, end }),
                Ok(None) => "confirmed".clone_into(&mut written[at].outcome),
                Err(reason) => written[at].reason = Some(reason),
            }
        }
        for Sent { plan, end } in sent {
            let entry = &mut written[plan];
            match tokio::time::timeout_at(until.into(), end).await {
                Ok(Ok(End::Confirmed)) => "confirmed".clone_into(&mut entry.outcome),
                Ok(Ok(End::Rejected(Failure { message, .. }))) => entry.reason = Some(message),
                Ok(_) => entry.reason = Some("it was not taken in time".into()),
                Err(_) => entry.reason = Some("the device did not confirm it in time; it may have arrived".into()),
            }
        }
        written
    }

    /// Sends one safe value. Nothing comes back for what is Fieldrail's own: that is done.
    fn send_safe(&self, plan: &Planned) -> Result<Option<oneshot::Receiver<End>>, String> {
        let (address, value, ..) = plan;
        let id = self.engine().split(address).map(|(id, _)| id.clone());
        let line = id.and_then(|id| self.line(&id)).filter(|line| !line.is_virtual);
        let Some(line) = line else {
            let point = self.engine().point_at(address);
            if let Some(point) = point {
                self.route_one(point, Sample::good(value.clone(), clock::now()));
            }
            self.pulses.ended(address);
            return Ok(None);
        };
        let tag = tag_of(&line.id, address).unwrap_or_default();
        let mut end = None;
        let would_undo = self.pulses.open_ends().iter().any(|(pulsed, end)| pulsed == address && end != value);
        let mut outlet = line.outlet();
        outlet.would_undo |= would_undo;
        let write = Direct { tag, value: value.clone(), ttl: TTL, pulse: None, past_gate: true };
        let sent = self.send_now(&line, &mut outlet, write, |id| {
            end = Some(self.ledger.open(&line.id, id, line.id.address(tag)));
            self.pulses.end_left(address, id, clock::now());
        });
        outlet.safe_writes.extend(sent);
        drop(outlet);
        if sent.is_none() {
            return Err(format!("`{}` takes nothing at the moment", line.id));
        }
        Ok(end)
    }

    /// Whether the process of this instance holds nothing but safe values.
    pub(crate) fn is_safe(&self, id: &InstanceId) -> Safe {
        let Some(line) = self.line(id) else { return Safe::Yes };
        let outlet = line.outlet();
        // Of the safe values some may have ended; then fewer are outstanding than were sent.
        let open = outlet.safe_writes.iter().filter(|id| self.ledger.is_open(&line.id, **id)).count() as u64;
        if outlet.outstanding > open || outlet.unsent.is_some() || outlet.would_undo {
            Safe::HoldsWrites
        } else {
            Safe::Yes
        }
    }

    /// Ends everything that waits for this instance but for what is on disk.
    pub(crate) fn flush(&self, id: &InstanceId, reason: &str) {
        let Some(line) = self.line(id) else { return };
        let mut outlet = line.outlet();
        let commands: Vec<u64> = outlet.queue.commands().collect();
        outlet.queue = fieldrail_router::Queue::default();
        outlet.safe_writes.clear();
        outlet.would_undo = false;
        drop(outlet);
        for command in commands {
            let failure = Failure { message: reason.into(), hint: None, again: false };
            self.ledger.end(id, command, End::Rejected(failure));
        }
    }

    /// Routes begin anew: what they had left behind for this instance is dropped, what people asked for stays.
    pub(crate) fn flush_routes(&self, id: &InstanceId) {
        if let Some(line) = self.line(id)
            && line.outlet().queue.commands().next().is_none()
        {
            line.outlet().queue = fieldrail_router::Queue::default();
        }
    }

    /// What waits on disk for these may leave.
    pub(crate) fn rouse_all(&self, ids: &[InstanceId]) {
        for line in ids.iter().filter_map(|id| self.line(id)) {
            self.pump(&line);
        }
    }
}

fn as_write((address, value, cause, reason): &Planned) -> SafeWrite {
    SafeWrite {
        address: address.clone(),
        value: value.clone(),
        cause: (*cause).into(),
        outcome: "not_reached".into(),
        reason: reason.clone(),
    }
}
