//! What if there is a proxy between? Two connections, one inside the other, each with its own handshake and its own sessions.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::{Connection, Driver, PIPE};
use crate::client::{self, Session, Shelf, Tunnel};
use crate::error::ConnectError;
use crate::ids::{ConnectionId, ServerId};
use crate::plan::{ClientConfiguration, Protocol};
use crate::server::{self, Dial};

/// The way to a proxy: TLS with a configuration and a session of its own. What an origin is shown, a proxy is not, and the
/// other way round, unless the caller gives both the same configuration.
pub struct Hop<'a> {
    /// The server that forwards.
    pub proxy: ServerId,
    /// The name that it is known by.
    pub name: &'a str,
    /// How it is spoken to: over HTTP/1.1, whatever the configuration says of protocols.
    pub configuration: &'a ClientConfiguration,
    /// A session of the proxy's, to be resumed.
    pub offer: Option<Session>,
    /// The origin's host and port, as the proxy is told.
    pub authority: &'a str,
}

/// A connection through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    /// The connection to the proxy. Its first request is CONNECT, and it carries no other.
    pub hop: ConnectionId,
    /// The connection to the origin, inside it.
    pub connection: ConnectionId,
}

impl Driver {
    /// As [`begin`](Self::begin), through a tunnel (CONNECT, RFC 9110 section 9.3.6). The proxy's responder is asked like any
    /// other, and digs the tunnel with a status of 200 to 299; with another the connection inside ends with
    /// [`EndReason::Proxy`](crate::EndReason::Proxy).
    ///
    /// # Errors
    /// When the plan cannot be carried out.
    pub fn begin_through(
        &mut self,
        hop: Hop<'_>,
        server: ServerId,
        name: &str,
        configuration: &ClientConfiguration,
        offer: Option<Session>,
    ) -> Result<Through, ConnectError> {
        self.make_room(2)?;
        let number = ConnectionId(self.opened);
        let inside = ConnectionId(self.opened + 1);
        let over_http11 = ClientConfiguration {
            alpn: vec![Protocol::Http11],
            ..hop.configuration.clone()
        };
        let hop_shelf = Arc::new(Shelf::offering(hop.offer));
        let shelf = Arc::new(Shelf::offering(offer));
        let mut to_proxy = self.setup(number, hop.name, &over_http11, &hop_shelf)?;
        let mut to_origin = self.setup(inside, name, configuration, &shelf)?;
        let proxy = self.attendant(hop.proxy, number, None)?;
        let origin = self.attendant(server, inside, Some(number))?;

        // The client's end of the tunnel, its way to the proxy, and the proxy's way to the origin.
        let [(near, mouth), (hop_near, hop_far), (exit, far)] =
            [(); 3].map(|()| tokio::io::duplex(PIPE));
        let (comes, coming) = oneshot::channel();
        let dial = Dial { exit, comes };
        self.office.dials.borrow_mut().insert(number, dial);
        let (dug, tunnel) = oneshot::channel();
        to_origin.comes = Some(tunnel);
        let client = client::begin(to_origin, self.tapped(near, inside));
        to_proxy.tunnel = Some(Tunnel {
            authority: hop.authority.to_owned(),
            mouth,
            dug,
            inside: client.end.clone(),
        });
        let outer = Connection {
            server: hop.proxy,
            end: server::attend(proxy, hop_far),
            client: client::begin(to_proxy, self.tapped(hop_near, number)),
            shelf: hop_shelf,
            sent: 1,
        };
        let inner = Connection {
            server,
            end: server::attend_after(origin, far, coming.map(|it| it.is_ok())),
            client,
            shelf,
            sent: 0,
        };
        self.connections.insert(number, outer);
        self.connections.insert(inside, inner);
        self.opened += 2;
        Ok(Through {
            hop: number,
            connection: inside,
        })
    }
}
