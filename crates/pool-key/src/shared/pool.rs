//! Which connection does this request ride, when several threads ask?

use core::{fmt, time::Duration};

use super::shards::{self, Flags, Shards};
use crate::{
    ConnectionKey, Epoch, Handle, Lease, Limits, LineFull, Pool, Ready, Reservation, Reserved,
    Sharing, Ticket, Want,
};

/// A [`Pool`] that threads share: several pools, each behind its own lock, each with its part of the keys and of the
/// limits.
///
/// Its calls are those of [`Pool`], and mean the same, with these differences:
/// - Each shard has an equal part of `open`, `idle` and `waiters`. The sums hold, always; but a spread of keys that
///   happens to favour one shard meets that shard's part before the others have used up theirs. There are never so
///   many shards that one key could not have `open_per_key` and `idle_per_key`.
/// - "Used last", "idle for longest" and "came first" are said of one shard. All connections and waiters of a key are
///   in one, so within a key they hold as they do there.
/// - What goes over everything (`retire`, `expire`, `len`) goes from shard to shard. When it returns, each shard has
///   been as it says at some moment since the call began; after [`retire`](Self::retire) nothing from before is given
///   out.
///
/// Whoever changed something drains [`next_removed`](Self::next_removed) and [`next_ready`](Self::next_ready); they
/// cost one atomic load while there is nothing to drain, and may name what another thread's call has caused.
///
/// ```
/// # use std::{num::NonZeroU32, thread, time::Duration};
/// # use bareflight_pool_key::*;
/// # let key = Description::bare(Id::from_number(NonZeroU32::MIN), Id::from_number(NonZeroU32::MIN)).keys().connection;
/// # let now = Duration::ZERO;
/// let pool: SharedPool<u32, u32> = SharedPool::new(Limits::default(), 16);
/// let Reserved::Connect(leave) = pool.reserve(&key, 0, Want::Join, now)? else { panic!() };
/// let lease = pool.insert(leave, 7, Sharing::Exclusive, now).expect("not cleared meanwhile");
/// thread::scope(|scope| {
///     scope.spawn(|| pool.checkin(lease, now));
/// });
/// assert_eq!(pool.checkout(&key, now).map(|lease| lease.connection()), Some(7));
/// # Ok::<(), LineFull>(())
/// ```
pub struct SharedPool<C, W> {
    shards: Shards<Shard<C, W>>,
    /// Which shards have connections to close.
    removed: Flags,
    /// Which shards have waiters whose turn it is.
    ready: Flags,
}

/// A pool, and what its bits in the two sets of flags say.
struct Shard<C, W> {
    pool: Pool<C, W>,
    removed: bool,
    ready: bool,
}

impl<C: Copy, W: Copy> SharedPool<C, W> {
    /// An empty pool within these limits, of at most this many shards: at least one, at most 64, and no more than leave
    /// each shard `open_per_key` of `open`, `idle_per_key` of `idle`, and one of `waiters`.
    ///
    /// A few times the number of threads is plenty. Each takes some ten thousand bytes from the start.
    #[must_use]
    pub fn new(limits: Limits, shards: u16) -> Self {
        let shard = |(number, limits)| Shard {
            pool: Pool::in_shard(limits, number),
            removed: false,
            ready: false,
        };
        Self {
            shards: Shards::new((0..).zip(parts(&limits, shards)).map(shard)),
            removed: Flags::new(),
            ready: Flags::new(),
        }
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> u16 {
        self.shards.count()
    }

    /// The number of the shard that has this key, from zero.
    ///
    /// For owners that can choose which thread serves a request. What belongs to one shard stays in the cache of a
    /// thread that has the shard to itself: two such threads do nearly twice as much as one. A connection that goes back
    /// and forth between threads takes its books along each time, and two threads may then do less than one.
    #[must_use]
    pub fn shard(&self, key: &ConnectionKey) -> u16 {
        self.shards.of_hash(key.hash())
    }

    /// As [`Pool::checkout`].
    pub fn checkout(&self, key: &ConnectionKey, now: Duration) -> Option<Lease<C>> {
        self.change(self.shard(key), |pool| pool.checkout(key, now))
    }

    /// As [`Pool::checkout_where`], shard by shard.
    pub fn checkout_where(
        &self,
        mut accept: impl FnMut(&ConnectionKey, &C) -> bool,
        now: Duration,
    ) -> Option<Lease<C>> {
        self.shards
            .numbers()
            .find_map(|shard| self.change(shard, |pool| pool.checkout_where(&mut accept, now)))
    }

    /// As [`Pool::reserve`].
    ///
    /// # Errors
    /// [`LineFull`] if the line of the key's shard is.
    pub fn reserve(
        &self,
        key: &ConnectionKey,
        waiter: W,
        want: Want,
        now: Duration,
    ) -> Result<Reserved, LineFull> {
        self.change(self.shard(key), |pool| pool.reserve(key, waiter, want, now))
    }

    /// As [`Pool::insert`].
    ///
    /// # Errors
    /// The connection itself, for the owner to close, if the reservation is from before [`clear`](Self::clear).
    pub fn insert(
        &self,
        reservation: Reservation,
        connection: C,
        sharing: Sharing,
        now: Duration,
    ) -> Result<Lease<C>, C> {
        self.change(reservation.shard(), |pool| {
            pool.insert(reservation, connection, sharing, now)
        })
    }

    /// As [`Pool::fail`].
    pub fn fail(&self, reservation: Reservation) {
        self.change(reservation.shard(), |pool| pool.fail(reservation));
    }

    /// As [`Pool::checkin`].
    pub fn checkin(&self, lease: Lease<C>, now: Duration) {
        self.change(lease.handle().shard(), |pool| pool.checkin(lease, now));
    }

    /// As [`Pool::remove`].
    pub fn remove(&self, handle: Handle) -> Option<C> {
        self.change(handle.shard(), |pool| pool.remove(handle))
    }

    /// As [`Pool::drain`].
    pub fn drain(&self, handle: Handle) {
        self.change(handle.shard(), |pool| pool.drain(handle));
    }

    /// As [`Pool::set_streams`].
    pub fn set_streams(&self, handle: Handle, streams: u32) {
        self.change(handle.shard(), |pool| pool.set_streams(handle, streams));
    }

    /// As [`Pool::cancel`].
    pub fn cancel(&self, ticket: Ticket) -> bool {
        self.change(ticket.shard(), |pool| pool.cancel(ticket))
    }

    /// As [`Pool::next_ready`], for whichever shard has one. While none has, nothing expires either.
    pub fn next_ready(&self, now: Duration) -> Option<Ready<C, W>> {
        loop {
            let shard = self.ready.first()?;
            let ready = self.change(shard, |pool| pool.next_ready(now));
            if ready.is_some() {
                return ready;
            }
        }
    }

    /// As [`Pool::next_removed`], for whichever shard has one.
    pub fn next_removed(&self) -> Option<C> {
        loop {
            let shard = self.removed.first()?;
            let removed = self.change(shard, Pool::next_removed);
            if removed.is_some() {
                return removed;
            }
        }
    }

    /// As [`Pool::expire`]. The other calls that take a time do so only in the shard that they are about.
    pub fn expire(&self, now: Duration) {
        self.each(|pool| pool.expire(now));
    }

    /// As [`Pool::next_timeout`].
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        self.seen(Pool::next_timeout).flatten().min()
    }

    /// As [`Pool::retire`]. Once it returns, no thread is given a connection of an epoch before this one, other than
    /// for the requests that ride it already or have opened it themselves.
    pub fn retire(&self, epoch: Epoch) {
        self.each(|pool| pool.retire(epoch));
    }

    /// As [`Pool::retire_where`].
    pub fn retire_where(&self, mut retired: impl FnMut(&ConnectionKey, Option<&C>) -> bool) {
        self.each(|pool| pool.retire_where(&mut retired));
    }

    /// As [`Pool::len`].
    #[must_use]
    pub fn len(&self) -> u32 {
        self.seen(Pool::len).sum()
    }

    /// Whether no connection is in the pool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As [`Pool::idle`].
    #[must_use]
    pub fn idle(&self) -> u32 {
        self.seen(Pool::idle).sum()
    }

    /// As [`Pool::waiting`].
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.seen(Pool::waiting).sum()
    }

    /// As [`Pool::clear`].
    pub fn clear(&self) {
        self.each(Pool::clear);
    }

    /// Changes one shard, and notes under its lock what news the change has made or taken.
    fn change<R>(&self, shard: u16, change: impl FnOnce(&mut Pool<C, W>) -> R) -> R {
        let mut shard = self.shards.lock(shard);
        let Shard {
            pool,
            removed,
            ready,
        } = &mut *shard;
        let result = change(pool);
        let number = pool.shard();
        self.removed.update(number, removed, pool.has_removed());
        self.ready.update(number, ready, pool.has_ready());
        result
    }

    fn each(&self, mut change: impl FnMut(&mut Pool<C, W>)) {
        for shard in self.shards.numbers() {
            self.change(shard, &mut change);
        }
    }

    fn seen<'a, R: 'a>(&'a self, see: fn(&Pool<C, W>) -> R) -> impl Iterator<Item = R> + 'a {
        self.shards
            .numbers()
            .map(move |shard| see(&self.shards.lock(shard).pool))
    }
}

/// Each shard's part of the limits; what does not divide goes to the first ones.
fn parts(limits: &Limits, shards: u16) -> Vec<Limits> {
    let whole = |all: u32, each: u16| all / u32::from(each.max(1));
    let count = u32::from(shards)
        .min(whole(limits.open, limits.open_per_key))
        .min(whole(limits.idle, limits.idle_per_key))
        .min(limits.waiters);
    let count = u32::from(shards::count(count));
    let part = |all: u32, number: u32| all / count + u32::from(number < all % count);
    let of = |number| Limits {
        open: part(limits.open, number),
        idle: part(limits.idle, number),
        waiters: part(limits.waiters, number),
        ..*limits
    };
    (0..count).map(of).collect()
}

impl<C: Copy, W: Copy> fmt::Debug for SharedPool<C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPool")
            .field("shards", &self.shards.count())
            .field("connections", &self.len())
            .field("idle", &self.idle())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_none_is_too_small_for_a_key() {
        for (open, idle, waiters, shards, count) in [
            (256, 256, 4096, 16, 16),
            (256, 256, 4096, 64, 42),
            (1000, 1000, 4096, 1000, 64),
            (100, 7, 3, 64, 1),
            (100, 100, 3, 64, 3),
            (12, 100, 30, 8, 2),
            (6, 6, 1, 8, 1),
            (0, 0, 0, 8, 1),
            (1000, 1000, 1000, 0, 1),
        ] {
            let limits = Limits {
                open,
                idle,
                waiters,
                ..Limits::default()
            };
            let parts = parts(&limits, shards);
            assert_eq!(parts.len(), count, "{limits:?}");
            let sum = |of: fn(&Limits) -> u32| parts.iter().map(of).sum::<u32>();
            assert_eq!(sum(|part| part.open), open);
            assert_eq!(sum(|part| part.idle), idle);
            assert_eq!(sum(|part| part.waiters), waiters);
            let enough = |part: &Limits| part.open >= 6 && part.idle >= 6 && part.waiters >= 1;
            assert!(count == 1 || parts.iter().all(enough), "{parts:?}");
        }
    }
}
