//! The steps with a memory. Time comes in with each sample; what such a step has to say by itself, it says when it is woken
//! at [`Memory::due`].

use std::time::Duration;

use fieldrail_model::{Class, Quality, Timestamp, Value};

use super::Item;
use super::window::{Span, Window};
use crate::expression::{Datum, EvalError, equal, subtract};

/// One step with a memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Remember {
    /// Only what differs from what passed before.
    OnChange,
    /// Only what differs by so much from what passed before.
    Deadband(f64),
    /// The same, as a part of what passed before: 0.05 for 5 %.
    DeadbandPart(f64),
    /// At most one in such a time: the first at once, the newest at the end.
    Throttle(Duration),
    /// Only what stands unchanged for such a time.
    Debounce(Duration),
    /// True from the upper bound on, false from the lower one on.
    Hysteresis(f64, f64),
    /// What came to the sample before.
    Delta,
    /// The same for each such time, in seconds.
    Rate(f64),
    /// The sum over time, in units of value times such a time, in seconds; with a stretch, also said at its ends.
    Integrate(f64, Option<Duration>),
    /// An aggregate over a stretch of time.
    Over(Span),
}

/// What one step remembers of one datapoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Memory {
    /// Nothing yet.
    #[default]
    Blank,
    /// What passed last.
    Passed(Value, Quality),
    /// What waits, and until when.
    Waiting {
        /// The newest value.
        item: Option<Item>,
        /// When it is said.
        due: Timestamp,
        /// Whether the last thing said was that the source is lost.
        lost: bool,
    },
    /// On which side of the bounds the value is.
    Side(bool),
    /// The last value with its time.
    Last(Value, Timestamp),
    /// The sum so far, the value that runs, since when, and when to say it next.
    Total {
        /// The sum, in units of value and seconds.
        total: f64,
        /// The value that runs, and since when.
        runs: Option<(f64, Timestamp)>,
        /// When to say it next.
        due: Option<Timestamp>,
    },
    /// A stretch of time.
    Window(Box<Window>),
}

impl Memory {
    /// When the step has something to say by itself.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { due, .. } => Some(*due),
            Self::Total { due, .. } => *due,
            Self::Window(window) => Some(window.due()),
            Self::Blank | Self::Passed(..) | Self::Side(_) | Self::Last(..) => None,
        }
    }
}

impl Remember {
    /// Whether what passes is what came, unchanged.
    pub(super) fn passes_on(&self) -> bool {
        matches!(self, Self::OnChange | Self::Throttle(_) | Self::Debounce(_))
    }

    /// Whether everything passes.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Deadband(width) | Self::DeadbandPart(width) if *width <= 0.0)
    }

    /// Takes a sample in; `None` while it is held.
    pub(super) fn take(&self, memory: &mut Memory, item: Item, now: Timestamp) -> Result<Option<Item>, EvalError> {
        match self {
            Self::OnChange => Ok(pass(memory, item, |before, value| {
                !(before == value || equal(&before.into(), &value.into()) == Ok(true))
            })),
            Self::Deadband(least) => Ok(pass(memory, item, |before, value| is_apart(before, value, |_| *least))),
            Self::DeadbandPart(part) => {
                Ok(pass(memory, item, |before, value| is_apart(before, value, |before| before.abs() * part)))
            }
            Self::Throttle(interval) => Ok(throttle(memory, item, *interval, now)),
            Self::Debounce(quiet) => Ok(debounce(memory, item, *quiet, now)),
            Self::Integrate(per, every) => integrate(memory, item, *per, *every, now),
            Self::Over(span) => {
                let window = if let Memory::Window(window) = memory {
                    window
                } else {
                    *memory = Memory::Window(Box::new(Window::new(span, now)));
                    let Memory::Window(window) = memory else { return Ok(None) };
                    window
                };
                window.take(span, &item, now)?;
                Ok(None)
            }
            _ if item.quality.class() == Class::Bad => Ok(Some(Item { value: Value::Null, ..item })),
            Self::Hysteresis(low, high) => {
                let x = number(&item.value, "hysteresis")?;
                let side = match memory {
                    _ if x >= *high => Some(true),
                    _ if x <= *low => Some(false),
                    Memory::Side(side) => Some(*side),
                    _ => None,
                };
                let Some(side) = side else { return Ok(None) };
                *memory = Memory::Side(side);
                Ok(Some(Item { value: Value::Bool(side), ..item }))
            }
            Self::Delta => {
                let now = Datum::from(&item.value);
                now.float("delta")?;
                let Memory::Last(before, _) = memory else {
                    *memory = Memory::Last(item.value, item.time);
                    return Ok(None);
                };
                let difference = subtract(&now, &(&*before).into())?.into_value()?;
                *memory = Memory::Last(item.value.clone(), item.time);
                Ok(Some(Item { value: difference, ..item }))
            }
            Self::Rate(per) => {
                let x = number(&item.value, "rate")?;
                let Memory::Last(before, since) = memory else {
                    *memory = Memory::Last(item.value, item.time);
                    return Ok(None);
                };
                let seconds = since.age(item.time).as_secs_f64();
                if seconds <= 0.0 {
                    return Ok(None);
                }
                let rate = (x - number(before, "rate")?) / seconds * per;
                *memory = Memory::Last(item.value.clone(), item.time);
                if rate.is_finite() {
                    Ok(Some(Item { value: Value::Float(rate), ..item }))
                } else {
                    Err(EvalError::Overflow("`rate`"))
                }
            }
        }
    }

    /// Says what the step has to say at its time.
    pub(super) fn wake(&self, memory: &mut Memory, now: Timestamp) -> Option<Item> {
        match (self, &mut *memory) {
            (Self::Throttle(interval), Memory::Waiting { item, due, lost }) => {
                if let Some(item) = item.take() {
                    *due = now.after(*interval);
                    *lost = item.quality.class() == Class::Bad;
                    Some(item)
                } else {
                    *memory = Memory::Blank;
                    None
                }
            }
            (_, Memory::Waiting { item, .. }) => {
                let item = item.take();
                *memory = Memory::Blank;
                item
            }
            (Self::Integrate(per, every), Memory::Total { total, runs, due }) => {
                let (value, quality) = match runs {
                    Some((x, since)) => {
                        *total += *x * since.age(now).as_secs_f64();
                        *since = now;
                        (*total, Quality::Good)
                    }
                    None => (*total, Quality::LastUsable),
                };
                *due = every.map(|every| Span::end_of(now, every));
                Some(Item { value: Value::Float(value / per), quality, note: None, time: now })
            }
            (Self::Over(span), Memory::Window(window)) => window.wake(span, now),
            // A memory of another step, as a changed file may leave one: begin anew.
            (_, memory) => {
                *memory = Memory::Blank;
                None
            }
        }
    }
}

/// The first at once, the newest at the end of the interval; the loss of the source does not wait.
fn throttle(memory: &mut Memory, item: Item, interval: Duration, now: Timestamp) -> Option<Item> {
    let bad = item.quality.class() == Class::Bad;
    match memory {
        Memory::Waiting { item: waiting, lost, .. } if *lost || !bad => {
            *waiting = Some(item);
            None
        }
        _ => {
            *memory = Memory::Waiting { item: None, due: now.after(interval), lost: bad };
            Some(item)
        }
    }
}

/// What stands unchanged for the time; the loss of the source does not wait.
fn debounce(memory: &mut Memory, item: Item, quiet: Duration, now: Timestamp) -> Option<Item> {
    let lost = match memory {
        Memory::Waiting { lost, .. } => *lost,
        Memory::Passed(_, quality) => quality.class() == Class::Bad,
        _ => false,
    };
    if item.quality.class() == Class::Bad {
        *memory = Memory::Passed(item.value.clone(), item.quality);
        return (!lost).then_some(item);
    }
    match memory {
        Memory::Waiting { item: Some(waiting), .. } if waiting.value == item.value => {}
        _ => *memory = Memory::Waiting { item: Some(item), due: now.after(quiet), lost },
    }
    None
}

fn number(value: &Value, step: &'static str) -> Result<f64, EvalError> {
    match value.as_f64() {
        Some(x) if x.is_finite() => Ok(x),
        Some(_) => Err(EvalError::Undefined("the value is NaN or infinite")),
        None => Err(EvalError::Type { operation: step, kind: value.kind() }),
    }
}

/// Lets an item pass if it differs from what passed before, and remembers it. Another class of quality always passes.
fn pass(memory: &mut Memory, item: Item, differs: impl Fn(&Value, &Value) -> bool) -> Option<Item> {
    if let Memory::Passed(before, quality) = memory
        && quality.class() == item.quality.class()
        && !differs(before, &item.value)
    {
        return None;
    }
    *memory = Memory::Passed(item.value.clone(), item.quality);
    Some(item)
}

/// Whether two numbers lie so far apart; what is no number differs if it is another one.
fn is_apart(before: &Value, value: &Value, least: impl Fn(f64) -> f64) -> bool {
    match (before.as_f64(), value.as_f64()) {
        (Some(a), Some(b)) if a.is_finite() && b.is_finite() => (a - b).abs() >= least(a) && a.to_bits() != b.to_bits(),
        _ => before != value,
    }
}

fn integrate(
    memory: &mut Memory,
    item: Item,
    per: f64,
    every: Option<Duration>,
    now: Timestamp,
) -> Result<Option<Item>, EvalError> {
    let bad = item.quality.class() == Class::Bad;
    let x = if bad { Ok(None) } else { number(&item.value, "integrate").map(Some) };
    let (mut total, mut due) = (0.0, every.map(|every| Span::end_of(now, every)));
    if let Memory::Total { total: so_far, runs, due: next } = memory {
        total = *so_far + runs.map_or(0.0, |(x, since)| x * since.age(now).as_secs_f64());
        due = *next;
    }
    if !total.is_finite() {
        return Err(EvalError::Overflow("`integrate`"));
    }
    // What is no number ends the time of the value before it, as a lost source does.
    *memory = Memory::Total { total, runs: x.clone().ok().flatten().map(|x| (x, now)), due };
    x?;
    let quality = if bad { Quality::LastUsable } else { item.quality };
    Ok(Some(Item { value: Value::Float(total / per), quality, ..item }))
}
