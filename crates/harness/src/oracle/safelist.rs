//! Which methods and headers may be sent without asking, by grammar?

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::list::{Header, compiled, normalize};

/// A [safelisted header](https://fetch.spec.whatwg.org/#cors-safelisted-request-header) as the line `name:value`, whose chars
/// stand for bytes. In `content-type` what follows the essence may be anything, since a parameter never fails to parse:
/// [parse a MIME type](https://mimesniff.spec.whatwg.org/#parse-a-mime-type). A range has a first byte.
const SAFELISTED: &str = r#"(?x) \A (?:
      accept: SAFE*
    | (?: accept | content ) -language: [0-9A-Za-z\x20*,\-.;=]*
    | content-type: (?i-u: application/x-www-form-urlencoded | multipart/form-data | text/plain ) [\t\x20]* (?: ; SAFE* )?
    | range: bytes= (?<first> [0-9]+ ) - (?<last> [0-9]* )
    ) \z"#;

/// What is not a [CORS-unsafe request-header byte](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte).
const SAFE: &str = r#"[\x00-\xFF&&[^\x00-\x08\x0A-\x1F"():<>?@\[\\\]{}\x7F]]"#;

/// The most bytes of one value, and of all the values of safelisted headers together.
const MOST: (usize, usize) = (128, 1024);

static LINE: LazyLock<Regex> = LazyLock::new(|| compiled(&SAFELISTED.replace("SAFE", SAFE)));
static METHOD: LazyLock<Regex> = LazyLock::new(|| compiled(r"\A(?:GET|HEAD|POST)\z"));
static NORMALIZED: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"\A(?i-u:DELETE|GET|HEAD|OPTIONS|POST|PUT)\z"));

/// Whether a method is a [CORS-safelisted method](https://fetch.spec.whatwg.org/#cors-safelisted-method).
#[must_use]
pub fn is_safelisted_method(method: &str) -> bool {
    METHOD.is_match(method)
}

/// A method [normalized](https://fetch.spec.whatwg.org/#concept-method-normalize): six are upper-cased, others stay.
#[must_use]
pub fn normalize_method(method: &str) -> String {
    if NORMALIZED.is_match(method) {
        method.to_ascii_uppercase()
    } else {
        method.to_owned()
    }
}

/// Whether a header is [CORS-safelisted](https://fetch.spec.whatwg.org/#cors-safelisted-request-header) by itself.
#[must_use]
pub fn is_safelisted_header(name: &str, value: &str) -> bool {
    let value = normalize(value);
    let line = format!("{}:{value}", name.to_ascii_lowercase());
    size(value) <= MOST.0
        && LINE.captures(&line).is_some_and(|parts| {
            let digits = |part| parts.name(part).map_or("", |digits| digits.as_str());
            digits("last").is_empty() || number(digits("first")) <= number(digits("last"))
        })
}

/// The bytes of the values of all safelisted headers.
#[must_use]
pub fn safelisted_size(headers: &[Header]) -> usize {
    sum_of_sizes(parted(headers).0)
}

/// The [CORS-unsafe request-header names](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names), in lower case.
#[must_use]
pub fn unsafe_names(headers: &[Header]) -> BTreeSet<String> {
    let (safelisted, others) = parted(headers);
    let too_much = sum_of_sizes(safelisted) > MOST.1;
    let names = if too_much {
        headers.iter().collect()
    } else {
        others
    };
    names
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect()
}

/// The headers that are safelisted by themselves, and the others.
fn parted(headers: &[Header]) -> (Vec<&Header>, Vec<&Header>) {
    headers
        .iter()
        .partition(|(name, value)| is_safelisted_header(name, value))
}

fn sum_of_sizes(headers: Vec<&Header>) -> usize {
    headers
        .into_iter()
        .map(|(_, value)| size(normalize(value)))
        .sum()
}

/// How many bytes the chars of a value stand for.
fn size(value: &str) -> usize {
    value.chars().count()
}

/// A decimal number of any length, in the order of numbers.
fn number(digits: &str) -> (usize, &str) {
    let digits = digits.trim_start_matches('0');
    (digits.len(), digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes for which a value is safelisted that is made of the byte between two others.
    fn safelisted_bytes(name: &str, value: fn(char) -> String) -> String {
        let bytes = (0..=u8::MAX).map(char::from);
        bytes
            .filter(|&byte| is_safelisted_header(name, &value(byte)))
            .collect()
    }

    #[test]
    fn every_byte_has_its_class() {
        let high: String = ('\u{80}'..='\u{FF}').collect();
        let safe = format!(
            "\t !#$%&'*+,-./0123456789;=ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~{high}"
        );
        let language =
            " *,-.0123456789;=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".to_owned();
        assert_eq!(safelisted_bytes("accept", |it| format!("a{it}b")), safe);
        assert_eq!(
            safelisted_bytes("Content-Type", |it| format!("text/plain;{it}b")),
            safe
        );
        for name in ["accept-language", "CONTENT-LANGUAGE"] {
            assert_eq!(safelisted_bytes(name, |it| format!("a{it}b")), language);
        }
        assert_eq!(safelisted_bytes("x-a", |it| it.to_string()), "");
        assert_eq!(
            safelisted_bytes("range", |it| format!("bytes=1{it}-")),
            "0123456789"
        );
    }

    #[test]
    fn facts_of_the_standard() {
        let table = [
            ("content-type", "text/plain", true),
            ("content-type", "TEXT/Plain ; charset=\u{E9}", true),
            ("content-type", "text/plain;", true),
            ("content-type", "text/plain;;=;a", true),
            ("content-type", "multipart/form-data;boundary=a", true),
            ("content-type", "application/x-www-form-urlencoded", true),
            ("content-type", "application/json", false),
            ("content-type", "application/json, text/plain", false),
            ("content-type", "text/plain, text/plain", false),
            ("content-type", "text/plain a", false),
            ("content-type", "text /plain", false),
            ("content-type", "text/ plain", false),
            ("content-type", "text/plainx", false),
            ("content-type", "text/plain;a=\"b\"", false),
            ("content-type", "", false),
            ("accept", "", true),
            ("range", "bytes=0-", true),
            ("range", "bytes=0-0", true),
            ("range", "bytes=9-10", true),
            ("range", "bytes=010-9", false),
            ("range", "bytes=0009-10", true),
            ("range", "bytes=10-9", false),
            (
                "range",
                "bytes=18446744073709551616-18446744073709551615",
                false,
            ),
            (
                "range",
                "bytes=18446744073709551615-18446744073709551616",
                true,
            ),
            ("range", "bytes=-5", false),
            ("range", "bytes=-", false),
            ("range", "bytes= 0-", false),
            ("range", "bytes=0-1,2-3", false),
            ("range", "Bytes=0-", false),
            ("range", "items=0-", false),
            ("last-event-id", "1", false),
        ];
        for (name, value, expected) in table {
            assert_eq!(
                is_safelisted_header(name, value),
                expected,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn sizes() {
        for (length, expected) in [(0, true), (127, true), (128, true), (129, false)] {
            assert_eq!(
                is_safelisted_header("accept", &"\u{FF}".repeat(length)),
                expected
            );
        }
        assert!(is_safelisted_header(
            "accept",
            &format!(" {}\t", "a".repeat(128))
        ));
        for (last, expected) in [(127, 0), (128, 0), (129, 1)] {
            let mut headers = vec![("Accept".to_owned(), "a".repeat(128)); 7];
            headers.push(("accept".to_owned(), "a".repeat(last)));
            assert_eq!(unsafe_names(&headers).len(), expected, "{last}");
        }
        for (more, names) in [("", vec![]), ("a", vec!["accept", "accept-language"])] {
            let mut headers = vec![("Accept".to_owned(), "a".repeat(128)); 8];
            headers.push(("accept-language".to_owned(), more.to_owned()));
            assert_eq!(Vec::from_iter(unsafe_names(&headers)), names);
        }
    }

    #[test]
    fn methods() {
        let table = [
            ("get", "GET", true),
            ("Head", "HEAD", true),
            ("POST", "POST", true),
            ("put", "PUT", false),
            ("delete", "DELETE", false),
            ("options", "OPTIONS", false),
            ("patch", "patch", false),
            ("GETS", "GETS", false),
        ];
        for (method, normalized, safelisted) in table {
            assert_eq!(normalize_method(method), normalized);
            assert_eq!(is_safelisted_method(normalized), safelisted);
        }
        assert!(!is_safelisted_method("get"));
    }
}
