//! Secrets apart from the configurations that use them: names come out, texts only go in.

use fieldrail_node::SecretView;
use fieldrail_node::views::Paged;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::{Created, Done, Json, Tagged};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

/// A secret to be kept.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fresh {
    /// What configurations call it: letters a–z, digits and `.`, `_`, `-`.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// What is kept; it is never shown again.
    #[schemars(length(min = 1, max = 65_536))]
    value: String,
}

/// Another text for a secret.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Other {
    /// What is kept; it is never shown again.
    #[schemars(length(min = 1, max = 65_536))]
    value: String,
}

/// How a secret is removed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removal {
    /// Also if something refers to it, which stops working then.
    #[serde(default)]
    anyway: bool,
}

pub(crate) fn list(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<SecretView>>> {
    Ok(Json(Paged::whole(call.node().secrets(call.who()?)?)))
}

pub(crate) fn add(call: &Call, _: NoQuery, Json(fresh): Json<Fresh>) -> Result<Created<SecretView>> {
    call.about(fresh.name.clone(), "");
    Ok(Created(call.node().add_secret(call.who()?, &fresh.name, &fresh.value)?))
}

pub(crate) fn put(call: &Call, _: NoQuery, Json(other): Json<Other>) -> Result<Tagged<SecretView>> {
    let secret = call.node().put_secret(call.who()?, call.segment("name"), &other.value, call.expected())?;
    Ok(Tagged(secret.etag.clone(), secret))
}

pub(crate) fn remove(call: &Call, removal: Removal, _: NoBody) -> Result<Done> {
    call.node().remove_secret(call.who()?, call.segment("name"), call.expected(), removal.anyway)?;
    Ok(Done)
}
