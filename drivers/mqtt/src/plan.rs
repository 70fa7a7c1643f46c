//! Which filters are subscribed at the broker, given what is needed.
//!
//! Invariant: of two subscribed filters none covers the other, since a broker may deliver a message once for each filter
//! that matches. On the way from one set to the next the new filters come first, so that nothing is missed.

use std::collections::BTreeMap;

use crate::topic::{filter_covers, is_wild};

/// Filters with their quality of service.
pub(crate) type Filters = BTreeMap<String, u8>;

/// The fewest filters that cover all needs, each at the highest quality of service of what it covers.
pub(crate) fn cover(needs: &Filters) -> Filters {
    let wild: Vec<&String> = needs.keys().filter(|filter| is_wild(filter)).collect();
    let widest = |filter: &String| {
        let mut widest = filter;
        for other in &wild {
            if filter_covers(other, widest) {
                widest = other;
            }
        }
        widest.clone()
    };
    let mut covering = Filters::new();
    for (filter, &qos) in needs {
        let highest = covering.entry(widest(filter)).or_insert(0);
        *highest = qos.max(*highest);
    }
    covering
}

/// The way from what the broker has to what it should have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// To subscribe, at once.
    pub(crate) add: Vec<(String, u8)>,
    /// To unsubscribe, once the broker has taken the others.
    pub(crate) remove: Vec<String>,
}

impl Change {
    /// The difference of two sets of filters.
    pub(crate) fn between(active: &Filters, wanted: &Filters) -> Self {
        let missing = |(filter, qos): (&String, &u8)| {
            (active.get(filter).is_none_or(|active| active < qos)).then(|| (filter.clone(), *qos))
        };
        let unwanted = |filter: &&String| !wanted.contains_key(*filter);
        Self {
            add: wanted.iter().filter_map(missing).collect(),
            remove: active.keys().filter(unwanted).cloned().collect(),
        }
    }

    /// Whether a message may match an old and a new filter for a while.
    pub(crate) fn overlaps(&self) -> bool {
        self.remove.iter().any(|old| {
            self.add
                .iter()
                .any(|(new, _)| filter_covers(new, old) || filter_covers(old, new) || is_wild(new) && is_wild(old))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::filter_matches;
    use proptest::prelude::*;

    fn filters(list: &[(&str, u8)]) -> Filters {
        list.iter().map(|&(filter, qos)| (filter.to_owned(), qos)).collect()
    }

    #[test]
    fn a_filter_covered_by_another_is_not_subscribed() {
        let needs = filters(&[("a/b", 2), ("a/#", 0), ("a/+/c", 1), ("b", 1), ("$SYS/x", 0), ("#", 0)]);
        assert_eq!(cover(&needs), filters(&[("#", 2), ("$SYS/x", 0)]));
        assert_eq!(cover(&filters(&[("a/b", 1), ("a/+", 0), ("c", 2)])), filters(&[("a/+", 1), ("c", 2)]));
    }

    #[test]
    fn only_the_difference_is_asked_of_the_broker() {
        let change = Change::between(&filters(&[("a/b", 0), ("c", 1)]), &filters(&[("a/+", 0), ("c", 0)]));
        assert_eq!(change, Change { add: vec![("a/+".into(), 0)], remove: vec!["a/b".into()] });
        assert!(change.overlaps());
        assert_eq!(Change::between(&filters(&[("c", 0)]), &filters(&[("c", 1)])).add, [("c".into(), 1)]);
    }

    fn any_filters() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[ab+](/[ab+]){0,2}(/#)?", 0..8)
    }

    proptest! {
        #[test]
        fn everything_needed_is_covered_and_nothing_twice(needs in any_filters(), topic in "[ab](/[ab]){0,3}") {
            let needs: Filters = needs.into_iter().map(|filter| (filter, 0)).collect();
            let covering = cover(&needs);
            if needs.keys().any(|filter| filter_matches(filter, &topic)) {
                prop_assert!(covering.keys().any(|filter| filter_matches(filter, &topic)));
            }
            for one in covering.keys() {
                for other in covering.keys() {
                    prop_assert!(one == other || !filter_covers(one, other), "{} covers {}", one, other);
                }
            }
        }
    }
}
