//! What is written to a plugin: deliveries of routes and commands of people.

use std::collections::VecDeque;
use std::sync::Arc;

use fieldrail_model::{InstanceId, Level, Timestamp, Value};
use fieldrail_router::{Delivery, Handed, Lane, Mode, Outcome, SentBy, TagNo, TargetKind};
use fieldrail_store::{NewEntry, OutboxError, Stored};
use fieldrail_supervisor::Receipt;
use tokio::sync::oneshot;

use super::Traffic;
use super::engine::Engine;
use super::line::{Line, Outlet, PER_MESSAGE};
use crate::clock;
use crate::commands::Outcome as End;

/// A delivery whose line is known.
pub(super) struct Write {
    line: Arc<Line>,
    tag: TagNo,
    delivery: Delivery,
    /// The route's id, of those that have to be on disk.
    route: Option<Arc<str>>,
    rules: u32,
}

impl Traffic {
    /// What has to be written where. Deliveries to the log and to virtual instances are done right here.
    pub(super) fn resolve(&self, engine: &mut Engine, outcome: &mut Outcome, now: Timestamp) -> Vec<Write> {
        if !self.gate.router_runs() {
            outcome.deliveries.clear();
        }
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
                        engine.take(point, delivery.sample, now, outcome);
                        deliveries.extend(outcome.deliveries.drain(..));
                    }
                }
                Slot::Line(line, tag) => {
                    let durable = delivery.mode == Mode::Durable;
                    let route = durable.then(|| engine.router.rules().route(delivery.route).id.as_str().into());
                    writes.push(Write { line, tag, delivery, route, rules: engine.epoch });
                }
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

    /// Queues the writes and sends what may go. What has to be on disk goes there first; the receipt says when it is.
    pub(super) fn write_out(&self, mut writes: Vec<Write>, now: Timestamp) -> Option<Receipt> {
        let durable: Vec<Write> = writes.extract_if(.., |write| write.route.is_some()).collect();
        let receipt = (!durable.is_empty()).then(|| self.store(durable, now));
        let mut writes = writes.into_iter().peekable();
        while let Some(first) = writes.next() {
            let line = Arc::clone(&first.line);
            let mut outlet = line.outlet();
            let mut next = Some(first);
            while let Some(Write { tag, delivery, rules, .. }) = next {
                next = writes.next_if(|write| Arc::ptr_eq(&write.line, &line));
                if line.is_detached() {
                    line.hold_back(1);
                    continue;
                }
                let Delivery { sample, mode, ttl, route, .. } = delivery;
                let by = SentBy { route, rules };
                outlet.queue.push(tag, sample.value, sample.origin, ttl, mode, Some(by), now);
            }
            drop(outlet);
            self.pump(&line);
        }
        receipt
    }

    /// Puts values on disk. From there they are sent in order; so what waits for a target that is away is on disk only.
    fn store(&self, writes: Vec<Write>, now: Timestamp) -> Receipt {
        let mut lines: Vec<Arc<Line>> = Vec::new();
        let mut entries = Vec::with_capacity(writes.len());
        for Write { line, tag, delivery, route, .. } in writes {
            entries.push(NewEntry {
                lane: line.id.as_str().into(),
                tag: line.outlet().name(tag),
                value: delivery.sample.value,
                origin: delivery.sample.origin,
                route: route.unwrap_or_default(),
                expires: delivery.ttl.map(|ttl| clock::to_wall(now.after(ttl))),
            });
            if !lines.iter().any(|known| Arc::ptr_eq(known, &line)) {
                lines.push(line);
            }
        }
        let (receipt, traffic) = (Receipt::new(), self.me.clone());
        let given = receipt.clone();
        self.outbox.put(
            entries,
            Box::new(move |stored| {
                if let Some(traffic) = traffic.upgrade() {
                    traffic.stored(&lines, stored);
                }
                given.give();
            }),
        );
        receipt
    }

    /// What was put on disk is there.
    fn stored(&self, lines: &[Arc<Line>], stored: Stored) {
        for line in lines {
            let mut outlet = line.outlet();
            outlet.backlog.grew();
            let news = outlet.is_full != (stored.refused > 0);
            outlet.is_full = stored.refused > 0;
            drop(outlet);
            if news && stored.refused > 0 {
                let message =
                    "Too much waits on disk for this instance: the newest values of its durable routes are lost";
                self.logbook.write(Level::Error, Some(line.id.as_str()), format!("{message} until it takes some."));
            }
            self.pump(line);
        }
    }

    /// Sends what waits for an instance, as far as its window reaches.
    pub(super) fn pump(&self, line: &Line) {
        if line.is_detached() || !self.gate.lets(&line.id) {
            return;
        }
        let (now, routes_run) = (clock::now(), self.gate.router_runs());
        let (mut expired, mut left) = (Vec::new(), Vec::new());
        let mut outlet = line.outlet();
        while let Some(generation) = outlet.generation {
            let message = if let Some(message) = outlet.unsent.take() {
                message
            } else {
                let room = outlet.room().min(PER_MESSAGE);
                let mut taken = outlet.queue.take(room, now);
                expired.extend(taken.expired);
                self.load(&line.id, &mut outlet);
                if routes_run {
                    let (durable, over) = outlet.durable(room - taken.items.len(), now);
                    taken.items.extend(durable);
                    if !over.is_empty() {
                        self.outbox.done(line.id.as_str(), over);
                    }
                }
                if taken.items.len() == room && (!outlet.queue.is_empty() || outlet.backlog.is_waiting()) {
                    outlet.reach.ran_out();
                }
                if taken.items.is_empty() {
                    break;
                }
                left.extend(taken.items.iter().filter_map(|item| Some((item.by?, item.since.age(now)))));
                outlet.message(taken.items, now)
            };
            if !self.send(&line.id, generation, &message) {
                outlet.unsent = Some(message);
                break;
            }
        }
        drop(outlet);
        self.latencies.add(&left);
        for write in expired {
            if let Lane::Command(id) = write.lane {
                self.ledger.end(&line.id, id, End::Expired);
            }
        }
    }

    /// Reads what waits on disk for the instance, if there is room for it.
    fn load(&self, id: &InstanceId, outlet: &mut Outlet) {
        let Some((after, most)) = outlet.backlog.wants() else { return };
        match self.outbox.read(id.as_str(), after, most) {
            Ok(entries) => outlet.backlog.load(entries),
            // One that cannot be read would stand in the way of all behind it.
            Err(OutboxError::Entry { seq, .. }) => {
                self.outbox.done(id.as_str(), vec![seq]);
                let message = format!("A value that waited on disk (number {seq}) is damaged and was left out.");
                self.logbook.write(Level::Error, Some(id.as_str()), message);
            }
            Err(error) => tracing::warn!(instance = %id, %error, "What waits on disk cannot be read."),
        }
    }

    /// Something may wait for an instance only because of a pause that is over by now.
    pub(crate) fn rouse(&self, ids: &[InstanceId]) {
        for line in ids.iter().filter_map(|id| self.line(id)) {
            self.end_pulses(&line, clock::now());
            if line.outlet().backlog.is_waiting() {
                self.pump(&line);
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
                    again: true,
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
