//! The spam breaker: how many samples an instance may send into the router.
//!
//! What counts is a real window of ten seconds with the whole window's worth as allowance for a burst. Who is over it gets
//! hot: a second over the limit is a degree, up to twelve if it is far over it, and a quiet one takes a quarter off. Hot means first that of each tag only the
//! newest sample of a batch passes, then that only as many pass as the limit allows, then the end. The first sample of each
//! tag after a connect is free, and renewals and writes never come here.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use fieldrail_wire::{SampleItem, TagRef};

use crate::life::Moment;

/// The limit of an instance without one of its own, at least.
const DEFAULT_PPS: u32 = 500;

/// The time over which the rate counts, in slots.
const SLOTS: usize = 100;

/// One slot.
const SLOT: Duration = Duration::from_millis(100);

/// Slots of the last second: who is quiet in it is not over its limit, whatever came before.
const RECENT: usize = 10;

/// Tokens count in these parts.
const MILLION: u64 = 1_000_000;

/// Seconds of the series that is kept as evidence.
const SERIES: usize = 60;

/// The heat at which only so many pass as the limit allows, and the heat at which it ends, both in seconds.
const SAMPLING_AT: f64 = 3.0;
const SUSPENDED_AT: f64 = 8.0;

/// How many times its limit a source may send now for one degree a second, and the most degrees: so a million samples a
/// second end within one, and a burst that is over before it, such as what a broker had kept, does not.
const TIMES_A_DEGREE: f64 = 20.0;
const MOST_DEGREES: f64 = 12.0;

/// Who gets the most degrees is read at so many times its limit in a second at most, and the rest waits in its pipe. It gets
/// them all the same, and leaves the processors to the others meanwhile. A burst of that many in half a second passes.
const TIMES_READ: f64 = 1000.0;
const _: () = assert!(TIMES_READ > TIMES_A_DEGREE * MOST_DEGREES);

/// What a quiet second takes off.
const COOLING: f64 = 0.25;

/// After a connect the first sample of each tag is free for so long.
const SNAPSHOT: Duration = Duration::from_secs(30);

/// Between two connects that make a snapshot free.
const BETWEEN_SNAPSHOTS: Duration = Duration::from_secs(10);

/// Tags of one snapshot; more count.
const SNAPSHOT_TAGS: usize = 100_000;

/// Tags that are counted one by one while it is hot; samples of others count without a name.
const COUNTED_TAGS: usize = 10_000;

/// Tags in the evidence.
const TOP_TAGS: usize = 5;

/// What happens to the samples of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SpamStage {
    /// All pass.
    #[default]
    Fine,
    /// Of each tag the newest of a batch passes.
    Coalescing,
    /// As many pass as the limit allows.
    Sampling,
    /// None passes, and the instance is ended.
    Suspended,
}

impl SpamStage {
    /// The word in the API: `fine`, `coalescing`, `sampling` or `suspended`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Coalescing => "coalescing",
            Self::Sampling => "sampling",
            Self::Suspended => "suspended",
        }
    }
}

/// What the breaker saw when it tripped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// Samples a second over the window.
    pub(crate) rate: f64,
    /// The limit in force.
    pub(crate) limit: u32,
    /// Seconds over the limit.
    pub(crate) heat: f64,
    /// Samples in each of the last 60 seconds, the newest last.
    pub(crate) series: Vec<u32>,
    /// The tags that sent the most since it got hot.
    pub(crate) top: Vec<(TagRef, u64)>,
}

/// The breaker of one instance.
#[derive(Debug)]
pub(crate) struct SpamBreaker {
    slots: [u32; SLOTS],
    /// The newest slot, counted from the beginning of time.
    slot: u64,
    /// Sum of all slots.
    sum: u64,
    series: [u32; SERIES],
    second: u64,
    stage: SpamStage,
    heat: f64,
    looked: Moment,
    /// Samples that may pass while it is sampling, in millionths.
    tokens: u64,
    counts: HashMap<TagRef, u64>,
    /// Since when the first sample of each tag is free, and the tags that have had it.
    snapshot: Option<(Moment, HashSet<TagRef>)>,
    granted: Option<Moment>,
    /// Samples of the last batch that were not free.
    counting: usize,
    shed: u64,
}

impl Default for SpamBreaker {
    fn default() -> Self {
        Self {
            slots: [0; SLOTS],
            slot: 0,
            sum: 0,
            series: [0; SERIES],
            second: 0,
            stage: SpamStage::Fine,
            heat: 0.0,
            looked: Duration::ZERO,
            tokens: 0,
            counts: HashMap::new(),
            snapshot: None,
            granted: None,
            counting: 0,
            shed: 0,
        }
    }
}

/// The limit in force: what a person configured, or the larger of 500 and twice the rate that its subscriptions call for.
pub(crate) fn limit(configured: Option<u32>, asked_per_s: u32) -> u32 {
    configured.unwrap_or_else(|| DEFAULT_PPS.max(asked_per_s.saturating_mul(2))).max(1)
}

impl SpamBreaker {
    /// What happens to its samples now.
    pub(crate) fn stage(&self) -> SpamStage {
        self.stage
    }

    /// Samples that did not pass so far.
    pub(crate) fn shed(&self) -> u64 {
        self.shed
    }

    /// Its link has come up, or it was asked for more: what comes first of each tag is free.
    pub(crate) fn connected(&mut self, now: Moment) {
        if self.granted.is_none_or(|at| now >= at + BETWEEN_SNAPSHOTS) {
            self.granted = Some(now);
            self.snapshot = Some((now, HashSet::new()));
        }
    }

    /// A person lets it begin anew.
    pub(crate) fn forgive(&mut self) {
        *self = Self { shed: self.shed, ..Self::default() };
    }

    /// Takes a batch, removes what may not pass, and returns what it saw if it trips now. Where nothing may be lost all of it
    /// passes until the instance has ended.
    pub(crate) fn take(
        &mut self,
        now: Moment,
        limit: u32,
        keeps_all: bool,
        items: &mut Vec<SampleItem>,
    ) -> Option<Seen> {
        self.counting = items.len() - self.free(now, items);
        self.count(now, self.counting);
        self.look(now, limit);
        if self.stage == SpamStage::Fine {
            return None;
        }
        for item in items.iter() {
            if self.counts.len() < COUNTED_TAGS || self.counts.contains_key(&item.tag) {
                *self.counts.entry(item.tag.clone()).or_default() += 1;
            }
        }
        let trips = self.heat >= SUSPENDED_AT && self.stage != SpamStage::Suspended;
        if trips {
            self.stage = SpamStage::Suspended;
        }
        let before = items.len();
        match self.stage {
            _ if keeps_all => {}
            SpamStage::Fine => {}
            SpamStage::Coalescing => newest_of_each_tag(items),
            SpamStage::Sampling => {
                newest_of_each_tag(items);
                let pass = items.len().min(usize::try_from(self.tokens / MILLION).unwrap_or(usize::MAX));
                self.tokens -= pass as u64 * MILLION;
                items.drain(..items.len() - pass);
            }
            SpamStage::Suspended => items.clear(),
        }
        self.shed += (before - items.len()) as u64;
        trips.then(|| self.seen(now, limit))
    }

    /// How long nothing is read of it after the last batch.
    pub(crate) fn pause(&self, limit: u32) -> Duration {
        if self.stage == SpamStage::Fine || self.degrees(limit) < MOST_DEGREES {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(self.counting as f64 / (f64::from(limit) * TIMES_READ))
    }

    /// Time has passed without a batch: it may cool down.
    pub(crate) fn tick(&mut self, now: Moment, limit: u32) {
        self.count(now, 0);
        self.look(now, limit);
    }

    /// How many of these are first samples of their tag after a connect.
    fn free(&mut self, now: Moment, items: &[SampleItem]) -> usize {
        let Some((since, known)) = &mut self.snapshot else { return 0 };
        if now >= *since + SNAPSHOT {
            self.snapshot = None;
            return 0;
        }
        let mut first = |item: &&SampleItem| known.len() < SNAPSHOT_TAGS && known.insert(item.tag.clone());
        items.iter().filter(|item| first(item)).count()
    }

    fn count(&mut self, now: Moment, samples: usize) {
        let samples = u32::try_from(samples).unwrap_or(u32::MAX);
        let slot = u64::try_from(now.as_millis() / SLOT.as_millis()).unwrap_or(u64::MAX);
        self.sum -= move_on(&mut self.slots, &mut self.slot, slot);
        move_on(&mut self.series, &mut self.second, now.as_secs());
        let newest = &mut self.slots[place::<SLOTS>(self.slot)];
        let before = *newest;
        *newest = newest.saturating_add(samples);
        self.sum += u64::from(*newest - before);
        let this_second = &mut self.series[place::<SERIES>(self.second)];
        *this_second = this_second.saturating_add(samples);
    }

    fn look(&mut self, now: Moment, limit: u32) {
        let passed = now.saturating_sub(self.looked);
        self.looked = self.looked.max(now);
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX).min(MILLION);
        self.tokens = (self.tokens + micros * u64::from(limit)).min(MILLION * u64::from(limit));
        let passed = passed.as_secs_f64();
        if self.stage == SpamStage::Suspended {
            return;
        }
        let window = u64::from(limit) * (SLOTS as u64) / 10;
        let recent: u64 =
            (0..RECENT as u64).map(|back| u64::from(self.slots[place::<SLOTS>(self.slot.wrapping_sub(back))])).sum();
        let over = self.sum > window && recent > u64::from(limit);
        if over && self.stage == SpamStage::Fine {
            self.stage = SpamStage::Coalescing;
            self.counts.clear();
        } else if over {
            // A gap in which nobody looked is no second over the limit.
            self.heat += passed.min(1.0) * self.degrees(limit);
        } else {
            self.heat = (self.heat - passed * COOLING).max(0.0);
        }
        self.stage = match self.stage {
            SpamStage::Fine => SpamStage::Fine,
            _ if !over && self.heat <= 0.0 => SpamStage::Fine,
            _ if self.heat >= SAMPLING_AT => SpamStage::Sampling,
            _ => SpamStage::Coalescing,
        };
    }

    /// Degrees of a second over the limit, by the rate of this slot and the one before.
    fn degrees(&self, limit: u32) -> f64 {
        let now = [0, 1].map(|back| f64::from(self.slots[place::<SLOTS>(self.slot.wrapping_sub(back))]));
        let rate = (now[0] + now[1]) / (2.0 * SLOT.as_secs_f64());
        (rate / f64::from(limit) / TIMES_A_DEGREE).clamp(1.0, MOST_DEGREES)
    }

    fn seen(&self, now: Moment, limit: u32) -> Seen {
        let mut top: Vec<(TagRef, u64)> = self.counts.iter().map(|(tag, count)| (tag.clone(), *count)).collect();
        top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        top.truncate(TOP_TAGS);
        let seconds = (now.as_secs() + 1).min(SERIES as u64);
        let series = (0..seconds).rev().map(|back| self.series[place::<SERIES>(self.second - back)]).collect();
        Seen { rate: self.sum as f64 * 10.0 / SLOTS as f64, limit, heat: self.heat, series, top }
    }
}

/// Where in a ring of `N` this slot lies.
fn place<const N: usize>(slot: u64) -> usize {
    usize::try_from(slot % N as u64).unwrap_or(0)
}

/// Empties what lies between the newest slot and the present one. Returns what was in it.
fn move_on<const N: usize>(slots: &mut [u32; N], newest: &mut u64, present: u64) -> u64 {
    let steps = present.saturating_sub(*newest).min(N as u64);
    let gone = (0..steps).map(|back| u64::from(std::mem::take(&mut slots[place::<N>(present - back)]))).sum();
    *newest = present.max(*newest);
    gone
}

/// Of each tag the last one stays, in its place.
fn newest_of_each_tag(items: &mut Vec<SampleItem>) {
    let mut newest = HashMap::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        newest.insert(item.tag.clone(), at);
    }
    let mut at = 0;
    items.retain(|item| {
        at += 1;
        newest.get(&item.tag) == Some(&(at - 1))
    });
}

#[cfg(test)]
mod tests;
