//! Topics, filters, patterns and tags: what matches what. Pure text.
//!
//! A tag is a topic, or `topic#/pointer`: a topic holds no `#`, so the first `#` begins a JSON pointer (RFC 6901) into
//! the payload. A pattern is the daemon's (`*` within a segment, `**` over any number; segments end at `.` and `/`), a
//! filter is the broker's (`+` one level, `#` all below; MQTT 5, section 4.7).

use crate::error::Error;

/// The longest topic, in bytes (MQTT strings have a 16-bit length).
const MAX_TOPIC_BYTES: usize = 65_535;

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
        _ if topic.len() > MAX_TOPIC_BYTES => wrong("it is longer than 65,535 bytes"),
        _ if topic.contains('\0') => wrong("it holds a NUL"),
        _ if topic.contains(['+', '#']) => wrong("it holds a wildcard"),
        _ => Ok(()),
    }
}

/// Whether a broker takes this as a filter.
pub(crate) fn check_filter(filter: &str) -> Result<(), Error> {
    let wrong = |reason| Err(no_topic(filter, reason));
    if filter.is_empty() || filter.len() > MAX_TOPIC_BYTES || filter.contains('\0') {
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

/// Whether the broker sends a message of this topic to a subscriber of this filter.
pub(crate) fn filter_matches(filter: &str, topic: &str) -> bool {
    // A wildcard at the root does not match the broker's own topics (section 4.7.2).
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut levels, mut topics) = (filter.split('/'), topic.split('/'));
    loop {
        match (levels.next(), topics.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(level), Some(topic)) if level == topic => {}
            _ => return false,
        }
    }
}

/// Whether every topic that `narrow` matches is matched by `wide` too.
pub(crate) fn filter_covers(wide: &str, narrow: &str) -> bool {
    if narrow.starts_with('$') && wide.starts_with(['+', '#']) {
        return false;
    }
    let (mut wides, mut narrows) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wides.next(), narrows.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(wide), Some(narrow)) if wide == narrow => {}
            _ => return false,
        }
    }
}

/// Whether a filter has wildcards.
pub(crate) fn is_wild(filter: &str) -> bool {
    filter.contains(['+', '#'])
}

/// A pattern of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// `*`: any text within a segment.
    Segment,
    /// `**`: any text.
    All,
}

impl Pattern {
    pub(crate) fn parse(pattern: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let text = rest.find('*').unwrap_or(rest.len());
            if text > 0 {
                parts.push(Part::Text(rest[..text].into()));
                rest = &rest[text..];
            } else if rest.starts_with("**") {
                parts.push(Part::All);
                rest = rest.trim_start_matches('*');
            } else {
                parts.push(Part::Segment);
                rest = &rest[1..];
            }
        }
        Self(parts)
    }

    /// Whether the whole of `tag` matches. The cost is bounded by the product of both lengths.
    pub(crate) fn matches(&self, tag: &str) -> bool {
        let tag = tag.as_bytes();
        // `reach[i]`: the parts so far can match the first `i` bytes.
        let mut reach = vec![false; tag.len() + 1];
        reach[0] = true;
        for part in &self.0 {
            match part {
                Part::Text(text) => {
                    let text = text.as_bytes();
                    for end in (0..=tag.len()).rev() {
                        reach[end] =
                            end >= text.len() && reach[end - text.len()] && tag[end - text.len()..end] == *text;
                    }
                }
                Part::Segment | Part::All => {
                    for end in 1..=tag.len() {
                        let within = *part == Part::All || !matches!(tag[end - 1], b'.' | b'/');
                        reach[end] |= within && reach[end - 1];
                    }
                }
            }
        }
        reach[tag.len()]
    }

    /// The narrowest filter that matches every topic the pattern can match, itself or by a part of its payload.
    pub(crate) fn filter(pattern: &str) -> Result<String, Error> {
        let topics = pattern.split_once('#').map_or(pattern, |(topic, _)| topic);
        let mut levels = Vec::new();
        for level in topics.split('/') {
            if level.contains("**") {
                levels.push("#");
                break;
            }
            levels.push(if level.contains('*') { "+" } else { level });
        }
        let filter = levels.join("/");
        if topics.contains('+') {
            return Err(no_topic(pattern, "it holds a wildcard"));
        }
        check_filter(&filter)?;
        Ok(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic, want) in [
            ("a/b", "a/b", true),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a", true),
            ("+/+", "/a", true),
            ("#", "$SYS/load", false),
            ("+/load", "$SYS/load", false),
            ("$SYS/#", "$SYS/load", true),
            ("a/b", "a/bc", false),
        ] {
            assert_eq!(filter_matches(filter, topic), want, "{filter} {topic}");
        }
    }

    #[test]
    fn covering_filters_are_found() {
        for (wide, narrow, want) in [
            ("#", "a/b", true),
            ("a/#", "a", true),
            ("a/#", "a/+/c", true),
            ("a/+", "a/b", true),
            ("a/+", "a/#", false),
            ("a/+/c", "a/b/+", false),
            ("#", "$SYS/#", false),
            ("+", "#", false),
            ("a/b", "a/b", true),
        ] {
            assert_eq!(filter_covers(wide, narrow), want, "{wide} {narrow}");
        }
    }

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

    #[test]
    fn a_star_ends_at_dot_and_slash_and_two_do_not() {
        let matches = |pattern: &str, tag: &str| Pattern::parse(pattern).matches(tag);
        assert!(matches("house/*/state", "house/kitchen/state"));
        assert!(!matches("house/*/state", "house/a/b/state"));
        assert!(!matches("house/*", "house/a.b"));
        assert!(matches("house/**", "house/a.b/c#/d"));
        assert!(matches("l*t", "light"));
        assert!(!matches("house/**", "house"));
    }

    fn topic() -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof!["[ab]{0,2}", Just("$S".into())], 1..4).prop_map(|levels| levels.join("/"))
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop_oneof!["[ab]{0,2}", Just("+".to_owned()), Just("$S".into())];
        (prop::collection::vec(level, 1..4), any::<bool>()).prop_map(|(mut levels, open)| {
            if open {
                levels.push("#".into());
            }
            levels.join("/")
        })
    }

    proptest! {
        #[test]
        fn what_a_covered_filter_matches_its_cover_matches(wide in filter(), narrow in filter(), topic in topic()) {
            if filter_covers(&wide, &narrow) && filter_matches(&narrow, &topic) {
                prop_assert!(filter_matches(&wide, &topic), "{} covers {}, topic {}", wide, narrow, topic);
            }
        }

        #[test]
        fn the_filter_of_a_pattern_lets_through_all_that_the_pattern_matches(
            pattern in "[ab*/.]{1,8}", topic in "[ab/.]{1,8}",
        ) {
            if let Ok(filter) = Pattern::filter(&pattern) && Pattern::parse(&pattern).matches(&topic) {
                prop_assert!(filter_matches(&filter, &topic), "{} -> {}, topic {}", pattern, filter, topic);
            }
        }

        #[test]
        fn nothing_makes_the_parsers_panic(text in ".{0,40}", other in ".{0,40}") {
            let _ = (Tag::parse(&text), check_filter(&text), filter_matches(&text, &other), filter_covers(&text, &other));
            let _ = (Pattern::filter(&text), Pattern::parse(&text).matches(&other));
        }
    }
}
