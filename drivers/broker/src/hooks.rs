//! What the broker asks before it routes a message, and tells when one is retained.
//!
//! Asked, it lets a slow daemon slow the publishers down instead of losing their messages.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use fieldrail_driver::Outbox;
use mqtt5::broker::router::RoutableMessage;
use mqtt5::broker::{BrokerEventHandler, ClientPublishEvent, PublishAction, RetainedSetEvent};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::keep::Keep;
use crate::topics::Topics;

/// Each publisher may be one message ahead, so so many places of the lane stay free.
const SLACK: usize = 5000;

/// How long one message may be held up. After that it goes on; a datapoint then shows its newest value.
const PATIENCE: Duration = Duration::from_secs(5);

/// The broker's way to the other parts of the driver.
pub(crate) struct Hooks {
    pub(crate) outbox: Outbox,
    pub(crate) topics: Arc<Mutex<Topics>>,
    /// The lane to the link; see [`crate::link`].
    pub(crate) lane: mpsc::Sender<RoutableMessage>,
    /// Set before the broker runs, if there is a folder to keep anything in.
    pub(crate) keep: Arc<OnceLock<Arc<Keep>>>,
}

impl Hooks {
    fn has_room(&self, topic: &str) -> bool {
        if self.lane.capacity() < SLACK {
            return false;
        }
        // Messages that become no datapoint do not wait for the daemon.
        self.outbox.has_room() || !self.topics.lock().unwrap_or_else(PoisonError::into_inner).wants(topic)
    }
}

impl BrokerEventHandler for Hooks {
    fn on_client_publish<'a>(
        &'a self,
        event: ClientPublishEvent,
    ) -> Pin<Box<dyn Future<Output = PublishAction> + Send + 'a>> {
        Box::pin(async move {
            let room = async {
                while !self.has_room(&event.topic) {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            let _ = timeout(PATIENCE, room).await;
            PublishAction::Continue
        })
    }

    fn on_retained_set<'a>(&'a self, event: RetainedSetEvent) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            if let Some(keep) = self.keep.get() {
                keep.note(&event.topic).await;
            }
        })
    }
}
