//! Live values for browsers: each client has a set of datapoints that changed since it last asked.
//!
//! Invariant: a slow client only makes its own set larger, at most by one entry for each datapoint that it watches; the
//! router never waits for it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fieldrail_router::PointId;
use tokio::sync::Notify;

/// Datapoints that one client may watch at a time.
pub(crate) const MOST_WATCHED: usize = 100_000;

/// One connected browser or command line.
pub(crate) struct Client {
    changed: Mutex<HashSet<PointId>>,
    wake: Notify,
}

impl Client {
    fn changed(&self) -> MutexGuard<'_, HashSet<PointId>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something has changed.
    pub(crate) async fn wait(&self) {
        loop {
            let woken = self.wake.notified();
            if !self.changed().is_empty() {
                return;
            }
            woken.await;
        }
    }

    /// What has changed since the last call.
    pub(crate) fn take(&self) -> Vec<PointId> {
        self.changed().drain().collect()
    }

    /// This datapoint has something new for the client.
    pub(crate) fn mark(&self, point: PointId) {
        let mut changed = self.changed();
        changed.insert(point);
        let first = changed.len() == 1;
        drop(changed);
        if first {
            self.wake.notify_one();
        }
    }
}

/// Who watches which datapoint.
#[derive(Default)]
pub(crate) struct Watchers {
    by_point: HashMap<PointId, Vec<Arc<Client>>>,
}

impl Watchers {
    /// A client that watches nothing yet.
    pub(crate) fn client() -> Arc<Client> {
        Arc::new(Client { changed: Mutex::default(), wake: Notify::new() })
    }

    /// The client watches this datapoint from now on. False if it did already.
    pub(crate) fn watch(&mut self, client: &Arc<Client>, point: PointId) -> bool {
        let clients = self.by_point.entry(point).or_default();
        if clients.iter().any(|known| Arc::ptr_eq(known, client)) {
            return false;
        }
        clients.push(Arc::clone(client));
        true
    }

    /// The client does not watch this datapoint any more. False if it did not.
    pub(crate) fn unwatch(&mut self, client: &Arc<Client>, point: PointId) -> bool {
        let Some(clients) = self.by_point.get_mut(&point) else { return false };
        let before = clients.len();
        clients.retain(|known| !Arc::ptr_eq(known, client));
        let found = clients.len() < before;
        if clients.is_empty() {
            self.by_point.remove(&point);
        }
        found
    }

    /// The client is gone. Returns what it watched.
    pub(crate) fn remove(&mut self, client: &Arc<Client>) -> Vec<PointId> {
        let mut watched = Vec::new();
        self.by_point.retain(|point, clients| {
            let before = clients.len();
            clients.retain(|known| !Arc::ptr_eq(known, client));
            if clients.len() < before {
                watched.push(*point);
            }
            !clients.is_empty()
        });
        watched
    }

    /// These datapoints changed.
    pub(crate) fn changed(&self, points: &[PointId]) {
        for point in points {
            for client in self.by_point.get(point).into_iter().flatten() {
                client.mark(*point);
            }
        }
    }
}
