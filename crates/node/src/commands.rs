//! Writes that a person or a machine asked for: each has an end that its asker is told.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fieldrail_model::{Address, InstanceId};
use fieldrail_wire::plugin::Failure;
use tokio::sync::oneshot;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The device has it.
    Confirmed,
    /// The device or the driver refused it.
    Rejected(Failure),
    /// It could not be sent in time, and never will be.
    Expired,
    /// A newer command to the same target took its place before it was sent.
    Superseded,
    /// It is under way; nobody knows the end yet.
    Pending,
}

impl Outcome {
    /// The word in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Rejected(_) => "rejected",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Pending => "pending",
        }
    }
}

struct Open {
    address: Address,
    asker: oneshot::Sender<Outcome>,
}

/// The commands that are under way, by instance and id.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<HashMap<(InstanceId, u64), Open>>);

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, HashMap<(InstanceId, u64), Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command is under way; its end will come through the receiver.
    pub(crate) fn open(&self, instance: &InstanceId, id: u64, address: Address) -> oneshot::Receiver<Outcome> {
        let (asker, end) = oneshot::channel();
        self.lock().insert((instance.clone(), id), Open { address, asker });
        end
    }

    /// A command has ended. Returns its address; none if it was a write of a route.
    pub(crate) fn end(&self, instance: &InstanceId, id: u64, outcome: Outcome) -> Option<Address> {
        let open = self.lock().remove(&(instance.clone(), id))?;
        let _ = open.asker.send(outcome);
        Some(open.address)
    }

    /// Whether this command has not ended.
    pub(crate) fn is_open(&self, instance: &InstanceId, id: u64) -> bool {
        self.lock().contains_key(&(instance.clone(), id))
    }

    /// These are confirmed: a range of ids, both ends included.
    pub(crate) fn confirm(&self, instance: &InstanceId, first: u64, last: u64) {
        let mut open = self.lock();
        if open.is_empty() {
            return;
        }
        let ended = open.extract_if(|(of, id), _| of == instance && (first..=last).contains(id));
        for (_, command) in ended {
            let _ = command.asker.send(Outcome::Confirmed);
        }
    }

    /// The instance has ended with commands on the way; whether they reached the device is not known.
    pub(crate) fn gone(&self, instance: &InstanceId, still_queued: impl Fn(u64) -> bool) {
        let failure = Failure {
            message: "the instance ended before it said whether the device has the value".into(),
            hint: Some("look at the feedback before you write again".into()),
            again: false,
        };
        let mut open = self.lock();
        for (_, command) in open.extract_if(|(of, id), _| of == instance && !still_queued(*id)) {
            let _ = command.asker.send(Outcome::Rejected(failure.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_gets_exactly_one_end() {
        let ledger = Ledger::default();
        let id: InstanceId = "plc_001".parse().unwrap();
        let mut ends: Vec<_> = (1..=4).map(|n| ledger.open(&id, n, id.address("x"))).collect();
        ledger.confirm(&id, 1, 2);
        ledger.end(&id, 3, Outcome::Expired);
        ledger.gone(&id, |_| false);
        assert_eq!(ledger.end(&id, 1, Outcome::Expired), None);
        let ends: Vec<_> = ends.iter_mut().map(|end| end.try_recv().unwrap().name()).collect();
        assert_eq!(ends, ["confirmed", "confirmed", "expired", "rejected"]);
    }
}
