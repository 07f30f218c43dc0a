//! Who waits for what: the user agent, its open connections, and the fetches that are told what to do next.

use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use foldhash::HashMap;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::{runtime::Handle, time::Instant};

use super::{Connector, connection};
use crate::{Action, ConnectionId, EndReason, Event, FetchId, Outcome, Send, UserAgent};

/// What a client's handles, fetches and connections have in common.
pub(super) struct Shared<C> {
    pub(super) connector: Arc<C>,
    pub(super) most_body: usize,
    runtime: Handle,
    started: Instant,
    this: Weak<Self>,
    books: Mutex<Books>,
}

struct Books {
    agent: UserAgent,
    fetches: HashMap<FetchId, Mailbox>,
    connections: HashMap<ConnectionId, Open>,
    last: u32,
}

/// What a fetch is to do, and whom to wake when there is something.
#[derive(Default)]
struct Mailbox {
    steps: VecDeque<Step>,
    waker: Option<Waker>,
}

/// What a fetch is to do next.
pub(super) enum Step {
    /// Send this and report.
    Send(Box<Send>),
    /// End.
    Finish(Outcome),
}

/// An open connection.
struct Open {
    /// Away while a fetch uses it.
    sender: Option<Sender>,
    /// Whether it came to its end while a fetch used it, which first has its say.
    ended: bool,
}

pub(super) type Sender = SendRequest<Full<Bytes>>;

impl<C: Connector> Shared<C> {
    pub(super) fn new(agent: UserAgent, connector: C, most_body: usize) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            connector: Arc::new(connector),
            most_body,
            runtime: Handle::current(),
            started: Instant::now(),
            this: Weak::clone(this),
            books: Mutex::new(Books {
                agent,
                fetches: HashMap::default(),
                connections: HashMap::default(),
                last: 0,
            }),
        })
    }

    /// Has the agent do something, and does what it then wants done.
    pub(super) fn with_agent<R>(&self, change: impl FnOnce(&mut UserAgent) -> R) -> R {
        let mut books = self.books();
        let result = change(&mut books.agent);
        self.act(&mut books);
        result
    }

    /// Starts a fetch under a number that no other one has.
    pub(super) fn start(&self, begin: impl FnOnce(&mut UserAgent, FetchId)) -> FetchId {
        let mut books = self.books();
        let mut id = FetchId(books.last.wrapping_add(1));
        while books.fetches.contains_key(&id) {
            id = FetchId(id.0.wrapping_add(1));
        }
        books.last = id.0;
        books.fetches.insert(id, Mailbox::default());
        begin(&mut books.agent, id);
        self.act(&mut books);
        id
    }

    /// What a fetch is to do next. After [`Step::Finish`] it is forgotten.
    pub(super) fn poll_step(&self, id: FetchId, context: &Context<'_>) -> Poll<Step> {
        let mut books = self.lock();
        let Some(mailbox) = books.fetches.get_mut(&id) else {
            return Poll::Pending;
        };
        let Some(step) = mailbox.steps.pop_front() else {
            mailbox.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        if matches!(step, Step::Finish(_)) {
            books.fetches.remove(&id);
        }
        Poll::Ready(step)
    }

    /// Gives a fetch up. The connection that it was using, or was just given, goes with it.
    pub(super) fn cancel(&self, id: FetchId, using: Option<ConnectionId>) {
        let mut books = self.books();
        books.agent.cancel(id);
        let steps = books.fetches.remove(&id).map(|mailbox| mailbox.steps);
        let given = steps.into_iter().flatten().filter_map(|step| match step {
            Step::Send(send) => Some(send.connection),
            Step::Finish(_) => None,
        });
        for connection in given.chain(using) {
            books.closed(connection, false, EndReason::Closed);
        }
        self.act(&mut books);
    }

    /// Takes a connection to use it; none if it came to its end.
    pub(super) fn take(&self, connection: ConnectionId) -> Option<Sender> {
        let mut books = self.lock();
        books.connections.get_mut(&connection)?.sender.take()
    }

    /// There is a connection now.
    pub(super) fn connected(&self, event: Event, connection: ConnectionId, sender: Sender) {
        let mut books = self.books();
        let sender = Some(sender);
        let ended = false;
        books.connections.insert(connection, Open { sender, ended });
        books.agent.handle(event);
        self.act(&mut books);
    }

    /// A fetch is done with a connection. `sender` is away where nothing more can be sent on it.
    pub(super) fn answered(&self, event: Event, connection: ConnectionId, sender: Option<Sender>) {
        let mut books = self.books();
        let over = match books.connections.get_mut(&connection) {
            Some(open) => {
                open.sender = sender.filter(|sender| !sender.is_closed() && !open.ended);
                open.sender.is_none()
            }
            None => false,
        };
        if over {
            books.agent.handle(Event::GoingAway { connection });
        }
        books.agent.handle(event);
        if over {
            books.closed(connection, false, EndReason::Closed);
        }
        self.act(&mut books);
    }

    /// A connection came to its end, or never was.
    pub(super) fn ended(&self, connection: ConnectionId, asked: bool, reason: EndReason) {
        let mut books = self.books();
        match books.connections.get_mut(&connection) {
            Some(open) if open.sender.is_none() => open.ended = true,
            _ => books.closed(connection, asked, reason),
        }
        self.act(&mut books);
    }

    /// A connection broke under the request that used it.
    pub(super) fn broken(&self, connection: ConnectionId) {
        let mut books = self.books();
        books.closed(connection, false, EndReason::Closed);
        self.act(&mut books);
    }

    fn act(&self, books: &mut Books) {
        while let Some(action) = books.agent.poll() {
            match action {
                Action::Connect(to) => {
                    let connector = Arc::clone(&self.connector);
                    let open = connection::run(Weak::clone(&self.this), connector, to);
                    drop(self.runtime.spawn(open));
                }
                Action::Send(send) => {
                    let (fetch, connection) = (send.cause.fetch, send.connection);
                    if !books.tell(fetch, Step::Send(Box::new(send))) {
                        books.closed(connection, false, EndReason::Closed);
                    }
                }
                // hyper ends a connection whose sender is gone.
                Action::Close(connection) => drop(books.connections.remove(&connection)),
                Action::Finish { fetch, outcome } => {
                    books.tell(fetch, Step::Finish(outcome));
                }
                // The connector keeps the sessions, and knows the user's choice.
                Action::Forget(_) | Action::Prompted(_) => {}
            }
        }
    }

    /// The books, with the agent's time set.
    fn books(&self) -> MutexGuard<'_, Books> {
        let mut books = self.lock();
        books.agent.advance(self.started.elapsed());
        books
    }

    /// A panic elsewhere leaves the books as they were between two calls, so they can be used on.
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// Tells a fetch what to do; false if nobody listens any more.
    fn tell(&mut self, fetch: FetchId, step: Step) -> bool {
        let Some(mailbox) = self.fetches.get_mut(&fetch) else {
            return false;
        };
        mailbox.steps.push_back(step);
        if let Some(waker) = mailbox.waker.take() {
            waker.wake();
        }
        true
    }

    fn closed(&mut self, connection: ConnectionId, asked: bool, reason: EndReason) {
        self.connections.remove(&connection);
        self.agent.handle(Event::Closed {
            connection,
            asked,
            reason,
        });
    }
}
