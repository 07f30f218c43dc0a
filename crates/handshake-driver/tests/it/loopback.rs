//! Is it the same over sockets? The same client, server and requests over loopback TCP, on a tokio runtime.

use std::sync::Arc;
use std::time::Duration;

use crate::common::*;
use bareflight_handshake_driver::*;
use tokio::net::{TcpListener, TcpStream};

/// What was seen of one case, in memory or over TCP.
#[derive(Debug, Default, PartialEq)]
struct Log {
    observations: Vec<Observation>,
    bodies: Vec<bytes::Bytes>,
    handshakes: Vec<ClientHandshake>,
}

/// Both ends of a connection over loopback.
async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) =
        futures_util::future::join(TcpStream::connect(address), listener.accept()).await;
    (near.unwrap(), far.unwrap().0)
}

/// A full handshake and a resumed one, each with two requests, and an end in order.
async fn exchange(versions: Versions, protocol: Protocol, over_tcp: bool) -> Log {
    let mut driver = Driver::new(Arc::clone(&PKI));
    let server = driver
        .add_server(server(ClientAuth::Require, versions), echo)
        .unwrap();
    let configuration = ClientConfiguration {
        alpn: vec![protocol],
        ..client(1, Answer::Present(alice()))
    };
    let mut log = Log::default();
    let mut session = None;
    for _ in 0..2 {
        let offer = session.take();
        let begun = match over_tcp {
            true => driver.begin_over(sockets().await, server, HOST, &configuration, offer),
            false => driver.begin(server, HOST, &configuration, offer),
        };
        let connection = begun.unwrap();
        for path in ["/a", "/b"] {
            let request = get(&format!("https://{HOST}{path}"));
            driver.send(connection, request).unwrap();
        }
        let mut answers = 0;
        let gather = |driver: &mut Driver| {
            for event in driver.events() {
                match event {
                    ClientEvent::Response { response, .. } => {
                        answers += 1;
                        log.bodies.push(response.into_body());
                    }
                    ClientEvent::Session {
                        session: arrived, ..
                    } => session = Some(arrived),
                    other => panic!("{other:?}"),
                }
            }
            answers == 2 && session.is_some()
        };
        driver.run_until(gather).await.unwrap();
        let handshake = driver.handshake(connection).unwrap();
        log.handshakes.push(handshake.unwrap());
        driver.close(connection).unwrap();
        let mut ended = false;
        let over = |driver: &mut Driver| {
            log.observations.append(&mut driver.observations());
            let closed = |it: &ClientEvent| matches!(it, ClientEvent::Closed { .. });
            ended |= driver.events().iter().any(closed);
            let seen = |it: &Observation| matches!(it, Observation::Closed { connection: c, .. } if *c == connection);
            ended && log.observations.iter().any(seen)
        };
        driver.run_until(over).await.unwrap();
    }
    log
}

#[test]
fn sockets_and_memory_are_seen_alike() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for versions in VERSIONS {
        for protocol in PROTOCOLS {
            let run = |over_tcp| {
                let exchange = exchange(versions, protocol, over_tcp);
                let bounded =
                    async { tokio::time::timeout(Duration::from_secs(20), exchange).await };
                runtime.block_on(bounded).expect("an end within 20 seconds")
            };
            let (sockets, memory) = (run(true), run(false));
            assert_eq!(sockets, memory, "{versions:?} {protocol:?}");
            assert_eq!(
                sockets.bodies,
                ["/a", "/b", "/a", "/b"],
                "{versions:?} {protocol:?}"
            );
            let resumed = sockets.handshakes.iter().map(|it| it.resumed);
            assert!(resumed.eq([false, true]), "{versions:?} {protocol:?}");
        }
    }
}

/// A client that is not the driver's: rustls over a blocking socket on a thread of its own, and HTTP/1.1 by hand.
fn stranger(address: std::net::SocketAddr) -> String {
    use std::io::{Read, Write};
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(PKI.provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(PKI.roots(&[Authority::servers()]).unwrap())
        .with_client_auth_cert(alice().cert.clone(), PKI.private_key(&alice()).unwrap())
        .unwrap();
    let mut tls =
        rustls::ClientConnection::new(Arc::new(config), HOST.try_into().unwrap()).unwrap();
    let mut tcp = std::net::TcpStream::connect(address).unwrap();
    let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
    write!(
        stream,
        "GET /stranger HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_client_that_is_somebody_elses_is_served() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let seen = runtime.block_on(async {
        let mut driver = Driver::new(Arc::clone(&PKI));
        let server = driver
            .add_server(server(ClientAuth::Require, Versions::Both), echo)
            .unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || stranger(address));
        let connection = driver
            .accept(listener.accept().await.unwrap().0, server)
            .unwrap();
        let mut seen = Vec::new();
        let closed = |driver: &mut Driver| {
            seen.append(&mut driver.observations());
            let closed = |it: &Observation| matches!(it, Observation::Closed { connection: c, .. } if *c == connection);
            seen.iter().any(closed)
        };
        let bounded = tokio::time::timeout(Duration::from_secs(20), driver.run_until(closed));
        bounded.await.expect("an end within 20 seconds").unwrap();
        assert!(client.join().unwrap().ends_with("/stranger"));
        seen
    });
    let authenticated = seen.iter().any(|it| {
        matches!(it, Observation::Handshake(it) if matches!(&it.identity, Some(Identity::Known(name)) if &*name.subject == "alice"))
    });
    assert!(authenticated, "{seen:?}");
}
