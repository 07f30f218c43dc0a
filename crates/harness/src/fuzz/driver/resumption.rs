//! Any sequence of handshakes and of what happens to sessions between them: what is resumed stands for what was verified.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use bareflight_handshake_driver::{
    Answer, ClientAuth, ClientConfiguration, ClientEvent, ConfigKey, Driver, Identity,
    IdentityPlan, Observation, Resumption, ServerHandshake, ServerId, ServerPlan, Session,
    SessionId, Versions,
};

use super::{HOST, OTHER_HOST, driver, echo};

#[derive(Arbitrary, Debug)]
enum Step {
    /// A handshake under a key, with a session that was obtained before.
    Connect {
        server: bool,
        key: Key,
        other_name: bool,
        offer: Option<u8>,
    },
    Wait(u16),
    Forget(bool),
    Reconfigure(bool, Plan),
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Key {
    Bare,
    Alice,
    Bob,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Plan {
    auth: u8,
    old: bool,
    stateful: bool,
    off: bool,
    short: bool,
}

/// Steps of one input: each handshake costs a millisecond.
const STEPS: usize = 12;
/// How long a session lives at most, in seconds; and the short life.
const LIFE: u64 = 7_200;
const SHORT: u64 = 60;

/// A session that a server issued, and what it stands for.
#[derive(Debug)]
struct Issued {
    id: SessionId,
    server: ServerId,
    key: Key,
    name: Option<String>,
    identity: Option<Identity>,
    version: bareflight_handshake_driver::Version,
    at: Duration,
    lifetime: Duration,
    forgotten: bool,
}

struct Run {
    driver: Driver,
    servers: [ServerId; 2],
    plans: [ServerPlan; 2],
    sessions: Vec<Session>,
    issued: Vec<Issued>,
}

/// The target `resumption`.
///
/// # Panics
///
/// Where a session is resumed that should not be, or stands for somebody else than it did.
pub fn resumption(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let mut run = Run::new();
    for _ in 0..STEPS {
        match Step::arbitrary(&mut bytes) {
            Ok(step) if !bytes.is_empty() => run.step(&step),
            _ => return,
        }
    }
}

impl Run {
    fn new() -> Self {
        let mut driver = driver();
        let plan = ServerPlan {
            client_auth: ClientAuth::Request,
            ..ServerPlan::new(&[HOST, OTHER_HOST])
        };
        let servers = [(); 2].map(|()| {
            driver
                .add_server(plan.clone(), echo)
                .expect("a plain server")
        });
        Self {
            driver,
            servers,
            plans: [plan.clone(), plan],
            sessions: Vec::new(),
            issued: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Connect {
                server,
                key,
                other_name,
                offer,
            } => {
                let offer = offer.filter(|_| !self.sessions.is_empty());
                let offer = offer.map(|at| usize::from(at) % self.sessions.len());
                self.connect(usize::from(server), key, other_name, offer);
            }
            Step::Wait(seconds) => self.driver.advance(Duration::from_secs(seconds.into())),
            Step::Forget(server) => self.forget(usize::from(server)),
            Step::Reconfigure(server, plan) => {
                let at = usize::from(server);
                self.plans[at] = plan.server();
                self.driver
                    .reconfigure(self.servers[at], plan.server())
                    .expect("every plan of these is one");
            }
        }
    }

    fn forget(&mut self, server: usize) {
        let server = self.servers[server];
        self.driver.forget_sessions(server);
        let issued = self.issued.iter_mut().filter(|it| it.server == server);
        issued.for_each(|it| it.forgotten = true);
    }

    fn connect(&mut self, server: usize, key: Key, other_name: bool, offer: Option<usize>) {
        let configuration = key.configuration(&self.driver);
        let session = offer.map(|at| self.sessions.swap_remove(at));
        let name = if other_name { OTHER_HOST } else { HOST };
        let (connection, _) =
            self.driver
                .connect(self.servers[server], name, &configuration, session);
        let connection = connection.expect("it began");
        let mut handshake = None;
        for seen in self.driver.observations() {
            match seen {
                Observation::Handshake(seen) => {
                    self.judge(server, key, &seen);
                    handshake = Some(seen);
                }
                Observation::SessionIssued { session, .. } => {
                    let of = handshake.as_ref().expect("a session comes of a handshake");
                    self.issue(server, key, session, of);
                }
                _ => {}
            }
        }
        self.driver.close(connection).expect("it comes to rest");
        for event in self.driver.events() {
            if let ClientEvent::Session { session, .. } = event {
                self.sessions.push(session);
            }
        }
        self.driver.observations();
    }

    fn issue(&mut self, server: usize, key: Key, id: SessionId, of: &ServerHandshake) {
        self.issued.push(Issued {
            id,
            server: self.servers[server],
            key,
            name: of.server_name.clone(),
            identity: of.identity.clone(),
            version: of.version,
            at: self.driver.now(),
            lifetime: self.plans[server].lifetime,
            forgotten: false,
        });
    }

    /// What a server resumed must be its own, fresh, and stand for whom it was issued to; and who is authenticated must
    /// be whom the key may show.
    fn judge(&self, server: usize, key: Key, seen: &ServerHandshake) {
        let who = seen.identity.as_ref().map(|identity| match identity {
            Identity::Known(name) => name.subject.to_string(),
            Identity::Unknown => "somebody".to_owned(),
        });
        assert!(
            who.is_none() || who.as_deref() == key.subject(),
            "{key:?} is taken to be {who:?}"
        );
        let plan = &self.plans[server];
        assert!(
            plan.client_auth != ClientAuth::Require || seen.identity.is_some(),
            "let in without a certificate: {seen:?}"
        );
        let Some(resumed) = seen.resumed else {
            return;
        };
        let session = self
            .issued
            .iter()
            .find(|it| it.id == resumed)
            .expect("what is resumed was issued");
        assert_eq!(session.server, self.servers[server], "{seen:?}");
        assert_eq!(session.key, key, "a session is offered under its key alone");
        assert_eq!(session.identity, seen.identity, "{seen:?}");
        assert_eq!(session.version, seen.version, "{seen:?}");
        assert_eq!(session.name, seen.server_name, "{seen:?}");
        assert_ne!(plan.resumption, Resumption::Off, "{seen:?}");
        assert!(!session.forgotten, "{seen:?}");
        let age = self.driver.now() - session.at;
        assert!(
            age <= session.lifetime.max(plan.lifetime),
            "{age:?}: {seen:?}"
        );
    }
}

impl Key {
    fn subject(self) -> Option<&'static str> {
        match self {
            Self::Bare => None,
            Self::Alice => Some("alice"),
            Self::Bob => Some("bob"),
        }
    }

    fn configuration(self, driver: &Driver) -> ClientConfiguration {
        let identity = |subject| {
            let identity = driver.pki().identity(&IdentityPlan::new(subject));
            Answer::Present(identity.expect("an identity can be made"))
        };
        ClientConfiguration {
            answer: self.subject().map_or(Answer::Decline, identity),
            ..ClientConfiguration::new(ConfigKey(self as u64))
        }
    }
}

impl Plan {
    fn server(self) -> ServerPlan {
        ServerPlan {
            client_auth: match self.auth % 3 {
                0 => ClientAuth::None,
                1 => ClientAuth::Request,
                _ => ClientAuth::Require,
            },
            versions: match self.old {
                true => Versions::Tls12,
                false => Versions::Tls13,
            },
            resumption: match (self.off, self.stateful) {
                (true, _) => Resumption::Off,
                (false, true) => Resumption::Stateful,
                (false, false) => Resumption::Tickets,
            },
            lifetime: Duration::from_secs(if self.short { SHORT } else { LIFE }),
            ..ServerPlan::new(&[HOST, OTHER_HOST])
        }
    }
}
