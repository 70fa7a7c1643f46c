//! Who needs what: tags, patterns, and where each of them lies.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::{Failure, SubscribedItem, Subscription, Tag};
use fieldrail_model::{Quality, Value};

use super::{Key, Session};
use crate::catalog::Place;
use crate::error::Error;
use crate::layout::{Layout, fold};
use crate::own::Own;
use crate::pattern::Pattern;

/// The most tags of one pattern.
const MOST_MATCHES: usize = 10_000;

/// The largest variable that the device is to send by itself, in bytes.
const MOST_NOTIFIED: u32 = 4096;

/// How the device is asked for a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Every interval.
    Polled,
    /// It sends by itself; until it was heard once it is polled too.
    Notified {
        /// The device's number of the notification.
        handle: u32,
        /// Whether a sample came.
        heard: bool,
    },
}

/// One tag that somebody needs.
pub(crate) struct Wanted {
    pub(crate) tag: Tag,
    /// As it was asked for.
    pub(crate) name: String,
    pub(crate) own: Option<Own>,
    /// Whether it was asked for by its name.
    pub(crate) exact: bool,
    /// How many patterns match it.
    patterns: usize,
    pub(crate) interval: Option<Duration>,
    pub(crate) place: Option<Place>,
    pub(crate) way: Way,
    /// Whether the device refused to send it by itself.
    pub(crate) polled_only: bool,
    /// Whether a device without a symbol table was asked for it.
    pub(crate) asked: bool,
    /// What was sent last.
    pub(super) last: Option<(Value, Quality, Option<Arc<str>>)>,
}

impl Wanted {
    /// Whether it is to be polled.
    pub(crate) fn is_polled(&self) -> bool {
        self.place.is_some() && !matches!(self.way, Way::Notified { heard: true, .. })
    }

    /// Whether the device may be asked to send it by itself.
    pub(crate) fn may_be_notified(&self) -> bool {
        let fits = self.place.as_ref().is_some_and(|place| place.size <= MOST_NOTIFIED);
        fits && self.own.is_none() && !self.polled_only && self.way == Way::Polled
    }
}

impl Session {
    /// Takes subscriptions; one answer for each.
    pub(crate) fn subscribe(&mut self, items: Vec<Subscription>) -> Vec<SubscribedItem> {
        self.catalog.refill_near();
        let answers = items.into_iter().map(|item| self.subscribe_one(item)).collect();
        self.bells.poll.notify_one();
        self.bells.notify.notify_one();
        answers
    }

    fn subscribe_one(&mut self, item: Subscription) -> SubscribedItem {
        let interval = item.interval_ms.map(|ms| Duration::from_millis(ms.max(20).into()));
        if item.pattern {
            let pattern = Pattern::parse(&item.tag);
            let keys = self.expand(&pattern, interval);
            self.patterns.retain(|(text, ..)| *text != item.tag);
            self.patterns.push((item.tag.clone(), pattern, keys));
            return SubscribedItem { tag: item.tag, failure: None };
        }
        let key: Key = fold(&item.tag).into();
        let name = match self.wanted.get(&key) {
            Some(wanted) => wanted.name.clone(),
            None => self.canonical(&item.tag),
        };
        self.want(&key, &name, interval).exact = true;
        let failure = self.resolve(&key).err().map(|error| Failure::from(error).into());
        SubscribedItem { tag: name, failure }
    }

    /// The spelling that samples will have.
    fn canonical(&self, tag: &str) -> String {
        let own = Own::parse(tag).map(|own| own.name().to_owned());
        own.or_else(|| self.catalog.find(tag).ok().flatten().map(|place| place.name)).unwrap_or_else(|| tag.to_owned())
    }

    fn want(&mut self, key: &Key, name: &str, interval: Option<Duration>) -> &mut Wanted {
        let tag = self.outbox.tag(name);
        let wanted = self.wanted.entry(Rc::clone(key)).or_insert_with(|| Wanted {
            tag,
            name: name.into(),
            own: Own::parse(name),
            exact: false,
            patterns: 0,
            interval: None,
            place: None,
            way: Way::Polled,
            polled_only: false,
            asked: false,
            last: None,
        });
        wanted.interval = interval.or(wanted.interval);
        // A new subscriber has heard nothing, and may ask for what there was not before.
        wanted.last = None;
        wanted.asked = false;
        wanted
    }

    /// Makes what matches a pattern wanted.
    fn expand(&mut self, pattern: &Pattern, interval: Option<Duration>) -> Vec<Key> {
        let names = self.catalog.matching(|name| pattern.matches(name), MOST_MATCHES);
        if names.len() >= MOST_MATCHES {
            tracing::warn!("A pattern matches more than {MOST_MATCHES} variables; the rest is left out.");
        }
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            let key: Key = fold(&name).into();
            self.want(&key, &name, interval).patterns += 1;
            // What a pattern matches was just found in the catalog.
            let _ = self.resolve(&key);
            keys.push(key);
        }
        keys
    }

    /// Takes subscriptions back, spelled as they were made.
    pub(crate) fn unsubscribe(&mut self, tags: &[String]) {
        for tag in tags {
            let patterns: Vec<_> = self.patterns.extract_if(.., |(text, ..)| text == tag).collect();
            for key in patterns.into_iter().flat_map(|(.., keys)| keys) {
                if let Some(wanted) = self.wanted.get_mut(&key) {
                    wanted.patterns = wanted.patterns.saturating_sub(1);
                }
                self.forget(&key);
            }
            let key: Key = fold(tag).into();
            if let Some(wanted) = self.wanted.get_mut(&key) {
                wanted.exact = false;
            }
            self.forget(&key);
        }
        self.bells.notify.notify_one();
    }

    fn forget(&mut self, key: &Key) {
        if self.wanted.get(key).is_some_and(|wanted| !wanted.exact && wanted.patterns == 0)
            && let Some(wanted) = self.wanted.remove(key)
        {
            self.epoch += 1;
            self.unsettled.remove(&wanted.tag);
            if let Way::Notified { handle, .. } = wanted.way {
                self.handles.remove(&handle);
                self.spare.push(handle);
            }
        }
    }

    /// Finds all places anew, and what patterns match now.
    pub(super) fn resolve_all(&mut self) {
        self.catalog.refill_near();
        let patterns = std::mem::take(&mut self.patterns);
        for (text, pattern, keys) in patterns {
            for key in keys {
                if let Some(wanted) = self.wanted.get_mut(&key) {
                    wanted.patterns = wanted.patterns.saturating_sub(1);
                }
            }
            let keys = self.expand(&pattern, None);
            self.patterns.push((text, pattern, keys));
        }
        let keys: Vec<Key> = self.wanted.keys().cloned().collect();
        for key in keys {
            self.forget(&key);
            let _ = self.resolve(&key);
        }
        self.bells.poll.notify_one();
        self.bells.notify.notify_one();
    }

    /// Finds where a tag lies; what cannot be found is said of the tag.
    ///
    /// # Errors
    /// There is no such variable, or it cannot be read. Not known yet is no error.
    pub(crate) fn resolve(&mut self, key: &Key) -> Result<(), Error> {
        let Some(wanted) = self.wanted.get_mut(key) else { return Ok(()) };
        self.epoch += 1;
        wanted.place = None;
        if let Some(own) = wanted.own {
            wanted.place = own.place(&self.catalog).filter(|_| self.loaded);
            self.soon.push(Rc::clone(key));
            self.tell_fact(own);
            self.tell_doubt(key);
            return Ok(());
        }
        if !self.loaded {
            self.tell_doubt(key);
            return Ok(());
        }
        let by_name = self.device.as_ref().is_some_and(|device| device.by_name.get());
        let found = self.catalog.resolve(&wanted.name).and_then(|place| match place.layout {
            Layout::Unknown(reason) => Err(Error::UnknownType { tag: place.name, kind: place.type_name, reason }),
            _ => Ok(place),
        });
        match found {
            Ok(place) => {
                wanted.place = Some(place);
                self.soon.push(Rc::clone(key));
                Ok(())
            }
            // The poller asks the device for it.
            Err(Error::UnknownSymbol { .. }) if by_name => Ok(()),
            Err(error) => {
                self.refuse(key, &error);
                Err(error)
            }
        }
    }

    /// Says of a tag why it cannot be had.
    pub(crate) fn refuse(&mut self, key: &Key, error: &Error) {
        let quality = match error {
            Error::UnknownSymbol { .. } => Quality::NotFound,
            Error::UnknownType { .. } | Error::Value { .. } => Quality::TypeMismatch,
            _ => Quality::DeviceFailure,
        };
        self.emit(key, Err((quality, error.to_string().into())));
    }

    /// Tags that a device without a symbol table is to be asked for.
    pub(crate) fn unasked(&self) -> Vec<(Key, String)> {
        self.wanted
            .iter()
            .filter(|(_, wanted)| wanted.place.is_none() && wanted.own.is_none() && !wanted.asked)
            .map(|(key, wanted)| (Rc::clone(key), wanted.name.clone()))
            .collect()
    }
}
