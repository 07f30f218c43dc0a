//! Two faults at once: does one hide the other?

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

/// Each decision is the first fault's where that differs from the right one, and the second's elsewhere. Of the two that
/// take something, a connection and a session, the first to find something has it.
pub(super) struct Pair(
    pub(super) &'static dyn Decisions,
    pub(super) &'static dyn Decisions,
);

/// The first if it is wrong, else the second.
pub(super) fn either<T: PartialEq>(first: T, right: &T, second: impl FnOnce() -> T) -> T {
    if first == *right { second() } else { first }
}

#[deny(
    clippy::missing_trait_methods,
    reason = "a decision that is not handed on is a fault that is not let loose"
)]
impl Carry for Pair {
    fn include_credentials(&self, request: &Request, purpose: Purpose) -> bool {
        either(
            self.0.include_credentials(request, purpose),
            &Standard.include_credentials(request, purpose),
            || self.1.include_credentials(request, purpose),
        )
    }

    fn choose_identity(
        &self,
        identities: &Identities,
        target: &Origin,
        named: Option<(&Origin, HeldIdentity)>,
        earlier: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        either(
            self.0.choose_identity(identities, target, named, earlier),
            &Standard.choose_identity(identities, target, named, earlier),
            || self.1.choose_identity(identities, target, named, earlier),
        )
    }

    fn choose_identity_for_proxy(
        &self,
        identities: &Identities,
        proxy: &Origin,
        for_origin: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        either(
            self.0
                .choose_identity_for_proxy(identities, proxy, for_origin),
            &Standard.choose_identity_for_proxy(identities, proxy, for_origin),
            || {
                self.1
                    .choose_identity_for_proxy(identities, proxy, for_origin)
            },
        )
    }

    fn answer(&self, question: &Question) -> CertificateAnswer {
        either(self.0.answer(question), &Standard.answer(question), || {
            self.1.answer(question)
        })
    }

    fn answer_late(&self, question: &Question, protocol: Protocol) -> CertificateAnswer {
        either(
            self.0.answer_late(question, protocol),
            &Standard.answer_late(question, protocol),
            || self.1.answer_late(question, protocol),
        )
    }

    fn prompts(&self, question: &Question) -> bool {
        either(
            self.0.prompts(question),
            &Standard.prompts(question),
            || self.1.prompts(question),
        )
    }

    fn sends_early(&self, request: &Request) -> bool {
        either(
            self.0.sends_early(request),
            &Standard.sends_early(request),
            || self.1.sends_early(request),
        )
    }

    fn carried(&self, request: &Request, purpose: Purpose, include_credentials: bool) -> Carried {
        either(
            self.0.carried(request, purpose, include_credentials),
            &Standard.carried(request, purpose, include_credentials),
            || self.1.carried(request, purpose, include_credentials),
        )
    }

    fn skips_preflight(&self, cache: &PreflightCache, request: &Request, now: Duration) -> bool {
        either(
            self.0.skips_preflight(cache, request, now),
            &Standard.skips_preflight(cache, request, now),
            || self.1.skips_preflight(cache, request, now),
        )
    }

    fn follows_preflight_redirect(&self, status: u16) -> bool {
        either(
            self.0.follows_preflight_redirect(status),
            &Standard.follows_preflight_redirect(status),
            || self.1.follows_preflight_redirect(status),
        )
    }
}

#[deny(
    clippy::missing_trait_methods,
    reason = "a decision that is not handed on is a fault that is not let loose"
)]
impl Share for Pair {
    fn pool_credentials(&self, purpose: Purpose, include_credentials: bool) -> bool {
        either(
            self.0.pool_credentials(purpose, include_credentials),
            &Standard.pool_credentials(purpose, include_credentials),
            || self.1.pool_credentials(purpose, include_credentials),
        )
    }

    fn wants_new_connection(&self, misdirected: bool) -> bool {
        either(
            self.0.wants_new_connection(misdirected),
            &Standard.wants_new_connection(misdirected),
            || self.1.wants_new_connection(misdirected),
        )
    }

    fn connection_description(&self, wanted: &Wanted) -> Description {
        either(
            self.0.connection_description(wanted),
            &Standard.connection_description(wanted),
            || self.1.connection_description(wanted),
        )
    }

    fn session_description(&self, wanted: &Wanted) -> Description {
        either(
            self.0.session_description(wanted),
            &Standard.session_description(wanted),
            || self.1.session_description(wanted),
        )
    }

    fn proxy_session_description(&self, proxy: &Description, origin: &Description) -> Description {
        either(
            self.0.proxy_session_description(proxy, origin),
            &Standard.proxy_session_description(proxy, origin),
            || self.1.proxy_session_description(proxy, origin),
        )
    }

    fn joins(
        &self,
        connection: &ConnectionKey,
        request: &ConnectionKey,
        facts: CoalesceFacts,
    ) -> bool {
        either(
            self.0.joins(connection, request, facts),
            &Standard.joins(connection, request, facts),
            || self.1.joins(connection, request, facts),
        )
    }

    fn checkout(
        &self,
        pool: &mut Pool<ConnectionId, Running>,
        key: &ConnectionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let first = self.0.checkout(pool, key, wanted, now);
        first.or_else(|| self.1.checkout(pool, key, wanted, now))
    }

    fn session_origin<'o>(&self, origin: &'o Origin) -> Cow<'o, Origin> {
        either(
            self.0.session_origin(origin),
            &Standard.session_origin(origin),
            || self.1.session_origin(origin),
        )
    }
}

#[deny(
    clippy::missing_trait_methods,
    reason = "a decision that is not handed on is a fault that is not let loose"
)]
impl Keep for Pair {
    fn offer(
        &self,
        sessions: &mut SessionCache<StoredSession>,
        key: &SessionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<StoredSession> {
        let first = self.0.offer(sessions, key, wanted, now);
        first.or_else(|| self.1.offer(sessions, key, wanted, now))
    }

    fn forgets_sessions(&self, reason: EndReason) -> bool {
        either(
            self.0.forgets_sessions(reason),
            &Standard.forgets_sessions(reason),
            || self.1.forgets_sessions(reason),
        )
    }
}
