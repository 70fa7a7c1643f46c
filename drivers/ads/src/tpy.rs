//! `.tpy` files of TwinCAT 2: the symbols of a program as XML, with the spelling and the comments that the engineer wrote.
//!
//! Bounded in size, depth and count. Entities are not expanded but for the five of XML itself and numbers: a file that
//! declares its own is refused.

mod elements;

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::catalog::Program;
use crate::codec::text::CodePage;
use crate::error::Error;
use elements::Builder;

/// The largest file, in bytes.
pub(crate) const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Elements within elements.
const MOST_DEPTH: usize = 32;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Tpy {
    /// Net ID of the target, if the file names one.
    pub net_id: Option<String>,
    /// AMS port of the runtime.
    pub port: Option<u16>,
    /// Name of the target.
    pub target: Option<String>,
    /// Its variables and types.
    pub program: Program,
}

/// Reads a file.
///
/// # Errors
/// It cannot be read, is too large, or is no `.tpy` file.
pub fn load(file: &Path) -> Result<Tpy, Error> {
    let wrong = |reason: String| Error::Tpy { file: file.into(), reason };
    let size = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
    if size > MOST_BYTES {
        return Err(wrong(format!("it has {size} bytes, at most {MOST_BYTES} are read")));
    }
    let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    parse(&bytes).map_err(wrong)
}

/// Reads the text of a file, in UTF-8 or Windows-1252.
///
/// # Errors
/// It is no `.tpy` file; the reason says why.
pub fn parse(bytes: &[u8]) -> Result<Tpy, String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // A NUL would end it; XML has none.
        Err(_) => CodePage::Windows1252.decode(bytes),
    };
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut builder = Builder::default();
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(|error| format!("it is no XML: {error}"))? {
            Event::Start(element) => {
                depth += 1;
                if depth > MOST_DEPTH {
                    return Err(format!("its elements nest deeper than {MOST_DEPTH}"));
                }
                builder.open(&element)?;
            }
            Event::Empty(element) => {
                builder.open(&element)?;
                builder.close()?;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                builder.close()?;
            }
            Event::Text(text) => builder.text(&text),
            Event::CData(text) => builder.text(&text),
            Event::GeneralRef(reference) => {
                let resolved = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                let name: &str = &reference;
                let known = match name {
                    "lt" => "<",
                    "gt" => ">",
                    "amp" => "&",
                    "quot" => "\"",
                    "apos" => "'",
                    other if resolved.is_none() => return Err(format!("it uses the entity `{other:.40}`")),
                    _ => "",
                };
                let resolved = resolved.map_or(known.to_owned(), String::from);
                builder.text(&resolved);
            }
            Event::DocType(_) => return Err("it declares a document type, which no `.tpy` file does".into()),
            Event::Eof => return if depth == 0 { builder.finish() } else { Err("it is cut off".into()) },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
