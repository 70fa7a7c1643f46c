//! Dashboards: their pages and the order of these.

use axum::http::StatusCode;
use fieldrail_node::Etag;
use fieldrail_node::dashboards::model::Dashboard;
use fieldrail_node::dashboards::{DashboardView, DashboardsState, DashboardsView, OrderRequest};

use crate::answer::{Created, Done, Json, Tagged};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::{Problem, Result};

/// What the request wants to change, as it saw it. Several people work on dashboards at once, so that nobody changes one
/// without saying what they saw.
pub(crate) fn seen(call: &Call) -> Result<&Etag> {
    call.expected().ok_or_else(|| {
        let problem = Problem::new(StatusCode::PRECONDITION_REQUIRED, "this needs If-Match");
        problem.hint("send the `etag` of the entry as you read it").into()
    })
}

pub(crate) fn state(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<DashboardsState>> {
    Ok(Json(call.node().dashboards_state(call.who()?)?))
}

pub(crate) fn list(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<DashboardsView>> {
    Ok(Json(call.node().dashboards(call.who()?)?))
}

pub(crate) fn one(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<DashboardView>> {
    Ok(tagged(call.node().dashboard(call.who()?, call.segment("id"))?))
}

pub(crate) fn add(call: &Call, _: NoQuery, Json(page): Json<Dashboard>) -> Result<Created<DashboardView>> {
    let made = call.node().add_dashboard(call.who()?, page)?;
    call.about(made.dashboard.id.clone(), made.dashboard.name.clone());
    Ok(Created(made))
}

pub(crate) fn put(call: &Call, _: NoQuery, Json(page): Json<Dashboard>) -> Result<Tagged<DashboardView>> {
    Ok(tagged(call.node().put_dashboard(call.who()?, call.segment("id"), seen(call)?, page)?))
}

pub(crate) fn remove(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().remove_dashboard(call.who()?, call.segment("id"), seen(call)?)?;
    Ok(Done)
}

pub(crate) fn order(call: &Call, _: NoQuery, Json(order): Json<OrderRequest>) -> Result<Json<DashboardsView>> {
    Ok(Json(call.node().order_dashboards(call.who()?, order, seen(call)?)?))
}

fn tagged(view: DashboardView) -> Tagged<DashboardView> {
    Tagged(view.etag.clone(), view)
}
