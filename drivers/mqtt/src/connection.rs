//! The task that holds the link: connects, polls, and tries again.

use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use fieldrail_driver::{Backoff, Outbox};
use tokio::time::{Instant, sleep, timeout};

use crate::error::Error;
use crate::link::{self, Event, Link, Options, random};
use crate::session::Session;

/// Events between two looks at the outbox, and a pause for the others.
const TURN: usize = 128;

/// The shortest and the longest wait between two tries.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// How long a first connection to a kept session waits for somebody to need something.
const DEMAND: Duration = Duration::from_secs(1);

/// Between two tries of the first broker while the second is in use.
const SEEK: Duration = Duration::from_secs(10);

/// How long the first broker may take to answer such a try, and the second to take a goodbye.
const ANSWER: Duration = Duration::from_secs(5);
const FAREWELL: Duration = Duration::from_secs(1);

/// Holds the link until the driver stops. `points` are the brokers, the first one first.
pub(crate) async fn hold(session: Rc<RefCell<Session>>, points: Vec<Options>, outbox: Outbox) {
    if points.iter().any(Options::keeps_session) {
        // What the broker has kept comes at once, and is for nobody before the daemon has said what it needs.
        let asked_for = Rc::clone(&session.borrow().asked_for);
        let _ = timeout(DEMAND, asked_for.notified()).await;
    }
    let mut backoff = Backoff::new(WAITS.0, WAITS.1);
    loop {
        let at = session.borrow().point();
        let (Some(options), Some(first)) = (points.get(at), points.first()) else { return };
        let ended = if at == 0 {
            Some(converse(&session, options, &outbox).await)
        } else {
            // Whichever ends first ends both, so nothing is cut in two that goes on.
            tokio::select! {
                error = converse(&session, options, &outbox) => Some(error),
                () = go_home(&session, first) => None,
            }
        };
        if session.borrow().stopping {
            return;
        }
        if session.borrow().is_connected() {
            backoff.reset();
        }
        let home = ended.is_none() || session.borrow().is_going_home();
        // The other broker is tried at once, the same one after a pause.
        let next = if home { 0 } else { (at + 1) % points.len() };
        let wait = match (home, next == 0) {
            (true, _) => Duration::ZERO,
            (false, true) => backoff.next(random()),
            (false, false) => WAITS.0,
        };
        let samples = session.borrow_mut().lost(ended.filter(|_| !home), next, wait);
        for sample in samples {
            outbox.room().await;
            outbox.push(sample);
        }
        sleep(wait).await;
    }
}

/// Returns when the first broker answers again and the second was told goodbye.
async fn go_home(session: &RefCell<Session>, first: &Options) {
    loop {
        sleep(SEEK).await;
        if session.borrow().is_connected() && answers(first).await {
            session.borrow_mut().go_home();
            return sleep(FAREWELL).await;
        }
    }
}

/// Whether this broker takes a client like us.
async fn answers(options: &Options) -> bool {
    let Ok((sender, mut link)) = link::open(&options.beside("seek")) else { return false };
    let taken = timeout(ANSWER, async {
        loop {
            match link.next().await {
                Ok(Event::Connected(_)) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    });
    let taken = taken.await.unwrap_or(false);
    sender.disconnect(Duration::ZERO);
    // The goodbye, or the end of the link.
    let _ = timeout(FAREWELL, async { while link.next().await.is_ok() {} }).await;
    taken
}

/// One connection, from its first to its last event.
async fn converse(session: &RefCell<Session>, options: &Options, outbox: &Outbox) -> Error {
    let (sender, mut link) = match link::open(options) {
        Ok(opened) => opened,
        Err(error) => return error,
    };
    let mut pace = Pace::new();
    let mut turn: usize = 0;
    loop {
        turn += 1;
        match pace.next(&mut link).await {
            Ok(Event::Connected(limits)) => session.borrow_mut().connected(sender.clone(), limits),
            Ok(event) => session.borrow_mut().take(event),
            Err(error) => return error,
        }
        if turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
            wait_for_room(session, options, outbox).await;
        }
    }
}

/// Lets data gather where much of it comes.
///
/// One thread serves the socket and both pipes, and brokers send each message as a packet of its own. Above some thousand
/// messages a second waking up for each of them costs more than the messages do, so the thread rests for half a
/// millisecond whenever it has nothing left to do. Below that rate it never rests.
struct Pace {
    since: Instant,
    events: u32,
    busy: bool,
}

/// How long the thread rests.
const REST: Duration = Duration::from_micros(500);

/// The time over which the rate is taken.
const WINDOW: Duration = Duration::from_millis(10);

/// Messages in a [`WINDOW`], in and out together, from which on the thread rests.
const BUSY: u32 = 50;

impl Pace {
    fn new() -> Self {
        Self { since: Instant::now(), events: 0, busy: false }
    }

    /// The next event of the link.
    async fn next(&mut self, link: &mut Link) -> Result<Event, Error> {
        self.events = self.events.saturating_add(1);
        let mut next = pin!(link.next());
        if let Poll::Ready(event) = poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await {
            return event;
        }
        if self.is_busy() {
            // First the others: what was read goes to the daemon before the rest.
            tokio::task::yield_now().await;
            std::thread::sleep(REST);
        }
        next.await
    }

    fn is_busy(&mut self) -> bool {
        let time = self.since.elapsed();
        if time >= WINDOW {
            self.busy = u128::from(self.events) * WINDOW.as_micros() >= u128::from(BUSY) * time.as_micros();
            *self = Self { busy: self.busy, ..Self::new() };
        }
        self.busy
    }
}

/// Back-pressure: while the daemon is behind, the broker is not read. Writes go on, and the link is kept alive.
async fn wait_for_room(session: &RefCell<Session>, options: &Options, outbox: &Outbox) {
    if outbox.has_room() || session.borrow().is_handing() {
        return;
    }
    let written = session.borrow().handed.clone();
    tokio::select! {
        () = outbox.room() => {}
        () = written.notified() => {}
        () = sleep(options.pulse()) => {}
    }
}
