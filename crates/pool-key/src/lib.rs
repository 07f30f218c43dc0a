//! Which connection, and which TLS session, may serve this request?

mod coalesce;
mod description;
mod id;
mod identity;
mod interner;
mod key;
mod list;
mod moment;
mod pool;
mod session;
mod slab;
mod table;
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
pub use trust::{Roots, ServerTrust, Verification};
