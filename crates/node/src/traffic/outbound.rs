//! What is written to a plugin: deliveries of routes and commands of people.

use std::collections::VecDeque;
use std::sync::Arc;

use fieldrail_model::{InstanceId, Level, Timestamp, Value};
use fieldrail_router::{Delivery, Handed, Lane, Outcome, TagNo, TargetKind};
use tokio::sync::oneshot;

use super::Traffic;
use super::engine::Engine;
use super::line::{Line, OUTSTANDING, PER_MESSAGE};
use crate::clock;
use crate::commands::Outcome as End;

/// A delivery whose line is known.
pub(super) struct Write {
    line: Arc<Line>,
    tag: TagNo,
    delivery: Delivery,
}

impl Traffic {
    /// What has to be written where. Deliveries to the log and to virtual instances are done right here.
    pub(super) fn resolve(&self, engine: &mut Engine, outcome: &mut Outcome, now: Timestamp) -> Vec<Write> {
        let mut writes = Vec::with_capacity(outcome.deliveries.len());
        let mut deliveries: VecDeque<Delivery> = outcome.deliveries.drain(..).collect();
        while let Some(delivery) = deliveries.pop_front() {
            let slot = engine.slot_of(self, &delivery);
            match slot {
                Slot::Log => self.log(engine, &delivery),
                Slot::Nowhere => {}
                Slot::Line(line, tag) if line.is_virtual => {
                    let name = line.outlet().name(tag);
                    if let Some(point) = engine.point(&line.id, &name) {
                        // Bounded: each pass is a hop, and the router stops at its sixteenth.
                        engine.router.route_data(point, delivery.sample, now, outcome);
                        deliveries.extend(outcome.deliveries.drain(..));
                    }
                }
                Slot::Line(line, tag) => writes.push(Write { line, tag, delivery }),
            }
        }
        writes
    }

    fn log(&self, engine: &Engine, delivery: &Delivery) {
        let source = delivery.sample.origin.as_ref().map_or("?", |origin| &origin.address);
        let route = &engine.router.rules().route(delivery.route).id;
        let quality = delivery.sample.quality;
        let grade = if quality.is_good() { String::new() } else { format!(" ({quality})") };
        let message = format!("{source} = {}{grade}, by the route {route}", brief(&delivery.sample.value));
        tracing::info!(target: "log.system", "{message}");
        self.logbook.write(Level::Info, Some("log.system"), message);
    }

    /// Queues the writes and sends what may go.
    pub(super) fn write_out(&self, writes: Vec<Write>, now: Timestamp) {
        let mut writes = writes.into_iter().peekable();
        while let Some(first) = writes.next() {
            let line = Arc::clone(&first.line);
            let mut outlet = line.outlet();
            let mut next = Some(first);
            while let Some(Write { tag, delivery, .. }) = next {
                let Delivery { sample, mode, ttl, .. } = delivery;
                outlet.queue.push(tag, sample.value, sample.origin, ttl, mode, now);
                next = writes.next_if(|write| Arc::ptr_eq(&write.line, &line));
            }
            drop(outlet);
            self.pump(&line);
        }
    }

    /// Sends what waits for an instance, as far as its window reaches.
    pub(super) fn pump(&self, line: &Line) {
        let now = clock::now();
        let mut expired = Vec::new();
        let mut outlet = line.outlet();
        while let Some(generation) = outlet.generation {
            let message = if let Some(message) = outlet.unsent.take() {
                message
            } else {
                let window = usize::try_from(OUTSTANDING.saturating_sub(outlet.outstanding)).unwrap_or(0);
                let taken = outlet.queue.take(window.min(PER_MESSAGE), now);
                expired.extend(taken.expired);
                if taken.items.is_empty() {
                    break;
                }
                outlet.message(taken.items, now)
            };
            if !self.send(&line.id, generation, &message) {
                outlet.unsent = Some(message);
                break;
            }
        }
        drop(outlet);
        for write in expired {
            if let Lane::Command(id) = write.lane {
                self.ledger.end(&line.id, id, End::Expired);
            }
        }
    }

    /// Hands in a command of a person; its end comes through the receiver.
    pub(crate) fn command(
        &self,
        line: &Line,
        tag: &str,
        value: Value,
        ttl: std::time::Duration,
    ) -> (u64, oneshot::Receiver<End>) {
        let now = clock::now();
        let mut outlet = line.outlet();
        let id = outlet.next_id();
        let end = self.ledger.open(&line.id, id, line.id.address(tag));
        let tag = outlet.tag(tag);
        let handed = outlet.queue.push_command(id, tag, value, Some(ttl), now);
        drop(outlet);
        match handed {
            Handed::Waits => {}
            Handed::Supersedes(older) => {
                if let Lane::Command(older) = older.lane {
                    self.ledger.end(&line.id, older, End::Superseded);
                }
            }
            Handed::Full => {
                let failure = fieldrail_wire::plugin::Failure {
                    message: "too many commands wait for this instance".into(),
                    hint: Some("does it take them at all? see its page".into()),
                };
                self.ledger.end(&line.id, id, End::Rejected(failure));
            }
        }
        self.pump(line);
        (id, end)
    }

    /// Commands that wait for an instance which does not run expire too.
    pub(crate) fn expire_commands(&self, ids: &[InstanceId]) {
        for line in ids.iter().filter_map(|id| self.line(id)) {
            let expired = line.outlet().queue.expire_commands(clock::now());
            for command in expired {
                self.ledger.end(&line.id, command, End::Expired);
            }
        }
    }
}

/// Where a delivery goes.
enum Slot {
    Line(Arc<Line>, TagNo),
    Log,
    /// The instance is gone from the configuration since the rules were made.
    Nowhere,
}

impl Engine {
    fn slot_of(&mut self, traffic: &Traffic, delivery: &Delivery) -> Slot {
        if let Some((line, tag)) = self.slot(delivery.target) {
            return Slot::Line(line, tag);
        }
        match &self.router.target(delivery.target).kind {
            TargetKind::Log => Slot::Log,
            TargetKind::Calc(_) => Slot::Nowhere,
            TargetKind::Instance { instance, tag, .. } => {
                let Some(line) = traffic.line(instance) else { return Slot::Nowhere };
                let tag = line.outlet().tag(tag);
                self.set_slot(delivery.target, (Arc::clone(&line), tag));
                Slot::Line(line, tag)
            }
        }
    }
}

/// A value for a log line: short.
fn brief(value: &Value) -> String {
    const MOST: usize = 200;
    let text = value.to_string();
    if text.chars().count() <= MOST { text } else { format!("{}…", text.chars().take(MOST).collect::<String>()) }
}
