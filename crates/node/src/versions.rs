//! The files of the configuration as a person sees them: how each stands, what it said before, and how it says that again.
//!
//! Invariant: `users.json` and `secrets.json` are none of them.

use std::os::unix::fs::MetadataExt as _;

use fieldrail_store::{Document, Etag, Format, Version, Versions};
use schemars::JsonSchema;
use serde::Serialize;

use crate::connections::ConnectionsFile;
use crate::files::FileName;
use crate::people::{Role, Who};
use crate::views::{Finding, Paged};
use crate::{Error, Node, Result};

/// Versions on a page, if nobody says otherwise, and at the most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 200;

/// How one file of the configuration stands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FileState {
    /// Its name, for example `connections.json`.
    pub name: &'static str,
    /// Bytes on disk; none if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was written, in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_ms: Option<i64>,
    /// For `If-Match` when a version is restored: the content in force.
    pub etag: String,
    /// What is wrong with it; what was right before is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Finding>,
}

/// What a file said before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VersionView {
    /// Counts up from 1 for each file.
    pub id: u64,
    /// When it was written, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// Who wrote it: a user, a token, `hand edit`, `first start`.
    pub who: String,
    /// Bytes.
    pub size: u64,
    /// Which content it is: as the file's own `etag` while this is in force.
    pub etag: String,
}

impl From<Version> for VersionView {
    fn from(version: Version) -> Self {
        Self {
            id: version.sequence,
            time_ms: version.time.millis(),
            who: version.who,
            size: version.size,
            etag: version.etag.to_string(),
        }
    }
}

fn state<T: Format>(document: &Document<T>, name: FileName) -> FileState {
    let disk = std::fs::metadata(document.path()).ok();
    let changed = |disk: &std::fs::Metadata| disk.mtime() * 1000 + disk.mtime_nsec() / 1_000_000;
    FileState {
        name: name.as_str(),
        size: disk.as_ref().map(std::fs::Metadata::len),
        changed_ms: disk.as_ref().map(changed),
        etag: document.snapshot().map(|file| file.etag.to_string()).unwrap_or_default(),
        fault: document.status().as_ref().map(Finding::from),
    }
}

/// The file with this name, if it is one that is shown.
fn shown(name: &str) -> Result<FileName> {
    FileName::SHOWN.into_iter().find(|file| file.as_str() == name).ok_or_else(|| {
        let names = FileName::SHOWN.map(FileName::as_str).join(", ");
        Error::NotFound(format!("there is no file of this name to be shown; there are {names}"))
    })
}

impl Node {
    /// How each file stands.
    pub fn config_files(&self, who: &Who) -> Result<Vec<FileState>> {
        who.must_be(Role::Admin)?;
        let mut states = vec![
            state(&self.files.settings, FileName::Settings),
            state(&self.files.connections, FileName::Connections),
            state(&self.files.routing, FileName::Routing),
            state(&self.files.datapoints, FileName::Datapoints),
            state(&self.files.widgets, FileName::Widgets),
        ];
        // Rules that read well may still not fit the house.
        let routing = FileName::Routing.as_str();
        let unfit = self.faults().into_iter().find(|fault| fault.file == routing);
        if let (Some(unfit), Some(file)) = (unfit, states.iter_mut().find(|file| file.name == routing)) {
            file.fault.get_or_insert_with(|| Finding::from(&unfit));
        }
        Ok(states)
    }

    /// What a file says; the last content that was right. Secrets that stand in it are in it.
    pub fn config_text(&self, who: &Who, name: FileName) -> Result<String> {
        who.must_be(Role::Admin)?;
        if name == FileName::Widgets {
            self.write_dashboards();
        }
        let text = match shown(name.as_str())? {
            FileName::Settings => self.files.settings.snapshot().map(|file| file.text.clone()),
            FileName::Connections => self.files.connections.snapshot().map(|file| file.text.clone()),
            FileName::Routing => self.files.routing.snapshot().map(|file| file.text.clone()),
            FileName::Widgets => self.files.widgets.snapshot().map(|file| file.text.clone()),
            _ => self.files.datapoints.snapshot().map(|file| file.text.clone()),
        };
        text.ok_or_else(|| Error::NotFound(format!("{} could not be read since the start", name.as_str())))
    }

    /// What a file said before, the newest first.
    pub fn file_versions(
        &self,
        who: &Who,
        name: &str,
        before: Option<u64>,
        limit: Option<usize>,
    ) -> Result<Paged<VersionView>> {
        who.must_be(Role::Admin)?;
        let all = self.versions_of(shown(name)?).list()?;
        let total = all.len();
        let limit = limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let mut rest = all.into_iter().filter(|version| before.is_none_or(|before| version.sequence < before));
        let items: Vec<VersionView> = rest.by_ref().take(limit).map(VersionView::from).collect();
        let next = rest.next().and(items.last()).map(|last| last.id.to_string());
        Ok(Paged { items, next, total: Some(total) })
    }

    /// One version of a file and what it said. Secrets that stood in it are in it.
    pub fn file_version(&self, who: &Who, name: &str, id: u64) -> Result<(FileName, VersionView, String)> {
        who.must_be(Role::Admin)?;
        let name = shown(name)?;
        let versions = self.versions_of(name);
        let version = versions.list()?.into_iter().find(|version| version.sequence == id);
        let version = version.ok_or_else(|| no_version(name, id))?;
        let text = versions.read(id)?;
        Ok((name, version.into(), text))
    }

    /// Makes a file say again what it said; in force at once. What it says now becomes a version.
    pub fn restore_file(&self, who: &Who, name: &str, id: u64, expected: Option<&Etag>) -> Result<FileState> {
        who.must_be(Role::Admin)?;
        let name = shown(name)?;
        if !self.versions_of(name).list()?.iter().any(|version| version.sequence == id) {
            return Err(no_version(name, id));
        }
        if name == FileName::Widgets {
            // What is in force is a version before it is another.
            self.write_dashboards();
        }
        let files = &self.files;
        let restored = match name {
            FileName::Connections => files.connections.restore_if(&who.name, id, expected, |file| self.must_fit(file)),
            FileName::Routing => files.routing.restore_if(&who.name, id, expected, |file| self.must_compile(file)),
            FileName::Datapoints => files.datapoints.restore_if(&who.name, id, expected, |_| Ok(())),
            FileName::Widgets => {
                files.widgets.restore_if(&who.name, id, expected, crate::dashboards::bounds::check_file)
            }
            _ => files.settings.restore_if(&who.name, id, expected, crate::settings::Settings::check),
        };
        restored.map_err(|error| Error::from_edit(name.as_str(), error))?;
        match name {
            FileName::Connections => self.apply_connections(),
            FileName::Routing => self.apply_rules(),
            FileName::Datapoints => self.datapoints_changed(),
            FileName::Widgets => self.widgets_file_changed(&who.name),
            _ => self.look_at_certificate(),
        }
        let states = self.config_files(who)?;
        states.into_iter().find(|file| file.name == name.as_str()).ok_or_else(|| no_version(name, id))
    }

    /// Fails if a configuration is wrong by the schema of its driver. A driver that is not at hand hinders only its own.
    pub(crate) fn must_fit(&self, file: &ConnectionsFile) -> Result<()> {
        file.check()?;
        for (at, connection) in file.connections.iter().enumerate() {
            let Ok(Some(plugin)) = self.plugin_of(connection) else { continue };
            plugin.check(&connection.config).map_err(|error| match error {
                Error::Invalid { message, hint, key } => {
                    let key = key.map(|key| format!("connections[{at}].{key}"));
                    Error::Invalid { message, hint, key }
                }
                other => other,
            })?;
        }
        Ok(())
    }

    fn versions_of(&self, name: FileName) -> &Versions {
        match name {
            FileName::Connections => self.files.connections.versions(),
            FileName::Routing => self.files.routing.versions(),
            FileName::Datapoints => self.files.datapoints.versions(),
            FileName::Widgets => self.files.widgets.versions(),
            _ => self.files.settings.versions(),
        }
    }
}

fn no_version(name: FileName, id: u64) -> Error {
    Error::NotFound(format!("{} has no version {id}; old ones make room for new ones", name.as_str()))
}
