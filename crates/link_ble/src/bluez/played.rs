//! A `BlueZ` that plays, joined to this process without a bus: for tests, and for drivers with simulated devices.
//!
//! It has one adapter, `hci0`, and devices that advertise, pair, connect and answer as they are told to. What it says and
//! when follows `BlueZ`: services are there once a device is connected, a loudness is taken back when the search ends.
#![allow(clippy::used_underscore_binding, clippy::unused_self)] // what `interface` makes of methods that need less

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zbus::{Connection, Guid, ObjectPath, OwnedObjectPath, OwnedVariant, Variant, fdo, interface};

use super::world::{ADAPTER, CHARACTERISTIC, DEVICE};
use super::{Bluetooth, adapter_path, device_path};
use crate::{Address, Device, Error, Uuid};

/// The adapter.
pub const HCI0: &str = "hci0";

/// What a device says when it is written to: the values that it then sends, one after the other.
pub type Answers = Arc<dyn Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync>;

/// How a device pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pairing {
    /// Without a word.
    Open,
    /// It wants this code of up to six digits.
    Code(u32),
    /// It shows this number and wants a yes.
    Confirm(u32),
    /// It refuses.
    Never,
}

/// How a device behaves.
#[derive(Clone)]
pub struct Manner {
    /// How it pairs.
    pub pairing: Pairing,
    /// Why it does not connect; none if it does.
    pub refuses: Option<String>,
    /// Its service.
    pub service: Uuid,
    /// The characteristic that sends values.
    pub notify: Uuid,
    /// The characteristic that is written to; may be the same.
    pub write: Uuid,
    /// What can be read from a characteristic.
    pub values: HashMap<Uuid, Vec<u8>>,
    /// What it says when it is written to.
    pub answers: Answers,
}

impl Manner {
    /// A device that connects, has one service with a characteristic each way, and answers so.
    pub fn new(service: Uuid, notify: Uuid, write: Uuid, answers: Answers) -> Self {
        Self { pairing: Pairing::Open, refuses: None, service, notify, write, values: HashMap::new(), answers }
    }
}

/// One played device.
struct Part {
    device: Device,
    manner: Manner,
}

#[derive(Default)]
struct Stage {
    parts: HashMap<Address, Part>,
    powered: bool,
    discovering: bool,
    agent: Option<OwnedObjectPath>,
    /// What was written, in its order.
    written: Vec<(Address, Vec<u8>)>,
    /// Devices that connected, in their order.
    connects: Vec<Address>,
}

/// The one that plays. Dropped, the bus is closed.
pub struct Played {
    connection: Connection,
    stage: Shared,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Stage>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Played {
    /// Begins, with an adapter that is on and no device.
    ///
    /// # Errors
    /// The two ends cannot be joined.
    pub async fn start() -> Result<(Self, Bluetooth), Error> {
        let failed = |reason: String| Error::NoBus { bus: "this process".into(), reason };
        let (ours, theirs) = UnixStream::pair().map_err(|error| failed(error.to_string()))?;
        let stage = Shared(Arc::new(Mutex::new(Stage { powered: true, ..Stage::default() })));
        let server = zbus::connection::Builder::unix_stream(ours)
            .server(Guid::generate())
            .p2p()
            .serve_at("/", fdo::ObjectManager)
            .serve_at("/org/bluez", Manager(stage.clone()))
            .serve_at(adapter_path(HCI0), PlayedAdapter(stage.clone()));
        let client = zbus::connection::Builder::unix_stream(theirs).p2p();
        let (server, client) =
            tokio::try_join!(server.build(), client.build()).map_err(|error| failed(error.to_string()))?;
        let bluetooth = Bluetooth::over(client).await?;
        Ok((Self { connection: server, stage }, bluetooth))
    }

    /// Has a device say this, now. A device that is there already stays connected, paired and as it behaves.
    pub async fn advertise(&self, device: Device, manner: Manner) {
        let address = device.address;
        let path = device_path(HCI0, address);
        let is_new = match self.stage.lock().parts.entry(address) {
            Entry::Vacant(place) => {
                place.insert(Part { device, manner });
                true
            }
            Entry::Occupied(mut known) => {
                let Device { paired, trusted, connected, .. } = known.get().device;
                known.get_mut().device = Device { paired, trusted, connected, ..device };
                false
            }
        };
        if is_new {
            let played = PlayedDevice { stage: self.stage.clone(), address };
            let _ = self.connection.object_server().at(path.as_str(), played).await;
        }
        let said = self.stage.lock().parts.get(&address).map(|part| advertisement(&part.device)).unwrap_or_default();
        self.changed(&path, DEVICE, said, &[]).await;
    }

    /// Ends the link to a device, as if it had gone away.
    pub async fn lose(&self, address: Address) {
        disconnect(&self.connection, &self.stage, address).await;
    }

    /// Changes how a device behaves from now on.
    pub fn behave(&self, address: Address, change: impl FnOnce(&mut Manner)) {
        if let Some(part) = self.stage.lock().parts.get_mut(&address) {
            change(&mut part.manner);
        }
    }

    /// Has a device send a value of its own accord.
    pub async fn send(&self, address: Address, value: &[u8]) {
        let Some(path) = self.stage.lock().parts.get(&address).map(|part| characteristic(address, part.manner.notify))
        else {
            return;
        };
        self.changed(&path, CHARACTERISTIC, HashMap::from([("Value", Variant::new(value))]), &[]).await;
    }

    /// Switches the adapter.
    pub async fn power(&self, on: bool) {
        self.stage.lock().powered = on;
        let said = HashMap::from([("Powered", Variant::new(on))]);
        self.changed(&adapter_path(HCI0), ADAPTER, said, &[]).await;
    }

    /// What was written so far, and to whom.
    pub fn written(&self) -> Vec<(Address, Vec<u8>)> {
        self.stage.lock().written.clone()
    }

    /// Which devices were connected to so far, each time anew.
    pub fn connects(&self) -> Vec<Address> {
        self.stage.lock().connects.clone()
    }

    /// Whether somebody searches.
    pub fn is_searched(&self) -> bool {
        self.stage.lock().discovering
    }

    /// What is said of a device now; none if it was removed.
    pub fn device(&self, address: Address) -> Option<Device> {
        self.stage.lock().parts.get(&address).map(|part| part.device.clone())
    }

    async fn changed(&self, path: &str, interface: &str, said: HashMap<&str, Variant<'_>>, gone: &[&str]) {
        changed(&self.connection, path, interface, &said, gone).await;
    }
}

async fn changed(
    connection: &Connection,
    path: &str,
    interface: &str,
    said: &HashMap<&str, Variant<'_>>,
    gone: &[&str],
) {
    let body = (interface, said, gone);
    let name = "org.freedesktop.DBus.Properties";
    if let Err(error) = connection.emit_signal(None::<&str>, path, name, "PropertiesChanged", &body).await {
        tracing::debug!(%error, "Nobody hears what is played.");
    }
}

fn advertisement(device: &Device) -> HashMap<&'static str, Variant<'static>> {
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

fn service(address: Address) -> String {
    format!("{}/service0001", device_path(HCI0, address))
}

fn characteristic(address: Address, uuid: Uuid) -> String {
    format!("{}/char{:032x}", service(address), uuid.0)
}

async fn disconnect(connection: &Connection, stage: &Shared, address: Address) {
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

fn characteristics(manner: &Manner) -> Vec<Uuid> {
    let mut uuids: Vec<Uuid> = [manner.notify, manner.write].into_iter().chain(manner.values.keys().copied()).collect();
    uuids.sort_unstable();
    uuids.dedup();
    uuids
}

fn failed(name: &'static str, message: &str) -> Refusal {
    match name {
        "AuthenticationFailed" => Refusal::AuthenticationFailed(message.into()),
        "InProgress" => Refusal::InProgress(message.into()),
        _ => Refusal::Failed(message.into()),
    }
}

/// `BlueZ`'s errors, as far as they are played.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.bluez.Error")]
enum Refusal {
    #[zbus(error)]
    Bus(zbus::Error),
    Failed(String),
    InProgress(String),
    AuthenticationFailed(String),
}

struct Manager(Shared);

#[interface(name = "org.bluez.AgentManager1")]
impl Manager {
    fn register_agent(&self, agent: ObjectPath<'_>, _capability: String) {
        self.0.lock().agent = Some(agent.into());
    }

    fn unregister_agent(&self, _agent: ObjectPath<'_>) {
        self.0.lock().agent = None;
    }
}

struct PlayedAdapter(Shared);

#[interface(name = "org.bluez.Adapter1")]
impl PlayedAdapter {
    fn set_discovery_filter(&self, _filter: HashMap<String, OwnedVariant>) {}

    async fn start_discovery(&self, #[zbus(connection)] connection: &Connection) -> Result<(), Refusal> {
        if std::mem::replace(&mut self.0.lock().discovering, true) {
            return Err(failed("InProgress", "Operation already in progress"));
        }
        let said = HashMap::from([("Discovering", Variant::new(true))]);
        changed(connection, &adapter_path(HCI0), ADAPTER, &said, &[]).await;
        Ok(())
    }

    async fn stop_discovery(&self, #[zbus(connection)] connection: &Connection) -> Result<(), Refusal> {
        if !std::mem::replace(&mut self.0.lock().discovering, false) {
            return Err(failed("Failed", "No discovery started"));
        }
        let said = HashMap::from([("Discovering", Variant::new(false))]);
        changed(connection, &adapter_path(HCI0), ADAPTER, &said, &[]).await;
        let addresses: Vec<Address> = self.0.lock().parts.keys().copied().collect();
        for address in addresses {
            changed(connection, &device_path(HCI0, address), DEVICE, &HashMap::new(), &["RSSI"]).await;
        }
        Ok(())
    }

    async fn remove_device(
        &self,
        device: ObjectPath<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Refusal> {
        let address =
            self.0.lock().parts.keys().copied().find(|address| device_path(HCI0, *address) == device.as_str());
        let address = address.ok_or_else(|| failed("Failed", "Does Not Exist"))?;
        disconnect(connection, &self.0, address).await;
        self.0.lock().parts.remove(&address);
        let _ = connection.object_server().remove::<PlayedDevice, _>(device).await;
        Ok(())
    }

    #[zbus(property)]
    fn address(&self) -> String {
        "00:1A:7D:DA:71:00".into()
    }

    #[zbus(property)]
    fn alias(&self) -> String {
        "played".into()
    }

    #[zbus(property)]
    fn powered(&self) -> bool {
        self.0.lock().powered
    }

    #[zbus(property)]
    fn set_powered(&self, on: bool) {
        self.0.lock().powered = on;
    }

    #[zbus(property)]
    fn discovering(&self) -> bool {
        self.0.lock().discovering
    }
}

struct PlayedDevice {
    stage: Shared,
    address: Address,
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

struct PlayedService(Uuid);

#[interface(name = "org.bluez.GattService1")]
impl PlayedService {
    #[zbus(property, name = "UUID")]
    fn uuid(&self) -> String {
        self.0.long()
    }
}

struct PlayedCharacteristic {
    stage: Shared,
    address: Address,
    uuid: Uuid,
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
