//! Seplos version 2 on RS485: frames of letters. Values by command 42, alarms and switches by command 44.

use crate::battery::ascii;
use crate::battery::bytes::Bytes;
use crate::battery::stream::Look;
use crate::battery::talk::{Protocol, Talk};
use crate::battery::{Found, Kind, Need, Proof, Question, Reading, Transport, Variant};
use crate::fault::Fault;

use super::layout;

/// The registry's line.
pub(super) const VARIANT: Variant = Variant {
    name: "v2_rs485",
    aliases: &["v2_ascii"],
    transports: &[(Transport::Rs485, Proof::Vector), (Transport::Uart, Proof::Facts)],
    bauds: &[19200, 9600],
    ble: None,
    is_passive: false,
    make: |setup| Ok(Talk::boxed(Letters { address: setup.address }, setup)),
};

/// The version in questions.
const VERSION: u8 = 0x20;

/// The version of Pace, which otherwise frames alike.
const PACE: u8 = 0x25;

/// Commands.
const VALUES: u8 = 0x42;
const ALARMS: u8 = 0x44;

/// What the answers say that they hold.
const GROUP_VALUES: u8 = 1;

/// One pack.
struct Letters {
    address: Option<u8>,
}

impl Letters {
    fn question(&self, command: u8) -> Vec<u8> {
        ascii::question(VERSION, self.address.unwrap_or(0), command, &[1])
    }
}

impl Protocol for Letters {
    fn poll(&self, _need: Need) -> Vec<Question> {
        vec![Question::new("values", self.question(VALUES)), Question::new("alarms", self.question(ALARMS))]
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
        if answer.version == PACE {
            return Err(Fault::Foreign("a frame of Pace, version 25".to_owned()));
        }
        let info = Bytes::new("the answer", &answer.info);
        let command = question.and_then(ascii::command);
        let mut reading = Reading::default();
        match command.or_else(|| guess(info)) {
            Some(VALUES) => {
                layout::values(info, 2, &mut reading)?;
            }
            Some(ALARMS) => alarms(info, &mut reading)?,
            _ => return Ok(Found::other(Kind::Other("answer"))),
        }
        Ok(Found::values(reading))
    }
}

/// What an answer is whose question is not known: the group behind the flag tells, and the length.
fn guess(info: Bytes<'_>) -> Option<u8> {
    let (group, cells) = (info.u8(1).ok()?, usize::from(info.u8(2).ok()?));
    let sensors = usize::from(info.u8(3 + 2 * cells).ok().unwrap_or_default());
    let is_values = group == GROUP_VALUES && info.len() >= 4 + 2 * cells + 2 * sensors + layout::VALUES;
    Some(if is_values { VALUES } else { ALARMS })
}

/// A byte for each cell and each sensor, current, voltage, six events, the switches, balancing, the state, and more events.
fn alarms(info: Bytes<'_>, reading: &mut Reading) -> Result<(), Fault> {
    let cells = usize::from(info.u8(2)?);
    let sensors = usize::from(info.u8(3 + cells)?);
    // Behind the sensors: charge current, pack voltage, how many more bytes there are.
    let at = 4 + cells + sensors + 3;
    let first = info.slice(at, 6)?;
    layout::switches(reading, info.u8(at + 6)?);
    layout::balancing(reading, info.slice(at + 7, 2)?);
    layout::state(reading, info.u8(at + 9)?);
    // Events 7 and 8 stand behind two bytes of disconnected cells.
    let last = info.slice(at + 12, 2).unwrap_or_default();
    let bits = first.iter().chain(last).enumerate();
    layout::events(reading, bits.map(|(event, bits)| u64::from(*bits) << (8 * event)).sum());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_letters_of_the_document() {
        let pack = Letters { address: Some(0) };
        assert_eq!(pack.poll(Need::ALL)[0].bytes, b"~20004642E00201FD36\r");
    }
}
