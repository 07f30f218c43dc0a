//! What a server decides: which sessions it resumes, under which policy a request comes, whom it admits late.

use std::sync::Arc;

use bareflight_handshake_driver::{
    Admits, Authenticated, Certificate, ClientAuth, Hello, LateOutcome, Offer, Rechecks, Resumes,
    Route, Routes, Rules, StreamId, Version,
};

/// Rules of which one decision is wrong.
fn resuming(resumes: impl Resumes + 'static) -> Rules {
    Rules::from(Arc::new(resumes) as Arc<dyn Resumes>)
}

fn routing(routes: impl Routes + 'static) -> Rules {
    Rules::from(Arc::new(routes) as Arc<dyn Routes>)
}

/// `server-constant-session-context`: one session context serves policies that differ, so that the name alone is compared
/// (HAProxy before August 2026). Right is to compare what the session stands for with the policy now in force.
struct ConstantSessionContext;

impl Resumes for ConstantSessionContext {
    fn satisfies_policy(&self, offer: &Offer<'_>) -> bool {
        self.under_its_name(offer)
    }
}

pub(super) fn constant_session_context() -> Rules {
    resuming(ConstantSessionContext)
}

/// `session-version-confused`: a TLS 1.3 ticket is accepted in TLS 1.2, and the other way round (CVE-2026-93831). Right is that
/// each version has sessions of its own.
struct SessionVersionConfused;

impl Resumes for SessionVersionConfused {
    fn of_its_version(&self, _: Version, _: Version) -> bool {
        true
    }
}

pub(super) fn session_version_confused() -> Rules {
    resuming(SessionVersionConfused)
}

/// `server-reports-success-on-resume`: the verification of the original handshake is taken to have succeeded (mod_ssl PR
/// 53193). Right is that a bare session does not satisfy a policy that insists.
struct ReportsSuccessOnResume;

impl Resumes for ReportsSuccessOnResume {
    fn authenticated_enough(&self, _: &Offer<'_>) -> bool {
        true
    }
}

pub(super) fn reports_success_on_resume() -> Rules {
    resuming(ReportsSuccessOnResume)
}

/// `server-checks-new-name-only`: a session is good for whatever name the new ClientHello has (CVE-2025-23419). Right is to
/// resume it under the name alone that it was issued for. A client shows it that has one slot for all sessions.
struct ChecksNewNameOnly;

impl Resumes for ChecksNewNameOnly {
    fn under_its_name(&self, _: &Offer<'_>) -> bool {
        true
    }
}

pub(super) fn checks_new_name_only() -> Rules {
    resuming(ChecksNewNameOnly)
}

/// `server-ticket-says-authenticated`: that a session was authenticated is enough, by whomever and under whatever policy (STEK
/// Sharing is Not Caring, USENIX Security 2025). Right is to judge its certificate by the policy that is in force now.
struct TicketSaysAuthenticated;

impl Resumes for TicketSaysAuthenticated {
    fn certificate_stands(&self, offer: &Offer<'_>) -> bool {
        offer.certificate.is_some()
    }
}

pub(super) fn ticket_says_authenticated() -> Rules {
    resuming(TicketSaysAuthenticated)
}

/// `server-skips-check-without-name`: where the ClientHello has no name, a session is not compared with the policy in force
/// (CVE-2025-23048). Right is to compare it with the server's own policy, which is in force there.
struct SkipsCheckWithoutName;

impl Resumes for SkipsCheckWithoutName {
    fn satisfies_policy(&self, offer: &Offer<'_>) -> bool {
        offer.server_name.is_none() || Rechecks.satisfies_policy(offer)
    }
}

pub(super) fn skips_check_without_name() -> Rules {
    resuming(SkipsCheckWithoutName)
}

/// `server-issuers-not-rechecked`: of the certificate behind a session dates are looked at again, and issuers are not
/// (CVE-2025-68121). Right is to judge it by the issuers that are accepted now.
struct IssuersNotRechecked;

impl Resumes for IssuersNotRechecked {
    fn certificate_stands(&self, offer: &Offer<'_>) -> bool {
        offer.certificate.is_some_and(Certificate::is_in_date)
    }
}

pub(super) fn issuers_not_rechecked() -> Rules {
    resuming(IssuersNotRechecked)
}

/// `server-leaf-expiry-only`: of the chain behind a session the leaf's dates alone are looked at again (golang/go issue 77113).
/// Right is to look at those of every authority on the way too.
struct LeafExpiryOnly;

impl Resumes for LeafExpiryOnly {
    fn certificate_stands(&self, offer: &Offer<'_>) -> bool {
        offer.certificate.is_some_and(Certificate::leaf_is_in_date)
    }
}

pub(super) fn leaf_expiry_only() -> Rules {
    resuming(LeafExpiryOnly)
}

/// `server-tickets-though-disabled`: a ticket is processed although tickets are switched off by now (CVE-2014-7189). Right is
/// to resume nothing then, whenever it was issued.
struct TicketsThoughDisabled;

impl Resumes for TicketsThoughDisabled {
    fn switched_on(&self, _: &Offer<'_>) -> bool {
        true
    }
}

pub(super) fn tickets_though_disabled() -> Rules {
    resuming(TicketsThoughDisabled)
}

/// `server-default-policy-on-conflict`: of two policies for one host the weakest holds (CVE-2026-85597). Right is the
/// strictest.
struct DefaultPolicyOnConflict;

impl Routes for DefaultPolicyOnConflict {
    fn settle(&self, claimants: &[ClientAuth]) -> usize {
        let place = |mode: &ClientAuth| claimants.iter().position(|it| it == mode);
        let weakest = [ClientAuth::None, ClientAuth::Request];
        weakest.iter().find_map(place).unwrap_or(0)
    }
}

pub(super) fn default_policy_on_conflict() -> Rules {
    routing(DefaultPolicyOnConflict)
}

/// `server-shared-ticket-key`: servers of different tenants have one ticket key, so that the sessions of each are the other's
/// (h2o's GHSA-5v5r-rghf-rm6q, picotls issue 507). Right is a key for each. A client shows it that has one slot for all sessions.
struct SharedTicketKey;

impl Resumes for SharedTicketKey {
    fn at_home(&self, _: &Offer<'_>) -> bool {
        true
    }
}

pub(super) fn shared_ticket_key() -> Rules {
    resuming(SharedTicketKey)
}

/// `server-default-policy-on-parse-error`: the name is read from the first record alone, and where it is not in it the server's
/// own policy holds (CVE-2026-32305, CVE-2026-75595). Right is to put the ClientHello together first.
struct DefaultPolicyOnParseError;

impl Routes for DefaultPolicyOnParseError {
    fn name_asked<'a>(&self, hello: &Hello<'a>) -> Option<&'a str> {
        hello.server_name.filter(|_| !hello.fragmented)
    }
}

pub(super) fn default_policy_on_parse_error() -> Rules {
    routing(DefaultPolicyOnParseError)
}

/// `server-exact-name-lookup`: a policy is found only under the very spelling of its file (CVE-2026-48491, CVE-2026-53622).
/// Right is any case (RFC 9110 section 4.2.3), and a wildcard for one label.
struct ExactNameLookup;

impl Routes for ExactNameLookup {
    fn covers(&self, pattern: &str, name: &str) -> bool {
        pattern == name
    }
}

pub(super) fn exact_name_lookup() -> Rules {
    routing(ExactNameLookup)
}

/// `server-routes-by-host-alone`: a request is served under the policy of its Host, whatever name the handshake was for
/// (nginx before 2013, CVE-2018-21246, CVE-2025-66614). Right is 421 where the connection does not meet that policy (RFC 9110
/// section 15.5.20).
struct RoutesByHostAlone;

impl Routes for RoutesByHostAlone {
    fn belongs(&self, _: &Route<'_>) -> bool {
        true
    }
}

pub(super) fn routes_by_host_alone() -> Rules {
    routing(RoutesByHostAlone)
}

/// `late-certificate-colours-earlier-requests`: after a late authentication requests that were sent before it count as
/// authenticated (CVE-2009-3555). Right is that it stands for the request that it was asked for, and for what begins to arrive
/// afterwards. A client shows it that pipelines.
struct LateCertificateColoursEarlierRequests;

impl Admits for LateCertificateColoursEarlierRequests {
    fn covers(&self, _: &Authenticated, _: StreamId) -> bool {
        true
    }
}

pub(super) fn late_certificate_colours_earlier_requests() -> Rules {
    Rules::from(Arc::new(LateCertificateColoursEarlierRequests) as Arc<dyn Admits>)
}

/// `late-requirement-assumed`: a path's requirement counts as met although no certificate came (CVE-2019-0215). Right is to
/// deny.
struct LateRequirementAssumed;

impl Admits for LateRequirementAssumed {
    fn met(&self, _: &LateOutcome) -> bool {
        true
    }
}

pub(super) fn late_requirement_assumed() -> Rules {
    Rules::from(Arc::new(LateRequirementAssumed) as Arc<dyn Admits>)
}
