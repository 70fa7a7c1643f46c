//! No child survives: not its plugin, not the daemon, not even when the daemon is killed.

#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fieldrail_supervisor::{Confinement, State};
use harness::{House, bearing, until_bearing};

/// The plugin, its child in another session, and the one that lost its parent.
const FAMILY: usize = 3;

/// A daemon in a process of its own: `examples/house.rs`. Returns it once it has said how its instance is confined.
fn daemon(folder: &Path, id: &str, confinement: &str) -> (Child, String) {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/house");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/plugins/grandchildren.py");
    let mut daemon = Command::new(&program)
        .args([folder, Path::new(id), &script, Path::new(confinement)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; `cargo nextest run` builds it", program.display()));
    let mut line = String::new();
    BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (daemon, line.trim().to_owned())
}

/// Whether this machine lets us make PID namespaces, asked in another way than the supervisor asks.
fn namespaces_are_permitted() -> bool {
    let tried = Command::new("unshare").args(["--pid", "--fork", "true"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

fn kill(mut daemon: Child) {
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[tokio::test]
async fn a_killed_daemon_takes_children_and_grandchildren_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let id = format!("namespace-{}", std::process::id());
    let mark = format!("FIELDRAIL_INSTANCE={id}");
    let (first, confinement) = daemon(folder.path(), &id, "best");
    assert_eq!(until_bearing(&mark, |n| n == FAMILY).await, FAMILY);
    kill(first);
    if namespaces_are_permitted() {
        assert_eq!(confinement, Confinement::PidNamespace.name());
    } else {
        // Then it takes the next start.
        kill(daemon(folder.path(), &format!("{id}-next"), "none").0);
    }
    assert_eq!(until_bearing(&mark, |n| n == 0).await, 0);
}

#[tokio::test]
async fn without_namespaces_the_next_start_ends_what_a_killed_daemon_left() {
    let folder = tempfile::tempdir().unwrap();
    let id = format!("group-{}", std::process::id());
    let mark = format!("FIELDRAIL_INSTANCE={id}");
    let (first, confinement) = daemon(folder.path(), &id, "group");
    assert_eq!(confinement, Confinement::ProcessGroup.name());
    assert_eq!(until_bearing(&mark, |n| n == FAMILY).await, FAMILY);
    kill(first);
    // The plugin itself dies with the daemon; its own children cannot know.
    assert_eq!(until_bearing(&mark, |n| n == FAMILY - 1).await, FAMILY - 1);
    let other_house = tempfile::tempdir().unwrap();
    kill(daemon(other_house.path(), &format!("{id}-other"), "none").0);
    assert_eq!(bearing(&mark).len(), FAMILY - 1, "another house's processes are nobody else's business");
    kill(daemon(folder.path(), &format!("{id}-next"), "none").0);
    assert_eq!(bearing(&mark).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_plugin_leaves_no_grandchild_in_either_confinement() {
    for without_namespaces in [false, true] {
        let house = House::new(|options| options.without_namespaces = without_namespaces);
        let id = house.start("family", "grandchildren");
        let running = house.until_state(&id, State::Running).await;
        if without_namespaces {
            assert_eq!(running.confinement, Some(Confinement::ProcessGroup));
        }
        let mark = format!("FIELDRAIL_INSTANCE={id}");
        assert_eq!(until_bearing(&mark, |n| n == FAMILY).await, FAMILY);
        house.supervisor.stop(&id).unwrap();
        house.supervisor.kill(&id).unwrap();
        house.until_state(&id, State::Stopped).await;
        assert_eq!(bearing(&mark).len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_supervisor_leaves_no_process() {
    let house = House::new(|_| {});
    let id = house.start("family", "grandchildren");
    house.until_state(&id, State::Running).await;
    drop(house);
    let mark = format!("FIELDRAIL_INSTANCE={id}");
    assert_eq!(until_bearing(&mark, |n| n == 0).await, 0);
}
