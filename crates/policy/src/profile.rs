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
    /// Whether the CORS protocol is spoken at all: preflights sent, answers checked.
    pub speaks_cors: Cited<bool>,
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

/// Answers a CertificateRequest that comes after the handshake, under a profile: a renegotiation in TLS 1.2, a post-handshake
/// CertificateRequest in TLS 1.3.
///
/// Fetch decides when a connection is created and knows no later moment, so a late request is answered as one in the handshake
/// would have been. HTTP/2 and HTTP/3 forbid both (RFC 9113 sections 9.2.1 and 9.2.3, RFC 9001 section 4.4): where requests share
/// a connection, nobody can tell for which of them the server asks. There `multiplexed` is true, and the connection is broken off.
#[must_use]
pub fn answer_late_certificate_request(
    profile: &Profile,
    purpose: Purpose,
    include_credentials: bool,
    has_identity: bool,
    multiplexed: bool,
) -> CertificateAnswer {
    if multiplexed {
        CertificateAnswer::Abort
    } else {
        answer_certificate_request(profile, purpose, include_credentials, has_identity)
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
    FIREFOX,
    Profile {
        name: "firefox-allow-client-cert",
        summary: "Firefox with network.cors_preflight.allow_client_cert: CORS requests without credentials, preflights \
                  among them, present the certificate; for preflights this is the proposal of whatwg/fetch issue 1181",
        preflight: Cited {
            value: CertificateAnswer::Present,
            source: "https://bugzilla.mozilla.org/show_bug.cgi?id=1511151",
        },
        without_credentials: Cited {
            value: CertificateAnswer::Present,
            source: "mozilla-central, netwerk/protocol/http/nsCORSListenerProxy.cpp, UpdateChannel: \
                     LOAD_ANONYMOUS_ALLOW_CLIENT_CERT wherever a CORS request has no credentials",
        },
        ..FIREFOX
    },
    CHROMIUM,
    Profile {
        name: "chromium-omit-cors-client-cert",
        summary: "Chromium with the feature OmitCorsClientCert: without credentials the certificate is omitted and the \
                  handshake goes on",
        preflight: Cited {
            value: CertificateAnswer::Decline,
            source: CHROMIUM_OMIT,
        },
        without_credentials: Cited {
            value: CertificateAnswer::Decline,
            source: CHROMIUM_OMIT,
        },
        ..CHROMIUM
    },
    Profile {
        name: "webkitgtk",
        summary: "WebKitGTK: the application is asked for a certificate whatever the credentials, preflights included",
        preflight: Cited {
            value: CertificateAnswer::Present,
            source: "WebKit, Source/WebKit/NetworkProcess/NetworkCORSPreflightChecker.cpp, didReceiveChallenge: \
                     ClientCertificateRequested goes to the application",
        },
        without_credentials: Cited {
            value: CertificateAnswer::Present,
            source: "WebKit, Source/WebKit/NetworkProcess/NetworkLoad.cpp, didReceiveChallenge: a TLS challenge is \
                     exempt from the check of stored credentials",
        },
        connections_split_by_credentials: Cited {
            value: false,
            source: LIBSOUP,
        },
        connections_partitioned: Cited {
            value: false,
            source: LIBSOUP,
        },
        preflight_max_age_cap: Cited {
            value: Duration::from_secs(600),
            source: "WebKit, Source/WebCore/loader/CrossOriginPreflightResultCache.cpp, maxPreflightCacheTimeout",
        },
        ..FETCH
    },
    Profile {
        name: "http-client",
        summary: "an HTTP client with a certificate configured (curl, hyper, undici): no CORS, one identity for every request",
        speaks_cors: Cited {
            value: false,
            source: "https://curl.se/docs/manpage.html#-E",
        },
        preflight: Cited {
            value: CertificateAnswer::Present,
            source: "https://curl.se/docs/manpage.html#-E",
        },
        without_credentials: Cited {
            value: CertificateAnswer::Present,
            source: "https://curl.se/docs/manpage.html#-E",
        },
        connections_split_by_credentials: Cited {
            value: false,
            source: "https://docs.rs/hyper-util/latest/hyper_util/client/legacy/struct.Client.html: connections are kept by \
                     scheme and authority",
        },
        connections_partitioned: Cited {
            value: false,
            source: "https://docs.rs/hyper-util/latest/hyper_util/client/legacy/struct.Client.html: connections are kept by \
                     scheme and authority",
        },
        preflight_max_age_cap: Cited {
            value: Duration::ZERO,
            source: "no preflight, no preflight cache",
        },
    },
];

const ISSUE_869: &str = "https://github.com/whatwg/fetch/issues/869";
const CREATE: &str = crate::section::CREATE_CONNECTION;
const CHROMIUM_OMIT: &str =
    "Chromium, services/network/public/cpp/features.cc, kOmitCorsClientCert (disabled by default)";
const CHROMIUM_BUG: &str = "https://crbug.com/40089326 (formerly 775438): without credentials certificates are sent, or the \
                            handshake stops to let the user choose one";
const LIBSOUP: &str =
    "libsoup, libsoup/soup-connection-manager.c: idle connections are kept by host and port";

const FETCH: Profile = Profile {
    name: "fetch",
    summary: "the Fetch standard: without credentials no certificate is sent, and the handshake goes on",
    speaks_cors: Cited {
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
        value: Duration::MAX,
        source: crate::section::CORS_PREFLIGHT_FETCH,
    },
};

const FIREFOX: Profile = Profile {
    name: "firefox",
    summary: "Firefox as it is shipped: without credentials the connection is anonymous and declines",
    preflight: Cited {
        value: CertificateAnswer::Decline,
        source: "mozilla-central, security/manager/ssl/nsNSSIOLayer.cpp: no client-certificate hook on an anonymous connection",
    },
    without_credentials: Cited {
        value: CertificateAnswer::Decline,
        source: "mozilla-central, security/manager/ssl/nsNSSIOLayer.cpp: no client-certificate hook on an anonymous connection",
    },
    connections_split_by_credentials: Cited {
        value: true,
        source: "mozilla-central, netwerk/protocol/http/nsHttpConnectionInfo.cpp: the anonymous flag is in the hash key",
    },
    connections_partitioned: Cited {
        value: true,
        source: "https://developer.mozilla.org/docs/Web/Privacy/Guides/State_Partitioning#network_partitioning",
    },
    preflight_max_age_cap: Cited {
        value: Duration::from_secs(86_400),
        source: "https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Access-Control-Max-Age",
    },
    ..FETCH
};

const CHROMIUM: Profile = Profile {
    name: "chromium",
    summary: "Chromium as it is shipped: requests without credentials, preflights among them, still present the certificate",
    preflight: Cited {
        value: CertificateAnswer::Present,
        source: CHROMIUM_BUG,
    },
    without_credentials: Cited {
        value: CertificateAnswer::Present,
        source: CHROMIUM_BUG,
    },
    connections_split_by_credentials: Cited {
        value: true,
        source: "Chromium, net/socket/client_socket_pool.h, GroupId: the privacy mode is in the key",
    },
    connections_partitioned: Cited {
        value: true,
        // By the feature kPartitionConnectionsByNetworkIsolationKey, which field trials switch on and net/base/features.cc
        // does not; Debian's Chromium 148 has it on.
        source: "https://groups.google.com/a/chromium.org/g/blink-dev/c/Oj9cS6p40Ws (Intent to Ship: Network State \
                 Partitioning)",
    },
    preflight_max_age_cap: Cited {
        value: Duration::from_secs(7_200),
        source: "https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Access-Control-Max-Age",
    },
    ..FETCH
};

#[cfg(test)]
mod tests {
    use super::{
        CertificateAnswer, CertificateAnswer::*, PROFILES, Profile, Purpose,
        answer_certificate_request, answer_late_certificate_request,
    };
    use crate::preflight_cache::CacheSettings;

    /// Without credentials and with an identity: the answer of a preflight, and of another request.
    const WITHOUT_CREDENTIALS: &[(&str, CertificateAnswer, CertificateAnswer)] = &[
        ("fetch", Decline, Decline),
        ("abort-on-request", Abort, Abort),
        ("firefox", Decline, Decline),
        ("firefox-allow-client-cert", Present, Present),
        ("chromium", Present, Present),
        ("chromium-omit-cors-client-cert", Decline, Decline),
        ("webkitgtk", Present, Present),
        ("http-client", Present, Present),
    ];

    #[test]
    fn each_profile_answers_as_observed() {
        assert_eq!(PROFILES.len(), WITHOUT_CREDENTIALS.len());
        for (name, preflight, request) in WITHOUT_CREDENTIALS {
            let profile = Profile::from_name(name).expect(name);
            assert_eq!(
                answer_certificate_request(profile, Purpose::Preflight, false, true),
                *preflight,
                "{name}"
            );
            assert_eq!(
                answer_certificate_request(profile, Purpose::Request, false, true),
                *request,
                "{name}"
            );
            assert_eq!(
                profile.keeps_preflights_bare(),
                *preflight != Present,
                "{name}"
            );
            assert_eq!(profile.keeps_omit_bare(), *request != Present, "{name}");
            assert_eq!(profile.aborts_preflights(), *preflight == Abort, "{name}");
        }
    }

    #[test]
    fn with_credentials_every_profile_presents_what_there_is() {
        for profile in PROFILES {
            let answer = |has| answer_certificate_request(profile, Purpose::Request, true, has);
            assert_eq!(
                (answer(true), answer(false)),
                (Present, Decline),
                "{}",
                profile.name
            );
        }
    }

    #[test]
    fn a_late_request_is_answered_as_an_early_one_and_breaks_off_where_requests_share() {
        for profile in PROFILES {
            for purpose in Purpose::ALL {
                for (credentials, has) in
                    [(true, true), (true, false), (false, true), (false, false)]
                {
                    let late = |multiplexed| {
                        answer_late_certificate_request(
                            profile,
                            *purpose,
                            credentials,
                            has,
                            multiplexed,
                        )
                    };
                    let early = answer_certificate_request(profile, *purpose, credentials, has);
                    assert_eq!(
                        (late(false), late(true)),
                        (early, Abort),
                        "{}",
                        profile.name
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_is_presented_without_an_identity() {
        for profile in PROFILES {
            for purpose in Purpose::ALL {
                let answer = answer_certificate_request(profile, *purpose, false, false);
                assert_ne!(answer, Present, "{}", profile.name);
                assert_eq!(
                    answer == Abort,
                    profile.aborts_preflights(),
                    "{}",
                    profile.name
                );
            }
        }
    }

    /// A preflight never presents under the standard, even if the caller says that credentials are included.
    #[test]
    fn a_preflight_is_bare_whatever_the_caller_says() {
        assert_eq!(
            answer_certificate_request(Profile::fetch(), Purpose::Preflight, true, true),
            Decline
        );
    }

    /// Where each profile departs from the standard, by field.
    const DEPARTURES: &[(&str, &[&str])] = &[
        ("fetch", &[]),
        ("abort-on-request", &["preflight", "without-credentials"]),
        ("firefox", &["cap"]),
        (
            "firefox-allow-client-cert",
            &["preflight", "without-credentials", "cap"],
        ),
        ("chromium", &["preflight", "without-credentials", "cap"]),
        ("chromium-omit-cors-client-cert", &["cap"]),
        (
            "webkitgtk",
            &[
                "preflight",
                "without-credentials",
                "split",
                "partitioned",
                "cap",
            ],
        ),
        (
            "http-client",
            &[
                "sends",
                "preflight",
                "without-credentials",
                "split",
                "partitioned",
                "cap",
            ],
        ),
    ];

    #[test]
    fn each_profile_departs_from_the_standard_where_its_sources_say() {
        let fetch = Profile::fetch();
        for (name, expected) in DEPARTURES {
            let profile = Profile::from_name(name).expect(name);
            let split = profile.connections_split_by_credentials.value;
            let fields = [
                (
                    "sends",
                    profile.speaks_cors.value != fetch.speaks_cors.value,
                ),
                (
                    "preflight",
                    profile.preflight.value != fetch.preflight.value,
                ),
                (
                    "without-credentials",
                    profile.without_credentials.value != fetch.without_credentials.value,
                ),
                (
                    "split",
                    split != fetch.connections_split_by_credentials.value,
                ),
                (
                    "partitioned",
                    profile.connections_partitioned.value != fetch.connections_partitioned.value,
                ),
                (
                    "cap",
                    profile.preflight_max_age_cap.value != fetch.preflight_max_age_cap.value,
                ),
            ];
            let departs: Vec<_> = fields
                .iter()
                .filter(|(_, departs)| *departs)
                .map(|(field, _)| *field)
                .collect();
            assert_eq!(departs, *expected, "{name}");
        }
    }

    /// What an implementation does is read from that implementation, not from the standard.
    #[test]
    fn implementations_are_cited_for_themselves() {
        for profile in PROFILES {
            let sources = [
                profile.preflight.source,
                profile.without_credentials.source,
                profile.connections_split_by_credentials.source,
                profile.connections_partitioned.source,
                profile.preflight_max_age_cap.source,
            ];
            let standards = sources
                .iter()
                .filter(|source| source.starts_with("https://fetch.spec.whatwg.org/"));
            let expected = match profile.name {
                "fetch" => 5,
                "abort-on-request" => 3,
                _ => 0,
            };
            assert_eq!(standards.count(), expected, "{}", profile.name);
        }
    }

    #[test]
    fn names_are_unique_and_fetch_is_the_default() {
        for (index, profile) in PROFILES.iter().enumerate() {
            let summary = PROFILES
                .iter()
                .position(|other| other.summary == profile.summary);
            assert_eq!(summary, Some(index), "{}", profile.name);
            assert_eq!(
                PROFILES.iter().position(|other| other.name == profile.name),
                Some(index)
            );
            assert!(
                profile
                    .name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            );
        }
        assert_eq!(<&Profile>::default().name, "fetch");
        assert_eq!(Profile::from_name("netscape"), None);
    }

    #[test]
    fn the_cache_takes_its_cap_from_a_profile() {
        let chromium = Profile::from_name("chromium").expect("it is in the table");
        assert_eq!(CacheSettings::of(chromium).max_age_cap.as_secs(), 7_200);
    }
}
