//! The built daemon with real driver processes, in a temporary folder.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Answer, request};
use crate::wait_for;

/// How long the daemon may take until it serves. Tests run beside each other on few cores.
const START: Duration = Duration::from_secs(20);

/// A house for one test. The daemon ends with it.
pub struct House {
    folder: TempDir,
    more_plugins: Vec<PathBuf>,
    environment: Vec<(String, PathBuf)>,
    daemon: Option<Child>,
    address: Option<SocketAddr>,
    session: String,
}

/// The folder that cargo built the programs into: the tests lie in its `deps`.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let folder = test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps").to_owned();
    assert!(folder.join("plugins").is_dir(), "build the programs first: make test does");
    folder
}

impl House {
    /// A house with these connections and routes that is not kept yet.
    pub fn new(connections: &Value, routes: &Value) -> Self {
        Self::within(&std::env::temp_dir(), connections, routes)
    }

    /// The same in a folder of its own within this one.
    pub fn within(folder: &Path, connections: &Value, routes: &Value) -> Self {
        let folder = TempDir::new_in(folder).expect("there is room for a temporary folder");
        let house = Self {
            folder,
            more_plugins: Vec::new(),
            environment: Vec::new(),
            daemon: None,
            address: None,
            session: String::new(),
        };
        fs::create_dir(house.config()).expect("the temporary folder can be written");
        house.put("fieldrail.json", &json!({ "version": "1.0", "listen": "127.0.0.1:0" }));
        house.put("connections.json", &json!({ "version": "1.0", "connections": connections }));
        house.put("routing.json", &json!({ "version": "1.0", "routes": routes }));
        house
    }

    /// The same with a folder of a stranger's plugins.
    #[must_use]
    pub fn with_plugins(mut self, folder: impl Into<PathBuf>) -> Self {
        self.more_plugins.push(folder.into());
        self
    }

    /// What the daemon finds in its environment from its next start on.
    pub fn set_environment(&mut self, key: &str, value: impl Into<PathBuf>) {
        self.environment.retain(|(known, _)| known != key);
        self.environment.push((key.to_owned(), value.into()));
    }

    /// Starts the daemon and waits until it serves.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.keep();
        self
    }

    /// Starts the daemon, after the first one has ended, and waits until it serves.
    pub fn keep(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("console"));
        let log = log.expect("the temporary folder can be written");
        let door = self.state().join("door.json");
        let _ = fs::remove_file(&door);
        let mut command = self.command(&["run"]);
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        self.daemon = Some(child.spawn().expect("the daemon can be started"));
        self.find();
    }

    /// Waits until a daemon that begins anew by itself serves again.
    pub fn find_again(&mut self) {
        let before = self.session.clone();
        let begun = std::time::Instant::now();
        while self.session == before {
            std::thread::sleep(Duration::from_millis(20));
            assert!(begun.elapsed() < START, "it did not begin anew: {}", self.console());
            self.find();
        }
    }

    fn find(&mut self) {
        let door = self.state().join("door.json");
        let key = wait_for("the daemon serves", START, || {
            let ended = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().ok().flatten());
            assert!(ended.is_none(), "the daemon ended: {}", self.console());
            serde_json::from_slice::<Value>(&fs::read(&door).ok()?).ok()
        });
        self.session = format!("fieldrail_session={}", key["session"].as_str().expect("the door has a session"));
        self.address = key["address"].as_str().and_then(|address| address.parse().ok());
    }

    /// A command of the built program on this house.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built().join("fieldrail"));
        command.arg("--config").arg(self.config()).arg("--state").arg(self.state());
        command.arg("--plugins").arg(built().join("plugins"));
        for folder in &self.more_plugins {
            command.arg("--plugins").arg(folder);
        }
        command.args(arguments).envs(self.environment.iter().map(|(key, value)| (key, value)));
        command
    }

    /// Runs a command of the built program on this house to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program can be started")
    }

    /// The configuration folder.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes a configuration file, as a person with an editor does.
    pub fn put(&self, name: &str, contents: &Value) {
        fs::write(self.config().join(name), format!("{contents:#}")).expect("the configuration can be written");
    }

    /// Reads a configuration file.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.config().join(name)).expect("the configuration can be read")
    }

    /// The daemon's process.
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("the house is kept").id()
    }

    /// Where the daemon serves.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("the house is kept")
    }

    /// The cookie of the administrator at the console.
    pub fn cookie(&self) -> &str {
        &self.session
    }

    /// What the daemon wrote to its console.
    pub fn console(&self) -> String {
        fs::read_to_string(self.folder.path().join("console")).unwrap_or_default()
    }

    /// Ends the daemon with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }

    /// Asks the daemon, as the administrator at the console.
    ///
    /// # Panics
    /// The daemon has ended; the message says what it wrote last.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        assert!(!stat.contains(") Z "), "the daemon ended by itself: {}", self.console());
        let headers = [("Cookie", self.session.as_str()), ("X-Fieldrail", "1"), ("Content-Type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        request(self.address(), method, path, &headers, body.as_bytes())
    }

    /// Asks for JSON that has to come.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// One instance as the daemon shows it.
    pub fn instance(&self, id: &str) -> Value {
        let all = self.get("/api/admin/instances");
        let found = all["items"].as_array().and_then(|all| all.iter().find(|instance| instance["id"] == id)).cloned();
        found.unwrap_or_else(|| panic!("no instance {id} in {all}"))
    }

    /// Waits until an instance is in a state.
    #[track_caller]
    pub fn wait_until(&self, id: &str, state: &str) -> Value {
        let begun = std::time::Instant::now();
        loop {
            let instance = self.instance(id);
            if instance["state"] == state {
                return instance;
            }
            assert!(begun.elapsed() < START, "{id} is not {state}: {instance}\n{}", self.console());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A value comes in from outside, through `route_data`.
    #[track_caller]
    pub fn route_data(&self, source: &str, tag: &str, value: impl Into<Value>) {
        let body = json!({ "source_id": source, "tag": tag, "value": value.into() });
        let answer = self.ask("POST", "/api/router/data", &body);
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
    }

    /// The last value of a datapoint; none if it is not there.
    pub fn value(&self, address: &str) -> Option<Value> {
        let answer = self.ask("GET", &format!("/api/datapoint?address={}", escape(address)), &Value::Null);
        (answer.status == 200).then(|| answer.json())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            // The soft way first: it is tested by every test that ends well.
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            for _ in 0..300 {
                if daemon.try_wait().ok().flatten().is_some() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.kill();
    }
}

/// A text as one value of a query.
pub fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
