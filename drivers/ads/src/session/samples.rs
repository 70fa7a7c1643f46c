//! Values on their way out: sent when they change, renewed while they hold, in doubt while nobody can vouch for them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::{SampleItem, Tag};
use fieldrail_model::{Quality, Value};

use super::{Key, Session, Wanted, Way};
use crate::error::Error;
use crate::value;

/// For so long a beat proves that the device sends by itself; four of them fit in.
const BEATS: Duration = Duration::from_secs(1);

/// What is to be said of a tag: a value, or why there is none.
type Said = Result<Value, (Quality, Arc<str>)>;

impl Session {
    /// The device says something of a tag. True if that is good and what the tag says now.
    pub(crate) fn arrive(&mut self, key: &Key, end: Result<&[u8], &Error>) -> bool {
        let Some(said) = self.decode(key, end) else { return false };
        self.emit(key, said)
    }

    /// The same of bytes of a round, which keeps them for comparison: the tag stays settled.
    pub(crate) fn polled(&mut self, key: &Key, bytes: &[u8]) -> bool {
        let Some(said) = self.decode(key, Ok(bytes)) else { return false };
        self.say(key, said).is_some_and(|(_, is_settled)| is_settled)
    }

    fn decode(&self, key: &Key, end: Result<&[u8], &Error>) -> Option<Said> {
        let wanted = self.wanted.get(key)?;
        let place = wanted.place.as_ref()?;
        Some(match end {
            Ok(bytes) => match value::decode(&place.layout, place.bit, bytes, self.catalog.page) {
                Ok(value) => Ok(match wanted.own {
                    Some(own) => own.scaled(&value),
                    None => value,
                }),
                Err(reason) => Err((Quality::TypeMismatch, reason.to_string().into())),
            },
            Err(error) => Err((Quality::DeviceFailure, error.to_string().into())),
        })
    }

    /// Sends a value, or renews it if it is the one that was sent last. What a round knows of it is not believed any more.
    /// True if it is good and was taken.
    pub(super) fn emit(&mut self, key: &Key, said: Said) -> bool {
        let Some((tag, is_settled)) = self.say(key, said) else { return false };
        if self.wanted.get(key).is_some_and(Wanted::is_polled) {
            self.unsettled.insert(tag);
        }
        is_settled
    }

    fn say(&mut self, key: &Key, said: Said) -> Option<(Tag, bool)> {
        let wanted = self.wanted.get_mut(key)?;
        let now = match (said, &self.doubt) {
            (Ok(value), None) => (value, Quality::Good, None),
            (Ok(value), Some((quality, note))) => (value, *quality, Some(Arc::clone(note))),
            (Err((quality, note)), _) => {
                let last = wanted.last.as_ref().map(|(value, ..)| value.clone());
                (last.unwrap_or_default(), quality, Some(note))
            }
        };
        let (tag, is_good) = (wanted.tag, now.1.is_good());
        if wanted.last.as_ref() == Some(&now) {
            if is_good {
                self.fresh.push(tag);
            }
            return Some((tag, is_good));
        }
        let (value, quality, note) = now.clone();
        let item = SampleItem { tag: tag.into(), value, quality, time: None, note, origin: None };
        if self.outbox.push(item) {
            wanted.last = Some(now);
            self.samples += 1;
            return Some((tag, is_good));
        }
        if let Way::Notified { heard, .. } = &mut wanted.way {
            // The daemon is far behind, and the device will not say it again: it is polled until it was said.
            *heard = false;
            self.replan();
        }
        Some((tag, false))
    }

    /// Whether something else than a round has spoken for a tag since this was asked last.
    pub(crate) fn is_unsettled(&mut self, tag: Tag) -> bool {
        !self.unsettled.is_empty() && self.unsettled.remove(&tag)
    }

    /// Whether [`Session::is_unsettled`] holds for any tag.
    pub(crate) fn has_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// What a tag said last still holds; [`Session::renew`] says so.
    pub(crate) fn still(&mut self, tag: Tag) {
        self.fresh.push(tag);
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
        self.replan();
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
