use std::os::unix::fs::MetadataExt as _;

use super::*;

const NOW: i64 = 1_800_000_000;

fn open(path: &Path, now_s: i64) -> Rings {
    Rings::open(path, &["cpu", "memory"], now_s).unwrap()
}

/// What was between, as time, count and mean of the first figure.
#[track_caller]
fn check(rings: &Rings, (from, to, most, now): (i64, i64, usize, i64), step: i64, want: &[(i64, u32, f32)]) {
    let found = rings.query(from, to, most, now);
    let rows: Vec<_> = found.buckets.iter().map(|(time, bucket)| (*time, bucket.count, bucket.avg[0])).collect();
    assert_eq!((found.step_s, rows.as_slice()), (step, want));
}

#[test]
fn the_last_minutes_are_there_second_by_second_and_in_fewer_points_if_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let mut rings = open(&folder.path().join("a.ring"), NOW);
    for second in 0_u8..4 {
        rings.push(NOW + i64::from(second), &[f32::from(second), 1.0]);
    }
    let now = NOW + 3;
    check(&rings, (NOW, now, 100, now), 1, &[(NOW, 1, 0.0), (NOW + 1, 1, 1.0), (NOW + 2, 1, 2.0), (NOW + 3, 1, 3.0)]);
    check(&rings, (NOW, now, 2, now), 2, &[(NOW, 2, 0.5), (NOW + 2, 2, 2.5)]);
}

#[test]
fn what_a_killed_daemon_had_written_is_there_and_a_bucket_that_had_begun_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ring");
    let begin = NOW - NOW.rem_euclid(900);
    let mut rings = open(&path, begin);
    for second in 0..125 {
        rings.push(begin + second, &[2.0, f32::NAN]);
        if second % 60 == 0 {
            rings.write().unwrap();
        }
    }
    // Killed: what was not written is lost, and that is less than a minute.
    drop(rings);
    let now = begin + 130;
    let mut rings = open(&path, now);
    let found = rings.query(begin, now, 1000, now);
    let seconds: u32 = found.buckets.iter().map(|(_, bucket)| bucket.count).sum();
    assert!((65..=125).contains(&seconds), "{seconds}");
    for second in 130..140 {
        rings.push(begin + second, &[4.0, 1.0]);
    }
    let quarter = rings.query(begin - 3 * 86_400, begin + 140, 10_000, begin + 140);
    assert_eq!(quarter.step_s % 900, 0);
    let (_, last) = quarter.buckets.last().unwrap();
    assert_eq!((last.count > 60, last.min[0], last.max[0]), (true, 2.0, 4.0), "{last:?}");
    rings.close().unwrap();
    let rings = open(&path, begin + 150);
    let again = rings.query(begin - 3 * 86_400, begin + 150, 10_000, begin + 150);
    assert_eq!(again.buckets.last().unwrap().1.count, last.count);
}

#[test]
fn what_is_older_than_its_ring_is_not_told_and_a_gap_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let mut rings = open(&folder.path().join("a.ring"), NOW);
    rings.push(NOW, &[1.0, 1.0]);
    let later = NOW + 7 * 3600;
    rings.push(later, &[3.0, 1.0]);
    rings.write().unwrap();
    let found = rings.query(later - 6 * 3600, later, 2000, later);
    assert_eq!(found.buckets.len(), 1, "{found:?}");
    let month = NOW + 40 * 86_400;
    rings.push(month, &[5.0, 1.0]);
    rings.write().unwrap();
    let found = rings.query(0, month, 2000, month);
    assert_eq!(found.buckets.iter().map(|(_, bucket)| bucket.avg[0]).collect::<Vec<_>>(), [5.0]);
    assert!(rings.query(month - 86_400 * 30, month, 50, month).buckets.len() <= 50);
}

#[test]
fn a_clock_that_is_set_back_and_a_file_of_other_figures_harm_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ring");
    let mut rings = open(&path, NOW);
    for second in [NOW, NOW - 5000, NOW - 4999, i64::from(u32::MAX) * 10, 0, -5] {
        rings.push(second, &[1.0, 1.0]);
        rings.write().unwrap();
    }
    rings.close().unwrap();
    let other = Rings::open(&path, &["cpu", "memory", "more"], NOW).unwrap();
    assert_eq!(other.query(0, NOW, 2000, NOW).buckets, []);
    fs::write(&path, "garbage").unwrap();
    let rings = open(&path, NOW);
    assert_eq!(rings.query(0, NOW, 2000, NOW).buckets, []);
}

/// Thirty days of twenty instances, the box and the daemon, with as many figures as there are and more.
#[test]
fn thirty_days_of_twenty_instances_fit_into_fifty_megabytes() {
    const FIGURES: [&str; 16] = ["f"; 16];
    let folder = tempfile::tempdir().unwrap();
    let begin = NOW - 30 * 86_400;
    let mut on_disk = 0;
    for subject in 0..22 {
        let path = folder.path().join(format!("{subject}.ring"));
        let mut rings = Rings::open(&path, &FIGURES, begin).unwrap();
        let mut second = begin;
        while second < NOW {
            rings.push(second, &[1.5; 16]);
            let left = NOW - second;
            // As often as the finest ring needs that the time will still be in.
            let pause = [(120, 1), (25_200, 10), (180_000, 60)].iter().find(|(most, _)| left <= *most);
            second += pause.map_or(900, |(_, pause)| *pause);
            if rings.due.len() > 8 {
                rings.write().unwrap();
            }
        }
        rings.write().unwrap();
        for (from, step) in [(NOW - 6 * 3600 + 10, 10), (NOW - 2 * 86_400 + 60, 60), (begin + 900, 900)] {
            let found = rings.query(from, NOW - 1, 3000, NOW);
            let most = usize::try_from((NOW - from) / found.step_s + 2).unwrap();
            assert!(
                found.step_s % step == 0 && found.buckets.len() + 3 >= most.min(1000),
                "{step}: {}",
                found.buckets.len()
            );
        }
        on_disk += fs::metadata(&path).unwrap().blocks() * 512;
    }
    println!("{on_disk} bytes for thirty days of 22 subjects with {} figures", FIGURES.len());
    assert!(on_disk > 10 << 20, "the rings are full: {on_disk}");
    assert!(on_disk <= 50 << 20, "{on_disk} bytes");
}
