//! Which sessions may be resumed, and as whom? What was true of the original handshake is judged by what holds now.

use std::time::Duration;

use crate::common::*;
use bareflight_handshake_driver::*;

const HOUR: Duration = Duration::from_secs(3600);
const RESUMPTIONS: [Resumption; 2] = [Resumption::Tickets, Resumption::Stateful];

/// Each way to remember sessions in each version.
fn ways() -> impl Iterator<Item = (Versions, Resumption)> {
    VERSIONS
        .into_iter()
        .flat_map(|versions| RESUMPTIONS.map(|resumption| (versions, resumption)))
}

fn plan(client_auth: ClientAuth, versions: Versions, resumption: Resumption) -> ServerPlan {
    ServerPlan {
        resumption,
        ..server(client_auth, versions)
    }
}

#[test]
fn a_server_that_forgets_makes_a_full_handshake_and_knows_what_it_was_offered() {
    for (versions, resumption) in ways() {
        let mut world = World::new(plan(ClientAuth::Request, versions, resumption));
        let configuration = client(1, Answer::Present(alice()));
        let mut first = world.connect(&configuration, None);
        world.driver.forget_sessions(world.server);
        let second = world.connect(&configuration, Some(first.session()));
        let server = second.server();
        assert_eq!(
            (server.resumed, server.offered),
            (None, first.issued.last().copied()),
            "{versions:?} {resumption:?}"
        );
        assert!(server.shown.asked(), "{versions:?} {resumption:?}");
        assert_eq!(server.identity, named(&IdentityPlan::new("alice")));
    }
}

#[test]
fn what_one_server_forgets_another_remembers() {
    for (versions, resumption) in ways() {
        let mut world = World::new(plan(ClientAuth::None, versions, resumption));
        let configuration = client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        let plan = plan(ClientAuth::None, versions, resumption);
        let other = world.driver.add_server(plan, echo).unwrap();
        world.driver.forget_sessions(other);
        let second = world.connect(&configuration, Some(first.session()));
        assert!(
            second.server().resumed.is_some(),
            "{versions:?} {resumption:?}"
        );
    }
}

#[test]
fn no_resumption_no_session() {
    for versions in VERSIONS {
        let mut world = World::new(plan(ClientAuth::None, versions, Resumption::Off));
        let first = world.connect(&client(1, Answer::Decline), None);
        assert!(
            first.sessions.is_empty() && first.issued.is_empty(),
            "{versions:?}"
        );
    }
}

#[test]
fn a_session_lives_as_long_as_the_server_says() {
    for (versions, resumption) in ways() {
        for (age, resumes) in [(HOUR, true), (HOUR + Duration::from_secs(1), false)] {
            let mut world = World::new(ServerPlan {
                lifetime: HOUR,
                ..plan(ClientAuth::None, versions, resumption)
            });
            let configuration = client(1, Answer::Decline);
            let mut first = world.connect(&configuration, None);
            world.driver.advance(age);
            let second = world.connect(&configuration, Some(first.session()));
            assert_eq!(
                second.server().resumed.is_some(),
                resumes,
                "{versions:?} {resumption:?} {age:?}"
            );
        }
    }
}

/// CVE-2014-7189 in spirit: sessions are processed although they were switched off.
#[test]
fn switched_off_means_off_for_older_sessions_too() {
    for (versions, resumption) in ways() {
        let mut world = World::new(plan(ClientAuth::None, versions, resumption));
        let configuration = client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        let off = plan(ClientAuth::None, versions, Resumption::Off);
        world.driver.reconfigure(world.server, off).unwrap();
        let second = world.connect(&configuration, Some(first.session()));
        assert_eq!(second.server().resumed, None, "{versions:?} {resumption:?}");
    }
}

/// A change of the server's policy between two handshakes, and whether the session of the first may still serve.
struct Change {
    what: &'static str,
    answer: Answer,
    modes: [ClientAuth; 2],
    accepts: Vec<Authority>,
    resumes: bool,
}

fn changes() -> Vec<Change> {
    use ClientAuth::{None, Request, Require};
    let (alice, bare) = (|| Answer::Present(alice()), || Answer::Decline);
    let (users, strangers) = (Authority::users, || Authority::named("strangers"));
    let change = |what, answer, modes, accepts, resumes| Change {
        what,
        answer,
        modes,
        accepts,
        resumes,
    };
    #[rustfmt::skip]
    let table = vec![
        change("nothing changes",              alice(), [Require, Require], vec![users()],              true),
        change("required, and there is one",   alice(), [Request, Require], vec![users()],              true),
        change("one more issuer",              alice(), [Require, Require], vec![users(), strangers()], true),
        change("no longer asked",              alice(), [Require, None],    vec![users()],              true),
        change("issuer no longer accepted",    alice(), [Require, Require], vec![strangers()],          false),
        change("bare, and still only asked",   bare(),  [Request, Request], vec![users()],              true),
        change("bare, and now required",       bare(),  [Request, Require], vec![users()],              false),
        change("never asked, and now asked",   bare(),  [None,    Request], vec![users()],              true),
        change("never asked, and now required", bare(), [None,    Require], vec![users()],              false),
    ];
    table
}

/// rustls itself would resume in every case.
#[test]
fn a_session_must_satisfy_the_policy_in_force() {
    for (versions, resumption) in ways() {
        for change in changes() {
            let what = format!("{versions:?} {resumption:?}: {}", change.what);
            let [before, after] = change.modes.map(|mode| plan(mode, versions, resumption));
            let mut world = World::new(before);
            let configuration = client(1, change.answer);
            let mut first = world.connect(&configuration, None);
            let accepts = change.accepts;
            let after = ServerPlan { accepts, ..after };
            world.driver.reconfigure(world.server, after).unwrap();
            let second = world.connect(&configuration, Some(first.session()));
            let (resumed, offered) = match (&second.accepted, &second.refused) {
                (Some(server), _) => (server.resumed, server.offered),
                (_, Some(server)) => (None, server.offered),
                _ => panic!("{what}: neither accepted nor refused"),
            };
            assert_eq!(resumed.is_some(), change.resumes, "{what}");
            assert_eq!(resumed.or(offered), first.issued.last().copied(), "{what}");
        }
    }
}

/// golang/go issue 77113 in spirit: a resumption would outlive the certificate that it stands for.
#[test]
fn a_session_does_not_outlive_the_certificate() {
    let short = IdentityPlan {
        validity: Validity::Until(HOUR),
        ..IdentityPlan::new("shortlived")
    };
    for (versions, resumption) in ways() {
        for (age, resumes) in [(HOUR / 2, true), (HOUR + Duration::from_secs(1), false)] {
            let mut world = World::new(plan(ClientAuth::Request, versions, resumption));
            let configuration = client(1, Answer::Present(identity(&short)));
            let mut first = world.connect(&configuration, None);
            assert_eq!(first.server().identity, named(&short));
            world.driver.advance(age);
            let second = world.connect(&configuration, Some(first.session()));
            let resumed = second
                .accepted
                .as_ref()
                .is_some_and(|server| server.resumed.is_some());
            assert_eq!(resumed, resumes, "{versions:?} {resumption:?} {age:?}");
        }
    }
}

/// RFC 6066 section 3: another name in the ClientHello, no resumption, though one certificate covers both.
#[test]
fn another_name_does_not_resume() {
    for (versions, resumption) in ways() {
        let names = ["api.test".to_owned(), "www.test".to_owned()];
        let mut world = World::new(ServerPlan {
            names: names.to_vec(),
            ..plan(ClientAuth::None, versions, resumption)
        });
        let configuration = client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        assert_eq!(first.client.as_ref().unwrap().server_names, names);
        let second = world.connect_as("www.test", &configuration, Some(first.session()));
        let server = second.server();
        assert_eq!(
            (server.resumed, server.offered),
            (None, first.issued.last().copied()),
            "{versions:?} {resumption:?}"
        );
    }
}

/// A session is good on its own server only, though all servers of a driver know its number.
#[test]
fn another_server_does_not_resume_and_says_what_it_was_offered() {
    for (versions, resumption) in ways() {
        let mut world = World::new(plan(ClientAuth::None, versions, resumption));
        let configuration = client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        world.server = world
            .driver
            .add_server(plan(ClientAuth::None, versions, resumption), echo)
            .unwrap();
        let second = world.connect(&configuration, Some(first.session()));
        let server = second.server();
        assert_eq!(
            (server.resumed, server.offered),
            (None, first.issued.last().copied()),
            "{versions:?} {resumption:?}"
        );
    }
}

/// TLS 1.3: as many tickets as the plan says, each its own session. TLS 1.2: one, which may be offered again.
#[test]
fn tickets_are_counted() {
    for tickets in [0, 1, 5] {
        let mut world = World::new(ServerPlan {
            tickets,
            ..server(ClientAuth::None, Versions::Tls13)
        });
        let configuration = client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        assert_eq!(
            (first.sessions.len(), first.issued.len()),
            (tickets, tickets)
        );
        for number in first.issued.clone().into_iter().rev() {
            let session = first.session();
            assert!(session.copy().is_none(), "a TLS 1.3 ticket serves once");
            assert_eq!(
                world
                    .connect(&configuration, Some(session))
                    .server()
                    .resumed,
                Some(number)
            );
        }
    }
    for resumption in RESUMPTIONS {
        let mut world = World::new(plan(ClientAuth::None, Versions::Tls12, resumption));
        let configuration = client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        assert_eq!(
            (first.sessions.len(), first.issued.len()),
            (1, 1),
            "{resumption:?}"
        );
        let session = first.session();
        for _ in 0..2 {
            let second = world.connect(&configuration, session.copy());
            assert_eq!(
                second.server().resumed,
                first.issued.last().copied(),
                "{resumption:?}"
            );
        }
    }
}

/// A server that sends tickets without end costs a client no more than it keeps: the last 64.
#[test]
fn a_flood_of_tickets_is_bounded() {
    let flood = ServerPlan {
        tickets: 300,
        ..server(ClientAuth::None, Versions::Tls13)
    };
    let mut world = World::new(flood);
    let mut first = world.connect(&client(1, Answer::Decline), None);
    assert_eq!((first.issued.len(), first.sessions.len()), (300, 64));
    let last = first.issued.last().copied();
    let second = world.connect(&client(1, Answer::Decline), Some(first.session()));
    assert_eq!(second.server().resumed, last);
}

/// A chain of resumptions goes on carrying the identity of the handshake that began it.
#[test]
fn an_identity_is_inherited_from_resumption_to_resumption() {
    for (versions, resumption) in ways() {
        let mut world = World::new(plan(ClientAuth::Require, versions, resumption));
        let configuration = client(1, Answer::Present(alice()));
        let mut last = world.connect(&configuration, None);
        for _ in 0..4 {
            last = world.connect(&configuration, Some(last.session()));
            let server = last.server();
            assert!(server.resumed.is_some(), "{versions:?} {resumption:?}");
            assert_eq!(server.identity, named(&IdentityPlan::new("alice")));
            assert_eq!(server.shown, Shown::NotAsked);
        }
    }
}

/// Each version's session is offered in that version only.
#[test]
fn a_session_does_not_change_version() {
    for (made, other) in [
        (Versions::Tls12, Versions::Tls13),
        (Versions::Tls13, Versions::Tls12),
    ] {
        let mut world = World::new(server(ClientAuth::None, made));
        let configuration = client(1, Answer::Decline);
        let mut first = world.connect(&configuration, None);
        world
            .driver
            .reconfigure(world.server, server(ClientAuth::None, other))
            .unwrap();
        let second = world.connect(&configuration, Some(first.session()));
        assert_eq!(second.server().resumed, None, "{made:?} then {other:?}");
        assert!(second.client.is_ok());
    }
}

/// RFC 9846 section 4.6.1: under another name of the certificate, where the server takes it, and as far as the policy of
/// that name lets in whom the session stands for. RFC 6066 section 3: never in TLS 1.2.
#[test]
fn a_session_crosses_names_where_the_server_says_so() {
    use crate::hosts::{OPEN, SECURE, STAFF, WILD, hosts};
    for (versions, resumption) in ways() {
        for across_names in [false, true] {
            let mut world = World::new(ServerPlan {
                across_names,
                resumption,
                ..hosts(versions)
            });
            let bare = client(1, Answer::Decline);
            let alice = client(2, Answer::Present(alice()));
            for (configuration, from, to, satisfied) in [
                (&bare, OPEN, "www.test", true),
                (&bare, OPEN, SECURE, false),
                (&alice, OPEN, SECURE, false),
                (&alice, SECURE, OPEN, true),
                (&alice, SECURE, WILD, true),
                (&alice, SECURE, STAFF, false),
            ] {
                let mut first = world.connect_as(from, configuration, None);
                let second = world.connect_as(to, configuration, Some(first.session()));
                let case = format!("{versions:?} {resumption:?} {across_names} {from} {to}");
                let resumed = second
                    .accepted
                    .as_ref()
                    .and_then(|seen| seen.original.clone());
                let crosses = across_names && versions == Versions::Tls13;
                assert_eq!(resumed.is_some(), satisfied && crosses, "{case}");
                if let Some(original) = resumed {
                    let seen = second.server();
                    assert_eq!(original.server_name.as_deref(), Some(from), "{case}");
                    assert_eq!(original.policy, first.server().policy, "{case}");
                    assert_eq!(seen.server_name.as_deref(), Some(to), "{case}");
                    assert_eq!(seen.identity, first.server().identity, "{case}");
                }
            }
        }
    }
}

/// However often it is resumed, a session goes back to one full handshake.
#[test]
fn a_resumption_remembers_the_first_handshake() {
    for (versions, resumption) in ways() {
        let mut world = World::new(plan(ClientAuth::Require, versions, resumption));
        let configuration = client(1, Answer::Present(alice()));
        world.driver.advance(HOUR);
        let mut last = world.connect(&configuration, None);
        assert_eq!(last.server().original, None);
        for _ in 0..3 {
            world.driver.advance(HOUR / 4);
            last = world.connect(&configuration, Some(last.session()));
            let original = last.server().original.clone().unwrap();
            assert_eq!(original.at, HOUR, "{versions:?} {resumption:?}");
            assert_eq!(original.identity, named(&IdentityPlan::new("alice")));
        }
    }
}

/// RFC 5077 section 5.5: a ticket opens for as long as its key is known. What the server keeps itself is under no key.
#[test]
fn a_ticket_lives_as_long_as_its_key() {
    let minute = Duration::from_secs(60);
    for (versions, resumption) in ways() {
        for (grace, age, opens) in [
            (Duration::ZERO, Duration::ZERO, false),
            (minute, Duration::ZERO, true),
            (minute, minute - Duration::from_secs(1), true),
            (minute, minute, false),
            (2 * HOUR, HOUR, true),
        ] {
            let mut world = World::new(plan(ClientAuth::None, versions, resumption));
            let configuration = client(1, Answer::Decline);
            let mut old = world.connect(&configuration, None);
            world.driver.rotate_ticket_key(world.server, grace);
            let mut new = world.connect(&configuration, None);
            world.driver.advance(age);
            let opens = opens || resumption == Resumption::Stateful;
            for (which, session, resumes) in
                [("old", old.session(), opens), ("new", new.session(), true)]
            {
                let seen = world.connect(&configuration, Some(session));
                let case = format!("{versions:?} {resumption:?} {grace:?} {age:?} {which}");
                assert_eq!(seen.server().resumed.is_some(), resumes, "{case}");
            }
        }
    }
}

/// The key before the last: its grace is its own, and another rotation does not lengthen it.
#[test]
fn a_second_rotation_gives_no_more_grace() {
    let mut world = World::new(server(ClientAuth::None, Versions::Tls13));
    let configuration = client(1, Answer::Decline);
    let mut first = world.connect(&configuration, None);
    world.driver.rotate_ticket_key(world.server, HOUR);
    world.driver.advance(HOUR / 2);
    world.driver.rotate_ticket_key(world.server, HOUR);
    world.driver.advance(HOUR / 2);
    let second = world.connect(&configuration, Some(first.session()));
    assert_eq!(second.server().resumed, None);
}

/// RFC 9846 section 4.1.4: the server asks for another key share; all else is as ever, resumption included.
#[test]
fn a_hello_may_be_sent_again() {
    for (versions, resumption) in ways() {
        for retries in [false, true] {
            let mut world = World::new(ServerPlan {
                retries,
                ..plan(ClientAuth::Require, versions, resumption)
            });
            let configuration = client(1, Answer::Present(alice()));
            let mut first = world.connect(&configuration, None);
            let second = world.connect(&configuration, Some(first.session()));
            for (seen, resumed) in [(&first, false), (&second, true)] {
                let (client, server) = (seen.client.as_ref().unwrap(), seen.server());
                let case = format!("{versions:?} {resumption:?} {retries} {resumed}");
                let retried = retries && versions == Versions::Tls13;
                assert_eq!(
                    (client.retried, server.retried),
                    (retried, retried),
                    "{case}"
                );
                assert_eq!(
                    (client.resumed, server.resumed.is_some()),
                    (resumed, resumed),
                    "{case}"
                );
                assert_eq!(
                    server.identity,
                    named(&IdentityPlan::new("alice")),
                    "{case}"
                );
            }
        }
    }
}
