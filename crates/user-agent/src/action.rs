//! What the user agent wants done, and what it is told came of it.

use core::time::Duration;
use std::sync::Arc;

use bareflight_policy::{CertificateAnswer, HeaderList, Origin, Purpose, Request};
use bareflight_pool_key::{Leg, SessionFacts, SessionKey, TrustId};

use crate::Outcome;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
    };
}

number!(
    /// A fetch; the number is its caller's.
    FetchId
);
number!(
    /// A connection, numbered from 0 in the order in which the user agent asked for them.
    ConnectionId
);
number!(
    /// A TLS session; the number is the transport's, which keeps the session itself.
    SessionHandle
);
number!(
    /// An identity that the user holds; the number is that of [`Identities`](crate::Identities).
    HeldIdentity
);

/// A session as the cache keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// The transport's handle.
    pub handle: SessionHandle,
    /// What its server calls it. Servers choose as they like, so that the sessions of two may have one name.
    pub id: u32,
    /// How long it is of use, in the user agent's time. What it stands for ends seven days after the full handshake that it
    /// goes back to; that is handed on by resumption, never renewed.
    pub facts: SessionFacts,
    /// The protocol of the connection that it was obtained on, if the server takes early data under it: early data is in
    /// the protocol of its session (RFC 9846 section 4.2.10).
    pub early_data: Option<Protocol>,
}

/// Something to do.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "most are large, and none lives long"
)]
pub enum Action {
    /// Open a connection.
    Connect(Connect),
    /// Send a request on an open connection, and those that go right behind it.
    Send(Send),
    /// Close a connection.
    Close(ConnectionId),
    /// A session will not be asked for again: free it.
    Forget(SessionHandle),
    /// The user was asked to choose a certificate.
    Prompted(CauseOf),
    /// A fetch came to its end.
    Finish {
        /// The fetch.
        fetch: FetchId,
        /// What its caller sees.
        outcome: Outcome,
    },
}

/// Which request of which fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CauseOf {
    /// The fetch.
    pub fetch: FetchId,
    /// How many redirects led to it.
    pub hop: u8,
    /// Whether it is the preflight or the request itself.
    pub purpose: Purpose,
}

/// A connection to open.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The number by which it will be spoken of.
    pub connection: ConnectionId,
    /// For which request.
    pub cause: CauseOf,
    /// Where to.
    pub origin: Origin,
    /// The name to ask for, and to verify the server by; that of the origin's host if there is none.
    pub server_name: Option<String>,
    /// What to say if the server asks for a certificate.
    pub answer: CertificateAnswer,
    /// The identity to present, if the answer is to present one.
    pub identity: Option<HeldIdentity>,
    /// What to say if the server asks after the handshake.
    pub late: Late,
    /// How to verify the server.
    pub trust: TrustId,
    /// When to.
    pub verification: Verification,
    /// The protocols to offer.
    pub alpn: Alpn,
    /// Under which key sessions are kept: two connections with the same key have the same TLS configuration.
    pub session_key: SessionKey,
    /// The session to offer.
    pub offer: Option<SessionHandle>,
    /// What goes out with the ClientHello, under the session on offer. If the server refuses the session or the early data,
    /// it is sent again after the handshake, and nobody else sends it.
    pub early: Option<Box<Send>>,
    /// The way there: through the tunnel of this proxy, or straight if there is none.
    pub hop: Option<Box<Hop>>,
}

/// The leg to a proxy, which then is asked for a tunnel to the origin (CONNECT, RFC 9110 section 9.3.6). Its handshake has
/// nothing in common with the one inside: neither question nor answer, trust nor sessions.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The proxy.
    pub proxy: Origin,
    /// What to say if it asks for a certificate.
    pub answer: CertificateAnswer,
    /// The identity to present, if the answer is to present one.
    pub identity: Option<HeldIdentity>,
    /// How to verify it.
    pub trust: TrustId,
    /// Under which key its sessions are kept.
    pub session_key: SessionKey,
    /// The session to offer.
    pub offer: Option<SessionHandle>,
}

/// What a client says when it is asked for a certificate after the handshake: by a renegotiation in TLS 1.2, by a
/// post-handshake CertificateRequest in TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// On a connection that speaks HTTP/1.1.
    pub http1: CertificateAnswer,
    /// On a connection that speaks HTTP/2, where asking is an error (RFC 9113 sections 9.2.1 and 9.2.3).
    pub http2: CertificateAnswer,
    /// The identity to present, where the answer is to present one.
    pub identity: Option<HeldIdentity>,
}

impl Late {
    /// The answer on a connection of this protocol.
    #[must_use]
    pub fn answer(&self, protocol: Protocol) -> CertificateAnswer {
        match protocol {
            Protocol::Http1 => self.http1,
            Protocol::H2 => self.http2,
        }
    }
}

/// When a client verifies the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// When it comes: if it is not accepted, the handshake has failed.
    InHandshake,
    /// When the handshake is over: if it is not accepted, the connection is closed. Sessions may have come by then.
    Afterwards,
}

/// The protocols that a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// `h2` and `http/1.1`.
    Any,
    /// `http/1.1` alone: a WebSocket, or after HTTP_1_1_REQUIRED.
    Http1,
    /// `h2` alone: early data in that protocol is under way before one is agreed on.
    H2,
}

/// A request to send.
#[derive(Clone, Debug)]
pub struct Send {
    /// On which connection.
    pub connection: ConnectionId,
    /// Its number on the connection, from 1.
    pub stream: u32,
    /// Which request it is.
    pub cause: CauseOf,
    /// The request.
    pub request: Request,
    /// What the network layer adds to it.
    pub carried: Carried,
    /// Those that go out right behind it on the same connection, before there is an answer: HTTP/1.1 pipelining (RFC 9112
    /// section 9.3.2). Their own are empty.
    pub followed_by: Vec<Send>,
}

/// The credentials that travel in headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// `Cookie`
    pub cookie: bool,
    /// `Authorization`, the caller's or from an authentication entry.
    pub authorization: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The handshake ended well, as far as the client can tell.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// The protocol.
        protocol: Protocol,
        /// Whether the server asked for a certificate.
        asked: bool,
        /// The names that the server's certificate covers.
        names: Arc<[String]>,
    },
    /// A connection ended: the handshake failed, or it was closed later.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// Whether the server had asked for a certificate.
        asked: bool,
        /// Why.
        reason: EndReason,
    },
    /// The requests that are on a connection are the last ones: the server said `Connection: close` (RFC 9112 section 9.6)
    /// or GOAWAY (RFC 9113 section 6.8). Tell it before the answer that gives the connection back.
    GoingAway {
        /// The connection.
        connection: ConnectionId,
    },
    /// The server asked for a certificate after the handshake, and was answered as [`Connect::late`] says.
    AskedLate {
        /// On which connection.
        connection: ConnectionId,
    },
    /// The server did not process a request, and wants it over HTTP/1.1 (`HTTP_1_1_REQUIRED`, RFC 9113 section 7).
    WantsHttp1 {
        /// On which connection.
        connection: ConnectionId,
        /// Which request.
        stream: u32,
    },
    /// A session arrived.
    Session {
        /// On which connection.
        connection: ConnectionId,
        /// Whose it is: the origin's, or the proxy's on the way.
        leg: Leg,
        /// Its handle.
        session: SessionHandle,
        /// What its server calls it.
        id: u32,
        /// Whether it may be offered once only (TLS 1.3).
        single_use: bool,
        /// How long it may be offered.
        lifetime: Duration,
        /// Whether the server takes early data under it.
        early_data: bool,
    },
    /// The answer to a request.
    Response {
        /// On which connection.
        connection: ConnectionId,
        /// To which request.
        stream: u32,
        /// The status.
        status: u16,
        /// The headers.
        headers: HeaderList,
    },
}

/// An application protocol, as far as sharing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One request at a time.
    Http1,
    /// Many at once.
    H2,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The server insists on a client certificate (alert *certificate_required*, or *handshake_failure* in TLS 1.2).
    CertificateRequired,
    /// The user agent broke the handshake off when it was asked for a certificate.
    AbortedWhenAsked,
    /// The server's certificate was not accepted.
    ServerUntrusted,
    /// Some other failure of the handshake: no common version or protocol.
    Handshake,
    /// There was no tunnel: the handshake with the proxy failed, or it refused to dig one.
    Proxy,
    /// Closed in order, or cut off, after the handshake.
    Closed,
}
