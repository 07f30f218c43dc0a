//! Does it hold in any order of events? Random sequences of what clients, servers and time can do; each is run twice, with
//! other keys, and must be seen alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::common::*;
use bareflight_handshake_driver::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Connect {
        server: usize,
        key: u64,
        offer: bool,
        request: bool,
    },
    Send {
        connection: usize,
    },
    Close {
        connection: usize,
    },
    ShutDown {
        connection: usize,
    },
    Cut {
        connection: usize,
    },
    Reconfigure {
        server: usize,
        plan: usize,
    },
    Forget {
        server: usize,
    },
    Restart {
        server: usize,
    },
    Wait {
        seconds: u64,
    },
}

const KEYS: u64 = 4;
const SERVERS: usize = 2;

pub(crate) fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let (server, connection) = (0..SERVERS, 0..6usize);
    prop_oneof![
        6 => (server.clone(), 0..KEYS, any::<bool>(), any::<bool>())
            .prop_map(|(server, key, offer, request)| Connect { server, key, offer, request }),
        4 => connection.clone().prop_map(|connection| Send { connection }),
        1 => connection.clone().prop_map(|connection| Close { connection }),
        1 => connection.clone().prop_map(|connection| ShutDown { connection }),
        1 => connection.prop_map(|connection| Cut { connection }),
        1 => (server.clone(), 0..plans().len()).prop_map(|(server, plan)| Reconfigure { server, plan }),
        1 => server.clone().prop_map(|server| Forget { server }),
        1 => server.prop_map(|server| Restart { server }),
        1 => (0..5000u64).prop_map(|seconds| Wait { seconds }),
    ]
}

fn plans() -> Vec<ServerPlan> {
    use ClientAuth::{None, Request, Require};
    let stateful = ServerPlan {
        resumption: Resumption::Stateful,
        ..server(Request, Versions::Both)
    };
    vec![
        server(None, Versions::Tls13),
        server(Request, Versions::Tls12),
        server(Request, Versions::Tls13),
        server(Require, Versions::Tls12),
        server(Require, Versions::Tls13),
        ServerPlan {
            lifetime: Duration::from_secs(60),
            ..stateful
        },
    ]
}

/// What each key stands for.
fn configuration(pki: &Pki, key: u64) -> ClientConfiguration {
    let answer = match key {
        0 => Answer::Decline,
        1 => Answer::Abort,
        2 => Answer::Present(pki.identity(&IdentityPlan::new("alice")).unwrap()),
        _ => Answer::Present(pki.identity(&IdentityPlan::new("bob")).unwrap()),
    };
    let alpn = vec![if key.is_multiple_of(2) {
        Protocol::Http11
    } else {
        Protocol::H2
    }];
    ClientConfiguration {
        alpn,
        ..client(key, answer)
    }
}

/// The identity that a key may show.
fn allowed(key: u64) -> Option<Identity> {
    match key {
        2 => named(&IdentityPlan::new("alice")),
        3 => named(&IdentityPlan::new("bob")),
        _ => None,
    }
}

/// What a run leaves behind.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) observations: Vec<Observation>,
    pub(crate) events: Vec<String>,
    keys: BTreeMap<ConnectionId, u64>,
    sent: Vec<(ConnectionId, StreamId)>,
    settled: Vec<(ConnectionId, StreamId)>,
    forgotten: Vec<(usize, ServerId)>,
}

pub(crate) struct Run {
    pub(crate) driver: Driver,
    servers: Vec<ServerId>,
    connections: Vec<ConnectionId>,
    sessions: BTreeMap<(usize, u64), Session>,
    opened: BTreeMap<ConnectionId, (usize, u64)>,
    log: Log,
}

impl Run {
    pub(crate) fn new(pki: &Arc<Pki>) -> Self {
        let mut driver = Driver::new(Arc::clone(pki));
        let servers = (0..SERVERS)
            .map(|n| driver.add_server(plans()[n + 1].clone(), echo).unwrap())
            .collect();
        Self {
            driver,
            servers,
            connections: Vec::new(),
            sessions: BTreeMap::new(),
            opened: BTreeMap::new(),
            log: Log::default(),
        }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        let driver = &mut self.driver;
        match *step {
            Step::Connect {
                server,
                key,
                offer,
                request,
            } => {
                let slot = (server, key);
                let session = offer.then(|| self.sessions.remove(&slot)).flatten();
                let configuration = configuration(driver.pki(), key);
                let connection = driver
                    .begin(self.servers[server], HOST, &configuration, session)
                    .unwrap();
                self.connections.push(connection);
                self.opened.insert(connection, slot);
                self.log.keys.insert(connection, key);
                if request {
                    self.log
                        .sent
                        .push((connection, driver.send(connection, get("/")).unwrap()));
                }
                driver.run().unwrap();
            }
            Step::Send { connection } => {
                if let Some(&connection) = self.connections.iter().rev().nth(connection)
                    && let Ok(stream) = driver.send(connection, get("/"))
                {
                    self.log.sent.push((connection, stream));
                    driver.run().unwrap();
                }
            }
            Step::Close { connection } => {
                if let Some(&connection) = self.connections.iter().rev().nth(connection) {
                    driver.close(connection).unwrap();
                }
            }
            Step::ShutDown { connection } => {
                if let Some(&connection) = self.connections.iter().rev().nth(connection) {
                    driver.shut_down(connection).unwrap();
                }
            }
            Step::Cut { connection } => {
                if let Some(&connection) = self.connections.iter().rev().nth(connection) {
                    driver.cut(connection).unwrap();
                }
            }
            Step::Reconfigure { server, plan } => {
                driver
                    .reconfigure(self.servers[server], plans()[plan].clone())
                    .unwrap();
            }
            Step::Forget { server } => driver.forget_sessions(self.servers[server]),
            Step::Restart { server } => driver.restart(self.servers[server]).unwrap(),
            Step::Wait { seconds } => driver.advance(Duration::from_secs(seconds)),
        }
        self.gather();
        if let Step::Forget { server } | Step::Restart { server } = *step {
            self.log
                .forgotten
                .push((self.log.observations.len(), self.servers[server]));
        }
    }

    fn gather(&mut self) {
        self.log
            .observations
            .append(&mut self.driver.observations());
        for event in self.driver.events() {
            self.log.events.push(format!("{event:?}"));
            match event {
                ClientEvent::Response {
                    connection, stream, ..
                }
                | ClientEvent::Failed {
                    connection, stream, ..
                } => {
                    self.log.settled.push((connection, stream));
                }
                ClientEvent::Session {
                    connection,
                    session,
                } => {
                    self.sessions.insert(self.opened[&connection], session);
                }
                ClientEvent::Closed { .. } | ClientEvent::AskedLate { .. } => {}
            }
        }
    }

    fn finish(mut self) -> Log {
        for connection in std::mem::take(&mut self.connections) {
            self.driver.close(connection).unwrap();
            self.gather();
        }
        self.log
    }
}

pub(crate) fn run(pki: &Arc<Pki>, steps: &[Step]) -> Log {
    let mut run = Run::new(pki);
    for step in steps {
        run.step(step);
    }
    run.finish()
}

/// What must be true of every log.
fn judge(log: &Log) -> Result<(), TestCaseError> {
    let mut open = BTreeMap::new();
    let mut issued = BTreeMap::new();
    for (at, observation) in log.observations.iter().enumerate() {
        match observation {
            Observation::Handshake(seen) => {
                let key = log.keys[&seen.connection];
                prop_assert!(
                    seen.identity.is_none() || seen.identity == allowed(key),
                    "{seen:?} under {key}"
                );
                if let Some(session) = seen.resumed {
                    let (server, identity, from, when) =
                        issued.get(&session).cloned().expect("resumed, so issued");
                    prop_assert_eq!(
                        &seen.identity,
                        &identity,
                        "what is inherited is what was verified"
                    );
                    prop_assert_eq!(seen.server, server);
                    prop_assert_eq!(log.keys[&from], key, "a session stays under its key");
                    prop_assert_eq!(&seen.shown, &Shown::NotAsked);
                    let gone = log
                        .forgotten
                        .iter()
                        .any(|&(then, who)| who == server && when < then && then <= at);
                    prop_assert!(!gone, "{} was forgotten", session);
                }
                open.insert(seen.connection, seen.clone());
            }
            Observation::SessionIssued {
                connection,
                session,
            } => {
                let from = &open[connection];
                issued.insert(
                    *session,
                    (from.server, from.identity.clone(), *connection, at),
                );
            }
            Observation::Request(head) => prop_assert!(open.contains_key(&head.connection)),
            Observation::Answered { connection, .. } => {
                prop_assert!(open.contains_key(connection));
            }
            Observation::LateAuthentication(_) => {
                prop_assert!(false, "none of these servers asks late: {observation:?}");
            }
            Observation::Closed { connection, .. } => {
                prop_assert!(
                    open.remove(connection).is_some(),
                    "closed once, after its handshake"
                );
            }
            Observation::Refused(seen) => prop_assert!(!open.contains_key(&seen.connection)),
        }
    }
    let sent: BTreeSet<_> = log.sent.iter().collect();
    let settled: BTreeSet<_> = log.settled.iter().collect();
    prop_assert_eq!(
        settled.len(),
        log.settled.len(),
        "no request has two outcomes"
    );
    prop_assert_eq!(sent, settled, "every request has an outcome");
    Ok(())
}

static OTHER_KEYS: LazyLock<Arc<Pki>> = LazyLock::new(|| Arc::new(crate::pki(1)));

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence(steps in prop::collection::vec(step(), 1..24)) {
        let log = run(&PKI, &steps);
        judge(&log)?;
        let again = run(&OTHER_KEYS, &steps);
        prop_assert_eq!(&log.observations, &again.observations);
        prop_assert_eq!(&log.events, &again.events);
    }
}

/// The sequences reach what they are about. (A generator that never resumes would find nothing wrong with resumption.)
#[test]
fn the_generator_reaches_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(step(), 12..24);
    let mut reached = BTreeSet::new();
    for _ in 0..60 {
        let steps = strategy.new_tree(&mut runner).unwrap().current();
        for observation in run(&PKI, &steps).observations {
            reached.insert(match observation {
                Observation::Handshake(seen) => match (seen.resumed, seen.identity, seen.offered) {
                    (Some(_), Some(_), _) => "resumed with an identity",
                    (Some(_), None, _) => "resumed bare",
                    (None, Some(_), _) => "full with an identity",
                    (None, None, Some(_)) => "offered in vain",
                    (None, None, None) => "full and bare",
                },
                Observation::Refused(seen) if seen.shown == Shown::Declined => "refused without",
                Observation::Refused(_) => "aborted",
                Observation::SessionIssued { .. } => "issued",
                Observation::Request(_) => "request",
                Observation::Answered { .. } => "answered",
                Observation::LateAuthentication(_) => "late",
                Observation::Closed {
                    reason: EndReason::CloseNotify,
                    ..
                } => "closed by the client",
                Observation::Closed { .. } => "closed otherwise",
            });
        }
    }
    assert_eq!(reached.len(), 12, "{reached:?}");
}
