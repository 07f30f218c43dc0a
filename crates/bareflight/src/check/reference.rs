//! Does the reference hold, whatever is asked of it? Fuzzing by seed, each tier on a thread of its own.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::{TierError, TierName};
use bareflight_harness::{Campaign, Runner};

use super::found::{self, Found};
use super::progress::Progress;
use super::tally::Tally;
use crate::output::thousands;

/// What fuzzing came to on one tier.
pub(super) struct Fuzzed {
    /// The tier.
    pub(super) tier: TierName,
    /// How much was run, and what it exercised.
    pub(super) tally: Tally,
    /// For each invariant that broke, the number of the first scenario that broke it and the smallest like it.
    pub(super) found: Vec<(u64, Found)>,
    /// Why it stopped before its time.
    pub(super) undecided: Option<TierError>,
    /// How long it ran.
    pub(super) elapsed: Duration,
}

/// Fuzzes every tier for so long, all at once. The seed alone decides which scenarios are run in which order, the time
/// how many.
pub(super) fn fuzz(
    tiers: &[TierName],
    seed: u64,
    length: Duration,
    parents: &[Scenario],
    progress: &Progress,
) -> Vec<Fuzzed> {
    let counts: Vec<_> = tiers.iter().map(|_| AtomicU64::new(0)).collect();
    thread::scope(|scope| {
        let start = |(&tier, count)| scope.spawn(move || on(tier, seed, length, parents, count));
        let threads: Vec<_> = tiers.iter().zip(&counts).map(start).collect();
        let began = Instant::now();
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(100));
            let told = tiers.iter().zip(&counts).map(|(tier, count)| {
                format!("{tier} {}", thousands(count.load(Ordering::Relaxed)))
            });
            let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            progress.at(elapsed, told.collect::<Vec<_>>().join(", "));
        }
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

fn on(
    tier: TierName,
    seed: u64,
    length: Duration,
    parents: &[Scenario],
    count: &AtomicU64,
) -> Fuzzed {
    let began = Instant::now();
    let mut fuzzed = Fuzzed {
        tier,
        tally: Tally::default(),
        found: Vec::new(),
        undecided: None,
        elapsed: Duration::ZERO,
    };
    let mut runner = match Runner::new(tier) {
        Ok(runner) => runner,
        Err(error) => {
            return Fuzzed {
                undecided: Some(error),
                ..fuzzed
            };
        }
    };
    let mut campaign = Campaign::new(
        super::hunt::seed_of(seed, tier, "reference"),
        parents.iter().cloned(),
    );
    let mut first: BTreeMap<&'static str, (u64, Scenario)> = BTreeMap::new();
    let mut number = 0;
    while began.elapsed() < length {
        number += 1;
        let scenario = campaign.next_scenario();
        let verdict = match runner.run(&scenario, None) {
            Ok(verdict) => verdict,
            Err(error) => {
                fuzzed.undecided = Some(error);
                break;
            }
        };
        fuzzed
            .tally
            .add(&scenario.profile, verdict.log, verdict.violations);
        for violation in verdict.violations {
            first
                .entry(violation.invariant.name)
                .or_insert_with(|| (number, scenario.clone()));
        }
        count.store(number, Ordering::Relaxed);
    }
    fuzzed.elapsed = began.elapsed();
    for (name, (number, scenario)) in first {
        fuzzed
            .found
            .extend(found::tell(&mut runner, &scenario, None, name).map(|found| (number, found)));
    }
    fuzzed
}
