//! One route after the other: what is wrong with each, and its compiled form.

use std::collections::HashSet;
use std::time::Duration;

use fieldrail_model::Class;

use super::target::{Known, TargetName, Wrong};
use super::{
    Classes, Directory, MAX_PROBLEMS, Problem, Route, RouteIndex, RouteTarget, Rules, Severity, TargetClass, checks,
};
use crate::expression::{Expression, Points, SyntaxError};
use crate::file::{DeliverySpec, Mode, RouteSpec, RoutingFile};
use crate::pattern::{Pattern, Template, is_pattern, is_template};
use crate::transform::Pipeline;

/// The problems found so far.
pub(super) struct Findings {
    found: Vec<Problem>,
    route: Option<String>,
}

impl Findings {
    /// What follows is about this route.
    pub(super) fn about(&mut self, route: &str) {
        self.route = Some(route.chars().take(64).collect());
    }

    pub(super) fn error(&mut self, key: &'static str, message: impl Into<String>, hint: Option<String>) {
        self.add(key, message.into(), hint, Severity::Error);
    }

    fn add(&mut self, key: &'static str, message: String, hint: Option<String>, severity: Severity) {
        if !self.full() {
            self.found.push(Problem { route: self.route.clone(), key, message, hint, severity });
        }
    }

    fn syntax(&mut self, key: &'static str, error: SyntaxError) {
        self.error(key, error.to_string(), error.hint);
    }

    fn full(&self) -> bool {
        self.found.len() >= MAX_PROBLEMS
    }

    fn has_errors(&self) -> bool {
        self.found.iter().any(|problem| problem.severity == Severity::Error)
    }
}

pub(super) fn compile(file: &RoutingFile, directory: &dyn Directory) -> Result<Rules, Vec<Problem>> {
    let mut findings = Findings { found: Vec::new(), route: None };
    if file.version != "1.0" {
        let message = format!("version `{}` of the format is unknown", file.version);
        findings.error("version", message, Some("this program reads version 1.0".into()));
        return Err(findings.found);
    }
    let mut rules = Rules { known: Known::new(directory), ..Rules::default() };
    let mut ids = HashSet::new();
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
        add(&mut rules, index, spec, directory, &mut findings);
        if findings.full() {
            return Err(findings.found);
        }
    }
    if !findings.has_errors() {
        checks::two_writers(&rules, &mut findings);
        checks::circles(&rules, &mut findings);
    }
    if findings.has_errors() {
        return Err(findings.found);
    }
    rules.warnings = findings.found;
    Ok(rules)
}

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

fn add(rules: &mut Rules, index: RouteIndex, spec: &RouteSpec, directory: &dyn Directory, findings: &mut Findings) {
    refuse_what_is_not_built(spec, findings);
    sources(rules, index, spec, directory, findings);
    let targets = targets(rules, spec, directory, findings);
    let mut points = Points::default();
    let condition = spec.condition.as_deref().and_then(|text| {
        Expression::condition(text, &mut points).map_err(|error| findings.syntax("condition", error)).ok()
    });
    let in_condition = points.0.len();
    let pipeline = spec.transform.as_deref().and_then(|text| {
        Pipeline::compile(text, &mut points).map_err(|error| findings.syntax("transform", error)).ok()
    });
    for (nth, address) in points.0.iter_mut().enumerate() {
        if let Err((message, hint)) = rules.known.source(address) {
            findings.error(if nth < in_condition { "condition" } else { "transform" }, message, hint);
        }
        *address = rules.known.canonical(address, directory).into();
    }
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
    rules.routes.push(Route {
        spec: spec.clone(),
        condition,
        pipeline,
        points: points.0,
        targets,
        on_quality: spec
            .on_quality
            .as_ref()
            .map(|list| list.iter().map(|class| Class::from(*class)).collect::<Classes>()),
        mode: spec.delivery.map(|delivery| match delivery {
            DeliverySpec::Latest => Mode::Latest,
            DeliverySpec::Queued | DeliverySpec::Durable => Mode::Queued,
        }),
        ttl: spec.ttl_ms.map(Duration::from_millis),
    });
}

fn refuse_what_is_not_built(spec: &RouteSpec, findings: &mut Findings) {
    if spec.delivery == Some(DeliverySpec::Durable) {
        let hint = "use `queued`, which does not survive a restart";
        findings.error("delivery", "`durable` is not built yet", Some(hint.into()));
    }
    let keys = [
        ("bidirectional", spec.bidirectional.is_some()),
        ("priority", spec.priority.is_some()),
        ("tests", spec.tests.is_some()),
    ];
    for (key, given) in keys {
        if given {
            findings.error(key, format!("`{key}` is not built yet"), Some("leave the key out".into()));
        }
    }
}

fn sources(rules: &mut Rules, index: RouteIndex, spec: &RouteSpec, directory: &dyn Directory, findings: &mut Findings) {
    if spec.from.0.is_empty() {
        findings.error("from", "a route needs a source", None);
    }
    for from in &spec.from.0 {
        if is_pattern(from) {
            pattern(rules, index, from, spec.enabled, findings);
            continue;
        }
        if let Err((message, hint)) = rules.known.source(from) {
            findings.error("from", message, hint);
        } else if spec.enabled {
            let address = rules.known.canonical(from, directory);
            rules.direct.entry(address.into()).or_default().push(index);
        }
    }
}

fn pattern(rules: &mut Rules, index: RouteIndex, from: &str, enabled: bool, findings: &mut Findings) {
    let compiled = match (Pattern::compile(from), Pattern::compile(&from.to_lowercase())) {
        (Ok(pattern), Ok(folded)) => (pattern, folded),
        (Err(error), _) | (_, Err(error)) => return findings.error("from", error.to_string(), None),
    };
    if !rules.known.may_begin(compiled.0.prefix()) {
        let message = format!("no instance begins like `{from}`");
        findings.add("from", message, Some("is the instance's name right?".into()), Severity::Warning);
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
    let mut found = Vec::new();
    for to in &spec.to.0 {
        match target(rules, to, directory) {
            Ok(target) => {
                if let RouteTarget::Fixed(target) = &target {
                    check_fixed(rules, spec, target, directory, findings);
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
        findings.add(
            "to",
            format!("`{address}` is an instance; which datapoint of it?"),
            Some(hint),
            Severity::Warning,
        );
    }
}
