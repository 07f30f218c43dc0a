//! Controls: harmless and over-strict.

use core::time::Duration;

use bareflight_pool_key::{Description, Id, SessionCache, SessionKey, TenantId};
use bareflight_user_agent::{Keep, Share, Standard, StoredSession, Wanted};

use super::otherwise_standard;

/// The key has one more field than it needs: one that follows from another.
pub(super) struct ExtraField;

impl Share for ExtraField {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        let tenant = TenantId::from_number(wanted.description.origin.number());
        Description {
            tenant: Some(tenant),
            ..wanted.description
        }
    }
}

otherwise_standard!(ExtraField: Carry, Keep);

/// Sessions are never resumed once an identity was presented.
pub(super) struct NoResumptionWithIdentity;

impl Keep for NoResumptionWithIdentity {
    fn offer(
        &self,
        sessions: &mut SessionCache<StoredSession>,
        key: &SessionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<StoredSession> {
        match wanted.description.identity {
            Some(_) => None,
            None => Standard.offer(sessions, key, wanted, now),
        }
    }
}

otherwise_standard!(NoResumptionWithIdentity: Carry, Share);

/// Every request opens its own connection.
pub(super) struct NeverReuse;

impl Share for NeverReuse {
    fn wants_new_connection(&self, _: bool) -> bool {
        true
    }
}

otherwise_standard!(NeverReuse: Carry, Keep);
