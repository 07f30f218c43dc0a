//! Faults in how keys are compared: every field is there, and the comparison is wrong.

use core::hash::{Hash, Hasher};
use core::num::NonZeroU32;
use core::time::Duration;

use bareflight_pool_key::{ConnectionKey, Description, Id, IdentityId, Lease, Pool, Route};
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

/// Identities that the caller hands over as structures are turned into text to be compared, and each into the same text.
/// Right: their contents are compared (CVE-2026-56850).
pub(super) struct Coerced;

impl Share for Coerced {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        let text = wanted
            .named
            .map(|_| IdentityId::from_number(NonZeroU32::MAX));
        let identity = wanted.description.identity;
        Description {
            identity: identity.and(text.or(identity)),
            ..wanted.description
        }
    }
}

otherwise_standard!(Coerced: Carry, Keep);

/// Names of identities, which are names of files, are compared without case, so that the one filed first stands for every
/// other that is spelt like it. Right: whole chain and private key (CVE-2021-22924).
pub(super) struct CaseFolded;

impl Share for CaseFolded {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        let folded = wanted.label.map(|label| label.folded);
        Description {
            identity: wanted.description.identity.and(folded),
            ..wanted.description
        }
    }
}

otherwise_standard!(CaseFolded: Carry, Keep);

/// What the caller names is compared, and whoever leaves it to the surroundings names nothing: two identities that came
/// of two such choices, before and after a renewal, count as one. Right: who it comes to, whoever chose
/// (CVE-2026-19931).
pub(super) struct EmptyEqualsEmpty;

impl Share for EmptyEqualsEmpty {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        let empty = IdentityId::from_number(NonZeroU32::MAX);
        let identity = wanted.description.identity;
        Description {
            identity: match wanted.named {
                Some(_) => identity,
                None => identity.map(|_| empty),
            },
            ..wanted.description
        }
    }
}

otherwise_standard!(EmptyEqualsEmpty: Carry, Keep);

/// The option that the caller set is compared, not what it comes to for the request at hand: an identity that was named
/// for one origin counts as the same after a redirect to another, where it is not shown. Right: the identity derived for
/// this hop (CVE-2026-86415).
pub(super) struct RawOption;

impl Share for RawOption {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        Description {
            identity: wanted.named.or(wanted.description.identity),
            ..wanted.description
        }
    }
}

otherwise_standard!(RawOption: Carry, Keep);

/// Identities are compared for connections that begin with TLS; one that becomes TLS later, here in a tunnel, escapes.
/// Right: they are compared wherever there may be TLS (CVE-2026-8286).
pub(super) struct GatedOnScheme;

impl Share for GatedOnScheme {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        let begins_with_tls = wanted.description.route == Route::Direct;
        Description {
            identity: wanted.description.identity.filter(|_| begins_with_tls),
            ..wanted.description
        }
    }
}

otherwise_standard!(GatedOnScheme: Carry, Keep);

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
