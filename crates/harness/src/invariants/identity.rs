//! Who the connection says the client is, and who the request wants to be.

use super::bare::step;
use super::{Findings, View};
use crate::log::{Client, Leg};

pub(super) fn identity_match(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in &view.requests {
        let client = view.client_of(sent);
        let Some(intent) = sent.intent.filter(|_| client.is_authenticated()) else {
            continue;
        };
        let lane = &view.connections[sent.lane];
        let stale = lane.intent.is_some_and(|opened| opened.epoch != intent.epoch);
        if view.identity(client) != intent.identity {
            findings.add(sent.record, || {
                let wanted = intent.identity.map_or_else(
                    || "no identity".to_owned(),
                    |(index, renewal)| {
                        let name = view.case.scenario.identities[usize::from(index)].name.clone();
                        self::name(&Client::Identity { name, renewal })
                    },
                );
                format!(
                    "step {} wants {wanted} and rode connection {}, authenticated as {}",
                    step(sent.event.step),
                    lane.event.id,
                    name(client),
                )
            });
        } else if stale {
            findings.add(sent.record, || {
                format!(
                    "step {} rode connection {}, authenticated as {} before client certificates were cleared",
                    step(sent.event.step),
                    lane.event.id,
                    name(client),
                )
            });
        }
    }
}

pub(super) fn identity_kept(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in &view.requests {
        let wants = sent.intent.is_some_and(|intent| intent.credentials && intent.identity.is_some());
        if wants && *view.client_of(sent) == Client::Declined {
            findings.add(sent.record, || {
                let lane = &view.connections[sent.lane];
                let how = match lane.event.resumed {
                    Some(session) => format!(", resumed from session {session},"),
                    None => String::new(),
                };
                format!(
                    "the credentialed request of step {} rode connection {}{how} from which the certificate was withheld",
                    step(sent.event.step),
                    lane.event.id,
                )
            });
        }
    }
}

pub(super) fn hop_bound(view: &View<'_>, findings: &mut Findings<'_>) {
    for lane in &view.connections {
        if lane.event.leg == Leg::Proxy && view.identity(&lane.event.client).is_some() {
            findings.add(lane.record, || {
                format!("the proxy on connection {} was shown {}", lane.event.id, name(&lane.event.client))
            });
        }
    }
    for lane in &view.connections {
        let Some(intent) = lane.intent.filter(|intent| intent.cause.hop > 0) else {
            continue;
        };
        let Some(shown) = view.identity(&lane.event.client) else {
            continue;
        };
        let own = intent.hop.identity == Some(shown.0);
        let earlier = (0..intent.cause.hop)
            .filter_map(|hop| view.case.hop(intent.cause.step, hop))
            .any(|hop| hop.identity == Some(shown.0));
        if !own && earlier {
            findings.add(lane.record, || {
                format!(
                    "step {} was redirected, and connection {} showed the target {}, the identity of an earlier hop",
                    step(Some(intent.cause.step)),
                    lane.event.id,
                    name(&lane.event.client),
                )
            });
        }
    }
}

/// A client in words.
pub(super) fn name(client: &Client) -> String {
    match client {
        Client::Absent => "nobody".to_owned(),
        Client::Declined => "nobody (the certificate was withheld)".to_owned(),
        Client::Unknown => "somebody unknown".to_owned(),
        Client::Identity { name, renewal: 0 } => name.to_string(),
        Client::Identity { name, renewal } => format!("{name} (renewed {renewal}×)"),
    }
}
