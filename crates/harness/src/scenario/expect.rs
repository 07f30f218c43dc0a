//! What must be seen, by what the author of a step says?

use serde::{Deserialize, Serialize};

use super::Name;

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
    /// This one; an index into [`Scenario::identities`](super::Scenario::identities).
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
