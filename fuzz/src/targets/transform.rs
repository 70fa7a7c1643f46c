//! A pipeline of a stranger: the first byte says what is declared of the value; then the text, and behind a newline the
//! schedule: a byte for each sample, its low half the value, its high half how long after the one before.
//!
//! Promises that are looked at: a router that is called as soon as something is due says the same as one that is only
//! called with the next sample and whose rules are read anew in between; what is due comes to an end.

use fieldrail_model::{Quality, Sample, Timestamp, Value};
use fieldrail_router::expression::{MAX_EXPRESSION_BYTES, Points};
use fieldrail_router::transform::Pipeline;
use fieldrail_router::{Outcome, Pattern, PointId, Router, RoutingFile, Rules, Stage, Tap, TapId};
use serde_json::json;

use super::expression::identical;
use crate::house::{House, TYPES};
use crate::{Target, text};

/// The table's line.
pub const TARGET: Target =
    Target { name: "transform", run, most_bytes: MAX_EXPRESSION_BYTES + 64, seeds, words: text::transform_words };

/// Samples of one schedule, at the most.
const MOST_SAMPLES: usize = 40;
/// Things that are due between two samples, at the most; with more of them the two routers are not compared any further.
const MOST_DUE: usize = 500;

/// Milliseconds between two samples, by the high half of a byte.
const PAUSES_MS: [i64; 16] =
    [0, 1, 10, 99, 100, 500, 999, 1000, 1001, 5000, 10_000, 60_000, 61_000, 3_600_000, 86_400_000, 31 * 86_400_000];

/// A schedule for texts that bring none.
const USUAL: &[u8] = b"\x73\x74\x84\x9d\xa4\x33\x75\xb9\xc4\xd3\x7b\x74\xa1\x7f\xb4\xe4";

fn seeds() -> Vec<Vec<u8>> {
    let examples = text::of_routes("transform").into_iter();
    let steps = fieldrail_router::transform::steps().flat_map(|(_, usage)| usage.split(" or ").map(ToOwned::to_owned));
    examples.chain(steps).map(|text| [b"0", text.as_bytes(), b"\n", USUAL].concat()).collect()
}

fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n');
    let (text, schedule) = end.map_or((rest, USUAL), |end| (&rest[..end], &rest[end + 1..]));
    let Ok(text) = std::str::from_utf8(text) else { return };
    let x = TYPES[usize::from(*kind) % TYPES.len()];
    if let Err(refused) = Pipeline::compile(text, &mut Points::default()) {
        let span = refused.span.clone();
        assert!(span.start <= span.end && span.end <= text.len(), "refused at {span:?}: {refused}");
    }
    let route = json!({ "id": "r", "from": "plc_002.x", "to": "log.system", "transform": text });
    let file: RoutingFile = serde_json::from_value(json!({ "version": "1.0", "routes": [route] })).unwrap();
    let house = House { x };
    let (Some(mut eager), Some(mut lazy)) = (Watched::new(&file, house), Watched::new(&file, house)) else { return };
    let values = text::values();
    let mut now = Timestamp::from_millis(1_700_000_000_123);
    for (nth, byte) in schedule.iter().take(MOST_SAMPLES).enumerate() {
        now = Timestamp(now.0 + PAUSES_MS[usize::from(byte >> 4)] * 1000);
        let value = &values[usize::from(byte & 15) * values.len() / 16];
        let Ok(value) = x.map_or(Ok(value.clone()), |x| x.fit(value)) else { continue };
        let mut sample = Sample::good(value, now);
        if byte & 15 == 15 {
            sample.quality = Quality::DeviceFailure;
        }
        let Some(steps) = eager.advance(now) else { return };
        eager.take(sample.clone(), now);
        if nth % 3 == 1 {
            lazy.router.swap(Rules::compile(&file, &house).unwrap());
        }
        lazy.take(sample, now);
        check(&eager.said, &lazy.said, steps);
        eager.said.clear();
        lazy.said.clear();
    }
}

#[track_caller]
fn check(eager: &[Said], lazy: &[Said], due: usize) {
    let same = |(a, b): (&Said, &Said)| a.0 == b.0 && identical(&a.1, &b.1) && a.2 == b.2;
    let all = eager.len() == lazy.len() && eager.iter().zip(lazy).all(same);
    assert!(all, "after {due} things were due:\n{eager:?}\n{lazy:?}");
}

/// What a route sent: when, what, and how good.
type Said = (Timestamp, Value, Quality);

/// A router with one route, and what that sent.
struct Watched {
    router: Router,
    point: PointId,
    out: Outcome,
    said: Vec<Said>,
}

impl Watched {
    fn new(file: &RoutingFile, house: House) -> Option<Self> {
        let mut router = Router::new();
        router.swap(Rules::compile(file, &house).ok()?);
        let pattern = Pattern::compile("**").unwrap();
        router.open_tap(TapId(1), Tap { stages: vec![Stage::Output], pattern, route: None });
        let point = router.space.intern("plc_002.x").unwrap();
        Some(Self { router, point, out: Outcome::default(), said: Vec::new() })
    }

    fn take(&mut self, sample: Sample, now: Timestamp) {
        self.router.route_data(self.point, sample, now, &mut self.out);
        self.gather();
    }

    /// Works off what is due up to this time, each at its own. `None` if that is very much.
    fn advance(&mut self, to: Timestamp) -> Option<usize> {
        for nth in 0..MOST_DUE {
            let Some(due) = self.router.next_tick().filter(|due| *due <= to) else { return Some(nth) };
            self.router.tick(due, &mut self.out);
            self.gather();
        }
        None
    }

    fn gather(&mut self) {
        self.said.extend(self.out.tapped.drain(..).map(|tapped| (tapped.at, tapped.value, tapped.quality)));
        self.out.clear();
    }
}
