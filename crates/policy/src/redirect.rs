//! Where does a redirect lead, and what does the request leave behind on the way?
//!
//! <https://fetch.spec.whatwg.org/#http-redirect-fetch>

use crate::header::{HeaderList, HeaderName, HeaderValue, split_on_commas};
use crate::http_fetch::is_redirect_status;
use crate::method::Method;
use crate::origin::Origin;
use crate::request::{Body, Mode, ReferrerPolicy, Request, ResponseTainting};
use crate::section;
use crate::url::RequestUrl;

/// The most redirects that a request follows.
pub const MAX_REDIRECTS: u8 = 20;

/// What [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch) came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redirect {
    /// There is no location: the response is the answer.
    Deliver,
    /// The request was changed and goes through [`main_fetch`](crate::main_fetch) again.
    Followed,
}

/// Why a redirect is a network error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// More than one `Location`.
    #[error("the redirect has {0} Location headers: the server must send one")]
    LocationRepeated(usize),
    /// `Location` is no URL.
    #[error("the redirect's Location {location:?} is not a URL: {reason}")]
    LocationInvalid {
        /// What it says.
        location: String,
        /// What the URL parser said.
        reason: url::ParseError,
    },
    /// The scheme is not HTTP(S).
    #[error("the redirect leads to {0}: only http: and https: URLs are followed")]
    NotHttp(RequestUrl),
    /// The 21st redirect.
    #[error(
        "more than {MAX_REDIRECTS} redirects: does {0} lead back to where the request came from?"
    )]
    TooMany(RequestUrl),
    /// User name or password in the location, under CORS.
    #[error(
        "the redirect's Location holds a user name or password, which CORS does not allow (to {0}): the server must leave them out"
    )]
    Userinfo(Origin),
    /// A stream body cannot be sent a second time.
    #[error(
        "the request's body is a stream, which cannot be sent again to {0}: send it as bytes, or let the server answer 303"
    )]
    StreamBody(RequestUrl),
}

impl RedirectError {
    /// The section of the standard behind the error.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        section::HTTP_REDIRECT_FETCH
    }
}

/// [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch): applies a redirect to the request. Whether it
/// is followed at all is [`on_response`](crate::on_response)'s to say.
///
/// The new hop has everything decided again: call [`main_fetch`](crate::main_fetch) and go on from there.
///
/// # Errors
/// [`RedirectError`] where it is a network error; the request is then left as it was.
pub fn http_redirect_fetch(
    request: &mut Request,
    status: u16,
    headers: &HeaderList,
) -> Result<Redirect, RedirectError> {
    let Some(location) = location_url(request, status, headers)? else {
        return Ok(Redirect::Deliver);
    };
    check(request, status, &location)?;
    request.redirect_count += 1;
    if becomes_get(&request.method, status) {
        request.method = Method::GET;
        request.body = Body::None;
        request
            .headers
            .retain(|name| !name.is_request_body_header());
    }
    if request.current_url().origin() != location.origin() {
        request.headers.retain(|name| !name.is_cors_non_wildcard());
    }
    request.append_url(location);
    set_referrer_policy_on_redirect(request, headers);
    Ok(Redirect::Followed)
}

/// The [location URL](https://fetch.spec.whatwg.org/#concept-response-location-url) of a response; the current URL's fragment is
/// taken over where it has none of its own.
///
/// The standard leaves open how bytes become the text that is parsed: UTF-8 where it is valid, else one char a byte.
fn location_url(
    request: &Request,
    status: u16,
    headers: &HeaderList,
) -> Result<Option<RequestUrl>, RedirectError> {
    let mut locations = headers.values(HeaderName::LOCATION);
    let location = match locations.next() {
        Some(location) if is_redirect_status(status) => location,
        _ => return Ok(None),
    };
    if locations.next().is_some() {
        return Err(RedirectError::LocationRepeated(
            headers.values(HeaderName::LOCATION).count(),
        ));
    }
    let location = core::str::from_utf8(location.as_bytes())
        .map_or_else(|_| location.to_string(), str::to_owned);
    let current = request.current_url().as_url();
    match current.join(&location) {
        Ok(mut url) => {
            if url.fragment().is_none() {
                url.set_fragment(current.fragment());
            }
            Ok(Some(url.into()))
        }
        Err(reason) => Err(RedirectError::LocationInvalid { location, reason }),
    }
}

fn check(request: &Request, status: u16, location: &RequestUrl) -> Result<(), RedirectError> {
    if !location.is_http() {
        return Err(RedirectError::NotHttp(location.clone()));
    }
    if request.redirect_count >= MAX_REDIRECTS {
        return Err(RedirectError::TooMany(location.clone()));
    }
    let across = request.mode == Mode::Cors && request.origin != *location.origin();
    if location.includes_credentials()
        && (across || request.response_tainting == ResponseTainting::Cors)
    {
        return Err(RedirectError::Userinfo(location.origin().clone()));
    }
    if status != 303 && !request.body.can_be_sent_again() {
        return Err(RedirectError::StreamBody(location.clone()));
    }
    Ok(())
}

fn becomes_get(method: &Method, status: u16) -> bool {
    match status {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        _ => false,
    }
}

/// [Sets the referrer policy on redirect](https://w3c.github.io/webappsec-referrer-policy/#set-requests-referrer-policy-on-redirect):
/// the last policy of `Referrer-Policy` that is known, if any.
fn set_referrer_policy_on_redirect(request: &mut Request, headers: &HeaderList) {
    let known = |token: &[u8]| {
        let token = token.to_ascii_lowercase();
        core::str::from_utf8(&token)
            .ok()
            .and_then(ReferrerPolicy::from_keyword)
    };
    let policy = headers
        .values(HeaderName::REFERRER_POLICY)
        .map(HeaderValue::as_bytes)
        .flat_map(split_on_commas)
        .filter_map(known)
        .filter(|policy| *policy != ReferrerPolicy::Empty)
        .last();
    if let Some(policy) = policy {
        request.referrer_policy = policy;
    }
}
