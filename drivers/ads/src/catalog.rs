//! The variables of one program: found by name in any case, shown as a tree, searched.
//!
//! A name is a symbol of the table, or a part of one: `MAIN.fbBattery.fVoltage`, `MAIN.aTemp[3]`. Parts have no entry of
//! their own in TwinCAT 3; they are cut from their symbol by its [`Layout`].

mod near;
mod resolve;
mod tree;

use std::cell::Cell;
use std::collections::HashMap;

use crate::codec::symbols::Symbol;
use crate::codec::text::CodePage;
use crate::layout::{Layout, TypeTable, fold};

/// Wrong names in a row that are compared with all others: each costs some milliseconds, and who has many has one mistake.
const MOST_NEAR: u32 = 20;

/// Where the description of a symbol comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The device.
    Device,
    /// The `.tpy` file alone: the device does not have it.
    File,
    /// The device, with spelling and comment of the `.tpy` file.
    Both,
}

impl Source {
    /// As the tree shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::File => ".tpy file only",
            Self::Both => "device and .tpy file",
        }
    }
}

/// One symbol with what belongs to it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) symbol: Symbol,
    pub(crate) source: Source,
    folded: Box<str>,
}

/// A variable or a part of one, and where it lies.
#[derive(Debug, Clone)]
pub struct Place {
    /// The name in its canonical spelling.
    pub name: String,
    /// The number of its symbol.
    pub symbol: u32,
    /// Index group.
    pub group: u32,
    /// Index offset.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// Which bit of the first byte, for a part that is one.
    pub bit: u8,
    /// How to read it.
    pub layout: Layout,
    /// The name of its type.
    pub type_name: String,
    /// Why it cannot be written, if so.
    pub read_only: Option<&'static str>,
}

/// The variables of one program.
#[derive(Debug, Default)]
pub struct Catalog {
    entries: Vec<Entry>,
    by_name: HashMap<Box<str>, u32>,
    /// Numbers of the entries, by folded name.
    order: Vec<u32>,
    types: TypeTable,
    /// How 8-bit text is written.
    pub page: CodePage,
    /// Whether the device gave a table; without one, addresses of a file are used.
    from_device: bool,
    /// How many more wrong names are compared with all others.
    near_left: Cell<u32>,
}

/// What a `.tpy` file says.
#[derive(Debug, Default)]
pub struct Program {
    /// Its variables.
    pub symbols: Vec<Symbol>,
    /// Its types.
    pub types: Vec<crate::codec::types::DataType>,
}

impl Catalog {
    /// The variables of a program: of the device if it gave a table, of the file, or of both merged. Spelling and comments
    /// come from the file where it has the symbol; what there is, and where, comes from the device.
    pub fn new(device: Option<Program>, file: Option<&Program>, page: CodePage) -> Self {
        let from_device = device.is_some();
        let near_left = Cell::new(MOST_NEAR);
        let mut catalog = Self { page, from_device, near_left, ..Self::default() };
        let device = device.unwrap_or_default();
        for symbol in device.symbols {
            catalog.add(symbol, Source::Device);
        }
        catalog.types = TypeTable::new(device.types);
        if let Some(file) = file {
            file.symbols.iter().for_each(|symbol| catalog.merge(symbol));
            file.types.iter().for_each(|data_type| catalog.types.add(data_type.clone()));
        }
        catalog.sort();
        catalog
    }

    fn add(&mut self, symbol: Symbol, source: Source) {
        let folded: Box<str> = fold(&symbol.name).into();
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        if !self.by_name.contains_key(&folded) {
            self.by_name.insert(folded.clone(), number);
            self.entries.push(Entry { symbol, source, folded });
        }
    }

    fn merge(&mut self, symbol: &Symbol) {
        let known = self.by_name.get(fold(&symbol.name).as_str()).copied();
        match known.and_then(|number| self.entries.get_mut(number as usize)) {
            None => self.add(symbol.clone(), Source::File),
            Some(entry) => {
                entry.symbol.name.clone_from(&symbol.name);
                if !symbol.comment.is_empty() {
                    entry.symbol.comment.clone_from(&symbol.comment);
                }
                entry.source = Source::Both;
            }
        }
    }

    fn sort(&mut self) {
        self.order = (0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX)).collect();
        let entries = &self.entries;
        self.order.sort_by(|&a, &b| entries[a as usize].folded.cmp(&entries[b as usize].folded));
    }

    /// Adds what a device told of one name, so that it need not be asked again.
    pub fn learn(&mut self, symbol: Symbol) {
        self.add(symbol, Source::Device);
        self.sort();
    }

    /// Adds a type that a device told.
    pub fn learn_type(&mut self, data_type: crate::codec::types::DataType) {
        self.types.add(data_type);
    }

    /// Whether there is a type of this name.
    pub fn knows_type(&self, name: &str) -> bool {
        self.types.knows(name)
    }

    /// Wrong names may be compared with all others again.
    pub fn refill_near(&self) {
        self.near_left.set(MOST_NEAR);
    }

    /// Whether it holds only what a file says, since the device told no symbols: then there are no handles either.
    pub fn is_from_file(&self) -> bool {
        !self.from_device && !self.is_empty() && self.entries.iter().all(|entry| entry.source == Source::File)
    }

    /// How many symbols there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries from the first whose folded name is not less than `from`, in order.
    fn from(&self, from: &str) -> impl Iterator<Item = (u32, &Entry)> {
        let start = self.order.partition_point(|&number| &*self.entries[number as usize].folded < from);
        self.order[start..].iter().map(|&number| (number, &self.entries[number as usize]))
    }
}

#[cfg(test)]
mod tests;
