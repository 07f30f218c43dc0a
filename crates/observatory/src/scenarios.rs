//! What is a client asked? Sequences with identities and without, with trust and without, on one port and two.

use bareflight_harness::scenario::{Scenario, TextError};

/// A scenario and what it puts to the test.
#[derive(Clone, Debug)]
pub struct Asked {
    /// A short name in kebab case.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
    /// The invariants that it can show to be broken.
    pub of: Vec<&'static str>,
}

/// The invariants that a client without CORS is judged by. The others are about preflights, partitions, or servers; and
/// whether connections are shared as much as they might be ([`facts`](crate::facts)) is a client's own choice.
pub const FOR_CLIENTS: [&str; 8] = [
    "identity-match",
    "identity-kept",
    "trust-match",
    "ticket-scope",
    "ticket-hygiene",
    "coalesce-safe",
    "late-auth-refused",
    "hop-bound",
];

const IDENTITY: &[&str] = &["identity-match", "identity-kept"];
const LATE: &[&str] = &["identity-match", "late-auth-refused"];
const SESSIONS: &[&str] = &["identity-match", "ticket-scope", "ticket-hygiene"];
/// What a client does there is worth knowing, and not by itself wrong: documented designs differ.
const FACTS: &[&str] = &[];
const TRUST: &[&str] = &["trust-match"];
const TRUSTED_SESSIONS: &[&str] = &["trust-match", "ticket-scope"];

macro_rules! table {
    ($($name:literal: $of:expr,)*) => {
        /// Name, text, and the invariants that it can show to be broken.
        const TABLE: &[(&str, &str, &[&str])] =
            &[$(($name, include_str!(concat!("../scenarios/", $name, ".toml")), $of),)*];
    };
}

table! {
    "two-identities": IDENTITY,
    "two-identities-tls12": IDENTITY,
    "two-identities-http2": IDENTITY,
    "two-identities-sessions": SESSIONS,
    "two-identities-sessions-tls12": SESSIONS,
    "identity-then-none": IDENTITY,
    "none-then-identity": IDENTITY,
    "identity-then-none-sessions": SESSIONS,
    "trust-then-none": FACTS,
    "none-then-trust": TRUST,
    "none-then-trust-sessions": TRUSTED_SESSIONS,
    "two-ports": SESSIONS,
    "two-ports-one-identity": FACTS,
    "late-renegotiation": LATE,
    "late-post-handshake": LATE,
}

/// The scenarios for HTTP clients.
pub fn scenarios() -> Vec<Asked> {
    let all = TABLE.iter().map(|(name, text, of)| Asked {
        of: of.to_vec(),
        ..Asked::from_toml(name, text).expect("a test reads them all")
    });
    all.collect()
}

impl Asked {
    /// A scenario of somebody's own, by which a client is judged in all that clients are judged in.
    ///
    /// # Errors
    ///
    /// [`TextError`] says where it is not a scenario, and how.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, TextError> {
        Ok(Self::of(name, Scenario::from_toml(text)?))
    }

    /// As [`from_toml`](Self::from_toml), of a scenario that was read already.
    pub fn of(name: &str, scenario: Scenario) -> Self {
        Self {
            name: name.to_owned(),
            scenario,
            of: FOR_CLIENTS.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bareflight_harness::invariants::Invariant;

    #[test]
    fn all_are_read_and_ask_for_what_there_is() {
        for asked in scenarios() {
            assert_eq!(asked.scenario.profile, "http-client", "{}", asked.name);
            for name in asked.of {
                assert!(Invariant::named(name).is_some(), "{name}");
                assert!(FOR_CLIENTS.contains(&name), "{name}");
            }
        }
    }
}
