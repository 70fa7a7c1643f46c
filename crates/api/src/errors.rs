//! What failed, by cause.

use fieldrail_node::people::Role;
use fieldrail_node::views::Paged;
use fieldrail_node::{ErrorDetail, ErrorView, ErrorWish};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::{Done, Json};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

/// Which causes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorQuery {
    /// Of this instance only.
    instance: Option<String>,
    /// Only this kind: `daemon_panic`, `panic`, `exception`, `crash`, `hang`, `protocol`, `limit`, `suspended` or `failed`.
    kind: Option<String>,
    /// True for resolved ones only, false for open ones only.
    resolved: Option<bool>,
    /// With this text in what failed or where, in any case.
    search: Option<String>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

pub(crate) fn list(call: &Call, query: ErrorQuery, _: NoBody) -> Result<Json<Paged<ErrorView>>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let ErrorQuery { instance, kind, resolved, search, limit, after } = query;
    let wish = ErrorWish {
        instance: given(instance),
        kind: given(kind),
        resolved,
        search: given(search),
        after: given(after),
        limit,
    };
    Ok(Json(call.node().errors(&wish)?))
}

pub(crate) fn one(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<ErrorDetail>> {
    let mut detail = call.node().error(call.segment("id"))?;
    // Configurations are for administrators, here as everywhere.
    if call.who()?.role < Role::Admin {
        detail.occurrences.iter_mut().for_each(|event| event.config = Value::Null);
    }
    Ok(Json(detail))
}

pub(crate) fn resolve(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<ErrorView>> {
    Ok(Json(call.node().resolve_error(call.who()?, call.segment("id"))?))
}

pub(crate) fn remove(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().remove_error(call.who()?, call.segment("id"))?;
    Ok(Done)
}
