//! What comes from the device: whether something comes at all, and whether it changes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use fieldrail_model::{Quality, Value};
use fieldrail_wire::daemon::Subscription;
use fieldrail_wire::plugin::Samples;
use fieldrail_wire::{SampleItem, TagRef};

use super::{Expected, Finding, Ill, late, put_off};
use crate::life::Moment;

/// Tags whose last value is remembered to see whether any changes; a further one counts as changed.
const REMEMBERED: usize = 100_000;

/// Subscriptions that are known one by one; more only count.
const SUBSCRIBED: usize = 100_000;

/// A driver that renews need not renew more often, however fast somebody asks.
const RENEWED: Duration = Duration::from_secs(5);

/// What came.
#[derive(Debug)]
pub(super) struct Values {
    /// Whether this driver says of values that they still hold. Of one that does not, an interval that somebody asks for says
    /// nothing: its values are messages, and come when they come.
    renews: bool,
    /// Tags and patterns that are asked for, each with its interval.
    subscribed: HashMap<String, Option<Duration>>,
    /// When something came, and when a value changed; not before it could.
    heard: Moment,
    changed: Moment,
    /// The last value of each tag, as a hash; only where a change is expected.
    last: HashMap<TagRef, u64>,
    /// What tags that something is expected of said last.
    tags: BTreeMap<String, Tag>,
    numbers: Numbers,
}

/// Which of the plugin's numbers are tags that something is expected of.
#[derive(Debug, Default)]
struct Numbers {
    names: HashMap<u32, String>,
    /// A bit for each number whose name is known, of interest or not.
    known: Vec<u64>,
}

/// The protocol has no tag numbers from here on.
const NUMBERS: u32 = 4_000_000;

impl Numbers {
    fn is_known(&self, number: u32) -> bool {
        self.known.get(number as usize / 64).is_some_and(|bits| bits >> (number % 64) & 1 == 1)
    }

    /// This number has this name from now on.
    fn learn(&mut self, number: u32, name: Option<String>) {
        if number >= NUMBERS {
            return;
        }
        let at = number as usize / 64;
        if at >= self.known.len() {
            self.known.resize(at + 1, 0);
        }
        self.known[at] |= 1 << (number % 64);
        match name {
            Some(name) => _ = self.names.insert(number, name),
            None => _ = self.names.remove(&number),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Tag {
    heard: Moment,
    changed: Moment,
    value: u64,
    is_bad: bool,
}

impl Values {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            renews: false,
            subscribed: HashMap::new(),
            heard: now,
            changed: now,
            last: HashMap::new(),
            tags: BTreeMap::new(),
            numbers: Numbers::default(),
        }
    }

    /// Something else is expected of tags.
    pub(super) fn expect_anew(&mut self, now: Moment) {
        self.numbers = Numbers::default();
        self.begin(now);
    }

    /// From now on it may be held to what is expected.
    pub(super) fn begin(&mut self, now: Moment) {
        (self.heard, self.changed) = (now, now);
        self.tags.clear();
        self.last.clear();
    }

    /// Whether anything is asked for.
    pub(super) fn is_wanted(&self) -> bool {
        !self.subscribed.is_empty()
    }

    pub(super) fn subscribed(&mut self, items: &[Subscription], folds: bool, now: Moment) {
        if self.subscribed.is_empty() {
            self.begin(now);
        }
        for item in items {
            if self.subscribed.len() < SUBSCRIBED {
                let interval = item.interval_ms.map(|ms| Duration::from_millis(ms.into()));
                self.subscribed.insert(folded(&item.tag, folds), interval);
            }
        }
    }

    pub(super) fn unsubscribed(&mut self, tags: &[String], folds: bool) {
        for tag in tags {
            let tag = folded(tag, folds);
            self.subscribed.remove(&tag);
            self.tags.remove(&tag);
        }
    }

    /// Numbers whose names somebody must look up before the batch is taken: they were declared before something was expected
    /// of tags.
    pub(super) fn unknown(&self, expected: &Expected, batch: &Samples) -> Vec<u32> {
        if expected.tags.is_empty() {
            return Vec::new();
        }
        let declared: HashSet<u32> = batch.tags.iter().map(|(number, _)| *number).collect();
        let number = |item: &SampleItem| match item.tag {
            TagRef::Number(number) => Some(number),
            TagRef::Name(_) => None,
        };
        let of_interest =
            |number: &u32| *number < NUMBERS && !self.numbers.is_known(*number) && !declared.contains(number);
        let unknown: BTreeSet<u32> = batch.items.iter().filter_map(number).filter(of_interest).collect();
        unknown.into_iter().collect()
    }

    /// The name behind a number.
    pub(super) fn learn(&mut self, expected: &Expected, number: u32, name: Option<&str>, folds: bool) {
        let name = name.map(|name| folded(name, folds)).filter(|name| expected.tags.contains_key(name));
        self.numbers.learn(number, name);
    }

    /// A batch has come.
    pub(super) fn samples(&mut self, expected: &Expected, batch: &Samples, folds: bool, now: Moment) {
        self.heard = now;
        if !expected.tags.is_empty() {
            for (number, name) in &batch.tags {
                self.learn(expected, *number, Some(name), folds);
            }
        }
        for item in &batch.items {
            if expected.changed.is_some() && self.is_change(item) {
                self.changed = now;
            }
            if let Some(name) = self.name(expected, &item.tag, folds) {
                let value = hash(&item.value, item.quality);
                let before = self.tags.get(&name).filter(|before| before.value == value);
                let changed = before.map_or(now, |before| before.changed);
                let is_bad = item.quality.class() == fieldrail_model::Class::Bad;
                self.tags.insert(name, Tag { heard: now, changed, value, is_bad });
            }
        }
    }

    fn is_change(&mut self, item: &SampleItem) -> bool {
        let value = hash(&item.value, item.quality);
        if self.last.len() >= REMEMBERED && !self.last.contains_key(&item.tag) {
            return true;
        }
        self.last.insert(item.tag.clone(), value) != Some(value)
    }

    /// The last sample of each of these still holds.
    pub(super) fn renewed(&mut self, expected: &Expected, tags: &[TagRef], folds: bool, now: Moment) {
        self.heard = now;
        self.renews = true;
        for tag in tags {
            if let Some(name) = self.name(expected, tag, folds)
                && let Some(tag) = self.tags.get_mut(&name)
            {
                tag.heard = now;
            }
        }
    }

    /// The name of a tag that something is expected of.
    fn name(&self, expected: &Expected, tag: &TagRef, folds: bool) -> Option<String> {
        if expected.tags.is_empty() {
            return None;
        }
        match tag {
            TagRef::Name(name) => Some(folded(name, folds)).filter(|name| expected.tags.contains_key(name)),
            TagRef::Number(number) => self.numbers.names.get(number).cloned(),
        }
    }

    /// Looks for what is missing.
    pub(super) fn look(&self, expected: &Expected, folds: bool, now: Moment) -> Option<Finding> {
        if !self.is_wanted() {
            return None;
        }
        self.silent(expected, folds, now)
            .or_else(|| self.silent_tag(expected, now))
            .or_else(|| self.frozen(expected, now))
            .or_else(|| self.frozen_tag(expected, now))
    }

    fn silent(&self, expected: &Expected, folds: bool, now: Moment) -> Option<Finding> {
        let asked = self.subscribed.values().map(|asked| asked.filter(|_| self.renews).map(|every| every.max(RENEWED)));
        let of_tags = expected.tags.iter().map(|(tag, expected)| {
            let is_asked = self.subscribed.contains_key(&folded(tag, folds));
            expected.heard.filter(|_| is_asked)
        });
        let interval = expected.heard.or_else(|| asked.chain(of_tags).flatten().min())?;
        (now.saturating_sub(self.heard) >= late(interval)).then(|| Finding {
            ill: Ill::Silent,
            since: self.heard,
            tag: None,
            what: "is connected, and nothing has come from its device".into(),
            should: format!(", something should every {} s", interval.as_secs_f32()),
            next: "it is watched on, and the next value ends this".into(),
            hint: "does the device still send? a restart of the instance makes the connection anew",
            hangs: false,
        })
    }

    fn silent_tag(&self, expected: &Expected, now: Moment) -> Option<Finding> {
        let mut overdue = self.tags.iter().filter_map(|(name, tag)| {
            let interval = expected.tags.get(name)?.heard?;
            (!tag.is_bad && now.saturating_sub(tag.heard) >= late(interval)).then_some((tag.heard, name, interval))
        });
        let (since, name, interval) = overdue.next()?;
        Some(Finding {
            ill: Ill::Silent,
            since,
            tag: Some(name.clone()),
            what: format!("`{name}`{} has been neither sent nor renewed", and_more(overdue.count())),
            should: format!(", it should be every {} s", interval.as_secs_f32()),
            next: "it is watched on, and the next value ends this".into(),
            hint: "does the device still send it? else give it a longer `deadline_s` in datapoints.json",
            hangs: false,
        })
    }

    fn frozen(&self, expected: &Expected, now: Moment) -> Option<Finding> {
        let interval = expected.changed?;
        (now.saturating_sub(self.changed) >= interval).then(|| Finding {
            ill: Ill::Frozen,
            since: self.changed,
            tag: None,
            what: "none of its values has changed".into(),
            should: format!(", one should within {} s", interval.as_secs_f32()),
            next: "it is watched on, and the next change ends this".into(),
            hint: "is the device itself stuck? else give a longer `health.frozen_after_seconds`",
            hangs: false,
        })
    }

    fn frozen_tag(&self, expected: &Expected, now: Moment) -> Option<Finding> {
        let mut overdue = self.tags.iter().filter_map(|(name, tag)| {
            let interval = expected.tags.get(name)?.changed?;
            (!tag.is_bad && now.saturating_sub(tag.changed) >= interval).then_some((tag.changed, name, interval))
        });
        let (since, name, interval) = overdue.next()?;
        Some(Finding {
            ill: Ill::Frozen,
            since,
            tag: Some(name.clone()),
            what: format!("`{name}`{} has not changed", and_more(overdue.count())),
            should: format!(", it should within {} s", interval.as_secs_f32()),
            next: "it is watched on, and the next change ends this".into(),
            hint: "is the sensor stuck? else give a longer `frozen_after_s` in datapoints.json",
            hangs: false,
        })
    }

    pub(super) fn put_off(&mut self, time: Duration, now: Moment) {
        put_off(&mut self.heard, time, now);
        put_off(&mut self.changed, time, now);
        for tag in self.tags.values_mut() {
            put_off(&mut tag.heard, time, now);
            put_off(&mut tag.changed, time, now);
        }
    }
}

fn and_more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more)") }
}

/// The tag as it is compared.
fn folded(tag: &str, folds: bool) -> String {
    if folds { tag.to_lowercase() } else { tag.to_owned() }
}

/// A number that is another one if value or quality is another one, but for the odd chance of 64 bits.
fn hash(value: &Value, quality: Quality) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(value).hash(&mut hasher);
    match value {
        Value::Null => {}
        Value::Bool(value) => value.hash(&mut hasher),
        Value::Int(value) => value.hash(&mut hasher),
        Value::UInt(value) => value.hash(&mut hasher),
        Value::Float(value) => value.to_bits().hash(&mut hasher),
        Value::Text(value) | Value::Json(value) => value.hash(&mut hasher),
        Value::Bytes(value) => value.hash(&mut hasher),
    }
    quality.code().hash(&mut hasher);
    hasher.finish()
}
