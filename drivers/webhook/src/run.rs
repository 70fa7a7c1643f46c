//! The loop: requests in, jobs to the network, ends out.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fieldrail_driver::{Command, Failure, Port, Request, State, SubscribedItem, Tag, clock, waits_for};
use fieldrail_model::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::delivery::{End, Job, Tried, deliver};
use crate::target::{Target, now_ms};

/// Writes that may wait.
const MAX_QUEUE: usize = 1024;

/// Requests that are under way at once.
const IN_FLIGHT: usize = 4;

/// How long requests under way may take to end when the instance stops.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The datapoints of the instance, in the order of [`Figures::value`].
const FIGURES: [&str; 3] = ["last_status", "last_error", "sent"];

/// A job that has ended, and how.
type Ended = (Job, End);

struct Run {
    target: Rc<Target>,
    port: Port,
    queue: VecDeque<Job>,
    under_way: JoinSet<Ended>,
    /// Lanes with a request under way.
    busy: HashSet<Option<Arc<str>>>,
    tried: mpsc::Sender<Tried>,
    figures: Figures,
    /// Since when the receiver takes nothing.
    lost_since: Option<SystemTime>,
}

#[derive(Default)]
struct Figures {
    tags: [Option<Tag>; FIGURES.len()],
    last_status: Option<u16>,
    last_error: Option<String>,
    sent: i64,
}

/// Runs until it is told to stop.
pub(crate) async fn run(target: Target, mut port: Port) {
    port.state(State::Connected, "ready");
    let (tried, mut tries) = mpsc::channel(IN_FLIGHT);
    let mut run = Run {
        target: Rc::new(target),
        port,
        queue: VecDeque::new(),
        under_way: JoinSet::new(),
        busy: HashSet::new(),
        tried,
        figures: Figures::default(),
        lost_since: None,
    };
    loop {
        run.start_what_can();
        let next_expiry = run.queue.iter().map(|job| job.command.expires).min();
        tokio::select! {
            request = run.port.next() => match request {
                Request::Stop => break,
                request => run.take(request),
            },
            Some(tried) = tries.recv() => run.note(tried),
            Some(ended) = run.under_way.join_next() => run.end(ended),
            () = sleep_until(next_expiry.unwrap_or_else(Instant::now)), if next_expiry.is_some() => run.drop_expired(),
        }
    }
    run.leave(tries).await;
}

impl Run {
    fn take(&mut self, request: Request) {
        match request {
            Request::Write(commands) => commands.into_iter().for_each(|command| self.accept(command)),
            Request::Subscribe { request, items } => {
                let answers = items.into_iter().map(|item| self.subscribe(item.tag)).collect();
                self.port.subscribed(request, answers);
                self.figures.say(&self.port);
            }
            Request::Unsubscribe { tags } => {
                for (figure, name) in self.figures.tags.iter_mut().zip(FIGURES) {
                    if tags.iter().any(|tag| tag == name) {
                        *figure = None;
                    }
                }
            }
            other => self.port.refuse(other),
        }
    }

    fn accept(&mut self, command: Command) {
        let refuse = |failure: Failure| self.port.rejected(command.id, failure);
        if !command.tag.is_empty() {
            let hint = "write to the instance's own address, without a tag; its other datapoints are for reading";
            return refuse(Failure::new(format!("a webhook has no target `{}`", command.tag)).hint(hint));
        }
        if command.pulse.is_some() {
            return refuse(Failure::new("a request cannot be taken back, so a webhook has no pulse"));
        }
        if self.queue.len() >= MAX_QUEUE {
            let hint = "the receiver is slower than the values come: send fewer, for example with on_change";
            return refuse(Failure::new(format!("{MAX_QUEUE} requests wait already")).hint(hint).again());
        }
        let body = self.target.body(&command, now_ms());
        self.queue.push_back(Job { command, body });
    }

    /// Starts the first job of each lane that is free, up to [`IN_FLIGHT`].
    fn start_what_can(&mut self) {
        while self.under_way.len() < IN_FLIGHT {
            let free = self.queue.iter().position(|job| !self.busy.contains(&job.lane().cloned()));
            let Some(job) = free.and_then(|at| self.queue.remove(at)) else { return };
            self.busy.insert(job.lane().cloned());
            let (target, tried) = (Rc::clone(&self.target), self.tried.clone());
            self.under_way.spawn_local(async move {
                let end = deliver(target, &job, tried).await;
                (job, end)
            });
        }
    }

    fn end(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ok((job, end)) = ended else { return };
        self.busy.remove(&job.lane().cloned());
        match end {
            End::Confirmed => self.port.confirmed(job.command.id),
            End::Rejected(failure) => self.port.rejected(job.command.id, failure),
            End::Expired => self.port.expired(job.command.id),
        }
    }

    fn drop_expired(&mut self) {
        let now = Instant::now();
        let (expired, alive): (VecDeque<Job>, _) =
            std::mem::take(&mut self.queue).into_iter().partition(|job| job.command.expires <= now);
        self.queue = alive;
        for job in &expired {
            self.port.expired(job.command.id);
        }
    }

    /// Keeps state, figures and log in step with the last try.
    fn note(&mut self, tried: Tried) {
        let was_well = self.figures.last_error.is_none();
        self.figures.last_status = tried.status.map(|status| status.as_u16()).or(self.figures.last_status);
        self.figures.last_error = tried.failure.as_ref().map(|failure| failure.message.clone());
        match tried.failure {
            None => {
                self.lost_since = None;
                self.figures.sent += 1;
                self.port.state(State::Connected, "ready");
                if !was_well {
                    tracing::info!(target = self.target.shown, "Requests are taken again.");
                }
            }
            Some(mut failure) => {
                let since = *self.lost_since.get_or_insert_with(SystemTime::now);
                if was_well {
                    tracing::warn!(target = self.target.shown, error = failure.message, "A request was not taken.");
                }
                failure.message = match tried.next {
                    Some(wait) => waits_for(&self.target.shown, &failure.message, since, wait),
                    None => format!("{} since {}; the next request tries it again", failure.message, clock(since)),
                };
                self.port.trouble(State::Degraded, failure);
            }
        }
        self.figures.say(&self.port);
    }

    fn subscribe(&mut self, tag: String) -> SubscribedItem {
        let failure = if let Some(at) = FIGURES.iter().position(|name| *name == tag) {
            self.figures.tags[at] = Some(self.port.tag(&tag));
            None
        } else {
            let failure = Failure::new(format!("a webhook has no datapoint `{tag}`"));
            Some(failure.hint("it has last_status, last_error and sent").into())
        };
        SubscribedItem { tag, failure }
    }

    /// Lets requests under way end; what has not begun is refused.
    async fn leave(mut self, mut tries: mpsc::Receiver<Tried>) {
        let stopped = || Failure::new("the instance was stopped before the request was sent").again();
        for job in std::mem::take(&mut self.queue) {
            self.port.rejected(job.command.id, stopped());
        }
        let rest = async {
            loop {
                tokio::select! {
                    Some(tried) = tries.recv() => self.note(tried),
                    ended = self.under_way.join_next() => match ended {
                        Some(ended) => self.end(ended),
                        None => return,
                    },
                }
            }
        };
        if timeout(LAST_WORDS, rest).await.is_err() {
            tracing::warn!(requests = self.under_way.len(), "Requests were cut off by the stop.");
        }
    }
}

impl Figures {
    fn value(&self, figure: usize) -> Value {
        match figure {
            0 => self.last_status.map_or(Value::Null, |status| Value::Int(status.into())),
            1 => Value::text(self.last_error.as_deref().unwrap_or("")),
            _ => Value::Int(self.sent),
        }
    }

    fn say(&self, port: &Port) {
        for (figure, tag) in self.tags.iter().enumerate() {
            if let Some(tag) = tag {
                port.sample(*tag, self.value(figure));
            }
        }
    }
}
