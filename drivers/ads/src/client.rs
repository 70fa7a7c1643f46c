//! One TCP connection to a device: requests go out, answers come back by their number.
//!
//! Invariants: an answer belongs to the question with its invoke id, command and addresses, and to no other; one that comes
//! late or from nowhere is dropped and counted. Each request has a deadline that begins when it is handed over. Urgent
//! requests overtake those that wait. No more than a window of them is under way.

mod asks;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::codec::ams::{AmsAddress, Decoder, Frame, REQUEST};
use crate::codec::command::{self, Reply, Request};
use crate::codec::notify::{self, Stamp};
use crate::codes::AdsCode;
use crate::error::Error;

/// Requests that may wait; more are refused.
const MOST_WAITING: usize = 4096;

/// Whether a request may overtake others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A write, and what it needs.
    Urgent,
    /// A poll, an upload.
    Normal,
}

/// Figures of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests sent.
    pub requests: u64,
    /// Requests that were not answered in time.
    pub silent: u64,
    /// Answers that came late or from nowhere.
    pub stray: u64,
    /// Notification frames.
    pub notifications: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
}

/// What takes notifications. It is called by the task that reads and must not wait.
type Listener = Box<dyn Fn(AmsAddress, Vec<Stamp>)>;

/// A request that waits for the window.
struct Waiting {
    invoke: u32,
    bytes: Vec<u8>,
}

/// A request that is waited for.
struct Pending {
    target: AmsAddress,
    command: u16,
    under_way: bool,
    begun: Instant,
    answer: oneshot::Sender<Frame>,
}

#[derive(Default)]
struct Queues {
    urgent: VecDeque<Waiting>,
    normal: VecDeque<Waiting>,
    pending: HashMap<u32, Pending>,
    under_way: usize,
    /// Questions that were given up.
    late: VecDeque<(u32, Instant)>,
    next_invoke: u32,
    figures: Figures,
    broken: Option<Error>,
}

struct Shared {
    own: AmsAddress,
    target: AmsAddress,
    window: usize,
    timeout: Duration,
    queues: RefCell<Queues>,
    work: Notify,
    ended: Notify,
    listener: RefCell<Option<Listener>>,
    /// When the last answer came, and when anything came.
    answered: Cell<Instant>,
    heard: Cell<Instant>,
    /// Rings when something comes.
    frame: Notify,
    /// How long the slowest answer took, lately; none before the first.
    slowest: Cell<Option<Duration>>,
}

/// How many times as long as the slowest answer another one may take while the device is heard, and how long at least.
const USUAL: (u32, Duration) = (8, Duration::from_millis(700));

/// How long a small frame may take from its first byte to its last.
const FRAME: Duration = Duration::from_millis(700);

/// Questions that were given up and whose late answers still tell how slow the device is.
const MOST_LATE: usize = 64;

/// A connection; cheap to clone. It ends when [`Client::close`] is called or the stream breaks.
#[derive(Clone)]
pub struct Client(Rc<Shared>);

/// How a connection is to be used.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Our own end.
    pub own: AmsAddress,
    /// Who is asked unless another is named.
    pub target: AmsAddress,
    /// Requests under way at a time.
    pub window: usize,
    /// How long an answer is waited for.
    pub timeout: Duration,
}

impl Client {
    /// Takes over a stream; must be called within a `LocalSet`.
    pub fn new(stream: TcpStream, manner: Manner) -> Self {
        let Manner { own, target, window, timeout } = manner;
        let first = getrandom::u32().unwrap_or(1);
        let client = Self(Rc::new(Shared {
            own,
            target,
            window: window.max(1),
            timeout,
            queues: RefCell::new(Queues { next_invoke: first, ..Queues::default() }),
            work: Notify::new(),
            ended: Notify::new(),
            listener: RefCell::new(None),
            answered: Cell::new(Instant::now()),
            heard: Cell::new(Instant::now()),
            frame: Notify::new(),
            slowest: Cell::new(None),
        }));
        // What is not sent at once waits for nothing.
        let _ = stream.set_nodelay(true);
        tokio::task::spawn_local(hold(client.clone(), stream));
        client
    }

    /// Our own end.
    pub fn own(&self) -> AmsAddress {
        self.0.own
    }

    /// Who is asked.
    pub fn target(&self) -> AmsAddress {
        self.0.target
    }

    /// Sets who takes notifications.
    pub fn listen(&self, listener: impl Fn(AmsAddress, Vec<Stamp>) + 'static) {
        *self.0.listener.borrow_mut() = Some(Box::new(listener));
    }

    /// The figures so far.
    pub fn figures(&self) -> Figures {
        self.0.queues.borrow().figures
    }

    /// How long no answer has come.
    pub fn unanswered(&self) -> Duration {
        self.0.answered.get().elapsed()
    }

    /// How long an answer usually takes at the most, as far as this connection has seen.
    pub fn usual(&self, most: Duration) -> Duration {
        self.0.slowest.get().map_or(most, |slowest| slowest.saturating_mul(USUAL.0).max(USUAL.1).min(most))
    }

    fn learn(&self, took: Duration) {
        // The slowest fades, so that one slow answer does not count for ever.
        let before = self.0.slowest.get().unwrap_or_default().mul_f64(0.8);
        self.0.slowest.set(Some(took.max(before)));
    }

    /// Waits until a question that was asked then has been overtaken: the device is heard, though that answer should have
    /// come long ago. While nothing is heard at all, to ask again would help nobody.
    async fn overtaken(&self, since: Instant, usual: Duration) {
        loop {
            let frame = self.0.frame.notified();
            if self.0.heard.get() >= since + usual {
                return;
            }
            frame.await;
        }
    }

    /// Why the connection is over, if it is.
    pub fn broken(&self) -> Option<Error> {
        self.0.queues.borrow().broken.clone()
    }

    /// Waits until the connection is over, and says why.
    pub async fn ended(&self) -> Error {
        loop {
            let ended = self.0.ended.notified();
            if let Some(error) = self.broken() {
                return error;
            }
            ended.await;
        }
    }

    /// Ends the connection. Requests that wait fail.
    pub fn close(&self) {
        self.end(Error::Broken("it was closed".into()));
        *self.0.listener.borrow_mut() = None;
    }

    fn end(&self, error: Error) {
        let mut queues = self.0.queues.borrow_mut();
        queues.broken.get_or_insert(error);
        queues.pending.clear();
        queues.urgent.clear();
        queues.normal.clear();
        drop(queues);
        self.0.work.notify_one();
        self.0.ended.notify_waiters();
    }

    /// Asks the target, and waits for the answer.
    ///
    /// # Errors
    /// The device says no, does not answer in time, or the connection breaks.
    pub async fn ask(&self, urgency: Urgency, request: &Request) -> Result<Reply, Error> {
        self.ask_at(self.0.target, urgency, request, self.0.timeout).await
    }

    /// The same of another end and with a deadline of its own.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn ask_at(
        &self,
        target: AmsAddress,
        urgency: Urgency,
        request: &Request,
        patience: Duration,
    ) -> Result<Reply, Error> {
        let begun = Instant::now();
        let until = begun + patience;
        let (invoke, answer) = self.hand_over(target, urgency, request)?;
        let _forget = Forget { client: self, invoke };
        match timeout_at(until, answer).await {
            Ok(Ok(frame)) => {
                self.0.answered.set(Instant::now());
                self.learn(begun.elapsed());
                if frame.error != 0 {
                    return Err(AdsCode(frame.error).into());
                }
                Reply::decode(frame.command, &frame.data)?.map_err(|code| AdsCode(code).into())
            }
            Ok(Err(_)) => Err(self.broken().unwrap_or(Error::Unexpected)),
            Err(_) => {
                self.0.queues.borrow_mut().figures.silent += 1;
                Err(Error::Silent { target, waited: patience })
            }
        }
    }

    /// The same for a question that may be asked again: one lost answer costs little time.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn ask_lightly(&self, request: &Request, patience: Duration) -> Result<Reply, Error> {
        let (begun, target) = (Instant::now(), self.0.target);
        let usual = self.usual(patience);
        tokio::select! {
            end = self.ask_at(target, Urgency::Normal, request, patience) => end,
            () = self.overtaken(begun, usual) => {
                self.0.queues.borrow_mut().figures.silent += 1;
                Err(Error::Silent { target, waited: begun.elapsed() })
            }
        }
    }

    fn hand_over(
        &self,
        target: AmsAddress,
        urgency: Urgency,
        request: &Request,
    ) -> Result<(u32, oneshot::Receiver<Frame>), Error> {
        let mut queues = self.0.queues.borrow_mut();
        if let Some(error) = &queues.broken {
            return Err(error.clone());
        }
        if queues.pending.len() >= MOST_WAITING {
            return Err(Error::Broken(format!("{MOST_WAITING} requests wait already")));
        }
        let invoke = queues.next_invoke;
        queues.next_invoke = invoke.wrapping_add(1);
        let mut data = Vec::new();
        request.encode(&mut data);
        let command = request.command();
        let frame = Frame { target, source: self.0.own, command, flags: REQUEST, error: 0, invoke, data: data.into() };
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let (sender, answer) = oneshot::channel();
        let begun = Instant::now();
        queues.pending.insert(invoke, Pending { target, command, under_way: false, begun, answer: sender });
        let queue = if urgency == Urgency::Urgent { &mut queues.urgent } else { &mut queues.normal };
        queue.push_back(Waiting { invoke, bytes });
        drop(queues);
        self.0.work.notify_one();
        Ok((invoke, answer))
    }

    /// Takes what may be sent now.
    fn take(&self, out: &mut Vec<u8>) {
        let mut queues = self.0.queues.borrow_mut();
        while queues.under_way < self.0.window {
            let Some(next) = queues.urgent.pop_front().or_else(|| queues.normal.pop_front()) else { return };
            // One that is not waited for any more is not sent.
            let Some(pending) = queues.pending.get_mut(&next.invoke) else { continue };
            pending.under_way = true;
            queues.under_way += 1;
            queues.figures.requests += 1;
            queues.figures.bytes_out += next.bytes.len() as u64;
            out.extend_from_slice(&next.bytes);
        }
    }

    fn receive(&self, frame: Frame) {
        self.0.heard.set(Instant::now());
        self.0.frame.notify_waiters();
        if !frame.is_answer() {
            return self.receive_notification(&frame);
        }
        let mut queues = self.0.queues.borrow_mut();
        let fits = queues.pending.get(&frame.invoke).is_some_and(|pending| {
            // A router that cannot deliver answers for the target, some with addresses of their own.
            let from_target = pending.target == frame.source || frame.error != 0;
            pending.under_way && pending.command == frame.command && from_target && frame.target == self.0.own
        });
        if !fits {
            queues.figures.stray += 1;
            let late = queues.late.iter().position(|(invoke, _)| *invoke == frame.invoke);
            let begun = late.and_then(|at| queues.late.remove(at));
            drop(queues);
            if let Some((_, begun)) = begun {
                self.learn(begun.elapsed());
            }
            return;
        }
        if let Some(pending) = queues.pending.remove(&frame.invoke) {
            queues.under_way = queues.under_way.saturating_sub(1);
            drop(queues);
            let _ = pending.answer.send(frame);
            self.0.work.notify_one();
        }
    }

    fn receive_notification(&self, frame: &Frame) {
        if frame.command != command::NOTIFICATION {
            self.0.queues.borrow_mut().figures.stray += 1;
            return;
        }
        self.0.queues.borrow_mut().figures.notifications += 1;
        let Ok(stamps) = notify::decode(&frame.data) else {
            self.0.queues.borrow_mut().figures.stray += 1;
            return;
        };
        if let Some(listener) = &*self.0.listener.borrow() {
            listener(frame.source, stamps);
        }
    }
}

/// A request that is given up is not waited for any more, also when its future is dropped.
struct Forget<'a> {
    client: &'a Client,
    invoke: u32,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let mut queues = self.client.0.queues.borrow_mut();
        if let Some(pending) = queues.pending.remove(&self.invoke) {
            if pending.under_way {
                queues.under_way = queues.under_way.saturating_sub(1);
                if queues.late.len() >= MOST_LATE {
                    queues.late.pop_front();
                }
                queues.late.push_back((self.invoke, pending.begun));
            }
            drop(queues);
            self.client.0.work.notify_one();
        }
    }
}

/// How long a frame of so many bytes may take from its first byte to its last: a small PLC sends 100 kB a second at least.
fn time_of(bytes: usize) -> Duration {
    FRAME + Duration::from_millis(bytes as u64 / 100)
}

/// Reads and writes until the connection is over.
async fn hold(client: Client, stream: TcpStream) {
    let (mut input, mut output) = stream.into_split();
    let reading = async {
        let mut decoder = Decoder::default();
        let mut whole_by = None;
        loop {
            let read = match whole_by {
                Some(until) => timeout_at(until, input.read_buf(decoder.buffer())).await,
                None => Ok(input.read_buf(decoder.buffer()).await),
            };
            // Half a frame that is never made whole would swallow the beginning of those behind it.
            let Ok(read) = read else { return Error::Broken("half a frame came, and the rest of it did not".into()) };
            match read {
                Ok(0) => return Error::Broken("the device closed it".into()),
                Ok(count) => client.0.queues.borrow_mut().figures.bytes_in += count as u64,
                Err(error) => return Error::Broken(error.to_string()),
            }
            loop {
                match decoder.next_frame() {
                    Ok(Some(frame)) => {
                        whole_by = None;
                        client.receive(frame);
                    }
                    Ok(None) => break,
                    Err(error) => return Error::Malformed(error),
                }
            }
            whole_by = decoder.begun().map(|bytes| whole_by.unwrap_or_else(|| Instant::now() + time_of(bytes)));
        }
    };
    let writing = async {
        let mut bytes = Vec::new();
        loop {
            let work = client.0.work.notified();
            client.take(&mut bytes);
            if bytes.is_empty() {
                if client.broken().is_some() {
                    return Error::Broken("it was closed".into());
                }
                work.await;
                continue;
            }
            if let Err(error) = output.write_all(&bytes).await {
                return Error::Broken(error.to_string());
            }
            bytes.clear();
        }
    };
    let error = tokio::select! {
        error = reading => error,
        error = writing => error,
    };
    client.end(error);
}
