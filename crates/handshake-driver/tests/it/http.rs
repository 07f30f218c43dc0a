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
        let stream = world
            .driver
            .send(connection, get("https://api.test/"))
            .unwrap();
        let queued = world
            .driver
            .send(connection, get("https://api.test/"))
            .unwrap();
        world.driver.run().unwrap();
        assert!(world.driver.events().is_empty(), "{case}");
        world.driver.close(connection).unwrap();
        let events = world.driver.events();
        for stream in [stream, queued] {
            let failed = events.iter().any(|event| {
                    let local = StreamError::Ended(EndReason::Local);
                    matches!(event, ClientEvent::Failed { stream: s, error, .. } if (*s, error) == (stream, &local))
                });
            assert!(failed, "{case} {stream}: {events:?}");
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
