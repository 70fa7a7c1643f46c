//! Figures over a time, and all present ones as Prometheus reads them.

mod exposition;

use fieldrail_node::{MetricsView, Window};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::{Json, Text};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

/// Which time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeQuery {
    /// In milliseconds since 1970 UTC; an hour before the end if left out. Figures are kept for 30 days.
    from: Option<i64>,
    /// In milliseconds since 1970 UTC; now if left out.
    to: Option<i64>,
    /// Steps at the most; 300 if left out.
    #[schemars(range(min = 1, max = 2000))]
    points: Option<usize>,
}

impl From<TimeQuery> for Window {
    fn from(query: TimeQuery) -> Self {
        Self { from_ms: query.from, to_ms: query.to, points: query.points }
    }
}

pub(crate) fn of_instance(call: &Call, query: TimeQuery, _: NoBody) -> Result<Json<MetricsView>> {
    Ok(Json(call.node().metrics_of(call.segment("id"), query.into())?))
}

pub(crate) fn of_the_house(call: &Call, query: TimeQuery, _: NoBody) -> Result<Json<MetricsView>> {
    Ok(Json(call.node().own_metrics(call.segment("name"), query.into())?))
}

pub(crate) fn prometheus(call: &Call, _: NoQuery, _: NoBody) -> Result<Text> {
    Ok(Text { kind: exposition::TYPE, text: exposition::write(call) })
}
