//! How fast is it? A client and a server that do one thing over and over, for benches.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Uri};

use crate::client::Session;
use crate::driver::Driver;
use crate::error::{ConnectError, EndReason, StreamError};
use crate::ids::{ConnectionId, ServerId};
use crate::observation::{ClientEvent, ClientHandshake};
use crate::pki::{IdentityPlan, Pki};
use crate::plan::{Answer, ClientAuth, ClientConfiguration, ConfigKey, ServerPlan, Versions};

/// A client that presents a certificate to a server that requires one.
pub struct Mutual {
    driver: Driver,
    server: ServerId,
    configuration: ClientConfiguration,
    session: Option<Session>,
    open: Option<ConnectionId>,
}

const HOST: &str = "api.test";

impl Mutual {
    /// Sets the two up, in the given version of TLS.
    ///
    /// # Errors
    /// When a certificate cannot be made.
    pub fn new(pki: Arc<Pki>, versions: Versions) -> Result<Self, ConnectError> {
        let mut configuration = ClientConfiguration::new(ConfigKey(0));
        configuration.answer = Answer::Present(pki.identity(&IdentityPlan::new("alice"))?);
        let mut plan = ServerPlan::new(&[HOST]);
        plan.client_auth = ClientAuth::Require;
        plan.versions = versions;
        // As TLS 1.2 does, and as the next resumption needs.
        plan.tickets = 1;
        let mut driver = Driver::new(pki);
        let server =
            driver.add_server(plan, |_, _| Response::new(Bytes::from_static(b"{}")).into());
        let server = server.map_err(|e| ConnectError::Trust(e.to_string()))?;
        Ok(Self {
            driver,
            server,
            configuration,
            session: None,
            open: None,
        })
    }

    /// One full mutual handshake; then the connection is closed in order.
    ///
    /// # Errors
    /// When the handshake fails, or is not a full one in which the server asked.
    pub fn full(&mut self) -> Result<(), ConnectError> {
        self.session = None;
        let handshake = self.once()?;
        expect(handshake.asked && !handshake.resumed)
    }

    /// One resumed mutual handshake, with the session of the one before; then the connection is closed in order.
    ///
    /// # Errors
    /// When the handshake fails, or is not a resumed one (as when there was none before).
    pub fn resumed(&mut self) -> Result<(), ConnectError> {
        let handshake = self.once()?;
        expect(handshake.resumed && !handshake.asked)
    }

    /// One request and its response on a connection that stays open.
    ///
    /// # Errors
    /// When there is no connection or no response.
    pub fn request(&mut self) -> Result<(), StreamError> {
        let connection = match self.open.take() {
            Some(open) => open,
            None => self.reopen()?,
        };
        let connection = match self.driver.send(connection, a_request()) {
            Err(StreamError::TooManyStreams(full)) => {
                self.driver.close(full)?;
                let next = self.reopen()?;
                self.driver.send(next, a_request())?;
                next
            }
            sent => sent.map(|_| connection)?,
        };
        self.open = Some(connection);
        self.driver.run()?;
        let answered = self
            .driver
            .events()
            .iter()
            .any(|event| matches!(event, ClientEvent::Response { .. }));
        self.driver.observations();
        if answered {
            Ok(())
        } else {
            Err(StreamError::Ended(EndReason::Stalled))
        }
    }

    fn once(&mut self) -> Result<ClientHandshake, ConnectError> {
        let (connection, handshake) = self.connect()?;
        self.driver.close(connection)?;
        for event in self.driver.events() {
            if let ClientEvent::Session { session, .. } = event {
                self.session = Some(session);
            }
        }
        self.driver.observations();
        Ok(handshake)
    }

    fn reopen(&mut self) -> Result<ConnectionId, StreamError> {
        match self.connect() {
            Ok((connection, _)) => Ok(connection),
            Err(ConnectError::Ended(reason)) => Err(StreamError::Ended(reason)),
            Err(_) => Err(StreamError::Ended(EndReason::Stalled)),
        }
    }

    fn connect(&mut self) -> Result<(ConnectionId, ClientHandshake), ConnectError> {
        let offer = self.session.take();
        let (connection, outcome) =
            self.driver
                .connect(self.server, HOST, &self.configuration, offer);
        Ok((
            connection.ok_or(ConnectError::Ended(EndReason::Stalled))?,
            outcome?,
        ))
    }
}

fn a_request() -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = Uri::from_static("https://api.test/items?page=2");
    request
}

fn expect(held: bool) -> Result<(), ConnectError> {
    if held {
        Ok(())
    } else {
        Err(ConnectError::Ended(EndReason::Stalled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_what_it_says() {
        for versions in [Versions::Tls12, Versions::Tls13] {
            let mut mutual = Mutual::new(Arc::default(), versions).unwrap();
            assert!(mutual.resumed().is_err(), "there is nothing to resume yet");
            for _ in 0..3 {
                mutual.full().unwrap();
                mutual.resumed().unwrap();
                mutual.resumed().unwrap();
                mutual.request().unwrap();
            }
        }
    }
}
