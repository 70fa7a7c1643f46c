//! Reads: answered from what is known, else from the retained message that a short subscription brings.

use std::time::Duration;

use fieldrail_driver::Reading;
use fieldrail_model::{Quality, Value};
use tokio::time::Instant;

use super::{GATHER, Reply, Session};
use crate::codec::Decoded;
use crate::topic::Tag;

/// How long a read waits for a retained message.
const READ: Duration = Duration::from_millis(700);

/// Topics that are read once.
pub(super) struct Reader {
    request: u64,
    tags: Vec<String>,
    pub(super) deadline: Instant,
}

impl Session {
    /// Takes a read; it is answered at once, or when the values are there, or after a moment.
    pub(crate) fn read(&mut self, request: u64, tags: Vec<String>) {
        for tag in tags.iter().filter_map(|tag| Tag::parse(tag).ok()) {
            self.demand.begin_read(tag.topic);
        }
        let deadline = Instant::now() + READ;
        self.readers.push(Reader { request, tags, deadline });
        self.replan.get_or_insert(Instant::now());
        self.answer_readers(Instant::now());
    }

    /// Answers the reads that have all their values, and those whose time is over.
    pub(super) fn answer_readers(&mut self, now: Instant) {
        let connected = self.is_connected();
        let readers = std::mem::take(&mut self.readers);
        for reader in readers {
            let known: Vec<Option<Decoded>> = reader.tags.iter().map(|tag| self.known(tag)).collect();
            if connected && reader.deadline > now && known.iter().any(Option::is_none) {
                self.readers.push(reader);
                continue;
            }
            for tag in reader.tags.iter().filter_map(|tag| Tag::parse(tag).ok()) {
                self.demand.end_read(tag.topic);
            }
            self.replan.get_or_insert(now + GATHER);
            let items = reader.tags.into_iter().zip(known);
            let items = items.map(|(tag, known)| reading(tag, known, connected)).collect();
            self.replies.push(Reply::Values(reader.request, items));
            self.changed.notify_one();
        }
    }

    /// The value of a tag, if it is known to hold.
    fn known(&self, tag: &str) -> Option<Decoded> {
        match Tag::parse(tag) {
            Ok(tag) if !self.is_connected() || self.is_had(tag.topic) => {
                let last = self.topics.last(tag.topic, tag.pointer)?;
                // What a lost link took back is to be asked for anew.
                (!self.is_connected() || last.quality != Quality::NotConnected).then_some(last)
            }
            Ok(_) => None,
            Err(error) => Some(Decoded::bad(Value::Null, Quality::NotFound, error.to_string())),
        }
    }
}

fn reading(tag: String, known: Option<Decoded>, connected: bool) -> Reading {
    let known = known.unwrap_or_else(|| {
        if connected {
            Decoded::bad(Value::Null, Quality::NoData, "the broker keeps no message of this topic")
        } else {
            Decoded::bad(Value::Null, Quality::NotConnected, "there is no link to the broker")
        }
    });
    Reading { tag, value: known.value, quality: known.quality, note: known.note }
}
