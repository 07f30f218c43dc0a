//! What goes out before the handshake is over, and who answers for it? Early data: under the session's identity, once, and
//! again after the handshake if it was refused.

use crate::common::*;
use bareflight_handshake_driver::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn plan(client_auth: ClientAuth) -> ServerPlan {
    ServerPlan {
        resumption: Resumption::Stateful,
        early_data: 4096,
        ..server(client_auth, Versions::Tls13)
    }
}

fn early(protocol: Protocol, answer: Answer) -> ClientConfiguration {
    ClientConfiguration {
        early_data: true,
        alpn: vec![protocol],
        ..client(1, answer)
    }
}

/// What came of a connection that was opened with these requests waiting.
struct Seen {
    client: Result<ClientHandshake, EndReason>,
    server: Option<ServerHandshake>,
    /// The requests that arrived, and whether as early data.
    heads: Vec<(String, bool)>,
    answered: usize,
}

fn open(
    world: &mut World,
    configuration: &ClientConfiguration,
    offer: Session,
    requests: &[&str],
) -> Seen {
    let driver = &mut world.driver;
    driver.observations();
    driver.events();
    let begun = driver.begin(world.server, HOST, configuration, Some(offer));
    let connection = begun.unwrap();
    for path in requests {
        let request = get(&format!("https://{HOST}{path}"));
        driver.send(connection, request).unwrap();
    }
    driver.run().unwrap();
    let mut seen = Seen {
        client: driver.handshake(connection).unwrap(),
        server: None,
        heads: Vec::new(),
        answered: 0,
    };
    for observation in driver.observations() {
        match observation {
            Observation::Handshake(server) => seen.server = Some(server),
            Observation::Request(head) => seen.heads.push((head.target, head.early_data)),
            _ => {}
        }
    }
    let answers = driver.events();
    let answer = |it: &&ClientEvent| matches!(it, ClientEvent::Response { .. });
    seen.answered = answers.iter().filter(answer).count();
    seen
}

fn world(client_auth: ClientAuth, configuration: &ClientConfiguration) -> (World, Session) {
    let mut world = World::new(plan(client_auth));
    let session = world.connect(configuration, None).session();
    (world, session)
}

#[test]
fn what_waits_goes_out_early_under_the_identity_of_the_session() {
    for (protocol, as_early) in [
        // HTTP/1.1 sends the second after the answer to the first.
        (Protocol::Http11, [true, false]),
        (Protocol::H2, [true, true]),
    ] {
        let alice = early(protocol, Answer::Present(alice()));
        let (mut world, session) = world(ClientAuth::Require, &alice);
        let seen = open(&mut world, &alice, session, &["/a", "/b"]);
        let (client, server) = (seen.client.unwrap(), seen.server.unwrap());
        assert!(
            client.early_data && client.resumed && !client.asked,
            "{protocol:?}"
        );
        assert!(server.early_data > 0, "{protocol:?}");
        assert_eq!(
            server.identity,
            named(&IdentityPlan::new("alice")),
            "{protocol:?}"
        );
        assert_eq!(server.alpn, Some(protocol), "{protocol:?}");
        let expected = [
            ("/a".to_owned(), as_early[0]),
            ("/b".to_owned(), as_early[1]),
        ];
        assert_eq!(seen.heads, expected, "{protocol:?}");
        assert_eq!(seen.answered, 2, "{protocol:?}");
    }
}

#[test]
fn what_is_refused_is_sent_again_and_arrives_once() {
    type Change = fn(&mut World);
    // Whether the session is still resumed, and early data taken. (The last change is none to this session.)
    let changes: [(&str, Change, bool, bool); 4] = [
        (
            "no more early data",
            |world| reconfigure(world, none_early),
            true,
            false,
        ),
        (
            "the session is forgotten",
            |world| world.driver.forget_sessions(world.server),
            false,
            false,
        ),
        (
            "another share is wanted",
            |world| reconfigure(world, other_share),
            true,
            false,
        ),
        (
            "one more issuer is taken",
            |world| reconfigure(world, more_issuers),
            true,
            true,
        ),
    ];
    for protocol in PROTOCOLS {
        for (what, change, resumes, taken) in changes {
            let alice = early(protocol, Answer::Present(alice()));
            let (mut world, session) = world(ClientAuth::Require, &alice);
            change(&mut world);
            let seen = open(&mut world, &alice, session, &["/a"]);
            let (client, server) = (seen.client.unwrap(), seen.server.unwrap());
            let case = format!("{protocol:?} {what}");
            assert_eq!(
                (client.early_data, server.early_data > 0),
                (taken, taken),
                "{case}"
            );
            assert_eq!(
                (client.resumed, client.asked),
                (resumes, !resumes),
                "{case}"
            );
            assert_eq!(
                server.identity,
                named(&IdentityPlan::new("alice")),
                "{case}"
            );
            assert_eq!(seen.heads, [("/a".to_owned(), taken)], "{case}");
            assert_eq!(seen.answered, 1, "{case}");
        }
    }
}

fn none_early(plan: &mut ServerPlan) {
    plan.early_data = 0;
}

fn other_share(plan: &mut ServerPlan) {
    plan.retries = true;
}

fn more_issuers(plan: &mut ServerPlan) {
    plan.accepts.push(Authority::named("strangers"));
}

fn reconfigure(world: &mut World, change: fn(&mut ServerPlan)) {
    let mut plan = plan(ClientAuth::Require);
    change(&mut plan);
    world.driver.reconfigure(world.server, plan).unwrap();
}

/// The session says how much, and nothing without a session.
#[test]
fn only_as_much_as_the_session_allows() {
    for (early_data, bytes) in [(0, 0), (16, 16)] {
        let bare = early(Protocol::Http11, Answer::Decline);
        let mut world = World::new(ServerPlan {
            early_data,
            ..plan(ClientAuth::Request)
        });
        let session = world.connect(&bare, None).session();
        let seen = open(&mut world, &bare, session, &["/a"]);
        assert_eq!(seen.server.unwrap().early_data, bytes);
        assert_eq!(
            seen.heads,
            [("/a".to_owned(), false)],
            "a part of a head is none"
        );
        assert_eq!(seen.answered, 1);
    }
}

/// With nothing to say early, there is a handshake all the same.
#[test]
fn nothing_to_say() {
    let bare = early(Protocol::H2, Answer::Decline);
    let (mut world, session) = world(ClientAuth::Request, &bare);
    let second = world.connect(&bare, Some(session));
    let client = second.client.as_ref().unwrap();
    assert!(client.resumed && !client.early_data);
    let answer = world.fetch(second.connection, get("https://api.test/later"));
    assert!(answer.is_ok());
    assert!(heads(&mut world.driver).iter().all(|head| !head.early_data));
}

/// A client that goes away when asked says nothing more, though it had spoken early.
#[test]
fn to_be_asked_after_all() {
    let aborts = early(Protocol::Http11, Answer::Abort);
    let (mut world, session) = world(ClientAuth::None, &aborts);
    world.driver.forget_sessions(world.server);
    reconfigure(&mut world, |_| {});
    let seen = open(&mut world, &aborts, session, &["/a"]);
    assert_eq!(seen.client, Err(EndReason::AbortedWhenAsked));
    assert!(seen.server.is_none() && seen.heads.is_empty());
}

/// RFC 9846 section 8.1: a server that could be told twice takes no early data.
#[test]
fn what_could_be_replayed_is_refused() {
    let mut driver = Driver::new(std::sync::Arc::clone(&PKI));
    let tickets = ServerPlan {
        resumption: Resumption::Tickets,
        ..plan(ClientAuth::None)
    };
    let refused = driver.add_server(tickets, echo).unwrap_err();
    assert_eq!(refused, ServerError::EarlyDataReplays);
}

/// The first flight, captured and sent again: nothing of it is served, and its session is known to be used.
#[test]
fn a_replay_is_not_served() {
    let alice = early(Protocol::Http11, Answer::Present(alice()));
    let (mut world, session) = world(ClientAuth::Require, &alice);
    world.driver.capture();
    let seen = open(&mut world, &alice, session, &["/transfer"]);
    assert_eq!(seen.heads, [("/transfer".to_owned(), true)]);
    let first_flight: Vec<u8> = world
        .driver
        .packets()
        .into_iter()
        .take_while(|packet| packet.from_client)
        .flat_map(|packet| packet.bytes)
        .collect();
    assert!(
        first_flight.len() > 300,
        "a ClientHello and early data: {}",
        first_flight.len()
    );

    let ((near, _), (mut attacker, far)) = (tokio::io::duplex(1), tokio::io::duplex(1 << 16));
    let nobody = client(9, Answer::Decline);
    let begun = world
        .driver
        .begin_over((near, far), world.server, HOST, &nobody, None);
    begun.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(attacker.write_all(&first_flight)).unwrap();
    world.driver.run().unwrap();
    // The server answers with a handshake of its own, which the attacker cannot finish.
    let mut answer = [0; 5];
    runtime.block_on(attacker.read_exact(&mut answer)).unwrap();
    assert_eq!(answer[0], 22, "a handshake record");
    drop(attacker);
    world.driver.run().unwrap();
    let observations = world.driver.observations();
    let used = observations.iter().any(|it| match it {
        Observation::Refused(refused) => refused.offered == seen.server.as_ref().unwrap().resumed,
        _ => false,
    });
    assert!(used, "{observations:?}");
    let served =
        |it: &Observation| matches!(it, Observation::Request(_) | Observation::Handshake(_));
    assert!(!observations.iter().any(served), "{observations:?}");
}
