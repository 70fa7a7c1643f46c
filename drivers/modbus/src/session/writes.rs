//! Writes: in order, once, before their time to live ends; read back where that is wanted; pulses that end in any case.

use std::collections::VecDeque;
use std::time::Duration;

use fieldrail_driver::{Command, Failure, WireOrigin};
use fieldrail_model::Value;
use tokio::time::Instant;

use super::{Job, Session, What};
use crate::codec::pdu::{Request, Response, Table};
use crate::error::Error;
use crate::line::Trouble;
use crate::map::{Entry, WriteWith};
use crate::value::{Form, Written};

/// The most writes that wait, and the most pulses that have not ended.
const MAX_WAITING: usize = 10_000;

/// A reset that the unit refuses for the moment is tried again after this.
const RESET_AGAIN: Duration = Duration::from_millis(200);

/// One write, and how far it has come.
#[derive(Debug, Clone)]
pub(super) struct Write {
    /// The command; none for the end of a pulse.
    id: Option<u64>,
    /// The command that began the pulse that this ends.
    ends: Option<u64>,
    point: usize,
    value: Value,
    origin: Option<WireOrigin>,
    expires: Option<Instant>,
    pulse: Option<(Duration, Value)>,
    step: Step,
}

#[derive(Debug, Clone)]
enum Step {
    /// The scale factor has to be read first.
    Power(u16),
    /// The value has to be put into registers.
    Begin,
    /// The other bits of the register have to be read first.
    Around { mask: Vec<u16>, bits: Vec<u16> },
    /// It is written.
    Send(Request),
    /// It was written, and is read back: these bits have to be so.
    Check { mask: Vec<u16>, bits: Vec<u16> },
}

/// All writes that are not done.
#[derive(Debug, Default)]
pub(super) struct Writes {
    waiting: VecDeque<Write>,
    /// Ends of pulses, with their time.
    pulses: Vec<(Instant, Write)>,
    /// One is on the line.
    busy: bool,
}

impl Writes {
    pub(super) fn deadline(&self) -> Option<Instant> {
        let expiries = self.waiting.iter().filter_map(|write| write.expires);
        expiries.chain(self.pulses.iter().map(|(due, _)| *due)).min()
    }
}

impl Session {
    /// Takes writes.
    pub(crate) fn write(&mut self, commands: Vec<Command>) {
        for command in commands {
            let id = command.id;
            match self.prepare(command) {
                Ok(write) => self.writes.waiting.push_back(write),
                Err(failure) => self.outbox.rejected(id, failure),
            }
        }
        self.work.notify_one();
    }

    fn prepare(&mut self, command: Command) -> Result<Write, Failure> {
        if self.writes.waiting.len() >= MAX_WAITING || self.writes.pulses.len() >= MAX_WAITING {
            return Err(Error::Full(MAX_WAITING).again());
        }
        let point = self.find(&command.tag)?;
        let entry = &self.points[point].entry;
        if entry.write.is_none() {
            return Err(Error::ReadOnly(command.tag.to_string()).into());
        }
        let pulse = match command.pulse {
            None => None,
            Some(after) => Some((after, opposite(&command.value).ok_or(Error::NoOpposite(command.value.kind()))?)),
        };
        // What can never be written is refused before it waits. A scale factor that is not known yet cannot be judged by.
        for value in std::iter::once(&command.value).chain(pulse.as_ref().map(|(_, value)| value)) {
            if entry.power_at.is_none() {
                encode(entry, value, None).map_err(|why| Error::Unwritable { tag: command.tag.to_string(), why })?;
            }
        }
        Ok(Write {
            id: Some(command.id),
            ends: None,
            point,
            value: command.value,
            origin: command.origin,
            expires: Some(command.expires),
            pulse,
            step: Step::Begin,
        })
    }

    /// Ends what expired while it waited, and begins the ends of pulses that are due.
    pub(super) fn tick_writes(&mut self, now: Instant) {
        for (_, reset) in self.writes.pulses.extract_if(.., |(due, _)| *due <= now) {
            // A pulse ends before anything newer begins.
            self.writes.waiting.push_front(reset);
        }
        let is_expired = |write: &Write| write.expires.is_some_and(|expires| expires <= now);
        let mut index = 0;
        while index < self.writes.waiting.len() {
            match self.writes.waiting[index].id.filter(|_| is_expired(&self.writes.waiting[index])) {
                Some(id) => {
                    self.writes.waiting.remove(index);
                    self.outbox.expired(id);
                }
                None => index += 1,
            }
        }
    }

    /// Units to which something is to be written.
    pub(super) fn written_units(&self) -> impl Iterator<Item = usize> {
        self.writes.waiting.iter().map(|write| self.points[write.point].unit)
    }

    /// Begins to stop: pulses end now.
    pub(crate) fn stop(&mut self) {
        for (_, reset) in self.writes.pulses.drain(..) {
            self.writes.waiting.push_front(reset);
        }
        self.work.notify_one();
    }

    /// Whether nothing more has to be said to a unit that answers.
    pub(crate) fn is_done(&self) -> bool {
        !self.connected || (self.writes.waiting.is_empty() && self.writes.pulses.is_empty() && !self.writes.busy)
    }

    /// The next write whose unit may be asked. Those of one unit keep their order.
    pub(super) fn next_write(&mut self, now: Instant) -> Option<Job> {
        let mut index = 0;
        while let Some(write) = self.writes.waiting.get(index) {
            let unit = self.points[write.point].unit;
            if !self.may_ask(unit, now) {
                index += 1;
                continue;
            }
            let write = self.writes.waiting.remove(index)?;
            if let Some(job) = self.write_job(write, unit, now) {
                return Some(job);
            }
        }
        None
    }

    /// The request of a write's present step. None if the write has ended.
    fn write_job(&mut self, mut write: Write, unit: usize, now: Instant) -> Option<Job> {
        if matches!(write.step, Step::Begin) {
            match self.begin(&write, unit) {
                Ok(step) => write.step = step,
                Err(failure) => {
                    self.end_write(write, Err(failure), now);
                    return None;
                }
            }
        }
        let entry = &self.points[write.point].entry;
        let request = match &write.step {
            Step::Power(address) => Request::Read { table: Table::Holding, start: *address, count: 1 },
            Step::Around { .. } | Step::Check { .. } | Step::Begin => {
                Request::Read { table: entry.table, start: entry.address, count: entry.count() }
            }
            Step::Send(request) => request.clone(),
        };
        self.writes.busy = true;
        Some(self.job(unit, request, What::Write(Box::new(write))))
    }

    /// The first step of a write: what is sent, or what has to be read for it.
    fn begin(&self, write: &Write, unit: usize) -> Result<Step, Failure> {
        let entry = &self.points[write.point].entry;
        let power = entry.power_at.map(|address| (address, self.powers.get(&(unit, address)).copied()));
        if let Some((address, None)) = power {
            return Ok(Step::Power(address));
        }
        let written = encode(entry, &write.value, power.and_then(|(_, power)| power));
        let written =
            written.map_err(|why| Error::Unwritable { tag: self.points[write.point].tag.to_string(), why })?;
        Ok(match written {
            Written::Bit(on) if entry.write == Some(WriteWith::Multiple) => {
                Step::Send(Request::WriteCoils { start: entry.address, values: vec![on] })
            }
            Written::Bit(on) => Step::Send(Request::WriteCoil { address: entry.address, on }),
            Written::Registers(words) => Step::Send(registers(entry, words)),
            Written::Field { mask, bits } if entry.write == Some(WriteWith::Mask) && mask.len() == 1 => {
                Step::Send(Request::Mask { address: entry.address, and: !mask[0], or: bits[0] })
            }
            Written::Field { mask, bits } => Step::Around { mask, bits },
        })
    }

    /// What came of a write's step.
    pub(super) fn wrote(&mut self, mut write: Write, outcome: Result<Response, Trouble>, now: Instant) {
        self.writes.busy = false;
        let unit = self.units[self.points[write.point].unit].number;
        let response = match outcome {
            Ok(Response::Refused { exception, .. }) => {
                let error = Error::Refused { unit, exception };
                let failure = if exception.is_lasting() { error.into() } else { error.again() };
                return self.end_write(write, Err(failure), now);
            }
            Ok(response) => response,
            Err(trouble) => {
                // The device may have done it: a second try is for whoever must not lose it.
                let why = if matches!(write.step, Step::Send(_)) {
                    format!("{trouble}; it may have been written")
                } else {
                    trouble.to_string()
                };
                return self.end_write(write, Err(Error::Silent { unit, why }.again()), now);
            }
        };
        let entry = &self.points[write.point].entry;
        write.step = match (&write.step, response) {
            (Step::Power(address), Response::Registers { values, .. }) => {
                let power = values.first().map_or(i16::MIN, |word| word.cast_signed());
                self.powers.insert((self.points[write.point].unit, *address), power);
                Step::Begin
            }
            (Step::Around { mask, bits }, Response::Registers { values, .. }) => {
                let merge = |((old, mask), bits): ((&u16, &u16), &u16)| old & !mask | bits;
                Step::Send(registers(entry, values.iter().zip(mask).zip(bits).map(merge).collect()))
            }
            (Step::Send(Request::Exchange { values: wanted, .. }), Response::Exchanged { values }) => {
                let end = if *wanted == values { Ok(()) } else { Err(self.kept(&write, &values).into()) };
                return self.end_write(write, end, now);
            }
            (Step::Send(request), _) if entry.read_back => match check_of(request) {
                Some((mask, bits)) => Step::Check { mask, bits },
                None => return self.end_write(write, Ok(()), now),
            },
            (Step::Check { mask, bits }, kept) => {
                let kept = words_of(&kept);
                let is_kept = kept.len() >= bits.len()
                    && kept.iter().zip(mask).zip(bits).all(|((kept, mask), bits)| kept & mask == bits & mask);
                let end = if is_kept { Ok(()) } else { Err(self.kept(&write, &kept).into()) };
                return self.end_write(write, end, now);
            }
            _ => return self.end_write(write, Ok(()), now),
        };
        // The next step of the same write comes before anything else.
        self.writes.waiting.push_front(write);
    }

    /// What the device will show of a value: rounded to its steps, in the kind that it is read as.
    fn shown(&self, point: usize, value: &Value) -> Value {
        let point = &self.points[point];
        let power = point.entry.power_at.and_then(|at| self.powers.get(&(point.unit, at)).copied());
        match encode(&point.entry, value, power) {
            Ok(Written::Bit(on)) => Value::Bool(on),
            Ok(Written::Registers(words) | Written::Field { bits: words, .. }) => {
                point.entry.form.decode(&words, power).value
            }
            Err(_) => value.clone(),
        }
    }

    /// The device kept other registers than those that were written.
    fn kept(&self, write: &Write, words: &[u16]) -> Error {
        Error::Kept { tag: self.points[write.point].tag.to_string(), kept: format!("{words:?}") }
    }

    /// A write has ended. The end of a pulse is not given up.
    fn end_write(&mut self, write: Write, end: Result<(), Failure>, now: Instant) {
        let sent = matches!(write.step, Step::Send(_) | Step::Check { .. });
        if let Some((after, value)) = &write.pulse
            && sent
        {
            // Where nobody knows whether it arrived, it ends at once.
            let due = if end.is_ok() { now + *after } else { now };
            let reset = Write {
                id: None,
                ends: write.id,
                value: value.clone(),
                expires: None,
                pulse: None,
                origin: write.origin.clone(),
                step: Step::Begin,
                ..write
            };
            // A pulse of the same point that runs already gives way.
            self.writes.pulses.retain(|(_, running)| running.point != reset.point);
            self.writes.pulses.push((due, reset));
        }
        match (write.id, end) {
            (Some(id), Ok(())) => self.outbox.confirmed(id),
            (Some(id), Err(failure)) => self.outbox.rejected(id, failure),
            (None, Ok(())) => write.ends.iter().for_each(|id| self.outbox.pulsed(*id)),
            (None, Err(failure)) => {
                tracing::warn!(tag = %self.points[write.point].tag, error = failure.message, "A pulse could not be ended yet.");
                let again = Write { step: Step::Begin, ..write.clone() };
                self.writes.pulses.push((now + RESET_AGAIN, again));
            }
        }
        self.ended.notify_one();
        if sent {
            let shown = self.shown(write.point, &write.value);
            self.expect_echo(write.point, shown, write.origin, now);
        }
        self.poll_now(write.point, now);
    }
}

fn encode(entry: &Entry, value: &Value, power: Option<i16>) -> Result<Written, crate::value::Unwritable> {
    if entry.table.is_bits() { Form::encode_bit(value) } else { entry.form.encode(value, power) }
}

/// The request that writes these registers.
fn registers(entry: &Entry, words: Vec<u16>) -> Request {
    let address = entry.address;
    match words[..] {
        _ if entry.write == Some(WriteWith::Exchange) => {
            let read_count = u16::try_from(words.len()).unwrap_or(u16::MAX);
            Request::Exchange { read_start: address, read_count, write_start: address, values: words }
        }
        [value] if entry.write != Some(WriteWith::Multiple) => Request::WriteRegister { address, value },
        _ => Request::WriteRegisters { start: address, values: words },
    }
}

/// Which bits of the registers have to be how after this request.
fn check_of(request: &Request) -> Option<(Vec<u16>, Vec<u16>)> {
    Some(match request {
        Request::WriteRegister { value, .. } => (vec![u16::MAX], vec![*value]),
        Request::WriteRegisters { values, .. } => (vec![u16::MAX; values.len()], values.clone()),
        Request::WriteCoil { on, .. } => (vec![1], vec![u16::from(*on)]),
        Request::WriteCoils { values, .. } => (vec![1], vec![u16::from(*values.first()?)]),
        Request::Mask { and, or, .. } => (vec![!and], vec![*or]),
        Request::Read { .. } | Request::Exchange { .. } => return None,
    })
}

fn words_of(response: &Response) -> Vec<u16> {
    match response {
        Response::Registers { values, .. } => values.clone(),
        Response::Bits { packed, .. } => packed.first().map(|byte| u16::from(byte & 1)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// What ends a pulse: the other state, or zero.
fn opposite(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Bool(on) => Value::Bool(!on),
        Value::Int(_) | Value::UInt(_) => Value::Int(0),
        Value::Float(_) => Value::Float(0.0),
        Value::Text(text) => match &*text.to_ascii_lowercase() {
            "true" | "on" => Value::Bool(false),
            "false" | "off" => Value::Bool(true),
            _ => return None,
        },
        _ => return None,
    })
}
