//! Logs about `reuse-live`.

use super::Example;
use super::write::*;
use crate::log::{Client, Connection, Record};

const ABOUT: &str = "reuse-live";

/// A GET, and a second request that opens a connection although the first one's is still open.
fn opens_another(seconds: u64, first: Connection, second: Connection) -> Vec<Record> {
    let second = after(seconds, second);
    log![
        step(0),
        first,
        request(1, for_request(0)),
        answer(1, 200),
        done(0),
        step(1),
        second
    ]
}

/// A GET through the proxy, whose tunnel is still open when a second request opens these.
fn after_a_tunnel(more: Vec<Record>) -> Vec<Record> {
    let mut log = log![
        step(0),
        to_proxy(connection(1, for_request(0), carol())),
        through(1, connection(2, for_request(0), alice())),
        request(2, for_request(0)),
        answer(2, 200),
        done(0),
        step(1),
    ];
    log.extend(more);
    log
}

/// A GET that brings a session; its connection closes; a second request opens another.
fn after_a_close(second: Connection) -> Vec<Record> {
    after_a_get(log![step(1), second])
}

/// A GET that brings a session, another one that opens this connection and is answered so, and a third.
fn after_another(second: Connection, status: u16) -> Vec<Record> {
    after_a_get(log![
        step(1),
        step(2),
        second,
        request(2, for_request(2)),
        answer(2, status),
        done(2),
        closed(2),
        step(3),
        step(4),
        connection(3, for_request(4), alice()),
    ])
}

/// A session of TLS 1.2; one of 1.3, if there is one; and a connection of TLS 1.2 again, on which nothing was seen of either.
fn there_and_back(meanwhile: Vec<Record>) -> Vec<Record> {
    let mut log = log![
        step(0),
        step(1),
        tls12(connection(1, for_request(1), alice())),
        ticket(1, 1),
        request(1, for_request(1)),
        answer(1, 200),
        done(1),
        step(2),
        closed(1),
        step(3),
        connection(2, for_request(3), alice()),
    ];
    log.extend(meanwhile);
    log.extend::<Vec<Record>>(log![
        request(2, for_request(3)),
        answer(2, 200),
        done(3),
        step(4),
        closed(2),
        step(5),
        tls12(connection(3, for_request(5), alice())),
    ]);
    log
}

pub(super) fn examples() -> Vec<Example> {
    let first = || connection(1, for_request(0), alice());
    let second = || connection(2, for_request(1), alice());
    vec![
        holds(
            ABOUT,
            "a ticket was offered to a server that did not see it, since it spoke another version",
            &[GET, SPEAKS_TLS12, GET, SPEAKS_TLS13, GET],
            after_another(tls12(connection(2, for_request(2), alice())), 200),
        ),
        holds(
            ABOUT,
            "a ticket was offered to a server that did not see it, since it asked late",
            &[GET, ASKS_LATE, GET, ASKS_AGAIN, GET],
            after_another(
                Connection {
                    asked: false,
                    ..connection(2, for_request(2), Client::Absent)
                },
                403,
            ),
        ),
        holds(
            ABOUT,
            "a handshake fails where another version is spoken, which would not have seen the ticket",
            &[GET, SPEAKS_TLS12, GET],
            after_a_get(log![
                step(1),
                step(2),
                failed(
                    "handshake-failed",
                    Connection {
                        tls: None,
                        ..connection(2, for_request(2), alice())
                    }
                ),
            ]),
        ),
        holds(
            ABOUT,
            "the last session is of another version than is spoken by now, and was offered unseen",
            &[SPEAKS_TLS12, GET, SPEAKS_TLS13, GET, SPEAKS_TLS12, GET],
            there_and_back(log![ticket(2, 2)]),
        ),
        breaks(
            ABOUT,
            "there is no session of another version that could have been offered",
            &[SPEAKS_TLS12, GET, SPEAKS_TLS13, GET, SPEAKS_TLS12, GET],
            there_and_back(log![]),
            &[(ABOUT, 17)],
        ),
        breaks(
            ABOUT,
            "a ticket is left where it could have been offered, and would have been seen",
            &[GET, SPEAKS_TLS13, GET, SPEAKS_TLS13, GET],
            after_another(connection(2, for_request(2), alice()), 200),
            &[(ABOUT, 9), (ABOUT, 16)],
        ),
        holds(
            ABOUT,
            "the second request rides the idle connection",
            &[GET, GET],
            log![
                step(0),
                first(),
                request(1, for_request(0)),
                answer(1, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_request(1)),
            ],
        ),
        breaks(
            ABOUT,
            "the second request opens a connection although one is idle",
            &[GET, GET],
            opens_another(0, first(), second()),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "a second request digs a tunnel although one is idle",
            &[GET_VIA, GET_VIA],
            after_a_tunnel(log![
                to_proxy(connection(3, for_request(1), carol())),
                through(3, connection(4, for_request(1), alice())),
            ]),
            &[(ABOUT, 8)],
        ),
        holds(
            ABOUT,
            "a tunnel is idle, and the request goes straight",
            &[GET_VIA, GET],
            after_a_tunnel(log![connection(3, for_request(1), alice())]),
        ),
        breaks(
            ABOUT,
            "a second preflight opens a connection although a bare one is idle",
            &[PUT_OMIT, PUT_AT_HOME],
            log![
                step(0),
                connection(1, for_preflight(0), Client::Declined),
                request(1, for_preflight(0)),
                answer(1, 204),
                nth_request(1, 2, for_request(0)),
                nth_answer(1, 2, 200),
                done(0),
                step(1),
                connection(2, for_preflight(1), Client::Declined),
            ],
            &[(ABOUT, 8)],
        ),
        holds(
            ABOUT,
            "the connection was idle for longer than it is kept",
            &[GET, GET],
            opens_another(91, first(), second()),
        ),
        holds(
            ABOUT,
            "the idle connection is of another identity",
            &[GET, GET_AS_BOB],
            opens_another(0, first(), connection(2, for_request(1), bob())),
        ),
        holds(
            ABOUT,
            "the idle connection is without credentials",
            &[OMIT, GET],
            opens_another(0, connection(1, for_request(0), Client::Declined), second()),
        ),
        holds(
            ABOUT,
            "the connection is busy, in HTTP/1.1",
            &[GET, GET],
            log![
                step(0),
                first(),
                request(1, for_request(0)),
                step(1),
                second(),
            ],
        ),
        holds(
            ABOUT,
            "the connection is closed and the session is offered",
            &[GET, GET],
            after_a_close(resumption(2, for_request(1), alice(), 1)),
        ),
        breaks(
            ABOUT,
            "the connection is closed and its session is not offered",
            &[GET, GET],
            after_a_close(second()),
            &[(ABOUT, 8)],
        ),
    ]
}

/// Another method at another URL, so that no entry of the preflight cache is in the way.
const PUT_AT_HOME: &str =
    "[[step]]\nfetch = 'https://api.test/other'\nmethod = 'PUT'\ncredentials = 'include'\n";
