//! What is read once: the battery is asked for everything, and then the values are those of that poll.

use std::time::Duration;

use fieldrail_driver::{Failure, Reading};
use fieldrail_model::{Quality, Value};
use serde_json::json;
use tokio::time::Instant;

use super::{Pack, Reply, Session};
use crate::error::Error;

/// How long a read waits for its poll.
const PATIENCE: Duration = Duration::from_secs(8);

/// The most reads that wait.
const MAX_READERS: usize = 64;

/// Somebody who waits for values.
pub(super) struct Reader {
    request: u64,
    what: Wanted,
    /// The packs that have not been polled since.
    packs: Vec<usize>,
    since: Instant,
    until: Instant,
}

/// What they want.
enum Wanted {
    /// These tags.
    Tags(Vec<String>),
    /// All that every battery says.
    Report,
}

impl Session {
    /// Reads tags once.
    pub(crate) fn read(&mut self, request: u64, tags: Vec<String>, now: Instant) {
        let mut packs = Vec::new();
        for tag in &tags {
            packs.extend(match self.split(tag) {
                Some((Some(pack), _)) => vec![pack],
                Some((None, _)) => (0..self.packs.len()).collect(),
                None => Vec::new(),
            });
        }
        self.ask_now(request, Wanted::Tags(tags), packs, now);
    }

    /// Asks every battery for all that it says, and tells it.
    pub(crate) fn report(&mut self, request: u64, now: Instant) {
        self.ask_now(request, Wanted::Report, (0..self.packs.len()).collect(), now);
    }

    /// Has packs asked for everything at once; those that answer at all.
    fn ask_now(&mut self, request: u64, what: Wanted, mut packs: Vec<usize>, now: Instant) {
        packs.sort_unstable();
        packs.dedup();
        packs.retain(|&index| self.packs[index].answers() || self.packs[index].trouble.is_empty());
        for &index in &packs {
            let pack = &mut self.packs[index];
            (pack.wanted, pack.due) = (true, now);
            let line = pack.line;
            self.wake(line);
        }
        let reader = Reader { request, what, packs, since: now, until: now + PATIENCE };
        if self.readers.len() >= MAX_READERS || reader.packs.is_empty() {
            return self.answer(&reader);
        }
        self.readers.push(reader);
        self.changed.notify_one();
    }

    /// Answers whoever has got what they wait for.
    pub(super) fn answer_readers(&mut self) {
        let packs = &self.packs;
        let waits = |reader: &Reader| {
            reader.packs.iter().any(|&index| {
                let pack = &packs[index];
                pack.trouble.is_empty() && pack.heard.is_none_or(|heard| heard <= reader.since)
            })
        };
        let done: Vec<Reader> = self.readers.extract_if(.., |reader| !waits(reader)).collect();
        for reader in done {
            self.answer(&reader);
        }
    }

    pub(super) fn readers_deadline(&self) -> Option<Instant> {
        self.readers.iter().map(|reader| reader.until).min()
    }

    /// Answers whoever has waited long enough.
    pub(super) fn expire_readers(&mut self, now: Instant) {
        let done: Vec<Reader> = self.readers.extract_if(.., |reader| reader.until <= now).collect();
        for reader in done {
            self.answer(&reader);
        }
    }

    fn answer(&mut self, reader: &Reader) {
        let reply = match &reader.what {
            Wanted::Tags(tags) => Reply::Values(reader.request, tags.iter().map(|tag| self.reading(tag)).collect()),
            Wanted::Report => Reply::Returned(reader.request, self.told()),
        };
        self.reply(reply);
    }

    /// What every battery says, or why none says anything.
    fn told(&self) -> Result<serde_json::Value, Failure> {
        let told = |pack: &Pack| {
            let choice = self.choice(pack.line);
            json!({
                "name": pack.name, "answers": pack.answers(), "why_not": Some(&*pack.trouble).filter(|why| !why.is_empty()),
                "battery": choice.map(|choice| choice.family.device), "variant": choice.map(|choice| choice.variant.name),
                "in_doubt": pack.doubts.iter().map(|doubt| &*doubt.reason).collect::<Vec<_>>(),
                "values": pack.latest.to_json(),
            })
        };
        if let Some(silent) = self.packs.iter().find(|_| self.packs.iter().all(|pack| !pack.answers())) {
            let why = if silent.trouble.is_empty() { "no battery has answered yet" } else { &silent.trouble };
            let failure = Failure::new(why);
            return Err(match &silent.hint {
                Some(hint) => failure.hint(hint.clone()),
                None => failure,
            });
        }
        Ok(json!({ "batteries": self.packs.iter().map(told).collect::<Vec<_>>() }))
    }

    /// What is known of a tag.
    fn reading(&mut self, tag: &str) -> Reading {
        let item =
            |value, quality, note: Option<std::sync::Arc<str>>| Reading { tag: tag.to_owned(), value, quality, note };
        if let Err(error) = self.find(tag) {
            return item(Value::Null, Quality::NotFound, Some(Error::to_string(&error).into()));
        }
        let trouble = self.split(tag).and_then(|(pack, _)| pack).map(|pack| &self.packs[pack]);
        let trouble = trouble.filter(|pack| !pack.answers()).map(|pack| pack.trouble.clone());
        let last = self.points.get(tag).and_then(|point| point.last.clone());
        match (trouble, last) {
            (Some(why), last) => {
                let value = last.map(|last| last.value).unwrap_or_default();
                let why = if why.is_empty() { "the battery has not been asked yet".into() } else { why };
                item(value, Quality::NotConnected, Some(why))
            }
            (None, Some(last)) => item(last.value, last.quality, last.note),
            (None, None) => item(Value::Null, Quality::NotFound, Some("this battery does not say it".into())),
        }
    }
}
