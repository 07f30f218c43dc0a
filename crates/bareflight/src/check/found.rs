//! What was found: the smallest scenario that shows it, told as TOML and drawn.

use std::path::{Path, PathBuf};

use bareflight_harness::Runner;
use bareflight_harness::faults::Fault;
use bareflight_harness::invariants::Violation;
use bareflight_harness::log::Log;
use bareflight_harness::scenario::Scenario;

use crate::drawing;
use crate::judge::{Judged, case_of, smallest};
use crate::story::Story;

/// A scenario that breaks an invariant.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Where: a tier, or `recorded`.
    pub(super) place: &'static str,
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
    /// The file that shows it as it is; none if the scenario has yet to be written to one.
    pub(super) file: Option<PathBuf>,
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
    let place = runner.tier().as_str();
    let verdict = runner.run(&scenario, fault).ok()?;
    of(
        place,
        None,
        &scenario,
        fault,
        verdict.log,
        verdict.violations,
        invariant,
    )
}

/// As [`tell`], of a recorded log, which is shown as it is.
pub(super) fn in_log(
    file: &Path,
    scenario: &Scenario,
    judged: &Judged,
    invariant: &str,
) -> Option<Found> {
    let file = Some(file.to_owned());
    of(
        "recorded",
        file,
        scenario,
        None,
        &judged.log,
        &judged.violations,
        invariant,
    )
}

fn of(
    place: &'static str,
    file: Option<PathBuf>,
    scenario: &Scenario,
    fault: Option<&'static Fault>,
    log: &Log,
    violations: &[Violation],
    invariant: &str,
) -> Option<Found> {
    let violation = violations
        .iter()
        .find(|violation| violation.invariant.name == invariant)?;
    let case = case_of(scenario, fault);
    Some(Found {
        place,
        fault: fault.map(|fault| fault.name.as_str()),
        invariant: violation.invariant.name,
        section: violation.invariant.section,
        message: violation.message.clone(),
        svg: drawing::inline(&Story::of(&case, log, violations)),
        scenario: scenario.clone(),
        file,
    })
}
