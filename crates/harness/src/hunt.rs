//! Letting a fault loose on a stream of scenarios: when does it show, by which invariant, and was it reached at all?

use crate::campaign::{Runner, Verdict};
use crate::engines::Engine;
use crate::faults::Fault;
use crate::faults::crowd::{gather, take_different};
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
    let mut hunted = Hunted::new();
    while go_on(hunted.scenarios) {
        let Some(scenario) = engine.next_scenario() else {
            hunted.end = End::Exhausted;
            break;
        };
        hunted.scenarios += 1;
        if let Some(end) = hunted.judge(&scenario, fault, runner.run(&scenario, fault)) {
            hunted.end = end;
            break;
        }
    }
    hunted
}

/// As [`hunt`], for many faults at once, and for the reference: what each came to, the reference last. All are given the same
/// scenarios. Each is run on the reference, and again with those faults alone of which some decision would have differed in it;
/// with the others it is the same run. Ends when the engine does, or when something breaks on the reference. `ended` is told the
/// place of each fault whose hunt ends before that.
pub fn hunt_all(
    runner: &mut Runner,
    faults: &[&Fault],
    engine: &mut dyn Engine,
    mut go_on: impl FnMut(u64) -> bool,
    mut ended: impl FnMut(usize),
) -> Vec<Hunted> {
    let mut hunts: Vec<_> = faults.iter().map(|_| Hunted::new()).collect();
    let mut reference = Hunted::new();
    let mut at_large: Vec<usize> = (0..faults.len()).collect();
    let mut deciders = gather(faults.iter().copied());
    while go_on(reference.scenarios) {
        let Some(scenario) = engine.next_scenario() else {
            reference.end = End::Exhausted;
            break;
        };
        reference.scenarios += 1;
        let verdict = runner.run_with(&scenario, deciders, None);
        if let Some(end) = reference.judge(&scenario, None, verdict) {
            reference.end = end;
            break;
        }
        let mut caught = false;
        for at in take_different() {
            let (fault, hunted) = (faults[at_large[at]], &mut hunts[at_large[at]]);
            hunted.scenarios = reference.scenarios;
            if let Some(end) =
                hunted.judge(&scenario, Some(fault), runner.run(&scenario, Some(fault)))
            {
                hunted.end = end;
                ended(at_large[at]);
                caught = true;
            }
        }
        if caught {
            at_large.retain(|&at| matches!(hunts[at].end, End::Stopped));
            deciders = gather(at_large.iter().map(|&at| faults[at]));
        }
    }
    for at in at_large {
        hunts[at].scenarios = reference.scenarios;
        if matches!(reference.end, End::Exhausted) {
            hunts[at].end = End::Exhausted;
        }
    }
    hunts.push(reference);
    hunts
}

impl Hunted {
    fn new() -> Self {
        Self {
            scenarios: 0,
            reached: 0,
            first_reached: None,
            end: End::Stopped,
        }
    }

    /// Takes note of the last scenario, and says whether the hunt ends with it.
    fn judge(
        &mut self,
        scenario: &Scenario,
        fault: Option<&Fault>,
        verdict: Result<Verdict<'_>, TierError>,
    ) -> Option<End> {
        let scenario = || Box::new(scenario.clone());
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(error) => {
                let scenario = scenario();
                return Some(End::Undecided { scenario, error });
            }
        };
        if verdict.reached > 0 && fault.is_some() {
            self.reached += 1;
            self.first_reached.get_or_insert(self.scenarios);
        }
        let ends = |name: &&str| fault.is_none_or(|fault| fault.ends_with(name));
        let names = verdict.violations.iter().map(|it| it.invariant.name);
        let invariant = names.into_iter().find(ends)?;
        let scenario = scenario();
        Some(End::Broken {
            scenario,
            invariant,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::{Exhaustive, Generation};
    use crate::tier::TierName;

    fn told(hunted: &Hunted) -> (u64, u64, Option<u64>, String) {
        let end = match &hunted.end {
            End::Broken { invariant, .. } => (*invariant).to_owned(),
            other => format!("{other:?}"),
        };
        (hunted.scenarios, hunted.reached, hunted.first_reached, end)
    }

    /// The same is found, in the same scenarios, whether faults are let loose one after another or all at once.
    #[test]
    fn all_at_once_is_as_one_by_one() {
        let faults: Vec<_> = Fault::all().iter().collect();
        let mut runner = Runner::new(TierName::Model).unwrap();
        let engines: [fn() -> Box<dyn Engine>; 2] = [
            || Box::new(Generation::new(7)),
            || Box::new(Exhaustive::part(3, 5, 60_000)),
        ];
        for start in engines {
            let go_on = |scenarios| scenarios < 150;
            let at_once = hunt_all(&mut runner, &faults, &mut *start(), go_on, |_| ());
            let subjects = faults.iter().map(|fault| Some(*fault)).chain([None]);
            for (fault, found) in subjects.zip(&at_once) {
                let alone = hunt(&mut runner, fault, &mut *start(), go_on);
                let name = fault.map_or("the reference", |fault| &fault.name);
                assert_eq!(told(found), told(&alone), "{name}");
            }
        }
    }
}
