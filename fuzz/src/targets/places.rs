//! Places and values of an ADS program that a stranger described: no target of its own, [`super::ads`] and [`super::tpy`]
//! end here.

use std::collections::BTreeSet;

use fieldrail_driver_ads::catalog::{Catalog, Place};
use fieldrail_driver_ads::codec::groups::counts_bits;
use fieldrail_driver_ads::codec::symbols::Symbol;
use fieldrail_driver_ads::codec::text::CodePage;
use fieldrail_driver_ads::layout::{Layout, Structure};
use fieldrail_driver_ads::value;

use super::expression::identical;

/// Symbols of one program that are looked at, and parts of each.
const MOST_SYMBOLS: usize = 12;
const MOST_PARTS: usize = 20;

/// The largest variable that is filled and read, in bytes.
const MOST_BYTES: u32 = 4096;

/// Each symbol and its parts lie where they may, and their values come back. `filling` is what the device holds.
pub(super) fn check(symbols: &[Symbol], catalog: &Catalog, filling: &[u8]) {
    let _ = catalog.children("", None, None, MOST_PARTS);
    for symbol in symbols.iter().take(MOST_SYMBOLS) {
        // Names may be twice, in another case, or too long.
        let Ok(Some(whole)) = catalog.find(&symbol.name) else { continue };
        check_place(&whole, filling, catalog.page);
        let (parts, _) = catalog.children(&symbol.name, None, None, MOST_PARTS).unwrap_or_default();
        for part in parts {
            let Ok(Some(part)) = catalog.find(&part.path) else { continue };
            check_place(&part, filling, catalog.page);
            if part.symbol == whole.symbol && !matches!(part.layout, Layout::Unknown(_)) {
                assert!(is_within(&part, &whole), "{part:.300?} is not in {whole:.300?}");
            }
        }
    }
    let _ = catalog.search("a", None, MOST_PARTS);
}

fn is_within(part: &Place, whole: &Place) -> bool {
    let unit = if counts_bits(whole.group) { 8 } else { 1 };
    let end = |place: &Place| u64::from(place.offset) + unit * u64::from(place.size);
    let last = if unit == 8 { end(whole) + 7 } else { end(whole) };
    part.group == whole.group && part.offset >= whole.offset && end(part) <= last
}

fn check_place(place: &Place, filling: &[u8], page: CodePage) {
    if place.size > MOST_BYTES || filling.is_empty() {
        return;
    }
    let bytes: Vec<u8> = filling.iter().rev().copied().cycle().take(place.size as usize).collect();
    round_trips(&place.layout, place.bit, &bytes, page);
}

/// What was read is written over the bytes, and reads the same.
fn round_trips(layout: &Layout, bit: u8, bytes: &[u8], page: CodePage) {
    let Ok(value) = value::decode(layout, bit, bytes, page) else { return };
    let written = value::encode(layout, &value, page);
    if matches!(layout, Layout::Elementary(_) | Layout::Enumeration(_) | Layout::Bit) {
        assert!(written.is_ok(), "{value:?} cannot be written back: {written:?}");
    }
    // The byte of a bit has others; who writes it knows them.
    let (Ok(runs), false) = (written, matches!(layout, Layout::Bit)) else { return };
    let mut again = bytes.to_vec();
    for run in runs {
        let end = run.offset as usize + run.bytes.len();
        let place = again.get_mut(run.offset as usize..end);
        place.expect("what is written lies within the variable").copy_from_slice(&run.bytes);
    }
    if is_plain(layout) {
        let read = value::decode(layout, bit, &again, page).expect("it was read before");
        assert!(identical(&read, &value), "{value:?} comes back as {read:?}");
    }
}

/// Whether no part lies over another or has its name.
fn is_plain(layout: &Layout) -> bool {
    match layout {
        Layout::Structure(structure) => is_plain_structure(structure),
        Layout::Array(array) => is_plain(&array.element),
        _ => true,
    }
}

fn is_plain_structure(structure: &Structure) -> bool {
    let mut places: Vec<(u32, u32)> =
        structure.fields.iter().map(|field| (field.offset, field.offset.saturating_add(field.size))).collect();
    places.sort_unstable();
    let names: BTreeSet<String> = structure.fields.iter().map(|field| field.name.to_ascii_lowercase()).collect();
    let is_apart = places.windows(2).all(|pair| pair[0].1 <= pair[1].0) && names.len() == structure.fields.len();
    is_apart && structure.fields.iter().all(|field| is_plain(&field.layout))
}
