//! Faults in who may share a connection.

use core::num::NonZeroU32;
use core::time::Duration;

use bareflight_policy::Purpose;
use bareflight_pool_key::{
    ConnectionKey, Description, Epoch, Id, IdentityId, Lease, Pool, TrustId,
};
use bareflight_user_agent::{ConnectionId, Label, Running, Share, Wanted};

use super::otherwise_standard;

/// A preflight is looked up with credentials = true. Right: with false.
pub(super) struct PreflightUsesCredentialedPool;

impl Share for PreflightUsesCredentialedPool {
    fn pool_credentials(&self, purpose: Purpose, include_credentials: bool) -> bool {
        include_credentials || purpose == Purpose::Preflight
    }
}

otherwise_standard!(PreflightUsesCredentialedPool: Carry, Keep);

/// Identities are compared only when the request wants one. Right: no identity equals only no identity.
pub(super) struct BareRequestRidesAuthenticatedConnection;

impl Share for BareRequestRidesAuthenticatedConnection {
    fn checkout(
        &self,
        pool: &mut Pool<ConnectionId, Running>,
        key: &ConnectionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let same = |other: &ConnectionKey, _: &ConnectionId| {
            ignoring_identity(other) == ignoring_identity(key)
        };
        match wanted.description.identity {
            Some(_) => pool.checkout(key, now),
            None => pool
                .checkout(key, now)
                .or_else(|| pool.checkout_where(same, now)),
        }
    }
}

otherwise_standard!(BareRequestRidesAuthenticatedConnection: Carry, Keep);

/// A connection opened without the certificate is given to a credentialed request. Right: the omission sticks to the
/// connection, so it serves credentials = false only.
pub(super) struct WithheldCertificateSticks;

impl Share for WithheldCertificateSticks {
    fn checkout(
        &self,
        pool: &mut Pool<ConnectionId, Running>,
        key: &ConnectionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let bare = |other: &ConnectionKey, _: &ConnectionId| {
            wanted.description.credentials
                && !other.description().credentials
                && ignoring_identity(other) == ignoring_identity(key)
        };
        pool.checkout(key, now)
            .or_else(|| pool.checkout_where(bare, now))
    }
}

otherwise_standard!(WithheldCertificateSticks: Carry, Keep);

/// The client identity is not in the pool key. Right: whole chain and private key are.
pub(super) struct PoolKeyWithoutIdentity;

impl Share for PoolKeyWithoutIdentity {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        Description {
            identity: None,
            ..wanted.description
        }
    }
}

otherwise_standard!(PoolKeyWithoutIdentity: Carry, Keep);

/// The key records that there is an identity, not which. Right: which.
pub(super) struct PoolKeyIdentityByPresence;

impl Share for PoolKeyIdentityByPresence {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        let some = IdentityId::from_number(NonZeroU32::MAX);
        Description {
            identity: wanted.description.identity.map(|_| some),
            ..wanted.description
        }
    }
}

otherwise_standard!(PoolKeyIdentityByPresence: Carry, Keep);

/// The server-verification policy is not in the pool key. Right: a connection that was opened without verification
/// serves nobody who verifies.
pub(super) struct PoolKeyWithoutTrust;

impl Share for PoolKeyWithoutTrust {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        Description {
            trust: TrustId::from_number(NonZeroU32::MAX),
            ..wanted.description
        }
    }
}

otherwise_standard!(PoolKeyWithoutTrust: Carry, Keep);

/// A name that a request asks for in place of the host's is not in the pool key, so that a server that was verified as one is
/// taken for the other. Right: it is as much a part of the verification as the roots are (urllib3 issue 1449).
pub(super) struct PoolKeyWithoutServerName;

impl Share for PoolKeyWithoutServerName {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        Description {
            server_name: None,
            ..wanted.description
        }
    }
}

otherwise_standard!(PoolKeyWithoutServerName: Carry, Keep);

/// The network partition key is not in the pool key. Right: it is the first part of the standard's triple.
pub(super) struct PoolKeyWithoutPartition;

impl Share for PoolKeyWithoutPartition {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        Description {
            partition: None,
            ..wanted.description
        }
    }
}

otherwise_standard!(PoolKeyWithoutPartition: Carry, Keep);

/// After the user logs out or the network changes, idle connections from before still match. Right: the epoch is in the
/// key, and the pool drops what is of an earlier one.
pub(super) struct PoolKeyWithoutEpoch;

impl Share for PoolKeyWithoutEpoch {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        Description {
            epoch: Epoch(u64::MAX),
            ..wanted.description
        }
    }
}

otherwise_standard!(PoolKeyWithoutEpoch: Carry, Keep);

/// An identity is known by the name of the file that it comes from, which a renewed certificate keeps; those that the
/// caller hands over as bytes have no name and look alike. Right: whole chain and private key (curl issue 5617).
pub(super) struct PoolKeyIdentityByName;

impl Share for PoolKeyIdentityByName {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        known_by(wanted, |label| match wanted.named {
            Some(_) => NonZeroU32::MAX,
            None => NonZeroU32::MIN.saturating_add(label.held.0),
        })
    }
}

otherwise_standard!(PoolKeyIdentityByName: Carry, Keep);

/// An identity is known by its certificate chain, which anybody may have: whoever shows it without the key to it shares the
/// connection of whoever has the key. Right: whole chain and private key (CVE-2026-8932).
pub(super) struct PoolKeyWithoutPrivateKey;

impl Share for PoolKeyWithoutPrivateKey {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        known_by(wanted, |label| label.chain.number())
    }
}

otherwise_standard!(PoolKeyWithoutPrivateKey: Carry, Keep);

/// An identity is known by its certificate's serial number, and each issuer counts from one. Right: whole chain and
/// private key.
pub(super) struct PoolKeyIdentityBySerial;

impl Share for PoolKeyIdentityBySerial {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        known_by(wanted, |label| label.serial)
    }
}

otherwise_standard!(PoolKeyIdentityBySerial: Carry, Keep);

/// The description with something else in place of the identity, if it has one.
fn known_by(wanted: &Wanted, number: impl Fn(Label) -> NonZeroU32) -> Description {
    let instead = wanted
        .label
        .map(|label| IdentityId::from_number(number(label)));
    Description {
        identity: wanted.description.identity.and(instead),
        ..wanted.description
    }
}

/// A description less what tells who the client is.
fn ignoring_identity(key: &ConnectionKey) -> Description {
    Description {
        identity: None,
        credentials: false,
        ..key.description()
    }
}
