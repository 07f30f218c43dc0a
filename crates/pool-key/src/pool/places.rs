//! What follows when a place on a connection, or a place for a connection, is taken or given back?

use core::hash::BuildHasher;

use super::{
    Grant, Handle, Lease, Pool, Ready, Reservation, Sharing, Want,
    records::{Attempt, Connection, Group, Turn},
};
use crate::slab::Slot;

/// What keeps a key from opening a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Obstacle {
    /// Its own connections: their number, one that is shared, or an attempt that may be.
    Key,
    /// The number of all connections.
    Room,
}

impl<C: Copy, W: Copy, H: BuildHasher> Pool<C, W, H> {
    /// Whether another connection fits in, be it in the place of an idle one.
    pub(super) fn has_room(&self) -> bool {
        self.taken() < self.limits.open || self.idle_count > 0
    }

    pub(super) fn obstacle(&self, group: Slot, want: Want) -> Option<Obstacle> {
        let Group {
            attempts,
            idle,
            exclusive,
            shared,
            ..
        } = self.groups[group];
        let full = self.groups[group].taken() >= u32::from(self.limits.open_per_key);
        let held = match want {
            // Its own idle connection makes way for it.
            Want::Fresh => full && idle == 0,
            Want::Race => full || shared > 0,
            // A key that has an exclusive connection speaks HTTP/1.1: its attempts will not be shared either.
            Want::Join => full || shared > 0 || (attempts > 0 && exclusive == 0),
        };
        if held {
            Some(Obstacle::Key)
        } else if !self.has_room() {
            Some(Obstacle::Room)
        } else {
            None
        }
    }

    /// Begins an attempt that nothing is in the way of.
    pub(super) fn attempt(&mut self, group: Slot) -> Reservation {
        let full = self.groups[group].taken() >= u32::from(self.limits.open_per_key);
        // Counted first, so that the group outlives what is evicted.
        self.groups[group].attempts += 1;
        let attempt = self.attempts.insert(Attempt {
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
            .insert(Connection::new(connection, group, sharing, doomed));
        let entry = &mut self.groups[group];
        entry.attempts -= 1;
        entry.open += 1;
        if !doomed {
            *entry.live_mut(sharing) += 1;
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
        let record = &mut self.connections[slot];
        record.riders -= 1;
        record.idle_since = self.now;
        let group = record.group;
        self.place_or_drop(slot);
        self.settle(group);
    }

    /// Lets nobody else board; a connection that nobody rides goes at once. The caller settles the group.
    pub(super) fn doom(&mut self, slot: Slot) {
        self.unplace(slot);
        let record = &mut self.connections[slot];
        if !core::mem::replace(&mut record.doomed, true) {
            *self.groups[record.group].live_mut(record.sharing) -= 1;
        }
        self.place_or_drop(slot);
    }

    /// Does the same to all connections of a key.
    pub(super) fn retire_group(&mut self, group: Slot) {
        let Group {
            available, busy, ..
        } = self.groups[group];
        for mut next in [available.front(), busy.front()] {
            while let Some(slot) = next {
                next = self.connections[slot].next_of_key();
                self.doom(slot);
            }
        }
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
        let group = self.connections[slot].group;
        let connection = self.strike(slot);
        self.settle(group);
        connection
    }

    /// Sees to what a change in a group leaves to do: its first waiter is to be looked at; or, if nobody waits, idle
    /// connections beyond the limits go, and the group with the last of what is filed in it.
    ///
    /// While somebody waits no idle connection goes, as it may be the one that is waited for.
    pub(super) fn settle(&mut self, group: Slot) {
        let entry = &self.groups[group];
        if !entry.line.is_empty() {
            self.line.set_turn(entry, Turn::Look);
        } else if entry.taken() == 0 {
            self.groups.remove(group);
        } else {
            self.trim(group);
        }
    }

    /// Serves the first waiter of a group if that can be done, or says what it waits for.
    pub(super) fn serve(&mut self, group: Slot) -> Option<Ready<C, W>> {
        let entry = &self.groups[group];
        let (waiter, want) = self.line.first(entry)?;
        let free = entry.available.front().filter(|_| want != Want::Fresh);
        let grant = if self.groups.is_over(group) {
            Grant::Rekey
        } else if let Some(connection) = free {
            Grant::Ride(self.board(connection))
        } else if let Some(obstacle) = self.obstacle(group, want) {
            let turn = match obstacle {
                Obstacle::Key => Turn::Key,
                Obstacle::Room => Turn::Room,
            };
            self.line.set_turn(&self.groups[group], turn);
            return None;
        } else {
            Grant::Connect(self.attempt(group))
        };
        self.line.pop(&mut self.groups[group]);
        self.settle(group);
        Some(Ready { waiter, grant })
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

    /// Evicts idle connections beyond the limits, those unused for longest first.
    fn trim(&mut self, group: Slot) {
        for _ in self.limits.idle_per_key..self.groups[group].idle {
            self.evict_idle_of(group);
        }
        while self.idle_count > self.limits.idle
            && let Some(oldest) = self.idle.back()
        {
            self.evict(oldest);
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

    /// Puts a connection at the front of the lists that its state belongs in.
    pub(super) fn place(&mut self, slot: Slot) {
        let record = &self.connections[slot];
        let (has_place, idle) = (record.has_place(), record.riders == 0);
        let entry = &mut self.groups[record.group];
        if idle {
            entry.idle += 1;
            self.idle_count += 1;
        }
        let by_key = if has_place {
            &mut entry.available
        } else {
            &mut entry.busy
        };
        by_key.push_front(&mut self.connections, slot);
        if idle {
            self.idle.push_front(&mut self.connections, slot);
        } else if has_place {
            self.sharing.push_front(&mut self.connections, slot);
        }
    }

    /// Takes a connection out of the lists that [`place`](Self::place) put it in, before its state changes.
    pub(super) fn unplace(&mut self, slot: Slot) {
        let record = &self.connections[slot];
        let (has_place, idle) = (record.has_place(), record.riders == 0);
        let entry = &mut self.groups[record.group];
        if idle {
            entry.idle -= 1;
            self.idle_count -= 1;
        }
        let by_key = if has_place {
            &mut entry.available
        } else {
            &mut entry.busy
        };
        by_key.unlink(&mut self.connections, slot);
        if idle {
            self.idle.unlink(&mut self.connections, slot);
        } else if has_place {
            self.sharing.unlink(&mut self.connections, slot);
        }
    }

    /// Removes the record of a connection that is in no list.
    fn strike(&mut self, slot: Slot) -> C {
        let Connection {
            connection,
            group,
            sharing,
            doomed,
            ..
        } = self.connections.remove(slot);
        let entry = &mut self.groups[group];
        entry.open -= 1;
        if !doomed {
            *entry.live_mut(sharing) -= 1;
        }
        connection
    }
}
