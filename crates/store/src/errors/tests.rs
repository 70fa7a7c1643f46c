use super::*;

const FEW: ErrorLimits =
    ErrorLimits { causes: 6, per_source: 4, occurrences: 3, bytes: 1 << 20, outgoing: 3, outgoing_bytes: 1 << 20 };

fn opened(limits: ErrorLimits) -> (tempfile::TempDir, Errors) {
    let folder = tempfile::tempdir().unwrap();
    let logs = Arc::new(Logs::open(&folder.path().join("system_logs.db")).unwrap());
    (folder, Errors::with_limits(logs, limits))
}

/// The cause `number` of `source`, `count` times up to second `at`.
fn happened(source: &str, number: u8, count: u64, at: i64) -> Happened {
    let mut fingerprint = [number; 16];
    fingerprint[0] = source.bytes().next().unwrap_or(0);
    Happened {
        fingerprint,
        kind: "panic".into(),
        title: format!("{source} {number}"),
        place: "src/main.rs:1".into(),
        source: source.into(),
        driver: "mqtt".into(),
        count,
        occurrences: vec![Occurrence { time: Timestamp(at), event: format!("{{\"at\":{at}}}") }],
        forward: None,
    }
}

fn titles(errors: &Errors, filter: &ErrorFilter) -> Vec<String> {
    errors.query(filter).unwrap().iter().map(|group| format!("{} x{}", group.title, group.count)).collect()
}

#[test]
fn ten_thousand_equal_ones_are_one_row() {
    let (_folder, errors) = opened(ErrorLimits::default());
    for at in 1..=1000 {
        errors.take(&[happened("a", 1, 10, at)]).unwrap();
    }
    assert_eq!(titles(&errors, &ErrorFilter::default()), ["a 1 x10000"]);
    let id = errors.query(&ErrorFilter::default()).unwrap()[0].id;
    let (group, occurrences) = errors.one(id).unwrap().unwrap();
    assert_eq!((group.first, group.last), (Timestamp(1), Timestamp(1000)));
    assert_eq!((occurrences.len(), occurrences[0].event.as_str()), (20, "{\"at\":1000}"));
    assert_eq!(errors.one(id + 1).unwrap(), None);
}

#[test]
fn a_resolved_cause_opens_again_when_it_makes_itself_felt() {
    let (_folder, errors) = opened(FEW);
    let id = errors.take(&[happened("a", 1, 1, 1)]).unwrap()[0].id;
    assert!(errors.resolve(id, Timestamp(2), "anna").unwrap());
    let open = ErrorFilter { resolved: Some(false), ..ErrorFilter::default() };
    let resolved = ErrorFilter { resolved: Some(true), ..ErrorFilter::default() };
    assert_eq!((titles(&errors, &open).len(), titles(&errors, &resolved).len()), (0, 1));
    let again = errors.take(&[happened("a", 1, 1, 3)]).unwrap();
    assert_eq!(again, [Taken { id, is_new: true, forwarded: false }]);
    assert_eq!(titles(&errors, &open), ["a 1 x2"]);
    assert!(errors.remove(id).unwrap() && !errors.remove(id).unwrap());
    assert!(!errors.resolve(id, Timestamp(2), "anna").unwrap());
}

#[test]
fn who_makes_causes_up_pushes_out_only_its_own_and_resolved_ones_go_first() {
    let (_folder, errors) = opened(FEW);
    errors.take(&[happened("good", 1, 1, 1)]).unwrap();
    let ids: Vec<i64> =
        (1..=4).map(|n| errors.take(&[happened("evil", n, 1, 1 + i64::from(n))]).unwrap()[0].id).collect();
    errors.resolve(ids[2], Timestamp(9), "anna").unwrap();
    errors.take(&[happened("evil", 5, 1, 10)]).unwrap();
    let left = titles(&errors, &ErrorFilter::default());
    assert_eq!(left, ["evil 5 x1", "evil 4 x1", "evil 2 x1", "evil 1 x1", "good 1 x1"]);
    for n in 6..100 {
        errors.take(&[happened("evil", n, 1, i64::from(n) + 5)]).unwrap();
    }
    assert!(titles(&errors, &ErrorFilter::default()).contains(&"good 1 x1".to_string()));
}

#[test]
fn the_number_of_causes_and_their_bytes_are_bounded() {
    let (_folder, errors) = opened(ErrorLimits { bytes: 4000, ..FEW });
    for (n, source) in (1..=12).zip(["a", "b", "c", "d"].iter().cycle()) {
        errors.take(&[happened(source, n, 1, i64::from(n))]).unwrap();
    }
    assert_eq!(titles(&errors, &ErrorFilter::default()).len(), 6);
    let mut large = happened("e", 1, 1, 99);
    large.occurrences[0].event = "x".repeat(3995);
    errors.take(&[large]).unwrap();
    assert_eq!(titles(&errors, &ErrorFilter::default()), ["e 1 x1"]);
}

#[test]
fn causes_are_found_by_source_kind_text_and_page() {
    let (_folder, errors) = opened(ErrorLimits::default());
    for n in 1..=3 {
        errors.take(&[happened("a", n, 1, i64::from(n))]).unwrap();
    }
    errors.take(&[Happened { kind: "crash".into(), ..happened("", 9, 1, 4) }]).unwrap();
    let all = ErrorFilter::default();
    assert_eq!(titles(&errors, &ErrorFilter { source: Some(String::new()), ..all.clone() }), [" 9 x1"]);
    assert_eq!(titles(&errors, &ErrorFilter { kind: Some("crash".into()), ..all.clone() }), [" 9 x1"]);
    assert_eq!(titles(&errors, &ErrorFilter { search: Some("A 2".into()), ..all.clone() }), ["a 2 x1"]);
    assert_eq!(titles(&errors, &ErrorFilter { search: Some("%".into()), ..all.clone() }), [] as [&str; 0]);
    let first = errors.query(&ErrorFilter { limit: 2, ..all.clone() }).unwrap();
    let after = Some((first[1].last, first[1].id));
    assert_eq!(titles(&errors, &ErrorFilter { after, ..all }), ["a 2 x1", "a 1 x1"]);
}

fn with_forward(source: &str, number: u8, at: i64) -> Happened {
    let forward = Some(Forward { event: format!("{source}{number}@{at}"), pause: Duration::from_micros(100) });
    Happened { forward, ..happened(source, number, 1, at) }
}

#[test]
fn a_cause_is_forwarded_once_and_again_after_a_pause_or_when_it_was_resolved() {
    let (folder, errors) = opened(FEW);
    let forwarded = |errors: &Errors, one| errors.take(&[one]).unwrap()[0].forwarded;
    assert!(forwarded(&errors, with_forward("a", 1, 1)));
    assert!(!forwarded(&errors, with_forward("a", 1, 50)));
    assert!(forwarded(&errors, with_forward("a", 1, 101)));
    let id = errors.query(&ErrorFilter::default()).unwrap()[0].id;
    errors.resolve(id, Timestamp(102), "anna").unwrap();
    assert!(forwarded(&errors, with_forward("a", 1, 103)));
    drop(errors);
    // What waits survives a restart, in its order.
    let errors = Errors::new(Arc::new(Logs::open(&folder.path().join("system_logs.db")).unwrap()));
    let mut sent = Vec::new();
    while let Some(next) = errors.next_outgoing().unwrap() {
        errors.forget_outgoing(next.id).unwrap();
        sent.push(next.event);
    }
    assert_eq!(sent, ["a1@1", "a1@101", "a1@103"]);
}

#[test]
fn when_too_much_waits_the_oldest_is_dropped_and_counted() {
    let (_folder, errors) = opened(FEW);
    for n in 1..=5 {
        errors.take(&[with_forward("a", n, i64::from(n))]).unwrap();
    }
    assert_eq!(errors.outgoing().unwrap(), OutgoingFigures { waiting: 3, dropped: 2 });
    assert_eq!(errors.next_outgoing().unwrap().unwrap().event, "a3@3");
    errors.clear_outgoing().unwrap();
    assert_eq!(errors.next_outgoing().unwrap(), None);
}
