//! Datapoints: how they are found, and how they are sent on when they have changed.

use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::demand::matches;
use fieldrail_driver::{SampleItem, Tag, WireOrigin};
use fieldrail_model::text::did_you_mean;
use fieldrail_model::{Quality, Value};
use tokio::time::Instant;

use super::Session;
use crate::error::Error;
use crate::words;

/// How long after a write a sample with its value counts as its echo.
const ECHO: Duration = Duration::from_secs(10);

/// The most datapoints of all packs together.
const MAX_POINTS: usize = 20_000;

/// One datapoint.
#[derive(Debug, Default)]
pub(crate) struct Point {
    /// Whose it is; none of the bank's.
    pub(crate) pack: Option<usize>,
    pub(crate) unit: &'static str,
    /// How often it is needed; none if nobody needs it.
    pub(super) every: Option<Duration>,
    /// When the battery said it last.
    pub(super) read: Option<Instant>,
    /// Whether it only ever came where it was asked for what never changes.
    pub(super) lasts: Option<bool>,
    /// What is known of it.
    pub(crate) last: Option<Sent>,
    /// Whether what is known was sent.
    sent: bool,
    /// Its number with the daemon, once it has one.
    number: Option<Tag>,
    /// A write that its next value may be the echo of.
    echo: Option<(bool, WireOrigin, Instant)>,
}

/// What is sent of a datapoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) value: Value,
    pub(crate) quality: Quality,
    pub(crate) note: Option<Arc<str>>,
}

impl Session {
    /// Sees to it that a tag is a datapoint, if it may be one.
    pub(super) fn find(&mut self, tag: &str) -> Result<(), Error> {
        if self.points.contains_key(tag) {
            return Ok(());
        }
        let missing = || {
            let near = did_you_mean(tag, self.points.keys().map(|known| &**known));
            Error::NoTag { tag: tag.chars().take(64).collect(), near }
        };
        let (pack, name) = self.split(tag).ok_or_else(missing)?;
        // What a battery says is known once it has been asked; until then any plain name may be one.
        let may_come = pack.is_none_or(|pack| !self.packs[pack].is_known);
        if !(words::is_usual(name) || may_come && words::is_plain(name)) || self.points.len() >= MAX_POINTS {
            return Err(missing());
        }
        self.points.insert(tag.into(), Point { pack, ..Point::default() });
        Ok(())
    }

    /// Whose a tag would be, and the name behind. None if it is nobody's.
    pub(super) fn split<'a>(&self, tag: &'a str) -> Option<(Option<usize>, &'a str)> {
        let below = |prefix: &str| tag.strip_prefix(prefix)?.strip_prefix('.').filter(|rest| !rest.is_empty());
        if let [pack] = &self.packs[..]
            && pack.name.is_none()
        {
            return Some((Some(0), tag));
        }
        if let Some(rest) = self.bank.as_deref().and_then(below) {
            return Some((None, rest));
        }
        let own = |(index, pack): (usize, &super::Pack)| Some((Some(index), below(pack.name.as_deref()?)?));
        self.packs.iter().enumerate().find_map(own)
    }

    /// All datapoints.
    pub(crate) fn points(&self) -> impl Iterator<Item = (&Arc<str>, &Point)> {
        self.points.iter()
    }

    /// What stands behind the name of its pack.
    pub(crate) fn name_of<'a>(&self, tag: &'a str) -> &'a str {
        self.split(tag).map_or(tag, |(_, name)| name)
    }

    pub(super) fn tags_of(&self, pack: usize) -> Vec<Arc<str>> {
        self.points.iter().filter(|(_, point)| point.pack == Some(pack)).map(|(tag, _)| Arc::clone(tag)).collect()
    }

    /// Somebody new needs this: it is sent again, and where nothing can be read now, that is said at once.
    pub(super) fn show_again(&mut self, tag: &str, pattern: bool) {
        let is_meant = |known: &Arc<str>| if pattern { matches(tag, known) } else { **known == *tag };
        let meant: Vec<Arc<str>> = self.points.keys().filter(|known| is_meant(known)).cloned().collect();
        for tag in meant {
            let Some(point) = self.points.get_mut(&tag) else { continue };
            point.sent = false;
            point.every = point.every.or(Some(self.poll));
            let trouble = point.pack.map(|pack| &self.packs[pack]).filter(|pack| !pack.answers());
            let trouble = trouble.map(|pack| Arc::clone(&pack.trouble)).filter(|trouble| !trouble.is_empty());
            let last = point.last.clone();
            match (trouble, last) {
                (Some(trouble), _) => self.send_lost(&tag, &trouble),
                (None, Some(last)) => drop(self.push(&tag, &last)),
                (None, None) => {}
            }
        }
    }

    /// The battery said a value. Returns the number of the tag if nothing has changed, so that it can be renewed.
    pub(super) fn publish(
        &mut self,
        tag: &Arc<str>,
        pack: Option<usize>,
        unit: &'static str,
        sent: &Sent,
        now: Instant,
    ) -> Option<Tag> {
        if !self.points.contains_key(tag) {
            if self.points.len() >= MAX_POINTS {
                return None;
            }
            let every = self.demand.of(tag, self.poll);
            self.points.insert(Arc::clone(tag), Point { pack, every, ..Point::default() });
        }
        let point = self.points.get_mut(tag)?;
        (point.unit, point.read) = (unit, Some(now));
        self.send(tag, sent, now)
    }

    /// Sends what is known now, if it is new. Returns the number of the tag if it is not.
    pub(super) fn send(&mut self, tag: &Arc<str>, sent: &Sent, now: Instant) -> Option<Tag> {
        let point = self.points.get_mut(tag)?;
        let is_same = point.last.as_ref() == Some(sent);
        point.last = Some(sent.clone());
        if is_same && point.sent && point.every.is_some() {
            return point.number;
        }
        point.echo.take_if(|(_, _, until)| *until < now);
        self.push(tag, sent);
        None
    }

    fn push(&mut self, tag: &Arc<str>, sent: &Sent) -> bool {
        let Some(point) = self.points.get_mut(tag) else { return false };
        if point.every.is_none() {
            point.sent = false;
            return false;
        }
        let number = *point.number.get_or_insert_with(|| self.outbox.tag(tag));
        let echo = point.echo.take_if(|(on, _, _)| sent.value == Value::Bool(*on));
        let origin = echo.map(|(_, origin, _)| origin);
        let Sent { value, quality, note } = sent.clone();
        // A full queue does not take it: the next poll tries again.
        point.sent = self.outbox.push(SampleItem { tag: number.into(), value, quality, time: None, note, origin });
        point.sent
    }

    /// The last value with the reason why it is not known any more. Said once.
    pub(super) fn send_lost(&mut self, tag: &Arc<str>, why: &Arc<str>) {
        let Some(point) = self.points.get_mut(tag) else { return };
        if point.sent && point.last.as_ref().is_some_and(|last| last.quality == Quality::NotConnected) {
            return;
        }
        let value = point.last.as_ref().map(|last| last.value.clone()).unwrap_or_default();
        let sent = Sent { value, quality: Quality::NotConnected, note: Some(Arc::clone(why)) };
        point.last = Some(sent.clone());
        self.push(tag, &sent);
    }

    /// A switch was set: a sample with this value is the echo.
    pub(super) fn expect_echo(&mut self, tag: &str, on: bool, origin: Option<WireOrigin>, now: Instant) {
        if let Some(point) = self.points.get_mut(tag) {
            point.echo = origin.map(|origin| (on, origin, now + ECHO));
        }
    }
}
