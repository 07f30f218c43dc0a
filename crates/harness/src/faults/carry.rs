//! Faults in what a request carries.

use core::time::Duration;

use bareflight_policy::{
    CertificateAnswer, CredentialsMode, Mode, Origin, PreflightCache, Purpose, Request,
};
use bareflight_user_agent::{Carried, Carry, HeldIdentity, Identities, Place, Question, Standard};

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

/// Cookies are attached to the preflight. Right: its includeCredentials is false.
pub(super) struct PreflightCarriesCredentialHeaders;

impl Carry for PreflightCarriesCredentialHeaders {
    fn carried(&self, request: &Request, purpose: Purpose, include_credentials: bool) -> Carried {
        match purpose {
            Purpose::Preflight => Carried {
                cookie: true,
                authorization: true,
            },
            Purpose::Request => Standard.carried(request, purpose, include_credentials),
        }
    }
}

otherwise_standard!(PreflightCarriesCredentialHeaders: Share, Keep);

/// A CertificateRequest on a preflight breaks it off, although the profile goes on without a certificate.
pub(super) struct PreflightFailsWhenAsked;

impl Carry for PreflightFailsWhenAsked {
    fn answer(&self, question: &Question) -> CertificateAnswer {
        match question.purpose {
            Purpose::Preflight => CertificateAnswer::Abort,
            Purpose::Request => Standard.answer(question),
        }
    }
}

otherwise_standard!(PreflightFailsWhenAsked: Share, Keep);

/// A CertificateRequest on a preflight opens the certificate dialog. Right: nobody is asked on its behalf.
pub(super) struct PreflightPrompts;

impl Carry for PreflightPrompts {
    fn prompts(&self, question: &Question) -> bool {
        question.chosen.is_some() && question.purpose == Purpose::Preflight
            || Standard.prompts(question)
    }
}

otherwise_standard!(PreflightPrompts: Share, Keep);

/// The user's choice to send no certificate is remembered by host alone, so that it is the answer in every partition. Right:
/// it is made in one network partition, and holds there.
pub(super) struct DeclinedChoiceSticksAcrossPartitions;

impl Carry for DeclinedChoiceSticksAcrossPartitions {
    fn choice_holds(&self, made: &Place, here: &Place) -> bool {
        made.origin.host() == here.origin.host()
    }
}

otherwise_standard!(DeclinedChoiceSticksAcrossPartitions: Share, Keep);

/// A preflight-cache entry stored with credentials = false satisfies a credentialed request. Right: only one stored
/// with credentials does.
pub(super) struct PreflightSkipped;

impl Carry for PreflightSkipped {
    fn skips_preflight(&self, cache: &PreflightCache, request: &Request, now: Duration) -> bool {
        let mut anonymous = request.clone();
        anonymous.credentials_mode = CredentialsMode::Omit;
        cache.matches(&anonymous, now)
    }
}

otherwise_standard!(PreflightSkipped: Share, Keep);

/// Entries of the preflight cache are found in whatever network partition they were stored. Right: the network partition
/// key is the first part of a *cache entry match*.
pub(super) struct PreflightCacheNotPartitioned;

impl Carry for PreflightCacheNotPartitioned {
    fn skips_preflight(&self, cache: &PreflightCache, request: &Request, now: Duration) -> bool {
        cache.matches_in_any_partition(request, now)
    }
}

otherwise_standard!(PreflightCacheNotPartitioned: Share, Keep);

/// A redirect is followed whatever it answers, a preflight included, and where it leads somebody says yes. Right: the
/// preflight has failed.
pub(super) struct PreflightFollowsRedirect;

impl Carry for PreflightFollowsRedirect {
    fn follows_preflight_redirect(&self, status: u16) -> bool {
        (300..400).contains(&status)
    }
}

otherwise_standard!(PreflightFollowsRedirect: Share, Keep);

/// Where no identity is chosen for a host, one that is in the store because of another request is presented. Right: no
/// choice is no certificate (CVE-2016-7141).
pub(super) struct CertificatePickedFromGlobalStore;

impl Carry for CertificatePickedFromGlobalStore {
    fn choose_identity(
        &self,
        identities: &Identities,
        target: &Origin,
        named: Option<(&Origin, HeldIdentity)>,
        earlier: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        let first = HeldIdentity(0);
        Standard
            .choose_identity(identities, target, named, earlier)
            .or_else(|| identities.id(first).map(|_| first))
    }
}

otherwise_standard!(CertificatePickedFromGlobalStore: Share, Keep);

/// includeCredentials is computed for the first hop and kept for the others. Right: it is decided again on every hop.
pub(super) struct RedirectKeepsCredentialsDecision;

impl Carry for RedirectKeepsCredentialsDecision {
    fn include_credentials(&self, request: &Request, purpose: Purpose) -> bool {
        let began_at_home = request.url_list().first().origin() == request.origin();
        let kept = purpose == Purpose::Request
            && request.credentials_mode == CredentialsMode::SameOrigin
            && request.mode != Mode::Navigate
            && began_at_home;
        kept || Standard.include_credentials(request, purpose)
    }
}

otherwise_standard!(RedirectKeepsCredentialsDecision: Share, Keep);

pub(super) fn present_if_held(question: &Question) -> CertificateAnswer {
    match question.chosen {
        Some(_) => CertificateAnswer::Present,
        None => Standard.answer(question),
    }
}
