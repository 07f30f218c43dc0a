//! What does a header list say of a name? Names are compared without case; a value's chars stand for bytes.

use std::sync::LazyLock;

use regex::Regex;

/// A header's name and value, as it was written.
pub type Header = (String, String);

/// A `token` of RFC 9110, section 5.6.2: what methods and field names are.
pub(super) const TOKEN: &str = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+";

static TOKENS: LazyLock<Regex> = LazyLock::new(|| compiled(TOKEN));

/// `#token` as a recipient reads it, RFC 9110, section 5.6.1.2: elements may be empty.
static LIST_OF_TOKENS: LazyLock<Regex> =
    LazyLock::new(|| compiled(&format!(r"\A(?:{TOKEN})?(?:[\t ]*,[\t ]*(?:{TOKEN})?)*\z")));

/// A value without [HTTP whitespace](https://fetch.spec.whatwg.org/#concept-header-value-normalize) at its ends.
#[must_use]
pub fn normalize(value: &str) -> &str {
    value.trim_matches(['\t', '\n', '\r', ' '])
}

/// All values of a name, [combined](https://fetch.spec.whatwg.org/#concept-header-list-get) by a comma and a space.
#[must_use]
pub fn get(headers: &[Header], name: &str) -> Option<String> {
    let values: Vec<&str> = values(headers, name).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The normalized values of a name.
pub(super) fn values<'a>(headers: &'a [Header], name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| normalize(value))
}

/// The tokens of a list header: `None` where there is no such header, an error where it is no list of tokens.
pub(super) fn tokens(headers: &[Header], name: &str) -> Result<Option<Vec<String>>, NoList> {
    let Some(value) = get(headers, name) else {
        return Ok(None);
    };
    if !LIST_OF_TOKENS.is_match(&value) {
        return Err(NoList);
    }
    let found = TOKENS.find_iter(&value).map(|it| it.as_str().to_owned());
    Ok(Some(found.collect()))
}

/// A value that is not what its grammar says.
#[derive(Debug)]
pub(super) struct NoList;

pub(super) fn compiled(grammar: &str) -> Regex {
    Regex::new(grammar).expect("the grammars of the oracle are regular expressions")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> Vec<Header> {
        let header = |value: &&str| ("Allow".to_owned(), (*value).to_owned());
        values.iter().map(header).collect()
    }

    #[test]
    fn lists_of_tokens() {
        let table: [(&[&str], Option<&[&str]>); 12] = [
            (&[""], Some(&[])),
            (&["a"], Some(&["a"])),
            (&["a,b"], Some(&["a", "b"])),
            (&[" a \t,\t b "], Some(&["a", "b"])),
            (&["a", "b"], Some(&["a", "b"])),
            (&[",a,,b,"], Some(&["a", "b"])),
            (&["*"], Some(&["*"])),
            (&["a b"], None),
            (&["a;b"], None),
            (&["a, \"b\""], None),
            (&["a\n,b"], None),
            (&["\u{E9}"], None),
        ];
        for (values, expected) in table {
            let found = tokens(&list(values), "allow").map(Option::unwrap).ok();
            let expected = expected.map(|tokens| tokens.iter().map(ToString::to_string).collect());
            assert_eq!(found, expected, "{values:?}");
        }
        assert!(matches!(tokens(&list(&["a"]), "other"), Ok(None)));
    }

    #[test]
    fn values_are_combined_without_their_outer_whitespace() {
        assert_eq!(get(&list(&[" a\r\n", "\tb c"]), "ALLOW").unwrap(), "a, b c");
        assert_eq!(get(&[], "allow"), None);
        assert_eq!(normalize("\u{B}a\u{A0}"), "\u{B}a\u{A0}");
    }
}
