//! Which TLS session may be resumed for this request?

use core::{fmt, hash::BuildHasher, time::Duration};
use std::collections::VecDeque;

use crate::{
    Epoch, SessionKey,
    list::{Linked, Links, List},
    moment::Moment,
    slab::{Slab, Slot},
    table::Table,
};

/// The longest that a TLS 1.3 session may be kept, whatever its lifetime says (RFC 8446 section 4.6.1).
pub const TLS13_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The longest that a TLS 1.2 session is kept (RFC 5246 section F.1.4).
pub const TLS12_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// TLS sessions by [`SessionKey`], `S` being the owner's small name for one.
///
/// Insert a session only after the connection that it came from was verified. The cache names the sessions that it
/// drops in [`next_removed`](Self::next_removed), for the owner to free.
pub struct SessionCache<S, H = foldhash::fast::RandomState> {
    limits: SessionLimits,
    groups: Table<SessionKey, Group, H>,
    sessions: Slab<Session<S>>,
    by_use: List<ByUse>,
    removed: VecDeque<S>,
    now: Moment,
}

/// Bounds of a [`SessionCache`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    /// Sessions in all.
    pub sessions: u32,
    /// Sessions of one key.
    pub per_key: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            sessions: 1024,
            per_key: 8,
        }
    }
}

/// What is known of a session when it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionFacts {
    /// Whether it is offered once only: TLS 1.3 (RFC 8446 appendix C.4).
    pub single_use: bool,
    /// When the server issued it.
    pub obtained: Duration,
    /// How long after that the server takes it. Cut to [`TLS13_LIFETIME`] or [`TLS12_LIFETIME`].
    pub lifetime: Duration,
    /// When the authentication that it stands for ends: the earliest end among the certificates of the *original*
    /// handshake, and seven days after it; handed on, not renewed, when a resumption brings a new ticket.
    pub authenticated_until: Duration,
}

impl SessionFacts {
    /// When the session is of no use any more.
    #[must_use]
    pub fn expiry(&self) -> Duration {
        let cap = if self.single_use {
            TLS13_LIFETIME
        } else {
            TLS12_LIFETIME
        };
        self.obtained
            .saturating_add(self.lifetime.min(cap))
            .min(self.authenticated_until)
    }
}

/// The sessions of one key, newest first.
#[derive(Clone, Copy, Debug)]
struct ByAge;

/// All sessions, last stored or taken first.
#[derive(Clone, Copy, Debug)]
struct ByUse;

#[derive(Debug, Default)]
struct Group {
    newest: List<ByAge>,
    count: u32,
}

#[derive(Debug)]
struct Session<S> {
    session: S,
    group: Slot,
    single_use: bool,
    expiry: Moment,
    by_age: Links<ByAge>,
    by_use: Links<ByUse>,
}

impl<S> Linked<ByAge> for Session<S> {
    fn links(&self) -> &Links<ByAge> {
        &self.by_age
    }
    fn links_mut(&mut self) -> &mut Links<ByAge> {
        &mut self.by_age
    }
}

impl<S> Linked<ByUse> for Session<S> {
    fn links(&self) -> &Links<ByUse> {
        &self.by_use
    }
    fn links_mut(&mut self) -> &mut Links<ByUse> {
        &mut self.by_use
    }
}

impl<S: Copy + Eq> SessionCache<S> {
    /// An empty cache within these limits.
    #[must_use]
    pub fn new(limits: SessionLimits) -> Self {
        Self::with_hasher(limits, foldhash::fast::RandomState::default())
    }
}

impl<S: Copy + Eq, H: BuildHasher> SessionCache<S, H> {
    /// The same with this hasher. Which one it is shows in nothing but speed.
    #[must_use]
    pub fn with_hasher(limits: SessionLimits, hasher: H) -> Self {
        Self {
            limits,
            groups: Table::new(hasher),
            sessions: Slab::new(),
            by_use: List::default(),
            removed: VecDeque::new(),
            now: Moment::default(),
        }
    }

    /// Stores a session of a connection that was verified. One that is expired already, or whose epoch is over, is
    /// dropped at once. Beyond the limits the oldest of the key goes, then the least recently used of all.
    pub fn insert(&mut self, key: &SessionKey, session: S, facts: SessionFacts, now: Duration) {
        self.now.advance(now);
        let expiry = facts.expiry().into();
        if expiry <= self.now || self.groups.is_epoch_over(key.epoch()) {
            self.removed.push_back(session);
            return;
        }
        let group = self.groups.find_or_insert(key, Group::default);
        let slot = self.sessions.insert(Session {
            session,
            group,
            single_use: facts.single_use,
            expiry,
            by_age: Links::default(),
            by_use: Links::default(),
        });
        let entry = &mut self.groups[group];
        entry.newest.push_front(&mut self.sessions, slot);
        entry.count += 1;
        let surplus = entry
            .newest
            .back()
            .filter(|_| entry.count > self.limits.per_key);
        self.by_use.push_front(&mut self.sessions, slot);
        let surplus = surplus.or(self
            .by_use
            .back()
            .filter(|_| self.sessions.len() > self.limits.sessions));
        if let Some(slot) = surplus {
            self.evict(slot);
        }
    }

    /// The newest session of this key. A single-use one leaves the cache with it, another stays.
    pub fn take(&mut self, key: &SessionKey, now: Duration) -> Option<S> {
        self.now.advance(now);
        let group = self.groups.find(key)?;
        let mut next = self.groups[group].newest.front();
        while let Some(slot) = next {
            let Session {
                expiry, ref by_age, ..
            } = self.sessions[slot];
            if expiry > self.now {
                return Some(self.give(slot));
            }
            next = by_age.next();
            self.evict(slot);
        }
        None
    }

    /// The first session that `accept` wants, of whatever key, last used first: a scan, for measuring what a laxer key
    /// would have done.
    pub fn take_where(
        &mut self,
        mut accept: impl FnMut(&SessionKey, &S) -> bool,
        now: Duration,
    ) -> Option<S> {
        self.now.advance(now);
        let records = &self.sessions;
        let found = self.by_use.iter(records).find(|&slot| {
            let Session {
                session,
                group,
                expiry,
                ..
            } = &records[slot];
            *expiry > self.now && accept(self.groups.key(*group), session)
        })?;
        Some(self.give(found))
    }

    /// Drops this session of this key: the handshake that offered it, or a check on the connection that it came from,
    /// has failed (CVE-2024-0853). Says whether it was here.
    pub fn drop_session(&mut self, key: &SessionKey, session: S) -> bool {
        let Some(group) = self.groups.find(key) else {
            return false;
        };
        let records = &self.sessions;
        let found = self.groups[group]
            .newest
            .iter(records)
            .find(|&slot| records[slot].session == session);
        if let Some(slot) = found {
            self.evict(slot);
        }
        found.is_some()
    }

    /// Drops all sessions of this key.
    pub fn forget_key(&mut self, key: &SessionKey) {
        if let Some(group) = self.groups.find(key) {
            self.evict_group(group);
        }
    }

    /// Ends all epochs before this one and drops their sessions. Costs what it drops.
    pub fn retire(&mut self, epoch: Epoch) {
        self.groups.end_epochs_before(epoch);
        while let Some(group) = self.groups.first_over() {
            self.evict_group(group);
        }
    }

    /// Drops all sessions that `retired` names. A scan of everything.
    pub fn retire_where(&mut self, mut retired: impl FnMut(&SessionKey, &S) -> bool) {
        let slots: Vec<Slot> = self.sessions.slots().collect();
        for slot in slots {
            let Session { session, group, .. } = &self.sessions[slot];
            if retired(self.groups.key(*group), session) {
                self.evict(slot);
            }
        }
    }

    /// A session that the cache has dropped (expired, evicted, retired), for the owner to free. None when all have
    /// been given.
    pub fn next_removed(&mut self) -> Option<S> {
        self.removed.pop_front()
    }

    /// Whether [`next_removed`](Self::next_removed) has something to give.
    pub(crate) fn has_removed(&self) -> bool {
        !self.removed.is_empty()
    }

    /// How many sessions are stored.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.sessions.len()
    }

    /// Whether no session is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything, time and epochs included, and keeps the memory for use again.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.sessions.clear();
        self.by_use = List::default();
        self.removed.clear();
        self.now = Moment::default();
    }

    fn give(&mut self, slot: Slot) -> S {
        if self.sessions[slot].single_use {
            return self.take_out(slot);
        }
        self.by_use.unlink(&mut self.sessions, slot);
        self.by_use.push_front(&mut self.sessions, slot);
        self.sessions[slot].session
    }

    fn evict_group(&mut self, group: Slot) {
        let mut next = self.groups[group].newest.front();
        while let Some(slot) = next {
            next = self.sessions[slot].by_age.next();
            self.evict(slot);
        }
    }

    fn evict(&mut self, slot: Slot) {
        let session = self.take_out(slot);
        self.removed.push_back(session);
    }

    fn take_out(&mut self, slot: Slot) -> S {
        let group = self.sessions[slot].group;
        self.by_use.unlink(&mut self.sessions, slot);
        let entry = &mut self.groups[group];
        entry.newest.unlink(&mut self.sessions, slot);
        entry.count -= 1;
        if entry.count == 0 {
            self.groups.remove(group);
        }
        self.sessions.remove(slot).session
    }
}

impl<S, H> fmt::Debug for SessionCache<S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache")
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}
