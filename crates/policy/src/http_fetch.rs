//! Is the server asked first, and what becomes of a redirect? The decisions of HTTP fetch.
//!
//! <https://fetch.spec.whatwg.org/#http-fetch>

use crate::main_fetch::Route;
use crate::preflight_cache::PreflightCache;
use crate::request::{Mode, RedirectMode, Request};
use core::time::Duration;

/// Whether a preflight must succeed before the request may be sent: the route asks for one and the cache has no match.
#[must_use]
pub fn needs_preflight(
    request: &Request,
    route: Route,
    cache: &PreflightCache,
    now: Duration,
) -> bool {
    route == Route::CorsWithPreflight && !cache.matches(request, now)
}

/// Whether a status is a [redirect status](https://fetch.spec.whatwg.org/#redirect-status).
#[must_use]
pub const fn is_redirect_status(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// What [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch) does with a response's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnResponse {
    /// Not a redirect: the response is the answer.
    Deliver,
    /// A redirect to follow: go on with [`http_redirect_fetch`](crate::http_redirect_fetch).
    Follow,
    /// A redirect that is handed back as an opaque-redirect filtered response.
    OpaqueRedirect,
    /// A redirect that the navigation decides about; it calls [`http_redirect_fetch`](crate::http_redirect_fetch) if it goes on.
    NavigationDecides,
    /// A redirect that is a network error.
    NetworkError,
}

/// Switches on the request's redirect mode if the status is a redirect status.
#[must_use]
pub fn on_response(request: &Request, status: u16) -> OnResponse {
    if !is_redirect_status(status) {
        return OnResponse::Deliver;
    }
    match (request.redirect_mode, request.mode) {
        (RedirectMode::Error, _) => OnResponse::NetworkError,
        (RedirectMode::Follow, _) => OnResponse::Follow,
        (RedirectMode::Manual, Mode::Navigate) => OnResponse::NavigationDecides,
        (RedirectMode::Manual, _) => OnResponse::OpaqueRedirect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::Method;
    use crate::testing::{API, APP, fetch_api, headers};
    use crate::{CacheSettings, check_preflight_response, main_fetch};

    #[test]
    fn five_statuses_redirect() {
        let redirects: Vec<u16> = (0..=999)
            .filter(|&status| is_redirect_status(status))
            .collect();
        assert_eq!(redirects, [301, 302, 303, 307, 308]);
    }

    #[test]
    fn the_redirect_mode_decides_about_a_redirect() {
        let rows = [
            (RedirectMode::Follow, Mode::Cors, OnResponse::Follow),
            (RedirectMode::Follow, Mode::Navigate, OnResponse::Follow),
            (RedirectMode::Error, Mode::Cors, OnResponse::NetworkError),
            (
                RedirectMode::Error,
                Mode::Navigate,
                OnResponse::NetworkError,
            ),
            (RedirectMode::Manual, Mode::Cors, OnResponse::OpaqueRedirect),
            (
                RedirectMode::Manual,
                Mode::Navigate,
                OnResponse::NavigationDecides,
            ),
        ];
        for (redirect_mode, mode, expected) in rows {
            let request = Request {
                mode,
                redirect_mode,
                ..fetch_api(APP, API)
            };
            assert_eq!(
                on_response(&request, 302),
                expected,
                "{redirect_mode} {mode}"
            );
            for status in [200, 300, 304, 305, 306, 309, 404] {
                assert_eq!(
                    on_response(&request, status),
                    OnResponse::Deliver,
                    "{status}"
                );
            }
        }
    }

    #[test]
    fn a_cache_match_makes_the_preflight_unnecessary() {
        let mut request = Request {
            method: Method::PUT,
            ..fetch_api(APP, API)
        };
        let route = main_fetch(&mut request).expect("a route");
        let mut cache = PreflightCache::new(CacheSettings::default());
        assert!(needs_preflight(&request, route, &cache, Duration::ZERO));
        assert!(!needs_preflight(
            &request,
            Route::Cors,
            &cache,
            Duration::ZERO
        ));
        let answer = headers(&[
            ("access-control-allow-origin", APP),
            ("access-control-allow-methods", "PUT"),
        ]);
        cache.store(
            &request,
            &check_preflight_response(&request, 204, &answer).expect("a grant"),
            Duration::ZERO,
        );
        assert!(!needs_preflight(&request, route, &cache, Duration::ZERO));
        assert!(needs_preflight(
            &request,
            route,
            &cache,
            Duration::from_secs(5)
        ));
    }
}
