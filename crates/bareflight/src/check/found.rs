//! What was found: the smallest scenario that shows it, told as TOML and drawn.

use bareflight_harness::Runner;
use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::TierName;

use crate::drawing;
use crate::judge::{case_of, smallest};
use crate::story::Story;

/// A scenario that breaks an invariant.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The tier on which it does.
    pub(super) tier: TierName,
    /// The fault that was loose, if one was.
    pub(super) fault: Option<&'static str>,
    /// Which invariant.
    pub(super) invariant: &'static str,
    /// The section behind it.
    pub(super) section: &'static str,
    /// What happened, in a sentence.
    pub(super) message: String,
    /// The scenario, as small as it could be made.
    pub(super) scenario: Scenario,
    /// How it looks.
    pub(super) svg: String,
}

/// Makes a scenario that breaks an invariant small, and tells what it shows. None if it does not break it after all.
pub(super) fn tell(
    runner: &mut Runner,
    scenario: &Scenario,
    fault: Option<&'static Fault>,
    invariant: &str,
) -> Option<Found> {
    let scenario = smallest(runner, scenario, fault, invariant);
    let tier = runner.tier();
    let verdict = runner.run(&scenario, fault).ok()?;
    let violation = verdict
        .violations
        .iter()
        .find(|violation| violation.invariant.name == invariant)?;
    let case = case_of(&scenario, fault);
    let svg = drawing::inline(&Story::of(&case, verdict.log, verdict.violations));
    Some(Found {
        tier,
        fault: fault.map(|fault| fault.name.as_str()),
        invariant: violation.invariant.name,
        section: violation.invariant.section,
        message: violation.message.clone(),
        svg,
        scenario: scenario.clone(),
    })
}
