//! Would the harness notice? Each known fault is let loose until an invariant that its entry names catches it; each
//! control for a while, and must not be flagged.

use core::time::Duration;
use std::time::Instant;

use bareflight_harness::engines::{Engine, Generation};
use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::{TierError, TierName};
use bareflight_harness::{End as Ended, Runner, hunt as let_loose};

use super::found::{self, Found};
use super::promising::Promising;
use crate::judge::Runners;
use crate::progress::Progress;
use crate::work::{self, seed_of};

/// What a hunt may take.
struct Budget {
    /// Scenarios for a fault.
    fault: u64,
    /// Scenarios for a control.
    control: u64,
}

const MODEL: Budget = Budget {
    fault: 50_000,
    control: 10_000,
};
/// What is tried on real handshakes has shown on the model, so a few must do.
const MEMORY: Budget = Budget {
    fault: 100,
    control: 300,
};

impl Job {
    /// The most scenarios that the job may take.
    fn budget(self) -> u64 {
        let budget = match self.tier {
            TierName::Model => MODEL,
            TierName::Memory => MEMORY,
        };
        if self.fault.control {
            budget.control
        } else {
            budget.fault
        }
    }
}

/// Time after which a hunt that nobody gave a number is given up as undecided: a machine that is so slow tells nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A fault, or a control, on one tier.
#[derive(Clone, Copy)]
pub(super) struct Job {
    pub(super) fault: &'static Fault,
    pub(super) tier: TierName,
}

/// What a hunt came to.
pub(super) struct Hunted {
    pub(super) job: Job,
    pub(super) end: End,
    /// Scenarios that were run.
    pub(super) scenarios: u64,
    /// Those of them in which a decision differed from the right one.
    pub(super) reached: u64,
    pub(super) elapsed: Duration,
}

/// How a hunt ended.
pub(super) enum End {
    /// The fault was caught, as its entry says.
    Caught(Box<Found>),
    /// The fault was not caught.
    Missed,
    /// Nothing but what its entry allows was held against the control.
    Passed,
    /// A control was flagged, or a fault was caught by nothing but what its entry does not name.
    Flagged(Box<Found>),
    /// The tier gave up, or patience ended.
    Undecided(String),
}

/// All hunts for these faults on these tiers.
pub(super) fn jobs(tiers: &[TierName], faults: &[&'static Fault]) -> Vec<Job> {
    let on = |&fault: &&'static Fault| {
        let tiers = tiers.iter().filter(|tier| fault.tiers.contains(tier));
        tiers.map(move |&tier| Job { fault, tier })
    };
    faults.iter().flat_map(on).collect()
}

/// Does all hunts, on as many threads as there are processors; what comes of them is in the order of the jobs. `most`
/// scenarios take the place of the budgets, however long they take.
pub(super) fn hunt(jobs: &[Job], seed: u64, most: Option<u64>, progress: &Progress) -> Vec<Hunted> {
    // The slow tier first, so that no thread is left alone with it at the end.
    let slow_first = |job: &Job| u64::from(job.tier == TierName::Model);
    work::each(jobs, slow_first, |job, runners| {
        let hunted = one(*job, seed, most, runners);
        progress.step(format!("{} on {}", job.fault.name, job.tier));
        hunted
    })
}

fn one(job: Job, seed: u64, most: Option<u64>, runners: &mut Runners) -> Hunted {
    let Job { fault, tier } = job;
    let budget = most.unwrap_or(job.budget());
    let began = Instant::now();
    let undecided = |error: &TierError| Hunted {
        job,
        end: End::Undecided(error.to_string()),
        scenarios: 0,
        reached: 0,
        elapsed: began.elapsed(),
    };
    let runner = match runners.of(tier) {
        Ok(runner) => runner,
        Err(error) => return undecided(&error),
    };
    let mut engine = match engine(job, seed) {
        Ok(engine) => engine,
        Err(error) => return undecided(&error),
    };
    let mut late = false;
    let hunted = let_loose(runner, Some(fault), engine.as_mut(), |run| {
        late = most.is_none() && began.elapsed() > PATIENCE;
        run < budget && !late
    });
    // The clock stops before what was found is made small.
    let elapsed = began.elapsed();
    let end = match hunted.end {
        Ended::Broken {
            scenario,
            invariant,
        } => found(runner, fault, &scenario, invariant),
        Ended::Undecided { error, .. } => End::Undecided(error.to_string()),
        Ended::Exhausted | Ended::Stopped if late => {
            End::Undecided(format!("{} s were not enough", PATIENCE.as_secs()))
        }
        Ended::Exhausted | Ended::Stopped if fault.control => End::Passed,
        Ended::Exhausted | Ended::Stopped => End::Missed,
    };
    Hunted {
        job,
        end,
        scenarios: hunted.scenarios,
        reached: hunted.reached,
        elapsed,
    }
}

/// Where the scenarios of a hunt come from: the engine that `bareflight faults` found to be fastest. A control shows
/// nowhere, so any will do.
fn engine(Job { fault, tier }: Job, seed: u64) -> Result<Box<dyn Engine>, TierError> {
    let generation = Generation::new(seed_of(seed, tier, &fault.name));
    Ok(match tier {
        TierName::Memory if !fault.control => {
            Box::new(Promising::new(generation, fault, MODEL.fault)?)
        }
        _ => Box::new(generation),
    })
}

fn found(
    runner: &mut Runner,
    fault: &'static Fault,
    scenario: &Scenario,
    invariant: &'static str,
) -> End {
    match found::tell(runner, scenario, Some(fault), invariant) {
        Some(found) if fault.control => End::Flagged(Box::new(found)),
        Some(found) => End::Caught(Box::new(found)),
        None => End::Undecided(format!("{invariant} broke once and not again")),
    }
}
