//! What is expected of instances, and what happens when one fails: the key `health` of a connection, and what datapoints
//! say for themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use fieldrail_model::InstanceId;
use fieldrail_supervisor::{Expected, ExpectedOfTag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::connections::Connection;
use crate::datapoints::About;
use crate::node::lock;
use crate::{Error, Node, Result};

/// What is expected of an instance, and what happens when it fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Start it again, with a growing pause, after a crash, and when it hangs: misses its heartbeats, reads nothing of what
    /// it is told, or burns processor time and finishes nothing. Else a hang is `degraded`.
    #[serde(default = "yes")]
    pub auto_restart: bool,
    /// So many missed heartbeats are a hang. One is due every 5 s.
    #[serde(default = "three", skip_serializing_if = "is_three")]
    #[schemars(range(min = 1, max = 100))]
    pub missed_heartbeats: u32,
    /// While it is connected, something comes from its device at least so often: a value, or the word that one still holds.
    /// If nothing comes within twice this time it is `degraded`. Unless given: the shortest `deadline_s` among its
    /// datapoints that somebody needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0, max = 86_400.0), extend("x-unit" = "s"))]
    pub interval_seconds: Option<f64>,
    /// While it is connected, some value of it changes at least so often; else its values are frozen, and it is `degraded`.
    /// Not judged unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0, max = 604_800.0), extend("x-unit" = "s"))]
    pub frozen_after_seconds: Option<f64>,
}

impl Default for Health {
    fn default() -> Self {
        Self { auto_restart: true, missed_heartbeats: three(), interval_seconds: None, frozen_after_seconds: None }
    }
}

fn yes() -> bool {
    true
}

fn three() -> u32 {
    3
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference
fn is_three(count: &u32) -> bool {
    *count == three()
}

impl Health {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Fails if a key makes no sense; `place` is where it stands.
    pub(crate) fn check(&self, place: &str) -> Result<()> {
        let range = |key: &str, value: f64, least: f64, most: f64, unit: &str| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let hint = Some(format!("choose {least} to {most}{unit}"));
            Err(Error::invalid_at(format!("{place}.{key}"), format!("{value} is out of range"), hint))
        };
        range("missed_heartbeats", f64::from(self.missed_heartbeats), 1.0, 100.0, "")?;
        if let Some(seconds) = self.interval_seconds {
            range("interval_seconds", seconds, 1.0, 86_400.0, " seconds")?;
        }
        if let Some(seconds) = self.frozen_after_seconds {
            range("frozen_after_seconds", seconds, 1.0, 604_800.0, " seconds")?;
        }
        Ok(())
    }

    fn expected(&self, tags: BTreeMap<String, ExpectedOfTag>) -> Expected {
        Expected {
            missed: Some(self.missed_heartbeats),
            heard: self.interval_seconds.and_then(duration),
            changed: self.frozen_after_seconds.and_then(duration),
            tags,
        }
    }
}

pub(crate) fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// What is expected of each instance's tags, from what was said about datapoints.
fn of_tags<'a>(
    about: impl Iterator<Item = (&'a str, &'a About)>,
    is_instance: impl Fn(&str) -> bool,
) -> BTreeMap<InstanceId, BTreeMap<String, ExpectedOfTag>> {
    let mut all: BTreeMap<InstanceId, BTreeMap<String, ExpectedOfTag>> = BTreeMap::new();
    for (address, about) in about {
        let expected = ExpectedOfTag { heard: about.deadline(), changed: about.frozen_after() };
        if expected == ExpectedOfTag::default() {
            continue;
        }
        let address = fieldrail_model::Address::from(address);
        if let Some((id, tag)) = address.split(&is_instance)
            && let Ok(id) = id.parse()
        {
            all.entry(id).or_default().insert(tag.to_owned(), expected);
        }
    }
    all
}

impl Node {
    /// Tells the supervisor what is expected of each instance.
    pub(crate) fn apply_expectations(&self) {
        let running = lock(&self.running).clone();
        let mut tags = {
            let engine = self.traffic.engine();
            let about = engine.about.iter().map(|(address, about)| (address.as_str(), about));
            of_tags(about, |id| running.contains_key(id))
        };
        for Connection { id, health, .. } in running.values() {
            self.supervisor.expect(id, health.expected(tags.remove(id).unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(health: serde_json::Value, want: Option<&str>) {
        let health: Health = serde_json::from_value(health).unwrap();
        let got = match health.check("connections[0].health") {
            Ok(()) => None,
            Err(Error::Invalid { key, .. }) => key,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(got, want.map(|key| format!("connections[0].health.{key}")));
    }

    #[test]
    fn what_makes_no_sense_is_refused_at_its_key() {
        check(serde_json::json!({}), None);
        check(serde_json::json!({ "missed_heartbeats": 0 }), Some("missed_heartbeats"));
        check(serde_json::json!({ "interval_seconds": 0.5 }), Some("interval_seconds"));
        check(serde_json::json!({ "interval_seconds": 10, "frozen_after_seconds": 1e9 }), Some("frozen_after_seconds"));
        check(serde_json::json!({ "auto_restart": false, "interval_seconds": 10, "frozen_after_seconds": 60 }), None);
    }

    #[test]
    fn what_is_said_of_a_datapoint_is_expected_of_its_tag() {
        let about = |text: &str| serde_json::from_str::<About>(text).unwrap();
        let said = [
            ("plc.main.x", about(r#"{ "deadline_s": 2.5 }"#)),
            ("plc.main.y", about(r#"{ "frozen_after_s": 60 }"#)),
            ("plc.main.z", about(r#"{ "unit": "V" }"#)),
            ("gone.x", about(r#"{ "deadline_s": 1 }"#)),
        ];
        let all = of_tags(said.iter().map(|(address, about)| (*address, about)), |id| id == "plc");
        let of = |heard, changed| ExpectedOfTag { heard, changed };
        let tags = [
            ("main.x".to_owned(), of(Some(Duration::from_millis(2500)), None)),
            ("main.y".to_owned(), of(None, Some(Duration::from_mins(1)))),
        ];
        assert_eq!(all, BTreeMap::from([("plc".parse().unwrap(), BTreeMap::from(tags))]));
    }
}
