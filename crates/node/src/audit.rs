//! Who did what: every changing call leaves a row here before it is answered, and so does what the house does by itself.
//!
//! A thread of its own writes the rows, as many at once as have come. Who waits for [`Audit::record`] knows that the row is
//! written; rows of which nobody waits are written within a moment. If the disk takes none, the house goes on, and the gap is
//! a row of its own as soon as it can be.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use fieldrail_store::{AuditEntry, AuditFilter, AuditRecord, AuditTrail, BrokenRow, Trail};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::errors::Errors;
use crate::node::lock;
use crate::people::{Role, Who};
use crate::views::Paged;
use crate::{Error, Node, Result};

/// Rows that may wait for the disk. Callers that wait for theirs are bounded by the server; of the rest more are lost, and
/// counted.
const QUEUE: usize = 4_096;

/// Rows in one transaction, at the most.
const TRANSACTION: usize = 500;

/// Rows on a page, if nobody says otherwise, and at the most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

/// Who does what nobody asked for.
pub(crate) const SYSTEM: &str = "system";

/// Who changes files with an editor, or with the command line while no daemon runs.
pub(crate) const BY_HAND: &str = "by hand";

/// One deed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deed {
    /// Who did it: a user's name, `token:NAME`, `console`, `system`, `by hand`; empty for somebody unknown.
    pub by: String,
    /// What was done: method and path of the end point, or a word of the house's own.
    pub action: String,
    /// To what.
    pub target: String,
    /// How it ended: `done`, `refused`, `failed`, or the end of a write.
    pub outcome: String,
    /// Values, or why it was refused.
    pub detail: String,
    /// It is frequent, or can be made frequent by somebody without rights, and must not push out what is not.
    pub frequent: bool,
}

struct Message {
    entry: AuditEntry,
    written: Option<oneshot::Sender<()>>,
}

/// The trail.
pub struct Audit {
    trail: AuditTrail,
    errors: Arc<Errors>,
    queue: Mutex<Option<SyncSender<Message>>>,
    lost: Arc<std::sync::atomic::AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    pub(crate) fn open(trail: AuditTrail, errors: Arc<Errors>) -> Result<Self> {
        let (queue, rows) = sync_channel(QUEUE);
        let lost = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let writer = std::thread::Builder::new().name("audit".into()).spawn({
            let (trail, lost) = (trail.clone(), Arc::clone(&lost));
            move || write(&trail, &rows, &lost)
        });
        let writer = writer.map_err(|error| Error::Internal(format!("no thread for the audit trail: {error}")))?;
        Ok(Self { trail, errors, queue: Mutex::new(Some(queue)), lost, writer: Mutex::new(Some(writer)) })
    }

    /// Takes a deed and returns when its row is written, or cannot be.
    pub async fn record(&self, deed: Deed) {
        let (written, wait) = oneshot::channel();
        self.send(deed, Some(written));
        let _ = wait.await;
    }

    /// Takes a deed; never waits.
    pub fn note(&self, deed: Deed) {
        self.send(deed, None);
    }

    fn send(&self, deed: Deed, written: Option<oneshot::Sender<()>>) {
        let Deed { by, action, target, outcome, detail, frequent } = deed;
        // What is written may be a secret, or name one.
        let scrubber = self.errors.scrubber();
        let (target, detail) = (scrubber.text(&target), scrubber.text(&detail));
        let trail = if frequent { Trail::Values } else { Trail::House };
        let entry = AuditEntry { time: crate::clock::wall(), trail, by, action, target, outcome, detail };
        let queue = lock(&self.queue).clone();
        if queue.is_none_or(|queue| queue.try_send(Message { entry, written }).is_err()) {
            self.lost.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Writes what waits; nothing is taken afterwards.
    pub(crate) fn close(&self) {
        lock(&self.queue).take();
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer.filter(|writer| writer.thread().id() != std::thread::current().id()) {
            let _ = writer.join();
        }
    }
}

/// What was done is written before the house closes.
impl Drop for Audit {
    fn drop(&mut self) {
        self.close();
    }
}

fn write(trail: &AuditTrail, rows: &Receiver<Message>, lost: &std::sync::atomic::AtomicU64) {
    use std::sync::atomic::Ordering::Relaxed;
    while let Ok(first) = rows.recv() {
        let mut messages = vec![first];
        while messages.len() < TRANSACTION
            && let Ok(next) = rows.try_recv()
        {
            messages.push(next);
        }
        let (mut entries, waiting): (Vec<_>, Vec<_>) =
            messages.into_iter().map(|message| (message.entry, message.written)).unzip();
        let before = lost.swap(0, Relaxed);
        if before > 0 {
            entries.push(gap(before));
        }
        if let Err(error) = trail.append(&entries) {
            let missing = before + waiting.len() as u64;
            tracing::error!(%error, rows = missing, "The audit trail cannot be written.");
            lost.fetch_add(missing, Relaxed);
        }
        for written in waiting.into_iter().flatten() {
            let _ = written.send(());
        }
    }
}

/// The row that stands for rows that could not be written.
fn gap(rows: u64) -> AuditEntry {
    AuditEntry {
        time: crate::clock::wall(),
        trail: Trail::House,
        by: SYSTEM.into(),
        action: "audit.gap".into(),
        target: String::new(),
        outcome: "failed".into(),
        detail: format!("{rows} rows before this one could not be written"),
    }
}

/// A row of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditView {
    /// Rises with each row.
    pub id: i64,
    /// `house` for what changes the house, `values` for what is frequent: values that were written, refused tries.
    pub trail: &'static str,
    /// Counts the rows of its trail from 1, without gaps.
    pub seq: i64,
    /// When it was done, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// Who did it: a user's name, `token:NAME`, `console` for the command line, `by hand` for an editor, `system` for the
    /// daemon itself; empty for somebody unknown.
    pub by: String,
    /// What was done: method and path of the end point, or a word of the daemon's own.
    pub action: String,
    /// To what.
    pub target: String,
    /// How it ended: `done`, `refused`, `failed`, or the end of a write.
    pub outcome: String,
    /// Values, or why it was refused.
    pub detail: String,
    /// SHA-256 over the row before and this one, in hexadecimal digits.
    pub hash: String,
}

impl From<AuditRecord> for AuditView {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { seq, id, entry, hash } = record;
        Self {
            id,
            trail: entry.trail.as_str(),
            seq,
            time_ms: entry.time.millis(),
            by: entry.by,
            action: entry.action,
            target: entry.target,
            outcome: entry.outcome,
            detail: entry.detail,
            hash: hex(&hash),
        }
    }
}

/// What the hashes of all rows prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditVerdict {
    /// Whether every row is as it was written.
    pub whole: bool,
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows that were deleted in order because they were the oldest of too many.
    pub deleted: u64,
    /// The first row of each trail that is not as it was written.
    pub broken: Vec<AuditBreak>,
    /// The newest row of each trail. Who notes them elsewhere can tell later whether a trail was written anew.
    pub heads: Vec<AuditHead>,
}

/// The first row of a trail that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct AuditBreak {
    pub trail: &'static str,
    pub seq: i64,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Where a trail stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct AuditHead {
    pub trail: &'static str,
    pub seq: i64,
    pub hash: String,
}

/// Which rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditWish {
    /// `house` or `values`; both if left out.
    pub trail: Option<String>,
    /// By exactly this one.
    pub by: Option<String>,
    /// With this text in what was done, to what, by whom, or the detail.
    pub search: Option<String>,
    /// Older than the row with this id.
    pub before: Option<i64>,
    /// The most on the page.
    pub limit: Option<usize>,
}

impl Node {
    /// The one place that every changing call passes, and that the house tells what it does by itself.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Who did what, the newest first.
    pub fn audit_rows(&self, who: &Who, wish: &AuditWish) -> Result<Paged<AuditView>> {
        who.must_be(Role::Admin)?;
        let limit = wish.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let filter = AuditFilter {
            trail: wish.trail.as_deref().map(parse_trail).transpose()?,
            by: wish.by.clone(),
            search: wish.search.clone(),
            before: wish.before,
            limit,
        };
        let found = self.audit.trail.query(&filter).map_err(|error| Error::Internal(error.to_string()))?;
        let next = found.last().filter(|_| found.len() == limit).map(|last| last.id.to_string());
        Ok(Paged { items: found.into_iter().map(AuditView::from).collect(), next, total: None })
    }

    /// Computes the hashes of all rows anew.
    pub fn verify_audit(&self, who: &Who) -> Result<AuditVerdict> {
        who.must_be(Role::Admin)?;
        let verdict = self.audit.trail.verify().map_err(|error| Error::Internal(error.to_string()))?;
        let broken = |row: &BrokenRow| AuditBreak { trail: row.trail.as_str(), seq: row.seq, why: row.why };
        let broken: Vec<AuditBreak> = verdict.broken.iter().map(broken).collect();
        let heads = verdict.heads.iter().map(|head| AuditHead {
            trail: head.trail.as_str(),
            seq: head.seq,
            hash: hex(&head.hash),
        });
        Ok(AuditVerdict {
            whole: broken.is_empty(),
            rows: verdict.rows,
            deleted: verdict.deleted,
            heads: heads.collect(),
            broken,
        })
    }

    /// The house did this by itself.
    pub(crate) fn note_own(&self, action: &str, target: &str, detail: impl Into<String>) {
        self.audit.note(Deed {
            by: SYSTEM.into(),
            action: action.into(),
            target: target.into(),
            outcome: "done".into(),
            detail: detail.into(),
            frequent: false,
        });
    }
}

fn parse_trail(text: &str) -> Result<Trail> {
    Trail::ALL.into_iter().find(|trail| trail.as_str() == text).ok_or_else(|| {
        Error::invalid_at("trail", format!("there is no trail `{text}`"), Some("`house` or `values`".into()))
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
