//! Two sets of rules over one recording: which outputs would be others.

use std::collections::HashMap;

use fieldrail_model::{Quality, Timestamp, Value};

use crate::engine::{Outcome, Router};
use crate::recording::Entry;
use crate::rules::Rules;
use crate::space::PointId;

/// Differences of one target that are kept with their values.
const MAX_EXAMPLES: usize = 5;

/// What goes to a target at one time.
pub type Said = (Value, Quality);

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// When, in the time of the recording.
    pub time: Timestamp,
    /// What the old rules send; none if they send nothing.
    pub before: Option<Said>,
    /// What the new rules send; none if they send nothing.
    pub after: Option<Said>,
}

/// What changes for one target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Values that the old rules send.
    pub before: u64,
    /// Values that the new rules send.
    pub after: u64,
    /// Values that both send, but not the same.
    pub changed: u64,
    /// Values that only the old rules send.
    pub gone: u64,
    /// Values that only the new rules send.
    pub new: u64,
    /// The first differences, at most five.
    pub examples: Vec<Example>,
}

impl Change {
    /// Whether there is any difference.
    pub fn is_one(&self) -> bool {
        self.changed + self.gone + self.new > 0
    }
}

/// One side of the comparison.
struct Side {
    router: Router,
    /// Datapoints by their number in the recording.
    points: Vec<Option<PointId>>,
    out: Outcome,
    /// The place among the changes of each target and of each computed datapoint.
    targets: Vec<Option<u32>>,
    computed: HashMap<PointId, u32>,
}

impl Side {
    fn new(rules: Rules) -> Self {
        let mut router = Router::new();
        router.swap(rules);
        Self { router, points: Vec::new(), out: Outcome::default(), targets: Vec::new(), computed: HashMap::new() }
    }

    fn point(&self, number: u32) -> Option<PointId> {
        self.points.get(number as usize).copied().flatten()
    }
}

/// Runs old and new rules beside each other.
pub struct Comparison {
    sides: [Side; 2],
    places: HashMap<String, u32>,
    changes: Vec<Change>,
    /// What the sides say at this moment, by place.
    said: [Vec<(u32, Timestamp, Said)>; 2],
    /// Samples so far.
    samples: u64,
    span: Option<(Timestamp, Timestamp)>,
}

impl Comparison {
    /// Begins with two sets of rules.
    pub fn new(before: Rules, after: Rules) -> Self {
        Self {
            sides: [Side::new(before), Side::new(after)],
            places: HashMap::new(),
            changes: Vec::new(),
            said: [Vec::new(), Vec::new()],
            samples: 0,
            span: None,
        }
    }

    /// Takes the next entry of the recording.
    pub fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Name(number, address) => {
                for side in &mut self.sides {
                    let place = number as usize;
                    if side.points.len() <= place {
                        side.points.resize(place + 1, None);
                    }
                    side.points[place] = side.router.space.intern(&address).ok();
                }
            }
            Entry::Stands(number, sample) => {
                for side in &mut self.sides {
                    if let Some(point) = side.point(number) {
                        side.router.space.put(point, sample.clone());
                    }
                }
            }
            Entry::Deadline(number, us) => {
                let deadline = (us > 0).then(|| std::time::Duration::from_micros(us));
                for side in &mut self.sides {
                    if let Some(point) = side.point(number) {
                        side.router.space.set_deadline(point, deadline);
                    }
                }
            }
            Entry::Sample(number, sample) => {
                let now = sample.receive_time;
                self.samples += 1;
                self.span = Some((self.span.map_or(now, |(first, _)| first), now));
                let [before, after] = &mut self.sides;
                if let Some(point) = before.point(number) {
                    before.router.route_data(point, sample.clone(), now, &mut before.out);
                }
                if let Some(point) = after.point(number) {
                    after.router.route_data(point, sample, now, &mut after.out);
                }
                self.compare(now);
            }
            Entry::Renewal(number, now) => {
                for side in &mut self.sides {
                    if let Some(point) = side.point(number) {
                        side.router.tick(now, &mut side.out);
                        side.router.renew(point, now, &mut side.out);
                    }
                }
                self.compare(now);
            }
        }
    }

    /// How many samples have been run.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The times of the first and the last sample.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    /// All targets that either side sent something to, by address.
    pub fn finish(mut self) -> Vec<(String, Change)> {
        if let Some((_, last)) = self.span {
            for side in &mut self.sides {
                side.router.tick(last, &mut side.out);
            }
            self.compare(last);
        }
        let mut places: Vec<(String, u32)> = self.places.into_iter().collect();
        places.sort_unstable();
        let mut changes = self.changes;
        places.into_iter().map(|(address, place)| (address, std::mem::take(&mut changes[place as usize]))).collect()
    }

    fn compare(&mut self, now: Timestamp) {
        let Self { sides, places, changes, said, .. } = self;
        for (side, said) in sides.iter_mut().zip(said.iter_mut()) {
            said.clear();
            gather(side, places, changes, now, said);
        }
        let [before, after] = said;
        if before.is_empty() && after.is_empty() {
            return;
        }
        // Nearly always both say the same.
        if before == after {
            for (place, ..) in before.drain(..) {
                let change = &mut changes[place as usize];
                change.before += 1;
                change.after += 1;
            }
            after.clear();
            return;
        }
        // Place by place, in the order in which it was said there: after a leap in time thousands of windows speak at once.
        before.sort_by_key(|(place, ..)| *place);
        after.sort_by_key(|(place, ..)| *place);
        let mut after = after.drain(..).peekable();
        for (place, time, value) in before.drain(..) {
            while let Some(only) = after.next_if(|(other, ..)| *other < place) {
                new(changes, only);
            }
            let change = &mut changes[place as usize];
            change.before += 1;
            if let Some((.., other)) = after.next_if(|(other, ..)| *other == place) {
                change.after += 1;
                if other != value {
                    change.changed += 1;
                    note(change, time, Some(value), Some(other));
                }
            } else {
                change.gone += 1;
                note(change, time, Some(value), None);
            }
        }
        for only in after {
            new(changes, only);
        }
    }
}

/// Only the new rules say this.
fn new(changes: &mut [Change], (place, time, value): (u32, Timestamp, Said)) {
    let change = &mut changes[place as usize];
    change.after += 1;
    change.new += 1;
    note(change, time, None, Some(value));
}

fn note(change: &mut Change, time: Timestamp, before: Option<Said>, after: Option<Said>) {
    if change.examples.len() < MAX_EXAMPLES {
        change.examples.push(Example { time, before, after });
    }
}

/// What one side has said, with the places of its targets.
fn gather(
    side: &mut Side,
    places: &mut HashMap<String, u32>,
    changes: &mut Vec<Change>,
    now: Timestamp,
    said: &mut Vec<(u32, Timestamp, Said)>,
) {
    let mut place_of = |address: &str| {
        if let Some(&place) = places.get(address) {
            return place;
        }
        let place = u32::try_from(changes.len()).unwrap_or(u32::MAX);
        changes.push(Change::default());
        places.insert(address.to_owned(), place);
        place
    };
    let Side { router, out, targets, computed, .. } = side;
    for delivery in out.deliveries.drain(..) {
        let nth = delivery.target.0 as usize;
        if targets.len() <= nth {
            targets.resize(nth + 1, None);
        }
        let place = *targets[nth].get_or_insert_with(|| place_of(router.target(delivery.target).address.as_str()));
        said.push((place, now, (delivery.sample.value, delivery.sample.quality)));
    }
    for point in out.computed.drain(..) {
        let place = *computed.entry(point).or_insert_with(|| place_of(router.space.address(point).as_str()));
        if let Some(sample) = router.space.sample(point) {
            said.push((place, now, (sample.value.clone(), sample.quality)));
        }
    }
    out.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::compile;
    use fieldrail_model::Sample;

    fn run(before: &str, after: &str, samples: &[(i64, i64)]) -> Vec<(String, Change)> {
        let mut comparison = Comparison::new(compile(before).unwrap(), compile(after).unwrap());
        comparison.take(Entry::Name(0, "plc_002.x".into()));
        for (second, value) in samples {
            comparison.take(Entry::Sample(0, Sample::good(*value, Timestamp(second * 1_000_000))));
        }
        comparison.finish()
    }

    #[test]
    fn rules_that_do_the_same_make_no_difference() {
        let rules = r#"{"id":"a","from":"plc_002.x","to":["calc.x","log.system"],"transform":"avg(10s)"}"#;
        let changes = run(rules, rules, &[(0, 1), (5, 2), (31, 4)]);
        assert_eq!(changes.len(), 2);
        assert!(changes.iter().all(|(_, change)| !change.is_one() && change.before == 3), "{changes:?}");
    }

    #[test]
    fn what_is_said_at_once_is_compared_target_by_target_in_its_order() {
        let route = |id: &str, to: &str, transform: &str| {
            format!(r#"{{"id":"{id}","from":"plc_002.x","to":"{to}","transform":"{transform}"}}"#)
        };
        let before =
            [route("a", "log.system", "last(10s)"), route("b", "webhook.alert_service", "last(20s)")].join(",");
        let after = [route("b", "webhook.alert_service", "last(10s)"), route("a", "log.system", "last(20s)")].join(",");
        // Both windows end several times before the second sample.
        let changes = run(&before, &after, &[(0, 1), (45, 2)]);
        let figures = |(address, change): &(String, Change)| {
            (address.clone(), change.before, change.after, change.changed, change.gone, change.new)
        };
        let figures: Vec<_> = changes.iter().map(figures).collect();
        let (log, webhook) = ("log.system".to_owned(), "webhook.alert_service".to_owned());
        let most = figures[0].1;
        let few = figures[0].2;
        assert!(most > few && few > 0, "{figures:?}");
        assert_eq!(figures, [(log, most, few, 0, most - few, 0), (webhook, few, most, 0, 0, most - few)]);
    }

    #[test]
    fn a_changed_a_missing_and_a_new_output_are_told_with_their_values() {
        let before = r#"{"id":"a","from":"plc_002.x","to":"calc.x","transform":"scale(2)"},{"id":"b","from":"plc_002.x","to":"bt.bms_001.y","condition":"value > 2"}"#;
        let after = r#"{"id":"a","from":"plc_002.x","to":"calc.x","transform":"scale(2) | clamp(0, 5)"},{"id":"b","from":"plc_002.x","to":"bt.bms_001.y","condition":"value < 2"}"#;
        let changes = run(before, after, &[(0, 1), (1, 2), (2, 3)]);
        let (address, change) = &changes[1];
        assert_eq!((address.as_str(), change.before, change.after, change.changed), ("calc.x", 3, 3, 1));
        let good = |value: i64| Some((Value::Int(value), Quality::Good));
        assert_eq!(change.examples, [Example { time: Timestamp(2_000_000), before: good(6), after: good(5) }]);
        let (address, change) = &changes[0];
        assert_eq!((address.as_str(), change.gone, change.new), ("bt.bms_001.y", 1, 1));
        assert_eq!(change.examples[0], Example { time: Timestamp(0), before: None, after: good(1) });
    }
}
