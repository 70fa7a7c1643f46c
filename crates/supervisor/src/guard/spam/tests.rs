use fieldrail_model::Value;

use super::*;

fn item(tag: u32) -> SampleItem {
    SampleItem {
        tag: TagRef::Number(tag),
        value: Value::Int(1),
        quality: fieldrail_model::Quality::Good,
        time: None,
        note: None,
        origin: None,
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sends `per_s` samples a second of `tags` tags in batches every 100 ms, from `from` for `seconds`. Returns how many
/// passed, and what was seen when it tripped, with the moment.
fn send(
    breaker: &mut SpamBreaker,
    limit: u32,
    from: Moment,
    seconds: u64,
    per_s: u32,
    tags: u32,
) -> (u64, Option<(Moment, Seen)>) {
    let (mut passed, mut tripped, mut tag) = (0, None, 0);
    for step in 0..seconds * 10 {
        let now = from + ms(step * 100);
        let mut items: Vec<SampleItem> = (0..per_s / 10).map(|n| item((tag + n) % tags)).collect();
        tag = (tag + per_s / 10) % tags;
        if let Some(seen) = breaker.take(now, limit, false, &mut items) {
            tripped.get_or_insert((now, seen));
        }
        passed += items.len() as u64;
    }
    (passed, tripped)
}

#[test]
fn a_flood_is_coalesced_then_sampled_then_suspended_and_the_evidence_says_why() {
    let mut breaker = SpamBreaker::default();
    let mut stages = Vec::new();
    let mut tripped = None;
    for step in 0..200_u64 {
        let now = ms(step * 100);
        let mut items: Vec<SampleItem> = (0..1000).map(|n| item(n % 3)).collect();
        let before = breaker.stage();
        if let Some(seen) = breaker.take(now, 500, false, &mut items) {
            tripped = Some((now, seen));
        }
        match breaker.stage() {
            SpamStage::Fine => assert_eq!(items.len(), 1000),
            SpamStage::Coalescing | SpamStage::Sampling => assert_eq!(items.len(), 3),
            SpamStage::Suspended => assert_eq!(items, []),
        }
        if breaker.stage() != before {
            stages.push((breaker.stage(), now));
        }
    }
    use SpamStage::{Coalescing, Sampling, Suspended};
    assert_eq!(stages, [(Coalescing, ms(500)), (Sampling, ms(3500)), (Suspended, ms(8600))]);
    let (at, seen) = tripped.unwrap();
    assert_eq!((at, seen.limit, seen.rate), (ms(8600), 500, 8700.0));
    assert_eq!(seen.series, [10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 7000]);
    assert_eq!(seen.top.len(), 3);
    assert!(seen.top.iter().all(|(_, count)| *count > 20_000), "{:?}", seen.top);
}

#[test]
fn sampling_passes_no_more_than_the_limit() {
    let mut breaker = SpamBreaker::default();
    let (_, tripped) = send(&mut breaker, 500, ms(0), 4, 10_000, 100_000);
    assert_eq!((tripped, breaker.stage()), (None, SpamStage::Sampling));
    let (passed, _) = send(&mut breaker, 500, ms(4000), 4, 10_000, 100_000);
    assert!((1500..=2500).contains(&passed), "{passed}");
}

#[test]
fn half_a_million_samples_of_the_first_snapshot_do_not_count_and_more_of_the_same_do() {
    let mut breaker = SpamBreaker::default();
    breaker.connected(ms(0));
    let mut all: Vec<SampleItem> = (0..14_000).map(item).collect();
    breaker.take(ms(10), 500, false, &mut all);
    breaker.take(ms(20), 500, false, &mut all);
    assert_ne!(breaker.stage(), SpamStage::Fine, "the second time they count");
    let mut breaker = SpamBreaker::default();
    for minute in 0..60 {
        let now = Duration::from_mins(minute);
        breaker.connected(now);
        let mut all: Vec<SampleItem> = (0..14_000).map(item).collect();
        assert_eq!(breaker.take(now + ms(10), 500, false, &mut all), None);
        assert_eq!((breaker.stage(), all.len()), (SpamStage::Fine, 14_000));
    }
}

#[test]
fn who_says_connected_again_and_again_gets_no_snapshot_more_than_every_ten_seconds() {
    let mut breaker = SpamBreaker::default();
    let mut tripped = None;
    for step in 0..300_u64 {
        breaker.connected(ms(step * 100));
        let mut items: Vec<SampleItem> = (0..1000).map(item).collect();
        tripped = tripped.or(breaker.take(ms(step * 100), 500, false, &mut items));
    }
    assert!(tripped.is_some());
}

#[test]
fn on_and_off_does_not_save_a_flood() {
    let mut breaker = SpamBreaker::default();
    let mut tripped = None;
    for round in 0..20 {
        let from = Duration::from_secs(round * 10);
        let (_, trip) = send(&mut breaker, 500, from, 4, 20_000, 10);
        tripped = tripped.or(trip);
    }
    assert!(tripped.is_some());
}

#[test]
fn one_burst_beyond_the_allowance_is_coalesced_and_forgotten() {
    let mut breaker = SpamBreaker::default();
    let (_, tripped) = send(&mut breaker, 500, ms(0), 1, 12_000, 3);
    assert_eq!((tripped, breaker.stage()), (None, SpamStage::Coalescing));
    for step in 0..100 {
        breaker.tick(ms(1000 + step * 100), 500);
    }
    assert_eq!(breaker.stage(), SpamStage::Fine);
}

#[test]
fn a_million_samples_a_second_end_within_one_and_a_burst_of_fifty_thousand_does_not_end_at_all() {
    let mut breaker = SpamBreaker::default();
    let (mut trip, mut passed) = (None, 0);
    for step in 0..1000_u64 {
        let mut items: Vec<SampleItem> = (0..1000).map(|n| item(n % 3)).collect();
        trip = trip.or(breaker.take(ms(step), 500, false, &mut items).map(|_| ms(step)));
        passed += items.len();
    }
    assert!(trip.is_some_and(|at| at < ms(800)), "{trip:?}");
    assert!(passed < 12_000, "{passed}");
    // What a broker kept for a second of work: it comes in a fifth of a second, and is over.
    let mut breaker = SpamBreaker::default();
    for step in 0..50_u64 {
        let mut items: Vec<SampleItem> = (0..1000).map(item).collect();
        assert_eq!(breaker.take(ms(step * 4), 500, false, &mut items), None);
    }
    for step in 0..600 {
        breaker.tick(ms(200 + step * 100), 500);
        assert_ne!(breaker.stage(), SpamStage::Suspended);
    }
    assert_eq!(breaker.stage(), SpamStage::Fine);
}

#[test]
fn thirty_days_of_legal_bursts_trip_nothing_and_lose_nothing() {
    let mut breaker = SpamBreaker::default();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut chance = move |of: u64| -> u64 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % of
    };
    let limit = 500;
    let month = 30 * 24 * 3600_u64;
    let mut second = 0;
    while second < month {
        // A scene switches everything at once: nine tenths of the allowance in one batch, after a quiet time.
        let burst = match chance(20) {
            0 => 4500,
            1 => 2000,
            _ => 0,
        };
        if burst > 0 {
            second += 10; // a quiet time
        }
        let now = Duration::from_secs(second) + ms(chance(1000));
        // Most go the short way, without making a thousand million samples.
        if chance(50) == 0 {
            let mut items: Vec<SampleItem> = (0..burst).map(|n| item(n % 700)).collect();
            assert_eq!(breaker.take(now, limit, false, &mut items), None);
            assert_eq!(items.len(), burst as usize);
        } else {
            breaker.count(now, burst as usize);
            breaker.look(now, limit);
        }
        assert_eq!(breaker.stage(), SpamStage::Fine, "second {second}");
        // And then what is usual: 40 samples a second for ten seconds or, without a burst, nine tenths of the limit.
        let usual: usize = if burst > 0 { 40 } else { 450 };
        for passed in (2..=10).step_by(2) {
            let now = Duration::from_secs(second + passed);
            breaker.count(now, usual * 2);
            breaker.look(now, limit);
            assert_eq!(breaker.stage(), SpamStage::Fine, "second {second}");
        }
        // The link is lost and comes back: everything anew.
        if chance(5000) == 0 {
            let now = Duration::from_secs(second + 10) + ms(1);
            breaker.connected(now);
            let mut items: Vec<SampleItem> = (1000..15_000).map(item).collect();
            breaker.take(now, limit, false, &mut items);
            assert_eq!(items.len(), 14_000);
        }
        second += 11;
    }
    assert_eq!((breaker.stage(), breaker.shed()), (SpamStage::Fine, 0));
}

#[test]
fn the_limit_is_the_larger_of_500_and_twice_what_was_asked_for_unless_a_person_says_otherwise() {
    for (configured, asked, want) in [(None, 0, 500), (None, 200, 500), (None, 400, 800), (Some(50), 400, 50)] {
        assert_eq!(limit(configured, asked), want);
    }
}

#[test]
fn where_nothing_may_be_lost_all_passes_and_it_is_suspended_all_the_same() {
    let (mut breaker, mut tripped) = (SpamBreaker::default(), 0);
    for step in 0..200_u64 {
        let mut items: Vec<SampleItem> = (0..1000).map(|n| item(n % 3)).collect();
        tripped += usize::from(breaker.take(ms(step * 100), 500, true, &mut items).is_some());
        assert_eq!(items.len(), 1000);
    }
    assert_eq!((tripped, breaker.stage(), breaker.shed()), (1, SpamStage::Suspended, 0));
}

#[test]
fn who_is_far_over_its_limit_is_read_with_pauses_and_a_snapshot_makes_none() {
    let mut breaker = SpamBreaker::default();
    breaker.connected(ms(0));
    let mut pause_after = |now: u64, tags: std::ops::Range<u32>| {
        breaker.take(ms(now), 500, false, &mut tags.map(item).collect());
        breaker.pause(500)
    };
    assert_eq!(pause_after(0, 0..9000), Duration::ZERO, "all of it is the snapshot");
    assert_eq!(pause_after(1, 0..6000), Duration::ZERO, "over its limit, and not far");
    assert_eq!(pause_after(2, 0..9000), Duration::ZERO);
    assert_eq!(pause_after(3, 0..9000), ms(18));
    assert_eq!(pause_after(4, 9000..9100), Duration::ZERO, "these are seen for the first time");
}
