//! One step of load: a paced publisher and a counting subscriber, one thread each, over plain sockets.
//!
//! The payload is the message's sequence number, so what comes back tells which message it was even after a
//! multiplication; its scheduled time follows from the number and the pace. Latency counts from that scheduled time,
//! not from the write: a publisher that is held up cannot hide a queue.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::arrivals::{Arrivals, Latency, sequence_of};
use crate::codec::{self, Packet};
use crate::interrupt;

/// Datapoints of the bench; message n goes to `in/<n modulo this>`.
pub(crate) const DATAPOINTS: u16 = 1000;
/// The publisher wakes no more often than this and then sends all that is due in one write.
const TICK: Duration = Duration::from_millis(1);
/// Most messages of one write, so that a publisher that fell behind still looks at its deadline.
const BATCH_MAX: u64 = 4096;
/// How long a message may be missing after the last one was sent before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the subscriber listens on after the last message, for doubles.
const LINGER: Duration = Duration::from_millis(100);
/// A step that takes this much longer than planned is given up.
const OVERTIME: f64 = 1.3;
/// Least share of the planned rate that counts as held.
const PACE_HELD: f64 = 0.98;
/// How long a socket may block before its thread looks at the clock.
const GLANCE: Duration = Duration::from_millis(50);
/// How long the broker may take to accept a connection or a subscription.
const ANSWER: Duration = Duration::from_secs(5);
/// Time between the order to start and the first message, for the threads to be ready.
const RUN_UP: Duration = Duration::from_millis(20);
/// Bytes that the subscriber takes at once.
const RECEIVE_BYTES: usize = 1 << 18;

/// Where the messages go in and where they are expected to come out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    /// The broker's port on loopback.
    pub(crate) port: u16,
    /// The messages come out under this topic, followed by the datapoint's number.
    pub(crate) out: &'static str,
    /// What the value comes out multiplied with.
    pub(crate) scale: f64,
}

/// One step of load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Messages a second.
    pub(crate) rate: u32,
    /// How many messages.
    pub(crate) count: u64,
    /// Sequence number of the first; never used again in a run, so that late messages of an earlier step are known.
    pub(crate) first: u64,
}

/// What came of a step.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The planned rate, in messages a second.
    pub(crate) rate: u32,
    /// Messages that were written to the broker.
    pub(crate) sent: u64,
    /// Messages that came back in time.
    pub(crate) delivered: u64,
    /// Messages that came back more than once.
    pub(crate) doubled: u64,
    /// Messages with a wrong value or on a wrong topic.
    pub(crate) wrong: u64,
    /// Whether the publisher kept its pace.
    pub(crate) pace_held: bool,
    /// Latencies of what came back.
    pub(crate) latency: Latency,
}

impl Outcome {
    /// Messages that did not come back within the patience of the bench.
    pub(crate) fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.delivered)
    }

    /// Why the step does not count as sustained; `None` when it does.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            _ if self.lost() > 0 => {
                Some(format!("{} lost: not back {} s after the end", self.lost(), PATIENCE.as_secs()))
            }
            _ if self.doubled + self.wrong > 0 => Some(format!("{} doubled, {} wrong", self.doubled, self.wrong)),
            _ if !self.pace_held => Some("the publisher was held up".to_owned()),
            _ if self.latency.p99_ms >= 1000.0 => Some(format!("a queue: p99 {:.1} s", self.latency.p99_ms / 1000.0)),
            _ => None,
        }
    }
}

/// Runs one step to its end.
pub(crate) fn run(path: Path, step: Step) -> Result<Outcome> {
    let mut subscriber = Subscriber::open(path)?;
    let mut publisher = connect(path.port, "bench-publisher")?;
    let (received, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let start = Instant::now() + RUN_UP;
    let (published, arrivals) = thread::scope(|scope| {
        let listening = scope.spawn(|| subscriber.count(step, start, &received, &stop));
        let sending = scope.spawn(|| publish(&mut publisher, step, start));
        let published = joined(sending);
        if let Ok(published) = &published {
            let all_back = || Ok(received.load(Ordering::Relaxed) >= published.sent || listening.is_finished());
            // An interruption ends the step below, when the threads are joined.
            let _ = interrupt::wait_until(PATIENCE, all_back).and_then(|_| interrupt::rest(LINGER));
        }
        stop.store(true, Ordering::Relaxed);
        (published, joined(listening))
    });
    interrupt::check()?;
    let (published, arrivals) = (published?, arrivals?);
    Ok(Outcome {
        rate: step.rate,
        sent: published.sent,
        delivered: arrivals.delivered,
        doubled: arrivals.doubled,
        wrong: arrivals.wrong,
        pace_held: published.sent == step.count && published.took.mul_f64(PACE_HELD) <= step.at(step.count),
        latency: arrivals.latency(),
    })
}

fn joined<T>(handle: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    handle.join().map_err(|_| anyhow!("a thread of the load generator panicked"))?
}

impl Step {
    /// When message `index` of the step is due, from the start of the step.
    fn at(&self, index: u64) -> Duration {
        Duration::from_nanos((index * 1_000_000_000).div_ceil(u64::from(self.rate)))
    }

    /// How many messages are due after `elapsed`.
    fn due(&self, elapsed: Duration) -> u64 {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        (nanos.saturating_mul(u64::from(self.rate)) / 1_000_000_000 + 1).min(self.count)
    }
}

/// What the publisher got rid of.
struct Published {
    sent: u64,
    took: Duration,
}

fn publish(stream: &mut TcpStream, step: Step, start: Instant) -> Result<Published> {
    wake_precisely();
    let topics: Vec<String> = (0..DATAPOINTS).map(|index| format!("in/{index}")).collect();
    let deadline = start + step.at(step.count).mul_f64(OVERTIME) + TICK;
    let (mut sent, mut batch, mut payload) = (0, Vec::new(), Vec::new());
    thread::sleep(start.saturating_duration_since(Instant::now()));
    while sent < step.count && Instant::now() < deadline && !interrupt::asked() {
        let due = step.due(start.elapsed()).min(sent + BATCH_MAX);
        batch.clear();
        for sequence in step.first + sent..step.first + due {
            payload.clear();
            write!(payload, "{sequence}")?;
            codec::push_publish(&mut batch, &topics[datapoint_of(sequence)], &payload);
        }
        let written = write_before(stream, &batch, deadline)?;
        if written < batch.len() {
            sent += whole_packets(&batch[..written])?;
            break;
        }
        sent = due;
        let now = start.elapsed();
        if step.due(now) == sent {
            thread::sleep(step.at(sent).max(now + TICK).saturating_sub(start.elapsed()));
        }
    }
    Ok(Published { sent, took: start.elapsed() })
}

/// Timers as fine as the kernel has them, for this thread; the default lets it sleep 50 µs too long.
fn wake_precisely() {
    // Without it the figures are the same for all contenders and 50 µs worse, which is not worth an error.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

fn datapoint_of(sequence: u64) -> usize {
    usize::try_from(sequence % u64::from(DATAPOINTS)).expect("it is below the number of datapoints")
}

/// Writes `bytes`; gives how many the broker took before the deadline.
fn write_before(stream: &mut TcpStream, bytes: &[u8], deadline: Instant) -> Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => bail!("the broker closed the publisher's connection"),
            Ok(taken) => written += taken,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                if Instant::now() >= deadline || interrupt::asked() {
                    break;
                }
            }
            Err(error) => return Err(error).context("cannot publish"),
        }
    }
    Ok(written)
}

fn whole_packets(mut bytes: &[u8]) -> Result<u64> {
    let mut count = 0;
    while let Some((_, size)) = codec::decode(bytes)? {
        bytes = &bytes[size..];
        count += 1;
    }
    Ok(count)
}

/// A subscription to all that comes out.
pub(crate) struct Subscriber {
    stream: TcpStream,
    path: Path,
    buffer: Vec<u8>,
    filled: usize,
}

impl Subscriber {
    /// Connects and subscribes.
    pub(crate) fn open(path: Path) -> Result<Self> {
        let mut stream = connect(path.port, "bench-subscriber")?;
        stream.write_all(&codec::subscribe(&format!("{}+", path.out)))?;
        let mut subscriber = Self { stream, path, buffer: vec![0; RECEIVE_BYTES], filled: 0 };
        let mut granted = None;
        let answered = interrupt::wait_until(ANSWER, || {
            subscriber.packets(|packet| {
                if let Packet::Suback(code) = packet {
                    granted = Some(code);
                }
            })?;
            Ok(granted.is_some())
        })?;
        ensure!(answered && granted == Some(0), "the broker did not grant the subscription");
        Ok(subscriber)
    }

    /// Counts what arrives until told to stop.
    fn count(&mut self, step: Step, start: Instant, received: &AtomicU64, stop: &AtomicBool) -> Result<Arrivals> {
        let mut arrivals = Arrivals::new(step.first, usize::try_from(step.count)?);
        while !stop.load(Ordering::Relaxed) {
            let mut now = None;
            self.receive(|sequence| {
                // One look at the clock for all that one read brought.
                let now = *now.get_or_insert_with(|| start.elapsed());
                arrivals.take(sequence, |index| now.saturating_sub(step.at(index)));
            })?;
            received.store(arrivals.delivered, Ordering::Relaxed);
        }
        Ok(arrivals)
    }

    /// Takes what is there, waiting shortly; `each` gets the sequence number of each message that is right.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(Option<u64>)) -> Result<()> {
        let path = self.path;
        self.packets(|packet| {
            if let Packet::Publish { topic, payload } = packet {
                each(path.sequence_of(topic, payload));
            }
        })
    }

    fn packets(&mut self, mut each: impl FnMut(Packet<'_>)) -> Result<()> {
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => bail!("the broker closed the subscriber's connection"),
            Ok(size) => self.filled += size,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(error).context("cannot receive"),
        }
        let mut used = 0;
        while let Some((packet, size)) = codec::decode(&self.buffer[used..self.filled])? {
            used += size;
            each(packet);
        }
        self.buffer.copy_within(used..self.filled, 0);
        self.filled -= used;
        Ok(())
    }
}

impl Path {
    /// The message's sequence number, when its value is right and it came on its own datapoint's topic.
    fn sequence_of(&self, topic: &[u8], payload: &[u8]) -> Option<u64> {
        let index: usize = std::str::from_utf8(topic.strip_prefix(self.out.as_bytes())?).ok()?.parse().ok()?;
        sequence_of(payload, self.scale).filter(|&sequence| datapoint_of(sequence) == index)
    }
}

/// A connection that the broker has accepted; its reads and writes block shortly.
pub(crate) fn connect(port: u16, client: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("cannot reach the broker")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(GLANCE))?;
    stream.write_all(&codec::connect(client))?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).context("the broker does not answer")?;
    let accepted = matches!(codec::decode(&answer)?, Some((Packet::Connack(0), _)));
    ensure!(accepted, "the broker refused {client}: {answer:02x?}");
    stream.set_read_timeout(Some(GLANCE))?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
