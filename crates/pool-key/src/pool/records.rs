//! What does the pool remember of a connection, of a key, of an attempt, of a waiter?

use super::{Sharing, Want};
use crate::{
    list::{Linked, Links, List},
    moment::Moment,
    slab::{Slot, Stamped},
};

/// The connections of one key that have a place, last used first.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByKey;

/// Those of all keys, last used first: one list of the idle, one of the shared in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByUse;

/// The waiters of one key, in order of arrival.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByArrival;

/// The first waiters of several keys, in order of arrival.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByTurn;

#[derive(Debug)]
pub(super) struct Connection<C> {
    pub(super) connection: C,
    pub(super) group: Slot,
    generation: u32,
    /// Requests on it now.
    pub(super) riders: u16,
    /// Requests that it carries at once, at least one.
    places: u16,
    pub(super) shared: bool,
    /// Whether no further request may ride it: its key was retired, or its peer is going away.
    pub(super) doomed: bool,
    pub(super) idle_since: Moment,
    by_key: Links<ByKey>,
    by_use: Links<ByUse>,
}

/// All that is filed under one key.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Connections that have a place.
    pub(super) available: List<ByKey>,
    pub(super) line: List<ByArrival>,
    /// Connections, doomed ones included.
    pub(super) open: u16,
    /// Attempts under way.
    pub(super) attempts: u16,
    pub(super) idle: u16,
    /// Exclusive connections that are not doomed.
    pub(super) exclusive: u16,
    /// Shared connections that are not doomed.
    pub(super) shared: u16,
}

#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) generation: u32,
    pub(super) group: Slot,
    /// Whether what it opens is doomed from the start, as its key was retired meanwhile.
    pub(super) doomed: bool,
}

#[derive(Debug)]
pub(super) struct Waiter<W> {
    pub(super) waiter: W,
    pub(super) group: Slot,
    pub(super) want: Want,
    /// Its number among all waiters that ever came.
    pub(super) arrival: u64,
    /// Whether its key's epoch ended while it stood in line.
    pub(super) retired: bool,
    pub(super) turn: Turn,
    generation: u32,
    by_arrival: Links<ByArrival>,
    by_turn: Links<ByTurn>,
}

/// What the first waiter of a key waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// Those before it, or a change among its own key's connections.
    Key,
    /// To be looked at: something has changed for its key.
    Look,
    /// A place under the limit of all connections.
    Room,
}

impl<C> Connection<C> {
    pub(super) fn new(connection: C, group: Slot, generation: u32, sharing: Sharing) -> Self {
        let (places, shared) = match sharing {
            Sharing::Exclusive => (1, false),
            Sharing::Shared { streams } => (places(streams), true),
        };
        Self {
            connection,
            group,
            generation,
            riders: 1,
            places,
            shared,
            doomed: false,
            idle_since: Moment::default(),
            by_key: Links::default(),
            by_use: Links::default(),
        }
    }

    /// Whether one more request may ride. One that nobody rides always has a place, unless it is doomed.
    pub(super) fn has_place(&self) -> bool {
        !self.doomed && self.riders < self.places
    }

    /// Whether it would have with this stream budget.
    pub(super) fn would_have_place(&self, streams: u32) -> bool {
        !self.doomed && self.riders < places(streams)
    }

    /// Sets the stream budget.
    pub(super) fn set_streams(&mut self, streams: u32) {
        self.places = places(streams);
    }
}

impl Group {
    /// How many of these connections are under way or open.
    #[inline]
    pub(super) fn taken(&self) -> u32 {
        u32::from(self.open) + u32::from(self.attempts)
    }

    /// The count that this kind of live connection is in.
    #[inline]
    pub(super) fn live_mut(&mut self, shared: bool) -> &mut u16 {
        if shared {
            &mut self.shared
        } else {
            &mut self.exclusive
        }
    }
}

/// How many requests a stream budget carries at once.
#[inline]
fn places(streams: u32) -> u16 {
    u16::try_from(streams).unwrap_or(u16::MAX).max(1)
}

impl<W> Waiter<W> {
    pub(super) fn new(waiter: W, group: Slot, generation: u32, want: Want, arrival: u64) -> Self {
        Self {
            waiter,
            group,
            want,
            arrival,
            retired: false,
            turn: Turn::Key,
            generation,
            by_arrival: Links::default(),
            by_turn: Links::default(),
        }
    }

    /// The next waiter for the same key.
    pub(super) fn next_in_line(&self) -> Option<Slot> {
        self.by_arrival.next()
    }
}

macro_rules! linked {
    ($record:ident<$param:ident>, $field:ident: $kind:ty) => {
        impl<$param> Linked<$kind> for $record<$param> {
            fn links(&self) -> &Links<$kind> {
                &self.$field
            }
            fn links_mut(&mut self) -> &mut Links<$kind> {
                &mut self.$field
            }
        }
    };
}

impl<C> Stamped for Connection<C> {
    fn generation(&self) -> u32 {
        self.generation
    }
}

impl Stamped for Attempt {
    fn generation(&self) -> u32 {
        self.generation
    }
}

impl<W> Stamped for Waiter<W> {
    fn generation(&self) -> u32 {
        self.generation
    }
}

linked!(Connection<C>, by_key: ByKey);
linked!(Connection<C>, by_use: ByUse);
linked!(Waiter<W>, by_arrival: ByArrival);
linked!(Waiter<W>, by_turn: ByTurn);
