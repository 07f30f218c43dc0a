//! What is asked: a world of servers and identities, and the steps that a user agent takes in it.
//!
//! A [`Scenario`] is plain data. It has one text form ([`Scenario::from_toml`], [`Scenario::to_toml`]), one compact
//! binary form ([`Scenario::from_bytes`], [`Scenario::to_bytes`]), a generator, a mutator and one total
//! [`fixup`](Scenario::fixup) that makes every decoded case valid.

mod binary;
mod fixup;
mod generate;
mod in_force;
mod limits;
mod mutate;
mod random;
mod text;

pub use binary::{BinaryError, FORMAT, MAGIC};
pub(crate) use fixup::is_address;
pub use generate::Swarm;
pub use in_force::{InForce, Setting};
pub use limits::Limits;
pub use random::Choose;
pub use text::TextError;

use core::time::Duration;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// A short name or value: most fit in 24 bytes and then take no heap.
pub type Name = CompactString;

/// A world and a sequence of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// What a reader should know before the details; empty if there is nothing to say.
    pub title: String,
    /// The name of the user agent's profile (`bareflight_policy::Profile`): what it does where the standard leaves a
    /// choice.
    pub profile: Name,
    /// The servers, in the order of the file.
    pub servers: Vec<Server>,
    /// The client identities that the user holds.
    pub identities: Vec<Identity>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            title: String::new(),
            profile: Self::DEFAULT_PROFILE,
            servers: vec![Server::default()],
            identities: Vec::new(),
            steps: Vec::new(),
        }
    }
}

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

/// A client identity: a certificate chain and its private key, made when the scenario runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name by which steps and logs speak of it.
    pub name: Name,
    /// The hosts for which the user chooses it when asked.
    pub hosts: Vec<Name>,
    /// Who issued its certificate.
    pub issuer: Issuer,
    /// If set, by way of an intermediate authority whose own certificate is valid for so many seconds. The identity's is
    /// valid for longer.
    pub intermediate_lifetime: Option<u32>,
    /// The identity before it whose certificate it shows, an index into [`Scenario::identities`]; none if it has one of its
    /// own, as it has once it is renewed. The key to another's certificate it has not got: nobody believes it.
    pub certificate_of: Option<u8>,
}

impl Identity {
    /// One of this name that the users' authority issued.
    pub fn new(name: Name, hosts: Vec<Name>) -> Self {
        Self {
            name,
            hosts,
            issuer: Issuer::default(),
            intermediate_lifetime: None,
            certificate_of: None,
        }
    }

    /// The same with the certificate of `other`, the identity of this index.
    #[must_use]
    pub fn borrowing(self, index: u8, other: &Self) -> Self {
        Self {
            certificate_of: Some(index),
            issuer: other.issuer,
            intermediate_lifetime: other.intermediate_lifetime,
            ..self
        }
    }

    /// Whose first certificate it shows, and cannot prove, when it was renewed so many times.
    pub fn borrows(&self, renewals: usize) -> Option<usize> {
        self.certificate_of
            .filter(|_| renewals == 0)
            .map(usize::from)
    }

    /// Whether its whole chain is valid so long after the beginning.
    pub fn is_in_date(&self, at: Duration) -> bool {
        self.intermediate_lifetime
            .is_none_or(|seconds| at.as_secs() <= u64::from(seconds))
    }
}

/// An authority that issues client certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// The one of the users.
    #[default]
    Users,
    /// Another one.
    Staff,
}

impl Issuer {
    /// The word of the text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Staff => "staff",
        }
    }
}

/// One step of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// If set, the step does not wait for what came before: it starts when so many further actions of the user agent
    /// were performed.
    pub overlap: Option<u8>,
    /// What its author says must be seen; checked after each run.
    pub expect: Option<Box<Expect>>,
}

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        Self {
            action,
            overlap: None,
            expect: None,
        }
    }
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// The user agent makes a request.
    Exchange(Box<Exchange>),
    /// The world changes.
    Event(WorldEvent),
}

/// A request that the user agent is told to make.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Exchange {
    /// Who makes it.
    pub kind: Kind,
    /// Where it goes.
    pub url: Target,
    /// The method as the caller wrote it.
    pub method: Name,
    /// The headers that the caller set.
    pub headers: Vec<(Name, Name)>,
    /// The mode; only a [`Kind::Fetch`] has the choice.
    pub mode: Mode,
    /// The credentials mode; only a [`Kind::Fetch`], an image or a preconnect has the choice.
    pub credentials: Credentials,
    /// The body.
    pub body: Body,
    /// Whether the caller listens to the progress of the upload, which forces a preflight.
    pub upload_listener: bool,
    /// The origin of the page that asks.
    pub from: Name,
    /// The top-level origin: its site is the network partition key.
    pub top: Name,
    /// The identity that this request is to use in place of the user's choice by host (an HTTP client that serves
    /// several identities); an index into [`Scenario::identities`].
    pub identity: Option<u8>,
    /// Whether the user, asked to choose a certificate on its behalf, sends none. Who was asked before is not asked again.
    pub declines: bool,
    /// How the server's certificate is verified.
    pub trust: Trust,
    /// The name that the server is asked for and verified by, in place of the URL's host.
    pub server_name: Option<Name>,
    /// The proxy that it goes through, an index into [`Scenario::servers`]; straight if there is none.
    pub via: Option<u8>,
    /// Whether a connection that is opened for it sends small TLS records, so that its ClientHello comes in several.
    pub small_records: bool,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            kind: Kind::Fetch,
            url: Target {
                host: Name::const_new("api.test"),
                port: 443,
                path: Name::const_new("/"),
            },
            method: Name::const_new("GET"),
            headers: Vec::new(),
            mode: Mode::Cors,
            credentials: Credentials::SameOrigin,
            body: Body::None,
            upload_listener: false,
            from: Name::const_new("https://app.test"),
            top: Name::const_new("https://app.test"),
            identity: None,
            declines: false,
            trust: Trust::Verify,
            server_name: None,
            via: None,
            small_records: false,
        }
    }
}

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A script, by `fetch()`.
    Fetch,
    /// The user, by following a link: a top-level navigation.
    Navigate,
    /// The parser, for an `<img>`.
    Image,
    /// A script, by `new WebSocket()`.
    Websocket,
    /// The page, by `<link rel=preconnect>`: a connection and no request.
    Preconnect,
}

/// The request's mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// `cors`
    Cors,
    /// `no-cors`
    NoCors,
    /// `same-origin`
    SameOrigin,
}

/// The request's credentials mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credentials {
    /// `omit`
    Omit,
    /// `same-origin`
    SameOrigin,
    /// `include`
    Include,
}

/// The request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// There is none.
    None,
    /// Bytes that can be sent again.
    Bytes,
    /// A stream that can be sent once, and that forces a preflight.
    Stream,
}

/// How the server's certificate is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Against the world's roots.
    #[default]
    Verify,
    /// Not at all.
    Insecure,
}

/// A change of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorldEvent {
    /// So many seconds pass.
    Time {
        /// Seconds.
        seconds: u32,
    },
    /// A server closes its connections and keeps its sessions.
    Close {
        /// Index into [`Scenario::servers`].
        server: u8,
    },
    /// A server closes its connections and forgets its sessions.
    Restart {
        /// Index into [`Scenario::servers`].
        server: u8,
    },
    /// A server forgets its sessions and keeps its connections.
    RotateTicketKeys {
        /// Index into [`Scenario::servers`].
        server: u8,
    },
    /// A server restarts with another rule on client certificates.
    ChangeMode {
        /// Index into [`Scenario::servers`].
        server: u8,
        /// The rule from now on.
        client_certificate: ClientCertificate,
    },
    /// The user logs out: client certificates, and what was authenticated by them, are cleared.
    Logout,
    /// An identity gets a new certificate and a new key under the same name.
    Renew {
        /// Index into [`Scenario::identities`].
        identity: u8,
    },
    /// The machine joins another network: connections and sessions of the old one are not used any more.
    NetworkChange,
    /// A server takes up another setting and closes its connections, but keeps its sessions and ticket keys: what a reload
    /// of the configuration does.
    Reload {
        /// Index into [`Scenario::servers`].
        server: u8,
        /// What is so from now on.
        setting: Setting,
    },
}

/// What the author of a step says must be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// What the caller sees.
    pub outcome: Option<ExpectedOutcome>,
    /// What became of the preflight.
    pub preflight: Option<ExpectedPreflight>,
    /// Which client identity the server saw on the connection of the step's last preflight.
    pub preflight_client: Option<ExpectedClient>,
    /// How the connection of that preflight came to be.
    pub preflight_connection: Option<ExpectedConnection>,
    /// Which client identity the server saw on the connection of the step's last request that is not a preflight.
    pub client: Option<ExpectedClient>,
    /// How the connection of that request came to be.
    pub connection: Option<ExpectedConnection>,
    /// How many requests of the step that are not preflights reached a server; each redirect makes one more.
    pub requests: Option<u16>,
    /// Whether the user was asked to choose a certificate.
    pub prompt: Option<bool>,
}

/// What the caller sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpectedOutcome {
    /// An answer with this status.
    Status(u16),
    /// A network error of this name.
    Error(Name),
}

/// What became of the preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedPreflight {
    /// One reached a server.
    Sent,
    /// One was wanted, and the TLS handshake of its connection failed: none reached a server.
    Failed,
    /// None was wanted.
    None,
}

/// Which client identity the server saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpectedClient {
    /// No identity.
    None,
    /// This one; an index into [`Scenario::identities`].
    Identity(u8),
}

/// How the connection of a request came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedConnection {
    /// Opened for it with a full handshake.
    New,
    /// Opened for it by resuming a session.
    Resumed,
    /// It was already open.
    Reused,
}

impl Scenario {
    /// The profile of a scenario that names none: the standard itself.
    pub const DEFAULT_PROFILE: Name = Name::const_new("fetch");

    /// The server that listens on `host` and `port`, and the index of the host among its names.
    pub fn server_of(&self, host: &str, port: u16) -> Option<(usize, usize)> {
        self.servers.iter().enumerate().find_map(|(index, server)| {
            let name = server.hosts.iter().position(|name| name == host)?;
            server.ports.contains(&port).then_some((index, name))
        })
    }
}

impl Target {
    /// The URL as text: `https://host:port/path`.
    pub fn to_url(&self) -> String {
        self.to_string()
    }
}

impl core::fmt::Display for Target {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.port {
            443 => write!(f, "https://{}{}", self.host, self.path),
            port => write!(f, "https://{}:{port}{}", self.host, self.path),
        }
    }
}
