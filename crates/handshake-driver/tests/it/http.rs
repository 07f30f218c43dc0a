//! What do requests and responses do on these connections, and how do connections end?

use crate::common::*;
use bareflight_handshake_driver::*;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

/// An open connection over each protocol in each version.
fn each(mut test: impl FnMut(World, ConnectionId, &str)) {
    each_with(echo, &mut test);
}

fn each_with(
    responder: impl Fn(ConnectionId, &Request<Bytes>) -> Reply + Copy + 'static,
    test: &mut impl FnMut(World, ConnectionId, &str),
) {
    for versions in VERSIONS {
        for protocol in PROTOCOLS {
            let mut driver = Driver::new(std::sync::Arc::clone(&PKI));
            let server = driver
                .add_server(server(ClientAuth::None, versions), responder)
                .unwrap();
            let configuration = ClientConfiguration {
                alpn: vec![protocol],
                ..client(1, Answer::Decline)
            };
            let mut world = World { driver, server };
            let connection = world.connect(&configuration, None).connection;
            test(world, connection, &format!("{versions:?} {protocol:?}"));
        }
    }
}

fn closed(driver: &mut Driver) -> (Option<EndReason>, Option<EndReason>) {
    let client = driver.events().into_iter().find_map(|event| match event {
        ClientEvent::Closed { reason, .. } => Some(reason),
        _ => None,
    });
    let server = driver
        .observations()
        .into_iter()
        .find_map(|observation| match observation {
            Observation::Closed { reason, .. } => Some(reason),
            _ => None,
        });
    (client, server)
}

#[test]
fn many_requests_share_a_connection_and_arrive_in_order() {
    each(|mut world, connection, case| {
        let paths = ["/a", "/b", "/c?d=e"];
        let streams = paths.map(|path| {
            world
                .driver
                .send(connection, get(&format!("https://{HOST}{path}")))
                .unwrap()
        });
        world.driver.run().unwrap();
        let mut answered = Vec::new();
        for event in world.driver.events() {
            if let ClientEvent::Response {
                stream, response, ..
            } = event
            {
                answered.push((stream, response.into_body()));
            }
        }
        let expected = ["/a", "/b", "/c"].map(Bytes::from);
        assert_eq!(
            answered,
            streams.into_iter().zip(expected).collect::<Vec<_>>(),
            "{case}"
        );
        let heads = heads(&mut world.driver);
        assert_eq!(
            heads.iter().map(|head| &*head.target).collect::<Vec<_>>(),
            paths,
            "{case}"
        );
        assert_eq!(
            heads.iter().map(|head| head.stream).collect::<Vec<_>>(),
            streams,
            "{case}"
        );
    });
}

#[test]
fn the_head_is_observed_as_it_was_sent() {
    each_with(
        |connection, request| {
            let echoed = format!("{connection} {}", request.body().len());
            let mut response = Response::new(Bytes::from(echoed));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response.into()
        },
        &mut |mut world, connection, case| {
            let request = Request::put("https://api.test:8443/items")
                .header("origin", "https://app.test")
                .header("cookie", "a=b")
                .body(Bytes::from_static(b"{\"one\":1}"))
                .unwrap();
            let response = world.fetch(connection, request).unwrap();
            assert_eq!(response.status(), StatusCode::IM_A_TEAPOT, "{case}");
            assert_eq!(response.body(), "connection#0 9", "{case}");
            let head = heads(&mut world.driver).pop().unwrap();
            assert_eq!(
                (head.connection, &head.method),
                (connection, &Method::PUT),
                "{case}"
            );
            assert_eq!(
                (head.authority.as_deref(), &*head.target),
                (Some("api.test:8443"), "/items"),
                "{case}"
            );
            assert_eq!(head.headers["origin"], "https://app.test", "{case}");
            assert_eq!(head.headers["cookie"], "a=b", "{case}");
        },
    );
}

#[test]
fn nothing_in_a_response_comes_from_another_clock() {
    each(|mut world, connection, case| {
        let response = world.fetch(connection, get("https://api.test/")).unwrap();
        assert!(!response.headers().contains_key("date"), "{case}");
    });
}

#[test]
fn the_client_closes() {
    each(|mut world, connection, case| {
        world.fetch(connection, get("https://api.test/")).unwrap();
        world.driver.close(connection).unwrap();
        assert_eq!(
            closed(&mut world.driver),
            (Some(EndReason::Local), Some(EndReason::CloseNotify)),
            "{case}"
        );
        let late = world.driver.send(connection, get("https://api.test/"));
        assert_eq!(late, Err(StreamError::Ended(EndReason::Local)), "{case}");
    });
}

#[test]
fn the_server_closes() {
    type Close = fn(&mut World, ConnectionId);
    // HTTP/2 says goodbye with GOAWAY, after which the client closes; HTTP/1.1 has only TLS's way.
    let ways: [(&str, Close, [EndReason; 2]); 3] = [
        (
            "shut down",
            |world, connection| world.driver.shut_down(connection).unwrap(),
            [EndReason::CloseNotify, EndReason::Finished],
        ),
        (
            "restart",
            |world, _| world.driver.restart(world.server).unwrap(),
            [EndReason::CloseNotify, EndReason::Finished],
        ),
        (
            "cut",
            |world, connection| world.driver.cut(connection).unwrap(),
            [EndReason::Truncated, EndReason::Truncated],
        ),
    ];
    for (way, close, reasons) in ways {
        each(|mut world, connection, case| {
            let [http11, h2] = &reasons;
            let reason = if case.ends_with("H2") { h2 } else { http11 };
            world.fetch(connection, get("https://api.test/")).unwrap();
            close(&mut world, connection);
            let ended = closed(&mut world.driver);
            assert_eq!(
                ended,
                (Some(reason.clone()), Some(EndReason::Local)),
                "{way} {case}"
            );
            let late = world.driver.send(connection, get("https://api.test/"));
            assert_eq!(
                late,
                Err(StreamError::Ended(reason.clone())),
                "{way} {case}"
            );
        });
    }
}

fn failure(events: &[ClientEvent], of: StreamId) -> Option<&StreamError> {
    events.iter().find_map(|event| match event {
        ClientEvent::Failed { stream, error, .. } if *stream == of => Some(error),
        _ => None,
    })
}

/// After GOAWAY a connection lives on for what is in flight; what comes later was certainly not processed (RFC 9113 section
/// 6.8).
#[test]
fn what_comes_after_goaway_was_not_processed() {
    let slow = |_: ConnectionId, request: &Request<Bytes>| match request.uri().path() {
        "/slow" => Reply::Never,
        _ => Response::new(Bytes::new()).into(),
    };
    each_with(slow, &mut |mut world, connection, case| {
        if case.ends_with("Http11") {
            return;
        }
        let send = |world: &mut World, path: &str| {
            let url = format!("https://{HOST}{path}");
            let sent = world.driver.send(connection, get(&url)).unwrap();
            world.driver.run().unwrap();
            sent
        };
        let before = send(&mut world, "/slow");
        world.driver.shut_down(connection).unwrap();
        let after = send(&mut world, "/");
        let events = world.driver.events();
        let unprocessed = matches!(failure(&events, after), Some(StreamError::Unprocessed(_)));
        assert!(unprocessed, "{case}: {events:?}");
        assert_eq!(
            failure(&events, before),
            None,
            "{case}: it may still be answered"
        );
        world.driver.cut(connection).unwrap();
        let events = world.driver.events();
        let unknown = matches!(failure(&events, before), Some(StreamError::Ended(_)));
        assert!(unknown, "{case}: {events:?}");
        assert_eq!(heads(&mut world.driver).len(), 1, "{case}");
    });
}

/// RFC 9113 sections 7 and 8.7. The connection serves other requests as before; in HTTP/1.1 it ends.
#[test]
fn the_server_resets_a_request() {
    let resets = |_: ConnectionId, request: &Request<Bytes>| match request.uri().path() {
        "/protected" => Reply::Http11Required,
        "/refused" => Reply::Refuse,
        _ => Response::new(Bytes::new()).into(),
    };
    each_with(resets, &mut |mut world, connection, case| {
        for (path, in_h2) in [
            (
                "/protected",
                (|it| matches!(it, StreamError::Http11Required)) as fn(&StreamError) -> bool,
            ),
            ("/refused", |it| matches!(it, StreamError::Unprocessed(_))),
        ] {
            let url = format!("https://{HOST}{path}");
            let error = match world.fetch(connection, get(&url)) {
                Err(error) => error,
                Ok(response) => panic!("{case} {path}: {response:?}"),
            };
            if case.ends_with("H2") {
                assert!(in_h2(&error), "{case} {path}: {error:?}");
                assert!(world.fetch(connection, get("https://api.test/")).is_ok());
            } else {
                assert!(
                    matches!(error, StreamError::Ended(_)),
                    "{case} {path}: {error:?}"
                );
            }
        }
    });
}

/// What Apache does with a path that needs a renegotiation, and what every browser does then: back over HTTP/1.1 alone, as
/// the same configuration, so that the session of the first connection serves and the same is shown.
#[test]
fn the_client_comes_back_over_http11() {
    for versions in VERSIONS {
        let mut world = World::new(server(ClientAuth::Request, versions));
        let protocols = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = std::rc::Rc::clone(&protocols);
        let wants_http11 = move |_: ConnectionId, request: &Request<Bytes>| {
            seen.borrow_mut().push(request.version());
            match request.version() {
                http::Version::HTTP_2 => Reply::Http11Required,
                _ => Response::new(Bytes::from_static(b"protected")).into(),
            }
        };
        let plan = server(ClientAuth::Request, versions);
        world.server = world.driver.add_server(plan, wants_http11).unwrap();
        let both = ClientConfiguration {
            alpn: vec![Protocol::H2, Protocol::Http11],
            ..client(1, Answer::Present(alice()))
        };
        let mut first = world.connect(&both, None);
        let refused = world.fetch(first.connection, get("https://api.test/"));
        assert_eq!(refused.unwrap_err(), StreamError::Http11Required);
        let alone = ClientConfiguration {
            alpn: vec![Protocol::Http11],
            ..both
        };
        let second = world.connect(&alone, Some(first.session()));
        assert!(second.server().resumed.is_some(), "{versions:?}");
        assert_eq!(
            second.server().identity,
            first.server().identity,
            "{versions:?}"
        );
        let answer = world.fetch(second.connection, get("https://api.test/"));
        assert_eq!(answer.unwrap().body(), "protected", "{versions:?}");
        let versions_seen = [http::Version::HTTP_2, http::Version::HTTP_11];
        assert_eq!(*protocols.borrow(), versions_seen, "{versions:?}");
    }
}

#[test]
fn the_server_closes_after_an_answer() {
    each_with(
        |_, _| Reply::AnswerAndClose(Response::new(Bytes::from_static(b"bye"))),
        &mut |mut world, connection, case| {
            let stream = world
                .driver
                .send(connection, get("https://api.test/"))
                .unwrap();
            world.driver.run().unwrap();
            let events = world.driver.events();
            let is_closed = |event: &ClientEvent| matches!(event, ClientEvent::Closed { .. });
            assert!(events.last().is_some_and(is_closed), "{case}: {events:?}");
            assert_eq!(
                outcome(events, connection, stream).unwrap().unwrap().body(),
                "bye",
                "{case}"
            );
        },
    );
}

#[test]
fn a_server_that_never_answers_does_not_hang_the_driver() {
    each_with(|_, _| Reply::Never, &mut |mut world, connection, case| {
        let streams = [(); 2].map(|()| {
            let sent = world.driver.send(connection, get("https://api.test/"));
            sent.unwrap()
        });
        world.driver.run().unwrap();
        assert!(world.driver.events().is_empty(), "{case}");
        world.driver.close(connection).unwrap();
        let events = world.driver.events();
        // HTTP/1.1 had not yet sent the second.
        let sent = |stream| stream == streams[0] || case.ends_with("H2");
        for stream in streams {
            let expected = match sent(stream) {
                true => StreamError::Ended(EndReason::Local),
                false => StreamError::Unprocessed(EndReason::Local),
            };
            assert_eq!(failure(&events, stream), Some(&expected), "{case} {stream}");
        }
        assert!(
            matches!(
                events.last(),
                Some(ClientEvent::Closed {
                    reason: EndReason::Local,
                    ..
                })
            ),
            "{case}"
        );
    });
}

#[test]
fn bodies_are_bounded_in_both_directions() {
    each_with(
        |_, request| {
            let length = if request.uri().path() == "/large" {
                MAX_BODY + 1
            } else {
                MAX_BODY
            };
            Response::new(Bytes::from(vec![b'x'; length])).into()
        },
        &mut |mut world, connection, case| {
            let fits = world.fetch(connection, get("https://api.test/")).unwrap();
            assert_eq!(fits.body().len(), MAX_BODY, "{case}");
            let large = Request::post("https://api.test/")
                .body(Bytes::from(vec![b'x'; MAX_BODY + 1]))
                .unwrap();
            assert_eq!(
                world.fetch(connection, large).unwrap().status(),
                StatusCode::PAYLOAD_TOO_LARGE,
                "{case}"
            );
            let other = world.connect(&client(2, Answer::Decline), None).connection;
            let large = world.fetch(other, get("https://api.test/large"));
            assert_eq!(large.unwrap_err(), StreamError::BodyTooLarge, "{case}");
        },
    );
}

#[test]
fn what_does_not_exist_is_an_error() {
    let mut world = World::new(server(ClientAuth::None, Versions::Both));
    let nowhere = ConnectionId(7);
    let sent = world.driver.send(nowhere, get("https://api.test/"));
    assert_eq!(sent, Err(StreamError::UnknownConnection(nowhere)));
    world.driver.close(nowhere).unwrap();
    world.driver.cut(nowhere).unwrap();
    let configuration = client(1, Answer::Decline);
    let (_, outcome) = world
        .driver
        .connect(ServerId(9), HOST, &configuration, None);
    assert_eq!(outcome, Err(ConnectError::UnknownServer(ServerId(9))));
    let (_, outcome) = world
        .driver
        .connect(world.server, "not a name", &configuration, None);
    assert_eq!(outcome, Err(ConnectError::BadName("not a name".to_owned())));
    let plan = server(ClientAuth::None, Versions::Both);
    assert_eq!(
        world.driver.reconfigure(ServerId(9), plan),
        Err(ServerError::Unknown(ServerId(9)))
    );
    let nobody = ServerPlan {
        accepts: Vec::new(),
        ..server(ClientAuth::Require, Versions::Both)
    };
    assert!(matches!(
        world.driver.reconfigure(world.server, nobody),
        Err(ServerError::Issuers(_))
    ));
}

#[test]
fn a_connection_carries_a_bounded_number_of_requests() {
    let mut world = World::new(server(ClientAuth::None, Versions::Both));
    let connection = world.connect(&client(1, Answer::Decline), None).connection;
    for _ in 0..MAX_STREAMS {
        world
            .driver
            .send(connection, get("https://api.test/"))
            .unwrap();
        world.driver.run().unwrap();
    }
    let one_more = world.driver.send(connection, get("https://api.test/"));
    assert_eq!(one_more, Err(StreamError::TooManyStreams(connection)));
}

/// RFC 9112 section 9.3.2: requests of every shape in one flight, each answered as if it had come alone, and in order.
#[test]
fn a_flight_is_answered_like_requests_one_by_one() {
    let request = |method: Method, path: &str, body: &str| {
        let url = format!("https://{HOST}{path}");
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("x-a", "1");
        request.body(Bytes::from(body.to_owned())).unwrap()
    };
    let flight = || {
        vec![
            request(Method::GET, "/a", ""),
            request(Method::PUT, "/b", "a body\r\n\r\nGET /smuggled HTTP/1.1"),
            request(Method::HEAD, "/c", ""),
            request(Method::PUT, "/d?e=f", ""),
            request(Method::OPTIONS, "/elsewhere", ""),
            request(Method::DELETE, "/g", ""),
        ]
    };
    let responder = |_, request: &Request<Bytes>| {
        let mut response = Response::new(Bytes::from(request.uri().path().to_owned()));
        *response.status_mut() = match (request.method(), request.uri().path()) {
            (&Method::OPTIONS, _) => StatusCode::MISDIRECTED_REQUEST,
            (&Method::DELETE, _) => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        };
        if response.status() == StatusCode::NO_CONTENT || request.method() == Method::HEAD {
            response.body_mut().clear();
        }
        response.into()
    };
    each_with(responder, &mut |mut world, connection, case| {
        let told = |world: &mut World| {
            let heads = heads(&mut world.driver);
            let heads = heads
                .into_iter()
                .map(|it| (it.method, it.target, it.authority, it.headers));
            let answers = world
                .driver
                .events()
                .into_iter()
                .filter_map(|event| match event {
                    ClientEvent::Response { response, .. } => {
                        Some((response.status(), response.into_body()))
                    }
                    ClientEvent::Failed { error, .. } => panic!("{case}: {error}"),
                    _ => None,
                });
            let mut answers: Vec<_> = answers.collect();
            if case.ends_with("H2") {
                answers.sort();
            }
            (heads.collect::<Vec<_>>(), answers)
        };
        for request in flight() {
            world.driver.send(connection, request).unwrap();
        }
        world.driver.run().unwrap();
        let (heads, answers) = told(&mut world);
        assert_eq!((heads.len(), answers.len()), (6, 6), "{case}");
        for _ in 0..2 {
            let mut followers = flight();
            let first = followers.remove(0);
            world
                .driver
                .send_flight(connection, first, followers)
                .unwrap();
            world.driver.run().unwrap();
            assert_eq!(told(&mut world), (heads.clone(), answers.clone()), "{case}");
        }
    });
}

/// A flight that the server ends after its first answer: the others may have been seen, and nobody says that they were not.
#[test]
fn what_is_left_of_a_flight_may_have_been_seen() {
    let last = |_, _: &Request<Bytes>| Reply::AnswerAndClose(Response::new(Bytes::new()));
    each_with(last, &mut |mut world, connection, case| {
        if !case.ends_with("Http11") {
            return;
        }
        let request = || get(&format!("https://{HOST}/"));
        let others = vec![request(), request()];
        world
            .driver
            .send_flight(connection, request(), others)
            .unwrap();
        world.driver.run().unwrap();
        let came = world
            .driver
            .events()
            .into_iter()
            .filter_map(|event| match event {
                ClientEvent::Response { stream, .. } => Some((stream.0, "answered")),
                ClientEvent::Failed {
                    stream,
                    error: StreamError::Ended(_),
                    ..
                } => Some((stream.0, "ended")),
                ClientEvent::Failed { stream, .. } => Some((stream.0, "never seen")),
                _ => None,
            });
        let expected = [(0, "answered"), (1, "ended"), (2, "ended")];
        assert_eq!(came.collect::<Vec<_>>(), expected, "{case}");
    });
}
