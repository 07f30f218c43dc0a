//! Logs about what servers owe.

use super::Example;
use super::write::*;
use crate::log::{Client, LateAuthentication, LateKind, Record};

pub(super) fn examples() -> Vec<Example> {
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
    ]
}
