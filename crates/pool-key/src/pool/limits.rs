//! How much may the pool hold?

use core::time::Duration;

/// Bounds of a [`Pool`](crate::Pool).
///
/// All hold after every call, except that a connection which becomes idle while requests of its key wait is kept for
/// them, whatever `idle` and `idle_per_key` say, until [`next_ready`](crate::Pool::next_ready) has given it away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections in all: open, in use or idle, and attempts under way.
    pub open: u32,
    /// The same for one key. Six is what browsers settled on for HTTP/1.1.
    pub open_per_key: u16,
    /// Idle connections in all.
    pub idle: u32,
    /// Idle connections of one key.
    pub idle_per_key: u16,
    /// How long a connection may be idle. It is removed when this much time has passed.
    pub idle_timeout: Duration,
    /// Requests in line, all keys together.
    pub waiters: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: 256,
            open_per_key: 6,
            idle: 256,
            idle_per_key: 6,
            idle_timeout: Duration::from_secs(90),
            waiters: 4096,
        }
    }
}
