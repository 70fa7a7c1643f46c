//! A daemon in small, to be killed by a test: runs one plugin until it is killed itself.
//!
//! `house FOLDER INSTANCE SCRIPT best|group|none`: with PID namespaces where they are permitted, without them, or with no
//! instance at all. Prints how the instance is confined once it runs.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{InstanceId, Timestamp};
use fieldrail_supervisor::{Listener, LogRecord, Options, Receipt, Snapshot, Spec, State, Supervisor};
use fieldrail_wire::FromPlugin;
use fieldrail_wire::plugin::{Hello, Samples};

struct Deaf;

impl Listener for Deaf {
    fn ready(&self, _: &InstanceId, _: u64, _: &Hello) {}
    fn samples(&self, _: &InstanceId, _: u64, _: Samples) -> Option<Receipt> {
        None
    }
    fn message(&self, _: &InstanceId, _: u64, _: FromPlugin) {}
    fn drained(&self, _: &InstanceId, _: u64) {}
    fn gone(&self, _: &InstanceId, _: u64) {}
    fn changed(&self, _: &Snapshot) {}
    fn logged(&self, _: LogRecord) {}
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, id, script, confinement] = &arguments[..] else { return Err("four arguments, see the source".into()) };
    let mut options = Options::new(folder, Timestamp::default);
    options.without_namespaces = confinement == "group";
    let supervisor = Supervisor::new(options, Arc::new(Deaf))?;
    let id: InstanceId = id.parse()?;
    let mut line = "none".to_owned();
    if confinement != "none" {
        supervisor.start(Spec {
            id: id.clone(),
            driver: "test".into(),
            program: PathBuf::from("python3"),
            args: vec![script.clone()],
            working_dir: PathBuf::from(folder),
            env: vec![("PYTHONDONTWRITEBYTECODE".into(), "1".into())],
            config: serde_json::Value::Null,
            state_dir: None,
            simulated: false,
            auto_restart: true,
            permissions: None,
            limits: fieldrail_supervisor::Limits::default(),
        })?;
        line = loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if let Some(Snapshot { state: State::Running, confinement: Some(confinement), .. }) =
                supervisor.snapshot(&id)
            {
                break confinement.name().to_owned();
            }
        };
    }
    writeln!(std::io::stdout(), "{line}")?;
    std::future::pending::<()>().await;
    Ok(())
}
