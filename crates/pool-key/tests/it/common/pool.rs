//! The pool beside a model of it that is obviously right: a list of connections and a list of waiters.
//!
//! The model knows no keys: it compares descriptions. [`Pair::apply`] does one operation to both and compares all that
//! can be seen.

use core::{hash::BuildHasher, time::Duration};
use std::collections::HashMap;

use bareflight_pool_key::{
    Description, Epoch, Grant, Handle, Lease, Limits, LineFull, Pool, Ready, Reservation, Reserved,
    Sharing, Ticket, Want,
};
use proptest::{prelude::*, sample::select};

use super::{DESCRIPTIONS, books::Books, description};

/// One operation; a number that names a lease, a reservation or the like counts modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Checkout, or else reserve.
    Request(u8, Want),
    /// The same under the key of an epoch before the current one.
    StaleRequest(u8, Want),
    /// Checkout by a key that looks at the origin alone.
    CheckoutWhere(u8),
    Insert(u8, Sharing),
    Fail(u8),
    Checkin(u8),
    Remove(u8),
    Drain(u8),
    SetStreams(u8, u32),
    Cancel(u8),
    Ready,
    /// By so many seconds.
    Advance(u64),
    Expire,
    Retire,
    RetireWhere(u8),
    Clear,
}

/// Any operation, on descriptions of which some come up often enough to meet.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    let index = || prop_oneof![3 => 0..3_u8, 1 => 0..DESCRIPTIONS];
    let want = || select(vec![Want::Join, Want::Race, Want::Fresh]);
    let shared = |streams| Sharing::Shared { streams };
    let sharing = select(vec![
        Sharing::Exclusive,
        Sharing::Exclusive,
        shared(0),
        shared(1),
        shared(3),
    ]);
    prop_oneof![
        8 => (index(), want()).prop_map(|(index, want)| Op::Request(index, want)),
        1 => (index(), want()).prop_map(|(index, want)| Op::StaleRequest(index, want)),
        1 => index().prop_map(Op::CheckoutWhere),
        7 => (any::<u8>(), sharing).prop_map(|(which, sharing)| Op::Insert(which, sharing)),
        1 => any::<u8>().prop_map(Op::Fail),
        6 => any::<u8>().prop_map(Op::Checkin),
        1 => any::<u8>().prop_map(Op::Remove),
        1 => any::<u8>().prop_map(Op::Drain),
        1 => (any::<u8>(), 0..4_u32).prop_map(|(which, streams)| Op::SetStreams(which, streams)),
        1 => any::<u8>().prop_map(Op::Cancel),
        4 => Just(Op::Ready),
        1 => (0..8_u64).prop_map(Op::Advance),
        1 => Just(Op::Expire),
        1 => Just(Op::Retire),
        1 => index().prop_map(Op::RetireWhere),
        1 => Just(Op::Clear),
    ]
}

/// The pool, the model, and what both have handed out.
pub(crate) struct Pair<P> {
    pool: P,
    model: Model,
    now: Duration,
    epoch: u64,
    next_connection: u32,
    next_waiter: u32,
    leases: Vec<Lease<u32>>,
    handles: Vec<(Handle, u32)>,
    reservations: Vec<(Reservation, u32)>,
    tickets: Vec<(Ticket, u32)>,
    /// What each connection was opened for.
    opened: HashMap<u32, Description>,
    /// What each waiter waits for.
    waits: HashMap<u32, Description>,
}

impl<H: BuildHasher> Pair<Pool<u32, u32, H>> {
    pub(crate) fn new(limits: Limits, hasher: H) -> Self {
        Self::of(limits, Pool::with_hasher(limits, hasher))
    }
}

impl<P: Books> Pair<P> {
    /// A pair of a pool that has these limits.
    pub(crate) fn of(limits: Limits, pool: P) -> Self {
        Self {
            pool,
            model: Model {
                limits,
                ..Model::default()
            },
            now: Duration::ZERO,
            epoch: 1,
            next_connection: 0,
            next_waiter: 0,
            leases: Vec::new(),
            handles: Vec::new(),
            reservations: Vec::new(),
            tickets: Vec::new(),
            opened: HashMap::new(),
            waits: HashMap::new(),
        }
    }

    /// Does one operation to both and compares.
    pub(crate) fn apply(&mut self, op: Op) {
        match op {
            Op::Request(index, want) => self.request(description(index, self.epoch), want),
            Op::StaleRequest(index, want) => self.request(description(index, self.epoch - 1), want),
            Op::CheckoutWhere(index) => self.checkout_where(description(index, self.epoch)),
            Op::Insert(which, sharing) => self.insert(which, sharing),
            Op::Fail(which) => {
                if let Some(at) = pick(which, self.reservations.len()) {
                    let (reservation, attempt) = self.reservations.swap_remove(at);
                    self.pool.fail(reservation);
                    self.model.attempts.retain(|other| other.number != attempt);
                }
            }
            Op::Checkin(which) => {
                if let Some(at) = pick(which, self.leases.len()) {
                    let lease = self.leases.swap_remove(at);
                    self.model.checkin(lease.connection(), self.now);
                    self.pool.checkin(lease, self.now);
                }
            }
            Op::Remove(which) => {
                if let Some(at) = pick(which, self.handles.len()) {
                    let (handle, connection) = self.handles[at];
                    assert_eq!(self.pool.remove(handle), self.model.remove(connection));
                }
            }
            Op::Drain(which) => {
                if let Some(at) = pick(which, self.handles.len()) {
                    let (handle, connection) = self.handles[at];
                    self.pool.drain(handle);
                    self.model.doom(connection);
                }
            }
            Op::SetStreams(which, streams) => {
                if let Some(at) = pick(which, self.handles.len()) {
                    let (handle, connection) = self.handles[at];
                    self.pool.set_streams(handle, streams);
                    self.model.set_streams(connection, streams);
                }
            }
            Op::Cancel(which) => {
                if let Some(at) = pick(which, self.tickets.len()) {
                    let (ticket, waiter) = self.tickets.swap_remove(at);
                    assert_eq!(self.pool.cancel(ticket), self.model.cancel(waiter));
                }
            }
            Op::Ready => {
                self.ready();
            }
            Op::Advance(seconds) => self.now += Duration::from_secs(seconds),
            Op::Expire => {
                self.pool.expire(self.now);
                self.model.expire(self.now);
            }
            Op::Retire => {
                self.epoch += 1;
                self.pool.retire(Epoch(self.epoch));
                self.model.retire(Epoch(self.epoch));
            }
            Op::RetireWhere(index) => {
                let origin = description(index, 0).origin;
                self.pool
                    .retire_where(|key, _| key.description().origin == origin);
                self.model.retire_origin(origin);
            }
            Op::Clear => self.clear(),
        }
        self.compare(!matches!(op, Op::Retire | Op::RetireWhere(_)));
    }

    /// Serves everybody who can be served.
    pub(crate) fn drain_ready(&mut self) {
        while self.ready() {
            self.compare(true);
        }
    }

    fn request(&mut self, wanted: Description, want: Want) {
        let key = wanted.keys().connection;
        if want != Want::Fresh {
            let lease = self.pool.checkout(&key, self.now);
            let expected = self.model.checkout(wanted, self.now);
            assert_eq!(lease.as_ref().map(Lease::connection), expected, "checkout");
            if let Some(lease) = lease {
                return self.board(lease, wanted);
            }
        }
        let waiter = self.next_waiter;
        self.next_waiter += 1;
        let expected = self.model.reserve(wanted, waiter, want, self.now);
        match self.pool.reserve(&key, waiter, want, self.now) {
            Ok(Reserved::Connect(reservation)) => {
                assert_eq!(expected, Ok(true), "reserve");
                self.reservations.push((reservation, waiter));
            }
            Ok(Reserved::Wait(ticket)) => {
                assert_eq!(expected, Ok(false), "reserve");
                self.tickets.push((ticket, waiter));
                self.waits.insert(waiter, wanted);
            }
            Err(full) => assert_eq!(expected, Err(full), "reserve"),
        }
    }

    fn checkout_where(&mut self, wanted: Description) {
        let lease = self
            .pool
            .checkout_where(|key, _| key.description().origin == wanted.origin, self.now);
        let expected = self.model.checkout_where(wanted, self.now);
        assert_eq!(
            lease.as_ref().map(Lease::connection),
            expected,
            "checkout_where"
        );
        self.leases.extend(lease);
    }

    fn insert(&mut self, which: u8, sharing: Sharing) {
        let Some(at) = pick(which, self.reservations.len()) else {
            return;
        };
        let (reservation, attempt) = self.reservations.swap_remove(at);
        let connection = self.next_connection;
        self.next_connection += 1;
        let lease = self
            .pool
            .insert(reservation, connection, sharing, self.now)
            .expect("not stale");
        let opened = self.model.insert(attempt, connection, sharing, self.now);
        self.opened.insert(connection, opened);
        self.handles.push((lease.handle(), connection));
        self.board(lease, opened);
    }

    /// Notes a lease that was got for this description, and holds it to the one rule.
    fn board(&mut self, lease: Lease<u32>, wanted: Description) {
        assert_eq!(
            self.opened[&lease.connection()],
            wanted,
            "a connection serves what it was opened for"
        );
        self.leases.push(lease);
    }

    fn ready(&mut self) -> bool {
        let ready = self.pool.next_ready(self.now);
        let expected = self.model.next_ready(self.now);
        let seen = ready
            .as_ref()
            .map(|ready| (ready.waiter, given(&ready.grant)));
        assert_eq!(seen, expected, "next_ready");
        let Some(Ready { waiter, grant }) = ready else {
            return false;
        };
        match grant {
            Grant::Ride(lease) => self.board(lease, self.waits[&waiter]),
            Grant::Connect(reservation) => self.reservations.push((reservation, waiter)),
            Grant::Rekey => {}
        }
        true
    }

    /// Starts anew, and shows that everything handed out before is stale.
    fn clear(&mut self) {
        self.pool.clear();
        self.model = Model {
            limits: self.model.limits,
            ..Model::default()
        };
        (self.now, self.epoch) = (Duration::ZERO, 1);
        self.opened.clear();
        self.waits.clear();
        for lease in self.leases.drain(..) {
            self.pool.checkin(lease, self.now);
        }
        for (handle, _) in self.handles.drain(..) {
            assert_eq!(self.pool.remove(handle), None);
        }
        for (reservation, _) in self.reservations.drain(..) {
            assert_eq!(
                self.pool
                    .insert(reservation, 7, Sharing::Exclusive, self.now),
                Err(7)
            );
        }
        for (ticket, _) in self.tickets.drain(..) {
            assert!(!self.pool.cancel(ticket));
        }
    }

    /// Compares all that can be seen from outside, and what was dropped: in order, or as a set.
    fn compare(&mut self, ordered: bool) {
        let mut removed: Vec<u32> = core::iter::from_fn(|| self.pool.next_removed()).collect();
        if !ordered {
            removed.sort_unstable();
            self.model.removed.sort_unstable();
        }
        assert_eq!(removed, self.model.removed, "next_removed");
        self.model.removed.clear();
        let count = |count: usize| u32::try_from(count).expect("few");
        assert_eq!(self.pool.is_empty(), self.model.connections.is_empty());
        assert_eq!(self.pool.len(), count(self.model.connections.len()), "len");
        assert_eq!(self.pool.idle(), count(self.model.idle().count()), "idle");
        assert_eq!(
            self.pool.waiting(),
            count(self.model.waiters.len()),
            "waiting"
        );
        assert_eq!(
            self.pool.next_timeout(),
            self.model.next_timeout(),
            "next_timeout"
        );
        self.model.check_limits();
    }
}

/// What a waiter got, as the model says it: a connection, leave to open one, or nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Given {
    Ride(u32),
    Connect,
    Rekey,
}

fn given(grant: &Grant<u32>) -> Given {
    match grant {
        Grant::Ride(lease) => Given::Ride(lease.connection()),
        Grant::Connect(_) => Given::Connect,
        Grant::Rekey => Given::Rekey,
    }
}

fn pick(which: u8, count: usize) -> Option<usize> {
    usize::from(which).checked_rem(count)
}

#[derive(Default)]
struct Model {
    limits: Limits,
    connections: Vec<Connection>,
    attempts: Vec<Attempt>,
    /// In order of arrival.
    waiters: Vec<Waiter>,
    removed: Vec<u32>,
    now: Duration,
    floor: Epoch,
    /// Counts uses.
    uses: u64,
}

#[derive(Clone, Copy)]
struct Connection {
    name: u32,
    what: Description,
    riders: u32,
    sharing: Sharing,
    doomed: bool,
    idle_since: Duration,
    /// When it was last used, in uses.
    used: u64,
    /// When it was last used or had its budget opened.
    offered: u64,
}

struct Attempt {
    number: u32,
    what: Description,
    doomed: bool,
}

#[derive(Clone, Copy)]
struct Waiter {
    name: u32,
    what: Description,
    want: Want,
    retired: bool,
}

impl Connection {
    fn has_place(&self) -> bool {
        let places = match self.sharing {
            Sharing::Exclusive => 1,
            Sharing::Shared { streams } => streams.max(1),
        };
        !self.doomed && self.riders < places
    }
}

impl Model {
    fn idle(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(|c| c.riders == 0)
    }

    fn of(&self, what: Description) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(move |c| c.what == what)
    }

    fn attempts_of(&self, what: Description) -> usize {
        self.attempts.iter().filter(|a| a.what == what).count()
    }

    fn is_full(&self, what: Description) -> bool {
        self.of(what).count() + self.attempts_of(what) >= usize::from(self.limits.open_per_key)
    }

    fn has_room(&self) -> bool {
        let taken = self.connections.len() + self.attempts.len();
        taken < self.limits.open as usize || self.idle().next().is_some()
    }

    fn waits(&self, what: Description) -> bool {
        self.waiters.iter().any(|w| w.what == what)
    }

    fn prospect(&self, what: Description, want: Want) -> Option<Given> {
        let free = self
            .of(what)
            .filter(|c| c.has_place())
            .max_by_key(|c| c.offered);
        if let Some(free) = free.filter(|_| want != Want::Fresh) {
            return Some(Given::Ride(free.name));
        }
        let live = |shared| {
            self.of(what)
                .any(|c| !c.doomed && (c.sharing != Sharing::Exclusive) == shared)
        };
        let has_idle = self.of(what).any(|c| c.riders == 0);
        let allowed = match want {
            Want::Fresh => !self.is_full(what) || has_idle,
            Want::Race => !self.is_full(what) && !live(true),
            Want::Join => {
                let may_be_shared = self.attempts_of(what) > 0 && !live(false);
                !self.is_full(what) && !live(true) && !may_be_shared
            }
        };
        (allowed && self.has_room()).then_some(Given::Connect)
    }

    /// The first waiter that can be served and has nobody of its key before it.
    fn first_ready(&self) -> Option<(usize, Given)> {
        self.waiters.iter().enumerate().find_map(|(at, waiter)| {
            let first = !self.waiters[..at].iter().any(|w| w.what == waiter.what);
            let given = if waiter.retired {
                Some(Given::Rekey)
            } else {
                self.prospect(waiter.what, waiter.want)
            };
            given.filter(|_| first).map(|given| (at, given))
        })
    }

    fn checkout(&mut self, what: Description, now: Duration) -> Option<u32> {
        self.expire(now);
        if self.waits(what) || self.first_ready().is_some() {
            return None;
        }
        match self.prospect(what, Want::Race) {
            Some(Given::Ride(name)) => Some(self.board(name)),
            _ => None,
        }
    }

    fn checkout_where(&mut self, what: Description, now: Duration) -> Option<u32> {
        self.expire(now);
        let wanted = self
            .connections
            .iter()
            .filter(|c| c.has_place() && c.what.origin == what.origin);
        let name = wanted
            .max_by_key(|c| (c.riders > 0, if c.riders > 0 { c.offered } else { c.used }))?
            .name;
        Some(self.board(name))
    }

    /// Whether it may connect.
    fn reserve(
        &mut self,
        what: Description,
        name: u32,
        want: Want,
        now: Duration,
    ) -> Result<bool, LineFull> {
        self.expire(now);
        let first = !self.waits(what) && self.first_ready().is_none();
        if first && self.prospect(what, want) == Some(Given::Connect) {
            self.attempt(what, name);
            return Ok(true);
        }
        let waiting = u32::try_from(self.waiters.len()).expect("few");
        if waiting >= self.limits.waiters {
            return Err(LineFull { waiting });
        }
        self.waiters.push(Waiter {
            name,
            what,
            want,
            retired: false,
        });
        Ok(false)
    }

    fn attempt(&mut self, what: Description, number: u32) {
        if self.is_full(what) {
            self.evict_longest_idle(|c| c.what == what);
        }
        self.attempts.push(Attempt {
            number,
            what,
            doomed: false,
        });
        if self.connections.len() + self.attempts.len() > self.limits.open as usize {
            self.evict_longest_idle(|_| true);
        }
    }

    fn insert(&mut self, number: u32, name: u32, sharing: Sharing, now: Duration) -> Description {
        self.expire(now);
        let at = self
            .attempts
            .iter()
            .position(|a| a.number == number)
            .expect("under way");
        let Attempt { what, doomed, .. } = self.attempts.remove(at);
        let doomed = doomed || what.epoch < self.floor;
        let idle_since = self.now;
        self.connections.push(Connection {
            name,
            what,
            riders: 1,
            sharing,
            doomed,
            idle_since,
            used: 0,
            offered: 0,
        });
        self.use_now(name);
        what
    }

    fn board(&mut self, name: u32) -> u32 {
        self.get(name).expect("here").riders += 1;
        self.use_now(name);
        name
    }

    fn checkin(&mut self, name: u32, now: Duration) {
        self.expire(now);
        let now = self.now;
        let Some(connection) = self.get(name) else {
            return;
        };
        connection.riders -= 1;
        connection.idle_since = now;
        let &mut Connection {
            what,
            riders,
            doomed,
            ..
        } = connection;
        self.use_now(name);
        if doomed && riders == 0 {
            self.drop(name);
        }
        self.trim(what);
    }

    fn remove(&mut self, name: u32) -> Option<u32> {
        let at = self.connections.iter().position(|c| c.name == name)?;
        Some(self.connections.remove(at).name)
    }

    fn doom(&mut self, name: u32) {
        let Some(connection) = self.get(name) else {
            return;
        };
        connection.doomed = true;
        if connection.riders == 0 {
            self.drop(name);
        }
    }

    fn set_streams(&mut self, name: u32, streams: u32) {
        self.uses += 1;
        let uses = self.uses;
        let Some(connection) = self.get(name) else {
            return;
        };
        if connection.sharing == Sharing::Exclusive {
            return;
        }
        let had = connection.has_place();
        connection.sharing = Sharing::Shared { streams };
        if !had {
            connection.offered = uses;
        }
    }

    fn cancel(&mut self, name: u32) -> bool {
        let Some(at) = self.waiters.iter().position(|w| w.name == name) else {
            return false;
        };
        let what = self.waiters.remove(at).what;
        self.trim(what);
        true
    }

    fn next_ready(&mut self, now: Duration) -> Option<(u32, Given)> {
        self.expire(now);
        let (at, given) = self.first_ready()?;
        let Waiter { name, what, .. } = self.waiters[at];
        match given {
            Given::Ride(connection) => drop(self.board(connection)),
            Given::Connect => self.attempt(what, name),
            Given::Rekey => {}
        }
        self.waiters.remove(at);
        self.trim(what);
        Some((name, given))
    }

    fn expire(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some(oldest) = self.idle().min_by_key(|c| c.used) {
            if oldest.idle_since + self.limits.idle_timeout > self.now {
                return;
            }
            self.drop(oldest.name);
        }
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.idle()
            .map(|c| c.idle_since + self.limits.idle_timeout)
            .min()
    }

    fn retire(&mut self, epoch: Epoch) {
        self.floor = epoch;
        for waiter in &mut self.waiters {
            waiter.retired |= waiter.what.epoch < epoch;
        }
        self.doom_all(|what| what.epoch < epoch);
    }

    fn retire_origin(&mut self, origin: bareflight_pool_key::OriginId) {
        for attempt in &mut self.attempts {
            attempt.doomed |= attempt.what.origin == origin;
        }
        self.doom_all(|what| what.origin == origin);
    }

    /// In no particular order: what is dropped is compared as a set.
    fn doom_all(&mut self, doomed: impl Fn(&Description) -> bool) {
        let names: Vec<u32> = self
            .connections
            .iter()
            .filter(|c| doomed(&c.what))
            .map(|c| c.name)
            .collect();
        names.into_iter().for_each(|name| self.doom(name));
    }

    /// Once nobody waits for a key its idle connections are held to the limits, and with them all.
    fn trim(&mut self, what: Description) {
        let idle = self.of(what).filter(|c| c.riders == 0).count();
        if self.waits(what) || idle == 0 {
            return;
        }
        for _ in usize::from(self.limits.idle_per_key)..idle {
            self.evict_longest_idle(|c| c.what == what);
        }
        while self.idle().count() > self.limits.idle as usize {
            self.evict_longest_idle(|_| true);
        }
    }

    fn evict_longest_idle(&mut self, which: impl Fn(&Connection) -> bool) {
        let oldest = self
            .idle()
            .filter(|c| which(c))
            .min_by_key(|c| c.used)
            .map(|c| c.name);
        oldest.into_iter().for_each(|name| self.drop(name));
    }

    fn drop(&mut self, name: u32) {
        let removed = self.remove(name);
        self.removed.extend(removed);
    }

    fn use_now(&mut self, name: u32) {
        self.uses += 1;
        let uses = self.uses;
        if let Some(connection) = self.get(name) {
            connection.used = uses;
            connection.offered = uses;
        }
    }

    fn get(&mut self, name: u32) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|c| c.name == name)
    }

    /// What no sequence of calls may break, whoever is right about the rest.
    fn check_limits(&self) {
        assert!(
            self.connections.len() + self.attempts.len() <= self.limits.open as usize,
            "open"
        );
        assert!(
            self.waiters.len() <= self.limits.waiters as usize,
            "waiters"
        );
        for connection in &self.connections {
            let open = self.of(connection.what).count() + self.attempts_of(connection.what);
            assert!(
                open <= usize::from(self.limits.open_per_key),
                "open_per_key"
            );
        }
        if self.waiters.is_empty() {
            assert!(self.idle().count() <= self.limits.idle as usize, "idle");
        }
    }
}
