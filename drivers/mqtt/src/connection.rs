//! The task that holds the link: connects, polls, and tries again.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Backoff, Outbox};
use tokio::time::sleep;

use crate::error::Error;
use crate::link::{self, Event, Options, random};
use crate::session::Session;

/// Events between two looks at the outbox, and a pause for the others.
const TURN: usize = 128;

/// The shortest and the longest wait between two tries.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Holds the link until the driver stops.
pub(crate) async fn hold(session: Rc<RefCell<Session>>, options: Options, outbox: Outbox) {
    let mut backoff = Backoff::new(WAITS.0, WAITS.1);
    loop {
        let error = converse(&session, &options, &outbox).await;
        if session.borrow().stopping {
            return;
        }
        if session.borrow().is_connected() {
            backoff.reset();
        }
        let wait = backoff.next(random());
        let samples = session.borrow_mut().lost(error, wait);
        for sample in samples {
            outbox.room().await;
            outbox.push(sample);
        }
        sleep(wait).await;
    }
}

/// One connection, from its first to its last event.
async fn converse(session: &RefCell<Session>, options: &Options, outbox: &Outbox) -> Error {
    let (sender, mut link) = match link::open(options) {
        Ok(opened) => opened,
        Err(error) => return error,
    };
    for turn in 1_u64.. {
        match link.next().await {
            Ok(Event::Connected(limits)) => session.borrow_mut().connected(sender.clone(), limits),
            Ok(event) => session.borrow_mut().take(event),
            Err(error) => return error,
        }
        if turn % TURN as u64 == 0 {
            tokio::task::yield_now().await;
            wait_for_room(session, options, outbox).await;
        }
    }
    Error::Broken("too many events".into())
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
