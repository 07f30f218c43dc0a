//! Did the server allow this origin to see the answer?
//!
//! <https://fetch.spec.whatwg.org/#cors-check>

use crate::header::{HeaderList, HeaderName, HeaderValue};
use crate::origin::SerializedOrigin;
use crate::request::{CredentialsMode, Request, serialize_request_origin};
use crate::section;

/// Why a [CORS check](https://fetch.spec.whatwg.org/#concept-cors-check) fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorsError {
    /// No `Access-Control-Allow-Origin`.
    #[error(
        "the response has no Access-Control-Allow-Origin: the server must answer with Access-Control-Allow-Origin: {expected}"
    )]
    AllowOriginMissing {
        /// What the request's `Origin` said.
        expected: SerializedOrigin,
    },
    /// More than one `Access-Control-Allow-Origin`, even if equal.
    #[error(
        "the response has {count} Access-Control-Allow-Origin headers: the server must send one, with the value {expected} (does a proxy add a second?)"
    )]
    AllowOriginRepeated {
        /// How many there are.
        count: usize,
        /// What the request's `Origin` said.
        expected: SerializedOrigin,
    },
    /// `*` for a request with credentials mode `include`.
    #[error(
        "Access-Control-Allow-Origin is * and the request's credentials mode is include: the server must name the origin, {expected}, or the request must not include credentials"
    )]
    AllowOriginWildcard {
        /// What the request's `Origin` said.
        expected: SerializedOrigin,
    },
    /// Another origin, or something else than exactly one.
    #[error(
        "Access-Control-Allow-Origin is {found:?}, not {expected}: it must repeat the request's Origin byte for byte, without a path, a final slash or a list"
    )]
    AllowOriginOther {
        /// What the response says.
        found: HeaderText,
        /// What the request's `Origin` said.
        expected: SerializedOrigin,
    },
    /// Credentials mode `include` without `Access-Control-Allow-Credentials`.
    #[error(
        "the request's credentials mode is include and the response has no Access-Control-Allow-Credentials: the server must answer with Access-Control-Allow-Credentials: true"
    )]
    AllowCredentialsMissing,
    /// Credentials mode `include` with `Access-Control-Allow-Credentials` other than one `true`.
    #[error(
        "Access-Control-Allow-Credentials is {found:?}: it must be exactly true, in lower case and once"
    )]
    AllowCredentialsNotTrue {
        /// What the response says.
        found: HeaderText,
    },
}

impl CorsError {
    /// The section of the standard behind the error.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        section::CORS_CHECK
    }
}

/// The values of a header as they came, shown as one text in quotation marks.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderText {
    headers: HeaderList,
    name: HeaderName,
}

impl HeaderText {
    pub(crate) fn new(headers: &HeaderList, name: HeaderName) -> Self {
        Self {
            headers: headers.clone(),
            name,
        }
    }
}

impl core::fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let values: Vec<String> = self
            .headers
            .values(self.name.clone())
            .map(HeaderValue::to_string)
            .collect();
        core::fmt::Debug::fmt(&values.join(", "), f)
    }
}

/// The [CORS check](https://fetch.spec.whatwg.org/#concept-cors-check) of a response's header list for a request: for the
/// preflight's answer with the *actual* request, and for the actual answer when the tainting is `cors`.
///
/// # Errors
/// [`CorsError`] says which header is to blame and what it should be.
pub fn cors_check(request: &Request, headers: &HeaderList) -> Result<(), CorsError> {
    let include = request.credentials_mode == CredentialsMode::Include;
    let expected = serialize_request_origin(request);
    let mut origins = headers.values(HeaderName::ACCESS_CONTROL_ALLOW_ORIGIN);
    let origin = match (origins.next(), origins.count()) {
        (None, _) => return Err(CorsError::AllowOriginMissing { expected }),
        // Several values are joined by ", ", which equals no origin and not "*".
        (Some(_), others @ 1..) => {
            return Err(CorsError::AllowOriginRepeated {
                count: others + 1,
                expected,
            });
        }
        (Some(origin), 0) => origin.as_bytes(),
    };
    match origin {
        b"*" if include => return Err(CorsError::AllowOriginWildcard { expected }),
        b"*" => return Ok(()),
        origin if origin == expected.as_str().as_bytes() => {}
        _ => {
            let found = HeaderText::new(headers, HeaderName::ACCESS_CONTROL_ALLOW_ORIGIN);
            return Err(CorsError::AllowOriginOther { found, expected });
        }
    }
    if include {
        check_allow_credentials(headers)
    } else {
        Ok(())
    }
}

fn check_allow_credentials(headers: &HeaderList) -> Result<(), CorsError> {
    let mut values = headers.values(HeaderName::ACCESS_CONTROL_ALLOW_CREDENTIALS);
    match (values.next(), values.next()) {
        (None, _) => Err(CorsError::AllowCredentialsMissing),
        (Some(value), None) if value.as_bytes() == b"true" => Ok(()),
        _ => {
            let found = HeaderText::new(headers, HeaderName::ACCESS_CONTROL_ALLOW_CREDENTIALS);
            Err(CorsError::AllowCredentialsNotTrue { found })
        }
    }
}
