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
