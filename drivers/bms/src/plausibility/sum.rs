//! The cells together are the pack.

use super::Seen;

/// Pack and cells are measured by two parts of a board, which may differ by so much of the voltage.
const SHARE: f64 = 0.02;

/// And by so much, whatever the voltage: the coarsest boards say a pack in steps of 0.1 V.
const LEAST_V: f64 = 0.15;

/// So often in a row: pack and cells come in two answers, and the load may change in between.
const POLLS: u32 = 2;

/// How often in a row they did not agree.
#[derive(Debug, Default)]
pub(super) struct Sum {
    wrong: u32,
    reason: Option<String>,
}

impl Sum {
    pub(super) fn take(&mut self, seen: &Seen) -> Option<String> {
        let (Some(voltage), false) = (seen.voltage_v, seen.cells_v.is_empty()) else { return self.reason.clone() };
        let sum: f64 = seen.cells_v.iter().sum();
        if (sum - voltage).abs() <= (SHARE * voltage.abs()).max(LEAST_V) {
            *self = Self::default();
            return None;
        }
        self.wrong += 1;
        if self.wrong >= POLLS {
            let count = seen.cells_v.len();
            self.reason = Some(format!("the {count} cells add up to {sum:.2} V, and the pack says {voltage:.2} V"));
        }
        self.reason.clone()
    }
}
