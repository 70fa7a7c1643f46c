//! What drivers of Bluetooth Low Energy share: adapters, what is in the air, pairing, links, and whose turn it is.
//!
//! Read in this order: [`Address`] and [`Uuid`] the names of things, [`Device`] what is known of one, [`known`] what a device
//! seems to be, [`Bluetooth`] the way to the machine's adapters, [`Link`] a device that is connected, [`Error`] what can go
//! wrong, [`turn`] how several processes share one adapter.
//!
//! Invariant: what belongs to one operating system lies in [`bluez`] and nowhere else; another system is a module beside it
//! with the same items. Nothing that comes out of the air is trusted: names are text of any kind, lists are bounded.

mod address;
pub mod bluez;
mod device;
mod error;
pub mod known;
pub mod turn;
mod uuid;

pub use address::Address;
pub use bluez::{Answer, Bluetooth, Characteristic, Link, Notifications, Question};
pub use device::{Adapter, Device};
pub use error::Error;
pub use turn::{Turn, Turnstile};
pub use uuid::Uuid;
