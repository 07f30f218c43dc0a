//! Which connection, and which TLS session, may serve this request?
//!
//! # What goes wrong without an exact key
//!
//! A client that keeps connections open must decide which request may ride which one. Most decide by scheme, host and
//! port. Then a connection on which a client certificate was shown carries a request that was to be sent without
//! (CVE-2016-5420), or one for another user (CVE-2026-8932); a connection whose server was never verified serves one
//! that asked for verification (CVE-2024-35195, CVE-2022-27782); and a CORS preflight, which must never carry
//! credentials, rides an authenticated connection, or leaves an unauthenticated one behind for the request that needs
//! the certificate ([whatwg/fetch issue 869](https://github.com/whatwg/fetch/issues/869)).
//!
//! TLS sessions repeat it one layer below: a server that resumes a session does not ask for the certificate again, so
//! a ticket *is* the identity that it was issued to (CVE-2016-5419, CVE-2021-22890).
//!
//! The [Fetch standard](https://fetch.spec.whatwg.org/#concept-connection-pool) keys connections by network partition
//! key, origin and credentials. [`Description`] has these three and everything else that has been found missing since;
//! [`Description::keys`] makes of it the two keys: [`ConnectionKey`] for the [`Pool`], [`SessionKey`] for the
//! [`SessionCache`]. They are six words each, copied and compared without touching the heap. Equality alone decides;
//! the hash only chooses a bucket.
//!
//! # A start
//!
//! ```
//! use std::time::Duration;
//! use bareflight_pool_key::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // What a key is made of is interned once; an id is four bytes.
//! let mut origins: Interner<OriginId, String> = Interner::new(4096);
//! let mut identities: Interner<IdentityId, ClientIdentity> = Interner::new(64);
//! let mut trusts: Interner<TrustId, ServerTrust> = Interner::new(64);
//! let alice = ClientIdentity { chain: vec![b"DER of her certificate".to_vec()], key: KeyHandle(1) };
//!
//! let put = Description {
//!     origin: origins.intern("https://api.test")?,
//!     credentials: true,
//!     identity: Some(identities.intern(&alice)?),
//!     ..Description::bare(origins.intern("https://api.test")?, trusts.intern(&ServerTrust::default())?)
//! };
//! let preflight = Description { credentials: false, identity: None, ..put };
//!
//! let now = Duration::ZERO; // since whatever moment the owner counts from
//! let mut pool: Pool<u32, &str> = Pool::new(Limits::default());
//! let Reserved::Connect(leave) = pool.reserve(&put.keys().connection, "PUT", Want::Join, now)? else { panic!() };
//! // ... the owner opens connection 7, presents the certificate, sends the PUT ...
//! let lease = pool.insert(leave, 7, Sharing::Exclusive, now).expect("not cleared meanwhile");
//! pool.checkin(lease, now);
//!
//! assert!(pool.checkout(&preflight.keys().connection, now).is_none(), "the preflight flies bare");
//! assert_eq!(pool.checkout(&put.keys().connection, now).map(|lease| lease.connection()), Some(7));
//! # Ok(())
//! # }
//! ```
//!
//! # What it is, and is not
//!
//! No I/O, no clock, no randomness that could be seen: the owner opens and closes, brings the time, and gets the same
//! answers for the same calls. Everything is bounded: connections, waiters, sessions, interned values. What is at
//! hand is found in constant time, and ending an epoch (logout, renewal of a certificate, change of network) costs
//! what it ends.
//!
//! An [`Interner`] takes at most 64 bytes beside each value that it keeps, and forgets those that were not asked for;
//! it never gives an id a second meaning, so forgetting costs a connection and cannot mix two up. A [`Pool`] takes
//! about 153 bytes for each idle connection that has a key of its own.
//!
//! With the feature `rustls`, the module `tls` gives each session key a `ClientConfig` and a session store of its own.
//!
//! # To add a field
//!
//! Add it to [`Description`]. Nothing compiles until [`Description::keys`], which takes it apart without `..`, says for
//! each of the two keys what becomes of the field.

mod coalesce;
#[cfg(feature = "hyper-util")]
pub mod connect;
mod description;
mod id;
mod identity;
mod interner;
mod key;
mod list;
mod moment;
mod pool;
mod session;
mod shared;
mod slab;
mod sync;
mod table;
#[cfg(feature = "rustls")]
pub mod tls;
mod trust;

pub use coalesce::{CoalesceFacts, CoalesceRefused, coalesce};
pub use description::{Description, Epoch, Keys, Leg, ProtocolClass, Route, Transport};
pub use id::{Id, IdentityId, OriginId, PartitionId, ProxyId, ServerNameId, TenantId, TrustId};
pub use identity::{ClientIdentity, KeyHandle};
pub use interner::{Exhausted, Interner};
pub use key::{ConnectionKey, SessionKey};
pub use pool::{
    Grant, Handle, Lease, Limits, LineFull, Pool, Ready, Reservation, Reserved, Sharing, Ticket,
    Want,
};
pub use session::{SessionCache, SessionFacts, SessionLimits, TLS12_LIFETIME, TLS13_LIFETIME};
pub use shared::{SharedInterner, SharedPool};
pub use trust::{Roots, ServerTrust, Verification};
