//! Whom do the two ends believe? Certificates that are expired, from strangers, for another name or for another use.

use std::sync::Arc;
use std::time::Duration;

use crate::common::*;
use bareflight_handshake_driver::*;
use rustls::{CertificateError, Error};

const HOUR: Duration = Duration::from_secs(3600);

fn certificate_error(handshake: &Handshake) -> Option<&CertificateError> {
    match &handshake.client {
        Err(ConnectError::Ended(EndReason::Tls(Error::InvalidCertificate(error)))) => Some(error),
        _ => None,
    }
}

#[test]
fn a_client_believes_only_whom_it_trusts() {
    let strangers = Authority::named("strangers");
    let good = || server(ClientAuth::Request, Versions::Both);
    type Expected = fn(&CertificateError) -> bool;
    let cases: [(&str, ServerPlan, &str, bool, Expected); 5] = [
        ("good", good(), HOST, true, |_| false),
        (
            "expired",
            ServerPlan {
                validity: Validity::Expired,
                ..good()
            },
            HOST,
            false,
            |e| matches!(e, CertificateError::ExpiredContext { .. }),
        ),
        (
            "expires meanwhile",
            ServerPlan {
                validity: Validity::Until(HOUR),
                ..good()
            },
            HOST,
            false,
            |e| matches!(e, CertificateError::ExpiredContext { .. }),
        ),
        (
            "stranger",
            ServerPlan {
                issuer: strangers,
                ..good()
            },
            HOST,
            false,
            |e| matches!(e, CertificateError::UnknownIssuer),
        ),
        ("another name", good(), "www.test", false, |e| {
            matches!(e, CertificateError::NotValidForNameContext { .. })
        }),
    ];
    for versions in VERSIONS {
        for (what, plan, name, believed, error) in &cases {
            let mut world = World::new(ServerPlan {
                versions,
                ..plan.clone()
            });
            world.driver.advance(HOUR + HOUR);
            let careful = world.connect_as(name, &client(1, Answer::Decline), None);
            assert_eq!(careful.client.is_ok(), *believed, "{what} {versions:?}");
            if !believed {
                assert!(
                    certificate_error(&careful).is_some_and(error),
                    "{what} {versions:?}: {careful:?}"
                );
                assert!(
                    careful.sessions.is_empty(),
                    "{what} {versions:?}: no session before verification"
                );
                let seen = &careful.refused.as_ref().unwrap().reason;
                assert!(
                    matches!(seen, EndReason::AlertReceived(_)),
                    "{what} {versions:?}: {seen:?}"
                );
            }
            let careless = ClientConfiguration {
                trust: Trust::Anyone,
                ..client(2, Answer::Decline)
            };
            assert!(
                world.connect_as(name, &careless, None).client.is_ok(),
                "{what} {versions:?}"
            );
        }
    }
}

#[test]
fn a_server_says_what_is_wrong_with_a_certificate() {
    use AlertDescription::{CertificateExpired, DecryptError, UnknownCA};
    let expired = IdentityPlan {
        validity: Validity::Expired,
        ..IdentityPlan::new("old")
    };
    let strange = IdentityPlan {
        issuer: Authority::named("strangers"),
        ..IdentityPlan::new("stranger")
    };
    let elsewhere = crate::pki(1).identity(&IdentityPlan::new("alice")).unwrap();
    let cases = [
        (
            "expired",
            identity(&expired),
            named(&expired).unwrap(),
            CertificateExpired,
        ),
        (
            "unaccepted issuer",
            identity(&strange),
            named(&strange).unwrap(),
            UnknownCA,
        ),
        // The same names all along the chain, other keys.
        (
            "another world's",
            elsewhere,
            Identity::Unknown,
            DecryptError,
        ),
    ];
    for (versions, mode) in VERSIONS
        .into_iter()
        .flat_map(|v| [(v, ClientAuth::Request), (v, ClientAuth::Require)])
    {
        for (what, key, who, alert) in &cases {
            let mut world = World::new(server(mode, versions));
            let handshake = world.connect(&client(1, Answer::Present(Arc::clone(key))), None);
            let refused = handshake.refused.as_ref().unwrap();
            // Mode *request* is lenient to clients that show nothing, not to those that show something bad.
            assert_eq!(
                refused.shown,
                Shown::Identity(who.clone()),
                "{what} {versions:?} {mode:?}"
            );
            let end = match (&handshake.client, &handshake.closed) {
                (Ok(_), Some(reason)) => reason,
                (Err(ConnectError::Ended(reason)), None) => reason,
                other => panic!("{what} {versions:?}: {other:?}"),
            };
            assert_eq!(
                end,
                &EndReason::AlertReceived(*alert),
                "{what} {versions:?} {mode:?}"
            );
            // TLS 1.3: the client was connected by then.
            assert_eq!(
                handshake.client.is_ok(),
                versions == Versions::Tls13,
                "{what} {versions:?} {mode:?}"
            );
        }
    }
}

#[test]
fn chains_lead_up_to_the_root() {
    let staff = IdentityPlan {
        issuer: Authority::users().subordinate("staff"),
        ..IdentityPlan::new("dave")
    };
    for versions in VERSIONS {
        let issuer = Authority::servers().subordinate("operations");
        let mut world = World::new(ServerPlan {
            issuer,
            ..server(ClientAuth::Require, versions)
        });
        let configuration = client(1, Answer::Present(identity(&staff)));
        let mut first = world.connect(&configuration, None);
        assert_eq!(first.server().identity, named(&staff), "{versions:?}");
        let second = world.connect(&configuration, Some(first.session()));
        assert!(
            second.server().resumed.is_some() && second.server().identity == named(&staff),
            "{versions:?}"
        );
    }
}

#[test]
fn a_renewed_identity_is_another() {
    for versions in VERSIONS {
        let mut world = World::new(server(ClientAuth::Require, versions));
        let old = IdentityPlan::new("carol");
        let new = old.clone().renewed();
        for (key, plan) in [(1, &old), (2, &new)] {
            let handshake = world.connect(&client(key, Answer::Present(identity(plan))), None);
            assert_eq!(handshake.server().identity, named(plan), "{versions:?}");
        }
    }
}

#[test]
fn no_version_in_common() {
    for (ours, theirs) in [
        (Versions::Tls12, Versions::Tls13),
        (Versions::Tls13, Versions::Tls12),
    ] {
        let mut world = World::new(server(ClientAuth::None, theirs));
        let handshake = world.connect(
            &ClientConfiguration {
                versions: ours,
                ..client(1, Answer::Decline)
            },
            None,
        );
        let reason = EndReason::AlertReceived(AlertDescription::ProtocolVersion);
        assert_eq!(
            handshake.client,
            Err(ConnectError::Ended(reason)),
            "{ours:?} {theirs:?}"
        );
        assert!(handshake.refused.is_some());
    }
}

#[test]
fn both_versions_agree_on_the_newer() {
    let mut world = World::new(server(ClientAuth::None, Versions::Both));
    let handshake = world.connect(&client(1, Answer::Decline), None);
    assert_eq!(handshake.client.unwrap().version, Version::Tls13);
}

#[test]
fn protocols_are_negotiated() {
    use Protocol::{H2, Http11};
    type Offered = &'static [Protocol];
    let cases: [(Offered, Offered, Option<Option<Protocol>>); 5] = [
        (&[H2, Http11], &[Http11, H2], Some(Some(H2))),
        (&[Http11], &[H2, Http11], Some(Some(Http11))),
        (&[], &[H2, Http11], Some(None)),
        (&[H2, Http11], &[], Some(None)),
        // RFC 7301 section 3.2: no_application_protocol.
        (&[Http11], &[H2], None),
    ];
    for (theirs, ours, agreed) in cases {
        let mut world = World::new(ServerPlan {
            alpn: theirs.to_vec(),
            ..server(ClientAuth::None, Versions::Both)
        });
        let configuration = ClientConfiguration {
            alpn: ours.to_vec(),
            ..client(1, Answer::Decline)
        };
        let handshake = world.connect(&configuration, None);
        assert_eq!(
            handshake.client.as_ref().ok().map(|client| client.alpn),
            agreed,
            "{theirs:?} {ours:?}"
        );
        match agreed {
            Some(_) => assert!(
                world
                    .fetch(handshake.connection, get("https://api.test/"))
                    .is_ok()
            ),
            None => assert_eq!(
                handshake.client,
                Err(ConnectError::Ended(EndReason::AlertReceived(
                    AlertDescription::NoApplicationProtocol
                )))
            ),
        }
    }
}
