//! Names that look like one that does not exist.

use crate::layout::{Layout, fold};

use super::resolve::MOST_NAME;
use super::{Catalog, Place};

/// How many are given.
const MOST_NEAR: usize = 3;

/// Names that are compared at most.
const MOST_COMPARED: usize = 100_000;

impl Catalog {
    /// At most three names of variables that look like this one, the nearest first.
    ///
    /// None are given for the rest of many wrong names in a row; see [`Catalog::refill_near`].
    pub fn near(&self, tag: &str) -> Vec<String> {
        let Some(left) = self.near_left.get().checked_sub(1) else { return Vec::new() };
        self.near_left.set(left);
        let folded = fold(tag.get(..MOST_NAME.min(tag.len())).unwrap_or_default());
        let bound = (folded.chars().count() / 4).clamp(1, 4);
        let last = last_segment(&folded);
        let mut found: Vec<(usize, String)> = Vec::new();
        let symbols = self.entries.iter().take(MOST_COMPARED).map(|entry| (&*entry.folded, &entry.symbol.name));
        for (known, name) in symbols {
            // The right name in the wrong place is near too.
            let same_last = last.len() > 2 && last_segment(known) == last;
            if let Some(distance) = distance(&folded, known, bound).or(same_last.then_some(bound)) {
                found.push((distance, name.clone()));
            }
        }
        found.extend(self.near_parts(&folded, bound));
        found.sort();
        found.dedup();
        found.into_iter().take(MOST_NEAR).map(|(_, name)| name).collect()
    }

    /// Parts of the deepest part that exists.
    fn near_parts(&self, folded: &str, bound: usize) -> Vec<(usize, String)> {
        let mut ends = folded.char_indices().rev().filter(|(_, c)| matches!(c, '.' | '['));
        let parent = ends.find_map(|(at, _)| self.whole_or_part(folded.get(..at)?));
        let Some(parent) = parent else { return Vec::new() };
        let names: Vec<String> = match &parent.layout {
            Layout::Structure(structure) => {
                structure.fields.iter().map(|field| format!("{}.{}", parent.name, field.name)).collect()
            }
            Layout::Array(array) => {
                [0, array.count().saturating_sub(1)].map(|n| format!("{}{}", parent.name, array.indices(n))).into()
            }
            _ => Vec::new(),
        };
        let is_array = matches!(parent.layout, Layout::Array(_));
        let asked = last_segment(folded);
        let near = |name: String| {
            let known = fold(last_segment(&name));
            let begins = asked.len() > 1 && (known.starts_with(asked) || asked.starts_with(&*known));
            let differs = distance(asked, &known, (asked.len() / 3).max(1));
            begins.then_some(1).or(differs).or(is_array.then_some(bound)).map(|distance| (distance, name))
        };
        names.into_iter().filter_map(near).collect()
    }

    fn whole_or_part(&self, folded: &str) -> Option<Place> {
        // `resolve` would look for near names again on failure.
        let (number, entry) = self.by_name.get(folded).and_then(|&n| Some((n, self.entries.get(n as usize)?)))?;
        Some(self.whole(number, entry))
    }
}

fn last_segment(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// How many letters differ, if not more than `bound`: changed, missing, added. Only cells that can stay within the bound
/// are looked at.
fn distance(a: &str, b: &str, bound: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > bound {
        return None;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let beyond = bound + 1;
    let mut row: Vec<usize> = (0..=b.len()).map(|n| n.min(beyond)).collect();
    for (i, x) in a.iter().enumerate() {
        let (from, to) = (i.saturating_sub(bound), (i + bound + 1).min(b.len()));
        let mut diagonal = row[from];
        row[from] = if from == 0 { (i + 1).min(beyond) } else { beyond };
        let mut least = row[from];
        for j in from..to {
            let changed = diagonal + usize::from(*x != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1).min(beyond);
            least = least.min(row[j + 1]);
        }
        if let Some(next) = row.get_mut(to + 1) {
            *next = beyond;
        }
        if least > bound {
            return None;
        }
    }
    row.last().copied().filter(|&distance| distance <= bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The textbook, without a band.
    fn plain(a: &[u8], b: &[u8]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.iter().enumerate() {
                let changed = diagonal + usize::from(x != y);
                diagonal = row[j + 1];
                row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
            }
        }
        row[b.len()]
    }

    proptest! {
        #[test]
        fn the_band_gives_what_the_textbook_gives(a in "[ab.]{0,9}", b in "[ab.]{0,9}", bound in 0_usize..5) {
            let want = Some(plain(a.as_bytes(), b.as_bytes())).filter(|&distance| distance <= bound);
            prop_assert_eq!(distance(&a, &b, bound), want);
        }
    }
}
