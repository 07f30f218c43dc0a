//! What did the servers see? Their observations as the log writes them, whoever the client is.

use bareflight_handshake_driver::{
    ConnectionId as DriverId, Identity as Seen, LateAuthentication as Late, Observation,
    RefusedHandshake, ServerHandshake, SessionId, Shown, StreamId,
};
use foldhash::{HashMap, HashSet};

use super::memory::wire;
use crate::case::Case;
use crate::log::{Cause, Client, Connection, Event, LateAuthentication, Leg, Response, Ticket};
use crate::scenario::Name;

/// What is known of a connection beside what its server saw of it.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its number in the log.
    pub id: u32,
    /// Which hop it is.
    pub leg: Leg,
    /// The number of the connection to the proxy that it goes through.
    pub through: Option<u32>,
    /// An index into the scenario's servers.
    pub server: usize,
    /// The port, as the scenario has it.
    pub port: u16,
    /// The request for which it was opened.
    pub cause: Option<Cause>,
    /// How long its server's tickets may be used, in seconds.
    pub lifetime: u32,
}

/// Turns the observations of one driver into the events of one log.
#[derive(Debug, Default)]
pub struct Scribe {
    /// The connections whose handshakes are over, by the driver's numbers.
    shaken: HashSet<u64>,
    /// Whom their servers took the clients to be, by the numbers in the log.
    clients: HashMap<u32, Client>,
    /// Each session by the driver's number: its number in the log, and whom it stands for.
    issued: HashMap<u64, (u32, Client)>,
    /// Sessions of handshakes that are not over.
    early: Vec<Observation>,
}

impl Scribe {
    /// The observations in the order of the log. A server issues its tickets with the last flight of the handshake, a
    /// moment before it calls it finished; in the log they follow it.
    pub fn in_order(&mut self, observations: Vec<Observation>) -> Vec<Observation> {
        let mut ordered = Vec::with_capacity(observations.len());
        for observation in observations {
            let connection = connection_of(&observation);
            match observation {
                Observation::SessionIssued { .. } if !self.shaken.contains(&connection.0) => {
                    self.early.push(observation);
                    continue;
                }
                Observation::Handshake(_) | Observation::Refused(_) => {
                    self.shaken.insert(connection.0);
                }
                _ => {}
            }
            ordered.push(observation);
            let now = |it: &mut Observation| connection_of(it) == connection;
            if self.shaken.contains(&connection.0) {
                ordered.extend(self.early.extract_if(.., now));
            }
        }
        ordered
    }

    /// The event of an observation, `cause` being that of the request, if it is one; none of a late request for a
    /// certificate that the client had not offered to be sent.
    pub fn event(
        &mut self,
        case: &Case<'_>,
        observation: &Observation,
        known: &Known,
        cause: Option<Cause>,
    ) -> Option<Event> {
        Some(match observation {
            Observation::Handshake(seen) => self.shook_hands(self.finished(case, known, seen)),
            Observation::Refused(seen) => self.shook_hands(self.refused(case, known, seen)),
            Observation::SessionIssued { session, .. } => {
                Event::Ticket(self.issue(known, session.0))
            }
            Observation::Request(head) => Event::Request(wire::seen(head, known.id, cause)),
            Observation::LateAuthentication(late) => {
                Event::LateAuthentication(asked_late(case, known, late)?)
            }
            Observation::Answered {
                stream: of, status, ..
            } => Event::Response(Response {
                connection: known.id,
                stream: stream(*of),
                status: status.as_u16(),
            }),
            Observation::Closed { .. } => Event::Closed {
                connection: known.id,
            },
        })
    }

    fn shook_hands(&mut self, record: Connection) -> Event {
        self.clients.insert(record.id, record.client.clone());
        Event::Connection(record)
    }

    fn finished(&self, case: &Case<'_>, known: &Known, seen: &ServerHandshake) -> Connection {
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
            ..opened(case, known)
        }
    }

    fn refused(&self, case: &Case<'_>, known: &Known, seen: &RefusedHandshake) -> Connection {
        let failed = wire::refusal(&seen.reason, &seen.shown);
        Connection {
            sni: seen.server_name.as_deref().map(Name::new),
            asked: seen.shown.asked(),
            client: match failed {
                Connection::UNPROVEN => Client::Absent,
                _ => shown(case, &seen.shown),
            },
            offered: seen.offered.and_then(|id| self.number(id.0)),
            failed: Some(Name::const_new(failed)),
            ..opened(case, known)
        }
    }

    fn issue(&mut self, known: &Known, session: u64) -> Ticket {
        let number = u32::try_from(self.issued.len() + 1).unwrap_or(u32::MAX);
        let client = self.clients.get(&known.id).cloned();
        self.issued
            .insert(session, (number, client.unwrap_or(Client::Absent)));
        Ticket {
            session: number,
            connection: known.id,
            lifetime: known.lifetime,
        }
    }

    /// A session's number in the log.
    fn number(&self, session: u64) -> Option<u32> {
        self.issued.get(&session).map(|(number, _)| *number)
    }
}

/// The driver's number of the connection that an observation is of.
pub fn connection_of(observation: &Observation) -> DriverId {
    match observation {
        Observation::Handshake(it) => it.connection,
        Observation::Refused(it) => it.connection,
        Observation::Request(it) => it.connection,
        Observation::LateAuthentication(it) => it.connection,
        Observation::SessionIssued { connection, .. }
        | Observation::Answered { connection, .. }
        | Observation::Closed { connection, .. } => *connection,
    }
}

/// What is known of a connection before its handshake.
fn opened(case: &Case<'_>, known: &Known) -> Connection {
    let server = case.scenario.servers[known.server].name.clone();
    Connection {
        leg: known.leg,
        through: known.through,
        ..Connection::opened(known.id, server, known.port, known.cause)
    }
}

/// What came of a late request for a certificate; nothing, where the client did not offer to be asked.
fn asked_late(case: &Case<'_>, known: &Known, seen: &Late) -> Option<LateAuthentication> {
    (seen.shown != Shown::NotAsked).then(|| LateAuthentication {
        connection: known.id,
        stream: stream(seen.stream),
        kind: wire::late(seen.kind),
        client: match &seen.identity {
            Some(identity) => client(case, identity),
            None if seen.shown == Shown::Declined => Client::Declined,
            None => Client::Absent,
        },
        refused: seen.refused,
    })
}

/// A request's number in the log, where they are counted from 1.
pub(super) fn stream(of: StreamId) -> u32 {
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
