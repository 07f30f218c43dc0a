//! Does the reference hold, whatever is asked of it? Fuzzing by seed, each tier on a thread of its own.

use core::any::Any;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Instant;

use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::{TierError, TierName};
use bareflight_harness::{Campaign, Runner};

use super::found::{self, Found};
use super::tally::Tally;
use crate::output::thousands;
use crate::progress::Progress;

/// What fuzzing came to on one tier.
pub(super) struct Fuzzed {
    /// The tier.
    pub(super) tier: TierName,
    /// How much was run, and what it exercised.
    pub(super) tally: Tally,
    /// For each invariant that broke, the number of the first scenario that broke it and the smallest like it.
    pub(super) found: Vec<(u64, Found)>,
    /// Why the tier could not be set up.
    pub(super) unready: Option<TierError>,
    /// What ended it before its time: the number of a scenario, the scenario, and what happened in it.
    pub(super) stopped: Option<(u64, Scenario, Stop)>,
    /// How long it ran.
    pub(super) elapsed: Duration,
}

/// Why fuzzing stopped before its time.
pub(super) enum Stop {
    /// The tier gave up.
    Undecided(TierError),
    /// The reference panicked, with these words.
    Panic(String),
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
    let mut fuzzed = Fuzzed::none(tier);
    let mut runner = match Runner::new(tier) {
        Ok(runner) => runner,
        Err(error) => {
            fuzzed.unready = Some(error);
            return fuzzed;
        }
    };
    let seed = crate::work::seed_of(seed, tier, "reference");
    let mut campaign = Campaign::new(seed, parents.iter().cloned());
    let mut first: BTreeMap<&'static str, (u64, Scenario)> = BTreeMap::new();
    let mut number = 0;
    while began.elapsed() < length && fuzzed.stopped.is_none() {
        number += 1;
        let scenario = campaign.next_scenario();
        match caught(|| runner.run(&scenario, None)) {
            Ok(Ok(verdict)) => {
                let profile = scenario.profile.as_str();
                fuzzed.tally.add(profile, verdict.log, verdict.violations);
                for violation in verdict.violations {
                    let seen = first.entry(violation.invariant.name);
                    seen.or_insert_with(|| (number, scenario.clone()));
                }
            }
            Ok(Err(error)) => fuzzed.stopped = Some((number, scenario, Stop::Undecided(error))),
            Err(panic) => fuzzed.stopped = Some((number, scenario, Stop::Panic(words(&*panic)))),
        }
        count.store(number, Ordering::Relaxed);
    }
    fuzzed.elapsed = began.elapsed();
    // After a panic the runner is not to be trusted, and the panic is what matters.
    if !matches!(fuzzed.stopped, Some((_, _, Stop::Panic(_)))) {
        for (name, (number, scenario)) in first {
            let found = found::tell(&mut runner, &scenario, None, name);
            fuzzed.found.extend(found.map(|found| (number, found)));
        }
    }
    fuzzed
}

impl Fuzzed {
    fn none(tier: TierName) -> Self {
        Self {
            tier,
            tally: Tally::default(),
            found: Vec::new(),
            unready: None,
            stopped: None,
            elapsed: Duration::ZERO,
        }
    }
}

/// A panic is a finding like any other: its scenario must not be lost.
fn caught<T>(run: impl FnOnce() -> T) -> thread::Result<T> {
    catch_unwind(AssertUnwindSafe(run))
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a word".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_its_words() {
        let number = 7;
        let panic = caught(|| assert!(number == 8, "at {number}")).unwrap_err();
        assert_eq!(words(&*panic), "at 7");
        let panic = caught(|| assert!(number == 8, "plain")).unwrap_err();
        assert_eq!(words(&*panic), "plain");
        assert_eq!(caught(|| 3).unwrap(), 3);
    }
}
