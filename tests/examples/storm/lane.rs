//! One device and its events, one after the other; several lanes run at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fieldrail_tests::{House, Random, wait_for};
use serde_json::{Value, json};

use crate::device::{Device, Event, Shared, SharedTruth};
use crate::watch::{Seen, wall_ms};

/// Within this all subscriptions have to be back after the device is.
pub(crate) const BACK: Duration = Duration::from_secs(2);

/// How long it is waited for them at all.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long the device may hold what nobody needs, after everything is back.
const TIDY: Duration = Duration::from_secs(3);

/// How often the program of the device has other values.
const PLAY: Duration = Duration::from_millis(100);

/// Time between two kills of one driver: more than five crashes within ten minutes are a loop, which a person must end.
const BETWEEN_KILLS: Duration = Duration::from_secs(125);

/// How one event ended.
pub(crate) struct Outcome {
    pub(crate) event: Event,
    /// From the moment that the device took connections to the last subscription.
    pub(crate) back: Duration,
    /// The same from the end of the event: with the silence that a small PLC wants after a close.
    pub(crate) with_rest: Duration,
}

/// One device in the storm.
pub(crate) struct Lane {
    pub(crate) id: &'static str,
    pub(crate) events: u64,
    pub(crate) device: Shared<Box<dyn Device>>,
    pub(crate) truth: SharedTruth,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) findings: Vec<String>,
    last_kill: Instant,
    written: i64,
}

impl Lane {
    pub(crate) fn new(id: &'static str, events: u64, device: Box<dyn Device>, truth: SharedTruth) -> Self {
        let device = Shared::new(device);
        let last_kill = Instant::now();
        Self { id, events, device, truth, outcomes: Vec::new(), findings: Vec::new(), last_kill, written: 0 }
    }

    /// Addresses of what is subscribed, with their tags.
    pub(crate) fn addresses(&self) -> Vec<(String, String)> {
        self.device.lock().tags().into_iter().map(|tag| (format!("{}.{tag}", self.id), tag)).collect()
    }

    /// Runs all events. `kills` says whether the driver is killed too, `pace` stretches the time between events.
    pub(crate) fn run(&mut self, house: &House, seen: &Shared<Seen>, seed: u64, kills: bool) {
        let mut random = Random::new(seed);
        let ends = Arc::new(AtomicBool::new(false));
        let (device, stop) = (self.device.clone(), Arc::clone(&ends));
        let player = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(PLAY);
                device.lock().play();
            }
        });
        for number in 1..=self.events {
            self.one(house, seen, &mut random, number, kills);
            thread::sleep(Duration::from_millis(random.between(0, 400) as u64));
        }
        ends.store(true, Ordering::Relaxed);
        player.join().expect("a program does not panic");
    }

    fn one(&mut self, house: &House, seen: &Shared<Seen>, random: &mut Random, number: u64, kills: bool) {
        let mut event = random.pick(&Event::OF_DEVICE);
        if kills && event == Event::Restart && self.last_kill.elapsed() > BETWEEN_KILLS {
            event = Event::Killed;
        }
        let strike = self.device.lock().strike(event, random);
        if event == Event::Killed {
            self.kill(house);
        }
        thread::sleep(strike.lasts);
        let (over, over_ms) = (Instant::now(), wall_ms());
        self.device.lock().mend();
        let what = format!("{} {number}: {} ({}, {} ms)", self.id, event.name(), strike.what, strike.lasts.as_millis());
        let (back, with_rest) = self.wait_back(house, seen, over, over_ms, &what);
        self.outcomes.push(Outcome { event, back, with_rest });
        self.write(house, &what);
        self.check_held(&what);
    }

    /// Kills the driver, and waits until there is another process of it.
    fn kill(&mut self, house: &House) {
        self.last_kill = Instant::now();
        let pid = house.instance(self.id)["pid"].clone();
        let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
        assert!(status.expect("there is a kill").success());
        wait_for("the daemon starts the driver again", Duration::from_secs(10), || {
            let now = house.instance(self.id)["pid"].clone();
            (now.is_number() && now != pid).then_some(())
        });
    }

    /// Waits until every subscription delivers again. Returns how long the last one took after the device could be spoken
    /// with, and after the event was over.
    fn wait_back(
        &mut self,
        house: &House,
        seen: &Shared<Seen>,
        over: Instant,
        over_ms: i64,
        what: &str,
    ) -> (Duration, Duration) {
        let begun = Instant::now();
        let mut complained = false;
        loop {
            let (missing, last) = self.missing(house, seen, over, over_ms);
            let available = self.device.lock().available(over);
            if missing.is_empty() {
                let back = last.saturating_duration_since(available);
                if back > BACK {
                    self.find(format!("{what}: back only after {} ms", back.as_millis()));
                }
                return (back, last.saturating_duration_since(over));
            }
            if !complained && Instant::now().saturating_duration_since(available) > BACK {
                complained = true;
                println!("SLOW {what}: {missing:?}");
            }
            if begun.elapsed() > PATIENCE {
                self.find(format!("{what}: never back: {missing:?}\n{}", house.instance(self.id)));
                return (PATIENCE, PATIENCE);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What is not back yet, and when the last that is came back.
    fn missing(&self, house: &House, seen: &Shared<Seen>, over: Instant, over_ms: i64) -> (Vec<String>, Instant) {
        let constants = self.device.lock().constants();
        let addresses = self.addresses();
        let (changing, fixed) = addresses.split_at(addresses.len() - constants);
        let (seen, truth) = (seen.lock(), self.truth.lock());
        let mut last = over;
        let mut missing = Vec::new();
        for (address, tag) in changing.iter().filter(|(_, tag)| truth.has(tag)) {
            let shown = seen.shown.get(&address.to_lowercase());
            let new = |value| truth.since(tag, value).is_some_and(|since| since >= over);
            match shown {
                Some(shown) if shown.good && shown.value.is_some_and(new) => {
                    last = last.max(shown.seen.min(Instant::now()));
                }
                Some(shown) => missing.push(format!("{tag} {}", shown.text)),
                None => missing.push(tag.clone()),
            }
        }
        drop((seen, truth));
        if !missing.is_empty() {
            return (missing, last);
        }
        // They do not change, so what proves that they are delivered is their renewal.
        let now = Instant::now();
        let page = house.get(&format!("/api/datapoints?instance={}&limit=100", self.id));
        for (address, tag) in fixed {
            let point =
                page["items"].as_array().and_then(|all| all.iter().find(|point| is_same(&point["address"], address)));
            let renewed = point.and_then(|point| point["receive_ms"].as_i64()).unwrap_or(0);
            if point.is_some_and(|point| point["quality"] == "good") && renewed >= over_ms {
                let since = Duration::from_millis(u64::try_from(renewed - over_ms).unwrap_or(0));
                last = last.max((over + since).min(now));
            } else {
                missing.push(format!("{tag} {}", point.map_or("", |point| point["quality"].as_str().unwrap_or(""))));
            }
        }
        (missing, last)
    }

    /// Writes, so that the driver holds a handle for it.
    fn write(&mut self, house: &House, what: &str) {
        let Some(tag) = self.device.lock().written() else { return };
        self.written += 1;
        let body = json!({ "address": format!("{}.{tag}", self.id), "value": self.written, "ttl_ms": 3000 });
        let answer: Value = house.ask("POST", "/api/datapoint/write", &body).json();
        if answer["outcome"] != "confirmed" {
            self.find(format!("{what}: a write after it ended so: {answer}"));
        }
    }

    /// The device holds what the subscriptions need, and nothing else.
    fn check_held(&mut self, what: &str) {
        let begun = Instant::now();
        loop {
            let Some(amiss) = self.device.lock().amiss() else { return };
            if begun.elapsed() > TIDY {
                return self.find(format!("{what}: {amiss}"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops the driver; then the device holds nothing.
    pub(crate) fn end(&mut self, house: &House) {
        let answer = house.ask("POST", &format!("/api/admin/instances/{}/stop", self.id), &Value::Null);
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
        let begun = Instant::now();
        loop {
            let Some(left) = self.device.lock().left() else { return };
            if begun.elapsed() > TIDY + TIDY {
                return self.find(format!("{}: at the end it holds {left}", self.id));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn find(&mut self, finding: String) {
        println!("FINDING {finding}");
        self.findings.push(finding);
    }
}

/// Addresses of PLCs are the same in any case.
fn is_same(shown: &Value, address: &str) -> bool {
    shown.as_str().is_some_and(|shown| shown.eq_ignore_ascii_case(address))
}
