//! Does the session cache do what a plain list would, in every sequence of calls?

use crate::common::{
    Constant, DESCRIPTIONS, depth, sequences,
    session::{Op, Pair, op},
};
use bareflight_pool_key::SessionLimits;
use proptest::{collection::vec, prelude::*};

proptest! {
    #[test]
    fn cache_is_as_a_list(
        sessions in 0..6_u32,
        per_key in 0..4_u32,
        operations in vec(op(), 0..200),
    ) {
        let limits = SessionLimits { sessions, per_key };
        let mut pair = Pair::new(limits, foldhash::fast::FixedState::default());
        let mut collided = Pair::new(limits, Constant);
        for op in operations {
            pair.apply(op);
            collided.apply(op);
        }
    }
}

/// Three letters for each description, and one for what happens to all.
const ALPHABET: u8 = 3 * DESCRIPTIONS + 1;

fn spell(letter: u8) -> Op {
    let index = letter % DESCRIPTIONS;
    let insert = |single_use| Op::Insert {
        index,
        single_use,
        lifetime: 5,
        authenticated: 5,
    };
    match letter / DESCRIPTIONS {
        0 => insert(true),
        1 => insert(false),
        2 => Op::Take(index),
        _ => Op::Retire,
    }
}

#[test]
fn every_short_sequence_is_as_in_a_list() {
    let mut pair = Pair::new(
        SessionLimits {
            sessions: 3,
            per_key: 2,
        },
        Constant,
    );
    for length in 1..=depth(3) {
        let (count, visited) = sequences(length, ALPHABET, 3 * DESCRIPTIONS, |word| {
            pair.apply(Op::Clear);
            word.iter().for_each(|&letter| pair.apply(spell(letter)));
        });
        println!(
            "sessions: {count} sequences of {length} operations, {visited} without mirror images"
        );
    }
}
