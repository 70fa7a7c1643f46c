//! The house's log: what instances, routes and the daemon say, written to `system_logs.db` by a thread of its own.
//!
//! The queue in front of it is bounded; what does not fit is dropped and counted, and the count is logged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
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

/// The house's log.
pub struct Logbook {
    logs: Arc<Logs>,
    queue: Option<SyncSender<Message>>,
    dropped: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

impl Logbook {
    /// Opens or makes the database and starts its thread.
    pub fn open(path: &Path) -> Result<Self> {
        let logs = Logs::open(path).map_err(|error| Error::Internal(format!("{error}")))?;
        let logs = Arc::new(logs);
        let (queue, lines) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
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
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that match, newest first. Lines that were taken before this call are found.
    pub fn query(&self, filter: &Filter) -> Result<Vec<LogRecord>> {
        let (done, wait) = sync_channel(1);
        if let Some(queue) = &self.queue
            && queue.try_send(Message::Flush(done)).is_ok()
        {
            let _ = wait.recv_timeout(std::time::Duration::from_secs(2));
        }
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

fn write(logs: &Logs, queue: &Receiver<Message>, dropped: &AtomicU64) {
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
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            lines.push(LogLine {
                time: crate::clock::wall(),
                level: Level::Warn,
                instance: None,
                message: format!("{lost} log lines were dropped because the disk was slower than the log."),
                fields: None,
            });
        }
        if let Err(error) = logs.append(&lines) {
            tracing::error!(%error, "The log cannot be written.");
        }
        for done in waiting {
            let _ = done.send(());
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
