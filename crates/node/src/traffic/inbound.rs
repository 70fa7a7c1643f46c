//! What a plugin says.

use std::sync::{Arc, PoisonError};

use fieldrail_model::{IecType, InstanceId, Level, Origin, Quality, Sample, Timestamp, Value};
use fieldrail_router::{Outcome, PointId};
use fieldrail_supervisor::{Fault, Listener, LogRecord, Receipt, Snapshot};
use fieldrail_wire::plugin::{Fresh, Hello, Samples, Subscribed, Written};
use fieldrail_wire::{FromPlugin, SampleItem, TagRef};

use super::engine::Engine;
use super::line::{Inlet, Line};
use super::{Traffic, subscription};
use crate::clock;
use crate::commands::Outcome as End;

impl Listener for Traffic {
    fn ready(&self, id: &InstanceId, generation: u64, _: &Hello) {
        if self.trials.ready(id, generation) {
            return;
        }
        let Some(line) = self.line(id) else { return };
        if !self.gate.lets(id) {
            // Nobody starts it in a panic; if somebody did all the same, it ends here.
            return self.end_process(id);
        }
        line.inlet().reset();
        line.outlet().open(generation);
        let (needs, asked) = {
            let demand = self.demand();
            (demand.of(id), demand.per_second(id))
        };
        self.say_what_is_asked(vec![(id.clone(), asked)]);
        let items: Vec<_> = needs.into_iter().map(subscription).collect();
        self.subscribe(id, &items);
        self.pump(&line);
    }

    fn samples(&self, id: &InstanceId, _: u64, batch: Samples) -> Option<Receipt> {
        let line = self.line(id)?;
        line.course.sampled(&batch.items);
        let now = clock::now();
        let mut inlet = line.inlet();
        let mut engine = self.engine();
        let mut outcome = std::mem::take(&mut engine.outcome);
        for (number, name) in &batch.tags {
            inlet.declare(*number, engine.point(id, name));
        }
        if line.is_detached() {
            line.hold_back(batch.items.len());
            for item in batch.items {
                if let Some(point) = find(&mut engine, &inlet, &line, &item.tag) {
                    line.hold(point, sample(item, engine.declared(point), now));
                }
            }
            engine.outcome = outcome;
            return None;
        }
        for item in batch.items {
            if let Some(point) = find(&mut engine, &inlet, &line, &item.tag) {
                let sample = sample(item, engine.declared(point), now);
                engine.take(point, sample, now, &mut outcome);
            }
        }
        self.hand_over(engine, outcome, now)
    }

    fn message(&self, id: &InstanceId, _: u64, message: FromPlugin) {
        if let Some(line) = self.line(id) {
            line.course.said_message(&message);
        }
        match message {
            FromPlugin::Written(written) => self.written(id, written),
            FromPlugin::Pulsed(pulsed) => self.pulses.pulsed(id, &pulsed.ids),
            FromPlugin::Fresh(fresh) => self.fresh(id, &fresh),
            FromPlugin::Subscribed(subscribed) => self.subscribed(id, &subscribed),
            FromPlugin::Values(ref answer) => self.requests.answer(id, answer.request, message),
            FromPlugin::Nodes(ref answer) => self.requests.answer(id, answer.request, message),
            FromPlugin::Returned(ref answer) => self.requests.answer(id, answer.request, message),
            FromPlugin::Configured(ref answer) => self.requests.answer(id, answer.request, message),
            FromPlugin::Event(event) => {
                self.logbook.write(Level::Info, Some(id.as_str()), format!("Event {}: {}", event.kind, event.data));
            }
            // Handled by the supervisor, or of interest to nobody yet.
            _ => {}
        }
    }

    fn tag_name(&self, id: &InstanceId, number: u32) -> Option<String> {
        let line = self.line(id)?;
        let point = line.inlet().point(number)?;
        let engine = self.engine();
        let address = engine.router.space.address(point).as_str();
        Some(address.strip_prefix(id.as_str())?.strip_prefix('.')?.to_owned())
    }

    fn drained(&self, id: &InstanceId, _: u64) {
        if let Some(line) = self.line(id) {
            self.pump(&line);
        }
    }

    fn gone(&self, id: &InstanceId, _: u64) {
        self.requests.gone(id);
        let Some(line) = self.line(id) else { return };
        let mut outlet = line.outlet();
        outlet.close();
        let queued: Vec<u64> = outlet.queue.commands().collect();
        drop(outlet);
        self.ledger.gone(id, |command| queued.contains(&command));
        self.pulses.gone(id);
        line.take_held();
        self.not_connected(id);
    }

    fn changed(&self, snapshot: &Snapshot) {
        self.trials.changed(snapshot);
        if let Some(line) = self.line(&snapshot.id) {
            self.connected(&line, snapshot.linked);
        }
        self.instance_changed();
    }

    fn logged(&self, record: LogRecord) {
        if self.trials.logged(&record) {
            return;
        }
        let message = self.hear(&record.instance, &record.message).unwrap_or(record.message);
        // A careless driver tells what it logs in with.
        let message = self.errors.scrubber().known(message);
        self.logbook.write(record.level, Some(record.instance.as_str()), message);
    }

    fn failed(&self, id: &InstanceId, fault: &Fault) {
        self.take_fault(id, fault);
    }
}

/// The datapoint that a tag means in this run of the plugin.
fn find(engine: &mut Engine, inlet: &Inlet, line: &Line, tag: &TagRef) -> Option<PointId> {
    match tag {
        TagRef::Number(number) => inlet.point(*number),
        TagRef::Name(name) => engine.point(&line.id, name),
    }
}

/// The sample that came over the wire, with its declared type held against it.
fn sample(item: SampleItem, declared: Option<IecType>, now: Timestamp) -> Sample {
    let mut sample = Sample {
        value: item.value,
        quality: item.quality,
        note: item.note,
        source_time: item.time.map_or(now, |time| clock::from_wall(Timestamp(time))),
        receive_time: now,
        origin: item.origin.map(|(address, hops)| Origin { address, hops }),
    };
    if let Some(declared) = declared
        && sample.value != Value::Null
    {
        match declared.fit(&sample.value) {
            Ok(value) => sample.value = value,
            Err(misfit) => {
                sample.quality = sample.quality.worse(misfit.quality());
                sample.note = Some(misfit.to_string().into());
            }
        }
    }
    sample
}

impl Traffic {
    /// Values that wait on disk leave only while the device answers.
    fn connected(&self, line: &Line, is_connected: bool) {
        let is_connected = is_connected && !line.is_detached();
        let mut outlet = line.outlet();
        let news = outlet.backlog.is_connected != is_connected && outlet.generation.is_some();
        outlet.backlog.is_connected = is_connected && outlet.generation.is_some();
        drop(outlet);
        if news && is_connected {
            // What is owed leaves before anything newer.
            self.end_pulses(line, clock::now());
            self.pump(line);
        }
    }

    fn written(&self, id: &InstanceId, written: Written) {
        let Some(line) = self.line(id) else { return };
        let now = clock::now();
        let (mut ended, mut newest) = (0, 0);
        let mut done = Vec::new();
        for &(first, last) in &written.confirmed {
            newest = newest.max(last);
            ended += last.saturating_sub(first).saturating_add(1);
            self.ledger.confirm(id, first, last);
            self.pulses.confirmed(id, first, last);
            done.extend(line.outlet().backlog.confirmed(first, last));
        }
        ended += (written.rejected.len() + written.expired.len()) as u64;
        let without = written.rejected.iter().map(|rejected| rejected.id).chain(written.expired.iter().copied());
        newest = without.fold(newest, u64::max);
        for rejected in written.rejected {
            self.pulses.refused(id, rejected.id, &rejected.failure.message, rejected.failure.again, now);
            let mut outlet = line.outlet();
            if rejected.failure.again && outlet.backlog.later(rejected.id, now) {
                continue;
            }
            let refused = outlet.backlog.refused(rejected.id);
            drop(outlet);
            let (what, route) = match &refused {
                Some(entry) => ("A value of the durable route", format!(" `{}`", entry.route)),
                None => ("A write", String::new()),
            };
            done.extend(refused.map(|entry| entry.seq));
            let message = format!("{what}{route} was rejected: {}", rejected.failure.message);
            if self.ledger.end(id, rejected.id, End::Rejected(rejected.failure)).is_none() {
                self.logbook.write(Level::Warn, Some(id.as_str()), message);
            }
        }
        for expired in written.expired {
            self.pulses.refused(id, expired, "it could not be sent in time", false, now);
            if !line.outlet().backlog.later(expired, now) {
                self.ledger.end(id, expired, End::Expired);
            }
        }
        if !done.is_empty() {
            self.outbox.done(id.as_str(), done);
        }
        let mut outlet = line.outlet();
        outlet.outstanding = outlet.outstanding.saturating_sub(ended);
        outlet.reach.ended(newest, now);
        drop(outlet);
        self.pump(&line);
    }

    fn fresh(&self, id: &InstanceId, fresh: &Fresh) {
        let Some(line) = self.line(id).filter(|line| !line.is_detached()) else { return };
        let now = clock::now();
        let inlet = line.inlet();
        let mut engine = self.engine();
        let mut outcome = std::mem::take(&mut engine.outcome);
        for tag in &fresh.tags {
            if let Some(point) = find(&mut engine, &inlet, &line, tag) {
                engine.renew(point, now, &mut outcome);
            }
        }
        self.hand_over(engine, outcome, now);
    }

    /// A tag that the driver cannot have is a datapoint with that reason, and nothing else.
    fn subscribed(&self, id: &InstanceId, answer: &Subscribed) {
        let now = clock::now();
        let mut engine = self.engine();
        let mut outcome = std::mem::take(&mut engine.outcome);
        for item in &answer.items {
            let Some(failure) = &item.failure else { continue };
            self.logbook.write(Level::Warn, Some(id.as_str()), format!("`{}`: {}", item.tag, failure.message));
            if let Some(point) = engine.point(id, &item.tag) {
                let hint = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                let mut sample = Sample::good(Value::Null, now);
                sample.quality = Quality::NotFound;
                sample.note = Some(format!("{}{hint}", failure.message).into());
                engine.take(point, sample, now, &mut outcome);
            }
        }
        self.hand_over(engine, outcome, now);
    }

    /// Cuts an instance from the router, or joins it again. Its process does not notice.
    pub(crate) fn set_detached(&self, id: &InstanceId, detached: bool) {
        let Some(line) = self.line(id).filter(|line| line.set_detached(detached)) else { return };
        if detached {
            self.connected(&line, false);
            self.flush(id, "the instance was detached before it was sent");
            let engine = self.engine();
            for point in engine.router.space.page(&format!("{id}."), None) {
                if let Some(sample) = engine.router.space.sample(point).filter(|sample| sample.quality.is_good()) {
                    line.hold(point, sample.clone());
                }
            }
            drop(engine);
            self.lose(id, &format!("the instance `{id}` is detached from the router"));
        } else {
            let snapshot = self.supervisor.get().and_then(std::sync::Weak::upgrade).and_then(|all| all.snapshot(id));
            self.connected(&line, snapshot.is_some_and(|snapshot| snapshot.linked));
            let now = clock::now();
            let mut engine = self.engine();
            let mut outcome = std::mem::take(&mut engine.outcome);
            for (point, sample) in line.take_held() {
                engine.take(point, Sample { receive_time: now, ..sample }, now, &mut outcome);
            }
            self.hand_over(engine, outcome, now);
        }
        self.instance_changed();
    }

    fn end_process(&self, id: &InstanceId) {
        if let Some(supervisor) = self.supervisor.get().and_then(std::sync::Weak::upgrade) {
            let _ = supervisor.kill(id);
            let _ = supervisor.stop(id);
        }
    }

    /// The instance's process is gone.
    fn not_connected(&self, id: &InstanceId) {
        self.lose(id, &format!("the instance `{id}` does not run"));
    }

    /// The values of an instance are the last ones known, and bad.
    fn lose(&self, id: &InstanceId, why: &str) {
        let now = clock::now();
        let note: Arc<str> = why.into();
        let mut engine = self.engine();
        let mut outcome = std::mem::take(&mut engine.outcome);
        let points: Vec<PointId> = engine.router.space.page(&format!("{id}."), None).collect();
        for point in points {
            let Some(last) = engine.router.space.sample(point) else { continue };
            if last.quality.class() == fieldrail_model::Class::Bad && last.quality != Quality::Stale {
                continue;
            }
            let sample = Sample { quality: Quality::NotConnected, note: Some(Arc::clone(&note)), ..last.clone() };
            engine.take(point, sample, now, &mut outcome);
        }
        self.hand_over(engine, outcome, now);
    }

    /// Datapoints whose deadline has passed grow stale. Returns when to call again.
    pub(crate) fn tick(&self) -> Option<Timestamp> {
        let now = clock::now();
        let mut engine = self.engine();
        if engine.router.next_tick().is_none_or(|next| next > now) {
            return engine.router.next_tick();
        }
        let mut outcome = std::mem::take(&mut engine.outcome);
        engine.router.tick(now, &mut outcome);
        let next = engine.router.next_tick();
        self.hand_over(engine, outcome, now);
        next
    }

    /// One sample from outside of a plugin: a person, the API, a write to a virtual instance. The receipt says when what
    /// has to be on disk is there.
    pub(crate) fn route_one(&self, point: PointId, sample: Sample) -> Option<Receipt> {
        let now = clock::now();
        let mut engine = self.engine();
        let mut outcome = std::mem::take(&mut engine.outcome);
        engine.take(point, sample, now, &mut outcome);
        self.hand_over(engine, outcome, now)
    }

    /// Ends a batch: takes what the router wants to be done, lets the router go, and does it. The receipt says when what
    /// has to be on disk is there; none if nothing has to be.
    pub(super) fn hand_over(
        &self,
        mut engine: std::sync::MutexGuard<'_, Engine>,
        mut outcome: Outcome,
        now: Timestamp,
    ) -> Option<Receipt> {
        let born = std::mem::take(&mut engine.born);
        engine.remember(&outcome.changed, now);
        let writes = self.resolve(&mut engine, &mut outcome, now);
        if !outcome.tapped.is_empty() {
            self.taps.tell(&engine, &mut outcome);
        }
        drop(engine);
        if !outcome.computed.is_empty() {
            self.computed.lock().unwrap_or_else(PoisonError::into_inner).extend(outcome.computed.drain(..));
        }
        for (client, point) in born {
            self.watch(&client, &[point]);
            client.mark(point);
        }
        self.tell_watchers(&outcome);
        let receipt = self.write_out(writes, now);
        outcome.clear();
        self.engine().outcome = outcome;
        receipt
    }
}
