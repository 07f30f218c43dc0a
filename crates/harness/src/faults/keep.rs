//! Faults in which TLS session is offered.

use core::time::Duration;

use bareflight_pool_key::{Description, SessionCache, SessionKey};
use bareflight_user_agent::{Keep, Share, Standard, StoredSession, Wanted};

use super::otherwise_standard;

/// The credentials bit is in the pool key and not in the session key, so an anonymous request is offered the session of
/// the user. Right: sessions are not reused across connections whose credentials differ (the note in *obtain a
/// connection*).
pub(super) struct AnonymousSharesTickets;

impl Share for AnonymousSharesTickets {
    fn session_description(&self, wanted: &Wanted) -> Description {
        Description {
            credentials: true,
            identity: wanted.chosen,
            ..wanted.description
        }
    }
}

otherwise_standard!(AnonymousSharesTickets: Carry, Keep);

/// Sessions are shared across network partition keys. Right: a ticket tells the server that two connections are of one
/// client, so it stays within its partition (RFC 9846 appendix C.4).
pub(super) struct SessionKeyWithoutPartition;

impl Share for SessionKeyWithoutPartition {
    fn session_description(&self, wanted: &Wanted) -> Description {
        Description {
            partition: None,
            ..wanted.description
        }
    }
}

otherwise_standard!(SessionKeyWithoutPartition: Carry, Keep);

/// The client identity is not in the session key. Right: a session authenticates as whoever obtained it.
pub(super) struct SessionKeyWithoutIdentity;

impl Share for SessionKeyWithoutIdentity {
    fn session_description(&self, wanted: &Wanted) -> Description {
        Description {
            identity: None,
            ..wanted.description
        }
    }
}

otherwise_standard!(SessionKeyWithoutIdentity: Carry, Keep);

/// Early data goes out under whatever session allows it to the same origin: who it stands for is looked at when the
/// connection is there, which is too late. Right: the key is compared before a session is offered, with early data or
/// without.
pub(super) struct EarlyDataBeforeDecision;

impl Keep for EarlyDataBeforeDecision {
    fn offer(
        &self,
        sessions: &mut SessionCache<StoredSession>,
        key: &SessionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<StoredSession> {
        let (origin, leg) = (wanted.description.origin, wanted.description.leg);
        let early = |other: &SessionKey, session: &StoredSession| {
            let other = other.description();
            session.early_data.is_some() && other.origin == origin && other.leg == leg
        };
        Standard
            .offer(sessions, key, wanted, now)
            .or_else(|| sessions.take_where(early, now))
    }
}

otherwise_standard!(EarlyDataBeforeDecision: Carry, Share);
