//! Does the pool do what a plain list would, in every sequence of calls?

use core::time::Duration;

use crate::common::{
    Constant, DESCRIPTIONS, depth,
    pool::{Op, Pair, op},
    sequences,
};
use bareflight_pool_key::{Limits, Pool, Sharing, Want};
use proptest::{collection::vec, prelude::*};

pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    (1..5_u32, 1..4_u16, 0..4_u32, 0..3_u16, 0..5_u32).prop_map(
        |(open, open_per_key, idle, idle_per_key, waiters)| Limits {
            open,
            open_per_key,
            idle,
            idle_per_key,
            waiters,
            idle_timeout: Duration::from_secs(10),
        },
    )
}

fn run(limits: Limits, operations: &[Op]) {
    let mut pair = Pair::new(limits, foldhash::fast::FixedState::default());
    let mut collided = Pair::new(limits, Constant);
    for &op in operations {
        pair.apply(op);
        collided.apply(op);
    }
}

proptest! {
    #[test]
    fn pool_is_as_a_list(limits in limits(), operations in vec(op(), 0..200)) {
        run(limits, &operations);
    }
}

/// Two letters for each description, and three for what happens to all.
const ALPHABET: u8 = 2 * DESCRIPTIONS + 3;

fn spell(pair: &mut Pair<Pool<u32, u32, Constant>>, letter: u8) {
    let (index, streams) = (letter % DESCRIPTIONS, Sharing::Shared { streams: 2 });
    let open = |pair: &mut Pair<Pool<u32, u32, Constant>>, sharing| {
        pair.apply(Op::Request(index, Want::Race));
        pair.apply(Op::Insert(0, sharing));
    };
    match letter / DESCRIPTIONS {
        0 => open(pair, Sharing::Exclusive),
        1 => open(pair, streams),
        _ => pair.apply([Op::Checkin(0), Op::Retire, Op::Drain(0)][usize::from(index)]),
    }
    pair.drain_ready();
}

#[test]
fn every_short_sequence_is_as_in_a_list() {
    let limits = Limits {
        open: 3,
        open_per_key: 2,
        ..Limits::default()
    };
    let mut pair = Pair::new(limits, Constant);
    for length in 1..=depth(3) {
        let (count, visited) = sequences(length, ALPHABET, 2 * DESCRIPTIONS, |word| {
            pair.apply(Op::Clear);
            word.iter().for_each(|&letter| spell(&mut pair, letter));
        });
        println!("pool: {count} sequences of {length} operations, {visited} without mirror images");
    }
}
