//! From a message to samples: one hash look-up for the topic, then its tags.
//!
//! Invariant: the last value of each tag is kept, so that a lost link can take it back (`NotConnected`) and a read can be
//! answered. Bounded: topics beyond [`MOST_TOPICS`] are left out, and one log line says so.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use fieldrail_driver::{Outbox, SampleItem, Tag};
use fieldrail_model::{Quality, Value};
use tokio::time::Instant;

use crate::codec::Decoded;
use crate::demand::Demand;
use crate::echo::Echoes;
use crate::json;
use crate::link::{Message, Origin};
use crate::rules::{Rule, Rules};

/// Topics that are kept with their last value.
pub(crate) const MOST_TOPICS: usize = 100_000;

/// Everything that arrived, by topic.
pub(crate) struct Topics {
    outbox: Outbox,
    entries: HashMap<Box<[u8]>, Entry>,
    pub(crate) echoes: Echoes,
    /// While filters overlap, the broker may deliver a message twice.
    pub(crate) overlap_until: Option<Instant>,
    /// Messages that were left out.
    left_out: u64,
    /// Samples that were sent.
    received: u64,
}

struct Entry {
    topic: Arc<str>,
    rule: Rc<Rule>,
    /// The demand that `whole` and `leaves` are made for.
    generation: u64,
    whole: Part,
    leaves: HashMap<Box<str>, Part>,
    /// A leaf beyond these may be wanted.
    open: bool,
    /// The last payload while filters overlap; a second copy uses it up.
    copy: Option<bytes::Bytes>,
}

/// The payload as a whole, or one leaf of it.
#[derive(Default)]
struct Part {
    /// Set if somebody needs it.
    tag: Option<Tag>,
    last: Option<Decoded>,
}

impl Topics {
    pub(crate) fn new(outbox: Outbox) -> Self {
        Self {
            outbox,
            entries: HashMap::new(),
            echoes: Echoes::default(),
            overlap_until: None,
            left_out: 0,
            received: 0,
        }
    }

    /// Turns a message into samples. Returns the topic and its value where it is seen for the first time.
    pub(crate) fn receive(&mut self, message: Message, demand: &Demand, rules: &Rules) -> Option<(Arc<str>, Decoded)> {
        let new = !self.entries.contains_key(&message.topic[..]);
        if new && !self.make_room(&message.topic, rules) {
            return None;
        }
        let entry = self.entries.get_mut(&message.topic[..])?;
        if entry.generation != demand.generation() {
            entry.wire_up(demand, &self.outbox);
        }
        if let Some(until) = self.overlap_until {
            let now = Instant::now();
            if now > until {
                self.overlap_until = None;
            } else if entry.is_copy(&message) {
                return None;
            }
        }
        let origin = message.origin.or_else(|| self.echoes.recognise(&message.topic, &message.payload));
        self.received += 1;
        let decoded = entry.rule.codec.decode(&message.payload);
        if entry.open || !entry.leaves.is_empty() {
            entry.split(&message.payload, origin.as_ref(), demand, &self.outbox);
        }
        entry.whole.say(&decoded, origin, &self.outbox);
        let first = new.then(|| (Arc::clone(&entry.topic), decoded.clone()));
        entry.whole.last = Some(decoded);
        first
    }

    /// Makes an entry for a topic that was never seen. False if there is no room, or if it is no text.
    fn make_room(&mut self, topic: &[u8], rules: &Rules) -> bool {
        let Ok(text) = std::str::from_utf8(topic) else { return false };
        if self.entries.len() >= MOST_TOPICS {
            self.entries.retain(|_, entry| entry.is_wanted());
        }
        if self.entries.len() >= MOST_TOPICS {
            if self.left_out == 0 {
                tracing::warn!(topic = text, "More than {MOST_TOPICS} topics arrive; further ones are left out.");
            }
            self.left_out += 1;
            return false;
        }
        self.entries.insert(topic.into(), Entry::new(text, rules));
        true
    }

    /// What is known of a tag: a topic, or a leaf of its payload.
    pub(crate) fn last(&self, topic: &str, pointer: Option<&str>) -> Option<Decoded> {
        let entry = self.entries.get(topic.as_bytes())?;
        let whole = entry.whole.last.as_ref()?;
        let Some(pointer) = pointer else { return Some(whole.clone()) };
        if whole.quality == Quality::NotConnected {
            return entry.leaves.get(pointer)?.last.clone();
        }
        Some(entry.leaf(whole, pointer))
    }

    /// Sends what is known of a tag that somebody needs from now on: the broker sees no new subscription in it.
    pub(crate) fn greet(&mut self, topic: &str, demand: &Demand) {
        if let Some(entry) = self.entries.get_mut(topic.as_bytes()) {
            entry.greet(demand, &self.outbox);
        }
    }

    /// The same for all topics that `is_had` says are delivered.
    pub(crate) fn greet_all(&mut self, demand: &Demand, is_had: impl Fn(&str) -> bool) {
        for entry in self.entries.values_mut().filter(|entry| is_had(&entry.topic)) {
            entry.greet(demand, &self.outbox);
        }
    }

    /// Takes back every value that stands: the samples to send, one for each tag.
    pub(crate) fn disconnect(&mut self, demand: &Demand, why: &Arc<str>) -> Vec<SampleItem> {
        let mut samples = Vec::new();
        for entry in self.entries.values_mut() {
            if entry.generation != demand.generation() {
                entry.wire_up(demand, &self.outbox);
            }
            for part in std::iter::once(&mut entry.whole).chain(entry.leaves.values_mut()) {
                let Some(last) = &mut part.last else { continue };
                if last.quality == Quality::NotConnected {
                    continue;
                }
                *last = Decoded::bad(std::mem::take(&mut last.value), Quality::NotConnected, Arc::clone(why));
                samples.extend(part.tag.map(|tag| sample(tag, last, None)));
            }
        }
        samples
    }

    /// Says that a topic cannot be had from this broker.
    pub(crate) fn refuse(&mut self, topic: &str, demand: &Demand, why: &str) {
        let Some(wanted) = demand.exact(topic) else { return };
        let whole = wanted.whole.then(|| self.outbox.tag(topic));
        let leaves = wanted.pointers.iter().map(|pointer| self.outbox.tag(&format!("{topic}#{pointer}")));
        for tag in whole.into_iter().chain(leaves) {
            self.outbox.doubt(tag, Value::Null, Quality::ConfigError, format!("the broker does not give it: {why}"));
        }
    }

    /// How many topics are known, and how many messages were taken and left out.
    pub(crate) fn figures(&self) -> [(&'static str, f64); 3] {
        let topics = self.entries.len() as f64;
        [("topics", topics), ("messages_in", self.received as f64), ("messages_left_out", self.left_out as f64)]
    }
}

impl Entry {
    fn new(topic: &str, rules: &Rules) -> Self {
        Self {
            topic: topic.into(),
            rule: Rc::clone(rules.of(topic)),
            generation: u64::MAX,
            whole: Part::default(),
            leaves: HashMap::new(),
            open: false,
            copy: None,
        }
    }

    fn is_wanted(&self) -> bool {
        self.open || self.whole.tag.is_some() || self.leaves.values().any(|leaf| leaf.tag.is_some())
    }

    /// Asks the demand anew who wants what of this topic.
    fn wire_up(&mut self, demand: &Demand, outbox: &Outbox) {
        self.generation = demand.generation();
        let exact = demand.exact(&self.topic);
        let whole = exact.is_some_and(|wanted| wanted.whole) || demand.matches(&self.topic);
        self.whole.tag = whole.then(|| outbox.tag(&self.topic));
        for (pointer, leaf) in &mut self.leaves {
            leaf.tag = leaf_tag(&self.topic, pointer, self.rule.json, demand, outbox);
        }
        for pointer in exact.iter().flat_map(|wanted| &wanted.pointers) {
            let leaf = self.leaves.entry(pointer.as_str().into()).or_default();
            leaf.tag = leaf_tag(&self.topic, pointer, self.rule.json, demand, outbox);
        }
        self.open = self.rule.json;
        if !self.open {
            self.leaves.retain(|_, leaf| leaf.tag.is_some());
        }
    }

    /// Sends the last value to whoever came new.
    fn greet(&mut self, demand: &Demand, outbox: &Outbox) {
        let had_whole = self.whole.tag.is_some();
        let had: HashSet<Box<str>> = self.tagged_leaves().map(|(pointer, _)| pointer.clone()).collect();
        self.wire_up(demand, outbox);
        let Some(last) = &self.whole.last else { return };
        if !had_whole {
            self.whole.say(last, None, outbox);
        }
        for (pointer, leaf) in self.tagged_leaves().filter(|(pointer, _)| !had.contains(*pointer)) {
            leaf.say(&self.leaf(last, pointer), None, outbox);
        }
    }

    fn tagged_leaves(&self) -> impl Iterator<Item = (&Box<str>, &Part)> {
        self.leaves.iter().filter(|(_, leaf)| leaf.tag.is_some())
    }

    fn is_copy(&mut self, message: &Message) -> bool {
        if !message.retained && self.copy.as_ref() == Some(&message.payload) {
            self.copy = None;
            return true;
        }
        self.copy = Some(bytes::Bytes::copy_from_slice(&message.payload));
        false
    }

    /// Samples of the leaves.
    fn split(&mut self, payload: &[u8], origin: Option<&Origin>, demand: &Demand, outbox: &Outbox) {
        let Ok(document) = serde_json::from_slice::<serde_json::Value>(payload) else {
            let raw = self.rule.codec.decode(payload).value;
            for leaf in self.leaves.values_mut() {
                leaf.take(Decoded::bad(raw.clone(), Quality::TypeMismatch, "the payload is no JSON"), origin, outbox);
            }
            return;
        };
        if self.open {
            let Self { topic, rule, leaves, .. } = self;
            let all = json::leaves(&document, |pointer, _| {
                if !leaves.contains_key(pointer) && leaves.len() < json::MOST_LEAVES {
                    let tag = leaf_tag(topic, pointer, rule.json, demand, outbox);
                    leaves.insert(pointer.into(), Part { tag, last: None });
                }
            });
            if !all && leaves.values().all(|leaf| leaf.last.is_none()) {
                tracing::warn!(%topic, "The payload has more than {} leaves; the rest is left out.", json::MOST_LEAVES);
            }
        }
        for (pointer, leaf) in &mut self.leaves {
            leaf.take(leaf_of(&self.rule, &document, pointer), origin, outbox);
        }
    }

    /// One leaf of the last payload.
    fn leaf(&self, whole: &Decoded, pointer: &str) -> Decoded {
        match serde_json::from_str(&whole.value.to_string()) {
            Ok(document) => leaf_of(&self.rule, &document, pointer),
            Err(_) => Decoded::bad(whole.value.clone(), Quality::TypeMismatch, "the payload is no JSON"),
        }
    }
}

fn leaf_of(rule: &Rule, document: &serde_json::Value, pointer: &str) -> Decoded {
    match document.pointer(pointer) {
        Some(value) => rule.codec.decode_leaf(value),
        None => Decoded::bad(Value::Null, Quality::NotFound, format!("the payload has no {pointer}")),
    }
}

/// The tag of a leaf, if somebody needs it: by name always, by pattern where the rule splits.
fn leaf_tag(topic: &str, pointer: &str, split: bool, demand: &Demand, outbox: &Outbox) -> Option<Tag> {
    let name = format!("{topic}#{pointer}");
    let named = demand.exact(topic).is_some_and(|wanted| wanted.pointers.contains(pointer));
    (named || split && demand.matches(&name)).then(|| outbox.tag(&name))
}

impl Part {
    fn take(&mut self, decoded: Decoded, origin: Option<&Origin>, outbox: &Outbox) {
        self.say(&decoded, origin.cloned(), outbox);
        self.last = Some(decoded);
    }

    /// Sends the sample, if somebody needs it.
    fn say(&self, decoded: &Decoded, origin: Option<Origin>, outbox: &Outbox) {
        if let Some(tag) = self.tag {
            outbox.push(sample(tag, decoded, origin));
        }
    }
}

fn sample(tag: Tag, decoded: &Decoded, origin: Option<Origin>) -> SampleItem {
    SampleItem {
        tag: tag.into(),
        value: decoded.value.clone(),
        quality: decoded.quality,
        time: None,
        note: decoded.note.clone(),
        origin,
    }
}
