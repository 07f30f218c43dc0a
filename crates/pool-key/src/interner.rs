//! Which id stands for this value?

use core::{
    fmt,
    hash::{BuildHasher, Hash},
    num::NonZeroU32,
};

use hashbrown::{Equivalent, HashTable};

use crate::{
    Id,
    list::{Linked, Links, List},
    slab::{Slab, Slot},
};

/// Numbers for values: the same value has the same id for as long as it is kept, and no id ever stands for two.
///
/// It keeps at most `capacity` values. A new one takes the place of one that was not asked for lately, values that were
/// asked for only once going first: a flood of one-off origins pushes out itself. An id whose value was given
/// back stays valid in keys and simply meets no other; the value gets a new id when it comes again. Forgetting costs a
/// connection, never a mix-up.
///
/// ```
/// use bareflight_pool_key::{Interner, OriginId};
///
/// let mut origins: Interner<OriginId, String> = Interner::new(1000);
/// let api = origins.intern("https://api.test")?;
/// assert_eq!(origins.intern("https://api.test"), Ok(api));
/// assert_ne!(origins.intern("https://app.test"), Ok(api));
/// assert_eq!(origins.value(api).map(String::as_str), Some("https://api.test"));
/// # Ok::<(), bareflight_pool_key::Exhausted>(())
/// ```
pub struct Interner<I, T, H = foldhash::fast::RandomState> {
    capacity: u32,
    values: Slab<Interned<I, T>>,
    by_value: HashTable<Slot>,
    by_id: HashTable<Slot>,
    /// Values as they came, the last one first. Asking again counts and moves nothing, which would cost the neighbours'
    /// cache lines: where a value goes is decided when its turn to leave has come.
    recent: List<ByUse>,
    /// Values that were asked for again before it had, at most half of the capacity.
    settled: List<ByUse>,
    settled_count: u32,
    /// The next number to be given out, unless all have been.
    next: Option<NonZeroU32>,
    numbers: Numbers,
    hasher: H,
}

/// Which numbers an interner gives out: one in `step`, from `first` on.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    first: NonZeroU32,
    step: u32,
}

/// All 2³² − 1 ids have been given out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "an interner has given out all of its 4294967295 ids: move to the next epoch, retire all keys, and clear it"
)]
pub struct Exhausted;

#[derive(Clone, Copy, Debug)]
struct ByUse;

/// How many turns to leave a value can outlive without being asked for in between.
const ROUNDS: u8 = 2;

#[derive(Debug)]
struct Interned<I, T> {
    value: T,
    id: I,
    /// How often it was asked for again, up to [`ROUNDS`], less one for each time that its turn to leave had come.
    again: u8,
    /// In which of the two lists it is.
    is_settled: bool,
    by_use: Links<ByUse>,
}

impl<I, T> Linked<ByUse> for Interned<I, T> {
    fn links(&self) -> &Links<ByUse> {
        &self.by_use
    }
    fn links_mut(&mut self) -> &mut Links<ByUse> {
        &mut self.by_use
    }
}

impl<I: Id, T: Hash + Eq> Interner<I, T> {
    /// An interner that keeps this many values, and always at least one.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        Self::with_hasher(capacity, foldhash::fast::RandomState::default())
    }
}

impl<I: Id, T: Hash + Eq, H: BuildHasher> Interner<I, T, H> {
    /// The same with this hasher. Which one it is shows in nothing but speed.
    #[must_use]
    pub fn with_hasher(capacity: u32, hasher: H) -> Self {
        Self::in_shard(capacity, hasher, 0, 1)
    }

    /// One of several, which share the numbers out among them: this one gives out every `count`-th.
    pub(crate) fn in_shard(capacity: u32, hasher: H, shard: u16, count: u16) -> Self {
        let numbers = Numbers {
            first: NonZeroU32::MIN.saturating_add(u32::from(shard)),
            step: u32::from(count),
        };
        Self {
            capacity: capacity.max(1),
            values: Slab::new(),
            by_value: HashTable::new(),
            by_id: HashTable::new(),
            recent: List::default(),
            settled: List::default(),
            settled_count: 0,
            next: Some(numbers.first),
            numbers,
            hasher,
        }
    }

    /// The id of this value, a new one if it is not here. Only a new value is copied.
    ///
    /// # Errors
    /// [`Exhausted`] after 2³² − 1 different values.
    pub fn intern<Q>(&mut self, value: &Q) -> Result<I, Exhausted>
    where
        Q: Hash + Equivalent<T> + ToOwned<Owned = T> + ?Sized,
    {
        self.intern_with(value, || value.to_owned())
    }

    /// The id of the value that `query` is equivalent to; `value` makes it if it is not here.
    ///
    /// As in every hash map, `query` must hash as the value does.
    ///
    /// # Errors
    /// [`Exhausted`] after 2³² − 1 different values.
    pub fn intern_with<Q>(&mut self, query: &Q, value: impl FnOnce() -> T) -> Result<I, Exhausted>
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        let hash = self.hasher.hash_one(query);
        if let Some(&slot) = self
            .by_value
            .find(hash, |&slot| query.equivalent(&self.values[slot].value))
        {
            let interned = &mut self.values[slot];
            if interned.again < ROUNDS {
                interned.again += 1;
            }
            return Ok(interned.id);
        }
        let number = self.next.ok_or(Exhausted)?;
        self.next = number.checked_add(self.numbers.step);
        if self.values.len() == self.capacity {
            self.make_room();
        }
        let id = I::from_number(number);
        let slot = self.values.insert(Interned {
            value: value(),
            id,
            again: 0,
            is_settled: false,
            by_use: Links::default(),
        });
        self.recent.push_front(&mut self.values, slot);
        let Self { values, hasher, .. } = self;
        self.by_value
            .insert_unique(hash, slot, |&slot| hasher.hash_one(&values[slot].value));
        let hash_id = |id: I| hasher.hash_one(id.number());
        self.by_id
            .insert_unique(hash_id(id), slot, |&slot| hash_id(values[slot].id));
        Ok(id)
    }

    /// The id of this value if it is here.
    pub fn find<Q>(&self, value: &Q) -> Option<I>
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        let hash = self.hasher.hash_one(value);
        let slot = *self
            .by_value
            .find(hash, |&slot| value.equivalent(&self.values[slot].value))?;
        Some(self.values[slot].id)
    }

    /// The value of this id, unless it was given back.
    #[must_use]
    pub fn value(&self, id: I) -> Option<&T> {
        let hash = self.hasher.hash_one(id.number());
        let slot = *self.by_id.find(hash, |&slot| self.values[slot].id == id)?;
        Some(&self.values[slot].value)
    }

    /// Gives back the values that `keep` does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(I, &T) -> bool) {
        let slots: Vec<Slot> = self.values.slots().collect();
        for slot in slots {
            let Interned { value, id, .. } = &self.values[slot];
            if !keep(*id, value) {
                self.forget(slot);
            }
        }
    }

    /// How many values are kept.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.values.len()
    }

    /// Whether no value is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything and starts to number from one again, keeping the memory for use again.
    ///
    /// **Every id given out before is void**: drop all keys with it, or move on to a later [`Epoch`](crate::Epoch),
    /// which tells old keys from new ones.
    pub fn clear(&mut self) {
        self.values.clear();
        self.by_value.clear();
        self.by_id.clear();
        self.recent = List::default();
        self.settled = List::default();
        self.settled_count = 0;
        self.next = Some(self.numbers.first);
    }

    /// Forgets the value whose turn it is: the one that came first, unless it was asked for again. Then it settles, and
    /// if that makes too many of these, one of them leaves instead. Each that is passed over had earned it by a call.
    fn make_room(&mut self) {
        while let Some(oldest) = self.recent.back() {
            if self.values[oldest].again == 0 {
                return self.forget(oldest);
            }
            self.recent.unlink(&mut self.values, oldest);
            self.settle(oldest);
            self.settled_count += 1;
            if self.settled_count > self.capacity.div_ceil(2) {
                break;
            }
        }
        while let Some(last) = self.settled.back() {
            if self.values[last].again == 0 {
                return self.forget(last);
            }
            self.settled.unlink(&mut self.values, last);
            self.settle(last);
        }
    }

    /// Puts a value that is in no list among those that have settled, for another round.
    fn settle(&mut self, slot: Slot) {
        let interned = &mut self.values[slot];
        interned.again -= 1;
        interned.is_settled = true;
        self.settled.push_front(&mut self.values, slot);
    }

    fn forget(&mut self, slot: Slot) {
        if self.values[slot].is_settled {
            self.settled.unlink(&mut self.values, slot);
            self.settled_count -= 1;
        } else {
            self.recent.unlink(&mut self.values, slot);
        }
        let Interned { value, id, .. } = self.values.remove(slot);
        let hashes = [
            self.hasher.hash_one(&value),
            self.hasher.hash_one(id.number()),
        ];
        for (index, hash) in [&mut self.by_value, &mut self.by_id]
            .into_iter()
            .zip(hashes)
        {
            if let Ok(entry) = index.find_entry(hash, |&other| other == slot) {
                entry.remove();
            }
        }
    }
}

impl<I, T, H> fmt::Debug for Interner<I, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interner")
            .field("len", &self.values.len())
            .field("capacity", &self.capacity)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OriginId;

    #[test]
    fn numbers_run_out_and_are_never_used_again() {
        let (shard, count) = (u16::MAX - 1, u16::MAX);
        let hasher = foldhash::fast::RandomState::default();
        let mut interner: Interner<OriginId, u32> = Interner::in_shard(1, hasher, shard, count);
        // 65,535 times 65,537 is 2^32 - 1: the last number of all is this shard's.
        let numbers: Vec<u32> = (0..65_537)
            .map(|value| {
                interner
                    .intern(&value)
                    .expect("numbers left")
                    .number()
                    .get()
            })
            .collect();
        assert!(numbers.is_sorted() && numbers.iter().all(|number| number % 65_535 == 0));
        assert_eq!(numbers.last(), Some(&u32::MAX));
        assert_eq!(interner.intern(&65_537), Err(Exhausted));
        assert_eq!(
            interner.intern(&65_536).map(|id| id.number().get()),
            Ok(u32::MAX)
        );
    }
}
