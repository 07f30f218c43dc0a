//! Which request goes next? One after another in HTTP/1.1, or in one flight (pipelining); side by side in HTTP/2.

use std::collections::{BTreeSet, VecDeque};
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use tokio::sync::mpsc::UnboundedReceiver;

use super::connection::Errand;
use super::report::Report;
use super::write_ahead::Ahead;
use crate::MAX_BODY;
use crate::error::{EndReason, StreamError};
use crate::ids::StreamId;
use crate::message::for_protocol;
use crate::plan::Protocol;

/// hyper's handle on an open connection.
pub(super) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>, Rc<Ahead>),
    H2(http2::SendRequest<Full<Bytes>>),
}

/// Sends what is asked for until told to close, or until the connection is over.
pub(super) async fn exchange_all(
    sender: Sender,
    queue: &mut UnboundedReceiver<Errand>,
    report: &Report,
) {
    let mut desk = Desk(Some(sender));
    let mut waiting = VecDeque::<Queued>::new();
    let mut unanswered = BTreeSet::new();
    let mut in_flight = FuturesUnordered::new();
    let mut closing = pin!(report.closing.notified());
    loop {
        while !waiting.is_empty()
            && let Some(sender) = desk.lend()
            && let Some(next) = waiting.pop_front()
        {
            if let Sender::Http1(_, ahead) = &sender {
                ahead.promise(&next.followed_by);
            }
            in_flight.push(exchange(sender, next, report));
        }
        let next = poll_fn(|cx| {
            if closing.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Next::Close);
            }
            if let Poll::Ready(errand) = queue.poll_recv(cx) {
                return Poll::Ready(errand.map_or(Next::Over, Next::Heard));
            }
            match in_flight.poll_next_unpin(cx) {
                Poll::Ready(Some((sender, stream, outcome))) => {
                    Poll::Ready(Next::Answered(sender, stream, outcome))
                }
                Poll::Ready(None) if report.is_over() => Poll::Ready(Next::Over),
                _ => Poll::Pending,
            }
        });
        match next.await {
            // After a GOAWAY what is in flight goes on, and nothing joins it.
            Next::Heard(errand) if report.is_over() => {
                errand.streams().for_each(|stream| report.unsent(stream));
            }
            Next::Heard(errand) => {
                unanswered.extend(errand.streams());
                waiting.extend(Queued::of(errand));
            }
            Next::Answered(sender, stream, outcome) => {
                unanswered.remove(&stream);
                desk.give_back(sender);
                report.answered(stream, outcome);
            }
            Next::Close => {
                report.end.set(EndReason::Local);
                break;
            }
            Next::Over => break,
        }
    }
    for Queued { stream, .. } in waiting {
        unanswered.remove(&stream);
        report.unsent(stream);
    }
    for stream in unanswered {
        report.failed(stream);
    }
}

/// Hands out the sender: HTTP/1.1's to one exchange at a time, HTTP/2's to any number.
struct Desk(Option<Sender>);

impl Desk {
    fn lend(&mut self) -> Option<Sender> {
        match &self.0 {
            Some(Sender::H2(sender)) => Some(Sender::H2(sender.clone())),
            _ => self.0.take(),
        }
    }

    fn give_back(&mut self, sender: Sender) {
        self.0.get_or_insert(sender);
    }
}

enum Next {
    Heard(Errand),
    Close,
    Answered(Sender, StreamId, Result<Response<Bytes>, StreamError>),
    Over,
}

/// A request that waits for its turn, which on HTTP/2 comes at once.
struct Queued {
    stream: StreamId,
    request: Request<Bytes>,
    /// Those that go right behind it in the same flight.
    followed_by: Vec<Request<Bytes>>,
    /// Whether it goes behind another in the same flight.
    follows: bool,
}

impl Queued {
    fn of(errand: Errand) -> impl Iterator<Item = Self> {
        let streams = errand.streams();
        let mut flight = vec![errand.request];
        flight.extend(errand.followed_by.iter().cloned());
        let mut followed_by = errand.followed_by;
        let queued = move |(stream, request): (StreamId, Request<Bytes>)| Self {
            stream,
            request,
            followed_by: core::mem::take(&mut followed_by),
            follows: stream != errand.stream,
        };
        streams.zip(flight).map(queued)
    }
}

async fn exchange(
    mut sender: Sender,
    next: Queued,
    report: &Report,
) -> (Sender, StreamId, Result<Response<Bytes>, StreamError>) {
    let Queued {
        stream, request, ..
    } = next;
    // What follows in a flight of HTTP/1.1 is on the wire before hyper hears of it: who does not answer may have seen it.
    let is_out = next.follows && matches!(sender, Sender::Http1(..));
    let seen = |error| match error {
        StreamError::Unprocessed(reason) if is_out => StreamError::Ended(reason),
        other => other,
    };
    let ready = match &mut sender {
        Sender::Http1(sender, _) => sender.ready().await,
        Sender::H2(sender) => sender.ready().await,
    };
    if let Err(error) = ready {
        let unsent = StreamError::Unprocessed(report.why(Some(error.to_string())));
        return (sender, stream, Err(seen(unsent)));
    }
    let sent = match &mut sender {
        Sender::Http1(sender, _) => {
            let request = for_protocol(request, Protocol::Http11);
            sender.send_request(request.map(Full::new)).await
        }
        Sender::H2(sender) => {
            let request = for_protocol(request, Protocol::H2);
            sender.send_request(request.map(Full::new)).await
        }
    };
    let outcome = match sent {
        Ok(response) => whole(response, report).await,
        Err(error) => Err(seen(why(&error, report))),
    };
    (sender, stream, outcome)
}

/// Why there is no response, and whether the server can have seen the request. h2 calls GOAWAY what was above its last
/// stream; hyper calls canceled what it never began to send.
pub(super) fn why(error: &hyper::Error, report: &Report) -> StreamError {
    let reason = report.why(Some(error.to_string()));
    let h2 = error
        .source()
        .and_then(|source| source.downcast_ref::<h2::Error>())
        .filter(|error| error.is_remote());
    match h2 {
        Some(h2) if h2.is_go_away() => StreamError::Unprocessed(reason),
        Some(h2) => match h2.reason() {
            Some(h2::Reason::HTTP_1_1_REQUIRED) => StreamError::Http11Required,
            Some(h2::Reason::REFUSED_STREAM) => StreamError::Unprocessed(reason),
            _ => StreamError::Ended(reason),
        },
        None if error.is_canceled() => StreamError::Unprocessed(reason),
        None => StreamError::Ended(reason),
    }
}

pub(super) async fn whole(
    response: Response<Incoming>,
    report: &Report,
) -> Result<Response<Bytes>, StreamError> {
    let (head, body) = response.into_parts();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(StreamError::BodyTooLarge),
        Err(error) => Err(StreamError::Ended(report.why(Some(error.to_string())))),
    }
}
