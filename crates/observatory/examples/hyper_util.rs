//! hyper-util's legacy client under the step protocol. Its pool is kept by scheme and authority, and TLS is its connector's: so
//! there is one client for each identity and trust.

mod speak;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use speak::{ByKey, Key, Step, World};

type Pool = Client<HttpsConnector<HttpConnector<Loopback>>, Full<Bytes>>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = World::enter("hyper-util");
    let mut clients = ByKey::new();
    while let Some((number, step)) = speak::next() {
        let client = clients
            .entry(step.key.clone())
            .or_insert_with(|| client(&world, &step.key));
        speak::tell(number, send(client, &step).await);
    }
}

fn client(world: &World, key: &Key) -> Pool {
    let mut tcp = HttpConnector::new_with_resolver(Loopback);
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(world, key))
        .https_only()
        .enable_all_versions()
        .wrap_connector(tcp);
    Client::builder(TokioExecutor::new()).build(connector)
}

async fn send(client: &Pool, step: &Step) -> Result<u16, String> {
    let mut request = hyper::Request::builder()
        .method(step.method.as_str())
        .uri(&step.url);
    for (name, value) in &step.headers {
        request = request.header(name, value);
    }
    let body = Full::from(step.body.clone().unwrap_or_default());
    let request = request.body(body).map_err(|error| error.to_string())?;
    let response = client
        .request(request)
        .await
        .map_err(|error| format!("{error:?}"))?;
    let status = response.status().as_u16();
    response
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok(status)
}

fn tls(world: &World, key: &Key) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    let authorities = CertificateDer::pem_file_iter(world.authorities()).expect("a file");
    roots.add_parsable_certificates(authorities.map(|it| it.expect("a certificate")));
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions that the provider has");
    let config = match key.verify {
        true => config.with_root_certificates(roots),
        false => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider))),
    };
    let Some(name) = &key.identity else {
        return config.with_no_client_auth();
    };
    let chain = CertificateDer::pem_file_iter(world.file(name, "certificate")).expect("a file");
    let chain = chain.map(|it| it.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(world.file(name, "key")).expect("a key");
    config
        .with_client_auth_cert(chain, key)
        .expect("an identity")
}

/// All names are on this machine.
#[derive(Clone)]
struct Loopback;

impl tower_service::Service<Name> for Loopback {
    type Response = std::option::IntoIter<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(Some(SocketAddr::from(([127, 0, 0, 1], 0))).into_iter()))
    }
}

/// Verifies nobody: what a step without `verify` asks for.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
