//! The life cycle in simulated time.

use fieldrail_wire::plugin::{self, Status};
use proptest::prelude::*;

use super::*;
use crate::health::Ill;

/// A life with a clock of its own, and what it last asked for.
struct Bench {
    life: Life,
    now: Moment,
    asked: Vec<Action>,
}

impl Bench {
    fn new(auto_restart: bool) -> Self {
        Self { life: Life::new(Policy::default(), auto_restart, 7), now: Moment::from_secs(1), asked: vec![] }
    }

    /// One that runs.
    fn running(auto_restart: bool) -> Self {
        let mut bench = Self::new(auto_restart);
        bench.tell(Event::StartAsked).tell(Event::Spawned).tell(Event::Greeted).say(Status::Connected, "");
        bench.asked.clear();
        bench
    }

    fn tell(&mut self, event: Event) -> &mut Self {
        self.asked.extend(self.life.handle(event, self.now));
        self
    }

    fn say(&mut self, status: Status, text: &str) -> &mut Self {
        self.tell(Event::Said(plugin::State { status, text: text.into(), hint: None, answers: false }))
    }

    fn exit(&mut self, text: &str) -> &mut Self {
        self.tell(Event::Exited(Reason::new(text)))
    }

    /// Lets time pass, with every tick in its place.
    fn pass(&mut self, time: Duration) -> &mut Self {
        let end = self.now + time;
        while let Some(due) = self.life.deadline()
            && due <= end
        {
            self.now = self.now.max(due);
            self.tell(Event::Tick);
            assert!(self.life.deadline().is_none_or(|next| next > self.now), "a deadline that stays due");
        }
        self.now = end;
        self
    }

    /// Until the next deadline.
    fn wait(&self) -> Duration {
        self.life.deadline().unwrap().saturating_sub(self.now)
    }

    fn seconds(&mut self, seconds: u64) -> &mut Self {
        self.pass(Duration::from_secs(seconds))
    }

    #[track_caller]
    fn check(&mut self, state: State, text: &str, asked: &[Action]) -> &mut Self {
        let shown = self.life.shown();
        assert_eq!((shown.state, shown.text.as_str()), (state, text));
        assert!(
            !shown.causes.is_empty() && shown.causes.iter().all(|cause| shown.text.contains(&cause.text)),
            "{shown:?}"
        );
        assert_eq!(self.asked, asked);
        self.asked.clear();
        self
    }
}

const SOFT: Action = Action::SoftStop { within: Duration::from_secs(3) };
const STOP: Event = Event::StopAsked { within: Duration::from_secs(3) };

#[test]
fn a_good_plugin_starts_runs_and_stops() {
    let mut bench = Bench::new(true);
    bench.check(State::Stopped, "is not started", &[]);
    bench.tell(Event::StartAsked).check(State::Starting, "is being started", &[Action::Spawn]);
    bench.tell(Event::Spawned).check(State::Starting, "was started, has not said hello yet", &[]);
    bench.tell(Event::Greeted).check(State::Starting, "has said hello", &[]);
    bench.say(Status::Connecting, "dials").check(State::Starting, "dials", &[]);
    bench.say(Status::Connected, "").check(State::Running, "runs", &[]);
    bench.tell(STOP).check(State::Stopping, "was asked to end", &[SOFT]);
    bench.seconds(2).exit("exited with code 0").check(State::Stopped, "was stopped", &[]);
    assert_eq!(bench.life.errors(), (0, None));
}

#[test]
fn one_that_does_not_end_in_time_is_killed() {
    let mut bench = Bench::running(true);
    bench.tell(STOP).seconds(3).check(State::Stopping, "was asked to end", &[SOFT, Action::Kill]);
    bench.exit("was ended by signal 9").check(
        State::Stopped,
        "was stopped; it did not end in time and was killed",
        &[],
    );
}

#[test]
fn without_a_hello_it_is_killed_after_ten_seconds_and_starts_again() {
    let mut bench = Bench::new(true);
    bench.tell(Event::StartAsked).tell(Event::Spawned).pass(Duration::from_millis(9_999));
    bench.check(State::Starting, "was started, has not said hello yet", &[Action::Spawn]);
    bench.pass(Duration::from_millis(1)).check(State::Stopping, "has not said hello within 10 s", &[Action::Kill]);
    bench.exit("was ended by signal 9").seconds(1).check(State::Starting, "is being started", &[Action::Spawn]);
    assert_eq!(bench.life.errors(), (1, Some("has not said hello within 10 s")));
}

#[test]
fn a_crash_is_back_within_three_seconds_and_the_next_ones_wait_longer() {
    let mut bench = Bench::running(true);
    let mut waits = vec![];
    for _ in 0..5 {
        bench.exit("exited with code 1");
        let wait = bench.wait();
        waits.push(wait.as_millis());
        bench.pass(wait).tell(Event::Spawned).tell(Event::Greeted);
    }
    for (wait, most) in waits.iter().zip([250, 500, 1000, 2000, 4000]) {
        assert!((most * 3 / 4..=most).contains(wait), "{waits:?}");
    }
}

#[test]
fn waits_end_at_the_longest_one() {
    let policy = Policy::default();
    assert_eq!(policy.wait(7, 0.0), Duration::from_secs(30));
    assert_eq!(policy.wait(u32::MAX, 1.0), Duration::from_millis(22_500));
}

#[test]
fn a_settled_run_begins_again_with_the_first_wait() {
    let mut bench = Bench::running(true);
    for (ran, most) in [(0, 250), (0, 500), (61, 250)] {
        // Beats keep it from being taken for hung.
        for turns in 0..ran {
            bench.seconds(1).tell(Event::Beat(turns));
        }
        bench.exit("exited with code 1");
        let wait = bench.wait();
        assert!(wait <= Duration::from_millis(most), "{wait:?} after {ran} s");
        bench.pass(wait).tell(Event::Spawned).tell(Event::Greeted).say(Status::Connected, "");
    }
}

#[test]
fn more_than_five_crashes_in_ten_minutes_are_an_error_until_a_person_acts() {
    let mut bench = Bench::running(true);
    for _ in 0..5 {
        bench.exit("exited with code 1").seconds(40).tell(Event::Spawned);
    }
    bench.asked.clear();
    bench.exit("exited with code 7");
    bench.check(State::Error, "failed 6 times within 10 minutes, the last time: exited with code 7", &[]);
    bench.seconds(100_000).check(
        State::Error,
        "failed 6 times within 10 minutes, the last time: exited with code 7",
        &[],
    );
    bench.tell(Event::StartAsked).tell(Event::Spawned).exit("exited with code 8").seconds(1);
    bench.check(State::Starting, "is being started", &[Action::Spawn, Action::Spawn]);
}

#[test]
fn crashes_over_a_long_time_are_no_error() {
    let mut bench = Bench::running(true);
    for _ in 0..50 {
        bench.exit("exited with code 1").seconds(121).tell(Event::Spawned);
    }
    assert_eq!(bench.life.shown().state, State::Starting);
}

#[test]
fn without_automatic_restart_a_crash_is_an_error() {
    let want = "exited with code 1; it is configured not to start again by itself";
    Bench::running(false).exit("exited with code 1").seconds(100).check(State::Error, want, &[]);
}

#[test]
fn a_missed_pulse_kills_and_a_rising_one_does_not() {
    let mut bench = Bench::running(true);
    for turns in 1..20 {
        bench.seconds(5).tell(Event::Beat(turns));
    }
    bench.check(State::Running, "runs", &[]);
    for _ in 0..3 {
        bench.seconds(5).tell(Event::Beat(19));
    }
    bench.check(State::Running, "runs", &[]);
    let want = "hangs: missed 3 heartbeats, no progress for 17.5 s";
    bench.pass(Duration::from_millis(2_500)).check(State::Stopping, want, &[Action::Kill]);
    bench.exit("was ended by signal 9").seconds(1).check(State::Starting, "is being started", &[Action::Spawn]);
}

#[test]
fn without_automatic_restart_a_missed_pulse_degrades_until_the_next_one() {
    let mut bench = Bench::running(false);
    bench.seconds(60).check(State::Degraded, "hangs: missed 3 heartbeats, no progress for 17.5 s", &[]);
    bench.tell(Event::Beat(1)).check(State::Running, "runs", &[]);
    bench.tell(Event::Stalled).check(State::Degraded, "has not read what it is told for 17.5 s", &[]);
    bench.tell(Event::Beat(2)).check(State::Degraded, "has not read what it is told for 17.5 s", &[]);
    bench.tell(Event::Flowing).check(State::Running, "runs", &[]);
}

#[test]
fn a_pause_of_the_daemon_itself_is_no_missed_pulse() {
    let mut bench = Bench::running(true);
    bench.now += Duration::from_hours(1);
    bench.tell(Event::Tick).check(State::Running, "runs", &[]);
}

#[test]
fn connecting_for_long_and_saying_nothing_is_degraded() {
    let mut bench = Bench::running(true);
    bench.say(Status::Connecting, "dials").seconds(9).check(State::Starting, "dials", &[]);
    bench.say(Status::Connecting, "dials again").seconds(1).check(State::Degraded, "dials again", &[]);
    bench.say(Status::Connected, "").check(State::Running, "runs", &[]);
    let mut bench = Bench::new(true);
    bench.tell(Event::StartAsked).tell(Event::Spawned).tell(Event::Greeted).seconds(10);
    bench.check(State::Degraded, "has not said within 10 s how its link stands", &[Action::Spawn]);
}

#[test]
fn what_the_plugin_says_of_its_trouble_is_shown_and_counted_once() {
    let mut bench = Bench::running(true);
    bench.say(Status::Degraded, "no route").say(Status::Degraded, "no route, next try in 8 s");
    bench.check(State::Degraded, "no route, next try in 8 s", &[]);
    assert_eq!(bench.life.errors(), (1, Some("no route")));
}

#[test]
fn a_plugin_that_failed_and_exited_names_its_own_reason() {
    let mut bench = Bench::running(true);
    bench.say(Status::Failed, "wrong at `host`").exit("exited with code 1");
    assert_eq!(bench.life.errors(), (2, Some("wrong at `host` (exited with code 1)")));
}

#[test]
fn half_a_frame_at_the_end_is_part_of_the_reason() {
    let mut bench = Bench::running(true);
    bench.tell(Event::Closed { half: 12 }).exit("exited with code 0");
    let want = "exited with code 0, in the middle of a frame of which 12 bytes had come";
    assert_eq!(bench.life.errors(), (1, Some(want)));
}

#[test]
fn one_that_closes_stdout_and_lives_is_killed() {
    let mut bench = Bench::running(true);
    let want = "closed its stdout and runs on";
    bench.tell(Event::Closed { half: 0 }).seconds(1).check(State::Stopping, want, &[Action::Kill]);
}

#[test]
fn a_refused_plugin_is_not_tried_again() {
    let mut bench = Bench::new(true);
    bench.tell(Event::StartAsked).tell(Event::Spawned).tell(Event::Refused(Reason::new("wrong name"))).seconds(1);
    bench.check(State::Stopping, "wrong name", &[Action::Spawn, Action::Kill]);
    bench.exit("was ended by signal 9").seconds(1000).check(State::Error, "wrong name", &[]);
}

#[test]
fn kill_counts_as_a_crash_and_after_stop_it_only_hurries() {
    let mut bench = Bench::running(true);
    bench.tell(Event::KillAsked).check(State::Stopping, "was killed on request", &[Action::Kill]);
    bench.exit("was ended by signal 9").seconds(1).check(State::Starting, "is being started", &[Action::Spawn]);
    let mut bench = Bench::running(true);
    bench.tell(STOP).tell(Event::KillAsked).check(State::Stopping, "was asked to end", &[SOFT, Action::Kill]);
    bench.exit("was ended by signal 9").check(State::Stopped, "was stopped", &[]);
}

#[test]
fn a_stop_while_it_waits_or_is_being_started_wins() {
    let mut bench = Bench::running(true);
    bench.exit("exited with code 1").tell(STOP).seconds(100).check(State::Stopped, "was stopped", &[]);
    let mut bench = Bench::new(true);
    bench.tell(Event::StartAsked).tell(STOP).tell(Event::Spawned);
    bench.check(State::Stopping, "was asked to end", &[Action::Spawn, Action::Kill]);
    bench.exit("was ended by signal 9").check(State::Stopped, "was stopped", &[]);
}

#[test]
fn restart_ends_softly_and_starts_the_next_one_at_once() {
    let mut bench = Bench::running(true);
    bench.tell(Event::RestartAsked).check(State::Stopping, "was asked to end and will start again", &[SOFT]);
    bench.exit("exited with code 0").check(State::Starting, "is being started", &[Action::Spawn]);
    assert_eq!(bench.life.errors(), (0, None));
}

fn any_event() -> impl Strategy<Value = Event> {
    let status =
        prop_oneof![Just(Status::Connecting), Just(Status::Connected), Just(Status::Degraded), Just(Status::Failed)];
    let reason = || Reason::new("because");
    prop_oneof![
        3 => Just(Event::StartAsked),
        1 => (0_u64..5).prop_map(|s| Event::StopAsked { within: Duration::from_secs(s) }),
        1 => Just(Event::RestartAsked),
        1 => Just(Event::KillAsked),
        3 => Just(Event::Spawned),
        1 => Just(Event::SpawnFailed(reason())),
        3 => Just(Event::Greeted),
        2 => status.prop_map(|status| Event::Said(plugin::State { status, text: "says".into(), hint: None, answers: false })),
        2 => (0_u64..100).prop_map(Event::Beat),
        1 => Just(Event::Stalled),
        1 => Just(Event::Flowing),
        1 => Just(Event::Broken(reason())),
        1 => Just(Event::OverLimit(reason())),
        1 => Just(Event::Suspend(State::SuspendedBySpam, reason())),
        1 => Just(Event::Suspend(State::SuspendedByLimit, reason())),
        1 => (0_u64..200).prop_map(|ms| Event::HeldBack(Duration::from_millis(ms))),
        1 => Just(Event::Woke),
        1 => Just(Event::Found(None)),
        1 => Just(ails(Ill::Silent, None)),
        1 => Just(ails(Ill::Deaf, Some("is deaf"))),
        1 => Just(Event::Refused(reason())),
        1 => (0_usize..2).prop_map(|half| Event::Closed { half }),
        3 => Just(Event::Exited(reason())),
        3 => Just(Event::Tick),
    ]
}

#[test]
fn what_floods_ends_in_order_and_stays_suspended_until_a_person_acts() {
    let mut bench = Bench::running(true);
    bench.tell(Event::Suspend(State::SuspendedBySpam, Reason::new("sent too much")));
    bench.check(State::Stopping, "sent too much", &[SOFT]);
    bench.exit("exited with code 0").check(State::SuspendedBySpam, "sent too much", &[]);
    bench.seconds(100_000).check(State::SuspendedBySpam, "sent too much", &[]);
    assert!(bench.life.is_down());
    assert_eq!(bench.life.errors(), (1, Some("sent too much")));
    bench.tell(Event::RestartAsked).check(State::Starting, "is being started", &[Action::Spawn]);
}

/// The sentences of why it is in its state: code, what stands in them.
fn sentences(life: &Life) -> Vec<String> {
    let words = |cause: Cause| {
        let with: Vec<String> = cause.with.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}", cause.code, with.join(" ")).trim().to_owned()
    };
    life.shown().causes.into_iter().map(words).collect()
}

#[test]
fn a_cause_comes_sentence_by_sentence_so_that_it_can_be_said_in_another_language() {
    let mut bench = Bench::new(true);
    assert_eq!(sentences(&bench.life), ["not_started"]);
    bench.tell(Event::StartAsked).tell(Event::Spawned).tell(Event::Greeted).say(Status::Connected, "to 10.0.0.7");
    assert_eq!(bench.life.shown().causes, [Cause::said("to 10.0.0.7")], "the words of a plugin have no code");
    bench.tell(STOP).seconds(3).exit("was ended by signal 9");
    assert_eq!(sentences(&bench.life), ["stopped", "ended_late"]);
    let mut bench = Bench::running(true);
    bench.tell(Event::KillAsked).exit("was ended by signal 9");
    assert!(
        matches!(&*sentences(&bench.life), [killed, again] if killed == "killed" && again.starts_with("starts_again seconds="))
    );
    let mut bench = Bench::running(true);
    for _ in 0..6 {
        bench.tell(Event::Exited(Reason::of(Cause::plain("exited", "exited with code 1").with("code", &1))));
        if !bench.life.is_down() {
            let wait = bench.wait();
            bench.pass(wait).tell(Event::Spawned);
        }
    }
    assert_eq!(sentences(&bench.life), ["gave_up times=6 minutes=10", "exited code=1"]);
}

#[test]
fn what_takes_too_much_memory_is_killed_at_once_and_starts_again_with_a_pause() {
    let mut bench = Bench::running(true);
    bench.tell(Event::OverLimit(Reason::new("takes 130 MB"))).check(State::Stopping, "takes 130 MB", &[Action::Kill]);
    bench.exit("was ended by signal 9");
    assert!(bench.life.shown().text.starts_with("takes 130 MB; starts again in"), "{:?}", bench.life.shown());
    let mut bench = Bench::running(true);
    bench.tell(Event::Suspend(State::SuspendedByLimit, Reason::new("again"))).check(
        State::Stopping,
        "again",
        &[Action::Kill],
    );
    bench.exit("was ended by signal 9").check(State::SuspendedByLimit, "again", &[]);
    bench.tell(STOP).check(State::Stopped, "was stopped", &[]);
}

fn ails(ill: Ill, ends_for: Option<&str>) -> Event {
    let ends_for = ends_for.map(Into::into);
    Event::Found(Some(Ailment {
        ill,
        text: "is ill since 14:02; is watched".into(),
        cause: Cause::said("is ill since 14:02; is watched"),
        hint: "look",
        ends_for,
    }))
}

#[test]
fn one_that_is_ill_and_whose_device_answers_is_linked() {
    let mut bench = Bench::running(true);
    for ill in [Ill::Silent, Ill::Frozen, Ill::Owing, Ill::NoBeat, Ill::Deaf, Ill::Spinning] {
        bench.tell(ails(ill, None)).check(State::Degraded, "is ill since 14:02; is watched", &[]);
        assert!(bench.life.is_linked());
        // Each time anew.
        bench.tell(ails(ill, None)).tell(Event::Found(None)).check(State::Running, "runs", &[]);
    }
    assert_eq!(bench.life.errors(), (6, Some("is ill since 14:02; is watched")));
    let makes_do = plugin::State { status: Status::Degraded, text: "second".into(), hint: None, answers: true };
    bench.tell(Event::Said(makes_do)).check(State::Degraded, "second", &[]);
    assert!(bench.life.is_linked());
    // What the plugin itself says of its link goes before what is wrong with its values.
    bench.say(Status::Degraded, "waits").tell(ails(Ill::Silent, None)).check(State::Degraded, "waits", &[]);
    assert!(!bench.life.is_linked());
}

#[test]
fn one_that_hangs_is_started_again_or_stays_named() {
    let mut bench = Bench::running(true);
    bench.tell(ails(Ill::Deaf, Some("is deaf"))).check(State::Stopping, "is deaf", &[Action::Kill]);
    bench.exit("was ended by signal 9").seconds(1).check(State::Starting, "is being started", &[Action::Spawn]);
    let mut bench = Bench::running(false);
    bench.tell(ails(Ill::Deaf, Some("is deaf"))).check(State::Degraded, "is ill since 14:02; is watched", &[]);
    bench.tell(Event::Found(None)).check(State::Running, "runs", &[]);
}

#[test]
fn after_a_standstill_nobody_is_late() {
    let mut bench = Bench::running(true);
    bench.seconds(10);
    // Twelve seconds more without us: just over three heartbeats.
    bench.now += Duration::from_secs(12);
    bench.tell(Event::Woke).tell(Event::Stalled).tell(Event::Tick).check(State::Running, "runs", &[]);
    bench.seconds(17).check(State::Running, "runs", &[]);
    bench.seconds(1).check(State::Stopping, "hangs: missed 3 heartbeats, no progress for 17.5 s", &[Action::Kill]);
    // One that was told to end gets its time again.
    let mut bench = Bench::running(true);
    bench.tell(STOP);
    bench.now += Duration::from_hours(1);
    bench.tell(Event::Woke).tell(Event::Tick).check(State::Stopping, "was asked to end", &[SOFT]);
    bench.seconds(3).check(State::Stopping, "was asked to end", &[Action::Kill]);
}

#[test]
fn the_time_in_which_it_was_held_back_is_no_silence() {
    // A twentieth of a core: of each second it gets 50 ms, so a heartbeat comes when it can.
    let mut bench = Bench::running(true);
    for _ in 0..600 {
        bench.tell(Event::HeldBack(Duration::from_millis(95))).tell(Event::Stalled);
        bench.pass(Duration::from_millis(100));
        bench.check(State::Running, "runs", &[]);
    }
    // And who was held back a little hangs as before.
    let mut bench = Bench::running(true);
    for _ in 0..250 {
        bench.tell(Event::HeldBack(Duration::from_millis(10))).pass(Duration::from_millis(100));
    }
    assert_eq!(bench.asked, [Action::Kill]);
}

proptest! {
    #[test]
    fn whatever_happens_there_is_one_process_at_most_and_stop_means_stop(
        auto_restart in any::<bool>(),
        steps in prop::collection::vec((any_event(), 0_u64..20_000), 0..200),
    ) {
        let mut life = Life::new(Policy::default(), auto_restart, 1);
        let mut now = Moment::ZERO;
        // What the world has: none, asked for (false), alive (true).
        let mut process: Option<bool> = None;
        let mut wanted = false;
        for (event, ms) in steps {
            now += Duration::from_millis(ms);
            match (&event, process) {
                // The world does not end or make what it does not have.
                (Event::Spawned, Some(false)) => process = Some(true),
                (Event::SpawnFailed(_), Some(false)) | (Event::Exited(_), Some(true)) => process = None,
                (Event::Spawned | Event::SpawnFailed(_) | Event::Exited(_), _) => continue,
                (Event::StartAsked | Event::RestartAsked, _) => wanted = true,
                (Event::StopAsked { .. }, _) => wanted = false,
                _ => {}
            }
            match life.handle(event, now) {
                Some(Action::Spawn) => {
                    prop_assert!(process.is_none(), "a second process");
                    prop_assert!(wanted, "a start that nobody wants");
                    process = Some(false);
                }
                Some(Action::Kill | Action::SoftStop { .. }) => prop_assert_eq!(process, Some(true)),
                None => {}
            }
            let shown = life.shown();
            prop_assert!(!shown.text.is_empty());
            let suspended = matches!(shown.state, State::SuspendedBySpam | State::SuspendedByLimit);
            prop_assert_eq!(life.is_down(), suspended || matches!(shown.state, State::Stopped | State::Error));
            if life.is_down() {
                prop_assert_eq!((process, life.deadline()), (None, None));
            } else if process.is_none() {
                prop_assert!(life.deadline().is_some(), "nobody would ever start it again");
            }
            prop_assert!(!wanted || shown.state != State::Stopped);
        }
    }
}

/// What kind of fault follows from this, once; none if nobody did anything wrong.
#[track_caller]
fn check_fault(events: &[Event], want: Option<(FaultKind, &str)>) {
    let mut bench = Bench::running(true);
    let mut faults = Vec::new();
    for event in events {
        bench.tell(event.clone());
        faults.extend(bench.life.take_fault());
    }
    let got: Vec<_> = faults.iter().map(|fault| (fault.kind, fault.text.as_str())).collect();
    assert_eq!(got, want.into_iter().collect::<Vec<_>>(), "{events:?}");
}

#[test]
fn what_goes_wrong_is_told_once_and_by_its_kind() {
    let exit = || Event::Exited(Reason::new("exited with code 1"));
    let why = |text: &str| Reason::new(text);
    check_fault(&[exit()], Some((FaultKind::Crash, "exited with code 1")));
    check_fault(&[Event::Broken(why("garbled")), exit()], Some((FaultKind::Protocol, "garbled")));
    check_fault(&[Event::OverLimit(why("took 9 MB")), exit()], Some((FaultKind::Limit, "took 9 MB")));
    check_fault(&[Event::Suspend(State::SuspendedBySpam, why("sent")), exit()], Some((FaultKind::Limit, "sent")));
    check_fault(&[Event::Stalled, exit()], Some((FaultKind::Hang, "has not read what it is told for 17.5 s")));
    check_fault(&[Event::KillAsked, exit()], Some((FaultKind::Asked, "was killed on request")));
    check_fault(&[Event::StopAsked { within: Duration::from_secs(1) }, exit()], None);
    check_fault(&[Event::RestartAsked, exit()], None);
    let refused = [Event::RestartAsked, exit(), Event::SpawnFailed(why("no such file"))];
    check_fault(&refused, Some((FaultKind::Start, "no such file")));
}
