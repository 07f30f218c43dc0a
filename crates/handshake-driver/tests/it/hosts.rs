//! Under which policy is a connection, and which requests does it serve? Several hosts with policies of their own on one
//! server, with one certificate.

use std::sync::Arc;

use crate::common::*;
use crate::stacks;
use bareflight_handshake_driver::*;
use http::StatusCode;

pub(crate) const OPEN: &str = "open.test";
pub(crate) const SECURE: &str = "secure.test";
pub(crate) const STAFF: &str = "staff.test";
pub(crate) const WILD: &str = "a.wild.test";

pub(crate) fn staff() -> Authority {
    Authority::named("staff")
}

/// An open server of which three hosts insist: one on users, one on staff, and one of many names.
pub(crate) fn hosts(versions: Versions) -> ServerPlan {
    let require = |name, accepts| HostPlan {
        client_auth: ClientAuth::Require,
        accepts: vec![accepts],
        ..HostPlan::new(&[name])
    };
    ServerPlan {
        hosts: vec![
            require(SECURE, Authority::users()),
            require(STAFF, staff()),
            require("*.wild.test", Authority::users()),
        ],
        versions,
        ..ServerPlan::new(&[OPEN, "www.test", SECURE, STAFF, "*.wild.test"])
    }
}

fn mallory() -> IdentityPlan {
    IdentityPlan {
        issuer: staff(),
        ..IdentityPlan::new("mallory")
    }
}

/// What came of a request for `host` on a connection that was opened for `name`.
struct Seen {
    policy: ClientAuth,
    wanted: ClientAuth,
    status: StatusCode,
}

fn ask(world: &mut World, configuration: &ClientConfiguration, name: &str, host: &str) -> Seen {
    let handshake = world.connect_as(name, configuration, None);
    let policy = handshake.server().policy.client_auth;
    let url = format!("https://{host}/");
    let response = world.fetch(handshake.connection, get(&url)).unwrap();
    let head = heads(&mut world.driver).pop().unwrap();
    let turned_away = (response.status() != StatusCode::OK).then(|| response.status());
    assert_eq!(head.turned_away, turned_away, "{name} {host}");
    Seen {
        policy,
        wanted: head.policy.client_auth,
        status: response.status(),
    }
}

#[test]
fn the_name_in_the_hello_picks_the_policy() {
    let all = stacks().iter().flat_map(|s| VERSIONS.map(|v| (*s, v)));
    for (stack, versions) in all {
        let mut world = World::new(ServerPlan {
            stack,
            ..hosts(versions)
        });
        let alice = client(1, Answer::Present(alice()));
        let mallory = client(2, Answer::Present(identity(&mallory())));
        let bare = client(3, Answer::Decline);
        for (name, configuration, index, accepted) in [
            (OPEN, &bare, None, true),
            ("www.test", &bare, None, true),
            (SECURE, &bare, Some(0), false),
            (SECURE, &alice, Some(0), true),
            (SECURE, &mallory, Some(0), false),
            (STAFF, &alice, Some(1), false),
            (STAFF, &mallory, Some(1), true),
            (WILD, &bare, Some(2), false),
            (WILD, &alice, Some(2), true),
            ("A.WILD.test", &bare, Some(2), false),
        ] {
            let handshake = world.connect_as(name, configuration, None);
            let case = format!("{versions:?} {name}");
            assert_eq!(handshake.accepted.is_some(), accepted, "{case}");
            let Some(seen) = handshake.accepted else {
                continue;
            };
            let names = index.map_or(Vec::new(), |at: usize| {
                hosts(versions).hosts[at].names.clone()
            });
            assert_eq!(seen.policy.names, names, "{case}");
            assert_eq!(seen.shown.asked(), index.is_some(), "{case}");
        }
    }
}

/// Without a name, or under an address, the server's own policy is in force, and what insists on more is not served.
#[test]
fn no_name_is_the_servers_own_policy() {
    let mut world = World::new(hosts(Versions::Both));
    let configuration = ClientConfiguration {
        trust: Trust::Anyone,
        ..client(1, Answer::Present(alice()))
    };
    for (host, status) in [(OPEN, 200), (SECURE, 421), (WILD, 421)] {
        let seen = ask(&mut world, &configuration, "192.0.2.1", host);
        assert_eq!(
            (seen.policy, seen.status.as_u16()),
            (ClientAuth::None, status),
            "{host}"
        );
    }
}

#[test]
fn a_request_belongs_on_a_connection_that_meets_its_hosts_policy() {
    use ClientAuth::{None, Require};
    for protocol in PROTOCOLS {
        let mut world = World::new(hosts(Versions::Both));
        let alice = ClientConfiguration {
            alpn: vec![protocol],
            ..client(1, Answer::Present(alice()))
        };
        for (name, host, wanted, status) in [
            (OPEN, OPEN, None, 200),
            (OPEN, "open.test:8443", None, 200),
            (OPEN, "www.test", None, 200),
            (OPEN, "elsewhere.test", None, 200),
            (OPEN, SECURE, Require, 421),
            (OPEN, "SECURE.test", Require, 421),
            (OPEN, "secure.test.", Require, 421),
            (OPEN, "secure.test:8443", Require, 421),
            (OPEN, WILD, Require, 421),
            (SECURE, SECURE, Require, 200),
            (SECURE, "Secure.Test.", Require, 200),
            (SECURE, OPEN, None, 200),
            // Another host, which would have let the same person in, and one that would not.
            (SECURE, WILD, Require, 200),
            (SECURE, STAFF, Require, 421),
        ] {
            let seen = ask(&mut world, &alice, name, host);
            let case = format!("{protocol:?} {name} {host}");
            assert_eq!(
                (seen.wanted, seen.status.as_u16()),
                (wanted, status),
                "{case}"
            );
        }
    }
}

/// Fetch, HTTP-network fetch: after 421 once more, on a connection of its own. Opened for that host it is let in.
#[test]
fn a_misdirected_request_succeeds_on_a_connection_of_its_own() {
    for (versions, protocol) in VERSIONS.into_iter().zip(PROTOCOLS) {
        let mut world = World::new(hosts(versions));
        let alice = ClientConfiguration {
            alpn: vec![protocol],
            ..client(1, Answer::Present(alice()))
        };
        // The certificate covers both names, which is what tempts a client to coalesce.
        assert_eq!(
            ask(&mut world, &alice, OPEN, SECURE).status,
            StatusCode::MISDIRECTED_REQUEST
        );
        assert_eq!(
            ask(&mut world, &alice, SECURE, SECURE).status,
            StatusCode::OK
        );
    }
}

/// A host that asks and does not insist: who declined there was at least asked.
#[test]
fn to_have_declined_is_to_have_been_asked() {
    let ask_for = |name, accepts| HostPlan {
        client_auth: ClientAuth::Request,
        accepts: vec![accepts],
        ..HostPlan::new(&[name])
    };
    let plan = ServerPlan {
        hosts: vec![
            ask_for(SECURE, Authority::users()),
            ask_for("also.test", Authority::users()),
            ask_for(STAFF, staff()),
        ],
        ..ServerPlan::new(&[OPEN, SECURE, "also.test", STAFF])
    };
    let mut world = World::new(plan);
    for (answer, name, host, status) in [
        (Answer::Decline, SECURE, "also.test", 200),
        (Answer::Decline, SECURE, STAFF, 421),
        (Answer::Decline, OPEN, SECURE, 421),
        (Answer::Present(alice()), SECURE, "also.test", 200),
        (Answer::Present(alice()), SECURE, STAFF, 421),
    ] {
        let key = if answer == Answer::Decline { 1 } else { 2 };
        let seen = ask(&mut world, &client(key, answer), name, host);
        assert_eq!(seen.status.as_u16(), status, "{name} {host}");
    }
}

#[test]
fn what_cannot_be_read_is_a_bad_request() {
    let mut world = World::new(hosts(Versions::Both));
    for host in ["not a host", "open.test@secure.test", ""] {
        let handshake = world.connect_as(OPEN, &client(1, Answer::Decline), None);
        let request = http::Request::get("/").header("host", host);
        let request = request.body(bytes::Bytes::new()).unwrap();
        let response = world.fetch(handshake.connection, request).unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{host:?}");
        let head = heads(&mut world.driver).pop().unwrap();
        assert_eq!(head.turned_away, Some(StatusCode::BAD_REQUEST), "{host:?}");
        assert_eq!(head.authority, None, "{host:?}");
    }
}

/// The seam: each known fault, as an override of one decision, serves a client whom the host's policy would not let in.
mod faults {
    use super::*;

    /// nginx before 2013, CVE-2018-21246, CVE-2025-66614.
    struct RoutesByHostAlone;
    impl Routes for RoutesByHostAlone {
        fn belongs(&self, _: &Route<'_>) -> bool {
            true
        }
    }

    /// CVE-2026-32305, CVE-2026-75595.
    struct DefaultPolicyOnParseError;
    impl Routes for DefaultPolicyOnParseError {
        fn name_asked<'a>(&self, hello: &Hello<'a>) -> Option<&'a str> {
            hello.server_name.filter(|_| !hello.fragmented)
        }
    }

    /// CVE-2026-85597.
    struct DefaultPolicyOnConflict;
    impl Routes for DefaultPolicyOnConflict {
        fn settle(&self, claimants: &[ClientAuth]) -> usize {
            let open = |mode: &ClientAuth| *mode == ClientAuth::None;
            claimants.iter().position(open).unwrap_or(0)
        }
    }

    /// CVE-2026-48491, CVE-2026-53622.
    struct ExactNameLookup;
    impl Routes for ExactNameLookup {
        fn covers(&self, pattern: &str, name: &str) -> bool {
            pattern == name
        }
    }

    /// A fault, and the client that meets it: the name it connects with, the host it asks for, the records it sends.
    struct Case {
        fault: Arc<dyn Routes>,
        name: &'static str,
        host: &'static str,
        largest_record: Option<usize>,
    }

    fn cases() -> Vec<Case> {
        let case = |fault, name, host, largest_record| Case {
            fault,
            name,
            host,
            largest_record,
        };
        vec![
            case(Arc::new(RoutesByHostAlone), OPEN, SECURE, None),
            case(
                Arc::new(DefaultPolicyOnParseError),
                SECURE,
                SECURE,
                Some(64),
            ),
            case(
                Arc::new(DefaultPolicyOnConflict),
                "twice.test",
                "twice.test",
                None,
            ),
            case(Arc::new(ExactNameLookup), WILD, WILD, None),
            case(Arc::new(ExactNameLookup), OPEN, "Secure.test", None),
        ]
    }

    /// Whether the responder was asked for `host`, by somebody without a certificate, though its policy insists on one.
    fn served(case: &Case, routes: Arc<dyn Routes>, versions: Versions) -> bool {
        let mut plan = hosts(versions);
        plan.names.push("twice.test".to_owned());
        for client_auth in [ClientAuth::Require, ClientAuth::None] {
            plan.hosts.push(HostPlan {
                client_auth,
                ..HostPlan::new(&["twice.test"])
            });
        }
        let mut world = World::with_rules(plan, routes);
        let configuration = ClientConfiguration {
            largest_record: case.largest_record,
            ..client(1, Answer::Decline)
        };
        let handshake = world.connect_as(case.name, &configuration, None);
        if handshake.accepted.is_none() {
            return false;
        }
        let url = format!("https://{}/", case.host);
        let response = world.fetch(handshake.connection, get(&url));
        response.is_ok_and(|response| response.status() == StatusCode::OK)
    }

    #[test]
    fn each_decision_keeps_somebody_out() {
        for versions in VERSIONS {
            for case in cases() {
                let what = format!("{versions:?} {} {}", case.name, case.host);
                assert!(!served(&case, Arc::new(Checks), versions), "{what}");
                assert!(served(&case, Arc::clone(&case.fault), versions), "{what}");
            }
        }
    }
}
