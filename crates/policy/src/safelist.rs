//! Which headers may a page send across origins without asking?
//!
//! <https://fetch.spec.whatwg.org/#cors-safelisted-request-header>

use crate::header::{Header, HeaderList, trim_http_whitespace};
use crate::method::is_token;
use smallvec::SmallVec;

/// The longest value of a safelisted header, in bytes.
pub const MAX_SAFELISTED_VALUE: usize = 128;

/// The most that the values of all safelisted headers may come to together, in bytes.
pub const MAX_SAFELISTED_TOTAL: usize = 1024;

/// The [CORS-unsafe request-header names](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names) of a header list: in
/// lower case, sorted by bytes, without repetition. Up to eight are kept without an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsafeNames<'a>(SmallVec<[&'a str; 8]>);

impl<'a> UnsafeNames<'a> {
    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.0.iter().copied()
    }

    /// The names as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[&'a str] {
        &self.0
    }

    /// Whether there is none, so that the headers alone need no preflight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Determines the [CORS-unsafe request-header names](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names): those
/// that are not safelisted, and all of them if the safelisted values come to more than [`MAX_SAFELISTED_TOTAL`].
#[must_use]
pub fn cors_unsafe_request_header_names(headers: &HeaderList) -> UnsafeNames<'_> {
    let names = |keep: &dyn Fn(&Header) -> bool| {
        headers
            .iter()
            .filter(|header| keep(header))
            .map(|(name, _)| name.as_str())
            .collect()
    };
    let mut unsafe_names: SmallVec<[&str; 8]> = if safelisted_total(headers) > MAX_SAFELISTED_TOTAL
    {
        names(&|_| true)
    } else {
        names(&|header| !is_safelisted(header))
    };
    unsafe_names.sort_unstable();
    unsafe_names.dedup();
    UnsafeNames(unsafe_names)
}

/// Whether [`cors_unsafe_request_header_names`] is not empty, without collecting them.
#[must_use]
pub fn has_cors_unsafe_request_header(headers: &HeaderList) -> bool {
    let mut total = 0;
    headers.iter().any(|header| {
        total += header.1.as_bytes().len();
        total > MAX_SAFELISTED_TOTAL || !is_safelisted(header)
    })
}

/// Whether a header is a [CORS-safelisted request-header](https://fetch.spec.whatwg.org/#cors-safelisted-request-header). The
/// name may be in any case, and the value any bytes, not only those of a header value.
#[must_use]
pub fn is_cors_safelisted_request_header(name: &str, value: &[u8]) -> bool {
    if value.len() > MAX_SAFELISTED_VALUE {
        return false;
    }
    let is = |safelisted: &str| name.eq_ignore_ascii_case(safelisted);
    if is("accept") {
        !contains_cors_unsafe_byte(value)
    } else if is("accept-language") || is("content-language") {
        value.iter().all(|&byte| is_language_byte(byte))
    } else if is("content-type") {
        !contains_cors_unsafe_byte(value) && is_form_type(value)
    } else if is("range") {
        is_single_range_with_start(value)
    } else {
        false
    }
}

/// Whether a header is a [no-CORS-safelisted request-header](https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header),
/// the only ones that a page may set on a `no-cors` request.
#[must_use]
pub fn is_no_cors_safelisted_request_header(name: &str, value: &[u8]) -> bool {
    !name.eq_ignore_ascii_case("range") && is_cors_safelisted_request_header(name, value)
}

/// Whether a byte is a [CORS-unsafe request-header byte](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte).
#[must_use]
pub const fn is_cors_unsafe_request_header_byte(byte: u8) -> bool {
    UNSAFE_BYTES[byte as usize]
}

/// One flag for each byte, so that a value is judged in one pass without branches on its content.
const UNSAFE_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = byte != b'\t' as usize;
        byte += 1;
    }
    let others = b"\"():<>?@[\\]{}\x7F";
    let mut index = 0;
    while index < others.len() {
        table[others[index] as usize] = true;
        index += 1;
    }
    table
};

fn safelisted_total(headers: &HeaderList) -> usize {
    headers
        .iter()
        .filter(|header| is_safelisted(header))
        .map(|(_, value)| value.as_bytes().len())
        .sum()
}

fn is_safelisted((name, value): &Header) -> bool {
    is_cors_safelisted_request_header(name.as_str(), value.as_bytes())
}

fn contains_cors_unsafe_byte(value: &[u8]) -> bool {
    value
        .iter()
        .any(|&byte| is_cors_unsafe_request_header_byte(byte))
}

const fn is_language_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'*' | b',' | b'-' | b'.' | b';' | b'=')
}

/// Whether the value [parses](https://mimesniff.spec.whatwg.org/#parse-a-mime-type) to a MIME type of a form. Parameters never
/// fail, so only the essence is read.
fn is_form_type(value: &[u8]) -> bool {
    const FORM_TYPES: [&str; 3] = [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
    ];
    mime_essence(value).is_some_and(|essence| {
        FORM_TYPES
            .iter()
            .any(|form| essence.eq_ignore_ascii_case(form.as_bytes()))
    })
}

/// Type and subtype as written, with the solidus between them.
fn mime_essence(value: &[u8]) -> Option<&[u8]> {
    let essence = trim_http_whitespace(value.split(|&byte| byte == b';').next()?);
    let solidus = essence.iter().position(|&byte| byte == b'/')?;
    (is_token(&essence[..solidus]) && is_token(&essence[solidus + 1..])).then_some(essence)
}

/// [Parses a single range header value](https://fetch.spec.whatwg.org/#simple-range-header-value) without whitespace, and asks
/// for a start: `bytes=-500` is not safelisted.
fn is_single_range_with_start(value: &[u8]) -> bool {
    let Some(range) = value.strip_prefix(b"bytes=") else {
        return false;
    };
    let mut parts = range.splitn(2, |&byte| byte == b'-');
    let (Some(start), Some(end)) = (parts.next(), parts.next()) else {
        return false;
    };
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    !start.is_empty()
        && digits(start)
        && digits(end)
        && (end.is_empty() || magnitude(start) <= magnitude(end))
}

/// Orders decimal numbers of any length: more digits, without leading zeros, is more; else the digits decide.
fn magnitude(digits: &[u8]) -> (usize, &[u8]) {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    (digits.len() - zeros, &digits[zeros..])
}
