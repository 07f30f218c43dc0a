//! Which connection does this request ride, may it open one, or whose turn is it?
//!
//! The pool keeps the books; the owner opens and closes. After its calls the owner drains [`Pool::next_removed`] (close
//! these) and [`Pool::next_ready`] (serve these).

mod handles;
mod limits;
mod line;
mod places;
mod records;

use core::{fmt, hash::BuildHasher, time::Duration};
use std::collections::VecDeque;

pub use handles::{
    Grant, Handle, Lease, LineFull, Ready, Reservation, Reserved, Sharing, Ticket, Want,
};
pub use limits::Limits;

use crate::{
    ConnectionKey, Epoch,
    list::List,
    moment::Moment,
    slab::{Slab, Slot},
    table::Table,
};
use line::Line;
use places::Prospect;
use records::{Attempt, ByUse, Connection, Group};

/// Connections by [`ConnectionKey`], `C` being the owner's small name for one, and `W` for a request that waits.
///
/// Time comes in as the duration since an origin of the owner's choice; a time before an earlier one counts as that
/// one. Order is by use and arrival alone, whatever the hasher `H`.
pub struct Pool<C, W, H = foldhash::fast::RandomState> {
    limits: Limits,
    groups: Table<ConnectionKey, Group, H>,
    connections: Slab<Connection<C>>,
    attempts: Slab<Attempt>,
    line: Line<W>,
    /// Connections that nobody rides, last used first.
    idle: List<ByUse>,
    idle_count: u32,
    /// Shared connections in use that have a place left, last used first.
    sharing: List<ByUse>,
    removed: VecDeque<C>,
    now: Moment,
    /// No connection has been idle for too long before this, so that the oldest need not be looked at each time.
    quiet_until: Moment,
}

/// How many connections a shard has room for from the start. Shards that grew from nothing would lie so close together
/// on the heap that threads wait for each other's cache lines.
const ROOM: u32 = 64;

impl<C: Copy, W: Copy> Pool<C, W> {
    /// An empty pool within these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_hasher(limits, foldhash::fast::RandomState::default())
    }

    /// The same as the one of this number among several, which know their own handles from each other's.
    pub(crate) fn in_shard(limits: Limits, shard: u16) -> Self {
        let mut pool = Self::build(limits, foldhash::fast::RandomState::default(), shard);
        let room = limits.open.min(ROOM) as usize;
        pool.groups.reserve(room);
        pool.connections.reserve(room);
        pool
    }
}

impl<C: Copy, W: Copy, H: BuildHasher> Pool<C, W, H> {
    /// An empty pool whose keys find their buckets by this hasher. Which one it is shows in nothing but speed.
    #[must_use]
    pub fn with_hasher(limits: Limits, hasher: H) -> Self {
        Self::build(limits, hasher, 0)
    }

    fn build(limits: Limits, hasher: H, shard: u16) -> Self {
        Self {
            limits,
            groups: Table::new(hasher),
            connections: Slab::in_shard(shard),
            attempts: Slab::in_shard(shard),
            line: Line::in_shard(shard),
            idle: List::default(),
            idle_count: 0,
            sharing: List::default(),
            removed: VecDeque::new(),
            now: Moment::default(),
            quiet_until: Moment::default(),
        }
    }

    /// A place on an open connection of this key: the one that was used last. None if there is none, or if the key's
    /// waiters or any waiter that can be served now come first.
    pub fn checkout(&mut self, key: &ConnectionKey, now: Duration) -> Option<Lease<C>> {
        self.expire(now);
        let group = self.groups.find(key)?;
        let connection = self.groups[group].available.front()?;
        if !self.groups[group].line.is_empty() || self.first_ready().is_some() {
            return None;
        }
        Some(self.board(connection))
    }

    /// A place on the first connection that `accept` wants, of whatever key: shared ones in use first, then idle ones,
    /// each last used first.
    ///
    /// A scan of everything that has a place, and the line is not heeded. It is for coalescing (where `accept` is
    /// [`coalesce`](crate::coalesce)) and for measuring what a laxer key would have done.
    pub fn checkout_where(
        &mut self,
        mut accept: impl FnMut(&ConnectionKey, &C) -> bool,
        now: Duration,
    ) -> Option<Lease<C>> {
        self.expire(now);
        let records = &self.connections;
        let found = self
            .sharing
            .iter(records)
            .chain(self.idle.iter(records))
            .find(|&slot| {
                let record = &records[slot];
                accept(self.groups.key(record.group), &record.connection)
            })?;
        Some(self.board(found))
    }

    /// Leave to open a connection of this key, or a place in line for `waiter`.
    ///
    /// Meant for a request that [`checkout`](Self::checkout) gave nothing. A connection that is idle under another key
    /// makes way if the limit of all connections is reached. While any waiter can be served, whoever comes later waits.
    ///
    /// A key whose epoch is over may still connect; see [`insert`](Self::insert).
    ///
    /// # Errors
    /// [`LineFull`] if it would have to wait and the line is full; nothing has changed then.
    pub fn reserve(
        &mut self,
        key: &ConnectionKey,
        waiter: W,
        want: Want,
        now: Duration,
    ) -> Result<Reserved, LineFull> {
        self.expire(now);
        let group = self.groups.find_or_insert(key, Group::default);
        let first = self.groups[group].line.is_empty() && self.first_ready().is_none();
        if first && self.prospect(group, want) == Ok(Prospect::Connect) {
            return Ok(Reserved::Connect(self.attempt(group)));
        }
        let waiting = self.line.len();
        if waiting >= self.limits.waiters {
            self.settle(group);
            return Err(LineFull { waiting });
        }
        let ticket = self.line.join(&mut self.groups[group], group, waiter, want);
        self.settle(group);
        Ok(Reserved::Wait(ticket))
    }

    /// Files the connection that a reservation led to, with its first rider on it.
    ///
    /// If its key is retired, or was while it was under way, the connection serves this rider and is removed after it.
    ///
    /// # Errors
    /// The connection itself, for the owner to close, if the reservation is from before [`clear`](Self::clear).
    pub fn insert(
        &mut self,
        reservation: Reservation,
        connection: C,
        sharing: Sharing,
        now: Duration,
    ) -> Result<Lease<C>, C> {
        self.expire(now);
        let slot = self.attempts.find(reservation.end()).ok_or(connection)?;
        let Attempt { group, doomed, .. } = self.attempts.remove_stamped(slot);
        Ok(self.file(connection, group, sharing, doomed))
    }

    /// Gives back a reservation that led to nothing. A stale one is ignored.
    pub fn fail(&mut self, reservation: Reservation) {
        let Some(slot) = self.attempts.find(reservation.end()) else {
            return;
        };
        let Attempt { group, .. } = self.attempts.remove_stamped(slot);
        self.groups[group].attempts -= 1;
        self.settle(group);
    }

    /// Gives back a place. The connection is idle if it was the last one, and removed if it is doomed. A lease whose
    /// connection is gone is ignored.
    pub fn checkin(&mut self, lease: Lease<C>, now: Duration) {
        self.expire(now);
        if let Some(slot) = self.connections.find(lease.end()) {
            self.alight(slot);
        }
    }

    /// Takes a connection out, whoever rides it: it has failed, or the owner closes it. None if it is gone already.
    pub fn remove(&mut self, handle: Handle) -> Option<C> {
        let slot = self.connections.find(handle.0)?;
        Some(self.take_out(slot))
    }

    /// Lets nobody else board: the peer is going away (GOAWAY), or the connection is to close after this response
    /// (`Connection: close`). It is removed when its last rider leaves. A stale handle is ignored.
    pub fn drain(&mut self, handle: Handle) {
        if let Some(slot) = self.connections.find(handle.0) {
            let group = self.connections[slot].group;
            self.doom(slot);
            self.settle(group);
        }
    }

    /// Sets the stream budget of a shared connection (`SETTINGS_MAX_CONCURRENT_STREAMS`). Those who ride stay. Ignored
    /// for an exclusive connection and for a stale handle.
    pub fn set_streams(&mut self, handle: Handle, streams: u32) {
        let Some(slot) = self.connections.find(handle.0) else {
            return;
        };
        let Connection { shared, group, .. } = self.connections[slot];
        if shared {
            self.set_places(slot, streams);
            self.settle(group);
        }
    }

    /// Takes a waiter out of the line, and says whether it was still there.
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        let Some(group) = self.line.cancel(ticket, &mut self.groups) else {
            return false;
        };
        self.settle_and_trim(group);
        true
    }

    /// The waiter whose turn it is: of all that can be served now, the one that came first.
    ///
    /// A waiter that only the limit of all connections holds back can be served as soon as any connection is idle,
    /// which then makes way; so the waiters of one key cannot pass its connections on among themselves for ever.
    pub fn next_ready(&mut self, now: Duration) -> Option<Ready<C, W>> {
        self.expire(now);
        let group = self.first_ready()?;
        self.serve(group)
    }

    /// A connection that the pool has dropped (idle too long, evicted, retired, drained) for the owner to close. None
    /// when all have been given.
    pub fn next_removed(&mut self) -> Option<C> {
        self.removed.pop_front()
    }

    /// Drops what has been idle for too long. Every call that takes a time does so too.
    #[inline]
    pub fn expire(&mut self, now: Duration) {
        self.now.advance(now);
        if self.now >= self.quiet_until {
            self.expire_now();
        }
    }

    /// When [`expire`](Self::expire) will next have something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        Some(self.oldest_timeout()?.into())
    }

    /// Ends all epochs before this one: their idle connections are dropped, those in use and under way are dropped
    /// after their riders, their waiters are told to [`Grant::Rekey`]. Costs what it drops.
    pub fn retire(&mut self, epoch: Epoch) {
        self.groups.end_epochs_before(epoch);
        let mut next = self.groups.first_over();
        while let Some(group) = next {
            next = self.groups.next_over(group);
            self.retire_group(group);
        }
    }

    /// Drops all connections that `retired` names, as [`retire`](Self::retire) does, wherever they are; those waiting
    /// wait on for new ones. A scan of everything: for what an epoch is too blunt for, such as one site's logout.
    /// Attempts under way are asked about with no connection.
    pub fn retire_where(&mut self, mut retired: impl FnMut(&ConnectionKey, Option<&C>) -> bool) {
        let slots: Vec<Slot> = self.connections.slots().collect();
        for slot in slots {
            let Connection {
                ref connection,
                group,
                ..
            } = self.connections[slot];
            if retired(self.groups.key(group), Some(connection)) {
                self.doom(slot);
                self.settle(group);
            }
        }
        let slots: Vec<Slot> = self.attempts.slots().collect();
        for slot in slots {
            let attempt = &mut self.attempts[slot];
            attempt.doomed |= retired(self.groups.key(attempt.group), None);
        }
    }

    /// How many connections are in the pool, idle and in use.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.connections.len()
    }

    /// Whether no connection is in the pool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many connections nobody rides.
    #[must_use]
    pub fn idle(&self) -> u32 {
        self.idle_count
    }

    /// How many requests are in line.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.line.len()
    }

    /// The number among several that the pool was made with.
    pub(crate) fn shard(&self) -> u16 {
        self.connections.shard()
    }

    /// Whether [`next_removed`](Self::next_removed) has something to give.
    pub(crate) fn has_removed(&self) -> bool {
        !self.removed.is_empty()
    }

    /// Whether [`next_ready`](Self::next_ready) has something to give.
    pub(crate) fn has_ready(&mut self) -> bool {
        self.first_ready().is_some()
    }

    /// Forgets everything, time and epochs included, and keeps the memory for use again. Every handle is stale.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.connections.clear_stamped();
        self.attempts.clear_stamped();
        self.line.clear();
        self.idle = List::default();
        self.idle_count = 0;
        self.sharing = List::default();
        self.removed.clear();
        self.now = Moment::default();
        self.quiet_until = Moment::default();
    }
}

impl<C, W, H> fmt::Debug for Pool<C, W, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("connections", &self.connections.len())
            .field("idle", &self.idle_count)
            .field("attempts", &self.attempts.len())
            .field("waiting", &self.line.len())
            .finish_non_exhaustive()
    }
}
