//! TLS sessions: offered where they were obtained, and no longer than what they stand for.

use bareflight_pool_key::{TLS12_LIFETIME, TLS13_LIFETIME};

use super::view::{Lane, Session, first_unequal};
use super::{Findings, View};
use crate::log::{Connection, Leg, Protocol, Tls};
use crate::scenario::{Server, ServerCertificate, Trust};

pub(super) fn ticket_scope(view: &View<'_>, findings: &mut Findings<'_>) {
    for lane in &view.connections {
        let Some(session) = lane.event.offered.and_then(|session| view.session(session)) else {
            continue;
        };
        let origin = &view.connections[session.lane];
        if let Some(what) = differs(lane, origin).or_else(|| version_differs(lane, origin)) {
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
                format!(
                    "connection {} offered session {}, {reason}",
                    lane.event.id, session.event.session
                )
            });
        }
    }
}

/// Why `session` must not be offered on `lane`, whatever the key.
fn unfit(
    view: &View<'_>,
    index: usize,
    lane: &Lane<'_>,
    session: &Session<'_>,
) -> Option<&'static str> {
    let origin = &view.connections[session.lane];
    if origin.event.failed.is_some() {
        return Some("whose own connection had failed");
    }
    if was_not_verified(view, view.root(origin)) {
        return Some("whose server should have been verified and was not");
    }
    if age(view, session.record, lane.record) > lifetime(session, origin) {
        return Some("which had expired");
    }
    // Each resumption brings new tickets; without this bound a certificate that was shown once would count for ever.
    if age(view, view.root(origin).record, lane.record) > AUTHENTICATION {
        return Some("whose full handshake was more than seven days ago");
    }
    if session.offered.is_none_or(|first| first == lane.record) {
        return None;
    }
    if origin.event.tls == Some(Tls::V1_3) {
        return Some("which had been offered before, and TLS 1.3 tickets are for one use");
    }
    // Handshakes that overlap cannot know of each other's failure.
    let failed = |other: &Lane<'_>| {
        other.event.offered == Some(session.event.session) && other.event.failed.is_some()
    };
    let had_failed = lane.alone && view.connections[..index].iter().any(failed);
    had_failed.then_some("with which a handshake had failed")
}

/// Whether a handshake came to its end although the server's certificate is not to be accepted. A proxy's never is: a
/// request's trust is about its origin.
fn was_not_verified(view: &View<'_>, lane: &Lane<'_>) -> bool {
    let server = view.server(&lane.event.server);
    // Who goes to an address names nobody, and verifies that address.
    let believed = |server: &Server| match &lane.event.sni {
        Some(name) => server.is_believed_as(name),
        None => server.certificate == ServerCertificate::Trusted,
    };
    let untrusted = server.is_some_and(|index| !believed(&view.case.scenario.servers[index]));
    let verifies = match lane.event.leg {
        Leg::Origin => lane.intent.is_some_and(|it| it.hop.trust == Trust::Verify),
        Leg::Proxy => true,
    };
    untrusted && verifies
}

/// The first field of the session key in which two connections differ.
pub(super) fn differs(a: &Lane<'_>, b: &Lane<'_>) -> Option<&'static str> {
    let peer = first_unequal([
        ("host", same_host(a.event, b.event)),
        ("port", a.event.port == b.event.port),
        ("leg", a.event.leg == b.event.leg),
        ("transport", same_transport(a.event, b.event)),
    ]);
    peer.or_else(|| match (&a.intent, &b.intent) {
        (Some(one), Some(two)) => {
            // Who asks for another name than the host's may ask two hosts for one.
            first_unequal([("host", one.hop.authority == two.hop.authority)])
                .or_else(|| one.differs(two))
        }
        _ => None,
    })
    .or_else(|| match (&a.to_proxy, &b.to_proxy) {
        (Some(one), Some(two)) => first_unequal([
            ("identity", one.identity == two.identity),
            (
                "epoch (a logout or another network lies between)",
                one.epoch == two.epoch,
            ),
        ]),
        _ => None,
    })
}

/// A session of one TLS version that was resumed in another (CVE-2026-93831). What is merely offered has no version yet.
fn version_differs(lane: &Lane<'_>, origin: &Lane<'_>) -> Option<&'static str> {
    (lane.event.resumed.is_some() && lane.event.tls != origin.event.tls).then_some("TLS version")
}

/// Whether both are for one host. An address is not told in the handshake, and a server has but one.
fn same_host(a: &Connection, b: &Connection) -> bool {
    a.sni == b.sni && (a.sni.is_some() || a.server == b.server)
}

/// Whether both are over QUIC or both over TCP; a handshake that failed before a protocol was chosen does not tell.
fn same_transport(a: &Connection, b: &Connection) -> bool {
    match (a.alpn, b.alpn) {
        (Some(a), Some(b)) => (a == Protocol::H3) == (b == Protocol::H3),
        _ => true,
    }
}

/// Milliseconds for which what a full handshake proved may be relied on: seven days, whatever was resumed meanwhile (RFC
/// 9846 section 4.6.1).
pub(super) const AUTHENTICATION: u64 = TLS13_LIFETIME.as_secs() * 1_000;

/// Milliseconds for which a session may be offered: its lifetime, within what its TLS version allows.
pub(super) fn lifetime(session: &Session<'_>, origin: &Lane<'_>) -> u64 {
    let most = if origin.event.tls == Some(Tls::V1_3) {
        TLS13_LIFETIME
    } else {
        TLS12_LIFETIME
    };
    u64::from(session.event.lifetime).min(most.as_secs()) * 1_000
}

/// Milliseconds between two records.
pub(super) fn age(view: &View<'_>, from: usize, to: usize) -> u64 {
    view.records[to].at.saturating_sub(view.records[from].at)
}
