//! A connection pool that is not ours, under the same scenarios and invariants.
//!
//! A client implements [`ConnectionPool`] for its pool, which is a few lines, and asks [`Examination::of`] in a test. The
//! reference user agent then does everything but choose which open connection serves a request: that is the pool's.
//! Preflights, redirects, TLS sessions, closing what has timed out or was retired by a logout stay the reference's, so what
//! is found is the pool's doing.
//!
//! What is judged is whether a pool gives too much. Where it gives nothing, the reference may still wait for a connection of
//! exactly what is wanted, so a pool that is stricter than it has to be is not told from one that is right.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use bareflight_policy::Origin;
use bareflight_pool_key::{ConnectionKey, Description, Id, Lease, OriginId, Pool, Route};
use bareflight_user_agent::{
    Carry, ConnectionId, Decisions, HeldIdentity, Identities, Keep, Running, Share, Standard,
    Wanted,
};

use crate::campaign::Runner;
use crate::engines::Generation;
use crate::invariants::Violation;
use crate::scenario::Scenario;
use crate::shrink::shrink;
use crate::tier::{TierError, TierName};

/// What a request wants of its connection. What is equal here is interchangeable, and nothing else is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wants {
    /// The scheme of the URL.
    pub scheme: String,
    /// Its host, and its port where that is not the scheme's own.
    pub authority: String,
    /// Whether credentials may travel on it; never for a preflight.
    pub credentials: bool,
    /// The client certificate, with its key, that may be shown; none if none may.
    pub identity: Option<u32>,
    /// The network partition: in general the site of the page at the top.
    pub partition: Option<u32>,
    /// How the server is verified.
    pub verification: u32,
    /// The name that is asked for and verified in place of the host; none if it is the host's.
    pub server_name: Option<u32>,
    /// The proxy that it goes through; none if it goes straight.
    pub proxy: Option<u32>,
}

/// A client's pool of connections.
pub trait ConnectionPool: Send {
    /// A connection has been opened for a request that wanted this, and may serve others from now on.
    fn put(&mut self, opened_for: &Wants, connection: u32);

    /// The connection that is to serve a request which wants this; none if none that the pool knows may serve it. `free` are those that
    /// are open and have room at this moment: another one would be of no use.
    fn get(&mut self, wants: &Wants, free: &[u32]) -> Option<u32>;
}

/// How a pool is examined.
#[derive(Clone, Copy, Debug)]
pub struct Examination {
    /// Where all choices come from.
    pub seed: u64,
    /// How many scenarios are run.
    pub scenarios: u64,
    /// Where.
    pub tier: TierName,
}

impl Default for Examination {
    /// 20,000 scenarios on the model.
    fn default() -> Self {
        Self {
            seed: 1,
            scenarios: 20_000,
            tier: TierName::Model,
        }
    }
}

/// What a pool did wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The smallest scenario that shows it.
    pub scenario: Scenario,
    /// The invariant that is broken, and what happened.
    pub violation: Violation,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            invariant, message, ..
        } = &self.violation;
        writeln!(f, "{} is broken: {message}", invariant.name)?;
        writeln!(f, "{} ({})", invariant.sentence, invariant.section)?;
        write!(f, "\n{}", self.scenario.to_toml())
    }
}

impl Examination {
    /// Runs scenarios, each on a new pool, until an invariant breaks; none if all hold.
    ///
    /// # Errors
    ///
    /// [`TierError`] where nothing can be decided.
    pub fn of<P: ConnectionPool + 'static>(
        &self,
        make: fn() -> P,
    ) -> Result<Option<Finding>, TierError> {
        // The user agent keeps its decisions for as long as it lives, and who examines a pool does so a few times.
        let pool: &'static Adapted<P> = Box::leak(Box::new(Adapted::new(make)));
        let mut examining = Examining {
            runner: Runner::new(self.tier)?,
            reset: &|| pool.reset(),
            decisions: pool,
        };
        let mut generation = Generation::new(self.seed);
        for _ in 0..self.scenarios {
            let scenario = generation.next_scenario();
            if let Some(violation) = examining.violation(&scenario)? {
                return examining.finding(&scenario, violation).map(Some);
            }
        }
        Ok(None)
    }
}

struct Examining<'e> {
    runner: Runner,
    reset: &'e dyn Fn(),
    decisions: &'static dyn Decisions,
}

impl Examining<'_> {
    fn violation(&mut self, scenario: &Scenario) -> Result<Option<Violation>, TierError> {
        (self.reset)();
        let verdict = self.runner.run_with(scenario, self.decisions, None)?;
        Ok(verdict.violations.first().cloned())
    }

    /// What was found, made small.
    fn finding(&mut self, scenario: &Scenario, first: Violation) -> Result<Finding, TierError> {
        let scenario = shrink(scenario, |it| {
            let violation = self.violation(it);
            matches!(violation, Ok(Some(it)) if it.invariant.name == first.invariant.name)
        });
        let violation = self.violation(&scenario)?.unwrap_or(first);
        Ok(Finding {
            scenario,
            violation,
        })
    }
}

/// The pool in the place where the user agent asks for a connection.
struct Adapted<P> {
    make: fn() -> P,
    state: Mutex<State<P>>,
}

struct State<P> {
    pool: P,
    /// The URL's origin that was asked about last, which is the one that a connection is wanted for next.
    target: Option<(String, String)>,
    /// Scheme and authority, by the user agent's number.
    origins: BTreeMap<OriginId, (String, String)>,
    /// Connections that the pool was told of.
    told: BTreeSet<u32>,
}

impl<P: ConnectionPool> Adapted<P> {
    fn new(make: fn() -> P) -> Self {
        let state = Mutex::new(State::new(make()));
        Self { make, state }
    }

    fn reset(&self) {
        self.with(|state| *state = State::new((self.make)()));
    }

    fn with<R>(&self, act: impl FnOnce(&mut State<P>) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<P: ConnectionPool> State<P> {
    fn new(pool: P) -> Self {
        Self {
            pool,
            target: None,
            origins: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    fn choose(
        &mut self,
        wanted: &Description,
        open: &[(ConnectionId, Description)],
    ) -> Option<ConnectionId> {
        for (connection, opened_for) in open {
            if self.told.insert(connection.0) {
                let wants = self.wants(opened_for);
                self.pool.put(&wants, connection.0);
            }
        }
        let free: Vec<u32> = open.iter().map(|(connection, _)| connection.0).collect();
        let wants = self.wants(wanted);
        self.pool.get(&wants, &free).map(ConnectionId)
    }

    fn wants(&self, description: &Description) -> Wants {
        let known = self.origins.get(&description.origin);
        let (scheme, authority) = known.cloned().unwrap_or_default();
        Wants {
            scheme,
            authority,
            credentials: description.credentials,
            identity: description.identity.map(|it| it.number().get()),
            partition: description.partition.map(|it| it.number().get()),
            verification: description.trust.number().get(),
            server_name: description.server_name.map(|it| it.number().get()),
            proxy: match description.route {
                Route::Direct => None,
                Route::Via(proxy) => Some(proxy.number().get()),
            },
        }
    }
}

impl<P: ConnectionPool> Carry for Adapted<P> {
    fn choose_identity(
        &self,
        identities: &Identities,
        target: &Origin,
        named: Option<(&Origin, HeldIdentity)>,
        earlier: Option<HeldIdentity>,
    ) -> Option<HeldIdentity> {
        let text = target.to_string();
        let (scheme, authority) = text.split_once("://").unwrap_or(("", &text));
        let target_now = (scheme.to_owned(), authority.to_owned());
        self.with(|state| state.target = Some(target_now));
        Standard.choose_identity(identities, target, named, earlier)
    }
}

impl<P: ConnectionPool> Share for Adapted<P> {
    fn connection_description(&self, wanted: &Wanted) -> Description {
        self.with(|state| {
            if let Some(target) = &state.target {
                let origin = wanted.description.origin;
                state.origins.insert(origin, target.clone());
            }
        });
        Standard.connection_description(wanted)
    }

    fn checkout(
        &self,
        pool: &mut Pool<ConnectionId, Running>,
        key: &ConnectionKey,
        _: &Wanted,
        now: Duration,
    ) -> Option<Lease<ConnectionId>> {
        let mut open = Vec::new();
        let look = |key: &ConnectionKey, connection: &ConnectionId| {
            open.push((*connection, key.description()));
            false
        };
        pool.checkout_where(look, now);
        let chosen = self.with(|state| state.choose(&key.description(), &open))?;
        pool.checkout_where(|_, connection| *connection == chosen, now)
    }
}

impl<P: ConnectionPool> Keep for Adapted<P> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool by a key that a test chooses.
    struct By {
        key: fn(&Wants) -> String,
        filed: Vec<(String, u32)>,
    }

    impl ConnectionPool for By {
        fn put(&mut self, opened_for: &Wants, connection: u32) {
            self.filed.push(((self.key)(opened_for), connection));
        }

        fn get(&mut self, wants: &Wants, free: &[u32]) -> Option<u32> {
            let key = (self.key)(wants);
            let mut filed = self.filed.iter();
            let found = filed.find(|(of, connection)| *of == key && free.contains(connection));
            found.map(|(_, connection)| *connection)
        }
    }

    fn by(key: fn(&Wants) -> String) -> By {
        let filed = Vec::new();
        By { key, filed }
    }

    const SHORT: Examination = Examination {
        seed: 3,
        scenarios: 3_000,
        tier: TierName::Model,
    };

    #[test]
    fn a_pool_by_scheme_and_authority_is_caught() {
        let make = || by(|wants| format!("{}://{}", wants.scheme, wants.authority));
        let finding = SHORT.of(make).unwrap().expect("it shares what it must not");
        assert!(finding.scenario.steps.len() <= 2, "{finding}");
        assert!(finding.to_string().contains(" is broken: "));
    }

    #[test]
    fn a_pool_that_keeps_apart_all_that_differs_is_right() {
        let whole = || by(|wants| format!("{wants:?}"));
        let finding = SHORT.of(whole).unwrap();
        assert!(finding.is_none(), "{}", finding.unwrap());
    }

    #[test]
    fn each_field_that_a_key_leaves_out_is_found() {
        const CREDENTIALS: &[&str] = &[
            "credentials-split",
            "preflight-bare",
            "omit-bare",
            "identity-match",
            "identity-kept",
        ];
        found_without(|| by(without_credentials), CREDENTIALS);
        // On a server that asks late, who came without is kept without.
        found_without(
            || by(without_identity),
            &["identity-match", "identity-kept"],
        );
        found_without(|| by(without_partition), &["partition-split"]);
        found_without(|| by(without_verification), &["trust-match"]);
        found_without(|| by(without_server_name), &["trust-match"]);
        found_without(|| by(without_proxy), &["hop-bound"]);
    }

    fn found_without(make: fn() -> By, names: &[&str]) {
        let finding = SHORT.of(make).unwrap().expect("a field is missing");
        let name = finding.violation.invariant.name;
        assert!(names.contains(&name), "{finding}");
    }

    fn without_credentials(wants: &Wants) -> String {
        let Wants {
            authority,
            partition,
            verification,
            server_name,
            proxy,
            ..
        } = wants;
        format!("{authority} {partition:?} {verification} {server_name:?} {proxy:?}")
    }

    fn without_identity(wants: &Wants) -> String {
        format!("{} {}", without_credentials(wants), wants.credentials)
    }

    fn without_partition(wants: &Wants) -> String {
        let partition = None;
        format!(
            "{:?}",
            Wants {
                partition,
                ..wants.clone()
            }
        )
    }

    fn without_verification(wants: &Wants) -> String {
        let verification = 0;
        format!(
            "{:?}",
            Wants {
                verification,
                ..wants.clone()
            }
        )
    }

    fn without_server_name(wants: &Wants) -> String {
        let server_name = None;
        format!(
            "{:?}",
            Wants {
                server_name,
                ..wants.clone()
            }
        )
    }

    fn without_proxy(wants: &Wants) -> String {
        let proxy = None;
        format!(
            "{:?}",
            Wants {
                proxy,
                ..wants.clone()
            }
        )
    }

    /// To give nothing is safe, and is all that this says of it.
    #[test]
    fn a_pool_that_never_gives_shares_nothing_improperly() {
        struct Never;
        impl ConnectionPool for Never {
            fn put(&mut self, _: &Wants, _: u32) {}
            fn get(&mut self, _: &Wants, _: &[u32]) -> Option<u32> {
                None
            }
        }
        let finding = SHORT.of(|| Never).unwrap();
        assert!(finding.is_none(), "{}", finding.unwrap());
    }
}
