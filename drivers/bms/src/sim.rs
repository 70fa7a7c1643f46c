//! Batteries that play, on the real protocols: for `--sim`, for the command `simulate`, and for tests.
//!
//! Read in this order: [`Pack`] what a battery is, [`Device`] how one speaks (`daly`, `jbd`, `victron`, `ant`), [`bus`]
//! several on one line and what goes wrong there, [`line`] the line itself, `command` the command line.
//!
//! The encoders know nothing of the decoders, so that a mistake in one is not hidden by the same in the other.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a pack that plays stays far within what its protocol can say

mod ant;
pub mod bus;
mod command;
mod daly;
mod jbd;
pub mod line;
mod pack;
mod victron;

pub use ant::Ant;
pub use bus::{Battery, Bus, Change, Faults};
pub use command::command;
pub use daly::Daly;
pub use jbd::Jbd;
pub use line::Line;
pub use pack::Pack;
pub use victron::Victron;

use std::net::{Ipv4Addr, SocketAddr};

use fieldrail_driver::Failure;

use crate::config::{AUTO, Config};

/// How a battery speaks. Pure.
pub trait Device: Send {
    /// Takes what is said on the line, in whatever pieces; returns its answers, one frame each.
    fn hear(&mut self, bytes: &[u8], pack: &mut Pack) -> Vec<Vec<u8>>;

    /// What it says by itself, once a second.
    fn says(&mut self, pack: &Pack) -> Option<Vec<u8>> {
        let _ = pack;
        None
    }
}

/// The devices that can play, with the variants of each; the first is the usual one.
pub const DEVICES: [(&str, &[&str]); 4] =
    [("daly", &["a5"]), ("jbd", &["dd"]), ("victron", &["ve_direct_text"]), ("ant", &["old_dbdb", "new_7ea1"])];

/// A battery of this kind, in this variant, with this number on its line. None if none of that kind can play.
pub fn battery(device: &str, variant: Option<&str>, number: u8, cells: usize) -> Option<Battery> {
    let (_, variants) = DEVICES.iter().find(|(name, _)| *name == device)?;
    let variant = variant.unwrap_or(variants[0]);
    if !variants.contains(&variant) {
        return None;
    }
    let speaks: Box<dyn Device> = match device {
        "daly" => Box::new(Daly::new(number)),
        "jbd" => Box::<Jbd>::default(),
        "victron" => Box::<Victron>::default(),
        _ => Box::new(Ant::new(variant == "new_7ea1")),
    };
    Some(Battery { pack: Pack::new(cells, number.into()), device: speaks, silent: false })
}

/// A number in thousandths, in steps of so many of them.
fn steps(milli: i32, step: i32) -> i32 {
    (f64::from(milli) / f64::from(step)).round() as i32
}

/// What plays where the configuration names no battery.
const USUAL: &str = "jbd";

/// Starts what the configuration names on loopback, and returns the configuration that points to it.
pub(crate) fn start(mut config: Config) -> Result<Config, Failure> {
    let device = if config.battery == AUTO { USUAL } else { config.battery.as_str() };
    let cells = config.cells.map_or(16, usize::from);
    let no_sim = || {
        let names = DEVICES.map(|(name, _)| name);
        Failure::new(format!("no `{device}` can play here")).hint(format!("what can play: {}", names.join(", ")))
    };
    let variant = config.variant.as_deref();
    let one = |number| battery(device, variant, number, cells).ok_or_else(no_sim);
    if config.packs.is_empty() {
        let number = config.address.unwrap_or(1);
        let place = serve(Bus::new(vec![one(number)?], Faults::default()))?;
        (config.host, config.port) = (Some(place.ip().to_string()), Some(place.port()));
    }
    // Each pack has a line of its own: not all of these batteries can share one.
    for pack in &mut config.packs {
        let place = serve(Bus::new(vec![one(pack.address.unwrap_or(1))?], Faults::default()))?;
        (pack.device, pack.file) = (None, None);
        (pack.host, pack.port) = (Some(place.ip().to_string()), Some(place.port()));
    }
    config.battery = device.to_owned();
    (config.device, config.file, config.baud) = (None, None, None);
    Ok(config)
}

/// Plays until the process ends.
fn serve(bus: Bus) -> Result<SocketAddr, Failure> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let no_port = |error| Failure::new(format!("the simulated battery cannot listen on loopback: {error}"));
    let line = Line::on_tcp(bus, any).map_err(no_port)?;
    let address = line.address().ok_or_else(|| Failure::new("the simulated battery has no address"))?;
    std::mem::forget(line);
    Ok(address)
}
