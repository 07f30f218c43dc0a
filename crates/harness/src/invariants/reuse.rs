//! Segmentation must not be over-strict: what may be shared is shared.

use bareflight_pool_key::Limits;

use super::sessions::{AUTHENTICATION, age, differs, lifetime};
use super::view::{Intent, Lane, Session};
use super::{Findings, View};
use crate::log::{Cause, Connection, Leg, Protocol, Tls};
use crate::scenario::{Kind, TlsVersions};

pub(super) fn reuse_live(view: &View<'_>, findings: &mut Findings<'_>) {
    for (index, lane) in view.connections.iter().enumerate() {
        let Some(intent) = lane.intent.filter(|intent| may_share(intent.hop.kind)) else {
            continue;
        };
        // What was idle when a step chose its connection is known for sure only while no other step is under way.
        if !lane.alone || retries(view, index, &intent) {
            continue;
        }
        if let Some(idle) = view.connections[..index]
            .iter()
            .find(|other| is_idle(view, other, lane, &intent))
        {
            findings.add(lane.record, || {
                format!(
                    "connection {} was opened for step {} although connection {} was idle and equal in all that counts",
                    lane.event.id,
                    intent.cause.step + 1,
                    idle.event.id,
                )
            });
        } else if let Some(session) = resumable(view, index, lane) {
            findings.add(lane.record, || {
                format!(
                    "connection {} offered no session although session {} was at hand and equal in all that counts",
                    lane.event.id, session.event.session,
                )
            });
        }
    }
}

/// A WebSocket has a connection of its own.
fn may_share(kind: Kind) -> bool {
    kind != Kind::Websocket
}

/// Whether this is a further connection for the same request: the retry after 421 or HTTP_1_1_REQUIRED, or the second
/// attempt after a prompt.
fn retries(view: &View<'_>, index: usize, intent: &Intent<'_>) -> bool {
    let same = |cause: Cause| cause == intent.cause;
    let opened = view.connections[..index]
        .iter()
        .any(|other| other.event.leg == Leg::Origin && other.event.cause.is_some_and(same));
    opened || was_sent_before(view, intent.cause, view.connections[index].record)
}

/// Whether the same request was sent before this record. What then opens a connection offers HTTP/1.1 alone, or is one of a
/// kind otherwise: it is no other request's.
fn was_sent_before(view: &View<'_>, cause: Cause, record: usize) -> bool {
    view.requests
        .iter()
        .any(|sent| sent.record < record && sent.intent.is_some_and(|intent| intent.cause == cause))
}

fn is_idle(view: &View<'_>, other: &Lane<'_>, lane: &Lane<'_>, intent: &Intent<'_>) -> bool {
    let open =
        other.event.failed.is_none() && other.closed.is_none_or(|closed| closed > lane.record);
    let for_one_alone = other
        .event
        .cause
        .is_some_and(|cause| was_sent_before(view, cause, other.record));
    open && may_share(kind(other))
        && !for_one_alone
        && differs(lane, other).is_none()
        && view.proxy(lane) == view.proxy(other)
        && is_free(view, other, lane.record)
        && !timed_out(view, other, lane.record)
        && intent.hop.kind != Kind::Websocket
}

fn kind(lane: &Lane<'_>) -> Kind {
    lane.intent.map_or(Kind::Fetch, |intent| intent.hop.kind)
}

/// Whether every request on the connection has had its answer, and the first one was sent: a connection that was just
/// opened belongs to its opener. HTTP/2 takes another request at any time.
fn is_free(view: &View<'_>, lane: &Lane<'_>, before: usize) -> bool {
    let mut served = requests(view, lane.event, before).peekable();
    let opened_for_later = kind(lane) == Kind::Preconnect;
    if served.peek().is_none() {
        return opened_for_later;
    }
    lane.event.alpn == Some(Protocol::H2)
        || served.all(|sent| {
            view.requests[sent]
                .answered
                .is_some_and(|record| record < before)
        })
}

fn timed_out(view: &View<'_>, lane: &Lane<'_>, now: usize) -> bool {
    let answers = requests(view, lane.event, now).filter_map(|sent| view.requests[sent].answered);
    let last = answers.max().unwrap_or(lane.record);
    u128::from(age(view, last, now)) >= Limits::default().idle_timeout.as_millis()
}

fn requests(
    view: &View<'_>,
    connection: &Connection,
    before: usize,
) -> impl Iterator<Item = usize> {
    let id = connection.id;
    (0..view.requests.len()).filter(move |&sent| {
        view.requests[sent].event.connection == id && view.requests[sent].record < before
    })
}

/// The record at which TLS failed on a connection: in its handshake, or when it was asked late.
fn failure(view: &View<'_>, lane: &Lane<'_>, before: usize) -> Option<usize> {
    let late = view.late.iter().find(|(record, late)| {
        late.connection == lane.event.id && late.refused && *record < before
    });
    match (&lane.event.failed, late) {
        (Some(_), _) => Some(lane.record),
        (None, late) => late.map(|(record, _)| *record),
    }
}

/// A server that asks late knows no sessions, and does not see what is offered.
fn asks_late(view: &View<'_>, lane: &Lane<'_>) -> bool {
    let server = view.server(&lane.event.server);
    server.is_some_and(|server| view.rule(server, lane.record).late().is_some())
}

/// The version that a connection has, or would have if its handshake had not failed.
fn version(view: &View<'_>, lane: &Lane<'_>) -> Option<Tls> {
    lane.event.tls.or_else(|| {
        let server = view.server(&lane.event.server)?;
        Some(match view.versions(server, lane.record) {
            TlsVersions::Tls12 => Tls::V1_2,
            TlsVersions::Tls13 | TlsVersions::Both => Tls::V1_3,
        })
    })
}

/// Whether a ticket that serves once may have been offered, since it came, to its server when that did not see it: it asked late, or
/// spoke another version.
fn offered_unseen(view: &View<'_>, index: usize, session: &Session<'_>) -> bool {
    let origin = &view.connections[session.lane];
    origin.event.tls == Some(Tls::V1_3)
        && view.connections[..index].iter().any(|other| {
            other.record > session.record
                && (asks_late(view, other) || version(view, other) == Some(Tls::V1_2))
                && differs(other, origin).is_none()
        })
}

/// A session that this connection could have offered and did not.
fn resumable<'v, 'l>(view: &'v View<'l>, index: usize, lane: &Lane<'l>) -> Option<&'v Session<'l>> {
    if lane.event.offered.is_some() {
        return None;
    }
    if asks_late(view, lane) {
        return None;
    }
    let failed = view.connections[..index]
        .iter()
        .filter(|other| differs(lane, other).is_none())
        .filter_map(|other| failure(view, other, lane.record))
        .max();
    let at_hand = |session: &&Session<'_>| {
        let origin = &view.connections[session.lane];
        let used = session.offered.is_some_and(|offered| offered < lane.record);
        session.record < lane.record
            && origin.event.failed.is_none()
            && age(view, session.record, lane.record) < lifetime(session, origin)
            && age(view, view.root(origin).record, lane.record) < AUTHENTICATION
            && !(used && origin.event.tls == Some(Tls::V1_3))
            && differs(lane, origin).is_none()
            // A failure drops the sessions of its key.
            && failed.is_none_or(|failed| failed < session.record)
    };
    let spoken = |session: &Session<'_>| {
        let tls = view.connections[session.lane].event.tls;
        version(view, lane).is_none_or(|spoken| tls == Some(spoken))
    };
    let mut sessions = view.sessions.iter().filter(at_hand);
    // What came last is offered. A server that has come to speak another version does not see it.
    if !sessions.clone().next_back().is_some_and(spoken) {
        return None;
    }
    sessions.find(|session| {
        // What overlaps with a logout may be of the time before, though it was seen afterwards.
        let of_its_time = view.connections[session.lane].alone;
        of_its_time && spoken(session) && !offered_unseen(view, index, session)
    })
}
