//! What stands for an interned value inside a key?
//!
//! Each kind of value has an id type of its own, so that a partition can never be written where an identity belongs.

use core::{fmt, num::NonZeroU32};

mod sealed {
    pub trait Sealed {}
}

/// An interned value's number: `Copy`, four bytes, equal only to itself.
///
/// An [`Interner`](crate::Interner) numbers values in order and never uses a number twice, so an id whose value was
/// given back can only miss; it can never match another value.
pub trait Id: Copy + Eq + fmt::Debug + sealed::Sealed {
    /// The id with this number. For owners that keep their own table: the numbers must then be as unique as an
    /// interner's.
    fn from_number(number: NonZeroU32) -> Self;
    /// The number of this id.
    fn number(self) -> NonZeroU32;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl sealed::Sealed for $name {}

        impl Id for $name {
            #[inline]
            fn from_number(number: NonZeroU32) -> Self {
                Self(number)
            }
            #[inline]
            fn number(self) -> NonZeroU32 {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

ids! {
    /// An origin: scheme, host and port of the far end of a leg.
    OriginId
    /// A network partition key: the top-level site and the second key, if any.
    PartitionId
    /// A [`ClientIdentity`](crate::ClientIdentity): whole chain and private key.
    IdentityId
    /// A [`ServerTrust`](crate::ServerTrust): how the server is verified.
    TrustId
    /// A server name that takes the place of the origin's host in the handshake.
    ServerNameId
    /// A proxy: its scheme, host, port, and whatever authenticates to it.
    ProxyId
    /// A user profile, account or customer that shares nothing with others.
    TenantId
}
