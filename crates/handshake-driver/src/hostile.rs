//! What if the bytes are not what was sent? Split, damaged, cut off, or never TLS at all: both ends come to an end, with an
//! error, within the budget.

mod clients;
mod order;
mod servers;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{Request, Response};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

use crate::{
    Answer, ClientAuth, ClientConfiguration, ClientEvent, ConfigKey, ConnectionId, Driver,
    EndReason, IdentityPlan, LateAnswer, Observation, Pki, Protocol, ServerPlan, Stack,
    StreamError, Versions,
};

static PKI: LazyLock<Arc<Pki>> = LazyLock::new(Arc::default);

/// What the network does to the bytes of one direction.
#[derive(Clone, Copy, Debug)]
enum Weather {
    /// Passes them on in pieces of this size.
    Fair(usize),
    /// Flips one bit of the byte at this place.
    Flips(usize, u8),
    /// Ends after so many bytes.
    Ends(usize),
    /// Says nothing more after so many bytes, and does not end.
    Stalls(usize),
}

/// Carries bytes from one pipe to another through the weather.
async fn carry(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    weather: Weather,
) {
    let mut at = 0;
    let mut buffer = vec![
        0;
        if let Weather::Fair(piece) = weather {
            piece
        } else {
            4096
        }
    ];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let mut piece = &mut buffer[..read];
        match weather {
            Weather::Fair(_) => {}
            Weather::Flips(place, bit) => {
                if let Some(byte) = place
                    .checked_sub(at)
                    .and_then(|offset| piece.get_mut(offset))
                {
                    *byte ^= 1 << bit;
                }
            }
            Weather::Ends(place) | Weather::Stalls(place) => {
                piece = &mut piece[..read.min(place - at)];
            }
        }
        at += read;
        if to.write_all(piece).await.is_err()
            || matches!(weather, Weather::Ends(place) if at >= place)
        {
            break;
        }
        if matches!(weather, Weather::Stalls(place) if at >= place) {
            return std::future::pending().await;
        }
    }
    // A connection that was cut is no longer read from either: dropping both halves closes the pipe to both sides.
    let _ = to.shutdown().await;
}

/// Both ends of a transport through the weather, one for each direction.
fn transport(driver: &Driver, up: Weather, down: Weather) -> (DuplexStream, DuplexStream) {
    let ((near, near_wire), (far_wire, far)) = (duplex(1 << 14), duplex(1 << 14));
    let ((near_reads, near_writes), (far_reads, far_writes)) = (split(near_wire), split(far_wire));
    driver.spawn(carry(near_reads, far_writes, up));
    driver.spawn(carry(far_reads, near_writes, down));
    (near, far)
}

/// What came of one request over one connection.
#[derive(Debug)]
struct Outcome {
    answered: Option<Result<Response<Bytes>, StreamError>>,
    seen: Vec<Observation>,
}

impl Outcome {
    fn arrived(&self) -> bool {
        let is_request = |seen: &Observation| matches!(seen, Observation::Request(_));
        self.seen.iter().any(is_request)
    }
}

/// Who talks, and how.
#[derive(Clone, Copy, Debug)]
struct Talk {
    server: Stack,
    client: Stack,
    client_auth: ClientAuth,
    versions: Versions,
    protocol: Protocol,
}

fn exchange(talk: Talk, up: Weather, down: Weather) -> Outcome {
    exchange_with(&PKI, talk, up, down)
}

fn exchange_with(pki: &Arc<Pki>, talk: Talk, up: Weather, down: Weather) -> Outcome {
    let mut driver = Driver::new(Arc::clone(pki));
    let plan = ServerPlan {
        stack: talk.server,
        client_auth: talk.client_auth,
        versions: talk.versions,
        ..ServerPlan::new(&["api.test"])
    };
    let server = driver
        .add_server(plan, |_, _| {
            Response::new(Bytes::from_static(b"hello")).into()
        })
        .unwrap();
    let alice = pki.identity(&IdentityPlan::new("alice")).unwrap();
    let configuration = ClientConfiguration {
        stack: talk.client,
        answer: Answer::Present(Arc::clone(&alice)),
        late: match talk.client_auth.late() {
            Some(_) => LateAnswer::Present(alice),
            None => LateAnswer::Refuse,
        },
        alpn: vec![talk.protocol],
        ..ClientConfiguration::new(ConfigKey(0))
    };
    let ends = transport(&driver, up, down);
    let connection = driver
        .begin_over(ends, server, "api.test", &configuration, None)
        .unwrap();
    driver
        .send(
            connection,
            Request::get("https://api.test/")
                .body(Bytes::new())
                .unwrap(),
        )
        .unwrap();
    driver.run().unwrap();
    let mut seen = driver.observations();
    let mut events = driver.events();
    // The two may wait for each other, as when a length was damaged; then the client gives up.
    driver.close(connection).unwrap();
    events.append(&mut driver.events());
    seen.append(&mut driver.observations());
    let answered = answer(events, connection);
    let again = driver.send(connection, Request::new(Bytes::new()));
    assert!(matches!(again, Err(StreamError::Ended(_))), "it is over");
    Outcome { answered, seen }
}

/// A server asks late, and the network goes silent at any byte: the request passes only if the answer came through. What
/// the server still waits for when nothing moves any more denies.
#[cfg(feature = "openssl")]
#[test]
fn a_late_question_without_an_answer_denies() {
    use Observation::{Answered, LateAuthentication};
    let mut unanswered = 0;
    for (versions, client_auth) in [
        (Versions::Tls12, ClientAuth::Renegotiate),
        (Versions::Tls13, ClientAuth::PostHandshake),
    ] {
        let talk = Talk {
            server: Stack::OpenSsl,
            client: Stack::OpenSsl,
            client_auth,
            versions,
            protocol: Protocol::Http11,
        };
        for place in (0..CONVERSATION).step_by(50) {
            let outcome = exchange(talk, Weather::Stalls(place), Weather::Fair(4096));
            let late = outcome.seen.iter().find_map(|seen| match seen {
                LateAuthentication(late) => Some(late.clone()),
                _ => None,
            });
            let status = outcome.seen.iter().find_map(|seen| match seen {
                Answered { status, .. } => Some(status.as_u16()),
                _ => None,
            });
            let expected = late.as_ref().and_then(|late| match &late.identity {
                Some(_) => Some(200),
                None if late.refused => None,
                None => Some(403),
            });
            assert_eq!(status, expected, "{talk:?} {place}: {outcome:?}");
            unanswered += usize::from(status == Some(403));
        }
    }
    assert!(unanswered > 2, "the silence never fell into the answer");
}

fn answer(
    events: Vec<ClientEvent>,
    on: ConnectionId,
) -> Option<Result<Response<Bytes>, StreamError>> {
    events.into_iter().find_map(|event| match event {
        ClientEvent::Response {
            connection,
            response,
            ..
        } if connection == on => Some(Ok(response)),
        ClientEvent::Failed {
            connection, error, ..
        } if connection == on => Some(Err(error)),
        _ => None,
    })
}

fn stack() -> impl Strategy<Value = Stack> {
    prop_oneof![
        Just(Stack::Rustls),
        #[cfg(feature = "openssl")]
        Just(Stack::OpenSsl),
    ]
}

/// Both stacks at both ends; and one server in three asks late, if it can.
fn talk() -> impl Strategy<Value = Talk> {
    let versions = prop_oneof![Just(Versions::Tls12), Just(Versions::Tls13)];
    let protocol = prop_oneof![Just(Protocol::Http11), Just(Protocol::H2)];
    let asks_late = prop::bool::weighted(0.33);
    let all = (stack(), stack(), versions, protocol, asks_late);
    all.prop_map(|(server, client, versions, protocol, asks_late)| {
        let talk = Talk {
            server,
            client,
            client_auth: ClientAuth::Request,
            versions,
            protocol,
        };
        match versions {
            _ if !asks_late || [server, client].contains(&Stack::Rustls) => talk,
            Versions::Tls12 => talk.late(ClientAuth::Renegotiate),
            _ => talk.late(ClientAuth::PostHandshake),
        }
    })
}

impl Talk {
    fn late(self, client_auth: ClientAuth) -> Self {
        Self {
            client_auth,
            protocol: Protocol::Http11,
            ..self
        }
    }
}

/// All that either end says in one exchange, and some more. (Who renegotiates says most of it twice.)
const CONVERSATION: usize = 4500;

/// The transport ends, or falls silent, after each single byte of the handshake in turn, from either side.
#[test]
fn a_handshake_may_break_off_at_every_byte() {
    let fast = Arc::new(Pki::insecure_test(0));
    let fair = Weather::Fair(4096);
    let mut broken_off = 0;
    for versions in [Versions::Tls12, Versions::Tls13] {
        for upwards in [true, false] {
            for place in 0.. {
                let breaks = match place % 2 {
                    0 => Weather::Ends(place),
                    _ => Weather::Stalls(place),
                };
                let (up, down) = if upwards {
                    (breaks, fair)
                } else {
                    (fair, breaks)
                };
                let talk = Talk {
                    server: Stack::Rustls,
                    client: Stack::Rustls,
                    client_auth: ClientAuth::Request,
                    versions,
                    protocol: Protocol::Http11,
                };
                let outcome = exchange_with(&fast, talk, up, down);
                let arrived = outcome.arrived();
                match outcome.answered.expect("an outcome") {
                    Ok(_) => break,
                    Err(StreamError::Unprocessed(_)) => assert!(!arrived),
                    Err(StreamError::Ended(_)) => {}
                    Err(error) => panic!("{versions:?} {place}: {error:?}"),
                }
                broken_off += 1;
            }
        }
    }
    assert!(
        broken_off > 2000,
        "each flight has hundreds of bytes: {broken_off}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Records are split and joined at any byte, and nobody notices.
    #[test]
    fn pieces(talk in talk(), up in 1usize..700, down in 1usize..700) {
        let outcome = exchange(talk, Weather::Fair(up), Weather::Fair(down));
        let response = outcome.answered.unwrap().unwrap();
        prop_assert_eq!(response.body(), "hello");
    }

    /// One bit anywhere: either it was beyond what was said, or the exchange fails at one end or the other. A request that
    /// arrives was not damaged, nor a response.
    #[test]
    fn one_bit(
        talk in talk(),
        (upwards, place, bit) in (any::<bool>(), 0..CONVERSATION, 0u8..8),
    ) {
        let (fair, flips) = (Weather::Fair(4096), Weather::Flips(place, bit));
        let (up, down) = if upwards { (flips, fair) } else { (fair, flips) };
        let outcome = exchange(talk, up, down);
        let arrived = outcome.arrived();
        match outcome.answered.expect("an outcome") {
            Ok(response) => prop_assert!(arrived && response.body() == "hello"),
            Err(StreamError::Ended(_)) => {}
            Err(StreamError::Unprocessed(_)) => prop_assert!(!arrived),
            Err(error) => prop_assert!(false, "{:?}", error),
        }
    }

    /// Cut off anywhere, or silent from there on.
    #[test]
    fn cut_off_or_silent(
        talk in talk(),
        (upwards, silent, place) in (any::<bool>(), any::<bool>(), 0..CONVERSATION),
    ) {
        let ends = if silent { Weather::Stalls(place) } else { Weather::Ends(place) };
        let fair = Weather::Fair(4096);
        let (up, down) = if upwards { (ends, fair) } else { (fair, ends) };
        let outcome = exchange(talk, up, down);
        let unprocessed = matches!(outcome.answered, Some(Err(StreamError::Unprocessed(_))));
        prop_assert!(outcome.answered.is_some());
        prop_assert!(!(unprocessed && outcome.arrived()), "what arrived may have been processed");
    }

    /// Nobody answers at all: the driver does not hang, and says what is the matter.
    #[test]
    fn silence(talk in talk()) {
        let silent = Weather::Stalls(0);
        let outcome = exchange(talk, silent, silent);
        prop_assert!(!outcome.arrived());
        let given_up = Some(Err(StreamError::Unprocessed(EndReason::Local)));
        prop_assert_eq!(outcome.answered.map(|a| a.map(|_| ())), given_up);
    }

    /// What was never TLS: a client and a server that are told anything at all.
    #[test]
    fn noise(
        noise in prop::collection::vec(any::<u8>(), 0..400),
        record in any::<bool>(),
        (ours, theirs) in (stack(), stack()),
    ) {
        let mut said = noise.clone();
        if record {
            // Looks like a handshake record, so that more of it is read.
            let length = u16::try_from(noise.len()).unwrap().to_be_bytes();
            said = [&[0x16, 3, 3, length[0], length[1]], &*noise].concat();
        }
        let mut driver = Driver::new(Arc::clone(&PKI));
        let plan = ServerPlan { stack: theirs, ..ServerPlan::new(&["api.test"]) };
        let server = driver.add_server(plan, |_, _| Response::new(Bytes::new()).into()).unwrap();
        let configuration = ClientConfiguration { stack: ours, ..ClientConfiguration::new(ConfigKey(0)) };
        let ((near, mut to_client), (mut to_server, far)) = (duplex(1 << 14), duplex(1 << 14));
        let connection = driver.begin_over((near, far), server, "api.test", &configuration, None).unwrap();
        driver.spawn(async move {
            let _ = to_client.write_all(&said).await;
            let _ = to_server.write_all(&said).await;
        });
        driver.run().unwrap();
        prop_assert!(driver.handshake(connection).unwrap().is_err());
        let refused = |seen: &Observation| matches!(seen, Observation::Refused(_));
        prop_assert_eq!(driver.observations().iter().filter(|seen| refused(seen)).count(), 1);
    }
}
