//! What is read once: a person or the API asks, and waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::{Failure, Reading as Answer};
use fieldrail_model::Quality;
use tokio::time::Instant;

use super::{Job, Reply, Session, What};
use crate::codec::pdu::{Request, Response};
use crate::error::Error;
use crate::line::Trouble;
use crate::plan::{Block, Cuts, Want, plan};
use crate::value::Reading;

/// How long a question may wait for its values.
const PATIENCE: Duration = Duration::from_secs(4);

/// Questions that may wait.
const MAX_READERS: usize = 256;

/// Questions for registers as they are that may wait.
const MAX_RAW: usize = 64;

/// One who waits.
pub(super) struct Reader {
    request: u64,
    /// The tags asked for, each with its point or why there is none.
    tags: Vec<(String, Result<usize, Arc<str>>)>,
    blocks: VecDeque<(usize, Block)>,
    /// Blocks that are on the line.
    asked: usize,
    got: HashMap<usize, Reading>,
    deadline: Instant,
}

impl Session {
    /// Reads tags once.
    pub(crate) fn read(&mut self, request: u64, tags: Vec<String>, now: Instant) {
        let mut named = Vec::with_capacity(tags.len());
        for tag in tags {
            let point = self.find(&tag).map_err(|error| Arc::from(error.to_string()));
            named.push((tag, point));
        }
        let mut reader = Reader {
            request,
            tags: named,
            blocks: VecDeque::new(),
            asked: 0,
            got: HashMap::new(),
            deadline: now + PATIENCE,
        };
        if self.connected && self.readers.len() < MAX_READERS {
            reader.blocks = self.blocks_of(&reader);
        }
        self.readers.push(reader);
        self.answer_readers(now);
        self.work.notify_one();
    }

    /// The requests that answer a question, for the units that answer at all.
    fn blocks_of(&self, reader: &Reader) -> VecDeque<(usize, Block)> {
        let mut wants: HashMap<usize, Vec<Want>> = HashMap::new();
        for &point in reader.tags.iter().filter_map(|(_, point)| point.as_ref().ok()) {
            let unit = self.points[point].unit;
            if self.units[unit].health.is_dead() {
                continue;
            }
            let power = self.points[point].entry.power_at.and_then(|at| self.hidden.get(&(unit, at)).copied());
            for id in power.into_iter().chain([point]) {
                let entry = &self.points[id].entry;
                let want = Want { id, table: entry.table, first: entry.address, last: entry.last(), every: PATIENCE };
                wants.entry(unit).or_default().push(want);
            }
        }
        let planned = |(unit, wants): (usize, Vec<Want>)| {
            let blocks = plan(&wants, &self.units[unit].limits, &self.units[unit].cuts);
            blocks.into_iter().map(move |block| (unit, block))
        };
        let mut blocks: Vec<(usize, Block)> = wants.into_iter().flat_map(planned).collect();
        // Those with scale factors first: the values behind them need them.
        blocks.sort_by_key(|(_, block)| !block.wants.iter().any(|&id| self.points[id].tag.is_empty()));
        blocks.into()
    }

    pub(super) fn next_once(&mut self, now: Instant) -> Option<Job> {
        for at in 0..self.readers.len() {
            let askable = self.readers[at].blocks.iter().position(|(unit, _)| self.may_ask(*unit, now));
            let Some((unit, block)) = askable.and_then(|index| self.readers[at].blocks.remove(index)) else { continue };
            self.readers[at].asked += 1;
            let what = What::Once(self.readers[at].request, block.clone());
            return Some(self.job(unit, block.request(), what));
        }
        None
    }

    /// What came of one request for a reader.
    pub(super) fn read_once(&mut self, unit: usize, request: u64, block: &Block, outcome: Result<Response, Trouble>) {
        let now = Instant::now();
        let again = match outcome {
            Ok(Response::Refused { exception, .. }) => {
                let cuts = self.cuts(block, exception);
                if cuts.is_empty() {
                    let refused = block.wants.iter().map(|&id| (id, self.refusal(id, exception))).collect();
                    self.got(request, refused);
                }
                cuts
            }
            Ok(response) => {
                // Scale factors first: the others need them.
                for &id in &block.wants {
                    let is_hidden = self.points[id].tag.is_empty();
                    if is_hidden && let Some(reading) = self.decode(id, block.start, &response) {
                        self.publish(id, reading, now);
                    }
                }
                let decoded = block.wants.iter().filter_map(|&id| Some((id, self.decode(id, block.start, &response)?)));
                let decoded: Vec<_> = decoded.collect();
                for (id, reading) in &decoded {
                    if self.points[*id].every.is_some() {
                        self.publish(*id, reading.clone(), now);
                    }
                }
                self.got(request, decoded);
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        if let Some(reader) = self.readers.iter_mut().find(|reader| reader.request == request) {
            reader.asked -= 1;
            if !again.is_empty() {
                let cuts: Cuts = again.into_iter().collect();
                let wants: Vec<Want> = block
                    .wants
                    .iter()
                    .map(|&id| {
                        let entry = &self.points[id].entry;
                        Want { id, table: entry.table, first: entry.address, last: entry.last(), every: PATIENCE }
                    })
                    .collect();
                let parts = plan(&wants, &self.units[unit].limits, &cuts);
                reader.blocks.extend(parts.into_iter().map(|block| (unit, block)));
                self.units[unit].cuts.extend(cuts);
            }
        }
        self.answer_readers(now);
    }

    fn got(&mut self, request: u64, readings: Vec<(usize, Reading)>) {
        if let Some(reader) = self.readers.iter_mut().find(|reader| reader.request == request) {
            reader.got.extend(readings);
        }
    }

    pub(super) fn tick_readers(&mut self, now: Instant) {
        if !self.readers.is_empty() {
            self.answer_readers(now);
        }
    }

    /// Units that somebody waits for.
    pub(super) fn awaited_units(&self) -> impl Iterator<Item = usize> {
        self.readers.iter().flat_map(|reader| reader.blocks.iter().map(|(unit, _)| *unit))
    }

    pub(super) fn readers_deadline(&self) -> Option<Instant> {
        self.readers.iter().map(|reader| reader.deadline).min()
    }

    /// The line is gone: nobody waits any longer.
    pub(super) fn fail_readers(&mut self) {
        for reader in &mut self.readers {
            reader.blocks.clear();
            reader.asked = 0;
        }
        self.answer_readers(Instant::now());
    }

    /// Answers those for whom nothing more will come.
    fn answer_readers(&mut self, now: Instant) {
        let is_done = |reader: &mut Reader| reader.blocks.is_empty() && reader.asked == 0 || reader.deadline <= now;
        let done: Vec<Reader> = self.readers.extract_if(.., is_done).collect();
        for reader in done {
            let items = reader.tags.iter().map(|(tag, point)| self.answer_of(&reader, tag, point)).collect();
            self.reply(Reply::Values(reader.request, items));
        }
    }

    fn answer_of(&self, reader: &Reader, tag: &str, point: &Result<usize, Arc<str>>) -> Answer {
        let reading = match point {
            Err(why) => Reading::bad(Quality::NotFound, Arc::clone(why)),
            Ok(index) => reader.got.get(index).cloned().unwrap_or_else(|| {
                let last = self.points[*index].last.as_ref().map(|last| last.value.clone()).unwrap_or_default();
                let unit = &self.units[self.points[*index].unit];
                let why = if self.connected {
                    format!("{} does not answer", unit.shown()).into()
                } else {
                    self.no_line().message.into()
                };
                Reading { value: last, quality: Quality::NotConnected, note: Some(why) }
            }),
        };
        Answer { tag: tag.to_owned(), value: reading.value, quality: reading.quality, note: reading.note }
    }

    /// Reads registers as they are, for a person.
    pub(crate) fn ask_raw(&mut self, request: u64, unit: u8, question: Request) {
        if self.raw.len() >= MAX_RAW {
            self.reply(Reply::Returned(request, Err(Failure::new(format!("{MAX_RAW} such questions wait already")))));
        } else if self.connected {
            self.raw.push_back((request, unit, question));
            self.work.notify_one();
        } else {
            self.reply(Reply::Returned(request, Err(self.no_line())));
        }
    }

    /// Why nothing can be asked now.
    pub(super) fn no_line(&self) -> Failure {
        let why = if self.trouble.is_empty() {
            format!("not connected to {} yet", self.place)
        } else {
            self.trouble.to_string()
        };
        Failure::new(why)
    }

    pub(super) fn next_raw(&mut self) -> Option<Job> {
        let (request, number, question) = self.raw.pop_front()?;
        let unit = self.units.iter().position(|unit| unit.number == number);
        Some(Job { number, request: question, patience: self.timeout, unit, what: What::Raw(request) })
    }

    pub(super) fn read_raw(&mut self, request: u64, unit: u8, outcome: Result<Response, Trouble>) {
        let result = match outcome {
            Ok(Response::Registers { values, .. }) => Ok(serde_json::json!({ "registers": values })),
            Ok(Response::Bits { packed, .. }) => {
                let bits = crate::codec::pdu::unpack(&packed, 8 * packed.len());
                Ok(serde_json::json!({ "bits": bits }))
            }
            Ok(Response::Refused { exception, .. }) => Err(Error::Refused { unit, exception }.into()),
            Ok(_) => Err(Failure::new("the unit answered something else")),
            Err(trouble) => Err(Error::Silent { unit, why: trouble.to_string() }.into()),
        };
        self.reply(Reply::Returned(request, result));
    }

    /// The line is gone: what was asked for by hand is not read.
    pub(super) fn fail_raw(&mut self) {
        for (request, _, _) in std::mem::take(&mut self.raw) {
            let failure = Failure::new(self.trouble.to_string());
            self.reply(Reply::Returned(request, Err(failure)));
        }
        if let Some(scan) = self.scan.take() {
            let failure = Failure::new(self.trouble.to_string());
            self.reply(Reply::Returned(scan.request, Err(failure)));
        }
    }
}
