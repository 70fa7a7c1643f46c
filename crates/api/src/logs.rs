//! What instances, routes and the daemon said.

use axum::http::StatusCode;
use fieldrail_node::views::Paged;
use fieldrail_node::{LogFilter, LogLevel, LogRecord};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Json;
use crate::call::{Call, NoBody};
use crate::problem::{Problem, Result};

/// Lines on a page, if nobody says otherwise, and at the most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    /// Of this instance only.
    instance: Option<String>,
    /// Of this level or a graver one: `trace`, `debug`, `info`, `warn` or `error`.
    level: Option<String>,
    /// With this text in the message, in any case.
    search: Option<String>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Older than the line with this id: `next` of the page before.
    before: Option<i64>,
}

/// Which lines of one instance.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// The most on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Older than the line with this id: `next` of the page before.
    before: Option<i64>,
}

/// One line of the log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Entry {
    /// Rises with each line.
    id: i64,
    /// When it was said, in milliseconds since 1970 UTC.
    time_ms: i64,
    /// How grave it is.
    level: &'static str,
    /// The instance it is about; empty for the daemon itself.
    instance: String,
    /// One sentence.
    message: String,
    /// The values of the sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Value>,
}

impl From<LogRecord> for Entry {
    fn from(record: LogRecord) -> Self {
        let line = record.line;
        Self {
            id: record.id,
            time_ms: line.time.millis(),
            level: line.level.as_str(),
            instance: line.instance.unwrap_or_default(),
            message: line.message,
            fields: line.fields.and_then(|fields| serde_json::from_str(&fields).ok()),
        }
    }
}

pub(crate) fn all(call: &Call, query: LogQuery, _: NoBody) -> Result<Json<Paged<Entry>>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let level = given(query.level).map(|level| level.parse::<LogLevel>()).transpose();
    let level = level.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let limit = query.limit.unwrap_or(PAGE);
    page(
        call,
        LogFilter { instance: given(query.instance), level, search: given(query.search), before: query.before, limit },
    )
}

pub(crate) fn of_instance(call: &Call, query: PageQuery, _: NoBody) -> Result<Json<Paged<Entry>>> {
    let instance = call.node().instance(call.segment("id"))?.id;
    let limit = query.limit.unwrap_or(PAGE);
    page(call, LogFilter { instance: Some(instance), before: query.before, limit, ..LogFilter::default() })
}

fn page(call: &Call, filter: LogFilter) -> Result<Json<Paged<Entry>>> {
    let filter = LogFilter { limit: filter.limit.clamp(1, LONGEST_PAGE), ..filter };
    let items: Vec<Entry> = call.node().logbook().query(&filter)?.into_iter().map(Entry::from).collect();
    let next = items.last().filter(|_| items.len() == filter.limit).map(|last| last.id.to_string());
    Ok(Json(Paged { items, next, total: None }))
}
