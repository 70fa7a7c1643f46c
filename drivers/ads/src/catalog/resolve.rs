//! From a name to a place in the device.

use crate::codec::groups::counts_bits;
use crate::codec::symbols;
use crate::error::Error;
use crate::layout::{Declared, Layout, fold};

use super::{Catalog, Entry, Place, Source};

/// The longest name that is looked at, in bytes.
pub(crate) const MOST_NAME: usize = 512;

/// Parts of parts that are followed.
const MOST_STEPS: usize = 64;

impl Catalog {
    /// Where the variable or part with this name lies, in any case.
    ///
    /// # Errors
    /// There is none; the error has names that look like it. Or it stands in the `.tpy` file only.
    pub fn resolve(&self, tag: &str) -> Result<Place, Error> {
        let unknown = || Error::UnknownSymbol { tag: tag.chars().take(200).collect(), names: self.near(tag) };
        self.find(tag)?.ok_or_else(unknown)
    }

    /// The same without near names; none if there is no such variable.
    ///
    /// # Errors
    /// It stands in the `.tpy` file only.
    pub fn find(&self, tag: &str) -> Result<Option<Place>, Error> {
        if tag.len() > MOST_NAME {
            return Ok(None);
        }
        let folded = fold(tag);
        let Some((number, entry)) = self.longest_symbol(&folded) else { return Ok(None) };
        if entry.source == Source::File && self.from_device {
            return Err(Error::UnknownType {
                tag: tag.into(),
                kind: entry.symbol.type_name.clone(),
                reason: "it stands in the `.tpy` file and not in the program of the device",
            });
        }
        let mut place = self.whole(number, entry);
        let rest = folded.get(entry.folded.len()..).unwrap_or_default();
        if !rest.is_empty() && step_down(&mut place, rest).is_none() {
            return Ok(None);
        }
        Ok(Some(place))
    }

    /// The symbol that is the name, or the longest one that the name goes into.
    fn longest_symbol(&self, folded: &str) -> Option<(u32, &Entry)> {
        let whole = std::iter::once(folded.len());
        let ends = whole.chain(folded.char_indices().rev().filter(|(_, c)| matches!(c, '.' | '[')).map(|(at, _)| at));
        let number = ends.take(MOST_STEPS).find_map(|end| self.by_name.get(folded.get(..end)?).copied())?;
        Some((number, self.entries.get(number as usize)?))
    }

    /// Whether a symbol can be read with the types that are known.
    pub fn reads(&self, symbol: &symbols::Symbol) -> bool {
        !matches!(self.layout_of(symbol), Layout::Unknown(_))
    }

    fn layout_of(&self, symbol: &symbols::Symbol) -> Layout {
        if symbol.flags & symbols::REFERENCE != 0 && matches!(symbol.size, 4 | 8) {
            return Layout::Pointer(symbol.size);
        }
        self.types.layout(Declared {
            type_name: &symbol.type_name,
            type_id: symbol.type_id,
            size: symbol.size,
            dimensions: &symbol.dimensions,
        })
    }

    /// The place of a whole symbol.
    pub(super) fn whole(&self, number: u32, entry: &Entry) -> Place {
        let symbol = &entry.symbol;
        let layout = self.layout_of(symbol);
        let read_only = (symbol.flags & symbols::READ_ONLY != 0).then_some("the PLC program declares it read-only");
        Place {
            name: symbol.name.clone(),
            symbol: number,
            group: symbol.group,
            offset: symbol.offset,
            size: symbol.size,
            bit: 0,
            layout,
            type_name: symbol.type_name.clone(),
            read_only,
        }
    }
}

impl Place {
    /// Goes into a part: `offset` and `size` in bytes.
    fn enter(&mut self, offset: u32, size: u32, bit: u8) -> Option<()> {
        let shift = if counts_bits(self.group) { offset.checked_mul(8)?.checked_add(bit.into())? } else { offset };
        self.offset = self.offset.checked_add(shift)?;
        self.size = size;
        self.bit = if counts_bits(self.group) { 0 } else { bit };
        Some(())
    }

    /// Goes into the field with this name.
    pub(super) fn field(&mut self, name: &str) -> Option<()> {
        let Layout::Structure(structure) = self.layout.clone() else { return None };
        let field = structure.field(name)?;
        self.enter(field.offset, field.size, field.bit.unwrap_or(0))?;
        self.name = format!("{}.{}", self.name, field.name);
        self.type_name = field.type_name.to_string();
        self.layout = field.layout.clone();
        Some(())
    }

    /// Goes into the element with this number, from 0.
    pub(super) fn element(&mut self, number: u32) -> Option<()> {
        let Layout::Array(array) = self.layout.clone() else { return None };
        self.enter(number.checked_mul(array.stride)?, array.stride, 0)?;
        self.name.push_str(&array.indices(number));
        self.type_name = array.type_name.to_string();
        self.layout = array.element.clone();
        Some(())
    }

    /// Goes into the element with these indices: `3`, `0,1`.
    fn indices(&mut self, text: &str) -> Option<()> {
        let Layout::Array(array) = &self.layout else { return None };
        let indices = text.split(',').map(|index| index.trim().parse().ok()).collect::<Option<Vec<i64>>>()?;
        let number = array.number(&indices)?;
        self.element(number)
    }
}

/// Follows `.field` and `[index]` from a symbol.
fn step_down(place: &mut Place, mut rest: &str) -> Option<()> {
    for _ in 0..MOST_STEPS {
        if rest.is_empty() {
            return Some(());
        }
        if let Some(inner) = rest.strip_prefix('[') {
            let (indices, after) = inner.split_once(']')?;
            place.indices(indices)?;
            rest = after;
        } else {
            let inner = rest.strip_prefix('.')?;
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            place.field(inner.get(..end)?)?;
            rest = inner.get(end..)?;
        }
    }
    None
}
