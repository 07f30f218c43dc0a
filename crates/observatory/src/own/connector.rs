//! How does the user agent connect? Over TCP to this machine, and with rustls.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use bareflight_handshake_driver::{
    Authority, CertifiedKey, IdentityPlan, Pki, Trust as DriverTrust,
};
use bareflight_harness::scenario::{Scenario, Trust};
use bareflight_policy::CertificateAnswer;
use bareflight_pool_key::{SessionKey, TrustId};
use bareflight_user_agent::front::{Connector, Opened, Refused};
use bareflight_user_agent::{Connect, EndReason, HeldIdentity, Send, trust};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, ClientConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::number;
use crate::error::WorldError;

/// What is sent where a cookie travels: which one is all the same.
const COOKIE: HeaderValue = HeaderValue::from_static("session=1");

/// Connects to the servers of one run.
pub(super) struct Loopback {
    provider: Arc<CryptoProvider>,
    verifies: Arc<dyn ServerCertVerifier>,
    believes: Arc<dyn ServerCertVerifier>,
    /// By the user agent's number.
    identities: Vec<Arc<CertifiedKey>>,
    configurations: Mutex<HashMap<ConfigurationOf, Arc<ClientConfig>>>,
}

/// What tells TLS configurations apart, each of which has its sessions to itself. The session key would be enough for the user agent
/// as it is; a fault may answer differently under one key.
#[derive(PartialEq, Eq, Hash)]
struct ConfigurationOf {
    session_key: SessionKey,
    trust: TrustId,
    presents: Option<HeldIdentity>,
}

impl Loopback {
    pub(super) fn new(pki: &Pki, scenario: &Scenario) -> Result<Self, WorldError> {
        let verifier = |trust: DriverTrust| trust.verifier(pki).map_err(WorldError::setup);
        let identities = scenario.identities.iter().map(|it| {
            let made = pki.identity(&IdentityPlan::new(&it.name));
            made.map_err(WorldError::setup)
        });
        Ok(Self {
            provider: Arc::clone(pki.provider()),
            verifies: verifier(DriverTrust::Authorities(vec![Authority::servers()]))?,
            believes: verifier(DriverTrust::Anyone)?,
            identities: identities.collect::<Result<_, _>>()?,
            configurations: Mutex::default(),
        })
    }

    fn configuration(&self, to: &Connect) -> Result<Arc<ClientConfig>, rustls::Error> {
        let presents = match to.answer {
            CertificateAnswer::Present => to.identity,
            _ => None,
        };
        let of = ConfigurationOf {
            session_key: to.session_key,
            trust: to.trust,
            presents,
        };
        let kept = self.configurations.lock();
        let mut kept = kept.unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&of) {
            return Ok(Arc::clone(known));
        }
        let built = Arc::new(self.build(to.trust, presents)?);
        kept.insert(of, Arc::clone(&built));
        Ok(built)
    }

    fn build(
        &self,
        trusted: TrustId,
        presents: Option<HeldIdentity>,
    ) -> Result<ClientConfig, rustls::Error> {
        let verifier = match trusted == trust(number(Trust::Verify)) {
            true => &self.verifies,
            false => &self.believes,
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(verifier));
        let identity = presents.and_then(|it| self.identities.get(it.0 as usize));
        let mut config = match identity {
            Some(identity) => {
                let identity = SingleCertAndKey::from(CertifiedKey::clone(identity));
                config.with_client_cert_resolver(Arc::new(identity))
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl Connector for Loopback {
    type Stream = TlsStream<TcpStream>;

    async fn connect(&self, to: Connect) -> Result<Opened<Self::Stream>, Refused> {
        // Whether the server asked is known to rustls alone. It matters where a user is asked to choose, or a connection of HTTP/2
        // is joined; here is neither.
        let refused = |reason| Refused {
            reason,
            asked: false,
        };
        let at = to.origin.as_str().strip_prefix("https://");
        let at = at.and_then(|it| it.rsplit_once(':'));
        let at = at.and_then(|(host, port)| {
            let name = ServerName::try_from(host.to_owned()).ok()?;
            Some((name, port.parse::<u16>().ok()?))
        });
        let (name, port) = at.ok_or(refused(EndReason::Closed))?;
        let configuration = self.configuration(&to);
        let configuration = configuration.map_err(|_| refused(EndReason::Handshake))?;
        let open = async {
            let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            socket.set_nodelay(true)?;
            TlsConnector::from(configuration)
                .connect(name, socket)
                .await
        };
        Ok(Opened {
            stream: open.await.map_err(|error| refused(reason(&error)))?,
            asked: false,
            names: Arc::default(),
        })
    }

    fn prepare(&self, send: &Send, request: &mut Request<Full<Bytes>>) {
        if send.carried.cookie {
            request.headers_mut().insert(header::COOKIE, COOKIE);
        }
    }
}

/// Why a handshake failed, as far as the user agent tells reasons apart.
fn reason(error: &io::Error) -> EndReason {
    let tls = error
        .get_ref()
        .and_then(|it| it.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => EndReason::ServerUntrusted,
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)) => {
            EndReason::CertificateRequired
        }
        Some(_) => EndReason::Handshake,
        None => EndReason::Closed,
    }
}
