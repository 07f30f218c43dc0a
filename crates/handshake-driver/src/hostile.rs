//! What if the bytes are not what was sent? Split, damaged, cut off, or never TLS at all: both ends come to an end, with an
//! error, within the budget.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{Request, Response};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

use crate::{
    Answer, ClientAuth, ClientConfiguration, ClientEvent, ConfigKey, ConnectionId, Driver,
    EndReason, IdentityPlan, Observation, Pki, Protocol, ServerPlan, StreamError, Versions,
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
    arrived: bool,
}

fn exchange(versions: Versions, protocol: Protocol, up: Weather, down: Weather) -> Outcome {
    let mut driver = Driver::new(Arc::clone(&PKI));
    let plan = ServerPlan {
        client_auth: ClientAuth::Request,
        versions,
        ..ServerPlan::new(&["api.test"])
    };
    let server = driver
        .add_server(plan, |_, _| {
            Response::new(Bytes::from_static(b"hello")).into()
        })
        .unwrap();
    let configuration = ClientConfiguration {
        answer: Answer::Present(PKI.identity(&IdentityPlan::new("alice")).unwrap()),
        alpn: vec![protocol],
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
    let arrived = driver
        .observations()
        .iter()
        .any(|seen| matches!(seen, Observation::Request(_)));
    let mut events = driver.events();
    // The two may wait for each other, as when a length was damaged; then the client gives up.
    driver.close(connection).unwrap();
    events.append(&mut driver.events());
    let answered = answer(events, connection);
    let again = driver.send(connection, Request::new(Bytes::new()));
    assert!(matches!(again, Err(StreamError::Ended(_))), "it is over");
    Outcome { answered, arrived }
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

fn versions() -> impl Strategy<Value = Versions> {
    prop_oneof![Just(Versions::Tls12), Just(Versions::Tls13)]
}

fn protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![Just(Protocol::Http11), Just(Protocol::H2)]
}

/// All that either end says in one exchange, and some more.
const CONVERSATION: usize = 3000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Records are split and joined at any byte, and nobody notices.
    #[test]
    fn pieces(versions in versions(), protocol in protocol(), up in 1usize..700, down in 1usize..700) {
        let outcome = exchange(versions, protocol, Weather::Fair(up), Weather::Fair(down));
        let response = outcome.answered.unwrap().unwrap();
        prop_assert_eq!(response.body(), "hello");
    }

    /// One bit anywhere: either it was beyond what was said, or the exchange fails at one end or the other. A request that
    /// arrives was not damaged, nor a response.
    #[test]
    fn one_bit(
        versions in versions(),
        protocol in protocol(),
        (upwards, place, bit) in (any::<bool>(), 0..CONVERSATION, 0u8..8),
    ) {
        let (fair, flips) = (Weather::Fair(4096), Weather::Flips(place, bit));
        let (up, down) = if upwards { (flips, fair) } else { (fair, flips) };
        let outcome = exchange(versions, protocol, up, down);
        match outcome.answered.expect("an outcome") {
            Ok(response) => prop_assert!(outcome.arrived && response.body() == "hello"),
            Err(StreamError::Ended(_)) => {}
            Err(StreamError::Unprocessed(_)) => prop_assert!(!outcome.arrived),
            Err(error) => prop_assert!(false, "{:?}", error),
        }
    }

    /// Cut off anywhere, or silent from there on.
    #[test]
    fn cut_off_or_silent(
        versions in versions(),
        protocol in protocol(),
        (upwards, silent, place) in (any::<bool>(), any::<bool>(), 0..CONVERSATION),
    ) {
        let ends = if silent { Weather::Stalls(place) } else { Weather::Ends(place) };
        let fair = Weather::Fair(4096);
        let (up, down) = if upwards { (ends, fair) } else { (fair, ends) };
        let outcome = exchange(versions, protocol, up, down);
        let unprocessed = matches!(outcome.answered, Some(Err(StreamError::Unprocessed(_))));
        prop_assert!(outcome.answered.is_some());
        prop_assert!(!(unprocessed && outcome.arrived), "what arrived may have been processed");
    }

    /// Nobody answers at all: the driver does not hang, and says what is the matter.
    #[test]
    fn silence(versions in versions(), protocol in protocol()) {
        let silent = Weather::Stalls(0);
        let outcome = exchange(versions, protocol, silent, silent);
        let given_up = Some(Err(StreamError::Unprocessed(EndReason::Local)));
        prop_assert_eq!(outcome.answered.map(|a| a.map(|_| ())), given_up);
        prop_assert!(!outcome.arrived);
    }

    /// What was never TLS: a client and a server that are told anything at all.
    #[test]
    fn noise(noise in prop::collection::vec(any::<u8>(), 0..400), record in any::<bool>()) {
        let mut said = noise.clone();
        if record {
            // Looks like a handshake record, so that more of it is read.
            let length = u16::try_from(noise.len()).unwrap().to_be_bytes();
            said = [&[0x16, 3, 3, length[0], length[1]], &*noise].concat();
        }
        let mut driver = Driver::new(Arc::clone(&PKI));
        let plan = ServerPlan::new(&["api.test"]);
        let server = driver.add_server(plan, |_, _| Response::new(Bytes::new()).into()).unwrap();
        let configuration = ClientConfiguration::new(ConfigKey(0));
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
