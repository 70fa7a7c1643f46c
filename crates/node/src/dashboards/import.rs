//! Dashboards come in from a file, as a whole or not at all, with a report of what the importer should know; and go out.

use std::collections::{BTreeMap, BTreeSet};

use fieldrail_store::parse_str;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::bounds::{MOST_BYTES, check_file};
use super::desk::Deed;
use super::edit::given;
use super::model::{KINDS, Widget, WidgetsFile};
use super::old;
use super::places::overlaps;
use super::state::{Body, Entry, EntryKind, Key, State, Step};
use crate::people::{Role, Who};
use crate::{Error, Node, Result};

/// The largest file, in bytes.
pub const MOST_IMPORTED: usize = MOST_BYTES;

/// How the file is called in faults.
const FILE: &str = "import";
/// Notes of a report.
const MOST_NOTES: usize = 200;

/// What happens to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportMode {
    /// It stays; what has a taken id comes beside it under another.
    #[default]
    Add,
    /// It goes; what is in the file is all there is.
    Replace,
}

/// How a file is to be imported.
#[derive(Debug, Clone, Default)]
pub struct ImportWish {
    /// What happens to what is there.
    pub mode: ImportMode,
    /// Only say what would be.
    pub try_only: bool,
    /// Whose the variables of an old configuration are: the id of a PLC's connection.
    pub instance: Option<String>,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct ImportReport {
    /// Whether it was taken over; if not, nothing was changed.
    pub applied: bool,
    /// Entries that came.
    pub added: usize,
    /// Entries that are others now.
    pub changed: usize,
    /// Entries that went.
    pub removed: usize,
    /// What was there already, just so.
    pub same: usize,
    /// What the importer should know, at most 200.
    pub notes: Vec<ImportNote>,
    /// The change that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
}

/// Something that the importer should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImportNote {
    /// Where in the file.
    pub key: String,
    /// What is there.
    pub message: String,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ImportNote {
    pub(super) fn new(key: impl Into<String>, message: impl Into<String>, hint: &str) -> Self {
        let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
        Self { key: key.into(), message: message.into(), hint }
    }
}

impl Node {
    /// All dashboards as a file.
    pub fn export_dashboards(&self, who: &Who) -> Result<WidgetsFile> {
        who.must_be(Role::Admin)?;
        let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        Ok(desk.state()?.to_file())
    }

    /// Takes a file over, all of it or nothing.
    pub fn import_dashboards(&self, who: &Who, text: &str, wish: &ImportWish) -> Result<ImportReport> {
        who.must_be(Role::Admin)?;
        let mut notes = Vec::new();
        let file = read(text, wish, &mut notes)?;
        check_file(&file)?;
        self.note_what_is_strange(&file, &mut notes);
        notes.truncate(MOST_NOTES);
        let mut desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        let state = desk.open_state()?;
        let mut report = ImportReport { notes, ..ImportReport::default() };
        let steps = match wish.mode {
            ImportMode::Replace => state.steps_to(&State::of_file(&file)),
            ImportMode::Add => beside(state, file, &mut report),
        };
        count(state, &steps, &mut report);
        if wish.mode == ImportMode::Replace {
            report.same = entries(&state.after(&steps)?) - report.added - report.changed;
        }
        if wish.try_only {
            state.after(&steps)?;
            return Ok(report);
        }
        let head = desk.commit(&self.dashboards.changes, &who.name, Deed::Import, None, &steps)?;
        drop(desk);
        report.applied = true;
        report.change = head.as_ref().map(|head| head.number);
        if let Some(head) = &head {
            self.dashboards_changed(head);
        }
        Ok(report)
    }

    /// What is right and may still surprise: kinds of another version, titles that look like programs, widgets that lie on
    /// others, and instances that are not here.
    fn note_what_is_strange(&self, file: &WidgetsFile, notes: &mut Vec<ImportNote>) {
        let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let mut strangers: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let engine = self.traffic.engine();
        for (nth, widget) in file.widgets.iter().enumerate() {
            if !KINDS.contains(&widget.kind.as_str()) {
                kinds.entry(&widget.kind).or_insert((nth, 0)).1 += 1;
            }
            if looks_like_a_program(&widget.title) {
                let message = "the title looks like a program; it is shown as text and runs nowhere";
                notes.push(ImportNote::new(format!("widgets[{nth}].title"), message, ""));
            }
            for binding in widget.bindings.values() {
                let address = binding.address.as_str();
                let is_known =
                    address.starts_with("calc.") || engine.has_own(address) || engine.split(address).is_some();
                if !is_known {
                    let first = address.split('.').next().unwrap_or(address);
                    strangers.entry(first).or_insert((nth, 0)).1 += 1;
                }
            }
        }
        drop(engine);
        for (kind, (nth, times)) in kinds {
            let message = format!("this version knows no widget `{kind}` ({times} times); it is kept as it is");
            notes.push(ImportNote::new(
                format!("widgets[{nth}].kind"),
                message,
                "it works again in a version that knows it",
            ));
        }
        for ((page, size), (nth, times)) in overlaps(file) {
            let size = size.name();
            let message = format!("on the page `{page}` {times} widgets lie on others; they are shown pushed apart");
            let hint = "move one of them in the editor: then all are kept where they are shown";
            notes.push(ImportNote::new(format!("widgets[{nth}].layout.{size}"), message, hint));
        }
        for (first, (nth, times)) in strangers {
            let message = format!("there is no instance of `{first:.80}…` here ({times} bindings)");
            let hint = "add the connection, or bind other datapoints";
            notes.push(ImportNote::new(format!("widgets[{nth}].bindings"), message, hint));
        }
    }
}

/// The file in the format of this house, from whatever it is that can be understood.
fn read(text: &str, wish: &ImportWish, notes: &mut Vec<ImportNote>) -> Result<WidgetsFile> {
    // What is no JSON at all is told with its place by the parser below.
    let peek: Peek = serde_json::from_str(text).unwrap_or_default();
    let foreign = |what: &str, hint: &str| Err(Error::invalid(format!("this is {what} and none of Fieldrail"), hint));
    let own = "import what `GET /api/widgets/export` gives";
    if peek.settings.is_some() || peek.active_widgets.is_some() {
        return foreign("a project of ioBroker.vis", "build the views anew: drag datapoints from the tree onto a page");
    }
    if peek.panels.is_some() || peek.schema_version.is_some() && peek.plc.is_none() && peek.plc_ip.is_none() {
        return foreign("a dashboard of Grafana", own);
    }
    if peek.views.is_some() {
        return foreign("a dashboard of Home Assistant", own);
    }
    if peek.plc.is_some() || peek.plc_ip.is_some() || peek.custom_lights.is_some() || peek.tabs.is_some() {
        return old::read(text, FILE, wish.instance.as_deref(), notes);
    }
    Ok(parse_str(FILE, text)?)
}

/// By what formats are told apart.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Peek {
    #[serde(rename = "___settings")]
    settings: Option<IgnoredAny>,
    #[serde(rename = "activeWidgets")]
    active_widgets: Option<IgnoredAny>,
    panels: Option<IgnoredAny>,
    #[serde(rename = "schemaVersion")]
    schema_version: Option<IgnoredAny>,
    views: Option<IgnoredAny>,
    plc: Option<IgnoredAny>,
    #[serde(rename = "plc_ams_net_id")]
    plc_ip: Option<IgnoredAny>,
    custom_lights: Option<IgnoredAny>,
    tabs: Option<IgnoredAny>,
}

/// The steps that put what is in the file beside what is there.
fn beside(state: &State, file: WidgetsFile, report: &mut ImportReport) -> Vec<Step> {
    let mut taken: BTreeSet<Key> = BTreeSet::new();
    let mut steps = Vec::new();
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    let mut place = |body: Body, key: String| {
        let entry = Entry::new(body);
        let there = state.get(&entry.key());
        if there.as_ref().is_some_and(|there| there.etag == entry.etag) {
            report.same += 1;
            return entry.key().id.to_string();
        }
        let entry = if there.is_some() || taken.contains(&entry.key()) {
            let other = Entry::new(renamed(entry.body.clone()));
            let (old, new) = (entry.key(), other.key());
            let message = format!("the id `{}` is taken by another; it comes as `{}`", old.id, new.id);
            report.notes.push(ImportNote::new(format!("{key}.id"), message, ""));
            other
        } else {
            entry
        };
        let id = entry.key().id.to_string();
        taken.insert(entry.key());
        steps.push(Step::put(entry));
        id
    };
    for (nth, page) in file.dashboards.into_iter().enumerate() {
        let id = page.id.clone();
        pages.insert(id, place(Body::Dashboard(page), format!("dashboards[{nth}]")));
    }
    for (nth, widget) in file.widgets.into_iter().enumerate() {
        let dashboard = pages.get(&widget.dashboard).cloned().unwrap_or_else(|| widget.dashboard.clone());
        place(Body::Widget(Box::new(Widget { dashboard, ..widget })), format!("widgets[{nth}]"));
    }
    for (nth, template) in file.templates.into_iter().enumerate() {
        place(Body::Template(template), format!("templates[{nth}]"));
    }
    report.notes.truncate(MOST_NOTES);
    steps
}

fn renamed(mut body: Body) -> Body {
    let (id, letter) = match &mut body {
        Body::Dashboard(page) => (&mut page.id, "d"),
        Body::Widget(widget) => (&mut widget.id, "w"),
        Body::Template(template) => (&mut template.id, "t"),
        Body::Order(_) => return body,
    };
    id.clear();
    given(id, letter);
    body
}

fn count(state: &State, steps: &[Step], report: &mut ImportReport) {
    for step in steps.iter().filter(|step| step.key.kind != EntryKind::Order) {
        match (state.get(&step.key).is_some(), step.after.is_some()) {
            (false, _) => report.added += 1,
            (true, true) => report.changed += 1,
            (true, false) => report.removed += 1,
        }
    }
}

fn entries(state: &State) -> usize {
    state.dashboards().len() + state.widgets().count() + state.templates().count()
}

fn looks_like_a_program(title: &str) -> bool {
    let title = title.to_lowercase();
    title.contains("<script")
        || title.contains("javascript:")
        || title.contains("onerror=")
        || title.contains("<iframe")
}
