//! What the storm needs of a simulated device, whatever it speaks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fieldrail_tests::Random;
use serde_json::Value;

use crate::truth::Truth;

/// What happens to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// Its connections break: reset, gone for a while, or silent.
    Cut,
    /// It stands still: STOP or CONFIG of a PLC, refusals of a unit.
    Stop,
    /// Its program or register map becomes another.
    Change,
    /// It is switched off and on.
    Restart,
    /// It answers wrongly.
    Wrong,
    /// The process of the driver is killed; the device stays.
    Killed,
}

impl Event {
    /// Those that happen to the device itself.
    pub(crate) const OF_DEVICE: [Self; 5] = [Self::Cut, Self::Stop, Self::Change, Self::Restart, Self::Wrong];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Stop => "stop",
            Self::Change => "online change",
            Self::Restart => "restart",
            Self::Wrong => "wrong answer",
            Self::Killed => "driver killed",
        }
    }
}

/// What was done, and how long it is to last.
pub(crate) struct Strike {
    pub(crate) what: String,
    pub(crate) lasts: Duration,
}

/// A device that the storm shakes.
pub(crate) trait Device: Send {
    /// The driver that speaks with it, and its configuration.
    fn connection(&self) -> (&'static str, Value);
    /// What is subscribed; those that never change last.
    fn tags(&self) -> Vec<String>;
    /// How many of them never change.
    fn constants(&self) -> usize;
    /// Time passes in its program: each tag that changes has a new value.
    fn play(&mut self);
    /// An event begins.
    fn strike(&mut self, event: Event, random: &mut Random) -> Strike;
    /// It is over.
    fn mend(&mut self);
    /// Since when it can be spoken with, given that the event was over then.
    fn available(&self, over: Instant) -> Instant;
    /// What it holds that nobody needs, or lacks, while everything is subscribed.
    fn amiss(&self) -> Option<String>;
    /// What it still holds when nobody speaks with it any more.
    fn left(&self) -> Option<String>;
    /// The tag that is written between the events, if it holds a handle for it.
    fn written(&self) -> Option<&'static str>;
    /// What is to be said of it at the end.
    fn manners(&self) -> String;
}

/// What a device and those who watch it share.
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    pub(crate) fn new(it: T) -> Self {
        Self(Arc::new(Mutex::new(it)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The truth of one device.
pub(crate) type SharedTruth = Shared<Truth>;

/// Absence of a device: 0 to 3 s, short ones as likely as long ones.
pub(crate) fn absence(random: &mut Random) -> Duration {
    let most = random.pick(&[50, 300, 1000, 3000]);
    Duration::from_millis(random.between(0, most) as u64)
}

/// A number that no other tag has at this time, exact in 32 bits of a float: the round and the number of the tag.
pub(crate) fn number(round: u32, tag: usize) -> f64 {
    f64::from(round % 200_000) * 64.0 + tag as f64
}
