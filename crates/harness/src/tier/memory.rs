//! The tier `memory`: real rustls handshakes and hyper, in memory, on a virtual clock.

mod certificates;
mod gather;
pub(super) mod wire;

use core::time::Duration;
use std::sync::Arc;

use bareflight_handshake_driver::{
    Busy, CertifiedKey, ClientConfiguration, ClientHandshake, ConnectionId as DriverId, Driver,
    EndReason as DriverEnd, Hop as DriverHop, IdentityPlan, Pki, Rules, ServerId, Session,
};
use bareflight_policy::Origin;
use bareflight_pool_key::TrustId;
use bareflight_user_agent::{
    Action, Connect, ConnectionId, EndReason, Event, HeldIdentity, Hop, Limits, Protocol, Send,
    SessionHandle, UserAgent, trust,
};
use foldhash::HashMap;

use certificates::Certificates;

use super::model::endpoint;
use super::run::{Run, cause_of, number};
use super::scribe::Scribe;
use super::{Deciders, Packet, Tier, TierError, Wire, World};
use crate::case::Case;
use crate::log::{Cause, Leg, Log};
use crate::scenario::{ClientCertificate, Trust, WorldEvent};

/// Runs scenarios on the tier `memory`.
#[derive(Debug)]
pub struct Memory {
    agent: UserAgent,
    events: Vec<Event>,
    certificates: Certificates,
    handshakes: u64,
    keeps_wire: bool,
    wire: Option<Wire>,
}

impl Memory {
    /// A runner; certificates are made when they are needed.
    ///
    /// # Errors
    ///
    /// None so far: certificates that cannot be made fail the run.
    pub fn new() -> Result<Self, TierError> {
        Self::over(Pki::default)
    }

    /// As [`new`](Self::new), over the provider that protects nothing and costs next to nothing: the same logs, sooner.
    /// Scenarios in which a server asks late need OpenSSL, which needs real keys; they run as on `new`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "insecure-test-crypto")]
    pub fn with_insecure_test_crypto() -> Result<Self, TierError> {
        Self::over(|| Pki::insecure_test(0))
    }

    fn over(fresh: fn() -> Pki) -> Result<Self, TierError> {
        let profile = bareflight_policy::Profile::fetch();
        Ok(Self {
            agent: UserAgent::new(profile, &bareflight_user_agent::Standard, Limits::default()),
            events: Vec::new(),
            certificates: Certificates::new(fresh),
            handshakes: 0,
            keeps_wire: false,
            wire: None,
        })
    }
}

impl Tier for Memory {
    fn run(&mut self, case: &Case<'_>, deciders: Deciders, log: &mut Log) -> Result<(), TierError> {
        log.records.clear();
        self.events.clear();
        self.agent.reset(case.profile, deciders.agent);
        let pki = self.certificates.serve(case.scenario);
        let mut world = MemoryWorld::new(pki, deciders.servers, case)?;
        if self.keeps_wire {
            world.driver.capture();
        }
        let run = Run {
            case,
            agent: &mut self.agent,
            world: &mut world,
            log,
            events: &mut self.events,
            now: Duration::ZERO,
            performed: 0,
        };
        let outcome = run.run();
        self.handshakes += world.handshakes;
        self.wire = self.keeps_wire.then(|| world.wire());
        outcome
    }

    fn keep_wire(&mut self) {
        self.keeps_wire = true;
    }

    fn take_wire(&mut self) -> Option<Wire> {
        self.wire.take()
    }

    fn handshakes(&self) -> u64 {
        self.handshakes
    }
}

struct MemoryWorld {
    driver: Driver,
    now: Duration,
    handshakes: u64,
    servers: Vec<ServerId>,
    /// How often each identity was renewed.
    renewals: Vec<u32>,
    /// Each leg of each connection, in the order of their numbers in the log.
    connections: Vec<Open>,
    /// Where among them the leg to the origin is, by the user agent's number.
    ours: Vec<usize>,
    /// And by the driver's number.
    numbers: HashMap<u64, usize>,
    scribe: Scribe,
    /// The client's ends of sessions, by the user agent's handle.
    sessions: Vec<Option<Kept>>,
    configurations: HashMap<wire::ConfigurationOf, u64>,
    /// The rule on client certificates that is in force at each server.
    rules: Vec<ClientCertificate>,
}

/// The client's end of a session.
struct Kept {
    session: Session,
    /// The configuration that it was obtained under, and how that verifies servers.
    configuration: (u64, TrustId),
}

/// One leg of a connection of the user agent.
struct Open {
    driver: Option<DriverId>,
    /// The user agent's connection.
    agent: ConnectionId,
    /// Its number in the log.
    number: u32,
    leg: Leg,
    /// The number of the connection to the proxy that it goes through.
    through: Option<u32>,
    server: usize,
    port: u16,
    cause: Cause,
    /// Whether its server saw anything of it.
    seen: bool,
    asked: bool,
    closed: bool,
    lifetime: u32,
    /// Whether its server takes early data.
    early_data: bool,
    /// The configuration that it is made under, and how that verifies its server.
    configuration: (u64, TrustId),
    /// What was sent, in order.
    sent: Vec<Cause>,
}

impl MemoryWorld {
    fn new(pki: Arc<Pki>, rules: &Rules, case: &Case<'_>) -> Result<Self, TierError> {
        let mut driver = Driver::with_rules(pki, rules.clone());
        let servers = case.scenario.servers.iter().map(|server| {
            let plan = server.clone();
            let responder = move |_: DriverId, request: &http::Request<bytes::Bytes>| {
                wire::respond(&plan, request).into()
            };
            let plan = wire::server_plan(server, server.client_certificate);
            driver
                .add_server(plan, responder)
                .map_err(|error| TierError::Setup(error.to_string().into()))
        });
        let servers = servers.collect::<Result<_, _>>()?;
        Ok(Self {
            driver,
            now: Duration::ZERO,
            handshakes: 0,
            servers,
            renewals: vec![0; case.scenario.identities.len()],
            connections: Vec::new(),
            ours: Vec::new(),
            numbers: HashMap::default(),
            scribe: Scribe::default(),
            sessions: Vec::new(),
            configurations: HashMap::default(),
            rules: case
                .scenario
                .servers
                .iter()
                .map(|it| it.client_certificate)
                .collect(),
        })
    }
}

impl World for MemoryWorld {
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
            Action::Close(connection) => self.close(case, connection, log, events),
            Action::Forget(session) => {
                if let Some(session) = self.sessions.get_mut(session.0 as usize) {
                    *session = None;
                }
                Ok(())
            }
            Action::Prompted(_) | Action::Finish { .. } => Ok(()),
        }
    }

    fn change(
        &mut self,
        case: &Case<'_>,
        event: &WorldEvent,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError> {
        match event {
            WorldEvent::Time { seconds } => {
                let passed = Duration::from_secs(u64::from(*seconds));
                self.now += passed;
                self.driver.advance(passed);
            }
            WorldEvent::Close { server } => self.close_all(usize::from(*server))?,
            WorldEvent::Restart { server } => {
                self.driver
                    .forget_sessions(self.servers[usize::from(*server)]);
                self.close_all(usize::from(*server))?;
            }
            WorldEvent::RotateTicketKeys { server } => {
                self.driver
                    .forget_sessions(self.servers[usize::from(*server)]);
            }
            WorldEvent::ChangeMode {
                server,
                client_certificate,
            } => {
                let index = usize::from(*server);
                self.driver.forget_sessions(self.servers[index]);
                self.take_up(case, index, *client_certificate)?;
            }
            WorldEvent::Reload {
                server,
                client_certificate,
            } => self.take_up(case, usize::from(*server), *client_certificate)?,
            WorldEvent::Renew { identity } => self.renewals[usize::from(*identity)] += 1,
            WorldEvent::Logout | WorldEvent::NetworkChange => {}
        }
        self.gather(case, log, events);
        Ok(())
    }
}

impl MemoryWorld {
    /// A server takes up another rule, and closes the connections that were made under the old one.
    fn take_up(
        &mut self,
        case: &Case<'_>,
        server: usize,
        rule: ClientCertificate,
    ) -> Result<(), TierError> {
        let plan = wire::server_plan(&case.scenario.servers[server], rule);
        let changed = self.driver.reconfigure(self.servers[server], plan);
        changed.map_err(|error| TierError::Setup(error.to_string().into()))?;
        self.rules[server] = rule;
        self.close_all(server)
    }

    fn connect(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError> {
        let (server, sni, _) = endpoint(case, &connect.origin);
        let hop = connect.hop.as_deref();
        let proxy = hop.map(|hop| self.open(case, connect, &hop.proxy, Leg::Proxy));
        let index = self.open(case, connect, &connect.origin, Leg::Origin);
        self.connections[index].through = proxy.map(|it| self.connections[it].number);
        self.ours.push(index);

        let offer = self.offered(connect.offer, connect.trust);
        let under = offer.as_ref().and_then(|(_, configuration)| *configuration);
        let configuration = self.configuration(case, connect, self.rules[server], under)?;
        self.connections[index].configuration = (configuration.key.0, connect.trust);
        let offer = offer.map(|(session, _)| session);
        let at = self.servers[server];
        let begun = match (hop, proxy) {
            (Some(hop), Some(proxy)) => {
                let ticket = self.offered(hop.offer, hop.trust);
                let under = ticket
                    .as_ref()
                    .and_then(|(_, configuration)| *configuration);
                let to_proxy = self.configuration_for_proxy(case, hop, under)?;
                self.connections[proxy].configuration = (to_proxy.key.0, hop.trust);
                let (_, name, _) = endpoint(case, &hop.proxy);
                let way = DriverHop {
                    proxy: self.servers[self.connections[proxy].server],
                    name: &name,
                    configuration: &to_proxy,
                    offer: ticket.map(|(session, _)| session),
                    port: self.connections[index].port,
                };
                let through = self
                    .driver
                    .begin_through(way, at, &sni, &configuration, offer);
                through.map(|through| {
                    self.is(proxy, through.hop);
                    through.connection
                })
            }
            _ => self.driver.begin(at, &sni, &configuration, offer),
        };
        let id = begun.map_err(|error| TierError::Transport(error.to_string().into()))?;
        self.is(index, id);
        if let Some(early) = &connect.early {
            self.connections[index].sent.push(cause_of(early.cause));
            let sent = self.driver.send(id, wire::request(early));
            sent.map_err(|error| TierError::Transport(error.to_string().into()))?;
        }
        let outcome = self.driver.settle(id).map_err(busy)?;
        self.connected(case, connect, outcome, log, events);
        Ok(())
    }

    /// A leg that is being opened.
    fn open(&mut self, case: &Case<'_>, connect: &Connect, to: &Origin, leg: Leg) -> usize {
        self.handshakes += 1;
        let (server, _, port) = endpoint(case, to);
        let index = self.connections.len();
        self.connections.push(Open {
            driver: None,
            agent: connect.connection,
            number: u32::try_from(index + 1).unwrap_or(u32::MAX),
            leg,
            through: None,
            server,
            port,
            cause: cause_of(connect.cause),
            seen: false,
            asked: false,
            closed: false,
            lifetime: case.scenario.servers[server].ticket_lifetime,
            early_data: case.scenario.servers[server].early_data_under(self.rules[server]),
            configuration: (0, trust(number(Trust::Verify))),
            sent: Vec::new(),
        });
        index
    }

    /// The driver's number of a leg.
    fn is(&mut self, index: usize, id: DriverId) {
        self.numbers.insert(id.0, index);
        self.connections[index].driver = Some(id);
    }

    fn connected(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        outcome: Result<ClientHandshake, DriverEnd>,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) {
        let index = self.connections.len() - 1;
        match outcome {
            Ok(handshake) => {
                self.connections[index].asked = handshake.asked;
                events.push(Event::Connected {
                    connection: connect.connection,
                    protocol: match handshake.alpn {
                        Some(bareflight_handshake_driver::Protocol::H2) => Protocol::H2,
                        _ => Protocol::Http1,
                    },
                    asked: handshake.asked,
                    names: handshake.server_names.into(),
                });
                self.gather(case, log, events);
            }
            Err(reason) => {
                self.gather(case, log, events);
                // What the server wrote tells whether it had asked.
                let open = &mut self.connections[index];
                open.closed = true;
                let (asked, seen) = (open.asked, open.seen);
                let reason = match connect.hop {
                    Some(_) if !seen => {
                        self.take_back(index, connect.offer);
                        EndReason::Proxy
                    }
                    _ => wire::refused(&reason, asked),
                };
                if !seen {
                    // No server accepted it, so it has no number.
                    self.unopened(index);
                }
                events.push(Event::Closed {
                    connection: connect.connection,
                    asked,
                    reason,
                });
            }
        }
    }

    /// The session that a leg would have offered at the end of a tunnel.
    fn take_back(&mut self, index: usize, offer: Option<SessionHandle>) {
        let Open {
            driver,
            configuration,
            ..
        } = self.connections[index];
        let session = driver.and_then(|id| self.driver.reclaim(id));
        if let (Some(session), Some(handle)) = (session, offer) {
            self.sessions[handle.0 as usize] = Some(Kept {
                session,
                configuration,
            });
        }
    }

    /// Forgets a leg that never came about, if there was another: the one to the proxy.
    fn unopened(&mut self, index: usize) {
        if self.connections[index].through.is_some() {
            self.connections.pop();
            *self.ours.last_mut().expect("it is being opened") = index - 1;
        }
    }

    /// A TLS 1.2 session is offered as a copy, a TLS 1.3 ticket as itself; and the configuration to offer it under, which is
    /// the one that it was obtained under if that verifies servers in the same way: to rustls it is of no use under another,
    /// and who offers a session of another key has a stack that does not mind.
    fn offered(
        &mut self,
        session: Option<SessionHandle>,
        trust: TrustId,
    ) -> Option<(Session, Option<u64>)> {
        let kept = self.sessions.get_mut(session?.0 as usize)?;
        let Kept {
            session,
            configuration: (configuration, verifies),
        } = kept.as_ref()?;
        let configuration = (*verifies == trust).then_some(*configuration);
        let session = match session.copy() {
            Some(copy) => copy,
            None => kept.take()?.session,
        };
        Some((session, configuration))
    }

    fn configuration(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        rule: ClientCertificate,
        under: Option<u64>,
    ) -> Result<ClientConfiguration, TierError> {
        let identities = wire::Identities {
            early: self.identity(case, connect.identity)?,
            late: self.identity(case, connect.late.identity)?,
        };
        // Who asks late knows no sessions.
        let under = under.filter(|_| rule.late().is_none());
        let own = wire::ConfigurationOf::new(connect.session_key, connect.trust, rule);
        let key = under.unwrap_or_else(|| self.numbered(own));
        Ok(wire::configuration(key, connect, rule, identities))
    }

    fn configuration_for_proxy(
        &mut self,
        case: &Case<'_>,
        hop: &Hop,
        under: Option<u64>,
    ) -> Result<ClientConfiguration, TierError> {
        let identity = self.identity(case, hop.identity)?;
        // It asks in the handshake or not at all.
        let of = wire::ConfigurationOf::new(hop.session_key, hop.trust, ClientCertificate::None);
        let key = under.unwrap_or_else(|| self.numbered(of));
        Ok(wire::to_proxy(key, hop, identity))
    }

    fn numbered(&mut self, of: wire::ConfigurationOf) -> u64 {
        let next = self.configurations.len() as u64;
        *self.configurations.entry(of).or_insert(next)
    }

    fn identity(
        &self,
        case: &Case<'_>,
        identity: Option<HeldIdentity>,
    ) -> Result<Option<Arc<CertifiedKey>>, TierError> {
        let made = identity.map(|identity| {
            let index = identity.0 as usize;
            let mut plan = IdentityPlan::new(&case.scenario.identities[index].name);
            plan.name.generation = self.renewals[index];
            self.driver.pki().identity(&plan)
        });
        made.transpose()
            .map_err(|error| TierError::Setup(error.to_string().into()))
    }

    fn send(
        &mut self,
        case: &Case<'_>,
        send: &Send,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError> {
        let open = &mut self.connections[self.ours[send.connection.0 as usize]];
        let Some(id) = open.driver.filter(|_| !open.closed) else {
            return Ok(());
        };
        open.sent.push(cause_of(send.cause));
        if self.driver.send(id, wire::request(send)).is_ok() {
            self.run()?;
        }
        self.gather(case, log, events);
        Ok(())
    }

    fn close(
        &mut self,
        case: &Case<'_>,
        connection: ConnectionId,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError> {
        let open = &mut self.connections[self.ours[connection.0 as usize]];
        let Some(id) = open.driver.filter(|_| !open.closed) else {
            return Ok(());
        };
        self.driver.close(id).map_err(busy)?;
        self.gather(case, log, events);
        Ok(())
    }

    fn wire(&mut self) -> Wire {
        let packets = self.driver.packets().into_iter().filter_map(|packet| {
            let open = &self.connections[*self.numbers.get(&packet.connection.0)?];
            Some(Packet {
                connection: open.number,
                port: open.port,
                from_client: packet.from_client,
                at: packet.at,
                bytes: packet.bytes,
            })
        });
        Wire {
            packets: packets.collect(),
            keys: self.driver.secrets(),
        }
    }

    fn close_all(&mut self, server: usize) -> Result<(), TierError> {
        let open = self
            .connections
            .iter()
            .filter(|open| open.server == server && !open.closed);
        let ids: Vec<_> = open.filter_map(|open| open.driver).collect();
        for id in ids {
            self.driver.shut_down(id).map_err(busy)?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), TierError> {
        self.driver.run().map_err(busy)
    }
}

fn busy(error: Busy) -> TierError {
    TierError::Transport(error.to_string().into())
}
