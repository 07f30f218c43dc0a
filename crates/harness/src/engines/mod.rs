//! Where do scenarios come from? Several engines, side by side, so that they can be compared on the same faults.

mod by_proptest;
mod exhaustive;
mod generation;

pub use by_proptest::{ByProptest, scenarios, steps, worlds};
pub use exhaustive::Exhaustive;
pub use generation::Generation;

use crate::campaign::Campaign;
use crate::scenario::Scenario;

/// A stream of scenarios. The same seed gives the same stream.
pub trait Engine {
    /// The next scenario, valid; none if the engine has given all that it has.
    fn next_scenario(&mut self) -> Option<Scenario>;
}

impl Engine for Campaign {
    fn next_scenario(&mut self) -> Option<Scenario> {
        Some(Self::next_scenario(self))
    }
}

/// An engine by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineName {
    /// Generation, and the typed mutation of what was generated before, blind to coverage: a [`Campaign`].
    Mutation,
    /// The generator alone.
    Generation,
    /// proptest, with strategies as anybody would write them.
    Proptest,
    /// All small scenarios, in order of size.
    Exhaustive,
    /// libFuzzer, guided by coverage, with the typed mutator.
    Coverage,
    /// libFuzzer, guided by coverage, on the plain bytes that the generator eats.
    CoverageBytes,
}

impl EngineName {
    /// All engines.
    pub const ALL: [Self; 6] = [
        Self::Mutation,
        Self::Generation,
        Self::Proptest,
        Self::Exhaustive,
        Self::Coverage,
        Self::CoverageBytes,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mutation => "mutation",
            Self::Generation => "generation",
            Self::Proptest => "proptest",
            Self::Exhaustive => "exhaustive",
            Self::Coverage => "coverage",
            Self::CoverageBytes => "coverage-bytes",
        }
    }

    /// What it does, in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Mutation => "half generated, half mutated from what was generated before, blind",
            Self::Generation => "the generator alone",
            Self::Proptest => "proptest with plain strategies",
            Self::Exhaustive => "all small scenarios in order of size",
            Self::Coverage => "libFuzzer with the typed mutator",
            Self::CoverageBytes => "libFuzzer on plain bytes that the generator eats",
        }
    }

    /// The engine of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The fuzz target that it is, if it runs through cargo-fuzz and not in this process.
    pub fn target(self) -> Option<&'static str> {
        match self {
            Self::Coverage => Some("model"),
            Self::CoverageBytes => Some("model_bytes"),
            Self::Mutation | Self::Generation | Self::Proptest | Self::Exhaustive => None,
        }
    }

    /// Starts it; none if it runs through cargo-fuzz. The exhaustive one knows no seed.
    pub fn start(self, seed: u64) -> Option<Box<dyn Engine>> {
        Some(match self {
            Self::Mutation => Box::new(Campaign::new(seed, [])),
            Self::Generation => Box::new(Generation::new(seed)),
            Self::Proptest => Box::new(ByProptest::new(seed)),
            Self::Exhaustive => Box::new(Exhaustive::up_to(Exhaustive::STEPS)),
            Self::Coverage | Self::CoverageBytes => return None,
        })
    }
}

impl core::fmt::Display for EngineName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_in_this_process_gives_valid_scenarios_and_the_same_for_the_same_seed() {
        for name in EngineName::ALL {
            assert_eq!(EngineName::from_name(name.as_str()), Some(name));
            let (Some(mut one), Some(mut other)) = (name.start(7), name.start(7)) else {
                assert!(name.target().is_some(), "{name}");
                continue;
            };
            for number in 0..300 {
                let scenario = one.next_scenario().expect("there are more than these");
                let mut fixed = scenario.clone();
                fixed.fixup();
                assert_eq!(fixed, scenario, "{name}, scenario {number}");
                assert_eq!(other.next_scenario(), Some(scenario), "{name}, {number}");
            }
        }
    }
}
