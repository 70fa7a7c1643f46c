//! Values on their way out: sent when they change, renewed while they hold, in doubt while nobody can vouch for them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fieldrail_driver::{SampleItem, Tag};
use fieldrail_model::{Quality, Value};

use super::{Key, Session, Way};
use crate::error::Error;
use crate::value;

/// For so long a beat proves that the device sends by itself; four of them fit in.
const BEATS: Duration = Duration::from_secs(1);

/// What is to be said of a tag: a value, or why there is none.
type Said = Result<Value, (Quality, Arc<str>)>;

impl Session {
    /// The device says something of a tag.
    pub(crate) fn arrive(&mut self, key: &Key, end: Result<&Bytes, &Error>) {
        let Some(wanted) = self.wanted.get(key) else { return };
        let Some(place) = &wanted.place else { return };
        let said = match end {
            Ok(bytes) => match value::decode(&place.layout, place.bit, bytes, self.catalog.page) {
                Ok(value) => Ok(wanted.own.map_or(value.clone(), |own| own.scaled(&value))),
                Err(reason) => Err((Quality::TypeMismatch, reason.to_string().into())),
            },
            Err(error) => Err((Quality::DeviceFailure, error.to_string().into())),
        };
        self.emit(key, said);
    }

    /// Sends a value, or renews it if it is the one that was sent last.
    pub(super) fn emit(&mut self, key: &Key, said: Said) {
        let doubt = self.doubt.clone();
        let Some(wanted) = self.wanted.get_mut(key) else { return };
        let (value, quality, note) = match (said, doubt) {
            (Ok(value), None) => (value, Quality::Good, None),
            (Ok(value), Some((quality, note))) => (value, quality, Some(note)),
            (Err((quality, note)), _) => {
                let last = wanted.last.as_ref().map(|(value, ..)| value.clone());
                (last.unwrap_or_default(), quality, Some(note))
            }
        };
        let now = (value, quality, note);
        if wanted.last.as_ref() == Some(&now) {
            if quality.is_good() {
                self.fresh.push(wanted.tag);
            }
            return;
        }
        let (value, quality, note) = now.clone();
        let item = SampleItem { tag: wanted.tag.into(), value, quality, time: None, note, origin: None };
        if self.outbox.push(item) {
            wanted.last = Some(now);
            self.samples += 1;
        } else if let Way::Notified { heard, .. } = &mut wanted.way {
            // The daemon is far behind, and the device will not say it again: it is polled until it was said.
            *heard = false;
        }
    }

    /// Sends all renewals at once.
    pub(crate) fn renew(&mut self) {
        if !self.fresh.is_empty() {
            self.renewals += self.fresh.len() as u64;
            self.outbox.fresh(self.fresh.drain(..));
        }
    }

    /// Renews what the device sends by itself, as long as it is known to send.
    pub(crate) fn renew_notified(&mut self) {
        // Without the beat nothing proves that the device still sends what changes.
        let beats = self.beat.is_some_and(|(_, time)| time.elapsed() < BEATS);
        let is_live = |way: Way| beats && matches!(way, Way::Notified { heard: true, .. });
        let good = self.wanted.values().filter(|wanted| is_live(wanted.way));
        let good = good.filter(|wanted| wanted.last.as_ref().is_some_and(|(_, quality, _)| quality.is_good()));
        let tags: Vec<Tag> = good.map(|wanted| wanted.tag).collect();
        self.fresh.extend(tags);
        let own = self.wanted.values().filter(|wanted| wanted.own.is_some() && wanted.place.is_none());
        let own: Vec<Tag> = own.filter(|w| w.last.as_ref().is_some_and(|l| l.1.is_good())).map(|w| w.tag).collect();
        self.fresh.extend(own);
        self.renew();
    }

    /// All values are in doubt; each keeps what it said.
    pub(super) fn doubt_all(&mut self, quality: Quality, why: &Arc<str>) {
        self.doubt = Some((quality, Arc::clone(why)));
        self.fresh.clear();
        let keys: Vec<Key> = self.wanted.keys().map(Rc::clone).collect();
        for key in keys {
            if let Some(wanted) = self.wanted.get_mut(&key) {
                wanted.way = Way::Polled;
                wanted.polled_only = false;
                wanted.place = None;
                wanted.asked = false;
            }
            self.tell_doubt(&key);
        }
    }

    /// Says of one tag that it is in doubt, if all are.
    pub(super) fn tell_doubt(&mut self, key: &Key) {
        if let Some(doubt) = self.doubt.clone() {
            self.emit(key, Err(doubt));
        }
    }

    /// Values can be believed again, as they come.
    pub(crate) fn trust(&mut self) {
        self.doubt = None;
        self.bells.poll.notify_one();
    }

    /// The program stands still, or runs again: values are what they were, and no more.
    pub(crate) fn stand_still(&mut self, why: Option<Arc<str>>) {
        self.doubt = why.map(|why| (Quality::LastUsable, why));
        // What was not read on this link is not believed because the program runs.
        let was_read = |quality| matches!(quality, Quality::Good | Quality::LastUsable);
        let known = self.wanted.iter().filter(|(_, wanted)| wanted.place.is_some()).filter_map(|(key, wanted)| {
            let (value, quality, _) = wanted.last.as_ref()?;
            was_read(*quality).then(|| (Rc::clone(key), value.clone()))
        });
        let known: Vec<(Key, Value)> = known.collect();
        for (key, value) in known {
            self.emit(&key, Ok(value));
        }
    }
}
