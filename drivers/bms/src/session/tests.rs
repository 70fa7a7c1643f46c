//! What is asked when, and what is told of it; on a clock of the test's own.

use std::time::Duration;

use fieldrail_driver::{Outbox, Subscription};
use fieldrail_model::Quality;
use serde_json::json;
use tokio::time::Instant;

use super::{Polled, Session, Task};
use crate::battery::{Need, Reading};
use crate::setup::Setup;

const SECOND: Duration = Duration::from_secs(1);

/// A session whose line is open, and the moment.
fn session(config: &serde_json::Value) -> (Session, Instant) {
    let setup = Setup::new(&serde_json::from_value(config.clone()).unwrap()).unwrap();
    let now = Instant::now();
    let mut session = Session::new(&setup, Outbox::detached(), now);
    for (line, setup) in setup.lines.iter().enumerate() {
        session.connected(line, setup.choices[0], now);
    }
    (session, now)
}

fn subscribe(session: &mut Session, tags: &[&str], now: Instant) {
    let item = |tag: &&str| Subscription { tag: (*tag).into(), pattern: tag.contains('*'), interval_ms: None };
    session.subscribe(tags.iter().map(item).collect(), now);
}

fn reading() -> Reading {
    let mut reading = Reading::default();
    reading.number("voltage", "V", 52.8);
    reading.number("current", "A", 0.0);
    reading.text("model", "test");
    reading
}

/// The next poll of line 0, which is due now, answered with this; what was needed.
#[track_caller]
fn poll(session: &mut Session, now: Instant, answer: Option<Reading>) -> Need {
    let Task::Poll(pack, need) = session.next(0, now) else { panic!("no poll is due") };
    let polled = match answer {
        Some(reading) => Polled::Values { reading, is_identified: need.identity },
        None => Polled::Nothing(fieldrail_driver::Failure::new("it is silent")),
    };
    session.polled(pack, polled, now);
    need
}

#[track_caller]
fn rests(session: &mut Session, now: Instant) -> Duration {
    match session.next(0, now) {
        Task::Rest(Some(until)) => until - now,
        _ => panic!("it does not rest"),
    }
}

#[test]
fn cells_are_asked_for_when_somebody_needs_them_and_every_second_time_for_the_check() {
    let base = json!({ "battery": "jbd", "device": "/dev/x", "poll_ms": 1000 });
    for (more, tags, want) in [
        (json!({}), &["voltage"][..], [true, true, false, true, false]),
        (json!({ "plausibility": false }), &["voltage"], [true, false, false, false, false]),
        (json!({ "plausibility": false }), &["cell_delta"], [true, true, true, true, true]),
        (json!({}), &["**"], [true, true, true, true, true]),
        (json!({}), &[], [true, false, false, false, false]),
    ] {
        let mut config = base.clone();
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (mut session, mut now) = session(&config);
        subscribe(&mut session, tags, now);
        let cells = [(); 5].map(|()| {
            let need = poll(&mut session, now, Some(reading()));
            now += rests(&mut session, now);
            need.cells
        });
        assert_eq!(cells, want, "{more} {tags:?}");
    }
}

#[test]
fn it_is_asked_as_often_as_somebody_needs_and_seldom_if_nobody_does() {
    let (mut session, now) = session(&json!({ "battery": "jbd", "device": "/dev/x", "poll_ms": 2000 }));
    poll(&mut session, now, Some(reading()));
    assert_eq!(rests(&mut session, now), 10 * SECOND);
    subscribe(&mut session, &["voltage"], now);
    assert_eq!(rests(&mut session, now), 2 * SECOND);
    let fast = Subscription { tag: "current".into(), pattern: false, interval_ms: Some(500) };
    session.subscribe(vec![fast], now);
    assert_eq!(rests(&mut session, now), SECOND / 2);
    session.unsubscribe(&["current".into(), "voltage".into()], now);
    let now = now + SECOND / 2;
    poll(&mut session, now, Some(reading()));
    assert_eq!(rests(&mut session, now), 10 * SECOND);
}

#[test]
fn who_does_not_answer_is_asked_once_more_at_once_and_then_less_and_less_often() {
    let (mut session, mut now) = session(&json!({ "battery": "jbd", "device": "/dev/x", "poll_ms": 2000 }));
    poll(&mut session, now, Some(reading()));
    now += rests(&mut session, now);
    assert!(session.packs[0].answers());
    poll(&mut session, now, None);
    assert!(session.packs[0].answers(), "once is a disturbance");
    poll(&mut session, now, None);
    assert!(!session.packs[0].answers());
    let mut waits = Vec::new();
    for _ in 0..7 {
        let wait = rests(&mut session, now);
        waits.push(wait.as_secs());
        now += wait;
        poll(&mut session, now, None);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    now += rests(&mut session, now);
    poll(&mut session, now, Some(reading()));
    assert!(session.packs[0].answers());
}

#[test]
fn a_question_that_a_firmware_never_answers_is_left_out_and_one_that_it_once_answered_is_not() {
    let (mut session, _) = session(&json!({ "battery": "jbd", "device": "/dev/x" }));
    let pack = &mut session.packs[0];
    pack.answered("info", true);
    for _ in 0..10 {
        pack.answered("info", false);
        pack.answered("hardware", false);
    }
    assert!(pack.asks("info") && !pack.asks("hardware") && pack.asks("never heard of"));
}

#[test]
fn what_never_changes_is_asked_for_until_it_was_said_or_a_few_times() {
    let mut nameless = Reading::default();
    nameless.number("voltage", "V", 52.8);
    for (answer, want) in
        [(reading(), [true, false, false, false, false]), (nameless, [true, true, true, false, false])]
    {
        let (mut session, mut now) = session(&json!({ "battery": "jbd", "device": "/dev/x" }));
        let identity = [(); 5].map(|()| {
            let need = poll(&mut session, now, Some(answer.clone()));
            now += rests(&mut session, now);
            need.identity
        });
        assert_eq!(identity, want);
    }
}

#[test]
fn packs_of_a_bus_take_turns_by_who_is_due_longest() {
    let packs = json!([{ "name": "a", "address": 1 }, { "name": "b", "address": 2 }]);
    let (mut session, now) =
        session(&json!({ "battery": "daly", "device": "/dev/x", "packs": packs, "poll_ms": 1000 }));
    subscribe(&mut session, &["a.voltage", "b.voltage"], now);
    let mut order = Vec::new();
    let mut at = now;
    for _ in 0..4 {
        let Task::Poll(pack, _) = session.next(0, at) else { panic!("no poll is due") };
        order.push(pack);
        at += SECOND / 10;
        session.polled(pack, Polled::Values { reading: reading(), is_identified: true }, at);
        if order.len() == 2 {
            at += SECOND;
        }
    }
    assert_eq!(order, [0, 1, 0, 1]);
}

#[test]
fn what_does_not_come_any_more_grows_old_and_what_never_changes_does_not() {
    let (mut session, mut now) = session(&json!({ "battery": "jbd", "device": "/dev/x", "poll_ms": 1000 }));
    subscribe(&mut session, &["**"], now);
    let mut whole = reading();
    whole.number("soc", "%", 50.0);
    let mut without = Reading::default();
    without.number("voltage", "V", 52.8);
    for answer in [&whole, &whole, &whole].into_iter().chain([&without; 8]) {
        // The model comes with the first poll alone.
        let mut answer = answer.clone();
        if session.packs[0].is_known {
            let rest: Vec<_> =
                answer.iter().filter(|(name, _)| *name != "model").map(|(n, d)| (n.to_owned(), d.clone())).collect();
            answer = Reading::default();
            for (name, datum) in rest {
                answer.set(name, datum.unit, datum.value);
            }
        }
        poll(&mut session, now, Some(answer));
        now += rests(&mut session, now);
    }
    let quality = |tag: &str| session.points[tag].last.as_ref().unwrap().quality;
    assert_eq!(quality("voltage"), Quality::Good);
    assert_eq!(quality("model"), Quality::Good);
    assert_eq!(quality("soc"), Quality::LastUsable);
}
