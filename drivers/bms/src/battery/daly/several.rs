//! Values of Daly's `A5` frames that come in several numbered frames: the voltages of cells and the temperatures.
//!
//! Most units number frames from 1, some from 0, and nothing in a frame says which. So a frame 1 proves the former only if nothing
//! was lost directly before it, and what came before that is proven waits: a lost frame 0 must not move every cell by three.

use crate::fault::Fault;

/// The most frames that one question is answered by.
pub(super) const MOST_FRAMES: usize = 16;

/// A value's place from 0, and its raw number.
pub(super) type Placed = (usize, i64);

/// Values of one kind.
pub(super) struct Several {
    /// Values in a frame.
    width: usize,
    /// How many there are, once a status told.
    pub(super) count: Option<usize>,
    /// The number of the first frame, once it is proven.
    pub(super) base: Option<usize>,
    /// By frame number, what cannot be placed yet.
    waiting: Vec<(usize, Vec<i64>)>,
}

impl Several {
    /// Values that come `width` in a frame.
    pub(super) fn new(width: usize, count: Option<usize>) -> Self {
        Self { width, count, base: None, waiting: Vec::new() }
    }

    /// Takes a frame; `is_next` says that nothing was lost directly before it. What can be told at once, and whether the last
    /// value came.
    pub(super) fn take(&mut self, number: usize, values: &[i64], is_next: bool) -> Result<(Vec<Placed>, bool), Fault> {
        if number > MOST_FRAMES {
            let value = i64::try_from(number).unwrap_or(i64::MAX);
            return Err(Fault::Impossible { what: "a frame number of", value });
        }
        match number {
            0 => self.base = Some(0),
            1 if is_next => self.base = self.base.or(Some(1)),
            _ => {}
        }
        self.waiting.retain(|(other, _)| *other != number);
        self.waiting.push((number, values.to_vec()));
        let (Some(count), Some(base)) = (self.count, self.base) else { return Ok((Vec::new(), false)) };
        let end = (number + 1).saturating_sub(base) * self.width;
        Ok((self.placed(), end >= count))
    }

    /// What waits and can be placed.
    pub(super) fn placed(&mut self) -> Vec<Placed> {
        let (Some(count), Some(base)) = (self.count, self.base) else { return Vec::new() };
        let width = self.width;
        let waiting = std::mem::take(&mut self.waiting);
        let place = |(number, values): (usize, Vec<i64>)| (number.saturating_sub(base) * width..count).zip(values);
        waiting.into_iter().flat_map(place).collect()
    }

    /// Nothing more comes: what waits, as far as it can be placed or guessed. What cannot is dropped.
    pub(super) fn rest(&mut self) -> Vec<Placed> {
        self.waiting.sort_by_key(|(number, _)| *number);
        let last = self.waiting.last().map(|(number, _)| *number);
        let by_count = self.count.map(|count| count.div_ceil(self.width));
        // Numbers from 0 end before it.
        if last.is_some() && (last == by_count || last == Some(MOST_FRAMES)) {
            self.base = self.base.or(Some(1));
        }
        let known = self.count;
        if self.base.is_some() && known.is_none() {
            without_leftovers(&mut self.waiting);
            self.count = Some(usize::MAX);
        }
        let told = self.placed();
        self.count = known;
        self.waiting.clear();
        told
    }
}

/// Keeps what is surely meant where nobody told the number of values: frames without a gap, up to the last one that is not all
/// zero; and of that one what is neither zero at its end nor the same as at its place in the frame before, which is rubbish.
fn without_leftovers(frames: &mut Vec<(usize, Vec<i64>)>) {
    let whole = frames.windows(2).take_while(|pair| pair[1].0 == pair[0].0 + 1).count() + 1;
    let has_gap = whole < frames.len();
    frames.truncate(whole);
    while frames.last().is_some_and(|(_, values)| values.iter().all(|value| *value == 0)) {
        frames.pop();
    }
    let Some(((_, last), before)) = frames.split_last_mut() else { return };
    let before = before.last().map(|(_, values)| values.as_slice()).unwrap_or_default();
    // Behind a gap comes more, so this one is full.
    while let Some(value) = last.last().copied().filter(|_| !has_gap)
        && (value == 0 || (last.len() > 1 && before.get(last.len() - 1) == Some(&value)))
    {
        last.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What frames tell, each with whether it follows directly; one digit a value.
    fn told(count: Option<usize>, frames: &[(usize, [i64; 3], bool)]) -> String {
        let mut several = Several::new(3, count);
        let mut told = Vec::new();
        for (number, values, is_next) in frames {
            told.extend(several.take(*number, values, *is_next).unwrap().0);
        }
        told.extend(several.rest());
        let mut text = vec!["-".to_owned(); told.iter().map(|(place, _)| place + 1).max().unwrap_or(0)];
        for (place, raw) in told {
            text[place] = raw.to_string();
        }
        text.concat()
    }

    #[test]
    fn a_lost_first_frame_moves_nothing() {
        let [a, b, c] = [[1, 2, 3], [4, 5, 6], [7, 0, 0]];
        assert_eq!(told(Some(7), &[(1, a, true), (2, b, true), (3, c, true)]), "1234567");
        assert_eq!(told(Some(7), &[(0, a, true), (1, b, true), (2, c, true)]), "1234567");
        // From 0, with the first frame lost: it may as well be from 1 with the last one lost, so nothing is told.
        assert_eq!(told(Some(7), &[(1, b, false), (2, c, true)]), "");
        // From 1, behind noise: the last number proves it.
        assert_eq!(told(Some(7), &[(1, a, false), (2, b, true), (3, c, true)]), "1234567");
        assert_eq!(told(Some(7), &[(1, a, true), (3, c, true)]), "123---7");
    }

    #[test]
    fn without_a_count_leftovers_are_dropped() {
        let [a, b] = [[1, 2, 3], [4, 5, 3]];
        assert_eq!(told(None, &[(1, a, true), (2, b, true), (3, [0, 0, 0], true)]), "12345");
        assert_eq!(told(None, &[(1, a, true), (3, b, true)]), "123", "what stands behind a gap may be anything");
        assert_eq!(
            told(None, &[(6, b, true), (1, a, true), (2, b, true)]),
            "123453",
            "there is more, so all of it is meant"
        );
        assert_eq!(told(None, &[(2, b, true)]), "");
    }
}
