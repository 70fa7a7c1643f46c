use super::*;
use fieldrail_store::{ErrorFilter, Logs};

fn opened() -> (tempfile::TempDir, Errors) {
    let folder = tempfile::tempdir().unwrap();
    let logs = Arc::new(Logs::open(&folder.path().join("system_logs.db")).unwrap());
    let errors = Errors::open(fieldrail_store::Errors::new(logs), folder.path()).unwrap();
    (folder, errors)
}

fn raw(message: &str) -> Raw {
    Raw { instance: Some("plc".into()), ..Raw::new(ErrorKind::Crash, "crash", message) }
}

#[test]
fn ten_thousand_equal_failures_are_one_cause_with_its_count() {
    let (_folder, errors) = opened();
    for n in 0..10_000 {
        errors.take(raw(&format!("exited with code {n}")));
    }
    errors.flush();
    let found = errors.store().query(&ErrorFilter::default()).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].count, found[0].source.as_str()), (10_000, "plc"));
    let (_, occurrences) = errors.store().one(found[0].id).unwrap().unwrap();
    assert_eq!(occurrences.len(), IN_FULL);
    let newest: ErrorEvent = serde_json::from_str(&occurrences[0].event).unwrap();
    assert_eq!(newest.message, "exited with code 9999");
}

#[test]
fn a_flood_of_different_failures_is_bounded_and_what_was_there_before_stays() {
    let (_folder, errors) = opened();
    errors.take(Raw { instance: Some("neighbour".into()), ..raw("a real one") });
    errors.flush();
    let word = |n: usize| n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'g')).collect::<String>();
    for n in 0..5_000 {
        errors.take(raw(&format!("made up {}", word(n))));
    }
    errors.flush();
    let all = errors.store().query(&ErrorFilter { limit: 500, ..ErrorFilter::default() }).unwrap();
    assert!(all.len() <= 101, "{}", all.len());
    assert!(all.iter().any(|group| group.source == "neighbour"));
}

#[test]
fn what_was_taken_is_written_before_the_house_closes() {
    let (folder, errors) = opened();
    errors.take(raw("the last one"));
    drop(errors);
    let logs = Arc::new(Logs::open(&folder.path().join("system_logs.db")).unwrap());
    let found = fieldrail_store::Errors::new(logs).query(&ErrorFilter::default()).unwrap();
    assert_eq!(found[0].title, "the last one");
}

#[test]
fn what_looks_secret_is_in_no_part_of_what_is_kept() {
    let (_folder, errors) = opened();
    let secret = "CANARY-7261";
    let input = Input { time_ms: 0, from_plugin: true, text: format!("samples: x = password={secret}") };
    errors.take(Raw {
        stack: format!("token: {secret}"),
        inputs: vec![input],
        log: vec![format!("GET http://u:{secret}@h/")],
        ..raw(&format!("cannot log in with password={secret}"))
    });
    errors.flush();
    let found = errors.store().query(&ErrorFilter::default()).unwrap();
    let one = errors.store().one(found[0].id).unwrap().unwrap();
    let all = format!("{one:?}");
    assert!(!all.contains("CANARY") && all.contains("[secret]"), "{all}");
}
