//! Which request method is this, and is it one that a page may use across origins without asking?
//!
//! <https://fetch.spec.whatwg.org/#methods>

use crate::header::HeaderValue;
use compact_str::CompactString;

/// A [method](https://fetch.spec.whatwg.org/#concept-method): a token, compared byte for byte.
///
/// Cloning copies a few words for every method that occurs in practice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Method(CompactString);

/// A byte sequence that is not a method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a method: a method is one or more of the letters, digits and signs of an HTTP token"
)]
pub struct InvalidMethod(
    /// What was given.
    pub String,
);

impl Method {
    /// `GET`
    pub const GET: Self = Self(CompactString::const_new("GET"));
    /// `HEAD`
    pub const HEAD: Self = Self(CompactString::const_new("HEAD"));
    /// `POST`
    pub const POST: Self = Self(CompactString::const_new("POST"));
    /// `PUT`
    pub const PUT: Self = Self(CompactString::const_new("PUT"));
    /// `DELETE`
    pub const DELETE: Self = Self(CompactString::const_new("DELETE"));
    /// `OPTIONS`
    pub const OPTIONS: Self = Self(CompactString::const_new("OPTIONS"));

    /// Takes a method exactly as written, as an HTTP server or a redirect sees it.
    ///
    /// # Errors
    /// Where the text is not a token of RFC 9110 section 5.6.2.
    pub fn exact(text: &str) -> Result<Self, InvalidMethod> {
        if is_token(text.as_bytes()) {
            Ok(Self(CompactString::new(text)))
        } else {
            Err(InvalidMethod(text.to_owned()))
        }
    }

    /// [Normalizes](https://fetch.spec.whatwg.org/#concept-method-normalize) a method, as `fetch()` and XMLHttpRequest do:
    /// DELETE, GET, HEAD, OPTIONS, POST and PUT in any case become upper case; `patch` stays `patch`.
    ///
    /// # Errors
    /// Where the text is not a token.
    pub fn normalize(text: &str) -> Result<Self, InvalidMethod> {
        const NORMALIZED: [Method; 6] = [
            Method::DELETE,
            Method::GET,
            Method::HEAD,
            Method::OPTIONS,
            Method::POST,
            Method::PUT,
        ];
        match NORMALIZED
            .into_iter()
            .find(|known| known.0.eq_ignore_ascii_case(text))
        {
            Some(known) => Ok(known),
            None => Self::exact(text),
        }
    }

    /// The method as it goes on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a [CORS-safelisted method](https://fetch.spec.whatwg.org/#cors-safelisted-method): `GET`, `HEAD` or
    /// `POST`, byte for byte.
    #[must_use]
    pub fn is_cors_safelisted(&self) -> bool {
        matches!(self.as_str(), "GET" | "HEAD" | "POST")
    }

    /// Whether this is a [forbidden method](https://fetch.spec.whatwg.org/#forbidden-method), which the API refuses:
    /// `CONNECT`, `TRACE` or `TRACK` in any case.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        is_forbidden_method(self.as_str().as_bytes())
    }
}

impl core::fmt::Display for Method {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As `Access-Control-Request-Method` says it; the usual methods take no allocation.
impl From<&Method> for HeaderValue {
    fn from(method: &Method) -> Self {
        const USUAL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
        match USUAL.into_iter().find(|usual| *usual == method.as_str()) {
            Some(usual) => Self::from_static(usual),
            None => Self::from_valid(method.as_str().to_owned()),
        }
    }
}

/// [`Method::is_forbidden`] for bytes that need not be a method, as in the value of `X-HTTP-Method-Override`.
pub(crate) fn is_forbidden_method(bytes: &[u8]) -> bool {
    ["CONNECT", "TRACE", "TRACK"]
        .iter()
        .any(|forbidden| bytes.eq_ignore_ascii_case(forbidden.as_bytes()))
}

/// Whether the bytes match `token` of RFC 9110 section 5.6.2.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::{HeaderValue, InvalidMethod, Method, is_token};

    #[test]
    fn six_methods_are_normalized_and_no_other() {
        let rows = [
            ("get", "GET"),
            ("gEt", "GET"),
            ("head", "HEAD"),
            ("post", "POST"),
            ("put", "PUT"),
            ("delete", "DELETE"),
            ("options", "OPTIONS"),
            ("Options", "OPTIONS"),
            ("GET", "GET"),
            ("patch", "patch"),
            ("PATCH", "PATCH"),
            ("pAtCh", "pAtCh"),
            ("query", "query"),
            ("connect", "connect"),
            ("trace", "trace"),
            ("chicken", "chicken"),
            ("gets", "gets"),
            ("*", "*"),
        ];
        for (written, normalized) in rows {
            let method = Method::normalize(written).expect(written);
            assert_eq!(method.as_str(), normalized, "{written}");
            assert_eq!(method.to_string(), normalized);
            assert_eq!(HeaderValue::from(&method).as_bytes(), normalized.as_bytes());
            assert_eq!(Method::exact(written).expect(written).as_str(), written);
        }
    }

    #[test]
    fn a_method_is_a_token() {
        for written in [
            "", " ", "GET ", " GET", "GE T", "GET\n", "G\0T", "GET,PUT", "gé", "a/b", "a:b",
            "\"\"", "a=b",
        ] {
            assert_eq!(
                Method::exact(written),
                Err(InvalidMethod(written.to_owned()))
            );
            assert_eq!(
                Method::normalize(written),
                Err(InvalidMethod(written.to_owned()))
            );
        }
    }

    #[test]
    fn every_byte_is_in_or_out_of_a_token() {
        let signs = b"!#$%&'*+-.^_`|~";
        for byte in 0..=u8::MAX {
            assert_eq!(
                is_token(&[byte]),
                byte.is_ascii_alphanumeric() || signs.contains(&byte),
                "{byte:#04x}"
            );
        }
        assert!(!is_token(b""));
    }

    #[test]
    fn get_head_and_post_are_safelisted_in_upper_case_only() {
        let safe = ["GET", "HEAD", "POST"];
        let others = [
            "PUT", "DELETE", "OPTIONS", "PATCH", "get", "Post", "GETS", "QUERY", "*",
        ];
        for method in safe.iter().chain(&others) {
            let is = Method::exact(method).expect(method).is_cors_safelisted();
            assert_eq!(is, safe.contains(method), "{method}");
        }
    }

    #[test]
    fn connect_trace_and_track_are_forbidden_in_any_case() {
        let rows = [
            ("CONNECT", true),
            ("connect", true),
            ("Trace", true),
            ("TRACK", true),
            ("TRACKS", false),
            ("GET", false),
        ];
        for (method, forbidden) in rows {
            assert_eq!(
                Method::exact(method).expect(method).is_forbidden(),
                forbidden,
                "{method}"
            );
        }
    }
}
