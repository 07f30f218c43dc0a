//! How are servers, connections, streams and sessions told apart in a log?

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A server of one [`Driver`](crate::Driver), counted from 0 in the order they were added.
    ServerId,
    "server#"
);
id!(
    /// A connection of one [`Driver`](crate::Driver), counted from 0; client and server call it by the same number.
    ConnectionId,
    "connection#"
);
id!(
    /// A request on its connection, counted from 0 in the order they were sent (it is not HTTP/2's stream number).
    StreamId,
    "stream#"
);
id!(
    /// A TLS session that a server issued: one ticket, or one session ID. Counted from 0 across all servers of a
    /// [`Driver`](crate::Driver), so that a ticket shown to the wrong server is recognised.
    SessionId,
    "session#"
);
