//! Which headers may a page send across origins without asking?
//!
//! <https://fetch.spec.whatwg.org/#cors-safelisted-request-header>

use crate::header::{Header, HeaderList, trim_http_whitespace};
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
/// fail, and what stands before them is one of these types, or it is not: nothing else of the parser matters.
fn is_form_type(value: &[u8]) -> bool {
    const FORM_TYPES: [&[u8]; 3] = [
        b"application/x-www-form-urlencoded",
        b"multipart/form-data",
        b"text/plain",
    ];
    let essence =
        trim_http_whitespace(value.split(|&byte| byte == b';').next().unwrap_or_default());
    FORM_TYPES
        .iter()
        .any(|form| essence.eq_ignore_ascii_case(form))
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

#[cfg(test)]
mod tests {
    use super::{
        cors_unsafe_request_header_names, has_cors_unsafe_request_header,
        is_cors_safelisted_request_header, is_cors_unsafe_request_header_byte,
        is_no_cors_safelisted_request_header, magnitude,
    };
    use crate::header::HeaderList;
    use crate::testing::headers;

    fn safe(name: &str, value: &str) -> bool {
        is_cors_safelisted_request_header(name, value.as_bytes())
    }

    #[test]
    fn every_byte_is_unsafe_or_not() {
        let delimiters = b"\"():<>?@[\\]{}\x7F";
        for byte in 0..=u8::MAX {
            let expected = (byte < 0x20 && byte != b'\t') || delimiters.contains(&byte);
            assert_eq!(
                is_cors_unsafe_request_header_byte(byte),
                expected,
                "{byte:#04x}"
            );
            let value = [b'a', byte, b'a'];
            assert_eq!(
                is_cors_safelisted_request_header("accept", &value),
                !expected,
                "accept {byte:#04x}"
            );
            let parameter = [b"text/plain;".as_slice(), &[byte]].concat();
            assert_eq!(
                is_cors_safelisted_request_header("content-type", &parameter),
                !expected,
                "{byte:#04x}"
            );
        }
    }

    #[test]
    fn every_byte_is_of_a_language_or_not() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b" *,-.;=".contains(&byte);
            for name in ["accept-language", "content-language"] {
                assert_eq!(
                    is_cors_safelisted_request_header(name, &[b'e', byte]),
                    expected,
                    "{name} {byte:#04x}"
                );
            }
        }
    }

    #[test]
    fn five_names_are_safelisted_in_any_case() {
        let rows = [
            ("accept", "*/*", true),
            ("Accept", "", true),
            ("ACCEPT-LANGUAGE", "de, en;q=0.5", true),
            ("Content-Language", "de", true),
            ("Content-Type", "text/plain", true),
            ("Range", "bytes=0-", true),
            ("last-event-id", "1", false),
            ("save-data", "on", false),
            ("dpr", "1", false),
            ("authorization", "x", false),
            ("cookie", "a=b", false),
            ("user-agent", "x", false),
            ("accept-encoding", "gzip", false),
            ("x-accept", "x", false),
            ("accep", "x", false),
            ("", "", false),
        ];
        for (name, value, expected) in rows {
            assert_eq!(safe(name, value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_value_may_have_128_bytes() {
        for (length, expected) in [
            (0, true),
            (1, true),
            (127, true),
            (128, true),
            (129, false),
            (1_000, false),
        ] {
            assert_eq!(
                safe("accept", &"a".repeat(length)),
                expected,
                "accept {length}"
            );
            assert_eq!(
                safe("accept-language", &"a".repeat(length)),
                expected,
                "accept-language {length}"
            );
            assert_eq!(
                safe("content-language", &"a".repeat(length)),
                expected,
                "content-language {length}"
            );
            if length >= 11 {
                let value = format!("text/plain;{}", "a".repeat(length - 11));
                assert_eq!(
                    safe("content-type", &value),
                    expected,
                    "content-type {length}"
                );
            }
            if length >= 8 {
                let value = format!("bytes={}-", "1".repeat(length - 7));
                assert_eq!(safe("range", &value), expected, "range {length}");
            }
        }
    }

    #[test]
    fn a_content_type_is_one_of_the_three_of_forms() {
        let rows = [
            ("text/plain", true),
            ("TEXT/Plain", true),
            ("application/x-www-form-urlencoded", true),
            ("multipart/form-data;boundary=x", true),
            ("text/plain;charset=utf-8", true),
            ("text/plain;", true),
            ("text/plain ;a=b;;", true),
            (" text/plain\t", true),
            ("text/plain; anything goes here", true),
            ("text/plain;a=,b", true),
            ("application/json", false),
            ("text/plain, text/plain", false),
            ("text/plain,application/json", false),
            ("application/json;, text/plain", false),
            ("text/plainx", false),
            ("xtext/plain", false),
            ("text/plain/", false),
            ("text/", false),
            ("/plain", false),
            ("/", false),
            ("text", false),
            ("", false),
            (";text/plain", false),
            ("text;/plain", false),
            ("text /plain", false),
            ("text/ plain", false),
            ("text/plain;a=\"b\"", false),
            ("text/html", false),
        ];
        for (value, expected) in rows {
            assert_eq!(safe("content-type", value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_range_is_single_and_has_a_start() {
        let rows = [
            ("bytes=0-", true),
            ("bytes=0-0", true),
            ("bytes=1-2", true),
            ("bytes=9-10", true),
            ("bytes=0009-10", true),
            ("bytes=10-0010", true),
            ("bytes=10-9", false),
            ("bytes=2-1", false),
            (
                "bytes=99999999999999999999999999999999-99999999999999999999999999999999",
                true,
            ),
            (
                "bytes=99999999999999999999999999999999-99999999999999999999999999999998",
                false,
            ),
            ("bytes=-500", false),
            ("bytes=-", false),
            ("bytes=0", false),
            ("bytes=", false),
            ("bytes", false),
            ("", false),
            ("Bytes=0-", false),
            ("bytes =0-", false),
            ("bytes= 0-", false),
            ("bytes=0 -1", false),
            ("bytes=0- 1", false),
            ("bytes=0-1 ", false),
            ("bytes=0-1,2-3", false),
            ("bytes=0-1-2", false),
            ("bytes=--1", false),
            ("bytes=a-", false),
            ("bytes=0-a", false),
            ("seconds=0-", false),
        ];
        for (value, expected) in rows {
            assert_eq!(safe("range", value), expected, "{value:?}");
        }
    }

    #[test]
    fn decimal_numbers_of_any_length_are_ordered() {
        let ordered = [
            ["0", "1"],
            ["9", "10"],
            ["099", "100"],
            ["18446744073709551615", "18446744073709551616"],
        ];
        for [less, more] in ordered {
            assert!(
                magnitude(less.as_bytes()) < magnitude(more.as_bytes()),
                "{less} {more}"
            );
        }
        assert_eq!(magnitude(b"007"), magnitude(b"7"));
    }

    #[test]
    fn no_cors_safelist_lacks_range() {
        let rows = [
            ("accept", "*/*", true),
            ("accept-language", "de", true),
            ("content-language", "de", true),
            ("Content-Type", "text/plain", true),
            ("content-type", "application/json", false),
            ("range", "bytes=0-", false),
            ("Range", "bytes=0-", false),
            ("x", "", false),
        ];
        for (name, value, expected) in rows {
            assert_eq!(
                is_no_cors_safelisted_request_header(name, value.as_bytes()),
                expected,
                "{name}"
            );
        }
    }

    /// `count` safelisted values of 128 bytes, and one of `rest`.
    fn of_total(total: usize) -> HeaderList {
        let (count, rest) = (total / 128, total % 128);
        let full = "a".repeat(128);
        let last = "a".repeat(rest);
        let mut list: Vec<(&str, &str)> = vec![("accept", full.as_str()); count];
        list.push(("accept-language", &last));
        headers(&list)
    }

    #[test]
    fn safelisted_values_may_come_to_1024_bytes() {
        for (total, expected) in [
            (1_023, &[][..]),
            (1_024, &[]),
            (1_025, &["accept", "accept-language"]),
            (2_048, &["accept", "accept-language"]),
        ] {
            let list = of_total(total);
            assert_eq!(
                cors_unsafe_request_header_names(&list).as_slice(),
                expected,
                "{total}"
            );
            assert_eq!(
                has_cors_unsafe_request_header(&list),
                !expected.is_empty(),
                "{total}"
            );
        }
    }

    #[test]
    fn unsafe_values_do_not_count_towards_the_total() {
        let long = "a".repeat(128);
        let mut list = vec![("accept", long.as_str()); 8];
        list.push(("x-long", &long));
        let list = headers(&list);
        assert_eq!(
            cors_unsafe_request_header_names(&list).as_slice(),
            ["x-long"]
        );
        assert!(has_cors_unsafe_request_header(&list));
    }

    #[test]
    fn unsafe_names_are_a_sorted_lower_case_set() {
        let list = headers(&[
            ("X-B", ""),
            ("x-a", ""),
            ("Accept", "*/*"),
            ("x-b", "1"),
            ("content-type", "a/b"),
            ("X_A", ""),
        ]);
        let names = cors_unsafe_request_header_names(&list);
        assert_eq!(names.as_slice(), ["content-type", "x-a", "x-b", "x_a"]);
        assert_eq!(names.iter().collect::<Vec<_>>(), names.as_slice());
        assert!(!names.is_empty());
        assert!(cors_unsafe_request_header_names(&HeaderList::new()).is_empty());
        assert!(!has_cors_unsafe_request_header(&HeaderList::new()));
    }

    /// One header may be listed twice, safe once and unsafe once.
    #[test]
    fn each_header_is_judged_by_itself() {
        let list = headers(&[
            ("content-type", "text/plain"),
            ("content-type", "application/json"),
        ]);
        assert_eq!(
            cors_unsafe_request_header_names(&list).as_slice(),
            ["content-type"]
        );
    }
}
