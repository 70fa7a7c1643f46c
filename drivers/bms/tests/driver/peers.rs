//! What the driver speaks with: batteries that play on a line.

use std::time::{Duration, Instant};

use fieldrail_driver_bms::sim::{Battery, Bus, Change, Faults, Line, battery};
use fieldrail_testkit::Plugin;
use serde_json::{Value as Json, json};

pub(crate) const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-bms");

/// A battery that plays, at this address.
pub(crate) fn one(device: &str, variant: &str, number: u8) -> Battery {
    battery(device, Some(variant), number, 16).unwrap()
}

/// One battery on a pseudo-terminal.
pub(crate) fn on_port(device: &str, variant: &str, faults: Faults) -> Line {
    Line::on_port(Bus::new(vec![one(device, variant, 1)], faults)).unwrap()
}

/// Batteries behind a TCP serial server.
pub(crate) fn on_tcp(batteries: Vec<Battery>) -> Line {
    Line::on_tcp(Bus::new(batteries, Faults::default()), "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// The keys that reach a line.
pub(crate) fn at(line: &Line) -> Json {
    match (line.port(), line.address()) {
        (Some(port), _) => json!({ "device": port }),
        (None, Some(address)) => json!({ "host": "127.0.0.1", "port": address.port() }),
        (None, None) => panic!("a line is somewhere"),
    }
}

/// The driver as the instance `battery` with these keys.
pub(crate) fn driver(base: &Json, more: &Json) -> Plugin {
    let mut config = base.clone();
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut plugin = Plugin::start(DRIVER, "battery", config);
    // The machine may be busy with other tests.
    plugin.patience(Duration::from_mins(1));
    plugin
}

/// A change of what plays, as JSON.
pub(crate) fn change(line: &Line, change: &Json) {
    line.change(&serde_json::from_value::<Change>(change.clone()).unwrap());
}

/// Waits until the pack at this place is as wanted.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
