//! What may never happen between two or three threads.

use core::{hash::BuildHasher, num::NonZeroU32, time::Duration};
use std::collections::HashMap;

use loom::{
    model::Builder,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use crate::{
    ConnectionKey, Description, Epoch, Grant, Id, Keys, Lease, Limits, OriginId, Reserved,
    SessionFacts, SessionKey, SessionLimits, SharedInterner, SharedPool, SharedSessionCache,
    Sharing, TrustId, Want,
};

const NOW: Duration = Duration::ZERO;

type Connections = SharedPool<u32, u32>;

/// Runs a model in every order, up to a number of interruptions.
fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(body);
}

fn key(origin: u32, epoch: u64) -> ConnectionKey {
    keys(origin, epoch).connection
}

fn session_key(epoch: u64) -> SessionKey {
    keys(1, epoch).session
}

fn keys(origin: u32, epoch: u64) -> Keys {
    let id = NonZeroU32::new(origin).expect("not zero");
    let description = Description {
        epoch: Epoch(epoch),
        ..Description::bare(
            OriginId::from_number(id),
            TrustId::from_number(NonZeroU32::MIN),
        )
    };
    description.keys()
}

/// A pool of two shards, one connection for each key.
fn pool() -> Arc<Connections> {
    let limits = Limits {
        open: 2,
        open_per_key: 1,
        idle: 2,
        idle_per_key: 1,
        waiters: 4,
        ..Limits::default()
    };
    Arc::new(SharedPool::new(limits, 2))
}

fn open(pool: &Connections, key: &ConnectionKey, connection: u32) -> Lease<u32> {
    let Ok(Reserved::Connect(leave)) = pool.reserve(key, 0, Want::Race, NOW) else {
        panic!("room for {connection}");
    };
    pool.insert(leave, connection, Sharing::Exclusive, NOW)
        .expect("not cleared")
}

fn drained(pool: &Connections) -> Vec<u32> {
    core::iter::from_fn(|| pool.next_removed()).collect()
}

fn spawn<R: 'static>(
    pool: &Arc<Connections>,
    body: impl FnOnce(&Connections) -> R + 'static,
) -> JoinHandle<R> {
    let pool = Arc::clone(pool);
    thread::spawn(move || body(&pool))
}

/// Two keys that live in different shards.
fn apart() -> [ConnectionKey; 2] {
    let shard = |key: &ConnectionKey| key.hash() >> 63;
    let first = key(1, 0);
    let other = (2..).map(|origin| key(origin, 0));
    let second = other.into_iter().find(|key| shard(key) != shard(&first));
    [first, second.expect("half of all keys are there")]
}

#[test]
fn an_exclusive_connection_has_one_rider() {
    model(|| {
        let (pool, key) = (pool(), key(1, 0));
        pool.checkin(open(&pool, &key, 7), NOW);
        let other = spawn(&pool, move |pool| pool.checkout(&key, NOW));
        let mine = pool.checkout(&key, NOW);
        let theirs = other.join().expect("it ends");
        assert!(mine.is_some() != theirs.is_some());
    });
}

#[test]
fn a_waiter_is_served_once_whoever_comes_first() {
    model(|| {
        let (pool, key) = (pool(), key(1, 0));
        let lease = open(&pool, &key, 7);
        let served = Arc::new(Mutex::new(Vec::new()));
        // Whoever changed something drains.
        let drain = |pool: &Connections, served: &Mutex<Vec<u32>>| {
            while let Some(ready) = pool.next_ready(NOW) {
                let Grant::Ride(lease) = ready.grant else {
                    panic!("a connection is there");
                };
                served.lock().expect("not poisoned").push(ready.waiter);
                pool.checkin(lease, NOW);
            }
        };
        let heard = Arc::clone(&served);
        let other = spawn(&pool, move |pool| {
            if let Some(lease) = pool.checkout(&key, NOW) {
                pool.checkin(lease, NOW);
                return false;
            }
            // The connection may have come back meanwhile: then the waiter is ready at once.
            assert!(matches!(
                pool.reserve(&key, 1, Want::Join, NOW),
                Ok(Reserved::Wait(_))
            ));
            drain(pool, &heard);
            true
        });
        pool.checkin(lease, NOW);
        drain(&pool, &served);
        let waited = other.join().expect("it ends");
        let served = served.lock().expect("not poisoned").clone();
        assert_eq!(served, if waited { vec![1] } else { vec![] });
        assert_eq!(pool.waiting(), 0);
    });
}

#[test]
fn nothing_of_an_epoch_that_is_over_is_given_out() {
    model(|| {
        let (pool, old) = (pool(), key(1, 0));
        pool.checkin(open(&pool, &old, 7), NOW);
        let other = spawn(&pool, move |pool| {
            if let Some(lease) = pool.checkout(&old, NOW) {
                pool.checkin(lease, NOW);
            }
        });
        pool.retire(Epoch(1));
        assert!(pool.checkout(&old, NOW).is_none(), "retire has returned");
        other.join().expect("it ends");
        assert!(pool.checkout(&old, NOW).is_none());
        assert_eq!((pool.len(), drained(&pool)), (0, vec![7]));
    });
}

#[test]
fn what_is_opened_while_its_epoch_ends_serves_its_rider_only() {
    model(|| {
        let (pool, old) = (pool(), key(1, 0));
        let other = spawn(&pool, move |pool| {
            let lease = open(pool, &old, 7);
            pool.checkin(lease, NOW);
        });
        pool.retire(Epoch(1));
        assert!(pool.checkout(&old, NOW).is_none());
        other.join().expect("it ends");
        assert_eq!((pool.len(), drained(&pool)), (0, vec![7]));
    });
}

#[test]
fn a_connection_that_is_dropped_is_named_once() {
    model(|| {
        let pool = pool();
        let [first, second] = apart();
        let leases = [open(&pool, &first, 1), open(&pool, &second, 2)];
        for lease in &leases {
            pool.drain(lease.handle());
        }
        let [mine, theirs] = leases;
        let other = spawn(&pool, move |pool| {
            pool.checkin(theirs, NOW);
            drained(pool)
        });
        pool.checkin(mine, NOW);
        let mut all = drained(&pool);
        all.extend(other.join().expect("it ends"));
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    });
}

#[test]
fn news_is_not_lost_to_a_neighbour() {
    model(|| {
        let limits = Limits {
            open_per_key: 2,
            ..Limits::default()
        };
        let (pool, key) = (Arc::new(SharedPool::new(limits, 1)), key(1, 0));
        let [failing, healthy] = [1, 2].map(|connection| open(&pool, &key, connection));
        pool.drain(failing.handle());
        // In the same shard, but without news.
        let other = spawn(&pool, move |pool| pool.checkin(healthy, NOW));
        pool.checkin(failing, NOW);
        assert_eq!(drained(&pool), [1]);
        other.join().expect("it ends");
    });
}

#[test]
fn shards_keep_to_their_sum() {
    model(|| {
        let pool = pool();
        let [first, second] = apart();
        let other = spawn(&pool, move |pool| {
            let _riding = open(pool, &second, 2);
            pool.len()
        });
        let _riding = open(&pool, &first, 1);
        assert!(pool.len() <= 2 && other.join().expect("it ends") <= 2);
        assert_eq!(pool.len(), 2);
        for key in [first, second] {
            assert!(matches!(
                pool.reserve(&key, 3, Want::Race, NOW),
                Ok(Reserved::Wait(_))
            ));
        }
    });
}

/// A cache of one shard with two tickets of one key in it, and what another thread does to it.
fn tickets(
    theirs: impl Fn(&SharedSessionCache<u32>, &SessionKey) -> Vec<u32> + Send + Sync + Clone + 'static,
    mine: impl Fn(&SharedSessionCache<u32>, &SessionKey) -> Vec<u32> + Send + Sync + 'static,
) {
    model(move || {
        let session_key = session_key(0);
        let sessions = Arc::new(SharedSessionCache::new(SessionLimits::default(), 1));
        for ticket in [1, 2] {
            sessions.insert(&session_key, ticket, TICKET, NOW);
        }
        let (shared, theirs) = (Arc::clone(&sessions), theirs.clone());
        let other = thread::spawn(move || theirs(&shared, &session_key));
        let mut all = mine(&sessions, &session_key);
        all.extend(other.join().expect("it ends"));
        all.extend(core::iter::from_fn(|| sessions.next_removed()));
        all.sort_unstable();
        assert_eq!((all, sessions.len()), (vec![1, 2], 0));
    });
}

const TICKET: SessionFacts = SessionFacts {
    single_use: true,
    obtained: NOW,
    lifetime: Duration::MAX,
    authenticated_until: Duration::MAX,
};

#[test]
fn a_ticket_is_offered_by_one_thread() {
    let take = |sessions: &SharedSessionCache<u32>, key: &SessionKey| {
        sessions.take(key, NOW).into_iter().collect()
    };
    tickets(take, take);
}

#[test]
fn a_ticket_is_offered_or_freed_and_never_after_its_epoch() {
    tickets(
        |sessions, key| {
            let taken = sessions.take(key, NOW);
            taken.into_iter().chain(sessions.next_removed()).collect()
        },
        |sessions, key| {
            sessions.retire(Epoch(1));
            assert_eq!(sessions.take(key, NOW), None, "retire has returned");
            Vec::new()
        },
    );
}

#[test]
fn an_id_stands_for_one_value_in_all_threads() {
    model(|| {
        let hasher = foldhash::fast::FixedState::default();
        let interner = Arc::new(SharedInterner::with_hasher(2, 2, hasher.clone()));
        // Room for one value a shard: those in one push each other out.
        let shard = |value: &u32| hasher.hash_one(value) >> 63;
        let of = |number| (0..).filter(move |value| shard(value) == number);
        let [a, b] = [0, 1].map(|n| of(n).next().expect("half of all"));
        let c = of(0).nth(1).expect("half of all");
        let ask = |interner: &SharedInterner<OriginId, u32, _>, values: [u32; 2]| {
            values.map(|value| (interner.intern(&value).expect("ids left"), value))
        };
        let theirs = Arc::clone(&interner);
        let other = thread::spawn(move || ask(&theirs, [a, b]));
        let mine = ask(&interner, [b, c]);
        let theirs = other.join().expect("it ends");
        let mut meanings = HashMap::new();
        for (id, value) in mine.into_iter().chain(theirs) {
            assert_eq!(*meanings.entry(id).or_insert(value), value);
            let seen = interner.see(id, |&value| value);
            assert!(seen.is_none_or(|seen| seen == value));
        }
        assert_eq!(interner.len(), 2);
    });
}

#[test]
fn threads_agree_on_an_id() {
    model(|| {
        let interner = Arc::new(SharedInterner::with_hasher(
            8,
            2,
            foldhash::fast::FixedState::default(),
        ));
        let theirs = Arc::clone(&interner);
        let other = thread::spawn(move || theirs.intern(&7_u32));
        let mine: Result<OriginId, _> = interner.intern(&7_u32);
        assert_eq!(other.join().expect("it ends"), mine);
        assert_eq!(interner.len(), 1);
    });
}
