//! Units that travel with values: what `V`, `mV` and `kWh` are, and what a pipeline makes of them.
//!
//! A unit is a kind of quantity, a power of time and a factor: `A` is charge a second, `Ah` charge, `kW` a thousand joules a
//! second. So `integrate(1h)` turns W into Wh, and a route from V to A is seen to be a mistake. Units that are not known
//! here are never complained about.

use std::fmt;

/// What a quantity is, apart from time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Potential,
    Charge,
    Energy,
    ApparentEnergy,
    ReactiveEnergy,
    Resistance,
    Capacitance,
    Temperature,
    Pressure,
    Length,
    Area,
    Volume,
    Mass,
    Illuminance,
    Irradiance,
    Concentration,
    Angle,
    Ratio,
    /// Time itself, or its inverse.
    Time,
}

/// A unit that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    quantity: Quantity,
    /// The power of seconds: −1 for a rate.
    time: i8,
    /// A value times this is in the base unit.
    factor: f64,
    /// What is added after that; only temperatures have it.
    offset: f64,
}

/// Symbols with quantity, power of time, factor, offset, and whether prefixes may stand before them.
const SYMBOLS: [(&str, Quantity, i8, f64, f64, bool); 47] = [
    ("V", Quantity::Potential, 0, 1.0, 0.0, true),
    ("A", Quantity::Charge, -1, 1.0, 0.0, true),
    ("Ah", Quantity::Charge, 0, 3600.0, 0.0, true),
    ("C", Quantity::Charge, 0, 1.0, 0.0, false),
    ("W", Quantity::Energy, -1, 1.0, 0.0, true),
    ("Wh", Quantity::Energy, 0, 3600.0, 0.0, true),
    ("J", Quantity::Energy, 0, 1.0, 0.0, true),
    ("VA", Quantity::ApparentEnergy, -1, 1.0, 0.0, true),
    ("VAh", Quantity::ApparentEnergy, 0, 3600.0, 0.0, true),
    ("var", Quantity::ReactiveEnergy, -1, 1.0, 0.0, true),
    ("varh", Quantity::ReactiveEnergy, 0, 3600.0, 0.0, true),
    ("Ω", Quantity::Resistance, 0, 1.0, 0.0, true),
    ("Ohm", Quantity::Resistance, 0, 1.0, 0.0, true),
    ("F", Quantity::Capacitance, 0, 1.0, 0.0, false),
    ("K", Quantity::Temperature, 0, 1.0, 0.0, false),
    ("°C", Quantity::Temperature, 0, 1.0, 273.15, false),
    ("degC", Quantity::Temperature, 0, 1.0, 273.15, false),
    ("°F", Quantity::Temperature, 0, 5.0 / 9.0, 459.67 * 5.0 / 9.0, false),
    ("Pa", Quantity::Pressure, 0, 1.0, 0.0, true),
    ("bar", Quantity::Pressure, 0, 1e5, 0.0, true),
    ("psi", Quantity::Pressure, 0, 6_894.757_293_168, 0.0, false),
    ("m", Quantity::Length, 0, 1.0, 0.0, true),
    ("m²", Quantity::Area, 0, 1.0, 0.0, false),
    ("m2", Quantity::Area, 0, 1.0, 0.0, false),
    ("m³", Quantity::Volume, 0, 1.0, 0.0, false),
    ("m3", Quantity::Volume, 0, 1.0, 0.0, false),
    ("l", Quantity::Volume, 0, 1e-3, 0.0, true),
    ("L", Quantity::Volume, 0, 1e-3, 0.0, true),
    ("g", Quantity::Mass, 0, 1.0, 0.0, true),
    ("t", Quantity::Mass, 0, 1e6, 0.0, false),
    ("lx", Quantity::Illuminance, 0, 1.0, 0.0, true),
    ("lux", Quantity::Illuminance, 0, 1.0, 0.0, false),
    ("W/m²", Quantity::Irradiance, 0, 1.0, 0.0, false),
    ("W/m2", Quantity::Irradiance, 0, 1.0, 0.0, false),
    ("ppm", Quantity::Concentration, 0, 1.0, 0.0, false),
    ("ppb", Quantity::Concentration, 0, 1e-3, 0.0, false),
    ("°", Quantity::Angle, 0, 1.0, 0.0, false),
    ("rad", Quantity::Angle, 0, 57.295_779_513_082_32, 0.0, false),
    ("%", Quantity::Ratio, 0, 0.01, 0.0, false),
    ("‰", Quantity::Ratio, 0, 0.001, 0.0, false),
    ("Hz", Quantity::Time, -1, 1.0, 0.0, true),
    ("rpm", Quantity::Time, -1, 1.0 / 60.0, 0.0, false),
    ("s", Quantity::Time, 1, 1.0, 0.0, true),
    ("min", Quantity::Time, 1, 60.0, 0.0, false),
    ("h", Quantity::Time, 1, 3600.0, 0.0, false),
    ("d", Quantity::Time, 1, 86_400.0, 0.0, false),
    ("km/h", Quantity::Length, -1, 1.0 / 3.6, 0.0, false),
];

const PREFIXES: [(&str, f64); 10] = [
    ("G", 1e9),
    ("M", 1e6),
    ("k", 1e3),
    ("h", 1e2),
    ("d", 1e-1),
    ("c", 1e-2),
    ("m", 1e-3),
    ("µ", 1e-6),
    ("μ", 1e-6),
    ("n", 1e-9),
];

impl Unit {
    /// The unit that a text names, if it is known.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let exact = SYMBOLS.iter().find(|(symbol, ..)| *symbol == text).map(Self::from_row);
        exact.or_else(|| Self::prefixed(text)).or_else(|| {
            // l/min, m³/h: a quantity a time.
            let (above, below) = text.split_once('/')?;
            let (above, below) = (Self::parse_simple(above)?, Self::parse_simple(below)?);
            let is_time = below.quantity == Quantity::Time && below.time == 1;
            is_time.then(|| Self { time: above.time - 1, factor: above.factor / below.factor, ..above })
        })
    }

    fn parse_simple(text: &str) -> Option<Self> {
        SYMBOLS.iter().find(|(symbol, ..)| *symbol == text).map(Self::from_row).or_else(|| Self::prefixed(text))
    }

    fn prefixed(text: &str) -> Option<Self> {
        PREFIXES.iter().find_map(|(prefix, factor)| {
            let symbol = text.strip_prefix(prefix)?;
            let row = SYMBOLS.iter().find(|(known, .., prefixes)| *known == symbol && *prefixes)?;
            let unit = Self::from_row(row);
            Some(Self { factor: unit.factor * factor, ..unit })
        })
    }

    fn from_row(row: &(&str, Quantity, i8, f64, f64, bool)) -> Self {
        Self { quantity: row.1, time: row.2, factor: row.3, offset: row.4 }
    }

    fn same_quantity(&self, other: &Self) -> bool {
        self.quantity == other.quantity && self.time == other.time
    }

    /// A symbol for this unit, if there is one.
    #[allow(clippy::float_cmp)] // offsets are constants of the table
    fn symbol(&self) -> Option<String> {
        let fits = |unit: &Self| {
            unit.same_quantity(self) && (unit.factor / self.factor - 1.0).abs() < 1e-9 && unit.offset == self.offset
        };
        let plain = SYMBOLS.iter().find(|row| fits(&Self::from_row(row))).map(|row| row.0.to_owned());
        let prefixed = || {
            let rows = SYMBOLS.iter().filter(|row| row.5);
            rows.flat_map(|row| PREFIXES.iter().map(move |(prefix, _)| format!("{prefix}{}", row.0)))
                .find(|symbol| Self::prefixed(symbol).is_some_and(|unit| fits(&unit)))
        };
        plain.or_else(prefixed)
    }

    /// The same, with a time below the stroke if there is no symbol of its own: `kWh/min`.
    fn symbol_by_time(&self) -> Option<String> {
        let by = |per: &&str| {
            let below = Self::parse_simple(per)?;
            let above = Self { time: self.time + 1, factor: self.factor * below.factor, ..*self };
            above.symbol().map(|above| format!("{above}/{per}"))
        };
        self.symbol().or_else(|| ["h", "min", "s"].iter().find_map(by))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.symbol().unwrap_or_else(|| "another unit".into()))
    }
}

/// What a step does to a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    /// Nothing.
    Keep,
    /// The value is multiplied by the first and the second is added.
    Affine(f64, f64),
    /// A difference of two values: what was added before does not count.
    Difference,
    /// The change in so many seconds.
    Rate(f64),
    /// The sum over time, in units of so many seconds.
    Integral(f64),
    /// Nobody knows.
    Lose,
}

/// A unit on its way through a pipeline.
#[derive(Debug, Clone, Copy)]
struct Travelling {
    unit: Unit,
    scale: f64,
    offset: f64,
}

impl Travelling {
    fn after(self, effect: Effect) -> Option<Self> {
        let Self { unit, scale, offset } = self;
        Some(match effect {
            Effect::Keep => self,
            Effect::Affine(factor, by) => Self { scale: scale * factor, offset: offset * factor + by, ..self },
            Effect::Difference => Self { unit: Unit { offset: 0.0, ..unit }, scale, offset: 0.0 },
            Effect::Rate(per_s) => {
                let unit = Unit { time: unit.time - 1, factor: unit.factor / per_s, offset: 0.0, ..unit };
                Self { unit, scale, offset: 0.0 }
            }
            Effect::Integral(per_s) => {
                let unit = Unit { time: unit.time + 1, factor: unit.factor * per_s, offset: 0.0, ..unit };
                Self { unit, scale, offset: 0.0 }
            }
            Effect::Lose => return None,
        })
    }

    fn through(unit: Unit, effects: impl Iterator<Item = Effect>) -> Option<Self> {
        let start = Self { unit, scale: 1.0, offset: 0.0 };
        effects.into_iter().try_fold(start, Self::after)
    }
}

/// The unit that comes out of a pipeline into which values of this unit go, if it has a symbol.
pub(crate) fn travelled(from: &str, effects: impl Iterator<Item = Effect>) -> Option<String> {
    let mut kept = true;
    let effects: Vec<Effect> = effects.inspect(|effect| kept &= *effect == Effect::Keep).collect();
    if kept {
        return Some(from.to_owned());
    }
    let Travelling { unit, scale, offset } = Travelling::through(Unit::parse(from)?, effects.into_iter())?;
    if offset.abs() > f64::EPSILON {
        return None;
    }
    Unit { factor: unit.factor / scale, ..unit }.symbol_by_time()
}

/// Whether two units are known, and a number in one of them is another number in the other.
pub(crate) fn apart(a: &str, b: &str) -> bool {
    mismatch(a, b, std::iter::empty()).is_some()
}

/// What is wrong with sending values of one unit to a datapoint of another, and what to try.
pub(crate) fn mismatch(
    from: &str,
    to: &str,
    effects: impl Iterator<Item = Effect>,
) -> Option<(String, Option<String>)> {
    let (source, target) = (Unit::parse(from)?, Unit::parse(to)?);
    let Travelling { unit, scale, offset } = Travelling::through(source, effects)?;
    if !unit.same_quantity(&target) {
        let is = unit.symbol().filter(|_| unit != source).unwrap_or_else(|| from.to_owned());
        return Some((format!("values in {is} go to a datapoint in {to}"), None));
    }
    let wanted = unit.factor / target.factor;
    let apart = (scale / wanted).abs();
    // A factor that is a little off is somebody's calibration; none at all is not.
    let is_missing = (scale - 1.0).abs() < f64::EPSILON && (apart - 1.0).abs() > 0.01;
    if is_missing || !(0.2..5.0).contains(&apart) {
        let missing = wanted / scale;
        let message = format!("values in {from} go to a datapoint in {to} without their factor of {}", shown(wanted));
        return Some((message, Some(format!("add `scale({})`", shown(missing)))));
    }
    let shift = (unit.offset - target.offset) / target.factor;
    if shift.abs() > 1.0 && offset == 0.0 {
        let message = format!("values in {from} go to a datapoint in {to} without their offset of {}", shown(shift));
        return Some((message, Some(format!("add `offset({})`", shown(shift)))));
    }
    None
}

fn shown(x: f64) -> String {
    let digits = format!("{x:.9}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Points;
    use crate::transform::Pipeline;

    fn effects(text: &str) -> Vec<Effect> {
        if text.is_empty() {
            return Vec::new();
        }
        Pipeline::compile(text, &mut Points::default()).unwrap().effects().collect()
    }

    #[track_caller]
    fn check(from: &str, transform: &str, to: &str, want: &str) {
        let found = mismatch(from, to, effects(transform).into_iter());
        assert_eq!(found.map_or(String::new(), |(message, _)| message), want);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        check("V", "", "A", "values in V go to a datapoint in A");
        check("mV", "", "V", "values in mV go to a datapoint in V without their factor of 0.001");
        check("mV", "scale(0.001)", "V", "");
        check("W", "scale(0.001) | round(1)", "kW", "");
        check("W", "avg(60s)", "kW", "values in W go to a datapoint in kW without their factor of 0.001");
        check("W", "integrate(1h)", "Wh", "");
        check("W", "integrate(1h) | scale(0.001)", "kWh", "");
        check("W", "integrate(1h)", "kWh", "values in W go to a datapoint in kWh without their factor of 0.001");
        check("W", "", "Wh", "values in W go to a datapoint in Wh");
        check("kWh", "rate(1h)", "kW", "");
        check("l", "rate(1min)", "l/min", "");
        check("K", "offset(-273.15)", "°C", "");
        check("K", "", "°C", "values in K go to a datapoint in °C without their offset of -273.15");
        check("°C", "delta", "K", "");
        check("V", "scale(1.02)", "V", "");
        check("km/h", "", "m/s", "values in km/h go to a datapoint in m/s without their factor of 0.277777778");
        check("km/h", "scale(0.28)", "m/s", "");
        check("°F", "offset(-32)", "°C", "values in °F go to a datapoint in °C without their factor of 0.555555556");
        check("V", "expr(value * 3)", "A", "");
        check("furlong", "", "A", "");
        check("%", "", "%", "");
    }

    #[test]
    fn a_unit_travels_through_the_steps() {
        let travel = |from, transform| travelled(from, effects(transform).into_iter());
        assert_eq!(travel("W", "avg(60s) | round(0)").as_deref(), Some("W"));
        assert_eq!(travel("W", "scale(0.001)").as_deref(), Some("kW"));
        assert_eq!(travel("W", "integrate(1h)").as_deref(), Some("Wh"));
        assert_eq!(travel("W", "integrate(1h) | scale(0.001)").as_deref(), Some("kWh"));
        assert_eq!(travel("furlong", "round(1)").as_deref(), Some("furlong"));
        assert_eq!(travel("kWh", "rate(1h)").as_deref(), Some("kW"));
        assert_eq!(travel("kWh", "rate(1min)").as_deref(), Some("kWh/min"));
        assert_eq!(travel("m³", "rate(1h)").as_deref(), Some("m³/h"));
        assert_eq!(travel("W", "hysteresis(1, 2)"), None);
        assert_eq!(travel("W", "scale(3)"), None);
    }
}
