//! Policy, pool key and connections composed: a *sans-I/O* `fetch`.
//!
//! [`UserAgent`] takes requests, events and the time, and gives [`Action`]s: connect (with this answer to a
//! CertificateRequest, and this session to offer), send, close. Whoever owns it performs them on a transport of their
//! choice and hands back what came of it as [`Event`]s. It does no I/O and reads no clock, so the same code runs over
//! sockets, over real TLS in memory, and over an abstract model that is fast enough to fuzz.
//!
//! Every choice that has ever been made wrongly in the field is a method of one of three small traits ([`Carry`],
//! [`Share`], [`Keep`]) whose default is the right answer: [`Standard`] takes all the defaults. That is the seam where
//! another policy, or a fault, is put in.

mod action;
mod agent;
mod decisions;
mod error;
mod fetch;
mod identities;

pub use action::{
    Action, Alpn, Carried, CauseOf, Connect, ConnectionId, EndReason, Event, FetchId, HeldIdentity,
    Protocol, Send, SessionHandle, StoredSession,
};
pub use agent::{FetchRequest, Limits, UserAgent, trust};
pub use decisions::{Carry, Decisions, Keep, Question, Share, Standard, Wanted};
pub use error::NetworkError;
pub use fetch::Outcome;
pub use identities::Identities;
