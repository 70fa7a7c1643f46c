//! The credit window, and the order of batches. Pure.

use std::collections::VecDeque;

use fieldrail_wire::MAX_BATCH;

use crate::life::Reason;

/// What a plugin has outstanding: delivered, and not yet told to be accepted.
///
/// An empty batch costs one sample, so that the list is bounded by the credit.
#[derive(Debug)]
pub(crate) struct Window {
    credit: usize,
    last: u64,
    outstanding: VecDeque<(u64, usize)>,
    in_flight: usize,
}

impl Window {
    pub(crate) fn new(credit: u32) -> Self {
        Self { credit: credit as usize, last: 0, outstanding: VecDeque::new(), in_flight: 0 }
    }

    /// Takes the batch with this number, or says what is wrong with it.
    pub(crate) fn take(&mut self, batch: u64, samples: usize) -> Result<(), Reason> {
        let wanted = self.last + 1;
        if batch != wanted {
            let hint = "batches are numbered from 1, rising by one; after a restart from 1 again";
            return Err(Reason::new(format!("sent batch {batch} where {wanted} was due")).hint(hint));
        }
        if samples > MAX_BATCH {
            let text = format!("sent a batch of {samples} samples, the limit is {MAX_BATCH}");
            return Err(Reason::new(text).hint("cut it into smaller batches"));
        }
        let cost = samples.max(1);
        if self.in_flight + cost > self.credit {
            let text = format!("has {} samples outstanding, its credit is {}", self.in_flight + cost, self.credit);
            return Err(Reason::new(text).hint("wait for `accepted` before sending more than the credit"));
        }
        self.last = batch;
        self.in_flight += cost;
        self.outstanding.push_back((batch, cost));
        Ok(())
    }

    /// The plugin has been told that all batches up to this one are accepted.
    pub(crate) fn accepted(&mut self, batch: u64) {
        while let Some(&(number, cost)) = self.outstanding.front()
            && number <= batch
        {
            self.in_flight -= cost;
            self.outstanding.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(batches: &[(u64, usize)], want: Option<&str>) {
        let mut window = Window::new(10_000);
        let broken = batches.iter().find_map(|&(batch, samples)| window.take(batch, samples).err());
        assert_eq!(broken.map(|reason| reason.text).as_deref(), want);
    }

    #[test]
    fn a_batch_out_of_order_over_its_limit_or_over_the_credit_is_named() {
        check(&[(1, 4096), (2, 4096)], None);
        check(&[(2, 1)], Some("sent batch 2 where 1 was due"));
        check(&[(1, 1), (1, 1)], Some("sent batch 1 where 2 was due"));
        check(&[(1, 4097)], Some("sent a batch of 4097 samples, the limit is 4096"));
        check(&[(1, 4096), (2, 4096), (3, 4096)], Some("has 12288 samples outstanding, its credit is 10000"));
    }

    #[test]
    fn acceptance_gives_the_credit_back() {
        let mut window = Window::new(4);
        window.take(1, 4).unwrap();
        assert!(window.take(2, 1).is_err());
        window.accepted(1);
        window.take(2, 4).unwrap();
    }

    #[test]
    fn empty_batches_are_bounded_by_the_credit_too() {
        let mut window = Window::new(2);
        assert!((1..=2).all(|batch| window.take(batch, 0).is_ok()));
        assert!(window.take(3, 0).is_err());
    }
}
