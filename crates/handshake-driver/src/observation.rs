//! What is seen? Plain data, in the order of events: the servers' observations, and the client's events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};

use crate::client::Session;
use crate::error::{EndReason, StreamError};
use crate::ids::{ConnectionId, ServerId, SessionId, StreamId};
use crate::pki::IdentityName;
use crate::plan::{HostPlan, LateKind, Protocol, Version};

/// An identity that a server saw.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// One that the [`Pki`](crate::Pki) made, recognised by its whole chain.
    Known(IdentityName),
    /// A chain from elsewhere.
    Unknown,
}

/// What a server learnt of its client's certificate in one handshake.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// It did not ask, so nothing can have been shown. A resumed handshake never asks (RFC 9846 section 4.3.2).
    NotAsked,
    /// It asked, and the handshake ended before there was an answer.
    Unanswered,
    /// It asked, and the answer was an empty Certificate.
    Declined,
    /// It asked, and was shown this.
    Identity(Identity),
}

impl Shown {
    /// Whether a CertificateRequest was sent.
    #[must_use]
    pub fn asked(&self) -> bool {
        *self != Self::NotAsked
    }
}

/// A handshake, as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHandshake {
    /// On which connection.
    pub connection: ConnectionId,
    /// With which server.
    pub server: ServerId,
    /// The connection to a proxy that this one runs in, if it does. (No server could know; the driver does.)
    pub through: Option<ConnectionId>,
    /// The version agreed on.
    pub version: Version,
    /// Whether there was a HelloRetryRequest (RFC 9846 section 4.1.4), if this end is rustls; OpenSSL does not say.
    pub retried: bool,
    /// How many bytes of early data it took (RFC 9846 section 2.3).
    pub early_data: usize,
    /// The protocol agreed on.
    pub alpn: Option<Protocol>,
    /// The name in the ClientHello (RFC 6066 section 3).
    pub server_name: Option<String>,
    /// What was shown on this connection.
    pub shown: Shown,
    /// Whom this connection authenticates: shown here, or inherited from the session without any Certificate on the
    /// wire.
    pub identity: Option<Identity>,
    /// The policy that the name in the ClientHello comes under: one of the plan's hosts, or the server's own.
    pub policy: Arc<HostPlan>,
    /// The session that was resumed.
    pub resumed: Option<SessionId>,
    /// The full handshake that the resumed session goes back to, through whatever resumptions lie between.
    pub original: Option<Original>,
    /// The session that was offered and not resumed, if it is one that a server of this driver issued.
    pub offered: Option<SessionId>,
}

/// The full handshake that a session goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// With which server.
    pub server: ServerId,
    /// The name in its ClientHello.
    pub server_name: Option<String>,
    /// The policy it was under.
    pub policy: Arc<HostPlan>,
    /// Whom it authenticated.
    pub identity: Option<Identity>,
    /// When, on the driver's clock.
    pub at: Duration,
}

/// A handshake that did not succeed, as the server saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedHandshake {
    /// On which connection.
    pub connection: ConnectionId,
    /// With which server.
    pub server: ServerId,
    /// The name in the ClientHello, if one arrived.
    pub server_name: Option<String>,
    /// What was shown before it failed.
    pub shown: Shown,
    /// The session that was offered.
    pub offered: Option<SessionId>,
    /// Why it failed.
    pub reason: EndReason,
}

/// The head of a request, as the server read it.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestHead {
    /// On which connection.
    pub connection: ConnectionId,
    /// Which one, in the order of arrival.
    pub stream: StreamId,
    /// The method.
    pub method: Method,
    /// Host or `:authority`.
    pub authority: Option<String>,
    /// Path and query.
    pub target: String,
    /// All fields.
    pub headers: HeaderMap,
    /// Whether its head came as early data: whoever captured it could have sent it again, if the server let them.
    pub early_data: bool,
    /// How many before it on its connection had no answer when it began to arrive: none, unless the client pipelines in HTTP/1.1
    /// (RFC 9112 section 9.3.2). In HTTP/2 it is not counted, since requests arrive there without waiting for each other.
    pub behind: u64,
    /// The policy that its authority comes under.
    pub policy: Arc<HostPlan>,
    /// The status it was answered with, if the responder was not asked: 421, a request that does not belong on its connection
    /// (RFC 9110 section 15.5.20); 400, one whose authority cannot be read.
    pub turned_away: Option<StatusCode>,
}

/// A late authentication: the server asked on a connection that was already open, or wanted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateAuthentication {
    /// On which connection.
    pub connection: ConnectionId,
    /// The request that it was asked for.
    pub stream: StreamId,
    /// How the server asked.
    pub kind: LateKind,
    /// What was shown; [`Shown::NotAsked`] if the server could not ask, since the client did not offer
    /// `post_handshake_auth` (RFC 9846 section 4.2.6), and [`Shown::Unanswered`] if the client went on without a word.
    pub shown: Shown,
    /// Whom the connection authenticates from now on. A certificate that did not pass is in `shown` alone.
    pub identity: Option<Identity>,
    /// The connection broke off over it: the client would not be asked, or what it showed did not pass.
    pub refused: bool,
}

/// What a server saw.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// A handshake succeeded.
    Handshake(ServerHandshake),
    /// A handshake failed.
    Refused(RefusedHandshake),
    /// A session was issued.
    SessionIssued {
        /// On which connection.
        connection: ConnectionId,
        /// Its number.
        session: SessionId,
    },
    /// A request arrived.
    Request(RequestHead),
    /// A server asked late, and this is what came of it.
    LateAuthentication(LateAuthentication),
    /// The head of an answer left.
    Answered {
        /// On which connection.
        connection: ConnectionId,
        /// To which request.
        stream: StreamId,
        /// With which status: 403 to a request for a path under protection that came without a certificate, 421 or 400 to
        /// one that was [turned away](RequestHead::turned_away), else what the responder said.
        status: StatusCode,
    },
    /// A connection ended.
    Closed {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: EndReason,
    },
}

/// A handshake, as the client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHandshake {
    /// The version agreed on.
    pub version: Version,
    /// The protocol agreed on.
    pub alpn: Option<Protocol>,
    /// Whether the server asked for a certificate in this handshake.
    pub asked: bool,
    /// Whether the session on offer was resumed.
    pub resumed: bool,
    /// Whether the server took early data. If there was some and it did not, the same was sent again after the handshake.
    pub early_data: bool,
    /// Whether there was a HelloRetryRequest, if this end is rustls; OpenSSL does not say.
    pub retried: bool,
    /// The DNS names in the server's certificate (of the original handshake, when resumed).
    pub server_names: Vec<String>,
}

/// What happened to the client.
#[derive(Debug)]
pub enum ClientEvent {
    /// A response arrived, with its whole body.
    Response {
        /// On which connection.
        connection: ConnectionId,
        /// To which request.
        stream: StreamId,
        /// What it says.
        response: Response<Bytes>,
    },
    /// A request has no response.
    Failed {
        /// On which connection.
        connection: ConnectionId,
        /// Which request.
        stream: StreamId,
        /// Why.
        error: StreamError,
    },
    /// A session arrived.
    Session {
        /// On which connection.
        connection: ConnectionId,
        /// To offer later, by the same configuration.
        session: Session,
    },
    /// The server asked for a certificate after the handshake; what was answered is [`LateAnswer`](crate::LateAnswer)'s
    /// matter. rustls refuses without telling.
    AskedLate {
        /// On which connection.
        connection: ConnectionId,
    },
    /// A connection ended after its handshake.
    Closed {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: EndReason,
    },
}
