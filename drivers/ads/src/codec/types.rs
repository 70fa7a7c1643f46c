//! The data type table (0xF00E), and one entry of it by name (0xF011).

use super::Malformed;
use super::bytes::{Cursor, Put as _};
use super::symbols::{
    Dimension, count16, decode_attributes, decode_dimensions, decode_guid, put_attributes, put_dimensions,
    put_entry_length, put_texts, split_entry, texts, written,
};
use super::text::CodePage;

/// It is a part of another type.
pub const ITEM: u32 = 1 << 1;

/// It is a reference: what lies there is a pointer.
pub const REFERENCE: u32 = 1 << 2;

/// Offset and size count bits.
pub const BITS: u32 = 1 << 5;

/// It is a property: nothing lies in memory.
pub const PROPERTY: u32 = 1 << 6;

/// The entry carries a GUID.
pub const TYPE_GUID: u32 = 1 << 7;

/// The entry carries a mask of what to copy: as many bytes as the type has.
pub const COPY_MASK: u32 = 1 << 9;

/// The entry carries methods.
pub const METHODS: u32 = 1 << 11;

/// The entry carries attributes.
pub const ATTRIBUTES: u32 = 1 << 12;

/// The entry carries the values of an enumeration.
pub const ENUM_VALUES: u32 = 1 << 13;

/// The part is static: it does not lie in the instance.
pub const STATIC: u32 = 1 << 17;

/// Bytes before the texts; no entry is smaller.
pub const HEAD_BYTES: usize = 42;

/// Parts within parts; real tables have one level.
const MOST_LEVELS: usize = 8;

/// What an error calls it.
const WHAT: &str = "the data type table";

/// A data type, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataType {
    /// Version of the layout.
    pub version: u32,
    /// Hash of the name, or the index of a part.
    pub hash: u32,
    /// Hash of the base type.
    pub type_hash: u32,
    /// Bytes; bits if [`BITS`] is set.
    pub size: u32,
    /// Where a part begins in its type; bits if [`BITS`] is set.
    pub offset: u32,
    /// Number of the elementary type; 65 is any other.
    pub type_id: u32,
    /// See the constants of this module.
    pub flags: u32,
    /// The name.
    pub name: String,
    /// The type of a part or of an array's element, or what an alias stands for.
    pub type_name: String,
    /// What the engineer wrote beside it.
    pub comment: String,
    /// Bounds, if it is an array.
    pub dimensions: Vec<Dimension>,
    /// Parts, if it is a structure.
    pub items: Vec<DataType>,
    /// GUID, if [`TYPE_GUID`] is set.
    pub guid: Option<[u8; 16]>,
    /// Mask of what to copy, if [`COPY_MASK`] is set.
    pub copy_mask: Vec<u8>,
    /// Methods, if [`METHODS`] is set: their entries as they came, without the length.
    pub methods: Vec<Vec<u8>>,
    /// Attributes, if [`ATTRIBUTES`] is set: name and value.
    pub attributes: Vec<(String, String)>,
    /// Names and values of an enumeration, if [`ENUM_VALUES`] is set; each value has as many bytes as the type.
    pub values: Vec<(String, Vec<u8>)>,
}

/// Reads a whole table, stepping by the length of each entry.
///
/// # Errors
/// An entry claims less than its head or more than the table holds, or a part goes beyond its entry.
pub fn decode(mut bytes: &[u8], page: CodePage) -> Result<Vec<DataType>, Malformed> {
    let mut types = Vec::new();
    while !bytes.is_empty() {
        let (entry, rest) = split_entry(bytes, HEAD_BYTES, WHAT)?;
        types.push(decode_entry(entry, page)?);
        bytes = rest;
    }
    Ok(types)
}

/// Reads one entry; bytes behind its parts are padding.
///
/// # Errors
/// A part goes beyond the entry, or parts nest too deep.
pub fn decode_entry(entry: &[u8], page: CodePage) -> Result<DataType, Malformed> {
    decode_level(entry, page, MOST_LEVELS)
}

fn decode_level(entry: &[u8], page: CodePage, levels: usize) -> Result<DataType, Malformed> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Malformed::Deep { what: "a data type", most: MOST_LEVELS });
    };
    let mut cursor = Cursor::new(entry, "a data type");
    cursor.u32()?;
    let (version, hash, type_hash) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let (size, offset, type_id, flags) = (cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let lengths = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
    let (dimensions, items) = (cursor.u16()?, cursor.u16()?);
    let [name, type_name, comment] = texts(&mut cursor, lengths, page)?;
    let dimensions = decode_dimensions(&mut cursor, dimensions)?;
    let items = (0..items).map(|_| decode_item(&mut cursor, page, levels)).collect::<Result<_, _>>()?;
    let has = |flag| flags & flag != 0;
    let guid = if has(TYPE_GUID) { Some(decode_guid(&mut cursor)?) } else { None };
    let copy_mask = if has(COPY_MASK) { cursor.take(size as usize)?.to_vec() } else { Vec::new() };
    let methods = if has(METHODS) { decode_methods(&mut cursor)? } else { Vec::new() };
    let attributes = if has(ATTRIBUTES) { decode_attributes(&mut cursor, page)? } else { Vec::new() };
    let values = if has(ENUM_VALUES) { decode_values(&mut cursor, size, page)? } else { Vec::new() };
    Ok(DataType {
        version,
        hash,
        type_hash,
        size,
        offset,
        type_id,
        flags,
        name,
        type_name,
        comment,
        dimensions,
        items,
        guid,
        copy_mask,
        methods,
        attributes,
        values,
    })
}

/// A part has a length of its own, and is read within it.
fn decode_item(cursor: &mut Cursor<'_>, page: CodePage, levels: usize) -> Result<DataType, Malformed> {
    let (entry, _) = split_entry(cursor.rest(), HEAD_BYTES, "a structure")?;
    cursor.take(entry.len())?;
    decode_level(entry, page, levels)
}

/// Methods are skipped by their lengths; nothing here calls one.
fn decode_methods(cursor: &mut Cursor<'_>) -> Result<Vec<Vec<u8>>, Malformed> {
    let count = cursor.u16()?;
    let one = |_| {
        let claimed = cursor.u32()? as usize;
        let Some(length) = claimed.checked_sub(4) else {
            return Err(Malformed::Entry { what: "methods", claimed, least: 4 });
        };
        Ok(cursor.take(length)?.to_vec())
    };
    (0..count).map(one).collect()
}

fn decode_values(cursor: &mut Cursor<'_>, size: u32, page: CodePage) -> Result<Vec<(String, Vec<u8>)>, Malformed> {
    let count = cursor.u16()?;
    let one = |_| {
        let length = usize::from(cursor.u8()?);
        let name = page.decode(cursor.take(length)?);
        cursor.u8()?;
        Ok((name, cursor.take(size as usize)?.to_vec()))
    };
    (0..count).map(one).collect()
}

/// Appends one entry, padded to a multiple of eight bytes. Texts are cut to what their length fields hold, characters
/// outside of the code page become `?`.
pub fn encode_entry(data_type: &DataType, page: CodePage, out: &mut Vec<u8>) {
    let begin = out.len();
    let t = data_type;
    out.put32(0);
    out.put_all([t.version, t.hash, t.type_hash, t.size, t.offset, t.type_id, t.flags]);
    let texts_at = out.len();
    put_texts([&t.name, &t.type_name, &t.comment], page, out);
    // The two counts stand between the lengths of the texts and the texts.
    let mut counts = count16(t.dimensions.len()).to_le_bytes().to_vec();
    counts.put16(count16(t.items.len()));
    out.splice(texts_at + 6..texts_at + 6, counts);
    put_dimensions(&t.dimensions, out);
    for item in &t.items {
        encode_entry(item, page, out);
    }
    if t.flags & TYPE_GUID != 0 {
        out.extend_from_slice(&t.guid.unwrap_or_default());
    }
    if t.flags & COPY_MASK != 0 {
        out.extend(sized(&t.copy_mask, t.size));
    }
    if t.flags & METHODS != 0 {
        out.put16(count16(t.methods.len()));
        for method in &t.methods {
            out.put_length(method.len() + 4);
            out.extend_from_slice(method);
        }
    }
    if t.flags & ATTRIBUTES != 0 {
        put_attributes(&t.attributes, page, out);
    }
    if t.flags & ENUM_VALUES != 0 {
        out.put16(count16(t.values.len()));
        for (name, value) in &t.values {
            let name = written(name, 255, page);
            out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(&name);
            out.push(0);
            out.extend(sized(value, t.size));
        }
    }
    out.resize(begin + (out.len() - begin).next_multiple_of(8), 0);
    put_entry_length(begin, out);
}

fn sized(bytes: &[u8], size: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(size as usize, 0);
    bytes
}

/// The bytes of a whole table.
pub fn encode(types: &[DataType], page: CodePage) -> Vec<u8> {
    let mut out = Vec::new();
    for data_type in types {
        encode_entry(data_type, page, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::symbols::tests::{attributes, dimensions};
    use super::*;
    use proptest::prelude::*;

    fn leaf() -> impl Strategy<Value = DataType> {
        let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), 0_u32..12, any::<u32>(), any::<u32>(), any::<u32>());
        let texts = ("[A-Za-z_]{0,20}", "[A-Z ()0-9]{0,20}", "[ -~äöü€]{0,20}");
        let methods = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..3);
        let values = prop::collection::vec(("[a-z]{0,8}", any::<[u8; 12]>()), 0..3);
        (numbers, texts, dimensions(), any::<[u8; 16]>(), attributes(), methods, values).prop_map(
            |(n, (name, type_name, comment), dimensions, guid, attributes, methods, values)| {
                let (size, flags) = (n.3, n.6);
                let has = |flag| flags & flag != 0;
                let cut = |bytes: [u8; 12]| bytes[..size as usize].to_vec();
                DataType {
                    version: n.0,
                    hash: n.1,
                    type_hash: n.2,
                    size,
                    offset: n.4,
                    type_id: n.5,
                    flags,
                    name,
                    type_name,
                    comment,
                    dimensions,
                    items: Vec::new(),
                    guid: has(TYPE_GUID).then_some(guid),
                    copy_mask: if has(COPY_MASK) { vec![1; size as usize] } else { Vec::new() },
                    methods: if has(METHODS) { methods } else { Vec::new() },
                    attributes: if has(ATTRIBUTES) { attributes } else { Vec::new() },
                    values: if has(ENUM_VALUES) {
                        values.into_iter().map(|(name, value)| (name, cut(value))).collect()
                    } else {
                        Vec::new()
                    },
                }
            },
        )
    }

    fn data_type() -> impl Strategy<Value = DataType> {
        leaf().prop_recursive(3, 8, 3, |inner| {
            (leaf(), prop::collection::vec(inner, 0..3)).prop_map(|(outer, items)| DataType { items, ..outer })
        })
    }

    proptest! {
        #[test]
        fn a_table_comes_back(types in prop::collection::vec(data_type(), 0..4)) {
            let bytes = encode(&types, CodePage::Windows1252);
            prop_assert_eq!(decode(&bytes, CodePage::Windows1252), Ok(types));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes, CodePage::Windows1252);
        }

        #[test]
        fn no_damage_to_a_table_makes_the_decoder_panic(
            types in prop::collection::vec(data_type(), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = encode(&types, CodePage::Windows1252);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode(&bytes, CodePage::Windows1252);
        }
    }

    #[test]
    fn parts_within_parts_are_bounded() {
        let nest = |inner: DataType| DataType { items: vec![inner], ..DataType::default() };
        let deep = (0..MOST_LEVELS).fold(DataType::default(), |inner, _| nest(inner));
        let error = decode(&encode(&[deep], CodePage::Utf8), CodePage::Utf8).unwrap_err();
        assert_eq!(error.to_string(), "a data type nests deeper than 8");
    }
}
