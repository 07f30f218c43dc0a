//! Which TLS session may be resumed for this request, when several threads ask?

use core::{fmt, time::Duration};

use super::shards::{self, Flags, Shards};
use crate::{Epoch, SessionCache, SessionFacts, SessionKey, SessionLimits};

/// A [`SessionCache`] that threads share: several caches, each behind its own lock, each with its part of the keys and
/// of the limit.
///
/// Its calls are those of [`SessionCache`], and mean the same, with these differences:
/// - Each shard has an equal part of `sessions`. The sum holds, always; but "used longest ago" is said of one shard, and
///   a spread of keys that happens to favour one meets its part before the others have used up theirs. There are never
///   so many shards that one key could not have `per_key`.
/// - What goes over everything (`retire`, `len`) goes from shard to shard; after [`retire`](Self::retire) nothing from
///   before is given out.
///
/// All sessions of a key are in one shard, so a single-use one is given to one thread and no other. Whoever changed
/// something drains [`next_removed`](Self::next_removed), which costs one atomic load while there is nothing to drain.
///
/// ```
/// # use std::{num::NonZeroU32, thread, time::Duration};
/// # use bareflight_pool_key::*;
/// # let key = Description::bare(Id::from_number(NonZeroU32::MIN), Id::from_number(NonZeroU32::MIN)).keys().session;
/// let now = Duration::ZERO;
/// let facts = SessionFacts { single_use: true, obtained: now, lifetime: Duration::MAX, authenticated_until: Duration::MAX };
/// let sessions: SharedSessionCache<u32> = SharedSessionCache::new(SessionLimits::default(), 16);
/// sessions.insert(&key, 7, facts, now);
/// let offered = thread::scope(|scope| {
///     let ask = || sessions.take(&key, now);
///     [scope.spawn(ask), scope.spawn(ask)].map(|thread| thread.join().unwrap())
/// });
/// assert_eq!(offered.iter().flatten().count(), 1, "a ticket is offered once");
/// ```
pub struct SharedSessionCache<S> {
    shards: Shards<Shard<S>>,
    /// Which shards have sessions to free.
    removed: Flags,
}

/// A cache, and what its bit among the flags says.
struct Shard<S> {
    cache: SessionCache<S>,
    removed: bool,
}

impl<S: Copy + Eq> SharedSessionCache<S> {
    /// An empty cache within these limits, of at most this many shards: at least one, at most 64, and no more than leave
    /// each shard `per_key` of `sessions`. A few times the number of threads is plenty.
    #[must_use]
    pub fn new(limits: SessionLimits, shards: u16) -> Self {
        let shard = |limits| Shard {
            cache: SessionCache::new(limits),
            removed: false,
        };
        Self {
            shards: Shards::new(parts(&limits, shards).map(shard)),
            removed: Flags::new(),
        }
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> u16 {
        self.shards.count()
    }

    /// As [`SessionCache::insert`].
    pub fn insert(&self, key: &SessionKey, session: S, facts: SessionFacts, now: Duration) {
        self.of(key, |cache| cache.insert(key, session, facts, now));
    }

    /// As [`SessionCache::take`].
    pub fn take(&self, key: &SessionKey, now: Duration) -> Option<S> {
        self.of(key, |cache| cache.take(key, now))
    }

    /// As [`SessionCache::drop_session`].
    pub fn drop_session(&self, key: &SessionKey, session: S) -> bool {
        self.of(key, |cache| cache.drop_session(key, session))
    }

    /// As [`SessionCache::forget_key`].
    pub fn forget_key(&self, key: &SessionKey) {
        self.of(key, |cache| cache.forget_key(key));
    }

    /// As [`SessionCache::retire`]. Once it returns, no thread is given a session of an epoch before this one.
    pub fn retire(&self, epoch: Epoch) {
        for shard in self.shards.numbers() {
            self.change(shard, |cache| cache.retire(epoch));
        }
    }

    /// As [`SessionCache::next_removed`], for whichever shard has one.
    pub fn next_removed(&self) -> Option<S> {
        loop {
            let shard = self.removed.first()?;
            let removed = self.change(shard, SessionCache::next_removed);
            if removed.is_some() {
                return removed;
            }
        }
    }

    /// As [`SessionCache::len`].
    #[must_use]
    pub fn len(&self) -> u32 {
        let of = |shard| self.shards.lock(shard).cache.len();
        self.shards.numbers().map(of).sum()
    }

    /// Whether no session is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn of<R>(&self, key: &SessionKey, change: impl FnOnce(&mut SessionCache<S>) -> R) -> R {
        self.change(self.shards.of_hash(key.hash()), change)
    }

    /// Changes one shard, and notes under its lock what news the change has made or taken.
    fn change<R>(&self, number: u16, change: impl FnOnce(&mut SessionCache<S>) -> R) -> R {
        let mut shard = self.shards.lock(number);
        let Shard { cache, removed } = &mut *shard;
        let result = change(cache);
        self.removed.update(number, removed, cache.has_removed());
        result
    }
}

/// Each shard's part of the limits; what does not divide goes to the first ones.
fn parts(limits: &SessionLimits, shards: u16) -> impl Iterator<Item = SessionLimits> + use<> {
    let SessionLimits { sessions, per_key } = *limits;
    let count = u32::from(shards).min(sessions / per_key.max(1));
    let count = u32::from(shards::count(count));
    (0..count).map(move |number| SessionLimits {
        sessions: sessions / count + u32::from(number < sessions % count),
        per_key,
    })
}

impl<S: Copy + Eq> fmt::Debug for SharedSessionCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSessionCache")
            .field("shards", &self.shards.count())
            .field("sessions", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_none_is_too_small_for_a_key() {
        for (sessions, per_key, shards, count) in [
            (1024, 8, 16, 16),
            (1000, 8, 64, 64),
            (1000, 8, 1000, 64),
            (100, 8, 64, 12),
            (7, 8, 16, 1),
            (3, 0, 16, 3),
            (0, 0, 16, 1),
            (9, 1, 0, 1),
        ] {
            let limits = SessionLimits { sessions, per_key };
            let parts: Vec<_> = parts(&limits, shards).collect();
            assert_eq!(parts.len(), count, "{limits:?}");
            assert_eq!(
                parts.iter().map(|part| part.sessions).sum::<u32>(),
                sessions
            );
            assert!(count == 1 || parts.iter().all(|part| part.sessions >= per_key));
            assert!(parts.iter().all(|part| part.per_key == per_key));
        }
    }
}
