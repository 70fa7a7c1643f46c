//! Datapoints, writes, and the trees of devices.

use fieldrail_node::dashboards::Near;
use fieldrail_node::views::{Paged, Point, PulseRequest, TreeNode, WriteRequest, WriteResult};
use fieldrail_node::{ColumnsView, Datum, Explanation, HistoryView, Kind, PulseView, QualityClass, Sought, Wanted};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::{Done, Json};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

/// Which datapoints.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PointQuery {
    /// Part of the address or the name, in any case, umlauts also without their dots.
    #[serde(default)]
    search: String,
    /// Only those of this instance.
    instance: Option<String>,
    /// Only those of this kind.
    kind: Option<Kind>,
    /// Only those of this quality.
    quality: Option<QualityClass>,
    /// Only those behind this address: `next` of the page before.
    after: Option<String>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// Which datapoint.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressQuery {
    /// The full address.
    address: String,
    /// Ask the device now, and do not wait for it to say something.
    #[serde(default)]
    read: bool,
}

/// Which part of which tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrowseQuery {
    /// The instance whose tree it is.
    instance: String,
    /// The `path` of the node to open; empty for the root.
    #[serde(default)]
    path: String,
    /// Part of the name.
    filter: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

pub(crate) fn list(call: &Call, query: PointQuery, _: NoBody) -> Result<Json<Paged<Point>>> {
    let instance = query.instance.filter(|id| !id.is_empty());
    let PointQuery { search, kind, quality, after, limit, .. } = query;
    let wanted = Wanted { search, instance, kind, quality, after, limit };
    Ok(Json(call.node().datapoints(call.who()?, &wanted)))
}

pub(crate) async fn one(call: Call, query: AddressQuery, _: NoBody) -> Result<Json<Point>> {
    let (node, who) = (call.node(), call.who()?);
    Ok(Json(if query.read { node.read(who, &query.address).await? } else { node.datapoint(who, &query.address)? }))
}

pub(crate) async fn write(call: Call, _: NoQuery, Json(request): Json<WriteRequest>) -> Result<Json<WriteResult>> {
    call.about(request.address.clone(), format!("= {}", brief(&request.value.to_string())));
    let result = call.node().write(call.who()?, request).await?;
    call.ended(result.outcome);
    Ok(Json(result))
}

pub(crate) async fn pulse(call: Call, _: NoQuery, Json(request): Json<PulseRequest>) -> Result<Json<WriteResult>> {
    let PulseRequest { value, duration_ms, .. } = &request;
    call.about(request.address.clone(), format!("= {} for {duration_ms} ms", brief(&value.to_string())));
    let result = call.node().pulse(call.who()?, request).await?;
    call.ended(result.outcome);
    Ok(Json(result))
}

/// So much of a value stands in the audit trail.
fn brief(value: &str) -> String {
    const MOST: usize = 100;
    if value.len() <= MOST { value.to_owned() } else { format!("{}…", &value[..value.floor_char_boundary(MOST)]) }
}

pub(crate) fn pulses(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<PulseView>>> {
    Ok(Json(Paged::whole(call.node().pulses(call.who()?))))
}

pub(crate) async fn browse(call: Call, query: BrowseQuery, _: NoBody) -> Result<Json<Paged<TreeNode>>> {
    let BrowseQuery { instance, path, filter, after, limit } = query;
    let filter = filter.filter(|text| !text.is_empty());
    Ok(Json(call.node().browse(call.who()?, &instance, &path, filter, after, limit).await?))
}

/// What is looked for in which tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindQuery {
    /// The instance whose tree it is, or `calc` or `system`.
    instance: String,
    /// Part of a name, a path or a comment, in any case, umlauts also without their dots.
    #[serde(default)]
    search: String,
    /// Only values of this kind.
    kind: Option<Kind>,
    /// Only values of this quality; one that nobody reads has none.
    quality: Option<QualityClass>,
    /// Only what the data space knows; the device is not asked.
    #[serde(default)]
    known: bool,
    /// `next` of the page before.
    after: Option<String>,
    /// The most on the page. It may hold fewer and go on behind.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

pub(crate) async fn find(call: Call, query: FindQuery, _: NoBody) -> Result<Json<Paged<TreeNode>>> {
    let FindQuery { instance, search, kind, quality, known, after, limit } = query;
    let sought = Sought { instance, text: search, kind, quality, known, after, limit };
    Ok(Json(call.node().find(call.who()?, sought).await?))
}

/// Whose last values, and how many.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    /// The full address.
    address: String,
    /// The most values, the newest.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
}

pub(crate) fn history(call: &Call, query: HistoryQuery, _: NoBody) -> Result<Json<HistoryView>> {
    Ok(Json(call.node().history(call.who()?, &query.address, query.limit)?))
}

/// Whose last values, in how many columns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnQuery {
    /// The full address.
    address: String,
    /// Columns of equal time, at the most.
    #[schemars(range(min = 1, max = 4000))]
    points: usize,
    /// Only values since this moment, in milliseconds since 1970 UTC.
    since_ms: Option<i64>,
}

pub(crate) fn columns(call: &Call, query: ColumnQuery, _: NoBody) -> Result<Json<ColumnsView>> {
    let ColumnQuery { address, points, since_ms } = query;
    Ok(Json(call.node().columns(call.who()?, &address, points, since_ms)?))
}

/// What is gone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NearQuery {
    /// The full address.
    address: String,
}

pub(crate) async fn near(call: Call, query: NearQuery, _: NoBody) -> Result<Json<Near>> {
    Ok(Json(call.node().near(call.who()?, &query.address).await?))
}

/// Which datapoint is to be explained.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainQuery {
    /// The full address.
    address: String,
}

pub(crate) fn explain(call: &Call, query: ExplainQuery, _: NoBody) -> Result<Json<Explanation>> {
    Ok(Json(call.node().explain(call.who()?, &query.address)?))
}

pub(crate) fn route_data(call: &Call, _: NoQuery, Json(datum): Json<Datum>) -> Result<Done> {
    call.about(format!("{}.{}", datum.source_id, datum.tag), format!("= {}", brief(&datum.value.to_string())));
    call.node().route_data(call.who()?, datum)?;
    Ok(Done)
}
