//! A server that asks for a certificate when a request comes for a path under protection.
//!
//! It denies unless it gets one: a late authentication that cannot run, is declined or fails opens nothing.

use bareflight_handshake_driver::{
    Authenticated, Identity, LateKind as AskedBy, LateOutcome, Shown, StreamId,
};
use bareflight_policy::CertificateAnswer;
use bareflight_user_agent::{
    Connect, ConnectionId, EndReason, Event, HeldIdentity, Protocol, Send,
};

use super::super::run::write;
use super::ModelWorld;
use crate::case::Case;
use crate::log::{Client, Event as Entry, LateAuthentication, LateKind, Log};
use crate::scenario::{ClientCertificate, LateInHttp2, Server};

/// How a connection would go through a late authentication.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    kind: LateKind,
    answer: CertificateAnswer,
    /// Whether the client said that it can be asked after the handshake: before it knew what would be spoken.
    offered: bool,
    identity: Option<HeldIdentity>,
    h2: bool,
    /// The last time that the requirement counted as met.
    last: Option<Authenticated>,
}

impl Setting {
    /// Of a connection to a server under this rule; none if it does not ask late.
    pub(super) fn of(
        rule: ClientCertificate,
        connect: &Connect,
        protocol: Protocol,
    ) -> Option<Self> {
        let kind = match rule {
            ClientCertificate::Renegotiate => LateKind::Renegotiation,
            ClientCertificate::PostHandshake => LateKind::PostHandshake,
            ClientCertificate::None | ClientCertificate::Request | ClientCertificate::Require => {
                return None;
            }
        };
        Some(Self {
            kind,
            answer: connect.late.answer(protocol),
            offered: connect.late.http1 != CertificateAnswer::Abort,
            identity: connect.late.identity,
            h2: protocol == Protocol::H2,
            last: None,
        })
    }
}

/// Where a request stands in its flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    /// Requests before it.
    pub(super) before: u32,
    /// Requests behind it.
    pub(super) after: u32,
}

/// What becomes of a request that came for a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It is answered.
    Open,
    /// It is answered 421: the connection is another host's.
    Misdirected,
    /// It is answered 403.
    Denied,
    /// It is not answered, and is to come again over HTTP/1.1.
    SentAway,
    /// The client broke the connection off.
    BrokenOff,
}

impl ModelWorld {
    /// Asks for a certificate if this request needs one that the connection does not have.
    pub(super) fn authenticate(
        &mut self,
        case: &Case<'_>,
        plan: &Server,
        (send, flight): (&Send, InFlight),
        (path, preflight): (&str, bool),
        log: &mut Log,
        events: &mut Vec<Event>,
    ) -> Passage {
        let open = &self.connections[send.connection.0 as usize];
        let Some(setting) = open.late else {
            return Passage::Open;
        };
        if !plan.protected.covers(path, preflight) {
            return Passage::Open;
        }
        if setting.h2 && plan.protected.in_http2 == LateInHttp2::SendAway {
            return Passage::SentAway;
        }
        let stream = StreamId(u64::from(send.stream));
        let admits = &self.deciders.servers.admits;
        if setting
            .last
            .is_some_and(|last| admits.covers(&last, stream))
        {
            return Passage::Open;
        }
        let now = Authenticated {
            asked_for: stream,
            first_after: StreamId(stream.0 + 1 + u64::from(flight.after)),
        };
        let (client, refused) = match (setting.kind, setting.answer) {
            // Who does not offer the extension `post_handshake_auth` cannot be asked (RFC 9846 section 4.2.6).
            (LateKind::PostHandshake, _) if !setting.offered => {
                return self.met(send.connection, setting.kind, Shown::NotAsked, now);
            }
            (_, CertificateAnswer::Abort) => (Client::Absent, true),
            (_, CertificateAnswer::Present) => match setting.identity {
                Some(it) if self.proves(case, it) && self.takes(case, open.server, it) => {
                    (self.identity(case, it), false)
                }
                // The client cannot prove that the certificate is its own, or the server does not take it: it gets its
                // answer, and breaks off.
                Some(_) => {
                    let connection = send.connection;
                    events.push(Event::AskedLate { connection });
                    (Client::Absent, true)
                }
                None => (Client::Declined, false),
            },
            (_, CertificateAnswer::Decline) => (Client::Declined, false),
        };
        let late = LateAuthentication {
            connection: open.number,
            stream: send.stream,
            kind: setting.kind,
            client: client.clone(),
            refused,
        };
        write(log, self.now, Entry::LateAuthentication(late));
        let connection = send.connection;
        if refused {
            self.close(connection, log);
            events.push(Event::Closed {
                connection,
                asked: false,
                reason: EndReason::Handshake,
            });
            return Passage::BrokenOff;
        }
        events.push(Event::AskedLate { connection });
        let shown = match client.is_authenticated() {
            // Who it is makes no difference here.
            true => Shown::Identity(Identity::Unknown),
            false => Shown::Declined,
        };
        self.connections[connection.0 as usize].client = client;
        self.met(connection, setting.kind, shown, now)
    }

    /// Whether the server takes its requirement as met, by what was shown.
    fn met(
        &mut self,
        connection: ConnectionId,
        kind: LateKind,
        shown: Shown,
        now: Authenticated,
    ) -> Passage {
        let outcome = LateOutcome {
            kind: match kind {
                LateKind::Renegotiation => AskedBy::Renegotiation,
                LateKind::PostHandshake => AskedBy::PostHandshake,
            },
            identity: matches!(shown, Shown::Identity(_)).then_some(Identity::Unknown),
            shown,
            refused: false,
        };
        let met = self.deciders.servers.admits.met(&outcome);
        if let Some(setting) = &mut self.connections[connection.0 as usize].late {
            setting.last = met.then_some(now);
        }
        match met {
            true => Passage::Open,
            false => Passage::Denied,
        }
    }
}
