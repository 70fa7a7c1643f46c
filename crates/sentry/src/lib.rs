//! Forwards what failed to a Sentry-compatible server, by the envelope protocol. It does nothing unless `fieldrail.json`
//! says so.
//!
//! What is to be forwarded waits on disk, in the node's care: it has been grouped, thinned out and cleaned of secrets there,
//! and survives restarts. An event leaves the queue when the server has taken it, or will never take it. If the daemon ends
//! between the two, the event goes twice, with the same id; such servers keep one of them.
//!
//! Read in this order: [`dsn`] where to, [`envelope`] what, [`post`] how; here is when.

mod dsn;
mod envelope;
mod post;

use std::sync::Arc;
use std::time::Duration;

use fieldrail_node::{Forwarding, Node, OutgoingEvent};

use dsn::Dsn;
use post::{Post, Reply};

/// How often the settings are looked at while nothing else happens.
const LOOK: Duration = Duration::from_secs(2);

/// After a failure, doubled with each that follows.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// Forwards as long as it is polled.
pub async fn forward(node: Arc<Node>) {
    let mut changes = node.outgoing_changes();
    let mut course = Course::default();
    loop {
        let pause = course.step(&node).await;
        let news = async {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        match pause {
            Pause::None => {}
            // A server that asked for time gets it.
            Pause::For(time) => tokio::time::sleep(time).await,
            Pause::UntilNews => tokio::select! {
                () = news => {}
                () = tokio::time::sleep(LOOK) => {}
            },
        }
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
enum Pause {
    None,
    For(Duration),
    UntilNews,
}

/// How it has gone so far.
#[derive(Default)]
struct Course {
    /// Failures in a row.
    failures: u32,
    /// The last DSN that was looked at, and what it says.
    post: Option<(String, Option<Post>)>,
    /// The log knows that events are refused.
    told_refusal: bool,
}

impl Course {
    /// Sends one event, if there is one and it may be sent.
    async fn step(&mut self, node: &Arc<Node>) -> Pause {
        let Some(forwarding) = node.forwarding() else {
            if node.forwarding_ended()
                && let Err(error) = node.clear_outgoing()
            {
                tracing::warn!(%error, "Events that are not to be forwarded any more stay on the disk.");
            }
            return Pause::UntilNews;
        };
        let looking = Arc::clone(node);
        let next = tokio::task::spawn_blocking(move || looking.next_outgoing()).await;
        let event = match next {
            Ok(Ok(Some(event))) => event,
            Ok(Ok(None)) => return Pause::UntilNews,
            Ok(Err(error)) => {
                tracing::warn!(%error, "What is to be forwarded cannot be read.");
                return Pause::For(LONGEST_PAUSE);
            }
            Err(_) => return Pause::For(LONGEST_PAUSE),
        };
        self.send(node, &forwarding, event).await
    }

    async fn send(&mut self, node: &Arc<Node>, forwarding: &Forwarding, event: OutgoingEvent) -> Pause {
        let Some(post) = self.post(&forwarding.dsn) else { return Pause::UntilNews };
        let body = envelope::envelope(&event.what, &forwarding.environment);
        let reply = post.send(body).await;
        match reply {
            Ok(Reply::Taken) => {
                if self.failures > 0 {
                    tracing::info!("Errors are forwarded again.");
                }
                (self.failures, self.told_refusal) = (0, false);
                forget(node, event.id)
            }
            Ok(Reply::Never(status)) => {
                if !std::mem::replace(&mut self.told_refusal, true) {
                    tracing::warn!(status, "The server for errors refuses an event; it is not sent again.");
                }
                self.failures = 0;
                forget(node, event.id)
            }
            Ok(Reply::Later { status, after }) => {
                self.fails(&format!("it answered {status}"));
                Pause::For(after.map_or(self.pause(), |after| after.min(LONGEST_ASKED)))
            }
            Err(error) => {
                self.fails(&error.to_string());
                Pause::For(self.pause())
            }
        }
    }

    /// Said once when it goes.
    fn fails(&mut self, why: &str) {
        if self.failures == 0 {
            tracing::warn!(why, "The server for errors does not take any; they wait on disk.");
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn pause(&self) -> Duration {
        let doubled = FIRST_PAUSE * 2_u32.saturating_pow(self.failures.saturating_sub(1).min(16));
        doubled.min(LONGEST_PAUSE)
    }

    /// The way to the server; none if the DSN is wrong, which is said once.
    fn post(&mut self, dsn: &str) -> Option<&Post> {
        if self.post.as_ref().is_none_or(|(known, _)| known != dsn) {
            let made = Dsn::parse(dsn).map_err(|error| error.to_string());
            let made = made.and_then(|dsn| Post::new(dsn).map_err(|error| error.to_string()));
            if let Err(error) = &made {
                tracing::error!(error, "Errors cannot be forwarded: see `error_tracking` in fieldrail.json.");
            }
            self.post = Some((dsn.to_owned(), made.ok()));
        }
        self.post.as_ref()?.1.as_ref()
    }
}

fn forget(node: &Node, id: i64) -> Pause {
    match node.forget_outgoing(id) {
        Ok(()) => Pause::None,
        Err(error) => {
            // It would be sent again and again.
            tracing::error!(%error, "What was forwarded cannot be taken off the queue.");
            Pause::For(LONGEST_PAUSE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_from_a_second_to_five_minutes() {
        let pauses: Vec<u64> =
            (1..=12).map(|failures| Course { failures, ..Course::default() }.pause().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(Course { failures: u32::MAX, ..Course::default() }.pause(), LONGEST_PAUSE);
    }
}
