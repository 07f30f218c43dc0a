//! What does a proxy see, and what does the origin behind it? Two legs, each with its own question, answer and sessions.

use crate::common::*;
use bareflight_handshake_driver::*;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

const PROXY: &str = "proxy.test";

struct Route {
    world: World,
    proxy: ServerId,
}

/// An origin that asks, behind a proxy that insists, which digs any tunnel.
fn route(versions: Versions) -> Route {
    proxied(versions, |_, _| Response::new(Bytes::new()).into())
}

fn proxied(
    versions: Versions,
    responder: impl Fn(ConnectionId, &Request<Bytes>) -> Reply + 'static,
) -> Route {
    let mut world = World::new(server(ClientAuth::Request, versions));
    let plan = ServerPlan {
        client_auth: ClientAuth::Require,
        versions,
        ..ServerPlan::new(&[PROXY])
    };
    let proxy = world.driver.add_server(plan, responder).unwrap();
    Route { world, proxy }
}

/// What happened on the two legs.
#[derive(Default)]
struct Legs {
    hop: Leg,
    inside: Leg,
}

#[derive(Default)]
struct Leg {
    server: Option<ServerHandshake>,
    refused: bool,
    sessions: Vec<Session>,
    heads: Vec<RequestHead>,
    closed: Option<EndReason>,
    answers: Vec<StatusCode>,
}

fn gather(driver: &mut Driver, through: Through) -> Legs {
    let mut legs = Legs::default();
    for observation in driver.observations() {
        match observation {
            Observation::Handshake(seen) => {
                let connection = seen.connection;
                legs.of(through, connection).server = Some(seen);
            }
            Observation::Refused(seen) => legs.of(through, seen.connection).refused = true,
            Observation::Request(head) => legs.of(through, head.connection).heads.push(head),
            _ => {}
        }
    }
    for event in driver.events() {
        match event {
            ClientEvent::Session {
                connection,
                session,
            } => legs.of(through, connection).sessions.push(session),
            ClientEvent::Closed { connection, reason } => {
                legs.of(through, connection).closed = Some(reason);
            }
            ClientEvent::Response {
                connection,
                response,
                ..
            } => legs.of(through, connection).answers.push(response.status()),
            _ => {}
        }
    }
    legs
}

impl Legs {
    fn of(&mut self, through: Through, connection: ConnectionId) -> &mut Leg {
        match connection == through.hop {
            true => &mut self.hop,
            false => &mut self.inside,
        }
    }
}

fn as_alice() -> ClientConfiguration {
    client(1, Answer::Present(alice()))
}

fn as_bob(protocol: Protocol) -> ClientConfiguration {
    ClientConfiguration {
        alpn: vec![protocol],
        ..client(2, Answer::Present(identity(&IdentityPlan::new("bob"))))
    }
}

impl Route {
    /// Opens both legs, sends a request, and tells what happened.
    fn fetch(
        &mut self,
        to_proxy: &ClientConfiguration,
        to_origin: &ClientConfiguration,
        offers: [Option<Session>; 2],
    ) -> (Through, Legs) {
        let [outer, inner] = offers;
        let hop = Hop {
            proxy: self.proxy,
            name: PROXY,
            configuration: to_proxy,
            offer: outer,
            authority: "api.test:443",
        };
        let (driver, server) = (&mut self.world.driver, self.world.server);
        let through = driver.begin_through(hop, server, HOST, to_origin, inner);
        let through = through.unwrap();
        driver
            .send(through.connection, get("https://api.test/inside"))
            .unwrap();
        driver.run().unwrap();
        (through, gather(driver, through))
    }
}

#[test]
fn each_leg_has_its_own_handshake() {
    for versions in VERSIONS {
        for protocol in PROTOCOLS {
            let case = format!("{versions:?} {protocol:?}");
            let mut route = route(versions);
            let (through, legs) = route.fetch(&as_alice(), &as_bob(protocol), [None, None]);
            let (hop, inside) = (legs.hop.server.unwrap(), legs.inside.server.unwrap());
            assert_eq!(hop.identity, named(&IdentityPlan::new("alice")), "{case}");
            assert_eq!(inside.identity, named(&IdentityPlan::new("bob")), "{case}");
            assert_eq!(hop.server_name.as_deref(), Some(PROXY), "{case}");
            assert_eq!(inside.server_name.as_deref(), Some(HOST), "{case}");
            assert_eq!(
                (hop.through, inside.through),
                (None, Some(through.hop)),
                "{case}"
            );
            assert_eq!(hop.alpn, Some(Protocol::Http11), "{case}");
            assert_eq!(inside.alpn, Some(protocol), "{case}");
            // The proxy learns where to, and nothing of what for.
            let [connect] = &legs.hop.heads[..] else {
                panic!("{case}")
            };
            assert_eq!(connect.method, Method::CONNECT, "{case}");
            assert_eq!(connect.authority.as_deref(), Some("api.test:443"), "{case}");
            let [request] = &legs.inside.heads[..] else {
                panic!("{case}")
            };
            assert_eq!(request.target, "/inside", "{case}");
            assert_eq!(legs.inside.answers, [StatusCode::OK], "{case}");
            assert_eq!(
                (legs.hop.closed, legs.inside.closed),
                (None, None),
                "{case}"
            );
        }
    }
}

/// The session of a leg is good on that leg, even where one configuration serves both.
#[test]
fn each_leg_has_its_own_sessions() {
    for versions in VERSIONS {
        for swapped in [false, true] {
            let mut route = route(versions);
            let alice = as_alice();
            let (_, mut first) = route.fetch(&alice, &alice, [None, None]);
            let mut offers = [first.hop.sessions.pop(), first.inside.sessions.pop()];
            assert!(offers.iter().all(Option::is_some), "{versions:?}");
            if swapped {
                offers.swap(0, 1);
            }
            let (_, second) = route.fetch(&alice, &alice, offers);
            for leg in [second.hop, second.inside] {
                let seen = leg.server.unwrap();
                let resumed = (seen.resumed.is_some(), seen.offered.is_some());
                assert_eq!(resumed, (!swapped, swapped), "{versions:?}");
            }
        }
    }
}

#[test]
fn a_proxy_that_refuses_is_why_there_is_no_connection() {
    for status in [
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        StatusCode::FORBIDDEN,
    ] {
        let mut route = proxied(Versions::Both, move |_, _| {
            let mut response = Response::new(Bytes::from_static(b"no"));
            *response.status_mut() = status;
            response.into()
        });
        let (through, legs) = route.fetch(&as_alice(), &as_bob(Protocol::H2), [None, None]);
        assert_eq!(legs.hop.answers, [status]);
        let outcome = route.world.driver.handshake(through.connection);
        assert_eq!(outcome, Some(Err(EndReason::Proxy(status))));
        assert!(legs.inside.server.is_none() && legs.inside.heads.is_empty());
        assert!(!legs.inside.refused, "the origin was never dialled");
    }
}

/// HTTP/2 begins to speak before a TLS 1.3 server has judged the certificate, so the alert comes against the stream.
#[test]
fn an_origins_last_word_comes_through_although_it_no_longer_listens() {
    for protocol in PROTOCOLS {
        let mut route = route(Versions::Tls13);
        let insists = server(ClientAuth::Require, Versions::Tls13);
        let origin = route.world.server;
        route.world.driver.reconfigure(origin, insists).unwrap();
        let bare = ClientConfiguration {
            alpn: vec![protocol],
            ..client(3, Answer::Decline)
        };
        let (_, legs) = route.fetch(&as_alice(), &bare, [None, None]);
        let alert = EndReason::AlertReceived(AlertDescription::CertificateRequired);
        assert_eq!(legs.inside.closed, Some(alert), "{protocol:?}");
    }
}

/// The proxy's question is the proxy's: who has nothing for it gets no further, and the origin hears nothing.
#[test]
fn a_proxy_may_insist_on_a_certificate() {
    for versions in VERSIONS {
        let mut route = route(versions);
        let (through, legs) = route.fetch(
            &client(3, Answer::Decline),
            &as_bob(Protocol::H2),
            [None, None],
        );
        assert!(
            legs.hop.heads.is_empty() && legs.inside.server.is_none(),
            "{versions:?}"
        );
        assert_eq!(
            (legs.hop.refused, legs.inside.refused),
            (true, false),
            "{versions:?}"
        );
        let inside = route.world.driver.handshake(through.connection);
        assert!(matches!(inside, Some(Err(_))), "{versions:?}: {inside:?}");
    }
}

#[test]
fn what_is_inside_ends_with_the_tunnel_and_the_other_way_round() {
    type End = fn(&mut Route, Through);
    let ways: [(&str, End, EndReason, EndReason); 4] = [
        (
            "the proxy goes away",
            |route, it| route.world.driver.cut(it.hop).unwrap(),
            EndReason::Truncated,
            EndReason::Truncated,
        ),
        (
            "the origin goes away",
            |route, it| route.world.driver.cut(it.connection).unwrap(),
            EndReason::CloseNotify,
            EndReason::Truncated,
        ),
        (
            "the client closes what is inside",
            |route, it| route.world.driver.close(it.connection).unwrap(),
            EndReason::Finished,
            EndReason::Local,
        ),
        (
            "the client closes the tunnel",
            |route, it| route.world.driver.close(it.hop).unwrap(),
            EndReason::Local,
            EndReason::Truncated,
        ),
    ];
    for (way, end, hop, inside) in ways {
        for versions in VERSIONS {
            let mut route = route(versions);
            let bob = as_bob(Protocol::Http11);
            let (through, _) = route.fetch(&as_alice(), &bob, [None, None]);
            end(&mut route, through);
            let legs = gather(&mut route.world.driver, through);
            let seen = (legs.hop.closed, legs.inside.closed);
            assert_eq!(
                seen,
                (Some(hop.clone()), Some(inside.clone())),
                "{way} {versions:?}"
            );
        }
    }
}

/// A server that nobody dials through is no proxy.
#[test]
fn connect_without_a_tunnel_is_an_error() {
    for protocol in PROTOCOLS {
        let mut world = World::new(server(ClientAuth::None, Versions::Both));
        let configuration = ClientConfiguration {
            alpn: vec![protocol],
            ..client(1, Answer::Decline)
        };
        let connection = world.connect(&configuration, None).connection;
        let request = Request::connect("api.test:443").body(Bytes::new()).unwrap();
        let response = world.fetch(connection, request).unwrap();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY, "{protocol:?}");
    }
}

/// CONNECT names the origin, of which the proxy may have a host of the same name: that is not whom it is asked for.
#[test]
fn connect_is_not_routed_by_the_origins_name() {
    let mut route = route(Versions::Both);
    let namesake = HostPlan {
        client_auth: ClientAuth::Require,
        ..HostPlan::new(&[HOST])
    };
    let plan = ServerPlan {
        hosts: vec![namesake],
        ..ServerPlan::new(&[PROXY, HOST])
    };
    route.world.driver.reconfigure(route.proxy, plan).unwrap();
    let bare = client(3, Answer::Decline);
    let (_, legs) = route.fetch(&bare, &as_bob(Protocol::H2), [None, None]);
    assert_eq!(legs.hop.answers, [StatusCode::OK]);
    assert_eq!(legs.inside.answers, [StatusCode::OK]);
}
