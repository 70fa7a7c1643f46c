//! The load generator against a broker that loses, doubles and spoils on purpose.

use std::net::TcpListener;

use super::*;

const STEP: Step = Step { rate: 30_000, count: 150_000, first: 1 };

#[test]
fn each_message_is_due_at_its_own_time_and_not_before() {
    for index in 0..STEP.count {
        let at = STEP.at(index);
        assert_eq!(STEP.due(at), index + 1);
        if index > 0 {
            assert_eq!(STEP.due(at.saturating_sub(Duration::from_nanos(1))), index);
        }
    }
    assert_eq!(STEP.due(Duration::from_mins(1)), STEP.count);
    assert_eq!(STEP.at(STEP.count), Duration::from_secs(5));
}

#[test]
fn a_message_is_right_on_its_own_topic_only() {
    let path = Path { port: 0, out: "out/", scale: 0.001 };
    for (topic, payload, want) in [
        ("out/567", "1234.567", Some(1_234_567)),
        ("out/568", "1234.567", None),
        ("in/567", "1234.567", None),
        ("out/x", "1234.567", None),
        ("out/567", "1234567", None),
    ] {
        assert_eq!(path.sequence_of(topic.as_bytes(), payload.as_bytes()), want, "{topic} {payload}");
    }
}

#[test]
fn a_step_that_was_not_sustained_says_why() {
    let good = Outcome {
        rate: 500,
        sent: 10,
        delivered: 10,
        doubled: 0,
        wrong: 0,
        pace_held: true,
        latency: Latency::default(),
    };
    let slow = Latency { p99_ms: 1500.0, ..Latency::default() };
    for (outcome, want) in [
        (good.clone(), None),
        (Outcome { delivered: 9, ..good.clone() }, Some("1 lost: not back 3 s after the end")),
        (Outcome { doubled: 1, ..good.clone() }, Some("1 doubled, 0 wrong")),
        (Outcome { pace_held: false, ..good.clone() }, Some("the publisher was held up")),
        (Outcome { latency: slow, ..good.clone() }, Some("a queue: p99 1.5 s")),
    ] {
        assert_eq!(outcome.failure().as_deref(), want);
    }
}

/// A broker for one subscriber and then one publisher, which hands on what `route` makes of each sequence number.
fn broker(route: fn(u64) -> Vec<(u64, f64)>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut subscriber = accept(&listener);
        let mut request = vec![0; codec::subscribe("out/+").len()];
        subscriber.read_exact(&mut request).unwrap();
        subscriber.write_all(&[0x90, 3, 0, 1, 0]).unwrap();
        let mut publisher = accept(&listener);
        let (mut buffer, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(size @ 1..) = publisher.read(&mut chunk) {
            buffer.extend_from_slice(&chunk[..size]);
            let (mut used, mut out) = (0, Vec::new());
            while let Some((Packet::Publish { payload, .. }, size)) = codec::decode(&buffer[used..]).unwrap() {
                used += size;
                for (datapoint, value) in route(sequence_of(payload, 1.0).unwrap()) {
                    codec::push_publish(&mut out, &format!("out/{datapoint}"), value.to_string().as_bytes());
                }
            }
            buffer.drain(..used);
            subscriber.write_all(&out).unwrap();
        }
    });
    port
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    stream.read_exact(&mut vec![0; usize::from(head[1])]).unwrap();
    stream.write_all(&[0x20, 2, 0, 0]).unwrap();
    stream
}

/// Runs 1,000 messages from sequence number 5,001 on and gives (sent, delivered, lost, doubled, wrong).
#[track_caller]
fn check(route: fn(u64) -> Vec<(u64, f64)>, want: (u64, u64, u64, u64, u64)) {
    let path = Path { port: broker(route), out: "out/", scale: 0.001 };
    let outcome = run(path, Step { rate: 10_000, count: 1000, first: 5001 }).unwrap();
    let lost = outcome.lost();
    assert_eq!((outcome.sent, outcome.delivered, lost, outcome.doubled, outcome.wrong), want);
    assert!(outcome.latency.p50_ms > 0.0 && outcome.latency.max_ms < 3000.0, "{:?}", outcome.latency);
}

#[test]
fn an_honest_route_loses_nothing() {
    check(|n| vec![(n % 1000, n as f64 * 0.001)], (1000, 1000, 0, 0, 0));
}

#[test]
fn doubles_and_wrong_values_are_counted_exactly() {
    let route: fn(u64) -> Vec<(u64, f64)> = |n| {
        let right = (n % 1000, n as f64 * 0.001);
        match n % 100 {
            1 => vec![right, right],
            2 => vec![right, (right.0 + 1, right.1)],
            3 => vec![right, (right.0, right.1 * 1.000_001)],
            _ => vec![right],
        }
    };
    check(route, (1000, 1000, 0, 10, 20));
}

#[test]
fn each_lost_message_is_counted() {
    check(|n| if n % 100 == 7 { vec![] } else { vec![(n % 1000, n as f64 * 0.001)] }, (1000, 990, 10, 0, 0));
}

#[test]
fn only_whole_messages_count_as_sent() {
    let mut batch = Vec::new();
    codec::push_publish(&mut batch, "in/1", b"1");
    codec::push_publish(&mut batch, "in/2", b"2");
    for (size, want) in [(0, 0), (8, 0), (9, 1), (17, 1), (18, 2)] {
        assert_eq!(whole_packets(&batch[..size]).unwrap(), want, "{size}");
    }
}
