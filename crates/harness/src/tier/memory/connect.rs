//! How does a connection come about? Its legs, what each is shown and offered, and what both ends make of it.

use std::sync::Arc;

use bareflight_handshake_driver::{
    CertifiedKey, ClientConfiguration, ClientHandshake, ConfigKey, ConnectionId as DriverId,
    EndReason as DriverEnd, Hop as DriverHop, Session,
};
use bareflight_policy::Origin;
use bareflight_pool_key::TrustId;
use bareflight_user_agent::{
    Connect, EndReason, Event, HeldIdentity, Hop, Protocol, SessionHandle,
};

use super::super::TierError;
use super::super::model::endpoint;
use super::super::run::cause_of;
use super::{Kept, MemoryWorld, Open, busy, wire};
use crate::case::Case;
use crate::log::{Leg, Log};
use crate::scenario::{ClientCertificate, Name};

/// The way through a proxy, ready to be taken.
struct Way {
    /// The leg to the proxy: an index into the world's connections.
    leg: usize,
    name: Name,
    configuration: ClientConfiguration,
    offer: Option<Session>,
}

impl MemoryWorld {
    pub(super) fn connect(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Result<(), TierError> {
        let (server, host, port) = endpoint(case, &connect.origin);
        let sni = connect.server_name.as_deref().unwrap_or(&host);
        let way = match connect.hop.as_deref() {
            Some(hop) => Some(self.way(case, connect, hop)?),
            None => None,
        };
        let offer = self.offered(connect.offer);
        let kept_under = offer.as_ref().map(|kept| kept.configuration);
        let configuration = self.configuration(case, connect, self.rule(server), kept_under)?;
        let made_under = (configuration.key, connect.trust);
        let index = self.open(case, connect, &connect.origin, made_under);
        self.ours.push(index);

        let (at, offer) = (self.servers[server], offer.map(|kept| kept.session));
        let begun = match way {
            Some(way) => {
                self.connections[index].through = Some(self.connections[way.leg].number);
                let hop = DriverHop {
                    proxy: self.servers[self.connections[way.leg].server],
                    name: &way.name,
                    configuration: &way.configuration,
                    offer: way.offer,
                    authority: &format!("{host}:{port}"),
                };
                let through = self
                    .driver
                    .begin_through(hop, at, sni, &configuration, offer);
                through.map(|through| {
                    self.assign(way.leg, through.hop);
                    through.connection
                })
            }
            None => self.driver.begin(at, sni, &configuration, offer),
        };
        let id = begun.map_err(|error| TierError::Transport(error.to_string().into()))?;
        self.assign(index, id);
        if let Some(early) = &connect.early {
            self.connections[index].sent.push(cause_of(early.cause));
            let sent = self.driver.send(id, wire::request(early));
            sent.map_err(|error| TierError::Transport(error.to_string().into()))?;
        }
        let outcome = self.driver.settle(id).map_err(busy)?;
        self.connected(case, connect, outcome, kept_under, log, events);
        Ok(())
    }

    fn way(&mut self, case: &Case<'_>, connect: &Connect, hop: &Hop) -> Result<Way, TierError> {
        let offer = self.offered(hop.offer);
        let kept_under = offer.as_ref().map(|kept| kept.configuration);
        let configuration = self.configuration_for_proxy(case, hop, kept_under)?;
        let leg = self.open(case, connect, &hop.proxy, (configuration.key, hop.trust));
        self.connections[leg].leg = Leg::Proxy;
        let (_, name, _) = endpoint(case, &hop.proxy);
        Ok(Way {
            leg,
            name,
            configuration,
            offer: offer.map(|kept| kept.session),
        })
    }

    /// The next leg, to the origin unless something else is said of it.
    fn open(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        to: &Origin,
        configuration: (ConfigKey, TrustId),
    ) -> usize {
        self.handshakes += 1;
        let (server, _, port) = endpoint(case, to);
        let plan = &case.scenario.servers[server];
        let index = self.connections.len();
        self.connections.push(Open {
            driver: None,
            agent: connect.connection,
            number: u32::try_from(index + 1).unwrap_or(u32::MAX),
            leg: Leg::Origin,
            through: None,
            server,
            port,
            cause: cause_of(connect.cause),
            seen: false,
            asked: false,
            closed: false,
            lifetime: plan.ticket_lifetime,
            early_data: plan.early_data_under(self.in_force[server]),
            configuration,
            sent: Vec::new(),
        });
        index
    }

    /// Notes the driver's number of a leg.
    fn assign(&mut self, index: usize, id: DriverId) {
        self.numbers.insert(id.0, index);
        self.connections[index].driver = Some(id);
    }

    fn connected(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        outcome: Result<ClientHandshake, DriverEnd>,
        kept_under: Option<(ConfigKey, TrustId)>,
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
                // What was sent early ends too, and would not say why.
                self.connections[index].closed = true;
                self.gather(case, log, events);
                // What the server wrote tells whether it had asked.
                let open = &self.connections[index];
                let (asked, seen) = (open.asked, open.seen);
                let reason = match connect.hop {
                    Some(_) if !seen => {
                        self.take_back(index, connect.offer.zip(kept_under));
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
    fn take_back(&mut self, index: usize, offer: Option<(SessionHandle, (ConfigKey, TrustId))>) {
        let id = self.connections[index].driver;
        let session = id.and_then(|id| self.driver.reclaim(id));
        if let (Some(session), Some((handle, configuration))) = (session, offer) {
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

    /// A TLS 1.2 session is offered as a copy, a TLS 1.3 ticket as itself.
    fn offered(&mut self, session: Option<SessionHandle>) -> Option<Kept> {
        let kept = self.sessions.get_mut(session?.0 as usize)?;
        match kept.as_ref()?.session.copy() {
            Some(session) => kept.as_ref().map(|it| Kept { session, ..*it }),
            None => kept.take(),
        }
    }

    fn configuration(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        rule: ClientCertificate,
        kept_under: Option<(ConfigKey, TrustId)>,
    ) -> Result<ClientConfiguration, TierError> {
        let identities = wire::Identities {
            early: self.identity(case, connect.identity)?,
            late: self.identity(case, connect.late.identity)?,
        };
        // Who asks late knows no sessions.
        let under = serves(kept_under, connect.trust).filter(|_| rule.late().is_none());
        let own = wire::ConfigurationOf::new(connect.session_key, connect.trust, rule);
        let key = under.unwrap_or_else(|| self.numbered(own));
        let configuration = wire::configuration(key, connect, rule, identities);
        let small = case.sends_small_records(cause_of(connect.cause));
        Ok(ClientConfiguration {
            largest_record: small.then_some(wire::SMALL_RECORD),
            ..configuration
        })
    }

    fn configuration_for_proxy(
        &mut self,
        case: &Case<'_>,
        hop: &Hop,
        kept_under: Option<(ConfigKey, TrustId)>,
    ) -> Result<ClientConfiguration, TierError> {
        let identity = self.identity(case, hop.identity)?;
        // It asks in the handshake or not at all.
        let of = wire::ConfigurationOf::new(hop.session_key, hop.trust, ClientCertificate::None);
        let under = serves(kept_under, hop.trust);
        let key = under.unwrap_or_else(|| self.numbered(of));
        Ok(wire::to_proxy(key, hop, identity))
    }

    /// The rule on client certificates that is in force at a server.
    fn rule(&self, server: usize) -> ClientCertificate {
        self.in_force[server].client_certificate
    }

    fn numbered(&mut self, of: wire::ConfigurationOf) -> ConfigKey {
        let next = self.configurations.len() as u64;
        ConfigKey(*self.configurations.entry(of).or_insert(next))
    }

    fn identity(
        &self,
        case: &Case<'_>,
        identity: Option<HeldIdentity>,
    ) -> Result<Option<Arc<CertifiedKey>>, TierError> {
        let made = identity.map(|identity| {
            let index = identity.0 as usize;
            let plan = wire::identity_plan(case.scenario, index, self.renewals[index]);
            self.driver.pki().identity(&plan)
        });
        made.transpose()
            .map_err(|error| TierError::Setup(error.to_string().into()))
    }
}

/// The configuration that a session was kept under, if it verifies servers as is wanted: to rustls the session is of no use
/// under another, and who offers a session of another key has a stack that does not mind.
fn serves(kept_under: Option<(ConfigKey, TrustId)>, trust: TrustId) -> Option<ConfigKey> {
    let (configuration, verifies) = kept_under?;
    (verifies == trust).then_some(configuration)
}
