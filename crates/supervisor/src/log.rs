//! The log of an instance: lines of its stderr, their level, and a limit on how many there may be.

use std::time::Duration;

use fieldrail_wire::plugin::Level;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;

use crate::instance::Shared;
use crate::life::Moment;

/// The longest line that is kept; what is longer is cut.
pub(crate) const MAX_LINE_BYTES: usize = 8 * 1024;

/// Lines a second that are kept in the long run.
const LINES_PER_S: f64 = 100.0;

/// Lines that are kept at once after a quiet time.
const BURST: f64 = 500.0;

/// Between two reports of how many lines were dropped.
const REPORT: Duration = Duration::from_secs(4);

/// While lines are dropped, stderr is read with pauses of this length: the flood waits in the plugin, not on our processor.
const FLOOD_PAUSE: Duration = Duration::from_millis(10);

/// What is read at once.
const READ_BYTES: usize = 16 * 1024;

/// The limit on lines: a bucket that fills with time.
#[derive(Debug)]
pub(crate) struct Gate {
    tokens: f64,
    filled: Moment,
    dropped: u64,
    report_at: Option<Moment>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { tokens: BURST, filled: Moment::ZERO, dropped: 0, report_at: None }
    }

    /// Whether one more line may pass.
    pub(crate) fn admit(&mut self, now: Moment) -> bool {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * LINES_PER_S).min(BURST);
        self.filled = now;
        if self.tokens < 1.0 {
            self.dropped += 1;
            self.report_at.get_or_insert(now + REPORT);
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    /// When [`Gate::report`] has something to say.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.report_at
    }

    /// How many lines were dropped, once per [`REPORT`].
    pub(crate) fn report(&mut self, now: Moment) -> Option<u64> {
        self.report_at.take_if(|at| *at <= now)?;
        Some(std::mem::take(&mut self.dropped))
    }
}

/// The level that a line begins with, and the rest; a line without one is `info`.
fn parse(line: &str) -> (Level, &str) {
    let line = line.trim_end();
    let text = line.trim_start();
    let (word, rest) = text.split_once([' ', ':']).unwrap_or((text, ""));
    let level = match word {
        "TRACE" => Level::Trace,
        "DEBUG" => Level::Debug,
        "INFO" => Level::Info,
        "WARN" | "WARNING" => Level::Warn,
        "ERROR" => Level::Error,
        _ => return (Level::Info, line),
    };
    (level, rest.trim_start())
}

/// Cuts a stream of bytes into lines of bounded length.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    cut: bool,
}

impl Lines {
    fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.grow(&bytes[..end]);
            self.flush(&mut each);
            bytes = &bytes[end + 1..];
        }
        self.grow(bytes);
    }

    fn grow(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES - self.line.len();
        self.cut |= bytes.len() > room;
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn flush(&mut self, mut each: impl FnMut(&str)) {
        let mut text = String::from_utf8_lossy(&self.line);
        if std::mem::take(&mut self.cut) {
            let mut end = MAX_LINE_BYTES - '…'.len_utf8();
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text = format!("{}…", &text[..end]).into();
        }
        if !text.trim().is_empty() {
            each(&text);
        }
        self.line.clear();
    }
}

/// Reads stderr to its end. Returns the last line that says something.
pub(crate) async fn follow(mut stderr: pipe::Receiver, generation: u64, shared: &Shared) -> Option<String> {
    let mut lines = Lines::default();
    let mut last = None;
    let mut bytes = vec![0; READ_BYTES];
    let mut first = true;
    while let Ok(read @ 1..) = stderr.read(&mut bytes).await {
        let mut flood = false;
        lines.feed(&bytes[..read], |line| {
            // The step that builds the walls speaks before the program does.
            let told = std::mem::take(&mut first) && shared.confined(generation, line);
            flood |= !told && !take(line, shared, &mut last);
        });
        if flood {
            tokio::time::sleep(FLOOD_PAUSE).await;
        }
    }
    lines.flush(|line| _ = take(line, shared, &mut last));
    last
}

/// False if the line was dropped.
fn take(line: &str, shared: &Shared, last: &mut Option<String>) -> bool {
    let (level, message) = parse(line);
    // What Rust adds to a panic says nothing about the cause.
    if !message.starts_with("note: ") {
        *last = Some(message.to_owned());
    }
    shared.log(level, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_level(line: &str, want: (Level, &str)) {
        assert_eq!(parse(line), want);
    }

    #[test]
    fn a_leading_word_is_the_level() {
        check_level(" INFO Started. port=1883", (Level::Info, "Started. port=1883"));
        check_level("ERROR no route to host", (Level::Error, "no route to host"));
        check_level("WARNING: slow", (Level::Warn, "slow"));
        check_level("DEBUG", (Level::Debug, ""));
        check_level("Information is no level", (Level::Info, "Information is no level"));
        check_level("  File \"x.py\", line 3", (Level::Info, "  File \"x.py\", line 3"));
    }

    #[track_caller]
    fn check_lines(pieces: &[&[u8]], want: &[&str]) {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        for piece in pieces {
            lines.feed(piece, |line| got.push(line.to_owned()));
        }
        lines.flush(|line| got.push(line.to_owned()));
        assert_eq!(got, want);
    }

    #[test]
    fn lines_are_found_across_pieces_and_the_last_needs_no_end() {
        check_lines(&[b"one\ntw", b"o\n\n", b"three"], &["one", "two", "three"]);
        check_lines(&[b"bad \xff byte\n"], &["bad \u{fffd} byte"]);
    }

    #[test]
    fn an_endless_line_is_cut_at_the_limit() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        for _ in 0..100 {
            lines.feed("ä".repeat(1000).as_bytes(), |line| got.push(line.to_owned()));
        }
        lines.feed(b"\nnext\n", |line| got.push(line.to_owned()));
        assert_eq!(got.len(), 2);
        assert!(got[0].len() <= MAX_LINE_BYTES && got[0].ends_with('…'), "{}", got[0].len());
        assert_eq!(got[1], "next");
    }

    #[test]
    fn a_flood_is_dropped_counted_and_reported_once_in_four_seconds() {
        let mut gate = Gate::new();
        let at = Moment::from_secs;
        assert_eq!((0..2000).filter(|_| gate.admit(at(1))).count(), 500);
        assert_eq!(gate.due(), Some(at(5)));
        assert_eq!(gate.report(at(4)), None);
        assert_eq!((0..2000).filter(|_| gate.admit(at(2))).count(), 100);
        assert_eq!(gate.report(at(5)), Some(1500 + 1900));
        assert_eq!(gate.due(), None);
    }
}
