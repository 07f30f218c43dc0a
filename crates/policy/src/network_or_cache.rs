//! What does this hop carry, and what may be done about 401, 407 and 421? The decisions of HTTP-network-or-cache fetch.
//!
//! <https://fetch.spec.whatwg.org/#http-network-or-cache-fetch>

use crate::header::HeaderName;
use crate::readings::CredentiallessRule;
use crate::request::{
    CredentialsMode, EmbedderPolicy, Mode, RedirectTaint, Request, ResponseTainting,
    TraversableForUserPrompts,
};

/// *includeCredentials* of [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch), for
/// the hop at hand: whether cookies, authentication entries and a TLS client certificate may go with it, and `Set-Cookie` counts.
///
/// Call it after [`main_fetch`](crate::main_fetch()) decided the hop's response tainting, and again after each redirect.
#[must_use]
pub fn include_credentials(request: &Request) -> bool {
    let wanted = match request.credentials_mode {
        CredentialsMode::Include => true,
        CredentialsMode::SameOrigin => request.response_tainting == ResponseTainting::Basic,
        CredentialsMode::Omit => false,
    };
    wanted && embedder_policy_allows_credentials(request)
}

/// [Cross-Origin-Embedder-Policy allows credentials](https://fetch.spec.whatwg.org/#cross-origin-embedder-policy-allows-credentials):
/// a `credentialless` client's `no-cors` requests to other origins go without.
#[must_use]
pub fn embedder_policy_allows_credentials(request: &Request) -> bool {
    let wanted_taint = match request.readings.credentialless {
        CredentiallessRule::SameOriginUntainted => {
            RedirectTaint::SameOrigin == request.redirect_taint
        }
        CredentiallessRule::SameOriginTainted => {
            RedirectTaint::SameOrigin != request.redirect_taint
        }
    };
    request.mode != Mode::NoCors
        || request.embedder_policy != Some(EmbedderPolicy::Credentialless)
        || (request.is_same_origin() && wanted_taint)
}

/// Where the `Authorization` header of a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authorization {
    /// The caller set it; it is sent whatever the credentials mode.
    OfCaller,
    /// From an [authentication entry](https://fetch.spec.whatwg.org/#authentication-entry).
    OfEntry,
    /// From the user name and password in the URL.
    OfUrl,
    /// There is none.
    None,
}

/// Decides about `Authorization`, given whether there is an authentication entry for the request and whether this is the fetch
/// that follows a 401 (*isAuthenticationFetch*).
#[must_use]
pub fn authorization(
    request: &Request,
    has_entry: bool,
    is_authentication_fetch: bool,
) -> Authorization {
    let userinfo = request.current_url().includes_credentials();
    if request.headers.contains(&HeaderName::AUTHORIZATION) {
        Authorization::OfCaller
    } else if !include_credentials(request) {
        Authorization::None
    } else if has_entry && !(request.use_url_credentials && userinfo) {
        Authorization::OfEntry
    } else if userinfo && is_authentication_fetch {
        Authorization::OfUrl
    } else {
        Authorization::None
    }
}

/// What is done about a response that asks for a user name and password, or for another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnStatus {
    /// Nothing: the response is passed on.
    Deliver,
    /// The user is asked, and the request is sent again with what they say.
    PromptAndRetry,
    /// The request is sent again with the user name and password that are in the URL.
    RetryWithUrlCredentials,
    /// The request is sent again, once, on another connection of the same credentials.
    RetryOnNewConnection,
    /// A network error.
    NetworkError,
}

/// What [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch) does about a response's
/// status: 401 asks the user if credentials are included, the tainting is not `cors` and there is a window to ask in; 407 (which
/// has nothing to do with the request's credentials) asks the user, or is an error without a window; 421 is tried once on
/// another connection.
///
/// `is_authentication_fetch` and `is_new_connection_fetch` say whether this response is already that of a retry after 401 or 421.
#[must_use]
pub fn on_status(
    request: &Request,
    status: u16,
    is_authentication_fetch: bool,
    is_new_connection_fetch: bool,
) -> OnStatus {
    let window = request.traversable_for_user_prompts == TraversableForUserPrompts::Traversable;
    match status {
        401 if request.response_tainting == ResponseTainting::Cors
            || !include_credentials(request)
            || !window =>
        {
            OnStatus::Deliver
        }
        401 if !request.body.can_be_sent_again() => OnStatus::NetworkError,
        401 if request.use_url_credentials && !is_authentication_fetch => {
            OnStatus::RetryWithUrlCredentials
        }
        401 | 407 if window => OnStatus::PromptAndRetry,
        407 => OnStatus::NetworkError,
        421 if !is_new_connection_fetch && request.body.can_be_sent_again() => {
            OnStatus::RetryOnNewConnection
        }
        _ => OnStatus::Deliver,
    }
}

/// What becomes of a [dialog in which the user would choose a client certificate](https://fetch.spec.whatwg.org/#http-network-fetch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateDialog {
    /// It is shown in the request's traversable for user prompts.
    Show,
    /// There is no place to show it: the fetch is a network error.
    NetworkError,
    /// The question never arises: the request goes without credentials, so no certificate is sent.
    NeverAsked,
}

/// Whether the user may be asked to choose a client certificate for this request.
#[must_use]
pub fn certificate_dialog(request: &Request) -> CertificateDialog {
    match (
        include_credentials(request),
        request.traversable_for_user_prompts,
    ) {
        (false, _) => CertificateDialog::NeverAsked,
        (true, TraversableForUserPrompts::Traversable) => CertificateDialog::Show,
        (true, TraversableForUserPrompts::NoTraversable) => CertificateDialog::NetworkError,
    }
}
