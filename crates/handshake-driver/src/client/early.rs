//! What may be sent before the handshake is over? What HTTP says at once, under a session that allows it (RFC 9846 section
//! 2.3). If the server refuses it, the same is sent again after the handshake, and HTTP never knows.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::NamedGroup;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Started;
use super::resolver::Asked;
use super::with_rustls::{Stream, facts};
use crate::error::EndReason;
use crate::wire::Transport;

/// A stream whose handshake may still be under way; it tells when it is over.
pub(super) struct Early<S> {
    tls: Stream<S>,
    asked: Arc<Asked>,
    guess: NamedGroup,
    /// Whom to tell.
    started: Started,
    told: bool,
}

impl<S: Transport> Early<S> {
    pub(super) fn new(
        tls: Stream<S>,
        asked: Arc<Asked>,
        guess: NamedGroup,
        started: &Started,
    ) -> Self {
        Self {
            tls,
            asked,
            guess,
            started: Rc::clone(started),
            told: false,
        }
    }

    /// Whatever is polled may bring the handshake forward, in which the client may be asked for a certificate.
    fn watch<R>(
        mut self: Pin<&mut Self>,
        poll: impl FnOnce(Pin<&mut Stream<S>>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let this = &mut *self;
        if this.told {
            return poll(Pin::new(&mut this.tls));
        }
        let polled = this.asked.during(|| poll(Pin::new(&mut this.tls)));
        let outcome = match &polled {
            Poll::Ready(Err(_)) if this.asked.aborted() => Err(EndReason::AbortedWhenAsked),
            Poll::Ready(Err(error)) => Err(EndReason::from_io(error)),
            _ if this.tls.get_ref().1.is_handshaking() => return polled,
            _ => Ok(facts(&this.tls, &this.asked, this.guess)),
        };
        this.told = true;
        *this.started.borrow_mut() = Some(outcome);
        polled
    }
}

impl<S: Transport> AsyncRead for Early<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.watch(|tls| tls.poll_read(cx, buf))
    }
}

impl<S: Transport> AsyncWrite for Early<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.watch(|tls| tls.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watch(|tls| tls.poll_write_vectored(cx, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch(|tls| tls.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch(|tls| tls.poll_shutdown(cx))
    }
}
