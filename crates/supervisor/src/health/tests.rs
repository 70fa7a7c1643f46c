//! What is found and when, in simulated time.

use fieldrail_model::{Quality, Value};
use fieldrail_wire::daemon::{Subscribe, Subscription, Unsubscribe, Write};
use fieldrail_wire::plugin::{Progress, Written};
use fieldrail_wire::{SampleItem, TagRef, WriteItem};

use super::*;

/// A judged process with a clock of its own.
struct Bench {
    judge: Judge,
    now: Moment,
    sight: Sight,
    turns: u64,
}

const TENTH: Duration = Duration::from_millis(100);

impl Bench {
    /// One that is connected, with these expectations, and of which `x` is asked for.
    fn new(expected: Expected) -> Self {
        let now = Moment::from_hours(3);
        let mut judge = Judge::new(&Policy::default());
        judge.expect(expected, now);
        judge.begin(true, now);
        let sight = Sight { restarts: true, ..Sight::default() };
        let mut bench = Self { judge, now, sight, turns: 0 };
        bench.judge.said(Status::Connected, false, now);
        bench.subscribe("x", None);
        bench
    }

    fn subscribe(&mut self, tag: &str, interval_ms: Option<u32>) {
        let items = vec![Subscription { tag: tag.into(), pattern: false, interval_ms }];
        self.judge.told(&ToPlugin::Subscribe(Subscribe { request: 1, items }), self.now);
    }

    fn sample(&mut self, tag: TagRef, value: impl Into<Value>, quality: Quality) {
        let item = SampleItem { tag, value: value.into(), quality, time: None, note: None, origin: None };
        self.judge.samples(&Samples { batch: 1, tags: vec![], items: vec![item] }, self.now);
    }

    fn value(&mut self, tag: &str, value: i64) {
        self.sample(TagRef::Name(tag.into()), value, Quality::Good);
    }

    fn renew(&mut self, tag: &str) {
        let tags = vec![TagRef::Name(tag.into())];
        self.judge.heard(&FromPlugin::Fresh(Fresh { tags, time: None }), self.now);
    }

    fn write(&mut self, id: u64, ttl_ms: Option<u32>) {
        let tag = TagRef::Name("x".into());
        let item = WriteItem { id, tag, value: 1_i64.into(), ttl_ms, pulse_ms: None, origin: None };
        self.judge.told(&ToPlugin::Write(Write { tags: vec![], items: vec![item] }), self.now);
    }

    /// A tenth of a second in which its loop turns.
    fn step(&mut self) -> Option<Finding> {
        self.now += TENTH;
        self.turns += 1;
        if self.turns.is_multiple_of(50) {
            self.judge.heard(&FromPlugin::Progress(Progress { turns: self.turns }), self.now);
        }
        self.judge.look(&self.sight, self.now)
    }

    /// Steps until something is found; seconds until then, and what it is. None within an hour.
    fn until_found(&mut self, mut each: impl FnMut(&mut Self)) -> Option<(f64, Finding)> {
        let begun = self.now;
        (0..36_000).find_map(|_| {
            each(self);
            let found = self.step()?;
            Some((self.now.saturating_sub(begun).as_secs_f64(), found))
        })
    }

    fn is_well(&mut self) -> bool {
        self.step().is_none()
    }
}

/// It is found after more than the interval and within twice of it.
#[track_caller]
fn check(found: Option<(f64, Finding)>, interval_s: f64, ill: Ill, text: &str) -> Finding {
    let (after, found) = found.expect("nothing was found within an hour");
    assert!(after >= interval_s && after <= 2.0 * interval_s, "found after {after} s");
    assert_eq!((found.ill, found.text("14:02").as_str()), (ill, text));
    found
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn heard(every: u64) -> ExpectedOfTag {
    ExpectedOfTag { heard: Some(seconds(every)), changed: None }
}

fn changed(every: u64) -> ExpectedOfTag {
    ExpectedOfTag { heard: None, changed: Some(seconds(every)) }
}

fn of_tag(name: &str, expected: ExpectedOfTag) -> Expected {
    Expected { tags: [(name.to_owned(), expected)].into(), ..Expected::default() }
}

#[test]
fn a_loop_that_stands_is_named_within_twice_the_heartbeat() {
    let mut bench = Bench::new(Expected::default());
    let want = "has given no sign of life since 14:02, one is due every 5 s; is started again when that lasts 17.5 s";
    let found = bench.until_found(|bench| bench.turns = 1);
    assert!(!check(found, 5.0, Ill::NoBeat, want).hangs, "the life cycle ends it");
    bench.judge.beat(1000, bench.now);
    assert!(bench.is_well());
}

#[test]
fn one_that_reads_nothing_is_named_within_twice_the_heartbeat_and_hangs_then() {
    let mut bench = Bench::new(Expected::default());
    // It reads a little of what waits: slow, and well.
    for second in 0..60 {
        bench.judge.reads(second, 4096, bench.now);
        assert!((0..10).all(|_| bench.is_well()));
    }
    let want = "has read nothing of what it is told since 14:02; is started again when that lasts 17.5 s";
    let found = bench.until_found(|bench| bench.judge.reads(59, 5000, bench.now));
    assert!(!check(found, 5.0, Ill::Deaf, want).hangs);
    let found = (0..100).find_map(|_| bench.step().filter(|found| found.hangs));
    assert_eq!(
        found.map(|found| found.reason("14:02")),
        Some("has read nothing of what it is told since 14:02".into())
    );
    bench.judge.reads(5059, 0, bench.now);
    assert!(bench.is_well());
}

#[test]
fn one_that_turns_in_a_circle_is_named_within_twice_the_heartbeat_and_hangs_then() {
    let mut bench = Bench::new(Expected::default());
    bench.sight.busy = Some(0.95);
    // It is busy and sends.
    for n in 0..600 {
        bench.value("x", n % 2);
        assert!(bench.is_well());
    }
    bench.sight.restarts = false;
    let want = "has burnt processor time and finished nothing since 14:02; is not started again by itself, since \
                `health.auto_restart` is off";
    check(bench.until_found(|_| {}), 5.0, Ill::Spinning, want);
    let hangs = (0..110).filter_map(|_| bench.step()).filter(|found| found.hangs).count();
    assert!(hangs > 0);
    bench.value("x", 1);
    assert!(bench.is_well());
    // One that serves others than us, and one that nobody asks for anything, are busy and well.
    for sent in 0..600 {
        bench.sight.sent_bytes = Some(sent);
        assert!(bench.is_well());
    }
    bench.judge.told(&ToPlugin::Unsubscribe(Unsubscribe { tags: vec!["X".into()] }), bench.now);
    assert!((0..600).all(|_| bench.is_well()));
}

#[test]
fn a_write_without_an_end_is_named_within_twice_its_time_to_live() {
    for (ttl_ms, interval_s) in [(None, 5.0), (Some(100), 5.0), (Some(60_000), 60.0)] {
        let mut bench = Bench::new(Expected::default());
        (1..10).for_each(|id| bench.write(id, ttl_ms));
        let confirmed = vec![(1, 1), (3, 8)];
        bench.judge.heard(&FromPlugin::Written(Written { confirmed, ..Written::default() }), bench.now);
        let want = "2 writes have had no end since 14:02; they may have reached the device or not; those of durable \
                    routes are sent again";
        check(bench.until_found(|_| {}), interval_s, Ill::Owing, want);
        bench.judge.heard(&FromPlugin::Written(Written { expired: vec![2, 9], ..Written::default() }), bench.now);
        assert!(bench.is_well());
    }
}

#[test]
fn a_lost_write_is_not_named_for_ever() {
    let mut bench = Bench::new(Expected::default());
    bench.write(1, None);
    let named = (0..36_000).filter(|_| !bench.is_well()).count();
    assert_eq!(Duration::from_millis(named as u64 * 100), Duration::from_mins(5));
}

#[test]
fn a_connected_and_silent_one_is_named_within_twice_its_interval() {
    let want = |every: &str| {
        format!(
            "is connected, and nothing has come from its device since 14:02, something should every {every} s; it is \
             watched on, and the next value ends this"
        )
    };
    for interval in [1, 10, 600] {
        let mut bench = Bench::new(Expected { heard: Some(seconds(interval)), ..Expected::default() });
        for _ in 0..1000 {
            bench.renew("x");
            assert!(bench.is_well());
        }
        check(bench.until_found(|_| {}), interval as f64, Ill::Silent, &want(&interval.to_string()));
        bench.renew("x");
        assert!(bench.is_well());
    }
    // The interval may come from a subscription or from a deadline of a tag that was never sent.
    let mut bench = Bench::new(Expected::default());
    bench.subscribe("y", Some(7500));
    assert_eq!(bench.until_found(|_| {}), None, "of one that never renews that says nothing");
    bench.renew("y");
    check(bench.until_found(|_| {}), 7.5, Ill::Silent, &want("7.5"));
    let mut bench = Bench::new(of_tag("x", heard(7)));
    check(bench.until_found(|_| {}), 7.0, Ill::Silent, &want("7"));
}

#[test]
fn nobody_is_silent_who_is_not_asked_not_linked_paused_or_kept_waiting() {
    let expected = Expected { heard: Some(seconds(10)), changed: Some(seconds(10)), ..Expected::default() };
    let mut bench = Bench::new(expected.clone());
    bench.judge.told(&ToPlugin::Unsubscribe(Unsubscribe { tags: vec!["x".into()] }), bench.now);
    assert_eq!(bench.until_found(|_| {}), None);
    let mut bench = Bench::new(expected.clone());
    bench.judge.said(Status::Degraded, false, bench.now);
    assert_eq!(bench.until_found(|_| {}), None);
    // Over the second end point values come as over the first.
    bench.judge.said(Status::Degraded, true, bench.now);
    assert!(bench.judge.is_linked() && bench.until_found(|_| {}).is_some());
    let mut bench = Bench::new(expected.clone());
    bench.judge.told(&ToPlugin::Pause(fieldrail_wire::daemon::Empty {}), bench.now);
    assert_eq!(bench.until_found(|_| {}), None);
    let mut bench = Bench::new(expected);
    bench.sight.is_kept_waiting = true;
    assert_eq!(bench.until_found(|_| {}), None);
}

#[test]
fn one_tag_that_is_not_renewed_is_named_beside_others_that_are() {
    // In any case of letters, and by number: the first one was declared before anything was expected.
    let mut bench = Bench::new(Expected::default());
    bench.judge.expect(of_tag("main.x", heard(10)), bench.now);
    let item = |number| SampleItem {
        tag: TagRef::Number(number),
        value: 1_i64.into(),
        quality: Quality::Good,
        time: None,
        note: None,
        origin: None,
    };
    let batch = Samples { batch: 1, tags: vec![(8, "MAIN.y".into())], items: vec![item(7), item(8)] };
    assert_eq!(bench.judge.unknown(&batch), [7]);
    bench.judge.learn(7, Some("MAIN.x"));
    bench.judge.samples(&batch, bench.now);
    assert_eq!(bench.judge.unknown(&batch), [] as [u32; 0]);
    let want = "`main.x` has been neither sent nor renewed since 14:02, it should be every 10 s; it is watched on, and \
                the next value ends this";
    check(bench.until_found(|bench| bench.renew("MAIN.y")), 10.0, Ill::Silent, want);
    bench.sample(TagRef::Number(7), Value::Null, Quality::NotFound);
    assert_eq!(bench.until_found(|bench| bench.renew("MAIN.y")), None, "what is bad says so itself");
}

#[test]
fn frozen_values_are_named_within_twice_their_interval() {
    let want = "none of its values has changed since 14:02, one should within 30 s; it is watched on, and the next \
                change ends this";
    let mut bench = Bench::new(Expected { changed: Some(seconds(30)), ..Expected::default() });
    for n in 0..1000 {
        // One flag that never changes beside one that does.
        bench.value("flag", 1);
        bench.value("x", n / 200);
        assert!(bench.is_well());
    }
    let mut bench = Bench::new(Expected { changed: Some(seconds(30)), ..Expected::default() });
    let found = bench.until_found(|bench| {
        bench.value("flag", 1);
        bench.value("x", 5);
    });
    check(found, 30.0, Ill::Frozen, want);
    bench.value("x", 6);
    assert!(bench.is_well());
    let want =
        "`x` has not changed since 14:02, it should within 30 s; it is watched on, and the next change ends this";
    let mut bench = Bench::new(of_tag("x", changed(30)));
    let found = bench.until_found(|bench| {
        bench.value("x", 5);
        bench.value("y", i64::try_from(bench.turns).unwrap());
    });
    check(found, 30.0, Ill::Frozen, want);
    bench.value("x", 6);
    assert!(bench.is_well());
}

#[test]
fn time_in_which_it_was_held_back_counts_for_nothing() {
    // A twentieth of a core: of each tenth of a second it gets 5 ms.
    let mut bench =
        Bench::new(Expected { heard: Some(seconds(10)), changed: Some(seconds(10)), ..Expected::default() });
    bench.sight.busy = Some(1.0);
    bench.judge.reads(0, 100, bench.now);
    for _ in 0..1000 {
        bench.turns = 1;
        bench.judge.held_back(Duration::from_millis(95), bench.now);
        assert!(bench.is_well());
    }
    assert!(bench.until_found(|bench| bench.turns = 1).is_some(), "and then it counts again");
}

#[test]
fn after_a_standstill_everybody_begins_anew() {
    let mut bench =
        Bench::new(Expected { heard: Some(seconds(10)), changed: Some(seconds(10)), ..Expected::default() });
    bench.write(1, None);
    bench.judge.reads(0, 100, bench.now);
    bench.sight.busy = Some(1.0);
    for _ in 0..3 {
        bench.now += Duration::from_hours(8);
        bench.judge.woke(bench.now);
        assert!((0..70).all(|_| bench.is_well()));
    }
    bench.now += Duration::from_hours(8);
    assert!(!bench.is_well(), "a standstill that nobody notices is none");
}
