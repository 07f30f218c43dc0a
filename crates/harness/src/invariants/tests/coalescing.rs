//! Logs about `coalesce-safe`.

use super::Example;
use super::write::*;
use crate::log::{Client, Connection, Leg, Record};

const ABOUT: &str = "coalesce-safe";

/// An HTTP/2 connection to img.api.test, opened for the first step; the last of `steps` further ones joins it.
fn joins(steps: u16, client: Client, authority: &'static str) -> Vec<Record> {
    let mut log = log![
        step(0),
        Connection {
            sni: Some("img.api.test".into()),
            ..h2(connection(1, for_request(0), client))
        },
        at("img.api.test", request(1, for_request(0))),
        answer(1, 200),
        done(0),
    ];
    log.extend((1..=steps).map(|it| Record::from(step(it))));
    log.push(at(authority, nth_request(1, 2, for_request(steps))).into());
    log
}

pub(super) fn examples() -> Vec<Example> {
    vec![
        holds(
            ABOUT,
            "the certificate covers both names, and both requests are without credentials",
            &[OMIT_IMG, OMIT],
            joins(1, Client::Declined, "api.test"),
        ),
        breaks(
            ABOUT,
            "the certificate does not cover the other name",
            &[
                "[server.c]\nhosts = ['c.test']\n",
                OMIT_IMG,
                "[[step]]\nfetch = 'https://c.test/'\ncredentials = 'omit'\n",
            ],
            joins(1, Client::Declined, "c.test"),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "the way is another",
            &[OMIT_IMG, OMIT_VIA],
            joins(1, Client::Declined, "api.test"),
            &[(ABOUT, 6), ("hop-bound", 6)],
        ),
        breaks(
            ABOUT,
            "a client certificate was sent",
            &[GET_IMG, GET],
            joins(1, alice(), "api.test"),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "the port is another",
            &[GET_IMG, GET_8443],
            joins(1, Client::Absent, "api.test:8443"),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "the credentials differ",
            &[OMIT_IMG, GET],
            joins(1, Client::Absent, "api.test"),
            &[(ABOUT, 6), ("credentials-split", 6)],
        ),
        breaks(
            ABOUT,
            "the network partition keys differ",
            &[GET_IMG, GET_AT_SHOP],
            joins(1, Client::Absent, "api.test"),
            &[(ABOUT, 6), ("partition-split", 6)],
        ),
        breaks(
            ABOUT,
            "the server-verification policies differ",
            &[GET_IMG, GET_INSECURE],
            joins(1, Client::Absent, "api.test"),
            &[(ABOUT, 6), ("trust-match", 6)],
        ),
        breaks(
            ABOUT,
            "the identities differ, though none was asked for",
            &[GET_IMG, GET_AS_BOB],
            joins(1, Client::Absent, "api.test"),
            &[(ABOUT, 6)],
        ),
        breaks(
            ABOUT,
            "the user logged out in between",
            &[OMIT_IMG, LOGOUT, OMIT],
            joins(2, Client::Declined, "api.test"),
            &[(ABOUT, 7)],
        ),
        breaks(
            ABOUT,
            "the port is another, on a connection to an address, of which the handshake tells nothing",
            &[
                "[server.c]\nhosts = ['192.0.2.2']\nports = [443, 8443]\n",
                "[[step]]\nfetch = 'https://192.0.2.2/'\ncredentials = 'omit'\n",
                "[[step]]\nfetch = 'https://192.0.2.2:8443/'\ncredentials = 'omit'\n",
            ],
            log![
                step(0),
                Connection {
                    sni: None,
                    ..h2(to(
                        "c",
                        "192.0.2.2",
                        connection(1, for_request(0), Client::Declined)
                    ))
                },
                at("192.0.2.2", request(1, for_request(0))),
                answer(1, 200),
                done(0),
                step(1),
                at("192.0.2.2:8443", nth_request(1, 2, for_request(1))),
            ],
            &[(ABOUT, 6)],
        ),
        holds(
            ABOUT,
            "a request to a proxy is always for another host",
            &[GET],
            log![
                step(0),
                Connection {
                    leg: Leg::Proxy,
                    sni: Some("proxy.test".into()),
                    ..connection(1, for_request(0), Client::Absent)
                },
                request(1, for_request(0)),
            ],
        ),
    ]
}
