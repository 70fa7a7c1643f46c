//! Which message is which datapoint: what is subscribed, what the rules say, what was seen.

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use fieldrail_driver::{Failure, Outbox, SampleItem, SubscribedItem, Tag, WireOrigin};
use fieldrail_link_mqtt::{Decoded, Spelling, TopicTree, decode_spelled, encode, json, topic};
use fieldrail_model::{Quality, Value};

use crate::config::{Config, TopicRule};

/// Topics whose way to their datapoints is remembered.
const MAX_WAYS: usize = 100_000;

/// The most datapoints that split payloads may become; further leaves are left out.
const MAX_LEAVES: usize = 100_000;

/// One message on its way to its datapoints.
pub(crate) struct Arrival<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    /// Set if this is the echo of a write.
    pub(crate) origin: Option<WireOrigin>,
}

/// All that is known about topics.
pub(crate) struct Topics {
    rules: Vec<TopicRule>,
    exact: HashMap<String, Wanted>,
    patterns: Vec<Pattern>,
    ways: HashMap<String, Way>,
    leaves: usize,
    /// Datapoints that have had a sample since they are wanted.
    said: HashSet<Tag>,
    tree: TopicTree,
    retain: bool,
    publish_qos: u8,
}

/// What is wanted of one topic by name.
#[derive(Default)]
struct Wanted {
    whole: bool,
    pointers: BTreeSet<String>,
}

struct Pattern {
    text: String,
    filter: String,
}

/// The way of one topic's messages: which rule, which datapoints.
#[derive(Default)]
struct Way {
    rule: Option<usize>,
    whole: Option<Tag>,
    pointers: Vec<(String, Tag)>,
    /// Whether leaves may be wanted by a pattern.
    split: bool,
    leaves: HashMap<String, Option<Tag>>,
}

/// How a value leaves.
pub(crate) struct Outgoing {
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
}

impl Topics {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            rules: config.topics.clone(),
            exact: HashMap::new(),
            patterns: Vec::new(),
            ways: HashMap::new(),
            leaves: 0,
            said: HashSet::new(),
            tree: TopicTree::default(),
            retain: config.retain,
            publish_qos: config.publish_qos,
        }
    }

    /// The topics that were seen.
    pub(crate) fn tree(&mut self) -> &mut TopicTree {
        &mut self.tree
    }

    /// Whether messages of this topic become datapoints.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.exact.contains_key(name) || self.patterns.iter().any(|pattern| topic::matches(&pattern.filter, name))
    }

    /// Takes one subscription, and says how.
    pub(crate) fn subscribe(&mut self, tag: String, is_pattern: bool) -> SubscribedItem {
        self.ways.clear();
        let failure = if is_pattern { self.add_pattern(&tag) } else { self.add_tag(&tag) };
        SubscribedItem { tag, failure: failure.err().map(Into::into) }
    }

    fn add_tag(&mut self, tag: &str) -> Result<(), Failure> {
        let (name, pointer) = check_tag(tag)?;
        let wanted = self.exact.entry(name.to_owned()).or_default();
        match pointer {
            None => wanted.whole = true,
            Some(pointer) => {
                wanted.pointers.insert(pointer.to_owned());
            }
        }
        Ok(())
    }

    fn add_pattern(&mut self, text: &str) -> Result<(), Failure> {
        let filter = topic::from_pattern(text).ok_or_else(|| {
            let hint = "`*` stands for one segment and `**` for any number: house/*/power, alarms/**";
            Failure::new(format!("no topic can match `{}`", text.escape_debug())).hint(hint)
        })?;
        if !self.patterns.iter().any(|pattern| pattern.text == text) {
            self.patterns.push(Pattern { text: text.into(), filter });
        }
        Ok(())
    }

    /// Takes a subscription back, spelled as it was made.
    pub(crate) fn unsubscribe(&mut self, tag: &str) {
        self.ways.clear();
        self.said.clear();
        self.patterns.retain(|pattern| pattern.text != tag);
        let (name, pointer) = json::topic_and_pointer(tag);
        if let Some(wanted) = self.exact.get_mut(name) {
            match pointer {
                None => wanted.whole = false,
                Some(pointer) => {
                    wanted.pointers.remove(pointer);
                }
            }
            if !wanted.whole && wanted.pointers.is_empty() {
                self.exact.remove(name);
            }
        }
    }

    /// Sends a message to the datapoints that are wanted of it.
    pub(crate) fn arrive(&mut self, outbox: &Outbox, arrival: &Arrival<'_>) {
        // A topic that is not kept becomes no datapoint of a pattern: a flood of names ends at the tree's bound.
        let kept = self.tree.insert(arrival.topic);
        if !self.ways.contains_key(arrival.topic) {
            let way = self.find_way(outbox, arrival.topic, kept);
            if self.ways.len() >= MAX_WAYS {
                self.ways.clear();
            }
            self.ways.insert(arrival.topic.to_owned(), way);
        }
        let Some(way) = self.ways.get_mut(arrival.topic) else { return };
        if way.whole.is_none() && way.pointers.is_empty() && !way.split {
            return;
        }
        let decoded = read(way.rule.and_then(|at| self.rules.get(at)), arrival.payload);
        let mut parts: Vec<(Tag, Decoded)> = Vec::new();
        parts.extend(way.pointers.iter().map(|(pointer, tag)| (*tag, part(&decoded, pointer))));
        let leaves = if way.split { json::split(arrival.topic, &decoded.value) } else { Vec::new() };
        for (name, value) in leaves {
            let leaf = way.leaves.get(&name).copied().unwrap_or_else(|| {
                let matches = || self.patterns.iter().any(|pattern| topic::pattern_matches(&pattern.text, &name));
                let leaf = (self.leaves < MAX_LEAVES && matches()).then(|| outbox.tag(&name));
                self.leaves += usize::from(leaf.is_some());
                way.leaves.insert(name, leaf);
                leaf
            });
            parts.extend(leaf.map(|tag| (tag, Decoded { value, quality: Quality::Good, note: None })));
        }
        parts.extend(way.whole.map(|tag| (tag, decoded)));
        for (tag, decoded) in parts {
            self.say(outbox, tag, decoded, arrival.origin.clone());
        }
    }

    /// Sends what is retained for a new subscription; datapoints that a pattern shares with earlier ones are not repeated.
    pub(crate) fn recall(&mut self, outbox: &Outbox, tag: &str, is_pattern: bool, retained: &HashMap<String, Bytes>) {
        if !is_pattern {
            let (name, _) = json::topic_and_pointer(tag);
            if let Some(payload) = retained.get(name) {
                self.say(outbox, outbox.tag(tag), self.reading(tag, payload), None);
            }
            return;
        }
        for (name, payload) in retained {
            let decoded = read(self.rule(name), payload);
            let leaves = match self.rule(name) {
                Some(rule) if rule.json => json::split(name, &decoded.value),
                _ => Vec::new(),
            };
            let good = |value| Decoded { value, quality: Quality::Good, note: None };
            let leaves = leaves.into_iter().map(|(leaf, value)| (leaf, good(value)));
            for (found, decoded) in std::iter::once((name.clone(), decoded)).chain(leaves) {
                let wanted = self.tree.contains(name) && topic::pattern_matches(tag, &found);
                if wanted && !self.said.contains(&outbox.tag(&found)) {
                    self.say(outbox, outbox.tag(&found), decoded, None);
                }
            }
        }
    }

    fn say(&mut self, outbox: &Outbox, tag: Tag, decoded: Decoded, origin: Option<WireOrigin>) {
        self.said.insert(tag);
        let Decoded { value, quality, note } = decoded;
        outbox.push(SampleItem { tag: tag.into(), value, quality, time: None, note, origin });
    }

    fn find_way(&self, outbox: &Outbox, name: &str, kept: bool) -> Way {
        let rule = self.rules.iter().position(|rule| topic::matches(&rule.filter, name));
        let wanted = self.exact.get(name);
        let by_pattern = kept && self.patterns.iter().any(|pattern| topic::pattern_matches(&pattern.text, name));
        let whole = by_pattern || wanted.is_some_and(|wanted| wanted.whole);
        let pointers = wanted.into_iter().flat_map(|wanted| &wanted.pointers);
        let split = kept
            && rule.is_some_and(|at| self.rules[at].json)
            && self.patterns.iter().any(|pattern| topic::matches(&pattern.filter, name));
        Way {
            rule,
            whole: whole.then(|| outbox.tag(name)),
            pointers: pointers.map(|pointer| (pointer.clone(), outbox.tag(&format!("{name}#{pointer}")))).collect(),
            split,
            leaves: HashMap::new(),
        }
    }

    /// What a tag says, given the retained payload of its topic.
    pub(crate) fn reading(&self, tag: &str, payload: &[u8]) -> Decoded {
        let (name, pointer) = json::topic_and_pointer(tag);
        let decoded = read(self.rule(name), payload);
        pointer.map_or(decoded.clone(), |pointer| part(&decoded, pointer))
    }

    fn rule(&self, name: &str) -> Option<&TopicRule> {
        self.rules.iter().find(|rule| topic::matches(&rule.filter, name))
    }

    /// How a value is published to a tag.
    pub(crate) fn outgoing(&self, tag: &str, value: &Value) -> Result<Outgoing, Failure> {
        let (name, pointer) = check_tag(tag)?;
        if pointer.is_some() {
            let hint = "write the whole document to the topic";
            return Err(Failure::new("a part of a payload cannot be written").hint(hint));
        }
        let rule = self.rule(name);
        let fitted = match (rule.and_then(|rule| rule.r#type), value) {
            (Some(declared), value) if !matches!(value, Value::Null) => {
                declared.fit(value).map_err(|misfit| Failure::new(misfit.to_string()))?
            }
            _ => value.clone(),
        };
        Ok(Outgoing {
            payload: encode(&fitted, &spelling(rule)),
            qos: rule.and_then(|rule| rule.qos).unwrap_or(self.publish_qos),
            retain: rule.and_then(|rule| rule.retain).unwrap_or(self.retain),
        })
    }
}

/// The topic and the pointer of a tag.
fn check_tag(tag: &str) -> Result<(&str, Option<&str>), Failure> {
    let (name, pointer) = json::topic_and_pointer(tag);
    let wrong = |reason: &str| Failure::new(format!("`{}` is no topic: {reason}", tag.escape_debug()));
    if !topic::is_valid_name(name) {
        return Err(wrong("it is empty, too long, or holds a wildcard").hint("it looks like house/kitchen/power"));
    }
    if name.starts_with('$') {
        return Err(wrong("topics that begin with `$` belong to the broker itself"));
    }
    if pointer.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
        return Err(wrong("after `#` follows a JSON pointer, which begins with `/`"));
    }
    Ok((name, pointer))
}

fn spelling(rule: Option<&TopicRule>) -> Spelling {
    let usual = Spelling::default();
    Spelling {
        true_text: rule.and_then(|rule| rule.payload_true.clone()).unwrap_or(usual.true_text),
        false_text: rule.and_then(|rule| rule.payload_false.clone()).unwrap_or(usual.false_text),
    }
}

fn read(rule: Option<&TopicRule>, payload: &[u8]) -> Decoded {
    decode_spelled(payload, rule.and_then(|rule| rule.r#type), &spelling(rule))
}

fn part(whole: &Decoded, pointer: &str) -> Decoded {
    match json::part(&whole.value, pointer) {
        Some(value) => Decoded { value, quality: Quality::Good, note: None },
        None => Decoded {
            value: Value::Null,
            quality: Quality::NotFound,
            note: Some(format!("the payload has no part `{pointer}`").into()),
        },
    }
}
