//! What somebody needs: tags, patterns, and topics that are read once.

use std::collections::{BTreeSet, HashMap, HashSet};

use fieldrail_driver::SubscribedItem;

use crate::error::Error;
use crate::plan::Filters;
use crate::rules::Rules;
use crate::topic::{Pattern, Tag};

/// What is needed of one topic by its exact name.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) whole: bool,
    /// JSON pointers into its payload.
    pub(crate) pointers: BTreeSet<String>,
}

struct Subscribed {
    text: String,
    pattern: Pattern,
    filter: String,
}

/// All that is needed right now.
#[derive(Default)]
pub(crate) struct Demand {
    exact: HashMap<String, Wanted>,
    patterns: Vec<Subscribed>,
    /// Topics that are read once, and by how many.
    reads: HashMap<String, usize>,
    /// Rises with each change of `exact` and `patterns`.
    generation: u64,
}

impl Demand {
    /// Rises whenever it must be asked anew who wants what.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes one subscription, and says how.
    pub(crate) fn add(&mut self, tag: String, pattern: bool) -> SubscribedItem {
        self.generation += 1;
        let added = if pattern { self.add_pattern(&tag) } else { self.add_tag(&tag) };
        SubscribedItem { tag, failure: added.err().map(|error| fieldrail_driver::Failure::from(error).into()) }
    }

    fn add_tag(&mut self, tag: &str) -> Result<(), Error> {
        let tag = Tag::parse(tag)?;
        let wanted = self.exact.entry(tag.topic.to_owned()).or_default();
        match tag.pointer {
            None => wanted.whole = true,
            Some(pointer) => drop(wanted.pointers.insert(pointer.to_owned())),
        }
        Ok(())
    }

    fn add_pattern(&mut self, text: &str) -> Result<(), Error> {
        let filter = Pattern::filter(text)?;
        if !self.patterns.iter().any(|subscribed| subscribed.text == text) {
            self.patterns.push(Subscribed { text: text.into(), pattern: Pattern::parse(text), filter });
        }
        Ok(())
    }

    /// Takes a subscription back, spelled as it was made.
    pub(crate) fn remove(&mut self, tag: &str) {
        self.generation += 1;
        self.patterns.retain(|subscribed| subscribed.text != tag);
        let Ok(tag) = Tag::parse(tag) else { return };
        let Some(wanted) = self.exact.get_mut(tag.topic) else { return };
        match tag.pointer {
            None => wanted.whole = false,
            Some(pointer) => drop(wanted.pointers.remove(pointer)),
        }
        if !wanted.whole && wanted.pointers.is_empty() {
            self.exact.remove(tag.topic);
        }
    }

    /// Somebody reads this topic once.
    pub(crate) fn begin_read(&mut self, topic: &str) {
        *self.reads.entry(topic.to_owned()).or_default() += 1;
    }

    /// The read is answered.
    pub(crate) fn end_read(&mut self, topic: &str) {
        if let Some(readers) = self.reads.get_mut(topic) {
            *readers -= 1;
            if *readers == 0 {
                self.reads.remove(topic);
            }
        }
    }

    /// What is needed of this topic by name.
    pub(crate) fn exact(&self, topic: &str) -> Option<&Wanted> {
        self.exact.get(topic)
    }

    /// Whether a pattern matches the tag.
    pub(crate) fn matches(&self, tag: &str) -> bool {
        self.patterns.iter().any(|subscribed| subscribed.pattern.matches(tag))
    }

    /// Every filter that is needed, before covering.
    pub(crate) fn filters(&self, rules: &Rules) -> Filters {
        let topics = self.exact.keys().chain(self.reads.keys());
        let filters = topics.chain(self.patterns.iter().map(|subscribed| &subscribed.filter));
        let unique: HashSet<&String> = filters.collect();
        unique.into_iter().map(|filter| (filter.clone(), rules.qos_in(filter))).collect()
    }
}
