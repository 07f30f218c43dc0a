//! What happens? Requests, each with all that sharing depends on, and changes of the world.

use serde::{Deserialize, Serialize};

use super::{ClientCertificate, Expect, Name, Setting, Target};

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
    /// The top-level origin: its site is the network partition key. A [`Kind::Navigate`] has the origin of where it goes, and
    /// takes on that of each redirect.
    pub top: Name,
    /// The identity that this request is to use in place of the user's choice by host (an HTTP client that serves
    /// several identities); an index into [`Scenario::identities`](super::Scenario::identities).
    pub identity: Option<u8>,
    /// Whether the user, asked to choose a certificate on its behalf, sends none. Who was asked before is not asked again.
    pub declines: bool,
    /// How the server's certificate is verified.
    pub trust: Trust,
    /// The name that the server is asked for and verified by, in place of the URL's host.
    pub server_name: Option<Name>,
    /// The proxy that it goes through, an index into [`Scenario::servers`](super::Scenario::servers); straight if there
    /// is none.
    pub via: Option<u8>,
    /// Whether a connection that is opened for it sends small TLS records, so that its ClientHello comes in several.
    pub small_records: bool,
    /// Whether its requests may go out behind others that have no answer yet, on a connection in HTTP/1.1 that they may share
    /// (pipelining, RFC 9112 section 9.3.2).
    pub pipelined: bool,
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
            pipelined: false,
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
        /// Index into [`Scenario::servers`](super::Scenario::servers).
        server: u8,
    },
    /// A server closes its connections and forgets its sessions.
    Restart {
        /// Index into [`Scenario::servers`](super::Scenario::servers).
        server: u8,
    },
    /// A server forgets its sessions and keeps its connections.
    RotateTicketKeys {
        /// Index into [`Scenario::servers`](super::Scenario::servers).
        server: u8,
    },
    /// A server restarts with another rule on client certificates.
    ChangeMode {
        /// Index into [`Scenario::servers`](super::Scenario::servers).
        server: u8,
        /// The rule from now on.
        client_certificate: ClientCertificate,
    },
    /// The user logs out: client certificates, and what was authenticated by them, are cleared.
    Logout,
    /// An identity gets a new certificate and a new key under the same name.
    Renew {
        /// Index into [`Scenario::identities`](super::Scenario::identities).
        identity: u8,
    },
    /// The machine joins another network: connections and sessions of the old one are not used any more.
    NetworkChange,
    /// A server takes up another setting and closes its connections, but keeps its sessions and ticket keys: what a reload
    /// of the configuration does.
    Reload {
        /// Index into [`Scenario::servers`](super::Scenario::servers).
        server: u8,
        /// What is so from now on.
        setting: Setting,
    },
}
