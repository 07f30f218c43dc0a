//! The tier `model`: TLS and HTTP reduced to what they decide. No bytes, no cryptography, no heap where it can be avoided.
//!
//! It must do what real TLS does, event for event: the tests run the same scenarios on the tier `memory` and compare
//! the logs.

mod late;

use core::time::Duration;
use std::sync::{Arc, LazyLock};

use bareflight_policy::{CertificateAnswer, Origin};
use bareflight_user_agent::{
    Action, Alpn as Offered, Connect, ConnectionId, Decisions, EndReason, Event, HeldIdentity,
    Limits, Protocol, Send, SessionHandle, UserAgent,
};

use self::late::{Passage, Setting};
use super::run::{Run, cause_of, number, write};
use super::{Tier, TierError, World};
use crate::case::{Case, authority, host_and_port};
use crate::log::{
    Client, Connection, Event as Entry, Log, Protocol as LogProtocol, Request, Response, Ticket,
    Tls,
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
    fn run(
        &mut self,
        case: &Case<'_>,
        decisions: &'static dyn Decisions,
        log: &mut Log,
    ) -> Result<(), TierError> {
        log.records.clear();
        self.agent.reset(case.profile, decisions);
        self.world.reset(case);
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
    now: Duration,
    handshakes: u64,
    /// How often each identity was renewed.
    renewals: Vec<u16>,
    servers: Vec<ServerState>,
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
    /// Whom the server takes the client to be.
    client: Client,
    /// The host that the handshake was for.
    host: Name,
    /// What would come of a late authentication; none if the server does not ask late.
    late: Option<Setting>,
}

#[derive(Debug)]
struct Session {
    number: u32,
    server: usize,
    tls: Tls,
    sni: Name,
    client: Client,
    issued: Duration,
    lifetime: Duration,
    /// Whether the server still knows it.
    known: bool,
}

impl ModelWorld {
    fn reset(&mut self, case: &Case<'_>) {
        self.now = Duration::ZERO;
        self.renewals.clear();
        self.renewals.resize(case.scenario.identities.len(), 0);
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
            WorldEvent::Renew { identity } => self.renewals[usize::from(*identity)] += 1,
            WorldEvent::Logout | WorldEvent::NetworkChange => {}
        }
        Ok(())
    }
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
        self.handshakes += 1;
        let (server, sni, port) = endpoint(case, &connect.origin);
        let number = u32::try_from(self.connections.len() + 1).unwrap_or(u32::MAX);
        let plan = &case.scenario.servers[server];
        // A server that asks late knows no sessions, so it does not see that one was offered.
        let rule = self.servers[server].client_certificate;
        let offer = connect.offer.filter(|_| rule.late().is_none());
        let offered = offer.map(|session| session.0 as usize);
        let mut record = Connection {
            sni: Some(sni.clone()),
            offered: offered.map(|session| self.sessions[session].number),
            ..Connection::opened(number, plan.name.clone(), port, cause_of(connect.cause))
        };
        let outcome = self.handshake(case, plan, server, &sni, connect, offered, &mut record);
        let agreed = outcome.as_ref().ok();
        self.connections.push(Open {
            number,
            server,
            closed: agreed.is_none(),
            host: sni.clone(),
            client: agreed.map_or(Client::Absent, |agreed| agreed.client.clone()),
            late: agreed.and_then(|agreed| {
                Setting::of(plan.rule_for(&sni, rule), connect, agreed.protocol)
            }),
        });
        match outcome {
            Ok(agreed) => self.agree(plan, server, &sni, connect, agreed, record, log, events),
            Err(refused) => self.refuse(connect, refused, record, log, events),
        }
    }

    /// What both ends make of a handshake; what is known before it fails is in `record`.
    #[allow(clippy::too_many_arguments)]
    fn handshake(
        &self,
        case: &Case<'_>,
        plan: &Server,
        server: usize,
        sni: &Name,
        connect: &Connect,
        offered: Option<usize>,
        record: &mut Connection,
    ) -> Result<Agreed, Refused> {
        let rule = self.servers[server].client_certificate;
        let mode = plan.rule_for(sni, rule);
        let tls = version(plan.tls_under(rule));
        let Some(protocol) = protocol(plan.alpn, connect.alpn) else {
            return Err(Refused {
                name: "handshake-failed",
                reason: EndReason::Handshake,
                late: None,
            });
        };
        let resumed = offered
            .filter(|&session| self.resumes(&self.sessions[session], server, mode, tls, sni));
        if let Some(session) = resumed {
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
        if mode.asks() && connect.answer == CertificateAnswer::Abort {
            return Err(Refused {
                name: "client-aborted",
                reason: EndReason::AbortedWhenAsked,
                late: None,
            });
        }
        let verifies = connect.trust == bareflight_user_agent::trust(number(Trust::Verify));
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
        let client = match (connect.answer, connect.identity) {
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

    fn resumes(
        &self,
        session: &Session,
        server: usize,
        rule: ClientCertificate,
        tls: Tls,
        sni: &Name,
    ) -> bool {
        let fresh = self.now.saturating_sub(session.issued) <= session.lifetime;
        let satisfied = match rule {
            ClientCertificate::Require => session.client.is_authenticated(),
            _ => true,
        };
        session.known
            && session.server == server
            && session.tls == tls
            && session.sni == *sni
            && fresh
            && satisfied
    }

    fn identity(&self, case: &Case<'_>, identity: HeldIdentity) -> Client {
        let index = identity.0 as usize;
        Client::Identity {
            name: case.scenario.identities[index].name.clone(),
            renewal: self.renewals[index],
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn agree(
        &mut self,
        plan: &Server,
        server: usize,
        sni: &Name,
        connect: &Connect,
        agreed: Agreed,
        mut record: Connection,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) {
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
        let connection = record.id;
        write(log, self.now, Entry::Connection(record));
        events.push(Event::Connected {
            connection: connect.connection,
            protocol,
            asked,
            names: self.names(plan, server, protocol),
        });
        if !plan.tickets_under(self.servers[server].client_certificate) {
            return;
        }
        let tickets = if tls == Tls::V1_3 { TICKETS } else { 1 };
        for _ in 0..tickets {
            let index = self.sessions.len();
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let lifetime = Duration::from_secs(u64::from(plan.ticket_lifetime));
            self.sessions.push(Session {
                number,
                server,
                tls,
                sni: sni.clone(),
                client: client.clone(),
                issued: self.now,
                lifetime,
                known: true,
            });
            let ticket = Ticket {
                session: number,
                connection,
                lifetime: plan.ticket_lifetime,
            };
            write(log, self.now, Entry::Ticket(ticket));
            events.push(Event::Session {
                connection: connect.connection,
                session: SessionHandle(number - 1),
                single_use: tls == Tls::V1_3,
                lifetime,
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
    ) {
        record.failed = Some(Name::const_new(refused.name));
        let asked = record.asked;
        write(log, self.now, Entry::Connection(record));
        let connection = connect.connection;
        if let Some(protocol) = refused.late {
            events.push(Event::Connected {
                connection,
                protocol,
                asked,
                names: Arc::clone(&NO_NAMES),
            });
        }
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

    /// Whether a request is for the host that its connection was made for, or for one whose rule the connection meets.
    fn belongs(&self, plan: &Server, send: &Send) -> bool {
        let open = &self.connections[send.connection.0 as usize];
        let rule = self.servers[open.server].client_certificate;
        let host = send
            .request
            .current_url()
            .as_url()
            .host_str()
            .unwrap_or_default();
        let own = |host: &str| plan.host_rules.iter().any(|it| it.host == host);
        // Hosts without a rule of their own share the server's.
        if host == open.host || !(own(host) || own(&open.host)) {
            return true;
        }
        match plan.rule_for(host, rule) {
            ClientCertificate::None => true,
            ClientCertificate::Request => {
                let asked = plan.rule_for(&open.host, rule) == ClientCertificate::Request;
                asked || open.client.is_authenticated()
            }
            ClientCertificate::Require
            | ClientCertificate::Renegotiate
            | ClientCertificate::PostHandshake => open.client.is_authenticated(),
        }
    }

    fn close(&mut self, connection: ConnectionId, log: &mut Log) {
        let open = &mut self.connections[connection.0 as usize];
        if !open.closed {
            open.closed = true;
            let connection = open.number;
            write(log, self.now, Entry::Closed { connection });
        }
    }

    fn close_all(&mut self, server: usize, log: &mut Log, events: &mut Vec<Event>) {
        for (index, open) in (0..).zip(&mut self.connections) {
            if open.server == server && !open.closed {
                open.closed = true;
                write(
                    log,
                    self.now,
                    Entry::Closed {
                        connection: open.number,
                    },
                );
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
        (Alpn::Http1, _) | (Alpn::Both, Offered::Http1) => Some(Protocol::Http1),
        (Alpn::H2 | Alpn::Both, Offered::Any) => Some(Protocol::H2),
        (Alpn::H2, Offered::Http1) => None,
    }
}

fn wire(protocol: Protocol) -> LogProtocol {
    match protocol {
        Protocol::Http1 => LogProtocol::Http1,
        Protocol::H2 => LogProtocol::H2,
    }
}
