//! The house's log: what instances, routes and the daemon say, written to `system_logs.db` by a thread of its own.
//!
//! The queue in front of it is bounded; what does not fit is dropped and counted, and the count is logged.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use fieldrail_model::Level;
use fieldrail_store::{Filter, LogLine, LogRecord, Logs};

use crate::{Error, Result};

/// Lines that may wait for the disk.
const QUEUE: usize = 10_000;

/// Lines in one transaction, at the most.
const TRANSACTION: usize = 1000;

enum Message {
    Line(LogLine),
    /// Say when everything before this is on disk.
    Flush(SyncSender<()>),
}

/// Lines that are lost.
#[derive(Default)]
struct Dropped {
    all: AtomicU64,
    /// Those that the log does not tell of yet.
    untold: AtomicU64,
    /// The disk is full.
    spare: AtomicBool,
    trouble: Mutex<Option<String>>,
}

impl Dropped {
    fn add(&self, lines: u64) {
        self.all.fetch_add(lines, Ordering::Relaxed);
        self.untold.fetch_add(lines, Ordering::Relaxed);
    }

    /// Says it once when the log cannot be written, and once when it can again.
    fn is_written(&self, trouble: Option<String>) {
        let before =
            std::mem::replace(&mut *self.trouble.lock().unwrap_or_else(PoisonError::into_inner), trouble.clone());
        match (before, trouble) {
            (None, Some(trouble)) => tracing::error!("The log cannot be written: {trouble}; its lines are counted."),
            (Some(_), None) => tracing::info!("The log is written again."),
            _ => {}
        }
    }
}

/// The house's log.
pub struct Logbook {
    logs: Arc<Logs>,
    queue: Option<SyncSender<Message>>,
    dropped: Arc<Dropped>,
    writer: Option<JoinHandle<()>>,
}

impl Logbook {
    /// Opens or makes the database and starts its thread.
    pub fn open(path: &Path) -> Result<Self> {
        let logs = Logs::open(path).map_err(|error| Error::Internal(format!("{error}")))?;
        let logs = Arc::new(logs);
        let (queue, lines) = sync_channel(QUEUE);
        let dropped = Arc::new(Dropped::default());
        let writer = std::thread::Builder::new().name("logbook".into()).spawn({
            let (logs, dropped) = (Arc::clone(&logs), Arc::clone(&dropped));
            move || write(&logs, &lines, &dropped)
        });
        let writer = writer.map_err(|error| Error::Internal(format!("no thread for the log: {error}")))?;
        let logbook = Self { logs, queue: Some(queue), dropped, writer: Some(writer) };
        if let Some(aside) = logbook.logs.set_aside() {
            let message =
                format!("The log database was damaged; it lies in {} and a new one was begun.", aside.display());
            logbook.write(Level::Error, None, message);
        }
        Ok(logbook)
    }

    /// Takes a line; never waits.
    pub fn write(&self, level: Level, instance: Option<&str>, message: impl Into<String>) {
        let line = LogLine {
            time: crate::clock::wall(),
            level,
            instance: instance.map(Into::into),
            message: message.into(),
            fields: None,
        };
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(_)) = queue.try_send(Message::Line(line)) {
            self.dropped.add(1);
        }
    }

    /// Lines that could not be written, since the start of the daemon.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.all.load(Ordering::Relaxed)
    }

    /// Why lines cannot be written now.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.dropped.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leaves the last room on the disk to what must not be lost: nothing is written, and all lines are counted.
    pub(crate) fn spare(&self, spare: bool) {
        self.dropped.spare.store(spare, Ordering::Relaxed);
    }

    /// Waits until what was taken is on disk, or for two seconds.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if let Some(queue) = &self.queue
            && queue.try_send(Message::Flush(done)).is_ok()
        {
            let _ = wait.recv_timeout(std::time::Duration::from_secs(2));
        }
    }

    /// Lines that match, newest first. Lines that were taken before this call are found.
    pub fn query(&self, filter: &Filter) -> Result<Vec<LogRecord>> {
        self.flush();
        self.logs.query(filter).map_err(|error| Error::Internal(format!("{error}")))
    }
}

/// What waits is written before the house closes.
impl Drop for Logbook {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write(logs: &Logs, queue: &Receiver<Message>, dropped: &Dropped) {
    while let Ok(first) = queue.recv() {
        let mut lines = Vec::new();
        let mut waiting = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => lines.push(line),
                Message::Flush(done) => waiting.push(done),
            }
            next = if lines.len() < TRANSACTION { queue.try_recv().ok() } else { None };
        }
        put(logs, lines, dropped);
        for done in waiting {
            let _ = done.send(());
        }
    }
}

/// Writes the lines, or counts them.
fn put(logs: &Logs, mut lines: Vec<LogLine>, dropped: &Dropped) {
    let taken = lines.len() as u64;
    if dropped.spare.load(Ordering::Relaxed) {
        dropped.is_written(Some("the disk is full".into()));
        return dropped.add(taken);
    }
    let lost = dropped.untold.swap(0, Ordering::Relaxed);
    if lost > 0 {
        lines.push(LogLine {
            time: crate::clock::wall(),
            level: Level::Warn,
            instance: None,
            message: format!("{lost} log lines were dropped because the disk was full or slower than the log."),
            fields: None,
        });
    }
    match logs.append(&lines) {
        Ok(()) => dropped.is_written(None),
        Err(error) => {
            dropped.untold.fetch_add(lost, Ordering::Relaxed);
            dropped.add(taken);
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            dropped.is_written(Some(format!("{error}{hint}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_right_after_it_was_taken() {
        let folder = tempfile::tempdir().unwrap();
        let logbook = Logbook::open(&folder.path().join("system_logs.db")).unwrap();
        logbook.write(Level::Info, Some("plc_001"), "Connected.");
        let found = logbook.query(&Filter::default()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line.message, "Connected.");
    }
}
