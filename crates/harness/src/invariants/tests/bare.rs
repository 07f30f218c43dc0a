//! Logs about `preflight-bare`, `preflight-clean`, `omit-bare` and `no-prompt`.

use super::Example;
use super::write::*;
use crate::log::{Client, Connection, Request};

pub(super) fn examples() -> Vec<Example> {
    [
        preflight_bare(),
        omit_bare(),
        preflight_clean(),
        no_prompt(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn preflight_bare() -> Vec<Example> {
    const ABOUT: &str = "preflight-bare";
    let second_after_a_get =
        |second: Connection| after_a_get(log![step(1), second, request(2, for_preflight(1)),]);
    vec![
        holds(
            ABOUT,
            "the preflight's connection declines, the PUT's presents",
            &[PUT],
            log![
                step(0),
                connection(1, for_preflight(0), Client::Declined),
                request(1, for_preflight(0)),
                answer(1, 204),
                connection(2, for_request(0), alice()),
                request(2, for_request(0)),
                answer(2, 200),
                done(0),
            ],
        ),
        breaks(
            ABOUT,
            "presented: the preflight's own connection answers with the certificate",
            &[PUT],
            log![
                step(0),
                connection(1, for_preflight(0), alice()),
                request(1, for_preflight(0)),
            ],
            &[(ABOUT, 2), ("identity-match", 2)],
        ),
        holds(
            ABOUT,
            "after a GET the preflight has a bare connection of its own",
            &[GET, PUT],
            second_after_a_get(connection(2, for_preflight(1), Client::Declined)),
        ),
        breaks(
            ABOUT,
            "inherited: the preflight's connection resumes the session of the GET",
            &[GET, PUT],
            second_after_a_get(resumption(2, for_preflight(1), alice(), 1)),
            &[
                (ABOUT, 9),
                ("identity-match", 9),
                ("credentials-split", 8),
                ("ticket-scope", 8),
            ],
        ),
        breaks(
            ABOUT,
            "inherited by early data",
            &[GET, PUT],
            second_after_a_get(Connection {
                early_data: true,
                ..resumption(2, for_preflight(1), alice(), 1)
            }),
            &[
                (ABOUT, 9),
                ("identity-match", 9),
                ("credentials-split", 8),
                ("ticket-scope", 8),
            ],
        ),
        breaks(
            ABOUT,
            "reused: the preflight rides the connection of the GET",
            &[GET, PUT],
            log![
                step(0),
                connection(1, for_request(0), alice()),
                request(1, for_request(0)),
                answer(1, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_preflight(1)),
            ],
            &[(ABOUT, 6), ("identity-match", 6), ("credentials-split", 6)],
        ),
        breaks(
            ABOUT,
            "coalesced: the preflight joins the authenticated connection of another name",
            &[GET_IMG, PUT],
            log![
                step(0),
                Connection {
                    sni: Some("img.api.test".into()),
                    ..h2(connection(1, for_request(0), alice()))
                },
                at("img.api.test", request(1, for_request(0))),
                answer(1, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_preflight(1)),
            ],
            &[
                (ABOUT, 6),
                ("identity-match", 6),
                ("credentials-split", 6),
                ("coalesce-safe", 6),
            ],
        ),
        breaks(
            ABOUT,
            "acquired late: the bare connection was authenticated after an earlier request",
            &[OMIT, PUT],
            log![
                step(0),
                connection(1, for_request(0), Client::Declined),
                request(1, for_request(0)),
                late(1, alice()),
                answer(1, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_preflight(1)),
            ],
            &[
                (ABOUT, 7),
                ("omit-bare", 2),
                ("identity-match", 2),
                ("identity-match", 7),
                ("late-auth-refused", 3),
            ],
        ),
        breaks(
            ABOUT,
            "shown for nothing: the certificate was presented and the handshake failed",
            &[PUT],
            log![
                step(0),
                failed("handshake-failed", connection(1, for_preflight(0), alice())),
                error(0, "handshake-failed"),
            ],
            &[(ABOUT, 1)],
        ),
        under(
            "firefox-allow-client-cert",
            holds(
                ABOUT,
                "a profile that presents to preflights is not judged",
                &[PUT],
                log![
                    step(0),
                    connection(1, for_preflight(0), alice()),
                    request(1, for_preflight(0)),
                ],
            ),
        ),
    ]
}

fn omit_bare() -> Vec<Example> {
    const ABOUT: &str = "omit-bare";
    let after_a_get = |second: Connection| {
        log![
            step(0),
            connection(1, for_request(0), alice()),
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
            "the connection declines",
            &[OMIT],
            log![
                step(0),
                connection(1, for_request(0), Client::Declined),
                request(1, for_request(0)),
            ],
        ),
        breaks(
            ABOUT,
            "presented",
            &[OMIT],
            log![
                step(0),
                connection(1, for_request(0), alice()),
                request(1, for_request(0)),
            ],
            &[(ABOUT, 2), ("identity-match", 2)],
        ),
        holds(
            ABOUT,
            "after a GET it has a bare connection of its own",
            &[GET, OMIT],
            after_a_get(connection(2, for_request(1), Client::Declined)),
        ),
        breaks(
            ABOUT,
            "inherited by resumption",
            &[GET, OMIT],
            after_a_get(resumption(2, for_request(1), alice(), 1)),
            &[
                (ABOUT, 9),
                ("identity-match", 9),
                ("credentials-split", 8),
                ("ticket-scope", 8),
            ],
        ),
        breaks(
            ABOUT,
            "coalesced",
            &[GET_IMG, OMIT],
            log![
                step(0),
                Connection {
                    sni: Some("img.api.test".into()),
                    ..h2(connection(1, for_request(0), alice()))
                },
                at("img.api.test", request(1, for_request(0))),
                answer(1, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_request(1)),
            ],
            &[
                (ABOUT, 6),
                ("identity-match", 6),
                ("credentials-split", 6),
                ("coalesce-safe", 6),
            ],
        ),
        breaks(
            ABOUT,
            "acquired late: neither the request that it was for is bare, nor what is sent after",
            &[OMIT, OMIT],
            log![
                step(0),
                connection(1, for_request(0), Client::Declined),
                request(1, for_request(0)),
                late(1, alice()),
                answer(1, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_request(1)),
            ],
            &[
                (ABOUT, 2),
                (ABOUT, 7),
                ("identity-match", 2),
                ("identity-match", 7),
                ("late-auth-refused", 3),
            ],
        ),
        breaks(
            ABOUT,
            "shown for nothing",
            &[OMIT],
            log![
                step(0),
                failed("handshake-failed", connection(1, for_request(0), alice())),
            ],
            &[(ABOUT, 1)],
        ),
    ]
}

fn preflight_clean() -> Vec<Example> {
    const ABOUT: &str = "preflight-clean";
    let with = |preflight: Request| {
        log![
            step(0),
            connection(1, for_preflight(0), Client::Declined),
            preflight,
            answer(1, 204),
            connection(2, for_request(0), alice()),
            // What the request itself carries is none of this invariant's business.
            Request {
                cookie: true,
                authorization: true,
                ..request(2, for_request(0))
            },
        ]
    };
    let clean = || request(1, for_preflight(0));
    vec![
        holds(ABOUT, "nothing", &[PUT], with(clean())),
        breaks(
            ABOUT,
            "Cookie",
            &[PUT],
            with(Request {
                cookie: true,
                ..clean()
            }),
            &[(ABOUT, 2)],
        ),
        breaks(
            ABOUT,
            "Authorization",
            &[PUT],
            with(Request {
                authorization: true,
                ..clean()
            }),
            &[(ABOUT, 2)],
        ),
        breaks(
            ABOUT,
            "Client-Cert",
            &[PUT],
            with(Request {
                client_cert: true,
                ..clean()
            }),
            &[(ABOUT, 2)],
        ),
    ]
}

fn no_prompt() -> Vec<Example> {
    const ABOUT: &str = "no-prompt";
    vec![
        holds(
            ABOUT,
            "a credentialed request asks the user",
            &[GET],
            log![
                step(0),
                connection(1, for_request(0), alice()),
                prompt(for_request(0)),
            ],
        ),
        breaks(
            ABOUT,
            "a preflight asks",
            &[PUT],
            log![
                step(0),
                connection(1, for_preflight(0), Client::Declined),
                prompt(for_preflight(0)),
            ],
            &[(ABOUT, 2)],
        ),
        breaks(
            ABOUT,
            "a request without credentials asks",
            &[OMIT],
            log![
                step(0),
                connection(1, for_request(0), Client::Declined),
                prompt(for_request(0)),
            ],
            &[(ABOUT, 2)],
        ),
    ]
}
