//! Real-looking documents, damaged at random: never a panic, never an overwrite, always a message that names the place.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;

use fieldrail_store::{Document, EditError, Format, FormatVersion, Options, Secrets};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Connections {
    version: FormatVersion,
    connections: Vec<Connection>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Connection {
    id: fieldrail_model::InstanceId,
    name: Option<String>,
    driver: String,
    enabled: bool,
    config: serde_json::Map<String, serde_json::Value>,
    limits: Option<Limits>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limits {
    memory_mb: u32,
    max_cpu_share: f64,
    priority: Priority,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Priority {
    Low,
    Normal,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Routing {
    version: FormatVersion,
    routes: Vec<Route>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Route {
    id: String,
    from: String,
    condition: Option<String>,
    transform: Vec<Transform>,
    to: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Transform {
    Scale { factor: f64, offset: f64 },
    Template { text: String },
}

const CONNECTIONS: &str = r#"{
  "version": "1.0",
  "connections": [
    {
      "id": "plc_001",
      "name": "PLC Keller – ä",
      "driver": "ads",
      "enabled": true,
      "config": { "ams_net_id": "192.168.2.162.1.1", "ams_port": 801, "host": "192.168.2.162" },
      "limits": { "memory_mb": 128, "max_cpu_share": 0.1, "priority": "normal" }
    },
    {
      "id": "mqtt.broker_local",
      "name": null,
      "driver": "mqtt",
      "enabled": false,
      "config": {
        "url": "mqtt://127.0.0.1:1883",
        "password": { "secret": "broker" },
        "topics": ["a/#", "b/+/c"]
      },
      "limits": null
    }
  ]
}
"#;

const ROUTING: &str = r#"{
  "version": "1.0",
  "routes": [
    {
      "id": "battery_low",
      "from": "plc_001.MAIN.fbBattery.fVoltage",
      "condition": "value < 48.5 && quality == good",
      "transform": [
        { "type": "scale", "factor": 0.001, "offset": -5e-3 },
        { "type": "template", "text": "voltage is {{value}} \u00b5V\n" }
      ],
      "to": { "mqtt.broker_local.alarms/critical": "state", "log.system": "event" }
    }
  ]
}
"#;

const SECRETS: &str = "{\n  \"version\": \"1.0\",\n  \"secrets\": {\n    \"broker\": \"hunter2\",\n    \"webhook\": \"correct horse\"\n  }\n}\n";

/// One way a file gets damaged; the numbers are taken as shares of the file.
#[derive(Debug, Clone)]
enum Damage {
    Flip { at: usize, bit: u8 },
    Cut { at: usize },
    LoseLine { at: usize },
    Repeat { from: usize, len: usize },
    Retype { at: usize, with: &'static str },
    AddKey { at: usize },
    Insert { at: usize, bytes: Vec<u8> },
}

fn damage() -> impl Strategy<Value = Damage> {
    let types =
        prop::sample::select(vec!["7", "\"x\"", "null", "[]", "{}", "true", "1e999", "99999999999999999999", "-"]);
    prop_oneof![
        (any::<usize>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        any::<usize>().prop_map(|at| Damage::Cut { at }),
        any::<usize>().prop_map(|at| Damage::LoseLine { at }),
        (any::<usize>(), any::<usize>()).prop_map(|(from, len)| Damage::Repeat { from, len }),
        (any::<usize>(), types).prop_map(|(at, with)| Damage::Retype { at, with }),
        any::<usize>().prop_map(|at| Damage::AddKey { at }),
        (any::<usize>(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Insert { at, bytes }),
    ]
}

impl Damage {
    fn apply(&self, text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        let place = |at: usize| at % text.len();
        match self {
            Self::Flip { at, bit } => bytes[place(*at)] ^= 1 << bit,
            Self::Cut { at } => bytes.truncate(place(*at)),
            Self::LoseLine { at } => {
                let mut lines: Vec<&str> = text.lines().collect();
                lines.remove(at % lines.len());
                bytes = lines.join("\n").into_bytes();
            }
            Self::Repeat { from, len } => {
                let from = place(*from);
                let block = bytes[from..from + len % (bytes.len() - from)].to_vec();
                bytes.splice(from..from, block);
            }
            Self::Retype { at, with } => {
                // The value after a colon becomes another one.
                let colons: Vec<usize> = text.match_indices(": ").map(|(at, _)| at + 2).collect();
                let from = colons[at % colons.len()];
                let end = text[from..].find([',', '\n', '}']).map_or(text.len(), |len| from + len);
                bytes.splice(from..end, with.bytes());
            }
            Self::AddKey { at } => {
                let braces: Vec<usize> = text.match_indices('{').map(|(at, _)| at + 1).collect();
                let at = braces[at % braces.len()];
                bytes.splice(at..at, b"\"unheard_of\": [1, {}],".iter().copied());
            }
            Self::Insert { at, bytes: new } => {
                let at = place(*at);
                bytes.splice(at..at, new.iter().copied());
            }
        }
        bytes
    }
}

/// Damages `text` in `cases` ways. Says how many of them were refused.
fn check<T: Format + Send + Sync>(name: &str, text: &str, options: Options, cases: u32) -> u32 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let document = Document::<T>::open(folder.path(), name, options).unwrap();
    let good = document.snapshot().expect("the undamaged document is good").etag.clone();
    let refused = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let damages = prop::collection::vec(damage(), 1..3);
    let outcome = runner.run(&damages, |damages| {
        let damaged = damages.iter().fold(text.as_bytes().to_vec(), |bytes, damage| {
            std::str::from_utf8(&bytes)
                .ok()
                .filter(|text| text.contains(": ") && text.contains('{'))
                .map_or(bytes.clone(), |text| damage.apply(text))
        });
        fs::write(&path, &damaged).unwrap();
        let Err(error) = document.read() else { return Ok(()) };
        refused.set(refused.get() + 1);
        let shown = format!("{error}");
        prop_assert!(shown.starts_with(&format!("{name}:{}:", error.line().unwrap_or(0))), "{}", shown);
        let lines = damaged.split(|&byte| byte == b'\n').count();
        prop_assert!((1..=lines).contains(&error.line().unwrap_or(0)), "{}", shown);
        prop_assert!(!shown.contains("hunter2") && !shown.contains("correct horse"), "{}", shown);
        let edited = document.edit("anna", None, |_| Ok::<_, Infallible>(()));
        prop_assert!(matches!(edited, Err(EditError::Broken(_))));
        document.refresh();
        prop_assert_eq!(&document.snapshot().expect("the last good one stays").etag, &good);
        prop_assert_eq!(&fs::read(&path).unwrap(), &damaged);
        Ok(())
    });
    outcome.unwrap();
    refused.get()
}

#[test]
fn a_damaged_connections_file_is_refused_by_place_and_never_written_over() {
    assert!(check::<Connections>("connections.json", CONNECTIONS, Options::shared(), 400) > 200);
}

#[test]
fn a_damaged_routing_file_is_refused_by_place_and_never_written_over() {
    assert!(check::<Routing>("routing.json", ROUTING, Options::shared().large(), 400) > 200);
}

#[test]
fn a_damaged_secrets_file_is_refused_by_place_and_tells_no_secret() {
    assert!(check::<Secrets>("secrets.json", SECRETS, Options::private(), 400) > 200);
}
