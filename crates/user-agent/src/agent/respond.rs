//! What happens when something happened: a handshake ended, an answer or a session came, a connection closed.

use core::time::Duration;
use std::sync::Arc;

use bareflight_policy::{
    HeaderList, OnResponse, OnStatus, Origin, Redirect, ResponseTainting, check_preflight_response,
    cors_check, http_redirect_fetch, on_response, on_status,
};
use bareflight_pool_key::{
    CoalesceFacts, ConnectionKey, Lease, Leg, ProtocolClass, SessionFacts, Sharing,
};

use super::connections::{Record, Stream};
use super::pipeline::is_idempotent;
use super::{Choice, UserAgent};
use crate::decisions::{Question, Wanted};
use crate::{
    Action, CauseOf, ConnectionId, EndReason, NetworkError, Outcome, Protocol, Running,
    SessionHandle, StoredSession, Verification,
};

impl UserAgent {
    pub(super) fn connected(
        &mut self,
        id: ConnectionId,
        protocol: Protocol,
        asked: bool,
        names: Arc<[String]>,
    ) {
        let Some(record) = self.connections.get_mut(id) else {
            return;
        };
        record.protocol = Some(protocol);
        record.asked = asked;
        record.names = Some(names);
        self.connections.note_coverage(id);
        let opener = self
            .connections
            .get_mut(id)
            .and_then(|record| record.opener.take());
        let sharing = match protocol {
            Protocol::Http1 => Sharing::Exclusive,
            Protocol::H2 => Sharing::Shared {
                streams: self.limits.streams,
            },
        };
        if asked {
            self.prompt(id, None);
        }
        let reservation = self
            .connections
            .get_mut(id)
            .and_then(|record| record.reservation.take());
        let lease = match reservation.map(|it| self.pool.insert(it, id, sharing, self.now)) {
            Some(Ok(lease)) => Some(lease),
            // The pool was cleared meanwhile: nobody waits for this connection any more.
            Some(Err(stray)) => return self.actions.push_back(Action::Close(stray)),
            None => None,
        };
        if let (Some(record), Some(lease)) = (self.connections.get_mut(id), &lease) {
            record.handle = Some(lease.handle());
        }
        if let Some(early) = self.under_way_early(id) {
            early.lease = lease;
            return;
        }
        match (opener, lease) {
            (Some(running), lease) => self.send(running, id, lease, false),
            (None, Some(lease)) => self.pool.checkin(lease, self.now),
            (None, None) => {}
        }
    }

    /// The request that went out with the ClientHello.
    fn under_way_early(&mut self, id: ConnectionId) -> Option<&mut Stream> {
        self.connections.get_mut(id)?.streams.first_mut()
    }

    /// The dialog in which the user chooses a certificate: once for each (partition, origin), and never for a request
    /// without credentials.
    ///
    /// It is for the request that the connection was opened for, or, `late`, for the one that it serves.
    fn prompt(&mut self, id: ConnectionId, late: Option<(CauseOf, Question)>) {
        let Some(record) = self.connections.get(id) else {
            return;
        };
        let (cause, question) = late.unwrap_or((record.cause, record.question));
        let chose = self.choices.iter().any(|it| it.place == record.place);
        if !chose && self.decisions.prompts(&question) {
            self.choices.push(Choice {
                place: record.place.clone(),
                declined: question.declines,
            });
            self.actions.push_back(Action::Prompted(cause));
        }
    }

    pub(super) fn asked_late(&mut self, id: ConnectionId) {
        let first = self
            .connections
            .get(id)
            .and_then(|record| record.streams.first());
        let asked_for = first.and_then(|stream| self.fetches.get(stream.fetch));
        let late = asked_for.map(|fetch| (fetch.cause(), self.question(fetch)));
        self.prompt(id, late);
    }

    pub(super) fn session(
        &mut self,
        id: ConnectionId,
        leg: Leg,
        (session, called): (SessionHandle, u32),
        (single_use, lifetime, early_data): (bool, Duration, bool),
    ) {
        let early = |record: &Record| {
            leg == Leg::Origin
                && self.decisions.verification(&record.wanted) == Verification::Afterwards
        };
        let Some(record) = self
            .connections
            .get(id)
            .filter(|record| record.protocol.is_some() || early(record))
        else {
            // The handshake has not ended well: nothing was verified.
            return self.actions.push_back(Action::Forget(session));
        };
        let of = match leg {
            Leg::Origin => Some(record.sessions),
            Leg::Proxy => record.hop,
        };
        let Some(of) = of else {
            return self.actions.push_back(Action::Forget(session));
        };
        let facts = SessionFacts {
            single_use,
            obtained: self.now,
            lifetime,
            authenticated_until: of.authenticated_until,
        };
        let stored = StoredSession {
            handle: session,
            id: called,
            facts,
            early_data: record.protocol.filter(|_| early_data),
        };
        self.sessions.insert(&of.key, stored, facts, self.now);
    }

    pub(super) fn closed(&mut self, id: ConnectionId, asked: bool, reason: EndReason) {
        if asked {
            self.prompt(id, None);
        }
        let Some(mut record) = self.connections.close(id) else {
            return;
        };
        if let Some(handle) = record.handle {
            self.pool.remove(handle);
        }
        if let Some(reservation) = record.reservation.take() {
            self.pool.fail(reservation);
        }
        let proxy_failed = reason == EndReason::Proxy && record.hop.is_some();
        if self.decisions.forgets_sessions(reason) {
            self.sessions.forget_key(match &record.hop {
                Some(hop) if proxy_failed => &hop.key,
                _ => &record.sessions.key,
            });
        }
        if proxy_failed {
            self.keep_offer(&record);
        }
        if let Some(running) = record.opener.take() {
            self.fail(running, NetworkError::Connection(reason));
        }
        for stream in record.streams.drain(..) {
            self.broken(&stream, reason);
        }
    }

    /// A session that was to be offered at the end of a tunnel, of which there is none, was not: it is kept.
    fn keep_offer(&mut self, record: &Record) {
        if let Some(session) = record.offered.filter(|session| session.facts.single_use) {
            let facts = session.facts;
            self.sessions
                .insert(&record.sessions.key, session, facts, self.now);
        }
    }

    /// A request lost its connection. One that rode a connection that was open before is sent again, once: the server
    /// may have closed it while it was idle. One that was pipelined behind another is sent again if it may be served twice (RFC
    /// 9112 section 9.3.2): whatever the connection ended over, it was the first one's, and the server may have seen both.
    fn broken(&mut self, stream: &Stream, reason: EndReason) {
        let Some(fetch) = self.fetches.get_mut(stream.fetch) else {
            return;
        };
        let again = fetch.reused && !fetch.retried && fetch.current().body.can_be_sent_again();
        let harmless = match stream.follows {
            true => is_idempotent(fetch.current()),
            false => reason == EndReason::Closed,
        };
        if again && harmless {
            fetch.retried = true;
            return self.obtain(stream.fetch);
        }
        self.fail(stream.fetch, NetworkError::Connection(reason));
    }

    pub(super) fn going_away(&mut self, id: ConnectionId) {
        let Some(record) = self.connections.get_mut(id) else {
            return;
        };
        record.going_away = true;
        if let Some(handle) = record.handle {
            self.pool.drain(handle);
        }
    }

    pub(super) fn response(
        &mut self,
        id: ConnectionId,
        number: u32,
        status: u16,
        headers: &HeaderList,
    ) {
        if let Some(fetch) = self.over(id, number) {
            self.answered(fetch, status, headers);
        }
    }

    /// A request comes again over HTTP/1.1, once: on another connection, under the same credentials.
    pub(super) fn wants_http1(&mut self, id: ConnectionId, number: u32) {
        let Some(running) = self.over(id, number) else {
            return;
        };
        let Some(fetch) = self.fetches.get_mut(running) else {
            return;
        };
        if fetch.http1 || !fetch.current().body.can_be_sent_again() {
            return self.fail(running, NetworkError::Connection(EndReason::Closed));
        }
        fetch.http1 = true;
        self.obtain(running);
    }

    /// A request on a connection is over; whose it was.
    fn over(&mut self, id: ConnectionId, number: u32) -> Option<Running> {
        let record = self.connections.get_mut(id)?;
        let mut streams = record.streams.iter();
        let at = streams.position(|stream| stream.number == number)?;
        let Stream { fetch, lease, .. } = record.streams.remove(at);
        // A connection with more in the pipeline is not free yet.
        let mut behind = record.streams.iter_mut();
        match behind.find(|stream| stream.lease.is_none()) {
            Some(heir) => heir.lease = lease,
            None => {
                let dedicated = record.wanted.description.class == ProtocolClass::WebSocket;
                self.release(id, lease, dedicated);
            }
        }
        Some(fetch)
    }

    fn release(&mut self, id: ConnectionId, lease: Option<Lease<ConnectionId>>, dedicated: bool) {
        if let Some(lease) = lease {
            self.pool.checkin(lease, self.now);
        } else if dedicated {
            self.connections.close(id);
            self.actions.push_back(Action::Close(id));
        }
    }

    fn answered(&mut self, running: Running, status: u16, headers: &HeaderList) {
        let Some(fetch) = self.fetches.get_mut(running) else {
            return;
        };
        // HTTP-network-or-cache fetch, before anybody looks at the headers, and for a preflight too.
        if on_status(fetch.current(), status, false, fetch.misdirected)
            == OnStatus::RetryOnNewConnection
        {
            fetch.misdirected = true;
            return self.obtain(running);
        }
        if let Some(preflight) = &mut fetch.preflight {
            // The answer to a preflight is never followed, wherever it points (CORS-preflight fetch).
            if self.decisions.follows_preflight_redirect(status)
                && let Ok(Redirect::Followed) = http_redirect_fetch(preflight, status, headers)
            {
                return self.obtain(running);
            }
            return self.preflight_answered(running, status, headers);
        }
        if fetch.request.response_tainting() == ResponseTainting::Cors
            && let Err(error) = cors_check(&fetch.request, headers)
        {
            return self.fail(running, error.into());
        }
        match on_response(&fetch.request, status) {
            OnResponse::Follow | OnResponse::NavigationDecides => {
                self.redirected(running, status, headers);
            }
            OnResponse::NetworkError => self.fail(running, NetworkError::RedirectMode),
            OnResponse::Deliver | OnResponse::OpaqueRedirect => {
                self.finish(running, Outcome::Response(status));
            }
        }
    }

    fn preflight_answered(&mut self, running: Running, status: u16, headers: &HeaderList) {
        let Some(fetch) = self.fetches.get_mut(running) else {
            return;
        };
        match check_preflight_response(&fetch.request, status, headers) {
            Ok(grant) => {
                self.preflights.store(&fetch.request, &grant, self.now);
                fetch.preflight = None;
                fetch.misdirected = false;
                fetch.http1 = false;
                self.obtain(running);
            }
            Err(error) => self.fail(running, error.into()),
        }
    }

    fn redirected(&mut self, running: Running, status: u16, headers: &HeaderList) {
        let Some(fetch) = self.fetches.get(running) else {
            return;
        };
        let chosen = self.question(fetch).chosen;
        let Some(fetch) = self.fetches.get_mut(running) else {
            return;
        };
        fetch.chosen = chosen;
        match http_redirect_fetch(&mut fetch.request, status, headers) {
            Ok(Redirect::Deliver) => return self.finish(running, Outcome::Response(status)),
            Ok(Redirect::Followed) => {}
            Err(error) => return self.fail(running, error.into()),
        }
        fetch.hop += 1;
        fetch.misdirected = false;
        fetch.http1 = false;
        fetch.retried = false;
        let mut request = fetch.request.clone();
        match self.route(&mut request) {
            Ok(route) => {
                if let Some(fetch) = self.fetches.get_mut(running) {
                    fetch.request = request;
                    fetch.route = route;
                }
                self.start_hop(running);
            }
            Err(error) => self.fail(running, error),
        }
    }

    /// A connection to another host of the same certificate that this request may join.
    pub(super) fn coalesced(
        &mut self,
        running: Running,
        wanted: &Wanted,
    ) -> Option<Lease<ConnectionId>> {
        if !self.connections.any_covers_others() {
            return None;
        }
        let url = self.fetches.get(running)?.current().current_url().as_url();
        let (host, port) = (url.host_str()?, url.port_or_known_default());
        let key = self.key(wanted);
        let (origins, connections, decisions) = (&self.origins, &self.connections, self.decisions);
        let joins = |other: &ConnectionKey, id: &ConnectionId| {
            let Some(record) = connections
                .get(*id)
                .filter(|record| record.protocol == Some(Protocol::H2))
            else {
                return false;
            };
            let facts = CoalesceFacts {
                certificate_covers: record.covers(host),
                client_certificate_asked: record.asked,
                client_certificate_sent: record.inherits_identity(),
            };
            let same_port = origins
                .value(other.description().origin)
                .is_some_and(|origin| port_of(origin) == port);
            same_port && decisions.joins(other, &key, facts)
        };
        self.pool.checkout_where(joins, self.now)
    }
}

fn port_of(origin: &Origin) -> Option<u16> {
    let text = origin.as_str();
    let (scheme, authority) = text.split_once("://")?;
    match authority
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
    {
        Some(port) => Some(port),
        None => Some(if scheme == "http" { 80 } else { 443 }),
    }
}

impl Record {
    /// Whether the connection may be authenticated without having been asked: by the session that it resumed.
    fn inherits_identity(&self) -> bool {
        self.offered.is_some() && self.wanted.description.identity.is_some()
    }

    /// Whether the server's certificate covers a host. Wildcards cover one label.
    pub(super) fn covers(&self, host: &str) -> bool {
        self.names
            .iter()
            .flat_map(|names| names.iter())
            .any(|name| match name.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => name == host,
            })
    }
}
