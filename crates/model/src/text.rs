//! Texts that people type: near names, which one who mistyped probably meant, and [`Needle`], what they look for.

use crate::fold;

/// The candidate nearest to `wanted`, if any is near enough to be a slip of the pen: at most a third of its letters differ.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within(wanted, candidates, (wanted.chars().count() / 3).max(1))
}

/// The candidate nearest to `wanted`, if at most `limit` letters of it are left out, too many, others or exchanged.
pub fn within<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>, limit: usize) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(wanted, candidate, limit), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The candidates that are nearest to `wanted`, the nearest first, at most `most`: at most a third of its letters differ.
pub fn nearest_of<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let limit = (wanted.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = Vec::new();
    for candidate in candidates {
        // Whoever is no better than the last of those that are told need not be measured to the end.
        let limit = near.get(most.saturating_sub(1)).map_or(limit, |(worst, _)| (*worst).saturating_sub(1).min(limit));
        let distance = distance(wanted, candidate, limit);
        if distance <= limit {
            let at = near.partition_point(|(known, _)| *known <= distance);
            near.insert(at, (distance, candidate));
            near.truncate(most);
        }
    }
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// ` (did you mean `x`?)`, or nothing.
pub fn did_you_mean<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wanted, candidates).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Edits between two names, where two letters that changed places are one edit, without regard to case; anything above `limit` may be reported as `limit + 1`.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    // Optimal string alignment: three rows are enough to see a transposition.
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let substituted = above[j] + usize::from(x != y);
            let mut least = substituted.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

/// What somebody looks for in names and comments, as [`fold`](crate::fold) compares: in any case, without accents, and an
/// umlaut however it is written. `Küche` is found by `küche`, `kuche` and `kueche`, and each of them by each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needle {
    folded: String,
    /// As typed, in small letters: an `e` at its beginning would miss the one that belongs to an umlaut.
    plain: Option<String>,
}

impl Needle {
    /// Looks for `text`; the empty text is in every other.
    pub fn new(text: &str) -> Self {
        let folded = fold::folded(text);
        Self { plain: folded.starts_with('e').then(|| text.to_lowercase()), folded }
    }

    /// Whether it is in every text.
    pub fn is_empty(&self) -> bool {
        self.folded.is_empty()
    }

    /// Whether `hay` holds it. Most texts are looked at without a copy.
    pub fn is_in(&self, hay: &str) -> bool {
        if fold::is_plain(hay) {
            return holds_in_any_case(hay, &self.folded)
                || self.plain.as_ref().is_some_and(|plain| holds_in_any_case(hay, plain));
        }
        fold::folded(hay).contains(&self.folded)
            || self.plain.as_ref().is_some_and(|plain| hay.to_lowercase().contains(plain))
    }
}

fn holds_in_any_case(hay: &str, needle: &str) -> bool {
    let needle = needle.as_bytes();
    let Some(first) = needle.first() else { return true };
    let begins = |window: &[u8]| window[0].eq_ignore_ascii_case(first) && window.eq_ignore_ascii_case(needle);
    hay.as_bytes().windows(needle.len()).any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umlauts_are_found_however_they_are_written() {
        for (needle, hay) in [
            ("küche", "Licht Küche"),
            ("kuche", "Licht KÜCHE"),
            ("kueche", "Licht Küche"),
            ("kuche", "licht_kueche"),
            ("lódz", "Łódź"),
            ("Küche", "licht_kueche"),
            ("KÜCHE", "licht_kueche"),
            ("strasse", "Straße 5"),
            ("straße", "STRASSE"),
            ("erung", "Steuerung"),
            ("steue", "Steuerung"),
            ("neue", "Neue Anlage"),
            ("garage", "Gärage"),
            ("gar", "Ga\u{308}rage"),
            ("gaerage", "Ga\u{308}rage"),
            ("gärage", "Ga\u{308}rage"),
            ("", "anything"),
            ("", ""),
        ] {
            assert!(Needle::new(needle).is_in(hay), "{needle} in {hay}");
        }
        for (needle, hay) in [("küche", "Kachel"), ("x", ""), ("ä", "o"), ("kuchen", "Küche"), ("erung", "Steuer")] {
            assert!(!Needle::new(needle).is_in(hay), "{needle} not in {hay}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_part_of_a_text_is_found_in_it(text in "[a-zA-ZäöüßÄÖÜéaeou ]{0,20}", from in 0_usize..20, length in 0_usize..20) {
            let part: String = text.chars().skip(from).take(length).collect();
            proptest::prop_assert!(Needle::new(&part).is_in(&text));
            let shouted = if part.contains('ß') { part } else { part.to_uppercase() };
            proptest::prop_assert!(Needle::new(&shouted).is_in(&text));
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        let known = ["plc_001", "plc_002", "mqtt.broker_local"];
        assert_eq!(nearest("plc_01", known), Some("plc_001"));
        assert_eq!(nearest("MQTT.broker_locl", known), Some("mqtt.broker_local"));
        assert_eq!(nearest("webhook", known), None);
        let lamps = ["lamp_1", "lamp_12", "door", "lamp_2", "lamp"];
        assert_eq!(nearest_of("lamp_1", lamps, 3), ["lamp_1", "lamp_12", "lamp_2"]);
        assert_eq!(nearest_of("window", lamps, 3), [""; 0]);
        assert_eq!(nearest("prot", ["port", "root"]), Some("port"));
        assert_eq!(within("energy_1_wh", ["power_1", "enegry_1_wh", "energy_2_kwh"], 1), Some("enegry_1_wh"));
        assert_eq!(within("energy_1_wh", ["power_1", "enegry_2_wh"], 1), None);
    }
}
