//! Who did what: every changing call leaves a row before it is answered, also one that is refused, that fails, or whose asker
//! hangs up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use fieldrail_node::views::Paged;
use fieldrail_node::{AuditVerdict, AuditView, AuditWish, Deed, Node};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::Json;
use crate::call::{Call, NoBody, NoQuery};
use crate::endpoint::Endpoint;
use crate::problem::Result;

/// Changing calls that are so frequent that they must not push out the others.
const FREQUENT: [&str; 4] =
    ["/api/datapoint/write", "/api/datapoint/pulse", "/api/router/data", "/api/widgets/{id}/operate"];

/// Calls with a body that change nothing.
const LOOKS: [&str; 2] = ["/api/router/check", "/api/router/try"];

/// What a handler says about its call.
#[derive(Debug, Default)]
pub(crate) struct Note(Mutex<Noted>);

#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Who turned out to be the one who asks, at an end point that is open to everybody.
    pub(crate) by: Option<String>,
    pub(crate) target: String,
    pub(crate) detail: String,
    /// How it ended, where the status does not say all.
    pub(crate) outcome: Option<&'static str>,
    /// It must not push out what is rare.
    pub(crate) frequent: bool,
}

impl Note {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call of this end point leaves a row.
pub(crate) fn leaves_row(endpoint: &Endpoint) -> bool {
    !endpoint.method.is_safe() && !LOOKS.contains(&endpoint.path)
}

/// A changing call under way. If it is dropped before its end, it broke off.
pub(crate) struct Open {
    node: Arc<Node>,
    note: Arc<Note>,
    by: String,
    action: String,
    frequent: bool,
    over: bool,
}

impl Open {
    pub(crate) fn new(node: &Arc<Node>, endpoint: &Endpoint, by: &str, note: &Arc<Note>) -> Self {
        Self {
            node: Arc::clone(node),
            note: Arc::clone(note),
            by: by.to_owned(),
            action: endpoint.to_string(),
            frequent: FREQUENT.contains(&endpoint.path),
            over: false,
        }
    }

    /// Ends it; returns when the row is written. `refusal` is why it was not done.
    pub(crate) async fn end(mut self, refusal: Option<(StatusCode, &str)>) {
        self.over = true;
        let deed = match refusal {
            None => self.deed("done", ""),
            Some((status, why)) => {
                let refused =
                    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
                self.deed(if refused { "refused" } else { "failed" }, why)
            }
        };
        self.node.audit().record(deed).await;
    }

    fn deed(&self, outcome: &str, why: &str) -> Deed {
        let note = self.note.lock();
        let outcome = note.outcome.filter(|_| outcome == "done").unwrap_or(outcome);
        let detail = match (note.detail.as_str(), why) {
            (detail, "") => detail.to_owned(),
            ("", why) => why.to_owned(),
            (detail, why) => format!("{detail}: {why}"),
        };
        Deed {
            by: note.by.clone().unwrap_or_else(|| self.by.clone()),
            action: self.action.clone(),
            target: note.target.clone(),
            outcome: outcome.into(),
            detail,
            frequent: self.frequent || note.frequent || matches!(outcome, "refused" | "failed"),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.over {
            let deed = self.deed("failed", "broke off: the asker hung up, or a fault of Fieldrail");
            self.node.audit().note(deed);
        }
    }
}

/// Which rows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// `house` for what changes the house, `values` for values that were written and for refused tries; both if left out.
    trail: Option<String>,
    /// By exactly this one.
    by: Option<String>,
    /// With this text in what was done, to what, by whom, or the detail, in any case.
    search: Option<String>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Older than the row with this id: `next` of the page before.
    before: Option<i64>,
}

/// A row, with what its action is in words.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Row {
    #[serde(flatten)]
    row: AuditView,
    /// What the action is in words; empty for those of the daemon's own.
    summary: &'static str,
}

pub(crate) fn list(call: &Call, query: AuditQuery, _: NoBody) -> Result<Json<Paged<Row>>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let AuditQuery { trail, by, search, limit, before } = query;
    let wish = AuditWish { trail: given(trail), by: given(by), search: given(search), before, limit };
    let Paged { items, next, total } = call.node().audit_rows(call.who()?, &wish)?;
    let summary = |row: &AuditView| {
        let known = crate::endpoints().iter().find(|endpoint| endpoint.to_string() == row.action);
        known.map_or("", |endpoint| endpoint.summary)
    };
    let items = items.into_iter().map(|row| Row { summary: summary(&row), row }).collect();
    Ok(Json(Paged { items, next, total }))
}

pub(crate) fn verify(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<AuditVerdict>> {
    Ok(Json(call.node().verify_audit(call.who()?)?))
}
