//! The search for the highest rate that is sustained: climb, bisect, confirm. A state machine without clock or load.

/// How far and how fine to search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// First rate, in messages a second.
    pub(crate) start: u32,
    /// The search goes no lower.
    pub(crate) floor: u32,
    /// The search goes no higher.
    pub(crate) ceiling: u32,
    /// Steps between the last good and the first bad rate, at most.
    pub(crate) bisections: u32,
    /// Steps at the limit that was found; at least one.
    pub(crate) tries: u32,
    /// How often the limit may go down by a tenth because a try failed.
    pub(crate) retreats: u32,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Messages a second.
    pub(crate) rate: u32,
    /// Tries at this rate that were sustained.
    pub(crate) held: u32,
    /// Tries at this rate.
    pub(crate) tries: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Doubling. A first failure at a rate gets a second chance: one hiccup must not end the climb.
    Climb { second_chance: bool },
    /// Nothing has held yet: halving.
    Descend,
    /// Between `good` and `bad`.
    Bisect { left: u32 },
    /// At `good`, which is where the answer is counted.
    Confirm { left: u32 },
    /// No more steps.
    Done,
}

/// A search under way: ask [`Search::next`], run the step, tell [`Search::record`].
#[derive(Debug)]
pub(crate) struct Search {
    rules: Rules,
    phase: Phase,
    /// The rate of the next step.
    rate: u32,
    /// The highest rate that held.
    good: Option<u32>,
    /// The lowest rate that did not.
    bad: Option<u32>,
    limit: Option<Limit>,
    retreats: u32,
}

impl Search {
    /// A search that has not made a step.
    pub(crate) fn new(rules: Rules) -> Self {
        let phase = Phase::Climb { second_chance: true };
        Self { rules, phase, rate: rules.start, good: None, bad: None, limit: None, retreats: rules.retreats }
    }

    /// The rate to try, or `None` when the search is over.
    pub(crate) fn next(&self) -> Option<u32> {
        (self.phase != Phase::Done).then_some(self.rate)
    }

    /// The limit as far as it is known; with fewer tries than asked for when the search was cut short.
    pub(crate) fn limit(&self) -> Option<Limit> {
        self.limit.or(self.good.map(|rate| Limit { rate, held: 1, tries: 1 }))
    }

    /// The lowest rate that was not sustained.
    pub(crate) fn first_bad(&self) -> Option<u32> {
        self.bad
    }

    /// Takes the result of the step that [`Search::next`] named.
    pub(crate) fn record(&mut self, sustained: bool) {
        match (self.phase, sustained) {
            (Phase::Climb { .. }, true) => self.climbed(),
            (Phase::Climb { second_chance: true }, false) => self.phase = Phase::Climb { second_chance: false },
            (Phase::Climb { .. } | Phase::Descend, false) => self.fell(),
            (Phase::Descend, true) => {
                self.good = Some(self.rate);
                self.bisect(self.rules.bisections);
            }
            (Phase::Bisect { left }, held) => {
                *(if held { &mut self.good } else { &mut self.bad }) = Some(self.rate);
                self.bisect(left - 1);
            }
            (Phase::Confirm { left }, held) => self.confirmed(left - 1, held),
            (Phase::Done, _) => {}
        }
    }

    fn climbed(&mut self) {
        self.good = Some(self.rate);
        if self.rate >= self.rules.ceiling {
            self.confirm(self.rate);
        } else {
            self.phase = Phase::Climb { second_chance: true };
            self.rate = self.rate.saturating_mul(2).min(self.rules.ceiling);
        }
    }

    fn fell(&mut self) {
        self.bad = Some(self.rate);
        if self.good.is_some() {
            self.bisect(self.rules.bisections);
        } else if self.rate <= self.rules.floor {
            self.phase = Phase::Done;
        } else {
            self.phase = Phase::Descend;
            self.rate = (self.rate / 2).max(self.rules.floor);
        }
    }

    /// Goes on between good and bad while that is worth a step: more than 5 % apart.
    fn bisect(&mut self, left: u32) {
        let (Some(good), Some(bad)) = (self.good, self.bad) else { return };
        let middle = three_digits(good.midpoint(bad));
        if left == 0 || bad - good <= good / 20 || middle <= good || middle >= bad {
            self.confirm(good);
        } else {
            self.phase = Phase::Bisect { left };
            self.rate = middle;
        }
    }

    fn confirm(&mut self, rate: u32) {
        self.rate = rate;
        self.limit = None;
        self.phase = Phase::Confirm { left: self.rules.tries };
    }

    fn confirmed(&mut self, left: u32, held: bool) {
        let so_far = self.limit.unwrap_or(Limit { rate: self.rate, held: 0, tries: 0 });
        self.limit = Some(Limit { held: so_far.held + u32::from(held), tries: so_far.tries + 1, ..so_far });
        let lower = three_digits(self.rate / 10 * 9);
        if !held && self.retreats > 0 && lower >= self.rules.floor {
            self.retreats -= 1;
            self.bad = Some(self.rate);
            self.good = Some(lower);
            self.confirm(lower);
            self.limit = Some(Limit { rate: lower, held: 0, tries: 0 });
        } else {
            self.phase = if left == 0 { Phase::Done } else { Phase::Confirm { left } };
        }
    }
}

/// Rounded to three digits: a fourth would claim what no step can tell.
fn three_digits(rate: u32) -> u32 {
    let mut unit = 1;
    while rate / unit >= 1000 {
        unit *= 10;
    }
    (rate + unit / 2) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { start: 5_000, floor: 100, ceiling: 1_000_000, bisections: 4, tries: 3, retreats: 2 };

    /// Runs the search against `holds` and gives the limit and all steps.
    fn simulate(rules: Rules, mut holds: impl FnMut(usize, u32) -> bool) -> (Option<Limit>, Vec<u32>) {
        let mut search = Search::new(rules);
        let mut steps = Vec::new();
        while let Some(rate) = search.next() {
            search.record(holds(steps.len(), rate));
            steps.push(rate);
            assert!(steps.len() < 60, "the search does not end: {steps:?}");
        }
        (search.limit(), steps)
    }

    #[test]
    fn the_limit_is_found_within_a_sixteenth_from_below() {
        for truth in [120, 999, 5_000, 7_777, 25_000, 26_000, 149_000, 999_000] {
            let (limit, steps) = simulate(RULES, |_, rate| rate <= truth);
            let limit = limit.unwrap();
            assert!(limit.rate <= truth && limit.rate * 16 >= truth * 15 - 16, "{truth}: {limit:?} by {steps:?}");
            assert_eq!((limit.held, limit.tries), (3, 3));
            assert!(steps.len() <= 20, "{steps:?}");
        }
    }

    #[test]
    fn one_hiccup_does_not_end_the_climb() {
        let (limit, steps) = simulate(RULES, |step, rate| step != 1 && rate <= 40_000);
        assert_eq!(&steps[..3], [5_000, 10_000, 10_000]);
        assert!(limit.unwrap().rate >= 37_500);
    }

    /// Steps until the search stands before its first try at 37,500.
    const FOUND: usize = 9;

    #[test]
    fn a_limit_that_does_not_hold_again_goes_down() {
        let (limit, steps) = simulate(RULES, |step, rate| rate <= if step < FOUND { 37_500 } else { 34_000 });
        assert_eq!(steps[FOUND..], [37_500, 33_800, 33_800, 33_800]);
        assert_eq!(limit, Some(Limit { rate: 33_800, held: 3, tries: 3 }));
    }

    #[test]
    fn a_limit_that_never_holds_again_is_told_as_it_is() {
        let (limit, steps) = simulate(RULES, |step, rate| step < FOUND && rate <= 37_500);
        assert_eq!(steps[FOUND..], [37_500, 33_800, 30_400, 30_400, 30_400]);
        assert_eq!(limit, Some(Limit { rate: 30_400, held: 0, tries: 3 }));
    }

    #[test]
    fn the_ceiling_is_the_last_step_of_the_climb() {
        let (limit, steps) = simulate(Rules { ceiling: 30_000, ..RULES }, |_, _| true);
        assert_eq!(limit, Some(Limit { rate: 30_000, held: 3, tries: 3 }));
        assert_eq!(steps, [5_000, 10_000, 20_000, 30_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn nothing_that_holds_is_no_limit() {
        let (limit, steps) = simulate(RULES, |_, _| false);
        assert_eq!(limit, None);
        assert_eq!(steps.last(), Some(&100));
    }

    #[test]
    fn a_search_cut_short_tells_what_held() {
        let mut search = Search::new(RULES);
        search.record(true);
        assert_eq!(search.limit(), Some(Limit { rate: 5_000, held: 1, tries: 1 }));
        assert_eq!(search.next(), Some(10_000));
    }
}
