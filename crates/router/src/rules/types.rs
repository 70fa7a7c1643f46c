//! Declared types along a route: a target that will never take what it is sent.

use fieldrail_model::IecType;

use super::compile::Findings;
use super::{Directory, Logic, RouteTarget, Rules};
use crate::expression::Kind;
use crate::file::RouteSpec;

/// Warns where what comes out of a route does not fit the declared type of its target.
pub(super) fn check(
    rules: &Rules,
    spec: &RouteSpec,
    logic: &Logic,
    targets: &[RouteTarget],
    directory: &dyn Directory,
    findings: &mut Findings,
) {
    let kind = logic.pipeline.as_ref().map_or(logic.kind, crate::transform::Pipeline::kind);
    for target in targets {
        let RouteTarget::Fixed(target) = target else { continue };
        let Some(declared) = directory.declared(target.address.as_str()).r#type else { continue };
        let key = if spec.transform.is_some() { "transform" } else { "to" };
        if let Some(hint) = misfit(kind, declared) {
            let message = format!("{} goes to `{}`, which is {}", kind.name(), target.address, name(declared));
            findings.warning(key, message, Some(hint.into()));
        } else if has_fractions(rules, spec, logic, directory) && declared.integers().is_some() {
            let message = format!("a number with a fraction goes to `{}`, which is {}", target.address, name(declared));
            findings.warning(key, message, Some("add `round`".into()));
        } else if let Some(chosen) = logic
            .pipeline
            .iter()
            .flat_map(crate::transform::Pipeline::chosen)
            .find(|chosen| declared.fit(chosen).is_err())
        {
            let message = format!("`{chosen}` goes to `{}`, which is {}", target.address, name(declared));
            findings.warning(key, message, None);
        }
    }
}

/// The type as people write it.
pub(super) fn name(declared: IecType) -> String {
    format!("{declared:?}").to_uppercase()
}

/// What to try where a kind does not fit a type.
fn misfit(kind: Kind, declared: IecType) -> Option<&'static str> {
    match (kind, Kind::of_type(declared)) {
        (Kind::Number, Kind::Bool) => Some("compare it: `expr(value > 0)`, or `hysteresis(low, high)`"),
        (Kind::Text, Kind::Bool) => Some("say which text is true: `map(\"on\" = true, \"off\" = false)`"),
        (Kind::Text, Kind::Number) => Some("if the text spells a number, add `float`"),
        _ => None,
    }
}

/// Whether the values surely may have digits behind the point when they come out.
fn has_fractions(rules: &Rules, spec: &RouteSpec, logic: &Logic, directory: &dyn Directory) -> bool {
    let real = |from: &String| {
        let declared = directory.declared(&rules.known.canonical(from, directory));
        matches!(declared.r#type, Some(IecType::Real | IecType::Lreal))
    };
    let begins = !spec.from.0.is_empty() && spec.from.0.iter().all(real);
    logic.pipeline.as_ref().map_or(begins, |pipeline| pipeline.has_fractions(begins))
}
