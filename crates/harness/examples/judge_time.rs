//! temporary
use std::time::Instant;
use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::{Campaign, Runner, tier::TierName, invariants::judge};
fn cpu() -> u64 { std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse().unwrap() }
fn main() {
    let mut c = Campaign::new(9, []);
    let mut runner = Runner::new(TierName::Model).unwrap();
    let scenarios: Vec<_> = std::iter::from_fn(|| Some(c.next_scenario())).filter(|s| s.steps.len() == 8).take(2000).collect();
    let logs: Vec<_> = scenarios.iter().map(|s| runner.run(s, None).unwrap().log.clone()).collect();
    let mut voc = Vocabulary::default();
    let cases: Vec<_> = scenarios.iter().map(|s| Case::new(s, &mut voc)).collect();
    let mut v = Vec::new();
    for _ in 0..3 {
        let _t = Instant::now(); let t = cpu();
        for _ in 0..20 { for (c, l) in cases.iter().zip(&logs) { judge(c, l, &mut v); } }
        println!("{} ns per judge, {} violations, {} records", (cpu() - t) / 40_000, v.len(), logs.iter().map(|l| l.records.len()).sum::<usize>() / 2000);
    }
}
