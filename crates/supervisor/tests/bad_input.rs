//! Plugins that break the protocol end with a reason on their own instance, and the neighbour does not notice.

#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::time::Duration;

use fieldrail_supervisor::State;
use harness::House;

/// Script, what its instance says, what the hint says.
const CASES: [(&str, &str, &str); 16] = [
    ("garbage", "sent what cannot be read: the stream begins with byte 0x48", "does the program print to stdout?"),
    ("giant_frame", "a frame of 16777215 bytes is over the limit", "smaller batches"),
    ("giant_line", "is over the limit of 8388608", "smaller batches"),
    ("deep_json", "is no message: recursion limit exceeded", "plugin-protocol"),
    ("half_frame", "exited with code 4, in the middle of a frame of which 15 bytes had come", ""),
    ("closes_stdout", "closed its stdout and runs on", "stdin and stdout"),
    ("wrong_batch", "sent batch 3 where 2 was due", "rising by one"),
    ("large_batch", "sent a batch of 4097 samples, the limit is 4096", "smaller"),
    ("over_credit", "has 101 samples outstanding, its credit is 100", "wait for `accepted`"),
    ("plays_daemon", "unknown variant `accepted`", "plugin-protocol"),
    ("no_hello_first", "began with `state` where `hello` was due", "first message"),
    ("two_hellos", "said hello twice", ""),
    ("other_name", "the program says that it is `other`, and `test` was started", "manifest"),
    ("other_version", "speaks versions 7 to 9 of the plugin protocol, the daemon 1 to 1", "older"),
    ("long_hello", "describes itself with", "shorten"),
    ("crashes", "exited with code 1; its last words: KeyError: 'host'", ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_plugin_sends_only_its_own_instance_ends() {
    let house = House::new(|options| options.credit = 100);
    let good = house.start("good", "good");
    house.until_state(&good, State::Running).await;
    // A few at a time: starting an interpreter takes a processor.
    for some in CASES.chunks(4) {
        let started = some.iter().map(|case| {
            let mut spec = house.spec(&case.0.replace('_', "-"), case.0);
            spec.auto_restart = false;
            let id = spec.id.clone();
            house.supervisor.start(spec).unwrap();
            (id, case)
        });
        for (id, (script, text, hint)) in started.collect::<Vec<_>>() {
            let snapshot = house.until_state(&id, State::Error).await;
            assert!(snapshot.text.contains(text), "{script}: {}", snapshot.text);
            assert!(snapshot.hint.as_deref().unwrap_or("").contains(hint), "{script}: {:?}", snapshot.hint);
            assert_eq!((snapshot.errors, snapshot.pid), (1, None), "{script}");
        }
    }
    let before = house.snapshot(&good);
    let after = house.until(&good, "still counting", |now| now.samples_in > before.samples_in + 3).await;
    assert_eq!((after.state, after.generation, after.errors), (State::Running, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_the_fault_is_delivered_and_nothing_after() {
    let house = House::new(|_| {});
    let mut spec = house.spec("wrong-batch", "wrong_batch");
    spec.auto_restart = false;
    house.supervisor.start(spec.clone()).unwrap();
    let snapshot = house.until_state(&spec.id, State::Error).await;
    assert_eq!((snapshot.batches, snapshot.samples_in), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_says_hello_is_killed() {
    let house = House::new(|options| options.policy.hello = Duration::from_millis(200));
    let mut spec = house.spec("silent", "silent");
    spec.auto_restart = false;
    house.supervisor.start(spec.clone()).unwrap();
    let snapshot = house.until_state(&spec.id, State::Error).await;
    assert!(snapshot.text.starts_with("has not said hello within 0.2 s"), "{}", snapshot.text);
    assert!(snapshot.hint.unwrap().contains("is it a plugin?"));
}
