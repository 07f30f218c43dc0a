//! How many scenarios a second? A fuzzer is only as good as its speed.

use bareflight_harness::Runner;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::TierName;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Eight steps as they occur: preflights, credentialed and bare requests, two sites, two servers, reuse.
const EIGHT_STEPS: &str = include_str!("eight-steps.toml");

fn scenario(criterion: &mut Criterion) {
    let scenario = Scenario::from_toml(EIGHT_STEPS).expect("the scenario is part of the source");
    assert_eq!(scenario.steps.len(), 8);
    let mut group = criterion.benchmark_group("scenario");
    group.throughput(Throughput::Elements(1));
    let memory = Runner::with_insecure_test_crypto();
    let runners = TierName::ALL
        .map(|tier| (tier.to_string(), Runner::new(tier)))
        .into_iter()
        .chain([("memory over insecure test crypto".to_owned(), memory)]);
    for (tier, runner) in runners {
        let mut runner = runner.expect("the tier can be set up");
        // Run and judged: what a fuzzer does with each case.
        group.bench_function(format!("{tier}, eight steps, judged"), |bencher| {
            bencher.iter(|| {
                runner
                    .run(&scenario, None)
                    .expect("it can be decided")
                    .violations
                    .len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, scenario);
criterion_main!(benches);
