//! Letting a fault loose on a stream of scenarios: when does it show, by which invariant, and was it reached at all?

use crate::campaign::Runner;
use crate::engines::Engine;
use crate::faults::Fault;
use crate::scenario::Scenario;
use crate::tier::TierError;

/// What a hunt came to.
#[derive(Debug)]
pub struct Hunted {
    /// Scenarios that were run, the last one included.
    pub scenarios: u64,
    /// Those in which some decision of the fault differed from the right one.
    pub reached: u64,
    /// The first of those, counted from 1.
    pub first_reached: Option<u64>,
    /// How it ended.
    pub end: End,
}

/// How a hunt ended.
#[derive(Debug)]
pub enum End {
    /// An invariant broke: for a fault one that its entry names, for a control one that it does not allow, for the
    /// reference any.
    Broken {
        /// The scenario as it was met.
        scenario: Box<Scenario>,
        /// The invariant's name.
        invariant: &'static str,
    },
    /// The engine has no more scenarios: within its bound, nothing breaks.
    Exhausted,
    /// The budget was used up.
    Stopped,
    /// The tier gave up on this scenario.
    Undecided {
        /// The scenario as it was met.
        scenario: Box<Scenario>,
        /// Why.
        error: TierError,
    },
}

/// Runs what the engine gives, with the fault let loose or on the reference, until an invariant breaks that ends the
/// hunt ([`Fault::ends_with`]). `go_on` is asked before each scenario, with the number of those that were run: that is
/// where a bound on number or time belongs.
pub fn hunt(
    runner: &mut Runner,
    fault: Option<&Fault>,
    engine: &mut dyn Engine,
    mut go_on: impl FnMut(u64) -> bool,
) -> Hunted {
    let mut hunted = Hunted {
        scenarios: 0,
        reached: 0,
        first_reached: None,
        end: End::Stopped,
    };
    while go_on(hunted.scenarios) {
        let Some(scenario) = engine.next_scenario() else {
            hunted.end = End::Exhausted;
            break;
        };
        hunted.scenarios += 1;
        let verdict = match runner.run(&scenario, fault) {
            Ok(verdict) => verdict,
            Err(error) => {
                let scenario = Box::new(scenario);
                hunted.end = End::Undecided { scenario, error };
                break;
            }
        };
        if verdict.reached > 0 {
            hunted.reached += 1;
            hunted.first_reached.get_or_insert(hunted.scenarios);
        }
        let ends = |name: &&str| fault.is_none_or(|fault| fault.ends_with(name));
        let names = verdict.violations.iter().map(|it| it.invariant.name);
        if let Some(invariant) = names.into_iter().find(ends) {
            let scenario = Box::new(scenario);
            hunted.end = End::Broken {
                scenario,
                invariant,
            };
            break;
        }
    }
    hunted
}
