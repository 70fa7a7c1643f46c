//! The one entry that joins rules and data space: a sample comes in, deliveries come out.
//!
//! Invariants: routes run per sample and never per renewal; a sample passes at most [`MAX_HOPS`] routes and never goes
//! back where it came from unchanged; nothing a route does stops another route. Read on in [`plan`] (which routes a
//! datapoint has) and [`run`] (one sample through one route).

mod plan;
mod run;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{Address, InstanceId, Sample, Timestamp};
use indexmap::IndexMap;

pub use crate::rules::Needs;

use crate::file::{Mode, RouteSpec};
use crate::rules::{RouteIndex, RouteTarget, Rules, TargetClass, TargetName, TargetSpec};
use crate::space::{PointId, Space};
use plan::Plans;

/// The most routes that a value passes from where it entered.
pub const MAX_HOPS: u8 = 16;
/// The most computed samples that one sample may cause; more of them are counted as a loop.
pub const MAX_COMPUTED: usize = 1024;
/// The most datapoints that one [`Router::tick`] turns stale.
pub const MAX_STALE_PER_TICK: usize = 4096;

/// A target's place in the router. It keeps its meaning over reloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u32);

/// Where deliveries go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub address: Address,
    /// What it is.
    pub kind: TargetKind,
}

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetKind {
    /// A datapoint of an instance; the empty tag is the instance's default target.
    Instance {
        /// The instance.
        instance: InstanceId,
        /// The tag, verbatim.
        tag: Arc<str>,
        /// Whether it is a state or an event.
        class: TargetClass,
    },
    /// A computed datapoint. The router keeps it itself: no [`Delivery`] has such a target; to hear of it, watch it.
    Calc(PointId),
    /// The log.
    Log,
}

impl Target {
    /// How it is delivered to if the route does not say.
    pub fn default_mode(&self) -> Mode {
        match &self.kind {
            TargetKind::Instance { class, .. } => class.default_mode(),
            TargetKind::Calc(_) => Mode::Latest,
            TargetKind::Log => Mode::Queued,
        }
    }
}

/// One value for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where it goes.
    pub target: TargetId,
    /// What goes there. Its origin is always given, with one hop more.
    pub sample: Sample,
    /// The route that sends it.
    pub route: RouteIndex,
    /// How it waits for its target.
    pub mode: Mode,
    /// How long it may wait.
    pub ttl: Option<Duration>,
}

/// What came of one sample or more. It is added to, so that one serves for a batch.
#[derive(Debug, Default)]
pub struct Outcome {
    /// In the order in which the routes sent them.
    pub deliveries: Vec<Delivery>,
    /// The watched datapoints whose sample changed; one may stand there twice.
    pub changed: Vec<PointId>,
}

impl Outcome {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.deliveries.clear();
        self.changed.clear();
    }
}

/// What a route has done since it was last changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Samples of its sources.
    pub matched: u64,
    /// Samples that went on to at least one target.
    pub passed: u64,
    /// Samples for which the condition was false.
    pub dropped_by_condition: u64,
    /// Samples, counted per target, whose quality was not good enough.
    pub dropped_by_quality: u64,
    /// Samples, counted per target, that ran in a circle.
    pub dropped_by_loop: u64,
    /// Samples whose condition or transform could not be computed.
    pub errors: u64,
    /// Why, the last time.
    pub last_error: Option<Arc<str>>,
}

/// What the router keeps of a route beside its compiled form.
#[derive(Default)]
struct Live {
    counters: Counters,
    /// The datapoints of `dp("…")`; `None` where the data space was full.
    points: Vec<Option<PointId>>,
    /// The targets that are the same for every source.
    fixed: Arc<[TargetId]>,
}

/// Rules and data space together.
#[derive(Default)]
pub struct Router {
    /// The datapoints. Their samples change through the router only.
    pub space: Space,
    rules: Rules,
    live: Vec<Live>,
    targets: IndexMap<Address, Target>,
    /// The one route that writes a state.
    writers: HashMap<TargetId, RouteIndex>,
    plans: Plans,
    computed: VecDeque<(PointId, Sample)>,
    /// How many computed samples the sample at hand has caused.
    caused: usize,
}

impl Router {
    /// A router without datapoints and rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The target with this id.
    ///
    /// # Panics
    /// The id is of another router.
    pub fn target(&self, target: TargetId) -> &Target {
        &self.targets[target.0 as usize]
    }

    /// Every route with what it has done, in the order of the file.
    pub fn routes(&self) -> impl Iterator<Item = (RouteIndex, &RouteSpec, &Counters)> {
        let routes = self.rules.routes.iter().zip(&self.live);
        (0..).map(RouteIndex).zip(routes).map(|(index, (route, live))| (index, &route.spec, &live.counters))
    }

    /// Takes new rules into force, between two samples. The data space stays, and so do the counters of the routes that
    /// did not change. Deliveries of before keep their targets; their [`RouteIndex`] is one of the old rules.
    pub fn swap(&mut self, rules: Rules) {
        let before = std::mem::replace(&mut self.rules, rules);
        let live = std::mem::take(&mut self.live);
        let old = before.routes.into_iter().zip(live);
        let mut counted: HashMap<String, (RouteSpec, Counters)> =
            old.map(|(route, live)| (route.spec.id.clone(), (route.spec, live.counters))).collect();
        self.plans.clear();
        self.writers.clear();
        for index in 0..self.rules.routes.len() {
            let spec = &self.rules.routes[index].spec;
            let kept = counted.remove(&spec.id).filter(|(before, _)| before == spec);
            let counters = kept.map(|(_, counters)| counters).unwrap_or_default();
            let live = if spec.enabled { self.bind(index) } else { Live::default() };
            self.live.push(Live { counters, ..live });
        }
    }

    /// Finds the datapoints and targets of a route that are the same for all its sources.
    fn bind(&mut self, index: usize) -> Live {
        let route = &self.rules.routes[index];
        let points = route.points.iter().map(|address| self.space.intern(address).ok()).collect();
        let specs: Vec<TargetSpec> = route.targets.iter().filter_map(fixed).cloned().collect();
        let mut targets = Vec::with_capacity(specs.len());
        for spec in specs {
            let is_state = spec.is_state();
            let Some(target) = self.intern_target(spec) else { continue };
            if is_state {
                self.writers.insert(target, RouteIndex(u32::try_from(index).unwrap_or(u32::MAX)));
            }
            targets.push(target);
        }
        Live { counters: Counters::default(), points, fixed: targets.into() }
    }

    /// The one entry: a sample of a datapoint. Its time of receipt becomes `now`.
    pub fn route_data(&mut self, point: PointId, mut sample: Sample, now: Timestamp, out: &mut Outcome) {
        sample.receive_time = now;
        self.take_in(point, sample, now, out);
        self.run_computed(now, out);
    }

    /// The source says that the datapoint's last sample still holds. No route runs, unless the value had grown stale: then
    /// its return is routed like a sample.
    pub fn renew(&mut self, point: PointId, now: Timestamp, out: &mut Outcome) {
        if self.space.renew(point, now) {
            self.changed(point, now, out);
            self.run_computed(now, out);
        }
    }

    /// Turns the datapoints stale whose deadline has passed, at most [`MAX_STALE_PER_TICK`] at once, and routes that like
    /// samples.
    pub fn tick(&mut self, now: Timestamp, out: &mut Outcome) {
        for _ in 0..MAX_STALE_PER_TICK {
            let Some(point) = self.space.expire(now) else { return };
            self.changed(point, now, out);
            self.run_computed(now, out);
        }
    }

    /// When to call [`Router::tick`] next: it may be too early, never too late. `None` while nothing can grow stale.
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.space.next_deadline()
    }

    fn take_in(&mut self, point: PointId, sample: Sample, now: Timestamp, out: &mut Outcome) {
        self.space.put(point, sample);
        self.changed(point, now, out);
    }

    /// The datapoint's sample is another one: tell who watches and run its routes.
    fn changed(&mut self, point: PointId, now: Timestamp, out: &mut Outcome) {
        if self.space.is_watched(point) {
            out.changed.push(point);
        }
        let plan = match self.plans.of(point) {
            Some(plan) => plan,
            None => self.resolve(point),
        };
        if let Some(plan) = plan {
            self.run(point, plan, now, out);
        }
    }

    fn run_computed(&mut self, now: Timestamp, out: &mut Outcome) {
        while let Some((point, sample)) = self.computed.pop_front() {
            self.take_in(point, sample, now, out);
        }
        self.caused = 0;
    }

    /// The target's id, made if it is new. `None` if it is a computed datapoint and the data space is full.
    fn intern_target(&mut self, spec: TargetSpec) -> Option<TargetId> {
        let kind = match spec.name {
            TargetName::Instance { instance, tag, class } => TargetKind::Instance { instance, tag: tag.into(), class },
            TargetName::Calc => TargetKind::Calc(self.space.intern(spec.address.as_str()).ok()?),
            TargetName::Log => TargetKind::Log,
        };
        let target = Target { address: spec.address.clone(), kind };
        let (index, _) = self.targets.insert_full(spec.address, target);
        u32::try_from(index).ok().map(TargetId)
    }
}

fn fixed(target: &RouteTarget) -> Option<&TargetSpec> {
    match target {
        RouteTarget::Fixed(spec) => Some(spec),
        RouteTarget::Filled(_) => None,
    }
}

#[cfg(test)]
mod tests;
