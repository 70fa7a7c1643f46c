//! A table that gives its entries their places when they are first asked for, so that what is used one after the other lies
//! one after the other, however large the table of their owners is.

/// The place of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u32);

/// Entries by the index of their owner, for example a route.
pub(super) struct Placed<T> {
    entries: Vec<T>,
    /// By owner.
    places: Vec<Option<Place>>,
}

impl<T> Default for Placed<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: Vec::new() }
    }
}

impl<T: Default> Placed<T> {
    /// The owner's place, made if it has none yet.
    pub(super) fn place(&mut self, owner: usize) -> Place {
        if self.places.len() <= owner {
            self.places.resize(owner + 1, None);
        }
        *self.places[owner].get_or_insert_with(|| {
            self.entries.push(T::default());
            Place(u32::try_from(self.entries.len() - 1).expect("there are no more places than owners"))
        })
    }

    /// The owner's entry, made if there is none yet.
    pub(super) fn entry(&mut self, owner: usize) -> &mut T {
        let place = self.place(owner);
        self.at_mut(place)
    }

    /// The owner's place, if it has one.
    pub(super) fn find(&self, owner: usize) -> Option<Place> {
        self.places.get(owner).copied()?
    }

    /// The owner's entry, if it has one.
    pub(super) fn of(&self, owner: usize) -> Option<&T> {
        self.find(owner).map(|place| self.at(place))
    }

    pub(super) fn at(&self, place: Place) -> &T {
        &self.entries[place.0 as usize]
    }

    pub(super) fn at_mut(&mut self, place: Place) -> &mut T {
        &mut self.entries[place.0 as usize]
    }

    /// All entries, in no order that means anything.
    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut()
    }

    /// The same entries with other owners, `(before, now)`; entries of owners that are gone are dropped. They lie in the
    /// order in which they lay before.
    pub(super) fn moved(mut self, owners: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let placed = owners.into_iter().filter_map(|(before, now)| Some((self.find(before)?, now)));
        let mut placed: Vec<(Place, usize)> = placed.collect();
        placed.sort_unstable();
        let mut moved = Self::default();
        for (before, now) in placed {
            *moved.entry(now) = std::mem::take(self.at_mut(before));
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_lie_in_the_order_in_which_they_were_asked_for_and_keep_it_when_they_move() {
        let mut table: Placed<u8> = Placed::default();
        for (owner, value) in [(7, 70), (2, 20), (5, 50)] {
            *table.entry(owner) = value;
        }
        assert_eq!((table.entries.as_slice(), table.of(2), table.of(3)), ([70, 20, 50].as_slice(), Some(&20), None));
        let table = table.moved([(2, 9), (3, 1), (7, 0)]);
        assert_eq!((table.entries.as_slice(), table.of(9), table.of(1)), ([70, 20].as_slice(), Some(&20), None));
    }
}
