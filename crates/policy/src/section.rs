//! Which section of which standard says so? The addresses that errors, reports and profiles cite.

/// *Main fetch*.
pub const MAIN_FETCH: &str = "https://fetch.spec.whatwg.org/#concept-main-fetch";
/// *HTTP fetch*.
pub const HTTP_FETCH: &str = "https://fetch.spec.whatwg.org/#concept-http-fetch";
/// *HTTP-redirect fetch*.
pub const HTTP_REDIRECT_FETCH: &str = "https://fetch.spec.whatwg.org/#concept-http-redirect-fetch";
/// *HTTP-network-or-cache fetch*.
pub const HTTP_NETWORK_OR_CACHE_FETCH: &str =
    "https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch";
/// *CORS-preflight fetch*.
pub const CORS_PREFLIGHT_FETCH: &str = "https://fetch.spec.whatwg.org/#cors-preflight-fetch";
/// *CORS-preflight cache*.
pub const CORS_PREFLIGHT_CACHE: &str = "https://fetch.spec.whatwg.org/#concept-cache";
/// *CORS check*.
pub const CORS_CHECK: &str = "https://fetch.spec.whatwg.org/#concept-cors-check";
/// *CORS-unsafe request-header names*.
pub const UNSAFE_HEADER_NAMES: &str =
    "https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names";
/// *Cross-Origin-Embedder-Policy allows credentials*.
pub const EMBEDDER_POLICY: &str =
    "https://fetch.spec.whatwg.org/#cross-origin-embedder-policy-allows-credentials";
/// *Obtain a connection*.
pub const OBTAIN_CONNECTION: &str = "https://fetch.spec.whatwg.org/#concept-connection-obtain";
/// *Create a connection*.
pub const CREATE_CONNECTION: &str = "https://fetch.spec.whatwg.org/#create-a-connection";
