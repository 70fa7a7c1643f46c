//! One route after the other: what is wrong with each, and its compiled form.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::Class;

use super::target::{Known, TargetName, Wrong};
use super::{
    Claim, Classes, Directory, Logic, MAX_PROBLEMS, Pair, Place, Problem, Route, RouteIndex, RouteTarget, Rules,
    Severity, TargetClass, circles, mixed, orphans, reach, spelling, together, types, units, wild, words,
};
use crate::expression::{Expression, Kind, Points, SyntaxError, Types};
use crate::file::{DeliverySpec, Mode, RouteSpec, RoutingFile};
use crate::pattern::{Pattern, Template, is_pattern, is_template};
use crate::transform::Pipeline;

/// The problems found so far. Warnings never take the place of errors, and never make the rules be refused.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<Problem>,
    errors: usize,
    route: Option<String>,
}

impl Findings {
    /// What follows is about this route.
    pub(super) fn about(&mut self, route: &str) {
        self.route = Some(route.chars().take(64).collect());
    }

    pub(super) fn error(&mut self, key: &'static str, message: impl Into<String>, hint: Option<String>) {
        self.add(key, message.into(), hint, Severity::Error, None);
    }

    pub(super) fn warning(&mut self, key: &'static str, message: impl Into<String>, hint: Option<String>) {
        self.add(key, message.into(), hint, Severity::Warning, None);
    }

    fn add(
        &mut self,
        key: &'static str,
        message: String,
        hint: Option<String>,
        severity: Severity,
        span: Option<Place>,
    ) {
        let is_error = severity == Severity::Error;
        let alike = if is_error { self.errors } else { self.found.len() - self.errors };
        if alike < MAX_PROBLEMS {
            self.errors += usize::from(is_error);
            self.found.push(Problem { route: self.route.clone(), key, message, hint, severity, span });
        }
    }

    fn syntax(&mut self, key: &'static str, text: &str, error: SyntaxError) {
        let span = Some(Place::of(text, error.span.clone()));
        self.add(key, error.to_string(), error.hint, Severity::Error, span);
    }

    /// Whether no more errors are listed.
    pub(super) fn full(&self) -> bool {
        self.errors >= MAX_PROBLEMS
    }

    fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// All problems in the order in which they were found, up to [`MAX_PROBLEMS`]; of too many, warnings are left out.
    fn listed(mut self) -> Vec<Problem> {
        let mut room = MAX_PROBLEMS - self.errors;
        self.found.retain(|problem| {
            let stays = problem.severity == Severity::Error || room > 0;
            room = room.saturating_sub(usize::from(problem.severity == Severity::Warning));
            stays
        });
        self.found
    }
}

/// Condition, transform, and what the value is.
type Texts<'f> = (Option<&'f str>, Option<&'f str>, Kind);

/// Conditions and pipelines that are compiled, by their texts and by what the value is: a thousand routes that scale
/// alike share one.
#[derive(Default)]
struct Shelf<'f> {
    known: HashMap<Texts<'f>, Arc<Logic>>,
    regexes: usize,
}

/// Regular expressions in one file, at the most: each takes memory.
const MAX_REGEXES: usize = 500;

pub(super) fn compile(file: &RoutingFile, directory: &dyn Directory) -> Result<Rules, Vec<Problem>> {
    let mut findings = Findings::default();
    if file.version != "1.0" {
        let message = format!("version `{}` of the format is unknown", file.version);
        findings.error("version", message, Some("this program reads version 1.0".into()));
        return Err(findings.listed());
    }
    let mut rules = Rules { known: Known::new(directory), ..Rules::default() };
    let (mut ids, mut shelf) = (HashSet::new(), Shelf::default());
    for (index, spec) in file.routes.iter().enumerate() {
        findings.about(&spec.id);
        check_id(&spec.id, &mut findings);
        if !ids.insert(&spec.id) {
            findings.error(
                "id",
                format!("a second route `{}`", spec.id),
                Some("each route needs a name of its own".into()),
            );
        }
        let index = RouteIndex(u32::try_from(index).expect("a file of four billion routes is larger than any memory"));
        add(&mut rules, index, spec, directory, &mut shelf, &mut findings);
        if findings.full() {
            return Err(findings.listed());
        }
    }
    if !findings.has_errors() {
        together::writers(&rules, &mut findings);
        circles::direct(&rules, &mut findings);
        circles::through_patterns(&rules, &mut findings);
        together::shadows(&rules, &mut findings);
        wild::check(&rules, directory, &mut findings);
        orphans::check(&rules, directory, &mut findings);
        units::travel(&mut rules, directory, &mut findings);
        mixed::check(&rules, directory, &mut findings);
    }
    if findings.has_errors() {
        return Err(findings.listed());
    }
    rules.warnings = findings.listed();
    Ok(rules)
}

/// Addresses in one list, at the most: sources times targets is what a check has to look at.
pub(crate) const MAX_LISTED: usize = 256;

fn check_id(id: &str, findings: &mut Findings) {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if id.is_empty() || id.len() > 64 || !id.chars().all(letter) {
        let hint = "use 1 to 64 letters, digits, `_`, `-` and `.`";
        findings.error(
            "id",
            format!("`{:.64}` is no name for a route", id.escape_debug().to_string()),
            Some(hint.into()),
        );
    }
}

fn add<'f>(
    rules: &mut Rules,
    index: RouteIndex,
    spec: &'f RouteSpec,
    directory: &dyn Directory,
    shelf: &mut Shelf<'f>,
    findings: &mut Findings,
) {
    sources(rules, index, spec, directory, findings);
    let targets = targets(rules, spec, directory, findings);
    let kind = source_kind(&rules.known, spec, directory);
    let logic = logic(rules, spec, kind, directory, shelf, findings);
    types::check(rules, spec, &logic, &targets, directory, findings);
    if let Some(step) = logic.pipeline.as_ref().and_then(Pipeline::idle_step) {
        let hint = Some("for each change, write `on_change`".into());
        findings.warning("transform", format!("the step `{step}` lets everything pass"), hint);
    }
    if !words::check(rules, &logic, findings) {
        reach::check(rules, spec, &logic, directory, findings);
    }
    check_numbers(spec, findings);
    check_delivery(spec, &targets, findings);
    let pair = spec.bidirectional.then(|| pair(rules, index, spec, &logic, &targets, directory, findings)).flatten();
    rules.routes.push(Route {
        spec: spec.clone(),
        logic,
        targets,
        on_quality: spec
            .on_quality
            .as_ref()
            .map(|list| list.iter().map(|class| Class::from(*class)).collect::<Classes>()),
        mode: spec.delivery.map(|delivery| match delivery {
            DeliverySpec::Latest => Mode::Latest,
            DeliverySpec::Queued => Mode::Queued,
            DeliverySpec::Durable => Mode::Durable,
        }),
        ttl: spec.ttl_ms.map(Duration::from_millis),
        claim: spec
            .priority
            .map(|priority| Claim { priority, lease: spec.lease_ms.map_or(LEASE, Duration::from_millis) }),
        pair,
    });
}

/// How long a route with a priority holds its target, if it does not say.
const LEASE: Duration = Duration::from_mins(1);

/// What the values of all sources are, if they are alike.
pub(crate) fn source_kind(known: &Known, spec: &RouteSpec, directory: &dyn Directory) -> Kind {
    let kind = |from: &String| kind_at(known, from, directory);
    let mut kinds = spec.from.0.iter().map(kind);
    let first = kinds.next().unwrap_or(Kind::Any);
    if kinds.all(|kind| kind == first) { first } else { Kind::Any }
}

/// What the values at an address are, by their declared type.
pub(crate) fn kind_at(known: &Known, address: &str, directory: &dyn Directory) -> Kind {
    if is_pattern(address) {
        return Kind::Any;
    }
    let declared = directory.declared(&known.canonical(address, directory));
    declared.r#type.map_or(Kind::Any, Kind::of_type)
}

fn logic<'f>(
    rules: &Rules,
    spec: &'f RouteSpec,
    kind: Kind,
    directory: &dyn Directory,
    shelf: &mut Shelf<'f>,
    findings: &mut Findings,
) -> Arc<Logic> {
    let key = (spec.condition.as_deref(), spec.transform.as_deref(), kind);
    if let Some(known) = shelf.known.get(&key) {
        return Arc::clone(known);
    }
    let of = |address: &str| kind_at(&rules.known, address, directory);
    let types = Types { value: kind, of: &of };
    let (mut points, before) = (Points::default(), findings.found.len());
    let condition = spec.condition.as_deref().and_then(|text| {
        let compiled = Expression::condition_for(text, &mut points, types);
        compiled.map_err(|error| findings.syntax("condition", text, error)).ok()
    });
    let in_condition = points.addresses.len();
    let pipeline = spec.transform.as_deref().and_then(|text| {
        let compiled = Pipeline::compile_for(text, &mut points, types);
        compiled.map_err(|error| findings.syntax("transform", text, error)).ok()
    });
    for (nth, address) in points.addresses.iter_mut().enumerate() {
        if let Err((message, hint)) = rules.known.source(address) {
            findings.error(if nth < in_condition { "condition" } else { "transform" }, message, hint);
        }
        own(if nth < in_condition { "condition" } else { "transform" }, address, directory, findings);
        *address = rules.known.canonical(address, directory).into();
    }
    shelf.regexes += points.regexes;
    if shelf.regexes > MAX_REGEXES && points.regexes > 0 {
        let message = format!("more than {MAX_REGEXES} regular expressions in one file");
        findings.error("condition", message, Some("use `contains`, `starts_with` or `in` where they do".into()));
    }
    let logic = Arc::new(Logic { condition, pipeline, points: points.addresses, kind });
    if findings.found.len() == before {
        shelf.known.insert(key, Arc::clone(&logic));
    }
    logic
}

fn check_numbers(spec: &RouteSpec, findings: &mut Findings) {
    if spec.ttl_ms == Some(0) {
        findings.error("ttl_ms", "a time to live of 0 ms would drop everything", None);
    }
    if spec.on_quality.as_ref().is_some_and(Vec::is_empty) {
        findings.error(
            "on_quality",
            "an empty list would drop everything",
            Some("leave the key out to pass all".into()),
        );
    }
    match (spec.priority, spec.lease_ms) {
        (None, Some(_)) => findings.error("lease_ms", "a lease needs a `priority`", None),
        (_, Some(ms)) if !(100..=604_800_000).contains(&ms) => {
            findings.error("lease_ms", format!("a lease lasts from 100 ms to a week, not {ms} ms"), None);
        }
        _ => {}
    }
}

/// What waits on disk must have somewhere to go that can be away.
fn check_delivery(spec: &RouteSpec, targets: &[RouteTarget], findings: &mut Findings) {
    let kept = |target: &RouteTarget| match target {
        RouteTarget::Fixed(target) => !matches!(target.name, TargetName::Instance { .. }),
        RouteTarget::Filled(template) => template.prefix().starts_with("calc."),
    };
    if spec.delivery == Some(DeliverySpec::Durable) && targets.iter().any(kept) {
        let hint = "the log and computed datapoints are on disk anyway; leave `delivery` out";
        findings.error("delivery", "`durable` is for targets of an instance", Some(hint.into()));
    }
}

/// The two ends of a route that goes both ways.
fn pair(
    rules: &mut Rules,
    index: RouteIndex,
    spec: &RouteSpec,
    logic: &Logic,
    targets: &[RouteTarget],
    directory: &dyn Directory,
    findings: &mut Findings,
) -> Option<Pair> {
    let hint = || Some("make one route for each pair of datapoints".into());
    let ([from], [RouteTarget::Fixed(to)]) = (spec.from.0.as_slice(), targets) else {
        findings.error("bidirectional", "a route in both directions has one address on either side", hint());
        return None;
    };
    if is_pattern(from) {
        findings.error("bidirectional", "a route in both directions has no patterns", hint());
        return None;
    }
    let source = match rules.known.target(&rules.known.canonical(from, directory)) {
        Ok(source) => source,
        Err((message, hint)) => {
            findings.error("from", format!("it is written to as well: {message}"), hint);
            return None;
        }
    };
    for (key, end) in [("from", &source), ("to", to)] {
        if !end.is_state() {
            let message = format!("`{}` cannot be read back, so no value comes from there", end.address);
            findings.error(key, message, Some("leave `bidirectional` out".into()));
            return None;
        }
    }
    if spec.priority.is_some() {
        findings.error("priority", "a route in both directions has no priority", None);
    }
    let back = match logic.pipeline.as_ref().map(Pipeline::reversed).transpose() {
        Ok(back) => back,
        Err(step) => {
            let message = format!("the step `{step}` knows no way back");
            let hint = "scale, offset, invert, round, and map without two equal results do";
            findings.error("transform", message, Some(hint.into()));
            return None;
        }
    };
    if spec.enabled {
        rules.direct.entry(to.address.as_str().into()).or_default().push(index);
    }
    Some(Pair { source, back })
}

fn sources(rules: &mut Rules, index: RouteIndex, spec: &RouteSpec, directory: &dyn Directory, findings: &mut Findings) {
    if spec.from.0.is_empty() {
        findings.error("from", "a route needs a source", None);
    }
    if spec.from.0.len() > MAX_LISTED {
        let message = format!("a list has at most {MAX_LISTED} sources, not {}", spec.from.0.len());
        return findings.error("from", message, Some("write a pattern, or several routes".into()));
    }
    let mut listed = HashSet::new();
    for from in &spec.from.0 {
        if let Some((message, hint)) = spelling::of_source(from) {
            findings.warning("from", message, hint);
        }
        if !listed.insert(rules.known.canonical(from, directory)) {
            findings.warning("from", format!("`{from}` stands in the list twice"), None);
        }
        if is_pattern(from) {
            pattern(rules, index, from, spec.enabled, findings);
            continue;
        }
        own("from", from, directory, findings);
        if let Err((message, hint)) = rules.known.source(from) {
            findings.error("from", message, hint);
        } else if spec.enabled {
            let address = rules.known.canonical(from, directory);
            rules.direct.entry(address.into()).or_default().push(index);
        }
    }
}

/// Warns of a datapoint of the house itself that it does not have.
fn own(key: &'static str, address: &str, directory: &dyn Directory, findings: &mut Findings) {
    if !address.starts_with("system.") {
        return;
    }
    if let Err(near) = directory.own(address) {
        let near = near.map(|near| format!("did you mean `{near}`?"));
        findings.warning(key, format!("the house has no datapoint `{address:.100}`"), near);
    }
}

fn pattern(rules: &mut Rules, index: RouteIndex, from: &str, enabled: bool, findings: &mut Findings) {
    let compiled = match (Pattern::compile(from), Pattern::compile(&from.to_lowercase())) {
        (Ok(pattern), Ok(folded)) => (pattern, folded),
        (Err(error), _) | (_, Err(error)) => return findings.error("from", error.to_string(), None),
    };
    if !rules.known.may_begin(compiled.0.prefix()) {
        let message = format!("no instance begins like `{from}`");
        findings.warning("from", message, Some("is the instance's name right?".into()));
    }
    if enabled {
        if rules.known.any_case_insensitive() {
            rules.folded.insert(compiled.1, index);
        }
        rules.patterns.insert(compiled.0, index);
    }
}

fn targets(rules: &Rules, spec: &RouteSpec, directory: &dyn Directory, findings: &mut Findings) -> Vec<RouteTarget> {
    if spec.to.0.is_empty() {
        findings.error("to", "a route needs a target", None);
    }
    let (mut found, mut listed) = (Vec::new(), HashSet::new());
    if spec.to.0.len() > MAX_LISTED {
        let message = format!("a list has at most {MAX_LISTED} targets, not {}", spec.to.0.len());
        findings.error("to", message, Some("write several routes".into()));
        return found;
    }
    for to in &spec.to.0 {
        match target(rules, to, directory) {
            Ok(target) => {
                if let Some((message, hint)) = spelling::of_target(to) {
                    findings.warning("to", message, hint);
                }
                if let RouteTarget::Fixed(target) = &target {
                    check_fixed(rules, spec, target, directory, findings);
                }
                if !listed.insert(rules.known.canonical(to, directory)) {
                    findings.warning("to", format!("`{to}` stands in the list twice"), None);
                }
                found.push(target);
            }
            Err((message, hint)) => findings.error("to", message, hint),
        }
    }
    found
}

fn target(rules: &Rules, to: &str, directory: &dyn Directory) -> Result<RouteTarget, Wrong> {
    if is_pattern(to) {
        let hint = "to take over parts of the source's address, write {rest}, {path} or {tag}";
        return Err((format!("a target has no wildcards: `{to}`"), Some(hint.into())));
    }
    if !is_template(to) {
        return rules.known.target(&rules.known.canonical(to, directory)).map(RouteTarget::Fixed);
    }
    let template = Template::compile(to).map_err(|message| (message, None))?;
    let prefix = template.prefix();
    let (instance, _) = prefix.split_at(rules.known.locate(prefix).0);
    if instance.len() == prefix.len() {
        let hint = "write the instance out: `mqtt.broker_local.{rest}`";
        return Err((format!("the instance of `{to}` is not known before a sample comes"), Some(hint.into())));
    }
    // With any text in place of the placeholders it must be a target.
    rules.known.target(&template.fill("source", "path.tag"))?;
    Ok(RouteTarget::Filled(template))
}

fn check_fixed(
    rules: &Rules,
    spec: &RouteSpec,
    target: &super::TargetSpec,
    directory: &dyn Directory,
    findings: &mut Findings,
) {
    let address = target.address.as_str();
    if spec.from.0.iter().any(|from| rules.known.canonical(from, directory) == address) {
        findings.error("to", format!("the route sends `{address}` to itself"), None);
    }
    if let TargetName::Instance { tag, class: TargetClass::State, .. } = &target.name
        && tag.is_empty()
    {
        let hint = format!("write `{address}.` and a tag");
        findings.warning("to", format!("`{address}` is an instance; which datapoint of it?"), Some(hint));
    }
}
