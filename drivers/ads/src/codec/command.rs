//! Commands: what a question and its answer hold.

use bytes::Bytes;

use super::Malformed;
use super::bytes::{Cursor, Put as _};

/// Read device info.
pub const INFO: u16 = 1;
/// Read.
pub const READ: u16 = 2;
/// Write.
pub const WRITE: u16 = 3;
/// Read state.
pub const STATE: u16 = 4;
/// Write control.
pub const CONTROL: u16 = 5;
/// Add device notification.
pub const ADD_NOTIFICATION: u16 = 6;
/// Delete device notification.
pub const DELETE_NOTIFICATION: u16 = 7;
/// Device notification: comes unasked and wants no answer.
pub const NOTIFICATION: u16 = 8;
/// Write and read in one.
pub const READ_WRITE: u16 = 9;

/// When a device sends a value by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Every cycle time.
    Cyclic,
    /// When it has changed, looked at every cycle time; and once at the beginning.
    OnChange,
    /// Any other number, which some clients send.
    Other(u32),
}

impl From<u32> for Mode {
    fn from(n: u32) -> Self {
        match n {
            3 => Self::Cyclic,
            4 => Self::OnChange,
            n => Self::Other(n),
        }
    }
}

impl From<Mode> for u32 {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Cyclic => 3,
            Mode::OnChange => 4,
            Mode::Other(n) => n,
        }
    }
}

/// What a device is to send by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wish {
    /// Index group.
    pub group: u32,
    /// Index offset.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
    /// When.
    pub mode: Mode,
    /// The longest time that it may gather samples, in units of 100 ns.
    pub max_delay: u32,
    /// How often it looks, in units of 100 ns.
    pub cycle: u32,
}

/// Bytes of an encoded [`Wish`].
pub const WISH_BYTES: usize = 40;

impl Wish {
    /// Appends the 40 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for n in [self.group, self.offset, self.length, self.mode.into(), self.max_delay, self.cycle] {
            out.put32(n);
        }
        out.extend_from_slice(&[0; 16]);
    }

    /// Reads the 40 bytes.
    ///
    /// # Errors
    /// Fewer than 40 bytes.
    pub fn decode(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut next = || cursor.u32();
        let wish = Self {
            group: next()?,
            offset: next()?,
            length: next()?,
            mode: next()?.into(),
            max_delay: next()?,
            cycle: next()?,
        };
        cursor.take(16)?;
        Ok(wish)
    }
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Who are you?
    Info,
    /// What stands there?
    Read {
        /// Index group.
        group: u32,
        /// Index offset.
        offset: u32,
        /// The most bytes of the answer.
        length: u32,
    },
    /// Put this there.
    Write {
        /// Index group.
        group: u32,
        /// Index offset.
        offset: u32,
        /// What.
        data: Bytes,
    },
    /// Do you run?
    State,
    /// Change your state.
    Control {
        /// The ADS state to take.
        ads: u16,
        /// The device state to take.
        device: u16,
        /// What belongs to it.
        data: Bytes,
    },
    /// Send this by yourself.
    AddNotification(Wish),
    /// Send it no more.
    DeleteNotification {
        /// The number that the device gave.
        handle: u32,
    },
    /// Take this, and answer.
    ReadWrite {
        /// Index group.
        group: u32,
        /// Index offset.
        offset: u32,
        /// The most bytes of the answer.
        length: u32,
        /// What to take.
        data: Bytes,
    },
}

impl Request {
    /// The number of the command.
    pub fn command(&self) -> u16 {
        match self {
            Self::Info => INFO,
            Self::Read { .. } => READ,
            Self::Write { .. } => WRITE,
            Self::State => STATE,
            Self::Control { .. } => CONTROL,
            Self::AddNotification(_) => ADD_NOTIFICATION,
            Self::DeleteNotification { .. } => DELETE_NOTIFICATION,
            Self::ReadWrite { .. } => READ_WRITE,
        }
    }

    /// Appends the data of the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Info | Self::State => {}
            Self::Read { group, offset, length } => out.put_all([*group, *offset, *length]),
            Self::Write { group, offset, data } => {
                out.put32(*group);
                out.put32(*offset);
                out.put_length(data.len());
                out.extend_from_slice(data);
            }
            Self::Control { ads, device, data } => {
                out.put16(*ads);
                out.put16(*device);
                out.put_length(data.len());
                out.extend_from_slice(data);
            }
            Self::AddNotification(wish) => wish.encode(out),
            Self::DeleteNotification { handle } => out.put32(*handle),
            Self::ReadWrite { group, offset, length, data } => {
                out.put_all([*group, *offset, *length]);
                out.put_length(data.len());
                out.extend_from_slice(data);
            }
        }
    }

    /// Reads the data of a frame with this command.
    ///
    /// # Errors
    /// The command is not known, or the data is too short.
    pub fn decode(command: u16, data: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(data, "a question");
        let block = |cursor: &mut Cursor<'_>| cursor.block().map(Bytes::copy_from_slice);
        Ok(match command {
            INFO => Self::Info,
            READ => Self::Read { group: cursor.u32()?, offset: cursor.u32()?, length: cursor.u32()? },
            WRITE => Self::Write { group: cursor.u32()?, offset: cursor.u32()?, data: block(&mut cursor)? },
            STATE => Self::State,
            CONTROL => Self::Control { ads: cursor.u16()?, device: cursor.u16()?, data: block(&mut cursor)? },
            ADD_NOTIFICATION => Self::AddNotification(Wish::decode(&mut cursor)?),
            DELETE_NOTIFICATION => Self::DeleteNotification { handle: cursor.u32()? },
            READ_WRITE => Self::ReadWrite {
                group: cursor.u32()?,
                offset: cursor.u32()?,
                length: cursor.u32()?,
                data: block(&mut cursor)?,
            },
            other => return Err(Malformed::Unknown { what: "the command", found: other.into() }),
        })
    }
}

/// Who a device is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceInfo {
    /// First number of the version.
    pub major: u8,
    /// Second number of the version.
    pub minor: u8,
    /// Build.
    pub build: u16,
    /// For example `Plc30 App`; at most 16 bytes.
    pub name: String,
}

/// How a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceState {
    /// The ADS state: 5 is RUN, 6 STOP, 15 CONFIG.
    pub ads: u16,
    /// What the device says beside it.
    pub device: u16,
}

/// An answer that says yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To [`Request::Info`].
    Info(DeviceInfo),
    /// To [`Request::Read`] and [`Request::ReadWrite`].
    Data(Bytes),
    /// To [`Request::Write`], [`Request::Control`] and [`Request::DeleteNotification`].
    Done,
    /// To [`Request::State`].
    State(DeviceState),
    /// To [`Request::AddNotification`].
    Handle(u32),
}

/// Bytes of the name in a device info.
const NAME_BYTES: usize = 16;

impl Reply {
    /// Appends the data of an answer that says yes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put32(0);
        match self {
            Self::Info(info) => {
                out.extend_from_slice(&[info.major, info.minor]);
                out.put16(info.build);
                let mut name = super::symbols::written(&info.name, NAME_BYTES, super::text::CodePage::Windows1252);
                name.resize(NAME_BYTES, 0);
                out.extend_from_slice(&name);
            }
            Self::Data(data) => {
                out.put_length(data.len());
                out.extend_from_slice(data);
            }
            Self::Done => {}
            Self::State(state) => {
                out.put16(state.ads);
                out.put16(state.device);
            }
            Self::Handle(handle) => out.put32(*handle),
        }
    }

    /// Reads the data of an answer to this command: what it says, or the error code with which the device says no.
    ///
    /// A device name shorter than 16 bytes, and bytes behind it, are taken: servers differ.
    ///
    /// # Errors
    /// The command has no answer, or the data is too short.
    pub fn decode(command: u16, data: &Bytes) -> Result<Result<Self, u32>, Malformed> {
        let mut cursor = Cursor::new(data, "an answer");
        let result = cursor.u32()?;
        if result != 0 {
            return Ok(Err(result));
        }
        Ok(Ok(match command {
            INFO => {
                let (major, minor, build) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
                let name = cursor.rest();
                let name = super::text::CodePage::Windows1252.decode(name.get(..NAME_BYTES).unwrap_or(name));
                Self::Info(DeviceInfo { major, minor, build, name })
            }
            READ | READ_WRITE => {
                let block = cursor.block()?;
                Self::Data(data.slice_ref(block))
            }
            WRITE | CONTROL | DELETE_NOTIFICATION => Self::Done,
            STATE => Self::State(DeviceState { ads: cursor.u16()?, device: cursor.u16()? }),
            ADD_NOTIFICATION => Self::Handle(cursor.u32()?),
            other => return Err(Malformed::Unknown { what: "the command", found: other.into() }),
        }))
    }
}

/// Appends the data of an answer to this command that says no. Answers that would carry data carry a length of zero, as
/// TwinCAT's do.
pub fn encode_refusal(command: u16, code: u32, out: &mut Vec<u8>) {
    out.put32(code);
    match command {
        INFO => out.extend_from_slice(&[0; 20]),
        READ | READ_WRITE | STATE | ADD_NOTIFICATION => out.put32(0),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
    }

    fn request() -> impl Strategy<Value = Request> {
        let three = || (any::<u32>(), any::<u32>(), any::<u32>());
        prop_oneof![
            Just(Request::Info),
            three().prop_map(|(group, offset, length)| Request::Read { group, offset, length }),
            (any::<u32>(), any::<u32>(), data()).prop_map(|(group, offset, data)| Request::Write {
                group,
                offset,
                data
            }),
            Just(Request::State),
            (any::<u16>(), any::<u16>(), data()).prop_map(|(ads, device, data)| Request::Control { ads, device, data }),
            (three(), three()).prop_map(|((group, offset, length), (mode, max_delay, cycle))| {
                Request::AddNotification(Wish { group, offset, length, mode: mode.into(), max_delay, cycle })
            }),
            any::<u32>().prop_map(|handle| Request::DeleteNotification { handle }),
            (three(), data()).prop_map(|((group, offset, length), data)| Request::ReadWrite {
                group,
                offset,
                length,
                data
            }),
        ]
    }

    fn reply() -> impl Strategy<Value = (u16, Reply)> {
        prop_oneof![
            (any::<u8>(), any::<u8>(), any::<u16>(), "[A-Za-z0-9 ]{0,16}").prop_map(|(major, minor, build, name)| {
                (INFO, Reply::Info(DeviceInfo { major, minor, build, name }))
            }),
            data().prop_map(|data| (READ, Reply::Data(data))),
            data().prop_map(|data| (READ_WRITE, Reply::Data(data))),
            Just((WRITE, Reply::Done)),
            (any::<u16>(), any::<u16>()).prop_map(|(ads, device)| (STATE, Reply::State(DeviceState { ads, device }))),
            any::<u32>().prop_map(|handle| (ADD_NOTIFICATION, Reply::Handle(handle))),
        ]
    }

    #[test]
    fn the_name_of_a_device_comes_back_in_its_own_letters() {
        for name in ["Plc30 App", "Küche & Flur", "ÄÖÜäöüßéèêàâáóòôœ"] {
            let reply =
                Reply::Info(DeviceInfo { name: name.chars().take(NAME_BYTES).collect(), ..DeviceInfo::default() });
            let mut data = Vec::new();
            reply.encode(&mut data);
            assert_eq!((data.len(), Reply::decode(INFO, &data.into())), (24, Ok(Ok(reply))), "{name}");
        }
    }

    proptest! {
        #[test]
        fn questions_come_back(request in request()) {
            let mut bytes = Vec::new();
            request.encode(&mut bytes);
            prop_assert_eq!(Request::decode(request.command(), &bytes), Ok(request));
        }

        #[test]
        fn answers_come_back((command, reply) in reply()) {
            let mut bytes = Vec::new();
            reply.encode(&mut bytes);
            prop_assert_eq!(Reply::decode(command, &bytes.into()), Ok(Ok(reply)));
        }

        #[test]
        fn refusals_come_back(command in 1_u16..=9, code in 1_u32..) {
            let mut bytes = Vec::new();
            encode_refusal(command, code, &mut bytes);
            prop_assert_eq!(Reply::decode(command, &bytes.into()), Ok(Err(code)));
        }

        #[test]
        fn no_bytes_make_the_decoders_panic(command in 0_u16..12, bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Request::decode(command, &bytes);
            let _ = Reply::decode(command, &bytes.into());
        }
    }
}
