//! What may this request carry?
//!
//! A browser asks this of every request, and the answer is spread over a dozen algorithms of the
//! [Fetch standard](https://fetch.spec.whatwg.org/): whether the server must be asked first by a *preflight*, whether cookies,
//! authentication entries and a TLS client certificate go along, which connection may serve it, whether the page may see the
//! answer, and all of it again after a redirect. This crate is those algorithms as pure functions: no I/O, no clock, no
//! randomness, no allocation where a decision only answers.
//!
//! The rule it is built around: **a CORS preflight never carries credentials, TLS client certificates included.** A server that
//! requires a certificate from everyone therefore refuses the preflight, and the request behind it is never sent; an implementation
//! that mixes the connections of both kinds leaks the certificate into preflights, or makes its deliberate omission stick to the
//! request that needed it (whatwg/fetch issue 869).
//!
//! # From a request to its answer
//!
//! ```
//! use bareflight_policy::*;
//! use std::time::Duration;
//!
//! // fetch("https://api.test/items", {method: "PUT", credentials: "include"}) on a page of https://app.test
//! let page = Origin::parse("https://app.test")?;
//! let mut request = Request::fetch_api(RequestUrl::parse("https://api.test/items")?, page.clone());
//! request.method = Method::normalize("put")?;
//! request.credentials_mode = CredentialsMode::Include;
//! request.network_partition_key = Some(NetworkPartitionKey::of_top_level(&page));
//!
//! // Which way does it go? PUT across origins: the server is asked first.
//! let mut cache = PreflightCache::new(CacheSettings::default());
//! let now = Duration::ZERO;
//! let route = main_fetch(&mut request)?;
//! assert!(needs_preflight(&request, route, &cache, now));
//!
//! // The preflight flies bare: another connection than the request's, and no certificate on it.
//! let preflight = cors_preflight_request(&request);
//! let bare = obtain_connection(&preflight, false);
//! assert_eq!(bare.client_certificate(), ClientCertificate::MustNotPresent);
//!
//! // The server's answer is checked, and says what to change.
//! let answer = HeaderList::parse([
//!     ("Access-Control-Allow-Origin", &b"https://app.test"[..]),
//!     ("Access-Control-Allow-Methods", b"PUT"),
//! ])?;
//! let error = check_preflight_response(&request, 204, &answer).unwrap_err();
//! assert!(error.to_string().contains("must answer with Access-Control-Allow-Credentials: true"));
//!
//! let mut answer = answer;
//! let allow = HeaderValue::from_static("true");
//! answer.append(HeaderName::ACCESS_CONTROL_ALLOW_CREDENTIALS, allow);
//! let grant = check_preflight_response(&request, 204, &answer)?;
//! cache.store(&request, &grant, now);
//! assert!(!needs_preflight(&request, route, &cache, now));
//!
//! // The request itself may present the certificate, on a connection of its own.
//! let own = obtain_connection(&request, false);
//! assert_eq!(own.client_certificate(), ClientCertificate::MayPresent);
//! assert_eq!(cors_check(&request, &answer), Ok(()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a user agent calls, in order
//!
//! 1. [`main_fetch`]: the [`Route`] of this hop, and its response tainting. Its errors are network errors.
//! 2. [`needs_preflight`]; if so, [`cors_preflight_request`], [`check_preflight_response`] and [`PreflightCache::store`].
//! 3. [`obtain_connection`]: which connections may serve this hop; [`answer_certificate_request`] when the server asks, under a
//!    [`Profile`].
//! 4. [`include_credentials`], [`authorization`], [`origin_header`]: what this hop carries.
//! 5. [`on_status`] for 401, 407 and 421; [`cors_check`] if the tainting is `cors`; [`on_response`] for redirects, and
//!    [`http_redirect_fetch`] to follow one, then again from 1.
//! 6. [`PreflightCache::clear`] if the request behind a preflight ended in a network error; [`cleared_credentials`] for
//!    `Clear-Site-Data`.
//!
//! [`decide`](mod@decide) does the first hop of it at once, for comparisons and for people stuck on a "CORS error".
//!
//! Mutation testing (`cargo mutants --package bareflight-policy --exclude-re fmt -- --lib`) leaves no survivor: what `Debug` and
//! `Display` write is left out of it, and where a mutant showed that a step was without effect, the step went.
//!
//! Where each clause is implemented and tested: [`clauses`]. Where the text is in doubt: [`anomalies`]. How real implementations
//! differ: [`PROFILES`].

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
    answer_late_certificate_request,
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

#[doc = include_str!("anomalies.md")]
pub mod anomalies {}

#[doc = include_str!("clauses.md")]
pub mod clauses {}
