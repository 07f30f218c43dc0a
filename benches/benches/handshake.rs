//! What does a mutual-TLS handshake cost, in full and resumed, and a request on an open connection? With ring, and with the
//! provider that protects nothing, beside each other.

use std::sync::Arc;

use bareflight_benches::{Ratios, Tally};
use bareflight_handshake_driver::{Pki, Versions, measure::Mutual};
use criterion::{BenchmarkId, Criterion, Throughput};
use mimalloc::MiMalloc;

/// Where cryptography costs nothing, memory costs most: a handshake asks for it some 300 times. (glibc's own allocator makes
/// it an eighth slower; with ring it does not show.)
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const RING: &str = "ring";
const FAST: &str = "insecure test crypto";

/// What is done over and over.
type Once = fn(&mut Mutual);

const KINDS: [(&str, Once); 3] = [
    ("mutual, full", |mutual| expect(mutual.full())),
    ("mutual, resumed", |mutual| expect(mutual.resumed())),
    ("request", |mutual| expect(mutual.request())),
];

/// A bench that measures failures measures nothing.
fn expect<E: core::fmt::Debug>(outcome: Result<(), E>) {
    outcome.expect("it succeeds");
}

fn handshake(criterion: &mut Criterion) -> Ratios {
    let (ring, fast) = (Arc::default(), Arc::new(Pki::insecure_test(0)));
    let mut ratios = Ratios::new(RING, FAST);
    let mut group = criterion.benchmark_group("handshake");
    group.throughput(Throughput::Elements(1));
    for (version, versions) in [("TLS 1.2", Versions::Tls12), ("TLS 1.3", Versions::Tls13)] {
        for (kind, once) in KINDS {
            let what = format!("{version}, {kind}");
            let [slow, fast] = [(RING, &ring), (FAST, &fast)].map(|(name, pki)| {
                let mut mutual =
                    Mutual::new(Arc::clone(pki), versions).expect("certificates can be made");
                mutual.full().expect("there is a session to resume");
                let mut tally = Tally::default();
                group.bench_function(BenchmarkId::new(&what, name), |bencher| {
                    tally.iter(bencher, || once(&mut mutual));
                });
                tally
            });
            ratios.row(what, slow, fast);
        }
    }
    group.finish();
    ratios
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let ratios = handshake(&mut criterion);
    criterion.final_summary();
    print!("{ratios}");
}
