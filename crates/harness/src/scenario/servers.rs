//! What servers are there, and what does each do? TLS, client certificates, CORS, redirects.

use serde::{Deserialize, Serialize};

use super::{InForce, Issuer, Name};

/// One server: a TLS endpoint with its own certificate, its own session state and one rule on client certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The name by which steps and logs speak of it.
    pub name: Name,
    /// The hosts that it serves; its certificate covers all of them. One at most is an IPv4 address, which no ClientHello
    /// names.
    pub hosts: Vec<Name>,
    /// The ports that it listens on.
    pub ports: Vec<u16>,
    /// Whether and when it asks for a client certificate.
    pub client_certificate: ClientCertificate,
    /// The authority whose client certificates it takes, and names when it asks.
    pub accepts: Issuer,
    /// Hosts among [`hosts`](Self::hosts) that have a rule of their own: virtual hosts.
    pub host_rules: Vec<HostRule>,
    /// Where it asks, if it asks after the handshake.
    pub protected: Protected,
    /// The TLS versions that it speaks.
    pub tls: TlsVersions,
    /// The application protocols that it accepts.
    pub alpn: Alpn,
    /// Whether it issues session tickets.
    pub tickets: bool,
    /// How long a ticket may be used, in seconds.
    pub ticket_lifetime: u32,
    /// Whether it takes early data (RFC 9846 section 2.3) under the sessions that it issues, each of which then serves once.
    pub early_data: bool,
    /// Whether the user agent's roots vouch for its certificate.
    pub certificate: ServerCertificate,
    /// How it answers cross-origin requests.
    pub cors: Cors,
    /// The paths that it redirects.
    pub redirects: Vec<Redirect>,
    /// Whether it digs tunnels for who asks (CONNECT), beside serving its own hosts.
    pub proxy: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            name: Name::const_new("api"),
            hosts: vec![Name::const_new("api.test")],
            ports: vec![443],
            client_certificate: ClientCertificate::None,
            accepts: Issuer::default(),
            host_rules: Vec::new(),
            protected: Protected::default(),
            tls: TlsVersions::default(),
            alpn: Alpn::default(),
            tickets: true,
            ticket_lifetime: 7_200,
            early_data: false,
            certificate: ServerCertificate::Trusted,
            cors: Cors::default(),
            redirects: Vec::new(),
            proxy: false,
        }
    }
}

/// Whether and when a server asks for a client certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificate {
    /// It never asks.
    #[default]
    None,
    /// It asks in the handshake and goes on without one.
    Request,
    /// It asks in the handshake and refuses to go on without one.
    Require,
    /// It asks by a renegotiation when a request comes for a path under protection, and refuses that request without
    /// one (TLS 1.2).
    Renegotiate,
    /// It asks by a post-handshake CertificateRequest when a request comes for a path under protection, and refuses
    /// that request without one (TLS 1.3).
    PostHandshake,
}

impl ClientCertificate {
    /// Every rule.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Request,
        Self::Require,
        Self::Renegotiate,
        Self::PostHandshake,
    ];

    /// The word of the text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Request => "request",
            Self::Require => "require",
            Self::Renegotiate => "renegotiate",
            Self::PostHandshake => "post-handshake",
        }
    }

    /// How much a rule on the handshake insists.
    fn strictness(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Request => 1,
            Self::Renegotiate | Self::PostHandshake => 2,
            Self::Require => 3,
        }
    }

    /// Whether a full handshake contains a CertificateRequest.
    pub fn asks(self) -> bool {
        matches!(self, Self::Request | Self::Require)
    }

    /// The only TLS version in which a server can ask in this way after the handshake; none if it does not.
    pub fn late(self) -> Option<TlsVersions> {
        match self {
            Self::Renegotiate => Some(TlsVersions::Tls12),
            Self::PostHandshake => Some(TlsVersions::Tls13),
            Self::None | Self::Request | Self::Require => None,
        }
    }
}

/// Where a server asks for a certificate after the handshake.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Protected {
    /// The paths: each and what lies below it.
    pub paths: Vec<Name>,
    /// Whether for a preflight too. A server whose CORS layer answers first does not ask.
    pub preflights: bool,
    /// What it does in HTTP/2, where it may not ask.
    pub in_http2: LateInHttp2,
}

/// What a server that asks late does in HTTP/2 (RFC 9113 sections 9.2.1 and 9.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LateInHttp2 {
    /// It wants the request over HTTP/1.1 (`HTTP_1_1_REQUIRED`), as Apache does.
    #[default]
    SendAway,
    /// It asks all the same.
    Ask,
}

impl Default for Protected {
    fn default() -> Self {
        Self {
            paths: vec![Name::const_new("/")],
            preflights: true,
            in_http2: LateInHttp2::default(),
        }
    }
}

impl Protected {
    /// Whether a request for `path` (which may have a query) needs a certificate.
    pub fn covers(&self, path: &str, preflight: bool) -> bool {
        let path = path.split('?').next().unwrap_or(path);
        let below = |above: &str| {
            path.strip_prefix(above.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        (self.preflights || !preflight) && self.paths.iter().any(|above| below(above))
    }
}

/// The rule of one virtual host. A file may have several for one host, spelled differently: the strictest holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostRule {
    /// The host, in any case.
    pub host: Name,
    /// Whether it asks for a client certificate; in the handshake, for that is where hosts can be told apart.
    pub client_certificate: ClientCertificate,
}

impl Server {
    /// The rule for a host while `rule` is the server's: the host's own, or the server's.
    pub fn rule_for(&self, host: &str, rule: ClientCertificate) -> ClientCertificate {
        let own = self.host_rules.iter();
        own.filter(|it| it.host.eq_ignore_ascii_case(host))
            .map(|it| it.client_certificate)
            .max_by_key(|rule| rule.strictness())
            .unwrap_or(rule)
    }

    /// Whether who verifies it under this name accepts its certificate.
    pub fn is_believed_as(&self, name: &str) -> bool {
        self.certificate == ServerCertificate::Trusted && self.hosts.iter().any(|it| it == name)
    }

    /// Whether it takes early data while this is in force: in TLS 1.3, under a session, or not at all.
    pub fn early_data_under(&self, now: InForce) -> bool {
        self.early_data && now.has_tickets() && now.versions() != TlsVersions::Tls12
    }
}

/// The TLS versions that a server speaks; at least one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TlsVersions {
    /// TLS 1.2 alone.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
    /// Both; every client here then takes TLS 1.3.
    #[default]
    Both,
}

/// The application protocols that a server accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alpn {
    /// `http/1.1` alone.
    #[default]
    Http1,
    /// `h2` alone.
    H2,
    /// Both, `h2` first.
    Both,
}

/// Whether the user agent's roots vouch for a server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerCertificate {
    /// Issued by the world's authority for the server's hosts.
    #[default]
    Trusted,
    /// Issued by an authority that nobody trusts.
    Untrusted,
}

/// How a server answers cross-origin requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cors {
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: AllowOrigin,
    /// Whether `Access-Control-Allow-Credentials: true` is sent.
    pub allow_credentials: bool,
    /// `Access-Control-Allow-Methods` of a preflight's answer.
    pub allow_methods: AllowList,
    /// `Access-Control-Allow-Headers` of a preflight's answer.
    pub allow_headers: AllowList,
    /// `Access-Control-Max-Age` of a preflight's answer, in seconds; not sent if none.
    pub max_age: Option<u32>,
    /// The status of a preflight's answer.
    pub preflight_status: u16,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            allow_origin: AllowOrigin::Reflect,
            allow_credentials: true,
            allow_methods: AllowList::Reflect,
            allow_headers: AllowList::Reflect,
            max_age: None,
            preflight_status: 204,
        }
    }
}

/// The value of `Access-Control-Allow-Origin`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AllowOrigin {
    /// The header is not sent.
    Absent,
    /// The request's own origin.
    Reflect,
    /// This value, whatever the request's origin: `*`, `null` or an origin.
    Exactly(Name),
}

/// A list in a preflight's answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AllowList {
    /// What the preflight asked for.
    Reflect,
    /// These values; the header is not sent if there is none.
    Exactly(Vec<Name>),
}

/// One path that a server redirects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Redirect {
    /// The path.
    pub path: Name,
    /// Where it leads.
    pub to: Target,
    /// The status: 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// An `https` URL in the world of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// A host that some server of the world serves.
    pub host: Name,
    /// The port; 443 is not written.
    pub port: u16,
    /// The path with its query, beginning with `/`.
    pub path: Name,
}

impl Target {
    /// The URL as text: `https://host:port/path`.
    pub fn to_url(&self) -> String {
        self.to_string()
    }

    /// Its origin as text: `https://host:port`.
    pub fn to_origin(&self) -> String {
        match self.port {
            443 => format!("https://{}", self.host),
            port => format!("https://{}:{port}", self.host),
        }
    }
}

impl core::fmt::Display for Target {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}{}", self.to_origin(), self.path)
    }
}
