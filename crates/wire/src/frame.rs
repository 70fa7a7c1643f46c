//! The bytes on the pipe: length-prefixed `MessagePack`, or one JSON object a line.
//!
//! The plugin's first byte decides: `{` is JSON lines, a zero is a length (frames are shorter than 2^24 bytes, so the
//! first byte of a big-endian length is always zero). Invariant: nothing is allocated for a length before it is checked.

use bytes::{Buf, BytesMut};
use rmp_serde::decode::ReadSlice;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};

/// The largest frame or line, in bytes.
pub const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A 32-bit big-endian length, then one `MessagePack` value.
    MessagePack,
    /// One JSON object, then a line feed.
    JsonLines,
}

/// Why bytes are no message. After any of these the stream cannot be followed any further.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The first byte is neither `{` nor zero.
    #[error("the stream begins with byte 0x{0:02x}, which begins neither a frame nor a JSON line")]
    NoFrame(u8),
    /// Longer than [`MAX_FRAME_BYTES`].
    #[error("a frame of {0} bytes is over the limit of {MAX_FRAME_BYTES}")]
    TooLong(usize),
    /// A frame that is no message of the protocol.
    #[error("a frame of {length} bytes is no message: {reason}")]
    NoMessage {
        /// Its length in bytes.
        length: usize,
        /// What the decoder says.
        reason: String,
    },
    /// A message that cannot be encoded, for example one over the limit.
    #[error("the message cannot be encoded: {0}")]
    Encode(String),
}

impl FrameError {
    /// What to try.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoFrame(_) => {
                "does the program print to stdout? only the protocol may go there; a log goes to stderr"
            }
            Self::TooLong(_) => "send smaller batches or pages",
            Self::NoMessage { .. } | Self::Encode(_) => {
                "see docs/specs/plugin-protocol.md for the shape of each message"
            }
        }
    }
}

/// Appends one message to `out`.
///
/// # Errors
/// [`FrameError::TooLong`] if the message is over the limit; `out` is then as it was.
pub fn encode<M: Serialize>(encoding: Encoding, message: &M, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = out.len();
    let encoded = match encoding {
        Encoding::MessagePack => {
            out.extend_from_slice(&[0; 4]);
            let body = rmp_serde::encode::write(out, message).map_err(|e| FrameError::Encode(e.to_string()));
            body.map(|()| out.len() - start - 4)
        }
        Encoding::JsonLines => {
            let body = serde_json::to_writer(&mut *out, message).map_err(|e| FrameError::Encode(e.to_string()));
            body.map(|()| out.len() - start)
        }
    };
    let checked = encoded.and_then(|length| {
        let prefix = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME_BYTES);
        prefix.ok_or(FrameError::TooLong(length))
    });
    match checked {
        Ok(length) => {
            match encoding {
                Encoding::MessagePack => out[start..start + 4].copy_from_slice(&length.to_be_bytes()),
                Encoding::JsonLines => out.push(b'\n'),
            }
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// Cuts a stream of bytes into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    encoding: Option<Encoding>,
    /// How far the buffer is known to hold no line feed.
    searched: usize,
}

impl Decoder {
    /// Where to read bytes to; follow with [`Decoder::next`] until it has no more.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// How the other side writes, once its first byte has come.
    pub fn encoding(&self) -> Option<Encoding> {
        self.encoding
    }

    /// The bytes that wait for the rest of their frame. At the end of the stream anything but zero is half a frame.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole message.
    ///
    /// # Errors
    /// See [`FrameError`]; the stream is then of no use any more.
    #[allow(clippy::should_implement_trait)] // an iterator could not be fed in between
    pub fn next<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        let Some(&first) = self.buffer.first() else { return Ok(None) };
        let encoding = match (self.encoding, first) {
            (Some(encoding), _) => encoding,
            (None, b'{') => Encoding::JsonLines,
            (None, 0) => Encoding::MessagePack,
            (None, other) => return Err(FrameError::NoFrame(other)),
        };
        self.encoding = Some(encoding);
        match encoding {
            Encoding::MessagePack => self.next_frame(),
            Encoding::JsonLines => self.next_line(),
        }
    }

    fn next_frame<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        let Some(prefix) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong(length));
        }
        if self.buffer.len() < 4 + length {
            self.buffer.reserve(4 + length - self.buffer.len());
            return Ok(None);
        }
        let body = &self.buffer[4..4 + length];
        let mut reader = rmp_serde::Deserializer::from_read_ref(body);
        reader.set_max_depth(128);
        let no_message = |reason: String| FrameError::NoMessage { length, reason };
        let message = M::deserialize(&mut reader).map_err(|e| no_message(e.to_string()))?;
        if !at_end(&mut reader) {
            return Err(no_message("there are bytes behind the message".into()));
        }
        self.buffer.advance(4 + length);
        Ok(Some(message))
    }

    fn next_line<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        loop {
            let found = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
            let Some(end) = found.map(|at| self.searched + at) else {
                self.searched = self.buffer.len();
                let too_long = self.searched > MAX_FRAME_BYTES;
                return if too_long { Err(FrameError::TooLong(self.searched)) } else { Ok(None) };
            };
            if end > MAX_FRAME_BYTES {
                return Err(FrameError::TooLong(end));
            }
            self.searched = 0;
            let line = self.buffer.split_to(end + 1);
            if line.trim_ascii().is_empty() {
                continue;
            }
            let message = serde_json::from_slice(&line);
            let failed = |e: serde_json::Error| FrameError::NoMessage { length: line.len(), reason: e.to_string() };
            return message.map(Some).map_err(failed);
        }
    }
}

/// Whether all bytes were read. The reader does not say how far it is; only at the end there is no further marker.
fn at_end<'de>(reader: &mut rmp_serde::Deserializer<impl ReadSlice<'de>>) -> bool {
    matches!(bool::deserialize(reader), Err(rmp_serde::decode::Error::InvalidMarkerRead(_)))
}
