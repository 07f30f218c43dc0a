//! The tier `model`: TLS and HTTP reduced to what they decide. No bytes, no cryptography, no heap where it can be avoided.
//!
//! It must do what real TLS does, event for event: the tests run the same scenarios on the tier `memory` and compare
//! the logs.

mod handshake;
mod late;
mod rules;

use core::time::Duration;
use std::sync::Arc;

use bareflight_policy::Origin;
use bareflight_user_agent::{Action, ConnectionId, EndReason, Event, Limits, Send, UserAgent};

use self::late::{InFlight, Passage, Setting};
use super::run::{Run, cause_of, write};
use super::{Deciders, Tier, TierError, World};
use crate::case::{Case, authority, host_and_port};
use crate::log::{Client, Event as Entry, Leg, Log, Request, Response, Tls};
use crate::reply::{Asked, Replies, Reply};
use crate::scenario::{ClientCertificate, InForce, Name, Server, WorldEvent};

/// Tickets that a TLS 1.3 server issues after each handshake.
pub(super) const TICKETS: usize = 2;

/// Runs scenarios on the tier `model`.
#[derive(Debug)]
pub struct Model {
    agent: UserAgent,
    world: ModelWorld,
    events: Vec<Event>,
}

impl Default for Model {
    fn default() -> Self {
        let profile = bareflight_policy::Profile::fetch();
        Self {
            agent: UserAgent::new(profile, &bareflight_user_agent::Standard, Limits::default()),
            world: ModelWorld::default(),
            events: Vec::new(),
        }
    }
}

impl Tier for Model {
    fn run(&mut self, case: &Case<'_>, deciders: Deciders, log: &mut Log) -> Result<(), TierError> {
        log.records.clear();
        self.agent.reset(case.profile, deciders.agent);
        self.world.reset(case, deciders);
        self.events.clear();
        let run = Run {
            case,
            agent: &mut self.agent,
            world: &mut self.world,
            log,
            events: &mut self.events,
            now: Duration::ZERO,
            performed: 0,
        };
        run.run()
    }

    fn handshakes(&self) -> u64 {
        self.world.handshakes
    }
}

#[derive(Debug, Default)]
struct ModelWorld {
    deciders: Deciders,
    now: Duration,
    handshakes: u64,
    /// How often each identity was renewed.
    renewals: Vec<u16>,
    servers: Vec<ServerState>,
    /// Legs that servers accepted so far.
    accepted: u32,
    connections: Vec<Open>,
    sessions: Vec<Session>,
    replies: Replies,
    /// Connections whose servers the client has yet to verify.
    unverified: Vec<ConnectionId>,
}

/// What changes about a server.
#[derive(Debug)]
struct ServerState {
    in_force: InForce,
    /// Sessions that it issued so far.
    issued: u32,
    /// The names in its certificate, once somebody wants to know.
    names: Option<Arc<[String]>>,
}

/// A connection of the user agent; its number is the index.
#[derive(Debug)]
struct Open {
    /// Its number in the log, if a server ever saw it.
    number: u32,
    server: usize,
    closed: bool,
    /// The way to its server, if it does not go straight.
    hop: Option<Tunnel>,
    /// Whom the server takes the client to be.
    client: Client,
    /// The name that the handshake was for; an address is none.
    sni: Option<Name>,
    /// The host rule that it was under; none for the server's own.
    under: Option<usize>,
    /// What would come of a late authentication; none if the server does not ask late.
    late: Option<Setting>,
}

/// The connection to a proxy.
#[derive(Debug)]
struct Tunnel {
    /// Its number in the log.
    number: u32,
    server: usize,
}

impl Open {
    /// One that no server ever saw.
    fn never() -> Self {
        Self {
            number: 0,
            server: usize::MAX,
            closed: true,
            hop: None,
            client: Client::Absent,
            sni: None,
            under: None,
            late: None,
        }
    }

    /// One leg ends, and then the other.
    fn end(&mut self, first: Leg, now: Duration, log: &mut Log) {
        self.closed = true;
        let tunnel = self.hop.as_ref().map(|hop| hop.number);
        let legs = match first {
            Leg::Origin => [Some(self.number), tunnel],
            Leg::Proxy => [tunnel, Some(self.number)],
        };
        for connection in legs.into_iter().flatten() {
            write(log, now, Entry::Closed { connection });
        }
    }
}

#[derive(Debug)]
struct Session {
    number: u32,
    server: usize,
    tls: Tls,
    sni: Option<Name>,
    client: Client,
    /// The rule that the handshake was under.
    under: ClientCertificate,
    issued: Duration,
    lifetime: Duration,
    /// Whether the server still knows it.
    known: bool,
}

impl ModelWorld {
    fn reset(&mut self, case: &Case<'_>, deciders: Deciders) {
        self.deciders = deciders;
        self.now = Duration::ZERO;
        self.renewals.clear();
        self.renewals.resize(case.scenario.identities.len(), 0);
        self.accepted = 0;
        self.connections.clear();
        self.unverified.clear();
        self.sessions.clear();
        self.servers.clear();
        self.servers
            .extend(case.scenario.servers.iter().map(|server| ServerState {
                in_force: InForce::from(server),
                issued: 0,
                names: None,
            }));
    }
}

impl World for ModelWorld {
    fn perform(
        &mut self,
        case: &Case<'_>,
        action: Action,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError> {
        match action {
            Action::Connect(connect) => self.connect(case, &connect, log, events),
            Action::Send(send) => self.send(case, &send, log, events),
            Action::Close(connection) => self.close(connection, log),
            Action::Forget(_) | Action::Prompted(_) | Action::Finish { .. } => {}
        }
        Ok(())
    }

    fn rest(&mut self, log: &mut Log, events: &mut Vec<Event>) {
        for connection in core::mem::take(&mut self.unverified) {
            self.verify(connection, log, events);
        }
    }

    fn change(
        &mut self,
        _: &Case<'_>,
        event: &WorldEvent,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError> {
        match event {
            WorldEvent::Time { seconds } => self.now += Duration::from_secs(u64::from(*seconds)),
            WorldEvent::Close { server } => self.close_all(usize::from(*server), log, events),
            WorldEvent::Restart { server } => {
                self.forget(usize::from(*server));
                self.close_all(usize::from(*server), log, events);
            }
            WorldEvent::RotateTicketKeys { server } => self.forget(usize::from(*server)),
            WorldEvent::ChangeMode { server, .. } => {
                self.forget(usize::from(*server));
                self.take_up(usize::from(*server), event);
                self.close_all(usize::from(*server), log, events);
            }
            WorldEvent::Reload { server, .. } => {
                self.take_up(usize::from(*server), event);
                self.close_all(usize::from(*server), log, events);
            }
            WorldEvent::Renew { identity } => self.renewals[usize::from(*identity)] += 1,
            WorldEvent::Logout | WorldEvent::NetworkChange => {}
        }
        Ok(())
    }
}

impl ModelWorld {
    /// The client looks at the certificate of a server, and does not accept it.
    fn verify(&mut self, connection: ConnectionId, log: &mut Log, events: &mut Vec<Event>) {
        self.close(connection, log);
        events.push(Event::Closed {
            connection,
            asked: false,
            reason: EndReason::ServerUntrusted,
        });
    }

    /// What is sent in one flight arrives before anything is answered, and is answered in order.
    fn send(&mut self, case: &Case<'_>, send: &Send, log: &mut Log, events: &mut Vec<Event>) {
        let mut flight = InFlight {
            before: 0,
            after: u32::try_from(send.followed_by.len()).unwrap_or(u32::MAX),
        };
        self.send_one(case, (send, flight), log, events);
        for next in &send.followed_by {
            flight.before += 1;
            flight.after -= 1;
            self.send_one(case, (next, flight), log, events);
        }
    }

    fn send_one(
        &mut self,
        case: &Case<'_>,
        (send, flight): (&Send, InFlight),
        log: &mut Log,
        events: &mut Vec<Event>,
    ) {
        let open = &self.connections[send.connection.0 as usize];
        if open.closed {
            return;
        }
        let plan = &case.scenario.servers[open.server];
        let asked = Asked::of(&send.request);
        let cause = cause_of(send.cause);
        write(
            log,
            self.now,
            Entry::Request(Request {
                connection: open.number,
                stream: send.stream,
                step: Some(cause.step),
                hop: cause.hop,
                method: Name::new(send.request.method.as_str()),
                authority: match case.hop(cause.step, cause.hop) {
                    Some(hop) if hop.request.current_url() == send.request.current_url() => {
                        hop.authority.clone()
                    }
                    _ => authority(&send.request),
                },
                target: Name::new(asked.path),
                preflight: asked.is_preflight(),
                origin: asked.origin.as_deref().map(Name::new),
                cookie: send.carried.cookie,
                authorization: send.carried.authorization,
                client_cert: false,
                behind: flight.before,
            }),
        );
        let needs = (asked.path, asked.is_preflight());
        let answer = match self.admit(case, plan, (send, flight), needs, log, events) {
            Passage::Open => self.replies.reply(plan, &asked),
            Passage::Denied => Reply::bare(403),
            Passage::Misdirected => Reply::bare(421),
            Passage::SentAway => {
                return events.push(Event::WantsHttp1 {
                    connection: send.connection,
                    stream: send.stream,
                });
            }
            Passage::BrokenOff => return,
        };
        let open = &self.connections[send.connection.0 as usize];
        let response = Response {
            connection: open.number,
            stream: send.stream,
            status: answer.status,
        };
        write(log, self.now, Entry::Response(response));
        events.push(Event::Response {
            connection: send.connection,
            stream: send.stream,
            status: answer.status,
            headers: answer.headers,
        });
    }

    /// Whether a request gets past the server's door: it must be for a host under the rule that the connection was made
    /// under (RFC 9110 section 7.4), and authenticated where that is late.
    fn admit(
        &mut self,
        case: &Case<'_>,
        plan: &Server,
        (send, flight): (&Send, InFlight),
        needs: (&str, bool),
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Passage {
        if !plan.host_rules.is_empty() && !self.belongs(case, plan, send) {
            return Passage::Misdirected;
        }
        self.authenticate(case, plan, (send, flight), needs, log, events)
    }

    fn close(&mut self, connection: ConnectionId, log: &mut Log) {
        let open = &mut self.connections[connection.0 as usize];
        if !open.closed {
            open.end(Leg::Origin, self.now, log);
        }
    }

    fn close_all(&mut self, server: usize, log: &mut Log, events: &mut Vec<Event>) {
        for (index, open) in (0..).zip(&mut self.connections) {
            let through = open.hop.as_ref().map(|hop| hop.server);
            let by = match (open.server == server, through == Some(server)) {
                (_, true) => Leg::Proxy,
                (true, false) => Leg::Origin,
                (false, false) => continue,
            };
            if !open.closed {
                open.end(by, self.now, log);
                let connection = ConnectionId(index);
                events.push(Event::Closed {
                    connection,
                    asked: false,
                    reason: EndReason::Closed,
                });
            }
        }
    }

    fn take_up(&mut self, server: usize, event: &WorldEvent) {
        let state = &mut self.servers[server];
        state.in_force = state.in_force.after(event, server);
    }

    fn forget(&mut self, server: usize) {
        for session in self
            .sessions
            .iter_mut()
            .filter(|session| session.server == server)
        {
            session.known = false;
        }
    }
}

/// The server at an origin, its host, and the port.
pub(super) fn endpoint(case: &Case<'_>, origin: &Origin) -> (usize, Name, u16) {
    let (host, port) = host_and_port(origin.as_str().strip_prefix("https://").unwrap_or_default());
    let (server, name) = case.scenario.server_of(host, port).unwrap_or((0, 0));
    (
        server,
        case.scenario.servers[server].hosts[name].clone(),
        port,
    )
}
