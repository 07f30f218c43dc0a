//! What if the client is somebody else's? The server's end alone, over a transport on which a client came.

use tokio::sync::mpsc::UnboundedSender;

use super::Driver;
use crate::error::ConnectError;
use crate::ids::{ConnectionId, ServerId};
use crate::server::{self, Ending};
use crate::wire::Transport;

/// The server's end of a connection whose client is not this driver's.
pub(super) struct Accepted {
    pub(super) server: ServerId,
    pub(super) end: UnboundedSender<Ending>,
}

impl Driver {
    /// Serves a client that is not this driver's, over its transport: a socket that a listener accepted. What it does is
    /// told by [`observations`](Self::observations) alone, for there is no client here that could have events.
    ///
    /// # Errors
    /// When the server does not exist, or too many connections are open.
    pub fn accept<F: Transport>(
        &mut self,
        far: F,
        server: ServerId,
    ) -> Result<ConnectionId, ConnectError> {
        self.accepted.retain(|_, it| !it.end.is_closed());
        self.make_room(1)?;
        let connection = ConnectionId(self.opened);
        let attendant = self.attendant(server, connection, None)?;
        let end = server::attend(attendant, far);
        self.accepted.insert(connection, Accepted { server, end });
        self.opened += 1;
        Ok(connection)
    }
}
