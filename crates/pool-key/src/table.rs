//! What is filed under this key, and what is filed under keys of past epochs?

use core::{
    hash::BuildHasher,
    ops::{Index, IndexMut},
};

use hashbrown::{HashTable, hash_table::Entry as Bucket};

use crate::{
    Epoch,
    key::Key,
    list::{Linked, Links, List},
    slab::{Slab, Slot},
};

/// The list of all entries, oldest epoch first.
#[derive(Clone, Copy, Debug)]
struct ByEpoch;

/// Values by key. Only slots are hashed into place; the keys stay beside their values and decide.
#[derive(Debug)]
pub(crate) struct Table<K, V, H> {
    index: HashTable<Slot>,
    entries: Slab<Entry<K, V>>,
    by_epoch: List<ByEpoch>,
    /// Epochs before this one are over.
    floor: Epoch,
    hasher: H,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    by_epoch: Links<ByEpoch>,
}

impl<K, V> Linked<ByEpoch> for Entry<K, V> {
    fn links(&self) -> &Links<ByEpoch> {
        &self.by_epoch
    }
    fn links_mut(&mut self) -> &mut Links<ByEpoch> {
        &mut self.by_epoch
    }
}

impl<K: Key, V, H: BuildHasher> Table<K, V, H> {
    pub(crate) fn new(hasher: H) -> Self {
        Self {
            index: HashTable::new(),
            entries: Slab::new(),
            by_epoch: List::default(),
            floor: Epoch::default(),
            hasher,
        }
    }

    /// Makes room for this many more keys at once.
    pub(crate) fn reserve(&mut self, count: usize) {
        let Self {
            index,
            entries,
            hasher,
            ..
        } = self;
        entries.reserve(count);
        index.reserve(count, |&slot| hasher.hash_one(entries[slot].key));
    }

    pub(crate) fn key(&self, slot: Slot) -> &K {
        &self.entries[slot].key
    }

    pub(crate) fn find(&self, key: &K) -> Option<Slot> {
        let hash = self.hasher.hash_one(key);
        self.index
            .find(hash, |&slot| self.entries[slot].key == *key)
            .copied()
    }

    pub(crate) fn find_or_insert(&mut self, key: &K, value: impl FnOnce() -> V) -> Slot {
        let Self {
            index,
            entries,
            by_epoch,
            floor,
            hasher,
        } = self;
        let hash = hasher.hash_one(key);
        let same = |&slot: &Slot| entries[slot].key == *key;
        let vacant = match index.entry(hash, same, |&slot| hasher.hash_one(entries[slot].key)) {
            Bucket::Occupied(bucket) => return *bucket.get(),
            Bucket::Vacant(bucket) => bucket,
        };
        let slot = entries.insert(Entry {
            key: *key,
            value: value(),
            by_epoch: Links::default(),
        });
        vacant.insert(slot);
        if key.epoch() < *floor {
            // What is over anyway needs no order among itself; everything else comes after it.
            by_epoch.push_front(entries, slot);
        } else {
            by_epoch.insert_by_rank(entries, slot, |entry| entry.key.epoch().0);
        }
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> V {
        let hash = self.hasher.hash_one(self.entries[slot].key);
        if let Ok(bucket) = self.index.find_entry(hash, |&other| other == slot) {
            bucket.remove();
        }
        self.by_epoch.unlink(&mut self.entries, slot);
        self.entries.remove(slot).value
    }

    /// Whether this entry's epoch is over.
    pub(crate) fn is_over(&self, slot: Slot) -> bool {
        self.entries[slot].key.epoch() < self.floor
    }

    /// Ends all epochs before this one. An epoch that is over stays over.
    pub(crate) fn end_epochs_before(&mut self, epoch: Epoch) {
        self.floor = self.floor.max(epoch);
    }

    /// Whether keys of this epoch are over.
    pub(crate) fn is_epoch_over(&self, epoch: Epoch) -> bool {
        epoch < self.floor
    }

    /// The first entry of an epoch that is over; [`Table::next_over`] gives those behind it.
    pub(crate) fn first_over(&self) -> Option<Slot> {
        self.by_epoch.front().filter(|&slot| self.is_over(slot))
    }

    /// The entry of a past epoch behind this one.
    pub(crate) fn next_over(&self, slot: Slot) -> Option<Slot> {
        self.entries[slot]
            .by_epoch
            .next()
            .filter(|&slot| self.is_over(slot))
    }

    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.entries.clear();
        self.by_epoch = List::default();
        self.floor = Epoch::default();
    }
}

impl<K, V, H> Index<Slot> for Table<K, V, H> {
    type Output = V;

    fn index(&self, slot: Slot) -> &V {
        &self.entries[slot].value
    }
}

impl<K, V, H> IndexMut<Slot> for Table<K, V, H> {
    fn index_mut(&mut self, slot: Slot) -> &mut V {
        &mut self.entries[slot].value
    }
}
