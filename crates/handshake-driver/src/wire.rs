//! What do the bytes say, seen from right above and right below TLS?

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::{HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::client::Asked;
use crate::error::EndReason;

/// What TLS can run over: a pipe in memory, or a socket.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Transport for S {}

/// Writing of a stream that changes what is read of its `inner` one and nothing else.
macro_rules! writes_through {
    ($stream:ident) => {
        impl<S: AsyncWrite + Unpin> AsyncWrite for $stream<S> {
            fn poll_write(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                std::pin::Pin::new(&mut self.inner).poll_write(cx, bytes)
            }

            fn poll_write_vectored(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                std::pin::Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
            }

            fn is_write_vectored(&self) -> bool {
                self.inner.is_write_vectored()
            }

            fn poll_flush(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::pin::Pin::new(&mut self.inner).poll_flush(cx)
            }

            fn poll_shutdown(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::pin::Pin::new(&mut self.inner).poll_shutdown(cx)
            }
        }
    };
}
pub(crate) use writes_through;

/// Whether a rustls handshake took a HelloRetryRequest: rustls says so of a full one, and of a resumed one the group says it,
/// if it is not the one that the client sent a share of at first.
pub(crate) fn was_retried(tls: &rustls::CommonState, guess: Option<rustls::NamedGroup>) -> bool {
    match tls.handshake_kind() {
        Some(HandshakeKind::FullWithHelloRetryRequest) => true,
        Some(HandshakeKind::Resumed) => {
            let agreed = tls
                .negotiated_key_exchange_group()
                .map(rustls::crypto::SupportedKxGroup::name);
            tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
                && agreed.is_some()
                && agreed != guess
        }
        _ => false,
    }
}

/// Below a client's TLS: lets nothing more out once the server asked for a certificate, if the client is one that
/// aborts.
pub(crate) struct Gate<S> {
    inner: S,
    shut_when_asked: Option<Arc<Asked>>,
}

impl<S> Gate<S> {
    pub(crate) fn open(inner: S) -> Self {
        Self {
            inner,
            shut_when_asked: None,
        }
    }

    pub(crate) fn shut_when(inner: S, asked: Arc<Asked>) -> Self {
        Self {
            inner,
            shut_when_asked: Some(asked),
        }
    }

    fn check(&self) -> io::Result<()> {
        match &self.shut_when_asked {
            Some(asked) if asked.was_asked() => Err(io::ErrorKind::ConnectionAborted.into()),
            _ => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    /// rustls may have several records to write, and `tokio-rustls` tries but once when the last of them is an alert.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Bytes that one end of a connection reads while nothing comes of them: no answer, no request. Who sends more, sends without
/// end.
pub const MAX_IDLE_BYTES: usize = 16 << 20;

/// Why a connection ended, set by the first who learns it; and how much more may be read before something must come of it.
#[derive(Clone)]
pub(crate) struct End {
    reason: Rc<RefCell<Option<EndReason>>>,
    left: Rc<Cell<usize>>,
}

impl Default for End {
    fn default() -> Self {
        Self {
            reason: Rc::default(),
            left: Rc::new(Cell::new(MAX_IDLE_BYTES)),
        }
    }
}

impl End {
    pub(crate) fn set(&self, reason: EndReason) {
        self.reason.borrow_mut().get_or_insert(reason);
    }

    pub(crate) fn reason(&self) -> Option<EndReason> {
        self.reason.borrow().clone()
    }

    /// An answer, or a request, came of what was read.
    pub(crate) fn progress(&self) {
        self.left.set(MAX_IDLE_BYTES);
    }

    /// What is read from now on is somebody else's to count.
    pub(crate) fn uncounted(&self) {
        self.left.set(usize::MAX);
    }

    fn read(&self, bytes: usize) -> io::Result<()> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => self.left.set(left),
            None => {
                self.set(EndReason::Flood);
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
        }
        Ok(())
    }
}

/// Above TLS, below HTTP: notes how the stream ended before hyper wraps the reason in its own words.
pub(crate) struct Witness<S> {
    inner: S,
    end: End,
}

impl<S> Witness<S> {
    pub(crate) fn new(inner: S, end: End) -> Self {
        Self { inner, end }
    }
}

impl<S: AsyncRead + Unpin> Witness<S> {
    /// A write failed because the peer is gone: why it went may still lie in what it sent before.
    fn read_last_words(&mut self, cx: &mut Context<'_>) {
        const RECORDS: usize = 64;
        let mut scratch = [0; 1024];
        for _ in 0..RECORDS {
            let mut buf = ReadBuf::new(&mut scratch);
            let read = Pin::new(&mut *self).poll_read(cx, &mut buf);
            if !matches!(read, Poll::Ready(Ok(()))) || self.end.reason().is_some() {
                break;
            }
        }
        self.end.set(EndReason::Truncated);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Witness<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let room = buf.remaining() > 0;
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        match &read {
            Ok(()) if room && buf.filled().len() == before => self.end.set(EndReason::CloseNotify),
            Ok(()) => self.end.read(buf.filled().len() - before)?,
            Err(error) => self.end.set(EndReason::from_io(error)),
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Witness<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes));
        if written.is_err() {
            self.read_last_words(cx);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.inner).poll_flush(cx));
        if flushed.is_err() {
            self.read_last_words(cx);
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use rustls::AlertDescription;

    use super::*;

    /// A stream that takes no more bytes, and whose reads end with `last`.
    struct Gone {
        before: usize,
        last: Option<rustls::Error>,
    }

    impl AsyncRead for Gone {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(before) = self.before.checked_sub(1) {
                self.before = before;
                buf.put_slice(b"late");
                return Poll::Ready(Ok(()));
            }
            match self.last.take() {
                Some(error) => Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error))),
                None => Poll::Pending,
            }
        }
    }

    impl AsyncWrite for Gone {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn reason_after_a_failed_write(
        before: usize,
        last: Option<rustls::Error>,
    ) -> Option<EndReason> {
        let end = End::default();
        let mut witness = Witness::new(Gone { before, last }, end.clone());
        let mut cx = Context::from_waker(Waker::noop());
        let written = Pin::new(&mut witness).poll_write(&mut cx, b"request");
        assert!(matches!(written, Poll::Ready(Err(_))));
        end.reason()
    }

    #[test]
    fn a_failed_write_finds_the_alert_that_came_before() {
        let alert = AlertDescription::CertificateRequired;
        for before in [0, 3] {
            let reason =
                reason_after_a_failed_write(before, Some(rustls::Error::AlertReceived(alert)));
            assert_eq!(reason, Some(EndReason::AlertReceived(alert)));
        }
        assert_eq!(
            reason_after_a_failed_write(0, None),
            Some(EndReason::Truncated)
        );
        assert_eq!(
            reason_after_a_failed_write(usize::MAX, None),
            Some(EndReason::Truncated)
        );
    }
}
