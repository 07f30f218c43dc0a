//! Does the session cache do what a plain list would, in every sequence of calls?

use crate::common::{
    Constant, DESCRIPTIONS, depth, id, sequences,
    session::{Op, Pair, op},
};
use bareflight_pool_key::{
    Description, SessionFacts, SessionKey, SessionLimits, SharedSessionCache,
};
use core::time::Duration;
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

fn key(origin: u32) -> SessionKey {
    Description::bare(id(origin), id(1)).keys().session
}

#[test]
fn each_call_reaches_the_shard_of_its_key() {
    let facts = SessionFacts {
        single_use: false,
        obtained: Duration::ZERO,
        lifetime: Duration::MAX,
        authenticated_until: Duration::MAX,
    };
    // Room for half of them in each shard: they are all kept only if no shard is given more than its due.
    let limits = SessionLimits {
        sessions: 160,
        per_key: 2,
    };
    let sessions = SharedSessionCache::new(limits, 4);
    assert!(sessions.is_empty());
    for origin in 1..=40 {
        for session in [origin, 100 + origin] {
            sessions.insert(&key(origin), session, facts, Duration::ZERO);
        }
    }
    let shown = format!("{sessions:?}");
    assert_eq!((sessions.shards(), sessions.len()), (4, 80));
    assert_eq!(shown, "SharedSessionCache { shards: 4, sessions: 80, .. }");
    assert!(!sessions.is_empty());

    assert!(!sessions.drop_session(&key(1), 2), "that is another key's");
    assert!(sessions.drop_session(&key(1), 101));
    assert_eq!(sessions.take(&key(1), Duration::ZERO), Some(1));
    sessions.forget_key(&key(2));
    assert_eq!(sessions.take(&key(2), Duration::ZERO), None);
    let mut removed: Vec<_> = core::iter::from_fn(|| sessions.next_removed()).collect();
    removed.sort_unstable();
    assert_eq!((removed, sessions.len()), (vec![2, 101, 102], 77));
}
