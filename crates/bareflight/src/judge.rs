//! Running a scenario, or reading a recorded log, and judging what was seen.

use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::expect::{self, Mismatch};
use bareflight_harness::faults::Fault;
use bareflight_harness::invariants::{self, Violation};
use bareflight_harness::log::{Event, Log};
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::{TierError, TierName};
use bareflight_harness::{Runner, shrink};

use crate::exit::Exit;
use crate::input::Recorded;

/// Attempts at a smaller scenario before what there is must do.
const SHRINKING: u32 = 4_000;

/// What a run, or a recorded log, came to.
#[derive(Debug)]
pub(crate) struct Judged {
    /// What was seen.
    pub(crate) log: Log,
    /// What is broken.
    pub(crate) violations: Vec<Violation>,
    /// What the author expected otherwise.
    pub(crate) mismatches: Vec<Mismatch>,
    /// The first step, from 0, that a recorded log does not tell the end of.
    pub(crate) untold: Option<u16>,
}

impl Judged {
    /// What it means for the exit code.
    pub(crate) fn exit(&self) -> Exit {
        if !self.violations.is_empty() || !self.mismatches.is_empty() {
            Exit::Broken
        } else if self.untold.is_some() {
            Exit::Undecided
        } else {
            Exit::Holds
        }
    }

    /// Why nothing is decided, if a log was cut off.
    pub(crate) fn cut_off(&self) -> Option<String> {
        let step = self.untold? + 1;
        Some(format!(
            "the log ends before step {step} does: record the run again, to its end"
        ))
    }

    /// How many connections were made, and how many requests they served.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let events = || self.log.records.iter().map(|record| &record.event);
        let connections = events()
            .filter(|event| matches!(event, Event::Connection(_)))
            .count();
        (
            connections,
            events()
                .filter(|event| matches!(event, Event::Request(_)))
                .count(),
        )
    }
}

/// A runner for each tier, started when it is needed.
#[derive(Debug, Default)]
pub(crate) struct Runners {
    started: Vec<Runner>,
}

impl Runners {
    /// The runner of a tier.
    pub(crate) fn of(&mut self, tier: TierName) -> Result<&mut Runner, TierError> {
        let index = match self.started.iter().position(|runner| runner.tier() == tier) {
            Some(index) => index,
            None => {
                self.started.push(Runner::new(tier)?);
                self.started.len() - 1
            }
        };
        Ok(&mut self.started[index])
    }

    /// Runs a scenario. What its author expects is of the reference, and not looked at where a fault is loose.
    pub(crate) fn judge(
        &mut self,
        tier: TierName,
        scenario: &Scenario,
        fault: Option<&Fault>,
    ) -> Result<Judged, TierError> {
        let runner = self.of(tier)?;
        let verdict = runner.run(scenario, fault)?;
        let (log, violations) = (verdict.log.clone(), verdict.violations.to_vec());
        let mismatches = match fault {
            None => runner.expectations(scenario)?,
            Some(_) => Vec::new(),
        };
        Ok(Judged {
            log,
            violations,
            mismatches,
            untold: None,
        })
    }
}

/// Judges a recorded log without running anything.
pub(crate) fn judge_recorded(scenario: &Scenario, recorded: &Recorded) -> Judged {
    let mut vocabulary = Vocabulary::default();
    let case = Case::new(scenario, &mut vocabulary);
    let mut violations = Vec::new();
    invariants::judge(&case, &recorded.log, &mut violations);
    Judged {
        log: recorded.log.clone(),
        violations,
        mismatches: expect::check(&case, &recorded.log),
        untold: recorded.log.first_untold(scenario),
    }
}

/// The scenario as the invariants saw it: under the fault's profile if it has one.
pub(crate) fn case_of<'s>(scenario: &'s Scenario, fault: Option<&Fault>) -> Case<'s> {
    let mut vocabulary = Vocabulary::default();
    match fault.and_then(|fault| fault.profile) {
        Some(profile) => Case::under(profile, scenario, &mut vocabulary),
        None => Case::new(scenario, &mut vocabulary),
    }
}

/// The smallest scenario found that still breaks the invariant.
pub(crate) fn smallest(
    runner: &mut Runner,
    scenario: &Scenario,
    fault: Option<&Fault>,
    invariant: &str,
) -> Scenario {
    let mut left = SHRINKING;
    shrink(scenario, |candidate| {
        left = left.saturating_sub(1);
        left > 0
            && runner
                .run(candidate, fault)
                .is_ok_and(|verdict| verdict.breaks(invariant))
    })
}
