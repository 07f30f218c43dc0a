//! Faults on the way through a proxy.

use bareflight_policy::Origin;
use bareflight_pool_key::{Description, Id, OriginId, Route, TrustId};
use bareflight_user_agent::{Carry, HeldIdentity, Identities, Share, Wanted};

use super::otherwise_standard;

/// A tunnelled and a direct connection share a key. Right: what goes through a proxy is another connection than what goes
/// straight, and who asked for one did not ask for the other.
pub(super) struct PoolKeyWithoutProxy;

impl Share for PoolKeyWithoutProxy {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        Description {
            route: Route::Direct,
            ..wanted.description
        }
    }
}

otherwise_standard!(PoolKeyWithoutProxy: Carry, Keep);

/// The pool of a proxied client is keyed by the proxy alone, so all origins behind it share connections. Right: a tunnel
/// leads to one origin, and the whole key of that origin is the connection's.
pub(super) struct PoolKeyOnlyProxy;

impl Share for PoolKeyOnlyProxy {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        match wanted.description.route {
            Route::Direct => wanted.description,
            Route::Via(_) => Description {
                route: wanted.description.route,
                ..Description::bare(
                    OriginId::from_number(core::num::NonZeroU32::MAX),
                    TrustId::from_number(core::num::NonZeroU32::MIN),
                )
            },
        }
    }
}

otherwise_standard!(PoolKeyOnlyProxy: Carry, Keep);

/// Tickets of the TLS proxy are filed as the origin's. Right: the leg is in the session key.
pub(super) struct SessionKeyWithoutLeg;

impl Share for SessionKeyWithoutLeg {
    fn proxy_session_description(&self, _: &Description, origin: &Description) -> Description {
        *origin
    }
}

otherwise_standard!(SessionKeyWithoutLeg: Carry, Keep);

/// The TLS proxy's CertificateRequest is answered with the identity of the origin behind it. Right: the proxy is shown
/// what the user chooses for the proxy.
pub(super) struct OriginIdentityOnProxyLeg;

impl Carry for OriginIdentityOnProxyLeg {
    fn choose_identity_for_proxy(
        &self,
        _: &Identities,
        _: &Origin,
        for_origin: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        for_origin
    }
}

otherwise_standard!(OriginIdentityOnProxyLeg: Share, Keep);
