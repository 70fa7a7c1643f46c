//! The life of real processes: start, stop, crash, hang, restart, logs.

#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fieldrail_model::{InstanceId, Quality, Value};
use fieldrail_supervisor::{
    Listener, LogRecord, Options, Policy, Receipt, SendError, Snapshot, StartError, State, Supervisor,
};
use fieldrail_wire::daemon::{Call, Read, Write};
use fieldrail_wire::plugin::{Hello, Level, Samples, Status, Written};
use fieldrail_wire::{Capabilities, Encoding, FromPlugin, SampleItem, TagRef, ToPlugin, WriteItem, encode, plugin};
use harness::{Heard, House};

fn write(id: u64) -> ToPlugin {
    let item = WriteItem {
        id,
        tag: TagRef::Name("a".into()),
        value: Value::Int(1),
        ttl_ms: None,
        pulse_ms: None,
        origin: None,
    };
    ToPlugin::Write(Write { tags: vec![], items: vec![item] })
}

fn written(heard: &Heard) -> Option<Written> {
    match heard {
        Heard::Message(_, FromPlugin::Written(written)) => Some(written.clone()),
        _ => None,
    }
}

fn line(level: Level, text: &str) -> impl Fn(&Heard) -> Option<()> {
    move |heard| match heard {
        Heard::Logged(record) => (record.level == level && record.message.contains(text)).then_some(()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_plugin_is_welcomed_heard_written_to_and_stopped() {
    let house = House::new(|_| {});
    let id = house.start("good", "good");
    let running = house.until_state(&id, State::Running).await;
    assert_eq!((running.generation, running.restarts, running.version.as_str()), (1, 0, "1.2.3"));
    assert!(running.capabilities.write && running.pid.is_some() && running.started_at.is_some());
    house.supervisor.send(&id, 1, &write(9)).unwrap();
    let answer = house.until_heard(&id, written).await;
    assert_eq!(answer.confirmed, [(9, 9)]);
    house.until_heard(&id, |heard| (*heard == Heard::Drained(1)).then_some(())).await;
    house.until(&id, "counting", |now| now.samples_in > 5).await;

    assert_eq!(house.supervisor.stop(&id).unwrap().state, State::Stopping);
    let stopped = house.until_state(&id, State::Stopped).await;
    assert_eq!((stopped.text.as_str(), stopped.errors, stopped.pid), ("was stopped", 0, None));
    assert_eq!(stopped.samples_out, 1);
    house.until_heard(&id, line(Level::Info, "Started.")).await;
    house.until_heard(&id, line(Level::Warn, "Ends as it was told to.")).await;
    assert!(matches!(house.supervisor.send(&id, 1, &write(10)), Err(SendError::NotReady)));
    check_order(&house.ear.of(&id));
}

/// `ready` first, `gone` last, batches in order between them.
#[track_caller]
fn check_order(heard: &[Heard]) {
    let of_process = heard.iter().filter(|heard| !matches!(heard, Heard::Changed(_) | Heard::Logged(_)));
    let of_process: Vec<&Heard> = of_process.collect();
    assert!(matches!(of_process.first(), Some(Heard::Ready(1, _))), "{of_process:?}");
    assert_eq!(of_process.last(), Some(&&Heard::Gone(1)));
    let batches = of_process.iter().filter_map(|heard| match heard {
        Heard::Samples(1, batch) => Some(batch.batch),
        _ => None,
    });
    let batches: Vec<u64> = batches.collect();
    assert!(batches.iter().copied().eq(1..=batches.len() as u64), "{batches:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_instance_is_back_within_three_seconds_and_its_neighbour_is_untouched() {
    let house = House::new(|_| {});
    let (victim, neighbour) = (house.start("victim", "good"), house.start("neighbour", "good"));
    let pid = house.until_state(&victim, State::Running).await.pid.unwrap();
    house.until_state(&neighbour, State::Running).await;
    let killed = Instant::now();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid.cast_signed()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let back = house.until(&victim, "back", |now| now.generation == 2 && now.state == State::Running).await;
    assert!(killed.elapsed() < Duration::from_secs(3), "{:?}", killed.elapsed());
    assert_eq!((back.restarts, back.errors), (1, 1));
    assert!(back.last_error.unwrap().starts_with("was ended by signal 9 (SIGKILL)"));
    assert_eq!(house.snapshot(&neighbour).generation, 1);
    house.until_heard(&victim, |heard| (*heard == Heard::Gone(1)).then_some(())).await;
    assert!(matches!(house.supervisor.send(&victim, 1, &write(1)), Err(SendError::OtherGeneration)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_counts_as_a_crash_and_restart_does_not() {
    let house = House::new(|_| {});
    let id = house.start("good", "good");
    house.until_state(&id, State::Running).await;
    house.supervisor.kill(&id).unwrap();
    let back = house.until(&id, "back", |now| now.generation == 2 && now.state == State::Running).await;
    assert_eq!((back.errors, back.last_error.as_deref()), (1, Some("was killed on request")));
    let mut spec = house.spec("good", "good");
    spec.config = serde_json::json!({"new": true});
    spec.simulated = true;
    house.supervisor.add(spec).unwrap();
    house.supervisor.restart(&id).unwrap();
    let back = house.until(&id, "back", |now| now.generation == 3 && now.state == State::Running).await;
    assert_eq!(back.errors, 1);
    let result = call(&house, &id, 3).await;
    assert_eq!(result["config"], serde_json::json!({"new": true}));
    assert_eq!(result["args"], serde_json::json!(["--sim"]));
}

async fn call(house: &House, id: &InstanceId, generation: u64) -> serde_json::Value {
    let question = ToPlugin::Call(Call { request: 5, action: "show".into(), arguments: serde_json::Value::Null });
    house.supervisor.send(id, generation, &question).unwrap();
    let answer = |heard: &Heard| match heard {
        Heard::Message(of, FromPlugin::Returned(returned)) if *of == generation => Some(returned.result.clone()),
        _ => None,
    };
    house.until_heard(id, answer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_sees_a_clean_environment_and_three_descriptors() {
    let house = House::new(|_| {});
    let mut spec = house.spec("good", "good");
    spec.env.push(("EXTRA".into(), "1".into()));
    let id = spec.id.clone();
    // A descriptor without close-on-exec, as a careless parent of the daemon would leave it.
    let open = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
    house.supervisor.start(spec).unwrap();
    house.until_state(&id, State::Running).await;
    let result = call(&house, &id, 1).await;
    // The fourth one is the folder that the plugin reads to list them.
    assert_eq!(result["descriptors"], serde_json::json!([0, 1, 2, 3]));
    let environ = result["environ"].as_object().unwrap();
    // The test runner gives this process many variables, and a wrapper around python3 may add some to the plugin's.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(
        !environ.keys().any(|name| name.starts_with("CARGO") || name.starts_with("NEXTEST")),
        "{:?}",
        environ.keys()
    );
    assert_eq!(environ["EXTRA"], "1");
    assert_eq!(environ["FIELDRAIL_INSTANCE"], id.as_str());
    assert_eq!(result["folder"], house.folder.path().to_str().unwrap());
    assert_eq!(result["state_dir"], true);
    let state_dir = house.folder.path().join("state").join(id.as_str());
    let mode = std::os::unix::fs::PermissionsExt::mode(&state_dir.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_secret_never_shows_in_debug_output() {
    let house = House::new(|_| {});
    let mut spec = house.spec("good", "good");
    spec.env = vec![("TOKEN".into(), "orchid".into())];
    let shown = format!("{spec:?} {spec:#?}");
    assert!(!shown.contains("tulip") && !shown.contains("orchid") && shown.contains("TOKEN"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loop_ends_as_an_error_with_the_last_words() {
    let house = House::with_policy(Policy { first_wait: Duration::from_millis(5), ..Policy::default() });
    let id = house.start("crashes", "crashes");
    let given_up = house.until_state(&id, State::Error).await;
    let want = "failed 6 times within 10 minutes, the last time: exited with code 1; its last words: KeyError: 'host'";
    assert_eq!(given_up.text, want);
    assert_eq!((given_up.generation, given_up.errors), (6, 6));
    house.until_heard(&id, line(Level::Error, "failed 6 times")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_failed_shows_its_own_words_and_hint() {
    let house = House::new(|_| {});
    let mut spec = house.spec("fails", "fails");
    spec.auto_restart = false;
    let id = spec.id.clone();
    house.supervisor.start(spec).unwrap();
    let snapshot = house.until_state(&id, State::Error).await;
    assert!(snapshot.text.starts_with("wrong at `host` (exited with code 1"), "{}", snapshot.text);
    assert_eq!(snapshot.hint.as_deref(), Some("give it a name"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_not_there_is_named() {
    let house = House::new(|_| {});
    let mut spec = house.spec("missing", "good");
    spec.program = "/nowhere/fieldrail-driver-x".into();
    spec.auto_restart = false;
    let id = spec.id.clone();
    house.supervisor.start(spec).unwrap();
    let snapshot = house.until_state(&id, State::Error).await;
    assert!(
        snapshot.text.starts_with("cannot be started: /nowhere/fieldrail-driver-x: No such file"),
        "{}",
        snapshot.text
    );
    assert!(snapshot.hint.is_some());
}

fn fast() -> Policy {
    Policy { progress: Duration::from_millis(300), first_wait: Duration::from_millis(5), ..Policy::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_plugin_is_killed_and_started_again() {
    let house = House::with_policy(fast());
    for script in ["hangs", "beats_in_place"] {
        let id = house.start(&script.replace('_', "-"), script);
        let back = house.until(&id, "started again", |now| now.generation == 2).await;
        assert_eq!(back.last_error.as_deref(), Some("hangs: missed 3 heartbeats, no progress for 1.05 s"));
        house.supervisor.remove(&id).await.unwrap();
        assert!(house.supervisor.snapshot(&id).is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_automatic_restart_a_hanging_plugin_lives_on_degraded() {
    let house = House::with_policy(fast());
    let mut spec = house.spec("hangs", "hangs");
    spec.auto_restart = false;
    let id = spec.id.clone();
    house.supervisor.start(spec).unwrap();
    let snapshot = house.until_state(&id, State::Degraded).await;
    // Named at once, and a hang after three.
    let text = &snapshot.text;
    assert!(text.starts_with("hangs") || text.starts_with("has given no sign of life since"), "{snapshot:?}");
    assert!(snapshot.pid.is_some() && snapshot.linked == text.starts_with("has"), "{snapshot:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_reads_nothing_fills_its_own_lane_only_and_is_killed() {
    let house = House::with_policy(fast());
    let (deaf, good) = (house.start("deaf", "ignores_stdin"), house.start("good", "good"));
    house.until_state(&deaf, State::Running).await;
    house.until_state(&good, State::Running).await;
    let long = ToPlugin::Read(Read { request: 1, tags: vec!["x".repeat(100_000)] });
    let began = Instant::now();
    let full = (0..1000).find_map(|_| house.supervisor.send(&deaf, 1, &long).err());
    assert!(matches!(full, Some(SendError::Full)), "{full:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "a full lane must not wait");
    house.supervisor.send(&good, 1, &write(1)).unwrap();
    house.until_heard(&good, written).await;
    let back = house.until(&deaf, "started again", |now| now.generation == 2).await;
    // Whoever sees it first: the writer, whose pipe is full, or the judge, who asks the kernel what is unread.
    let why = back.last_error.as_deref().unwrap_or_default();
    assert!(
        why == "has not read what it is told for 1.05 s" || why.starts_with("has read nothing of what it is told"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_stops_all_at_once_and_kills_the_deaf_at_the_deadline() {
    let house = House::new(|_| {});
    let ids = ["a", "b", "c"].map(|name| house.start(name, "ignores_stdin"));
    for id in &ids {
        house.until_state(id, State::Running).await;
    }
    let began = Instant::now();
    house.supervisor.shutdown(Duration::from_millis(300)).await;
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    for id in &ids {
        let snapshot = house.snapshot(id);
        assert_eq!((snapshot.state, snapshot.pid), (State::Stopped, None));
        assert!(snapshot.text.contains("did not end in time and was killed"), "{}", snapshot.text);
    }
    assert_eq!(house.supervisor.start(house.spec("d", "good")), Err(StartError::ShuttingDown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_flood_is_cut_and_the_instance_runs_on() {
    let house = House::new(|_| {});
    let id = house.start("flood", "log_flood");
    house.until_state(&id, State::Running).await;
    house.until_heard(&id, line(Level::Debug, "a line")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let heard = house.ear.of(&id);
    let lines: Vec<_> =
        heard.iter().filter_map(|heard| if let Heard::Logged(record) = heard { Some(record) } else { None }).collect();
    assert!((400..700).contains(&lines.len()), "{}", lines.len());
    assert!(lines.iter().all(|record| record.message.len() <= 8 * 1024));
    assert!(lines.iter().any(|record| record.level == Level::Error && record.message.ends_with('…')));
    assert_eq!(house.snapshot(&id).state, State::Running);
}

/// Whole frames, as a compiled driver would send them.
fn binary_stream(batches: u64, size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut say = |message: FromPlugin| encode(Encoding::MessagePack, &message, &mut bytes).unwrap();
    let hello =
        Hello { protocol: (1, 1), name: "test".into(), version: String::new(), capabilities: Capabilities::default() };
    say(FromPlugin::Hello(hello));
    say(FromPlugin::State(plugin::State {
        status: Status::Connected,
        text: String::new(),
        hint: None,
        answers: false,
    }));
    for batch in 1..=batches {
        let tags = if batch == 1 { vec![(0, "a".into())] } else { vec![] };
        let item = |n: usize| SampleItem {
            tag: TagRef::Number(0),
            value: Value::Int(i64::try_from(n).unwrap()),
            quality: Quality::Good,
            time: None,
            note: None,
            origin: None,
        };
        say(FromPlugin::Samples(Samples { batch, tags, items: (0..size).map(item).collect() }));
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn binary_frames_arrive_whole_in_order_and_fast() {
    // `cat` knows no credit, so it gets plenty.
    let house = House::new(|options| options.credit = 1_000_000);
    let stream = house.folder.path().join("stream");
    std::fs::write(&stream, binary_stream(400, 500)).unwrap();
    let mut spec = house.spec("binary", "good");
    spec.limits.max_pps = Some(1_000_000);
    spec.program = "sh".into();
    spec.args = vec!["-c".into(), format!("cat {}; exec sleep 100", stream.display())];
    let id = spec.id.clone();
    let began = Instant::now();
    house.supervisor.start(spec).unwrap();
    let snapshot = house.until(&id, "all there", |now| now.samples_in == 200_000).await;
    println!("200,000 samples in {:?}", began.elapsed());
    assert_eq!((snapshot.batches, snapshot.state, snapshot.errors), (400, State::Running, 0));
    assert_eq!(house.supervisor.stop(&id).unwrap().state, State::Stopping);
    house.supervisor.kill(&id).unwrap();
    house.until_state(&id, State::Stopped).await;
    check_order(&house.ear.of(&id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_uses_its_whole_credit_each_time_is_never_over_it() {
    let house = House::new(|options| options.credit = 10);
    let id = house.start("paced", "paced");
    let snapshot = house.until(&id, "all there", |now| now.samples_in >= 5000).await;
    assert_eq!((snapshot.batches, snapshot.generation, snapshot.errors), (500, 1, 0));
}

/// Fails at everything it is told.
struct Clumsy;

impl Listener for Clumsy {
    fn ready(&self, _: &InstanceId, _: u64, _: &Hello) {}
    fn samples(&self, _: &InstanceId, _: u64, _: Samples) -> Option<Receipt> {
        panic!("as the test wants it");
    }
    fn message(&self, _: &InstanceId, _: u64, _: FromPlugin) {}
    fn drained(&self, _: &InstanceId, _: u64) {
        panic!("as the test wants it");
    }
    fn gone(&self, _: &InstanceId, _: u64) {
        panic!("as the test wants it");
    }
    fn changed(&self, _: &Snapshot) {
        panic!("as the test wants it");
    }
    fn logged(&self, _: LogRecord) {
        panic!("as the test wants it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_panics_costs_a_process_and_not_the_supervision() {
    let mut house = House::new(|_| {});
    let options = Options::new(house.folder.path(), harness::now);
    house.supervisor = Supervisor::new(options, Arc::new(Clumsy)).unwrap();
    let id = house.start("good", "good");
    let again = house.until(&id, "started again", |now| now.generation == 2 && now.pid.is_some()).await;
    assert_eq!(again.last_error.as_deref(), Some("the daemon failed while it took its messages"));
    house.supervisor.stop(&id).unwrap();
    house.until_state(&id, State::Stopped).await;
}
