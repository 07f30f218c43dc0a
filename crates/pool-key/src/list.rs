//! In which order are records, when the order changes with every use?
//!
//! A doubly linked list threaded through the records of a slab: joining, leaving and moving take constant time and no
//! memory of their own. A record can be in several lists at once, one for each kind `L` of link that it has.

use core::marker::PhantomData;

use crate::slab::{Slab, Slot};

/// A record's neighbours in a list of kind `L`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links<L> {
    prev: Option<Slot>,
    next: Option<Slot>,
    kind: PhantomData<fn() -> L>,
}

/// A record that can be in a list of kind `L`.
pub(crate) trait Linked<L> {
    fn links(&self) -> &Links<L>;
    fn links_mut(&mut self) -> &mut Links<L>;
}

/// The two ends of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<L> {
    front: Option<Slot>,
    back: Option<Slot>,
    kind: PhantomData<fn() -> L>,
}

impl<L> Default for Links<L> {
    fn default() -> Self {
        Self {
            prev: None,
            next: None,
            kind: PhantomData,
        }
    }
}

impl<L> Default for List<L> {
    fn default() -> Self {
        Self {
            front: None,
            back: None,
            kind: PhantomData,
        }
    }
}

impl<L> List<L> {
    pub(crate) fn front(&self) -> Option<Slot> {
        self.front
    }

    pub(crate) fn back(&self) -> Option<Slot> {
        self.back
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    pub(crate) fn push_front<T: Linked<L>>(&mut self, records: &mut Slab<T>, slot: Slot) {
        self.link(records, None, slot, self.front);
    }

    pub(crate) fn push_back<T: Linked<L>>(&mut self, records: &mut Slab<T>, slot: Slot) {
        self.link(records, self.back, slot, None);
    }

    /// Puts a record behind the last one of a rank not above its own. Constant time when it belongs at the back,
    /// which is where records that come in order belong.
    pub(crate) fn insert_by_rank<T: Linked<L>>(
        &mut self,
        records: &mut Slab<T>,
        slot: Slot,
        rank: impl Fn(&T) -> u64,
    ) {
        let own = rank(&records[slot]);
        let (mut prev, mut next) = (self.back, None);
        while let Some(before) = prev.filter(|&before| rank(&records[before]) > own) {
            next = prev;
            prev = records[before].links().prev;
        }
        self.link(records, prev, slot, next);
    }

    /// Takes a record out of this list, which it must be in.
    pub(crate) fn unlink<T: Linked<L>>(&mut self, records: &mut Slab<T>, slot: Slot) {
        let Links { prev, next, .. } = core::mem::take(records[slot].links_mut());
        match prev {
            Some(prev) => records[prev].links_mut().next = next,
            None => self.front = next,
        }
        match next {
            Some(next) => records[next].links_mut().prev = prev,
            None => self.back = prev,
        }
    }

    /// The slots of this list from front to back.
    pub(crate) fn iter<T: Linked<L>>(&self, records: &Slab<T>) -> impl Iterator<Item = Slot> {
        core::iter::successors(self.front, |&slot| records[slot].links().next)
    }

    /// The slots of this list from back to front.
    pub(crate) fn iter_back<T: Linked<L>>(&self, records: &Slab<T>) -> impl Iterator<Item = Slot> {
        core::iter::successors(self.back, |&slot| records[slot].links().prev)
    }

    fn link<T: Linked<L>>(
        &mut self,
        records: &mut Slab<T>,
        prev: Option<Slot>,
        slot: Slot,
        next: Option<Slot>,
    ) {
        *records[slot].links_mut() = Links {
            prev,
            next,
            kind: PhantomData,
        };
        match prev {
            Some(prev) => records[prev].links_mut().next = Some(slot),
            None => self.front = Some(slot),
        }
        match next {
            Some(next) => records[next].links_mut().prev = Some(slot),
            None => self.back = Some(slot),
        }
    }
}

impl<L> Links<L> {
    pub(crate) fn next(&self) -> Option<Slot> {
        self.next
    }
}
