//! Running and judging: one case, and a stream of cases.

use std::collections::VecDeque;

use bareflight_policy::Profile;

use crate::case::{Case, Vocabulary};
use crate::expect::{self, Mismatch};
use crate::faults::Fault;
use crate::faults::reached::take_reached;
use crate::invariants::{Violation, judge};
use crate::log::Log;
use crate::scenario::{Choose, Scenario};
use crate::tier::{Deciders, Tier, TierError, TierName, Wire};

/// Runs cases on one tier and judges them. Everything that can be used again is.
pub struct Runner {
    tier: Box<dyn Tier>,
    name: TierName,
    vocabulary: Vocabulary,
    log: Log,
    violations: Vec<Violation>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Verdict<'r> {
    /// What was seen.
    pub log: &'r Log,
    /// What is broken.
    pub violations: &'r [Violation],
    /// How often a decision of the fault differed from the right one; 0 on the reference.
    pub reached: u64,
}

impl Verdict<'_> {
    /// Whether an invariant of this name is broken.
    pub fn breaks(&self, name: &str) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.invariant.name == name)
    }
}

impl Runner {
    /// A runner on a tier.
    ///
    /// # Errors
    ///
    /// Where the tier cannot be set up here.
    pub fn new(name: TierName) -> Result<Self, TierError> {
        Ok(Self::on(name, name.start()?))
    }

    /// A runner on the tier `memory` over the provider that protects nothing, for campaigns and fuzzing.
    ///
    /// # Errors
    ///
    /// Where the tier cannot be set up here.
    #[cfg(feature = "insecure-test-crypto")]
    pub fn with_insecure_test_crypto() -> Result<Self, TierError> {
        let tier = crate::tier::Memory::with_insecure_test_crypto()?;
        Ok(Self::on(TierName::Memory, Box::new(tier)))
    }

    fn on(name: TierName, tier: Box<dyn Tier>) -> Self {
        Self {
            tier,
            name,
            vocabulary: Vocabulary::default(),
            log: Log::default(),
            violations: Vec::new(),
        }
    }

    /// The tier.
    pub fn tier(&self) -> TierName {
        self.name
    }

    /// TLS handshakes so far.
    pub fn handshakes(&self) -> u64 {
        self.tier.handshakes()
    }

    /// Runs a valid scenario on the reference, or with a fault let loose, and judges what was seen.
    ///
    /// # Errors
    ///
    /// [`TierError`] where nothing can be decided.
    pub fn run(
        &mut self,
        scenario: &Scenario,
        fault: Option<&Fault>,
    ) -> Result<Verdict<'_>, TierError> {
        match fault {
            None => self.run_with(scenario, Deciders::default(), None),
            Some(fault) => self.run_with(scenario, fault.deciders, fault.profile),
        }
    }

    /// As [`run`](Self::run), with deciders that need not be in the catalogue, and under a profile in place of the
    /// scenario's own.
    ///
    /// # Errors
    ///
    /// [`TierError`] where nothing can be decided.
    pub fn run_with(
        &mut self,
        scenario: &Scenario,
        deciders: impl Into<Deciders>,
        profile: Option<&'static Profile>,
    ) -> Result<Verdict<'_>, TierError> {
        let case = match profile {
            Some(profile) => Case::under(profile, scenario, &mut self.vocabulary),
            None => Case::new(scenario, &mut self.vocabulary),
        };
        self.violations.clear();
        take_reached();
        self.tier.run(&case, deciders.into(), &mut self.log)?;
        judge(&case, &self.log, &mut self.violations);
        Ok(Verdict {
            log: &self.log,
            violations: &self.violations,
            reached: take_reached(),
        })
    }

    /// As [`run`](Self::run), and keeps what crossed the network; none on a tier that has no network.
    ///
    /// # Errors
    ///
    /// [`TierError`] where nothing can be decided.
    pub fn wire(
        &mut self,
        scenario: &Scenario,
        fault: Option<&Fault>,
    ) -> Result<Option<Wire>, TierError> {
        self.tier.keep_wire();
        self.run(scenario, fault)?;
        Ok(self.tier.take_wire())
    }

    /// As [`run`](Self::run) on the reference, and checks what the scenario's author expects.
    ///
    /// # Errors
    ///
    /// [`TierError`] where nothing can be decided.
    pub fn expectations(&mut self, scenario: &Scenario) -> Result<Vec<Mismatch>, TierError> {
        let case = Case::new(scenario, &mut self.vocabulary);
        self.tier.run(&case, Deciders::default(), &mut self.log)?;
        Ok(expect::check(&case, &self.log))
    }
}

impl core::fmt::Debug for Runner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Runner")
            .field("tier", &self.name)
            .finish_non_exhaustive()
    }
}

/// An endless stream of scenarios from a seed: some made anew, some changed from earlier ones or from the corpus.
#[derive(Debug)]
pub struct Campaign {
    rng: fastrand::Rng,
    /// What mutations start from: the corpus, and some of what was generated.
    parents: VecDeque<Scenario>,
}

/// Scenarios that mutations start from.
const PARENTS: usize = 256;

/// Steps of a generated scenario, at most.
pub(crate) const STEPS: usize = 12;

impl Campaign {
    /// A campaign. The same seed and the same corpus give the same scenarios.
    pub fn new(seed: u64, corpus: impl IntoIterator<Item = Scenario>) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            parents: corpus.into_iter().take(PARENTS).collect(),
        }
    }

    /// The next scenario.
    pub fn next_scenario(&mut self) -> Scenario {
        let rng = &mut self.rng;
        if self.parents.is_empty() || rng.chance(1, 2) {
            let scenario = Scenario::generate(rng, STEPS);
            if self.parents.len() < PARENTS || rng.chance(1, 64) {
                if self.parents.len() == PARENTS {
                    self.parents.pop_front();
                }
                self.parents.push_back(scenario.clone());
            }
            return scenario;
        }
        let mut scenario = self.parents[rng.below(self.parents.len())].clone();
        if rng.chance(1, 8) {
            let other = &self.parents[rng.below(self.parents.len())];
            scenario.cross(other, rng);
        }
        scenario.mutate(rng);
        scenario
    }
}
