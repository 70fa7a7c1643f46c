//! Topics, filters, patterns and tags, with a reason for each that is refused. What matches what is
//! `fieldrail_link_mqtt::topic`'s.
//!
//! A tag is a topic, or `topic#/pointer`: a topic holds no `#`, so the first `#` begins a JSON pointer (RFC 6901) into
//! the payload. A pattern is the daemon's (`*` within a segment, `**` over any number; segments end at `.` and `/`), a
//! filter is the broker's (`+` one level, `#` all below; MQTT 5, section 4.7).

use fieldrail_link_mqtt::topic::{self, MAX_BYTES};
pub(crate) use fieldrail_link_mqtt::topic::{covers as filter_covers, matches as filter_matches};

use crate::error::Error;

/// A tag that names its topic, and a JSON pointer if it means a part of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) topic: &'a str,
    /// Begins with `/`.
    pub(crate) pointer: Option<&'a str>,
}

impl<'a> Tag<'a> {
    pub(crate) fn parse(tag: &'a str) -> Result<Self, Error> {
        let (topic, pointer) = match tag.split_once('#') {
            Some((topic, pointer)) => (topic, Some(pointer)),
            None => (tag, None),
        };
        check_topic(topic)?;
        if topic.starts_with("$share/") {
            return Err(no_topic(tag, "shared subscriptions would hide messages from the others"));
        }
        if pointer.is_some_and(|pointer| !pointer.starts_with('/')) {
            return Err(no_topic(tag, "after `#` follows a JSON pointer, which begins with `/`"));
        }
        Ok(Self { topic, pointer })
    }
}

fn no_topic(topic: &str, reason: &'static str) -> Error {
    Error::Topic { topic: topic.chars().take(64).collect(), reason }
}

/// Whether a message can be published there.
pub(crate) fn check_topic(topic: &str) -> Result<(), Error> {
    let wrong = |reason| Err(no_topic(topic, reason));
    match topic {
        "" => wrong("it is empty"),
        _ if topic.len() > MAX_BYTES => wrong("it is longer than 65,535 bytes"),
        _ if topic.contains('\0') => wrong("it holds a NUL"),
        _ if topic.contains(['+', '#']) => wrong("it holds a wildcard"),
        _ => Ok(()),
    }
}

/// Whether a broker takes this as a filter.
pub(crate) fn check_filter(filter: &str) -> Result<(), Error> {
    let wrong = |reason| Err(no_topic(filter, reason));
    if filter.is_empty() || filter.len() > MAX_BYTES || filter.contains('\0') {
        return wrong("a filter has 1 to 65,535 bytes and no NUL");
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return wrong("`#` stands alone, as the last level");
        }
        if level.contains('+') && level != "+" {
            return wrong("`+` stands alone in its level");
        }
    }
    Ok(())
}

/// Whether a filter has wildcards.
pub(crate) fn is_wild(filter: &str) -> bool {
    filter.contains(['+', '#'])
}

/// A pattern of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Box<str>);

impl Pattern {
    pub(crate) fn parse(pattern: &str) -> Self {
        Self(pattern.into())
    }

    /// Whether the whole of `tag` matches. The cost is bounded by the product of both lengths.
    pub(crate) fn matches(&self, tag: &str) -> bool {
        topic::pattern_matches(&self.0, tag)
    }

    /// The narrowest filter that matches every topic the pattern can match, itself or by a part of its payload.
    pub(crate) fn filter(pattern: &str) -> Result<String, Error> {
        let filter = topic::from_pattern(pattern).ok_or_else(|| no_topic(pattern, "no topic can match it"))?;
        check_filter(&filter)?;
        Ok(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tag_is_a_topic_or_a_part_of_its_payload() {
        let tag = Tag::parse("tele/x#/a/b").unwrap();
        assert_eq!((tag.topic, tag.pointer), ("tele/x", Some("/a/b")));
        for wrong in ["", "a/+", "a/#", "a\0b", "#/a", "$share/g/a", &"x".repeat(70_000)] {
            assert!(Tag::parse(wrong).is_err(), "{wrong:.20}");
        }
    }

    #[test]
    fn a_pattern_becomes_the_narrowest_filter() {
        for (pattern, filter) in [
            ("house/*/state", "house/+/state"),
            ("house/light_*", "house/+"),
            ("house/**", "house/#"),
            ("**", "#"),
            ("a/**/z", "a/#"),
            ("tele/*#/a", "tele/+"),
            ("a/b", "a/b"),
        ] {
            assert_eq!(Pattern::filter(pattern).unwrap(), filter);
        }
        assert!(Pattern::filter("a/+").is_err());
        assert!(Pattern::filter("").is_err());
    }

    proptest! {
        #[test]
        fn the_filter_of_a_pattern_lets_through_all_that_the_pattern_matches(
            pattern in "[ab*/.]{1,8}", name in "[ab/.]{1,8}",
        ) {
            if let Ok(filter) = Pattern::filter(&pattern) && Pattern::parse(&pattern).matches(&name) {
                prop_assert!(filter_matches(&filter, &name), "{} -> {}, topic {}", pattern, filter, name);
            }
        }

        #[test]
        fn nothing_makes_the_parsers_panic(text in ".{0,40}", other in ".{0,40}") {
            let _ = (Tag::parse(&text), check_filter(&text));
            let _ = (Pattern::filter(&text), Pattern::parse(&text).matches(&other));
        }
    }
}
