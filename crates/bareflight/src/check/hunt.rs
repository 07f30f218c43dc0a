//! Would the harness notice? Each known fault is let loose until an invariant that its entry names catches it; each
//! control for a while, and must not be flagged.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::{TierError, TierName};
use bareflight_harness::{Campaign, Runner};

use super::found::{self, Found};
use super::progress::Progress;
use crate::judge::Runners;

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
const MEMORY: Budget = Budget {
    fault: 4_000,
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

/// Time after which a hunt is given up as undecided: a machine that is so slow tells nothing.
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

/// All hunts on these tiers.
pub(super) fn jobs(tiers: &[TierName]) -> Vec<Job> {
    let on = |fault: &'static Fault| {
        tiers
            .iter()
            .filter(|tier| fault.tiers.contains(tier))
            .map(move |&tier| Job { fault, tier })
    };
    Fault::all().iter().flat_map(on).collect()
}

/// The seed of a campaign: from the user's seed and what the campaign is for, so that a new fault changes no other hunt.
pub(super) fn seed_of(seed: u64, tier: TierName, name: &str) -> u64 {
    // FNV-1a, 64 bits.
    let bytes = seed
        .to_le_bytes()
        .into_iter()
        .chain(tier.as_str().bytes())
        .chain([0])
        .chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Does all hunts, on as many threads as there are processors. Which thread does which has no influence on the results,
/// which are in the order of the jobs. `most` takes the place of the budgets.
pub(super) fn hunt(jobs: &[Job], seed: u64, most: Option<u64>, progress: &Progress) -> Vec<Hunted> {
    let threads = thread::available_parallelism()
        .map_or(2, usize::from)
        .min(jobs.len());
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut runners = Runners::default();
                while let Some((index, job)) = take(&next, jobs) {
                    let hunted = one(job, seed, most.unwrap_or(job.budget()), &mut runners);
                    progress.step(format!("{} on {}", job.fault.name, job.tier));
                    done.lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((index, hunted));
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, hunted)| hunted).collect()
}

/// The next job. The slow tier first, so that no thread is left alone with it at the end.
fn take(next: &AtomicUsize, jobs: &[Job]) -> Option<(usize, Job)> {
    let position = next.fetch_add(1, Ordering::Relaxed);
    let slow_first = |tier: TierName| {
        jobs.iter()
            .enumerate()
            .filter(move |(_, job)| job.tier == tier)
    };
    let (index, job) = TierName::ALL
        .into_iter()
        .rev()
        .flat_map(slow_first)
        .nth(position)?;
    Some((index, *job))
}

fn one(job: Job, seed: u64, budget: u64, runners: &mut Runners) -> Hunted {
    let began = Instant::now();
    match runners.of(job.tier) {
        Ok(runner) => Hunt { job, runner, began }.run(seed, budget),
        Err(error) => Hunted {
            job,
            end: End::Undecided(error.to_string()),
            scenarios: 0,
            elapsed: began.elapsed(),
        },
    }
}

struct Hunt<'r> {
    job: Job,
    runner: &'r mut Runner,
    began: Instant,
}

impl Hunt<'_> {
    fn run(mut self, seed: u64, budget: u64) -> Hunted {
        let Job { fault, tier } = self.job;
        let mut campaign = Campaign::new(seed_of(seed, tier, &fault.name), []);
        for number in 1..=budget {
            if self.began.elapsed() > PATIENCE {
                let reason = format!("{} s were not enough", PATIENCE.as_secs());
                return self.ended(number - 1, |_| End::Undecided(reason));
            }
            let scenario = campaign.next_scenario();
            match self.broken(&scenario) {
                Err(error) => return self.ended(number, |_| End::Undecided(error.to_string())),
                Ok(Some(invariant)) => {
                    return self.ended(number, |hunt| hunt.end(&scenario, invariant));
                }
                Ok(None) => {}
            }
        }
        self.ended(budget, |_| {
            if fault.control {
                End::Passed
            } else {
                End::Missed
            }
        })
    }

    /// The clock stops before what was found is made small.
    fn ended(mut self, scenarios: u64, end: impl FnOnce(&mut Self) -> End) -> Hunted {
        let elapsed = self.began.elapsed();
        Hunted {
            job: self.job,
            end: end(&mut self),
            scenarios,
            elapsed,
        }
    }

    /// The invariant that ends the hunt, if the scenario breaks it: for a fault one that its entry names, for a control
    /// one that it does not.
    fn broken(&mut self, scenario: &Scenario) -> Result<Option<&'static str>, TierError> {
        let fault = self.job.fault;
        let verdict = self.runner.run(scenario, Some(fault))?;
        let names = verdict
            .violations
            .iter()
            .map(|violation| violation.invariant.name);
        Ok(names
            .into_iter()
            .find(|name| fault.explains(name) != fault.control))
    }

    fn end(&mut self, scenario: &Scenario, invariant: &str) -> End {
        let fault = self.job.fault;
        match found::tell(self.runner, scenario, Some(fault), invariant) {
            Some(found) if fault.control => End::Flagged(Box::new(found)),
            Some(found) => End::Caught(Box::new(found)),
            None => End::Undecided(format!("{invariant} broke once and not again")),
        }
    }
}
