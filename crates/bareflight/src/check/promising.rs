//! Real handshakes cost a hundred times what the model does, so what is tried on them is what shows on the model: does it
//! show there too?

use bareflight_harness::Runner;
use bareflight_harness::engines::{Engine, Generation};
use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::{TierError, TierName};

/// The generated scenarios in which a fault shows on the model.
pub(super) struct Promising {
    generation: Generation,
    model: Runner,
    fault: &'static Fault,
    left: u64,
}

impl Promising {
    /// Those among the first so many.
    pub(super) fn new(
        generation: Generation,
        fault: &'static Fault,
        most: u64,
    ) -> Result<Self, TierError> {
        Ok(Self {
            generation,
            model: Runner::new(TierName::Model)?,
            fault,
            left: most,
        })
    }

    /// A scenario that the model cannot run is for the other tier to tell of.
    fn shows(&mut self, scenario: &Scenario) -> bool {
        let Ok(verdict) = self.model.run(scenario, Some(self.fault)) else {
            return true;
        };
        let broken = &verdict.violations;
        broken
            .iter()
            .any(|it| self.fault.ends_with(it.invariant.name))
    }
}

impl Engine for Promising {
    fn next_scenario(&mut self) -> Option<Scenario> {
        while self.left > 0 {
            self.left -= 1;
            let scenario = self.generation.next_scenario();
            if self.shows(&scenario) {
                return Some(scenario);
            }
        }
        None
    }
}
