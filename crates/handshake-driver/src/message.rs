//! How is a request addressed? Origin-form and Host in HTTP/1.1 (RFC 9112 section 3.2.1), `:authority` in HTTP/2.

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri};

use crate::plan::Protocol;

/// Rewrites a request so that hyper sends it as this protocol wants it, whether its target is a whole URL or a path with
/// a Host field.
pub(crate) fn for_protocol(mut request: Request<Bytes>, protocol: Protocol) -> Request<Bytes> {
    let authority = authority(&request);
    let target = request
        .uri()
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    let Some(authority) = authority else {
        return request;
    };
    match protocol {
        Protocol::Http11 => {
            if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
                request.headers_mut().entry(HOST).or_insert(host);
            }
            *request.uri_mut() = Uri::from(target);
        }
        Protocol::H2 => {
            request.headers_mut().remove(HOST);
            let whole = Uri::builder()
                .scheme(Scheme::HTTPS)
                .authority(authority)
                .path_and_query(target)
                .build();
            if let Ok(whole) = whole {
                *request.uri_mut() = whole;
            }
        }
    }
    request
}

/// Host, or else the authority in the target.
fn authority<B>(request: &Request<B>) -> Option<Authority> {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| Authority::try_from(host.as_bytes()).ok());
    host.or_else(|| request.uri().authority().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(url: &str, host: Option<&str>, protocol: Protocol) -> (String, Option<String>) {
        let mut request = Request::builder().uri(url);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let request = for_protocol(request.body(Bytes::new()).unwrap(), protocol);
        let host = request
            .headers()
            .get(HOST)
            .map(|h| h.to_str().unwrap().to_owned());
        (request.uri().to_string(), host)
    }

    #[test]
    fn addresses() {
        let host = Some("api.test:8443");
        for (url, given, protocol, target, host) in [
            (
                "https://api.test:8443/a?b",
                None,
                Protocol::Http11,
                "/a?b",
                host,
            ),
            (
                "https://api.test:8443/a?b",
                None,
                Protocol::H2,
                "https://api.test:8443/a?b",
                None,
            ),
            ("/a?b", host, Protocol::Http11, "/a?b", host),
            (
                "/a?b",
                host,
                Protocol::H2,
                "https://api.test:8443/a?b",
                None,
            ),
            // A Host that differs from the target's is the caller's doing, and is sent.
            ("https://other.test/", host, Protocol::Http11, "/", host),
            ("/nobody", None, Protocol::Http11, "/nobody", None),
        ] {
            assert_eq!(
                sent(url, given, protocol),
                (target.to_owned(), host.map(str::to_owned)),
                "{url} {protocol:?}"
            );
        }
    }
}
