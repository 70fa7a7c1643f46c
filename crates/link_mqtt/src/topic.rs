//! Topic names, topic filters (MQTT 5.0, section 4.7) and Fieldrail's patterns.

/// The longest name or filter, in bytes: its length has 16 bits on the wire.
pub const MAX_BYTES: usize = 65_535;

/// Whether a message may be published to `name`: not empty, no wildcard, no NUL.
pub fn is_valid_name(name: &str) -> bool {
    (1..=MAX_BYTES).contains(&name.len()) && !name.contains(['+', '#', '\0'])
}

/// Whether `filter` may be subscribed: `+` fills a level, `#` fills the last one.
pub fn is_valid_filter(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    let mut valid = (1..=MAX_BYTES).contains(&filter.len()) && !filter.contains('\0');
    while let Some(level) = levels.next() {
        valid &= match level {
            "+" => true,
            "#" => levels.peek().is_none(),
            other => !other.contains(['+', '#']),
        };
    }
    valid
}

/// The filter inside of a shared subscription `$share/{group}/{filter}` (section 4.8.2), else the filter itself.
pub fn without_share(filter: &str) -> &str {
    filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')).map_or(filter, |(_, inner)| inner)
}

/// Whether a message on `topic` goes to a subscriber of `filter`. A filter that begins with a wildcard does not match a
/// topic that begins with `$` (section 4.7.2).
///
/// ```
/// use fieldrail_link_mqtt::topic::matches;
/// assert!(matches("alarms/#", "alarms"));
/// assert!(matches("+/critical", "alarms/critical"));
/// assert!(!matches("#", "$SYS/uptime"));
/// ```
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut topic = topic.split('/');
    for level in filter.split('/') {
        match (level, topic.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (exact, Some(name)) if exact == name => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}

/// Whether every topic that `narrow` matches is matched by `wide` too: whoever may subscribe `wide` may subscribe `narrow`.
///
/// ```
/// use fieldrail_link_mqtt::topic::covers;
/// assert!(covers("house/#", "house/+/power"));
/// assert!(!covers("house/+", "house/#"));
/// assert!(!covers("#", "$SYS/#"));
/// ```
pub fn covers(wide: &str, narrow: &str) -> bool {
    if narrow.starts_with('$') && wide.starts_with(['+', '#']) {
        return false;
    }
    // Every topic has at least one level, so these two say the same.
    let wide = if wide == "+/#" { "#" } else { wide };
    let mut narrow = narrow.split('/');
    for level in wide.split('/') {
        match (level, narrow.next()) {
            ("#", _) => return true,
            ("+", Some(other)) if other != "#" => {}
            (exact, Some(other)) if exact == other => {}
            _ => return false,
        }
    }
    narrow.next().is_none()
}

/// The narrowest filter that matches all topics of a pattern (`*` within a segment, `**` over any number of them; segments
/// end at `.` and `/`). None if the pattern holds what no topic can: `+` or NUL.
///
/// It may match more than the pattern does, so what arrives is to be held against the pattern again: see
/// [`pattern_matches`]. What follows the first `#` is a pattern of JSON pointers and left aside.
///
/// ```
/// use fieldrail_link_mqtt::topic::from_pattern;
/// assert_eq!(from_pattern("inverter/*/power").as_deref(), Some("inverter/+/power"));
/// assert_eq!(from_pattern("alarms/**").as_deref(), Some("alarms/#"));
/// assert_eq!(from_pattern("alarms/crit*/x").as_deref(), Some("alarms/+/x"));
/// ```
pub fn from_pattern(pattern: &str) -> Option<String> {
    let (pattern, _) = crate::json::topic_and_pointer(pattern);
    if pattern.is_empty() || pattern.contains(['+', '\0']) {
        return None;
    }
    let mut filter = String::new();
    for (at, level) in pattern.split('/').enumerate() {
        if at > 0 {
            filter.push('/');
        }
        if level.contains("**") {
            filter.push('#');
            return Some(filter);
        }
        filter.push_str(if level.contains('*') { "+" } else { level });
    }
    Some(filter)
}

/// Whether `text` (a topic, or a whole tag) fits the pattern.
///
/// `*` stands for any text without `.` and `/`, also for none; `**` for any text at all. Takes at most
/// length × length steps.
pub fn pattern_matches(pattern: &str, text: &str) -> bool {
    let text = text.as_bytes();
    // reached[i]: the pattern so far can end before byte i of the text.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut pattern = pattern.as_bytes();
    while let Some((&first, rest)) = pattern.split_first() {
        if first == b'*' {
            let any_depth = rest.first() == Some(&b'*');
            for at in 0..text.len() {
                reached[at + 1] |= reached[at] && (any_depth || !matches!(text[at], b'.' | b'/'));
            }
            pattern = if any_depth { &rest[1..] } else { rest };
        } else {
            for at in (0..text.len()).rev() {
                reached[at + 1] = reached[at] && text[at] == first;
            }
            reached[0] = false;
            pattern = rest;
        }
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_match(filter: &str, topic: &str, want: bool) {
        assert_eq!(matches(filter, topic), want, "{filter} {topic}");
    }

    #[test]
    fn the_examples_of_the_specification_match() {
        check_match("sport/tennis/player1/#", "sport/tennis/player1", true);
        check_match("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true);
        check_match("sport/+", "sport", false);
        check_match("sport/+", "sport/", true);
        check_match("+/+", "/finance", true);
        check_match("/+", "/finance", true);
        check_match("+", "/finance", false);
        check_match("#", "$SYS/x", false);
        check_match("+/monitor/Clients", "$SYS/monitor/Clients", false);
        check_match("$SYS/#", "$SYS/x", true);
    }

    #[test]
    fn wrong_names_and_filters_are_refused() {
        for name in ["", "a+b", "a/#", "a\0"] {
            assert!(!is_valid_name(name), "{name:?}");
        }
        for filter in ["", "a+", "+a", "a/#/b", "a#", "##", "a/b#", "\0"] {
            assert!(!is_valid_filter(filter), "{filter:?}");
        }
        for filter in ["#", "+", "/", "a/+/b/#", "$share/g/#", "//"] {
            assert!(is_valid_filter(filter), "{filter:?}");
        }
        assert!(!is_valid_name(&"a".repeat(MAX_BYTES + 1)) && !is_valid_filter(&"a".repeat(MAX_BYTES + 1)));
    }

    #[test]
    fn the_filter_of_a_shared_subscription_is_found() {
        assert_eq!(without_share("$share/group/a/+"), "a/+");
        assert_eq!(without_share("$shared/group/a"), "$shared/group/a");
        assert_eq!(without_share("$share/group"), "$share/group");
    }

    #[test]
    fn a_pattern_is_narrower_than_its_filter() {
        assert_eq!(from_pattern("a.*/b").as_deref(), Some("+/b"));
        assert!(pattern_matches("a.*/b", "a.x/b") && !pattern_matches("a.*/b", "a.x.y/b"));
        assert_eq!(from_pattern("a/**/z").as_deref(), Some("a/#"));
        assert!(pattern_matches("a/**/z", "a/b/c/z") && !pattern_matches("a/**/z", "a/b/c"));
        assert_eq!(from_pattern("lamp/*#/color/**").as_deref(), Some("lamp/+"));
        assert!(pattern_matches("lamp/*#/color/**", "lamp/1#/color/x"));
        assert_eq!(from_pattern("a/+"), None);
        assert_eq!(from_pattern(""), None);
    }

    /// The specification read literally, by recursion.
    fn naive(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) | ([], []) => true,
            (["+", f @ ..], [_, t @ ..]) => naive(f, t),
            ([a, f @ ..], [b, t @ ..]) => a == b && naive(f, t),
            _ => false,
        }
    }

    fn levels(choice: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(choice), 1..5)
    }

    /// A random filter; a `#` in the middle ends it.
    fn filters() -> impl Strategy<Value = String> {
        levels(&["a", "b", "", "+", "#", "$x"])
            .prop_map(|levels| {
                let end = levels.iter().position(|level| *level == "#").map_or(levels.len(), |at| at + 1);
                levels[..end].join("/")
            })
            .prop_filter("the empty text is no filter", |filter| !filter.is_empty())
    }

    /// Every topic of up to five levels over names that a filter knows, and one that none knows.
    fn every_topic() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for depth in 0..5 {
            let longer = |topic: &String| {
                ["a", "b", "", "$x", "other"]
                    .map(|name| if depth == 0 { name.into() } else { format!("{topic}/{name}") })
            };
            last = last.iter().flat_map(longer).collect();
            all.extend(last.iter().cloned());
        }
        all.retain(|topic| !topic.is_empty());
        all
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_specification_read_literally(
            filter in filters(), topic in levels(&["a", "b", "", "$x", "c"]),
        ) {
            let joined = topic.join("/");
            let parts: Vec<&str> = filter.split('/').collect();
            let hidden = joined.starts_with('$') && filter.starts_with(['+', '#']);
            prop_assert_eq!(matches(&filter, &joined), !hidden && naive(&parts, &topic));
        }

        #[test]
        fn a_filter_matches_all_that_its_pattern_does(
            pattern in "[ab./*]{1,8}", topic in "[ab./]{1,8}",
        ) {
            if pattern_matches(&pattern, &topic) {
                let filter = from_pattern(&pattern).unwrap();
                prop_assert!(is_valid_filter(&filter));
                prop_assert!(matches(&filter, &topic), "{} {} {}", pattern, filter, topic);
            }
        }

        #[test]
        fn no_text_makes_it_panic(a in ".*", b in ".*") {
            let _ = (is_valid_name(&a), is_valid_filter(&a), matches(&a, &b), covers(&a, &b));
            let _ = (from_pattern(&a), pattern_matches(&a, &b), without_share(&a));
        }
    }

    #[test]
    fn covering_means_that_no_topic_is_matched_by_the_narrow_filter_alone() {
        use proptest::strategy::ValueTree as _;
        let topics = every_topic();
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for _ in 0..400 {
            let [wide, narrow] = [(); 2].map(|()| filters().new_tree(&mut runner).unwrap().current());
            let witness = topics.iter().find(|topic| matches(&narrow, topic) && !matches(&wide, topic));
            assert_eq!(covers(&wide, &narrow), witness.is_none(), "{wide} {narrow} {witness:?}");
        }
    }
}
