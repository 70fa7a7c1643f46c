//! The history of the dashboards: who changed what, how two moments differ, back to any of them, undo and redo.

use axum::http::StatusCode;
use fieldrail_node::dashboards::{ChangeDetail, ChangeView, Differences, RestoreRequest, UndoRequest, Undone};
use fieldrail_node::views::Paged;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Json;
use crate::call::{Call, NoBody, NoQuery};
use crate::dashboards::seen;
use crate::problem::{Problem, Result};

/// Which changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeQuery {
    /// Only those of this widget.
    widget: Option<String>,
    /// Only those of this page itself.
    dashboard: Option<String>,
    /// Before the change with this number: `next` of the page before.
    before: Option<u64>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
}

/// Up to which change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DifferenceQuery {
    /// The later change; unless given, what is there now.
    to: Option<u64>,
}

pub(crate) fn list(call: &Call, query: ChangeQuery, _: NoBody) -> Result<Json<Paged<ChangeView>>> {
    let ChangeQuery { widget, dashboard, before, limit } = query;
    let given = |id: Option<String>| id.filter(|id| !id.is_empty());
    let only = RestoreRequest { widget: given(widget), dashboard: given(dashboard) };
    Ok(Json(call.node().dashboard_changes(call.who()?, before, limit, &only)?))
}

pub(crate) fn one(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<ChangeDetail>> {
    Ok(Json(call.node().dashboard_change(call.who()?, number(call)?)?))
}

pub(crate) fn difference(call: &Call, query: DifferenceQuery, _: NoBody) -> Result<Json<Differences>> {
    Ok(Json(call.node().dashboards_difference(call.who()?, number(call)?, query.to)?))
}

pub(crate) fn restore(call: &Call, _: NoQuery, only: Option<Json<RestoreRequest>>) -> Result<Json<ChangeView>> {
    let only = only.map(|Json(only)| only).unwrap_or_default();
    Ok(Json(call.node().restore_dashboards(call.who()?, number(call)?, Some(seen(call)?), &only)?))
}

pub(crate) fn undo(call: &Call, _: NoQuery, request: Option<Json<UndoRequest>>) -> Result<Json<Undone>> {
    let request = request.map(|Json(request)| request).unwrap_or_default();
    Ok(Json(call.node().undo_dashboards(call.who()?, request)?))
}

pub(crate) fn redo(call: &Call, _: NoQuery, request: Option<Json<UndoRequest>>) -> Result<Json<Undone>> {
    let request = request.map(|Json(request)| request).unwrap_or_default();
    Ok(Json(call.node().redo_dashboards(call.who()?, request)?))
}

fn number(call: &Call) -> Result<u64> {
    call.segment("id").parse().map_err(|_| {
        let problem = Problem::new(StatusCode::NOT_FOUND, "a change is named by a number");
        problem.hint("GET /api/widgets/versions lists them").into()
    })
}
