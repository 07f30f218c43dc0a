//! The choices that decide about leaks, each a method whose default is the right answer.
//!
//! Three layers, three traits: what to [`Carry`], who may [`Share`], what to [`Keep`]. [`Standard`] overrides nothing.
//! A fault of the harness overrides one method.

use core::time::Duration;
use std::borrow::Cow;

use bareflight_policy::{
    Body, CertificateAnswer, NetworkPartitionKey, Origin, PreflightCache, Profile, Purpose,
    Request, answer_certificate_request, answer_late_certificate_request, include_credentials,
};
use bareflight_pool_key::{
    CoalesceFacts, ConnectionKey, Description, IdentityId, Lease, Pool, SessionCache, SessionKey,
    coalesce,
};

use crate::{
    Carried, ConnectionId, EndReason, HeldIdentity, Identities, Label, Protocol, Running,
    StoredSession, Verification,
};

/// A CertificateRequest that must be answered, or that may come.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The user agent's profile.
    pub profile: &'static Profile,
    /// For which request.
    pub purpose: Purpose,
    /// Its includeCredentials.
    pub include_credentials: bool,
    /// The identity that the user chooses for the host, whether or not it may be shown.
    pub chosen: Option<HeldIdentity>,
    /// The user, who has one to choose, would send none when asked now.
    pub declines: bool,
}

/// Where a user made a choice: it holds there and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The network partition key, where the profile keeps partitions apart.
    pub partition: Option<NetworkPartitionKey>,
    /// Who asked.
    pub origin: Origin,
}

/// What a request wants of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The description that the keys are built from.
    pub description: Description,
    /// The identity that the user chooses for the host, whether or not it may be shown.
    pub chosen: Option<IdentityId>,
    /// How its owner speaks of it, which is not enough to tell it from others.
    pub label: Option<Label>,
    /// The identity that the caller named: the option as it was set, whatever host it was set for.
    pub named: Option<IdentityId>,
    /// For which request.
    pub purpose: Purpose,
}

/// What to carry.
pub trait Carry {
    /// *includeCredentials* of the hop at hand.
    fn include_credentials(&self, request: &Request, purpose: Purpose) -> bool {
        let _ = purpose;
        include_credentials(request)
    }

    /// The identity for a host: what the caller named for the URL that it asked for, else the user's choice.
    /// `earlier` is what was chosen for the hop before.
    fn choose_identity(
        &self,
        identities: &Identities,
        target: &Origin,
        named: Option<(&Origin, HeldIdentity)>,
        earlier: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        let _ = earlier;
        match named {
            Some((origin, identity)) if origin == target => Some(identity),
            _ => identities.for_host(&host(target)),
        }
    }

    /// The identity for a proxy: the user's choice for the proxy's own host. `for_origin` is what was chosen for the
    /// origin behind it, which is none of the proxy's business (curl change 7d8c68adbe).
    fn choose_identity_for_proxy(
        &self,
        identities: &Identities,
        proxy: &Origin,
        for_origin: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        let _ = for_origin;
        identities.for_host(&host(proxy))
    }

    /// The answer to a CertificateRequest.
    fn answer(&self, question: &Question) -> CertificateAnswer {
        answer_certificate_request(
            question.profile,
            question.purpose,
            question.include_credentials,
            question.chosen.is_some(),
        )
    }

    /// The answer to a CertificateRequest that comes after the handshake, by what the connection then speaks.
    fn answer_late(&self, question: &Question, protocol: Protocol) -> CertificateAnswer {
        answer_late_certificate_request(
            question.profile,
            question.purpose,
            question.include_credentials,
            question.chosen.is_some(),
            protocol == Protocol::H2,
        )
    }

    /// Whether a CertificateRequest opens the dialog in which the user chooses.
    fn prompts(&self, question: &Question) -> bool {
        question.purpose == Purpose::Request
            && question.include_credentials
            && (question.chosen.is_some() || question.declines)
    }

    /// Whether the choice to send no certificate, which the user made at one place, is the answer at another.
    fn choice_holds(&self, made: &Place, here: &Place) -> bool {
        made == here
    }

    /// Whether a request may go out as early data, which somebody who captured it could send again: only if it is safe and
    /// has no body (RFC 8470 section 4, RFC 9110 section 9.2.1).
    fn sends_early(&self, request: &Request) -> bool {
        let safe = ["GET", "HEAD", "OPTIONS", "TRACE"].contains(&request.method.as_str());
        safe && request.body == Body::None
    }

    /// Which credentials travel in headers.
    fn carried(&self, request: &Request, purpose: Purpose, include_credentials: bool) -> Carried {
        let of_caller = request
            .headers
            .contains(&bareflight_policy::HeaderName::AUTHORIZATION);
        Carried {
            cookie: purpose == Purpose::Request && include_credentials,
            authorization: purpose == Purpose::Request && of_caller,
        }
    }

    /// Whether the preflight cache makes a preflight unnecessary.
    fn skips_preflight(&self, cache: &PreflightCache, request: &Request, now: Duration) -> bool {
        cache.matches(request, now)
    }

    /// Whether an answer of this status to a preflight is followed to where it points. A preflight that is not
    /// answered by an *ok status* has failed (CORS-preflight fetch, step 7).
    fn follows_preflight_redirect(&self, status: u16) -> bool {
        let _ = status;
        false
    }
}

/// Who may share.
pub trait Share {
    /// The credentials under which the connection is looked up.
    fn pool_credentials(&self, purpose: Purpose, include_credentials: bool) -> bool {
        let _ = purpose;
        include_credentials
    }

    /// Whether only a new connection will do: the retry after 421.
    fn wants_new_connection(&self, misdirected: bool) -> bool {
        misdirected
    }

    /// What the connection's key is built from.
    fn connection_description(&self, wanted: &Wanted) -> Description {
        wanted.description
    }

    /// The origin whose sessions may serve: the request's own, host and port.
    fn session_origin<'o>(&self, origin: &'o Origin) -> Cow<'o, Origin> {
        Cow::Borrowed(origin)
    }

    /// What the session's key is built from.
    fn session_description(&self, wanted: &Wanted) -> Description {
        wanted.description
    }

    /// What the key of a proxy's sessions is built from: the leg to the proxy, whatever the `origin` behind it
    /// (CVE-2021-22890: a proxy's tickets were filed as the origin's).
    fn proxy_session_description(&self, proxy: &Description, origin: &Description) -> Description {
        let _ = origin;
        *proxy
    }

    /// Whether a request may join a connection that was opened for another host.
    fn joins(
        &self,
        connection: &ConnectionKey,
        request: &ConnectionKey,
        facts: CoalesceFacts,
    ) -> bool {
        coalesce(connection, request, facts).is_ok()
    }

    /// The pooled connection that serves: one of the same key.
    fn checkout(
        &self,
        pool: &mut Pool<ConnectionId, Running>,
        key: &ConnectionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let _ = wanted;
        pool.checkout(key, now)
    }
}

/// What to keep.
pub trait Keep {
    /// The session to offer: one of the same key.
    fn offer(
        &self,
        sessions: &mut SessionCache<StoredSession>,
        key: &SessionKey,
        wanted: &Wanted,
        now: Duration,
    ) -> Option<StoredSession> {
        let _ = wanted;
        sessions.take(key, now)
    }

    /// When the server is verified whose sessions are to be kept: before there are any. (CVE-2020-8172: they were in the cache
    /// when its certificate was looked at.)
    fn verification(&self, wanted: &Wanted) -> Verification {
        let _ = wanted;
        Verification::InHandshake
    }

    /// Whether the end of a connection takes the sessions of its key with it: a handshake or a check that failed does,
    /// a connection that was closed does not (CVE-2024-0853).
    fn forgets_sessions(&self, reason: EndReason) -> bool {
        reason != EndReason::Closed
    }
}

/// All decisions of a user agent.
pub trait Decisions: Carry + Share + Keep + Sync {}

impl<D: Carry + Share + Keep + Sync> Decisions for D {}

/// The right answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standard;

impl Carry for Standard {}
impl Share for Standard {}
impl Keep for Standard {}

/// The host of an origin as text, without a copy where it is a name.
fn host(origin: &Origin) -> std::borrow::Cow<'_, str> {
    match origin.host() {
        Some(url::Host::Domain(name)) => name.as_str().into(),
        Some(other) => other.to_string().into(),
        None => "".into(),
    }
}
