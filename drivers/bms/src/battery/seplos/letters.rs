//! Seplos version 2 on RS485: frames of letters. Values by command 42, alarms and switches by command 44.

use crate::battery::bytes::Bytes;
use crate::battery::letters::{Letters, Maker, STATES, VALUES};
use crate::battery::{Proof, Reading, Transport, Variant};
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
    make: |setup| Ok(Letters::boxed(&MAKER, setup)),
};

/// What it has of its own.
const MAKER: Maker = Maker {
    version: 0x20,
    first: 0,
    info: Some(1),
    asked: &[("values", VALUES), ("alarms", STATES)],
    identity: &[],
    guess,
    read: |command, info, reading| {
        match command {
            VALUES => {
                layout::values(info, 2, reading)?;
            }
            STATES => alarms(info, reading)?,
            _ => {}
        }
        Ok(())
    },
};

/// What the answers say that they hold.
const GROUP_VALUES: u8 = 1;

/// What an answer is whose question is not known: the group behind the flag tells, and the length.
fn guess(info: Bytes<'_>) -> Option<u8> {
    let (group, cells) = (info.u8(1).ok()?, usize::from(info.u8(2).ok()?));
    let sensors = usize::from(info.u8(3 + 2 * cells).ok().unwrap_or_default());
    let is_values = group == GROUP_VALUES && info.len() >= 4 + 2 * cells + 2 * sensors + layout::VALUES;
    Some(if is_values { VALUES } else { STATES })
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
    use crate::battery::letters::questions;

    #[test]
    fn a_question_has_the_letters_of_the_document() {
        assert_eq!(questions(&MAKER, 0)[0], b"~20004642E00201FD36\r");
    }
}
