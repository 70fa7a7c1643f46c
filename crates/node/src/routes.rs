//! The rules as people see and change them, and `route_data`, the one entry for values from outside of a driver.

use fieldrail_model::{Sample, Timestamp, Value};
use fieldrail_router::{Counters, Problem, Ran, RouteIndex, RouteSpec, RoutingFile, Severity};
use fieldrail_store::{Etag, etag_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::instances::unchanged;
use crate::node::lock;
use crate::people::{Role, Who};
use crate::traffic::{House, Latency};
use crate::views::Finding;
use crate::{Error, Node, Result};

/// A route with what it has done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RouteView {
    /// The route as written.
    #[serde(flatten)]
    pub route: RouteSpec,
    /// For `If-Match` when the route is changed.
    pub etag: String,
    /// What it has done since it was last changed; none while it is not in force.
    pub stats: Option<RouteStats>,
}

/// What a route has done since it was last changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct RouteStats {
    /// Samples of its sources.
    pub matched: u64,
    /// Samples that went on to at least one target.
    pub passed: u64,
    /// Samples that condition, quality, priority or the loop guard held back: the sum of the four below.
    pub dropped: u64,
    /// Samples for which the condition was false.
    pub dropped_by_condition: u64,
    /// Samples, counted per target, whose quality was not good enough.
    pub dropped_by_quality: u64,
    /// Samples, counted per target, that lost to a route of a higher priority.
    pub dropped_by_priority: u64,
    /// Samples, counted per target, that came round in a circle.
    pub dropped_by_loop: u64,
    /// Samples that a step keeps or kept, such as those that went into an average.
    pub held: u64,
    /// Samples whose condition or transform could not be computed.
    pub errors: u64,
    /// How long values took from their arrival in the daemon until they left it; none before the first did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyView>,
    /// Why, the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it took its last sample, in milliseconds since 1970 UTC; none if it took none since it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_ms: Option<i64>,
    /// What came of that: `passed`, `condition`, `quality`, `priority`, `loop`, `held`, `settled`, `failed`, `nowhere`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<&'static str>,
}

/// How long values took, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct LatencyView {
    /// How many values were measured.
    pub count: u64,
    /// The mean.
    pub mean_ms: f64,
    /// What 99 of 100 did not exceed; rounded up to a power of two of a microsecond.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl From<&Latency> for LatencyView {
    fn from(latency: &Latency) -> Self {
        let ms = |us: u64| us as f64 / 1000.0;
        let (mean_ms, p99_ms) = (ms(latency.mean_us()), ms(latency.p99_us()));
        Self { count: latency.count(), mean_ms, p99_ms, max_ms: ms(latency.max_us()) }
    }
}

impl RouteStats {
    fn new(counters: &Counters, latency: Option<&Latency>, last: Run) -> Self {
        let Counters { dropped_by_condition, dropped_by_quality, dropped_by_loop, dropped_by_priority, .. } = *counters;
        Self {
            matched: counters.matched,
            passed: counters.passed,
            dropped: dropped_by_condition + dropped_by_quality + dropped_by_loop + dropped_by_priority,
            dropped_by_condition,
            dropped_by_quality,
            dropped_by_priority,
            dropped_by_loop,
            held: counters.held,
            errors: counters.errors,
            latency: latency.filter(|latency| latency.count() > 0).map(LatencyView::from),
            last_error: counters.last_error.as_deref().map(Into::into),
            last_run_ms: last.map(|(at, _)| crate::clock::to_wall(at).millis()),
            last_outcome: last.map(|(_, ran)| ran.word()),
        }
    }
}

/// The router as a whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RouterStats {
    /// Datapoints in the data space.
    pub datapoints: usize,
    /// Routes in force.
    pub routes: usize,
    /// Why the rules on disk are not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Why values of durable routes cannot be put on disk now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// What waits on disk, instance by instance.
    pub on_disk: Vec<OnDisk>,
    /// What each route has done, by id.
    pub by_route: std::collections::BTreeMap<String, RouteStats>,
}

/// What waits on disk for one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OnDisk {
    /// The instance.
    pub instance: String,
    /// Values that wait.
    pub values: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Values that were not taken since the daemon's start, because too many waited.
    pub refused: u64,
}

impl From<fieldrail_store::LaneFigures> for OnDisk {
    fn from(lane: fieldrail_store::LaneFigures) -> Self {
        Self { instance: lane.lane.to_string(), values: lane.entries, bytes: lane.bytes, refused: lane.refused }
    }
}

/// One value for `route_data`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Datum {
    /// `calc`, or the id of an instance declared `virtual`.
    pub source_id: String,
    /// The tag.
    pub tag: String,
    /// Plain JSON, or `{"t": …, "v": …}`.
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// What else is known of it.
    #[serde(default)]
    pub metadata: Metadata,
}

/// What may come with a value.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Metadata {
    /// `good`, `uncertain:last_usable`, `bad:device_failure`, … Default `good`.
    #[schemars(with = "Option<String>")]
    pub quality: Option<fieldrail_model::Quality>,
    /// When it was true, in milliseconds since 1970 UTC. Default now.
    pub time_ms: Option<i64>,
    /// Why the quality is not good.
    pub note: Option<String>,
}

impl Node {
    /// All routes as written, in the order of the file, with what they have done.
    pub fn routes(&self) -> Result<(Vec<RouteView>, Etag)> {
        let file = self.files.routing.snapshot().ok_or_else(|| self.broken_routing())?;
        let latencies = self.traffic.latencies.all();
        let engine = self.traffic.engine();
        let runs = engine.router.last_runs();
        let done = |(index, spec, counters): (RouteIndex, _, _)| (spec, counters, run_of(&runs, index));
        let stats: std::collections::HashMap<&str, (&RouteSpec, &Counters, Run)> =
            engine.router.routes().map(done).map(|done| (done.0.id.as_str(), done)).collect();
        let view = |route: &RouteSpec| RouteView {
            route: route.clone(),
            etag: etag_of(route).to_string(),
            stats: stats
                .get(route.id.as_str())
                .filter(|(spec, ..)| *spec == route)
                .map(|(_, counters, run)| RouteStats::new(counters, latencies.get(&route.id), *run)),
        };
        Ok((file.value.routes.iter().map(view).collect(), file.etag.clone()))
    }

    fn broken_routing(&self) -> Error {
        match self.files.routing.status() {
            Some(fault) => Error::Broken(fault),
            None => Error::Internal("routing.json was never read".into()),
        }
    }

    /// One route.
    pub fn route(&self, id: &str) -> Result<RouteView> {
        self.routes()?.0.into_iter().find(|view| view.route.id == id).ok_or_else(|| no_route(id))
    }

    /// Replaces all routes. They are compiled first; rules that are wrong change nothing.
    pub fn put_routes(&self, who: &Who, expected: Option<&Etag>, new: &RoutingFile) -> Result<Etag> {
        self.edit_routes(who, expected, |file| {
            *file = new.clone();
            Ok(())
        })
    }

    /// Adds a route, or changes the one with this id.
    pub fn put_route(&self, who: &Who, id: &str, expected: Option<&Etag>, route: &RouteSpec) -> Result<RouteView> {
        if route.id != id {
            let message = format!("the body names `{}`, the path `{id}`", route.id);
            return Err(Error::invalid_at("id", message, Some("an id does not change; add a new route".into())));
        }
        self.edit_routes(who, None, |file| {
            match file.routes.iter_mut().find(|known| known.id == id) {
                Some(known) => {
                    unchanged(known, expected, id)?;
                    *known = route.clone();
                }
                None if expected.is_some() => return Err(no_route(id)),
                None => file.routes.push(route.clone()),
            }
            Ok(())
        })?;
        self.route(id)
    }

    /// Adds a route, in front of another one or at the end; never takes the place of one that is there.
    pub fn add_route(&self, who: &Who, before: Option<&str>, route: &RouteSpec) -> Result<RouteView> {
        self.edit_routes(who, None, |file| {
            if file.routes.iter().any(|known| known.id == route.id) {
                return Err(Error::Conflict(format!("there is a route `{}` already", route.id)));
            }
            let at = before.and_then(|id| file.routes.iter().position(|known| known.id == id));
            file.routes.insert(at.unwrap_or(file.routes.len()), route.clone());
            Ok(())
        })?;
        self.route(&route.id)
    }

    /// Removes a route.
    pub fn remove_route(&self, who: &Who, id: &str, expected: Option<&Etag>) -> Result<()> {
        self.edit_routes(who, None, |file| {
            let at = file.routes.iter().position(|known| known.id == id).ok_or_else(|| no_route(id))?;
            unchanged(&file.routes[at], expected, id)?;
            file.routes.remove(at);
            Ok(())
        })?;
        Ok(())
    }

    fn edit_routes(
        &self,
        who: &Who,
        expected: Option<&Etag>,
        change: impl Fn(&mut RoutingFile) -> Result<()>,
    ) -> Result<Etag> {
        who.must_be(Role::Admin)?;
        let edited = self.files.routing.edit(&who.name, expected, |file| {
            change(file)?;
            self.must_compile(file)
        });
        let ((), etag) = edited.map_err(|error| Error::from_edit("routing.json", error))?;
        self.apply_rules();
        Ok(etag)
    }

    /// Fails with the worst of what is wrong with rules.
    pub(crate) fn must_compile(&self, file: &RoutingFile) -> Result<()> {
        let Err(problems) = self.compile(file) else { return Ok(()) };
        Err(worst(file, &problems))
    }

    /// What is wrong with these rules, without taking them into force; none looks at those on disk.
    pub fn check_rules(&self, rules: Option<&RoutingFile>) -> Result<Vec<Finding>> {
        let (instances, about) = self.surroundings();
        let file = match rules {
            Some(rules) => rules.clone(),
            None => self.files.routing.read()?.value.clone(),
        };
        let problems = crate::check::problems(&file, &House { instances: &instances, about: &about });
        let text = self.files.routing.snapshot().filter(|_| rules.is_none());
        Ok(problems.iter().map(|problem| crate::check::finding(&file, text.as_deref(), problem)).collect())
    }

    /// The one entry for values from outside of a driver: `calc.*` and instances declared `virtual`.
    pub fn route_data(&self, who: &Who, datum: Datum) -> Result<()> {
        who.must_be(Role::Operator)?;
        self.not_in_panic()?;
        let mut engine = self.traffic.engine();
        let address = match engine.instances.get(datum.source_id.as_str()) {
            _ if datum.source_id == "calc" && !datum.tag.is_empty() => format!("calc.{}", datum.tag),
            Some(facts) if facts.is_virtual => format!("{}.{}", datum.source_id, datum.tag),
            Some(_) => {
                let message = format!("`{}` has a driver; values come from its device only", datum.source_id);
                return Err(Error::invalid_at(
                    "source_id",
                    message,
                    Some("write to it, or use a virtual instance".into()),
                ));
            }
            None => {
                let ids = engine.instances.keys().map(fieldrail_model::InstanceId::as_str);
                let near = fieldrail_model::text::did_you_mean(&datum.source_id, ids);
                return Err(Error::invalid_at(
                    "source_id",
                    format!("`{}` is not an instance{near}", datum.source_id),
                    None,
                ));
            }
        };
        if !who.reaches(&address) {
            return Err(Error::OutOfScope(address));
        }
        let point = engine.point_at(&address);
        drop(engine);
        let point =
            point.ok_or_else(|| Error::invalid("the data space does not take this address", "is it too long?"))?;
        let now = crate::clock::now();
        let mut sample = Sample::good(datum.value, now);
        sample.quality = datum.metadata.quality.unwrap_or_default();
        sample.note = datum.metadata.note.map(Into::into);
        sample.source_time =
            datum.metadata.time_ms.map_or(now, |ms| crate::clock::from_wall(Timestamp::from_millis(ms)));
        let is_computed = datum.source_id == "calc";
        let receipt = self.traffic.route_one(point, sample);
        self.wait_for_disk(receipt)?;
        if is_computed {
            self.keep_now(point)?;
        }
        Ok(())
    }

    /// What the router has done.
    pub fn router_stats(&self) -> RouterStats {
        let fault = lock(&self.rules_fault).as_ref().map(ToString::to_string);
        let latencies = self.traffic.latencies.all();
        let on_disk = self.traffic.outbox.figures().into_iter().map(OnDisk::from).collect();
        let trouble = self.traffic.outbox.trouble();
        let engine = self.traffic.engine();
        let runs = engine.router.last_runs();
        let stats = |(index, spec, counters): (_, &RouteSpec, _)| {
            (spec.id.clone(), RouteStats::new(counters, latencies.get(&spec.id), run_of(&runs, index)))
        };
        RouterStats {
            datapoints: engine.router.space.len(),
            routes: engine.router.rules().len(),
            fault,
            trouble,
            on_disk,
            by_route: engine.router.routes().map(stats).collect(),
        }
    }
}

/// When a route took its last sample and what came of it, if it took one.
type Run = Option<(Timestamp, Ran)>;

fn run_of(runs: &[Run], route: RouteIndex) -> Run {
    runs.get(route.0 as usize).copied().flatten()
}

fn no_route(id: &str) -> Error {
    Error::NotFound(format!("there is no route `{id}`"))
}
/// The worst of what is wrong with rules.
pub(crate) fn worst(file: &RoutingFile, problems: &[Problem]) -> Error {
    let worst = problems.iter().find(|problem| problem.severity == Severity::Error).or(problems.first());
    worst.map_or_else(
        || Error::Internal("rules were refused without a reason".into()),
        |problem| {
            let key = crate::check::key_of(file, problem);
            Error::invalid_at(key, problem.message.clone(), problem.hint.clone())
        },
    )
}
