//! How a process ended, in words for a person.

use crate::cause::Cause;
use crate::life::Reason;

/// Signals by number as on x86-64 and arm64: the name, and what it means to the one who must mend it.
const SIGNALS: [(i32, &str, &str); 12] = [
    (1, "SIGHUP", "its terminal or session ended"),
    (2, "SIGINT", "somebody interrupted it"),
    (4, "SIGILL", "an instruction that this processor does not know: was it built for another one?"),
    (6, "SIGABRT", "it gave up by itself; its last log lines say why"),
    (7, "SIGBUS", "a fault in the program, or a file under it that was cut"),
    (8, "SIGFPE", "a fault in the program: a forbidden calculation"),
    (9, "SIGKILL", "somebody killed it, or the kernel was out of memory (see dmesg)"),
    (11, "SIGSEGV", "a fault in the program: a forbidden memory access"),
    (13, "SIGPIPE", "it wrote to a pipe that nobody reads"),
    (15, "SIGTERM", "somebody asked it to end"),
    (25, "SIGXFSZ", "a file of it grew beyond `limits.disk_mb`"),
    (31, "SIGSYS", "a system call that it may not use"),
];

/// How the process ended, given its exit code or its signal, and its last words on stderr.
pub(super) fn describe(code: Option<i32>, signal: Option<i32>, last_line: Option<&str>) -> Reason {
    let (cause, hint) = match (code, signal) {
        (Some(0), _) => (Cause::plain("exited_unasked", "exited with code 0 without being asked to end"), None),
        (Some(code), _) => (Cause::plain("exited", format!("exited with code {code}")).with("code", &code), None),
        (None, Some(signal)) => {
            let known = SIGNALS.iter().find(|(number, ..)| *number == signal);
            let name = known.map_or_else(|| signal.to_string(), |(_, name, _)| format!("{signal} ({name})"));
            let cause = Cause::plain("ended_by_signal", format!("was ended by signal {name}")).with("signal", &name);
            (cause, known.map(|(.., meaning)| (*meaning).to_owned()))
        }
        (None, None) => (Cause::plain("ended_somehow", "ended, nobody knows how"), None),
    };
    let mut reason = Reason { hint, ..Reason::of(cause) };
    if let Some(line) = last_line {
        let words = Cause::plain("last_words", format!("its last words: {line}"));
        reason = reason.and(words.with("line", line));
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: Option<i32>, signal: Option<i32>, last_line: Option<&str>, want: &str) {
        assert_eq!(describe(code, signal, last_line).text, want);
    }

    #[test]
    fn codes_and_signals_are_said_in_words() {
        check(Some(3), None, None, "exited with code 3");
        check(Some(0), None, None, "exited with code 0 without being asked to end");
        check(None, Some(9), None, "was ended by signal 9 (SIGKILL)");
        check(None, Some(40), None, "was ended by signal 40");
        check(Some(1), None, Some("KeyError: 'host'"), "exited with code 1; its last words: KeyError: 'host'");
    }
}
