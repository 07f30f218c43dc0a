//! What the pool and the session cache promise, one promise a test.

use core::time::Duration;

use bareflight_pool_key::{
    ConnectionKey, Epoch, Grant, Lease, Limits, LineFull, Pool, Ready, Reservation, Reserved,
    SessionCache, SessionFacts, SessionLimits, Sharing, TLS12_LIFETIME, TLS13_LIFETIME, Ticket,
    Want,
};

use crate::common::description;

const NOW: Duration = Duration::ZERO;
const SHARED: Sharing = Sharing::Shared { streams: 2 };

fn key(index: u8) -> ConnectionKey {
    description(index, 0).keys().connection
}

fn pool(open: u32) -> Pool<u32, char> {
    Pool::new(Limits {
        open,
        ..Limits::default()
    })
}

fn connect(pool: &mut Pool<u32, char>, index: u8) -> Reservation {
    match pool.reserve(&key(index), '-', Want::Race, NOW) {
        Ok(Reserved::Connect(reservation)) => reservation,
        other => panic!("{other:?}"),
    }
}

fn wait(pool: &mut Pool<u32, char>, index: u8, waiter: char, want: Want) -> Ticket {
    match pool.reserve(&key(index), waiter, want, NOW) {
        Ok(Reserved::Wait(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

fn open(pool: &mut Pool<u32, char>, index: u8, name: u32, sharing: Sharing) -> Lease<u32> {
    let reservation = connect(pool, index);
    pool.insert(reservation, name, sharing, NOW)
        .expect("not stale")
}

/// Who is ready now, with the connection that it rides or none if it may open one. What it gets is left with it.
fn ready(pool: &mut Pool<u32, char>) -> Vec<(char, Option<u32>)> {
    core::iter::from_fn(|| {
        let Ready { waiter, grant } = pool.next_ready(NOW)?;
        Some((
            waiter,
            match grant {
                Grant::Ride(lease) => Some(lease.connection()),
                Grant::Connect(_) | Grant::Rekey => None,
            },
        ))
    })
    .collect()
}

#[test]
fn the_connection_used_last_is_used_next() {
    let mut pool = pool(9);
    let leases = [1, 2, 3].map(|name| open(&mut pool, 0, name, Sharing::Exclusive));
    leases
        .into_iter()
        .for_each(|lease| pool.checkin(lease, NOW));
    assert_eq!(
        pool.checkout(&key(0), NOW).map(|lease| lease.connection()),
        Some(3)
    );
    assert_eq!(
        pool.checkout(&key(0), NOW).map(|lease| lease.connection()),
        Some(2)
    );
}

#[test]
fn six_connections_a_key_then_the_line() {
    let mut pool = pool(99);
    for name in 0..6 {
        let _held = open(&mut pool, 0, name, Sharing::Exclusive);
    }
    wait(&mut pool, 0, 'a', Want::Race);
    let _held = open(&mut pool, 1, 7, Sharing::Exclusive);
    assert_eq!(ready(&mut pool), []);
}

#[test]
fn waiters_of_a_key_are_served_in_order_and_may_leave() {
    let mut pool = pool(9);
    let leases = [1, 2, 3, 4, 5, 6].map(|name| open(&mut pool, 0, name, Sharing::Exclusive));
    wait(&mut pool, 0, 'a', Want::Race);
    let b = wait(&mut pool, 0, 'b', Want::Race);
    wait(&mut pool, 0, 'c', Want::Race);
    assert!(pool.cancel(b));
    assert!(!pool.cancel(b));
    leases
        .into_iter()
        .take(2)
        .for_each(|lease| pool.checkin(lease, NOW));
    assert!(
        pool.checkout(&key(0), NOW).is_none(),
        "those in line come first"
    );
    assert_eq!(ready(&mut pool), [('a', Some(2)), ('c', Some(1))]);
}

/// The waiters of one key do not pass its connection on among themselves while another key has waited for longer.
#[test]
fn the_limit_of_all_connections_is_shared_in_order_of_arrival() {
    let mut pool = pool(1);
    let lease = open(&mut pool, 0, 1, Sharing::Exclusive);
    wait(&mut pool, 0, 'a', Want::Race);
    wait(&mut pool, 1, 'b', Want::Race);
    wait(&mut pool, 0, 'c', Want::Race);
    pool.checkin(lease, NOW);
    let Some(Ready {
        waiter: 'a',
        grant: Grant::Ride(lease),
    }) = pool.next_ready(NOW)
    else {
        panic!("a rides")
    };
    assert!(pool.next_ready(NOW).is_none());
    pool.checkin(lease, NOW);
    assert!(pool.checkout(&key(0), NOW).is_none(), "b came before");
    let Some(Ready {
        waiter: 'b',
        grant: Grant::Connect(attempt),
    }) = pool.next_ready(NOW)
    else {
        panic!("b")
    };
    assert_eq!(pool.next_removed(), Some(1), "made way");
    assert!(pool.next_ready(NOW).is_none());
    pool.fail(attempt);
    assert_eq!(ready(&mut pool), [('c', None)]);
}

#[test]
fn those_who_join_wait_for_the_attempt_and_ride_what_is_shared() {
    let mut pool = pool(9);
    let attempt = connect(&mut pool, 0);
    for waiter in ['a', 'b', 'c'] {
        wait(&mut pool, 0, waiter, Want::Join);
    }
    assert_eq!(ready(&mut pool), []);
    let lease = pool.insert(attempt, 1, SHARED, NOW).expect("not stale");
    assert_eq!(
        ready(&mut pool),
        [('a', Some(1))],
        "two streams, one of them taken"
    );
    pool.set_streams(lease.handle(), 3);
    assert_eq!(ready(&mut pool), [('b', Some(1))]);
    pool.drain(lease.handle());
    assert_eq!(
        ready(&mut pool),
        [('c', None)],
        "one that is going away keeps nobody from opening another"
    );
}

#[test]
fn those_who_join_open_their_own_once_the_key_turns_out_exclusive() {
    let mut pool = pool(9);
    let attempt = connect(&mut pool, 0);
    for waiter in ['a', 'b'] {
        wait(&mut pool, 0, waiter, Want::Join);
    }
    let _held = pool.insert(attempt, 1, Sharing::Exclusive, NOW);
    assert_eq!(ready(&mut pool), [('a', None), ('b', None)]);
}

#[test]
fn those_who_join_are_served_when_the_attempt_fails() {
    let mut pool = pool(9);
    let attempt = connect(&mut pool, 0);
    wait(&mut pool, 0, 'a', Want::Join);
    pool.fail(attempt);
    assert_eq!(ready(&mut pool), [('a', None)]);
}

/// Fetch's obtain a connection with new = "yes".
#[test]
fn a_fresh_connection_is_opened_beside_what_is_there() {
    let mut pool = pool(9);
    let lease = open(&mut pool, 0, 1, SHARED);
    assert!(matches!(
        pool.reserve(&key(0), 'a', Want::Fresh, NOW),
        Ok(Reserved::Connect(_))
    ));
    assert!(matches!(
        pool.reserve(&key(0), 'b', Want::Race, NOW),
        Ok(Reserved::Wait(_))
    ));
    pool.checkin(lease, NOW);
}

#[test]
fn a_full_line_says_so_and_leaves_nothing_behind() {
    let mut pool: Pool<u32, char> = Pool::new(Limits {
        open: 0,
        waiters: 1,
        ..Limits::default()
    });
    wait(&mut pool, 0, 'a', Want::Race);
    let error = pool
        .reserve(&key(1), 'b', Want::Race, NOW)
        .expect_err("the line is full");
    assert_eq!(error, LineFull { waiting: 1 });
    assert_eq!(
        error.to_string(),
        "1 requests already wait for a connection: fail this one, or raise `Limits::waiters`"
    );
}

#[test]
fn an_epoch_that_ends_takes_its_connections_attempts_and_waiters_along() {
    let mut pool = Pool::new(Limits {
        open_per_key: 3,
        ..Limits::default()
    });
    let [idle, used] = [1, 2].map(|name| open(&mut pool, 0, name, Sharing::Exclusive));
    let attempt = connect(&mut pool, 0);
    wait(&mut pool, 0, 'a', Want::Race);
    pool.checkin(idle, NOW);
    pool.retire(Epoch(1));
    assert_eq!(pool.next_removed(), Some(1));
    assert!(pool.checkout(&key(0), NOW).is_none());
    assert!(matches!(
        pool.next_ready(NOW),
        Some(Ready {
            waiter: 'a',
            grant: Grant::Rekey
        })
    ));
    pool.checkin(used, NOW);
    assert_eq!(pool.next_removed(), Some(2));
    let late = pool.insert(attempt, 3, SHARED, NOW).expect("not stale");
    assert!(
        pool.checkout(&key(0), NOW).is_none(),
        "for its first rider only"
    );
    pool.checkin(late, NOW);
    assert_eq!(pool.next_removed(), Some(3));
    assert!(pool.is_empty());
}

/// Who began before the epoch ended may still finish: on a connection of its own, as the shared one takes nobody.
#[test]
fn a_key_of_a_past_epoch_may_connect_beside_a_retired_connection() {
    let mut pool = pool(9);
    let _held = open(&mut pool, 0, 1, Sharing::Shared { streams: 1 });
    pool.retire(Epoch(1));
    assert!(matches!(
        pool.reserve(&key(0), 'a', Want::Join, NOW),
        Ok(Reserved::Connect(_))
    ));
}

#[test]
fn an_old_epoch_cannot_be_revived() {
    let mut pool = pool(9);
    pool.retire(Epoch(1));
    pool.retire(Epoch(0));
    let lease = open(&mut pool, 0, 1, Sharing::Exclusive);
    pool.checkin(lease, NOW);
    assert_eq!(pool.next_removed(), Some(1));
}

/// Whatever order the keys came in.
#[test]
fn only_epochs_before_the_one_named_end() {
    let epochs = [2, 0, 3, 1, 2, 0];
    let mut pool: Pool<u64, char> = Pool::new(Limits::default());
    let mut cache: SessionCache<u64> = SessionCache::new(SessionLimits::default());
    for (index, epoch) in (0..).zip(epochs) {
        let keys = description(index, epoch).keys();
        cache.insert(&keys.session, epoch, facts(true), NOW);
        match pool.reserve(&keys.connection, '-', Want::Race, NOW) {
            Ok(Reserved::Connect(reservation)) => {
                let lease = pool
                    .insert(reservation, epoch, SHARED, NOW)
                    .expect("not stale");
                pool.checkin(lease, NOW);
            }
            other => panic!("{other:?}"),
        }
    }
    pool.retire(Epoch(2));
    cache.retire(Epoch(2));
    let mut removed: Vec<u64> = core::iter::from_fn(|| pool.next_removed()).collect();
    removed.sort_unstable();
    assert_eq!(removed, [0, 0, 1]);
    let mut removed: Vec<u64> = core::iter::from_fn(|| cache.next_removed()).collect();
    removed.sort_unstable();
    assert_eq!(removed, [0, 0, 1]);
}

#[test]
fn a_handle_outlives_its_connection_and_names_nothing() {
    let mut pool = pool(9);
    let lease = open(&mut pool, 0, 1, Sharing::Exclusive);
    let handle = lease.handle();
    assert_eq!(pool.remove(handle), Some(1));
    let successor = open(&mut pool, 1, 2, Sharing::Exclusive);
    pool.checkin(lease, NOW);
    pool.drain(handle);
    pool.set_streams(handle, 9);
    assert_eq!(pool.remove(handle), None);
    assert_eq!((pool.len(), pool.idle()), (1, 0));
    pool.checkin(successor, NOW);
    assert_eq!((pool.len(), pool.idle()), (1, 1));
}

#[test]
fn idle_connections_go_in_time_and_time_does_not_run_back() {
    let seconds = Duration::from_secs;
    let mut pool: Pool<u32, char> = Pool::new(Limits {
        idle_timeout: seconds(10),
        ..Limits::default()
    });
    let lease = open(&mut pool, 0, 1, Sharing::Exclusive);
    assert_eq!(pool.next_timeout(), None);
    pool.checkin(lease, seconds(5));
    assert_eq!(pool.next_timeout(), Some(seconds(15)));
    pool.expire(seconds(15) - Duration::from_nanos(1));
    assert_eq!(pool.next_removed(), None);
    pool.expire(seconds(15));
    assert_eq!(pool.next_removed(), Some(1));
    let lease = open(&mut pool, 0, 2, Sharing::Exclusive);
    pool.checkin(lease, seconds(1));
    assert_eq!(pool.next_timeout(), Some(seconds(25)));
    pool.expire(Duration::MAX);
    assert_eq!(pool.next_removed(), Some(2));
}

fn facts(single_use: bool) -> SessionFacts {
    SessionFacts {
        single_use,
        obtained: NOW,
        lifetime: Duration::MAX,
        authenticated_until: Duration::MAX,
    }
}

#[test]
fn a_session_lives_no_longer_than_its_protocol_allows_nor_than_the_authentication() {
    let hour = Duration::from_secs(3600);
    let table = [
        (facts(true), TLS13_LIFETIME),
        (facts(false), TLS12_LIFETIME),
        (
            SessionFacts {
                obtained: hour,
                ..facts(true)
            },
            TLS13_LIFETIME + hour,
        ),
        (
            SessionFacts {
                lifetime: hour,
                ..facts(true)
            },
            hour,
        ),
        (
            SessionFacts {
                obtained: hour,
                authenticated_until: 2 * hour,
                ..facts(true)
            },
            2 * hour,
        ),
        (
            SessionFacts {
                obtained: Duration::MAX,
                ..facts(true)
            },
            Duration::MAX,
        ),
    ];
    for (facts, expiry) in table {
        assert_eq!(facts.expiry(), expiry, "{facts:?}");
    }
    let mut cache: SessionCache<u32> = SessionCache::new(SessionLimits::default());
    let key = description(0, 0).keys().session;
    cache.insert(
        &key,
        1,
        SessionFacts {
            lifetime: hour,
            ..facts(false)
        },
        NOW,
    );
    assert_eq!(cache.take(&key, hour - Duration::from_nanos(1)), Some(1));
    assert_eq!(cache.take(&key, hour), None);
    assert_eq!(cache.next_removed(), Some(1));
}

#[test]
fn a_ticket_is_taken_once_and_an_older_session_many_times() {
    let mut cache: SessionCache<u32> = SessionCache::new(SessionLimits::default());
    let key = description(0, 0).keys().session;
    cache.insert(&key, 1, facts(false), NOW);
    cache.insert(&key, 2, facts(true), NOW);
    let taken = [(); 3].map(|()| cache.take(&key, NOW));
    assert_eq!(taken, [Some(2), Some(1), Some(1)]);
    assert_eq!(cache.next_removed(), None, "what was taken is the owner's");
}

#[test]
fn a_session_of_a_past_epoch_is_not_stored() {
    let mut cache: SessionCache<u32> = SessionCache::new(SessionLimits::default());
    cache.retire(Epoch(1));
    cache.insert(&description(0, 0).keys().session, 1, facts(true), NOW);
    assert!(cache.is_empty());
    assert_eq!(cache.next_removed(), Some(1));
}
