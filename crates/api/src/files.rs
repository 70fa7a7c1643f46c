//! The files of the configuration: how each stands, what it said before, and how it says that again.
//!
//! What stands in them is shown with masks in the place of secrets, as everywhere.

use axum::http::StatusCode;
use fieldrail_node::views::Paged;
use fieldrail_node::{FileName, FileState, VersionView};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{Json, Tagged};
use crate::call::{Call, NoBody, NoQuery};
use crate::connections::secret_keys_of;
use crate::problem::{Problem, Result};
use crate::secrets;

/// Which versions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionQuery {
    /// The most on the page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// Older than the version with this id: `next` of the page before.
    before: Option<u64>,
}

/// A version with what it said.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct VersionText {
    #[serde(flatten)]
    version: VersionView,
    /// What the file said, with masks in the place of secrets.
    text: String,
}

pub(crate) fn list(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<FileState>>> {
    Ok(Json(Paged::whole(call.node().config_files(call.who()?)?)))
}

pub(crate) fn versions(call: &Call, query: VersionQuery, _: NoBody) -> Result<Json<Paged<VersionView>>> {
    let VersionQuery { limit, before } = query;
    Ok(Json(call.node().file_versions(call.who()?, call.segment("name"), before, limit)?))
}

pub(crate) fn version(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<VersionText>> {
    let (name, version, text) = call.node().file_version(call.who()?, call.segment("name"), id(call)?)?;
    Ok(Json(VersionText { version, text: masked(call, name, text)?.text }))
}

pub(crate) fn restore(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<FileState>> {
    let (name, id) = (call.segment("name"), id(call)?);
    call.about(name, format!("version {id}"));
    let file = call.node().restore_file(call.who()?, name, id, call.expected())?;
    Ok(Tagged(file.etag.clone(), file))
}

fn id(call: &Call) -> Result<u64> {
    let text = call.segment("id");
    text.parse().map_err(|_| {
        let problem = Problem::new(StatusCode::NOT_FOUND, "a version is named by a number");
        problem.hint("GET /api/admin/files/{name}/versions lists them").into()
    })
}

/// A file as it may leave the house.
pub(crate) struct Masked {
    pub(crate) text: String,
    /// How many secrets are masks now.
    pub(crate) masks: usize,
}

/// The file with masks in the place of the secrets that stand in it. A file without any is as it was written.
pub(crate) fn masked(call: &Call, name: FileName, text: String) -> Result<Masked> {
    if !matches!(name, FileName::Settings | FileName::Connections | FileName::Widgets) {
        return Ok(Masked { text, masks: 0 });
    }
    let fault = |_| Problem::new(StatusCode::CONFLICT, "this is no JSON, so nobody knows what in it is secret");
    let clear: Value = serde_json::from_str(&text).map_err(fault)?;
    let mut shown = clear.clone();
    if name == FileName::Settings {
        // The address of an error server has a key in it.
        secrets::hide(&["dsn".to_owned()].into(), &mut shown);
    } else if name == FileName::Widgets {
        hide_logins(&mut shown);
    } else {
        for connection in shown.get_mut("connections").and_then(Value::as_array_mut).into_iter().flatten() {
            let driver = connection.get("driver").and_then(Value::as_str).unwrap_or_default().to_owned();
            let Some(config) = connection.get_mut("config") else { continue };
            let keys = secret_keys_of(call, &driver, config);
            secrets::hide(&keys, config);
        }
    }
    if shown == clear {
        return Ok(Masked { text, masks: 0 });
    }
    let masks = differences(&clear, &shown);
    let pretty = serde_json::to_string_pretty(&shown).map_err(fault)?;
    Ok(Masked { text: pretty + "\n", masks })
}

/// Puts a mask in the place of each password in an address, such as that of a camera.
fn hide_logins(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(hide_logins),
        Value::Array(items) => items.iter_mut().for_each(hide_logins),
        Value::String(text) => {
            let Some((scheme, rest)) = text.split_once("://") else { return };
            let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
            let Some((login, _)) = authority.rsplit_once('@') else { return };
            let Some((name, _)) = login.split_once(':') else { return };
            let masked = format!("{scheme}://{name}:{}{}", secrets::MASK, &rest[login.len()..]);
            *text = masked;
        }
        _ => {}
    }
}

/// How many values differ between two of the same shape.
fn differences(a: &Value, b: &Value) -> usize {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.iter().map(|(key, value)| b.get(key).map_or(1, |other| differences(value, other))).sum()
        }
        (Value::Array(a), Value::Array(b)) => a.iter().zip(b).map(|(a, b)| differences(a, b)).sum(),
        (a, b) => usize::from(a != b),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_in_an_address_becomes_a_mask_and_nothing_else_does() {
        let widget =
            |url: &str| json!({ "widgets": [{ "kind": "camera", "title": "a@b", "options": { "url": url } }] });
        for (url, shown) in [
            ("http://anna:geheim@10.0.0.9/x@y", "http://anna:********@10.0.0.9/x@y"),
            ("https://anna@cam", "https://anna@cam"),
            ("http://cam/a@b", "http://cam/a@b"),
        ] {
            let mut value = widget(url);
            hide_logins(&mut value);
            assert_eq!(value, widget(shown));
        }
    }
}
