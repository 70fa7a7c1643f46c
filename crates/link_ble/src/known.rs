//! What a device seems to be, by what it says of itself.
//!
//! The facts are those by which the makers' own apps and public collections of advertisements tell batteries apart: names,
//! services, and numbers of manufacturers. What is recognised is a proposal: only its protocol proves what a device is.

mod rules;

use crate::{Device, Uuid};

use rules::{RULES, Rule};

/// What a device seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What sort of thing it is.
    pub class: Class,
    /// Which one, as the driver that reads it calls it: `jbd`, `bthome`.
    pub kind: &'static str,
    /// Its protocol, as the driver calls it, if there are several.
    pub variant: Option<&'static str>,
    /// What a person calls it.
    pub title: &'static str,
    /// Whether nothing else is known that looks like that. Else others do, and this is the one that is met most.
    pub sure: bool,
}

/// What sort of thing a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A battery that is asked over a link.
    Battery,
    /// A battery or charger that tells its values in advertisements, encrypted with a key of the owner's.
    Advertising,
    /// A sensor that tells its values in advertisements.
    Sensor,
}

impl Class {
    /// The word for it: `battery`, `advertising` or `sensor`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Battery => "battery",
            Self::Advertising => "advertising",
            Self::Sensor => "sensor",
        }
    }
}

/// What a device seems to be; none if nothing known looks like it.
pub fn recognise(device: &Device) -> Option<Known> {
    RULES.iter().find(|rule| rule.fits(device)).map(|rule| rule.known)
}

/// All kinds that can be recognised, each once.
pub fn kinds() -> Vec<Known> {
    let mut kinds: Vec<Known> = Vec::new();
    for rule in RULES {
        if !kinds.iter().any(|known| (known.kind, known.variant) == (rule.known.kind, rule.known.variant)) {
            kinds.push(rule.known);
        }
    }
    kinds
}

impl Rule {
    /// All that the rule names must hold; of each list one.
    fn fits(&self, device: &Device) -> bool {
        let name = device.name.as_deref().unwrap_or_default();
        let has = |service: u16| {
            let uuid = Uuid::short(service);
            device.services.contains(&uuid) || device.service_data.contains_key(&uuid)
        };
        let says = |company: u16| device.manufacturer.contains_key(&company);
        let begins = |start: &&[u8]| device.address.0.starts_with(start);
        let is_one = |count: usize, fits: bool| count == 0 || fits;
        is_one(self.names.len(), self.names.iter().any(|pattern| matches(pattern, name)))
            && is_one(self.services.len(), self.services.iter().any(|&service| has(service)))
            && is_one(self.companies.len(), self.companies.iter().any(|&company| says(company)))
            && is_one(self.addresses.len(), self.addresses.iter().any(begins))
            && self.uuid.is_none_or(|uuid| device.services.contains(&uuid))
            && self.said.is_none_or(|(company, start)| {
                device.manufacturer.get(&company).is_some_and(|data| data.starts_with(start))
            })
    }
}

/// Whether a name fits a pattern: `?` is any one character, `#` a digit, `*` at the end anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut name = name.chars();
    for wanted in pattern.chars() {
        match (wanted, name.next()) {
            ('*', _) => return true,
            ('?', Some(_)) => {}
            ('#', Some(found)) if found.is_ascii_digit() => {}
            (wanted, Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
    // Some pad their names with blanks.
    name.all(|rest| rest == ' ')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::Address;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn device(case: &Value) -> Device {
        let address: Address = case["address"].as_str().unwrap_or("00:00:00:00:00:00").parse().unwrap();
        let mut device = Device::new("hci0", address);
        device.name = case["name"].as_str().map(Into::into);
        let texts = |key: &str| case[key].as_array().cloned().unwrap_or_default();
        device.services = texts("services").iter().map(|text| text.as_str().unwrap().parse().unwrap()).collect();
        let data = case["manufacturer"].as_object().cloned().unwrap_or_default();
        device.manufacturer = data
            .iter()
            .map(|(company, hex)| (u16::from_str_radix(company, 16).unwrap(), bytes(hex.as_str().unwrap())))
            .collect::<BTreeMap<_, _>>();
        device
    }

    /// Advertisements that owners have reported, with what sent them.
    #[test]
    fn reported_advertisements_are_recognised() {
        let cases: Vec<Value> = serde_json::from_str(include_str!("../golden/advertisements.json")).unwrap();
        assert!(cases.len() > 80);
        let found = |case: &Value| recognise(&device(case)).map(|known| known.kind);
        let wrong = cases.iter().filter(|case| found(case) != case["kind"].as_str());
        let wrong: Vec<String> = wrong.map(|case| format!("{:?}: {case}", found(case))).collect();
        assert_eq!(wrong, [] as [String; 0]);
    }

    /// Facts of the sheets by which the makers' apps tell their batteries, where no advertisement was reported.
    #[test]
    fn what_is_known_of_a_maker_is_enough() {
        for (name, service, company, want) in [
            ("", 0xfff0, Some(0x0402), Some("daly")),
            ("", 0xfff0, Some(0x0401), None),
            ("WTDH0001", 0xffff, Some(0xd6c0), Some("tdt")),
            ("RT12100G31", 0x180f, None, Some("pylontech")),
            ("SP121B-1", 0xfff0, None, Some("seplos")),
            ("TP_12345", 0xff00, None, Some("tianpower")),
        ] {
            let mut device = Device::new("hci0", Address([0xd0, 0, 0, 0, 0, 1]));
            device.name = Some(name.to_owned());
            device.services.push(Uuid::short(service));
            device.manufacturer.extend(company.map(|company| (company, vec![1])));
            assert_eq!(recognise(&device).map(|known| known.kind), want, "{name} {company:?}");
        }
    }

    #[test]
    fn a_device_that_says_nothing_is_nothing() {
        assert_eq!(recognise(&Device::new("hci0", Address([0; 6]))), None);
    }

    #[test]
    fn names_are_matched_from_their_beginning() {
        for (pattern, name, want) in [
            ("PC-????", "PC-9662", true),
            ("PC-????", "PC-96621", false),
            ("DL-*", "DL-", true),
            ("BP##", "BP21 ", true),
            ("BP##", "BPxx", false),
            ("DL-*", "XDL-1", false),
            ("", "", true),
            ("ÄÖ?", "ÄÖÜ", true),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }
}
