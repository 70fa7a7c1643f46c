//! The driver under test, and a client of the broker that is not the driver.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Mosquitto, Plugin};
use serde_json::{Value, json};

pub(crate) const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-mqtt");

/// Both versions of MQTT that the driver speaks.
pub(crate) const VERSIONS: [&str; 2] = ["3.1.1", "5"];

/// A configuration for the broker, with `more` on top.
pub(crate) fn config(broker: &Mosquitto, version: &str, more: &Value) -> Value {
    let mut config = json!({ "host": "127.0.0.1", "port": broker.port(), "protocol": version });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

/// The driver, connected.
#[track_caller]
pub(crate) fn driver(broker: &Mosquitto, version: &str, more: &Value) -> Plugin {
    let mut driver = Plugin::start(DRIVER, "mqtt.test", config(broker, version, more));
    driver.state(Status::Connected);
    driver
}

/// Publishes with a foreign client.
#[track_caller]
pub(crate) fn publish(broker: &Mosquitto, arguments: &[&str]) {
    let port = broker.port().to_string();
    let done = Command::new("mosquitto_pub").args(["-h", "127.0.0.1", "-p", &port]).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Subscribed with a foreign client: what the broker gives out, as `retained qos topic payload-in-hex`.
pub(crate) struct Witness {
    child: Child,
    lines: Receiver<String>,
    /// What came while it was made: retained messages.
    early: RefCell<VecDeque<String>>,
}

impl Witness {
    #[track_caller]
    pub(crate) fn of(broker: &Mosquitto, filter: &str) -> Self {
        Self::with(broker, &["-t", filter, "-q", "2"])
    }

    /// With these arguments of `mosquitto_sub`; ready when this returns.
    #[track_caller]
    pub(crate) fn with(broker: &Mosquitto, arguments: &[&str]) -> Self {
        let port = broker.port().to_string();
        let mut command = Command::new("mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &port, "-F", "%r %q %t %x", "-t", "witness/ready"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let witness = Self { child, lines, early: RefCell::default() };
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            publish(broker, &["-t", "witness/ready", "-m", "1"]);
            while let Ok(line) = witness.lines.recv_timeout(Duration::from_millis(50)) {
                if line.contains("witness/ready") {
                    return witness;
                }
                witness.early.borrow_mut().push_back(line);
            }
        }
        panic!("mosquitto_sub does not subscribe");
    }

    /// The next message but for the witness's own.
    #[track_caller]
    pub(crate) fn next(&self) -> String {
        if let Some(line) = self.early.borrow_mut().pop_front() {
            return line;
        }
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(5)).expect("a message should have come");
            if !line.contains("witness/ready") {
                return line;
            }
        }
    }

    /// Whether nothing comes for a while.
    pub(crate) fn hears_nothing(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if !line.contains("witness/ready") {
                return false;
            }
        }
        true
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A payload as [`Witness`] shows it.
pub(crate) fn hex(payload: &str) -> String {
    fieldrail_model::Value::bytes(payload.as_bytes()).to_string()
}
