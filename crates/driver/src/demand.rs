//! What somebody needs of a driver that polls, and how often.

use std::collections::HashMap;
use std::time::Duration;

/// All that is needed right now.
#[derive(Debug, Default)]
pub struct Demand {
    exact: HashMap<String, Option<Duration>>,
    patterns: Vec<(String, Option<Duration>)>,
}

impl Demand {
    /// Takes a subscription; one that is there already gets the new interval.
    pub fn add(&mut self, tag: &str, pattern: bool, every: Option<Duration>) {
        if !pattern {
            self.exact.insert(tag.to_owned(), every);
            return;
        }
        match self.patterns.iter_mut().find(|(known, _)| known == tag) {
            Some((_, interval)) => *interval = every,
            None => self.patterns.push((tag.to_owned(), every)),
        }
    }

    /// Takes a subscription back, spelled as it was made.
    pub fn remove(&mut self, tag: &str) {
        self.exact.remove(tag);
        self.patterns.retain(|(known, _)| known != tag);
    }

    /// The tags that are needed by name.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.exact.keys()
    }

    /// How often a tag is needed; none if nobody needs it. `usual` holds where nobody says how often.
    pub fn of(&self, tag: &str, usual: Duration) -> Option<Duration> {
        let patterns = self.patterns.iter().filter(|(pattern, _)| matches(pattern, tag)).map(|(_, every)| *every);
        self.exact.get(tag).copied().into_iter().chain(patterns).map(|every| every.unwrap_or(usual)).min()
    }
}

/// Whether a pattern matches a tag: `*` within a segment, `**` any number of them; segments end at `.` and `/`.
pub fn matches(pattern: &str, tag: &str) -> bool {
    let (pattern, tag): (Vec<char>, Vec<char>) = (pattern.chars().collect(), tag.chars().collect());
    // Which beginnings of the tag the pattern so far matches.
    let mut reached = vec![false; tag.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let wide = pattern[at] == '*' && pattern.get(at + 1) == Some(&'*');
        if pattern[at] == '*' {
            for end in 0..tag.len() {
                let ends_segment = matches!(tag[end], '.' | '/');
                reached[end + 1] |= reached[end] && (wide || !ends_segment);
            }
            at += if wide { 2 } else { 1 };
        } else {
            for end in (0..tag.len()).rev() {
                reached[end + 1] = reached[end] && tag[end] == pattern[at];
            }
            reached[0] = false;
            at += 1;
        }
    }
    reached[tag.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_within_and_over_segments() {
        for (pattern, tag, want) in [
            ("**", "a.b", true),
            ("*", "a.b", false),
            ("*.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("a.**", "a.b.c", true),
            ("a.*w*", "a.power", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
        ] {
            assert_eq!(matches(pattern, tag), want, "{pattern} {tag}");
        }
    }

    #[test]
    fn the_fastest_interval_counts() {
        let (slow, fast, usual) = (Duration::from_secs(9), Duration::from_millis(100), Duration::from_secs(1));
        let mut demand = Demand::default();
        demand.add("a.b", false, Some(slow));
        assert_eq!(demand.of("a.b", usual), Some(slow));
        demand.add("a.*", true, None);
        assert_eq!(demand.of("a.b", usual), Some(usual));
        demand.add("a.b", false, Some(fast));
        assert_eq!(demand.of("a.b", usual), Some(fast));
        assert_eq!(demand.of("x", usual), None);
        demand.remove("a.b");
        demand.remove("a.*");
        assert_eq!(demand.of("a.b", usual), None);
    }
}
