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
    /// Whether this version is among them.
    #[must_use]
    pub fn include(self, version: Version) -> bool {
        match self {
            Self::Tls12 => version == Version::Tls12,
            Self::Tls13 => version == Version::Tls13,
            Self::Both => true,
        }
    }

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

impl From<Version> for Versions {
    fn from(version: Version) -> Self {
        match version {
            Version::Tls12 => Self::Tls12,
            Version::Tls13 => Self::Tls13,
        }
    }
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

/// The library that speaks TLS at one end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stack {
    /// rustls. It knows neither renegotiation nor post-handshake authentication, at either end.
    #[default]
    Rustls,
    /// OpenSSL, which knows both.
    #[cfg(feature = "openssl")]
    OpenSsl,
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
    /// It asks in a new handshake, started by a request for a path under [protection](Protected), and denies
    /// that request without. TLS 1.2 (RFC 5246 section 7.4.1.1), and forbidden over HTTP/2 (RFC 9113 section 9.2.1).
    Renegotiate,
    /// It asks with a CertificateRequest after the handshake, when a request comes for a path under
    /// [protection](Protected), and denies that request without. TLS 1.3 (RFC 9846 section 4.6.2), and
    /// forbidden over HTTP/2 (RFC 9113 section 9.2.3).
    PostHandshake,
}

impl ClientAuth {
    /// How it asks after the handshake, if it does.
    #[must_use]
    pub fn late(self) -> Option<LateKind> {
        match self {
            Self::None | Self::Request | Self::Require => None,
            Self::Renegotiate => Some(LateKind::Renegotiation),
            Self::PostHandshake => Some(LateKind::PostHandshake),
        }
    }
}

/// A way to ask for a certificate on a connection that is already open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LateKind {
    /// HelloRequest and a new handshake within the old one: TLS 1.2 (RFC 5246 section 7.4.1.1).
    Renegotiation,
    /// A post-handshake CertificateRequest: TLS 1.3 (RFC 9846 section 4.6.2).
    PostHandshake,
}

impl LateKind {
    /// The version that has it.
    #[must_use]
    pub fn version(self) -> Version {
        match self {
            Self::Renegotiation => Version::Tls12,
            Self::PostHandshake => Version::Tls13,
        }
    }
}

impl ClientAuth {
    /// How much it insists: where two policies meet, the one that insists more is the safe one.
    pub(crate) fn strictness(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Request => 1,
            Self::Renegotiate | Self::PostHandshake => 2,
            Self::Require => 3,
        }
    }
}

/// What a server that asks late protects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Protected {
    /// The paths: each of them, and what lies below it. `/` is all.
    pub paths: Vec<String>,
    /// Whether from preflights too. A server whose CORS layer answers first does not ask for them.
    pub preflights: bool,
    /// What it does in HTTP/2, where it may not ask.
    pub in_http2: LateInHttp2,
}

/// What a server that asks late does in HTTP/2, which forbids to ask (RFC 9113 sections 9.2.1 and 9.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LateInHttp2 {
    /// It wants the request over HTTP/1.1 (HTTP_1_1_REQUIRED, RFC 9113 section 7), as Apache does.
    #[default]
    SendsAway,
    /// It asks all the same.
    Asks,
}

impl Default for Protected {
    /// Everything.
    fn default() -> Self {
        Self {
            paths: vec!["/".to_owned()],
            preflights: true,
            in_http2: LateInHttp2::default(),
        }
    }
}

impl Protected {
    /// Whether a request for this path (without its query) needs a certificate.
    #[must_use]
    pub fn covers(&self, path: &str, preflight: bool) -> bool {
        let below = |above: &String| {
            path.strip_prefix(above.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        (self.preflights || !preflight) && self.paths.iter().any(below)
    }
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

/// A virtual host: names of a server with a client-certificate policy of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPlan {
    /// The names it goes by, in any case; `*.example.test` stands for every name with one label more. None, in what is
    /// observed, for a server's own policy.
    pub names: Vec<String>,
    /// Whether it asks for a client certificate.
    pub client_auth: ClientAuth,
    /// The authorities whose client certificates it takes.
    pub accepts: Vec<Authority>,
}

impl HostPlan {
    /// A host of these names that asks for no certificate.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            client_auth: ClientAuth::None,
            accepts: vec![Authority::users()],
        }
    }
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPlan {
    /// The names in its certificate. A name without a host of its own in [`hosts`](Self::hosts) comes under the policy of
    /// the server, as does a ClientHello without a name.
    pub names: Vec<String>,
    /// Those of its names that have a client-certificate policy of their own. A connection under a weaker policy than that
    /// of a request's host does not serve the request: the answer is 421.
    pub hosts: Vec<HostPlan>,
    /// Who issues its certificate.
    pub issuer: Authority,
    /// When its certificate is valid.
    pub validity: Validity,
    /// The library that it speaks TLS with.
    pub stack: Stack,
    /// Whether it asks for a client certificate, under names that no host has.
    pub client_auth: ClientAuth,
    /// Where it asks, if it asks late.
    pub protects: Protected,
    /// The authorities whose client certificates it takes. They are named in its CertificateRequest.
    pub accepts: Vec<Authority>,
    /// The TLS versions it speaks. A server that asks late speaks only the one that has its way to ask.
    pub versions: Versions,
    /// The protocols it offers, best first; none means no ALPN, and HTTP/1.1.
    pub alpn: Vec<Protocol>,
    /// How it remembers sessions.
    pub resumption: Resumption,
    /// How many tickets it issues after a full TLS 1.3 handshake and after a resumed one.
    pub tickets: usize,
    /// How long after it was issued a session may be resumed, in whole seconds; at most seven days in TLS 1.3.
    pub lifetime: Duration,
    /// Whether a TLS 1.3 session that was issued under one of its names may be resumed under another. The client may offer
    /// it if the certificate covers both (RFC 9846 section 4.6.1). In TLS 1.2 it never may (RFC 6066 section 3).
    pub across_names: bool,
    /// Whether it refuses the key-exchange group that clients of the same provider try first. In TLS 1.3 they must then try
    /// again: HelloRetryRequest (RFC 9846 section 4.1.4).
    pub retries: bool,
    /// How many bytes of early data it takes (RFC 9846 section 2.3); zero is none. Only where it keeps its sessions itself
    /// ([`Resumption::Stateful`]), so that each serves once and nothing is replayed (section 8.1), and with rustls.
    pub early_data: u32,
}

impl ServerPlan {
    /// A server of these names that does all that is usual and asks for no certificate.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            hosts: Vec::new(),
            issuer: Authority::servers(),
            validity: Validity::Current,
            stack: Stack::Rustls,
            client_auth: ClientAuth::None,
            protects: Protected::default(),
            accepts: vec![Authority::users()],
            versions: Versions::Both,
            alpn: vec![Protocol::H2, Protocol::Http11],
            resumption: Resumption::Tickets,
            tickets: 2,
            lifetime: Duration::from_secs(7200),
            across_names: false,
            retries: false,
            early_data: 0,
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

/// What a client does when it is asked after the handshake.
#[derive(Clone, Debug, Default)]
pub enum LateAnswer {
    /// It does not do such things: it answers a HelloRequest with the alert `no_renegotiation`, and offers no
    /// `post_handshake_auth` extension, so that it cannot be asked in TLS 1.3 (RFC 9846 section 4.2.6). rustls does no other.
    #[default]
    Refuse,
    /// It sends an empty Certificate and goes on.
    Decline,
    /// It presents this chain and proves that it holds the key.
    Present(Arc<CertifiedKey>),
}

impl PartialEq for LateAnswer {
    /// As [`Answer`]'s.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present(a), Self::Present(b)) => Arc::ptr_eq(a, b),
            (Self::Refuse, Self::Refuse) | (Self::Decline, Self::Decline) => true,
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
    /// The library that it speaks TLS with.
    pub stack: Stack,
    /// What it does when asked for a certificate.
    pub answer: Answer,
    /// What it does when asked after the handshake.
    pub late: LateAnswer,
    /// Whether it answers so over HTTP/2 too, where being asked late is a connection error (RFC 9113 sections 9.2.1 and
    /// 9.2.3). It is never right; it is here so that a harness can let that fault loose.
    pub late_in_http2: bool,
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
    /// The largest TLS record that it sends, in bytes with its header, at least 32. A small one spreads the ClientHello over
    /// several.
    pub largest_record: Option<usize>,
    /// Whether requests that wait when a connection begins go out as early data, if its session allows it (rustls only). Then
    /// it offers the best of its protocols and no other, since it speaks before one is agreed on. It may differ from connection
    /// to connection of one key.
    pub early_data: bool,
}

impl ClientConfiguration {
    /// A client that declines, believes [`Authority::servers`], speaks both versions, and HTTP/1.1.
    #[must_use]
    pub fn new(key: ConfigKey) -> Self {
        Self {
            key,
            stack: Stack::Rustls,
            answer: Answer::Decline,
            late: LateAnswer::Refuse,
            late_in_http2: false,
            trust: Trust::Authorities(vec![Authority::servers()]),
            versions: Versions::Both,
            alpn: vec![Protocol::Http11],
            shared: false,
            largest_record: None,
            early_data: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_protects_itself_and_what_lies_below() {
        for (above, path, covers) in [
            ("/", "/", true),
            ("/", "/a/b", true),
            ("/a", "/a", true),
            ("/a", "/a/b", true),
            ("/a/", "/a", true),
            ("/a", "/ab", false),
            ("/a", "/", false),
        ] {
            let protected = Protected {
                paths: vec![above.to_owned()],
                preflights: false,
                ..Protected::default()
            };
            assert_eq!(protected.covers(path, false), covers, "{above} {path}");
            assert!(!protected.covers(path, true), "{above} {path}");
        }
    }
}
