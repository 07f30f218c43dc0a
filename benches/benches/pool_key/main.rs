//! What does it cost to find a connection by the exact key, beside the designs that others have? And to keep the pool?
//!
//! ```text
//! cargo bench -p bareflight-benches --bench pool_key
//! ```
//!
//! prints Criterion's figures, then a table of ratios, and draws `target/criterion/pool_key.svg`.

use core::time::Duration;
use std::path::Path;

use bareflight_benches::{Tally, grid::Grid};
use criterion::{BenchmarkId, Criterion};
use designs::One;
use upkeep::Common;

mod designs;
mod loopback;
mod upkeep;

const SIZES: [u32; 4] = [1, 100, 10_000, 1_000_000];
const PLOT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/criterion/pool_key.svg"
);

fn lookups(criterion: &mut Criterion) -> Grid {
    let mut grid = Grid::new(designs::EXACT, &SIZES);
    let mut group = criterion.benchmark_group("lookup");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700));
    let mut row = |name, measure: fn(u32, &mut One<'_, '_>)| {
        let tallies = SIZES.map(|size| {
            let mut one = One {
                group: &mut group,
                id: BenchmarkId::new(name, size),
                tally: Tally::default(),
            };
            measure(size, &mut one);
            one.tally
        });
        grid.row(name, &tallies);
    };
    for (name, measure) in designs::DESIGNS {
        row(name, measure);
    }
    row(
        "Pool: checkout and checkin by the exact key",
        |size, one| {
            let mut pool = upkeep::filled(size);
            let keys = designs::shuffled(size, designs::key);
            designs::measure(one, &keys, |key| {
                let lease = pool.checkout(key, Duration::ZERO);
                pool.checkin(lease.expect("each key has one"), Duration::ZERO);
            });
        },
    );
    group.finish();
    grid
}

fn upkeep_table() {
    let one = upkeep::pairs_per_second(1, Common::Pool);
    println!(
        "SharedPool, checkout and checkin: {:.1} million a second by one thread",
        one / 1e6
    );
    for (name, common) in [
        ("each with its own shards", Common::Pool),
        ("all on the same connections", Common::Connections),
        (
            "each with its own pool, which is what the machine gives",
            Common::Nothing,
        ),
    ] {
        let scale = upkeep::pairs_per_second(2, common) / one;
        println!("  by two threads, {name}: {scale:.2}x");
    }
    let million = 1_000_000;
    let bytes = upkeep::bytes_for_each(million);
    println!("a million idle connections: {bytes} bytes for each");
    let ns = |tally: Tally| tally.nanoseconds().unwrap_or_default();
    for size in [1000, million] {
        let cost = ns(upkeep::evict_and_open(size));
        println!("evict one of {size} and open another: {cost:.0} ns");
    }
    for (staying, ending) in [(1000, 100), (million, 100), (1000, 1000)] {
        let cost = ns(upkeep::end_epoch(staying, ending));
        println!("end an epoch of {ending} connections beside {staying}: {cost:.0} ns for each");
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let grid = lookups(&mut criterion);
    let requests = loopback::requests(&mut criterion);
    criterion.final_summary();
    println!("{grid}");
    println!("a request on a kept connection over loopback:\n{requests}");
    // `cargo test` and filters run the benches, and want no tables.
    if std::env::args().any(|argument| argument == "--bench") {
        upkeep_table();
        match grid.plot(Path::new(PLOT)) {
            Ok(()) => println!("cost against number of keys: target/criterion/pool_key.svg"),
            Err(error) => eprintln!("{PLOT} cannot be drawn: {error}"),
        }
    }
}
