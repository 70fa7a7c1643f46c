//! Reading JSON for its places: where a value stands, and what is wrong with a text that is none.
//!
//! Stricter than the parser that fills the types, and run before it: an object with the same key twice, a number that
//! would lose digits and a nesting deeper than [`MAX_DEPTH`] are refused. What passes here is JSON to `serde_json` too,
//! so its own errors are only ever about types. Recursion is bounded by [`MAX_DEPTH`].

use std::borrow::Cow;
use std::collections::HashMap;

use crate::key_path::{KeyPath, Step};

/// How deep objects and arrays may be nested.
pub const MAX_DEPTH: usize = 64;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Byte offset of the place.
    pub(crate) at: usize,
    /// The value that was being read.
    pub(crate) path: KeyPath,
    /// What is wrong, without anything from the text but keys.
    pub(crate) what: String,
    /// What to try.
    pub(crate) hint: Option<&'static str>,
}

/// A place in a text as an editor shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

impl Place {
    /// The place of the byte `offset` of `text`.
    pub fn of(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let line = before.split(|&b| b == b'\n').count();
        Self { line, column: 1 + String::from_utf8_lossy(&before[start..]).chars().count() }
    }
}

/// Whether `text` is one JSON value, and nothing else.
pub(crate) fn check(text: &str) -> Result<(), Fault> {
    Scanner::new(text, Visitor::None).document()
}

/// Where the value at `path` stands, for example `connections[2].config.port`, as line and column counted from 1.
pub fn locate(text: &str, path: &str) -> Option<(usize, usize)> {
    let path = KeyPath::parse(path)?;
    let found = find(text, &path);
    let at = found.value.filter(|_| found.steps == path.0.len())?;
    let place = Place::of(text.as_bytes(), at);
    Some((place.line, place.column))
}

/// How far [`find`] came.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Found {
    /// How many steps of the path exist in the text.
    pub(crate) steps: usize,
    /// Where the key of the last of them stands, if it is a key.
    pub(crate) key: Option<usize>,
    /// Where its value begins.
    pub(crate) value: Option<usize>,
}

/// Follows `path` into `text` as far as it exists.
pub(crate) fn find(text: &str, path: &KeyPath) -> Found {
    let mut found = Found::default();
    // A text that is broken further down has been walked up to there, which is all there is to find.
    let _ = Scanner::new(text, Visitor::Find(path, &mut found)).document();
    found
}

/// Where the only member named `key` below `path` stands; nothing when there are several or none.
pub(crate) fn find_only_key(text: &str, path: &KeyPath, key: &str) -> Option<(KeyPath, usize)> {
    let mut hits = Vec::new();
    let _ = Scanner::new(text, Visitor::Keys(path, key, &mut hits)).document();
    if hits.len() == 1 { hits.pop() } else { None }
}

/// Who is told what the scanner passes.
enum Visitor<'a> {
    None,
    Find(&'a KeyPath, &'a mut Found),
    Keys(&'a KeyPath, &'a str, &'a mut Vec<(KeyPath, usize)>),
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    path: Vec<Step>,
    visitor: Visitor<'a>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, visitor: Visitor<'a>) -> Self {
        Self { text, at: 0, path: Vec::new(), visitor }
    }

    fn document(mut self) -> Result<(), Fault> {
        self.blanks();
        if self.peek().is_none() {
            return Err(self.fault("the file is empty", Some("an empty document is `{}` with its `version`")));
        }
        self.value(None)?;
        self.blanks();
        match self.peek() {
            None => Ok(()),
            Some(b'}' | b']') => Err(self.fault("a closing bracket too many", None)),
            Some(_) => {
                Err(self.fault("more text after the end of the document", Some("is a bracket closed too early?")))
            }
        }
    }

    /// One value; `key` is where its key stands, if it has one. What is searched for can only be in the last value on its
    /// path, so behind that one the walk ends.
    fn value(&mut self, key: Option<usize>) -> Result<(), Fault> {
        let is_on_path = self.tell(key);
        self.content()?;
        if is_on_path { Err(self.fault("everything that is there was found", None)) } else { Ok(()) }
    }

    fn content(&mut self) -> Result<(), Fault> {
        if self.path.len() > MAX_DEPTH {
            return Err(self.fault(&format!("nested deeper than {MAX_DEPTH} levels"), None));
        }
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b']' | b'}') => Err(self.fault("a value is missing", Some("is there a comma too many before it?"))),
            None => Err(self.fault("the file ends where a value should be", Some(CUT))),
            Some(_) => Err(self.fault("this is no value", Some(QUOTES))),
        }
    }

    fn object(&mut self) -> Result<(), Fault> {
        self.at += 1;
        let mut keys: HashMap<Cow<'a, str>, usize> = HashMap::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let at = self.at;
            let key = match self.peek() {
                Some(b'"') => self.string()?,
                Some(b'}') => return Err(self.fault("a key is missing", Some("is there a comma too many before it?"))),
                None => return Err(self.fault("the file ends inside an object", Some(CUT))),
                Some(_) => return Err(self.fault("expected a key in double quotes", Some(QUOTES))),
            };
            self.path.push(Step::Key(key.clone().into_owned()));
            if let Some(first) = keys.insert(key, at) {
                let line = Place::of(self.text.as_bytes(), first).line;
                self.at = at;
                let what = format!("this key is there twice, first in line {line}");
                return Err(self.fault(&what, Some("remove one of the two")));
            }
            self.blanks();
            if !self.take(b':') {
                return Err(self.fault("expected `:` after the key", None));
            }
            self.blanks();
            self.value(Some(at))?;
            self.path.pop();
            if self.end_of_member(b'}')? {
                return Ok(());
            }
        }
    }

    fn array(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.blanks();
        if self.take(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Step::Index(index));
            self.value(None)?;
            self.path.pop();
            if self.end_of_member(b']')? {
                break;
            }
        }
        Ok(())
    }

    /// The comma before the next member, or the bracket after the last one (then true).
    fn end_of_member(&mut self, close: u8) -> Result<bool, Fault> {
        self.blanks();
        if self.take(close) {
            return Ok(true);
        }
        if self.take(b',') {
            self.blanks();
            return Ok(false);
        }
        let what = format!("expected `,` or `{}` here", char::from(close));
        let hint = if self.peek().is_none() { CUT } else { "is a comma missing at the end of the line before?" };
        Err(self.fault(&what, Some(hint)))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..=0x1f) => {
                    return Err(self.fault("a line break or control character inside a text", Some(UNCLOSED)));
                }
                Some(_) => self.at += 1,
                None => {
                    self.at = start;
                    return Err(self.fault("this text is not closed", Some(UNCLOSED)));
                }
            }
        }
        if !escaped {
            return Ok(Cow::Borrowed(&self.text[start + 1..self.at - 1]));
        }
        serde_json::from_str(&self.text[start..self.at]).map(Cow::Owned).map_err(|_| {
            self.at = start;
            self.fault("a wrong escape in this text", Some("a backslash itself is written `\\\\`"))
        })
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let literal = &self.text[start..self.at];
        let whole = !literal.contains(['.', 'e', 'E']);
        let fits = whole && (literal.parse::<i64>().is_ok() || literal.parse::<u64>().is_ok());
        self.at = start;
        match serde_json::from_str::<f64>(literal) {
            Ok(number) if number.is_finite() && (fits || !whole) => {
                self.at = start + literal.len();
                Ok(())
            }
            Ok(_) => Err(self.fault("this number does not fit into 64 bits", Some("write it as a text, in quotes"))),
            Err(error) if error.to_string().starts_with("number out of range") => {
                Err(self.fault("this number is too large", None))
            }
            Err(_) => Err(self.fault("this is no number", Some("numbers look like 5, -5, 0.5 or 5e3"))),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.fault("this is no value", Some(QUOTES)))
    }

    /// Tells the visitor; whether this value is on the path that it follows.
    fn tell(&mut self, key: Option<usize>) -> bool {
        match &mut self.visitor {
            Visitor::None => {}
            Visitor::Find(path, found) => {
                let depth = self.path.len();
                let next = depth == found.steps + 1 || (depth == 0 && found.value.is_none());
                if next && depth <= path.0.len() && follows(&self.path, &path.0[..depth]) {
                    **found = Found { steps: depth, key, value: Some(self.at) };
                    return true;
                }
            }
            Visitor::Keys(path, wanted, hits) => {
                let below = self.path.len() > path.0.len() && self.path.starts_with(&path.0);
                let named = matches!(self.path.last(), Some(Step::Key(name)) if name == wanted);
                if let (true, Some(at)) = (below && named, key) {
                    hits.push((KeyPath(self.path.clone()), at));
                }
            }
        }
        false
    }

    fn fault(&self, what: &str, hint: Option<&'static str>) -> Fault {
        Fault { at: self.at, path: KeyPath(self.path.clone()), what: what.into(), hint }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

const QUOTES: &str = "JSON wants texts and keys in double quotes, and has no comments";
const UNCLOSED: &str = "is the closing quote missing? a line break in a text is written `\\n`";
const CUT: &str = "the file looks cut off: is a closing bracket missing?";

/// Whether the document's path is the wanted one; a number of a JSON pointer may name a key as well.
fn follows(path: &[Step], wanted: &[Step]) -> bool {
    path.iter().zip(wanted).all(|pair| match pair {
        (Step::Key(key), Step::Index(index)) => *key == index.to_string(),
        (a, b) => a == b,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str =
        "{\n  \"connections\": [\n    {\"id\": \"ä\", \"config\": {}},\n    {\"config\": {\"port\": \"x\"}}\n  ]\n}";

    #[track_caller]
    fn check_fault(text: &str, want: &str) {
        let fault = check(text).unwrap_err();
        let place = Place::of(text.as_bytes(), fault.at);
        assert_eq!(format!("{}:{} {}: {}", place.line, place.column, fault.path, fault.what), want);
    }

    #[test]
    fn a_value_is_found_by_its_path() {
        assert_eq!(locate(TEXT, "connections[1].config.port"), Some((4, 25)));
        assert_eq!(locate(TEXT, "/connections/0/config"), Some((3, 27)));
        assert_eq!(locate(TEXT, ""), Some((1, 1)));
        assert_eq!(locate(TEXT, "connections[2]"), None);
        assert_eq!(locate(r#"{"a": {"7": 1}}"#, "/a/7"), Some((1, 13)));
    }

    #[test]
    fn a_broken_text_says_where_and_in_what() {
        check_fault("{\"a\": [1, 2,]}", "1:13 a[2]: a value is missing");
        check_fault("{\"a\": 1,\n \"b\": 2\n \"c\": 3}", "3:2 : expected `,` or `}` here");
        check_fault("{\"a\": {\"b\": yes}}", "1:13 a.b: this is no value");
        check_fault("{\"a\": 'x'}", "1:7 a: this is no value");
        check_fault("{\"a\": 1, // c\n}", "1:10 : expected a key in double quotes");
        check_fault("{\"a\": \"x\n\"}", "1:9 a: a line break or control character inside a text");
        check_fault("{\"a\": \"\\ud800\"}", "1:7 a: a wrong escape in this text");
        check_fault("{\"a\": 01}", "1:7 a: this is no number");
        check_fault("{\"a\": 1e999}", "1:7 a: this number is too large");
        check_fault("{\"a\": 18446744073709551616}", "1:7 a: this number does not fit into 64 bits");
        check_fault("{}}", "1:3 : a closing bracket too many");
        check_fault(" \n", "2:1 : the file is empty");
        check_fault("{\"a\": [", "1:8 a[0]: the file ends where a value should be");
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_also_when_it_is_spelled_differently() {
        check_fault("{\"x\": {\"id\": 1,\n \"\\u0069d\": 2}}", "2:2 x.id: this key is there twice, first in line 1");
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(check(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
        assert!(check(&"[".repeat(1_000_000)).unwrap_err().what.contains("nested deeper"));
    }

    #[test]
    fn only_a_key_that_is_there_once_is_found_by_name() {
        let found = find_only_key(TEXT, &KeyPath::default(), "port").unwrap();
        assert_eq!(found.0.to_string(), "connections[1].config.port");
        assert!(find_only_key(TEXT, &KeyPath::default(), "config").is_none());
    }

    proptest! {
        #[test]
        fn what_passes_is_json_to_the_parser_too(text in r#"([\[\]{}:, \n"\\0-9eE.+-]|"a"|"b":|true|null|\\u00e4|1\.5){0,12}"#) {
            let parsed = serde_json::from_str::<serde_json::Value>(&text);
            match check(&text) {
                Ok(()) => prop_assert!(parsed.is_ok(), "{:?}", parsed),
                Err(fault) if parsed.is_ok() => prop_assert!(fault.what.contains("twice") || fault.what.contains("64 bits"), "{:?}", fault),
                Err(_) => {}
            }
        }
    }
}
