//! The tier `memory`: real rustls handshakes and hyper, in memory, on a virtual clock.

use bareflight_user_agent::Decisions;

use super::{Tier, TierError};
use crate::case::Case;
use crate::log::Log;

/// Runs scenarios on the tier `memory`.
#[derive(Debug)]
pub struct Memory;

impl Memory {
    /// Makes the certificates that all scenarios share.
    ///
    /// # Errors
    ///
    /// Where they cannot be made.
    pub fn new() -> Result<Self, TierError> {
        Ok(Self)
    }
}

impl Tier for Memory {
    fn run(&mut self, _: &Case<'_>, _: &'static dyn Decisions, _: &mut Log) -> Result<(), TierError> {
        Err(TierError::Setup("not built yet".into()))
    }

    fn handshakes(&self) -> u64 {
        0
    }
}
