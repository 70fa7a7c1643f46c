//! Who waits for what, and who has it. Pure.

/// The most that may stand in line; more are sent away.
pub(super) const MOST: usize = 256;

/// One who wants a turn or has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) what: String,
    pub(super) who: String,
    /// It may have a turn while fewer than so many have one.
    pub(super) links: usize,
    pub(super) holds: bool,
}

/// All of them, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue(Vec<Entry>);

impl Queue {
    /// False if it is full.
    pub(super) fn enter(&mut self, entry: Entry) -> bool {
        let has_room = self.0.len() < MOST;
        if has_room {
            self.0.push(entry);
        }
        has_room
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.0.retain(|entry| entry.id != id);
    }

    pub(super) fn holders<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |entry| entry.holds && entry.what == what).map(|entry| entry.who.as_str())
    }

    /// Gives turns to those whose time has come. Nobody passes one who came before.
    pub(super) fn advance(&mut self) {
        for at in 0..self.0.len() {
            let entry = &self.0[at];
            let others =
                |holds: bool| self.0[..at].iter().any(|other| other.what == entry.what && other.holds == holds);
            let count = self.holders(&entry.what).count();
            if !entry.holds && !others(false) && count < entry.links {
                self.0[at].holds = true;
            }
        }
    }

    /// What each has to know now.
    pub(super) fn notices(&self) -> impl Iterator<Item = (u64, String)> {
        self.0.iter().map(|entry| {
            let is_wanted = self.0.iter().any(|other| !other.holds && other.what == entry.what);
            let notice = match (entry.holds, is_wanted) {
                (true, true) => "go\nasked".into(),
                (true, false) => "go\nunasked".into(),
                (false, _) => format!("wait\t{}", self.holders(&entry.what).collect::<Vec<_>>().join("\t")),
            };
            (entry.id, notice)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(entries: &[(&str, usize)]) -> Queue {
        let mut queue = Queue::default();
        for (id, (what, links)) in (0..).zip(entries) {
            queue.enter(Entry { id, what: (*what).into(), who: format!("w{id}"), links: *links, holds: false });
            queue.advance();
        }
        queue
    }

    fn notices(queue: &Queue) -> Vec<String> {
        queue.notices().map(|(_, notice)| notice.replace(['\n', '\t'], " ")).collect()
    }

    #[test]
    fn one_after_the_other_for_each_adapter() {
        let mut queue = queue(&[("a", 1), ("a", 1), ("b", 1), ("a", 1)]);
        assert_eq!(notices(&queue), ["go asked", "wait w0", "go unasked", "wait w0"]);
        queue.leave(0);
        queue.advance();
        assert_eq!(notices(&queue), ["go asked", "go unasked", "wait w1"]);
    }

    #[test]
    fn nobody_passes_one_who_came_before() {
        // The second wants the adapter for itself, the third would share it.
        let queue = queue(&[("a", 2), ("a", 1), ("a", 2)]);
        assert_eq!(notices(&queue), ["go asked", "wait w0", "wait w0"]);
    }

    #[test]
    fn a_full_queue_sends_away() {
        let mut queue = Queue::default();
        let entry = |id| Entry { id, what: "a".into(), who: "w".into(), links: 1, holds: false };
        assert!((0..MOST as u64).all(|id| queue.enter(entry(id))));
        assert!(!queue.enter(entry(1000)));
    }
}
