//! From the elements of a `.tpy` file to symbols and types.

use quick_xml::events::BytesStart;

use crate::codec::symbols::{Dimension, Symbol};
use crate::codec::types::{self, DataType};

use super::Tpy;

/// The most symbols, types, and parts of a type.
const MOST: usize = 200_000;

/// The longest text of one element, in bytes.
const MOST_TEXT: usize = 64 * 1024;

/// The elements that are open, and what was gathered.
#[derive(Default)]
pub(super) struct Builder {
    path: Vec<String>,
    text: String,
    seen_root: bool,
    tpy: Tpy,
    symbol: Raw,
    data_type: DataType,
    item: Raw,
    lower: i32,
    enum_name: String,
    enum_value: i64,
    enumeration: Vec<(String, i64)>,
    parts: usize,
}

/// What symbols and parts of types have in common.
#[derive(Default)]
struct Raw {
    name: String,
    type_name: String,
    is_pointer: bool,
    comment: String,
    group: u32,
    offset: u32,
    bits: u32,
    bit_offset: u32,
}

fn number<T: TryFrom<i64> + Default>(text: &str) -> T {
    text.trim().parse::<i64>().ok().and_then(|n| T::try_from(n).ok()).unwrap_or_default()
}

impl Builder {
    pub(super) fn open(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let name = element.local_name().as_ref().to_owned();
        if self.path.is_empty() {
            if name != "PlcProjectInfo" {
                return Err(format!("its root is `{name:.40}`, that of a `.tpy` file is `PlcProjectInfo`"));
            }
            self.seen_root = true;
        }
        self.text.clear();
        match name.as_str() {
            "Symbol" => self.symbol = Raw::default(),
            "DataType" => self.data_type = DataType::default(),
            "SubItem" => self.item = Raw::default(),
            "Type" => {
                let is_pointer = element.attributes().flatten().any(|attribute| {
                    attribute.key.as_ref() == "Pointer" && attribute.value.eq_ignore_ascii_case("true")
                });
                let raw = if self.is_in("SubItem") { &mut self.item } else { &mut self.symbol };
                raw.is_pointer = is_pointer;
            }
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    fn is_in(&self, name: &str) -> bool {
        self.path.iter().any(|open| open == name)
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.text.len() + text.len() <= MOST_TEXT {
            self.text.push_str(text);
        }
    }

    pub(super) fn close(&mut self) -> Result<(), String> {
        let Some(name) = self.path.pop() else { return Err("it closes what was not open".into()) };
        let text = std::mem::take(&mut self.text);
        let parent = self.path.last().map(String::as_str).unwrap_or_default();
        match parent {
            "AdsInfo" => self.ads_info(&name, &text),
            "Symbol" => self.symbol_part(&name, &text),
            "SubItem" => item_part(&mut self.item, &name, &text),
            "ArrayInfo" => self.array_part(&name, &text),
            "EnumInfo" => match name.as_str() {
                "Text" | "Name" => self.enum_name = text.trim().into(),
                "Enum" | "Value" => self.enum_value = number(&text),
                _ => {}
            },
            "DataType" => self.type_part(&name, &text),
            _ => {}
        }
        match name.as_str() {
            "Symbol" | "DataType" | "SubItem" | "EnumInfo" | "ArrayInfo" => {
                self.parts += 1;
                if self.parts > MOST {
                    return Err(format!("it has more than {MOST} symbols and parts"));
                }
            }
            _ => {}
        }
        match name.as_str() {
            "Symbol" => self.end_symbol(),
            "SubItem" => self.end_item(),
            "EnumInfo" => self.enumeration.push((std::mem::take(&mut self.enum_name), self.enum_value)),
            "DataType" => self.end_type(),
            _ => {}
        }
        Ok(())
    }

    fn ads_info(&mut self, name: &str, text: &str) {
        match name {
            "NetId" => self.tpy.net_id = Some(text.trim().into()),
            "Port" => self.tpy.port = text.trim().parse().ok(),
            "TargetName" => self.tpy.target = Some(text.trim().into()),
            _ => {}
        }
    }

    fn symbol_part(&mut self, name: &str, text: &str) {
        match name {
            "Name" => self.symbol.name = text.trim().into(),
            "Type" => self.symbol.type_name = text.trim().into(),
            "Comment" => self.symbol.comment = text.trim().into(),
            "IGroup" => self.symbol.group = number(text),
            "IOffset" => self.symbol.offset = number(text),
            "BitSize" => self.symbol.bits = number(text),
            _ => {}
        }
    }

    fn type_part(&mut self, name: &str, text: &str) {
        match name {
            "Name" => self.data_type.name = text.trim().into(),
            "Type" => self.data_type.type_name = text.trim().into(),
            "Comment" => self.data_type.comment = text.trim().into(),
            "BitSize" => self.data_type.size = number::<u32>(text) / 8,
            _ => {}
        }
    }

    fn array_part(&mut self, name: &str, text: &str) {
        match name {
            "LBound" => self.lower = number(text),
            "Elements" => {
                self.data_type.dimensions.push(Dimension { lower: self.lower, count: number(text) });
            }
            _ => {}
        }
    }

    fn end_symbol(&mut self) {
        let raw = std::mem::take(&mut self.symbol);
        if raw.name.is_empty() {
            return;
        }
        self.tpy.program.symbols.push(Symbol {
            group: raw.group,
            offset: raw.offset,
            size: raw.bits.div_ceil(8),
            type_id: 65,
            type_name: raw.kind(),
            name: raw.name,
            comment: raw.comment,
            ..Symbol::default()
        });
    }

    fn end_item(&mut self) {
        let raw = std::mem::take(&mut self.item);
        let in_bits = !raw.bits.is_multiple_of(8) || !raw.bit_offset.is_multiple_of(8);
        self.data_type.items.push(DataType {
            size: if in_bits { raw.bits } else { raw.bits / 8 },
            offset: if in_bits { raw.bit_offset } else { raw.bit_offset / 8 },
            type_id: 65,
            flags: types::ITEM | if in_bits { types::BITS } else { 0 },
            type_name: raw.kind(),
            name: raw.name,
            comment: raw.comment,
            ..DataType::default()
        });
    }

    fn end_type(&mut self) {
        let mut data_type = std::mem::take(&mut self.data_type);
        let size = data_type.size as usize;
        data_type.type_id = 65;
        let values = std::mem::take(&mut self.enumeration).into_iter();
        data_type.values = values.map(|(name, n)| (name, n.to_le_bytes().into_iter().take(size).collect())).collect();
        // An enumeration of TwinCAT 2 names no type beneath it: it is an INT.
        if !data_type.values.is_empty() && data_type.type_name.is_empty() {
            data_type.type_id = match size {
                1 => 16,
                4 => 3,
                _ => 2,
            };
        }
        if !data_type.name.is_empty() {
            self.tpy.program.types.push(data_type);
        }
    }

    pub(super) fn finish(self) -> Result<Tpy, String> {
        if self.seen_root { Ok(self.tpy) } else { Err("it is empty".into()) }
    }
}

impl Raw {
    fn kind(&self) -> String {
        if self.is_pointer { format!("POINTER TO {}", self.type_name) } else { self.type_name.clone() }
    }
}

fn item_part(item: &mut Raw, name: &str, text: &str) {
    match name {
        "Name" => item.name = text.trim().into(),
        "Type" => item.type_name = text.trim().into(),
        "Comment" => item.comment = text.trim().into(),
        "BitSize" => item.bits = number(text),
        "BitOffs" => item.bit_offset = number(text),
        _ => {}
    }
}
