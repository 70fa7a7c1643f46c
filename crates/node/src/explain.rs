//! Why a datapoint has its value, for people.

use fieldrail_model::{Quality, Sample, Timestamp, Value};
use fieldrail_router::{Ran, RouteIndex, Router, Writer};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::{now, to_wall};
use crate::data::reach;
use crate::people::Who;
use crate::{Error, Node, Result};

/// A value at one time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedValue {
    /// The value.
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// For example `good` or `bad:stale`.
    pub quality: String,
    /// Why the quality is not good, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// Where it first came from, if that is another datapoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How many routes it has passed.
    pub hops: u8,
}

impl From<&Sample> for ExplainedValue {
    fn from(sample: &Sample) -> Self {
        Self {
            value: sample.value.clone(),
            quality: sample.quality.to_string(),
            note: sample.note.as_deref().map(Into::into),
            time_ms: to_wall(sample.receive_time).millis(),
            origin: sample.origin.as_ref().map(|origin| origin.address.to_string()),
            hops: sample.origin.as_ref().map_or(0, |origin| origin.hops),
        }
    }
}

/// One step of a transform, with what it made.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedStep {
    /// The step as written.
    pub step: String,
    /// What it made in the last run; none if the value did not come so far.
    #[schemars(with = "Option<serde_json::Value>")]
    pub value: Option<Value>,
}

/// One route that writes the datapoint, from one source.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedWriter {
    /// The route.
    pub route: String,
    /// Whether the value that stands is of this route and source.
    pub won: bool,
    /// The datapoint whose samples it takes.
    pub source: String,
    /// Its last sample.
    pub sample: Option<ExplainedValue>,
    /// When the route took it, in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ran_ms: Option<i64>,
    /// What came of it: `passed`, `condition`, `quality`, `priority`, `loop`, `held`, `settled`, `failed`, `nowhere`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// The same as a sentence.
    pub because: String,
    /// The condition as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The steps with their values.
    pub steps: Vec<ExplainedStep>,
    /// The priority, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Until when it holds the target, in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_until_ms: Option<i64>,
    /// The route that holds the target instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beaten_by: Option<String>,
    /// What went wrong last at this route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Why a datapoint has its value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// The datapoint.
    pub address: String,
    /// What it says itself; none if nothing was heard from it.
    pub sample: Option<ExplainedValue>,
    /// What it was sent last by a route; none if none ever did.
    pub sent: Option<ExplainedValue>,
    /// Where that came from, in one sentence.
    pub because: String,
    /// The routes that write it, from each source; the one that sent the value first.
    pub writers: Vec<ExplainedWriter>,
    /// The routes that take its samples.
    pub readers: Vec<String>,
}

impl Node {
    /// Why the datapoint at this address has its value.
    pub fn explain(&self, who: &Who, address: &str) -> Result<Explanation> {
        reach(who, address)?;
        let engine = self.traffic.engine();
        let router = &engine.router;
        let known = router.explain(&engine.canonical(address), now()).ok_or_else(|| {
            Error::NotFound(format!("nothing is known of `{address}`: no value came from it, and no route writes it"))
        })?;
        let sent = known.reached.as_ref().map(|reached| ExplainedValue {
            value: reached.value.clone(),
            quality: reached.quality.to_string(),
            note: None,
            time_ms: to_wall(reached.at).millis(),
            origin: Some(reached.origin.address.to_string()).filter(|origin| who.reaches(origin)),
            hops: reached.origin.hops,
        });
        let because = match &known.reached {
            None if known.writers.is_empty() => "It says so itself; no route writes it.".into(),
            None => "No route has sent it anything yet.".into(),
            Some(reached) => match reached.route {
                Some(route) if !who.reaches(reached.from.as_str()) => {
                    format!("The route `{}` sent it.", id_of(router, route))
                }
                None if !who.reaches(reached.from.as_str()) => "A route that was changed since sent it.".into(),
                Some(route) => format!("The route `{}` sent it, from `{}`.", id_of(router, route), reached.from),
                None => format!("A route that was changed since sent it, from `{}`.", reached.from),
            },
        };
        let won = |writer: &Writer| {
            known.reached.as_ref().is_some_and(|r| r.route == Some(writer.route) && r.from == writer.source)
        };
        let readers = known.readers.iter().map(|(route, _)| id_of(router, *route)).collect();
        // What a narrow token may not read, it does not get told in an explanation either.
        let writers = known.writers.iter().filter(|writer| who.reaches(writer.source.as_str()));
        let writers = writers.map(|writer| explained(router, writer, won(writer))).collect();
        Ok(Explanation {
            address: known.address.to_string(),
            sample: known.sample.as_ref().map(|sample| {
                let value = ExplainedValue::from(sample);
                ExplainedValue { origin: value.origin.filter(|origin| who.reaches(origin)), ..value }
            }),
            sent,
            because,
            writers,
            readers,
        })
    }
}

fn id_of(router: &Router, route: RouteIndex) -> String {
    router.rules().route(route).id.clone()
}

fn explained(router: &Router, writer: &Writer, won: bool) -> ExplainedWriter {
    let spec = router.rules().route(writer.route);
    let counters = router.routes().nth(writer.route.0 as usize).map(|(_, _, counters)| counters);
    let ms = |time: Timestamp| to_wall(time).millis();
    let because = match (writer.ran, &writer.beaten_by) {
        (None, _) => "It has taken no value since it was last changed.".into(),
        (Some((_, Ran::Priority)), Some((by, until))) => {
            let left_s = (until.0 - now().0).max(0) / 1_000_000;
            format!("The route `{}` has a higher priority and holds the target for {left_s} s.", id_of(router, *by))
        }
        (Some((_, Ran::Quality)), _) => {
            let quality = writer.sample.as_ref().map_or(Quality::NoData, |sample| sample.quality);
            format!("The quality `{quality}` is not good enough for this target.")
        }
        (Some((_, ran)), _) => {
            let text = ran.to_string();
            let mut letters = text.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            format!("{first}{}.", letters.as_str())
        }
    };
    ExplainedWriter {
        route: spec.id.clone(),
        won,
        source: writer.source.to_string(),
        sample: writer.sample.as_ref().map(ExplainedValue::from),
        ran_ms: writer.ran.map(|(at, _)| ms(at)),
        outcome: writer.ran.map(|(_, ran)| ran.word()),
        because,
        condition: spec.condition.clone(),
        steps: writer
            .steps
            .iter()
            .map(|(step, value)| ExplainedStep { step: step.clone(), value: value.clone() })
            .collect(),
        priority: spec.priority,
        holds_until_ms: writer.holds_until.map(ms),
        beaten_by: writer.beaten_by.map(|(route, _)| id_of(router, route)),
        last_error: counters.and_then(|counters| counters.last_error.as_deref()).map(Into::into),
    }
}
