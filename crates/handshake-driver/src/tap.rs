//! What crossed the network? Every byte of every transport, as its client's end saw it, for who wants a capture.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;
use crate::ids::ConnectionId;

/// Bytes that went over a transport in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// On which connection.
    pub connection: ConnectionId,
    /// Whether the client sent them, or the server.
    pub from_client: bool,
    /// When, on the driver's clock.
    pub at: Duration,
    /// The bytes; none when the sender closes its side.
    pub bytes: Bytes,
}

/// Where the packets of all connections go, if anybody wants them.
#[derive(Clone, Default)]
pub(crate) struct Capture(Option<Rc<RefCell<Vec<Packet>>>>);

impl Capture {
    pub(crate) fn begin(&mut self) {
        self.0.get_or_insert_default();
    }

    pub(crate) fn take(&self) -> Vec<Packet> {
        self.0.as_ref().map(|it| it.take()).unwrap_or_default()
    }
}

/// A client's end of a transport, watched.
pub(crate) struct Tap<S> {
    inner: S,
    connection: ConnectionId,
    clock: Arc<Clock>,
    capture: Capture,
    closed: bool,
}

impl<S> Tap<S> {
    pub(crate) fn new(
        inner: S,
        connection: ConnectionId,
        clock: Arc<Clock>,
        capture: Capture,
    ) -> Self {
        Self {
            inner,
            connection,
            clock,
            capture,
            closed: false,
        }
    }

    fn note(&self, from_client: bool, bytes: &[u8]) {
        if let Some(packets) = &self.capture.0 {
            packets.borrow_mut().push(Packet {
                connection: self.connection,
                from_client,
                at: self.clock.now(),
                bytes: Bytes::copy_from_slice(bytes),
            });
        }
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.note(true, &[]);
        }
    }
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if buf.remaining() > 0 || buf.filled().len() > before {
            self.note(false, &buf.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.note(true, &bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, slices))?;
        if self.capture.0.is_some() {
            let all: Vec<u8> = slices.iter().flat_map(|it| it.iter().copied()).collect();
            self.note(true, &all[..written]);
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
