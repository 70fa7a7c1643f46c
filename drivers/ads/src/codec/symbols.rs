//! The symbol table (0xF00B), and one entry of it by name (0xF009).

use super::Malformed;
use super::bytes::{Cursor, Put as _};
use super::text::CodePage;

/// The symbol is a reference: what lies at its address is a pointer.
pub const REFERENCE: u16 = 1 << 2;

/// The entry carries a GUID of its type.
pub const TYPE_GUID: u16 = 1 << 3;

/// The symbol cannot be written.
pub const READ_ONLY: u16 = 1 << 5;

/// The entry carries attributes.
pub const ATTRIBUTES: u16 = 1 << 12;

/// Bytes before the texts; no entry is smaller.
pub const HEAD_BYTES: usize = 30;

/// What an error calls it.
const WHAT: &str = "the symbol table";

/// The bounds of one dimension of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dimension {
    /// The first index.
    pub lower: i32,
    /// How many elements.
    pub count: u32,
}

/// One variable of a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Symbol {
    /// Index group.
    pub group: u32,
    /// Index offset.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// Number of the elementary type; 65 is any other.
    pub type_id: u32,
    /// See the constants of this module.
    pub flags: u16,
    /// The full name, for example `MAIN.fbBattery`.
    pub name: String,
    /// The name of its type.
    pub type_name: String,
    /// What the engineer wrote beside it.
    pub comment: String,
    /// Bounds, if it is an array.
    pub dimensions: Vec<Dimension>,
    /// GUID of its type, if [`TYPE_GUID`] is set.
    pub guid: Option<[u8; 16]>,
    /// Attributes, if [`ATTRIBUTES`] is set: name and value.
    pub attributes: Vec<(String, String)>,
}

/// Reads a whole table, stepping by the length of each entry.
///
/// # Errors
/// An entry claims less than its head or more than the table holds, or a text goes beyond its entry.
pub fn decode(mut bytes: &[u8], page: CodePage) -> Result<Vec<Symbol>, Malformed> {
    let mut symbols = Vec::new();
    while !bytes.is_empty() {
        let (entry, rest) = split_entry(bytes, HEAD_BYTES, WHAT)?;
        symbols.push(decode_entry(entry, page)?);
        bytes = rest;
    }
    Ok(symbols)
}

/// Cuts the first entry off a table by its own length.
pub(super) fn split_entry<'a>(
    bytes: &'a [u8],
    least: usize,
    what: &'static str,
) -> Result<(&'a [u8], &'a [u8]), Malformed> {
    let claimed = Cursor::new(bytes, what).u32()? as usize;
    if claimed < least {
        return Err(Malformed::Entry { what, claimed, least });
    }
    bytes.split_at_checked(claimed).ok_or(Malformed::Short { what, wanted: claimed, had: bytes.len() })
}

/// Reads one entry; bytes behind its parts are padding.
///
/// # Errors
/// A part goes beyond the entry.
pub fn decode_entry(entry: &[u8], page: CodePage) -> Result<Symbol, Malformed> {
    let mut cursor = Cursor::new(entry, "a symbol");
    cursor.u32()?;
    let (group, offset, size, type_id) = (cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let (flags, dimensions) = (cursor.u16()?, cursor.u16()?);
    let lengths = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
    let [name, type_name, comment] = texts(&mut cursor, lengths, page)?;
    let dimensions = decode_dimensions(&mut cursor, dimensions)?;
    let guid = if flags & TYPE_GUID != 0 { Some(decode_guid(&mut cursor)?) } else { None };
    let attributes = if flags & ATTRIBUTES != 0 { decode_attributes(&mut cursor, page)? } else { Vec::new() };
    Ok(Symbol { group, offset, size, type_id, flags, name, type_name, comment, dimensions, guid, attributes })
}

/// Three texts, each with a NUL behind it.
pub(super) fn texts(cursor: &mut Cursor<'_>, lengths: [u16; 3], page: CodePage) -> Result<[String; 3], Malformed> {
    let mut texts = [const { String::new() }; 3];
    for (text, length) in texts.iter_mut().zip(lengths) {
        *text = page.decode(cursor.take(usize::from(length))?);
        cursor.u8()?;
    }
    Ok(texts)
}

pub(super) fn decode_dimensions(cursor: &mut Cursor<'_>, count: u16) -> Result<Vec<Dimension>, Malformed> {
    (0..count).map(|_| Ok(Dimension { lower: cursor.i32()?, count: cursor.u32()? })).collect()
}

pub(super) fn decode_guid(cursor: &mut Cursor<'_>) -> Result<[u8; 16], Malformed> {
    let mut guid = [0; 16];
    guid.copy_from_slice(cursor.take(16)?);
    Ok(guid)
}

pub(super) fn decode_attributes(cursor: &mut Cursor<'_>, page: CodePage) -> Result<Vec<(String, String)>, Malformed> {
    let count = cursor.u16()?;
    let one = |_| {
        let (name, value) = (usize::from(cursor.u8()?), usize::from(cursor.u8()?));
        let name = page.decode(cursor.take(name)?);
        cursor.u8()?;
        let value = page.decode(cursor.take(value)?);
        cursor.u8()?;
        Ok((name, value))
    };
    (0..count).map(one).collect()
}

/// Appends one entry, padded to a multiple of eight bytes. Texts are cut to what their length fields hold, characters
/// outside of the code page become `?`.
pub fn encode_entry(symbol: &Symbol, page: CodePage, out: &mut Vec<u8>) {
    let begin = out.len();
    out.put32(0);
    out.put_all([symbol.group, symbol.offset, symbol.size, symbol.type_id]);
    out.put16(symbol.flags);
    out.put16(count16(symbol.dimensions.len()));
    put_texts([&symbol.name, &symbol.type_name, &symbol.comment], page, out);
    put_dimensions(&symbol.dimensions, out);
    if symbol.flags & TYPE_GUID != 0 {
        out.extend_from_slice(&symbol.guid.unwrap_or_default());
    }
    if symbol.flags & ATTRIBUTES != 0 {
        put_attributes(&symbol.attributes, page, out);
    }
    out.resize(begin + (out.len() - begin).next_multiple_of(8), 0);
    put_entry_length(begin, out);
}

pub(super) fn put_entry_length(begin: usize, out: &mut [u8]) {
    let length = u32::try_from(out.len() - begin).unwrap_or(u32::MAX);
    out[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
}

pub(super) fn count16(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// The bytes of a text, at most so many.
pub(super) fn written(text: &str, most: usize, page: CodePage) -> Vec<u8> {
    let mut bytes = page.encode(text).unwrap_or_else(|| {
        text.chars().flat_map(|c| page.encode(c.encode_utf8(&mut [0; 4])).unwrap_or_else(|| b"?".to_vec())).collect()
    });
    bytes.truncate(most);
    bytes
}

pub(super) fn put_texts(texts: [&String; 3], page: CodePage, out: &mut Vec<u8>) {
    let texts = texts.map(|text| written(text, usize::from(u16::MAX), page));
    for text in &texts {
        out.put16(count16(text.len()));
    }
    for text in texts {
        out.extend_from_slice(&text);
        out.push(0);
    }
}

pub(super) fn put_dimensions(dimensions: &[Dimension], out: &mut Vec<u8>) {
    for dimension in dimensions {
        out.extend_from_slice(&dimension.lower.to_le_bytes());
        out.put32(dimension.count);
    }
}

pub(super) fn put_attributes(attributes: &[(String, String)], page: CodePage, out: &mut Vec<u8>) {
    out.put16(count16(attributes.len()));
    for (name, value) in attributes {
        let both = [written(name, 255, page), written(value, 255, page)];
        for text in &both {
            out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        }
        for text in both {
            out.extend_from_slice(&text);
            out.push(0);
        }
    }
}

/// The bytes of a whole table.
pub fn encode(symbols: &[Symbol], page: CodePage) -> Vec<u8> {
    let mut out = Vec::new();
    for symbol in symbols {
        encode_entry(symbol, page, &mut out);
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn dimensions() -> impl Strategy<Value = Vec<Dimension>> {
        let one = (any::<i32>(), any::<u32>()).prop_map(|(lower, count)| Dimension { lower, count });
        prop::collection::vec(one, 0..3)
    }

    pub(crate) fn attributes() -> impl Strategy<Value = Vec<(String, String)>> {
        prop::collection::vec(("[a-z]{0,8}", "[ -~ä]{0,8}"), 0..3)
    }

    fn symbol() -> impl Strategy<Value = Symbol> {
        let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u16>());
        let texts = ("[A-Za-z_.]{0,30}", "[A-Z ()0-9]{0,20}", "[ -~äöü€]{0,30}");
        (numbers, texts, dimensions(), any::<[u8; 16]>(), attributes()).prop_map(
            |((group, offset, size, type_id, flags), (name, type_name, comment), dimensions, guid, attributes)| {
                Symbol {
                    group,
                    offset,
                    size,
                    type_id,
                    flags,
                    name,
                    type_name,
                    comment,
                    dimensions,
                    guid: (flags & TYPE_GUID != 0).then_some(guid),
                    attributes: if flags & ATTRIBUTES != 0 { attributes } else { Vec::new() },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_table_comes_back_in_both_code_pages(symbols in prop::collection::vec(symbol(), 0..5)) {
            for page in [CodePage::Windows1252, CodePage::Utf8] {
                prop_assert_eq!(decode(&encode(&symbols, page), page), Ok(symbols.clone()));
            }
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, CodePage::Windows1252);
        }

        #[test]
        fn no_damage_to_a_table_makes_the_decoder_panic(
            symbols in prop::collection::vec(symbol(), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = encode(&symbols, CodePage::Windows1252);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode(&bytes, CodePage::Windows1252);
        }
    }
}
