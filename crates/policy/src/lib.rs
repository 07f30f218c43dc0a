//! What may this request carry?
//!
//! The Fetch standard's rules on credentials, CORS and connections, as pure functions: no I/O, no clock, no randomness.

mod connection;
mod cors_check;
pub mod decide;
mod header;
mod http_fetch;
mod keywords;
mod main_fetch;
mod method;
mod network_or_cache;
mod origin;
mod partition;
mod preflight;
mod preflight_cache;
mod profile;
mod readings;
mod redirect;
mod request;
mod safelist;
pub mod section;
mod site_data;
#[cfg(test)]
mod testing;
mod url;

pub use connection::{
    ClientCertificate, ConnectionNeed, NewConnection, obtain_connection, preconnect,
    webtransport_connection,
};
pub use cors_check::{CorsError, HeaderText, cors_check};
pub use header::{
    Header, HeaderList, HeaderName, HeaderValue, InvalidHeader, is_forbidden_request_header,
};
pub use http_fetch::{OnResponse, is_redirect_status, needs_preflight, on_response};
pub use main_fetch::{MainFetchError, Route, main_fetch, route};
pub use method::{InvalidMethod, Method};
pub use network_or_cache::{
    Authorization, CertificateDialog, OnStatus, authorization, certificate_dialog,
    embedder_policy_allows_credentials, include_credentials, on_status,
};
pub use origin::{InvalidOrigin, Origin, SerializedOrigin, Site};
pub use partition::NetworkPartitionKey;
pub use preflight::{
    DEFAULT_MAX_AGE, PreflightError, PreflightGrant, check_preflight_response,
    cors_preflight_request,
};
pub use preflight_cache::{CacheSettings, PreflightCache};
pub use profile::{
    CertificateAnswer, Cited, PROFILES, Profile, Purpose, answer_certificate_request,
};
pub use readings::{CredentiallessRule, PreflightPartition, Readings};
pub use redirect::{MAX_REDIRECTS, Redirect, RedirectError, http_redirect_fetch};
pub use request::{
    Body, CredentialsMode, Destination, EmbedderPolicy, Mode, RedirectMode, RedirectTaint,
    Referrer, ReferrerPolicy, Request, ResponseTainting, TraversableForUserPrompts, origin_header,
    serialize_request_origin,
};
pub use safelist::{
    MAX_SAFELISTED_TOTAL, MAX_SAFELISTED_VALUE, UnsafeNames, cors_unsafe_request_header_names,
    has_cors_unsafe_request_header, is_cors_safelisted_request_header,
    is_cors_unsafe_request_header_byte, is_no_cors_safelisted_request_header,
};
pub use site_data::{ClearedCredentials, cleared_credentials};
pub use url::{InvalidUrl, RequestUrl, UrlList};

/// The places where the standard's text is in doubt.
pub mod anomalies {}
