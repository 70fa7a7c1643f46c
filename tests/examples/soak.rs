//! `make soak`: a durable route whose target is down for 1.8 million values, while the daemon is killed a hundred times.
//!
//! Real brokers on both sides. A value counts from the moment that the source's broker has acknowledged it (QoS 1) to the
//! publisher. That broker keeps the session of Fieldrail's driver, which acknowledges a message only when the daemon has it
//! on disk. So at every moment a value lies with the source's broker, on Fieldrail's disk, or with the target's broker, and
//! all of them have to arrive. Read in this order: [`main`] the programme, [`Arrivals`] what is checked, [`Publisher`],
//! [`Kills`].

#![allow(clippy::print_stdout, reason = "it is watched by a person")]
#![allow(clippy::unwrap_used, reason = "a panic is how it fails")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use fieldrail_testkit::Mosquitto;
use fieldrail_tests::mqtt::{Listener, publish};
use fieldrail_tests::{House, wait_for};
use rumqttc_v4::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, QoS};
use serde_json::json;

/// Messages that the publisher sends unacknowledged.
const UNDER_WAY: u16 = 1000;
/// How far back the values of one tag may come again: what was under way, and what had arrived within the last second, which
/// a killed daemon does not remember.
const FURTHEST_BACK: u64 = 1000;
/// How long nothing may arrive, and how long the disk may need for what was published.
const PATIENCE: Duration = Duration::from_mins(2);
/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);

/// Every acknowledged value of a durable route arrives, in order per tag, however often the daemon is killed.
#[derive(Debug, Clone, Parser)]
struct Plan {
    /// Values that are published.
    #[arg(long, default_value_t = 1_800_000)]
    values: u64,
    /// Topics, with the same number of values each.
    #[arg(long, default_value_t = 100)]
    tags: u64,
    /// How often the daemon is killed: four times in five while the target is down, the rest while it catches up.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(2..))]
    kills: u64,
    /// Values a second that are published.
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// Messages that the source's broker gives out unacknowledged; its own default would be 20.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=1000))]
    under_way: u16,
    /// Decides when the daemon is killed; without it each run has another one.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() {
    let plan = Plan::parse();
    let seed = plan.seed.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.as_secs() ^ u64::from(since.subsec_nanos())
    });
    println!("{plan:?}\nseed {seed}");
    println!("{}", run(&plan, seed));
}

/// Runs the plan and says what came of it.
///
/// # Panics
/// A value was lost, or came out of order.
fn run(plan: &Plan, seed: u64) -> String {
    assert!(plan.tags > 0 && plan.values > 0 && plan.rate > 0 && plan.values.is_multiple_of(plan.tags));
    let source = Mosquitto::with(&format!("allow_anonymous true\nmax_inflight_messages {}\n", plan.under_way));
    let mut target = Mosquitto::start();
    target.kill();
    let mut house = house(source.port(), target.port()).kept();
    wait_for("the daemon hears the source", PATIENCE, || {
        publish(source.port(), "soak/probe", "0", &["-q", "1"]);
        (on_disk(&house) > 0).then_some(())
    });

    let mut kills = Kills::new(plan, seed);
    let filled = fill(plan, &source, &mut house, &mut kills);
    let (peak, waiting) = (disk_bytes(&house), on_disk(&house));
    println!("{waiting} values on disk, {:.0} MB; the target comes back", peak as f64 / 1e6);
    // Whoever listens has to be there before the first value is.
    let arriving = kills.one(&mut house, || {
        target.restart();
        Listener::start(target.port(), "kept/+")
    });
    let (arrivals, drained) = drain(plan, &arriving, &mut house, &mut kills);
    wait_for("nothing waits on disk", PATIENCE, || (on_disk(&house) == 0).then_some(()));

    let mut said = String::new();
    let _ = writeln!(said, "in:  {} values in {:.0} s, {:.0}/s", plan.values, filled, plan.values as f64 / filled);
    let _ = writeln!(said, "out: {} values in {:.0} s, {:.0}/s", plan.values, drained, plan.values as f64 / drained);
    let bytes_each = peak as f64 / plan.values as f64;
    let _ = writeln!(said, "disk: {:.0} MB at most, {bytes_each:.0} bytes a value", peak as f64 / 1e6);
    let _ = writeln!(said, "{kills}");
    let _ = write!(
        said,
        "soak: {} values of {} tags arrived, none is missing, all in order; {} came again after {} kills (seed {seed})",
        plan.values, plan.tags, arrivals.again, kills.done
    );
    said
}

fn house(source: u16, target: u16) -> House {
    let here = json!({ "host": "127.0.0.1", "port": source, "subscribe_qos": 1, "clean_session": false });
    let away = json!({ "host": "127.0.0.1", "port": target, "publish_qos": 1 });
    let unlimited = json!({ "max_pps": 100_000_000 });
    let connections = json!([{ "id": "here", "driver": "mqtt", "config": here, "limits": unlimited },
                             { "id": "away", "driver": "mqtt", "config": away }]);
    let route = json!({ "id": "keep", "from": "here.soak/*", "to": "away.kept/{tag}", "delivery": "durable" });
    House::new(&connections, &json!([route]))
}

/// Values that wait on disk.
fn on_disk(house: &House) -> u64 {
    let stats = house.get("/api/router/stats");
    let lanes = stats["on_disk"].as_array().unwrap();
    assert!(lanes.iter().all(|lane| lane["refused"] == 0), "the disk is full: {stats}");
    lanes.iter().filter_map(|lane| lane["values"].as_u64()).sum()
}

fn disk_bytes(house: &House) -> u64 {
    let files = ["router.db", "router.db-wal"].map(|name| house.state().join(name));
    files.iter().filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Publishes everything while the target is down. Returns when all of it lies on disk, with the seconds that it took.
fn fill(plan: &Plan, source: &Mosquitto, house: &mut House, kills: &mut Kills) -> f64 {
    let begun = Instant::now();
    let publisher = Publisher::start(plan, source.port());
    let mut progress = Progress::new();
    while !publisher.is_done() {
        let acknowledged = publisher.acknowledged();
        kills.due(0, acknowledged, house);
        progress.say(|| format!("{acknowledged} acknowledged, {} on disk, {} kills", on_disk(house), kills.done));
        thread::sleep(Duration::from_millis(2));
    }
    publisher.end();
    kills.due(0, plan.values, house);
    wait_for("all of it lies on disk", PATIENCE, || (on_disk(house) > plan.values).then_some(()));
    begun.elapsed().as_secs_f64()
}

/// Takes everything from the target. Returns the seconds that it took.
fn drain(plan: &Plan, arriving: &Listener, house: &mut House, kills: &mut Kills) -> (Arrivals, f64) {
    let begun = Instant::now();
    let mut arrivals = Arrivals::new(plan);
    let mut progress = Progress::new();
    while arrivals.new < plan.values {
        let Some((topic, payload)) = arriving.next(PATIENCE) else {
            panic!("{} of {} values arrived, and then nothing: {}", arrivals.new, plan.values, house.console());
        };
        arrivals.take(&topic, &payload, kills.done);
        kills.due(1, arrivals.new, house);
        progress.say(|| format!("{} arrived, {} again, {} kills", arrivals.new, arrivals.again, kills.done));
    }
    let seconds = begun.elapsed().as_secs_f64();
    // What is confirmed late may come again, and in order too.
    while let Some((topic, payload)) = arriving.next(Duration::from_secs(2)) {
        arrivals.take(&topic, &payload, kills.done);
    }
    arrivals.check_ends();
    (arrivals, seconds)
}

/// What arrived, held against what must.
///
/// The values of a tag are 1, 2, 3, … Each that arrives follows the one before by one, or goes back: to a value that was
/// there, not further than [`FURTHEST_BACK`], and not more often than the daemon was killed. From there each follows the
/// one before again. So nothing is missing, nothing is new before what is older, and what comes again comes in order.
struct Arrivals {
    tags: Vec<Tag>,
    /// The values of each tag.
    each: u64,
    /// Values that came for the first time.
    new: u64,
    /// Values that came again.
    again: u64,
}

#[derive(Clone, Default)]
struct Tag {
    last: u64,
    most: u64,
    went_back: u64,
}

impl Arrivals {
    fn new(plan: &Plan) -> Self {
        let tags = vec![Tag::default(); usize::try_from(plan.tags).unwrap()];
        Self { tags, each: plan.values / plan.tags, new: 0, again: 0 }
    }

    fn take(&mut self, topic: &str, payload: &str, kills: u64) {
        let Some(number) = topic.strip_prefix("kept/").filter(|name| *name != "probe") else { return };
        let tag = &mut self.tags[number.parse::<usize>().unwrap()];
        let value: u64 = payload.parse().unwrap();
        assert!(
            value > 0 && value <= tag.last + 1,
            "{topic}: {value} came after {}, and what is between is missing",
            tag.last
        );
        if value != tag.last + 1 {
            tag.went_back += 1;
            assert!(tag.last - value < FURTHEST_BACK, "{topic}: {value} came after {}", tag.last);
            assert!(tag.went_back <= kills, "{topic}: went back to {value}, for the {}th time", tag.went_back);
        }
        if value > tag.most {
            (tag.most, self.new) = (value, self.new + 1);
        } else {
            self.again += 1;
        }
        tag.last = value;
    }

    /// At the end each tag stands at its last value.
    fn check_ends(&self) {
        for (number, tag) in self.tags.iter().enumerate() {
            assert_eq!((tag.last, tag.most), (self.each, self.each), "kept/{number} ends with another value");
        }
    }
}

/// The thread that publishes, and how far it is.
struct Publisher {
    acknowledged: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Publisher {
    fn start(plan: &Plan, port: u16) -> Self {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (plan, counter) = (plan.clone(), Arc::clone(&acknowledged));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { acknowledged, thread: thread::spawn(move || runtime.block_on(publish_all(&plan, port, &counter))) }
    }

    /// Values that the source's broker has acknowledged.
    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until everything is acknowledged.
    fn end(self) {
        self.thread.join().unwrap();
    }
}

async fn publish_all(plan: &Plan, port: u16, acknowledged: &AtomicU64) {
    let mut options = MqttOptions::new("soak", ("127.0.0.1", port));
    options.set_inflight(UNDER_WAY);
    let (client, mut link) = AsyncClient::builder(options).capacity(1000).build();
    let speak = async {
        let begun = Instant::now();
        for value in 1..=plan.values / plan.tags {
            for tag in 0..plan.tags {
                let quality = PublishOptions::new(QoS::AtLeastOnce);
                client.publish(format!("soak/{tag}"), value.to_string(), quality).await.unwrap();
            }
            let due = Duration::from_secs_f64((value * plan.tags) as f64 / plan.rate as f64);
            tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        }
    };
    let listen = async {
        while acknowledged.load(Ordering::Relaxed) < plan.values {
            if let Event::Incoming(Packet::PubAck(_)) = link.poll().await.expect("the source's broker is there") {
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    tokio::join!(speak, listen);
}

/// When the daemon is killed, and what that was like.
struct Kills {
    /// For each half, the counts at which it is killed, the last one first.
    moments: [Vec<u64>; 2],
    random: Random,
    done: u64,
    /// From the start of the daemon until it serves.
    starts: Duration,
    slowest: Duration,
}

impl Kills {
    fn new(plan: &Plan, seed: u64) -> Self {
        let mut random = Random(seed);
        let later = plan.kills / 5;
        // One comes between the two halves.
        let moments = [plan.kills - later - 1, later].map(|count| {
            let mut moments: Vec<u64> = (0..count).map(|_| random.below(plan.values)).collect();
            moments.sort_unstable_by(|a, b| b.cmp(a));
            moments
        });
        Self { moments, random, done: 0, starts: Duration::ZERO, slowest: Duration::ZERO }
    }

    /// Kills the daemon and starts it anew, if its moment has come.
    fn due(&mut self, half: usize, count: u64, house: &mut House) {
        while self.moments[half].pop_if(|moment| *moment <= count).is_some() {
            thread::sleep(Duration::from_millis(self.random.below(300)));
            self.one(house, || ());
        }
    }

    /// Kills the daemon, does something, and starts it anew.
    fn one<T>(&mut self, house: &mut House, meanwhile: impl FnOnce() -> T) -> T {
        house.kill();
        self.done += 1;
        let done = meanwhile();
        let begun = Instant::now();
        house.keep();
        self.starts += begun.elapsed();
        self.slowest = self.slowest.max(begun.elapsed());
        done
    }
}

impl std::fmt::Display for Kills {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mean = self.starts.as_millis() / u128::from(self.done.max(1));
        let slowest = self.slowest.as_millis();
        write!(f, "kills: {}; the daemon served again after {mean} ms, {slowest} ms at most", self.done)
    }
}

/// `SplitMix64`: a run with the same seed kills at the same counts.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A line from time to time.
struct Progress {
    begun: Instant,
    next: Instant,
}

impl Progress {
    fn new() -> Self {
        Self { begun: Instant::now(), next: Instant::now() + PROGRESS }
    }

    fn say(&mut self, line: impl FnOnce() -> String) {
        if Instant::now() >= self.next {
            println!("{:4} s  {}", self.begun.elapsed().as_secs(), line());
            self.next = Instant::now() + PROGRESS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan { values: 4000, tags: 10, kills: 5, rate: 2000, under_way: 100, seed: None }
    }

    #[test]
    fn every_value_of_an_mqtt_source_arrives_in_order_however_often_the_daemon_is_killed() {
        assert!(run(&plan(), 7).contains("none is missing"));
    }

    /// Whether the arrivals of one tag pass, after so many kills.
    fn passes(values: &[u64], kills: u64) -> bool {
        let values = values.to_owned();
        let run = move || {
            let mut arrivals = Arrivals::new(&Plan { values: 5, tags: 1, ..plan() });
            for value in values {
                arrivals.take("kept/0", &value.to_string(), kills);
            }
            arrivals.check_ends();
        };
        thread::spawn(run).join().is_ok()
    }

    #[test]
    fn what_comes_again_in_order_passes_and_nothing_else_does() {
        assert!(passes(&[1, 2, 3, 4, 5], 0));
        assert!(passes(&[1, 2, 2, 3, 4, 3, 4, 5], 2));
        assert!(!passes(&[1, 2, 2, 3, 4, 3, 4, 5], 1), "it went back twice");
        assert!(!passes(&[1, 2, 4, 5], 9), "3 is missing");
        assert!(!passes(&[1, 2, 3, 4], 9), "5 is missing");
        assert!(!passes(&[1, 2, 3, 1, 3, 4, 5], 9), "2 is left out of what comes again");
        assert!(!passes(&[1, 2, 3, 4, 5, 4], 9), "an older one is the last");
    }
}
