//! Which requests go out behind others that have no answer yet?

use super::*;

/// A connection whose first request is about to go out.
fn opened(first: Request, protocol: Protocol) -> (Test, ConnectionId) {
    let mut test = Test::new();
    test.fetch(first);
    let connection = test.connect().connection;
    test.connected(connection, protocol, false);
    (test, connection)
}

fn pipelined(test: &mut Test, request: Request) -> FetchId {
    test.fetch_with(|wanted| wanted.pipelined = true, request)
}

#[test]
fn requests_of_one_key_go_out_in_one_flight() {
    let (mut test, connection) = opened(get(CredentialsMode::Include), Protocol::Http1);
    pipelined(&mut test, get(CredentialsMode::Include));
    pipelined(&mut test, get(CredentialsMode::Include));
    let flight = test.sent();
    let streams = |send: &Send| (send.connection, send.stream);
    assert_eq!(streams(&flight), (connection, 1));
    let behind: Vec<_> = flight.followed_by.iter().map(streams).collect();
    assert_eq!(behind, [(connection, 2), (connection, 3)]);
    assert!(test.agent.poll().is_none());

    // While one of them has no answer the connection is nobody else's; then it is.
    test.respond(&flight, 200);
    test.respond(&flight.followed_by[0], 200);
    test.finished();
    test.finished();
    test.fetch(get(CredentialsMode::Include));
    let another = test.connect();
    test.connected(another.connection, Protocol::Http1, false);
    let other = test.sent();
    test.respond(&flight.followed_by[1], 200);
    test.finished();
    test.fetch(get(CredentialsMode::Include));
    let again = test.sent();
    assert_eq!(streams(&again), (connection, 4));
    assert_ne!(other.connection, connection);
}

#[test]
fn what_keeps_two_requests_apart_keeps_them_out_of_one_flight() {
    type Prepare = fn(&mut Test, ConnectionId);
    let nothing: Prepare = |_, _| ();
    let goes_away: Prepare = |test, connection| test.agent.handle(Event::GoingAway { connection });
    let logged_out: Prepare = |test, _| test.agent.log_out();
    let given_up: Prepare = |test, _| test.agent.cancel(FetchId(0));
    let include = || get(CredentialsMode::Include);
    let post = || request(API, Method::POST, CredentialsMode::Include);
    let delete = || request(API, Method::DELETE, CredentialsMode::Include);
    let elsewhere = || {
        let shop = Origin::parse("https://shop.test").unwrap();
        let mut request = include();
        request.network_partition_key = Some(NetworkPartitionKey::of_top_level(&shop));
        request
    };
    for (first, before, second, joins) in [
        (include(), nothing, include(), true),
        // A preflight is not what asks, and waits for nobody either.
        (delete(), nothing, get(CredentialsMode::Omit), true),
        (include(), nothing, get(CredentialsMode::Omit), false),
        (include(), nothing, elsewhere(), false),
        (
            include(),
            nothing,
            request("https://b.test/", Method::GET, CredentialsMode::Include),
            false,
        ),
        // What came of it is to be known first (RFC 9110 section 9.2.2).
        (post(), nothing, include(), false),
        (include(), nothing, post(), true),
        (include(), goes_away, include(), false),
        (include(), logged_out, include(), false),
        (include(), given_up, include(), false),
    ] {
        let cell = format!("{} then {second:?}", first.method);
        let (mut test, connection) = opened(first, Protocol::Http1);
        before(&mut test, connection);
        pipelined(&mut test, second);
        let sent = test.sent();
        assert_eq!(sent.followed_by.len(), usize::from(joins), "{cell}");
        assert_eq!(
            matches!(test.agent.poll(), Some(Action::Connect(_))),
            !joins,
            "{cell}"
        );
    }
}

#[test]
fn who_does_not_pipeline_waits_and_http2_needs_none() {
    let (mut test, _) = opened(get(CredentialsMode::Include), Protocol::Http1);
    test.fetch(get(CredentialsMode::Include));
    assert!(test.sent().followed_by.is_empty());
    test.connect();

    let (mut test, connection) = opened(get(CredentialsMode::Include), Protocol::H2);
    pipelined(&mut test, get(CredentialsMode::Include));
    for stream in [1, 2] {
        let sent = test.sent();
        assert_eq!((sent.connection, sent.stream), (connection, stream));
        assert!(sent.followed_by.is_empty());
    }
}

/// RFC 9112 section 9.3.2: what got no answer before the connection ended is sent again, once, if it may be served twice, and
/// then nothing is pipelined behind it.
#[test]
fn a_flight_that_breaks_off_is_sent_again_but_for_the_first() {
    for (method, reason, again) in [
        (Method::GET, EndReason::Closed, true),
        // The first was asked for a certificate, and broke off.
        (Method::GET, EndReason::Handshake, true),
        (Method::POST, EndReason::Closed, false),
    ] {
        let (mut test, connection) = opened(get(CredentialsMode::Include), Protocol::Http1);
        let request = || request(API, method.clone(), CredentialsMode::Include);
        let behind = pipelined(&mut test, request());
        assert_eq!(test.sent().followed_by.len(), 1);
        test.closed(connection, false, reason);
        // The connection was opened for the first, and was not idle when it broke.
        assert!(matches!(
            test.finished(),
            (FetchId(0), Outcome::NetworkError(_))
        ));
        if !again {
            assert_eq!(test.finished().0, behind);
            continue;
        }
        let connect = test.connect();
        assert_eq!(connect.cause.fetch, behind);
        test.connected(connect.connection, Protocol::Http1, false);
        pipelined(&mut test, request());
        assert!(test.sent().followed_by.is_empty());
        test.connect();
        test.closed(connect.connection, false, EndReason::Closed);
        assert_eq!(test.finished().0, behind, "and no third time");
    }
}

#[test]
fn nobody_passes_by_those_who_stand_in_line_and_a_pipeline_has_an_end() {
    let mut limits = Limits::default();
    limits.pool.open_per_key = 1;
    let mut test = Test::with_limits(limits);
    test.fetch(get(CredentialsMode::Include));
    let connection = test.connect().connection;
    test.connected(connection, Protocol::Http1, false);
    for _ in 0..9 {
        pipelined(&mut test, get(CredentialsMode::Include));
    }
    let flight = test.sent();
    assert_eq!(flight.followed_by.len(), 7, "the other two stand in line");
    test.respond(&flight, 200);
    test.finished();
    pipelined(&mut test, get(CredentialsMode::Include));
    assert!(
        test.agent.poll().is_none(),
        "there is room, and not for the last to come"
    );
}
