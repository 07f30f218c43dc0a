//! Does a connector connect as its one key says, and say why when it does not?

use std::{net::Ipv4Addr, sync::Arc};

use bareflight_pool_key::{
    Description, Keys,
    connect::{ConnectError, Keyed, KeyedConnector, MaybeTls},
};
use hyper::Uri;
use hyper_util::client::legacy::connect::Connection;
use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use crate::common::description;

/// A server on loopback, by its port, and a configuration that believes it to be `name`.
async fn start(name: &str, alpn: &[&[u8]]) -> (u16, ClientConfig) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let alpn: Vec<Vec<u8>> = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let mut server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server");
    server.alpn_protocols.clone_from(&alpn);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback");
    let port = listener.local_addr().expect("it listens").port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(acceptor.accept(stream).await);
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn;
    (port, config)
}

fn uri(text: &str) -> Uri {
    text.parse().expect("a URI")
}

#[tokio::test]
async fn http_is_plain_and_https_is_not() {
    let (port, config) = start("localhost", &[]).await;
    let mut connector = KeyedConnector::tcp(Arc::new(config));
    for (scheme, tls) in [("http", false), ("https", true)] {
        let connection = connector.call(uri(&format!("{scheme}://localhost:{port}/")));
        let connection = connection.await.expect("it listens");
        assert_eq!(matches!(connection, MaybeTls::Tls(_)), tls, "{scheme}");
        assert!(!connection.connected().is_negotiated_h2());
    }
}

#[tokio::test]
async fn alpn_decides_on_http_2() {
    for (protocol, h2) in [(&b"h2"[..], true), (b"http/1.1", false)] {
        let (port, config) = start("localhost", &[protocol]).await;
        let mut connector = KeyedConnector::tcp(Arc::new(config));
        let connection = connector.call(uri(&format!("https://localhost:{port}/")));
        let connected = connection.await.expect("it listens").connected();
        assert_eq!(connected.is_negotiated_h2(), h2);
    }
}

#[tokio::test]
async fn a_server_name_takes_the_place_of_the_host() {
    let (port, config) = start("api.test", &[]).await;
    let mut by_host = KeyedConnector::tcp(Arc::new(config));
    let mut by_name = by_host
        .clone()
        .with_server_name("api.test".try_into().expect("a name"));
    let to = uri(&format!("https://127.0.0.1:{port}/"));
    assert!(by_name.call(to.clone()).await.is_ok());
    let refused = by_host.call(to).await;
    assert!(matches!(refused, Err(ConnectError::Handshake { .. })));
}

#[tokio::test]
async fn an_address_is_a_name_too() {
    let (port, config) = start("127.0.0.1", &[]).await;
    let mut connector = KeyedConnector::tcp(Arc::new(config));
    let connection = connector.call(uri(&format!("https://127.0.0.1:{port}/")));
    assert!(connection.await.is_ok());
    // Nobody has to listen there: the name is what is looked at first.
    let connection = connector.call(uri("https://[::1]:1/")).await;
    assert!(!matches!(connection, Err(ConnectError::Name { .. })));
}

#[tokio::test]
async fn what_fails_says_where() {
    let (port, _) = start("localhost", &[]).await;
    // Believes another server.
    let (_, config) = start("localhost", &[]).await;
    let free = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        listener
            .expect("loopback")
            .local_addr()
            .expect("bound")
            .port()
    };
    let mut connector = KeyedConnector::tcp(Arc::new(config));
    for (to, expected) in [
        (format!("ftp://localhost:{port}/"), "neither http nor https"),
        ("/items".to_owned(), "neither http nor https"),
        ("https://a_b..test/".to_owned(), "is no name"),
        (format!("https://127.0.0.1:{free}/"), "no connection to"),
        (format!("https://localhost:{port}/"), "handshake"),
    ] {
        let error = connector.call(uri(&to)).await.err().expect("it fails");
        assert!(error.to_string().contains(expected), "{to}: {error}");
    }
}

#[test]
fn a_target_has_the_keys_of_its_description() {
    let here: Description = description(3, 1);
    let to = Keyed::new(&here, "there");
    let Keys { connection, .. } = here.keys();
    assert_eq!(
        (to.keys, to.key(), to.target),
        (here.keys(), connection, "there")
    );
    assert_ne!(Keyed::new(&description(4, 1), "there"), to);
}
