//! How does a server shake hands with rustls?

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use rustls::server::Acceptor;
use rustls::{Error, NamedGroup};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::authentication::Authentication;
use super::connection::{Accepted, Attendant, shown};
use super::early::{self, Early};
use super::examiner::Examiner;
use super::hello::Peek;
use super::route::Hello;
use super::sessions::ConnectionSessions;
use crate::error::EndReason;
use crate::ids::SessionId;
use crate::lock;
use crate::observation::{RefusedHandshake, ServerHandshake, Shown};
use crate::plan::{Protocol, Version};
use crate::wire::{Transport, was_retried};

/// In a box: it is handed from future to future, each of which would have room for a copy.
pub(super) type Stream<S> = Early<Box<TlsStream<S>>>;

/// Reads the ClientHello, then shakes hands under the policy in force.
pub(super) async fn accept<S: Transport>(
    attendant: &Attendant,
    io: S,
) -> Result<Accepted<Stream<Peek<S>>>, RefusedHandshake> {
    let policy = &attendant.policy;
    let (io, fragmented) = Peek::new(io);
    let start = match LazyConfigAcceptor::new(Acceptor::default(), io).await {
        Ok(start) => start,
        Err(error) => return Err(refused(attendant, &error, None, None, None)),
    };
    let hello = start.client_hello();
    let server_name = hello.server_name().map(str::to_owned);
    let guess = hello.named_groups().and_then(<[_]>::first).copied();
    let host = policy.hosts.asked_for(&Hello {
        server_name: server_name.as_deref(),
        fragmented: fragmented.get(),
    });
    let examiner = Arc::new(Examiner::new(host.judge()));
    let sessions = Arc::new(ConnectionSessions {
        table: Arc::clone(&attendant.office.table),
        present: Arc::clone(&policy.present),
        connection: attendant.connection,
        server_name: server_name.clone(),
        host: Arc::clone(host),
        seen: Mutex::default(),
    });
    let configured = policy.configure(Arc::clone(&examiner), Arc::clone(&sessions));
    let accepted = match configured {
        Ok(config) => start.into_stream(Arc::new(config)).await,
        Err(error) => Err(io::Error::other(error)),
    };
    match accepted {
        Ok(tls) => Ok(complete(
            attendant,
            tls,
            (server_name, guess),
            &examiner,
            &sessions,
        )),
        Err(error) => {
            let offered = sessions.seen().offered;
            Err(refused(
                attendant,
                &error,
                server_name,
                Some(&examiner),
                offered,
            ))
        }
    }
}

fn complete<S>(
    attendant: &Attendant,
    mut tls: TlsStream<S>,
    (server_name, guess): (Option<String>, Option<NamedGroup>),
    examiner: &Examiner,
    sessions: &ConnectionSessions,
) -> Accepted<Stream<S>> {
    let pki = &attendant.office.pki;
    let early = early_data(&mut tls);
    let state = tls.get_ref().1;
    let seen = sessions.seen();
    let chain = state.peer_certificates();
    let resumed = state.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    let original = seen.original.filter(|_| resumed);
    let authentication = original.clone().unwrap_or_else(|| {
        Arc::new(Authentication {
            server: attendant.policy.present.server,
            server_name: server_name.clone(),
            host: Arc::clone(&sessions.host),
            chain: chain.map(<[_]>::to_vec),
            at: attendant.office.clock.now(),
        })
    });
    lock(&attendant.office.table).finished(attendant.connection, &seen.issued, &authentication);
    let handshake = ServerHandshake {
        connection: attendant.connection,
        server: attendant.policy.present.server,
        through: attendant.through,
        version: Version::agreed(state.protocol_version()),
        early_data: early.len(),
        retried: was_retried(state, guess),
        alpn: Protocol::agreed(state.alpn_protocol()),
        server_name,
        shown: shown_to(examiner, Shown::Declined, attendant),
        identity: chain.map(|chain| pki.identify(chain)),
        policy: Arc::clone(&sessions.host.plan),
        resumed: seen.offered.filter(|_| resumed),
        original: original.map(|original| attendant.original(&original)),
        offered: seen.offered.filter(|_| !resumed),
    };
    Accepted {
        early: early::requests(&early, handshake.alpn),
        tls: Early::new(early, Box::new(tls)),
        handshake,
        host: Arc::clone(&sessions.host),
        authentication,
        issued: seen.issued,
        asks: None,
    }
}

/// What came before the handshake was over, and was taken.
fn early_data<S>(tls: &mut TlsStream<S>) -> Vec<u8> {
    let mut early = Vec::new();
    if let Some(mut reader) = tls.get_mut().1.early_data() {
        // It is in memory, and no more than the plan allows.
        let _ = reader.read_to_end(&mut early);
    }
    early
}

fn refused(
    attendant: &Attendant,
    error: &io::Error,
    server_name: Option<String>,
    examiner: Option<&Examiner>,
    offered: Option<SessionId>,
) -> RefusedHandshake {
    let reason = EndReason::from_io(error);
    let otherwise = match reason {
        EndReason::Tls(Error::NoCertificatesPresented) => Shown::Declined,
        _ => Shown::Unanswered,
    };
    RefusedHandshake {
        connection: attendant.connection,
        server: attendant.policy.present.server,
        server_name,
        shown: examiner.map_or(Shown::NotAsked, |examiner| {
            shown_to(examiner, otherwise, attendant)
        }),
        offered,
        reason,
    }
}

fn shown_to(examiner: &Examiner, otherwise: Shown, attendant: &Attendant) -> Shown {
    let seen = examiner.seen();
    shown(
        seen.asked,
        seen.shown.as_deref(),
        otherwise,
        &attendant.office.pki,
    )
}
