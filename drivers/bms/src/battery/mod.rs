//! The one trait of all batteries, and the registry.
//!
//! A battery is one module: its frames, its layout, and a [`Family`] with its variants. Adding one touches that module, its
//! golden files and one line of [`FAMILIES`].
//!
//! How a driver uses a decoder: `opening` once after the link is there; for each poll send what `poll` names, one question at
//! a time, each told to `asked` before its bytes go out; hand what comes to `feed`, send what `reply` wants said, and go on when
//! a [`Found`] is `done`; call `quiet` when the time is up. The parts are merged into one [`Reading`], which `complete` ends.

pub mod ant;
mod ascii;
pub mod bytes;
pub mod cbt;
pub mod daly;
pub mod daren;
pub mod dpwrcore;
pub mod ecoworthy;
pub mod eg4;
pub mod ej;
pub mod epoch;
pub mod felicity;
pub mod gobel;
mod heat;
pub mod humsienk;
pub mod jbd;
pub mod jk;
mod letters;
pub mod lithionics;
pub mod modbus;
pub mod neey;
pub mod ogt;
pub mod pace;
pub mod pylontech;
pub mod reading;
pub mod redodo;
pub mod renogy;
pub mod roypow;
mod rtu;
pub mod seplos;
pub mod sok;
pub mod stream;
pub mod sums;
mod talk;
pub mod tdt;
pub mod tianpower;
pub mod topband;
pub mod victron;

use std::fmt;

pub use reading::{Datum, Reading};

use crate::fault::Fault;

/// The batteries that are known.
pub const FAMILIES: &[&Family] = &[
    &daly::FAMILY,
    &jbd::FAMILY,
    &victron::FAMILY,
    &ant::FAMILY,
    &jk::FAMILY,
    &seplos::FAMILY,
    &pylontech::FAMILY,
    &pace::FAMILY,
    &tdt::FAMILY,
    &renogy::FAMILY,
    &redodo::FAMILY,
    &cbt::FAMILY,
    &daren::FAMILY,
    &dpwrcore::FAMILY,
    &ecoworthy::FAMILY,
    &eg4::FAMILY,
    &ej::FAMILY,
    &epoch::FAMILY,
    &felicity::FAMILY,
    &gobel::FAMILY,
    &humsienk::FAMILY,
    &lithionics::FAMILY,
    &neey::FAMILY,
    &ogt::FAMILY,
    &roypow::FAMILY,
    &sok::FAMILY,
    &tianpower::FAMILY,
    &topband::FAMILY,
];

/// A maker's batteries.
pub struct Family {
    /// The name in configurations and commands.
    pub device: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// Its protocols, the likeliest first.
    pub variants: &'static [Variant],
}

/// One protocol of a battery.
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// More names; a `*` at the end stands for anything.
    pub aliases: &'static [&'static str],
    /// What it is spoken over, and what that was tested with.
    pub transports: &'static [(Transport, Proof)],
    /// How fast its serial lines are, the likeliest first; 8 data bits, no parity, one stop bit.
    pub bauds: &'static [u32],
    /// What it shows over Bluetooth.
    pub ble: Option<&'static Ble>,
    /// Whether it speaks without being asked.
    pub is_passive: bool,
    /// A decoder for one battery.
    pub make: fn(&Setup) -> Result<Box<dyn Battery>, Fault>,
}

impl Variant {
    /// Whether it goes by this name.
    pub fn is_called(&self, name: &str) -> bool {
        let is_alias = |alias: &&str| match alias.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *alias == name,
        };
        self.name == name || self.aliases.iter().any(is_alias)
    }
}

/// The family called `device`.
pub fn family(device: &str) -> Option<&'static Family> {
    FAMILIES.iter().copied().find(|family| family.device == device)
}

/// What bytes travel over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// A serial line between two.
    #[default]
    Uart,
    /// A serial line of several; our own bytes may come back.
    Rs485,
    /// Notifications of a Bluetooth characteristic.
    Ble,
    /// A Bluetooth advertisement: the manufacturer's data behind the company's number.
    Advert,
    /// A CAN frame: four bytes of identifier, high first, then its data.
    Can,
}

/// All transports.
pub const TRANSPORTS: [Transport; 5] =
    [Transport::Uart, Transport::Rs485, Transport::Ble, Transport::Advert, Transport::Can];

impl Transport {
    /// Its name in commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uart => "uart",
            Self::Rs485 => "rs485",
            Self::Ble => "ble",
            Self::Advert => "advert",
            Self::Can => "can",
        }
    }

    /// Whether our own bytes may come back.
    pub const fn may_echo(self) -> bool {
        matches!(self, Self::Uart | Self::Rs485)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Transport {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = TRANSPORTS.into_iter().find(|transport| transport.name() == name);
        known.ok_or_else(|| format!("there is no transport `{name}`; known are uart, rs485, ble, advert and can"))
    }
}

/// What a variant was tested with over a transport, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// Frames that a real device sent.
    Capture,
    /// Frames of published tests or documents.
    Vector,
    /// The decoder is the same as over another transport, or follows published facts; no frame was at hand.
    Facts,
}

/// What a battery shows over Bluetooth. UUIDs are in full and lower case.
#[derive(Debug)]
pub struct Ble {
    /// The service.
    pub service: &'static str,
    /// The characteristic that notifies.
    pub notify: &'static str,
    /// The characteristic that takes questions.
    pub write: &'static str,
    /// Names it advertises; a `*` stands for anything, a `?` for one character.
    pub names: &'static [&'static str],
    /// Company numbers of its advertisements.
    pub companies: &'static [u16],
}

/// What a decoder has to know of its battery.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// How it is reached.
    pub transport: Transport,
    /// The variant as it was named; empty if it was not.
    pub variant: String,
    /// Its address on a bus; none takes any.
    pub address: Option<u8>,
    /// How many cells it has, where the protocol does not say.
    pub cells: Option<u8>,
    /// The key of its advertisements.
    pub key: Option<Vec<u8>>,
    /// Its password.
    pub password: Option<String>,
    /// Its Bluetooth address, which some passwords are mixed with.
    pub mac: Option<[u8; 6]>,
    /// Turns the sign of the current, for firmwares that count the other way round.
    pub is_reversed: bool,
}

/// Which questions a poll needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The voltages of single cells.
    pub cells: bool,
    /// What never changes: model, serial number, version.
    pub identity: bool,
}

impl Need {
    /// Everything.
    pub const ALL: Self = Self { cells: true, identity: true };
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What it asks for, for a log.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether an answer comes.
    pub is_answered: bool,
    /// The characteristic to write to, if it is not the usual one.
    pub characteristic: Option<&'static str>,
}

impl Question {
    /// A question that is answered.
    pub fn new(name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name, bytes: bytes.into(), is_answered: true, characteristic: None }
    }
}

/// What was found in what came.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// The values in it.
    pub reading: Reading,
    /// Whether the oldest open question is wholly answered by it; of what comes unasked, whether a set is whole.
    pub done: bool,
}

impl Found {
    /// Values that answer a question wholly.
    pub fn values(reading: Reading) -> Self {
        Self { kind: Kind::Values, reading, done: true }
    }

    /// The same with something else than values.
    pub fn other(kind: Kind) -> Self {
        Self { kind, reading: Reading::default(), done: true }
    }
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Values.
    Values,
    /// The battery took a write; which, as `charge-off`.
    Written(&'static str),
    /// A write that a capture holds without its answer; decoders never say so.
    Asked(&'static str),
    /// A step of a log-in went well.
    Login(&'static str),
    /// Something well framed that holds no value we know.
    Other(&'static str),
}

/// A switch of a battery.
#[derive(Debug, PartialEq, Eq)]
pub struct Switch {
    /// The datapoint that is written and that tells whether it worked.
    pub name: &'static str,
    /// Whether the present state of the battery has to be read before.
    pub needs_state: bool,
    /// Whether it takes the password.
    pub needs_password: bool,
}

/// One battery behind one protocol. It remembers no more than what belongs to open questions and half frames.
pub trait Battery: Send {
    /// What to say once after the link is there: log-ins and what has to come before anything else.
    fn opening(&self) -> Vec<Question> {
        Vec::new()
    }

    /// The questions of one poll, in their order. None of a battery that speaks by itself.
    fn poll(&self, need: Need) -> Vec<Question>;

    /// A question goes out now.
    fn asked(&mut self, question: &[u8]);

    /// Takes bytes as they came: any piece of a stream, one notification, one advertisement, one CAN frame.
    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>>;

    /// Nothing more comes for now: what is unfinished is a fault, and open questions are given up.
    fn quiet(&mut self) -> Vec<Result<Found, Fault>>;

    /// What the battery has to be told now because of what came: the next step of a log-in.
    fn reply(&mut self) -> Option<Question> {
        None
    }

    /// What a write does, for captures in which nothing came: `charge-on`.
    fn meaning(&self, question: &[u8]) -> Option<&'static str> {
        let _ = question;
        None
    }

    /// Its switches, where the protocol is known.
    fn switches(&self) -> &'static [Switch] {
        &[]
    }

    /// The bytes that set a switch, one after the other, each answered by [`Kind::Written`]. Whether it worked is told by the
    /// datapoint of the same name in a later reading.
    ///
    /// # Errors
    /// There is no such switch, or `now`, the last reading, does not hold what it takes.
    fn switch(&self, name: &str, on: bool, now: &Reading) -> Result<Vec<Question>, Fault> {
        let (_, _) = (on, now);
        Err(Fault::Unwritable(format!("this battery has no switch `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_goes_by_its_name_and_its_aliases() {
        let variant = |aliases| Variant { name: "dd", aliases, ..copy_of(&jbd::FAMILY.variants[0]) };
        assert!(variant(&[]).is_called("dd") && !variant(&[]).is_called("dda"));
        assert!(variant(&["jk02*"]).is_called("jk02_ble") && !variant(&["jk02*"]).is_called("jk0"));
    }

    fn copy_of(variant: &Variant) -> Variant {
        let Variant { name, aliases, transports, bauds, ble, is_passive, make } = *variant;
        Variant { name, aliases, transports, bauds, ble, is_passive, make }
    }

    #[test]
    fn names_are_told_apart() {
        for (index, family) in FAMILIES.iter().enumerate() {
            assert!(FAMILIES[..index].iter().all(|other| other.device != family.device), "{}", family.device);
            for (index, variant) in family.variants.iter().enumerate() {
                assert!(
                    family.variants[..index].iter().all(|other| !other.is_called(variant.name)),
                    "{}",
                    variant.name
                );
                assert!(!variant.transports.is_empty(), "{}", variant.name);
            }
        }
    }
}
