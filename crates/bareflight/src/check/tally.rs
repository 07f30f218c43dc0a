//! What was run and what it exercised, counted cheaply enough for hundreds of thousands of scenarios a second.

use std::collections::BTreeMap;

use bareflight_harness::invariants::{INVARIANTS, Violation};
use bareflight_harness::log::{Event, Log};
use bareflight_harness::occurrences::Occurrences;
use bareflight_policy::PROFILES;
use serde::Serialize;

/// Figures of one tier.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// For each profile, in the order of [`PROFILES`].
    profiles: Vec<Runs>,
    /// Violations by invariant.
    violations: BTreeMap<&'static str, u64>,
    /// What happened in the runs.
    pub(super) seen: Occurrences,
}

/// How much was run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Runs {
    /// Scenarios.
    pub(super) scenarios: u64,
    /// TLS handshakes, full and resumed, ended well or badly.
    pub(super) handshakes: u64,
}

impl Tally {
    /// Counts one run.
    pub(super) fn add(&mut self, profile: &str, log: &Log, violations: &[Violation]) {
        let index = PROFILES
            .iter()
            .position(|it| it.name == profile)
            .unwrap_or(0);
        if self.profiles.is_empty() {
            self.profiles.resize(PROFILES.len(), Runs::default());
        }
        self.profiles[index].scenarios += 1;
        for violation in violations {
            *self.violations.entry(violation.invariant.name).or_default() += 1;
        }
        for record in &log.records {
            self.profiles[index].handshakes +=
                u64::from(matches!(record.event, Event::Connection(_)));
        }
        self.seen.add(log);
    }

    /// All runs.
    pub(super) fn runs(&self) -> Runs {
        self.profiles.iter().fold(Runs::default(), Runs::plus)
    }

    /// For each invariant the runs that it judged, and how often it was broken.
    pub(super) fn by_invariant(&self) -> impl Iterator<Item = (Runs, u64)> {
        INVARIANTS.iter().map(|invariant| {
            let judged = self
                .profiles
                .iter()
                .zip(PROFILES)
                .filter(|(_, profile)| (invariant.judges)(profile));
            let runs = judged
                .map(|(runs, _)| runs)
                .fold(Runs::default(), Runs::plus);
            (
                runs,
                self.violations.get(invariant.name).copied().unwrap_or(0),
            )
        })
    }
}

impl Runs {
    fn plus(self, other: &Self) -> Self {
        Self {
            scenarios: self.scenarios + other.scenarios,
            handshakes: self.handshakes + other.handshakes,
        }
    }
}
