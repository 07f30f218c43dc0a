//! What is a server, and what is a client, to do? Plain values; nothing happens here.

use std::sync::Arc;
use std::time::Duration;

use rustls::SupportedProtocolVersion;
use rustls::sign::CertifiedKey;

use crate::pki::{Authority, Validity};

/// The TLS versions that one end speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Versions {
    /// TLS 1.2 alone.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
    /// Both; two ends that speak both agree on 1.3.
    #[default]
    Both,
}

impl Versions {
    pub(crate) fn supported(self) -> &'static [&'static SupportedProtocolVersion] {
        static TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
        static TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
        match self {
            Self::Tls12 => &TLS12,
            Self::Tls13 => &TLS13,
            Self::Both => rustls::ALL_VERSIONS,
        }
    }
}

/// The TLS version that a handshake agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 9846).
    Tls13,
}

impl Version {
    pub(crate) fn agreed(version: Option<rustls::ProtocolVersion>) -> Self {
        match version {
            Some(rustls::ProtocolVersion::TLSv1_3) => Self::Tls13,
            _ => Self::Tls12,
        }
    }
}

/// An application protocol, by ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1, `http/1.1`.
    Http11,
    /// HTTP/2, `h2`.
    H2,
}

impl Protocol {
    const ALL: [Self; 2] = [Self::Http11, Self::H2];

    /// Its identification sequence in ALPN.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Http11 => "http/1.1",
            Self::H2 => "h2",
        }
    }

    pub(crate) fn agreed(id: Option<&[u8]>) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|p| Some(p.id().as_bytes()) == id)
    }

    pub(crate) fn wire(protocols: &[Self]) -> Vec<Vec<u8>> {
        protocols.iter().map(|p| p.id().into()).collect()
    }
}

/// When a server asks for a client certificate, and whether it insists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// It does not ask.
    #[default]
    None,
    /// It asks, and goes on without.
    Request,
    /// It asks, and refuses without.
    Require,
}

/// How a server remembers sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resumption {
    /// It does not.
    Off,
    /// Session tickets (RFC 5077; in TLS 1.3 good for any number of uses).
    #[default]
    Tickets,
    /// Session IDs in TLS 1.2; in TLS 1.3 tickets that serve once.
    Stateful,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPlan {
    /// The names in its certificate.
    pub names: Vec<String>,
    /// Who issues its certificate.
    pub issuer: Authority,
    /// When its certificate is valid.
    pub validity: Validity,
    /// Whether it asks for a client certificate.
    pub client_auth: ClientAuth,
    /// The authorities whose client certificates it takes. They are named in its CertificateRequest.
    pub accepts: Vec<Authority>,
    /// The TLS versions it speaks.
    pub versions: Versions,
    /// The protocols it offers, best first; none means no ALPN, and HTTP/1.1.
    pub alpn: Vec<Protocol>,
    /// How it remembers sessions.
    pub resumption: Resumption,
    /// How many tickets it issues after a full TLS 1.3 handshake and after a resumed one.
    pub tickets: usize,
    /// How long after it was issued a session may be resumed, in whole seconds; at most seven days in TLS 1.3.
    pub lifetime: Duration,
}

impl ServerPlan {
    /// A server of these names that does all that is usual and asks for no certificate.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            issuer: Authority::servers(),
            validity: Validity::Current,
            client_auth: ClientAuth::None,
            accepts: vec![Authority::users()],
            versions: Versions::Both,
            alpn: vec![Protocol::H2, Protocol::Http11],
            resumption: Resumption::Tickets,
            tickets: 2,
            lifetime: Duration::from_secs(7200),
        }
    }
}

/// The caller's name for a client configuration. Sessions obtained under one key are never offered under another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigKey(pub u64);

/// What a client does when it is asked for a certificate.
#[derive(Clone, Debug, Default)]
pub enum Answer {
    /// It presents this chain and proves that it holds the key.
    Present(Arc<CertifiedKey>),
    /// It sends an empty Certificate and goes on.
    #[default]
    Decline,
    /// It sends nothing more and goes away: the other reading of *create a connection* (whatwg/fetch issue 869).
    Abort,
}

impl PartialEq for Answer {
    /// Chains and keys are compared as the objects they are: an equal copy is another identity.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present(a), Self::Present(b)) => Arc::ptr_eq(a, b),
            (Self::Decline, Self::Decline) | (Self::Abort, Self::Abort) => true,
            _ => false,
        }
    }
}

/// Which servers a client believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those with a certificate from one of these.
    Authorities(Vec<Authority>),
    /// All: neither chain, name nor dates are looked at. (Many clients have the switch; sessions made under it must
    /// not serve a request that verifies.)
    Anyone,
}

/// A client configuration: all that decides which sessions are compatible, and its key.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientConfiguration {
    /// The caller's name for it.
    pub key: ConfigKey,
    /// What it does when asked for a certificate.
    pub answer: Answer,
    /// Which servers it believes.
    pub trust: Trust,
    /// The TLS versions it speaks.
    pub versions: Versions,
    /// The protocols it offers, best first; none means no ALPN, and HTTP/1.1. They may differ from connection to
    /// connection of one key: a WebSocket resumes the sessions of a fetch.
    pub alpn: Vec<Protocol>,
    /// Whether connections of this key may answer differently. To rustls their sessions are then compatible, as they
    /// are to every stack that does not look at who asks (the shape of CVE-2016-5419). It is never right; it is here so
    /// that a harness can let that fault loose.
    pub shared: bool,
}

impl ClientConfiguration {
    /// A client that declines, believes [`Authority::servers`], speaks both versions, and HTTP/1.1.
    #[must_use]
    pub fn new(key: ConfigKey) -> Self {
        Self {
            key,
            answer: Answer::Decline,
            trust: Trust::Authorities(vec![Authority::servers()]),
            versions: Versions::Both,
            alpn: vec![Protocol::Http11],
            shared: false,
        }
    }
}
