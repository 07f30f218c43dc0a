//! The targets that go to the handshake driver itself: below scenarios, where a server may do anything.

mod handshake;
mod http;
mod resumption;
mod wire;

pub use self::http::http;
pub use handshake::handshake;
pub use resumption::resumption;
pub use wire::wire;

use std::sync::Arc;

use ::http::{Request, Response};
use bareflight_handshake_driver::{ConnectionId, Driver, Pki, Reply};
use bytes::Bytes;

const HOST: &str = "api.test";
const OTHER_HOST: &str = "img.api.test";

thread_local! {
    /// Certificates are made once: what is fuzzed is what is done with them.
    static PKI: Arc<Pki> = Arc::default();
}

fn driver() -> Driver {
    Driver::new(PKI.with(Arc::clone))
}

/// Answers with what was asked: method, path and body.
fn echo(_: ConnectionId, request: &Request<Bytes>) -> Reply {
    Response::new(told(request)).into()
}

/// A request in bytes, for comparison.
fn told(request: &Request<Bytes>) -> Bytes {
    let head = format!("{} {}\n", request.method(), request.uri().path());
    Bytes::from([head.as_bytes(), request.body()].concat())
}

fn get(path: &str) -> Request<Bytes> {
    Request::get(format!("https://{HOST}{path}"))
        .body(Bytes::new())
        .expect("the parts of a request are its own")
}
