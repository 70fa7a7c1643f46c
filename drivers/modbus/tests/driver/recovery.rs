//! How soon everything is back. What `make storm` found, each for itself, against the simulated device.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use fieldrail_driver_modbus::codec::pdu::Table;
use fieldrail_driver_modbus::line::Framing;
use fieldrail_driver_modbus::sim::{Server, SharedBank, Wrong};
use fieldrail_model::{Quality, Value};
use fieldrail_testkit::Plugin;
use serde_json::json;
use tokio::sync::oneshot;

use crate::peers::{DRIVER, register};

/// Within this everything is back after the device is.
const BACK: Duration = Duration::from_secs(2);

struct Device {
    bank: SharedBank,
    server: Option<(Server, oneshot::Sender<()>)>,
    address: SocketAddr,
}

impl Device {
    fn new() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut device = Self { bank: SharedBank::default(), server: None, address };
        device.bank.lock().set(1, Table::Holding, 5, 1);
        device.bank.lock().set(1, Table::Holding, 6, 1);
        device.switch_on();
        device
    }

    fn switch_on(&mut self) {
        let (started, server) = channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let (bank, address) = (self.bank.clone(), self.address);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                started.send(Server::start(bank, address, Framing::Tcp).await.unwrap()).unwrap();
                let _ = stopped.await;
            });
        });
        let server = server.recv().unwrap();
        self.address = server.address;
        self.server = Some((server, stop));
    }

    fn driver(&self) -> Plugin {
        let config = json!({ "host": "127.0.0.1", "port": self.address.port(), "poll_ms": 50,
            "registers": [register("a", "holding", 5), register("b", "holding", 6)] });
        let mut driver = Plugin::start(DRIVER, "meter", config);
        driver.patience(Duration::from_secs(20));
        driver.subscribe(&["a", "b"]);
        self.good(&mut driver, 1);
        driver
    }

    #[track_caller]
    fn good(&self, driver: &mut Plugin, value: u16) {
        self.bank.lock().set(1, Table::Holding, 5, value);
        driver.wait_sample("a good one", |sample| {
            &*sample.tag == "a" && sample.quality == Quality::Good && sample.value == Value::Int(value.into())
        });
    }

    #[track_caller]
    fn back_soon(&self, driver: &mut Plugin) {
        let begun = Instant::now();
        self.good(driver, 2);
        assert!(begun.elapsed() < BACK, "{:?}", begun.elapsed());
    }
}

#[test]
fn a_device_that_was_there_before_is_back_soon_however_long_it_was_away() {
    let mut device = Device::new();
    let mut driver = device.driver();
    device.server = None;
    // By now waits that double would be at four seconds.
    driver.samples_for(Duration::from_millis(4500));
    device.switch_on();
    device.back_soon(&mut driver);
}

#[test]
fn a_device_that_was_silent_is_back_soon_however_long_it_was_so() {
    let device = Device::new();
    let mut driver = device.driver();
    device.bank.lock().faults.silent = true;
    driver.samples_for(Duration::from_millis(9300));
    device.bank.lock().faults.silent = false;
    device.back_soon(&mut driver);
}

#[test]
fn half_a_frame_does_not_swallow_those_behind_it() {
    for wrong in [Wrong::Half, Wrong::HalfClosed] {
        let device = Device::new();
        let mut driver = device.driver();
        device.bank.lock().faults.wrong = [wrong].into();
        device.back_soon(&mut driver);
    }
}

#[test]
fn registers_that_were_there_before_are_asked_for_again_within_a_second() {
    let device = Device::new();
    let mut driver = device.driver();
    device.bank.lock().faults.refuse = Some(2);
    driver.wait_sample("the refusal", |sample| sample.quality == Quality::NotFound);
    driver.samples_for(Duration::from_millis(2500));
    device.bank.lock().faults.refuse = None;
    device.back_soon(&mut driver);
}
