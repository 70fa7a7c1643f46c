//! The configuration, checked: which lines there are, which packs are on each, and how they are asked.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use fieldrail_link_ble::Address;
use fieldrail_model::text::did_you_mean;

use crate::battery::{self, FAMILIES, Family, Variant};
use crate::config::{AUTO, Config, Pack};
use crate::error::Error;
use crate::transport::{self, Place};

/// What the driver works with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The lines.
    pub lines: Vec<LineSetup>,
    /// All packs, in the order of the configuration.
    pub packs: Vec<PackSetup>,
    /// The beginning of the tags of all packs as one battery; none if there is one pack, or none is wanted.
    pub bank: Option<String>,
    /// Time between two readings that nobody asks for more often.
    pub poll: Duration,
    /// How long a battery may take to answer.
    pub timeout: Duration,
    /// Whether switches may be written.
    pub writes: bool,
    /// Whether what is said is checked.
    pub plausibility: bool,
}

/// One line.
#[derive(Debug, Clone)]
pub struct LineSetup {
    /// Where it is.
    pub place: Place,
    /// Its packs, as indices into [`Setup::packs`].
    pub packs: Vec<usize>,
    /// The protocols that come into question, the likeliest first.
    pub choices: Vec<Choice>,
    /// Speed of a serial port; that of the protocol if none.
    pub baud: Option<u32>,
}

/// One protocol of one maker.
#[derive(Clone, Copy)]
pub struct Choice {
    /// The maker.
    pub family: &'static Family,
    /// The protocol.
    pub variant: &'static Variant,
}

impl std::fmt::Debug for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// As states and logs name it: `jbd (dd)`.
impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.family.device, self.variant.name)
    }
}

/// One pack.
#[derive(Debug, Clone)]
pub struct PackSetup {
    /// The beginning of its tags; none if it is alone.
    pub name: Option<String>,
    /// What its decoder has to know.
    pub battery: battery::Setup,
}

impl PackSetup {
    /// How people name it: `pack1 (address 3)`.
    pub fn shown(&self) -> String {
        match (&self.name, self.battery.address) {
            (None, None) => "the battery".into(),
            (None, Some(address)) => format!("the battery at address {address}"),
            (Some(name), None) => name.clone(),
            (Some(name), Some(address)) => format!("{name} (address {address})"),
        }
    }
}

fn wrong(key: impl Into<String>, reason: impl Into<String>, hint: Option<&'static str>) -> Error {
    Error::Config { key: key.into(), reason: reason.into(), hint }
}

impl Setup {
    /// Checks a configuration.
    ///
    /// # Errors
    /// The first key that cannot work.
    pub fn new(config: &Config) -> Result<Self, Error> {
        check_numbers(config)?;
        let choices = choices(config)?;
        let mut setup = Self {
            lines: Vec::new(),
            packs: Vec::new(),
            bank: None,
            poll: ms(config.poll_ms),
            timeout: ms(config.timeout_ms),
            writes: config.writes,
            plausibility: config.plausibility,
        };
        let whole = (
            config.device.as_ref(),
            config.host.as_ref(),
            config.port,
            config.file.as_ref(),
            config.bluetooth.as_ref(),
        );
        if config.packs.is_empty() {
            let place = place("", whole, config)?.ok_or_else(nowhere)?;
            setup.add(config, &choices, None, config.address, place)?;
            return Ok(setup);
        }
        check_names(config)?;
        for (index, pack) in config.packs.iter().enumerate() {
            let own =
                (pack.device.as_ref(), pack.host.as_ref(), pack.port, pack.file.as_ref(), pack.bluetooth.as_ref());
            let own = place(&format!("packs[{index}]."), own, config)?;
            let shared = if own.is_none() { place("", whole, config)? } else { None };
            let place = own.or(shared).ok_or_else(nowhere)?;
            setup.add(config, &choices, Some(pack.name.clone()), pack.address, place)?;
        }
        check_addresses(&setup)?;
        setup.bank = Some(config.bank.clone()).filter(|bank| !bank.is_empty() && setup.packs.len() > 1);
        Ok(setup)
    }

    /// The same, where others are told that it is this instance that has a link.
    #[must_use]
    pub fn called(mut self, instance: &str) -> Self {
        for line in &mut self.lines {
            if let Place::Bluetooth(place) = &mut line.place {
                place.who = instance.into();
            }
        }
        self
    }

    fn add(
        &mut self,
        config: &Config,
        choices: &[Choice],
        name: Option<String>,
        address: Option<u8>,
        place: Place,
    ) -> Result<(), Error> {
        let index = self.packs.len();
        self.packs.push(PackSetup {
            name,
            battery: battery::Setup {
                transport: place.transport(address.is_some()),
                variant: config.variant.clone().unwrap_or_default(),
                address,
                cells: config.cells,
                password: config.password.clone().filter(|password| !password.is_empty()),
                is_reversed: config.invert_current,
                key: key(config)?,
                mac: if let Place::Bluetooth(place) = &place { Some(place.address.0) } else { None },
                ..battery::Setup::default()
            },
        });
        if let Some(line) = self.lines.iter_mut().find(|line| line.place == place) {
            line.packs.push(index);
            return Ok(());
        }
        let transport = self.packs[index].battery.transport;
        let speaks =
            |choice: &&Choice| choice.variant.transports.iter().any(|(known, _)| place.carries(*known, transport));
        let choices: Vec<Choice> = choices.iter().filter(speaks).copied().collect();
        if choices.is_empty() {
            let reason = format!("it is not spoken over {place}");
            return Err(wrong(
                if config.variant.is_some() { "variant" } else { "battery" },
                reason,
                Some("see the table in the manual"),
            ));
        }
        self.lines.push(LineSetup { place, packs: vec![index], choices, baud: config.baud });
        Ok(())
    }
}

fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

fn nowhere() -> Error {
    wrong(
        "device",
        "nothing says where the battery is",
        Some("give `device`, or `host` and `port`, or `bluetooth`, or `file`"),
    )
}

fn check_numbers(config: &Config) -> Result<(), Error> {
    for (key, value, low, high) in [
        ("poll_ms", config.poll_ms, 100, 3_600_000),
        ("timeout_ms", config.timeout_ms, 50, 30_000),
        ("baud", config.baud.unwrap_or(9600), 300, 4_000_000),
        ("cells", config.cells.unwrap_or(1).into(), 1, 32),
        ("links", config.links.into(), 1, 16),
    ] {
        if !(low..=high).contains(&value) {
            return Err(wrong(key, format!("{value} is not {low} to {high}"), None));
        }
    }
    Ok(())
}

/// The protocols that come into question.
fn choices(config: &Config) -> Result<Vec<Choice>, Error> {
    let families: Vec<&'static Family> = if config.battery == AUTO {
        FAMILIES.to_vec()
    } else {
        let known = || FAMILIES.iter().map(|family| family.device);
        let unknown = || {
            let near = did_you_mean(&config.battery, known());
            let names: Vec<&str> = known().collect();
            wrong(
                "battery",
                format!("`{}` is unknown{near}; known are auto, {}", config.battery, names.join(", ")),
                None,
            )
        };
        vec![battery::family(&config.battery).ok_or_else(unknown)?]
    };
    let variants = |family: &'static Family| family.variants.iter().map(move |variant| Choice { family, variant });
    let all: Vec<Choice> = families.into_iter().flat_map(variants).collect();
    let Some(name) = &config.variant else { return Ok(all) };
    let called: Vec<Choice> = all.iter().filter(|choice| choice.variant.is_called(name)).copied().collect();
    if called.is_empty() {
        let near = did_you_mean(name, all.iter().map(|choice| choice.variant.name));
        let names: Vec<&str> = all.iter().map(|choice| choice.variant.name).collect();
        let reason = format!("`{name}` is unknown{near}; known are {}", names.join(", "));
        return Err(wrong("variant", reason, None));
    }
    Ok(called)
}

type Keys<'a> = (Option<&'a PathBuf>, Option<&'a String>, Option<u16>, Option<&'a PathBuf>, Option<&'a String>);

/// Where a battery is; none if nothing says so.
fn place(prefix: &str, keys: Keys<'_>, config: &Config) -> Result<Option<Place>, Error> {
    let one = Some("give one of `device`, `host`, `bluetooth` and `file`");
    Ok(match keys {
        (None, None, None, None, None) => None,
        (Some(device), None, None, None, None) => Some(Place::Device(device.clone())),
        (None, Some(host), Some(port), None, None) if port > 0 => Some(Place::Tcp { host: host.clone(), port }),
        (None, None, None, Some(file), None) => Some(Place::File(file.clone())),
        (None, None, None, None, Some(address)) => Some(Place::Bluetooth(bluetooth(prefix, address, config)?)),
        (None, Some(_), _, None, None) => {
            let hint = Some("serial servers have no usual port: it is in their settings, often 4196, 8899 or 23");
            return Err(wrong(format!("{prefix}port"), "the port of the serial server is missing", hint));
        }
        (None, None, Some(_), None, None) => {
            return Err(wrong(format!("{prefix}host"), "a port without the name of its serial server", None));
        }
        _ => return Err(wrong(format!("{prefix}device"), "it stands beside another way to the battery", one)),
    })
}

fn bluetooth(prefix: &str, address: &str, config: &Config) -> Result<transport::Bluetooth, Error> {
    let hint = Some("`scan` of the driver `bluetooth` lists addresses");
    let address =
        address.parse::<Address>().map_err(|error| wrong(format!("{prefix}bluetooth"), error.to_string(), hint))?;
    let adapter = config.adapter.clone();
    let is_plain = |name: &String| name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if adapter.as_ref().is_some_and(|name| name.is_empty() || !is_plain(name)) {
        return Err(wrong("adapter", "an adapter is called like `hci0`", None));
    }
    let (bus, links) = (config.bus.clone(), config.links);
    Ok(transport::Bluetooth { address, adapter, bus, links, who: "bms".into() })
}

/// The key of advertisements.
fn key(config: &Config) -> Result<Option<Vec<u8>>, Error> {
    let Some(text) = config.key.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    let digits: Vec<u32> =
        text.chars().filter(|char| !char.is_whitespace()).map_while(|char| char.to_digit(16)).collect();
    if digits.len() != 32 || text.chars().filter(|char| !char.is_whitespace()).count() != 32 {
        let hint = Some("VictronConnect shows it: settings, product info, Instant readout details");
        return Err(wrong("key", "a key has 32 hexadecimal digits", hint));
    }
    Ok(Some(digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap_or_default()).collect()))
}

fn check_names(config: &Config) -> Result<(), Error> {
    let is_plain = |name: &str| {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
    };
    if config.address.is_some() {
        return Err(wrong("address", "it stands beside `packs`", Some("move it into an entry of `packs`")));
    }
    let mut names: HashSet<&str> = HashSet::new();
    for (index, Pack { name, .. }) in config.packs.iter().enumerate() {
        let key = format!("packs[{index}].name");
        if !is_plain(name) {
            return Err(wrong(key, format!("`{name}` is no name"), Some("letters, digits, `_` and `-`")));
        }
        if !names.insert(name) {
            return Err(wrong(key, format!("`{name}` is taken"), None));
        }
    }
    let bank = config.bank.as_str();
    if !bank.is_empty() && (!is_plain(bank) || names.contains(bank)) {
        let hint = Some("letters, digits, `_` and `-`; empty for none");
        return Err(wrong("bank", format!("`{bank}` is no name, or that of a pack"), hint));
    }
    Ok(())
}

/// Packs of one line have to be told apart.
fn check_addresses(setup: &Setup) -> Result<(), Error> {
    for line in setup.lines.iter().filter(|line| line.packs.len() > 1) {
        let mut taken = HashSet::new();
        for &index in &line.packs {
            let key = format!("packs[{index}].address");
            match setup.packs[index].battery.address {
                None => {
                    let reason = format!("several packs are on {}, and this one has no address", line.place);
                    return Err(wrong(key, reason, Some("the address is set by switches on the board, or in its app")));
                }
                Some(address) if !taken.insert(address) => {
                    return Err(wrong(key, format!("{address} is taken on {}", line.place), None));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}
