//! A device that is connected: what it has, what it sends, what is written to it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use zbus::Variant;

use super::world::{CHARACTERISTIC, Characteristic, DEVICE};
use super::{Bluetooth, calls};
use crate::{Address, Device, Error, Uuid};

/// Notifications that may wait; a battery sends 15 for one frame.
const WAITING: usize = 256;

/// How long a device may take for one read or write: the time after which a link counts as dead (Core Specification,
/// volume 3, part F, section 3.3.3).
const TRANSACTION: Duration = Duration::from_secs(30);

/// How long a farewell may take; others wait for it.
const FAREWELL: Duration = Duration::from_secs(5);

/// The link to one device. Dropped, it is let go.
pub struct Link {
    bluetooth: Bluetooth,
    path: String,
    adapter: String,
    address: Address,
    /// It stood once.
    pub(super) has_stood: bool,
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.has_stood && !self.stands() {
            return;
        }
        let (bluetooth, path) = (self.bluetooth.clone(), self.path.clone());
        // Without a runtime the process ends, and `BlueZ` lets the link go by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            bluetooth.0.farewells.send_modify(|count| *count += 1);
            runtime.spawn(async move {
                let _ = timeout(FAREWELL, bluetooth.0.calls.call(&path, DEVICE, "Disconnect", &())).await;
                bluetooth.0.farewells.send_modify(|count| *count -= 1);
            });
        }
    }
}

/// What a characteristic sends, in the order in which it came. Ends when the link does.
pub struct Notifications {
    values: mpsc::Receiver<Vec<u8>>,
    address: Address,
}

impl Notifications {
    /// The next value. Safe to drop and call again.
    ///
    /// # Errors
    /// The link broke.
    pub async fn next(&mut self) -> Result<Vec<u8>, Error> {
        self.values.recv().await.ok_or(Error::Lost(self.address))
    }
}

impl Link {
    pub(super) fn new(bluetooth: Bluetooth, path: String, adapter: &str, address: Address) -> Self {
        Self { bluetooth, path, adapter: adapter.into(), address, has_stood: false }
    }

    /// Which device.
    pub fn address(&self) -> Address {
        self.address
    }

    /// What is known of the device now; none if it was removed.
    pub fn device(&self) -> Option<Device> {
        self.bluetooth.device(&self.adapter, self.address)
    }

    /// Whether the link stands.
    pub fn stands(&self) -> bool {
        self.device().is_some_and(|device| device.connected)
    }

    /// Waits until the link is broken.
    pub async fn broken(&self) -> Error {
        let mut changes = self.bluetooth.changes();
        while self.stands() && self.bluetooth.alive().is_ok() {
            if changes.changed().await.is_err() {
                break;
            }
        }
        Error::Lost(self.address)
    }

    /// All that the device has.
    pub fn characteristics(&self) -> Vec<Characteristic> {
        self.bluetooth.0.heard.world().characteristics_of(&self.path)
    }

    /// The characteristic of this name, in this service if one is named, that has one of these flags: some modules have
    /// two of the same name, one to write and one that notifies.
    fn characteristic(
        &self,
        service: Option<Uuid>,
        uuid: Uuid,
        flags: &[&str],
        purpose: &'static str,
    ) -> Result<Characteristic, Error> {
        if !self.stands() {
            return Err(Error::Lost(self.address));
        }
        let fits = |found: &Characteristic| {
            found.uuid == uuid
                && service.is_none_or(|service| found.service == Some(service))
                && flags.iter().any(|flag| found.can(flag))
        };
        let missing = Error::NoCharacteristic { address: self.address, characteristic: uuid, purpose };
        self.characteristics().into_iter().find(fits).ok_or(missing)
    }

    /// Has a characteristic send its values.
    ///
    /// # Errors
    /// There is none that can, or the device refuses.
    pub async fn notifications(&self, service: Option<Uuid>, uuid: Uuid) -> Result<Notifications, Error> {
        let characteristic = self.characteristic(service, uuid, &["notify", "indicate"], "notify")?;
        let (sender, values) = mpsc::channel(WAITING);
        self.bluetooth.0.heard.listeners().insert(characteristic.path.clone(), sender);
        self.ask(&characteristic, "StartNotify", &(), "have values sent").await?;
        Ok(Notifications { values, address: self.address })
    }

    /// Writes a value; waits for the device's word where the characteristic gives one.
    ///
    /// # Errors
    /// There is none that can be written, or the device refuses.
    pub async fn write(&self, service: Option<Uuid>, uuid: Uuid, value: &[u8]) -> Result<(), Error> {
        let flags = ["write-without-response", "write"];
        let characteristic = self.characteristic(service, uuid, &flags, "be written")?;
        let kind = if characteristic.can("write-without-response") { "command" } else { "request" };
        let options = HashMap::from([("type", Variant::new(kind))]);
        self.ask(&characteristic, "WriteValue", &(value, options), "write").await.map(drop)
    }

    /// Reads a value.
    ///
    /// # Errors
    /// There is none that can be read, or the device refuses.
    pub async fn read(&self, service: Option<Uuid>, uuid: Uuid) -> Result<Vec<u8>, Error> {
        let characteristic = self.characteristic(service, uuid, &["read"], "be read")?;
        let options: HashMap<&str, Variant<'_>> = HashMap::new();
        let answer = self.ask(&characteristic, "ReadValue", &(options,), "read").await?;
        let strange = |error: zbus::Error| Error::Refused { what: "read", reason: error.to_string() };
        answer.body().deserialize::<Vec<u8>>().map_err(strange)
    }

    async fn ask<B: serde::Serialize + zbus::wire::DynamicType>(
        &self,
        characteristic: &Characteristic,
        method: &str,
        body: &B,
        what: &'static str,
    ) -> Result<zbus::Message, Error> {
        let calls = &self.bluetooth.0.calls;
        let asked = timeout(TRANSACTION, calls.call(&characteristic.path, CHARACTERISTIC, method, body)).await;
        let failed = |failure: calls::Failure| {
            if self.stands() { super::refused(what)(failure) } else { Error::Lost(self.address) }
        };
        asked.map_err(|_| Error::Lost(self.address))?.map_err(failed)
    }
}
