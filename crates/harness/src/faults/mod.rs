//! Known bugs of the field, each a small value that overrides one decision of the reference.
//!
//! What a fault is, where it was seen and which invariants must catch it stands in the catalogue (`faults.toml`); what
//! it does stands here. A fault that no campaign finds is a hole in the harness; a control that is flagged is a false
//! alarm.

mod around;
mod carry;
mod compare;
mod controls;
pub(crate) mod crowd;
mod joins;
mod keep;
mod late;
mod proxy;
pub(crate) mod reached;
mod servers;
mod share;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bareflight_handshake_driver::Rules;
use bareflight_policy::Profile;
use bareflight_user_agent::{Decisions, Standard};
use serde::Deserialize;

use crate::tier::{Deciders, TierName};

/// The catalogue, as it was published.
pub const CATALOGUE: &str = include_str!("../../faults.toml");

/// A known bug, or a control.
pub struct Fault {
    /// The stable kebab-case name.
    pub name: String,
    /// What it changes.
    pub change: String,
    /// Where its shape occurred in the field.
    pub seen_in: Vec<String>,
    /// The invariants that must catch it; for a control, those that may flag it.
    pub breaks: Vec<String>,
    /// Whether it is harmless and over-strict, and must not be flagged but by what `breaks` names.
    pub control: bool,
    /// The tiers on which it can show.
    pub tiers: &'static [TierName],
    /// What it does; each decision that differs from the right one is counted, see
    /// [`Verdict::reached`](crate::Verdict::reached).
    pub deciders: Deciders,
    /// The profile that its scenarios are run and judged under, in place of their own.
    pub profile: Option<&'static Profile>,
}

/// One entry of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    #[serde(default)]
    control: bool,
    change: String,
    seen_in: Vec<String>,
    breaks: Vec<String>,
}

/// What stands behind a name of the catalogue.
struct Made {
    name: &'static str,
    decisions: &'static dyn Decisions,
    servers: Option<fn() -> Rules>,
    profile: Option<&'static str>,
    tiers: &'static [TierName],
}

const fn made(name: &'static str, decisions: &'static dyn Decisions) -> Made {
    Made {
        name,
        decisions,
        servers: None,
        profile: None,
        tiers: &TierName::ALL,
    }
}

/// A fault of a server.
const fn served(name: &'static str, rules: fn() -> Rules) -> Made {
    Made {
        servers: Some(rules),
        ..made(name, &Standard)
    }
}

/// A fault of a server that no client meets which does as it should: this one offers what it must not.
const fn served_to(
    client: &'static dyn Decisions,
    name: &'static str,
    rules: fn() -> Rules,
) -> Made {
    Made {
        decisions: client,
        ..served(name, rules)
    }
}

/// A fault that is not about TLS: real handshakes would show nothing that the model does not.
const fn above_tls(name: &'static str, decisions: &'static dyn Decisions) -> Made {
    Made {
        tiers: &[TierName::Model],
        ..made(name, decisions)
    }
}

/// A fault that a real handshake cannot show: rustls verifies a server before it hears of a session, and a session is of no use
/// to it under another verifier than its own (its issue 2284), whatever it is offered.
const fn stopped_by_rustls(name: &'static str, decisions: &'static dyn Decisions) -> Made {
    Made {
        tiers: &[TierName::Model],
        ..made(name, decisions)
    }
}

/// The faults that exist, in the order of the catalogue.
const MADE: [Made; 75] = [
    made("omit-presents-certificate", &carry::OmitPresentsCertificate),
    made(
        "preflight-presents-certificate",
        &carry::PreflightPresentsCertificate,
    ),
    made(
        "preflight-uses-credentialed-pool",
        &share::PreflightUsesCredentialedPool,
    ),
    made("anonymous-shares-tickets", &keep::AnonymousSharesTickets),
    Made {
        profile: Some("firefox-allow-client-cert"),
        ..made(
            "anonymous-variant-shares-tickets",
            &keep::AnonymousVariantSharesTickets,
        )
    },
    made(
        "bare-request-rides-authenticated-connection",
        &share::BareRequestRidesAuthenticatedConnection,
    ),
    made(
        "certificate-picked-from-global-store",
        &carry::CertificatePickedFromGlobalStore,
    ),
    made(
        "withheld-certificate-sticks",
        &share::WithheldCertificateSticks,
    ),
    made(
        "declined-choice-sticks-across-partitions",
        &carry::DeclinedChoiceSticksAcrossPartitions,
    ),
    above_tls(
        "preflight-carries-credential-headers",
        &carry::PreflightCarriesCredentialHeaders,
    ),
    made(
        "preflight-fails-when-asked",
        &carry::PreflightFailsWhenAsked,
    ),
    made("preflight-prompts", &carry::PreflightPrompts),
    above_tls("preflight-skipped", &carry::PreflightSkipped),
    above_tls(
        "preflight-cache-not-partitioned",
        &carry::PreflightCacheNotPartitioned,
    ),
    above_tls(
        "preflight-follows-redirect",
        &carry::PreflightFollowsRedirect,
    ),
    made("pool-key-without-identity", &share::PoolKeyWithoutIdentity),
    made(
        "pool-key-without-private-key",
        &share::PoolKeyWithoutPrivateKey,
    ),
    made(
        "pool-key-identity-by-presence",
        &share::PoolKeyIdentityByPresence,
    ),
    made("pool-key-identity-by-name", &share::PoolKeyIdentityByName),
    made(
        "pool-key-identity-by-serial",
        &share::PoolKeyIdentityBySerial,
    ),
    made("pool-key-without-trust", &share::PoolKeyWithoutTrust),
    made(
        "pool-key-without-server-name",
        &share::PoolKeyWithoutServerName,
    ),
    made(
        "pool-key-without-partition",
        &share::PoolKeyWithoutPartition,
    ),
    made("pool-key-without-proxy", &proxy::PoolKeyWithoutProxy),
    made("pool-key-only-proxy", &proxy::PoolKeyOnlyProxy),
    made("pool-key-without-epoch", &share::PoolKeyWithoutEpoch),
    made("compare-case-folded", &compare::CaseFolded),
    made("compare-coerced", &compare::Coerced),
    made("compare-one-sided", &compare::OneSided),
    made("compare-gated-on-scheme", &compare::GatedOnScheme),
    made("compare-raw-option", &compare::RawOption),
    made("compare-cleared-copy", &compare::ClearedCopy),
    made("compare-empty-equals-empty", &compare::EmptyEqualsEmpty),
    made("compare-hash-only", &compare::HashOnly),
    made(
        "session-key-without-identity",
        &keep::SessionKeyWithoutIdentity,
    ),
    made("session-disable-flag-lost", &keep::SessionDisableFlagLost),
    stopped_by_rustls("session-key-without-trust", &keep::SessionKeyWithoutTrust),
    made("session-key-without-leg", &proxy::SessionKeyWithoutLeg),
    made("session-key-without-port", &keep::SessionKeyWithoutPort),
    made("session-key-without-host", &keep::SessionKeyWithoutHost),
    made(
        "session-key-without-partition",
        &keep::SessionKeyWithoutPartition,
    ),
    made("session-key-server-chosen", &keep::SessionKeyServerChosen),
    stopped_by_rustls(
        "session-stored-before-verification",
        &keep::SessionStoredBeforeVerification,
    ),
    made("session-kept-after-failure", &keep::SessionKeptAfterFailure),
    made("session-survives-logout", &keep::SessionSurvivesLogout),
    // Both ends would have to be confused, and neither rustls nor OpenSSL is.
    Made {
        tiers: &[TierName::Model],
        ..served(
            "session-version-confused",
            servers::session_version_confused,
        )
    },
    made("early-data-before-decision", &keep::EarlyDataBeforeDecision),
    made(
        "coalesce-with-client-certificate",
        &joins::WithClientCertificate,
    ),
    made("coalesce-ignores-credentials", &joins::IgnoresCredentials),
    made("coalesce-ignores-partition", &joins::IgnoresPartition),
    made(
        "coalesce-ignores-certificate-names",
        &joins::IgnoresCertificateNames,
    ),
    made(
        "late-certificate-on-bare-connection",
        &late::OnBareConnection,
    ),
    made("late-certificate-in-http2", &late::InHttp2),
    served(
        "late-certificate-colours-earlier-requests",
        servers::late_certificate_colours_earlier_requests,
    ),
    served(
        "late-requirement-assumed",
        servers::late_requirement_assumed,
    ),
    made(
        "origin-identity-on-proxy-leg",
        &proxy::OriginIdentityOnProxyLeg,
    ),
    made("identity-follows-redirect", &carry::IdentityFollowsRedirect),
    above_tls(
        "redirect-keeps-credentials-decision",
        &carry::RedirectKeepsCredentialsDecision,
    ),
    served(
        "server-ticket-says-authenticated",
        servers::ticket_says_authenticated,
    ),
    served(
        "server-constant-session-context",
        servers::constant_session_context,
    ),
    served_to(
        &keep::SessionKeyWithoutHost,
        "server-checks-new-name-only",
        servers::checks_new_name_only,
    ),
    served(
        "server-skips-check-without-name",
        servers::skips_check_without_name,
    ),
    served(
        "server-issuers-not-rechecked",
        servers::issuers_not_rechecked,
    ),
    served("server-leaf-expiry-only", servers::leaf_expiry_only),
    served(
        "server-reports-success-on-resume",
        servers::reports_success_on_resume,
    ),
    served(
        "server-tickets-though-disabled",
        servers::tickets_though_disabled,
    ),
    served_to(
        &keep::SessionKeyWithoutHost,
        "server-shared-ticket-key",
        servers::shared_ticket_key,
    ),
    served("server-routes-by-host-alone", servers::routes_by_host_alone),
    served(
        "server-default-policy-on-parse-error",
        servers::default_policy_on_parse_error,
    ),
    served(
        "server-default-policy-on-conflict",
        servers::default_policy_on_conflict,
    ),
    served("server-exact-name-lookup", servers::exact_name_lookup),
    made("control-extra-field", &controls::ExtraField),
    made(
        "control-no-resumption-with-identity",
        &controls::NoResumptionWithIdentity,
    ),
    made("control-never-reuse", &controls::NeverReuse),
    Made {
        name: "control-abort-on-request",
        decisions: &Standard,
        servers: None,
        profile: Some("abort-on-request"),
        tiers: &TierName::ALL,
    },
];

static FAULTS: LazyLock<Vec<Fault>> = LazyLock::new(|| {
    let mut catalogue: BTreeMap<String, Entry> =
        toml::from_str(CATALOGUE).expect("the catalogue is part of the source and tested");
    let fault = |made: &Made| {
        let entry = catalogue
            .remove(made.name)
            .expect("every fault is in the catalogue");
        Fault {
            name: made.name.to_owned(),
            change: entry.change,
            seen_in: entry.seen_in,
            breaks: entry.breaks,
            control: entry.control,
            tiers: made.tiers,
            deciders: around::watched(made.decisions, made.servers.map(|rules| rules())),
            profile: made.profile.and_then(Profile::from_name),
        }
    };
    MADE.iter().map(fault).collect()
});

impl Fault {
    /// All faults and controls that exist, in the order of the catalogue.
    pub fn all() -> &'static [Self] {
        &FAULTS
    }

    /// The fault of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FAULTS.iter().find(|fault| fault.name == name)
    }

    /// The canary: a fault that shows in the first requests that a server asks for a certificate. A hunt that does not
    /// find it can find nothing, and says nothing about the others.
    ///
    /// # Panics
    ///
    /// Never: the tests look it up.
    pub fn canary() -> &'static Self {
        Self::named("preflight-presents-certificate").expect("it is in the table above")
    }

    /// The decisions of this fault and another at once: this one's where they differ from the right ones, the other's
    /// elsewhere. They live as long as the process does, so they are asked for once.
    pub fn with(&self, other: &Self) -> Deciders {
        around::pair(self.deciders, other.deciders)
    }

    /// Whether a violation of this invariant ends a hunt for the fault: one that its entry names, or, for a control, one
    /// that its entry does not allow.
    pub fn ends_with(&self, invariant: &str) -> bool {
        self.explains(invariant) != self.control
    }

    /// Whether a violation of this invariant is what the catalogue says of the fault.
    pub fn explains(&self, invariant: &str) -> bool {
        self.breaks.iter().any(|name| name == invariant)
    }
}

impl core::fmt::Debug for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Fault")
            .field("name", &self.name)
            .field("breaks", &self.breaks)
            .finish_non_exhaustive()
    }
}

/// The layers that a fault leaves as they are.
macro_rules! otherwise_standard {
    ($fault:ty: $($layer:ident),+) => {
        $(impl bareflight_user_agent::$layer for $fault {})+
    };
}
use otherwise_standard;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::Invariant;

    #[test]
    fn all_of_the_catalogue_is_made_and_stands_in_its_order() {
        let listed = CATALOGUE
            .lines()
            .filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
        assert_eq!(listed.collect::<Vec<_>>(), MADE.map(|made| made.name));
    }

    #[test]
    fn every_fault_names_invariants_that_exist() {
        assert_eq!(Fault::all().len(), MADE.len());
        for fault in Fault::all() {
            for name in &fault.breaks {
                assert!(Invariant::named(name).is_some(), "{}: {name}", fault.name);
            }
            assert_eq!(
                fault.control,
                fault.name.starts_with("control-"),
                "{}",
                fault.name
            );
        }
        assert!(!Fault::canary().control);
    }
}
