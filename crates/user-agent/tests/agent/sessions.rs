//! Which session is offered, and what goes out early under it?

use super::*;

#[test]
fn sessions_are_offered_under_their_own_key_and_not_after_a_failure() {
    let mut test = Test::new();
    let session = |test: &mut Test, connection, number| {
        test.agent.handle(Event::Session {
            connection,
            leg: Leg::Origin,
            session: SessionHandle(number),
            id: 1,
            single_use: true,
            lifetime: Duration::from_secs(60),
            early_data: false,
        });
    };
    let first = test.get(get(CredentialsMode::Include));
    session(&mut test, first.connection, 0);
    session(&mut test, first.connection, 1);
    test.closed(first.connection, false, EndReason::Closed);

    let bare = test.get(get(CredentialsMode::Omit));
    assert_eq!(
        bare.offer, None,
        "the session of the credentialed connection is not for it"
    );
    test.closed(bare.connection, false, EndReason::Closed);

    test.fetch(get(CredentialsMode::Include));
    let again = test.connect();
    assert_eq!(again.offer, Some(SessionHandle(1)), "the newest first");
    test.closed(again.connection, false, EndReason::Handshake);
    assert!(matches!(test.finished().1, Outcome::NetworkError(_)));
    assert!(
        matches!(test.agent.poll(), Some(Action::Forget(SessionHandle(0)))),
        "a failure drops the others"
    );

    let last = test.get(get(CredentialsMode::Include));
    assert_eq!(last.offer, None);
}

#[test]
fn an_expired_session_is_freed_and_not_offered() {
    let mut test = Test::new();
    let first = test.get(get(CredentialsMode::Include));
    test.agent.handle(Event::Session {
        connection: first.connection,
        leg: Leg::Origin,
        session: SessionHandle(7),
        id: 1,
        single_use: true,
        lifetime: Duration::from_secs(60),
        early_data: false,
    });
    test.closed(first.connection, false, EndReason::Closed);
    test.agent.advance(Duration::from_secs(61));
    test.fetch(get(CredentialsMode::Include));
    let connect = test.connect();
    assert_eq!(connect.offer, None);
    assert!(matches!(
        test.agent.poll(),
        Some(Action::Forget(SessionHandle(7)))
    ));
}

#[test]
fn logging_out_closes_what_was_open_and_opens_anew() {
    let mut test = Test::new();
    let first = test.get(get(CredentialsMode::Include));
    test.agent.log_out();
    assert!(matches!(test.agent.poll(), Some(Action::Close(id)) if id == first.connection));
    let second = test.get(get(CredentialsMode::Include));
    assert_ne!(second.connection, first.connection);
    assert_ne!(second.session_key, first.session_key);
}

#[test]
fn a_renewed_identity_has_keys_of_its_own() {
    let mut test = Test::new();
    let first = test.get(get(CredentialsMode::Include));
    let held = first.identity.unwrap();
    test.agent.identities().renew(held);
    let second = test.get(get(CredentialsMode::Include));
    assert_ne!(second.session_key, first.session_key);
}

/// A session of the origin's, good for early data.
fn early_session(test: &mut Test, connection: ConnectionId, number: u32) {
    test.agent.handle(Event::Session {
        connection,
        leg: Leg::Origin,
        session: SessionHandle(number),
        id: 1,
        single_use: true,
        lifetime: Duration::from_secs(60),
        early_data: true,
    });
}

#[test]
fn what_is_safe_goes_out_with_the_hello_and_is_not_sent_again() {
    for (protocol, alpn) in [(Protocol::Http1, Alpn::Http1), (Protocol::H2, Alpn::H2)] {
        let mut test = Test::new();
        test.fetch(get(CredentialsMode::Include));
        let first = test.connect();
        assert!(first.early.is_none(), "there is no session");
        test.connected(first.connection, protocol, false);
        early_session(&mut test, first.connection, 0);
        let send = test.sent();
        test.respond(&send, 200);
        test.finished();
        test.closed(first.connection, false, EndReason::Closed);

        test.fetch(get(CredentialsMode::Include));
        let again = test.connect();
        assert_eq!((again.offer, again.alpn), (Some(SessionHandle(0)), alpn));
        let early = again.early.unwrap();
        assert!(early.carried.cookie, "it is the whole request");
        test.connected(again.connection, protocol, false);
        assert!(test.agent.poll().is_none(), "it is under way");
        test.respond(&early, 200);
        assert_eq!(test.finished().1, Outcome::Response(200));
        // The connection is in the pool like any other.
        test.fetch(get(CredentialsMode::Include));
        let next = test.sent();
        assert_eq!((next.connection, next.stream), (again.connection, 2));
    }
}

#[test]
fn what_is_not_safe_and_what_is_not_its_own_waits() {
    let mut test = Test::new();
    let first = test.get(get(CredentialsMode::Include));
    early_session(&mut test, first.connection, 0);
    test.closed(first.connection, false, EndReason::Closed);
    // A preflight is without credentials: this session is not for it.
    let put = request(API, Method::PUT, CredentialsMode::Include);
    test.fetch(put.clone());
    let preflight = test.connect();
    assert!((preflight.offer, preflight.early.is_none()) == (None, true));
    test.connected(preflight.connection, Protocol::Http1, false);
    let send = test.sent();
    test.respond(&send, 204);
    let connect = test.connect();
    assert_eq!(connect.offer, Some(SessionHandle(0)));
    assert!(connect.early.is_none(), "PUT is not safe");
}

#[test]
fn early_data_that_finds_no_server_fails_its_request_once() {
    let mut test = Test::new();
    let first = test.get(get(CredentialsMode::Include));
    early_session(&mut test, first.connection, 0);
    test.closed(first.connection, false, EndReason::Closed);
    test.fetch(get(CredentialsMode::Include));
    let again = test.connect();
    assert!(again.early.is_some());
    test.closed(again.connection, false, EndReason::Handshake);
    let error = NetworkError::Connection(EndReason::Handshake);
    assert_eq!(test.finished().1, error.into());
    assert!(test.agent.poll().is_none());
    assert_eq!(test.agent.under_way(), (0, 0));
}
