//! Bytes of the device to a value and back, by a [`Layout`]. Exact: what was read can be written and is the same again.
//!
//! Numbers, times and dates are as `docs/specs/values.md` has them. An enumeration is its number; a name is taken when it is
//! written. Structures and arrays are JSON documents, with `null` where a part cannot be read; writing one touches only
//! the parts that are named.

use fieldrail_model::{IecType, Value};
use serde_json::Value as Json;

use crate::codec::text::CodePage;
use crate::layout::{Array, Layout, Structure, integer, size_of};

/// The most leaves of one document.
const MOST_LEAVES: usize = 20_000;

/// Bytes beyond which a leaf counts as several: parts may lie over each other, each as long as the whole.
const LARGE_LEAF: usize = 1024;

/// Why a value is not taken, or bytes are not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Reason(pub String);

fn reason<T>(text: impl Into<String>) -> Result<T, Reason> {
    Err(Reason(text.into()))
}

/// Bytes that belong at an offset within a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// From the beginning of the variable, in bytes.
    pub offset: u32,
    /// What belongs there.
    pub bytes: Vec<u8>,
}

/// What the bytes say. `bit` is the bit of the first byte, for a [`Layout::Bit`].
///
/// # Errors
/// The layout is unknown, or the bytes are fewer than it needs.
pub fn decode(layout: &Layout, bit: u8, bytes: &[u8], page: CodePage) -> Result<Value, Reason> {
    match layout {
        Layout::Structure(_) | Layout::Array(_) => {
            let mut leaves = MOST_LEAVES;
            let document = document(layout, bit, bytes, page, &mut leaves)?;
            Ok(Value::Json(document.to_string().into()))
        }
        leaf => decode_leaf(leaf, bit, bytes, page),
    }
}

fn decode_leaf(layout: &Layout, bit: u8, bytes: &[u8], page: CodePage) -> Result<Value, Reason> {
    let first = |count: u32| match bytes.get(..count as usize) {
        Some(first) => Ok(first),
        None => reason(format!("{} bytes came, it has {count}", bytes.len())),
    };
    Ok(match layout {
        Layout::Elementary(iec) => elementary(*iec, first(size_of(*iec).unwrap_or(0))?),
        Layout::Enumeration(enumeration) => {
            elementary(enumeration.base, first(size_of(enumeration.base).unwrap_or(0))?)
        }
        Layout::Bit => Value::Bool(first(1)?[0] >> (bit & 7) & 1 == 1),
        Layout::Text(size) => Value::text(page.decode(first(*size)?)),
        Layout::WideText(size) => Value::text(wide(first(*size)?)),
        Layout::Pointer(size) => number(integer(first(*size)?, false)),
        Layout::Unknown(why) => return reason(*why),
        Layout::Structure(_) | Layout::Array(_) => return reason("it has parts"),
    })
}

fn number(n: i128) -> Value {
    i64::try_from(n).map_or_else(|_| Value::uint(u64::try_from(n).unwrap_or(u64::MAX)), Value::Int)
}

fn elementary(iec: IecType, bytes: &[u8]) -> Value {
    let bits = integer(bytes, false);
    match iec {
        IecType::Bool => Value::Bool(bits != 0),
        IecType::Real => Value::Float(f32::from_bits(u32::try_from(bits).unwrap_or(0)).into()),
        IecType::Lreal => Value::Float(f64::from_bits(u64::try_from(bits).unwrap_or(0))),
        _ => number(integer(bytes, iec.integers().is_some_and(|(low, _)| low < 0))),
    }
}

fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let units: Vec<u16> = units.take_while(|&unit| unit != 0).collect();
    String::from_utf16_lossy(&units)
}

fn document(layout: &Layout, bit: u8, bytes: &[u8], page: CodePage, leaves: &mut usize) -> Result<Json, Reason> {
    match layout {
        Layout::Structure(structure) if !structure.fields.is_empty() => {
            let mut map = serde_json::Map::new();
            for field in &structure.fields {
                let end = field.offset.saturating_add(field.size) as usize;
                let part = bytes.get(field.offset as usize..end).unwrap_or_default();
                let value = document(&field.layout, field.bit.unwrap_or(0), part, page, leaves)?;
                map.insert(field.name.to_string(), value);
            }
            Ok(Json::Object(map))
        }
        Layout::Array(array) => {
            let mut elements = bytes.chunks_exact((array.stride as usize).max(1));
            dimension(array, &mut elements, 0, page, leaves)
        }
        leaf => {
            let cost = 1 + bytes.len() / LARGE_LEAF;
            *leaves =
                leaves.checked_sub(cost).ok_or_else(|| Reason(format!("it has more than {MOST_LEAVES} parts")))?;
            // A structure without parts is a leaf too: they may be many.
            if matches!(leaf, Layout::Structure(_)) {
                return Ok(Json::Object(serde_json::Map::new()));
            }
            Ok(decode_leaf(leaf, bit, bytes, page).map_or(Json::Null, |value| value.to_json()))
        }
    }
}

/// One dimension of an array; the last one holds the elements.
fn dimension<'a>(
    array: &Array,
    elements: &mut impl Iterator<Item = &'a [u8]>,
    level: usize,
    page: CodePage,
    leaves: &mut usize,
) -> Result<Json, Reason> {
    let Some(dimension_here) = array.dimensions.get(level) else {
        return document(&array.element, 0, elements.next().unwrap_or_default(), page, leaves);
    };
    let parts = (0..dimension_here.count).map(|_| dimension(array, elements, level + 1, page, leaves));
    parts.collect::<Result<Vec<_>, _>>().map(Json::Array)
}

/// The bytes of a value, as runs within the variable: one run for a leaf, as many as needed for a document.
///
/// # Errors
/// The value does not fit; the reason names the part.
pub fn encode(layout: &Layout, value: &Value, page: CodePage) -> Result<Vec<Run>, Reason> {
    let mut runs = Vec::new();
    match layout {
        Layout::Structure(_) | Layout::Array(_) => {
            let text = match value {
                Value::Json(text) | Value::Text(text) => text,
                other => return reason(format!("{} is no JSON document", other.kind())),
            };
            let document = serde_json::from_str(text).map_err(|e| Reason(format!("the JSON does not parse: {e}")))?;
            write_document(layout, &document, 0, "", page, &mut runs)?;
        }
        leaf => runs.push(Run { offset: 0, bytes: encode_leaf(leaf, value, page)? }),
    }
    Ok(join(runs))
}

fn encode_leaf(layout: &Layout, value: &Value, page: CodePage) -> Result<Vec<u8>, Reason> {
    match layout {
        Layout::Elementary(iec) => encode_elementary(*iec, value),
        Layout::Enumeration(enumeration) => {
            if let Value::Text(name) = value
                && let Some((_, n)) = enumeration.values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
            {
                return encode_elementary(enumeration.base, &number(*n));
            }
            if matches!(value, Value::Text(text) if text.parse::<f64>().is_err()) {
                let names: Vec<&str> = enumeration.values.iter().map(|(name, _)| name.as_str()).take(20).collect();
                return reason(format!("there is no value `{value:.64}`; there are {}", names.join(", ")));
            }
            encode_elementary(enumeration.base, value)
        }
        Layout::Bit => encode_elementary(IecType::Bool, value),
        Layout::Text(size) => {
            let text = fit(IecType::String, value)?;
            let text = text.as_str().unwrap_or_default();
            let Some(bytes) = page.encode(text) else {
                return reason("a character has no place in Windows-1252; only a WSTRING holds it");
            };
            padded(bytes, *size, 1, text)
        }
        Layout::WideText(size) => {
            let text = fit(IecType::Wstring, value)?;
            let text = text.as_str().unwrap_or_default();
            padded(text.encode_utf16().flat_map(u16::to_le_bytes).collect(), *size, 2, text)
        }
        Layout::Pointer(_) => reason("it is an address inside the PLC"),
        Layout::Unknown(why) => reason(*why),
        Layout::Structure(_) | Layout::Array(_) => reason("it has parts"),
    }
}

fn padded(mut bytes: Vec<u8>, size: u32, unit: usize, text: &str) -> Result<Vec<u8>, Reason> {
    let size = size as usize;
    let most = size / unit - 1;
    if text.contains('\0') {
        return reason("the text holds a NUL, which would end it");
    }
    if bytes.len() > most * unit {
        return reason(format!("the text has {} characters, it holds {most}", bytes.len() / unit));
    }
    bytes.resize(size, 0);
    Ok(bytes)
}

fn fit(iec: IecType, value: &Value) -> Result<Value, Reason> {
    iec.fit(value).map_err(|misfit| Reason(misfit.to_string()))
}

fn encode_elementary(iec: IecType, value: &Value) -> Result<Vec<u8>, Reason> {
    let fitted = fit(iec, value)?;
    let bytes = match fitted {
        Value::Bool(on) => vec![u8::from(on)],
        #[allow(clippy::cast_possible_truncation)] // REAL has 32 bits; the range was checked
        Value::Float(x) if iec == IecType::Real => (x as f32).to_le_bytes().to_vec(),
        Value::Float(x) => x.to_le_bytes().to_vec(),
        Value::Int(n) => n.to_le_bytes().to_vec(),
        Value::UInt(n) => n.to_le_bytes().to_vec(),
        other => return reason(format!("{} cannot be written", other.kind())),
    };
    let size = size_of(iec).unwrap_or(0) as usize;
    Ok(bytes.into_iter().take(size).collect())
}

fn write_document(
    layout: &Layout,
    document: &Json,
    offset: u32,
    path: &str,
    page: CodePage,
    runs: &mut Vec<Run>,
) -> Result<(), Reason> {
    let place = || if path.is_empty() { "it".to_owned() } else { format!("`{path}`") };
    match (layout, document) {
        (Layout::Structure(structure), Json::Object(map)) => write_structure(structure, map, offset, path, page, runs),
        (Layout::Structure(_), _) => reason(format!("{} is a structure and wants an object", place())),
        (Layout::Array(array), _) => {
            let mut number = 0;
            write_dimension(array, document, offset, path, &mut number, 0, page, runs)
        }
        (Layout::Bit, _) => reason(format!("{} is a bit, which is written by its own name only", place())),
        (leaf, _) => {
            let value: Value =
                serde_json::from_value(document.clone()).map_err(|error| Reason(format!("{}: {error}", place())))?;
            let bytes = encode_leaf(leaf, &value, page).map_err(|why| Reason(format!("{}: {why}", place())))?;
            if runs.len() >= MOST_LEAVES {
                return reason(format!("it has more than {MOST_LEAVES} parts"));
            }
            runs.push(Run { offset, bytes });
            Ok(())
        }
    }
}

fn write_structure(
    structure: &Structure,
    map: &serde_json::Map<String, Json>,
    offset: u32,
    path: &str,
    page: CodePage,
    runs: &mut Vec<Run>,
) -> Result<(), Reason> {
    for (name, part) in map {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(field) = structure.field(name) else { return reason(format!("there is no part `{below}`")) };
        // What could not be read came out as null; it goes back as nothing.
        let unreadable = matches!(field.layout, Layout::Unknown(_) | Layout::Pointer(_));
        if part.is_null() && unreadable {
            continue;
        }
        write_document(&field.layout, part, offset.saturating_add(field.offset), &below, page, runs)?;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments)] // one recursion over a document, never called from elsewhere
fn write_dimension(
    array: &Array,
    document: &Json,
    offset: u32,
    path: &str,
    number: &mut u32,
    level: usize,
    page: CodePage,
    runs: &mut Vec<Run>,
) -> Result<(), Reason> {
    let Some(dimension) = array.dimensions.get(level) else {
        let below = format!("{path}{}", array.indices(*number));
        let at = offset.saturating_add(array.stride.saturating_mul(*number));
        *number += 1;
        return write_document(&array.element, document, at, &below, page, runs);
    };
    let Json::Array(parts) = document else {
        return reason(format!("`{path}` wants a list of {} elements", dimension.count));
    };
    if parts.len() != dimension.count as usize {
        return reason(format!("`{path}` has {} elements, the list has {}", dimension.count, parts.len()));
    }
    parts.iter().try_for_each(|part| write_dimension(array, part, offset, path, number, level + 1, page, runs))
}

/// Joins runs that touch.
fn join(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by_key(|run| run.offset);
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if last.offset as usize + last.bytes.len() == run.offset as usize => {
                last.bytes.extend(run.bytes);
            }
            _ => joined.push(run),
        }
    }
    joined
}

#[cfg(test)]
mod tests;
