//! How a slow daemon slows the publishers down, instead of losing their messages.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fieldrail_driver::Outbox;
use mqtt5::broker::router::RoutableMessage;
use mqtt5::broker::{BrokerEventHandler, ClientPublishEvent, PublishAction};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::topics::Topics;

/// Each publisher may be one message ahead, so so many places of the lane stay free.
const SLACK: usize = 5000;

/// How long one message may be held up. After that it goes on; a datapoint then shows its newest value.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asked by the broker before it routes a client's message.
pub(crate) struct Pace {
    pub(crate) outbox: Outbox,
    pub(crate) topics: Arc<Mutex<Topics>>,
    /// The lane to the link; see [`crate::link`].
    pub(crate) lane: mpsc::Sender<RoutableMessage>,
}

impl Pace {
    fn has_room(&self, topic: &str) -> bool {
        if self.lane.capacity() < SLACK {
            return false;
        }
        // Messages that become no datapoint do not wait for the daemon.
        self.outbox.has_room() || !self.topics.lock().unwrap_or_else(PoisonError::into_inner).wants(topic)
    }
}

impl BrokerEventHandler for Pace {
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
}
