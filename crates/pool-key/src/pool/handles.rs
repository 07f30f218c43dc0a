//! What does the pool hand out, and what does it want back?

use crate::slab::Stamp;

/// A place on a connection for one request: all of an exclusive connection, or one stream of a shared one.
///
/// It cannot be copied, so it is checked in once. A lease that is lost without [`checkin`](crate::Pool::checkin) keeps
/// its place until the connection is removed.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the place stays taken until the lease is checked in"]
pub struct Lease<C> {
    pub(super) connection: C,
    pub(super) handle: Handle,
}

impl<C: Copy> Lease<C> {
    /// The owner's name for the connection.
    pub fn connection(&self) -> C {
        self.connection
    }

    /// The pool's name for the connection, which any number may hold.
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// Ends the lease.
    pub(super) fn end(self) -> Stamp {
        self.handle.0
    }
}

/// A connection in the pool. Once the connection is gone its handle names nothing, whatever comes after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle(pub(super) Stamp);

impl Handle {
    /// The number of the pool among those of a [`SharedPool`](crate::SharedPool).
    pub(crate) fn shard(self) -> u16 {
        self.0.shard()
    }
}

/// Leave to open one connection; ends in [`insert`](crate::Pool::insert) or [`fail`](crate::Pool::fail).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the attempt counts against the limits until it is inserted or failed"]
pub struct Reservation(pub(super) Stamp);

impl Reservation {
    /// As [`Handle::shard`].
    pub(crate) fn shard(&self) -> u16 {
        self.0.shard()
    }

    /// Ends the reservation.
    pub(super) fn end(self) -> Stamp {
        self.0
    }
}

/// A place in the line; kept only by those who may [`cancel`](crate::Pool::cancel).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(pub(super) Stamp);

impl Ticket {
    /// As [`Handle::shard`].
    pub(crate) fn shard(self) -> u16 {
        self.0.shard()
    }
}

/// What [`reserve`](crate::Pool::reserve) answers.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Reserved {
    /// Open a connection now.
    Connect(Reservation),
    /// Wait for [`next_ready`](crate::Pool::next_ready) to name the waiter.
    Wait(Ticket),
}

/// A waiter whose turn it is.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Ready<C, W> {
    /// The owner's name for who waited.
    pub waiter: W,
    /// What it gets.
    pub grant: Grant<C>,
}

/// What a waiter gets when its turn comes.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Grant<C> {
    /// A place on a connection.
    Ride(Lease<C>),
    /// Leave to open one.
    Connect(Reservation),
    /// Nothing: its epoch ended while it waited. Describe the request anew and reserve under that key.
    Rekey,
}

/// How many requests a connection carries at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// One (HTTP/1.1).
    Exclusive,
    /// As many as the peer allows streams (HTTP/2 and HTTP/3).
    Shared {
        /// The stream budget. Zero counts as one (a request that cannot begin yet waits on the connection itself), and
        /// more than 65,535 as that.
        streams: u32,
    },
}

/// Which connection a waiter would take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Want {
    /// Any, and it waits for an attempt under way that may turn out to be shared rather than open a second connection.
    #[default]
    Join,
    /// Any, and it opens one of its own while an attempt is under way.
    Race,
    /// Only a new one, whatever is idle: the retry after 421 (Fetch's new = "yes").
    Fresh,
}

/// No room in the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{waiting} requests already wait for a connection: fail this one, or raise `Limits::waiters`"
)]
pub struct LineFull {
    /// How many wait.
    pub waiting: u32,
}
