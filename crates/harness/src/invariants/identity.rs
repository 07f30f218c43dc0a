//! Who the connection says the client is, and who the request wants to be.

use super::bare::step;
use super::{Findings, View};
use crate::log::{Cause, Client, Leg};

pub(super) fn identity_match(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in &view.requests {
        let client = view.client_of(sent);
        let Some(intent) = sent.intent.filter(|_| client.is_authenticated()) else {
            continue;
        };
        let lane = &view.connections[sent.lane];
        // What was resumed is as old as the handshake that it goes back to.
        let stale = view
            .root(lane)
            .intent
            .is_some_and(|opened| opened.epoch != intent.epoch);
        if view.identity(client) != intent.identity {
            findings.add(sent.record, || {
                let wanted = intent.identity.map_or_else(
                    || "no identity".to_owned(),
                    |(index, renewal)| {
                        let name = view.case.scenario.identities[usize::from(index)]
                            .name
                            .clone();
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
                    "step {} rode connection {}, authenticated as {} before the user logged out or the network changed",
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
        let wants = sent
            .intent
            .is_some_and(|intent| intent.credentials && intent.identity.is_some());
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
        let shown = view.identity(&lane.event.client);
        let chosen = lane.to_proxy.and_then(|wanted| wanted.identity);
        let same = shown.map(|it| it.0) == chosen.map(|it| certificate_of(view, it));
        if lane.event.leg == Leg::Proxy && shown.is_some() && !same {
            findings.add(lane.record, || {
                format!(
                    "the proxy on connection {} was shown {}, who is not for it",
                    lane.event.id,
                    name(&lane.event.client)
                )
            });
        }
    }
    proxies_are_kept_apart(view, findings);
    for lane in &view.connections {
        let (Some(intent), Some(shown)) = (lane.intent, view.identity(&lane.event.client)) else {
            continue;
        };
        let own = intent.identity.map(|it| certificate_of(view, it)) == Some(shown.0);
        if !own && belongs_to_another_hop(view, intent.cause, shown.0) {
            findings.add(lane.record, || {
                format!(
                    "step {} is redirected, and connection {} showed its server {}, the identity of another hop",
                    step(Some(intent.cause.step)),
                    lane.event.id,
                    name(&lane.event.client),
                )
            });
        }
    }
}

/// A request takes the way that it was told to take, and what is for the proxy is not shown to the origin behind it.
fn proxies_are_kept_apart(view: &View<'_>, findings: &mut Findings<'_>) {
    let way = |proxy: Option<usize>| match proxy {
        Some(index) => format!("through {}", view.case.scenario.servers[index].name),
        None => "straight".to_owned(),
    };
    for sent in &view.requests {
        let lane = &view.connections[sent.lane];
        let Some(intent) = &sent.intent else {
            continue;
        };
        let (told, taken) = (intent.hop.via.map(usize::from), view.proxy(lane));
        if told != taken {
            findings.add(sent.record, || {
                format!(
                    "step {} goes {} and rode connection {}, which goes {}",
                    step(sent.event.step),
                    way(told),
                    lane.event.id,
                    way(taken),
                )
            });
        }
    }
    for lane in &view.connections {
        let (Some(proxy), Some(intent)) = (view.proxy(lane), &lane.intent) else {
            continue;
        };
        let shown = view.identity(&lane.event.client).map(|it| it.0);
        let renewals = intent.identity.map_or(0, |it| it.1);
        let own = intent
            .hop
            .identity
            .map(|index| certificate_of(view, (index, renewals)));
        let for_proxy = u8::try_from(proxy)
            .ok()
            .and_then(|it| view.case.identity_for_proxy(it));
        if shown.is_some() && shown != own && shown == for_proxy {
            findings.add(lane.record, || {
                format!(
                    "the origin on connection {} was shown {}, who is for the proxy before it",
                    lane.event.id,
                    name(&lane.event.client)
                )
            });
        }
    }
}

/// Whose certificate an identity shows when it was renewed so many times; that it has not got the key comes out later.
fn certificate_of(view: &View<'_>, (index, renewals): (u8, u16)) -> u8 {
    let identity = &view.case.scenario.identities[usize::from(index)];
    let borrowed = identity.borrows(usize::from(renewals));
    borrowed
        .and_then(|it| u8::try_from(it).ok())
        .unwrap_or(index)
}

/// Whether an identity is what another request of the same step, before a redirect or after it, is to show.
fn belongs_to_another_hop(view: &View<'_>, cause: Cause, identity: u8) -> bool {
    let hops = (0..=u8::MAX).map_while(|hop| Some((hop, view.case.hop(cause.step, hop)?)));
    let mut others = hops.filter(|(hop, _)| *hop != cause.hop);
    others.any(|(_, hop)| hop.identity == Some(identity))
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
