//! What was seen and what came of it: the servers' observations become the log, the client's events go to the user agent.

use core::time::Duration;

use bareflight_handshake_driver::{
    ClientEvent, ConnectionId as DriverId, EndReason as DriverEnd, Observation, RequestHead,
    StreamError,
};
use bareflight_user_agent::{Event, SessionHandle};

use super::super::run::write;
use super::super::scribe::{Known, connection_of, stream};
use super::{Kept, MemoryWorld, wire};
use crate::case::Case;
use crate::log::{Cause, Event as Entry, Leg, Log};

impl MemoryWorld {
    /// Writes what the servers saw to the log, and hands what the client saw to the user agent.
    pub(super) fn gather(&mut self, case: &Case<'_>, log: &mut Log, events: &mut Vec<Event>) {
        for observation in self.scribe.in_order(self.driver.observations()) {
            self.observed(case, &observation, log);
        }
        // The driver tells of sessions when all is quiet; they came with the handshake, before any answer.
        let (sessions, others): (Vec<_>, Vec<_>) = self
            .driver
            .events()
            .into_iter()
            .partition(|event| matches!(event, ClientEvent::Session { .. }));
        for event in sessions.into_iter().chain(others) {
            self.happened(event, events);
        }
    }

    fn observed(&mut self, case: &Case<'_>, observation: &Observation, log: &mut Log) {
        let at = self.index(connection_of(observation));
        let cause = match observation {
            Observation::Request(head) => self.cause(at, head),
            _ => None,
        };
        let known = self.known(at);
        let Some(event) = self.scribe.event(case, observation, &known, cause) else {
            return;
        };
        if let Entry::Connection(record) = &event {
            self.connections[at].asked = record.asked;
            self.connections[at].seen = true;
        }
        write(log, self.now, event);
    }

    /// The user agent's connection. The one that has no number yet is the one that is being opened.
    fn index(&self, id: DriverId) -> usize {
        let last = self.connections.len().saturating_sub(1);
        self.numbers.get(&id.0).copied().unwrap_or(last)
    }

    /// What a request was sent for.
    fn cause(&self, at: usize, head: &RequestHead) -> Option<Cause> {
        let open = &self.connections[at];
        let sent = usize::try_from(head.stream.0).unwrap_or(usize::MAX);
        match open.leg {
            Leg::Origin => open.sent.get(sent).copied(),
            // All that a proxy is asked for is the tunnel.
            Leg::Proxy => Some(open.cause),
        }
    }

    fn known(&self, at: usize) -> Known {
        let open = &self.connections[at];
        Known {
            id: open.number,
            leg: open.leg,
            through: open.through,
            server: open.server,
            port: open.port,
            cause: Some(open.cause),
            lifetime: open.lifetime,
        }
    }

    fn happened(&mut self, event: ClientEvent, events: &mut Vec<Event>) {
        // What the proxy says is between it and the transport.
        let connection = |world: &Self, id: DriverId| {
            let open = &world.connections[*world.numbers.get(&id.0)?];
            (open.leg == Leg::Origin).then_some(open.agent)
        };
        match event {
            ClientEvent::Response {
                connection: id,
                stream,
                response,
            } => {
                if let Some(connection) = connection(self, id) {
                    events.push(wire::response(connection, stream.0, &response));
                }
            }
            ClientEvent::Session {
                connection: id,
                session,
            } => {
                if let Some(&at) = self.numbers.get(&id.0) {
                    let open = &self.connections[at];
                    let single_use = session.copy().is_none();
                    let issued = &mut self.issued[open.server];
                    *issued += 1;
                    let handle =
                        SessionHandle(u32::try_from(self.sessions.len()).unwrap_or(u32::MAX));
                    self.sessions.push(Some(Kept {
                        session,
                        configuration: open.configuration,
                    }));
                    let lifetime = Duration::from_secs(u64::from(open.lifetime));
                    events.push(Event::Session {
                        connection: open.agent,
                        leg: open.leg.into(),
                        session: handle,
                        id: *issued,
                        single_use,
                        lifetime,
                        early_data: single_use && open.early_data,
                    });
                }
            }
            ClientEvent::Closed {
                connection: id,
                reason,
            } => {
                if let Some(&at) = self.numbers.get(&id.0) {
                    let open = &mut self.connections[at];
                    let asked = open.asked;
                    let is_news = !core::mem::replace(&mut open.closed, true);
                    if is_news && reason != DriverEnd::Local && open.leg == Leg::Origin {
                        events.push(Event::Closed {
                            connection: open.agent,
                            asked,
                            reason: wire::end_reason(&reason),
                        });
                    }
                }
            }
            ClientEvent::AskedLate { connection: id } => {
                let asked = connection(self, id);
                events.extend(asked.map(|connection| Event::AskedLate { connection }));
            }
            ClientEvent::Failed {
                connection: id,
                stream: of,
                error: StreamError::Http11Required,
            } => {
                let connection = connection(self, id);
                events.extend(connection.map(|connection| Event::WantsHttp1 {
                    connection,
                    stream: stream(of),
                }));
            }
            // The connection's own end says why.
            ClientEvent::Failed { .. } => {}
        }
    }
}
