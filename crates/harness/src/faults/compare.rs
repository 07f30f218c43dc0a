//! Faults in how keys are compared: every field is there, and the comparison is wrong.

use core::hash::{Hash, Hasher};
use core::time::Duration;

use bareflight_pool_key::{ConnectionKey, Description, Lease, Pool};
use bareflight_user_agent::{ConnectionId, Running, Share, Wanted};

use super::otherwise_standard;

type Connections = Pool<ConnectionId, Running>;

/// A connection that has more than the request wants is accepted (> in place of !=). Right: neither more nor less.
pub(super) struct OneSided;

impl Share for OneSided {
    fn checkout(
        &self,
        pool: &mut Connections,
        key: &ConnectionKey,
        _: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let wanted = key.description();
        let has_more = |other: &ConnectionKey, _: &ConnectionId| {
            let other = other.description();
            let same = Description {
                identity: wanted.identity,
                credentials: wanted.credentials,
                ..other
            } == wanted;
            same && other.credentials >= wanted.credentials
                && (wanted.identity.is_none() || other.identity == wanted.identity)
        };
        pool.checkout(key, now)
            .or_else(|| pool.checkout_where(has_more, now))
    }
}

otherwise_standard!(OneSided: Carry, Keep);

/// The comparison runs on a copy whose identity was already cleared, so that it is always equal.
pub(super) struct ClearedCopy;

impl Share for ClearedCopy {
    fn checkout(
        &self,
        pool: &mut Connections,
        key: &ConnectionKey,
        _: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let cleared = |key: &ConnectionKey| Description {
            identity: None,
            ..key.description()
        };
        let wanted = cleared(key);
        pool.checkout_where(|other, _| cleared(other) == wanted, now)
    }
}

otherwise_standard!(ClearedCopy: Carry, Keep);

/// A hash cut down to four bits stands for the key, and collisions share. Right: equality decides, a hash only chooses
/// a bucket.
pub(super) struct HashOnly;

impl Share for HashOnly {
    fn checkout(
        &self,
        pool: &mut Connections,
        key: &ConnectionKey,
        _: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let wanted = cut(key);
        pool.checkout_where(|other, _| cut(other) == wanted, now)
    }
}

otherwise_standard!(HashOnly: Carry, Keep);

fn cut(key: &ConnectionKey) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    key.hash(&mut hasher);
    hasher.finish() & 0xf
}

/// FNV-1a: the same in every process, which the hashers of tables need not be.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
