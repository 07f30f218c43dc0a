//! What becomes of real servers when the world changes? The same in memory and on sockets.

use bareflight_handshake_driver::{Driver, ServerError, ServerId, ServerPlan};

use crate::scenario::{InForce, WorldEvent};

/// Lets servers forget their sessions and take up other settings, as an event of the world says; `in_force` is what is in
/// force at each, and `plan` what a server does under it. Returns the server whose connections are then to be closed: an
/// index into the scenario's.
///
/// # Errors
///
/// Where the driver refuses the plan; the old one then stays in force.
pub fn change_servers(
    driver: &mut Driver,
    servers: &[ServerId],
    in_force: &mut [InForce],
    event: &WorldEvent,
    plan: impl FnOnce(usize, InForce) -> ServerPlan,
) -> Result<Option<usize>, ServerError> {
    let take_up = |driver: &mut Driver, server: usize| {
        let now = in_force[server].after(event, server);
        driver.reconfigure(servers[server], plan(server, now))?;
        in_force[server] = now;
        Ok(Some(server))
    };
    match *event {
        WorldEvent::Close { server } => Ok(Some(usize::from(server))),
        WorldEvent::Restart { server } => {
            driver.forget_sessions(servers[usize::from(server)]);
            Ok(Some(usize::from(server)))
        }
        WorldEvent::RotateTicketKeys { server } => {
            driver.forget_sessions(servers[usize::from(server)]);
            Ok(None)
        }
        WorldEvent::ChangeMode { server, .. } => {
            driver.forget_sessions(servers[usize::from(server)]);
            take_up(driver, usize::from(server))
        }
        WorldEvent::Reload { server, .. } => take_up(driver, usize::from(server)),
        // These happen elsewhere.
        WorldEvent::Time { .. }
        | WorldEvent::Renew { .. }
        | WorldEvent::Logout
        | WorldEvent::NetworkChange => Ok(None),
    }
}
