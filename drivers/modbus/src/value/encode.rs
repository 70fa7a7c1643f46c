//! A value as registers.

use fieldrail_model::{IecType, Value};

use super::decode::mask;
use super::scale::{Number, sensible};
use super::{Form, Kind, bcd, split};

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A coil.
    Bit(bool),
    /// Whole registers.
    Registers(Vec<u16>),
    /// Some bits of one register or several: which, and how. As the device orders them.
    Field {
        /// Bits that are written.
        mask: Vec<u16>,
        /// Their new states; the others are 0.
        bits: Vec<u16>,
    },
}

/// Why a value cannot be written here.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unwritable {
    /// Not a number where one belongs.
    #[error("{value} ({kind}) is no number")]
    NoNumber {
        /// The value, cut to 64 characters.
        value: String,
        /// What it is.
        kind: &'static str,
    },
    /// Below or above what is allowed.
    #[error("{value} is not within {low} and {high}")]
    Range {
        /// The value.
        value: f64,
        /// The smallest that is allowed.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// More text or bytes than there is room for.
    #[error("{got} bytes do not fit into {room}")]
    Long {
        /// How many there are.
        got: usize,
        /// How many fit.
        room: usize,
    },
    /// Bytes where text or a number belongs, and the like.
    #[error("{kind} cannot be written as {into}")]
    Kind {
        /// What it is.
        kind: &'static str,
        /// What it should become.
        into: &'static str,
    },
    /// The power of ten that the device holds for it is beyond all sense.
    #[error("the scale factor of the device makes no sense")]
    NoScale,
}

impl Form {
    /// The registers that say this value. Numbers are rounded to the steps that the device has.
    ///
    /// # Errors
    /// See [`Unwritable`].
    pub fn encode(&self, value: &Value, power: Option<i16>) -> Result<Written, Unwritable> {
        let power = sensible(power).map_err(|_| Unwritable::NoScale)?;
        if let Some((low, high)) = self.bits {
            return self.encode_field(value, low, high);
        }
        let mut words = match self.kind {
            Kind::String => self.bytes(value.as_str().map(str::as_bytes), value)?,
            Kind::Bytes => match value {
                Value::Bytes(bytes) => self.bytes(Some(bytes), value)?,
                other => self.bytes(other.as_str().map(str::as_bytes), value)?,
            },
            Kind::Bool => vec![u16::from(switch(value)?)],
            _ => split(self.bits_of(value, power)?, self.width()),
        };
        self.turn(&mut words);
        Ok(Written::Registers(words))
    }

    /// The coil that says this value.
    ///
    /// # Errors
    /// See [`Unwritable`].
    pub fn encode_bit(value: &Value) -> Result<Written, Unwritable> {
        switch(value).map(Written::Bit)
    }

    fn encode_field(&self, value: &Value, low: u8, high: u8) -> Result<Written, Unwritable> {
        let count = u32::from(high.saturating_sub(low)) + 1;
        let limit = mask(count);
        let part = if count == 1 { u64::from(switch(value)?) } else { part(value, limit)? };
        let shifted = |bits: u64| {
            let mut words = split(bits.checked_shl(u32::from(low)).unwrap_or(0), self.width());
            self.turn(&mut words);
            words
        };
        Ok(Written::Field { mask: shifted(limit), bits: shifted(part) })
    }

    fn bytes(&self, bytes: Option<&[u8]>, value: &Value) -> Result<Vec<u16>, Unwritable> {
        let bytes = bytes.ok_or(Unwritable::Kind { kind: value.kind(), into: self.kind.name() })?;
        let room = 2 * usize::from(self.registers);
        if bytes.len() > room {
            return Err(Unwritable::Long { got: bytes.len(), room });
        }
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        Ok((0..room).step_by(2).map(|at| u16::from_be_bytes([byte(at), byte(at + 1)])).collect())
    }

    /// The bits of the number whose value this is.
    fn bits_of(&self, value: &Value, power: Option<i16>) -> Result<u64, Unwritable> {
        let wanted = number(value)?;
        let (low, high) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        if wanted < low || wanted > high {
            return Err(Unwritable::Range { value: wanted, low, high });
        }
        match self.kind {
            Kind::Float32 | Kind::Float64 => self.real(self.scale.invert(wanted, power), wanted),
            _ => self.whole(self.steps(value, wanted, power), wanted, power),
        }
    }

    fn real(&self, number: f64, wanted: f64) -> Result<u64, Unwritable> {
        if self.kind == Kind::Float64 {
            return Ok(number.to_bits());
        }
        if number.is_finite() && number.abs() > f64::from(f32::MAX) {
            return Err(Unwritable::Range { value: wanted, low: f64::from(f32::MIN), high: f64::from(f32::MAX) });
        }
        #[allow(clippy::cast_possible_truncation)] // checked above; rounding to the nearest is meant
        Ok(u64::from((number as f32).to_bits()))
    }

    /// The number of steps that is nearest to the value. A whole number that is not scaled stays as it is: beyond 2^53 it
    /// would lose digits on the way through a float.
    fn steps(&self, value: &Value, wanted: f64, power: Option<i16>) -> i128 {
        match *value {
            Value::Int(n) if self.scale == super::Scale::default() && power.is_none() => i128::from(n),
            Value::UInt(n) if self.scale == super::Scale::default() && power.is_none() => i128::from(n),
            // Too large and infinite ones saturate, and are out of range then.
            #[allow(clippy::cast_possible_truncation)]
            _ => self.scale.invert(wanted, power).round() as i128,
        }
    }

    fn whole(&self, steps: i128, wanted: f64, power: Option<i16>) -> Result<u64, Unwritable> {
        let width = self.width();
        let is_bcd = matches!(self.kind, Kind::Bcd16 | Kind::Bcd32 | Kind::Bcd64);
        let (low, high) = match self.kind {
            Kind::Int16 | Kind::Int32 | Kind::Int64 => (-(1_i128 << (width - 1)), (1_i128 << (width - 1)) - 1),
            _ if is_bcd => (0, 10_i128.pow(width / 4) - 1),
            _ => (0, (1_i128 << width) - 1),
        };
        if !(low..=high).contains(&steps) {
            let value = |steps: i128| self.scale.apply(Number::Whole(steps), power).as_f64().unwrap_or(0.0);
            let (a, b) = (value(low), value(high));
            return Err(Unwritable::Range { value: wanted, low: a.min(b), high: a.max(b) });
        }
        let bits = u64::try_from(steps & i128::from(mask(width))).unwrap_or(0);
        Ok(if is_bcd { bcd::encode(bits) } else { bits })
    }
}

fn number(value: &Value) -> Result<f64, Unwritable> {
    let fitted = IecType::Lreal.fit(value).ok().and_then(|value| value.as_f64()).filter(|x| !x.is_nan());
    fitted
        .ok_or_else(|| Unwritable::NoNumber { value: value.to_string().chars().take(64).collect(), kind: value.kind() })
}

/// The whole number for a row of bits, at most `limit`. One that is whole already stays as it is: beyond 2^53 it would lose
/// digits on the way through a float, and the limit too.
fn part(value: &Value, limit: u64) -> Result<u64, Unwritable> {
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    let wanted = number(value)?;
    let rounded = wanted.round();
    let whole = match *value {
        Value::Int(n) => u64::try_from(n).ok(),
        Value::UInt(n) => Some(n),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within the range
        _ => (0.0..BEYOND).contains(&rounded).then_some(rounded as u64),
    };
    let high = limit as f64;
    whole.filter(|&whole| whole <= limit).ok_or(Unwritable::Range { value: wanted, low: 0.0, high })
}

fn switch(value: &Value) -> Result<bool, Unwritable> {
    match IecType::Bool.fit(value) {
        Ok(Value::Bool(on)) => Ok(on),
        _ => Err(Unwritable::Kind { kind: value.kind(), into: "bool" }),
    }
}
