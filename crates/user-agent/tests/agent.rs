//! What the user agent asks its transport to do, told step by step: the test is the transport.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use bareflight_policy::{
    CertificateAnswer, CredentialsMode, HeaderList, Method, NetworkPartitionKey, Origin, Profile,
    Purpose, Request, RequestUrl,
};
use bareflight_pool_key::Leg;
use bareflight_user_agent::{
    Action, Alpn, Connect, ConnectionId, EndReason, Event, FetchId, FetchRequest, Limits,
    NetworkError, Outcome, Protocol, Proxy, Send, SessionHandle, Standard, UserAgent, trust,
};

const APP: &str = "https://app.test";
const API: &str = "https://api.test/items";

struct Test {
    agent: UserAgent,
    started: u32,
}

impl Test {
    fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    fn with_limits(limits: Limits) -> Self {
        let mut agent = UserAgent::new(Profile::fetch(), &Standard, limits);
        agent.identities().add("alice", ["api.test"]);
        Self { agent, started: 0 }
    }

    fn fetch(&mut self, request: Request) -> FetchId {
        self.fetch_via(None, request)
    }

    fn fetch_via(&mut self, via: Option<Proxy>, request: Request) -> FetchId {
        let id = FetchId(self.started);
        self.started += 1;
        self.agent.fetch(FetchRequest {
            id,
            request,
            identity: None,
            trust: trust(NonZeroU32::MIN),
            via,
            preconnect: false,
        });
        id
    }

    fn connect(&mut self) -> Connect {
        match self.agent.poll() {
            Some(Action::Connect(connect)) => connect,
            other => panic!("expected a connection, got {other:?}"),
        }
    }

    fn sent(&mut self) -> Send {
        match self.agent.poll() {
            Some(Action::Send(send)) => send,
            other => panic!("expected a request, got {other:?}"),
        }
    }

    fn finished(&mut self) -> (FetchId, Outcome) {
        match self.agent.poll() {
            Some(Action::Finish { fetch, outcome }) => (fetch, outcome),
            other => panic!("expected an end, got {other:?}"),
        }
    }

    fn connected(&mut self, connection: ConnectionId, protocol: Protocol, asked: bool) {
        let names: Arc<[String]> = ["api.test".to_owned(), "b.test".to_owned()].into();
        self.agent.handle(Event::Connected {
            connection,
            protocol,
            asked,
            names,
        });
    }

    fn closed(&mut self, connection: ConnectionId, asked: bool, reason: EndReason) {
        self.agent.handle(Event::Closed {
            connection,
            asked,
            reason,
        });
    }

    /// Answers a request as a server does that allows everything.
    fn respond(&mut self, send: &Send, status: u16) {
        let headers = [
            ("access-control-allow-origin", APP),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "PUT"),
        ];
        let headers =
            HeaderList::parse(headers.map(|(name, value)| (name, value.as_bytes()))).unwrap();
        let (connection, stream) = (send.connection, send.stream);
        self.agent.handle(Event::Response {
            connection,
            stream,
            status,
            headers,
        });
    }

    /// Answers 421 as a server does that does not look at the request: without a word on CORS.
    fn misdirected(&mut self, send: &Send) {
        self.agent.handle(Event::Response {
            connection: send.connection,
            stream: send.stream,
            status: 421,
            headers: HeaderList::new(),
        });
    }

    /// A request that needs no preflight, from its beginning to its end.
    fn get(&mut self, request: Request) -> Connect {
        self.get_via(None, request)
    }

    fn get_via(&mut self, via: Option<Proxy>, request: Request) -> Connect {
        self.fetch_via(via, request);
        let connect = self.connect();
        self.connected(connect.connection, Protocol::Http1, false);
        let send = self.sent();
        self.respond(&send, 200);
        assert_eq!(self.finished().1, Outcome::Response(200));
        connect
    }
}

fn request(url: &str, method: Method, credentials: CredentialsMode) -> Request {
    let origin = Origin::parse(APP).unwrap();
    let mut request = Request::fetch_api(RequestUrl::parse(url).unwrap(), origin.clone());
    request.method = method;
    request.credentials_mode = credentials;
    request.network_partition_key = Some(NetworkPartitionKey::of_top_level(&origin));
    request
}

fn get(credentials: CredentialsMode) -> Request {
    request(API, Method::GET, credentials)
}

fn put() -> Request {
    request(API, Method::PUT, CredentialsMode::Include)
}

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
fn sessions_are_offered_under_their_own_key_and_not_after_a_failure() {
    let mut test = Test::new();
    let session = |test: &mut Test, connection, number| {
        test.agent.handle(Event::Session {
            connection,
            leg: Leg::Origin,
            session: SessionHandle(number),
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
        test.connected(connect.connection, Protocol::Http1, true);
        let mut next = test.agent.poll();
        let prompted = matches!(next, Some(Action::Prompted(_)));
        if prompted {
            next = test.agent.poll();
        }
        assert_eq!(prompted, asked, "logged out: {logs_out}");
        let Some(Action::Send(send)) = next else {
            panic!("expected a request, got {next:?}");
        };
        test.respond(&send, 200);
        test.finished();
        test.closed(connect.connection, false, EndReason::Closed);
    }
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
}

#[test]
fn what_fails_at_the_proxy_costs_the_proxys_sessions_and_not_the_origins() {
    let mut test = Test::new();
    let way = proxy("https://proxy.test");
    let first = test.get_via(way.clone(), get(CredentialsMode::Include));
    for (leg, number) in [(Leg::Proxy, 1), (Leg::Origin, 2)] {
        test.agent.handle(Event::Session {
            connection: first.connection,
            leg,
            session: SessionHandle(number),
            single_use: false,
            lifetime: Duration::from_secs(60),
            early_data: false,
        });
    }
    test.closed(first.connection, false, EndReason::Closed);
    test.fetch_via(way.clone(), get(CredentialsMode::Include));
    let refused = test.connect();
    test.closed(refused.connection, false, EndReason::Proxy);
    let error = NetworkError::Connection(EndReason::Proxy);
    assert_eq!(test.finished().1, error.into());
    assert!(matches!(
        test.agent.poll(),
        Some(Action::Forget(SessionHandle(1)))
    ));

    let again = test.get_via(way, get(CredentialsMode::Include));
    let offers = (again.hop.unwrap().offer, again.offer);
    assert_eq!(offers, (None, Some(SessionHandle(2))));
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

/// A session of the origin's, good for early data.
fn early_session(test: &mut Test, connection: ConnectionId, number: u32) {
    test.agent.handle(Event::Session {
        connection,
        leg: Leg::Origin,
        session: SessionHandle(number),
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
