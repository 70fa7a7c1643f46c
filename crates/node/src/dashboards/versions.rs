//! What was changed, by whom and when; how two moments differ; and back to any of them.

use fieldrail_store::{ChangeHead, EntryChange, Etag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::desk::{Deed, back};
use super::model::Widget;
use super::state::{Body, Entry, EntryKind, Key, State, Step};
use crate::people::{Role, Who};
use crate::views::Paged;
use crate::{Error, Node, Result};

/// Changes on a page, if nobody says otherwise, and at the most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 200;
/// Entries that a list names of each change.
const NAMED: usize = 5;
/// Entries that are shown of one change or one difference.
const SHOWN: usize = 10_000;

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangeView {
    /// Counts up from 1.
    pub change: u64,
    /// When, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// A user, a token, or `hand edit`.
    pub who: String,
    /// `edit`, `undo`, `redo`, `restore`, `import` or `file`.
    pub deed: String,
    /// The change that was undone or redone, or the one to which everything went back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// How many entries it touched.
    pub entries: u64,
    /// The first of them.
    pub touched: Vec<Touched>,
}

/// An entry that a change touched.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Touched {
    /// What sort of entry it is.
    pub kind: EntryKind,
    /// Which one.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// `added`, `changed` or `removed`.
    pub how: &'static str,
}

/// How one entry differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// What sort of entry it is.
    pub kind: EntryKind,
    /// Which one.
    pub id: String,
    /// What it was; missing if it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is; missing if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// A change with all that it did.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangeDetail {
    /// The change.
    #[serde(flatten)]
    pub change: ChangeView,
    /// Entry by entry.
    pub differences: Vec<Difference>,
}

/// How two moments differ.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Differences {
    /// Entry by entry.
    pub differences: Vec<Difference>,
}

/// What is to go back; all of it unless something is named.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// Only this widget.
    #[serde(default)]
    pub widget: Option<String>,
    /// Only this page with what stands and stood on it.
    #[serde(default)]
    pub dashboard: Option<String>,
}

impl Node {
    /// Changes, the newest first; only those of one widget or of one page itself, if that is named.
    pub fn dashboard_changes(
        &self,
        who: &Who,
        before: Option<u64>,
        limit: Option<usize>,
        only: &RestoreRequest,
    ) -> Result<Paged<ChangeView>> {
        who.must_be(Role::Admin)?;
        let limit = limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let of = match (&only.widget, &only.dashboard) {
            (Some(id), _) => Some((EntryKind::Widget.name(), id.as_str())),
            (None, Some(id)) => Some((EntryKind::Dashboard.name(), id.as_str())),
            (None, None) => None,
        };
        let mut heads = self.dashboards.changes.list(before, limit + 1, of)?;
        let more = heads.len() > limit;
        heads.truncate(limit);
        let next = more.then(|| heads.last().map(|head| head.number.to_string())).flatten();
        let items = heads.into_iter().map(|head| self.change_view(head)).collect::<Result<_>>()?;
        Ok(Paged { items, next, total: None })
    }

    /// One change with what it did.
    pub fn dashboard_change(&self, who: &Who, number: u64) -> Result<ChangeDetail> {
        who.must_be(Role::Admin)?;
        let head = self.dashboards.changes.head(number)?.ok_or_else(|| no_change(number))?;
        let entries = self.dashboards.changes.entries(number, SHOWN)?;
        let differences = entries.iter().map(difference).collect::<Result<_>>()?;
        Ok(ChangeDetail { change: self.change_view(head)?, differences })
    }

    /// What differs between the state after one change and that after another; unless given, the present one.
    pub fn dashboards_difference(&self, who: &Who, from: u64, to: Option<u64>) -> Result<Differences> {
        who.must_be(Role::Admin)?;
        let (from, to) = {
            let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
            let now = desk.state()?;
            let to = to.map(|to| self.state_after(now, to)).transpose()?;
            (self.state_after(now, from)?, to.unwrap_or_else(|| now.clone()))
        };
        let steps = from.steps_to(&to);
        let side = |entry: Option<&Entry>| entry.map(|entry| serde_json::from_str(&entry.text)).transpose();
        let differences = steps.iter().take(SHOWN).map(|step| {
            let before = from.get(&step.key);
            Ok(Difference {
                kind: step.key.kind,
                id: step.key.id.to_string(),
                before: side(before.as_deref())?,
                after: side(step.after.as_deref())?,
            })
        });
        let differences = differences.collect::<std::result::Result<_, serde_json::Error>>();
        let differences = differences.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Differences { differences })
    }

    /// Everything, or one entry, goes back to the state after a change. `seen` is the last change that the asker knows.
    pub fn restore_dashboards(
        &self,
        who: &Who,
        number: u64,
        seen: Option<&Etag>,
        only: &RestoreRequest,
    ) -> Result<ChangeView> {
        who.must_be(Role::Admin)?;
        let mut desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        let now = desk.open_state()?;
        let changes = &self.dashboards.changes;
        if seen.is_some_and(|seen| seen.as_str() != changes.last().to_string()) {
            return Err(Error::Changed("what is to be restored".into()));
        }
        let then = self.state_after(now, number)?;
        let mut steps = now.steps_to(&then);
        steps.retain(|step| is_meant(step, now, only));
        let head = desk.commit(changes, &who.name, Deed::Restore, Some(number), &steps)?;
        drop(desk);
        let Some(head) = head else {
            return Err(Error::Conflict(format!("nothing differs from the state after the change {number}")));
        };
        self.dashboards_changed(&head);
        self.change_view(head)
    }

    /// The state after a change, by going back from the present one.
    fn state_after(&self, now: &State, number: u64) -> Result<State> {
        let changes = &self.dashboards.changes;
        let oldest = changes.oldest()?;
        let is_kept = number <= changes.last() && (number + 1 >= oldest && oldest > 0 || number == changes.last());
        if !is_kept {
            return Err(no_change(number));
        }
        back(changes, now.clone(), number)
    }

    /// A change as people see it.
    pub(crate) fn change_view(&self, head: ChangeHead) -> Result<ChangeView> {
        let entries = self.dashboards.changes.entries(head.number, NAMED)?;
        Ok(ChangeView {
            change: head.number,
            time_ms: head.time.millis(),
            who: head.who,
            deed: head.deed,
            of: head.of,
            entries: head.entries,
            touched: entries.iter().filter_map(touched).collect(),
        })
    }
}

/// Whether a step belongs to what is to go back.
fn is_meant(step: &Step, now: &State, only: &RestoreRequest) -> bool {
    if only.widget.is_none() && only.dashboard.is_none() {
        return true;
    }
    let is_on = |widget: &Widget| only.dashboard.as_deref() == Some(widget.dashboard.as_str());
    match step.key.kind {
        EntryKind::Widget => {
            let then = step.after.as_ref().is_some_and(|entry| match &entry.body {
                Body::Widget(widget) => is_on(widget),
                _ => false,
            });
            only.widget.as_deref() == Some(&*step.key.id)
                || then
                || now.widget(&step.key.id).is_some_and(|(widget, _)| is_on(widget))
        }
        EntryKind::Dashboard => only.dashboard.as_deref() == Some(&*step.key.id),
        EntryKind::Template | EntryKind::Order => false,
    }
}

fn touched(entry: &EntryChange) -> Option<Touched> {
    let kind = EntryKind::of(&entry.kind)?;
    let (how, text) = match (&entry.before, &entry.after) {
        (None, Some(after)) => ("added", after),
        (Some(_), Some(after)) => ("changed", after),
        (before, None) => ("removed", before.as_ref()?),
    };
    let title = Entry::parse(kind, text).map(|entry| entry.title().to_owned()).unwrap_or_default();
    Some(Touched { kind, id: Key::new(kind, &entry.id).id.to_string(), title, how })
}

fn difference(entry: &EntryChange) -> Result<Difference> {
    let side = |text: &Option<String>| text.as_deref().map(serde_json::from_str).transpose();
    let both = side(&entry.before).and_then(|before| Ok((before, side(&entry.after)?)));
    let (before, after) = both.map_err(|error| Error::Internal(error.to_string()))?;
    let kind = EntryKind::of(&entry.kind).unwrap_or(EntryKind::Order);
    Ok(Difference { kind, id: entry.id.clone(), before, after })
}

fn no_change(number: u64) -> Error {
    Error::NotFound(format!("the change {number} is not kept; old ones make room for new ones"))
}
