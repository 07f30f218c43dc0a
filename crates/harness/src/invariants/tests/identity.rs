//! Logs about `identity-match`, `identity-kept` and `hop-bound`.

use super::Example;
use super::write::*;
use crate::log::{Client, Connection, Record};

pub(super) fn examples() -> Vec<Example> {
    [identity_match(), identity_kept(), hop_bound()]
        .into_iter()
        .flatten()
        .collect()
}

/// A GET as alice; the next request rides its connection. One step lies between them if `between`.
fn next_rides_alice(next: u16) -> Vec<Record> {
    let mut log = log![
        step(0),
        connection(1, for_request(0), alice()),
        request(1, for_request(0)),
        answer(1, 200),
        done(0),
    ];
    log.extend((1..=next).map(|it| Record::from(step(it))));
    log.push(nth_request(1, 2, for_request(next)).into());
    log
}

/// A GET as alice whose connection closes; the next request rides a connection of its own.
fn next_opens(next: u16, second: Connection) -> Vec<Record> {
    let mut log = after_a_get(Vec::new());
    log.extend((1..=next).map(|it| Record::from(step(it))));
    log.extend(log![second, request(2, for_request(next))]);
    log
}

fn identity_match() -> Vec<Example> {
    const ABOUT: &str = "identity-match";
    vec![
        holds(
            ABOUT,
            "alice's second request rides alice's connection",
            &[GET, GET],
            next_rides_alice(1),
        ),
        breaks(
            ABOUT,
            "bob's request rides alice's connection",
            &[GET, GET_AS_BOB],
            next_rides_alice(1),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "the connection was opened with the wrong identity",
            &[GET],
            log![
                step(0),
                connection(1, for_request(0), bob()),
                request(1, for_request(0)),
            ],
            &[(ABOUT, 2)],
        ),
        breaks(
            ABOUT,
            "it was opened with an identity that the scenario does not have",
            &[GET],
            log![
                step(0),
                connection(1, for_request(0), Client::Unknown),
                request(1, for_request(0)),
            ],
            &[(ABOUT, 2)],
        ),
        holds(
            ABOUT,
            "bob resumes nothing of alice's",
            &[GET, GET_AS_BOB],
            next_opens(1, connection(2, for_request(1), bob())),
        ),
        breaks(
            ABOUT,
            "bob's request resumes alice's session",
            &[GET, GET_AS_BOB],
            next_opens(1, resumption(2, for_request(1), alice(), 1)),
            &[(ABOUT, 9), ("ticket-scope", 8)],
        ),
        breaks(
            ABOUT,
            "after the renewal the old certificate's connection serves on",
            &[GET, RENEW, GET],
            next_rides_alice(2),
            &[(ABOUT, 7)],
        ),
        holds(
            ABOUT,
            "after the renewal the new certificate is presented",
            &[GET, RENEW, GET],
            next_opens(2, connection(2, for_request(2), renewed_alice())),
        ),
        breaks(
            ABOUT,
            "after the logout the connection serves on",
            &[GET, LOGOUT, GET],
            next_rides_alice(2),
            &[(ABOUT, 7)],
        ),
        holds(
            ABOUT,
            "after the logout the user authenticates anew",
            &[GET, LOGOUT, GET],
            next_opens(2, connection(2, for_request(2), alice())),
        ),
        breaks(
            ABOUT,
            "after the logout the session serves on",
            &[GET, LOGOUT, GET],
            next_opens(2, resumption(2, for_request(2), alice(), 1)),
            &[(ABOUT, 10), ("ticket-scope", 9)],
        ),
    ]
}

fn identity_kept() -> Vec<Example> {
    const ABOUT: &str = "identity-kept";
    let bare = |second: Connection| {
        log![
            step(0),
            connection(1, for_request(0), Client::Declined),
            ticket(1, 1),
            request(1, for_request(0)),
            answer(1, 200),
            done(0),
            closed(1),
            step(1),
            second,
            request(2, for_request(1)),
        ]
    };
    vec![
        holds(
            ABOUT,
            "after a bare request the credentialed one authenticates",
            &[OMIT, GET],
            bare(connection(2, for_request(1), alice())),
        ),
        breaks(
            ABOUT,
            "the certificate was withheld on the connection of a credentialed request",
            &[GET],
            log![
                step(0),
                connection(1, for_request(0), Client::Declined),
                request(1, for_request(0)),
            ],
            &[(ABOUT, 2)],
        ),
        breaks(
            ABOUT,
            "the credentialed request rides the bare connection",
            &[OMIT, GET],
            log![
                step(0),
                connection(1, for_request(0), Client::Declined),
                request(1, for_request(0)),
                answer(1, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_request(1)),
            ],
            &[(ABOUT, 6), ("credentials-split", 6)],
        ),
        breaks(
            ABOUT,
            "the credentialed request resumes the bare session",
            &[OMIT, GET],
            bare(resumption(2, for_request(1), Client::Declined, 1)),
            &[(ABOUT, 9), ("credentials-split", 8), ("ticket-scope", 8)],
        ),
        holds(
            ABOUT,
            "who has no identity for the host withholds nothing",
            &[
                "[server.c]\nhosts = ['c.test']\n",
                "[[step]]\nfetch = 'https://c.test/'\ncredentials = 'include'\n",
            ],
            log![
                step(0),
                to(
                    "c",
                    "c.test",
                    connection(1, for_request(0), Client::Declined)
                ),
                at("c.test", request(1, for_request(0))),
            ],
        ),
    ]
}

fn hop_bound() -> Vec<Example> {
    const ABOUT: &str = "hop-bound";
    let redirected = |first: Client, second: Client| {
        log![
            step(0),
            connection(1, for_request(0), first),
            request(1, for_request(0)),
            answer(1, 302),
            to("b", "b.test", connection(2, for_hop(0, 1), second)),
            at("b.test", request(2, for_hop(0, 1))),
        ]
    };
    let proxied = |proxy: Client, origin: Client| {
        log![
            step(0),
            to_proxy(connection(1, for_request(0), proxy)),
            through(1, connection(2, for_request(0), origin)),
            request(2, for_request(0)),
        ]
    };
    let then = |mut log: Vec<Record>, more: Vec<Record>| {
        log.extend(more);
        log
    };
    vec![
        holds(
            ABOUT,
            "each server of a redirect sees its own identity",
            &[GO],
            redirected(alice(), bob()),
        ),
        breaks(
            ABOUT,
            "the target is shown the identity of the first",
            &[GO],
            redirected(alice(), alice()),
            &[(ABOUT, 4), ("identity-match", 5)],
        ),
        breaks(
            ABOUT,
            "the first is shown the identity of the target",
            &[GO],
            redirected(bob(), bob()),
            &[(ABOUT, 1), ("identity-match", 2)],
        ),
        holds(
            ABOUT,
            "the proxy is shown nothing of the origin's",
            &[GET_VIA],
            proxied(Client::Declined, alice()),
        ),
        holds(
            ABOUT,
            "the proxy knows the user by an identity of its own",
            &[GET_VIA],
            proxied(carol(), alice()),
        ),
        breaks(
            ABOUT,
            "the proxy is shown the origin's identity",
            &[GET_VIA],
            proxied(alice(), alice()),
            &[(ABOUT, 1)],
        ),
        breaks(
            ABOUT,
            "the origin is shown the proxy's identity",
            &[GET_VIA],
            proxied(carol(), carol()),
            &[(ABOUT, 2), ("identity-match", 3)],
        ),
        breaks(
            ABOUT,
            "a request that goes straight rides a tunnel",
            &[GET_VIA, GET],
            then(
                proxied(carol(), alice()),
                log![answer(2, 200), step(1), nth_request(2, 2, for_request(1))],
            ),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "a request that goes through the proxy goes straight",
            &[GET_VIA],
            log![
                step(0),
                connection(1, for_request(0), alice()),
                request(1, for_request(0)),
            ],
            &[(ABOUT, 2)],
        ),
    ]
}
