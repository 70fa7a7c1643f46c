//! One case for every kind of message, with and without its optional parts: the table behind the golden files.

use fieldrail_model::{Quality, Value};
use fieldrail_wire::daemon::{
    Accepted, Browse, Call, Configure, Credit, Empty, Read, Search, Stop, Subscribe, Subscription, Unsubscribe,
    Welcome, Write,
};
use fieldrail_wire::plugin::{
    Configured, Event, Failure, Fresh, Hello, Level, Log, Metrics, Node, Nodes, Progress, Pulsed, Reading, Rejected,
    Returned, Samples, State, Status, Subscribed, SubscribedItem, Values, Written,
};
use fieldrail_wire::{Action, Capabilities, FromPlugin, SampleItem, TagRef, TargetKind, ToPlugin, WriteItem};
use serde_json::json;

/// A message of either side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    From(FromPlugin),
    To(ToPlugin),
}

/// One message with what is special about it.
pub(crate) struct Case {
    pub(crate) about: &'static str,
    pub(crate) message: Message,
}

fn from(about: &'static str, message: FromPlugin) -> Case {
    Case { about, message: Message::From(message) }
}

fn to(about: &'static str, message: ToPlugin) -> Case {
    Case { about, message: Message::To(message) }
}

fn failure() -> Failure {
    Failure {
        message: "symbol MAIN.x does not exist".into(),
        hint: Some("was the program changed?".into()),
        again: false,
    }
}

fn bare_failure() -> Failure {
    Failure { message: "no answer within 500 ms".into(), hint: None, again: false }
}

/// A sample with nothing but tag and value.
pub(crate) fn bare_sample(tag: TagRef, value: impl Into<Value>) -> SampleItem {
    SampleItem { tag, value: value.into(), quality: Quality::Good, time: None, note: None, origin: None }
}

/// A write with nothing but id, tag and value.
pub(crate) fn bare_write(id: u64, tag: TagRef, value: impl Into<Value>) -> WriteItem {
    WriteItem { id, tag, value: value.into(), ttl_ms: None, pulse_ms: None, origin: None }
}

fn number(n: u32) -> TagRef {
    TagRef::Number(n)
}

fn name(name: &str) -> TagRef {
    TagRef::Name(name.into())
}

/// Every case, in the order of the specification.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = plugin_link();
    cases.extend(plugin_samples());
    cases.extend(plugin_answers());
    cases.extend(plugin_rest());
    cases.extend(daemon_link());
    cases.extend(daemon_questions());
    cases.extend(daemon_writes());
    cases
}

fn plugin_link() -> Vec<Case> {
    let able = Capabilities {
        browse: true,
        search: true,
        read: true,
        write: true,
        configure: true,
        patterns: true,
        case_insensitive: true,
        simulation: true,
        target: TargetKind::Event,
        actions: vec![
            Action {
                name: "scan".into(),
                description: "Looks for devices.".into(),
                arguments: Some(json!({ "type": "object" })),
            },
            Action { name: "stop_scan".into(), description: "Ends the scan.".into(), arguments: None },
        ],
        shows: vec!["battery".into()],
    };
    let hello = |version: &str, capabilities| {
        FromPlugin::Hello(Hello { protocol: (1, 1), name: "counter".into(), version: version.into(), capabilities })
    };
    let state = |status, text: &str, hint: Option<&str>| {
        FromPlugin::State(State { status, text: text.into(), hint: hint.map(Into::into), answers: false })
    };
    vec![
        from("that can do nothing in particular", hello("", Capabilities::default())),
        from("that can do everything", hello("1.2.3", able)),
        from("on the way", state(Status::Connecting, "", None)),
        from("up", state(Status::Connected, "", None)),
        from("in part", state(Status::Degraded, "waits for 192.168.2.162:48898, next try in 8 s", None)),
        from(
            "over a second end point",
            FromPlugin::State(State {
                status: Status::Degraded,
                text: "on the fallback end point since 14:02".into(),
                hint: None,
                answers: true,
            }),
        ),
        from("for good", state(Status::Failed, "the password is wrong", Some("see `user` and `password`"))),
    ]
}

fn plugin_samples() -> Vec<Case> {
    let value = |value: Value| bare_sample(number(7), value);
    let full = SampleItem {
        tag: number(0),
        value: Value::Float(12.5),
        quality: Quality::LastUsable,
        time: Some(1_700_000_000_123_456),
        note: Some("the battery sleeps".into()),
        origin: Some(("plc_001.MAIN.fSet".into(), 2)),
    };
    let samples = |batch, tags, items| FromPlugin::Samples(Samples { batch, tags, items });
    vec![
        from("one value under a name, the easy way", samples(1, vec![], vec![bare_sample(name("count"), 3_i64)])),
        from(
            "a number declared with its first use, then used again",
            samples(2, vec![(0, "pack/voltage".into())], vec![value(Value::Int(1)), bare_sample(number(0), 52.4)]),
        ),
        from("every part of a sample", samples(3, vec![], vec![full])),
        from(
            "a part behind left out ones",
            samples(4, vec![], vec![SampleItem { note: Some("why".into()), ..value(Value::Null) }]),
        ),
        from(
            "bad without a value",
            samples(5, vec![], vec![SampleItem { quality: Quality::NotConnected, ..value(Value::Null) }]),
        ),
        from(
            "every kind of value",
            samples(
                6,
                vec![],
                vec![
                    value(Value::Null),
                    value(Value::Bool(true)),
                    value(Value::Int(-1)),
                    value(Value::Int(1 << 53)),
                    value(Value::Int(i64::MIN)),
                    value(Value::UInt(u64::MAX)),
                    value(Value::Float(-0.0)),
                    value(Value::Float(f64::NAN)),
                    value(Value::Float(f64::from_bits(0x7ff8_0000_0000_0001))),
                    value(Value::Float(f64::NEG_INFINITY)),
                    value(Value::text("Küche \u{1F321} \"\n")),
                    value(Value::bytes([0, 255, 16].as_slice())),
                    value(Value::json(r#"{"a":[1,2.50,null]}"#).expect("a JSON text")),
                ],
            ),
        ),
        from("no samples", samples(7, vec![], vec![])),
        from("on arrival", FromPlugin::Fresh(Fresh { tags: vec![number(0), name("count")], time: None })),
        from("at a time", FromPlugin::Fresh(Fresh { tags: vec![number(7)], time: Some(1_700_000_000_000_000) })),
    ]
}

fn plugin_answers() -> Vec<Case> {
    let node = Node { name: "MAIN".into(), path: "MAIN".into(), children: true, ..Node::default() };
    let leaf = Node {
        name: "fVoltage".into(),
        path: "MAIN.fVoltage".into(),
        tag: Some("MAIN.fVoltage".into()),
        children: false,
        r#type: Some("REAL".into()),
        location: Some("%MD8".into()),
        size: Some(4),
        unit: Some("V".into()),
        comment: Some("pack voltage".into()),
        writable: Some(true),
        source: None,
    };
    let nodes = |nodes, next: Option<&str>, failure| {
        FromPlugin::Nodes(Nodes { request: 5, nodes, next: next.map(Into::into), failure })
    };
    vec![
        from(
            "all three ends",
            FromPlugin::Written(Written {
                confirmed: vec![(1, 40), (42, 42)],
                rejected: vec![Rejected { id: 41, failure: failure() }, Rejected { id: 43, failure: bare_failure() }],
                expired: vec![44, 45],
            }),
        ),
        from("two pulses", FromPlugin::Pulsed(Pulsed { ids: vec![7, 42] })),
        from("one confirmed", FromPlugin::Written(Written { confirmed: vec![(7, 7)], ..Written::default() })),
        from(
            "one taken in its canonical spelling, one refused",
            FromPlugin::Subscribed(Subscribed {
                request: 1,
                items: vec![
                    SubscribedItem { tag: "MAIN.fVoltage".into(), failure: None },
                    SubscribedItem { tag: "MAIN.x".into(), failure: Some(failure()) },
                ],
            }),
        ),
        from(
            "one good, one bad",
            FromPlugin::Values(Values {
                request: 2,
                items: vec![
                    Reading { tag: "a".into(), value: Value::Int(1), quality: Quality::Good, note: None },
                    Reading {
                        tag: "b".into(),
                        value: Value::Null,
                        quality: Quality::NotFound,
                        note: Some("the device does not know it".into()),
                    },
                ],
            }),
        ),
        from("a page with more behind it", nodes(vec![node, leaf], Some("MAIN.fVoltage"), None)),
        from("nothing there", nodes(vec![], None, None)),
        from("cannot be shown", nodes(vec![], None, Some(bare_failure()))),
        from(
            "with a result",
            FromPlugin::Returned(Returned { request: 6, result: json!({ "found": ["a", "b"] }), failure: None }),
        ),
        from(
            "without success",
            FromPlugin::Returned(Returned { request: 7, result: json!(null), failure: Some(failure()) }),
        ),
        from("taken", FromPlugin::Configured(Configured { request: 8, failure: None })),
        from("refused", FromPlugin::Configured(Configured { request: 9, failure: Some(bare_failure()) })),
    ]
}

fn plugin_rest() -> Vec<Case> {
    let figures = [("queue_samples".to_owned(), 12.0), ("round_trip_ms".to_owned(), 0.75)];
    vec![
        from(
            "with data",
            FromPlugin::Event(Event { kind: "device_found".into(), data: json!({ "mac": "00:11:22:33:44:55" }) }),
        ),
        from("without data", FromPlugin::Event(Event { kind: "paired".into(), data: json!(null) })),
        from("after 123 turns", FromPlugin::Progress(Progress { turns: 123 })),
        from("a line", FromPlugin::Log(Log { level: Level::Warn, message: "The link is slow.".into() })),
        from("two figures", FromPlugin::Metrics(Metrics { figures: figures.into() })),
    ]
}

fn daemon_link() -> Vec<Case> {
    let welcome = |config, state_dir: Option<&str>| {
        ToPlugin::Welcome(Welcome {
            protocol: 1,
            instance: "demo.counter".parse().expect("an instance id"),
            config,
            credit: 16_384,
            max_batch: 4096,
            max_frame_bytes: 8_388_608,
            progress_ms: 5000,
            state_dir: state_dir.map(Into::into),
        })
    };
    vec![
        to("with a folder", welcome(json!({ "start": 5, "step_s": 0.5 }), Some("/var/lib/fieldrail/demo.counter"))),
        to("without a folder", welcome(json!({}), None)),
        to("an old plugin", ToPlugin::Refused(failure())),
        to("batches up to 12", ToPlugin::Accepted(Accepted { batch: 12 })),
        to("a new window", ToPlugin::Credit(Credit { samples: 1000 })),
        to("a new configuration", ToPlugin::Configure(Configure { request: 9, config: json!({ "start": 1 }) })),
        to("samples stop", ToPlugin::Pause(Empty {})),
        to("samples go on", ToPlugin::Resume(Empty {})),
        to("three seconds", ToPlugin::Stop(Stop { deadline_ms: 3000 })),
    ]
}

fn daemon_questions() -> Vec<Case> {
    let item = |tag: &str, pattern, interval_ms| Subscription { tag: tag.into(), pattern, interval_ms };
    let browse = |path: &str, filter: Option<&str>, after: Option<&str>| {
        ToPlugin::Browse(Browse {
            request: 3,
            path: path.into(),
            filter: filter.map(Into::into),
            after: after.map(Into::into),
            limit: 100,
        })
    };
    let search = |after: Option<&str>| {
        ToPlugin::Search(Search { request: 4, text: "volt".into(), after: after.map(Into::into), limit: 50 })
    };
    vec![
        to(
            "a tag, a tag every 200 ms, a pattern",
            ToPlugin::Subscribe(Subscribe {
                request: 1,
                items: vec![item("a", false, None), item("b", false, Some(200)), item("main.**", true, None)],
            }),
        ),
        to("two of them", ToPlugin::Unsubscribe(Unsubscribe { tags: vec!["a".into(), "main.**".into()] })),
        to("two tags", ToPlugin::Read(Read { request: 2, tags: vec!["a".into(), "b".into()] })),
        to("the root", browse("", None, None)),
        to("the second page of what holds `volt`", browse("MAIN", Some("volt"), Some("MAIN.fVoltage"))),
        to("the first page", search(None)),
        to("the next page", search(Some("MAIN.fVoltage"))),
        to(
            "with arguments",
            ToPlugin::Call(Call { request: 6, action: "scan".into(), arguments: json!({ "seconds": 10 }) }),
        ),
        to("without arguments", ToPlugin::Call(Call { request: 7, action: "pair".into(), arguments: json!(null) })),
    ]
}

fn daemon_writes() -> Vec<Case> {
    let full = WriteItem {
        id: 42,
        tag: number(0),
        value: Value::Bool(true),
        ttl_ms: Some(2000),
        pulse_ms: Some(500),
        origin: Some(("mqtt.broker_local.set".into(), 1)),
    };
    let write = |tags, items| ToPlugin::Write(Write { tags, items });
    vec![
        to("one value under a name", write(vec![], vec![bare_write(1, name("alarms/critical"), true)])),
        to("the default target", write(vec![], vec![bare_write(2, name(""), "hello")])),
        to("every part of a write, its number declared with it", write(vec![(0, "MAIN.bPulse".into())], vec![full])),
        to(
            "a part behind left out ones",
            write(vec![], vec![WriteItem { pulse_ms: Some(250), ..bare_write(43, number(0), true) }]),
        ),
    ]
}
