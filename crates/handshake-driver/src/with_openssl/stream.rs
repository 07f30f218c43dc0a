//! A TLS connection of OpenSSL as an asynchronous stream, which two may hold: HTTP, and who asks for a certificate.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use openssl::ssl::{ErrorCode, ShutdownState, Ssl, SslRef, SslStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ffi::connection_of;
use super::words::alert_or_fault;
use crate::error::EndReason;
use crate::wire::Transport;

/// A TLS connection.
pub(crate) struct Tls<S>(Rc<RefCell<Inner<S>>>);

struct Inner<S> {
    stream: SslStream<Bridge<S>>,
    /// Who waits for something else than bytes: woken whenever something was read.
    watcher: Option<Waker>,
}

/// The other handle: for what is neither read nor written.
pub(crate) struct Watch<S>(Rc<RefCell<Inner<S>>>);

impl<S: Transport> Tls<S> {
    /// # Errors
    /// When OpenSSL has no memory for it.
    pub(crate) fn new(ssl: Ssl, io: S) -> Result<Self, EndReason> {
        let bridge = Bridge {
            io,
            waker: Waker::noop().clone(),
            heard: false,
        };
        let stream = SslStream::new(ssl, bridge)
            .map_err(|error| EndReason::Tls(rustls::Error::General(error.to_string())))?;
        Ok(Self(Rc::new(RefCell::new(Inner {
            stream,
            watcher: None,
        }))))
    }

    /// Shakes hands, as client or as server as the connection was set up.
    pub(crate) async fn shake_hands(&self) -> Result<(), io::Error> {
        std::future::poll_fn(|cx| self.0.borrow_mut().poll(cx, SslStream::do_handshake)).await
    }

    /// Looks at the connection.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&SslRef) -> T) -> T {
        look(self.0.borrow().stream.ssl())
    }

    /// Another handle to the same connection.
    pub(crate) fn watch(&self) -> Watch<S> {
        Watch(Rc::clone(&self.0))
    }
}

impl<S: Transport> Watch<S> {
    /// Changes the connection, then sends what that makes to be sent. What cannot be sent yet goes with the next write.
    pub(crate) fn prompt<E>(
        &self,
        change: impl FnOnce(&mut SslRef) -> Result<(), E>,
    ) -> Result<(), E> {
        let stream = &mut self.0.borrow_mut().stream;
        let outcome = change(connection_of(stream));
        if outcome.is_ok() {
            // Whether it got out shows in the reads that follow.
            let _ = stream.do_handshake();
        }
        outcome
    }

    /// Looks whenever whoever reads the stream has read something: what `look` finds, or nothing yet. HTTP reads while a
    /// request waits for its answer, if only to learn of the end.
    pub(crate) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&SslRef) -> Option<T>,
    ) -> Poll<T> {
        let inner = &mut *self.0.borrow_mut();
        inner.watcher = Some(cx.waker().clone());
        look(inner.stream.ssl()).map_or(Poll::Pending, Poll::Ready)
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&SslRef) -> T) -> T {
        look(self.0.borrow().stream.ssl())
    }
}

impl<S: Transport> Inner<S> {
    /// Does one thing with the connection, in the name of the task that `cx` is of.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        act: impl FnOnce(&mut SslStream<Bridge<S>>) -> Result<T, openssl::ssl::Error>,
    ) -> Poll<io::Result<T>> {
        self.stream.get_mut().waker.clone_from(cx.waker());
        let outcome = act(&mut self.stream);
        // Only then: the watcher may be of the same task, and would wake itself for ever.
        if std::mem::take(&mut self.stream.get_mut().heard)
            && let Some(watcher) = self.watcher.take()
        {
            watcher.wake();
        }
        match outcome {
            Ok(done) => Poll::Ready(Ok(done)),
            Err(error) => match error.code() {
                ErrorCode::WANT_READ | ErrorCode::WANT_WRITE => Poll::Pending,
                _ => Poll::Ready(Err(alert_or_fault(error, self.stream.ssl()))),
            },
        }
    }
}

impl<S: Transport> AsyncRead for Tls<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let inner = &mut *self.0.borrow_mut();
        let room = buf.initialize_unfilled();
        if room.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let read = inner.poll(cx, |stream| match stream.ssl_read(room) {
            // The peer sent close_notify.
            Err(error) if error.code() == ErrorCode::ZERO_RETURN => Ok(0),
            read => read,
        });
        read.map_ok(|read| buf.advance(read))
    }
}

impl<S: Transport> AsyncWrite for Tls<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let inner = &mut *self.0.borrow_mut();
        inner.poll(cx, |stream| stream.ssl_write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.0.borrow_mut();
        Pin::new(&mut inner.stream.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.0.borrow_mut();
        if !inner.stream.get_shutdown().contains(ShutdownState::SENT) {
            // close_notify; the peer's own is not waited for (RFC 9846 section 6.1).
            let sent = inner.poll(cx, |stream| stream.shutdown().map(|_| ()));
            match sent {
                Poll::Pending => return Poll::Pending,
                // A connection that failed has nothing more to say.
                Poll::Ready(_) => {}
            }
        }
        Pin::new(&mut inner.stream.get_mut().io).poll_shutdown(cx)
    }
}

/// What OpenSSL reads from and writes to: an asynchronous transport that says "not yet", and whom it will wake.
struct Bridge<S> {
    io: S,
    waker: Waker,
    /// Whether something was read, be it the end, since this was last looked at.
    heard: bool,
}

impl<S: Transport> Read for Bridge<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(bytes);
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.io).poll_read(&mut cx, &mut buf) {
            Poll::Ready(read) => {
                self.heard = true;
                read.map(|()| buf.filled().len())
            }
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: Transport> Write for Bridge<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.io).poll_write(&mut cx, bytes) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.io).poll_flush(&mut cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}
