//! JBD, also sold as Xiaoxiang, Overkill, Ultimatron, Eco-Worthy and others.
//!
//! A question is `DD A5 REGISTER LENGTH DATA SUM16 77`, a write has `5A` for `A5`; an answer is
//! `DD REGISTER STATUS LENGTH DATA SUM16 77`. The sum is 0 less what is summed: of a question from its register, of an answer
//! from its status. `77` may stand within data, so the length decides. Facts: the makers' “General Protocol V4” and captures.
//!
//! [`layout`] is what the data means, [`login`] the `FF AA` frames of units that want a password.

mod layout;
mod login;
mod up16s;

use super::stream::{Look, Stream};
use super::sums::sum16;
use super::{Battery, Ble, Family, Found, Kind, Need, Proof, Question, Reading, Setup, Switch, Transport, Variant};
use crate::fault::Fault;

/// The registry's line.
pub const FAMILY: Family = Family {
    device: "jbd",
    title: "JBD, Xiaoxiang, Overkill, Ultimatron, Eco-Worthy",
    variants: &[
        Variant {
            name: "dd",
            aliases: &["ffaa_auth"],
            transports: &[
                (Transport::Ble, Proof::Capture),
                (Transport::Uart, Proof::Capture),
                (Transport::Rs485, Proof::Facts),
            ],
            bauds: &[9600],
            ble: Some(&BLE),
            is_passive: false,
            make: |setup| Ok(Box::new(Jbd::new(setup))),
        },
        up16s::VARIANT,
    ],
};

/// What it shows over Bluetooth.
const BLE: Ble = Ble {
    service: "0000ff00-0000-1000-8000-00805f9b34fb",
    notify: "0000ff01-0000-1000-8000-00805f9b34fb",
    write: "0000ff02-0000-1000-8000-00805f9b34fb",
    names: &["xiaoxiang*", "JBD-*", "SP??S*", "AP??S*", "GJ-*", "SX1*", "DP04S*", "LT40AH", "PKT*", "SBL-*", "OGR-*"],
    companies: &[],
};

/// What is read: register and name.
const INFO: u8 = 0x03;
const CELLS: u8 = 0x04;
const HARDWARE: u8 = 0x05;
const COUNTERS: u8 = 0xaa;
const MOS: u8 = 0xe1;

/// Its switches.
const SWITCHES: &[Switch] = &[
    Switch { name: "charge_mos", needs_state: true, needs_password: false },
    Switch { name: "discharge_mos", needs_state: true, needs_password: false },
];

/// Open questions that are remembered; of more the oldest is given up.
const MOST_OPEN: usize = 8;

/// A question for `register`.
pub(super) fn question(register: u8) -> Vec<u8> {
    framed(0xa5, register, &[])
}

/// A question or a write.
fn framed(direction: u8, register: u8, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).unwrap_or(u8::MAX);
    let mut bytes = vec![0xdd, direction, register, length];
    bytes.extend_from_slice(data);
    let sum = 0_u16.wrapping_sub(sum16(&bytes[2..]));
    bytes.extend_from_slice(&sum.to_be_bytes());
    bytes.push(0x77);
    bytes
}

/// One JBD battery.
struct Jbd {
    may_echo: bool,
    stream: Stream,
    /// Registers that were asked for and not answered, the oldest first.
    open: Vec<u8>,
    /// The register and the data of a write that is not answered.
    written: Option<u8>,
    /// Cells, as the last info told.
    cells: Option<usize>,
    login: login::Login,
}

impl Jbd {
    fn new(setup: &Setup) -> Self {
        Self {
            may_echo: setup.transport.may_echo(),
            stream: Stream::default(),
            open: Vec::new(),
            written: None,
            cells: setup.cells.map(usize::from),
            login: login::Login::new(setup),
        }
    }

    /// What a whole frame says.
    fn read(&mut self, frame: &[u8]) -> Result<Found, Fault> {
        if frame.starts_with(&[0xff, 0xaa]) {
            return self.login.take(frame);
        }
        let [_, register, status, length, rest @ ..] = frame else { return Err(Fault::Nothing(frame.len())) };
        let data = &rest[..usize::from(*length).min(rest.len())];
        self.close(*register)?;
        match status {
            0 => self.values(*register, data),
            0x80 => Err(Fault::Refused(format!("register {register:02X} (80, error)"))),
            0x81 => Err(Fault::Refused(format!("register {register:02X} (81, not allowed)"))),
            other => Err(Fault::Refused(format!("register {register:02X} ({other:02X})"))),
        }
    }

    /// An answer ends its question; one that nobody asked for is refused if anything was asked.
    fn close(&mut self, register: u8) -> Result<(), Fault> {
        match self.open.iter().position(|open| *open == register) {
            Some(index) => drop(self.open.drain(..=index)),
            None if self.open.is_empty() => {}
            None => return Err(Fault::Foreign(format!("an answer of register {register:02X}, which was not asked"))),
        }
        Ok(())
    }

    fn values(&mut self, register: u8, data: &[u8]) -> Result<Found, Fault> {
        let mut reading = Reading::default();
        match register {
            INFO => self.cells = Some(layout::info(data, &mut reading)?),
            CELLS => layout::cells(data, self.cells, &mut reading)?,
            HARDWARE => layout::hardware(data, &mut reading)?,
            COUNTERS => layout::counters(data, &mut reading)?,
            MOS => return Ok(Found::other(Kind::Written(meaning(self.written.take())))),
            _ if data.is_empty() => return Ok(Found::other(Kind::Written("register"))),
            _ => return Ok(Found::other(Kind::Other("register"))),
        }
        Ok(Found::values(reading))
    }

    fn all(&mut self, next: impl Fn(&mut Stream) -> Option<Result<Vec<u8>, Fault>>) -> Vec<Result<Found, Fault>> {
        let mut found = Vec::new();
        while let Some(frame) = next(&mut self.stream) {
            found.push(frame.and_then(|frame| self.read(&frame)));
        }
        found
    }
}

/// What a write of the MOSFETs' mask does.
fn meaning(mask: Option<u8>) -> &'static str {
    match mask {
        Some(0) => "both-on",
        Some(1) => "charge-off",
        Some(2) => "discharge-off",
        Some(3) => "both-off",
        _ => "mos",
    }
}

/// What the bytes look like.
pub(super) fn look(bytes: &[u8]) -> Look {
    match bytes {
        [0xff, ..] => login::look(bytes),
        // A question, ours or another's.
        [0xdd, 0xa5 | 0x5a, ..] => Look::Not,
        [0xdd, _, _, length, rest @ ..] => {
            let length = usize::from(*length);
            let whole = length + 7;
            let Some([high, low, end]) = rest.get(length..).and_then(|rest| rest.first_chunk::<3>()) else {
                return Look::More(Some(whole));
            };
            let expected = 0_u16.wrapping_sub(sum16(&bytes[2..length + 4]));
            let found = u16::from_be_bytes([*high, *low]);
            if expected == found && *end == 0x77 {
                Look::Good(whole)
            } else if expected == found {
                Look::Bad(whole, Fault::Foreign(format!("it ends with {end:02X} in place of 77")))
            } else {
                Look::Bad(whole, Fault::Checksum { expected: expected.into(), found: found.into() })
            }
        }
        [0xdd, ..] => Look::More(None),
        _ => Look::Not,
    }
}

impl Battery for Jbd {
    fn opening(&self) -> Vec<Question> {
        self.login.first().into_iter().collect()
    }

    fn poll(&self, need: Need) -> Vec<Question> {
        let mut questions = vec![Question::new("info", question(INFO))];
        if need.cells {
            questions.push(Question::new("cells", question(CELLS)));
        }
        if need.identity {
            questions.push(Question::new("hardware", question(HARDWARE)));
        }
        questions
    }

    fn asked(&mut self, question: &[u8]) {
        if self.may_echo {
            self.stream.may_echo(question);
        }
        let [0xdd, direction, register, _, rest @ ..] = question else { return };
        if self.open.len() == MOST_OPEN {
            self.open.remove(0);
        }
        self.open.push(*register);
        if (*direction, *register) == (0x5a, MOS) {
            self.written = rest.get(1).copied();
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Found, Fault>> {
        self.stream.push(bytes);
        self.all(|stream| stream.next(look))
    }

    fn quiet(&mut self) -> Vec<Result<Found, Fault>> {
        let found = self.all(|stream| stream.end(look));
        self.open.clear();
        found
    }

    fn reply(&mut self) -> Option<Question> {
        self.login.reply()
    }

    fn switches(&self) -> &'static [Switch] {
        SWITCHES
    }

    fn switch(&self, name: &str, on: bool, now: &Reading) -> Result<Vec<Question>, Fault> {
        let state = |name: &str| {
            let why = || Fault::Unwritable(format!("the state of `{name}` has not been read yet"));
            now.is_on(name).ok_or_else(why)
        };
        let (charge, discharge) = match name {
            "charge_mos" => (on, state("discharge_mos")?),
            "discharge_mos" => (state("charge_mos")?, on),
            other => return Err(Fault::Unwritable(format!("this battery has no switch `{other}`"))),
        };
        // A set bit switches off.
        let mask = u8::from(!charge) | u8::from(!discharge) << 1;
        Ok(vec![Question::new("switch", framed(0x5a, MOS, &[0, mask]))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_writes_have_the_bytes_of_captures() {
        assert_eq!(question(INFO), [0xdd, 0xa5, 0x03, 0x00, 0xff, 0xfd, 0x77]);
        let mut now = Reading::default();
        let jbd = Jbd::new(&Setup::default());
        assert!(jbd.switch("charge_mos", false, &now).is_err(), "the other one's state is not known");
        now.flag("charge_mos", true);
        now.flag("discharge_mos", true);
        let bytes = jbd.switch("charge_mos", false, &now).unwrap().remove(0).bytes;
        assert_eq!(bytes, [0xdd, 0x5a, 0xe1, 0x02, 0x00, 0x01, 0xff, 0x1c, 0x77]);
        now.flag("charge_mos", false);
        let bytes = jbd.switch("charge_mos", true, &now).unwrap().remove(0).bytes;
        assert_eq!(bytes, [0xdd, 0x5a, 0xe1, 0x02, 0x00, 0x00, 0xff, 0x1d, 0x77]);
    }

    #[test]
    fn an_echo_of_the_question_is_no_answer() {
        let mut jbd = Jbd::new(&Setup { transport: Transport::Rs485, ..Setup::default() });
        jbd.asked(&question(CELLS));
        let mut bytes = question(CELLS);
        bytes.extend([0xdd, 0x04, 0x00, 0x08, 0x0d, 0x66, 0x0d, 0x61, 0x0d, 0x68, 0x0d, 0x59, 0xfe, 0x3c, 0x77]);
        let found = jbd.feed(&bytes);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].as_ref().unwrap().reading.real("cells.04"), Some(3.417));
        assert_eq!(jbd.quiet(), []);
    }

    #[test]
    fn more_than_32_cells_are_an_error_with_their_number() {
        let mut jbd = Jbd::new(&Setup::default());
        let mut bytes = vec![0xdd, 0x04, 0x00, 66];
        bytes.extend([0x0c; 66]);
        let sum = 0_u16.wrapping_sub(sum16(&bytes[2..]));
        bytes.extend(sum.to_be_bytes());
        bytes.push(0x77);
        assert_eq!(jbd.feed(&bytes), [Err(Fault::Cells(33))]);
    }
}
