//! Many jobs on all processors: which thread does which has no influence on what comes of them.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bareflight_harness::tier::TierName;

use crate::judge::Runners;

/// Processors.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

/// Does all jobs, on as many threads as there are processors, each with its own runners. What comes of them is in the order
/// of the jobs; they are begun in the order of `order`, by which no long one should be left for the end.
pub(crate) fn each<J: Sync, R: Send>(
    jobs: &[J],
    order: impl Fn(&J) -> u64,
    work: impl Fn(&J, &mut Runners) -> R + Sync,
) -> Vec<R> {
    let mut queue: Vec<usize> = (0..jobs.len()).collect();
    queue.sort_by_key(|&index| order(&jobs[index]));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    thread::scope(|scope| {
        for _ in 0..processors().min(jobs.len()) {
            scope.spawn(|| {
                let mut runners = Runners::default();
                while let Some(&index) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(&jobs[index], &mut runners);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The seed of a stream of scenarios: from the user's seed and what the stream is for, so that a new fault changes no
/// other's.
pub(crate) fn seed_of(seed: u64, tier: TierName, name: &str) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..100).collect();
        let doubled = each(&jobs, |job| 100 - job, |job, _| 2 * job);
        assert_eq!(doubled, jobs.iter().map(|job| 2 * job).collect::<Vec<_>>());
        assert!(each(&[], |_: &u64| 0, |job, _| *job).is_empty());
    }

    #[test]
    fn seeds_depend_on_everything() {
        let one = seed_of(1, TierName::Model, "a");
        for other in [
            seed_of(2, TierName::Model, "a"),
            seed_of(1, TierName::Memory, "a"),
            seed_of(1, TierName::Model, "b"),
        ] {
            assert_ne!(one, other);
        }
    }
}
