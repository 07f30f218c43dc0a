//! What happens on a server's connection? The ClientHello, the handshake, the requests, the end; each is observed.

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::authentication::Authentication;
use super::desk::Desk;
use super::hosts::Host;
use super::late::Asks;
use super::tunnel;
#[cfg(feature = "openssl")]
use super::with_openssl;
use super::{Office, Policy, Responder, with_rustls};
use crate::error::EndReason;
use crate::ids::{ConnectionId, SessionId};
use crate::observation::{Observation, Original, RefusedHandshake, ServerHandshake, Shown};
use crate::pipelining::OneByOne;
use crate::pki::Pki;
use crate::plan::{Protocol, Stack};
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
    /// The connection to a proxy that this one runs in, if it does.
    pub(crate) through: Option<ConnectionId>,
    pub(crate) office: Office,
}

/// A handshake that succeeded, whichever stack shook hands.
pub(super) struct Accepted<T> {
    pub(super) tls: T,
    pub(super) handshake: ServerHandshake,
    /// The host whose policy is in force.
    pub(super) host: Arc<Host>,
    /// Whom the connection stands for: shown in its handshake, or inherited.
    pub(super) authentication: Arc<Authentication>,
    /// How many requests came as early data.
    pub(super) early: u64,
    /// The sessions that were issued in it.
    pub(super) issued: Vec<SessionId>,
    /// How to ask for a certificate from now on, where the stack can.
    pub(super) asks: Option<Rc<dyn Asks>>,
}

/// What a connection's handshake settled.
pub(super) struct Standing {
    pub(super) alpn: Option<Protocol>,
    pub(super) server_name: Option<String>,
    /// The host whose policy is in force.
    pub(super) host: Arc<Host>,
    /// Whom the connection stands for: shown in its handshake, or inherited.
    pub(super) authentication: Arc<Authentication>,
    /// How many requests came as early data.
    pub(super) early: u64,
    /// How to ask for a certificate from now on, where the stack can.
    pub(super) asks: Option<Rc<dyn Asks>>,
}

/// Serves `io`, which may be a pipe or a socket, and returns how to end it.
pub(crate) fn attend<S: Transport>(attendant: Attendant, io: S) -> UnboundedSender<Ending> {
    attend_after(attendant, io, ready(true))
}

/// As [`attend`], once the connection comes about; a server sees nothing of one that never does.
pub(crate) fn attend_after<S: Transport>(
    attendant: Attendant,
    io: S,
    comes: impl Future<Output = bool> + 'static,
) -> UnboundedSender<Ending> {
    let (end, ended) = unbounded_channel();
    let spawner = attendant.office.spawner.clone();
    let closing = end.clone();
    spawner.spawn(async move {
        if !comes.await {
            return;
        }
        match attendant.policy.plan.stack {
            Stack::Rustls => {
                let accepted = with_rustls::accept(&attendant, io).await;
                attendant.go_on(accepted, closing, ended).await;
            }
            #[cfg(feature = "openssl")]
            Stack::OpenSsl => {
                let policy = Rc::clone(&attendant.policy);
                let Some(kept) = &policy.openssl else { return };
                let accepted = with_openssl::accept(&attendant, kept, io).await;
                attendant.go_on(accepted, closing, ended).await;
            }
        }
    });
    end
}

impl Attendant {
    /// After the handshake: observes how it went, and serves if it went well.
    async fn go_on<T: Transport>(
        self,
        shaken: Result<Accepted<T>, RefusedHandshake>,
        closing: UnboundedSender<Ending>,
        ended: UnboundedReceiver<Ending>,
    ) {
        match shaken {
            Ok(accepted) => {
                let standing = Standing {
                    alpn: accepted.handshake.alpn,
                    server_name: accepted.handshake.server_name.clone(),
                    host: accepted.host,
                    authentication: accepted.authentication,
                    early: accepted.early,
                    asks: accepted.asks,
                };
                self.observe(Observation::Handshake(accepted.handshake));
                self.issued(&accepted.issued);
                self.serve(accepted.tls, standing, closing, ended).await;
            }
            Err(refused) => {
                self.office.dials.borrow_mut().remove(&self.connection);
                self.observe(Observation::Refused(refused));
            }
        }
    }

    /// What a resumed session goes back to, as it is observed.
    pub(super) fn original(&self, authentication: &Authentication) -> Original {
        let chain = authentication.chain.as_deref();
        Original {
            server: authentication.server,
            server_name: authentication.server_name.clone(),
            policy: Arc::clone(&authentication.host.plan),
            identity: chain.map(|chain| self.office.pki.identify(chain)),
            at: authentication.at,
        }
    }

    async fn serve<T: Transport>(
        self,
        tls: T,
        standing: Standing,
        closing: UnboundedSender<Ending>,
        ended: UnboundedReceiver<Ending>,
    ) {
        let end = End::default();
        let alpn = standing.alpn;
        let io = TokioIo::new(Witness::new(tls, end.clone()));
        let (connection, office) = (self.connection, self.office.clone());
        let desk = Rc::new(Desk::new(self, standing, closing, end.clone()));
        // No Date field: it would come from another clock.
        let outcome = if alpn == Some(Protocol::H2) {
            let answering = Rc::clone(&desk);
            let service = service_fn(move |request| Rc::clone(&answering).answer(request));
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
        } else if office.dials.borrow().contains_key(&connection) {
            tunnel::serve(io, &desk, ended, &end).await
        } else {
            let answering = Rc::clone(&desk);
            let service = service_fn(move |request| Rc::clone(&answering).answer(request));
            let io = TokioIo::new(OneByOne::new(io.into_inner(), desk.turns()));
            let served = http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(io, service);
            until(served, ended, &end, http1::Connection::graceful_shutdown).await
        };
        desk.over();
        office.dials.borrow_mut().remove(&connection);
        let reason = end.reason().unwrap_or(match outcome {
            Ok(()) => EndReason::Finished,
            Err(error) => EndReason::Http(error.to_string()),
        });
        office
            .observations
            .borrow_mut()
            .push(Observation::Closed { connection, reason });
    }

    pub(super) fn issued(&self, sessions: &[SessionId]) {
        let connection = self.connection;
        for &session in sessions {
            self.observe(Observation::SessionIssued {
                connection,
                session,
            });
        }
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

/// What a handshake showed: whether it asked, and the chain that came; `otherwise` if none did.
pub(super) fn shown(
    asked: bool,
    chain: Option<&[CertificateDer<'_>]>,
    otherwise: Shown,
    pki: &Pki,
) -> Shown {
    match chain {
        Some(chain) => Shown::Identity(pki.identify(chain)),
        None if asked => otherwise,
        None => Shown::NotAsked,
    }
}
