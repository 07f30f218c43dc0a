//! What was seen and what came of it: the servers' observations become the log, the client's events go to the user agent.

use core::time::Duration;

use bareflight_handshake_driver::{
    ClientEvent, ConnectionId as DriverId, EndReason as DriverEnd, Identity as Seen,
    LateAuthentication as Late, Observation, RefusedHandshake, RequestHead, ServerHandshake,
    SessionId, Shown, StreamError, StreamId,
};
use bareflight_user_agent::{Event, SessionHandle};

use super::super::run::write;
use super::{Kept, MemoryWorld, wire};
use crate::case::Case;
use crate::log::{
    Client, Connection, Event as Entry, LateAuthentication, Leg, Log, Response, Ticket,
};
use crate::scenario::Name;

impl MemoryWorld {
    /// Writes what the servers saw to the log, and hands what the client saw to the user agent.
    pub(super) fn gather(&mut self, case: &Case<'_>, log: &mut Log, events: &mut Vec<Event>) {
        // A server issues its tickets with the last flight of the handshake, a moment before it calls it finished.
        let mut early = Vec::new();
        for observation in self.driver.observations() {
            match observation {
                Observation::SessionIssued { connection, .. }
                    if !self.connections[self.index(connection)].seen =>
                {
                    early.push(observation);
                }
                _ => {
                    self.observed(case, observation, log);
                    let shaken = |it: &mut Observation| match it {
                        Observation::SessionIssued { connection, .. } => {
                            self.connections[self.index(*connection)].seen
                        }
                        _ => false,
                    };
                    let issued: Vec<_> = early.extract_if(.., shaken).collect();
                    for observation in issued {
                        self.observed(case, observation, log);
                    }
                }
            }
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

    fn observed(&mut self, case: &Case<'_>, observation: Observation, log: &mut Log) {
        match observation {
            Observation::Handshake(seen) => {
                let at = self.index(seen.connection);
                let record = self.finished(case, at, &seen);
                self.shook_hands(at, record, log);
            }
            Observation::Refused(seen) => {
                let at = self.index(seen.connection);
                let record = self.refused(case, at, &seen);
                self.shook_hands(at, record, log);
            }
            Observation::SessionIssued {
                connection,
                session,
            } => {
                self.issued(self.index(connection), session.0, log);
            }
            Observation::Request(head) => self.arrived(&head, log),
            Observation::LateAuthentication(late) => self.asked_late(case, &late, log),
            Observation::Answered {
                connection,
                stream: of,
                status,
            } => {
                let answer = Response {
                    connection: self.connections[self.index(connection)].number,
                    stream: stream(of),
                    status: status.as_u16(),
                };
                write(log, self.now, Entry::Response(answer));
            }
            Observation::Closed { connection, .. } => {
                let connection = self.connections[self.index(connection)].number;
                write(log, self.now, Entry::Closed { connection });
            } // No server of this tier asks late.
        }
    }

    /// The user agent's connection. The one that has no number yet is the one that is being opened.
    fn index(&self, id: DriverId) -> usize {
        let last = self.connections.len().saturating_sub(1);
        self.numbers.get(&id.0).copied().unwrap_or(last)
    }

    fn shook_hands(&mut self, at: usize, record: Connection, log: &mut Log) {
        self.connections[at].asked = record.asked;
        self.connections[at].seen = true;
        write(log, self.now, Entry::Connection(record));
    }

    fn finished(&self, case: &Case<'_>, at: usize, seen: &ServerHandshake) -> Connection {
        let session = |id: SessionId| self.number(id.0);
        let inherited = seen
            .resumed
            .and_then(|id| self.issued.get(&id.0))
            .map(|(_, client)| client);
        Connection {
            tls: Some(wire::tls(seen.version)),
            alpn: Some(wire::protocol(seen.alpn)),
            sni: seen.server_name.as_deref().map(Name::new),
            asked: seen.shown.asked(),
            client: match (&seen.identity, inherited) {
                (Some(identity), _) => client(case, identity),
                // No certificate crossed the wire; the session remembers that one was withheld.
                (None, Some(Client::Declined)) => Client::Declined,
                (None, _) => shown(case, &seen.shown),
            },
            offered: seen.offered.or(seen.resumed).and_then(session),
            resumed: seen.resumed.and_then(session),
            early_data: seen.early_data > 0,
            ..self.connection(case, at)
        }
    }

    fn refused(&self, case: &Case<'_>, at: usize, seen: &RefusedHandshake) -> Connection {
        Connection {
            sni: seen.server_name.as_deref().map(Name::new),
            asked: seen.shown.asked(),
            client: shown(case, &seen.shown),
            offered: seen.offered.and_then(|id| self.number(id.0)),
            failed: Some(Name::const_new(wire::refusal(&seen.reason, &seen.shown))),
            ..self.connection(case, at)
        }
    }

    fn arrived(&self, head: &RequestHead, log: &mut Log) {
        let open = &self.connections[self.index(head.connection)];
        let sent = usize::try_from(head.stream.0).unwrap_or(usize::MAX);
        let cause = match open.leg {
            Leg::Origin => open.sent.get(sent).copied(),
            // All that a proxy is asked for is the tunnel.
            Leg::Proxy => Some(open.cause),
        };
        let request = wire::seen(head, open.number, cause);
        write(log, self.now, Entry::Request(request));
    }

    /// What came of a late request for a certificate; nothing, where the client did not offer to be asked.
    fn asked_late(&self, case: &Case<'_>, seen: &Late, log: &mut Log) {
        if seen.shown == Shown::NotAsked {
            return;
        }
        let late = LateAuthentication {
            connection: self.connections[self.index(seen.connection)].number,
            stream: stream(seen.stream),
            kind: wire::late(seen.kind),
            client: match &seen.identity {
                Some(identity) => client(case, identity),
                None if seen.shown == Shown::Declined => Client::Declined,
                None => Client::Absent,
            },
            refused: seen.refused,
        };
        write(log, self.now, Entry::LateAuthentication(late));
    }

    /// What is known of a connection before its handshake.
    fn connection(&self, case: &Case<'_>, at: usize) -> Connection {
        let open = &self.connections[at];
        let server = case.scenario.servers[open.server].name.clone();
        Connection {
            leg: open.leg,
            through: open.through,
            ..Connection::opened(open.number, server, open.port, open.cause)
        }
    }

    fn issued(&mut self, at: usize, session: u64, log: &mut Log) {
        let number = u32::try_from(self.issued.len() + 1).unwrap_or(u32::MAX);
        let open = &self.connections[at];
        let client = log
            .records
            .iter()
            .rev()
            .find_map(|record| match &record.event {
                Entry::Connection(connection) if connection.id == open.number => {
                    Some(connection.client.clone())
                }
                _ => None,
            });
        self.issued
            .insert(session, (number, client.unwrap_or(Client::Absent)));
        let ticket = Ticket {
            session: number,
            connection: open.number,
            lifetime: open.lifetime,
        };
        write(log, self.now, Entry::Ticket(ticket));
    }

    /// A session's number in the log.
    fn number(&self, session: u64) -> Option<u32> {
        self.issued.get(&session).map(|(number, _)| *number)
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
                    open.closed = true;
                    if reason != DriverEnd::Local && open.leg == Leg::Origin {
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

/// A request's number in the log, where they are counted from 1.
fn stream(of: StreamId) -> u32 {
    u32::try_from(of.0 + 1).unwrap_or(u32::MAX)
}

/// The scenario's name for an identity that a server saw.
fn client(case: &Case<'_>, identity: &Seen) -> Client {
    match identity {
        Seen::Unknown => Client::Unknown,
        Seen::Known(name) => {
            let known = case
                .scenario
                .identities
                .iter()
                .find(|it| it.name == *name.subject);
            known.map_or(Client::Unknown, |it| Client::Identity {
                name: it.name.clone(),
                renewal: u16::try_from(name.generation).unwrap_or(u16::MAX),
            })
        }
    }
}

fn shown(case: &Case<'_>, shown: &Shown) -> Client {
    match shown {
        Shown::NotAsked | Shown::Unanswered => Client::Absent,
        Shown::Declined => Client::Declined,
        Shown::Identity(identity) => client(case, identity),
    }
}
