//! What the node calls.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use fieldrail_model::InstanceId;
use fieldrail_wire::ToPlugin;

use crate::health::Awake;
use crate::instance::Shared;
use crate::lanes::SendError;
use crate::life::Event;
use crate::listener::Listener;
use crate::process::{Cgroups, Mark, Spawner, sweep};
use crate::watch::{Instances, Watcher};
use crate::{Expected, Metrics, Options, Snapshot, Spec};

/// After the deadline of a shutdown everything has been killed; what the kernel does not end by then is left to it.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

/// A killed process has left its control group by then.
const LEFT_WITHIN: Duration = Duration::from_millis(200);

/// All instances of the house, each a process. Dropping it kills what still runs.
pub struct Supervisor {
    options: Arc<Options>,
    listener: Arc<dyn Listener>,
    spawner: Spawner,
    house: Mark,
    instances: Arc<Instances>,
    cgroups: Arc<Cgroups>,
    watcher: Watcher,
    awake: Arc<Awake>,
    shutting_down: AtomicBool,
}

/// Why an instance was not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// [`Supervisor::shutdown`] was called.
    #[error("the daemon is shutting down")]
    ShuttingDown,
}

/// There is no such instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no instance `{0}`")]
pub struct UnknownInstance(pub InstanceId);

impl Supervisor {
    /// Ends what a former daemon of the same house left behind, and takes up work. Call it inside a tokio runtime. It
    /// blocks only where there are leftovers, and then for two seconds at most each round.
    ///
    /// # Errors
    /// The operating system gives no thread or no descriptor.
    pub fn new(options: Options, listener: Arc<dyn Listener>) -> io::Result<Self> {
        let house = Mark::of_house(&options.house);
        let leftovers = sweep(std::slice::from_ref(&house));
        if leftovers > 0 {
            tracing::warn!(leftovers, "Ended processes that a former daemon had left behind.");
        }
        let cgroups = if options.without_cgroups { Cgroups::none() } else { Cgroups::find(&house.value) };
        let instances = Arc::new(Instances::default());
        let awake = Arc::new(Awake::new());
        Ok(Self {
            spawner: Spawner::new(options.without_namespaces)?,
            options: Arc::new(options),
            listener,
            house,
            watcher: Watcher::start(&instances, &awake)?,
            awake,
            instances,
            cgroups: Arc::new(cgroups),
            shutting_down: AtomicBool::new(false),
        })
    }

    fn instances(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Arc<Shared>>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, id: &InstanceId) -> Result<Arc<Shared>, UnknownInstance> {
        self.instances().get(id).cloned().ok_or_else(|| UnknownInstance(id.clone()))
    }

    /// Makes an instance known without starting it, or gives a known one a new spec, which its next process will get.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn add(&self, spec: Spec) -> Result<Snapshot, StartError> {
        self.put(spec).map(|shared| shared.snapshot())
    }

    /// [`Supervisor::add`], and starts it unless it runs. To give a running one a new spec: `add`, then `restart`.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(&self, spec: Spec) -> Result<Snapshot, StartError> {
        self.put(spec).map(|shared| shared.ask(Event::StartAsked))
    }

    fn put(&self, spec: Spec) -> Result<Arc<Shared>, StartError> {
        let mut instances = self.instances();
        if self.shutting_down.load(Ordering::SeqCst) {
            return Err(StartError::ShuttingDown);
        }
        if let Some(known) = instances.get(&spec.id) {
            known.replace(spec);
            return Ok(Arc::clone(known));
        }
        let (options, listener) = (Arc::clone(&self.options), Arc::clone(&self.listener));
        let (spawner, house) = (self.spawner.clone(), self.house.clone());
        let (cgroups, awake) = (Arc::clone(&self.cgroups), Arc::clone(&self.awake));
        let shared = Shared::new(spec, options, listener, spawner, house, cgroups, awake);
        instances.insert(shared.id.clone(), Arc::clone(&shared));
        tokio::spawn(Arc::clone(&shared).live());
        Ok(shared)
    }

    /// Asks it to end; after the policy's `stop` it is killed.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn stop(&self, id: &InstanceId) -> Result<Snapshot, UnknownInstance> {
        let within = self.options.policy.stop;
        self.find(id).map(|shared| shared.ask(Event::StopAsked { within }))
    }

    /// Asks it to end and starts it again. Its crashes are forgotten.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn restart(&self, id: &InstanceId) -> Result<Snapshot, UnknownInstance> {
        self.find(id).map(|shared| shared.ask(Event::RestartAsked))
    }

    /// Kills it. Unless it was asked to stop, that counts as a crash: it starts again.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn kill(&self, id: &InstanceId) -> Result<Snapshot, UnknownInstance> {
        self.find(id).map(|shared| shared.ask(Event::KillAsked))
    }

    /// Lets a suspended instance begin anew. False if it is not suspended.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn reactivate(&self, id: &InstanceId) -> Result<bool, UnknownInstance> {
        self.find(id).map(|shared| shared.reactivate())
    }

    /// How many samples a second the subscriptions of an instance call for; without a limit of its own it may send twice
    /// that.
    pub fn asks(&self, id: &InstanceId, per_second: u32) {
        if let Ok(shared) = self.find(id) {
            shared.asks(per_second);
        }
    }

    /// What is expected of an instance from now on; a running one is held to it at once.
    pub fn expect(&self, id: &InstanceId, expected: Expected) {
        if let Ok(shared) = self.find(id) {
            shared.expect(expected);
        }
    }

    /// Instances of which no sample may be lost: the spam breaker thins out those of all others, and suspends these too.
    pub fn keep_all_of(&self, ids: &BTreeSet<InstanceId>) {
        for (id, shared) in self.instances().iter() {
            shared.keep_all(ids.contains(id));
        }
    }

    /// What the daemon itself takes; none in its first second.
    pub fn own_metrics(&self) -> Option<Metrics> {
        self.watcher.own()
    }

    /// Stops it, waits for its end, and forgets it. A `start` in the meantime keeps it.
    ///
    /// # Errors
    /// There is no such instance.
    pub async fn remove(&self, id: &InstanceId) -> Result<(), UnknownInstance> {
        let shared = self.find(id)?;
        shared.leave();
        shared.ask(Event::StopAsked { within: self.options.policy.stop });
        shared.until_down().await;
        let mut instances = self.instances();
        if shared.has_left() {
            instances.remove(id);
            shared.close();
        }
        Ok(())
    }

    /// How one instance is.
    pub fn snapshot(&self, id: &InstanceId) -> Option<Snapshot> {
        self.find(id).ok().map(|shared| shared.snapshot())
    }

    /// How all instances are, in the order of their ids.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let all: Vec<Arc<Shared>> = self.instances().values().cloned().collect();
        all.iter().map(|shared| shared.snapshot()).collect()
    }

    /// Queues a message for the process of this generation, as [`Listener::ready`] named it. Never waits. A `Write`
    /// overtakes everything else that is queued.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(&self, id: &InstanceId, generation: u64, message: &ToPlugin) -> Result<(), SendError> {
        let shared = self.find(id).map_err(|_| SendError::Unknown)?;
        shared.send(generation, message)
    }

    /// Stops all instances at once, kills what is left at the deadline, and returns when nothing runs any more.
    pub async fn shutdown(&self, deadline: Duration) {
        let all: Vec<Arc<Shared>> = {
            let instances = self.instances();
            self.shutting_down.store(true, Ordering::SeqCst);
            instances.values().cloned().collect()
        };
        for shared in &all {
            shared.ask(Event::StopAsked { within: deadline });
        }
        let everybody = async {
            for shared in &all {
                shared.until_down().await;
            }
        };
        if tokio::time::timeout(deadline + KILLED_WITHIN, everybody).await.is_err() {
            tracing::error!("Processes were killed and do not end; the kernel holds them.");
        }
        self.cgroups.clear();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.instances().values().for_each(|shared| shared.close());
        // What was killed leaves its control group a moment later.
        let begun = std::time::Instant::now();
        while !self.cgroups.clear() && begun.elapsed() < LEFT_WITHIN {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
