//! Policy, pool key and connections composed: a *sans-I/O* `fetch`.
//!
//! [`UserAgent`] takes requests, events and the time, and gives [`Action`]s: connect (with this answer to a
//! CertificateRequest, and this session to offer), send, close. Whoever owns it performs them on a transport of their
//! choice and hands back what came of it as [`Event`]s. It does no I/O and reads no clock, so the same code runs over
//! sockets, over real TLS in memory, and over an abstract model that is fast enough to fuzz.
//!
//! With the feature `tokio`, the module `front` is such an owner: a client over TCP, or over whatever a connector opens.
//!
//! Every choice that has ever been made wrongly in the field is a method of one of three small traits ([`Carry`],
//! [`Share`], [`Keep`]) whose default is the right answer: [`Standard`] takes all the defaults. That is the seam where
//! another policy, or a fault, is put in.
//!
//! ```
//! use core::num::NonZeroU32;
//! use bareflight_policy::{CertificateAnswer, CredentialsMode, Method, Origin, Profile, Purpose, Request, RequestUrl};
//! use bareflight_user_agent::{Action, FetchId, FetchRequest, Limits, Standard, UserAgent, trust};
//!
//! let mut agent = UserAgent::new(Profile::fetch(), &Standard, Limits::default());
//! agent.identities().add("alice", ["api.test"]); // a certificate that the user chooses for api.test
//!
//! let mut request = Request::fetch_api(RequestUrl::parse("https://api.test/items")?, Origin::parse("https://app.test")?);
//! request.method = Method::PUT;
//! request.credentials_mode = CredentialsMode::Include;
//! let (id, trust) = (FetchId(0), trust(NonZeroU32::MIN));
//! agent.fetch(FetchRequest { id, request, identity: None, declines: false, trust, server_name: None, via: None, preconnect: false, pipelined: false });
//!
//! // PUT needs a preflight, and a preflight flies bare: if the server asks, the certificate is withheld.
//! let Some(Action::Connect(connect)) = agent.poll() else { panic!("there is no connection yet") };
//! assert_eq!(connect.cause.purpose, Purpose::Preflight);
//! assert_eq!((connect.answer, connect.identity), (CertificateAnswer::Decline, None));
//! // The owner opens it, says `agent.handle(Event::Connected { .. })`, and asks what to do next.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod action;
mod agent;
mod decisions;
mod error;
mod fetch;
#[cfg(feature = "tokio")]
pub mod front;
mod identities;

pub use action::{
    Action, Alpn, Carried, CauseOf, Connect, ConnectionId, EndReason, Event, FetchId, HeldIdentity,
    Hop, Late, Protocol, Send, SessionHandle, StoredSession, Verification,
};
pub use agent::{FetchRequest, Limits, Proxy, UserAgent, trust};
pub use decisions::{Carry, Decisions, Keep, Place, Question, Share, Standard, Wanted};
pub use error::NetworkError;
pub use fetch::{Outcome, Running};
pub use identities::{Identities, Label};
