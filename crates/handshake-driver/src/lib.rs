//! What really happens on the wire?
//!
//! A CORS preflight must not carry a TLS client certificate, and whether it did is settled below HTTP: by what a server
//! asks, what a client answers, and what a resumed session inherits without a word. This crate makes those handshakes
//! happen (rustls or OpenSSL at either end, hyper on top) and writes down what each end saw. Nothing in it knows why a request wants
//! a connection.
//!
//! All of it runs in memory, on one thread, on a virtual clock: the same calls give the same events. The TLS and HTTP
//! code is generic over its [`Transport`], so it runs over sockets as well.
//!
//! ```
//! use std::sync::Arc;
//! use bareflight_handshake_driver::*;
//! use bytes::Bytes;
//! use http::{Request, Response};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pki = Arc::new(Pki::default());
//! let alice = pki.identity(&IdentityPlan::new("alice"))?;
//! let mut driver = Driver::new(pki);
//! let plan = ServerPlan { client_auth: ClientAuth::Request, ..ServerPlan::new(&["api.test"]) };
//! let server = driver.add_server(plan, |_, _| Response::new(Bytes::from_static(b"hello")).into())?;
//!
//! // A client that shows its certificate, and one that does not: two configurations, two keys.
//! let with = ClientConfiguration { answer: Answer::Present(alice), ..ClientConfiguration::new(ConfigKey(1)) };
//! let bare = ClientConfiguration::new(ConfigKey(2));
//!
//! let (connection, handshake) = driver.connect(server, "api.test", &with, None);
//! assert!(handshake?.asked);
//! let connection = connection.expect("a handshake that succeeded has a connection");
//! let get = Request::get("https://api.test/items").body(Bytes::new())?;
//! driver.send(connection, get)?;
//! driver.run()?;
//! let mut session = None;
//! for event in driver.events() {
//!     match event {
//!         ClientEvent::Response { response, .. } => assert_eq!(response.body(), "hello"),
//!         ClientEvent::Session { session: arrived, .. } => session = Some(arrived),
//!         other => panic!("{other:?}"),
//!     }
//! }
//!
//! // The session is Alice's. Under its own key it resumes, and inherits; under another it is not even offered.
//! let (_, handshake) = driver.connect(server, "api.test", &bare, session);
//! assert!(!handshake?.resumed);
//! for observation in driver.observations() {
//!     if let Observation::Handshake(seen) = observation {
//!         println!("{}: {:?}, {:?}", seen.connection, seen.shown, seen.identity);
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # What happens when a server asks
//!
//! The table of `tests/it/matrix.rs`: rustls and OpenSSL at either end, HTTP/1.1 and HTTP/2, each cell a real handshake.
//! Which stack the client is makes no difference, the server's only where it is named.
//!
//! | mode | answer | TLS 1.2 | TLS 1.3 | the session inherits |
//! |---|---|---|---|---|
//! | none | any | connected, not asked | the same | nothing |
//! | request | present | connected as that identity | the same | that identity |
//! | request | decline | connected, declined | the same | nothing: it stays bare |
//! | require | present | connected as that identity | the same | that identity |
//! | require | decline | `certificate_required` (rustls), `handshake_failure` (OpenSSL) | *connected*, then `certificate_required` | (none is issued) |
//! | request, require | abort | the client goes away without a word | the same | (none is issued) |
//! | request, require | one that has expired | `certificate_expired` | *connected*, then the same alert | (none is issued) |
//! | request, require | one from a stranger | `unknown_ca` | *connected*, then the same alert | (none is issued) |
//! | request, require | one that is for servers | `unsupported_certificate` | *connected*, then the same alert | (none is issued) |
//!
//! A wrong certificate is worse than none: a server that goes on without one refuses it all the same. A TLS 1.3 client
//! counts as connected when the server's alert comes (RFC 9846 section 6.2): its request, if it had sent one, fails with
//! that alert, and [`ClientEvent::Closed`] says so otherwise. For TLS 1.2 RFC 5246 section 7.4.6 names `handshake_failure`
//! where a certificate is missing; rustls sends there too what TLS 1.3 added.
//!
//! # What happens when a server asks late
//!
//! The table of `tests/it/late.rs`, with the feature `openssl`: rustls can do neither of the two. A request for a path under
//! [protection](ServerPlan::protects) waits until the client was asked; [`Admits`] says who passes, and who does not is
//! answered 403.
//!
//! | the client | renegotiate (TLS 1.2) | post-handshake (TLS 1.3) |
//! |---|---|---|
//! | rustls, or OpenSSL that refuses | `no_renegotiation`, and the server ends the connection | cannot be asked, and is denied |
//! | declines | denied | denied |
//! | presents | answered as that identity | answered as that identity |
//! | declines or presents, in HTTP/2 | breaks the connection off (RFC 9113 section 9.2.1) | breaks the connection off (section 9.2.3) |
//! | presents in HTTP/2 all the same (a fault) | answered as that identity | answered as that identity |
//!
//! Who was asked has proved who they are for the request that it was about, and for what begins to arrive afterwards. What had
//! arrived before (CVE-2009-3555) is asked for itself: [`Driver::send_flight`] pipelines (RFC 9112 section 9.3.2), and
//! [`RequestHead::behind`] says of a request how many before it had no answer.
//!
//! # Sessions
//!
//! In rustls a session resumes only under the very resolver and verifier *objects* that it was obtained with. So there
//! is one of each for a [`ConfigKey`], for as long as the driver lives: rebuilt for each connection they would silently
//! never resume, shared between keys they would resume across them. Sessions themselves are values that the caller owns,
//! files, and offers ([`Session`]); this crate does not say which one is right.
//!
//! OpenSSL would offer a session under any configuration, so each goes with the key that it was obtained under, and is offered
//! under no other. Its server keeps all sessions in the driver's table by their session IDs, whether the plan says tickets or
//! not, since nobody could number the tickets that it would make: a TLS 1.3 ticket is then a session ID, and TLS 1.2 has no
//! tickets with that stack. What a late authentication proved goes into the sessions that come with it, not into those from
//! before. The table of `tests/it/stacks.rs`.
//!
//! What a server resumes is judged by [`Resumes`]; under which policy a connection is, where a server has several hosts, and
//! which requests it then serves, by [`Routes`]. Their default methods are right, and a known fault overrides one of them.
//!
//! Early data rides on a session ([`ClientConfiguration::early_data`], [`ServerPlan::early_data`]): what waits when a connection
//! begins goes out with the ClientHello, under the identity that the session inherits, and [`RequestHead::early_data`] says so.
//!
//! # Proxies, sockets
//!
//! [`Driver::begin_through`] leads through a proxy: two connections, one in the other, each with its own handshake, answer and
//! sessions. An origin sees nothing before the tunnel is dug, and what it was to be offered can be had back if none is
//! ([`Driver::reclaim`]). [`Driver::begin_over`] takes any [`Transport`], sockets too; [`Driver::run_until`] then waits for what
//! arrives. [`Driver::accept`] serves a client that is not the driver's own.
//!
//! # Bounds
//!
//! Whatever a peer says, an end of a connection ends with a reason, and holds no more of it than this:
//!
//! | of | at most |
//! |---|---|
//! | a body | [`MAX_BODY`] bytes; a client gives up, a server answers 413 |
//! | a head in HTTP/1.1 | 400 kB and 100 fields (hyper's); in HTTP/2 16 kB (h2's) |
//! | a handshake message | 64 kB (rustls's), and so of a list of issuers |
//! | bytes of which no answer and no request comes | [`MAX_IDLE_BYTES`]; then [`EndReason::Flood`] |
//! | requests on a connection | [`MAX_STREAMS`] |
//! | requests in a pipeline that wait for their turn | 16 kB; then no more is read, unless the client is asked late |
//! | sessions that wait at a client | the last 64 of a connection |
//! | sessions that servers remember | the last 65,536 of a driver |
//! | open connections, configurations | [`MAX_CONNECTIONS`], [`MAX_CONFIGURATIONS`] |
//! | polls in one [`Driver::run`] | 100,000; what never rests is [`Busy`] |
//!
//! What never answers leaves [`Driver::run`] with nothing to do. The tests of `src/hostile` hold both ends to 4 MB in all
//! against peers that never stop.

mod client;
mod clock;
mod driver;
mod error;
mod executor;
#[cfg(test)]
mod hostile;
mod ids;
#[cfg(feature = "insecure-test-crypto")]
pub mod insecure_test_crypto;
mod keylog;
mod keys;
pub mod measure;
mod message;
mod observation;
mod pipelining;
mod pki;
mod plan;
mod relay;
mod server;
mod tap;
mod wire;
#[cfg(feature = "openssl")]
mod with_openssl;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use client::{MAX_CONFIGURATIONS, Session};
pub use clock::{Clock, ORIGIN};
pub use driver::{Driver, Hop, MAX_BODY, MAX_CONNECTIONS, MAX_STREAMS, Through};
pub use error::{Busy, ConnectError, EndReason, PkiError, ServerError, StreamError};
pub use ids::{ConnectionId, ServerId, SessionId, StreamId};
pub use observation::{
    ClientEvent, ClientHandshake, Identity, LateAuthentication, Observation, Original,
    RefusedHandshake, RequestHead, ServerHandshake, Shown,
};
pub use pki::{Authority, IdentityName, IdentityPlan, Pki, Usage, Validity};
pub use plan::{
    Answer, ClientAuth, ClientConfiguration, ConfigKey, HostPlan, LateAnswer, LateInHttp2,
    LateKind, Protected, Protocol, Resumption, ServerPlan, Stack, Trust, Version, Versions,
};
pub use rustls::sign::CertifiedKey;
pub use rustls::{AlertDescription, CertificateError, Error as TlsError};
pub use server::{
    Admits, Authenticated, Certificate, Checks, Hello, LateOutcome, Offer, Rechecks, Reply,
    Responder, Resumes, Route, Routes, Rules, Strict,
};
pub use tap::Packet;
pub use wire::{MAX_IDLE_BYTES, Transport};

/// What a panic left behind a lock is data of a test that failed; the lock is taken all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
