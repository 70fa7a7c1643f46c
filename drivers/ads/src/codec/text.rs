//! Code pages: Windows-1252 unless the device says that it speaks UTF-8.

/// How a device writes 8-bit text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CodePage {
    /// Windows-1252; its five undefined bytes stand for the control characters of the same number, so that every byte comes
    /// back.
    #[default]
    Windows1252,
    /// UTF-8.
    Utf8,
}

/// The characters of the bytes 0x80 to 0x9f in Windows-1252.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl CodePage {
    /// The text up to the first NUL. Bytes that are no UTF-8 are read as Windows-1252.
    pub fn decode(self, bytes: &[u8]) -> String {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let bytes = bytes.get(..end).unwrap_or(bytes);
        if let Ok(text) = std::str::from_utf8(bytes)
            && (self == Self::Utf8 || text.is_ascii())
        {
            return text.into();
        }
        bytes.iter().map(|&byte| character(byte)).collect()
    }

    /// The bytes of a text, without a NUL. None if a character has no place in the code page.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Windows1252 => text.chars().map(byte).collect(),
        }
    }
}

fn character(byte: u8) -> char {
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn byte(character: char) -> Option<u8> {
    let code = u8::try_from(u32::from(character)).ok();
    match code {
        Some(code @ (..=0x7f | 0xa0..)) => Some(code),
        _ => (0x80..).zip(HIGH).find(|&(_, high)| high == character).map(|(byte, _)| byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn windows_1252_reads_what_an_engineer_typed() {
        let text = "Küche 21 °C – „warm“ 5 €";
        let bytes = CodePage::Windows1252.encode(text).unwrap();
        assert_eq!(&bytes[..6], b"K\xfcche ");
        assert_eq!(CodePage::Windows1252.decode(&bytes), text);
        assert_eq!(CodePage::Utf8.decode(text.as_bytes()), text);
        assert_eq!(CodePage::Windows1252.encode("日"), None);
    }

    #[test]
    fn text_ends_at_the_first_nul() {
        assert_eq!(CodePage::Windows1252.decode(b"hurz\0rest"), "hurz");
    }

    proptest! {
        #[test]
        fn every_byte_of_windows_1252_comes_back(bytes in prop::collection::vec(1_u8.., 0..40)) {
            let text = CodePage::Windows1252.decode(&bytes);
            prop_assert_eq!(CodePage::Windows1252.encode(&text), Some(bytes));
        }

        #[test]
        fn every_text_comes_back_in_utf8(text in "[^\0]{0,20}") {
            let bytes = CodePage::Utf8.encode(&text).unwrap_or_default();
            prop_assert_eq!(CodePage::Utf8.decode(&bytes), text);
        }
    }
}
