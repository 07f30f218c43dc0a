//! What must hold: each invariant has a stable name, one sentence, the section behind it, and its own small function.
//!
//! They read the observation log and the scenario that it is of, and nothing else.

mod bare;
mod coalescing;
mod identity;
mod late;
mod preflight;
mod prompts;
mod reuse;
mod servers;
mod sessions;
mod split;
#[cfg(test)]
mod tests;
mod view;

pub use view::View;

use bareflight_policy::Profile;

use crate::case::Case;
use crate::log::Log;

/// One rule that every log must obey.
#[derive(Debug)]
pub struct Invariant {
    /// The stable kebab-case name.
    pub name: &'static str,
    /// Holds when …
    pub sentence: &'static str,
    /// The section of the standard, or the advisory, behind it.
    pub section: &'static str,
    /// Which profiles it judges.
    pub judges: fn(&Profile) -> bool,
    check: fn(&View<'_>, &mut Findings<'_>),
}

/// A broken invariant.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The invariant.
    pub invariant: &'static Invariant,
    /// The record of the log at which it broke.
    pub record: usize,
    /// What happened there, in a sentence.
    pub message: String,
}

/// Where an invariant puts what it finds.
#[derive(Debug)]
pub struct Findings<'v> {
    invariant: &'static Invariant,
    violations: &'v mut Vec<Violation>,
}

impl Findings<'_> {
    fn add(&mut self, record: usize, message: impl FnOnce() -> String) {
        self.violations.push(Violation {
            invariant: self.invariant,
            record,
            message: message(),
        });
    }
}

const FETCH_POOL: &str = "Fetch, connections (#concept-connection-obtain)";
const FETCH_PREFLIGHT: &str = "Fetch, CORS-preflight fetch (#cors-preflight-fetch)";
const FETCH_CREATE: &str = "Fetch, create a connection (#create-a-connection)";
const TLS_RESUMPTION: &str = "RFC 9846 (TLS 1.3) section 2.2 and appendix C.4";
const H2_REUSE: &str = "RFC 9113 (HTTP/2) section 9.1.1";

fn all(_: &Profile) -> bool {
    true
}

/// An HTTP client has neither credentials modes nor partitions; what may be shared follows from the identity and the trust
/// that each request is given.
fn identities_by_request(profile: &Profile) -> bool {
    !profile.speaks_cors.value
}

/// All invariants: first those on user agents, then those on servers.
pub static INVARIANTS: [Invariant; 20] = [
    Invariant {
        name: "preflight-bare",
        sentence: "no preflight rides a connection with a client identity: presented, inherited by resumption or early \
                   data, coalesced, or acquired late",
        section: FETCH_PREFLIGHT,
        judges: |profile| profile.keeps_preflights_bare(),
        check: bare::preflight_bare,
    },
    Invariant {
        name: "preflight-clean",
        sentence: "no preflight carries Cookie, Authorization or Client-Cert",
        section: FETCH_PREFLIGHT,
        judges: all,
        check: bare::preflight_clean,
    },
    Invariant {
        name: "preflight-first",
        sentence: "a request that needs a preflight is sent only after one succeeded or a cache entry matched",
        section: "Fetch, HTTP fetch (#concept-http-fetch)",
        judges: |profile| profile.speaks_cors.value,
        check: preflight::preflight_first,
    },
    Invariant {
        name: "omit-bare",
        sentence: "no request whose includeCredentials is false rides a connection with a client identity",
        section: FETCH_CREATE,
        judges: |profile| profile.keeps_omit_bare(),
        check: bare::omit_bare,
    },
    Invariant {
        name: "credentials-split",
        sentence: "no connection, and no TLS session, serves both credentials = true and credentials = false",
        section: FETCH_POOL,
        judges: |profile| profile.connections_split_by_credentials.value,
        check: split::credentials_split,
    },
    Invariant {
        name: "partition-split",
        sentence: "no connection, session or preflight-cache entry crosses network partition keys",
        section: "Fetch, network partition keys (#network-partition-keys)",
        judges: |profile| profile.connections_partitioned.value,
        check: split::partition_split,
    },
    Invariant {
        name: "identity-match",
        sentence: "a request rides a connection authenticated as exactly the identity (whole chain and key) its policy \
                   selects",
        section: "CVE-2016-5420, CVE-2026-8932; the pool key's identity",
        judges: all,
        check: identity::identity_match,
    },
    Invariant {
        name: "identity-kept",
        sentence: "a credentialed request never rides a connection, or a resumption, from which the certificate was \
                   withheld",
        section: "whatwg/fetch issue 869",
        judges: |profile| {
            profile.connections_split_by_credentials.value || identities_by_request(profile)
        },
        check: identity::identity_kept,
    },
    Invariant {
        name: "trust-match",
        sentence: "the connection's server-verification policy equals the request's",
        section: "CVE-2022-27782, CVE-2024-35195; the pool key's trust",
        judges: all,
        check: split::trust_match,
    },
    Invariant {
        name: "ticket-scope",
        sentence: "a session is offered only under the key that it was obtained under (peer, port, leg, transport, \
                   partition, credentials, identity, trust)",
        section: TLS_RESUMPTION,
        judges: |profile| {
            let split = profile.connections_split_by_credentials.value;
            (split && profile.connections_partitioned.value) || identities_by_request(profile)
        },
        check: sessions::ticket_scope,
    },
    Invariant {
        name: "ticket-hygiene",
        sentence: "a session is stored only after verification, dropped on failure, and never outlives the \
                   authentication it stands for",
        section: "CVE-2020-8172, CVE-2024-0853; RFC 9846 section 4.6.1",
        judges: all,
        check: sessions::ticket_hygiene,
    },
    Invariant {
        name: "coalesce-safe",
        sentence: "another host's request joins a connection only when the certificate covers it, nothing else in the \
                   key differs, and no client certificate was sent",
        section: H2_REUSE,
        judges: all,
        check: coalescing::coalesce_safe,
    },
    Invariant {
        name: "late-auth-refused",
        sentence: "renegotiation and post-handshake requests get no certificate on credentials = false, and are errors \
                   in HTTP/2 and HTTP/3",
        section: "RFC 9113 sections 9.2.1 and 9.2.3; RFC 9001 section 4.4",
        judges: all,
        check: late::late_auth_refused,
    },
    Invariant {
        name: "hop-bound",
        sentence: "an origin's identity is never shown to a proxy or to a redirect's target, nor the other way round, \
                   and no request goes another way than through its own proxy",
        section: "CVE-2022-27774; curl change 7d8c68adbe; Fetch, HTTP-redirect fetch (#http-redirect-fetch)",
        judges: all,
        check: identity::hop_bound,
    },
    Invariant {
        name: "no-prompt",
        sentence: "a preflight or omit request never asks the user to choose a certificate",
        section: "Fetch, HTTP-network-or-cache fetch (#http-network-or-cache-fetch)",
        judges: all,
        check: prompts::no_prompt,
    },
    Invariant {
        name: "preflight-continues",
        sentence: "a server in mode request does not by itself fail the preflight",
        section: "whatwg/fetch issue 869, the second option",
        judges: |profile| !profile.aborts_preflights(),
        check: preflight::preflight_continues,
    },
    Invariant {
        name: "reuse-live",
        sentence: "segmentation is not over-strict: a request that may reuse an idle connection, or resume a session, \
                   does",
        section: FETCH_POOL,
        judges: all,
        check: reuse::reuse_live,
    },
    Invariant {
        name: "server-resume-rechecked",
        sentence: "a server accepts a resumption only if the original authentication satisfies the policy now in force",
        section: "CVE-2025-23419, CVE-2025-68121; RFC 9846 sections 2.2 and 4.6.1",
        judges: all,
        check: servers::server_resume_rechecked,
    },
    Invariant {
        name: "server-route-matched",
        sentence: "Host or :authority maps to the client-certificate policy in force on this connection, else 421",
        section: "RFC 9110 sections 7.4 and 15.5.20; CVE-2018-21246, CVE-2025-66614",
        judges: all,
        check: servers::server_route_matched,
    },
    Invariant {
        name: "server-late-denied",
        sentence: "a late authentication that cannot run, or fails, denies",
        section: "CVE-2009-3555, CVE-2019-0215; RFC 9846 section 4.6.2",
        judges: all,
        check: servers::server_late_denied,
    },
];

impl Invariant {
    /// The invariant of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        INVARIANTS.iter().find(|invariant| invariant.name == name)
    }
}

/// Judges a log by all invariants that apply to the case's profile; adds what is broken to `violations`.
pub fn judge(case: &Case<'_>, log: &Log, violations: &mut Vec<Violation>) {
    let view = View::new(case, log);
    for invariant in &INVARIANTS {
        if (invariant.judges)(case.profile) {
            let mut findings = Findings {
                invariant,
                violations,
            };
            (invariant.check)(&view, &mut findings);
        }
    }
}
