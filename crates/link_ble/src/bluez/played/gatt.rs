//! Played services and characteristics of a device that is connected.
#![allow(clippy::used_underscore_binding, clippy::unused_self)] // what `interface` makes of methods that need less

use std::collections::HashMap;

use zbus::{Connection, OwnedVariant, Variant, interface};

use super::super::device_path;
use super::super::world::CHARACTERISTIC;
use super::{HCI0, Manner, Refusal, Shared, changed, failed};
use crate::{Address, Uuid};

pub(super) fn service(address: Address) -> String {
    format!("{}/service0001", device_path(HCI0, address))
}

pub(super) fn characteristic(address: Address, uuid: Uuid) -> String {
    format!("{}/char{:032x}", service(address), uuid.0)
}

pub(super) fn characteristics(manner: &Manner) -> Vec<Uuid> {
    let mut uuids: Vec<Uuid> = [manner.notify, manner.write].into_iter().chain(manner.values.keys().copied()).collect();
    uuids.sort_unstable();
    uuids.dedup();
    uuids
}

pub(super) struct PlayedService(pub(super) Uuid);

#[interface(name = "org.bluez.GattService1")]
impl PlayedService {
    #[zbus(property, name = "UUID")]
    fn uuid(&self) -> String {
        self.0.long()
    }
}

pub(super) struct PlayedCharacteristic {
    pub(super) stage: Shared,
    pub(super) address: Address,
    pub(super) uuid: Uuid,
}

#[interface(name = "org.bluez.GattCharacteristic1")]
impl PlayedCharacteristic {
    fn start_notify(&self) {}

    fn stop_notify(&self) {}

    fn read_value(&self, _options: HashMap<String, OwnedVariant>) -> Result<Vec<u8>, Refusal> {
        let stage = self.stage.lock();
        let value = stage.parts.get(&self.address).and_then(|part| part.manner.values.get(&self.uuid).cloned());
        value.ok_or_else(|| failed("Failed", "Read not permitted"))
    }

    async fn write_value(
        &self,
        value: Vec<u8>,
        _options: HashMap<String, OwnedVariant>,
        #[zbus(connection)] connection: &Connection,
    ) {
        let manner = {
            let mut stage = self.stage.lock();
            stage.written.push((self.address, value.clone()));
            stage.parts.get(&self.address).map(|part| part.manner.clone())
        };
        let Some(manner) = manner else { return };
        let path = characteristic(self.address, manner.notify);
        for sent in (manner.answers)(&value) {
            let said = HashMap::from([("Value", Variant::new(sent))]);
            changed(connection, &path, CHARACTERISTIC, &said, &[]).await;
        }
    }

    #[zbus(property, name = "UUID")]
    fn uuid(&self) -> String {
        self.uuid.long()
    }

    #[zbus(property)]
    fn flags(&self) -> Vec<String> {
        let stage = self.stage.lock();
        let Some(manner) = stage.parts.get(&self.address).map(|part| &part.manner) else { return Vec::new() };
        let flags = [
            (manner.notify == self.uuid, "notify"),
            (manner.write == self.uuid, "write-without-response"),
            (manner.values.contains_key(&self.uuid), "read"),
        ];
        flags.into_iter().filter(|(has, _)| *has).map(|(_, flag)| flag.into()).collect()
    }
}
