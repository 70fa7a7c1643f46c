//! What outlives a restart, an orderly one and one by `kill -9`.
// A test fails by a panic, and `json!` reads best where it is handed over.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod house;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fieldrail_testkit::free_port;
use fieldrail_testkit::wire::daemon::{Stop, Welcome};
use fieldrail_testkit::wire::plugin::{State, Status};
use fieldrail_testkit::wire::{Decoder, Encoding, FromPlugin, ToPlugin, encode};
use house::{DRIVER, Subscriber, config, publish, retained, user};
use serde_json::{Value as Json, json};

/// A broker with a state folder; the protocol is spoken by hand.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    fn start(folder: &Path, more: Json) -> Self {
        let mut broker = Self::spawn(folder, more);
        let state = broker.next_state();
        assert_eq!(state.status, Status::Connected, "{}", state.text);
        broker
    }

    fn spawn(folder: &Path, more: Json) -> Self {
        let port = free_port();
        let child = Command::new(DRIVER).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut broker = Self { child: child.unwrap(), port };
        let welcome = Welcome {
            protocol: 1,
            instance: "mqtt.broker_local".parse().unwrap(),
            config: config(port, more),
            credit: 1000,
            max_batch: 1000,
            max_frame_bytes: 1 << 20,
            progress_ms: 5000,
            state_dir: Some(folder.to_str().unwrap().into()),
        };
        broker.say(&ToPlugin::Welcome(welcome));
        broker
    }

    fn say(&mut self, message: &ToPlugin) {
        let mut bytes = Vec::new();
        encode(Encoding::MessagePack, message, &mut bytes).unwrap();
        self.child.stdin.as_mut().unwrap().write_all(&bytes).unwrap();
    }

    fn next_state(&mut self) -> State {
        let mut decoder = Decoder::default();
        loop {
            while let Some(message) = decoder.next::<FromPlugin>().unwrap() {
                if let FromPlugin::State(state) = message {
                    return state;
                }
            }
            let mut bytes = [0; 4096];
            let count = self.child.stdout.as_mut().unwrap().read(&mut bytes).unwrap();
            assert_ne!(count, 0, "the driver has ended");
            decoder.buffer().extend_from_slice(&bytes[..count]);
        }
    }

    fn stop(mut self) {
        self.say(&ToPlugin::Stop(Stop { deadline_ms: 2000 }));
        assert!(self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open() -> Json {
    json!({ "anonymous": true })
}

#[test]
fn retained_messages_survive_a_kill_and_cleared_ones_stay_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), open());
    for n in 0..20 {
        assert!(publish(broker.port, &format!("r/{n}"), "old", &["-r", "-q", "1"]).status.success());
    }
    assert!(publish(broker.port, "r/0", "", &["-r", "-q", "1"]).status.success());
    assert!(publish(broker.port, "r/1", "new", &["-r", "-q", "1"]).status.success());
    broker.kill();
    let broker = Broker::start(folder.path(), open());
    let kept = retained(broker.port, "r/#", &[]);
    assert_eq!(kept.len(), 19);
    assert!(kept.contains(&"1 r/1 new".into()) && kept.contains(&"1 r/19 old".into()), "{kept:?}");
    broker.stop();
    let broker = Broker::start(folder.path(), open());
    assert_eq!(retained(broker.port, "r/#", &[]), kept);
}

#[test]
fn garbled_files_cost_only_what_they_held_and_are_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), open());
    for topic in ["r/bad", "r/good"] {
        assert!(publish(broker.port, topic, "x", &["-r", "-q", "1"]).status.success());
    }
    broker.kill();
    let kept = folder.path().join("mqtt");
    let journal = kept.join("retained-1.log");
    let garbled = std::fs::read_to_string(&journal).unwrap().replacen("{\"set\"", "{\"se", 1);
    std::fs::write(&journal, garbled).unwrap();
    std::fs::write(kept.join("sessions.json"), "{").unwrap();
    let broker = Broker::start(folder.path(), open());
    assert_eq!(retained(broker.port, "r/#", &[]), ["1 r/good x"]);
    assert!(kept.join("damaged-retained-1.log").exists() && kept.join("damaged-sessions.json").exists());
}

#[test]
fn two_brokers_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Broker::start(folder.path(), open());
    let mut second = Broker::spawn(folder.path(), open());
    let state = second.next_state();
    assert_eq!(state.status, Status::Degraded);
    assert!(state.text.contains("the folder for retained messages cannot be used"), "{}", state.text);
}

#[test]
fn messages_for_an_absent_session_survive_an_orderly_restart() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), open());
    let session = ["-i", "away", "-c", "-q", "1"];
    drop(Subscriber::start(broker.port, "q", &session));
    for n in 0..5 {
        assert!(publish(broker.port, "q", &n.to_string(), &["-q", "1"]).status.success());
    }
    broker.stop();
    let broker = Broker::start(folder.path(), open());
    let subscriber = Subscriber::start(broker.port, "q", &session);
    let got: Vec<String> = (0..5).map(|_| subscriber.next()).collect();
    assert_eq!(got, ["0 q 0", "0 q 1", "0 q 2", "0 q 3", "0 q 4"]);
}

#[test]
fn a_revoked_user_no_longer_speaks_through_what_was_retained() {
    let folder = tempfile::tempdir().unwrap();
    let admin = || user("admin", "right", &["admin/#"], &["#"]);
    let before =
        json!({ "users": [admin(), user("guest", "secret", &["#"], &["#"]), user("narrowed", "x", &["#"], &[])] });
    let broker = Broker::start(folder.path(), before);
    let login = |name, password| ["-u", name, "-P", password, "-r", "-q", "1"];
    assert!(publish(broker.port, "door/lock", "open", &login("guest", "secret")).status.success());
    assert!(publish(broker.port, "heat/set", "99", &login("narrowed", "x")).status.success());
    assert!(publish(broker.port, "admin/x", "1", &login("admin", "right")).status.success());
    broker.kill();
    let after = json!({ "users": [admin(), user("narrowed", "x", &["light/#"], &[])] });
    let broker = Broker::start(folder.path(), after);
    assert_eq!(retained(broker.port, "#", &["-u", "admin", "-P", "right"]), ["1 admin/x 1"]);
}

#[test]
fn the_session_of_a_user_who_is_gone_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), json!({ "users": [user("old", "x", &["#"], &["#"])] }));
    let session = ["-i", "tablet", "-c", "-q", "1"];
    drop(Subscriber::start(broker.port, "private", &[&session[..], &["-u", "old", "-P", "x"]].concat()));
    let login = ["-u", "old", "-P", "x", "-q", "1"];
    assert!(publish(broker.port, "private", "for old only", &login).status.success());
    broker.stop();
    let users = json!({ "users": [user("new", "x", &["#"], &["#"])] });
    let broker = Broker::start(folder.path(), users);
    let heir = Subscriber::start(broker.port, "other", &[&session[..], &["-u", "new", "-P", "x"]].concat());
    heir.assert_silent();
}

#[test]
fn the_folder_is_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), open());
    let mode = std::fs::metadata(folder.path().join("mqtt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    broker.stop();
}

#[test]
fn retained_messages_do_not_wait_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), open());
    let begun = Instant::now();
    let port = broker.port.to_string();
    let mut command = Command::new("mosquitto_pub");
    let mut child =
        command.args(["-p", &port, "-t", "a", "-l", "-r", "-q", "1"]).stdin(Stdio::piped()).spawn().unwrap();
    let lines = (0..2000).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    // With a sync of the disk for each this takes 20 s.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    broker.kill();
    let broker = Broker::start(folder.path(), open());
    assert_eq!(retained(broker.port, "a", &[]), ["1 a 1999"]);
}
