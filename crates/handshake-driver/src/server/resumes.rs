//! May this session be resumed here and now?

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;

use crate::ids::ServerId;
use crate::plan::{ClientAuth, Resumption};

/// A session on offer, beside what is in force where it is offered.
pub struct Offer<'a> {
    /// The server that issued the session.
    pub issued_by: ServerId,
    /// The server that it is offered to.
    pub server: ServerId,
    /// The name in the ClientHello under which it was issued.
    pub issued_for: Option<&'a str>,
    /// The name in the ClientHello that offers it.
    pub server_name: Option<&'a str>,
    /// How long ago it was issued.
    pub age: Duration,
    /// How old it may become.
    pub lifetime: Duration,
    /// How the server remembers sessions now.
    pub resumption: Resumption,
    /// Whether the server asks for a certificate now.
    pub client_auth: ClientAuth,
    /// The chain that the original handshake verified; `None` if it was bare.
    pub chain: Option<&'a [CertificateDer<'static>]>,
    pub(super) verifier: Option<&'a dyn ClientCertVerifier>,
    pub(super) now: UnixTime,
}

impl Offer<'_> {
    /// Whether the original certificate would pass if it were shown now: issuers, dates and use, all along its chain. True
    /// for a server that no longer asks, since there is nothing left to satisfy; false if there was none.
    #[must_use]
    pub fn certificate_still_passes(&self) -> bool {
        match (self.chain.and_then(<[_]>::split_first), self.verifier) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some((leaf, rest)), Some(verifier)) => {
                verifier.verify_client_cert(leaf, rest, self.now).is_ok()
            }
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

    /// The session was issued by this very server (h2o's GHSA-5v5r-rghf-rm6q: one ticket key for several tenants).
    fn at_home(&self, offer: &Offer<'_>) -> bool {
        offer.issued_by == offer.server
    }

    /// The ClientHello has the name under which the session was issued, or none as then (RFC 6066 section 3;
    /// CVE-2025-23048). rustls insists on this by itself.
    fn under_its_name(&self, offer: &Offer<'_>) -> bool {
        offer.issued_for == offer.server_name
    }

    /// The session is not too old (RFC 9846 section 4.6.1).
    fn fresh(&self, offer: &Offer<'_>) -> bool {
        offer.age <= offer.lifetime
    }

    /// Whom the session stands for is someone whom the server would let in now (CVE-2025-68121: issuers were not looked at
    /// again). A bare session will do unless the server insists on a certificate.
    fn authenticated_enough(&self, offer: &Offer<'_>) -> bool {
        match offer.chain {
            None => offer.client_auth != ClientAuth::Require,
            Some(_) => offer.certificate_still_passes(),
        }
    }

    /// All of these.
    fn resumes(&self, offer: &Offer<'_>) -> bool {
        self.switched_on(offer)
            && self.at_home(offer)
            && self.under_its_name(offer)
            && self.fresh(offer)
            && self.authenticated_enough(offer)
    }
}

/// The right answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rechecks;

impl Resumes for Rechecks {}
