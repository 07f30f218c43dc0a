//! Logs about `preflight-first` and `preflight-continues`.

use super::Example;
use super::write::*;
use crate::log::{Client, Record};

/// A server whose preflights are answered 403.
const FORBIDS: &str = "[server.c]\nhosts = ['c.test']\nclient-certificate = 'request'\ncors = { preflight-status = 403 }\n";
const PUT_TO_C: &str =
    "[[step]]\nfetch = 'https://c.test/'\nmethod = 'PUT'\ncredentials = 'include'\n";

/// A server that insists.
const INSISTS: &str =
    "[[step]]\nevent = 'change-mode'\nserver = 'api'\nclient-certificate = 'require'\n";

pub(super) fn examples() -> Vec<Example> {
    [preflight_first(), preflight_continues()]
        .into_iter()
        .flatten()
        .collect()
}

fn preflight_first() -> Vec<Example> {
    const ABOUT: &str = "preflight-first";
    // A PUT with its preflight, and a second PUT on the same connection without.
    let second_put_after = |seconds: u64, first: u16| {
        log![
            step(0),
            connection(1, for_preflight(0), Client::Declined),
            request(1, for_preflight(0)),
            answer(1, 204),
            connection(2, for_request(0), alice()),
            request(2, for_request(0)),
            answer(2, 200),
            done(0),
            step(1),
            after(seconds, nth_request(2, 2, for_request(first))),
        ]
    };
    vec![
        holds(
            ABOUT,
            "the preflight succeeded; the second PUT has an entry in the cache, for five seconds",
            &[PUT, PUT],
            second_put_after(4, 1),
        ),
        breaks(
            ABOUT,
            "the entry has expired",
            &[PUT, PUT],
            second_put_after(6, 1),
            &[(ABOUT, 9)],
        ),
        breaks(
            ABOUT,
            "there is neither a preflight nor an entry",
            &[PUT],
            log![
                step(0),
                connection(1, for_request(0), alice()),
                request(1, for_request(0)),
            ],
            &[(ABOUT, 2)],
        ),
        breaks(
            ABOUT,
            "the preflight is not answered yet",
            &[PUT],
            log![
                step(0),
                connection(1, for_preflight(0), Client::Declined),
                request(1, for_preflight(0)),
                connection(2, for_request(0), alice()),
                request(2, for_request(0)),
                answer(1, 204),
            ],
            &[(ABOUT, 4)],
        ),
        holds(
            ABOUT,
            "the preflight was refused and nothing follows",
            &[FORBIDS, PUT_TO_C],
            refused(None),
        ),
        breaks(
            ABOUT,
            "the preflight was refused and the PUT follows",
            &[FORBIDS, PUT_TO_C],
            refused(Some(at("c.test", nth_request(1, 2, for_request(0))).into())),
            &[(ABOUT, 4), ("credentials-split", 4)],
        ),
        breaks(
            ABOUT,
            "an entry stored without credentials serves a credentialed request",
            &[PUT_OMIT, PUT],
            log![
                step(0),
                connection(1, for_preflight(0), Client::Declined),
                request(1, for_preflight(0)),
                answer(1, 204),
                nth_request(1, 2, for_request(0)),
                nth_answer(1, 2, 200),
                done(0),
                step(1),
                connection(2, for_request(1), alice()),
                request(2, for_request(1)),
            ],
            &[(ABOUT, 9)],
        ),
        holds(
            ABOUT,
            "an entry stored with credentials serves a request without",
            &[PUT, PUT_OMIT],
            log![
                step(0),
                connection(1, for_preflight(0), Client::Declined),
                request(1, for_preflight(0)),
                answer(1, 204),
                connection(2, for_request(0), alice()),
                request(2, for_request(0)),
                answer(2, 200),
                done(0),
                step(1),
                nth_request(1, 2, for_request(1)),
            ],
        ),
    ]
}

fn refused(then: Option<Record>) -> Vec<Record> {
    let mut log = log![
        step(0),
        to(
            "c",
            "c.test",
            connection(1, for_preflight(0), Client::Declined)
        ),
        at("c.test", request(1, for_preflight(0))),
        answer(1, 403),
    ];
    log.extend(then);
    log
}

fn preflight_continues() -> Vec<Example> {
    const ABOUT: &str = "preflight-continues";
    let aborted = || {
        log![
            step(0),
            failed(
                "client-aborted",
                connection(1, for_preflight(0), Client::Absent)
            ),
            error(0, "aborted-when-asked"),
        ]
    };
    vec![
        holds(
            ABOUT,
            "the preflight declines and goes on",
            &[PUT],
            log![
                step(0),
                connection(1, for_preflight(0), Client::Declined),
                request(1, for_preflight(0)),
            ],
        ),
        holds(
            ABOUT,
            "a proxy asked on the way, and the origin behind it is not trusted",
            &[PUT_VIA],
            log![
                step(0),
                to_proxy(connection(1, for_preflight(0), carol())),
                through(
                    1,
                    failed(
                        "server-untrusted",
                        connection(2, for_preflight(0), Client::Absent)
                    )
                ),
                closed(1),
                error(0, "server-untrusted"),
            ],
        ),
        breaks(
            ABOUT,
            "the client breaks the handshake off",
            &[PUT],
            aborted(),
            &[(ABOUT, 1)],
        ),
        under(
            "abort-on-request",
            holds(
                ABOUT,
                "a profile that says it aborts is not judged",
                &[PUT],
                aborted(),
            ),
        ),
        breaks(
            ABOUT,
            "the handshake goes well, and the client closes the connection and reports an error",
            &[PUT],
            log![
                step(0),
                connection(1, for_preflight(0), Client::Declined),
                closed(1),
                error(0, "connection-closed"),
            ],
            &[(ABOUT, 1)],
        ),
        holds(
            ABOUT,
            "a server that insists does fail the preflight",
            &[INSISTS, PUT],
            log![
                step(0),
                step(1),
                failed(
                    "certificate-required",
                    connection(1, for_preflight(1), Client::Declined)
                ),
                error(1, "certificate-required"),
            ],
        ),
        holds(
            ABOUT,
            "a client may break off where the server would insist anyway",
            &[INSISTS, PUT],
            log![
                step(0),
                step(1),
                failed(
                    "client-aborted",
                    connection(1, for_preflight(1), Client::Absent)
                ),
                error(1, "aborted-when-asked"),
            ],
        ),
    ]
}
