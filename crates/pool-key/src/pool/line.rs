//! Who waits, and who is first?

use super::{
    Ticket, Want,
    records::{ByTurn, Group, Turn, Waiter},
};
use crate::{
    key::Key,
    list::List,
    slab::{Slab, Slot},
    table::Table,
};
use core::hash::BuildHasher;

/// All waiters. Each key's stand in its group's line; of those lines only the first waiter is ever looked at, and
/// stands in one of the two lists here, or in none while only a change among its key's own connections can help.
#[derive(Debug)]
pub(super) struct Line<W> {
    waiters: Slab<Waiter<W>>,
    arrivals: u64,
    /// To be looked at, first come first.
    look: List<ByTurn>,
    /// Held back by the limit of all connections alone, first come first.
    room: List<ByTurn>,
}

impl<W> Line<W> {
    pub(super) fn in_shard(shard: u16) -> Self {
        Self {
            waiters: Slab::in_shard(shard),
            arrivals: 0,
            look: List::default(),
            room: List::default(),
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.waiters.len()
    }
}

impl<W: Copy> Line<W> {
    /// Puts a waiter at the end of its key's line.
    pub(super) fn join(&mut self, group: &mut Group, slot: Slot, waiter: W, want: Want) -> Ticket {
        let arrival = self.arrivals;
        let waiter = self
            .waiters
            .insert_stamped(|generation| Waiter::new(waiter, slot, generation, want, arrival));
        self.arrivals += 1;
        group.line.push_back(&mut self.waiters, waiter);
        Ticket(self.waiters.stamp(waiter))
    }

    /// The first waiter in this line.
    pub(super) fn first(&self, group: &Group) -> Option<&Waiter<W>> {
        Some(&self.waiters[group.line.front()?])
    }

    /// Notes that the epoch of all in this line is over.
    pub(super) fn retire(&mut self, group: &Group) {
        let mut next = group.line.front();
        while let Some(slot) = next {
            self.waiters[slot].retired = true;
            next = self.waiters[slot].next_in_line();
        }
    }

    /// Says what the first of this line waits for.
    pub(super) fn set_turn(&mut self, group: &Group, turn: Turn) {
        let Some(first) = group.line.front() else {
            return;
        };
        if self.waiters[first].turn == turn {
            return;
        }
        self.leave_turn(first);
        self.waiters[first].turn = turn;
        let list = match turn {
            Turn::Key => return,
            Turn::Look => &mut self.look,
            Turn::Room => &mut self.room,
        };
        list.insert_by_rank(&mut self.waiters, first, |waiter| waiter.arrival);
    }

    /// The group to look at next: that of the first come to be looked at, or waiting for room if there is some.
    pub(super) fn next(&self, has_room: bool) -> Option<Slot> {
        let room = if has_room { self.room.front() } else { None };
        let first = self
            .look
            .front()
            .into_iter()
            .chain(room)
            .min_by_key(|&slot| self.waiters[slot].arrival)?;
        Some(self.waiters[first].group)
    }

    /// Takes the first waiter out of this line.
    pub(super) fn pop(&mut self, group: &mut Group) {
        let Some(first) = group.line.front() else {
            return;
        };
        self.take(first, group);
    }

    /// Takes a waiter out of its line, and says whose line that was.
    pub(super) fn cancel<K: Key, H: BuildHasher>(
        &mut self,
        ticket: Ticket,
        groups: &mut Table<K, Group, H>,
    ) -> Option<Slot> {
        let slot = self.waiters.find(ticket.0)?;
        let group = self.waiters[slot].group;
        self.take(slot, &mut groups[group]);
        Some(group)
    }

    pub(super) fn clear(&mut self) {
        self.waiters.clear_stamped();
        self.arrivals = 0;
        self.look = List::default();
        self.room = List::default();
    }

    fn take(&mut self, slot: Slot, group: &mut Group) {
        self.leave_turn(slot);
        group.line.unlink(&mut self.waiters, slot);
        self.waiters.remove_stamped(slot);
    }

    fn leave_turn(&mut self, slot: Slot) {
        match self.waiters[slot].turn {
            Turn::Key => {}
            Turn::Look => self.look.unlink(&mut self.waiters, slot),
            Turn::Room => self.room.unlink(&mut self.waiters, slot),
        }
    }
}
