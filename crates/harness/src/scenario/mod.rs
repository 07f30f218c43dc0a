//! What is asked: a world of servers and identities, and the steps that a user agent takes in it.
//!
//! A [`Scenario`] is plain data. It has one text form ([`Scenario::from_toml`], [`Scenario::to_toml`]), one compact
//! binary form ([`Scenario::from_bytes`], [`Scenario::to_bytes`]), a generator, a mutator and one total
//! [`fixup`](Scenario::fixup) that makes every decoded case valid.

mod binary;
mod expect;
mod fixup;
mod generate;
mod identities;
mod in_force;
mod limits;
mod mutate;
mod random;
mod servers;
mod steps;
mod text;

pub use binary::{BinaryError, FORMAT, MAGIC};
pub use expect::{Expect, ExpectedClient, ExpectedConnection, ExpectedOutcome, ExpectedPreflight};
pub(crate) use fixup::is_address;
pub use generate::Swarm;
pub use identities::{Identity, Issuer};
pub use in_force::{InForce, Setting};
pub use limits::Limits;
pub use random::Choose;
pub use servers::{
    AllowList, AllowOrigin, Alpn, ClientCertificate, Cors, HostRule, LateInHttp2, Protected,
    Redirect, Server, ServerCertificate, Target, TlsVersions,
};
pub use steps::{Action, Body, Credentials, Exchange, Kind, Mode, Step, Trust, WorldEvent};
pub use text::TextError;

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

    /// How many steps say what must be seen.
    pub fn expectations(&self) -> usize {
        self.steps.iter().filter(|it| it.expect.is_some()).count()
    }

    /// The requests among the steps.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Exchange(exchange) => Some(&**exchange),
            Action::Event(_) => None,
        })
    }
}
