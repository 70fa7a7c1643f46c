//! The configuration, checked, with the profiles read: where the line is, how it is spoken on, and which units it has.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use fieldrail_link_serial::{Place, Settings};
use fieldrail_model::text::did_you_mean;

use crate::config::{Config, Unit};
use crate::error::Error;
use crate::line::{Framing, Manner};
use crate::map::profile::Device;
use crate::map::{Entry, Profile, Register, builtin};
use crate::plan::Limits;
use crate::value::Order;

/// What the driver works with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The ways to the line, the first one first.
    pub places: Vec<Place>,
    /// How it is spoken on.
    pub manner: Manner,
    /// Time between two readings that nobody asks for more often.
    pub poll: Duration,
    /// How long a unit may take to answer.
    pub timeout: Duration,
    /// What holds for units that are asked without being configured.
    pub limits: Limits,
    /// The units.
    pub units: Vec<UnitSetup>,
}

/// One unit.
#[derive(Debug, Clone)]
pub struct UnitSetup {
    /// Its number on the line.
    pub number: u8,
    /// The beginning of its tags; none if it is alone.
    pub name: Option<String>,
    /// What it is, for people.
    pub title: Option<String>,
    /// Its registers.
    pub entries: Vec<Entry>,
    /// Whether it describes itself by SunSpec.
    pub sunspec: bool,
    /// What it takes.
    pub limits: Limits,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// The most registers in one request unless something else is said: some devices take no more.
const USUAL_REGISTERS: u16 = 100;

/// How many registers are read along unless something else is said.
const USUAL_GAP: u16 = 8;

fn wrong(key: impl Into<String>, reason: impl Into<String>, hint: Option<&'static str>) -> Error {
    Error::Config { key: key.into(), reason: reason.into(), hint }
}

impl Setup {
    /// Checks a configuration, and reads the files it names.
    ///
    /// # Errors
    /// The first key that cannot work.
    pub fn new(config: &Config) -> Result<Self, Error> {
        check_numbers(config)?;
        let parts = parts(config)?;
        let mut units = Vec::with_capacity(parts.len());
        let mut first = Device::default();
        for (index, (key, part)) in parts.iter().enumerate() {
            let (unit, device) = unit(config, key, part)?;
            if index == 0 {
                first = device;
            }
            units.push(unit);
        }
        check_units(config, &units)?;
        let place = place(config, &first)?;
        let second = fallback(config, &place)?;
        let framing = config.framing.unwrap_or(if config.host.is_some() { Framing::Tcp } else { Framing::Rtu });
        if framing == Framing::Tcp && config.device.is_some() {
            return Err(wrong("framing", "Modbus TCP is not spoken on a serial port", Some("take `rtu` or `ascii`")));
        }
        let silence = match &place {
            Place::Device { settings, .. } if framing != Framing::Tcp => settings.silence(),
            _ => Duration::ZERO,
        };
        Ok(Self {
            places: std::iter::once(place).chain(second).collect(),
            manner: Manner { framing, silence, pause: ms(config.pause_ms) },
            poll: ms(config.poll_ms),
            timeout: ms(config.timeout_ms),
            limits: limits(config, None, &Device::default()),
            units,
        })
    }
}

fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

fn check_numbers(config: &Config) -> Result<(), Error> {
    for (key, value, low, high) in [
        ("poll_ms", config.poll_ms, 1, 86_400_000),
        ("timeout_ms", config.timeout_ms, 10, 60_000),
        ("pause_ms", config.pause_ms, 0, 10_000),
        ("baud", config.baud.unwrap_or(9600), 50, 4_000_000),
        ("data_bits", config.data_bits.unwrap_or(8).into(), 7, 8),
        ("stop_bits", config.stop_bits.into(), 1, 2),
        ("max_registers", config.max_registers.unwrap_or(100).into(), 1, 125),
        ("max_gap", config.max_gap.unwrap_or(0).into(), 0, 124),
    ] {
        if !(low..=high).contains(&value) {
            return Err(wrong(key, format!("{value} is not {low} to {high}"), None));
        }
    }
    Ok(())
}

/// The units, each with the key that errors name.
fn parts(config: &Config) -> Result<Vec<(String, Unit)>, Error> {
    let is_single = config.unit.is_some() || config.profile.is_some() || config.sunspec || !config.registers.is_empty();
    if !config.units.is_empty() {
        if is_single {
            let hint = Some("move `unit`, `profile`, `sunspec` and `registers` into an entry of `units`");
            return Err(wrong("units", "it stands beside the keys of a single unit", hint));
        }
        let keyed = |(index, unit): (usize, &Unit)| (format!("units[{index}]."), unit.clone());
        return Ok(config.units.iter().enumerate().map(keyed).collect());
    }
    let unit = Unit {
        unit: config.unit.unwrap_or(0),
        name: String::new(),
        profile: config.profile.clone(),
        sunspec: config.sunspec,
        registers: config.registers.clone(),
        word_order: config.word_order,
        timeout_ms: None,
        max_registers: None,
        max_gap: None,
    };
    Ok(vec![(String::new(), unit)])
}

fn unit(config: &Config, key: &str, part: &Unit) -> Result<(UnitSetup, Device), Error> {
    let profile = part.profile.as_deref().map(|name| profile(&format!("{key}profile"), name)).transpose()?;
    let device = profile.as_ref().map(|profile| profile.device.clone()).unwrap_or_default();
    let mut manner = profile.as_ref().map(|profile| profile.manner).unwrap_or_default();
    let order: Option<Order> = part.word_order.or(config.word_order);
    manner.word_order = order.unwrap_or(manner.word_order);
    let title = profile.as_ref().map(|profile| profile.title.clone());
    let limits = limits(config, Some(part), &device);
    let mut entries = profile.map(|profile| profile.entries).unwrap_or_default();
    let mut names: HashSet<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    for (index, register) in part.registers.iter().enumerate() {
        let place = format!("{key}registers[{index}]");
        let entry = entry(&place, register, manner)?;
        if !names.insert(entry.name.clone()) {
            return Err(wrong(place, format!("`{}` is there already", entry.name), Some("each name stands once")));
        }
        entries.push(entry);
    }
    if let Some(long) = entries.iter().find(|entry| !entry.table.is_bits() && entry.count() > limits.registers) {
        let reason = format!("`{}` has {} registers", long.name, long.count());
        return Err(wrong(format!("{key}max_registers"), reason, Some("it must be read in one request")));
    }
    // A single unit says nothing of its number where the profile knows it.
    let number = if key.is_empty() { config.unit.or(device.unit).unwrap_or(1) } else { part.unit };
    let name = (!part.name.is_empty()).then(|| part.name.clone());
    let timeout = ms(part.timeout_ms.unwrap_or(config.timeout_ms).max(10));
    Ok((UnitSetup { number, name, title, entries, sunspec: part.sunspec, limits, timeout }, device))
}

fn entry(place: &str, register: &Register, manner: crate::map::Manner) -> Result<Entry, Error> {
    register.entry(manner).map_err(|why| wrong(place, format!("`{}`: {}", register.name, why.reason), Some(why.hint)))
}

fn limits(config: &Config, part: Option<&Unit>, device: &Device) -> Limits {
    let registers = part.and_then(|part| part.max_registers).or(config.max_registers).or(device.max_registers);
    let gap = part.and_then(|part| part.max_gap).or(config.max_gap).or(device.max_gap);
    Limits {
        registers: registers.unwrap_or(USUAL_REGISTERS).clamp(1, 125),
        gap: gap.unwrap_or(USUAL_GAP),
        unreadable: device.unreadable.clone(),
    }
}

fn profile(key: &str, name: &str) -> Result<Profile, Error> {
    if Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return Ok(Profile::read(Path::new(name))?);
    }
    if let Some(profile) = builtin::find(name) {
        return Ok(profile?);
    }
    let reason = format!("there is no profile `{name:.64}`{}", did_you_mean(name, builtin::names()));
    Err(wrong(key, reason, Some("the README lists the profiles; a file of one's own ends in `.json`")))
}

fn check_units(config: &Config, units: &[UnitSetup]) -> Result<(), Error> {
    let is_serial = config.device.is_some() || config.framing.is_some_and(|framing| framing != Framing::Tcp);
    let (mut numbers, mut names) = (HashSet::new(), HashSet::new());
    for (index, unit) in units.iter().enumerate() {
        let key = |key: &str| if config.units.is_empty() { key.to_owned() } else { format!("units[{index}].{key}") };
        if !numbers.insert(unit.number) {
            return Err(wrong(key("unit"), format!("unit {} stands twice", unit.number), None));
        }
        if unit.number == 0 && is_serial {
            let hint = Some("on a serial line unit 0 means all units at once, and none answers");
            return Err(wrong(key("unit"), "0 is no unit", hint));
        }
        if config.units.is_empty() {
            continue;
        }
        let name = unit.name.as_deref().unwrap_or("");
        let is_fine =
            !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if !is_fine || !names.insert(name.to_owned()) {
            let hint = Some("each unit has a name of its own, of letters, digits, `_` and `-`");
            return Err(wrong(key("name"), format!("`{name:.64}` cannot be its name"), hint));
        }
    }
    Ok(())
}

fn place(config: &Config, profile: &Device) -> Result<Place, Error> {
    match (&config.host, &config.device) {
        (Some(host), None) if !host.trim().is_empty() => {
            Ok(Place::Tcp { host: host.clone(), port: config.port.or(profile.port).unwrap_or(502) })
        }
        (None, Some(device)) => {
            let data_bits = config.data_bits.unwrap_or(if config.framing == Some(Framing::Ascii) { 7 } else { 8 });
            let baud = config.baud.or(profile.baud).unwrap_or(9600);
            let settings = Settings { baud, data_bits, parity: config.parity, stop_bits: config.stop_bits };
            Ok(Place::Device { path: device.clone(), settings })
        }
        (Some(_), Some(_)) => Err(wrong("host", "`host` and `device` exclude each other", Some("keep one of them"))),
        _ => Err(wrong("host", "neither `host` nor `device` is given", Some("say where the device is"))),
    }
}

/// The second way, if there is one.
fn fallback(config: &Config, first: &Place) -> Result<Option<Place>, Error> {
    let Some(second) = &config.fallback else { return Ok(None) };
    let &Place::Tcp { port, .. } = first else {
        let hint = Some("a serial port is the only way to its line");
        return Err(wrong("fallback", "it stands beside `device`", hint));
    };
    if second.host.trim().is_empty() {
        return Err(wrong("fallback.host", "the name or address of the device is missing", None));
    }
    Ok(Some(Place::Tcp { host: second.host.clone(), port: second.port.unwrap_or(port) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn setup(config: serde_json::Value) -> Result<Setup, String> {
        let config: Config = serde_json::from_value(config).map_err(|error| error.to_string())?;
        Setup::new(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_host_alone_is_modbus_tcp_with_unit_1() {
        let setup = setup(json!({ "host": "inverter" })).unwrap();
        assert_eq!(setup.places, [Place::Tcp { host: "inverter".into(), port: 502 }]);
        assert_eq!((setup.manner.framing, setup.manner.silence), (Framing::Tcp, Duration::ZERO));
        assert_eq!((setup.units.len(), setup.units[0].number, &setup.units[0].name), (1, 1, &None));
    }

    #[test]
    fn a_device_is_rtu_with_silence_between_frames() {
        let setup = setup(json!({ "device": "/dev/ttyUSB0", "parity": "even", "unit": 9 })).unwrap();
        assert_eq!(setup.places[0].to_string(), "/dev/ttyUSB0 (9600 8E1)");
        assert_eq!((setup.manner.framing, setup.manner.silence.as_micros()), (Framing::Rtu, 4010));
        assert_eq!(setup.units[0].number, 9);
    }

    #[test]
    fn a_second_way_is_as_the_first_unless_it_says_otherwise() {
        let places = |fallback| setup(json!({ "host": "a", "port": 1502, "fallback": fallback })).unwrap().places;
        let tcp = |host: &str, port| Place::Tcp { host: host.into(), port };
        assert_eq!(places(json!({ "host": "b" })), [tcp("a", 1502), tcp("b", 1502)]);
        assert_eq!(places(json!({ "host": "b", "port": 503 })), [tcp("a", 1502), tcp("b", 503)]);
    }

    #[test]
    fn what_cannot_work_is_named_with_its_key() {
        let register = json!({ "name": "a", "table": "holding", "address": 1 });
        for (config, why) in [
            (json!({}), "`host`: neither `host` nor `device` is given"),
            (json!({ "host": "x", "device": "/dev/x" }), "`host`: `host` and `device` exclude each other"),
            (json!({ "device": "/dev/x", "framing": "tcp" }), "`framing`: Modbus TCP is not spoken on a serial port"),
            (json!({ "device": "/dev/x", "fallback": { "host": "y" } }), "`fallback`: it stands beside `device`"),
            (
                json!({ "host": "x", "fallback": { "host": " " } }),
                "`fallback.host`: the name or address of the device is missing",
            ),
            (json!({ "host": "x", "poll_ms": 0 }), "`poll_ms`: 0 is not 1 to 86400000"),
            (json!({ "host": "x", "profile": "nosuch" }), "`profile`: there is no profile `nosuch`"),
            (json!({ "host": "x", "registers": [register, register] }), "`registers[1]`: `a` is there already"),
            (
                json!({ "host": "x", "max_registers": 1, "registers": [{ "name": "a", "table": "input", "address": 1, "type": "int32" }] }),
                "`max_registers`: `a` has 2 registers",
            ),
            (
                json!({ "host": "x", "units": [{ "unit": 1, "name": "a", "registers": [{ "name": "a", "table": "input", "address": 1, "bit": 20 }] }] }),
                "`units[0].registers[0]`: `a`: bits 20 to 20 do not lie in uint16",
            ),
            (json!({ "device": "/dev/x", "unit": 0 }), "`unit`: 0 is no unit"),
            (
                json!({ "host": "x", "unit": 1, "units": [{ "unit": 1, "name": "a" }] }),
                "`units`: it stands beside the keys of a single unit",
            ),
            (
                json!({ "host": "x", "units": [{ "unit": 1, "name": "a" }, { "unit": 1, "name": "b" }] }),
                "`units[1].unit`: unit 1 stands twice",
            ),
            (
                json!({ "host": "x", "units": [{ "unit": 1, "name": "a" }, { "unit": 2, "name": "a" }] }),
                "`units[1].name`: `a` cannot be its name",
            ),
            (
                json!({ "host": "x", "units": [{ "unit": 1, "name": "a.b" }] }),
                "`units[0].name`: `a.b` cannot be its name",
            ),
        ] {
            assert_eq!(setup(config).unwrap_err(), why);
        }
    }
}
