//! One search over the whole house.

use fieldrail_node::{DeviceFinds, Found, MOST_CHARACTERS, Search};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Json;
use crate::call::{Call, NoBody};
use crate::problem::Result;

/// What is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchQuery {
    /// Words; each has to fit. Case, accents and the spelling of umlauts do not matter.
    #[serde(default)]
    #[schemars(length(min = 1, max = MOST_CHARACTERS))]
    q: String,
    /// The most finds of each kind.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

impl From<SearchQuery> for Search {
    fn from(query: SearchQuery) -> Self {
        Self { text: query.q, limit: query.limit }
    }
}

pub(crate) fn house(call: &Call, query: SearchQuery, _: NoBody) -> Result<Json<Found>> {
    Ok(Json(call.node().search(call.who()?, &query.into())?))
}

pub(crate) async fn devices(call: Call, query: SearchQuery, _: NoBody) -> Result<Json<DeviceFinds>> {
    Ok(Json(call.node().search_devices(call.who()?, &query.into()).await?))
}
