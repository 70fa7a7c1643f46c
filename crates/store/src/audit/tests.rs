use super::*;
use rusqlite::Connection;
use std::path::PathBuf;

fn entry(n: i64, trail: Trail, by: &str, action: &str) -> AuditEntry {
    AuditEntry {
        time: Timestamp(n),
        trail,
        by: by.into(),
        action: action.into(),
        target: format!("plc_{n}"),
        outcome: "done".into(),
        detail: String::new(),
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    path: PathBuf,
    trail: AuditTrail,
}

fn bench(limits: AuditLimits, house: i64, values: i64) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("system_logs.db");
    let trail = AuditTrail::with_limits(Arc::new(Logs::open(&path).unwrap()), limits);
    for n in 1..=house.max(values) {
        let both = [entry(n, Trail::House, "anna", "restart"), entry(n, Trail::Values, "token:x", "write")];
        let wanted: Vec<_> =
            both.into_iter().filter(|e| n <= if e.trail == Trail::House { house } else { values }).collect();
        trail.append(&wanted).unwrap();
    }
    Bench { _folder: folder, path, trail }
}

const FEW: AuditLimits = AuditLimits { house: 10, values: 5 };

/// What the rows prove after `sql` was done to the database by hand.
#[track_caller]
fn check(sql: &str, want: &[(Trail, i64, &str)]) {
    let bench = bench(FEW, 15, 8);
    assert_eq!(bench.trail.verify().unwrap().broken, []);
    let by_hand = Connection::open(&bench.path).unwrap();
    assert!(by_hand.execute(sql, []).unwrap() > 0, "{sql} changed nothing");
    let broken = bench.trail.verify().unwrap().broken;
    let broken: Vec<_> = broken.iter().map(|row| (row.trail, row.seq, row.why)).collect();
    assert_eq!(broken, want, "{sql}");
}

#[test]
fn a_row_that_was_changed_by_hand_is_named() {
    let changed = "is not as it was written";
    check("UPDATE audit SET by = 'bert' WHERE trail = 0 AND seq = 9", &[(Trail::House, 9, changed)]);
    check("UPDATE audit SET detail = 'x' WHERE trail = 1 AND seq = 8", &[(Trail::Values, 8, changed)]);
    check("UPDATE audit SET time_us = 0 WHERE trail = 0 AND seq = 6", &[(Trail::House, 6, changed)]);
    check(
        "UPDATE audit SET target = target || ' ' WHERE seq = 7",
        &[(Trail::House, 7, changed), (Trail::Values, 7, changed)],
    );
    // Two texts that together are as before.
    check(
        "UPDATE audit SET action = 'rest', target = 'art' || target WHERE trail = 0 AND seq = 12",
        &[(Trail::House, 12, changed)],
    );
    check("UPDATE audit SET hash = zeroblob(32) WHERE trail = 0 AND seq = 15", &[(Trail::House, 15, changed)]);
    check("UPDATE audit SET hash = zeroblob(5) WHERE trail = 0 AND seq = 11", &[(Trail::House, 11, "cannot be read")]);
}

#[test]
fn a_row_that_was_taken_out_or_put_in_is_named() {
    check("DELETE FROM audit WHERE trail = 0 AND seq = 9", &[(Trail::House, 9, "is missing")]);
    check("DELETE FROM audit WHERE trail = 0 AND seq <= 7", &[(Trail::House, 6, "is missing")]);
    check("DELETE FROM audit WHERE trail = 0 AND seq >= 14", &[(Trail::House, 14, "is missing")]);
    check("DELETE FROM audit", &[(Trail::House, 6, "is missing"), (Trail::Values, 4, "is missing")]);
    let copy = |seq: &str| {
        format!(
            "INSERT INTO audit (trail, seq, time_us, by, action, target, outcome, detail, hash)
             SELECT trail, {seq}, time_us, by, action, target, outcome, detail, hash FROM audit
             WHERE trail = 0 AND seq = 15"
        )
    };
    check(&copy("16"), &[(Trail::House, 16, "is not as it was written")]);
    check(&copy("15"), &[(Trail::House, 15, "was put in")]);
    check(&copy("3"), &[(Trail::House, 3, "was put in")]);
    check(
        "UPDATE audit SET trail = 7 WHERE trail = 1 AND seq = 8",
        &[(Trail::Values, 8, "is missing"), (Trail::House, 8, "belongs to no trail")],
    );
}

#[test]
fn what_is_left_after_old_rows_were_deleted_still_proves_itself() {
    let bench = bench(FEW, 500, 7);
    let verdict = bench.trail.verify().unwrap();
    assert_eq!((verdict.rows, verdict.deleted, verdict.broken), (10 + 5, 490 + 2, vec![]));
    assert_eq!(verdict.heads.iter().map(|head| head.seq).collect::<Vec<_>>(), [500, 7]);
    let oldest = bench.trail.query(&AuditFilter { trail: Some(Trail::House), ..AuditFilter::default() }).unwrap();
    assert_eq!((oldest.len(), oldest[9].seq, oldest[0].seq), (10, 491, 500));
}

#[test]
fn a_flood_of_values_pushes_out_nothing_that_changed_the_house() {
    let bench = bench(FEW, 3, 400);
    let of = |trail| bench.trail.query(&AuditFilter { trail: Some(trail), ..AuditFilter::default() }).unwrap().len();
    assert_eq!((of(Trail::House), of(Trail::Values)), (3, 5));
}

#[test]
fn rows_and_their_proof_survive_a_restart_and_go_on() {
    let bench = bench(FEW, 3, 0);
    let before = bench.trail.query(&AuditFilter::default()).unwrap();
    drop(bench.trail);
    let trail = AuditTrail::new(Arc::new(Logs::open(&bench.path).unwrap()));
    assert_eq!(trail.query(&AuditFilter::default()).unwrap(), before);
    trail.append(&[entry(4, Trail::House, "anna", "stop")]).unwrap();
    let verdict = trail.verify().unwrap();
    assert_eq!((verdict.rows, verdict.broken), (4, vec![]));
}

#[test]
fn rows_are_found_by_who_text_and_page() {
    let bench = bench(AuditLimits::default(), 2, 2);
    let find = |filter: AuditFilter| {
        let found = bench.trail.query(&filter).unwrap();
        found.iter().map(|row| format!("{} {}", row.entry.by, row.entry.target)).collect::<Vec<_>>()
    };
    let all = AuditFilter::default();
    assert_eq!(find(AuditFilter { by: Some("anna".into()), ..all.clone() }), ["anna plc_2", "anna plc_1"]);
    assert_eq!(find(AuditFilter { search: Some("WRITE plc_1".into()), ..all.clone() }), ["token:x plc_1"]);
    assert_eq!(find(AuditFilter { search: Some("' OR 1 --".into()), ..all.clone() }), [] as [&str; 0]);
    let newest = bench.trail.query(&AuditFilter { limit: 1, ..all.clone() }).unwrap()[0].id;
    assert_eq!(find(AuditFilter { before: Some(newest), limit: 2, ..all }), ["anna plc_2", "token:x plc_1"]);
}

#[test]
fn what_somebody_writes_into_a_row_is_short_and_breaks_no_line() {
    let bench = bench(FEW, 0, 0);
    let evil = AuditEntry { detail: "ä\n".repeat(10_000), by: "a\u{1b}[2J".into(), ..entry(1, Trail::House, "", "x") };
    bench.trail.append(&[evil]).unwrap();
    let row = &bench.trail.query(&AuditFilter::default()).unwrap()[0].entry;
    assert!(row.detail.len() < 500 && !row.detail.contains('\n'), "{}", row.detail);
    assert_eq!(row.by, "a\\u{1b}[2J");
    assert_eq!(bench.trail.verify().unwrap().broken, []);
}
