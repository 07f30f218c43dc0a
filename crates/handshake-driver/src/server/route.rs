//! Does this request belong on this connection?
//!
//! Which policy a connection is under was settled by the name in its ClientHello; which host a request is for is said by
//! Host or `:authority`, and the two need not agree (RFC 9110 section 7.4). Where the policies of the two differ, a client
//! that was let in as somebody, or as nobody, for one host would be served as such by another.

use crate::plan::ClientAuth;
use http::header::HOST;
use http::uri::Authority;
use http::{Request, StatusCode};

/// What a server knows of a ClientHello before it chooses a policy.
#[derive(Clone, Copy, Debug)]
pub struct Hello<'a> {
    /// The name in it (RFC 6066 section 3), in lower case. A name that is no DNS name never gets here: rustls answers it
    /// with the alert `illegal_parameter`; an address counts as no name.
    pub server_name: Option<&'a str>,
    /// Whether it came in more than one record, which is where readers that look only at the first lose the name
    /// (CVE-2026-32305).
    pub fragmented: bool,
}

/// A request beside the connection that it came on. Plain facts: a model of a server can tell them too.
pub struct Route<'a> {
    /// The name in the connection's ClientHello.
    pub server_name: Option<&'a str>,
    /// The host in the request's Host or `:authority`, without port.
    pub host: Option<&'a str>,
    /// The policy that the connection's handshake was under.
    pub in_force: ClientAuth,
    /// The policy of the request's host.
    pub wanted: ClientAuth,
    /// Whether the two are one host's.
    pub one_policy: bool,
    /// Whether the two take certificates of the same authorities.
    pub one_authority: bool,
    /// Whether the certificate of whom this connection authenticates would pass under the policy of the request's host, told
    /// when it is asked; `None` if the connection is bare.
    pub passes: Option<&'a dyn Fn() -> bool>,
}

impl Route<'_> {
    /// Whether both names are the same, in any case.
    #[must_use]
    pub fn same_name(&self) -> bool {
        match (self.server_name, self.host) {
            (Some(a), Some(b)) => rooted(a).eq_ignore_ascii_case(rooted(b)),
            _ => false,
        }
    }

    /// Whether this connection could have come about under the policy of the request's host.
    #[must_use]
    pub fn meets_wanted(&self) -> bool {
        match (self.wanted, self.passes) {
            (ClientAuth::None, _) => true,
            // Who is to be asked late is asked on a connection of that host.
            (ClientAuth::Require | ClientAuth::Renegotiate | ClientAuth::PostHandshake, None) => {
                false
            }
            // It was asked for the same, and declined.
            (ClientAuth::Request, None) => {
                self.in_force == ClientAuth::Request && self.one_authority
            }
            (_, Some(passes)) => passes(),
        }
    }
}

/// How a server finds the policy of a connection and of a request.
///
/// The default methods are right; a known fault overrides one of them.
pub trait Routes: Send + Sync {
    /// The name that the client asked for (CVE-2026-32305: where it could not be read, the server's own policy applied).
    fn name_asked<'a>(&self, hello: &Hello<'a>) -> Option<&'a str> {
        hello.server_name
    }

    /// Whether a host's name in the plan stands for this name: in any case, and a leading `*` for one label (CVE-2026-48491,
    /// CVE-2026-53622: case, or wildcards, were forgotten).
    fn covers(&self, pattern: &str, name: &str) -> bool {
        let name = rooted(name);
        match pattern.strip_prefix("*.") {
            None => pattern.eq_ignore_ascii_case(name),
            Some(parent) => name.split_once('.').is_some_and(|(label, rest)| {
                !label.is_empty() && rest.eq_ignore_ascii_case(parent)
            }),
        }
    }

    /// Which of several hosts that list one name has its policy, by its place: the strictest (CVE-2026-85597: the weakest
    /// had).
    fn settle(&self, claimants: &[ClientAuth]) -> usize {
        let strictness = |at: &usize| claimants[*at].strictness();
        // The first of those that insist equally.
        (0..claimants.len())
            .rev()
            .max_by_key(strictness)
            .unwrap_or(0)
    }

    /// The request is for the host that the handshake was for, or for one with the same policy, or for one whose policy this
    /// connection meets. If not, the answer is 421 (RFC 9110 section 15.5.20, RFC 9113 section 9.1.2; CVE-2018-21246,
    /// CVE-2025-66614: it was served).
    fn belongs(&self, route: &Route<'_>) -> bool {
        route.same_name() || route.one_policy || route.meets_wanted()
    }
}

/// The right answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checks;

impl Routes for Checks {}

/// A name without the dot of the root.
fn rooted(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Whom a request is for, if it says: the target's authority (`:authority`, or an absolute form), or Host.
///
/// # Errors
/// 400 when there are two that differ, or one that cannot be read or names a user (RFC 9112 section 3.2, RFC 9113 section
/// 8.3.1): a front and a back that read such a request differently are how a policy is slipped past.
pub(super) fn authority<B>(request: &Request<B>) -> Result<Option<Authority>, StatusCode> {
    let mut found = request.uri().authority().cloned();
    for host in request.headers().get_all(HOST) {
        let host = Authority::try_from(host.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
        match &found {
            Some(other) if *other != host => return Err(StatusCode::BAD_REQUEST),
            _ => found = Some(host),
        }
    }
    match &found {
        Some(with_userinfo) if with_userinfo.as_str().contains('@') => Err(StatusCode::BAD_REQUEST),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_one_label() {
        for (pattern, name, covers) in [
            ("*.example.test", "a.example.test", true),
            ("*.Example.test", "A.eXample.tesT.", true),
            ("*.example.test", "a.b.example.test", false),
            ("*.example.test", "example.test", false),
            ("*.example.test", ".example.test", false),
            ("example.test", "EXAMPLE.test", true),
            ("example.test", "a.example.test", false),
        ] {
            assert_eq!(Checks.covers(pattern, name), covers, "{pattern} {name}");
        }
    }

    #[test]
    fn authorities() {
        let request = |uri: &str, hosts: &[&str]| {
            let request = Request::get(uri);
            let add = |request: http::request::Builder, host: &&str| request.header(HOST, *host);
            hosts.iter().fold(request, add).body(()).unwrap()
        };
        let bad = Err(StatusCode::BAD_REQUEST);
        for (uri, hosts, expected) in [
            ("/", &["a.test"][..], Ok(Some("a.test"))),
            ("/", &["a.test:8443"], Ok(Some("a.test:8443"))),
            ("/", &[], Ok(None)),
            ("https://a.test/", &[], Ok(Some("a.test"))),
            ("https://a.test/", &["A.test"], Ok(Some("A.test"))),
            ("https://a.test/", &["b.test"], bad),
            ("/", &["a.test", "b.test"], bad),
            ("/", &["a test"], bad),
            ("/", &[""], bad),
            ("/", &["b.test@a.test"], bad),
            ("https://b.test@a.test/", &[], bad),
        ] {
            let found = authority(&request(uri, hosts));
            let found = found.as_ref().map(|a| a.as_ref().map(Authority::as_str));
            assert_eq!(found, expected.as_ref().map(|a| *a), "{uri} {hosts:?}");
        }
    }
}
