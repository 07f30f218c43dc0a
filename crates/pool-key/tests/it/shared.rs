//! Is a pool, and a table of ids, that threads share what the single-threaded one is?

use core::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    time::Duration,
};
use std::{collections::HashMap, sync::Mutex, thread};

use bareflight_pool_key::{
    ConnectionKey, Description, Epoch, Grant, Handle, Lease, Limits, OriginId, Reservation,
    Reserved, SharedInterner, SharedPool, Sharing, Want,
};
use proptest::{collection::vec, prelude::*};

use crate::{
    common::{
        description, id,
        pool::{Pair, op},
    },
    pool::limits,
};

const NOW: Duration = Duration::ZERO;
const SHARDS: u16 = 8;

proptest! {
    /// One shard has all keys and all limits: it is as a list, like the pool in it.
    #[test]
    fn one_shard_is_as_a_list(limits in limits(), operations in vec(op(), 0..200)) {
        let mut pair = Pair::of(limits, SharedPool::new(limits, 1));
        operations.into_iter().for_each(|op| pair.apply(op));
    }
}

/// A key for each of so many origins.
fn keys(count: u32) -> Vec<ConnectionKey> {
    (1..=count)
        .map(|n| Description::bare(id(n), id(1)).keys().connection)
        .collect()
}

fn open(pool: &SharedPool<u32, u32>, key: &ConnectionKey, connection: u32) -> Lease<u32> {
    pool.insert(leave(pool, key), connection, Sharing::Exclusive, NOW)
        .expect("not cleared")
}

fn leave(pool: &SharedPool<u32, u32>, key: &ConnectionKey) -> Reservation {
    let Ok(Reserved::Connect(leave)) = pool.reserve(key, 0, Want::Race, NOW) else {
        panic!("room");
    };
    leave
}

/// Every shard's handles lead back to it, and mean nothing elsewhere.
#[test]
fn handles_lead_to_their_shard() {
    let limits = Limits {
        open: 800,
        idle: 800,
        open_per_key: 1,
        ..Limits::default()
    };
    let pool = SharedPool::new(limits, SHARDS);
    let keys = keys(64);
    let mut handles: Vec<Handle> = Vec::new();
    for (n, key) in (0..).zip(&keys) {
        let lease = open(&pool, key, n);
        handles.push(lease.handle());
        pool.checkin(lease, NOW);
    }
    assert_eq!((pool.len(), pool.idle()), (64, 64));
    let mut of_shard = vec![0; usize::from(pool.shards())];
    keys.iter()
        .for_each(|key| of_shard[usize::from(pool.shard(key))] += 1);
    assert!(
        of_shard.len() == 8 && of_shard.iter().all(|count| (1..20).contains(count)),
        "{of_shard:?}"
    );
    for (n, (key, &handle)) in (0..).zip(keys.iter().zip(&handles)) {
        let lease = pool.checkout(key, NOW).expect("idle");
        assert_eq!((lease.connection(), lease.handle()), (n, handle));
        let Ok(Reserved::Wait(ticket)) = pool.reserve(key, 1000 + n, Want::Join, NOW) else {
            panic!("one for each key");
        };
        assert_eq!(pool.waiting(), 1);
        if n % 2 == 0 {
            assert!(pool.cancel(ticket) && !pool.cancel(ticket));
            pool.checkin(lease, NOW);
            assert_eq!(pool.remove(handle), Some(n));
        } else {
            pool.drain(handle);
            pool.checkin(lease, NOW);
            assert_eq!(pool.next_removed(), Some(n));
            let ready = pool.next_ready(NOW).expect("there is room");
            assert_eq!(ready.waiter, 1000 + n);
            let Grant::Connect(leave) = ready.grant else {
                panic!("nothing to ride");
            };
            pool.fail(leave);
        }
        assert_eq!(pool.remove(handle), None);
    }
    assert!(pool.is_empty());
    assert_eq!((pool.next_removed(), pool.next_ready(NOW)), (None, None));
}

#[test]
fn a_handle_of_a_larger_pool_does_no_harm() {
    let [large, small] =
        [SHARDS, 1].map(|shards| SharedPool::<u32, u32>::new(Limits::default(), shards));
    for (n, key) in (0..).zip(keys(20)) {
        let lease = open(&large, &key, n);
        assert_eq!(small.remove(lease.handle()), None);
        small.checkin(lease, NOW);
    }
    assert_eq!(small.len(), 0);
}

#[test]
fn what_goes_over_everything_goes_over_every_shard() {
    let limits = Limits {
        open: 800,
        idle: 800,
        idle_timeout: Duration::from_secs(10),
        ..Limits::default()
    };
    let pool = SharedPool::new(limits, SHARDS);
    let fill = || {
        for (n, key) in (0..).zip(keys(64)) {
            pool.checkin(open(&pool, &key, n), NOW);
        }
        assert_eq!(pool.idle(), 64);
    };
    let removed = || core::iter::from_fn(|| pool.next_removed()).count();
    fill();
    assert_eq!(pool.next_timeout(), Some(Duration::from_secs(10)));
    let one = pool.checkout_where(|_, &connection| connection == 41, NOW);
    let one = one.expect("somewhere");
    assert_eq!(one.connection(), 41);
    pool.checkin(one, NOW);
    pool.retire_where(|_, connection| connection.is_some_and(|connection| connection % 2 == 0));
    assert_eq!((pool.len(), removed()), (32, 32));
    pool.expire(Duration::from_secs(10));
    assert_eq!((pool.len(), removed()), (0, 32));
    pool.clear();
    fill();
    pool.retire(Epoch(1));
    assert_eq!((pool.len(), removed()), (0, 64));
    pool.clear();
    fill();
    pool.clear();
    assert_eq!((pool.len(), removed(), pool.next_timeout()), (0, 0, None));
}

#[test]
fn they_say_how_full_they_are() {
    let pool = SharedPool::<u32, u32>::new(Limits::default(), SHARDS);
    let _riding = open(&pool, &keys(1)[0], 7);
    let shown = format!("{pool:?}");
    assert!(
        shown.contains("shards: 8") && shown.contains("connections: 1"),
        "{shown}"
    );
    let interner: SharedInterner<OriginId, u32> = SharedInterner::new(100, SHARDS);
    interner.intern(&1).expect("ids left");
    let shown = format!("{interner:?}");
    assert!(
        shown.contains("shards: 8") && shown.contains("len: 1"),
        "{shown}"
    );
}

#[test]
fn limits_hold_in_sum() {
    let limits = Limits {
        open: 64,
        ..Limits::default()
    };
    let pool = SharedPool::new(limits, SHARDS);
    let mut waiting = 0;
    for (n, key) in (0..).zip(keys(1000)) {
        match pool.reserve(&key, n, Want::Race, NOW) {
            Ok(Reserved::Connect(leave)) => {
                let _riding = pool.insert(leave, n, Sharing::Exclusive, NOW);
            }
            Ok(Reserved::Wait(_)) => waiting += 1,
            Err(full) => panic!("{full}"),
        }
    }
    assert_eq!((pool.len(), pool.waiting()), (64, waiting));
}

#[test]
fn values_keep_their_id_whatever_their_shard() {
    let interner: SharedInterner<OriginId, u32> = SharedInterner::new(4000, SHARDS);
    let ids: HashMap<OriginId, u32> = (0..1000)
        .map(|value| (interner.intern(&value).expect("ids left"), value))
        .collect();
    assert_eq!((ids.len(), interner.len()), (1000, 1000));
    for (&id, &value) in &ids {
        assert_eq!(interner.intern(&value), Ok(id));
        assert_eq!(interner.find(&value), Some(id));
        assert_eq!(interner.see(id, |&value| value), Some(value));
    }
    interner.retain(|_, &value| value < 100);
    assert_eq!((interner.len(), interner.is_empty()), (100, false));
    interner.retain(|_, _| false);
    assert!(interner.is_empty());
    let few: SharedInterner<OriginId, u32> = SharedInterner::new(3, SHARDS);
    for value in 0..100 {
        few.intern(&value).expect("ids left");
    }
    assert_eq!(few.len(), 3);
}

/// What the threads of the stress test do, and hold the pool to.
struct World {
    pool: SharedPool<u32, u32>,
    /// The epoch now.
    epoch: AtomicU64,
    /// Epochs before this one are over, `retire` having returned.
    retired: AtomicU64,
    connections: Mutex<Vec<&'static Connection>>,
    joined: AtomicU32,
    left: AtomicU32,
}

/// A connection as its owner sees it.
struct Connection {
    key: ConnectionKey,
    riders: AtomicU32,
    closed: AtomicBool,
}

impl World {
    fn key(&self, index: u8) -> ConnectionKey {
        let epoch = self.epoch.load(Ordering::SeqCst);
        description(index, epoch).keys().connection
    }

    fn connect(&self, leave: Reservation, key: Option<ConnectionKey>, random: &mut fastrand::Rng) {
        // A waiter's leave does not say for which key; it is not held to one.
        if key.is_none() || random.u8(..8) == 0 {
            return self.pool.fail(leave);
        }
        let key = key.expect("just looked at");
        let number = {
            let mut connections = self.connections.lock().expect("not poisoned");
            connections.push(Box::leak(Box::new(Connection {
                key,
                riders: AtomicU32::new(0),
                closed: AtomicBool::new(false),
            })));
            connections.len() as u32 - 1
        };
        let lease = self.pool.insert(leave, number, Sharing::Exclusive, NOW);
        self.ride(lease.expect("never cleared"), Some(key), random);
    }

    fn ride(&self, lease: Lease<u32>, key: Option<ConnectionKey>, random: &mut fastrand::Rng) {
        let connection =
            self.connections.lock().expect("not poisoned")[lease.connection() as usize];
        assert!(key.is_none_or(|key| key == connection.key), "another key");
        assert_eq!(
            connection.riders.fetch_add(1, Ordering::SeqCst),
            0,
            "two riders"
        );
        assert!(!connection.closed.load(Ordering::SeqCst), "closed");
        if random.u8(..4) == 0 {
            thread::yield_now();
        }
        connection.riders.fetch_sub(1, Ordering::SeqCst);
        match random.u8(..16) {
            0 => {
                let handle = lease.handle();
                if self.pool.remove(handle).is_some() {
                    close(connection);
                }
            }
            1 => {
                self.pool.drain(lease.handle());
                self.pool.checkin(lease, NOW);
            }
            _ => self.pool.checkin(lease, NOW),
        }
    }

    fn request(&self, random: &mut fastrand::Rng) {
        let key = self.key(random.u8(..6));
        let retired = self.retired.load(Ordering::SeqCst);
        if let Some(lease) = self.pool.checkout(&key, NOW) {
            assert!(key.epoch().0 >= retired, "an epoch that is over");
            return self.ride(lease, Some(key), random);
        }
        match self.pool.reserve(&key, 0, Want::Join, NOW) {
            Ok(Reserved::Connect(leave)) => self.connect(leave, Some(key), random),
            Ok(Reserved::Wait(ticket)) => {
                self.joined.fetch_add(1, Ordering::SeqCst);
                if random.u8(..4) == 0 && self.pool.cancel(ticket) {
                    self.left.fetch_add(1, Ordering::SeqCst);
                }
            }
            Err(_) => {}
        }
    }

    fn drain(&self, random: &mut fastrand::Rng) {
        while let Some(removed) = self.pool.next_removed() {
            close(self.connections.lock().expect("not poisoned")[removed as usize]);
        }
        while let Some(ready) = self.pool.next_ready(NOW) {
            self.left.fetch_add(1, Ordering::SeqCst);
            match ready.grant {
                Grant::Ride(lease) => self.ride(lease, None, random),
                Grant::Connect(leave) => self.connect(leave, None, random),
                Grant::Rekey => {}
            }
        }
    }

    fn end_epoch(&self) {
        let next = self.epoch.fetch_add(1, Ordering::SeqCst) + 1;
        self.pool.retire(Epoch(next));
        self.retired.fetch_max(next, Ordering::SeqCst);
    }
}

fn close(connection: &Connection) {
    assert!(
        !connection.closed.swap(true, Ordering::SeqCst),
        "closed twice"
    );
    assert_eq!(
        connection.riders.load(Ordering::SeqCst),
        0,
        "somebody rides it"
    );
}

/// Four threads at everything at once: one rider at a time, only under its own key, never on what is closed or over;
/// each connection closed once, each waiter served once, nothing left behind.
#[test]
fn threads_cannot_break_the_rules() {
    let limits = Limits {
        open: 12,
        open_per_key: 2,
        idle: 8,
        idle_per_key: 2,
        waiters: 64,
        ..Limits::default()
    };
    let world = World {
        pool: SharedPool::new(limits, 4),
        epoch: AtomicU64::new(0),
        retired: AtomicU64::new(0),
        connections: Mutex::new(Vec::new()),
        joined: AtomicU32::new(0),
        left: AtomicU32::new(0),
    };
    thread::scope(|scope| {
        for seed in 0..4 {
            let world = &world;
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..20_000 {
                    world.request(&mut random);
                    world.drain(&mut random);
                    if random.u16(..500) == 0 {
                        world.end_epoch();
                    }
                    assert!(world.pool.len() <= limits.open, "open");
                }
            });
        }
    });
    // Everybody drained after each change, so no news is left: what is not closed is still in the pool, and nobody waits
    // who could be served.
    let open = |world: &World| {
        let connections = world.connections.lock().expect("not poisoned");
        let open = connections
            .iter()
            .filter(|c| !c.closed.load(Ordering::SeqCst));
        open.count() as u32
    };
    assert_eq!((open(&world), world.pool.waiting()), (world.pool.len(), 0));
    world.end_epoch();
    world.drain(&mut fastrand::Rng::with_seed(4));
    let connections = world.connections.lock().expect("not poisoned");
    let count = |counter: &AtomicU32| counter.load(Ordering::SeqCst);
    println!(
        "{} connections, {} waiters",
        connections.len(),
        count(&world.joined)
    );
    assert!(connections.iter().all(|c| c.closed.load(Ordering::SeqCst)));
    assert_eq!(count(&world.joined), count(&world.left));
    assert_eq!((world.pool.len(), world.pool.waiting()), (0, 0));
    assert!(connections.len() > 1000 && count(&world.joined) > 1000);
}
