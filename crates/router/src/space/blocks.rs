//! A list that only grows, in blocks of one size: growing moves nothing and leaves no half of the memory unused, as a list in
//! one piece does when it doubles.

use std::ops::{Index, IndexMut};

/// Entries of one block.
const BLOCK: usize = 1024;

/// The list.
pub(super) struct Blocks<T>(Vec<Vec<T>>);

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Blocks<T> {
    pub(super) fn push(&mut self, entry: T) {
        if let Some(last) = self.0.last_mut().filter(|last| last.len() < BLOCK) {
            last.push(entry);
            return;
        }
        // The first block of a small house grows as it needs; further ones will be filled.
        let mut block = Vec::with_capacity(if self.0.is_empty() { 0 } else { BLOCK });
        block.push(entry);
        self.0.push(block);
    }
}

impl<T> Index<usize> for Blocks<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.0[index / BLOCK][index % BLOCK]
    }
}

impl<T> IndexMut<usize> for Blocks<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.0[index / BLOCK][index % BLOCK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_index_over_blocks() {
        let mut blocks = Blocks::default();
        for n in 0..3 * BLOCK + 7 {
            blocks.push(n);
        }
        blocks[BLOCK] += 1;
        assert_eq!([0, BLOCK - 1, BLOCK, 3 * BLOCK + 6].map(|n| blocks[n]), [0, BLOCK - 1, BLOCK + 1, 3 * BLOCK + 6]);
        assert!(blocks.0.iter().all(|block| block.capacity() <= BLOCK));
    }
}
