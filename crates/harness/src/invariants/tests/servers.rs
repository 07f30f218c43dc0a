//! Logs about what servers owe.

use super::Example;
use super::write::*;
use crate::log::{Client, Connection, Event, LateAuthentication, LateKind, Record};

pub(super) fn examples() -> Vec<Example> {
    [resume_rechecked(), route_matched(), late_denied()].concat()
}

fn resume_rechecked() -> Vec<Example> {
    const ABOUT: &str = "server-resume-rechecked";
    // The session of step 1 is resumed for the last step.
    let resumed = |then: Vec<Event>, first: Client, second: Connection| -> Vec<Record> {
        let mut log: Vec<Record> = log![
            step(0),
            connection(1, for_request(0), first),
            ticket(1, 1),
            request(1, for_request(0)),
            answer(1, 200),
            done(0),
            closed(1),
        ];
        log.extend(then.into_iter().map(Record::from));
        log.push(second.into());
        log
    };
    let again = |step| resumption(2, for_request(step), alice(), 1);
    let mut too_old = resumed(vec![step(1)], alice(), again(1));
    too_old[8].at = 7_201_000;
    let mut expired = resumed(
        vec![step(1)],
        bob(),
        resumption(2, for_request(1), bob(), 1),
    );
    expired[8].at = 3_601_000;
    vec![
        holds(
            ABOUT,
            "a session is resumed under its own name and rule",
            &[GET, GET],
            resumed(vec![step(1)], alice(), again(1)),
        ),
        holds(
            ABOUT,
            "a session that was forgotten is not",
            &[GET, ROTATE, GET],
            resumed(
                vec![step(1), step(2)],
                alice(),
                offering(2, for_request(2), alice(), 1),
            ),
        ),
        breaks(
            ABOUT,
            "a session that should have been forgotten is resumed",
            &[GET, ROTATE, GET],
            resumed(vec![step(1), step(2)], alice(), again(2)),
            &[(ABOUT, 9)],
        ),
        holds(
            ABOUT,
            "a session is not resumed once tickets are switched off",
            &[GET, TICKETS_OFF, GET],
            resumed(
                vec![step(1), step(2)],
                alice(),
                offering(2, for_request(2), alice(), 1),
            ),
        ),
        breaks(
            ABOUT,
            "it is resumed all the same (CVE-2014-7189)",
            &[GET, TICKETS_OFF, GET],
            resumed(vec![step(1), step(2)], alice(), again(2)),
            &[(ABOUT, 9)],
        ),
        holds(
            ABOUT,
            "a session of nobody is resumed whose certificates ever are taken, where none is insisted on",
            &[OMIT, TAKES_STAFF, OMIT],
            resumed(
                vec![step(1), step(2)],
                Client::Declined,
                resumption(2, for_request(2), Client::Declined, 1),
            ),
        ),
        breaks(
            ABOUT,
            "a session is resumed whose certificate would not pass any more (CVE-2025-68121)",
            &[GET, TAKES_STAFF, GET],
            resumed(vec![step(1), step(2)], alice(), again(2)),
            &[(ABOUT, 9)],
        ),
        holds(
            ABOUT,
            "but for a server that asks nobody any more, whose policy any certificate satisfies",
            &[GET, TAKES_STAFF, ASKS_NOBODY, GET],
            resumed(vec![step(1), step(2), step(3)], alice(), again(3)),
        ),
        breaks(
            ABOUT,
            "a session is resumed when the authority above the client has expired (golang/go issue 77113)",
            &[GET_AS_BOB, GET_AS_BOB],
            expired,
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "a session is resumed under a rule that came later",
            &[GET, REQUIRES, GET],
            resumed(vec![step(1), step(2)], alice(), again(2)),
            &[(ABOUT, 9)],
        ),
        breaks(
            ABOUT,
            "a session is resumed beyond its life",
            &[GET, GET],
            too_old,
            &[(ABOUT, 8), ("ticket-hygiene", 8)],
        ),
        breaks(
            ABOUT,
            "a session of nobody is resumed as somebody's",
            &[GET, GET],
            resumed(vec![step(1)], Client::Absent, again(1)),
            &[(ABOUT, 8)],
        ),
        breaks(
            ABOUT,
            "one server resumes the session of another",
            &[GET, GET],
            resumed(vec![step(1)], alice(), to("b", "b.test", again(1))),
            &[(ABOUT, 8), ("ticket-scope", 8)],
        ),
        breaks(
            ABOUT,
            "a session of the open host is resumed for the one that insists (CVE-2025-23419)",
            &[GET_OPEN, GET_ADMIN],
            log![
                step(0),
                to(
                    "hosting",
                    "open.test",
                    connection(1, for_request(0), Client::Absent)
                ),
                ticket(1, 1),
                step(1),
                to(
                    "hosting",
                    "admin.test",
                    resumption(2, for_request(1), Client::Absent, 1)
                ),
            ],
            &[(ABOUT, 4), ("ticket-scope", 4)],
        ),
        breaks(
            ABOUT,
            "a session without a certificate is resumed where one is insisted on",
            &[GET_ADMIN, GET_ADMIN],
            log![
                step(0),
                to(
                    "hosting",
                    "admin.test",
                    connection(1, for_request(0), Client::Declined)
                ),
                ticket(1, 1),
                step(1),
                to(
                    "hosting",
                    "admin.test",
                    resumption(2, for_request(1), Client::Declined, 1)
                ),
            ],
            &[(ABOUT, 4)],
        ),
    ]
}

fn route_matched() -> Vec<Example> {
    const ABOUT: &str = "server-route-matched";
    let joined = |status| -> Vec<Record> {
        log![
            step(0),
            h2(to(
                "hosting",
                "open.test",
                connection(1, for_request(0), Client::Absent)
            )),
            at("open.test", request(1, for_request(0))),
            answer(1, 200),
            done(0),
            step(1),
            at("admin.test", nth_request(1, 2, for_request(1))),
            nth_answer(1, 2, status),
        ]
    };
    // A last request, on the connection of somebody who has shown a certificate for the first. If it is for another host, that the
    // client shares the connection is another matter.
    let known = |first, then: u16, host| -> Vec<Record> {
        let mut log: Vec<Record> = log![
            step(0),
            step(1),
            h2(to("hosting", first, connection(1, for_request(1), alice()))),
            at(first, request(1, for_request(1))),
            answer(1, 200),
            done(1),
        ];
        log.extend((2..=then).map(|it| Record::from(step(it))));
        log.push(at(host, nth_request(1, 2, for_request(then))).into());
        log.push(nth_answer(1, 2, 200).into());
        log
    };
    vec![
        breaks(
            ABOUT,
            "a client that has shown its certificate is in for the host that insists",
            &[HOSTING_ASKS, GET_OPEN, GET_ADMIN],
            known("open.test", 2, "admin.test"),
            &[("coalesce-safe", 7)],
        ),
        breaks(
            ABOUT,
            "it is in although its certificate would not pass any more",
            &[HOSTING_ASKS, GET_OPEN, HOSTING_TAKES_STAFF, GET_ADMIN],
            known("open.test", 3, "admin.test"),
            &[("coalesce-safe", 8), (ABOUT, 9)],
        ),
        holds(
            ABOUT,
            "under the rule that it was made under a connection is not judged again",
            &[HOSTING_ASKS, GET_ADMIN, HOSTING_TAKES_STAFF, GET_ADMIN],
            known("admin.test", 3, "admin.test"),
        ),
        holds(
            ABOUT,
            "a request for the host that insists, on the connection of the open one, is misdirected",
            &[GET_OPEN, GET_ADMIN],
            joined(421),
        ),
        holds(
            ABOUT,
            "two hosts under one rule share",
            &[OMIT, OMIT_IMG],
            log![
                step(0),
                h2(connection(1, for_request(0), Client::Declined)),
                request(1, for_request(0)),
                answer(1, 200),
                step(1),
                at("img.api.test", nth_request(1, 2, for_request(1))),
                nth_answer(1, 2, 200),
            ],
        ),
        breaks(
            ABOUT,
            "it is answered all the same (CVE-2018-21246)",
            &[GET_OPEN, GET_ADMIN],
            joined(200),
            &[(ABOUT, 7)],
        ),
    ]
}

fn late_denied() -> Vec<Example> {
    const ABOUT: &str = "server-late-denied";
    let log = |late: Option<LateAuthentication>, status| -> Vec<Record> {
        let mut records: Vec<Record> = log![
            step(0),
            step(1),
            connection(1, for_request(1), Client::Absent),
            request(1, for_request(1)),
        ];
        records.extend(late.map(Record::from));
        records.push(answer(1, status).into());
        records
    };
    let renegotiation = |client| LateAuthentication {
        kind: LateKind::Renegotiation,
        ..late(1, client)
    };
    vec![
        holds(
            ABOUT,
            "who shows a certificate is let in",
            &[ASKS_LATE, GET],
            log(Some(late(1, alice())), 200),
        ),
        holds(
            ABOUT,
            "who declines is denied",
            &[ASKS_LATE, OMIT],
            log(Some(renegotiation(Client::Declined)), 403),
        ),
        holds(
            ABOUT,
            "who cannot be asked is denied",
            &[ASKS_LATE, GET],
            log(None, 403),
        ),
        breaks(
            ABOUT,
            "who declines is let in (CVE-2019-0215)",
            &[ASKS_LATE, OMIT],
            log(Some(late(1, Client::Declined)), 200),
            &[(ABOUT, 5)],
        ),
        breaks(
            ABOUT,
            "who cannot be asked is let in",
            &[ASKS_LATE, GET],
            log(None, 200),
            &[(ABOUT, 4)],
        ),
        breaks(
            ABOUT,
            "what came before the authentication counts as authenticated (CVE-2009-3555)",
            &[ASKS_LATE, GET],
            log![
                step(0),
                step(1),
                connection(1, for_request(1), Client::Absent),
                request(1, for_request(1)),
                nth_request(1, 2, for_request(1)),
                LateAuthentication {
                    stream: 2,
                    ..late(1, alice())
                },
                answer(1, 200),
            ],
            &[(ABOUT, 6)],
        ),
        holds(
            ABOUT,
            "what was sent behind it is asked for itself, and what comes later is not",
            &[ASKS_LATE, GET],
            log![
                step(0),
                step(1),
                connection(1, for_request(1), Client::Absent),
                request(1, for_request(1)),
                late(1, alice()),
                answer(1, 200),
                behind(1, nth_request(1, 2, for_request(1))),
                LateAuthentication {
                    stream: 2,
                    ..late(1, alice())
                },
                nth_answer(1, 2, 200),
                nth_request(1, 3, for_request(1)),
                nth_answer(1, 3, 200),
            ],
        ),
        breaks(
            ABOUT,
            "what was sent behind it counts as authenticated (CVE-2009-3555)",
            &[ASKS_LATE, GET],
            log![
                step(0),
                step(1),
                connection(1, for_request(1), Client::Absent),
                request(1, for_request(1)),
                late(1, alice()),
                answer(1, 200),
                behind(1, nth_request(1, 2, for_request(1))),
                nth_answer(1, 2, 200),
                behind(2, nth_request(1, 3, for_request(1))),
                nth_answer(1, 3, 200),
            ],
            &[(ABOUT, 7), (ABOUT, 9)],
        ),
    ]
}
