//! What does the policy say of this request, all of it at once? One case in, one decision out.
//!
//! [`Input`] and [`Output`] are plain data whose fields are those of `bareflight decide`'s JSON (in kebab case; feature `serde`
//! derives both directions). Between them, [`Case::parse`] reads the text and [`decide`] decides, without a heap allocation for a
//! request with up to eight headers. [`Explanation`] says it in words.
//!
//! The case is a *request* of the standard: what the API refuses or drops before (forbidden methods and headers) is not judged.

mod explain;
mod input;
mod output;

pub use explain::Explanation;
pub use input::{Input, InputError, InputResponse, MAX_HEADERS};
pub use output::{Output, OutputConnection, OutputRequest};

use crate::connection::{ClientCertificate, ConnectionNeed, obtain_connection};
use crate::cors_check::{CorsError, cors_check};
use crate::header::HeaderList;
use crate::main_fetch::{MainFetchError, Route, main_fetch};
use crate::network_or_cache::include_credentials;
use crate::preflight::{PreflightError, check_preflight_response};
use crate::profile::{CertificateAnswer, Profile, Purpose, answer_certificate_request};
use crate::request::{Request, ResponseTainting};
use crate::safelist::{UnsafeNames, cors_unsafe_request_header_names};

/// A case that can be decided.
#[derive(Clone, Debug)]
pub struct Case {
    /// The request.
    pub request: Request,
    /// The answer to the preflight.
    pub preflight_response: Option<Response>,
    /// The answer to the request.
    pub response: Option<Response>,
    /// The profile.
    pub profile: &'static Profile,
}

/// A response, as far as anything is decided by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The [status](https://fetch.spec.whatwg.org/#concept-response-status).
    pub status: u16,
    /// The [header list](https://fetch.spec.whatwg.org/#concept-response-header-list).
    pub headers: HeaderList,
}

impl Case {
    /// A case without responses, under the profile `fetch`.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self {
            request,
            preflight_response: None,
            response: None,
            profile: Profile::fetch(),
        }
    }
}

/// Everything that the policy says of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Which way the request goes.
    pub route: Result<Route, MainFetchError>,
    /// Whether the request needs a preflight: the route asks for one, and the profile speaks CORS.
    pub preflight: bool,
    /// The CORS-unsafe request-header names.
    pub unsafe_names: UnsafeNames<'a>,
    /// *includeCredentials* of the request.
    pub include_credentials: bool,
    /// Whether the preflight carries a credential: under the standard never; a profile may present a client certificate.
    pub preflight_credentials: bool,
    /// What the request asks of the connection pool; `None` if it is never sent.
    pub connection: Option<ConnectionNeed>,
    /// Whether the request may present a client certificate, under the profile.
    pub client_certificate: ClientCertificate,
    /// The check of the preflight's answer; `None` without one, or if no preflight is needed.
    pub preflight_result: Option<Result<(), PreflightError>>,
    /// The CORS check of the answer; `None` without one, or if the tainting is not `cors`.
    pub cors_check: Option<Result<(), CorsError>>,
}

/// Decides a case: the first hop, with an empty preflight cache.
#[must_use]
pub fn decide(case: &Case) -> Decision<'_> {
    let mut request = case.request.clone();
    let route = main_fetch(&mut request);
    let sent = route.is_ok();
    let cors =
        case.profile.speaks_cors.value && request.response_tainting() == ResponseTainting::Cors;
    let preflight = cors && route == Ok(Route::CorsWithPreflight);
    let include = sent && include_credentials(&request);
    // Without TLS nobody asks.
    let over_tls = request.current_url().origin().scheme() == Some("https");
    let presents = |purpose| {
        over_tls
            && answer_certificate_request(case.profile, purpose, include, true)
                == CertificateAnswer::Present
    };
    let preflight_answer = case.preflight_response.as_ref().filter(|_| preflight);
    let answer = case.response.as_ref().filter(|_| cors);
    Decision {
        route,
        preflight,
        unsafe_names: cors_unsafe_request_header_names(&case.request.headers),
        include_credentials: include,
        preflight_credentials: preflight && presents(Purpose::Preflight),
        connection: sent.then(|| obtain_connection(&request, false)),
        client_certificate: if sent && presents(Purpose::Request) {
            ClientCertificate::MayPresent
        } else {
            ClientCertificate::MustNotPresent
        },
        preflight_result: preflight_answer.map(|answer| {
            check_preflight_response(&request, answer.status, &answer.headers).map(drop)
        }),
        cors_check: answer.map(|answer| cors_check(&request, &answer.headers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::HeaderName;
    use crate::section;
    use crate::testing::{API, APP};

    fn answer(status: u16, headers: &[(&str, &str)]) -> Option<InputResponse> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Some(InputResponse { status, headers })
    }

    fn outcome(input: &Input) -> Output {
        let case = Case::parse(input).expect("a case");
        Output::new(&case, &decide(&case))
    }

    /// A POST of JSON with credentials, whose server forgets to allow them.
    fn example() -> Input {
        let origin = ("access-control-allow-origin", APP);
        Input {
            method: "post".to_owned(),
            credentials: "include".to_owned(),
            top: Some("https://www.app.test/page".to_owned()),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: "bytes".to_owned(),
            preflight_response: answer(
                204,
                &[origin, ("access-control-allow-headers", "content-type")],
            ),
            response: answer(200, &[origin, ("access-control-allow-credentials", "true")]),
            ..Input::new(API, APP)
        }
    }

    /// One in a frame is under the page at the top.
    #[test]
    fn a_navigation_is_in_the_partition_of_where_it_goes() {
        let of = |top: Option<&str>| {
            let input = Input {
                mode: "navigate".to_owned(),
                credentials: "include".to_owned(),
                top: top.map(str::to_owned),
                ..Input::new(API, APP)
            };
            outcome(&input).connection.and_then(|it| it.partition)
        };
        assert_eq!(of(None).as_deref(), Some("https://api.test"));
        assert_eq!(of(Some("https://www.app.test/page")).as_deref(), Some(APP));
    }

    #[test]
    fn a_case_is_decided_from_end_to_end() {
        let output = outcome(&example());
        assert!(output.preflight && output.include_credentials && !output.preflight_credentials);
        assert_eq!(output.unsafe_headers, ["content-type"]);
        let preflight = output.preflight_request.expect("a preflight");
        assert_eq!(preflight.method, "OPTIONS");
        let expected = [
            ("accept", "*/*"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
            ("origin", APP),
        ];
        assert_eq!(
            preflight.headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(output.preflight_result, Some("error"));
        assert!(
            output
                .preflight_error
                .expect("an error")
                .contains("Access-Control-Allow-Credentials: true")
        );
        assert_eq!((output.cors_check, output.cors_error), (Some("ok"), None));
        let connection = output.connection.expect("a connection");
        assert_eq!(connection.partition.as_deref(), Some(APP));
        assert_eq!(
            (connection.origin.as_str(), connection.credentials),
            ("https://api.test", true)
        );
        assert_eq!(
            (output.client_certificate, output.network_error),
            ("may-present", None)
        );
        assert_eq!(
            output.sections,
            [
                section::MAIN_FETCH,
                section::UNSAFE_HEADER_NAMES,
                section::CORS_PREFLIGHT_FETCH,
                section::CORS_CHECK,
                section::OBTAIN_CONNECTION
            ]
        );
    }

    #[test]
    fn what_is_not_needed_is_absent() {
        let simple = Input {
            preflight_response: answer(500, &[]),
            response: answer(200, &[]),
            ..Input::new(API, APP)
        };
        let output = outcome(&simple);
        assert!(
            !output.preflight
                && output.preflight_request.is_none()
                && output.preflight_result.is_none()
        );
        assert_eq!(
            (output.cors_check, output.client_certificate),
            (Some("error"), "must-not-present")
        );
        assert!(
            output
                .cors_error
                .expect("an error")
                .contains("Access-Control-Allow-Origin")
        );
        assert_eq!(
            output.sections,
            [
                section::MAIN_FETCH,
                section::CORS_CHECK,
                section::OBTAIN_CONNECTION
            ]
        );
        let own = outcome(&Input {
            response: answer(200, &[]),
            ..Input::new("https://app.test/", APP)
        });
        assert_eq!((own.cors_check, own.include_credentials), (None, true));
        assert_eq!(
            outcome(&Input {
                preflight_response: None,
                response: None,
                ..example()
            })
            .preflight_result,
            None
        );
    }

    #[test]
    fn upload_listeners_and_streams_set_the_flag() {
        for (upload_listener, body, expected) in [
            (false, "bytes", false),
            (true, "none", true),
            (false, "stream", true),
            (false, "none", false),
        ] {
            let input = Input {
                method: "POST".to_owned(),
                body: body.to_owned(),
                upload_listener,
                ..Input::new(API, APP)
            };
            assert_eq!(
                outcome(&input).preflight,
                expected,
                "{upload_listener} {body}"
            );
        }
    }

    #[test]
    fn a_request_that_is_never_sent_says_why() {
        let output = outcome(&Input {
            mode: "same-origin".to_owned(),
            ..example()
        });
        assert!(
            output
                .network_error
                .expect("an error")
                .contains("same-origin")
        );
        assert_eq!(
            (output.connection, output.client_certificate),
            (None, "must-not-present")
        );
        assert!(!output.preflight && !output.include_credentials && output.cors_check.is_none());
    }

    #[test]
    fn without_tls_no_certificate_is_presented() {
        for (url, certificate) in [
            ("https://api.test/", "may-present"),
            ("http://api.test/", "must-not-present"),
        ] {
            let input = Input {
                url: url.to_owned(),
                credentials: "include".to_owned(),
                ..example()
            };
            let output = outcome(&input);
            assert!(output.include_credentials, "{url}");
            assert_eq!(output.client_certificate, certificate, "{url}");
        }
    }

    #[test]
    fn a_profile_changes_what_is_carried() {
        for (profile, credentials, preflight, preflight_credentials, certificate, cors_check) in [
            ("fetch", "include", true, false, "may-present", Some("ok")),
            ("fetch", "omit", true, false, "must-not-present", Some("ok")),
            (
                "abort-on-request",
                "omit",
                true,
                false,
                "must-not-present",
                Some("ok"),
            ),
            (
                "firefox-allow-client-cert",
                "include",
                true,
                true,
                "may-present",
                Some("ok"),
            ),
            ("chromium", "omit", true, true, "may-present", Some("ok")),
            ("http-client", "omit", false, false, "may-present", None),
        ] {
            let input = Input {
                profile: profile.to_owned(),
                credentials: credentials.to_owned(),
                ..example()
            };
            let output = outcome(&input);
            assert_eq!(output.preflight, preflight, "{profile}");
            assert_eq!(
                output.preflight_credentials, preflight_credentials,
                "{profile}"
            );
            assert_eq!(output.client_certificate, certificate, "{profile}");
            assert_eq!(output.cors_check, cors_check, "{profile}");
        }
    }

    #[test]
    fn chars_stand_for_bytes() {
        let with = |value: &str| Input {
            headers: vec![("accept".to_owned(), value.to_owned())],
            ..Input::new(API, APP)
        };
        assert_eq!(outcome(&with("\u{1}")).unsafe_headers, ["accept"]);
        assert!(outcome(&with(" \u{E9}\t")).unsafe_headers.is_empty());
        let case = Case::parse(&with("\u{E9}")).expect("a case");
        assert_eq!(
            case.request.headers.get(&HeaderName::ACCEPT).as_deref(),
            Some(&b"\xE9"[..])
        );
        assert!(Case::parse(&with("\u{FF}")).is_ok());
        assert!(matches!(
            Case::parse(&with("\u{100}")),
            Err(InputError::NotAByte {
                found: '\u{100}',
                ..
            })
        ));
        assert!(matches!(
            Case::parse(&with("a\u{0}b")),
            Err(InputError::Header { .. })
        ));
    }

    #[test]
    fn a_websocket_case_speaks_http() {
        let input = Input {
            mode: "websocket".to_owned(),
            credentials: "include".to_owned(),
            ..Input::new("wss://api.test/s", APP)
        };
        assert_eq!(
            outcome(&input).connection.expect("a connection").origin,
            "https://api.test"
        );
    }

    #[test]
    fn a_wrong_field_is_named() {
        type Spoil = fn(&mut Input);
        let cases: [(Spoil, &str); 13] = [
            (|input| input.url = "/items".to_owned(), "url: "),
            (|input| input.origin = "app".to_owned(), "origin: "),
            (|input| input.top = Some("top".to_owned()), "top: "),
            (|input| input.method = "A B".to_owned(), "method: "),
            (
                |input| input.mode = "CORS".to_owned(),
                "mode: \"CORS\" is unknown: use one of same-origin, cors,",
            ),
            (
                |input| input.credentials = "all".to_owned(),
                "credentials: \"all\" is unknown: use one of omit, ",
            ),
            (
                |input| input.body = "file".to_owned(),
                "body: \"file\" is unknown: use one of none, bytes, stream",
            ),
            (
                |input| input.profile = "ie6".to_owned(),
                "profile: \"ie6\" is unknown: use one of fetch, ",
            ),
            (
                |input| input.headers = vec![("a b".to_owned(), String::new())],
                "headers: \"a b\" is not",
            ),
            (
                |input| input.response = answer(1_000, &[]),
                "response: the status 1000",
            ),
            (
                |input| input.preflight_response = answer(200, &[("a:", "")]),
                "preflight-response: \"a:\"",
            ),
            (
                |input| input.response = answer(200, &[("a", "\u{100}")]),
                "response: the value of a holds",
            ),
            (
                |input| input.headers = vec![("a".to_owned(), String::new()); MAX_HEADERS + 1],
                "headers: 1001 headers are more than 1000",
            ),
        ];
        for (spoil, expected) in cases {
            let mut input = example();
            spoil(&mut input);
            let error = Case::parse(&input).expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let mut input = example();
        input.headers = vec![("a".to_owned(), String::new()); MAX_HEADERS];
        input.response = answer(999, &[]);
        assert!(Case::parse(&input).is_ok());
    }

    #[test]
    fn a_decision_is_explained_in_words() {
        let explained = |input: &Input| {
            let case = Case::parse(input).expect("a case");
            let decision = decide(&case);
            let explanation = Explanation {
                case: &case,
                decision: &decision,
            };
            explanation.to_string()
        };
        let stuck = Input {
            method: "PUT".to_owned(),
            upload_listener: true,
            ..example()
        };
        assert_eq!(
            explained(&stuck),
            "PUT https://api.test/items by https://app.test, mode cors, credentials include\n\
             a preflight comes first, because of the method PUT and the headers content-type as they are and an upload \
             listener or a stream body\n  \
             it is sent without credentials\n  \
             its answer refuses the request, which is never sent: the preflight's answer fails the CORS check: the request's \
             credentials mode is include and the response has no Access-Control-Allow-Credentials: the server must answer with \
             Access-Control-Allow-Credentials: true\n\
             the request would be sent with credentials; a client certificate is presented if the server asks\n  \
             its answer may be seen by https://app.test"
        );
        let plain = Input {
            response: answer(200, &[]),
            ..Input::new(API, APP)
        };
        let text = explained(&plain);
        assert!(
            text.contains(
                "\nno preflight\nthe request is sent without credentials; no client certificate is"
            ),
            "{text}"
        );
        assert!(
            text.contains(
                "\n  its answer is withheld: the response has no Access-Control-Allow-Origin"
            ),
            "{text}"
        );
        let text = explained(&Input {
            mode: "same-origin".to_owned(),
            ..plain
        });
        assert!(
            text.contains("\nnetwork error: the mode is same-origin"),
            "{text}"
        );
        let granted = Input {
            profile: "webkitgtk".to_owned(),
            credentials: "omit".to_owned(),
            response: None,
            preflight_response: answer(
                200,
                &[
                    ("access-control-allow-origin", "*"),
                    ("access-control-allow-headers", "*"),
                ],
            ),
            ..example()
        };
        let text = explained(&granted);
        assert!(
            text.contains(
                "it is sent with the client certificate\n  its answer allows the request\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_case_can_be_made_of_a_request() {
        let case = Case::new(Case::parse(&example()).expect("a case").request);
        assert_eq!(decide(&case).preflight_result, None);
        assert_eq!(case.profile.name, "fetch");
    }
}
