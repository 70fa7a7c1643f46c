//! What people and other servers see of what failed.

use fieldrail_model::Timestamp;
use fieldrail_store::{ErrorFilter, ErrorGroup};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::event::ErrorEvent;
use super::internal;
use crate::people::{Role, Who};
use crate::views::Paged;
use crate::{Error, Node, Result};

/// Causes on a page, if nobody says otherwise, and at the most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 200;

/// One cause with its count.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ErrorView {
    /// Names the cause.
    pub id: i64,
    /// Equal for equal causes, also in another house.
    pub fingerprint: String,
    /// `daemon_panic`, `panic`, `exception`, `crash`, `hang`, `protocol`, `limit`, `suspended` or `failed`.
    pub kind: String,
    /// What failed, one line.
    pub title: String,
    /// The innermost function or line of its own, if it is known.
    pub place: String,
    /// The instance that had it last; empty for the daemon itself.
    pub instance: String,
    /// Its driver.
    pub driver: String,
    /// How often.
    pub count: u64,
    /// When it was first seen, in milliseconds since 1970 UTC.
    pub first_ms: i64,
    /// When it was last seen, in milliseconds since 1970 UTC.
    pub last_ms: i64,
    /// When it was resolved; it opens again when it is seen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_ms: Option<i64>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
}

impl From<ErrorGroup> for ErrorView {
    fn from(group: ErrorGroup) -> Self {
        let (resolved_ms, resolved_by) = group.resolved.map(|(at, by)| (at.millis(), by)).unzip();
        Self {
            id: group.id,
            fingerprint: group.fingerprint,
            kind: group.kind,
            title: group.title,
            place: group.place,
            instance: group.source,
            driver: group.driver,
            count: group.count,
            first_ms: group.first.millis(),
            last_ms: group.last.millis(),
            resolved_ms,
            resolved_by,
        }
    }
}

/// One cause with its newest occurrences.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ErrorDetail {
    /// The cause.
    #[serde(flatten)]
    pub cause: ErrorView,
    /// Up to twenty, the newest first.
    pub occurrences: Vec<ErrorEvent>,
}

/// Which causes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorWish {
    /// Of this instance only.
    pub instance: Option<String>,
    /// Of this kind only.
    pub kind: Option<String>,
    /// Only resolved ones, or only open ones.
    pub resolved: Option<bool>,
    /// With this text.
    pub search: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// The most on the page.
    pub limit: Option<usize>,
}

/// How events are forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarding {
    /// Where to, as Sentry writes it: `https://KEY@HOST/PROJECT`.
    pub dsn: String,
    /// What the house is called there.
    pub environment: String,
    /// Events in an hour, at the most.
    pub max_per_hour: u32,
}

/// An event that waits to be forwarded.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingEvent {
    /// Names it in the queue.
    pub id: i64,
    /// What is to be forwarded.
    pub what: Forwardable,
}

/// An event for another server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forwardable {
    /// Equal for equal causes.
    pub fingerprint: String,
    /// How often it happened since the last transaction.
    pub count: u64,
    /// The event, free of secrets.
    pub event: ErrorEvent,
}

/// A [`Forwardable`] as the queue keeps it.
pub(super) fn outgoing_text(fingerprint: &[u8; 16], count: u64, event: &str) -> String {
    let hex: Vec<String> = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
    let event: Value = serde_json::from_str(event).unwrap_or_default();
    json!({ "fingerprint": hex.concat(), "count": count, "event": event }).to_string()
}

impl Node {
    /// What failed, by cause, the one that was seen last first.
    pub fn errors(&self, wish: &ErrorWish) -> Result<Paged<ErrorView>> {
        let limit = wish.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let filter = ErrorFilter {
            source: wish.instance.clone(),
            kind: wish.kind.clone(),
            resolved: wish.resolved,
            search: wish.search.clone(),
            after: wish.after.as_deref().map(parse_place).transpose()?,
            limit,
        };
        let found = self.error_store().query(&filter).map_err(|error| internal(&error))?;
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|last| format!("{}-{}", last.last.0, last.id));
        Ok(Paged { items: found.into_iter().map(ErrorView::from).collect(), next, total: None })
    }

    /// One cause with its newest occurrences.
    pub fn error(&self, id: &str) -> Result<ErrorDetail> {
        let found = self.error_store().one(number(id)?).map_err(|error| internal(&error))?;
        let (group, occurrences) = found.ok_or_else(|| no_such(id))?;
        let events = occurrences.iter().filter_map(|one| serde_json::from_str(&one.event).ok()).collect();
        Ok(ErrorDetail { cause: group.into(), occurrences: events })
    }

    /// Marks a cause as resolved, until it is seen again.
    pub fn resolve_error(&self, who: &Who, id: &str) -> Result<ErrorView> {
        who.must_be(Role::Admin)?;
        let (store, number) = (self.error_store(), number(id)?);
        let done = store.resolve(number, crate::clock::wall(), &who.name).map_err(|error| internal(&error))?;
        let found = store.one(number).map_err(|error| internal(&error))?;
        found.filter(|_| done).map(|(group, _)| group.into()).ok_or_else(|| no_such(id))
    }

    /// Forgets a cause with everything of it.
    pub fn remove_error(&self, who: &Who, id: &str) -> Result<()> {
        who.must_be(Role::Admin)?;
        let done = self.error_store().remove(number(id)?).map_err(|error| internal(&error))?;
        if done { Ok(()) } else { Err(no_such(id)) }
    }

    /// How events are forwarded; none if a person did not ask for that.
    pub fn forwarding(&self) -> Option<Forwarding> {
        let tracking = self.settings().error_tracking;
        let secrets = self.files.secrets.snapshot();
        let dsn = tracking.dsn_text(secrets.as_deref().map(|file| &file.value)).filter(|_| tracking.enabled)?;
        let environment = tracking.environment.clone();
        Some(Forwarding { dsn, environment, max_per_hour: tracking.max_per_hour })
    }

    /// Whether a person has decided that nothing is forwarded. A file that cannot be read decides nothing.
    pub fn forwarding_ended(&self) -> bool {
        self.files.settings.snapshot().is_some_and(|file| !file.value.error_tracking.enabled)
    }

    /// Rises when something waits to be forwarded.
    pub fn outgoing_changes(&self) -> watch::Receiver<u64> {
        self.errors.outgoing()
    }

    /// The event that has waited longest to be forwarded. What became secret since it was queued is taken out too.
    ///
    /// # Errors
    /// The database refuses.
    pub fn next_outgoing(&self) -> Result<Option<OutgoingEvent>> {
        let store = self.errors.store();
        while let Some(next) = store.next_outgoing().map_err(|error| internal(&error))? {
            let mut json: Value = serde_json::from_str(&next.event).unwrap_or_default();
            let id = json["event"]["id"].clone();
            self.errors.scrubber().json(&mut json["event"]);
            json["event"]["id"] = id;
            match serde_json::from_value(json) {
                Ok(what) => return Ok(Some(OutgoingEvent { id: next.id, what })),
                // Of another version, or damaged: it would stand in the way of all behind it.
                Err(error) => {
                    tracing::warn!(%error, "An event that was to be forwarded cannot be read and is left out.");
                    store.forget_outgoing(next.id).map_err(|error| internal(&error))?;
                }
            }
        }
        Ok(None)
    }

    /// It was forwarded, or no server will ever take it.
    ///
    /// # Errors
    /// The database refuses.
    pub fn forget_outgoing(&self, id: i64) -> Result<()> {
        self.errors.store().forget_outgoing(id).map_err(|error| internal(&error))
    }

    /// Nothing is to be forwarded any more, not even what waits.
    ///
    /// # Errors
    /// The database refuses.
    pub fn clear_outgoing(&self) -> Result<()> {
        self.errors.store().clear_outgoing().map_err(|error| internal(&error))
    }
}

fn number(id: &str) -> Result<i64> {
    id.parse().map_err(|_| no_such(id))
}

fn no_such(id: &str) -> Error {
    Error::NotFound(format!("there is no error `{id}`; it may have been removed, or been the oldest of too many"))
}

/// `TIME-ID`, the end of a page.
fn parse_place(text: &str) -> Result<(Timestamp, i64)> {
    let wrong = || Error::invalid_at("after", format!("`{text}` is no end of a page"), Some("use `next`".into()));
    let (time, id) = text.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    Ok((Timestamp(number(time)?), number(id)?))
}
