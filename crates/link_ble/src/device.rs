//! What is known of an adapter and of a device.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::{Address, Uuid};

/// A Bluetooth adapter of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// The system's name of it: `hci0`.
    pub id: String,
    /// Its own address.
    pub address: Option<Address>,
    /// What a person calls it.
    pub name: String,
    /// Whether it is switched on.
    pub powered: bool,
    /// Whether it searches, for whomever.
    pub discovering: bool,
}

/// One device, as far as it was heard of.
#[allow(clippy::struct_excessive_bools)] // independent facts
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// The adapter that knows it.
    pub adapter: String,
    /// Its address.
    pub address: Address,
    /// Whether the address is one that the device has made up, and may change.
    pub random: bool,
    /// What it calls itself: any text at all, at most 248 bytes. None if it says nothing.
    pub name: Option<String>,
    /// How loud it was when it was heard last, in dBm; about -40 is near, -95 the end.
    pub rssi: Option<i16>,
    /// How loud it says that it sends, in dBm.
    pub tx_power: Option<i16>,
    /// When it was heard last in this process.
    pub heard: Option<Instant>,
    /// How often it was heard in this process.
    pub times: u64,
    /// What it says under the number of a manufacturer (Assigned Numbers, section 7.1).
    pub manufacturer: BTreeMap<u16, Vec<u8>>,
    /// What it says for a service.
    pub service_data: BTreeMap<Uuid, Vec<u8>>,
    /// The services it names.
    pub services: Vec<Uuid>,
    /// Keys were exchanged and kept.
    pub paired: bool,
    /// It may connect by itself.
    pub trusted: bool,
    /// A link stands, for whomever.
    pub connected: bool,
    /// The services behind the link are known.
    pub resolved: bool,
    /// Charge of its own battery in per cent, if the system knows it.
    pub battery: Option<u8>,
}

/// Names longer than this are cut (Core Specification, volume 3, part C, section 12.1).
pub(crate) const MOST_NAME: usize = 248;

impl Device {
    /// A device of which nothing is known yet.
    pub fn new(adapter: &str, address: Address) -> Self {
        Self {
            adapter: adapter.into(),
            address,
            random: false,
            name: None,
            rssi: None,
            tx_power: None,
            heard: None,
            times: 0,
            manufacturer: BTreeMap::new(),
            service_data: BTreeMap::new(),
            services: Vec::new(),
            paired: false,
            trusted: false,
            connected: false,
            resolved: false,
            battery: None,
        }
    }
}
