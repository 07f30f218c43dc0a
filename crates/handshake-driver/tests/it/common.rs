//! What do all these tests need? One client, one server, and what both saw.

use std::sync::{Arc, LazyLock};

use bareflight_handshake_driver::*;
use bytes::Bytes;
use http::{Request, Response};
use rustls::sign::CertifiedKey;

pub(crate) const HOST: &str = "api.test";

/// One PKI for a whole test program: making keys is what costs.
pub(crate) static PKI: LazyLock<Arc<Pki>> = LazyLock::new(|| Arc::new(crate::pki(0)));

pub(crate) fn identity(plan: &IdentityPlan) -> Arc<CertifiedKey> {
    PKI.identity(plan).unwrap()
}

pub(crate) fn alice() -> Arc<CertifiedKey> {
    identity(&IdentityPlan::new("alice"))
}

pub(crate) fn named(plan: &IdentityPlan) -> Option<Identity> {
    Some(Identity::Known(plan.name.clone()))
}

/// A driver with one server, which answers every request with its own target.
pub(crate) struct World {
    pub(crate) driver: Driver,
    pub(crate) server: ServerId,
}

impl World {
    pub(crate) fn new(plan: ServerPlan) -> Self {
        Self::with_rules(plan, Rules::default())
    }

    pub(crate) fn with_rules(plan: ServerPlan, rules: impl Into<Rules>) -> Self {
        let mut driver = Driver::with_rules(Arc::clone(&PKI), rules);
        let server = driver.add_server(plan, echo).unwrap();
        Self { driver, server }
    }

    /// Connects, and returns the handshake as both ends saw it.
    pub(crate) fn connect(
        &mut self,
        configuration: &ClientConfiguration,
        offer: Option<Session>,
    ) -> Handshake {
        self.connect_as(HOST, configuration, offer)
    }

    pub(crate) fn connect_as(
        &mut self,
        name: &str,
        configuration: &ClientConfiguration,
        offer: Option<Session>,
    ) -> Handshake {
        self.driver.observations();
        self.driver.events();
        let (connection, client) = self.driver.connect(self.server, name, configuration, offer);
        let mut handshake = Handshake {
            connection: connection.unwrap(),
            client,
            accepted: None,
            refused: None,
            sessions: Vec::new(),
            closed: None,
            issued: Vec::new(),
        };
        for observation in self.driver.observations() {
            match observation {
                Observation::Handshake(seen) => handshake.accepted = Some(seen),
                Observation::Refused(seen) => handshake.refused = Some(seen),
                Observation::SessionIssued { session, .. } => handshake.issued.push(session),
                _ => {}
            }
        }
        for event in self.driver.events() {
            match event {
                ClientEvent::Session { session, .. } => handshake.sessions.push(session),
                ClientEvent::Closed { reason, .. } => handshake.closed = Some(reason),
                _ => {}
            }
        }
        handshake
    }

    /// Sends one request and returns what came of it.
    pub(crate) fn fetch(
        &mut self,
        connection: ConnectionId,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, StreamError> {
        let sent = self.driver.send(connection, request)?;
        self.driver.run()?;
        outcome(self.driver.events(), connection, sent).expect("no outcome")
    }
}

/// What came of this request, if anything did.
pub(crate) fn outcome(
    events: Vec<ClientEvent>,
    on: ConnectionId,
    of: StreamId,
) -> Option<Result<Response<Bytes>, StreamError>> {
    events.into_iter().find_map(|event| match event {
        ClientEvent::Response {
            connection,
            stream,
            response,
        } if (connection, stream) == (on, of) => Some(Ok(response)),
        ClientEvent::Failed {
            connection,
            stream,
            error,
        } if (connection, stream) == (on, of) => Some(Err(error)),
        _ => None,
    })
}

/// The requests that arrived.
pub(crate) fn heads(driver: &mut Driver) -> Vec<RequestHead> {
    let heads = driver
        .observations()
        .into_iter()
        .filter_map(|observation| match observation {
            Observation::Request(head) => Some(head),
            _ => None,
        });
    heads.collect()
}

/// A handshake as both ends saw it.
#[derive(Debug)]
pub(crate) struct Handshake {
    pub(crate) connection: ConnectionId,
    pub(crate) client: Result<ClientHandshake, ConnectError>,
    pub(crate) accepted: Option<ServerHandshake>,
    pub(crate) refused: Option<RefusedHandshake>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) issued: Vec<SessionId>,
    pub(crate) closed: Option<EndReason>,
}

impl Handshake {
    pub(crate) fn server(&self) -> &ServerHandshake {
        self.accepted
            .as_ref()
            .expect("the server accepted no handshake")
    }

    /// The session that arrived last, which is also the one issued last.
    pub(crate) fn session(&mut self) -> Session {
        self.sessions.pop().expect("no session arrived")
    }
}

pub(crate) fn echo(_: ConnectionId, request: &Request<Bytes>) -> Reply {
    Response::new(Bytes::from(request.uri().path().to_owned())).into()
}

pub(crate) fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

pub(crate) fn server(client_auth: ClientAuth, versions: Versions) -> ServerPlan {
    ServerPlan {
        client_auth,
        versions,
        ..ServerPlan::new(&[HOST])
    }
}

pub(crate) fn client(key: u64, answer: Answer) -> ClientConfiguration {
    ClientConfiguration {
        answer,
        ..ClientConfiguration::new(ConfigKey(key))
    }
}

pub(crate) const VERSIONS: [Versions; 2] = [Versions::Tls12, Versions::Tls13];
pub(crate) const PROTOCOLS: [Protocol; 2] = [Protocol::Http11, Protocol::H2];
