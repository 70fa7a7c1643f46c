//! How a serial line is set, and how long things take on it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// The bit that guards each character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// No such bit.
    #[default]
    None,
    /// The number of ones is even.
    Even,
    /// The number of ones is odd.
    Odd,
}

/// What both ends of a line have to agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bits in a second.
    pub baud: u32,
    /// Bits of a character: 7 or 8.
    pub data_bits: u8,
    /// The bit that guards each character.
    pub parity: Parity,
    /// Bits between two characters: 1 or 2.
    pub stop_bits: u8,
}

/// 9600 baud, 8 data bits, no parity, 1 stop bit: what most devices are delivered with.
impl Default for Settings {
    fn default() -> Self {
        Self { baud: 9600, data_bits: 8, parity: Parity::None, stop_bits: 1 }
    }
}

/// Above this speed the silence between two frames no longer shrinks (Modbus over Serial Line 1.02, section 2.5.1.1).
const FAST_BAUD: u32 = 19_200;

/// The silence between two frames above [`FAST_BAUD`].
const FAST_SILENCE: Duration = Duration::from_micros(1750);

impl Settings {
    /// Bits on the wire for one character, start bit included.
    fn bits(self) -> u32 {
        1 + u32::from(self.data_bits) + u32::from(self.parity != Parity::None) + u32::from(self.stop_bits)
    }

    /// How long so many characters take on the wire.
    pub fn time_of(self, characters: usize) -> Duration {
        let bits = u64::from(self.bits()) * u64::try_from(characters).unwrap_or(u64::MAX);
        Duration::from_nanos(bits.saturating_mul(1_000_000_000) / u64::from(self.baud.max(1)))
    }

    /// The silence that parts two frames: three and a half characters.
    pub fn silence(self) -> Duration {
        if self.baud > FAST_BAUD { FAST_SILENCE } else { self.time_of(7) / 2 }
    }
}

/// As people write it: `9600 8N1`.
impl std::fmt::Display for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        write!(f, "{} {}{parity}{}", self.baud, self.data_bits, self.stop_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: Settings, shown: &str, character_us: u128, silence_us: u128) {
        assert_eq!(settings.to_string(), shown);
        assert_eq!(settings.time_of(1).as_micros(), character_us);
        assert_eq!(settings.silence().as_micros(), silence_us);
    }

    #[test]
    fn silence_is_three_and_a_half_characters_and_fixed_above_19200() {
        check(Settings::default(), "9600 8N1", 1041, 3645);
        check(Settings { parity: Parity::Even, ..Settings::default() }, "9600 8E1", 1145, 4010);
        check(Settings { baud: 19_200, stop_bits: 2, ..Settings::default() }, "19200 8N2", 572, 2005);
        check(Settings { baud: 115_200, ..Settings::default() }, "115200 8N1", 86, 1750);
        check(Settings { baud: 9600, data_bits: 7, parity: Parity::Odd, stop_bits: 1 }, "9600 7O1", 1041, 3645);
    }

    #[test]
    fn parity_is_spelled_as_a_word() {
        for (text, parity) in [("\"none\"", Parity::None), ("\"even\"", Parity::Even), ("\"odd\"", Parity::Odd)] {
            assert_eq!(serde_json::from_str::<Parity>(text).unwrap(), parity);
        }
        assert!(serde_json::from_str::<Parity>("\"E\"").is_err());
    }
}
