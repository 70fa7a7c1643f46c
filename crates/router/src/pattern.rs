//! Wildcards over addresses: `*` stands for anything within one segment, `**` for any number of segments.
//!
//! Segments end at `.` and `/`. `bt.*.voltage` finds `bt.bms_001.voltage`; `mqtt.local.**/state` finds
//! `mqtt.local.state` and `mqtt.local.a/b/state`.

use std::borrow::Cow;
use std::collections::HashMap;

/// The longest pattern, in bytes. With it the longest search is bounded, also for a hostile pattern.
pub const MAX_PATTERN_BYTES: usize = 512;

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Longer than [`MAX_PATTERN_BYTES`].
    #[error("a pattern may have {MAX_PATTERN_BYTES} bytes, not {0}")]
    TooLong(usize),
    /// `**` with text beside it, or three stars.
    #[error("`**` stands for whole segments: put `.` or `/` before and behind it")]
    Stars,
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    /// `*`: anything without a separator, also nothing.
    Within,
    /// `**` at the end: anything.
    Rest,
    /// `**` and the separator behind it: nothing, or anything that ends with that separator.
    Segments(u8),
}

fn separates(byte: u8) -> bool {
    matches!(byte, b'.' | b'/')
}

/// Whether the text has wildcards, so that it is a pattern and no address.
pub fn is_pattern(text: &str) -> bool {
    text.contains('*')
}

impl Pattern {
    /// Compiles a pattern; a text without wildcards matches itself.
    ///
    /// # Errors
    /// See [`InvalidPattern`].
    pub fn compile(text: &str) -> Result<Self, InvalidPattern> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(InvalidPattern::TooLong(text.len()));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(star) = rest.find('*') {
            if star > 0 {
                parts.push(Part::Literal(rest[..star].into()));
            }
            let before = rest[..star].bytes().last();
            rest = &rest[star + 1..];
            let Some(behind) = rest.strip_prefix('*') else {
                parts.push(Part::Within);
                continue;
            };
            let whole = before.map_or(matches!(parts.last(), None | Some(Part::Segments(_))), separates);
            let next = behind.bytes().next();
            match next {
                _ if !whole => return Err(InvalidPattern::Stars),
                None => parts.push(Part::Rest),
                Some(byte) if separates(byte) => parts.push(Part::Segments(byte)),
                Some(_) => return Err(InvalidPattern::Stars),
            }
            rest = behind.get(1..).unwrap_or("");
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Self { text: text.into(), parts })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the first wildcard: every match begins with it.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(literal)) => literal,
            _ => "",
        }
    }

    /// An address that matches, with `word` in place of the wildcards; the beginning may be another one that fits.
    pub(crate) fn example(&self, beginning: &str, word: &str) -> String {
        let mut text = String::new();
        for (nth, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Within | Part::Rest if nth == 0 => {
                    text.push_str(if beginning.is_empty() { word } else { beginning });
                }
                Part::Within | Part::Rest => text.push_str(word),
                Part::Segments(separator) if nth == 0 && !beginning.is_empty() => {
                    text.push_str(beginning);
                    text.push(char::from(*separator));
                }
                Part::Segments(_) => {}
            }
        }
        text
    }

    /// The same pattern with two segments more in front of each `**`; it finds a part of what this one finds.
    pub(crate) fn deepened(&self) -> Self {
        Self::compile(&self.text.replace("**", "any.deep.**")).unwrap_or_else(|_| self.clone())
    }

    /// Whether the address matches. All ways at once: part by part, the places in the address that the parts so far can
    /// end at. So a hostile pattern costs its length times that of the address, and no more.
    pub fn matches(&self, address: &str) -> bool {
        let text = address.as_bytes();
        let (mut ends, mut next) = (vec![0], Vec::new());
        for part in &self.parts {
            match part {
                Part::Rest => return true,
                Part::Literal(literal) => {
                    let behind = |&at: &usize| text[at..].starts_with(literal.as_bytes()).then(|| at + literal.len());
                    next.extend(ends.iter().filter_map(behind));
                }
                Part::Within => {
                    for &at in &ends {
                        let from = next.last().map_or(at, |last: &usize| at.max(last + 1));
                        let reach = text[at..].iter().position(|b| separates(*b)).map_or(text.len(), |n| at + n);
                        next.extend(from..=reach);
                    }
                }
                Part::Segments(separator) => {
                    let behind = |at: usize| (at + 1..=text.len()).filter(|&end| text[end - 1] == *separator);
                    next.extend(ends.iter().copied());
                    next.extend(ends.first().into_iter().flat_map(|&first| behind(first)));
                    next.sort_unstable();
                    next.dedup();
                }
            }
            std::mem::swap(&mut ends, &mut next);
            next.clear();
            if ends.is_empty() {
                return false;
            }
        }
        ends.last() == Some(&text.len())
    }
}

/// Many patterns, of which only those are tried whose beginning fits: the cost of one look-up grows with the segments of
/// the address and not with the number of patterns.
#[derive(Debug)]
pub struct PatternIndex<T> {
    /// By the whole segments before the first wildcard.
    by_prefix: HashMap<Box<str>, Vec<(Pattern, T)>>,
}

impl<T> Default for PatternIndex<T> {
    fn default() -> Self {
        Self { by_prefix: HashMap::new() }
    }
}

impl<T: Copy> PatternIndex<T> {
    /// Adds a pattern with what it stands for.
    pub fn insert(&mut self, pattern: Pattern, item: T) {
        let key = whole_segments(pattern.prefix()).into();
        self.by_prefix.entry(key).or_default().push((pattern, item));
    }

    /// What the patterns that match `address` stand for, in no order.
    pub fn find(&self, address: &str, found: &mut Vec<T>) {
        if self.by_prefix.is_empty() {
            return;
        }
        let candidates = self.candidates(address).flatten();
        found.extend(candidates.filter(|(pattern, _)| pattern.matches(address)).map(|&(_, item)| item));
    }

    /// How many patterns a look-up of `address` has to try.
    pub fn tried(&self, address: &str) -> usize {
        self.candidates(address).map(Vec::len).sum()
    }

    /// Those whose beginning fits.
    fn candidates(&self, address: &str) -> impl Iterator<Item = &Vec<(Pattern, T)>> {
        let ends = address.bytes().enumerate().filter(|&(_, byte)| separates(byte)).map(|(at, _)| at + 1);
        [0].into_iter().chain(ends).filter_map(move |end| self.by_prefix.get(&address[..end]))
    }

    /// All patterns.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.entries().map(|(pattern, _)| pattern)
    }

    /// All patterns with what they stand for, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&Pattern, &T)> {
        self.by_prefix.values().flatten().map(|(pattern, item)| (pattern, item))
    }
}

fn whole_segments(prefix: &str) -> &str {
    &prefix[..prefix.rfind(['.', '/']).map_or(0, |at| at + 1)]
}

/// A target with placeholders, for example `mqtt.local.house/{source}/{rest}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    Source,
    Path,
    Tag,
    Rest,
}

const PLACEHOLDERS: [(&str, Piece); 4] =
    [("source", Piece::Source), ("path", Piece::Path), ("tag", Piece::Tag), ("rest", Piece::Rest)];

/// The names of the placeholders.
pub(crate) fn placeholders() -> impl Iterator<Item = &'static str> {
    PLACEHOLDERS.iter().map(|(name, _)| *name)
}

/// Whether the text has placeholders.
pub fn is_template(text: &str) -> bool {
    text.contains('{')
}

impl Template {
    /// Compiles a target with placeholders: `{source}` is the instance id, `{rest}` the whole tag, `{tag}` its last
    /// segment, `{path}` all of it but the last segment.
    ///
    /// # Errors
    /// A placeholder that is none of these, in words.
    pub fn compile(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                pieces.push(Piece::Literal(rest[..open].into()));
            }
            let close = rest[open..].find('}').ok_or_else(|| format!("`{}` is not closed by `}}`", &rest[open..]))?;
            let name = &rest[open + 1..open + close];
            let piece = PLACEHOLDERS.iter().find(|(known, _)| *known == name).map(|(_, piece)| piece.clone());
            pieces.push(piece.ok_or_else(|| {
                let near = fieldrail_model::text::did_you_mean(name, PLACEHOLDERS.iter().map(|(known, _)| *known));
                format!("unknown placeholder `{{{name}}}`{near}")
            })?);
            rest = &rest[open + close + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.into()));
        }
        Ok(Self { pieces })
    }

    /// What stands before the first placeholder.
    pub fn prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(literal)) => literal,
            _ => "",
        }
    }

    /// Whether there may be a source for which the address is this one.
    pub(crate) fn may_make(&self, address: &str) -> bool {
        let (mut rest, mut free, mut swallow) = (address, false, false);
        for piece in &self.pieces {
            if let Piece::Literal(literal) = piece {
                let literal = if swallow { literal.strip_prefix(['.', '/']).unwrap_or(literal) } else { literal };
                let at = if free { rest.find(literal) } else { Some(0).filter(|_| rest.starts_with(literal)) };
                let Some(at) = at else { return false };
                rest = &rest[at + literal.len()..];
            }
            (free, swallow) = (!matches!(piece, Piece::Literal(_)), matches!(piece, Piece::Path));
        }
        // What stands behind the last placeholder may stand further behind as well.
        let last = self.pieces.iter().rev().find_map(|piece| match piece {
            Piece::Literal(literal) => Some(&**literal),
            _ => None,
        });
        free || rest.is_empty() || last.is_some_and(|last| self.pieces.len() > 1 && rest.ends_with(last))
    }

    /// The address for a sample of `source` and `tag`. Where `{path}` is empty, the separator behind it is left out.
    pub fn fill(&self, source: &str, tag: &str) -> String {
        let last = tag.rfind(['.', '/']);
        let (path, name) = last.map_or(("", tag), |at| (&tag[..at], &tag[at + 1..]));
        let mut filled = String::new();
        let mut swallow = false;
        for piece in &self.pieces {
            let text: Cow<'_, str> = match piece {
                Piece::Literal(literal) if swallow => literal.strip_prefix(['.', '/']).unwrap_or(literal).into(),
                Piece::Literal(literal) => (&**literal).into(),
                Piece::Source => source.into(),
                Piece::Path => path.into(),
                Piece::Tag => name.into(),
                Piece::Rest => tag.into(),
            };
            swallow = matches!(piece, Piece::Path) && path.is_empty();
            filled.push_str(&text);
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(pattern: &str, hits: &[&str], misses: &[&str]) {
        let compiled = Pattern::compile(pattern).unwrap();
        let mut index = PatternIndex::default();
        index.insert(compiled.clone(), 1);
        for (addresses, want) in [(hits, true), (misses, false)] {
            for address in addresses {
                assert_eq!(compiled.matches(address), want, "{pattern} and {address}");
                let mut found = Vec::new();
                index.find(address, &mut found);
                assert_eq!(!found.is_empty(), want, "index of {pattern} and {address}");
            }
        }
    }

    #[test]
    fn one_star_stays_within_its_segment() {
        check(
            "bt.*.voltage",
            &["bt.bms_001.voltage", "bt..voltage"],
            &["bt.a.b.voltage", "bt.voltage", "bt.a.voltages"],
        );
        check(
            "plc_001.MAIN.f*",
            &["plc_001.MAIN.fVoltage", "plc_001.MAIN.f"],
            &["plc_001.MAIN.fb.x", "plc_001.MAIN.g"],
        );
        check("a.*b*c", &["a.bc", "a.xbxbxc"], &["a.b", "a.b.c", "a.cb"]);
        check("*.voltage", &["x.voltage"], &["bt.x.voltage"]);
    }

    #[test]
    fn two_stars_stand_for_any_number_of_segments() {
        check("mqtt.local.**", &["mqtt.local.a", "mqtt.local.a/b.c/d"], &["mqtt.local", "mqtt.locals.a"]);
        check("mqtt.local.**/state", &["mqtt.local.a/b/state", "mqtt.local.state"], &["mqtt.local.a/states"]);
        check("**.voltage", &["bt.x.voltage", "voltage"], &["bt.x.undervoltage", "bt.voltage.x"]);
        check("a.**.b.*.c", &["a.b.x.c", "a.b.b.x.c", "a.q.b.b.c"], &["a.b.c", "a.b.x.y.c"]);
        check("**", &["", "a", "a.b/c"], &[]);
        check("**/**/x", &["a/x", "x", "a/b/x"], &["a/xy"]);
        check("**/**.*", &["/", "a/b.c", "a.b", "a/b"], &[]);
    }

    #[test]
    fn two_stars_beside_text_are_refused() {
        for bad in ["a**", "**a", "a.**b", "***", "a.***"] {
            assert_eq!(Pattern::compile(bad), Err(InvalidPattern::Stars), "{bad}");
        }
        assert_eq!(Pattern::compile(&"a".repeat(513)), Err(InvalidPattern::TooLong(513)));
    }

    /// The plainest possible matcher, exponential and obviously right.
    fn naive(parts: &[Part], text: &[u8]) -> bool {
        match parts.split_first() {
            None => text.is_empty(),
            Some((Part::Rest, _)) => true,
            Some((Part::Literal(l), rest)) => text.strip_prefix(l.as_bytes()).is_some_and(|text| naive(rest, text)),
            Some((Part::Within, rest)) => (0..=text.len())
                .take_while(|&n| !text[..n].iter().any(|b| separates(*b)))
                .any(|n| naive(rest, &text[n..])),
            Some((Part::Segments(separator), rest)) => {
                let ends = (1..=text.len()).filter(|&n| text[n - 1] == *separator);
                [0].into_iter().chain(ends).any(|n| naive(rest, &text[n..]))
            }
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_naive_one(
            pattern in r"((\*|\*\*|a|b|ab|a\*|\*b)[./]){0,4}(\*|\*\*|a|b|)",
            text in "[ab./]{0,9}",
        ) {
            let pattern = Pattern::compile(&pattern).unwrap();
            prop_assert_eq!(pattern.matches(&text), naive(&pattern.parts, text.as_bytes()), "{:?}", pattern);
        }

        #[test]
        fn no_text_makes_the_compilers_panic(text in r"[a*./{}é]{0,20}", address in ".{0,20}") {
            if let Ok(pattern) = Pattern::compile(&text) {
                pattern.matches(&address);
            }
            if let Ok(template) = Template::compile(&text) {
                template.fill("x", &address);
            }
        }
    }

    #[test]
    fn what_a_template_may_make_is_known_before_a_sample_comes() {
        let may = |text: &str, address: &str| Template::compile(text).unwrap().may_make(address);
        assert!(may("calc.{tag}", "calc.flow") && !may("calc.{tag}", "cal.flow"));
        assert!(may("calc.{tag}_kw", "calc.pv_kw") && !may("calc.{tag}_kw", "calc.pv_w"));
        assert!(may("calc.{tag}_kw", "calc.a_kw_kw"));
        assert!(may("calc.{path}.kw", "calc.kw") && may("calc.{path}.kw", "calc.a.b.kw"));
        assert!(may("calc.x", "calc.x") && !may("calc.x", "calc.xx"));
    }

    #[track_caller]
    fn check_template(text: &str, tag: &str, want: &str) {
        assert_eq!(Template::compile(text).unwrap().fill("bt.bms_001", tag), want);
    }

    #[test]
    fn placeholders_name_the_parts_of_the_source() {
        check_template("mqtt.local.house/{source}/{rest}", "cells/1.v", "mqtt.local.house/bt.bms_001/cells/1.v");
        check_template("mqtt.local.{path}/x/{tag}", "cells/1.v", "mqtt.local.cells/1/x/v");
        check_template("mqtt.local.{path}/{tag}", "voltage", "mqtt.local.voltage");
        assert_eq!(Template::compile("a.{tg}").unwrap_err(), "unknown placeholder `{tg}`; did you mean `tag`?");
        assert_eq!(Template::compile("a.{tag").unwrap_err(), "`{tag` is not closed by `}`");
    }
}
