//! How do real implementations answer a server that asks for a client certificate? Profiles, as data.
//!
//! The standard forbids to *send* a certificate without credentials and leaves open whether the handshake then goes on with an
//! empty one or stops (whatwg/fetch issue 869). Implementations differ further; each field cites where that can be read.

use crate::keywords::keywords;
use core::time::Duration;

keywords! {
    /// What a request is, as far as a profile treats it differently.
    pub enum Purpose {
        /// A CORS preflight.
        Preflight = "preflight",
        /// Any other request.
        Request = "request",
    }
}

keywords! {
    /// The answer to a TLS CertificateRequest.
    pub enum CertificateAnswer {
        /// The user's certificate is sent.
        Present = "present",
        /// An empty Certificate message is sent and the handshake goes on.
        Decline = "decline",
        /// The handshake is broken off: a network error.
        Abort = "abort",
    }
}

/// A value with the place where it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cited<T> {
    /// The value.
    pub value: T,
    /// A public address, or a section of a standard.
    pub source: &'static str,
}

/// How one kind of implementation treats credentials and connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The stable name, in kebab case.
    pub name: &'static str,
    /// What it stands for, in a sentence.
    pub summary: &'static str,
    /// Whether preflights are sent at all.
    pub sends_preflights: Cited<bool>,
    /// The answer of a preflight.
    pub preflight: Cited<CertificateAnswer>,
    /// The answer of any other request whose *includeCredentials* is false.
    pub without_credentials: Cited<CertificateAnswer>,
    /// Whether connections are kept apart by *credentials*.
    pub connections_split_by_credentials: Cited<bool>,
    /// Whether connections are kept apart by network partition key.
    pub connections_partitioned: Cited<bool>,
    /// The most that the preflight cache keeps an entry, whatever `Access-Control-Max-Age` says.
    pub preflight_max_age_cap: Cited<Duration>,
}

/// Answers a CertificateRequest under a profile.
///
/// `has_identity` says whether the user has a certificate for this server and chose to use it. With credentials and an identity
/// every profile presents it, with credentials and no identity every profile declines.
#[must_use]
pub fn answer_certificate_request(
    profile: &Profile,
    purpose: Purpose,
    include_credentials: bool,
    has_identity: bool,
) -> CertificateAnswer {
    let answer = match (purpose, include_credentials) {
        (Purpose::Preflight, _) => profile.preflight.value,
        (Purpose::Request, false) => profile.without_credentials.value,
        (Purpose::Request, true) => CertificateAnswer::Present,
    };
    if answer == CertificateAnswer::Present && !has_identity {
        CertificateAnswer::Decline
    } else {
        answer
    }
}

impl Profile {
    /// The profile of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }

    /// The profile `fetch`: the standard, which is the default.
    #[must_use]
    pub const fn fetch() -> &'static Self {
        &PROFILES[0]
    }

    /// Whether an observer must hold it against the implementation when a preflight presents a certificate.
    #[must_use]
    pub fn keeps_preflights_bare(&self) -> bool {
        self.preflight.value != CertificateAnswer::Present
    }

    /// Whether an observer must hold it against the implementation when a request without credentials presents a certificate.
    #[must_use]
    pub fn keeps_omit_bare(&self) -> bool {
        self.without_credentials.value != CertificateAnswer::Present
    }

    /// Whether a CertificateRequest alone breaks off a preflight.
    #[must_use]
    pub fn aborts_preflights(&self) -> bool {
        self.preflight.value == CertificateAnswer::Abort
    }
}

impl Default for &Profile {
    fn default() -> Self {
        Profile::fetch()
    }
}

/// Every profile; the first is the default.
pub const PROFILES: &[Profile] = &[
    FETCH,
    Profile {
        name: "abort-on-request",
        summary: "the other reading of the standard: a CertificateRequest without credentials breaks off the handshake",
        preflight: Cited {
            value: CertificateAnswer::Abort,
            source: ISSUE_869,
        },
        without_credentials: Cited {
            value: CertificateAnswer::Abort,
            source: ISSUE_869,
        },
        ..FETCH
    },
    Profile {
        name: "firefox",
        summary: "Firefox as it is shipped",
        ..FETCH
    },
    Profile {
        name: "firefox-allow-client-cert",
        summary: "Firefox with network.cors_preflight.allow_client_cert: preflights present the certificate, which is the proposal of whatwg/fetch issue 1181",
        preflight: Cited {
            value: CertificateAnswer::Present,
            source: "https://github.com/whatwg/fetch/issues/1181",
        },
        ..FETCH
    },
    Profile {
        name: "chromium",
        summary: "Chromium as it is shipped",
        ..FETCH
    },
    Profile {
        name: "chromium-omit-cors-client-cert",
        summary: "Chromium with the feature OmitCorsClientCert",
        ..FETCH
    },
    Profile {
        name: "webkitgtk",
        summary: "WebKitGTK",
        ..FETCH
    },
    Profile {
        name: "http-client",
        summary: "an HTTP client with a certificate configured",
        ..FETCH
    },
];

const ISSUE_869: &str = "https://github.com/whatwg/fetch/issues/869";
const CREATE: &str = crate::section::CREATE_CONNECTION;

const FETCH: Profile = Profile {
    name: "fetch",
    summary: "the Fetch standard: without credentials no certificate is sent, and the handshake goes on",
    sends_preflights: Cited {
        value: true,
        source: crate::section::HTTP_FETCH,
    },
    preflight: Cited {
        value: CertificateAnswer::Decline,
        source: CREATE,
    },
    without_credentials: Cited {
        value: CertificateAnswer::Decline,
        source: CREATE,
    },
    connections_split_by_credentials: Cited {
        value: true,
        source: crate::section::OBTAIN_CONNECTION,
    },
    connections_partitioned: Cited {
        value: true,
        source: crate::section::OBTAIN_CONNECTION,
    },
    preflight_max_age_cap: Cited {
        value: Duration::from_secs(86_400),
        source: crate::section::CORS_PREFLIGHT_FETCH,
    },
};
