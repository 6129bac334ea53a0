//! Places for lanes, flows and tenants, and the rings they stand in while they wait for a turn.
//!
//! A ring is a doubly linked list through the members themselves: joining, leaving from the middle and taking the front cost the
//! same however many wait. Invariant, kept by the callers: a member stands in at most one ring at a time.

use std::ops::{Index, IndexMut};

/// No member.
const NONE: u32 = u32::MAX;

/// A vector with holes: what is put in keeps its index until it is taken out.
#[derive(Debug)]
pub(super) struct Arena<T> {
    places: Vec<Option<T>>,
    vacant: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { places: Vec::new(), vacant: Vec::new() }
    }
}

impl<T> Arena<T> {
    pub(super) fn put(&mut self, member: T) -> u32 {
        if let Some(index) = self.vacant.pop() {
            self.places[index as usize] = Some(member);
            return index;
        }
        self.places.push(Some(member));
        u32::try_from(self.places.len() - 1).expect("four thousand million lanes or flows do not fit in memory")
    }

    pub(super) fn take(&mut self, index: u32) -> T {
        self.vacant.push(index);
        self.places[index as usize].take().expect("an index is used until its member is taken out")
    }

    /// Members and their indexes.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.places).filter_map(|(index, place)| Some((index, place.as_ref()?)))
    }
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;

    fn index(&self, index: u32) -> &T {
        self.places[index as usize].as_ref().expect("an index is used until its member is taken out")
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    fn index_mut(&mut self, index: u32) -> &mut T {
        self.places[index as usize].as_mut().expect("an index is used until its member is taken out")
    }
}

/// A member's neighbours in its ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links {
    before: u32,
    after: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self { before: NONE, after: NONE }
    }
}

/// Where the members of a ring are.
pub(super) trait Members {
    fn links(&mut self, index: u32) -> &mut Links;
}

/// Members in the order of their turns.
#[derive(Debug)]
pub(super) struct Ring {
    front: u32,
    back: u32,
    len: u32,
}

impl Default for Ring {
    fn default() -> Self {
        Self { front: NONE, back: NONE, len: 0 }
    }
}

impl Ring {
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn front(&self) -> Option<u32> {
        if self.len == 0 { None } else { Some(self.front) }
    }

    pub(super) fn join(&mut self, members: &mut impl Members, index: u32) {
        *members.links(index) = Links { before: self.back, after: NONE };
        if self.len == 0 {
            self.front = index;
        } else {
            members.links(self.back).after = index;
        }
        self.back = index;
        self.len += 1;
    }

    pub(super) fn leave(&mut self, members: &mut impl Members, index: u32) {
        let Links { before, after } = std::mem::take(members.links(index));
        if before == NONE {
            self.front = after;
        } else {
            members.links(before).after = after;
        }
        if after == NONE {
            self.back = before;
        } else {
            members.links(after).before = before;
        }
        self.len -= 1;
    }

    pub(super) fn requeue(&mut self, members: &mut impl Members, index: u32) {
        if self.back != index {
            self.leave(members, index);
            self.join(members, index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    impl Members for Vec<Links> {
        fn links(&mut self, index: u32) -> &mut Links {
            &mut self[index as usize]
        }
    }

    proptest! {
        #[test]
        fn a_ring_is_a_queue_that_can_be_left_from_the_middle(steps in proptest::collection::vec((0..3u8, 0..8u32), 0..200)) {
            let (mut ring, mut members, mut model) = (Ring::default(), vec![Links::default(); 8], VecDeque::new());
            for (step, index) in steps {
                match (step, model.contains(&index)) {
                    (0, false) => {
                        ring.join(&mut members, index);
                        model.push_back(index);
                    }
                    (1, true) => {
                        ring.leave(&mut members, index);
                        model.retain(|other| *other != index);
                    }
                    (2, true) => {
                        ring.requeue(&mut members, index);
                        model.retain(|other| *other != index);
                        model.push_back(index);
                    }
                    _ => {}
                }
                prop_assert_eq!(ring.front(), model.front().copied());
                prop_assert_eq!(ring.len as usize, model.len());
            }
            while let Some(index) = ring.front() {
                ring.leave(&mut members, index);
                prop_assert_eq!(Some(index), model.pop_front());
            }
            prop_assert!(model.is_empty());
        }
    }
}
