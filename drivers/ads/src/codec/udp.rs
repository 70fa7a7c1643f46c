//! Datagrams on UDP 48899: who is there, and please add a route.

use super::Malformed;
use super::ams::{AmsAddress, NetId};
use super::bytes::{Cursor, Put as _};
use super::text::CodePage;

/// What each datagram begins with.
const MAGIC: u32 = 0x7114_6603;

/// The port of the system service.
pub const SYSTEM_PORT: u16 = 10000;

/// Ask who is there.
pub const DISCOVER: u32 = 1;

/// Ask to add a route.
pub const ADD_ROUTE: u32 = 6;

/// Set in an answer.
pub const ANSWER: u32 = 0x8000_0000;

/// The largest datagram that is taken, in bytes.
pub const MAX_BYTES: usize = 4096;

/// The most tags of a datagram.
const MOST_TAGS: u32 = 64;

/// Numbers of tags.
pub mod tag {
    /// An error code.
    pub const STATUS: u16 = 1;
    /// A password.
    pub const PASSWORD: u16 = 2;
    /// Version of TwinCAT: major, minor, u16 build.
    pub const VERSION: u16 = 3;
    /// Version of the operating system.
    pub const OS: u16 = 4;
    /// A host name or address.
    pub const HOST: u16 = 5;
    /// A Net ID.
    pub const NET_ID: u16 = 7;
    /// The name of a route.
    pub const ROUTE: u16 = 12;
    /// A user name.
    pub const USER: u16 = 13;
    /// Fingerprint of a certificate.
    pub const FINGERPRINT: u16 = 18;
}

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The number that joins an answer to its question; older devices leave it 0.
    pub invoke: u32,
    /// What; [`ANSWER`] is added in an answer.
    pub operation: u32,
    /// Who sends it.
    pub source: AmsAddress,
    /// Numbered parts.
    pub tags: Vec<(u16, Vec<u8>)>,
}

impl Datagram {
    /// A question without parts.
    pub fn question(operation: u32, invoke: u32, net_id: NetId) -> Self {
        Self { invoke, operation, source: AmsAddress { net_id, port: SYSTEM_PORT }, tags: Vec::new() }
    }

    /// Adds a text, with a NUL behind it.
    #[must_use]
    pub fn with_text(self, tag: u16, text: &str) -> Self {
        let mut bytes = CodePage::Windows1252.encode(text).unwrap_or_else(|| text.as_bytes().to_vec());
        bytes.push(0);
        self.with(tag, bytes)
    }

    /// Adds a part.
    #[must_use]
    pub fn with(mut self, tag: u16, bytes: Vec<u8>) -> Self {
        self.tags.push((tag, bytes));
        self
    }

    /// The first part with this number.
    pub fn get(&self, tag: u16) -> Option<&[u8]> {
        self.tags.iter().find(|(number, _)| *number == tag).map(|(_, bytes)| &bytes[..])
    }

    /// The same as text.
    pub fn text(&self, tag: u16) -> Option<String> {
        self.get(tag).map(|bytes| CodePage::Windows1252.decode(bytes))
    }

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_all([MAGIC, self.invoke, self.operation]);
        out.extend_from_slice(&self.source.net_id.0);
        out.put16(self.source.port);
        out.put_length(self.tags.len());
        for (tag, bytes) in &self.tags {
            out.put16(*tag);
            out.put16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
            out.extend_from_slice(bytes);
        }
        out
    }

    /// Reads a datagram. What is missing at its end is left out: some devices send more tags than they count, and the
    /// refusal of a route is cut.
    ///
    /// # Errors
    /// It is no datagram of this service.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes, "a datagram");
        let magic = cursor.u32()?;
        if magic != MAGIC {
            return Err(Malformed::Unknown { what: "the beginning of a datagram", found: magic });
        }
        let (invoke, operation) = (cursor.u32()?, cursor.u32()?);
        let mut net_id = NetId::default();
        net_id.0.copy_from_slice(cursor.take(6)?);
        let port = cursor.u16()?;
        let count = cursor.u32()?.min(MOST_TAGS);
        let mut one = || {
            let tag = cursor.u16()?;
            // Seen on a wrong password: a status without a right length, one byte, then the code.
            if let (tag::STATUS, &[0, a, b, c, d, _]) = (tag, cursor.rest()) {
                return Ok((tag, vec![a, b, c, d]));
            }
            let length = usize::from(cursor.u16()?);
            Ok::<_, Malformed>((tag, cursor.take(length)?.to_vec()))
        };
        let tags = (0..count).map_while(|_| one().ok()).collect();
        Ok(Self { invoke, operation, source: AmsAddress { net_id, port }, tags })
    }

    /// What an answer to [`ADD_ROUTE`] says: 0 or an error code.
    pub fn status(&self) -> Option<u32> {
        match self.get(tag::STATUS) {
            Some(&[a, b, c, d, ..]) => Some(u32::from_le_bytes([a, b, c, d])),
            _ => None,
        }
    }
}

/// A device that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its Net ID.
    pub net_id: NetId,
    /// Its name.
    pub name: String,
    /// Version of TwinCAT: major, minor, build.
    pub twincat: Option<(u8, u8, u16)>,
    /// Version of the operating system: major, minor, build, platform (2 is Windows NT, 3 Windows CE).
    pub system: Option<(u32, u32, u32, u32)>,
}

impl Found {
    /// What an answer to [`DISCOVER`] says; none if the datagram is something else.
    pub fn from(datagram: &Datagram) -> Option<Self> {
        if datagram.operation != DISCOVER | ANSWER {
            return None;
        }
        let twincat = datagram.get(tag::VERSION).and_then(|bytes| {
            let mut cursor = Cursor::new(bytes, "a version");
            Some((cursor.u8().ok()?, cursor.u8().ok()?, cursor.u16().ok()?))
        });
        let system = datagram.get(tag::OS).and_then(|bytes| {
            let mut cursor = Cursor::new(bytes, "a version");
            cursor.u32().ok()?;
            Some((cursor.u32().ok()?, cursor.u32().ok()?, cursor.u32().ok()?, cursor.u32().ok()?))
        });
        let name = datagram.text(tag::HOST).unwrap_or_default();
        Some(Self { net_id: datagram.source.net_id, name, twincat, system })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn datagrams_come_back(
            invoke in any::<u32>(), operation in any::<u32>(), net_id in any::<[u8; 6]>(), port in any::<u16>(),
            tags in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..20)), 0..6),
        ) {
            let source = AmsAddress { net_id: NetId(net_id), port };
            let datagram = Datagram { invoke, operation, source, tags };
            prop_assert_eq!(Datagram::decode(&datagram.encode()), Ok(datagram));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(tail in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = MAGIC.to_le_bytes().to_vec();
            bytes.extend(&tail);
            for bytes in [&bytes, &tail] {
                if let Ok(datagram) = Datagram::decode(bytes) {
                    let _ = (Found::from(&datagram), datagram.status());
                }
            }
        }
    }
}
