//! A played device: what it advertises, how it pairs and connects.
#![allow(clippy::used_underscore_binding, clippy::unused_self)] // what `interface` makes of methods that need less

use std::collections::HashMap;

use zbus::{Connection, ObjectPath, Variant, interface};

use super::super::device_path;
use super::super::world::DEVICE;
use super::gatt::{PlayedCharacteristic, PlayedService, characteristic, characteristics, service};
use super::{HCI0, Manner, Pairing, Refusal, Shared, changed, failed};
use crate::{Address, Device};

pub(super) fn advertisement(device: &Device) -> HashMap<&'static str, Variant<'static>> {
    let data: HashMap<u16, Variant<'static>> =
        device.manufacturer.iter().map(|(company, data)| (*company, Variant::new(data.clone()))).collect();
    let service_data: HashMap<String, Variant<'static>> =
        device.service_data.iter().map(|(uuid, data)| (uuid.long(), Variant::new(data.clone()))).collect();
    let services: Vec<String> = device.services.iter().map(|uuid| uuid.long()).collect();
    let mut said = HashMap::from([
        ("Address", Variant::new(device.address.to_string())),
        ("AddressType", Variant::new(if device.random { "random" } else { "public" })),
        ("ManufacturerData", Variant::new(data)),
        ("ServiceData", Variant::new(service_data)),
        ("UUIDs", Variant::new(services)),
        ("Paired", Variant::new(device.paired)),
        ("Trusted", Variant::new(device.trusted)),
    ]);
    if let Some(name) = &device.name {
        said.insert("Name", Variant::new(name.clone()));
    }
    if let Some(rssi) = device.rssi {
        said.insert("RSSI", Variant::new(rssi));
    }
    said
}

pub(super) async fn disconnect(connection: &Connection, stage: &Shared, address: Address) {
    let Some(uuids) = stage.lock().parts.get_mut(&address).filter(|part| part.device.connected).map(|part| {
        part.device.connected = false;
        characteristics(&part.manner)
    }) else {
        return;
    };
    let said = HashMap::from([("Connected", Variant::new(false)), ("ServicesResolved", Variant::new(false))]);
    changed(connection, &device_path(HCI0, address), DEVICE, &said, &[]).await;
    let server = connection.object_server();
    for uuid in uuids {
        let _ = server.remove::<PlayedCharacteristic, _>(characteristic(address, uuid)).await;
    }
    let _ = server.remove::<PlayedService, _>(service(address)).await;
}

pub(super) struct PlayedDevice {
    pub(super) stage: Shared,
    pub(super) address: Address,
}

impl PlayedDevice {
    fn manner(&self) -> Option<Manner> {
        self.stage.lock().parts.get(&self.address).map(|part| part.manner.clone())
    }

    fn told<T: Default>(&self, look: impl FnOnce(&Device) -> T) -> T {
        self.stage.lock().parts.get(&self.address).map(|part| look(&part.device)).unwrap_or_default()
    }

    /// Asks the agent, as the pairing wants it.
    async fn ask(&self, connection: &Connection, pairing: &Pairing) -> Result<(), Refusal> {
        let path = device_path(HCI0, self.address);
        let device = ObjectPath::try_from(path.as_str()).map_err(Refusal::Bus)?;
        let agent = self.stage.lock().agent.clone();
        let refused = || failed("AuthenticationFailed", "Authentication Failed");
        let ask = async |method: &str, number: Option<u32>| {
            let agent = agent.as_ref().ok_or_else(refused)?;
            let name = Some("org.bluez.Agent1");
            let answer = match number {
                Some(number) => connection.call_method(None::<&str>, agent, name, method, &(&device, number)).await,
                None => connection.call_method(None::<&str>, agent, name, method, &(&device,)).await,
            };
            answer.map_err(|_| refused())
        };
        match pairing {
            Pairing::Open => Ok(()),
            Pairing::Never => Err(refused()),
            Pairing::Confirm(number) => ask("RequestConfirmation", Some(*number)).await.map(drop),
            Pairing::Code(code) => {
                let answer = ask("RequestPasskey", None).await?;
                let said: Option<u32> = answer.body().deserialize().ok();
                if said == Some(*code) { Ok(()) } else { Err(refused()) }
            }
        }
    }
}

#[interface(name = "org.bluez.Device1")]
impl PlayedDevice {
    async fn connect(&self, #[zbus(connection)] connection: &Connection) -> Result<(), Refusal> {
        let Some(manner) = self.manner() else { return Err(failed("Failed", "gone")) };
        if let Some(reason) = manner.refuses {
            return Err(failed("Failed", &reason));
        }
        let server = connection.object_server();
        let _ = server.at(service(self.address), PlayedService(manner.service)).await;
        for uuid in characteristics(&manner) {
            let played = PlayedCharacteristic { stage: self.stage.clone(), address: self.address, uuid };
            let _ = server.at(characteristic(self.address, uuid), played).await;
        }
        {
            let mut stage = self.stage.lock();
            stage.connects.push(self.address);
            if let Some(part) = stage.parts.get_mut(&self.address) {
                part.device.connected = true;
            }
        }
        let path = device_path(HCI0, self.address);
        changed(connection, &path, DEVICE, &HashMap::from([("Connected", Variant::new(true))]), &[]).await;
        changed(connection, &path, DEVICE, &HashMap::from([("ServicesResolved", Variant::new(true))]), &[]).await;
        Ok(())
    }

    async fn disconnect(&self, #[zbus(connection)] connection: &Connection) {
        disconnect(connection, &self.stage, self.address).await;
    }

    async fn pair(&self, #[zbus(connection)] connection: &Connection) -> Result<(), Refusal> {
        let Some(manner) = self.manner() else { return Err(failed("Failed", "gone")) };
        self.ask(connection, &manner.pairing).await?;
        if let Some(part) = self.stage.lock().parts.get_mut(&self.address) {
            part.device.paired = true;
        }
        let said = HashMap::from([("Paired", Variant::new(true))]);
        changed(connection, &device_path(HCI0, self.address), DEVICE, &said, &[]).await;
        Ok(())
    }

    fn cancel_pairing(&self) {}

    #[zbus(property)]
    fn address(&self) -> String {
        self.address.to_string()
    }

    #[zbus(property)]
    fn paired(&self) -> bool {
        self.told(|device| device.paired)
    }

    #[zbus(property)]
    fn trusted(&self) -> bool {
        self.told(|device| device.trusted)
    }

    #[zbus(property)]
    fn set_trusted(&self, trusted: bool) {
        if let Some(part) = self.stage.lock().parts.get_mut(&self.address) {
            part.device.trusted = trusted;
        }
    }
}
