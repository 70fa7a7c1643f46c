//! The thread that writes: takes what waits, commits it as one group, then calls the receipts.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::lanes::{LaneId, Lanes};
use super::queue::{Notes, Put, Shared};
use super::ranges::Run;
use super::table::{self, Table};
use super::{OutboxError, OutboxLimits, Stored};
use crate::database::{lock, move_aside};

/// Entries of one transaction at most; a put that is larger by itself is one transaction all the same.
const GROUP: usize = 65_536;

/// How long a commit that failed waits before it is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// The side that writes, with what it has taken and not yet committed.
pub(super) struct Writer {
    shared: Arc<Shared>,
    limits: OutboxLimits,
    table: Table,
    lanes: Lanes,
    puts: VecDeque<Put>,
    notes: Notes,
    /// Entries of the next transaction at most: few after a failure, so that what has room still gets through.
    most: usize,
    /// The last commit failed.
    failed: bool,
    /// The next transaction only deletes, if it can: that makes room for the one after it.
    room_first: bool,
    /// More is done than one transaction deletes.
    has_more: bool,
    /// For the entry that is being written.
    bytes: Vec<u8>,
}

/// What one transaction is made of.
struct Plan {
    delete: Vec<(LaneId, Vec<Run>)>,
    /// Only that, so that there is room for the rest.
    only_delete: bool,
    /// So many of the puts.
    puts: usize,
}

impl Writer {
    /// Opens the file and reads its books; a damaged one is moved aside first.
    pub(super) fn open(path: &Path, limits: OutboxLimits) -> Result<(Self, Arc<Shared>), OutboxError> {
        let open = || {
            let (table, reader) = table::open(path)?;
            Ok::<_, OutboxError>((table.lanes()?, table, reader))
        };
        let mut moved = None;
        let (lanes, table, reader) = match open() {
            Err(error) if error.is_damage() => {
                moved = move_aside(path)?;
                open()?
            }
            opened => opened?,
        };
        let shared = Arc::new(Shared::new(path.into(), lanes.clone(), reader, moved));
        let writer = Self {
            shared: shared.clone(),
            limits,
            table,
            lanes,
            puts: VecDeque::new(),
            notes: Notes::default(),
            most: GROUP,
            failed: false,
            room_first: false,
            has_more: false,
            bytes: Vec::new(),
        };
        Ok((writer, shared))
    }

    /// Writes until the outbox is closed and nothing waits, or the last try fails.
    pub(super) fn run(mut self) {
        loop {
            let closing = self.gather();
            let written = self.write();
            if let Err(error) = &written {
                (self.failed, self.room_first, self.most) = (true, true, 1);
                self.tell_trouble(error);
                if !closing {
                    self.shared.pause(RETRY);
                }
            }
            if closing && (written.is_err() || self.is_idle()) {
                break;
            }
        }
        // Closed before the writer, which, being the last, then empties the journal into the database.
        *lock(&self.shared.reader) = None;
    }

    /// Takes what waits, and waits for it if need be. Says whether the outbox is being closed.
    fn gather(&mut self) -> bool {
        let has_some = self.failed || self.has_more || !self.puts.is_empty() || !self.notes.is_empty();
        let mut queue = if has_some { lock(&self.shared.queue) } else { self.shared.wait() };
        queue.take(&mut self.puts, &mut self.notes);
        #[cfg(test)]
        for hook in std::mem::take(&mut queue.hooks) {
            hook(self.table.connection());
        }
        queue.closing
    }

    fn is_idle(&self) -> bool {
        self.puts.is_empty() && self.notes.is_empty() && lock(&self.shared.queue).is_empty()
    }

    /// Commits one group and says so. A failure leaves all as it was.
    fn write(&mut self) -> Result<(), OutboxError> {
        if self.shared.damaged.load(Ordering::Relaxed) {
            self.begin_anew()?;
        }
        let plan = self.plan();
        let committed = match self.commit(&plan) {
            Err(error) if error.is_damage() => {
                self.begin_anew()?;
                self.commit(&plan)
            }
            committed => committed,
        };
        let (lanes, stored) = committed?;
        self.committed(&plan, lanes, stored);
        Ok(())
    }

    /// What goes into the next transaction.
    fn plan(&mut self) -> Plan {
        let delete = lock(&self.shared.queue).done(GROUP);
        let deleted: u64 = delete.iter().flat_map(|(_, runs)| runs).map(|run| run.end() - run.start() + 1).sum();
        self.has_more = deleted == GROUP as u64;
        if self.room_first && deleted > 0 {
            return Plan { delete, only_delete: true, puts: 0 };
        }
        let mut entries = 0;
        let fits = |put: &&Put| {
            entries += put.entries.len();
            entries <= self.most
        };
        let puts = self.puts.iter().take_while(fits).count().max(1).min(self.puts.len());
        Plan { delete, only_delete: false, puts }
    }

    fn commit(&mut self, plan: &Plan) -> Result<(Lanes, Vec<Stored>), OutboxError> {
        let mut lanes = self.lanes.clone();
        let group = self.table.begin()?;
        for (id, runs) in &plan.delete {
            if let Some(lane) = lanes.with_id(*id) {
                group.delete(lane, runs)?;
            }
        }
        for (key, blob) in self.notes.blobs.iter().filter(|_| !plan.only_delete) {
            group.note(key, blob.as_deref())?;
        }
        let puts = self.puts.iter().take(plan.puts);
        let stored = puts.map(|put| group.insert(&put.entries, &mut lanes, self.limits, &mut self.bytes));
        let stored = stored.collect::<rusqlite::Result<Vec<_>>>()?;
        group.commit(&mut lanes)?;
        Ok((lanes, stored))
    }

    fn committed(&mut self, plan: &Plan, lanes: Lanes, stored: Vec<Stored>) {
        self.lanes = lanes;
        let mut queue = lock(&self.shared.queue);
        *lock(&self.shared.lanes) = self.lanes.clone();
        queue.committed(&plan.delete, self.puts.iter().take(plan.puts));
        drop(queue);
        self.room_first = false;
        if plan.only_delete {
            return;
        }
        (self.failed, self.most) = (false, self.most.saturating_mul(2).min(GROUP));
        *lock(&self.shared.trouble) = None;
        std::mem::take(&mut self.notes).acknowledge();
        self.puts.drain(..plan.puts).zip(stored).for_each(|(put, stored)| put.acknowledge(stored));
        if !plan.delete.is_empty() && self.puts.is_empty() {
            // When it fails, the file is as it was, which does no harm.
            let _ = self.table.shrink();
        }
    }

    /// Moves the damaged file aside. The numbers of the lanes go on in the new one, where nothing lies yet.
    fn begin_anew(&mut self) -> Result<(), OutboxError> {
        self.shared.damaged.store(true, Ordering::Relaxed);
        let mut reader = lock(&self.shared.reader);
        *reader = None;
        self.table = Table::nowhere()?;
        if let Some(moved) = move_aside(&self.shared.path)? {
            *lock(&self.shared.set_aside) = Some(moved);
        }
        let (table, new_reader) = table::open(&self.shared.path)?;
        (self.table, *reader) = (table, Some(new_reader));
        for lane in self.lanes.list_mut() {
            (lane.entries, lane.bytes, lane.changed) = (0, 0, true);
        }
        self.shared.damaged.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn tell_trouble(&self, error: &OutboxError) {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        let hint = error.hint().map(|hint| format!("; {hint}"));
        let text = [format!("cannot write {}: {error}", self.shared.path.display())];
        let text = text.into_iter().chain(cause).chain(hint).collect();
        *lock(&self.shared.trouble) = Some(text);
    }
}
