//! What if the client means harm? Requests without end: the server ends with an answer or an error, within bounds of memory.

use std::pin::pin;
use std::sync::Arc;

use allocation_counter::measure;
use futures_util::future::select;
use http::Response;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::PKI;
use super::servers::{frame, kinds};
use crate::pki::Authority;
use crate::{
    ClientConfiguration, ConfigKey, Driver, EndReason, MAX_BODY, Observation, Protocol, ServerPlan,
};

/// What a server may hold at a time for a client that means harm.
const MEMORY: u64 = 4 << 20;

/// Says one thing, and then another again and again, until nobody listens.
async fn endless(tls: TlsStream<DuplexStream>, first: Vec<u8>, again: Vec<u8>) {
    let (mut reads, mut writes) = split(tls);
    let mut heard = [0; 4096];
    let says = pin!(async {
        let mut said = writes.write_all(&first).await;
        while said.is_ok() {
            said = writes.write_all(&again).await;
        }
    });
    let hears = pin!(async { while let Ok(1..) = reads.read(&mut heard).await {} });
    select(says, hears).await;
}

fn config(protocol: Protocol) -> ClientConfig {
    let roots = PKI.roots(&[Authority::servers()]).unwrap();
    let clock = Arc::new(crate::Clock::default());
    let mut config = ClientConfig::builder_with_details(Arc::clone(PKI.provider()), clock)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = Protocol::wire(&[protocol]);
    config
}

/// What our server saw of a client that says this without end.
fn meet(protocol: Protocol, first: Vec<u8>, again: Vec<u8>) -> Vec<Observation> {
    let mut driver = Driver::new(Arc::clone(&PKI));
    let plan = ServerPlan::new(&["api.test"]);
    let server = driver
        .add_server(plan, |_, _| Response::new(bytes::Bytes::new()).into())
        .unwrap();
    // The driver's own client is left out: its end of the transport goes nowhere.
    let ((_, nowhere), (wire, far)) = (duplex(1), duplex(1 << 14));
    let nobody = ClientConfiguration::new(ConfigKey(0));
    let ends = (nowhere, far);
    driver
        .begin_over(ends, server, "api.test", &nobody, None)
        .unwrap();
    driver.spawn(async move {
        let name = ServerName::try_from("api.test").unwrap();
        let connector = TlsConnector::from(Arc::new(config(protocol)));
        if let Ok(tls) = connector.connect(name, wire).await {
            endless(tls, first, again).await;
        }
    });
    driver.run().unwrap();
    driver.observations()
}

#[test]
fn endless_requests_come_to_an_end() {
    let field = b"x: aaaaaaaaaaaaaaaa\r\n".to_vec();
    let get = b"GET / HTTP/1.1\r\nhost: api.test\r\n".to_vec();
    let post = |length: &str| {
        format!("POST / HTTP/1.1\r\nhost: api.test\r\n{length}\r\n\r\n").into_bytes()
    };
    let preface = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &frame(kinds::SETTINGS, 0, 0, &[]),
    ]
    .concat();
    let pings = frame(kinds::PING, 0, 0, &[0; 8]).repeat(1000);
    let chunk = [&b"1000\r\n"[..], &[b'a'; 4096], b"\r\n"].concat();
    for (what, protocol, first, again, requests) in [
        ("method", Protocol::Http11, Vec::new(), vec![b'A'; 1024], 0),
        (
            "target",
            Protocol::Http11,
            b"GET /".to_vec(),
            vec![b'a'; 1024],
            0,
        ),
        ("fields", Protocol::Http11, get, field, 0),
        (
            "chunks",
            Protocol::Http11,
            post("transfer-encoding: chunked"),
            chunk,
            1,
        ),
        (
            "body",
            Protocol::Http11,
            post("content-length: 1000000000000"),
            vec![b'a'; 4096],
            1,
        ),
        ("pings", Protocol::H2, preface, pings, 0),
    ] {
        let mut seen = Vec::new();
        let memory = measure(|| seen = meet(protocol, first, again));
        assert!(
            memory.bytes_max < MEMORY,
            "{what}: {} bytes",
            memory.bytes_max
        );
        let arrived = |it: &&Observation| matches!(it, Observation::Request(_));
        assert_eq!(
            seen.iter().filter(arrived).count(),
            requests,
            "{what}: {seen:?}"
        );
        let flooded = Observation::Closed {
            connection: crate::ConnectionId(0),
            reason: EndReason::Flood,
        };
        assert_eq!(
            seen.last() == Some(&flooded),
            what == "pings",
            "{what}: {seen:?}"
        );
        let ended = |it: &Observation| matches!(it, Observation::Closed { .. });
        assert!(seen.iter().any(ended), "{what}: {seen:?}");
    }
    const { assert!(MAX_BODY < MEMORY as usize) };
}
