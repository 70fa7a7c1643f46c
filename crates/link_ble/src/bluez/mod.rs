//! Bluetooth by `BlueZ`, Linux's Bluetooth service, over D-Bus. The one module that knows either.
//!
//! Read in this order: [`Bluetooth`] here, `world` what `BlueZ` has said, `pump` how its signals come in, `link` a device that
//! is connected, `agent` the one who answers while a device is paired.

mod agent;
mod calls;
mod link;
#[cfg(any(test, feature = "played"))]
pub mod played;
mod pump;
#[cfg(test)]
mod tests;
mod world;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use zbus::Variant;

pub use agent::{Answer, Question};
pub use link::{Link, Notifications};
pub use world::Characteristic;

use crate::{Adapter, Address, Device, Error};
use calls::Calls;
use world::{ADAPTER, DEVICE, World};

/// How long `BlueZ` may take for what needs no device.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a pairing may take, with a person who looks for a code.
pub const PAIRING: Duration = Duration::from_secs(90);

/// How `BlueZ` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It answers.
    Here,
    /// It has ended; it may come back.
    Gone,
    /// The bus itself is gone.
    Closed,
}

/// The way to Bluetooth of this machine. Cheap to clone; the last one closes it.
#[derive(Clone)]
pub struct Bluetooth(Arc<Shared>);

struct Shared {
    calls: Calls,
    heard: Arc<Heard>,
    pump: JoinHandle<()>,
    /// Links that are being let go: a new one waits, or it would be cut by the end of the old one.
    farewells: watch::Sender<u32>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// What has come in so far.
pub(crate) struct Heard {
    world: Mutex<World>,
    /// Counts what changed, for those who wait.
    changes: watch::Sender<u64>,
    standing: watch::Sender<Standing>,
    /// Who wants the values of a characteristic, by its path.
    listeners: Mutex<HashMap<String, mpsc::Sender<Vec<u8>>>>,
}

impl Heard {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listeners(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Vec<u8>>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Bluetooth {
    /// Reaches `BlueZ` over the system's bus, or over the one at this D-Bus address.
    ///
    /// # Errors
    /// There is no bus, no `BlueZ` on it, or this user may not speak with it.
    pub async fn open(bus: Option<&str>) -> Result<Self, Error> {
        let builder = match bus {
            Some(address) => zbus::connection::Builder::address(address),
            None => zbus::connection::Builder::system(),
        };
        let no_bus = |reason: String| Error::NoBus { bus: bus.unwrap_or("the system's address").into(), reason };
        let connection = timeout(ANSWER, builder.method_timeout(PAIRING).build()).await;
        let connection = connection.map_err(|_| no_bus("no answer".into()))?;
        Self::over(connection.map_err(|error| no_bus(error.to_string()))?).await
    }

    /// The same over a connection that is there; tests play `BlueZ` at the other end of one.
    ///
    /// # Errors
    /// As [`Bluetooth::open`].
    pub async fn over(connection: zbus::Connection) -> Result<Self, Error> {
        let heard = Arc::new(Heard {
            world: Mutex::default(),
            changes: watch::Sender::new(0),
            standing: watch::Sender::new(Standing::Here),
            listeners: Mutex::default(),
        });
        let calls = Calls::new(connection);
        let pump = pump::start(&calls, &heard).await?;
        Ok(Self(Arc::new(Shared { calls, heard, pump, farewells: watch::Sender::new(0) })))
    }

    /// The adapters of this machine.
    pub fn adapters(&self) -> Vec<Adapter> {
        self.0.heard.world().adapters.values().cloned().collect()
    }

    /// The adapter with this name, or the first one.
    ///
    /// # Errors
    /// There is none, or it is switched off.
    pub fn adapter(&self, wanted: Option<&str>) -> Result<Adapter, Error> {
        self.alive()?;
        let adapters = self.adapters();
        let is_wanted = |adapter: &&Adapter| wanted.is_none_or(|wanted| wanted == adapter.id);
        // One that is on goes before one that is off.
        let found = adapters.iter().filter(is_wanted).max_by_key(|adapter| adapter.powered);
        let adapter = found.ok_or_else(|| Error::NoAdapter { wanted: wanted.map(Into::into) })?;
        if adapter.powered { Ok(adapter.clone()) } else { Err(Error::Off(adapter.id.clone())) }
    }

    /// All devices that this adapter knows.
    pub fn devices(&self, adapter: &str) -> Vec<Device> {
        self.0.heard.world().devices.values().filter(|device| device.adapter == adapter).cloned().collect()
    }

    /// One device, if the adapter knows it.
    pub fn device(&self, adapter: &str, address: Address) -> Option<Device> {
        self.0.heard.world().devices.get(&device_path(adapter, address)).cloned()
    }

    /// Fails if `BlueZ` or the bus is gone.
    ///
    /// # Errors
    /// It is.
    pub fn alive(&self) -> Result<(), Error> {
        match *self.0.heard.standing.borrow() {
            Standing::Here => Ok(()),
            Standing::Gone => Err(Error::NoService),
            Standing::Closed => Err(Error::NoBus { bus: "its address".into(), reason: "it was closed".into() }),
        }
    }

    /// Counts what changes: devices that are heard, come and go, adapters, links.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.heard.changes.subscribe()
    }

    /// Switches an adapter on or off.
    ///
    /// # Errors
    /// `BlueZ` refuses, for example since a switch of the case is off.
    pub async fn power(&self, adapter: &str, on: bool) -> Result<(), Error> {
        let value = Variant::new(on);
        self.0
            .calls
            .set(&adapter_path(adapter), ADAPTER, "Powered", &value)
            .await
            .map_err(refused("switch the adapter"))
    }

    /// Begins to search for devices of Low Energy; each advertisement is told. Ends with [`Bluetooth::rest`] or with this
    /// process.
    ///
    /// # Errors
    /// `BlueZ` refuses.
    pub async fn search(&self, adapter: &str) -> Result<(), Error> {
        let path = adapter_path(adapter);
        let filter = HashMap::from([("Transport", Variant::new("le")), ("DuplicateData", Variant::new(true))]);
        self.0.calls.call(&path, ADAPTER, "SetDiscoveryFilter", &(filter,)).await.map_err(refused("search"))?;
        match self.0.calls.call(&path, ADAPTER, "StartDiscovery", &()).await {
            Err(failure) if failure.is("InProgress") => Ok(()),
            other => other.map(drop).map_err(refused("search")),
        }
    }

    /// Ends this process's search.
    ///
    /// # Errors
    /// `BlueZ` refuses.
    pub async fn rest(&self, adapter: &str) -> Result<(), Error> {
        let ended = self.0.calls.call(&adapter_path(adapter), ADAPTER, "StopDiscovery", &()).await;
        ended.map(drop).map_err(refused("end the search"))
    }

    /// Waits until a device is known, and searches for it meanwhile.
    ///
    /// # Errors
    /// It was not heard in time.
    pub async fn find(&self, adapter: &str, address: Address, patience: Duration) -> Result<Device, Error> {
        match self.device(adapter, address) {
            Some(device) => Ok(device),
            None => self.search_for(adapter, address, patience, |_| true).await,
        }
    }

    /// Searches until a device says something, also one that is known from before: of such a one there may be no more than a
    /// name.
    ///
    /// # Errors
    /// There is no such adapter, or the device was not heard in this time.
    pub async fn hear(&self, adapter: &str, address: Address, patience: Duration) -> Result<Device, Error> {
        let before = self.device(adapter, address).map_or(0, |device| device.times);
        self.search_for(adapter, address, patience, |device| device.times > before).await
    }

    async fn search_for(
        &self,
        adapter: &str,
        address: Address,
        patience: Duration,
        is_it: impl Fn(&Device) -> bool,
    ) -> Result<Device, Error> {
        let mut changes = self.changes();
        self.search(adapter).await?;
        let until = Instant::now() + patience;
        let found = loop {
            if let Some(device) = self.device(adapter, address).filter(&is_it) {
                break Ok(device);
            }
            if timeout_at(until, changes.changed()).await.is_err() {
                break Err(Error::NotHeard { address, waited: patience });
            }
            self.alive()?;
        };
        // Whoever else searches is not stopped by that.
        let _ = self.rest(adapter).await;
        found
    }

    /// Pairs with a device. Questions that come up are asked through `questions`; who does not answer says no.
    ///
    /// # Errors
    /// The device does not pair, for the reason that is told.
    pub async fn pair(&self, adapter: &str, address: Address, questions: mpsc::Sender<Question>) -> Result<(), Error> {
        let path = device_path(adapter, address);
        let agent = agent::Registered::new(&self.0.calls, questions).await.map_err(refused("pair"))?;
        let paired = timeout(PAIRING, self.0.calls.call(&path, DEVICE, "Pair", &())).await;
        agent.end().await;
        let not_paired = |reason: String| Error::NotPaired { address, reason };
        match paired {
            Err(_) => {
                let _ = self.0.calls.call(&path, DEVICE, "CancelPairing", &()).await;
                Err(not_paired(format!("nothing came of it in {} s", PAIRING.as_secs())))
            }
            Ok(Err(failure)) if failure.is("AlreadyExists") => Ok(()),
            Ok(Err(failure)) if failure.is_unknown_object() => {
                Err(not_paired("it was not heard lately; search for it first".into()))
            }
            Ok(Err(failure)) => Err(not_paired(failure.words())),
            Ok(Ok(_)) => Ok(()),
        }
    }

    /// Ends a pairing that is under way.
    ///
    /// # Errors
    /// There is none.
    pub async fn cancel_pairing(&self, adapter: &str, address: Address) -> Result<(), Error> {
        let path = device_path(adapter, address);
        self.0.calls.call(&path, DEVICE, "CancelPairing", &()).await.map(drop).map_err(refused("end the pairing"))
    }

    /// Lets a device connect by itself, or not.
    ///
    /// # Errors
    /// `BlueZ` refuses or does not know the device.
    pub async fn trust(&self, adapter: &str, address: Address, trusted: bool) -> Result<(), Error> {
        let value = Variant::new(trusted);
        let path = device_path(adapter, address);
        self.0.calls.set(&path, DEVICE, "Trusted", &value).await.map_err(refused("trust the device"))
    }

    /// Forgets a device with its keys.
    ///
    /// # Errors
    /// `BlueZ` refuses or does not know the device.
    pub async fn remove(&self, adapter: &str, address: Address) -> Result<(), Error> {
        let device = device_path(adapter, address);
        let Ok(path) = zbus::ObjectPath::try_from(device.as_str()) else {
            return Err(Error::Refused { what: "remove the device", reason: "it has no path".into() });
        };
        let removed = self.0.calls.call(&adapter_path(adapter), ADAPTER, "RemoveDevice", &(path,)).await;
        removed.map(drop).map_err(refused("remove the device"))
    }

    /// Connects to a device and learns what it has. The device must be known; see [`Bluetooth::find`].
    ///
    /// # Errors
    /// No link comes about in time.
    pub async fn connect(&self, adapter: &str, address: Address, patience: Duration) -> Result<Link, Error> {
        let path = device_path(adapter, address);
        let not_connected = |reason: String| Error::NotConnected { address, reason };
        let until = Instant::now() + patience;
        let mut changes = self.changes();
        let _ = timeout_at(until, self.0.farewells.subscribe().wait_for(|count| *count == 0)).await;
        // From here on the link is let go when this is dropped, also half-way.
        let mut link = Link::new(self.clone(), path.clone(), adapter, address);
        match timeout_at(until, self.0.calls.call(&path, DEVICE, "Connect", &())).await {
            Err(_) => return Err(not_connected(format!("no answer in {} s", patience.as_secs()))),
            Ok(Err(failure)) if failure.is_unknown_object() => {
                return Err(Error::NotHeard { address, waited: patience });
            }
            Ok(Err(failure)) if !failure.is("AlreadyConnected") => return Err(not_connected(failure.words())),
            Ok(_) => {}
        }
        loop {
            if self.device(adapter, address).is_some_and(|device| device.connected && device.resolved) {
                link.has_stood = true;
                return Ok(link);
            }
            self.alive()?;
            if timeout_at(until, changes.changed()).await.is_err() {
                return Err(not_connected("it connected, and does not tell what it has".into()));
            }
        }
    }
}

/// The path of an adapter, as `BlueZ` makes it.
fn adapter_path(adapter: &str) -> String {
    format!("/org/bluez/{adapter}")
}

/// The path of a device, as `BlueZ` makes it.
fn device_path(adapter: &str, address: Address) -> String {
    format!("/org/bluez/{adapter}/dev_{}", address.to_string().replace(':', "_"))
}

fn refused(what: &'static str) -> impl Fn(calls::Failure) -> Error {
    move |failure| failure.general().unwrap_or_else(|| Error::Refused { what, reason: failure.words() })
}
