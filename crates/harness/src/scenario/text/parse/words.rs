//! The words of which everything else is made: URLs, hosts, origins, methods, headers, names and numbers.

use core::ops::Range;

use bareflight_policy::{HeaderName, HeaderValue, Method, is_forbidden_request_header};
use indexmap::IndexMap;
use toml::Spanned;
use url::Url;

use super::Reader;
use super::tables::Text;
use crate::scenario::fixup::{is_host, is_origin, is_plain};
use crate::scenario::text::TextError;
use crate::scenario::{Limits, Name, Scenario, Target};

impl Reader<'_> {
    pub(super) fn target(
        &self,
        scenario: &Scenario,
        written: &str,
        at: Range<usize>,
        scheme: &str,
    ) -> Result<Target, TextError> {
        self.at_most(
            written.len(),
            Limits::NAME,
            "bytes of URL",
            Some(at.clone()),
        )?;
        let url = Url::parse(written).map_err(|error| {
            self.error(
                Some(at.clone()),
                format!("`{written}` is not a URL: {error}"),
            )
        })?;
        let plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let (true, true, Some(host), Some(port)) = (
            url.scheme() == scheme,
            plain,
            url.host_str(),
            url.port_or_known_default(),
        ) else {
            return Err(self.error(
                Some(at),
                format!("`{written}` is not an {scheme} URL without userinfo and fragment"),
            ));
        };
        if scenario.server_of(host, port).is_none() {
            let port = if port == 443 {
                String::new()
            } else {
                format!(" on port {port}")
            };
            return Err(self.error(
                Some(at),
                format!("no server of this world has the host `{host}`{port}: add it to the `hosts` of one"),
            ));
        }
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        Ok(Target {
            host: Name::from(host),
            port,
            path: Name::from(path),
        })
    }

    pub(super) fn host(&self, text: &Text) -> Result<Name, TextError> {
        let written = text.get_ref();
        if !is_host(written) {
            return Err(self.error(
                Some(text.span()),
                format!("`{written}` is neither a lowercase DNS name nor an IPv4 address"),
            ));
        }
        Ok(Name::from(written.as_str()))
    }

    pub(super) fn origin(&self, text: &Text) -> Result<Name, TextError> {
        let written = text.get_ref();
        if !is_origin(written) {
            return Err(self.error(
                Some(text.span()),
                format!("`{written}` is not an origin such as https://app.test"),
            ));
        }
        Ok(Name::from(written.as_str()))
    }

    pub(super) fn method(&self, text: &Text) -> Result<Name, TextError> {
        let method = self.name(text)?;
        if Method::normalize(&method).map_or(true, |method| method.is_forbidden()) {
            return Err(self.error(
                Some(text.span()),
                format!("`{method}` is not a method that a page may use"),
            ));
        }
        Ok(method)
    }

    pub(super) fn headers(
        &self,
        headers: Spanned<IndexMap<String, String>>,
    ) -> Result<Vec<(Name, Name)>, TextError> {
        let at = headers.span();
        self.at_most(
            headers.get_ref().len(),
            Limits::HEADERS,
            "headers",
            Some(at.clone()),
        )?;
        let mut pairs = Vec::new();
        for (name, value) in headers.into_inner() {
            if !may_set(&name, &value) {
                return Err(self.error(
                    Some(at),
                    format!("`{name}: {value}` is not a header that a page may set"),
                ));
            }
            pairs.push((Name::from(name), Name::from(value)));
        }
        Ok(pairs)
    }

    pub(super) fn server_index(&self, scenario: &Scenario, name: &Text) -> Result<u8, TextError> {
        let names = scenario.servers.iter().map(|server| &server.name);
        self.index(names, name, "server")
    }

    /// The proxy of this name, for a request to somebody else.
    pub(super) fn proxy_index(
        &self,
        scenario: &Scenario,
        name: &Text,
        host: &str,
    ) -> Result<u8, TextError> {
        let index = self.server_index(scenario, name)?;
        let server = &scenario.servers[usize::from(index)];
        if server.proxy && server.hosts.iter().any(|it| it == host) {
            return Err(self.error(Some(name.span()), "nobody reaches a proxy through itself"));
        }
        if server.proxy {
            return Ok(index);
        }
        Err(self.error(
            Some(name.span()),
            format!(
                "the server `{0}` is no proxy: say `proxy = true` in `[server.{0}]`",
                name.get_ref()
            ),
        ))
    }

    pub(super) fn identity_index(&self, scenario: &Scenario, name: &Text) -> Result<u8, TextError> {
        let names = scenario.identities.iter().map(|identity| &identity.name);
        self.index(names, name, "identity")
    }

    pub(super) fn index<'n>(
        &self,
        mut names: impl Iterator<Item = &'n Name>,
        name: &Text,
        what: &str,
    ) -> Result<u8, TextError> {
        names
            .position(|known| known == name.get_ref())
            .and_then(|index| u8::try_from(index).ok())
            .ok_or_else(|| {
                self.error(
                    Some(name.span()),
                    format!("there is no {what} `{}`", name.get_ref()),
                )
            })
    }

    pub(super) fn name(&self, name: &Text) -> Result<Name, TextError> {
        self.at_most(
            name.get_ref().len(),
            Limits::NAME,
            "bytes",
            Some(name.span()),
        )?;
        Ok(Name::from(name.get_ref().as_str()))
    }

    pub(super) fn plain_name(&self, name: &Text) -> Result<Name, TextError> {
        if !is_plain(name.get_ref()) {
            return Err(self.error(
                Some(name.span()),
                format!(
                    "`{}` is not a name of at most 64 letters, digits, - and _",
                    name.get_ref()
                ),
            ));
        }
        self.name(name)
    }

    pub(super) fn ticket_lifetime(&self, seconds: &Spanned<u32>) -> Result<u32, TextError> {
        if *seconds.get_ref() == 0 {
            return Err(self.error(
                Some(seconds.span()),
                "a ticket lives for at least one second; `tickets = false` means none",
            ));
        }
        self.seconds(seconds, Limits::TICKET_LIFETIME)
    }

    pub(super) fn seconds(&self, seconds: &Spanned<u32>, most: u32) -> Result<u32, TextError> {
        if *seconds.get_ref() > most {
            return Err(self.error(Some(seconds.span()), format!("at most {most} seconds")));
        }
        Ok(*seconds.get_ref())
    }

    pub(super) fn at_most(
        &self,
        given: usize,
        most: usize,
        what: &str,
        at: Option<Range<usize>>,
    ) -> Result<(), TextError> {
        if given > most {
            return Err(self.error(at, format!("{given} {what}; at most {most} are read")));
        }
        Ok(())
    }

    pub(super) fn error(
        &self,
        span: Option<Range<usize>>,
        message: impl Into<String>,
    ) -> TextError {
        TextError::new(self.text, span, message)
    }

    pub(super) fn toml(&self, error: &toml::de::Error) -> TextError {
        self.error(error.span(), error.message().trim_end())
    }
}

/// Whether `bytes` is a token (RFC 9110 section 5.6.2).
pub(in crate::scenario) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// Whether a page may set this header.
pub(in crate::scenario) fn may_set(name: &str, value: &str) -> bool {
    let (Ok(parsed), Ok(bytes)) = (
        HeaderName::parse(name),
        HeaderValue::parse(name, value.as_bytes()),
    ) else {
        return false;
    };
    is_value(value.as_bytes())
        && name.len() + value.len() <= Limits::NAME
        && !is_forbidden_request_header(&parsed, &bytes)
}

/// Whether `bytes` is a header value that both HTTP/1.1 and HTTP/2 carry unchanged.
pub(in crate::scenario) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| (0x20..0x7f).contains(b)) && bytes.trim_ascii().len() == bytes.len()
}
