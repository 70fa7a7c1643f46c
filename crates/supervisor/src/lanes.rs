//! What the daemon has to say to one process: two lanes, each bounded in bytes, and the writer that empties them.
//!
//! Messages are encoded when they are queued, so a bound in bytes is a bound. The writer takes all urgent messages and
//! one chunk of the others at a time: a write waits behind 64 KiB at most, and behind what the pipe already holds.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldrail_wire::daemon::{Accepted, Stop};
use fieldrail_wire::{Encoding, FrameError, ToPlugin, encode};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The writes that may wait. A message is taken while less than this waits, so the bound is passed by one frame at most.
const URGENT_BYTES: usize = 1024 * 1024;

/// Everything else that may wait, in the same way.
const ORDERLY_BYTES: usize = 4 * 1024 * 1024;

/// What is written of the orderly lane before the urgent one is looked at again.
const CHUNK_BYTES: usize = 64 * 1024;

/// Between two looks at what the plugin has not read yet.
const LOOK: Duration = Duration::from_millis(500);

/// Why a message was not queued.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no such instance.
    #[error("there is no such instance")]
    Unknown,
    /// The process is not there, has not said hello yet, or was asked to end.
    #[error("the instance is not connected")]
    NotReady,
    /// The message is meant for a process that has ended since.
    #[error("the instance has been started again since")]
    OtherGeneration,
    /// The lane is full: the plugin reads slower than it is told. [`crate::Listener::drained`] says when there is room.
    #[error("the instance does not take what it is told fast enough")]
    Full,
    /// The message cannot be encoded.
    #[error("the message cannot be sent")]
    Frame(#[from] FrameError),
}

/// The two lanes to one process.
#[derive(Debug)]
pub(crate) struct Lanes {
    encoding: Encoding,
    queue: Mutex<Queue>,
    work: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    urgent: Vec<u8>,
    /// Whole messages in chunks; the last one grows.
    orderly: VecDeque<Vec<u8>>,
    orderly_bytes: usize,
    /// The last batch that is accepted and not yet said to be.
    accepted: Option<u64>,
    /// The last batch that was delivered.
    delivered: u64,
    /// The last batch that counts as accepted.
    settled: u64,
    /// Delivered batches that are not yet where they must be.
    held: BTreeSet<u64>,
    /// Nothing more is taken; when the lanes are empty, the pipe is closed.
    closing: bool,
}

/// What the writer got to write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing now.
    Nothing,
    /// Nothing ever again.
    Closed,
    /// Bytes.
    Bytes {
        /// The acceptance that is among them.
        accepted: Option<u64>,
        /// Whether there is more than the acceptance.
        messages: bool,
    },
}

impl Lanes {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, queue: Mutex::default(), work: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message; writes go to the urgent lane, and so does the welcome, which nothing may overtake.
    pub(crate) fn send(&self, message: &ToPlugin) -> Result<(), SendError> {
        let mut queue = self.queue();
        if queue.closing {
            return Err(SendError::NotReady);
        }
        if matches!(message, ToPlugin::Write(_) | ToPlugin::Welcome(_)) {
            queue.urge(self.encoding, message)
        } else {
            queue.append(self.encoding, message)
        }?;
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    /// All batches up to this one are delivered, and so accepted but for those that are held.
    pub(crate) fn delivered(&self, batch: u64) {
        let mut queue = self.queue();
        queue.delivered = batch;
        self.settle(queue);
    }

    /// The batch that is being delivered is not accepted before it is released.
    pub(crate) fn hold(&self, batch: u64) {
        self.queue().held.insert(batch);
    }

    /// The batch is where it must be.
    pub(crate) fn release(&self, batch: u64) {
        let mut queue = self.queue();
        queue.held.remove(&batch);
        self.settle(queue);
    }

    /// Says what is accepted by now; several acceptances that wait become one.
    fn settle(&self, mut queue: MutexGuard<'_, Queue>) {
        let settled = queue.held.first().map_or(queue.delivered, |first| queue.delivered.min(first - 1));
        if settled > queue.settled {
            queue.settled = settled;
            queue.accepted = Some(settled);
            drop(queue);
            self.work.notify_one();
        }
    }

    /// Says a last word ahead of what waits, and closes the pipe after it.
    pub(crate) fn close(&self, last: &ToPlugin) {
        let mut queue = self.queue();
        queue.orderly.clear();
        queue.orderly_bytes = 0;
        // A last word that does not fit behind a full lane is told by the closed pipe.
        let _ = queue.urge(self.encoding, last);
        queue.closing = true;
        drop(queue);
        self.work.notify_one();
    }

    /// Says `stop`, and closes the pipe after it.
    pub(crate) fn stop(&self, within: Duration) {
        let deadline_ms = u32::try_from(within.as_millis()).unwrap_or(u32::MAX);
        self.close(&ToPlugin::Stop(Stop { deadline_ms }));
    }

    /// Moves what is to be written next into `out`, which is empty.
    fn take(&self, out: &mut Vec<u8>) -> Taken {
        let mut queue = self.queue();
        std::mem::swap(&mut queue.urgent, out);
        let accepted = queue.accepted.take();
        let chunk = queue.orderly.pop_front();
        let closing = queue.closing;
        queue.orderly_bytes -= chunk.as_ref().map_or(0, Vec::len);
        drop(queue);
        let messages = !out.is_empty() || chunk.is_some();
        if let Some(batch) = accepted {
            // Two numbers cannot fail to encode.
            let _ = encode(self.encoding, &ToPlugin::Accepted(Accepted { batch }), out);
        }
        match chunk {
            Some(chunk) if out.is_empty() => *out = chunk,
            Some(chunk) => out.extend_from_slice(&chunk),
            None => {}
        }
        match (out.is_empty(), closing) {
            (false, _) => Taken::Bytes { accepted, messages },
            (true, true) => Taken::Closed,
            (true, false) => Taken::Nothing,
        }
    }

    /// Whether a batch that was delivered waits for our own disk.
    pub(crate) fn is_holding(&self) -> bool {
        !self.queue().held.is_empty()
    }

    fn is_empty(&self) -> bool {
        let queue = self.queue();
        queue.urgent.is_empty() && queue.orderly.is_empty()
    }

    /// Empties the lanes into the pipe until they are closed or the pipe breaks.
    pub(crate) async fn write(&self, mut pipe: pipe::Sender, silence: Duration, ear: impl WriterEar) {
        let mut bytes = Vec::new();
        let mut pace = Pace::default();
        loop {
            let more = self.work.notified();
            match self.take(&mut bytes) {
                Taken::Closed => return,
                Taken::Nothing if pace.waiting == 0 => more.await,
                Taken::Nothing => {
                    // Something lies in the pipe: whether it is read shows whether the plugin listens.
                    if tokio::time::timeout(LOOK, more).await.is_err() {
                        pace.look(&pipe, &ear);
                    }
                }
                Taken::Bytes { accepted, messages } => {
                    // Before the plugin can hear it: its next batch may be here before the write returns.
                    if let Some(batch) = accepted {
                        ear.told_accepted(batch);
                    }
                    if !write_all(&mut pipe, &bytes, silence, &ear, &mut pace).await {
                        return;
                    }
                    pace.wrote(&pipe, &ear);
                    bytes.clear();
                    bytes.shrink_to(CHUNK_BYTES);
                    if messages && self.is_empty() {
                        ear.drained();
                    }
                }
            }
        }
    }
}

/// Who hears how the writer gets on.
pub(crate) trait WriterEar: Send + Sync {
    /// The pipe takes this acceptance now.
    fn told_accepted(&self, batch: u64);
    /// The pipe has taken everything.
    fn drained(&self);
    /// The pipe has taken nothing for the time of silence.
    fn stalled(&self);
    /// It takes something again.
    fn flowing(&self);
    /// The plugin has read so many bytes in all, and so many wait in the pipe.
    fn reads(&self, read: u64, waiting: u64);
}

/// How the plugin reads.
#[derive(Debug, Default)]
struct Pace {
    written: u64,
    /// Bytes in the pipe at the last look, or one while that is not known.
    waiting: u64,
    looked: Option<Instant>,
}

impl Pace {
    /// Something was written: it will be looked at soon, or now if it is time.
    fn wrote(&mut self, pipe: &pipe::Sender, ear: &impl WriterEar) {
        self.waiting = self.waiting.max(1);
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK) {
            self.look(pipe, ear);
        }
    }

    fn look(&mut self, pipe: &pipe::Sender, ear: &impl WriterEar) {
        // A kernel that does not say counts as a pipe that is read.
        self.waiting = rustix::io::ioctl_fionread(pipe).unwrap_or(0);
        self.looked = Some(Instant::now());
        ear.reads(self.written.saturating_sub(self.waiting), self.waiting);
    }
}

/// False if the pipe is broken.
async fn write_all(
    pipe: &mut pipe::Sender,
    mut bytes: &[u8],
    silence: Duration,
    ear: &impl WriterEar,
    pace: &mut Pace,
) -> bool {
    let (mut stalled, mut waited) = (false, Duration::ZERO);
    while !bytes.is_empty() {
        match tokio::time::timeout(LOOK.min(silence), pipe.write(bytes)).await {
            Ok(Ok(written @ 1..)) => {
                bytes = &bytes[written..];
                pace.written += written as u64;
                waited = Duration::ZERO;
                if std::mem::take(&mut stalled) {
                    ear.flowing();
                }
            }
            Ok(_) => return false,
            Err(_elapsed) => {
                pace.look(pipe, ear);
                waited += LOOK.min(silence);
                if waited >= silence && !stalled {
                    stalled = true;
                    ear.stalled();
                }
            }
        }
    }
    true
}

impl Queue {
    fn urge(&mut self, encoding: Encoding, message: &ToPlugin) -> Result<(), SendError> {
        if self.urgent.len() >= URGENT_BYTES {
            return Err(SendError::Full);
        }
        Ok(encode(encoding, message, &mut self.urgent)?)
    }

    fn append(&mut self, encoding: Encoding, message: &ToPlugin) -> Result<(), SendError> {
        if self.orderly_bytes >= ORDERLY_BYTES {
            return Err(SendError::Full);
        }
        if self.orderly.back().is_none_or(|last| last.len() >= CHUNK_BYTES) {
            self.orderly.push_back(Vec::new());
        }
        let last = self.orderly.back_mut().expect("one was pushed if there was none");
        let before = last.len();
        let encoded = encode(encoding, message, last);
        self.orderly_bytes += last.len() - before;
        if last.is_empty() {
            self.orderly.pop_back();
        }
        Ok(encoded?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldrail_wire::daemon::{Read, Welcome, Write};
    use fieldrail_wire::{TagRef, WriteItem};

    fn write(id: u64, text: &str) -> ToPlugin {
        let item = WriteItem {
            id,
            tag: TagRef::Name("a".into()),
            value: text.into(),
            ttl_ms: None,
            pulse_ms: None,
            origin: None,
        };
        ToPlugin::Write(Write { tags: vec![], items: vec![item] })
    }

    fn read(request: u64, tag: &str) -> ToPlugin {
        ToPlugin::Read(Read { request, tags: vec![tag.into()] })
    }

    fn kinds(bytes: &[u8]) -> Vec<String> {
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let kind = |line| {
            serde_json::from_slice::<serde_json::Value>(line).unwrap().as_object().unwrap().keys().next().cloned()
        };
        lines.filter_map(kind).collect()
    }

    #[test]
    fn a_write_overtakes_and_acceptances_become_one() {
        let lanes = Lanes::new(Encoding::JsonLines);
        lanes.send(&read(1, "x")).unwrap();
        lanes.delivered(1);
        lanes.delivered(2);
        lanes.send(&write(1, "y")).unwrap();
        let mut out = Vec::new();
        assert_eq!(lanes.take(&mut out), Taken::Bytes { accepted: Some(2), messages: true });
        assert_eq!(kinds(&out), ["write", "accepted", "read"]);
        out.clear();
        assert_eq!(lanes.take(&mut out), Taken::Nothing);
    }

    #[test]
    fn nothing_overtakes_the_welcome() {
        let lanes = Lanes::new(Encoding::JsonLines);
        let welcome = Welcome {
            protocol: 1,
            instance: "a".parse().unwrap(),
            config: serde_json::Value::Null,
            credit: 1,
            max_batch: 1,
            max_frame_bytes: 1,
            progress_ms: 1,
            state_dir: None,
        };
        lanes.send(&ToPlugin::Welcome(welcome)).unwrap();
        lanes.send(&read(1, "x")).unwrap();
        lanes.send(&write(1, "y")).unwrap();
        let mut out = Vec::new();
        lanes.take(&mut out);
        assert_eq!(kinds(&out), ["welcome", "write", "read"]);
    }

    #[test]
    fn a_write_waits_behind_one_chunk_at_most() {
        let lanes = Lanes::new(Encoding::JsonLines);
        for request in 0..20 {
            lanes.send(&read(request, &"x".repeat(10_000))).unwrap();
        }
        let mut out = Vec::new();
        lanes.take(&mut out);
        assert!(out.len() < 2 * CHUNK_BYTES, "{}", out.len());
        out.clear();
        lanes.send(&write(1, "y")).unwrap();
        lanes.take(&mut out);
        assert_eq!(kinds(&out)[0], "write");
    }

    #[test]
    fn a_full_lane_refuses_and_the_other_one_goes_on() {
        let lanes = Lanes::new(Encoding::MessagePack);
        let long = "x".repeat(100_000);
        let taken = (0..100).take_while(|&request| lanes.send(&read(request, &long)).is_ok()).count();
        assert_eq!(taken, ORDERLY_BYTES / 100_000 + 1);
        assert!(matches!(lanes.send(&read(0, "")), Err(SendError::Full)));
        let taken = (0..100).take_while(|&id| lanes.send(&write(id, &long)).is_ok()).count();
        assert_eq!(taken, URGENT_BYTES / 100_000 + 1);
    }

    #[test]
    fn a_message_over_the_limit_is_refused_and_leaves_nothing_behind() {
        let lanes = Lanes::new(Encoding::MessagePack);
        let giant = "x".repeat(9 * 1024 * 1024);
        assert!(matches!(lanes.send(&read(0, &giant)), Err(SendError::Frame(_))));
        assert!(matches!(lanes.send(&write(0, &giant)), Err(SendError::Frame(_))));
        assert_eq!(lanes.take(&mut Vec::new()), Taken::Nothing);
    }

    #[test]
    fn stop_is_the_last_word() {
        let lanes = Lanes::new(Encoding::JsonLines);
        lanes.send(&read(1, "x")).unwrap();
        lanes.send(&write(1, "y")).unwrap();
        lanes.stop(Duration::from_secs(3));
        assert!(matches!(lanes.send(&write(2, "z")), Err(SendError::NotReady)));
        let mut out = Vec::new();
        lanes.take(&mut out);
        assert_eq!(kinds(&out), ["write", "stop"]);
        out.clear();
        assert_eq!(lanes.take(&mut out), Taken::Closed);
    }

    #[test]
    fn a_batch_is_accepted_when_it_and_all_before_it_are_released() {
        let lanes = Lanes::new(Encoding::JsonLines);
        let accepted = || {
            let mut out = Vec::new();
            match lanes.take(&mut out) {
                Taken::Bytes { accepted, .. } => accepted,
                _ => None,
            }
        };
        lanes.hold(2);
        lanes.hold(3);
        lanes.delivered(4);
        assert_eq!(accepted(), Some(1));
        lanes.release(3);
        assert_eq!(accepted(), None);
        lanes.release(2);
        assert_eq!(accepted(), Some(4));
        // On disk before the reader has come to the end of its round.
        lanes.hold(5);
        lanes.release(5);
        assert_eq!(accepted(), None);
        lanes.delivered(5);
        assert_eq!(accepted(), Some(5));
    }
}
