//! The large PLC on a thread of its own, and what a process takes, from `/proc` (proc(5)).

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use fieldrail_driver_ads::sim::{Server, SharedPlc};
use serde_json::{Value, json};
use tokio::time::interval;

use crate::plant;

/// Beckhoff's library knows this port only; the address keeps it apart from other PLCs on the machine.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 48, 8, 98)), 48898);

/// A PLC that plays until the bench ends.
pub(crate) struct Device {
    /// Where ADS is spoken.
    pub(crate) address: SocketAddr,
    plc: SharedPlc,
    changing: Arc<AtomicUsize>,
    udp: u16,
}

impl Device {
    pub(crate) fn start() -> Self {
        let plc = SharedPlc::new(plant::plc());
        let changing = Arc::new(AtomicUsize::new(0));
        let (started, begun) = channel();
        thread::spawn({
            let (plc, changing) = (plc.clone(), Arc::clone(&changing));
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                    let server = Server::start(plc.clone(), ADDRESS, any).await.expect("the port of ADS is free");
                    started.send(server.udp.port()).unwrap();
                    let mut play = plant::Play::new(plc);
                    let mut cycle = interval(plant::CYCLE);
                    loop {
                        cycle.tick().await;
                        play.cycle(changing.load(Ordering::Relaxed));
                    }
                });
            }
        });
        Self { address: ADDRESS, plc, changing, udp: begun.recv().expect("the PLC plays") }
    }

    /// From now on so many variables change every 100 ms.
    pub(crate) fn change(&self, changing: usize) {
        self.changing.store(changing, Ordering::Relaxed);
    }

    /// A configuration that polls everything every 100 ms.
    pub(crate) fn config(&self) -> Value {
        json!({ "ams_net_id": self.plc.lock().net_id.to_string(), "ams_port": 851, "host": self.address.ip().to_string(),
                "udp_port": self.udp, "poll_ms": 100, "max_notifications": 0, "pause_ms": 0 })
    }

    /// How often the first of the polled variables was read.
    pub(crate) fn polls(&self) -> u64 {
        self.plc.lock().counts.beginnings
    }
}

/// CPU time that a process has used so far, in seconds.
pub(crate) fn cpu_s(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    // Fields 14 and 15, counted from 1; what follows the name starts with field 3. A tick is 10 ms on Linux.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// What a process holds in memory: its proportional share and all that is resident, in MB of 2^20 bytes.
pub(crate) fn memory_mb(pid: u32) -> (f64, f64) {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let kib = |key: &str| {
        let value = rollup.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix(" kB"));
        value.unwrap().trim().parse::<f64>().unwrap()
    };
    (kib("Pss:") / 1024.0, kib("Rss:") / 1024.0)
}
