//! What does a server see of a client? One on loopback that asks for a client certificate, and answers each request with
//! the number of the connection and whose certificate came on it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A running server, and the one user that it knows.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    roots: Arc<RootCertStore>,
    alice: Certified,
}

/// A certificate that signs itself, and its key.
struct Certified {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Server {
    /// Starts it; it runs for as long as the runtime does.
    pub(crate) async fn start() -> Self {
        let [api, alice] = ["localhost", "alice"].map(Certified::new);
        let verifier = WebPkiClientVerifier::builder(alice.alone())
            .allow_unauthenticated()
            .build()
            .expect("there is a root");
        let config = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![api.certificate.clone()], api.key())
            .expect("certificate and key belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("loopback");
        let address = listener.local_addr().expect("it listens");
        tokio::spawn(async move {
            for number in 1.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(serve(acceptor.clone(), stream, number));
            }
        });
        Self {
            address,
            roots: api.alone(),
            alice,
        }
    }

    /// What a client is configured with that shows Alice's certificate to who asks, or that has none.
    pub(crate) fn client(&self, alice: bool) -> ClientConfig {
        let builder = ClientConfig::builder().with_root_certificates(Arc::clone(&self.roots));
        if !alice {
            return builder.with_no_client_auth();
        }
        let Certified { certificate, .. } = &self.alice;
        builder
            .with_client_auth_cert(vec![certificate.clone()], self.alice.key())
            .expect("certificate and key belong together")
    }

    /// Alice's certificate in DER.
    pub(crate) fn alice(&self) -> Vec<u8> {
        self.alice.certificate.to_vec()
    }
}

impl Certified {
    fn new(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        Self {
            certificate: made.cert.der().clone(),
            key: made.signing_key.serialize_der().into(),
        }
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key().into()
    }

    /// This certificate as the only one that is believed.
    fn alone(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        Arc::new(roots)
    }
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, number: u32) -> io::Result<()> {
    let stream = acceptor.accept(stream).await?;
    let who = match stream.get_ref().1.peer_certificates() {
        Some(_) => "alice",
        None => "nobody",
    };
    let answer = move |request: Request<Incoming>| async move {
        let seen = format!("{} by {who} on connection {number}", request.method());
        Ok::<_, hyper::Error>(Response::new(seen))
    };
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    served.await.map_err(io::Error::other)
}
