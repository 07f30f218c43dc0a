//! What follows when a place on a connection, or a place for a connection, is taken or given back?

use core::hash::BuildHasher;

use super::{
    Grant, Handle, Lease, Pool, Ready, Reservation, Sharing, Want,
    records::{Attempt, Connection, Group, Turn, Waiter},
};
use crate::{moment::Moment, slab::Slot};

/// What a request could be given now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Prospect {
    /// A place on this connection.
    Ride(Slot),
    /// Leave to open one.
    Connect,
}

/// What keeps a request from being given anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Obstacle {
    /// Its own key's connections: their number, one that is shared, or an attempt that may be.
    Key,
    /// The number of all connections.
    Room,
}

impl<C: Copy, W: Copy, H: BuildHasher> Pool<C, W, H> {
    /// What a request of this group could be given, had it come first.
    pub(super) fn prospect(&self, group: Slot, want: Want) -> Result<Prospect, Obstacle> {
        let entry = &self.groups[group];
        let free = entry.available.front().filter(|_| want != Want::Fresh);
        if let Some(connection) = free {
            return Ok(Prospect::Ride(connection));
        }
        let full = self.is_full(entry);
        let held = match want {
            // An idle connection of the same key makes way for it.
            Want::Fresh => full && entry.idle == 0,
            Want::Race => full || entry.shared > 0,
            // A key that has an exclusive connection speaks HTTP/1.1: its attempts will not be shared either.
            Want::Join => full || entry.shared > 0 || (entry.attempts > 0 && entry.exclusive == 0),
        };
        if held {
            Err(Obstacle::Key)
        } else if self.has_room() {
            Ok(Prospect::Connect)
        } else {
            Err(Obstacle::Room)
        }
    }

    /// The group whose first waiter is the first of all that can be served. Those before it, that cannot, are set to
    /// wait for what they need.
    #[inline]
    pub(super) fn first_ready(&mut self) -> Option<Slot> {
        if self.line.len() == 0 {
            return None;
        }
        self.first_in_line()
    }

    fn first_in_line(&mut self) -> Option<Slot> {
        loop {
            let group = self.line.next(self.has_room())?;
            let first = self.line.first(&self.groups[group])?;
            if first.retired {
                return Some(group);
            }
            let turn = match self.prospect(group, first.want) {
                Ok(_) => return Some(group),
                Err(Obstacle::Key) => Turn::Key,
                Err(Obstacle::Room) => Turn::Room,
            };
            self.line.set_turn(&self.groups[group], turn);
        }
    }

    /// Serves the first waiter of a group, which is ready.
    pub(super) fn serve(&mut self, group: Slot) -> Option<Ready<C, W>> {
        let &Waiter {
            waiter,
            want,
            retired,
            ..
        } = self.line.first(&self.groups[group])?;
        let grant = if retired {
            Grant::Rekey
        } else {
            match self.prospect(group, want).ok()? {
                Prospect::Ride(connection) => Grant::Ride(self.board(connection)),
                Prospect::Connect => Grant::Connect(self.attempt(group)),
            }
        };
        self.line.pop(&mut self.groups[group]);
        self.settle_and_trim(group);
        Some(Ready { waiter, grant })
    }

    /// Begins an attempt that nothing is in the way of.
    pub(super) fn attempt(&mut self, group: Slot) -> Reservation {
        let full = self.is_full(&self.groups[group]);
        // Counted first, so that the group outlives what is evicted.
        self.groups[group].attempts += 1;
        let attempt = self.attempts.insert_stamped(|generation| Attempt {
            generation,
            group,
            doomed: false,
        });
        if full {
            self.evict_idle_of(group);
        }
        if self.taken() > self.limits.open
            && let Some(oldest) = self.idle.back()
        {
            self.evict(oldest);
        }
        Reservation(self.attempts.stamp(attempt))
    }

    /// Turns an attempt into a connection with one rider.
    pub(super) fn file(
        &mut self,
        connection: C,
        group: Slot,
        sharing: Sharing,
        doomed: bool,
    ) -> Lease<C> {
        let doomed = doomed || self.groups.is_over(group);
        let slot = self
            .connections
            .insert_stamped(|generation| Connection::new(connection, group, generation, sharing));
        self.connections[slot].doomed = doomed;
        let entry = &mut self.groups[group];
        entry.attempts -= 1;
        entry.open += 1;
        if !doomed {
            *entry.live_mut(self.connections[slot].shared) += 1;
        }
        self.place(slot);
        self.settle(group);
        self.lease(slot)
    }

    /// Puts one more rider on a connection that has a place.
    pub(super) fn board(&mut self, slot: Slot) -> Lease<C> {
        self.unplace(slot);
        self.connections[slot].riders += 1;
        self.place(slot);
        self.lease(slot)
    }

    /// Lets one rider off.
    pub(super) fn alight(&mut self, slot: Slot) {
        self.unplace(slot);
        self.notice_retirement(slot);
        let record = &mut self.connections[slot];
        record.riders -= 1;
        record.idle_since = self.now;
        let group = record.group;
        self.place_or_drop(slot);
        self.settle_and_trim(group);
    }

    /// Lets nobody else board; a connection that nobody rides goes at once. The caller settles the group.
    pub(super) fn doom(&mut self, slot: Slot) {
        self.unplace(slot);
        self.notice_retirement(slot);
        let record = &mut self.connections[slot];
        if !core::mem::replace(&mut record.doomed, true) {
            *self.groups[record.group].live_mut(record.shared) -= 1;
        }
        self.place_or_drop(slot);
    }

    /// Does the same to all connections of a group whose epoch is over, and tells its waiters. Those that have no place
    /// are in no list; they [notice](Self::notice_retirement) when their riders leave.
    pub(super) fn retire_group(&mut self, group: Slot) {
        self.line.retire(&self.groups[group]);
        while let Some(slot) = self.groups[group].available.front() {
            self.doom(slot);
        }
        let entry = &mut self.groups[group];
        (entry.exclusive, entry.shared) = (0, 0);
        self.settle(group);
    }

    /// Drops a connection, for the owner to close.
    pub(super) fn evict(&mut self, slot: Slot) {
        let connection = self.take_out(slot);
        self.removed.push_back(connection);
    }

    /// Takes a connection out of the books.
    pub(super) fn take_out(&mut self, slot: Slot) -> C {
        self.unplace(slot);
        self.notice_retirement(slot);
        let group = self.connections[slot].group;
        let connection = self.strike(slot);
        self.settle(group);
        connection
    }

    /// Sees to what a change in a group leaves to do: its first waiter is to be looked at; a group that has nothing
    /// filed in it goes.
    pub(super) fn settle(&mut self, group: Slot) {
        let entry = &self.groups[group];
        if !entry.line.is_empty() {
            self.line.set_turn(entry, Turn::Look);
        } else if entry.taken() == 0 {
            self.groups.remove(group);
        }
    }

    /// The same where a connection has become idle or the line has become shorter. Once nobody waits for this key, its
    /// idle connections are held to the limits: those idle for longest go.
    pub(super) fn settle_and_trim(&mut self, group: Slot) {
        let entry = &self.groups[group];
        let surplus = entry.idle.saturating_sub(self.limits.idle_per_key);
        let trim = entry.line.is_empty() && entry.idle > 0;
        self.settle(group);
        if !trim {
            return;
        }
        for _ in 0..surplus {
            self.evict_idle_of(group);
        }
        while self.idle_count > self.limits.idle
            && let Some(oldest) = self.idle.back()
        {
            self.evict(oldest);
        }
    }

    /// Drops what has been idle for too long, and notes when that will next be so: those that become idle later also
    /// time out later.
    pub(super) fn expire_now(&mut self) {
        while let (Some(slot), Some(timeout)) = (self.idle.back(), self.oldest_timeout()) {
            if timeout > self.now {
                self.quiet_until = timeout;
                return;
            }
            self.evict(slot);
        }
        self.quiet_until = self.now.after(self.limits.idle_timeout);
    }

    /// When the connection that has been idle for longest will have been so for too long.
    pub(super) fn oldest_timeout(&self) -> Option<Moment> {
        let oldest = &self.connections[self.idle.back()?];
        Some(oldest.idle_since.after(self.limits.idle_timeout))
    }

    /// Whether another connection fits in, be it in the place of an idle one.
    fn has_room(&self) -> bool {
        self.taken() < self.limits.open || self.idle_count > 0
    }

    /// Whether a key has all the connections that it may have.
    fn is_full(&self, entry: &Group) -> bool {
        entry.taken() >= u32::from(self.limits.open_per_key)
    }

    /// Connections and attempts.
    fn taken(&self) -> u32 {
        self.connections.len() + self.attempts.len()
    }

    fn lease(&self, slot: Slot) -> Lease<C> {
        let connection = self.connections[slot].connection;
        Lease {
            connection,
            handle: Handle(self.connections.stamp(slot)),
        }
    }

    /// Evicts the connection of this key that has been idle for longest, if there is one.
    fn evict_idle_of(&mut self, group: Slot) {
        // What is not idle here is shared and in use: one connection, as a rule.
        let records = &self.connections;
        let oldest = self.groups[group]
            .available
            .iter_back(records)
            .find(|&slot| records[slot].riders == 0);
        if let Some(oldest) = oldest {
            self.evict(oldest);
        }
    }

    /// Puts a connection where it belongs, unless it is doomed and the last rider has left.
    fn place_or_drop(&mut self, slot: Slot) {
        let record = &self.connections[slot];
        if record.doomed && record.riders == 0 {
            let connection = self.strike(slot);
            self.removed.push_back(connection);
        } else {
            self.place(slot);
        }
    }

    /// Puts a connection at the front of the lists of those that have a place, if it has one.
    pub(super) fn place(&mut self, slot: Slot) {
        let record = &self.connections[slot];
        if !record.has_place() {
            return;
        }
        let (entry, idle) = (&mut self.groups[record.group], record.riders == 0);
        entry.available.push_front(&mut self.connections, slot);
        if idle {
            entry.idle += 1;
            self.idle_count += 1;
            self.idle.push_front(&mut self.connections, slot);
        } else {
            self.sharing.push_front(&mut self.connections, slot);
        }
    }

    /// Takes a connection out of the lists that [`place`](Self::place) put it in, before its state changes.
    pub(super) fn unplace(&mut self, slot: Slot) {
        let record = &self.connections[slot];
        if !record.has_place() {
            return;
        }
        let (entry, idle) = (&mut self.groups[record.group], record.riders == 0);
        entry.available.unlink(&mut self.connections, slot);
        if idle {
            entry.idle -= 1;
            self.idle_count -= 1;
            self.idle.unlink(&mut self.connections, slot);
        } else {
            self.sharing.unlink(&mut self.connections, slot);
        }
    }

    /// Sets the stream budget of a shared connection. Nothing moves unless it gains or loses its place, which it only
    /// can while it is in use.
    pub(super) fn set_places(&mut self, slot: Slot, streams: u32) {
        let record = &self.connections[slot];
        if record.has_place() == record.would_have_place(streams) {
            self.connections[slot].set_streams(streams);
            return;
        }
        self.unplace(slot);
        self.notice_retirement(slot);
        self.connections[slot].set_streams(streams);
        self.place(slot);
    }

    /// Dooms a connection without a place whose group was retired.
    fn notice_retirement(&mut self, slot: Slot) {
        let record = &mut self.connections[slot];
        record.doomed |= self.groups.is_over(record.group);
    }

    /// Removes the record of a connection that is in no list.
    fn strike(&mut self, slot: Slot) -> C {
        let Connection {
            connection,
            group,
            shared,
            doomed,
            ..
        } = self.connections.remove_stamped(slot);
        let entry = &mut self.groups[group];
        entry.open -= 1;
        if !doomed {
            *entry.live_mut(shared) -= 1;
        }
        connection
    }
}
