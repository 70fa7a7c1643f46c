//! Looks at what the daemon shows, all the time: every sample that comes in (a tap), and every value as a browser has it.
//!
//! Invariant: whatever is good was vouched for by its device within the deadline and [`TOLERANCE`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::interval;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::device::{Shared, SharedTruth};
use crate::truth::Verdict;

/// The deadline that every datapoint of the storm has.
pub(crate) const DEADLINE: Duration = Duration::from_millis(1500);

/// What the way from the device to the watcher may take: a live view gathers for 50 ms, and the machine is loaded.
pub(crate) const TOLERANCE: Duration = Duration::from_millis(500);

/// How often what is shown is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A watcher that was held up longer cannot say what was shown meanwhile.
const HELD_UP: Duration = Duration::from_millis(150);

/// The most findings that are kept.
const MOST_FINDINGS: usize = 200;

type Socket = WebSocketStream<TcpStream>;

/// A datapoint as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) good: bool,
    pub(crate) value: Option<f64>,
    pub(crate) text: String,
    pub(crate) seen: Instant,
}

/// What the watcher found so far.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) shown: HashMap<String, Shown>,
    pub(crate) findings: Vec<String>,
    pub(crate) late: u64,
    pub(crate) wrong: u64,
    /// What has been found of a datapoint is not found again until it changes.
    told: HashMap<String, String>,
}

/// The watcher, on a thread of its own.
pub(crate) struct Watcher {
    pub(crate) seen: Shared<Seen>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    ends: AtomicBool,
    looks: AtomicU64,
    skipped: AtomicU64,
    samples: AtomicU64,
    missed: AtomicU64,
}

impl Watcher {
    /// Follows these datapoints: address, truth, tag.
    pub(crate) fn start(daemon: SocketAddr, cookie: &str, points: Vec<(String, SharedTruth, String)>) -> Self {
        let (seen, counts) = (Shared::new(Seen::default()), Arc::new(Counts::default()));
        let watch = Watch {
            points: points.into_iter().map(|(address, truth, tag)| (address.to_lowercase(), (truth, tag))).collect(),
            seen: seen.clone(),
            counts: Arc::clone(&counts),
            begun: (Instant::now(), wall_ms()),
        };
        let cookie = cookie.to_owned();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(watch.run(daemon, &cookie));
        });
        Self { seen, counts, thread: Some(thread) }
    }

    /// Says what was looked at.
    pub(crate) fn summary(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let seen = self.seen.lock();
        format!(
            "watched: {} samples and {} looks at good values ({} not made, as the watcher was held up; {} events missed); \
             {} good past {} ms + {} ms, {} wrong",
            of(&self.counts.samples),
            of(&self.counts.looks),
            of(&self.counts.skipped),
            of(&self.counts.missed),
            seen.late,
            DEADLINE.as_millis(),
            TOLERANCE.as_millis(),
            seen.wrong
        )
    }

    /// Leaves; nobody needs anything any more.
    pub(crate) fn end(&mut self) {
        self.counts.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the watcher does not panic");
        }
    }
}

pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}

struct Watch {
    points: HashMap<String, (SharedTruth, String)>,
    seen: Shared<Seen>,
    counts: Arc<Counts>,
    begun: (Instant, i64),
}

impl Watch {
    async fn run(self, daemon: SocketAddr, cookie: &str) {
        let addresses: Vec<&String> = self.points.keys().collect();
        let mut live = open(daemon, "/api/live", cookie).await;
        say(&mut live, &json!({ "subscribe": addresses })).await;
        let mut tap = open(daemon, "/api/router/tap", cookie).await;
        say(&mut tap, &json!({ "patterns": addresses, "stages": ["input"] })).await;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last = Instant::now();
        while !self.counts.ends.load(Ordering::Relaxed) {
            tokio::select! {
                biased;
                message = live.next() => self.show(&parse(message)),
                message = tap.next() => self.tapped(&parse(message)),
                _ = look.tick() => {
                    let now = Instant::now();
                    if now - last > LOOK + HELD_UP {
                        self.counts.skipped.fetch_add(1, Ordering::Relaxed);
                    } else {
                        self.look(now);
                    }
                    last = now;
                }
            }
        }
        let _ = live.close(None).await;
        let _ = tap.close(None).await;
    }

    /// What a browser has now.
    fn show(&self, frame: &Value) {
        let now = Instant::now();
        let points = frame["snapshot"].as_array().or_else(|| frame["delta"].as_array());
        for point in points.into_iter().flatten() {
            let Some(address) = point["address"].as_str() else { continue };
            let reason = point["reason"].as_str().unwrap_or("");
            let text = format!("{} {}:{reason} {}", point["value"], point["quality"], point["note"]);
            let good = point["quality"] == "good";
            let shown = Shown { good, value: point["value"].as_f64(), text, seen: now };
            self.seen.lock().shown.insert(address.to_lowercase(), shown);
        }
    }

    /// Everything that is shown as good right now.
    fn look(&self, now: Instant) {
        let good: Vec<(String, Option<f64>)> = {
            let seen = self.seen.lock();
            let good = seen.shown.iter().filter(|(_, shown)| shown.good);
            good.map(|(address, shown)| (address.clone(), shown.value)).collect()
        };
        self.counts.looks.fetch_add(good.len() as u64, Ordering::Relaxed);
        for (address, value) in good {
            self.judge("shown", &address, value, now);
        }
    }

    /// Samples as they came into the router.
    fn tapped(&self, frame: &Value) {
        self.counts.missed.fetch_add(frame["missed"].as_u64().unwrap_or(0), Ordering::Relaxed);
        for event in frame["tapped"].as_array().into_iter().flatten() {
            self.counts.samples.fetch_add(1, Ordering::Relaxed);
            if event["quality"] == "good"
                && let (Some(address), Some(ms)) = (event["source"].as_str(), event["time_ms"].as_i64())
            {
                let since = u64::try_from(ms - self.begun.1).unwrap_or(0);
                // Wall time has whole milliseconds.
                let at = self.begun.0 + Duration::from_millis(since + 2);
                self.judge("sample", address, event["value"].as_f64(), at);
            }
        }
    }

    fn judge(&self, what: &str, address: &str, value: Option<f64>, at: Instant) {
        let Some((truth, tag)) = self.points.get(&address.to_lowercase()) else { return };
        let number = value.unwrap_or(f64::NAN);
        let verdict = truth.lock().judge(tag, number, at, DEADLINE + TOLERANCE);
        if verdict == Verdict::True {
            return;
        }
        let mut seen = self.seen.lock();
        let said = format!("{what} {number}");
        if seen.told.insert(address.to_owned(), said.clone()).is_some_and(|before| before == said) {
            return;
        }
        let time = at.duration_since(self.begun.0).as_secs_f64();
        let finding = if let Verdict::Late(age) = verdict {
            seen.late += 1;
            format!("{time:.1} s: {address}: {said} is good {} ms after it was last true", age.as_millis())
        } else {
            seen.wrong += 1;
            format!("{time:.1} s: {address}: {said} is good and was never true")
        };
        println!("FINDING {finding}");
        if seen.findings.len() < MOST_FINDINGS {
            seen.findings.push(finding);
        }
    }
}

async fn open(daemon: SocketAddr, path: &str, cookie: &str) -> Socket {
    let mut request = format!("ws://{daemon}{path}").into_client_request().unwrap();
    request.headers_mut().insert("Cookie", cookie.parse().unwrap());
    let stream = TcpStream::connect(daemon).await.unwrap();
    client_async(request, stream).await.unwrap().0
}

async fn say(socket: &mut Socket, frame: &Value) {
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

fn parse(message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> Value {
    match message {
        Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
        Some(Ok(Message::Close(frame))) => panic!("the daemon closed the view: {frame:?}"),
        Some(Ok(_)) => Value::Null,
        Some(Err(error)) => panic!("the view broke: {error}"),
        None => panic!("the view ended"),
    }
}
