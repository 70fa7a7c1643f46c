//! AMS/TCP frames: a head of 6 bytes, one of 32, then data.

use std::fmt;
use std::str::FromStr;

use bytes::{Buf as _, Bytes, BytesMut};

use super::Malformed;
use super::bytes::{Cursor, Put as _};

/// Bytes before the AMS header: two reserved, four of length.
pub const TCP_HEADER: usize = 6;

/// Bytes of the AMS header.
pub const AMS_HEADER: usize = 32;

/// The largest frame that is taken, in bytes. The symbol table of a large program has some megabytes and comes in one.
pub const MAX_FRAME_BYTES: usize = 32 * 1024 * 1024;

/// The name of a device in the AMS network: six numbers, often its address and `.1.1`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct NetId(pub [u8; 6]);

impl fmt::Display for NetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first}")?;
        rest.iter().try_for_each(|number| write!(f, ".{number}"))
    }
}

impl fmt::Debug for NetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no Net ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a Net ID is six numbers from 0 to 255 with dots between them, for example 192.168.2.162.1.1")]
pub struct NoNetId;

impl FromStr for NetId {
    type Err = NoNetId;

    fn from_str(text: &str) -> Result<Self, NoNetId> {
        let mut numbers = text.trim().split('.');
        let mut id = [0; 6];
        for place in &mut id {
            let number = numbers.next().ok_or(NoNetId)?;
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(NoNetId);
            }
            *place = number.parse().map_err(|_| NoNetId)?;
        }
        if numbers.next().is_some() { Err(NoNetId) } else { Ok(Self(id)) }
    }
}

/// One end of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AmsAddress {
    /// Which device.
    pub net_id: NetId,
    /// Which program on it: 801 and 851 are the first runtimes of TwinCAT 2 and 3, 10000 is the system.
    pub port: u16,
}

impl fmt::Display for AmsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.net_id, self.port)
    }
}

/// State flags of a question.
pub const REQUEST: u16 = 0x0004;

/// State flags of an answer.
pub const ANSWER: u16 = 0x0005;

/// Set in an answer.
const IS_ANSWER: u16 = 0x0001;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// To whom.
    pub target: AmsAddress,
    /// From whom.
    pub source: AmsAddress,
    /// What; see [`super::command`].
    pub command: u16,
    /// [`REQUEST`] or [`ANSWER`].
    pub flags: u16,
    /// Why the router did not deliver it; 0 if it did.
    pub error: u32,
    /// The number that joins an answer to its question.
    pub invoke: u32,
    /// What belongs to the command.
    pub data: Bytes,
}

impl Frame {
    /// Whether it answers a question.
    pub fn is_answer(&self) -> bool {
        self.flags & IS_ANSWER != 0
    }

    /// Appends the frame with both heads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put16(0);
        out.put_length(AMS_HEADER + self.data.len());
        self.encode_head(out);
        out.extend_from_slice(&self.data);
    }

    /// Appends the AMS header alone.
    pub fn encode_head(&self, out: &mut Vec<u8>) {
        for end in [self.target, self.source] {
            out.extend_from_slice(&end.net_id.0);
            out.put16(end.port);
        }
        out.put16(self.command);
        out.put16(self.flags);
        out.put_length(self.data.len());
        out.put32(self.error);
        out.put32(self.invoke);
    }

    /// Reads an AMS header: the frame without its data, and how many bytes of data belong to it.
    ///
    /// # Errors
    /// Fewer than 32 bytes.
    pub fn decode_head(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        let mut cursor = Cursor::new(bytes, "an AMS header");
        let mut end = || -> Result<AmsAddress, Malformed> {
            let mut net_id = NetId::default();
            net_id.0.copy_from_slice(cursor.take(6)?);
            Ok(AmsAddress { net_id, port: cursor.u16()? })
        };
        let (target, source) = (end()?, end()?);
        let (command, flags, length) = (cursor.u16()?, cursor.u16()?, cursor.u32()? as usize);
        let (error, invoke) = (cursor.u32()?, cursor.u32()?);
        Ok((Self { target, source, command, flags, error, invoke, data: Bytes::new() }, length))
    }
}

/// The most bytes of a packet that carries no AMS frame.
const MAX_WORD_BYTES: usize = 1024;

/// Cuts a stream of bytes into frames, however they come: in pieces or several at once.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    /// Packets that carry no AMS frame, skipped: words between routers.
    pub skipped: u64,
}

impl Decoder {
    /// Where bytes of the stream are to be put.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The bytes of the frame that has begun and is not whole, as far as it says; none if none has begun.
    pub fn begun(&self) -> Option<usize> {
        let length = self.buffer.get(2..TCP_HEADER).and_then(|length| length.try_into().ok());
        let length = length.map_or(0, u32::from_le_bytes) as usize;
        (!self.buffer.is_empty()).then_some(TCP_HEADER + length.min(MAX_FRAME_BYTES))
    }

    /// The next whole frame; none if more bytes are needed.
    ///
    /// # Errors
    /// The stream is no AMS/TCP, or no more; it cannot be read on. Nothing is allocated for a length before it is checked.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        loop {
            let Some(head) = self.buffer.get(..TCP_HEADER) else { return Ok(None) };
            let mut cursor = Cursor::new(head, "an AMS/TCP header");
            let (reserved, length) = (cursor.u16()?, cursor.u32()? as usize);
            if length > MAX_FRAME_BYTES {
                return Err(Malformed::TooLong { what: "an AMS/TCP packet", claimed: length, most: MAX_FRAME_BYTES });
            }
            if reserved == 0 && length < AMS_HEADER {
                return Err(Malformed::Short { what: "an AMS header", wanted: AMS_HEADER, had: length });
            }
            if reserved != 0 && length > MAX_WORD_BYTES {
                return Err(Malformed::TooLong {
                    what: "a word between routers",
                    claimed: length,
                    most: MAX_WORD_BYTES,
                });
            }
            // Both lengths are compared as soon as both are there: in a stream that is out of step nobody waits for the
            // bytes that it seems to promise.
            if reserved == 0
                && let Some(head) = self.buffer.get(TCP_HEADER..TCP_HEADER + AMS_HEADER)
            {
                let (_, claimed) = Frame::decode_head(head)?;
                if claimed != length - AMS_HEADER {
                    return Err(Malformed::Contradiction { what: "AMS data", claimed, holds: length - AMS_HEADER });
                }
            }
            if self.buffer.len() < TCP_HEADER + length {
                self.buffer.reserve((TCP_HEADER + length - self.buffer.len()).min(1024 * 1024));
                return Ok(None);
            }
            self.buffer.advance(TCP_HEADER);
            let mut packet = self.buffer.split_to(length).freeze();
            if reserved != 0 {
                self.skipped += 1;
                continue;
            }
            let (frame, _) = Frame::decode_head(&packet)?;
            packet.advance(AMS_HEADER);
            return Ok(Some(Frame { data: packet, ..frame }));
        }
    }
}

/// All whole frames at the beginning of `bytes`, for tests and fuzzing.
///
/// # Errors
/// As [`Decoder::next_frame`].
pub fn decode(bytes: &[u8]) -> Result<Vec<Frame>, Malformed> {
    let mut decoder = Decoder::default();
    decoder.buffer().extend_from_slice(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next_frame()? {
        frames.push(frame);
    }
    Ok(frames)
}
