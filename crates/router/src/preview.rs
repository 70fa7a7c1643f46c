//! One value through one route, stage by stage, with an effect on nothing: what somebody sees who is writing the route.
//!
//! [`Preview::compile`] takes what compiles and leaves the rest out, since the check tells of that; [`Preview::run`] is a pure
//! function of the sample, the datapoints that are looked up, and the time. How long it takes is bounded by the lengths of
//! expressions and pipelines.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{Class, Quality, Sample, Timestamp, Value};

use crate::expression::{EvalError, Expression, Input, Lookup, Points, Types};
use crate::file::RouteSpec;
use crate::pattern::{Pattern, Template, is_pattern, is_template};
use crate::rules::{Classes, Directory, Known, kind_at, source_kind};
use crate::transform::{Item, Pipeline, Staged};

/// A route whose stages can be looked at.
#[derive(Debug)]
pub struct Preview {
    known: Known,
    condition: Option<Expression>,
    pipeline: Option<Pipeline>,
    points: Vec<Arc<str>>,
    sources: Vec<Source>,
    targets: Vec<String>,
    on_quality: Option<Classes>,
}

/// Where samples of the route come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// One datapoint, in the spelling of the data space.
    Address(String),
    /// Each that matches; for instances whose tags do not depend on case the second one, in lower case.
    Pattern(Pattern, Pattern),
}

impl Source {
    /// Whether samples of this address are taken; `folds` says that its tags do not depend on case.
    pub fn takes(&self, address: &str, folds: bool) -> bool {
        match self {
            Self::Address(known) => known == address,
            Self::Pattern(pattern, folded) => {
                pattern.matches(address) || folds && folded.matches(&address.to_lowercase())
            }
        }
    }
}

/// What one stage made of the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The condition or the step, as written.
    pub text: String,
    /// Whether the value came so far.
    pub reached: bool,
    /// What came out; none if the stage keeps the value.
    pub sample: Option<(Value, Quality, Option<Arc<str>>)>,
    /// How long after the sample it is said, if the value stands so long.
    pub after: Duration,
    /// Whether the step has a memory, which is blank here.
    pub remembers: bool,
    /// Why it could not be computed.
    pub error: Option<String>,
}

/// A target, and whether the value goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The target, its placeholders filled; as written if that cannot be.
    pub address: String,
    /// Whether it gets what came out.
    pub gets: bool,
    /// Why it does not: `held`, `condition`, `quality`, or that it is no target.
    pub because: Option<String>,
}

/// A route as one value sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stages {
    /// The condition, if there is one that compiles.
    pub condition: Option<Made>,
    /// The steps, if there is a pipeline that compiles.
    pub steps: Vec<Made>,
    /// The targets, in the order of the route.
    pub targets: Vec<Sent>,
}

/// The datapoints that are looked up, in the order of [`Preview::points`].
struct Around<'a> {
    addresses: &'a [Arc<str>],
    samples: &'a [Option<Sample>],
}

impl Lookup for Around<'_> {
    fn point(&self, index: usize) -> Result<&Sample, EvalError> {
        let address = || self.addresses.get(index).cloned().unwrap_or_else(|| "".into());
        match self.samples.get(index).and_then(Option::as_ref) {
            None => Err(EvalError::Missing(address())),
            Some(sample) if sample.quality.class() == Class::Bad => {
                Err(EvalError::BadPoint { address: address(), quality: sample.quality })
            }
            Some(sample) => Ok(sample),
        }
    }
}

impl Preview {
    /// Compiles what can be compiled.
    pub fn compile(spec: &RouteSpec, directory: &dyn Directory) -> Self {
        let known = Known::new(directory);
        let of = |address: &str| kind_at(&known, address, directory);
        let types = Types { value: source_kind(&known, spec, directory), of: &of };
        let mut points = Points::default();
        let condition =
            spec.condition.as_deref().and_then(|text| Expression::condition_for(text, &mut points, types).ok());
        let pipeline = spec.transform.as_deref().and_then(|text| Pipeline::compile_for(text, &mut points, types).ok());
        let canonical = |address: &str| known.canonical(address, directory).into_owned();
        let source = |from: &String| {
            if is_pattern(from) {
                Some(Source::Pattern(Pattern::compile(from).ok()?, Pattern::compile(&from.to_lowercase()).ok()?))
            } else {
                Some(Source::Address(canonical(from)))
            }
        };
        let sources = spec.from.0.iter().take(crate::rules::MAX_LISTED).filter_map(source).collect();
        let targets = spec.to.0.iter().take(crate::rules::MAX_LISTED);
        let targets = targets.map(|to| if is_template(to) { to.clone() } else { canonical(to) }).collect();
        let points = points.addresses.iter().map(|address| canonical(address).into()).collect();
        let classes = |list: &Vec<_>| list.iter().map(|class| Class::from(*class)).collect();
        let on_quality = spec.on_quality.as_ref().map(classes);
        Self { known, condition, pipeline, points, sources, targets, on_quality }
    }

    /// The datapoints of `dp("…")`.
    pub fn points(&self) -> &[Arc<str>] {
        &self.points
    }

    /// Where samples come from.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What the route makes of this sample, with `previous` the value of its datapoint before it and `points` what stands at
    /// [`Preview::points`].
    pub fn run(
        &self,
        (address, sample, previous): (&str, &Sample, &Value),
        points: &[Option<Sample>],
        now: Timestamp,
    ) -> Stages {
        let (end, _) = self.known.locate(address);
        let (source, tag) = (&address[..end], address.get(end + 1..).unwrap_or(""));
        let (around, worst) = (Around { addresses: &self.points, samples: points }, Cell::new(sample.quality));
        let input = Input {
            value: &sample.value,
            quality: sample.quality,
            previous,
            source,
            tag,
            source_time: sample.source_time,
            now,
            points: &around,
            worst: &worst,
        };
        let condition = self.condition.as_ref().map(|condition| tested(condition, &input));
        let passes =
            condition.as_ref().is_none_or(|made| made.sample.as_ref().is_some_and(|(v, ..)| *v == Value::Bool(true)));
        let (value, quality, note) = (sample.value.clone(), sample.quality, sample.note.clone());
        let item = Item { value, quality, note, time: sample.source_time };
        let staged = self.pipeline.as_ref().map(|pipeline| pipeline.stage(item.clone(), &input)).unwrap_or_default();
        let last = staged.last().map_or(Some(item), |last| last.made.clone());
        let came_out = if passes { last.as_ref().ok_or("held") } else { Err("condition") };
        let target = |to: &String| self.sent(to, (source, tag), came_out);
        let targets = self.targets.iter().map(target).collect();
        let stopped = |made| if passes { made } else { Made { reached: false, sample: None, error: None, ..made } };
        Stages { condition, steps: staged.into_iter().map(Made::from).map(stopped).collect(), targets }
    }

    /// Whether a target gets what came out, or why nothing came out.
    fn sent(&self, to: &str, (source, tag): (&str, &str), last: Result<&Item, &'static str>) -> Sent {
        let address = match Template::compile(to) {
            Ok(template) if is_template(to) => template.fill(source, tag),
            _ => to.to_owned(),
        };
        let because = match (self.known.target(&address), last) {
            (Err((message, _)), _) => Some(message),
            (_, Err(stopped)) => Some(stopped.into()),
            (Ok(target), Ok(item)) => {
                let careful = target.is_state() && !address.starts_with("calc.");
                let classes = self.on_quality.unwrap_or(if careful { Classes::USABLE } else { Classes::ALL });
                (!classes.has(item.quality.class())).then(|| "quality".into())
            }
        };
        Sent { gets: because.is_none(), address, because }
    }
}

/// What a condition says, as a truth value.
fn tested(condition: &Expression, input: &Input<'_>) -> Made {
    let told = condition.test(input);
    Made {
        text: String::new(),
        reached: true,
        sample: told.as_ref().ok().map(|truth| (Value::Bool(*truth), Quality::Good, None)),
        after: Duration::ZERO,
        remembers: false,
        error: told.err().map(|error| error.to_string()),
    }
}

impl From<Staged> for Made {
    fn from(staged: Staged) -> Self {
        Self {
            text: staged.text.into(),
            reached: staged.reached,
            sample: staged.made.map(|item| (item.value, item.quality, item.note)),
            after: staged.after,
            remembers: staged.remembers,
            error: staged.error.map(|error| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::House;

    /// What a route makes of a value, a line for each stage and target.
    #[track_caller]
    fn check(route: &str, (address, value): (&str, Value), points: &[(&str, Value)], want: &str) {
        let spec: RouteSpec = serde_json::from_str(&format!(r#"{{"id":"a",{route}}}"#)).unwrap();
        let preview = Preview::compile(&spec, &House);
        let now = Timestamp::from_millis(1_000_000);
        let at = |wanted: &Arc<str>| {
            let found = points.iter().find(|(address, _)| *address == &**wanted);
            found.map(|(_, value)| Sample::good(value.clone(), now))
        };
        let around: Vec<_> = preview.points().iter().map(at).collect();
        let stages = preview.run((address, &Sample::good(value, now), &Value::Null), &around, now);
        let made = |made: &Made| match (&made.sample, &made.error) {
            _ if !made.reached => format!("{}: -", made.text),
            (_, Some(error)) => format!("{}: {error}", made.text),
            (None, _) => format!("{}: held", made.text),
            (Some((value, quality, _)), _) if made.after.is_zero() => format!("{}: {value} {quality}", made.text),
            (Some((value, quality, _)), _) => format!("{}: {value} {quality} +{:?}", made.text, made.after),
        };
        let mut lines: Vec<String> = stages.condition.iter().chain(&stages.steps).map(made).collect();
        lines.extend(
            stages.targets.iter().map(|to| format!("{} {}", to.address, to.because.as_deref().unwrap_or("gets it"))),
        );
        assert_eq!(lines.join("\n"), want);
    }

    #[test]
    fn each_step_says_what_it_makes() {
        check(
            r#""from":"plc_002.x","to":["calc.x","plc_001.MAIN.X"],"condition":"value > 1","transform":"scale(0.001) | round(1)""#,
            ("plc_002.x", Value::Int(5321)),
            &[],
            ": true good\nscale(0.001): 5.321 good\nround(1): 5.3 good\ncalc.x gets it\nplc_001.main.x gets it",
        );
    }

    #[test]
    fn what_the_condition_stops_reaches_no_step() {
        check(
            r#""from":"plc_002.x","to":"calc.x","condition":"value > 9","transform":"scale(2)""#,
            ("plc_002.x", Value::Int(1)),
            &[],
            ": false good\nscale(2): -\ncalc.x condition",
        );
        check(
            r#""from":"plc_002.x","to":"calc.x","condition":"value > 9""#,
            ("plc_002.x", Value::text("warm")),
            &[],
            ": a text is compared with a number\ncalc.x condition",
        );
    }

    #[test]
    fn a_step_that_cannot_compute_says_why_and_a_variable_is_spared() {
        check(
            r#""from":"plc_002.x","to":["calc.x","plc_002.y"],"transform":"scale(2) | round(1)""#,
            ("plc_002.x", Value::text("warm")),
            &[],
            "scale(2): scale is not defined for a text\nround(1): null bad:type_mismatch\ncalc.x gets it\nplc_002.y quality",
        );
    }

    #[test]
    fn a_window_says_what_it_will_say_at_its_end() {
        check(
            r#""from":"plc_002.x","to":"calc.x","transform":"debounce(2s) | scale(2)""#,
            ("plc_002.x", Value::Int(4)),
            &[],
            "debounce(2s): 4 good +2s\nscale(2): 8 good +2s\ncalc.x gets it",
        );
        // 1,000 s are no whole minute: the first end covers 20 s only, the next one all of it.
        check(
            r#""from":"plc_002.x","to":"calc.x","transform":"avg(60s)""#,
            ("plc_002.x", Value::Int(4)),
            &[],
            "avg(60s): 4 good +80s\ncalc.x gets it",
        );
        check(
            r#""from":"plc_002.x","to":"calc.x","transform":"delta | scale(2)""#,
            ("plc_002.x", Value::Int(4)),
            &[],
            "delta: held\nscale(2): -\ncalc.x held",
        );
    }

    #[test]
    fn other_datapoints_are_looked_up() {
        let route = r#""from":"plc_002.x","to":"calc.x","transform":"expr(value + dp('plc_001.MAIN.Load'))""#;
        let text = "expr(value + dp('plc_001.MAIN.Load'))";
        check(
            route,
            ("plc_002.x", Value::Int(4)),
            &[("plc_001.main.load", Value::Int(38))],
            &format!("{text}: 42 good\ncalc.x gets it"),
        );
        check(
            route,
            ("plc_002.x", Value::Int(4)),
            &[],
            &format!("{text}: `plc_001.main.load` has no value yet\ncalc.x gets it"),
        );
    }

    #[test]
    fn placeholders_are_filled_and_what_is_no_target_is_told() {
        check(
            r#""from":"bt.*.alarm","to":["mqtt.broker_local.{source}/{tag}","nowhere.{tag}"]"#,
            ("bt.bms_001.alarm", Value::Bool(true)),
            &[],
            "mqtt.broker_local.bt.bms_001/alarm gets it\nnowhere.alarm `nowhere` is not an instance",
        );
    }

    #[test]
    fn what_does_not_compile_is_left_out_and_the_rest_is_shown() {
        check(
            r#""from":"plc_002.x","to":"calc.x","condition":"value >","transform":"scale(2)""#,
            ("plc_002.x", Value::Int(4)),
            &[],
            "scale(2): 8 good\ncalc.x gets it",
        );
        let deep = format!("{}value{}", "(".repeat(1_000), ")".repeat(1_000));
        check(
            &format!(r#""from":"plc_002.x","to":"calc.x","transform":"expr({deep})""#),
            ("plc_002.x", Value::Int(4)),
            &[],
            "calc.x gets it",
        );
    }
}
