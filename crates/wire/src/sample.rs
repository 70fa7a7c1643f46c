//! The two hot items of the protocol: a sample on its way in and a write on its way out.
//!
//! In `MessagePack` each is an array whose trailing defaults are left out; in JSON it is an object.

use std::fmt;
use std::sync::Arc;

use fieldrail_model::{Quality, Value};
use serde::de::{self, Visitor};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A tag's number together with its name: sent once, before or with the number's first use.
pub type TagName = (u32, Arc<str>);

/// A tag by the number that its sender gave it, or by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TagRef {
    /// A number that the same sender has declared in a `tags` list.
    Number(u32),
    /// The tag itself; the easy way, for scripts.
    Name(Arc<str>),
}

impl Serialize for TagRef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(n) => s.serialize_u32(*n),
            Self::Name(name) => s.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for TagRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = TagRef;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tag number or a tag name")
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<TagRef, E> {
                u32::try_from(n).map(TagRef::Number).map_err(|_| E::custom("a tag number has 32 bits"))
            }
            fn visit_str<E>(self, name: &str) -> Result<TagRef, E> {
                Ok(TagRef::Name(name.into()))
            }
        }
        d.deserialize_any(Either)
    }
}

/// Serialises as an object without defaults where people read, as an array without its trailing defaults elsewhere.
macro_rules! leave_out_defaults {
    ($type:ident, |$item:ident| { $($field:ident: $is_default:expr,)* }) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                let $item = self;
                let defaults = [$($is_default),*];
                let sent = defaults.iter().rposition(|is_default| !is_default).map_or(0, |last| last + 1);
                if s.is_human_readable() {
                    let mut map = s.serialize_map(None)?;
                    let mut left_out = defaults.iter();
                    $(if left_out.next() == Some(&false) {
                        map.serialize_entry(stringify!($field), &$item.$field)?;
                    })*
                    return map.end();
                }
                let mut seq = s.serialize_seq(Some(sent))?;
                let mut places = 0..sent;
                $(if places.next().is_some() {
                    seq.serialize_element(&$item.$field)?;
                })*
                seq.end()
            }
        }
    };
}

/// Where a value first came from, and how many rules it has passed since.
pub type WireOrigin = (Arc<str>, u8);

/// One sample in a batch.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleItem {
    /// Which datapoint.
    pub tag: TagRef,
    /// What it says; null when there is no value, and the quality says why.
    pub value: Value,
    /// How far to believe it.
    #[serde(default)]
    pub quality: Quality,
    /// When it was true, in microseconds since 1970 UTC; left out means on arrival.
    #[serde(default)]
    pub time: Option<i64>,
    /// Why the quality is not good, in words.
    #[serde(default)]
    pub note: Option<Arc<str>>,
    /// Set when the driver knows that this is the echo of a write: the origin that the write carried.
    #[serde(default)]
    pub origin: Option<WireOrigin>,
}

leave_out_defaults!(SampleItem, |item| {
    tag: false,
    value: false,
    quality: item.quality == Quality::Good,
    time: item.time.is_none(),
    note: item.note.is_none(),
    origin: item.origin.is_none(),
});

/// One write in a batch: a command to the device.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteItem {
    /// The command's number, given by the daemon, rising; `written` refers to it.
    pub id: u64,
    /// Which datapoint; the empty name is the instance's default target.
    pub tag: TagRef,
    /// What to write.
    pub value: Value,
    /// Milliseconds from receipt after which the write is not to be sent any more; left out means 5,000.
    #[serde(default)]
    pub ttl_ms: Option<u32>,
    /// Write the value, and after so many milliseconds its opposite, guaranteed.
    #[serde(default)]
    pub pulse_ms: Option<u32>,
    /// Where the value first came from; a driver that sees its own echo sends it back with the sample.
    #[serde(default)]
    pub origin: Option<WireOrigin>,
}

leave_out_defaults!(WriteItem, |item| {
    id: false,
    tag: false,
    value: false,
    ttl_ms: item.ttl_ms.is_none(),
    pulse_ms: item.pulse_ms.is_none(),
    origin: item.origin.is_none(),
});
