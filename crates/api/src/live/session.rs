//! One live connection, from its first frame to its last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use fieldrail_node::views::{Instance, Point};
use fieldrail_node::{Error, Stream};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::frame::{List, Said, Say};
use super::lines::{Follower, LogWish};
use crate::app::App;
use crate::guard::{Caller, whole_house};
use crate::serve::told;

/// The least time between two deltas, and between two looks at the instances.
const DELTA: Duration = Duration::from_millis(50);
const INSTANCES: Duration = Duration::from_secs(1);

/// The least time between two frames with lines of the log.
const LINES: Duration = Duration::from_millis(250);

/// How often the daemon asks whether the client is still there, and how long one frame may take to leave.
const PING: Duration = Duration::from_secs(20);
const SEND: Duration = Duration::from_mins(1);

/// Messages of a client in one second, at the most.
const MOST_PER_SECOND: u32 = 100;

/// Errors that one message is answered with, at the most.
const MOST_ERRORS: usize = 10;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client is gone, or does not read.
    Gone,
    /// The session or token has ended, or may do something else now.
    Refused,
    /// The daemon stops.
    Closing,
    /// A frame is too large or no WebSocket frame.
    Broken,
    /// More messages than anybody needs.
    Flood,
}

impl End {
    /// The code and the words of the last frame; none for a client that is gone.
    fn farewell(self) -> Option<CloseFrame> {
        let (code, words) = match self {
            Self::Gone => return None,
            Self::Refused => (4401, "the session has ended"),
            Self::Closing => (1001, "the daemon stops"),
            Self::Broken => (1009, "a message has at most 256 KiB"),
            Self::Flood => (1008, "too many messages"),
        };
        Some(CloseFrame { code, reason: Utf8Bytes::from_static(words) })
    }
}

pub(super) type Ended<T> = std::result::Result<T, End>;

pub(super) struct Session {
    app: Arc<App>,
    caller: Caller,
    socket: WebSocket,
    /// Away while it subscribes on another thread.
    stream: Option<Stream>,
    revoked: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    /// What the client knows of the instances, while it watches them.
    instances: Option<HashMap<String, Instance>>,
    /// The log, while the client follows it.
    log: Option<Follower>,
    second: Instant,
    messages: u32,
}

impl Session {
    pub(super) fn new(app: Arc<App>, caller: Caller, socket: WebSocket) -> Self {
        let stream = Some(Stream::new(Arc::clone(&app.node)));
        let (revoked, closing) = (app.node.people().revocations(), app.closing.subscribe());
        Self {
            app,
            caller,
            socket,
            stream,
            revoked,
            closing,
            instances: None,
            log: None,
            second: Instant::now(),
            messages: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let end = self.follow().await.err().unwrap_or(End::Gone);
        if let Some(farewell) = end.farewell() {
            let last = self.socket.send(Message::Close(Some(farewell)));
            let _ = timeout(Duration::from_secs(1), last).await;
        }
    }

    async fn follow(&mut self) -> Ended<()> {
        let mut pings = interval(PING);
        let mut looks = interval(INSTANCES);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut next_delta, mut next_lines) = (Instant::now(), Instant::now());
        // A right may have ended between the guard and here.
        self.recheck()?;
        loop {
            tokio::select! {
                biased;
                _ = self.revoked.changed() => self.recheck()?,
                () = told(&mut self.closing) => return Err(End::Closing),
                message = self.socket.recv() => self.hear(message).await?,
                () = changed(self.stream.as_ref(), next_delta) => {
                    self.say_delta().await?;
                    next_delta = Instant::now() + DELTA;
                }
                () = written(self.log.as_mut(), next_lines) => {
                    self.say_lines().await?;
                    next_lines = Instant::now() + LINES;
                }
                _ = looks.tick(), if self.instances.is_some() => self.say_instances().await?,
                _ = pings.tick() => self.send(Message::Ping(Vec::new().into())).await?,
            }
        }
    }

    fn recheck(&self) -> Ended<()> {
        recheck(&self.app, &self.caller)
    }

    async fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Ended<()> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(_)) => return Err(End::Broken),
            None => return Err(End::Gone),
        };
        self.count()?;
        self.recheck()?;
        match message {
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(said) => self.obey(said).await,
                Err(error) => self.object(format!("the message is wrong: {error}"), None).await,
            },
            Message::Binary(_) => self.object("messages are text".into(), None).await,
            Message::Close(_) => Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    fn count(&mut self) -> Ended<()> {
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            self.messages = 0;
        }
        self.messages += 1;
        if self.messages > MOST_PER_SECOND { Err(End::Flood) } else { Ok(()) }
    }

    async fn obey(&mut self, said: Said) -> Ended<()> {
        match said {
            Said::Subscribe(wanted) => self.subscribe(wanted).await,
            Said::Unsubscribe(wanted) => {
                self.stream.iter_mut().for_each(|stream| stream.unsubscribe(&wanted));
                Ok(())
            }
            Said::Watch(lists) if lists.contains(&List::Instances) => match whole_house(&self.caller.who) {
                Ok(()) => {
                    self.instances = Some(HashMap::new());
                    self.say_all_instances().await
                }
                Err(error) => self.object(error.to_string(), error.hint()).await,
            },
            Said::Unwatch(lists) if lists.contains(&List::Instances) => {
                self.instances = None;
                Ok(())
            }
            Said::FollowLogs(wish) => self.follow_log(wish).await,
            Said::Watch(_) | Said::Unwatch(_) => Ok(()),
        }
    }

    async fn follow_log(&mut self, wish: Option<LogWish>) -> Ended<()> {
        self.log = None;
        let Some(wish) = wish else { return Ok(()) };
        if let Err(error) = whole_house(&self.caller.who) {
            return self.object(error.to_string(), error.hint()).await;
        }
        match Follower::new(&self.app.node, wish) {
            Ok(follower) => self.log = Some(follower),
            Err(failure) => self.object(failure.into_problem(false).detail().to_owned(), None).await?,
        }
        Ok(())
    }

    async fn say_lines(&mut self) -> Ended<()> {
        let Some(mut follower) = self.log.take() else { return Ok(()) };
        let work = tokio::task::spawn_blocking(move || {
            let lines = follower.take();
            (follower, lines)
        });
        let (follower, lines) = work.await.map_err(|_| End::Broken)?;
        self.log = Some(follower);
        match lines {
            Ok(lines) if lines.lines.is_empty() => Ok(()),
            Ok(lines) => self.send_text(Say::Logs { lines: &lines.lines, gap: lines.gap }.text()).await,
            Err(error) => self.object(error.to_string(), error.hint()).await,
        }
    }

    /// Each address for itself: one that is wrong does not keep the others from being followed.
    async fn subscribe(&mut self, wanted: Vec<String>) -> Ended<()> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        let who = self.caller.who.clone();
        // A wide pattern holds the data space for a moment; that is not to hold up the other connections.
        let work = tokio::task::spawn_blocking(move || {
            let mut known: Vec<Point> = Vec::new();
            let mut errors: Vec<Error> = Vec::new();
            for one in &wanted {
                match stream.subscribe(&who, std::slice::from_ref(one)) {
                    Ok(points) => known.extend(points),
                    Err(error) => errors.push(error),
                }
            }
            (stream, Say::Snapshot(&known).text(), errors)
        });
        let (stream, snapshot, errors) = work.await.map_err(|_| End::Broken)?;
        self.stream = Some(stream);
        self.send_text(snapshot).await?;
        for error in errors.into_iter().take(MOST_ERRORS) {
            self.object(error.to_string(), error.hint()).await?;
        }
        Ok(())
    }

    async fn say_delta(&mut self) -> Ended<()> {
        let changes = self.stream.as_ref().map(Stream::take).unwrap_or_default();
        if changes.is_empty() { Ok(()) } else { self.send_text(Say::Delta(&changes).text()).await }
    }

    async fn say_all_instances(&mut self) -> Ended<()> {
        let all = self.app.instances().await;
        self.send_text(Say::Instances(&all.iter().collect::<Vec<_>>()).text()).await?;
        self.instances = Some(all.iter().map(|one| (one.id.clone(), timeless(one))).collect());
        Ok(())
    }

    async fn say_instances(&mut self) -> Ended<()> {
        let all = self.app.instances().await;
        let Some(known) = &mut self.instances else { return Ok(()) };
        let is_new = |one: &&Instance| known.get(&one.id) != Some(&timeless(one));
        let changed: Vec<&Instance> = all.iter().filter(is_new).collect();
        if changed.is_empty() {
            return Ok(());
        }
        known.extend(changed.iter().map(|one| (one.id.clone(), timeless(one))));
        let text = Say::Instances(&changed).text();
        self.send_text(text).await
    }

    async fn object(&mut self, detail: String, hint: Option<String>) -> Ended<()> {
        self.send_text(Say::Error { detail, hint }.text()).await
    }

    async fn send_text(&mut self, text: String) -> Ended<()> {
        self.send(Message::Text(text.into())).await
    }

    /// Waits for a slow client, but not for one whose right ends meanwhile.
    async fn send(&mut self, message: Message) -> Ended<()> {
        let sending = timeout(SEND, self.socket.send(message));
        tokio::pin!(sending);
        loop {
            tokio::select! {
                sent = &mut sending => return if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(End::Gone) },
                _ = self.revoked.changed() => recheck(&self.app, &self.caller)?,
                () = told(&mut self.closing) => return Err(End::Closing),
            }
        }
    }
}

/// Still the same one with the same rights?
pub(super) fn recheck(app: &App, caller: &Caller) -> Ended<()> {
    let now = app.node.people().who(&caller.credential);
    if now.as_ref() == Some(&caller.who) { Ok(()) } else { Err(End::Refused) }
}

/// Waits until there is something to say and the time for it has come.
async fn changed(stream: Option<&Stream>, not_before: Instant) {
    sleep_until(not_before).await;
    match stream {
        Some(stream) => stream.wait().await,
        None => std::future::pending().await,
    }
}

/// Waits until lines were written and the time for them has come.
async fn written(follower: Option<&mut Follower>, not_before: Instant) {
    let Some(follower) = follower else { return std::future::pending().await };
    sleep_until(not_before).await;
    follower.changed().await;
}

/// The instance without what only counts the seconds, which a browser counts itself.
fn timeless(instance: &Instance) -> Instance {
    Instance { uptime_s: None, uptime_seconds: None, ..instance.clone() }
}
