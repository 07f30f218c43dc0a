//! Do the hot paths stay off the heap?

use core::{fmt::Write, num::NonZeroU32, time::Duration};

use allocation_counter::measure;
use bareflight_pool_key::{
    Description, Epoch, Id, Interner, Limits, OriginId, Pool, Reserved, SessionCache, SessionFacts,
    SessionLimits, SharedInterner, Sharing, TrustId, Want,
};

const NOW: Duration = Duration::ZERO;

fn description(origin: OriginId) -> Description {
    Description::bare(origin, TrustId::from_number(NonZeroU32::MIN))
}

fn numbered(n: u32) -> Description {
    description(OriginId::from_number(NonZeroU32::MIN.saturating_add(n)))
}

/// A pool in which each of these keys has an idle connection.
fn filled(count: u32) -> Pool<u64, u64> {
    let limits = Limits {
        open: count,
        idle: count,
        ..Limits::default()
    };
    let mut pool = Pool::new(limits);
    for n in 0..count {
        let key = numbered(n).keys().connection;
        let Ok(Reserved::Connect(reservation)) = pool.reserve(&key, 0, Want::Race, NOW) else {
            panic!("room")
        };
        let lease = pool
            .insert(reservation, u64::from(n), Sharing::Exclusive, NOW)
            .expect("not stale");
        pool.checkin(lease, NOW);
    }
    pool
}

#[test]
fn a_request_on_an_open_connection_allocates_nothing() {
    let mut origins: Interner<OriginId, String> = Interner::new(100);
    let mut pool = filled(50);
    for n in 0..50 {
        origins
            .intern(format!("https://{n}.test").as_str())
            .expect("ids left");
    }
    let counted = measure(|| {
        let origin = origins.intern("https://7.test").expect("ids left");
        let key = description(origin).keys().connection;
        let lease = pool.checkout(&key, NOW).expect("idle");
        assert!(pool.checkout(&key, NOW).is_none());
        pool.checkin(lease, NOW);
        assert!(pool.next_ready(NOW).is_none());
        assert!(pool.next_removed().is_none());
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_resumption_allocates_nothing() {
    let mut sessions: SessionCache<u64> = SessionCache::new(SessionLimits::default());
    let key = numbered(1).keys().session;
    let day = Duration::from_secs(86_400);
    let facts = SessionFacts {
        single_use: true,
        obtained: NOW,
        lifetime: day,
        authenticated_until: day,
    };
    for n in 0..8 {
        sessions.insert(&key, n, facts, NOW);
    }
    let counted = measure(|| {
        assert_eq!(sessions.take(&key, NOW), Some(7));
        sessions.insert(&key, 8, facts, NOW);
        assert_eq!(sessions.take(&key, NOW), Some(8));
    });
    assert_eq!(counted.count_total, 0);
}

/// Every way through the pool, in memory that an earlier round left behind.
#[test]
fn after_clear_a_second_round_allocates_nothing() {
    let mut pool: Pool<u64, u64> = Pool::new(Limits {
        open: 2,
        open_per_key: 1,
        ..Limits::default()
    });
    let mut round = || {
        pool.clear();
        for n in 0..4 {
            let key = numbered(n).keys().connection;
            match pool.reserve(&key, 0, Want::Race, NOW) {
                Ok(Reserved::Connect(reservation)) => {
                    let lease = pool
                        .insert(reservation, 1, Sharing::Shared { streams: 9 }, NOW)
                        .expect("not stale");
                    let _second = pool.checkout(&key, NOW);
                    pool.checkin(lease, NOW);
                }
                Ok(Reserved::Wait(_)) => {}
                Err(full) => panic!("{full}"),
            }
        }
        pool.retire(Epoch(1));
        while pool.next_ready(NOW).is_some() {}
    };
    round();
    assert_eq!(measure(round).count_total, 0);
}

#[test]
fn a_million_idle_connections_take_at_most_160_bytes_each() {
    let count = 1_000_000;
    let mut pool = None;
    let counted = measure(|| pool = Some(filled(count)));
    assert_eq!(pool.map(|pool| pool.idle()), Some(count));
    let each = counted.bytes_current / i64::from(count);
    println!("{each} bytes for each of {count} idle connections");
    assert!(each <= 160, "{each} bytes each");
}

/// A hostile page makes up origins: what is kept of them is bounded, however many they are.
#[test]
fn a_million_one_off_origins_take_no_more_than_the_bound() {
    let capacity = 4096;
    let (mut alone, mut shared) = (None, None);
    let flood = |mut intern: Box<dyn FnMut(&str)>| {
        let mut text = String::new();
        for n in 0..1_000_000_u32 {
            text.clear();
            write!(text, "https://{n}.one-off.test").expect("a string takes it");
            intern(&text);
        }
    };
    let counts = [
        measure(|| {
            let interner: &mut Interner<OriginId, String> = alone.insert(Interner::new(capacity));
            flood(Box::new(|origin| {
                interner.intern(origin).expect("ids left");
            }));
        }),
        measure(|| {
            let interner: &mut SharedInterner<OriginId, String> =
                shared.insert(SharedInterner::new(capacity, 16));
            flood(Box::new(|origin| {
                interner.intern(origin).expect("ids left");
            }));
        }),
    ];
    assert_eq!(alone.map(|interner| interner.len()), Some(capacity));
    assert_eq!(shared.map(|interner| interner.len()), Some(capacity));
    for counted in counts {
        let each = counted.bytes_max / u64::from(capacity);
        println!(
            "{each} bytes for each of {capacity} values that are kept of a million, at the most"
        );
        // The text and its String, and 64 beside them.
        assert!(each <= 32 + 24 + 64 + 8, "{each} bytes each");
    }
}

#[test]
fn an_interned_value_takes_at_most_64_bytes_beside_itself() {
    let count = 100_000_u32;
    let mut interner = None;
    let counted = measure(|| {
        let mut filled: Interner<OriginId, u32> = Interner::new(count);
        for n in 0..3 * count {
            filled.intern(&n).expect("ids left");
        }
        interner = Some(filled);
    });
    assert_eq!(interner.map(|interner| interner.len()), Some(count));
    let each = counted.bytes_max / u64::from(count);
    println!("{each} bytes for each of {count} values of 4 bytes, at the most");
    assert!(each <= 64 + 4, "{each} bytes each");
}
