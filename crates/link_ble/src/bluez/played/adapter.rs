//! The played adapter, and who takes the agent that answers while a device is paired.
#![allow(clippy::used_underscore_binding, clippy::unused_self)] // what `interface` makes of methods that need less

use std::collections::HashMap;

use zbus::{Connection, ObjectPath, OwnedVariant, Variant, interface};

use super::super::world::{ADAPTER, DEVICE};
use super::super::{adapter_path, device_path};
use super::device::{PlayedDevice, disconnect};
use super::{HCI0, Refusal, Shared, changed, failed};
use crate::Address;

pub(super) struct Manager(pub(super) Shared);

#[interface(name = "org.bluez.AgentManager1")]
impl Manager {
    fn register_agent(&self, agent: ObjectPath<'_>, _capability: String) {
        self.0.lock().agent = Some(agent.into());
    }

    fn unregister_agent(&self, _agent: ObjectPath<'_>) {
        self.0.lock().agent = None;
    }
}

pub(super) struct PlayedAdapter(pub(super) Shared);

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
