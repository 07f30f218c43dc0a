//! Who does what, and when? The driver: a clock, an executor, servers, connections. It does one thing at a time and
//! runs until nothing moves.

mod accept;
mod through;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rustls::pki_types::ServerName;
use tokio::sync::mpsc::UnboundedSender;

use crate::client::{self, Configurations, Errand, Line, Means, Session, Shelf};
use crate::error::{Busy, ConnectError, EndReason, ServerError, StreamError};
use crate::executor::Executor;
use crate::ids::{ConnectionId, ServerId, StreamId};
#[cfg(feature = "insecure-test-crypto")]
use crate::insecure_test_crypto::random::Stream;
use crate::keylog::Secrets;
use crate::lock;
use crate::observation::{ClientEvent, ClientHandshake, Observation};
use crate::pki::Pki;
use crate::plan::{ClientConfiguration, ServerPlan};
use crate::server::{
    self, Attendant, Ending, Office, Policy, Responder, Rules, Server, SessionTable, Unanswered,
};
use crate::tap::{Capture, Packet, Tap};
use crate::wire::Transport;
use accept::Accepted;
pub use through::{Hop, Through};

/// Connections that one driver holds open at a time.
pub const MAX_CONNECTIONS: usize = 65_536;
/// Requests that one connection carries.
pub const MAX_STREAMS: u64 = 10_000;
/// Bytes in a body, of a request or of a response.
pub const MAX_BODY: usize = 1 << 20;

/// Bytes on their way in one direction of a pipe.
const PIPE: usize = 1 << 16;

/// Drives real TLS and HTTP between any number of clients and servers, in memory.
pub struct Driver {
    executor: Executor,
    #[cfg(feature = "insecure-test-crypto")]
    randomness: Stream,
    office: Office,
    capture: Capture,
    secrets: Arc<Secrets>,
    servers: Vec<Server>,
    configurations: Configurations,
    connections: BTreeMap<ConnectionId, Connection>,
    accepted: BTreeMap<ConnectionId, Accepted>,
    opened: u64,
    events: Rc<RefCell<VecDeque<ClientEvent>>>,
}

struct Connection {
    server: ServerId,
    client: Line,
    shelf: Arc<Shelf>,
    end: UnboundedSender<Ending>,
    sent: u64,
}

impl Driver {
    /// A driver at the origin of its clock, with no servers.
    #[must_use]
    pub fn new(pki: Arc<Pki>) -> Self {
        Self::with_rules(pki, Rules::default())
    }

    /// A driver whose servers decide by these rules: the seam for known faults of servers.
    #[must_use]
    pub fn with_rules(pki: Arc<Pki>, rules: impl Into<Rules>) -> Self {
        let executor = Executor::default();
        let office = Office {
            pki,
            clock: Arc::default(),
            rules: rules.into(),
            unanswered: Unanswered::default(),
            table: Arc::new(Mutex::new(SessionTable::default())),
            dials: server::Dials::default(),
            spawner: executor.spawner(),
            observations: Rc::default(),
        };
        Self {
            executor,
            #[cfg(feature = "insecure-test-crypto")]
            randomness: Stream::default(),
            office,
            capture: Capture::default(),
            secrets: Arc::default(),
            servers: Vec::new(),
            configurations: Configurations::default(),
            connections: BTreeMap::new(),
            accepted: BTreeMap::new(),
            opened: 0,
            events: Rc::default(),
        }
    }

    /// Lets the test provider draw its numbers from this seed, from now on; at first it is 0. The same seed and the same
    /// calls put the same bytes on the wire. Other providers have randomness of their own.
    #[cfg(feature = "insecure-test-crypto")]
    pub fn seed(&mut self, seed: u64) {
        self.randomness = Stream::seeded(seed);
    }

    /// The certificates and identities in use.
    #[must_use]
    pub fn pki(&self) -> &Arc<Pki> {
        &self.office.pki
    }

    /// Time passed since the driver's clock started.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.office.clock.now()
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.office.clock.advance(by);
    }

    /// From now on every byte of every transport is kept for [`packets`](Self::packets), and the secrets that it was
    /// encrypted with for [`secrets`](Self::secrets).
    pub fn capture(&mut self) {
        self.capture.begin();
        self.secrets.begin();
    }

    /// What crossed the network since the last call; nothing unless [`capture`](Self::capture) was called.
    pub fn packets(&mut self) -> Vec<Packet> {
        self.capture.take()
    }

    /// The key log of the connections that shook hands since the last call: lines of the NSS format
    /// (draft-ietf-tls-keylogfile), by which Wireshark reads the packets; nothing unless [`capture`](Self::capture) was
    /// called.
    pub fn secrets(&mut self) -> Vec<String> {
        self.secrets.take()
    }

    /// Sets up a server.
    ///
    /// # Errors
    /// When its certificate cannot be made or rustls refuses the plan.
    pub fn add_server(
        &mut self,
        plan: ServerPlan,
        responder: impl Fn(ConnectionId, &Request<Bytes>) -> server::Reply + 'static,
    ) -> Result<ServerId, ServerError> {
        let id = ServerId(self.servers.len() as u64);
        let policy = Policy::new(id, plan, &self.office)?;
        let responder: Rc<Responder> = Rc::new(responder);
        self.servers.push(Server {
            responder,
            policy: RefCell::new(Rc::new(policy)),
        });
        Ok(id)
    }

    /// Puts another plan in force for connections that begin from now on. Sessions are kept: whether one may still be
    /// resumed is judged by the new plan.
    ///
    /// # Errors
    /// As [`add_server`](Self::add_server); then the old plan stays in force.
    pub fn reconfigure(&mut self, server: ServerId, plan: ServerPlan) -> Result<(), ServerError> {
        let policy = Policy::new(server, plan, &self.office)?;
        let index = find(&self.servers, server).ok_or(ServerError::Unknown(server))?;
        *self.servers[index].policy.borrow_mut() = Rc::new(policy);
        Ok(())
    }

    /// The server makes a new ticket key. Tickets under the old one still open for `grace`; zero forgets it at once. What the
    /// server keeps itself ([`Resumption::Stateful`](crate::Resumption::Stateful)) is under no such key.
    pub fn rotate_ticket_key(&mut self, server: ServerId, grace: Duration) {
        let until = self.now().saturating_add(grace);
        lock(&self.office.table).rotate(server, until);
    }

    /// The server loses all its sessions, tickets and those that it keeps itself.
    pub fn forget_sessions(&mut self, server: ServerId) {
        lock(&self.office.table).forget(server);
    }

    /// The server restarts: it ends its connections in order and forgets its sessions.
    ///
    /// # Errors
    /// When the budget of polls is spent.
    pub fn restart(&mut self, server: ServerId) -> Result<(), Busy> {
        self.forget_sessions(server);
        for connection in self.connections.values().filter(|c| c.server == server) {
            connection.tell_server(Ending::InOrder);
        }
        for accepted in self.accepted.values().filter(|it| it.server == server) {
            // One that has ended needs no ending.
            let _ = accepted.end.send(Ending::InOrder);
        }
        self.run()
    }

    /// Opens a connection and runs until nothing moves. A TLS 1.3 server may have refused it by then: that is a
    /// [`ClientEvent::Closed`], since the client was connected (RFC 9846 section 6.2).
    ///
    /// The connection has a number even when it fails, if its handshake began.
    pub fn connect(
        &mut self,
        server: ServerId,
        name: &str,
        configuration: &ClientConfiguration,
        offer: Option<Session>,
    ) -> (Option<ConnectionId>, Result<ClientHandshake, ConnectError>) {
        let connection = match self.begin(server, name, configuration, offer) {
            Ok(connection) => connection,
            Err(error) => return (None, Err(error)),
        };
        let outcome = match self.settle(connection) {
            Ok(outcome) => outcome.map_err(ConnectError::Ended),
            Err(busy) => Err(busy.into()),
        };
        (Some(connection), outcome)
    }

    /// Runs until the handshake is over, or will never be.
    ///
    /// # Errors
    /// When the budget of polls is spent.
    pub fn settle(
        &mut self,
        connection: ConnectionId,
    ) -> Result<Result<ClientHandshake, EndReason>, Busy> {
        self.run()?;
        if let Some(outcome) = self.handshake(connection) {
            return Ok(outcome);
        }
        self.close(connection)?;
        Ok(Err(EndReason::Stalled))
    }

    /// Begins to open a connection; [`run`](Self::run) goes on with it. Requests may be sent at once: they go out with
    /// the client's last flight, before a TLS 1.3 server has judged its certificate.
    ///
    /// # Errors
    /// When the plan cannot be carried out.
    pub fn begin(
        &mut self,
        server: ServerId,
        name: &str,
        configuration: &ClientConfiguration,
        offer: Option<Session>,
    ) -> Result<ConnectionId, ConnectError> {
        let ends = tokio::io::duplex(PIPE);
        self.begin_over(ends, server, name, configuration, offer)
    }

    /// As [`begin`](Self::begin), over the two ends of a transport of the caller's: the client's, and the server's.
    ///
    /// # Errors
    /// When the plan cannot be carried out.
    pub fn begin_over<N: Transport, F: Transport>(
        &mut self,
        (near, far): (N, F),
        server: ServerId,
        name: &str,
        configuration: &ClientConfiguration,
        offer: Option<Session>,
    ) -> Result<ConnectionId, ConnectError> {
        self.make_room(1)?;
        let connection = ConnectionId(self.opened);
        let shelf = Arc::new(Shelf::offering(offer));
        let setup = self.setup(connection, name, configuration, &shelf)?;
        let attendant = self.attendant(server, connection, None)?;
        let near = self.tapped(near, connection);
        let opened = Connection {
            server,
            end: server::attend(attendant, far),
            client: client::begin(setup, near),
            shelf,
            sent: 0,
        };
        self.connections.insert(connection, opened);
        self.opened += 1;
        Ok(connection)
    }

    /// Forgets the connections that are over, and sees to it that so many more may be opened.
    fn make_room(&mut self, more: usize) -> Result<(), ConnectError> {
        self.connections
            .retain(|_, connection| !connection.is_over());
        match self.connections.len() + self.accepted.len() + more > MAX_CONNECTIONS {
            true => Err(ConnectError::Full("connections")),
            false => Ok(()),
        }
    }

    fn attendant(
        &self,
        server: ServerId,
        connection: ConnectionId,
        through: Option<ConnectionId>,
    ) -> Result<Attendant, ConnectError> {
        let index = find(&self.servers, server).ok_or(ConnectError::UnknownServer(server))?;
        let host = &self.servers[index];
        Ok(Attendant {
            connection,
            policy: Rc::clone(&host.policy.borrow()),
            responder: Rc::clone(&host.responder),
            through,
            office: self.office.clone(),
        })
    }

    fn tapped<N: Transport>(&self, near: N, connection: ConnectionId) -> Tap<N> {
        let clock = Arc::clone(&self.office.clock);
        Tap::new(near, connection, clock, self.capture.clone())
    }

    /// Runs something beside the connections: a network between their ends.
    #[cfg(test)]
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.office.spawner.spawn(task);
    }

    fn setup(
        &mut self,
        connection: ConnectionId,
        name: &str,
        configuration: &ClientConfiguration,
        shelf: &Arc<Shelf>,
    ) -> Result<client::Setup, ConnectError> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| ConnectError::BadName(name.to_owned()))?;
        let means = Means {
            pki: &self.office.pki,
            clock: &self.office.clock,
            secrets: &self.secrets,
        };
        let stack = self
            .configurations
            .of(configuration, &means, &name, Arc::clone(shelf))?;
        Ok(client::Setup {
            connection,
            stack,
            name,
            answer: configuration.answer.clone(),
            tunnel: None,
            comes: None,
            spawner: self.office.spawner.clone(),
            events: Rc::clone(&self.events),
        })
    }

    /// How the client's handshake went, once it is over. It is known until the next connection begins.
    #[must_use]
    pub fn handshake(
        &self,
        connection: ConnectionId,
    ) -> Option<Result<ClientHandshake, EndReason>> {
        self.connections
            .get(&connection)?
            .client
            .started
            .borrow()
            .clone()
    }

    /// Takes back the session that a connection was to offer, if it never came to that: the tunnel that it waited for was
    /// not dug.
    pub fn reclaim(&mut self, connection: ConnectionId) -> Option<Session> {
        self.connections.get(&connection)?.shelf.reclaim()
    }

    /// Hands a request to a connection, open or opening; [`run`](Self::run) sends it. HTTP/1.1 sends the next one after
    /// the answer to the last.
    ///
    /// # Errors
    /// When the connection does not exist, has ended, or carried too many requests.
    pub fn send(
        &mut self,
        connection: ConnectionId,
        request: Request<Bytes>,
    ) -> Result<StreamId, StreamError> {
        self.send_flight(connection, request, Vec::new())
    }

    /// As [`send`](Self::send), with others right behind it that do not wait for its answer: pipelined in HTTP/1.1 (RFC 9112
    /// section 9.3.2), side by side in HTTP/2. Returns the first one's number; the others have the next ones.
    ///
    /// In HTTP/1.1 each answer must have an end that can be told from its beginning, as a [`Responder`](crate::Responder)'s has:
    /// Content-Length, or 64 kB of chunks at most. Else hyper's client takes what comes behind it for nobody's, and ends the
    /// connection.
    ///
    /// # Errors
    /// As [`send`](Self::send), for all of them together.
    pub fn send_flight(
        &mut self,
        connection: ConnectionId,
        request: Request<Bytes>,
        followed_by: Vec<Request<Bytes>>,
    ) -> Result<StreamId, StreamError> {
        let unknown = StreamError::UnknownConnection(connection);
        let line = self.connections.get_mut(&connection).ok_or(unknown)?;
        let requests = 1 + followed_by.len() as u64;
        if requests > MAX_STREAMS - line.sent {
            return Err(StreamError::TooManyStreams(connection));
        }
        let stream = StreamId(line.sent);
        let errand = Errand {
            stream,
            request,
            followed_by,
        };
        if line.client.errands.send(errand).is_err() {
            return Err(StreamError::Ended(
                line.client.end.reason().unwrap_or(EndReason::Local),
            ));
        }
        line.sent += requests;
        Ok(stream)
    }

    /// The client closes a connection in order, or gives up its handshake. Requests without an answer fail. If the peer
    /// does not do its part in an orderly end, the connection is dropped.
    ///
    /// # Errors
    /// When the budget of polls is spent.
    pub fn close(&mut self, connection: ConnectionId) -> Result<(), Busy> {
        for _ in 0..2 {
            if let Some(line) = self.connections.get(&connection).filter(|c| !c.is_over()) {
                line.client.closing.notify_one();
            }
            self.run()?;
        }
        Ok(())
    }

    /// The server closes a connection in order, after what is in flight.
    ///
    /// # Errors
    /// When the budget of polls is spent.
    pub fn shut_down(&mut self, connection: ConnectionId) -> Result<(), Busy> {
        self.end_by_server(connection, Ending::InOrder)
    }

    /// The server's end of the transport disappears, without `close_notify`.
    ///
    /// # Errors
    /// When the budget of polls is spent.
    pub fn cut(&mut self, connection: ConnectionId) -> Result<(), Busy> {
        self.end_by_server(connection, Ending::Cut)
    }

    fn end_by_server(&mut self, connection: ConnectionId, ending: Ending) -> Result<(), Busy> {
        if let Some(line) = self.connections.get(&connection) {
            line.tell_server(ending);
        } else if let Some(accepted) = self.accepted.get(&connection) {
            let _ = accepted.end.send(ending);
        }
        self.run()
    }

    /// Runs until nothing moves, and gathers the sessions that arrived. A late question that no answer is on the way to
    /// by then stays without, and its request is denied.
    ///
    /// # Errors
    /// When the budget of polls is spent: something loops.
    pub fn run(&mut self) -> Result<(), Busy> {
        let mut ran = self.turn();
        while ran.is_ok() && self.office.unanswered.give_up() {
            ran = self.turn();
        }
        self.gather_sessions();
        ran
    }

    fn gather_sessions(&mut self) {
        for (&connection, line) in &self.connections {
            for session in line.shelf.collect() {
                self.events.borrow_mut().push_back(ClientEvent::Session {
                    connection,
                    session,
                });
            }
        }
    }

    #[cfg(not(feature = "insecure-test-crypto"))]
    fn turn(&mut self) -> Result<(), Busy> {
        self.executor.run()
    }

    #[cfg(feature = "insecure-test-crypto")]
    fn turn(&mut self) -> Result<(), Busy> {
        self.randomness.during(|| self.executor.run())
    }

    /// Runs until `done`, waiting in between for what comes from outside: over sockets bytes arrive when they do. The same
    /// tasks as in memory, polled by whatever runtime this future is polled by. A late question waits for its answer as long
    /// as `done` does.
    ///
    /// # Errors
    /// When the budget of polls is spent in one go: something loops.
    pub async fn run_until(&mut self, mut done: impl FnMut(&mut Self) -> bool) -> Result<(), Busy> {
        poll_fn(|cx| {
            self.poll(cx)?;
            match done(self) {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// One turn of [`run_until`](Self::run_until), for a caller that waits for other things as well: all that can go on
    /// does, and the caller is woken when there is more.
    ///
    /// # Errors
    /// When the budget of polls is spent: something loops.
    pub fn poll(&mut self, cx: &Context<'_>) -> Result<(), Busy> {
        self.executor.wake_too(cx.waker());
        let ran = self.turn();
        self.gather_sessions();
        ran
    }

    /// What happened to the client since this was last asked, in order. Sessions come last.
    pub fn events(&mut self) -> Vec<ClientEvent> {
        self.events.take().into()
    }

    /// What the servers saw since this was last asked, in order.
    pub fn observations(&mut self) -> Vec<Observation> {
        self.office.observations.take()
    }
}

impl Connection {
    /// Its client has come to its end, whatever that was. What is known of it is kept until the next one begins.
    fn is_over(&self) -> bool {
        self.client.errands.is_closed()
    }

    fn tell_server(&self, ending: Ending) {
        // A connection that has ended needs no ending.
        let _ = self.end.send(ending);
    }
}

/// Where a server is in the list, if it is.
fn find(servers: &[Server], server: ServerId) -> Option<usize> {
    let index = usize::try_from(server.0).ok()?;
    (index < servers.len()).then_some(index)
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;
    use crate::plan::ConfigKey;

    #[test]
    fn connections_that_ended_are_given_back() {
        let mut driver = Driver::new(Arc::default());
        let plan = ServerPlan::new(&["api.test"]);
        let server = driver
            .add_server(plan, |_, _| Response::new(Bytes::new()).into())
            .unwrap();
        let configuration = ClientConfiguration::new(ConfigKey(0));
        for _ in 0..20 {
            let (connection, _) = driver.connect(server, "api.test", &configuration, None);
            driver.close(connection.unwrap()).unwrap();
        }
        assert_eq!(driver.connections.len(), 1, "the last is still known");
    }
}
