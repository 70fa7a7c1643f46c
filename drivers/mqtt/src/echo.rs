//! Recognises our own messages when the broker sends them back: a bounded memory of what was published of late.
//!
//! MQTT 3.1.1 cannot carry an origin, so topic and payload are remembered as a hash. Each memory is used up by one echo
//! and lasts 10 seconds.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::link::Origin;

/// Publications that are remembered; the oldest is forgotten first.
const MOST: usize = 4096;

/// How long an echo may take.
const LASTS: Duration = Duration::from_secs(10);

/// What was published of late, and where it came from.
#[derive(Default)]
pub(crate) struct Echoes {
    hasher: RandomState,
    origins: HashMap<u64, VecDeque<(Instant, Origin)>>,
    /// In the order of publication.
    order: VecDeque<(Instant, u64)>,
}

impl Echoes {
    /// Remembers a publication.
    pub(crate) fn remember(&mut self, topic: &[u8], payload: &[u8], origin: Origin, now: Instant) {
        while self.order.front().is_some_and(|&(time, _)| self.order.len() >= MOST || time + LASTS < now) {
            self.forget_oldest();
        }
        let key = self.hasher.hash_one((topic, payload));
        self.origins.entry(key).or_default().push_back((now, origin));
        self.order.push_back((now, key));
    }

    /// The origin of the publication that this message echoes, if it is one.
    pub(crate) fn recognise(&mut self, topic: &[u8], payload: &[u8]) -> Option<Origin> {
        // Where nothing is remembered the clock is not read: this is asked for each message.
        if self.origins.is_empty() { None } else { self.recognise_at(topic, payload, Instant::now()) }
    }

    fn recognise_at(&mut self, topic: &[u8], payload: &[u8], now: Instant) -> Option<Origin> {
        let key = self.hasher.hash_one((topic, payload));
        let memories = self.origins.get_mut(&key)?;
        let found = std::iter::from_fn(|| memories.pop_front()).find(|(time, _)| *time + LASTS >= now);
        if memories.is_empty() {
            self.origins.remove(&key);
        }
        found.map(|(_, origin)| origin)
    }

    fn forget_oldest(&mut self) {
        let Some((time, key)) = self.order.pop_front() else { return };
        let Some(memories) = self.origins.get_mut(&key) else { return };
        // It may have been used up by its echo.
        if memories.front().is_some_and(|(remembered, _)| *remembered <= time) {
            memories.pop_front();
        }
        if memories.is_empty() {
            self.origins.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(name: &str) -> Origin {
        (name.into(), 1)
    }

    #[test]
    fn an_echo_is_recognised_once_and_for_ten_seconds() {
        let (mut echoes, start) = (Echoes::default(), Instant::now());
        echoes.remember(b"a", b"1", origin("plc.x"), start);
        assert_eq!(echoes.recognise_at(b"a", b"2", start), None);
        assert_eq!(echoes.recognise_at(b"a", b"1", start + LASTS), Some(origin("plc.x")));
        assert_eq!(echoes.recognise_at(b"a", b"1", start), None);
        echoes.remember(b"a", b"1", origin("plc.x"), start);
        assert_eq!(echoes.recognise_at(b"a", b"1", start + LASTS * 2), None);
    }

    #[test]
    fn the_same_payload_twice_gives_both_origins_in_order() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.remember(b"a", b"1", origin("first"), now);
        echoes.remember(b"a", b"1", origin("second"), now);
        assert_eq!(echoes.recognise_at(b"a", b"1", now), Some(origin("first")));
        assert_eq!(echoes.recognise_at(b"a", b"1", now), Some(origin("second")));
    }

    #[test]
    fn the_memory_is_bounded() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        for n in 0..3 * MOST {
            echoes.remember(b"a", n.to_string().as_bytes(), origin("x"), now);
        }
        assert_eq!((echoes.order.len(), echoes.origins.len()), (MOST, MOST));
    }
}
