//! What are this client's pool and session cache keyed on? Read off the log, by one rule for each fact.
//!
//! A fact is *true* or *false* where the log shows it, and *null* where nothing in it could have.

use std::collections::BTreeMap;

use bareflight_harness::case::Case;
use bareflight_harness::log::{
    Client, Connection, Event, LateAuthentication, LateKind, Log, Outcome, Protocol,
};
use bareflight_harness::scenario::{Action, ClientCertificate, Trust, WorldEvent};
use serde::Serialize;

/// What was seen, over all runs: a leak seen once is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// A preflight rode a connection that was authenticated as somebody.
    pub preflight_presents_certificate: Option<bool>,
    /// A request without credentials, no preflight, did.
    pub omit_presents_certificate: Option<bool>,
    /// No connection served requests with credentials and without.
    pub separate_connections_by_credentials: Option<bool>,
    /// A session that was obtained with credentials was offered without, or the other way round.
    pub sessions_cross_credentials: Option<bool>,
    /// No connection served requests of two network partitions.
    pub separate_connections_by_partition: Option<bool>,
    /// A preflight to a server that insists on a certificate was refused.
    pub preflight_to_require_fails: Option<bool>,
    /// A connection on which a certificate was sent served another host.
    pub coalesces_with_client_certificate: Option<bool>,
    /// A server could ask after the handshake.
    pub offers_post_handshake_authentication: Option<bool>,
    /// A preflight's renegotiation was answered with a certificate.
    pub answers_renegotiation_on_preflight: Option<bool>,
    /// No connection served requests with two identities, or with one and with none.
    pub separate_connections_by_identity: Option<bool>,
    /// No connection served requests that verify the server and requests that do not.
    pub separate_connections_by_trust: Option<bool>,
    /// A session that was obtained with one identity was offered with another, or none.
    pub sessions_cross_identities: Option<bool>,
    /// A session that was obtained on one port was offered on another of the same host. TLS allows it, and caches that are keyed
    /// by the server's name do it; Fetch's key has the origin.
    pub sessions_cross_ports: Option<bool>,
    /// A connection served a second request.
    pub reuses_connections: Option<bool>,
    /// A session was resumed.
    pub resumes_sessions: Option<bool>,
}

/// A request as far as facts depend on it.
struct Seen<'l> {
    record: usize,
    stream: u32,
    /// The record at which its connection was closed, if it was.
    closed: Option<usize>,
    connection: &'l Connection,
    authority: &'l str,
    target: &'l str,
    preflight: bool,
    credentials: bool,
    partition: u16,
    identity: Option<u8>,
    trust: Trust,
    client: &'l Client,
}

impl Facts {
    /// Adds what one log shows.
    pub fn add(&mut self, case: &Case<'_>, log: &Log) {
        let seen = seen(case, log);
        if case.profile.speaks_cors.value {
            self.of_cors(case, &seen, log);
        }
        lowest(
            &mut self.separate_connections_by_identity,
            separate(&seen, |it| it.identity),
        );
        lowest(
            &mut self.separate_connections_by_trust,
            separate(&seen, |it| it.trust),
        );
        highest(
            &mut self.sessions_cross_identities,
            cross(&seen, log, |it| it.identity),
        );
        let ports = seen.iter().map(|it| it.connection.port);
        if ports.clone().min() != ports.max() {
            let crossed = cross(&seen, log, |it| it.connection.port);
            // A session that could have been offered and was not, was not.
            highest(&mut self.sessions_cross_ports, crossed.or(Some(false)));
        }
        let to_one = |it: &Seen<'_>| {
            seen.iter()
                .filter(|other| other.place() == it.place())
                .count()
                > 1
        };
        if seen.iter().any(to_one) {
            let mut served = BTreeMap::<u32, u32>::new();
            for it in &seen {
                *served.entry(it.connection.id).or_default() += 1;
            }
            highest(
                &mut self.reuses_connections,
                Some(served.values().any(|&it| it > 1)),
            );
        }
        if log
            .records
            .iter()
            .any(|it| matches!(it.event, Event::Ticket(_)))
        {
            let resumed = connections(log).any(|it| it.resumed.is_some());
            highest(&mut self.resumes_sessions, Some(resumed));
        }
        self.of_late(case, &seen, log);
        highest(
            &mut self.coalesces_with_client_certificate,
            coalesces(&seen),
        );
    }

    /// A server that would ask after the handshake and answered without asking could not: it was not offered.
    fn of_late(&mut self, case: &Case<'_>, seen: &[Seen<'_>], log: &Log) {
        let asks = |it: &&Seen<'_>| {
            let mut servers = case.scenario.servers.iter();
            let server = servers.find(|server| server.name == it.connection.server);
            server.is_some_and(|server| {
                server.client_certificate == ClientCertificate::PostHandshake
                    && server.protected.covers(it.target, it.preflight)
            })
        };
        if seen.iter().any(|it| asks(&it)) {
            let asked = lates(log).any(|it| it.kind == LateKind::PostHandshake);
            highest(&mut self.offers_post_handshake_authentication, Some(asked));
        }
    }

    fn of_cors(&mut self, case: &Case<'_>, seen: &[Seen<'_>], log: &Log) {
        // A server that changes its rule insisted at times only.
        let steady = !case.scenario.steps.iter().any(|it| {
            matches!(
                it.action,
                Action::Event(WorldEvent::ChangeMode { .. } | WorldEvent::Reload { .. })
            )
        });
        for (step, outcome) in outcomes(log).filter(|_| steady) {
            let insists = case.hop(step, 0).is_some_and(|hop| {
                let server = &case.scenario.servers[usize::from(hop.server)];
                hop.needs_preflight() && server.client_certificate == ClientCertificate::Require
            });
            if insists {
                let failed = matches!(outcome, Outcome::Error(_));
                highest(&mut self.preflight_to_require_fails, Some(failed));
            }
        }
        let presents = |mut of: Box<dyn Iterator<Item = &Seen<'_>> + '_>| {
            let first = of.next()?;
            Some(first.client.is_authenticated() || of.any(|it| it.client.is_authenticated()))
        };
        let preflights = || seen.iter().filter(|it| it.preflight);
        let bare = seen.iter().filter(|it| !it.preflight && !it.credentials);
        highest(
            &mut self.preflight_presents_certificate,
            presents(Box::new(preflights())),
        );
        highest(
            &mut self.omit_presents_certificate,
            presents(Box::new(bare)),
        );
        let credentials = |it: &Seen<'_>| it.credentials && !it.preflight;
        lowest(
            &mut self.separate_connections_by_credentials,
            separate(seen, credentials),
        );
        highest(
            &mut self.sessions_cross_credentials,
            cross(seen, log, credentials),
        );
        lowest(
            &mut self.separate_connections_by_partition,
            separate(seen, |it| it.partition),
        );
        for late in lates(log).filter(|it| it.kind == LateKind::Renegotiation) {
            let of_preflight = seen.iter().any(|it| {
                it.preflight && it.connection.id == late.connection && it.stream == late.stream
            });
            if of_preflight {
                let answered = late.client.is_authenticated();
                highest(&mut self.answers_renegotiation_on_preflight, Some(answered));
            }
        }
    }
}

impl<'l> Seen<'l> {
    /// Requests for the same place might share a connection.
    fn place(&self) -> (&'l str, u16) {
        (self.authority, self.connection.port)
    }
}

fn seen<'l>(case: &Case<'_>, log: &'l Log) -> Vec<Seen<'l>> {
    let requests = log
        .records
        .iter()
        .enumerate()
        .filter_map(|(record, it)| match &it.event {
            Event::Request(request) => Some((record, request)),
            _ => None,
        });
    let known = requests.filter_map(|(record, request)| {
        let hop = case.hop(request.step?, request.hop)?;
        Some(Seen {
            record,
            stream: request.stream,
            closed: log.records.iter().position(|it| {
                matches!(it.event, Event::Closed { connection } if connection == request.connection)
            }),
            connection: connections(log).find(|it| it.id == request.connection)?,
            authority: &request.authority,
            target: &request.target,
            preflight: request.preflight,
            credentials: hop.include_credentials,
            partition: hop.partition,
            identity: hop.identity,
            trust: hop.trust,
            client: log.client_of(record)?,
        })
    });
    known.collect()
}

fn connections(log: &Log) -> impl Iterator<Item = &Connection> {
    log.records.iter().filter_map(|it| match &it.event {
        Event::Connection(connection) => Some(connection),
        _ => None,
    })
}

fn lates(log: &Log) -> impl Iterator<Item = &LateAuthentication> {
    log.records.iter().filter_map(|it| match &it.event {
        Event::LateAuthentication(late) => Some(late),
        _ => None,
    })
}

fn outcomes(log: &Log) -> impl Iterator<Item = (u16, &Outcome)> {
    log.records.iter().filter_map(|it| match &it.event {
        Event::Outcome { step, outcome } => Some((*step, outcome)),
        _ => None,
    })
}

/// Whether a connection on which a certificate was sent served two hosts; none if it could not have: HTTP/1.1, or nobody asked
/// that server for another host.
fn coalesces(seen: &[Seen<'_>]) -> Option<bool> {
    let mut coalesces = None;
    for one in seen.iter().filter(|it| it.client.is_authenticated()) {
        for other in seen {
            let could = one.connection.alpn == Some(Protocol::H2)
                && one.connection.server == other.connection.server
                && one.connection.port == other.connection.port
                && one.authority != other.authority;
            if could {
                let joined = one.connection.id == other.connection.id;
                highest(&mut coalesces, Some(joined));
            }
        }
    }
    coalesces
}

/// Whether requests for one place that differ in `key` never shared a connection; none if none could have, for the connection of
/// the one was closed before the other was sent.
fn separate<K: PartialEq>(seen: &[Seen<'_>], key: impl Fn(&Seen<'_>) -> K) -> Option<bool> {
    let mut separate = None;
    for (index, one) in seen.iter().enumerate() {
        for other in &seen[..index] {
            let was_open = other.closed.is_none_or(|closed| closed > one.record);
            if was_open && one.place() == other.place() && key(one) != key(other) {
                let shared = one.connection.id == other.connection.id;
                lowest(&mut separate, Some(!shared));
            }
        }
    }
    separate
}

/// Whether a session was offered by a connection whose first request differs in `key` from that of the connection which the
/// session is of; none if no session was offered.
fn cross<K: PartialEq>(seen: &[Seen<'_>], log: &Log, key: impl Fn(&Seen<'_>) -> K) -> Option<bool> {
    let first = |id: u32| seen.iter().find(|it| it.connection.id == id);
    let origin = |session: u32| {
        log.records.iter().find_map(|it| match &it.event {
            Event::Ticket(ticket) if ticket.session == session => Some(ticket.connection),
            _ => None,
        })
    };
    let mut crossed = None;
    for connection in connections(log) {
        let Some(session) = connection.offered else {
            continue;
        };
        let Some((one, other)) = first(connection.id).zip(origin(session).and_then(first)) else {
            continue;
        };
        highest(&mut crossed, Some(key(one) != key(other)));
    }
    crossed
}

/// True once it was true.
fn highest(fact: &mut Option<bool>, seen: Option<bool>) {
    *fact = (*fact).max(seen);
}

/// False once it was false.
fn lowest(fact: &mut Option<bool>, seen: Option<bool>) {
    *fact = match (*fact, seen) {
        (Some(a), Some(b)) => Some(a && b),
        (known, new) => known.or(new),
    };
}
