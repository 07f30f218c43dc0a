//! How does a server of the scenario stand on this machine? On a free port, under names that lead here, with answers whose
//! URLs and origins lead here too.

use bareflight_handshake_driver::{ConnectionId, Reply};
use bareflight_harness::scenario::Server;
use bareflight_harness::tier::respond;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use tokio::net::TcpListener;

use crate::attribute::Token;
use crate::error::WorldError;
use crate::names::{Listening, Names};
use crate::page::Desk;
use crate::place::Place;

/// What a browser says that it wants for an `<img>` and for a navigation at the top (Fetch metadata).
const DOCUMENT: HeaderValue = HeaderValue::from_static("document");
const IMAGE: HeaderValue = HeaderValue::from_static("image");
const GIF: HeaderValue = HeaderValue::from_static("image/gif");

/// A transparent pixel: an image that is none is an error to the page.
const PIXEL: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// A listener for one port of a server, in a place.
pub(crate) async fn listen(
    place: &Place,
    server: usize,
    port: u16,
) -> Result<(TcpListener, Listening), WorldError> {
    let failed = || WorldError::io(format!("no port of {} could be had", place.listen()));
    let listener = TcpListener::bind((place.listen(), 0))
        .await
        .map_err(failed())?;
    let here = listener.local_addr().map_err(failed())?.port();
    Ok((listener, Listening { server, port, here }))
}

/// A server of the scenario under the names that it has in a place.
pub(crate) fn here(place: &Place, server: &Server) -> Server {
    let mut plan = server.clone();
    for name in &mut plan.hosts {
        *name = place.host(name).into();
    }
    for rule in &mut plan.host_rules {
        rule.host = place.host(&rule.host).into();
    }
    plan
}

/// Answers as the scenario's server does, its URLs and origins being those of this machine. A navigation that succeeds comes back
/// without content, so that the page it was begun on stays and takes the next step; its desk is told.
pub(crate) fn responder(
    server: Server,
    names: Names,
    desk: Option<Desk>,
) -> impl Fn(ConnectionId, &Request<Bytes>) -> Reply + 'static {
    move |_, request| {
        let target = request.uri().path_and_query().map_or("/", |it| it.as_str());
        let (target, token) = Token::detach(target);
        let mut asked = request.clone();
        if let Ok(uri) = target.parse() {
            *asked.uri_mut() = uri;
        }
        let mut answer: Response<Bytes> = respond(&server, &asked);
        for name in [header::LOCATION, header::ACCESS_CONTROL_ALLOW_ORIGIN] {
            let value = answer.headers().get(&name).and_then(|it| it.to_str().ok());
            let Some(mut value) = value.map(|it| names.translated(it)) else {
                continue;
            };
            if let (true, Some(token)) = (name == header::LOCATION, token) {
                let hop = token.hop.saturating_add(1);
                value = Token { hop, ..token }.attach(&value);
            }
            if let Ok(value) = HeaderValue::try_from(value) {
                answer.headers_mut().insert(name, value);
            }
        }
        let wanted = request.headers().get("sec-fetch-dest");
        let wanted = wanted.filter(|_| answer.status().is_success());
        if wanted == Some(&IMAGE) {
            answer.headers_mut().insert(header::CONTENT_TYPE, GIF);
            *answer.body_mut() = Bytes::from_static(PIXEL);
        }
        if let (true, Some(desk)) = (wanted == Some(&DOCUMENT), &desk) {
            desk.arrived(answer.status());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            *answer.body_mut() = Bytes::new();
        }
        // What a cache answers, no server sees.
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.into()
    }
}
