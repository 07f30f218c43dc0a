//! Why did it not work?

use std::io;

use http::StatusCode;
use rustls::AlertDescription;

use crate::ids::{ConnectionId, ServerId};
use crate::plan::{ClientAuth, ConfigKey, Version};

/// Why a connection ended, as one of its two ends saw it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EndReason {
    /// This end closed the connection itself.
    #[error("closed from this end")]
    Local,
    /// HTTP came to its end in order: the last answer said `Connection: close`, or there was a GOAWAY.
    #[error("HTTP ended the connection in order")]
    Finished,
    /// The peer closed in order, with `close_notify` (RFC 9846 section 6.1).
    #[error("the peer sent close_notify")]
    CloseNotify,
    /// The transport ended without `close_notify`: the peer went away, or bytes were cut off.
    #[error("the transport ended without close_notify")]
    Truncated,
    /// The peer sent this fatal alert. TLS 1.3's `certificate_required` comes this way, after the client already
    /// counts as connected (RFC 9846 section 6.2).
    #[error("the peer sent the alert {0:?}")]
    AlertReceived(AlertDescription),
    /// The client gave up when the server asked for a certificate, and sent nothing more.
    #[error("aborted when the server asked for a client certificate")]
    AbortedWhenAsked,
    /// The server asked for a certificate after the handshake in HTTP/2, which is a connection error (RFC 9113 sections
    /// 9.2.1 and 9.2.3).
    #[error("asked for a client certificate within HTTP/2")]
    AskedLateInHttp2,
    /// This end found a fault in the handshake, or in the peer's certificate, and sent an alert. What OpenSSL finds is said
    /// in rustls's words where it has them, and is [`General`](rustls::Error::General) elsewhere.
    #[error("TLS failed at this end: {0}")]
    Tls(rustls::Error),
    /// The proxy would not connect to the server, and said so with this status.
    #[error("the proxy would not connect: {0}")]
    Proxy(StatusCode),
    /// The peer went on sending though nothing came of it ([`MAX_IDLE_BYTES`](crate::MAX_IDLE_BYTES)).
    #[error("the peer sent bytes without end, and nothing with them")]
    Flood,
    /// HTTP went wrong on a sound TLS connection.
    #[error("HTTP failed: {0}")]
    Http(String),
    /// Nothing moves any more, and there is no result.
    #[error("both ends wait for each other")]
    Stalled,
}

impl EndReason {
    /// Reads the reason from what a TLS stream of either stack gave.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        let Some(inner) = error.get_ref() else {
            return Self::Truncated;
        };
        match (inner.downcast_ref(), inner.downcast_ref::<Self>()) {
            (Some(rustls::Error::AlertReceived(alert)), _) => Self::AlertReceived(*alert),
            (Some(other), _) => Self::Tls(other.clone()),
            (None, Some(reason)) => reason.clone(),
            // What a stack will not hold for its peer.
            (None, None) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Tls(rustls::Error::General(inner.to_string()))
            }
            (None, None) => Self::Truncated,
        }
    }
}

/// Why a server could not be set up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ServerError {
    /// There is no server of this number.
    #[error("{0} does not exist: add it first")]
    Unknown(ServerId),
    /// A certificate could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// rustls refuses the plan.
    #[error("TLS refuses the server's plan: {0}")]
    Tls(#[from] rustls::Error),
    /// This stack cannot ask so late.
    #[error("rustls cannot ask late: mode {0:?} needs the stack OpenSsl, of the feature `openssl`")]
    CannotAskLate(ClientAuth),
    /// The plan's versions leave out the one in which this mode exists.
    #[error("mode {0:?} needs {1:?}: let the plan's versions include it")]
    VersionOfMode(ClientAuth, Version),
    /// OpenSSL refuses the plan.
    #[cfg(feature = "openssl")]
    #[error("OpenSSL refuses the server's plan: {0}")]
    OpenSsl(String),
    /// The issuers named in the plan make no verifier.
    #[error("the accepted issuers make no verifier: {0}")]
    Issuers(String),
    /// The plan takes early data, and remembers sessions in a way that lets it be replayed.
    #[error("early data could be replayed: keep sessions statefully, with rustls")]
    EarlyDataReplays,
    /// A host has a name that is none.
    #[error("{0:?} is no name for a host: give labels, the first of which may be *")]
    BadHost(String),
    /// Two hosts list one name, insist equally, and accept certificates of different issuers.
    #[error("two hosts list {0:?} and accept different issuers: list it once")]
    Contradiction(String),
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConnectError {
    /// The handshake, or the transport under it, ended.
    #[error("no connection: {0}")]
    Ended(EndReason),
    /// There is no server of this number.
    #[error("{0} does not exist: add it first")]
    UnknownServer(ServerId),
    /// The name is no DNS name or address.
    #[error("{0:?} is not a server name")]
    BadName(String),
    /// The key stands for another configuration already. One key, one resolver and one verifier: that is what keeps
    /// sessions of different keys apart.
    #[error("{0:?} was used with another answer, trust or version before: use a key of its own")]
    KeyConflict(ConfigKey),
    /// rustls refuses the plan.
    #[error("TLS refuses the client's plan: {0}")]
    Tls(rustls::Error),
    /// rustls neither renegotiates nor authenticates after the handshake, and so can only refuse.
    #[error("rustls can only refuse to be asked late: {0:?} needs the stack OpenSsl")]
    CannotAnswerLate(ConfigKey),
    /// OpenSSL refuses the plan.
    #[cfg(feature = "openssl")]
    #[error("OpenSSL refuses the client's plan: {0}")]
    OpenSsl(String),
    /// OpenSSL needs the private key itself, and a [`Pki`](crate::Pki) keeps only those that it made.
    #[cfg(feature = "openssl")]
    #[error(
        "OpenSSL cannot present an identity that another Pki made: take one of the driver's own"
    )]
    ForeignIdentity,
    /// The authorities that the client is to believe make no verifier.
    #[error("the trusted authorities make no verifier: {0}")]
    Trust(String),
    /// A trust root could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The driver has [`MAX_CONNECTIONS`](crate::MAX_CONNECTIONS), or [`MAX_CONFIGURATIONS`](crate::MAX_CONFIGURATIONS).
    #[error("the driver holds as many {0} as it can: begin another driver")]
    Full(&'static str),
    /// The executor ran out of its budget.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Why a request has no response.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StreamError {
    /// The connection ended first. Whether the server did what the request asked for is not known.
    #[error("no response: {0}")]
    Ended(EndReason),
    /// The server did certainly not process it, so that it may be sent again on another connection, whatever its method: it
    /// never left this end, or came above a GOAWAY's last stream, or was refused with REFUSED_STREAM (RFC 9113 section 8.7).
    #[error("not processed, and may be sent again: {0}")]
    Unprocessed(EndReason),
    /// The server wants it over HTTP/1.1 (HTTP_1_1_REQUIRED, RFC 9113 section 7): on a connection that offers nothing else.
    #[error("the server wants this request over HTTP/1.1")]
    Http11Required,
    /// The response's body is larger than [`MAX_BODY`](crate::MAX_BODY) bytes.
    #[error("the response's body is larger than the bound")]
    BodyTooLarge,
    /// There is no such connection, or it ended long ago.
    #[error("{0} does not exist, or no longer")]
    UnknownConnection(ConnectionId),
    /// As many requests as the driver takes ([`MAX_STREAMS`](crate::MAX_STREAMS)) were sent on this connection.
    #[error("{0} carried as many requests as it can: open another")]
    TooManyStreams(ConnectionId),
    /// The executor ran out of its budget.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl StreamError {
    /// Why the connection, or the request on it, ended.
    #[must_use]
    pub fn reason(&self) -> Option<&EndReason> {
        match self {
            Self::Ended(reason) | Self::Unprocessed(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The tasks kept each other awake until the budget was spent: a livelock, which is a finding and not a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("still busy after {polls} polls: something loops")]
pub struct Busy {
    /// How many polls the budget allowed.
    pub polls: usize,
}

/// Why a key or a certificate could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot make the {what} for {subject:?}: {reason}")]
pub struct PkiError {
    /// What was being made.
    pub what: &'static str,
    /// Whose it was to be.
    pub subject: String,
    /// What the library said.
    pub reason: String,
}
