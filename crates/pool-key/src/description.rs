//! What must a connection be for this request, field by field?

use crate::{
    ConnectionKey, IdentityId, OriginId, PartitionId, ProxyId, ServerNameId, SessionKey, TenantId,
    TrustId,
};

/// Everything that decides who may share a connection or a TLS session: plain data, built without touching the heap.
///
/// The Fetch standard's triple (partition, origin, credentials; `#concept-connection-pool`) is the floor. Each further
/// field has an advisory behind it, named beside it.
///
/// [`Description::keys`] is the only way to a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Description {
    /// Scheme, host and port of the far end of this leg: the origin server, or the proxy itself when `leg` is
    /// [`Leg::Proxy`]. WebSocket schemes are written as the HTTP scheme that carries them, as Fetch does.
    pub origin: OriginId,
    /// The network partition key, or none where the standard gives none.
    pub partition: Option<PartitionId>,
    /// The connection's credentials boolean: may cookies, authentication and a client certificate travel on it?
    pub credentials: bool,
    /// The client certificate that answers if the server asks. `None` is "none is ever presented": it matches only
    /// itself (CVE-2016-5420 and CVE-2016-5419: absent from the key; CVE-2015-3143: compared only where present).
    pub identity: Option<IdentityId>,
    /// How the server is verified (CVE-2022-27782, CVE-2024-35195: relaxed verification left its connection behind).
    pub trust: TrustId,
    /// A server name used in place of the origin's host, if the request overrides it (urllib3 issue 1449).
    pub server_name: Option<ServerNameId>,
    /// By which way the far end is reached.
    pub route: Route,
    /// Whose TLS this is (CVE-2021-22890: a proxy's tickets filed as the origin's).
    pub leg: Leg,
    /// TCP or QUIC.
    pub transport: Transport,
    /// Which use of HTTP the connection is for.
    pub class: ProtocolClass,
    /// The profile, account or customer; `None` where there is only one.
    pub tenant: Option<TenantId>,
    /// The rotation epoch that the request started in.
    pub epoch: Epoch,
}

impl Description {
    /// A request without credentials or identity to this origin: over TCP, by no proxy, in no partition, of no tenant,
    /// in the first epoch. The rest is for struct update syntax to say.
    #[must_use]
    pub const fn bare(origin: OriginId, trust: TrustId) -> Self {
        Self {
            origin,
            partition: None,
            credentials: false,
            identity: None,
            trust,
            server_name: None,
            route: Route::Direct,
            leg: Leg::Origin,
            transport: Transport::Tcp,
            class: ProtocolClass::Http,
            tenant: None,
            epoch: Epoch(0),
        }
    }
}

/// By which way the far end of a leg is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Route {
    /// Straight to it.
    #[default]
    Direct,
    /// Through this proxy.
    Via(ProxyId),
}

/// Whose TLS a description is about, when there is a proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Leg {
    /// The origin server's, direct or inside a tunnel.
    #[default]
    Origin,
    /// The proxy's own.
    Proxy,
}

/// The transport below TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Transport {
    /// TLS over TCP, or no TLS at all.
    #[default]
    Tcp,
    /// QUIC (RFC 9001).
    Quic,
}

/// Which use of HTTP a connection is for. Connections of different classes are never shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProtocolClass {
    /// Requests and responses, in whichever version of HTTP is negotiated.
    #[default]
    Http,
    /// Requests and responses in HTTP/1.1 only: what a server that answered `HTTP_1_1_REQUIRED` is given.
    Http1,
    /// A WebSocket, which has its connection to itself.
    WebSocket,
    /// Any other use that has its connection to itself (Fetch's "yes-and-dedicated").
    Dedicated,
}

/// Which period of authentication a key belongs to. Moving on to the next one (the user logs out, a certificate is
/// renewed, the network changes) makes every earlier key different from every later one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one.
    ///
    /// # Panics
    /// After 2⁶⁴ epochs, which takes over five centuries at one a nanosecond.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.0.checked_add(1) {
            Some(next) => Self(next),
            None => panic!("epochs have run out"),
        }
    }
}

/// The two keys of one description.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    /// Which connections may serve.
    pub connection: ConnectionKey,
    /// Which TLS sessions may be resumed, and where new ones are filed.
    pub session: SessionKey,
}
