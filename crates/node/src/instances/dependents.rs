//! What needs an instance: what somebody should know before it is removed.

use std::collections::BTreeSet;

use fieldrail_model::InstanceId;
use fieldrail_router::{Pattern, RouteSpec};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::connections::Connection;
use crate::{Node, Result};

/// The most of each kind that are listed; the counts say how many there are.
const MOST: usize = 200;

/// Datapoints of an instance that patterns are held against, at the most.
const MOST_TAGS: usize = 20_000;

/// What needs an instance.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Dependents {
    /// Routes that read it, write to it or ask for one of its values.
    pub routes: Vec<DependentRoute>,
    /// How many routes there are.
    pub route_count: usize,
    /// Datapoints of it that `datapoints.json` says something about.
    pub datapoints: Vec<DependentDatapoint>,
    /// How many such datapoints there are.
    pub datapoint_count: usize,
    /// Other connections whose configuration names it.
    pub connections: Vec<DependentConnection>,
}

/// A route that needs the instance.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DependentRoute {
    /// The route.
    pub id: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it works.
    pub enabled: bool,
    /// Where it names the instance: `from`, `to`, `condition`, `transform`.
    pub places: Vec<&'static str>,
    /// Whether a pattern finds it beside others, so that the route works without it too.
    pub by_pattern: bool,
}

/// A datapoint that somebody has described.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DependentDatapoint {
    /// Its address.
    pub address: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is an alarm.
    pub alarm: bool,
    /// Whether a panic writes to it.
    pub on_panic: bool,
}

/// A connection that names the instance.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DependentConnection {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
}

impl Node {
    /// What needs this instance.
    pub fn dependents(&self, id: &str) -> Result<Dependents> {
        let (connection, _) = self.connection(id)?;
        let tags = self.tags_of(&connection.id);
        let mut routes: Vec<DependentRoute> = Vec::new();
        if let Some(file) = self.files.routing.snapshot() {
            routes.extend(file.value.routes.iter().filter_map(|route| dependent(route, &connection.id, &tags)));
        }
        let mut datapoints: Vec<DependentDatapoint> = Vec::new();
        if let Some(file) = self.files.datapoints.snapshot() {
            let own = file.value.datapoints.iter().filter(|(address, _)| belongs(address.as_str(), &connection.id));
            datapoints.extend(own.map(|(address, about)| DependentDatapoint {
                address: address.as_str().into(),
                name: about.name.clone(),
                alarm: about.role.is_some(),
                on_panic: about.on_panic.is_some(),
            }));
        }
        let others = self.connections()?.into_iter().map(|(other, _)| other);
        let connections = others
            .filter(|other| other.id != connection.id && names(&other.config, &connection.id))
            .map(|Connection { id, name, .. }| DependentConnection { id: id.to_string(), name })
            .take(MOST)
            .collect();
        let (route_count, datapoint_count) = (routes.len(), datapoints.len());
        routes.truncate(MOST);
        datapoints.truncate(MOST);
        Ok(Dependents { routes, route_count, datapoints, datapoint_count, connections })
    }

    /// Addresses of an instance that are known, for patterns.
    fn tags_of(&self, id: &InstanceId) -> Vec<String> {
        let engine = self.traffic.engine();
        let prefix = format!("{id}.");
        let page = engine.router.space.page(&prefix, None);
        page.take(MOST_TAGS).map(|point| engine.router.space.address(point).as_str().to_owned()).collect()
    }
}

/// Whether the address is one of the instance.
fn belongs(address: &str, id: &InstanceId) -> bool {
    address.strip_prefix(id.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn dependent(route: &RouteSpec, id: &InstanceId, tags: &[String]) -> Option<DependentRoute> {
    let mut places = BTreeSet::new();
    let mut by_pattern = false;
    for (place, list) in [("from", &route.from.0), ("to", &route.to.0)] {
        for text in list {
            if belongs(text, id) {
                places.insert(place);
            } else if place == "from" && finds(text, tags) {
                by_pattern |= places.is_empty();
                places.insert(place);
            }
        }
    }
    for (place, text) in [("condition", &route.condition), ("transform", &route.transform)] {
        if text.as_deref().is_some_and(|text| quoted(text).any(|name| belongs(name, id))) {
            by_pattern = false;
            places.insert(place);
        }
    }
    by_pattern &= places.len() == 1;
    (!places.is_empty()).then(|| DependentRoute {
        id: route.id.clone(),
        description: route.description.clone(),
        enabled: route.enabled,
        places: places.into_iter().collect(),
        by_pattern,
    })
}

/// Whether a pattern finds one of the addresses.
fn finds(text: &str, tags: &[String]) -> bool {
    text.contains('*')
        && Pattern::compile(text).is_ok_and(|pattern| {
            let prefix = pattern.prefix().to_owned();
            tags.iter().any(|tag| tag.starts_with(&prefix) && pattern.matches(tag))
        })
}

/// The texts in quotes in an expression: addresses in `dp("…")`, names of instances.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split(['"', '\'']).skip(1).step_by(2)
}

/// Whether a configuration names the instance or one of its datapoints.
fn names(config: &Value, id: &InstanceId) -> bool {
    match config {
        Value::String(text) => belongs(text, id),
        Value::Array(items) => items.iter().any(|item| names(item, id)),
        Value::Object(map) => map.values().any(|value| names(value, id)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(route: serde_json::Value, want: Option<(&[&str], bool)>) {
        let route: RouteSpec = serde_json::from_value(route).unwrap();
        let id: InstanceId = "plc".parse().unwrap();
        let found = dependent(&route, &id, &["plc.MAIN.bLight".to_owned()]);
        assert_eq!(found.as_ref().map(|one| (one.places.as_slice(), one.by_pattern)), want, "{route:?}");
    }

    #[test]
    fn a_route_depends_on_what_it_names_and_on_what_its_patterns_find() {
        use serde_json::json;
        check(json!({ "id": "a", "from": "plc.x", "to": "broker.x" }), Some((&["from"], false)));
        check(json!({ "id": "a", "from": "other.x", "to": "plc.x" }), Some((&["to"], false)));
        check(json!({ "id": "a", "from": "plc2.x", "to": "plc2.y" }), None);
        check(json!({ "id": "a", "from": "**", "to": "broker.{rest}" }), Some((&["from"], true)));
        check(json!({ "id": "a", "from": "*.MAIN.*", "to": "plc.x" }), Some((&["from", "to"], false)));
        check(json!({ "id": "a", "from": "bt.**", "to": "broker.{rest}" }), None);
        let asks = json!({ "id": "a", "from": "b.x", "to": "b.y", "condition": "dp(\"plc.MAIN.x\") > 1" });
        check(asks, Some((&["condition"], false)));
        let source = json!({ "id": "a", "from": "b.x", "to": "b.y", "transform": "expr(if(source == 'plc', 1, 0))" });
        check(source, Some((&["transform"], false)));
    }

    #[test]
    fn a_configuration_names_an_instance_wherever_it_stands() {
        let id: InstanceId = "mqtt.local".parse().unwrap();
        assert!(names(&serde_json::json!({ "through": [{ "by": "mqtt.local.a/b" }] }), &id));
        assert!(!names(&serde_json::json!({ "host": "mqtt.localhost" }), &id));
    }
}
