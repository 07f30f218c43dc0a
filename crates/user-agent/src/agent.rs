//! The user agent: fetches, connections and sessions, and what happens next.

mod connections;
mod hop;
mod obtain;
mod pipeline;
mod respond;

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::VecDeque;

use bareflight_policy::{
    CacheSettings, NetworkPartitionKey, Origin, PreflightCache, Profile, Request, main_fetch,
};
use bareflight_pool_key::{
    Epoch, Id, Interner, OriginId, PartitionId, Pool, ProxyId, ServerNameId, SessionCache,
    SessionLimits, TrustId,
};

use slotmap::SlotMap;

use crate::fetch::{Fetch, Kind};
use crate::{
    Action, Decisions, Event, FetchId, HeldIdentity, Identities, NetworkError, Outcome, Place,
    Running, StoredSession,
};
use connections::Connections;
pub use hop::Proxy;

/// The bounds of a user agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Those of the connection pool.
    pub pool: bareflight_pool_key::Limits,
    /// Streams that an HTTP/2 connection carries at once.
    pub streams: u32,
    /// Those of the session cache.
    pub sessions: SessionLimits,
    /// Origins, network partition keys, proxies and server names that are remembered at once, of each.
    pub names: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pool: bareflight_pool_key::Limits::default(),
            streams: 100,
            sessions: SessionLimits::default(),
            names: 4_096,
        }
    }
}

/// What the user chose.
#[derive(Debug)]
struct Choice {
    place: Place,
    /// To send no certificate.
    declined: bool,
}

/// A request to make.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// The caller's number for it.
    pub id: FetchId,
    /// The request.
    pub request: Request,
    /// An identity to use for the request's origin in place of the user's choice.
    pub identity: Option<HeldIdentity>,
    /// What the user says if the choice is asked for on behalf of this request: none, although there is one.
    pub declines: bool,
    /// How to verify the server: the caller's number for a policy.
    pub trust: TrustId,
    /// The name to ask the request's origin for, and to verify it by, in place of its host.
    pub server_name: Option<String>,
    /// The proxy to go through; straight if there is none. Redirects go the same way.
    pub via: Option<Proxy>,
    /// Whether only a connection is wanted (preconnect).
    pub preconnect: bool,
    /// Whether its requests may go out behind others that have no answer yet, on a connection that speaks HTTP/1.1 and that
    /// they may share (pipelining, RFC 9112 section 9.3.2). Browsers gave it up; HTTP clients may do it.
    pub pipelined: bool,
}

/// A user agent, sans I/O.
///
/// Give it requests ([`fetch`](Self::fetch)) and events ([`handle`](Self::handle)), tell it the time
/// ([`advance`](Self::advance)), and do what [`poll`](Self::poll) says until it has nothing more to say.
pub struct UserAgent {
    profile: &'static Profile,
    decisions: &'static dyn Decisions,
    limits: Limits,
    now: Duration,
    epoch: Epoch,
    identities: Identities,
    /// Where the user was asked and chose, in this epoch.
    choices: Vec<Choice>,
    origins: Interner<OriginId, Origin>,
    partitions: Interner<PartitionId, NetworkPartitionKey>,
    proxies: Interner<ProxyId, Proxy>,
    server_names: Interner<ServerNameId, String>,
    preflights: PreflightCache,
    pool: Pool<crate::ConnectionId, Running>,
    sessions: SessionCache<StoredSession>,
    fetches: SlotMap<Running, Fetch>,
    connections: Connections,
    actions: VecDeque<Action>,
}

impl UserAgent {
    /// A user agent with empty caches.
    pub fn new(
        profile: &'static Profile,
        decisions: &'static dyn Decisions,
        limits: Limits,
    ) -> Self {
        Self {
            profile,
            decisions,
            limits,
            now: Duration::ZERO,
            epoch: Epoch::default(),
            identities: Identities::default(),
            choices: Vec::new(),
            origins: Interner::new(limits.names),
            partitions: Interner::new(limits.names),
            proxies: Interner::new(limits.names),
            server_names: Interner::new(limits.names),
            preflights: PreflightCache::new(CacheSettings::of(profile)),
            pool: Pool::new(limits.pool),
            sessions: SessionCache::new(limits.sessions),
            fetches: SlotMap::with_key(),
            connections: Connections::default(),
            actions: VecDeque::new(),
        }
    }

    /// Forgets everything and begins anew, under another profile and other decisions; memory is kept for use again.
    pub fn reset(&mut self, profile: &'static Profile, decisions: &'static dyn Decisions) {
        self.profile = profile;
        self.decisions = decisions;
        self.now = Duration::ZERO;
        self.epoch = Epoch::default();
        self.identities = Identities::default();
        self.choices.clear();
        self.preflights = PreflightCache::new(CacheSettings::of(profile));
        self.pool.clear();
        self.sessions.clear();
        self.origins.clear();
        self.partitions.clear();
        self.proxies.clear();
        self.server_names.clear();
        self.fetches.clear();
        self.connections.clear();
        self.actions.clear();
    }

    /// The identities that the user holds.
    pub fn identities(&mut self) -> &mut Identities {
        &mut self.identities
    }

    /// Starts a fetch.
    pub fn fetch(&mut self, wanted: FetchRequest) {
        let FetchRequest {
            id,
            mut request,
            identity,
            declines,
            trust,
            server_name,
            via,
            preconnect,
            pipelined,
        } = wanted;
        let route = match self.route(&mut request) {
            Ok(route) => route,
            Err(error) => return self.finish_now(id, error.into()),
        };
        let origin = request.current_url().origin().clone();
        let server_name = server_name.map(|name| (origin.clone(), name));
        let named = identity.map(|identity| (origin, identity));
        let running = self.fetches.insert(Fetch {
            id,
            request,
            route,
            preflight: None,
            hop: 0,
            kind: if preconnect {
                Kind::Preconnect
            } else {
                Kind::Request
            },
            trust,
            server_name,
            via,
            named,
            declines,
            pipelined: pipelined && !preconnect,
            chosen: None,
            misdirected: false,
            http1: false,
            retried: false,
            reused: false,
        });
        self.start_hop(running);
        self.settle();
    }

    /// Gives a fetch up: it has no outcome, and what comes for it finds nobody. A connection that it rides stays taken
    /// until an answer or its end is reported.
    pub fn cancel(&mut self, id: FetchId) {
        self.fetches.retain(|_, fetch| fetch.id != id);
        self.settle();
    }

    /// Takes what came of an action.
    pub fn handle(&mut self, event: Event) {
        match event {
            Event::Connected {
                connection,
                protocol,
                asked,
                names,
            } => {
                self.connected(connection, protocol, asked, names);
            }
            Event::Closed {
                connection,
                asked,
                reason,
            } => self.closed(connection, asked, reason),
            Event::GoingAway { connection } => self.going_away(connection),
            Event::AskedLate { connection } => self.asked_late(connection),
            Event::WantsHttp1 { connection, stream } => self.wants_http1(connection, stream),
            Event::Session {
                connection,
                leg,
                session,
                id,
                single_use,
                lifetime,
                early_data,
            } => {
                let facts = (single_use, lifetime, early_data);
                self.session(connection, leg, (session, id), facts);
            }
            Event::Response {
                connection,
                stream,
                status,
                headers,
            } => {
                self.response(connection, stream, status, &headers);
            }
        }
        self.settle();
    }

    /// It is now so late.
    pub fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.pool.expire(self.now);
        self.settle();
    }

    /// Client certificates, and what was authenticated by them, are cleared: no connection and no session from before
    /// serves a request from now on.
    pub fn log_out(&mut self) {
        self.next_epoch();
    }

    /// The machine joined another network: as [`log_out`](Self::log_out), for what was opened on the old one.
    pub fn network_changed(&mut self) {
        self.next_epoch();
    }

    /// What to do next; none if there is nothing to do until something happens.
    pub fn poll(&mut self) -> Option<Action> {
        let mut action = self.actions.pop_front();
        if let Some(Action::Send(send)) = &mut action {
            self.gather_flight(send);
        }
        action
    }

    /// When [`advance`](Self::advance) will next have something to do.
    pub fn next_timeout(&self) -> Option<Duration> {
        self.pool.next_timeout()
    }

    /// Fetches that have no outcome yet, and connections that are open or opening.
    pub fn under_way(&self) -> (usize, usize) {
        (self.fetches.len(), self.connections.len())
    }

    fn next_epoch(&mut self) {
        self.epoch = self.epoch.next();
        self.choices.clear();
        self.pool.retire(self.epoch);
        self.sessions.retire(self.epoch);
        self.settle();
    }

    /// Main fetch, if the profile has such a thing: a plain HTTP client knows no CORS.
    fn route(&self, request: &mut Request) -> Result<bareflight_policy::Route, NetworkError> {
        if !self.profile.speaks_cors.value {
            return Ok(bareflight_policy::Route::SchemeFetch);
        }
        main_fetch(request).map_err(NetworkError::from)
    }

    /// A new hop: the preflight first, if there must be one.
    fn start_hop(&mut self, running: Running) {
        let Some(fetch) = self.fetches.get_mut(running) else {
            return;
        };
        let needs = fetch.route == bareflight_policy::Route::CorsWithPreflight
            && fetch.kind == Kind::Request
            && !self
                .decisions
                .skips_preflight(&self.preflights, &fetch.request, self.now);
        fetch.preflight = needs.then(|| bareflight_policy::cors_preflight_request(&fetch.request));
        self.obtain(running);
    }

    fn finish(&mut self, running: Running, outcome: Outcome) {
        let Some(fetch) = self.fetches.remove(running) else {
            return;
        };
        // Main fetch clears them whatever went wrong on the way, the preflight included.
        if fetch.route == bareflight_policy::Route::CorsWithPreflight
            && matches!(outcome, Outcome::NetworkError(_))
        {
            self.preflights.clear(&fetch.request);
        }
        self.finish_now(fetch.id, outcome);
    }

    fn finish_now(&mut self, fetch: FetchId, outcome: Outcome) {
        self.actions.push_back(Action::Finish { fetch, outcome });
    }

    fn fail(&mut self, running: Running, error: NetworkError) {
        self.finish(running, error.into());
    }

    /// What calls on the pool and the session cache left to do: connections to close, sessions to free, waiters whose
    /// turn it is.
    fn settle(&mut self) {
        while let Some(ready) = self.pool.next_ready(self.now) {
            self.served(ready.waiter, ready.grant);
        }
        while let Some(connection) = self.pool.next_removed() {
            self.connections.close(connection);
            self.actions.push_back(Action::Close(connection));
        }
        while let Some(session) = self.sessions.next_removed() {
            self.actions.push_back(Action::Forget(session.handle));
        }
    }
}

impl core::fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UserAgent")
            .field("profile", &self.profile.name)
            .field("now", &self.now)
            .field("epoch", &self.epoch)
            .field("pool", &self.pool)
            .field("actions", &self.actions.len())
            .finish_non_exhaustive()
    }
}

/// A caller's number for a server-verification policy, from 1.
pub fn trust(number: NonZeroU32) -> TrustId {
    TrustId::from_number(number)
}
