//! The designs that are compared: in which way does each find what is filed under a request's key?
//!
//! Each is filled with the same number of hosts and asked for them in the same shuffled order. What is asked with is a
//! copy of what was filed, so that a key on the heap is met at its only address: the kindest case for those who have
//! such keys.

use core::{
    hash::{Hash, Hasher},
    hint::black_box,
    num::NonZeroU32,
};
use std::collections::{BTreeMap, HashMap};

use bareflight_benches::Tally;
use bareflight_pool_key::{
    ConnectionKey, Description, Id, IdentityId, Interner, OriginId, PartitionId, TrustId,
};
use criterion::{BenchmarkGroup, BenchmarkId, measurement::WallTime};
use http::{
    Uri,
    uri::{Authority, Scheme},
};

/// What a design hands its lookup to: one bench of a group.
pub(crate) struct One<'a, 'c> {
    pub(crate) group: &'a mut BenchmarkGroup<'c, WallTime>,
    pub(crate) id: BenchmarkId,
    pub(crate) tally: Tally,
}

impl One<'_, '_> {
    fn measure<R>(&mut self, mut once: impl FnMut() -> R) {
        let Self { group, id, tally } = self;
        group.bench_function(id.clone(), |bencher| {
            tally.iter(bencher, || {
                black_box(once());
            });
        });
    }
}

/// A table with foldhash, which is what this crate's own tables have.
type Folded<K> = hashbrown::HashMap<K, u32, foldhash::fast::RandomState>;

/// A design's name, and what measures it at a number of keys.
pub(crate) type Design = (&'static str, fn(u32, &mut One<'_, '_>));

pub(crate) const EXACT: &str = "exact key";

/// All designs that look something up.
pub(crate) const DESIGNS: [Design; 10] = [
    ("the limit: hashbrown, u64", limit),
    (EXACT, exact),
    ("exact key, built from its description", described),
    ("exact key, from the URL's text", exact_from_text),
    ("HashMap of (Scheme, Authority)", pairs),
    (
        "HashMap of (Scheme, Authority), from the URL's text",
        pairs_from_text,
    ),
    (
        "hyper_util pool::map::Map of (Scheme, Authority)",
        hyper_map,
    ),
    (
        "hyper_util pool::map::Map of the exact key",
        hyper_map_exact,
    ),
    ("ordered map of strings", ordered),
    ("linear scan, all fields compared", scan),
];

fn limit(size: u32, bench: &mut One<'_, '_>) {
    let keys = shuffled(size, u64::from);
    let table: Folded<u64> = keys.iter().copied().zip(0..).collect();
    measure(bench, &keys, |key| table[key]);
}

fn exact(size: u32, bench: &mut One<'_, '_>) {
    let keys = shuffled(size, key);
    let table: Folded<ConnectionKey> = keys.iter().copied().zip(0..).collect();
    measure(bench, &keys, |key| table[key]);
}

fn described(size: u32, bench: &mut One<'_, '_>) {
    let all = shuffled(size, description);
    let keys = all.iter().map(|description| description.keys().connection);
    let table: Folded<ConnectionKey> = keys.zip(0..).collect();
    measure(bench, &all, |description| {
        table[&description.keys().connection]
    });
}

fn exact_from_text(size: u32, bench: &mut One<'_, '_>) {
    let urls = shuffled(size, url);
    let mut origins: Interner<OriginId, Origin> = Interner::new(size);
    let mut lookup = |url: &str| {
        let uri: Uri = url.parse().expect("a URL");
        let origin = OriginRef {
            scheme: uri.scheme().expect("it has one"),
            authority: uri.authority().expect("it has one").as_str(),
        };
        let origin = origins.intern_with(&origin, || origin.to_owned());
        let description = Description {
            origin: origin.expect("numbers left"),
            ..description(1)
        };
        description.keys().connection
    };
    let table: Folded<ConnectionKey> = urls.iter().map(|url| lookup(url)).zip(0..).collect();
    measure(bench, &urls, |url| table[&lookup(url)]);
}

fn pairs(size: u32, bench: &mut One<'_, '_>) {
    let keys = shuffled(size, pair);
    let table: HashMap<_, _> = keys.iter().cloned().zip(0_u32..).collect();
    measure(bench, &keys, |key| table[key]);
}

fn pairs_from_text(size: u32, bench: &mut One<'_, '_>) {
    let urls = shuffled(size, url);
    let lookup = |url: &String| pair_of(&url.parse().expect("a URL"));
    let table: HashMap<_, _> = urls.iter().map(lookup).zip(0_u32..).collect();
    measure(bench, &urls, |url| table[&lookup(url)]);
}

fn hyper_map(size: u32, bench: &mut One<'_, '_>) {
    mapped(&shuffled(size, uri), pair_of, bench);
}

fn hyper_map_exact(size: u32, bench: &mut One<'_, '_>) {
    mapped(&shuffled(size, key), |&key| key, bench);
}

fn ordered(size: u32, bench: &mut One<'_, '_>) {
    let keys = shuffled(size, group_id);
    let table: BTreeMap<_, _> = keys.iter().cloned().zip(0_u32..).collect();
    measure(bench, &keys, |key| table[key]);
}

fn scan(size: u32, bench: &mut One<'_, '_>) {
    let keys = shuffled(size, description);
    let filed = shuffled(size, description);
    measure(bench, &keys, |key| filed.iter().position(|one| one == key));
}

fn mapped<D, K: Hash + Eq>(all: &[D], key: impl Fn(&D) -> K, bench: &mut One<'_, '_>) {
    let mut map = hyper_util::client::pool::map::Map::builder::<D>()
        .keys(key)
        .values(|_| 7_u32)
        .build();
    for one in all {
        map.service(one);
    }
    measure(bench, all, |one| *map.service(one));
}

/// Measures a lookup of one after the other, round and round.
pub(crate) fn measure<K, R>(bench: &mut One<'_, '_>, keys: &[K], mut lookup: impl FnMut(&K) -> R) {
    let mut next = 0;
    bench.measure(|| {
        let key = &keys[next];
        next += 1;
        if next == keys.len() {
            next = 0;
        }
        lookup(black_box(key))
    });
}

/// Something for each number up to `size`, in an order that no processor foresees.
pub(crate) fn shuffled<K>(size: u32, make: impl Fn(u32) -> K) -> Vec<K> {
    let mut numbers: Vec<u32> = (1..=size).collect();
    fastrand::Rng::with_seed(5).shuffle(&mut numbers);
    numbers.into_iter().map(make).collect()
}

pub(crate) fn key(number: u32) -> ConnectionKey {
    description(number).keys().connection
}

fn description(number: u32) -> Description {
    Description {
        partition: Some(PartitionId::from_number(NonZeroU32::MIN)),
        credentials: true,
        identity: Some(IdentityId::from_number(NonZeroU32::MIN)),
        ..Description::bare(
            OriginId::from_number(NonZeroU32::new(number).expect("counted from one")),
            TrustId::from_number(NonZeroU32::MIN),
        )
    }
}

fn url(number: u32) -> String {
    format!("https://host-{number}.example.test/items?page=2")
}

fn uri(number: u32) -> Uri {
    url(number).parse().expect("a URL")
}

fn pair(number: u32) -> (Scheme, Authority) {
    pair_of(&uri(number))
}

fn pair_of(uri: &Uri) -> (Scheme, Authority) {
    let scheme = uri.scheme().expect("it has one").clone();
    (scheme, uri.authority().expect("it has one").clone())
}

/// As Chromium writes the key of a socket pool out.
fn group_id(number: u32) -> String {
    format!("pm/https://host-{number}.example.test <https://app.test same_site>")
}

/// What stands for an origin in the interner.
#[derive(PartialEq, Eq)]
struct Origin {
    scheme: Scheme,
    authority: String,
}

#[derive(Clone, Copy, Hash)]
struct OriginRef<'a> {
    scheme: &'a Scheme,
    authority: &'a str,
}

impl OriginRef<'_> {
    fn to_owned(self) -> Origin {
        Origin {
            scheme: self.scheme.clone(),
            authority: self.authority.to_owned(),
        }
    }
}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (scheme, authority) = (&self.scheme, &*self.authority);
        OriginRef { scheme, authority }.hash(state);
    }
}

impl hashbrown::Equivalent<Origin> for OriginRef<'_> {
    fn equivalent(&self, origin: &Origin) -> bool {
        self.authority == origin.authority && *self.scheme == origin.scheme
    }
}
