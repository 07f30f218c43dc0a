//! The reference holds, every fault is caught, no control is flagged: in small, with fixed seeds.

use bareflight_harness::faults::Fault;
use bareflight_harness::tier::TierName;
use bareflight_harness::{Campaign, Runner};

/// Scenarios on the reference, for each tier.
const REFERENCE: [(TierName, usize); 1] = [(TierName::Model, 20_000)];

#[test]
fn the_reference_holds() {
    for (tier, scenarios) in REFERENCE {
        let mut runner = Runner::new(tier).unwrap();
        let mut campaign = Campaign::new(1, []);
        for number in 0..scenarios {
            let scenario = campaign.next_scenario();
            let verdict = runner.run(&scenario, None).unwrap();
            assert_eq!(
                verdict.log.first_untold(&scenario),
                None,
                "scenario {number}"
            );
            let Some(violation) = verdict.violations.first() else {
                continue;
            };
            let name = violation.invariant.name;
            let small = bareflight_harness::shrink(&scenario, |candidate| {
                runner
                    .run(candidate, None)
                    .is_ok_and(|verdict| verdict.breaks(name))
            });
            let verdict = runner.run(&small, None).unwrap();
            let log = verdict.log.to_json_lines(&small, tier.as_str());
            panic!(
                "{tier}, scenario {number}: {name}\n{:#?}\n{}\n{log}",
                verdict.violations,
                small.to_toml()
            );
        }
    }
}

#[test]
fn every_fault_is_caught_by_what_the_catalogue_names() {
    let mut missed = Vec::new();
    for fault in Fault::all().iter().filter(|fault| !fault.control) {
        for &tier in &fault.tiers[..1] {
            let mut runner = Runner::new(tier).unwrap();
            let mut campaign = Campaign::new(2, []);
            let caught = (0..20_000).find(|_| {
                let scenario = campaign.next_scenario();
                let verdict = runner.run(&scenario, Some(fault)).unwrap();
                fault.breaks.iter().any(|name| verdict.breaks(name))
            });
            eprintln!("{} on {tier}: {caught:?}", fault.name);
            if caught.is_none() {
                missed.push(format!("{} on {tier}", fault.name));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn no_control_is_flagged_but_by_what_the_catalogue_names() {
    for fault in Fault::all().iter().filter(|fault| fault.control) {
        let mut runner = Runner::new(TierName::Model).unwrap();
        let mut campaign = Campaign::new(3, []);
        for _ in 0..10_000 {
            let scenario = campaign.next_scenario();
            let verdict = runner.run(&scenario, Some(fault)).unwrap();
            if let Some(violation) = verdict
                .violations
                .iter()
                .find(|violation| !fault.explains(violation.invariant.name))
            {
                let name = violation.invariant.name;
                let small = bareflight_harness::shrink(&scenario, |candidate| {
                    runner
                        .run(candidate, Some(fault))
                        .is_ok_and(|verdict| verdict.breaks(name))
                });
                let verdict = runner.run(&small, Some(fault)).unwrap();
                let log = verdict.log.to_json_lines(&small, "model");
                panic!(
                    "{}: {name}\n{:#?}\n{}\n{log}",
                    fault.name,
                    verdict.violations,
                    small.to_toml()
                );
            }
        }
    }
}
