//! What a driver says when it panics: one line of JSON that the daemon makes an event of, and one for people.
//!
//! The first is `ERROR panic {…}` on stderr, with message, place, thread and the frames of the stack, innermost first. It
//! stays below the longest line that the daemon keeps, and needs no setting of the environment.

use std::backtrace::Backtrace;
use std::io::{self, Write as _};
use std::panic::PanicHookInfo;

use serde::Serialize;

/// The longest line, in bytes. The daemon keeps 8 KiB of one.
const MAX_LINE: usize = 7 * 1024;

/// The longest message, and frames, at the most.
const MAX_MESSAGE: usize = 2 * 1024;
const MAX_FRAMES: usize = 32;
const MAX_NAME: usize = 200;

/// A panic as one line.
#[derive(Debug, Serialize)]
struct Report<'a> {
    /// Cut with a mark.
    message: String,
    thread: &'a str,
    /// File, line and column.
    place: String,
    frames: Vec<Frame>,
}

/// One call on the stack.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Frame {
    function: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    at: String,
}

/// Says each panic from now on on stderr.
pub(crate) fn report() {
    std::panic::set_hook(Box::new(|panic| {
        let _ = io::stderr().lock().write_all(lines(panic, &Backtrace::force_capture().to_string()).as_bytes());
    }));
}

fn lines(panic: &PanicHookInfo<'_>, stack: &str) -> String {
    let message = panic.payload_as_str().unwrap_or("a value that is no text");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    told(message, thread.name().unwrap_or("unnamed"), &place, stack)
}

fn told(message: &str, thread: &str, place: &str, stack: &str) -> String {
    let message = marked(message, MAX_MESSAGE);
    let first = message.lines().next().unwrap_or_default().to_owned();
    let mut report = Report { message, thread, place: place.to_owned(), frames: frames(stack) };
    let json = loop {
        let json = serde_json::to_string(&report).unwrap_or_default();
        if json.len() <= MAX_LINE || report.message.len() < 8 {
            break json;
        }
        if report.frames.pop().is_none() {
            // Control characters take six bytes each.
            report.message = marked(&report.message, report.message.len() / 2);
        }
    };
    // What is last on stderr is what people see as its last words.
    format!("ERROR panic {json}\nERROR panicked at {place}: {first}\n")
}

/// The frames of the program itself: not those that made the panic, and not those that began the thread.
fn frames(stack: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in stack.lines() {
        let line = line.trim();
        if let Some(at) = line.strip_prefix("at ") {
            if let Some(last) = frames.last_mut() {
                clip(at, MAX_NAME).clone_into(&mut last.at);
            }
        } else if let Some((_, function)) = line.split_once(": ") {
            frames.push(Frame { function: clip(function, MAX_NAME).to_owned(), at: String::new() });
        }
    }
    let unwinds = |frame: &Frame| frame.function.contains("rust_begin_unwind");
    let begun = frames.iter().position(unwinds).map_or(0, |at| at + 1);
    let own = frames.into_iter().skip(begun).skip_while(|frame| frame.function.contains("core::panicking::"));
    own.take_while(|frame| !frame.function.contains("__rust_begin_short_backtrace")).take(MAX_FRAMES).collect()
}

/// The beginning of a text, with a mark if something was cut off: it tells that a word may have been cut.
fn marked(text: &str, most: usize) -> String {
    if text.len() <= most { text.to_owned() } else { format!("{}…", clip(text, most.saturating_sub(3))) }
}

fn clip(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "   0: std::backtrace::Backtrace::force_capture
   1: fieldrail_driver::panic::report::{{closure}}
             at /src/panic.rs:1:2
   2: std::panicking::panic_with_hook
   3: __rustc::rust_begin_unwind
   3: core::panicking::panic_fmt
             at /rustc/core/src/panicking.rs:80:14
   4: driver::decode
             at ./src/codec.rs:12:5
   5: driver::run
   6: std::sys::backtrace::__rust_begin_short_backtrace
   7: std::panicking::catch_unwind
   7: main";

    #[test]
    fn the_frames_are_those_of_the_program_the_innermost_first() {
        let frame = |function: &str, at: &str| Frame { function: function.into(), at: at.into() };
        assert_eq!(frames(STACK), [frame("driver::decode", "./src/codec.rs:12:5"), frame("driver::run", "")]);
        assert_eq!(frames("nothing of the kind"), []);
    }

    #[test]
    fn a_panic_is_one_line_for_the_daemon_and_one_for_people() {
        let text = told("no such\nregister", "main", "src/codec.rs:12:5", STACK);
        let lines: Vec<_> = text.lines().collect();
        let json: serde_json::Value = serde_json::from_str(lines[0].strip_prefix("ERROR panic ").unwrap()).unwrap();
        assert_eq!((&json["message"], &json["place"]), (&"no such\nregister".into(), &"src/codec.rs:12:5".into()));
        assert_eq!(json["frames"][0]["function"], "driver::decode");
        assert_eq!(lines[1..], ["ERROR panicked at src/codec.rs:12:5: no such"]);
    }

    #[test]
    fn the_line_stays_below_what_the_daemon_keeps() {
        let frames: Vec<String> = (0..500).map(|n| format!("{n}: driver::{}::f{n}", "ä".repeat(300))).collect();
        let deep = frames.join("\n");
        for message in ["ö\u{1}".repeat(9000), "\u{1}".repeat(9000)] {
            let text = told(&message, "main", "src/x.rs:1:1", &deep);
            let line = text.lines().next().unwrap();
            assert!(line.len() < 8 * 1024, "{}", line.len());
            assert!(serde_json::from_str::<serde_json::Value>(line.strip_prefix("ERROR panic ").unwrap()).is_ok());
        }
    }
}
