//! What do both ends make of a handshake? Who is shown what, what is resumed, and why there is no connection.

use core::time::Duration;
use std::sync::{Arc, LazyLock};

use bareflight_handshake_driver::Hello as ClientHello;
use bareflight_policy::{CertificateAnswer, Origin};
use bareflight_pool_key::TrustId;
use bareflight_user_agent::{
    Alpn as Offered, Connect, ConnectionId, EndReason, Event, HeldIdentity, Hop, Protocol,
    SessionHandle, Verification,
};

use super::super::run::{cause_of, number, write};
use super::late::Setting;
use super::{ModelWorld, Open, Session, TICKETS, Tunnel, endpoint};
use crate::case::Case;
use crate::log::{
    Client, Connection, Event as Entry, Leg, Log, Protocol as LogProtocol, Request, Response,
    Ticket, Tls,
};
use crate::scenario::{Alpn, ClientCertificate, Name, Server, TlsVersions, Trust, is_address};

/// What a client says in a handshake, whichever leg it is on.
struct Hello {
    answer: CertificateAnswer,
    identity: Option<HeldIdentity>,
    trust: TrustId,
    verification: Verification,
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
            verification: connect.verification,
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
            verification: Verification::InHandshake,
            alpn: Offered::Http1,
            offer: hop.offer,
            early: false,
        }
    }
}

/// A handshake under way.
struct Handshake {
    server: usize,
    /// The name by which the server is verified.
    name: Name,
    /// The same, where the ClientHello says it.
    sni: Option<Name>,
    /// The host rule that it comes under; none for the server's own.
    under: Option<usize>,
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
    /// Whether the client has yet to find out that it does not trust the server.
    unverified: bool,
    /// Whether the client wants a session: rustls asks for a ticket of TLS 1.2 unless it offers one of TLS 1.3.
    wants_session: bool,
}

impl ModelWorld {
    pub(super) fn connect(
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
        let small = case.sends_small_records(cause_of(connect.cause));
        let mut leg = self.leg(
            case,
            connect,
            &connect.origin,
            connect.server_name.as_deref(),
            small,
        );
        leg.record.through = hop.as_ref().map(|tunnel| tunnel.number);
        let outcome = self.shake_hands(case, &mut leg, &hello);
        let agreed = outcome.as_ref().ok();
        let plan = &case.scenario.servers[leg.server];
        let under = leg.under;
        let rule = self.rule_of(plan, leg.server, under);
        self.connections.push(Open {
            number: leg.record.id,
            server: leg.server,
            hop,
            closed: agreed.is_none(),
            sni: leg.sni.clone(),
            under,
            client: agreed.map_or(Client::Absent, |agreed| agreed.client.clone()),
            late: agreed.and_then(|agreed| Setting::of(rule, connect, agreed.protocol)),
        });
        match outcome {
            Ok(agreed) if agreed.unverified => {
                self.unverified.push(connect.connection);
                self.agree(case, connect.connection, leg, agreed, log, events);
                return events.append(&mut sessions);
            }
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
        let mut leg = self.leg(case, connect, &hop.proxy, None, false);
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
            behind: 0,
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
    fn leg(
        &mut self,
        case: &Case<'_>,
        connect: &Connect,
        to: &Origin,
        server_name: Option<&str>,
        small_records: bool,
    ) -> Handshake {
        self.handshakes += 1;
        self.accepted += 1;
        let (server, host, port) = endpoint(case, to);
        let asked = server_name.map_or(host, Name::new);
        let sni = (!is_address(&asked)).then(|| asked.clone());
        let plan = &case.scenario.servers[server];
        let name = plan.name.clone();
        // A server that asks late has a TLS that does not tell how the ClientHello came.
        let asks_late = self.servers[server]
            .in_force
            .client_certificate
            .late()
            .is_some();
        let hello = ClientHello {
            server_name: sni.as_deref(),
            fragmented: small_records && !asks_late,
        };
        let under = self.asked_for(plan, &hello);
        let opened = Connection::opened(self.accepted, name, port, Some(cause_of(connect.cause)));
        Handshake {
            server,
            name: asked,
            under,
            record: Connection {
                sni: sni.clone(),
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
            name,
            sni,
            under,
            record,
        } = leg;
        let (server, plan) = (*server, &case.scenario.servers[*server]);
        let now = self.servers[server].in_force;
        let rule = now.client_certificate;
        // A server that asks late knows no sessions, so it does not see that one was offered.
        let offer = hello.offer.filter(|_| rule.late().is_none());
        let offered = offer.map(|session| session.0 as usize);
        let mode = self.rule_of(plan, server, *under);
        let tls = version(now.versions());
        // Each version has its own way to offer a session, and a server reads that of the version that it has chosen.
        let seen = offered.filter(|&session| self.sessions[session].tls == tls);
        record.offered = seen.map(|session| self.sessions[session].number);
        let unseen = offered.filter(|_| seen.is_none() && tls == Tls::V1_2);
        let wants_session = unseen.is_none();
        let Some(protocol) = protocol(plan.alpn, hello.alpn) else {
            return Err(HANDSHAKE_FAILED);
        };
        let resumed = offered.filter(|&session| {
            self.resumes(
                case,
                &self.sessions[session],
                (server, mode),
                tls,
                sni.as_deref(),
            )
        });
        if let Some(session) = resumed {
            record.offered = Some(self.sessions[session].number);
            record.early_data = hello.early && tls == Tls::V1_3 && plan.early_data_under(now);
            let client = self.sessions[session].client.clone();
            return Ok(Agreed {
                tls,
                protocol,
                asked: false,
                client,
                resumed,
                unverified: false,
                wants_session,
            });
        }
        record.asked = mode.asks();
        // Early data is of no use to who speaks TLS 1.2, and a client cannot take it back (RFC 8446 appendix D.3).
        if hello.early && offered.is_some() && tls == Tls::V1_2 {
            return Err(HANDSHAKE_FAILED);
        }
        let verifies = hello.trust == bareflight_user_agent::trust(number(Trust::Verify));
        let unverified = verifies && !plan.is_believed_as(name);
        let is_untrusted = unverified && hello.verification == Verification::InHandshake;
        // TLS 1.3 asks before the server shows its certificate, so who breaks off when asked never gets to see it; but OpenSSL,
        // which is spoken where a server asks late, asks its user last.
        let sees_first = is_untrusted && rule.late().is_some();
        if mode.asks() && hello.answer == CertificateAnswer::Abort && !sees_first {
            return Err(Refused {
                name: "client-aborted",
                reason: EndReason::AbortedWhenAsked,
                late: None,
            });
        }
        if is_untrusted {
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
                unverified,
                wants_session,
            });
        }
        let presents = hello.answer == CertificateAnswer::Present;
        let shown = hello.identity.filter(|_| presents);
        let unproven = shown.is_some_and(|it| !self.proves(case, it));
        if unproven && rule.late().is_some() {
            // OpenSSL, which is spoken where a server asks late, does not even load such a key.
            return Err(HANDSHAKE_FAILED);
        }
        // TLS 1.3: the client's last flight was its Finished, so it counts as connected when the alert arrives.
        let late = (tls == Tls::V1_3).then_some(protocol);
        // A chain is judged before the proof that comes with it.
        if unproven && shown.is_some_and(|it| self.takes(case, server, it)) {
            return Err(Refused {
                name: Connection::UNPROVEN,
                reason: EndReason::Handshake,
                late,
            });
        }
        let client = shown.map_or(Client::Declined, |it| self.shown(case, it));
        record.client = client.clone();
        if mode == ClientCertificate::Require && shown.is_none() {
            return Err(Refused {
                name: "certificate-required",
                reason: EndReason::CertificateRequired,
                late,
            });
        }
        if shown.is_some_and(|it| !self.takes(case, server, it)) {
            return Err(Refused {
                name: "certificate-refused",
                reason: EndReason::Handshake,
                late,
            });
        }
        Ok(Agreed {
            tls,
            protocol,
            asked: true,
            client,
            resumed: None,
            unverified,
            wants_session,
        })
    }

    /// Whether the user has the key to the certificate that this identity shows.
    pub(super) fn proves(&self, case: &Case<'_>, identity: HeldIdentity) -> bool {
        let index = identity.0 as usize;
        let renewals = usize::from(self.renewals[index]);
        case.scenario.identities[index].borrows(renewals).is_none()
    }

    /// Who a server takes the client for by the certificate alone.
    fn shown(&self, case: &Case<'_>, identity: HeldIdentity) -> Client {
        let index = identity.0 as usize;
        let renewals = usize::from(self.renewals[index]);
        match case.scenario.identities[index].borrows(renewals) {
            Some(other) => Client::Identity {
                name: case.scenario.identities[other].name.clone(),
                renewal: 0,
            },
            None => self.identity(case, identity),
        }
    }

    pub(super) fn identity(&self, case: &Case<'_>, identity: HeldIdentity) -> Client {
        let index = identity.0 as usize;
        Client::Identity {
            name: case.scenario.identities[index].name.clone(),
            renewal: self.renewals[index],
        }
    }

    /// Whether the certificate of an identity passes at a server.
    pub(super) fn takes(&self, case: &Case<'_>, server: usize, identity: HeldIdentity) -> bool {
        let identity = &case.scenario.identities[identity.0 as usize];
        self.servers[server].in_force.takes(identity, self.now)
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
            name: _,
            sni,
            under,
            mut record,
        } = leg;
        let Agreed {
            tls,
            protocol,
            asked,
            client,
            resumed,
            unverified: _,
            wants_session,
        } = agreed;
        record.tls = Some(tls);
        record.alpn = Some(wire(protocol));
        record.asked = asked;
        record.client = client.clone();
        record.resumed = resumed.map(|session| self.sessions[session].number);
        let (number, to) = (record.id, record.leg);
        write(log, self.now, Entry::Connection(record));
        let plan = &case.scenario.servers[server];
        let now = self.servers[server].in_force;
        if !now.has_tickets() || !wants_session {
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
                under: self.rule_of(plan, server, under),
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
            self.servers[server].issued += 1;
            sessions.push(Event::Session {
                connection,
                leg: to.into(),
                session: SessionHandle(session - 1),
                id: self.servers[server].issued,
                single_use: tls == Tls::V1_3,
                lifetime,
                early_data: tls == Tls::V1_3 && plan.early_data_under(now),
            });
        }
    }

    /// The names in a server's certificate. In HTTP/1.1 nobody joins a connection, so nobody asks.
    fn names(&mut self, plan: &Server, server: usize, protocol: Protocol) -> Arc<[String]> {
        if protocol == Protocol::Http1 {
            return Arc::clone(&NO_NAMES);
        }
        let names = &mut self.servers[server].names;
        Arc::clone(names.get_or_insert_with(|| {
            let named = plan.hosts.iter().filter(|host| !is_address(host));
            named.map(Name::to_string).collect()
        }))
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
}

static NO_NAMES: LazyLock<Arc<[String]>> = LazyLock::new(|| Arc::new([]));

#[derive(Clone, Copy)]
struct Refused {
    name: &'static str,
    reason: EndReason,
    /// The protocol of a client that counts as connected before it learns.
    late: Option<Protocol>,
}

const HANDSHAKE_FAILED: Refused = Refused {
    name: "handshake-failed",
    reason: EndReason::Handshake,
    late: None,
};

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
