//! How does hyper's client pipeline, which sends a request when the last is answered (RFC 9112 section 9.3.2)?
//!
//! What follows in the same flight goes out right behind the first request, before hyper knows of it. When hyper comes to
//! write it, it is on the wire already; and its answer is let in from then on ([`OneByOne`]).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::Request;
use http::header::CONTENT_LENGTH;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::message::for_protocol;
use crate::pipelining::{Length, Message, OneByOne, Turns};
use crate::plan::Protocol;
use crate::wire::Transport;

/// The requests that are to go out behind the next one.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    turns: Rc<Turns>,
    requests: RefCell<VecDeque<BytesMut>>,
}

impl Ahead {
    /// These follow the request that is sent next, in the same flight; they must be sent after it, in this order. Where one has no
    /// end that is known, each goes when its turn comes.
    pub(super) fn promise(&self, followers: &[Request<Bytes>]) {
        let written: VecDeque<_> = followers.iter().map(written).collect();
        let ends = |bytes: &BytesMut| Message::Request.length(bytes) == Length::Bytes(bytes.len());
        if !written.is_empty() && written.iter().all(ends) {
            self.turns.begin();
            *self.requests.borrow_mut() = written;
        }
    }
}

/// A request as it stands on the wire.
fn written(request: &Request<Bytes>) -> BytesMut {
    let mut request = for_protocol(request.clone(), Protocol::Http11);
    let length = request.body().len();
    if length > 0 {
        request.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    let mut bytes = BytesMut::new();
    for part in [
        request.method().as_str(),
        " ",
        &request.uri().to_string(),
        " HTTP/1.1\r\n",
    ] {
        bytes.extend_from_slice(part.as_bytes());
    }
    for (name, value) in request.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(request.body());
    bytes
}

/// Between hyper's client and TLS.
pub(super) struct WriteAhead<S> {
    inner: OneByOne<S>,
    ahead: Rc<Ahead>,
    /// What hyper wrote that is not a whole request yet.
    begun: BytesMut,
    /// What is to go out.
    out: BytesMut,
    /// How many of the requests that hyper is to write next are out.
    is_out: usize,
}

impl<S: Transport> WriteAhead<S> {
    pub(super) fn new(inner: S) -> (Self, Rc<Ahead>) {
        let ahead = Rc::<Ahead>::default();
        let stream = Self {
            inner: OneByOne::new(inner, Rc::clone(&ahead.turns)),
            ahead: Rc::clone(&ahead),
            begun: BytesMut::new(),
            out: BytesMut::new(),
            is_out: 0,
        };
        (stream, ahead)
    }

    /// Takes what hyper wrote, request by request.
    fn sort(&mut self) {
        let turns = &self.ahead.turns;
        while !self.begun.is_empty() {
            let length = match Message::Request.length(&self.begun) {
                Length::Bytes(length) if length <= self.begun.len() => length,
                Length::Bytes(_) | Length::Untold => break,
                Length::Unbounded => self.begun.len(),
            };
            let request = self.begun.split_to(length);
            match self.is_out.checked_sub(1) {
                Some(left) => self.is_out = left,
                None => {
                    let followers = self.ahead.requests.take();
                    self.is_out = followers.len();
                    for request in [request].into_iter().chain(followers) {
                        turns.expect(Message::answer_to(&request));
                        self.out.extend_from_slice(&request);
                    }
                }
            }
            turns.give();
        }
    }
}

impl<S: Transport> AsyncRead for WriteAhead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: Transport> AsyncWrite for WriteAhead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.ahead.turns.in_use() {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        }
        self.begun.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.sort();
        while !this.out.is_empty() {
            let out = ready!(Pin::new(&mut this.inner).poll_write(cx, &this.out))?;
            this.out.advance(out);
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
