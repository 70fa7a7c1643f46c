//! A `BlueZ` that plays, joined to this process without a bus: for tests, and for drivers with simulated devices.
//!
//! It has one adapter, `hci0`, and devices that advertise, pair, connect and answer as they are told to. What it says and
//! when follows `BlueZ`: services are there once a device is connected, a loudness is taken back when the search ends.

mod adapter;
mod device;
mod gatt;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zbus::{Connection, Guid, OwnedObjectPath, Variant, fdo};

use super::world::{ADAPTER, CHARACTERISTIC, DEVICE};
use super::{Bluetooth, adapter_path, device_path};
use crate::{Address, Device, Error, Uuid};
use adapter::{Manager, PlayedAdapter};
use device::{PlayedDevice, advertisement, disconnect};
use gatt::characteristic;

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
