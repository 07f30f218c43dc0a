//! What happens when a server asks? Both stacks at both ends × TLS version × server mode × client answer × protocol, and what
//! each end makes of it. (Servers that ask after the handshake have a table of their own, in `late.rs`.)

use crate::common::*;
use crate::stacks;
use AlertDescription::{
    CertificateExpired, CertificateRequired, HandshakeFailure, UnknownCA, UnsupportedCertificate,
};
use bareflight_handshake_driver::*;

/// What the client answers. (The data of the table; [`Answer`] has the key as well.)
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    Alice,
    Nothing,
    Goodbye,
    /// A certificate that ended before it is shown.
    Expired,
    /// A certificate from an authority that the server does not accept.
    Stranger,
    /// A certificate that is for servers.
    ForServers,
}

/// What becomes of the first handshake.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    /// Both ends are connected; nobody asked.
    NotAsked,
    /// Both ends are connected; the server was shown nothing.
    Declined,
    /// Both ends are connected; the server was shown Alice's certificate.
    Shown,
    /// The server refuses with this alert. In TLS 1.2 the handshake fails; in TLS 1.3 the client has sent its Finished, is
    /// connected, and the alert comes after (RFC 9846 section 6.2).
    Refused(AlertDescription),
    /// The client went away.
    Aborted,
}

/// What becomes of a second handshake that offers the session of the first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Second {
    /// It is resumed, and this is inherited.
    Inherits(Option<&'static str>),
    /// There is no session to offer.
    NoSession,
}

use ClientAuth::{None as Never, Request, Require};
use First::{Aborted, Declined, NotAsked, Refused, Shown as IsShown};
use Says::{Alice, Expired, ForServers, Goodbye, Nothing, Stranger};
use Second::{Inherits, NoSession};
use Versions::{Tls12, Tls13};

const ANSWERS: [Says; 6] = [Alice, Nothing, Goodbye, Expired, Stranger, ForServers];

/// The rows for a server of this stack; the client's makes no difference.
#[rustfmt::skip]
fn table(server: Stack) -> Vec<(Versions, ClientAuth, Says, First, Second)> {
    let mut table = Vec::new();
    for versions in [Tls12, Tls13] {
        // Not asked: the answer is never given. A client that would abort has no reason to.
        table.extend(ANSWERS.map(|says| (versions, Never, says, NotAsked, Inherits(None))));
        // Asked. The session inherits whatever was answered: no Certificate crosses the wire the second time, and yet the
        // connection is Alice's; one that began bare stays bare, though the server would ask in a full handshake.
        table.push((versions, Request, Alice,   IsShown,  Inherits(Some("alice"))));
        table.push((versions, Request, Nothing, Declined, Inherits(None)));
        table.push((versions, Require, Alice,   IsShown,  Inherits(Some("alice"))));
        for mode in [Request, Require] {
            // Aborting fails even where an empty answer would have done: whatwg/fetch issue 869.
            table.push((versions, mode, Goodbye, Aborted, NoSession));
            // A wrong certificate is worse than none: a server that goes on without one refuses it all the same.
            table.push((versions, mode, Expired,    Refused(CertificateExpired), NoSession));
            table.push((versions, mode, Stranger,   Refused(UnknownCA), NoSession));
            table.push((versions, mode, ForServers, Refused(UnsupportedCertificate), NoSession));
        }
    }
    // TLS 1.2 judges the empty Certificate within the handshake. RFC 5246 section 7.4.6 says handshake_failure, and so does
    // OpenSSL; rustls sends the alert that TLS 1.3 added (RFC 9846 section 6.2).
    let in_tls12 = match server {
        Stack::Rustls  => CertificateRequired,
        Stack::OpenSsl => HandshakeFailure,
    };
    table.push((Tls12, Require, Nothing, Refused(in_tls12), NoSession));
    table.push((Tls13, Require, Nothing, Refused(CertificateRequired), NoSession));
    table
}

fn answer(says: Says) -> Answer {
    let wrong = |plan| Answer::Present(identity(&plan));
    match says {
        Alice => Answer::Present(alice()),
        Nothing => Answer::Decline,
        Goodbye => Answer::Abort,
        Expired => wrong(IdentityPlan {
            validity: Validity::Expired,
            ..IdentityPlan::new("expired")
        }),
        Stranger => wrong(IdentityPlan {
            issuer: Authority::named("nobody accepts these"),
            ..IdentityPlan::new("stranger")
        }),
        ForServers => wrong(IdentityPlan {
            usage: Usage::ServerAuth,
            ..IdentityPlan::new("for servers")
        }),
    }
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
struct Cell {
    server: Stack,
    client: Stack,
    versions: Versions,
    mode: ClientAuth,
    says: Says,
    protocol: Protocol,
}

#[test]
fn every_cell() {
    let mut cells = 0;
    for &server in stacks() {
        let table = table(server);
        for &client in stacks() {
            for versions in [Tls12, Tls13] {
                for mode in [Never, Request, Require] {
                    for (says, protocol) in
                        ANSWERS.iter().flat_map(|it| PROTOCOLS.map(|p| (*it, p)))
                    {
                        let is_row = |row: &&(Versions, ClientAuth, Says, First, Second)| {
                            (row.0, row.1, row.2) == (versions, mode, says)
                        };
                        let mut rows = table.iter().filter(is_row);
                        let (.., first, second) = rows.next().expect("a row for each cell");
                        assert!(rows.next().is_none(), "one row for each cell");
                        let cell = Cell {
                            server,
                            client,
                            versions,
                            mode,
                            says,
                            protocol,
                        };
                        cell.check(*first, *second);
                        cells += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cells, stacks().len().pow(2) * 2 * 3 * ANSWERS.len() * 2);
}

impl Cell {
    fn check(self, first: First, second: Second) {
        let mut world = World::new(ServerPlan {
            stack: self.server,
            ..server(self.mode, self.versions)
        });
        let configuration = ClientConfiguration {
            stack: self.client,
            alpn: vec![self.protocol],
            ..client(1, answer(self.says))
        };
        let mut handshake = world.connect(&configuration, None);
        assert_eq!(self.came(&handshake), first, "{self:?}");
        if let Ok(client) = &handshake.client {
            let asked = self.mode != Never;
            assert_eq!(client.asked, asked, "{self:?}: what the client noticed");
            assert_eq!(client.alpn, Some(self.protocol), "{self:?}");
            assert_eq!(client.server_names, [HOST], "{self:?}");
            assert!(!client.resumed, "{self:?}");
        }
        let Inherits(whom) = second else {
            let left = (handshake.sessions.len(), handshake.issued.len());
            assert_eq!(
                left,
                (0, 0),
                "{self:?}: a failed handshake leaves no session"
            );
            return;
        };
        let issued = *handshake.issued.last().unwrap();
        let again = world.connect(&configuration, Some(handshake.session()));
        let client = again.client.as_ref().unwrap();
        assert!(client.resumed && !client.asked, "{self:?}, resumed");
        let server = again.server();
        assert_eq!(
            (server.resumed, server.offered),
            (Some(issued), None),
            "{self:?}, resumed"
        );
        // No Certificate on the wire.
        assert_eq!(server.shown, Shown::NotAsked, "{self:?}, resumed");
        let inherited = whom.and_then(|name| named(&IdentityPlan::new(name)));
        assert_eq!(server.identity, inherited, "{self:?}, resumed");
    }

    fn came(self, handshake: &Handshake) -> First {
        let refused = |alert: AlertDescription| {
            let server = handshake.refused.as_ref().expect("the server refused");
            let shown = match answer(self.says) {
                Answer::Present(key) => {
                    Shown::Identity(Identity::Known(PKI.name_of(&key.cert).unwrap()))
                }
                Answer::Decline | Answer::Abort => Shown::Declined,
            };
            assert_eq!(
                server.shown, shown,
                "{self:?}: what was shown before it failed"
            );
            assert!(
                matches!(server.reason, EndReason::Tls(_)),
                "{self:?}: {server:?}"
            );
            Refused(alert)
        };
        match (
            &handshake.client,
            &handshake.accepted,
            &handshake.refused,
            &handshake.closed,
        ) {
            (Ok(_), Some(server), None, None) => match &server.shown {
                Shown::NotAsked => NotAsked,
                Shown::Declined => Declined,
                shown => {
                    let alice = named(&IdentityPlan::new("alice"));
                    assert_eq!(*shown, Shown::Identity(alice.clone().unwrap()), "{self:?}");
                    assert_eq!(server.identity, alice, "{self:?}");
                    IsShown
                }
            },
            (Ok(_), None, Some(_), Some(EndReason::AlertReceived(alert))) => {
                assert_eq!(
                    self.versions, Tls13,
                    "{self:?}: only TLS 1.3 learns so late"
                );
                refused(*alert)
            }
            (Err(ConnectError::Ended(EndReason::AlertReceived(alert))), None, Some(_), None) => {
                assert_eq!(self.versions, Tls12, "{self:?}: TLS 1.3 learns later");
                refused(*alert)
            }
            (Err(ConnectError::Ended(EndReason::AbortedWhenAsked)), None, Some(server), None) => {
                // Nothing was said after the question, not even an alert.
                assert_eq!(
                    (&server.shown, &server.reason),
                    (&Shown::Unanswered, &EndReason::Truncated),
                    "{self:?}"
                );
                Aborted
            }
            other => panic!("no such cell: {self:?}: {other:?}"),
        }
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
            outcome.unwrap().unwrap_err().reason(),
            Some(&late),
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
