//! What becomes of real servers when the world changes? The same in memory and on sockets.

use bareflight_handshake_driver::{Driver, ServerError, ServerId, ServerPlan};

use crate::scenario::{ClientCertificate, WorldEvent};

/// What a change of the world leaves to do to whoever keeps the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The server whose connections are to be closed: an index into the scenario's.
    pub closes: Option<usize>,
    /// The server that has taken up another rule, and the rule.
    pub rule: Option<(usize, ClientCertificate)>,
}

/// Lets servers forget their sessions and take up other rules, as an event of the world says. `plan` is what a server does
/// under a rule.
///
/// # Errors
///
/// Where the driver refuses the plan; the old one then stays in force.
pub fn change_servers(
    driver: &mut Driver,
    servers: &[ServerId],
    event: &WorldEvent,
    plan: impl FnOnce(usize, ClientCertificate) -> ServerPlan,
) -> Result<Changed, ServerError> {
    let take_up = |driver: &mut Driver, server: usize, rule: ClientCertificate| {
        driver.reconfigure(servers[server], plan(server, rule))?;
        Ok(Changed {
            closes: Some(server),
            rule: Some((server, rule)),
        })
    };
    let closes = |server: u8| Changed {
        closes: Some(usize::from(server)),
        rule: None,
    };
    match *event {
        WorldEvent::Close { server } => Ok(closes(server)),
        WorldEvent::Restart { server } => {
            driver.forget_sessions(servers[usize::from(server)]);
            Ok(closes(server))
        }
        WorldEvent::RotateTicketKeys { server } => {
            driver.forget_sessions(servers[usize::from(server)]);
            Ok(Changed::default())
        }
        WorldEvent::ChangeMode {
            server,
            client_certificate,
        } => {
            driver.forget_sessions(servers[usize::from(server)]);
            take_up(driver, usize::from(server), client_certificate)
        }
        WorldEvent::Reload {
            server,
            client_certificate,
        } => take_up(driver, usize::from(server), client_certificate),
        // These happen elsewhere.
        WorldEvent::Time { .. }
        | WorldEvent::Renew { .. }
        | WorldEvent::Logout
        | WorldEvent::NetworkChange => Ok(Changed::default()),
    }
}
