//! What does it cost to find a connection by the exact key, beside a table of (scheme, authority)?

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::HashMap;

use bareflight_pool_key::{
    Description, Epoch, Id, Leg, Limits, OriginId, Pool, ProtocolClass, Reserved, Route, Sharing,
    Transport, TrustId, Want,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::uri::{Authority, Scheme};

const SIZES: [u32; 3] = [1, 100, 10_000];

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for size in SIZES {
        group.bench_function(
            BenchmarkId::new("exact key, checkout and checkin", size),
            |bencher| {
                let mut pool = filled(size);
                let keys: Vec<_> = (1..=size)
                    .map(|number| description(number).keys().connection)
                    .collect();
                let mut turn = (0..keys.len()).cycle();
                bencher.iter(|| {
                    let key = &keys[turn.next().unwrap_or(0)];
                    let lease = pool
                        .checkout(key, Duration::ZERO)
                        .expect("each key has an idle connection");
                    pool.checkin(lease, Duration::ZERO);
                });
            },
        );
        group.bench_function(BenchmarkId::new("description to keys", size), |bencher| {
            let mut turn = (1..=size).cycle();
            bencher.iter(|| description(turn.next().unwrap_or(1)).keys());
        });
        group.bench_function(
            BenchmarkId::new("(Scheme, Authority) in a HashMap", size),
            |bencher| {
                let keys: Vec<_> = (1..=size).map(scheme_and_authority).collect();
                let table: HashMap<_, _> = keys.iter().cloned().zip(0..size).collect();
                let mut turn = (0..keys.len()).cycle();
                bencher.iter(|| table[&keys[turn.next().unwrap_or(0)]]);
            },
        );
    }
    group.finish();
}

/// A pool with one idle connection for each of so many origins.
fn filled(size: u32) -> Pool<u32, u32> {
    let mut pool = Pool::new(Limits {
        open: size + 1,
        idle: size + 1,
        ..Limits::default()
    });
    for number in 1..=size {
        let key = description(number).keys().connection;
        let Ok(Reserved::Connect(reservation)) =
            pool.reserve(&key, number, Want::Join, Duration::ZERO)
        else {
            unreachable!("the limits leave room");
        };
        let lease = pool.insert(reservation, number, Sharing::Exclusive, Duration::ZERO);
        pool.checkin(lease.expect("the reservation is fresh"), Duration::ZERO);
    }
    pool
}

fn description(number: u32) -> Description {
    let number = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Description {
        origin: OriginId::from_number(number),
        partition: None,
        credentials: true,
        identity: None,
        trust: TrustId::from_number(NonZeroU32::MIN),
        server_name: None,
        route: Route::Direct,
        leg: Leg::Origin,
        transport: Transport::Tcp,
        class: ProtocolClass::Http,
        tenant: None,
        epoch: Epoch::default(),
    }
}

fn scheme_and_authority(number: u32) -> (Scheme, Authority) {
    let authority = format!("host-{number}.example.test");
    (Scheme::HTTPS, authority.parse().expect("a host name"))
}

criterion_group!(benches, lookup);
criterion_main!(benches);
