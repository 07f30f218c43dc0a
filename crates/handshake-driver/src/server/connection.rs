//! What happens on a server's connection? The ClientHello, the handshake, the requests, the end; each is observed.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::future::{Either, select};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::Error;
use rustls::pki_types::CertificateDer;
use rustls::server::Acceptor;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::authentication::Authentication;
use super::desk::Desk;
use super::examiner::Examiner;
use super::hello::Peek;
use super::hosts::Host;
use super::route::Hello;
use super::sessions::ConnectionSessions;
use super::{Office, Policy, Responder};
use crate::error::EndReason;
use crate::ids::{ConnectionId, SessionId};
use crate::lock;
use crate::observation::{
    Identity, Observation, Original, RefusedHandshake, ServerHandshake, Shown,
};
use crate::pki::Pki;
use crate::plan::{Protocol, Version};
use crate::wire::{End, Transport, Witness};

/// How a server ends a connection.
pub(crate) enum Ending {
    /// What is in flight is answered first; then `close_notify`.
    InOrder,
    /// As [`InOrder`](Self::InOrder), because an answer was the last.
    AfterAnswer,
    /// The transport is dropped, as when a machine dies.
    Cut,
}

/// What serves one connection.
pub(crate) struct Attendant {
    pub(crate) connection: ConnectionId,
    pub(crate) policy: Rc<Policy>,
    pub(crate) responder: Rc<Responder>,
    pub(crate) office: Office,
}

/// What a connection's handshake settled.
pub(super) struct Standing {
    pub(super) alpn: Option<Protocol>,
    pub(super) server_name: Option<String>,
    /// The host whose policy is in force.
    pub(super) host: Arc<Host>,
    /// Whom the connection stands for: shown in its handshake, or inherited.
    pub(super) authentication: Arc<Authentication>,
}

/// Serves `io`, which may be a pipe or a socket, and returns how to end it.
pub(crate) fn attend<S: Transport>(attendant: Attendant, io: S) -> UnboundedSender<Ending> {
    let (end, ended) = unbounded_channel();
    let spawner = attendant.office.spawner.clone();
    let closing = end.clone();
    spawner.spawn(async move {
        let (io, fragmented) = Peek::new(io);
        if let Some((tls, standing)) = attendant.shake_hands(io, &fragmented).await {
            attendant.serve(tls, standing, closing, ended).await;
        }
    });
    end
}

impl Attendant {
    async fn shake_hands<S: Transport>(
        &self,
        io: S,
        fragmented: &Cell<bool>,
    ) -> Option<(TlsStream<S>, Standing)> {
        let start = match LazyConfigAcceptor::new(Acceptor::default(), io).await {
            Ok(start) => start,
            Err(error) => {
                self.refused(&error, None, None, None);
                return None;
            }
        };
        let server_name = start.client_hello().server_name().map(str::to_owned);
        let host = self.policy.hosts.asked_for(&Hello {
            server_name: server_name.as_deref(),
            fragmented: fragmented.get(),
        });
        let examiner = Arc::new(Examiner::new(host.judge()));
        let sessions = Arc::new(ConnectionSessions {
            table: Arc::clone(&self.office.table),
            present: Arc::clone(&self.policy.present),
            connection: self.connection,
            server_name: server_name.clone(),
            host: Arc::clone(host),
            seen: Mutex::default(),
        });
        let accepted = match self
            .policy
            .configure(Arc::clone(&examiner), Arc::clone(&sessions))
        {
            Ok(config) => start.into_stream(Arc::new(config)).await,
            Err(error) => Err(io::Error::other(error)),
        };
        match accepted {
            Ok(tls) => {
                let standing = self.accepted(&tls, server_name, &examiner, &sessions);
                Some((tls, standing))
            }
            Err(error) => {
                let offered = sessions.seen().offered;
                self.refused(&error, server_name, Some(&examiner), offered);
                None
            }
        }
    }

    fn accepted<S>(
        &self,
        tls: &TlsStream<S>,
        server_name: Option<String>,
        examiner: &Examiner,
        sessions: &ConnectionSessions,
    ) -> Standing {
        let tls = tls.get_ref().1;
        let seen = sessions.seen();
        let resumed = tls.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        let original = seen.original.filter(|_| resumed);
        let authentication = original.clone().unwrap_or_else(|| {
            Arc::new(Authentication {
                server: self.policy.present.server,
                server_name: server_name.clone(),
                host: Arc::clone(&sessions.host),
                chain: tls.peer_certificates().map(<[_]>::to_vec),
                at: self.office.clock.now(),
            })
        });
        lock(&self.office.table).finished(self.connection, &seen.issued, &authentication);
        let alpn = Protocol::agreed(tls.alpn_protocol());
        self.observe(Observation::Handshake(ServerHandshake {
            connection: self.connection,
            server: self.policy.present.server,
            version: Version::agreed(tls.protocol_version()),
            alpn,
            server_name: server_name.clone(),
            shown: shown(examiner, Shown::Declined, &self.office.pki),
            identity: tls
                .peer_certificates()
                .map(|chain| identify(chain, &self.office.pki)),
            policy: Arc::clone(&sessions.host.plan),
            resumed: seen.offered.filter(|_| resumed),
            original: original.map(|original| self.original(&original)),
            offered: seen.offered.filter(|_| !resumed),
        }));
        for session in seen.issued {
            self.observe(Observation::SessionIssued {
                connection: self.connection,
                session,
            });
        }
        Standing {
            alpn,
            server_name,
            host: Arc::clone(&sessions.host),
            authentication,
        }
    }

    fn original(&self, authentication: &Authentication) -> Original {
        let chain = authentication.chain.as_deref();
        Original {
            server: authentication.server,
            server_name: authentication.server_name.clone(),
            policy: Arc::clone(&authentication.host.plan),
            identity: chain.map(|chain| identify(chain, &self.office.pki)),
            at: authentication.at,
        }
    }

    fn refused(
        &self,
        error: &io::Error,
        server_name: Option<String>,
        examiner: Option<&Examiner>,
        offered: Option<SessionId>,
    ) {
        let reason = EndReason::from_io(error);
        let otherwise = match reason {
            EndReason::Tls(Error::NoCertificatesPresented) => Shown::Declined,
            _ => Shown::Unanswered,
        };
        self.observe(Observation::Refused(RefusedHandshake {
            connection: self.connection,
            server: self.policy.present.server,
            server_name,
            shown: examiner.map_or(Shown::NotAsked, |examiner| {
                shown(examiner, otherwise, &self.office.pki)
            }),
            offered,
            reason,
        }));
    }

    async fn serve<S: Transport>(
        self,
        tls: TlsStream<S>,
        standing: Standing,
        closing: UnboundedSender<Ending>,
        ended: UnboundedReceiver<Ending>,
    ) {
        let end = End::default();
        let io = TokioIo::new(Witness::new(tls, end.clone()));
        let (connection, office) = (self.connection, self.office.clone());
        let alpn = standing.alpn;
        let desk = Rc::new(Desk::new(self, standing, closing));
        let service = service_fn(move |request| Rc::clone(&desk).answer(request));
        // No Date field: it would come from another clock.
        let outcome = if alpn == Some(Protocol::H2) {
            let builder = http2::Builder::new(office.spawner.clone())
                .auto_date_header(false)
                .clone();
            until(
                builder.serve_connection(io, service),
                ended,
                &end,
                http2::Connection::graceful_shutdown,
            )
            .await
        } else {
            let served = http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(io, service);
            until(served, ended, &end, http1::Connection::graceful_shutdown).await
        };
        let reason = end.reason().unwrap_or(match outcome {
            Ok(()) => EndReason::Finished,
            Err(error) => EndReason::Http(error.to_string()),
        });
        office
            .observations
            .borrow_mut()
            .push(Observation::Closed { connection, reason });
    }

    pub(super) fn observe(&self, observation: Observation) {
        self.office.observations.borrow_mut().push(observation);
    }
}

/// Runs a connection until it ends, or is ended.
async fn until<C>(
    connection: C,
    mut ended: UnboundedReceiver<Ending>,
    end: &End,
    in_order: fn(Pin<&mut C>),
) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    loop {
        let ending = match select(connection.as_mut(), pin!(ended.recv())).await {
            Either::Left((outcome, _)) => return outcome,
            Either::Right((ending, _)) => ending,
        };
        match ending {
            Some(Ending::InOrder) => {
                end.set(EndReason::Local);
                in_order(connection.as_mut());
            }
            Some(Ending::AfterAnswer) => in_order(connection.as_mut()),
            Some(Ending::Cut) => {
                end.set(EndReason::Local);
                return Ok(());
            }
            None => return connection.await,
        }
    }
}

fn shown(examiner: &Examiner, otherwise: Shown, pki: &Pki) -> Shown {
    let seen = examiner.seen();
    match seen.shown {
        Some(chain) => Shown::Identity(identify(&chain, pki)),
        None if seen.asked => otherwise,
        None => Shown::NotAsked,
    }
}

fn identify(chain: &[CertificateDer<'_>], pki: &Pki) -> Identity {
    pki.name_of(chain)
        .map_or(Identity::Unknown, Identity::Known)
}
