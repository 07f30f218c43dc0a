//! What if one connection overtakes another? The network carries each in its own time; what each of them shows, asks and
//! answers is its own, in whatever order that happens.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::PKI;
use crate::{
    Answer, ClientAuth, ClientConfiguration, ClientEvent, ConfigKey, ConnectionId, Driver,
    Identity, IdentityPlan, Observation, Protocol, ServerPlan, Shown,
};

/// The wire of one connection: what the client put in and has not been carried, and the same of the server.
struct Wire {
    client: DuplexStream,
    server: DuplexStream,
}

impl Wire {
    /// Carries at most so many bytes one way, and tells whether there were any.
    fn carry(&mut self, upwards: bool, most: usize) -> bool {
        let (from, to) = match upwards {
            true => (&mut self.client, &mut self.server),
            false => (&mut self.server, &mut self.client),
        };
        let mut piece = vec![0; most];
        let Some(Ok(read @ 1..)) = from.read(&mut piece).now_or_never() else {
            return false;
        };
        let written = to.write_all(&piece[..read]).now_or_never();
        written.is_some_and(|it| it.is_ok())
    }
}

/// What was seen of one connection.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    identity: Option<Identity>,
    shown: Option<Shown>,
    requests: Vec<String>,
    answers: Vec<Bytes>,
}

const SUBJECTS: [Option<&str>; 4] = [Some("alice"), Some("bob"), None, Some("carol")];

/// Moves pieces in this order, then whatever is left, and tells what was seen of each connection.
fn run(order: &[(usize, bool, usize)]) -> Vec<Seen> {
    let mut driver = Driver::new(Arc::clone(&PKI));
    let plan = ServerPlan {
        client_auth: ClientAuth::Request,
        ..ServerPlan::new(&["api.test"])
    };
    let echo = |_: ConnectionId, request: &Request<Bytes>| {
        Response::new(Bytes::from(request.uri().path().to_owned())).into()
    };
    let server = driver.add_server(plan, echo).unwrap();
    let mut wires = Vec::new();
    for (number, subject) in SUBJECTS.into_iter().enumerate() {
        let answer = subject.map_or(Answer::Decline, |subject| {
            Answer::Present(PKI.identity(&IdentityPlan::new(subject)).unwrap())
        });
        let configuration = ClientConfiguration {
            answer,
            alpn: vec![[Protocol::H2, Protocol::Http11][number % 2]],
            ..ClientConfiguration::new(ConfigKey(number as u64))
        };
        let ((near, client), (far, server_end)) = (duplex(1 << 16), duplex(1 << 16));
        let begun = driver.begin_over((near, far), server, "api.test", &configuration, None);
        let connection = begun.unwrap();
        for request in 0..2 {
            let request = Request::get(format!("https://api.test/{number}/{request}"));
            driver
                .send(connection, request.body(Bytes::new()).unwrap())
                .unwrap();
        }
        wires.push(Wire {
            client,
            server: server_end,
        });
    }
    for &(wire, upwards, most) in order {
        driver.run().unwrap();
        wires[wire].carry(upwards, most);
    }
    loop {
        driver.run().unwrap();
        let all = wires
            .iter_mut()
            .flat_map(|wire| [wire.carry(true, 4096), wire.carry(false, 4096)]);
        if !all.fold(false, |any, moved| any | moved) {
            break;
        }
    }
    seen(&mut driver)
}

fn seen(driver: &mut Driver) -> Vec<Seen> {
    let mut all: Vec<Seen> = SUBJECTS.iter().map(|_| Seen::default()).collect();
    let index = |connection: ConnectionId| usize::try_from(connection.0).unwrap();
    for observation in driver.observations() {
        match observation {
            Observation::Handshake(it) => {
                let seen = &mut all[index(it.connection)];
                (seen.identity, seen.shown) = (it.identity, Some(it.shown));
            }
            Observation::Request(it) => all[index(it.connection)].requests.push(it.target),
            _ => {}
        }
    }
    for event in driver.events() {
        if let ClientEvent::Response {
            connection,
            response,
            ..
        } = event
        {
            all[index(connection)].answers.push(response.into_body());
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn connections_overtake_each_other(
        order in prop::collection::vec((0..SUBJECTS.len(), any::<bool>(), 1usize..2000), 0..60),
    ) {
        let seen = run(&order);
        prop_assert_eq!(&seen, &run(&[]));
        for (number, (seen, subject)) in seen.iter().zip(SUBJECTS).enumerate() {
            let expected = subject.map(|subject| Identity::Known(IdentityPlan::new(subject).name));
            prop_assert_eq!(&seen.identity, &expected);
            prop_assert_eq!(&seen.answers, &[format!("/{number}/0"), format!("/{number}/1")]);
        }
    }
}
