//! Retained messages on disk: a base and a journal of changes, one JSON object a line.
//!
//! `retained-N.log` holds changes, `retained-N.base` all that was retained at some time after that journal began. What
//! counts is the newest base and the journals from its number on, in order; a change may be in both. A line that was cut
//! short by a power cut ends a file; any other line that cannot be read is left out, and its file is put aside.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use fieldrail_model::Value;
use mqtt5::broker::storage::RetainedMessage;
use serde::{Deserialize, Serialize};

/// A journal is begun anew when it is larger than this, and than the base four times over.
const MIN_WASTE: u64 = 4 * 1024 * 1024;

/// One change.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Set {
        /// The message without its payload.
        message: Box<RetainedMessage>,
        payload: Payload,
    },
    Cleared(String),
}

/// Text stays readable.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Payload {
    Text(String),
    Hex(String),
}

/// What a folder holds.
pub(super) struct Loaded {
    pub(super) messages: HashMap<String, RetainedMessage>,
    generation: u64,
    /// Files that the next base replaces, and whether all of their lines could be read.
    read: Vec<(PathBuf, bool)>,
}

/// Reads a folder.
///
/// # Errors
/// A file is there and cannot be read; nothing has been changed.
pub(super) fn load(folder: &Path) -> io::Result<Loaded> {
    let (mut bases, mut logs) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some((number, kind)) = name.to_str().and_then(|name| name.strip_prefix("retained-")?.split_once('.'))
        else {
            continue;
        };
        match (number.parse::<u64>(), kind) {
            (Ok(generation), "base") => bases.push(generation),
            (Ok(generation), "log") => logs.push(generation),
            _ => {}
        }
    }
    bases.sort_unstable();
    logs.sort_unstable();
    let newest = bases.last().copied();
    let counts = newest.into_iter().map(|n| (n, "base"));
    let counts = counts.chain(logs.iter().filter(|log| **log >= newest.unwrap_or(0)).map(|n| (*n, "log")));
    let mut messages = HashMap::new();
    let mut read = Vec::new();
    for (generation, kind) in counts {
        let path = folder.join(format!("retained-{generation}.{kind}"));
        let whole = replay(&path, &mut messages)?;
        read.push((path, whole));
    }
    let superseded = bases.iter().filter(|base| Some(**base) != newest).map(|n| (n, "base"));
    let superseded = superseded.chain(logs.iter().filter(|log| **log < newest.unwrap_or(0)).map(|n| (n, "log")));
    read.extend(superseded.map(|(n, kind)| (folder.join(format!("retained-{n}.{kind}")), true)));
    messages.retain(|_, message| !message.is_expired());
    let generation = bases.iter().chain(&logs).max().copied().unwrap_or(0);
    Ok(Loaded { messages, generation, read })
}

/// Applies the lines of a file. False if one in its middle could not be read.
fn replay(path: &Path, messages: &mut HashMap<String, RetainedMessage>) -> io::Result<bool> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut line, mut garbled) = (Vec::new(), 0_usize);
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.last() == Some(&b'\n') {
            match serde_json::from_slice(&line).ok().and_then(Line::into_change) {
                Some((topic, Some(message))) => drop(messages.insert(topic, message)),
                Some((topic, None)) => drop(messages.remove(&topic)),
                None => garbled += 1,
            }
        }
        line.clear();
    }
    if garbled > 0 {
        tracing::warn!(file = ?path, lines = garbled, "Retained messages could not be read; the file is put aside.");
    }
    Ok(garbled == 0)
}

impl Line {
    fn new(topic: &str, message: Option<&RetainedMessage>) -> Self {
        let Some(message) = message else { return Self::Cleared(topic.to_owned()) };
        let mut message = Box::new(message.clone());
        let payload = match String::from_utf8(std::mem::take(&mut message.payload)) {
            Ok(text) => Payload::Text(text),
            Err(error) => Payload::Hex(Value::bytes(error.as_bytes()).to_string()),
        };
        Self::Set { message, payload }
    }

    fn into_change(self) -> Option<(String, Option<RetainedMessage>)> {
        let (mut message, payload) = match self {
            Self::Cleared(topic) => return Some((topic, None)),
            Self::Set { message, payload } => (message, payload),
        };
        message.payload = match payload {
            Payload::Text(text) => text.into_bytes(),
            Payload::Hex(hex) => {
                let digits: Vec<u8> =
                    hex.bytes().map(|b| char::from(b).to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
                digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
            }
        };
        message.recompute_expiry();
        Some((message.topic.clone(), Some(*message)))
    }
}

/// Writes a base, and removes what it replaces.
pub(super) fn write_base<'a>(
    folder: &Path,
    generation: u64,
    messages: impl Iterator<Item = (&'a str, &'a RetainedMessage)>,
) -> io::Result<u64> {
    let bytes = super::replace(folder, &format!("retained-{generation}.base"), |file| {
        for (topic, message) in messages {
            serde_json::to_writer(&mut *file, &Line::new(topic, Some(message)))?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })?;
    for older in older_than(folder, generation)? {
        fs::remove_file(older)?;
    }
    Ok(bytes)
}

fn older_than(folder: &Path, generation: u64) -> io::Result<Vec<PathBuf>> {
    let mut older = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("retained-"));
        let number = name.and_then(|name| name.split_once('.')?.0.parse::<u64>().ok());
        if number.is_some_and(|number| number < generation) {
            older.push(path);
        }
    }
    Ok(older)
}

/// The open end of the journal.
pub(super) struct Journal {
    folder: PathBuf,
    generation: u64,
    file: File,
    bytes: u64,
    base_bytes: u64,
    unsynced: bool,
    /// Set while the disk takes nothing, so that the log says it once.
    failing: bool,
}

impl Journal {
    /// Begins a new journal on a base of what was loaded.
    pub(super) fn start(folder: &Path, loaded: &Loaded) -> io::Result<Self> {
        let generation = loaded.generation + 1;
        let file = create(folder, generation)?;
        for (path, _) in loaded.read.iter().filter(|(_, whole)| !whole) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("retained");
            fs::rename(path, folder.join(format!("damaged-{name}")))?;
        }
        let base_bytes = write_base(folder, generation, loaded.messages.iter().map(|(t, m)| (&**t, m)))?;
        let folder = folder.to_owned();
        Ok(Self { folder, generation, file, bytes: 0, base_bytes, unsynced: false, failing: false })
    }

    /// Notes a change: the message that is retained now, or none.
    pub(super) fn append(&mut self, topic: &str, message: Option<&RetainedMessage>) {
        let written = serde_json::to_vec(&Line::new(topic, message)).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line).map(|()| line.len() as u64)
        });
        match written {
            Ok(bytes) => {
                self.bytes += bytes;
                self.unsynced = true;
                self.failing = false;
            }
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::error!(%error, "A retained message could not be kept for a restart. Is the disk full?");
            }
            Err(_) => {}
        }
    }

    /// A handle to sync, if there is anything to sync.
    pub(super) fn take_unsynced(&mut self) -> Option<File> {
        std::mem::take(&mut self.unsynced).then(|| self.file.try_clone().ok()).flatten()
    }

    /// Whether the journal holds mostly what is not retained any more.
    pub(super) fn is_wasteful(&self) -> bool {
        self.bytes > MIN_WASTE.max(4 * self.base_bytes)
    }

    /// Goes on in a new file; follow with [`write_base`].
    pub(super) fn begin_next(&mut self) -> io::Result<u64> {
        self.file = create(&self.folder, self.generation + 1)?;
        self.generation += 1;
        self.bytes = 0;
        Ok(self.generation)
    }

    /// The size of the new base.
    pub(super) fn set_base(&mut self, bytes: u64) {
        self.base_bytes = bytes;
    }
}

fn create(folder: &Path, generation: u64) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(folder.join(format!("retained-{generation}.log")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mqtt5::QoS;
    use mqtt5::packet::publish::PublishPacket;

    fn message(topic: &str, payload: &[u8]) -> RetainedMessage {
        RetainedMessage::new(PublishPacket::new(topic, payload.to_vec(), QoS::AtLeastOnce))
    }

    fn append(journal: &mut Journal, topic: &str, payload: &[u8]) {
        journal.append(topic, Some(&message(topic, payload)));
    }

    /// Topic and payload of all that a folder holds, sorted.
    fn kept(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<_> = load(folder).unwrap().messages.into_iter().map(|(t, m)| (t, m.payload)).collect();
        all.sort();
        all
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn changes_are_found_again_text_and_bytes_alike() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::start(folder.path(), &load(folder.path()).unwrap()).unwrap();
        append(&mut journal, "a/Küche", "21 °C\n".as_bytes());
        append(&mut journal, "raw", &[0, 0xff, 0x80]);
        append(&mut journal, "gone", b"x");
        append(&mut journal, "raw", &[1, 0xff]);
        journal.append("gone", None);
        let want = vec![("a/Küche".into(), "21 °C\n".as_bytes().to_vec()), ("raw".into(), vec![1, 0xff])];
        assert_eq!(kept(folder.path()), want);
        Journal::start(folder.path(), &load(folder.path()).unwrap()).unwrap();
        assert_eq!(kept(folder.path()), want);
        assert_eq!(names(folder.path()), ["retained-2.base", "retained-2.log"]);
    }

    #[test]
    fn a_cut_line_costs_itself_and_a_garbled_one_puts_its_file_aside() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::start(folder.path(), &load(folder.path()).unwrap()).unwrap();
        append(&mut journal, "a", b"1");
        journal.file.write_all(b"{\"cleared\": \"a").unwrap();
        assert_eq!(kept(folder.path()), [("a".into(), b"1".to_vec())]);
        journal.file.write_all(b"\"\"\"}\n").unwrap();
        append(&mut journal, "b", b"2");
        let want = [("a".into(), b"1".to_vec()), ("b".into(), b"2".to_vec())];
        assert_eq!(kept(folder.path()), want);
        Journal::start(folder.path(), &load(folder.path()).unwrap()).unwrap();
        assert_eq!(kept(folder.path()), want);
        assert!(names(folder.path()).contains(&"damaged-retained-1.log".into()));
    }

    #[test]
    fn a_rewrite_that_is_cut_off_at_any_step_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::start(folder.path(), &load(folder.path()).unwrap()).unwrap();
        append(&mut journal, "a", b"1");
        let generation = journal.begin_next().unwrap();
        append(&mut journal, "b", b"2");
        let want = [("a".into(), b"1".to_vec()), ("b".into(), b"2".to_vec())];
        assert_eq!(kept(folder.path()), want);
        let loaded = load(folder.path()).unwrap();
        append(&mut journal, "a", b"3");
        fs::write(folder.path().join("retained-2.base.tmp"), "half").unwrap();
        write_base(folder.path(), generation, loaded.messages.iter().map(|(t, m)| (&**t, m))).unwrap();
        assert_eq!(kept(folder.path()), [("a".into(), b"3".to_vec()), ("b".into(), b"2".to_vec())]);
        assert_eq!(names(folder.path()), ["retained-2.base", "retained-2.log"]);
    }

    #[test]
    fn a_journal_of_one_topic_is_rewritten_before_it_fills_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::start(folder.path(), &load(folder.path()).unwrap()).unwrap();
        let payload = vec![b'x'; 100_000];
        let appended = (0..100).take_while(|_| {
            append(&mut journal, "a", &payload);
            !journal.is_wasteful()
        });
        assert!((30..60).contains(&appended.count()));
    }
}
