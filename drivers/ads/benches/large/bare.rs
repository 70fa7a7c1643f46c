//! Bare client loops on the same PLC: Beckhoff's own library in a process of its own, and the driver's codec without the
//! driver.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fieldrail_driver_ads::client::{Client, Manner, Urgency};
use fieldrail_driver_ads::codec::ams::{AmsAddress, NetId};
use fieldrail_driver_ads::codec::sums::{self, MAX_PARTS, Part};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::device::Device;
use crate::plant;
use crate::tables::Times;

/// Time between two polls of the bare loop.
const POLL: Duration = Duration::from_millis(100);

/// What the library took for all symbols, and for searches.
pub(crate) struct Upload {
    pub(crate) took: Times,
    pub(crate) searches: Times,
}

/// What a loop of polls took.
pub(crate) struct Loop {
    pub(crate) polls: f64,
    /// Share of one core.
    pub(crate) cpu: f64,
    pub(crate) pss_mb: f64,
}

fn library(wish: &Value) -> Value {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../target/peers/ads/pyads/bin/python");
    assert!(python.exists(), "{} is missing: `scripts/need test` installs it", python.display());
    let mut command = Command::new(python);
    command.arg(here.join("benches/large/bare.py")).arg(wish.to_string()).stderr(Stdio::inherit());
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "pyads: {}", ended.status);
    serde_json::from_slice(&ended.stdout).unwrap()
}

fn seconds(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|time| time.as_f64().unwrap()).collect()
}

/// The library reads all symbols so many times, and searches its list.
pub(crate) fn upload(device: &Device, times: usize, needles: &[&str]) -> Upload {
    let address = device.address.ip().to_string();
    let said = library(&json!({ "address": address, "do": "upload", "times": times, "needles": needles }));
    assert_eq!(said["symbols"], plant::SYMBOLS);
    Upload {
        took: Times::of_seconds(&seconds(&said["took_s"])),
        searches: Times::of_seconds(&seconds(&said["searches_s"])),
    }
}

/// The library polls all tags.
pub(crate) fn poll(device: &Device, time: Duration) -> Loop {
    let address = device.address.ip().to_string();
    let said = library(&json!({ "address": address, "do": "poll", "seconds": time.as_secs_f64() }));
    assert_eq!(said["tags"], plant::POLLED);
    let figure = |key: &str| said[key].as_f64().unwrap();
    Loop { polls: figure("cycles_per_s"), cpu: figure("cpu"), pss_mb: figure("pss_mb") }
}

/// The driver's codec polls all tags, one part each, and cuts the answers.
pub(crate) fn sums(device: &Device, time: Duration) -> Loop {
    let parts: Vec<Part> = plant::places().map(|(group, offset, length)| Part { group, offset, length }).collect();
    let address = device.address;
    let asking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, ask(address, parts, time))
    });
    asking.join().unwrap()
}

async fn ask(address: std::net::SocketAddr, parts: Vec<Part>, time: Duration) -> Loop {
    let stream = TcpStream::connect(address).await.unwrap();
    let own = AmsAddress { net_id: NetId([127, 0, 0, 1, 1, 1]), port: 40_000 };
    let target = AmsAddress { net_id: NetId([192, 168, 2, 162, 1, 1]), port: 851 };
    let client = Client::new(stream, Manner { own, target, window: 4, timeout: Duration::from_secs(2) });
    let mut due = interval(POLL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (begun, cpu_s, mut polls, mut bytes) = (Instant::now(), thread_cpu_s(), 0, 0);
    while begun.elapsed() < time {
        due.tick().await;
        for chunk in parts.chunks(MAX_PARTS) {
            let answer = client.data(Urgency::Normal, &sums::read(chunk), Duration::from_secs(2)).await.unwrap();
            for piece in sums::read_answer(chunk, &answer).unwrap() {
                bytes += piece.unwrap().len();
            }
        }
        polls += 1;
    }
    assert_eq!(bytes as u64, plant::BYTES * polls);
    let seconds = begun.elapsed().as_secs_f64();
    Loop { polls: polls as f64 / seconds, cpu: (thread_cpu_s() - cpu_s) / seconds, pss_mb: 0.0 }
}

/// CPU time of this thread in seconds: the first number of its `schedstat` is in nanoseconds.
fn thread_cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
