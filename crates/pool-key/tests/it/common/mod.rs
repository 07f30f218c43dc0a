//! The small world that the tests share: sixteen descriptions, and hashers of several kinds.

#![allow(dead_code, reason = "each test binary uses its part")]

use core::{
    hash::{BuildHasher, Hasher},
    num::NonZeroU32,
};

use bareflight_pool_key::{Description, Epoch, Id, IdentityId, OriginId, PartitionId, TrustId};

pub(crate) mod books;
pub(crate) mod pool;
pub(crate) mod session;

/// How many descriptions [`description`] tells apart.
pub(crate) const DESCRIPTIONS: u8 = 16;

/// The id with this number, which is not zero.
pub(crate) fn id<I: Id>(number: u32) -> I {
    I::from_number(NonZeroU32::new(number).expect("not zero"))
}

/// One of 2 origins × 2 partitions × 2 credentials × 2 identities: a bit of `index` for each.
pub(crate) fn description(index: u8, epoch: u64) -> Description {
    let bit = |n: u8| u32::from(index >> n & 1) + 1;
    Description {
        partition: Some(id::<PartitionId>(bit(1))),
        credentials: bit(2) == 1,
        identity: Some(id::<IdentityId>(bit(3))),
        epoch: Epoch(epoch),
        ..Description::bare(id::<OriginId>(bit(0)), id::<TrustId>(1))
    }
}

/// Sends every key to the same bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Constant;

impl BuildHasher for Constant {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        0
    }
    fn write(&mut self, _: &[u8]) {}
}

/// The depth of an exhaustive run: `BAREFLIGHT_EXHAUSTIVE`, or what the ordinary run can afford.
pub(crate) fn depth(ordinary: u32) -> u32 {
    std::env::var("BAREFLIGHT_EXHAUSTIVE").map_or(ordinary, |depth| {
        depth.parse().expect("a number of operations")
    })
}

/// Calls `visit` with every sequence of `length` numbers below `alphabet`, of which all below `many` stand for a
/// description each, in rounds of [`DESCRIPTIONS`]; and says how many sequences there are, and how many were visited.
///
/// The two values of a field can be swapped throughout without changing anything, so the first description of a
/// sequence may be taken to be the first of all: the other sequences are mirrored in those that are visited.
pub(crate) fn sequences(
    length: u32,
    alphabet: u8,
    many: u8,
    mut visit: impl FnMut(&[u8]),
) -> (u64, u64) {
    let mut sequence = vec![0; length as usize];
    let (mut count, mut visited) = (0, 0);
    loop {
        count += 1;
        let first = sequence.iter().find(|&&letter| letter < many);
        if first.is_none_or(|letter| letter % DESCRIPTIONS == 0) {
            visit(&sequence);
            visited += 1;
        }
        let Some(last) = sequence.iter().rposition(|&letter| letter + 1 < alphabet) else {
            return (count, visited);
        };
        sequence[last] += 1;
        sequence[last + 1..].fill(0);
    }
}
