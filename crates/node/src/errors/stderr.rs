//! Panics and exceptions in what a program says on stderr: the SDK's own line, Rust's words of a panic, a traceback of
//! Python. Pure: lines in, exceptions out.

use serde::Deserialize;

use super::event::{Frame, MAX_FRAMES, MAX_STACK, clip};

/// The beginning of the line that the SDK's panic hook writes.
const SDK: &str = "panic {";

const TRACEBACK: &str = "Traceback (most recent call last):";

/// Lines that one block may have; what is longer ends there.
const MAX_LINES: usize = 200;

/// Lines of a panic's message; nothing says where it ends if no stack follows.
const MAX_WORDS: usize = 8;

/// A panic or an exception as the program told it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Exception {
    /// True for a panic, false for an exception.
    pub(crate) is_panic: bool,
    /// `panic`, or the class of the exception.
    pub(crate) class: String,
    pub(crate) message: String,
    pub(crate) thread: Option<String>,
    pub(crate) place: String,
    /// The innermost first.
    pub(crate) frames: Vec<Frame>,
    pub(crate) stack: String,
}

/// What one line means.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Heard {
    /// A panic or an exception is complete.
    pub(crate) exception: Option<Exception>,
    /// The line is for the daemon alone, and the log is to say this instead.
    pub(crate) instead: Option<String>,
}

/// Puts the lines of one stderr together.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Option<Block>);

#[derive(Debug)]
struct Block {
    is_panic: bool,
    lines: Vec<String>,
    bytes: usize,
}

#[derive(Deserialize)]
struct Report {
    message: String,
    thread: String,
    place: String,
    frames: Vec<Frame>,
}

impl Blocks {
    /// Takes the next line.
    pub(crate) fn take(&mut self, line: &str) -> Heard {
        if let Some(exception) = line.strip_prefix("panic ").filter(|_| line.starts_with(SDK)).and_then(of_sdk) {
            let instead = format!("panic in the thread `{}`", exception.thread.as_deref().unwrap_or("?"));
            return Heard { exception: Some(exception), instead: Some(instead) };
        }
        if line.trim() == TRACEBACK || panic_head(line).is_some() {
            let before = self.finish();
            let is_panic = line.trim() != TRACEBACK;
            self.0 = Some(Block { is_panic, lines: vec![line.to_owned()], bytes: line.len() });
            return Heard { exception: before, instead: None };
        }
        let Some(block) = &mut self.0 else { return Heard::default() };
        let inner = line.starts_with([' ', '\t']);
        let ends = if block.is_panic { line.starts_with("note: ") || (block.has_stack() && !inner) } else { !inner };
        let belongs = !ends || !block.is_panic;
        if belongs {
            block.push(line);
        }
        let wordy = block.is_panic && !block.has_stack() && block.lines.len() > MAX_WORDS;
        let full = wordy || block.lines.len() >= MAX_LINES || block.bytes >= MAX_STACK;
        Heard { exception: if ends || full { self.finish() } else { None }, instead: None }
    }

    /// Nothing follows that belongs to what has begun.
    pub(crate) fn finish(&mut self) -> Option<Exception> {
        self.0.take().map(|block| if block.is_panic { block.panic() } else { block.traceback() })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }
}

impl Block {
    fn push(&mut self, line: &str) {
        self.bytes += line.len();
        self.lines.push(clip(line, 1000));
    }

    fn has_stack(&self) -> bool {
        self.lines.iter().any(|line| line == "stack backtrace:")
    }

    /// `thread 'main' (7) panicked at src/main.rs:2:5:`, the message, and where it was asked for the stack.
    fn panic(self) -> Exception {
        let (thread, place) = self.lines.first().and_then(|line| panic_head(line)).unwrap_or_default();
        let (thread, place) = (Some(thread.to_owned()), place.to_owned());
        let message: Vec<&str> =
            self.lines.iter().skip(1).map(String::as_str).take_while(|line| *line != "stack backtrace:").collect();
        let stack: Vec<&str> =
            self.lines.iter().map(String::as_str).skip_while(|line| *line != "stack backtrace:").collect();
        let frames = rust_frames(&stack.join("\n"));
        let message = message.join("\n");
        Exception { is_panic: true, class: "panic".into(), message, thread, place, frames, stack: self.text() }
    }

    /// Python's: the frames, the outermost first, then class and message.
    fn traceback(self) -> Exception {
        let mut frames: Vec<Frame> = self.lines.iter().filter_map(|line| python_frame(line)).collect();
        frames.reverse();
        frames.truncate(MAX_FRAMES);
        let last = self.lines.iter().skip(1).rfind(|line| !line.starts_with([' ', '\t']));
        let last = last.map_or("an exception without words", String::as_str);
        let (class, message) = last.split_once(": ").unwrap_or((last.trim_end_matches(':'), ""));
        let place = frames.first().map(|frame| frame.at.clone()).unwrap_or_default();
        let (class, message) = (clip(class, 100), message.to_owned());
        Exception { is_panic: false, class, message, thread: None, place, frames, stack: self.text() }
    }

    fn text(&self) -> String {
        clip(&self.lines.join("\n"), MAX_STACK)
    }
}

/// The frames that a Rust program tells, without those that made the panic and those that began the thread.
pub(super) fn rust_frames(stack: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in stack.lines().map(str::trim) {
        if let Some(at) = line.strip_prefix("at ") {
            frames.iter_mut().next_back().into_iter().for_each(|last| last.at = clip(at, 300));
        } else if let Some((number, function)) = line.split_once(": ")
            && number.parse::<u32>().is_ok()
        {
            frames.push(Frame { function: clip(function, 300), at: String::new() });
        }
    }
    let unwinds = |frame: &Frame| frame.function.contains("rust_begin_unwind");
    let begun = frames.iter().position(unwinds).map_or(0, |at| at + 1);
    let own = frames.into_iter().skip(begun).skip_while(|frame| frame.function.contains("core::panicking::"));
    own.take_while(|frame| !frame.function.contains("__rust_begin_short_backtrace")).take(MAX_FRAMES).collect()
}

fn of_sdk(json: &str) -> Option<Exception> {
    let Report { message, thread, place, mut frames } = serde_json::from_str(json).ok()?;
    frames.truncate(MAX_FRAMES);
    let lines =
        frames.iter().enumerate().map(|(n, Frame { function, at })| format!("{n:>4}: {function}\n        at {at}"));
    let stack = clip(&lines.collect::<Vec<_>>().join("\n"), MAX_STACK);
    Some(Exception { is_panic: true, class: "panic".into(), message, thread: Some(thread), place, frames, stack })
}

/// Thread and place of the first line of Rust's words of a panic.
fn panic_head(line: &str) -> Option<(&str, &str)> {
    let (thread, rest) = line.strip_prefix("thread '")?.split_once('\'')?;
    let (_, place) = rest.split_once("panicked at ")?;
    Some((thread, place.strip_suffix(':')?))
}

/// `  File "x.py", line 3, in main`.
fn python_frame(line: &str) -> Option<Frame> {
    let (file, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let (number, function) = rest.split_once(", in ").unwrap_or((rest, "<module>"));
    Some(Frame { function: clip(function, 300), at: clip(&format!("{file}:{number}"), 300) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of these lines: kind, class, message, place, innermost function.
    #[track_caller]
    fn check(lines: &str, want: &[(bool, &str, &str, &str, &str)]) {
        let mut blocks = Blocks::default();
        let mut heard: Vec<Exception> = lines.lines().filter_map(|line| blocks.take(line).exception).collect();
        heard.extend(blocks.finish());
        let got: Vec<_> = heard
            .iter()
            .map(|e| {
                let innermost = e.frames.first().map_or("", |frame| frame.function.as_str());
                (e.is_panic, e.class.as_str(), e.message.as_str(), e.place.as_str(), innermost)
            })
            .collect();
        assert_eq!(got, want, "{lines}");
    }

    const PYTHON: &str = r#"Traceback (most recent call last):
  File "/x/plugin.py", line 30, in <module>
    main()
    ~~~~^^
  File "/x/plugin.py", line 12, in main
    return table["host"]
KeyError: 'host'"#;

    #[test]
    fn a_traceback_of_python_is_an_exception_with_its_stack() {
        check(PYTHON, &[(false, "KeyError", "'host'", "/x/plugin.py:12", "main")]);
        check(&format!("before\n{PYTHON}\nafter"), &[(false, "KeyError", "'host'", "/x/plugin.py:12", "main")]);
        check(
            "Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyboardInterrupt",
            &[(false, "KeyboardInterrupt", "", "a.py:1", "<module>")],
        );
        let chain = format!("{PYTHON}\nDuring handling of the above exception, another exception occurred:\n{PYTHON}");
        let one = (false, "KeyError", "'host'", "/x/plugin.py:12", "main");
        check(&chain, &[one, one]);
    }

    #[test]
    fn a_panic_of_rust_is_one_with_and_without_its_stack() {
        let bare =
            "thread 'main' (4711) panicked at src/main.rs:2:5:\nindex out of bounds\nof two lines\nnote: run with";
        check(bare, &[(true, "panic", "index out of bounds\nof two lines", "src/main.rs:2:5", "")]);
        let deep = "thread 'main' panicked at src/main.rs:2:5:\nno\nstack backtrace:\n   0: rust_begin_unwind\n\
                    \x20  1: core::panicking::panic_fmt\n             at /rustc/x.rs:1:2\n   2: app::decode\n\
                    \x20            at ./src/main.rs:2:5\n   3: app::main\nnext";
        check(deep, &[(true, "panic", "no", "src/main.rs:2:5", "app::decode")]);
        let two = "thread 'a' panicked at x.rs:1:1:\none\nthread 'b' panicked at x.rs:2:1:\ntwo";
        check(two, &[(true, "panic", "one", "x.rs:1:1", ""), (true, "panic", "two", "x.rs:2:1", "")]);
    }

    #[test]
    fn the_line_of_the_sdk_is_a_panic_and_does_not_go_into_the_log() {
        let line =
            r#"panic {"message":"no","thread":"main","place":"a.rs:1:2","frames":[{"function":"f","at":"a.rs:1"}]}"#;
        check(line, &[(true, "panic", "no", "a.rs:1:2", "f")]);
        assert!(Blocks::default().take(line).instead.is_some());
        check("panic {\"message\":1}", &[]);
        check("panic {", &[]);
    }

    #[test]
    fn whatever_a_program_says_nothing_panics_and_little_is_kept() {
        const PIECES: [&str; 16] = [
            TRACEBACK,
            "thread '",
            "' panicked at ",
            ":",
            "stack backtrace:",
            "  File \"",
            "\", line ",
            ", in ",
            "panic {",
            "\"message\":",
            "}",
            "note: ",
            "   0: ",
            "      at ",
            "ä…\u{202e}",
            "\t",
        ];
        let mut seed = 7_u64;
        let mut random = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % most
        };
        let mut blocks = Blocks::default();
        let mut heard = 0;
        for _ in 0..50_000 {
            let line: String = (0..random(6)).map(|_| PIECES[random(PIECES.len())]).collect();
            let exception = blocks.take(&line).exception;
            if let Some(exception) = exception {
                heard += 1;
                assert!(exception.stack.len() <= MAX_STACK && exception.frames.len() <= MAX_FRAMES);
            }
        }
        assert!(heard > 100, "{heard}");
    }

    #[test]
    fn what_only_looks_like_it_is_nothing_and_a_block_without_end_is_bounded() {
        check("thread 'main' is fine\nTraceback of a route\nnote: nothing", &[]);
        let wordy = format!("thread 'a' panicked at x.rs:1:1:\n{}", "said\n".repeat(100));
        let mut blocks = Blocks::default();
        let heard: Vec<_> = wordy.lines().filter_map(|line| blocks.take(line).exception).collect();
        assert_eq!((heard.len(), heard[0].message.lines().count()), (1, MAX_WORDS));
        let endless = format!("{TRACEBACK}\n{}", "  x\n".repeat(10_000));
        let mut blocks = Blocks::default();
        assert_eq!(endless.lines().filter(|line| blocks.take(line).exception.is_some()).count(), 1);
    }
}
