//! One search over the house: what it knows itself, at once; and what the trees of devices hold, as fast as they answer.
//!
//! Read in this order: [`needle`] what is looked for and how well it fits, [`Node::search`] over the house,
//! [`devices`] over the trees.

mod devices;
mod needle;

use std::collections::BinaryHeap;

use fieldrail_router::PointId;
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use devices::AT_ONCE;
pub use devices::{DeviceFinds, FoundNode, Unanswered};

use crate::alarms::AlarmsWanted;
use crate::datapoints::Severity;
use crate::own::about::{PREFIX, kind};
use crate::people::Who;
use crate::traffic::Engine;
use crate::{Error, Node, Result};
use needle::{Fit, Needle, Scratch};

/// Characters that may be looked for.
pub const MOST_CHARACTERS: usize = 200;

/// Finds of each kind, if nobody says otherwise, and at the most.
const FINDS: usize = 10;
const MOST_FINDS: usize = 50;

/// Datapoints that are looked at before values may run again.
const STRETCH: u32 = 2_048;

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Words; each has to fit. Case, accents and the spelling of umlauts do not matter.
    pub text: String,
    /// The most finds of each kind.
    pub limit: Option<usize>,
}

/// What was found, the best of each kind first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Found {
    /// By address or name.
    pub datapoints: Vec<FoundPoint>,
    /// How many datapoints fit in all.
    pub datapoints_count: usize,
    /// By id, name or driver.
    pub instances: Vec<FoundInstance>,
    /// By id, description, source or target.
    pub routes: Vec<FoundRoute>,
    /// Of the alarms that are active or not acknowledged, by address or name.
    pub alarms: Vec<FoundAlarm>,
}

/// A datapoint that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FoundPoint {
    /// The full address.
    pub address: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An instance that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FoundInstance {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// How it stands.
    pub state: String,
}

/// A route that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FoundRoute {
    /// Its id.
    pub id: String,
    /// What people say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// An alarm that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FoundAlarm {
    /// The datapoint.
    pub address: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// `active`, `acknowledged` or `cleared`.
    pub state: &'static str,
}

impl Node {
    /// Looks for these words in what the house knows itself. A token that is narrowed to addresses finds only those.
    ///
    /// # Errors
    /// Nothing to look for, or too much.
    pub fn search(&self, who: &Who, wish: &Search) -> Result<Found> {
        let needle = needle_of(&wish.text)?;
        let limit = limit_of(wish);
        let (datapoints, datapoints_count) = self.search_points(who, &needle, limit);
        let mut found = Found { datapoints, datapoints_count, ..Found::default() };
        found.alarms = self.search_alarms(who, &needle, limit);
        if !is_narrow(who) {
            found.instances = self.search_instances(&needle, limit);
            found.routes = self.search_routes(&needle, limit);
        }
        Ok(found)
    }

    fn search_points(&self, who: &Who, needle: &Needle, limit: usize) -> (Vec<FoundPoint>, usize) {
        let mut best: BinaryHeap<(Fit, usize, PointId)> = BinaryHeap::new();
        let (mut count, mut scratch, mut next) = (0, Scratch::default(), 0);
        loop {
            // Values run between two stretches; a datapoint, once there, stays.
            let engine = self.traffic.engine();
            let all = u32::try_from(engine.router.space.len()).unwrap_or(u32::MAX);
            if next >= all {
                return (shown(&engine, best), count);
            }
            let end = all.min(next + STRETCH);
            for point in (next..end).map(PointId) {
                let address = engine.router.space.address(point).as_str();
                let texts = [address, name_of(&engine, address).unwrap_or_default()];
                let Some(fit) = needle.fit(&texts, &mut scratch) else { continue };
                if !who.reaches(address) {
                    continue;
                }
                count += 1;
                best.push((fit, address.len(), point));
                if best.len() > limit {
                    best.pop();
                }
            }
            next = end;
        }
    }

    fn search_alarms(&self, who: &Who, needle: &Needle, limit: usize) -> Vec<FoundAlarm> {
        let wanted = AlarmsWanted { limit: Some(usize::MAX), ..AlarmsWanted::default() };
        let texts = |alarm: &crate::AlarmView| vec![alarm.address.clone(), alarm.name.clone().unwrap_or_default()];
        let best = best_of(self.alarms(who, &wanted).items, texts, needle, limit);
        let view = |alarm: crate::AlarmView| FoundAlarm {
            address: alarm.address,
            name: alarm.name,
            severity: alarm.severity,
            state: alarm.state,
        };
        best.into_iter().map(view).collect()
    }

    fn search_instances(&self, needle: &Needle, limit: usize) -> Vec<FoundInstance> {
        let view = |instance: crate::views::Instance| FoundInstance {
            id: instance.id,
            name: instance.name,
            driver: instance.driver,
            state: instance.state,
        };
        let all = self.instances_in_brief().into_iter().map(view).collect();
        let texts = |one: &FoundInstance| vec![one.id.clone(), one.name.clone(), one.driver.clone()];
        best_of(all, texts, needle, limit)
    }

    fn search_routes(&self, needle: &Needle, limit: usize) -> Vec<FoundRoute> {
        let Some(file) = self.files.routing.snapshot() else { return Vec::new() };
        // Sources and targets have several shapes, and each holds its addresses as texts.
        let texts = |route: &&fieldrail_router::RouteSpec| {
            let whole = serde_json::to_value(route).unwrap_or_default();
            let mut texts = vec![route.id.clone(), route.description.clone().unwrap_or_default()];
            collect_texts(&whole["from"], &mut texts);
            collect_texts(&whole["to"], &mut texts);
            texts
        };
        let best = best_of(file.value.routes.iter().collect(), texts, needle, limit);
        let view = |route: &fieldrail_router::RouteSpec| FoundRoute {
            id: route.id.clone(),
            description: route.description.clone(),
        };
        best.into_iter().map(view).collect()
    }
}

fn needle_of(text: &str) -> Result<Needle> {
    let wrong =
        |message: String, hint: &str| Error::Invalid { message, hint: Some(hint.into()), key: Some("q".into()) };
    if text.chars().count() > MOST_CHARACTERS {
        return Err(wrong(format!("a search has at most {MOST_CHARACTERS} characters"), "look for less"));
    }
    let needle = Needle::new(text);
    if needle.is_empty() {
        return Err(wrong("there is nothing to look for".into(), "give at least one letter in `q`"));
    }
    Ok(needle)
}

fn limit_of(wish: &Search) -> usize {
    wish.limit.unwrap_or(FINDS).clamp(1, MOST_FINDS)
}

/// Whether it is a token that is narrowed to addresses: it sees nothing else of the house.
fn is_narrow(who: &Who) -> bool {
    who.scope.as_ref().is_some_and(|scope| !scope.addresses.is_empty())
}

fn name_of<'a>(engine: &'a Engine, address: &str) -> Option<&'a str> {
    let said = engine.about.get(address).and_then(|about| about.name.as_deref());
    said.or_else(|| address.starts_with(PREFIX).then(|| kind(address).map(|own| own.name)).flatten())
}

fn shown(engine: &Engine, best: BinaryHeap<(Fit, usize, PointId)>) -> Vec<FoundPoint> {
    let view = |(fit, _, point)| {
        let address = engine.router.space.address(point).as_str();
        (fit, FoundPoint { address: address.into(), name: name_of(engine, address).map(Into::into) })
    };
    let mut all: Vec<(Fit, FoundPoint)> = best.into_iter().map(view).collect();
    all.sort_by(|(a, x), (b, y)| (a, x.address.len(), &x.address).cmp(&(b, y.address.len(), &y.address)));
    all.into_iter().map(|(_, point)| point).collect()
}

/// Those that fit best, as many as are wanted.
fn best_of<T>(all: Vec<T>, texts: impl Fn(&T) -> Vec<String>, needle: &Needle, limit: usize) -> Vec<T> {
    let mut scratch = Scratch::default();
    let mut fits = |one: &T| {
        let texts = texts(one);
        needle.fit(&texts.iter().map(String::as_str).collect::<Vec<_>>(), &mut scratch)
    };
    let mut found: Vec<(Fit, T)> = all.into_iter().filter_map(|one| Some((fits(&one)?, one))).collect();
    found.sort_by_key(|(fit, _)| *fit);
    found.into_iter().take(limit).map(|(_, one)| one).collect()
}

/// Every text in a JSON value; its depth is that of a file that was parsed.
fn collect_texts(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => into.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_texts(item, into)),
        serde_json::Value::Object(entries) => entries.values().for_each(|entry| collect_texts(entry, into)),
        _ => {}
    }
}
