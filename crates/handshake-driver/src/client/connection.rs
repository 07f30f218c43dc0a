//! What happens on a client's connection? The handshake, then requests, then its end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::Request;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};

use super::configuration::ReadyStack;
use super::exchange::{Sender, exchange_all};
use super::report::Report;
use super::tunnel::{self, Tunnel};
#[cfg(feature = "openssl")]
use super::with_openssl;
use super::with_rustls;
use super::write_ahead::WriteAhead;
use crate::error::EndReason;
use crate::executor::Spawner;
use crate::ids::{ConnectionId, StreamId};
use crate::observation::{ClientEvent, ClientHandshake};
use crate::plan::{Answer, Protocol};
use crate::wire::{End, Transport, Witness};

/// A request on its way to a connection.
pub(crate) struct Errand {
    pub(crate) stream: StreamId,
    pub(crate) request: Request<Bytes>,
    /// Those that go right behind it in the same flight.
    pub(crate) followed_by: Vec<Request<Bytes>>,
}

impl Errand {
    /// The number of each request.
    pub(super) fn streams(&self) -> impl Iterator<Item = StreamId> + use<> {
        let first = self.stream.0;
        (first..=first + self.followed_by.len() as u64).map(StreamId)
    }
}

/// How the handshake went, once it is over.
pub(crate) type Started = Rc<RefCell<Option<Result<ClientHandshake, EndReason>>>>;

/// What a connection starts from.
pub(crate) struct Setup {
    pub(crate) connection: ConnectionId,
    pub(crate) stack: ReadyStack,
    pub(crate) name: ServerName<'static>,
    pub(crate) answer: Answer,
    /// What it carries in the place of requests, if it leads to a proxy.
    pub(crate) tunnel: Option<Tunnel>,
    /// The tunnel that it waits for, if it goes through one.
    pub(crate) comes: Option<oneshot::Receiver<()>>,
    pub(crate) spawner: Spawner,
    pub(crate) events: Rc<RefCell<VecDeque<ClientEvent>>>,
}

/// The driver's end of a client connection.
pub(crate) struct Line {
    pub(crate) errands: UnboundedSender<Errand>,
    /// Rung once, the connection ends in order, or gives up its handshake; rung again, it is dropped as it is.
    pub(crate) closing: Rc<Notify>,
    pub(crate) started: Started,
    pub(crate) end: End,
}

/// Starts a client over `io`, which may be a pipe or a socket.
pub(crate) fn begin<S: Transport>(setup: Setup, io: S) -> Line {
    let (errands, queue) = unbounded_channel();
    let (started, end, closing) = (Started::default(), End::default(), Rc::<Notify>::default());
    let report = Report::new(
        setup.connection,
        Rc::clone(&setup.events),
        end.clone(),
        Rc::clone(&closing),
    );
    setup
        .spawner
        .clone()
        .spawn(run(setup, io, queue, Rc::clone(&started), report));
    Line {
        errands,
        closing,
        started,
        end,
    }
}

/// A handshake that succeeded, whichever stack shook hands.
pub(super) struct Shaken<T> {
    pub(super) tls: T,
    /// The protocol to speak.
    pub(super) alpn: Option<Protocol>,
    /// How it went; nothing while it is under way, which the stream then tells.
    pub(super) handshake: Option<ClientHandshake>,
}

async fn run<S: Transport>(
    mut setup: Setup,
    io: S,
    queue: UnboundedReceiver<Errand>,
    started: Started,
    report: Report,
) {
    if let Some(comes) = setup.comes.take() {
        let reason = match select(comes, pin!(report.closing.notified())).await {
            Either::Left((Ok(()), _)) => None,
            Either::Left((Err(_), _)) => Some(EndReason::Truncated),
            Either::Right(_) => Some(EndReason::Local),
        };
        if let Some(reason) = reason {
            return give_up(reason, queue, &started, &report);
        }
    }
    let line = (queue, started, report);
    let tunnel = setup.tunnel.take();
    match setup.stack {
        // Writing is what brings such a handshake forward, so there must be something to write.
        ReadyStack::Rustls(ref config) if config.enable_early_data && !line.0.is_empty() => {
            let only = config.alpn_protocols.first().map(Vec::as_slice);
            let early = (Protocol::agreed(only), Rc::clone(&line.1));
            let connect = with_rustls::connect_early(config, &setup.name, &setup.answer, io, early);
            go_on(connect, setup.spawner.clone(), tunnel, line).await;
        }
        ReadyStack::Rustls(ref config) => {
            let connect = with_rustls::connect(config, &setup.name, &setup.answer, io);
            go_on(connect, setup.spawner.clone(), tunnel, line).await;
        }
        #[cfg(feature = "openssl")]
        ReadyStack::OpenSsl(ready) => {
            let told = with_openssl::Told {
                connection: setup.connection,
                events: Rc::clone(&setup.events),
                end: line.2.end.clone(),
            };
            let connect = with_openssl::connect(*ready, &setup.answer, told, io);
            go_on(connect, setup.spawner.clone(), tunnel, line).await;
        }
    }
}

/// Shakes hands, and goes on with HTTP if that went well.
async fn go_on<T: Transport>(
    connect: impl Future<Output = Result<Shaken<T>, EndReason>>,
    spawner: Spawner,
    tunnel: Option<Tunnel>,
    (queue, started, report): (UnboundedReceiver<Errand>, Started, Report),
) {
    let shaken = match select(pin!(connect), pin!(report.closing.notified())).await {
        Either::Left((shaken, _)) => shaken,
        Either::Right(_) => Err(EndReason::Local),
    };
    match shaken {
        Ok(Shaken {
            tls,
            alpn,
            handshake,
        }) => {
            if let Some(handshake) = handshake {
                *started.borrow_mut() = Some(Ok(handshake));
            }
            let io = TokioIo::new(Witness::new(tls, report.end.clone()));
            match tunnel {
                Some(tunnel) => tunnel::carry(io, tunnel, queue, &report).await,
                None => speak(io, alpn, queue, &report, spawner).await,
            }
        }
        Err(reason) => give_up(reason, queue, &started, &report),
    }
}

/// There was no handshake. A proxy that would not connect is why there was nobody to shake hands with.
fn give_up(
    reason: EndReason,
    queue: UnboundedReceiver<Errand>,
    started: &Started,
    report: &Report,
) {
    let reason = report.end.reason().unwrap_or(reason);
    report.end.set(reason.clone());
    *started.borrow_mut() = Some(Err(reason));
    refuse(queue, report);
}

/// The DNS names in a certificate.
pub(super) fn names(certificate: Option<&CertificateDer<'_>>) -> Vec<String> {
    let leaf = certificate.and_then(|der| webpki::EndEntityCert::try_from(der).ok());
    leaf.map_or_else(Vec::new, |leaf| {
        leaf.valid_dns_names().map(str::to_owned).collect()
    })
}

async fn speak<T: Transport>(
    io: TokioIo<Witness<T>>,
    alpn: Option<Protocol>,
    queue: UnboundedReceiver<Errand>,
    report: &Report,
    spawner: Spawner,
) {
    if alpn == Some(Protocol::H2) {
        match http2::handshake(spawner, io).await {
            Ok((sender, connection)) => {
                together(connection, Sender::H2(sender), queue, report).await;
            }
            Err(error) => broken(&error, queue, report),
        }
    } else {
        let (io, ahead) = WriteAhead::new(io.into_inner());
        match http1::handshake(TokioIo::new(io)).await {
            Ok((sender, connection)) => {
                together(connection, Sender::Http1(sender, ahead), queue, report).await;
            }
            Err(error) => broken(&error, queue, report),
        }
    }
}

/// Runs the connection and its requests until both are done.
async fn together(
    connection: impl Future<Output = hyper::Result<()>>,
    sender: Sender,
    mut queue: UnboundedReceiver<Errand>,
    report: &Report,
) {
    let ended = {
        let exchanges = pin!(exchange_all(sender, &mut queue, report));
        match select(pin!(connection), exchanges).await {
            // Requests in flight learn of the end by themselves, at once.
            Either::Left((ended, exchanges)) => {
                report.over();
                exchanges.await;
                ended
            }
            Either::Right(((), connection)) => {
                match select(connection, pin!(report.closing.notified())).await {
                    Either::Left((ended, _)) => ended,
                    Either::Right(_) => Ok(()),
                }
            }
        }
    };
    report.closed(ended.err().map(|e| e.to_string()));
    refuse(queue, report);
}

fn broken(error: &hyper::Error, queue: UnboundedReceiver<Errand>, report: &Report) {
    report.closed(Some(error.to_string()));
    refuse(queue, report);
}

/// Tells those who waited in vain.
pub(super) fn refuse(mut queue: UnboundedReceiver<Errand>, report: &Report) {
    queue.close();
    while let Ok(errand) = queue.try_recv() {
        errand.streams().for_each(|stream| report.unsent(stream));
    }
}
