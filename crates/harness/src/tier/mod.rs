//! Where a scenario runs: a tier is a world that performs a user agent's actions and writes the observation log.

mod deciders;
mod memory;
mod model;
mod run;
mod scribe;
mod servers;
mod wire;

use std::sync::Arc;

use bareflight_handshake_driver::ClientAuth;
use bareflight_user_agent::{Action, Event};
use thiserror::Error;

use crate::case::Case;
use crate::log::Log;
use crate::scenario::{ClientCertificate, WorldEvent};

pub use deciders::Deciders;
pub use memory::Memory;
pub use memory::wire::{respond, server_plan};
pub use model::Model;
pub use scribe::{Known, Scribe, connection_of};
pub use servers::change_servers;
pub use wire::{Packet, Wire};

/// A tier by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TierName {
    /// An abstract TLS and HTTP: fast.
    Model,
    /// Real rustls and hyper in memory, on a virtual clock.
    Memory,
}

impl TierName {
    /// All tiers, the fastest first.
    pub const ALL: [Self; 2] = [Self::Model, Self::Memory];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Memory => "memory",
        }
    }

    /// The tier of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == name)
    }

    /// A runner of this tier.
    ///
    /// # Errors
    ///
    /// Where the tier cannot be set up here.
    pub fn start(self) -> Result<Box<dyn Tier>, TierError> {
        Ok(match self {
            Self::Model => Box::new(Model::default()),
            Self::Memory => Box::new(Memory::new()?),
        })
    }
}

impl core::fmt::Display for TierName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that runs scenarios.
pub trait Tier {
    /// Runs a case with the given deciders and writes what was seen to `log`, which is emptied first.
    ///
    /// # Errors
    ///
    /// [`TierError`] where the run could not be carried to its end; nothing can be decided then.
    fn run(&mut self, case: &Case<'_>, deciders: Deciders, log: &mut Log) -> Result<(), TierError>;

    /// From now on what crosses the network is kept for [`take_wire`](Self::take_wire), where there is a network.
    fn keep_wire(&mut self) {}

    /// What crossed the network in the last run; none if it was not kept, or the tier has no network.
    fn take_wire(&mut self) -> Option<Wire> {
        None
    }

    /// Full and resumed TLS handshakes since the tier was started.
    fn handshakes(&self) -> u64;
}

/// Why a run could not be carried to its end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TierError {
    /// The user agent and the world kept each other busy beyond every bound.
    #[error("the run did not come to rest within {0} actions")]
    Endless(usize),
    /// TLS or certificates could not be set up.
    #[error("the tier could not be set up: {0}")]
    Setup(Arc<str>),
    /// The transport failed in a way that no peer caused.
    #[error("the transport failed: {0}")]
    Transport(Arc<str>),
}

/// The world of a tier: what stands at the other end of the user agent's actions.
trait World {
    /// Performs an action; what comes of it is added to `events`, what servers saw to `log`.
    fn perform(
        &mut self,
        case: &Case<'_>,
        action: Action,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError>;

    /// Nobody has anything left to do: what takes its time comes to its end.
    fn rest(&mut self, log: &mut Log, events: &mut Vec<Event>) {
        let _ = (log, events);
    }

    /// A change of the world.
    fn change(
        &mut self,
        case: &Case<'_>,
        event: &WorldEvent,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError>;
}

/// A rule of the scenario as servers' decisions know it.
fn client_auth(rule: ClientCertificate) -> ClientAuth {
    match rule {
        ClientCertificate::None => ClientAuth::None,
        ClientCertificate::Request => ClientAuth::Request,
        ClientCertificate::Require => ClientAuth::Require,
        ClientCertificate::Renegotiate => ClientAuth::Renegotiate,
        ClientCertificate::PostHandshake => ClientAuth::PostHandshake,
    }
}
