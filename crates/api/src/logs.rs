//! What instances, routes and the daemon said.

mod export;

use axum::http::StatusCode;
use fieldrail_node::views::Paged;
use fieldrail_node::{LogFilter, LogLevel, LogRecord, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Json;
use crate::call::{Call, NoBody};
use crate::problem::{Problem, Result};

/// Lines on a page, if nobody says otherwise, and at the most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

pub(crate) use export::export;

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    /// Of this instance only.
    instance: Option<String>,
    /// Of this level or a graver one: `trace`, `debug`, `info`, `warn` or `error`.
    level: Option<String>,
    /// With this text in the message or its fields, in any case.
    search: Option<String>,
    /// Said then or later, in milliseconds since 1970 UTC.
    since_ms: Option<i64>,
    /// Said then or earlier, in milliseconds since 1970 UTC.
    until_ms: Option<i64>,
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
    pub(crate) id: i64,
    /// When it was said, in milliseconds since 1970 UTC.
    pub(crate) time_ms: i64,
    /// How grave it is.
    pub(crate) level: &'static str,
    /// The instance it is about; empty for the daemon itself.
    pub(crate) instance: String,
    /// One sentence.
    pub(crate) message: String,
    /// The values of the sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<Value>,
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

/// Which lines, as they were asked for.
pub(crate) struct Wanted {
    pub(crate) instance: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) search: Option<String>,
    pub(crate) since_ms: Option<i64>,
    pub(crate) until_ms: Option<i64>,
}

impl Wanted {
    /// Fails if there is no such level. Empty texts stand for nothing.
    pub(crate) fn filter(self) -> Result<LogFilter> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let level = given(self.level).map(|level| level.parse::<LogLevel>()).transpose();
        let level = level.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        let time = |ms: i64, more: i64| Timestamp(ms.saturating_mul(1000).saturating_add(more));
        Ok(LogFilter {
            instance: given(self.instance),
            level,
            search: given(self.search),
            since: self.since_ms.map(|ms| time(ms, 0)),
            until: self.until_ms.map(|ms| time(ms, 999)),
            ..LogFilter::default()
        })
    }
}

pub(crate) fn all(call: &Call, query: LogQuery, _: NoBody) -> Result<Json<Paged<Entry>>> {
    let LogQuery { instance, level, search, since_ms, until_ms, limit, before } = query;
    let filter = Wanted { instance, level, search, since_ms, until_ms }.filter()?;
    page(call, LogFilter { before, limit: limit.unwrap_or(PAGE), ..filter })
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
