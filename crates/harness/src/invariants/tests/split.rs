//! Logs about `credentials-split`, `partition-split` and `trust-match`.

use super::Example;
use super::write::*;
use crate::log::{Cause, Client, Connection, Record};

pub(super) fn examples() -> Vec<Example> {
    [credentials_split(), partition_split(), trust_match()]
        .into_iter()
        .flatten()
        .collect()
}

/// One connection of a server that does not ask, and a second request on it.
fn second_rides_the_first() -> Vec<Record> {
    log![
        step(0),
        silent(connection(1, for_request(0), Client::Absent)),
        request(1, for_request(0)),
        answer(1, 200),
        done(0),
        step(1),
        nth_request(1, 2, for_request(1)),
    ]
}

/// The first connection is closed; the second is as given.
fn second_opens(second: Connection) -> Vec<Record> {
    log![
        step(0),
        silent(connection(1, for_request(0), Client::Absent)),
        ticket(1, 1),
        request(1, for_request(0)),
        answer(1, 200),
        done(0),
        closed(1),
        step(1),
        silent(second),
        request(2, for_request(1)),
    ]
}

fn second_resumes() -> Vec<Record> {
    second_opens(resumption(2, for_request(1), Client::Absent, 1))
}

fn second_is_new() -> Vec<Record> {
    second_opens(connection(2, for_request(1), Client::Absent))
}

/// The user, asked on behalf of the first step, sends no certificate; then come other steps, of which the last opens a
/// connection.
fn declined_then(last: Cause, client: Client) -> Vec<Record> {
    let mut log = log![
        step(0),
        connection(1, for_request(0), Client::Declined),
        prompt(for_request(0)),
        request(1, for_request(0)),
        answer(1, 200),
        done(0),
    ];
    log.extend((1..=last.step).map(|it| Record::from(step(it))));
    log.push(connection(2, last, client).into());
    log
}

fn silent(connection: Connection) -> Connection {
    Connection {
        asked: false,
        ..connection
    }
}

fn credentials_split() -> Vec<Example> {
    const ABOUT: &str = "credentials-split";
    vec![
        holds(
            ABOUT,
            "two credentialed requests share a connection",
            &[GET, GET],
            second_rides_the_first(),
        ),
        holds(ABOUT, "and a session", &[GET, GET], second_resumes()),
        holds(
            ABOUT,
            "with and without credentials share nothing",
            &[GET, OMIT],
            second_is_new(),
        ),
        breaks(
            ABOUT,
            "a connection serves both",
            &[GET, OMIT],
            second_rides_the_first(),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "a connection serves both, the other way round",
            &[OMIT, GET],
            second_rides_the_first(),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "a session serves both",
            &[GET, OMIT],
            second_resumes(),
            &[(ABOUT, 8), ("ticket-scope", 8)],
        ),
        under(
            "webkitgtk",
            holds(
                ABOUT,
                "a profile without that split is not judged",
                &[GET, OMIT],
                second_rides_the_first(),
            ),
        ),
    ]
}

fn partition_split() -> Vec<Example> {
    const ABOUT: &str = "partition-split";
    let put = |first: Client, second: bool| {
        let mut log = log![
            step(0),
            connection(1, for_preflight(0), Client::Declined),
            request(1, for_preflight(0)),
            answer(1, 204),
            connection(2, for_request(0), first),
            request(2, for_request(0)),
            answer(2, 200),
            done(0),
            step(1),
        ];
        if second {
            log.extend(log![
                connection(3, for_preflight(1), Client::Declined),
                request(3, for_preflight(1)),
                answer(3, 204)
            ]);
        }
        let id = if second { 4 } else { 3 };
        log.extend(log![
            connection(id, for_request(1), alice()),
            request(id, for_request(1))
        ]);
        log
    };
    vec![
        holds(
            ABOUT,
            "two sites have a connection each",
            &[GET, GET_AT_SHOP],
            second_is_new(),
        ),
        holds(
            ABOUT,
            "the user declines at one site and is asked anew at another",
            &[GET_DECLINED_AT_SHOP, GET],
            declined_then(for_request(1), alice()),
        ),
        breaks(
            ABOUT,
            "the user declines at one site and has declined at another",
            &[GET_DECLINED_AT_SHOP, GET],
            declined_then(for_request(1), Client::Declined),
            &[(ABOUT, 7)],
        ),
        breaks(
            ABOUT,
            "and even after a logout, which ends it everywhere",
            &[GET_DECLINED_AT_SHOP, LOGOUT, GET],
            declined_then(for_request(2), Client::Declined),
            &[(ABOUT, 8)],
        ),
        holds(
            ABOUT,
            "what is withheld at the same site after a logout has nothing to do with partitions",
            &[GET_DECLINED_AT_SHOP, LOGOUT, GET_AT_SHOP],
            declined_then(for_request(2), Client::Declined),
        ),
        holds(
            ABOUT,
            "what was declined at a site stays declined there",
            &[GET_DECLINED_AT_SHOP, GET_AT_SHOP],
            log![
                step(0),
                connection(1, for_request(0), Client::Declined),
                prompt(for_request(0)),
                request(1, for_request(0)),
                answer(1, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_request(1)),
            ],
        ),
        breaks(
            ABOUT,
            "two sites share a connection",
            &[GET, GET_AT_SHOP],
            second_rides_the_first(),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "two sites share a session",
            &[GET, GET_AT_SHOP],
            second_resumes(),
            &[(ABOUT, 8), ("ticket-scope", 8)],
        ),
        under(
            "webkitgtk",
            holds(
                ABOUT,
                "a profile without partitions is not judged",
                &[GET, GET_AT_SHOP],
                second_rides_the_first(),
            ),
        ),
        holds(
            ABOUT,
            "two sites have a preflight each",
            &[PUT, PUT_AT_SHOP],
            put(alice(), true),
        ),
        breaks(
            ABOUT,
            "an entry of the preflight cache serves another site",
            &[PUT, PUT_AT_SHOP],
            put(alice(), false),
            &[(ABOUT, 10), ("preflight-first", 10)],
        ),
    ]
}

fn trust_match() -> Vec<Example> {
    const ABOUT: &str = "trust-match";
    vec![
        holds(
            ABOUT,
            "a verified connection serves requests that verify",
            &[GET, GET],
            second_rides_the_first(),
        ),
        holds(
            ABOUT,
            "verified and not verified share nothing",
            &[GET_INSECURE, GET],
            second_is_new(),
        ),
        breaks(
            ABOUT,
            "an unverified connection serves a request that verifies",
            &[GET_INSECURE, GET],
            second_rides_the_first(),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "and the other way round",
            &[GET, GET_INSECURE],
            second_rides_the_first(),
            &[(ABOUT, 6)],
        ),
        holds(
            ABOUT,
            "who asks for another name has a connection of his own",
            &[GET, GET_UNDER_IMG],
            second_opens(Connection {
                sni: Some("img.api.test".into()),
                ..connection(2, for_request(1), Client::Absent)
            }),
        ),
        breaks(
            ABOUT,
            "a server that was verified under one name serves who asks for another",
            &[GET, GET_UNDER_IMG],
            second_rides_the_first(),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "an unverified session resumes for a request that verifies",
            &[GET_INSECURE, GET],
            second_resumes(),
            &[(ABOUT, 8), ("ticket-scope", 8)],
        ),
    ]
}
