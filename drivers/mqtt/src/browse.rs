//! Browsing a foreign broker: a second connection with a wide subscription, only while somebody looks.
//!
//! It is a connection of its own so that the wide subscription neither doubles nor delays the messages that rules need.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Failure, Page, Port};
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;
use crate::link::{self, Event, Options};
use crate::session::Session;
use crate::tree::Tree;

/// How long after the last question the subscription stays.
const OPEN: Duration = Duration::from_mins(1);

/// How long the first answer waits for retained messages, once the broker has taken the subscription.
const FILL: Duration = Duration::from_millis(250);

/// How long an answer waits at most.
const PATIENCE: Duration = Duration::from_secs(3);

/// Events between two pauses for the others.
const TURN: usize = 256;

/// A question that waits for the tree to fill.
struct Waiting {
    page: Page,
    search: bool,
    until: Instant,
}

/// The tree, and who looks at it.
#[derive(Default)]
pub(crate) struct Browsing {
    pub(crate) tree: Tree,
    /// The last question.
    asked: Option<Instant>,
    /// Whether the second connection is there or on its way.
    watching: bool,
    /// From when the tree is filled well enough to answer.
    filled: Option<Instant>,
    /// Why the second connection does not come about.
    trouble: Option<Failure>,
    waiting: Vec<Waiting>,
}

impl Browsing {
    /// Takes a question. True if the second connection has to be made.
    pub(crate) fn ask(&mut self, page: Page, search: bool) -> bool {
        let now = Instant::now();
        self.asked = Some(now);
        self.waiting.push(Waiting { page, search, until: now + PATIENCE });
        !std::mem::replace(&mut self.watching, true)
    }

    /// When a question is to be answered.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let until = self.waiting.iter().map(|waiting| waiting.until).min()?;
        Some(self.filled.map_or(until, |filled| filled.min(until)))
    }

    /// Answers what is due.
    pub(crate) fn answer(&mut self, port: &Port, now: Instant) {
        let filled = self.filled.is_some_and(|filled| filled <= now);
        let trouble = self.trouble.take();
        let tree = &self.tree;
        for waiting in self.waiting.extract_if(.., |waiting| filled || trouble.is_some() || waiting.until <= now) {
            let Page { request, path, filter, after, limit } = waiting.page;
            if !filled && let Some(trouble) = &trouble {
                port.no_nodes(request, trouble.clone());
                continue;
            }
            let after = after.as_deref();
            if waiting.search {
                let (nodes, next) = tree.search(filter.as_deref().unwrap_or(""), after, limit);
                port.nodes(request, nodes, next);
            } else if let Some((nodes, next)) = tree.children(&path, filter.as_deref(), after, limit) {
                port.nodes(request, nodes, next);
            } else {
                let unknown = Failure::new(format!("no message came from below `{path}`"));
                port.no_nodes(request, unknown.hint("only topics with a retained message, or a new one, are seen"));
            }
        }
    }

    fn fail(&mut self, error: Error) {
        self.filled = None;
        self.trouble = Some(error.into());
    }

    fn is_open(&self) -> bool {
        self.asked.is_some_and(|asked| asked + OPEN > Instant::now())
    }
}

/// Holds the second connection until nobody looks any more.
pub(crate) async fn watch(session: Rc<RefCell<Session>>, options: Options, filter: String) {
    while session.borrow().browsing.is_open() {
        let error = tokio::select! {
            error = follow(&session, &options, &filter) => error,
            () = nobody_looks(&session) => break,
        };
        session.borrow_mut().browsing.fail(error);
        session.borrow().changed.notify_one();
        sleep(Duration::from_secs(2)).await;
    }
    let mut session = session.borrow_mut();
    session.browsing.watching = false;
    session.browsing.filled = None;
}

async fn nobody_looks(session: &RefCell<Session>) {
    loop {
        let asked = session.borrow().browsing.asked;
        match asked {
            Some(asked) if asked + OPEN > Instant::now() => sleep_until(asked + OPEN).await,
            _ => return,
        }
    }
}

/// Fills the tree until the connection breaks.
async fn follow(session: &RefCell<Session>, options: &Options, filter: &str) -> Error {
    let (sender, mut link) = match link::open(options) {
        Ok(opened) => opened,
        Err(error) => return error,
    };
    let mut turn: usize = 0;
    loop {
        turn += 1;
        match link.next().await {
            Err(error) => return error,
            Ok(Event::Connected(_)) => drop(sender.subscribe(&[(filter.to_owned(), 0)])),
            Ok(Event::Subscribed(_, answers)) => {
                let mut session = session.borrow_mut();
                if let Some(Some(why)) = answers.into_iter().next() {
                    let why = Failure::new(format!("the broker refuses to subscribe `{filter}`: {why}"));
                    session.browsing.trouble = Some(why.hint("may this user read it? narrow `browse_filter`"));
                } else {
                    session.browsing.filled = Some(Instant::now() + FILL);
                }
                session.changed.notify_one();
            }
            Ok(Event::Message(message)) => {
                let mut session = session.borrow_mut();
                if let Ok(topic) = std::str::from_utf8(&message.topic) {
                    let decoded = session.rules.of(topic).codec.decode(&message.payload);
                    session.browsing.tree.see(topic, &decoded, message.retained);
                }
            }
            Ok(_) => {}
        }
        if turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
}
