//! Pipelining: a request that does not wait for the answers before it (RFC 9112 section 9.3.2).
//!
//! It shares a connection as one does that comes when the connection is free again: under the same key, and on no other.

use std::collections::VecDeque;

use bareflight_pool_key::ConnectionKey;

use super::UserAgent;
use super::connections::Record;
use crate::{Action, ConnectionId, Protocol, Running, Send};

/// Methods after which a request may be sent without knowing what came of them (RFC 9110 section 9.2.2).
const IDEMPOTENT: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

impl UserAgent {
    /// The busy connection under this key that a request may go out on at once: of several, the oldest.
    pub(super) fn pipeline(&self, running: Running, key: &ConnectionKey) -> Option<ConnectionId> {
        self.fetches.get(running).filter(|fetch| fetch.pipelined)?;
        let open = self.connections.iter();
        let mine = open.filter(|(_, record)| self.takes_another(record, key));
        mine.map(|(connection, _)| connection).min()
    }

    fn takes_another(&self, record: &Record, key: &ConnectionKey) -> bool {
        let idempotent = |running| {
            self.fetches
                .get(running)
                .is_some_and(|fetch| IDEMPOTENT.contains(&fetch.current().method.as_str()))
        };
        record.protocol == Some(Protocol::Http1)
            && record.handle.is_some()
            && !record.going_away
            && !record.streams.is_empty()
            && record.streams.iter().all(|stream| idempotent(stream.fetch))
            && record.key == *key
    }

    /// Puts the requests that wait to go out behind this one with it: what is not sent yet on its connection.
    pub(super) fn gather_flight(&mut self, send: &mut Send) {
        let is_pipeline =
            |record: &Record| record.protocol == Some(Protocol::Http1) && record.streams.len() > 1;
        if !self
            .connections
            .get(send.connection)
            .is_some_and(is_pipeline)
        {
            return;
        }
        let mut others = VecDeque::with_capacity(self.actions.len());
        for action in self.actions.drain(..) {
            match action {
                Action::Send(next) if next.connection == send.connection => send.behind.push(next),
                other => others.push_back(other),
            }
        }
        self.actions = others;
    }
}
