//! What does this hop carry, and what may be done about 401, 407 and 421? The decisions of HTTP-network-or-cache fetch.
//!
//! <https://fetch.spec.whatwg.org/#http-network-or-cache-fetch>

use crate::header::HeaderName;
use crate::readings::CredentiallessRule;
use crate::request::{
    CredentialsMode, EmbedderPolicy, Mode, RedirectTaint, Request, ResponseTainting,
    TraversableForUserPrompts,
};

/// *includeCredentials* of [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch), for
/// the hop at hand: whether cookies, authentication entries and a TLS client certificate may go with it, and `Set-Cookie` counts.
///
/// Call it after [`main_fetch`](crate::main_fetch()) decided the hop's response tainting, and again after each redirect.
#[must_use]
pub fn include_credentials(request: &Request) -> bool {
    let wanted = match request.credentials_mode {
        CredentialsMode::Include => true,
        CredentialsMode::SameOrigin => request.response_tainting == ResponseTainting::Basic,
        CredentialsMode::Omit => false,
    };
    wanted && embedder_policy_allows_credentials(request)
}

/// [Cross-Origin-Embedder-Policy allows credentials](https://fetch.spec.whatwg.org/#cross-origin-embedder-policy-allows-credentials):
/// a `credentialless` client's `no-cors` requests to other origins go without.
#[must_use]
pub fn embedder_policy_allows_credentials(request: &Request) -> bool {
    let wanted_taint = match request.readings.credentialless {
        CredentiallessRule::SameOriginUntainted => {
            RedirectTaint::SameOrigin == request.redirect_taint
        }
        CredentiallessRule::SameOriginTainted => {
            RedirectTaint::SameOrigin != request.redirect_taint
        }
    };
    request.mode != Mode::NoCors
        || request.embedder_policy != Some(EmbedderPolicy::Credentialless)
        || (request.is_same_origin() && wanted_taint)
}

/// Where the `Authorization` header of a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authorization {
    /// The caller set it; it is sent whatever the credentials mode.
    OfCaller,
    /// From an [authentication entry](https://fetch.spec.whatwg.org/#authentication-entry).
    OfEntry,
    /// From the user name and password in the URL.
    OfUrl,
    /// There is none.
    None,
}

/// Decides about `Authorization`, given whether there is an authentication entry for the request and whether this is the fetch
/// that follows a 401 (*isAuthenticationFetch*).
#[must_use]
pub fn authorization(
    request: &Request,
    has_entry: bool,
    is_authentication_fetch: bool,
) -> Authorization {
    let userinfo = request.current_url().includes_credentials();
    if request.headers.contains(&HeaderName::AUTHORIZATION) {
        Authorization::OfCaller
    } else if !include_credentials(request) {
        Authorization::None
    } else if has_entry && !(request.use_url_credentials && userinfo) {
        Authorization::OfEntry
    } else if userinfo && is_authentication_fetch {
        Authorization::OfUrl
    } else {
        Authorization::None
    }
}

/// What is done about a response that asks for a user name and password, or for another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnStatus {
    /// Nothing: the response is passed on.
    Deliver,
    /// The user is asked, and the request is sent again with what they say.
    PromptAndRetry,
    /// The request is sent again with the user name and password that are in the URL.
    RetryWithUrlCredentials,
    /// The request is sent again, once, on another connection of the same credentials.
    RetryOnNewConnection,
    /// A network error.
    NetworkError,
}

/// What [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch) does about a response's
/// status: 401 asks the user if credentials are included, the tainting is not `cors` and there is a window to ask in; 407 (which
/// has nothing to do with the request's credentials) asks the user, or is an error without a window; 421 is tried once on
/// another connection.
///
/// `is_authentication_fetch` and `is_new_connection_fetch` say whether this response is already that of a retry after 401 or 421.
#[must_use]
pub fn on_status(
    request: &Request,
    status: u16,
    is_authentication_fetch: bool,
    is_new_connection_fetch: bool,
) -> OnStatus {
    let window = request.traversable_for_user_prompts == TraversableForUserPrompts::Traversable;
    match status {
        401 if request.response_tainting == ResponseTainting::Cors
            || !include_credentials(request)
            || !window =>
        {
            OnStatus::Deliver
        }
        401 if !request.body.can_be_sent_again() => OnStatus::NetworkError,
        401 if request.use_url_credentials && !is_authentication_fetch => {
            OnStatus::RetryWithUrlCredentials
        }
        401 | 407 if window => OnStatus::PromptAndRetry,
        407 => OnStatus::NetworkError,
        421 if !is_new_connection_fetch && request.body.can_be_sent_again() => {
            OnStatus::RetryOnNewConnection
        }
        _ => OnStatus::Deliver,
    }
}

/// What becomes of a [dialog in which the user would choose a client certificate](https://fetch.spec.whatwg.org/#http-network-fetch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateDialog {
    /// It is shown in the request's traversable for user prompts.
    Show,
    /// There is no place to show it: the fetch is a network error.
    NetworkError,
    /// The question never arises: the request goes without credentials, so no certificate is sent.
    NeverAsked,
}

/// Whether the user may be asked to choose a client certificate for this request.
#[must_use]
pub fn certificate_dialog(request: &Request) -> CertificateDialog {
    match (
        include_credentials(request),
        request.traversable_for_user_prompts,
    ) {
        (false, _) => CertificateDialog::NeverAsked,
        (true, TraversableForUserPrompts::Traversable) => CertificateDialog::Show,
        (true, TraversableForUserPrompts::NoTraversable) => CertificateDialog::NetworkError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::main_fetch::main_fetch;
    use crate::readings::Readings;
    use crate::request::Body;
    use crate::testing::{API, APP, fetch_api, headers, origin, url};
    use crate::{Mode, Request, http_redirect_fetch};

    const OWN: &str = "https://app.test/items";

    fn request(mode: Mode, credentials_mode: CredentialsMode, to: &str) -> Request {
        let mut request = Request {
            mode,
            credentials_mode,
            ..Request::new(url(to), origin(APP))
        };
        main_fetch(&mut request).expect("a route");
        request
    }

    /// Mode, URL: credentials under omit, same-origin, include.
    const CREDENTIALS: &[(Mode, &str, [bool; 3])] = &[
        (Mode::Cors, OWN, [false, true, true]),
        (Mode::Cors, API, [false, false, true]),
        (Mode::NoCors, OWN, [false, true, true]),
        (Mode::NoCors, API, [false, false, true]),
        (Mode::SameOrigin, OWN, [false, true, true]),
        (Mode::Navigate, API, [false, true, true]),
        (Mode::WebSocket, API, [false, true, true]),
    ];

    #[test]
    fn credentials_mode_and_tainting_decide() {
        for (mode, to, expected) in CREDENTIALS {
            let modes = [
                CredentialsMode::Omit,
                CredentialsMode::SameOrigin,
                CredentialsMode::Include,
            ];
            let included = modes
                .map(|credentials_mode| include_credentials(&request(*mode, credentials_mode, to)));
            assert_eq!(included, *expected, "{mode} {to}");
        }
    }

    /// Embedder policy, mode, URL: are credentials included (credentials mode include)?
    const EMBEDDER_POLICIES: &[(Option<EmbedderPolicy>, Mode, &str, bool)] = &[
        (
            Some(EmbedderPolicy::Credentialless),
            Mode::NoCors,
            API,
            false,
        ),
        (
            Some(EmbedderPolicy::Credentialless),
            Mode::NoCors,
            OWN,
            true,
        ),
        (Some(EmbedderPolicy::Credentialless), Mode::Cors, API, true),
        (
            Some(EmbedderPolicy::Credentialless),
            Mode::Navigate,
            API,
            true,
        ),
        (Some(EmbedderPolicy::RequireCorp), Mode::NoCors, API, true),
        (Some(EmbedderPolicy::UnsafeNone), Mode::NoCors, API, true),
        (None, Mode::NoCors, API, true),
    ];

    #[test]
    fn a_credentialless_embedder_sends_none_to_other_origins() {
        for (embedder_policy, mode, to, expected) in EMBEDDER_POLICIES {
            let request = Request {
                embedder_policy: *embedder_policy,
                ..request(*mode, CredentialsMode::Include, to)
            };
            assert_eq!(
                include_credentials(&request),
                *expected,
                "{embedder_policy:?} {mode} {to}"
            );
            assert_eq!(embedder_policy_allows_credentials(&request), *expected);
        }
    }

    /// Anomaly 3: by the letter it is the tainted request to the client's own origin that gets credentials.
    #[test]
    fn anomaly_credentialless_by_the_letter_is_inverted() {
        let plain = Request {
            embedder_policy: Some(EmbedderPolicy::Credentialless),
            ..request(Mode::NoCors, CredentialsMode::Include, OWN)
        };
        let mut tainted = Request {
            embedder_policy: Some(EmbedderPolicy::Credentialless),
            ..request(Mode::NoCors, CredentialsMode::Include, API)
        };
        http_redirect_fetch(&mut tainted, 302, &headers(&[("location", OWN)])).expect("a redirect");
        let allowed = |readings| {
            [&plain, &tainted].map(|request| {
                embedder_policy_allows_credentials(&Request {
                    readings,
                    ..request.clone()
                })
            })
        };
        assert_eq!(allowed(Readings::MEANT), [true, false]);
        assert_eq!(allowed(Readings::LITERAL), [false, true]);
        assert_eq!(Readings::default(), Readings::MEANT);
    }

    /// URL, caller's Authorization, entry, use-URL-credentials, isAuthenticationFetch: under include and under omit.
    const AUTHORIZATIONS: &[(&str, bool, bool, bool, bool, Authorization, Authorization)] = {
        use Authorization::{None, OfCaller, OfEntry, OfUrl};
        const PLAIN: &str = "https://app.test/";
        const USER: &str = "https://u:p@app.test/";
        &[
            (PLAIN, false, false, false, false, None, None),
            (PLAIN, true, true, false, false, OfCaller, OfCaller),
            (PLAIN, false, true, false, false, OfEntry, None),
            (PLAIN, false, true, true, false, OfEntry, None),
            (USER, false, true, false, false, OfEntry, None),
            (USER, false, true, true, false, None, None),
            (USER, false, true, true, true, OfUrl, None),
            (USER, false, false, false, true, OfUrl, None),
            (USER, false, false, false, false, None, None),
            (PLAIN, false, false, false, true, None, None),
        ]
    };

    #[test]
    fn authorization_comes_from_caller_entry_or_url() {
        for (to, caller, entry, use_url_credentials, again, include, omit) in AUTHORIZATIONS {
            for (credentials_mode, expected) in [
                (CredentialsMode::Include, include),
                (CredentialsMode::Omit, omit),
            ] {
                let list = if *caller {
                    &[("authorization", "x")][..]
                } else {
                    &[]
                };
                let request = Request {
                    headers: headers(list),
                    use_url_credentials: *use_url_credentials,
                    ..request(Mode::Cors, credentials_mode, to)
                };
                let row = format!(
                    "{to} {caller} {entry} {use_url_credentials} {again} {credentials_mode}"
                );
                assert_eq!(authorization(&request, *entry, *again), *expected, "{row}");
            }
        }
    }

    struct Asked {
        status: u16,
        to: &'static str,
        credentials_mode: CredentialsMode,
        window: bool,
        body: Body,
        use_url_credentials: bool,
        authentication_fetch: bool,
        new_connection_fetch: bool,
    }

    const ASKED: Asked = Asked {
        status: 401,
        to: OWN,
        credentials_mode: CredentialsMode::Include,
        window: true,
        body: Body::Bytes,
        use_url_credentials: false,
        authentication_fetch: false,
        new_connection_fetch: false,
    };

    const STATUSES: &[(Asked, OnStatus)] = &[
        (ASKED, OnStatus::PromptAndRetry),
        (Asked { to: API, ..ASKED }, OnStatus::Deliver),
        (
            Asked {
                credentials_mode: CredentialsMode::Omit,
                ..ASKED
            },
            OnStatus::Deliver,
        ),
        (
            Asked {
                window: false,
                ..ASKED
            },
            OnStatus::Deliver,
        ),
        (
            Asked {
                body: Body::Stream,
                ..ASKED
            },
            OnStatus::NetworkError,
        ),
        (
            Asked {
                body: Body::None,
                ..ASKED
            },
            OnStatus::PromptAndRetry,
        ),
        (
            Asked {
                use_url_credentials: true,
                ..ASKED
            },
            OnStatus::RetryWithUrlCredentials,
        ),
        (
            Asked {
                use_url_credentials: true,
                authentication_fetch: true,
                ..ASKED
            },
            OnStatus::PromptAndRetry,
        ),
        (
            Asked {
                authentication_fetch: true,
                ..ASKED
            },
            OnStatus::PromptAndRetry,
        ),
        (
            Asked {
                status: 407,
                ..ASKED
            },
            OnStatus::PromptAndRetry,
        ),
        (
            Asked {
                status: 407,
                window: false,
                ..ASKED
            },
            OnStatus::NetworkError,
        ),
        (
            Asked {
                status: 407,
                to: API,
                ..ASKED
            },
            OnStatus::PromptAndRetry,
        ),
        (
            Asked {
                status: 407,
                credentials_mode: CredentialsMode::Omit,
                ..ASKED
            },
            OnStatus::PromptAndRetry,
        ),
        (
            Asked {
                status: 421,
                ..ASKED
            },
            OnStatus::RetryOnNewConnection,
        ),
        (
            Asked {
                status: 421,
                body: Body::None,
                window: false,
                ..ASKED
            },
            OnStatus::RetryOnNewConnection,
        ),
        (
            Asked {
                status: 421,
                body: Body::Stream,
                ..ASKED
            },
            OnStatus::Deliver,
        ),
        (
            Asked {
                status: 421,
                new_connection_fetch: true,
                ..ASKED
            },
            OnStatus::Deliver,
        ),
        (
            Asked {
                status: 421,
                credentials_mode: CredentialsMode::Omit,
                to: API,
                ..ASKED
            },
            OnStatus::RetryOnNewConnection,
        ),
        (
            Asked {
                status: 400,
                ..ASKED
            },
            OnStatus::Deliver,
        ),
        (
            Asked {
                status: 403,
                ..ASKED
            },
            OnStatus::Deliver,
        ),
        (
            Asked {
                status: 200,
                ..ASKED
            },
            OnStatus::Deliver,
        ),
    ];

    #[test]
    fn statuses_ask_for_a_user_or_another_connection() {
        for (row, (asked, expected)) in STATUSES.iter().enumerate() {
            let window = [
                TraversableForUserPrompts::NoTraversable,
                TraversableForUserPrompts::Traversable,
            ];
            let request = Request {
                body: asked.body,
                use_url_credentials: asked.use_url_credentials,
                traversable_for_user_prompts: window[usize::from(asked.window)],
                ..request(Mode::Cors, asked.credentials_mode, asked.to)
            };
            let (again, new) = (asked.authentication_fetch, asked.new_connection_fetch);
            assert_eq!(
                on_status(&request, asked.status, again, new),
                *expected,
                "row {row}: {}",
                asked.status
            );
        }
    }

    #[test]
    fn a_certificate_dialog_needs_credentials_and_a_window() {
        use TraversableForUserPrompts::{NoTraversable, Traversable};
        for (credentials_mode, traversable_for_user_prompts, expected) in [
            (
                CredentialsMode::Include,
                Traversable,
                CertificateDialog::Show,
            ),
            (
                CredentialsMode::Include,
                NoTraversable,
                CertificateDialog::NetworkError,
            ),
            (
                CredentialsMode::Omit,
                Traversable,
                CertificateDialog::NeverAsked,
            ),
            (
                CredentialsMode::SameOrigin,
                Traversable,
                CertificateDialog::NeverAsked,
            ),
        ] {
            let mut request = Request {
                credentials_mode,
                traversable_for_user_prompts,
                ..fetch_api(APP, API)
            };
            main_fetch(&mut request).expect("a route");
            assert_eq!(
                certificate_dialog(&request),
                expected,
                "{credentials_mode} {traversable_for_user_prompts}"
            );
        }
    }
}
