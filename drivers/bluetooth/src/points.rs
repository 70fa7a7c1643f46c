//! The datapoints of the instance: what is known, who needs it, and what of it is sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use fieldrail_driver::{Node, Outbox, Page, Reading, SampleItem, SubscribedItem, Subscription};
use fieldrail_model::text::{Needle, did_you_mean};
use fieldrail_model::{Quality, Value};

use crate::error::Error;

/// The most datapoints; a device has about 15.
const MOST: usize = 20_000;

/// The most subscriptions.
const MOST_SUBSCRIPTIONS: usize = 20_000;

/// One datapoint.
#[derive(Debug, Clone)]
struct Point {
    value: Value,
    quality: Quality,
    note: Option<Arc<str>>,
    unit: Option<Arc<str>>,
    comment: Option<Arc<str>>,
}

/// All of them by tag.
pub(crate) struct Points {
    outbox: Outbox,
    known: BTreeMap<Arc<str>, Point>,
    exact: std::collections::HashSet<String>,
    patterns: Vec<String>,
}

/// What is said of a datapoint.
pub(crate) struct Said<'a> {
    pub(crate) value: Value,
    pub(crate) quality: Quality,
    pub(crate) note: Option<&'a str>,
    pub(crate) unit: Option<&'a str>,
    pub(crate) comment: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub(crate) fn good(value: impl Into<Value>) -> Self {
        Self { value: value.into(), quality: Quality::Good, note: None, unit: None, comment: None }
    }

    pub(crate) fn unit(mut self, unit: Option<&'a str>) -> Self {
        self.unit = unit;
        self
    }

    pub(crate) fn comment(mut self, comment: &'a str) -> Self {
        self.comment = Some(comment);
        self
    }

    pub(crate) fn doubt(mut self, quality: Quality, note: &'a str) -> Self {
        (self.quality, self.note) = (quality, Some(note));
        self
    }
}

impl Points {
    pub(crate) fn new(outbox: Outbox) -> Self {
        Self { outbox, known: BTreeMap::new(), exact: std::collections::HashSet::default(), patterns: Vec::new() }
    }

    /// Keeps what is said, and sends it if somebody needs it and it is new.
    pub(crate) fn say(&mut self, tag: &str, said: Said<'_>) {
        let is_needed = self.is_needed(tag);
        if let Some(point) = self.known.get_mut(tag) {
            let is_same =
                point.quality == said.quality && point.note.as_deref() == said.note && same(&point.value, &said.value);
            if is_same {
                return;
            }
            point.value = said.value;
            point.quality = said.quality;
            point.note = said.note.map(Into::into);
        } else {
            if self.known.len() >= MOST {
                return;
            }
            let point = Point {
                value: said.value,
                quality: said.quality,
                note: said.note.map(Into::into),
                unit: said.unit.map(Into::into),
                comment: said.comment.map(Into::into),
            };
            self.known.insert(tag.into(), point);
        }
        if is_needed {
            self.send(tag);
        }
    }

    /// The values below a prefix that were good are not so sure any more.
    pub(crate) fn doubt(&mut self, prefix: &str, except: &[&str], quality: Quality, note: &str) {
        let beginning = format!("{prefix}.");
        let after = |tag: &Arc<str>| {
            let rest = tag.strip_prefix(&beginning)?;
            (!except.contains(&rest)).then(|| Arc::clone(tag))
        };
        let tags: Vec<Arc<str>> = self.known.keys().filter_map(after).collect();
        for tag in tags {
            let Some(point) = self.known.get(&tag) else { continue };
            let value = point.value.clone();
            self.say(&tag, Said::good(value).doubt(quality, note));
        }
    }

    /// Forgets what is below a prefix; who needs it hears that it is gone.
    pub(crate) fn forget(&mut self, prefix: &str) {
        let beginning = format!("{prefix}.");
        let tags: Vec<Arc<str>> = self.known.keys().filter(|tag| tag.starts_with(&beginning)).cloned().collect();
        for tag in tags {
            let gone = Said::good(Value::Null).doubt(Quality::NotFound, "the device was forgotten");
            self.say(&tag, gone);
            self.known.remove(&tag);
        }
    }

    fn is_needed(&self, tag: &str) -> bool {
        self.exact.contains(tag) || self.patterns.iter().any(|pattern| matches(pattern, tag))
    }

    fn send(&self, tag: &str) {
        let Some(point) = self.known.get(tag) else { return };
        self.outbox.push(SampleItem {
            // A number is for ever, so only what is needed gets one: addresses come and go.
            tag: self.outbox.tag(tag).into(),
            value: point.value.clone(),
            quality: point.quality,
            time: None,
            note: point.note.clone(),
            origin: None,
        });
    }

    pub(crate) fn subscribe(&mut self, items: Vec<Subscription>) -> Vec<SubscribedItem> {
        items.into_iter().map(|item| self.subscribe_one(item)).collect()
    }

    fn subscribe_one(&mut self, item: Subscription) -> SubscribedItem {
        let tag = item.tag;
        if self.exact.len() + self.patterns.len() >= MOST_SUBSCRIPTIONS {
            let failure =
                fieldrail_driver::Failure::new(format!("{MOST_SUBSCRIPTIONS} datapoints are subscribed already"));
            return SubscribedItem { tag, failure: Some(failure.into()) };
        }
        if item.pattern {
            if !self.patterns.contains(&tag) {
                self.patterns.push(tag.clone());
            }
            let fitting: Vec<Arc<str>> = self.known.keys().filter(|known| matches(&tag, known)).cloned().collect();
            for known in fitting {
                self.send(&known);
            }
        } else {
            self.exact.insert(tag.clone());
            if self.known.contains_key(tag.as_str()) {
                self.send(&tag);
            } else {
                // A device may be heard later.
                self.outbox.doubt(self.outbox.tag(&tag), Value::Null, Quality::NoData, "nothing was heard of it yet");
            }
        }
        SubscribedItem { tag, failure: None }
    }

    pub(crate) fn unsubscribe(&mut self, tags: &[String]) {
        for tag in tags {
            self.exact.remove(tag);
            self.patterns.retain(|pattern| pattern != tag);
        }
    }

    pub(crate) fn read(&self, tags: Vec<String>) -> Vec<Reading> {
        let one = |tag: String| {
            let Some(point) = self.known.get(tag.as_str()) else {
                let note = self.no_tag(&tag).to_string();
                return Reading { tag, value: Value::Null, quality: Quality::NotFound, note: Some(note.into()) };
            };
            Reading { tag, value: point.value.clone(), quality: point.quality, note: point.note.clone() }
        };
        tags.into_iter().map(one).collect()
    }

    fn no_tag(&self, tag: &str) -> Error {
        let near = did_you_mean(tag, self.known.keys().map(AsRef::as_ref));
        Error::NoTag { tag: tag.chars().take(64).collect(), near }
    }

    /// One page of the children of a path. None if there is nothing at the path. `says` has words for a folder.
    pub(crate) fn children(
        &self,
        page: &Page,
        says: impl Fn(&str) -> Option<String>,
    ) -> Option<(Vec<Node>, Option<String>)> {
        let beginning = if page.path.is_empty() { String::new() } else { format!("{}.", page.path) };
        let mut nodes: Vec<Node> = Vec::new();
        for (tag, point) in &self.known {
            let Some(rest) = tag.strip_prefix(beginning.as_str()) else { continue };
            let end = rest.find('.').unwrap_or(rest.len());
            let (name, is_leaf) = (&rest[..end], end == rest.len());
            let path = format!("{beginning}{name}");
            if nodes.last().is_none_or(|last| last.name != name) {
                nodes.push(Node { name: name.into(), comment: says(&path), path, ..Node::default() });
            }
            let Some(last) = nodes.last_mut() else { continue };
            if is_leaf {
                *last = Node { children: last.children, ..node(tag, point) };
            } else {
                last.children = true;
            }
        }
        if nodes.is_empty() && !page.path.is_empty() {
            return None;
        }
        let filter = Needle::new(page.filter.as_deref().unwrap_or_default());
        nodes.retain(|node| filter.is_in(&node.name) || node.comment.as_deref().is_some_and(|text| filter.is_in(text)));
        Some(cut(nodes, page))
    }

    /// One page of the values whose tag, comment or folder holds a text.
    pub(crate) fn search(&self, page: &Page, says: impl Fn(&str) -> Option<String>) -> (Vec<Node>, Option<String>) {
        let text = Needle::new(page.filter.as_deref().unwrap_or_default());
        let is_of = |tag: &str| {
            let folder = tag.rsplit_once('.').map(|(folder, _)| folder);
            text.is_in(tag) || folder.and_then(&says).is_some_and(|said| text.is_in(&said))
        };
        cut(self.known.iter().filter(|(tag, _)| is_of(tag)).map(|(tag, point)| node(tag, point)).collect(), page)
    }
}

fn node(tag: &str, point: &Point) -> Node {
    let kind = match &point.value {
        Value::Bool(_) => Some("bool"),
        Value::Int(_) | Value::UInt(_) => Some("int"),
        Value::Float(_) => Some("float"),
        Value::Text(_) => Some("text"),
        _ => None,
    };
    Node {
        name: tag.rsplit('.').next().unwrap_or_default().into(),
        path: tag.into(),
        tag: Some(tag.into()),
        r#type: kind.map(Into::into),
        unit: point.unit.as_deref().map(Into::into),
        comment: point.comment.as_deref().map(Into::into),
        writable: Some(false),
        ..Node::default()
    }
}

/// Whether two values are the same, NaN with itself too.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

/// The page of a list that follows `after`, which is a position in it.
fn cut(nodes: Vec<Node>, page: &Page) -> (Vec<Node>, Option<String>) {
    let begin: usize = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
    let limit = page.limit.max(1);
    let next = (nodes.len() > begin.saturating_add(limit)).then(|| (begin + limit).to_string());
    (nodes.into_iter().skip(begin).take(limit).collect(), next)
}

/// Whether a pattern matches a tag: `*` within a segment, `**` any number of them; segments end at `.` and `/`.
fn matches(pattern: &str, tag: &str) -> bool {
    let tag: Vec<char> = tag.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    // Which beginnings of the tag the pattern so far matches.
    let mut reached = vec![false; tag.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let is_wide = pattern[at] == '*' && pattern.get(at + 1) == Some(&'*');
        if pattern[at] == '*' {
            for end in 0..tag.len() {
                reached[end + 1] |= reached[end] && (is_wide || !matches!(tag[end], '.' | '/'));
            }
        } else {
            for end in (0..tag.len()).rev() {
                reached[end + 1] = reached[end] && tag[end] == pattern[at];
            }
            reached[0] = false;
        }
        at += if is_wide { 2 } else { 1 };
    }
    reached[tag.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> Points {
        let mut points = Points::new(Outbox::detached());
        for tag in ["devices.A.rssi", "devices.A.name", "devices.B.rssi", "cellar.temperature"] {
            points.say(tag, Said::good(1_i64).unit(Some("dBm")));
        }
        points
    }

    fn page(path: &str, filter: Option<&str>, limit: usize) -> Page {
        Page { request: 1, path: path.into(), filter: filter.map(Into::into), after: None, limit }
    }

    fn names(found: &(Vec<Node>, Option<String>)) -> Vec<&str> {
        found.0.iter().map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn tags_are_a_tree_that_is_shown_in_pages() {
        let points = points();
        let says = |path: &str| (path == "devices.A").then(|| "Kitchen".to_owned());
        assert_eq!(names(&points.children(&page("", None, 9), says).unwrap()), ["cellar", "devices"]);
        let devices = points.children(&page("devices", None, 1), says).unwrap();
        assert_eq!((names(&devices), devices.1.as_deref()), (vec!["A"], Some("1")));
        assert_eq!(devices.0[0].comment.as_deref(), Some("Kitchen"));
        assert_eq!(names(&points.children(&page("devices.A", None, 9), says).unwrap()), ["name", "rssi"]);
        assert!(points.children(&page("nothing", None, 9), says).is_none());
        assert_eq!(names(&points.search(&page("", Some("kitch"), 9), says)), ["name", "rssi"]);
    }

    #[test]
    fn what_is_needed_is_sent_when_it_changes() {
        let mut points = points();
        let outbox = points.outbox.clone();
        let item = |tag: &str, pattern| Subscription { tag: tag.into(), pattern, interval_ms: None };
        points.subscribe(vec![item("devices.*.rssi", true)]);
        assert_eq!(outbox.pushed(), 2);
        points.say("devices.A.rssi", Said::good(1_i64));
        assert_eq!(outbox.pushed(), 2, "it is the same");
        points.say("devices.A.rssi", Said::good(2_i64));
        points.say("devices.A.name", Said::good(2_i64));
        assert_eq!(outbox.pushed(), 3, "nobody needs the name");
        points.subscribe(vec![item("later.rssi", false)]);
        assert_eq!(outbox.pushed(), 4, "it is said that there is nothing yet");
        points.forget("devices.A");
        assert_eq!(outbox.pushed(), 5);
        assert_eq!(points.read(vec!["devices.A.rssi".into()])[0].quality, Quality::NotFound);
    }
}
