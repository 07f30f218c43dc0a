//! What a server owes: to ask where its rule says so, and to deny where it was not told.

use super::bare::step;
use super::identity::name;
use super::sessions::age;
use super::view::{Lane, Sent, Session};
use super::{Findings, View};
use crate::scenario::{ClientCertificate, WorldEvent};

/// The rule of the host that a request is for must be the one that its connection was made under, or be met by it; else
/// whoever gets past the one host's door is in the other's house.
pub(super) fn server_route_matched(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in &view.requests {
        let lane = &view.connections[sent.lane];
        let Some(server) = view.server(&lane.event.server) else {
            continue;
        };
        let made_under = view.rule_asked_for(server, lane);
        let wanted = view.host_rule(server, host(sent), sent.record);
        let client = view.client_of(sent);
        // Under the rule that it was made under a connection is not judged again.
        let again = || view.takes(view.in_force(server, sent.record), client, sent.record);
        let known = client.is_authenticated() && (wanted == made_under || again());
        if let Some((record, status)) = view.status(sent)
            && !meets(wanted, made_under, known)
            && status != MISDIRECTED
        {
            findings.add(record, || {
                format!(
                    "server {} answered {status} to step {} for {}, whose rule is {}, on connection {}, made for {}, \
                     whose rule is {}, by {}",
                    lane.event.server,
                    step(sent.event.step),
                    sent.event.authority,
                    wanted.as_str(),
                    lane.event.id,
                    lane.event.sni.as_deref().unwrap_or("no name"),
                    made_under.as_str(),
                    name(client),
                )
            });
        }
    }
}

/// Whether a connection that was made under one rule, with a client that is known or not, could have come about under another.
fn meets(wanted: ClientCertificate, made_under: ClientCertificate, known: bool) -> bool {
    match wanted {
        ClientCertificate::None => true,
        // Nobody gets in under it without one, so a connection without one was not made under it.
        ClientCertificate::Require => known,
        _ if wanted == made_under => true,
        // Who was not asked has not declined.
        _ => known,
    }
}

/// What a resumption goes back to must satisfy what is in force now, at this server and for this name.
pub(super) fn server_resume_rechecked(view: &View<'_>, findings: &mut Findings<'_>) {
    for lane in &view.connections {
        let Some(session) = lane.event.resumed.and_then(|number| view.session(number)) else {
            continue;
        };
        if let Some(wrong) = wrongly_resumed(view, lane, session) {
            findings.add(lane.record, || {
                format!(
                    "server {} resumed session {} on connection {}, {wrong}",
                    lane.event.server, session.event.session, lane.event.id
                )
            });
        }
    }
}

/// Why a session should not have been resumed.
fn wrongly_resumed(view: &View<'_>, lane: &Lane<'_>, session: &Session<'_>) -> Option<String> {
    let server = view.server(&lane.event.server)?;
    let origin = &view.connections[session.lane];
    if origin.event.server != lane.event.server {
        return Some(format!("which server {} had issued", origin.event.server));
    }
    let now = view.in_force(server, lane.record);
    if !now.has_tickets() {
        return Some("though it does not resume sessions".to_owned());
    }
    if origin.event.tls != lane.event.tls {
        return Some("which is of another version of TLS".to_owned());
    }
    if origin.event.sni != lane.event.sni {
        return Some("which was issued under another name".to_owned());
    }
    if is_forgotten(view, server, session.record, lane.record) {
        return Some("which it should have forgotten".to_owned());
    }
    if age(view, session.record, lane.record) > u64::from(session.event.lifetime) * 1_000 {
        return Some("which was too old".to_owned());
    }
    let shown = &view.root(lane).event.client;
    if lane.event.client != *shown {
        return Some(format!(
            "whose client was {} and is taken to be {}",
            name(shown),
            name(&lane.event.client)
        ));
    }
    let rule = view.rule_asked_for(server, lane);
    if rule == ClientCertificate::Require && !shown.is_authenticated() {
        return Some("whose client had shown no certificate, which it insists on".to_owned());
    }
    (rule.asks() && !view.takes(now, shown, lane.record)).then(|| {
        let name = name(shown);
        format!("whose client was {name}, with a certificate that would not pass now")
    })
}

/// Whether the server lost its sessions between two records.
fn is_forgotten(view: &View<'_>, server: usize, from: usize, to: usize) -> bool {
    let before = view.events_before(from).count();
    view.events_before(to)
        .skip(before)
        .any(|event| match event {
            WorldEvent::Restart { server: it }
            | WorldEvent::RotateTicketKeys { server: it }
            | WorldEvent::ChangeMode { server: it, .. } => usize::from(*it) == server,
            _ => false,
        })
}

/// The host that a request is for.
fn host<'l>(sent: &Sent<'l>) -> &'l str {
    let authority = sent.event.authority.as_str();
    authority.split(':').next().unwrap_or(authority)
}

pub(super) fn server_late_denied(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in &view.requests {
        let lane = &view.connections[sent.lane];
        let Some(server) = view.server(&lane.event.server) else {
            continue;
        };
        let rule = view.host_rule(server, host(sent), sent.record);
        let asks_late = rule.late().is_some();
        let protected = &view.case.scenario.servers[server].protected;
        if !asks_late || !protected.covers(&sent.event.target, sent.event.preflight) {
            continue;
        }
        let client = view.client_of(sent);
        if let Some((record, status)) = view.status(sent)
            && !client.is_authenticated()
            && ![DENIED, MISDIRECTED].contains(&status)
        {
            findings.add(record, || {
                format!(
                    "server {} answered {} to step {} for the protected path {}, and its client is {}",
                    lane.event.server,
                    status,
                    step(sent.event.step),
                    sent.event.target,
                    name(client),
                )
            });
        }
    }
}

/// 421 (Misdirected Request): the connection is another host's.
const MISDIRECTED: u16 = 421;

/// 403 (Forbidden): what a server that asks late answers to whom it does not know.
const DENIED: u16 = 403;
