//! A house for test plugins: a supervisor in a folder of its own, and a listener that remembers.

#![allow(dead_code, missing_docs, unreachable_pub)] // every test binary uses its own part of it

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fieldrail_model::{InstanceId, Timestamp};
use fieldrail_supervisor::{Listener, LogRecord, Options, Policy, Receipt, Snapshot, Spec, State, Supervisor};
use fieldrail_wire::FromPlugin;
use fieldrail_wire::plugin::{Hello, Samples};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Ready(u64, Hello),
    Samples(u64, Samples),
    Message(u64, FromPlugin),
    Drained(u64),
    Gone(u64),
    Changed(Box<Snapshot>),
    Logged(LogRecord),
}

#[derive(Default)]
pub struct Ear(Mutex<Vec<(InstanceId, Heard)>>);

impl Ear {
    fn hear(&self, id: &InstanceId, heard: Heard) {
        self.0.lock().unwrap().push((id.clone(), heard));
    }

    /// Everything that was heard of one instance so far.
    pub fn of(&self, id: &InstanceId) -> Vec<Heard> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(of, _)| of == id).map(|(_, heard)| heard.clone()).collect()
    }
}

impl Listener for Ear {
    fn ready(&self, id: &InstanceId, generation: u64, hello: &Hello) {
        self.hear(id, Heard::Ready(generation, hello.clone()));
    }
    fn samples(&self, id: &InstanceId, generation: u64, batch: Samples) -> Option<Receipt> {
        self.hear(id, Heard::Samples(generation, batch));
        None
    }
    fn message(&self, id: &InstanceId, generation: u64, message: FromPlugin) {
        self.hear(id, Heard::Message(generation, message));
    }
    fn drained(&self, id: &InstanceId, generation: u64) {
        self.hear(id, Heard::Drained(generation));
    }
    fn gone(&self, id: &InstanceId, generation: u64) {
        self.hear(id, Heard::Gone(generation));
    }
    fn changed(&self, snapshot: &Snapshot) {
        self.hear(&snapshot.id, Heard::Changed(Box::new(snapshot.clone())));
    }
    fn logged(&self, record: LogRecord) {
        self.hear(&record.instance.clone(), Heard::Logged(record));
    }
}

pub struct House {
    pub supervisor: Supervisor,
    pub ear: Arc<Ear>,
    pub folder: tempfile::TempDir,
}

pub fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(i64::try_from(since.as_micros()).unwrap())
}

impl House {
    pub fn new(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path(), now);
        change(&mut options);
        let ear = Arc::new(Ear::default());
        let supervisor = Supervisor::new(options, Arc::clone(&ear) as Arc<dyn Listener>).unwrap();
        Self { supervisor, ear, folder }
    }

    pub fn with_policy(policy: Policy) -> Self {
        Self::new(|options| options.policy = policy)
    }

    /// An instance of a test plugin, named after this test process so that `/proc` shows whose it is.
    pub fn spec(&self, name: &str, script: &str) -> Spec {
        let plugins = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/plugins");
        let id: InstanceId = format!("{name}-{}", std::process::id()).parse().unwrap();
        Spec {
            driver: "test".into(),
            program: "python3".into(),
            args: vec![plugins.join(format!("{script}.py")).to_str().unwrap().into()],
            working_dir: self.folder.path().into(),
            env: vec![("PYTHONDONTWRITEBYTECODE".into(), "1".into())],
            config: serde_json::json!({"password": "tulip"}),
            state_dir: Some(self.folder.path().join("state").join(id.as_str())),
            simulated: false,
            auto_restart: true,
            permissions: None,
            limits: fieldrail_supervisor::Limits::default(),
            id,
        }
    }

    pub fn start(&self, name: &str, script: &str) -> InstanceId {
        let spec = self.spec(name, script);
        let id = spec.id.clone();
        self.supervisor.start(spec).unwrap();
        id
    }

    pub fn snapshot(&self, id: &InstanceId) -> Snapshot {
        self.supervisor.snapshot(id).unwrap()
    }

    /// Waits until the instance is as wanted.
    #[track_caller]
    pub fn until(
        &self,
        id: &InstanceId,
        what: &str,
        wanted: impl Fn(&Snapshot) -> bool,
    ) -> impl Future<Output = Snapshot> {
        let at = std::panic::Location::caller();
        let until = Instant::now() + PATIENCE;
        async move {
            loop {
                let snapshot = self.snapshot(id);
                if wanted(&snapshot) {
                    return snapshot;
                }
                assert!(Instant::now() < until, "{at}: never {what}: {snapshot:#?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    pub async fn until_state(&self, id: &InstanceId, state: State) -> Snapshot {
        self.until(id, state.name(), |snapshot| snapshot.state == state).await
    }

    /// Waits for something to be heard of the instance.
    pub async fn until_heard<T>(&self, id: &InstanceId, pick: impl Fn(&Heard) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.ear.of(id).iter().find_map(&pick) {
                return found;
            }
            assert!(Instant::now() < until, "never heard of {id}; heard {:#?}", self.ear.of(id));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Processes whose environment holds the entry.
pub fn bearing(entry: &str) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse::<i32>().ok());
    let bears = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|found| found == entry.as_bytes())
    };
    pids.filter(bears).collect()
}

/// Waits until so many processes bear the entry; returns how many there are at last.
pub async fn until_bearing(entry: &str, wanted: impl Fn(usize) -> bool) -> usize {
    let until = Instant::now() + PATIENCE;
    loop {
        let count = bearing(entry).len();
        if wanted(count) || Instant::now() > until {
            return count;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
