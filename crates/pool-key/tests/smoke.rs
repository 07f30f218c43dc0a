//! To be replaced.
use bareflight_pool_key::*;
use core::{num::NonZeroU32, time::Duration};
fn desc(o: u32) -> Description {
    let n = |n| NonZeroU32::new(n).unwrap();
    Description {
        origin: OriginId::from_number(n(o)),
        partition: None,
        credentials: true,
        identity: None,
        trust: TrustId::from_number(n(1)),
        server_name: None,
        route: Route::Direct,
        leg: Leg::Origin,
        transport: Transport::Tcp,
        class: ProtocolClass::Http,
        tenant: None,
        epoch: Epoch(0),
    }
}
#[test]
fn life() {
    let t = Duration::ZERO;
    let mut pool: Pool<u32, u32> = Pool::new(Limits {
        open: 2,
        ..Limits::default()
    });
    let a = desc(1).keys().connection;
    assert_eq!(a.description(), desc(1));
    let Ok(Reserved::Connect(r)) = pool.reserve(&a, 1, Want::Race, t) else {
        panic!()
    };
    let Ok(Reserved::Connect(r2)) = pool.reserve(&a, 2, Want::Race, t) else {
        panic!()
    };
    let Ok(Reserved::Wait(_)) = pool.reserve(&a, 3, Want::Race, t) else {
        panic!()
    };
    let l = pool.insert(r, 10, Sharing::Exclusive, t).unwrap();
    pool.fail(r2);
    assert!(matches!(
        pool.next_ready(t),
        Some(Ready {
            waiter: 3,
            grant: Grant::Connect(_)
        })
    ));
    pool.checkin(l, t);
    let l = pool.checkout(&a, t).unwrap();
    pool.retire(Epoch(1));
    pool.checkin(l, t);
    assert_eq!(pool.next_removed(), Some(10));
    println!("{}", size_of::<ConnectionKey>());
}
