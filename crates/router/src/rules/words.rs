//! Words that a condition or a step holds a variable against, and that the variable never is.

use fieldrail_model::text::did_you_mean;
use fieldrail_model::{Class, Quality, Value};

use super::compile::Findings;
use super::{Logic, Rules};
use crate::expression::{Node, Variable};
use crate::transform::Pipeline;

/// Complains about qualities, reasons and instances that there are not; whether there was something to complain about.
pub(super) fn check(rules: &Rules, logic: &Logic, findings: &mut Findings) -> bool {
    let mut found = false;
    let condition = logic.condition.iter().map(|condition| ("condition", condition.node()));
    let steps = logic.pipeline.iter().flat_map(Pipeline::expressions).map(|(_, step)| ("transform", step.node()));
    for (key, node) in condition.chain(steps) {
        walk(node, &mut |variable, text| match variable {
            Variable::Quality if !classes().any(|known| known == text) => {
                let near = did_you_mean(text, classes());
                findings.error(key, format!("there is no quality `{text:.40}`{near}"), reason_of(text));
                found = true;
            }
            Variable::Reason if !reasons().any(|known| known == text) => {
                let near = did_you_mean(text, reasons());
                findings.error(key, format!("there is no reason `{text:.40}`{near}"), None);
                found = true;
            }
            Variable::Source => {
                if let Some((message, hint)) = rules.known.no_instance(text) {
                    findings.warning(key, message, hint);
                    found = true;
                }
            }
            _ => {}
        });
    }
    found
}

fn classes() -> impl Iterator<Item = &'static str> {
    [Class::Good, Class::Uncertain, Class::Bad].into_iter().map(Class::name)
}

fn reasons() -> impl Iterator<Item = &'static str> {
    Quality::ALL.iter().map(|quality| quality.reason())
}

/// What to try with a reason that is taken for a quality.
fn reason_of(text: &str) -> Option<String> {
    reasons().any(|known| known == text).then(|| format!("it is a reason: `reason == \"{text}\"`"))
}

/// Tells of every variable that is held against a text.
fn walk(node: &Node, tell: &mut dyn FnMut(Variable, &str)) {
    match node {
        Node::Binary(operator, sides) if operator.compares() => match &**sides {
            [Node::Variable(variable, _), Node::Constant(Value::Text(text))]
            | [Node::Constant(Value::Text(text)), Node::Variable(variable, _)] => tell(*variable, text),
            _ => {}
        },
        Node::In(wanted, list) => {
            if let Node::Variable(variable, _) = &**wanted {
                for one in list {
                    if let Node::Constant(Value::Text(text)) = one {
                        tell(*variable, text);
                    }
                }
            }
        }
        _ => {}
    }
    node.children().iter().for_each(|child| walk(child, tell));
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[track_caller]
    fn check_condition(condition: &str, want: &str) {
        check(&format!(r#"{{"id":"a","from":"plc_002.x","to":"log.system","condition":"{condition}"}}"#), want);
    }

    #[test]
    fn words_that_are_none_are_noticed_wherever_they_stand() {
        check_condition("quality == 'Good'", "a condition: there is no quality `Good`; did you mean `good`?");
        check_condition(
            "value > 5 or quality != 'god'",
            "a condition: there is no quality `god`; did you mean `good`?",
        );
        check_condition(
            "quality in ['good', 'uncertan']",
            "a condition: there is no quality `uncertan`; did you mean `uncertain`?",
        );
        check_condition("quality == 'stale'", "a condition: there is no quality `stale`");
        check_condition(
            "not (reason == 'not connected')",
            "a condition: there is no reason `not connected`; did you mean `not_connected`?",
        );
        check_condition("source == 'plc_02'", "a condition: there is no instance `plc_02`; did you mean `plc_002`?");
        check_condition("source == 'plc_002' and reason in ['', 'stale']", "");
        check(
            r#"{"id":"a","from":"plc_002.x","to":"log.system","transform":"expr(if(quality == 'goood', value, 0))"}"#,
            "a transform: there is no quality `goood`; did you mean `good`?",
        );
    }
}
