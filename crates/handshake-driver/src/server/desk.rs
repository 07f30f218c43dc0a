//! What is answered to a request? Its head is observed, its body read, and the caller's responder asked.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::sync::mpsc::UnboundedSender;

use super::Reply;
use super::connection::{Attendant, Ending};
use crate::MAX_BODY;
use crate::ids::StreamId;
use crate::message::authority;
use crate::observation::{Observation, RequestHead};
use crate::plan::Protocol;

/// Where the requests of one connection are answered.
pub(super) struct Desk {
    attendant: Attendant,
    arrived: Cell<u64>,
    alpn: Option<Protocol>,
    closing: UnboundedSender<Ending>,
}

impl Desk {
    pub(super) fn new(
        attendant: Attendant,
        alpn: Option<Protocol>,
        closing: UnboundedSender<Ending>,
    ) -> Self {
        Self {
            attendant,
            arrived: Cell::new(0),
            alpn,
            closing,
        }
    }

    pub(super) async fn answer(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        self.arrive(&request);
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(response);
        };
        let request = Request::from_parts(head, body.to_bytes());
        match (self.attendant.responder)(self.attendant.connection, &request) {
            Reply::Answer(response) => Ok(response.map(Full::new)),
            Reply::AnswerAndClose(response) => Ok(self.last(response).map(Full::new)),
            Reply::Never => pending().await,
        }
    }

    fn arrive(&self, request: &Request<Incoming>) {
        let stream = StreamId(self.arrived.replace(self.arrived.get() + 1));
        let target = request
            .uri()
            .path_and_query()
            .map_or_else(|| request.uri().path().to_owned(), ToString::to_string);
        self.attendant.observe(Observation::Request(RequestHead {
            connection: self.attendant.connection,
            stream,
            method: request.method().clone(),
            authority: authority(request).map(|a| a.to_string()),
            target,
            headers: request.headers().clone(),
        }));
    }

    fn last(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        if self.alpn == Some(Protocol::H2) {
            // The receiver lives as long as the connection; if that is gone, so is what was to be closed.
            let _ = self.closing.send(Ending::AfterAnswer);
        } else {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
