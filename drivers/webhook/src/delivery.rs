//! Tries until one works, the command expires, or the tries are used up.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fieldrail_driver::{Backoff, Command, Failure};
use hyper::StatusCode;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::request::{self, Try};
use crate::target::{MAX_BODY_BYTES, Target};

/// The wait after the first try that failed.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait, also where the receiver asks for a longer one.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A write on its way, with its body as it was when the write came.
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) body: Bytes,
}

impl Job {
    /// Writes of one lane leave in order; different lanes do not wait for each other. A lane is what the value came from.
    pub(crate) fn lane(&self) -> Option<&Arc<str>> {
        self.command.origin.as_ref().map(|(address, _)| address)
    }
}

/// One try has ended.
pub(crate) struct Tried {
    pub(crate) status: Option<StatusCode>,
    /// Why it failed; none if it worked.
    pub(crate) failure: Option<Failure>,
    /// When the same is tried again, if it is.
    pub(crate) next: Option<Duration>,
}

/// How a job ended.
pub(crate) enum End {
    Confirmed,
    Rejected(Failure),
    Expired,
}

/// Works on one job to its end; says each try that reached an end of its own to `tried`.
pub(crate) async fn deliver(target: Rc<Target>, job: &Job, tried: mpsc::Sender<Tried>) -> End {
    if job.body.len() > MAX_BODY_BYTES {
        let size = job.body.len();
        return End::Rejected(Failure::new(format!("the body has {size} bytes; the limit is {MAX_BODY_BYTES}")));
    }
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let Command { id, expires, .. } = job.command;
    for left in (0..=target.retries).rev() {
        if Instant::now() >= expires {
            return End::Expired;
        }
        let (failure, status, wait) = match request::send(&target, id, job.body.clone(), expires).await {
            Try::Expired => return End::Expired,
            Try::Taken(status) => {
                let _ = tried.send(Tried { status: Some(status), failure: None, next: None }).await;
                return End::Confirmed;
            }
            Try::Never(failure, status) => {
                let _ = tried.send(Tried { status, failure: Some(failure.clone()), next: None }).await;
                return End::Rejected(failure);
            }
            Try::Later { failure, status, wait } => (failure, status, wait),
        };
        let wait = backoff.next(random()).max(wait.unwrap_or_default()).min(LONGEST_WAIT);
        let is_in_time = Instant::now() + wait < expires;
        let next = (left > 0 && is_in_time).then_some(wait);
        let _ = tried.send(Tried { status, failure: Some(failure.clone()), next }).await;
        if left == 0 {
            return End::Rejected(failure.again());
        }
        if !is_in_time {
            return End::Expired;
        }
        sleep(wait).await;
    }
    End::Expired
}

/// Differs between calls and processes.
fn random() -> u32 {
    let bits = RandomState::new().build_hasher().finish();
    u32::try_from(bits >> 32).unwrap_or_default()
}
