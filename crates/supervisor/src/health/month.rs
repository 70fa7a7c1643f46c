//! Thirty simulated days of what is legal: life cycle, judge and spam breaker together must say nothing; and the same world
//! with one that is really ill, in which they must speak up in time.
//!
//! The wall clock may jump as it likes: none of the three is ever given it.

use std::sync::Arc;

use fieldrail_model::Quality;
use fieldrail_wire::daemon::{Subscribe, Subscription, Write};
use fieldrail_wire::plugin::{self, Written};
use fieldrail_wire::{SampleItem, TagRef, WriteItem};

use super::*;
use crate::State;
use crate::guard::spam::{SpamBreaker, SpamStage};
use crate::life::{Action, Ailment, Event, Life};

const SECOND: Duration = Duration::from_secs(1);
const DAY_S: u64 = 24 * 3600;
const LIMIT: u32 = 500;

/// How the instance is ill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Illness {
    Well,
    /// Its loop stands.
    Standing,
    /// It beats and reads nothing.
    Deaf,
    /// It beats, burns and finishes nothing.
    Spinning,
    /// It is connected, and its device says nothing.
    Silent,
    /// It sends the same for ever.
    Frozen,
    /// It floods.
    Flooding,
}

/// What goes on at the moment besides what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spell {
    Usual,
    /// The link is down.
    Lost,
    /// Limits leave it a twentieth.
    HeldBack,
    /// It has much to do.
    Busy,
}

struct World {
    life: Life,
    judge: Judge,
    breaker: SpamBreaker,
    now: Moment,
    seed: u64,
    illness: Illness,
    spell: (Spell, u64),
    second: u64,
    turns: u64,
    read: u64,
    /// Seconds until the next beat, sample, change and write, and until the last write gets its end.
    due: [u64; 5],
    write: u64,
    value: i64,
    names: Vec<Arc<str>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut life = Life::new(Policy::default(), true, seed);
        let now = Moment::from_secs(100);
        for event in [Event::StartAsked, Event::Spawned, Event::Greeted] {
            life.handle(event, now);
        }
        let mut judge = Judge::new(&Policy::default());
        let (heard, changed) = (Some(Duration::from_secs(10)), Some(Duration::from_mins(1)));
        let tags = [("t0".to_owned(), ExpectedOfTag { heard, changed })].into();
        judge.expect(Expected { heard, changed, tags, ..Expected::default() }, now);
        judge.begin(false, now);
        let items = vec![Subscription { tag: "t0".into(), pattern: false, interval_ms: None }];
        judge.told(&ToPlugin::Subscribe(Subscribe { request: 1, items }), now);
        let mut world = Self {
            life,
            judge,
            breaker: SpamBreaker::default(),
            now,
            seed: seed | 1,
            illness: Illness::Well,
            spell: (Spell::Usual, 3),
            second: 0,
            turns: 0,
            read: 0,
            due: [0; 5],
            write: 0,
            value: 0,
            names: (0..14_000).map(|n| format!("t{n}").into()).collect(),
        };
        world.link(Status::Connected);
        world
    }

    fn chance(&mut self, of: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % of
    }

    /// Whether this is due now; if so, it is due again after at least `least` and less than `most` seconds.
    fn is_due(&mut self, what: usize, least: u64, most: u64) -> bool {
        self.due[what] = self.due[what].saturating_sub(1);
        if self.due[what] > 0 {
            return false;
        }
        self.due[what] = least + self.chance(most - least);
        true
    }

    fn link(&mut self, status: Status) {
        self.judge.said(status, false, self.now);
        let said = plugin::State { status, text: "waits".into(), hint: None, answers: false };
        self.life.handle(Event::Said(said), self.now);
        if status == Status::Connected {
            // Everything anew: the first polls of a large device.
            self.breaker.connected(self.now);
            self.send(14_000);
        }
    }

    fn send(&mut self, count: usize) {
        let value = self.value;
        let item = |n: usize| SampleItem {
            tag: TagRef::Name(Arc::clone(&self.names[n])),
            value: value.into(),
            quality: Quality::Good,
            time: None,
            note: None,
            origin: None,
        };
        let mut batch = Samples { batch: 1, tags: vec![], items: (0..count).map(item).collect() };
        self.judge.samples(&batch, self.now);
        self.breaker.take(self.now, LIMIT, false, &mut batch.items);
    }

    /// The next second, with what is legal in it. What the life cycle asks for.
    fn step(&mut self) -> Option<Action> {
        self.second += 1;
        self.now += SECOND;
        self.stand_still();
        self.next_spell();
        if self.spell.0 == Spell::HeldBack {
            let held = Duration::from_millis(950);
            self.judge.held_back(held, self.now);
            self.life.handle(Event::HeldBack(held), self.now);
        } else {
            self.work();
        }
        if self.second.is_multiple_of(10) {
            self.breaker.tick(self.now, LIMIT);
        }
        let busy = matches!(self.spell.0, Spell::Busy | Spell::HeldBack) || self.illness == Illness::Spinning;
        let sight = Sight { busy: Some(if busy { 1.0 } else { 0.02 }), restarts: true, ..Sight::default() };
        let found = self.judge.look(&sight, self.now).map(|found| Ailment {
            cause: found.cause("then"),
            ill: found.ill,
            text: found.text("14:02"),
            hint: found.hint,
            ends_for: found.hangs.then(|| found.reason("14:02")),
        });
        let asked = self.life.handle(Event::Found(found), self.now);
        let is_due = self.life.deadline().is_some_and(|due| due <= self.now);
        asked.or_else(|| if is_due { self.life.handle(Event::Tick, self.now) } else { None })
    }

    /// Once in two days the lid is closed, or the virtual machine is moved; once an hour the disk takes a moment.
    fn stand_still(&mut self) {
        let gap = match self.chance(2 * DAY_S) {
            0 => Duration::from_secs(3 + self.chance(DAY_S)),
            1..=48 => Duration::from_millis(self.chance(500)),
            _ => return,
        };
        self.now += gap;
        if gap > Duration::from_secs(2) {
            // The watcher is back first: the instance's own task waits for it.
            self.judge.woke(self.now);
            self.life.handle(Event::Woke, self.now);
        }
    }

    fn next_spell(&mut self) {
        self.spell.1 = self.spell.1.saturating_sub(1);
        if self.spell.1 > 0 {
            return;
        }
        if self.spell.0 == Spell::Lost {
            self.link(Status::Connected);
        }
        let quiet = self.spell.0 != Spell::Usual || self.illness != Illness::Well;
        self.spell = match if quiet { 9 } else { self.chance(10) } {
            0 => (Spell::Lost, 1 + self.chance(300)),
            1 => (Spell::HeldBack, 1 + self.chance(20)),
            2 => (Spell::Busy, 1 + self.chance(300)),
            _ => (Spell::Usual, 1 + self.chance(600)),
        };
        if self.spell.0 == Spell::Lost {
            self.link(Status::Degraded);
        }
    }

    fn work(&mut self) {
        let ill = self.illness;
        if ill != Illness::Standing && self.is_due(0, 4, 6) {
            self.turns += 1;
            self.judge.beat(self.turns, self.now);
            self.life.handle(Event::Beat(self.turns), self.now);
        }
        if matches!(ill, Illness::Standing | Illness::Deaf) {
            return self.judge.reads(self.read, 300, self.now);
        }
        // Something may wait for seconds while it is being read.
        self.read += 10;
        let waiting = self.chance(3) * 50;
        self.judge.reads(self.read, waiting, self.now);
        if ill == Illness::Spinning {
            return;
        }
        self.writes();
        if ill == Illness::Flooding {
            return self.send(4000);
        }
        if self.spell.0 == Spell::Lost || ill == Illness::Silent {
            return;
        }
        if self.is_due(2, 1, 30) && ill != Illness::Frozen {
            self.value += 1;
        }
        if self.is_due(1, 3, 10) {
            // A scene now and then, else a handful, or the word that nothing has changed.
            match self.chance(2000) {
                0 => self.send(4500),
                1..=999 => self.send(5),
                _ => {
                    self.send(1);
                    let fresh = Fresh { tags: vec![TagRef::Name("t0".into())], time: None };
                    self.judge.heard(&FromPlugin::Fresh(fresh), self.now);
                }
            }
        }
    }

    /// A write gets its end: from the device soon, or without a link when it has expired.
    fn writes(&mut self) {
        if self.is_due(3, 6, 60) {
            self.write += 1;
            let tag = TagRef::Name("t0".into());
            let item =
                WriteItem { id: self.write, tag, value: true.into(), ttl_ms: None, pulse_ms: None, origin: None };
            self.judge.told(&ToPlugin::Write(Write { tags: vec![], items: vec![item] }), self.now);
            self.due[4] = 1 + self.chance(5);
        }
        if self.due[4] > 0 && self.is_due(4, 1, 2) {
            let confirmed = vec![(self.write, self.write)];
            self.judge.heard(&FromPlugin::Written(Written { confirmed, ..Written::default() }), self.now);
        }
    }

    /// Whether nobody says anything against it.
    fn is_well(&self) -> bool {
        let shown = self.life.shown().state;
        let is_lost = self.spell.0 == Spell::Lost;
        let right = if is_lost { shown == State::Degraded } else { shown == State::Running };
        right && self.breaker.stage() == SpamStage::Fine
    }
}

#[test]
fn thirty_days_of_legal_bursts_reconnects_standstills_and_pauses_raise_no_false_alarm() {
    let mut world = World::new(0x9e37_79b9_7f4a_7c15);
    while world.second < 30 * DAY_S {
        let asked = world.step();
        let (second, spell) = (world.second, world.spell);
        assert_eq!(asked, None, "second {second}, {spell:?}: {:?}", world.life.shown());
        assert!(world.is_well(), "second {second}, {spell:?}: {:?}", world.life.shown());
    }
    assert_eq!(world.breaker.shed(), 0);
    // The losses of the link, which the plugin itself told, are the only troubles.
    assert_eq!(world.life.errors().1, Some("waits"));
}

/// In the same world this illness is told within so many seconds, and with these words or this action.
#[track_caller]
fn check(illness: Illness, within_s: u64, words: &str, ends: bool) {
    for seed in 1..=8 {
        let mut world = World::new(seed * 0x9e37_79b9);
        for _ in 0..2_000 {
            assert_eq!(world.step(), None);
        }
        while world.spell.0 != Spell::Usual {
            world.step();
        }
        world.illness = illness;
        // What stands still begins anew; so long it is told at the latest.
        let mut told = None;
        let mut ended = false;
        for second in 1..=within_s + 1 {
            let before = world.now;
            ended |= world.step().is_some() || world.breaker.stage() == SpamStage::Suspended;
            let shown = world.life.shown();
            if shown.text.contains(words) || ended {
                told.get_or_insert(second);
            }
            if world.now.saturating_sub(before) > Duration::from_secs(3) {
                // A standstill in the middle: another time.
                (told, ended) = (Some(0), ends);
                break;
            }
        }
        assert!(told.is_some() && ended == ends, "seed {seed}, {illness:?}: {told:?}, {:?}", world.life.shown());
    }
}

#[test]
fn who_is_really_ill_in_that_world_is_told_in_time() {
    // Heartbeats are declared every 5 s and three may be missed: named within ten, started again within thirty.
    check(Illness::Standing, 10, "no sign of life", false);
    check(Illness::Standing, 30, "no sign of life", true);
    check(Illness::Deaf, 10, "has read nothing", false);
    check(Illness::Deaf, 30, "has read nothing", true);
    check(Illness::Spinning, 10, "finished nothing", false);
    check(Illness::Spinning, 30, "finished nothing", true);
    check(Illness::Silent, 20, "nothing has come from its device", false);
    check(Illness::Frozen, 120, "none of its values has changed", false);
    check(Illness::Flooding, 30, "", true);
}
