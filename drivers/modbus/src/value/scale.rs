//! Between the number in the device and the value in its unit: value = number × factor × 10^power + offset.

use fieldrail_model::Value;

/// A number as a device holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Whole(n) => n as f64,
            Self::Real(x) => x,
        }
    }

    /// The plain value of this number.
    pub(super) fn value(self) -> Value {
        match self {
            Self::Whole(n) => i64::try_from(n)
                .map(Value::Int)
                .or_else(|_| u64::try_from(n).map(Value::uint))
                .unwrap_or(Value::Float(n as f64)),
            Self::Real(x) => Value::Float(x),
        }
    }
}

/// A factor and an offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// What the number is multiplied with; not 0.
    pub factor: f64,
    /// What is added then, in the unit of the value.
    pub offset: f64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { factor: 1.0, offset: 0.0 }
    }
}

/// Beyond this a float no longer holds every whole number: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The power of ten of a scale factor lies within this; others are none.
const MAX_POWER: u16 = 10;

/// What a device holds where a value has no scale factor (SunSpec, section 4.2).
const NO_POWER: i16 = i16::MIN;

/// A power of ten that is beyond all sense.
pub(super) struct Senseless;

/// The power of ten in force.
pub(super) fn sensible(power: Option<i16>) -> Result<Option<i16>, Senseless> {
    match power {
        Some(NO_POWER) => Ok(Some(0)),
        Some(power) if power.unsigned_abs() > MAX_POWER => Err(Senseless),
        power => Ok(power),
    }
}

impl Scale {
    /// The value of a number. Whole factors and offsets keep whole numbers whole; with a `power`, which may change from one
    /// reading to the next, the value is always a float, so that its kind does not change.
    pub(super) fn apply(self, number: Number, power: Option<i16>) -> Value {
        let is_plain = self.factor.to_bits() == 1.0_f64.to_bits() && self.offset == 0.0;
        match (number, power) {
            (number, None) if is_plain => number.value(),
            (Number::Whole(n), None) if let (Some(factor), Some(offset)) = (whole(self.factor), whole(self.offset)) => {
                n.checked_mul(factor).and_then(|n| n.checked_add(offset)).map_or_else(
                    || Value::Float(number.as_f64() * self.factor + self.offset),
                    |n| Number::Whole(n).value(),
                )
            }
            (number, None) => Value::Float(self.scaled(number.as_f64())),
            (number, Some(power)) => Value::Float(times_ten(number.as_f64() * self.factor, power) + self.offset),
        }
    }

    /// `x × factor + offset`, divided where the factor is one over a whole number: 523 / 10 is 52.3, and 523 × 0.1 is not.
    fn scaled(self, x: f64) -> f64 {
        let inverse = (1.0 / self.factor).round();
        let is_inverse = self.factor.abs() < 1.0 && (inverse * self.factor - 1.0).abs() < 1e-12;
        let steps = (self.offset * inverse).round();
        match is_inverse {
            true if (steps / inverse).to_bits() == self.offset.to_bits() => (x + steps) / inverse,
            true => x / inverse + self.offset,
            false => x * self.factor + self.offset,
        }
    }

    /// The number whose value this is, not rounded yet.
    pub(super) fn invert(self, value: f64, power: Option<i16>) -> f64 {
        let number = times_ten(value - self.offset, power.map_or(0, i16::saturating_neg));
        number / self.factor
    }
}

#[allow(clippy::cast_possible_truncation)] // checked: whole, and small enough to be exact
fn whole(x: f64) -> Option<i128> {
    (x.fract() == 0.0 && x.abs() <= EXACT).then_some(x as i128)
}

/// `x × 10^power`, rounded once.
fn times_ten(x: f64, power: i16) -> f64 {
    let ten = 10_f64.powi(i32::from(power.unsigned_abs()));
    if power < 0 { x / ten } else { x * ten }
}
