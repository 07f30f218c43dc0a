//! The text form: the TOML that people write, read, keep in `corpus/` and attach to a bug report.

mod parse;
mod print;

use core::fmt;
use core::ops::Range;

pub(super) use parse::{is_token, is_value, may_set};

use super::Scenario;
use super::fixup::char_boundary;

/// Why a text is not a scenario, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// One sentence: what is wrong and what to write instead.
    pub message: String,
    /// The bytes of the text that it is about, if it is about some.
    pub span: Option<Range<usize>>,
    /// Line and column of the span's start, from 1.
    pub position: Option<(usize, usize)>,
}

impl TextError {
    fn new(text: &str, span: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let position = span.as_ref().map(|span| position(text, span.start));
        Self {
            message: message.into(),
            span,
            position,
        }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl core::error::Error for TextError {}

impl Scenario {
    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// [`TextError`] says where the text is not TOML, not of this format's version, uses an unknown key or value, or
    /// speaks of a host, server or identity that its world does not have.
    pub fn from_toml(text: &str) -> Result<Self, TextError> {
        parse::parse(text)
    }

    /// Writes the text form. What has its default value is left out.
    pub fn to_toml(&self) -> String {
        print::print(self)
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..char_boundary(text, offset)];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::super::*;

    const EXAMPLE: &str = r#"
bareflight = 1
title = "A preflight flies bare."

[server.api]
hosts = ["api.test"]
client-certificate = "request"
tls = ["1.2", "1.3"]
alpn = ["http/1.1"]
cors = { allow-methods = ["PUT"], max-age = 600 }
redirects = { "/old" = "https://api.test/new" }

[identity.alice]
for = ["api.test"]

[[step]]
fetch = "https://api.test/items"
method = "PUT"
headers = { content-type = "application/json" }
credentials = "include"
from = "https://app.test"
top = "https://app.test"
expect = { status = 200, preflight = "sent", preflight-client = "none", preflight-connection = "new", client = "alice", connection = "new", requests = 1, prompt = true }

[[step]]
event = "time"
seconds = 60

[[step]]
navigate = "https://api.test/old"
"#;

    #[test]
    fn the_example_reads_and_prints_back() {
        let scenario = Scenario::from_toml(EXAMPLE).unwrap();
        assert_eq!(scenario.servers.len(), 1);
        assert_eq!(scenario.steps.len(), 3);
        let printed = scenario.to_toml();
        assert_eq!(
            Scenario::from_toml(&printed).unwrap(),
            scenario,
            "{printed}"
        );
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        let table = [
            ("x = [", "line 1, column 6"),
            ("title = 'no version'", "bareflight = 1"),
            (
                "bareflight = 2\nnew-thing = 3",
                "line 1, column 14: this scenario is of format 2",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\nhots = 1",
                "line 4, column 1: unknown field `hots`",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[[step]]\nfetch = 'https://b.test/'",
                "line 5, column 9: no server of this world has the host `b.test`",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[[step]]\nnavigate = 'https://a.test/'\ntop = 'https://b.test'",
                "line 6, column 7: no page is above a navigation",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[[step]]\nfetch = 'http://a.test/'",
                "line 5, column 9: `http://a.test/` is not an https URL",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[[step]]\nmethod = 'PUT'",
                "a step is one of",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[[step]]\nevent = 'time'",
                "needs `seconds`",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[[step]]\nevent = 'reload'\nserver = 'a'",
                "line 5, column 9: the event `reload` needs one of",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[[step]]\nfetch = 'https://a.test/'\ntickets = true",
                "`tickets` belongs to an `event`",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[[step]]\nevent = 'restart'\nserver = 'b'",
                "line 6, column 10: there is no server `b`",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\n[server.b]\nhosts = ['a.test']",
                "both serve `a.test`",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['192.0.2.1', '192.0.2.2']",
                "line 3, column 9: a server has one address at most",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['192.0.2.1']\nhost-rules = { \"192.0.2.1\" = \"require\" }",
                "an address is not told in the handshake",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\nticket-lifetime = 0",
                "line 4, column 19: a ticket lives for at least one second",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\ncors = { allow-origin = \"é\" }",
                "`é` is neither",
            ),
            (
                "bareflight = 1\n[server.a]\nhosts = ['a.test']\ncors = { allow-methods = [\"PUT,\"] }",
                "`PUT,` is not the name of a method",
            ),
            (
                "bareflight = 1\nprofile = 'netscape'\n[server.a]\nhosts = ['a.test']",
                "line 2, column 11: there is no profile `netscape`",
            ),
        ];
        for (text, reason) in table {
            let error = Scenario::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}\n=> {error}");
        }
    }
}
