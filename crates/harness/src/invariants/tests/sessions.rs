//! Logs about `ticket-scope` and `ticket-hygiene`.

use super::Example;
use super::write::*;
use crate::log::{Client, Connection, Event, Leg, Protocol, Record};

pub(super) fn examples() -> Vec<Example> {
    [ticket_scope(), ticket_hygiene()]
        .into_iter()
        .flatten()
        .collect()
}

/// A GET as alice that brings a session; then `steps` further steps, of which the last opens `second`.
fn session_then(steps: u16, first: Connection, second: Connection) -> Vec<Record> {
    let mut log = log![
        step(0),
        first,
        ticket(1, 1),
        request(1, for_request(0)),
        answer(1, 200),
        done(0),
        closed(1)
    ];
    log.extend((1..=steps).map(|it| Record::from(step(it))));
    log.push(second.into());
    log
}

/// A tunnel through the proxy, something that happens, and a second tunnel that offers the proxy's session.
fn proxys_again() -> Vec<Record> {
    log![
        step(0),
        to_proxy(connection(1, for_request(0), carol())),
        ticket(1, 1),
        through(1, connection(2, for_request(0), alice())),
        request(2, for_request(0)),
        answer(2, 200),
        step(1),
        step(2),
        Connection {
            offered: Some(1),
            ..to_proxy(connection(3, for_request(2), carol()))
        },
    ]
}

fn ticket_scope() -> Vec<Example> {
    const ABOUT: &str = "ticket-scope";
    let first = || connection(1, for_request(0), alice());
    // It is the offer that counts: even a session that the server does not take links the two connections.
    let offers = |steps: u16, client: Client, change: fn(Connection) -> Connection| {
        session_then(
            steps,
            first(),
            change(offering(2, for_request(steps), client, 1)),
        )
    };
    let same = |connection| connection;
    vec![
        holds(
            ABOUT,
            "the same request again",
            &[GET, GET],
            offers(1, alice(), same),
        ),
        holds(
            ABOUT,
            "the same request again, resumed",
            &[GET, GET],
            session_then(1, first(), resumption(2, for_request(1), alice(), 1)),
        ),
        breaks(
            ABOUT,
            "another host",
            &[GET, GET_IMG],
            offers(1, alice(), |it| Connection {
                sni: Some("img.api.test".into()),
                ..it
            }),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "another port",
            &[GET, GET_8443],
            offers(1, alice(), |it| Connection { port: 8443, ..it }),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "another leg",
            &[GET, GET],
            offers(1, Client::Declined, |it| Connection {
                leg: Leg::Proxy,
                ..it
            }),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "the proxy's, on the way to the origin",
            &[GET_VIA],
            log![
                step(0),
                to_proxy(connection(1, for_request(0), carol())),
                ticket(1, 1),
                through(
                    1,
                    Connection {
                        offered: Some(1),
                        ..connection(2, for_request(0), alice())
                    }
                ),
                request(2, for_request(0)),
            ],
            &[(ABOUT, 3)],
        ),
        breaks(
            ABOUT,
            "the proxy's, from before the identity was renewed",
            &[GET_VIA, RENEW_CAROL, GET_VIA],
            proxys_again(),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "the proxy's, from before the user logged out",
            &[GET_VIA, LOGOUT, GET_VIA],
            proxys_again(),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "another transport",
            &[GET, GET],
            offers(1, alice(), |it| Connection {
                alpn: Some(Protocol::H3),
                ..it
            }),
            &[(ABOUT, 8)],
        ),
        holds(
            ABOUT,
            "HTTP/1.1 and HTTP/2 are one transport",
            &[GET, GET],
            offers(1, alice(), h2),
        ),
        breaks(
            ABOUT,
            "another network partition key",
            &[GET, GET_AT_SHOP],
            offers(1, alice(), same),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "other credentials",
            &[GET, OMIT],
            offers(1, Client::Declined, same),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "another identity",
            &[GET, GET_AS_BOB],
            offers(1, bob(), same),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "another certificate of the same name",
            &[GET, RENEW, GET],
            offers(2, renewed_alice(), same),
            &[(ABOUT, 9)],
        ),
        breaks(
            ABOUT,
            "another server-verification policy",
            &[GET, GET_INSECURE],
            offers(1, alice(), same),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "before and after a logout",
            &[GET, LOGOUT, GET],
            offers(2, alice(), same),
            &[(ABOUT, 9)],
        ),
        breaks(
            ABOUT,
            "a session of TLS 1.3 resumed in TLS 1.2",
            &[GET, GET],
            session_then(1, first(), tls12(resumption(2, for_request(1), alice(), 1))),
            &[(ABOUT, 8), ("server-resume-rechecked", 8)],
        ),
        holds(
            ABOUT,
            "a session of TLS 1.3 offered to a server that then takes TLS 1.2",
            &[GET, GET],
            offers(1, alice(), tls12),
        ),
    ]
}

/// A server that nobody trusts finishes a handshake, and the session is offered to it again.
fn shady() -> Vec<Record> {
    let first = connection(1, for_request(0), Client::Absent);
    let second = resumption(2, for_request(1), Client::Absent, 1);
    log![
        step(0),
        to(
            "shady",
            "shady.test",
            Connection {
                asked: false,
                ..first
            }
        ),
        ticket(1, 1),
        closed(1),
        step(1),
        to("shady", "shady.test", second),
    ]
}

/// The same connection to an address, which no ClientHello says.
fn unnamed(mut record: Record) -> Record {
    if let Event::Connection(connection) = &mut record.event {
        connection.sni = None;
    }
    record
}

/// A proxy's handshake comes to its end although nobody trusts it, and its session is offered.
fn shady_proxy() -> Vec<Record> {
    let leg = |connection: Connection| Connection {
        leg: Leg::Proxy,
        asked: false,
        ..to("shady-proxy", "shady-proxy.test", connection)
    };
    log![
        step(0),
        leg(connection(1, for_request(0), Client::Absent)),
        ticket(1, 1),
        closed(1),
        step(1),
        leg(resumption(2, for_request(1), Client::Absent, 1)),
    ]
}

fn ticket_hygiene() -> Vec<Example> {
    const ABOUT: &str = "ticket-hygiene";
    let offered_after = |seconds: u64| {
        let mut log = session_then(
            1,
            connection(1, for_request(0), alice()),
            offering(2, for_request(1), alice(), 1),
        );
        let last = log.pop().expect("it ends with the offer");
        log.push(after(seconds, last.event));
        log
    };
    let unverified = |offer: Connection| {
        log![
            step(0),
            failed(
                "server-untrusted",
                connection(1, for_request(0), Client::Absent)
            ),
            ticket(1, 1),
            error(0, "server-untrusted"),
            step(1),
            offer,
        ]
    };
    // A TLS 1.2 session, which may be offered more than once, offered in a handshake that fails, and once more.
    let after_a_failure = |last: Connection| {
        log![
            step(0),
            tls12(connection(1, for_request(0), alice())),
            ticket(1, 1),
            request(1, for_request(0)),
            answer(1, 200),
            done(0),
            closed(1),
            step(1),
            failed(
                "handshake-failed",
                tls12(offering(2, for_request(1), alice(), 1))
            ),
            error(1, "handshake-failed"),
            step(2),
            last,
        ]
    };
    vec![
        holds(
            ABOUT,
            "a session is offered within its two hours",
            &[GET, GET],
            offered_after(7_199),
        ),
        breaks(
            ABOUT,
            "a session is offered after its two hours",
            &[GET, GET],
            offered_after(7_201),
            &[(ABOUT, 8)],
        ),
        holds(
            ABOUT,
            "a connection that was not verified leaves nothing to offer",
            &[GET, GET],
            unverified(connection(2, for_request(1), alice())),
        ),
        breaks(
            ABOUT,
            "a session of a connection that was not verified is offered",
            &[GET, GET],
            unverified(offering(2, for_request(1), alice(), 1)),
            &[(ABOUT, 5)],
        ),
        holds(
            ABOUT,
            "who does not verify may keep what he was given",
            &[GET_SHADY_INSECURE, GET_SHADY_INSECURE],
            shady(),
        ),
        breaks(
            ABOUT,
            "a session of a server that should have been refused is offered",
            &[GET_SHADY, GET_SHADY],
            shady(),
            &[(ABOUT, 5)],
        ),
        breaks(
            ABOUT,
            "a session of a server that should have been refused by its address is offered",
            &[GET_SHADY_ADDRESS, GET_SHADY_ADDRESS],
            shady().into_iter().map(unnamed).collect(),
            &[(ABOUT, 5)],
        ),
        breaks(
            ABOUT,
            "a session of a proxy that should have been refused is offered",
            &[GET_VIA_SHADY, GET_VIA_SHADY],
            shady_proxy(),
            &[(ABOUT, 5)],
        ),
        holds(
            ABOUT,
            "after a failure the session is gone",
            &[GET, GET, GET],
            after_a_failure(tls12(connection(3, for_request(2), alice()))),
        ),
        breaks(
            ABOUT,
            "after a failure the session is offered again",
            &[GET, GET, GET],
            after_a_failure(tls12(offering(3, for_request(2), alice(), 1))),
            &[(ABOUT, 11)],
        ),
        holds(
            ABOUT,
            "a TLS 1.2 session is offered twice",
            &[GET, GET, GET],
            twice(tls12),
        ),
        breaks(
            ABOUT,
            "a TLS 1.3 ticket is offered twice",
            &[GET, GET, GET],
            twice(|it| it),
            &[(ABOUT, 12)],
        ),
        holds(
            ABOUT,
            "six days of resumptions",
            &[GET, GET, GET, GET, GET, GET, GET, GET, GET],
            daily(6),
        ),
        breaks(
            ABOUT,
            "eight days of resumptions, each session fresh: the certificate was shown more than a week ago",
            &[GET, GET, GET, GET, GET, GET, GET, GET, GET],
            daily(8),
            &[(ABOUT, 8 * 7 + 1)],
        ),
    ]
}

/// One session, resumed by a second and a third connection.
fn twice(version: fn(Connection) -> Connection) -> Vec<Record> {
    log![
        step(0),
        version(connection(1, for_request(0), alice())),
        ticket(1, 1),
        request(1, for_request(0)),
        answer(1, 200),
        done(0),
        closed(1),
        step(1),
        version(resumption(2, for_request(1), alice(), 1)),
        request(2, for_request(1)),
        closed(2),
        step(2),
        version(resumption(3, for_request(2), alice(), 1)),
    ]
}

/// A connection a day for so many days, each resuming the session of the day before: seven records each.
fn daily(days: u16) -> Vec<Record> {
    let mut log = Vec::new();
    for day in 0..=days {
        let id = u32::from(day) + 1;
        // The ninth connection comes more than seven days after the first.
        let seconds = u64::from(day) * 80_000;
        let opened = match day {
            0 => connection(id, for_request(day), alice()),
            _ => resumption(id, for_request(day), alice(), id - 1),
        };
        let records = log![
            step(day),
            opened,
            crate::log::Ticket {
                lifetime: 86_400,
                ..ticket(id, id)
            },
            request(id, for_request(day)),
            answer(id, 200),
            done(day),
            closed(id),
        ];
        log.extend(records.into_iter().map(|record| after(seconds, record)));
    }
    log
}
