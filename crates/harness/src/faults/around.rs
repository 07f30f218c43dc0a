//! Decisions around other decisions: counted where they differ from the right ones, of two faults at once, or of a crowd.

use core::time::Duration;
use std::borrow::Cow;
use std::sync::Arc;

use bareflight_handshake_driver::{
    Admits, Authenticated, Checks, ClientAuth, Hello, LateOutcome, Offer, Rechecks, Resumes, Route,
    Routes, Rules, StreamId, Strict, Version,
};
use bareflight_policy::{CertificateAnswer, Origin, PreflightCache, Purpose, Request};
use bareflight_pool_key::{
    CoalesceFacts, ConnectionKey, Description, Lease, Pool, SessionCache, SessionKey,
};
use bareflight_user_agent::{
    Carried, Carry, ConnectionId, Decisions, EndReason, HeldIdentity, Identities, Keep, Place,
    Protocol, Question, Running, Share, Standard, StoredSession, Verification, Wanted,
};

use super::crowd::{self, Crowd};
use super::reached::{count, differs, watch};
use crate::tier::Deciders;

/// The deciders of a fault; each decision that differs from the right one is counted. Of a fault of a server those of
/// servers are: its user agent may be one that has to be wrong for the fault to show. They live as long as the process
/// does, so they are asked for once.
pub(super) fn watched(agent: &'static dyn Decisions, servers: Option<Rules>) -> Deciders {
    let agent: &'static dyn Decisions = match servers {
        Some(_) => agent,
        None => Box::leak(Box::new(Watched(agent))),
    };
    let watched = |rules: Rules| {
        &*Box::leak(Box::new(Rules {
            resumes: Arc::new(Watched(rules.resumes)),
            routes: Arc::new(Watched(rules.routes)),
            admits: Arc::new(Watched(rules.admits)),
        }))
    };
    Deciders {
        agent,
        ..servers.map_or_else(Deciders::default, |rules| Deciders::from(watched(rules)))
    }
}

/// Two at once: each decision is the first's where that differs from the right one, and the second's elsewhere. Of the two
/// that take something, a connection and a session, the first to find something has it. As long-lived as
/// [`watched`].
pub(super) fn pair(one: Deciders, two: Deciders) -> Deciders {
    let (of, with) = (one.servers, two.servers);
    Deciders {
        agent: Box::leak(Box::new(Pair(one.agent, two.agent))),
        servers: Box::leak(Box::new(Rules {
            resumes: Arc::new(Pair(Arc::clone(&of.resumes), Arc::clone(&with.resumes))),
            routes: Arc::new(Pair(Arc::clone(&of.routes), Arc::clone(&with.routes))),
            admits: Arc::new(Pair(Arc::clone(&of.admits), Arc::clone(&with.admits))),
        })),
    }
}

struct Watched<T>(T);

struct Pair<T>(T, T);

/// The first if it is wrong, else the second.
fn either<T: PartialEq>(first: T, right: &T, second: impl FnOnce() -> T) -> T {
    if first == *right { second() } else { first }
}

/// All wrappers of a trait, method by method. A decision that is not handed on is a fault that is not let loose. What takes
/// something has no right answer beside it to be compared with, and is written out.
macro_rules! around {
    (
        $layer:ident of $held:ty, beside $right:ident, in $deciders:ident by $member:expr;
        $(fn $name:ident $(<$life:lifetime>)? ($($arg:ident: $type:ty),+) -> $answer:ty;)+
        $(taking { watched { $($watched:tt)* } pair { $($pair:tt)* } crowd { $($crowd:tt)* } })?
    ) => {
        #[deny(clippy::missing_trait_methods, reason = "a decision that is not handed on is a fault that is not let loose")]
        impl $layer for Watched<$held> {
            $(fn $name $(<$life>)? (&self, $($arg: $type),+) -> $answer {
                watch(self.0.$name($($arg),+), &$right.$name($($arg),+))
            })+
            $($($watched)*)?
        }

        #[deny(clippy::missing_trait_methods, reason = "a decision that is not handed on is a fault that is not let loose")]
        impl $layer for Pair<$held> {
            $(fn $name $(<$life>)? (&self, $($arg: $type),+) -> $answer {
                either(self.0.$name($($arg),+), &$right.$name($($arg),+), || self.1.$name($($arg),+))
            })+
            $($($pair)*)?
        }

        #[deny(clippy::missing_trait_methods, reason = "a decision that is not asked about is a fault that is not let loose")]
        impl $layer for Crowd {
            $(fn $name $(<$life>)? (&self, $($arg: $type),+) -> $answer {
                let right = $right.$name($($arg),+);
                crowd::ask(|$deciders| $member.$name($($arg),+) != right);
                right
            })+
            $($($crowd)*)?
        }
    };
}

around! { Carry of &'static dyn Decisions, beside Standard, in deciders by deciders.agent;
    fn include_credentials(request: &Request, purpose: Purpose) -> bool;
    fn choose_identity(
        identities: &Identities,
        target: &Origin,
        named: Option<(&Origin, HeldIdentity)>,
        earlier: Option<HeldIdentity>
    ) -> Option<HeldIdentity>;
    fn choose_identity_for_proxy(
        identities: &Identities,
        proxy: &Origin,
        for_origin: Option<HeldIdentity>
    ) -> Option<HeldIdentity>;
    fn answer(question: &Question) -> CertificateAnswer;
    fn answer_late(question: &Question, protocol: Protocol) -> CertificateAnswer;
    fn prompts(question: &Question) -> bool;
    fn choice_holds(made: &Place, here: &Place) -> bool;
    fn sends_early(request: &Request) -> bool;
    fn carried(request: &Request, purpose: Purpose, include_credentials: bool) -> Carried;
    fn skips_preflight(cache: &PreflightCache, request: &Request, now: Duration) -> bool;
    fn follows_preflight_redirect(status: u16) -> bool;
}

around! { Share of &'static dyn Decisions, beside Standard, in deciders by deciders.agent;
    fn pool_credentials(purpose: Purpose, include_credentials: bool) -> bool;
    fn wants_new_connection(misdirected: bool) -> bool;
    fn connection_description(wanted: &Wanted) -> Description;
    fn session_description(wanted: &Wanted) -> Description;
    fn session_origin<'o>(origin: &'o Origin) -> Cow<'o, Origin>;
    fn proxy_session_description(proxy: &Description, origin: &Description) -> Description;
    fn joins(connection: &ConnectionKey, request: &ConnectionKey, facts: CoalesceFacts) -> bool;
    taking {
        watched {
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
        }
        pair {
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
        }
        crowd {
            fn checkout(
                &self,
                pool: &mut Pool<ConnectionId, Running>,
                key: &ConnectionKey,
                wanted: &Wanted,
                now: Duration,
            ) -> Option<Lease<ConnectionId>> {
                if !pool.is_empty() {
                    crowd::somebody_may_take();
                }
                Standard.checkout(pool, key, wanted, now)
            }
        }
    }
}

around! { Keep of &'static dyn Decisions, beside Standard, in deciders by deciders.agent;
    fn verification(wanted: &Wanted) -> Verification;
    fn forgets_sessions(reason: EndReason) -> bool;
    taking {
        watched {
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
        }
        pair {
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
        }
        crowd {
            fn offer(
                &self,
                sessions: &mut SessionCache<StoredSession>,
                key: &SessionKey,
                wanted: &Wanted,
                now: Duration,
            ) -> Option<StoredSession> {
                if !sessions.is_empty() {
                    crowd::somebody_may_take();
                }
                Standard.offer(sessions, key, wanted, now)
            }
        }
    }
}

around! { Resumes of Arc<dyn Resumes>, beside Rechecks, in deciders by deciders.servers.resumes;
    fn switched_on(offer: &Offer<'_>) -> bool;
    fn of_its_version(session: Version, agreed: Version) -> bool;
    fn at_home(offer: &Offer<'_>) -> bool;
    fn fresh(offer: &Offer<'_>) -> bool;
    fn under_its_name(offer: &Offer<'_>) -> bool;
    fn certificate_stands(offer: &Offer<'_>) -> bool;
    fn authenticated_enough(offer: &Offer<'_>) -> bool;
    fn satisfies_policy(offer: &Offer<'_>) -> bool;
    fn resumes(offer: &Offer<'_>) -> bool;
}

around! { Routes of Arc<dyn Routes>, beside Checks, in deciders by deciders.servers.routes;
    fn name_asked<'a>(hello: &Hello<'a>) -> Option<&'a str>;
    fn covers(pattern: &str, name: &str) -> bool;
    fn settle(claimants: &[ClientAuth]) -> usize;
    fn belongs(route: &Route<'_>) -> bool;
}

around! { Admits of Arc<dyn Admits>, beside Strict, in deciders by deciders.servers.admits;
    fn met(outcome: &LateOutcome) -> bool;
    fn covers(authenticated: &Authenticated, request: StreamId) -> bool;
}
