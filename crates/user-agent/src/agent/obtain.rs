//! Obtain a connection: one from the pool, a shared one, a new one, or a place in line.

use std::borrow::Cow;

use bareflight_policy::{CertificateAnswer, Mode, NetworkPartitionKey, Request};
use smallvec::SmallVec;

use bareflight_pool_key::{
    ConnectionKey, Description, Grant, Lease, Leg, ProtocolClass, Reservation, Reserved, Route,
    TLS13_LIFETIME, Transport, Want,
};

use super::connections::{Record, Stream};
use super::hop::Sessions;
use super::{Choice, UserAgent};
use crate::decisions::{Question, Wanted};
use crate::fetch::{Fetch, Kind};
use crate::{
    Action, Alpn, Connect, ConnectionId, EndReason, Late, NetworkError, Outcome, Place, Protocol,
    Running, Send,
};

impl UserAgent {
    /// Finds the request at hand a connection.
    pub(super) fn obtain(&mut self, running: Running) {
        let Some(fetch) = self.fetches.get(running) else {
            return;
        };
        let question = self.question(fetch);
        let fresh = self.decisions.wants_new_connection(fetch.misdirected);
        let wanted = match self.wanted(running, &question) {
            Ok(wanted) => wanted,
            Err(error) => return self.fail(running, error),
        };
        if wanted.description.class == ProtocolClass::WebSocket {
            return self.connect(running, None, &wanted, &question);
        }
        let key = self.key(&wanted);
        if !fresh {
            if let Some(lease) = self
                .decisions
                .checkout(&mut self.pool, &key, &wanted, self.now)
            {
                return self.ride(running, lease, true);
            }
            if let Some(lease) = self.coalesced(running, &wanted) {
                return self.ride(running, lease, true);
            }
            if let Some(connection) = self.pipeline(running, &key) {
                return self.send(running, connection, None, true);
            }
        }
        let want = if fresh { Want::Fresh } else { Want::Race };
        match self.pool.reserve(&key, running, want, self.now) {
            Ok(Reserved::Connect(reservation)) => {
                self.connect(running, Some(reservation), &wanted, &question);
            }
            Ok(Reserved::Wait(_)) => {}
            Err(_) => self.fail(running, NetworkError::Connection(EndReason::Closed)),
        }
    }

    /// A waiter's turn.
    pub(super) fn served(&mut self, running: Running, grant: Grant<ConnectionId>) {
        let Some(fetch) = self.fetches.get(running) else {
            return self.give_back(grant);
        };
        match grant {
            Grant::Ride(lease) => self.ride(running, lease, true),
            Grant::Connect(reservation) => {
                let question = self.question(fetch);
                match self.wanted(running, &question) {
                    Ok(wanted) => self.connect(running, Some(reservation), &wanted, &question),
                    Err(error) => {
                        self.pool.fail(reservation);
                        self.fail(running, error);
                    }
                }
            }
            Grant::Rekey => self.obtain(running),
        }
    }

    fn give_back(&mut self, grant: Grant<ConnectionId>) {
        match grant {
            Grant::Ride(lease) => self.pool.checkin(lease, self.now),
            Grant::Connect(reservation) => self.pool.fail(reservation),
            Grant::Rekey => {}
        }
    }

    /// What a CertificateRequest on the way would be about.
    pub(super) fn question(&self, fetch: &Fetch) -> Question {
        let request = fetch.current();
        let purpose = fetch.purpose();
        let named = fetch
            .named
            .as_ref()
            .map(|(origin, identity)| (origin, *identity));
        let target = request.current_url().origin();
        let chosen = self
            .decisions
            .choose_identity(&self.identities, target, named, fetch.chosen);
        // Where the caller named one, nobody asks the user.
        let of_user = chosen.is_some() && named.is_none_or(|(origin, _)| origin != target);
        let (declined, declines) = match of_user {
            true => self.declined(fetch),
            false => (false, false),
        };
        Question {
            profile: self.profile,
            purpose,
            include_credentials: self.decisions.include_credentials(request, purpose),
            chosen: chosen.filter(|_| !declined && !declines),
            declines,
        }
    }

    /// Whether the user has chosen to send no certificate, and whether they would if they were asked now.
    fn declined(&self, fetch: &Fetch) -> (bool, bool) {
        if self.choices.is_empty() {
            return (false, fetch.declines);
        }
        let here = self.place(fetch);
        let holds = |it: &Choice| it.declined && self.decisions.choice_holds(&it.place, &here);
        let declined = self.choices.iter().any(holds);
        let chose = self.choices.iter().any(|it| it.place == here);
        (declined, fetch.declines && !declined && !chose)
    }

    /// Where the user makes a choice for the request at hand.
    fn place(&self, fetch: &Fetch) -> Place {
        let request = fetch.current();
        Place {
            partition: self.partition(request).cloned(),
            origin: request.current_url().origin().clone(),
        }
    }

    /// The network partition key of a request, where the profile keeps partitions apart.
    fn partition<'r>(&self, request: &'r Request) -> Option<&'r NetworkPartitionKey> {
        request
            .network_partition_key
            .as_ref()
            .filter(|_| self.profile.connections_partitioned.value)
    }

    /// What the request at hand wants of its connection: the triple of the standard, and the rest.
    fn wanted(&mut self, running: Running, question: &Question) -> Result<Wanted, NetworkError> {
        let Some(fetch) = self.fetches.get(running) else {
            return Err(NetworkError::Connection(EndReason::Closed));
        };
        let request = fetch.current();
        let credentials = self
            .decisions
            .pool_credentials(question.purpose, question.include_credentials);
        let presents = credentials || self.decisions.answer(question) == CertificateAnswer::Present;
        let chosen = question.chosen.and_then(|held| self.identities.id(held));
        let description = Description {
            origin: self.origins.intern(request.current_url().origin())?,
            partition: self
                .partition(request)
                .map(|key| self.partitions.intern(key))
                .transpose()?,
            credentials: credentials || !self.profile.connections_split_by_credentials.value,
            identity: chosen.filter(|_| presents),
            trust: fetch.trust,
            server_name: fetch
                .server_name()
                .map(|name| self.server_names.intern(name))
                .transpose()?,
            route: match &fetch.via {
                Some(proxy) => Route::Via(self.proxies.intern(proxy)?),
                None => Route::Direct,
            },
            leg: Leg::Origin,
            transport: Transport::Tcp,
            class: match request.mode {
                Mode::WebSocket => ProtocolClass::WebSocket,
                _ if fetch.http1 => ProtocolClass::Http1,
                _ => ProtocolClass::Http,
            },
            tenant: None,
            epoch: self.epoch,
        };
        Ok(Wanted {
            description,
            chosen,
            label: question.chosen.and_then(|held| self.identities.label(held)),
            named: fetch
                .named
                .as_ref()
                .and_then(|(_, held)| self.identities.id(*held)),
            purpose: question.purpose,
        })
    }

    /// The key that connections are shared under.
    pub(super) fn key(&self, wanted: &Wanted) -> ConnectionKey {
        let description = self.decisions.connection_description(wanted);
        description.keys().connection
    }

    fn connect(
        &mut self,
        running: Running,
        reservation: Option<Reservation>,
        wanted: &Wanted,
        question: &Question,
    ) {
        let Some(fetch) = self.fetches.get_mut(running) else {
            return;
        };
        fetch.reused = false;
        let hop = match fetch.via.clone() {
            Some(proxy) => match self.hop(&proxy, question, wanted) {
                Ok(hop) => Some(hop),
                Err(error) => {
                    if let Some(reservation) = reservation {
                        self.pool.fail(reservation);
                    }
                    return self.fail(running, error.into());
                }
            },
            None => None,
        };
        let Some(fetch) = self.fetches.get(running) else {
            return;
        };
        let answer = self.decisions.answer(question);
        let origin = fetch.current().current_url().origin().clone();
        let mut sessions_of = self.decisions.session_description(wanted);
        if let Cow::Owned(other) = self.decisions.session_origin(&origin)
            && let Ok(other) = self.origins.intern(&other)
        {
            sessions_of.origin = other;
        }
        let session_key = sessions_of.keys().session;
        let offer = self
            .decisions
            .offer(&mut self.sessions, &session_key, wanted, self.now);
        let authenticated_until = match offer {
            Some(session) => session.facts.authenticated_until,
            None => self.now + TLS13_LIFETIME,
        };
        let early = match offer.and_then(|session| session.early_data) {
            // A preconnect says nothing.
            _ if fetch.kind == Kind::Preconnect => None,
            Some(Protocol::H2) if wanted.description.class != ProtocolClass::Http => None,
            Some(protocol) if self.decisions.sends_early(fetch.current()) => Some(protocol),
            _ => None,
        };
        let alpn = match (early, wanted.description.class) {
            (Some(Protocol::H2), _) => Alpn::H2,
            (Some(Protocol::Http1), _) => Alpn::Http1,
            (None, ProtocolClass::Http) => Alpn::Any,
            (None, _) => Alpn::Http1,
        };
        let cause = fetch.cause();
        let trust = fetch.trust;
        let server_name = fetch.server_name().map(str::to_owned);
        let verification = self.decisions.verification(wanted);
        let connection = self.connections.open(Record {
            cause,
            wanted: *wanted,
            key: self.key(wanted),
            question: *question,
            place: self.place(fetch),
            sessions: Sessions {
                key: session_key,
                authenticated_until,
            },
            offered: offer,
            hop: hop.as_ref().map(|(_, sessions)| *sessions),
            opener: Some(running),
            reservation,
            handle: None,
            protocol: None,
            asked: false,
            going_away: false,
            names: None,
            streams: SmallVec::new(),
            sent: 0,
        });
        let early = early.and_then(|_| self.dispatch(running, connection, None, false));
        self.actions.push_back(Action::Connect(Connect {
            connection,
            cause,
            origin,
            server_name,
            answer,
            identity: question
                .chosen
                .filter(|_| answer == CertificateAnswer::Present),
            late: self.late(question),
            trust,
            verification,
            alpn,
            session_key,
            offer: offer.map(|session| session.handle),
            early: early.map(Box::new),
            hop: hop.map(|(hop, _)| Box::new(hop)),
        }));
    }

    fn late(&self, question: &Question) -> Late {
        Late {
            http1: self.decisions.answer_late(question, Protocol::Http1),
            http2: self.decisions.answer_late(question, Protocol::H2),
            identity: question.chosen,
        }
    }

    /// Puts the request at hand on a connection. A preconnect has what it wanted.
    pub(super) fn ride(&mut self, running: Running, lease: Lease<ConnectionId>, reused: bool) {
        let connection = lease.connection();
        self.send(running, connection, Some(lease), reused);
    }

    pub(super) fn send(
        &mut self,
        running: Running,
        connection: ConnectionId,
        lease: Option<Lease<ConnectionId>>,
        reused: bool,
    ) {
        let (Some(fetch), true) = (
            self.fetches.get(running),
            self.connections.get(connection).is_some(),
        ) else {
            if let Some(lease) = lease {
                self.pool.checkin(lease, self.now);
            }
            return;
        };
        if fetch.kind == Kind::Preconnect {
            if let Some(lease) = lease {
                self.pool.checkin(lease, self.now);
            }
            return self.finish(running, Outcome::Connected);
        }
        let send = self.dispatch(running, connection, lease, reused);
        self.actions.extend(send.map(Action::Send));
    }

    /// The request at hand, as the next on this connection.
    fn dispatch(
        &mut self,
        running: Running,
        connection: ConnectionId,
        lease: Option<Lease<ConnectionId>>,
        reused: bool,
    ) -> Option<Send> {
        let fetch = self.fetches.get_mut(running)?;
        let record = self.connections.get_mut(connection)?;
        fetch.reused = reused;
        record.sent += 1;
        let stream = record.sent;
        let follows = record.protocol == Some(Protocol::Http1) && !record.streams.is_empty();
        record.streams.push(Stream {
            number: stream,
            fetch: running,
            follows,
            lease,
        });
        let request = fetch.current().clone();
        let purpose = fetch.purpose();
        let include_credentials = self.decisions.include_credentials(&request, purpose);
        let carried = self
            .decisions
            .carried(&request, purpose, include_credentials);
        Some(Send {
            connection,
            stream,
            cause: fetch.cause(),
            request,
            carried,
            followed_by: Vec::new(),
        })
    }
}
