//! How is the server asked first, and did it say yes? The preflight and the check of its answer.
//!
//! <https://fetch.spec.whatwg.org/#cors-preflight-fetch>

use crate::cors_check::{CorsError, HeaderText, cors_check};
use crate::header::{
    HeaderList, HeaderName, HeaderValue, is_cors_non_wildcard_request_header_name, split_on_commas,
};
use crate::method::Method;
use crate::readings::PreflightPartition;
use crate::request::{CredentialsMode, Mode, Request, ResponseTainting};
use crate::safelist::cors_unsafe_request_header_names;
use crate::section;
use core::time::Duration;
use smallvec::SmallVec;

/// How long an answer counts without a usable `Access-Control-Max-Age`.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(5);

/// Makes the [CORS-preflight request](https://fetch.spec.whatwg.org/#cors-preflight-request) for a request, as the first steps of
/// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch) do.
///
/// Its credentials mode stays `same-origin` and its tainting is `cors`, so that
/// [`include_credentials`](crate::include_credentials) is false for it, always. It goes to *HTTP-network-or-cache fetch* directly:
/// no service worker sees it and no redirect is followed.
///
/// Its client is null (no embedder policy). Its network partition key is the request's, unless
/// [`PreflightPartition::Null`] asks for the letter; nobody is prompted on its behalf (anomalies 1 and 2).
#[must_use]
pub fn cors_preflight_request(request: &Request) -> Request {
    let network_partition_key = match request.readings.preflight_partition {
        PreflightPartition::OfRequest => request.network_partition_key.clone(),
        PreflightPartition::Null => None,
    };
    let mut preflight = Request {
        method: Method::OPTIONS,
        headers: preflight_headers(request),
        mode: Mode::Cors,
        destination: request.destination,
        referrer: request.referrer.clone(),
        referrer_policy: request.referrer_policy,
        network_partition_key,
        readings: request.readings,
        ..Request::new(request.url_list.first().clone(), request.origin.clone())
    };
    preflight.url_list = request.url_list.clone();
    preflight.redirect_taint = request.redirect_taint;
    preflight.response_tainting = ResponseTainting::Cors;
    preflight
}

/// `Accept`, `Access-Control-Request-Method` and, if there is an unsafe name, `Access-Control-Request-Headers`: joined by a comma
/// without a blank, for better or worse.
fn preflight_headers(request: &Request) -> HeaderList {
    let method = HeaderValue::from(&request.method);
    let names = cors_unsafe_request_header_names(&request.headers);
    let names = (!names.is_empty()).then(|| {
        (
            HeaderName::ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_valid(names.as_slice().join(",")),
        )
    });
    [
        (HeaderName::ACCEPT, HeaderValue::from_static("*/*")),
        (HeaderName::ACCESS_CONTROL_REQUEST_METHOD, method),
    ]
    .into_iter()
    .chain(names)
    .collect()
}

/// What a preflight's answer allows: the input of the preflight cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightGrant {
    /// `Access-Control-Allow-Methods`, byte for byte; `*` is listed as the method `*`.
    pub methods: SmallVec<[Method; 4]>,
    /// `Access-Control-Allow-Headers`, in lower case; `*` is listed as the name `*`.
    pub header_names: SmallVec<[HeaderName; 4]>,
    /// `Access-Control-Max-Age`, or [`DEFAULT_MAX_AGE`]; the cache's cap is not yet applied.
    pub max_age: Duration,
}

/// Why a preflight's answer does not allow the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreflightError {
    /// The CORS check failed.
    #[error("the preflight's answer fails the CORS check: {0}")]
    Cors(#[from] CorsError),
    /// A redirect; a preflight follows none.
    #[error(
        "the preflight was redirected (status {0}): the server must answer OPTIONS at this URL itself, with 200 or 204, or the page must ask for the final URL (http or https? a slash at the end?)"
    )]
    Redirected(u16),
    /// The server answered 401 or 407: it asks for credentials, and a preflight never has any.
    #[error(
        "the preflight was answered with {0}, but a preflight never carries credentials: the server must let OPTIONS pass without authentication"
    )]
    AuthenticationAsked(u16),
    /// Some other status that is not 200 to 299.
    #[error(
        "the preflight was answered with status {0}: the server must answer OPTIONS with a status from 200 to 299"
    )]
    NotOk(u16),
    /// A list does not parse.
    #[error("{name} is {found:?}, which is not a list of tokens separated by commas")]
    Unparsable {
        /// The header.
        name: HeaderName,
        /// What it says.
        found: HeaderText,
    },
    /// The method is not allowed.
    #[error(
        "the method {method} is not in Access-Control-Allow-Methods: the server must list it, in the same case"
    )]
    MethodNotAllowed {
        /// The request's method.
        method: Method,
    },
    /// The method is not named, `*` is there and the credentials mode is `include`.
    #[error(
        "Access-Control-Allow-Methods is *, which does not count for a request with credentials: the server must list {method}"
    )]
    MethodWildcard {
        /// The request's method.
        method: Method,
    },
    /// A header is not allowed.
    #[error(
        "the header {name} is not in Access-Control-Allow-Headers: the server must list it, or the page must not send it"
    )]
    HeaderNotAllowed {
        /// The request's header, in lower case.
        name: HeaderName,
    },
    /// A header is not named, `*` is there and the credentials mode is `include`.
    #[error(
        "Access-Control-Allow-Headers is *, which does not count for a request with credentials: the server must list {name}"
    )]
    HeaderWildcard {
        /// The request's header, in lower case.
        name: HeaderName,
    },
    /// `Authorization` is not named; `*` never stands for it.
    #[error(
        "Access-Control-Allow-Headers does not name authorization, and * never stands for it: the server must list it"
    )]
    AuthorizationNotNamed,
}

impl PreflightError {
    /// The section of the standard behind the error.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        match self {
            Self::Cors(error) => error.section(),
            _ => section::CORS_PREFLIGHT_FETCH,
        }
    }
}

/// Checks a preflight's answer against the *actual* request, as the last steps of
/// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch) do.
///
/// # Errors
/// [`PreflightError`] says which header or status is to blame. A bad status is named first where it is the cause that a
/// developer has to mend first (the standard gives the same network error either way).
pub fn check_preflight_response(
    request: &Request,
    status: u16,
    headers: &HeaderList,
) -> Result<PreflightGrant, PreflightError> {
    check_status(status)?;
    cors_check(request, headers)?;
    let methods = methods_of(headers)?;
    let header_names = header_names_of(headers)?;
    let methods = match methods {
        None if request.use_cors_preflight => SmallVec::from_iter([request.method.clone()]),
        methods => methods.unwrap_or_default(),
    };
    check_method(request, &methods)?;
    check_headers(request, &header_names)?;
    Ok(PreflightGrant {
        methods,
        header_names,
        max_age: max_age_of(headers),
    })
}

fn check_status(status: u16) -> Result<(), PreflightError> {
    match status {
        200..=299 => Ok(()),
        301 | 302 | 303 | 307 | 308 => Err(PreflightError::Redirected(status)),
        401 | 407 => Err(PreflightError::AuthenticationAsked(status)),
        _ => Err(PreflightError::NotOk(status)),
    }
}

fn check_method(request: &Request, allowed: &[Method]) -> Result<(), PreflightError> {
    if allowed.contains(&request.method) || request.method.is_cors_safelisted() {
        return Ok(());
    }
    let method = request.method.clone();
    if !allowed.iter().any(|method| method.as_str() == "*") {
        return Err(PreflightError::MethodNotAllowed { method });
    }
    if request.credentials_mode == CredentialsMode::Include {
        return Err(PreflightError::MethodWildcard { method });
    }
    Ok(())
}

/// The unsafe names are sorted, so each listed name is looked up among them: no list, however long, costs more than one pass.
fn check_headers(request: &Request, allowed: &[HeaderName]) -> Result<(), PreflightError> {
    let unsafe_names = cors_unsafe_request_header_names(&request.headers);
    let mut named: SmallVec<[bool; 8]> = SmallVec::from_elem(false, unsafe_names.as_slice().len());
    for name in allowed {
        if let Ok(index) = unsafe_names.as_slice().binary_search(&name.as_str()) {
            named[index] = true;
        }
    }
    let missing = || {
        unsafe_names
            .iter()
            .zip(&named)
            .filter(|(_, named)| !**named)
            .map(|(name, _)| name)
    };
    if missing().any(is_cors_non_wildcard_request_header_name) {
        return Err(PreflightError::AuthorizationNotNamed);
    }
    let Some(name) = missing()
        .next()
        .and_then(|missing| find_name(&request.headers, missing))
    else {
        return Ok(());
    };
    if !allowed.iter().any(|name| name.as_str() == "*") {
        return Err(PreflightError::HeaderNotAllowed { name });
    }
    if request.credentials_mode == CredentialsMode::Include {
        return Err(PreflightError::HeaderWildcard { name });
    }
    Ok(())
}

fn find_name(headers: &HeaderList, name: &str) -> Option<HeaderName> {
    headers
        .iter()
        .map(|(candidate, _)| candidate)
        .find(|candidate| candidate.as_str() == name)
        .cloned()
}

fn methods_of(headers: &HeaderList) -> Result<Option<SmallVec<[Method; 4]>>, PreflightError> {
    list_of(headers, HeaderName::ACCESS_CONTROL_ALLOW_METHODS, |token| {
        Method::exact(token).ok()
    })
}

fn header_names_of(headers: &HeaderList) -> Result<SmallVec<[HeaderName; 4]>, PreflightError> {
    list_of(headers, HeaderName::ACCESS_CONTROL_ALLOW_HEADERS, |token| {
        HeaderName::parse(token).ok()
    })
    .map(Option::unwrap_or_default)
}

/// [Extracts header list values](https://fetch.spec.whatwg.org/#extract-header-list-values) of a header that is a list of tokens.
/// Empty members are let pass, as RFC 9110 section 5.6.1.2 asks of a recipient.
fn list_of<T>(
    headers: &HeaderList,
    name: HeaderName,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<SmallVec<[T; 4]>>, PreflightError> {
    let mut list = None;
    for value in headers.values(name.clone()) {
        let list: &mut SmallVec<_> = list.get_or_insert_default();
        for member in split_on_commas(value.as_bytes()).filter(|member| !member.is_empty()) {
            match core::str::from_utf8(member).ok().and_then(&read) {
                Some(member) => list.push(member),
                None => {
                    let found = HeaderText::new(headers, name.clone());
                    return Err(PreflightError::Unparsable { found, name });
                }
            }
        }
    }
    Ok(list)
}

/// `Access-Control-Max-Age`: digits, once. More seconds than can be counted are as many as can be counted.
fn max_age_of(headers: &HeaderList) -> Duration {
    let mut values = headers.values(HeaderName::ACCESS_CONTROL_MAX_AGE);
    match (values.next().map(HeaderValue::as_bytes), values.next()) {
        (Some(digits), None) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let add = |seconds: u64, digit: &u8| {
                seconds
                    .saturating_mul(10)
                    .saturating_add(u64::from(digit - b'0'))
            };
            Duration::from_secs(digits.iter().fold(0, add))
        }
        _ => DEFAULT_MAX_AGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{API, APP, List, fetch_api, headers, origin, sent, url};
    use crate::{
        Body, CertificateDialog, Destination, EmbedderPolicy, NetworkPartitionKey, Readings,
        Referrer, ReferrerPolicy, TraversableForUserPrompts, certificate_dialog,
        http_redirect_fetch, include_credentials, main_fetch, obtain_connection, origin_header,
    };

    const ACAO: (&str, &str) = ("access-control-allow-origin", APP);
    const ACAC: (&str, &str) = ("access-control-allow-credentials", "true");

    fn put(credentials_mode: CredentialsMode, list: &[(&str, &str)]) -> Request {
        Request {
            method: Method::PUT,
            headers: headers(list),
            ..sent(credentials_mode)
        }
    }

    #[test]
    fn the_preflight_is_the_standards() {
        let request = Request {
            body: Body::Bytes,
            destination: Destination::Font,
            referrer: Referrer::Url(url("https://app.test/page")),
            referrer_policy: ReferrerPolicy::Origin,
            embedder_policy: Some(EmbedderPolicy::Credentialless),
            network_partition_key: Some(NetworkPartitionKey::of_top_level(&origin(APP))),
            use_cors_preflight: true,
            use_url_credentials: true,
            traversable_for_user_prompts: TraversableForUserPrompts::Traversable,
            ..put(
                CredentialsMode::Include,
                &[
                    ("X-B", "2"),
                    ("accept", "*/*"),
                    ("Authorization", "x"),
                    ("x-a", "1"),
                ],
            )
        };
        let preflight = cors_preflight_request(&request);
        assert_eq!(preflight.method, Method::OPTIONS);
        assert_eq!(
            preflight.headers,
            headers(&[
                ("accept", "*/*"),
                ("access-control-request-method", "PUT"),
                ("access-control-request-headers", "authorization,x-a,x-b"),
            ])
        );
        assert_eq!(preflight.body, Body::None);
        assert_eq!(
            (preflight.url_list(), preflight.origin()),
            (request.url_list(), request.origin())
        );
        assert_eq!(
            (preflight.destination, preflight.referrer_policy),
            (Destination::Font, ReferrerPolicy::Origin)
        );
        assert_eq!(preflight.referrer, request.referrer);
        assert_eq!(
            (preflight.mode, preflight.response_tainting()),
            (Mode::Cors, ResponseTainting::Cors)
        );
        assert_eq!(preflight.credentials_mode, CredentialsMode::SameOrigin);
        assert_eq!(
            (preflight.embedder_policy, preflight.use_url_credentials),
            (None, false)
        );
        assert!(!preflight.use_cors_preflight && !preflight.unsafe_request);
        assert_eq!(preflight.redirect_count(), 0);
    }

    #[test]
    fn a_preflight_is_bare_and_asks_nobody() {
        for credentials_mode in CredentialsMode::ALL {
            let mut request = put(*credentials_mode, &[]);
            request.traversable_for_user_prompts = TraversableForUserPrompts::Traversable;
            let preflight = cors_preflight_request(&request);
            assert!(!include_credentials(&preflight), "{credentials_mode}");
            assert!(
                !obtain_connection(&preflight, false).credentials,
                "{credentials_mode}"
            );
            assert_eq!(
                certificate_dialog(&preflight),
                CertificateDialog::NeverAsked
            );
            assert_eq!(
                preflight.traversable_for_user_prompts,
                TraversableForUserPrompts::NoTraversable
            );
            assert_eq!(origin_header(&preflight).expect("an origin").as_str(), APP);
        }
    }

    #[test]
    fn without_unsafe_names_no_headers_are_asked_for() {
        let preflight = cors_preflight_request(&put(CredentialsMode::Omit, &[("accept", "*/*")]));
        assert_eq!(
            preflight.headers,
            headers(&[("accept", "*/*"), ("access-control-request-method", "PUT")])
        );
    }

    /// Anomaly 1: by the letter a preflight has no partition.
    #[test]
    fn anomaly_a_preflight_by_the_letter_has_no_partition() {
        let partition = NetworkPartitionKey::of_top_level(&origin("https://top.test"));
        let of = |readings| {
            let request = Request {
                network_partition_key: Some(partition.clone()),
                readings,
                ..put(CredentialsMode::Omit, &[])
            };
            let preflight = cors_preflight_request(&request);
            assert_eq!(preflight.readings, readings);
            preflight.network_partition_key
        };
        assert_eq!(of(Readings::MEANT), Some(partition.clone()));
        assert_eq!(of(Readings::LITERAL), None);
    }

    #[test]
    fn after_a_tainted_redirect_the_preflight_says_null() {
        let mut request = put(CredentialsMode::Omit, &[]);
        http_redirect_fetch(
            &mut request,
            307,
            &headers(&[("location", "https://b.test/x")]),
        )
        .expect("a redirect");
        main_fetch(&mut request).expect("a route");
        let preflight = cors_preflight_request(&request);
        assert_eq!(preflight.current_url(), &url("https://b.test/x"));
        assert_eq!(preflight.url_list().iter().count(), 2);
        assert_eq!(
            origin_header(&preflight).expect("an origin").as_str(),
            "null"
        );
        assert_eq!(preflight.redirect_count(), 0);
    }

    #[test]
    fn statuses_from_200_to_299_pass() {
        for status in 0..=999 {
            let result =
                check_preflight_response(&sent(CredentialsMode::Omit), status, &headers(&[ACAO]));
            let expected = match status {
                200..=299 => None,
                301 | 302 | 303 | 307 | 308 => Some(PreflightError::Redirected(status)),
                401 | 407 => Some(PreflightError::AuthenticationAsked(status)),
                _ => Some(PreflightError::NotOk(status)),
            };
            assert_eq!(result.err(), expected, "{status}");
        }
    }

    const ACAM: &str = "access-control-allow-methods";
    const ACAH: &str = "access-control-allow-headers";
    const OK: &str = "";

    /// Method, request's headers, answer's headers; what the error says without and with credentials mode include.
    const ANSWERS: &[(&str, List, List, &str, &str)] = &[
        // Methods.
        ("GET", &[], &[], OK, OK),
        ("POST", &[], &[(ACAM, "PUT")], OK, OK),
        (
            "PUT",
            &[],
            &[],
            "method PUT is not in",
            "method PUT is not in",
        ),
        ("PUT", &[], &[(ACAM, "PUT")], OK, OK),
        ("PUT", &[], &[(ACAM, "GET, PUT")], OK, OK),
        ("PUT", &[], &[(ACAM, "GET"), (ACAM, "PUT")], OK, OK),
        ("PUT", &[], &[(ACAM, "put")], "PUT", "PUT"),
        ("PUT", &[], &[(ACAM, "PUTS, PU")], "PUT", "PUT"),
        ("patch", &[], &[(ACAM, "PATCH")], "patch", "patch"),
        ("patch", &[], &[(ACAM, "patch")], OK, OK),
        ("PUT", &[], &[(ACAM, "*")], OK, "Methods is *"),
        ("PUT", &[], &[(ACAM, "*, PUT")], OK, OK),
        ("*", &[], &[(ACAM, "*")], OK, OK),
        ("PUT", &[], &[(ACAM, "")], "PUT", "PUT"),
        ("PUT", &[], &[(ACAM, ",, PUT ,")], OK, OK),
        (
            "PUT",
            &[],
            &[(ACAM, "PUT, a b")],
            "is \"PUT, a b\"",
            "not a list of tokens",
        ),
        (
            "PUT",
            &[],
            &[(ACAM, "PUT; GET")],
            "access-control-allow-methods",
            "not a list of tokens",
        ),
        (
            "PUT",
            &[],
            &[(ACAM, "PUT"), (ACAM, "a/b")],
            "\"PUT, a/b\"",
            "\"PUT, a/b\"",
        ),
        ("GET", &[], &[(ACAM, "a/b")], "\"a/b\"", "\"a/b\""),
        // Header names.
        (
            "GET",
            &[("x-a", "")],
            &[],
            "header x-a is not in",
            "header x-a is not in",
        ),
        ("GET", &[("X-A", "")], &[(ACAH, "x-a")], OK, OK),
        ("GET", &[("x-a", "")], &[(ACAH, "X-A")], OK, OK),
        (
            "GET",
            &[("x-a", ""), ("x-b", "")],
            &[(ACAH, "x-b"), (ACAH, "x-a")],
            OK,
            OK,
        ),
        (
            "GET",
            &[("x-a", ""), ("x-b", "")],
            &[(ACAH, "x-a")],
            "x-b",
            "x-b",
        ),
        (
            "GET",
            &[("x-a", ""), ("x-b", "")],
            &[(ACAH, "x-b")],
            "x-a",
            "x-a",
        ),
        ("GET", &[("x-a", "")], &[(ACAH, "*")], OK, "Headers is *"),
        ("GET", &[("x-a", "")], &[(ACAH, "*, x-a")], OK, OK),
        (
            "GET",
            &[("x-a", ""), ("x-b", "")],
            &[(ACAH, "*, x-a")],
            OK,
            "list x-b",
        ),
        ("GET", &[("*", "")], &[(ACAH, "*")], OK, OK),
        ("GET", &[("accept", "*/*")], &[], OK, OK),
        (
            "GET",
            &[("content-type", "a/b")],
            &[],
            "content-type",
            "content-type",
        ),
        (
            "GET",
            &[("x-a", "")],
            &[(ACAH, "x-a, b c")],
            "access-control-allow-headers",
            "not a list of tokens",
        ),
        (
            "GET",
            &[],
            &[(ACAH, "\"x-a\"")],
            "not a list of tokens",
            "not a list of tokens",
        ),
        // Authorization must be named.
        (
            "GET",
            &[("authorization", "x")],
            &[(ACAH, "*")],
            "does not name authorization",
            "does not name authorization",
        ),
        (
            "GET",
            &[("authorization", "x")],
            &[(ACAH, "Authorization")],
            OK,
            OK,
        ),
        (
            "GET",
            &[("authorization", "x")],
            &[(ACAH, "*, AUTHORIZATION")],
            OK,
            OK,
        ),
        (
            "GET",
            &[("authorization", "x")],
            &[],
            "does not name authorization",
            "does not name authorization",
        ),
        (
            "GET",
            &[("a", ""), ("authorization", "x")],
            &[(ACAH, "*")],
            "does not name authorization",
            "does not name",
        ),
        // The list itself is parsed before anything is looked up in it.
        (
            "PUT",
            &[("x-a", "")],
            &[(ACAM, "PUT"), (ACAH, "x-a")],
            OK,
            OK,
        ),
        (
            "PUT",
            &[("x-a", "")],
            &[(ACAM, "GET"), (ACAH, "x y")],
            "access-control-allow-headers",
            "not a list",
        ),
    ];

    #[test]
    fn the_answer_must_list_method_and_headers() {
        for (method, list, answer, without, with) in ANSWERS {
            for (credentials_mode, expected) in [
                (CredentialsMode::Omit, without),
                (CredentialsMode::Include, with),
            ] {
                let request = Request {
                    method: Method::exact(method).expect("a method"),
                    headers: headers(list),
                    ..sent(credentials_mode)
                };
                let answer = headers(&[&[ACAO, ACAC], *answer].concat());
                let row = format!("{method} {list:?} {answer:?} {credentials_mode}");
                match check_preflight_response(&request, 204, &answer) {
                    Ok(_) => assert_eq!(*expected, OK, "{row}"),
                    Err(error) => {
                        let text = error.to_string();
                        assert!(*expected != OK && text.contains(expected), "{row}: {text}");
                        assert_eq!(error.section(), section::CORS_PREFLIGHT_FETCH);
                    }
                }
            }
        }
    }

    #[test]
    fn the_cors_check_is_with_the_actual_request() {
        let check = |credentials_mode, list: &[(&str, &str)]| {
            check_preflight_response(&sent(credentials_mode), 200, &headers(list)).map(drop)
        };
        assert_eq!(check(CredentialsMode::Include, &[ACAO, ACAC]), Ok(()));
        let error = check(CredentialsMode::Include, &[ACAO]).expect_err("no Allow-Credentials");
        assert_eq!(
            error,
            PreflightError::Cors(CorsError::AllowCredentialsMissing)
        );
        assert_eq!(error.section(), section::CORS_CHECK);
        assert_eq!(check(CredentialsMode::SameOrigin, &[ACAO]), Ok(()));
        assert!(
            check(
                CredentialsMode::Include,
                &[("access-control-allow-origin", "*"), ACAC]
            )
            .is_err()
        );
    }

    #[test]
    fn the_flag_grants_its_own_method() {
        let grant = |use_cors_preflight, list: &[(&str, &str)]| {
            let request = Request {
                use_cors_preflight,
                ..put(CredentialsMode::Omit, &[])
            };
            check_preflight_response(&request, 204, &headers(&[&[ACAO], list].concat()))
        };
        assert_eq!(
            grant(true, &[]).expect("a grant").methods.as_slice(),
            [Method::PUT]
        );
        assert!(grant(false, &[]).is_err());
        assert!(grant(true, &[(ACAM, "GET")]).is_err());
        assert!(grant(true, &[(ACAM, "")]).is_err());
    }

    #[test]
    fn a_grant_lists_what_the_answer_lists() {
        let answer = headers(&[
            ACAO,
            (ACAM, "PUT, *, patch"),
            (ACAH, "X-A,*"),
            ("access-control-max-age", "60"),
        ]);
        let grant = check_preflight_response(&put(CredentialsMode::Omit, &[]), 204, &answer)
            .expect("a grant");
        let methods: Vec<_> = grant.methods.iter().map(Method::as_str).collect();
        let names: Vec<_> = grant.header_names.iter().map(HeaderName::as_str).collect();
        assert_eq!(
            (methods, names),
            (vec!["PUT", "*", "patch"], vec!["x-a", "*"])
        );
        assert_eq!(grant.max_age, Duration::from_secs(60));
    }

    #[test]
    fn max_age_is_digits_once_or_five_seconds() {
        let rows: [(&[&str], u64); 15] = [
            (&[], 5),
            (&["60"], 60),
            (&[" 60 "], 60),
            (&["0"], 0),
            (&["007"], 7),
            (&["86401"], 86_401),
            (&["18446744073709551615"], u64::MAX),
            (&["18446744073709551616"], u64::MAX),
            (&["99999999999999999999999999"], u64::MAX),
            (&["-1"], 5),
            (&["+1"], 5),
            (&["1.5"], 5),
            (&[""], 5),
            (&["60, 60"], 5),
            (&["60", "60"], 5),
        ];
        for (values, seconds) in rows {
            let list: Vec<_> = values
                .iter()
                .map(|value| ("access-control-max-age", *value))
                .collect();
            let answer = headers(&[&[ACAO], list.as_slice()].concat());
            let grant = check_preflight_response(&sent(CredentialsMode::Omit), 200, &answer)
                .expect("a grant");
            assert_eq!(grant.max_age, Duration::from_secs(seconds), "{values:?}");
        }
        assert_eq!(DEFAULT_MAX_AGE, Duration::from_secs(5));
    }

    #[test]
    fn errors_say_what_to_change() {
        for (error, word) in [
            (PreflightError::Redirected(301), "301"),
            (
                PreflightError::AuthenticationAsked(401),
                "without authentication",
            ),
            (PreflightError::NotOk(500), "200 to 299"),
        ] {
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(main_fetch(&mut fetch_api(APP, API)).is_ok());
    }
}
