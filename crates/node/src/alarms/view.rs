//! Alarms as people see them, and the acknowledgement.

use std::sync::Arc;

use fieldrail_model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Declared, Step};
use crate::data::reach;
use crate::datapoints::Severity;
use crate::node::lock;
use crate::people::{Role, Who};
use crate::views::Paged;
use crate::{Error, Node, Result, clock};

/// Entries on a page, if nobody says otherwise, and at the most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

/// Characters of a comment, at the most.
const MOST_COMMENT: usize = 500;

/// Which alarms somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct AlarmsWanted {
    /// Those that are normal too.
    pub all: bool,
    /// Only those behind this address.
    pub after: Option<String>,
    /// The most on the page.
    pub limit: Option<usize>,
}

/// One page of the alarms, with how many there are in all that the asker may see.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Alarms {
    /// Those that are active, acknowledged or not.
    pub active_count: usize,
    /// Those that nobody has acknowledged, active or not.
    pub unacknowledged_count: usize,
    /// In the order of their addresses.
    pub items: Vec<AlarmView>,
    /// Ask with this `after` for the next page; none means that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One alarm. Times are in milliseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AlarmView {
    /// The datapoint.
    pub address: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// `active`, `acknowledged` (and active), `cleared` (and not acknowledged) or `normal`.
    pub state: &'static str,
    /// It came and went so often that it is held active until it is quiet for a minute.
    pub flaps: bool,
    /// Its datapoint is bad or stale, so that nobody knows whether it would be active.
    pub source_lost: bool,
    /// When it became active the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activated_ms: Option<i64>,
    /// When it was cleared the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_ms: Option<i64>,
    /// When it was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_ms: Option<i64>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Something that happened to an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AlarmEvent {
    /// Rises with each.
    pub id: u64,
    /// The datapoint.
    pub address: String,
    /// `activated`, `cleared` or `acknowledged`.
    pub event: &'static str,
    /// In milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// Who acknowledged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Which alarms somebody has seen.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// The datapoints, 1 to 1000.
    #[schemars(length(min = 1, max = 1000))]
    pub addresses: Vec<String>,
    /// For those who come later, up to 500 characters.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub comment: Option<String>,
}

fn view(address: &str, declared: &Declared, now: Timestamp) -> AlarmView {
    let alarm = &declared.alarm;
    let ms = |time: Option<Timestamp>| time.map(Timestamp::millis);
    AlarmView {
        address: address.into(),
        name: declared.name.clone(),
        severity: declared.spec.severity,
        state: alarm.state(),
        flaps: alarm.active && alarm.flaps(now),
        source_lost: alarm.source_lost,
        activated_ms: ms(alarm.activated),
        cleared_ms: ms(alarm.cleared),
        acknowledged_ms: ms(alarm.acknowledged),
        by: alarm.by.clone(),
        comment: alarm.comment.clone(),
    }
}

impl Node {
    /// One page of the alarms that the asker may see: those that are not normal, or all.
    pub fn alarms(&self, who: &Who, wanted: &AlarmsWanted) -> Alarms {
        let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let now = clock::now();
        let inner = lock(&self.alarms.inner);
        let reached = || inner.all.iter().filter(|(address, _)| who.reaches(address));
        let mut found = reached().filter(|(address, declared)| {
            (wanted.all || !declared.alarm.is_normal()) && wanted.after.as_ref().is_none_or(|after| *address > after)
        });
        let items: Vec<AlarmView> =
            found.by_ref().take(limit).map(|(address, declared)| view(address, declared, now)).collect();
        let next = found.next().and(items.last()).map(|last| last.address.clone());
        Alarms {
            active_count: reached().filter(|(_, declared)| declared.alarm.active).count(),
            unacknowledged_count: reached().filter(|(_, declared)| declared.alarm.waits).count(),
            items,
            next,
        }
    }

    /// What has happened to alarms that the asker may see, newest first, before the event with this number.
    pub fn alarm_events(&self, who: &Who, before: Option<u64>, limit: Option<usize>) -> Paged<AlarmEvent> {
        let limit = limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let inner = lock(&self.alarms.inner);
        let mut found = inner
            .events
            .iter()
            .rev()
            .filter(|event| before.is_none_or(|before| event.id < before) && who.reaches(&event.address));
        let items: Vec<AlarmEvent> = found
            .by_ref()
            .take(limit)
            .map(|event| AlarmEvent {
                id: event.id,
                address: event.address.clone(),
                event: event.step.name(),
                time_ms: event.at.millis(),
                by: event.by.clone(),
                comment: event.comment.clone(),
            })
            .collect();
        let next = found.next().and(items.last()).map(|last| last.id.to_string());
        Paged { items, next, total: None }
    }

    /// Takes note that somebody has seen these alarms. One that nobody has to acknowledge stays as it is.
    ///
    /// # Errors
    /// Who may not write, or an address that is no alarm; then none of them is acknowledged.
    pub async fn acknowledge(self: &Arc<Self>, who: &Who, request: &Acknowledge) -> Result<Vec<AlarmView>> {
        who.must_be(Role::Operator)?;
        if request.addresses.is_empty() || request.addresses.len() > LONGEST_PAGE {
            return Err(Error::invalid_at("addresses", format!("1 to {LONGEST_PAGE} addresses at a time"), None));
        }
        let comment = request.comment.as_deref().map(str::trim).filter(|comment| !comment.is_empty());
        if comment.is_some_and(|comment| comment.chars().count() > MOST_COMMENT) {
            return Err(Error::invalid_at("comment", format!("a comment has up to {MOST_COMMENT} characters"), None));
        }
        let mut addresses = Vec::with_capacity(request.addresses.len());
        for address in &request.addresses {
            reach(who, address)?;
            let canonical = self.traffic.engine().canonical(address).into_owned();
            addresses.push(canonical);
        }
        self.people().count_write(who)?;
        let (now, wall) = (clock::now(), clock::wall());
        let mut lines = Vec::new();
        let views = {
            let mut inner = lock(&self.alarms.inner);
            if let Some(unknown) = addresses.iter().find(|address| !inner.all.contains_key(*address)) {
                return Err(Error::NotFound(format!("`{unknown}` is no alarm")));
            }
            let mut views = Vec::with_capacity(addresses.len());
            for address in &addresses {
                let step =
                    inner.all.get_mut(address).and_then(|found| found.alarm.acknowledge(&who.name, comment, now));
                if let Some(step @ Step::Acknowledged) = step {
                    lines.extend(inner.note(address, step, wall));
                }
                views.extend(inner.all.get(address).map(|declared| view(address, declared, now)));
            }
            views
        };
        self.tell_alarms(lines, None).await;
        Ok(views)
    }
}
