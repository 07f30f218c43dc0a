//! A fixed scenario for each fault that holds without it and breaks with it, so that detection never rests on luck alone
//! (ETNA's protocol).

use core::fmt::Write;

use crate::campaign::Runner;
use crate::engines::Engine;
use crate::faults::Fault;
use crate::hunt::{End, hunt};
use crate::scenario::Scenario;
use crate::shrink::shrink;
use crate::tier::TierError;

/// What a scenario says about a fault on one tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Testimony {
    /// It holds without the fault, and with it an invariant breaks that its entry names.
    Shows {
        /// The invariant's name.
        invariant: &'static str,
        /// What happened, in a sentence.
        message: String,
    },
    /// It holds without the fault, and with it nothing breaks that its entry names.
    Silent,
    /// It does not hold without the fault: this invariant breaks on the reference.
    Alarm(&'static str),
}

/// Runs a scenario without the fault and with it.
///
/// # Errors
///
/// [`TierError`] where nothing can be decided.
pub fn testify(
    runner: &mut Runner,
    fault: &Fault,
    scenario: &Scenario,
) -> Result<Testimony, TierError> {
    let with = runner.run(scenario, Some(fault))?;
    let shown = with
        .violations
        .iter()
        .find(|it| fault.ends_with(it.invariant.name))
        .map(|it| (it.invariant.name, it.message.clone()));
    let without = runner.run(scenario, None)?;
    if let Some(alarm) = without.violations.first() {
        return Ok(Testimony::Alarm(alarm.invariant.name));
    }
    Ok(match shown {
        Some((invariant, message)) => Testimony::Shows { invariant, message },
        None => Testimony::Silent,
    })
}

/// Whether the scenario shows the fault on every one of these tiers.
pub fn shows(runners: &mut [Runner], fault: &Fault, scenario: &Scenario) -> bool {
    runners.iter_mut().all(|runner| {
        matches!(
            testify(runner, fault, scenario),
            Ok(Testimony::Shows { .. })
        )
    })
}

/// The smallest and plainest witness among those that `finds` hunts come to, each of at most `most` scenarios of the
/// engine; it shows the fault on the tier of every runner. None if no hunt finds the fault.
pub fn find(
    runners: &mut [Runner],
    fault: &Fault,
    engine: &mut dyn Engine,
    finds: usize,
    most: u64,
) -> Option<Scenario> {
    let mut witnesses = Vec::new();
    for _ in 0..finds {
        let hunted = hunt(runners.first_mut()?, Some(fault), engine, |run| run < most);
        let End::Broken { scenario, .. } = hunted.end else {
            break;
        };
        if shows(runners, fault, &scenario) {
            witnesses.push(shrink(&scenario, |it| shows(runners, fault, it)));
        }
    }
    witnesses.into_iter().min_by_key(|it| {
        let text = it.to_toml();
        (it.steps.len(), text.len(), text)
    })
}

/// A witness as it is kept: what the fault is, what comes of it, and the scenario.
///
/// # Errors
///
/// [`TierError`] where nothing can be decided.
pub fn to_toml(
    runner: &mut Runner,
    fault: &Fault,
    scenario: &Scenario,
) -> Result<String, TierError> {
    let mut text = format!("# {}: {}.\n", fault.name, fault.change);
    if let Testimony::Shows { invariant, message } = testify(runner, fault, scenario)? {
        let _ = writeln!(text, "# With it, {invariant} is broken: {message}.");
    }
    let _ = writeln!(text, "# Without it, all hold.");
    text.push_str(&scenario.to_toml());
    Ok(text)
}
