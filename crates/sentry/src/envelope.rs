//! An event as an envelope: a header, the header of its one item, and the event. Each is one line of JSON.

use fieldrail_node::{ErrorEvent, ErrorKind, Forwardable, Frame};
use serde_json::{Value, json};

/// Who sends: name and version, for the server's statistics.
pub(crate) const CLIENT: &str = concat!("fieldrail/", env!("CARGO_PKG_VERSION"));

/// The whole body of a request.
pub(crate) fn envelope(what: &Forwardable, environment: &str) -> Vec<u8> {
    let event = event(what, environment).to_string();
    let head = json!({ "event_id": what.event.id });
    let item = json!({ "type": "event", "content_type": "application/json", "length": event.len() });
    format!("{head}\n{item}\n{event}\n").into_bytes()
}

fn event(what: &Forwardable, environment: &str) -> Value {
    let event = &what.event;
    let mut exception = json!({
        "type": event.class,
        "value": event.message,
        "mechanism": { "type": event.kind.as_str(), "handled": false },
    });
    // They want the outermost call first.
    let frames: Vec<Value> = event.frames.iter().rev().map(frame).collect();
    if !frames.is_empty() {
        exception["stacktrace"] = json!({ "frames": frames });
    }
    json!({
        "event_id": event.id,
        "timestamp": event.time_ms as f64 / 1000.0,
        "platform": platform(event.kind),
        "level": level(event.kind),
        "logger": "fieldrail",
        "release": format!("fieldrail@{}", event.version),
        "environment": environment,
        "fingerprint": [what.fingerprint],
        "exception": { "values": [exception] },
        "tags": tags(event),
        "extra": {
            "count": what.count,
            "hint": event.hint,
            "place": event.place,
            "thread": event.thread,
            "stack": event.stack,
            "inputs": event.inputs,
            "configuration": event.config,
        },
        "breadcrumbs": { "values": event.log.iter().map(|line| json!({ "category": "log", "message": line })).collect::<Vec<_>>() },
        "sdk": { "name": "fieldrail", "version": env!("CARGO_PKG_VERSION") },
    })
}

fn platform(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::DaemonPanic | ErrorKind::Panic => "native",
        ErrorKind::Exception => "python",
        _ => "other",
    }
}

fn level(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::DaemonPanic | ErrorKind::Failed | ErrorKind::Suspended => "fatal",
        _ => "error",
    }
}

fn tags(event: &ErrorEvent) -> Value {
    let mut tags = json!({ "kind": event.kind.as_str() });
    let known = [("instance", &event.instance), ("driver", &event.driver), ("driver_version", &event.driver_version)];
    for (key, value) in known {
        if let Some(value) = value {
            tags[key] = value.as_str().into();
        }
    }
    tags
}

/// `src/x.rs:3:5` apart, so that the server can show it.
fn frame(frame: &Frame) -> Value {
    let mut parts = frame.at.rsplitn(3, ':');
    let (last, middle, first) = (parts.next(), parts.next(), parts.next());
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
    let (file, line, column) = match (first, number(middle), number(last)) {
        (Some(first), Some(line), Some(column)) => (first.to_owned(), Some(line), Some(column)),
        (_, None, Some(line)) if middle.is_some() => {
            (frame.at[..frame.at.len() - last.map_or(0, str::len) - 1].to_owned(), Some(line), None)
        }
        _ => (frame.at.clone(), None, None),
    };
    json!({ "function": frame.function, "filename": file, "lineno": line, "colno": column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at: &str, want: (&str, Option<u32>, Option<u32>)) {
        let shown = frame(&Frame { function: "f".into(), at: at.into() });
        assert_eq!(
            (&shown["filename"], &shown["lineno"], &shown["colno"]),
            (&json!(want.0), &json!(want.1), &json!(want.2))
        );
    }

    #[test]
    fn a_place_is_taken_apart() {
        check("src/x.rs:3:5", ("src/x.rs", Some(3), Some(5)));
        check("/x/plugin.py:12", ("/x/plugin.py", Some(12), None));
        check("C:/x.py:7", ("C:/x.py", Some(7), None));
        check("src/x.rs", ("src/x.rs", None, None));
        check("", ("", None, None));
    }

    #[test]
    fn the_item_says_its_length_in_bytes() {
        let event = json!({
            "id": "0".repeat(32), "time_ms": 1500, "kind": "exception", "class": "KeyError", "message": "ä\n",
            "version": "1", "frames": [{ "function": "inner" }, { "function": "outer" }]
        });
        let what = Forwardable { fingerprint: "ff".into(), count: 3, event: serde_json::from_value(event).unwrap() };
        let bytes = envelope(&what, "house");
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(lines.len(), 4);
        let item: Value = serde_json::from_str(lines[1]).unwrap();
        assert_eq!(item["length"], lines[2].len());
        let event: Value = serde_json::from_str(lines[2]).unwrap();
        assert_eq!(event["exception"]["values"][0]["stacktrace"]["frames"][1]["function"], "inner");
        assert_eq!((&event["timestamp"], &event["platform"]), (&json!(1.5), &json!("python")));
    }
}
