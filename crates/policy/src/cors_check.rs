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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_redirect_fetch;
    use crate::testing::{APP, List, headers, sent};

    const ACAO: &str = "access-control-allow-origin";
    const ACAC: &str = "access-control-allow-credentials";
    const OK: &str = "";

    /// The answer's headers; what the error says without and with credentials mode include (nothing where it passes).
    const CHECKS: &[(List, &str, &str)] = &[
        (
            &[],
            "has no Access-Control-Allow-Origin",
            "has no Access-Control-Allow-Origin",
        ),
        (&[(ACAO, "*")], OK, "must name the origin, https://app.test"),
        (&[(ACAO, "*"), (ACAC, "true")], OK, "is * and"),
        (&[(ACAO, " * ")], OK, "is * and"),
        (
            &[(ACAO, APP)],
            OK,
            "has no Access-Control-Allow-Credentials",
        ),
        (
            &[
                ("Access-Control-Allow-Origin", "\thttps://app.test "),
                ("Access-Control-Allow-Credentials", " true"),
            ],
            OK,
            OK,
        ),
        (&[(ACAO, APP), (ACAC, "True")], OK, "is \"True\""),
        (&[(ACAO, APP), (ACAC, "TRUE")], OK, "is \"TRUE\""),
        (&[(ACAO, APP), (ACAC, "false")], OK, "is \"false\""),
        (&[(ACAO, APP), (ACAC, "")], OK, "is \"\""),
        (
            &[(ACAO, APP), (ACAC, "true"), (ACAC, "true")],
            OK,
            "is \"true, true\"",
        ),
        (
            &[(ACAO, APP), (ACAC, "true, true")],
            OK,
            "is \"true, true\"",
        ),
        (
            &[(ACAO, APP), (ACAO, APP)],
            "2 Access-Control-Allow-Origin",
            "2 Access-Control-Allow-Origin",
        ),
        (
            &[(ACAO, "*"), (ACAO, "*"), (ACAO, "*")],
            "3 Access-Control-Allow-Origin",
            "3 Access-Control-Allow-Origin",
        ),
        (
            &[(ACAO, "https://app.test, https://app.test")],
            "not https://app.test",
            "not https://app.test",
        ),
        (
            &[(ACAO, "https://app.test/")],
            "is \"https://app.test/\"",
            "is \"https://app.test/\"",
        ),
        (
            &[(ACAO, "https://app.test:443")],
            "https://app.test:443",
            "https://app.test:443",
        ),
        (
            &[(ACAO, "https://APP.test")],
            "https://APP.test",
            "https://APP.test",
        ),
        (
            &[(ACAO, "http://app.test")],
            "http://app.test",
            "http://app.test",
        ),
        (&[(ACAO, "app.test")], "\"app.test\"", "\"app.test\""),
        (&[(ACAO, "**")], "\"**\"", "\"**\""),
        (&[(ACAO, "")], "is \"\"", "is \"\""),
        (&[(ACAO, "null")], "is \"null\"", "is \"null\""),
        (
            &[(ACAO, "https://api.test"), (ACAC, "true")],
            "https://api.test",
            "https://api.test",
        ),
    ];

    #[test]
    fn the_answer_must_name_the_origin_and_allow_credentials() {
        for (list, without, with) in CHECKS {
            for (credentials_mode, expected) in [
                (CredentialsMode::Omit, without),
                (CredentialsMode::SameOrigin, without),
                (CredentialsMode::Include, with),
            ] {
                match cors_check(&sent(credentials_mode), &headers(list)) {
                    Ok(()) => assert_eq!(*expected, OK, "{credentials_mode} {list:?}"),
                    Err(error) => {
                        let text = error.to_string();
                        assert!(
                            *expected != OK && text.contains(expected),
                            "{credentials_mode} {list:?}: {text}"
                        );
                        assert_eq!(error.section(), section::CORS_CHECK);
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_another_origin() {
        let list = HeaderList::parse([(ACAO, &b"https://app.test\xFF"[..])]).expect("headers");
        let error = cors_check(&sent(CredentialsMode::Omit), &list).expect_err("another origin");
        assert!(
            error.to_string().contains("https://app.test\u{FF}"),
            "{error}"
        );
    }

    #[test]
    fn a_tainted_request_must_be_answered_with_null() {
        let mut request = sent(CredentialsMode::Include);
        http_redirect_fetch(
            &mut request,
            302,
            &headers(&[("location", "https://b.test/")]),
        )
        .expect("a redirect");
        let check = |origin| cors_check(&request, &headers(&[(ACAO, origin), (ACAC, "true")]));
        assert_eq!(check("null"), Ok(()));
        assert!(check(APP).is_err());
        assert!(check("NULL").is_err());
    }
}
