//! A live view of datapoints for one browser: a snapshot first, then what changed.

use std::collections::HashMap;
use std::sync::Arc;

use fieldrail_model::InstanceId;
use fieldrail_router::{Pattern, PointId};

use crate::data::{reach, view};
use crate::demand::Need;
use crate::live::{Client, MOST_WATCHED, Watchers};
use crate::people::Who;
use crate::views::{Delta, Point};
use crate::{Error, Node, Result};

/// What one subscription holds on to.
#[derive(Default)]
struct Held {
    points: Vec<PointId>,
    needs: Vec<(InstanceId, Need)>,
}

/// One live view. What it needs is read from the devices as long as it lives.
pub struct Stream {
    node: Arc<Node>,
    client: Arc<Client>,
    held: HashMap<String, Held>,
}

/// Addresses and patterns that one stream may hold.
const MOST_HELD: usize = 20_000;

impl Stream {
    /// A view of nothing yet.
    pub fn new(node: Arc<Node>) -> Self {
        Self { node, client: Watchers::client(), held: HashMap::new() }
    }

    /// Adds addresses, or patterns with `*` and `**`. Returns what is known of them now.
    ///
    /// # Errors
    /// One of them is wrong or out of reach; then none was added.
    pub fn subscribe(&mut self, who: &Who, wanted: &[String]) -> Result<Vec<Point>> {
        if self.held.len() + wanted.len() > MOST_HELD {
            return Err(Error::invalid(format!("at most {MOST_HELD} subscriptions at a time"), "use a pattern"));
        }
        let mut added = Vec::new();
        for text in wanted {
            if self.held.contains_key(text) {
                continue;
            }
            match may_follow(who, text).and_then(|()| self.hold(text)) {
                Ok(held) => {
                    self.held.insert(text.clone(), held);
                    added.push(text.clone());
                }
                Err(error) => {
                    self.unsubscribe(&added);
                    return Err(error);
                }
            }
        }
        let engine = self.node.traffic.engine();
        let points = added.iter().filter_map(|text| self.held.get(text)).flat_map(|held| &held.points);
        Ok(points.map(|&point| view(&engine, who, point)).collect())
    }

    fn hold(&self, text: &str) -> Result<Held> {
        let mut engine = self.node.traffic.engine();
        let text = &*engine.canonical(text);
        let held = if text.contains('*') {
            let pattern =
                Pattern::compile(text).map_err(|error| Error::invalid(format!("`{text}`: {error}"), "`*` and `**`"))?;
            let points: Vec<PointId> = engine.router.space.matching(&pattern).take(MOST_WATCHED).collect();
            let needs = engine.instances_of(text);
            engine.patterns.push((Arc::clone(&self.client), pattern));
            Held { points, needs }
        } else {
            let need = engine.split(text).map(|(id, tag)| (id.clone(), Need { tag: tag.into(), pattern: false }));
            let is_own = || text.starts_with("calc.") || engine.has_own(text);
            if need.is_none() && !is_own() {
                return Err(Error::NotFound(format!("`{text}` belongs to no instance")));
            }
            let point =
                engine.point_at(text).ok_or_else(|| Error::invalid("the data space is full", "narrow the pattern"))?;
            engine.begin_history(point, crate::clock::now());
            Held { points: vec![point], needs: need.into_iter().collect() }
        };
        drop(engine);
        self.node.traffic.watch(&self.client, &held.points);
        self.node.traffic.need(held.needs.clone());
        Ok(held)
    }

    /// Takes addresses and patterns back, spelled as they were added.
    pub fn unsubscribe(&mut self, wanted: &[String]) {
        for text in wanted {
            let Some(held) = self.held.remove(text) else { continue };
            let mut engine = self.node.traffic.engine();
            let (client, text) = (&self.client, engine.canonical(text));
            engine.patterns.retain(|(of, pattern)| !(Arc::ptr_eq(of, client) && pattern.as_str() == text));
            drop(engine);
            self.let_go(held);
        }
    }

    fn let_go(&self, held: Held) {
        // A datapoint that another subscription of this stream shows too stays watched.
        let others: std::collections::HashSet<PointId> =
            self.held.values().flat_map(|held| held.points.iter().copied()).collect();
        let points: Vec<PointId> = held.points.into_iter().filter(|point| !others.contains(point)).collect();
        self.node.traffic.unwatch(&self.client, &points);
        self.node.traffic.release(held.needs);
    }

    /// Waits until something has changed.
    pub async fn wait(&self) {
        self.client.wait().await;
    }

    /// What has changed since the last call.
    pub fn take(&self) -> Vec<Delta> {
        self.node.deltas(self.client.take())
    }
}

/// Everything that a pattern matches begins with its whole segments before the first `*`, so these must be in reach.
pub(crate) fn may_follow(who: &Who, text: &str) -> Result<()> {
    match text.split_once('*') {
        None => reach(who, text),
        Some((fixed, _)) => {
            let whole = fixed.rfind(['.', '/']).map_or("", |end| &fixed[..=end]);
            if who.reaches(whole) { Ok(()) } else { Err(Error::OutOfScope(text.into())) }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let held: Vec<Held> = self.held.drain().map(|(_, held)| held).collect();
        let client = &self.client;
        self.node.traffic.engine().patterns.retain(|(of, _)| !Arc::ptr_eq(of, client));
        self.node.traffic.unwatch_all(&self.client);
        for held in held {
            self.node.traffic.release(held.needs);
        }
    }
}
