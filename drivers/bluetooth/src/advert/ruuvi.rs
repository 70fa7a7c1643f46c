//! Ruuvi's data format 5, `RAWv2` (docs.ruuvi.com, "Data format 5"): 24 bytes under Ruuvi's number, the high byte first. The
//! highest number of each field, and the lowest of signed ones, say that there is no value.

use crate::measured::{Bytes, Measured};

const FORMAT: u8 = 5;
const LENGTH: usize = 24;

pub(super) fn decode(data: &[u8]) -> Option<Vec<Measured>> {
    if data.len() != LENGTH {
        return None;
    }
    let mut bytes = Bytes(data);
    if bytes.byte()? != FORMAT {
        return None;
    }
    let signed = |number: i64| Some(number).filter(|number| *number != i64::from(i16::MIN));
    let unsigned = |number: i64| Some(number).filter(|number| *number != i64::from(u16::MAX));
    let temperature = signed(bytes.short()?);
    let humidity = unsigned(bytes.word()?);
    let pressure = unsigned(bytes.word()?);
    let acceleration = [signed(bytes.short()?), signed(bytes.short()?), signed(bytes.short()?)];
    let power = bytes.word()?;
    let movements = Some(i64::from(bytes.byte()?)).filter(|count| *count != 255);
    let sequence = unsigned(bytes.word()?);
    let scaled = |name, raw: Option<i64>, scale, unit| raw.map(|raw| Measured::scaled(name, raw, scale, unit));
    let found = [
        scaled("temperature", temperature, (5, 1000), "°C"),
        scaled("humidity", humidity, (25, 10_000), "%"),
        scaled("pressure", pressure.map(|raw| raw + 50_000), (1, 100), "hPa"),
        scaled("acceleration_x", acceleration[0], (1, 1000), "g"),
        scaled("acceleration_y", acceleration[1], (1, 1000), "g"),
        scaled("acceleration_z", acceleration[2], (1, 1000), "g"),
        // Eleven bits of voltage above 1.6 V, five of the power that it sends with.
        scaled("voltage", Some(power >> 5).filter(|raw| *raw != 0x7ff).map(|raw| raw + 1600), (1, 1000), "V"),
        scaled("tx_power", Some(power & 0x1f).filter(|raw| *raw != 0x1f).map(|raw| 2 * raw - 40), (1, 1), "dBm"),
        scaled("movements", movements, (1, 1), ""),
        scaled("sequence", sequence, (1, 1), ""),
    ];
    Some(found.into_iter().flatten().collect())
}
