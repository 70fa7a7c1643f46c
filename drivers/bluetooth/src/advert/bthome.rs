//! `BTHome` version 2 (bthome.io, "`BTHome` v2 format"): a byte of device information, then objects of an id and a number, the low
//! byte first, in rising order of their ids. An id that is not known has no length, so what follows it cannot be read.

use fieldrail_model::Value;

use crate::measured::{Bytes, Measured};

const ENCRYPTED: u8 = 1;
const VERSION: u8 = 2;

/// How an object is read.
enum Form {
    /// An unsigned number of so many bytes, times so much.
    Unsigned(usize, (i64, i64)),
    /// The same with a sign.
    Signed(usize, (i64, i64)),
    /// Yes or no.
    Yes,
    /// What was done with a button.
    Button,
    /// A dimmer was turned by so many steps; positive is to the right.
    Dimmer,
    /// A byte of length, and text.
    Text,
    /// A byte of length, and bytes.
    Raw,
    /// Is passed over.
    Skip(usize),
}

use Form::{Button, Dimmer, Raw, Signed, Skip, Text, Unsigned, Yes};

pub(super) fn is_encrypted(data: &[u8]) -> bool {
    data.first().is_some_and(|info| info >> 5 == VERSION && info & ENCRYPTED != 0)
}

pub(super) fn decode(data: &[u8]) -> Option<Vec<Measured>> {
    let mut bytes = Bytes(data);
    let info = bytes.byte()?;
    if info >> 5 != VERSION || info & ENCRYPTED != 0 {
        return None;
    }
    let mut found: Vec<Measured> = Vec::new();
    while let Some((name, form, unit)) = bytes.byte().and_then(object) {
        let Some(value) = value(&form, &mut bytes) else { break };
        if !matches!(value, Value::Null) {
            found.push(Measured { name: name.into(), value, unit: Some(unit).filter(|unit| !unit.is_empty()) });
        }
    }
    number_doubles(&mut found);
    Some(found)
}

/// The second of the same name is `temperature_2`.
fn number_doubles(found: &mut [Measured]) {
    let names: Vec<String> = found.iter().map(|one| one.name.to_string()).collect();
    for (at, one) in found.iter_mut().enumerate() {
        let before = names[..at].iter().filter(|name| **name == names[at]).count();
        if before > 0 {
            one.name = format!("{}_{}", names[at], before + 1).into();
        }
    }
}

/// The value of one object: none if it is cut, null if it says nothing.
fn value(form: &Form, bytes: &mut Bytes<'_>) -> Option<Value> {
    Some(match form {
        Unsigned(length, scale) => crate::measured::scaled(bytes.unsigned(*length)?, *scale),
        Signed(length, scale) => crate::measured::scaled(bytes.signed(*length)?, *scale),
        Yes => Value::Bool(bytes.byte()? != 0),
        Button => button(bytes.byte()?).map_or(Value::Null, Value::text),
        Dimmer => {
            let (direction, steps) = (bytes.byte()?, i64::from(bytes.byte()?));
            match direction {
                1 => Value::Int(-steps),
                2 => Value::Int(steps),
                _ => Value::Null,
            }
        }
        Text => {
            let length = bytes.byte()?;
            Value::text(String::from_utf8_lossy(bytes.take(length.into())?))
        }
        Raw => {
            let length = bytes.byte()?;
            Value::bytes(bytes.take(length.into())?)
        }
        Skip(length) => {
            bytes.take(*length)?;
            Value::Null
        }
    })
}

fn button(event: u8) -> Option<&'static str> {
    Some(match event {
        1 => "press",
        2 => "double_press",
        3 => "triple_press",
        4 => "long_press",
        5 => "long_double_press",
        6 => "long_triple_press",
        0x80 | 0xfe => "hold_press",
        _ => return None,
    })
}

/// Name, form and unit of an object; none if it is not known.
#[allow(clippy::too_many_lines)] // one line for each entry of the specification's tables
fn object(id: u8) -> Option<(&'static str, Form, &'static str)> {
    const ONE: (i64, i64) = (1, 1);
    const TENTH: (i64, i64) = (1, 10);
    const HUNDREDTH: (i64, i64) = (1, 100);
    const THOUSANDTH: (i64, i64) = (1, 1000);
    Some(match id {
        // It only tells two advertisements apart.
        0x00 => ("packet", Skip(1), ""),
        0x01 => ("battery", Unsigned(1, ONE), "%"),
        0x02 => ("temperature", Signed(2, HUNDREDTH), "°C"),
        0x03 => ("humidity", Unsigned(2, HUNDREDTH), "%"),
        0x04 => ("pressure", Unsigned(3, HUNDREDTH), "hPa"),
        0x05 => ("illuminance", Unsigned(3, HUNDREDTH), "lx"),
        0x06 => ("mass", Unsigned(2, HUNDREDTH), "kg"),
        0x07 => ("mass_lb", Unsigned(2, HUNDREDTH), "lb"),
        0x08 => ("dew_point", Signed(2, HUNDREDTH), "°C"),
        0x09 => ("count", Unsigned(1, ONE), ""),
        0x0a => ("energy", Unsigned(3, THOUSANDTH), "kWh"),
        0x0b => ("power", Unsigned(3, HUNDREDTH), "W"),
        0x0c => ("voltage", Unsigned(2, THOUSANDTH), "V"),
        0x0d => ("pm2_5", Unsigned(2, ONE), "µg/m³"),
        0x0e => ("pm10", Unsigned(2, ONE), "µg/m³"),
        0x0f => ("boolean", Yes, ""),
        0x10 => ("on", Yes, ""),
        0x11 => ("opening", Yes, ""),
        0x12 => ("co2", Unsigned(2, ONE), "ppm"),
        0x13 => ("tvoc", Unsigned(2, ONE), "µg/m³"),
        0x14 => ("moisture", Unsigned(2, HUNDREDTH), "%"),
        0x15 => ("battery_low", Yes, ""),
        0x16 => ("battery_charging", Yes, ""),
        0x17 => ("carbon_monoxide", Yes, ""),
        0x18 => ("cold", Yes, ""),
        0x19 => ("connectivity", Yes, ""),
        0x1a => ("door", Yes, ""),
        0x1b => ("garage_door", Yes, ""),
        0x1c => ("gas_alarm", Yes, ""),
        0x1d => ("heat", Yes, ""),
        0x1e => ("light", Yes, ""),
        0x1f => ("unlocked", Yes, ""),
        0x20 => ("wet", Yes, ""),
        0x21 => ("motion", Yes, ""),
        0x22 => ("moving", Yes, ""),
        0x23 => ("occupancy", Yes, ""),
        0x24 => ("plugged_in", Yes, ""),
        0x25 => ("presence", Yes, ""),
        0x26 => ("problem", Yes, ""),
        0x27 => ("running", Yes, ""),
        0x28 => ("safe", Yes, ""),
        0x29 => ("smoke", Yes, ""),
        0x2a => ("sound", Yes, ""),
        0x2b => ("tamper", Yes, ""),
        0x2c => ("vibration", Yes, ""),
        0x2d => ("window", Yes, ""),
        0x2e => ("humidity", Unsigned(1, ONE), "%"),
        0x2f => ("moisture", Unsigned(1, ONE), "%"),
        0x3a => ("button", Button, ""),
        0x3c => ("dimmer", Dimmer, ""),
        0x3d => ("count", Unsigned(2, ONE), ""),
        0x3e => ("count", Unsigned(4, ONE), ""),
        0x3f => ("rotation", Signed(2, TENTH), "°"),
        0x40 => ("distance", Unsigned(2, ONE), "mm"),
        0x41 => ("distance_m", Unsigned(2, TENTH), "m"),
        0x42 => ("duration", Unsigned(3, THOUSANDTH), "s"),
        0x43 => ("current", Unsigned(2, THOUSANDTH), "A"),
        0x44 => ("speed", Unsigned(2, HUNDREDTH), "m/s"),
        0x45 => ("temperature", Signed(2, TENTH), "°C"),
        0x46 => ("uv_index", Unsigned(1, TENTH), ""),
        0x47 => ("volume", Unsigned(2, TENTH), "L"),
        0x48 => ("volume_ml", Unsigned(2, ONE), "mL"),
        0x49 => ("volume_flow", Unsigned(2, THOUSANDTH), "m³/h"),
        0x4a => ("voltage", Unsigned(2, TENTH), "V"),
        0x4b => ("gas", Unsigned(3, THOUSANDTH), "m³"),
        0x4c => ("gas", Unsigned(4, THOUSANDTH), "m³"),
        0x4d => ("energy", Unsigned(4, THOUSANDTH), "kWh"),
        0x4e => ("volume", Unsigned(4, THOUSANDTH), "L"),
        0x4f => ("water", Unsigned(4, THOUSANDTH), "L"),
        0x50 => ("timestamp", Unsigned(4, ONE), "s"),
        0x51 => ("acceleration", Unsigned(2, THOUSANDTH), "m/s²"),
        0x52 => ("gyroscope", Unsigned(2, THOUSANDTH), "°/s"),
        0x53 => ("text", Text, ""),
        0x54 => ("raw", Raw, ""),
        0x55 => ("volume_storage", Unsigned(4, THOUSANDTH), "L"),
        0x56 => ("conductivity", Unsigned(2, ONE), "µS/cm"),
        0x57 => ("temperature", Signed(1, ONE), "°C"),
        0x58 => ("temperature", Signed(1, (35, 100)), "°C"),
        0x59 => ("count", Signed(1, ONE), ""),
        0x5a => ("count", Signed(2, ONE), ""),
        0x5b => ("count", Signed(4, ONE), ""),
        0x5c => ("power", Signed(4, HUNDREDTH), "W"),
        0x5d => ("current", Signed(2, THOUSANDTH), "A"),
        0x5e => ("direction", Unsigned(2, HUNDREDTH), "°"),
        0x5f => ("precipitation", Unsigned(2, TENTH), "mm"),
        0x60 => ("channel", Unsigned(1, ONE), ""),
        0xf0 => ("device_type", Unsigned(2, ONE), ""),
        0xf1 => ("firmware", Skip(4), ""),
        0xf2 => ("firmware", Skip(3), ""),
        _ => return None,
    })
}
