//! Routes that fail, for whoever asks what needs a hand.

use fieldrail_router::Counters;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Node;

/// A route fails when of so many of its samples at least one could not be computed; a few at the start of a day are none.
const ONE_IN: u64 = 100;

/// A route whose condition or transform fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailingRoute {
    /// The route.
    pub id: String,
    /// Samples that could not be computed since it was last changed.
    pub errors: u64,
    /// Samples of its sources since then.
    pub matched: u64,
    /// Why, the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The routes that fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailingRoutes {
    /// Those with the most errors, as many as were asked for.
    pub items: Vec<FailingRoute>,
    /// How many there are in all.
    pub count: usize,
}

impl Node {
    /// The routes in force that fail, those with the most errors first.
    pub fn failing_routes(&self, most: usize) -> FailingRoutes {
        let engine = self.traffic.engine();
        let mut failing: Vec<_> = engine.router.routes().filter(|(_, _, counters)| fails(counters)).collect();
        failing.sort_by_key(|(_, _, counters)| std::cmp::Reverse(counters.errors));
        let view = |(_, spec, counters): &(_, &fieldrail_router::RouteSpec, &Counters)| FailingRoute {
            id: spec.id.clone(),
            errors: counters.errors,
            matched: counters.matched,
            last_error: counters.last_error.as_deref().map(Into::into),
        };
        FailingRoutes { count: failing.len(), items: failing.iter().take(most).map(view).collect() }
    }
}

fn fails(counters: &Counters) -> bool {
    counters.errors > 0 && counters.errors.saturating_mul(ONE_IN) >= counters.matched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_failed_once_a_while_ago_is_well_again() {
        let of = |errors, matched| fails(&Counters { errors, matched, ..Counters::default() });
        assert!(of(1, 1) && of(1, 100) && of(7, 500));
        assert!(!of(0, 0) && !of(0, 900) && !of(1, 101) && !of(7, 701));
    }
}
