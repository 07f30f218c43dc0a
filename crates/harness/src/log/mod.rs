//! What was seen: the observation log, written by the server side wherever there is one.
//!
//! A log is the scenario that was run and one [`Record`] an event, in the order in which things happened. Invariants
//! read nothing else, so a recorded log ([JSON Lines](Log::to_json_lines)) is judged without running anything.

mod jsonl;

pub use jsonl::LogError;

use compact_str::CompactString as Name;
use serde::{Deserialize, Serialize};

use crate::scenario::{Action, Scenario, Step};

/// What was seen in one run of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// What happened, in order.
    pub records: Vec<Record>,
}

/// One event and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Milliseconds since the run began.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A step of the scenario begins.
    Step {
        /// Its index, from 0.
        step: u16,
    },
    /// A TLS handshake ended, well or badly.
    Connection(Connection),
    /// The head of a request arrived.
    Request(Request),
    /// The head of its answer left.
    Response(Response),
    /// The server asked for a certificate after the handshake: a renegotiation or a post-handshake request.
    LateAuthentication(LateAuthentication),
    /// The server issued a session.
    Ticket(Ticket),
    /// The user was asked to choose a certificate. Told by the user agent, for no server can see it.
    Prompt {
        /// The request that caused it.
        cause: Cause,
    },
    /// A connection ended.
    Closed {
        /// The connection.
        connection: u32,
    },
    /// What the caller of a step saw. Told by the user agent.
    Outcome {
        /// The step.
        step: u16,
        /// What its caller saw.
        #[serde(flatten)]
        outcome: Outcome,
    },
}

/// A TLS handshake, as its server saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Connection {
    /// The connection's number, from 1, in the order in which servers accepted them.
    pub id: u32,
    /// The name of the server in the scenario.
    pub server: Name,
    /// The port.
    pub port: u16,
    /// Which hop it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub leg: Leg,
    /// The connection to a proxy whose tunnel it goes through; none if it goes straight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<u32>,
    /// The server name that the client indicated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<Name>,
    /// The request for which it was opened, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The TLS version; none if the handshake failed before it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The application protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<Protocol>,
    /// Whether the server sent a CertificateRequest in this handshake.
    pub asked: bool,
    /// The client's identity, presented or inherited from the session.
    pub client: Client,
    /// The session that the client offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<u32>,
    /// The session that was resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<u32>,
    /// Whether early data was accepted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub early_data: bool,
    /// Why the handshake failed, if it did: `certificate-required`, `certificate-refused`, [`UNPROVEN`](Self::UNPROVEN),
    /// `client-aborted`, `server-untrusted`, or else `handshake-failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Name>,
}

impl Connection {
    /// Why a handshake failed in which the client showed a certificate and had not got the key to it. Certificates are public,
    /// so it may have been anybody, and [`client`](Self::client) names nobody.
    pub const UNPROVEN: &'static str = "certificate-unproven";

    /// What is known of a connection before its handshake.
    pub fn opened(id: u32, server: Name, port: u16, cause: Option<Cause>) -> Self {
        Self {
            id,
            server,
            port,
            leg: Leg::Origin,
            through: None,
            sni: None,
            cause,
            tls: None,
            alpn: None,
            asked: false,
            client: Client::Absent,
            offered: None,
            resumed: None,
            early_data: false,
            failed: None,
        }
    }
}

/// One request of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cause {
    /// The step's index.
    pub step: u16,
    /// How many redirects led to it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hop: u8,
    /// Whether it is a preflight.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preflight: bool,
}

/// Which hop a connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// To the origin, directly or through a tunnel.
    #[default]
    Origin,
    /// To a proxy.
    Proxy,
}

impl From<Leg> for bareflight_pool_key::Leg {
    fn from(leg: Leg) -> Self {
        match leg {
            Leg::Origin => Self::Origin,
            Leg::Proxy => Self::Proxy,
        }
    }
}

/// A TLS version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tls {
    /// TLS 1.2
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3
    #[serde(rename = "1.3")]
    V1_3,
}

/// An application protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2
    #[serde(rename = "h2")]
    H2,
    /// HTTP/3
    #[serde(rename = "h3")]
    H3,
}

/// Whom a server takes the client of a connection to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// Nobody: the server did not ask, or the handshake ended before an answer.
    Absent,
    /// Nobody: the server asked, and the certificate was withheld (in this handshake, or in the one whose session was
    /// resumed).
    Declined,
    /// This identity of the scenario.
    Identity {
        /// Its name.
        name: Name,
        /// How often it had been renewed when this certificate was made.
        #[serde(default, skip_serializing_if = "is_default")]
        renewal: u16,
    },
    /// Somebody whom the scenario does not know.
    Unknown,
}

impl Client {
    /// Whether the connection is authenticated.
    pub fn is_authenticated(&self) -> bool {
        matches!(self, Self::Identity { .. } | Self::Unknown)
    }
}

/// The head of a request, as its server saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// The connection.
    pub connection: u32,
    /// Its number on the connection, from 1.
    pub stream: u32,
    /// The step that it belongs to, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u16>,
    /// How many redirects led to it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hop: u8,
    /// The method.
    pub method: Name,
    /// `Host` or `:authority`.
    pub authority: Name,
    /// The path and query.
    pub target: Name,
    /// Whether it is a CORS preflight: OPTIONS with Origin and Access-Control-Request-Method.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preflight: bool,
    /// `Origin`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Name>,
    /// Whether it carries `Cookie`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cookie: bool,
    /// Whether it carries `Authorization`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub authorization: bool,
    /// Whether it carries `Client-Cert` (RFC 9440), which no client sends.
    #[serde(default, skip_serializing_if = "is_default")]
    pub client_cert: bool,
    /// How many before it on its connection had no answer when it began to arrive: some, if the client pipelines in HTTP/1.1
    /// (RFC 9112 section 9.3.2).
    #[serde(default, skip_serializing_if = "is_default")]
    pub behind: u32,
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The connection.
    pub connection: u32,
    /// The request's number on the connection.
    pub stream: u32,
    /// The status.
    pub status: u16,
}

/// A request for a certificate after the handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LateAuthentication {
    /// The connection.
    pub connection: u32,
    /// The request that caused it.
    pub stream: u32,
    /// How it was asked.
    pub kind: LateKind,
    /// Whom the server takes the client to be afterwards.
    pub client: Client,
    /// Whether the client broke the connection off.
    #[serde(default, skip_serializing_if = "is_default")]
    pub refused: bool,
}

impl LateAuthentication {
    /// Whether it decides whom the server takes the client of a request to be: it was over before the request began to arrive,
    /// or came because of it.
    pub fn counts_for(&self, request: &Request, came_before: bool) -> bool {
        // It was over when the request that it was asked for had its answer. Those between that one and this one had none when
        // this one began to arrive.
        let was_over = self.stream < request.stream.saturating_sub(request.behind);
        self.connection == request.connection
            && (self.stream == request.stream || came_before && was_over)
    }
}

impl Log {
    /// The first step of the scenario that the log does not tell the end of, from 0: a request without its outcome, or an event
    /// that is not there. Such a log was cut off, and that nothing is broken in it says nothing.
    pub fn first_untold(&self, scenario: &Scenario) -> Option<u16> {
        let told = |index: u16, step: &Step| {
            self.records
                .iter()
                .any(|it| match (&it.event, &step.action) {
                    (Event::Outcome { step, .. }, Action::Exchange(_))
                    | (Event::Step { step }, Action::Event(_)) => *step == index,
                    _ => false,
                })
        };
        let mut steps = (0..).zip(&scenario.steps);
        let (index, _) = steps.find(|&(index, step)| !told(index, step))?;
        Some(index)
    }

    /// Whom the server took the client to be as it answered the request of this record: what the handshake says, or a
    /// late authentication. None if the record is no request, or its connection is not in the log.
    pub fn client_of(&self, record: usize) -> Option<&Client> {
        let Event::Request(request) = &self.records.get(record)?.event else {
            return None;
        };
        let known = |(at, it): (usize, &'_ Record)| match &it.event {
            Event::LateAuthentication(late) => late.counts_for(request, at < record),
            Event::Connection(connection) => connection.id == request.connection,
            _ => false,
        };
        let last = self
            .records
            .iter()
            .enumerate()
            .rev()
            .find(|&it| known(it))?;
        match &last.1.event {
            Event::LateAuthentication(late) => Some(&late.client),
            Event::Connection(connection) => Some(&connection.client),
            _ => None,
        }
    }
}

/// How a server asks late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LateKind {
    /// A renegotiation (TLS 1.2).
    Renegotiation,
    /// A post-handshake CertificateRequest (TLS 1.3).
    PostHandshake,
}

/// A session that a server issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The session's number, from 1.
    pub session: u32,
    /// The connection on which it was issued.
    pub connection: u32,
    /// How long it may be used, in seconds.
    pub lifetime: u32,
}

/// What the caller of a step saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// An answer.
    Status(u16),
    /// A network error, by name.
    Error(Name),
    /// A connection and no answer (preconnect).
    Connected,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
