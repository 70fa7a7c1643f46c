//! Question and answer, the same for every battery that is asked: what is open, what answers it, what comes unasked.
//!
//! A [`Protocol`] knows frames and their meaning; a [`Talk`] makes a [`Battery`] of it.

use super::stream::{Look, Stream};
use super::{Battery, Found, Kind, Need, Question, Reading, Setup, Switch};
use crate::fault::Fault;

/// Open questions that are remembered; of more the oldest is given up.
const MOST_OPEN: usize = 32;

/// Frames and their meaning.
pub(super) trait Protocol: Send {
    /// What to say once after the link is there.
    fn opening(&self) -> Vec<Question> {
        Vec::new()
    }

    /// The questions of one poll.
    fn poll(&self, need: Need) -> Vec<Question>;

    /// What the bytes look like.
    fn look(&self, bytes: &[u8]) -> Look;

    /// Whether `frame` may be an answer to `question`.
    fn answers(&self, frame: &[u8], question: &[u8]) -> bool;

    /// Whether the battery sends such a frame without being asked.
    fn comes_unasked(&self, _frame: &[u8]) -> bool {
        false
    }

    /// Whether a battery that does not answer a question leaves the others' answers without meaning.
    fn has_to_answer(&self) -> bool {
        false
    }

    /// A question went unanswered, and nothing else came: the battery may want to be asked in another way.
    fn unheard(&mut self) {}

    /// Something came that may have been the answer to this question, and was none.
    fn lost(&mut self, _question: &[u8]) {}

    /// Something that was begun has no end: a message of several frames of which not all came. Called when nothing more comes.
    fn unfinished(&mut self) -> Option<Fault> {
        None
    }

    /// What the battery has to be told now because of what came.
    fn reply(&mut self) -> Option<Question> {
        None
    }

    /// What a whole frame says, with the question that it answers, if that is known.
    ///
    /// # Errors
    /// The frame is of another device, refuses, or does not hold what it has to.
    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault>;

    /// Its switches.
    fn switches(&self) -> &'static [Switch] {
        &[]
    }

    /// The bytes that set a switch.
    ///
    /// # Errors
    /// There is no such switch, or `now` does not hold what it takes.
    fn switch(&self, name: &str, _on: bool, _now: &Reading) -> Result<Vec<Question>, Fault> {
        Err(Fault::Unwritable(format!("this battery has no switch `{name}`")))
    }
}

/// The values of a frame, or that it holds none that is known.
pub(super) fn told(reading: Reading) -> Found {
    if reading.is_empty() { Found::other(Kind::Other("no values")) } else { Found::values(reading) }
}

/// A battery that speaks a protocol.
pub(super) struct Talk<P> {
    protocol: P,
    stream: Stream,
    may_echo: bool,
    /// Questions that are not wholly answered, the oldest first.
    open: Vec<Vec<u8>>,
    /// Bytes that belonged to no frame, before the oldest open question.
    noise: u64,
}

impl<P: Protocol> Talk<P> {
    /// For one battery.
    pub(super) fn new(protocol: P, setup: &Setup) -> Self {
        let may_echo = setup.transport.may_echo();
        Self { protocol, stream: Stream::default(), may_echo, open: Vec::new(), noise: 0 }
    }

    /// The same, ready for the registry.
    pub(super) fn boxed(protocol: P, setup: &Setup) -> Box<dyn Battery>
    where
        P: 'static,
    {
        Box::new(Self::new(protocol, setup))
    }

    /// What a whole frame says, and what becomes of the question.
    fn read(&mut self, frame: &[u8]) -> Result<Found, Fault> {
        let at = self.open.iter().position(|open| self.protocol.answers(frame, open));
        if at.is_none() && !self.open.is_empty() && !self.protocol.comes_unasked(frame) {
            return Err(Fault::Foreign("an answer to a question that was not asked".to_owned()));
        }
        let question = at.map(|at| self.open[at].clone());
        if self.stream.noise() > self.noise {
            for lost in &self.open[..at.unwrap_or_default()] {
                self.protocol.lost(lost);
            }
        }
        let found = self.protocol.read(frame, question.as_deref());
        if let Some(at) = at
            && found.as_ref().map_or(true, |found| found.done)
        {
            self.open.drain(..=at);
        }
        found
    }

    /// Everything that is there.
    fn all(&mut self, has_ended: bool) -> Vec<Result<Found, Fault>> {
        let mut found = Vec::new();
        loop {
            let look = |bytes: &[u8]| self.protocol.look(bytes);
            let next = if has_ended { self.stream.end(look) } else { self.stream.next(look) };
            let Some(frame) = next else { return found };
            found.push(frame.and_then(|frame| self.read(&frame)));
        }
    }

    /// Why the open questions are a fault, if they are: something came that is no answer.
    fn unanswered(&self) -> Option<Fault> {
        let noise = self.stream.noise().saturating_sub(self.noise);
        let is_fault = !self.open.is_empty() && (noise > 0 || self.protocol.has_to_answer());
        is_fault.then(|| Fault::Nothing(usize::try_from(noise).unwrap_or(usize::MAX)))
    }
}

impl<P: Protocol> Battery for Talk<P> {
    fn opening(&self) -> Vec<Question> {
        self.protocol.opening()
    }

    fn poll(&self, need: Need) -> Vec<Question> {
        self.protocol.poll(need)
    }

    fn asked(&mut self, question: &[u8]) {
        if self.may_echo {
            self.stream.may_echo(question);
        }
        if self.open.is_empty() {
            self.noise = self.stream.noise();
        }
        if self.open.len() == MOST_OPEN {
            self.open.remove(0);
        }
        self.open.push(question.to_vec());
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        self.stream.push(bytes);
        self.all(false)
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        let mut found = self.all(true);
        if found.iter().all(Result::is_ok) {
            found.extend(self.protocol.unfinished().or_else(|| self.unanswered()).map(Err));
        }
        if found.is_empty() && !self.open.is_empty() {
            self.protocol.unheard();
        }
        if self.stream.noise() > self.noise {
            for lost in &self.open {
                self.protocol.lost(lost);
            }
        }
        self.open.clear();
        self.noise = self.stream.noise();
        found
    }

    fn reply(&mut self) -> Option<Question> {
        self.protocol.reply()
    }

    fn switches(&self) -> &'static [Switch] {
        self.protocol.switches()
    }

    fn switch(&self, name: &str, on: bool, now: &Reading) -> Result<Vec<Question>, Fault> {
        self.protocol.switch(name, on, now)
    }
}
