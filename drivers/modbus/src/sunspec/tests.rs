//! The golden images: whole devices, and what pysunspec2 1.3.7 reads from them.

use std::collections::BTreeMap;

use fieldrail_model::Value;
use proptest::prelude::*;
use serde::Deserialize;
use tokio::time::Instant;

use super::*;
use crate::codec::pdu::{Exception, Request, Response, Table};
use crate::map::Entry;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    shows: String,
    #[serde(rename = "source")]
    _source: String,
    base: u16,
    image: String,
    points: BTreeMap<String, serde_json::Value>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../golden/sunspec.json")).unwrap()
}

/// A device with these registers from this address on.
struct Device {
    base: u16,
    image: Vec<u16>,
}

impl Device {
    fn of(case: &Case) -> Self {
        let word = |at: usize| u16::from_str_radix(&case.image[at..at + 4], 16).unwrap();
        Self { base: case.base, image: (0..case.image.len()).step_by(4).map(word).collect() }
    }

    fn answer(&self, request: &Request) -> Response {
        let Request::Read { start, count, .. } = *request else { panic!("{request:?}") };
        let at = start.checked_sub(self.base).map(usize::from);
        let values = at.and_then(|at| self.image.get(at..at + usize::from(count)));
        match values {
            Some(values) => Response::Registers { table: Table::Holding, values: values.to_vec() },
            None => Response::Refused { function: 3, exception: Exception::ILLEGAL_ADDRESS },
        }
    }

    fn search(&self) -> Vec<Entry> {
        let mut search = Search::default();
        for _ in 0..1000 {
            let question = search.question().unwrap();
            if let Some(found) = search.take(&self.answer(&question), Instant::now()) {
                return found.entries;
            }
        }
        panic!("the search does not end");
    }

    fn word(&self, address: u16) -> u16 {
        self.image[usize::from(address - self.base)]
    }

    fn read(&self, entry: &Entry) -> crate::value::Reading {
        let words: Vec<u16> = (0..entry.count()).map(|n| self.word(entry.address + n)).collect();
        entry.form.decode(&words, entry.power_at.map(|at| self.word(at).cast_signed()))
    }
}

#[track_caller]
fn check(case: &Case, device: &Device) {
    let entries = device.search();
    let mut seen = BTreeMap::new();
    for entry in &entries {
        let reading = device.read(entry);
        if reading.quality.is_good() && reading.value != Value::text("") {
            seen.insert(entry.name.clone(), reading.value);
        }
    }
    for (name, want) in &case.points {
        let Some(got) = seen.remove(name) else { panic!("{}: {name} is missing, want {want}", case.shows) };
        let is_same = match (&got, want) {
            (Value::Text(text), serde_json::Value::String(want)) => **text == **want,
            (got, want) => {
                let (got, want) = (got.as_f64().unwrap(), want.as_f64().unwrap());
                (got - want).abs() <= 1e-9 * want.abs().max(1.0)
            }
        };
        assert!(is_same, "{}: {name} is {got}, want {want}", case.shows);
    }
    assert_eq!(seen, BTreeMap::new(), "{}: these have no value", case.shows);
}

#[test]
fn whole_devices_are_read_as_pysunspec2_reads_them() {
    let cases = cases();
    assert_eq!(cases.len(), 5);
    for case in &cases {
        check(case, &Device::of(case));
    }
}

#[test]
fn a_map_is_found_wherever_it_may_begin() {
    let case = &cases()[3];
    for base in [0, 50_000] {
        check(case, &Device { base, ..Device::of(case) });
    }
}

#[test]
fn a_model_that_is_not_known_is_passed_over_by_its_length() {
    let case = &cases()[3];
    let mut device = Device::of(case);
    // Behind the mark: model 64999 with three registers.
    device.image.splice(2..2, [64_999, 3, 1, 2, 3]);
    check(case, &device);
}

#[test]
fn a_map_without_its_end_ends() {
    let case = &cases()[3];
    let mut device = Device::of(case);
    device.image.truncate(device.image.len() - 2);
    check(case, &device);
}

#[test]
fn a_device_without_the_mark_is_said_to_describe_nothing_once_and_is_asked_again_later() {
    let now = Instant::now();
    let refused = Response::Refused { function: 3, exception: Exception::ILLEGAL_ADDRESS };
    let mut search = Search::default();
    assert_eq!(search.take(&refused, now), None);
    assert_eq!(search.take(&refused, now), None);
    assert_eq!(search.take(&refused, now), Some(Found::default()));
    assert!(search.due(now).unwrap() > now);
    for _ in 0..3 {
        assert_eq!(search.take(&refused, now), None);
    }
}

#[test]
fn every_model_is_understood() {
    assert!(Model::numbers().count() > 50);
    for number in Model::numbers() {
        assert!(Model::find(number).is_some(), "{number}");
    }
}

proptest! {
    #[test]
    fn nothing_that_a_device_says_makes_the_search_panic_or_run_for_ever(
        answers in prop::collection::vec((prop::collection::vec(any::<u16>(), 0..101), any::<bool>()), 1..60),
        number in prop::sample::select(Model::numbers().collect::<Vec<_>>()),
    ) {
        let now = Instant::now();
        let mut search = Search::default();
        let mark = Response::Registers { table: Table::Holding, values: vec![0x5375, 0x6e53] };
        search.take(&mark, now);
        for (mut values, known) in answers {
            if let (true, Some(first)) = (known, values.first_mut()) {
                *first = number;
            }
            search.take(&Response::Registers { table: Table::Holding, values }, now);
            if search.is_done() {
                break;
            }
        }
    }

    #[test]
    fn no_registers_make_the_layout_panic(
        number in prop::sample::select(Model::numbers().collect::<Vec<_>>()),
        image in prop::collection::vec(prop_oneof![any::<u16>(), Just(0xffff), 0_u16..5], 2..200), base: u16,
    ) {
        let model = Model::find(number).unwrap();
        for entry in layout(&model, &image, base, "x") {
            prop_assert!(usize::from(entry.address - base) + usize::from(entry.count()) <= image.len());
        }
    }
}
