//! The leg to a proxy: what it is shown, and which sessions are its own.

use core::time::Duration;

use bareflight_policy::{CertificateAnswer, Origin};
use bareflight_pool_key::{
    Description, Exhausted, IdentityId, Leg, OriginId, SessionKey, TLS13_LIFETIME, TrustId,
};

use super::UserAgent;
use crate::Hop;
use crate::decisions::{Question, Wanted};

/// A proxy to go through, spoken to over TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// Where it is.
    pub origin: Origin,
    /// How to verify it: the caller's number for a policy. That of the request is about the origin alone.
    pub trust: TrustId,
}

/// Under what the sessions of a leg are kept, and when what they stand for ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sessions {
    pub(super) key: SessionKey,
    /// Handed on by resumption.
    pub(super) authenticated_until: Duration,
}

impl UserAgent {
    /// The leg to `proxy` for a request that wants this of the origin behind it.
    pub(super) fn hop(
        &mut self,
        proxy: &Proxy,
        question: &Question,
        wanted: &Wanted,
    ) -> Result<(Hop, Sessions), Exhausted> {
        let identity = self.decisions.choose_identity_for_proxy(
            &self.identities,
            &proxy.origin,
            question.chosen,
        );
        let origin = self.origins.intern(&proxy.origin)?;
        let shown = identity.and_then(|held| self.identities.id(held));
        let own = self.to_proxy(origin, proxy.trust, shown);
        let description = self
            .decisions
            .proxy_session_description(&own, &wanted.description);
        let key = description.keys().session;
        let wanted = Wanted {
            description,
            chosen: shown,
            label: identity.and_then(|held| self.identities.label(held)),
            named: None,
            ..*wanted
        };
        let offer = self
            .decisions
            .offer(&mut self.sessions, &key, &wanted, self.now);
        let hop = Hop {
            proxy: proxy.origin.clone(),
            answer: match identity {
                Some(_) => CertificateAnswer::Present,
                None => CertificateAnswer::Decline,
            },
            identity,
            trust: proxy.trust,
            session_key: key,
            offer: offer.map(|session| session.handle),
        };
        let sessions = Sessions {
            key,
            authenticated_until: offer.map_or(self.now + TLS13_LIFETIME, |session| {
                session.facts.authenticated_until
            }),
        };
        Ok((hop, sessions))
    }

    /// A proxy is asked the same, whoever wants a tunnel: what it is shown is between it and the user, not among the
    /// request's credentials (Fetch counts proxy-authentication entries not among them), and it sees every partition's
    /// tunnels anyway.
    fn to_proxy(
        &self,
        origin: OriginId,
        trust: TrustId,
        identity: Option<IdentityId>,
    ) -> Description {
        Description {
            credentials: true,
            identity,
            leg: Leg::Proxy,
            epoch: self.epoch,
            ..Description::bare(origin, trust)
        }
    }
}
