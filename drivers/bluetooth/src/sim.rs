//! Devices that play: a thermometer, a `RuuviTag`, a plant sensor, and a battery that is known by what it says of itself.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::Failure;
use fieldrail_link_ble::bluez::played::{HCI0, Manner, Pairing, Played};
use fieldrail_link_ble::{Address, Bluetooth, Device, Uuid};
use tokio::task::spawn_local;
use tokio::time::{Instant, interval};

use crate::error::Error;

/// How often they advertise.
const STEP: Duration = Duration::from_secs(1);

thread_local! {
    /// What `run` uses in place of the system's Bluetooth.
    static PLAYED: RefCell<Option<Bluetooth>> = const { RefCell::new(None) };
}

/// Bluetooth that plays, if it was started.
pub(crate) fn given() -> Option<Bluetooth> {
    PLAYED.with_borrow_mut(Option::take)
}

/// Starts the devices; they play until the process ends.
pub(crate) async fn start() -> Result<(), Failure> {
    let (played, bluetooth) = Played::start().await.map_err(Error::Bluetooth)?;
    PLAYED.with_borrow_mut(|place| *place = Some(bluetooth));
    spawn_local(async move {
        let begun = Instant::now();
        let mut step = interval(STEP);
        loop {
            step.tick().await;
            for (device, manner) in devices(begun.elapsed().as_secs_f64()) {
                played.advertise(device, manner).await;
            }
        }
    });
    Ok(())
}

/// All devices, so many seconds after the beginning.
fn devices(seconds: f64) -> Vec<(Device, Manner)> {
    let wave = |period: f64, low: f64, high: f64| {
        low + (high - low) * 0.5 * (1.0 + (seconds * std::f64::consts::TAU / period).sin())
    };
    vec![
        (thermometer(wave(300.0, 18.0, 23.0), wave(47.0, -68.0, -58.0)), plain(Pairing::Open)),
        (ruuvi(wave(420.0, 4.0, 9.0), wave(61.0, -88.0, -79.0)), plain(Pairing::Confirm(421_337))),
        (plant(wave(600.0, 200.0, 400.0), wave(53.0, -75.0, -70.0)), plain(Pairing::Never)),
        (battery(wave(71.0, -62.0, -52.0)), plain(Pairing::Code(123_456))),
    ]
}

/// A device with its maker and model to read.
fn plain(pairing: Pairing) -> Manner {
    let silent = Arc::new(|_: &[u8]| Vec::new());
    let mut manner = Manner::new(Uuid::short(0x180a), Uuid::short(0x2a19), Uuid::short(0x2a00), silent);
    manner.pairing = pairing;
    manner.values = [
        (Uuid::short(0x2a29), b"Fieldrail".to_vec()),
        (Uuid::short(0x2a24), b"A device that plays".to_vec()),
        (Uuid::short(0x2a19), vec![88]),
    ]
    .into();
    manner
}

#[allow(clippy::cast_possible_truncation)] // the numbers are small
fn device(last: u8, name: &str, rssi: f64) -> Device {
    Device {
        name: Some(name.into()),
        rssi: Some(rssi.round() as i16),
        ..Device::new(HCI0, Address([0xa4, 0xc1, 0x38, 0, 0, last]))
    }
}

#[allow(clippy::cast_possible_truncation)] // the numbers are small
fn thermometer(temperature: f64, rssi: f64) -> Device {
    let mut device = device(1, "Living room", rssi);
    let mut data = vec![0x40, 0x01, 97, 0x02];
    data.extend(((temperature * 100.0) as i16).to_le_bytes());
    data.push(0x03);
    data.extend(5055_u16.to_le_bytes());
    device.service_data.insert(Uuid::short(0xfcd2), data);
    device
}

#[allow(clippy::cast_possible_truncation)] // the numbers are small
fn ruuvi(temperature: f64, rssi: f64) -> Device {
    let mut device = device(2, "Ruuvi 0002", rssi);
    let mut data = vec![5];
    data.extend(((temperature * 200.0) as i16).to_be_bytes());
    data.extend([0x53, 0x94, 0xc3, 0x7c, 0, 4, 0xff, 0xfc, 4, 0x0c, 0xac, 0x36, 0x42, 0, 0xcd]);
    data.extend(device.address.0);
    device.manufacturer.insert(0x0499, data);
    device
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the numbers are small
fn plant(conductivity: f64, rssi: f64) -> Device {
    let mut device = device(3, "Flower care", rssi);
    let mut data = vec![0x50, 0x20, 0x98, 0x00, 7];
    data.extend(device.address.0.iter().rev());
    data.extend([0x09, 0x10, 2]);
    data.extend((conductivity as u16).to_le_bytes());
    device.service_data.insert(Uuid::short(0xfe95), data);
    device
}

fn battery(rssi: f64) -> Device {
    let mut device = device(4, "xiaoxiang BMS", rssi);
    device.services = vec![Uuid::short(0xff00)];
    device
}
