//! A simulated PLC on a thread of its own, and the driver under test.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::MutexGuard;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use fieldrail_driver_ads::sim::{Plc, Server, SharedPlc};
use fieldrail_testkit::Plugin;
use fieldrail_testkit::wire::plugin::Status;
use serde_json::{Value, json};

pub(crate) const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-ads");

/// A PLC that answers until it is switched off.
pub(crate) struct Device {
    plc: SharedPlc,
    server: Option<(Server, tokio::sync::oneshot::Sender<()>)>,
    address: SocketAddr,
    udp: SocketAddr,
}

impl Device {
    pub(crate) fn of(plc: Plc) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut device = Self { plc: SharedPlc::new(plc), server: None, address: any, udp: any };
        device.switch_on();
        device
    }

    /// Listens, at the same address as before.
    pub(crate) fn switch_on(&mut self) {
        let (started, server) = channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (plc, address, udp) = (self.plc.clone(), self.address, self.udp);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                started.send(Server::start(plc, address, udp).await.unwrap()).unwrap();
                let _ = stopped.await;
            });
        });
        let server = server.recv().unwrap();
        (self.address, self.udp) = (server.address, server.udp);
        self.server = Some((server, stop));
    }

    /// Nobody listens any more, and all connections are gone.
    pub(crate) fn switch_off(&mut self) {
        self.server = None;
    }

    pub(crate) fn plc(&self) -> MutexGuard<'_, Plc> {
        self.plc.lock()
    }

    pub(crate) fn cut(&self) {
        self.server.as_ref().unwrap().0.cut();
    }

    /// A configuration for this PLC, with `more` on top.
    pub(crate) fn config(&self, more: &Value) -> Value {
        let (net_id, port) = {
            let plc = self.plc();
            (plc.net_id.to_string(), plc.ports[0])
        };
        let mut config = json!({
            "ams_net_id": net_id, "ams_port": port, "host": "127.0.0.1", "tcp_port": self.address.port(),
            "udp_port": self.udp.port(), "timeout_ms": 400, "pause_ms": 100, "poll_ms": 50 });
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        config
    }

    /// Notifications and handles that the PLC holds.
    pub(crate) fn held(&self) -> (usize, usize) {
        let plc = self.plc();
        (plc.notifications, plc.handles())
    }

    /// What a variable says at the PLC.
    pub(crate) fn get(&self, name: &str) -> Option<fieldrail_model::Value> {
        self.plc().get(name)
    }

    /// The driver, connected.
    #[track_caller]
    pub(crate) fn driver(&self, more: &Value) -> Plugin {
        let mut driver = Plugin::start(DRIVER, "plc_001", self.config(more));
        driver.state(Status::Connected);
        driver
    }

    /// Waits until something is so at the PLC.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Plc) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(8);
        while !is_so(&self.plc()) {
            let counts = self.plc().counts.clone();
            assert!(Instant::now() < deadline, "{what} did not happen at the PLC: {counts:?}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}
