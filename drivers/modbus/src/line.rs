//! One line, asked one question at a time.
//!
//! Invariant: an answer counts only if it can be nobody else's. On TCP the transaction, the unit, the function and the length
//! must be those of the question. On serial lines there is no transaction: the line is emptied and silent before each
//! question, and unit, function, length and checksum must fit; what an earlier question is still owed is kept apart by
//! [`Owed`]. Everything else is dropped and counted.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use fieldrail_link_serial::{Link, Place};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::codec::pdu::{Request, Response};
use crate::codec::shape::Shape;
use crate::codec::{Frame, ascii, mbap, rtu};
use crate::owed::{Before, Owed, Verdict};

/// How questions and answers are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// Modbus TCP.
    Tcp,
    /// Modbus RTU: binary, on serial lines and behind serial servers.
    Rtu,
    /// Modbus ASCII: letters, on old serial lines.
    Ascii,
}

/// How a line is spoken on.
#[derive(Debug, Clone)]
pub struct Manner {
    /// How questions and answers are framed.
    pub framing: Framing,
    /// How long the line is silent before a question.
    pub silence: Duration,
    /// How long the unit rests between an answer and the next question.
    pub pause: Duration,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nothing came in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// Something came, but nothing that is whole.
    #[error("the answer was damaged")]
    Damaged,
    /// Nothing can be asked whose answer could not be mistaken for a late one.
    #[error("an earlier question still has no answer")]
    Owing(Instant),
    /// The line is gone.
    #[error("the link broke: {0}")]
    Lost(#[from] io::Error),
}

/// What happened on a line since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Questions.
    pub asked: u64,
    /// Answers to them.
    pub answered: u64,
    /// Refusals among these.
    pub refused: u64,
    /// Questions without an answer in time.
    pub silent: u64,
    /// Answers to older questions; dropped.
    pub late: u64,
    /// Answers that nobody asked for here: another unit, function or length; dropped.
    pub foreign: u64,
    /// Bytes that belong to no whole frame; dropped.
    pub noise: u64,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            answered: self.answered + other.answered,
            refused: self.refused + other.refused,
            silent: self.silent + other.silent,
            late: self.late + other.late,
            foreign: self.foreign + other.foreign,
            noise: self.noise + other.noise,
        }
    }
}

/// An answer, and how long it took.
#[derive(Debug)]
pub struct Answer {
    /// What the unit says.
    pub response: Response,
    /// From the question to the answer.
    pub took: Duration,
}

/// So many questions in a row without any answer on a TCP connection end it: it may be half open.
const HALF_OPEN: u32 = 4;

/// The most bytes that wait to be understood; older ones are noise then.
const MAX_BUFFER: usize = 4 * ascii::MAX_FRAME;

/// An open line.
pub struct Line {
    link: Link,
    manner: Manner,
    transaction: u16,
    buffer: Vec<u8>,
    question: Vec<u8>,
    owed: HashMap<u8, Owed>,
    counts: Counts,
    /// Units from which something came that was not asked for right now.
    heard: Vec<u8>,
    silent_in_a_row: u32,
    /// When the last answer came.
    last: Option<Instant>,
}

impl Line {
    /// Opens the line.
    ///
    /// # Errors
    /// See [`fieldrail_link_serial::Error`].
    pub async fn open(place: &Place, manner: Manner, patience: Duration) -> Result<Self, fieldrail_link_serial::Error> {
        let link = Link::open(place, patience).await?;
        Ok(Self {
            link,
            manner,
            transaction: 0,
            buffer: Vec::with_capacity(MAX_BUFFER),
            question: Vec::new(),
            owed: HashMap::new(),
            counts: Counts::default(),
            heard: Vec::new(),
            silent_in_a_row: 0,
            last: None,
        })
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The units from which something came that was not asked for; each once.
    pub fn take_heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.heard)
    }

    /// Listens while nothing is asked, until the line breaks. What comes was not asked for. Safe to drop and call again.
    pub async fn idle(&mut self) -> io::Error {
        loop {
            let mut bytes = [0; 512];
            match self.link.read(&mut bytes).await {
                Ok(count) => self.keep(&bytes[..count]),
                Err(error) => return error,
            }
        }
    }

    /// Keeps bytes until they are understood.
    fn keep(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > MAX_BUFFER {
            self.counts.noise += u64::try_from(self.buffer.len()).unwrap_or(0);
            self.buffer.clear();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Asks a unit, and waits so long for its answer.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn ask(&mut self, unit: u8, request: &Request, patience: Duration) -> Result<Answer, Trouble> {
        if self.manner.framing != Framing::Tcp {
            self.drain().await?;
            let now = Instant::now();
            match self.owed.entry(unit).or_default().before(request, now) {
                Before::Nothing => {}
                Before::Ask(first) => drop(self.exchange(unit, &first, patience).await?),
                Before::Wait(until) => return Err(Trouble::Owing(until)),
            }
        }
        self.exchange(unit, request, patience).await
    }

    /// The same of a unit that may not be there: its silence says nothing about the connection.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn probe(&mut self, unit: u8, request: &Request, patience: Duration) -> Result<Answer, Trouble> {
        let before = std::mem::take(&mut self.silent_in_a_row);
        let answer = self.ask(unit, request, patience).await;
        if matches!(answer, Err(Trouble::Silent(_))) {
            self.silent_in_a_row = before;
        }
        answer
    }

    /// One question, one answer.
    async fn exchange(&mut self, unit: u8, request: &Request, patience: Duration) -> Result<Answer, Trouble> {
        if let Some(last) = self.last.filter(|_| !self.manner.pause.is_zero()) {
            sleep_until(last + self.manner.pause).await;
        }
        self.send(unit, request).await?;
        self.counts.asked += 1;
        let begun = Instant::now();
        // Both ways take their time on a slow wire: unit and checksum around the answer, twice the bytes in letters.
        let letters = if self.manner.framing == Framing::Ascii { 2 } else { 1 };
        let wire = self.link.time_of(self.question.len() + letters * (Shape::of(request).length() + 3));
        let noise = self.counts.noise;
        let answer = timeout_at(begun + wire + patience, self.receive(unit, request)).await;
        self.last = Some(Instant::now());
        match answer {
            Ok(response) => {
                let response = response?;
                self.counts.answered += 1;
                self.counts.refused += u64::from(matches!(response, Response::Refused { .. }));
                self.silent_in_a_row = 0;
                Ok(Answer { response, took: begun.elapsed() })
            }
            Err(_elapsed) => Err(self.missed(unit, request, patience, noise)),
        }
    }

    /// The answer did not come.
    fn missed(&mut self, unit: u8, request: &Request, patience: Duration, noise: u64) -> Trouble {
        self.counts.silent += 1;
        self.silent_in_a_row += 1;
        // What is left of a frame is no beginning of the next.
        self.counts.noise += u64::try_from(self.buffer.len()).unwrap_or(0);
        let is_damaged = self.counts.noise > noise;
        match self.manner.framing {
            // A stream has no gaps: half a frame that is never made whole would swallow the beginning of the next one.
            Framing::Tcp if !self.buffer.is_empty() => {
                let why = "half a frame came, and the rest of it did not";
                return Trouble::Lost(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            Framing::Tcp => self.counts.noise = noise,
            Framing::Rtu | Framing::Ascii => {
                self.buffer.clear();
                self.owed.entry(unit).or_default().lost(request, Instant::now());
            }
        }
        if self.manner.framing == Framing::Tcp && self.silent_in_a_row >= HALF_OPEN {
            let why = format!("{HALF_OPEN} questions in a row had no answer");
            return Trouble::Lost(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        if is_damaged && self.manner.framing != Framing::Tcp { Trouble::Damaged } else { Trouble::Silent(patience) }
    }

    async fn send(&mut self, unit: u8, request: &Request) -> io::Result<()> {
        let mut pdu = Vec::new();
        request.encode(&mut pdu);
        self.question.clear();
        match self.manner.framing {
            Framing::Tcp => {
                self.transaction = self.transaction.wrapping_add(1);
                mbap::encode(self.transaction, unit, &pdu, &mut self.question);
            }
            Framing::Rtu => rtu::encode(unit, &pdu, &mut self.question),
            Framing::Ascii => ascii::encode(unit, &pdu, &mut self.question),
        }
        if self.manner.framing != Framing::Tcp {
            self.drain().await?;
        }
        self.link.write_all(&self.question).await
    }

    /// Waits for silence on a serial line. What comes until then is dropped, but it is noted whose answer came late.
    async fn drain(&mut self) -> io::Result<()> {
        self.link.quiet(self.manner.silence, &mut self.buffer).await?;
        while let Some(frame) = self.next_serial_frame(None) {
            self.hear(frame.unit);
            let response = Response::decode(&frame.pdu);
            let owed = self.owed.entry(frame.unit).or_default();
            if response.is_ok_and(|response| owed.came(&response)) {
                self.counts.late += 1;
            } else {
                self.counts.foreign += 1;
            }
        }
        self.counts.noise += u64::try_from(self.buffer.len()).unwrap_or(0);
        self.buffer.clear();
        Ok(())
    }

    async fn receive(&mut self, unit: u8, request: &Request) -> io::Result<Response> {
        loop {
            if let Some(response) = self.next_answer(unit, request)? {
                return Ok(response);
            }
            let mut bytes = [0; 512];
            let count = self.link.read(&mut bytes).await?;
            self.keep(&bytes[..count]);
        }
    }

    /// The answer, if it has come; frames that are none are dropped and counted.
    fn next_answer(&mut self, unit: u8, request: &Request) -> io::Result<Option<Response>> {
        loop {
            let frame = match self.manner.framing {
                Framing::Tcp => self.next_tcp_frame()?,
                Framing::Rtu | Framing::Ascii => self.next_serial_frame(Some((unit, request.function()))),
            };
            let Some(frame) = frame else { return Ok(None) };
            if frame.unit != unit {
                self.counts.foreign += 1;
                self.hear(frame.unit);
            } else if let Some(response) = self.judge(&frame, request) {
                return Ok(Some(response));
            }
        }
    }

    /// The next frame of the transaction that was asked last.
    fn next_tcp_frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let decoded = mbap::decode(&self.buffer);
            let decoded = decoded.map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
            let Some((transaction, frame, used)) = decoded else { return Ok(None) };
            self.buffer.drain(..used);
            if transaction == self.transaction {
                return Ok(Some(frame));
            }
            self.counts.late += 1;
            self.hear(frame.unit);
        }
    }

    fn next_serial_frame(&mut self, expected: Option<(u8, u8)>) -> Option<Frame> {
        let found = match self.manner.framing {
            Framing::Ascii => ascii::decode(&self.buffer),
            Framing::Rtu | Framing::Tcp => rtu::decode(&self.buffer, rtu::Side::Unit, expected),
        };
        self.buffer.drain(..found.used);
        self.counts.noise += u64::try_from(found.noise).unwrap_or(0);
        found.frame
    }

    /// The response of the asked unit, if it answers this question.
    fn judge(&mut self, frame: &Frame, request: &Request) -> Option<Response> {
        let Ok(response) = Response::decode(&frame.pdu) else {
            self.counts.foreign += 1;
            return None;
        };
        let verdict = match self.manner.framing {
            Framing::Tcp if Shape::of(request).fits(&response) => Verdict::Ours,
            Framing::Tcp => Verdict::Foreign,
            Framing::Rtu | Framing::Ascii => {
                self.owed.entry(frame.unit).or_default().judge(request, &response, Instant::now())
            }
        };
        match verdict {
            Verdict::Ours => return Some(response),
            Verdict::Late => self.counts.late += 1,
            Verdict::Foreign => self.counts.foreign += 1,
        }
        None
    }

    fn hear(&mut self, unit: u8) {
        if !self.heard.contains(&unit) {
            self.heard.push(unit);
        }
    }
}

#[cfg(test)]
mod tests;
