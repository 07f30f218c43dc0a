//! Another host's request joins a connection only where nothing but the host differs.

use super::bare::step;
use super::{Findings, View};

pub(super) fn coalesce_safe(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in &view.requests {
        let lane = &view.connections[sent.lane];
        let Some(sni) = lane.event.sni.as_ref() else {
            continue;
        };
        let host = host_of(&sent.event.authority);
        if host == sni.as_str() {
            continue;
        }
        let mut because = |reason: &str| {
            findings.add(sent.record, || {
                format!(
                    "step {} for {host} joined connection {}, opened for {sni}, although {reason}",
                    step(sent.event.step),
                    lane.event.id,
                )
            });
        };
        let server = view.case.scenario.servers.iter().find(|server| server.name == lane.event.server);
        if !server.is_some_and(|server| server.hosts.iter().any(|name| name == host)) {
            because("its certificate does not cover that host");
        }
        if view.client_of(sent).is_authenticated() {
            because("a client certificate was sent on it");
        }
        if let (Some(intent), Some(opened)) = (&sent.intent, &lane.intent) {
            if intent.key_credentials != opened.key_credentials {
                because("the credentials differ");
            }
            if intent.hop.partition != opened.hop.partition {
                because("the network partition keys differ");
            }
            if intent.hop.trust != opened.hop.trust {
                because("the server-verification policies differ");
            }
            if intent.identity != opened.identity {
                because("the identities differ");
            }
        }
    }
}

/// The host of an authority.
pub(super) fn host_of(authority: &str) -> &str {
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}
