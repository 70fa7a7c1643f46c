//! A saved archive comes back: what is in it is looked at before anything is believed, and nothing of it becomes the name of a
//! file.
//!
//! The archive names its files, and the only names are those of the configuration: whatever else is in it, be it a path, a
//! link or a file of somebody else, refuses the whole. Masks in it stand for what is stored, or for what is sent with it.

use std::io::{Cursor, Read as _};

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fieldrail_node::{Error, FileChange, FileName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::answer::{Json, Tagged};
use crate::call::{Call, NoQuery};
use crate::connections::hidden_of;
use crate::files::{masked, show_logins};
use crate::problem::{Problem, Result};
use crate::secrets::{Hidden, dotted};

/// The largest archive, in bytes.
const MOST_ARCHIVE: usize = 16 * 1024 * 1024;

/// The largest body: the archive in base64, and what is sent with it.
pub(crate) const MOST_BODY: usize = MOST_ARCHIVE / 3 * 4 + 1024 * 1024;

/// Files in an archive, at the most; one that was saved here has five.
const MOST_FILES: usize = 16;

/// What the rules may unpack to, in bytes, and what another file may: no more could be read afterwards.
const MOST_RULES: u64 = 64 * 1024 * 1024;
const MOST_TEXT: u64 = 16 * 1024 * 1024;

/// A file whose text is longer is not shown.
const LONGEST_SHOWN: usize = 1024 * 1024;

/// So many letters of a name in an archive are repeated.
const LONGEST_NAME: usize = 80;

/// The note in each archive.
const README: &str = "README.txt";

/// A configuration that comes back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// The archive as it was saved, in base64; at most 16 MiB.
    archive: String,
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
    /// Secrets that are only masks in the archive, and are not stored here.
    #[serde(default)]
    secrets: Vec<Given>,
}

/// A secret that is sent with an archive.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    /// The connection; empty for `fieldrail.json`.
    #[serde(default)]
    connection: String,
    /// Where in it, as `missing` says.
    key: String,
    /// The secret itself.
    value: String,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Given({}, {}, …)", self.connection, self.key)
    }
}

/// What comes back, or would.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Restored {
    /// Whether it is in force now; otherwise it was only asked for.
    applied: bool,
    /// For `If-Match`: the configuration as it stands.
    etag: String,
    /// Each file in the archive.
    files: Vec<RestoredFile>,
    /// Secrets that are only masks in the archive and are not stored here either.
    missing: Vec<Missing>,
}

/// One file of a configuration that comes back.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RestoredFile {
    /// Its name.
    name: &'static str,
    /// Whether it says something else.
    differs: bool,
    /// What it said, with masks in the place of secrets; none if it differs not, or is longer than 1 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// What it says then, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// A mask that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Missing {
    /// The connection; empty for `fieldrail.json`.
    connection: String,
    /// Where in it, for example `config.password`.
    key: String,
}

pub(crate) fn restore(call: &Call, _: NoQuery, Json(wish): Json<Wish>) -> Result<Tagged<Restored>> {
    let who = call.who()?;
    if wish.dry_run {
        call.about("configuration", "only asked what would change");
        call.changes_nothing();
    } else {
        call.about("configuration", "all of it");
    }
    let bytes = STANDARD.decode(&wish.archive).map_err(|error| refused(&format!("it is no base64 ({error})")))?;
    let mut files = unpack(bytes)?;
    let mut missing = Vec::new();
    for (name, text) in &mut files {
        *text = unmasked(call, *name, text, &wish.secrets, &mut missing)?;
    }
    if let (Some(first), false) = (missing.first(), wish.dry_run) {
        let place = if first.connection.is_empty() { FileName::Settings.as_str() } else { &first.connection };
        let message = format!("{place}: the value of `{}` is only the mask of a secret", first.key);
        let hint = "send the secret itself in `secrets`; `missing` of a dry run lists all of them";
        return Err(Error::invalid_at(first.key.clone(), message, Some(hint.into())).into());
    }
    let changes = call.node().restore_configuration(who, &files, call.expected(), wish.dry_run)?;
    let files = changes.into_iter().map(|change| shown(call, change)).collect::<Result<Vec<_>>>()?;
    let etag = call.node().configuration_etag().to_string();
    Ok(Tagged(etag.clone(), Restored { applied: !wish.dry_run, etag, files, missing }))
}

fn refused(why: &str) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the archive cannot be used: {why}"));
    problem.hint("take an archive as this page saves it, with nothing added to it")
}

/// The files of the configuration that are in an archive.
fn unpack(bytes: Vec<u8>) -> Result<Vec<(FileName, String)>> {
    if bytes.len() > MOST_ARCHIVE {
        return Err(refused(&format!("it has {} bytes, more than {MOST_ARCHIVE}", bytes.len())).into());
    }
    let broken = |error: zip::result::ZipError| refused(&error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > MOST_FILES {
        return Err(refused(&format!("there are {} files in it, more than {MOST_FILES}", archive.len())).into());
    }
    if archive.has_duplicate_names() {
        return Err(refused("a file is in it twice").into());
    }
    if archive.has_overlapping_entries().map_err(broken)? {
        return Err(refused("its files overlap").into());
    }
    let mut files = Vec::new();
    for nth in 0..archive.len() {
        let mut file = archive.by_index(nth).map_err(broken)?;
        let name = file.name().map_err(broken)?.into_owned();
        let shown: String = name.chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect();
        if !file.is_file() || file.is_symlink() {
            return Err(refused(&format!("`{shown}` in it is no plain file")).into());
        }
        if name == README {
            continue;
        }
        let Some(known) = FileName::SHOWN.into_iter().find(|known| known.as_str() == name) else {
            return Err(refused(&format!("`{shown}` in it is no file of a configuration")).into());
        };
        let most = if known == FileName::Routing { MOST_RULES } else { MOST_TEXT };
        files.push((known, text_of(&mut file, most)?));
    }
    if files.is_empty() {
        return Err(refused("there is no file of a configuration in it").into());
    }
    Ok(files)
}

/// What a file unpacks to. Whatever size it claims to have, no more is unpacked than may be.
fn text_of<R: std::io::Read>(file: &mut ZipFile<'_, R>, most: u64) -> Result<String> {
    let name = file.name().map(std::borrow::Cow::into_owned).unwrap_or_default();
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(&format!("`{name}` in it is damaged ({error})")))?;
    if bytes.len() as u64 > most {
        return Err(refused(&format!("`{name}` in it unpacks to more than {most} bytes")).into());
    }
    Ok(String::from_utf8(bytes).map_err(|_| refused(&format!("`{name}` in it is no text")))?)
}

/// The text with secrets in the place of their masks: those that are stored, then those that were given. What is neither is
/// added to `missing`, and stays a mask. A text that is no JSON is told of by who parses it.
fn unmasked(call: &Call, name: FileName, text: &str, given: &[Given], missing: &mut Vec<Missing>) -> Result<String> {
    if !matches!(name, FileName::Settings | FileName::Connections | FileName::Widgets) {
        return Ok(text.to_owned());
    }
    // It is parsed once more, more strictly, and told with line and column.
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return Ok(text.to_owned()) };
    let masks_before = value.clone();
    let mut fill = |connection: &str, prefix: &str, place: &mut Value, pointers: Vec<String>| {
        for pointer in pointers {
            let key = format!("{prefix}{}", dotted(&pointer));
            let secret = given.iter().find(|one| one.connection == connection && one.key == key);
            match (secret, place.pointer_mut(&pointer)) {
                (Some(secret), Some(mask)) => *mask = Value::from(secret.value.clone()),
                _ => missing.push(Missing { connection: connection.to_owned(), key }),
            }
        }
    };
    if name == FileName::Settings {
        let stored = call.node().config_text(call.who()?, name).unwrap_or_default();
        let stored = serde_json::from_str(&stored).unwrap_or(Value::Null);
        if let Err(masks) = Hidden::under(["dsn"]).restore(&mut value, &stored) {
            fill("", "", &mut value, masks);
        }
    } else if name == FileName::Widgets {
        let stored = call.node().config_text(call.who()?, name).unwrap_or_default();
        let stored = serde_json::from_str(&stored).unwrap_or(Value::Null);
        let masks = show_logins(&mut value, &stored);
        fill(name.as_str(), "", &mut value, masks);
    } else {
        for connection in value.get_mut("connections").and_then(Value::as_array_mut).into_iter().flatten() {
            let word = |key: &str| connection.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (id, driver) = (word("id"), word("driver"));
            let Some(config) = connection.get_mut("config") else { continue };
            let stored = call.node().connection(&id).ok().filter(|(stored, _)| stored.driver == driver);
            let stored = stored.map_or_else(|| json!({}), |(stored, _)| stored.config);
            if let Err(masks) = hidden_of(call, &driver, config).restore(config, &stored) {
                fill(&id, "config.", config, masks);
            }
        }
    }
    if value == masks_before { Ok(text.to_owned()) } else { Ok(value.to_string()) }
}

fn shown(call: &Call, change: FileChange) -> Result<RestoredFile> {
    let FileChange { name, differs, before, after } = change;
    let text = |text: String| -> Result<Option<String>> {
        if !differs || text.len() > LONGEST_SHOWN || text.is_empty() {
            return Ok(None);
        }
        Ok(Some(masked(call, name, text)?.text))
    };
    Ok(RestoredFile { name: name.as_str(), differs, before: text(before)?, after: text(after)? })
}
