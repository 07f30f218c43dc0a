//! Another host's request joins a connection only where nothing but the host differs.

use super::bare::step;
use super::view::{Intent, Sent};
use super::{Findings, View};
use crate::log::Leg;

pub(super) fn coalesce_safe(view: &View<'_>, findings: &mut Findings<'_>) {
    // On the leg to a proxy the request's authority is never the host of the connection.
    let to_origin = |sent: &&Sent<'_>| view.connections[sent.lane].event.leg == Leg::Origin;
    for sent in view.requests.iter().filter(to_origin) {
        let lane = &view.connections[sent.lane];
        // An address is not told in the handshake.
        let opened_for = match (&lane.event.sni, &lane.intent) {
            (Some(name), _) => name.as_str(),
            (None, Some(intent)) => host_and_port(&intent.hop.authority).0,
            (None, None) => continue,
        };
        let (host, port) = host_and_port(&sent.event.authority);
        if host == opened_for && port == lane.event.port {
            continue;
        }
        // It was asked for another name on behalf of this very host.
        let under_another_name = |intent: Intent<'_>| {
            intent.hop.server_name.is_some() && intent.hop.authority == sent.event.authority
        };
        if lane.intent.is_some_and(under_another_name) {
            continue;
        }
        let mut because = |reason: core::fmt::Arguments<'_>| {
            findings.add(sent.record, || {
                format!(
                    "step {} for {} joined connection {}, opened for {opened_for} on port {}, although {reason}",
                    step(sent.event.step),
                    sent.event.authority,
                    lane.event.id,
                    lane.event.port,
                )
            });
        };
        if port != lane.event.port {
            because(format_args!("the ports differ"));
        }
        let server = view
            .case
            .scenario
            .servers
            .iter()
            .find(|server| server.name == lane.event.server);
        if !server.is_some_and(|server| server.hosts.iter().any(|name| name == host)) {
            because(format_args!("its certificate does not cover that host"));
        }
        if view.client_of(sent).is_authenticated() {
            because(format_args!("a client certificate was sent on it"));
        }
        if let (Some(intent), Some(opened)) = (&sent.intent, &lane.intent)
            && let Some(what) = intent
                .differs(opened)
                .or_else(|| intent.differs_in_way(opened))
        {
            because(format_args!("the {what} differs"));
        }
    }
}

/// The host and port of an authority; 443 where none is written.
fn host_and_port(authority: &str) -> (&str, u16) {
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(443)),
        None => (authority, 443),
    }
}
