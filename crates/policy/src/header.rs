//! What is a header list, and how is a value read from it?
//!
//! <https://fetch.spec.whatwg.org/#terminology-headers>
//!
//! Names are kept in lower case. The standard keeps them as written and compares them without case; the spelling shows only
//! in HTTP/1.1 bytes, which are not this crate's business, and so no decision can depend on it.

use crate::method::{is_forbidden_method, is_token};
use bytes::Bytes;
use compact_str::CompactString;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// A [header name](https://fetch.spec.whatwg.org/#header-name), in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderName(CompactString);

/// A [header value](https://fetch.spec.whatwg.org/#header-value): bytes without NUL, LF or CR, and without blanks at its ends.
///
/// Cloning counts a reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeaderValue(Bytes);

/// A [header](https://fetch.spec.whatwg.org/#concept-header): a name and a value.
pub type Header = (HeaderName, HeaderValue);

/// A [header list](https://fetch.spec.whatwg.org/#concept-header-list): ordered, with repetitions.
///
/// Cloning counts a reference; a change copies the list only while it is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderList(Option<Arc<Headers>>);

/// Most lists are short: up to four headers lie beside the reference count.
type Headers = SmallVec<[Header; 4]>;

/// Bytes that cannot be a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// The name is not a token (RFC 9110 section 5.1).
    #[error(
        "{0:?} is not a header name: use letters, digits and hyphens, without blanks or colons"
    )]
    Name(String),
    /// The value of the named header holds a byte that no header value may hold.
    #[error(
        "the value of {name} holds the byte {byte:#04x} at offset {offset}: a value may hold neither NUL nor a line break"
    )]
    Value {
        /// The header's name.
        name: String,
        /// The first byte that is not allowed.
        byte: u8,
        /// Where it stands, in bytes from the start of the value after blanks at both ends were removed.
        offset: usize,
    },
}

macro_rules! names {
    ($($constant:ident = $text:literal,)+) => {
        impl HeaderName {
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $constant: Self = Self(CompactString::const_new($text));
            )+
        }
    };
}

names! {
    ACCEPT = "accept",
    ACCEPT_LANGUAGE = "accept-language",
    ACCESS_CONTROL_ALLOW_CREDENTIALS = "access-control-allow-credentials",
    ACCESS_CONTROL_ALLOW_HEADERS = "access-control-allow-headers",
    ACCESS_CONTROL_ALLOW_METHODS = "access-control-allow-methods",
    ACCESS_CONTROL_ALLOW_ORIGIN = "access-control-allow-origin",
    ACCESS_CONTROL_MAX_AGE = "access-control-max-age",
    ACCESS_CONTROL_REQUEST_HEADERS = "access-control-request-headers",
    ACCESS_CONTROL_REQUEST_METHOD = "access-control-request-method",
    AUTHORIZATION = "authorization",
    CLEAR_SITE_DATA = "clear-site-data",
    CLIENT_CERT = "client-cert",
    CONTENT_LANGUAGE = "content-language",
    CONTENT_TYPE = "content-type",
    COOKIE = "cookie",
    LOCATION = "location",
    ORIGIN = "origin",
    PROXY_AUTHORIZATION = "proxy-authorization",
    RANGE = "range",
    REFERRER_POLICY = "referrer-policy",
    SET_COOKIE = "set-cookie",
}

impl HeaderName {
    /// Reads a name in any case.
    ///
    /// # Errors
    /// [`InvalidHeader::Name`] where it is not a token.
    pub fn parse(name: &str) -> Result<Self, InvalidHeader> {
        if !is_token(name.as_bytes()) {
            return Err(InvalidHeader::Name(name.to_owned()));
        }
        let mut lower = CompactString::new(name);
        lower.make_ascii_lowercase();
        Ok(Self(lower))
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a [CORS non-wildcard request-header name](https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name):
    /// `Authorization`, which `*` never stands for.
    #[must_use]
    pub fn is_cors_non_wildcard(&self) -> bool {
        is_cors_non_wildcard_request_header_name(self.as_str())
    }

    /// Whether this is a [request-body-header name](https://fetch.spec.whatwg.org/#request-body-header-name), which goes when a
    /// redirect takes the body away.
    #[must_use]
    pub fn is_request_body_header(&self) -> bool {
        matches!(
            self.as_str(),
            "content-encoding" | "content-language" | "content-location" | "content-type"
        )
    }
}

/// [`HeaderName::is_cors_non_wildcard`] for a name in lower case.
pub(crate) fn is_cors_non_wildcard_request_header_name(lower: &str) -> bool {
    lower == "authorization"
}

impl core::fmt::Display for HeaderName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl HeaderValue {
    /// [Normalizes](https://fetch.spec.whatwg.org/#concept-header-value-normalize) bytes (HTTP whitespace at both ends goes) and
    /// takes them as a value. `name` is only used to say where the trouble is.
    ///
    /// # Errors
    /// [`InvalidHeader::Value`] where NUL, LF or CR is left.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, InvalidHeader> {
        let bytes = trim_http_whitespace(bytes);
        match bytes
            .iter()
            .position(|byte| matches!(byte, 0 | b'\n' | b'\r'))
        {
            Some(offset) => Err(InvalidHeader::Value {
                name: name.to_owned(),
                byte: bytes[offset],
                offset,
            }),
            None => Ok(Self(Bytes::copy_from_slice(bytes))),
        }
    }

    /// A value known when the program was written.
    ///
    /// # Panics
    /// Where the text is no header value, or has blanks at its ends.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() {
            assert!(
                bytes[index] >= b' ' && bytes[index] != 0x7F,
                "a static header value is printable"
            );
            index += 1;
        }
        assert!(
            bytes.is_empty() || (bytes[0] != b' ' && bytes[bytes.len() - 1] != b' '),
            "blanks at an end"
        );
        Self(Bytes::from_static(bytes))
    }

    /// A value that was built from valid parts.
    pub(crate) fn from_valid(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Shows the value as text, one char a byte ([isomorphic decoding](https://infra.spec.whatwg.org/#isomorphic-decode)).
impl core::fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use core::fmt::Write;
        self.0
            .iter()
            .try_for_each(|&byte| f.write_char(char::from(byte)))
    }
}

impl HeaderList {
    /// The empty list; nothing is allocated.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Reads names and values, each in the form of [`HeaderName::parse`] and [`HeaderValue::parse`].
    ///
    /// # Errors
    /// [`InvalidHeader`] for the first that is no header.
    pub fn parse<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, InvalidHeader> {
        headers
            .into_iter()
            .map(|(name, value)| Ok((HeaderName::parse(name)?, HeaderValue::parse(name, value)?)))
            .collect()
    }

    /// [Appends](https://fetch.spec.whatwg.org/#concept-header-list-append) a header.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        Arc::make_mut(self.0.get_or_insert_default()).push((name, value));
    }

    /// [Deletes](https://fetch.spec.whatwg.org/#concept-header-list-delete) every header of that name.
    pub fn delete(&mut self, name: &HeaderName) {
        self.retain(|candidate| candidate != name);
    }

    /// Keeps the headers whose names pass; the list is not copied where all do.
    pub(crate) fn retain(&mut self, keep: impl Fn(&HeaderName) -> bool) {
        if self.iter().any(|(name, _)| !keep(name))
            && let Some(headers) = &mut self.0
        {
            Arc::make_mut(headers).retain(|(name, _)| keep(name));
        }
    }

    /// Whether the list [contains](https://fetch.spec.whatwg.org/#header-list-contains) the name.
    #[must_use]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.iter().any(|(candidate, _)| candidate == name)
    }

    /// [Gets](https://fetch.spec.whatwg.org/#concept-header-list-get) the values of a name, joined by a comma and a space.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<Cow<'_, [u8]>> {
        let mut values = self.values(name.clone()).map(HeaderValue::as_bytes);
        let first = values.next()?;
        let rest: Vec<&[u8]> = values.collect();
        if rest.is_empty() {
            return Some(Cow::Borrowed(first));
        }
        Some(Cow::Owned(
            std::iter::once(first)
                .chain(rest)
                .collect::<Vec<_>>()
                .join(&b", "[..]),
        ))
    }

    /// The values of a name, in order.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &HeaderValue> {
        self.iter()
            .filter(move |(candidate, _)| *candidate == name)
            .map(|(_, value)| value)
    }

    /// The headers in order.
    pub fn iter(&self) -> core::slice::Iter<'_, Header> {
        self.0.as_deref().map_or(&[][..], Headers::as_slice).iter()
    }

    /// How many headers there are, repetitions included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<Header> for HeaderList {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        let headers: Headers = headers.into_iter().collect();
        Self((!headers.is_empty()).then(|| Arc::new(headers)))
    }
}

impl<'a> IntoIterator for &'a HeaderList {
    type Item = &'a Header;
    type IntoIter = core::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Whether a header is a [forbidden request-header](https://fetch.spec.whatwg.org/#forbidden-request-header), which pages may
/// not set: the user agent's own, and method overrides that name a forbidden method.
#[must_use]
pub fn is_forbidden_request_header(name: &HeaderName, value: &HeaderValue) -> bool {
    const FORBIDDEN: [&str; 21] = [
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let name = name.as_str();
    FORBIDDEN.contains(&name)
        || name.starts_with("proxy-")
        || name.starts_with("sec-")
        || (matches!(
            name,
            "x-http-method" | "x-http-method-override" | "x-method-override"
        ) && split_on_commas(value.as_bytes()).any(is_forbidden_method))
}

/// [Gets, decodes and splits](https://fetch.spec.whatwg.org/#header-value-get-decode-and-split) a value: at commas outside of
/// quoted strings, blanks removed.
pub(crate) fn split_on_commas(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    value
        .split(move |&byte| {
            let splits = byte == b',' && !quoted;
            if byte == b'"' && !escaped {
                quoted = !quoted;
            }
            escaped = quoted && byte == b'\\' && !escaped;
            splits
        })
        .map(trim_tab_or_space)
}

/// Removes [HTTP whitespace bytes](https://fetch.spec.whatwg.org/#http-whitespace-byte) at both ends.
pub(crate) fn trim_http_whitespace(bytes: &[u8]) -> &[u8] {
    trim(bytes, |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// Removes [HTTP tab or space bytes](https://fetch.spec.whatwg.org/#http-tab-or-space-byte) at both ends.
pub(crate) fn trim_tab_or_space(bytes: &[u8]) -> &[u8] {
    trim(bytes, |byte| matches!(byte, b' ' | b'\t'))
}

fn trim(mut bytes: &[u8], blank: impl Fn(u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && blank(*last)
    {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{
        HeaderList, HeaderName, HeaderValue, InvalidHeader, is_forbidden_request_header,
        split_on_commas,
    };
    use crate::testing::headers;

    #[test]
    fn a_name_is_a_token_kept_in_lower_case() {
        assert_eq!(
            HeaderName::parse("Content-TYPE").expect("a name"),
            HeaderName::CONTENT_TYPE
        );
        assert_eq!(HeaderName::parse("X-A").expect("a name").to_string(), "x-a");
        for name in ["", " a", "a ", "a:", "a b", "ä", "a\r\nb", "a,b"] {
            assert_eq!(
                HeaderName::parse(name),
                Err(InvalidHeader::Name(name.to_owned()))
            );
        }
    }

    #[test]
    fn a_value_is_normalized_and_holds_no_line_break() {
        let rows: [(&[u8], &[u8]); 6] = [
            (b"", b""),
            (b" \t\r\n", b""),
            (b" a b\t", b"a b"),
            (b"\n\ra\r", b"a"),
            (b"\x0Ca", b"\x0Ca"),
            (b"\x01\xFF", b"\x01\xFF"),
        ];
        for (written, kept) in rows {
            assert_eq!(
                HeaderValue::parse("x", written)
                    .expect("a value")
                    .as_bytes(),
                kept
            );
        }
        for (written, byte, offset) in [
            (&b" a\0b"[..], 0, 1),
            (b"a\nb", b'\n', 1),
            (b"ab\rc", b'\r', 2),
        ] {
            let error = HeaderValue::parse("x-y", written).expect_err("no value");
            assert_eq!(
                error,
                InvalidHeader::Value {
                    name: "x-y".to_owned(),
                    byte,
                    offset
                }
            );
            assert!(error.to_string().contains("x-y"), "{error}");
        }
    }

    #[test]
    fn a_value_shows_its_bytes_as_chars() {
        assert_eq!(
            HeaderValue::parse("x", b"a\xE9")
                .expect("a value")
                .to_string(),
            "a\u{E9}"
        );
        assert_eq!(HeaderValue::from_static("*/*").as_bytes(), b"*/*");
    }

    #[test]
    fn a_static_value_is_checked_when_it_is_made() {
        for text in ["\n", "a\u{7F}", "a\u{1F}b", " a", "a ", " "] {
            assert!(
                std::panic::catch_unwind(|| HeaderValue::from_static(text)).is_err(),
                "{text:?}"
            );
        }
        for text in ["", "a", "a b", "!", "~"] {
            assert_eq!(HeaderValue::from_static(text).as_bytes(), text.as_bytes());
        }
    }

    #[test]
    fn a_list_gets_joined_values_without_regard_to_case() {
        let list = headers(&[("A", "1"), ("b", "2"), ("a", ""), ("A", "3")]);
        let name = |name| HeaderName::parse(name).expect("a name");
        assert_eq!(list.get(&name("a")).as_deref(), Some(&b"1, , 3"[..]));
        assert_eq!(list.get(&name("B")).as_deref(), Some(&b"2"[..]));
        assert_eq!(list.get(&name("c")), None);
        assert!(list.contains(&name("a")) && !list.contains(&name("c")));
        assert_eq!((list.len(), list.is_empty()), (4, false));
        assert_eq!(
            (HeaderList::new().len(), HeaderList::new().is_empty()),
            (0, true)
        );
        assert_eq!((&list).into_iter().count(), 4);
    }

    #[test]
    fn a_change_does_not_reach_a_clone() {
        let original = headers(&[("a", "1"), ("b", "2")]);
        let mut changed = original.clone();
        changed.delete(&HeaderName::parse("a").expect("a name"));
        changed.append(HeaderName::ORIGIN, HeaderValue::from_static("null"));
        assert_eq!(original, headers(&[("a", "1"), ("b", "2")]));
        assert_eq!(changed, headers(&[("b", "2"), ("origin", "null")]));
        changed.delete(&HeaderName::COOKIE);
        assert_eq!(changed.len(), 2);
        changed.delete(&HeaderName::ORIGIN);
        changed.delete(&HeaderName::parse("B").expect("a name"));
        assert!(changed.is_empty());
    }

    #[test]
    fn commas_in_quotes_do_not_split() {
        let rows: [(&str, &[&str]); 9] = [
            ("", &[""]),
            ("a", &["a"]),
            ("a, b\t,c", &["a", "b", "c"]),
            ("a,,", &["a", "", ""]),
            ("\"a,b\",c", &["\"a,b\"", "c"]),
            ("\"a\\\",b\",c", &["\"a\\\",b\"", "c"]),
            ("\"a\\\\\",b", &["\"a\\\\\"", "b"]),
            ("\"a,b", &["\"a,b"]),
            ("a\\\"b,c\",d", &["a\\\"b,c\"", "d"]),
        ];
        for (value, parts) in rows {
            let split: Vec<_> = split_on_commas(value.as_bytes()).collect();
            assert_eq!(
                split,
                parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>(),
                "{value}"
            );
        }
    }

    #[test]
    fn the_user_agents_own_headers_are_forbidden() {
        let forbidden = "accept-charset accept-encoding access-control-request-headers access-control-request-method \
                         connection content-length cookie cookie2 date dnt expect host keep-alive origin referer \
                         set-cookie te trailer transfer-encoding upgrade via proxy- proxy-authorization sec- sec-fetch-mode \
                         Sec-X Cookie HOST";
        let allowed = "accept accept-language authorization content-type range user-agent x-proxy- client-cert proxy sec \
                       x-http-method x-http-method-override x-method-override";
        let value = HeaderValue::from_static("x");
        for (names, expected) in [(forbidden, true), (allowed, false)] {
            for name in names.split_whitespace() {
                let parsed = HeaderName::parse(name).expect(name);
                assert_eq!(
                    is_forbidden_request_header(&parsed, &value),
                    expected,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn a_method_override_is_forbidden_if_it_names_a_forbidden_method() {
        let rows = [
            ("x-http-method", "TRACE", true),
            ("x-http-method-override", "get, track", true),
            ("x-method-override", "connect ,PUT", true),
            ("x-method-override", "\"CONNECT\"", false),
            ("x-method-override", "CONNECTS", false),
            ("x-method", "CONNECT", false),
        ];
        for (name, value, expected) in rows {
            let name = HeaderName::parse(name).expect("a name");
            let value = HeaderValue::parse("x", value.as_bytes()).expect("a value");
            assert_eq!(
                is_forbidden_request_header(&name, &value),
                expected,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn request_body_headers_are_the_four_of_the_standard() {
        for name in [
            "content-encoding",
            "content-language",
            "content-location",
            "content-type",
        ] {
            assert!(
                HeaderName::parse(name)
                    .expect("a name")
                    .is_request_body_header()
            );
        }
        for name in [
            "content-length",
            "content-range",
            "accept",
            "content-disposition",
        ] {
            assert!(
                !HeaderName::parse(name)
                    .expect("a name")
                    .is_request_body_header()
            );
        }
    }
}
