//! Where the standard's text is in doubt, which reading applies?
//!
//! The list with its reasons is in the crate's documentation ([`anomalies`](crate::anomalies)).

use crate::keywords::keywords;

keywords! {
    /// The network partition key of a preflight, whose client is null by the letter (anomaly 1).
    pub enum PreflightPartition {
        /// That of the request it is made for: what every browser does.
        OfRequest = "of-request",
        /// None, by the letter: all preflights of all sites share their connections.
        Null = "null",
    }
}

keywords! {
    /// How *Cross-Origin-Embedder-Policy allows credentials* treats a request of a `credentialless` client (anomaly 3).
    pub enum CredentiallessRule {
        /// Credentials go to the client's own origin, as long as redirects did not lead away from it: what is meant.
        SameOriginUntainted = "same-origin-untainted",
        /// Credentials go to the client's own origin only if redirects did lead away from it: the letter since July 2025.
        SameOriginTainted = "same-origin-tainted",
    }
}

/// The readings that apply to a request. The default is what the text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Readings {
    /// The partition key of a preflight.
    pub preflight_partition: PreflightPartition,
    /// Credentials under `Cross-Origin-Embedder-Policy: credentialless`.
    pub credentialless: CredentiallessRule,
}

impl Readings {
    /// The meaning of the text, as browsers implement it.
    pub const MEANT: Self = Self {
        preflight_partition: PreflightPartition::OfRequest,
        credentialless: CredentiallessRule::SameOriginUntainted,
    };
    /// The letter of the text.
    pub const LITERAL: Self = Self {
        preflight_partition: PreflightPartition::Null,
        credentialless: CredentiallessRule::SameOriginTainted,
    };
}

impl Default for Readings {
    fn default() -> Self {
        Self::MEANT
    }
}
