//! How is rustls held to one session key?
//!
//! rustls 0.23 files sessions under the server's name alone, and resumes one only under the very verifier and resolver
//! objects that it was made with, which it compares *after* the ticket was taken. So each key has a store and a
//! configuration to itself, and that configuration is kept: one built anew for every request would never resume.

use core::{fmt, time::Duration};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use rustls::{
    ClientConfig, NamedGroup,
    client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue},
    pki_types::ServerName,
};

use crate::{Epoch, SessionCache, SessionFacts, SessionKey, SessionLimits, TLS13_LIFETIME};

/// One [`ClientConfig`] for each [`SessionKey`], each with a session store that no other key can reach.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use bareflight_pool_key::{tls::ClientConfigs, SessionKey, SessionLimits};
/// # use rustls::{ClientConfig, RootCertStore};
/// # fn connect(key: &SessionKey, roots: Arc<RootCertStore>) -> Arc<ClientConfig> {
/// let started = std::time::Instant::now();
/// let mut configs = ClientConfigs::new(100, SessionLimits::default(), move || started.elapsed());
/// configs.config(key, Duration::MAX, || {
///     // With the client certificate of the description, or without; never with a resolver that decides later.
///     ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
/// })
/// # }
/// ```
pub struct ClientConfigs {
    capacity: usize,
    configs: HashMap<SessionKey, Kept, foldhash::fast::RandomState>,
    uses: u64,
    sessions: Arc<Sessions>,
}

struct Kept {
    config: Arc<ClientConfig>,
    /// When the sessions that it may have made are too old to stand for the authentication.
    until: Duration,
    used: u64,
}

impl ClientConfigs {
    /// Keeps this many configurations, at least one, and sessions within these limits for each version of TLS. `clock`
    /// gives the time since a moment of the owner's choice; rustls asks for sessions without saying when.
    pub fn new(
        capacity: usize,
        limits: SessionLimits,
        clock: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        let shelves = Shelves {
            tls13: Shelf::new(limits),
            // As rustls has it: the last one of a server.
            tls12: Shelf::new(SessionLimits {
                per_key: limits.per_key.min(1),
                ..limits
            }),
        };
        let sessions = Sessions {
            shelves: Mutex::new(shelves),
            clock: Box::new(clock),
        };
        Self {
            capacity: capacity.max(1),
            configs: HashMap::default(),
            uses: 0,
            sessions: Arc::new(sessions),
        }
    }

    /// The configuration of this key, built if it is not kept or its time is up. Its resumption is set here.
    ///
    /// Its sessions are used until `authenticated_until`, when the first certificate of the authentication expires, and
    /// for seven days from now at the most: renewing a ticket by resumption does not renew what it stands for.
    pub fn config(
        &mut self,
        key: &SessionKey,
        authenticated_until: Duration,
        build: impl FnOnce() -> ClientConfig,
    ) -> Arc<ClientConfig> {
        let now = (self.sessions.clock)();
        self.uses += 1;
        if let Some(kept) = self.configs.get_mut(key)
            && now < kept.until
        {
            kept.used = self.uses;
            return Arc::clone(&kept.config);
        }
        let until = authenticated_until.min(now.saturating_add(TLS13_LIFETIME));
        let store = KeyStore {
            key: *key,
            until,
            name: OnceLock::new(),
            group: Mutex::new(None),
            sessions: Arc::clone(&self.sessions),
        };
        self.sessions.shelves().forget_key(key);
        let mut config = build();
        config.resumption = Resumption::store(Arc::new(store));
        let config = Arc::new(config);
        self.make_room(key);
        self.configs.insert(
            *key,
            Kept {
                config: Arc::clone(&config),
                until,
                used: self.uses,
            },
        );
        config
    }

    /// Ends all epochs before this one: their configurations and sessions go, and configurations of theirs that are
    /// still in use resume nothing more.
    pub fn retire(&mut self, epoch: Epoch) {
        self.configs.retain(|key, _| key.epoch() >= epoch);
        self.sessions.shelves().retire(epoch);
    }

    /// How many configurations are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.configs.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.configs.is_empty()
    }

    /// Lets the configuration that was used longest ago go, if there is no place for this key.
    fn make_room(&mut self, key: &SessionKey) {
        if self.configs.len() < self.capacity || self.configs.contains_key(key) {
            return;
        }
        let oldest = self
            .configs
            .iter()
            .min_by_key(|(_, kept)| kept.used)
            .map(|(key, _)| *key);
        if let Some(oldest) = oldest {
            self.configs.remove(&oldest);
            self.sessions.shelves().forget_key(&oldest);
        }
    }
}

impl fmt::Debug for ClientConfigs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfigs")
            .field("configs", &self.configs.len())
            .finish_non_exhaustive()
    }
}

/// The sessions of all keys.
struct Sessions {
    shelves: Mutex<Shelves>,
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
}

struct Shelves {
    tls13: Shelf<Tls13ClientSessionValue>,
    tls12: Shelf<Tls12ClientSessionValue>,
}

impl Sessions {
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        lock(&self.shelves)
    }
}

impl Shelves {
    fn forget_key(&mut self, key: &SessionKey) {
        self.tls13.change(|cache| cache.forget_key(key));
        self.tls12.change(|cache| cache.forget_key(key));
    }

    fn retire(&mut self, epoch: Epoch) {
        self.tls13.change(|cache| cache.retire(epoch));
        self.tls12.change(|cache| cache.retire(epoch));
    }
}

/// A session cache and the values that its names stand for.
struct Shelf<V> {
    cache: SessionCache<u64>,
    values: HashMap<u64, V, foldhash::fast::RandomState>,
    last: u64,
}

impl<V> Shelf<V> {
    fn new(limits: SessionLimits) -> Self {
        Self {
            cache: SessionCache::new(limits),
            values: HashMap::default(),
            last: 0,
        }
    }

    /// Does something to the cache, and drops the values that it lets go.
    fn change<R>(&mut self, change: impl FnOnce(&mut SessionCache<u64>) -> R) -> R {
        let result = change(&mut self.cache);
        while let Some(removed) = self.cache.next_removed() {
            self.values.remove(&removed);
        }
        result
    }

    fn insert(&mut self, key: &SessionKey, value: V, facts: SessionFacts) {
        self.last += 1;
        let name = self.last;
        self.values.insert(name, value);
        self.change(|cache| cache.insert(key, name, facts, facts.obtained));
    }
}

/// What rustls sees: the sessions of one key.
struct KeyStore {
    key: SessionKey,
    until: Duration,
    /// The one name that it serves, the first that it is asked for. A key has one; a configuration that is used for
    /// another nevertheless gets no session.
    name: OnceLock<ServerName<'static>>,
    group: Mutex<Option<NamedGroup>>,
    sessions: Arc<Sessions>,
}

impl KeyStore {
    fn serves(&self, name: &ServerName<'_>) -> bool {
        self.name.get_or_init(|| name.to_owned()) == name
    }

    fn facts(&self, single_use: bool) -> SessionFacts {
        SessionFacts {
            single_use,
            obtained: (self.sessions.clock)(),
            // rustls keeps the lifetime that the server gave, and heeds it.
            lifetime: Duration::MAX,
            authenticated_until: self.until,
        }
    }
}

impl ClientSessionStore for KeyStore {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        if self.serves(&name) {
            *lock(&self.group) = Some(group);
        }
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        lock(&self.group).filter(|_| self.serves(name))
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        if self.serves(&name) {
            let facts = self.facts(false);
            self.sessions
                .shelves()
                .tls12
                .insert(&self.key, value, facts);
        }
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let now = self.serves(name).then(|| (self.sessions.clock)())?;
        let shelf = &mut self.sessions.shelves().tls12;
        let taken = shelf.change(|cache| cache.take(&self.key, now))?;
        shelf.values.get(&taken).cloned()
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        if self.serves(name) {
            self.sessions
                .shelves()
                .tls12
                .change(|cache| cache.forget_key(&self.key));
        }
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        if self.serves(&name) {
            let facts = self.facts(true);
            self.sessions
                .shelves()
                .tls13
                .insert(&self.key, value, facts);
        }
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let now = self.serves(name).then(|| (self.sessions.clock)())?;
        let shelf = &mut self.sessions.shelves().tls13;
        let taken = shelf.change(|cache| cache.take(&self.key, now))?;
        shelf.values.remove(&taken)
    }
}

impl fmt::Debug for KeyStore {
    /// Secrets are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves the books as they were between two calls, so they can be used on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
