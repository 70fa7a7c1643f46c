//! The address of a device.

use std::fmt;
use std::str::FromStr;

/// Six bytes, written `A4:C1:38:00:00:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 6]);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no Bluetooth address; one looks like `A4:C1:38:00:00:01`")]
pub struct NoAddress(String);

impl FromStr for Address {
    type Err = NoAddress;

    /// Takes colons, hyphens, underscores or nothing between the bytes, in any case.
    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let wrong = || NoAddress(text.chars().take(40).collect());
        let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b':' | b'-' | b'_')).collect();
        let separators = text.len() - digits.len();
        if digits.len() != 12 || !(separators == 0 || separators == 5) {
            return Err(wrong());
        }
        let mut bytes = [0; 6];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok());
            *byte = nibble(pair[0]).ok_or_else(wrong)? << 4 | nibble(pair[1]).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for text in ["a4:c1:38:00:00:01", "A4-C1-38-00-00-01", "A4C138000001", "A4_C1_38_00_00_01"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), "A4:C1:38:00:00:01");
        }
        for text in ["", "A4:C1:38:00:00", "A4:C1:38:00:00:0G", "A4:C1:38:00:00:01:02", "äääääää", "A4:C138000001"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
