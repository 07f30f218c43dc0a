//! Are ring and the test provider seen alike? And is a run the same to the byte?

use std::sync::{Arc, LazyLock};

use bareflight_handshake_driver::*;
use proptest::prelude::*;

use crate::common::PKI;
use crate::sequences::{Run, Step, run, step};

static RING: LazyLock<Arc<Pki>> = LazyLock::new(Arc::default);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..24)
}

fn packets(pki: &Arc<Pki>, seed: u64, steps: &[Step]) -> Vec<Packet> {
    let mut run = Run::new(pki);
    run.driver.capture();
    run.driver.seed(seed);
    for step in steps {
        run.step(step);
    }
    run.driver.packets()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn both_providers_are_seen_alike(steps in steps()) {
        let (real, fast) = (run(&RING, &steps), run(&PKI, &steps));
        prop_assert_eq!(real.observations, fast.observations);
        prop_assert_eq!(real.events, fast.events);
    }

    /// Not even what a PKI did before shows.
    #[test]
    fn the_same_seed_puts_the_same_bytes_on_the_wire(steps in steps(), seed in any::<u64>()) {
        let fresh = Arc::new(crate::pki(0));
        let (first, again) = (packets(&PKI, seed, &steps), packets(&fresh, seed, &steps));
        let other = packets(&PKI, !seed, &steps);
        prop_assert!(first == again);
        prop_assert_eq!(first.is_empty(), other == first, "another seed, other bytes");
    }
}
