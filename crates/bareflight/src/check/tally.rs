//! What was run and what it exercised, counted cheaply enough for hundreds of thousands of scenarios a second.

use std::collections::BTreeMap;

use bareflight_harness::invariants::{INVARIANTS, Violation};
use bareflight_harness::log::{Client, Event, Log};
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
    pub(super) seen: Seen,
}

/// How much was run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Runs {
    /// Scenarios.
    pub(super) scenarios: u64,
    /// TLS handshakes, full and resumed, ended well or badly.
    pub(super) handshakes: u64,
}

/// What happened: a rule that was never put to the test holds for nothing.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Seen {
    /// Handshakes in which a session was resumed.
    pub(super) resumed: u64,
    /// Handshakes in which a certificate was asked for and shown.
    pub(super) presented: u64,
    /// Handshakes in which a certificate was asked for and withheld.
    pub(super) declined: u64,
    /// Handshakes that failed.
    pub(super) failed: u64,
    /// Requests, preflights included.
    pub(super) requests: u64,
    /// Preflights.
    pub(super) preflights: u64,
    /// Requests on a connection that had served others.
    pub(super) reused: u64,
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
            self.seen.count(&record.event);
        }
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

impl Seen {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Connection(it) => {
                self.failed += u64::from(it.failed.is_some());
                self.resumed += u64::from(it.resumed.is_some());
                self.presented += u64::from(it.asked && it.client.is_authenticated());
                self.declined += u64::from(it.asked && it.client == Client::Declined);
            }
            Event::Request(it) => {
                self.requests += 1;
                self.preflights += u64::from(it.preflight);
                self.reused += u64::from(it.stream > 1);
            }
            _ => {}
        }
    }
}
