//! Does the provider of cryptography show? The tier `memory` over ring and over the one that protects nothing, the same log.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use bareflight_harness::tier::TierName;
use bareflight_harness::{Campaign, Runner};

#[test]
fn both_providers_leave_the_same_log() {
    let mut real = Runner::new(TierName::Memory).unwrap();
    let mut fast = Runner::with_insecure_test_crypto().unwrap();
    let mut campaign = Campaign::new(7, []);
    for number in 0..200 {
        let scenario = campaign.next_scenario();
        let real = real.run(&scenario, None).unwrap().log.clone();
        let fast = fast.run(&scenario, None).unwrap().log;
        assert_eq!(real, *fast, "scenario {number}:\n{}", scenario.to_toml());
    }
    assert_eq!(real.handshakes(), fast.handshakes());
    assert!(real.handshakes() > 200, "the scenarios connect");
}
