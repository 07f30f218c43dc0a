//! What is a proxy shown, and what do its tunnels and sessions serve?

use super::*;

fn proxy(url: &str) -> Option<Proxy> {
    Some(Proxy {
        origin: Origin::parse(url).unwrap(),
        trust: trust(NonZeroU32::MIN),
    })
}

#[test]
fn a_proxy_is_shown_what_is_for_it_and_the_origin_what_is_for_that() {
    let mut test = Test::new();
    let for_proxy = test.agent.identities().add("bob", ["proxy.test"]);
    let put = request(API, Method::PUT, CredentialsMode::Include);
    test.fetch_via(proxy("https://proxy.test"), put);
    let preflight = test.connect();
    // A preflight is without credentials, and what a proxy is shown is not among the request's.
    assert_eq!(
        (preflight.answer, preflight.identity),
        (CertificateAnswer::Decline, None)
    );
    let hop = preflight.hop.unwrap();
    assert_eq!(
        (hop.answer, hop.identity),
        (CertificateAnswer::Present, Some(for_proxy))
    );

    let mut test = Test::new();
    test.fetch_via(proxy("https://proxy.test"), get(CredentialsMode::Include));
    let connect = test.connect();
    assert_eq!(connect.answer, CertificateAnswer::Present);
    let hop = connect.hop.unwrap();
    assert_eq!(
        (hop.answer, hop.identity),
        (CertificateAnswer::Decline, None),
        "alice is for the origin"
    );
}

#[test]
fn each_way_has_its_own_connections_and_each_leg_its_own_sessions() {
    let mut test = Test::new();
    let ways = [
        None,
        proxy("https://proxy.test"),
        proxy("https://other.test"),
    ];
    let mut connections = Vec::new();
    for way in &ways {
        connections.push(test.get_via(way.clone(), get(CredentialsMode::Include)));
    }
    for (way, connect) in ways.iter().zip(&connections) {
        test.fetch_via(way.clone(), get(CredentialsMode::Include));
        let send = test.sent();
        assert_eq!(send.connection, connect.connection, "{way:?}");
        test.respond(&send, 200);
        test.finished();
    }

    let tunnelled = &connections[1];
    for (leg, number) in [(Leg::Proxy, 1), (Leg::Origin, 2)] {
        test.agent.handle(Event::Session {
            connection: tunnelled.connection,
            leg,
            session: SessionHandle(number),
            id: 1,
            single_use: false,
            lifetime: Duration::from_secs(60),
            early_data: false,
        });
    }
    test.closed(tunnelled.connection, false, EndReason::Closed);
    let again = test.get_via(ways[1].clone(), get(CredentialsMode::Include));
    let offers = (again.hop.unwrap().offer, again.offer);
    assert_eq!(offers, (Some(SessionHandle(1)), Some(SessionHandle(2))));
    // A tunnel carries the same TLS as a direct connection.
    test.closed(connections[0].connection, false, EndReason::Closed);
    let direct = test.get(get(CredentialsMode::Include));
    assert_eq!(direct.offer, Some(SessionHandle(2)));
    // Whatever the request, the proxy is the same.
    let bare = test.get_via(ways[1].clone(), get(CredentialsMode::Omit));
    let offers = (bare.hop.unwrap().offer, bare.offer);
    assert_eq!(offers, (Some(SessionHandle(1)), None));
    // Asked for a page it is an origin, even in no partition and without an identity.
    let mut page = request("https://proxy.test/", Method::GET, CredentialsMode::Include);
    page.network_partition_key = None;
    assert_eq!(test.get(page).offer, None);
}

/// A handshake that fails costs the sessions of its own leg. The other's that was on offer was used up by the origin, and kept where
/// there was no tunnel.
#[test]
fn what_fails_at_one_end_costs_that_ends_sessions_and_not_the_others() {
    let at_proxy = [None, Some(SessionHandle(3))];
    let at_origin = [Some(SessionHandle(0)), None];
    for (reason, offers) in [
        (EndReason::Proxy, at_proxy),
        (EndReason::CertificateRequired, at_origin),
    ] {
        let mut test = Test::new();
        let way = proxy("https://proxy.test");
        let first = test.get_via(way.clone(), get(CredentialsMode::Include));
        for (leg, number) in [
            (Leg::Proxy, 0),
            (Leg::Proxy, 1),
            (Leg::Origin, 2),
            (Leg::Origin, 3),
        ] {
            test.agent.handle(Event::Session {
                connection: first.connection,
                leg,
                session: SessionHandle(number),
                id: 1,
                single_use: true,
                lifetime: Duration::from_secs(60),
                early_data: false,
            });
        }
        test.closed(first.connection, false, EndReason::Closed);
        test.fetch_via(way.clone(), get(CredentialsMode::Include));
        let refused = test.connect();
        test.closed(refused.connection, false, reason);
        assert_eq!(test.finished().1, NetworkError::Connection(reason).into());
        let left = if reason == EndReason::Proxy { 0 } else { 2 };
        assert!(matches!(
            test.agent.poll(),
            Some(Action::Forget(SessionHandle(number))) if number == left
        ));
        let again = test.get_via(way, get(CredentialsMode::Include));
        assert_eq!(
            [again.hop.unwrap().offer, again.offer],
            offers,
            "{reason:?}"
        );
    }
}

#[test]
fn after_a_logout_a_proxy_is_met_anew() {
    let mut test = Test::new();
    let way = proxy("https://proxy.test");
    let first = test.get_via(way.clone(), get(CredentialsMode::Include));
    test.agent.log_out();
    assert!(matches!(test.agent.poll(), Some(Action::Close(id)) if id == first.connection));
    let second = test.get_via(way, get(CredentialsMode::Include));
    let keys = [first, second].map(|it| it.hop.unwrap().session_key);
    assert_ne!(keys[0], keys[1]);
}
