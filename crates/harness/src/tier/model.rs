//! The tier `model`: TLS and HTTP reduced to what they decide. No bytes, no cryptography, no heap where it can be avoided.
//!
//! It must do what real TLS does, event for event: the tests run the same scenarios on the tier `memory` and compare
//! the logs.

mod late;
mod rules;

use core::time::Duration;
use std::sync::{Arc, LazyLock};

use bareflight_policy::{CertificateAnswer, Origin};
use bareflight_pool_key::TrustId;
use bareflight_user_agent::{
    Action, Alpn as Offered, Connect, ConnectionId, EndReason, Event, HeldIdentity, Hop, Limits,
    Protocol, Send, SessionHandle, UserAgent,
};

use self::late::{Passage, Setting};
use super::run::{Run, cause_of, number, write};
use super::{Deciders, Tier, TierError, World};
use crate::case::{Case, authority, host_and_port};
use crate::log::{
    Client, Connection, Event as Entry, Leg, Log, Protocol as LogProtocol, Request, Response,
    Ticket, Tls,
};
use crate::reply::{Asked, Replies, Reply};
use crate::scenario::{
    Alpn, ClientCertificate, Name, Server, ServerCertificate, TlsVersions, Trust, WorldEvent,
};

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
}

/// What changes about a server.
#[derive(Debug)]
struct ServerState {
    client_certificate: ClientCertificate,
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
    /// The host that the handshake was for.
    host: Name,
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
            host: Name::default(),
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
    sni: Name,
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
        self.sessions.clear();
        self.servers.clear();
        self.servers
            .extend(case.scenario.servers.iter().map(|server| ServerState {
                client_certificate: server.client_certificate,
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
            WorldEvent::ChangeMode {
                server,
                client_certificate,
            } => {
                self.forget(usize::from(*server));
                self.servers[usize::from(*server)].client_certificate = *client_certificate;
                self.close_all(usize::from(*server), log, events);
            }
            WorldEvent::Reload {
                server,
                client_certificate,
            } => {
                self.servers[usize::from(*server)].client_certificate = *client_certificate;
                self.close_all(usize::from(*server), log, events);
            }
            WorldEvent::Renew { identity } => self.renewals[usize::from(*identity)] += 1,
            WorldEvent::Logout | WorldEvent::NetworkChange => {}
        }
        Ok(())
    }
}

/// What a client says in a handshake, whichever leg it is on.
struct Hello {
    answer: CertificateAnswer,
    identity: Option<HeldIdentity>,
    trust: TrustId,
    alpn: Offered,
    offer: Option<SessionHandle>,
    /// Whether there is early data.
    early: bool,
}

impl Hello {
    fn of(connect: &Connect) -> Self {
        Self {
            answer: connect.answer,
            identity: connect.identity,
            trust: connect.trust,
            alpn: connect.alpn,
            offer: connect.offer,
            early: connect.early.is_some(),
        }
    }

    fn to_proxy(hop: &Hop) -> Self {
        Self {
            answer: hop.answer,
            identity: hop.identity,
            trust: hop.trust,
            alpn: Offered::Http1,
            offer: hop.offer,
            early: false,
        }
    }
}

/// A handshake under way.
struct Handshake {
    server: usize,
    sni: Name,
    /// What its server will have seen.
    record: Connection,
}

/// A handshake that got so far that both ends agree on it.
struct Agreed {
    tls: Tls,
    protocol: Protocol,
    asked: bool,
    client: Client,
    resumed: Option<usize>,
}

impl ModelWorld {
    fn connect(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) {
        let mut sessions = Vec::new();
        let hop = match connect.hop.as_deref() {
            None => None,
            Some(hop) => match self.dig(case, connect, hop, log, &mut sessions) {
                Some(tunnel) => Some(tunnel),
                None => {
                    self.connections.push(Open::never());
                    return events.push(Event::Closed {
                        connection: connect.connection,
                        asked: false,
                        reason: EndReason::Proxy,
                    });
                }
            },
        };
        let hello = Hello::of(connect);
        let mut leg = self.leg(case, connect, &connect.origin);
        leg.record.through = hop.as_ref().map(|tunnel| tunnel.number);
        let outcome = self.shake_hands(case, &mut leg, &hello);
        let agreed = outcome.as_ref().ok();
        let plan = &case.scenario.servers[leg.server];
        let under = self.asked_for(plan, &leg.sni);
        let rule = self.rule_of(plan, leg.server, under);
        self.connections.push(Open {
            number: leg.record.id,
            server: leg.server,
            hop,
            closed: agreed.is_none(),
            host: leg.sni.clone(),
            under,
            client: agreed.map_or(Client::Absent, |agreed| agreed.client.clone()),
            late: agreed.and_then(|agreed| Setting::of(rule, connect, agreed.protocol)),
        });
        match outcome {
            Ok(agreed) => {
                events.push(Event::Connected {
                    connection: connect.connection,
                    protocol: agreed.protocol,
                    asked: agreed.asked,
                    names: self.names(plan, leg.server, agreed.protocol),
                });
                self.agree(case, connect.connection, leg, agreed, log, &mut sessions);
            }
            Err(refused) => {
                self.refuse(connect, refused, leg.record, log, events, &mut sessions);
            }
        }
        events.append(&mut sessions);
        if let Some(early) = &connect.early {
            self.send(case, early, log, events);
        }
    }

    /// A tunnel through a proxy; none if the handshake with it failed.
    fn dig(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        hop: &Hop,
        log: &mut Log,
        sessions: &mut Vec<Event>,
    ) -> Option<Tunnel> {
        let mut leg = self.leg(case, connect, &hop.proxy);
        leg.record.leg = Leg::Proxy;
        let tunnel = Tunnel {
            number: leg.record.id,
            server: leg.server,
        };
        match self.shake_hands(case, &mut leg, &Hello::to_proxy(hop)) {
            Ok(agreed) => self.agree(case, connect.connection, leg, agreed, log, sessions),
            Err(refused) => {
                leg.record.failed = Some(Name::const_new(refused.name));
                write(log, self.now, Entry::Connection(leg.record));
                return None;
            }
        }
        let cause = cause_of(connect.cause);
        let (_, host, port) = endpoint(case, &connect.origin);
        let authority = Name::from(format!("{host}:{port}"));
        let asked = Request {
            connection: tunnel.number,
            stream: 1,
            step: Some(cause.step),
            hop: cause.hop,
            method: Name::const_new("CONNECT"),
            authority,
            target: Name::default(),
            preflight: false,
            origin: None,
            cookie: false,
            authorization: false,
            client_cert: false,
        };
        write(log, self.now, Entry::Request(asked));
        let dug = Response {
            connection: tunnel.number,
            stream: 1,
            status: 200,
        };
        write(log, self.now, Entry::Response(dug));
        Some(tunnel)
    }

    /// The next leg, and what its server knows of it before the handshake.
    fn leg(&mut self, case: &Case<'_>, connect: &Connect, to: &Origin) -> Handshake {
        self.handshakes += 1;
        self.accepted += 1;
        let (server, sni, port) = endpoint(case, to);
        let name = case.scenario.servers[server].name.clone();
        let opened = Connection::opened(self.accepted, name, port, Some(cause_of(connect.cause)));
        Handshake {
            server,
            record: Connection {
                sni: Some(sni.clone()),
                ..opened
            },
            sni,
        }
    }

    /// What both ends make of a handshake; what is known before it fails is in `record`.
    fn shake_hands(
        &self,
        case: &Case<'_>,
        leg: &mut Handshake,
        hello: &Hello,
    ) -> Result<Agreed, Refused> {
        let Handshake {
            server,
            sni,
            record,
        } = leg;
        let (server, plan) = (*server, &case.scenario.servers[*server]);
        let rule = self.servers[server].client_certificate;
        // A server that asks late knows no sessions, so it does not see that one was offered.
        let offer = hello.offer.filter(|_| rule.late().is_none());
        let offered = offer.map(|session| session.0 as usize);
        record.offered = offered.map(|session| self.sessions[session].number);
        let mode = self.rule_of(plan, server, self.asked_for(plan, sni));
        let tls = version(plan.tls_under(rule));
        let Some(protocol) = protocol(plan.alpn, hello.alpn) else {
            return Err(Refused {
                name: "handshake-failed",
                reason: EndReason::Handshake,
                late: None,
            });
        };
        let resumed = offered.filter(|&session| {
            self.resumes(plan, &self.sessions[session], (server, mode), tls, sni)
        });
        if let Some(session) = resumed {
            record.early_data = hello.early && tls == Tls::V1_3 && plan.early_data_under(rule);
            let client = self.sessions[session].client.clone();
            return Ok(Agreed {
                tls,
                protocol,
                asked: false,
                client,
                resumed,
            });
        }
        record.asked = mode.asks();
        // TLS 1.3 asks before the server shows its certificate, so who breaks off when asked never gets to see it.
        if mode.asks() && hello.answer == CertificateAnswer::Abort {
            return Err(Refused {
                name: "client-aborted",
                reason: EndReason::AbortedWhenAsked,
                late: None,
            });
        }
        let verifies = hello.trust == bareflight_user_agent::trust(number(Trust::Verify));
        if verifies && plan.certificate == ServerCertificate::Untrusted {
            return Err(Refused {
                name: "server-untrusted",
                reason: EndReason::ServerUntrusted,
                late: None,
            });
        }
        if !mode.asks() {
            return Ok(Agreed {
                tls,
                protocol,
                asked: false,
                client: Client::Absent,
                resumed: None,
            });
        }
        let client = match (hello.answer, hello.identity) {
            (CertificateAnswer::Present, Some(identity)) => self.identity(case, identity),
            _ => Client::Declined,
        };
        record.client = client.clone();
        if mode == ClientCertificate::Require && client == Client::Declined {
            // TLS 1.3: the client's last flight was its Finished, so it counts as connected when the alert arrives.
            let late = (tls == Tls::V1_3).then_some(protocol);
            return Err(Refused {
                name: "certificate-required",
                reason: EndReason::CertificateRequired,
                late,
            });
        }
        Ok(Agreed {
            tls,
            protocol,
            asked: true,
            client,
            resumed: None,
        })
    }

    fn identity(&self, case: &Case<'_>, identity: HeldIdentity) -> Client {
        let index = identity.0 as usize;
        Client::Identity {
            name: case.scenario.identities[index].name.clone(),
            renewal: self.renewals[index],
        }
    }

    /// What is known once both ends agree, and the sessions that the server then issues.
    fn agree(
        &mut self,
        case: &Case<'_>,
        connection: ConnectionId,
        leg: Handshake,
        agreed: Agreed,
        log: &mut Log,
        sessions: &mut Vec<Event>,
    ) {
        let Handshake {
            server,
            sni,
            mut record,
        } = leg;
        let Agreed {
            tls,
            protocol,
            asked,
            client,
            resumed,
        } = agreed;
        record.tls = Some(tls);
        record.alpn = Some(wire(protocol));
        record.asked = asked;
        record.client = client.clone();
        record.resumed = resumed.map(|session| self.sessions[session].number);
        let (number, to) = (record.id, record.leg);
        write(log, self.now, Entry::Connection(record));
        let plan = &case.scenario.servers[server];
        let rule = self.servers[server].client_certificate;
        if !plan.tickets_under(rule) {
            return;
        }
        let tickets = if tls == Tls::V1_3 { TICKETS } else { 1 };
        for _ in 0..tickets {
            let index = self.sessions.len();
            let session = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let lifetime = Duration::from_secs(u64::from(plan.ticket_lifetime));
            self.sessions.push(Session {
                number: session,
                server,
                tls,
                sni: sni.clone(),
                client: client.clone(),
                under: self.rule_of(plan, server, self.asked_for(plan, &sni)),
                issued: self.now,
                lifetime,
                known: true,
            });
            let ticket = Ticket {
                session,
                connection: number,
                lifetime: plan.ticket_lifetime,
            };
            write(log, self.now, Entry::Ticket(ticket));
            sessions.push(Event::Session {
                connection,
                leg: to.into(),
                session: SessionHandle(session - 1),
                single_use: tls == Tls::V1_3,
                lifetime,
                early_data: tls == Tls::V1_3 && plan.early_data_under(rule),
            });
        }
    }

    /// The names in a server's certificate. In HTTP/1.1 nobody joins a connection, so nobody asks.
    fn names(&mut self, plan: &Server, server: usize, protocol: Protocol) -> Arc<[String]> {
        if protocol == Protocol::Http1 {
            return Arc::clone(&NO_NAMES);
        }
        let names = &mut self.servers[server].names;
        Arc::clone(names.get_or_insert_with(|| plan.hosts.iter().map(Name::to_string).collect()))
    }

    fn refuse(
        &self,
        connect: &Connect,
        refused: Refused,
        mut record: Connection,
        log: &mut Log,
        events: &mut Vec<Event>,
        sessions: &mut Vec<Event>,
    ) {
        record.failed = Some(Name::const_new(refused.name));
        let (asked, tunnel) = (record.asked, record.through);
        write(log, self.now, Entry::Connection(record));
        if let Some(connection) = tunnel {
            // Nobody else needs it.
            write(log, self.now, Entry::Closed { connection });
        }
        let connection = connect.connection;
        if let Some(protocol) = refused.late {
            events.push(Event::Connected {
                connection,
                protocol,
                asked,
                names: Arc::clone(&NO_NAMES),
            });
        }
        // The proxy's came with the tunnel, before the origin broke off.
        events.append(sessions);
        events.push(Event::Closed {
            connection,
            asked,
            reason: refused.reason,
        });
    }

    fn send(&mut self, case: &Case<'_>, send: &Send, log: &mut Log, events: &mut Vec<Event>) {
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
            }),
        );
        let needs = (asked.path, asked.is_preflight());
        let answer = match self.admit(case, plan, send, needs, log, events) {
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
        send: &Send,
        needs: (&str, bool),
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Passage {
        if !plan.host_rules.is_empty() && !self.belongs(plan, send) {
            return Passage::Misdirected;
        }
        self.authenticate(case, plan, send, needs, log, events)
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

static NO_NAMES: LazyLock<Arc<[String]>> = LazyLock::new(|| Arc::new([]));

#[derive(Clone, Copy)]
struct Refused {
    name: &'static str,
    reason: EndReason,
    /// The protocol of a client that counts as connected before it learns.
    late: Option<Protocol>,
}

/// The server at an origin, its host as the SNI, and the port.
pub(super) fn endpoint(case: &Case<'_>, origin: &Origin) -> (usize, Name, u16) {
    let (host, port) = host_and_port(origin.as_str().strip_prefix("https://").unwrap_or_default());
    let (server, name) = case.scenario.server_of(host, port).unwrap_or((0, 0));
    (
        server,
        case.scenario.servers[server].hosts[name].clone(),
        port,
    )
}

fn version(versions: TlsVersions) -> Tls {
    match versions {
        TlsVersions::Tls12 => Tls::V1_2,
        TlsVersions::Tls13 | TlsVersions::Both => Tls::V1_3,
    }
}

fn protocol(accepted: Alpn, offered: Offered) -> Option<Protocol> {
    match (accepted, offered) {
        (Alpn::Http1, Offered::Any | Offered::Http1) | (Alpn::Both, Offered::Http1) => {
            Some(Protocol::Http1)
        }
        (Alpn::H2 | Alpn::Both, Offered::Any | Offered::H2) => Some(Protocol::H2),
        (Alpn::H2, Offered::Http1) | (Alpn::Http1, Offered::H2) => None,
    }
}

fn wire(protocol: Protocol) -> LogProtocol {
    match protocol {
        Protocol::Http1 => LogProtocol::Http1,
        Protocol::H2 => LogProtocol::H2,
    }
}
