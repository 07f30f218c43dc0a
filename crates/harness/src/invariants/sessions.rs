//! TLS sessions: offered where they were obtained, and no longer than what they stand for.

use super::view::{Lane, Session};
use super::{Findings, View};
use crate::log::Tls;

pub(super) fn ticket_scope(view: &View<'_>, findings: &mut Findings<'_>) {
    for lane in &view.connections {
        let Some(session) = lane.event.offered.and_then(|session| view.session(session)) else {
            continue;
        };
        if let Some(what) = differs(lane, &view.connections[session.lane]) {
            findings.add(lane.record, || {
                format!(
                    "connection {} offered session {}, which was obtained with another {what}",
                    lane.event.id, session.event.session,
                )
            });
        }
    }
}

pub(super) fn ticket_hygiene(view: &View<'_>, findings: &mut Findings<'_>) {
    for (index, lane) in view.connections.iter().enumerate() {
        let Some(session) = lane.event.offered.and_then(|session| view.session(session)) else {
            continue;
        };
        if let Some(reason) = unfit(view, index, lane, session) {
            findings.add(lane.record, || {
                format!("connection {} offered session {}, {reason}", lane.event.id, session.event.session)
            });
        }
    }
}

/// Why `session` must not be offered on `lane`, whatever the key.
fn unfit(view: &View<'_>, index: usize, lane: &Lane<'_>, session: &Session<'_>) -> Option<&'static str> {
    let origin = &view.connections[session.lane];
    if origin.event.failed.is_some() {
        return Some("whose own connection had failed");
    }
    let age = view.records[lane.record].at.saturating_sub(view.records[session.record].at);
    if age > u64::from(session.event.lifetime) * 1_000 {
        return Some("which had expired");
    }
    let mut earlier = view.connections[..index]
        .iter()
        .filter(|other| other.event.offered == Some(session.event.session))
        .peekable();
    if origin.event.tls == Some(Tls::V1_3) && earlier.peek().is_some() {
        return Some("which had been offered before, and TLS 1.3 tickets are for one use");
    }
    // Handshakes that overlap cannot know of each other's failure.
    if lane.alone && earlier.any(|other| other.event.failed.is_some()) {
        return Some("with which a handshake had failed");
    }
    None
}

/// The first field of the session key in which two connections differ.
pub(super) fn differs(a: &Lane<'_>, b: &Lane<'_>) -> Option<&'static str> {
    let (Some(one), Some(two)) = (&a.intent, &b.intent) else {
        return None;
    };
    let fields = [
        ("host", a.event.sni == b.event.sni),
        ("port", a.event.port == b.event.port),
        ("leg", a.event.leg == b.event.leg),
        ("partition", one.hop.partition == two.hop.partition),
        ("credentials", one.key_credentials == two.key_credentials),
        ("identity", one.identity == two.identity),
        ("server-verification policy", one.hop.trust == two.hop.trust),
        ("epoch", one.epoch == two.epoch),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
}
