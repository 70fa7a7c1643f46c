//! Paging against a sorted list, freshness in simulated time.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn names(space: &Space, ids: impl Iterator<Item = PointId>) -> Vec<String> {
    ids.map(|id| space.address(id).to_string()).collect()
}

fn space(addresses: &[&str]) -> Space {
    let mut space = Space::default();
    for address in addresses {
        space.intern(address).unwrap();
    }
    space
}

#[test]
fn an_address_keeps_its_id() {
    let mut space = Space::default();
    let id = space.intern("plc_001.MAIN.x").unwrap();
    assert_eq!(space.intern("plc_001.MAIN.x"), Ok(id));
    assert_eq!(space.find("plc_001.MAIN.x"), Some(id));
    assert_eq!(space.find("plc_001.main.x"), None);
    assert_eq!(space.address(id).as_str(), "plc_001.MAIN.x");
    assert_eq!(space.sample(id), None);
}

#[test]
fn addresses_without_text_or_end_are_refused() {
    let mut space = Space::default();
    assert_eq!(space.intern(""), Err(Refused::Empty));
    assert_eq!(space.intern(&"x".repeat(5000)), Err(Refused::TooLong(5000)));
    assert!(space.is_empty());
}

#[test]
fn a_page_begins_behind_the_last_one_and_ends_with_its_prefix() {
    let space = space(&["b.2", "a.1", "b.1", "b.10", "c", "b"]);
    assert_eq!(names(&space, space.page("", None)), ["a.1", "b", "b.1", "b.10", "b.2", "c"]);
    assert_eq!(names(&space, space.page("b.", None)), ["b.1", "b.10", "b.2"]);
    assert_eq!(names(&space, space.page("b.", Some("b.1"))), ["b.10", "b.2"]);
    assert_eq!(names(&space, space.page("b.", Some("zzz"))), [""; 0]);
    assert_eq!(names(&space, space.page("x", None)), [""; 0]);
}

#[test]
fn a_pattern_finds_its_datapoints_in_order() {
    let space = space(&["bt.b.voltage", "bt.a.voltage", "bt.a.current", "mqtt.x.voltage"]);
    let pattern = Pattern::compile("bt.*.voltage").unwrap();
    assert_eq!(names(&space, space.matching(&pattern)), ["bt.a.voltage", "bt.b.voltage"]);
}

proptest! {
    #[test]
    fn pages_give_every_address_once_and_in_order(
        numbers in prop::collection::vec(0_u32..5000, 0..3000),
        prefix in "[1-4]?", size in 1_usize..700,
    ) {
        let mut space = Space::default();
        let mut sorted = BTreeSet::new();
        for number in numbers {
            let address = number.to_string();
            space.intern(&address).unwrap();
            if address.starts_with(&prefix) {
                sorted.insert(address);
            }
        }
        let mut paged: Vec<String> = Vec::new();
        loop {
            let after = paged.last().cloned();
            let page: Vec<PointId> = space.page(&prefix, after.as_deref()).take(size).collect();
            if page.is_empty() {
                break;
            }
            paged.extend(names(&space, page.into_iter()));
        }
        prop_assert!(paged.iter().eq(sorted.iter()));
    }
}

const SECOND: i64 = 1_000_000;

fn expired(space: &mut Space, second: i64) -> usize {
    std::iter::from_fn(|| space.expire(Timestamp(second * SECOND))).count()
}

fn with_deadline(seconds: u64) -> (Space, PointId) {
    let mut space = Space::default();
    let id = space.intern("a.b").unwrap();
    space.set_deadline(id, Some(Duration::from_secs(seconds)));
    (space, id)
}

#[test]
fn a_datapoint_without_a_sample_never_grows_stale() {
    let (mut space, _) = with_deadline(3);
    assert_eq!(expired(&mut space, 1000), 0);
}

#[test]
fn a_value_grows_stale_at_its_deadline_and_keeps_its_value() {
    let (mut space, id) = with_deadline(3);
    space.put(id, Sample::good(5_i64, Timestamp(0)));
    assert_eq!(space.next_deadline(), Some(Timestamp(3 * SECOND)));
    assert_eq!(expired(&mut space, 2), 0);
    assert_eq!(expired(&mut space, 3), 1);
    assert_eq!(expired(&mut space, 100), 0);
    let sample = space.sample(id).unwrap();
    assert_eq!((&sample.value, sample.quality), (&Value::Int(5), Quality::Stale));
    assert_eq!(space.next_deadline(), None);
}

#[test]
fn samples_and_renewals_put_the_deadline_off() {
    let (mut space, id) = with_deadline(3);
    space.put(id, Sample::good(5_i64, Timestamp(0)));
    space.put(id, Sample::good(6_i64, Timestamp(2 * SECOND)));
    assert_eq!(expired(&mut space, 4), 0);
    assert!(!space.renew(id, Timestamp(4 * SECOND)));
    assert_eq!(expired(&mut space, 6), 0);
    assert_eq!(expired(&mut space, 7), 1);
    assert_eq!(space.previous(id), &Value::Int(5));
}

#[test]
fn a_renewal_revives_a_stale_value_with_the_quality_it_had() {
    let (mut space, id) = with_deadline(3);
    space.put(id, Sample { quality: Quality::Backfill, ..Sample::good(5_i64, Timestamp(0)) });
    assert_eq!(expired(&mut space, 3), 1);
    assert!(space.renew(id, Timestamp(4 * SECOND)));
    let revived = space.sample(id).unwrap();
    assert_eq!((&revived.value, revived.quality), (&Value::Int(5), Quality::Backfill));
    assert_eq!(expired(&mut space, 6), 0);
    assert_eq!(expired(&mut space, 7), 1);
}

#[test]
fn a_bad_value_keeps_its_own_reason() {
    let (mut space, id) = with_deadline(3);
    space.put(id, Sample { quality: Quality::DeviceFailure, ..Sample::good(5_i64, Timestamp(0)) });
    assert_eq!(expired(&mut space, 9), 0);
    space.put(id, Sample::good(5_i64, Timestamp(10 * SECOND)));
    assert_eq!(expired(&mut space, 13), 1);
}

#[test]
fn a_new_deadline_counts_at_once() {
    let (mut space, id) = with_deadline(100);
    space.put(id, Sample::good(5_i64, Timestamp(0)));
    space.set_deadline(id, Some(Duration::from_secs(2)));
    assert_eq!(space.deadline(id), Some(Duration::from_secs(2)));
    assert_eq!(expired(&mut space, 2), 1);
    space.put(id, Sample::good(5_i64, Timestamp(3 * SECOND)));
    space.set_deadline(id, None);
    assert_eq!(expired(&mut space, 1000), 0);
}

#[test]
fn a_point_is_watched_until_the_last_looks_away() {
    let (mut space, id) = with_deadline(1);
    space.watch(id);
    space.watch(id);
    space.unwatch(id);
    assert!(space.is_watched(id));
    space.unwatch(id);
    space.unwatch(id);
    assert!(!space.is_watched(id));
}

#[test]
fn a_million_datapoints_stay_below_300_bytes_each() {
    // Entry with hash and address, slot of the hash table at its emptiest, both places in order and heap, an address of
    // 40 characters with its counts and the allocator's word, and the router's four bytes for the plan.
    let entry = size_of::<u64>() + size_of::<Address>() + size_of::<Point>();
    let (slot, places, text, plan) = (2 * (size_of::<usize>() + 1) + 2, 2 * 4 + 16, 16 + 40 + 8, 4);
    let total = entry + slot + places + text + plan;
    assert!(total <= 300, "{total}");
}
