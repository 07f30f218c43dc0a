//! How many decisions a second does one core make? The target is 500,000 for requests without a response part.

use core::hint::black_box;

use bareflight_policy::decide::{Case, Explanation, Input, InputResponse, Output, decide};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Two that are safelisted, and six that are not.
const HEADERS: [(&str, &str); 8] = [
    ("accept", "application/json, text/plain;q=0.9"),
    ("content-type", "application/json"),
    ("accept-language", "de-CH, en;q=0.7"),
    ("range", "bytes=0-1023"),
    ("authorization", "Bearer 0123456789abcdef0123456789abcdef"),
    ("x-request-id", "00000000-0000-0000-0000-000000000000"),
    ("x-csrf-token", "0123456789abcdef0123456789abcdef"),
    ("if-none-match", "W/abcdef"),
];

fn library(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(1));
    for count in [0, 2, 8] {
        let case = parsed(&input(count));
        group.bench_function(BenchmarkId::new("request", count), |bencher| {
            bencher.iter(|| black_box(decide(black_box(&case))));
        });
        let case = parsed(&answered(count));
        group.bench_function(
            BenchmarkId::new("request and two responses", count),
            |bencher| {
                bencher.iter(|| black_box(decide(black_box(&case))));
            },
        );
    }
    group.finish();
}

fn text(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide as text");
    group.throughput(Throughput::Elements(1));
    for (name, input) in [
        ("request", input(2)),
        ("request and two responses", answered(2)),
    ] {
        group.bench_function(BenchmarkId::new("parse", name), |bencher| {
            bencher.iter(|| Case::parse(black_box(&input)).expect("it is a case"));
        });
        let line = serde_json::to_vec(&input).expect("it can be written");
        group.bench_function(BenchmarkId::new("JSON to JSON", name), |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                let case = parsed(&serde_json::from_slice(black_box(&line)).expect("it is a case"));
                let output = Output::new(&case, &decide(&case));
                serde_json::to_writer(&mut out, &output).expect("memory takes it");
                out.len()
            });
        });
        let case = parsed(&input);
        group.bench_function(BenchmarkId::new("explain", name), |bencher| {
            bencher.iter(|| {
                Explanation {
                    case: black_box(&case),
                    decision: &decide(&case),
                }
                .to_string()
            });
        });
    }
    group.finish();
}

/// A PUT across origins with so many headers.
fn input(headers: usize) -> Input {
    let mut input = Input::new("https://api.test/items?page=2", "https://app.test");
    "PUT".clone_into(&mut input.method);
    "include".clone_into(&mut input.credentials);
    "bytes".clone_into(&mut input.body);
    input.top = Some("https://app.test".to_owned());
    input.headers = owned(&HEADERS[..headers]);
    input
}

/// The same with a preflight's answer that allows it, and its own.
fn answered(headers: usize) -> Input {
    let cors = [
        ("access-control-allow-origin", "https://app.test"),
        ("access-control-allow-credentials", "true"),
    ];
    let names: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).collect();
    let response = |status, more: &[(&str, &str)]| {
        let headers = [owned(&cors), owned(more)].concat();
        Some(InputResponse { status, headers })
    };
    let allowed = [
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", &*names.join(", ")),
    ];
    Input {
        preflight_response: response(204, &allowed),
        response: response(200, &[]),
        ..input(headers)
    }
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn parsed(input: &Input) -> Case {
    Case::parse(input).expect("it is a case")
}

criterion_group!(benches, library, text);
criterion_main!(benches);
