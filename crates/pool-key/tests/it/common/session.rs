//! The session cache beside a model of it that is obviously right: one list of sessions, newest first.
//!
//! The model knows no keys: it compares descriptions, by the fields that a session is bound to.

use core::{hash::BuildHasher, time::Duration};

use bareflight_pool_key::{
    Description, Epoch, ProtocolClass, Route, SessionCache, SessionFacts, SessionLimits,
};
use proptest::prelude::*;

use super::{DESCRIPTIONS, description};

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Store a session of this lifetime, which stands for an authentication of this length, in seconds.
    Insert {
        index: u8,
        single_use: bool,
        lifetime: u64,
        authenticated: u64,
    },
    Take(u8),
    /// Take by a key that looks at the origin alone.
    TakeWhere(u8),
    /// Drop one of the last few sessions, if it is of this description.
    Drop(u8, u8),
    Forget(u8),
    /// By so many seconds.
    Advance(u64),
    Retire,
    RetireWhere(u8),
    Clear,
}

/// Any operation, on descriptions of which some come up often enough to meet.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    let index = || prop_oneof![3 => 0..3_u8, 1 => 0..DESCRIPTIONS];
    let insert = (index(), any::<bool>(), 0..10_u64, 0..10_u64);
    prop_oneof![
        8 => insert.prop_map(|(index, single_use, lifetime, authenticated)| {
            Op::Insert { index, single_use, lifetime, authenticated }
        }),
        8 => index().prop_map(Op::Take),
        1 => index().prop_map(Op::TakeWhere),
        1 => (index(), 0..4_u8).prop_map(|(index, which)| Op::Drop(index, which)),
        1 => index().prop_map(Op::Forget),
        2 => (0..4_u64).prop_map(Op::Advance),
        1 => Just(Op::Retire),
        1 => index().prop_map(Op::RetireWhere),
        1 => Just(Op::Clear),
    ]
}

/// The cache and the model.
pub(crate) struct Pair<H> {
    cache: SessionCache<u32, H>,
    limits: SessionLimits,
    /// Newest first.
    sessions: Vec<Session>,
    now: Duration,
    epoch: u64,
    next: u32,
    uses: u64,
}

#[derive(Clone, Copy)]
struct Session {
    name: u32,
    what: Description,
    single_use: bool,
    expiry: Duration,
    used: u64,
}

impl<H: BuildHasher> Pair<H> {
    pub(crate) fn new(limits: SessionLimits, hasher: H) -> Self {
        let cache = SessionCache::with_hasher(limits, hasher);
        Self {
            cache,
            limits,
            sessions: Vec::new(),
            now: Duration::ZERO,
            epoch: 1,
            next: 0,
            uses: 0,
        }
    }

    /// Does one operation to both and compares.
    pub(crate) fn apply(&mut self, op: Op) {
        self.uses += 1;
        let before: Vec<u32> = self.sessions.iter().map(|s| s.name).collect();
        let mut given = None;
        match op {
            Op::Insert {
                index,
                single_use,
                lifetime,
                authenticated,
            } => {
                return self.insert(index, single_use, lifetime, authenticated);
            }
            Op::Take(index) => {
                // Whatever a session is not bound to may differ between the two ends of its life.
                let wanted = Description {
                    class: ProtocolClass::WebSocket,
                    ..self.describe(index)
                };
                given = self.take(wanted);
                assert_eq!(
                    self.cache.take(&wanted.keys().session, self.now),
                    given,
                    "take"
                );
            }
            Op::TakeWhere(index) => given = self.take_where(self.describe(index)),
            Op::Drop(index, which) => {
                let what = self.describe(index);
                let name = self.next.saturating_sub(u32::from(which % 4));
                let count = self.sessions.len();
                self.sessions
                    .retain(|s| !(s.name == name && s.what == what));
                let dropped = self.cache.drop_session(&what.keys().session, name);
                assert_eq!(dropped, self.sessions.len() < count, "drop_session");
            }
            Op::Forget(index) => {
                let what = self.describe(index);
                self.cache.forget_key(&what.keys().session);
                self.sessions.retain(|s| s.what != what);
            }
            Op::Advance(seconds) => self.now += Duration::from_secs(seconds),
            Op::Retire => {
                self.epoch += 1;
                self.cache.retire(Epoch(self.epoch));
                self.sessions.clear();
            }
            Op::RetireWhere(index) => {
                let origin = self.describe(index).origin;
                self.cache
                    .retire_where(|key, _| key.description().origin == origin);
                self.sessions.retain(|s| s.what.origin != origin);
            }
            Op::Clear => {
                self.cache.clear();
                self.sessions.clear();
                (self.now, self.epoch) = (Duration::ZERO, 1);
                return self.compare(Vec::new());
            }
        }
        let gone =
            |name: &u32| Some(*name) != given && !self.sessions.iter().any(|s| s.name == *name);
        self.compare(before.into_iter().filter(gone).collect());
    }

    fn describe(&self, index: u8) -> Description {
        description(index, self.epoch)
    }

    fn insert(&mut self, index: u8, single_use: bool, lifetime: u64, authenticated: u64) {
        let what = self.describe(index);
        let seconds = Duration::from_secs;
        let facts = SessionFacts {
            single_use,
            obtained: self.now,
            lifetime: seconds(lifetime),
            authenticated_until: self.now + seconds(authenticated),
        };
        let expiry = self.now + seconds(lifetime.min(authenticated));
        self.next += 1;
        let name = self.next;
        let stored_under = Description {
            route: Route::Via(super::id(9)),
            ..what
        };
        self.cache
            .insert(&stored_under.keys().session, name, facts, self.now);
        let mut removed = Vec::new();
        if expiry <= self.now || self.limits.per_key == 0 || self.limits.sessions == 0 {
            removed.push(name);
        } else {
            self.sessions.insert(
                0,
                Session {
                    name,
                    what,
                    single_use,
                    expiry,
                    used: self.uses,
                },
            );
            let of_key = self.sessions.iter().filter(|s| s.what == what);
            let surplus = if of_key.clone().count() > self.limits.per_key as usize {
                of_key.min_by_key(|s| s.name).map(|s| s.name)
            } else if self.sessions.len() > self.limits.sessions as usize {
                self.sessions.iter().min_by_key(|s| s.used).map(|s| s.name)
            } else {
                None
            };
            self.sessions.retain(|s| Some(s.name) != surplus);
            removed.extend(surplus);
        }
        self.compare(removed);
    }

    fn take(&mut self, wanted: Description) -> Option<u32> {
        let bound_to = |s: &Session| Description {
            class: wanted.class,
            route: wanted.route,
            ..s.what
        };
        let now = self.now;
        // Those newer than the one that is given, and expired, are dropped on the way.
        let found = self
            .sessions
            .iter()
            .position(|s| bound_to(s) == wanted && s.expiry > now);
        let mut at = 0;
        self.sessions.retain(|s| {
            let before = found.is_none_or(|found| at < found);
            at += 1;
            !(before && bound_to(s) == wanted && s.expiry <= now)
        });
        let found = self
            .sessions
            .iter()
            .position(|s| bound_to(s) == wanted && s.expiry > now)?;
        Some(self.give(found))
    }

    fn take_where(&mut self, wanted: Description) -> Option<u32> {
        let accepts = |s: &&Session| s.what.origin == wanted.origin && s.expiry > self.now;
        let expected = self
            .sessions
            .iter()
            .filter(accepts)
            .max_by_key(|s| s.used)
            .map(|s| s.name);
        let same_origin = |key: &bareflight_pool_key::SessionKey, _: &u32| {
            key.description().origin == wanted.origin
        };
        assert_eq!(
            self.cache.take_where(same_origin, self.now),
            expected,
            "take_where"
        );
        let at = self
            .sessions
            .iter()
            .position(|s| Some(s.name) == expected)?;
        Some(self.give(at))
    }

    fn give(&mut self, at: usize) -> u32 {
        self.sessions[at].used = self.uses;
        if self.sessions[at].single_use {
            self.sessions.remove(at).name
        } else {
            self.sessions[at].name
        }
    }

    fn compare(&mut self, mut expected: Vec<u32>) {
        let mut removed: Vec<u32> = core::iter::from_fn(|| self.cache.next_removed()).collect();
        removed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(removed, expected, "next_removed");
        assert_eq!(self.cache.len() as usize, self.sessions.len(), "len");
    }
}
