//! A device that plays: a hybrid inverter with a battery, in whatever registers the configuration names, as a Modbus TCP
//! server on loopback. A day takes ten minutes. What is written stays written, and the limits among it are obeyed.

pub mod faults;
mod house;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fieldrail_driver::Failure;
use fieldrail_model::Value;
use tokio::task::spawn_local;
use tokio::time::{Instant, interval};

use crate::codec::pdu::Table;
use crate::config::Config;
use crate::line::Framing;
use crate::map::Entry;
use crate::setup::Setup;
use crate::sunspec::{Model, layout};
use crate::value::{Form, Written};
pub use faults::{Faults, Wrong};
use house::House;
pub use server::{Bank, Server, SharedBank};

/// How often the values change.
const STEP: Duration = Duration::from_millis(500);

/// What plays where the configuration names no registers.
const PROFILE: &str = "sungrow_sh";

/// Models of a simulated SunSpec device, and where its map begins.
const MODELS: [u16; 4] = [1, 103, 124, 203];
const BASE: u16 = 40_000;

/// Starts the device, and returns the configuration that points to it.
pub(crate) async fn start(config: Config) -> Result<Config, Failure> {
    let mut config = config;
    if config.units.is_empty() && config.registers.is_empty() && config.profile.is_none() && !config.sunspec {
        config.profile = Some(PROFILE.into());
    }
    if config.host.is_none() && config.device.is_none() {
        config.host = Some(Ipv4Addr::LOCALHOST.to_string());
    }
    let setup = Setup::new(&config)?;
    let no_port =
        |error: std::io::Error| Failure::new(format!("the simulated device cannot listen on loopback: {error}"));
    let bank = SharedBank::default();
    let entries = furnish(&mut bank.lock(), &setup);
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::start(bank.clone(), any, Framing::Tcp).await.map_err(no_port)?;
    let port = server.address.port();
    // It plays until the process ends.
    std::mem::forget(server);
    spawn_local(play(bank, entries));
    Ok(Config {
        host: Some(Ipv4Addr::LOCALHOST.to_string()),
        port: Some(port),
        fallback: None,
        device: None,
        framing: Some(Framing::Tcp),
        ..config
    })
}

/// Gives each unit its registers. Returns what plays.
fn furnish(bank: &mut Bank, setup: &Setup) -> Vec<(u8, Entry)> {
    let mut playing = Vec::new();
    for unit in &setup.units {
        let mut entries = unit.entries.clone();
        if unit.sunspec {
            entries.extend(sunspec(bank, unit.number));
        }
        for entry in &entries {
            // All registers of a datapoint are there before it has a value.
            for at in entry.address..=entry.last() {
                bank.add(unit.number, entry.table, at);
            }
        }
        playing.extend(entries.into_iter().map(|entry| (unit.number, entry)));
    }
    playing
}

/// A SunSpec map with the usual models of an inverter and a meter.
fn sunspec(bank: &mut Bank, unit: u8) -> Vec<Entry> {
    let mut words = vec![0x5375, 0x6e53];
    let mut entries = Vec::new();
    for (number, model) in MODELS.iter().filter_map(|&number| Some((number, Model::find(number)?))) {
        let base = BASE.saturating_add(u16::try_from(words.len()).unwrap_or(0));
        let length = model.length();
        let mut image = vec![0; usize::from(length) + 2];
        image[0] = number;
        image[1] = length;
        entries.extend(layout(&model, &image, base, &number.to_string()));
        words.extend(image);
    }
    words.extend([0xffff, 0]);
    for (at, word) in (BASE..).zip(words) {
        bank.set(unit, Table::Holding, at, word);
    }
    entries
}

/// Plays until the driver ends.
async fn play(bank: SharedBank, entries: Vec<(u8, Entry)>) {
    let start = Instant::now();
    let mut house = House::default();
    let mut step = interval(STEP);
    let mut is_first = true;
    loop {
        step.tick().await;
        let mut bank = bank.lock();
        house.obey(entries.iter().filter_map(|(unit, entry)| Some((entry.name.as_str(), read(&bank, *unit, entry)?))));
        house.step(start.elapsed(), STEP);
        for (unit, entry) in &entries {
            // What a person may set is set once, and then is what it was set to.
            if entry.write.is_none() || is_first {
                let value = house.value(&entry.name, entry.unit.as_deref(), entry.form.kind);
                show(&mut bank, *unit, entry, &value);
            }
        }
        is_first = false;
    }
}

/// The number that stands in a writable register.
fn read(bank: &Bank, unit: u8, entry: &Entry) -> Option<f64> {
    entry.write?;
    let words: Option<Vec<u16>> = (entry.address..=entry.last()).map(|at| bank.get(unit, entry.table, at)).collect();
    entry.form.decode(&words?, entry.power_at.map(|_| 0)).value.as_f64()
}

/// Puts a value into its registers, as near as they can hold it.
fn show(bank: &mut Bank, unit: u8, entry: &Entry, value: &Value) {
    let written = if entry.table.is_bits() {
        Form::encode_bit(value)
    } else {
        entry.form.encode(value, entry.power_at.map(|_| 0))
    };
    let (mask, words) = match written {
        Ok(Written::Bit(on)) => (vec![u16::MAX], vec![u16::from(on)]),
        Ok(Written::Registers(words)) => (vec![u16::MAX; words.len()], words),
        Ok(Written::Field { mask, bits }) => (mask, bits),
        Err(_) => return,
    };
    for ((at, mask), word) in (entry.address..=u16::MAX).zip(mask).zip(words) {
        let old = bank.get(unit, entry.table, at).unwrap_or(0);
        bank.set(unit, entry.table, at, old & !mask | word);
    }
}
