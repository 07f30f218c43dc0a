//! How do bytes become a case whose headers lie on the boundaries of the rules?
//!
//! Values are built from the words that the grammars know, then bent: filled up to a length at a boundary, given one byte of
//! any class, or taken from the input as they are. A list may be filled up to a total at the boundary.

use arbitrary::{Arbitrary, Result, Unstructured};
use bareflight_policy::PROFILES;
use bareflight_policy::decide::{Input, InputResponse};

use crate::oracle::safelisted_size;

/// Lengths around the bound of one value.
pub(super) const LENGTHS: [usize; 5] = [0, 1, 127, 128, 129];
/// Sums around the bound of all safelisted values.
pub(super) const TOTALS: [usize; 3] = [1_023, 1_024, 1_025];

const URLS: [&str; 6] = [
    "https://api.test/r",
    "https://app.test/r",
    "https://app.test:444/r",
    "http://api.test/",
    "https://u:p@api.test/",
    "data:,x",
];
const ORIGINS: [&str; 5] = [
    "https://app.test",
    "https://app.test",
    "https://api.test",
    "http://app.test:8080",
    "null",
];
const MODES: [&str; 6] = [
    "cors",
    "same-origin",
    "no-cors",
    "navigate",
    "websocket",
    "webtransport",
];
const METHODS: [&str; 16] = [
    "GET", "get", "Head", "POST", "post", "PUT", "put", "DELETE", "Options", "patch", "PATCH",
    "CONNECT", "GETS", "x-y", "*", "P.U|T~",
];
const REQUEST_NAMES: [&str; 11] = [
    "accept",
    "accept-language",
    "content-language",
    "content-type",
    "range",
    "Authorization",
    "X-A",
    "x-b",
    "*",
    "last-event-id",
    "accept-",
];
const RESPONSE_NAMES: [&str; 6] = [
    "Access-Control-Allow-Origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
    "x-a",
];
const STATUSES: [u16; 16] = [
    0, 100, 199, 200, 204, 206, 299, 300, 302, 304, 401, 403, 407, 421, 500, 999,
];
const ESSENCES: [&str; 8] = [
    "text/plain",
    "Text/PLAIN",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "application/json",
    "text/plain, text/plain",
    "text/",
    "/plain",
];
const PARAMETERS: [&str; 8] = [
    "",
    ";",
    ";charset=utf-8",
    " ; charset=utf-8",
    "\t;a",
    ";;=;",
    " a=b",
    ";a=\"b\"",
];
const NUMBERS: [&str; 10] = [
    "",
    "0",
    "9",
    "10",
    "010",
    "000000000000000000000009",
    "5",
    "18446744073709551615",
    "18446744073709551616",
    "x",
];
const TOKENS: [&str; 14] = [
    "*",
    "PUT",
    "put",
    "patch",
    "GET",
    "x-a",
    "X-B",
    "authorization",
    "content-type",
    "accept",
    "range",
    "",
    "a b",
    "\"x-a\"",
];
const SEPARATORS: [&str; 6] = [",", ", ", " ,\t", ",,", " ", ";"];
const WHITESPACE: [&str; 6] = ["", " ", "\t", "\r\n", " \n\t ", "\u{B}"];

/// A case; the bytes only choose.
pub(super) fn input(bytes: &mut Unstructured<'_>) -> Result<Input> {
    let mut input = Input::new(bytes.choose(&URLS)?, bytes.choose(&ORIGINS)?);
    (*bytes.choose(&METHODS)?).clone_into(&mut input.method);
    // The mode and the profile that speak CORS are the ones with most to decide.
    let mode = if bytes.ratio(3, 4)? {
        "cors"
    } else {
        *bytes.choose(&MODES)?
    };
    mode.clone_into(&mut input.mode);
    if bytes.ratio(1, 4)? {
        bytes.choose(PROFILES)?.name.clone_into(&mut input.profile);
    }
    (*bytes.choose(&["omit", "same-origin", "include"])?).clone_into(&mut input.credentials);
    (*bytes.choose(&["none", "bytes", "stream"])?).clone_into(&mut input.body);
    input.upload_listener = bytes.ratio(1, 4)?;
    input.headers = headers(bytes, &REQUEST_NAMES, 9)?;
    if bytes.ratio(1, 4)? {
        fill_up(bytes, &mut input.headers)?;
    }
    if bytes.ratio(3, 4)? {
        input.preflight_response = Some(response(bytes, &input)?);
    }
    if bytes.ratio(1, 2)? {
        input.response = Some(response(bytes, &input)?);
    }
    Ok(input)
}

/// Adds safelisted headers until the sum of their values is at the boundary, or one more, or one less.
fn fill_up(bytes: &mut Unstructured<'_>, headers: &mut Vec<(String, String)>) -> Result<()> {
    let total = *bytes.choose(&TOTALS)?;
    let name = *bytes.choose(&["accept", "Accept-Language", "content-language"])?;
    let mut missing = total.saturating_sub(safelisted_size(headers));
    while missing > 0 {
        let length = missing.min(128);
        headers.push((name.to_owned(), "a".repeat(length)));
        missing -= length;
    }
    Ok(())
}

/// A response: any, or nearly one that allows what the case asks.
fn response(bytes: &mut Unstructured<'_>, input: &Input) -> Result<InputResponse> {
    let mut response = InputResponse {
        status: if bytes.ratio(1, 2)? {
            204
        } else {
            *bytes.choose(&STATUSES)?
        },
        headers: headers(bytes, &RESPONSE_NAMES, 3)?,
    };
    let mut allow = |name: &str, value: &str| {
        let header = (name.to_owned(), value.to_owned());
        response.headers.push(header);
    };
    if bytes.ratio(2, 3)? {
        let origin = [&input.origin, &input.origin, "*", "null"];
        allow(RESPONSE_NAMES[0], bytes.choose(&origin)?);
        allow(RESPONSE_NAMES[1], "true");
    }
    if bytes.ratio(2, 3)? {
        // By name, or by the wildcard, which stands for less than it seems.
        let names: Vec<&str> = input.headers.iter().map(|(name, _)| &**name).collect();
        let method = input.method.to_ascii_uppercase();
        let names = names.join(bytes.choose(&SEPARATORS)?);
        allow(RESPONSE_NAMES[2], bytes.choose(&[&*method, "*"])?);
        allow(RESPONSE_NAMES[3], bytes.choose(&[&*names, "*"])?);
        for _ in 0..bytes.int_in_range(0..=2)? {
            allow(RESPONSE_NAMES[4], bytes.choose(&NUMBERS)?);
        }
    }
    Ok(response)
}

fn headers(
    bytes: &mut Unstructured<'_>,
    names: &[&str],
    most: usize,
) -> Result<Vec<(String, String)>> {
    let count = bytes.int_in_range(0..=most)?;
    let header = |bytes: &mut Unstructured<'_>| {
        let name = *bytes.choose(names)?;
        let value = value(bytes, name)?;
        Ok((name.to_owned(), value))
    };
    (0..count).map(|_| header(bytes)).collect()
}

/// A value; its chars stand for bytes.
fn value(bytes: &mut Unstructured<'_>, name: &str) -> Result<String> {
    let mut value = if bytes.ratio(1, 16)? {
        <Vec<u8>>::arbitrary(bytes)?
            .into_iter()
            .map(char::from)
            .collect()
    } else {
        words(bytes, name)?
    };
    if bytes.ratio(1, 4)? {
        let length = *bytes.choose(&LENGTHS)?;
        let fill = *bytes.choose(&['a', '0', '\u{FF}'])?;
        value = value
            .chars()
            .chain(core::iter::repeat(fill))
            .take(length)
            .collect();
    }
    if bytes.ratio(1, 2)? {
        let mut chars: Vec<char> = value.chars().collect();
        let at = bytes.int_in_range(0..=chars.len())?;
        let byte = char::from(u8::arbitrary(bytes)?);
        // In place of another byte, so that the length stays at its boundary; else as one more.
        match chars.get_mut(at) {
            Some(place) => *place = byte,
            None => chars.push(byte),
        }
        value = chars.into_iter().collect();
    }
    if bytes.ratio(1, 8)? {
        value = format!(
            "{}{value}{}",
            bytes.choose(&WHITESPACE)?,
            bytes.choose(&WHITESPACE)?
        );
    }
    Ok(value)
}

/// What the header's grammar knows, or nearly.
fn words(bytes: &mut Unstructured<'_>, name: &str) -> Result<String> {
    Ok(match name {
        "content-type" => format!("{}{}", bytes.choose(&ESSENCES)?, bytes.choose(&PARAMETERS)?),
        "range" => {
            let unit = bytes.choose(&["bytes=", "bytes=", "Bytes=", "bytes ="])?;
            let (first, last) = (bytes.choose(&NUMBERS)?, bytes.choose(&NUMBERS)?);
            format!(
                "{unit}{first}{}{last}",
                bytes.choose(&["-", "-", " -", ""])?
            )
        }
        "Access-Control-Allow-Origin" => {
            let origins = [
                "*",
                "https://app.test",
                "https://app.test/",
                "HTTPS://app.test",
                "null",
            ];
            (*bytes.choose(&origins)?).to_owned()
        }
        "access-control-allow-credentials" => {
            (*bytes.choose(&["true", "True", "false", "true, true"])?).to_owned()
        }
        "access-control-max-age" => {
            let sign = bytes.choose(&["", "", "-", "+"])?;
            format!("{sign}{}", bytes.choose(&NUMBERS)?)
        }
        _ => {
            let mut list = String::new();
            for _ in 0..bytes.int_in_range(0..=4)? {
                list.push_str(bytes.choose(&TOKENS)?);
                list.push_str(bytes.choose(&SEPARATORS)?);
            }
            list + bytes.choose(&TOKENS)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{Opinion, get, is_safelisted_header, normalize};
    use bareflight_policy::decide::{Case, decide};
    use std::collections::BTreeSet;

    /// What inputs of random bytes reach: 12,000 of them, and half of them in detail.
    #[derive(Default)]
    struct Reached {
        /// (name, length, safelisted).
        lengths: BTreeSet<(String, usize, bool)>,
        /// (rule, byte within the value).
        bytes: BTreeSet<(&'static str, u8)>,
        totals: BTreeSet<usize>,
        statuses: BTreeSet<u16>,
        methods: BTreeSet<String>,
        /// (granted, cors check).
        verdicts: BTreeSet<(Option<bool>, Option<bool>)>,
        /// (headers allowed by the wildcard, credentials included, granted).
        wildcards: BTreeSet<(bool, bool, bool)>,
        max_ages: BTreeSet<u64>,
        cases: usize,
    }

    impl Reached {
        fn look_closer(&mut self, input: &Input, case: &Case) {
            self.totals.insert(safelisted_size(&input.headers));
            for (name, value) in &input.headers {
                let row = (
                    normalize(value).chars().count(),
                    is_safelisted_header(name, value),
                );
                self.lengths
                    .insert((name.to_ascii_lowercase(), row.0, row.1));
            }
            self.statuses
                .extend(input.preflight_response.iter().map(|it| it.status));
            self.methods.insert(input.method.clone());
            let opinion = Opinion::of_policy(case, &decide(case));
            let granted = opinion.grant.as_ref().map(Result::is_ok);
            if let Some(answer) = input
                .preflight_response
                .as_ref()
                .filter(|_| granted.is_some())
            {
                let star = tokens(answer).contains(&"*".to_owned());
                let include = input.credentials == "include";
                self.wildcards
                    .insert((star, include, granted == Some(true)));
            }
            self.max_ages
                .extend(opinion.grant.and_then(Result::ok).map(|it| it.max_age));
            self.verdicts.insert((granted, opinion.cors_check));
        }
    }

    /// The headers that a preflight's answer allows, as they are written.
    fn tokens(answer: &InputResponse) -> Vec<String> {
        let allowed = get(&answer.headers, RESPONSE_NAMES[3]).unwrap_or_default();
        allowed.split(", ").map(str::to_owned).collect()
    }

    /// Which rule says what bytes a value may have.
    fn rule(name: &str) -> &'static str {
        match name.to_ascii_lowercase().as_str() {
            "accept-language" | "content-language" => "language",
            "accept" | "content-type" => "unsafe byte",
            _ => "other",
        }
    }

    fn reached() -> Reached {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut reached = Reached::default();
        for turn in 0..12_000 {
            let noise: Vec<u8> = (0..600).map(|_| rng.u8(..)).collect();
            let input = input(&mut Unstructured::new(&noise)).unwrap();
            let Ok(case) = Case::parse(&input) else {
                continue;
            };
            reached.cases += 1;
            for (name, value) in &input.headers {
                for byte in normalize(value)
                    .chars()
                    .filter_map(|it| u8::try_from(u32::from(it)).ok())
                {
                    reached.bytes.insert((rule(name), byte));
                }
            }
            if turn % 2 == 0 {
                reached.look_closer(&input, &case);
            }
        }
        reached
    }

    #[test]
    fn the_generator_reaches_every_boundary() {
        let reached = reached();
        assert!(
            reached.cases > 9_600,
            "{} of 12,000 are cases",
            reached.cases
        );
        for name in [
            "accept",
            "accept-language",
            "content-language",
            "content-type",
        ] {
            for (length, safelisted) in [
                (127, true),
                (128, true),
                (127, false),
                (128, false),
                (129, false),
            ] {
                let row = (name.to_owned(), length, safelisted);
                assert!(reached.lengths.contains(&row), "{row:?}");
            }
        }
        // All that a header value may have within it.
        for rule in ["language", "unsafe byte"] {
            for byte in (1..=u8::MAX).filter(|byte| !b"\r\n".contains(byte)) {
                assert!(reached.bytes.contains(&(rule, byte)), "{rule} {byte:#04x}");
            }
        }
        for length in [128, 129] {
            assert!(
                reached
                    .lengths
                    .contains(&("range".to_owned(), length, false))
            );
        }
        assert!(reached.lengths.iter().any(|it| it.0 == "range" && it.2));
        for total in TOTALS {
            assert!(reached.totals.contains(&total), "{total}");
        }
        assert_eq!(reached.statuses.len(), STATUSES.len());
        assert_eq!(reached.methods.len(), METHODS.len());
        for granted in [None, Some(false), Some(true)] {
            for cors_check in [None, Some(false), Some(true)] {
                let row = (granted, cors_check);
                assert!(reached.verdicts.contains(&row), "{row:?}");
            }
        }
        for star in [false, true] {
            for include in [false, true] {
                for granted in [false, true] {
                    let row = (star, include, granted);
                    assert!(reached.wildcards.contains(&row), "{row:?}");
                }
            }
        }
        for max_age in [0, 5, 10, u64::MAX] {
            assert!(reached.max_ages.contains(&max_age), "{max_age}");
        }
    }
}
