//! What a simulated program declares: variables and types, laid out in memory.

use crate::catalog;
use crate::codec::groups::{DATA, INPUT_BITS, MEMORY};
use crate::codec::symbols::{Dimension, Symbol};
use crate::codec::types::{self, DataType};

/// A program while it is written.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The variables.
    pub symbols: Vec<Symbol>,
    /// The types.
    pub types: Vec<DataType>,
    next: u32,
}

/// A field of a structure: name, type, bytes.
pub type FieldOf<'a> = (&'a str, &'a str, u32);

/// The number of an elementary type.
pub(super) fn type_id(name: &str) -> u32 {
    match name {
        "INT" => 2,
        "DINT" => 3,
        "REAL" => 4,
        "LREAL" => 5,
        "SINT" => 16,
        "USINT" | "BYTE" => 17,
        "UINT" | "WORD" => 18,
        "UDINT" | "DWORD" | "TIME" | "TOD" | "TIME_OF_DAY" | "DATE" | "DT" | "DATE_AND_TIME" => 19,
        "LINT" => 20,
        "ULINT" | "LWORD" => 21,
        "BOOL" | "BIT" => 33,
        name if name.starts_with("WSTRING") => 31,
        name if name.starts_with("STRING") => 30,
        _ => 65,
    }
}

/// Alignment of a variable: its size, at most eight bytes.
fn aligned(offset: u32, type_name: &str, size: u32) -> u32 {
    let to = match type_id(type_name) {
        30 | 33 => 1,
        31 => 2,
        65 => 8,
        _ => size.clamp(1, 8),
    };
    offset.next_multiple_of(to)
}

impl Program {
    /// Declares a structure; fields are aligned as the compiler of TwinCAT 3 does. Gives its size.
    pub fn structure(&mut self, name: &str, fields: &[FieldOf<'_>]) -> u32 {
        let mut end = 0;
        let mut items = Vec::new();
        for (field, kind, size) in fields {
            let offset = aligned(end, kind, *size);
            end = offset + size;
            items.push(DataType {
                version: 1,
                name: (*field).into(),
                type_name: (*kind).into(),
                offset,
                size: *size,
                type_id: type_id(kind),
                flags: types::ITEM,
                ..DataType::default()
            });
        }
        let size = end.next_multiple_of(8);
        self.add_type(DataType { name: name.into(), size, items, type_id: 65, ..DataType::default() });
        size
    }

    /// Declares an enumeration of INT.
    pub fn enumeration(&mut self, name: &str, values: &[(&str, i16)]) {
        let values = values.iter().map(|(name, n)| ((*name).to_owned(), n.to_le_bytes().to_vec())).collect();
        self.add_type(DataType {
            name: name.into(),
            type_name: "INT".into(),
            size: 2,
            type_id: 2,
            flags: types::ENUM_VALUES,
            values,
            ..DataType::default()
        });
    }

    /// Declares an array type; gives its name.
    pub fn array(&mut self, lower: i32, count: u32, element: &str, element_size: u32) -> String {
        let upper = i64::from(lower) + i64::from(count) - 1;
        let name = format!("ARRAY [{lower}..{upper}] OF {element}");
        self.add_type(DataType {
            name: name.clone(),
            type_name: element.into(),
            size: count * element_size,
            type_id: type_id(element),
            dimensions: vec![Dimension { lower, count }],
            ..DataType::default()
        });
        name
    }

    fn add_type(&mut self, data_type: DataType) {
        if !self.types.iter().any(|known| known.name == data_type.name) {
            self.types.push(DataType { version: 1, flags: data_type.flags | 1, ..data_type });
        }
    }

    /// Declares a variable in the data of the program.
    pub fn variable(&mut self, name: &str, type_name: &str, size: u32, comment: &str) {
        let offset = aligned(self.next, type_name, size);
        self.next = offset + size;
        self.at(DATA, offset, name, type_name, size, comment);
    }

    /// Declares a variable at a place of its own, for example `%M` or an input bit.
    pub fn at(&mut self, group: u32, offset: u32, name: &str, type_name: &str, size: u32, comment: &str) {
        self.symbols.push(Symbol {
            group,
            offset,
            size,
            type_id: self.id_of(type_name),
            name: name.into(),
            type_name: type_name.into(),
            comment: comment.into(),
            ..Symbol::default()
        });
    }

    fn id_of(&self, type_name: &str) -> u32 {
        let known = self.types.iter().find(|known| known.name == type_name && known.type_id != 65);
        known.map_or_else(|| type_id(type_name), |known| known.type_id)
    }

    /// Declares an input bit; the offset counts bits.
    pub fn input(&mut self, bit: u32, name: &str, comment: &str) {
        self.at(INPUT_BITS, bit, name, "BOOL", 1, comment);
    }

    /// Declares a marker, `%M`.
    pub fn marker(&mut self, byte: u32, name: &str, type_name: &str, size: u32, comment: &str) {
        self.at(MEMORY, byte, name, type_name, size, comment);
    }

    /// Leaves a gap, so that all that is declared later lies elsewhere than before, as after an online change.
    pub fn gap(&mut self, bytes: u32) {
        self.next += bytes;
    }

    /// The same as a device tells it.
    pub fn listing(&self) -> catalog::Program {
        catalog::Program { symbols: self.symbols.clone(), types: self.types.clone() }
    }
}
