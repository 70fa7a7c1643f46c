//! The broker held against MQTT itself, with clients of mosquitto.
// A test fails by a panic, and `json!` reads best where it is handed over.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod house;

use std::time::Duration;

use house::{House, Raw, connect_packet};

#[test]
fn a_retained_message_is_kept_replaced_found_by_wildcards_and_cleared() {
    let house = House::open();
    house.publish("house/kitchen/power", "1", &["-r"]);
    house.publish("house/cellar/power", "2", &["-r", "-q", "1"]);
    house.publish("house/cellar/state", "live", &[]);
    assert_eq!(house.retained("house/kitchen/power"), ["1 house/kitchen/power 1"]);
    house.publish("house/kitchen/power", "3", &["-r"]);
    assert_eq!(house.retained("house/+/power"), ["1 house/cellar/power 2", "1 house/kitchen/power 3"]);
    assert_eq!(house.retained("#").len(), 2);
    house.publish("house/kitchen/power", "", &["-r"]);
    assert_eq!(house.retained("#"), ["1 house/cellar/power 2"]);
}

#[test]
fn the_retain_flag_is_set_for_late_subscribers_only() {
    let house = House::open();
    let early = house.subscribe("a", &[]);
    house.publish("a", "x", &["-r"]);
    assert_eq!(early.next(), "0 a x");
    assert_eq!(house.retained("a"), ["1 a x"]);
}

#[test]
fn both_versions_of_mqtt_hear_each_other() {
    let house = House::open();
    let (old, new) = (house.subscribe("x/#", &["-V", "311"]), house.subscribe("x/#", &["-V", "5"]));
    house.publish("x/1", "from 3.1.1", &["-V", "311"]);
    house.publish("x/2", "from 5", &["-V", "5", "-q", "1"]);
    for subscriber in [old, new] {
        assert_eq!([subscriber.next(), subscriber.next()], ["0 x/1 from 3.1.1", "0 x/2 from 5"]);
    }
}

#[test]
fn quality_of_service_2_delivers_exactly_once() {
    let house = House::open();
    for version in ["311", "5"] {
        let subscriber = house.subscribe("q", &["-q", "2", "-V", version]);
        for n in 0..5 {
            house.publish("q", &n.to_string(), &["-q", "2", "-V", version]);
        }
        assert_eq!(subscriber.all_for(Duration::from_millis(300)), ["0 q 0", "0 q 1", "0 q 2", "0 q 3", "0 q 4"]);
    }
}

#[test]
fn a_session_gets_what_came_while_it_was_away() {
    let house = House::open();
    let session: [&[&str]; 2] =
        [&["-i", "old", "-c", "-q", "1", "-V", "311"], &["-i", "new", "-c", "-q", "1", "-V", "5"]];
    for options in session {
        drop(house.subscribe("away", options));
        for n in 0..5 {
            house.publish("away", &n.to_string(), &["-q", "1"]);
        }
        let subscriber = house.subscribe("away", options);
        let got: Vec<String> = (0..5).map(|_| subscriber.next()).collect();
        assert_eq!(got, ["0 away 0", "0 away 1", "0 away 2", "0 away 3", "0 away 4"]);
    }
}

#[test]
fn the_will_of_a_lost_client_is_published_and_becomes_a_sample() {
    let mut house = House::open();
    house.plugin.subscribe(&["lost"]);
    let watcher = house.subscribe("lost", &[]);
    let mut client = house.subscribe("x", &["--will-topic", "lost", "--will-payload", "gone", "-k", "60"]);
    client.kill();
    assert_eq!(watcher.next(), "0 lost gone");
    assert_eq!(house.plugin.sample("lost").value, "gone".into());
}

#[test]
fn a_shared_subscription_gives_each_message_to_one_member() {
    let house = House::open();
    let members = [house.subscribe("$share/g/s", &["-V", "5"]), house.subscribe("$share/g/s", &["-V", "5"])];
    for n in 0..10 {
        house.publish("s", &n.to_string(), &["-q", "1"]);
    }
    let each = members.map(|member| member.all_for(Duration::from_millis(300)));
    let mut all: Vec<String> = each.concat();
    all.sort();
    assert_eq!(all, (0..10).map(|n| format!("0 s {n}")).collect::<Vec<_>>());
    assert!(each.iter().all(|some| !some.is_empty()), "{each:?}");
}

#[test]
fn a_message_expires() {
    let house = House::open();
    house.publish("e", "short", &["-r", "-V", "5", "-D", "publish", "message-expiry-interval", "1"]);
    assert_eq!(house.retained("e"), ["1 e short"]);
    std::thread::sleep(Duration::from_millis(1900));
    assert_eq!(house.retained("e"), [] as [&str; 0]);
}

#[test]
fn a_payload_of_200_kilobytes_passes() {
    let house = House::open();
    let subscriber = house.subscribe("big", &["-q", "1"]);
    let payload = "0123456789abcdef".repeat(12_800);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &payload).unwrap();
    let port = house.port.to_string();
    let args = ["-p", &port, "-t", "big", "-q", "1", "-f", file.path().to_str().unwrap()];
    assert!(std::process::Command::new("mosquitto_pub").args(args).status().unwrap().success());
    assert_eq!(subscriber.next(), format!("0 big {payload}"));
}

/// A client that misbehaves; the broker closes it, and another client goes on.
#[track_caller]
fn closes_only_that_client(misbehave: impl FnOnce(&mut Raw)) {
    let house = House::open();
    let witness = house.subscribe("w", &[]);
    let mut raw = Raw::open(house.port);
    misbehave(&mut raw);
    assert!(raw.is_closed());
    house.publish("w", "still here", &[]);
    assert_eq!(witness.next(), "0 w still here");
}

#[test]
fn a_second_connect_closes_only_that_client() {
    closes_only_that_client(|raw| {
        assert_eq!(raw.connect("twice"), 0);
        raw.send(&connect_packet("twice"));
    });
}

#[test]
fn a_topic_that_is_no_utf_8_closes_only_that_client() {
    closes_only_that_client(|raw| {
        assert_eq!(raw.connect("garbled"), 0);
        raw.send(b"\x30\x05\x00\x02\xff\xfex");
    });
}

#[test]
fn an_empty_topic_closes_only_that_client() {
    closes_only_that_client(|raw| {
        assert_eq!(raw.connect("empty"), 0);
        raw.send(b"\x30\x03\x00\x00x");
    });
}

#[test]
fn a_wildcard_in_a_topic_closes_only_that_client() {
    closes_only_that_client(|raw| {
        assert_eq!(raw.connect("wild"), 0);
        raw.send(b"\x30\x04\x00\x01#x");
    });
}

#[test]
fn a_giant_remaining_length_is_refused_before_and_after_the_log_in() {
    closes_only_that_client(|raw| raw.send(b"\x10\xff\xff\xff\x7f"));
    closes_only_that_client(|raw| {
        assert_eq!(raw.connect("bomb"), 0);
        raw.send(b"\x30\xff\xff\xff\x7f\x00\x01a");
    });
    closes_only_that_client(|raw| raw.send(b"\x10\xff\xff\xff\xff\xff"));
}

#[test]
fn a_packet_before_connect_closes_only_that_client() {
    closes_only_that_client(|raw| raw.send(b"\x30\x04\x00\x01ax"));
}

#[test]
fn a_keep_alive_of_zero_is_taken() {
    let house = House::open();
    let mut raw = Raw::open(house.port);
    let mut packet = connect_packet("quiet");
    packet[11] = 0;
    raw.send(&packet);
    raw.send(b"\xc0\x00");
    let mut answers = [0; 6];
    std::io::Read::read_exact(&mut raw.0, &mut answers).unwrap();
    assert_eq!(answers, [0x20, 2, 0, 0, 0xd0, 0]);
}
