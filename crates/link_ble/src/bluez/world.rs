//! What `BlueZ` says of adapters, devices and characteristics, kept as it changes. Pure: signals come as arguments.
//!
//! The properties are those of `BlueZ`'s documents `org.bluez.Adapter`, `org.bluez.Device`, `org.bluez.GattService`,
//! `org.bluez.GattCharacteristic` and `org.bluez.Battery`.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use zbus::{OwnedVariant, Variant};

use crate::device::MOST_NAME;
use crate::{Adapter, Address, Device, Uuid};

pub(super) const ADAPTER: &str = "org.bluez.Adapter1";
pub(super) const DEVICE: &str = "org.bluez.Device1";
pub(super) const SERVICE: &str = "org.bluez.GattService1";
pub(super) const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";
const BATTERY: &str = "org.bluez.Battery1";

/// The most objects of a kind that are kept; in a block of flats some hundred devices are in the air. What comes beyond is
/// left out until others are gone.
const MOST: usize = 4096;

/// The most services, manufacturers and flags of one object.
const MOST_PARTS: usize = 64;

/// Properties of one interface.
pub(super) type Properties = HashMap<String, OwnedVariant>;

/// One characteristic of a device that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Characteristic {
    /// The service that it belongs to.
    pub service: Option<Uuid>,
    /// Its own name.
    pub uuid: Uuid,
    /// What can be done with it, in `BlueZ`'s words: `read`, `write`, `write-without-response`, `notify`, `indicate`.
    pub flags: Vec<String>,
    pub(super) path: String,
    service_path: String,
}

impl Characteristic {
    /// Whether it has this flag.
    pub fn can(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }
}

/// All objects of `BlueZ` that are of interest, by path.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) adapters: BTreeMap<String, Adapter>,
    pub(super) devices: BTreeMap<String, Device>,
    services: BTreeMap<String, Uuid>,
    characteristics: BTreeMap<String, Characteristic>,
}

impl World {
    /// Takes what is new at a path, or has changed there. True if it belongs to what is of interest.
    pub(super) fn set(&mut self, path: &str, interface: &str, properties: &Properties, now: Instant) -> bool {
        match interface {
            ADAPTER => self.set_adapter(path, properties),
            DEVICE => self.set_device(path, properties, now),
            BATTERY => {
                let percent = get(properties, "Percentage").and_then(byte);
                self.devices.get_mut(path).map(|device| device.battery = percent.or(device.battery)).is_some()
            }
            SERVICE => {
                let uuid = get(properties, "UUID").and_then(text).and_then(|text| text.parse().ok());
                let Some(uuid) = uuid.filter(|_| self.services.len() < MOST) else { return false };
                self.services.insert(path.into(), uuid);
                true
            }
            CHARACTERISTIC => self.set_characteristic(path, properties),
            _ => false,
        }
    }

    fn set_adapter(&mut self, path: &str, properties: &Properties) -> bool {
        let Some(id) = path.rsplit('/').next() else { return false };
        if self.adapters.len() >= MOST_PARTS && !self.adapters.contains_key(path) {
            return false;
        }
        let new = || Adapter { id: id.into(), address: None, name: String::new(), powered: false, discovering: false };
        let adapter = self.adapters.entry(path.into()).or_insert_with(new);
        if let Some(address) = get(properties, "Address").and_then(text).and_then(|text| text.parse().ok()) {
            adapter.address = Some(address);
        }
        if let Some(name) = get(properties, "Alias").or(get(properties, "Name")).and_then(text) {
            adapter.name = cut(name);
        }
        adapter.powered = get(properties, "Powered").and_then(flag).unwrap_or(adapter.powered);
        adapter.discovering = get(properties, "Discovering").and_then(flag).unwrap_or(adapter.discovering);
        true
    }

    fn set_device(&mut self, path: &str, properties: &Properties, now: Instant) -> bool {
        let Some((adapter, _)) = path.rsplit_once('/') else { return false };
        let Some(adapter) = adapter.rsplit('/').next() else { return false };
        if !self.devices.contains_key(path) {
            let address = get(properties, "Address").and_then(text).and_then(|text| text.parse().ok());
            let Some(address) = address.or_else(|| address_of(path)).filter(|_| self.devices.len() < MOST) else {
                return false;
            };
            self.devices.insert(path.into(), Device::new(adapter, address));
        }
        let Some(device) = self.devices.get_mut(path) else { return false };
        take_state(device, properties);
        take_advertisement(device, properties);
        // Each of these comes with an advertisement and with nothing else.
        const HEARD: [&str; 4] = ["RSSI", "ManufacturerData", "ServiceData", "AdvertisingData"];
        if HEARD.iter().any(|name| properties.contains_key(*name)) {
            device.heard = Some(now);
            device.times += 1;
        }
        if !device.connected {
            device.resolved = false;
        }
        true
    }

    fn set_characteristic(&mut self, path: &str, properties: &Properties) -> bool {
        // A change carries values and whether they are sent, which is not kept here.
        let Some(uuid) = get(properties, "UUID").and_then(text).and_then(|text| text.parse().ok()) else {
            return false;
        };
        if self.characteristics.len() >= MOST {
            return false;
        }
        let flags = get(properties, "Flags").map(texts).unwrap_or_default();
        let service_path = path.rsplit_once('/').map(|(service, _)| service.to_owned()).unwrap_or_default();
        let characteristic = Characteristic { service: None, uuid, flags, path: path.into(), service_path };
        self.characteristics.insert(path.into(), characteristic);
        true
    }

    /// Takes away what is gone at a path.
    pub(super) fn unset(&mut self, path: &str, interface: &str) {
        match interface {
            ADAPTER => drop(self.adapters.remove(path)),
            DEVICE => drop(self.devices.remove(path)),
            SERVICE => drop(self.services.remove(path)),
            CHARACTERISTIC => drop(self.characteristics.remove(path)),
            _ => {}
        }
    }

    /// Forgets what a device said and does not say any more, as `invalidated` names it. Its loudness stays: `BlueZ` takes it
    /// back with each end of a search, and the last one with its age says more than none.
    pub(super) fn invalidate(&mut self, path: &str, interface: &str, names: &[String]) {
        let Some(device) = self.devices.get_mut(path).filter(|_| interface == DEVICE) else { return };
        for name in names {
            match name.as_str() {
                "Connected" => device.connected = false,
                "ServicesResolved" => device.resolved = false,
                "TxPower" => device.tx_power = None,
                _ => {}
            }
        }
    }

    /// The characteristics of a device, in the order of their handles.
    pub(super) fn characteristics_of(&self, device: &str) -> Vec<Characteristic> {
        let of_device = |path: &str| path.strip_prefix(device).is_some_and(|rest| rest.starts_with('/'));
        let own = self.characteristics.values().filter(|characteristic| of_device(&characteristic.path));
        let with_service = |characteristic: &Characteristic| {
            let service = self.services.get(&characteristic.service_path).copied();
            Characteristic { service, ..characteristic.clone() }
        };
        own.map(with_service).collect()
    }
}

fn take_state(device: &mut Device, properties: &Properties) {
    let is = |name: &str, old: bool| get(properties, name).and_then(flag).unwrap_or(old);
    device.paired = is("Paired", device.paired);
    device.trusted = is("Trusted", device.trusted);
    device.connected = is("Connected", device.connected);
    device.resolved = is("ServicesResolved", device.resolved);
    if let Some(kind) = get(properties, "AddressType").and_then(text) {
        device.random = kind == "random";
    }
}

fn take_advertisement(device: &mut Device, properties: &Properties) {
    if let Some(name) = get(properties, "Name").and_then(text) {
        device.name = Some(cut(name));
    }
    if let Some(rssi) = get(properties, "RSSI").and_then(short) {
        device.rssi = Some(rssi);
    }
    if let Some(tx_power) = get(properties, "TxPower").and_then(short) {
        device.tx_power = Some(tx_power);
    }
    if let Some(services) = get(properties, "UUIDs") {
        device.services = texts(services).iter().filter_map(|text| text.parse().ok()).collect();
    }
    if let Some(said) = get(properties, "ManufacturerData") {
        device.manufacturer = entries(said, |key| match unwrapped(key) {
            Variant::U16(number) => Some(*number),
            _ => None,
        });
    }
    if let Some(said) = get(properties, "ServiceData") {
        device.service_data = entries(said, |key| text(key).and_then(|text| text.parse().ok()));
    }
}

/// The address in the last part of a path: `dev_A4_C1_38_00_00_01`.
fn address_of(path: &str) -> Option<Address> {
    path.rsplit('/').next()?.strip_prefix("dev_")?.parse().ok()
}

/// A name of at most [`MOST_NAME`] bytes.
fn cut(name: &str) -> String {
    let mut end = name.len().min(MOST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

fn get<'a>(properties: &'a Properties, name: &str) -> Option<&'a Variant<'a>> {
    properties.get(name).map(|value| unwrapped(value))
}

/// What is in a variant in a variant.
fn unwrapped<'a>(value: &'a Variant<'a>) -> &'a Variant<'a> {
    match value {
        Variant::Variant(inner) => inner,
        other => other,
    }
}

fn text<'a>(value: &'a Variant<'a>) -> Option<&'a str> {
    match unwrapped(value) {
        Variant::Str(text) => Some(text.as_str()),
        _ => None,
    }
}

fn flag(value: &Variant<'_>) -> Option<bool> {
    if let Variant::Bool(flag) = unwrapped(value) { Some(*flag) } else { None }
}

fn short(value: &Variant<'_>) -> Option<i16> {
    if let Variant::I16(number) = unwrapped(value) { Some(*number) } else { None }
}

fn byte(value: &Variant<'_>) -> Option<u8> {
    if let Variant::U8(number) = unwrapped(value) { Some(*number) } else { None }
}

fn texts(value: &Variant<'_>) -> Vec<String> {
    let Variant::Array(list) = unwrapped(value) else { return Vec::new() };
    list.iter().filter_map(text).take(MOST_PARTS).map(Into::into).collect()
}

/// An array of bytes; none if it is something else.
pub(super) fn bytes(value: &Variant<'_>) -> Option<Vec<u8>> {
    let Variant::Array(list) = unwrapped(value) else { return None };
    list.iter().map(byte).collect()
}

fn entries<K: Ord>(value: &Variant<'_>, key: impl Fn(&Variant<'_>) -> Option<K>) -> BTreeMap<K, Vec<u8>> {
    let Variant::Dict(dict) = unwrapped(value) else { return BTreeMap::new() };
    dict.iter().filter_map(|(name, data)| Some((key(name)?, bytes(data)?))).take(MOST_PARTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/org/bluez/hci0/dev_A4_C1_38_00_00_01";

    fn properties<const N: usize>(entries: [(&str, Variant<'_>); N]) -> Properties {
        entries.map(|(name, value)| (name.to_owned(), value.try_to_owned().unwrap())).into()
    }

    #[test]
    fn an_advertisement_is_taken_with_its_time_and_loudness_stays_when_the_search_ends() {
        let (mut world, now) = (World::default(), Instant::now());
        let data = HashMap::from([(0x0397_u16, Variant::new(vec![1_u8, 2]))]);
        let said = properties([
            ("Address", Variant::new("A4:C1:38:00:00:01")),
            ("AddressType", Variant::new("random")),
            ("RSSI", Variant::new(-60_i16)),
            ("ManufacturerData", Variant::new(data)),
            ("UUIDs", Variant::new(vec!["0000ff00-0000-1000-8000-00805f9b34fb", "nonsense"])),
            ("Name", Variant::new("x".repeat(400))),
        ]);
        assert!(world.set(PATH, DEVICE, &said, now));
        world.invalidate(PATH, DEVICE, &["RSSI".into()]);
        let device = &world.devices[PATH];
        assert_eq!((device.rssi, device.heard, device.random), (Some(-60), Some(now), true));
        assert_eq!(device.manufacturer, BTreeMap::from([(0x397, vec![1, 2])]));
        assert_eq!(device.services, [Uuid::short(0xff00)]);
        assert_eq!(device.name.as_ref().map(String::len), Some(MOST_NAME));
        assert_eq!(device.adapter, "hci0");
    }

    #[test]
    fn a_device_that_is_connected_is_not_heard_by_that() {
        let (mut world, now) = (World::default(), Instant::now());
        world.set(PATH, DEVICE, &properties([("Connected", true.into()), ("ServicesResolved", true.into())]), now);
        let device = &world.devices[PATH];
        assert_eq!((device.heard, device.connected, device.resolved), (None, true, true));
        world.set(PATH, DEVICE, &properties([("Connected", false.into())]), now);
        assert!(!world.devices[PATH].resolved);
    }

    #[test]
    fn values_of_a_wrong_type_change_nothing() {
        let (mut world, now) = (World::default(), Instant::now());
        let wrong = properties([
            ("RSSI", Variant::new("loud")),
            ("Connected", Variant::new(7_u8)),
            ("Name", Variant::new(7_u8)),
            ("ManufacturerData", Variant::new("x")),
            ("UUIDs", Variant::new(7_u8)),
        ]);
        world.set(PATH, DEVICE, &wrong, now);
        let device = &world.devices[PATH];
        assert_eq!((device.rssi, device.connected, &device.name), (None, false, &None));
        assert!(!world.set("/org/bluez/hci0/strange", DEVICE, &Properties::new(), now), "it has no address");
    }

    #[test]
    fn a_flood_of_devices_is_bounded() {
        let (mut world, now) = (World::default(), Instant::now());
        for number in 0..MOST + 10 {
            let path = format!("/org/bluez/hci0/dev_00_00_00_00_{:02X}_{:02X}", number / 256, number % 256);
            world.set(&path, DEVICE, &Properties::new(), now);
        }
        assert_eq!(world.devices.len(), MOST);
    }

    #[test]
    fn characteristics_are_those_of_the_device_with_their_service() {
        let (mut world, now) = (World::default(), Instant::now());
        let service = properties([("UUID", Variant::new("0000ff00-0000-1000-8000-00805f9b34fb"))]);
        let own = properties([
            ("UUID", Variant::new("0000ff01-0000-1000-8000-00805f9b34fb")),
            ("Flags", Variant::new(vec!["notify"])),
        ]);
        world.set(&format!("{PATH}/service0001"), SERVICE, &service, now);
        world.set(&format!("{PATH}/service0001/char0002"), CHARACTERISTIC, &own, now);
        world.set(&format!("{PATH}2/service0001/char0002"), CHARACTERISTIC, &own, now);
        let found = world.characteristics_of(PATH);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].service, found[0].can("notify")), (Some(Uuid::short(0xff00)), true));
    }
}
