//! One fact about a device, as a person writes it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Entry, Manner};
use crate::codec::pdu::{MAX_EXCHANGE_REGISTERS, MAX_READ_REGISTERS, Table};
use crate::value::{Form, Kind, Order, Scale};

/// One register, or a row of them that make one value.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The tag: letters, digits and `_ - . / #`; dots make folders.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Which of the four tables.
    pub table: Table,
    /// Address in the protocol, which counts from 0. Where a manual says 40001 or counts from 1, subtract.
    pub address: u16,
    /// What it holds; `uint16` for registers and `bool` for bits unless given.
    #[serde(default)]
    pub r#type: Option<Kind>,
    /// Length of `string` and `bytes` in registers.
    #[serde(default)]
    #[schemars(range(min = 1, max = 125))]
    pub registers: Option<u16>,
    /// Which register of a number comes first.
    #[serde(default)]
    pub word_order: Option<Order>,
    /// Which byte of a register comes first.
    #[serde(default)]
    pub byte_order: Option<Order>,
    /// The value is one bit of the number; 0 is the lowest.
    #[serde(default)]
    #[schemars(range(max = 63))]
    pub bit: Option<u8>,
    /// The value is a row of bits of the number: the lowest and the highest, both included.
    #[serde(default)]
    pub bits: Option<(u8, u8)>,
    /// What the number is multiplied with.
    #[serde(default = "one")]
    pub scale: f64,
    /// What is added then, in the unit of the value.
    #[serde(default)]
    pub offset: f64,
    /// Numbers that mean that there is no value, before scale and offset; for signed types as the signed number.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub not_available: Vec<i64>,
    /// Whether the smallest signed and the largest unsigned number mean that there is no value, as with SMA and SunSpec.
    #[serde(default)]
    pub nan: Option<bool>,
    /// The unit of the value, for example `W`.
    #[serde(default)]
    pub unit: Option<String>,
    /// What it is, for people.
    #[serde(default)]
    pub comment: Option<String>,
    /// Where this fact comes from, if not from where the others do.
    #[serde(default)]
    pub source: Option<String>,
    /// Whether it may be written; coils and holding registers only.
    #[serde(default)]
    pub writable: bool,
    /// How it is written.
    #[serde(default)]
    pub write: Option<WriteWith>,
    /// The smallest value that may be written, in its unit.
    #[serde(default)]
    pub min: Option<f64>,
    /// The largest value that may be written, in its unit.
    #[serde(default)]
    pub max: Option<f64>,
    /// Read the value back after a write; the write fails if the device kept another.
    #[serde(default)]
    pub read_back: Option<bool>,
    /// How often it is read if nobody asks for more, in milliseconds.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86_400_000), extend("x-unit" = "ms"))]
    pub poll_ms: Option<u32>,
}

/// How a register is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteWith {
    /// One register with function 6, one coil with 5, several registers with 16.
    #[default]
    Single,
    /// Functions 16 and 15 for one too; some devices know no other.
    Multiple,
    /// Registers with function 23, which writes and reads back in one step; the write fails if the device kept another value.
    Exchange,
    /// Bits of a register with function 22, in one step. Without it the register is read, changed and written.
    Mask,
}

fn one() -> f64 {
    1.0
}

/// What is wrong with a fact, and what to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub reason: String,
    /// What to try.
    pub hint: &'static str,
}

fn wrong(reason: impl Into<String>, hint: &'static str) -> Wrong {
    Wrong { reason: reason.into(), hint }
}

impl Register {
    /// The fact, checked.
    ///
    /// # Errors
    /// The first thing that cannot work.
    pub fn entry(&self, manner: Manner) -> Result<Entry, Wrong> {
        self.check_name()?;
        let kind = self.r#type.unwrap_or(if self.table.is_bits() { Kind::Bool } else { Kind::Uint16 });
        self.check_kind(kind)?;
        let form = Form {
            kind,
            registers: self.length(kind)?,
            word_order: self.word_order.unwrap_or(manner.word_order),
            byte_order: self.byte_order.unwrap_or(manner.byte_order),
            bits: self.field(kind)?,
            scale: self.scale()?,
            not_available: self.not_available(kind, self.nan.unwrap_or(manner.nan)),
            min: self.min,
            max: self.max,
        };
        if u32::from(self.address) + u32::from(form.registers) > 0x1_0000 {
            return Err(wrong("it reaches beyond address 65535", "addresses count from 0 to 65535"));
        }
        Ok(Entry {
            name: self.name.clone(),
            table: self.table,
            address: self.address,
            write: self.write_with(&form, manner)?,
            form,
            power_at: None,
            unit: self.unit.clone(),
            comment: self.comment.clone(),
            read_back: self.read_back.unwrap_or(manner.read_back),
            poll: self.poll_ms.map(|ms| Duration::from_millis(ms.max(1).into())),
        })
    }

    fn check_name(&self) -> Result<(), Wrong> {
        let fine = |c: char| c.is_alphanumeric() || "_-./#".contains(c);
        let is_fine = !self.name.is_empty() && self.name.len() <= 256 && self.name.chars().all(fine);
        let has_gap = self.name.split('.').any(str::is_empty);
        if is_fine && !has_gap {
            return Ok(());
        }
        Err(wrong(
            format!("`{:.64}` is no name", self.name),
            "use letters, digits and `_ - . / #`, for example `battery.soc`",
        ))
    }

    fn check_kind(&self, kind: Kind) -> Result<(), Wrong> {
        if self.table.is_bits() && kind != Kind::Bool {
            return Err(wrong(
                format!("a {} is no {}", self.table.name(), kind.name()),
                "bits are `bool`; leave out `type`",
            ));
        }
        Ok(())
    }

    fn length(&self, kind: Kind) -> Result<u16, Wrong> {
        match (kind.registers(), self.registers) {
            (Some(length), given) if given.is_none_or(|given| given == length) => Ok(length),
            (Some(length), given) => {
                let given = given.unwrap_or(length);
                Err(wrong(format!("{} has {length} registers, not {given}", kind.name()), "leave out `registers`"))
            }
            (None, Some(length @ 1..=MAX_READ_REGISTERS)) => Ok(length),
            (None, Some(length)) => Err(wrong(format!("{length} registers are not 1 to 125"), "split it")),
            (None, None) => {
                Err(wrong(format!("a {} needs `registers`", kind.name()), "say how many; each holds two characters"))
            }
        }
    }

    fn field(&self, kind: Kind) -> Result<Option<(u8, u8)>, Wrong> {
        let field = match (self.bit, self.bits) {
            (Some(_), Some(_)) => return Err(wrong("`bit` and `bits` exclude each other", "keep one of them")),
            (Some(bit), None) => (bit, bit),
            (None, Some(bits)) => bits,
            (None, None) => return Ok(None),
        };
        let highest = 16 * kind.registers().unwrap_or(0);
        if !kind.is_integer() {
            return Err(wrong(format!("{} has no bits", kind.name()), "take an integer type, for example `uint16`"));
        }
        if field.0 > field.1 || u16::from(field.1) >= highest {
            let reason = format!("bits {} to {} do not lie in {}", field.0, field.1, kind.name());
            return Err(wrong(reason, "the lowest bit is 0 and comes first: `[4, 7]`"));
        }
        Ok(Some(field))
    }

    fn scale(&self) -> Result<Scale, Wrong> {
        let is_fine = self.scale.is_finite() && self.scale != 0.0 && self.offset.is_finite();
        if !is_fine {
            return Err(wrong(format!("scale {} with offset {}", self.scale, self.offset), "a scale is not 0"));
        }
        if self.min.zip(self.max).is_some_and(|(min, max)| min > max) {
            return Err(wrong("`min` is above `max`", "swap them"));
        }
        Ok(Scale { factor: self.scale, offset: self.offset })
    }

    fn not_available(&self, kind: Kind, usual: bool) -> Vec<u64> {
        let width = 16 * u32::from(kind.registers().unwrap_or(4));
        let mask = u64::MAX >> (64 - width.clamp(16, 64));
        let mut bits: Vec<u64> = self.not_available.iter().map(|n| n.cast_unsigned() & mask).collect();
        // One bit of a register has no room for a mark of its own, but the register has.
        bits.extend(kind.usual_not_available().filter(|_| usual));
        bits.dedup();
        bits
    }

    fn write_with(&self, form: &Form, manner: Manner) -> Result<Option<WriteWith>, Wrong> {
        if !self.writable {
            return Ok(None);
        }
        if matches!(self.table, Table::Discrete | Table::Input) {
            let reason = format!("`{}` cannot be written", self.table.name());
            return Err(wrong(reason, "only coils and holding registers can"));
        }
        let write = self.write.unwrap_or(manner.write);
        if write == WriteWith::Exchange && self.table == Table::Coil {
            return Err(wrong("a coil has no function 23", "take `single` or `multiple`"));
        }
        if form.registers > MAX_EXCHANGE_REGISTERS {
            return Err(wrong(format!("{} registers cannot be written at once", form.registers), "at most 121 can"));
        }
        Ok(Some(write))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn build(register: serde_json::Value) -> Result<Entry, String> {
        let register: Register = serde_json::from_value(register).map_err(|error| error.to_string())?;
        register.entry(Manner::default()).map_err(|wrong| wrong.reason)
    }

    #[test]
    fn a_short_fact_is_enough() {
        let entry = build(json!({ "name": "power", "table": "input", "address": 5 })).unwrap();
        assert_eq!((entry.form.kind, entry.count(), entry.write), (Kind::Uint16, 1, None));
        assert_eq!(entry.location(), "input 5");
        let coil = build(json!({ "name": "pump", "table": "coil", "address": 5, "writable": true })).unwrap();
        assert_eq!((coil.form.kind, coil.write), (Kind::Bool, Some(WriteWith::Single)));
    }

    #[test]
    fn marks_for_no_value_are_kept_in_the_width_of_the_type() {
        let entry = json!({ "name": "a", "table": "input", "address": 5, "type": "int32", "not_available": [-1, 7], "nan": true });
        assert_eq!(build(entry).unwrap().form.not_available, [0xffff_ffff, 7, 0x8000_0000]);
    }

    #[test]
    fn what_cannot_work_is_named() {
        let base = json!({ "name": "a", "table": "holding", "address": 1 });
        for (change, reason) in [
            (json!({ "name": "" }), "`` is no name"),
            (json!({ "name": "a..b" }), "`a..b` is no name"),
            (json!({ "name": "a b" }), "`a b` is no name"),
            (json!({ "type": "string" }), "a string needs `registers`"),
            (json!({ "type": "string", "registers": 200 }), "200 registers are not 1 to 125"),
            (json!({ "type": "int32", "registers": 1 }), "int32 has 2 registers, not 1"),
            (json!({ "type": "int32", "address": 65_535 }), "it reaches beyond address 65535"),
            (json!({ "table": "coil", "type": "int16" }), "a coil is no int16"),
            (json!({ "bit": 16 }), "bits 16 to 16 do not lie in uint16"),
            (json!({ "bits": [4, 2] }), "bits 4 to 2 do not lie in uint16"),
            (json!({ "bit": 1, "bits": [4, 5] }), "`bit` and `bits` exclude each other"),
            (json!({ "bit": 1, "type": "float32" }), "float32 has no bits"),
            (json!({ "scale": 0 }), "scale 0 with offset 0"),
            (json!({ "min": 5, "max": 4 }), "`min` is above `max`"),
            (json!({ "table": "coil", "writable": true, "write": "exchange" }), "a coil has no function 23"),
            (json!({ "table": "input", "writable": true }), "`input` cannot be written"),
        ] {
            let mut register = base.clone();
            register.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert_eq!(build(register).unwrap_err(), reason);
        }
        assert!(build(json!({ "name": "a", "table": "holding", "address": -1 })).is_err());
    }
}
