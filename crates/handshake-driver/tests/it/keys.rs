//! Does a session stay under the key that it was obtained under? Both directions, since each fails silently.

use crate::common::*;
use bareflight_handshake_driver::*;

/// A configuration rebuilt for each connection never resumes, and nobody notices.
#[test]
fn the_same_key_resumes() {
    for versions in VERSIONS {
        for answer in [Answer::Decline, Answer::Present(alice())] {
            let mut world = World::new(server(ClientAuth::Request, versions));
            let mut first = world.connect(&client(1, answer.clone()), None);
            let issued = *first.issued.last().unwrap();
            // The configuration is built again by the caller; what counts is the key.
            let second = world.connect(&client(1, answer), Some(first.session()));
            assert!(second.client.as_ref().unwrap().resumed, "{versions:?}");
            assert_eq!(second.server().resumed, Some(issued), "{versions:?}");
        }
    }
}

/// One resolver or verifier shared between keys lets a session cross over: a preflight would inherit a certificate.
#[test]
fn the_session_of_another_key_is_not_even_offered() {
    let bob = identity(&IdentityPlan::new("bob"));
    let pairs = [
        // The same in all but the key, as when only the network partition differs.
        (Answer::Decline, Answer::Decline),
        (Answer::Present(alice()), Answer::Present(alice())),
        (Answer::Present(alice()), Answer::Decline),
        (Answer::Decline, Answer::Present(alice())),
        (Answer::Present(alice()), Answer::Present(bob)),
    ];
    for versions in VERSIONS {
        for (one, other) in &pairs {
            let mut world = World::new(server(ClientAuth::Request, versions));
            let mut first = world.connect(&client(1, one.clone()), None);
            let crossed = world.connect(&client(2, other.clone()), Some(first.session()));
            let server = crossed.server();
            assert_eq!(
                (server.resumed, server.offered),
                (None, None),
                "{versions:?}: {one:?}, then {other:?}"
            );
            assert!(!crossed.client.as_ref().unwrap().resumed);
            assert!(server.shown.asked(), "a full handshake asks");
        }
    }
}

/// What a key stands for does not change.
#[test]
fn a_key_stands_for_one_configuration() {
    let mut world = World::new(server(ClientAuth::None, Versions::Both));
    world
        .connect(&client(1, Answer::Decline), None)
        .client
        .unwrap();
    let others = [
        client(1, Answer::Abort),
        client(1, Answer::Present(alice())),
        ClientConfiguration {
            trust: Trust::Anyone,
            ..client(1, Answer::Decline)
        },
        ClientConfiguration {
            versions: Versions::Tls12,
            ..client(1, Answer::Decline)
        },
    ];
    for other in others {
        let (connection, outcome) = world.driver.connect(world.server, HOST, &other, None);
        assert_eq!(
            (connection, outcome),
            (None, Err(ConnectError::KeyConflict(ConfigKey(1)))),
            "{other:?}"
        );
    }
}

/// A fault may let connections of one key answer differently; their sessions are then one another's.
#[test]
fn a_shared_key_resumes_what_another_answer_obtained() {
    let mut world = World::new(server(ClientAuth::Request, Versions::Tls13));
    let shared = |answer| ClientConfiguration {
        shared: true,
        ..client(1, answer)
    };
    let mut full = world.connect(&shared(Answer::Present(alice())), None);
    let bare = world.connect(&shared(Answer::Decline), Some(full.session()));
    assert!(bare.server().resumed.is_some());
    assert!(
        bare.server().identity.is_some(),
        "the bare connection inherits the identity"
    );
}
