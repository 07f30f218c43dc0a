//! What does a pool cost beside lookups: threads, memory, eviction, the end of an epoch?

use core::{num::NonZeroU32, time::Duration};
use std::{thread, time::Instant};

use bareflight_benches::Tally;
use bareflight_pool_key::{
    ConnectionKey, Description, Epoch, Id, Limits, OriginId, Pool, Reserved, SharedPool, Sharing,
    TrustId, Want,
};

use crate::designs;

const NOW: Duration = Duration::ZERO;

/// Bounds that this many connections fill.
fn limits(size: u32) -> Limits {
    Limits {
        open: size,
        idle: size,
        ..Limits::default()
    }
}

fn open(pool: &mut Pool<u32, u32>, key: &ConnectionKey, number: u32) {
    let Ok(Reserved::Connect(leave)) = pool.reserve(key, number, Want::Race, NOW) else {
        unreachable!("the limits leave room, or something idle makes it");
    };
    let lease = pool.insert(leave, number, Sharing::Exclusive, NOW);
    pool.checkin(lease.expect("it was not cleared"), NOW);
}

/// A full pool with an idle connection for each of so many origins.
pub(crate) fn filled(size: u32) -> Pool<u32, u32> {
    let mut pool = Pool::new(limits(size));
    for number in 1..=size {
        open(&mut pool, &designs::key(number), number);
    }
    pool
}

/// How many bytes each of so many idle connections takes, each with a key of its own.
pub(crate) fn bytes_for_each(size: u32) -> u64 {
    let mut pool = None;
    let counted = allocation_counter::measure(|| pool = Some(filled(size)));
    assert_eq!(pool.map(|pool| pool.idle()), Some(size));
    counted.bytes_current.unsigned_abs() / u64::from(size)
}

/// Opening a connection in a full pool, which drops the one that was idle for longest.
pub(crate) fn evict_and_open(size: u32) -> Tally {
    let mut pool = filled(size);
    timed(1000, |round| {
        let key = designs::key(size + 1 + round);
        let start = Instant::now();
        open(&mut pool, &key, size + 1 + round);
        pool.next_removed().expect("the pool was full");
        start.elapsed()
    })
}

/// The end of an epoch of `ending` connections, among so many that stay; for each that ends.
pub(crate) fn end_epoch(staying: u32, ending: u32) -> Tally {
    const ROUNDS: u32 = 100;
    let mut pool = Pool::new(limits(staying + ROUNDS * ending));
    let key = |number: u32, epoch| {
        let number = NonZeroU32::new(number).expect("counted from one");
        let trust = TrustId::from_number(NonZeroU32::MIN);
        let bare = Description::bare(OriginId::from_number(number), trust);
        let epoch = Epoch(epoch);
        Description { epoch, ..bare }.keys().connection
    };
    for epoch in 0..ROUNDS {
        (1..=ending).for_each(|n| open(&mut pool, &key(n, epoch.into()), n));
    }
    (1..=staying).for_each(|n| open(&mut pool, &key(n, u64::MAX), n));
    timed(ROUNDS, |round| {
        let start = Instant::now();
        pool.retire(Epoch(u64::from(round) + 1));
        let took = start.elapsed();
        let removed = core::iter::from_fn(|| pool.next_removed()).count();
        assert_eq!(removed, ending as usize);
        took / ending
    })
}

fn timed(rounds: u32, mut once: impl FnMut(u32) -> Duration) -> Tally {
    let mut tally = Tally::default();
    (0..rounds).for_each(|round| tally.note(once(round), 1));
    tally
}

/// What two threads have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Common {
    /// All keys, and so the connections too.
    Connections,
    /// The pool; each serves the keys of its own shards.
    Pool,
    /// Nothing: what keeps them from scaling is the machine.
    Nothing,
}

/// Checkouts with their checkins that so many threads do in a second, together, on a thousand keys.
pub(crate) fn pairs_per_second(threads: u16, common: Common) -> f64 {
    const EACH: u32 = 2_000_000;
    let keys = designs::shuffled(1000, designs::key);
    let pools = if common == Common::Nothing {
        threads
    } else {
        1
    };
    let pools: Vec<_> = (0..pools).map(|_| shared(&keys)).collect();
    let start = Instant::now();
    thread::scope(|scope| {
        for number in 0..threads {
            let pool = &pools[usize::from(number) % pools.len()];
            let mut keys = keys.clone();
            if common == Common::Pool {
                keys.retain(|key| pool.shard(key) % threads == number);
            }
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(number.into());
                for _ in 0..EACH {
                    // Another thread may have just this one.
                    if let Some(lease) = pool.checkout(&keys[random.usize(..keys.len())], NOW) {
                        pool.checkin(lease, NOW);
                    }
                }
            });
        }
    });
    f64::from(threads) * f64::from(EACH) / start.elapsed().as_secs_f64()
}

fn shared(keys: &[ConnectionKey]) -> SharedPool<u32, u32> {
    let pool = SharedPool::new(limits(100_000), 16);
    for (key, number) in keys.iter().zip(0..) {
        let Ok(Reserved::Connect(leave)) = pool.reserve(key, number, Want::Race, NOW) else {
            unreachable!("the limits leave room");
        };
        let lease = pool.insert(leave, number, Sharing::Exclusive, NOW);
        pool.checkin(lease.expect("it was not cleared"), NOW);
    }
    pool
}
