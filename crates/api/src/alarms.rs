//! Alarms: what is active, what has happened, and that somebody has seen it.

use fieldrail_node::views::Paged;
use fieldrail_node::{Acknowledge, AlarmEvent, AlarmPage, AlarmView, AlarmsWanted};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Json;
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

/// Which alarms.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlarmQuery {
    /// Those that are normal too.
    #[serde(default)]
    all: bool,
    /// Only those behind this address: `next` of the page before.
    after: Option<String>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventQuery {
    /// Only those before this one: `next` of the page before.
    before: Option<u64>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

pub(crate) fn list(call: &Call, query: AlarmQuery, _: NoBody) -> Result<Json<AlarmPage>> {
    let wanted = AlarmsWanted { all: query.all, after: query.after, limit: query.limit };
    Ok(Json(call.node().alarms(call.who()?, &wanted)))
}

pub(crate) fn events(call: &Call, query: EventQuery, _: NoBody) -> Result<Json<Paged<AlarmEvent>>> {
    Ok(Json(call.node().alarm_events(call.who()?, query.before, query.limit)))
}

pub(crate) async fn acknowledge(
    call: Call,
    _: NoQuery,
    Json(request): Json<Acknowledge>,
) -> Result<Json<Paged<AlarmView>>> {
    Ok(Json(Paged::whole(call.node().acknowledge(call.who()?, &request).await?)))
}
