//! Where do records live, so that they can point at each other and stale handles are recognised?

use core::{
    num::NonZeroU32,
    ops::{Index, IndexMut},
};

/// A record's place in a [`Slab`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot(NonZeroU32);

/// A place and which of its successive records is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    slot: Slot,
    generation: u32,
    shard: u16,
}

impl Stamp {
    /// The number of the slab that the stamp is from.
    pub(crate) fn shard(self) -> u16 {
        self.shard
    }
}

/// Records in one allocation, found by slot, whose slots are used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    vacant: Option<Slot>,
    len: u32,
    /// Which one of several slabs of a kind this is; its stamps say so.
    shard: u16,
}

/// A record that handles outside may name.
pub(crate) trait Stamped {
    /// What [`Slab::insert_stamped`] gave it. It is kept in the record, where there is padding to put it in.
    fn generation(&self) -> u32;
}

#[derive(Debug)]
enum Place<T> {
    Record(T),
    Vacant {
        /// How many stamped records were here before. A place that has had 2³² − 1 is not used again, so that a stamp
        /// never fits a second record.
        generation: u32,
        next: Option<Slot>,
    },
}

impl Slot {
    #[inline]
    fn at(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("every limit of this crate is below 2^32 records"))
    }

    #[inline]
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self::in_shard(0)
    }

    /// One of several of a kind, of this number.
    pub(crate) const fn in_shard(shard: u16) -> Self {
        Self {
            places: Vec::new(),
            vacant: None,
            len: 0,
            shard,
        }
    }

    pub(crate) fn shard(&self) -> u16 {
        self.shard
    }

    /// Makes room for this many more records at once.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.places.reserve(count);
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn insert(&mut self, record: T) -> Slot {
        self.insert_at_generation(|_| record)
    }

    /// Takes the record out of a slot that holds one.
    pub(crate) fn remove(&mut self, slot: Slot) -> T {
        self.vacate(slot, 0)
    }

    /// The slots that hold a record, in order of place.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.places
            .iter()
            .enumerate()
            .filter_map(|(index, place)| match place {
                Place::Record(_) => Some(Slot::at(index)),
                Place::Vacant { .. } => None,
            })
    }

    /// Removes all records, keeps the allocation.
    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.vacant = None;
        self.len = 0;
    }

    fn insert_at_generation(&mut self, record: impl FnOnce(u32) -> T) -> Slot {
        self.len += 1;
        let Some(slot) = self.vacant else {
            self.places.push(Place::Record(record(0)));
            return Slot::at(self.places.len() - 1);
        };
        let place = &mut self.places[slot.index()];
        let mut generation = 0;
        if let Place::Vacant {
            generation: at,
            next,
        } = *place
        {
            generation = at;
            self.vacant = next;
        }
        *place = Place::Record(record(generation));
        slot
    }

    fn vacate(&mut self, slot: Slot, generation: u32) -> T {
        let used_up = generation == u32::MAX;
        let next = self.vacant.filter(|_| !used_up);
        let vacant = Place::Vacant { generation, next };
        let Place::Record(record) = core::mem::replace(&mut self.places[slot.index()], vacant)
        else {
            unreachable!("the slot of a removed record");
        };
        self.len -= 1;
        if !used_up {
            self.vacant = Some(slot);
        }
        record
    }
}

impl<T: Stamped> Slab<T> {
    /// As [`insert`](Self::insert), for a record that is to remember its generation.
    pub(crate) fn insert_stamped(&mut self, record: impl FnOnce(u32) -> T) -> Slot {
        self.insert_at_generation(record)
    }

    /// As [`remove`](Self::remove); stamps of the record are stale from here on.
    pub(crate) fn remove_stamped(&mut self, slot: Slot) -> T {
        self.vacate(slot, self[slot].generation() + 1)
    }

    pub(crate) fn stamp(&self, slot: Slot) -> Stamp {
        Stamp {
            slot,
            generation: self[slot].generation(),
            shard: self.shard,
        }
    }

    /// The slot of the very record that was stamped, if it is still here.
    pub(crate) fn find(&self, stamp: Stamp) -> Option<Slot> {
        match self.places.get(stamp.slot.index())? {
            Place::Record(record) if record.generation() == stamp.generation => Some(stamp.slot),
            _ => None,
        }
    }

    /// As [`clear`](Self::clear); every stamp is stale from here on.
    pub(crate) fn clear_stamped(&mut self) {
        self.vacant = None;
        self.len = 0;
        // From the back, so that slots are given out in the order of a new slab.
        for slot in (0..self.places.len()).rev().map(Slot::at) {
            let generation = match &self.places[slot.index()] {
                Place::Record(record) => record.generation() + 1,
                Place::Vacant { generation, .. } => *generation,
            };
            let used_up = generation == u32::MAX;
            self.places[slot.index()] = Place::Vacant {
                generation,
                next: self.vacant.filter(|_| !used_up),
            };
            if !used_up {
                self.vacant = Some(slot);
            }
        }
    }
}

impl<T> Index<Slot> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, slot: Slot) -> &T {
        match &self.places[slot.index()] {
            Place::Record(record) => record,
            Place::Vacant { .. } => unreachable!("the slot of a removed record"),
        }
    }
}

impl<T> IndexMut<Slot> for Slab<T> {
    fn index_mut(&mut self, slot: Slot) -> &mut T {
        match &mut self.places[slot.index()] {
            Place::Record(record) => record,
            Place::Vacant { .. } => unreachable!("the slot of a removed record"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Record(u32);

    impl Stamped for Record {
        fn generation(&self) -> u32 {
            self.0
        }
    }

    #[test]
    fn a_slot_is_used_again_and_its_old_stamp_is_stale() {
        let mut slab = Slab::new();
        let first = slab.insert_stamped(Record);
        let stamp = slab.stamp(first);
        slab.remove_stamped(first);
        assert_eq!(slab.find(stamp), None);
        assert_eq!(slab.insert_stamped(Record), first);
        assert_eq!(slab.find(stamp), None);
        assert_eq!(slab.find(slab.stamp(first)), Some(first));
    }

    #[test]
    fn a_place_whose_generations_have_run_out_is_not_used_again() {
        let mut slab = Slab::new();
        let last = slab.insert_stamped(|_| Record(u32::MAX - 1));
        let other = slab.insert_stamped(Record);
        slab.remove_stamped(last);
        slab.remove_stamped(other);
        assert_eq!(slab.insert_stamped(Record), other);
        assert_ne!(slab.insert_stamped(Record), last);
        slab.clear_stamped();
        let again: Vec<Slot> = (0..3).map(|_| slab.insert_stamped(Record)).collect();
        assert!(!again.contains(&last));
    }

    #[test]
    fn clearing_makes_stamps_stale_and_gives_slots_out_in_order() {
        let mut slab = Slab::new();
        let slots: Vec<Slot> = (0..3).map(|_| slab.insert_stamped(Record)).collect();
        let stamps: Vec<Stamp> = slots.iter().map(|&slot| slab.stamp(slot)).collect();
        slab.remove_stamped(slots[1]);
        slab.clear_stamped();
        assert_eq!((slab.len(), slab.slots().count()), (0, 0));
        let again: Vec<Slot> = (0..3).map(|_| slab.insert_stamped(Record)).collect();
        assert_eq!(again, slots);
        assert!(stamps.iter().all(|&stamp| slab.find(stamp).is_none()));
    }
}
