//! The tier `memory`: real rustls handshakes and hyper, in memory, on a virtual clock.

mod certificates;
mod connect;
mod gather;
pub(super) mod wire;

use core::time::Duration;
use std::sync::Arc;

use bareflight_handshake_driver::{
    Busy, ConfigKey, ConnectionId as DriverId, Driver, Pki, Rules, ServerId, Session,
};
use bareflight_pool_key::TrustId;
use bareflight_user_agent::{Action, ConnectionId, Event, Limits, Send, UserAgent};
use foldhash::HashMap;

use certificates::Certificates;

use super::run::{Run, cause_of};
use super::scribe::Scribe;
use super::servers::change_servers;
use super::{Deciders, Packet, Tier, TierError, Wire, World};
use crate::case::Case;
use crate::log::{Cause, Leg, Log};
use crate::scenario::{InForce, WorldEvent};

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
    /// Sessions that came from each server so far: what the last one is called.
    issued: Vec<u32>,
    /// The client's ends of sessions, by the user agent's handle.
    sessions: Vec<Option<Kept>>,
    configurations: HashMap<wire::ConfigurationOf, u64>,
    /// What is in force at each server.
    in_force: Vec<InForce>,
}

/// The client's end of a session.
struct Kept {
    session: Session,
    /// The configuration that it was obtained under, and how that verifies servers.
    configuration: (ConfigKey, TrustId),
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
    configuration: (ConfigKey, TrustId),
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
            let plan = wire::server_plan(server, InForce::from(server));
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
            issued: vec![0; case.scenario.servers.len()],
            sessions: Vec::new(),
            configurations: HashMap::default(),
            in_force: case.scenario.servers.iter().map(InForce::from).collect(),
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
            WorldEvent::Renew { identity } => self.renewals[usize::from(*identity)] += 1,
            _ => self.change_servers(case, event)?,
        }
        self.gather(case, log, events);
        Ok(())
    }
}

impl MemoryWorld {
    fn change_servers(&mut self, case: &Case<'_>, event: &WorldEvent) -> Result<(), TierError> {
        let plan = |server: usize, now| wire::server_plan(&case.scenario.servers[server], now);
        let closes = change_servers(
            &mut self.driver,
            &self.servers,
            &mut self.in_force,
            event,
            plan,
        );
        let closes = closes.map_err(|error| TierError::Setup(error.to_string().into()))?;
        closes.map_or(Ok(()), |server| self.close_all(server))
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
        let flight = core::iter::once(send).chain(&send.followed_by);
        open.sent.extend(flight.map(|send| cause_of(send.cause)));
        let followers = send.followed_by.iter().map(wire::request).collect();
        let sent = self.driver.send_flight(id, wire::request(send), followers);
        if sent.is_ok() {
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
