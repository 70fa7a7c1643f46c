//! The tests that stand beside a route: each is run in simulated time, with a router of its own, and what comes out is held
//! against what was expected.

use std::fmt::Write as _;

use fieldrail_model::{Quality, Sample, Timestamp, Value};

use crate::engine::{Outcome, Router, Stage, Tap, TapId, Tapped};
use crate::expression::equal;
use crate::file::{Moment, RouteSpec, RouteTest, RoutingFile};
use crate::pattern::{Pattern, is_pattern};
use crate::rules::{Directory, MAX_PROBLEMS, Problem, Rules, Severity};

/// Things that happen in all tests of a file together, at the most: a hostile file cannot keep the check busy.
const MAX_EVENTS: usize = 200_000;
/// Outputs of one test, at the most.
const MAX_OUTPUTS: usize = 1_000;
/// The longest that a test may go on, in simulated milliseconds: a year.
const MAX_UNTIL_MS: u64 = 366 * 86_400_000;

/// One test of a route and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsed {
    /// Its place among the tests of the route.
    pub nth: usize,
    /// What came out, as the test could have expected it.
    pub got: Vec<Moment>,
    /// Why it does not hold; none if it does.
    pub failure: Option<String>,
}

/// Runs the tests of all routes, those that are off too. Routes that do not compile have none: what is wrong with them is
/// told elsewhere.
pub fn rehearse(file: &RoutingFile, directory: &dyn Directory) -> Vec<Problem> {
    let (mut problems, mut left) = (Vec::new(), MAX_EVENTS);
    for spec in &file.routes {
        for (test, done) in spec.tests.iter().flatten().zip(of_route(spec, directory, &mut left)) {
            let Some(message) = done.failure else { continue };
            let name = test.name.as_ref().map(|name| format!(" ({name:.80})")).unwrap_or_default();
            problems.push(Problem {
                route: Some(spec.id.chars().take(64).collect()),
                key: "tests",
                message: format!("test {}{name}: {message}", done.nth + 1),
                hint: None,
                severity: Severity::Error,
                span: None,
            });
            if problems.len() >= MAX_PROBLEMS {
                return problems;
            }
        }
    }
    problems
}

/// Runs the tests of one route. One that does not compile has none.
pub fn rehearse_route(spec: &RouteSpec, directory: &dyn Directory) -> Vec<Rehearsed> {
    of_route(spec, directory, &mut MAX_EVENTS.clone()).collect()
}

fn of_route<'a>(
    spec: &'a RouteSpec,
    directory: &'a dyn Directory,
    left: &'a mut usize,
) -> impl Iterator<Item = Rehearsed> + 'a {
    let tests = spec.tests.as_deref().unwrap_or_default();
    let alone = RoutingFile { routes: vec![RouteSpec { enabled: true, ..spec.clone() }], ..RoutingFile::default() };
    let compiles = !tests.is_empty() && Rules::compile(&alone, directory).is_ok();
    tests.iter().enumerate().filter(move |_| compiles).filter_map(move |(nth, test)| {
        let rules = Rules::compile(&alone, directory).ok()?;
        let mut got = Vec::new();
        let failure = run(spec, test, rules, directory, left, &mut got).err();
        Some(Rehearsed { nth, got: got.into_iter().take(MAX_SHOWN).map(moment).collect(), failure })
    })
}

/// So many outputs of a test are shown.
const MAX_SHOWN: usize = 20;

/// An output as a test names it.
fn moment((at_ms, address, value, quality): Got) -> Moment {
    let quality = Some(quality).filter(|quality| *quality != Quality::Good);
    Moment { at_ms: Some(at_ms), value, quality, address: Some(address) }
}

/// One output of a test.
type Got = (u64, String, Value, Quality);

fn run(
    spec: &RouteSpec,
    test: &RouteTest,
    rules: Rules,
    directory: &dyn Directory,
    left: &mut usize,
    came: &mut Vec<Got>,
) -> Result<(), String> {
    let mut router = Router::new();
    let first = rules.first_target(0).map(ToOwned::to_owned);
    let canonical = |rules: &Rules, address: &str| rules.known.canonical(address, directory).into_owned();
    let points: Vec<(String, &Value)> =
        test.points.iter().flatten().map(|(address, value)| (canonical(&rules, address), value)).collect();
    let mut inputs = Vec::new();
    for moment in &test.input.0 {
        let address = moment.address.as_ref().or_else(|| spec.from.0.iter().find(|from| !is_pattern(from)));
        let address = address.ok_or("the source is a pattern; name an `address` in the input")?;
        inputs.push((canonical(&rules, address), moment));
    }
    let wanted: Vec<Option<String>> =
        test.output.0.iter().map(|moment| moment.address.as_ref().map(|address| canonical(&rules, address))).collect();
    router.swap(rules);
    let all = Pattern::compile("**").expect("two stars are a pattern");
    router.open_tap(TapId(0), Tap { stages: vec![Stage::Output], pattern: all, route: None });
    for (address, value) in points {
        let point = router.space.intern(&address).map_err(|error| error.to_string())?;
        router.space.put(point, Sample::good(value.clone(), Timestamp(0)));
    }
    let ended = outputs(&mut router, &inputs, test, left, came);
    // Without an address the outputs are those of the first target.
    let meant = |got: &&Got| match wanted.iter().flatten().next() {
        Some(_) => wanted.iter().flatten().any(|address| *address == got.1),
        None => first.as_ref().is_none_or(|first| *first == got.1),
    };
    came.retain(|got| meant(&got));
    ended?;
    compare(&test.output.0, &wanted, &came.iter().collect::<Vec<_>>())
}

fn outputs(
    router: &mut Router,
    inputs: &[(String, &Moment)],
    test: &RouteTest,
    left: &mut usize,
    got: &mut Vec<Got>,
) -> Result<(), String> {
    let mut now_ms = 0;
    for (address, moment) in inputs {
        let at_ms = moment.at_ms.unwrap_or(now_ms);
        if at_ms < now_ms {
            return Err(format!("the inputs go back in time, from {now_ms} ms to {at_ms} ms"));
        }
        now_ms = at_ms;
        advance(router, now_ms, got, left)?;
        let now = time(now_ms)?;
        let point = router.space.intern(address).map_err(|error| error.to_string())?;
        let mut sample = Sample::good(moment.value.clone(), now);
        sample.quality = moment.quality.unwrap_or_default();
        let mut out = Outcome::default();
        router.route_data(point, sample, now, &mut out);
        collect(router, &out, got, left)?;
    }
    let last = test.output.0.iter().filter_map(|moment| moment.at_ms).max().unwrap_or(0);
    let until_ms = test.until_ms.unwrap_or(last).max(now_ms);
    advance(router, until_ms, got, left)
}

fn time(ms: u64) -> Result<Timestamp, String> {
    if ms > MAX_UNTIL_MS {
        return Err(format!("a test goes on for a year at the most, not {ms} ms"));
    }
    Ok(Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)))
}

fn advance(router: &mut Router, to_ms: u64, got: &mut Vec<Got>, left: &mut usize) -> Result<(), String> {
    let to = time(to_ms)?;
    while router.next_tick().is_some_and(|due| due <= to) {
        let mut out = Outcome::default();
        let due = router.next_tick().unwrap_or(to);
        router.tick(due, &mut out);
        collect(router, &out, got, left)?;
    }
    Ok(())
}

fn collect(router: &Router, out: &Outcome, got: &mut Vec<Got>, left: &mut usize) -> Result<(), String> {
    *left = left.checked_sub(1).ok_or("all tests together take too long")?;
    for Tapped { at, target, value, quality, .. } in &out.tapped {
        let target = target.map(|target| router.target(target).address.to_string()).unwrap_or_default();
        got.push((u64::try_from(at.millis()).unwrap_or(0), target, value.clone(), *quality));
    }
    if got.len() > MAX_OUTPUTS { Err(format!("more than {MAX_OUTPUTS} outputs")) } else { Ok(()) }
}

fn compare(wanted: &[Moment], addresses: &[Option<String>], got: &[&Got]) -> Result<(), String> {
    for (nth, moment) in wanted.iter().enumerate() {
        let Some(got) = got.get(nth) else {
            return Err(format!("expected {}, got {} of {} outputs", shown(moment), got.len(), wanted.len()));
        };
        if !meets(moment, got) {
            return Err(format!("expected {}, got {}", shown(moment), shown_got(got)));
        }
        if let Some(address) = addresses[nth].as_ref().filter(|address| **address != got.1) {
            return Err(format!("expected {} for `{address}`, got it for `{}`", shown(moment), got.1));
        }
    }
    match got.get(wanted.len()) {
        Some(more) if wanted.is_empty() => Err(format!("expected nothing, got {}", shown_got(more))),
        Some(more) => Err(format!("expected {} outputs, got {} as well", wanted.len(), shown_got(more))),
        None => Ok(()),
    }
}

fn meets(moment: &Moment, (at_ms, _, value, quality): &Got) -> bool {
    let near = match (moment.value.as_f64(), value.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => false,
    };
    let same = moment.value == *value || near || equal(&(&moment.value).into(), &value.into()) == Ok(true);
    let wanted = moment.quality.unwrap_or_default();
    let good_enough = match wanted {
        Quality::Good | Quality::Uncertain | Quality::Bad => wanted.class() == quality.class(),
        reason => reason == *quality,
    };
    same && good_enough && moment.at_ms.is_none_or(|wanted| wanted == *at_ms)
}

fn shown(moment: &Moment) -> String {
    let mut text = brief(&moment.value);
    if let Some(quality) = moment.quality {
        let _ = write!(text, " ({quality})");
    }
    if let Some(at_ms) = moment.at_ms {
        let _ = write!(text, " at {at_ms} ms");
    }
    text
}

fn shown_got((at_ms, _, value, quality): &Got) -> String {
    format!("{} ({quality}) at {at_ms} ms", brief(value))
}

fn brief(value: &Value) -> String {
    let text: String = value.to_string().chars().take(60).collect();
    if matches!(value, Value::Text(_)) { format!("\"{text}\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::House;

    #[track_caller]
    fn check(route: &str, want: &str) {
        let file = format!(r#"{{"version":"1.0","routes":[{{"id":"a",{route}}}]}}"#);
        let file: RoutingFile = serde_json::from_str(&file).unwrap();
        Rules::compile(&file, &House).unwrap();
        let problems = rehearse(&file, &House);
        assert_eq!(problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("\n"), want);
    }

    const SCALE: &str = r#""from":"bt.bms_001.voltage","to":"plc_001.MAIN.fVoltage","transform":"scale(0.001)""#;

    #[test]
    fn a_test_that_holds_says_nothing() {
        check(&format!(r#"{SCALE},"tests":[{{"input":53120,"output":53.12}}]"#), "");
        check(
            r#""from":"plc_002.x","to":"calc.x","condition":"value > 0","tests":[{"input":-1,"output":[]},{"input":1,"output":1}]"#,
            "",
        );
        check(
            r#""from":"plc_002.x","to":"log.system","transform":"avg(60s)","tests":[
                {"input":[{"at_ms":0,"value":10},{"at_ms":30000,"value":20}],"output":{"at_ms":60000,"value":15}},
                {"input":{"at_ms":50000,"value":10},"output":{"value":10,"quality":"uncertain"},"until_ms":60000}]"#,
            "",
        );
        check(
            r#""from":"plc_002.x","to":"calc.x","transform":"expr(value + dp(\"plc_002.y\"))","tests":[
                {"input":1,"points":{"plc_002.y":41},"output":42},
                {"input":1,"output":{"value":null,"quality":"bad:calculation_error"}}]"#,
            "",
        );
        check(
            r#""from":"bt.*.voltage","to":["mqtt.broker_local.{source}","log.system"],"tests":[
                {"input":{"address":"bt.bms_001.voltage","value":5},"output":{"address":"mqtt.broker_local.bt.bms_001","value":5}}]"#,
            "",
        );
        check(
            r#""from":"plc_001.MAIN.X","to":"mqtt.broker_local.x","bidirectional":true,"transform":"scale(10)","tests":[
                {"input":[{"value":1},{"at_ms":15000,"address":"mqtt.broker_local.x","value":20}],
                 "output":[{"address":"mqtt.broker_local.x","value":10},{"address":"plc_001.MAIN.X","value":2}]}]"#,
            "",
        );
    }

    #[test]
    fn a_test_that_fails_says_what_came_instead() {
        check(
            &format!(r#"{SCALE},"tests":[{{"name":"volts","input":53120,"output":5.3}}]"#),
            "test 1 (volts): expected 5.3, got 53.12 (good) at 0 ms",
        );
        check(
            &format!(r#"{SCALE},"tests":[{{"input":1,"output":[]}}]"#),
            "test 1: expected nothing, got 0.001 (good) at 0 ms",
        );
        check(&format!(r#"{SCALE},"tests":[{{"input":[],"output":5}}]"#), "test 1: expected 5, got 0 of 1 outputs");
        check(
            &format!(r#"{SCALE},"tests":[{{"input":{{"value":5,"quality":"bad:stale"}},"output":0.005}}]"#),
            "test 1: expected 0.005, got 0 of 1 outputs",
        );
        check(
            r#""from":"plc_002.*","to":"log.system","tests":[{"input":1,"output":1}]"#,
            "test 1: the source is a pattern; name an `address` in the input",
        );
        check(
            r#""from":"plc_002.x","to":"log.system","tests":[{"input":[{"at_ms":5,"value":1},{"at_ms":4,"value":1}],"output":[]}]"#,
            "test 1: the inputs go back in time, from 5 ms to 4 ms",
        );
    }

    #[test]
    fn outputs_come_to_the_targets_that_are_named_in_this_order() {
        let route = r#""from":"plc_002.x","to":["calc.a","log.system"],"tests":[{"input":1,"output":"#;
        check(&format!(r#"{route}[{{"address":"calc.a","value":1}},{{"address":"log.system","value":1}}]}}]"#), "");
        check(
            &format!(r#"{route}[{{"address":"log.system","value":1}},{{"address":"calc.a","value":1}}]}}]"#),
            "test 1: expected 1 for `log.system`, got it for `calc.a`",
        );
    }

    #[test]
    fn a_test_without_end_is_cut_short() {
        check(
            r#""from":"plc_002.x","to":"log.system","transform":"avg(10ms)","tests":[{"input":1,"output":[],"until_ms":31000000000}]"#,
            "test 1: more than 1000 outputs",
        );
        check(
            r#""from":"plc_002.x","to":"log.system","transform":"avg(10ms) | on_change","tests":[{"input":1,"output":1,"until_ms":31000000000}]"#,
            "test 1: all tests together take too long",
        );
    }
}
