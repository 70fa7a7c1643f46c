//! How the bytes of a variable are to be read: from the name of its type and the program's data type table to a tree.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use fieldrail_model::IecType;

use crate::codec::symbols::Dimension;
use crate::codec::types::{self, DataType};

/// Types within types; what nests deeper cannot be read.
const MOST_LEVELS: usize = 16;

/// The most elements of one array.
const MOST_ELEMENTS: u32 = 1_000_000;

/// The most bounds of one array; the languages of IEC 61131-3 have three. Each becomes a list within a list.
const MOST_DIMENSIONS: usize = 6;

/// How bytes are to be read. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Layout {
    /// An elementary type of fixed size.
    Elementary(IecType),
    /// One bit of a byte.
    Bit,
    /// `STRING(n)`: so many bytes, the NUL included.
    Text(u32),
    /// `WSTRING(n)`: so many bytes, the NUL of two bytes included.
    WideText(u32),
    /// An integer whose values have names.
    Enumeration(Arc<Enumeration>),
    /// An address inside the device: shown as a number, never written.
    Pointer(u32),
    /// Named parts.
    Structure(Arc<Structure>),
    /// Numbered parts.
    Array(Arc<Array>),
    /// It cannot be read, and why.
    Unknown(&'static str),
}

/// An integer whose values have names.
#[derive(Debug)]
pub struct Enumeration {
    /// The type on the wire.
    pub base: IecType,
    /// Names and values, as declared.
    pub values: Vec<(String, i128)>,
}

/// Named parts.
#[derive(Debug)]
pub struct Structure {
    /// The parts, as declared.
    pub fields: Vec<Field>,
}

/// One part of a structure.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: Box<str>,
    /// The name of its type.
    pub type_name: Box<str>,
    /// What the engineer wrote beside it.
    pub comment: Box<str>,
    /// Where it begins, in bytes.
    pub offset: u32,
    /// Which bit of that byte, if it is one.
    pub bit: Option<u8>,
    /// Bytes.
    pub size: u32,
    /// How to read it.
    pub layout: Layout,
}

impl Structure {
    /// The part with this name, in any case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }
}

/// Numbered parts.
#[derive(Debug)]
pub struct Array {
    /// The bounds; the last index runs fastest.
    pub dimensions: Vec<Dimension>,
    /// The name of the element's type.
    pub type_name: Box<str>,
    /// Bytes of one element.
    pub stride: u32,
    /// How to read one element.
    pub element: Layout,
}

impl Array {
    /// How many elements there are.
    pub fn count(&self) -> u32 {
        self.dimensions.iter().map(|dimension| dimension.count).product()
    }

    /// The number of an element, from 0, from one index for each dimension.
    pub fn number(&self, indices: &[i64]) -> Option<u32> {
        if indices.len() != self.dimensions.len() {
            return None;
        }
        let mut number = 0_u32;
        for (index, dimension) in indices.iter().zip(&self.dimensions) {
            let at = u32::try_from(index.checked_sub(dimension.lower.into())?).ok()?;
            if at >= dimension.count {
                return None;
            }
            number = number.checked_mul(dimension.count)?.checked_add(at)?;
        }
        Some(number)
    }

    /// The indices of an element, as a tag has them: `[1]`, `[0,3]`.
    pub fn indices(&self, number: u32) -> String {
        let mut rest = number;
        let mut indices: Vec<String> = Vec::new();
        for dimension in self.dimensions.iter().rev() {
            let count = dimension.count.max(1);
            indices.push((i64::from(dimension.lower) + i64::from(rest % count)).to_string());
            rest /= count;
        }
        indices.reverse();
        format!("[{}]", indices.join(","))
    }
}

/// The data types of one program.
#[derive(Debug, Default)]
pub struct TypeTable {
    by_name: HashMap<String, DataType>,
    known: RefCell<HashMap<(String, u32), Layout>>,
}

/// Upper and lower case are the same in IEC 61131-3.
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// What is known of a variable when its layout is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'a> {
    /// The name of its type.
    pub type_name: &'a str,
    /// Number of the elementary type.
    pub type_id: u32,
    /// Bytes.
    pub size: u32,
    /// Bounds, where the table gives them beside the type.
    pub dimensions: &'a [Dimension],
}

impl TypeTable {
    /// A table of these types; of two with one name the first holds.
    pub fn new(types: impl IntoIterator<Item = DataType>) -> Self {
        let mut table = Self::default();
        for data_type in types {
            table.add(data_type);
        }
        table
    }

    /// Adds a type, unless there is one of this name.
    pub fn add(&mut self, data_type: DataType) {
        self.by_name.entry(fold(&data_type.name)).or_insert(data_type);
        self.known.borrow_mut().clear();
    }

    /// Whether there is a type of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(&fold(name))
    }

    /// All types.
    pub fn iter(&self) -> impl Iterator<Item = &DataType> {
        self.by_name.values()
    }

    /// How a variable is to be read.
    pub fn layout(&self, declared: Declared<'_>) -> Layout {
        self.level(declared, MOST_LEVELS)
    }

    fn level(&self, declared: Declared<'_>, levels: usize) -> Layout {
        let key = (fold(declared.type_name), declared.size);
        let declared = self.without_needless_bounds(declared);
        let cacheable = declared.dimensions.is_empty();
        if cacheable && let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let Some(levels) = levels.checked_sub(1) else { return Layout::Unknown("it nests too deep") };
        let layout = self.find(declared, levels);
        if cacheable {
            self.known.borrow_mut().insert(key, layout.clone());
        }
        layout
    }

    /// A type of the same size has its bounds itself. What remains does not depend on where it is used, and is kept: without
    /// that, types that use each other twice would be worked out for ever.
    fn without_needless_bounds<'a>(&self, declared: Declared<'a>) -> Declared<'a> {
        let known = self.by_name.get(&fold(declared.type_name.trim()));
        let is_whole = known.is_some_and(|known| known.size == declared.size);
        if is_whole { Declared { dimensions: &[], ..declared } } else { declared }
    }

    fn find(&self, declared: Declared<'_>, levels: usize) -> Layout {
        let Declared { type_name, type_id, size, dimensions } = declared;
        let name = type_name.trim();
        if let Some((dimensions, element)) = array_of(name) {
            return self.array(&dimensions, element, type_id, size, levels);
        }
        let known = self.by_name.get(&fold(name));
        if !dimensions.is_empty() {
            return self.array(dimensions, name, type_id, size, levels);
        }
        if let Some(elementary) = by_words(name, size) {
            return elementary;
        }
        if let Some(data_type) = known {
            return self.of_type(data_type, size, levels);
        }
        by_number(type_id, size).unwrap_or(Layout::Unknown("the program's type table does not have it"))
    }

    fn of_type(&self, data_type: &DataType, size: u32, levels: usize) -> Layout {
        let t = data_type;
        if t.flags & types::BITS == 0 && t.size != size {
            return Layout::Unknown("its size in the symbol table is not that of its type");
        }
        if t.flags & types::REFERENCE != 0 {
            return Layout::Pointer(size);
        }
        if !t.dimensions.is_empty() {
            return self.array(&t.dimensions, &t.type_name, t.type_id, size, levels);
        }
        if !t.items.is_empty() {
            let fields = t.items.iter().filter(|item| item.flags & (types::PROPERTY | types::STATIC) == 0);
            let fields = fields.map(|item| self.field(item, size, levels)).collect();
            return Layout::Structure(Arc::new(Structure { fields }));
        }
        if !t.values.is_empty() {
            return self.enumeration(t, size, levels);
        }
        if t.type_name.is_empty() || t.type_name.eq_ignore_ascii_case(&t.name) {
            return by_number(t.type_id, size).unwrap_or(Layout::Unknown("its type table entry says nothing of it"));
        }
        self.level(Declared { type_name: &t.type_name, type_id: t.type_id, size, dimensions: &[] }, levels)
    }

    fn field(&self, item: &DataType, parent: u32, levels: usize) -> Field {
        let in_bits = item.flags & types::BITS != 0;
        let (offset, bit) = if in_bits { (item.offset / 8, Some(item.offset % 8)) } else { (item.offset, None) };
        let size = if in_bits { 1 } else { item.size };
        let fits = offset.checked_add(size).is_some_and(|end| end <= parent);
        let layout = if !fits {
            Layout::Unknown("it lies outside of its structure")
        } else if in_bits && item.size == 1 {
            Layout::Bit
        } else if in_bits {
            Layout::Unknown("it is a field of several bits")
        } else if item.flags & types::REFERENCE != 0 {
            Layout::Pointer(size)
        } else {
            let dimensions = &item.dimensions;
            self.level(Declared { type_name: &item.type_name, type_id: item.type_id, size, dimensions }, levels)
        };
        Field {
            name: item.name.as_str().into(),
            type_name: item.type_name.as_str().into(),
            comment: item.comment.as_str().into(),
            offset,
            bit: bit.and_then(|bit| u8::try_from(bit).ok()),
            size,
            layout,
        }
    }

    fn array(&self, dimensions: &[Dimension], element: &str, type_id: u32, size: u32, levels: usize) -> Layout {
        if dimensions.len() > MOST_DIMENSIONS {
            return Layout::Unknown("it is an array with too many bounds");
        }
        let count = dimensions.iter().try_fold(1_u32, |count, d| count.checked_mul(d.count));
        let count = match count {
            Some(0) | None => return Layout::Unknown("it is an array without elements, or with too many"),
            Some(count) if count > MOST_ELEMENTS || !size.is_multiple_of(count) => {
                return Layout::Unknown("its bounds do not fit its size");
            }
            Some(count) => count,
        };
        let stride = size / count;
        let declared = Declared { type_name: element, type_id, size: stride, dimensions: &[] };
        match self.level(declared, levels) {
            unknown @ Layout::Unknown(_) => unknown,
            layout => Layout::Array(Arc::new(Array {
                dimensions: dimensions.to_vec(),
                type_name: element.into(),
                stride,
                element: layout,
            })),
        }
    }

    fn enumeration(&self, t: &DataType, size: u32, levels: usize) -> Layout {
        let named = !t.type_name.is_empty() && !t.type_name.eq_ignore_ascii_case(&t.name);
        let declared = Declared { type_name: &t.type_name, type_id: t.type_id, size, dimensions: &[] };
        let base = if named { Some(self.level(declared, levels)) } else { by_number(t.type_id, size) };
        let Some(Layout::Elementary(base)) = base else { return Layout::Unknown("it enumerates no integers") };
        let Some((low, _)) = base.integers() else { return Layout::Unknown("it enumerates no integers") };
        let value = |bytes: &[u8]| integer(bytes, low < 0);
        let values = t.values.iter().map(|(name, bytes)| (name.clone(), value(bytes))).collect();
        Layout::Enumeration(Arc::new(Enumeration { base, values }))
    }
}

/// The integer in up to eight little-endian bytes.
pub fn integer(bytes: &[u8], signed: bool) -> i128 {
    let mut wide = [0_u8; 16];
    let count = bytes.len().min(8);
    wide[..count].copy_from_slice(&bytes[..count]);
    let negative = signed && bytes.get(count.wrapping_sub(1)).is_some_and(|&byte| byte >= 0x80);
    if negative {
        wide[count..].fill(0xff);
    }
    i128::from_le_bytes(wide)
}

/// Bytes of an elementary type of fixed size.
pub fn size_of(iec: IecType) -> Option<u32> {
    Some(match iec {
        IecType::Bool | IecType::Sint | IecType::Usint | IecType::Byte => 1,
        IecType::Int | IecType::Uint | IecType::Word => 2,
        IecType::Dint
        | IecType::Udint
        | IecType::Dword
        | IecType::Real
        | IecType::Time
        | IecType::Date
        | IecType::Tod
        | IecType::Dt => 4,
        IecType::Lint
        | IecType::Ulint
        | IecType::Lword
        | IecType::Lreal
        | IecType::Ltime
        | IecType::Ldate
        | IecType::Ltod
        | IecType::Ldt => 8,
        IecType::String | IecType::Wstring | IecType::Bytes | IecType::Json => return None,
    })
}

/// The layout of a type whose name says it all. TwinCAT 2 has names of its own beside those of the standard.
fn by_words(name: &str, size: u32) -> Option<Layout> {
    let upper = name.to_ascii_uppercase();
    if let Some(rest) = upper.strip_prefix("WSTRING") {
        return text_size(rest, size).map(|()| Layout::WideText(size)).filter(|_| size >= 2 && size.is_multiple_of(2));
    }
    if let Some(rest) = upper.strip_prefix("STRING") {
        return text_size(rest, size).map(|()| Layout::Text(size)).filter(|_| size >= 1);
    }
    if ["POINTER TO ", "REFERENCE TO "].iter().any(|prefix| upper.starts_with(prefix)) || upper == "PVOID" {
        return Some(pointer(size));
    }
    // A subrange: `INT (0..100)`.
    let word = upper.split(" (").next().unwrap_or(&upper).trim();
    let iec = match word {
        "BOOL" | "BIT" => IecType::Bool,
        "SINT" | "INT8" => IecType::Sint,
        "INT" | "INT16" => IecType::Int,
        "DINT" | "INT32" => IecType::Dint,
        "LINT" | "INT64" => IecType::Lint,
        "USINT" | "UINT8" => IecType::Usint,
        "UINT" | "UINT16" => IecType::Uint,
        "UDINT" | "UINT32" => IecType::Udint,
        "ULINT" | "UINT64" => IecType::Ulint,
        "BYTE" | "BITARR8" => IecType::Byte,
        "WORD" | "BITARR16" => IecType::Word,
        "DWORD" | "BITARR32" => IecType::Dword,
        "LWORD" => IecType::Lword,
        "REAL" | "REAL32" | "FLOAT" => IecType::Real,
        "LREAL" | "REAL64" | "DOUBLE" => IecType::Lreal,
        "TIME" => IecType::Time,
        "LTIME" => IecType::Ltime,
        "DATE" => IecType::Date,
        "LDATE" => IecType::Ldate,
        "TOD" | "TIME_OF_DAY" => IecType::Tod,
        "LTOD" | "LTIME_OF_DAY" => IecType::Ltod,
        "DT" | "DATE_AND_TIME" => IecType::Dt,
        "LDT" | "LDATE_AND_TIME" => IecType::Ldt,
        "XINT" | "__XINT" => {
            if size == 4 {
                IecType::Dint
            } else {
                IecType::Lint
            }
        }
        "UXINT" | "__UXINT" => {
            if size == 4 {
                IecType::Udint
            } else {
                IecType::Ulint
            }
        }
        "XWORD" | "__XWORD" => {
            if size == 4 {
                IecType::Dword
            } else {
                IecType::Lword
            }
        }
        _ => return None,
    };
    let fits = size_of(iec) == Some(size);
    Some(if fits { Layout::Elementary(iec) } else { Layout::Unknown("its size is not that of its type") })
}

/// What follows `STRING`: nothing, or a length in brackets.
fn text_size(rest: &str, _size: u32) -> Option<()> {
    let rest = rest.trim();
    let inner = rest.strip_prefix('(').or(rest.strip_prefix('[')).map(|rest| rest.trim_end_matches([')', ']']));
    let is_text = rest.is_empty() || inner.is_some_and(|inner| inner.trim().bytes().all(|byte| byte.is_ascii_digit()));
    is_text.then_some(())
}

fn pointer(size: u32) -> Layout {
    if matches!(size, 4 | 8) { Layout::Pointer(size) } else { Layout::Unknown("a pointer of an unusual size") }
}

/// `ARRAY [0..4] OF INT`, `ARRAY[0..1, 1..3] OF ST_X`.
fn array_of(name: &str) -> Option<(Vec<Dimension>, &str)> {
    let prefix = name.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("array"))?;
    let (bounds, rest) = name[prefix.len()..].trim_start().strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    let of = rest.get(..3).filter(|of| of.eq_ignore_ascii_case("of "))?;
    let dimension = |bounds: &str| {
        let (lower, upper) = bounds.split_once("..")?;
        let (lower, upper) = (lower.trim().parse::<i32>().ok()?, upper.trim().parse::<i32>().ok()?);
        let count = u32::try_from(i64::from(upper) - i64::from(lower) + 1).ok()?;
        Some(Dimension { lower, count })
    };
    let dimensions = bounds.split(',').map(dimension).collect::<Option<Vec<_>>>()?;
    Some((dimensions, rest[of.len()..].trim()))
}

/// The layout of an elementary type by its number, if the size is right.
fn by_number(type_id: u32, size: u32) -> Option<Layout> {
    let iec = match type_id {
        2 => IecType::Int,
        3 => IecType::Dint,
        4 => IecType::Real,
        5 => IecType::Lreal,
        16 => IecType::Sint,
        17 => IecType::Usint,
        18 => IecType::Uint,
        19 => IecType::Udint,
        20 => IecType::Lint,
        21 => IecType::Ulint,
        30 if size >= 1 => return Some(Layout::Text(size)),
        31 if size >= 2 && size.is_multiple_of(2) => return Some(Layout::WideText(size)),
        33 => IecType::Bool,
        _ => return None,
    };
    (size_of(iec) == Some(size)).then_some(Layout::Elementary(iec))
}

#[cfg(test)]
mod tests;
