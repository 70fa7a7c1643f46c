//! The session in simulated time, against units that the test plays: what is asked when, and what follows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::codec::pdu::{Exception, Table};
use crate::config::Config;

/// How long an answer takes, and how long nothing takes.
const ANSWER: Duration = Duration::from_millis(20);

/// A line with units that answer or do not, in a time of its own.
struct Play {
    session: Session,
    now: Instant,
    dead: HashSet<u8>,
    /// When the dead return.
    revive: Option<Instant>,
    /// Holding registers that are not there.
    holes: Vec<u16>,
    /// A gateway says for the dead that they do not answer.
    gateway: bool,
    /// What each unit was asked, in order.
    asked: Vec<(u8, Request)>,
    answers: HashMap<u8, usize>,
}

impl Play {
    fn new(config: serde_json::Value) -> Self {
        let config: Config = serde_json::from_value(config).unwrap();
        let setup = Setup::new(&config).unwrap();
        let mut session = Session::new(&setup, Outbox::detached());
        let now = Instant::now();
        session.connected(now);
        Self {
            session,
            now,
            dead: HashSet::new(),
            revive: None,
            holes: Vec::new(),
            gateway: false,
            asked: Vec::new(),
            answers: HashMap::new(),
        }
    }

    fn subscribe(&mut self, pattern: &str, every_ms: Option<u32>) {
        let item = Subscription { tag: pattern.into(), pattern: pattern.contains('*'), interval_ms: every_ms };
        let answers = self.session.subscribe(vec![item]);
        assert!(answers.iter().all(|item| item.failure.is_none()), "{answers:?}");
    }

    /// Lets the line run for so long.
    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            match self.session.next(self.now) {
                Next::Ask(job) => self.answer(*job),
                Next::Rest(next) => {
                    self.now = next.map_or(until, |next| next.max(self.now + Duration::from_millis(1))).min(until);
                }
            }
        }
    }

    fn answer(&mut self, job: Job) {
        let begun = self.now;
        if self.revive.take_if(|time| *time <= begun).is_some() {
            self.dead.clear();
            self.asked.clear();
        }
        self.asked.push((job.number, job.request.clone()));
        let outcome = if self.gateway && self.dead.contains(&job.number) {
            self.now += ANSWER;
            let exception = Exception::NO_ANSWER;
            Ok(Answer { response: Response::Refused { function: job.request.function(), exception }, took: ANSWER })
        } else if self.dead.contains(&job.number) {
            self.now += job.patience;
            Err(Trouble::Silent(job.patience))
        } else {
            self.now += ANSWER;
            *self.answers.entry(job.number).or_default() += 1;
            Ok(Answer { response: self.response(&job.request), took: ANSWER })
        };
        self.session.done(job, outcome, begun, self.now);
    }

    fn response(&self, request: &Request) -> Response {
        match *request {
            Request::Read { table, start, count } if !table.is_bits() => {
                if self.holes.iter().any(|hole| (start..start + count).contains(hole)) {
                    return Response::Refused {
                        function: table.read_function(),
                        exception: Exception::ILLEGAL_ADDRESS,
                    };
                }
                Response::Registers { table, values: (start..start + count).collect() }
            }
            Request::WriteRegister { address, value } => Response::WroteRegister { address, value },
            _ => panic!("{request:?}"),
        }
    }

    /// How often each row of registers was read since the last look.
    fn rows(&mut self) -> Vec<(u8, u16, u16)> {
        let row = |(unit, request): (u8, Request)| match request {
            Request::Read { start, count, .. } => Some((unit, start, count)),
            _ => None,
        };
        std::mem::take(&mut self.asked).into_iter().filter_map(row).collect()
    }
}

fn holding(name: &str, address: u16) -> serde_json::Value {
    json!({ "name": name, "table": "holding", "address": address, "writable": true })
}

fn bus(units: u8) -> serde_json::Value {
    let unit = |number: u8| json!({ "unit": number, "name": format!("u{number}"), "registers": [holding("a", 5)] });
    let units: Vec<_> = (1..=units).map(unit).collect();
    json!({ "device": "/dev/x", "poll_ms": 1, "timeout_ms": 500, "units": units })
}

#[test]
fn sixteen_dead_units_of_thirty_two_leave_the_others_their_rate() {
    let minutes = Duration::from_mins(4);
    let rate = |units: u8, dead: std::ops::RangeInclusive<u8>| {
        let mut play = Play::new(bus(units));
        play.dead = dead.collect();
        play.subscribe("**", None);
        // The dead ones are found out first.
        play.run(Duration::from_mins(1));
        play.answers.clear();
        play.run(minutes);
        play.answers.values().sum::<usize>()
    };
    #[allow(clippy::reversed_empty_ranges)]
    let alone = rate(16, 1..=0);
    let beside = rate(32, 17..=32);
    assert!(beside as f64 >= 0.95 * alone as f64, "{beside} of {alone}");
}

#[test]
fn a_unit_that_returns_is_noticed_although_the_line_is_busy() {
    let mut play = Play::new(bus(32));
    play.dead = (17..=32).collect();
    play.subscribe("**", None);
    play.run(Duration::from_mins(5));
    play.dead.clear();
    play.answers.clear();
    play.run(Duration::from_mins(2));
    let back = (17..=32).filter(|unit| play.answers.contains_key(unit)).count();
    assert_eq!(back, 16, "of sixteen within two minutes");
}

#[test]
fn nothing_is_read_that_nobody_needs_and_the_fastest_decides() {
    let registers = json!([holding("a", 5), holding("b", 6), holding("far", 900)]);
    let mut play = Play::new(json!({ "host": "x", "registers": registers, "poll_ms": 1000 }));
    play.run(Duration::from_secs(10));
    assert_eq!(play.rows(), []);
    play.subscribe("a", Some(100));
    play.subscribe("b", None);
    play.run(Duration::from_millis(995));
    let rows = play.rows();
    // Register 6 is neighbour of 5, but slower: it has a request of its own once a second.
    assert_eq!(rows.iter().filter(|row| **row == (1, 5, 1)).count(), 10);
    assert_eq!(rows.iter().filter(|row| **row == (1, 6, 1)).count(), 1);
    play.session.unsubscribe(&["a".into()]);
    play.run(Duration::from_secs(5));
    assert!(play.rows().iter().all(|row| *row == (1, 6, 1)));
}

#[test]
fn a_refused_block_is_cut_until_one_register_is_to_blame_and_that_one_rests_a_minute() {
    let registers: Vec<_> = (0..16).map(|at| holding(&format!("r{at}"), at)).collect();
    let mut play = Play::new(json!({ "host": "x", "registers": registers, "poll_ms": 100 }));
    play.holes = vec![11];
    play.subscribe("**", None);
    play.run(Duration::from_secs(2));
    play.rows();
    play.run(Duration::from_secs(10));
    let rows = play.rows();
    assert!(rows.iter().all(|row| !(row.1..row.1 + row.2).contains(&11)), "{rows:?}");
    let read: HashSet<u16> = rows.iter().flat_map(|row| row.1..row.1 + row.2).collect();
    assert_eq!(read, (0..16).filter(|at| *at != 11).collect());
    play.run(Duration::from_mins(1));
    assert!(play.rows().contains(&(1, 11, 1)), "it is tried again");
}

#[test]
fn a_write_comes_before_everything_that_is_polled() {
    let registers: Vec<_> = (0..50).map(|at| holding(&format!("r{at}"), at * 20)).collect();
    let mut play = Play::new(json!({ "host": "x", "registers": registers, "poll_ms": 1 }));
    play.subscribe("**", None);
    play.run(Duration::from_secs(1));
    play.asked.clear();
    play.session.write(vec![fieldrail_driver::Command {
        id: 7,
        tag: "r3".into(),
        value: fieldrail_model::Value::Int(9),
        expires: play.now + Duration::from_secs(1),
        pulse: None,
        origin: None,
    }]);
    play.run(ANSWER * 2);
    assert_eq!(play.asked[0].1, Request::WriteRegister { address: 60, value: 9 });
    // Then the register is read, so that its new value shows.
    assert_eq!(play.asked[1].1, Request::Read { table: Table::Holding, start: 60, count: 1 });
}

#[test]
fn a_write_to_a_dead_unit_costs_the_others_nothing() {
    let mut play = Play::new(bus(2));
    play.dead = HashSet::from([2]);
    play.subscribe("**", None);
    play.run(Duration::from_secs(30));
    play.answers.clear();
    let begun = play.now;
    for id in 0..1000 {
        play.session.write(vec![fieldrail_driver::Command {
            id,
            tag: "u2.a".into(),
            value: fieldrail_model::Value::Int(9),
            expires: play.now + Duration::from_mins(1),
            pulse: None,
            origin: None,
        }]);
        play.run(Duration::from_millis(10));
    }
    let time = play.now - begun;
    let most = time.as_secs_f64() / ANSWER.as_secs_f64();
    assert!(play.answers[&1] as f64 > 0.9 * most, "{} of {most}", play.answers[&1]);
}

#[test]
fn who_a_gateway_says_does_not_answer_is_dead() {
    let mut play = Play::new(bus(2));
    play.dead = HashSet::from([2]);
    play.gateway = true;
    play.subscribe("**", None);
    play.run(Duration::from_secs(30));
    assert!(play.session.units[1].health.is_dead() && play.session.units[0].health.is_alive());
    let standing = play.session.standing.take().unwrap();
    assert_eq!(standing.state, State::Degraded);
    let asked = play.asked.iter().filter(|(unit, _)| *unit == 2).count();
    assert!(asked < 12, "{asked}");
}

#[test]
fn the_end_of_a_pulse_reaches_a_unit_that_was_dead_meanwhile_though_nobody_reads_it() {
    let mut play = Play::new(bus(1));
    play.session.write(vec![fieldrail_driver::Command {
        id: 1,
        tag: "u1.a".into(),
        value: fieldrail_model::Value::Int(9),
        expires: play.now + Duration::from_secs(1),
        pulse: Some(Duration::from_secs(1)),
        origin: None,
    }]);
    play.run(Duration::from_millis(500));
    assert_eq!(play.asked, [(1, Request::WriteRegister { address: 5, value: 9 })]);
    play.dead = HashSet::from([1]);
    play.revive = Some(play.now + Duration::from_secs(20));
    play.run(Duration::from_mins(2));
    assert_eq!(play.asked, [(1, Request::WriteRegister { address: 5, value: 0 })]);
    assert!(play.session.is_done());
}

#[test]
fn a_dead_unit_is_probed_with_its_largest_block_and_read_in_turn_again_when_it_is_back() {
    let registers: Vec<_> = (10..20).map(|at| holding(&format!("a{at}"), at)).chain([holding("b", 900)]).collect();
    let mut play = Play::new(json!({ "device": "/dev/x", "poll_ms": 100, "timeout_ms": 500, "registers": registers }));
    play.subscribe("**", None);
    play.run(Duration::from_secs(1));
    play.dead = [1].into();
    play.run(Duration::from_secs(3));
    play.rows();
    play.run(Duration::from_secs(10));
    let probes = play.rows();
    assert!(probes.len() >= 8 && probes.iter().all(|row| *row == (1, 10, 10)), "{probes:?}");
    play.dead.clear();
    play.run(Duration::from_secs(2));
    let rows = play.rows();
    assert!(rows.contains(&(1, 900, 1)) && rows.contains(&(1, 10, 10)), "{rows:?}");
}
