//! The configuration, checked, with its profiles.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_link_ble::Address;

use crate::config::{Config, DeviceConfig, silent_s};
use crate::error::Error;
use crate::profile::Profile;

/// What the driver works with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The adapter; the first one if none.
    pub adapter: Option<String>,
    /// Whether it always searches.
    pub search: bool,
    /// The devices that are named, by their address.
    pub named: BTreeMap<Address, Named>,
    /// When a device that is not named is forgotten.
    pub forget: Duration,
    /// How many links the adapter bears.
    pub links: u8,
    /// The bus; the system's if none.
    pub bus: Option<String>,
}

/// One device that is named.
#[derive(Debug, Clone)]
pub struct Named {
    /// The beginning of its tags.
    pub prefix: String,
    /// How it is read.
    pub profile: Option<Rc<Profile>>,
    /// Time between two readings over a link.
    pub poll: Duration,
    /// Whether the link is kept.
    pub keep: bool,
    /// When its values count as uncertain.
    pub silent: Duration,
}

impl Setup {
    /// Checks a configuration, and reads its profiles.
    ///
    /// # Errors
    /// The first key that cannot work.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let wrong = |key: String, reason: String| Error::Config { key, reason, hint: None };
        for (key, value, low, high) in
            [("forget_s", config.forget_s, 30, 86_400), ("links", u32::from(config.links), 1, 16)]
        {
            if !(low..=high).contains(&value) {
                return Err(wrong(key.into(), format!("{value} is not {low} to {high}")));
            }
        }
        if let Some(adapter) = &config.adapter
            && (adapter.is_empty() || !adapter.chars().all(|char| char.is_ascii_alphanumeric() || char == '_'))
        {
            return Err(wrong("adapter".into(), "an adapter is called like `hci0`".into()));
        }
        let mut named = BTreeMap::new();
        let mut prefixes: Vec<String> = vec!["devices".into(), "adapter".into()];
        for (at, device) in config.devices.iter().enumerate() {
            let (address, one) = name(at, device)?;
            if named.contains_key(&address) {
                return Err(wrong(format!("devices[{at}].address"), format!("{address} is named twice")));
            }
            if prefixes.contains(&one.prefix) {
                return Err(wrong(format!("devices[{at}].name"), format!("`{}` is taken", one.prefix)));
            }
            prefixes.push(one.prefix.clone());
            named.insert(address, one);
        }
        Ok(Self {
            adapter: config.adapter.clone(),
            search: config.search,
            named,
            forget: Duration::from_secs(config.forget_s.into()),
            links: config.links,
            bus: config.bus.clone(),
        })
    }

    /// The beginning of the tags of a device.
    pub fn prefix(&self, address: Address) -> String {
        self.named.get(&address).map_or_else(|| format!("devices.{address}"), |named| named.prefix.clone())
    }

    /// When the values of a device count as uncertain.
    pub fn silent(&self, address: Address) -> Duration {
        self.named.get(&address).map_or(Duration::from_secs(silent_s().into()), |named| named.silent)
    }
}

fn name(at: usize, device: &DeviceConfig) -> Result<(Address, Named), Error> {
    let wrong = |key: &str, reason: String, hint: Option<&'static str>| Error::Config {
        key: format!("devices[{at}].{key}"),
        reason,
        hint,
    };
    let address: Address = device.address.parse().map_err(|error: <Address as std::str::FromStr>::Err| {
        wrong("address", error.to_string(), Some("`scan` lists addresses"))
    })?;
    let is_plain = |name: &String| {
        (1..=64).contains(&name.len())
            && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'))
    };
    if device.name.as_ref().is_some_and(|name| !is_plain(name)) {
        return Err(wrong("name", "it may have letters, digits, `_` and `-`".into(), None));
    }
    for (key, value, low) in [("poll_s", device.poll_s, 5), ("silent_s", device.silent_s, 10)] {
        if !(low..=86_400).contains(&value) {
            return Err(wrong(key, format!("{value} is not {low} to 86400"), None));
        }
    }
    let profile = device.profile.as_deref().map(Profile::load).transpose()?;
    let named = Named {
        prefix: device.name.clone().unwrap_or_else(|| format!("devices.{address}")),
        profile: profile.map(Rc::new),
        poll: Duration::from_secs(device.poll_s.into()),
        keep: device.keep,
        silent: Duration::from_secs(device.silent_s.into()),
    };
    Ok((address, named))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &str, want: &str) {
        let config: Config = serde_json::from_str(config).unwrap();
        let found = Setup::new(&config).map(|_| ()).map_err(|error| error.to_string());
        match want {
            "" => assert_eq!(found, Ok(())),
            want => assert!(found.as_ref().is_err_and(|error| error.contains(want)), "{found:?}"),
        }
    }

    #[test]
    fn a_configuration_that_cannot_work_says_where() {
        check("{}", "");
        check(r#"{ "devices": [{ "address": "a4c138000001", "name": "cellar", "profile": "standard" }] }"#, "");
        check(r#"{ "adapter": "hci 0" }"#, "`adapter`");
        check(r#"{ "links": 0 }"#, "`links`: 0 is not 1 to 16");
        check(r#"{ "devices": [{ "address": "x" }] }"#, "`devices[0].address`: `x` is no Bluetooth address");
        check(r#"{ "devices": [{ "address": "a4c138000001", "name": "devices" }] }"#, "`devices` is taken");
        check(r#"{ "devices": [{ "address": "a4c138000001", "name": "a.b" }] }"#, "letters, digits");
        check(
            r#"{ "devices": [{ "address": "a4c138000001" }, { "address": "A4:C1:38:00:00:01", "name": "b" }] }"#,
            "is named twice",
        );
        check(r#"{ "devices": [{ "address": "a4c138000001", "poll_s": 1 }] }"#, "1 is not 5 to 86400");
        check(r#"{ "devices": [{ "address": "a4c138000001", "profile": "/nowhere" }] }"#, "profile /nowhere");
    }
}
