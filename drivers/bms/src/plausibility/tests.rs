//! Simulated days of batteries that are well, and faults that have to be found.

use std::time::Duration;

use proptest::prelude::*;

use super::{About, Doubt, Plausibility, Seen};

/// A battery that plays: what it does, and in what steps it says so.
#[derive(Debug, Clone)]
struct Battery {
    cells: u8,
    capacity_ah: f64,
    /// Poll interval.
    poll: Duration,
    /// Steps of what it says: volt, ampere, ampere hours.
    steps: (f64, f64, f64),
    /// How strongly the load jumps, as part of the capacity in an hour.
    load: f64,
    /// It looks at its cells only every so many polls.
    slow: u32,
    seed: u64,
}

fn batteries() -> impl Strategy<Value = Battery> {
    let steps =
        prop::sample::select(vec![(0.01, 0.01, 0.01), (0.1, 0.1, 0.1), (0.001, 0.001, 0.000_001), (0.01, 0.1, 0.01)]);
    let poll = prop::sample::select(vec![500_u64, 1000, 2000, 5000, 10_000, 30_000]);
    (4_u8..=32, 5.0..600.0_f64, poll, steps, 0.02..0.5_f64, 1_u32..=3, any::<u64>()).prop_map(
        |(cells, capacity_ah, poll_ms, steps, load, slow, seed)| {
            let poll = Duration::from_millis(poll_ms);
            // No board takes longer than some seconds.
            let slow = if poll_ms > 2000 { 1 } else { slow };
            Battery { cells, capacity_ah, poll, steps, load, slow, seed }
        },
    )
}

/// What the battery is like at a moment.
struct Play {
    battery: Battery,
    at: Duration,
    held: f64,
    current: f64,
    target: f64,
    random: u64,
    print: u64,
    shown: Seen,
    polls: u32,
}

fn stepped(value: f64, step: f64) -> f64 {
    (value / step).round() * step
}

impl Play {
    fn new(battery: &Battery) -> Self {
        let random = battery.seed | 1;
        let held = 0.6 * battery.capacity_ah;
        let (at, shown) = (Duration::ZERO, Seen::default());
        Self { battery: battery.clone(), at, held, current: 0.0, target: 0.0, random, print: 0, shown, polls: 0 }
    }

    /// From 0 to 1.
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Lets the time to the next poll pass, and polls.
    fn poll(&mut self) -> Seen {
        let steps = 10;
        let hours = self.battery.poll.as_secs_f64() / 3600.0 / f64::from(steps);
        for _ in 0..steps {
            // A load is switched about every five minutes, and flows with a ripple in between.
            if self.random() < hours * 12.0 {
                self.target = (2.0 * self.random() - 1.0) * self.battery.load * self.battery.capacity_ah;
            }
            let full = self.held > 0.98 * self.battery.capacity_ah && self.target > 0.0;
            let empty = self.held < 0.05 * self.battery.capacity_ah && self.target < 0.0;
            let ripple = 0.04 * self.target * (self.random() - 0.5);
            self.current = if full || empty { 0.0 } else { self.target + ripple };
            self.held += self.current * hours;
        }
        self.at += self.battery.poll;
        self.polls += 1;
        if self.polls.is_multiple_of(self.battery.slow) || self.polls == 1 {
            self.shown = self.look();
        }
        self.shown.at = self.at;
        self.shown.clone()
    }

    fn look(&mut self) -> Seen {
        let (volt, ampere, hours) = self.battery.steps;
        let each = 3.2 + 0.15 * self.held / self.battery.capacity_ah + 0.0002 * self.current;
        let cells: Vec<f64> =
            (0..self.battery.cells).map(|_| stepped(each + 0.004 * (self.random() - 0.5), 0.001)).collect();
        let whole: f64 = cells.iter().sum::<f64>() * (1.0 + 0.006 * (self.random() - 0.5));
        self.print += 1;
        Seen {
            at: self.at,
            voltage_v: Some(stepped(whole, volt)),
            cells_v: cells,
            current_a: Some(stepped(self.current, ampere)),
            remaining_ah: Some(stepped(self.held, hours)),
            capacity_ah: Some(self.battery.capacity_ah),
            soc: Some((100.0 * self.held / self.battery.capacity_ah).round()),
            uptime_s: None,
            print: self.print,
        }
    }
}

/// Polls so often a battery whose answers are changed like this; the doubts of each poll.
fn doubts(battery: &Battery, polls: u32, mut change: impl FnMut(u32, &mut Seen)) -> Vec<Vec<Doubt>> {
    let (mut play, mut checks) = (Play::new(battery), Plausibility::default());
    (0..polls)
        .map(|poll| {
            let mut seen = play.poll();
            change(poll, &mut seen);
            checks.take(&seen)
        })
        .collect()
}

fn usual() -> Battery {
    Battery {
        cells: 16,
        capacity_ah: 280.0,
        poll: Duration::from_secs(2),
        steps: (0.01, 0.01, 0.01),
        load: 0.2,
        slow: 1,
        seed: 7,
    }
}

#[track_caller]
fn check(doubts: &[Doubt], about: About, words: &str) {
    let found = doubts.iter().find(|doubt| doubt.about == about).unwrap_or_else(|| panic!("no such doubt: {doubts:?}"));
    assert!(found.reason.contains(words), "{}", found.reason);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_doubted_of_a_battery_that_is_well(battery in batteries()) {
        for (poll, doubts) in doubts(&battery, 3000, |_, _| {}).into_iter().enumerate() {
            prop_assert!(doubts.is_empty(), "poll {poll}: {doubts:?}");
        }
    }

    #[test]
    fn nor_of_one_that_only_says_a_charge_in_percent(battery in batteries()) {
        let all = doubts(&battery, 3000, |_, seen| seen.remaining_ah = None);
        for (poll, doubts) in all.into_iter().enumerate() {
            prop_assert!(doubts.is_empty(), "poll {poll}: {doubts:?}");
        }
    }

    #[test]
    fn cells_that_are_not_the_pack_are_found_within_three_polls(battery in batteries(), begin in 1_u32..300) {
        let battery = Battery { slow: 1, ..battery };
        let all = doubts(&battery, begin + 3, |poll, seen| {
            if poll >= begin {
                seen.voltage_v = seen.voltage_v.map(|volt| 0.93 * volt);
            }
        });
        prop_assert!(all[begin as usize - 1].is_empty());
        check(&all[begin as usize + 2], About::Voltages, "cells add up to");
    }

    #[test]
    fn a_leap_of_the_charge_is_found_at_once(battery in batteries(), begin in 1_u32..300, up in any::<bool>()) {
        let battery = Battery { slow: 1, load: 0.1, ..battery };
        let leap = if up { 0.12 } else { -0.12 } * battery.capacity_ah;
        let all = doubts(&battery, begin + 20, |poll, seen| {
            if poll >= begin {
                seen.remaining_ah = seen.remaining_ah.map(|held| held + leap);
            }
        });
        check(&all[begin as usize], About::Charge, "the current explains");
        prop_assert!(all[begin as usize + 19].is_empty(), "a leap passes: {:?}", all[begin as usize + 19]);
    }

    #[test]
    fn values_that_freeze_while_a_current_flows_are_found_within_three_polls(battery in batteries(), begin in 5_u32..300) {
        let poll = battery.poll.max(Duration::from_secs(1));
        let battery = Battery { slow: 1, poll, capacity_ah: battery.capacity_ah.max(50.0), ..battery };
        let mut frozen: Option<Seen> = None;
        let all = doubts(&battery, begin + 4, |poll, seen| {
            if poll < begin {
                return;
            }
            seen.current_a = Some(12.0);
            let at = seen.at;
            *seen = frozen.get_or_insert_with(|| seen.clone()).clone();
            seen.at = at;
        });
        // The first frozen answer is new; the three after it are not.
        check(&all[begin as usize + 3], About::All, "has changed for 3 polls");
    }
}

#[test]
fn a_current_with_the_wrong_sign_is_found_and_named() {
    let battery = Battery { load: 0.4, ..usual() };
    let all = doubts(&battery, 2000, |_, seen| seen.current_a = seen.current_a.map(|ampere| -ampere));
    let found = all.iter().find(|doubts| !doubts.is_empty()).expect("it is found within an hour");
    check(found, About::Current, "invert_current");
}

#[test]
fn a_current_that_stands_still_at_zero_is_found() {
    let battery = Battery { load: 0.4, ..usual() };
    let all = doubts(&battery, 3000, |_, seen| seen.current_a = Some(0.0));
    let found = all.iter().find(|doubts| !doubts.is_empty()).expect("it is found");
    check(found, About::Current, "flowed, and the charge changed by");
}

#[test]
fn at_rest_nothing_has_to_change_but_a_clock() {
    let mut checks = Plausibility::default();
    let mut seen = Seen { voltage_v: Some(52.8), current_a: Some(0.0), ..Seen::default() };
    for poll in 0..1000 {
        seen.at = Duration::from_secs(2 * poll);
        assert_eq!(checks.take(&seen), []);
    }
    seen.uptime_s = Some(1234.0);
    let found = (0..4).map(|poll| {
        seen.at = Duration::from_secs(2000 + 2 * poll);
        checks.take(&seen)
    });
    check(&found.last().unwrap(), About::All, "not even its clock goes on");
}

#[test]
fn a_board_that_is_slow_is_in_doubt_once_at_most() {
    // It looks at its cells every five polls.
    let all = doubts(&Battery { slow: 5, load: 0.3, ..usual() }, 3000, |_, _| {});
    let raised = all.windows(2).filter(|pair| pair[0].is_empty() && !pair[1].is_empty()).count();
    assert!(raised <= 2, "it is learned: {raised}");
}

#[test]
fn after_a_gap_nothing_is_concluded_from_before() {
    let mut checks = Plausibility::default();
    let seen = |at: u64, held: f64| Seen {
        at: Duration::from_secs(at),
        current_a: Some(0.0),
        remaining_ah: Some(held),
        capacity_ah: Some(100.0),
        print: at,
        ..Seen::default()
    };
    assert_eq!(checks.take(&seen(0, 80.0)), []);
    assert_eq!(checks.take(&seen(3600, 40.0)), []);
    assert_eq!(checks.take(&seen(3602, 80.0)).len(), 1);
}
