//! Victron: battery monitors, solar chargers, inverters and what else speaks VE.Direct or advertises Instant Readout.
//!
//! [`advert`] and [`records`] are Instant Readout, [`text`] and [`hex`] VE.Direct, [`gatt`] values over a Bluetooth
//! connection; [`registers`] are what the last two share, [`names`] and [`models`] what numbers mean.

mod advert;
mod bits;
mod gatt;
mod hex;
mod models;
mod names;
mod records;
mod registers;
mod text;

use super::stream::Look;
use super::talk::{Protocol, Talk, told};
use super::{Battery, Ble, Family, Found, Need, Proof, Question, Reading, Setup, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "victron",
    title: "Victron SmartShunt, BMV, MPPT, Phoenix, Orion, Multi, Smart Lithium, Lynx",
    variants: &[
        Variant {
            name: "ve_direct_text",
            aliases: &[],
            transports: &[(Transport::Uart, Proof::Capture)],
            bauds: &[19200],
            ble: None,
            is_passive: true,
            make: |setup| Ok(Talk::boxed(VeDirect { is_asked: false, product: None }, setup)),
        },
        Variant {
            name: "ve_direct_hex",
            aliases: &[],
            transports: &[(Transport::Uart, Proof::Capture)],
            bauds: &[19200],
            ble: None,
            is_passive: false,
            make: |setup| Ok(Talk::boxed(VeDirect { is_asked: true, product: None }, setup)),
        },
        Variant {
            name: "instant_readout",
            aliases: &["instant_readout_*"],
            transports: &[(Transport::Advert, Proof::Capture)],
            bauds: &[],
            ble: Some(&ADVERTISED),
            is_passive: true,
            make: |setup| Readout::new(setup).map(|readout| Box::new(readout) as Box<dyn Battery>),
        },
        Variant {
            name: "gatt_306b_vregs",
            aliases: &["gatt_306b"],
            transports: &[(Transport::Ble, Proof::Capture)],
            bauds: &[],
            ble: None,
            is_passive: true,
            make: |setup| Ok(Talk::boxed(OwnService, setup)),
        },
        Variant {
            name: "gatt_6597",
            aliases: &[],
            transports: &[(Transport::Ble, Proof::Capture)],
            bauds: &[],
            ble: None,
            is_passive: false,
            make: |_| Ok(Box::new(Characteristics::default())),
        },
    ],
};

/// What Instant Readout is recognised by; nothing is connected.
const ADVERTISED: Ble = Ble { service: "", notify: "", write: "", names: &[], companies: &[advert::COMPANY] };

/// VE.Direct: text by itself, and registers where they are asked for.
struct VeDirect {
    is_asked: bool,
    /// What the device said that it is.
    product: Option<u16>,
}

/// The register of the product id.
const PRODUCT: u16 = 0x0100;

impl VeDirect {
    /// Whether it is a solar charger, by its product id.
    fn is_charger(&self) -> bool {
        self.product.is_some_and(|id| matches!(id, 0x0300 | 0xA040..=0xA07F | 0xA102..=0xA116))
    }
}

impl Protocol for VeDirect {
    fn opening(&self) -> Vec<Question> {
        if self.is_asked { vec![Question::new("product", hex::get(PRODUCT))] } else { Vec::new() }
    }

    fn poll(&self, need: Need) -> Vec<Question> {
        if !self.is_asked {
            return Vec::new();
        }
        let values: &[u16] = if self.is_charger() { &registers::CHARGER } else { &registers::MONITOR };
        let identity: &[u16] = if need.identity { &registers::IDENTITY } else { &[] };
        values.iter().chain(identity).map(|id| Question::new("register", hex::get(*id))).collect()
    }

    fn look(&self, bytes: &[u8]) -> Look {
        match text::look(bytes) {
            Look::Not => hex::look(bytes),
            found => found,
        }
    }

    fn answers(&self, frame: &[u8], question: &[u8]) -> bool {
        hex::answers(frame, question)
    }

    fn comes_unasked(&self, frame: &[u8]) -> bool {
        !frame.starts_with(b":") || frame.starts_with(b":A")
    }

    fn read(&mut self, frame: &[u8], question: Option<&[u8]>) -> Result<Found, Fault> {
        if !frame.starts_with(b":") {
            let reading = text::decode(frame)?;
            // The history comes as a block of its own; the set is whole with the main block.
            let done = reading.get("voltage").is_some();
            return Ok(Found { done, ..Found::values(reading) });
        }
        let reading = hex::decode(frame, question)?;
        if let Some(id) = hex::product(frame) {
            self.product = Some(id);
        }
        Ok(told(reading))
    }
}

/// Instant Readout.
struct Readout {
    key: Option<Vec<u8>>,
    /// The record type, where the variant names one.
    kind: Option<u8>,
    /// Whether somebody decrypted the record already.
    is_plain: bool,
}

impl Readout {
    /// The variant may be called `instant_readout_0x02`, and `…_decrypted` for a record in plain.
    fn new(setup: &Setup) -> Result<Self, Fault> {
        let rest = setup.variant.strip_prefix("instant_readout").unwrap_or_default();
        let (rest, is_plain) = rest.strip_suffix("_decrypted").map_or((rest, false), |rest| (rest, true));
        let unknown = || Fault::Unwritable(format!("there is no variant `{}`", setup.variant));
        let kind = match rest.strip_prefix("_0x") {
            Some(digits) => Some(u8::from_str_radix(digits, 16).map_err(|_| unknown())?),
            None if rest.is_empty() && !is_plain => None,
            None => return Err(unknown()),
        };
        Ok(Self { key: setup.key.clone(), kind, is_plain })
    }

    fn read(&self, data: &[u8]) -> Result<Reading, Fault> {
        match self.kind {
            Some(kind) if self.is_plain => advert::decode_plain(kind, data),
            Some(kind) if data.get(4).is_some_and(|is| *is != kind) => {
                Err(Fault::Foreign(format!("a record of type 0x{:02X} instead of 0x{kind:02X}", data[4])))
            }
            _ => advert::decode(data, self.key.as_deref()),
        }
    }
}

impl Battery for Readout {
    fn poll(&self, _need: Need) -> Vec<Question> {
        Vec::new()
    }

    fn asked(&mut self, _question: &[u8]) {}

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        vec![self.read(bytes).map(Found::values)]
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        Vec::new()
    }
}

/// The own service of Victron's app.
struct OwnService;

impl Protocol for OwnService {
    fn poll(&self, _need: Need) -> Vec<Question> {
        Vec::new()
    }

    fn look(&self, bytes: &[u8]) -> Look {
        gatt::look(bytes)
    }

    fn answers(&self, _frame: &[u8], _question: &[u8]) -> bool {
        false
    }

    fn comes_unasked(&self, _frame: &[u8]) -> bool {
        true
    }

    fn read(&mut self, frame: &[u8], _question: Option<&[u8]>) -> Result<Found, Fault> {
        gatt::decode(frame).map(told)
    }
}

/// Characteristics that are read one by one: what is asked is a characteristic, what comes until it is quiet is its value.
#[derive(Default)]
struct Characteristics {
    asked: Option<Vec<u8>>,
    value: Vec<u8>,
}

/// The most bytes of a value that are kept, with its characteristic.
const MOST_VALUE: usize = 64;

/// Bytes of a UUID.
const UUID: usize = 16;

impl Battery for Characteristics {
    fn poll(&self, _need: Need) -> Vec<Question> {
        let read = |id: &u16| Question::new("characteristic", id.to_be_bytes());
        registers::PUBLISHED.iter().map(read).collect()
    }

    fn asked(&mut self, question: &[u8]) {
        self.asked = Some(question.to_vec());
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        self.value.extend(bytes);
        self.value.truncate(MOST_VALUE);
        Vec::new()
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        let (asked, value) = (self.asked.take(), std::mem::take(&mut self.value));
        if value.is_empty() {
            return Vec::new();
        }
        let reading = match (asked, value.split_at_checked(UUID)) {
            (Some(asked), _) => gatt::decode_read(&asked, &value),
            (None, Some((characteristic, value))) => gatt::decode_read(characteristic, value),
            (None, None) => Err(Fault::Foreign("a value without its characteristic".to_owned())),
        };
        vec![reading.map(told)]
    }
}
