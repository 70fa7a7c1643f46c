//! A route that somebody is writing, tried on real values: what is wrong with it, what each stage makes of the value, and how
//! its tests end. Nothing is written, subscribed to or kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fieldrail_model::{Address, InstanceId, Quality, Sample, Value};
use fieldrail_router::preview::{Made, Preview, Source, Stages};
use fieldrail_router::{Moment, Place, Problem, RouteSpec, RoutingFile, Rules, Severity, language, rehearse_route};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Node;
use crate::clock::now;
use crate::datapoints::About;
use crate::people::{Role, Who};
use crate::traffic::{Engine, Facts, House};
use crate::views::Reading;

/// So many datapoints that a pattern matches are listed.
const MOST_SOURCES: usize = 50;

/// So many datapoints are looked at for one pattern, so that no pattern holds up the router.
const MOST_LOOKED_AT: usize = 20_000;

/// A route, and what to try it with.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The route.
    pub route: RouteSpec,
    /// The id of the route that it takes the place of; none means that it is new.
    #[serde(default)]
    pub instead_of: Option<String>,
    /// Which of its sources to look at; without it the first one that has a value.
    #[serde(default)]
    pub source: Option<String>,
    /// A value to try instead of the present one.
    #[serde(default)]
    pub sample: Option<GivenSample>,
}

/// A value that somebody has made up.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenSample {
    /// Plain JSON, or `{"t": …, "v": …}`.
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// `good`, `uncertain:last_usable`, `bad:stale`, … Default `good`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub quality: Option<Quality>,
}

/// A stretch of the text of a key, counted in characters from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TextSpan {
    /// The first character.
    pub start: usize,
    /// The first one behind it.
    pub end: usize,
}

impl From<Place> for TextSpan {
    fn from(Place { start, end }: Place) -> Self {
        Self { start, end }
    }
}

/// What is wrong with a route, or with another one because of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RouteFinding {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The route; none if it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The key of the route.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where in the text of the key, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<TextSpan>,
}

impl From<Problem> for RouteFinding {
    fn from(problem: Problem) -> Self {
        Self {
            severity: if problem.severity == Severity::Error { "error" } else { "warning" },
            route: problem.route,
            key: problem.key,
            message: problem.message,
            hint: problem.hint,
            span: problem.span.map(TextSpan::from),
        }
    }
}

/// A datapoint with what it says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TriedPoint {
    /// Its address.
    pub address: String,
    /// What it says.
    #[serde(flatten)]
    pub reading: Reading,
}

/// What one stage made of the value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TriedStage {
    /// The step as written; empty for the condition.
    pub text: String,
    /// Whether the value came so far.
    pub reached: bool,
    /// Whether the stage keeps the value, so that nothing comes out.
    pub held: bool,
    /// What came out.
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// `good`, `uncertain` or `bad`.
    pub quality: &'static str,
    /// Why it is not simply good.
    pub reason: &'static str,
    /// The reason in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// So many milliseconds after the sample, if the value stands so long.
    pub after_ms: u64,
    /// Whether the step has a memory, which is blank here.
    pub remembers: bool,
    /// Why it could not be computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl From<Made> for TriedStage {
    fn from(made: Made) -> Self {
        let held = made.reached && made.sample.is_none() && made.error.is_none();
        let (value, quality, note) = made.sample.unwrap_or((Value::Null, Quality::NoData, None));
        Self {
            text: made.text,
            reached: made.reached,
            held,
            value,
            quality: quality.class().name(),
            reason: quality.reason(),
            note: note.map(|note| note.to_string()),
            after_ms: u64::try_from(made.after.as_millis()).unwrap_or(u64::MAX),
            remembers: made.remembers,
            error: made.error,
        }
    }
}

/// A target of the route, and whether it would get the value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TriedTarget {
    /// Its address, placeholders filled.
    pub address: String,
    /// Whether it would get what came out. Priorities and the guard against loops are not looked at.
    pub gets: bool,
    /// Why not: `condition`, `held`, `quality`, or in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// How a test of the route ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TriedTest {
    /// Its place among the tests, from 0.
    pub nth: usize,
    /// Whether it holds.
    pub holds: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What came out, as `output` could have said it; at most 20.
    pub got: Vec<Moment>,
}

/// What came of the attempt.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Attempted {
    /// What is wrong with the route, or with others because of it.
    pub findings: Vec<RouteFinding>,
    /// Known datapoints that it takes samples of, at most 50.
    pub sources: Vec<String>,
    /// Whether there are more.
    pub more_sources: bool,
    /// The one that was looked at; none if none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<TriedPoint>,
    /// The condition, a truth value; none if there is none, or one that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<TriedStage>,
    /// The steps of the transform.
    pub steps: Vec<TriedStage>,
    /// The other datapoints that it looks at.
    pub looked_up: Vec<TriedPoint>,
    /// Where the value goes.
    pub targets: Vec<TriedTarget>,
    /// How its tests end; none if the route is wrong, or for those who may not change it.
    pub tests: Vec<TriedTest>,
}

/// One word of conditions and transforms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WordView {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it is or does.
    pub help: &'static str,
}

impl From<language::Word> for WordView {
    fn from(language::Word { name, usage, help }: language::Word) -> Self {
        Self { name, usage, help }
    }
}

/// The words of conditions and transforms, as the router knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LanguageView {
    /// What stands for something of the sample.
    pub variables: Vec<WordView>,
    /// What can be called in an expression.
    pub functions: Vec<WordView>,
    /// The steps of a transform.
    pub steps: Vec<WordView>,
    /// What stands in a target for a part of the source's address.
    pub placeholders: Vec<&'static str>,
    /// The longest expression or transform, in bytes.
    pub max_bytes: usize,
}

/// The words of conditions and transforms.
pub fn language_of_routes() -> LanguageView {
    LanguageView {
        variables: language::VARIABLES.into_iter().map(WordView::from).collect(),
        functions: language::FUNCTIONS.into_iter().map(WordView::from).collect(),
        steps: language::steps().map(WordView::from).collect(),
        placeholders: language::placeholders().collect(),
        max_bytes: fieldrail_router::expression::MAX_EXPRESSION_BYTES,
    }
}

/// The sample that is tried.
struct Tried {
    address: String,
    sample: Option<Sample>,
    previous: Value,
}

impl Node {
    /// Tries a route on the values that there are now. Who may see only some addresses learns of no others.
    pub fn try_route(&self, who: &Who, attempt: &Attempt) -> Attempted {
        let (instances, about) = self.surroundings_for(who);
        let house = House { instances: &instances, about: &about };
        let preview = Preview::compile(&attempt.route, &house);
        let (tried, sources, around) = {
            let engine = self.traffic.engine();
            let sources = sources(&engine, who, preview.sources());
            let around: Vec<(Arc<str>, Option<Sample>)> = preview
                .points()
                .iter()
                .map(|address| {
                    (Arc::clone(address), if who.reaches(address) { sample(&engine, address) } else { None })
                })
                .collect();
            (chosen(&engine, who, attempt, &preview, &sources), sources, around)
        };
        let looked_up = around.iter().map(|(address, sample)| point(address, sample.as_ref())).collect();
        let samples: Vec<Option<Sample>> = around.into_iter().map(|(_, sample)| sample).collect();
        let stages = tried.as_ref().and_then(|tried| {
            let sample = tried.sample.as_ref()?;
            Some(preview.run((&tried.address, sample, &tried.previous), &samples, now()))
        });
        let Stages { condition, steps, targets } =
            stages.unwrap_or(Stages { condition: None, steps: Vec::new(), targets: Vec::new() });
        // Simulated days take their time: they are for those who may have all rules checked.
        let may_check = who.role >= Role::Admin;
        let rehearsed = if may_check { rehearse_route(&attempt.route, &house) } else { Vec::new() };
        let test = |done: fieldrail_router::Rehearsed| TriedTest {
            nth: done.nth,
            holds: done.failure.is_none(),
            failure: done.failure,
            got: done.got,
        };
        Attempted {
            findings: self.findings(who, attempt, &house).into_iter().map(RouteFinding::from).collect(),
            more_sources: sources.len() > MOST_SOURCES,
            sources: sources.into_iter().take(MOST_SOURCES).collect(),
            source: tried.map(|tried| point(&tried.address, tried.sample.as_ref())),
            condition: condition.map(TriedStage::from),
            steps: steps.into_iter().map(TriedStage::from).collect(),
            looked_up,
            targets: targets
                .into_iter()
                .map(|sent| TriedTarget { address: sent.address, gets: sent.gets, because: sent.because })
                .collect(),
            tests: rehearsed.into_iter().map(test).collect(),
        }
    }

    /// The instances and descriptions that somebody may know of.
    fn surroundings_for(&self, who: &Who) -> (BTreeMap<InstanceId, Facts>, HashMap<Address, About>) {
        let (mut instances, mut about) = self.surroundings();
        if let Some(scope) = who.scope.as_ref().filter(|scope| !scope.addresses.is_empty()) {
            let within = |id: &InstanceId| scope.addresses.iter().any(|prefix| prefix.starts_with(&format!("{id}.")));
            instances.retain(|id, _| who.reaches(id.as_str()) || within(id));
            about.retain(|address, _| who.reaches(address.as_str()));
        }
        (instances, about)
    }

    /// What is wrong with the route: for who may change routes among all the others, else by itself.
    fn findings(&self, who: &Who, attempt: &Attempt, house: &House<'_>) -> Vec<Problem> {
        let among_others = who.role >= Role::Admin && who.scope.as_ref().is_none_or(|scope| scope.addresses.is_empty());
        let mut file = RoutingFile::default();
        let (mut known, id) = (Vec::new(), &attempt.route.id);
        if among_others && let Some(snapshot) = self.files.routing.snapshot() {
            file = snapshot.value.clone();
            known = self.traffic.engine().router.rules().warnings().to_vec();
        }
        let place = attempt.instead_of.as_ref().and_then(|id| file.routes.iter().position(|route| route.id == *id));
        match place {
            Some(at) => file.routes[at] = attempt.route.clone(),
            None => file.routes.push(attempt.route.clone()),
        }
        let problems = match Rules::compile(&file, house) {
            Ok(rules) => rules.warnings().to_vec(),
            Err(problems) => problems,
        };
        let concerns = |problem: &Problem| problem.route.as_ref() == Some(id) || !known.contains(problem);
        problems.into_iter().filter(concerns).collect()
    }
}

fn sample(engine: &Engine, address: &str) -> Option<Sample> {
    engine.router.space.sample(engine.router.space.find(address)?).cloned()
}

fn point(address: &str, sample: Option<&Sample>) -> TriedPoint {
    TriedPoint { address: address.into(), reading: Reading::from(sample) }
}

/// The known datapoints that the route takes samples of, one more than is listed at the most.
fn sources(engine: &Engine, who: &Who, wanted: &[Source]) -> Vec<String> {
    let space = &engine.router.space;
    let mut found: Vec<String> = Vec::new();
    for source in wanted {
        let prefix = match source {
            Source::Address(address) => {
                if who.reaches(address) && space.find(address).is_some() && !found.contains(address) {
                    found.push(address.clone());
                }
                continue;
            }
            // Where case does not matter, what the data space has is in lower case.
            Source::Pattern(pattern, _) => engine.canonical(pattern.prefix()).into_owned(),
        };
        let known = space.page(&prefix, None).take(MOST_LOOKED_AT).map(|point| space.address(point).as_str());
        let folds = |address: &str| engine.split(address).is_some_and(|(id, _)| engine.instances[id].case_insensitive);
        let fits = |address: &&str| who.reaches(address) && source.takes(address, folds(address));
        for address in known.filter(fits).take(MOST_SOURCES + 1) {
            if !found.iter().any(|known| known == address) {
                found.push(address.to_owned());
            }
        }
        if found.len() > MOST_SOURCES {
            break;
        }
    }
    found
}

/// The datapoint to look at, with the sample to try.
fn chosen(engine: &Engine, who: &Who, attempt: &Attempt, preview: &Preview, sources: &[String]) -> Option<Tried> {
    let wanted = attempt.source.as_ref().map(|address| engine.canonical(address).into_owned());
    let wanted = wanted.filter(|address| who.reaches(address));
    let with_value = || sources.iter().find(|address| sample(engine, address).is_some()).cloned();
    // A value can be tried on a source that nobody has heard from yet.
    let written = || {
        let first = preview.sources().iter().find_map(|source| match source {
            Source::Address(address) => Some(address.clone()),
            Source::Pattern(..) => None,
        });
        first.filter(|address| who.reaches(address))
    };
    let address = wanted.or_else(with_value).or_else(written)?;
    let point = engine.router.space.find(&address);
    let mut sample = point.and_then(|point| engine.router.space.sample(point)).cloned();
    if let Some(given) = &attempt.sample {
        let mut made_up = Sample::good(given.value.clone(), now());
        made_up.quality = given.quality.unwrap_or_default();
        sample = Some(made_up);
    }
    let previous = point.map_or(Value::Null, |point| engine.router.space.previous(point).clone());
    Some(Tried { address, sample, previous })
}
