//! What does a site's `Clear-Site-Data` take away?
//!
//! <https://w3c.github.io/webappsec-clear-site-data/>

use crate::header::{HeaderList, HeaderName, HeaderValue, split_on_commas};
use crate::origin::{Origin, Site};

/// What a response's `Clear-Site-Data` says that concerns credentials.
///
/// `"cookies"` clears cookies and authentication entries of the origin's registrable domain. The standard says nothing of
/// connections, TLS sessions and the choice of a client certificate, through which the same user would be known again: this
/// project retires them as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearedCredentials(Site);

impl ClearedCredentials {
    /// Whether this origin's cookies, authentication entries, connections, sessions and certificate choice go: those of the same
    /// registrable domain, whatever the scheme.
    #[must_use]
    pub fn covers(&self, origin: &Origin) -> bool {
        let site = origin.site();
        self.0 == site || (site.host().is_some() && self.0.host() == site.host())
    }
}

/// Reads `Clear-Site-Data` of a response from an origin; `None` if it does not concern credentials, or if the origin is neither
/// HTTPS nor loopback (the header counts on potentially trustworthy URLs only).
#[must_use]
pub fn cleared_credentials(origin: &Origin, headers: &HeaderList) -> Option<ClearedCredentials> {
    let clears = headers
        .values(HeaderName::CLEAR_SITE_DATA)
        .map(HeaderValue::as_bytes)
        .flat_map(split_on_commas)
        .any(|kind| matches!(kind, br#""cookies""# | br#""*""#));
    (clears && is_potentially_trustworthy(origin)).then(|| ClearedCredentials(origin.site()))
}

/// [Is the origin potentially trustworthy?](https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy)
fn is_potentially_trustworthy(origin: &Origin) -> bool {
    origin.scheme() == Some("https")
        || match origin.host() {
            Some(url::Host::Domain(domain)) => {
                let domain = domain.strip_suffix('.').unwrap_or(domain);
                domain == "localhost" || domain.ends_with(".localhost")
            }
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::cleared_credentials;
    use crate::testing::{headers, origin};

    #[test]
    fn cookies_and_the_wildcard_clear_credentials() {
        let rows: [(&[&str], bool); 11] = [
            (&["\"cookies\""], true),
            (&["\"*\""], true),
            (&["\"cache\", \"cookies\""], true),
            (&["\"cache\"", "\"cookies\""], true),
            (&["\"cache\", \"storage\""], false),
            (&["\"Cookies\""], false),
            (&["cookies"], false),
            (&["*"], false),
            (&["\"cookies"], false),
            (&[""], false),
            (&[], false),
        ];
        for (values, expected) in rows {
            let list: Vec<_> = values
                .iter()
                .map(|value| ("clear-site-data", *value))
                .collect();
            let cleared = cleared_credentials(&origin("https://app.test"), &headers(&list));
            assert_eq!(cleared.is_some(), expected, "{values:?}");
        }
    }

    #[test]
    fn only_trustworthy_origins_are_heard() {
        for (from, expected) in [
            ("https://app.test", true),
            ("http://app.test", false),
            ("http://localhost:8080", true),
            ("http://a.localhost", true),
            ("http://localhost.", true),
            ("http://notlocalhost", false),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9", true),
            ("http://128.0.0.1", false),
            ("http://[::1]", true),
            ("http://[::2]", false),
            ("null", false),
        ] {
            let cleared =
                cleared_credentials(&origin(from), &headers(&[("clear-site-data", "\"*\"")]));
            assert_eq!(cleared.is_some(), expected, "{from}");
        }
    }

    #[test]
    fn the_whole_registrable_domain_is_cleared() {
        let from = origin("https://login.app.test");
        let cleared = cleared_credentials(&from, &headers(&[("clear-site-data", "\"cookies\"")]))
            .expect("cleared");
        for (other, expected) in [
            ("https://app.test", true),
            ("https://api.app.test:8443", true),
            ("http://app.test", true),
            ("https://other.test", false),
            ("null", false),
        ] {
            assert_eq!(cleared.covers(&origin(other)), expected, "{other}");
        }
    }
}
