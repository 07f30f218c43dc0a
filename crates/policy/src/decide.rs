//! What does the policy say of this request, all of it at once? One case in, one decision out.
//!
//! [`Input`] and [`Output`] are plain data whose fields are those of `bareflight decide`'s JSON (in kebab case; feature `serde`
//! derives both directions). Between them, [`Case::parse`] reads the text and [`decide`] decides, without a heap allocation for a
//! request with up to eight headers.
//!
//! The case is a *request* of the standard: what the API refuses or drops before (forbidden methods and headers) is not judged.

use crate::connection::{ClientCertificate, ConnectionNeed, obtain_connection};
use crate::cors_check::{CorsError, cors_check};
use crate::header::{HeaderList, HeaderName, HeaderValue, InvalidHeader};
use crate::main_fetch::{MainFetchError, Route, main_fetch};
use crate::method::{InvalidMethod, Method};
use crate::network_or_cache::include_credentials;
use crate::origin::{InvalidOrigin, Origin};
use crate::partition::NetworkPartitionKey;
use crate::preflight::{PreflightError, check_preflight_response, cors_preflight_request};
use crate::profile::{CertificateAnswer, Profile, Purpose, answer_certificate_request};
use crate::request::{Body, CredentialsMode, Mode, Request, ResponseTainting};
use crate::safelist::{UnsafeNames, cors_unsafe_request_header_names};
use crate::section;
use crate::url::{InvalidUrl, RequestUrl};

/// The most headers that a case may have, in each of its lists.
pub const MAX_HEADERS: usize = 1_000;

/// A case as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", deny_unknown_fields)
)]
pub struct Input {
    /// The request's URL.
    pub url: String,
    /// The method, normalized as `fetch()` does.
    #[cfg_attr(feature = "serde", serde(default = "text::get"))]
    pub method: String,
    /// The mode, by its keyword.
    #[cfg_attr(feature = "serde", serde(default = "text::cors"))]
    pub mode: String,
    /// The credentials mode, by its keyword.
    #[cfg_attr(feature = "serde", serde(default = "text::same_origin"))]
    pub credentials: String,
    /// The requesting origin.
    pub origin: String,
    /// The top-level origin or page, from which the network partition key is made.
    #[cfg_attr(feature = "serde", serde(default))]
    pub top: Option<String>,
    /// Names and values; a value's chars stand for bytes.
    #[cfg_attr(feature = "serde", serde(default))]
    pub headers: Vec<(String, String)>,
    /// `none`, `bytes` or `stream`.
    #[cfg_attr(feature = "serde", serde(default = "text::none"))]
    pub body: String,
    /// Whether XMLHttpRequest's upload object has a listener.
    #[cfg_attr(feature = "serde", serde(default))]
    pub upload_listener: bool,
    /// The answer to the preflight.
    #[cfg_attr(feature = "serde", serde(default))]
    pub preflight_response: Option<InputResponse>,
    /// The answer to the request.
    #[cfg_attr(feature = "serde", serde(default))]
    pub response: Option<InputResponse>,
    /// A profile's name.
    #[cfg_attr(feature = "serde", serde(default = "text::fetch"))]
    pub profile: String,
}

/// A response as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", deny_unknown_fields)
)]
pub struct InputResponse {
    /// The status, 0 to 999.
    pub status: u16,
    /// Names and values; a value's chars stand for bytes.
    #[cfg_attr(feature = "serde", serde(default))]
    pub headers: Vec<(String, String)>,
}

impl Input {
    /// A case with the defaults: `GET`, mode `cors`, credentials `same-origin`, no headers, no body, no responses, profile `fetch`.
    #[must_use]
    pub fn new(url: &str, origin: &str) -> Self {
        Self {
            url: url.to_owned(),
            method: text::get(),
            mode: text::cors(),
            credentials: text::same_origin(),
            origin: origin.to_owned(),
            top: None,
            headers: Vec::new(),
            body: text::none(),
            upload_listener: false,
            preflight_response: None,
            response: None,
            profile: text::fetch(),
        }
    }
}

/// The defaults of [`Input`].
mod text {
    macro_rules! texts {
        ($($name:ident = $text:literal,)+) => { $(pub(super) fn $name() -> String { $text.to_owned() })+ };
    }
    texts! { get = "GET", cors = "cors", same_origin = "same-origin", none = "none", fetch = "fetch", }
}

/// Why a case cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// `url` is not a URL.
    #[error("url: {0}")]
    Url(InvalidUrl),
    /// `origin` is not an origin.
    #[error("origin: {0}")]
    Origin(InvalidOrigin),
    /// `top` is neither an origin nor a URL.
    #[error("top: {0}")]
    Top(InvalidUrl),
    /// `method` is not a method.
    #[error("method: {0}")]
    Method(InvalidMethod),
    /// A field is none of its keywords.
    #[error("{field}: {found:?} is unknown: use one of {known}")]
    Keyword {
        /// The field.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it may say, separated by commas.
        known: String,
    },
    /// A header cannot be one.
    #[error("{field}: {error}")]
    Header {
        /// The field.
        field: &'static str,
        /// What is wrong.
        error: InvalidHeader,
    },
    /// A header's value has a char that stands for no byte.
    #[error(
        "{field}: the value of {name} holds {found:?}: its chars stand for bytes, U+0000 to U+00FF"
    )]
    NotAByte {
        /// The field.
        field: &'static str,
        /// The header.
        name: String,
        /// The char.
        found: char,
    },
    /// Too many headers.
    #[error("{field}: {count} headers are more than {MAX_HEADERS}")]
    TooManyHeaders {
        /// The field.
        field: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A status beyond three digits.
    #[error("{field}: the status {status} is not from 0 to 999")]
    Status {
        /// The field.
        field: &'static str,
        /// What it says.
        status: u16,
    },
}

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

    /// Reads a case. The unsafe-request flag is set, as `fetch()` and XMLHttpRequest do; the use-CORS-preflight flag if there is an
    /// upload listener or a stream body.
    ///
    /// # Errors
    /// [`InputError`] for the first field that is wrong.
    pub fn parse(input: &Input) -> Result<Self, InputError> {
        let profile = Profile::from_name(&input.profile).ok_or_else(|| InputError::Keyword {
            field: "profile",
            found: input.profile.clone(),
            known: crate::PROFILES
                .iter()
                .map(|profile| profile.name)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        Ok(Self {
            request: request(input)?,
            preflight_response: response("preflight-response", input.preflight_response.as_ref())?,
            response: response("response", input.response.as_ref())?,
            profile,
        })
    }
}

fn request(input: &Input) -> Result<Request, InputError> {
    let url = RequestUrl::parse(&input.url).map_err(InputError::Url)?;
    let origin = Origin::parse(&input.origin).map_err(InputError::Origin)?;
    let mode = keyword("mode", &input.mode, Mode::ALL, Mode::as_str)?;
    let new = if mode == Mode::WebSocket {
        Request::websocket
    } else {
        Request::fetch_api
    };
    let mut request = new(url, origin);
    request.mode = mode;
    request.method = Method::normalize(&input.method).map_err(InputError::Method)?;
    request.credentials_mode = keyword(
        "credentials",
        &input.credentials,
        CredentialsMode::ALL,
        CredentialsMode::as_str,
    )?;
    request.headers = header_list("headers", &input.headers)?;
    request.body = keyword("body", &input.body, Body::ALL, Body::as_str)?;
    request.use_cors_preflight = input.upload_listener || request.body == Body::Stream;
    if let Some(top) = &input.top {
        let top = RequestUrl::parse(top).map_err(InputError::Top)?;
        request.network_partition_key = Some(NetworkPartitionKey::of_top_level(top.origin()));
    }
    Ok(request)
}

fn response(
    field: &'static str,
    input: Option<&InputResponse>,
) -> Result<Option<Response>, InputError> {
    let Some(input) = input else { return Ok(None) };
    if input.status > 999 {
        return Err(InputError::Status {
            field,
            status: input.status,
        });
    }
    Ok(Some(Response {
        status: input.status,
        headers: header_list(field, &input.headers)?,
    }))
}

fn header_list(
    field: &'static str,
    headers: &[(String, String)],
) -> Result<HeaderList, InputError> {
    if headers.len() > MAX_HEADERS {
        return Err(InputError::TooManyHeaders {
            field,
            count: headers.len(),
        });
    }
    let read = |(name, value): &(String, String)| {
        let byte = |found: char| {
            u8::try_from(u32::from(found)).map_err(|_| InputError::NotAByte {
                field,
                name: name.clone(),
                found,
            })
        };
        let value: Vec<u8> = value.chars().map(byte).collect::<Result<_, _>>()?;
        let header = || Ok((HeaderName::parse(name)?, HeaderValue::parse(name, &value)?));
        header().map_err(|error| InputError::Header { field, error })
    };
    headers.iter().map(read).collect()
}

fn keyword<T: Copy>(
    field: &'static str,
    found: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, InputError> {
    all.iter()
        .copied()
        .find(|&member| as_str(member) == found)
        .ok_or_else(|| InputError::Keyword {
            field,
            found: found.to_owned(),
            known: all
                .iter()
                .map(|&member| as_str(member))
                .collect::<Vec<_>>()
                .join(", "),
        })
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
    let presents = |purpose| {
        answer_certificate_request(case.profile, purpose, include, true)
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

/// A decision as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub struct Output {
    /// Whether the request needs a preflight.
    pub preflight: bool,
    /// The CORS-unsafe request-header names, sorted.
    pub unsafe_headers: Vec<String>,
    /// *includeCredentials* of the request.
    pub include_credentials: bool,
    /// Whether the preflight carries a credential, under the profile.
    pub preflight_credentials: bool,
    /// The preflight; absent where none is needed.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub preflight_request: Option<OutputRequest>,
    /// `ok` or `error`; absent without an answer to the preflight.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub preflight_result: Option<&'static str>,
    /// What to change, if the preflight failed.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub preflight_error: Option<String>,
    /// `ok` or `error`; absent without an answer, or if it needs no check.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cors_check: Option<&'static str>,
    /// What to change, if the check failed.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cors_error: Option<String>,
    /// The connection's triple; absent if the request is never sent.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub connection: Option<OutputConnection>,
    /// `may-present` or `must-not-present`, under the profile.
    pub client_certificate: &'static str,
    /// Why the request is never sent, if so.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub network_error: Option<String>,
    /// The sections of the standard behind what was decided.
    pub sections: Vec<&'static str>,
}

/// The preflight as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub struct OutputRequest {
    /// The method: `OPTIONS`.
    pub method: String,
    /// Names and values; `origin` as it will be sent is among them.
    pub headers: Vec<(String, String)>,
}

/// A connection's triple as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub struct OutputConnection {
    /// The network partition key; absent in the case where there is none.
    pub partition: Option<String>,
    /// The origin that is connected to.
    pub origin: String,
    /// Whether the connection has credentials.
    pub credentials: bool,
}

impl Output {
    /// Writes a decision down.
    #[must_use]
    pub fn new(case: &Case, decision: &Decision<'_>) -> Self {
        let preflight = decision.preflight;
        let (preflight_result, preflight_error) = verdict(decision.preflight_result.as_ref());
        let (cors_check, cors_error) = verdict(decision.cors_check.as_ref());
        Self {
            preflight,
            unsafe_headers: decision.unsafe_names.iter().map(str::to_owned).collect(),
            include_credentials: decision.include_credentials,
            preflight_credentials: decision.preflight_credentials,
            preflight_request: preflight
                .then(|| OutputRequest::new(&cors_preflight_request(&case.request))),
            preflight_result,
            preflight_error,
            cors_check,
            cors_error,
            connection: decision.connection.as_ref().map(OutputConnection::new),
            client_certificate: decision.client_certificate.as_str(),
            network_error: decision.route.as_ref().err().map(MainFetchError::to_string),
            sections: sections(decision),
        }
    }
}

impl OutputRequest {
    fn new(request: &Request) -> Self {
        let origin = crate::request::origin_header(request)
            .map(|origin| ("origin".to_owned(), origin.to_string()));
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        Self {
            method: request.method.to_string(),
            headers: headers.chain(origin).collect(),
        }
    }
}

impl OutputConnection {
    fn new(need: &ConnectionNeed) -> Self {
        Self {
            partition: need
                .network_partition_key
                .as_ref()
                .map(NetworkPartitionKey::to_string),
            origin: need.origin.to_string(),
            credentials: need.credentials,
        }
    }
}

fn verdict<E: core::fmt::Display>(
    result: Option<&Result<(), E>>,
) -> (Option<&'static str>, Option<String>) {
    match result {
        None => (None, None),
        Some(Ok(())) => (Some("ok"), None),
        Some(Err(error)) => (Some("error"), Some(error.to_string())),
    }
}

fn sections(decision: &Decision<'_>) -> Vec<&'static str> {
    let preflight_error = decision
        .preflight_result
        .as_ref()
        .and_then(|result| result.as_ref().err());
    let mut sections = vec![section::MAIN_FETCH];
    sections.extend((!decision.unsafe_names.is_empty()).then_some(section::UNSAFE_HEADER_NAMES));
    sections.extend(decision.preflight.then_some(section::CORS_PREFLIGHT_FETCH));
    let checks = [
        preflight_error.map(PreflightError::section),
        decision.cors_check.as_ref().map(|_| section::CORS_CHECK),
    ];
    sections.extend(checks.into_iter().flatten());
    sections.extend(
        decision
            .connection
            .is_some()
            .then_some(section::OBTAIN_CONNECTION),
    );
    let mut seen = Vec::new();
    sections.retain(|section| {
        !seen.contains(section) && {
            seen.push(*section);
            true
        }
    });
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn a_case_can_be_made_of_a_request() {
        let case = Case::new(Case::parse(&example()).expect("a case").request);
        assert_eq!(decide(&case).preflight_result, None);
        assert_eq!(case.profile.name, "fetch");
    }
}
