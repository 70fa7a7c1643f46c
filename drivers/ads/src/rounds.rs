//! What is polled together: all tags of one interval, in requests that stay the same from round to round.
//!
//! Most values are what they were a moment ago. So the bytes of a tag are compared with those of the round before, and only
//! what differs is decoded. Invariant: a tag is passed over only while what it said last is what these bytes say, and good;
//! whatever else speaks for a tag makes it *unsettled* ([`Session::is_unsettled`]), and it is looked at again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::Tag;
use tokio::time::Instant;

use crate::catalog::Place;
use crate::codec::sums::Part;
use crate::codes::AdsCode;
use crate::device::{Answer, Device, SumRead, chunk_of, error_of};
use crate::error::Error;
use crate::session::{Key, Session};
use crate::spans::spans;

/// A value that holds is renewed at most so often, however often it is polled.
pub(crate) const RENEWAL: Duration = Duration::from_millis(250);

/// All that is polled, in one round for each interval.
#[derive(Default)]
pub(crate) struct Rounds {
    /// The session's epoch that it was made for.
    epoch: Option<u64>,
    rounds: Vec<Round>,
}

/// What is polled at one interval.
struct Round {
    interval: Duration,
    due: Instant,
    /// Whether it was asked for and has not come yet.
    awaited: bool,
    chunks: Vec<Chunk>,
}

/// What comes with one request.
struct Chunk {
    request: SumRead,
    members: Vec<Member>,
    /// The data of the last answer, without its errors; empty when there was none.
    before: Vec<u8>,
    /// Whether all members are settled.
    is_settled: bool,
    renewed: Instant,
}

/// One tag, and where its bytes are in the answer.
struct Member {
    key: Key,
    tag: Tag,
    /// Which part of the request it is cut from, and where it begins in that part and in the data of all.
    part: usize,
    within: usize,
    begin: usize,
    size: usize,
    /// Where it lies in the device: it may have been found elsewhere meanwhile.
    offset: u32,
    /// Whether the bytes before are what it said last, and good.
    settled: bool,
}

impl Rounds {
    /// Follows the demand; rounds that go on keep their time.
    pub(crate) fn follow(&mut self, session: &Session, now: Instant) {
        if self.epoch == Some(session.epoch()) {
            return;
        }
        self.epoch = Some(session.epoch());
        let mut by_interval: HashMap<Duration, Vec<(&Key, Tag, &Place)>> = HashMap::new();
        for (key, wanted) in &session.wanted {
            if wanted.is_polled()
                && let Some(place) = &wanted.place
            {
                let interval = wanted.interval.unwrap_or_else(|| session.poll());
                by_interval.entry(interval).or_default().push((key, wanted.tag, place));
            }
        }
        let before = std::mem::take(&mut self.rounds);
        // What is new is read at once by itself.
        let due = |interval| before.iter().find(|round| round.interval == interval).map(|round| round.due);
        let version = session.device.as_ref().and_then(|device| device.version.get());
        let round = |(interval, tags): (Duration, Vec<_>)| Round {
            interval,
            due: due(interval).unwrap_or(now + interval),
            awaited: false,
            chunks: chunks(&tags, version, now),
        };
        self.rounds = by_interval.into_iter().map(round).collect();
    }

    /// When the next round is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.rounds.iter().map(|round| round.due).min()
    }

    /// Polls what is due.
    ///
    /// # Errors
    /// The link broke, a device did not answer, or the program has changed.
    pub(crate) async fn poll(
        &mut self,
        session: &RefCell<Session>,
        device: &Device,
        now: Instant,
    ) -> Result<(), Error> {
        let epoch = self.epoch;
        for round in self.rounds.iter_mut().filter(|round| round.due <= now) {
            round.due = (round.due + round.interval).max(now + round.interval / 2);
            round.awaited = true;
            for chunk in &mut round.chunks {
                let answer = device.read_prepared(&chunk.request).await?;
                let mut session = session.borrow_mut();
                if epoch == Some(session.epoch()) {
                    chunk.take(&mut session, &answer, round.interval);
                } else {
                    chunk.take_carefully(&mut session, &answer);
                }
                session.renew();
            }
            round.awaited = false;
        }
        Ok(())
    }

    /// Says of all that was asked for and did not come, why.
    pub(crate) fn fail(&self, session: &mut Session, error: &Error) {
        for round in self.rounds.iter().filter(|round| round.awaited) {
            for member in round.chunks.iter().flat_map(|chunk| &chunk.members) {
                session.arrive(&member.key, Err(error));
            }
        }
    }
}

/// Requests for all these tags.
fn chunks(tags: &[(&Key, Tag, &Place)], version: Option<u8>, now: Instant) -> Vec<Chunk> {
    let places: Vec<&Place> = tags.iter().map(|(.., place)| *place).collect();
    let spans = spans(&places);
    let parts: Vec<Part> = spans.iter().map(|span| span.part).collect();
    let mut begin = 0;
    let mut chunks = Vec::new();
    while begin < parts.len() {
        let end = begin + chunk_of(&parts[begin..]);
        let here = &spans[begin..end];
        let mut members = Vec::new();
        let mut data = 0;
        for (part, span) in here.iter().enumerate() {
            for &(at, within) in &span.members {
                let (key, tag, place) = tags[at];
                let (key, begin, size) = (Rc::clone(key), data + within, place.size as usize);
                members.push(Member { key, tag, part, within, begin, size, offset: place.offset, settled: false });
            }
            data += span.part.length as usize;
        }
        let request = SumRead::new(&parts[begin..end], version);
        begin = end;
        chunks.push(Chunk { request, members, before: Vec::new(), is_settled: false, renewed: now });
    }
    chunks
}

impl Chunk {
    /// Takes an answer: decodes what differs, and renews the others when it is time.
    fn take(&mut self, session: &mut Session, answer: &Answer, interval: Duration) {
        let Answer::Whole { errors, data } = answer else { return self.take_carefully(session, answer) };
        let now = Instant::now();
        let renews = now >= self.renewed + RENEWAL.saturating_sub(interval / 2);
        if renews {
            self.renewed = now;
        }
        let knows = self.before.len() == data.len();
        if !renews && self.is_settled && !session.has_unsettled() && self.before == data[..] {
            return;
        }
        self.is_settled = true;
        for member in &mut self.members {
            let bytes = data.get(member.begin..member.begin + member.size).unwrap_or_default();
            let is_same = knows
                && member.settled
                && self.before.get(member.begin..member.begin + member.size) == Some(bytes)
                && !session.is_unsettled(member.tag);
            if is_same {
                if renews {
                    session.still(member.tag);
                }
                continue;
            }
            member.settled = match error_of(errors, member.part) {
                Some(0) if bytes.len() == member.size => session.polled(&member.key, bytes),
                Some(0) | None => session.arrive(&member.key, Err(&Error::Unexpected)),
                Some(code) => session.arrive(&member.key, Err(&AdsCode(code).into())),
            };
            self.is_settled &= member.settled;
        }
        self.before.clear();
        self.before.extend_from_slice(data);
    }

    /// The same one by one: a tag may have been found elsewhere, or sent by itself, since it was asked for.
    fn take_carefully(&mut self, session: &mut Session, answer: &Answer) {
        self.before.clear();
        self.is_settled = false;
        for member in &mut self.members {
            member.settled = false;
            if session.is_polled_at(&member.key, member.offset) {
                let piece = answer.piece(member.part, (member.within, member.begin), member.size);
                session.arrive(&member.key, piece.as_deref());
            }
        }
    }
}
