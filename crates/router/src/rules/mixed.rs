//! Units that meet within an expression: `value - dp("…")` of watts and kilowatts is no number of anything.

use super::compile::Findings;
use super::{Directory, Rules};
use crate::expression::{Binary, Function, Node, Variable};
use crate::pattern::is_pattern;
use crate::transform::Pipeline;
use crate::unit::apart;

/// Warns where a value is added to, or compared with, one of another unit.
pub(super) fn check(rules: &Rules, directory: &dyn Directory, findings: &mut Findings) {
    for route in &rules.routes {
        // A route that looks nowhere else has nothing that could meet.
        if route.logic.points.is_empty() {
            continue;
        }
        let unit =
            |address: &str| directory.declared(address).unit.or_else(|| rules.unit(address).map(ToOwned::to_owned));
        let source = |from: &String| {
            if is_pattern(from) { None } else { unit(&rules.known.canonical(from, directory)) }
        };
        let mut sources = route.spec.from.0.iter().map(source);
        let first = sources.next().flatten();
        let value = first.filter(|first| sources.all(|other| other.as_ref() == Some(first)));
        let points: Vec<Option<String>> = route.logic.points.iter().map(|point| unit(point)).collect();
        let units = Units { value: value.as_deref(), points: &points };
        let unknown = Units { value: None, points: &points };
        let condition = route.logic.condition.iter().map(|condition| ("condition", &units, condition));
        let steps = route.logic.pipeline.iter().flat_map(Pipeline::expressions);
        let steps = steps.map(|(kept, step)| ("transform", if kept { &units } else { &unknown }, step));
        let found =
            condition.chain(steps).find_map(|(key, units, expression)| Some((key, units.meet(expression.node())?)));
        if let Some((key, (a, b))) = found {
            findings.about(&route.spec.id);
            let hint = format!("bring one of them to the other's unit, for example `dp(\"…\") * 1000` for {a} and {b}");
            findings.warning(key, format!("a value in {a} meets one in {b}"), Some(hint));
        }
        if findings.full() {
            return;
        }
    }
}

/// What is known of the units in an expression.
struct Units<'a> {
    value: Option<&'a str>,
    points: &'a [Option<String>],
}

impl<'a> Units<'a> {
    /// The unit of what this node makes, if it is known.
    fn of(&self, node: &Node) -> Option<&'a str> {
        match node {
            Node::Variable(Variable::Value | Variable::Previous, _) => self.value,
            Node::Point(index, _) => self.points.get(*index)?.as_deref(),
            Node::Negate(inner) => self.of(inner),
            Node::Binary(Binary::Add | Binary::Subtract, sides) => sides.iter().find_map(|side| self.of(side)),
            Node::If(parts) => parts[1..].iter().find_map(|part| self.of(part)),
            Node::Call(function, _, arguments) if keeps(*function) => arguments.iter().find_map(|one| self.of(one)),
            _ => None,
        }
    }

    /// Two units that meet somewhere in this expression and do not belong together.
    fn meet(&self, node: &Node) -> Option<(&'a str, &'a str)> {
        let parts: &[Node] = match node {
            Node::Binary(Binary::Add | Binary::Subtract, sides) => &**sides,
            Node::Binary(operator, sides) if operator.compares() => &**sides,
            Node::Call(Function::Min | Function::Max, _, arguments) => arguments,
            _ => &[],
        };
        let mut known = parts.iter().filter_map(|part| self.of(part));
        let pair = known.next().and_then(|first| known.find(|other| apart(first, other)).map(|other| (first, other)));
        pair.or_else(|| node.children().iter().find_map(|child| self.meet(child)))
    }
}

/// Whether the result is in the unit of the arguments.
fn keeps(function: Function) -> bool {
    matches!(
        function,
        Function::Abs | Function::Min | Function::Max | Function::Round | Function::Floor | Function::Ceil
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_declared;

    #[test]
    fn units_that_do_not_belong_together_are_noticed_where_they_meet() {
        let met = "a value in W meets one in kW";
        check_declared("watts", r#""transform":"expr(value - dp('plc_002.kilowatts'))","#, "x", met);
        check_declared("watts", r#""condition":"abs(value) > dp('plc_002.kilowatts')","#, "x", met);
        check_declared("watts", r#""transform":"round | expr(max(value, dp('plc_002.kilowatts')))","#, "x", met);
        check_declared("watts", r#""transform":"expr(value - dp('plc_002.kilowatts') * 1000)","#, "x", "");
        check_declared("watts", r#""transform":"scale(0.001) | expr(value - dp('plc_002.kilowatts'))","#, "x", "");
        check_declared("watts", r#""transform":"expr(value + dp('bt.bms_001.watts'))","#, "x", "");
        check_declared("watts", r#""condition":"value > 5 and dp('plc_002.kilowatts') < 3","#, "x", "");
        check_declared("volts", r#""condition":"value > dp('plc_002.amps')","#, "x", "a value in V meets one in A");
    }
}
