//! What new rules would have changed: two sets of rules over ten million recorded samples.

use fieldrail_model::{Sample, Timestamp};
use fieldrail_router::recording::{Decoder, Encoder, Entry};
use fieldrail_router::{Comparison, RoutingFile, Rules};
use serde_json::json;

use crate::house::{CONDITION, CONTROLLERS, House, address, file, route};
use crate::rounds::{Effort, seconds_of};
use crate::table::{Row, Unit};

const SAMPLES: usize = 10_000_000;
const DATAPOINTS: u32 = 1_000;
/// The recording's own time from one sample to the next, in microseconds: ten thousand samples a second.
const STEP_US: i64 = 100;

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let samples = effort.of(SAMPLES);
    let bytes = recording(samples);
    let (changed, seconds) = seconds_of(|| compare(&bytes));
    assert_eq!(changed, 10, "the datapoints of one controller");
    let name = format!("what new rules change over {} million samples", samples / 1_000_000);
    let size = format!("{} MB of recording", bytes.len() / 1_000_000);
    vec![Row::at_most(name, effort.of(20) as f64, seconds, Unit::Seconds).beside(&size)]
}

fn recording(samples: usize) -> Vec<u8> {
    let (mut encoder, mut bytes) = (Encoder::default(), Vec::new());
    for number in 0..DATAPOINTS {
        encoder.encode(&Entry::Name(number, address(number as usize).into()), &mut bytes);
    }
    let mut now = Timestamp(1_790_000_000_000_000);
    for (number, value) in (0..DATAPOINTS).cycle().zip(1_i64..).take(samples) {
        now.0 += STEP_US;
        encoder.encode(&Entry::Sample(number, Sample::good(value % 5000 - 100, now)), &mut bytes);
    }
    bytes
}

/// A hundred routes with condition and transform, every tenth with a window; `factor` is that of the last one.
fn rules(factor: f64) -> Rules {
    let one = |n: usize| {
        let transform = match n {
            _ if n + 1 == CONTROLLERS => format!("scale({factor}) | round(1)"),
            _ if n.is_multiple_of(10) => "avg(10s) | scale(0.001)".to_owned(),
            _ => "scale(0.001) | round(1)".to_owned(),
        };
        let (from, to) = (format!("plc_{n}.**"), format!("mqtt.x.{n}/{{rest}}"));
        route(n, &json!({ "from": from, "to": to, "condition": CONDITION, "transform": transform }))
    };
    let file: RoutingFile = file((0..CONTROLLERS).map(one));
    Rules::compile(&file, &House).expect("the rules of the bench are right")
}

/// How many targets would get other values.
fn compare(mut bytes: &[u8]) -> usize {
    let mut comparison = Comparison::new(rules(0.001), rules(0.002));
    let mut decoder = Decoder::default();
    while let Some((entry, length)) = decoder.next(bytes).expect("the recording is whole") {
        comparison.take(entry);
        bytes = &bytes[length..];
    }
    comparison.finish().iter().filter(|(_, change)| change.is_one()).count()
}
