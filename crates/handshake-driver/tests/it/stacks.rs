//! Do sessions mean the same whichever stack made them? Both stacks at both ends, each version, each way to remember.

use std::sync::Arc;
use std::time::Duration;

use crate::common::*;
use crate::stacks;
use bareflight_handshake_driver::*;

const HOUR: Duration = Duration::from_secs(3600);

/// Who shakes hands with whom, and how the server remembers.
#[derive(Clone, Copy, Debug)]
struct Way {
    server: Stack,
    client: Stack,
    versions: Versions,
    resumption: Resumption,
}

/// All but rustls with rustls, which `resumption.rs` is about.
fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for (&server, &client) in stacks()
        .iter()
        .flat_map(|s| stacks().iter().map(move |c| (s, c)))
    {
        for versions in VERSIONS {
            for resumption in [Resumption::Tickets, Resumption::Stateful] {
                if (server, client) != (Stack::Rustls, Stack::Rustls) {
                    ways.push(Way {
                        server,
                        client,
                        versions,
                        resumption,
                    });
                }
            }
        }
    }
    ways
}

impl Way {
    fn plan(self, client_auth: ClientAuth) -> ServerPlan {
        ServerPlan {
            stack: self.server,
            resumption: self.resumption,
            lifetime: HOUR,
            ..server(client_auth, self.versions)
        }
    }

    /// Whether its TLS 1.3 tickets live as long as the plan says. rustls says a day of those of a stateful server.
    fn tells_lifetime(self) -> bool {
        self.server == Stack::OpenSsl || self.resumption == Resumption::Tickets
    }

    fn client(self, key: u64, answer: Answer) -> ClientConfiguration {
        ClientConfiguration {
            stack: self.client,
            ..client(key, answer)
        }
    }
}

/// The session that a second connection resumed, or the one that it offered in vain.
fn fate(handshake: &Handshake) -> (Option<SessionId>, Option<SessionId>) {
    match (&handshake.accepted, &handshake.refused) {
        (Some(server), _) => (server.resumed, server.offered),
        (_, Some(server)) => (None, server.offered),
        _ => panic!("neither accepted nor refused: {handshake:?}"),
    }
}

#[test]
fn an_identity_is_inherited_from_resumption_to_resumption() {
    for way in ways() {
        for (answer, whom) in [
            (Answer::Present(alice()), named(&IdentityPlan::new("alice"))),
            (Answer::Decline, None),
        ] {
            let mut world = World::new(way.plan(ClientAuth::Request));
            let configuration = way.client(1, answer);
            let mut last = world.connect(&configuration, None);
            for _ in 0..3 {
                let (issued, session) = (last.issued.last().copied(), last.session());
                let copy = session.copy();
                assert_eq!(copy.is_some(), way.versions == Versions::Tls12, "{way:?}");
                let mut next = world.connect(&configuration, Some(session));
                let client = next.client.as_ref().unwrap();
                assert!(client.resumed && !client.asked, "{way:?}");
                assert_eq!(client.server_names, [HOST], "{way:?}");
                let server = next.server();
                assert_eq!((server.resumed, server.offered), (issued, None), "{way:?}");
                assert_eq!(server.shown, Shown::NotAsked, "{way:?}");
                assert_eq!(server.identity, whom, "{way:?}");
                let original = server.original.as_ref().unwrap();
                assert_eq!(original.identity, whom, "{way:?}");
                // A TLS 1.2 session goes on serving: OpenSSL's server issues no other in a resumption, and its client does
                // not tell of a ticket that was renewed in one.
                if next.issued.is_empty() || next.sessions.is_empty() {
                    next.issued = last.issued;
                }
                if next.sessions.is_empty() {
                    next.sessions.extend(copy);
                }
                last = next;
            }
        }
    }
}

/// What happens between the two handshakes, and whether the session still serves then.
type Change = (&'static str, fn(&mut World, Way), bool);

#[test]
fn what_holds_now_decides() {
    let changes: [Change; 8] = [
        ("nothing", |_, _| {}, true),
        ("time passes", |world, _| world.driver.advance(HOUR), true),
        (
            "more time passes",
            |world, _| world.driver.advance(HOUR + Duration::from_secs(1)),
            false,
        ),
        (
            "the server forgets",
            |world, _| world.driver.forget_sessions(world.server),
            false,
        ),
        (
            "another server",
            |world, way| {
                let plan = way.plan(ClientAuth::Request);
                world.server = world.driver.add_server(plan, echo).unwrap();
            },
            false,
        ),
        (
            "switched off",
            |world, way| {
                reconfigure(
                    world,
                    ServerPlan {
                        resumption: Resumption::Off,
                        ..way.plan(ClientAuth::Request)
                    },
                );
            },
            false,
        ),
        (
            "now required",
            |world, way| reconfigure(world, way.plan(ClientAuth::Require)),
            true,
        ),
        (
            "other issuers",
            |world, way| {
                reconfigure(
                    world,
                    ServerPlan {
                        accepts: vec![Authority::named("strangers")],
                        ..way.plan(ClientAuth::Request)
                    },
                );
            },
            false,
        ),
    ];
    for way in ways() {
        for (what, change, resumes) in changes {
            let mut world = World::new(way.plan(ClientAuth::Request));
            let configuration = way.client(1, Answer::Present(alice()));
            let mut first = world.connect(&configuration, None);
            let (issued, session) = (first.issued.last().copied(), first.session());
            change(&mut world, way);
            let (resumed, offered) = fate(&world.connect(&configuration, Some(session)));
            assert_eq!(resumed, issued.filter(|_| resumes), "{way:?}: {what}");
            // A client does not offer what it was told is too old, and not every session comes with a time; all else is
            // known for what it is.
            match (what, way.versions) {
                ("more time passes", Versions::Tls13) if way.tells_lifetime() => {
                    assert_eq!(offered, None, "{way:?}");
                }
                ("more time passes", _) => {}
                _ => assert_eq!(resumed.or(offered), issued, "{way:?}: {what}"),
            }
        }
    }
}

fn reconfigure(world: &mut World, plan: ServerPlan) {
    world.driver.reconfigure(world.server, plan).unwrap();
}

#[test]
fn a_bare_session_does_not_satisfy_who_insists() {
    for way in ways() {
        let mut world = World::new(way.plan(ClientAuth::Request));
        let configuration = way.client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        reconfigure(&mut world, way.plan(ClientAuth::Require));
        let second = world.connect(&configuration, Some(first.session()));
        assert_eq!(
            fate(&second),
            (None, first.issued.last().copied()),
            "{way:?}"
        );
        assert!(second.accepted.is_none(), "{way:?}");
    }
}

#[test]
fn another_name_does_not_resume() {
    for way in ways() {
        let names = ["api.test".to_owned(), "www.test".to_owned()];
        let mut world = World::new(ServerPlan {
            names: names.to_vec(),
            ..way.plan(ClientAuth::None)
        });
        let configuration = way.client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        let second = world.connect_as("www.test", &configuration, Some(first.session()));
        assert_eq!(second.server().server_name.as_deref(), Some("www.test"));
        assert_eq!(
            fate(&second),
            (None, first.issued.last().copied()),
            "{way:?}"
        );
    }
}

/// A session is offered under its own key only, and by its own stack only.
#[test]
fn a_session_stays_under_its_key() {
    for way in ways() {
        let mut world = World::new(way.plan(ClientAuth::None));
        let mut first = world.connect(&way.client(1, Answer::Decline), None);
        let second = world.connect(&way.client(2, Answer::Decline), Some(first.session()));
        assert_eq!(fate(&second), (None, None), "{way:?}");
        let mut third = world.connect(&way.client(1, Answer::Decline), None);
        let other = ClientConfiguration {
            stack: match way.client {
                Stack::Rustls => Stack::OpenSsl,
                Stack::OpenSsl => Stack::Rustls,
            },
            ..client(3, Answer::Decline)
        };
        let fourth = world.connect(&other, Some(third.session()));
        assert_eq!(fate(&fourth), (None, None), "{way:?}");
    }
}

/// A server that changes its stack knows a session for what it was, and cannot use it.
#[test]
fn a_session_does_not_change_stack() {
    for way in ways() {
        let mut world = World::new(way.plan(ClientAuth::None));
        let configuration = way.client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        let other = ServerPlan {
            stack: match way.server {
                Stack::Rustls => Stack::OpenSsl,
                Stack::OpenSsl => Stack::Rustls,
            },
            ..way.plan(ClientAuth::None)
        };
        reconfigure(&mut world, other);
        let second = world.connect(&configuration, Some(first.session()));
        assert_eq!(second.server().resumed, None, "{way:?}");
    }
}

/// OpenSSL: as many tickets as the plan says after a full handshake, each its own session, each of a stateful server good
/// for one use.
#[test]
fn tickets_are_counted() {
    for way in ways() {
        if (way.server, way.versions) != (Stack::OpenSsl, Versions::Tls13) {
            continue;
        }
        for tickets in [0, 1, 5] {
            let mut world = World::new(ServerPlan {
                tickets,
                ..way.plan(ClientAuth::None)
            });
            let configuration = way.client(1, Answer::Decline);
            let mut first = world.connect(&configuration, None);
            let counted = (first.sessions.len(), first.issued.len());
            assert_eq!(counted, (tickets, tickets), "{way:?}");
            for number in first.issued.clone().into_iter().rev() {
                let session = first.session();
                let second = world.connect(&configuration, Some(session));
                assert_eq!(fate(&second), (Some(number), None), "{way:?}");
            }
        }
    }
}

/// Each rule, overridden, resumes on the wire what must not be resumed: OpenSSL itself would.
#[test]
fn each_rule_keeps_something_out() {
    struct AsAnyone;
    impl Resumes for AsAnyone {
        fn authenticated_enough(&self, _: &Offer<'_>) -> bool {
            true
        }
    }
    for way in ways() {
        for (resumes, expected) in [
            (Arc::new(Rechecks) as Arc<dyn Resumes>, false),
            (Arc::new(AsAnyone), true),
        ] {
            let mut world = World::with_rules(way.plan(ClientAuth::Request), Rules::from(resumes));
            let configuration = way.client(1, Answer::Decline);
            let mut first = world.connect(&configuration, None);
            reconfigure(&mut world, way.plan(ClientAuth::Require));
            let second = world.connect(&configuration, Some(first.session()));
            assert_eq!(fate(&second).0.is_some(), expected, "{way:?}");
        }
    }
}

/// A late authentication makes new sessions, which stand for whom it authenticated. Those from before it stay bare.
#[test]
fn a_late_authentication_colours_no_earlier_session() {
    for mode in [ClientAuth::Renegotiate, ClientAuth::PostHandshake] {
        let mut world = World::new(ServerPlan {
            stack: Stack::OpenSsl,
            alpn: vec![Protocol::Http11],
            ..server(mode, Versions::Both)
        });
        let configuration = ClientConfiguration {
            stack: Stack::OpenSsl,
            late: LateAnswer::Present(alice()),
            ..client(1, Answer::Decline)
        };
        let mut first = world.connect(&configuration, None);
        let (before, early) = (first.issued.last().copied(), first.session());
        world
            .driver
            .send(first.connection, get("https://api.test/"))
            .unwrap();
        world.driver.run().unwrap();
        let after = issued(&world.driver.observations());
        assert!(after.is_some() && after != before, "{mode:?}");
        let late = world
            .driver
            .events()
            .into_iter()
            .rev()
            .find_map(|it| match it {
                ClientEvent::Session { session, .. } => Some(session),
                _ => None,
            });
        let bare = world.connect(&configuration, Some(early));
        assert_eq!(fate(&bare), (before, None), "{mode:?}");
        assert_eq!(bare.server().identity, None, "{mode:?}");
        let hers = world.connect(&configuration, late);
        assert_eq!(fate(&hers), (after, None), "{mode:?}");
        assert_eq!(
            hers.server().identity,
            named(&IdentityPlan::new("alice")),
            "{mode:?}"
        );
        // Who comes with her session is not asked again.
        let answer = world.fetch(hers.connection, get("https://api.test/"));
        assert_eq!(answer.unwrap().status(), 200, "{mode:?}");
        let asked = |it: &Observation| matches!(it, Observation::LateAuthentication(_));
        assert!(!world.driver.observations().iter().any(asked), "{mode:?}");
    }
}

fn issued(observations: &[Observation]) -> Option<SessionId> {
    observations.iter().rev().find_map(|it| match it {
        Observation::SessionIssued { session, .. } => Some(*session),
        _ => None,
    })
}
