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
    let method = HeaderValue::from_valid(request.method.as_str().to_owned());
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
    if !headers.contains(&name) {
        return Ok(None);
    }
    let members = headers
        .values(name.clone())
        .flat_map(|value| split_on_commas(value.as_bytes()));
    let list: Option<_> = members
        .filter(|member| !member.is_empty())
        .map(|member| core::str::from_utf8(member).ok().and_then(&read))
        .collect();
    match list {
        Some(list) => Ok(Some(list)),
        None => Err(PreflightError::Unparsable {
            found: HeaderText::new(headers, name.clone()),
            name,
        }),
    }
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
