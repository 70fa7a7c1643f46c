//! Limits on what grows without being memory: the folder on disk, and descriptors.

/// From which part of its limit on an instance is warned about, and below which that ends, in per cent.
const WARNED: (u64, u64) = (80, 75);

/// How near something is to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    #[default]
    Fine,
    /// From 80 %, until it is below 75 %.
    Warned,
    /// It is reached.
    Over,
}

/// The stage of one of these.
#[derive(Debug, Default)]
pub(crate) struct Growth(Stage);

impl Growth {
    /// Takes a reading. Returns the stage, if it is another one now.
    pub(crate) fn look(&mut self, used: u64, limit: u64) -> Option<Stage> {
        let percent = u64::try_from(u128::from(used) * 100 / u128::from(limit.max(1))).unwrap_or(u64::MAX);
        let (from, until) = WARNED;
        let stage = match self.0 {
            _ if used >= limit => Stage::Over,
            Stage::Fine if percent < from => Stage::Fine,
            _ if percent < until => Stage::Fine,
            _ => Stage::Warned,
        };
        let before = std::mem::replace(&mut self.0, stage);
        (before != stage).then_some(stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_warned_at_80_and_over_at_100_per_cent_and_fine_again_below_75() {
        let mut growth = Growth::default();
        let told: Vec<_> = [10, 79, 80, 99, 76, 75, 74, 100, 100, 80].map(|used| growth.look(used, 100)).into();
        let want = [
            None,
            None,
            Some(Stage::Warned),
            None,
            None,
            None,
            Some(Stage::Fine),
            Some(Stage::Over),
            None,
            Some(Stage::Warned),
        ];
        assert_eq!(told, want);
    }
}
