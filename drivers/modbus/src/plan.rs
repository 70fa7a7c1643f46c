//! Which requests read what is wanted: few, within the limits of the device, and never over what must not be read. Pure.
//!
//! Invariant: each wanted row of registers lies whole in one block, since its value would be torn between two.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::codec::pdu::{MAX_READ_BITS, Request, Table};

/// What a device takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most registers in one request.
    pub registers: u16,
    /// How many registers or bits that nobody wants may be read along.
    pub gap: u16,
    /// What must not be read along: first and last.
    pub unreadable: Vec<(Table, u16, u16)>,
}

impl Limits {
    fn most(&self, table: Table) -> u32 {
        u32::from(if table.is_bits() { MAX_READ_BITS } else { self.registers })
    }

    /// Whether the entries between two wanted ones may be read along.
    fn may_cross(&self, table: Table, first: u32, last: u32) -> bool {
        let hit =
            |&(t, low, high): &(Table, u16, u16)| t == table && u32::from(low) <= last && u32::from(high) >= first;
        first > last || (last - first < u32::from(self.gap) && !self.unreadable.iter().any(hit))
    }
}

/// Places where the device refused to be read across: no block goes from below one of these addresses to it.
pub type Cuts = BTreeSet<(Table, u16)>;

/// A row of entries that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Whose.
    pub id: usize,
    /// Which table.
    pub table: Table,
    /// The first entry.
    pub first: u16,
    /// The last.
    pub last: u16,
    /// How often.
    pub every: Duration,
}

/// One request, and who wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Which table.
    pub table: Table,
    /// The first entry.
    pub start: u16,
    /// How many.
    pub count: u16,
    /// How often.
    pub every: Duration,
    /// Those whose rows lie in it.
    pub wants: Vec<usize>,
}

impl Block {
    /// The question that reads it.
    pub fn request(&self) -> Request {
        Request::Read { table: self.table, start: self.start, count: self.count }
    }

    fn end(&self) -> u32 {
        u32::from(self.start) + u32::from(self.count) - 1
    }

    fn holds(&self, want: &Want) -> bool {
        self.table == want.table && self.start <= want.first && self.end() >= u32::from(want.last)
    }
}

/// The blocks that read everything wanted. What a faster block reads anyway is not read again by a slower one.
pub fn plan(wants: &[Want], limits: &Limits, cuts: &Cuts) -> Vec<Block> {
    let mut sorted = wants.to_vec();
    sorted.sort_by_key(|want| (want.every, want.table, want.first, want.last));
    let mut blocks: Vec<Block> = Vec::new();
    for group in sorted.chunk_by(|a, b| a.every == b.every) {
        let faster = blocks.len();
        for want in group {
            if let Some(block) = blocks[..faster].iter_mut().find(|block| block.holds(want)) {
                block.wants.push(want.id);
            } else if let Some(block) = blocks[faster..].last_mut()
                && may_join(block, want, limits, cuts)
            {
                let end = block.end().max(u32::from(want.last));
                block.count = u16::try_from(end - u32::from(block.start) + 1).unwrap_or(u16::MAX);
                block.wants.push(want.id);
            } else {
                let count = want.last.saturating_sub(want.first).saturating_add(1);
                let Want { table, first, every, .. } = *want;
                blocks.push(Block { table, start: first, count, every, wants: vec![want.id] });
            }
        }
    }
    blocks
}

fn may_join(block: &Block, want: &Want, limits: &Limits, cuts: &Cuts) -> bool {
    let (first, last) = (u32::from(want.first), u32::from(want.last));
    let size = block.end().max(last) - u32::from(block.start) + 1;
    let is_cut = || {
        let behind = block.start.saturating_add(1);
        cuts.range((block.table, behind)..=(block.table, want.first)).next().is_some()
    };
    block.table == want.table
        && size <= limits.most(block.table)
        && limits.may_cross(block.table, block.end() + 1, first.wrapping_sub(1).min(first))
        && (block.start == want.first || !is_cut())
}

/// Where a block is cut once the device has refused it as a whole: at its gaps if it has some, else, if it is to be halved,
/// in the middle. Empty if it cannot be cut: a row of its own is to blame. `rows` are the rows of those who want it.
pub fn cuts_of(block: &Block, rows: &[(u16, u16)], halve: bool) -> Vec<(Table, u16)> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows.dedup();
    // Rows that overlap cannot be parted.
    let mut parts: Vec<(u16, u16)> = Vec::new();
    for (first, last) in rows {
        match parts.last_mut() {
            Some(part) if first <= part.1 => part.1 = part.1.max(last),
            _ => parts.push((first, last)),
        }
    }
    let gaps: Vec<_> = parts.windows(2).filter(|pair| pair[1].0 > pair[0].1 + 1).map(|pair| pair[1].0).collect();
    let cuts = match parts.get(parts.len() / 2) {
        _ if !gaps.is_empty() => gaps,
        Some(middle) if halve && parts.len() > 1 => vec![middle.0],
        _ => Vec::new(),
    };
    cuts.into_iter().map(|address| (block.table, address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn want(id: usize, first: u16, last: u16) -> Want {
        Want { id, table: Table::Holding, first, last, every: SECOND }
    }

    fn limits(registers: u16, gap: u16) -> Limits {
        Limits { registers, gap, unreadable: vec![(Table::Holding, 50, 52)] }
    }

    #[track_caller]
    fn check(wants: &[(u16, u16)], cuts: &[u16], blocks: &[(u16, u16)]) {
        let wants: Vec<Want> = wants.iter().enumerate().map(|(id, &(a, b))| want(id, a, b)).collect();
        let cuts = cuts.iter().map(|&at| (Table::Holding, at)).collect();
        let got: Vec<_> = plan(&wants, &limits(20, 4), &cuts).iter().map(|block| (block.start, block.count)).collect();
        assert_eq!(got, blocks);
    }

    #[test]
    fn neighbours_are_read_together_and_small_gaps_too() {
        check(&[(0, 1), (2, 3), (8, 8)], &[], &[(0, 9)]);
        check(&[(0, 1), (7, 7)], &[], &[(0, 2), (7, 1)]);
        check(&[(9, 9), (0, 1), (2, 3)], &[], &[(0, 4), (9, 1)]);
    }

    #[test]
    fn a_block_ends_at_the_limit_of_the_device() {
        check(&[(0, 9), (10, 19), (20, 21)], &[], &[(0, 20), (20, 2)]);
    }

    #[test]
    fn what_must_not_be_read_is_never_read_along() {
        check(&[(48, 49), (53, 53)], &[], &[(48, 2), (53, 1)]);
        // Who wants it by name gets it.
        check(&[(48, 49), (50, 52), (53, 53)], &[], &[(48, 6)]);
    }

    #[test]
    fn no_block_goes_over_a_cut() {
        check(&[(0, 1), (2, 3), (4, 5)], &[2], &[(0, 2), (2, 4)]);
        check(&[(0, 1), (4, 5)], &[4], &[(0, 2), (4, 2)]);
        check(&[(0, 3), (2, 2)], &[2], &[(0, 4), (2, 1)]);
    }

    #[test]
    fn a_slow_want_within_a_fast_block_costs_nothing() {
        let slow = Want { every: 10 * SECOND, ..want(9, 3, 3) };
        let blocks = plan(&[want(0, 0, 1), want(1, 5, 5), slow], &limits(20, 4), &Cuts::new());
        assert_eq!(blocks.len(), 1);
        assert_eq!((blocks[0].every, &blocks[0].wants[..]), (SECOND, &[0, 1, 9][..]));
    }

    #[test]
    fn a_refused_block_is_cut_at_its_gaps_then_in_the_middle_until_one_row_is_to_blame() {
        let block = Block { table: Table::Input, start: 0, count: 12, every: SECOND, wants: vec![] };
        let cuts = |rows: &[(u16, u16)]| cuts_of(&block, rows, true).into_iter().map(|(_, at)| at).collect::<Vec<_>>();
        assert_eq!(cuts(&[(0, 1), (2, 3), (6, 7), (10, 11)]), [6, 10]);
        assert_eq!(cuts(&[(0, 1), (2, 3), (4, 5), (6, 7)]), [4]);
        assert_eq!(cuts(&[(0, 1), (2, 3)]), [2]);
        assert_eq!(cuts(&[(0, 3), (1, 1), (0, 3)]), [] as [u16; 0]);
        assert_eq!(cuts(&[]), [] as [u16; 0]);
        assert_eq!(cuts_of(&block, &[(0, 1), (2, 3)], false), []);
        assert_eq!(cuts_of(&block, &[(0, 1), (3, 3)], false), [(Table::Input, 3)]);
    }

    fn any_wants() -> impl Strategy<Value = Vec<Want>> {
        let table = prop_oneof![Just(Table::Holding), Just(Table::Input), Just(Table::Coil)];
        let first = prop_oneof![0_u16..200, 65_500_u16..=65_535];
        let one = (table, first, 0_u16..12, 1_u64..4);
        prop::collection::vec(one, 0..60).prop_map(|rows| {
            let row = |(id, (table, first, more, every)): (usize, (Table, u16, u16, u64))| {
                let last = if table.is_bits() { first } else { first.saturating_add(more) };
                Want { id, table, first, last, every: Duration::from_secs(every) }
            };
            rows.into_iter().enumerate().map(row).collect()
        })
    }

    proptest! {
        #[test]
        fn everything_wanted_is_read_once_within_the_limits_and_nothing_forbidden_along(
            wants in any_wants(), registers in 12_u16..=125, gap in 0_u16..10,
            unreadable in prop::collection::vec((0_u16..200, 0_u16..9), 0..4),
            cuts in prop::collection::vec(0_u16..200, 0..6),
        ) {
            let unreadable = unreadable.into_iter().map(|(low, more)| (Table::Holding, low, low + more)).collect();
            let limits = Limits { registers, gap, unreadable };
            let cuts: Cuts = cuts.into_iter().map(|at| (Table::Holding, at)).collect();
            let blocks = plan(&wants, &limits, &cuts);
            let mut seen: Vec<usize> = blocks.iter().flat_map(|block| block.wants.iter().copied()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..wants.len()).collect::<Vec<_>>());
            for block in &blocks {
                prop_assert!(u32::from(block.count) <= limits.most(block.table));
                prop_assert!(block.end() <= 0xffff);
                for &id in &block.wants {
                    prop_assert!(block.holds(&wants[id]) && block.every <= wants[id].every);
                }
                let rows: Vec<&Want> = block.wants.iter().map(|&id| &wants[id]).collect();
                let mut run = 0;
                for at in block.start..=u16::try_from(block.end()).unwrap() {
                    let is_wanted = rows.iter().any(|row| row.first <= at && at <= row.last);
                    run = if is_wanted { 0 } else { run + 1 };
                    prop_assert!(run <= gap, "a gap of more than {} at {}", gap, at);
                    let is_forbidden = |&(t, low, high): &(Table, u16, u16)| t == block.table && low <= at && at <= high;
                    prop_assert!(is_wanted || !limits.unreadable.iter().any(is_forbidden), "{} is read along", at);
                    // A cut parts rows; only a row that lies across it itself goes over it.
                    let is_across = rows.iter().any(|row| row.first < at && at <= row.last);
                    prop_assert!(at == block.start || is_across || !cuts.contains(&(block.table, at)), "over the cut {}", at);
                }
            }
        }

        #[test]
        fn cutting_ends(rows in prop::collection::vec((0_u16..100, 0_u16..5), 1..20)) {
            let rows: Vec<(u16, u16)> = rows.into_iter().map(|(first, more)| (first, first + more)).collect();
            let wants: Vec<Want> = rows.iter().enumerate().map(|(id, row)| want(id, row.0, row.1)).collect();
            let (limits, mut cuts) = (limits(125, 10), Cuts::new());
            // Everything is refused: each round adds a cut, until no block can be cut any more.
            for _ in 0..100 {
                let before = cuts.len();
                for block in plan(&wants, &limits, &cuts) {
                    let own: Vec<_> = block.wants.iter().map(|&id| rows[id]).collect();
                    cuts.extend(cuts_of(&block, &own, true));
                }
                if cuts.len() == before {
                    return Ok(());
                }
            }
            prop_assert!(false, "it does not end");
        }
    }
}
