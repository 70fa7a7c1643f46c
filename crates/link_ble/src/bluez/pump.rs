//! The task that takes `BlueZ`'s signals and keeps the world by them.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use futures_util::StreamExt as _;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zbus::fdo::ManagedObjects;
use zbus::message::Type;
use zbus::{Message, MessageStream, OwnedObjectPath, OwnedVariant};

use super::calls::{BLUEZ, Calls};
use super::world::{CHARACTERISTIC, Properties, bytes};
use super::{ANSWER, Heard, Standing};
use crate::Error;

/// Signals that may wait here; then the bus waits.
const WAITING: usize = 1024;

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
const BUS: &str = "org.freedesktop.DBus";

/// Asks for all objects, and follows them from then on.
pub(super) async fn start(calls: &Calls, heard: &Arc<Heard>) -> Result<JoinHandle<()>, Error> {
    let mut stream = MessageStream::from(calls.connection());
    stream.set_max_queued(std::num::NonZeroUsize::new(WAITING).unwrap_or(std::num::NonZeroUsize::MIN));
    let mut pump = Pump { calls: calls.clone(), heard: Arc::downgrade(heard), owner: None };
    if calls.connection().is_bus() {
        pump.watch().await?;
    }
    pump.load(heard).await?;
    Ok(tokio::spawn(pump.run(stream)))
}

struct Pump {
    calls: Calls,
    heard: Weak<Heard>,
    /// The connection that plays `BlueZ`: signals of others that say they were it are passed over. None without a bus.
    owner: Option<String>,
}

impl Pump {
    /// Has the bus send what `BlueZ` says, and whether it is there.
    async fn watch(&mut self) -> Result<(), Error> {
        let rules = [
            format!("type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',member='PropertiesChanged'"),
            format!("type='signal',sender='{BLUEZ}',interface='{MANAGER}'"),
            format!("type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{BLUEZ}'"),
        ];
        for rule in &rules {
            let added = self.ask_bus("AddMatch", rule).await;
            added.map_err(|error| Error::Refused { what: "listen", reason: error.to_string() })?;
        }
        Ok(())
    }

    async fn ask_bus(&self, method: &str, argument: &str) -> zbus::Result<Message> {
        let body = (argument,);
        self.calls.connection().call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), method, &body).await
    }

    /// Takes all objects as they are now.
    async fn load(&mut self, heard: &Heard) -> Result<(), Error> {
        let asked = timeout(ANSWER, self.calls.call("/", MANAGER, "GetManagedObjects", &())).await;
        let answer = asked.map_err(|_| Error::NoService)?;
        let answer = answer.map_err(super::refused("list its devices"))?;
        // The question may have started the service; from now on somebody owns the name.
        if self.calls.connection().is_bus() {
            let owner = self.ask_bus("GetNameOwner", BLUEZ).await.map_err(|_| Error::NoService)?;
            self.owner = owner.body().deserialize::<String>().ok();
        }
        let strange = |error: zbus::Error| Error::Refused { what: "list its devices", reason: error.to_string() };
        let objects: ManagedObjects = answer.body().deserialize().map_err(strange)?;
        let now = Instant::now();
        let mut world = heard.world();
        for (path, interfaces) in &objects {
            for (interface, properties) in ordered(interfaces) {
                world.set(path.as_str(), interface, properties, now);
            }
        }
        // What is known from before was not heard now.
        for device in world.devices.values_mut() {
            device.heard = device.rssi.is_some().then_some(now);
        }
        drop(world);
        heard.changed();
        Ok(())
    }

    async fn run(mut self, mut stream: MessageStream) {
        while let Some(message) = stream.next().await {
            let Some(heard) = self.heard.upgrade() else { return };
            let Ok(message) = message else { continue };
            if message.message_type() == Type::Signal {
                self.take(&heard, &message).await;
            }
        }
        let Some(heard) = self.heard.upgrade() else { return };
        tracing::warn!("The message bus was closed.");
        forget(&heard, Standing::Closed);
    }

    async fn take(&mut self, heard: &Heard, message: &Message) {
        let header = message.header();
        let member = header.member().map(|member| member.as_str().to_owned()).unwrap_or_default();
        let interface = header.interface().map(|interface| interface.as_str().to_owned()).unwrap_or_default();
        let sender = header.sender().map(|sender| sender.as_str().to_owned());
        let path = header.path().map(|path| path.as_str().to_owned()).unwrap_or_default();
        if member == "NameOwnerChanged" && sender.as_deref() == Some(BUS) {
            return self.owner_changed(heard, message).await;
        }
        if self.calls.connection().is_bus() && (self.owner.is_none() || sender != self.owner) {
            return;
        }
        match (interface.as_str(), member.as_str()) {
            (PROPERTIES, "PropertiesChanged") => properties_changed(heard, &path, message),
            (MANAGER, "InterfacesAdded") => interfaces_added(heard, message),
            (MANAGER, "InterfacesRemoved") => interfaces_removed(heard, message),
            _ => {}
        }
    }

    async fn owner_changed(&mut self, heard: &Heard, message: &Message) {
        let body = message.body();
        let Ok((name, _, new)) = body.deserialize::<(String, String, String)>() else { return };
        if name != BLUEZ {
            return;
        }
        if new.is_empty() {
            self.owner = None;
            tracing::warn!("Bluetooth's service has ended.");
            return forget(heard, Standing::Gone);
        }
        self.owner = Some(new);
        match self.load(heard).await {
            Ok(()) => {
                tracing::info!("Bluetooth's service is back.");
                heard.standing.send_replace(Standing::Here);
                heard.changed();
            }
            Err(error) => tracing::warn!(%error, "Bluetooth's service is back and does not answer."),
        }
    }
}

/// Devices before their batteries, services before their characteristics: by name that is so but for the battery.
fn ordered<K: AsRef<str> + Ord>(interfaces: &HashMap<K, Properties>) -> Vec<(&str, &Properties)> {
    let mut list: Vec<_> = interfaces.iter().map(|(name, properties)| (name.as_ref(), properties)).collect();
    list.sort_by_key(|(name, _)| (name.contains("Battery"), *name));
    list
}

fn forget(heard: &Heard, standing: Standing) {
    *heard.world() = super::World::default();
    heard.listeners().clear();
    heard.standing.send_replace(standing);
    heard.changed();
}

fn properties_changed(heard: &Heard, path: &str, message: &Message) {
    let body = message.body();
    type Changed = (String, HashMap<String, OwnedVariant>, Vec<String>);
    let Ok((interface, properties, invalidated)) = body.deserialize::<Changed>() else { return };
    if interface == CHARACTERISTIC {
        if let Some(value) = properties.get("Value").and_then(|value| bytes(value)) {
            deliver(heard, path, value);
        }
        return;
    }
    let mut world = heard.world();
    let was_connected = world.devices.get(path).is_some_and(|device| device.connected);
    world.set(path, &interface, &properties, Instant::now());
    world.invalidate(path, &interface, &invalidated);
    let is_connected = world.devices.get(path).is_some_and(|device| device.connected);
    drop(world);
    if was_connected && !is_connected {
        end_listeners(heard, path);
    }
    heard.changed();
}

/// A value that finds no room is lost, and the frame that it was part of will not pass its check.
fn deliver(heard: &Heard, path: &str, value: Vec<u8>) {
    let mut listeners = heard.listeners();
    let sent = listeners.get(path).map(|listener| listener.try_send(value));
    if matches!(sent, Some(Err(TrySendError::Closed(_)))) {
        listeners.remove(path);
    }
}

/// Those who wait for values of a device hear that there will be none.
fn end_listeners(heard: &Heard, device: &str) {
    heard.listeners().retain(|path, _| !path.strip_prefix(device).is_some_and(|rest| rest.starts_with('/')));
}

fn interfaces_added(heard: &Heard, message: &Message) {
    let body = message.body();
    type Added = (OwnedObjectPath, HashMap<String, HashMap<String, OwnedVariant>>);
    let Ok((path, interfaces)) = body.deserialize::<Added>() else { return };
    let mut world = heard.world();
    for (interface, properties) in ordered(&interfaces) {
        world.set(path.as_str(), interface, properties, Instant::now());
    }
    drop(world);
    heard.changed();
}

fn interfaces_removed(heard: &Heard, message: &Message) {
    let body = message.body();
    let Ok((path, interfaces)) = body.deserialize::<(OwnedObjectPath, Vec<String>)>() else { return };
    let mut world = heard.world();
    for interface in &interfaces {
        world.unset(path.as_str(), interface);
    }
    drop(world);
    if interfaces.iter().any(|interface| interface == super::DEVICE) {
        end_listeners(heard, path.as_str());
    }
    heard.changed();
}
