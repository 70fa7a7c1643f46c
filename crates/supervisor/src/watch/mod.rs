//! The thread that looks: what each instance takes, each second; and, where the kernel does not do it, that it keeps within
//! its limits, many times a second.
//!
//! [`subject`] is what is known of one process; [`figures`] makes figures of readings; [`disk`] measures folders, in a thread
//! of its own. It blocks, so it is no task.

mod disk;
mod figures;
mod subject;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use fieldrail_model::InstanceId;

use crate::Metrics;
use crate::health::Awake;
use crate::instance::Shared;
use crate::process::{Asker, Sockets, tree};
use figures::Figures;
use subject::Watched;

/// All instances, by id.
pub(crate) type Instances = Mutex<BTreeMap<InstanceId, Arc<Shared>>>;

/// Between two measurements.
const SECOND: Duration = Duration::from_secs(1);

/// Between two rounds, if nothing is due earlier: a new process is seen after so long at the latest.
const ROUND: Duration = Duration::from_millis(200);

/// Between two questions for sockets while no instance has one: the kernel goes through all of the machine to answer, and the
/// daemon's own alone are not worth that each second.
const OWN_SOCKETS: Duration = Duration::from_secs(10);

/// The daemon's own nice value, where it has the right to set it: held up by nobody whom it holds.
const FIRST: i32 = -10;

/// The thread. Dropping it ends it.
pub(crate) struct Watcher {
    own: Arc<Mutex<Option<Metrics>>>,
    _ends: [Sender<()>; 2],
}

impl Watcher {
    /// Starts the thread.
    pub(crate) fn start(instances: &Arc<Instances>, awake: &Arc<Awake>) -> io::Result<Self> {
        let own = Arc::new(Mutex::new(None));
        let (end, ended) = channel();
        let mut round = Round::new(Arc::downgrade(instances), Arc::clone(&own), Arc::clone(awake));
        std::thread::Builder::new().name("watcher".into()).spawn(move || round.go_on(&ended))?;
        let (disk, disk_ended) = channel();
        let weak = Arc::downgrade(instances);
        std::thread::Builder::new().name("disk".into()).spawn(move || disk::go_on(&weak, &disk_ended))?;
        Ok(Self { own, _ends: [end, disk] })
    }

    /// What the daemon itself takes.
    pub(crate) fn own(&self) -> Option<Metrics> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What every subject needs to know of the machine.
pub(super) struct Machine {
    pub(super) cores: usize,
    pub(super) memory_bytes: u64,
    /// The sockets of the last second, or why there are none.
    pub(super) sockets: Result<Sockets, String>,
}

struct Round {
    instances: Weak<Instances>,
    own: Arc<Mutex<Option<Metrics>>>,
    awake: Arc<Awake>,
    own_figures: Figures,
    reader: tree::Reader,
    watched: HashMap<InstanceId, Watched>,
    machine: Machine,
    asker: Option<Asker>,
    asked: Option<Instant>,
    measured: Option<Instant>,
}

impl Round {
    fn new(instances: Weak<Instances>, own: Arc<Mutex<Option<Metrics>>>, awake: Arc<Awake>) -> Self {
        let machine = Machine {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_bytes: tree::machine_bytes().unwrap_or(0),
            sockets: Ok(Sockets::default()),
        };
        Self {
            instances,
            own,
            awake,
            own_figures: Figures::default(),
            reader: tree::Reader::default(),
            watched: HashMap::new(),
            machine,
            asker: None,
            asked: None,
            measured: None,
        }
    }

    fn go_on(&mut self, ended: &Receiver<()>) {
        // In Linux this is about the calling thread alone.
        let _ = rustix::process::setpriority_process(None, FIRST);
        loop {
            let Some(wait) = self.look() else { return };
            self.awake.rest(wait);
            match ended.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
        }
    }

    /// One round. Returns when the next is due; none if there is nobody left to look after.
    fn look(&mut self) -> Option<Duration> {
        let all: Vec<Arc<Shared>> = {
            let instances = self.instances.upgrade()?;
            let instances = instances.lock().unwrap_or_else(PoisonError::into_inner);
            instances.values().cloned().collect()
        };
        if let Some(gap) = self.awake.late() {
            tracing::info!(seconds = gap.as_secs(), "The machine or the daemon stood still; everybody gets time anew.");
            for shared in &all {
                shared.woke();
            }
        }
        // Only now: whoever looks before everybody has time anew has to see that we are late.
        self.awake.look();
        let living: Vec<_> = all.iter().filter_map(|shared| Some((shared, shared.subject()?))).collect();
        let is_there = |id: &InstanceId, watched: &Watched| {
            living.iter().any(|(shared, subject)| shared.id == *id && watched.is(subject))
        };
        self.watched.retain(|id, watched| is_there(id, watched));
        for (shared, subject) in living {
            let watched = self.watched.entry(shared.id.clone()).or_insert_with(|| Watched::new(&subject));
            watched.update(shared, subject, &self.machine);
        }
        if self.measured.is_none_or(|at| at.elapsed() >= SECOND) {
            self.measured = Some(Instant::now());
            self.measure(&all);
        }
        for watched in self.watched.values() {
            watched.look_after();
        }
        let now = Instant::now();
        let due = self.watched.values_mut().map(|watched| watched.guard(now)).min();
        Some(due.map_or(ROUND, |due| due.saturating_duration_since(Instant::now()).min(ROUND)))
    }

    fn measure(&mut self, all: &[Arc<Shared>]) {
        let (look, now) = (tree::Look::default(), Instant::now());
        let own = self.reader.read(&[std::process::id()], &look, now);
        for watched in self.watched.values_mut() {
            watched.read(&look, now);
        }
        let now = Instant::now();
        let is_due = self.asked.is_none_or(|at| now.saturating_duration_since(at) >= OWN_SOCKETS);
        if is_due || self.watched.values().any(Watched::may_talk) {
            self.asked = Some(now);
            self.machine.sockets = self.sockets();
            for watched in self.watched.values_mut() {
                watched.look_up(&self.machine);
            }
        }
        let pids = [std::process::id()];
        let metrics = self.own_figures.take(now, &pids, &own, own.processor, &self.machine);
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = metrics;
        for watched in self.watched.values_mut() {
            watched.publish(now, &self.machine);
            watched.follow();
        }
        for shared in all {
            shared.cool();
        }
    }

    fn sockets(&mut self) -> Result<Sockets, String> {
        let asker = match self.asker.take() {
            Some(asker) => asker,
            None => Asker::open().map_err(|error| format!("the kernel does not tell of its sockets: {error}"))?,
        };
        let sockets = asker.ask().map_err(|error| format!("the kernel does not tell of its sockets: {error}"))?;
        // After a failure a new one is opened, so that no late answer is taken for a new one.
        self.asker = Some(asker);
        Ok(sockets)
    }
}
