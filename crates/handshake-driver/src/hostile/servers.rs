//! What if the server means harm? Answers without end, thousands of issuers or of tickets, a GOAWAY that disowns: the client
//! ends with an error that says so, within bounds of memory and of polls.

use std::pin::pin;
use std::sync::Arc;

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, select};
use http::Request;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, ServerConfig};
use rustls::sign::SingleCertAndKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{PKI, answer};
use crate::pki::{Authority, ServerCertificatePlan, Validity};
use crate::{
    Answer, ClientConfiguration, ClientEvent, ConfigKey, Driver, EndReason, IdentityPlan, Protocol,
    ServerPlan, StreamError, Versions,
};

/// What a client may hold at a time of a server that means harm.
const MEMORY: u64 = 4 << 20;

/// A script for the server once TLS is there.
type Script = Box<dyn FnOnce(TlsStream<DuplexStream>) -> LocalBoxFuture<'static, ()>>;

/// What came of one request to a server that does as the script says.
struct Outcome {
    answered: Option<Result<http::Response<Bytes>, StreamError>>,
    sessions: usize,
    handshake: Option<Result<crate::ClientHandshake, EndReason>>,
}

fn meet(config: ServerConfig, protocol: Protocol, script: Script) -> Outcome {
    let mut driver = Driver::new(Arc::clone(&PKI));
    // The driver's own server is left out: its end of the transport goes nowhere.
    let plan = ServerPlan::new(&["api.test"]);
    let server = driver.add_server(plan, |_, _| crate::Reply::Never).unwrap();
    let configuration = ClientConfiguration {
        answer: Answer::Present(PKI.identity(&IdentityPlan::new("alice")).unwrap()),
        alpn: vec![protocol],
        ..ClientConfiguration::new(ConfigKey(0))
    };
    let ((near, wire), (_, nowhere)) = (duplex(1 << 14), duplex(1));
    let ends = (near, nowhere);
    let connection = driver.begin_over(ends, server, "api.test", &configuration, None);
    let connection = connection.unwrap();
    driver.spawn(async move {
        if let Ok(tls) = TlsAcceptor::from(Arc::new(config)).accept(wire).await {
            script(tls).await;
        }
    });
    let request = Request::get("https://api.test/")
        .body(Bytes::new())
        .unwrap();
    driver.send(connection, request).unwrap();
    driver.run().unwrap();
    let handshake = driver.handshake(connection);
    let mut events = driver.events();
    driver.close(connection).unwrap();
    events.append(&mut driver.events());
    let session = |event: &&ClientEvent| matches!(event, ClientEvent::Session { .. });
    Outcome {
        sessions: events.iter().filter(session).count(),
        answered: answer(events, connection),
        handshake,
    }
}

fn config(versions: Versions, verifier: Arc<dyn ClientCertVerifier>) -> ServerConfig {
    let certificate = ServerCertificatePlan {
        names: vec!["api.test".to_owned()],
        issuer: Authority::servers(),
        validity: Validity::Current,
    };
    let certificate = PKI.server(&certificate).unwrap();
    let clock = Arc::new(crate::Clock::default());
    let mut config = ServerConfig::builder_with_details(Arc::clone(PKI.provider()), clock)
        .with_protocol_versions(versions.supported())
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)));
    config.alpn_protocols = Protocol::wire(&[Protocol::H2, Protocol::Http11]);
    config
}

fn plain(versions: Versions) -> ServerConfig {
    config(versions, Arc::new(NoClientAuth))
}

/// Waits for the request, begins with one thing, and then says another again and again, until nobody listens; what comes back
/// meanwhile is read, so that the client is never held up.
fn endless(
    mut tls: TlsStream<DuplexStream>,
    first: Vec<u8>,
    again: Vec<u8>,
) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let mut heard = [0; 4096];
        let _ = tls.read(&mut heard).await;
        let (mut reads, mut writes) = split(tls);
        let says = pin!(async {
            let mut said = writes.write_all(&first).await;
            while said.is_ok() {
                said = writes.write_all(&again).await;
            }
        });
        let hears = pin!(async { while let Ok(1..) = reads.read(&mut heard).await {} });
        select(says, hears).await;
    })
}

/// A frame of HTTP/2 (RFC 9113 section 4.1).
pub(super) fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Waits for the request and answers it.
fn once(mut tls: TlsStream<DuplexStream>, answer: Vec<u8>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = tls.read(&mut [0; 4096]).await;
        let _ = tls.write_all(&answer).await;
        let _ = tls.flush().await;
        let _ = tls.read(&mut [0; 4096]).await;
    })
}

/// RFC 9113 section 7.
const ENHANCE_YOUR_CALM: u8 = 0xb;
/// Kinds of frames (RFC 9113 section 6).
pub(super) mod kinds {
    pub(in super::super) const SETTINGS: u8 = 4;
    pub(in super::super) const PING: u8 = 6;
    pub(in super::super) const GOAWAY: u8 = 7;
    pub(in super::super) const HEADERS: u8 = 1;
    pub(in super::super) const CONTINUATION: u8 = 9;
}
use kinds::*;
/// `:status: 200` (RFC 7541 appendix A).
const STATUS_200: u8 = 0x88;
/// `x: ` and 100 bytes, not indexed (RFC 7541 section 6.2.2).
fn field() -> Vec<u8> {
    [&[0, 1, b'x', 100][..], &[b'a'; 100]].concat()
}

#[test]
fn endless_answers_come_to_an_end() {
    type Endless = fn(TlsStream<DuplexStream>) -> LocalBoxFuture<'static, ()>;
    let scripts: [(&str, Protocol, Endless); 8] = [
        ("status line", Protocol::Http11, |tls| {
            endless(tls, b"HTTP/1.1 200 ".to_vec(), b"aaaaaaaaaaaaaaaa".to_vec())
        }),
        ("fields", Protocol::Http11, |tls| {
            endless(
                tls,
                b"HTTP/1.1 200 OK\r\n".to_vec(),
                b"x: aaaaaaaaaaaaaaaa\r\n".to_vec(),
            )
        }),
        ("one field", Protocol::Http11, |tls| {
            endless(tls, b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 1024])
        }),
        ("body", Protocol::Http11, |tls| {
            endless(tls, b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 4096])
        }),
        ("interim answers", Protocol::Http11, |tls| {
            let hint = format!(
                "HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n",
                "a".repeat(4000)
            );
            endless(tls, Vec::new(), hint.into_bytes())
        }),
        ("fields", Protocol::H2, |tls| {
            let head = [&[STATUS_200][..], &field()].concat();
            let first = [frame(SETTINGS, 0, 0, &[]), frame(HEADERS, 0, 1, &head)].concat();
            endless(tls, first, frame(CONTINUATION, 0, 1, &field()))
        }),
        ("settings", Protocol::H2, |tls| {
            endless(tls, Vec::new(), frame(SETTINGS, 0, 0, &[]).repeat(1000))
        }),
        ("pings", Protocol::H2, |tls| {
            endless(
                tls,
                frame(SETTINGS, 0, 0, &[]),
                frame(PING, 0, 0, &[0; 8]).repeat(1000),
            )
        }),
    ];
    for (what, protocol, script) in scripts {
        let mut outcome = None;
        let config = plain(Versions::Tls13);
        let memory = measure(|| outcome = Some(meet(config, protocol, Box::new(script))));
        let case = format!("{what} {protocol:?}");
        assert!(
            memory.bytes_max < MEMORY,
            "{case}: {} bytes",
            memory.bytes_max
        );
        let answered = outcome.unwrap().answered;
        let expected = match (what, protocol) {
            ("body", _) => matches!(answered, Some(Err(StreamError::BodyTooLarge))),
            ("settings" | "pings" | "interim answers", _) => {
                matches!(answered, Some(Err(StreamError::Ended(EndReason::Flood))))
            }
            _ => matches!(answered, Some(Err(StreamError::Ended(EndReason::Http(_))))),
        };
        assert!(expected, "{case}: {answered:?}");
    }
}

/// RFC 9113 section 6.8: a GOAWAY whose last stream is below disowns the request, which may be sent again; one that is not
/// does not say what became of it.
#[test]
fn goaway_says_what_was_processed() {
    let goaway = |last: u8, error: u8| {
        let payload = [0, 0, 0, last, 0, 0, 0, error];
        [frame(SETTINGS, 0, 0, &[]), frame(GOAWAY, 0, 0, &payload)].concat()
    };
    fn say(mut tls: TlsStream<DuplexStream>, what: Vec<u8>) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            let _ = tls.read(&mut [0; 4096]).await;
            let _ = tls.write_all(&what).await;
            let _ = tls.shutdown().await;
        })
    }
    for versions in [Versions::Tls12, Versions::Tls13] {
        for (last, error, unprocessed) in [
            (0, 0, true),
            (0, ENHANCE_YOUR_CALM, true),
            (1, 0, false),
            (1, ENHANCE_YOUR_CALM, false),
        ] {
            let what = goaway(last, error);
            let script = Box::new(move |tls| say(tls, what));
            let answered = meet(plain(versions), Protocol::H2, script).answered;
            let seen = match answered {
                Some(Err(StreamError::Unprocessed(_))) => true,
                Some(Err(StreamError::Ended(_))) => false,
                other => panic!("{last} {error}: {other:?}"),
            };
            assert_eq!(seen, unprocessed, "{versions:?} {last} {error}");
        }
    }
}

/// Names of issuers by the thousand.
#[derive(Debug)]
struct Asks(Vec<DistinguishedName>);

impl ClientCertVerifier for Asks {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.0
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = PKI.provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// A CertificateRequest as large as they come: a list of issuers has 65,535 bytes at most (RFC 9846 section 4.2.4).
#[test]
fn thousands_of_issuers_are_heard_out() {
    for versions in [Versions::Tls12, Versions::Tls13] {
        // A sequence of 14 bytes, with its own header and the list's length before it.
        let name = |number: u16| {
            let [high, low] = number.to_be_bytes();
            let name = [
                &[0x31, 12, 0x30, 10, 6, 3, 0x55, 4, 3, 0x0c, 3, b'a'][..],
                &[high, low],
            ];
            DistinguishedName::in_sequence(&name.concat())
        };
        let verifier = Asks((0..3500).map(name).collect());
        let mut outcome = None;
        let config = config(versions, Arc::new(verifier));
        let memory = measure(|| {
            let hello = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec();
            let script = Box::new(|tls| once(tls, hello));
            outcome = Some(meet(config, Protocol::Http11, script));
        });
        let outcome = outcome.unwrap();
        assert!(
            memory.bytes_max < MEMORY,
            "{versions:?}: {} bytes",
            memory.bytes_max
        );
        assert!(outcome.handshake.unwrap().unwrap().asked, "{versions:?}");
        assert!(outcome.answered.unwrap().is_ok(), "{versions:?}");
    }
}

/// NewSessionTicket by the thousand in one flight, which rustls does not hold; what it read until then costs little.
#[test]
fn thousands_of_tickets_are_too_many() {
    let mut config = plain(Versions::Tls13);
    config.send_tls13_tickets = 5000;
    let mut outcome = None;
    let memory = measure(|| {
        let script = Box::new(|tls| once(tls, Vec::new()));
        outcome = Some(meet(config, Protocol::Http11, script));
    });
    let outcome = outcome.unwrap();
    assert!(memory.bytes_max < MEMORY, "{} bytes", memory.bytes_max);
    assert!(outcome.handshake.unwrap().is_ok());
    assert_eq!(outcome.sessions, 64);
    let error = outcome.answered.unwrap().unwrap_err();
    let full = EndReason::Tls(Error::General("message buffer full".to_owned()));
    assert_eq!(error.reason(), Some(&full));
}
