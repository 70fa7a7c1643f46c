//! What waits in front of one target instance: bounded, in order per tag, commands first.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use fieldrail_model::{Origin, Timestamp, Value};

use crate::file::Mode;
use crate::rules::RouteIndex;

/// As many values may wait before those of mode [`Mode::Latest`] take each other's place.
pub const LATEST_BOUND: usize = 8192;
/// So long a value of mode [`Mode::Latest`] may wait before a newer one of its tag makes it void: then the target is slow,
/// and whoever stands behind it would wait for what nobody needs.
pub const LATEST_PATIENCE: Duration = Duration::from_millis(150);
/// The most values of mode [`Mode::Queued`] that wait.
pub const QUEUED_BOUND: usize = 65_536;
/// The most commands that wait.
pub const COMMAND_BOUND: usize = 1024;

/// The number of a tag of the instance, as the plugin protocol counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagNo(pub u32);

/// Where something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// In the lane of routes.
    Route(Mode),
    /// In the lane of commands, with the command's id.
    Command(u64),
    /// On disk, with its number there.
    Durable(u64),
}

/// Which route sends a value: for its latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentBy {
    /// The route's place in the rules of that time.
    pub route: RouteIndex,
    /// Which rules these were.
    pub rules: u32,
}

/// One value that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The tag that it is for.
    pub tag: TagNo,
    /// What to write.
    pub value: Value,
    /// Where it first came from.
    pub origin: Option<Origin>,
    /// From this time on it must not be sent; `None` for never.
    pub expires: Option<Timestamp>,
    /// Where it waits.
    pub lane: Lane,
    /// Since when it waits.
    pub since: Timestamp,
    /// The route that sends it; none for a person's command.
    pub by: Option<SentBy>,
}

/// What became of a command that was handed in.
#[derive(Debug, PartialEq, Eq)]
pub enum Handed {
    /// It waits.
    Waits,
    /// It waits in place of an older one for the same tag, which will never be sent.
    Supersedes(Waiting),
    /// [`COMMAND_BOUND`] commands wait already: it is not taken.
    Full,
}

/// What [`Queue::take`] gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// To be sent now, in this order.
    pub items: Vec<Waiting>,
    /// Never to be sent: their time was over.
    pub expired: Vec<Waiting>,
}

/// What was not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Values whose place a newer one for the same tag has taken.
    pub coalesced: u64,
    /// Values that found the queue full.
    pub dropped: u64,
    /// Values and commands whose time was over.
    pub expired: u64,
}

/// The queue of one target instance.
#[derive(Debug, Default)]
pub struct Queue {
    commands: VecDeque<Waiting>,
    values: VecDeque<Waiting>,
    /// How many values were ever taken from the front: the first of `values` has this number.
    first: u64,
    /// The number of the newest value that waits for a tag.
    newest: HashMap<TagNo, u64>,
    /// A command for the tag came when this was the next number: older values of mode latest are void.
    commanded: HashMap<TagNo, u64>,
    queued: usize,
    losses: Losses,
}

impl Queue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many values and commands wait.
    pub fn len(&self) -> usize {
        self.commands.len() + self.values.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was not sent since the beginning.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Adds a value of a route. Values for one tag are sent in the order in which they came. Of mode latest all are kept
    /// while they are sent within [`LATEST_PATIENCE`] and fewer than [`LATEST_BOUND`] wait; beyond it a value takes the place
    /// of the tag's newest one, so that their number is bounded by the number of tags.
    #[allow(clippy::too_many_arguments)] // each is a different thing, and a struct for one call would hide that
    pub fn push(
        &mut self,
        tag: TagNo,
        value: Value,
        origin: Option<Origin>,
        ttl: Option<Duration>,
        mode: Mode,
        by: Option<SentBy>,
        now: Timestamp,
    ) {
        let expires = ttl.map(|ttl| now.after(ttl));
        let item = Waiting { tag, value, origin, expires, lane: Lane::Route(mode), since: now, by };
        match mode {
            Mode::Queued | Mode::Durable if self.queued >= QUEUED_BOUND => {
                self.losses.dropped += 1;
                return;
            }
            Mode::Queued | Mode::Durable => self.queued += 1,
            Mode::Latest if self.values.len() >= LATEST_BOUND => {
                if let Some(place) = self.replaceable(tag) {
                    *place = item;
                    self.losses.coalesced += 1;
                    return;
                }
            }
            Mode::Latest => {}
        }
        self.newest.insert(tag, self.next_number());
        self.values.push_back(item);
    }

    /// Adds a command of a person. It overtakes all values; those of mode latest for the same tag are older and never sent.
    pub fn push_command(&mut self, id: u64, tag: TagNo, value: Value, ttl: Option<Duration>, now: Timestamp) -> Handed {
        let command = Waiting {
            tag,
            value,
            origin: None,
            expires: ttl.map(|ttl| now.after(ttl)),
            lane: Lane::Command(id),
            since: now,
            by: None,
        };
        let waiting = self.commands.len();
        let older = self.commands.iter_mut().find(|older| older.tag == tag);
        let handed = match older {
            Some(older) => Handed::Supersedes(std::mem::replace(older, command)),
            None if waiting >= COMMAND_BOUND => return Handed::Full,
            None => {
                self.commands.push_back(command);
                Handed::Waits
            }
        };
        if self.newest.contains_key(&tag) {
            self.commanded.insert(tag, self.next_number());
        }
        handed
    }

    /// Takes up to `max` of what waits, commands first. What expired is given apart and does not count.
    pub fn take(&mut self, max: usize, now: Timestamp) -> Taken {
        let mut taken = Taken::default();
        while taken.items.len() < max {
            let Some(item) = self.commands.pop_front().or_else(|| self.pop_value(now)) else { break };
            if item.expires.is_some_and(|expires| expires <= now) {
                self.losses.expired += 1;
                taken.expired.push(item);
            } else {
                taken.items.push(item);
            }
        }
        taken
    }

    /// The ids of the commands that wait.
    pub fn commands(&self) -> impl Iterator<Item = u64> {
        self.commands.iter().filter_map(|waiting| match waiting.lane {
            Lane::Command(id) => Some(id),
            Lane::Route(_) | Lane::Durable(_) => None,
        })
    }

    /// Takes the commands out whose time is over, while nothing can be sent. Returns their ids.
    pub fn expire_commands(&mut self, now: Timestamp) -> Vec<u64> {
        let is_over = |waiting: &Waiting| waiting.expires.is_some_and(|expires| expires <= now);
        let (over, kept) = std::mem::take(&mut self.commands).into_iter().partition(is_over);
        self.commands = kept;
        let over: VecDeque<Waiting> = over;
        self.losses.expired += over.len() as u64;
        let id = |waiting: Waiting| if let Lane::Command(id) = waiting.lane { Some(id) } else { None };
        over.into_iter().filter_map(id).collect()
    }

    fn next_number(&self) -> u64 {
        self.first + self.values.len() as u64
    }

    /// The tag's newest value, if a newer one may take its place.
    fn replaceable(&mut self, tag: TagNo) -> Option<&mut Waiting> {
        let number = *self.newest.get(&tag)?;
        if self.commanded.get(&tag).is_some_and(|from| number < *from) {
            return None;
        }
        let place = usize::try_from(number - self.first).ok()?;
        self.values.get_mut(place).filter(|waiting| waiting.lane == Lane::Route(Mode::Latest))
    }

    /// The first value that neither a command nor, after a long wait, a newer one has made void.
    fn pop_value(&mut self, now: Timestamp) -> Option<Waiting> {
        loop {
            let item = self.values.pop_front()?;
            let number = self.first;
            self.first += 1;
            let mut void = self.commanded.get(&item.tag).is_some_and(|from| number < *from);
            if self.newest.get(&item.tag) == Some(&number) {
                // The last one for this tag: nothing is known of it any more.
                self.newest.remove(&item.tag);
                self.commanded.remove(&item.tag);
            } else {
                void |= item.since.age(now) > LATEST_PATIENCE;
            }
            match item.lane {
                Lane::Route(Mode::Latest) if void => self.losses.coalesced += 1,
                Lane::Route(Mode::Latest) | Lane::Command(_) | Lane::Durable(_) => return Some(item),
                Lane::Route(Mode::Queued | Mode::Durable) => {
                    self.queued -= 1;
                    return Some(item);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
