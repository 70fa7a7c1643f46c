//! A Victron `SmartShunt` on `VE.Direct`: two blocks of text that take turns once a second.

use std::fmt::Write as _;

use super::{Device, Pack};

/// One shunt.
#[derive(Debug, Default)]
pub struct Victron {
    /// Whether the next block is that of the history.
    history: bool,
}

impl Device for Victron {
    fn hear(&mut self, _bytes: &[u8], _pack: &mut Pack) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn says(&mut self, pack: &Pack) -> Option<Vec<u8>> {
        let fields = if self.history { history() } else { present(pack) };
        self.history = !self.history;
        Some(block(&fields))
    }
}

fn present(pack: &Pack) -> Vec<(&'static str, String)> {
    let consumed = pack.remaining_mah - f64::from(pack.capacity_mah);
    vec![
        ("PID", "0xA389".into()),
        ("V", pack.voltage_mv().to_string()),
        ("I", pack.current_ma.to_string()),
        ("P", pack.power_w().to_string()),
        ("CE", format!("{consumed:.0}")),
        ("SOC", format!("{:.0}", 10.0 * pack.soc())),
        ("TTG", if pack.current_ma < 0 { minutes_left(pack) } else { "-1".into() }),
        ("Alarm", if pack.cell_high { "ON" } else { "OFF" }.into()),
        ("AR", if pack.cell_high { "2" } else { "0" }.into()),
        ("BMV", "SmartShunt 500A/50mV".into()),
        ("FW", "0416".into()),
        ("MON", "0".into()),
    ]
}

fn history() -> Vec<(&'static str, String)> {
    let fields = [("H1", "-98200"), ("H2", "-1200"), ("H3", "-40100"), ("H4", "41"), ("H5", "0"), ("H6", "-1876218")];
    fields.iter().map(|(label, value)| (*label, (*value).to_owned())).collect()
}

fn minutes_left(pack: &Pack) -> String {
    format!("{:.0}", 60.0 * pack.remaining_mah / f64::from(-pack.current_ma))
}

/// The lines with their checksum: the sum of all bytes is a multiple of 256.
fn block(fields: &[(&str, String)]) -> Vec<u8> {
    let mut text = String::new();
    for (label, value) in fields {
        let _ = write!(text, "\r\n{label}\t{value}");
    }
    text.push_str("\r\nChecksum\t");
    let mut bytes = text.into_bytes();
    bytes.push(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_sub(*byte)));
    bytes
}
