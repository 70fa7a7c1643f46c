//! How far a value may be believed, in the manner of OPC UA Part 8: good, uncertain or bad, with a reason.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The three classes of OPC UA; every [`Quality`] belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Believe it.
    Good,
    /// Look twice: the reason says why.
    Uncertain,
    /// Do not use it.
    Bad,
}

impl Class {
    /// `good`, `uncertain` or `bad`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Uncertain => "uncertain",
            Self::Bad => "bad",
        }
    }
}

macro_rules! qualities {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $class:ident, $reason:literal;)*) => {
        /// A class with its reason. The number is the code on the wire: 0 to 63 good, 64 to 127 uncertain, 128 and up bad.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        #[repr(u8)]
        pub enum Quality {
            $($(#[$doc])* $name = $code,)*
        }

        impl Quality {
            /// Every quality there is, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Good, uncertain or bad.
            pub fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// The reason alone, empty where the class says it all.
            pub fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// The quality with this code on the wire.
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

qualities! {
    /// Good, without anything to add.
    #[default]
    Good = 0, Good, "";
    /// Good, and a write to it is under way.
    WritePending = 1, Good, "write_pending";
    /// Good when it was true; it arrives late.
    Backfill = 2, Good, "backfill";
    /// Uncertain, without a known reason.
    Uncertain = 64, Uncertain, "";
    /// The last value of a source that cannot be asked now.
    LastUsable = 65, Uncertain, "last_usable";
    /// Put in by a person or a rule in place of the real value.
    Substitute = 66, Uncertain, "substitute";
    /// A first value, before the source has confirmed it.
    Initial = 67, Uncertain, "initial";
    /// It contradicts other values of the same device.
    Implausible = 68, Uncertain, "implausible";
    /// Bad, without a known reason.
    Bad = 128, Bad, "";
    /// The source is not connected.
    NotConnected = 129, Bad, "not_connected";
    /// Older than its freshness deadline.
    Stale = 130, Bad, "stale";
    /// The device reports a failure.
    DeviceFailure = 131, Bad, "device_failure";
    /// The configuration is wrong for this datapoint.
    ConfigError = 132, Bad, "config_error";
    /// Outside of the range that its declared type or its limits allow.
    OutOfRange = 133, Bad, "out_of_range";
    /// It does not fit the declared type; the raw value is kept.
    TypeMismatch = 134, Bad, "type_mismatch";
    /// The device does not know this tag.
    NotFound = 135, Bad, "not_found";
    /// A rule could not compute it: division by zero, overflow, a missing datapoint.
    CalculationError = 136, Bad, "calculation_error";
    /// It came round in a circle of rules.
    LoopDetected = 137, Bad, "loop_detected";
    /// Nothing has been received yet.
    NoData = 138, Bad, "no_data";
}

impl Quality {
    /// The code on the wire.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether the class is good.
    pub fn is_good(self) -> bool {
        self.class() == Class::Good
    }

    /// The worse of two: what a value computed from both can claim.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.class() > self.class() { other } else { self }
    }
}

/// `good`, `bad:stale`, …
impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class().name())?;
        match self.reason() {
            "" => Ok(()),
            reason => write!(f, ":{reason}"),
        }
    }
}

/// The text is no quality.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no quality; good ones look like `good` or `bad:stale`")]
pub struct UnknownQuality(String);

impl FromStr for Quality {
    type Err = UnknownQuality;

    fn from_str(text: &str) -> Result<Self, UnknownQuality> {
        let (class, reason) = text.split_once(':').unwrap_or((text, ""));
        let found = Self::ALL.iter().find(|q| q.class().name() == class && q.reason() == reason);
        found.copied().ok_or_else(|| UnknownQuality(text.into()))
    }
}

/// A code in `MessagePack`, its name in JSON.
impl Serialize for Quality {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_u8(self.code()) }
    }
}

impl<'de> Deserialize<'de> for Quality {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        if d.is_human_readable() {
            String::deserialize(d)?.parse().map_err(D::Error::custom)
        } else {
            let code = u8::deserialize(d)?;
            Self::from_code(code).ok_or_else(|| D::Error::custom(format!("unknown quality code {code}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quality_survives_its_name_and_its_code() {
        for &quality in Quality::ALL {
            assert_eq!(quality.to_string().parse(), Ok(quality));
            assert_eq!(Quality::from_code(quality.code()), Some(quality));
        }
    }

    #[test]
    fn the_code_tells_the_class() {
        for &quality in Quality::ALL {
            let class = [Class::Good, Class::Uncertain, Class::Bad, Class::Bad][usize::from(quality.code() / 64)];
            assert_eq!(quality.class(), class, "{quality}");
        }
    }

    #[test]
    fn worse_keeps_the_reason_of_the_worse_one() {
        assert_eq!(Quality::LastUsable.worse(Quality::Good), Quality::LastUsable);
        assert_eq!(Quality::LastUsable.worse(Quality::Stale), Quality::Stale);
    }
}
