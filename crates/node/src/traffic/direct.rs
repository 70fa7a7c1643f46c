//! Writes that pass everything that waits: beginnings and ends of pulses. They leave at once or not at all.

use std::time::Duration;

use fieldrail_model::{InstanceId, Timestamp, Value};
use fieldrail_wire::{TagRef, ToPlugin, WriteItem};
use tokio::sync::oneshot;

use super::Traffic;
use super::line::{Line, Outlet};
use crate::clock;
use crate::commands::Outcome as End;
use crate::pulses::Owner;

/// How long the end of a pulse may wait in its driver; then it is sent again.
const END_TTL: Duration = Duration::from_secs(5);

/// One write that leaves at once.
pub(crate) struct Direct<'a> {
    pub(crate) tag: &'a str,
    pub(crate) value: Value,
    pub(crate) ttl: Duration,
    pub(crate) pulse: Option<Duration>,
    /// A safe value of a panic.
    pub(crate) past_gate: bool,
}

impl Direct<'_> {
    fn message(self, id: u64) -> ToPlugin {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let item = WriteItem {
            id,
            tag: TagRef::Name(self.tag.into()),
            value: self.value,
            ttl_ms: Some(ms(self.ttl)),
            pulse_ms: self.pulse.map(ms),
            origin: None,
        };
        ToPlugin::Write(fieldrail_wire::daemon::Write { tags: Vec::new(), items: vec![item] })
    }
}

impl Traffic {
    /// Sends one write past the queue; `leaves` hears its number before it does. None if the instance takes nothing now.
    pub(super) fn send_now(
        &self,
        line: &Line,
        outlet: &mut Outlet,
        write: Direct<'_>,
        leaves: impl FnOnce(u64),
    ) -> Option<u64> {
        let generation = outlet.generation.filter(|_| outlet.backlog.is_connected)?;
        let id = outlet.next_id();
        leaves(id);
        let past_gate = write.past_gate;
        let message = write.message(id);
        let sent = if past_gate {
            self.send_past_gate(&line.id, generation, &message)
        } else {
            self.send(&line.id, generation, &message)
        };
        if !sent {
            return None;
        }
        outlet.outstanding += 1;
        Some(id)
    }

    /// Begins a pulse that stands in the journal. None if it did not begin.
    pub(crate) fn begin_pulse(
        &self,
        line: &Line,
        address: &str,
        write: Direct<'_>,
    ) -> Option<(u64, oneshot::Receiver<End>)> {
        let due = clock::now().after(write.pulse.unwrap_or_default());
        let (at, mut end) = (line.id.address(write.tag), None);
        let mut outlet = line.outlet();
        let sent = self.send_now(line, &mut outlet, write, |id| {
            end = Some((id, self.ledger.open(&line.id, id, at)));
            self.pulses.left(address, id, due);
        });
        drop(outlet);
        if sent.is_none() {
            if let Some((id, _)) = end {
                self.ledger.end(&line.id, id, End::Expired);
            }
            self.pulses.never_began(address);
            return None;
        }
        end
    }

    /// Writes the ends of pulses that this instance owes.
    pub(super) fn end_pulses(&self, line: &Line, now: Timestamp) {
        if !self.gate.lets(&line.id) {
            return;
        }
        for (address, value) in self.pulses.due(&Owner::Instance(line.id.clone()), now) {
            let Some(tag) = tag_of(&line.id, &address) else { continue };
            let write = Direct { tag, value, ttl: END_TTL, pulse: None, past_gate: false };
            let mut outlet = line.outlet();
            // An end that does not leave stays owed.
            let mut number = None;
            let sent = self.send_now(line, &mut outlet, write, |id| {
                number = Some(id);
                self.pulses.end_left(&address, id, now);
            });
            drop(outlet);
            if let (None, Some(id)) = (sent, number) {
                self.pulses.refused(&line.id, id, "the instance takes nothing at the moment", true, now);
            }
        }
    }
}

/// The tag of an address of this instance.
pub(crate) fn tag_of<'a>(id: &InstanceId, address: &'a str) -> Option<&'a str> {
    let rest = address.strip_prefix(id.as_str())?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
}
