//! Which bytes to ask for: parts of one symbol that lie close together come in one piece and are cut here.

use crate::catalog::Place;
use crate::codec::groups::counts_bits;
use crate::codec::sums::Part;

/// The largest piece that is made of several parts, in bytes.
const MOST_BYTES: u32 = 4096;

/// Bytes between two parts that are read along.
const GAP: u32 = 32;

/// One piece, and which places are cut from it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) part: Part,
    /// The number of the place, and where it begins in the piece.
    pub(crate) members: Vec<(usize, usize)>,
}

/// The pieces that hold all places. Only parts of the same symbol share a piece: what lies between symbols is nobody's.
pub(crate) fn spans(places: &[&Place]) -> Vec<Span> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&at| (places[at].symbol, places[at].group, places[at].offset, places[at].size));
    let mut spans: Vec<(u32, Span)> = Vec::new();
    for at in order {
        let place = places[at];
        let end = place.offset.saturating_add(place.size);
        if let Some((symbol, span)) = spans.last_mut()
            && *symbol == place.symbol
            && span.part.group == place.group
            && !counts_bits(place.group)
        {
            let begin = span.part.offset;
            let last = begin + span.part.length;
            let length = end.max(last).saturating_sub(begin);
            if place.offset <= last.saturating_add(GAP) && (length <= MOST_BYTES || end <= last) {
                span.members.push((at, (place.offset - begin) as usize));
                span.part.length = length;
                continue;
            }
        }
        let part = Part { group: place.group, offset: place.offset, length: place.size };
        spans.push((place.symbol, Span { part, members: vec![(at, 0)] }));
    }
    spans.into_iter().map(|(_, span)| span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    fn place(symbol: u32, group: u32, offset: u32, size: u32) -> Place {
        let (name, type_name) = (String::new(), String::new());
        Place { name, symbol, group, offset, size, bit: 0, layout: Layout::Bit, type_name, read_only: None }
    }

    #[track_caller]
    fn check(places: &[(u32, u32, u32, u32)], want: &[(u32, u32, usize)]) {
        let places: Vec<Place> = places.iter().map(|&(s, g, o, n)| place(s, g, o, n)).collect();
        let spans = spans(&places.iter().collect::<Vec<_>>());
        let said: Vec<_> = spans.iter().map(|span| (span.part.offset, span.part.length, span.members.len())).collect();
        assert_eq!(said, want);
        for span in &spans {
            for &(at, begin) in &span.members {
                assert_eq!(places[at].offset, span.part.offset + u32::try_from(begin).unwrap());
                assert!(begin + places[at].size as usize <= span.part.length as usize);
            }
        }
    }

    #[test]
    fn parts_of_one_symbol_come_in_one_piece() {
        check(&[(1, 0x4040, 8, 4), (1, 0x4040, 0, 4), (1, 0x4040, 0, 16)], &[(0, 16, 3)]);
        check(&[(1, 0x4040, 0, 4), (1, 0x4040, 100, 4)], &[(0, 4, 1), (100, 4, 1)]);
    }

    #[test]
    fn symbols_and_bits_stay_apart() {
        check(&[(1, 0x4040, 0, 4), (2, 0x4040, 4, 4)], &[(0, 4, 1), (4, 4, 1)]);
        check(&[(1, 0xF021, 0, 1), (1, 0xF021, 1, 1)], &[(0, 1, 1), (1, 1, 1)]);
    }

    #[test]
    fn a_piece_has_a_bound() {
        let many: Vec<_> = (0..600).map(|n| (1, 0x4040, n * 10, 10)).collect();
        let places: Vec<Place> = many.iter().map(|&(s, g, o, n)| place(s, g, o, n)).collect();
        let spans = spans(&places.iter().collect::<Vec<_>>());
        assert!(spans.iter().all(|span| span.part.length <= MOST_BYTES) && spans.len() == 2);
    }
}
