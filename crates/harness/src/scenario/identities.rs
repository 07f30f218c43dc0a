//! Which client identities does the user hold, and who vouches for them?

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::Name;

/// A client identity: a certificate chain and its private key, made when the scenario runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name by which steps and logs speak of it.
    pub name: Name,
    /// The hosts for which the user chooses it when asked.
    pub hosts: Vec<Name>,
    /// Who issued its certificate.
    pub issuer: Issuer,
    /// If set, by way of an intermediate authority whose own certificate is valid for so many seconds. The identity's is
    /// valid for longer.
    pub intermediate_lifetime: Option<u32>,
    /// The identity before it whose certificate it shows, an index into
    /// [`Scenario::identities`](super::Scenario::identities); none if it has one of its own, as it has once it is renewed.
    /// The key to another's certificate it has not got: nobody believes it.
    pub certificate_of: Option<u8>,
}

impl Identity {
    /// One of this name that the users' authority issued.
    pub fn new(name: Name, hosts: Vec<Name>) -> Self {
        Self {
            name,
            hosts,
            issuer: Issuer::default(),
            intermediate_lifetime: None,
            certificate_of: None,
        }
    }

    /// The same with the certificate of `other`, the identity of this index.
    #[must_use]
    pub fn borrowing(self, index: u8, other: &Self) -> Self {
        Self {
            certificate_of: Some(index),
            issuer: other.issuer,
            intermediate_lifetime: other.intermediate_lifetime,
            ..self
        }
    }

    /// Whose first certificate it shows, and cannot prove, when it was renewed so many times.
    pub fn borrows(&self, renewals: usize) -> Option<usize> {
        self.certificate_of
            .filter(|_| renewals == 0)
            .map(usize::from)
    }

    /// Whether its whole chain is valid so long after the beginning.
    pub fn is_in_date(&self, at: Duration) -> bool {
        self.intermediate_lifetime
            .is_none_or(|seconds| at.as_secs() <= u64::from(seconds))
    }
}

/// An authority that issues client certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// The one of the users.
    #[default]
    Users,
    /// Another one.
    Staff,
}

impl Issuer {
    /// The word of the text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Staff => "staff",
        }
    }
}
