//! What happens on a client's connection? The handshake, then requests one after another (HTTP/1.1) or side by side
//! (HTTP/2), then its end.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::resolver::Asked;
use crate::MAX_BODY;
use crate::error::{EndReason, StreamError};
use crate::executor::Spawner;
use crate::ids::{ConnectionId, StreamId};
use crate::message::for_protocol;
use crate::observation::{ClientEvent, ClientHandshake};
use crate::plan::{Protocol, Version};
use crate::wire::{End, Gate, Transport, Witness};

/// What the driver tells a connection.
pub(crate) enum Command {
    Send(StreamId, Box<Request<Bytes>>),
    Close,
}

/// How the handshake went, once it is over.
pub(crate) type Started = Rc<RefCell<Option<Result<ClientHandshake, EndReason>>>>;

/// What a connection starts from.
pub(crate) struct Setup {
    pub(crate) connection: ConnectionId,
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    pub(crate) aborts: bool,
    pub(crate) spawner: Spawner,
    pub(crate) events: Rc<RefCell<VecDeque<ClientEvent>>>,
}

/// The driver's end of a client connection.
pub(crate) struct Line {
    pub(crate) commands: UnboundedSender<Command>,
    pub(crate) started: Started,
    pub(crate) end: End,
}

/// Starts a client over `io`, which may be a pipe or a socket.
pub(crate) fn begin<S: Transport>(setup: Setup, io: S) -> Line {
    let (commands, queue) = unbounded_channel();
    let (started, end) = (Started::default(), End::default());
    let report = Report {
        connection: setup.connection,
        events: Rc::clone(&setup.events),
        end: end.clone(),
        over: Cell::new(false),
    };
    setup
        .spawner
        .clone()
        .spawn(run(setup, io, queue, Rc::clone(&started), report));
    Line {
        commands,
        started,
        end,
    }
}

async fn run<S: Transport>(
    setup: Setup,
    io: S,
    queue: UnboundedReceiver<Command>,
    started: Started,
    report: Report,
) {
    let asked = Arc::new(Asked::default());
    let gate = match setup.aborts {
        true => Gate::shut_when(io, Arc::clone(&asked)),
        false => Gate::open(io),
    };
    let connect = TlsConnector::from(Arc::clone(&setup.config)).connect(setup.name.clone(), gate);
    match asked.watch(connect).await {
        Ok(tls) => {
            let handshake = facts(&tls, &asked);
            let alpn = handshake.alpn;
            *started.borrow_mut() = Some(Ok(handshake));
            let io = TokioIo::new(Witness::new(tls, report.end.clone()));
            speak(io, alpn, queue, &report, setup.spawner).await;
        }
        Err(error) => {
            let reason = match setup.aborts && asked.was_asked() {
                true => EndReason::AbortedWhenAsked,
                false => EndReason::from_io(&error),
            };
            report.end.set(reason.clone());
            *started.borrow_mut() = Some(Err(reason));
            refuse(queue, &report);
        }
    }
}

fn facts<S>(tls: &TlsStream<S>, asked: &Asked) -> ClientHandshake {
    let tls = tls.get_ref().1;
    ClientHandshake {
        version: Version::agreed(tls.protocol_version()),
        alpn: Protocol::agreed(tls.alpn_protocol()),
        asked: asked.was_asked(),
        resumed: tls.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        server_names: names(tls.peer_certificates()),
    }
}

fn names(chain: Option<&[CertificateDer<'_>]>) -> Vec<String> {
    let leaf = chain
        .and_then(<[_]>::first)
        .and_then(|der| webpki::EndEntityCert::try_from(der).ok());
    leaf.map_or_else(Vec::new, |leaf| {
        leaf.valid_dns_names().map(str::to_owned).collect()
    })
}

type Io<S> = TokioIo<Witness<TlsStream<Gate<S>>>>;

async fn speak<S: Transport>(
    io: Io<S>,
    alpn: Option<Protocol>,
    queue: UnboundedReceiver<Command>,
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
        match http1::handshake(io).await {
            Ok((sender, connection)) => {
                together(connection, Sender::Http1(sender), queue, report).await;
            }
            Err(error) => broken(&error, queue, report),
        }
    }
}

/// Runs the connection and its requests until both are done.
async fn together(
    connection: impl Future<Output = hyper::Result<()>>,
    sender: Sender,
    mut queue: UnboundedReceiver<Command>,
    report: &Report,
) {
    let ended = {
        let exchanges = pin!(exchange_all(sender, &mut queue, report));
        match select(pin!(connection), exchanges).await {
            // Requests in flight learn of the end by themselves, at once.
            Either::Left((ended, exchanges)) => {
                report.over.set(true);
                exchanges.await;
                ended
            }
            Either::Right(((), connection)) => connection.await,
        }
    };
    report.closed(ended.err().map(|e| e.to_string()));
    refuse(queue, report);
}

fn broken(error: &hyper::Error, queue: UnboundedReceiver<Command>, report: &Report) {
    report.closed(Some(error.to_string()));
    refuse(queue, report);
}

/// Tells those who waited in vain.
fn refuse(mut queue: UnboundedReceiver<Command>, report: &Report) {
    queue.close();
    while let Ok(command) = queue.try_recv() {
        if let Command::Send(stream, _) = command {
            report.failed(stream, report.why(None));
        }
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

/// Hands out the sender: HTTP/1.1's to one exchange at a time, HTTP/2's to any number.
struct Desk(Option<Sender>);

impl Desk {
    fn lend(&mut self) -> Option<Sender> {
        match &self.0 {
            Some(Sender::H2(sender)) => Some(Sender::H2(sender.clone())),
            _ => self.0.take(),
        }
    }

    fn give_back(&mut self, sender: Sender) {
        self.0.get_or_insert(sender);
    }
}

enum Next {
    Heard(Command),
    Answered(Sender, StreamId, Result<Response<Bytes>, StreamError>),
    Over,
}

/// Sends what is asked for until told to close, or until the connection is over.
async fn exchange_all(sender: Sender, queue: &mut UnboundedReceiver<Command>, report: &Report) {
    let mut desk = Desk(Some(sender));
    let mut waiting = VecDeque::<(StreamId, Box<Request<Bytes>>)>::new();
    let mut unanswered = BTreeSet::new();
    let mut in_flight = FuturesUnordered::new();
    loop {
        while !waiting.is_empty()
            && let Some(sender) = desk.lend()
            && let Some((stream, request)) = waiting.pop_front()
        {
            in_flight.push(exchange(sender, stream, *request, report));
        }
        let next = poll_fn(|cx| {
            if !report.over.get()
                && let Poll::Ready(command) = queue.poll_recv(cx)
            {
                return Poll::Ready(command.map_or(Next::Over, Next::Heard));
            }
            match in_flight.poll_next_unpin(cx) {
                Poll::Ready(Some((sender, stream, outcome))) => {
                    Poll::Ready(Next::Answered(sender, stream, outcome))
                }
                Poll::Ready(None) if report.over.get() => Poll::Ready(Next::Over),
                _ => Poll::Pending,
            }
        });
        match next.await {
            Next::Heard(Command::Send(stream, request)) => {
                unanswered.insert(stream);
                waiting.push_back((stream, request));
            }
            Next::Answered(sender, stream, outcome) => {
                unanswered.remove(&stream);
                desk.give_back(sender);
                report.answered(stream, outcome);
            }
            Next::Heard(Command::Close) => {
                report.end.set(EndReason::Local);
                break;
            }
            Next::Over => break,
        }
    }
    for stream in unanswered {
        report.failed(stream, report.why(None));
    }
}

async fn exchange(
    mut sender: Sender,
    stream: StreamId,
    request: Request<Bytes>,
    report: &Report,
) -> (Sender, StreamId, Result<Response<Bytes>, StreamError>) {
    let sent = match &mut sender {
        Sender::Http1(sender) => match sender.ready().await {
            Ok(()) => {
                sender
                    .send_request(for_protocol(request, Protocol::Http11).map(Full::new))
                    .await
            }
            Err(error) => Err(error),
        },
        Sender::H2(sender) => match sender.ready().await {
            Ok(()) => {
                sender
                    .send_request(for_protocol(request, Protocol::H2).map(Full::new))
                    .await
            }
            Err(error) => Err(error),
        },
    };
    let outcome = match sent {
        Ok(response) => whole(response, report).await,
        Err(error) => Err(StreamError::Ended(report.why(Some(error.to_string())))),
    };
    (sender, stream, outcome)
}

async fn whole(
    response: Response<Incoming>,
    report: &Report,
) -> Result<Response<Bytes>, StreamError> {
    let (head, body) = response.into_parts();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(StreamError::BodyTooLarge),
        Err(error) => Err(StreamError::Ended(report.why(Some(error.to_string())))),
    }
}

/// Where a connection writes what happens to it.
struct Report {
    connection: ConnectionId,
    events: Rc<RefCell<VecDeque<ClientEvent>>>,
    end: End,
    over: Cell<bool>,
}

impl Report {
    fn answered(&self, stream: StreamId, outcome: Result<Response<Bytes>, StreamError>) {
        let connection = self.connection;
        self.push(match outcome {
            Ok(response) => ClientEvent::Response {
                connection,
                stream,
                response,
            },
            Err(error) => ClientEvent::Failed {
                connection,
                stream,
                error,
            },
        });
    }

    fn failed(&self, stream: StreamId, reason: EndReason) {
        self.answered(stream, Err(StreamError::Ended(reason)));
    }

    fn closed(&self, otherwise: Option<String>) {
        let reason = self.why(otherwise);
        self.end.set(reason.clone());
        self.push(ClientEvent::Closed {
            connection: self.connection,
            reason,
        });
    }

    /// The reason that the caller or TLS gave, or else HTTP's.
    fn why(&self, http: Option<String>) -> EndReason {
        self.end
            .reason()
            .unwrap_or_else(|| http.map_or(EndReason::Finished, EndReason::Http))
    }

    fn push(&self, event: ClientEvent) {
        self.events.borrow_mut().push_back(event);
    }
}
