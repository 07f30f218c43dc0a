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
}

/// Records in one allocation, found by slot, whose slots are used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    vacant: Option<Slot>,
    len: u32,
}

#[derive(Debug)]
struct Place<T> {
    /// How many records were here before. A place that has had 2³² − 1 is not used again, so that a stamp never fits
    /// a second record.
    generation: u32,
    content: Content<T>,
}

#[derive(Debug)]
enum Content<T> {
    Record(T),
    Vacant { next: Option<Slot> },
}

impl Slot {
    fn at(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("every limit of this crate is below 2^32 records"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            places: Vec::new(),
            vacant: None,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn insert(&mut self, record: T) -> Slot {
        self.len += 1;
        if let Some(slot) = self.vacant {
            let place = &mut self.places[slot.index()];
            if let Content::Vacant { next } = place.content {
                self.vacant = next;
            }
            place.content = Content::Record(record);
            return slot;
        }
        self.places.push(Place {
            generation: 0,
            content: Content::Record(record),
        });
        Slot::at(self.places.len() - 1)
    }

    /// Takes the record out of a slot that holds one.
    pub(crate) fn remove(&mut self, slot: Slot) -> T {
        let vacant = Content::Vacant { next: None };
        let Content::Record(record) =
            core::mem::replace(&mut self.places[slot.index()].content, vacant)
        else {
            unreachable!("the slot of a removed record");
        };
        self.len -= 1;
        self.places[slot.index()].generation += 1;
        self.make_vacant(slot);
        record
    }

    pub(crate) fn stamp(&self, slot: Slot) -> Stamp {
        Stamp {
            slot,
            generation: self.places[slot.index()].generation,
        }
    }

    /// The slot of the very record that was stamped, if it is still here.
    pub(crate) fn find(&self, stamp: Stamp) -> Option<Slot> {
        let place = self.places.get(stamp.slot.index())?;
        let same =
            place.generation == stamp.generation && matches!(place.content, Content::Record(_));
        same.then_some(stamp.slot)
    }

    /// The slots that hold a record, in order of place.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.places
            .iter()
            .enumerate()
            .filter_map(|(index, place)| match place.content {
                Content::Record(_) => Some(Slot::at(index)),
                Content::Vacant { .. } => None,
            })
    }

    /// Removes all records, keeps the allocation; every stamp is stale from here on.
    pub(crate) fn clear(&mut self) {
        self.vacant = None;
        self.len = 0;
        // From the back, so that slots are given out in the order of a new slab.
        for slot in (0..self.places.len()).rev().map(Slot::at) {
            if matches!(self.places[slot.index()].content, Content::Record(_)) {
                self.places[slot.index()].generation += 1;
            }
            self.make_vacant(slot);
        }
    }

    /// Lets a place be used again, unless its generations have run out.
    fn make_vacant(&mut self, slot: Slot) {
        let place = &mut self.places[slot.index()];
        let used_up = place.generation == u32::MAX;
        let next = self.vacant.filter(|_| !used_up);
        place.content = Content::Vacant { next };
        if !used_up {
            self.vacant = Some(slot);
        }
    }
}

impl<T> Index<Slot> for Slab<T> {
    type Output = T;

    fn index(&self, slot: Slot) -> &T {
        match &self.places[slot.index()].content {
            Content::Record(record) => record,
            Content::Vacant { .. } => unreachable!("the slot of a removed record"),
        }
    }
}

impl<T> IndexMut<Slot> for Slab<T> {
    fn index_mut(&mut self, slot: Slot) -> &mut T {
        match &mut self.places[slot.index()].content {
            Content::Record(record) => record,
            Content::Vacant { .. } => unreachable!("the slot of a removed record"),
        }
    }
}
