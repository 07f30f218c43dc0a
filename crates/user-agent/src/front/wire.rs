//! How do the policy's requests and headers look to `http`?

use bareflight_policy::{Body, HeaderList, Request, origin_header};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use http_body_util::Full;
use url::Position;

use super::FetchError;
use crate::Send;

/// Whether `http` can send all of these.
pub(super) fn sendable(request: &Request) -> Result<(), FetchError> {
    if !request.current_url().is_http() {
        let url = request.current_url().as_str().to_owned();
        return Err(FetchError::Scheme { url });
    }
    for (name, value) in &request.headers {
        if HeaderValue::from_bytes(value.as_bytes()).is_err() {
            let name = name.as_str().to_owned();
            return Err(FetchError::Header { name });
        }
    }
    Ok(())
}

/// A request in HTTP/1.1's origin form (RFC 9112 section 3.2.1), with the headers that the network layer adds.
pub(super) fn request(send: &Send, body: &Bytes) -> http::Request<Full<Bytes>> {
    let of = &send.request;
    let url = of.current_url().as_url();
    let body = match of.body {
        Body::None => Bytes::new(),
        Body::Bytes | Body::Stream => body.clone(),
    };
    let mut request = http::Request::new(Full::new(body));
    *request.method_mut() =
        http::Method::from_bytes(of.method.as_str().as_bytes()).unwrap_or_default();
    *request.uri_mut() =
        Uri::try_from(&url[Position::BeforePath..Position::AfterQuery]).unwrap_or_default();
    let headers = request.headers_mut();
    add(
        headers,
        header::HOST,
        url[Position::BeforeHost..Position::AfterPort].as_bytes(),
    );
    if let Some(origin) = origin_header(of) {
        add(headers, header::ORIGIN, origin.as_str().as_bytes());
    }
    for (name, value) in &of.headers {
        if let Ok(name) = HeaderName::from_bytes(name.as_str().as_bytes()) {
            add(headers, name, value.as_bytes());
        }
    }
    if !send.carried.authorization {
        headers.remove(header::AUTHORIZATION);
    }
    request
}

/// An answer's headers; what the policy cannot hold is left out.
pub(super) fn headers(map: &HeaderMap) -> HeaderList {
    map.iter()
        .filter_map(|(name, value)| {
            Some((
                bareflight_policy::HeaderName::parse(name.as_str()).ok()?,
                bareflight_policy::HeaderValue::parse(name.as_str(), value.as_bytes()).ok()?,
            ))
        })
        .collect()
}

/// Whether an answer is the last one on its connection (RFC 9112 section 9.3).
pub(super) fn closes(head: &http::response::Parts) -> bool {
    let options = head.headers.get_all(header::CONNECTION);
    let says = |option: &str| {
        let mut said = options
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','));
        said.any(|said| said.trim().eq_ignore_ascii_case(option))
    };
    says("close") || (head.version < http::Version::HTTP_11 && !says("keep-alive"))
}

/// [`sendable`] looked at the caller's headers before, and the policy's own are ASCII.
fn add(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Version;

    #[test]
    fn the_last_answer_on_a_connection_says_so() {
        for (version, options, last) in [
            (Version::HTTP_11, &[][..], false),
            (Version::HTTP_11, &["keep-alive"], false),
            (Version::HTTP_11, &["Close"], true),
            (Version::HTTP_11, &["upgrade", "x, close"], true),
            (Version::HTTP_11, &["closed"], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_10, &["Keep-Alive"], false),
            (Version::HTTP_10, &["keep-alive, close"], true),
        ] {
            let mut answer = http::Response::builder().version(version);
            for option in options {
                answer = answer.header("connection", *option);
            }
            let (head, ()) = answer.body(()).expect("it is one").into_parts();
            assert_eq!(closes(&head), last, "{version:?} {options:?}");
        }
    }
}
