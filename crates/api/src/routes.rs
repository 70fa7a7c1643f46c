//! The rules of the router.

use fieldrail_node::views::{Finding, Paged};
use fieldrail_node::{Attempt, Attempted, LanguageView, RouteSpec, RouteView, RouterStats, RoutingFile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{Created, Done, Json, Tagged};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

/// The largest set of rules, in bytes: 100,000 routes fit.
pub(crate) const MOST_RULES: usize = 64 * 1024 * 1024;

/// The state that the rules have now.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RulesState {
    /// For `If-Match` when all rules are replaced.
    etag: String,
}

pub(crate) fn list(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<Paged<RouteView>>> {
    let (routes, etag) = call.node().routes()?;
    Ok(Tagged(etag.to_string(), Paged::whole(routes)))
}

pub(crate) fn replace(call: &Call, _: NoQuery, Json(rules): Json<RoutingFile>) -> Result<Tagged<RulesState>> {
    let etag = call.node().put_routes(call.who()?, call.expected(), &rules)?.to_string();
    Ok(Tagged(etag.clone(), RulesState { etag }))
}

pub(crate) fn one(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<RouteView>> {
    Ok(tagged(call.node().route(call.segment("id"))?))
}

pub(crate) fn put(call: &Call, _: NoQuery, Json(route): Json<RouteSpec>) -> Result<Tagged<RouteView>> {
    Ok(tagged(call.node().put_route(call.who()?, call.segment("id"), call.expected(), &route)?))
}

/// Where a new route goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceQuery {
    /// The id of the route that it goes in front of; without it, and if there is no such route, it is the last one.
    before: Option<String>,
}

pub(crate) fn add(call: &Call, query: PlaceQuery, Json(route): Json<RouteSpec>) -> Result<Created<RouteView>> {
    call.about(route.id.clone(), "");
    Ok(Created(call.node().add_route(call.who()?, query.before.as_deref(), &route)?))
}

/// Tries a route on present values, with no effect.
pub(crate) fn attempt(call: &Call, _: NoQuery, Json(attempt): Json<Attempt>) -> Result<Json<Attempted>> {
    Ok(Json(call.node().try_route(call.who()?, &attempt)))
}

pub(crate) fn language(_: &Call, _: NoQuery, _: NoBody) -> Result<Json<LanguageView>> {
    Ok(Json(fieldrail_node::language_of_routes()))
}

fn tagged(route: RouteView) -> Tagged<RouteView> {
    Tagged(route.etag.clone(), route)
}

pub(crate) fn remove(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().remove_route(call.who()?, call.segment("id"), call.expected())?;
    Ok(Done)
}

pub(crate) fn check(call: &Call, _: NoQuery, rules: Option<Json<RoutingFile>>) -> Result<Json<Paged<Finding>>> {
    let findings = call.node().check_rules(rules.as_ref().map(|Json(rules)| rules))?;
    Ok(Json(Paged::whole(findings)))
}

pub(crate) fn stats(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<RouterStats>> {
    Ok(Json(call.node().router_stats()))
}
