//! One fetch: which request it is at, and what it has been through.

use bareflight_policy::{Origin, Purpose, Request, Route};
use bareflight_pool_key::TrustId;

use crate::{CauseOf, FetchId, HeldIdentity, NetworkError, Proxy};

/// What the caller of a fetch sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status.
    Response(u16),
    /// A connection and no answer: the end of a preconnect.
    Connected,
    /// A network error.
    NetworkError(Box<NetworkError>),
}

impl From<NetworkError> for Outcome {
    fn from(error: NetworkError) -> Self {
        Self::NetworkError(Box::new(error))
    }
}

slotmap::new_key_type! {
    /// A fetch under way, as the pool knows who waits: never that of another fetch, however many come and go.
    pub struct Running;
}

/// A fetch under way.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) id: FetchId,
    /// The request at hand; changed by redirects.
    pub(crate) request: Request,
    /// Which way main fetch decided that it takes.
    pub(crate) route: Route,
    /// The preflight, while it is the preflight's turn.
    pub(crate) preflight: Option<Request>,
    pub(crate) hop: u8,
    pub(crate) kind: Kind,
    pub(crate) trust: TrustId,
    /// The name to ask an origin for, and the origin.
    pub(crate) server_name: Option<(Origin, String)>,
    /// The proxy to go through, on each hop.
    pub(crate) via: Option<Proxy>,
    /// The identity that the caller named, and the origin that it named it for.
    pub(crate) named: Option<(Origin, HeldIdentity)>,
    /// The user, asked on its behalf, sends no certificate.
    pub(crate) declines: bool,
    /// Whether its requests may be pipelined.
    pub(crate) pipelined: bool,
    /// The identity that was chosen for the hop before.
    pub(crate) chosen: Option<HeldIdentity>,
    /// Whether this is the retry after 421.
    pub(crate) misdirected: bool,
    /// Whether this hop's server wants HTTP/1.1.
    pub(crate) http1: bool,
    /// Whether it was already tried again because a reused connection went away.
    pub(crate) retried: bool,
    /// Whether the connection that it rides was open before.
    pub(crate) reused: bool,
}

/// What a fetch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An answer.
    Request,
    /// A connection.
    Preconnect,
}

impl Fetch {
    /// The request whose turn it is: the preflight or the request itself.
    pub(crate) fn current(&self) -> &Request {
        self.preflight.as_ref().unwrap_or(&self.request)
    }

    /// The name to ask for where the request at hand goes, if it is not the host's.
    pub(crate) fn server_name(&self) -> Option<&str> {
        let (origin, name) = self.server_name.as_ref()?;
        (origin == self.current().current_url().origin()).then_some(name)
    }

    pub(crate) fn purpose(&self) -> Purpose {
        if self.preflight.is_some() {
            Purpose::Preflight
        } else {
            Purpose::Request
        }
    }

    pub(crate) fn cause(&self) -> CauseOf {
        CauseOf {
            fetch: self.id,
            hop: self.hop,
            purpose: self.purpose(),
        }
    }
}
