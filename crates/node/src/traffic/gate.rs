//! Whether writes may leave. Every message that changes something at a device passes here, at the last place in the daemon
//! that all of them have in common.
//!
//! Invariant: when [`Gate::shut`] returns, whoever was on the way through has left, and nobody comes through any more.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use fieldrail_model::InstanceId;

/// What is shut.
#[derive(Debug, Default)]
pub(crate) struct Shut {
    /// Everything but what was re-armed.
    panicked: bool,
    rearmed: BTreeSet<InstanceId>,
}

/// The gate.
#[derive(Debug, Default)]
pub(crate) struct Gate(RwLock<Shut>);

impl Gate {
    fn read(&self) -> RwLockReadGuard<'_, Shut> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shut> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the gate open for one message to this instance; none if it is shut.
    pub(crate) fn enter(&self, id: &InstanceId) -> Option<RwLockReadGuard<'_, Shut>> {
        let shut = self.read();
        let may = !shut.panicked || shut.rearmed.contains(id);
        may.then_some(shut)
    }

    /// Whether this instance may run and be written to.
    pub(crate) fn lets(&self, id: &InstanceId) -> bool {
        self.enter(id).is_some()
    }

    /// Whether routes run.
    pub(crate) fn router_runs(&self) -> bool {
        !self.read().panicked
    }

    /// Shuts it for everything.
    pub(crate) fn shut(&self) {
        self.shut_but(BTreeSet::new());
    }

    /// Shuts it for everything but these.
    pub(crate) fn shut_but(&self, rearmed: BTreeSet<InstanceId>) {
        *self.write() = Shut { panicked: true, rearmed };
    }

    /// Opens it for this instance.
    pub(crate) fn rearm(&self, id: &InstanceId) {
        self.write().rearmed.insert(id.clone());
    }

    /// Opens it for everything.
    pub(crate) fn open(&self) {
        *self.write() = Shut::default();
    }
}
