//! Faults in what a request carries.

use bareflight_policy::{CertificateAnswer, Origin, Purpose};
use bareflight_user_agent::{Carry, HeldIdentity, Identities, Question, Standard};

use super::otherwise_standard;

/// Without credentials the certificate is presented all the same, in a pool of its own. Right: *create a connection*
/// with credentials = false sends none.
pub(super) struct OmitPresentsCertificate;

impl Carry for OmitPresentsCertificate {
    fn answer(&self, question: &Question) -> CertificateAnswer {
        present_if_held(question)
    }
}

otherwise_standard!(OmitPresentsCertificate: Share, Keep);

/// Preflights, and only they, answer with the certificate. Right: a preflight's includeCredentials is false.
pub(super) struct PreflightPresentsCertificate;

impl Carry for PreflightPresentsCertificate {
    fn answer(&self, question: &Question) -> CertificateAnswer {
        match question.purpose {
            Purpose::Preflight => present_if_held(question),
            Purpose::Request => Standard.answer(question),
        }
    }
}

otherwise_standard!(PreflightPresentsCertificate: Share, Keep);

/// The identity chosen for the first hop of a redirect is kept for the others. Right: each target has its own choice.
pub(super) struct IdentityFollowsRedirect;

impl Carry for IdentityFollowsRedirect {
    fn choose_identity(
        &self,
        identities: &Identities,
        target: &Origin,
        named: Option<(&Origin, HeldIdentity)>,
        earlier: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        earlier.or_else(|| Standard.choose_identity(identities, target, named, earlier))
    }
}

otherwise_standard!(IdentityFollowsRedirect: Share, Keep);

fn present_if_held(question: &Question) -> CertificateAnswer {
    match question.chosen {
        Some(_) => CertificateAnswer::Present,
        None => Standard.answer(question),
    }
}
