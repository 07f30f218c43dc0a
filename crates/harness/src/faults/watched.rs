//! How often did a fault's decision differ from the right one? *Reached* is counted apart from *caught*.
//!
//! Reached and never caught is a hole in an invariant; never reached is a hole in the generator. A decision that differs
//! is one that was asked for and answered otherwise than [`Standard`] answers the same question. Whether anything came of
//! it is not looked at: that is what the invariants are for.
//!
//! Taking a connection or a session changes the pool or the cache, so the right answer cannot be tried beside the other.
//! There a decision differs if what was taken was filed under another key than the one that was asked for, or if nothing
//! was taken although something is filed under that very key (even if others are before it in line, which a look from
//! outside does not tell).

use core::cell::Cell;
use core::time::Duration;
use std::borrow::Cow;

use bareflight_policy::{CertificateAnswer, Origin, PreflightCache, Purpose, Request};
use bareflight_pool_key::{
    CoalesceFacts, ConnectionKey, Description, Lease, Pool, SessionCache, SessionKey,
};
use bareflight_user_agent::{
    Carried, Carry, ConnectionId, Decisions, EndReason, HeldIdentity, Identities, Keep, Protocol,
    Question, Running, Share, Standard, StoredSession, Wanted,
};

thread_local! {
    /// A tier runs a scenario on one thread, and decisions are shared by all: the count is the thread's.
    static DIFFERENT: Cell<u64> = const { Cell::new(0) };
}

/// The decisions of a fault; each that differs is counted.
pub(super) struct Watched(pub(super) &'static dyn Decisions);

/// Decisions on this thread that differed since this was last asked.
pub(crate) fn take_reached() -> u64 {
    DIFFERENT.take()
}

fn count() {
    DIFFERENT.set(DIFFERENT.get() + 1);
}

/// The fault's answer, counted if it is not the right one.
pub(super) fn watch<T: PartialEq>(given: T, right: &T) -> T {
    if given != *right {
        count();
    }
    given
}

#[deny(
    clippy::missing_trait_methods,
    reason = "a decision that is not handed on is a fault that is not let loose"
)]
impl Carry for Watched {
    fn include_credentials(&self, request: &Request, purpose: Purpose) -> bool {
        watch(
            self.0.include_credentials(request, purpose),
            &Standard.include_credentials(request, purpose),
        )
    }

    fn choose_identity(
        &self,
        identities: &Identities,
        target: &Origin,
        named: Option<(&Origin, HeldIdentity)>,
        earlier: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        watch(
            self.0.choose_identity(identities, target, named, earlier),
            &Standard.choose_identity(identities, target, named, earlier),
        )
    }

    fn choose_identity_for_proxy(
        &self,
        identities: &Identities,
        proxy: &Origin,
        for_origin: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        watch(
            self.0
                .choose_identity_for_proxy(identities, proxy, for_origin),
            &Standard.choose_identity_for_proxy(identities, proxy, for_origin),
        )
    }

    fn answer(&self, question: &Question) -> CertificateAnswer {
        watch(self.0.answer(question), &Standard.answer(question))
    }

    fn answer_late(&self, question: &Question, protocol: Protocol) -> CertificateAnswer {
        watch(
            self.0.answer_late(question, protocol),
            &Standard.answer_late(question, protocol),
        )
    }

    fn prompts(&self, question: &Question) -> bool {
        watch(self.0.prompts(question), &Standard.prompts(question))
    }

    fn sends_early(&self, request: &Request) -> bool {
        watch(self.0.sends_early(request), &Standard.sends_early(request))
    }

    fn carried(&self, request: &Request, purpose: Purpose, include_credentials: bool) -> Carried {
        watch(
            self.0.carried(request, purpose, include_credentials),
            &Standard.carried(request, purpose, include_credentials),
        )
    }

    fn skips_preflight(&self, cache: &PreflightCache, request: &Request, now: Duration) -> bool {
        watch(
            self.0.skips_preflight(cache, request, now),
            &Standard.skips_preflight(cache, request, now),
        )
    }

    fn follows_preflight_redirect(&self, status: u16) -> bool {
        watch(
            self.0.follows_preflight_redirect(status),
            &Standard.follows_preflight_redirect(status),
        )
    }
}

#[deny(
    clippy::missing_trait_methods,
    reason = "a decision that is not handed on is a fault that is not let loose"
)]
impl Share for Watched {
    fn pool_credentials(&self, purpose: Purpose, include_credentials: bool) -> bool {
        watch(
            self.0.pool_credentials(purpose, include_credentials),
            &Standard.pool_credentials(purpose, include_credentials),
        )
    }

    fn wants_new_connection(&self, misdirected: bool) -> bool {
        watch(
            self.0.wants_new_connection(misdirected),
            &Standard.wants_new_connection(misdirected),
        )
    }

    fn connection_description(&self, wanted: &Wanted) -> Description {
        watch(
            self.0.connection_description(wanted),
            &Standard.connection_description(wanted),
        )
    }

    fn session_description(&self, wanted: &Wanted) -> Description {
        watch(
            self.0.session_description(wanted),
            &Standard.session_description(wanted),
        )
    }

    fn proxy_session_description(&self, proxy: &Description, origin: &Description) -> Description {
        watch(
            self.0.proxy_session_description(proxy, origin),
            &Standard.proxy_session_description(proxy, origin),
        )
    }

    fn joins(
        &self,
        connection: &ConnectionKey,
        request: &ConnectionKey,
        facts: CoalesceFacts,
    ) -> bool {
        watch(
            self.0.joins(connection, request, facts),
            &Standard.joins(connection, request, facts),
        )
    }

    fn checkout(
        &self,
        pool: &mut Pool<ConnectionId, Running>,
        key: &ConnectionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let mut there = Vec::new();
        let look = |filed: &ConnectionKey, connection: &ConnectionId| {
            there.push((*connection, filed == key));
            false
        };
        pool.checkout_where(look, now);
        let lease = self.0.checkout(pool, key, wanted, now);
        if differs(lease.as_ref().map(Lease::connection), &there) {
            count();
        }
        lease
    }

    fn session_origin<'o>(&self, origin: &'o Origin) -> Cow<'o, Origin> {
        watch(
            self.0.session_origin(origin),
            &Standard.session_origin(origin),
        )
    }
}

#[deny(
    clippy::missing_trait_methods,
    reason = "a decision that is not handed on is a fault that is not let loose"
)]
impl Keep for Watched {
    fn offer(
        &self,
        sessions: &mut SessionCache<StoredSession>,
        key: &SessionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<StoredSession> {
        let mut there = Vec::new();
        let look = |filed: &SessionKey, session: &StoredSession| {
            there.push((*session, filed == key));
            false
        };
        sessions.take_where(look, now);
        let offer = self.0.offer(sessions, key, wanted, now);
        if differs(offer, &there) {
            count();
        }
        offer
    }

    fn forgets_sessions(&self, reason: EndReason) -> bool {
        watch(
            self.0.forgets_sessions(reason),
            &Standard.forgets_sessions(reason),
        )
    }
}

/// Whether what was taken is another than the key stands for: of another key, or nothing where the key has something.
fn differs<T: PartialEq>(taken: Option<T>, there: &[(T, bool)]) -> bool {
    match taken {
        Some(taken) => there.iter().any(|(it, right)| *it == taken && !right),
        None => there.iter().any(|(_, right)| *right),
    }
}

#[cfg(test)]
mod tests {
    use super::differs;

    #[test]
    fn what_is_taken_differs_by_its_key_alone() {
        let there = [('a', false), ('b', true), ('c', true)];
        assert!(differs(Some('a'), &there), "another key's");
        assert!(!differs(Some('b'), &there) && !differs(Some('c'), &there));
        assert!(differs(None, &there), "the key's own was left");
        assert!(!differs(None, &there[..1]), "there is none of the key");
    }
}
