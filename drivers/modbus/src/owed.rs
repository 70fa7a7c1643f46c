//! Answers that a unit still owes, on lines whose answers bear no number: there a late answer looks like the one that was
//! asked for. Pure: time is an argument.
//!
//! Invariant: an answer to an older question is never taken for the answer to a newer one, however late it comes. A unit
//! answers in the order in which it was asked. So after a question that had no answer comes one whose answer has another
//! [`Shape`] than all that are owed; once that is answered, nothing older can come any more, and the unit is trusted again.
//! A refusal has no shape: while something of its function is owed, it counts as late.

use std::time::Duration;

use tokio::time::Instant;

use crate::codec::pdu::{Request, Response};
use crate::codec::shape::{Shape, distinct_read};

/// The most questions without an answer that are remembered.
const MOST: usize = 8;

/// Where no distinct question is possible, nobody is believed to answer later than this.
const LATEST: Duration = Duration::from_secs(10);

/// What one unit owes.
#[derive(Debug, Clone, Default)]
pub struct Owed {
    shapes: Vec<Shape>,
    last: Option<Instant>,
}

/// What has to be asked before a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Nothing: its answer cannot be mistaken.
    Nothing,
    /// This, until it is answered.
    Ask(Request),
    /// There is no question whose answer could not be mistaken; wait until then.
    Wait(Instant),
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The one that was asked for.
    Ours,
    /// One to an older question.
    Late,
    /// One to a question that was not asked here.
    Foreign,
}

impl Owed {
    /// A question had no answer in time.
    pub fn lost(&mut self, request: &Request, now: Instant) {
        self.shapes.push(Shape::of(request));
        self.last = Some(now);
    }

    /// What has to be asked before this question.
    pub fn before(&mut self, request: &Request, now: Instant) -> Before {
        let Some(last) = self.last.filter(|_| !self.shapes.is_empty()) else { return Before::Nothing };
        let is_full = self.shapes.len() >= MOST;
        if !is_full && !self.shapes.contains(&Shape::of(request)) {
            return Before::Nothing;
        }
        if !is_full && let Some(question) = distinct_read(request, &self.shapes) {
            return Before::Ask(question);
        }
        if now >= last + LATEST {
            self.shapes.clear();
            return Before::Nothing;
        }
        Before::Wait(last + LATEST)
    }

    /// Whether this answer was owed; it is no longer.
    pub fn came(&mut self, response: &Response) -> bool {
        let Some(index) = self.shapes.iter().position(|shape| shape.fits(response)) else { return false };
        // Answers come in order: what was owed before this one will not come any more.
        self.shapes.drain(..=index);
        true
    }

    /// What this answer of the unit is, while the answer to `request` is waited for.
    pub fn judge(&mut self, request: &Request, response: &Response, now: Instant) -> Verdict {
        let is_old = self.last.is_none_or(|last| now >= last + LATEST);
        let is_refusal = matches!(response, Response::Refused { .. });
        if is_refusal && is_old {
            self.shapes.clear();
        }
        if self.came(response) {
            return Verdict::Late;
        }
        if Shape::of(request).fits(response) {
            self.shapes.clear();
            return Verdict::Ours;
        }
        Verdict::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::pdu::{Exception, Table};
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn read(start: u16, count: u16) -> Request {
        Request::Read { table: Table::Holding, start, count }
    }

    /// The registers of the device hold their own address.
    fn answer(request: &Request) -> Response {
        match *request {
            Request::Read { start, count, .. } if u32::from(start) + u32::from(count) <= 1000 => {
                Response::Registers { table: Table::Holding, values: (start..start + count).collect() }
            }
            _ => Response::Refused { function: 3, exception: Exception::ILLEGAL_ADDRESS },
        }
    }

    #[test]
    fn the_same_question_again_is_preceded_by_one_that_cannot_be_mistaken() {
        let now = Instant::now();
        let mut owed = Owed::default();
        assert_eq!(owed.before(&read(2, 4), now), Before::Nothing);
        owed.lost(&read(2, 4), now);
        assert_eq!(owed.before(&read(3, 4), now), Before::Ask(read(3, 3)));
        assert_eq!(owed.before(&read(3, 5), now), Before::Nothing);
        // The late answer of register 2 comes while 3 is asked for.
        assert_eq!(owed.judge(&read(3, 3), &answer(&read(2, 4)), now), Verdict::Late);
        assert_eq!(owed.judge(&read(3, 3), &answer(&read(3, 3)), now), Verdict::Ours);
        assert_eq!(owed.before(&read(3, 4), now), Before::Nothing);
    }

    #[test]
    fn a_refusal_is_late_while_one_of_its_function_is_owed() {
        let now = Instant::now();
        let mut owed = Owed::default();
        let refused = answer(&read(2000, 1));
        owed.lost(&read(2, 4), now);
        assert_eq!(owed.judge(&read(3, 5), &refused, now), Verdict::Late);
        assert_eq!(owed.judge(&read(3, 5), &refused, now), Verdict::Ours);
        owed.lost(&read(2, 4), now);
        assert_eq!(owed.judge(&read(3, 5), &refused, now + LATEST), Verdict::Ours);
    }

    #[test]
    fn where_nothing_distinct_can_be_asked_time_has_to_pass() {
        let now = Instant::now();
        let mut owed = Owed::default();
        owed.lost(&read(0xffff, 1), now);
        assert_eq!(owed.before(&read(0xffff, 1), now), Before::Wait(now + LATEST));
        assert_eq!(owed.before(&read(0xffff, 1), now + LATEST), Before::Nothing);
    }

    proptest! {
        /// A unit that answers in order, but some answers late by any number of questions and some never.
        #[test]
        fn no_late_answer_is_ever_taken_for_the_one_that_was_asked_for(
            questions in prop::collection::vec((0_u16..1100, 1_u16..6, 0_usize..4, any::<bool>()), 1..80),
        ) {
            let now = Instant::now();
            let mut owed = Owed::default();
            // Answers on their way, each with the number of the question.
            let mut wire: VecDeque<(usize, Response)> = VecDeque::new();
            let mut number = 0;
            for (start, count, arrive, lost) in questions {
                let wanted = read(start, count);
                let asked = match owed.before(&wanted, now) {
                    Before::Nothing => wanted,
                    Before::Ask(other) => other,
                    Before::Wait(_) => {
                        // The wire falls silent before anybody asks again.
                        wire.clear();
                        prop_assert_eq!(owed.before(&wanted, now + LATEST), Before::Nothing);
                        wanted
                    }
                };
                number += 1;
                if !lost {
                    wire.push_back((number, answer(&asked)));
                }
                let mut ours = None;
                for _ in 0..arrive {
                    let Some((of, response)) = wire.pop_front() else { break };
                    if owed.judge(&asked, &response, now) == Verdict::Ours {
                        ours = Some((of, response));
                        break;
                    }
                }
                match ours {
                    Some((of, response)) => {
                        prop_assert_eq!(of, number, "the answer to another question was taken");
                        prop_assert_eq!(response, answer(&asked));
                        prop_assert!(wire.is_empty());
                    }
                    None => owed.lost(&asked, now),
                }
            }
        }
    }
}
