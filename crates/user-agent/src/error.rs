//! Why a fetch ended in a network error.

use bareflight_policy::{CorsError, MainFetchError, PreflightError, RedirectError};
use thiserror::Error;

use crate::EndReason;

/// The reason behind a network error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// Main fetch does not let the request go.
    #[error(transparent)]
    Blocked(#[from] MainFetchError),
    /// The preflight's answer does not allow the request.
    #[error(transparent)]
    PreflightRefused(#[from] PreflightError),
    /// The answer fails the CORS check.
    #[error("the answer fails the CORS check: {0}")]
    CorsRefused(#[from] CorsError),
    /// The redirect may not be followed.
    #[error(transparent)]
    RedirectRefused(#[from] RedirectError),
    /// The redirect mode makes a redirect an error.
    #[error("the server redirects, and the request's redirect mode makes that an error")]
    RedirectMode,
    /// The tables of names are used up.
    #[error(transparent)]
    Exhausted(#[from] bareflight_pool_key::Exhausted),
    /// There is no connection.
    #[error("{}", connection(*.0))]
    Connection(EndReason),
}

impl NetworkError {
    /// A stable kebab-case name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Blocked(_) => "blocked",
            Self::PreflightRefused(_) => "preflight-refused",
            Self::CorsRefused(_) => "cors-refused",
            Self::RedirectRefused(_) | Self::RedirectMode => "redirect-refused",
            Self::Exhausted(_) => "names-exhausted",
            Self::Connection(reason) => match reason {
                EndReason::CertificateRequired => "certificate-required",
                EndReason::AbortedWhenAsked => "aborted-when-asked",
                EndReason::ServerUntrusted => "server-untrusted",
                EndReason::Handshake => "handshake-failed",
                EndReason::Proxy => "proxy-failed",
                EndReason::Closed => "connection-closed",
            },
        }
    }
}

fn connection(reason: EndReason) -> &'static str {
    match reason {
        EndReason::CertificateRequired => {
            "the server insists on a client certificate, and none was presented"
        }
        EndReason::AbortedWhenAsked => {
            "the server asked for a client certificate, and this profile breaks off then"
        }
        EndReason::ServerUntrusted => "the server's certificate is not trusted",
        EndReason::Handshake => "the TLS handshake failed",
        EndReason::Proxy => "the proxy could not be reached, or dug no tunnel",
        EndReason::Closed => "the connection was closed before an answer came",
    }
}
