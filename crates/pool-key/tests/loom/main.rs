//! Do the shared structures do the same whatever order threads come in?
//!
//! The crate's own sources, with loom's locks and atomics in the place of the standard library's: every order in which
//! the threads of a model can take turns is run. (Compiled in here rather than under a `cfg`, so that the models are
//! tests like any other.) `LOOM_MAX_PREEMPTIONS` raises the bound on how often a thread is interrupted, from three:
//!
//! ```text
//! LOOM_MAX_PREEMPTIONS=5 cargo test --release -p bareflight-pool-key --test loom
//! ```

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    reason = "the models use a part of the crate's sources"
)]

#[path = "../../src/description.rs"]
mod description;
#[path = "../../src/id.rs"]
mod id;
#[path = "../../src/interner.rs"]
mod interner;
#[path = "../../src/key.rs"]
mod key;
#[path = "../../src/list.rs"]
mod list;
#[path = "../../src/moment.rs"]
mod moment;
#[path = "../../src/pool/mod.rs"]
mod pool;
#[path = "../../src/session.rs"]
mod session;
#[path = "../../src/shared/mod.rs"]
mod shared;
#[path = "../../src/slab.rs"]
mod slab;
#[path = "../../src/table.rs"]
mod table;

/// Takes the place of the crate's module of that name.
mod sync {
    pub(crate) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    };
    pub(crate) use std::sync::PoisonError;
}

mod models;

pub use description::{Description, Epoch, Keys, Leg, ProtocolClass, Route, Transport};
pub use id::{Id, IdentityId, OriginId, PartitionId, ProxyId, ServerNameId, TenantId, TrustId};
pub use interner::{Exhausted, Interner};
pub use key::{ConnectionKey, SessionKey};
pub use pool::{
    Grant, Handle, Lease, Limits, LineFull, Pool, Ready, Reservation, Reserved, Sharing, Ticket,
    Want,
};
pub use session::{SessionCache, SessionFacts, SessionLimits};
pub use shared::{SharedInterner, SharedPool, SharedSessionCache};
