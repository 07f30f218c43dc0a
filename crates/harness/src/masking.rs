//! Two bugs at once: how often does one keep the other from being reported?

use crate::campaign::Runner;
use crate::engines::Engine;
use crate::faults::Fault;
use crate::hunt::{End, hunt};
use crate::scenario::Scenario;
use crate::tier::TierError;

/// How often a fault was masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masking {
    /// Scenarios that show the fault when it is alone.
    pub shown: usize,
    /// Those of them in which, with the other fault beside it, nothing breaks that its entry names.
    pub masked: usize,
}

impl Masking {
    /// Whether the fault was not seen once. If all that shows it is masked, somebody who fixes what is reported, one bug
    /// after the other, still finds it: afterwards.
    pub fn is_total(self) -> bool {
        self.shown > 0 && self.masked == self.shown
    }
}

/// Up to `finds` scenarios that show the fault when it is alone, each found within `most` scenarios of the engine.
pub fn showing(
    runner: &mut Runner,
    fault: &Fault,
    engine: &mut dyn Engine,
    finds: usize,
    most: u64,
) -> Vec<Scenario> {
    let find = || match hunt(runner, Some(fault), engine, |run| run < most).end {
        End::Broken { scenario, .. } => Some(*scenario),
        End::Exhausted | End::Stopped | End::Undecided { .. } => None,
    };
    core::iter::from_fn(find).take(finds).collect()
}

/// How often `by` masks `hidden` in scenarios that show `hidden` when it is alone. `by` decides first, which is the worst
/// case for the other ([`Fault::with`]).
///
/// # Errors
///
/// [`TierError`] where nothing can be decided.
pub fn masking(
    runner: &mut Runner,
    hidden: &Fault,
    by: &Fault,
    showing: &[Scenario],
) -> Result<Masking, TierError> {
    let both = by.with(hidden);
    let mut masking = Masking {
        shown: showing.len(),
        masked: 0,
    };
    for scenario in showing {
        let verdict = runner.run_with(scenario, both, None)?;
        let named = |name: &str| hidden.explains(name);
        let seen = verdict.violations.iter().any(|it| named(it.invariant.name));
        masking.masked += usize::from(!seen);
    }
    Ok(masking)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::EngineName;
    use crate::tier::TierName;

    fn of(hidden: &str, by: &str) -> Masking {
        let mut runner = Runner::new(TierName::Model).unwrap();
        let mut engine = EngineName::Mutation.start(31).unwrap();
        let hidden = Fault::named(hidden).unwrap();
        let found = showing(&mut runner, hidden, &mut *engine, 10, 5_000);
        assert_eq!(found.len(), 10);
        masking(&mut runner, hidden, Fault::named(by).unwrap(), &found).unwrap()
    }

    /// Who never reuses a connection has no pool whose key could be wrong.
    #[test]
    fn a_fault_can_be_masked() {
        let masking = of("pool-key-without-trust", "control-never-reuse");
        assert!(masking.masked > 0, "{masking:?}");
        assert!(!Masking::default().is_total());
    }

    #[test]
    fn faults_of_different_layers_leave_each_other_alone() {
        let masking = of(
            "preflight-carries-credential-headers",
            "pool-key-without-trust",
        );
        assert_eq!(masking.masked, 0);
        let masking = of(
            "pool-key-without-trust",
            "preflight-carries-credential-headers",
        );
        assert_eq!(masking.masked, 0);
    }
}
