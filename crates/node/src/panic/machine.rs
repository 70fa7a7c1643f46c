//! The panic as a pure state machine: `armed → resetting → latched → rearming → armed`. Events in, actions out; the
//! actions are done one after the other, and a power cut may come between any two of them.
//!
//! Invariants, held by an exploration of everything that can happen: once the latch is on disk, nothing but a person who
//! re-arms this very panic, step by step, brings a write to a device, and nothing but the last of these steps takes the
//! latch away. What is on disk never says less than what has been done.

use std::collections::BTreeSet;

use fieldrail_model::InstanceId;
use serde::{Deserialize, Serialize};

/// Where the house stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// As usual.
    #[default]
    Armed,
    /// Safe values are being written.
    Resetting,
    /// No write leaves.
    Latched,
    /// Some instances are re-armed; the router is not.
    Rearming,
}

impl Stage {
    /// The word in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Resetting => "resetting",
            Self::Latched => "latched",
            Self::Rearming => "rearming",
        }
    }
}

/// What the latch on the disk says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(crate) struct Latch {
    /// Which panic this is; they are counted over the life of the house.
    pub(crate) number: u64,
    pub(crate) stage: Stage,
    /// Instances that run and may be written to.
    pub(crate) rearmed: BTreeSet<InstanceId>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// Somebody asks for a panic.
    Asked,
    /// Safe values were written, or could not be in time.
    Written,
    /// An administrator who knows of panic `number` re-arms an instance.
    Rearm { number: u64, instance: &'a InstanceId },
    /// An administrator who knows of panic `number` re-arms the router; these instances are to run.
    RearmRouter { number: u64, wanted: &'a BTreeSet<InstanceId> },
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Let no write through any more.
    Shut,
    /// Put the latch on the disk.
    Save,
    /// End pulses and write safe values, past the gate.
    WriteSafe,
    /// End all processes.
    StopAll,
    /// Start this instance, and let writes to it through.
    OpenInstance(InstanceId),
    /// Let everything through.
    OpenAll,
}

/// Why a step of re-arming is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no panic.
    Armed,
    /// There was another panic since.
    Outdated,
    /// Safe values are being written.
    TooSoon,
    /// It was done already.
    Done,
    /// These instances come first.
    First(BTreeSet<InstanceId>),
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Machine {
    pub(crate) latch: Latch,
}

impl Machine {
    /// After a start of the daemon. A panic in the middle of which it ended is latched.
    pub(crate) fn restarted(latch: Latch) -> Self {
        let stage = if latch.stage == Stage::Resetting { Stage::Latched } else { latch.stage };
        Self { latch: Latch { stage, ..latch } }
    }

    /// Whether writes are held back.
    pub(crate) fn is_panicked(&self) -> bool {
        self.latch.stage != Stage::Armed
    }

    /// Takes one event.
    pub(crate) fn handle(&mut self, event: &Event<'_>) -> Result<Vec<Action>, Refusal> {
        match event {
            Event::Asked => Ok(self.asked()),
            Event::Written => Ok(self.written()),
            Event::Rearm { number, instance } => self.rearm(*number, instance),
            Event::RearmRouter { number, wanted } => self.rearm_router(*number, wanted),
        }
    }

    fn asked(&mut self) -> Vec<Action> {
        if matches!(self.latch.stage, Stage::Resetting | Stage::Latched) {
            return Vec::new();
        }
        self.latch.number += 1;
        self.latch.stage = Stage::Resetting;
        self.latch.rearmed.clear();
        vec![Action::Shut, Action::Save, Action::WriteSafe]
    }

    fn written(&mut self) -> Vec<Action> {
        if self.latch.stage != Stage::Resetting {
            return Vec::new();
        }
        self.latch.stage = Stage::Latched;
        vec![Action::Save, Action::StopAll]
    }

    fn may_rearm(&self, number: u64) -> Result<(), Refusal> {
        match self.latch.stage {
            Stage::Armed => Err(Refusal::Armed),
            _ if number != self.latch.number => Err(Refusal::Outdated),
            Stage::Resetting => Err(Refusal::TooSoon),
            Stage::Latched | Stage::Rearming => Ok(()),
        }
    }

    fn rearm(&mut self, number: u64, instance: &InstanceId) -> Result<Vec<Action>, Refusal> {
        self.may_rearm(number)?;
        if !self.latch.rearmed.insert(instance.clone()) {
            return Err(Refusal::Done);
        }
        self.latch.stage = Stage::Rearming;
        Ok(vec![Action::Save, Action::OpenInstance(instance.clone())])
    }

    fn rearm_router(&mut self, number: u64, wanted: &BTreeSet<InstanceId>) -> Result<Vec<Action>, Refusal> {
        self.may_rearm(number)?;
        let first: BTreeSet<InstanceId> = wanted.difference(&self.latch.rearmed).cloned().collect();
        if !first.is_empty() {
            return Err(Refusal::First(first));
        }
        self.latch = Latch { number: self.latch.number, ..Latch::default() };
        Ok(vec![Action::Save, Action::OpenAll])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashSet, VecDeque};

    use super::*;

    /// A whole house: the machine, what is on disk, what is open, what runs, and what is left to do.
    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct House {
        machine: Machine,
        disk: Latch,
        shut: bool,
        opened: BTreeSet<InstanceId>,
        running: BTreeSet<InstanceId>,
        to_do: Vec<u8>,
        opens: Option<InstanceId>,
        /// The panic that each of two administrators has on their screen.
        known: [u64; 2],
    }

    fn ids() -> [InstanceId; 2] {
        ["a".parse().unwrap(), "b".parse().unwrap()]
    }

    /// Everything that can happen in a house.
    #[derive(Debug, Clone)]
    enum Happens {
        /// The next thing that is to be done is done.
        Step,
        Asked,
        /// The safe values are written, or time is up.
        Written,
        /// An administrator looks at the screen.
        Look(usize),
        Rearm(usize, usize),
        Router(usize),
        /// The daemon is killed and starts again.
        Killed,
        /// A process ends, or its device comes back.
        Crashed(usize),
    }

    fn everything() -> Vec<Happens> {
        let mut all = vec![Happens::Step, Happens::Asked, Happens::Written, Happens::Killed];
        for admin in 0..2 {
            all.push(Happens::Look(admin));
            all.push(Happens::Router(admin));
            all.extend((0..2).map(|instance| Happens::Rearm(admin, instance)));
        }
        all.extend((0..2).map(Happens::Crashed));
        all
    }

    impl House {
        fn new() -> Self {
            Self {
                machine: Machine::default(),
                disk: Latch::default(),
                shut: false,
                opened: BTreeSet::new(),
                running: ids().into(),
                to_do: Vec::new(),
                opens: None,
                known: [0, 0],
            }
        }

        fn lets(&self, id: &InstanceId) -> bool {
            !self.shut || self.opened.contains(id)
        }

        fn plan(&mut self, actions: Vec<Action>) {
            for action in actions {
                self.to_do.push(match action {
                    Action::Shut => 0,
                    Action::Save => 1,
                    Action::WriteSafe => 2,
                    Action::StopAll => 3,
                    Action::OpenInstance(id) => {
                        self.opens = Some(id);
                        4
                    }
                    Action::OpenAll => 5,
                });
            }
        }

        fn step(&mut self) {
            match self.to_do.remove(0) {
                0 => {
                    self.shut = true;
                    self.opened.clear();
                }
                1 => self.disk = self.machine.latch.clone(),
                3 => self.running.clear(),
                4 => {
                    let id = self.opens.take().unwrap();
                    self.opened.insert(id.clone());
                    self.running.insert(id);
                }
                5 => {
                    self.shut = false;
                    self.opened.clear();
                }
                _ => {}
            }
        }

        /// Only one event at a time is worked off, as behind the daemon's lock; a kill may come at any moment.
        fn after(&self, happens: &Happens) -> Option<Self> {
            let mut house = self.clone();
            let busy = !house.to_do.is_empty();
            let wanted: BTreeSet<InstanceId> = ids().into();
            match happens {
                Happens::Step if busy => house.step(),
                Happens::Killed => {
                    house.machine = Machine::restarted(house.disk.clone());
                    house.to_do.clear();
                    house.opens = None;
                    house.shut = house.machine.is_panicked();
                    house.opened = house.machine.latch.rearmed.clone();
                    house.running = wanted.into_iter().filter(|id| house.lets(id)).collect();
                }
                Happens::Crashed(at) if house.lets(&ids()[*at]) => {
                    // It is started again.
                    house.running.insert(ids()[*at].clone());
                }
                Happens::Crashed(at) => _ = house.running.remove(&ids()[*at]),
                Happens::Look(admin) => house.known[*admin] = house.machine.latch.number,
                _ if busy => return None,
                Happens::Asked if house.machine.latch.number < 3 => {
                    let actions = house.machine.handle(&Event::Asked).unwrap();
                    house.plan(actions);
                }
                Happens::Written => {
                    let actions = house.machine.handle(&Event::Written).unwrap();
                    house.plan(actions);
                }
                Happens::Rearm(admin, at) => {
                    let event = Event::Rearm { number: house.known[*admin], instance: &ids()[*at] };
                    let actions = house.machine.handle(&event).ok()?;
                    house.plan(actions);
                }
                Happens::Router(admin) => {
                    let event = Event::RearmRouter { number: house.known[*admin], wanted: &wanted };
                    let actions = house.machine.handle(&event).ok()?;
                    house.plan(actions);
                }
                _ => return None,
            }
            Some(house)
        }

        fn must_hold(&self, before: &Self, happens: &Happens) {
            let what = || format!("{happens:?}\n{before:#?}\n{self:#?}");
            // Who may be written to was re-armed, in memory as on disk, or there is no panic on disk.
            for id in ids().iter().filter(|id| self.lets(id)) {
                let on_disk = self.disk.stage == Stage::Armed || self.disk.rearmed.contains(id);
                let on_its_way = self.machine.latch.stage == Stage::Resetting;
                assert!(on_disk || on_its_way, "{id} may be written to: {}", what());
            }
            // Nothing but the last step of an administrator who knows this panic takes the latch away.
            let was = before.disk.stage != Stage::Armed;
            if was && self.disk.stage == Stage::Armed {
                assert!(matches!(happens, Happens::Step), "{}", what());
                assert_eq!(before.machine.latch.stage, Stage::Armed, "{}", what());
            }
            if before.machine.is_panicked() && !self.machine.is_panicked() && !matches!(happens, Happens::Killed) {
                let Happens::Router(admin) = happens else { panic!("{}", what()) };
                assert_eq!(before.known[*admin], before.machine.latch.number, "{}", what());
                assert_eq!(before.machine.latch.rearmed, ids().into(), "{}", what());
            }
            // A kill never disarms what was on disk, and arms nothing anew.
            if matches!(happens, Happens::Killed) {
                assert_eq!(self.machine.is_panicked(), was, "{}", what());
                assert_eq!(self.shut, was, "{}", what());
                assert_eq!(self.opened, before.disk.rearmed, "{}", what());
                assert!(!was || self.running.is_subset(&before.disk.rearmed), "{}", what());
            }
            // Safe values are written only with the latch on disk and the gate shut.
            if before.to_do.first() == Some(&2) && matches!(happens, Happens::Step) {
                assert!(before.shut && before.opened.is_empty() && was, "{}", what());
            }
            // When a panic is through, nothing runs that was not re-armed.
            if self.to_do.is_empty() && matches!(self.machine.latch.stage, Stage::Latched | Stage::Rearming) {
                assert!(self.shut && self.running.is_subset(&self.machine.latch.rearmed), "{}", what());
            }
        }
    }

    #[test]
    fn whatever_happens_in_whatever_order_no_write_leaves_after_a_panic() {
        let (mut seen, mut queue) = (HashSet::from([House::new()]), VecDeque::from([House::new()]));
        let mut transitions = 0;
        while let Some(house) = queue.pop_front() {
            for happens in everything() {
                let Some(next) = house.after(&happens) else { continue };
                next.must_hold(&house, &happens);
                transitions += 1;
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
        assert!(seen.len() > 1000 && transitions > 5000, "{} states, {transitions} transitions", seen.len());
        let ends: HashSet<Stage> = seen.iter().map(|house| house.machine.latch.stage).collect();
        assert_eq!(ends.len(), 4, "every stage is reached");
        assert!(seen.iter().any(|house| house.disk.number == 3 && house.disk.stage == Stage::Armed));
    }

    #[test]
    fn a_panic_is_possible_at_any_time() {
        for stage in [Stage::Armed, Stage::Resetting, Stage::Latched, Stage::Rearming] {
            let mut machine = Machine { latch: Latch { number: 4, stage, rearmed: BTreeSet::new() } };
            machine.handle(&Event::Asked).unwrap();
            assert!(matches!(machine.latch.stage, Stage::Resetting | Stage::Latched));
        }
    }

    #[test]
    fn a_step_for_another_panic_or_out_of_turn_changes_nothing() {
        let [a, b] = ids();
        let mut machine = Machine { latch: Latch { number: 4, stage: Stage::Latched, rearmed: [a.clone()].into() } };
        let before = machine.clone();
        let wanted = BTreeSet::from([a.clone(), b.clone()]);
        let refused = [
            (Event::Rearm { number: 3, instance: &b }, Refusal::Outdated),
            (Event::Rearm { number: 4, instance: &a }, Refusal::Done),
            (Event::RearmRouter { number: 3, wanted: &wanted }, Refusal::Outdated),
            (Event::RearmRouter { number: 4, wanted: &wanted }, Refusal::First([b.clone()].into())),
        ];
        for (event, why) in refused {
            assert_eq!(machine.handle(&event), Err(why));
            assert_eq!(machine, before);
        }
        assert_eq!(Machine::default().handle(&Event::Rearm { number: 0, instance: &a }), Err(Refusal::Armed));
    }
}
