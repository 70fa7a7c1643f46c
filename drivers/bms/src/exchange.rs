//! One question and its answer, over whatever way: sends, reads, and hears what it means.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::battery::{Battery, Found, Kind, Question, Reading};
use crate::fault::Fault;
use crate::transport::Wire;

/// The most steps of a log-in within one question.
const MAX_REPLIES: usize = 8;

/// The most faults of one question that are kept.
const MAX_FAULTS: usize = 16;

/// What came of a question.
#[derive(Debug, Default)]
pub struct Heard {
    /// The values.
    pub reading: Reading,
    /// What else it was.
    pub kinds: Vec<Kind>,
    /// What was wrong.
    pub faults: Vec<Fault>,
    /// Whether the question was wholly answered, also where the answer is no.
    pub is_answered: bool,
    /// Whether anything came at all.
    pub is_heard: bool,
    /// Bytes that were thrown away since they came before the question.
    pub thrown: usize,
}

impl Heard {
    /// The fault that says most of why there is no answer: the first that is not somebody else's frame.
    pub fn fault(&self) -> Option<&Fault> {
        self.faults.iter().find(|fault| !fault.is_foreign()).or_else(|| self.faults.first())
    }

    fn take(&mut self, found: Vec<Result<Found, Fault>>) {
        for found in found {
            match found {
                Ok(Found { kind, reading, done }) => {
                    self.reading.merge(reading);
                    if kind != Kind::Values && self.kinds.len() < MAX_FAULTS {
                        self.kinds.push(kind);
                    }
                    self.is_answered |= done;
                }
                Err(fault) => {
                    // A no is an answer, and nothing better comes.
                    self.is_answered |= matches!(fault, Fault::Refused(_));
                    if self.faults.len() < MAX_FAULTS {
                        self.faults.push(fault);
                    }
                }
            }
        }
    }
}

/// Asks, and waits so long for the whole answer.
///
/// # Errors
/// The way is gone.
pub async fn ask(
    wire: &mut dyn Wire,
    battery: &mut dyn Battery,
    question: &Question,
    patience: Duration,
) -> io::Result<Heard> {
    let mut heard = Heard { thrown: wire.settle().await?, ..Heard::default() };
    battery.asked(&question.bytes);
    wire.write(question).await?;
    if !question.is_answered {
        heard.is_answered = true;
        return Ok(heard);
    }
    let mut replies = 0;
    let mut until = Instant::now() + patience;
    while !heard.is_answered {
        let Ok(read) = timeout_at(until, wire.read()).await else { break };
        heard.is_heard = true;
        heard.take(battery.feed(&read?));
        while let Some(reply) = battery.reply().filter(|_| replies < MAX_REPLIES) {
            replies += 1;
            battery.asked(&reply.bytes);
            wire.write(&reply).await?;
            (heard.is_answered, until) = (false, Instant::now() + patience);
        }
    }
    if !heard.is_answered {
        // What stands behind a false start is found now.
        heard.take(battery.quiet());
    }
    Ok(heard)
}

/// Listens until a whole set of values has come, or for so long.
///
/// # Errors
/// The way is gone.
pub async fn listen(wire: &mut dyn Wire, battery: &mut dyn Battery, patience: Duration) -> io::Result<Heard> {
    let mut heard = Heard::default();
    let until = Instant::now() + patience;
    while !heard.is_answered {
        let Ok(read) = timeout_at(until, wire.read()).await else {
            heard.take(battery.quiet());
            break;
        };
        heard.is_heard = true;
        heard.take(battery.feed(&read?));
    }
    Ok(heard)
}
