//! What does a mutual-TLS handshake cost, in full and resumed, and a request on an open connection?

use std::sync::Arc;

use bareflight_handshake_driver::{Pki, Versions, measure::Mutual};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn handshake(criterion: &mut Criterion) {
    let pki = Arc::new(Pki::default());
    let mut group = criterion.benchmark_group("handshake");
    group.throughput(Throughput::Elements(1));
    for (name, versions) in [("TLS 1.2", Versions::Tls12), ("TLS 1.3", Versions::Tls13)] {
        let mutual = || Mutual::new(Arc::clone(&pki), versions).expect("certificates can be made");
        let (mut full, mut resumed, mut request) = (mutual(), mutual(), mutual());
        resumed.full().expect("the session that the others resume");
        group.bench_function(format!("{name}, mutual, full"), |bencher| {
            bencher.iter(|| full.full().expect("it succeeds"));
        });
        group.bench_function(format!("{name}, mutual, resumed"), |bencher| {
            bencher.iter(|| resumed.resumed().expect("it succeeds"));
        });
        group.bench_function(
            format!("{name}, request on an open connection"),
            |bencher| {
                bencher.iter(|| request.request().expect("it succeeds"));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, handshake);
criterion_main!(benches);
