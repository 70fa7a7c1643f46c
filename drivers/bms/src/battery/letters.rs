//! Batteries that speak in frames of letters ([`ascii`]), the same for each maker: who is asked, whose answer it is, which
//! question it answers. A [`Maker`] says what one has of its own.

use super::ascii;
use super::bytes::Bytes;
use super::reading::Reading;
use super::stream::Look;
use super::talk::{Protocol, Talk};
use super::{Battery, Found, Kind, Need, Question, Setup};
use crate::fault::Fault;

/// The version of Pace; the others frame alike, and their answers say whatever version they like.
pub(super) const PACE: u8 = 0x25;

/// The commands that all have.
pub(super) const VALUES: u8 = 0x42;
pub(super) const STATES: u8 = 0x44;

/// What one maker has of its own.
pub(super) struct Maker {
    /// The version in questions.
    pub(super) version: u8,
    /// The address of the first battery.
    pub(super) first: u8,
    /// What a question says: the address of the battery, or always this.
    pub(super) info: Option<u8>,
    /// Names and commands of the questions.
    pub(super) asked: &'static [(&'static str, u8)],
    /// The same of what never changes.
    pub(super) identity: &'static [(&'static str, u8)],
    /// What an answer is whose question is not known, by what it holds.
    pub(super) guess: fn(info: Bytes<'_>) -> Option<u8>,
    /// The values of an answer; none for a command that is not known.
    pub(super) read: fn(command: u8, info: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault>,
}

/// One battery of a maker's.
pub(super) struct Letters {
    maker: &'static Maker,
    address: Option<u8>,
}

impl Letters {
    /// For one battery, ready for the registry.
    pub(super) fn boxed(maker: &'static Maker, setup: &Setup) -> Box<dyn Battery> {
        Talk::boxed(Self { maker, address: setup.address }, setup)
    }

    fn ask(&self, (name, command): (&'static str, u8)) -> Question {
        let address = self.address.unwrap_or(self.maker.first);
        let info = self.maker.info.unwrap_or(address);
        Question::new(name, ascii::question(self.maker.version, address, command, &[info]))
    }
}

impl Protocol for Letters {
    fn poll(&self, need: Need) -> Vec<Question> {
        let identity = if need.identity { self.maker.identity } else { &[] };
        self.maker.asked.iter().chain(identity).map(|asked| self.ask(*asked)).collect()
    }

    fn look(&self, bytes: &[u8]) -> Look {
        ascii::look(bytes)
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        ascii::answers(frame, question)
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        let answer = ascii::answer(frame)?;
        if self.address.is_some_and(|own| own != answer.address) {
            return Err(Fault::Foreign(format!("an answer of address {}", answer.address)));
        }
        if (answer.version == PACE) != (self.maker.version == PACE) {
            return Err(Fault::Foreign(format!("version {:02X} of the protocol", answer.version)));
        }
        let info = Bytes::new("the answer", &answer.info);
        let mut reading = Reading::default();
        if let Some(command) = question.and_then(ascii::command).or_else(|| (self.maker.guess)(info)) {
            (self.maker.read)(command, info, &mut reading)?;
        }
        if reading.is_empty() {
            return Ok(Found::other(Kind::Other("answer")));
        }
        Ok(Found::values(reading))
    }
}

/// A maker's questions of one battery, for tests.
#[cfg(test)]
pub(super) fn questions(maker: &'static Maker, address: u8) -> Vec<Vec<u8>> {
    let battery = Letters { maker, address: Some(address) };
    battery.poll(Need::ALL).into_iter().map(|question| question.bytes).collect()
}
