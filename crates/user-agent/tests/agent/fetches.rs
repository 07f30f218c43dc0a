//! Which requests go where, and what comes of them?

use super::*;

#[test]
fn a_preflight_flies_bare_and_the_request_takes_another_connection() {
    let mut test = Test::new();
    let fetch = test.fetch(put());
    let bare = test.connect();
    assert_eq!(
        (bare.answer, bare.identity),
        (CertificateAnswer::Decline, None)
    );
    assert_eq!(bare.cause.purpose, Purpose::Preflight);
    test.connected(bare.connection, Protocol::H2, true);
    let preflight = test.sent();
    assert_eq!(preflight.request.method.as_str(), "OPTIONS");
    assert!(!preflight.carried.cookie && !preflight.carried.authorization);
    test.respond(&preflight, 204);

    let full = test.connect();
    assert_eq!(full.answer, CertificateAnswer::Present);
    assert!(full.identity.is_some());
    assert_ne!(full.session_key, bare.session_key);
    test.connected(full.connection, Protocol::H2, true);
    assert!(
        matches!(test.agent.poll(), Some(Action::Prompted(_))),
        "the user is asked for the request itself"
    );
    let send = test.sent();
    assert_eq!(
        (send.connection, send.request.method.as_str()),
        (full.connection, "PUT")
    );
    assert!(send.carried.cookie);
    test.respond(&send, 200);
    assert_eq!(test.finished(), (fetch, Outcome::Response(200)));
    assert!(test.agent.poll().is_none());
}

/// A preflight carries nothing, whatever the request has; a request has Authorization if its caller set it.
#[test]
fn what_the_caller_did_not_set_is_not_carried() {
    for sets in [false, true] {
        let mut test = Test::new();
        let mut request = put();
        if sets {
            let header = [("authorization", &b"Bearer t"[..])];
            request.headers = HeaderList::parse(header).unwrap();
        }
        test.fetch(request);
        let bare = test.connect();
        test.connected(bare.connection, Protocol::H2, false);
        let preflight = test.sent();
        assert!(!preflight.carried.authorization && !preflight.carried.cookie);
        test.respond(&preflight, 204);
        let full = test.connect();
        test.connected(full.connection, Protocol::H2, false);
        let send = test.sent();
        assert_eq!(
            (send.carried.authorization, send.carried.cookie),
            (sets, true)
        );
    }
}

#[test]
fn a_fetch_that_is_given_up_is_heard_of_no_more_and_leaves_its_connection() {
    let mut test = Test::new();
    let opener = test.fetch(get(CredentialsMode::Include));
    let connect = test.connect();
    test.agent.cancel(opener);
    test.connected(connect.connection, Protocol::Http1, false);
    assert!(test.agent.poll().is_none(), "there is nothing to send");

    let rider = test.fetch(get(CredentialsMode::Include));
    let send = test.sent();
    assert_eq!(send.connection, connect.connection);
    test.agent.cancel(rider);
    test.closed(send.connection, false, EndReason::Closed);
    assert!(test.agent.poll().is_none(), "nor to send again");
    assert_eq!(test.agent.under_way(), (0, 0));
}

#[test]
fn nothing_is_sent_after_a_preflight_that_failed() {
    for status in [403, 302, 500] {
        let mut test = Test::new();
        test.fetch(put());
        let connect = test.connect();
        test.connected(connect.connection, Protocol::Http1, false);
        let preflight = test.sent();
        test.respond(&preflight, status);
        let (_, outcome) = test.finished();
        assert!(
            matches!(&outcome, Outcome::NetworkError(error) if error.name() == "preflight-refused"),
            "{status}: {outcome:?}"
        );
        assert!(test.agent.poll().is_none(), "{status}");
    }
}

#[test]
fn a_late_certificate_required_is_the_fetchs_error() {
    let mut test = Test::new();
    test.fetch(put());
    let connect = test.connect();
    test.connected(connect.connection, Protocol::Http1, true);
    test.closed(connect.connection, true, EndReason::CertificateRequired);
    // The request was handed out before the alert came; its connection is gone.
    test.sent();
    let (_, outcome) = test.finished();
    let error = NetworkError::Connection(EndReason::CertificateRequired);
    assert_eq!(outcome, error.into());
}

#[test]
fn an_idle_connection_serves_the_next_request_and_is_closed_when_it_was_idle_too_long() {
    let mut test = Test::new();
    let first = test.get(get(CredentialsMode::Include));
    test.fetch(get(CredentialsMode::Include));
    let send = test.sent();
    assert_eq!((send.connection, send.stream), (first.connection, 2));
    test.respond(&send, 200);
    test.finished();
    let timeout = test.agent.next_timeout().unwrap();
    test.agent.advance(timeout);
    assert!(matches!(test.agent.poll(), Some(Action::Close(id)) if id == first.connection));
}

#[test]
fn a_421_is_tried_once_on_another_connection_of_the_same_key() {
    let mut test = Test::new();
    test.fetch(get(CredentialsMode::Include));
    let first = test.connect();
    test.connected(first.connection, Protocol::Http1, false);
    let send = test.sent();
    test.respond(&send, 421);
    let second = test.connect();
    assert_eq!(
        (second.answer, second.session_key),
        (first.answer, first.session_key)
    );
    test.connected(second.connection, Protocol::Http1, false);
    let send = test.sent();
    test.respond(&send, 421);
    assert_eq!(test.finished().1, Outcome::Response(421));
}

/// HTTP-network-or-cache fetch looks at 421 before anybody looks at CORS headers, and runs for the preflight as well.
#[test]
fn a_421_without_cors_headers_is_tried_again_for_preflight_and_request_alike() {
    let mut test = Test::new();
    test.fetch(put());
    for purpose in [Purpose::Preflight, Purpose::Request] {
        let first = test.connect();
        test.connected(first.connection, Protocol::Http1, false);
        let send = test.sent();
        assert_eq!(send.cause.purpose, purpose);
        test.misdirected(&send);
        let again = test.connect();
        assert_eq!(
            (again.cause, again.session_key),
            (first.cause, first.session_key)
        );
        test.connected(again.connection, Protocol::Http1, false);
        let send = test.sent();
        test.respond(
            &send,
            if purpose == Purpose::Preflight {
                204
            } else {
                200
            },
        );
    }
    assert_eq!(test.finished().1, Outcome::Response(200));
}

/// The retry is the preflight's own: the request after it may take a connection from the pool.
#[test]
fn a_request_rides_the_pool_although_its_preflight_was_misdirected() {
    let mut test = Test::new();
    let pooled = test.get(get(CredentialsMode::Include));
    test.fetch(put());
    let bare = test.connect();
    test.connected(bare.connection, Protocol::Http1, false);
    let preflight = test.sent();
    test.misdirected(&preflight);
    let again = test.connect();
    test.connected(again.connection, Protocol::Http1, false);
    let preflight = test.sent();
    test.respond(&preflight, 204);
    assert_eq!(test.sent().connection, pooled.connection);
}

/// RFC 9113 section 7: HTTP_1_1_REQUIRED. The credentials decision holds on the way, and one way back is enough.
#[test]
fn a_request_that_http2_cannot_serve_comes_again_over_http1() {
    for (credentials, answer) in [
        (CredentialsMode::Include, CertificateAnswer::Present),
        (CredentialsMode::Omit, CertificateAnswer::Decline),
    ] {
        let mut test = Test::new();
        test.fetch(get(credentials));
        let first = test.connect();
        assert_eq!((first.alpn, first.answer), (Alpn::Any, answer));
        test.connected(first.connection, Protocol::H2, false);
        let send = test.sent();
        let sent_away = |test: &mut Test, send: &Send| {
            test.agent.handle(Event::WantsHttp1 {
                connection: send.connection,
                stream: send.stream,
            });
        };
        sent_away(&mut test, &send);
        let second = test.connect();
        assert_eq!((second.alpn, second.answer), (Alpn::Http1, answer));
        test.connected(second.connection, Protocol::Http1, false);
        let send = test.sent();
        assert_eq!(send.connection, second.connection);
        sent_away(&mut test, &send);
        assert!(matches!(test.finished().1, Outcome::NetworkError(_)));
    }
}

/// Who asks late is answered as in the handshake in HTTP/1.1, and not at all in HTTP/2.
#[test]
fn a_late_answer_is_settled_when_the_connection_is_opened() {
    let mut test = Test::new();
    let table = [
        (CredentialsMode::Include, CertificateAnswer::Present),
        (CredentialsMode::Omit, CertificateAnswer::Decline),
    ];
    for (credentials, http1) in table {
        test.fetch(get(credentials));
        let late = test.connect().late;
        assert_eq!(late.answer(Protocol::Http1), http1);
        assert_eq!(late.answer(Protocol::H2), CertificateAnswer::Abort);
    }
}

#[test]
fn the_user_is_asked_late_for_the_request_under_way_and_never_without_credentials() {
    for (credentials, asks) in [
        (CredentialsMode::Include, true),
        (CredentialsMode::Omit, false),
    ] {
        let mut test = Test::new();
        let connect = test.get(get(credentials));
        let second = test.fetch(get(credentials));
        let send = test.sent();
        test.agent.handle(Event::AskedLate {
            connection: connect.connection,
        });
        if asks {
            let Some(Action::Prompted(cause)) = test.agent.poll() else {
                panic!("the user is asked");
            };
            assert_eq!(cause.fetch, second);
        }
        test.respond(&send, 200);
        assert_eq!(test.finished(), (second, Outcome::Response(200)));
    }
}

#[test]
fn a_request_whose_reused_connection_went_away_is_sent_again_once() {
    let mut test = Test::new();
    let first = test.get(get(CredentialsMode::Include));
    test.fetch(get(CredentialsMode::Include));
    test.sent();
    test.closed(first.connection, false, EndReason::Closed);
    let second = test.connect();
    test.connected(second.connection, Protocol::Http1, false);
    test.sent();
    test.closed(second.connection, false, EndReason::Closed);
    assert_eq!(
        test.finished().1,
        NetworkError::Connection(EndReason::Closed).into()
    );
}

#[test]
fn another_host_of_the_certificate_joins_an_http2_connection_that_was_not_asked() {
    for (asked, joins) in [(false, true), (true, false)] {
        let mut test = Test::new();
        test.fetch(get(CredentialsMode::Omit));
        let first = test.connect();
        test.connected(first.connection, Protocol::H2, asked);
        let send = test.sent();
        test.respond(&send, 200);
        test.finished();
        test.fetch(request(
            "https://b.test/",
            Method::GET,
            CredentialsMode::Omit,
        ));
        match test.agent.poll() {
            Some(Action::Send(send)) => assert!(joins && send.connection == first.connection),
            Some(Action::Connect(_)) => assert!(!joins),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_seventh_request_to_an_http1_server_waits_its_turn() {
    let mut test = Test::new();
    for _ in 0..7 {
        test.fetch(get(CredentialsMode::Include));
    }
    let opened: Vec<Connect> = (0..6).map(|_| test.connect()).collect();
    assert!(test.agent.poll().is_none(), "six connections for each key");
    test.connected(opened[0].connection, Protocol::Http1, false);
    let send = test.sent();
    test.respond(&send, 200);
    let next = test.agent.poll();
    let after = test.agent.poll();
    let sent = [next, after]
        .into_iter()
        .flatten()
        .find_map(|action| match action {
            Action::Send(send) => Some(send),
            _ => None,
        });
    assert_eq!(sent.map(|send| send.cause.fetch), Some(FetchId(6)));
}

/// Whoever waits gets a connection of its own, and need not be sent twice.
#[test]
fn nobody_boards_a_connection_whose_last_answer_was_announced() {
    for protocol in [Protocol::Http1, Protocol::H2] {
        let mut limits = Limits::default();
        limits.pool.open_per_key = 1;
        limits.streams = 1;
        let mut test = Test::with_limits(limits);
        test.fetch(get(CredentialsMode::Include));
        let waiting = test.fetch(get(CredentialsMode::Include));
        let first = test.connect().connection;
        test.connected(first, protocol, false);
        let send = test.sent();
        let going = Event::GoingAway { connection: first };
        test.agent.handle(going);
        assert!(test.agent.poll().is_none(), "the answer is still to come");
        test.respond(&send, 200);
        let (mut closed, mut opened) = (None, None);
        while let Some(action) = test.agent.poll() {
            match action {
                Action::Close(connection) => closed = Some(connection),
                Action::Connect(connect) => opened = Some(connect.cause.fetch),
                Action::Finish { outcome, .. } => assert_eq!(outcome, Outcome::Response(200)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((closed, opened), (Some(first), Some(waiting)));
    }
}

#[test]
fn a_connection_that_ends_before_it_is_open_fails_only_its_own_request() {
    let mut test = Test::new();
    let failed = test.fetch(get(CredentialsMode::Include));
    let other = test.fetch(get(CredentialsMode::Include));
    let (one, two) = (test.connect(), test.connect());
    test.closed(one.connection, false, EndReason::ServerUntrusted);
    let (id, outcome) = test.finished();
    assert_eq!(
        (id, outcome),
        (
            failed,
            NetworkError::Connection(EndReason::ServerUntrusted).into()
        )
    );
    test.connected(two.connection, Protocol::Http1, false);
    assert_eq!(test.sent().cause.fetch, other);
}

#[test]
fn it_is_sent_again_once_even_where_another_idle_connection_could_take_it() {
    let mut test = Test::new();
    test.fetch(get(CredentialsMode::Include));
    test.fetch(get(CredentialsMode::Include));
    let opened = [test.connect(), test.connect()];
    for connect in &opened {
        test.connected(connect.connection, Protocol::Http1, false);
        let send = test.sent();
        test.respond(&send, 200);
        test.finished();
    }
    test.fetch(get(CredentialsMode::Include));
    for _ in 0..2 {
        let send = test.sent();
        test.closed(send.connection, false, EndReason::Closed);
    }
    assert_eq!(
        test.finished().1,
        NetworkError::Connection(EndReason::Closed).into()
    );
}

#[test]
fn the_user_is_asked_once_for_each_origin_and_again_after_logging_out() {
    let mut test = Test::new();
    for (logs_out, asked) in [(false, true), (false, false), (true, true)] {
        if logs_out {
            test.agent.log_out();
        }
        test.fetch(get(CredentialsMode::Include));
        let connect = test.connect();
        let prompted = served(&mut test, connect.connection);
        assert_eq!(prompted, asked, "logged out: {logs_out}");
    }
}

/// A server that asks takes the connection, answers what it is sent, and closes: whether the user was asked before it was sent.
fn served(test: &mut Test, connection: ConnectionId) -> bool {
    test.connected(connection, Protocol::Http1, true);
    let mut next = test.agent.poll();
    let prompted = matches!(next, Some(Action::Prompted(_)));
    if prompted {
        next = test.agent.poll();
    }
    let Some(Action::Send(send)) = next else {
        panic!("expected a request, got {next:?}");
    };
    test.respond(&send, 200);
    test.finished();
    test.closed(connection, false, EndReason::Closed);
    prompted
}

#[test]
fn who_declines_is_not_asked_again_in_the_same_partition() {
    let mut test = Test::new();
    let at = |top: &str| {
        let mut request = get(CredentialsMode::Include);
        let top = Origin::parse(top).unwrap();
        request.network_partition_key = Some(NetworkPartitionKey::of_top_level(&top));
        request
    };
    let steps = [
        ("https://app.test", true, CertificateAnswer::Decline, true),
        ("https://app.test", false, CertificateAnswer::Decline, false),
        ("https://shop.test", false, CertificateAnswer::Present, true),
        // Asked already.
        ("https://shop.test", true, CertificateAnswer::Present, false),
    ];
    for (top, declines, answer, asked) in steps {
        test.fetch_with(|wanted| wanted.declines = declines, at(top));
        let connect = test.connect();
        assert_eq!(connect.answer, answer, "{top}");
        assert_eq!(served(&mut test, connect.connection), asked, "{top}");
    }
}

#[test]
fn a_connection_under_another_name_is_another() {
    let mut test = Test::new();
    test.get(get(CredentialsMode::Include));
    let under = |wanted: &mut FetchRequest| wanted.server_name = Some("b.test".to_owned());
    test.fetch_with(under, get(CredentialsMode::Include));
    let connect = test.connect();
    assert_eq!(connect.server_name.as_deref(), Some("b.test"));
}

#[test]
fn a_network_error_clears_what_the_preflight_cache_has_for_the_request() {
    let mut test = Test::new();
    test.fetch(put());
    for status in [204, 200] {
        let connect = test.connect();
        test.connected(connect.connection, Protocol::Http1, false);
        let send = test.sent();
        test.respond(&send, status);
    }
    assert_eq!(test.finished().1, Outcome::Response(200));

    test.fetch(put());
    let cached = test.sent();
    assert_eq!(
        cached.cause.purpose,
        Purpose::Request,
        "the cache allows it"
    );
    test.closed(cached.connection, false, EndReason::CertificateRequired);
    assert!(matches!(test.finished().1, Outcome::NetworkError(_)));

    test.fetch(put());
    assert_eq!(test.sent().cause.purpose, Purpose::Preflight);
}

/// What is over leaves nothing behind: an embedder's user agent lives as long as its process.
#[test]
fn a_long_life_takes_no_more_room() {
    let mut test = Test::new();
    for _ in 0..20_000 {
        let connect = test.get(get(CredentialsMode::Include));
        test.closed(connect.connection, false, EndReason::Closed);
    }
    let (fetches, connections) = test.agent.under_way();
    assert_eq!((fetches, connections), (0, 0));
}
