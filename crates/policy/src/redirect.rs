//! Where does a redirect lead, and what does the request leave behind on the way?
//!
//! <https://fetch.spec.whatwg.org/#http-redirect-fetch>

use crate::header::{HeaderList, HeaderName, HeaderValue, split_on_commas};
use crate::http_fetch::is_redirect_status;
use crate::method::Method;
use crate::origin::Origin;
use crate::request::{Body, Destination, Mode, ReferrerPolicy, Request, ResponseTainting};
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
    if let (Destination::Document, Some(key)) =
        (request.destination, &mut request.network_partition_key)
    {
        // HTML gives a navigation a new reserved client for each origin (create navigation params by fetching).
        *key = key.moved_to(location.origin());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::main_fetch::main_fetch;
    use crate::request::{CredentialsMode, RedirectTaint};
    use crate::testing::{API, APP, List, fetch_api, headers, origin, url};
    use crate::{NetworkPartitionKey, RequestUrl, Route, include_credentials};

    fn follow(
        request: &mut Request,
        status: u16,
        location: &str,
    ) -> Result<Redirect, RedirectError> {
        http_redirect_fetch(request, status, &headers(&[("location", location)]))
    }

    fn api() -> Request {
        let mut request = fetch_api(APP, API);
        main_fetch(&mut request).expect("a route");
        request
    }

    /// Status, method before, method after, whether the body stays.
    const METHODS: &[(u16, &str, &str, bool)] = &[
        (301, "POST", "GET", false),
        (302, "POST", "GET", false),
        (303, "POST", "GET", false),
        (307, "POST", "POST", true),
        (308, "POST", "POST", true),
        (301, "PUT", "PUT", true),
        (302, "PUT", "PUT", true),
        (303, "PUT", "GET", false),
        (303, "OPTIONS", "GET", false),
        (303, "GET", "GET", true),
        (303, "HEAD", "HEAD", true),
        (301, "HEAD", "HEAD", true),
        (301, "post", "post", true),
    ];

    #[test]
    fn the_status_may_turn_the_method_into_get() {
        for (status, before, after, body_stays) in METHODS {
            let mut request = Request {
                method: Method::exact(before).expect("a method"),
                body: Body::Bytes,
                headers: headers(&[
                    ("content-encoding", "gzip"),
                    ("Content-Language", "de"),
                    ("content-location", "/x"),
                    ("content-type", "text/plain"),
                    ("x-a", "1"),
                ]),
                ..api()
            };
            follow(&mut request, *status, "/next").expect("a redirect");
            assert_eq!(request.method.as_str(), *after, "{status} {before}");
            assert_eq!(
                request.body == Body::Bytes,
                *body_stays,
                "{status} {before}"
            );
            assert_eq!(
                request.headers.len(),
                if *body_stays { 5 } else { 1 },
                "{status} {before}"
            );
        }
    }

    #[test]
    fn only_a_redirect_status_with_a_location_redirects() {
        for (status, list, expected) in [
            (302, &[("location", "/x")][..], Redirect::Followed),
            (302, &[], Redirect::Deliver),
            (200, &[("location", "/x")], Redirect::Deliver),
            (304, &[("location", "/x")], Redirect::Deliver),
            (
                201,
                &[("location", "/x"), ("location", "/y")],
                Redirect::Deliver,
            ),
        ] {
            let mut request = api();
            assert_eq!(
                http_redirect_fetch(&mut request, status, &headers(list)),
                Ok(expected),
                "{status} {list:?}"
            );
            assert_eq!(
                request.redirect_count(),
                u8::from(expected == Redirect::Followed)
            );
        }
    }

    /// Location, current URL before, current URL after.
    const LOCATIONS: &[(&str, &str, &str)] = &[
        ("/b?c", "https://api.test/a", "https://api.test/b?c"),
        ("b", "https://api.test/a/x", "https://api.test/a/b"),
        ("//b.test", "https://api.test/a", "https://b.test/"),
        ("http://b.test/", "https://api.test/a", "http://b.test/"),
        ("/b", "https://api.test/a#f", "https://api.test/b#f"),
        ("/b#g", "https://api.test/a#f", "https://api.test/b#g"),
        ("", "https://api.test/a?q#f", "https://api.test/a?q#f"),
        ("/\u{E9}", "https://api.test/", "https://api.test/%C3%A9"),
    ];

    #[test]
    fn a_location_is_resolved_and_takes_the_fragment_over() {
        for (location, before, after) in LOCATIONS {
            let mut request = fetch_api(APP, before);
            follow(&mut request, 302, location).expect("a redirect");
            assert_eq!(request.current_url(), &url(after), "{location}");
            assert_eq!(request.url_list().first(), &url(before));
        }
        let mut request = fetch_api(APP, API);
        let latin1 = HeaderList::parse([("location", &b"/\xE9"[..])]).expect("headers");
        http_redirect_fetch(&mut request, 302, &latin1).expect("a redirect");
        assert_eq!(request.current_url(), &url("https://api.test/%C3%A9"));
    }

    /// <https://html.spec.whatwg.org/multipage/browsing-the-web.html#create-navigation-params-by-fetching>: at the top its client is
    /// made of its own URL, anew for each origin that it is led to. A frame's, and all that a page asks for, stays under the page at the top.
    #[test]
    fn a_navigation_takes_its_partition_along() {
        let key = |of| Some(NetworkPartitionKey::of_top_level(&origin(of)));
        let mut navigation = Request::navigation(url(API), origin(APP));
        assert_eq!(navigation.network_partition_key, key("https://api.test"));
        follow(&mut navigation, 302, "https://b.test/").expect("a redirect");
        assert_eq!(navigation.network_partition_key, key("https://b.test"));
        let container = key("https://api.test").map(|key| key.with_second("container"));
        navigation.network_partition_key.clone_from(&container);
        follow(&mut navigation, 302, "/next").expect("a redirect");
        let stays = key("https://b.test").map(|key| key.with_second("container"));
        assert_eq!(navigation.network_partition_key, stays);
        for destination in [Destination::Iframe, Destination::Empty] {
            let mut request = Request {
                destination,
                network_partition_key: key(APP),
                ..Request::navigation(url(API), origin(APP))
            };
            follow(&mut request, 302, "https://b.test/").expect("a redirect");
            assert_eq!(request.network_partition_key, key(APP), "{destination:?}");
        }
    }

    #[test]
    fn an_error_leaves_the_request_as_it_was() {
        type Expected = fn(&RedirectError) -> bool;
        let cases: [(List, Expected); 4] = [
            (&[("location", "/a"), ("location", "/a")], |error| {
                *error == RedirectError::LocationRepeated(2)
            }),
            (&[("location", "https://")], |error| {
                matches!(error, RedirectError::LocationInvalid { .. })
            }),
            (&[("location", "data:,")], |error| {
                matches!(error, RedirectError::NotHttp(_))
            }),
            (&[("location", "ftp://api.test/")], |error| {
                matches!(error, RedirectError::NotHttp(_))
            }),
        ];
        for (list, expected) in cases {
            let mut request = Request {
                method: Method::POST,
                ..api()
            };
            let error =
                http_redirect_fetch(&mut request, 302, &headers(list)).expect_err("an error");
            assert!(expected(&error), "{list:?}: {error}");
            assert_eq!(error.section(), section::HTTP_REDIRECT_FETCH);
            assert_eq!(
                (
                    request.redirect_count(),
                    request.method,
                    request.url_list.iter().count()
                ),
                (0, Method::POST, 1)
            );
        }
    }

    #[test]
    fn twenty_redirects_are_followed() {
        let mut request = api();
        for count in 1..=MAX_REDIRECTS {
            follow(&mut request, 302, "/again").expect("one of twenty");
            assert_eq!(request.redirect_count(), count);
        }
        let error = follow(&mut request, 302, "/again").expect_err("the twenty-first");
        assert_eq!(error, RedirectError::TooMany(url("https://api.test/again")));
        assert!(error.to_string().contains("20"), "{error}");
        assert_eq!(request.redirect_count(), 20);
    }

    /// From, current URL, mode, location: may it hold userinfo?
    const USERINFO: &[(&str, &str, Mode, &str, bool)] = &[
        (
            APP,
            "https://app.test/a",
            Mode::Cors,
            "https://u:p@app.test/b",
            true,
        ),
        (
            APP,
            "https://app.test/a",
            Mode::Cors,
            "https://u@api.test/b",
            false,
        ),
        (
            APP,
            "https://app.test/a",
            Mode::Cors,
            "https://:p@api.test/b",
            false,
        ),
        (
            APP,
            "https://api.test/a",
            Mode::Cors,
            "https://u@api.test/b",
            false,
        ),
        (
            APP,
            "https://api.test/a",
            Mode::Cors,
            "https://u@app.test/b",
            false,
        ),
        (
            APP,
            "https://api.test/a",
            Mode::Cors,
            "https://api.test/b",
            true,
        ),
        (
            APP,
            "https://api.test/a",
            Mode::NoCors,
            "https://u@api.test/b",
            true,
        ),
        (
            APP,
            "https://api.test/a",
            Mode::Navigate,
            "https://u@b.test/b",
            true,
        ),
    ];

    #[test]
    fn userinfo_is_an_error_under_cors() {
        for (from, current, mode, location, allowed) in USERINFO {
            let mut request = Request {
                mode: *mode,
                ..fetch_api(from, current)
            };
            main_fetch(&mut request).expect("a route");
            let result = follow(&mut request, 302, location);
            assert_eq!(result.is_ok(), *allowed, "{mode} {current} {location}");
            if let Err(error) = result {
                assert_eq!(
                    error,
                    RedirectError::Userinfo(url(location).origin().clone())
                );
            }
        }
    }

    #[test]
    fn a_stream_body_is_sent_once() {
        for (status, allowed) in [
            (301, false),
            (302, false),
            (303, true),
            (307, false),
            (308, false),
        ] {
            let mut request = Request {
                method: Method::POST,
                body: Body::Stream,
                ..api()
            };
            assert_eq!(
                follow(&mut request, status, "/b").is_ok(),
                allowed,
                "{status}"
            );
            assert_eq!(
                request.body,
                if allowed { Body::None } else { Body::Stream }
            );
        }
        let mut request = Request {
            method: Method::POST,
            body: Body::Stream,
            ..api()
        };
        let error = follow(&mut request, 307, "/b").expect_err("a stream");
        assert_eq!(error, RedirectError::StreamBody(url("https://api.test/b")));
    }

    #[test]
    fn authorization_stays_behind_when_the_origin_changes() {
        for (location, stays) in [
            ("/b", true),
            ("https://api.test:443/", true),
            ("http://api.test/", false),
            ("https://api.test:8443/", false),
            ("https://app.test/", false),
        ] {
            let mut request = Request {
                headers: headers(&[("Authorization", "Basic eA=="), ("x-a", "")]),
                ..api()
            };
            follow(&mut request, 307, location).expect("a redirect");
            assert_eq!(
                request.headers.contains(&HeaderName::AUTHORIZATION),
                stays,
                "{location}"
            );
            assert_eq!(request.headers.len(), 1 + usize::from(stays), "{location}");
        }
    }

    #[test]
    fn everything_is_decided_again_on_the_next_hop() {
        let mut request = Request {
            credentials_mode: CredentialsMode::SameOrigin,
            ..fetch_api(APP, "https://app.test/")
        };
        assert_eq!(main_fetch(&mut request), Ok(Route::SchemeFetch));
        assert!(include_credentials(&request));
        follow(&mut request, 307, API).expect("a redirect");
        assert_eq!(main_fetch(&mut request), Ok(Route::Cors));
        assert!(!include_credentials(&request));
        follow(&mut request, 307, "https://b.test/").expect("a redirect");
        assert_eq!(request.redirect_taint(), RedirectTaint::CrossSite);
        request.headers = headers(&[("x-a", "")]);
        assert_eq!(main_fetch(&mut request), Ok(Route::CorsWithPreflight));
    }

    #[test]
    fn the_last_known_referrer_policy_applies() {
        let rows: [(&[&str], ReferrerPolicy); 6] = [
            (&["no-referrer"], ReferrerPolicy::NoReferrer),
            (&["no-referrer, unsafe-url"], ReferrerPolicy::UnsafeUrl),
            (&["no-referrer", "ORIGIN"], ReferrerPolicy::Origin),
            (&["no-referrer, future-policy"], ReferrerPolicy::NoReferrer),
            (&["no-referrer,"], ReferrerPolicy::NoReferrer),
            (&[""], ReferrerPolicy::SameOrigin),
        ];
        for (values, expected) in rows {
            let mut request = Request {
                referrer_policy: ReferrerPolicy::SameOrigin,
                ..api()
            };
            let mut list = vec![("location", "/b")];
            list.extend(values.iter().map(|value| ("referrer-policy", *value)));
            http_redirect_fetch(&mut request, 302, &headers(&list)).expect("a redirect");
            assert_eq!(request.referrer_policy, expected, "{values:?}");
        }
    }

    #[test]
    fn errors_say_what_to_change() {
        let url: RequestUrl = url("https://api.test/b");
        for (error, word) in [
            (RedirectError::LocationRepeated(2), "2 Location headers"),
            (
                RedirectError::LocationInvalid {
                    location: "::".to_owned(),
                    reason: url::ParseError::EmptyHost,
                },
                "\"::\"",
            ),
            (RedirectError::NotHttp(url.clone()), "https://api.test/b"),
            (
                RedirectError::Userinfo(url.origin().clone()),
                "leave them out",
            ),
            (RedirectError::StreamBody(url), "303"),
        ] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
