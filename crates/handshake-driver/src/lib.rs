//! What really happens on the wire?

mod client;
mod clock;
mod driver;
mod error;
mod executor;
#[cfg(test)]
mod hostile;
mod ids;
pub mod measure;
mod message;
mod observation;
mod pki;
mod plan;
mod server;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use client::{MAX_CONFIGURATIONS, Session};
pub use clock::{Clock, ORIGIN};
pub use driver::{Driver, MAX_BODY, MAX_CONNECTIONS, MAX_STREAMS};
pub use error::{Busy, ConnectError, EndReason, PkiError, ServerError, StreamError};
pub use ids::{ConnectionId, ServerId, SessionId, StreamId};
pub use observation::{
    ClientEvent, ClientHandshake, Identity, Observation, RefusedHandshake, RequestHead,
    ServerHandshake, Shown,
};
pub use pki::{Authority, IdentityName, IdentityPlan, Pki, Validity};
pub use plan::{
    Answer, ClientAuth, ClientConfiguration, ConfigKey, Protocol, Resumption, ServerPlan, Trust,
    Version, Versions,
};
pub use rustls::AlertDescription;
pub use server::{Offer, Rechecks, Reply, Responder, Resumes};
pub use wire::Transport;

/// What a panic left behind a lock is data of a test that failed; the lock is taken all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
