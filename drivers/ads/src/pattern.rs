//! Patterns of the daemon over names: `*` within a segment, `**` over any number of them; segments end at `.` and `/`.

use crate::layout::fold;

/// A pattern, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<u8>);

impl Pattern {
    pub(crate) fn parse(pattern: &str) -> Self {
        Self(fold(pattern).into_bytes())
    }

    /// Whether a name matches, in any case. The cost is bounded by the product of both lengths.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name = fold(name).into_bytes();
        // reach[i]: the pattern so far matches the first i bytes.
        let mut reach = vec![false; name.len() + 1];
        reach[0] = true;
        let mut rest = &self.0[..];
        while let [first, after @ ..] = rest {
            let double = *first == b'*' && after.first() == Some(&b'*');
            if *first == b'*' {
                for at in 0..name.len() {
                    let passes = double || !matches!(name[at], b'.' | b'/');
                    reach[at + 1] |= reach[at] && passes;
                }
            } else {
                for at in (0..name.len()).rev() {
                    reach[at + 1] = reach[at] && name[at] == *first;
                }
                reach[0] = false;
            }
            rest = if double { &after[1..] } else { after };
        }
        reach[name.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_end_at_segments_and_double_stars_do_not() {
        for (pattern, name, want) in [
            ("MAIN.*", "main.x", true),
            ("MAIN.*", "MAIN.x.y", false),
            ("MAIN.**", "MAIN.x.y", true),
            ("Light.RM_*_01", "light.rm_light_01", true),
            ("**.fVoltage", "MAIN.fbBattery.fVoltage", true),
            ("*.fVoltage", "MAIN.fbBattery.fVoltage", false),
            ("a[*]", "a[3]", true),
            ("", "a", false),
            ("**", "anything.at.all", true),
            ("a", "b", false),
        ] {
            assert_eq!(Pattern::parse(pattern).matches(name), want, "{pattern} {name}");
        }
    }
}
