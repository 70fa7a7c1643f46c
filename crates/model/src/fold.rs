//! Letters as people search them: without case and accents, and an umlaut however it was typed.

/// The text as it is compared in a search: `Küche`, `KUECHE` and `kuche` become the same. Not for display.
pub fn folded(text: &str) -> String {
    let mut into = String::with_capacity(text.len());
    fold_into(text, &mut into);
    into
}

/// The same into a text that is used again and again.
pub fn fold_into(text: &str, into: &mut String) {
    into.clear();
    if is_plain(text) {
        // Most addresses: a search looks at a hundred thousand of them.
        into.push_str(text);
        into.make_ascii_lowercase();
        return;
    }
    for letter in text.chars() {
        if letter.is_ascii() {
            push(into, letter.to_ascii_lowercase());
        } else {
            fold_letter(letter, into);
        }
    }
}

/// Whether folding changes nothing of the text but its case.
pub(crate) fn is_plain(text: &str) -> bool {
    let written_out = |pair: &[u8]| matches!(pair, [b'a' | b'o' | b'u' | b'A' | b'O' | b'U', b'e' | b'E']);
    text.is_ascii() && !text.as_bytes().windows(2).any(written_out)
}

/// `e` behind a vowel that has an umlaut is the other way to write the umlaut.
fn push(into: &mut String, letter: char) {
    if letter != 'e' || !into.ends_with(['a', 'o', 'u']) {
        into.push(letter);
    }
}

fn fold_letter(letter: char, into: &mut String) {
    for lower in letter.to_lowercase() {
        match lower {
            // What stands over the letter before: a text may have its umlauts in two parts.
            '\u{300}'..='\u{36f}' => {}
            'à'..='å' | 'ā' | 'ă' | 'ą' | 'æ' => push(into, 'a'),
            'ç' | 'ć' | 'č' => push(into, 'c'),
            'ď' | 'đ' => push(into, 'd'),
            'è'..='ë' | 'ē' | 'ę' | 'ě' => push(into, 'e'),
            'ì'..='ï' | 'ī' | 'ı' => push(into, 'i'),
            'ł' => push(into, 'l'),
            'ñ' | 'ń' | 'ň' => push(into, 'n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'œ' => push(into, 'o'),
            'ř' => push(into, 'r'),
            'ś' | 'š' | 'ş' => push(into, 's'),
            'ť' => push(into, 't'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => push(into, 'u'),
            'ý' | 'ÿ' => push(into, 'y'),
            'ź' | 'ż' | 'ž' => push(into, 'z'),
            'ß' => into.push_str("ss"),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_umlaut_meets_itself_however_it_was_typed() {
        for spelled in ["Küche", "KÜCHE", "kueche", "kuche", "KUECHE", "ku\u{308}che"] {
            assert_eq!(folded(spelled), "kuche", "{spelled}");
        }
        assert_eq!(folded("Straße"), folded("STRASSE"));
        assert_eq!(folded("Wärmepumpe"), folded("Waermepumpe"));
        assert_eq!(folded("Café Öl"), "cafe ol");
        assert_eq!((folded("plc_001.MAIN.fPower"), folded("VALUE")), ("plc_001.main.fpower".into(), "valu".into()));
        assert_eq!(folded("ванная 浴室"), "ванная 浴室");
    }
}
