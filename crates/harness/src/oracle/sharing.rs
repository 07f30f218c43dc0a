//! Who may share with whom, told a second time and without any keys or pools: by looking at the whole history.
//!
//! The invariants compare whoever rides a connection with whoever opened it, and read what a request wants from the
//! policy. Here every two uses that anything ties together (one connection, or sessions that lead back to one handshake)
//! are compared with each other, and what a request wants is read off the scenario as its author wrote it. So the
//! invariants and the reference cannot share one misunderstanding unnoticed.
//!
//! It is quadratic, and meant to be: nothing is indexed, nothing is remembered from record to record.

use std::collections::BTreeSet;

use crate::case::Case;
use crate::log::{Cause, Connection, Event, Leg, Log};
use crate::scenario::{Action, Credentials, Exchange, Kind, Trust, WorldEvent};

/// What two uses that are tied together do not have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Improper {
    /// One is with credentials, one without.
    Credentials,
    /// They are of different network partitions.
    Partition,
    /// One verifies the server, one does not; or they verify it under different names.
    Trust,
    /// They want to be different people, on a connection that is authenticated.
    Identity,
    /// A session was offered by somebody for whom it was not obtained.
    Session,
}

/// A use of a connection: it was opened for a request, or a request rode it.
struct Use<'l> {
    connection: &'l Connection,
    /// Whether it is a request, which has been seen by the server.
    rides: bool,
    wants: Wants,
}

/// What a request wants of its connection, as the scenario says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wants {
    /// Whether credentials may be on the connection.
    pub credentials: bool,
    /// The scheme and site of the page at the top.
    pub partition: String,
    /// How the server is verified.
    pub trust: Trust,
    /// Where it goes: nobody else is meant, whatever name he is asked for.
    pub authority: String,
    /// The name that the server is asked for and verified by, if it is not its own.
    pub server_name: Option<String>,
    /// The identity that may be shown, and how often it had been renewed; none without credentials.
    pub identity: Option<(u8, usize)>,
    /// Logouts and changes of network before it.
    pub epoch: usize,
}

/// All that is improper about who shared with whom in this log.
pub fn improper(case: &Case<'_>, log: &Log) -> BTreeSet<Improper> {
    let mut found = BTreeSet::new();
    let uses = uses(case, log);
    for (index, one) in uses.iter().enumerate() {
        for other in &uses[..index] {
            if first_handshake(log, one.connection) == first_handshake(log, other.connection) {
                compare(one, other, &mut found);
            }
        }
    }
    for user in uses.iter().filter(|it| !it.rides) {
        let offered = user.connection.offered;
        let obtained = offered.and_then(|session| opener_of_session(log, &uses, session));
        if obtained.is_some_and(|it| is_another(user, it)) {
            found.insert(Improper::Session);
        }
    }
    found
}

/// What the request of this cause wants, told at this record; none if the scenario has no such request.
pub fn wants(case: &Case<'_>, log: &Log, record: usize, cause: Cause) -> Option<Wants> {
    let step = case.scenario.steps.get(usize::from(cause.step))?;
    let Action::Exchange(exchange) = &step.action else {
        return None;
    };
    // The hosts that it has led through so far, the last one being where it goes.
    let led: Option<Vec<String>> = (0..=cause.hop)
        .map(|hop| Some(case.hop(cause.step, hop)?.authority.to_string()))
        .collect();
    let led = led?;
    let credentials = !cause.preflight && with_credentials(exchange, &led);
    let declined = declined(case, log, record, exchange, &led);
    let chosen = chosen(case, exchange, &led).filter(|_| credentials && !declined);
    Some(Wants {
        credentials,
        partition: partition(exchange, led.last()?),
        trust: exchange.trust,
        authority: led.last().cloned().unwrap_or_default(),
        server_name: exchange
            .server_name
            .as_ref()
            .filter(|_| led.first() == led.last())
            .map(ToString::to_string),
        identity: chosen.map(|index| (index, renewals(case, log, record, index))),
        epoch: retirements(case, log, record),
    })
}

/// Whoever asks a proxy for a tunnel wants the same of it.
fn wants_of_proxy(case: &Case<'_>, log: &Log, record: usize, to: &Connection) -> Wants {
    let host = to.sni.as_deref().unwrap_or_default();
    let shown = held_for(case, host);
    Wants {
        credentials: true,
        partition: String::new(),
        trust: Trust::Verify,
        authority: String::new(),
        server_name: None,
        identity: shown.map(|index| (index, renewals(case, log, record, index))),
        epoch: retirements(case, log, record),
    }
}

/// How often an identity had been renewed.
fn renewals(case: &Case<'_>, log: &Log, record: usize, index: u8) -> usize {
    happened(case, log, record)
        .filter(|it| matches!(it, WorldEvent::Renew { identity } if *identity == index))
        .count()
}

/// Logouts and changes of network.
fn retirements(case: &Case<'_>, log: &Log, record: usize) -> usize {
    happened(case, log, record)
        .filter(|it| matches!(it, WorldEvent::Logout | WorldEvent::NetworkChange))
        .count()
}

fn uses<'l>(case: &Case<'_>, log: &'l Log) -> Vec<Use<'l>> {
    let mut uses = Vec::new();
    for (record, it) in log.records.iter().enumerate() {
        let (cause, connection, rides) = match &it.event {
            Event::Connection(connection) => (connection.cause, Some(connection), false),
            Event::Request(request) => {
                let cause = request.step.map(|step| Cause {
                    step,
                    hop: request.hop,
                    preflight: request.preflight,
                });
                (cause, connection(log, request.connection), true)
            }
            _ => continue,
        };
        let wants = match connection {
            // It is asked for the tunnel alone.
            Some(it) if it.leg == Leg::Proxy && rides => continue,
            Some(it) if it.leg == Leg::Proxy => Some(wants_of_proxy(case, log, record, it)),
            _ => cause.and_then(|cause| wants(case, log, record, cause)),
        };
        if let (Some(connection), Some(wants)) = (connection, wants) {
            uses.push(Use {
                connection,
                rides,
                wants,
            });
        }
    }
    uses
}

fn compare(one: &Use<'_>, other: &Use<'_>, found: &mut BTreeSet<Improper>) {
    let (a, b) = (&one.wants, &other.wants);
    let authenticated = one.connection.client.is_authenticated();
    let differences = [
        (Improper::Credentials, a.credentials != b.credentials),
        (Improper::Partition, a.partition != b.partition),
        (
            Improper::Trust,
            (a.trust, &a.server_name) != (b.trust, &b.server_name),
        ),
        (
            Improper::Identity,
            one.rides && other.rides && authenticated && a.identity != b.identity,
        ),
    ];
    found.extend(differences.iter().filter(|it| it.1).map(|it| it.0));
}

/// Whether a session that was obtained for `obtained` is somebody else's than `user`.
fn is_another(user: &Use<'_>, obtained: &Use<'_>) -> bool {
    let (a, b) = (user.connection, obtained.connection);
    // What is wanted of a proxy has no partition, so a leg is never taken for another.
    let peer = |it: &Connection| (it.server.clone(), it.sni.clone(), it.port);
    user.wants != obtained.wants || peer(a) != peer(b)
}

fn opener_of_session<'u, 'l>(log: &Log, uses: &'u [Use<'l>], session: u32) -> Option<&'u Use<'l>> {
    let issued = log.records.iter().find_map(|it| match &it.event {
        Event::Ticket(ticket) if ticket.session == session => Some(ticket.connection),
        _ => None,
    })?;
    let opened = uses.iter().filter(|it| !it.rides);
    let mut opened = opened.filter(|it| it.connection.id == issued);
    opened.next()
}

/// The number of the connection whose full handshake this one leads back to.
fn first_handshake(log: &Log, of: &Connection) -> u32 {
    let mut first = of.id;
    // A session is older than what resumes it, so there are no more links than records.
    for _ in 0..log.records.len() {
        let resumed = connection(log, first).and_then(|it| it.resumed);
        let issued = log.records.iter().find_map(|it| match &it.event {
            Event::Ticket(ticket) if Some(ticket.session) == resumed => Some(ticket.connection),
            _ => None,
        });
        match issued {
            Some(earlier) if earlier < first => first = earlier,
            _ => break,
        }
    }
    first
}

fn connection(log: &Log, id: u32) -> Option<&Connection> {
    log.records.iter().find_map(|it| match &it.event {
        Event::Connection(connection) if connection.id == id => Some(connection),
        _ => None,
    })
}

/// What had happened to the world before this record.
fn happened<'c>(case: &Case<'c>, log: &Log, record: usize) -> impl Iterator<Item = &'c WorldEvent> {
    let scenario = case.scenario;
    log.records[..record].iter().filter_map(move |it| {
        let Event::Step { step } = it.event else {
            return None;
        };
        match &scenario.steps.get(usize::from(step))?.action {
            Action::Event(event) => Some(event),
            Action::Exchange(_) => None,
        }
    })
}

/// `include` is with credentials, `omit` without; `same-origin` is with them as long as it has never left its own origin.
fn with_credentials(exchange: &Exchange, led: &[String]) -> bool {
    match (exchange.kind, exchange.credentials) {
        (Kind::Navigate | Kind::Websocket, _) | (_, Credentials::Include) => true,
        (_, Credentials::Omit) => false,
        (_, Credentials::SameOrigin) => led
            .iter()
            .all(|authority| exchange.from == format!("https://{authority}")),
    }
}

/// Who is shown to the server at the end of `led`: whom the caller named for the URL that it asked for, else whom the user
/// chooses for the host.
fn chosen(case: &Case<'_>, exchange: &Exchange, led: &[String]) -> Option<u8> {
    let here = led.last()?;
    if exchange.identity.is_some() && led.first() == Some(here) {
        return exchange.identity;
    }
    held_for(case, here.split(':').next()?)
}

/// Whether the user sends no certificate to the server at the end of `led`: what they said there when they were asked, in this
/// epoch, or would say now.
fn declined(
    case: &Case<'_>,
    log: &Log,
    record: usize,
    exchange: &Exchange,
    led: &[String],
) -> bool {
    if exchange.identity.is_some() && led.first() == led.last() {
        return false;
    }
    let epoch = retirements(case, log, record);
    let said = log.records[..record]
        .iter()
        .enumerate()
        .find_map(|(at, it)| {
            let Event::Prompt { cause } = it.event else {
                return None;
            };
            let Action::Exchange(asker) = &case.scenario.steps.get(usize::from(cause.step))?.action
            else {
                return None;
            };
            let there = case.hop(cause.step, cause.hop)?.authority.as_str();
            let here = led.last().map(String::as_str) == Some(there)
                && partition(asker, there) == partition(exchange, there);
            (here && retirements(case, log, at) == epoch).then_some(asker.declines)
        });
    said.unwrap_or(exchange.declines)
}

/// The first identity that the user chooses for a host.
fn held_for(case: &Case<'_>, host: &str) -> Option<u8> {
    let held = (0..).zip(&case.scenario.identities);
    let mut held = held.filter(|(_, identity)| identity.hosts.iter().any(|it| it == host));
    held.next().map(|(index, _)| index)
}

/// The site at the top: of the page that is there, or of the authority that the user has come to.
fn partition(exchange: &Exchange, authority: &str) -> String {
    match exchange.kind {
        Kind::Navigate => site(&format!("https://{authority}")),
        _ => site(&exchange.top),
    }
}

/// The scheme and site of an origin. In scenarios a site has two labels: `.test` is nobody's registry.
fn site(origin: &str) -> String {
    let (scheme, rest) = origin.split_once("://").unwrap_or(("", origin));
    let host = rest.split(':').next().unwrap_or(rest);
    let labels: Vec<&str> = host.rsplit('.').take(2).collect();
    format!("{scheme} {}", labels.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Runner;
    use crate::case::Vocabulary;
    use crate::engines::EngineName;
    use crate::faults::Fault;
    use crate::scenario::Scenario;
    use crate::tier::TierName;

    /// Scenarios on the reference, and with each fault.
    const SCENARIOS: (usize, usize) = (2_000, 250);

    /// What the oracle says, as the names of the invariants that must then be broken.
    fn said(log: &Log, scenario: &Scenario) -> BTreeSet<&'static str> {
        let case = Case::new(scenario, &mut Vocabulary::default());
        let names = improper(&case, log).into_iter().map(|it| match it {
            Improper::Credentials => "credentials-split",
            Improper::Partition => "partition-split",
            Improper::Trust => "trust-match",
            Improper::Identity => "identity-match",
            Improper::Session => "ticket-scope",
        });
        names.collect()
    }

    /// What the invariants say about sharing: not of preflight caches, TLS versions or legs, of which the oracle knows
    /// nothing. `identity-match` says more than the oracle does: it needs nobody to share with.
    fn broken(violations: &[crate::invariants::Violation]) -> BTreeSet<&'static str> {
        let of_sharing = [
            "credentials-split",
            "partition-split",
            "trust-match",
            "ticket-scope",
        ];
        let other = [
            "an entry of",
            "TLS version",
            "another leg",
            "another transport",
            "the user chose",
        ];
        let shares = |it: &&crate::invariants::Violation| {
            of_sharing.contains(&it.invariant.name)
                && !other.iter().any(|of| it.message.contains(of))
        };
        let names = violations.iter().filter(shares);
        names.map(|it| it.invariant.name).collect()
    }

    fn agree(fault: Option<&'static Fault>, scenarios: usize, seed: u64) -> BTreeSet<&'static str> {
        let mut runner = Runner::new(TierName::Model).unwrap();
        let mut engine = EngineName::Mutation.start(seed).unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..scenarios {
            let scenario = engine.next_scenario().unwrap();
            // Where a profile shares by design, sharing is not improper.
            if scenario.profile != Scenario::DEFAULT_PROFILE {
                continue;
            }
            let verdict = runner.run(&scenario, fault).unwrap();
            let mut said = said(verdict.log, &scenario);
            if said.remove("identity-match") {
                assert!(verdict.breaks("identity-match"), "{}", scenario.to_toml());
                seen.insert("identity-match");
            }
            let broken = broken(verdict.violations);
            let name = fault.map_or("the reference", |it| &it.name);
            assert_eq!(
                said,
                broken,
                "{name}: {:#?}\n{}\n{}",
                verdict.violations,
                scenario.to_toml(),
                verdict.log.to_json_lines(&scenario, "model"),
            );
            seen.extend(said);
        }
        seen
    }

    #[test]
    fn nobody_shares_improperly_on_the_reference() {
        assert_eq!(agree(None, SCENARIOS.0, 21), BTreeSet::new());
    }

    #[test]
    fn oracle_and_invariants_agree_on_sharing_under_every_fault() {
        let mut seen = BTreeSet::new();
        for fault in Fault::all().iter().filter(|fault| fault.profile.is_none()) {
            seen.extend(agree(Some(fault), SCENARIOS.1, 22));
        }
        assert_eq!(seen.len(), 5, "each verdict was given: {seen:?}");
    }

    #[test]
    fn same_origin_is_without_credentials_once_it_has_left() {
        let exchange = Exchange {
            from: "https://a.test".into(),
            ..Exchange::default()
        };
        let table: [(&[&str], bool); 3] = [
            (&["a.test"], true),
            (&["b.test"], false),
            (&["a.test", "b.test", "a.test"], false),
        ];
        for (led, right) in table {
            let led: Vec<String> = led.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(with_credentials(&exchange, &led), right, "{led:?}");
        }
        assert_eq!(site("https://img.api.test:8443"), site("https://api.test"));
    }
}
