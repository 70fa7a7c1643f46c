//! What is looked for, and how well a text fits. Pure.

use fieldrail_model::fold::{fold_into, folded};

/// Words of one search; further ones are not looked at.
const MOST_WORDS: usize = 8;

/// How well something fits: less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It is the text, or the last part of an address is.
    Whole,
    /// It begins with it, or the last part of an address does.
    Begins,
    /// One of its words begins with it.
    WordBegins,
    /// It is in there somewhere.
    Inside,
}

/// The words of a search.
pub(super) struct Needle(Vec<Word>);

struct Word {
    folded: String,
    /// As typed, in lower case: an `e` at its beginning would miss the one that belongs to an umlaut.
    plain: Option<String>,
}

/// Texts that are used again for each candidate: each is folded once, however many words there are.
#[derive(Default)]
pub(super) struct Scratch {
    folded: Vec<String>,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let word = |text: &str| {
            let folded = folded(text);
            Word { plain: folded.starts_with('e').then(|| text.to_lowercase()), folded }
        };
        // A word may be nothing but marks that stand over letters.
        Self(text.split_whitespace().take(MOST_WORDS).map(word).filter(|word| !word.folded.is_empty()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How well these texts fit together: each word has to be in one of them, and the word that fits worst decides.
    pub(super) fn fit(&self, texts: &[&str], scratch: &mut Scratch) -> Option<Fit> {
        if self.0.is_empty() {
            return None;
        }
        scratch.folded.resize_with(scratch.folded.len().max(texts.len()), String::new);
        for (text, into) in texts.iter().zip(&mut scratch.folded) {
            fold_into(text, into);
        }
        let folded = &scratch.folded[..texts.len()];
        self.0.iter().try_fold(Fit::Whole, |worst, word| Some(worst.max(word.fit(texts, folded)?)))
    }
}

impl Word {
    fn fit(&self, texts: &[&str], folded: &[String]) -> Option<Fit> {
        let best = folded.iter().filter_map(|text| place(text, &self.folded)).min();
        let Some(plain) = self.plain.as_ref().filter(|_| best.is_none()) else { return best };
        texts.iter().filter_map(|text| place(&text.to_lowercase(), plain)).min()
    }
}

/// Where in the text the word is, at the best place.
fn place(text: &str, word: &str) -> Option<Fit> {
    let first = text.find(word)?;
    let last_part = text.rfind(['.', '/']).map_or(0, |at| at + 1);
    if text == word || &text[last_part..] == word {
        return Some(Fit::Whole);
    }
    if first == 0 || text[last_part..].starts_with(word) {
        return Some(Fit::Begins);
    }
    let begins_word = |at: usize| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
    let begins = text.match_indices(word).any(|(at, _)| begins_word(at));
    Some(if begins { Fit::WordBegins } else { Fit::Inside })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(search: &str, texts: &[&str], want: Option<Fit>) {
        let got = Needle::new(search).fit(texts, &mut Scratch::default());
        assert_eq!(got, want, "{search} in {texts:?}");
    }

    #[test]
    fn umlauts_and_case_do_not_matter() {
        for search in ["kuche", "kueche", "Küche", "KÜCHE"] {
            check(search, &["solar.house/light/kueche/state"], Some(Fit::WordBegins));
            check(search, &["a.b", "Licht Küche"], Some(Fit::WordBegins));
        }
        check("elle", &["calc.quelle"], Some(Fit::Inside));
        check("e", &["calc.quelle"], Some(Fit::Inside));
        check("\u{308}", &["calc.ü"], None);
    }

    #[test]
    fn what_fits_better_comes_first() {
        check("fPower", &["plc.MAIN.fPower"], Some(Fit::Whole));
        check("plc.main.fpower", &["plc.MAIN.fPower"], Some(Fit::Whole));
        check("fpo", &["plc.MAIN.fPower"], Some(Fit::Begins));
        check("main", &["plc.MAIN.fPower"], Some(Fit::WordBegins));
        check("ower", &["plc.MAIN.fPower"], Some(Fit::Inside));
        check("solar", &["plc.MAIN.fPower"], None);
    }

    #[test]
    fn each_word_has_to_be_there_wherever() {
        check("kitchen light", &["solar.house/light/kitchen/state"], Some(Fit::WordBegins));
        check("light sauna", &["solar.house/light/kitchen/state"], None);
        check("küche 7", &["plc.x7", "Küche"], Some(Fit::Inside));
        check(" ", &["plc"], None);
    }
}
