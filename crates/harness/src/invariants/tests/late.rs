//! Logs about `late-auth-refused`.

use super::Example;
use super::write::*;
use crate::log::{Client, Connection, LateAuthentication, LateKind, Record};

pub(super) fn examples() -> Vec<Example> {
    const ABOUT: &str = "late-auth-refused";
    let asked_late = |opened: Connection, late: LateAuthentication| -> Vec<Record> {
        log![
            step(0),
            Connection {
                asked: false,
                ..opened
            },
            request(1, for_request(0)),
            late,
            answer(1, 200),
        ]
    };
    let one = |client| connection(1, for_request(0), client);
    let renegotiation = |client| LateAuthentication {
        kind: LateKind::Renegotiation,
        ..late(1, client)
    };
    let refused = |client| LateAuthentication {
        refused: true,
        ..late(1, client)
    };
    vec![
        holds(
            ABOUT,
            "a credentialed request answers in HTTP/1.1",
            &[GET],
            asked_late(one(Client::Absent), late(1, alice())),
        ),
        holds(
            ABOUT,
            "a bare connection declines",
            &[OMIT],
            asked_late(one(Client::Absent), late(1, Client::Declined)),
        ),
        breaks(
            ABOUT,
            "a bare connection answers with the certificate, after the handshake",
            &[OMIT],
            asked_late(one(Client::Absent), late(1, alice())),
            &[(ABOUT, 3), ("omit-bare", 2), ("identity-match", 2)],
        ),
        breaks(
            ABOUT,
            "a bare connection answers with the certificate, by renegotiation",
            &[OMIT],
            asked_late(tls12(one(Client::Absent)), renegotiation(alice())),
            &[(ABOUT, 3), ("omit-bare", 2), ("identity-match", 2)],
        ),
        holds(
            ABOUT,
            "in HTTP/2 it is an error",
            &[GET],
            asked_late(h2(one(Client::Absent)), refused(Client::Absent)),
        ),
        breaks(
            ABOUT,
            "in HTTP/2 it is honoured",
            &[GET],
            asked_late(h2(one(Client::Absent)), late(1, alice())),
            &[(ABOUT, 3)],
        ),
        breaks(
            ABOUT,
            "in HTTP/2 it is declined and the connection goes on",
            &[GET],
            asked_late(h2(one(Client::Absent)), late(1, Client::Absent)),
            &[(ABOUT, 3)],
        ),
        breaks(
            ABOUT,
            "in HTTP/2 a renegotiation is honoured",
            &[GET],
            asked_late(tls12(h2(one(Client::Absent))), renegotiation(alice())),
            &[(ABOUT, 3)],
        ),
        breaks(
            ABOUT,
            "in HTTP/3 it is honoured",
            &[GET],
            asked_late(
                Connection {
                    alpn: Some(crate::log::Protocol::H3),
                    ..one(Client::Absent)
                },
                late(1, alice()),
            ),
            &[(ABOUT, 3)],
        ),
        under(
            "firefox-allow-client-cert",
            holds(
                ABOUT,
                "a profile that presents without credentials may do so late",
                &[OMIT],
                asked_late(one(Client::Absent), late(1, alice())),
            ),
        ),
    ]
}
