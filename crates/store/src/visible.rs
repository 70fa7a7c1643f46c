//! Text from outside, made safe to show and to store: nothing in it moves a cursor, breaks a line or runs on for ever.

use std::fmt::Write as _;

/// `text` with every character that is not simply shown written as an escape (`\n`, `\u{1b}`), and at most
/// `max_bytes` long; what was longer ends with a mark that says so.
pub fn visible(text: &str, max_bytes: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max_bytes));
    for c in text.chars() {
        let before = shown.len();
        push(&mut shown, c);
        if shown.len() > max_bytes {
            shown.truncate(before);
            let _ = write!(shown, "… [cut, {} bytes in all]", text.len());
            break;
        }
    }
    shown
}

fn push(shown: &mut String, c: char) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        c if c.is_control() || reorders(c) => {
            // Writing into a String cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        }
        c => shown.push(c),
    }
}

/// Line separators and the marks that change the direction of writing: they make a line look like another.
fn reorders(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_or_a_terminal_escape_stays_text() {
        assert_eq!(
            visible("a\r\nERROR forged\u{1b}[2J\u{9b}\u{202e}\0ä", 100),
            "a\\r\\nERROR forged\\u{1b}[2J\\u{9b}\\u{202e}\\u{0}ä"
        );
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_says_so() {
        assert_eq!(visible("ääää", 5), "ää… [cut, 8 bytes in all]");
        assert_eq!(visible("\n\n\n", 5), "\\n\\n… [cut, 3 bytes in all]");
        assert_eq!(visible("12345", 5), "12345");
    }
}
