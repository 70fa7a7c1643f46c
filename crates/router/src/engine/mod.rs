//! The one entry that joins rules and data space: a sample comes in, deliveries come out.
//!
//! Invariants: routes run per sample and never per renewal; a sample passes at most [`MAX_HOPS`] routes, never goes back
//! where it came from unchanged, and never comes to a state twice; what is due runs at its own time, before a later sample;
//! nothing a route does stops another route. Read on in [`plan`] (which routes a datapoint has), [`run`] (one sample through
//! one route), [`state`] (what routes remember of datapoints), [`exit`] (quality, loops, then the target), [`contest`]
//! (several routes to one state), [`pair`] (routes in both directions), [`explain`] and [`tap`] (why, and what happens).

mod contest;
mod exit;
mod explain;
mod pair;
mod placed;
mod plan;
mod run;
mod state;
mod tap;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{Address, InstanceId, Sample, Timestamp};
use indexmap::IndexMap;

pub use crate::rules::Needs;
pub use explain::{Explanation, Ran, Reached, Writer};
pub use tap::{Stage, Tap, TapId, Tapped};

use crate::file::{Mode, RouteSpec};
use crate::rules::{RouteIndex, RouteTarget, Rules, TargetClass, TargetName, TargetSpec};
use crate::space::{PointId, Space};
use contest::Contests;
use exit::Sent;
use pair::Pairs;
use placed::Placed;
use plan::Plans;
use state::{StateId, States};
use tap::Taps;

/// The most routes that a value passes from where it entered.
pub const MAX_HOPS: u8 = 16;
/// The most computed samples that one sample may cause; more of them are counted as a loop.
pub const MAX_COMPUTED: usize = 1024;
/// The most things that are due which one [`Router::tick`] or one sample works off; the rest waits for the next one.
pub const MAX_DUE: usize = 4096;

/// A target's place in the router. It keeps its meaning over reloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u32);

impl TargetId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

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

    /// Whether its last value counts, and not each one.
    fn is_state(&self) -> bool {
        match &self.kind {
            TargetKind::Instance { class, .. } => *class == TargetClass::State,
            TargetKind::Calc(_) => true,
            TargetKind::Log => false,
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
    /// The computed datapoints whose sample changed; one may stand there twice.
    pub computed: Vec<PointId>,
    /// What the taps saw, at most ten thousand of a batch; beyond it only their number counts.
    pub tapped: Vec<Tapped>,
    /// What the taps did not get.
    pub tap_missed: u64,
}

impl Outcome {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.deliveries.clear();
        self.changed.clear();
        self.computed.clear();
        self.tapped.clear();
        self.tap_missed = 0;
    }
}

/// What a route has done since it was last changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Samples of its sources.
    pub matched: u64,
    /// Values that went on to at least one target.
    pub passed: u64,
    /// Samples for which the condition was false.
    pub dropped_by_condition: u64,
    /// Samples, counted per target, whose quality was not good enough.
    pub dropped_by_quality: u64,
    /// Samples, counted per target, that ran in a circle.
    pub dropped_by_loop: u64,
    /// Values, counted per target, that lost to a route of a higher priority.
    pub dropped_by_priority: u64,
    /// Samples that a step kept: a window that runs, a dead band, a throttle; and those that two ends agreed on already.
    pub held: u64,
    /// Samples whose condition or transform could not be computed.
    pub errors: u64,
    /// Why, the last time.
    pub last_error: Option<Arc<str>>,
}

/// What a route has done that no sample came to yet.
static NOTHING_DONE: Counters = Counters {
    matched: 0,
    passed: 0,
    dropped_by_condition: 0,
    dropped_by_quality: 0,
    dropped_by_loop: 0,
    dropped_by_priority: 0,
    held: 0,
    errors: 0,
    last_error: None,
};

/// What the router keeps of a route beside its compiled form.
#[derive(Default)]
struct Live {
    /// The datapoints of `dp("…")`; `None` where the data space was full.
    points: Arc<[Option<PointId>]>,
    /// The targets that are the same for every source.
    fixed: Vec<TargetId>,
}

/// Something that is due by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A step has something to say.
    Step(StateId),
    /// The lease of a target ends.
    Lease(TargetId),
}

/// What is due, the earliest first. An entry may be left over; whoever takes it looks whether it still holds.
type Timers = BinaryHeap<Reverse<(Timestamp, Timer)>>;

/// Rules and data space together.
#[derive(Default)]
pub struct Router {
    /// The datapoints. Their samples change through the router only.
    pub space: Space,
    rules: Rules,
    live: Vec<Live>,
    /// By route.
    counters: Placed<Counters>,
    targets: IndexMap<Address, Target>,
    /// The one route that writes a state, where it has no priority.
    writers: HashMap<TargetId, RouteIndex>,
    plans: Plans,
    states: States,
    /// What each target was sent last.
    sent: Placed<Option<Sent>>,
    contests: Contests,
    pairs: Pairs,
    timers: Timers,
    computed: VecDeque<(PointId, Sample)>,
    /// How many computed samples the sample at hand has caused.
    caused: usize,
    taps: Taps,
    /// When each route ran last before the last reload, by route.
    ran_before: Vec<Option<(Timestamp, Ran)>>,
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
        &self.targets[target.index()]
    }

    /// Every route with what it has done, in the order of the file.
    pub fn routes(&self) -> impl Iterator<Item = (RouteIndex, &RouteSpec, &Counters)> {
        let counters = |index: usize| self.counters.of(index).unwrap_or(&NOTHING_DONE);
        let routes = self.rules.routes.iter().enumerate();
        routes.map(move |(index, route)| (route_index(index), &route.spec, counters(index)))
    }

    /// Takes new rules into force, between two samples. The data space stays, and so does everything that the routes which
    /// did not change have counted and remember. Deliveries of before keep their targets; their [`RouteIndex`] is one of
    /// the old rules.
    pub fn swap(&mut self, rules: Rules) {
        let ran = self.last_runs();
        let before = std::mem::replace(&mut self.rules, rules);
        let was = (0..).map(RouteIndex).zip(&before.routes);
        let old: HashMap<&str, (RouteIndex, &RouteSpec)> =
            was.map(|(index, route)| (route.spec.id.as_str(), (index, &route.spec))).collect();
        self.live.clear();
        // Where each of the old routes is now, if it is the same.
        let mut moved: HashMap<RouteIndex, RouteIndex> = HashMap::new();
        self.plans.clear();
        self.writers.clear();
        for index in 0..self.rules.routes.len() {
            let here = route_index(index);
            let spec = &self.rules.routes[index].spec;
            if let Some((was, _)) = old.get(spec.id.as_str()).filter(|(_, before)| *before == spec) {
                moved.insert(*was, here);
            }
            let live = if spec.enabled { self.bind(index) } else { Live::default() };
            self.live.push(live);
        }
        self.ran_before = vec![None; self.rules.routes.len()];
        for (was, here) in &moved {
            self.ran_before[here.index()] = ran[was.index()];
        }
        let counters = std::mem::take(&mut self.counters);
        self.counters = counters.moved(moved.iter().map(|(was, here)| (was.index(), here.index())));
        let on = self.rules.routes.iter().map(|route| &route.spec).filter(|spec| spec.enabled);
        let on: HashMap<&str, &str> =
            on.filter_map(|spec| Some((spec.id.as_str(), spec.transform.as_deref()?))).collect();
        self.states.keep(|id, transform| on.get(id) == Some(&transform));
        self.contests.keep(&moved);
        self.pairs.keep(&moved);
        for sent in self.sent.entries_mut().flatten() {
            sent.route = sent.route.and_then(|route| moved.get(&route).copied());
        }
    }

    /// Finds the datapoints and targets of a route that are the same for all its sources.
    fn bind(&mut self, index: usize) -> Live {
        let route = &self.rules.routes[index];
        let points = route.logic.points.iter().map(|address| self.space.intern(address).ok()).collect();
        let claimed = route.claim.is_some();
        let back = route.pair.iter().map(|pair| pair.source.clone());
        let specs: Vec<TargetSpec> = route.targets.iter().filter_map(fixed).cloned().chain(back).collect();
        let mut targets = Vec::with_capacity(specs.len());
        for spec in specs {
            let is_state = spec.is_state();
            let Some(target) = self.intern_target(spec) else { continue };
            if is_state && !claimed {
                self.writers.insert(target, route_index(index));
            }
            targets.push(target);
        }
        Live { points, fixed: targets }
    }

    /// The one entry: a sample of a datapoint. Its time of receipt becomes `now`. What was due before runs before.
    pub fn route_data(&mut self, point: PointId, mut sample: Sample, now: Timestamp, out: &mut Outcome) {
        if self.next_tick().is_some_and(|due| due <= now) {
            self.tick(now, out);
        }
        sample.receive_time = now;
        self.recognise(point, &mut sample, now);
        self.take_in(point, sample, now, out);
        self.run_computed(now, out);
    }

    /// Puts back what a datapoint said before the program was started. No route runs: what is old is no news.
    pub fn restore(&mut self, point: PointId, sample: Sample) {
        self.space.put(point, sample);
    }

    /// The source says that the datapoint's last sample still holds. No route runs, unless the value had grown stale: then
    /// its return is routed like a sample. Leases run anew.
    pub fn renew(&mut self, point: PointId, now: Timestamp, out: &mut Outcome) {
        if self.space.renew(point, now) {
            self.changed(point, now, out);
            self.run_computed(now, out);
        } else {
            self.prolong_leases(point, now);
        }
    }

    /// Works off what is due, at most [`MAX_DUE`] things at once, each at its own time: datapoints turn stale, windows
    /// end, leases run out.
    pub fn tick(&mut self, now: Timestamp, out: &mut Outcome) {
        for _ in 0..MAX_DUE {
            let Some(at) = self.next_tick().filter(|due| *due <= now) else { return };
            match self.timers.peek() {
                Some(&Reverse((due, timer))) if due <= at => {
                    self.timers.pop();
                    match timer {
                        Timer::Step(state) => self.wake(state, at, out),
                        Timer::Lease(target) => self.end_lease(target, at, out),
                    }
                }
                _ => {
                    if let Some(point) = self.space.expire(at) {
                        self.changed(point, at, out);
                    }
                }
            }
            self.run_computed(at, out);
        }
    }

    /// When to call [`Router::tick`] next: it may be too early, never too late. `None` while nothing is due ever.
    pub fn next_tick(&self) -> Option<Timestamp> {
        let timer = self.timers.peek().map(|Reverse((due, _))| *due);
        [timer, self.space.next_deadline()].into_iter().flatten().min()
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
        if self.taps.are_on() {
            self.tap_input(point, now, out);
        }
        let plan = self.plan_of(point);
        if let Some(plan) = plan {
            self.run(point, plan, now, out);
        }
    }

    fn run_computed(&mut self, now: Timestamp, out: &mut Outcome) {
        while let Some((point, sample)) = self.computed.pop_front() {
            out.computed.push(point);
            self.take_in(point, sample, now, out);
        }
        self.caused = 0;
    }

    /// The target's id, made if it is new. `None` if it is a computed datapoint and the data space is full.
    fn intern_target(&mut self, spec: TargetSpec) -> Option<TargetId> {
        if let Some(known) = self.targets.get_index_of(&spec.address) {
            // A changed connection may have made an event of a state.
            let kind = match spec.name {
                TargetName::Instance { instance, tag, class } => {
                    TargetKind::Instance { instance, tag: tag.into(), class }
                }
                _ => return u32::try_from(known).ok().map(TargetId),
            };
            self.targets[known].kind = kind;
            return u32::try_from(known).ok().map(TargetId);
        }
        let kind = match spec.name {
            TargetName::Instance { instance, tag, class } => TargetKind::Instance { instance, tag: tag.into(), class },
            TargetName::Calc => TargetKind::Calc(self.space.intern(spec.address.as_str()).ok()?),
            TargetName::Log => TargetKind::Log,
        };
        // Its plan has to know that it is a target now.
        if let Some(point) = self.space.find(spec.address.as_str()) {
            self.plans.forget(point);
        }
        let target = Target { address: spec.address.clone(), kind };
        let (index, _) = self.targets.insert_full(spec.address, target);
        u32::try_from(index).ok().map(TargetId)
    }
}

fn route_index(index: usize) -> RouteIndex {
    RouteIndex(u32::try_from(index).unwrap_or(u32::MAX))
}

fn fixed(target: &RouteTarget) -> Option<&TargetSpec> {
    match target {
        RouteTarget::Fixed(spec) => Some(spec),
        RouteTarget::Filled(_) => None,
    }
}

#[cfg(test)]
mod tests;
