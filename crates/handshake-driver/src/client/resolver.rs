//! Was this connection asked for a certificate, and what was the answer?
//!
//! rustls lets a session resume only under the very resolver object that it was obtained with. So there is one
//! [`Resolver`] for each configuration, shared by its connections, and who asked is found out another way: while a
//! connection's handshake is polled, its [`Asked`] is the current one of the thread.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use crate::plan::Answer;

/// The resolver object of one configuration: rustls tells configurations apart by it. What to answer it reads from the
/// connection that asks; that all connections of a key answer the same is seen to where they get their configuration.
#[derive(Debug)]
pub(crate) struct Resolver;

impl ResolvesClientCert for Resolver {
    fn resolve(
        &self,
        _issuers: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        CURRENT.with_borrow(|current| {
            let asked = current.as_ref()?;
            asked.asked.store(true, Ordering::Relaxed);
            match &asked.answer {
                Answer::Present(key) => Some(Arc::clone(key)),
                Answer::Decline | Answer::Abort => None,
            }
        })
    }

    /// Asked before there is a connection. Yes means only that what a proof would sign is kept until it is needed.
    fn has_certs(&self) -> bool {
        true
    }
}

/// Whether one connection's client was asked for a certificate, and what it says then.
#[derive(Debug)]
pub(crate) struct Asked {
    asked: AtomicBool,
    answer: Answer,
}

impl Asked {
    pub(crate) fn answering(answer: Answer) -> Self {
        Self {
            asked: AtomicBool::new(false),
            answer,
        }
    }

    /// Notes it, where the stack has another way to be told.
    #[cfg(feature = "openssl")]
    pub(crate) fn note(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether it goes away when asked.
    pub(crate) fn aborts(&self) -> bool {
        self.answer == Answer::Abort
    }

    /// Whether it was asked, and is one that then goes away.
    pub(crate) fn aborted(&self) -> bool {
        self.aborts() && self.was_asked()
    }

    /// Does something in which the resolver may need to know whose handshake it is.
    pub(crate) fn during<R>(self: &Arc<Self>, work: impl FnOnce() -> R) -> R {
        CURRENT.set(Some(Arc::clone(self)));
        let done = work();
        CURRENT.set(None);
        done
    }

    /// Runs a handshake so that the resolver knows whose it is.
    pub(crate) fn watch<F: Future + Unpin>(self: &Arc<Self>, handshake: F) -> Watched<F> {
        Watched {
            asked: Arc::clone(self),
            handshake,
        }
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Asked>>> = const { RefCell::new(None) };
}

/// See [`Asked::watch`].
pub(crate) struct Watched<F> {
    asked: Arc<Asked>,
    handshake: F,
}

impl<F: Future + Unpin> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { asked, handshake } = &mut *self;
        asked.during(|| Pin::new(handshake).poll(cx))
    }
}
