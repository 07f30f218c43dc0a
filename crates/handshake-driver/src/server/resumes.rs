//! May this session be resumed here and now?

use std::time::Duration;

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::danger::ClientCertVerifier;

use super::authentication::only_leaf_passes;
use crate::ids::ServerId;
use crate::plan::{ClientAuth, Resumption, Version};

/// A session on offer, beside what is in force where it is offered. Plain facts: a model of a server can tell them too.
pub struct Offer<'a> {
    /// The server that issued the session.
    pub issued_by: ServerId,
    /// The server that it is offered to.
    pub server: ServerId,
    /// The version that it was made in.
    pub version: Version,
    /// The name in the ClientHello under which it was issued.
    pub issued_for: Option<&'a str>,
    /// The name in the ClientHello that offers it.
    pub server_name: Option<&'a str>,
    /// Whether the server takes sessions across names ([`ServerPlan::across_names`](crate::ServerPlan::across_names)).
    pub across_names: bool,
    /// How long ago it was issued.
    pub age: Duration,
    /// How old it may become.
    pub lifetime: Duration,
    /// How the server remembers sessions now.
    pub resumption: Resumption,
    /// The policy that the original handshake was under.
    pub issued_under: ClientAuth,
    /// The policy in force for the name that is asked for now.
    pub policy: ClientAuth,
    /// The certificate that the original handshake verified; `None` if it was bare.
    pub certificate: Option<&'a dyn Certificate>,
}

/// The certificate of an earlier handshake, as it would be judged now. Each question is answered when it is asked, since
/// the answer may take a signature.
pub trait Certificate {
    /// Whether it would pass if it were shown now: issuers, dates and use, all along its chain. True for a policy that no
    /// longer asks, since there is nothing left to satisfy.
    fn passes(&self) -> bool;

    /// As [`passes`](Self::passes), with the issuers of the original handshake: dates alone are looked at again. Not
    /// enough; here for a known fault.
    fn is_in_date(&self) -> bool;

    /// As [`passes`](Self::passes), but of the dates those of the leaf alone are looked at again. Not enough; here for a
    /// known fault.
    fn leaf_is_in_date(&self) -> bool;
}

/// A chain, who would judge it, and as of when.
pub(super) struct Judges<'a> {
    pub(super) chain: &'a [CertificateDer<'static>],
    /// Of the policy in force; a policy that does not ask has none.
    pub(super) now: Option<&'a dyn ClientCertVerifier>,
    /// Of the policy that the original handshake was under.
    pub(super) then: Option<&'a dyn ClientCertVerifier>,
    pub(super) algorithms: &'a [&'static dyn SignatureVerificationAlgorithm],
    pub(super) time: UnixTime,
    pub(super) original_time: UnixTime,
}

impl Certificate for Judges<'_> {
    fn passes(&self) -> bool {
        self.pass(self.now, self.time)
    }

    fn is_in_date(&self) -> bool {
        self.pass(self.then, self.time)
    }

    fn leaf_is_in_date(&self) -> bool {
        match self.chain {
            [leaf, issuer, ..] => {
                self.pass(self.now, self.original_time)
                    && only_leaf_passes(leaf, issuer, self.algorithms, self.time)
            }
            // A root issued it, and nobody looks at a root's dates.
            _ => self.passes(),
        }
    }
}

impl Judges<'_> {
    fn pass(&self, judge: Option<&dyn ClientCertVerifier>, time: UnixTime) -> bool {
        match (self.chain.split_first(), judge) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some((leaf, rest)), Some(judge)) => judge.verify_client_cert(leaf, rest, time).is_ok(),
        }
    }
}

/// What a server resumes. A resumption skips certificate, issuers and dates, so what the original handshake showed is judged
/// again by what holds now. RFC 9846 section 4.6.1 leaves that to the server, and rustls looks at the server name and the
/// cipher suite alone.
///
/// The default methods are right; a known fault overrides one of them.
pub trait Resumes: Send + Sync {
    /// Sessions are switched on (CVE-2014-7189: they were processed although they were off).
    fn switched_on(&self, offer: &Offer<'_>) -> bool {
        offer.resumption != Resumption::Off
    }

    /// The session is of the version that was agreed on (CVE-2026-93831). Both stacks of the driver see to that themselves; who
    /// models a server asks here.
    fn of_its_version(&self, session: Version, agreed: Version) -> bool {
        session == agreed
    }

    /// The session was issued by this very server (h2o's GHSA-5v5r-rghf-rm6q: one ticket key for several tenants).
    fn at_home(&self, offer: &Offer<'_>) -> bool {
        offer.issued_by == offer.server
    }

    /// The session is not too old (RFC 9846 section 4.6.1).
    fn fresh(&self, offer: &Offer<'_>) -> bool {
        offer.age <= offer.lifetime
    }

    /// The ClientHello has the name under which the session was issued, or none as then (RFC 6066 section 3); in TLS 1.3
    /// another will do where the server takes sessions across names.
    fn under_its_name(&self, offer: &Offer<'_>) -> bool {
        offer.issued_for == offer.server_name
            || (offer.across_names && offer.version == Version::Tls13)
    }

    /// The certificate of the original handshake would be accepted now (CVE-2025-68121: issuers were not looked at again;
    /// golang/go issue 77113: dates of the leaf alone were).
    fn certificate_stands(&self, offer: &Offer<'_>) -> bool {
        offer.certificate.is_some_and(Certificate::passes)
    }

    /// Whom the session stands for is someone whom the policy in force would let in. A bare session will do unless that
    /// policy insists on a certificate (mod_ssl's PR 53193: every resumption counted as authenticated).
    fn authenticated_enough(&self, offer: &Offer<'_>) -> bool {
        match offer.certificate {
            None => offer.policy != ClientAuth::Require,
            Some(_) => self.certificate_stands(offer),
        }
    }

    /// The session satisfies the policy in force: the name it is good for, and whom it stands for (CVE-2025-23419: the new
    /// name alone was looked at; CVE-2025-23048: nothing was, if there was no name; HAProxy before August 2026: one session
    /// context for several policies).
    fn satisfies_policy(&self, offer: &Offer<'_>) -> bool {
        self.under_its_name(offer) && self.authenticated_enough(offer)
    }

    /// All of these.
    fn resumes(&self, offer: &Offer<'_>) -> bool {
        self.switched_on(offer)
            && self.at_home(offer)
            && self.fresh(offer)
            && self.satisfies_policy(offer)
    }
}

/// The right answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rechecks;

impl Resumes for Rechecks {}
