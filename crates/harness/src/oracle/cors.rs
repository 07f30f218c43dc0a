//! Does an answer let the page see it, and does a preflight's answer let the request go, by grammar?

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::Grant;
use super::list::{Header, compiled, get, tokens, values};
use super::safelist::{is_safelisted_method, unsafe_names};

/// `delta-seconds` of RFC 9111, section 1.2.2.
static DELTA_SECONDS: LazyLock<Regex> = LazyLock::new(|| compiled(r"\A[0-9]+\z"));

/// A status to which [ok status](https://fetch.spec.whatwg.org/#ok-status) applies.
static OK_STATUS: LazyLock<Regex> = LazyLock::new(|| compiled(r"\A2[0-9]{2}\z"));

/// Seconds where `Access-Control-Max-Age` says nothing that can be read.
const DEFAULT_MAX_AGE: u64 = 5;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The requesting origin, serialized.
    pub origin: &'a str,
    /// Whether the credentials mode is `include`.
    pub include: bool,
    /// The method, normalized.
    pub method: &'a str,
    /// The request's headers.
    pub headers: &'a [Header],
    /// The [use-CORS-preflight flag](https://fetch.spec.whatwg.org/#use-cors-preflight-flag).
    pub use_cors_preflight: bool,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The response's headers.
    pub headers: &'a [Header],
}

/// The [CORS check](https://fetch.spec.whatwg.org/#cors-check) as a table of what the two headers say, whole.
#[must_use]
pub fn cors_check(asked: &Asked<'_>, answer: &[Header]) -> bool {
    let origin = get(answer, "access-control-allow-origin");
    let credentials = get(answer, "access-control-allow-credentials");
    match (asked.include, origin.as_deref(), credentials.as_deref()) {
        (false, Some("*"), _) => true,
        (false, Some(origin), _) | (true, Some(origin), Some("true")) => origin == asked.origin,
        _ => false,
    }
}

/// What a preflight's answer grants, if it allows the request:
/// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch) from step 7.
#[must_use]
pub fn preflight_check(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<Grant> {
    let passes =
        cors_check(asked, answer.headers) && OK_STATUS.is_match(&answer.status.to_string());
    let methods = tokens(answer.headers, "access-control-allow-methods").ok()?;
    let names = tokens(answer.headers, "access-control-allow-headers").ok()?;
    let implied = asked.use_cors_preflight.then(|| asked.method.to_owned());
    let methods: BTreeSet<String> = methods
        .map(BTreeSet::from_iter)
        .unwrap_or_else(|| implied.into_iter().collect());
    let names = names.into_iter().flatten();
    let names: BTreeSet<String> = names.map(|name| name.to_ascii_lowercase()).collect();

    let wildcard = |list: &BTreeSet<String>| !asked.include && list.contains("*");
    let method =
        methods.contains(asked.method) || is_safelisted_method(asked.method) || wildcard(&methods);
    let unsafe_names = unsafe_names(asked.headers);
    let headers = unsafe_names.is_subset(&names) || wildcard(&names);
    let authorization = asked
        .headers
        .iter()
        .all(|(name, _)| !name.eq_ignore_ascii_case("authorization"))
        || names.contains("authorization");
    (passes && method && headers && authorization).then(|| Grant {
        methods,
        names,
        max_age: max_age(answer.headers),
    })
}

/// `Access-Control-Max-Age`, which is a single header; what is too large is the largest.
fn max_age(headers: &[Header]) -> u64 {
    let found: Vec<&str> = values(headers, "access-control-max-age").collect();
    match found[..] {
        [seconds] if DELTA_SECONDS.is_match(seconds) => seconds.parse().unwrap_or(u64::MAX),
        _ => DEFAULT_MAX_AGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://app.test";

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn list(headers: Headers<'_>) -> Vec<Header> {
        headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_cors_check() {
        let origin = |value| ("Access-Control-Allow-Origin", value);
        let credentials = |value| ("Access-Control-Allow-Credentials", value);
        let table: [(Headers<'_>, bool, bool); 10] = [
            (&[], false, false),
            (&[origin("*")], true, false),
            (&[origin("*"), credentials("true")], true, false),
            (&[origin(ORIGIN)], true, false),
            (
                &[origin(" https://app.test\t"), credentials("true")],
                true,
                true,
            ),
            (&[origin(ORIGIN), credentials("TRUE")], true, false),
            (
                &[origin(ORIGIN), origin(ORIGIN), credentials("true")],
                false,
                false,
            ),
            (
                &[origin("https://app.test/"), credentials("true")],
                false,
                false,
            ),
            (
                &[origin("HTTPS://app.test"), credentials("true")],
                false,
                false,
            ),
            (&[origin("null"), credentials("true")], false, false),
        ];
        for (headers, omit, include) in table {
            let headers = list(headers);
            let asked = |include| Asked {
                origin: ORIGIN,
                include,
                method: "GET",
                headers: &[],
                use_cors_preflight: false,
            };
            let found = [false, true].map(|include| cors_check(&asked(include), &headers));
            assert_eq!(found, [omit, include], "{headers:?}");
        }
    }

    #[test]
    fn the_preflight_check() {
        const METHODS: &str = "access-control-allow-methods";
        const HEADERS: &str = "access-control-allow-headers";
        // Method, header, status, what the answer adds, passes without and with credentials.
        type Row<'a> = (&'a str, &'a str, u16, Headers<'a>, bool, bool);
        let table: [Row<'_>; 18] = [
            ("POST", "accept", 204, &[], true, true),
            ("POST", "accept", 200, &[], true, true),
            ("POST", "accept", 299, &[], true, true),
            ("POST", "accept", 199, &[], false, false),
            ("POST", "accept", 300, &[], false, false),
            ("POST", "accept", 20, &[], false, false),
            ("PUT", "accept", 200, &[], false, false),
            ("PUT", "accept", 200, &[(METHODS, "GET, PUT")], true, true),
            ("PUT", "accept", 200, &[(METHODS, "put")], false, false),
            ("PUT", "accept", 200, &[(METHODS, "*")], true, false),
            ("PUT", "accept", 200, &[(METHODS, "PUT;")], false, false),
            ("GET", "x-a", 200, &[(HEADERS, "X-A")], true, true),
            (
                "GET",
                "x-a",
                200,
                &[(HEADERS, "x-b"), (HEADERS, "x-a")],
                true,
                true,
            ),
            ("GET", "x-a", 200, &[(HEADERS, "*")], true, false),
            ("GET", "x-a", 200, &[(HEADERS, "x-a x-b")], false, false),
            ("GET", "authorization", 200, &[(HEADERS, "*")], false, false),
            (
                "GET",
                "Authorization",
                200,
                &[(HEADERS, "*, authorization")],
                true,
                true,
            ),
            ("*", "accept", 200, &[(METHODS, "*")], true, true),
        ];
        for (method, name, status, more, omit, include) in table {
            let mut answer = list(&[
                ("access-control-allow-origin", ORIGIN),
                ("access-control-allow-credentials", "true"),
            ]);
            answer.extend(list(more));
            let sent = list(&[(name, "1")]);
            let found = [false, true].map(|include| {
                let asked = Asked {
                    origin: ORIGIN,
                    include,
                    method,
                    headers: &sent,
                    use_cors_preflight: false,
                };
                preflight_check(
                    &asked,
                    &Answer {
                        status,
                        headers: &answer,
                    },
                )
                .is_some()
            });
            assert_eq!(found, [omit, include], "{method} {name} {status} {more:?}");
        }
    }

    #[test]
    fn the_flag_allows_its_own_method_where_none_is_named() {
        let answer = |value: Option<&str>| {
            let mut answer = list(&[("access-control-allow-origin", "*")]);
            answer.extend(
                value.map(|value| ("access-control-allow-methods".to_owned(), value.to_owned())),
            );
            answer
        };
        let asked = |flag| Asked {
            origin: ORIGIN,
            include: false,
            method: "PUT",
            headers: &[],
            use_cors_preflight: flag,
        };
        for (flag, value, expected) in [
            (true, None, true),
            (false, None, false),
            (true, Some(""), false),
            (true, Some("PUT"), true),
        ] {
            let found = preflight_check(
                &asked(flag),
                &Answer {
                    status: 200,
                    headers: &answer(value),
                },
            );
            assert_eq!(found.is_some(), expected, "{flag} {value:?}");
        }
    }

    #[test]
    fn max_ages() {
        let table: [(&[&str], u64); 8] = [
            (&[], 5),
            (&["0"], 0),
            (&["600"], 600),
            (&["-1"], 5),
            (&["+1"], 5),
            (&["1.5"], 5),
            (&["10", "10"], 5),
            (&["99999999999999999999999"], u64::MAX),
        ];
        for (values, expected) in table {
            let headers: Vec<_> = values
                .iter()
                .map(|value| ("Access-Control-Max-Age", *value))
                .collect();
            assert_eq!(max_age(&list(&headers)), expected, "{values:?}");
        }
    }
}
