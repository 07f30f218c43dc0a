//! d
use bareflight_harness::tier::TierName;
use bareflight_harness::{Campaign, Runner};
#[test]
fn tiers_agree() {
    let mut model = Runner::new(TierName::Model).unwrap();
    let mut memory = Runner::new(TierName::Memory).unwrap();
    let mut campaign = Campaign::new(7, []);
    let n: usize = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    for number in 0..n {
        let scenario = campaign.next_scenario();
        let one = model.run(&scenario, None).unwrap().log.clone();
        let two = memory.run(&scenario, None).unwrap().log.clone();
        if one != two {
            let small = bareflight_harness::shrink(&scenario, |s| {
                let one = model.run(s, None).unwrap().log.clone();
                memory.run(s, None).is_ok_and(|v| *v.log != one)
            });
            let one = model.run(&small, None).unwrap().log.to_json_lines(&small, "model");
            let two = memory.run(&small, None).unwrap().log.to_json_lines(&small, "memory");
            panic!("{number}\n{}\n{one}\n{two}", small.to_toml());
        }
    }
}
