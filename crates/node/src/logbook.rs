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
use serde_json::{Map, Value};
use tokio::sync::watch;

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
    /// Rises with each transaction.
    written: Arc<watch::Sender<u64>>,
    writer: Option<JoinHandle<()>>,
}

impl Logbook {
    /// Opens or makes the database and starts its thread.
    pub fn open(path: &Path) -> Result<Self> {
        let logs = Logs::open(path).map_err(|error| Error::Internal(format!("{error}")))?;
        let logs = Arc::new(logs);
        let (queue, lines) = sync_channel(QUEUE);
        let dropped = Arc::new(Dropped::default());
        let written = Arc::new(watch::Sender::new(0));
        let writer = std::thread::Builder::new().name("logbook".into()).spawn({
            let (logs, dropped, written) = (Arc::clone(&logs), Arc::clone(&dropped), Arc::clone(&written));
            move || write(&logs, &lines, &dropped, &written)
        });
        let writer = writer.map_err(|error| Error::Internal(format!("no thread for the log: {error}")))?;
        let logbook = Self { logs, queue: Some(queue), dropped, written, writer: Some(writer) };
        if let Some(aside) = logbook.logs.set_aside() {
            let message =
                format!("The log database was damaged; it lies in {} and a new one was begun.", aside.display());
            logbook.write(Level::Error, None, message);
        }
        Ok(logbook)
    }

    /// The database, for what lies in it beside the log.
    pub(crate) fn logs(&self) -> Arc<Logs> {
        Arc::clone(&self.logs)
    }

    /// Takes a line; never waits.
    pub fn write(&self, level: Level, instance: Option<&str>, message: impl Into<String>) {
        let message = message.into();
        let fields = fields(&message).map(|fields| fields.to_string());
        let line = LogLine { time: crate::clock::wall(), level, instance: instance.map(Into::into), message, fields };
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

    /// Changes when lines were written.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
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
        self.look(filter)
    }

    /// Lines that match, newest first, of those that are written already.
    pub fn look(&self, filter: &Filter) -> Result<Vec<LogRecord>> {
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

/// Fields of one line, at the most.
const FIELDS: usize = 32;

/// The values that a line names as `key=value`, as drivers of the SDK end their lines with; none if there are none.
fn fields(message: &str) -> Option<Value> {
    let mut found = Map::new();
    let mut rest = message;
    while let Some(at) = rest.find('=') {
        let key = rest[..at].rsplit([' ', '{', ',']).next().unwrap_or_default();
        let begins_value = &rest[at + 1..];
        let is_key = key.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        if !is_key || begins_value.is_empty() || begins_value.starts_with([' ', '=']) {
            rest = begins_value;
            continue;
        }
        let (value, after) = field_value(begins_value);
        if found.len() < FIELDS {
            found.insert(key.to_owned(), value);
        }
        rest = after;
    }
    (!found.is_empty()).then_some(Value::Object(found))
}

/// A number, a word, or a text in quotes, and what follows it.
fn field_value(text: &str) -> (Value, &str) {
    if text.starts_with('"') {
        let mut quoted = serde_json::Deserializer::from_str(text).into_iter::<String>();
        if let Some(Ok(value)) = quoted.next() {
            return (value.into(), &text[quoted.byte_offset()..]);
        }
    }
    let (word, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
    let plain = matches!(word.as_bytes().first(), Some(b'-' | b'0'..=b'9' | b't' | b'f'));
    let value = plain.then(|| serde_json::from_str(word).ok()).flatten().unwrap_or_else(|| word.into());
    (value, rest)
}

fn write(logs: &Logs, queue: &Receiver<Message>, dropped: &Dropped, written: &watch::Sender<u64>) {
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
        if put(logs, lines, dropped) {
            written.send_modify(|epoch| *epoch += 1);
        }
        for done in waiting {
            let _ = done.send(());
        }
    }
}

/// Writes the lines, or counts them.
/// Writes these lines, and what is to be said of lost ones. True if something was written.
fn put(logs: &Logs, mut lines: Vec<LogLine>, dropped: &Dropped) -> bool {
    let taken = lines.len() as u64;
    if dropped.spare.load(Ordering::Relaxed) {
        dropped.is_written(Some("the disk is full".into()));
        dropped.add(taken);
        return false;
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
        Ok(()) => {
            dropped.is_written(None);
            !lines.is_empty()
        }
        Err(error) => {
            dropped.untold.fetch_add(lost, Ordering::Relaxed);
            dropped.add(taken);
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            dropped.is_written(Some(format!("{error}{hint}")));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, want: Option<&str>) {
        assert_eq!(fields(message).map(|fields| fields.to_string()).as_deref(), want, "{message}");
    }

    #[test]
    fn the_values_of_a_sentence_are_fields() {
        check("Started. port=1883 host=plc up=true", Some(r#"{"port":1883,"host":"plc","up":true}"#));
        check(
            r#"Lost it. error="no route = none \"x\"" n=-1.5"#,
            Some(r#"{"error":"no route = none \"x\"","n":-1.5}"#),
        );
        check("anna writes plc.a = 5.", None);
        check("a == b, x=", None);
        check("GET /?a=b", None);
        check("ä=1 k=\"open", Some(r#"{"k":"\"open"}"#));
    }

    #[test]
    fn a_line_is_found_right_after_it_was_taken() {
        let folder = tempfile::tempdir().unwrap();
        let logbook = Logbook::open(&folder.path().join("system_logs.db")).unwrap();
        logbook.write(Level::Info, Some("plc_001"), "Connected.");
        let found = logbook.query(&Filter::default()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line.message, "Connected.");
    }

    #[test]
    fn what_is_not_written_on_a_full_disk_is_counted_and_told_of_later() {
        let folder = tempfile::tempdir().unwrap();
        let logbook = Logbook::open(&folder.path().join("system_logs.db")).unwrap();
        logbook.spare(true);
        for _ in 0..3 {
            logbook.write(Level::Info, None, "Lost.");
        }
        assert_eq!(logbook.query(&Filter::default()).unwrap(), []);
        assert_eq!((logbook.dropped(), logbook.trouble().as_deref()), (3, Some("the disk is full")));
        logbook.spare(false);
        logbook.write(Level::Info, None, "Kept.");
        let found = logbook.query(&Filter::default()).unwrap();
        let lines: Vec<_> = found.iter().map(|record| record.line.message.as_str()).collect();
        assert!(lines.len() == 2 && lines.contains(&"Kept.") && lines[0].starts_with("3 log lines"), "{lines:?}");
        assert_eq!((logbook.dropped(), logbook.trouble()), (3, None));
    }
}
