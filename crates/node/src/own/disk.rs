//! How near a disk is to its end: a warning before it is a failure.

use crate::machine::Disk;

/// A disk is low from here on: a tenth of it, or so much on a large one.
const LOW: u64 = 1 << 30;

/// A disk is full from here on: a fiftieth of it, or so much on a large one. What may be left out is not written any more.
const FULL: u64 = 16 << 20;

/// How a disk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Fill {
    /// There is room.
    #[default]
    Fine,
    /// Somebody should look.
    Low,
    /// Somebody must act.
    Full,
}

impl Fill {
    /// The word in the API: `ok`, `low` or `full`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Low => "low",
            Self::Full => "full",
        }
    }

    /// How it stands after a look. It comes back when there is a quarter more than the bound, so that it does not flicker.
    pub(crate) fn next(self, disk: Disk) -> Self {
        let low = LOW.min(disk.size / 10);
        let full = FULL.min(disk.size / 50);
        let within = |bound: u64, was: bool| disk.free < if was { bound + bound / 4 } else { bound };
        if within(full, self == Self::Full) {
            Self::Full
        } else if within(low, self >= Self::Low) {
            Self::Low
        } else {
            Self::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(size: u64, steps: &[(u64, Fill)]) {
        let mut fill = Fill::Fine;
        for (free, want) in steps {
            fill = fill.next(Disk { free: *free, size });
            assert_eq!(fill, *want, "{free} of {size} free");
        }
    }

    #[test]
    fn it_is_low_before_it_is_full_and_does_not_flicker() {
        const MB: u64 = 1 << 20;
        let large = 64 << 30;
        check(
            large,
            &[
                (1025 * MB, Fill::Fine),
                (1023 * MB, Fill::Low),
                (1200 * MB, Fill::Low),
                (15 * MB, Fill::Full),
                (18 * MB, Fill::Full),
                (21 * MB, Fill::Low),
                (1281 * MB, Fill::Fine),
                (0, Fill::Full),
            ],
        );
        check(100 * MB, &[(11 * MB, Fill::Fine), (9 * MB, Fill::Low), (MB, Fill::Full), (13 * MB, Fill::Fine)]);
        check(0, &[(0, Fill::Fine)]);
    }
}
