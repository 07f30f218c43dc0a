//! What happens when a server asks? Every TLS version × server mode × client answer, first and resumed, and what each end
//! makes of it.

use crate::common::*;
use AlertDescription::CertificateRequired;
use bareflight_handshake_driver::*;

/// What the client answers. (The data of the table; [`Answer`] has the key as well.)
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    Alice,
    Nothing,
    Goodbye,
}

/// What becomes of the first handshake.
#[derive(Debug, PartialEq)]
enum First {
    /// Both ends are connected; the server saw this.
    Connected(Shown),
    /// The client is connected, and then the server's alert arrives.
    ConnectedThenClosed(AlertDescription),
    /// The handshake fails at the client with this alert.
    Refused(AlertDescription),
    /// The client went away.
    Aborted,
}

/// What becomes of the second handshake, which offers the session of the first.
#[derive(Debug, PartialEq)]
enum Second {
    /// It is resumed, and this is inherited.
    Inherits(Option<&'static str>),
    /// There is no session to offer.
    NoSession,
}

use ClientAuth::{None as Never, Request, Require};
use First::{Aborted, Connected, ConnectedThenClosed, Refused};
use Says::{Alice, Goodbye, Nothing};
use Second::{Inherits, NoSession};
use Versions::{Tls12, Tls13};

fn shown_alice() -> Shown {
    Shown::Identity(named(&IdentityPlan::new("alice")).unwrap())
}

#[rustfmt::skip]
fn table() -> Vec<(Versions, ClientAuth, Says, First, Second)> {
    vec![
        // Not asked: the answer is never given. A client that would abort has no reason to.
        (Tls12, Never, Alice,   Connected(Shown::NotAsked), Inherits(None)),
        (Tls12, Never, Nothing, Connected(Shown::NotAsked), Inherits(None)),
        (Tls12, Never, Goodbye, Connected(Shown::NotAsked), Inherits(None)),
        (Tls13, Never, Alice,   Connected(Shown::NotAsked), Inherits(None)),
        (Tls13, Never, Nothing, Connected(Shown::NotAsked), Inherits(None)),
        (Tls13, Never, Goodbye, Connected(Shown::NotAsked), Inherits(None)),
        // Asked. The session inherits whatever was answered: no Certificate crosses the wire the second time, and yet the
        // connection is Alice's; one that began bare stays bare, though the server would ask in a full handshake.
        (Tls12, Request, Alice,   Connected(shown_alice()),   Inherits(Some("alice"))),
        (Tls12, Request, Nothing, Connected(Shown::Declined), Inherits(None)),
        (Tls13, Request, Alice,   Connected(shown_alice()),   Inherits(Some("alice"))),
        (Tls13, Request, Nothing, Connected(Shown::Declined), Inherits(None)),
        // Aborting fails even where an empty answer would have done: whatwg/fetch issue 869.
        (Tls12, Request, Goodbye, Aborted, NoSession),
        (Tls13, Request, Goodbye, Aborted, NoSession),
        (Tls12, Require, Alice,   Connected(shown_alice()),   Inherits(Some("alice"))),
        (Tls13, Require, Alice,   Connected(shown_alice()),   Inherits(Some("alice"))),
        // TLS 1.2 judges the empty Certificate within the handshake. RFC 5246 section 7.4.6 says handshake_failure, and
        // so does OpenSSL; rustls sends the alert that TLS 1.3 added.
        (Tls12, Require, Nothing, Refused(CertificateRequired), NoSession),
        // TLS 1.3: the client has sent its Finished and is connected; the alert comes after (RFC 9846 section 6.2).
        (Tls13, Require, Nothing, ConnectedThenClosed(CertificateRequired), NoSession),
        (Tls12, Require, Goodbye, Aborted, NoSession),
        (Tls13, Require, Goodbye, Aborted, NoSession),
    ]
}

fn answer(says: Says) -> Answer {
    match says {
        Alice => Answer::Present(alice()),
        Nothing => Answer::Decline,
        Goodbye => Answer::Abort,
    }
}

#[test]
fn every_cell() {
    let table = table();
    for versions in [Tls12, Tls13] {
        for mode in [Never, Request, Require] {
            for says in [Alice, Nothing, Goodbye] {
                for protocol in PROTOCOLS {
                    let mut rows = table
                        .iter()
                        .filter(|row| (row.0, row.1, row.2) == (versions, mode, says));
                    let (.., first, second) = rows.next().expect("a row for each cell");
                    assert!(rows.next().is_none(), "one row for each cell");
                    cell(versions, mode, says, protocol, first, second);
                }
            }
        }
    }
}

fn cell(
    versions: Versions,
    mode: ClientAuth,
    says: Says,
    protocol: Protocol,
    first: &First,
    second: &Second,
) {
    let cell = format!("{versions:?} {mode:?} {says:?} {protocol:?}");
    let mut world = World::new(server(mode, versions));
    let configuration = ClientConfiguration {
        alpn: vec![protocol],
        ..client(1, answer(says))
    };
    let mut handshake = world.connect(&configuration, None);
    assert_eq!(&what_happened(&handshake), first, "{cell}");
    if let Ok(client) = &handshake.client {
        assert_eq!(
            client.asked,
            mode != Never,
            "{cell}: what the client noticed"
        );
        assert_eq!(client.alpn, Some(protocol), "{cell}");
        assert_eq!(client.server_names, [HOST], "{cell}");
        assert!(!client.resumed, "{cell}");
    }
    let Inherits(whom) = second else {
        assert!(
            handshake.sessions.is_empty(),
            "{cell}: a failed handshake leaves no session"
        );
        assert!(handshake.issued.is_empty(), "{cell}");
        return;
    };
    let issued = *handshake.issued.last().unwrap();
    let again = world.connect(&configuration, Some(handshake.session()));
    let client = again.client.as_ref().unwrap();
    assert!(client.resumed && !client.asked, "{cell}, resumed");
    let server = again.server();
    assert_eq!(server.resumed, Some(issued), "{cell}, resumed");
    assert_eq!(server.offered, None, "{cell}, resumed");
    assert_eq!(
        server.shown,
        Shown::NotAsked,
        "{cell}, resumed: no Certificate on the wire"
    );
    assert_eq!(
        server.identity,
        whom.and_then(|name| named(&IdentityPlan::new(name))),
        "{cell}, resumed"
    );
}

fn what_happened(handshake: &Handshake) -> First {
    match (
        &handshake.client,
        &handshake.accepted,
        &handshake.refused,
        &handshake.closed,
    ) {
        (Ok(_), Some(server), None, None) => Connected(server.shown.clone()),
        (Ok(_), None, Some(server), Some(EndReason::AlertReceived(alert))) => {
            assert_eq!(server.shown, Shown::Declined);
            assert_eq!(
                server.reason,
                EndReason::Tls(rustls::Error::NoCertificatesPresented)
            );
            ConnectedThenClosed(*alert)
        }
        (Err(ConnectError::Ended(EndReason::AlertReceived(alert))), None, Some(server), None) => {
            assert_eq!(server.shown, Shown::Declined);
            Refused(*alert)
        }
        (Err(ConnectError::Ended(EndReason::AbortedWhenAsked)), None, Some(server), None) => {
            // Nothing was said after the question, not even an alert.
            assert_eq!(
                (&server.shown, &server.reason),
                (&Shown::Unanswered, &EndReason::Truncated)
            );
            Aborted
        }
        other => panic!("no such cell: {other:?}"),
    }
}

/// The request that a TLS 1.3 client sends along with its last flight fails with the reason that the handshake should
/// have failed with; one sent afterwards finds the connection closed.
#[test]
fn the_late_alert_reaches_the_request() {
    for protocol in PROTOCOLS {
        let late = EndReason::AlertReceived(CertificateRequired);
        let mut world = World::new(server(Require, Tls13));
        let configuration = ClientConfiguration {
            alpn: vec![protocol],
            ..client(1, Answer::Decline)
        };
        let connection = world
            .driver
            .begin(world.server, HOST, &configuration, None)
            .unwrap();
        let stream = world
            .driver
            .send(connection, get("https://api.test/"))
            .unwrap();
        world.driver.run().unwrap();
        assert!(
            world.driver.handshake(connection).unwrap().is_ok(),
            "the client was connected"
        );
        let outcome = outcome(world.driver.events(), connection, stream);
        assert_eq!(
            outcome.unwrap().unwrap_err(),
            StreamError::Ended(late.clone()),
            "{protocol:?}"
        );
        let again = world.driver.send(connection, get("https://api.test/"));
        assert_eq!(again, Err(StreamError::Ended(late)), "{protocol:?}");
        assert!(
            !world
                .driver
                .observations()
                .iter()
                .any(|o| matches!(o, Observation::Request(_)))
        );
    }
}
