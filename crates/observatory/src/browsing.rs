//! What is a browser asked? The corpus' cases about preflights, omission, withheld certificates, sessions and partitions, as far as a
//! page can take their steps; and a few beside them for the protocols that the cases leave at their default.

use bareflight_policy::Profile;

use crate::scenarios::Asked;

/// The invariants that a browser is judged by. The others need a second trust policy or a proxy, are about servers, or about what
/// a browser is free to do: how much it shares.
pub const FOR_BROWSERS: [&str; 14] = [
    "preflight-bare",
    "preflight-clean",
    "preflight-first",
    "omit-bare",
    "credentials-split",
    "partition-split",
    "identity-match",
    "identity-kept",
    "ticket-scope",
    "ticket-hygiene",
    "coalesce-safe",
    "late-auth-refused",
    "hop-bound",
    "preflight-continues",
];

const CACHE: &[&str] = &["preflight-clean", "preflight-first"];
const COALESCING: &[&str] = &["coalesce-safe"];
const CREDENTIALS: &[&str] = &["credentials-split", "identity-match", "identity-kept"];
const HOPS: &[&str] = &["hop-bound"];
const LATE: &[&str] = &["late-auth-refused"];
const OMIT: &[&str] = &["omit-bare"];
const PARTITIONS: &[&str] = &["partition-split"];
const PREFLIGHT: &[&str] = &["preflight-bare", "preflight-clean", "preflight-first"];
const REQUEST: &[&str] = &["preflight-continues"];
const SESSIONS: &[&str] = &["ticket-scope", "ticket-hygiene"];

macro_rules! table {
    ($from:literal: $($name:literal: $of:expr,)*) => {
        &[$((
            $name,
            include_str!(concat!($from, $name, ".toml")),
            $of,
        ),)*]
    };
}

/// A name, a text, and the invariants that it can show to be broken, in groups.
type Row = (
    &'static str,
    &'static str,
    &'static [&'static [&'static str]],
);

/// Of the corpus. What no page can do is left out and said to be, so that it shows.
const CASES: &[Row] = table! {
    "../../../corpus/cases/":
    "put-server-none": &[CACHE, &["credentials-split"]],
    "put-server-request": &[PREFLIGHT, CREDENTIALS, REQUEST],
    "put-server-require": &[PREFLIGHT, CREDENTIALS],
    "get-then-put-server-request": &[PREFLIGHT, CREDENTIALS, REQUEST],
    "get-then-put-server-require": &[PREFLIGHT, CREDENTIALS],
    "omit-server-request": &[OMIT, CREDENTIALS],
    "omit-server-require": &[OMIT, CREDENTIALS],
    "same-origin-server-request": &[OMIT, PREFLIGHT, CREDENTIALS],
    "post-text-plain-include": &[PREFLIGHT, CREDENTIALS],
    "authenticated-connection-serves-no-preflight": &[PREFLIGHT, CREDENTIALS, REQUEST],
    "authenticated-session-serves-no-preflight": &[PREFLIGHT, OMIT, CREDENTIALS, SESSIONS],
    "bare-connection-does-not-stick": &[PREFLIGHT, CREDENTIALS, REQUEST],
    "bare-session-does-not-stick": &[PREFLIGHT, OMIT, CREDENTIALS, SESSIONS],
    "early-data-flies-under-its-own-key": &[PREFLIGHT, CREDENTIALS, SESSIONS],
    "server-restart": &[PREFLIGHT, CREDENTIALS, SESSIONS],
    "two-top-level-sites-one-host": &[PARTITIONS, SESSIONS],
    "one-identity-two-partitions": &[PARTITIONS, PREFLIGHT, CREDENTIALS, SESSIONS],
    "navigation-from-a-page": &[PARTITIONS, CREDENTIALS, SESSIONS],
    "coalescing-two-names": &[COALESCING, PREFLIGHT, CREDENTIALS],
    "preflight-cache-without-credentials": &[CACHE],
    "preflight-without-allow-credentials": &[CACHE],
    "preflight-without-cors-headers": &[CACHE],
    "preflight-answered-302": &[CACHE],
    "preflight-answered-403": &[CACHE],
    "preflight-cache-cleared-by-a-refusal": &[CACHE],
    "redirect-changes-credentials": &[OMIT, CREDENTIALS],
    "redirect-of-a-put": &[PREFLIGHT, CREDENTIALS, HOPS],
    "websocket-own-connection": &[CREDENTIALS],
    "late-renegotiation": &[LATE, OMIT],
    "late-post-handshake": &[LATE, OMIT],
    "late-preflight-asked": &[LATE, PREFLIGHT],
    "late-preflight-exempt": &[LATE, PREFLIGHT],
    "late-http2": &[LATE],
};

/// What the cases leave at their default: TLS 1.2, and HTTP/2.
const OTHERS: &[Row] = table! {
    "../scenarios/browsers/":
    "late-preflight-renegotiation": &[LATE, PREFLIGHT],
    "omit-and-include": &[OMIT, PREFLIGHT, CREDENTIALS],
    "put-server-request-http2": &[PREFLIGHT, OMIT, CREDENTIALS, REQUEST],
    "put-server-require-http2": &[PREFLIGHT, CREDENTIALS],
    "sessions-tls12": &[PREFLIGHT, OMIT, CREDENTIALS, SESSIONS],
    "sessions-tls13": &[PREFLIGHT, OMIT, CREDENTIALS, SESSIONS],
};

/// The scenarios for browsers.
pub fn browser_scenarios() -> Vec<Asked> {
    let all = CASES
        .iter()
        .chain(OTHERS)
        .map(|(name, text, groups)| Asked {
            of: of(groups),
            ..Asked::from_toml(name, text).expect("a test reads them all")
        });
    all.collect()
}

/// Those for a browser in which a person may have to choose a certificate at each server: few, and one for each way to leak.
const CORE: [&str; 7] = [
    "put-server-none",
    "put-server-request",
    "get-then-put-server-require",
    "omit-and-include",
    "two-top-level-sites-one-host",
    "late-preflight-renegotiation",
    "put-server-request-http2",
];

/// The scenarios for a browser that somebody sits at.
pub fn core_scenarios() -> Vec<Asked> {
    let mut all = browser_scenarios();
    all.retain(|it| CORE.contains(&it.name.as_str()));
    all
}

/// The invariants of some groups, each once.
fn of(groups: &[&[&'static str]]) -> Vec<&'static str> {
    let mut all: Vec<_> = groups.concat();
    all.sort_unstable();
    all.dedup();
    all
}

impl Asked {
    /// Judged in all that browsers are judged in.
    #[must_use]
    pub fn for_browsers(mut self) -> Self {
        self.of = FOR_BROWSERS.to_vec();
        self
    }

    /// Judged as a browser or as an HTTP client: does its profile speak CORS?
    #[must_use]
    pub fn by_its_profile(self) -> Self {
        let profile = Profile::from_name(&self.scenario.profile).unwrap_or_default();
        match profile.speaks_cors.value {
            true => self.for_browsers(),
            false => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bareflight_harness::invariants::Invariant;
    use bareflight_harness::scenario::Scenario;

    #[test]
    fn all_are_read_and_ask_for_what_there_is() {
        for asked in browser_scenarios() {
            assert_eq!(
                asked.scenario.profile,
                Scenario::DEFAULT_PROFILE,
                "{}",
                asked.name
            );
            for name in asked.of {
                assert!(Invariant::named(name).is_some(), "{name}");
                assert!(FOR_BROWSERS.contains(&name), "{name}");
            }
        }
        let all: Vec<_> = browser_scenarios()
            .into_iter()
            .flat_map(|it| it.of)
            .collect();
        assert!(FOR_BROWSERS.iter().all(|it| all.contains(it)));
    }
}
