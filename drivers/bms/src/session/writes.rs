//! Switches that are set: in order, once, before their time to live ends, and told by what the battery then shows.

use std::collections::VecDeque;
use std::sync::Arc;

use fieldrail_driver::{Command, Failure, WireOrigin};
use fieldrail_model::Value;
use tokio::time::Instant;

use super::Session;
use crate::error::Error;

/// The most writes that wait.
const MAX_WAITING: usize = 100;

/// One switch that is to be set.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    id: u64,
    pub(crate) pack: usize,
    pub(crate) tag: Arc<str>,
    /// The name of the switch.
    pub(crate) name: String,
    pub(crate) on: bool,
    origin: Option<WireOrigin>,
    expires: Instant,
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Writes {
    waiting: VecDeque<Write>,
}

impl Writes {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|write| write.expires).min()
    }
}

impl Session {
    /// Takes writes.
    pub(crate) fn write(&mut self, commands: Vec<Command>) {
        for command in commands {
            let id = command.id;
            match self.prepare(command) {
                Ok(write) => {
                    let line = self.packs[write.pack].line;
                    self.writes.waiting.push_back(write);
                    self.wake(line);
                }
                Err(failure) => self.outbox.rejected(id, failure),
            }
        }
        self.changed.notify_one();
    }

    fn prepare(&mut self, command: Command) -> Result<Write, Failure> {
        if self.writes.waiting.len() >= MAX_WAITING {
            return Err(Error::Full(MAX_WAITING).again());
        }
        self.find(&command.tag)?;
        let split = self.split(&command.tag).map(|(pack, name)| (pack, name.to_owned()));
        let Some((Some(pack), name)) = split else { return Err(Error::ReadOnly(command.tag.to_string()).into()) };
        if !self.is_switch(pack, &name) {
            return Err(Error::ReadOnly(command.tag.to_string()).into());
        }
        if !self.writable {
            return Err(Error::WritesOff(command.tag.to_string()).into());
        }
        if command.pulse.is_some() {
            return Err(Failure::new(format!("`{}` is not pulsed: a battery is switched on purpose", command.tag))
                .hint("write it without a pulse"));
        }
        let on = match command.value {
            Value::Bool(on) => on,
            Value::Int(0) => false,
            Value::Int(1) => true,
            ref other => {
                return Err(Error::NoSwitch { tag: command.tag.to_string(), kind: other.kind() }.into());
            }
        };
        let Command { id, tag, expires, origin, .. } = command;
        Ok(Write { id, pack, tag, name, on, origin, expires })
    }

    /// The next switch to set on a line. While its battery does not answer it waits.
    pub(super) fn next_write(&mut self, line: usize) -> Option<Write> {
        let may = |write: &Write| self.packs[write.pack].line == line && self.packs[write.pack].answers();
        let index = self.writes.waiting.iter().position(may)?;
        self.writes.waiting.remove(index)
    }

    /// Ends what expired while it waited.
    pub(super) fn expire_writes(&mut self, now: Instant) {
        let outbox = &self.outbox;
        self.writes.waiting.retain(|write| {
            let waits = now < write.expires;
            if !waits {
                outbox.expired(write.id);
            }
            waits
        });
    }

    /// A battery does not answer: what was to be written to it may be tried again.
    pub(super) fn refuse_writes(&mut self, pack: usize, why: &Arc<str>) {
        let who = self.packs[pack].shown.clone();
        let outbox = &self.outbox;
        self.writes.waiting.retain(|write| {
            if write.pack == pack {
                outbox.rejected(write.id, Error::Silent { who: who.clone(), why: why.to_string() }.again());
            }
            write.pack != pack
        });
    }

    /// What came of setting a switch.
    pub(crate) fn wrote(&mut self, write: Write, end: Result<(), Failure>, now: Instant) {
        tracing::info!(tag = %write.tag, on = write.on, done = end.is_ok(), "A switch of the battery was set.");
        match end {
            Ok(()) => {
                self.expect_echo(&write.tag, write.on, write.origin, now);
                self.outbox.confirmed(write.id);
            }
            Err(failure) => self.outbox.rejected(write.id, failure),
        }
        // What it did to the rest is seen at once.
        self.packs[write.pack].due = now;
    }
}
