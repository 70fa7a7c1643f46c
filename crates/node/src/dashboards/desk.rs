//! Where all changes of dashboards are made, one at a time: each is on the disk before it counts.
//!
//! The truth is what `widgets.json` said when it was last written, with the changes since, which lie in the history. The file
//! itself follows within two seconds. Invariant: a file that somebody else changed is never written over; what they changed
//! becomes a change like any other, and while it cannot be read nothing is changed at all.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use fieldrail_store::{
    ChangeHead, Changes, Document, EntryChange, Etag, FileError, HAND_EDIT, Mark, Snapshot, parse_str,
};

use super::bounds::check_file;
use super::model::WidgetsFile;
use super::operate::Protected;
use super::state::{Entry, EntryKind, Key, State, Step};
use super::undo::{Done, Stacks};
use crate::node::lock;
use crate::{Error, Result};

/// Changes that are read at the start to know what each can undo.
const REMEMBERED: usize = 20_000;

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Edit,
    Undo,
    Redo,
    Restore,
    Import,
    /// The file was changed on the disk.
    File,
}

impl Deed {
    const ALL: [Self; 6] = [Self::Edit, Self::Undo, Self::Redo, Self::Restore, Self::Import, Self::File];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::Restore => "restore",
            Self::Import => "import",
            Self::File => "file",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.name() == name)
    }
}

/// All dashboards of the house.
pub(crate) struct Dashboards {
    pub(crate) changes: Changes,
    desk: Mutex<Desk>,
    /// One at a time writes the file.
    pub(super) folding: Mutex<()>,
}

/// What is in force.
#[derive(Default)]
pub(crate) struct Desk {
    /// Nothing as long as the file could not be read since the start.
    pub(super) state: Option<State>,
    /// What is wrong with the file on the disk.
    pub(super) fault: Option<FileError>,
    /// What the file says, as far as it is known.
    pub(super) folded: State,
    /// Since when something is in force that the file does not say.
    pub(super) unsaved_since: Option<Instant>,
    /// Whose it is.
    pub(super) authors: BTreeSet<String>,
    pub(super) stacks: HashMap<String, Stacks>,
    /// What widgets protect, once somebody asked after the last change.
    pub(super) protected: Option<Protected>,
    /// Which contents of the file are no news: the one that was taken in or written last, and the one that is being written.
    pub(super) known: [Option<Etag>; 2],
    seen: Option<Print>,
}

/// By what a file on the disk is known to be another one, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Print {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self { inode: file.ino(), size: file.size(), changed: (file.mtime(), file.mtime_nsec()) })
    }
}

impl Dashboards {
    /// Opens the history beside the versions of the file. The second says what was lost, if something was.
    pub(crate) fn open(config: &Path, document: &Document<WidgetsFile>) -> Result<(Self, Option<String>)> {
        let (changes, moved) = Changes::open(&config.join("versions").join("widgets.db"))?;
        let mut lost = moved.map(|to| {
            format!("The history of the dashboards was damaged and is begun anew; it lies in {} now.", to.display())
        });
        let mut desk = Desk::default();
        desk.remember(&changes)?;
        match desk.look(&changes, document, HAND_EDIT) {
            Ok(looked) => lost = looked.or(lost),
            // A full disk takes no change of the history; the house runs with what the file says.
            Err(error) => {
                lost = Some(format!("The history of the dashboards could not be read or written: {error}"));
                desk.take_unread(document);
            }
        }
        let dashboards = Self { changes, desk: Mutex::new(desk), folding: Mutex::default() };
        Ok((dashboards, lost))
    }

    /// The desk as it is, without a look at the disk.
    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    /// Whether the file lags behind for so long. Never waits: who asks has other things to do.
    pub(super) fn lags_behind(&self, most: Duration) -> bool {
        let desk = self.desk.try_lock();
        desk.is_ok_and(|desk| desk.unsaved_since.is_some_and(|since| since.elapsed() >= most))
    }

    /// The desk once it knows what the file on the disk says.
    pub(crate) fn desk_in_step(&self, document: &Document<WidgetsFile>) -> Result<MutexGuard<'_, Desk>> {
        let mut desk = self.desk();
        if Print::of(document.path()) != desk.seen {
            desk.look(&self.changes, document, HAND_EDIT)?;
        }
        Ok(desk)
    }
}

impl Desk {
    /// What all dashboards say; the last that was right.
    pub(crate) fn state(&self) -> Result<&State> {
        match (&self.state, &self.fault) {
            (Some(state), _) => Ok(state),
            (None, Some(fault)) => Err(Error::Broken(fault.clone())),
            (None, None) => Err(Error::Internal("the dashboards have no state".into())),
        }
    }

    /// The same for whoever wants to change something. Fails while the file on the disk is broken.
    pub(crate) fn open_state(&self) -> Result<&State> {
        match &self.fault {
            Some(fault) => Err(Error::Broken(fault.clone())),
            None => self.state(),
        }
    }

    /// What is wrong with the file on the disk.
    pub(crate) fn fault(&self) -> Option<FileError> {
        self.fault.clone()
    }

    /// Reads what each may undo from the history.
    fn remember(&mut self, changes: &Changes) -> Result<()> {
        for head in changes.list(None, REMEMBERED, None)?.iter().rev() {
            self.stack(head);
        }
        Ok(())
    }

    fn stack(&mut self, head: &ChangeHead) {
        let Some(deed) = Deed::of(&head.deed).filter(|deed| *deed != Deed::File) else { return };
        let done = Done { deed, number: head.number, of: head.of, is_empty: head.entries == 0 };
        Stacks::take(&mut self.stacks, &head.who, done);
    }

    /// Looks at the file, and takes what somebody else wrote into it. Says what was lost, if something was.
    pub(super) fn look(
        &mut self,
        changes: &Changes,
        document: &Document<WidgetsFile>,
        who: &str,
    ) -> Result<Option<String>> {
        // Before it is read: what changes meanwhile is looked at once more.
        self.seen = Print::of(document.path());
        document.refresh();
        if let Some(fault) = document.status() {
            self.fault = Some(fault);
            return Ok(None);
        }
        let Some(file) = document.snapshot() else { return Ok(None) };
        if let Err(error) = check_file(&file.value) {
            self.fault = Some(fault_of(&file, error));
            return Ok(None);
        }
        self.fault = None;
        if self.state.is_none() {
            return self.begin(changes, document, &file);
        }
        if self.known.iter().flatten().any(|known| *known == file.etag) {
            return Ok(None);
        }
        self.take(changes, State::of_file(&file.value), who)?;
        self.known = [Some(file.etag.clone()), None];
        Ok(None)
    }

    /// What the file says, as far as it is right, with no regard to the history.
    fn take_unread(&mut self, document: &Document<WidgetsFile>) {
        let file = document.snapshot().filter(|file| self.fault.is_none() && check_file(&file.value).is_ok());
        if let (None, Some(file)) = (&self.state, file) {
            let says = State::of_file(&file.value);
            self.known = [Some(file.etag.clone()), None];
            (self.state, self.folded) = (Some(says.clone()), says);
        }
    }

    /// The state at the start: what the file says and what came after, or what somebody made of it meanwhile.
    fn begin(
        &mut self,
        changes: &Changes,
        document: &Document<WidgetsFile>,
        file: &Snapshot<WidgetsFile>,
    ) -> Result<Option<String>> {
        let says = State::of_file(&file.value);
        self.known = [Some(file.etag.clone()), None];
        if let Some(number) = changes.marked(&file.etag)? {
            match forward(changes, says.clone(), number) {
                Ok(state) => {
                    self.unsaved_since = (number < changes.last()).then(Instant::now);
                    (self.state, self.folded) = (Some(state), says);
                    return Ok(None);
                }
                Err(error) => return self.begin_anew(changes, file, says, &error.to_string()),
            }
        }
        let Some((base, number)) = last_written(changes, document) else {
            if changes.last() == 0 || changes.oldest()? == 0 {
                changes.mark(Mark::Written, &file.etag, changes.last())?;
                (self.state, self.folded) = (Some(says.clone()), says);
                return Ok(None);
            }
            return self.begin_anew(changes, file, says, "the file is none that it knows");
        };
        match forward(changes, base.clone(), number) {
            Ok(state) => (self.state, self.folded) = (Some(state), base),
            Err(error) => return self.begin_anew(changes, file, says, &error.to_string()),
        }
        self.take(changes, says, HAND_EDIT)?;
        Ok(None)
    }

    /// The file counts, and what came before is history no longer.
    fn begin_anew(
        &mut self,
        changes: &Changes,
        file: &Snapshot<WidgetsFile>,
        says: State,
        why: &str,
    ) -> Result<Option<String>> {
        changes.forget()?;
        changes.mark(Mark::Written, &file.etag, changes.last())?;
        self.stacks.clear();
        (self.state, self.folded) = (Some(says.clone()), says);
        Ok(Some(format!("The history of the dashboards is begun anew with what widgets.json says: {why}.")))
    }

    /// What somebody made of the file since it was written last. What came in meanwhile elsewhere stays.
    fn take(&mut self, changes: &Changes, says: State, who: &str) -> Result<()> {
        let mut steps = self.folded.steps_to(&says);
        let state = self.state()?;
        let mut next = state.clone();
        next.apply_all(&steps);
        // A page takes along what was put on it meanwhile.
        let orphans = next.orphans(&steps);
        steps.retain(|step| !orphans.contains(&step.key));
        steps.extend(orphans.into_iter().map(Step::remove));
        self.commit(changes, who, Deed::File, None, &steps)?;
        self.folded = says;
        self.unsaved_since = Some(Instant::now());
        Ok(())
    }

    /// Makes a change: it is on the disk when this returns. Nothing comes of steps that change nothing.
    pub(crate) fn commit(
        &mut self,
        changes: &Changes,
        who: &str,
        deed: Deed,
        of: Option<u64>,
        steps: &[Step],
    ) -> Result<Option<ChangeHead>> {
        let state = self.state()?;
        let next = state.after(steps)?;
        let entries = differences(state, steps);
        if entries.is_empty() && !matches!(deed, Deed::Undo | Deed::Redo) {
            return Ok(None);
        }
        let head = changes.append(who, deed.name(), of, &entries)?;
        self.state = Some(next);
        self.protected = None;
        self.stack(&head);
        if !entries.is_empty() {
            self.unsaved_since.get_or_insert_with(Instant::now);
            self.authors.insert(head.who.clone());
        }
        Ok(Some(head))
    }
}

/// What each step changes, in their order; steps that change nothing are left out.
fn differences(state: &State, steps: &[Step]) -> Vec<EntryChange> {
    let mut reached = state.clone();
    let mut entries = Vec::new();
    for step in steps {
        let before = reached.get(&step.key);
        reached.apply(step);
        // Of an order counts what came of it: pages that are gone are none of it.
        let after = if step.key.kind == EntryKind::Order { reached.get(&step.key) } else { step.after.clone() };
        if before.as_ref().map(|entry| &entry.etag) != after.as_ref().map(|entry| &entry.etag) {
            entries.push(EntryChange {
                kind: step.key.kind.name().into(),
                id: step.key.id.to_string(),
                before: before.map(|entry| entry.text.clone()),
                after: after.map(|entry| entry.text.clone()),
            });
        }
    }
    entries
}

/// A step of the history: to what an entry said after the change, or before it.
pub(super) fn step_of(entry: &EntryChange, back: bool) -> Result<Step> {
    let kind = EntryKind::of(&entry.kind)
        .ok_or_else(|| Error::Internal(format!("the history has an entry of the kind `{}`", entry.kind)))?;
    let text = if back { &entry.before } else { &entry.after };
    let after = text.as_deref().map(|text| Entry::parse(kind, text)).transpose()?;
    Ok(Step { key: Key::new(kind, &entry.id), after })
}

/// The state that comes of this one by all changes after `number`.
fn forward(changes: &Changes, mut state: State, number: u64) -> Result<State> {
    for number in number + 1..=changes.last() {
        if changes.head(number)?.is_none() {
            return Err(Error::Internal(format!("the change {number} is not kept any more")));
        }
        for entry in changes.entries(number, usize::MAX >> 1)? {
            state.apply(&step_of(&entry, false)?);
        }
    }
    Ok(state)
}

/// The state from which this one came by all changes after `number`.
pub(super) fn back(changes: &Changes, mut state: State, number: u64) -> Result<State> {
    for number in (number + 1..=changes.last()).rev() {
        for entry in changes.entries(number, usize::MAX >> 1)?.iter().rev() {
            state.apply(&step_of(entry, true)?);
        }
    }
    Ok(state)
}

/// What the file said when the house wrote it last, and after which change that was.
fn last_written(changes: &Changes, document: &Document<WidgetsFile>) -> Option<(State, u64)> {
    let versions = document.versions().list().ok()?;
    versions.into_iter().find_map(|version| {
        let number = changes.marked(&version.etag).ok()??;
        let text = document.versions().read(version.sequence).ok()?;
        let file: WidgetsFile = parse_str(document.name(), &text).ok()?;
        check_file(&file).ok()?;
        Some((State::of_file(&file), number))
    })
}

/// A mistake in the file with its line and column.
pub(crate) fn fault_of(file: &Snapshot<WidgetsFile>, error: Error) -> FileError {
    let hint = error.hint();
    match error {
        Error::Invalid { message, key, .. } => file.error_at(&key.unwrap_or_default(), &message, hint),
        other => file.error_at("", &other.to_string(), hint),
    }
}
