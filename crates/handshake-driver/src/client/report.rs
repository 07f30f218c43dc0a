//! What is told to the caller of a client's connection?

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use http::Response;
use tokio::sync::Notify;

use crate::error::{EndReason, StreamError};
use crate::ids::{ConnectionId, StreamId};
use crate::observation::ClientEvent;
use crate::wire::End;

/// Where a connection writes what happens to it.
pub(super) struct Report {
    connection: ConnectionId,
    events: Rc<RefCell<VecDeque<ClientEvent>>>,
    pub(super) end: End,
    pub(super) closing: Rc<Notify>,
    over: Cell<bool>,
}

impl Report {
    pub(super) fn new(
        connection: ConnectionId,
        events: Rc<RefCell<VecDeque<ClientEvent>>>,
        end: End,
        closing: Rc<Notify>,
    ) -> Self {
        Self {
            connection,
            events,
            end,
            closing,
            over: Cell::new(false),
        }
    }

    /// HTTP is over; what was not sent will not be.
    pub(super) fn over(&self) {
        self.over.set(true);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }

    pub(super) fn answered(&self, stream: StreamId, outcome: Result<Response<Bytes>, StreamError>) {
        let connection = self.connection;
        self.end.progress();
        self.push(match outcome {
            Ok(response) => ClientEvent::Response {
                connection,
                stream,
                response,
            },
            Err(error) => ClientEvent::Failed {
                connection,
                stream,
                error,
            },
        });
    }

    /// A request went out, and the connection ended before its answer.
    pub(super) fn failed(&self, stream: StreamId) {
        self.answered(stream, Err(StreamError::Ended(self.why(None))));
    }

    /// A request never went out.
    pub(super) fn unsent(&self, stream: StreamId) {
        self.answered(stream, Err(StreamError::Unprocessed(self.why(None))));
    }

    pub(super) fn closed(&self, otherwise: Option<String>) {
        let reason = self.why(otherwise);
        self.end.set(reason.clone());
        self.push(ClientEvent::Closed {
            connection: self.connection,
            reason,
        });
    }

    /// The reason that the caller or TLS gave, or else HTTP's.
    pub(super) fn why(&self, http: Option<String>) -> EndReason {
        self.end
            .reason()
            .unwrap_or_else(|| http.map_or(EndReason::Finished, EndReason::Http))
    }

    fn push(&self, event: ClientEvent) {
        self.events.borrow_mut().push_back(event);
    }
}
