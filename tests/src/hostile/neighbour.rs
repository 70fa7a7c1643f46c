//! A healthy route from broker to broker, with numbers that have to arrive in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::House;
use crate::mqtt::{Listener, Talker};

/// Between two values.
const EACH: Duration = Duration::from_millis(10);

/// A value may take so long on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Its id in the house.
pub(super) const ID: &str = "healthy";

/// The route, while it is fed.
pub struct Neighbour {
    stop: Arc<AtomicBool>,
    feeding: JoinHandle<u64>,
    arriving: Listener,
    pid: Value,
}

impl Neighbour {
    /// Its connection, to a broker on this port.
    pub fn connection(port: u16) -> Value {
        json!({ "id": ID, "driver": "mqtt", "config": { "host": "127.0.0.1", "port": port } })
    }

    /// Its route.
    pub fn route() -> Value {
        json!({ "id": "r", "from": "healthy.in", "to": "healthy.out", "delivery": "queued" })
    }

    /// Feeds it from now on.
    ///
    /// # Panics
    /// The route does not run.
    pub fn start(house: &House, port: u16) -> Self {
        let pid = house.wait_until(ID, "running")["pid"].clone();
        let arriving = Listener::start(port, "out");
        let mut talker = Talker::start(port, "in", 0);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let feeding = thread::spawn(move || {
            let mut said = 0;
            while !stopped.load(Ordering::Relaxed) {
                talker.say(&said.to_string());
                said += 1;
                thread::sleep(EACH);
            }
            // What was said last is still in its pipe.
            thread::sleep(Duration::from_secs(1));
            said
        });
        Self { stop, feeding, arriving, pid }
    }

    /// Ends it. Returns how many values arrived: all of them, in order, by the same process.
    ///
    /// # Panics
    /// One was lost or swapped, or the process of the route was disturbed.
    pub fn finish(self, house: &House) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let said = self.feeding.join().expect("it only counts");
        for n in 0..said {
            assert_eq!(self.arriving.next(PATIENCE), Some(("out".into(), n.to_string())), "lost or swapped");
        }
        let unharmed = house.instance(ID);
        assert_eq!((&unharmed["pid"], &unharmed["restarts"]), (&self.pid, &json!(0)), "{unharmed}");
        assert_eq!((&unharmed["guard"]["shed"], &unharmed["guard"]["spam"]), (&json!(0), &json!("fine")));
        said
    }
}
