//! A route to try, and what came of it, as plain data.

use fieldrail_model::{Quality, Value};
use fieldrail_router::preview::Made;
use fieldrail_router::{Moment, Place, Problem, RouteSpec, Severity, language};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::views::Reading;

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
