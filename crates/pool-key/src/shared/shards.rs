//! Which lock guards this, and in which shards is there news?

use core::ops::Range;

use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};

/// As many shards as are wanted, but at least one, and no more than [`Flags`] has bits.
pub(super) fn count(wanted: u32) -> u16 {
    wanted.clamp(1, u64::BITS) as u16
}

/// Several of a kind, each behind a lock of its own.
pub(super) struct Shards<T>(Box<[Shard<T>]>);

/// Locks that lie side by side would make threads wait for each other's cache lines. Two lines, because processors
/// fetch them in pairs.
#[repr(align(128))]
struct Shard<T>(Mutex<T>);

impl<T> Shards<T> {
    /// One shard for each of these, of which there are [`count`] many.
    pub(super) fn new(all: impl Iterator<Item = T>) -> Self {
        Self(all.map(|one| Shard(Mutex::new(one))).collect())
    }

    pub(super) fn count(&self) -> u16 {
        self.0.len() as u16
    }

    pub(super) fn numbers(&self) -> Range<u16> {
        0..self.count()
    }

    /// The shard of what hashes to this. Looks at the upper half, because tables look at the lower one.
    pub(super) fn of_hash(&self, hash: u64) -> u16 {
        let upper = hash >> 32;
        ((upper * u64::from(self.count())) >> 32) as u16
    }

    /// Locks the shard of this number, counted round and round, so that a number from elsewhere leads somewhere too.
    ///
    /// A panic leaves the books as they were between two calls, so a poisoned lock is used on.
    pub(super) fn lock(&self, number: u16) -> MutexGuard<'_, T> {
        let Shard(mutex) = &self.0[usize::from(number % self.count())];
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bit for each shard, which is changed only under the shard's lock, and read by whoever looks for news, without one.
pub(super) struct Flags(AtomicU64);

impl Flags {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Sets or clears a shard's bit, given what it `was`. Writes only what is new, so that the bits stay in every
    /// thread's cache while there is no news.
    pub(super) fn update(&self, shard: u16, was: &mut bool, is: bool) {
        if core::mem::replace(was, is) == is {
            return;
        }
        let bit = 1 << shard;
        if is {
            self.0.fetch_or(bit, Ordering::Release);
        } else {
            self.0.fetch_and(!bit, Ordering::Release);
        }
    }

    /// The first shard whose bit is set.
    pub(super) fn first(&self) -> Option<u16> {
        let bits = self.0.load(Ordering::Acquire);
        (bits != 0).then(|| bits.trailing_zeros() as u16)
    }
}
