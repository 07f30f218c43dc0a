//! The generator alone: nothing is learnt from one scenario to the next.

use super::Engine;
use crate::campaign::STEPS;
use crate::scenario::Scenario;

/// Scenarios that have nothing to do with one another.
#[derive(Debug)]
pub struct Generation {
    rng: fastrand::Rng,
}

impl Generation {
    /// A stream from a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// The next scenario.
    pub fn next_scenario(&mut self) -> Scenario {
        Scenario::generate(&mut self.rng, STEPS)
    }
}

impl Engine for Generation {
    fn next_scenario(&mut self) -> Option<Scenario> {
        Some(Self::next_scenario(self))
    }
}
