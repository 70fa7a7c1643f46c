//! Where in a document something is: `connections[2].config.port`.
//!
//! Keys that are no plain word are quoted as in JSON (`datapoints["plc_001.MAIN.x"].unit`), so that a path reads back
//! as what it was written from. A JSON pointer (`/connections/2/config/port`) is understood as well.

use std::fmt;

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into the member of an object with this key.
    Key(String),
    /// Into the element of an array with this number, counted from 0.
    Index(usize),
}

/// The steps from the top of a document to one value in it; empty for the document itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct KeyPath(pub Vec<Step>);

impl KeyPath {
    /// Reads `a[2].b`, `a["x.y"]` or the JSON pointer `/a/2/b`; nothing when it is none of them.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') { Some(Self::from_pointer(text)) } else { Self::from_dotted(text) }
    }

    /// A JSON pointer (RFC 6901). Whether `2` is a key or a number depends on the document; a number is assumed.
    fn from_pointer(text: &str) -> Self {
        let step = |part: &str| match part.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Key(part.replace("~1", "/").replace("~0", "~")),
        };
        Self(text.split('/').skip(1).map(step).collect())
    }

    fn from_dotted(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = bracketed(inside)?;
                steps.push(step);
                rest = after;
            } else {
                let plain = if steps.is_empty() { rest } else { rest.strip_prefix('.')? };
                let end = plain.find(['.', '[']).unwrap_or(plain.len());
                if end == 0 {
                    return None;
                }
                steps.push(Step::Key(plain[..end].into()));
                rest = &plain[end..];
            }
        }
        Some(Self(steps))
    }

    /// This path and one step more.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

/// `2]…` or `"x.y"]…`, as the step and what follows.
fn bracketed(inside: &str) -> Option<(Step, &str)> {
    if !inside.starts_with('"') {
        let (digits, after) = inside.split_once(']')?;
        return Some((Step::Index(digits.parse().ok()?), after));
    }
    let mut keys = serde_json::Deserializer::from_str(inside).into_iter::<String>();
    let key = keys.next()?.ok()?;
    let after = inside[keys.byte_offset()..].strip_prefix(']')?;
    Some((Step::Key(key), after))
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '$')
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_plain(key) => write!(f, "{}{key}", if nth == 0 { "" } else { "." })?,
                Step::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_str()))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_reads_as_a_person_would_write_it() {
        let path = KeyPath::parse("connections[2].config.port").unwrap();
        assert_eq!(path.0[1], Step::Index(2));
        assert_eq!(path.to_string(), "connections[2].config.port");
        assert_eq!(KeyPath::parse("/connections/2/config/port"), Some(path));
        assert_eq!(KeyPath::parse("/a~1b").unwrap().to_string(), r#"["a/b"]"#);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["a..b", ".a", "a[", "a[x]", "a[\"b]", "a[1]b", "a."] {
            assert_eq!(KeyPath::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_path_reads_back(keys in prop::collection::vec(prop_oneof![
            any::<String>().prop_map(Step::Key), (0_usize..1000).prop_map(Step::Index)], 0..5)) {
            let path = KeyPath(keys);
            prop_assert_eq!(KeyPath::parse(&path.to_string()), Some(path));
        }
    }
}
