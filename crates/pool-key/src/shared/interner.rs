//! Which id stands for this value, when several threads ask?

use core::{
    fmt,
    hash::{BuildHasher, Hash},
};

use hashbrown::Equivalent;

use super::shards::{self, Shards};
use crate::{Exhausted, Id, Interner};

/// An [`Interner`] that threads share: several, each behind its own lock, each with its part of the values, of the
/// capacity and of the numbers.
///
/// Of *n* shards each gives out every *n*-th number, so that two never give out the same one, without a word between
/// them; the shard that has a value's id is known from the number.
///
/// ```
/// use bareflight_pool_key::{OriginId, SharedInterner};
///
/// let origins: SharedInterner<OriginId, String> = SharedInterner::new(4096, 16);
/// let api = origins.intern("https://api.test")?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| assert_eq!(origins.intern("https://api.test"), Ok(api)));
/// });
/// # Ok::<(), bareflight_pool_key::Exhausted>(())
/// ```
pub struct SharedInterner<I, T, H = foldhash::fast::RandomState> {
    shards: Shards<Interner<I, T, H>>,
    hasher: H,
}

impl<I: Id, T: Hash + Eq> SharedInterner<I, T> {
    /// Keeps this many values, give or take one for each shard, in this many shards: at least one, at most 64 and one
    /// for each value.
    #[must_use]
    pub fn new(capacity: u32, shards: u16) -> Self {
        Self::with_hasher(capacity, shards, foldhash::fast::RandomState::default())
    }
}

impl<I: Id, T: Hash + Eq, H: BuildHasher + Clone> SharedInterner<I, T, H> {
    /// The same with this hasher. Which one it is shows in nothing but speed and in which values are forgotten first.
    #[must_use]
    pub fn with_hasher(capacity: u32, shards: u16, hasher: H) -> Self {
        let count = shards::count(capacity.min(shards.into()));
        let part = capacity.div_ceil(count.into());
        let shard = |number| Interner::in_shard(part, hasher.clone(), number, count);
        Self {
            shards: Shards::new((0..count).map(shard)),
            hasher,
        }
    }

    /// As [`Interner::intern`].
    ///
    /// # Errors
    /// [`Exhausted`] after about 2³² different values.
    pub fn intern<Q>(&self, value: &Q) -> Result<I, Exhausted>
    where
        Q: Hash + Equivalent<T> + ToOwned<Owned = T> + ?Sized,
    {
        self.intern_with(value, || value.to_owned())
    }

    /// As [`Interner::intern_with`]. `value` runs under a lock: it must not come back here.
    ///
    /// # Errors
    /// [`Exhausted`] after about 2³² different values.
    pub fn intern_with<Q>(&self, query: &Q, value: impl FnOnce() -> T) -> Result<I, Exhausted>
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.shards
            .lock(self.of_value(query))
            .intern_with(query, value)
    }

    /// As [`Interner::find`].
    pub fn find<Q>(&self, value: &Q) -> Option<I>
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.shards.lock(self.of_value(value)).find(value)
    }

    /// What `see` makes of the value of this id, unless it was given back. `see` runs under a lock: it must not come
    /// back here.
    pub fn see<R>(&self, id: I, see: impl FnOnce(&T) -> R) -> Option<R> {
        let shard = (id.number().get() - 1) % u32::from(self.shards.count());
        self.shards.lock(shard as u16).value(id).map(see)
    }

    /// As [`Interner::retain`], shard by shard.
    pub fn retain(&self, mut keep: impl FnMut(I, &T) -> bool) {
        for shard in self.shards.numbers() {
            self.shards.lock(shard).retain(&mut keep);
        }
    }

    /// How many values are kept.
    #[must_use]
    pub fn len(&self) -> u32 {
        let len = |shard| self.shards.lock(shard).len();
        self.shards.numbers().map(len).sum()
    }

    /// Whether no value is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn of_value<Q: Hash + ?Sized>(&self, value: &Q) -> u16 {
        self.shards.of_hash(self.hasher.hash_one(value))
    }
}

impl<I: Id, T: Hash + Eq, H: BuildHasher + Clone> fmt::Debug for SharedInterner<I, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedInterner")
            .field("shards", &self.shards.count())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
