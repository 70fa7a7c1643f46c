//! The example plugin of the specification: the text shown is the file that runs, and it keeps the protocol.

#![allow(clippy::unwrap_used)] // a test fails by it

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use fieldrail_tests::workspace::root;
use serde_json::{Value, json};

fn plugin() -> PathBuf {
    root().join("tests/plugins/counter")
}

#[test]
fn the_specification_shows_the_example_plugin_as_it_is() {
    let specification = std::fs::read_to_string(root().join("docs/specs/plugin-protocol.md")).unwrap();
    for (file, language) in [("counter.py", "python"), ("manifest.json", "json")] {
        let text = std::fs::read_to_string(plugin().join(file)).unwrap();
        let shown = format!("```{language}\n{text}```\n");
        assert!(specification.contains(&shown), "docs/specs/plugin-protocol.md does not show {file} as it is");
    }
}

/// The counter with a test in place of the daemon.
struct Counter {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Counter {
    fn start() -> Self {
        let mut command = Command::new("python3");
        command.arg("counter.py").current_dir(plugin()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, said }
    }

    /// Several messages in one write, as the daemon's arrive.
    fn tell(&mut self, messages: &[Value]) {
        let lines = messages.iter().fold(String::new(), |lines, message| lines + &format!("{message}\n"));
        self.process.stdin.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// The next message of this kind.
    fn hear(&mut self, kind: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.said.read_line(&mut line).unwrap(), 0, "it ended before it said `{kind}`");
            let mut message: Value = serde_json::from_str(&line).unwrap();
            if let Some(body) = message.get_mut(kind) {
                return body.take();
            }
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_example_plugin_keeps_the_protocol() {
    let mut counter = Counter::start();
    assert_eq!(counter.hear("hello")["name"], "counter");
    let welcome = json!({ "protocol": 1, "instance": "demo.counter", "config": { "start": 5, "every_s": 0.02 }, "credit": 2,
        "max_batch": 4096, "max_frame_bytes": 8_388_608, "progress_ms": 40, "state_dir": null });
    let subscribe = json!({ "request": 1, "items": [{ "tag": "count", "pattern": false, "interval_ms": null }] });
    counter.tell(&[json!({ "welcome": welcome }), json!({ "subscribe": subscribe })]);
    assert_eq!(counter.hear("state")["status"], "connected");
    assert_eq!(counter.hear("subscribed"), json!({ "request": 1, "items": [{ "tag": "count" }] }));
    assert_eq!(counter.hear("samples"), json!({ "batch": 1, "items": [{ "tag": "count", "value": 6 }] }));
    assert_eq!(counter.hear("samples")["batch"], 2);
    let beats = [counter.hear("progress"), counter.hear("progress")].map(|beat| beat["turns"].as_u64().unwrap());
    assert!(beats[0] < beats[1], "{beats:?}");
    // Two samples are outstanding, which is the credit: nothing more comes until they are accepted.
    let items = json!([{ "id": 1, "tag": 0, "value": 100 }, { "id": 2, "tag": "x", "value": 1 }]);
    counter.tell(&[json!({ "write": { "tags": [[0, "count"]], "items": items } })]);
    assert_eq!(counter.hear("written")["confirmed"], json!([[1, 1]]));
    assert_eq!(counter.hear("written")["rejected"][0]["id"], 2);
    counter.tell(&[json!({ "write": { "tags": [], "items": [{ "id": 3, "tag": 0, "value": "no" }] } })]);
    assert_eq!(counter.hear("written")["rejected"][0]["id"], 3, "a declared number keeps its meaning");
    counter.tell(&[json!({ "accepted": { "batch": 2 } })]);
    let samples = counter.hear("samples");
    assert_eq!(samples["batch"], 3);
    assert!(samples["items"][0]["value"].as_i64() > Some(100), "{samples}");
    counter.tell(&[json!({ "stop": { "deadline_ms": 3000 } })]);
    assert!(counter.process.wait().unwrap().success());
}

#[test]
fn the_example_plugin_ends_with_the_daemon() {
    let mut counter = Counter::start();
    counter.hear("hello");
    drop(counter.process.stdin.take());
    assert!(counter.process.wait().unwrap().success());
}
