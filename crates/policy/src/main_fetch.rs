//! Which way does the request go: without CORS, opaque, CORS with or without a preflight, or nowhere?
//!
//! <https://fetch.spec.whatwg.org/#main-fetch>

use crate::request::{Mode, RedirectMode, Request, ResponseTainting};
use crate::safelist::has_cors_unsafe_request_header;
use crate::section;

/// What the switch in [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch) decides for a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Scheme fetch with tainting `basic`: the request's own origin, `data:`, navigations, WebSockets, WebTransport.
    SchemeFetch,
    /// Scheme fetch with tainting `opaque`: `no-cors` to another origin.
    NoCors,
    /// HTTP fetch with tainting `cors`.
    Cors,
    /// HTTP fetch with tainting `cors`, after a preflight unless the preflight cache has what is needed.
    CorsWithPreflight,
}

impl Route {
    /// The response tainting that goes with it.
    #[must_use]
    pub const fn response_tainting(self) -> ResponseTainting {
        match self {
            Self::SchemeFetch => ResponseTainting::Basic,
            Self::NoCors => ResponseTainting::Opaque,
            Self::Cors | Self::CorsWithPreflight => ResponseTainting::Cors,
        }
    }
}

/// Why [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch) gives a network error before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MainFetchError {
    /// Mode `same-origin`, another origin.
    #[error(
        "the mode is same-origin and the URL is of another origin: use the mode cors, or a URL of the page's own origin"
    )]
    SameOrigin,
    /// Mode `no-cors`, another origin, redirect mode not `follow`.
    #[error(
        "a no-cors request to another origin must follow redirects: set the redirect mode to follow, or use the mode cors"
    )]
    NoCorsRedirectMode,
    /// Mode `cors`, a scheme other than `http` and `https`.
    #[error("only http: and https: URLs can be fetched across origins with CORS")]
    NotHttp,
}

impl MainFetchError {
    /// The section of the standard behind the error.
    #[must_use]
    pub const fn section(self) -> &'static str {
        section::MAIN_FETCH
    }
}

/// The switch of [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), for the first hop and again after every
/// redirect: decides the route and sets the response tainting.
///
/// # Errors
/// [`MainFetchError`] where the request is a network error; the tainting is then left as it was.
pub fn main_fetch(request: &mut Request) -> Result<Route, MainFetchError> {
    let route = route(request)?;
    request.response_tainting = route.response_tainting();
    Ok(route)
}

/// What [`main_fetch`] would decide.
///
/// # Errors
/// As [`main_fetch`].
pub fn route(request: &Request) -> Result<Route, MainFetchError> {
    let own = request.response_tainting == ResponseTainting::Basic && request.is_same_origin();
    let apart = matches!(
        request.mode,
        Mode::Navigate | Mode::WebSocket | Mode::WebTransport
    );
    if own || apart || request.current_url().as_url().scheme() == "data" {
        return Ok(Route::SchemeFetch);
    }
    match request.mode {
        Mode::SameOrigin => Err(MainFetchError::SameOrigin),
        Mode::NoCors if request.redirect_mode != RedirectMode::Follow => {
            Err(MainFetchError::NoCorsRedirectMode)
        }
        Mode::NoCors => Ok(Route::NoCors),
        _ if !request.current_url().is_http() => Err(MainFetchError::NotHttp),
        _ if calls_for_preflight(request) => Ok(Route::CorsWithPreflight),
        _ => Ok(Route::Cors),
    }
}

/// Whether the request is one that the server must be asked about first: the use-CORS-preflight flag, or the unsafe-request
/// flag with a method or a header that is not safelisted.
fn calls_for_preflight(request: &Request) -> bool {
    request.use_cors_preflight
        || (request.unsafe_request
            && (!request.method.is_cors_safelisted()
                || has_cors_unsafe_request_header(&request.headers)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::HeaderList;
    use crate::method::Method;
    use crate::request::Body;
    use crate::testing::{API, APP, List, fetch_api, headers, origin, sent, url};
    use crate::{CredentialsMode, http_redirect_fetch};

    const OWN: &str = "https://app.test/items";
    const DATA: &str = "data:text/plain,x";
    const FTP: &str = "ftp://api.test/x";
    const BLOB: &str = "blob:https://app.test/8-4";

    /// Mode, redirect mode, URL: the route of a plain GET from the app.
    const ROUTES: &[(Mode, RedirectMode, &str, Result<Route, MainFetchError>)] = &[
        (
            Mode::SameOrigin,
            RedirectMode::Follow,
            OWN,
            Ok(Route::SchemeFetch),
        ),
        (
            Mode::SameOrigin,
            RedirectMode::Follow,
            API,
            Err(MainFetchError::SameOrigin),
        ),
        (
            Mode::SameOrigin,
            RedirectMode::Follow,
            DATA,
            Ok(Route::SchemeFetch),
        ),
        (
            Mode::SameOrigin,
            RedirectMode::Follow,
            FTP,
            Err(MainFetchError::SameOrigin),
        ),
        (
            Mode::Cors,
            RedirectMode::Follow,
            OWN,
            Ok(Route::SchemeFetch),
        ),
        (Mode::Cors, RedirectMode::Error, API, Ok(Route::Cors)),
        (Mode::Cors, RedirectMode::Manual, API, Ok(Route::Cors)),
        (
            Mode::Cors,
            RedirectMode::Follow,
            DATA,
            Ok(Route::SchemeFetch),
        ),
        (
            Mode::Cors,
            RedirectMode::Follow,
            BLOB,
            Ok(Route::SchemeFetch),
        ),
        (
            Mode::Cors,
            RedirectMode::Follow,
            "blob:https://api.test/8-4",
            Err(MainFetchError::NotHttp),
        ),
        (
            Mode::Cors,
            RedirectMode::Follow,
            FTP,
            Err(MainFetchError::NotHttp),
        ),
        (
            Mode::Cors,
            RedirectMode::Follow,
            "about:blank",
            Err(MainFetchError::NotHttp),
        ),
        (
            Mode::Cors,
            RedirectMode::Follow,
            "http://app.test/items",
            Ok(Route::Cors),
        ),
        (
            Mode::Cors,
            RedirectMode::Follow,
            "https://app.test:8443/items",
            Ok(Route::Cors),
        ),
        (
            Mode::NoCors,
            RedirectMode::Follow,
            OWN,
            Ok(Route::SchemeFetch),
        ),
        (
            Mode::NoCors,
            RedirectMode::Manual,
            OWN,
            Ok(Route::SchemeFetch),
        ),
        (Mode::NoCors, RedirectMode::Follow, API, Ok(Route::NoCors)),
        (
            Mode::NoCors,
            RedirectMode::Error,
            API,
            Err(MainFetchError::NoCorsRedirectMode),
        ),
        (
            Mode::NoCors,
            RedirectMode::Manual,
            API,
            Err(MainFetchError::NoCorsRedirectMode),
        ),
        (Mode::NoCors, RedirectMode::Follow, FTP, Ok(Route::NoCors)),
        (
            Mode::Navigate,
            RedirectMode::Manual,
            API,
            Ok(Route::SchemeFetch),
        ),
        (
            Mode::WebSocket,
            RedirectMode::Error,
            API,
            Ok(Route::SchemeFetch),
        ),
        (
            Mode::WebTransport,
            RedirectMode::Error,
            API,
            Ok(Route::SchemeFetch),
        ),
    ];

    #[test]
    fn mode_and_url_decide_the_route() {
        for (mode, redirect_mode, to, expected) in ROUTES {
            let mut request = Request {
                mode: *mode,
                redirect_mode: *redirect_mode,
                ..fetch_api(APP, to)
            };
            assert_eq!(route(&request), *expected, "{mode} {redirect_mode} {to}");
            assert_eq!(main_fetch(&mut request), *expected);
            let tainting = expected.map_or(ResponseTainting::Basic, Route::response_tainting);
            assert_eq!(
                request.response_tainting(),
                tainting,
                "{mode} {redirect_mode} {to}"
            );
        }
    }

    #[test]
    fn each_route_has_its_tainting() {
        let taintings = [
            Route::SchemeFetch,
            Route::NoCors,
            Route::Cors,
            Route::CorsWithPreflight,
        ];
        assert_eq!(
            taintings.map(Route::response_tainting),
            [
                ResponseTainting::Basic,
                ResponseTainting::Opaque,
                ResponseTainting::Cors,
                ResponseTainting::Cors
            ]
        );
    }

    /// An opaque origin is nobody's own, not even that of the `data:` document it came from.
    #[test]
    fn an_opaque_origin_is_never_same_origin() {
        assert_eq!(route(&fetch_api("null", API)), Ok(Route::Cors));
        let request = Request {
            mode: Mode::SameOrigin,
            ..Request::new(url(API), origin("null"))
        };
        assert_eq!(route(&request), Err(MainFetchError::SameOrigin));
    }

    /// Method, headers, unsafe-request flag, use-CORS-preflight flag: is a preflight called for?
    const PREFLIGHTS: &[(&str, List, bool, bool, bool)] = &[
        ("GET", &[], true, false, false),
        ("HEAD", &[], true, false, false),
        ("POST", &[], true, false, false),
        ("PUT", &[], true, false, true),
        ("DELETE", &[], true, false, true),
        ("OPTIONS", &[], true, false, true),
        ("PATCH", &[], true, false, true),
        ("patch", &[], true, false, true),
        ("get", &[], true, false, true),
        (
            "POST",
            &[("content-type", "text/plain")],
            true,
            false,
            false,
        ),
        (
            "POST",
            &[("content-type", "application/json")],
            true,
            false,
            true,
        ),
        ("GET", &[("x-a", "")], true, false, true),
        ("GET", &[("authorization", "Basic eA==")], true, false, true),
        (
            "GET",
            &[("accept", "*/*"), ("range", "bytes=0-")],
            true,
            false,
            false,
        ),
        ("PUT", &[("x-a", "")], false, false, false),
        ("GET", &[], false, true, true),
        ("GET", &[], true, true, true),
        ("PUT", &[], false, true, true),
    ];

    #[test]
    fn unsafe_methods_and_headers_and_the_flag_call_for_a_preflight() {
        for (method, list, unsafe_request, use_cors_preflight, expected) in PREFLIGHTS {
            let request = Request {
                method: Method::exact(method).expect("a method"),
                headers: headers(list),
                unsafe_request: *unsafe_request,
                use_cors_preflight: *use_cors_preflight,
                ..fetch_api(APP, API)
            };
            let expected = if *expected {
                Route::CorsWithPreflight
            } else {
                Route::Cors
            };
            assert_eq!(
                route(&request),
                Ok(expected),
                "{method} {list:?} {unsafe_request} {use_cors_preflight}"
            );
        }
    }

    #[test]
    fn a_body_alone_calls_for_nothing() {
        let request = Request {
            method: Method::POST,
            body: Body::Stream,
            ..fetch_api(APP, API)
        };
        assert_eq!(route(&request), Ok(Route::Cors));
    }

    /// Once `cors`, the request's own origin is another's too: a server that redirects back is not trusted with it.
    #[test]
    fn tainting_never_goes_back_to_basic() {
        let mut request = sent(CredentialsMode::SameOrigin);
        http_redirect_fetch(&mut request, 302, &headers(&[("location", OWN)])).expect("a redirect");
        assert!(request.is_same_origin());
        assert_eq!(main_fetch(&mut request), Ok(Route::Cors));
        assert_eq!(request.response_tainting(), ResponseTainting::Cors);
        assert!(!crate::include_credentials(&request));
    }

    #[test]
    fn errors_say_what_to_change() {
        for (error, word) in [
            (MainFetchError::SameOrigin, "same-origin"),
            (MainFetchError::NoCorsRedirectMode, "follow"),
            (MainFetchError::NotHttp, "http:"),
        ] {
            assert!(error.to_string().contains(word), "{error}");
            assert_eq!(error.section(), section::MAIN_FETCH);
        }
        assert_eq!(HeaderList::new(), headers(&[]));
    }
}
