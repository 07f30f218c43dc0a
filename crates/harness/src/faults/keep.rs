//! Faults in which TLS session is offered.

use core::num::NonZeroU32;
use core::time::Duration;
use std::borrow::Cow;

use bareflight_policy::Origin;
use bareflight_pool_key::{Description, Epoch, Id, OriginId, SessionCache, SessionKey, TrustId};
use bareflight_user_agent::{
    EndReason, Keep, Share, Standard, StoredSession, Verification, Wanted,
};

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

/// The server-verification policy is not in the session key: a session that was obtained without verification is
/// offered by a request that verifies, and a resumption verifies nothing. Right: the policy is in the key (curl change
/// 4ce22c607b).
pub(super) struct SessionKeyWithoutTrust;

impl Share for SessionKeyWithoutTrust {
    fn session_description(&self, wanted: &Wanted) -> Description {
        Description {
            trust: TrustId::from_number(NonZeroU32::MAX),
            ..wanted.description
        }
    }
}

otherwise_standard!(SessionKeyWithoutTrust: Carry, Keep);

/// Sessions are filed by the server's name alone, whatever the port. Right: another port is another server (undici's
/// session cache, Go's `ClientSessionCache`).
pub(super) struct SessionKeyWithoutPort;

impl Share for SessionKeyWithoutPort {
    fn session_origin<'o>(&self, origin: &'o Origin) -> Cow<'o, Origin> {
        let at_default = origin.as_str().rsplit_once(':').filter(|(_, port)| {
            // Not the colon of the scheme.
            port.parse::<u16>().is_ok()
        });
        match at_default.map(|(host, _)| Origin::parse(host)) {
            Some(Ok(host)) => Cow::Owned(host),
            _ => Cow::Borrowed(origin),
        }
    }
}

otherwise_standard!(SessionKeyWithoutPort: Carry, Keep);

/// There is one slot for sessions whatever server they are of, so that one name's is offered under another. Right: host
/// and port are in the key (CVE-2026-48934; HAProxy's backend session slot before 2025).
pub(super) struct SessionKeyWithoutHost;

impl Share for SessionKeyWithoutHost {
    fn session_description(&self, wanted: &Wanted) -> Description {
        Description {
            origin: OriginId::from_number(NonZeroU32::MAX),
            ..wanted.description
        }
    }
}

otherwise_standard!(SessionKeyWithoutHost: Carry, Keep);

/// Resumption is switched off for who has an identity, and the switch is read from the request that would resume, not
/// from the session: a request without an identity is offered the session of one that had it. Right: the identity is in
/// the key, and no switch is needed (CVE-2017-7468).
pub(super) struct SessionDisableFlagLost;

impl Keep for SessionDisableFlagLost {
    fn offer(
        &self,
        sessions: &mut SessionCache<StoredSession>,
        key: &SessionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<StoredSession> {
        let nobodys = |key: &SessionKey| Description {
            identity: None,
            ..key.description()
        };
        match wanted.description.identity {
            Some(_) => None,
            None => sessions.take_where(|other, _| nobodys(other) == nobodys(key), now),
        }
    }
}

otherwise_standard!(SessionDisableFlagLost: Carry, Share);

/// Sessions lie in a table by what their servers call them, and each server counts from one: of two that are called the same
/// the later one is there, whosever it is. Right: by the client's own key, in which a server has no say (CVE-2026-94419).
pub(super) struct SessionKeyServerChosen;

impl Keep for SessionKeyServerChosen {
    fn offer(
        &self,
        sessions: &mut SessionCache<StoredSession>,
        key: &SessionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<StoredSession> {
        let own = Standard.offer(sessions, key, wanted, now)?;
        let in_its_place =
            |_: &SessionKey, other: &StoredSession| other.id == own.id && other.handle > own.handle;
        sessions.take_where(in_its_place, now).or(Some(own))
    }
}

otherwise_standard!(SessionKeyServerChosen: Carry, Share);

/// The server's certificate is looked at when the handshake is over, and by then its sessions are in the cache: whoever comes
/// meanwhile resumes one, which verifies nothing. Right: what is not verified is not kept (CVE-2020-8172).
pub(super) struct SessionStoredBeforeVerification;

impl Keep for SessionStoredBeforeVerification {
    fn verification(&self, _: &Wanted) -> Verification {
        Verification::Afterwards
    }
}

otherwise_standard!(SessionStoredBeforeVerification: Carry, Share);

/// A session stays in the cache after the handshake that offered it, or a check on its connection, failed. Right: the
/// failure takes the sessions of its key with it (CVE-2024-0853).
pub(super) struct SessionKeptAfterFailure;

impl Keep for SessionKeptAfterFailure {
    fn forgets_sessions(&self, _: EndReason) -> bool {
        false
    }
}

otherwise_standard!(SessionKeptAfterFailure: Carry, Share);

/// Clearing client certificates drops the connections and leaves the sessions, which authenticate all the same. Right:
/// both stores hear of it.
pub(super) struct SessionSurvivesLogout;

impl Share for SessionSurvivesLogout {
    fn session_description(&self, wanted: &Wanted) -> Description {
        Description {
            epoch: Epoch(u64::MAX),
            ..wanted.description
        }
    }
}

otherwise_standard!(SessionSurvivesLogout: Carry, Keep);

/// Two kinds of anonymous connection, those that may and those that may not present a certificate, have keys of their
/// own in the pool and one key between them in the session cache. Right: what tells connections apart tells sessions
/// apart. It takes a profile that presents certificates without credentials for some requests.
pub(super) struct AnonymousVariantSharesTickets;

impl Share for AnonymousVariantSharesTickets {
    fn session_description(&self, wanted: &Wanted) -> Description {
        let Description {
            credentials,
            identity,
            ..
        } = wanted.description;
        Description {
            identity: identity.filter(|_| credentials),
            ..wanted.description
        }
    }
}

otherwise_standard!(AnonymousVariantSharesTickets: Carry, Keep);

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
