//! Asks a unit for its models: where the map begins, which models follow each other, and what is in those that are known.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Model, layout};
use crate::codec::pdu::{Exception, Request, Response, Table};
use crate::map::Entry;

/// Where a map may begin (section 5.2), the usual place first.
const BASES: [u16; 3] = [40_000, 50_000, 0];

/// `SunS`.
const MARK: [u16; 2] = [0x5375, 0x6e53];

/// What stands in place of a model's number at the end.
const END: u16 = 0xffff;

/// The most models of a device.
const MAX_MODELS: usize = 64;

/// The longest model that is read.
const MAX_LENGTH: u16 = 2000;

/// Registers in one request; some devices take no more.
const PIECE: u16 = 100;

/// A unit that describes nothing is asked again after this: it may have just started.
const AGAIN: Duration = Duration::from_secs(30);

/// What a device has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Its points; none if it does not describe itself.
    pub entries: Vec<Entry>,
    /// Its scale factors as they are now, by address.
    pub powers: Vec<(u16, i16)>,
}

/// The search for the models of one unit.
#[derive(Debug, Clone)]
pub struct Search {
    step: Step,
    due: Option<Instant>,
    /// Where each known model begins, and its registers so far.
    models: Vec<(u16, Vec<u16>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Which of [`BASES`].
    Mark(usize),
    /// The header of the model that begins here.
    Header(u16),
    /// The rest of the last model, up to this length, header included.
    Body(u16),
    Done,
}

impl Default for Search {
    fn default() -> Self {
        Self { step: Step::Mark(0), due: None, models: Vec::new() }
    }
}

impl Search {
    /// Whether everything is known.
    pub fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    /// When the next question is due; none if there is none.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        (!self.is_done()).then(|| self.due.unwrap_or(now))
    }

    /// The next question.
    pub fn question(&self) -> Option<Request> {
        let (start, count) = match self.step {
            Step::Mark(index) => (*BASES.get(index)?, 2),
            Step::Header(start) => (start, 2),
            Step::Body(length) => {
                let (base, image) = self.models.last()?;
                let read = u16::try_from(image.len()).ok()?;
                (base.checked_add(read)?, (length.checked_sub(read)?).min(PIECE))
            }
            Step::Done => return None,
        };
        Some(Request::Read { table: Table::Holding, start, count })
    }

    /// Takes the answer. Once all is read, what the device has.
    pub fn take(&mut self, response: &Response, now: Instant) -> Option<Found> {
        let values = match response {
            Response::Registers { values, .. } => &values[..],
            Response::Refused { exception, .. } => return self.refused(*exception, now),
            _ => return None,
        };
        match self.step {
            Step::Mark(index) if values == MARK => self.header(BASES[index].saturating_add(2)),
            Step::Mark(index) => return self.next_base(index, now),
            Step::Header(start) => return self.take_header(start, values),
            Step::Body(length) => self.take_body(length, values),
            Step::Done => {}
        }
        self.end_if_done()
    }

    fn refused(&mut self, exception: Exception, now: Instant) -> Option<Found> {
        if !exception.is_lasting() {
            self.due = Some(now + AGAIN);
            return None;
        }
        match self.step {
            Step::Mark(index) => self.next_base(index, now),
            // A map that ends without its mark ends all the same; a model that cannot be read has what was read.
            Step::Header(_) => Some(self.finish()),
            Step::Body(length) => {
                self.after_body(length);
                self.end_if_done()
            }
            Step::Done => None,
        }
    }

    fn next_base(&mut self, index: usize, now: Instant) -> Option<Found> {
        if index + 1 < BASES.len() {
            self.step = Step::Mark(index + 1);
            return None;
        }
        let is_first = self.due.is_none();
        self.step = Step::Mark(0);
        self.due = Some(now + AGAIN);
        // Said once; the next rounds are quiet.
        is_first.then(Found::default)
    }

    fn header(&mut self, start: u16) {
        self.step = if self.models.len() < MAX_MODELS { Step::Header(start) } else { Step::Done };
    }

    fn take_header(&mut self, start: u16, values: &[u16]) -> Option<Found> {
        let (Some(&number), Some(&length)) = (values.first(), values.get(1)) else { return Some(self.finish()) };
        if number == END {
            return Some(self.finish());
        }
        let after = length.checked_add(2).and_then(|whole| start.checked_add(whole));
        let Some(after) = after else { return Some(self.finish()) };
        self.models.push((start, values.to_vec()));
        if length == 0 || length > MAX_LENGTH || Model::find(number).is_none() {
            self.header(after);
        } else {
            self.step = Step::Body(length + 2);
        }
        self.end_if_done()
    }

    fn take_body(&mut self, length: u16, values: &[u16]) {
        if let Some((_, image)) = self.models.last_mut() {
            image.extend_from_slice(values);
            if image.len() >= usize::from(length) || values.is_empty() {
                self.after_body(length);
            }
        }
    }

    fn after_body(&mut self, length: u16) {
        let start = self.models.last().map_or(0, |(start, _)| *start);
        self.header(start.saturating_add(length));
    }

    fn end_if_done(&mut self) -> Option<Found> {
        self.is_done().then(|| self.finish())
    }

    fn finish(&mut self) -> Found {
        self.step = Step::Done;
        let mut found = Found::default();
        let mut times: HashMap<u16, usize> = HashMap::new();
        for (base, image) in std::mem::take(&mut self.models) {
            let Some(model) = image.first().copied().and_then(Model::find).filter(|_| image.len() > 2) else {
                continue;
            };
            let seen = times.entry(image[0]).or_default();
            *seen += 1;
            let prefix = if *seen == 1 { image[0].to_string() } else { format!("{}-{seen}", image[0]) };
            let entries = layout(&model, &image, base, &prefix);
            let word = |address: u16| image.get(usize::from(address.checked_sub(base)?)).copied();
            let powers = entries.iter().filter_map(|entry| entry.power_at);
            found.powers.extend(powers.filter_map(|at| Some((at, word(at)?.cast_signed()))));
            found.entries.extend(entries);
        }
        found
    }
}
