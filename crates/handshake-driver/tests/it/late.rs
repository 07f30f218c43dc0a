//! What happens when a server asks after the handshake? Both ways to ask, every answer, HTTP/1.1 and HTTP/2.

use crate::common::*;
use bareflight_handshake_driver::*;
use http::Request;

/// What a client does when it is asked late.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    /// rustls, which can but refuse.
    Rustls,
    Refuses,
    Declines,
    Alice,
    /// Alice, in HTTP/2 as well: the fault.
    AliceAnywhere,
}

/// What becomes of a request for a path under protection.
#[derive(Debug, PartialEq)]
enum Came {
    /// It is answered, as this identity.
    Answered(&'static str),
    /// It is answered 403; the client was asked, or could not be.
    Denied(Shown),
    /// The connection ends over it.
    BrokenOff,
}

use Came::{Answered, BrokenOff, Denied};
use ClientAuth::{PostHandshake, Renegotiate};
use Protocol::{H2, Http11};
use Says::{Alice, AliceAnywhere, Declines, Refuses, Rustls};

#[rustfmt::skip]
fn table() -> Vec<(ClientAuth, Protocol, Says, Came)> {
    let not_asked = || Denied(Shown::NotAsked);
    vec![
        // TLS 1.2. A client that does not renegotiate says so with the warning no_renegotiation (RFC 5246 section 7.2.2), and
        // OpenSSL's server then ends the connection with handshake_failure.
        (Renegotiate, Http11, Rustls,   BrokenOff),
        (Renegotiate, Http11, Refuses,  BrokenOff),
        (Renegotiate, Http11, Declines, Denied(Shown::Declined)),
        (Renegotiate, Http11, Alice,    Answered("alice")),
        // HTTP/2 forbids it (RFC 9113 section 9.2.1); who does it all the same is at fault at both ends.
        (Renegotiate, H2, Rustls,        BrokenOff),
        (Renegotiate, H2, Refuses,       BrokenOff),
        (Renegotiate, H2, Declines,      BrokenOff),
        (Renegotiate, H2, Alice,         BrokenOff),
        (Renegotiate, H2, AliceAnywhere, Answered("alice")),
        // TLS 1.3. Who does not offer post_handshake_auth cannot be asked (RFC 9846 section 4.2.6), and is denied.
        (PostHandshake, Http11, Rustls,   not_asked()),
        (PostHandshake, Http11, Refuses,  not_asked()),
        (PostHandshake, Http11, Declines, Denied(Shown::Declined)),
        (PostHandshake, Http11, Alice,    Answered("alice")),
        // The extension is offered before the protocol is known; that the server makes use of it in HTTP/2 is its fault
        // (RFC 9113 section 9.2.3).
        (PostHandshake, H2, Rustls,        not_asked()),
        (PostHandshake, H2, Refuses,       not_asked()),
        (PostHandshake, H2, Declines,      BrokenOff),
        (PostHandshake, H2, Alice,         BrokenOff),
        (PostHandshake, H2, AliceAnywhere, Answered("alice")),
    ]
}

#[test]
fn every_cell() {
    for (mode, protocol, says, must) in table() {
        let came = came(mode, protocol, says);
        assert_eq!(came, must, "{mode:?} {protocol:?} {says:?}");
    }
}

fn plan(mode: ClientAuth, protocol: Protocol) -> ServerPlan {
    ServerPlan {
        stack: Stack::OpenSsl,
        alpn: vec![protocol],
        protects: Protected {
            paths: vec!["/private".to_owned()],
            preflights: true,
            in_http2: LateInHttp2::Asks,
        },
        ..server(mode, Versions::Both)
    }
}

fn asked_late(says: Says, protocol: Protocol) -> ClientConfiguration {
    ClientConfiguration {
        stack: match says {
            Rustls => Stack::Rustls,
            _ => Stack::OpenSsl,
        },
        late: match says {
            Rustls | Refuses => LateAnswer::Refuse,
            Declines => LateAnswer::Decline,
            Alice | AliceAnywhere => LateAnswer::Present(alice()),
        },
        late_in_http2: says == AliceAnywhere,
        alpn: vec![protocol],
        ..client(1, Answer::Decline)
    }
}

fn came(mode: ClientAuth, protocol: Protocol, says: Says) -> Came {
    let cell = format!("{mode:?} {protocol:?} {says:?}");
    let mut world = World::new(plan(mode, protocol));
    let handshake = world.connect(&asked_late(says, protocol), None);
    assert!(!handshake.client.as_ref().unwrap().asked, "{cell}");
    assert_eq!(handshake.server().shown, Shown::NotAsked, "{cell}");
    let connection = handshake.connection;
    // A path that is not under protection is answered as ever.
    let open = world.fetch(connection, get("https://api.test/privateer"));
    assert_eq!(open.unwrap().status(), 200, "{cell}");
    assert_eq!(late(&mut world), [], "{cell}");
    let answer = world.fetch(connection, get("https://api.test/private/1"));
    let seen = late(&mut world);
    let [one] = &*seen else {
        panic!("{cell}: {seen:?}")
    };
    let kind = mode.late().unwrap();
    assert_eq!(
        (one.connection, one.stream, one.kind),
        (connection, StreamId(1), kind),
        "{cell}"
    );
    match answer {
        Ok(answer) if answer.status() == 200 => {
            assert!(!one.refused, "{cell}");
            assert_eq!(one.identity, named(&IdentityPlan::new("alice")), "{cell}");
            // It is alice's from now on: nobody is asked again.
            let again = world.fetch(connection, get("https://api.test/private/2"));
            assert_eq!(again.unwrap().status(), 200, "{cell}");
            assert_eq!(late(&mut world), [], "{cell}");
            Answered("alice")
        }
        Ok(answer) => {
            assert_eq!(
                (answer.status().as_u16(), one.refused),
                (403, false),
                "{cell}"
            );
            assert_eq!(one.identity, None, "{cell}");
            Denied(one.shown.clone())
        }
        Err(_) => {
            assert!(one.refused, "{cell}");
            assert_eq!(
                (&one.shown, &one.identity),
                (&Shown::Unanswered, &None),
                "{cell}"
            );
            BrokenOff
        }
    }
}

fn late(world: &mut World) -> Vec<LateAuthentication> {
    let observations = world.driver.observations().into_iter();
    let late = observations.filter_map(|seen| match seen {
        Observation::LateAuthentication(late) => Some(late),
        _ => None,
    });
    late.collect()
}

/// The caller of a client learns that it was asked, before the answer to its request.
#[test]
fn who_is_asked_late_is_told() {
    for mode in [Renegotiate, PostHandshake] {
        let mut world = World::new(plan(mode, Http11));
        let connection = world
            .connect(&asked_late(Declines, Http11), None)
            .connection;
        world
            .driver
            .send(connection, get("https://api.test/private"))
            .unwrap();
        world.driver.run().unwrap();
        let events = world.driver.events();
        assert!(
            matches!(
                &*events,
                [
                    ClientEvent::AskedLate { .. },
                    ClientEvent::Response { .. },
                    ..
                ]
            ),
            "{events:?}"
        );
    }
}

/// CVE-2019-0215, CVE-2009-3555: each rule of a server that asks late, overridden, lets somebody in on the wire.
#[test]
fn each_rule_keeps_somebody_out() {
    struct TakenAsMet;
    impl Admits for TakenAsMet {
        fn met(&self, _: &LateOutcome) -> bool {
            true
        }
    }
    for (rules, status) in [
        (Rules::default(), 403),
        (
            Rules::from(std::sync::Arc::new(TakenAsMet) as std::sync::Arc<dyn Admits>),
            200,
        ),
    ] {
        let mut world = World::with_rules(plan(PostHandshake, Http11), rules);
        let connection = world
            .connect(&asked_late(Declines, Http11), None)
            .connection;
        let answer = world.fetch(connection, get("https://api.test/private"));
        assert_eq!(answer.unwrap().status(), status);
    }
}

/// One host of a server asks late, and the others do not.
#[test]
fn a_host_of_its_own_may_ask_late() {
    for mode in [Renegotiate, PostHandshake] {
        let secure = HostPlan {
            client_auth: mode,
            ..HostPlan::new(&["secure.test"])
        };
        let mut world = World::new(ServerPlan {
            names: vec![HOST.to_owned(), "secure.test".to_owned()],
            hosts: vec![secure],
            client_auth: ClientAuth::None,
            ..plan(mode, Http11)
        });
        for (name, asked) in [(HOST, 0), ("secure.test", 1)] {
            let handshake = world.connect_as(name, &asked_late(Alice, Http11), None);
            let request = get(&format!("https://{name}/private"));
            let answer = world.fetch(handshake.connection, request);
            assert_eq!(answer.unwrap().status(), 200, "{mode:?} {name}");
            assert_eq!(late(&mut world).len(), asked, "{mode:?} {name}");
        }
    }
}

/// What ended the connection, as the two ends saw it.
fn ends(world: &mut World) -> (Vec<EndReason>, Vec<EndReason>) {
    let server = world.driver.observations().into_iter();
    let server = server.filter_map(|seen| match seen {
        Observation::Closed { reason, .. } => Some(reason),
        _ => None,
    });
    let client = world.driver.events().into_iter();
    let client = client.filter_map(|event| match event {
        ClientEvent::Closed { reason, .. } => Some(reason),
        _ => None,
    });
    (server.collect(), client.collect())
}

fn ask(mode: ClientAuth, protocol: Protocol, configuration: &ClientConfiguration) -> World {
    let mut world = World::new(plan(mode, protocol));
    let connection = world.connect(configuration, None).connection;
    world
        .driver
        .send(connection, get("https://api.test/private"))
        .unwrap();
    world.driver.run().unwrap();
    world
}

/// Both ends say how a connection broke off.
#[test]
fn who_refuses_is_understood() {
    use AlertDescription::{HandshakeFailure, NoRenegotiation};
    for says in [Rustls, Refuses] {
        let mut world = ask(Renegotiate, Http11, &asked_late(says, Http11));
        let (server, client) = ends(&mut world);
        assert_eq!(
            server,
            [EndReason::AlertReceived(NoRenegotiation)],
            "{says:?}"
        );
        assert_eq!(
            client,
            [EndReason::AlertReceived(HandshakeFailure)],
            "{says:?}"
        );
    }
    for mode in [Renegotiate, PostHandshake] {
        let (_, client) = ends(&mut ask(mode, H2, &asked_late(Alice, H2)));
        assert_eq!(client, [EndReason::AskedLateInHttp2], "{mode:?}");
    }
}

/// A certificate that does not pass is worse than none, late as early: the server ends the connection with an alert.
#[test]
fn a_wrong_certificate_breaks_off() {
    use AlertDescription::{CertificateExpired, UnknownCA, UnsupportedCertificate};
    let plan = IdentityPlan::new;
    let wrong = [
        (
            IdentityPlan {
                validity: Validity::Expired,
                ..plan("expired")
            },
            CertificateExpired,
        ),
        (
            IdentityPlan {
                issuer: Authority::named("strangers"),
                ..plan("stranger")
            },
            UnknownCA,
        ),
        (
            IdentityPlan {
                usage: Usage::ServerAuth,
                ..plan("for servers")
            },
            UnsupportedCertificate,
        ),
    ];
    for mode in [Renegotiate, PostHandshake] {
        for (who, alert) in &wrong {
            let configuration = ClientConfiguration {
                late: LateAnswer::Present(identity(who)),
                ..asked_late(Alice, Http11)
            };
            let mut world = ask(mode, Http11, &configuration);
            let seen = world.driver.observations();
            let answered = |seen: &Observation| matches!(seen, Observation::Answered { .. });
            let late = seen.iter().find_map(|seen| match seen {
                Observation::LateAuthentication(late) => Some(late.clone()),
                _ => None,
            });
            let late = late.unwrap();
            assert!(!seen.iter().any(answered), "{mode:?} {alert:?}");
            assert_eq!(late.shown, Shown::Identity(named(who).unwrap()), "{mode:?}");
            assert_eq!((late.identity, late.refused), (None, true), "{mode:?}");
            let (_, client) = ends(&mut world);
            assert_eq!(client, [EndReason::AlertReceived(*alert)], "{mode:?}");
        }
    }
}

/// CVE-2009-3555: three requests are under way when the first is authenticated. The others arrived before that, and are asked
/// for themselves; with the rule overridden they pass as hers.
#[test]
fn an_authentication_covers_nothing_from_before() {
    struct Backwards;
    impl Admits for Backwards {
        fn covers(&self, _: &Authenticated, _: StreamId) -> bool {
            true
        }
    }
    let flights = [
        (PostHandshake, H2, AliceAnywhere, [0, 0, 0]),
        (PostHandshake, Http11, Alice, [0, 1, 2]),
        (Renegotiate, Http11, Alice, [0, 1, 2]),
    ];
    for (mode, protocol, says, behind) in flights {
        let backwards = std::sync::Arc::new(Backwards) as std::sync::Arc<dyn Admits>;
        for (rules, asked) in [(Rules::default(), 3), (Rules::from(backwards), 1)] {
            let cell = format!("{mode:?} {protocol:?} {asked}");
            let mut world = World::with_rules(plan(mode, protocol), rules);
            let connection = world.connect(&asked_late(says, protocol), None).connection;
            let request = |path: &str| get(&format!("https://api.test/private/{path}"));
            let others = vec![request("2"), request("3")];
            let first = world.driver.send_flight(connection, request("1"), others);
            assert_eq!(first, Ok(StreamId(0)), "{cell}");
            world.driver.run().unwrap();
            let seen = world.driver.observations();
            let heads = seen.iter().filter_map(|seen| match seen {
                Observation::Request(head) => Some((head.stream.0, head.behind)),
                _ => None,
            });
            let expected = (0..).zip(behind).collect::<Vec<_>>();
            assert_eq!(heads.collect::<Vec<_>>(), expected, "{cell}");
            let late = seen.iter().filter_map(|seen| match seen {
                Observation::LateAuthentication(late) => Some(late.stream.0),
                _ => None,
            });
            assert_eq!(
                late.collect::<Vec<_>>(),
                (0..asked).collect::<Vec<_>>(),
                "{cell}"
            );
            let mut answered: Vec<u64> = answered(&mut world);
            answered.sort_unstable();
            assert_eq!(answered, [0, 1, 2], "{cell}");
            // What is sent afterwards is hers.
            let again = world.fetch(connection, request("4"));
            assert_eq!(again.unwrap().status(), 200, "{cell}");
            assert!(self::late(&mut world).is_empty(), "{cell}");
        }
    }
}

/// What lies before the answer to a late question is read, however much it is; and a request without a length that can be told,
/// behind which nobody knows what had arrived.
#[test]
fn whatever_follows_is_asked_for_itself() {
    let put =
        |body: usize| Request::put("https://api.test/private/1").body(vec![b'a'; body].into());
    let mut chunked = put(10).unwrap();
    chunked
        .headers_mut()
        .insert("transfer-encoding", "chunked".parse().unwrap());
    let flights = [
        (get("https://api.test/private/1"), put(40_000).unwrap()),
        (put(20_000).unwrap(), put(40_000).unwrap()),
        (chunked, get("https://api.test/private/2")),
    ];
    for mode in [PostHandshake, Renegotiate] {
        for (first, second) in &flights {
            let mut world = World::new(plan(mode, Http11));
            let connection = world.connect(&asked_late(Alice, Http11), None).connection;
            let flight = (first.clone(), vec![second.clone()]);
            world
                .driver
                .send_flight(connection, flight.0, flight.1)
                .unwrap();
            world.driver.run().unwrap();
            let cell = format!("{mode:?} {} {:?}", first.method(), first.headers());
            assert_eq!(answered(&mut world), [0, 1], "{cell}");
            let asked: Vec<_> = late(&mut world).iter().map(|it| it.stream.0).collect();
            assert_eq!(asked, [0, 1], "{cell}");
        }
    }
}

/// The requests that were answered 200.
fn answered(world: &mut World) -> Vec<u64> {
    let events = world.driver.events().into_iter();
    let answered = events.filter_map(|event| match event {
        ClientEvent::Response {
            stream, response, ..
        } if response.status() == 200 => Some(stream.0),
        _ => None,
    });
    answered.collect()
}

#[test]
fn a_plan_that_cannot_be_is_refused() {
    let mut driver = Driver::new(std::sync::Arc::clone(&PKI));
    for mode in [Renegotiate, PostHandshake] {
        let with_rustls = ServerPlan {
            stack: Stack::Rustls,
            ..plan(mode, Http11)
        };
        assert_eq!(
            driver.add_server(with_rustls, echo),
            Err(ServerError::CannotAskLate(mode))
        );
    }
    let wrong = ServerPlan {
        versions: Versions::Tls13,
        ..plan(Renegotiate, Http11)
    };
    assert_eq!(
        driver.add_server(wrong, echo),
        Err(ServerError::VersionOfMode(Renegotiate, Version::Tls12))
    );
    let host = |client_auth| {
        vec![HostPlan {
            client_auth,
            ..HostPlan::new(&["secure.test"])
        }]
    };
    let with_rustls = ServerPlan {
        hosts: host(Renegotiate),
        ..server(ClientAuth::None, Versions::Both)
    };
    assert_eq!(
        driver.add_server(with_rustls, echo),
        Err(ServerError::CannotAskLate(Renegotiate))
    );
    let of_two_minds = ServerPlan {
        hosts: host(Renegotiate),
        ..plan(PostHandshake, Http11)
    };
    assert_eq!(
        driver.add_server(of_two_minds, echo),
        Err(ServerError::VersionOfMode(Renegotiate, Version::Tls12))
    );
    let late = ClientConfiguration {
        stack: Stack::Rustls,
        ..asked_late(Declines, Http11)
    };
    let server = driver.add_server(plan(Renegotiate, Http11), echo).unwrap();
    let (_, outcome) = driver.connect(server, HOST, &late, None);
    assert_eq!(outcome, Err(ConnectError::CannotAnswerLate(ConfigKey(1))));
}
