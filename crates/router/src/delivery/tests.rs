//! The queue in simulated time.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn push(queue: &mut Queue, tag: u32, value: i64, mode: Mode) {
    queue.push(TagNo(tag), Value::Int(value), None, None, mode, None, Timestamp(0));
}

/// Everything that waits, as `tag=value`, commands with `!`.
fn drain(queue: &mut Queue) -> Vec<String> {
    queue.take(usize::MAX, Timestamp(0)).items.iter().map(show).collect()
}

fn show(item: &Waiting) -> String {
    let mark = if matches!(item.lane, Lane::Command(_)) { "!" } else { "" };
    format!("{mark}{}={}", item.tag.0, item.value)
}

#[test]
fn while_few_wait_every_value_is_sent_in_order() {
    let mut queue = Queue::new();
    for (tag, value) in [(1, 10), (2, 20), (1, 11)] {
        push(&mut queue, tag, value, Mode::Latest);
    }
    assert_eq!(drain(&mut queue), ["1=10", "2=20", "1=11"]);
    assert!(queue.is_empty());
}

#[test]
fn beyond_the_bound_a_newer_value_takes_the_place_of_the_older() {
    let mut queue = Queue::new();
    for n in 0..LATEST_BOUND {
        push(&mut queue, u32::try_from(n).unwrap(), 0, Mode::Latest);
    }
    for value in 1..=1000 {
        push(&mut queue, 5, value, Mode::Latest);
    }
    push(&mut queue, 1_000_000, 7, Mode::Latest);
    assert_eq!((queue.len(), queue.losses().coalesced), (LATEST_BOUND + 1, 1000));
    let all = drain(&mut queue);
    assert_eq!((all[5].as_str(), all[LATEST_BOUND].as_str()), ("5=1000", "1000000=7"));
}

#[test]
fn a_queued_value_is_never_replaced_and_the_newest_is_dropped_when_full() {
    let mut queue = Queue::new();
    for value in 0..=i64::try_from(QUEUED_BOUND).unwrap() {
        push(&mut queue, 1, value, Mode::Queued);
    }
    assert_eq!((queue.len(), queue.losses().dropped), (QUEUED_BOUND, 1));
    push(&mut queue, 1, -1, Mode::Latest);
    push(&mut queue, 1, -2, Mode::Latest);
    assert_eq!((queue.len(), queue.losses().coalesced), (QUEUED_BOUND + 1, 1));
    assert_eq!(queue.take(QUEUED_BOUND, Timestamp(0)).items.len(), QUEUED_BOUND);
    assert_eq!(drain(&mut queue), ["1=-2"]);
    push(&mut queue, 1, 5, Mode::Queued);
    assert_eq!(queue.losses().dropped, 1);
}

#[test]
fn a_command_overtakes_and_voids_the_older_states_of_its_tag() {
    let mut queue = Queue::new();
    push(&mut queue, 1, 10, Mode::Latest);
    push(&mut queue, 2, 20, Mode::Latest);
    push(&mut queue, 1, 11, Mode::Queued);
    push(&mut queue, 1, 12, Mode::Latest);
    assert_eq!(queue.push_command(7, TagNo(1), Value::Int(99), None, Timestamp(0)), Handed::Waits);
    push(&mut queue, 1, 13, Mode::Latest);
    assert_eq!(drain(&mut queue), ["!1=99", "2=20", "1=11", "1=13"]);
    assert_eq!(queue.losses().coalesced, 2);
    push(&mut queue, 1, 14, Mode::Latest);
    assert_eq!(drain(&mut queue), ["1=14"]);
}

#[test]
fn a_newer_command_for_the_same_tag_supersedes_the_older() {
    let mut queue = Queue::new();
    queue.push_command(1, TagNo(1), Value::Int(1), None, Timestamp(0));
    queue.push_command(2, TagNo(2), Value::Int(2), None, Timestamp(0));
    let Handed::Supersedes(older) = queue.push_command(3, TagNo(1), Value::Int(3), None, Timestamp(0)) else {
        panic!()
    };
    assert_eq!(older.lane, Lane::Command(1));
    assert_eq!(drain(&mut queue), ["!1=3", "!2=2"]);
}

#[test]
fn the_lane_of_commands_is_bounded() {
    let mut queue = Queue::new();
    for n in 0..COMMAND_BOUND {
        queue.push_command(0, TagNo(u32::try_from(n).unwrap()), Value::Null, None, Timestamp(0));
    }
    assert_eq!(queue.push_command(0, TagNo(u32::MAX), Value::Null, None, Timestamp(0)), Handed::Full);
    assert_eq!(queue.len(), COMMAND_BOUND);
}

#[test]
fn what_expired_is_reported_and_never_sent() {
    let mut queue = Queue::new();
    let ttl = Some(Duration::from_millis(10));
    queue.push_command(1, TagNo(1), Value::Int(1), ttl, Timestamp(0));
    queue.push(TagNo(2), Value::Int(2), None, ttl, Mode::Queued, None, Timestamp(0));
    queue.push(TagNo(3), Value::Int(3), None, ttl, Mode::Queued, None, Timestamp(1));
    let taken = queue.take(1, Timestamp(10_000));
    assert_eq!(taken.expired.iter().map(show).collect::<Vec<_>>(), ["!1=1", "2=2"]);
    assert_eq!(taken.items.iter().map(show).collect::<Vec<_>>(), ["3=3"]);
    assert_eq!(queue.losses().expired, 2);
}

proptest! {
    #[test]
    fn per_tag_nothing_overtakes_and_the_newest_always_arrives(
        steps in prop::collection::vec((0_u32..4, 0_u8..8, 0_usize..6), 1..200),
        filled in prop_oneof![Just(0_usize), Just(LATEST_BOUND)],
    ) {
        let mut queue = Queue::new();
        // So many others wait that values of mode latest coalesce from the start.
        for n in 0..filled {
            push(&mut queue, 1000 + u32::try_from(n).unwrap(), 0, Mode::Latest);
        }
        let (mut sent, mut newest, mut queued) = (Vec::new(), HashMap::new(), HashSet::new());
        for (value, (tag, kind, take)) in steps.into_iter().enumerate() {
            let value = i64::try_from(value).unwrap();
            match kind {
                0 => drop(queue.push_command(0, TagNo(tag), Value::Int(value), None, Timestamp(0))),
                1..=3 => {
                    queued.insert(value);
                    push(&mut queue, tag, value, Mode::Queued);
                }
                _ => push(&mut queue, tag, value, Mode::Latest),
            }
            newest.insert(tag, value);
            if filled == 0 {
                sent.extend(queue.take(take, Timestamp(0)).items);
            }
        }
        sent.extend(queue.take(usize::MAX, Timestamp(0)).items);
        for tag in 0..4 {
            let of_tag: Vec<&Waiting> = sent.iter().filter(|item| item.tag.0 == tag).collect();
            let values = |routes: bool| -> Vec<i64> {
                let wanted = of_tag.iter().filter(|item| !routes || matches!(item.lane, Lane::Route(_)));
                wanted.map(|item| if let Value::Int(n) = item.value { n } else { -1 }).collect()
            };
            prop_assert!(values(true).is_sorted(), "{:?}", values(true));
            if let Some(newest) = newest.get(&tag) {
                prop_assert!(values(false).contains(newest));
            }
        }
        let arrived: HashSet<i64> = sent.iter().filter_map(|i| if let Value::Int(n) = i.value { Some(n) } else { None }).collect();
        prop_assert!(queued.is_subset(&arrived));
    }
}

#[test]
fn what_waited_long_gives_way_to_a_newer_value_of_its_tag_and_to_nothing_else() {
    let mut queue = Queue::new();
    let mut push = |tag, value, mode, ms| {
        queue.push(TagNo(tag), Value::Int(value), None, None, mode, None, Timestamp(ms * 1000));
    };
    // A counter that comes faster than the target takes it, a light behind it, and a value that must not be lost.
    (0..500).for_each(|n| push(1, n, Mode::Latest, n));
    push(2, 1, Mode::Latest, 200);
    push(3, 1, Mode::Queued, 200);
    push(3, 2, Mode::Queued, 500);
    let taken = queue.take(usize::MAX, Timestamp(500_000));
    let shown: Vec<String> = taken.items.iter().map(show).collect();
    assert_eq!(shown[0], "1=350");
    assert_eq!(shown[149..], ["1=499", "2=1", "3=1", "3=2"]);
    assert_eq!(queue.losses().coalesced, 350);
}
