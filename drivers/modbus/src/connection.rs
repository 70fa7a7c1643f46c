//! The task that holds the line: it opens it, asks what the session wants to know, and opens it again when it breaks.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Backoff, Failure};
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;
use crate::line::{Line, Trouble};
use crate::session::{Next, Session};
use crate::setup::Setup;

/// How long a TCP connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest wait for a device that was there before, between two tries and for one: one question a second costs nobody
/// anything, and the system itself would ask again only after 1, 3 and 7 s.
const KNOWN: Duration = Duration::from_secs(1);

/// The first and the longest wait between two tries.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// A line that held so long was a good one: the next wait is short again.
const GOOD: Duration = Duration::from_secs(10);

/// Holds the line for ever.
pub(crate) async fn hold(session: Rc<RefCell<Session>>, setup: Setup) {
    let mut waits = Backoff::new(WAITS.0, WAITS.1);
    let mut is_known = false;
    let mut turn = 0;
    loop {
        let Some(place) = setup.places.get(turn % setup.places.len().max(1)) else { return };
        session.borrow_mut().turn_to(place);
        let patience = if is_known { KNOWN } else { CONNECT };
        let failure = match Line::open(place, setup.manner.clone(), patience).await {
            Ok(mut line) => {
                let begun = Instant::now();
                session.borrow_mut().connected(begun);
                let error = speak(&session, &mut line).await;
                is_known |= line.counts().answered > 0;
                if begun.elapsed() >= GOOD || line.counts().answered > 0 {
                    waits.reset();
                }
                broken(&error)
            }
            Err(error) => Failure::from(Error::Open(error)),
        };
        // The other way is tried at once, the first one after a pause.
        turn += 1;
        let is_other = !turn.is_multiple_of(setup.places.len());
        let most = if is_known { KNOWN } else { WAITS.1 };
        let wait = if is_other { WAITS.0 } else { waits.next(random()).min(most) };
        session.borrow_mut().lost(failure, wait);
        sleep(wait).await;
    }
}

/// Asks until the line breaks.
async fn speak(session: &RefCell<Session>, line: &mut Line) -> io::Error {
    let work = Rc::clone(&session.borrow().work);
    loop {
        let next = session.borrow_mut().next(Instant::now());
        match next {
            Next::Ask(job) => {
                let begun = Instant::now();
                let outcome = if job.is_search() {
                    line.probe(job.number, &job.request, job.patience).await
                } else {
                    line.ask(job.number, &job.request, job.patience).await
                };
                let now = Instant::now();
                let mut session = session.borrow_mut();
                session.count(line.counts());
                session.heard(&line.take_heard(), now);
                let lost = match &outcome {
                    Err(Trouble::Lost(error)) => Some(io::Error::new(error.kind(), error.to_string())),
                    _ => None,
                };
                session.done(*job, outcome, begun, now);
                if let Some(error) = lost {
                    return error;
                }
            }
            Next::Rest(until) => {
                tokio::select! {
                    () = work.notified() => {}
                    () = rest(until) => {}
                    error = line.idle() => return error,
                }
            }
        }
    }
}

async fn rest(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn broken(error: &io::Error) -> Failure {
    let message = format!("the link broke: {error}");
    let hint = match error.kind() {
        io::ErrorKind::InvalidData => "does this port speak Modbus TCP? a serial server wants `\"framing\": \"rtu\"`",
        io::ErrorKind::TimedOut => "does the device speak Modbus on this port, and is the unit number right?",
        _ => "many devices take one connection only: is another program connected?",
    };
    Failure::new(message).hint(hint)
}

/// A number that differs between instances and tries; a hash key is random enough for that.
fn random() -> u32 {
    u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0)
}
