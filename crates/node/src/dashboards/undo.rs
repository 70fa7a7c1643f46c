//! Undo and redo: each person takes back their own changes, the last first, whatever others did in between.
//!
//! Invariant: nothing that somebody else changed since is changed by an undo; it is named instead.

use std::collections::HashMap;

use fieldrail_store::ChangeHead;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::desk::{Deed, Desk, step_of};
use super::state::{EntryKind, Key, Step};
use super::versions::ChangeView;
use crate::people::{Role, Who};
use crate::{Error, Node, Result};

/// How many changes of a person can be undone.
const DEEPEST: usize = 200;
/// People whose changes are remembered.
const MOST_PEOPLE: usize = 1_000;

/// What somebody can undo and redo: numbers of changes, the next last.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    pub(super) undo: Vec<u64>,
    pub(super) redo: Vec<u64>,
}

/// A change as the stacks see it.
#[derive(Clone, Copy)]
pub(super) struct Done {
    pub(super) deed: Deed,
    pub(super) number: u64,
    pub(super) of: Option<u64>,
    /// Nothing came of it.
    pub(super) is_empty: bool,
}

impl Stacks {
    pub(super) fn take(all: &mut HashMap<String, Self>, who: &str, done: Done) {
        if !all.contains_key(who) && all.len() >= MOST_PEOPLE {
            return;
        }
        let stacks = all.entry(who.to_owned()).or_default();
        let (from, to) = match done.deed {
            Deed::Undo => (&mut stacks.undo, &mut stacks.redo),
            Deed::Redo => (&mut stacks.redo, &mut stacks.undo),
            _ => {
                stacks.redo.clear();
                push(&mut stacks.undo, done.number);
                return;
            }
        };
        from.retain(|number| Some(*number) != done.of);
        if !done.is_empty {
            push(to, done.number);
        }
    }
}

fn push(stack: &mut Vec<u64>, number: u64) {
    if stack.len() >= DEEPEST {
        stack.remove(0);
    }
    stack.push(number);
}

/// Which change is to be undone.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoRequest {
    /// The change that the asker saw as the next; if another one is by now, nothing is done.
    #[serde(default)]
    pub change: Option<u64>,
}

/// What came of an undo.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Undone {
    /// The change that it made; none if others had changed all of it since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeView>,
    /// What others changed since, and what therefore stays as it is.
    pub left: Vec<LeftAsIs>,
}

/// An entry that an undo left alone.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LeftAsIs {
    /// What sort of entry it is.
    pub kind: EntryKind,
    /// Which one.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Who changed it last.
    pub who: String,
}

impl Node {
    /// Takes the asker's last change back.
    pub fn undo_dashboards(&self, who: &Who, request: UndoRequest) -> Result<Undone> {
        self.revert(who, request, Deed::Undo)
    }

    /// Takes the asker's last undo back.
    pub fn redo_dashboards(&self, who: &Who, request: UndoRequest) -> Result<Undone> {
        self.revert(who, request, Deed::Redo)
    }

    fn revert(&self, who: &Who, request: UndoRequest, deed: Deed) -> Result<Undone> {
        who.must_be(Role::Admin)?;
        let mut desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        desk.open_state()?;
        let number = next_of(&desk, &who.name, deed)
            .ok_or_else(|| Error::Conflict(format!("there is nothing of yours to {} any more", deed.name())))?;
        if request.change.is_some_and(|seen| seen != number) {
            return Err(Error::Conflict(format!(
                "the next to {} is the change {number} by now; look at it, then try again",
                deed.name()
            )));
        }
        let (steps, left) = self.reverting(&desk, number)?;
        let changes = &self.dashboards.changes;
        let head = desk.commit(changes, &who.name, deed, Some(number), &steps)?;
        drop(desk);
        let head = head.filter(|head| head.entries > 0);
        if let Some(head) = &head {
            self.dashboards_changed(head);
        }
        let change = head.map(|head| self.change_view(head)).transpose()?;
        Ok(Undone { change, left })
    }

    /// The steps that take a change back, and what must stay because somebody else changed it since.
    fn reverting(&self, desk: &Desk, number: u64) -> Result<(Vec<Step>, Vec<LeftAsIs>)> {
        let state = desk.open_state()?;
        let (mut steps, mut left): (Vec<Step>, Vec<Key>) = Default::default();
        for entry in self.dashboards.changes.entries(number, usize::MAX >> 1)?.iter().rev() {
            let was = step_of(entry, false)?;
            let same = state.get(&was.key).map(|now| now.etag.clone()) == was.after.map(|after| after.etag.clone());
            if same { steps.push(step_of(entry, true)?) } else { left.push(was.key) }
        }
        // Pages come before what stands on them, and go after it.
        steps.sort_by_key(|step| step.key.kind);
        loop {
            let mut next = state.clone();
            next.apply_all(&steps);
            let orphans = next.orphans(&steps);
            let before = steps.len();
            for orphan in orphans {
                // Either its own step goes, or the one that takes its page from under it.
                let page = next.widget(&orphan.id).map(|(widget, _)| widget.dashboard.clone()).unwrap_or_default();
                let own = steps.iter().position(|step| step.key == orphan);
                let page = steps.iter().position(|step| step.key == Key::new(EntryKind::Dashboard, &page));
                let Some(at) = own.or(page) else { continue };
                left.push(steps.remove(at).key);
            }
            if steps.len() == before {
                break;
            }
        }
        let left = left.iter().map(|key| self.left(desk, key)).collect::<Result<_>>()?;
        Ok((steps, left))
    }

    fn left(&self, desk: &Desk, key: &Key) -> Result<LeftAsIs> {
        let last = self.dashboards.changes.list(None, 1, Some((key.kind.name(), &key.id)))?;
        let title = desk.open_state()?.get(key).map(|entry| entry.title().to_owned());
        Ok(LeftAsIs {
            kind: key.kind,
            id: key.id.to_string(),
            title: title.unwrap_or_default(),
            who: last.into_iter().next().map(|head| head.who).unwrap_or_default(),
        })
    }

    /// The asker's next change to undo, and to redo.
    pub(super) fn next_steps(&self, who: &Who) -> Result<[Option<ChangeHead>; 2]> {
        let (undo, redo) = {
            let desk = self.dashboards.desk();
            (next_of(&desk, &who.name, Deed::Undo), next_of(&desk, &who.name, Deed::Redo))
        };
        let head = |number: Option<u64>| match number {
            Some(number) => self.dashboards.changes.head(number),
            None => Ok(None),
        };
        Ok([head(undo)?, head(redo)?])
    }
}

fn next_of(desk: &Desk, who: &str, deed: Deed) -> Option<u64> {
    let stacks = desk.stacks.get(who)?;
    if deed == Deed::Undo { stacks.undo.last().copied() } else { stacks.redo.last().copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_go_back_and_forth_and_something_new_ends_what_could_be_redone() {
        let mut all = HashMap::new();
        let mut number = 0;
        let mut take = |deed, of| {
            number += 1;
            Stacks::take(&mut all, "anna", Done { deed, number, of, is_empty: false });
            (all["anna"].undo.clone(), all["anna"].redo.clone())
        };
        take(Deed::Edit, None);
        assert_eq!(take(Deed::Import, None), (vec![1, 2], vec![]));
        assert_eq!(take(Deed::Undo, Some(2)), (vec![1], vec![3]));
        assert_eq!(take(Deed::Redo, Some(3)), (vec![1, 4], vec![]));
        assert_eq!(take(Deed::Undo, Some(4)), (vec![1], vec![5]));
        assert_eq!(take(Deed::Undo, Some(1)), (vec![], vec![5, 6]));
        assert_eq!(take(Deed::Edit, None), (vec![7], vec![]));
    }
}
