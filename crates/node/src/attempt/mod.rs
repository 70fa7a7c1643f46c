//! A route that somebody is writing, tried on real values: what is wrong with it, what each stage makes of the value, and how
//! its tests end. Nothing is written, subscribed to or kept. What goes in and comes out lies in [`view`].

mod view;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fieldrail_model::{Address, InstanceId, Sample, Value};
use fieldrail_router::preview::{Preview, Source, Stages};
use fieldrail_router::{Problem, RoutingFile, Rules, rehearse_route};

use crate::Node;
use crate::clock::now;
use crate::datapoints::About;
use crate::people::{Role, Who};
use crate::traffic::{Engine, Facts, House};
use crate::views::Reading;

pub use view::{
    Attempt, Attempted, GivenSample, LanguageView, RouteFinding, TextSpan, TriedPoint, TriedStage, TriedTarget,
    TriedTest, WordView, language_of_routes,
};

/// So many datapoints that a pattern matches are listed.
const MOST_SOURCES: usize = 50;

/// So many datapoints are looked at for one pattern, so that no pattern holds up the router.
const MOST_LOOKED_AT: usize = 20_000;

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
