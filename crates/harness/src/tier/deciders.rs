//! Who decides in a run? The user agent on its side, and the servers on theirs; a known fault takes the place of one.

use std::sync::LazyLock;

use bareflight_handshake_driver::Rules;
use bareflight_user_agent::{Decisions, Standard};

/// The decisions of both sides. Whoever a run does not speak of decides right.
#[derive(Clone, Copy)]
pub struct Deciders {
    /// What the user agent carries, shares and keeps.
    pub agent: &'static dyn Decisions,
    /// What servers resume, where they route, and whom they admit late. Both tiers ask the same traits, so that one
    /// override works on both.
    pub servers: &'static Rules,
}

static RIGHT: LazyLock<Rules> = LazyLock::new(Rules::default);

impl Default for Deciders {
    fn default() -> Self {
        Self {
            agent: &Standard,
            servers: &RIGHT,
        }
    }
}

impl From<&'static dyn Decisions> for Deciders {
    fn from(agent: &'static dyn Decisions) -> Self {
        Self {
            agent,
            ..Self::default()
        }
    }
}

impl From<&'static Rules> for Deciders {
    fn from(servers: &'static Rules) -> Self {
        Self {
            servers,
            ..Self::default()
        }
    }
}

impl core::fmt::Debug for Deciders {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Deciders").finish_non_exhaustive()
    }
}
