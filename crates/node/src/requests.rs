//! Questions to plugins that wait for their answers: browse, read, call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fieldrail_model::InstanceId;
use fieldrail_wire::FromPlugin;
use tokio::sync::oneshot;

use crate::{Error, Result};

/// Questions that may wait at one time, in all.
const MOST: usize = 10_000;

#[derive(Default)]
struct Waiting {
    last: u64,
    by_request: HashMap<u64, (InstanceId, oneshot::Sender<FromPlugin>)>,
}

/// All questions that are open.
#[derive(Default)]
pub(crate) struct Requests(Mutex<Waiting>);

/// A question that was given a number, and will get its answer.
pub(crate) struct Question {
    /// The number to send with it.
    pub(crate) request: u64,
    answer: oneshot::Receiver<FromPlugin>,
}

impl Requests {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a question that nobody waits for.
    pub(crate) fn number(&self) -> u64 {
        let mut waiting = self.lock();
        waiting.last += 1;
        waiting.last
    }

    /// Opens a question to this instance.
    pub(crate) fn ask(&self, instance: &InstanceId) -> Result<Question> {
        let mut waiting = self.lock();
        waiting.by_request.retain(|_, (_, sender)| !sender.is_closed());
        if waiting.by_request.len() >= MOST {
            return Err(Error::unavailable("too many questions wait for an answer", "try again in a moment"));
        }
        waiting.last += 1;
        let request = waiting.last;
        let (sender, answer) = oneshot::channel();
        waiting.by_request.insert(request, (instance.clone(), sender));
        Ok(Question { request, answer })
    }

    /// An answer has come; one that nobody waits for, or from another instance than was asked, is dropped.
    pub(crate) fn answer(&self, instance: &InstanceId, request: u64, message: FromPlugin) {
        let mut waiting = self.lock();
        if waiting.by_request.get(&request).is_some_and(|(asked, _)| asked == instance)
            && let Some((_, sender)) = waiting.by_request.remove(&request)
        {
            let _ = sender.send(message);
        }
    }

    /// The instance has ended: nobody will answer.
    pub(crate) fn gone(&self, instance: &InstanceId) {
        self.lock().by_request.retain(|_, (asked, _)| asked != instance);
    }
}

impl Question {
    /// Waits for the answer.
    pub(crate) async fn wait(self, most: Duration) -> Result<FromPlugin> {
        match tokio::time::timeout(most, self.answer).await {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(_)) => Err(Error::unavailable("the instance ended before it answered", "see its log")),
            Err(_) => {
                let message = format!("no answer within {} s", most.as_secs());
                Err(Error::unavailable(message, "is the device reachable? the instance's page says more"))
            }
        }
    }
}
