//! Who needs what: a tag is read from a device because a route or an open browser needs it, and only as long.

use std::collections::HashMap;

use fieldrail_model::InstanceId;

/// Samples a second that a need without an interval counts for: a fast poll of a device.
const PER_SECOND: u32 = 10;

/// A tag or a pattern of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Need {
    /// The tag, or the pattern over tags.
    pub(crate) tag: String,
    /// Whether `tag` is a pattern.
    pub(crate) pattern: bool,
}

/// Counts, for each instance, how many parties need a tag.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    by_instance: HashMap<InstanceId, HashMap<Need, usize>>,
}

impl Demand {
    /// One party more. True if it is the first, so that the plugin must be told.
    pub(crate) fn add(&mut self, instance: &InstanceId, need: Need) -> bool {
        let count = self.by_instance.entry(instance.clone()).or_default().entry(need).or_default();
        *count += 1;
        *count == 1
    }

    /// One party less. True if it was the last, so that the plugin must be told.
    pub(crate) fn remove(&mut self, instance: &InstanceId, need: &Need) -> bool {
        let Some(needs) = self.by_instance.get_mut(instance) else { return false };
        match needs.get_mut(need) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            Some(_) => {
                needs.remove(need);
                true
            }
            None => false,
        }
    }

    /// How many samples a second are asked of an instance. Nobody names an interval yet, so each need counts as many.
    pub(crate) fn per_second(&self, instance: &InstanceId) -> u32 {
        let needs = self.by_instance.get(instance).map_or(0, HashMap::len);
        u32::try_from(needs).unwrap_or(u32::MAX).saturating_mul(PER_SECOND)
    }

    /// Everything that is needed of an instance, for one that has just started.
    pub(crate) fn of(&self, instance: &InstanceId) -> Vec<Need> {
        self.by_instance.get(instance).map(|needs| needs.keys().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_and_the_last_party_are_told_to_the_plugin() {
        let mut demand = Demand::default();
        let id: InstanceId = "plc_001".parse().unwrap();
        let need = Need { tag: "MAIN.x".into(), pattern: false };
        assert!(demand.add(&id, need.clone()));
        assert!(!demand.add(&id, need.clone()));
        assert!(!demand.remove(&id, &need));
        assert_eq!(demand.of(&id), std::slice::from_ref(&need));
        assert_eq!(demand.per_second(&id), 10);
        assert!(demand.remove(&id, &need));
        assert!(!demand.remove(&id, &need));
        assert_eq!(demand.of(&id), []);
    }
}
