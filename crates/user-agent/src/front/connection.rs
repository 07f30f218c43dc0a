//! The life of one connection, as a task: opened, driven, reported as ended.

use std::sync::{Arc, Weak};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::books::Shared;
use super::{Connector, Refused};
use crate::{Connect, ConnectionId, EndReason, Event, Protocol};

/// Opens a connection and drives it to its end.
pub(super) async fn run<C: Connector>(shared: Weak<Shared<C>>, connector: Arc<C>, to: Connect) {
    let connection = to.connection;
    let mut end = End {
        shared,
        connection,
        asked: false,
        reason: EndReason::Closed,
    };
    let opened = match connector.connect(to).await {
        Ok(opened) => opened,
        Err(Refused { reason, asked }) => {
            (end.reason, end.asked) = (reason, asked);
            return;
        }
    };
    end.asked = opened.asked;
    let Ok((sender, driver)) = http1::handshake(TokioIo::new(opened.stream)).await else {
        return;
    };
    {
        let Some(shared) = end.shared.upgrade() else {
            return;
        };
        let event = Event::Connected {
            connection,
            protocol: Protocol::Http1,
            asked: opened.asked,
            names: opened.names,
        };
        shared.connected(event, connection, sender);
    }
    // How it ended is known to the request that it broke, if there was one.
    drop(driver.await);
}

/// Reports the end of a connection however it comes: a connector may panic, and a task may be dropped.
struct End<C: Connector> {
    shared: Weak<Shared<C>>,
    connection: ConnectionId,
    asked: bool,
    reason: EndReason,
}

impl<C: Connector> Drop for End<C> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.ended(self.connection, self.asked, self.reason);
        }
    }
}
