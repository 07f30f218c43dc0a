//! temp
#![allow(missing_docs, clippy::all, clippy::unwrap_used)]
use bareflight_pool_key::*;
use core::{hint::black_box, num::NonZeroU32, time::Duration};
use std::time::Instant;
fn n(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}
fn desc(o: u32) -> Description {
    Description {
        origin: OriginId::from_number(n(o + 1)),
        partition: Some(PartitionId::from_number(n(o % 97 + 1))),
        credentials: o % 2 == 0,
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
fn time(name: &str, count: u32, mut f: impl FnMut(u32)) {
    let iters = 4_000_000u32;
    let mut best = f64::MAX;
    for _ in 0..3 {
        let mut x = 12345u32;
        let t = Instant::now();
        for _ in 0..iters {
            x = x.wrapping_mul(1664525).wrapping_add(1013904223);
            f(((u64::from(x) * u64::from(count)) >> 32) as u32);
        }
        best = best.min(t.elapsed().as_nanos() as f64 / f64::from(iters));
    }
    println!("{name:>24} {count:>8} {best:8.2} ns");
}
fn main() {
    let t = Duration::ZERO;
    for count in [1u32, 100, 10_000, 1_000_000] {
        let mut pool: Pool<u64, u64> = Pool::new(Limits {
            open: count,
            idle: count,
            ..Limits::default()
        });
        let keys: Vec<_> = (0..count).map(|i| desc(i).keys().connection).collect();
        let mut map = hashbrown::HashMap::<u64, u64, foldhash::fast::RandomState>::default();
        let mut kmap =
            hashbrown::HashMap::<ConnectionKey, u64, foldhash::fast::RandomState>::default();
        for (i, k) in keys.iter().enumerate() {
            map.insert(i as u64 * 7919, 1);
            kmap.insert(*k, 1);
            let Ok(Reserved::Connect(r)) = pool.reserve(k, 0, Want::Race, t) else {
                panic!()
            };
            let l = pool.insert(r, i as u64, Sharing::Exclusive, t).unwrap();
            pool.checkin(l, t);
        }
        time("loop", count, |i| {
            black_box(i);
        });
        time("keys()", count, |i| {
            black_box(black_box(desc(i)).keys());
        });
        time("u64 map", count, |i| {
            black_box(map.get(&(u64::from(i) * 7919)));
        });
        time("key map", count, |i| {
            black_box(kmap.get(&keys[i as usize]));
        });
        time("checkout+checkin", count, |i| {
            let l = pool.checkout(&keys[i as usize], t).unwrap();
            pool.checkin(l, t);
        });
    }
    let mut origins: Interner<OriginId, String> = Interner::new(2000);
    let texts: Vec<String> = (0..1000)
        .map(|i| format!("https://host{i}.test:443"))
        .collect();
    for x in &texts {
        origins.intern(x.as_str()).unwrap();
        origins.intern(x.as_str()).unwrap();
    }
    time("intern hit", 1000, |i| {
        black_box(origins.intern(texts[i as usize].as_str()).unwrap());
    });
    let mut pool: Pool<u64, u64> = Pool::new(Limits::default());
    let mut cache: SessionCache<u64> = SessionCache::new(SessionLimits::default());
    let ks: Vec<_> = (0..4).map(|i| desc(i).keys()).collect();
    let day = Duration::from_secs(86400);
    let facts = SessionFacts {
        single_use: true,
        obtained: t,
        lifetime: day,
        authenticated_until: day,
    };
    time("clear+8 requests", 4, |i| {
        pool.clear();
        cache.clear();
        for j in 0..8 {
            let k = &ks[((i + j) % 4) as usize];
            let l = if let Some(l) = pool.checkout(&k.connection, t) {
                l
            } else {
                black_box(cache.take(&k.session, t));
                let Ok(Reserved::Connect(r)) = pool.reserve(&k.connection, 0, Want::Race, t) else {
                    panic!()
                };
                cache.insert(&k.session, 1, facts, t);
                pool.insert(r, 1, Sharing::Exclusive, t).unwrap()
            };
            pool.checkin(l, t);
            while pool.next_ready(t).is_some() {}
            while pool.next_removed().is_some() {}
        }
    });
}
