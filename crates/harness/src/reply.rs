//! What a server of a scenario answers: a pure function, the same on every tier.

use bareflight_policy::{HeaderList, HeaderName, HeaderValue, Request, serialize_request_origin};

use crate::scenario::{AllowList, AllowOrigin, Name, Server};

/// An answer without its body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderList,
}

/// What `server` answers to `request`, of which it sees method, path and headers.
pub fn reply(server: &Server, path: &str, request: &Request) -> Reply {
    let mut headers = HeaderList::new();
    let origin = serialize_request_origin(request);
    let cross_origin = sends_origin(request);
    if cross_origin {
        allow_origin(server, origin.as_str(), &mut headers);
    }
    if is_preflight(request) {
        return preflight(server, request, headers);
    }
    if let Some(redirect) = server.redirects.iter().find(|redirect| redirect.path == path) {
        append(&mut headers, HeaderName::LOCATION, redirect.to.to_url().as_bytes());
        return Reply {
            status: redirect.status,
            headers,
        };
    }
    Reply { status: 200, headers }
}

/// Whether a request is a CORS preflight, as a server sees it.
pub fn is_preflight(request: &Request) -> bool {
    request.method.as_str() == "OPTIONS" && request.headers.contains(&HeaderName::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Whether a request carries `Origin`: those with tainting *cors*, and all whose method is not GET or HEAD
/// (<https://fetch.spec.whatwg.org/#append-a-request-origin-header>).
pub fn sends_origin(request: &Request) -> bool {
    bareflight_policy::origin_header(request).is_some()
}

fn preflight(server: &Server, request: &Request, mut headers: HeaderList) -> Reply {
    let cors = &server.cors;
    let asked = |name: &HeaderName| request.headers.get(name).map(|value| value.into_owned());
    let methods = asked(&HeaderName::ACCESS_CONTROL_REQUEST_METHOD);
    let names = asked(&HeaderName::ACCESS_CONTROL_REQUEST_HEADERS);
    allow(&mut headers, HeaderName::ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods, methods);
    allow(&mut headers, HeaderName::ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers, names);
    if let Some(seconds) = cors.max_age {
        append(&mut headers, HeaderName::ACCESS_CONTROL_MAX_AGE, seconds.to_string().as_bytes());
    }
    if (300..=399).contains(&cors.preflight_status) {
        append(&mut headers, HeaderName::LOCATION, b"/moved");
    }
    Reply {
        status: cors.preflight_status,
        headers,
    }
}

fn allow_origin(server: &Server, origin: &str, headers: &mut HeaderList) {
    let allowed = match &server.cors.allow_origin {
        AllowOrigin::Absent => return,
        AllowOrigin::Reflect => origin,
        AllowOrigin::Exactly(value) => value,
    };
    append(headers, HeaderName::ACCESS_CONTROL_ALLOW_ORIGIN, allowed.as_bytes());
    if server.cors.allow_credentials {
        append(headers, HeaderName::ACCESS_CONTROL_ALLOW_CREDENTIALS, b"true");
    }
}

fn allow(headers: &mut HeaderList, name: HeaderName, list: &AllowList, asked: Option<Vec<u8>>) {
    match (list, asked) {
        (AllowList::Reflect, Some(asked)) => append(headers, name, &asked),
        (AllowList::Exactly(list), _) if !list.is_empty() => append(headers, name, join(list).as_bytes()),
        _ => {}
    }
}

fn join(list: &[Name]) -> String {
    list.join(", ")
}

fn append(headers: &mut HeaderList, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::parse(name.as_str(), value) {
        headers.append(name, value);
    }
}
