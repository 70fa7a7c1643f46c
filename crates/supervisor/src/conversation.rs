//! One process's stdout: its hello, then its messages, each checked before it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use fieldrail_wire::daemon::Welcome;
use fieldrail_wire::frame::MAX_FRAME_BYTES;
use fieldrail_wire::plugin::{self, Hello, Samples};
use fieldrail_wire::{Decoder, FrameError, FromPlugin, MAX_BATCH, PROTOCOL, ToPlugin, negotiate};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Spec;
use crate::guard::chatter::Chatter;
use crate::instance::Shared;
use crate::lanes::{Lanes, WriterEar};
use crate::life::{Event, Reason};
use crate::listener::shielded;
use crate::log::MAX_LINE_BYTES;
use crate::window::Window;

/// What is read at once, if the pipe has so much.
const READ_BYTES: usize = 256 * 1024;

/// The same while it sends more than it may: a short turn, and then the others'.
const READ_BYTES_OVER_LIMIT: u64 = 16 * 1024;

/// The longest pause between two of those: what else it has to say, such as that it lives, does not wait longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// After a giant frame the buffer is given back if it is larger than this.
const KEPT_BYTES: usize = 1024 * 1024;

/// The longest text or hint of a state that is kept.
const MAX_TEXT_BYTES: usize = 1024;

/// Version and capabilities are kept for as long as the instance lives, so they are bounded.
const MAX_HELLO_BYTES: usize = 256 * 1024;

/// Why a conversation cannot go on.
enum Wrong {
    /// It broke the protocol.
    Broken(Reason),
    /// It is not who it should be; it has been told.
    Refused(Reason),
}

impl From<Reason> for Wrong {
    fn from(reason: Reason) -> Self {
        Self::Broken(reason)
    }
}

impl From<FrameError> for Wrong {
    fn from(error: FrameError) -> Self {
        let text = format!("sent what cannot be read: {}", clip(error.to_string(), MAX_TEXT_BYTES));
        Self::Broken(Reason::new(text).hint(error.hint()))
    }
}

/// The daemon's side of the talk with one process.
pub(crate) struct Conversation {
    shared: Arc<Shared>,
    generation: u64,
    /// What the process was started with.
    spec: Spec,
    /// Until the hello; then the writer has it, with what is dropped when the writer ends.
    stdin: Option<(pipe::Sender, oneshot::Sender<()>)>,
    /// Since the hello.
    joined: Option<Joined>,
    chatter: Chatter,
}

/// What there is since the hello.
struct Joined {
    lanes: Arc<Lanes>,
    writer: JoinHandle<()>,
    window: Window,
    /// The last batch that the plugin was told is accepted.
    told: Arc<AtomicU64>,
    /// The last batch that was delivered in this round.
    delivered: Option<u64>,
    /// How long nothing is read after this round, because it sends more than it may.
    pause: Duration,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if let Some(joined) = &self.joined {
            joined.writer.abort();
        }
    }
}

impl Conversation {
    /// A talk that begins. `writer_alive` is dropped once nothing is written any more, at the latest soon after the
    /// conversation itself is dropped.
    pub(crate) fn new(
        shared: Arc<Shared>,
        generation: u64,
        spec: Spec,
        stdin: pipe::Sender,
        writer_alive: oneshot::Sender<()>,
    ) -> Self {
        Self { shared, generation, spec, stdin: Some((stdin, writer_alive)), joined: None, chatter: Chatter::new() }
    }

    /// Reads until the end of the stream, or until the process breaks the protocol. Returns itself, so that the pipe to
    /// the process stays open while its end is awaited.
    pub(crate) async fn read(mut self, mut stdout: pipe::Receiver) -> Self {
        let mut decoder = Decoder::default();
        loop {
            if let Err(wrong) = self.take_all(&mut decoder) {
                self.shared.tell(
                    self.generation,
                    match wrong {
                        Wrong::Broken(reason) => Event::Broken(reason),
                        Wrong::Refused(reason) => Event::Refused(reason),
                    },
                );
                return self;
            }
            let buffer = decoder.buffer();
            if buffer.is_empty() && buffer.capacity() > KEPT_BYTES {
                *buffer = BytesMut::new();
            }
            buffer.reserve(READ_BYTES);
            let pause = self.joined.as_mut().map_or(Duration::ZERO, |joined| std::mem::take(&mut joined.pause));
            let read = if pause.is_zero() {
                stdout.read_buf(buffer).await
            } else {
                tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
                (&mut stdout).take(READ_BYTES_OVER_LIMIT).read_buf(buffer).await
            };
            if !matches!(read, Ok(1..)) {
                self.shared.tell(self.generation, Event::Closed { half: decoder.waiting() });
                return self;
            }
        }
    }

    /// Takes all messages that have come; then says once what is accepted.
    fn take_all(&mut self, decoder: &mut Decoder) -> Result<(), Wrong> {
        while let Some(message) = decoder.next::<FromPlugin>()? {
            match (&mut self.joined, message) {
                (None, FromPlugin::Hello(hello)) => self.shake_hands(decoder, &hello)?,
                (None, other) => {
                    let text = format!("began with `{}` where `hello` was due", kind(&other));
                    return Err(Reason::new(text).hint("the first message of a plugin is `hello`").into());
                }
                (Some(_), FromPlugin::Hello(_)) => return Err(Reason::new("said hello twice").into()),
                (Some(joined), FromPlugin::Samples(batch)) => joined.samples(&self.shared, self.generation, batch)?,
                (Some(_), message) => {
                    if !is_owed(&message) {
                        self.chatter.take(self.shared.now()).map_err(Reason::new)?;
                    }
                    self.take(message);
                }
            }
        }
        if let Some(joined) = &mut self.joined
            && let Some(batch) = joined.delivered.take()
        {
            joined.lanes.delivered(batch);
        }
        Ok(())
    }

    fn take(&self, message: FromPlugin) {
        self.shared.heard(&message);
        match message {
            FromPlugin::State(state) => {
                let text = clip(state.text, MAX_TEXT_BYTES);
                let hint = state.hint.map(|hint| clip(hint, MAX_TEXT_BYTES));
                self.shared.said(self.generation, plugin::State { text, hint, ..state });
            }
            FromPlugin::Progress(progress) => self.shared.tell(self.generation, Event::Beat(progress.turns)),
            FromPlugin::Log(log) => {
                self.shared.log(log.level, &clip(log.message, MAX_LINE_BYTES));
            }
            other => self.shared.listener.message(&self.shared.id, self.generation, other),
        }
    }

    /// Answers the hello. The lanes open only after `welcome` lies in them, so that it is the first word.
    fn shake_hands(&mut self, decoder: &Decoder, hello: &Hello) -> Result<(), Wrong> {
        let encoding = decoder.encoding().expect("a message was decoded, so its encoding is known");
        let lanes = Arc::new(Lanes::new(encoding));
        let answer = self.answer(hello);
        match &answer {
            Ok(welcome) => lanes.send(welcome).map_err(|error| cannot_welcome(&error))?,
            Err(reason) => lanes.close(&ToPlugin::Refused(plugin::Failure {
                message: reason.text.clone(),
                hint: reason.hint.clone(),
                again: false,
            })),
        }
        if answer.is_ok() && self.shared.greet(self.generation, hello, Arc::clone(&lanes)) {
            self.shared.listener.ready(&self.shared.id, self.generation, hello);
        }
        // Only now, so that `drained` never comes before `ready`.
        self.join(lanes);
        answer.map(drop).map_err(Wrong::Refused)
    }

    /// Lets the lanes flow into the pipe.
    fn join(&mut self, lanes: Arc<Lanes>) {
        let Some((stdin, alive)) = self.stdin.take() else { return };
        let told = Arc::new(AtomicU64::new(0));
        let ear = Ear { shared: Arc::clone(&self.shared), generation: self.generation, told: Arc::clone(&told) };
        let (lanes_too, silence) = (Arc::clone(&lanes), self.shared.silence());
        let writer = tokio::spawn(async move {
            lanes_too.write(stdin, silence, ear).await;
            drop(alive);
        });
        let window = Window::new(self.shared.options.credit);
        self.joined = Some(Joined { lanes, writer, window, told, delivered: None, pause: Duration::ZERO });
    }

    /// `welcome`, or why not.
    fn answer(&self, hello: &Hello) -> Result<ToPlugin, Reason> {
        if hello.name != self.spec.driver {
            let name = clip(hello.name.clone(), 64);
            let text = format!("the program says that it is `{name}`, and `{}` was started", self.spec.driver);
            return Err(Reason::new(text).hint("compare the plugin's manifest with the name in its `hello`"));
        }
        let Some(protocol) = negotiate(PROTOCOL, hello.protocol) else {
            let ((our_old, our_new), (old, new)) = (PROTOCOL, hello.protocol);
            let text =
                format!("speaks versions {old} to {new} of the plugin protocol, the daemon {our_old} to {our_new}");
            return Err(Reason::new(text).hint("update the one that is older"));
        };
        let bytes = serde_json::to_vec(&hello.capabilities).map_or(0, |text| text.len());
        if bytes + hello.version.len() > MAX_HELLO_BYTES {
            let text = format!("describes itself with {bytes} bytes, the limit is {MAX_HELLO_BYTES}");
            return Err(Reason::new(text).hint("shorten the descriptions of its actions"));
        }
        let options = &self.shared.options;
        Ok(ToPlugin::Welcome(Welcome {
            protocol,
            instance: self.spec.id.clone(),
            config: self.spec.config.clone(),
            credit: options.credit,
            max_batch: u32::try_from(MAX_BATCH).unwrap_or(u32::MAX),
            max_frame_bytes: u32::try_from(MAX_FRAME_BYTES).unwrap_or(u32::MAX),
            progress_ms: u32::try_from(options.policy.progress.as_millis()).unwrap_or(u32::MAX),
            state_dir: self.spec.state_dir.as_ref().map(|folder| folder.to_string_lossy().into_owned()),
        }))
    }
}

fn cannot_welcome(error: &crate::SendError) -> Wrong {
    Wrong::Broken(
        Reason::new(format!("cannot be told its configuration: {error}")).hint("is the configuration very large?"),
    )
}

impl Joined {
    fn samples(&mut self, shared: &Shared, generation: u64, mut batch: Samples) -> Result<(), Reason> {
        self.window.accepted(self.told.load(Ordering::Acquire));
        self.window.take(batch.batch, batch.items.len())?;
        shared.counters.count_batch(batch.items.len());
        shared.heard_batch(&batch);
        self.pause += shared.sift(generation, &mut batch);
        let number = batch.batch;
        if let Some(receipt) = shared.listener.samples(&shared.id, generation, batch) {
            self.lanes.hold(number);
            let lanes = Arc::clone(&self.lanes);
            receipt.then(move || lanes.release(number));
        }
        self.delivered = Some(number);
        Ok(())
    }
}

/// How the writer gets on.
struct Ear {
    shared: Arc<Shared>,
    generation: u64,
    told: Arc<AtomicU64>,
}

impl WriterEar for Ear {
    fn told_accepted(&self, batch: u64) {
        self.told.store(batch, Ordering::Release);
    }

    fn drained(&self) {
        shielded(|| self.shared.listener.drained(&self.shared.id, self.generation));
    }

    fn stalled(&self) {
        self.shared.tell(self.generation, Event::Stalled);
    }

    fn flowing(&self) {
        self.shared.tell(self.generation, Event::Flowing);
    }

    fn reads(&self, read: u64, waiting: u64) {
        self.shared.reads(read, waiting);
    }
}

/// Whether the daemon asks for so many of these as it likes.
fn is_owed(message: &FromPlugin) -> bool {
    matches!(
        message,
        FromPlugin::Fresh(_)
            | FromPlugin::Written(_)
            | FromPlugin::Pulsed(_)
            | FromPlugin::Subscribed(_)
            | FromPlugin::Values(_)
    )
}

/// The message's name on the wire.
fn kind(message: &FromPlugin) -> &'static str {
    match message {
        FromPlugin::Hello(_) => "hello",
        FromPlugin::State(_) => "state",
        FromPlugin::Samples(_) => "samples",
        FromPlugin::Fresh(_) => "fresh",
        FromPlugin::Written(_) => "written",
        FromPlugin::Pulsed(_) => "pulsed",
        FromPlugin::Subscribed(_) => "subscribed",
        FromPlugin::Values(_) => "values",
        FromPlugin::Nodes(_) => "nodes",
        FromPlugin::Returned(_) => "returned",
        FromPlugin::Configured(_) => "configured",
        FromPlugin::Event(_) => "event",
        FromPlugin::Progress(_) => "progress",
        FromPlugin::Log(_) => "log",
        FromPlugin::Metrics(_) => "metrics",
    }
}

/// The text, cut to at most `limit` bytes.
fn clip(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let mut end = limit - '…'.len_utf8();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}
