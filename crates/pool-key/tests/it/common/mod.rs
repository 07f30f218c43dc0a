//! The small world that the tests share: sixteen descriptions, and hashers of several kinds.

#![allow(dead_code, reason = "each test binary uses its part")]

use core::{
    hash::{BuildHasher, Hasher},
    num::NonZeroU32,
};

use bareflight_pool_key::{
    Description, Epoch, Id, IdentityId, Leg, OriginId, PartitionId, ProtocolClass, Route,
    Transport, TrustId,
};

pub(crate) mod pool;
pub(crate) mod session;

/// How many descriptions [`description`] tells apart.
pub(crate) const DESCRIPTIONS: u8 = 16;

/// The id with this number, which is not zero.
pub(crate) fn id<I: Id>(number: u32) -> I {
    I::from_number(NonZeroU32::new(number).unwrap())
}

/// One of 2 origins × 2 partitions × 2 credentials × 2 identities: a bit of `index` for each.
pub(crate) fn description(index: u8, epoch: u64) -> Description {
    let bit = |n: u8| u32::from(index >> n & 1) + 1;
    Description {
        origin: id::<OriginId>(bit(0)),
        partition: Some(id::<PartitionId>(bit(1))),
        credentials: bit(2) == 1,
        identity: Some(id::<IdentityId>(bit(3))),
        trust: id::<TrustId>(1),
        server_name: None,
        route: Route::Direct,
        leg: Leg::Origin,
        transport: Transport::Tcp,
        class: ProtocolClass::Http,
        tenant: None,
        epoch: Epoch(epoch),
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

/// Calls `visit` with every sequence of `length` numbers below `alphabet`, and says how many there were.
pub(crate) fn sequences(length: u32, alphabet: u8, mut visit: impl FnMut(&[u8])) -> u64 {
    let mut sequence = vec![0; length as usize];
    let mut count = 0;
    loop {
        visit(&sequence);
        count += 1;
        let Some(last) = sequence.iter().rposition(|&letter| letter + 1 < alphabet) else {
            return count;
        };
        sequence[last] += 1;
        sequence[last + 1..].fill(0);
    }
}
