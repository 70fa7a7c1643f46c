//! A saved configuration comes back: all of its files are right, fit each other and take force, or none does.
//!
//! Before the first file is written, all of them lie beside each other in one journal. Who is killed between two of them
//! finishes at the next start; what cannot be written takes back what was. Each content that is replaced stays as a version.
//! Invariant: `users.json` and `secrets.json` are none of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fieldrail_router::{RoutingFile, Rules};
use fieldrail_store::atomic::{self, Access};
use fieldrail_store::{Document, Etag, Format, LARGE_BYTES, MAX_BYTES, etag_of, parse_str};
use serde::{Deserialize, Serialize};

use crate::connections::ConnectionsFile;
use crate::dashboards::bounds;
use crate::dashboards::model::WidgetsFile;
use crate::datapoints::DatapointsFile;
use crate::files::{FileName, Files};
use crate::people::{Role, Who};
use crate::settings::Settings;
use crate::traffic::{House, folded};
use crate::{Error, Node, Result};

/// What is to be written, while it is being written.
const JOURNAL: &str = ".restore.json";

/// The largest journal that is read back: all five files, with what JSON needs to quote them.
const MOST_JOURNAL: u64 = 2 * (4 * MAX_BYTES + LARGE_BYTES);

/// What a file says now, and what it would say. Secrets that stand in it are in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file.
    pub name: FileName,
    /// Whether it would say something else.
    pub differs: bool,
    /// What it says now.
    pub before: String,
    /// What it would say, or says by now.
    pub after: String,
}

/// The files that come back. One that is none of them stays as it is.
#[derive(Default)]
struct Wanted {
    settings: Option<Settings>,
    connections: Option<ConnectionsFile>,
    routing: Option<RoutingFile>,
    datapoints: Option<DatapointsFile>,
    widgets: Option<WidgetsFile>,
}

impl Wanted {
    fn read(files: &[(FileName, String)]) -> Result<Self> {
        let mut wanted = Self::default();
        for (name, text) in files {
            let file = name.as_str();
            match name {
                FileName::Settings => wanted.settings = Some(parse_str(file, text)?),
                FileName::Connections => wanted.connections = Some(parse_str(file, text)?),
                FileName::Routing => wanted.routing = Some(parse_str(file, text)?),
                FileName::Datapoints => wanted.datapoints = Some(parse_str(file, text)?),
                FileName::Widgets => wanted.widgets = Some(parse_str(file, text)?),
                FileName::Users | FileName::Secrets => {
                    return Err(Error::invalid(
                        format!("{file} does not come back from an archive"),
                        "users, tokens and secrets are made anew, or their file is copied by hand",
                    ));
                }
            }
        }
        Ok(wanted)
    }
}

/// The journal as it lies on the disk.
#[derive(Serialize, Deserialize)]
struct Journal {
    /// Who brings the configuration back.
    who: String,
    /// The whole text of each file by its name.
    files: BTreeMap<String, String>,
}

fn journal(config: &Path) -> PathBuf {
    config.join(JOURNAL)
}

/// Finishes what a daemon had begun that was killed in the middle of it. Says what it did, if there was something to do.
pub(crate) fn finish(files: &Files, config: &Path) -> Option<String> {
    let path = journal(config);
    let bytes = match atomic::read(&path, MOST_JOURNAL) {
        Ok(bytes) => bytes,
        Err(error) if error.io_kind() == Some(std::io::ErrorKind::NotFound) => return None,
        Err(error) => return Some(format!("A configuration that was coming back could not be read: {error}")),
    };
    let done = serde_json::from_slice::<Journal>(&bytes).map_err(|error| error.to_string()).and_then(|journal| {
        let named = |name: &str| FileName::SHOWN.into_iter().find(|file| file.as_str() == name);
        let texts: Vec<_> = journal.files.into_iter().filter_map(|(name, text)| Some((named(&name)?, text))).collect();
        let wanted = Wanted::read(&texts).map_err(|error| error.to_string())?;
        write_all(files, &journal.who, &wanted, &Etags::default()).map_err(|error| error.to_string())?;
        Ok(journal.who)
    });
    let removed = std::fs::remove_file(&path);
    Some(match (done, removed) {
        (Ok(who), Ok(())) => {
            format!("The configuration that {who} was bringing back when Fieldrail ended is there now.")
        }
        (Err(error), _) => format!("The configuration that was coming back when Fieldrail ended did not: {error}"),
        (_, Err(error)) => format!("The journal {} cannot be removed: {error}", path.display()),
    })
}

/// What each file has to say still, so that nobody's change is lost.
#[derive(Default)]
struct Etags {
    settings: Option<Etag>,
    connections: Option<Etag>,
    routing: Option<Etag>,
    datapoints: Option<Etag>,
    widgets: Option<Etag>,
}

impl Etags {
    fn of(files: &Files) -> Self {
        Self {
            settings: files.settings.snapshot().map(|file| file.etag.clone()),
            connections: files.connections.snapshot().map(|file| file.etag.clone()),
            routing: files.routing.snapshot().map(|file| file.etag.clone()),
            datapoints: files.datapoints.snapshot().map(|file| file.etag.clone()),
            widgets: files.widgets.snapshot().map(|file| file.etag.clone()),
        }
    }

    /// The etag of all of them together.
    fn together(&self) -> Etag {
        etag_of(&[&self.settings, &self.connections, &self.routing, &self.datapoints, &self.widgets])
    }
}

/// Makes a file say again what it said.
type TakeBack<'a> = Box<dyn FnOnce() -> Result<()> + 'a>;

/// Writes one file, and says how to take that back.
fn put<'a, T: Format + Clone>(
    document: &'a Document<T>,
    who: &'a str,
    expected: Option<&Etag>,
    value: Option<&T>,
) -> Result<Option<TakeBack<'a>>> {
    let Some(value) = value else { return Ok(None) };
    let before = document.snapshot();
    let write = move |value: &T, expected: Option<&Etag>| {
        let written = document.edit_or_make(who, expected, |file| {
            value.clone_into(file);
            Ok(())
        });
        written.map(drop).map_err(|error| Error::from_edit(document.name(), error))
    };
    write(value, expected)?;
    Ok(before.map(|before| Box::new(move || write(&before.value, None)) as _))
}

/// Writes all of them. Where one cannot be written, those before it say again what they said.
fn write_all(files: &Files, who: &str, wanted: &Wanted, etags: &Etags) -> Result<()> {
    let mut undo = Vec::new();
    let written = (|| -> Result<()> {
        undo.extend(put(&files.settings, who, etags.settings.as_ref(), wanted.settings.as_ref())?);
        undo.extend(put(&files.connections, who, etags.connections.as_ref(), wanted.connections.as_ref())?);
        undo.extend(put(&files.datapoints, who, etags.datapoints.as_ref(), wanted.datapoints.as_ref())?);
        undo.extend(put(&files.routing, who, etags.routing.as_ref(), wanted.routing.as_ref())?);
        undo.extend(put(&files.widgets, who, etags.widgets.as_ref(), wanted.widgets.as_ref())?);
        Ok(())
    })();
    if written.is_err() {
        for take_back in undo.into_iter().rev() {
            if let Err(error) = take_back() {
                tracing::error!(%error, "A file of a configuration that did not come back stays as it was written.");
            }
        }
    }
    written
}

fn pretty(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|error| Error::Internal(format!("a file is no JSON: {error}")))
}

fn change<T: Format + PartialEq>(
    document: &Document<T>,
    name: FileName,
    wanted: Option<&T>,
) -> Result<Option<FileChange>> {
    let Some(wanted) = wanted else { return Ok(None) };
    let before = document.snapshot();
    let differs = before.as_ref().is_none_or(|file| file.value != *wanted);
    let before = before.map(|file| pretty(&file.value)).transpose()?.unwrap_or_default();
    Ok(Some(FileChange { name, differs, before, after: pretty(wanted)? }))
}

impl Node {
    /// The configuration as a whole as it stands: for `If-Match` when one comes back.
    pub fn configuration_etag(&self) -> Etag {
        self.write_dashboards();
        Etags::of(&self.files).together()
    }

    /// Brings a configuration back: all of these files or none, each checked as if it was saved and against the others. Says
    /// what changes. With `only_say` it changes nothing.
    pub fn restore_configuration(
        &self,
        who: &Who,
        texts: &[(FileName, String)],
        expected: Option<&Etag>,
        only_say: bool,
    ) -> Result<Vec<FileChange>> {
        who.must_be(Role::Admin)?;
        let wanted = Wanted::read(texts)?;
        // The file follows the dashboards by a moment.
        self.write_dashboards();
        let etags = Etags::of(&self.files);
        if expected.is_some_and(|expected| *expected != etags.together()) {
            return Err(Error::Changed("the configuration".into()));
        }
        self.must_fit_together(&wanted)?;
        let changes = [
            change(&self.files.settings, FileName::Settings, wanted.settings.as_ref())?,
            change(&self.files.connections, FileName::Connections, wanted.connections.as_ref())?,
            change(&self.files.routing, FileName::Routing, wanted.routing.as_ref())?,
            change(&self.files.datapoints, FileName::Datapoints, wanted.datapoints.as_ref())?,
            change(&self.files.widgets, FileName::Widgets, wanted.widgets.as_ref())?,
        ];
        let changes: Vec<FileChange> = changes.into_iter().flatten().collect();
        if !only_say && changes.iter().any(|change| change.differs) {
            self.put_together(who, &wanted, &etags, &changes)?;
        }
        Ok(changes)
    }

    fn put_together(&self, who: &Who, wanted: &Wanted, etags: &Etags, changes: &[FileChange]) -> Result<()> {
        let path = journal(&self.config);
        let files = changes.iter().map(|change| (change.name.as_str().to_owned(), change.after.clone())).collect();
        let text = pretty(&Journal { who: who.name.clone(), files })?;
        atomic::write(&path, text.as_bytes(), Access::Private)?;
        let written = write_all(&self.files, &who.name, wanted, etags);
        if let Err(error) = std::fs::remove_file(&path) {
            // It would say all of this again at the next start, whatever people save until then.
            tracing::error!(%error, journal = %path.display(), "The journal of a configuration cannot be removed.");
        }
        written?;
        self.look_at_certificate();
        self.apply_connections();
        self.datapoints_changed();
        if wanted.widgets.is_some() {
            self.widgets_file_changed(&who.name);
        }
        Ok(())
    }

    /// As each file is checked when it is saved, and the rules against what comes with them.
    fn must_fit_together(&self, wanted: &Wanted) -> Result<()> {
        if let Some(settings) = &wanted.settings {
            settings.check().map_err(|error| of_file(FileName::Settings, error))?;
        }
        if let Some(connections) = &wanted.connections {
            self.must_fit(connections).map_err(|error| of_file(FileName::Connections, error))?;
        }
        if let Some(widgets) = &wanted.widgets {
            bounds::check_file(widgets).map_err(|error| of_file(FileName::Widgets, error))?;
        }
        let Some(routing) = &wanted.routing else { return Ok(()) };
        let (mut instances, mut about) = self.surroundings();
        if let Some(file) = &wanted.connections {
            instances = file.connections.iter().map(|entry| (entry.id.clone(), self.facts(entry))).collect();
        }
        if let Some(file) = &wanted.datapoints {
            about = folded(&file.datapoints.clone().into_iter().collect(), &instances);
        }
        let compiled = Rules::compile(routing, &House { instances: &instances, about: &about });
        let Err(problems) = compiled else { return Ok(()) };
        Err(of_file(FileName::Routing, crate::routes::worst(routing, &problems)))
    }
}

/// The same error, with the file that it is about.
fn of_file(name: FileName, error: Error) -> Error {
    match error {
        Error::Invalid { message, hint, key } => {
            Error::Invalid { message: format!("{}: {message}", name.as_str()), hint, key }
        }
        other => other,
    }
}
