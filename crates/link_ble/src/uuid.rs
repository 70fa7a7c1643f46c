//! The name of a service or of a characteristic.

use std::fmt;
use std::str::FromStr;

/// 128 bits; those of the Bluetooth SIG are written short: `ff00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

/// The lower 96 bits of all short ones (Bluetooth Core Specification, volume 3, part B, section 2.5.1).
const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5f9b_34fb;

impl Uuid {
    /// The one with this short number.
    pub const fn short(number: u16) -> Self {
        Self((number as u128) << 96 | BASE)
    }

    /// As `BlueZ` writes it: 36 characters, lower-case.
    pub fn long(self) -> String {
        let hex = format!("{:032x}", self.0);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u16::try_from(self.0 >> 96) {
            Ok(number) if Self::short(number) == *self => write!(f, "{number:04x}"),
            _ => f.write_str(&self.long()),
        }
    }
}

/// Why a text is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no UUID; one looks like `ff00` or `0000ff00-0000-1000-8000-00805f9b34fb`")]
pub struct NoUuid(String);

impl FromStr for Uuid {
    type Err = NoUuid;

    fn from_str(text: &str) -> Result<Self, NoUuid> {
        let wrong = || NoUuid(text.chars().take(40).collect());
        let digits: String = text.chars().filter(|&char| char != '-').collect();
        if !digits.chars().all(|char| char.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let number = u128::from_str_radix(&digits, 16).map_err(|_| wrong())?;
        match digits.len() {
            4 | 8 => Ok(Self(number << 96 | BASE)),
            32 => Ok(Self(number)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_are_the_same() {
        let uuid = Uuid::short(0xff00);
        assert_eq!(uuid.to_string(), "ff00");
        assert_eq!(uuid.long(), "0000ff00-0000-1000-8000-00805f9b34fb");
        assert_eq!(uuid.long().parse(), Ok(uuid));
        assert_eq!("FF00".parse(), Ok(uuid));
        let own = "6e400001-b5a3-f393-e0a9-e50e24dcca9e";
        assert_eq!(own.parse::<Uuid>().unwrap().to_string(), own);
        for text in ["", "ff0", "+ff0", "gg00", "6e400001-b5a3-f393-e0a9-e50e24dcca9"] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }
}
