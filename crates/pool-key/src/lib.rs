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
//! # use std::collections::HashMap;
//! # use bareflight_pool_key::*;
//! # let mut origins: Interner<OriginId, String> = Interner::new(4096);
//! # let mut identities: Interner<IdentityId, ClientIdentity> = Interner::new(64);
//! # let mut trusts: Interner<TrustId, ServerTrust> = Interner::new(64);
//! # let alice = ClientIdentity { chain: vec![b"DER of her certificate".to_vec()], key: KeyHandle(1) };
//! let preflight = Description::bare(origins.intern("https://api.test")?, trusts.intern(&ServerTrust::default())?);
//! let put = Description { credentials: true, identity: Some(identities.intern(&alice)?), ..preflight };
//! let mut connections = HashMap::from([(put.keys().connection, "shown Alice's certificate")]);
//! assert_eq!(connections.get(&preflight.keys().connection), None, "the preflight flies bare");
//! assert_eq!(connections.remove(&put.keys().connection), Some("shown Alice's certificate"));
//! # Ok::<(), Exhausted>(())
//! ```
//!
//! Any map will do, and so will the one in a client that files its connections under a key of the caller's.
//!
//! # With the pool
//!
//! The [`Pool`] keeps the rest of the books: limits, who waits and who is first, what has been idle for too long, what
//! a logout ends.
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
//! let preflight = Description::bare(origins.intern("https://api.test")?, trusts.intern(&ServerTrust::default())?);
//! let put = Description { credentials: true, identity: Some(identities.intern(&alice)?), ..preflight };
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
//!
//! pool.retire(Epoch(1)); // Alice logs out: nothing from before is given to anybody
//! # Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! | in | take |
//! |---|---|
//! | a client of one's own, on one thread | [`Pool`], [`SessionCache`], [`Interner`] |
//! | one on several threads | [`SharedPool`], [`SharedSessionCache`], [`SharedInterner`] |
//! | rustls | `tls::ClientConfigs` (feature `rustls`): a configuration and a session store for each [`SessionKey`] |
//! | hyper-util | `connect::KeyedConnector` and `connect::Keyed` (feature `hyper-util`), and the example `hyper_util` |
//! | reqwest | the example `reqwest`: a client for each [`ConnectionKey`], name lookups shared |
//!
//! # What it is, and is not
//!
//! Without features: no I/O, no clock, no randomness that could be seen. The owner opens and closes, brings the time,
//! and gets the same answers for the same calls. Everything is bounded: connections, waiters, sessions, interned
//! values. What is at hand is found in constant time, and ending an epoch (logout, renewal of a certificate, change of
//! network) costs what it ends.
//!
//! # What it costs
//!
//! A key is made in a few nanoseconds, and found in about twice the time of a plain number at most: a fifth (among a
//! million keys) to a fifteenth of what a table of schemes and authorities takes. `cargo bench -p bareflight-benches
//! --bench pool_key` prints how it is on the machine at hand, beside other designs, and draws it.
//!
//! An [`Interner`] takes at most 64 bytes beside each value that it keeps, and forgets those that were not asked for: a
//! page that makes up a million origins leaves 4096 of them behind in an interner of 4096, under half a megabyte with
//! their texts. It never gives an id a second meaning, so forgetting costs a connection and cannot mix two up. A
//! [`Pool`] takes about 153 bytes for each idle connection that has a key of its own. Lookup, checkout and checkin take
//! nothing from the heap.
//!
//! # To add a field
//!
//! 1. Add it to [`Description`], with the advisory or the clause that it answers. A value goes into a key as an [`Id`]
//!    of a type of its own.
//! 2. Nothing compiles until [`Description::keys`], which takes the description apart twice and without `..`, says for
//!    each of the two keys what becomes of the field. A test has the compiler confirm it.
//! 3. The key gives its description back, so that no two descriptions can share one; the tests ask for the new field
//!    there as well.

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
pub use shared::{SharedInterner, SharedPool, SharedSessionCache};
pub use trust::{Roots, ServerTrust, Verification};
