//! What is in the air: each device with its loudness and age, as datapoints and as a list. Pure: devices and time come as
//! arguments.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fieldrail_link_ble::known::{Class, Known, recognise};
use fieldrail_link_ble::{Address, Device};
use fieldrail_model::{Quality, Value};
use serde_json::json;

use crate::advert;
use crate::points::{Points, Said};
use crate::profile::hex;
use crate::setup::Setup;

/// The most devices that are kept; of more those that were heard longest ago are forgotten.
const MOST: usize = 500;

/// Datapoints that are no values of the device: they hold when it is silent.
const OWN: [&str; 8] = ["rssi", "age", "name", "type", "connected", "paired", "trusted", "link"];

/// One device that was heard.
struct Seen {
    device: Device,
    known: Option<Known>,
    heard: Instant,
    is_silent: bool,
    /// Values that it has told, for the list.
    told: BTreeMap<String, Value>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Air {
    seen: BTreeMap<Address, Seen>,
}

impl Air {
    /// Takes what is known now.
    pub(crate) fn take(&mut self, devices: Vec<Device>, setup: &Setup, points: &mut Points, now: Instant) {
        for device in devices {
            let address = device.address;
            let before = self.seen.get(&address);
            if before.is_some_and(|seen| seen.device == device) {
                continue;
            }
            let heard = device.heard.or(before.map(|seen| seen.heard)).unwrap_or(now);
            let word = |device: &Device| (device.times, device.heard);
            let is_new_word = before.is_none_or(|seen| word(&seen.device) != word(&device));
            let known = recognise(&device);
            let mut told = self.seen.remove(&address).map(|seen| seen.told).unwrap_or_default();
            if has_points(&device, known, setup) {
                say_device(&device, known, setup, points);
                if is_new_word {
                    say_values(&device, setup, points, &mut told);
                }
            }
            self.seen.insert(address, Seen { device, known, heard, is_silent: false, told });
        }
        self.bound(setup, points);
    }

    /// A device told a value over a link.
    pub(crate) fn told(&mut self, address: Address, name: &str, value: Value) {
        if let Some(seen) = self.seen.get_mut(&address) {
            seen.told.insert(name.into(), value);
        }
    }

    /// Ages, silence and forgetting.
    pub(crate) fn pass(&mut self, setup: &Setup, points: &mut Points, now: Instant) {
        let mut gone = Vec::new();
        for (address, seen) in &mut self.seen {
            let age = now.saturating_duration_since(seen.heard);
            let is_named = setup.named.contains_key(address);
            // A connected device does not advertise.
            if !is_named && age > setup.forget && !seen.device.connected {
                gone.push(*address);
                continue;
            }
            if !has_points(&seen.device, seen.known, setup) {
                continue;
            }
            let prefix = setup.prefix(*address);
            let age_s = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            let said = Said::good(age_s).unit(Some("s")).comment("Since it was heard last");
            points.say(&format!("{prefix}.age"), said);
            let limit = setup.silent(*address);
            if age > limit && !seen.is_silent && !seen.device.connected {
                seen.is_silent = true;
                let note = format!("not heard for {} s", limit.as_secs());
                points.doubt(&prefix, &OWN, Quality::LastUsable, &note);
            }
        }
        for address in gone {
            self.forget(address, setup, points);
        }
    }

    /// A device is removed.
    pub(crate) fn forget(&mut self, address: Address, setup: &Setup, points: &mut Points) {
        if self.seen.remove(&address).is_some() {
            points.forget(&setup.prefix(address));
        }
    }

    /// Bluetooth is gone: nothing is known of anybody any more.
    pub(crate) fn lose(&mut self, setup: &Setup, points: &mut Points, note: &str) {
        for (address, seen) in &mut self.seen {
            seen.device.connected = false;
            seen.is_silent = true;
            points.doubt(&setup.prefix(*address), &[], Quality::NotConnected, note);
        }
    }

    fn bound(&mut self, setup: &Setup, points: &mut Points) {
        while self.seen.len() > MOST {
            let unnamed = self.seen.iter().filter(|(address, _)| !setup.named.contains_key(address));
            let Some(oldest) = unnamed.min_by_key(|(_, seen)| seen.heard).map(|(address, _)| *address) else { return };
            self.forget(oldest, setup, points);
        }
    }

    /// How many devices are known.
    pub(crate) fn count(&self) -> usize {
        self.seen.len()
    }

    /// What a folder of tags is, for people.
    pub(crate) fn title(&self, path: &str, setup: &Setup) -> Option<String> {
        let seen = self.seen.values().find(|seen| setup.prefix(seen.device.address) == path)?;
        let parts = [seen.device.name.clone(), seen.known.map(|known| known.title.into())];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// All devices as a list, the loudest first, for the page that shows them.
    pub(crate) fn list(&self, setup: &Setup, now: Instant) -> Vec<serde_json::Value> {
        let mut seen: Vec<&Seen> = self.seen.values().collect();
        seen.sort_by_key(|seen| (std::cmp::Reverse(seen.device.rssi), seen.device.address));
        seen.into_iter().map(|seen| shown(seen, setup, now)).collect()
    }
}

/// Whether a device gets datapoints. Phones change their address every quarter of an hour; they are in the list only.
fn has_points(device: &Device, known: Option<Known>, setup: &Setup) -> bool {
    // The upper bits of a made-up address that stays are both set (Core Specification, volume 6, part B, section 1.3.2).
    let stays = !device.random || device.address.0[0] >> 6 == 0b11;
    stays || known.is_some() || device.paired || setup.named.contains_key(&device.address)
}

fn say_device(device: &Device, known: Option<Known>, setup: &Setup, points: &mut Points) {
    let prefix = setup.prefix(device.address);
    let mut say = |name: &str, said: Said<'_>| points.say(&format!("{prefix}.{name}"), said);
    if let Some(rssi) = device.rssi {
        say("rssi", Said::good(i64::from(rssi)).unit(Some("dBm")).comment("How loud it was when it was heard last"));
    }
    if let Some(name) = &device.name {
        say("name", Said::good(name.as_str()).comment("What it calls itself"));
    }
    if let Some(known) = known {
        say("type", Said::good(known.title).comment("What it seems to be"));
    }
    if let Some(battery) = device.battery {
        say("battery", Said::good(i64::from(battery)).unit(Some("%")).comment("Charge of its own battery"));
    }
    say("connected", Said::good(device.connected).comment("Whether a link stands"));
    say("paired", Said::good(device.paired).comment("Whether keys were exchanged"));
    say("trusted", Said::good(device.trusted).comment("Whether it may connect by itself"));
}

fn say_values(device: &Device, setup: &Setup, points: &mut Points, told: &mut BTreeMap<String, Value>) {
    let prefix = setup.prefix(device.address);
    for measured in advert::decode(device) {
        let said = Said::good(measured.value.clone()).unit(measured.unit);
        points.say(&format!("{prefix}.{}", measured.name), said);
        told.insert(measured.name.into_owned(), measured.value);
    }
    let profile = setup.named.get(&device.address).and_then(|named| named.profile.clone());
    for (rule, value) in profile.iter().flat_map(|profile| profile.advertised(device)) {
        told.insert(rule.name.clone(), value.clone());
        points.say(&format!("{prefix}.{}", rule.name), said_by(rule, value));
    }
    for (company, data) in &device.manufacturer {
        points.say(&format!("{prefix}.manufacturer.{company:04x}"), Said::good(hex(data).as_str()));
    }
    for (service, data) in &device.service_data {
        points.say(&format!("{prefix}.service.{service}"), Said::good(hex(data).as_str()));
    }
}

/// A value with the words of its rule.
pub(crate) fn said_by(rule: &crate::profile::Rule, value: Value) -> Said<'_> {
    let said = match value {
        Value::Null => Said::good(Value::Null).doubt(Quality::NoData, "the device has no value"),
        value => Said::good(value),
    };
    let said = said.unit(rule.unit.as_deref());
    match &rule.comment {
        Some(comment) => said.comment(comment),
        None => said,
    }
}

fn shown(seen: &Seen, setup: &Setup, now: Instant) -> serde_json::Value {
    let device = &seen.device;
    let age = now.saturating_duration_since(seen.heard);
    let manufacturer: BTreeMap<String, String> =
        device.manufacturer.iter().map(|(company, data)| (format!("{company:04x}"), hex(data))).collect();
    let service_data: BTreeMap<String, String> =
        device.service_data.iter().map(|(service, data)| (service.to_string(), hex(data))).collect();
    let services: Vec<String> = device.services.iter().map(ToString::to_string).collect();
    let known = seen.known.map(|known| {
        json!({
            "class": known.class.name(), "kind": known.kind, "variant": known.variant, "title": known.title,
            "sure": known.sure
        })
    });
    json!({
        "address": device.address.to_string(),
        "name": device.name,
        "rssi": device.rssi,
        "age_s": rounded(age),
        "random": device.random,
        "connected": device.connected,
        "paired": device.paired,
        "trusted": device.trusted,
        "services": services,
        "manufacturer": manufacturer,
        "service_data": service_data,
        "encrypted": advert::is_encrypted(device),
        "known": known,
        "tags": has_points(device, seen.known, setup).then(|| setup.prefix(device.address)),
        "named": setup.named.contains_key(&device.address),
        "values": seen.told,
        "connection": seen.known.and_then(|known| connection(device, known, setup)),
    })
}

fn rounded(age: Duration) -> f64 {
    (age.as_secs_f64() * 10.0).round() / 10.0
}

/// The connection that reads such a device, as it would stand in `connections.json`; `needs` is what a person has to add.
fn connection(device: &Device, known: Known, setup: &Setup) -> Option<serde_json::Value> {
    if known.class == Class::Sensor {
        return None;
    }
    let mut config = json!({ "battery": known.kind, "bluetooth": device.address.to_string() });
    if let (Some(variant), true) = (known.variant, known.sure) {
        config["variant"] = variant.into();
    }
    for (key, value) in [("adapter", &setup.adapter), ("bus", &setup.bus)] {
        if let Some(value) = value {
            config[key] = value.as_str().into();
        }
    }
    let needs: &[&str] = if known.class == Class::Advertising { &["key"] } else { &[] };
    Some(json!({ "driver": "bms", "config": config, "needs": needs }))
}

#[cfg(test)]
mod tests {
    use fieldrail_driver::{Outbox, Page};
    use fieldrail_link_ble::Uuid;

    use super::*;
    use crate::config::Config;

    const SENSOR: Address = Address([0xa4, 0xc1, 0x38, 0, 0, 1]);

    fn setup(config: &str) -> Setup {
        Setup::new(&serde_json::from_str::<Config>(config).unwrap()).unwrap()
    }

    fn sensor(times: u64, heard: Instant, temperature: u8) -> Device {
        let mut device = Device::new("hci0", SENSOR);
        (device.times, device.heard, device.rssi) = (times, Some(heard), Some(-60));
        device.service_data.insert(Uuid::short(0xfcd2), vec![0x40, 0x57, temperature]);
        device
    }

    fn value(points: &Points, tag: &str) -> (Value, Quality) {
        let reading = points.read(vec![tag.into()]).remove(0);
        (reading.value, reading.quality)
    }

    #[test]
    fn a_sensor_is_good_while_it_is_heard_then_uncertain_then_forgotten() {
        let (setup, start) = (setup(r#"{ "forget_s": 3600 }"#), Instant::now());
        let (mut air, mut points) = (Air::default(), Points::new(Outbox::detached()));
        let at = |seconds| start + Duration::from_secs(seconds);
        air.take(vec![sensor(1, start, 21)], &setup, &mut points, start);
        let temperature = "devices.A4:C1:38:00:00:01.temperature";
        assert_eq!(value(&points, temperature), (Value::Int(21), Quality::Good));
        air.pass(&setup, &mut points, at(899));
        assert_eq!(value(&points, "devices.A4:C1:38:00:00:01.age"), (Value::Int(899), Quality::Good));
        assert_eq!(value(&points, temperature).1, Quality::Good);
        air.pass(&setup, &mut points, at(901));
        assert_eq!(value(&points, temperature), (Value::Int(21), Quality::LastUsable));
        assert_eq!(value(&points, "devices.A4:C1:38:00:00:01.rssi").1, Quality::Good);
        air.take(vec![sensor(2, at(902), 21)], &setup, &mut points, at(902));
        assert_eq!(value(&points, temperature), (Value::Int(21), Quality::Good), "the same value, heard again");
        air.pass(&setup, &mut points, at(902 + 3601));
        assert_eq!((air.count(), value(&points, temperature).1), (0, Quality::NotFound));
    }

    #[test]
    fn a_named_sensor_has_its_own_tags_and_stays() {
        let setup = setup(r#"{ "devices": [{ "address": "A4:C1:38:00:00:01", "name": "cellar", "silent_s": 60 }] }"#);
        let (mut air, mut points, start) = (Air::default(), Points::new(Outbox::detached()), Instant::now());
        air.take(vec![sensor(1, start, 21)], &setup, &mut points, start);
        air.pass(&setup, &mut points, start + Duration::from_secs(100_000));
        assert_eq!(value(&points, "cellar.temperature"), (Value::Int(21), Quality::LastUsable));
        assert_eq!(air.list(&setup, start)[0]["tags"], "cellar");
        air.lose(&setup, &mut points, "no adapter");
        assert_eq!(value(&points, "cellar.temperature"), (Value::Int(21), Quality::NotConnected));
    }

    #[test]
    fn a_phone_that_changes_its_address_is_listed_and_gets_no_datapoints() {
        let (setup, start) = (setup("{}"), Instant::now());
        let (mut air, mut points) = (Air::default(), Points::new(Outbox::detached()));
        let mut phone = Device::new("hci0", Address([0x5a, 1, 2, 3, 4, 5]));
        (phone.random, phone.rssi) = (true, Some(-50));
        air.take(vec![phone], &setup, &mut points, start);
        let page = Page { request: 1, path: String::new(), filter: None, after: None, limit: 10 };
        assert_eq!((air.count(), points.children(&page, |_| None).unwrap().0.len()), (1, 0));
    }

    #[test]
    fn a_flood_of_devices_is_bounded_and_named_ones_stay() {
        let setup = setup(r#"{ "devices": [{ "address": "A4:C1:38:00:00:01" }] }"#);
        let (mut air, mut points, start) = (Air::default(), Points::new(Outbox::detached()), Instant::now());
        air.take(vec![sensor(1, start, 21)], &setup, &mut points, start);
        let later = start + Duration::from_secs(1);
        let many = (0..2000_u16).map(|number| {
            let [high, low] = number.to_be_bytes();
            Device { heard: Some(later), ..Device::new("hci0", Address([0, 0, 0, 0, high, low])) }
        });
        air.take(many.collect(), &setup, &mut points, later);
        assert_eq!(air.count(), MOST);
        assert_eq!(value(&points, "devices.A4:C1:38:00:00:01.temperature").1, Quality::Good);
    }

    #[test]
    fn a_battery_is_proposed_with_the_connection_that_reads_it() {
        let (setup, start) = (setup(r#"{ "adapter": "hci1" }"#), Instant::now());
        let (mut air, mut points) = (Air::default(), Points::new(Outbox::detached()));
        let mut battery = Device::new("hci1", Address([0xa5, 0xc2, 0x37, 0, 0, 1]));
        battery.services = vec![Uuid::short(0xff00)];
        let mut shunt = Device::new("hci1", Address([0xc0, 0, 0, 0, 0, 1]));
        shunt.manufacturer.insert(0x02e1, vec![0x10, 0]);
        air.take(vec![battery, shunt], &setup, &mut points, start);
        let list = air.list(&setup, start);
        let config = json!({ "battery": "jbd", "bluetooth": "A5:C2:37:00:00:01", "variant": "dd", "adapter": "hci1" });
        assert_eq!(list[0]["connection"], json!({ "driver": "bms", "config": config, "needs": [] }));
        assert_eq!(list[1]["connection"]["needs"], json!(["key"]));
        assert_eq!(list[1]["known"]["class"], "advertising");
    }
}
