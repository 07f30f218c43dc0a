//! May this request pass? Where a server asks for a certificate after the handshake, a request for a path under protection
//! waits until it was asked for, and is denied without.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{Method, Request};
use tokio::sync::Notify;

use crate::ids::{SessionId, StreamId};
use crate::observation::{Identity, Shown};
use crate::plan::LateKind;

/// What came of a late authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateOutcome {
    /// How the server asked.
    pub kind: LateKind,
    /// What was shown; [`Shown::NotAsked`] if the server could not ask.
    pub shown: Shown,
    /// Whom the client proved to be.
    pub identity: Option<Identity>,
    /// The connection broke off over it.
    pub refused: bool,
}

/// A late authentication that met its requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The request that it was asked for.
    pub asked_for: StreamId,
    /// The first request that arrived after it.
    pub first_after: StreamId,
}

/// Whom a server that asks late lets pass. A late authentication that cannot run, fails, or is answered without a
/// certificate denies.
///
/// The default methods are right; a known fault overrides one of them.
pub trait Admits: Send + Sync {
    /// The requirement is met if a certificate came and passed (CVE-2019-0215: it was taken as met when none came).
    fn met(&self, outcome: &LateOutcome) -> bool {
        outcome.identity.is_some()
    }

    /// An authentication stands for the request that it was asked for and for what arrives afterwards, never for what had
    /// arrived before (CVE-2009-3555: what an attacker had sent was taken for the victim's).
    fn covers(&self, authenticated: &Authenticated, request: StreamId) -> bool {
        request == authenticated.asked_for || request >= authenticated.first_after
    }
}

/// The right answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strict;

impl Admits for Strict {}

/// A TLS stream that can ask for a certificate although its handshake is over.
pub(super) trait Asks {
    /// Sends the question.
    fn ask(&self) -> Result<(), CannotAsk>;

    /// Waits for the answer: what was shown, and the sessions issued with it.
    fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Answered>;

    /// What was shown so far, of a question that will get no answer.
    fn shown_so_far(&self) -> Shown;
}

/// The client did not offer to be asked.
#[derive(Debug)]
pub(super) struct CannotAsk;

/// The answer to a late question.
pub(super) struct Answered {
    pub(super) shown: Shown,
    pub(super) identity: Option<Identity>,
    pub(super) issued: Vec<SessionId>,
}

impl Answered {
    fn not_asked() -> Self {
        Self {
            shown: Shown::NotAsked,
            identity: None,
            issued: Vec::new(),
        }
    }
}

/// The connection ended meanwhile.
#[derive(Debug)]
pub(super) struct Over;

/// Whether a request is a CORS preflight (Fetch, *CORS-preflight request*).
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    let has = |name| request.headers().contains_key(name);
    request.method() == Method::OPTIONS && has(ORIGIN) && has(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The late questions of one connection: one at a time.
pub(super) struct Late {
    pub(super) kind: LateKind,
    pub(super) asks: Rc<dyn Asks>,
    /// The session that was resumed had a certificate.
    pub(super) from_the_start: bool,
    pub(super) last: Cell<Option<Authenticated>>,
    pending: RefCell<Option<Rc<Question>>>,
    free: Notify,
    over: Cell<bool>,
}

/// A question that waits for its answer.
struct Question {
    stream: StreamId,
    given_up: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Late {
    pub(super) fn new(kind: LateKind, asks: Rc<dyn Asks>, from_the_start: bool) -> Self {
        Self {
            kind,
            asks,
            from_the_start,
            last: Cell::default(),
            pending: RefCell::default(),
            free: Notify::new(),
            over: Cell::new(false),
        }
    }

    /// Asks on behalf of a request, and waits: for the answer, or until the driver finds that none will come.
    pub(super) async fn question(
        &self,
        stream: StreamId,
        unanswered: &Unanswered,
    ) -> Result<Option<Answered>, Over> {
        if self.asks.ask().is_err() {
            return Ok(Some(Answered::not_asked()));
        }
        let question = Rc::new(Question {
            stream,
            given_up: Cell::new(false),
            waker: Cell::default(),
        });
        *self.pending.borrow_mut() = Some(Rc::clone(&question));
        unanswered.add(&question);
        let answer = poll_fn(|cx| {
            if let Poll::Ready(answered) = self.asks.poll_answer(cx) {
                return Poll::Ready(Some(answered));
            }
            question.waker.set(Some(cx.waker().clone()));
            match question.given_up.get() || self.over.get() {
                true => Poll::Ready(None),
                false => Poll::Pending,
            }
        })
        .await;
        self.pending.take().map(|_| answer).ok_or(Over)
    }

    /// Waits while another request's question has no answer; says whether there was one.
    pub(super) async fn busy(&self) -> Result<bool, Over> {
        let busy = self.pending.borrow().is_some();
        if busy {
            self.free.notified().await;
        }
        match self.over.get() {
            true => Err(Over),
            false => Ok(busy),
        }
    }

    /// An answer has been dealt with: who waited may ask.
    pub(super) fn free(&self) {
        self.free.notify_waiters();
    }

    /// The connection is over. Returns the request whose question will get no answer.
    pub(super) fn end(&self) -> Option<StreamId> {
        self.over.set(true);
        self.free();
        self.pending.take().map(|question| question.stream)
    }

    pub(super) fn outcome(&self, answered: Option<&Answered>, refused: bool) -> LateOutcome {
        LateOutcome {
            kind: self.kind,
            shown: answered.map_or_else(|| self.asks.shown_so_far(), |it| it.shown.clone()),
            identity: answered.and_then(|it| it.identity.clone()),
            refused,
        }
    }
}

/// The questions of all connections that wait for an answer.
#[derive(Clone, Default)]
pub(crate) struct Unanswered(Rc<RefCell<Vec<Weak<Question>>>>);

impl Unanswered {
    fn add(&self, question: &Rc<Question>) {
        self.0.borrow_mut().push(Rc::downgrade(question));
    }

    /// Nothing moves any more, so no answer is on its way: those who wait go on without. Says whether there were any.
    pub(crate) fn give_up(&self) -> bool {
        let mut any = false;
        for question in self.0.take().iter().filter_map(Weak::upgrade) {
            question.given_up.set(true);
            any = true;
            if let Some(waker) = question.waker.take() {
                waker.wake();
            }
        }
        any
    }
}
