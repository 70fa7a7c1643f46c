//! Datapoints: how they are found, decoded from an answer, and sent on when they have changed.

use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::demand::matches;
use fieldrail_driver::{SampleItem, Tag, WireOrigin};
use fieldrail_model::text::did_you_mean;
use fieldrail_model::{Quality, Value};
use tokio::time::Instant;

use super::{MAX_POINTS, Session};
use crate::ad_hoc;
use crate::codec::pdu::{Exception, Response};
use crate::error::Error;
use crate::map::Entry;
use crate::setup::UnitSetup;
use crate::value::{Form, Kind, Reading};

/// How long after a write a sample with its value counts as its echo.
const ECHO: Duration = Duration::from_secs(10);

/// One datapoint.
pub(crate) struct Point {
    pub(crate) unit: usize,
    pub(crate) entry: Entry,
    /// The whole tag; empty for a hidden one.
    pub(crate) tag: Arc<str>,
    /// Its number with the daemon, once it has one.
    number: Option<Tag>,
    /// How often it is needed; none if nobody needs it.
    pub(super) every: Option<Duration>,
    /// What was read last, or why nothing was.
    pub(super) last: Option<Reading>,
    /// Whether it has to be sent though it has not changed: somebody new needs it.
    pub(super) send: bool,
    /// Whether the device had a good value for it once.
    pub(super) was_there: bool,
    /// A write that its next value may be the echo of.
    echo: Option<(Value, WireOrigin, Instant)>,
}

impl Point {
    fn new(unit: usize, entry: Entry, tag: Arc<str>) -> Self {
        Self { unit, entry, tag, number: None, every: None, last: None, send: true, was_there: false, echo: None }
    }
}

impl Session {
    pub(super) fn add_point(&mut self, unit: usize, entry: Entry) -> Option<usize> {
        if self.points.len() >= MAX_POINTS {
            return None;
        }
        let tag: Arc<str> = match &self.units[unit].name {
            Some(name) => format!("{name}.{}", entry.name).into(),
            None => entry.name.as_str().into(),
        };
        if let Some(power) = entry.power_at {
            self.add_hidden(unit, &entry, power);
        }
        let index = self.points.len();
        self.by_tag.insert(Arc::clone(&tag), index);
        self.points.push(Point::new(unit, entry, tag));
        self.dirty = true;
        Some(index)
    }

    /// A point that nobody sees: the scale factor of others.
    fn add_hidden(&mut self, unit: usize, of: &Entry, address: u16) {
        if self.hidden.contains_key(&(unit, address)) {
            return;
        }
        let entry =
            Entry { address, form: Form::plain(Kind::Int16), power_at: None, write: None, poll: None, ..of.clone() };
        self.hidden.insert((unit, address), self.points.len());
        self.points.push(Point::new(unit, entry, "".into()));
    }

    /// The datapoint of a tag; ad-hoc ones are made.
    pub(super) fn find(&mut self, tag: &str) -> Result<usize, Error> {
        if let Some(&index) = self.by_tag.get(tag) {
            return Ok(index);
        }
        let missing = || {
            let near = did_you_mean(tag, self.by_tag.keys().map(|known| &**known));
            Error::NoTag { tag: tag.chars().take(64).collect(), near }
        };
        let Some((number, entry)) = ad_hoc::parse(tag) else { return Err(missing()) };
        let known = self.units.iter().position(|unit| unit.number == number);
        let unit = known.unwrap_or_else(|| {
            self.add_unit(&UnitSetup {
                number,
                name: None,
                title: None,
                entries: Vec::new(),
                sunspec: false,
                limits: self.limits.clone(),
                timeout: self.timeout,
            })
        });
        let index = self.points.len();
        if index >= MAX_POINTS {
            return Err(Error::Full(index));
        }
        let tag: Arc<str> = tag.into();
        self.by_tag.insert(Arc::clone(&tag), index);
        self.points.push(Point::new(unit, entry, tag));
        Ok(index)
    }

    /// Whether a tag may belong to a unit that has not described itself yet.
    pub(super) fn may_be_found_later(&self, tag: &str) -> bool {
        !self.by_tag.contains_key(tag)
            && self.units.iter().any(|unit| {
                let is_open = unit.sunspec.as_ref().is_some_and(|search| !search.is_done());
                is_open
                    && unit
                        .name
                        .as_ref()
                        .is_none_or(|name| tag.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.')))
            })
    }

    /// Somebody new needs this: it is sent again, and where nothing can be read now, that is said at once.
    pub(super) fn show_again(&mut self, tag: &str, pattern: bool) {
        let found: Vec<usize> = if pattern {
            (0..self.points.len()).filter(|&index| matches(tag, &self.points[index].tag)).collect()
        } else {
            self.by_tag.get(tag).copied().into_iter().collect()
        };
        for index in found {
            self.points[index].send = true;
            let unit = &self.units[self.points[index].unit];
            if !self.connected && self.trouble.is_empty() {
                // It is not known yet whether there is a line.
            } else if !self.connected {
                self.publish_lost(index, &Arc::clone(&self.trouble));
            } else if unit.health.is_dead() {
                let why = format!("{} does not answer", unit.shown()).into();
                self.publish_lost(index, &why);
            }
        }
    }

    /// The value of a point in an answer that begins at `start`. None while the scale factor is not known.
    pub(super) fn decode(&self, index: usize, start: u16, response: &Response) -> Option<Reading> {
        let point = &self.points[index];
        let at = usize::from(point.entry.address.checked_sub(start)?);
        match response {
            Response::Bits { packed, .. } => {
                let byte = packed.get(at / 8)?;
                Some(Reading::good(Value::Bool(byte >> (at % 8) & 1 == 1)))
            }
            Response::Registers { values, .. } => {
                let words = values.get(at..at + usize::from(point.entry.form.registers))?;
                let power = match point.entry.power_at {
                    None => None,
                    Some(address) => Some(self.power(point.unit, address, start, values)?),
                };
                Some(point.entry.form.decode(words, power))
            }
            _ => None,
        }
    }

    /// The scale factor in this register: of the same answer if it is there, so that both are of one moment.
    fn power(&self, unit: usize, address: u16, start: u16, values: &[u16]) -> Option<i16> {
        let here = address.checked_sub(start).and_then(|at| values.get(usize::from(at)));
        here.map(|word| word.cast_signed()).or_else(|| self.powers.get(&(unit, address)).copied())
    }

    /// Takes what was read. True if it is what was sent before, so that it can be renewed.
    pub(super) fn publish(&mut self, index: usize, reading: Reading, now: Instant) -> bool {
        let point = &mut self.points[index];
        point.was_there |= reading.quality.is_good();
        if point.tag.is_empty() {
            if let Value::Int(power) = reading.value {
                let power = i16::try_from(power).unwrap_or(i16::MIN);
                self.powers.insert((point.unit, point.entry.address), power);
            }
            return false;
        }
        if point.every.is_none() {
            point.last = Some(reading);
            return false;
        }
        if !point.send && point.last.as_ref() == Some(&reading) {
            return true;
        }
        let number = *point.number.get_or_insert_with(|| self.outbox.tag(&point.tag));
        let echo = point.echo.take_if(|(value, _, until)| *until < now || *value == reading.value);
        let origin = echo.filter(|(_, _, until)| *until >= now).map(|(_, origin, _)| origin);
        let Reading { value, quality, note } = reading.clone();
        point.last = Some(reading);
        // A full queue does not take it: the next reading tries again.
        point.send = !self.outbox.push(SampleItem { tag: number.into(), value, quality, time: None, note, origin });
        false
    }

    /// Tells the daemon that these points still hold.
    pub(super) fn renew(&self, points: &[usize]) {
        self.outbox.fresh(points.iter().filter_map(|&index| self.points[index].number));
    }

    /// The last value with the reason why it is not known any more.
    pub(super) fn publish_lost(&mut self, index: usize, why: &Arc<str>) {
        let point = &self.points[index];
        if point.tag.is_empty() || point.last.is_none() && point.every.is_none() && !point.send {
            return;
        }
        // Said once; that the next try failed for another reason is the state's to say.
        if !point.send && point.last.as_ref().is_some_and(|last| last.quality == Quality::NotConnected) {
            return;
        }
        let value = point.last.as_ref().map(|last| last.value.clone()).unwrap_or_default();
        let reading = Reading { value, quality: Quality::NotConnected, note: Some(Arc::clone(why)) };
        let every = point.every;
        // A subscription that is not planned yet wants to hear it, too.
        self.points[index].every = every.or(Some(self.poll));
        self.publish(index, reading, Instant::now());
        self.points[index].every = every;
    }

    /// All points of a unit that somebody needs are no longer known.
    pub(super) fn take_back(&mut self, unit: usize, why: &Arc<str>) {
        for index in 0..self.points.len() {
            if self.points[index].unit == unit && self.points[index].every.is_some() {
                self.publish_lost(index, why);
            }
        }
    }

    /// The unit refuses to say what is here.
    pub(super) fn refusal(&self, index: usize, exception: Exception) -> Reading {
        let note: Arc<str> = format!("{exception}: {}", exception.hint()).into();
        let last = self.points[index].last.as_ref().map(|last| last.value.clone()).unwrap_or_default();
        let (value, quality) = match exception.0 {
            1 | 2 => (Value::Null, Quality::NotFound),
            3 => (Value::Null, Quality::ConfigError),
            5..=7 => (last, Quality::LastUsable),
            _ => (last, Quality::DeviceFailure),
        };
        Reading { value, quality, note: Some(note) }
    }

    /// A write of this value was done: a sample with it is its echo.
    pub(super) fn expect_echo(&mut self, index: usize, value: Value, origin: Option<WireOrigin>, now: Instant) {
        self.points[index].echo = origin.map(|origin| (value, origin, now + ECHO));
    }
}
