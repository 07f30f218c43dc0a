//! Pipelining: a request that does not wait for the answers before it (RFC 9112 section 9.3.2).
//!
//! It shares a connection as one does that comes when the connection is free again: under the same key, and on no other.

use std::collections::VecDeque;

use bareflight_policy::Request;
use bareflight_pool_key::ConnectionKey;

use super::UserAgent;
use super::connections::Record;
use crate::{Action, ConnectionId, Protocol, Running, Send};

/// Requests without an answer on one connection beyond which none joins.
const DEPTH: usize = 8;

/// Whether a request may be served twice (RFC 9110 section 9.2.2), so that others need not wait to know what came of it.
pub(super) fn is_idempotent(request: &Request) -> bool {
    ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].contains(&request.method.as_str())
}

impl UserAgent {
    /// The busy connection under this key that a request may go out on at once: of several, the oldest. While somebody stands
    /// in line for a connection, nobody passes by.
    pub(super) fn pipeline(&self, running: Running, key: &ConnectionKey) -> Option<ConnectionId> {
        self.fetches.get(running).filter(|fetch| fetch.pipelined)?;
        if self.pool.waiting() > 0 {
            return None;
        }
        let open = self.connections.iter();
        let mine = open.filter(|(_, record)| self.takes_another(record, key));
        mine.map(|(connection, _)| connection).min()
    }

    fn takes_another(&self, record: &Record, key: &ConnectionKey) -> bool {
        // What broke a pipeline off may break off the next one: whoever comes again comes alone.
        let may_be_followed = |running| {
            let fetch = self.fetches.get(running);
            fetch.is_some_and(|fetch| !fetch.retried && is_idempotent(fetch.current()))
        };
        record.protocol == Some(Protocol::Http1)
            && record.handle.is_some()
            && !record.going_away
            && (1..DEPTH).contains(&record.streams.len())
            && record
                .streams
                .iter()
                .all(|stream| may_be_followed(stream.fetch))
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
                Action::Send(next) if next.connection == send.connection => {
                    send.followed_by.push(next);
                }
                other => others.push_back(other),
            }
        }
        self.actions = others;
    }
}
